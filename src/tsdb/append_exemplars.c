/* The sink's exemplars, and the files that hold them once the log has gone: each flush writes those
 * that came since the last one to a file of their own; now and then all go into one.
 *
 * File exemplars/NNNNNNNNNNNNNNNN.exemplars (docs/format/exemplars.md). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/reader.h"
#include "codec/compress.h"
#include "codec/crc32c.h"
#include "tsdb/maintain_int.h"

#define MAGIC "PWEXEMP\1"

enum {
        MAGIC_BYTES = 8,
        FRAME_HEAD_BYTES = 8,
        /* So many small files, then one of everything: each is written about twice. */
        FILES_MAX = 8,
        FRAME_MAX_BYTES = 64 << 20,
        /* Some trace ids fit in; Prometheus's own limit is 128 characters. */
        LABELS_MAX_BYTES = 4096,
};

/* ---- appending ----------------------------------------------------------------------------- */

static enum append_outcome check(struct tsdb *tsdb, const struct append_exemplar *given,
                                 const struct exemplar_item *item)
{
        if (given->ref == 0 || given->ref > UINT32_MAX || !index_knows(tsdb->index, item->series))
                return APPEND_UNKNOWN_SERIES;
        if (item->labels.len > LABELS_MAX_BYTES || item->t_ms < -STORE_T_MAX_MS)
                return APPEND_OUT_OF_ORDER;
        if (item->t_ms > STORE_T_MAX_MS)
                return APPEND_TOO_FAR_AHEAD;
        return exemplars_check(&tsdb->exemplars, item, atomic_load(&tsdb->exemplar_limit),
                               atomic_load(&tsdb->out_of_order_ms));
}

struct items {
        struct exemplar_item *list;
        size_t *label_ends; /* in tsdb->records, which may move while it grows */
        size_t count;
};

static void check_all(struct tsdb *tsdb, const struct append_exemplar *exemplars, size_t count,
                      uint8_t *outcomes, struct items *items)
{
        for (size_t i = 0; i < count; i++) {
                const struct exemplar *given = &exemplars[i].exemplar;
                struct exemplar_item item = {(uint32_t)exemplars[i].ref, given->t_ms, given->v,
                                             {0}};
                size_t begin = tsdb->records.len;
                enum append_outcome outcome;

                exemplar_labels_put(&tsdb->records, given->labels);
                item.labels = str_make(tsdb->records.data + begin, tsdb->records.len - begin);
                outcome = check(tsdb, &exemplars[i], &item);
                atomic_fetch_add_explicit(&tsdb->exemplar_outcomes[outcome], 1,
                                          memory_order_relaxed);
                if (outcomes)
                        outcomes[i] = (uint8_t)outcome;
                if (outcome != APPEND_OK) {
                        tsdb->records.len = begin;
                        continue;
                }
                items->label_ends[items->count] = tsdb->records.len;
                items->list[items->count++] = item;
        }
}

static void log_all(struct tsdb *tsdb, struct items *items)
{
        struct log_samples log;
        size_t begin = 0;

        log_samples_begin(&log, &tsdb->group, LOG_EXEMPLARS);
        for (size_t i = 0; i < items->count; i++) {
                struct exemplar_item *item = &items->list[i];

                item->labels = str_make(tsdb->records.data + begin, items->label_ends[i] - begin);
                begin = items->label_ends[i];
                log_exemplars_add(&log, item);
        }
        log_samples_end(&log);
}

bool store_append_exemplars(void *ctx, const struct append_exemplar *exemplars, size_t count,
                            uint8_t *outcomes, struct error *err)
{
        struct tsdb *tsdb = ctx;
        struct append_group group;
        struct items items = {0};
        bool ok;

        if (count == 0)
                return true;
        items.list = alloc_new(&store_type, count * sizeof(*items.list));
        items.label_ends = alloc_new(&store_type, count * sizeof(*items.label_ends));
        ok = append_group_begin(tsdb, &group, err);
        if (ok) {
                buf_clear(&tsdb->records);
                check_all(tsdb, exemplars, count, outcomes, &items);
                log_all(tsdb, &items);
                ok = append_group_write(tsdb, &group);
                for (size_t i = 0; ok && i < items.count; i++)
                        store_replay_exemplar(tsdb, &items.list[i]);
                ok = append_group_end(tsdb, &group, ok, err);
        }
        alloc_free(&store_type, items.list);
        alloc_free(&store_type, items.label_ends);
        return ok;
}

void store_replay_exemplar(struct tsdb *tsdb, const struct exemplar_item *item)
{
        uint64_t limit = atomic_load(&tsdb->exemplar_limit);

        /* What came twice in one batch, or stands both in a file and in the log. */
        if (exemplars_check(&tsdb->exemplars, item, limit, INT64_MAX / 2) == APPEND_OK)
                exemplars_add(&tsdb->exemplars, item, limit);
}

/* ---- files --------------------------------------------------------------------------------- */

static void file_path(const struct tsdb *tsdb, uint64_t number, const char *suffix, char *path)
{
        snprintf(path, STORE_PATH_BYTES, "%s/exemplars/%016" PRIx64 "%s", tsdb->dir, number,
                 suffix);
}

static bool file_number(const char *name, uint64_t *ret_number)
{
        char *end;

        if (strlen(name) != 26 || strcmp(name + 16, ".exemplars") != 0)
                return false;
        *ret_number = strtoull(name, &end, 16);
        return end == name + 16 && *ret_number > 0;
}

static void log_one(void *ctx, const struct exemplar_item *item)
{
        log_exemplars_add(ctx, item);
}

/* The payloads of log records, each as a frame. */
static void put_frames(struct buf *out, const struct buf *records)
{
        buf_append(out, MAGIC, MAGIC_BYTES);
        for (size_t at = 0; at < records->len;) {
                struct str payload = wal_record_payload(records, &at);
                size_t begin = out->len;
                uint32_t head[2] = {0};

                buf_append(out, head, sizeof(head));
                compress_zstd(out, payload, 1);
                head[0] = (uint32_t)(out->len - begin - sizeof(head));
                head[1] = crc32c(0, out->data + begin + sizeof(head), head[0]);
                memcpy(out->data + begin, head, sizeof(head));
        }
}

static bool write_file(struct tsdb *tsdb, uint64_t number, const struct buf *content,
                       struct error *err)
{
        char aside[STORE_PATH_BYTES], path[STORE_PATH_BYTES], dir[STORE_PATH_BYTES];
        struct file file = FILE_CLOSED;
        bool ok;

        file_path(tsdb, number, ".new", aside);
        file_path(tsdb, number, ".exemplars", path);
        store_path(tsdb, "exemplars", dir);
        ok = file_open(&file, aside, FILE_CREATE, err) &&
             file_write_at(&file, content->data, content->len, 0, err) && file_sync(&file, err);
        file_close(&file);
        ok = ok && file_rename(aside, path, err) && dir_sync(dir, err);
        if (!ok)
                file_discard(aside);
        return ok;
}

static void note_file(struct tsdb *tsdb, uint64_t number)
{
        tsdb->exemplar_files = alloc_array_reserve(&store_type, tsdb->exemplar_files,
                                                   &tsdb->exemplar_file_capacity,
                                                   tsdb->exemplar_file_count + 1,
                                                   sizeof(*tsdb->exemplar_files));
        tsdb->exemplar_files[tsdb->exemplar_file_count++] = number;
}

static void discard_files(struct tsdb *tsdb)
{
        char path[STORE_PATH_BYTES];

        for (size_t i = 0; i < tsdb->exemplar_file_count; i++) {
                file_path(tsdb, tsdb->exemplar_files[i], ".exemplars", path);
                file_discard(path);
        }
        tsdb->exemplar_file_count = 0;
}

/* Of all exemplars, or those that came since the last time. */
static bool save(struct tsdb *tsdb, bool all, struct error *err)
{
        bool ok = true;
        struct buf records = BUF_INIT(SIZE_MAX / 4), content = BUF_INIT(SIZE_MAX / 4);
        struct log_samples log;
        uint64_t last, number;

        log_samples_begin(&log, &records, LOG_EXEMPLARS);
        last = exemplars_each(&tsdb->exemplars, all ? 0 : tsdb->saved_exemplars, log_one, &log);
        log_samples_end(&log);
        if (last != (all ? 0 : tsdb->saved_exemplars)) {
                number = atomic_fetch_add(&tsdb->next_file, 1);
                put_frames(&content, &records);
                ok = write_file(tsdb, number, &content, err);
                if (ok) {
                        if (all)
                                discard_files(tsdb);
                        note_file(tsdb, number);
                        tsdb->saved_exemplars = last;
                }
        }
        buf_release(&records);
        buf_release(&content);
        return ok;
}

bool store_save_exemplars(struct tsdb *tsdb, struct error *err)
{
        return save(tsdb, tsdb->exemplar_file_count >= FILES_MAX, err);
}

bool store_rewrite_exemplars(struct tsdb *tsdb, struct error *err)
{
        if (!save(tsdb, true, err))
                return false;
        if (!exemplars_count(&tsdb->exemplars))
                discard_files(tsdb);
        return true;
}

static void load_item(void *ctx, const struct exemplar_item *item)
{
        struct tsdb *tsdb = ctx;

        if (index_knows(tsdb->index, item->series))
                store_replay_exemplar(tsdb, item);
}

bool exemplar_frames_read(struct str bytes, const struct log_reader *reader)
{
        struct reader r = reader_make(bytes.data, bytes.len);
        struct str magic = reader_str(&r, MAGIC_BYTES);
        bool ok = !r.failed && !memcmp(magic.data, MAGIC, MAGIC_BYTES);

        while (ok && reader_left(&r)) {
                struct buf payload = BUF_INIT(FRAME_MAX_BYTES);
                uint32_t len = reader_u32(&r), crc = reader_u32(&r);
                struct str frame = reader_str(&r, len);

                ok = !r.failed && crc == crc32c(0, frame.data, frame.len) &&
                     compress_unzstd(&payload, frame, FRAME_MAX_BYTES, NULL) &&
                     log_read(LOG_EXEMPLARS, buf_str(&payload), reader);
                buf_release(&payload);
        }
        return ok;
}

static void load_file(struct tsdb *tsdb, const char *name)
{
        struct log_reader reader = {.exemplar = load_item, .ctx = tsdb};
        char path[STORE_PATH_BYTES], relative[64];
        struct file_map map = {0};

        snprintf(relative, sizeof(relative), "exemplars/%.40s", name);
        store_path(tsdb, relative, path);
        if (!file_map_open(&map, path, NULL) ||
            !exemplar_frames_read(str_make((const char *)map.data, map.len), &reader))
                store_event(tsdb, TSDB_EVENT_EXEMPLARS_DAMAGED, relative, 0, 0);
        file_map_close(&map);
}

bool store_load_exemplars(struct tsdb *tsdb, struct arena *arena, struct error *err)
{
        char dir[STORE_PATH_BYTES], path[STORE_PATH_BYTES + 64];
        const char **names;
        uint64_t number;
        size_t count;

        store_path(tsdb, "exemplars", dir);
        if (!dir_list(dir, arena, &names, &count, err))
                return false;
        for (size_t i = 0; i < count; i++) {
                if (!file_number(names[i], &number)) {
                        snprintf(path, sizeof(path), "%s/%.40s", dir, names[i]);
                        file_discard(path); /* was not complete */
                        continue;
                }
                load_file(tsdb, names[i]);
                note_file(tsdb, number);
                if (number >= tsdb->next_file)
                        tsdb->next_file = number + 1;
        }
        tsdb->saved_exemplars = tsdb->exemplars.arrivals;
        return true;
}
