/* tsdb analyze: churn and cardinality of one block, and how full its chunks are. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "formats/prom_chunk.h"
#include "promtool/blocks_int.h"
#include "promtool/promtool_int.h"

/* Of a label name, or of a pair "name=value". */
struct entry {
        struct str key;
        struct str value;   /* of a pair */
        uint64_t series;    /* that have it */
        uint64_t uncovered_ms;
        uint64_t values, value_bytes; /* of a name */
        uint64_t shown;     /* what is listed */
        bool is_metric;     /* a pair of __name__ */
};

struct entries {
        struct map by_key;
        struct entry **items;
        size_t count, capacity;
};

struct numbers {
        uint64_t *items;
        size_t count, capacity;
};

struct analysis {
        const struct words *words;
        struct arena arena;
        struct promql_selector selector;
        struct prom_block *block;
        struct entries names, pairs;
        uint64_t matched, entry_count;
        uint64_t chunks;
        struct numbers float_samples, float_bytes, histogram_samples, histogram_bytes,
                histogram_buckets;
};

/* ---- collecting ----------------------------------------------------------------------------- */

static struct entry *find_entry(struct analysis *analysis, struct entries *entries,
                                struct str key)
{
        struct entry *entry = map_get(&entries->by_key, key);

        if (entry)
                return entry;
        entry = arena_new(&analysis->arena, struct entry);
        entry->key = arena_str(&analysis->arena, key);
        map_put(&entries->by_key, entry->key, entry);
        if (entries->count == entries->capacity) {
                size_t capacity = 2 * entries->capacity + 256;
                struct entry **more = arena_array(&analysis->arena, struct entry *, capacity);

                if (entries->count)
                        memcpy(more, entries->items, entries->count * sizeof(*more));
                entries->items = more;
                entries->capacity = capacity;
        }
        return entries->items[entries->count++] = entry;
}

static void add_pair(struct analysis *analysis, struct label label, uint64_t uncovered_ms)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(1 << 20);
        struct entry *name = find_entry(analysis, &analysis->names, label.name), *pair;

        buf_printf(&text, STR_FMT "=" STR_FMT, STR_ARG(label.name), STR_ARG(label.value));
        pair = find_entry(analysis, &analysis->pairs, buf_str(&text));
        name->series++;
        name->uncovered_ms += uncovered_ms;
        if (!pair->series++) {
                name->values++;
                name->value_bytes += label.value.len;
                pair->value = str_slice(pair->key, label.name.len + 1, pair->key.len);
                pair->is_metric = str_equal(label.name, LABEL_METRIC_NAME);
        }
        pair->uncovered_ms += uncovered_ms;
        analysis->entry_count++;
}

static void add_number(struct analysis *analysis, struct numbers *numbers, uint64_t value)
{
        if (numbers->count == numbers->capacity) {
                size_t capacity = 2 * numbers->capacity + 1024;
                uint64_t *more = arena_array(&analysis->arena, uint64_t, capacity);

                if (numbers->count)
                        memcpy(more, numbers->items, numbers->count * sizeof(*more));
                numbers->items = more;
                numbers->capacity = capacity;
        }
        numbers->items[numbers->count++] = value;
}

static bool add_chunk(struct analysis *analysis, uint64_t ref, struct error *err)
{
        struct samples samples = {0};
        uint64_t buckets = 0;
        uint8_t encoding;
        struct str data;
        bool ok = prom_block_chunk(analysis->block, ref, &encoding, &data, err) &&
                  prom_chunk_decode(encoding, data, &samples, err);

        for (size_t i = 0; i < samples.count; i++) {
                const struct histogram *h = samples_histogram(&samples, i);

                if (h)
                        buckets += h->positive.bucket_count + h->negative.bucket_count;
        }
        if (ok && encoding == PROM_ENCODING_XOR) {
                add_number(analysis, &analysis->float_samples, samples.count);
                add_number(analysis, &analysis->float_bytes, data.len);
        } else if (ok) {
                add_number(analysis, &analysis->histogram_samples, samples.count);
                add_number(analysis, &analysis->histogram_bytes, data.len);
                add_number(analysis, &analysis->histogram_buckets, buckets);
        }
        analysis->chunks++;
        samples_release(&samples);
        return ok;
}

static bool read_series(struct analysis *analysis, struct error *err)
{
        const struct prom_block_meta *meta = prom_block_meta(analysis->block);
        bool extended = words_on(analysis->words, "extended");
        struct prom_series series;

        while (prom_block_next(analysis->block, &series, err)) {
                uint64_t covered;

                if (!matchers_match_labels(analysis->selector.matchers, analysis->selector.count,
                                           series.labels) || !series.chunk_count)
                        continue;
                analysis->matched++;
                covered = (uint64_t)(series.chunks[series.chunk_count - 1].max_ms -
                                     series.chunks[0].min_ms);
                for (size_t i = 0; i < series.labels.count; i++)
                        add_pair(analysis, series.labels.items[i],
                                 (uint64_t)(meta->max_ms - meta->min_ms) - covered);
                for (size_t i = 0; extended && i < series.chunk_count; i++)
                        if (!add_chunk(analysis, series.chunks[i].ref, err))
                                return false;
        }
        return err->code == ERROR_NONE;
}

/* ---- lists ---------------------------------------------------------------------------------- */

static int by_shown(const void *a_ptr, const void *b_ptr)
{
        const struct entry *a = *(const struct entry *const *)a_ptr;
        const struct entry *b = *(const struct entry *const *)b_ptr;

        if (a->shown != b->shown)
                return a->shown > b->shown ? -1 : 1;
        return str_compare(a->key, b->key);
}

static void print_list(struct analysis *analysis, const char *title, struct entries *entries,
                       uint64_t (*shown)(const struct entry *entry, const void *ctx),
                       const void *ctx)
{
        int64_t limit = words_int(analysis->words, "limit");

        for (size_t i = 0; i < entries->count; i++)
                entries->items[i]->shown = shown(entries->items[i], ctx);
        if (entries->count)
                qsort(entries->items, entries->count, sizeof(*entries->items), by_shown);
        printf("\n%s:\n", title);
        for (size_t i = 0; i < entries->count && (int64_t)i < limit; i++)
                printf("%" PRIu64 " " STR_FMT "\n", entries->items[i]->shown,
                       STR_ARG(entries->items[i]->key));
}

/* How many series that have it do not cover the block, in series of the block's length. */
static uint64_t churn(const struct entry *entry, const void *ctx)
{
        const struct prom_block_meta *meta = ctx;

        return (uint64_t)((double)entry->uncovered_ms / (double)(meta->max_ms - meta->min_ms));
}

static uint64_t series(const struct entry *entry, const void *ctx)
{
        (void)ctx;
        return entry->series;
}

static uint64_t value_bytes(const struct entry *entry, const void *ctx)
{
        (void)ctx;
        return entry->value_bytes;
}

static uint64_t values(const struct entry *entry, const void *ctx)
{
        (void)ctx;
        return entry->values;
}

static void print_metrics(struct analysis *analysis)
{
        struct entries metrics = {.items = arena_array(&analysis->arena, struct entry *,
                                                       analysis->pairs.count + 1)};

        for (size_t i = 0; i < analysis->pairs.count; i++) {
                struct entry *pair = analysis->pairs.items[i];

                if (!pair->is_metric)
                        continue;
                pair->key = pair->value;
                metrics.items[metrics.count++] = pair;
        }
        print_list(analysis, "Highest cardinality metric names", &metrics, series, NULL);
}

static void print_lists(struct analysis *analysis)
{
        const struct prom_block_meta *meta = prom_block_meta(analysis->block);
        const char *match = words_text(analysis->words, "match");
        struct buf duration CLEANUP(buf_release) = BUF_INIT(64);

        duration_go_append(&duration, meta->max_ms - meta->min_ms);
        printf("Block ID: %s\nDuration: %s\nTotal Series: %" PRIu64 "\n", meta->ulid,
               duration.data, meta->series);
        if (match)
                printf("Matcher: %s\n", match);
        printf("Label names: %zu\n", analysis->names.count);
        if (match)
                printf("Matched series: %" PRIu64 "\n", analysis->matched);
        printf("Postings (unique label pairs): %zu\n"
               "Postings entries (total label pairs): %" PRIu64 "\n", analysis->pairs.count,
               analysis->entry_count);
        print_list(analysis, "Label pairs most involved in churning", &analysis->pairs, churn,
                   meta);
        print_list(analysis, "Label names most involved in churning", &analysis->names, churn,
                   meta);
        print_list(analysis, "Most common label pairs", &analysis->pairs, series, NULL);
        print_list(analysis, "Label names with highest cumulative label value length",
                   &analysis->names, value_bytes, NULL);
        print_list(analysis, "Highest cardinality labels", &analysis->names, values, NULL);
        print_metrics(analysis);
}

/* ---- chunks --------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return x < y ? -1 : x > y;
}

static int digits(uint64_t value)
{
        return snprintf(NULL, 0, "%" PRIu64, value);
}

static void print_chart(struct analysis *analysis, const char *title, struct numbers *numbers)
{
        uint64_t least, most, sum = 0, step = 10, start, end, *bars, highest = 0;
        size_t bar_count;

        if (!numbers->count) {
                printf("%s: N/A\n\n", title);
                return;
        }
        qsort(numbers->items, numbers->count, sizeof(*numbers->items), by_value);
        least = numbers->items[0];
        most = numbers->items[numbers->count - 1];
        while (step < (most - least) / 10 && step <= 10000)
                step *= 10;
        start = least - least % step;
        end = most - most % step + step;
        bar_count = (end - start) / step + 1;
        bars = arena_array(&analysis->arena, uint64_t, bar_count);
        for (size_t i = 0; i < numbers->count; i++) {
                uint64_t *bar = &bars[(numbers->items[i] - start) / step];

                sum += numbers->items[i];
                if (++*bar > highest)
                        highest = *bar;
        }
        printf("%s (min/avg/max): %" PRIu64 "/%" PRIu64 "/%" PRIu64 "\n", title, least,
               sum / numbers->count, most);
        for (size_t i = 0; i < bar_count; i++) {
                printf("[%*" PRIu64 ", %*" PRIu64 "]: %*" PRIu64 " ", digits(end),
                       i * step + start + 1, digits(end + step), (i + 1) * step + start,
                       digits(highest), bars[i]);
                for (uint64_t k = 0; k < 100 * bars[i] / analysis->chunks; k++)
                        putchar('#');
                printf("\n");
        }
        printf("\n");
}

static void print_charts(struct analysis *analysis)
{
        printf("\nCompaction analysis:\n\n");
        print_chart(analysis, "samples per float chunk", &analysis->float_samples);
        print_chart(analysis, "bytes per float chunk", &analysis->float_bytes);
        print_chart(analysis, "samples per histogram chunk", &analysis->histogram_samples);
        print_chart(analysis, "bytes per histogram chunk", &analysis->histogram_bytes);
        print_chart(analysis, "buckets per histogram chunk", &analysis->histogram_buckets);
}

/* ---- the command ---------------------------------------------------------------------------- */

/* The block that was asked for, or the one made last. */
static bool choose_block(struct analysis *analysis, const char *dir, const char *ulid,
                         struct error *err)
{
        const struct block *chosen = NULL;
        struct block *blocks;
        size_t count;

        if (!blocks_find(dir, &analysis->arena, &blocks, &count, err))
                return false;
        for (size_t i = 0; i < count; i++)
                if (ulid ? strcmp(blocks[i].meta.ulid, ulid) == 0
                         : !chosen || strcmp(blocks[i].meta.ulid, chosen->meta.ulid) > 0)
                        chosen = &blocks[i];
        if (!chosen)
                return error_set(err, ERROR_NOT_FOUND, ulid ? "block %s not found"
                                                            : "no blocks found", ulid);
        return prom_block_open(&analysis->block, chosen->path, err);
}

int tsdb_analyze(const struct words *words)
{
        const char *match = words_text(words, "match");
        struct analysis analysis = {.words = words};
        struct error err;
        bool ok;

        arena_init(&analysis.arena, SIZE_MAX);
        ok = (!match || promql_selector_parse(&analysis.arena, str_from(match),
                                              &analysis.selector, &err)) &&
             choose_block(&analysis, words_argument(words, 0), words_argument(words, 1), &err) &&
             read_series(&analysis, &err);
        if (ok)
                print_lists(&analysis);
        if (ok && words_on(words, "extended"))
                print_charts(&analysis);
        prom_block_close(analysis.block);
        map_release(&analysis.names.by_key);
        map_release(&analysis.pairs.by_key);
        arena_release(&analysis.arena);
        return ok ? EXIT_GOOD : print_failure(&err);
}
