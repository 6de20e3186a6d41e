#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"

ALLOC_TYPE(file_path_type, "file_path")

enum { READ_STEP_BYTES = 64 << 10 };

static _Atomic(const struct file_fault *) fault_hook;

void file_fault_set(const struct file_fault *fault)
{
        atomic_store(&fault_hook, fault);
}

static int injected(enum file_op op, const char *path, size_t *len)
{
        const struct file_fault *fault = atomic_load_explicit(&fault_hook, memory_order_relaxed);

        return LIKELY(!fault) ? 0 : fault->before(fault->ctx, op, path, len);
}

static bool fail(struct error *err, int number, const char *what, const char *path)
{
        enum error_code code = number == ENOSPC || number == EDQUOT ? ERROR_FULL
                               : number == ENOENT                   ? ERROR_NOT_FOUND
                                                                    : ERROR_IO;

        return error_set(err, code, "%s %s: %s", what, path, strerror(number));
}

bool file_open(struct file *ret_file, const char *path, enum file_mode mode, struct error *err)
{
        static const int flags[] = {O_RDONLY, O_RDWR | O_CREAT | O_TRUNC, O_RDWR | O_CREAT};
        int number = mode == FILE_READ ? 0 : injected(FILE_OP_OPEN, path, NULL);
        int fd;

        if (number)
                return fail(err, number, "open", path);
        fd = open(path, flags[mode] | O_CLOEXEC, 0640);
        if (fd < 0)
                return fail(err, errno, "open", path);
        ret_file->fd = fd;
        ret_file->path = alloc_strdup(&file_path_type, path, strlen(path));
        return true;
}

void file_close(struct file *file)
{
        if (file->fd >= 0)
                close(file->fd);
        file->fd = -1;
        file->path = alloc_free(&file_path_type, file->path);
}

bool file_write_at(struct file *file, const void *data, size_t len, uint64_t offset,
                   struct error *err)
{
        const char *bytes = data;
        size_t allowed = len, done = 0;
        int number = injected(FILE_OP_WRITE, file->path, &allowed);
        size_t goal = number ? allowed : len;

        while (done < goal) {
                ssize_t wrote = pwrite(file->fd, bytes + done, goal - done,
                                       (off_t)(offset + done));

                if (wrote < 0 && errno == EINTR)
                        continue;
                if (wrote < 0)
                        return fail(err, errno, "write", file->path);
                done += (size_t)wrote;
        }
        return number ? fail(err, number, "write", file->path) : true;
}

bool file_read_at(struct file *file, void *data, size_t len, uint64_t offset, struct error *err)
{
        char *bytes = data;

        for (size_t done = 0; done < len;) {
                ssize_t got = pread(file->fd, bytes + done, len - done, (off_t)(offset + done));

                if (got < 0 && errno == EINTR)
                        continue;
                if (got < 0)
                        return fail(err, errno, "read", file->path);
                if (got == 0)
                        return error_set(err, ERROR_CORRUPT, "read %s: ends early", file->path);
                done += (size_t)got;
        }
        return true;
}

bool file_size(const struct file *file, uint64_t *ret_bytes, struct error *err)
{
        struct stat st;

        if (fstat(file->fd, &st))
                return fail(err, errno, "stat", file->path);
        *ret_bytes = (uint64_t)st.st_size;
        return true;
}

bool file_allocate(struct file *file, uint64_t size_bytes, struct error *err)
{
        int number = injected(FILE_OP_ALLOCATE, file->path, NULL);

        if (!number && fallocate(file->fd, 0, 0, (off_t)size_bytes))
                number = errno;
        if (number == EOPNOTSUPP || number == ENOSYS)
                return file_truncate(file, size_bytes, err);
        return number ? fail(err, number, "allocate", file->path) : true;
}

bool file_truncate(struct file *file, uint64_t size_bytes, struct error *err)
{
        if (ftruncate(file->fd, (off_t)size_bytes))
                return fail(err, errno, "truncate", file->path);
        return true;
}

void file_discard(const char *path)
{
        unlink(path);
}

/* The kernel drops dirty pages it could not write, so a second sync would report success for data
 * that is gone. */
static bool sync_result(struct error *err, int number, const char *path)
{
        if (!number)
                return true;
        if (number != ENOSPC && number != EDQUOT) {
                fprintf(stderr, "fatal: sync %s: %s\n", path, strerror(number));
                abort();
        }
        return fail(err, number, "sync", path);
}

bool file_sync(struct file *file, struct error *err)
{
        int number = injected(FILE_OP_SYNC, file->path, NULL);

        if (!number && fdatasync(file->fd))
                number = errno;
        return sync_result(err, number, file->path);
}

bool file_lock(struct file *file, struct error *err)
{
        if (flock(file->fd, LOCK_EX | LOCK_NB) == 0)
                return true;
        if (errno == EWOULDBLOCK)
                return error_set(err, ERROR_EXECUTION, "%s is held by another process",
                                 file->path);
        return fail(err, errno, "lock", file->path);
}

bool file_rename(const char *from, const char *to, struct error *err)
{
        int number = injected(FILE_OP_RENAME, to, NULL);

        if (!number && rename(from, to))
                number = errno;
        return number ? fail(err, number, "rename to", to) : true;
}

bool file_remove(const char *path, struct error *err)
{
        if (unlink(path) && errno != ENOENT)
                return fail(err, errno, "remove", path);
        return true;
}

static ssize_t read_some(int fd, void *data, size_t len)
{
        ssize_t got;

        do
                got = read(fd, data, len);
        while (got < 0 && errno == EINTR);
        return got;
}

bool file_read_all(const char *path, struct buf *out, struct error *err)
{
        struct file file = FILE_CLOSED;
        bool too_large = false;
        ssize_t got;

        if (!file_open(&file, path, FILE_READ, err))
                return false;
        do {
                size_t room = out->max_bytes - out->len;
                size_t step = room > READ_STEP_BYTES ? READ_STEP_BYTES : room;
                char *tail = buf_reserve(out, step), beyond;

                got = read_some(file.fd, step ? tail : &beyond, step ? step : 1);
                too_large = !step && got > 0;
                out->len += got > 0 && step ? (size_t)got : 0;
        } while (got > 0 && !too_large);
        if (out->data)
                out->data[out->len] = '\0';
        if (got < 0)
                error_set(err, ERROR_IO, "cannot read %s: %m", path);
        file_close(&file);
        if (too_large)
                return error_set(err, ERROR_LIMIT, "%s is larger than %zu bytes", path,
                                 out->max_bytes);
        return got == 0;
}

bool file_map_open(struct file_map *ret_map, const char *path, struct error *err)
{
        struct file file = FILE_CLOSED;
        uint64_t size = 0;
        void *data = NULL;
        bool ok;

        if (!file_open(&file, path, FILE_READ, err))
                return false;
        ok = file_size(&file, &size, err);
        if (ok && size) {
                data = mmap(NULL, size, PROT_READ, MAP_SHARED, file.fd, 0);
                ok = data != MAP_FAILED || fail(err, errno, "map", path);
        }
        file_close(&file);
        if (ok)
                *ret_map = (struct file_map){data, size};
        return ok;
}

void file_map_close(struct file_map *map)
{
        if (map->data)
                munmap((void *)(uintptr_t)map->data, map->len);
        *map = (struct file_map){0};
}

bool dir_make(const char *path, struct error *err)
{
        char *copy = alloc_strdup(&file_path_type, path, strlen(path));
        int number = 0;

        for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                if (mkdir(copy, 0750) && errno != EEXIST)
                        number = errno;
                *slash = '/';
        }
        if (!number && mkdir(copy, 0750) && errno != EEXIST)
                number = errno;
        alloc_free(&file_path_type, copy);
        return number ? fail(err, number, "make directory", path) : true;
}

bool dir_sync(const char *path, struct error *err)
{
        int number = injected(FILE_OP_SYNC, path, NULL);
        int fd;

        if (number)
                return sync_result(err, number, path);
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return fail(err, errno, "open", path);
        if (fsync(fd))
                number = errno;
        close(fd);
        return sync_result(err, number, path);
}

static int by_name(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool dir_list(const char *path, struct arena *arena, const char ***ret_names, size_t *ret_count,
              struct error *err)
{
        DIR *dir = opendir(path);
        const char **names;
        size_t count = 0, at = 0;

        if (!dir)
                return fail(err, errno, "open", path);
        while (readdir(dir))
                count++;
        rewinddir(dir);
        names = arena_array(arena, const char *, count + 1);
        for (struct dirent *entry; at < count && (entry = readdir(dir));)
                if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                        names[at++] = arena_str(arena, str_from(entry->d_name)).data;
        closedir(dir);
        qsort(names, at, sizeof(*names), by_name);
        *ret_names = names;
        *ret_count = at;
        return true;
}
