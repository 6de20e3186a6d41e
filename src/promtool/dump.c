/* tsdb dump and dump-openmetrics: what blocks and the write-ahead log hold, series by series. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "codec/double.h"
#include "codec/json.h"
#include "formats/prom_wal.h"
#include "promtool/blocks_int.h"
#include "promtool/promtool_int.h"

enum { LINE_MAX_BYTES = 64 << 20 };

/* A series in one block, or in the log. */
struct part {
        struct labels labels;
        size_t block;               /* the blocks' count: the log */
        struct prom_series series;  /* in a block */
        struct samples *samples;    /* in the log */
};

struct dump {
        const struct words *words;
        struct arena arena;
        struct promql_selector *selectors;
        size_t selector_count;
        int64_t min_ms, max_ms;
        struct prom_block **blocks;
        size_t block_count;
        int64_t log_min_ms;         /* what is older is in a block */
        struct part *parts;
        size_t part_count, part_capacity;
        struct map log_series;      /* bytes of log_series.ref -> struct log_series */
        struct buf line;
        void (*print)(struct dump *dump, struct labels labels, const struct samples *samples);
};

/* ---- printing ------------------------------------------------------------------------------- */

static void print_line(struct dump *dump)
{
        fwrite(dump->line.data, 1, dump->line.len, stdout);
}

static void print_samples(struct dump *dump, struct labels labels, const struct samples *samples)
{
        size_t prefix;

        buf_clear(&dump->line);
        labels_append_set(&dump->line, labels, ", ");
        buf_append_byte(&dump->line, ' ');
        prefix = dump->line.len;
        for (size_t i = 0; i < samples->count; i++) {
                const struct histogram *h = samples_histogram(samples, i);

                dump->line.len = prefix;
                if (h)
                        histogram_append_text(&dump->line, h);
                else
                        double_append(&dump->line, samples->v[i], DOUBLE_G);
                buf_printf(&dump->line, " %" PRId64 "\n", samples->t_ms[i]);
                print_line(dump);
        }
}

/* Histograms and staleness markers cannot be said in OpenMetrics. */
static void print_openmetrics(struct dump *dump, struct labels labels,
                              const struct samples *samples)
{
        struct labels_builder builder;
        size_t prefix;

        labels_builder_init(&builder, &dump->arena, labels);
        labels_builder_delete(&builder, LABEL_METRIC_NAME);
        buf_clear(&dump->line);
        buf_append_str(&dump->line, labels_get(labels, LABEL_METRIC_NAME));
        labels_append_set(&dump->line, labels_builder_finish(&builder), ",");
        buf_append_byte(&dump->line, ' ');
        prefix = dump->line.len;
        for (size_t i = 0; i < samples->count; i++) {
                if (samples_histogram(samples, i) || sample_is_stale(samples->v[i]))
                        continue;
                dump->line.len = prefix;
                double_append(&dump->line, samples->v[i], DOUBLE_G);
                buf_printf(&dump->line, " %.3f\n", (double)samples->t_ms[i] / 1000);
                print_line(dump);
        }
}

static void print_json(struct dump *dump, struct labels labels, const struct samples *samples)
{
        struct json_writer w = json_writer_make(&dump->line);

        if (!samples->count)
                return;
        buf_clear(&dump->line);
        json_object_begin(&w);
        for (size_t i = 0; i < labels.count; i++) {
                json_key_str(&w, labels.items[i].name);
                json_string(&w, labels.items[i].value);
        }
        json_object_end(&w);
        buf_append_byte(&dump->line, '\n');
        print_line(dump);
}

/* ---- which series --------------------------------------------------------------------------- */

static bool is_selected(const struct dump *dump, struct labels labels)
{
        for (size_t i = 0; i < dump->selector_count; i++)
                if (matchers_match_labels(dump->selectors[i].matchers, dump->selectors[i].count,
                                          labels))
                        return true;
        return false;
}

static struct part *add_part(struct dump *dump, struct labels labels)
{
        if (dump->part_count == dump->part_capacity) {
                size_t capacity = 2 * dump->part_capacity + 1024;
                struct part *more = arena_array(&dump->arena, struct part, capacity);

                if (dump->part_count)
                        memcpy(more, dump->parts, dump->part_count * sizeof(*more));
                dump->parts = more;
                dump->part_capacity = capacity;
        }
        dump->parts[dump->part_count] = (struct part){
                .labels = labels_copy(&dump->arena, labels)};
        return &dump->parts[dump->part_count++];
}

static bool read_block(struct dump *dump, size_t which, struct error *err)
{
        struct prom_series series;

        while (prom_block_next(dump->blocks[which], &series, err)) {
                struct prom_chunk_meta *chunks;
                struct part *part;

                if (!is_selected(dump, series.labels))
                        continue;
                part = add_part(dump, series.labels);
                chunks = arena_array(&dump->arena, struct prom_chunk_meta, series.chunk_count);
                memcpy(chunks, series.chunks, series.chunk_count * sizeof(*chunks));
                part->block = which;
                part->series = series;
                part->series.labels = part->labels;
                part->series.chunks = chunks;
        }
        return err->code == ERROR_NONE;
}

/* ---- the log -------------------------------------------------------------------------------- */

struct log_series {
        uint64_t ref;
        struct samples samples;
};

static struct str key_of(const uint64_t *ref)
{
        return str_make((const char *)ref, sizeof(*ref));
}

static bool take_series(void *ctx, uint64_t ref, struct labels labels, struct error *err)
{
        struct dump *dump = ctx;
        struct log_series *series;
        struct part *part;

        (void)err;
        if (!is_selected(dump, labels) || map_get(&dump->log_series, key_of(&ref)))
                return true;
        series = arena_new(&dump->arena, struct log_series);
        series->ref = ref;
        part = add_part(dump, labels);
        part->block = dump->block_count;
        part->samples = &series->samples;
        map_put(&dump->log_series, key_of(&series->ref), series);
        return true;
}

static bool take_sample(void *ctx, uint64_t ref, int64_t t_ms, double v,
                        const struct histogram *h, struct error *err)
{
        struct dump *dump = ctx;
        struct log_series *series = map_get(&dump->log_series, key_of(&ref));
        struct samples *samples = series ? &series->samples : NULL;

        (void)err;
        if (!samples || t_ms < dump->log_min_ms ||
            (samples->count && t_ms <= samples->t_ms[samples->count - 1]))
                return true;
        samples_append(samples, t_ms, v);
        if (h)
                samples_set_histogram(samples, samples->count - 1,
                                      histogram_copy(samples_arena(samples), h));
        return true;
}

static bool read_log(struct dump *dump, const char *dir, struct error *err)
{
        const struct prom_wal_handler handler = {take_series, take_sample, dump};
        struct prom_wal_stats stats;

        return prom_wal_read(arena_printf(&dump->arena, "%s/wal", dir), &handler, &stats, err);
}

/* ---- all of it ------------------------------------------------------------------------------ */

static int compare_parts(const void *a_ptr, const void *b_ptr)
{
        const struct part *a = a_ptr, *b = b_ptr;
        int order = labels_compare(a->labels, b->labels);

        return order ? order : (a->block > b->block) - (a->block < b->block);
}

/* Appends what lies in the range and behind what is there: blocks may overlap. */
static void append_later(const struct dump *dump, struct samples *out, const struct samples *in)
{
        for (size_t i = 0; i < in->count; i++) {
                const struct histogram *h = samples_histogram(in, i);

                if (in->t_ms[i] < dump->min_ms || in->t_ms[i] > dump->max_ms ||
                    (out->count && in->t_ms[i] <= out->t_ms[out->count - 1]))
                        continue;
                samples_append(out, in->t_ms[i], in->v[i]);
                if (h)
                        samples_set_histogram(out, out->count - 1,
                                              histogram_copy(samples_arena(out), h));
        }
}

static bool print_parts(struct dump *dump, struct error *err)
{
        struct samples samples = {0}, read = {0};
        uint64_t damaged = 0;
        bool ok = true;

        qsort(dump->parts, dump->part_count, sizeof(*dump->parts), compare_parts);
        for (size_t i = 0; ok && i < dump->part_count; i++) {
                const struct part *part = &dump->parts[i];
                bool last = i + 1 == dump->part_count ||
                            !labels_equal(part->labels, part[1].labels);

                samples_truncate(&read, 0);
                if (!part->samples)
                        ok = prom_block_read(dump->blocks[part->block], &part->series, &read,
                                             &damaged, err);
                append_later(dump, &samples, part->samples ? part->samples : &read);
                if (!ok || !last)
                        continue;
                dump->print(dump, part->labels, &samples);
                samples_truncate(&samples, 0);
        }
        samples_release(&samples);
        samples_release(&read);
        if (ok && damaged)
                ok = error_set(err, ERROR_CORRUPT, "%" PRIu64 " chunks are damaged", damaged);
        return ok;
}

static bool parse_selectors(struct dump *dump, struct error *err)
{
        const char *match;

        while (words_list(dump->words, "match", dump->selector_count))
                dump->selector_count++;
        dump->selectors = arena_array(&dump->arena, struct promql_selector,
                                      dump->selector_count);
        for (size_t i = 0; (match = words_list(dump->words, "match", i)); i++)
                if (!promql_selector_parse(&dump->arena, str_from(match), &dump->selectors[i],
                                           err))
                        return false;
        return true;
}

static bool run(struct dump *dump, const char *dir, struct error *err)
{
        struct block *blocks;
        size_t count;

        dump->log_min_ms = INT64_MIN;
        if (!parse_selectors(dump, err) ||
            !blocks_find(dir, &dump->arena, &blocks, &count, err))
                return false;
        dump->blocks = arena_array(&dump->arena, struct prom_block *, count + 1);
        for (size_t i = 0; i < count; i++) {
                if (!prom_block_open(&dump->blocks[i], blocks[i].path, err))
                        return false;
                dump->block_count++;
                if (blocks[i].meta.max_ms > dump->log_min_ms)
                        dump->log_min_ms = blocks[i].meta.max_ms;
                if (blocks[i].meta.min_ms <= dump->max_ms &&
                    blocks[i].meta.max_ms > dump->min_ms && !read_block(dump, i, err))
                        return false;
        }
        return read_log(dump, dir, err) && print_parts(dump, err);
}

static int dump_database(const struct words *words,
                         void (*print)(struct dump *dump, struct labels labels,
                                       const struct samples *samples))
{
        struct dump dump = {.words = words, .print = print, .line = BUF_INIT(LINE_MAX_BYTES),
                            .min_ms = words_int(words, "min-time"),
                            .max_ms = words_int(words, "max-time")};
        struct error err;
        bool ok;

        arena_init(&dump.arena, SIZE_MAX);
        ok = run(&dump, words_argument(words, 0), &err);
        for (size_t i = 0; i < dump.block_count; i++)
                prom_block_close(dump.blocks[i]);
        for (size_t i = 0; i < dump.part_count; i++)
                if (dump.parts[i].samples)
                        samples_release(dump.parts[i].samples);
        map_release(&dump.log_series);
        buf_release(&dump.line);
        arena_release(&dump.arena);
        return ok ? EXIT_GOOD : print_failure(&err);
}

int tsdb_dump(const struct words *words)
{
        bool json = strcmp(words_text(words, "format"), "seriesjson") == 0;

        return dump_database(words, json ? print_json : print_samples);
}

int tsdb_dump_openmetrics(const struct words *words)
{
        int code = dump_database(words, print_openmetrics);

        if (code == EXIT_GOOD)
                printf("# EOF\n");
        return code;
}
