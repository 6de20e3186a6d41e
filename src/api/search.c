/* /api/v1/search/...: names and values that resemble a text, as lines of JSON. Prometheus 3.14
 * calls this experimental; parameters and shapes are those of its search API. */
#include <stdlib.h>

#include "api/api_int.h"
#include "api/fuzzy_int.h"
#include "collectors/scrape.h"
#include "ingest/metadata.h"

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 10000, BATCH_DEFAULT = 100, TERMS_MAX = 16 };

enum search_kind { SEARCH_METRIC_NAMES, SEARCH_LABEL_NAMES, SEARCH_LABEL_VALUES };
enum search_sort { SORT_NONE, SORT_ALPHA, SORT_SCORE, SORT_CARDINALITY, SORT_FREQUENCY };

struct search {
        struct api *api;
        struct http_request *request;
        struct querier *querier;
        enum search_kind kind;
        struct api_selectors selectors;
        struct str label;              /* whose values are searched */
        struct str terms[TERMS_MAX];   /* one must match */
        size_t term_count;
        int64_t threshold;             /* 0 to 100 */
        bool jaro_winkler, ignore_case, descending;
        enum search_sort sort;
        int64_t limit, batch_size;
        bool with_score, with_cardinality, with_frequency, with_metadata;
};

struct found {
        struct str text;
        double score;
        int64_t cardinality, frequency;
};

/* ---- parameters ---------------------------------------------------------------------------- */

static bool bad(struct error *err, const char *name, struct str value, const char *wanted)
{
        return error_set(err, ERROR_INVALID, "invalid %s \"" STR_FMT "\": must be %s", name,
                         STR_ARG(value), wanted);
}

static bool read_number(struct http_request *request, const char *name, int64_t max,
                        const char *wanted, int64_t *value, struct error *err)
{
        int64_t fallback = *value, given;

        if (!api_integer(request, name, fallback, &given) || given < 0 || given > max)
                return bad(err, name, http_request_param(request, name), wanted);
        *value = given;
        return true;
}

static bool read_flag(struct http_request *request, const char *name)
{
        return str_is(http_request_param(request, name), "true");
}

static bool read_terms(struct search *search, struct error *err)
{
        for (size_t i = 0; i < search->request->param_count; i++) {
                const struct http_param *param = &search->request->params[i];

                if ((!str_is(param->name, "search") && !str_is(param->name, "search[]")) ||
                    !param->value.len)
                        continue;
                if (search->term_count == TERMS_MAX)
                        return error_set(err, ERROR_INVALID, "more than %d search terms",
                                         TERMS_MAX);
                search->terms[search->term_count++] = param->value;
        }
        return true;
}

static bool read_sort(struct search *search, struct error *err)
{
        static const char *const names[] = {"", "alpha", "score", "cardinality", "frequency"};
        struct str by = http_request_param(search->request, "sort_by");
        struct str direction = http_request_param(search->request, "sort_dir");
        size_t at = 0;

        while (at < ARRAY_LEN(names) && !str_is(by, names[at]))
                at++;
        if (at == ARRAY_LEN(names) || (at == SORT_CARDINALITY &&
                                       search->kind == SEARCH_LABEL_VALUES) ||
            (at == SORT_FREQUENCY && search->kind == SEARCH_METRIC_NAMES))
                return bad(err, "sort_by", by, "alpha, score, or a count that these have");
        search->sort = (enum search_sort)at;
        search->with_cardinality |= at == SORT_CARDINALITY;
        search->with_frequency |= at == SORT_FREQUENCY;
        if (direction.len && !by.len)
                return error_set(err, ERROR_INVALID,
                                 "sort_dir is only valid when sort_by is set");
        if (direction.len && !str_is(direction, "asc") && !str_is(direction, "dsc"))
                return bad(err, "sort_dir", direction, "\"asc\" or \"dsc\"");
        search->descending = str_is(direction, "dsc");
        return true;
}

static bool read_search(struct search *search, struct error *err)
{
        struct http_request *request = search->request;
        struct str algorithm = http_request_param(request, "fuzz_alg");
        struct str sensitive = http_request_param(request, "case_sensitive");

        search->limit = LIMIT_DEFAULT;
        search->batch_size = BATCH_DEFAULT;
        search->with_score = read_flag(request, "include_score");
        search->with_cardinality = read_flag(request, "include_cardinality");
        search->with_frequency = read_flag(request, "include_frequency");
        search->with_metadata = read_flag(request, "include_metadata");
        search->label = http_request_param(request, "label");
        if (algorithm.len && !str_is(algorithm, "subsequence") &&
            !str_is(algorithm, "jarowinkler"))
                return bad(err, "fuzz_alg", algorithm, "\"subsequence\" or \"jarowinkler\"");
        search->jaro_winkler = str_is(algorithm, "jarowinkler");
        if (sensitive.len && !str_is(sensitive, "true") && !str_is(sensitive, "false"))
                return bad(err, "case_sensitive", sensitive, "boolean");
        search->ignore_case = str_is(sensitive, "false");
        if (search->kind == SEARCH_LABEL_VALUES && !search->label.len)
                return error_set(err, ERROR_INVALID, "missing required parameter \"label\"");
        if (search->kind == SEARCH_METRIC_NAMES)
                search->label = LABEL_METRIC_NAME;
        if (!api_selectors(request, &search->selectors, err) || !read_terms(search, err) ||
            !read_sort(search, err) ||
            !read_number(request, "fuzz_threshold", 100, "0-100", &search->threshold, err) ||
            !read_number(request, "limit", LIMIT_MAX, "an integer from 0 to 10000",
                         &search->limit, err) ||
            !read_number(request, "batch_size", LIMIT_MAX, "a non-negative integer",
                         &search->batch_size, err))
                return false;
        search->limit = search->limit ? search->limit : LIMIT_DEFAULT;
        search->batch_size = search->batch_size ? search->batch_size : BATCH_DEFAULT;
        return true;
}

/* ---- searching ----------------------------------------------------------------------------- */

/* 0: no term matches. */
static double score(const struct search *search, struct str text)
{
        double best = search->term_count ? 0 : 1, least = (double)search->threshold / 100;

        for (size_t i = 0; i < search->term_count; i++) {
                double one = search->jaro_winkler
                                     ? fuzzy_jaro_winkler(search->terms[i], text,
                                                          search->ignore_case)
                                     : fuzzy_subsequence(search->terms[i], text,
                                                         search->ignore_case);

                if (one >= least && one > best)
                        best = one;
        }
        return best;
}

/* Series that match `extra` and any of the request's selectors; for label names, values. */
static bool count_series(struct search *search, const struct matcher *extra, int64_t *ret_count,
                         struct error *err)
{
        static const struct promql_selector everything = {NULL, 0};
        const struct api_selectors *given = &search->selectors;
        size_t sets = given->count ? given->count : 1;

        *ret_count = 0;
        for (size_t i = 0; i < sets; i++) {
                const struct promql_selector *selector = given->count ? &given->items[i]
                                                                      : &everything;
                struct arena arena;
                struct matcher *all;
                struct series_list list;
                bool ok;

                arena_init(&arena, search->request->arena->limit_bytes);
                all = arena_array(&arena, struct matcher, selector->count + 1);
                if (selector->count)
                        memcpy(all, selector->matchers, selector->count * sizeof(*all));
                all[selector->count] = *extra;
                ok = search->querier->ops->select(search->querier, &arena, all,
                                                  selector->count + 1, &search->request->canceled,
                                                  &list, err);
                /* Series of several overlapping selectors are counted for the largest alone. */
                if (ok && (int64_t)list.count > *ret_count)
                        *ret_count = (int64_t)list.count;
                arena_release(&arena);
                if (!ok)
                        return false;
        }
        return true;
}

static bool count_one(struct search *search, struct found *found, struct error *err)
{
        struct arena *arena = search->request->arena;
        bool names = search->kind == SEARCH_LABEL_NAMES;
        struct matcher extra;
        int64_t count;

        if (search->with_cardinality && names) {
                struct str *values;
                size_t value_count;

                if (!search->querier->ops->label_values(search->querier, arena, found->text, NULL,
                                                        0, &values, &value_count, err))
                        return false;
                found->cardinality = (int64_t)value_count;
        }
        if (!search->with_frequency && (names || !search->with_cardinality))
                return true;
        if (!matcher_init(&extra, arena, names ? MATCHER_NOT_EQUAL : MATCHER_EQUAL,
                          names ? found->text : search->label,
                          names ? STR_LIT("") : found->text, err) ||
            !count_series(search, &extra, &count, err))
                return false;
        if (search->kind == SEARCH_METRIC_NAMES)
                found->cardinality = count;
        else
                found->frequency = count;
        return true;
}

static int compare_numbers(double a, double b)
{
        return a < b ? -1 : a > b;
}

static int compare_found(const void *a_ptr, const void *b_ptr, void *ctx)
{
        const struct found *a = a_ptr, *b = b_ptr;
        const struct search *search = ctx;
        int order = 0;

        if (search->sort == SORT_SCORE)
                order = compare_numbers(b->score, a->score); /* the best first, either way */
        else if (search->sort == SORT_CARDINALITY)
                order = compare_numbers((double)a->cardinality, (double)b->cardinality);
        else if (search->sort == SORT_FREQUENCY)
                order = compare_numbers((double)a->frequency, (double)b->frequency);
        if (search->sort != SORT_SCORE && search->descending)
                order = -order;
        if (order)
                return order;
        order = str_compare(a->text, b->text);
        return search->sort == SORT_ALPHA && search->descending ? -order : order;
}

static bool find(struct search *search, struct found **ret_found, size_t *ret_count,
                 struct error *err)
{
        struct arena *arena = search->request->arena;
        struct found *found;
        struct str *texts;
        size_t count, kept = 0;

        if (!api_collect_texts(search->querier, arena, &search->selectors,
                               search->kind == SEARCH_LABEL_NAMES ? NULL : &search->label, &texts,
                               &count, err))
                return false;
        found = arena_array(arena, struct found, count + 1);
        for (size_t i = 0; i < count; i++) {
                double one = score(search, texts[i]);

                if (one > 0)
                        found[kept++] = (struct found){.text = texts[i], .score = one};
        }
        if (search->sort == SORT_CARDINALITY || search->sort == SORT_FREQUENCY)
                for (size_t i = 0; i < kept; i++)
                        if (!count_one(search, &found[i], err))
                                return false;
        qsort_r(found, kept, sizeof(*found), compare_found, search);
        *ret_found = found;
        *ret_count = kept;
        return true;
}

/* ---- answering ----------------------------------------------------------------------------- */

struct metadata_lookup {
        struct json_writer *writer;
        struct str metric;
        bool found;
};

static void write_metadata(const struct target_status *target,
                           const struct metric_metadata *metadata, void *ctx)
{
        struct metadata_lookup *lookup = ctx;

        (void)target;
        if (lookup->found || !str_equal(metadata->metric, lookup->metric))
                return;
        lookup->found = true;
        json_key(lookup->writer, "type");
        json_string(lookup->writer, metadata->type);
        if (metadata->help.len) {
                json_key(lookup->writer, "help");
                json_string(lookup->writer, metadata->help);
        }
}

static void write_found(struct search *search, struct json_writer *writer,
                        const struct found *found)
{
        json_object_begin(writer);
        json_key(writer, search->kind == SEARCH_LABEL_VALUES ? "value" : "name");
        json_string(writer, found->text);
        if (search->with_score) {
                json_key(writer, "score");
                buf_printf(writer->out, "%.6g", found->score);
                writer->need_comma = true;
        }
        if (search->with_frequency) {
                json_key(writer, "frequency");
                json_int(writer, found->frequency);
        }
        if (search->with_cardinality && search->kind != SEARCH_LABEL_VALUES) {
                json_key(writer, "cardinality");
                json_int(writer, found->cardinality);
        }
        if (search->with_metadata && search->kind == SEARCH_METRIC_NAMES) {
                struct metadata_lookup lookup = {writer, found->text, false};

                scrape_manager_each_metadata(search->api->scrapes, write_metadata, &lookup);
        }
        json_object_end(writer);
}

static void write_batches(struct search *search, struct http_response *response,
                          const struct found *found, size_t count, bool more)
{
        struct buf *out = &response->body;
        size_t at = 0;

        response->content_type = "application/x-ndjson; charset=utf-8";
        do {
                struct json_writer writer = json_writer_make(out);
                size_t end = count - at < (size_t)search->batch_size
                                     ? count : at + (size_t)search->batch_size;

                json_object_begin(&writer);
                json_key(&writer, "results");
                json_array_begin(&writer);
                for (; at < end; at++)
                        write_found(search, &writer, &found[at]);
                json_array_end(&writer);
                json_object_end(&writer);
                buf_append_byte(out, '\n');
        } while (at < count);
        buf_printf(out, "{\"status\":\"success\",\"has_more\":%s}\n", more ? "true" : "false");
}

static bool search_and_answer(struct search *search, struct http_response *response,
                              struct error *err)
{
        struct found *found;
        size_t count;
        bool more;

        if (!find(search, &found, &count, err))
                return false;
        more = count > (size_t)search->limit;
        if (more)
                count = (size_t)search->limit;
        if (search->sort != SORT_CARDINALITY && search->sort != SORT_FREQUENCY)
                for (size_t i = 0; i < count; i++)
                        if (!count_one(search, &found[i], err))
                                return false;
        write_batches(search, response, found, count, more);
        return true;
}

static void handle(struct api *api, struct http_request *request, struct http_response *response,
                   enum search_kind kind)
{
        struct search search = {.api = api, .request = request, .kind = kind};
        int64_t start_ms, end_ms;
        struct error err;
        bool ok;

        if (!api_time(request, response, "start", API_MIN_TIME_MS, &start_ms) ||
            !api_time(request, response, "end", API_MAX_TIME_MS, &end_ms))
                return;
        ok = read_search(&search, &err) &&
             api->source.open(api->source.ctx, start_ms, end_ms, &search.querier, &err);
        if (ok) {
                ok = search_and_answer(&search, response, &err);
                search.querier->ops->close(search.querier);
        }
        if (!ok)
                api_fail(response, &err);
}

static void handle_metric_names(struct http_request *request, struct http_response *response,
                                void *ctx)
{
        handle(ctx, request, response, SEARCH_METRIC_NAMES);
}

static void handle_label_names(struct http_request *request, struct http_response *response,
                               void *ctx)
{
        handle(ctx, request, response, SEARCH_LABEL_NAMES);
}

static void handle_label_values(struct http_request *request, struct http_response *response,
                                void *ctx)
{
        handle(ctx, request, response, SEARCH_LABEL_VALUES);
}

void api_search_register(struct api *api, struct http_router *router)
{
        static const char *const methods[] = {"GET", "POST"};

        for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
                http_router_add(router, methods[i], "/api/v1/search/metric_names",
                                handle_metric_names, api);
                http_router_add(router, methods[i], "/api/v1/search/label_names",
                                handle_label_names, api);
                http_router_add(router, methods[i], "/api/v1/search/label_values",
                                handle_label_values, api);
        }
}
