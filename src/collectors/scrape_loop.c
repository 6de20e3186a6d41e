#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/metrics.h"
#include "base/thread.h"
#include "collectors/scrape_int.h"
#include "http/server.h"
#include "ingest/exposition.h"

ALLOC_TYPE(scrape_target_type, "scrape_target")

METRIC_COUNTER(scrapes_total, "pitwall_scrapes_total", "", "Scrapes that were started.")
METRIC_COUNTER(scrapes_failed, "pitwall_scrapes_failed_total", "", "Scrapes that failed.")
METRIC_COUNTER(samples_total, "pitwall_scraped_samples_total", "", "Samples read from targets.")
METRIC_COUNTER(samples_duplicate, "pitwall_scrape_samples_refused_total", "reason=\"duplicate\"",
               "Scraped samples that the store refused.")
METRIC_COUNTER(samples_disorder, "pitwall_scrape_samples_refused_total",
               "reason=\"out_of_order\"", "Scraped samples that the store refused.")
METRIC_COUNTER(samples_bounds, "pitwall_scrape_samples_refused_total",
               "reason=\"out_of_bounds\"", "Scraped samples that the store refused.")

/* A scrape that starts this late or less has the time it was due as its timestamp, so that the
 * distance of samples stays constant and compresses to nothing. */
enum { ALIGN_TOLERANCE_MS = 10 };
/* How finely an interval is divided among its targets. */
enum { SLOT_MAX_MS = 100, SLOTS_MIN = 10 };
/* A body without a configured limit. 1 M series at 110 bytes a line fit twice. */
enum { BODY_DEFAULT_MAX_BYTES = 256 << 20 };
enum { TARGET_ARENA_BYTES = 1 << 20 };
/* How many of a scrape's reports are not extra. */
enum { EVERY_SCRAPE_REPORTS = 5 };

/* -1 says that it was over the limit. */
static double body_size(const struct http_fetch *fetch)
{
        if (fetch->failed)
                return fetch->err.code == ERROR_LIMIT ? -1 : 0;
        return fetch->status == 200 ? (double)fetch->body.len : 0;
}

static void report(struct target *target, const struct exposition_result *result, bool up)
{
        const struct scrape_config *config = target->config;
        const struct exposition_report reports[] = {
                {"up", up},
                {"scrape_duration_seconds", (double)target->fetch.duration_ns / 1e9},
                {"scrape_samples_scraped", (double)result->scraped},
                {"scrape_samples_post_metric_relabeling", (double)result->post_relabel},
                {"scrape_series_added", (double)result->series_added},
                {"scrape_timeout_seconds", (double)target->plan.timeout_ms / 1000},
                {"scrape_sample_limit", (double)config->sample_limit},
                {"scrape_body_size_bytes", body_size(&target->fetch)},
        };

        exposition_report(target->exposition, reports,
                          config->extra_scrape_metrics ? ARRAY_LEN(reports) : EVERY_SCRAPE_REPORTS,
                          target->scrape_time_ms);
}

static bool check_answer(const struct target *target, enum exposition_format *ret_format,
                         struct error *err)
{
        const struct http_fetch *fetch = &target->fetch;
        enum scrape_protocol protocol;

        if (fetch->failed && fetch->err.code == ERROR_LIMIT)
                return error_set(err, ERROR_LIMIT, "body size limit exceeded");
        if (fetch->failed)
                return error_set(err, fetch->err.code, "Get \"" STR_FMT "\": %s",
                                 STR_ARG(fetch->url), fetch->err.text);
        if (fetch->status != 200)
                return error_set(err, ERROR_NETWORK, "server returned HTTP status %d %s",
                                 fetch->status, http_status_text(fetch->status));
        if (!scrape_protocol_of_answer(str_from(fetch->content_type),
                                       target->config->fallback_protocol, &protocol, err))
                return false;
        *ret_format = protocol == SCRAPE_PROMETHEUS_PROTO ? EXPOSITION_PROTO
                      : protocol == SCRAPE_OPENMETRICS_1_0_0 ||
                                        protocol == SCRAPE_OPENMETRICS_0_0_1
                              ? EXPOSITION_OPENMETRICS : EXPOSITION_TEXT;
        return true;
}

static void count_result(const struct exposition_result *result, bool up)
{
        metric_add(&samples_total, (int64_t)result->scraped);
        metric_add(&samples_duplicate, (int64_t)result->duplicate);
        metric_add(&samples_disorder, (int64_t)result->out_of_order);
        metric_add(&samples_bounds, (int64_t)result->out_of_bounds);
        metric_add(&scrapes_failed, !up);
}

static void target_free(struct target *target)
{
        exposition_free(target->exposition);
        buf_release(&target->fetch.body);
        alloc_free(&scrape_target_type, target->error_text);
        arena_release(&target->arena);
        scrape_config_unref(target->config);
        alloc_free(&scrape_target_type, target);
}

void scrape_target_end(struct target *target)
{
        if (target->last_scrape_ms && !target->succeeded &&
            !atomic_load(&target->manager->stopping)) {
                int64_t now_ms = clock_now_ms(&clock_real);

                exposition_mark_stale(target->exposition, now_ms);
                exposition_mark_reports_stale(target->exposition, now_ms);
        }
        target_free(target);
}

static void leave_scrape(struct target *target, bool up, const struct error *err)
{
        struct scrape_manager *manager = target->manager;
        bool end;

        pthread_mutex_lock(&manager->lock);
        target->health = up ? TARGET_UP : TARGET_DOWN;
        target->error_text = alloc_free(&scrape_target_type, target->error_text);
        if (!up || err->code != ERROR_NONE)
                target->error_text = alloc_strdup(&scrape_target_type, err->text,
                                                  strlen(err->text));
        target->last_scrape_ms = target->scrape_time_ms;
        target->last_duration_s = (double)target->fetch.duration_ns / 1e9;
        target->scraping = false;
        end = target->removed;
        pthread_mutex_unlock(&manager->lock);
        if (end)
                scrape_target_end(target);
}

/* Parses, stores and reports, on a worker. */
static void process_answer(void *arg)
{
        struct target *target = arg;
        struct exposition_result result = {0};
        enum exposition_format format = EXPOSITION_TEXT;
        struct error err = {0};
        bool up;

        if (atomic_load(&target->manager->stopping)) {
                leave_scrape(target, false, &err);
                return;
        }
        up = check_answer(target, &format, &err);
        if (up)
                up = exposition_ingest(target->exposition, format, buf_str(&target->fetch.body),
                                       target->scrape_time_ms, &result, &err);
        else
                exposition_mark_stale(target->exposition, target->scrape_time_ms);
        if (up && result.series_refused)
                error_set(&err, ERROR_LIMIT, "%llu new series refused: %s",
                          (unsigned long long)result.series_refused, result.refusal.text);
        report(target, &result, up);
        count_result(&result, up);
        buf_release(&target->fetch.body);
        leave_scrape(target, up, &err);
}

static void on_fetched(struct http_fetch *fetch)
{
        struct target *target = fetch->ctx;

        if (!workers_submit(target->manager->workers, process_answer, target))
                process_answer(target);
}

/* A built-in target's turn, on a worker: rendering takes the place of fetching. */
static void process_render(void *arg)
{
        struct target *target = arg;
        struct http_fetch *fetch = &target->fetch;
        int64_t started_ns = clock_mono_ns(&clock_real);

        buf_clear(&fetch->body);
        target->config->render(target->config->render_ctx, &fetch->body);
        fetch->duration_ns = clock_mono_ns(&clock_real) - started_ns;
        fetch->status = 200;
        strcpy(fetch->content_type, "text/plain");
        process_answer(target);
}

static void fail_without_fetch(void *arg)
{
        struct target *target = arg;
        struct exposition_result result = {0};
        struct error err;

        error_set(&err, ERROR_LIMIT, "target_limit exceeded (number of targets: %zu, limit: %llu)",
                  atomic_load(&target->over_limit),
                  (unsigned long long)target->config->target_limit);
        exposition_mark_stale(target->exposition, target->scrape_time_ms);
        report(target, &result, false);
        count_result(&result, false);
        leave_scrape(target, false, &err);
}

void scrape_target_start(struct target *target, int64_t due_ms, int64_t now_ms)
{
        struct scrape_manager *manager = target->manager;
        void (*job)(void *arg) = atomic_load(&target->over_limit) ? fail_without_fetch
                                 : target->config->render  ? process_render : NULL;

        target->scraping = true;
        target->scrape_time_ms = now_ms - due_ms <= ALIGN_TOLERANCE_MS ? due_ms : now_ms;
        target->fetch.failed = false;
        target->fetch.status = 0;
        target->fetch.duration_ns = 0;
        metric_add(&scrapes_total, 1);
        if (!job)
                http_client_start(manager->client, &target->fetch);
        else if (!workers_submit(manager->workers, job, target))
                BUG_ON(true); /* the queue is larger than the number of targets can be */
}

/* ---- a new target ---------------------------------------------------------------------- */

static void fill_fetch(struct target *target)
{
        const struct scrape_config *config = target->config;
        struct buf accept CLEANUP(buf_release) = BUF_INIT(4096);
        const char *timeout;

        scrape_protocols_accept(&accept, &config->protocols, config->escaping);
        timeout = arena_printf(&target->arena, "%g", (double)target->plan.timeout_ms / 1000);
        target->headers[0] = (struct http_header){
                STR_LIT("Accept"), arena_str(&target->arena, buf_str(&accept))};
        target->headers[1] = (struct http_header){
                STR_LIT("X-Prometheus-Scrape-Timeout-Seconds"), str_from(timeout)};
        target->fetch = (struct http_fetch){
                .options = config->http,
                .url = target->plan.url,
                .headers = target->headers,
                .header_count = ARRAY_LEN(target->headers),
                .accept_gzip = config->enable_compression,
                .timeout_ms = target->plan.timeout_ms,
                /* A body as large as the limit is over it, in Prometheus. */
                .body = BUF_INIT(config->body_size_limit ? config->body_size_limit - 1
                                                         : BODY_DEFAULT_MAX_BYTES),
                .done = on_fetched,
                .ctx = target,
        };
}

/* Targets are scraped slot by slot: a few scrapes together cost half of what they cost one by one,
 * with cold caches. */
static int64_t slot_ns(const struct target *target)
{
        int64_t slot_ms = target->plan.interval_ms / SLOTS_MIN;

        if (slot_ms > SLOT_MAX_MS)
                slot_ms = SLOT_MAX_MS;
        /* Whole milliseconds: the timestamps of samples are. */
        return (slot_ms > 0 ? slot_ms : 1) * 1000000;
}

/* Spreads the targets of an interval over its slots, the same way after every start. */
static int64_t first_due_ns(const struct target *target)
{
        int64_t interval_ns = target->plan.interval_ms * 1000000;
        int64_t now_ns = clock_now_ns(&clock_real);
        int64_t offset_ns = (int64_t)(hash_str(target->key) % (uint64_t)interval_ns);
        int64_t due_ns = now_ns - now_ns % interval_ns + offset_ns;

        due_ns -= due_ns % slot_ns(target);
        return due_ns > now_ns ? due_ns : due_ns + interval_ns;
}

struct target *scrape_target_new(struct scrape_manager *manager, struct scrape_config *config,
                                 const struct target_plan *plan, struct str key)
{
        struct target *target = alloc_new(&scrape_target_type, sizeof(*target));
        struct exposition_options options = {
                .metric_relabel = config->metric_relabel,
                .honor_labels = config->honor_labels,
                .honor_timestamps = config->honor_timestamps,
                .track_timestamps_staleness = config->track_timestamps_staleness,
                .legacy_names = config->legacy_names,
                .native_histograms = plan->native_histograms,
                .convert_classic = plan->convert_classic,
                .always_classic = plan->always_classic,
                .type_and_unit_labels = manager->type_and_unit_labels,
                .native_bucket_factor_min = config->native_bucket_factor_min,
                .native_bucket_limit = config->native_bucket_limit,
                .sample_limit = config->sample_limit,
                .series_limit = config->target_series_limit,
                .job_quota = config->series_quota,
                .job_series_limit = config->series_limit,
                .label_limit = config->label_limit,
                .label_name_length_limit = config->label_name_length_limit,
                .label_value_length_limit = config->label_value_length_limit,
        };

        arena_init(&target->arena, TARGET_ARENA_BYTES);
        target->manager = manager;
        target->config = scrape_config_ref(config);
        target->plan = *plan;
        target->plan.labels = labels_copy(&target->arena, plan->labels);
        target->plan.discovered = labels_copy(&target->arena, plan->discovered);
        target->plan.url = arena_str(&target->arena, plan->url);
        target->key = arena_str(&target->arena, key);
        options.target_labels = target->plan.labels;
        target->exposition = exposition_new(&options, &manager->sink);
        fill_fetch(target);
        /* A built-in target has nobody to spare: it starts at once, to have data to show. */
        target->due_ns = config->render ? clock_now_ns(&clock_real) : first_due_ns(target);
        target->fetch.group = 1 + (unsigned)(target->due_ns / slot_ns(target) % HTTP_FETCH_GROUPS);
        return target;
}
