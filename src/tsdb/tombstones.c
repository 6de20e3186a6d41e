#include "tsdb/tombstones_int.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/reader.h"
#include "codec/compress.h"
#include "codec/crc32c.h"
#include "codec/varint.h"

ALLOC_TYPE(tombstone_type, "tsdb_tombstones")

#define MAGIC "PWTOMB\0\1"

enum { PATH_BYTES = 4096, HEAD_BYTES = 16, MAX_BYTES = 1 << 30 };

struct tombstones *tombstones_ref(struct tombstones *tombstones)
{
        if (tombstones)
                atomic_fetch_add(&tombstones->references, 1);
        return tombstones;
}

struct tombstones *tombstones_unref(struct tombstones *tombstones)
{
        if (!tombstones || atomic_fetch_sub(&tombstones->references, 1) != 1)
                return NULL;
        for (size_t i = 0; i < tombstones->count; i++)
                roaring_bitmap_free(tombstones->items[i].series);
        alloc_free(&tombstone_type, tombstones->items);
        return alloc_free(&tombstone_type, tombstones);
}

struct tombstones *tombstones_make(const struct tombstones *old,
                                   bool (*keep)(void *ctx, const struct tombstone *item),
                                   void *ctx, const struct tombstone *more)
{
        struct tombstones *made = alloc_new(&tombstone_type, sizeof(*made));
        size_t old_count = old ? old->count : 0;

        atomic_init(&made->references, 1);
        made->items = alloc_new(&tombstone_type, (old_count + 1) * sizeof(*made->items));
        for (size_t i = 0; i < old_count; i++) {
                struct tombstone item = old->items[i];

                if (keep && !keep(ctx, &item))
                        continue;
                item.series = roaring_bitmap_copy(item.series);
                made->items[made->count++] = item;
        }
        if (more)
                made->items[made->count++] = *more;
        return made->count ? made : tombstones_unref(made);
}

/* ---- applying ------------------------------------------------------------------------------ */

static bool concerns_part(const struct tombstone *item, const struct part *part)
{
        return part->head.last_sequence < item->sequence && part->min_t_ms <= item->maxt_ms &&
               part->max_t_ms >= item->mint_ms;
}

bool tombstones_touch_part(const struct tombstones *tombstones, const struct part *part)
{
        for (size_t i = 0; tombstones && i < tombstones->count; i++) {
                const struct tombstone *item = &tombstones->items[i];

                if (!concerns_part(item, part))
                        continue;
                for (size_t b = 0; b < part->block_count; b++)
                        if ((!b || part->series[b] != part->series[b - 1]) &&
                            roaring_bitmap_contains(item->series, part->series[b]))
                                return true;
        }
        return false;
}

bool tombstones_cover(const struct tombstones *tombstones, const struct part *part,
                      uint32_t series, int64_t mint_ms, int64_t maxt_ms)
{
        if (mint_ms < part->min_t_ms)
                mint_ms = part->min_t_ms;
        if (maxt_ms > part->max_t_ms)
                maxt_ms = part->max_t_ms;
        for (size_t i = 0; tombstones && i < tombstones->count; i++) {
                const struct tombstone *item = &tombstones->items[i];

                if (concerns_part(item, part) && item->mint_ms <= mint_ms &&
                    item->maxt_ms >= maxt_ms && roaring_bitmap_contains(item->series, series))
                        return true;
        }
        return false;
}

void tombstones_apply(const struct tombstones *tombstones, const struct part *part,
                      uint32_t series, struct samples *samples, size_t from)
{
        for (size_t i = 0; tombstones && i < tombstones->count; i++) {
                const struct tombstone *item = &tombstones->items[i];
                size_t kept = from;

                if (!concerns_part(item, part) || !roaring_bitmap_contains(item->series, series))
                        continue;
                for (size_t s = from; s < samples->count; s++)
                        if (samples->t_ms[s] < item->mint_ms || samples->t_ms[s] > item->maxt_ms)
                                samples_move(samples, kept++, s);
                samples_truncate(samples, kept);
        }
}

/* ---- the file ------------------------------------------------------------------------------ */

/* Runs of ids that follow each other: how targets' series lie. */
struct run {
        uint32_t first, count;
};

static bool next_run(roaring_uint32_iterator_t *each, struct run *ret_run)
{
        if (!each->has_value)
                return false;
        *ret_run = (struct run){each->current_value, 0};
        do {
                ret_run->count++;
                roaring_advance_uint32_iterator(each);
        } while (each->has_value && each->current_value == ret_run->first + ret_run->count);
        return true;
}

static void put_series(struct buf *out, const roaring_bitmap_t *series)
{
        roaring_uint32_iterator_t *each = roaring_create_iterator(series);
        struct buf runs = BUF_INIT(MAX_BYTES);
        uint64_t count = 0, behind = 0;
        struct run run;

        for (; next_run(each, &run); count++) {
                varint_append(&runs, run.first - behind);
                varint_append(&runs, run.count);
                behind = (uint64_t)run.first + run.count;
        }
        varint_append(out, count);
        buf_append_str(out, buf_str(&runs));
        roaring_free_uint32_iterator(each);
        buf_release(&runs);
}

static void serialize(struct buf *out, const struct tombstones *tombstones)
{
        struct buf plain = BUF_INIT(MAX_BYTES);
        uint8_t head[HEAD_BYTES] = MAGIC, *at;

        for (size_t i = 0; tombstones && i < tombstones->count; i++) {
                const struct tombstone *item = &tombstones->items[i];

                varint_append(&plain, varint_zigzag(item->mint_ms));
                varint_append(&plain, varint_zigzag(item->maxt_ms));
                varint_append(&plain, item->sequence);
                put_series(&plain, item->series);
        }
        buf_append(out, head, sizeof(head));
        compress_zstd(out, buf_str(&plain), 1);
        at = varint_put_u32(head + 8, (uint32_t)(out->len - HEAD_BYTES));
        varint_put_u32(at, crc32c(0, out->data + HEAD_BYTES, out->len - HEAD_BYTES));
        memcpy(out->data, head, sizeof(head));
        buf_release(&plain);
}

bool tombstones_save(const char *dir, const struct tombstones *tombstones, struct error *err)
{
        struct buf content = BUF_INIT(MAX_BYTES);
        char aside[PATH_BYTES], path[PATH_BYTES];
        struct file file = FILE_CLOSED;
        bool ok;

        snprintf(aside, sizeof(aside), "%s/tombstones.new", dir);
        snprintf(path, sizeof(path), "%s/tombstones", dir);
        serialize(&content, tombstones);
        ok = file_open(&file, aside, FILE_CREATE, err) &&
             file_write_at(&file, content.data, content.len, 0, err) && file_sync(&file, err) &&
             file_rename(aside, path, err);
        file_close(&file);
        /* From here on nobody can say which of the two a crash would leave. */
        if (ok && !dir_sync(dir, err)) {
                fprintf(stderr, "fatal: sync %s after renaming its tombstones\n", dir);
                abort();
        }
        buf_release(&content);
        return ok;
}

static void read_series(struct reader *r, roaring_bitmap_t *series)
{
        uint64_t runs = reader_varint(r), behind = 0;

        for (uint64_t i = 0; i < runs && !r->failed; i++) {
                uint64_t gap = reader_varint(r), count = reader_varint(r);

                if (r->failed || gap > UINT32_MAX || count > UINT32_MAX || count == 0 ||
                    behind + gap + count > UINT32_MAX) {
                        r->failed = true;
                        return;
                }
                roaring_bitmap_add_range(series, behind + gap, behind + gap + count);
                behind += gap + count;
        }
}

bool tombstones_read(struct str plain, struct tombstones **ret_tombstones)
{
        struct reader r = reader_make(plain.data, plain.len);
        struct tombstones *list = NULL;

        while (!r.failed && reader_left(&r)) {
                struct tombstones *before = list;
                struct tombstone item;

                item.mint_ms = reader_zigzag(&r);
                item.maxt_ms = reader_zigzag(&r);
                item.sequence = reader_varint(&r);
                item.series = roaring_bitmap_create();
                read_series(&r, item.series);
                list = tombstones_make(before, NULL, NULL, &item);
                tombstones_unref(before);
        }
        if (r.failed) {
                tombstones_unref(list);
                return false;
        }
        *ret_tombstones = list;
        return true;
}

bool tombstones_parse(struct str bytes, struct tombstones **ret_tombstones, struct error *err)
{
        struct reader r = reader_make(bytes.data, bytes.len);
        struct str magic = reader_str(&r, 8), payload;
        uint32_t len = reader_u32(&r), crc = reader_u32(&r);
        struct buf plain = BUF_INIT(MAX_BYTES);
        bool ok;

        payload = reader_str(&r, len);
        ok = !r.failed && !reader_left(&r) && !memcmp(magic.data, MAGIC, 8) &&
             crc == crc32c(0, payload.data, payload.len) &&
             compress_unzstd(&plain, payload, MAX_BYTES, NULL) &&
             tombstones_read(buf_str(&plain), ret_tombstones);
        buf_release(&plain);
        return ok || error_set(err, ERROR_CORRUPT, "tombstones are damaged");
}

bool tombstones_load(const char *dir, struct tombstones **ret_tombstones, struct error *err)
{
        struct buf content = BUF_INIT(MAX_BYTES);
        char path[PATH_BYTES];
        struct error failure;
        bool ok;

        snprintf(path, sizeof(path), "%s/tombstones", dir);
        ok = file_read_all(path, &content, &failure);
        if (ok) {
                ok = tombstones_parse(buf_str(&content), ret_tombstones, err);
        } else if (failure.code == ERROR_NOT_FOUND) {
                *ret_tombstones = NULL;
                ok = true;
        } else {
                ok = error_set(err, failure.code, "%s", failure.text);
        }
        buf_release(&content);
        return ok;
}
