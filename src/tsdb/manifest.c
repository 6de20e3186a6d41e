#include "tsdb/manifest_int.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/reader.h"
#include "codec/crc32c.h"

#define MAGIC "PWMANIF\3"

enum { PATH_BYTES = 4096, HEAD_BYTES = 48, MAX_BYTES = 64 << 20 };

static void serialize(struct buf *out, const struct manifest *manifest)
{
        uint64_t numbers[3] = {manifest->next_file, manifest->next_sequence, manifest->wal_first};
        uint32_t counts[4] = {manifest->next_series, manifest->part_count,
                              manifest->series_file_count, 0};
        uint32_t crc;

        buf_append(out, MAGIC, 8);
        buf_append(out, numbers, sizeof(numbers));
        buf_append(out, counts, sizeof(counts));
        buf_append(out, manifest->parts, manifest->part_count * sizeof(uint64_t));
        buf_append(out, manifest->series_files, manifest->series_file_count * sizeof(uint64_t));
        crc = crc32c(0, out->data, out->len);
        buf_append(out, &crc, sizeof(crc));
        BUG_ON(out->overflow);
}

bool manifest_write(const char *dir, const struct manifest *manifest, struct error *err)
{
        struct buf content = BUF_INIT(MAX_BYTES);
        char aside[PATH_BYTES], path[PATH_BYTES];
        struct file file = FILE_CLOSED;
        bool ok;

        snprintf(aside, sizeof(aside), "%s/MANIFEST.new", dir);
        snprintf(path, sizeof(path), "%s/MANIFEST", dir);
        serialize(&content, manifest);
        ok = file_open(&file, aside, FILE_CREATE, err) &&
             file_write_at(&file, content.data, content.len, 0, err) && file_sync(&file, err) &&
             file_rename(aside, path, err);
        file_close(&file);
        /* From here on nobody can say which of the two a crash would leave. */
        if (ok && !dir_sync(dir, err)) {
                fprintf(stderr, "fatal: sync %s after renaming its manifest\n", dir);
                abort();
        }
        buf_release(&content);
        return ok;
}

static bool parse(const struct buf *content, struct arena *arena, struct manifest *ret_manifest)
{
        struct str bytes = buf_str(content);
        struct reader r = reader_make(bytes.data, bytes.len);
        const uint8_t *magic = reader_take(&r, 8);
        struct manifest m = {0};
        const uint8_t *parts, *series_files;

        m.next_file = reader_u64(&r);
        m.next_sequence = reader_u64(&r);
        m.wal_first = reader_u64(&r);
        m.next_series = reader_u32(&r);
        m.part_count = reader_u32(&r);
        m.series_file_count = reader_u32(&r);
        reader_take(&r, 4);
        parts = reader_take(&r, (size_t)m.part_count * 8);
        series_files = reader_take(&r, (size_t)m.series_file_count * 8);
        if (r.failed || memcmp(magic, MAGIC, 8) != 0 || reader_left(&r) != 4 ||
            reader_u32(&r) != crc32c(0, content->data, content->len - 4))
                return false;
        m.parts = arena_array(arena, uint64_t, m.part_count + 1);
        memcpy(m.parts, parts, (size_t)m.part_count * 8);
        m.series_files = arena_array(arena, uint64_t, m.series_file_count + 1);
        memcpy(m.series_files, series_files, (size_t)m.series_file_count * 8);
        *ret_manifest = m;
        return true;
}

/* Whether these bytes are whole, but of another version. */
static bool is_foreign(const struct buf *content)
{
        uint32_t crc;

        if (content->len < HEAD_BYTES + sizeof(crc) || memcmp(content->data, MAGIC, 7) != 0 ||
            content->data[7] == MAGIC[7])
                return false;
        memcpy(&crc, content->data + content->len - sizeof(crc), sizeof(crc));
        return crc == crc32c(0, content->data, content->len - sizeof(crc));
}

bool manifest_read(const char *dir, struct arena *arena, struct manifest *ret_manifest,
                   struct error *err)
{
        struct buf content = BUF_INIT(MAX_BYTES);
        char path[PATH_BYTES];
        bool ok;

        snprintf(path, sizeof(path), "%s/MANIFEST", dir);
        ok = file_read_all(path, &content, err);
        if (ok && !parse(&content, arena, ret_manifest))
                ok = is_foreign(&content)
                             ? error_set(err, ERROR_UNSUPPORTED,
                                         "%s: the store is of format version %d, this program "
                                         "reads and writes version %d", path,
                                         content.data[7], MAGIC[7])
                             : error_set(err, ERROR_CORRUPT, "%s is damaged", path);
        buf_release(&content);
        return ok;
}
