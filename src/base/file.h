/* base/file.h - files and directories as the stores use them, with a place to inject faults.
 *
 * Errors: ERROR_FULL when the disk is full or over quota (ENOSPC, EDQUOT), ERROR_NOT_FOUND when
 * there is no such file, ERROR_IO for the rest. A failed sync is different: after it nobody knows
 * what is on the disk, so except for a full disk file_sync and dir_sync abort the process.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

struct file {
        int fd;     /* -1: closed */
        char *path;
};

#define FILE_CLOSED ((struct file){.fd = -1})

enum file_mode {
        FILE_READ,   /* must exist */
        FILE_CREATE, /* read and write, emptied if it exists */
        FILE_UPDATE, /* read and write, created when absent, contents kept */
};

NODISCARD bool file_open(struct file *ret_file, const char *path, enum file_mode mode,
                         struct error *err);
void file_close(struct file *file); /* may be closed already */

/* All of it or an error; after an error any part may have been written. */
NODISCARD bool file_write_at(struct file *file, const void *data, size_t len, uint64_t offset,
                             struct error *err);
NODISCARD bool file_read_at(struct file *file, void *data, size_t len, uint64_t offset,
                            struct error *err); /* ERROR_CORRUPT when the file ends before */
NODISCARD bool file_size(const struct file *file, uint64_t *ret_bytes, struct error *err);
/* Reserves disk blocks for [0, size) and makes the file that long. Where the file system cannot
 * reserve, only the length is set. */
NODISCARD bool file_allocate(struct file *file, uint64_t size_bytes, struct error *err);
NODISCARD bool file_truncate(struct file *file, uint64_t size_bytes, struct error *err);
NODISCARD bool file_sync(struct file *file, struct error *err); /* fdatasync */
/* One process may hold the lock; ERROR_EXECUTION when another does. Ends with the file. */
NODISCARD bool file_lock(struct file *file, struct error *err);

NODISCARD bool file_rename(const char *from, const char *to, struct error *err);
NODISCARD bool file_remove(const char *path, struct error *err); /* absent is fine */
void file_discard(const char *path); /* removes it if that works; for what nobody needs */
/* Appends everything to out, also of a pipe or a file of /proc; ERROR_LIMIT when that is more
 * than out's maximum. */
NODISCARD bool file_read_all(const char *path, struct buf *out, struct error *err);

/* A read-only mapping of a whole file. */
struct file_map {
        const uint8_t *data; /* NULL when len is 0 */
        size_t len;
};

NODISCARD bool file_map_open(struct file_map *ret_map, const char *path, struct error *err);
void file_map_close(struct file_map *map);

NODISCARD bool dir_make(const char *path, struct error *err); /* with its parents */
NODISCARD bool dir_sync(const char *path, struct error *err);
/* Names in the directory, sorted, without . and .., in the arena. */
NODISCARD bool dir_list(const char *path, struct arena *arena, const char ***ret_names,
                        size_t *ret_count, struct error *err);

/* Fault injection: asked before every operation that changes the disk. Returns an errno to fail
 * with, or 0 to go on; of a write it may let the first *len bytes through before it fails. Set it
 * only while no other thread uses files; NULL takes it away. */
enum file_op { FILE_OP_OPEN, FILE_OP_WRITE, FILE_OP_ALLOCATE, FILE_OP_SYNC, FILE_OP_RENAME };

struct file_fault {
        int (*before)(void *ctx, enum file_op op, const char *path, size_t *len);
        void *ctx;
};

void file_fault_set(const struct file_fault *fault);

#endif
