/* Reading behind the writer, and keeping segments for that. */
#include <fcntl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "wal/wal_int.h"

ALLOC_TYPE(held_type, "wal_held")

/* ---- what stays ----------------------------------------------------------------------------- */

static void drop_oldest_held(struct wal *wal)
{
        char path[WAL_PATH_BYTES];

        wal_segment_path(wal, wal->held[0].number, path);
        file_discard(path);
        if (wal->held[0].number >= wal->hold)
                wal->held_lost_bytes += wal->held[0].used_bytes;
        wal->held_bytes -= wal->held[0].used_bytes;
        wal->held_count--;
        memmove(wal->held, wal->held + 1, wal->held_count * sizeof(*wal->held));
}

static void drop_unwanted(struct wal *wal)
{
        while (wal->held_count &&
               (wal->held[0].number < wal->hold ||
                (wal->held_max_bytes && wal->held_bytes > wal->held_max_bytes)))
                drop_oldest_held(wal);
}

void wal_segment_drop(struct wal *wal, uint64_t number, uint64_t used_bytes)
{
        wal->held = alloc_array_reserve(&held_type, wal->held, &wal->held_capacity,
                                        wal->held_count + 1, sizeof(*wal->held));
        wal->held[wal->held_count++] = (struct wal_held){number, used_bytes};
        wal->held_bytes += used_bytes;
        drop_unwanted(wal);
}

void wal_hold(struct wal *wal, uint64_t segment)
{
        pthread_mutex_lock(&wal->lock);
        wal->hold = segment;
        drop_unwanted(wal);
        pthread_mutex_unlock(&wal->lock);
}

/* ---- where things are; all with the lock ----------------------------------------------------- */

/* The first segment that is at least `number` and there; false when there is none. */
static bool find_segment(const struct wal *wal, uint64_t number, struct wal_held *ret)
{
        for (size_t i = 0; i < wal->held_count; i++) {
                if (wal->held[i].number < number)
                        continue;
                *ret = wal->held[i];
                return true;
        }
        for (size_t i = 0; i < wal->count; i++) {
                if (wal->segments[i].number < number)
                        continue;
                *ret = (struct wal_held){wal->segments[i].number, wal->segments[i].used_bytes};
                return true;
        }
        return false;
}

void wal_end(struct wal *wal, uint64_t *ret_segment, uint64_t *ret_offset)
{
        pthread_mutex_lock(&wal->lock);
        *ret_segment = wal->segments[wal->count - 1].number;
        *ret_offset = wal->segments[wal->count - 1].used_bytes;
        pthread_mutex_unlock(&wal->lock);
}

uint64_t wal_bytes_behind(struct wal *wal, uint64_t segment, uint64_t offset)
{
        struct wal_held at = {0};
        uint64_t bytes = 0;

        pthread_mutex_lock(&wal->lock);
        for (uint64_t number = segment; find_segment(wal, number, &at); number = at.number + 1) {
                uint64_t from = at.number == segment && offset ? offset
                                                               : WAL_SEGMENT_HEADER_BYTES;

                bytes += at.used_bytes > from ? at.used_bytes - from : 0;
        }
        pthread_mutex_unlock(&wal->lock);
        return bytes;
}

/* ---- reading -------------------------------------------------------------------------------- */

void wal_tail_init(struct wal_tail *tail, struct wal *wal, uint64_t segment, uint64_t offset)
{
        *tail = (struct wal_tail){.wal = wal, .segment = segment, .offset = offset, .fd = -1,
                                  .record = BUF_INIT(WAL_RECORD_MAX_BYTES +
                                                     2 * WAL_RECORD_HEADER_BYTES)};
}

static void close_segment(struct wal_tail *tail)
{
        if (tail->fd >= 0)
                close(tail->fd);
        tail->fd = -1;
}

void wal_tail_release(struct wal_tail *tail)
{
        close_segment(tail);
        buf_release(&tail->record);
}

/* Moves to the segment that the next record is in; false at the end. ret_used is how far that
 * segment is written. The file is opened under the lock, so that it cannot go meanwhile. */
static bool locate(struct wal_tail *tail, uint64_t *ret_used, struct error *err)
{
        char path[WAL_PATH_BYTES];
        struct wal_held at;
        uint64_t wanted = tail->segment;
        bool found;

        err->code = ERROR_NONE;
        pthread_mutex_lock(&tail->wal->lock);
        /* A segment that is written to may still grow: go on only when there is a newer one. */
        while ((found = find_segment(tail->wal, wanted, &at))) {
                if (at.number != tail->segment || tail->offset < WAL_SEGMENT_HEADER_BYTES)
                        tail->offset = WAL_SEGMENT_HEADER_BYTES;
                tail->segment = at.number;
                if (tail->offset < at.used_bytes)
                        break;
                wanted = at.number + 1;
        }
        if (found && (tail->fd < 0 || tail->open_segment != tail->segment)) {
                close_segment(tail);
                wal_segment_path(tail->wal, tail->segment, path);
                tail->fd = open(path, O_RDONLY | O_CLOEXEC);
                tail->open_segment = tail->segment;
                if (tail->fd < 0)
                        error_set(err, ERROR_IO, "open %s: %m", path);
        }
        pthread_mutex_unlock(&tail->wal->lock);
        *ret_used = found ? at.used_bytes : 0;
        return found && err->code == ERROR_NONE;
}

static bool read_bytes(struct wal_tail *tail, size_t at, size_t len)
{
        char *to;

        tail->record.len = at;
        to = buf_reserve(&tail->record, len);
        if (!to || pread(tail->fd, to, len, (off_t)(tail->offset + at)) != (ssize_t)len)
                return false;
        tail->record.len += len;
        return true;
}

/* The record at the tail's place; its length with padding, 0 when it is none. */
static size_t read_record(struct wal_tail *tail, uint64_t used)
{
        uint32_t head[3], payload_len;
        size_t checked_len;

        buf_clear(&tail->record);
        if (used - tail->offset < WAL_RECORD_HEADER_BYTES ||
            !read_bytes(tail, 0, WAL_RECORD_HEADER_BYTES))
                return 0;
        memcpy(head, tail->record.data, sizeof(head));
        payload_len = head[1];
        if (head[0] != WAL_RECORD_MAGIC || payload_len > WAL_RECORD_MAX_BYTES ||
            payload_len > used - tail->offset - WAL_RECORD_HEADER_BYTES ||
            !read_bytes(tail, WAL_RECORD_HEADER_BYTES, payload_len))
                return 0;
        checked_len = WAL_RECORD_HEADER_BYTES - WAL_CHECKED_FROM + payload_len;
        if (head[2] != wal_record_crc(tail->segment, tail->offset,
                                      (const uint8_t *)tail->record.data + WAL_CHECKED_FROM,
                                      checked_len))
                return 0;
        return wal_padded(WAL_RECORD_HEADER_BYTES + payload_len);
}

bool wal_tail_next(struct wal_tail *tail, uint8_t *ret_kind, struct str *ret_payload,
                   struct error *err)
{
        uint64_t used;

        while (locate(tail, &used, err)) {
                size_t len = read_record(tail, used);

                if (len) {
                        *ret_kind = (uint8_t)tail->record.data[WAL_CHECKED_FROM];
                        *ret_payload = str_slice(buf_str(&tail->record), WAL_RECORD_HEADER_BYTES,
                                                 tail->record.len);
                        tail->offset += len;
                        return true;
                }
                /* Of a held segment of an earlier process only the file's length is known: behind
                 * its records stand zeros. */
                tail->offset = used;
        }
        return false;
}
