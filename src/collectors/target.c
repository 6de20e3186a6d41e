#include <stdlib.h>

#include "collectors/target_int.h"
#include "http/server.h"
#include "model/duration.h"

static void set_default(struct labels_builder *builder, struct str name, struct str value)
{
        if (!labels_builder_get(builder, name).len)
                labels_builder_set(builder, name, value);
}

static struct str duration_text(struct arena *arena, int64_t ms)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(64);

        duration_append(&text, ms);
        return arena_str(arena, buf_str(&text));
}

static struct str bool_text(bool value)
{
        return value ? STR_LIT("true") : STR_LIT("false");
}

static void discover(struct labels_builder *builder, const struct scrape_config *config,
                     const struct target_group *group)
{
        struct arena *arena = builder->arena;

        for (size_t i = 0; i < group->labels.count; i++)
                set_default(builder, group->labels.items[i].name, group->labels.items[i].value);
        set_default(builder, STR_LIT("job"), config->job_name);
        set_default(builder, STR_LIT("__scrape_interval__"),
                    duration_text(arena, config->interval_ms));
        set_default(builder, STR_LIT("__scrape_timeout__"),
                    duration_text(arena, config->timeout_ms));
        set_default(builder, STR_LIT("__scrape_native_histograms__"),
                    bool_text(config->native_histograms));
        set_default(builder, STR_LIT("__convert_classic_histograms_to_nhcb__"),
                    bool_text(config->convert_classic));
        set_default(builder, STR_LIT("__always_scrape_classic_histograms__"),
                    bool_text(config->always_classic));
        set_default(builder, STR_LIT("__metrics_path__"), config->metrics_path);
        set_default(builder, STR_LIT("__scheme__"), config->scheme);
        for (size_t i = 0; i < config->param_count; i++) {
                const char *name = arena_printf(arena, "__param_" STR_FMT,
                                                STR_ARG(config->params[i].name));

                set_default(builder, str_from(name), config->params[i].value);
        }
}

static bool parse_times(struct target_plan *plan, const struct labels_builder *builder,
                        struct error *err)
{
        struct str interval = labels_builder_get(builder, STR_LIT("__scrape_interval__"));
        struct str timeout = labels_builder_get(builder, STR_LIT("__scrape_timeout__"));

        if (!duration_parse(interval, &plan->interval_ms, err))
                return error_prefix(err, "error parsing scrape interval");
        if (!plan->interval_ms)
                return error_set(err, ERROR_INVALID, "scrape interval cannot be 0");
        if (!duration_parse(timeout, &plan->timeout_ms, err))
                return error_prefix(err, "error parsing scrape timeout");
        if (!plan->timeout_ms)
                return error_set(err, ERROR_INVALID, "scrape timeout cannot be 0");
        if (plan->timeout_ms > plan->interval_ms)
                return error_set(err, ERROR_INVALID,
                                 "scrape timeout cannot be greater than scrape interval (\"" STR_FMT
                                 "\" > \"" STR_FMT "\")", STR_ARG(timeout), STR_ARG(interval));
        return true;
}

/* The spellings of Go's ParseBool. */
static bool parse_bool(const struct labels_builder *builder, const char *name, bool *ret_value,
                       struct error *err)
{
        static const char *const words[] = {"1", "t", "T", "true", "TRUE", "True",
                                            "0", "f", "F", "false", "FALSE", "False"};
        struct str text = labels_builder_get(builder, str_from(name));

        for (size_t i = 0; i < ARRAY_LEN(words); i++) {
                if (str_is(text, words[i])) {
                        *ret_value = i < ARRAY_LEN(words) / 2;
                        return true;
                }
        }
        return error_set(err, ERROR_INVALID, "error parsing %s: \"" STR_FMT "\"", name,
                         STR_ARG(text));
}

static bool parse_histogram_choices(struct target_plan *plan, const struct labels_builder *builder,
                                    struct error *err)
{
        return parse_bool(builder, "__scrape_native_histograms__", &plan->native_histograms,
                          err) &&
               parse_bool(builder, "__convert_classic_histograms_to_nhcb__",
                          &plan->convert_classic, err) &&
               parse_bool(builder, "__always_scrape_classic_histograms__", &plan->always_classic,
                          err);
}

static int compare_params(const void *a, const void *b)
{
        return str_compare(((const struct label *)a)->name,
                           ((const struct label *)b)->name);
}

/* The config's parameters; a __param_ label replaces the first value of its name, or adds one. */
static size_t collect_params(struct arena *arena, const struct scrape_config *config,
                             struct labels labels, struct label **ret_params)
{
        struct label *params =
                arena_array(arena, struct label, config->param_count + labels.count);
        size_t count = config->param_count;

        if (count)
                memcpy(params, config->params, count * sizeof(*params));
        for (size_t i = 0; i < labels.count; i++) {
                struct str name = labels.items[i].name;
                size_t at = 0;

                if (!str_starts_with(name, STR_LIT("__param_")))
                        continue;
                name = str_slice(name, strlen("__param_"), name.len);
                while (at < count && !str_equal(params[at].name, name))
                        at++;
                params[at] = (struct label){name, labels.items[i].value};
                count += at == count;
        }
        *ret_params = params;
        return count;
}

static struct str make_url(struct arena *arena, const struct scrape_config *config,
                           struct labels labels)
{
        struct buf url CLEANUP(buf_release) = BUF_INIT(64 << 10);
        struct str path = labels_get(labels, STR_LIT("__metrics_path__"));
        struct label *params;
        size_t count = collect_params(arena, config, labels, &params);

        if (config->render)
                return config->render_url;
        buf_append_str(&url, labels_get(labels, STR_LIT("__scheme__")));
        buf_append_cstr(&url, "://");
        buf_append_str(&url, labels_get(labels, STR_LIT("__address__")));
        if (path.len && path.data[0] != '/')
                buf_append_byte(&url, '/');
        buf_append_str(&url, path);
        qsort(params, count, sizeof(*params), compare_params);
        for (size_t i = 0; i < count; i++) {
                buf_append_byte(&url, i == 0 && str_find_byte(path, '?') == path.len ? '?' : '&');
                http_url_encode_query(&url, params[i].name);
                buf_append_byte(&url, '=');
                http_url_encode_query(&url, params[i].value);
        }
        return arena_str(arena, buf_str(&url));
}

static struct labels without(struct arena *arena, struct labels labels, struct str prefix)
{
        struct label *items = arena_array(arena, struct label, labels.count);
        size_t count = 0;

        for (size_t i = 0; i < labels.count; i++)
                if (!str_starts_with(labels.items[i].name, prefix))
                        items[count++] = labels.items[i];
        return (struct labels){items, count};
}

static struct labels snapshot(struct arena *arena, struct labels_builder *builder)
{
        return labels_copy(arena, labels_builder_finish(builder));
}

bool target_plan_make(struct target_plan *plan, struct arena *arena,
                      const struct scrape_config *config, const struct target_group *group,
                      size_t index, struct error *err)
{
        struct labels_builder builder;
        struct labels all;
        struct str address;

        *plan = (struct target_plan){0};
        labels_builder_init(&builder, arena, group->targets[index]);
        discover(&builder, config, group);
        plan->discovered = snapshot(arena, &builder);
        plan->dropped = !relabel_apply(config->relabel, &builder);
        if (plan->dropped)
                return true;
        address = labels_builder_get(&builder, STR_LIT("__address__"));
        if (!address.len) {
                plan->dropped = true;
                return true;
        }
        if (str_find_byte(address, '/') < address.len)
                return error_set(err, ERROR_INVALID, "\"" STR_FMT "\" is not a valid hostname",
                                 STR_ARG(address));
        if (!parse_times(plan, &builder, err) || !parse_histogram_choices(plan, &builder, err))
                return false;
        set_default(&builder, STR_LIT("instance"), address);
        all = snapshot(arena, &builder);
        for (size_t i = 0; i < all.count; i++)
                if (!str_is_utf8(all.items[i].value))
                        return error_set(err, ERROR_INVALID, "invalid label value for \"" STR_FMT
                                         "\"", STR_ARG(all.items[i].name));
        plan->relabeled = without(arena, all, STR_LIT("__meta_"));
        plan->labels = without(arena, all, STR_LIT("__"));
        plan->url = make_url(arena, config, all);
        return true;
}
