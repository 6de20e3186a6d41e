/* The only place that reads /proc and /sys. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "collectors/host_int.h"

enum { FILE_MAX_BYTES = 4 << 20, READ_STEP_BYTES = 16 << 10 };

static const char *proc_root = "/proc", *sys_root = "/sys";

void host_set_roots(const char *proc, const char *sys)
{
        proc_root = proc;
        sys_root = sys;
}

static bool is_under(const char *path, const char *root)
{
        size_t len = strlen(root);

        return strncmp(path, root, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

bool host_path(char ret_path[HOST_PATH_MAX], const char *path)
{
        const char *root = "";
        int len;

        if (is_under(path, "/proc")) {
                root = proc_root;
                path += strlen("/proc");
        } else if (is_under(path, "/sys")) {
                root = sys_root;
                path += strlen("/sys");
        }
        len = snprintf(ret_path, HOST_PATH_MAX, "%s%s", root, path);
        return len > 0 && len < HOST_PATH_MAX;
}

/* All of the file, which it closes. An attribute of /sys comes in one piece; /proc hands out a page
 * or a line at a time. */
static bool read_all(struct buf *text, int fd, bool in_one_piece, const char *name,
                     struct error *err)
{
        ssize_t got;

        text->max_bytes = FILE_MAX_BYTES;
        buf_clear(text);
        do {
                char *room = buf_reserve(text, READ_STEP_BYTES);

                got = room ? read(fd, room, READ_STEP_BYTES) : 0;
                text->len += got > 0 ? (size_t)got : 0;
        } while (got > 0 && (!in_one_piece || got == READ_STEP_BYTES));
        if (got < 0)
                error_set(err, ERROR_IO, "%s: %m", name);
        close(fd);
        if (text->data)
                text->data[text->len] = '\0';
        return got >= 0;
}

bool host_read(struct buf *text, const char *path, struct error *err)
{
        char real[HOST_PATH_MAX];
        int fd;

        if (!host_path(real, path))
                return error_set(err, ERROR_INVALID, "%s: too long", path);
        fd = open(real, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0)
                return error_set(err, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_IO, "%s: %m", real);
        return read_all(text, fd, is_under(path, "/sys"), real, err);
}

int host_open_dir(const char *dir)
{
        char real[HOST_PATH_MAX];

        return host_path(real, dir) ? open(real, O_RDONLY | O_CLOEXEC | O_DIRECTORY) : -1;
}

bool host_attribute_at(struct buf *text, int dir, const char *name, struct str *ret_value)
{
        int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

        if (fd < 0 || !read_all(text, fd, true, name, NULL))
                return false;
        *ret_value = str_trim(buf_str(text));
        return true;
}

bool host_attribute(struct buf *text, const char *dir, const char *name, struct str *ret_value,
                    struct error *err)
{
        char path[HOST_PATH_MAX];

        if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= HOST_PATH_MAX)
                return error_set(err, ERROR_INVALID, "%s/%s: too long", dir, name);
        if (!host_read(text, path, err))
                return false;
        *ret_value = str_trim(buf_str(text));
        return true;
}

bool host_attribute_uint(struct buf *text, const char *dir, const char *name, uint64_t *ret_value,
                         struct error *err)
{
        struct str value = STR_LIT("");

        if (!host_attribute(text, dir, name, &value, err))
                return false;
        return host_parse_uint(value, ret_value) ||
               error_set(err, ERROR_INVALID, "%s/%s: not a number", dir, name);
}

static bool is_numbered(const char *name, const char *prefix)
{
        size_t len = strlen(prefix);

        return strncmp(name, prefix, len) == 0 && name[len] >= '0' && name[len] <= '9';
}

bool host_list(struct arena *arena, const char *dir, const char *prefix, const char ***ret_names,
               size_t *ret_count, struct error *err)
{
        char path[HOST_PATH_MAX];
        const char **names;
        size_t count, kept = 0;

        if (!host_path(path, dir))
                return error_set(err, ERROR_INVALID, "%s: too long", dir);
        if (!dir_list(path, arena, &names, &count, err))
                return false;
        for (size_t i = 0; i < count; i++)
                if (!prefix || is_numbered(names[i], prefix))
                        names[kept++] = names[i];
        *ret_names = names;
        *ret_count = kept;
        return true;
}
