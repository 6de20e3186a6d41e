/* Writing segments. One mutex guards the append position and the list of segments; fdatasync runs
 * without it, by one thread at a time (`syncing`). */
#include "wal/wal_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"

ALLOC_TYPE(wal_type, "wal")

void wal_segment_path(const struct wal *wal, uint64_t number, char *path)
{
        snprintf(path, WAL_PATH_BYTES, "%s/%016" PRIx64 ".wal", wal->dir, number);
}

static bool parse_name(const char *name, uint64_t *ret_number)
{
        char *end;

        if (strlen(name) != 20 || strcmp(name + 16, ".wal") != 0)
                return false;
        *ret_number = strtoull(name, &end, 16);
        return end == name + 16 && *ret_number > 0;
}

static bool segment_create(struct wal *wal, uint64_t number, struct wal_segment *ret,
                           struct error *err)
{
        uint8_t header[WAL_SEGMENT_HEADER_BYTES] = WAL_SEGMENT_MAGIC;
        struct wal_segment made = {.number = number, .used_bytes = sizeof(header),
                               .file = FILE_CLOSED};
        char path[WAL_PATH_BYTES];

        wal_segment_path(wal, number, path);
        memcpy(header + 8, &number, sizeof(number));
        if (!file_open(&made.file, path, FILE_CREATE, err))
                return false;
        if (file_allocate(&made.file, wal->segment_bytes, err) &&
            file_write_at(&made.file, header, sizeof(header), 0, err) &&
            file_sync(&made.file, err) && dir_sync(wal->dir, err)) {
                *ret = made;
                return true;
        }
        file_close(&made.file);
        file_discard(path);
        return false;
}

static void push_segment(struct wal *wal, struct wal_segment segment)
{
        wal->segments = alloc_array_reserve(&wal_type, wal->segments, &wal->capacity,
                                            wal->count + 1, sizeof(segment));
        wal->segments[wal->count++] = segment;
        wal->closed = false;
}

/* Makes the last segment one with room for `len` more bytes. A group larger than a segment goes
 * alone into a fresh one, which grows. */
static bool make_room(struct wal *wal, size_t len, struct error *err)
{
        struct wal_segment *last = wal->count ? &wal->segments[wal->count - 1] : NULL;
        struct wal_segment made;

        if (last && !wal->closed && last->file.fd >= 0 &&
            (last->used_bytes + len <= wal->segment_bytes ||
             last->used_bytes == WAL_SEGMENT_HEADER_BYTES))
                return true;
        if (wal->spare.number) {
                push_segment(wal, wal->spare);
                wal->spare.number = 0;
                return true;
        }
        if (!segment_create(wal, wal->next_number, &made, err))
                return false;
        wal->next_number++;
        push_segment(wal, made);
        return true;
}

size_t wal_record_begin(struct buf *group, uint8_t kind)
{
        uint8_t header[WAL_RECORD_HEADER_BYTES] = {0};
        uint32_t magic = WAL_RECORD_MAGIC;
        size_t begin = group->len;

        memcpy(header, &magic, sizeof(magic));
        header[WAL_CHECKED_FROM] = kind;
        buf_append(group, header, sizeof(header));
        return begin;
}

void wal_record_end(struct buf *group, size_t begin)
{
        static const char zeros[WAL_ALIGNMENT];
        size_t payload_len = group->len - begin - WAL_RECORD_HEADER_BYTES;
        uint32_t stored = (uint32_t)payload_len;

        BUG_ON(group->overflow || payload_len > WAL_RECORD_MAX_BYTES);
        memcpy(group->data + begin + 4, &stored, sizeof(stored));
        buf_append(group, zeros, wal_padded(payload_len) - payload_len);
        BUG_ON(group->overflow);
}

struct str wal_record_payload(const struct buf *group, size_t *at)
{
        const char *record = group->data + *at;
        uint32_t payload_len;

        memcpy(&payload_len, record + 4, sizeof(payload_len));
        *at += wal_padded(WAL_RECORD_HEADER_BYTES + payload_len);
        return str_make(record + WAL_RECORD_HEADER_BYTES, payload_len);
}

static void fill_checksums(struct buf *group, uint64_t segment, uint64_t offset)
{
        for (size_t at = 0; at < group->len;) {
                uint8_t *record = (uint8_t *)group->data + at;
                uint32_t payload_len, crc;

                memcpy(&payload_len, record + 4, sizeof(payload_len));
                crc = wal_record_crc(segment, offset + at, record + WAL_CHECKED_FROM,
                                     WAL_RECORD_HEADER_BYTES - WAL_CHECKED_FROM + payload_len);
                memcpy(record + 8, &crc, sizeof(crc));
                at += wal_padded(WAL_RECORD_HEADER_BYTES + payload_len);
        }
}

static bool append_locked(struct wal *wal, struct buf *group, struct error *err)
{
        struct wal_segment *last;

        if (!make_room(wal, group->len, err))
                return false;
        last = &wal->segments[wal->count - 1];
        fill_checksums(group, last->number, last->used_bytes);
        if (!file_write_at(&last->file, group->data, group->len, last->used_bytes, err)) {
                /* Whole records of a group that was refused must not be found at replay. */
                wal->closed = true;
                if (!file_truncate(&last->file, last->used_bytes, NULL)) {
                        fprintf(stderr, "fatal: cannot cut %s\n", last->file.path);
                        abort();
                }
                return false;
        }
        last->used_bytes += group->len;
        wal->position += group->len;
        return true;
}

bool wal_append(struct wal *wal, struct buf *group, uint64_t *ret_position, struct error *err)
{
        bool ok;

        pthread_mutex_lock(&wal->lock);
        ok = append_locked(wal, group, err);
        if (ok)
                *ret_position = wal->position;
        pthread_mutex_unlock(&wal->lock);
        return ok;
}

/* Called with the lock, gives it up meanwhile. `syncing` keeps the segments in place: only
 * wal_drop_before removes any, and it waits. */
static bool sync_segments(struct wal *wal, struct error *err)
{
        size_t from = wal->unsynced, to = wal->count;
        uint64_t goal = wal->position;
        int64_t begin_ns = clock_mono_ns(&clock_real), took_ns;
        bool ok = true;

        for (size_t i = from; ok && i < to; i++) {
                struct file file = wal->segments[i].file;

                if (file.fd < 0)
                        continue;
                pthread_mutex_unlock(&wal->lock);
                ok = file_sync(&file, err);
                pthread_mutex_lock(&wal->lock);
        }
        took_ns = clock_mono_ns(&clock_real) - begin_ns;
        wal->syncs++;
        if (took_ns > wal->sync_max_ns)
                wal->sync_max_ns = took_ns;
        if (!ok)
                return false;
        wal->synced_position = goal;
        for (size_t i = from; i + 1 < to; i++)
                file_close(&wal->segments[i].file);
        wal->unsynced = to ? to - 1 : 0;
        return true;
}

/* Called with the lock, gives it up meanwhile. */
static bool prepare_spare(struct wal *wal, struct error *err)
{
        uint64_t number = wal->next_number;
        char path[WAL_PATH_BYTES];
        struct wal_segment made;
        bool ok;

        if (wal->spare.number)
                return true;
        wal->next_number++;
        pthread_mutex_unlock(&wal->lock);
        ok = segment_create(wal, number, &made, err);
        pthread_mutex_lock(&wal->lock);
        if (!ok)
                return false;
        if (!wal->spare.number && wal->segments[wal->count - 1].number < number) {
                wal->spare = made;
                return true;
        }
        file_close(&made.file);
        wal_segment_path(wal, number, path);
        file_discard(path);
        return true;
}

bool wal_prepare(struct wal *wal, struct error *err)
{
        bool ok;

        pthread_mutex_lock(&wal->lock);
        ok = prepare_spare(wal, err);
        pthread_mutex_unlock(&wal->lock);
        return ok;
}

bool wal_sync(struct wal *wal, uint64_t position, struct error *err)
{
        bool ok = true;

        pthread_mutex_lock(&wal->lock);
        if (position == UINT64_MAX)
                position = wal->position;
        while (ok && wal->synced_position < position) {
                if (wal->syncing) {
                        pthread_cond_wait(&wal->synced, &wal->lock);
                        continue;
                }
                wal->syncing = true;
                ok = sync_segments(wal, err);
                wal->syncing = false;
                pthread_cond_broadcast(&wal->synced);
        }
        pthread_mutex_unlock(&wal->lock);
        return ok;
}

bool wal_cut(struct wal *wal, uint64_t *ret_segment, struct error *err)
{
        bool ok;

        pthread_mutex_lock(&wal->lock);
        wal->closed = true;
        ok = make_room(wal, 0, err);
        if (ok)
                *ret_segment = wal->segments[wal->count - 1].number;
        pthread_mutex_unlock(&wal->lock);
        return ok;
}

void wal_drop_before(struct wal *wal, uint64_t segment)
{
        size_t drop = 0;

        pthread_mutex_lock(&wal->lock);
        while (wal->syncing)
                pthread_cond_wait(&wal->synced, &wal->lock);
        while (drop < wal->count && wal->segments[drop].number < segment) {
                file_close(&wal->segments[drop].file);
                wal_segment_drop(wal, wal->segments[drop].number, wal->segments[drop].used_bytes);
                drop++;
        }
        wal->count -= drop;
        memmove(wal->segments, wal->segments + drop, wal->count * sizeof(*wal->segments));
        wal->unsynced = wal->unsynced > drop ? wal->unsynced - drop : 0;
        pthread_mutex_unlock(&wal->lock);
}

void wal_stats(struct wal *wal, struct wal_stats *ret_stats)
{
        struct wal_stats stats = {0};

        pthread_mutex_lock(&wal->lock);
        stats.segments = wal->count;
        for (size_t i = 0; i < wal->count; i++)
                stats.bytes += wal->segments[i].used_bytes;
        stats.held_bytes = wal->held_bytes;
        stats.held_lost_bytes = wal->held_lost_bytes;
        stats.syncs = wal->syncs;
        stats.sync_max_ns = wal->sync_max_ns;
        pthread_mutex_unlock(&wal->lock);
        *ret_stats = stats;
}

/* Reads one segment of an earlier process, cuts a torn tail, and makes sure that what it holds is
 * on the disk: the process that wrote it may have had no time to. */
static bool replay_segment(struct wal *wal, uint64_t number, bool last,
                           const struct wal_visitor *visitor, struct error *err)
{
        struct wal_segment segment = {.number = number, .file = FILE_CLOSED};
        struct file_map map = {0};
        struct file file = FILE_CLOSED;
        char path[WAL_PATH_BYTES];
        bool ok;

        wal_segment_path(wal, number, path);
        if (!file_map_open(&map, path, err))
                return false;
        segment.used_bytes = wal_scan(map.data, map.len, number, last, visitor);
        ok = file_open(&file, path, FILE_UPDATE, err) &&
             (!last || segment.used_bytes >= map.len ||
              file_truncate(&file, segment.used_bytes, err)) &&
             file_sync(&file, err);
        file_close(&file);
        file_map_close(&map);
        push_segment(wal, segment);
        return ok;
}

/* Whether anything was ever appended to the segment. */
static bool segment_has_bytes(const struct wal *wal, uint64_t number)
{
        uint8_t first[WAL_RECORD_HEADER_BYTES] = {0};
        static const uint8_t zeros[WAL_RECORD_HEADER_BYTES];
        struct file file = FILE_CLOSED;
        char path[WAL_PATH_BYTES];
        bool found;

        wal_segment_path(wal, number, path);
        if (!file_open(&file, path, FILE_READ, NULL))
                return false;
        found = file_read_at(&file, first, sizeof(first), WAL_SEGMENT_HEADER_BYTES, NULL) &&
                memcmp(first, zeros, sizeof(zeros)) != 0;
        file_close(&file);
        return found;
}

/* A segment that is no longer replayed but may have to be passed on. */
static bool keep_held(struct wal *wal, uint64_t number, struct error *err)
{
        struct file file = FILE_CLOSED;
        char path[WAL_PATH_BYTES];
        uint64_t bytes;
        bool ok;

        wal_segment_path(wal, number, path);
        ok = file_open(&file, path, FILE_READ, err) && file_size(&file, &bytes, err);
        file_close(&file);
        if (ok)
                wal_segment_drop(wal, number, bytes);
        return ok;
}

static bool replay(struct wal *wal, uint64_t first, const struct wal_visitor *visitor,
                   struct error *err)
{
        const char **names;
        uint64_t number, newest = 0;
        struct arena arena;
        size_t count;
        bool ok;

        arena_init(&arena, SIZE_MAX);
        ok = dir_list(wal->dir, &arena, &names, &count, err);
        for (size_t i = ok ? count : 0; i-- > 0 && !newest;)
                if (parse_name(names[i], &number) && segment_has_bytes(wal, number))
                        newest = number;
        for (size_t i = 0; ok && i < count; i++) {
                char path[WAL_PATH_BYTES];

                if (!parse_name(names[i], &number))
                        continue;
                if (number >= wal->next_number)
                        wal->next_number = number + 1;
                wal_segment_path(wal, number, path);
                if (number < first && number >= wal->hold)
                        ok = keep_held(wal, number, err);
                else if (number < first || number > newest)
                        file_discard(path);
                else
                        ok = replay_segment(wal, number, number == newest, visitor, err);
        }
        arena_release(&arena);
        return ok;
}

bool wal_open(struct wal **ret_wal, const struct wal_options *options,
              const struct wal_visitor *visitor, struct error *err)
{
        struct wal *wal = alloc_new(&wal_type, sizeof(*wal));
        struct wal_segment made;

        wal->dir = alloc_strdup(&wal_type, options->dir, strlen(options->dir));
        wal->segment_bytes = options->segment_bytes;
        wal->next_number = options->first_segment ? options->first_segment : 1;
        wal->hold = options->held_segment ? options->held_segment : UINT64_MAX;
        wal->held_max_bytes = options->held_max_bytes;
        pthread_mutex_init(&wal->lock, NULL);
        pthread_cond_init(&wal->synced, NULL);
        if (!replay(wal, options->first_segment, visitor, err) ||
            !segment_create(wal, wal->next_number, &made, err)) {
                wal_close(wal);
                return false;
        }
        wal->next_number++;
        wal->unsynced = wal->count;
        push_segment(wal, made);
        *ret_wal = wal;
        return true;
}

/* Reserved room is given back; where that fails it stays reserved. */
static void close_segment(const struct wal *wal, struct wal_segment *segment)
{
        char path[WAL_PATH_BYTES];
        bool trimmed = false;

        if (segment->used_bytes == WAL_SEGMENT_HEADER_BYTES && segment->file.fd >= 0) {
                wal_segment_path(wal, segment->number, path);
                file_discard(path);
        } else if (segment->file.fd >= 0) {
                trimmed = file_truncate(&segment->file, segment->used_bytes, NULL);
        }
        (void)trimmed;
        file_close(&segment->file);
}

struct wal *wal_close(struct wal *wal)
{
        if (!wal)
                return NULL;
        for (size_t i = 0; i < wal->count; i++)
                close_segment(wal, &wal->segments[i]);
        if (wal->spare.number)
                close_segment(wal, &wal->spare);
        pthread_mutex_destroy(&wal->lock);
        pthread_cond_destroy(&wal->synced);
        alloc_free(&wal_type, wal->segments);
        alloc_free(&wal_type, wal->held);
        alloc_free(&wal_type, wal->dir);
        return alloc_free(&wal_type, wal);
}
