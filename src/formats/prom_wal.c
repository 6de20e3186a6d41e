#include "formats/prom_wal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "codec/compress.h"
#include "codec/crc32c.h"
#include "formats/prom_block_int.h"
#include "model/sample.h"

enum { PAGE_BYTES = 32 << 10, RECORD_MAX_BYTES = 128 << 20, LABELS_MAX = 1 << 16 };
enum { SPANS_MAX = 1 << 16, BUCKETS_MAX = 1 << 20 };
/* The low bits of a fragment's kind; the next two say how the record is compressed. */
enum { FRAGMENT_NONE, FRAGMENT_FULL, FRAGMENT_FIRST, FRAGMENT_MIDDLE, FRAGMENT_LAST };
enum { FRAGMENT_MASK = 7, FRAGMENT_SNAPPY = 8, FRAGMENT_ZSTD = 16 };
enum record_kind {
        RECORD_SERIES = 1,
        RECORD_SAMPLES = 2,
        RECORD_HISTOGRAMS = 7,
        RECORD_FLOAT_HISTOGRAMS = 8,
        RECORD_CUSTOM_HISTOGRAMS = 9,
        RECORD_CUSTOM_FLOAT_HISTOGRAMS = 10,
};

static bool corrupt(struct error *err)
{
        return error_set(err, ERROR_CORRUPT, "a record makes no sense");
}

/* ---- records -------------------------------------------------------------------------------- */

static double read_float(struct reader *r)
{
        return sample_from_bits(prom_u64(r));
}

static bool read_series(struct reader *r, const struct prom_wal_handler *handler,
                        struct error *err)
{
        while (reader_left(r) && !r->failed) {
                uint64_t ref = prom_u64(r), count = reader_varint(r);
                struct arena arena;
                struct label *items;
                bool ok;

                if (r->failed || count > LABELS_MAX || count * 2 > reader_left(r))
                        return corrupt(err);
                arena_init(&arena, SIZE_MAX);
                items = arena_array(&arena, struct label, count);
                for (uint64_t i = 0; i < count; i++) {
                        items[i].name = reader_str(r, reader_varint(r));
                        items[i].value = reader_str(r, reader_varint(r));
                }
                ok = r->failed ? corrupt(err)
                               : handler->series(handler->ctx, ref,
                                                 (struct labels){items, count}, err);
                arena_release(&arena);
                if (!ok)
                        return false;
        }
        return !r->failed || corrupt(err);
}

static bool read_samples(struct reader *r, const struct prom_wal_handler *handler,
                         struct error *err)
{
        uint64_t base_ref, base_t;

        if (!reader_left(r))
                return true;
        base_ref = prom_u64(r);
        base_t = prom_u64(r);
        while (reader_left(r) && !r->failed) {
                uint64_t ref = base_ref + (uint64_t)reader_zigzag(r);
                uint64_t t = base_t + (uint64_t)reader_zigzag(r);
                double v = read_float(r);

                if (!r->failed && !handler->sample(handler->ctx, ref, (int64_t)t, v, NULL, err))
                        return false;
        }
        return !r->failed || corrupt(err);
}

static bool read_spans(struct reader *r, struct arena *arena, struct histogram_side *side)
{
        uint64_t count = reader_varint(r);
        struct histogram_span *spans;

        if (r->failed || count > SPANS_MAX || count > reader_left(r))
                return false;
        spans = arena_array(arena, struct histogram_span, count);
        for (uint64_t i = 0; i < count; i++) {
                spans[i].offset = (int32_t)reader_zigzag(r);
                spans[i].length = (uint32_t)reader_varint(r);
        }
        side->spans = spans;
        side->span_count = (uint32_t)count;
        return !r->failed;
}

static bool read_buckets(struct reader *r, struct arena *arena, bool integer,
                         struct histogram_side *side)
{
        uint64_t count = reader_varint(r), running = 0;
        double *buckets;

        if (r->failed || count > BUCKETS_MAX || count > reader_left(r))
                return false;
        buckets = arena_array(arena, double, count);
        for (uint64_t i = 0; i < count; i++) {
                if (integer)
                        running += (uint64_t)reader_zigzag(r);
                buckets[i] = integer ? (double)(int64_t)running : read_float(r);
        }
        side->buckets = buckets;
        side->bucket_count = (uint32_t)count;
        return !r->failed;
}

static bool read_bounds(struct reader *r, struct arena *arena, struct histogram *h)
{
        uint64_t count = reader_varint(r);
        double *bounds;

        if (r->failed || count > reader_left(r) / 8)
                return false;
        bounds = arena_array(arena, double, count);
        for (uint64_t i = 0; i < count; i++)
                bounds[i] = read_float(r);
        h->custom_values = bounds;
        h->custom_count = (uint32_t)count;
        return true;
}

static bool read_histogram(struct reader *r, struct arena *arena, bool integer,
                           struct histogram *h)
{
        h->integer = integer;
        h->reset = reader_u8(r) & 3;
        h->schema = (int8_t)reader_zigzag(r);
        h->zero_threshold = read_float(r);
        h->zero_count = integer ? (double)reader_varint(r) : read_float(r);
        h->count = integer ? (double)reader_varint(r) : read_float(r);
        h->sum = read_float(r);
        return read_spans(r, arena, &h->positive) && read_spans(r, arena, &h->negative) &&
               read_buckets(r, arena, integer, &h->positive) &&
               read_buckets(r, arena, integer, &h->negative) &&
               (!histogram_is_custom(h) || read_bounds(r, arena, h));
}

static bool read_histograms(struct reader *r, bool integer,
                            const struct prom_wal_handler *handler, struct error *err)
{
        uint64_t base_ref, base_t;

        if (!reader_left(r))
                return true;
        base_ref = prom_u64(r);
        base_t = prom_u64(r);
        while (reader_left(r) && !r->failed) {
                uint64_t ref = base_ref + (uint64_t)reader_zigzag(r);
                uint64_t t = base_t + (uint64_t)reader_zigzag(r);
                struct histogram h = {0};
                struct arena arena;
                bool ok;

                arena_init(&arena, SIZE_MAX);
                ok = read_histogram(r, &arena, integer, &h) || corrupt(err);
                /* A staleness marker is a float, whatever the series holds. */
                ok = ok && handler->sample(handler->ctx, ref, (int64_t)t, h.sum,
                                           sample_is_stale(h.sum) ? NULL : &h, err);
                arena_release(&arena);
                if (!ok)
                        return false;
        }
        return !r->failed || corrupt(err);
}

bool prom_wal_record(struct str record, const struct prom_wal_handler *handler,
                     struct prom_wal_stats *stats, struct error *err)
{
        struct reader r = reader_make(record.data, record.len);
        uint8_t kind = reader_u8(&r);

        stats->records++;
        switch (kind) {
        case RECORD_SERIES:
                return read_series(&r, handler, err);
        case RECORD_SAMPLES:
                return read_samples(&r, handler, err);
        case RECORD_HISTOGRAMS:
        case RECORD_CUSTOM_HISTOGRAMS:
                return read_histograms(&r, true, handler, err);
        case RECORD_FLOAT_HISTOGRAMS:
        case RECORD_CUSTOM_FLOAT_HISTOGRAMS:
                return read_histograms(&r, false, handler, err);
        default:
                stats->skipped_records++;
                return true;
        }
}

/* ---- segments ------------------------------------------------------------------------------- */

struct joining {
        struct buf parts;  /* of the record so far */
        struct buf plain;  /* uncompressed */
        const struct prom_wal_handler *handler;
        struct prom_wal_stats *stats;
};

static bool finish_record(struct joining *joining, uint8_t kind, struct error *err)
{
        struct str record = buf_str(&joining->parts);

        buf_clear(&joining->plain);
        if (kind & FRAGMENT_SNAPPY) {
                if (!compress_unsnappy(&joining->plain, record, RECORD_MAX_BYTES, err))
                        return false;
                record = buf_str(&joining->plain);
        } else if (kind & FRAGMENT_ZSTD) {
                if (!compress_unzstd(&joining->plain, record, RECORD_MAX_BYTES, err))
                        return false;
                record = buf_str(&joining->plain);
        }
        return prom_wal_record(record, joining->handler, joining->stats, err);
}

/* One fragment; false with ERROR_CORRUPT where the segment is damaged. */
static bool read_fragment(struct joining *joining, struct reader *r, struct error *err)
{
        uint8_t kind = reader_u8(r);
        const uint8_t *len_at = reader_take(r, 2);
        uint32_t crc = prom_u32(r);
        size_t len = len_at ? (size_t)len_at[0] << 8 | len_at[1] : 0;
        struct str bytes = reader_str(r, len);

        if (r->failed || crc != crc32c(0, bytes.data, bytes.len))
                return error_set(err, ERROR_CORRUPT, "a fragment fails its checksum");
        switch (kind & FRAGMENT_MASK) {
        case FRAGMENT_FULL:
        case FRAGMENT_FIRST:
                buf_clear(&joining->parts);
                break;
        case FRAGMENT_MIDDLE:
        case FRAGMENT_LAST:
                break;
        default:
                return error_set(err, ERROR_CORRUPT, "a fragment of unknown kind");
        }
        buf_append_str(&joining->parts, bytes);
        if (joining->parts.overflow)
                return error_set(err, ERROR_CORRUPT, "a record is too long");
        if ((kind & FRAGMENT_MASK) == FRAGMENT_FULL || (kind & FRAGMENT_MASK) == FRAGMENT_LAST)
                return finish_record(joining, kind, err);
        return true;
}

static bool read_segment(const char *path, struct joining *joining, struct error *err)
{
        struct file_map map;
        struct error failure;
        size_t at = 0;
        bool ok = true;

        if (!file_map_open(&map, path, err))
                return false;
        buf_clear(&joining->parts);
        while (at < map.len && ok) {
                size_t page_end = (at / PAGE_BYTES + 1) * PAGE_BYTES;
                struct reader r;

                page_end = page_end < map.len ? page_end : map.len;
                r = reader_make(map.data + at, page_end - at);
                if (map.data[at] == FRAGMENT_NONE) {
                        at = page_end;
                        continue;
                }
                ok = read_fragment(joining, &r, &failure);
                if (ok)
                        at = (size_t)(r.pos - map.data);
        }
        if (!ok && failure.code == ERROR_CORRUPT) {
                joining->stats->damaged_bytes += map.len - at;
                ok = true;
        } else if (!ok) {
                *err = failure;
        }
        file_map_close(&map);
        return ok;
}

static bool is_number(const char *name)
{
        return *name && strspn(name, "0123456789") == strlen(name);
}

/* The segments of a directory from number `from` on; names sort as numbers do. */
static bool read_segments(const char *dir, unsigned long from, struct joining *joining,
                          struct error *err)
{
        const char **names;
        struct arena arena;
        size_t count = 0;
        bool ok;

        arena_init(&arena, SIZE_MAX);
        ok = dir_list(dir, &arena, &names, &count, err);
        for (size_t i = 0; i < count && ok; i++)
                if (is_number(names[i]) && strtoul(names[i], NULL, 10) >= from)
                        ok = read_segment(arena_printf(&arena, "%s/%s", dir, names[i]), joining,
                                          err);
        arena_release(&arena);
        return ok;
}

/* The newest checkpoint stands for all segments up to its number. */
static bool read_log(const char *dir, struct arena *arena, struct joining *joining,
                     struct error *err)
{
        static const char prefix[] = "checkpoint.";
        unsigned long newest = 0;
        const char *checkpoint = NULL;
        const char **names;
        size_t count;

        if (!dir_list(dir, arena, &names, &count, err))
                return false;
        for (size_t i = 0; i < count; i++) {
                const char *number = names[i] + strlen(prefix);

                if (strncmp(names[i], prefix, strlen(prefix)) != 0 || !is_number(number) ||
                    (checkpoint && strtoul(number, NULL, 10) < newest))
                        continue;
                checkpoint = names[i];
                newest = strtoul(number, NULL, 10);
        }
        if (checkpoint && !read_segments(arena_printf(arena, "%s/%s", dir, checkpoint), 0, joining,
                                         err))
                return false;
        return read_segments(dir, checkpoint ? newest + 1 : 0, joining, err);
}

bool prom_wal_read(const char *dir, const struct prom_wal_handler *handler,
                   struct prom_wal_stats *ret_stats, struct error *err)
{
        struct prom_wal_stats stats = {0};
        struct joining joining = {.parts = BUF_INIT(RECORD_MAX_BYTES),
                                  .plain = BUF_INIT(RECORD_MAX_BYTES),
                                  .handler = handler,
                                  .stats = &stats};
        struct error failure;
        struct arena arena;
        bool ok;

        arena_init(&arena, SIZE_MAX);
        ok = read_log(dir, &arena, &joining, &failure);
        if (!ok && failure.code == ERROR_NOT_FOUND)
                ok = true;
        else if (!ok)
                *err = failure;
        arena_release(&arena);
        buf_release(&joining.parts);
        buf_release(&joining.plain);
        if (ok)
                *ret_stats = stats;
        return ok;
}
