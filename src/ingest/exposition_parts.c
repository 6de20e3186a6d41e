/* What series of one metric mean to each other: start times that come as series of their own, and
 * classic histograms that are to be native ones. */
#include "ingest/exposition_int.h"

static bool of_group(struct scraped_series *series, uint64_t group)
{
        return series->has_part && scraped_series_part(series)->group == group;
}

/* OpenMetrics has the start time of a metric behind its samples, as a series ending in _created
 * whose value is in seconds. */
static void take_created(struct scrape *scrape, uint64_t group, double seconds)
{
        double ms = seconds * 1000;

        if (!(ms >= 1 && ms < 0x1p62))
                return;
        for (size_t i = scrape->count; i-- > scrape->family_from;) {
                if (!of_group(scrape->owners[i], group))
                        break;
                scrape_set_start(scrape, i, (int64_t)ms);
        }
}

/* ---- classic histograms as native ones ----------------------------------------------------- */

static bool has_classic_role(enum part_role role)
{
        return role == PART_BUCKET || role == PART_COUNT || role == PART_SUM;
}

/* The series of the native histogram: the classic one's without suffix and le. */
static bool find_native(struct scrape *scrape, struct scraped_series **ret_native,
                        struct error *err)
{
        struct exposition *exposition = scrape->exposition;
        struct classic_under_way *classic = &scrape->classic;
        struct series_part part = {.group = classic->group, .role = PART_NATIVE};
        struct exposition_options bare = {0};
        struct series_traits traits = {0};
        struct arena_point mark = arena_mark(&scrape->scratch);
        struct buf text CLEANUP(buf_release) = BUF_INIT(1 << 20);
        struct labels_builder builder;
        struct labels labels;
        bool ok;

        *ret_native = map_get(&exposition->natives,
                              str_make((const char *)&classic->group, sizeof(classic->group)));
        if (*ret_native)
                return true;
        ok = scraped_series_labels(&bare, NULL, &scrape->scratch,
                                   scraped_series_text(classic->member),
                                   (enum exposition_format)classic->member->format, &traits,
                                   &labels, err);
        if (ok) {
                labels_builder_init(&builder, &scrape->scratch, labels);
                labels_builder_set(&builder, LABEL_METRIC_NAME, scrape->family);
                labels_builder_delete(&builder, STR_LIT("le"));
                labels_format(&text, labels_builder_finish(&builder));
                traits.said = exposition_family_said(exposition, classic->member->family);
                ok = scraped_series_labels(&exposition->options, NULL, &scrape->scratch,
                                           buf_str(&text), EXPOSITION_TEXT, &traits, &labels, err);
        }
        arena_rewind(&scrape->scratch, mark);
        if (!ok)
                return false;
        *ret_native = scraped_series_new(buf_str(&text), &part);
        (*ret_native)->dropped = !traits.kept;
        (*ret_native)->family = classic->member->family;
        map_put(&exposition->natives,
                str_make((const char *)&scraped_series_part(*ret_native)->group,
                         sizeof(part.group)), *ret_native);
        series_order_push(&scrape->added, *ret_native);
        return true;
}

static void own_exemplars(struct scrape *scrape, const struct scraped_series *native)
{
        size_t from = scrape->classic.exemplar_from;

        for (size_t i = from; i < scrape->exemplar_count; i++)
                scrape->exemplars[i].owner = native;
        if (!native)
                scrape->exemplar_count = from;
}

bool scrape_end_classic(struct scrape *scrape, struct error *err)
{
        struct classic_under_way *classic = &scrape->classic;
        struct scraped_sample sample = {.t_ms = classic->t_ms, .start_ms = classic->start_ms,
                                        .has_timestamp = classic->timed};
        struct scraped_series *native = NULL;

        if (!classic->active)
                return true;
        classic->active = false;
        sample.h = histogram_classic_convert(&classic->buckets, &scrape->data);
        histogram_classic_clear(&classic->buckets);
        if (arena_over_budget(&scrape->data))
                return error_set(err, ERROR_LIMIT, "histograms take too much memory");
        if (sample.h && !find_native(scrape, &native, err))
                return false;
        own_exemplars(scrape, native && !native->dropped ? native : NULL);
        if (!native)
                return true;
        sample.v = sample.h->sum;
        scrape->result.scraped++;
        scrape->result.series_added += native->seen_in == 0 && !native->dropped;
        native->seen_in = scrape->exposition->scrape_number;
        native->timed = classic->timed;
        return native->dropped || scrape_push(scrape, native, &sample, err);
}

static void begin_classic(struct scrape *scrape, struct scraped_series *series,
                          const struct scraped_sample *sample)
{
        struct classic_under_way *classic = &scrape->classic;

        classic->active = true;
        classic->group = scraped_series_part(series)->group;
        classic->member = series;
        classic->exemplar_from = scrape->exemplar_count;
        classic->t_ms = sample->t_ms;
        classic->start_ms = sample->start_ms;
        classic->timed = sample->has_timestamp;
}

bool scrape_take_part(struct scrape *scrape, struct scraped_series *series,
                      const struct scraped_sample *sample, bool *ret_absorbed, struct error *err)
{
        const struct exposition_options *options = &scrape->exposition->options;
        const struct series_part *part = series->has_part ? scraped_series_part(series) : NULL;
        bool member = part && has_classic_role(part->role) && options->convert_classic &&
                      scrape->family_type == FAMILY_HISTOGRAM;
        struct classic_under_way *classic = &scrape->classic;

        if (classic->active && (!member || part->group != classic->group) &&
            !scrape_end_classic(scrape, err))
                return false;
        if (part && part->role == PART_CREATED)
                take_created(scrape, part->group, sample->v);
        if (!member)
                return true;
        if (!classic->active)
                begin_classic(scrape, series, sample);
        if (part->role == PART_BUCKET)
                histogram_classic_bucket(&classic->buckets, part->le, sample->v);
        else if (part->role == PART_COUNT)
                histogram_classic_count(&classic->buckets, sample->v);
        else
                histogram_classic_sum(&classic->buckets, sample->v);
        *ret_absorbed = !options->always_classic;
        return true;
}
