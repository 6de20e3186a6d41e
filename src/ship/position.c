#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "codec/crc32c.h"
#include "ship/queue_int.h"

enum { TEXT_MAX_BYTES = 256, PATH_BYTES = 4096 };

/* One line: segment, offset, and their checksum. */
bool position_read(const char *path, struct feed_position *ret_position)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(TEXT_MAX_BYTES);
        uint64_t numbers[2];
        unsigned crc;

        if (!file_read_all(path, &text, NULL) || !text.data ||
            sscanf(text.data, "%" SCNu64 " %" SCNu64 " %x", &numbers[0], &numbers[1], &crc) != 3 ||
            crc != crc32c(0, numbers, sizeof(numbers)))
                return false;
        *ret_position = (struct feed_position){numbers[0], numbers[1]};
        return true;
}

bool position_write(const char *path, struct feed_position position, struct error *err)
{
        uint64_t numbers[2] = {position.segment, position.offset};
        char fresh[PATH_BYTES], text[TEXT_MAX_BYTES];
        struct file file;
        int len = snprintf(text, sizeof(text), "%" PRIu64 " %" PRIu64 " %08x\n", numbers[0],
                           numbers[1], crc32c(0, numbers, sizeof(numbers)));
        bool ok;

        snprintf(fresh, sizeof(fresh), "%s.new", path);
        if (!file_open(&file, fresh, FILE_CREATE, err))
                return false;
        ok = file_write_at(&file, text, (size_t)len, 0, err);
        file_close(&file);
        return ok && file_rename(fresh, path, err);
}
