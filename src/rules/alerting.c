#include <stdlib.h>

#include "base/alloc.h"
#include "rules/runner_int.h"
#include "template/prometheus.h"

ALLOC_TYPE(alert_set_type, "alert_set")
ALLOC_TYPE(alert_type, "alert")

/* An alert that is over is still known for so long, to be told to whoever missed it. */
static const int64_t RESOLVED_RETENTION_MS = 15 * 60 * 1000;

enum { TEXT_MAX_BYTES = 1 << 20 };

#define LABEL_ALERT_NAME STR_LIT("alertname")

/* A label or annotation. Most are plain text. */
struct text {
        struct str name, text;
        struct template_set *templates; /* NULL: plain */
        const char *reason;             /* why it cannot be rendered, or NULL */
};

struct held_alert {
        struct arena identity, texts; /* of the labels; of the annotations, which change */
};

struct alert_set {
        const struct rule *rule;
        struct arena arena;
        struct str template_name;
        struct text *labels, *annotations;
        size_t label_count, annotation_count;
        struct alert *alerts;    /* sorted by labels */
        struct held_alert *held; /* of each alert */
        size_t count;
};

/* What an evaluation found. */
struct candidate {
        struct labels labels, annotations;
        double value;
};

/* ---- templates ---------------------------------------------------------------------------- */

static struct text *make_texts(struct alert_set *set, struct labels texts)
{
        struct text *made = arena_array(&set->arena, struct text, texts.count + 1);

        for (size_t i = 0; i < texts.count; i++) {
                struct error err;

                made[i].name = texts.items[i].name;
                made[i].text = texts.items[i].value;
                if (!str_contains(texts.items[i].value, STR_LIT("{{")))
                        continue;
                made[i].templates = template_set_new();
                template_set_add_functions(made[i].templates, template_prometheus_functions);
                if (!template_set_parse(made[i].templates, set->template_name,
                                        str_from(arena_printf(&set->arena, "%s" STR_FMT,
                                                              template_prometheus_definitions,
                                                              STR_ARG(made[i].text))), &err))
                        made[i].reason = arena_printf(&set->arena,
                                                      "error parsing template " STR_FMT ": %s",
                                                      STR_ARG(set->template_name), err.text);
        }
        return made;
}

static void free_texts(struct text *texts, size_t count)
{
        for (size_t i = 0; i < count; i++)
                template_set_free(texts[i].templates);
}

struct alert_set *alert_set_new(const struct rule *rule, struct labels labels)
{
        struct alert_set *set = alloc_new(&alert_set_type, sizeof(*set));

        set->rule = rule;
        arena_init(&set->arena, SIZE_MAX);
        set->template_name = str_from(arena_printf(&set->arena, "__alert_" STR_FMT,
                                                   STR_ARG(rule->alert)));
        set->labels = make_texts(set, labels);
        set->label_count = labels.count;
        set->annotations = make_texts(set, rule->annotations);
        set->annotation_count = rule->annotations.count;
        return set;
}

static void drop_alerts(struct alert_set *set)
{
        for (size_t i = 0; i < set->count; i++) {
                arena_release(&set->held[i].identity);
                arena_release(&set->held[i].texts);
        }
        set->alerts = alloc_free(&alert_type, set->alerts);
        set->held = alloc_free(&alert_type, set->held);
        set->count = 0;
}

struct alert_set *alert_set_free(struct alert_set *set)
{
        if (!set)
                return NULL;
        drop_alerts(set);
        free_texts(set->labels, set->label_count);
        free_texts(set->annotations, set->annotation_count);
        arena_release(&set->arena);
        return alloc_free(&alert_set_type, set);
}

static struct template_value to_map(struct arena *arena, struct labels labels)
{
        struct template_entry *entries = arena_array(arena, struct template_entry,
                                                     labels.count + 1);

        for (size_t i = 0; i < labels.count; i++)
                entries[i] = (struct template_entry){
                        labels.items[i].name, template_from_str(labels.items[i].value)};
        return template_from_map(&template_string_map, arena, entries, labels.count);
}

/* The query function of templates. */
static bool query(void *ctx, struct str expression, struct arena *arena,
                  struct template_value **ret_samples, size_t *ret_count, struct error *err)
{
        struct evaluation *eval = ctx;
        const struct promql_expr *expr;
        struct promql_result result;

        if (!promql_expr_parse(arena, expression, &eval->env->promql.features, &expr, err) ||
            !evaluation_query(eval, expr, &result, err))
                return false;
        *ret_count = result.series_count;
        *ret_samples = arena_array(arena, struct template_value, result.series_count + 1);
        for (size_t i = 0; i < result.series_count; i++)
                (*ret_samples)[i] = template_prometheus_sample(
                        arena, to_map(arena, result.series[i].labels), result.series[i].v[0]);
        return true;
}

static struct template_value value_of(struct arena *arena, const struct promql_series *series)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(TEXT_MAX_BYTES);

        if (!series->h || !series->h[0])
                return template_from_float(series->v[0]);
        histogram_append_text(&text, series->h[0]);
        return template_from_str(arena_str(arena, buf_str(&text)));
}

static struct str render(const struct alert_set *set, struct evaluation *eval,
                         const struct text *text, struct template_value data)
{
        struct buf out CLEANUP(buf_release) = BUF_INIT(TEXT_MAX_BYTES);
        struct template_prometheus env = {eval->now_ms, eval->env->external_url,
                                          eval->env->path_prefix, query, eval};
        struct template_run run = {data, &env, eval->arena, &out};
        struct error err;

        if (!text->templates)
                return text->text;
        if (text->reason)
                return str_from(arena_printf(eval->arena, "<error expanding template: %s>",
                                             text->reason));
        if (!template_execute(text->templates, set->template_name, &run, &err))
                return str_from(arena_printf(
                        eval->arena,
                        "<error expanding template: error executing template " STR_FMT ": %s>",
                        STR_ARG(set->template_name), err.text));
        return arena_str(eval->arena, buf_str(&out));
}

/* ---- evaluation --------------------------------------------------------------------------- */

static struct candidate make_candidate(const struct alert_set *set, struct evaluation *eval,
                                       const struct promql_series *series)
{
        struct template_value data = template_prometheus_data(
                eval->arena, to_map(eval->arena, series->labels),
                to_map(eval->arena, eval->env->external_labels), eval->env->external_url,
                value_of(eval->arena, series));
        struct labels_builder labels, annotations;

        labels_builder_init(&labels, eval->arena, series->labels);
        labels_builder_delete(&labels, LABEL_METRIC_NAME);
        for (size_t i = 0; i < set->label_count; i++)
                labels_builder_set(&labels, set->labels[i].name,
                                   render(set, eval, &set->labels[i], data));
        labels_builder_set(&labels, LABEL_ALERT_NAME, set->rule->alert);
        labels_builder_init(&annotations, eval->arena, (struct labels){0});
        for (size_t i = 0; i < set->annotation_count; i++)
                labels_builder_set(&annotations, set->annotations[i].name,
                                   render(set, eval, &set->annotations[i], data));
        return (struct candidate){labels_builder_finish(&labels),
                                  labels_builder_finish(&annotations), series->v[0]};
}

static int compare_candidates(const void *a, const void *b)
{
        return labels_compare(((const struct candidate *)a)->labels,
                              ((const struct candidate *)b)->labels);
}

static bool find_candidates(const struct alert_set *set, struct evaluation *eval,
                            struct candidate **ret_found, size_t *ret_count, struct error *err)
{
        struct promql_result result;
        struct candidate *found;

        if (!evaluation_query(eval, eval->rule->parsed, &result, err))
                return false;
        found = arena_array(eval->arena, struct candidate, result.series_count + 1);
        for (size_t i = 0; i < result.series_count; i++)
                found[i] = make_candidate(set, eval, &result.series[i]);
        if (arena_over_budget(eval->arena))
                return error_set(err, ERROR_LIMIT, "the alerts take too much memory");
        qsort(found, result.series_count, sizeof(*found), compare_candidates);
        for (size_t i = 1; i < result.series_count; i++)
                if (labels_equal(found[i - 1].labels, found[i].labels))
                        return error_set(err, ERROR_EXECUTION,
                                         "vector contains metrics with the same labelset after "
                                         "applying alert labels");
        *ret_found = found;
        *ret_count = result.series_count;
        return true;
}

/* The alert that a result stands for: a new one, or one that was there and is over is new again. */
static void take_candidate(struct alert *alert, struct held_alert *held,
                           const struct candidate *candidate, int64_t now_ms)
{
        if (alert->state == ALERT_INACTIVE) {
                arena_release(&held->identity);
                arena_init(&held->identity, SIZE_MAX);
                *alert = (struct alert){.labels = labels_copy(&held->identity, candidate->labels),
                                        .state = ALERT_PENDING,
                                        .active_at_ms = now_ms};
        }
        alert->value = candidate->value;
        alert->keep_firing_since_ms = 0;
        arena_release(&held->texts);
        arena_init(&held->texts, SIZE_MAX);
        alert->annotations = labels_copy(&held->texts, candidate->annotations);
}

/* Nothing stands for the alert any more. False when it is to be forgotten. */
static bool miss_candidate(const struct rule *rule, struct alert *alert, int64_t now_ms)
{
        if (alert->state == ALERT_FIRING && rule->keep_firing_for_ms > 0) {
                if (!alert->keep_firing_since_ms)
                        alert->keep_firing_since_ms = now_ms;
                if (now_ms - alert->keep_firing_since_ms < rule->keep_firing_for_ms)
                        return true;
        }
        if (alert->state == ALERT_PENDING ||
            (alert->resolved_at_ms && now_ms - alert->resolved_at_ms > RESOLVED_RETENTION_MS))
                return false;
        if (alert->state == ALERT_FIRING) {
                alert->state = ALERT_INACTIVE;
                alert->resolved_at_ms = now_ms;
        }
        return true;
}

/* Both lists are sorted: the alerts after this evaluation are made of the two. */
static void merge(struct alert_set *set, const struct candidate *found, size_t found_count,
                  int64_t now_ms)
{
        size_t max = set->count + found_count, count = 0, i = 0, k = 0;
        struct alert *alerts = alloc_new(&alert_type, (max + 1) * sizeof(*alerts));
        struct held_alert *held = alloc_new(&alert_type, (max + 1) * sizeof(*held));

        while (i < set->count || k < found_count) {
                int order = i == set->count       ? 1
                            : k == found_count    ? -1
                            : labels_compare(set->alerts[i].labels, found[k].labels);

                alerts[count] = order <= 0 ? set->alerts[i] : (struct alert){0};
                if (order <= 0)
                        held[count] = set->held[i++];
                if (order >= 0) {
                        take_candidate(&alerts[count], &held[count], &found[k++], now_ms);
                } else if (!miss_candidate(set->rule, &alerts[count], now_ms)) {
                        arena_release(&held[count].identity);
                        arena_release(&held[count].texts);
                        held[count] = (struct held_alert){0};
                        continue;
                }
                count++;
        }
        alloc_free(&alert_type, set->alerts);
        alloc_free(&alert_type, set->held);
        set->alerts = alerts;
        set->held = held;
        set->count = count;
}

/* ALERTS and ALERTS_FOR_STATE. */
static void add_outputs(const struct alert_set *set, struct evaluation *eval,
                        const struct alert *alert)
{
        int64_t active_at_s = alert->active_at_ms / 1000;
        struct labels_builder builder;

        labels_builder_init(&builder, eval->arena, alert->labels);
        labels_builder_set(&builder, LABEL_METRIC_NAME, STR_LIT("ALERTS_FOR_STATE"));
        labels_builder_set(&builder, LABEL_ALERT_NAME, set->rule->alert);
        evaluation_add(eval, labels_builder_finish(&builder), (double)active_at_s, NULL);
        labels_builder_init(&builder, eval->arena, alert->labels);
        labels_builder_set(&builder, LABEL_METRIC_NAME, STR_LIT("ALERTS"));
        labels_builder_set(&builder, LABEL_ALERT_NAME, set->rule->alert);
        labels_builder_set(&builder, STR_LIT("alertstate"),
                           str_from(alert_state_name(alert->state)));
        evaluation_add(eval, labels_builder_finish(&builder), 1, NULL);
}

static void set_state(const struct rule *rule, struct alert *alert, int64_t now_ms)
{
        if (alert->state == ALERT_PENDING && now_ms - alert->active_at_ms >= rule->for_ms) {
                alert->state = ALERT_FIRING;
                alert->fired_at_ms = now_ms;
        }
}

bool alert_set_evaluate(struct alert_set *set, struct evaluation *eval, struct error *err)
{
        struct candidate *found = NULL;
        size_t count = 0, active = 0;

        if (!find_candidates(set, eval, &found, &count, err))
                return false;
        merge(set, found, count, eval->now_ms);
        for (size_t i = 0; i < set->count; i++) {
                if (set->alerts[i].state == ALERT_INACTIVE)
                        continue;
                set_state(set->rule, &set->alerts[i], eval->now_ms);
                add_outputs(set, eval, &set->alerts[i]);
                active++;
        }
        if (!eval->limit || active <= eval->limit)
                return true;
        drop_alerts(set);
        return error_set(err, ERROR_LIMIT, "exceeded limit of %llu with %zu alerts",
                         (unsigned long long)eval->limit, active);
}

const struct alert *alert_set_list(const struct alert_set *set, size_t *ret_count)
{
        *ret_count = set->count;
        return set->alerts;
}
