/* Files from anywhere: the first byte says which kind, the rest is its content. Opening and
 * reading must not fault. Content that only damaged checksums would keep out is given one that
 * fits (the payloads of log records and series frames). */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "tsdb/manifest_int.h"
#include "tsdb/part_int.h"
#include "tsdb/sample_record_int.h"
#include "tsdb/series_file_int.h"
#include "tsdb/store_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *scratch(void)
{
        static char dir[] = "/tmp/pitwall_fuzz_XXXXXX";
        static bool made;

        if (!made && !mkdtemp(dir))
                abort();
        made = true;
        return dir;
}

static void write_file(const char *name, const uint8_t *data, size_t size)
{
        char path[256];
        FILE *file;

        snprintf(path, sizeof(path), "%s/%s", scratch(), name);
        file = fopen(path, "w");
        if (!file || fwrite(data, 1, size, file) != size)
                abort();
        fclose(file);
}

static void try_part(const uint8_t *data, size_t size)
{
        struct samples samples = {0};
        struct part *part;
        bool rebuilt, news;

        write_file("0000000000000001.part", data, size);
        if (!part_open(&part, scratch(), 1, &rebuilt, NULL))
                return;
        for (size_t i = 0; i < part->block_count; i++) {
                struct chunk chunk;

                samples_truncate(&samples, 0);
                if (part_block(part, i, &chunk, &news) && chunk_decode(&chunk, &samples, NULL))
                        (void)part_find(part, chunk.series + 1);
        }
        samples_release(&samples);
        part_unref(part);
}

static void try_series_file(const uint8_t *data, size_t size)
{
        struct index *index = index_new();
        struct series_damage damage;
        struct series_file file;

        write_file("0000000000000001.series", data, size);
        write_file("0000000000000001.mirror", data, size / 2);
        if (series_file_load(scratch(), 1, index, &file, &damage, NULL))
                BUG_ON(file.number != 1);
        index_unref(index);
}

static void try_frame(const uint8_t *data, size_t size)
{
        struct index *index = index_new();

        (void)series_frame_read(str_make((const char *)data, size), index);
        index_unref(index);
}

static void try_manifest(const uint8_t *data, size_t size)
{
        struct manifest manifest;
        struct arena arena;

        arena_init(&arena, SIZE_MAX);
        write_file("MANIFEST", data, size);
        if (manifest_read(scratch(), &arena, &manifest, NULL) && manifest.part_count)
                BUG_ON(!manifest.parts);
        arena_release(&arena);
}

static void try_tombstones(const uint8_t *data, size_t size)
{
        struct tombstones *tombstones;
        struct samples samples = {0};
        struct part part = {.head = {.last_sequence = 1}, .max_t_ms = 1000};

        if (tombstones_parse(str_make((const char *)data, size), &tombstones, NULL))
                tombstones_unref(tombstones);
        if (!tombstones_read(str_make((const char *)data, size), &tombstones))
                return;
        samples_append(&samples, 5, 1);
        samples_append(&samples, 50, 1);
        tombstones_apply(tombstones, &part, 7, &samples, 0);
        BUG_ON(tombstones_cover(tombstones, &part, 7, 5, 50) && samples.count);
        tombstones_unref(tombstones);
        samples_release(&samples);
}

static void drop_series(void *ctx, uint32_t id, struct labels labels)
{
        (void)ctx;
        BUG_ON(!id || (labels.count && !labels.items[0].name.len));
}

static void drop_sample(void *ctx, uint32_t series, struct sample sample)
{
        (void)ctx;
        BUG_ON(!series || sample.t_ms > STORE_T_MAX_MS);
}

static void drop_record(void *ctx, uint32_t series, int64_t t_ms, struct str bytes,
                        const struct sample_record *record)
{
        struct samples samples = {0};
        struct memtable *memtable = memtable_new(1);

        (void)ctx;
        BUG_ON(!series || t_ms > STORE_T_MAX_MS);
        memtable_insert_record(memtable, series, t_ms, bytes);
        memtable_read(memtable, series, t_ms, t_ms, &samples);
        BUG_ON(samples.count != 1 || !samples_histogram(&samples, 0) != !record->extra.h);
        memtable_unref(memtable);
        samples_release(&samples);
}

static void drop_exemplar(void *ctx, const struct exemplar_item *item)
{
        struct exemplars exemplars;

        (void)ctx;
        exemplars_init(&exemplars);
        exemplars_add(&exemplars, item, 1);
        BUG_ON(exemplars_check(&exemplars, item, 1, 0) != APPEND_DUPLICATE_SAME);
        exemplars_release(&exemplars);
}

static void try_payload(const uint8_t *data, size_t size)
{
        struct log_reader reader = {drop_series, drop_sample, drop_record, drop_exemplar, NULL};

        (void)log_read(LOG_SAMPLES, str_make((const char *)data, size), &reader);
        (void)log_read(LOG_EXEMPLARS, str_make((const char *)data, size), &reader);
        (void)exemplar_frames_read(str_make((const char *)data, size), &reader);
        (void)log_read(LOG_RECORDS, str_make((const char *)data, size), &reader);
        (void)log_read(LOG_SERIES, str_make((const char *)data, size), &reader);
        (void)log_read_definitions(str_make((const char *)data, size), &reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static void (*const kinds[])(const uint8_t *data, size_t size) = {
                try_part, try_series_file, try_frame, try_manifest, try_payload, try_tombstones,
        };

        if (size)
                kinds[data[0] % ARRAY_LEN(kinds)](data + 1, size - 1);
        return 0;
}
