#include <stdlib.h>

#include "base/alloc.h"
#include "rules/runner_int.h"

ALLOC_TYPE(runner_type, "rule_runner")

/* Of one evaluation of one rule: what it returns, and the working memory of what it writes. */
enum { EVALUATION_MAX_BYTES = 1 << 30 };

struct rule_memory {
        struct labels labels; /* of the rule, its group's among them */
        struct alert_set *alerts; /* NULL: a recording rule */
        enum rule_health health;
        char error[1024];
        /* The series of the last evaluation that made any, sorted, in their own arena. */
        struct arena arena;
        struct labels *series;
        size_t count;
};

struct rule_runner {
        const struct rule_group *group;
        const struct rules_env *env;
        struct arena arena; /* labels of the rules */
        struct rule_memory *rules;
};

const char *alert_state_name(enum alert_state state)
{
        return state == ALERT_FIRING ? "firing" : state == ALERT_PENDING ? "pending" : "inactive";
}

static struct labels join(struct arena *arena, struct labels group, struct labels rule)
{
        struct labels_builder builder;

        labels_builder_init(&builder, arena, group);
        for (size_t i = 0; i < rule.count; i++)
                labels_builder_set(&builder, rule.items[i].name, rule.items[i].value);
        return labels_builder_finish(&builder);
}

struct rule_runner *rule_runner_new(const struct rule_group *group, const struct rules_env *env)
{
        struct rule_runner *runner = alloc_new(&runner_type, sizeof(*runner));

        runner->group = group;
        runner->env = env;
        arena_init(&runner->arena, SIZE_MAX);
        runner->rules = alloc_new(&runner_type, (group->rule_count + 1) * sizeof(*runner->rules));
        for (size_t i = 0; i < group->rule_count; i++) {
                struct rule_memory *memory = &runner->rules[i];
                const struct rule *rule = &group->rules[i];

                memory->labels = join(&runner->arena, group->labels, rule->labels);
                arena_init(&memory->arena, SIZE_MAX);
                if (rule->alert.len)
                        memory->alerts = alert_set_new(rule, memory->labels);
        }
        return runner;
}

struct rule_runner *rule_runner_free(struct rule_runner *runner)
{
        if (!runner)
                return NULL;
        for (size_t i = 0; i < runner->group->rule_count; i++) {
                alert_set_free(runner->rules[i].alerts);
                arena_release(&runner->rules[i].arena);
        }
        alloc_free(&runner_type, runner->rules);
        arena_release(&runner->arena);
        return alloc_free(&runner_type, runner);
}

/* ---- evaluations -------------------------------------------------------------------------- */

void evaluation_add(struct evaluation *eval, struct labels labels, double v,
                    const struct histogram *h)
{
        if (eval->count == eval->capacity) {
                size_t capacity = 2 * eval->capacity + 16;
                struct rule_output *grown = arena_array(eval->arena, struct rule_output, capacity);

                if (eval->count)
                        memcpy(grown, eval->outputs, eval->count * sizeof(*grown));
                eval->outputs = grown;
                eval->capacity = capacity;
        }
        eval->outputs[eval->count++] = (struct rule_output){labels, v, h};
}

bool evaluation_query(struct evaluation *eval, const struct promql_expr *expr,
                      struct promql_result *ret_result, struct error *err)
{
        const struct promql_query query = {
                .expr = expr, .start_ms = eval->query_ms, .end_ms = eval->query_ms};
        struct promql_series *scalar;

        if (!promql_query_run(&eval->env->source, &eval->env->promql, &query, eval->arena,
                              ret_result, err))
                return false;
        if (ret_result->type == PROMQL_VECTOR)
                return true;
        if (ret_result->type != PROMQL_SCALAR)
                return error_set(err, ERROR_EXECUTION,
                                 "rule result is not a vector or scalar");
        scalar = arena_new(eval->arena, struct promql_series);
        scalar->t_ms = &ret_result->scalar.t_ms;
        scalar->v = &ret_result->scalar.v;
        scalar->count = 1;
        ret_result->series = scalar;
        ret_result->series_count = 1;
        return true;
}

/* ---- what is stored ----------------------------------------------------------------------- */

static int compare_labels(const void *a, const void *b)
{
        return labels_compare(*(const struct labels *)a, *(const struct labels *)b);
}

/* Markers for the series that the last evaluation made and this one did not. */
static void add_stale(struct evaluation *eval, const struct rule_memory *memory,
                      const struct labels *now, size_t now_count)
{
        size_t k = 0;

        for (size_t i = 0; i < memory->count; i++) {
                while (k < now_count && labels_compare(now[k], memory->series[i]) < 0)
                        k++;
                if (k == now_count || !labels_equal(now[k], memory->series[i]))
                        evaluation_add(eval, memory->series[i],
                                       sample_from_bits(SAMPLE_STALE_BITS), NULL);
        }
}

/* A sample that the store refuses, as a repetition, is left out; the others are stored. */
static bool store(const struct evaluation *eval, struct error *err)
{
        struct append_sample *samples = arena_array(eval->arena, struct append_sample,
                                                    eval->count + 1);
        struct append_extra *extras = arena_array(eval->arena, struct append_extra,
                                                  eval->count + 1);
        const struct series_sink *sink = &eval->env->sink;
        bool ok = true;

        for (size_t i = 0; i < eval->count && ok; i++) {
                samples[i].t_ms = eval->query_ms;
                samples[i].v = eval->outputs[i].v;
                extras[i].h = eval->outputs[i].h;
                ok = sink->resolve(sink->ctx, eval->outputs[i].labels, &samples[i].ref, err);
        }
        return ok && (!eval->count ||
                      sink->append(sink->ctx, samples, extras, eval->count, NULL, err));
}

static bool store_outputs(struct evaluation *eval, struct rule_memory *memory, struct error *err)
{
        size_t count = eval->count;
        struct labels *now = arena_array(eval->arena, struct labels, count + 1);

        for (size_t i = 0; i < count; i++)
                now[i] = eval->outputs[i].labels;
        qsort(now, count, sizeof(*now), compare_labels);
        add_stale(eval, memory, now, count);
        if (!store(eval, err))
                return false;
        arena_release(&memory->arena);
        arena_init(&memory->arena, SIZE_MAX);
        memory->count = count;
        memory->series = arena_array(&memory->arena, struct labels, count + 1);
        for (size_t i = 0; i < count; i++)
                memory->series[i] = labels_copy(&memory->arena, now[i]);
        return true;
}

static void evaluate_rule(struct rule_runner *runner, size_t index, int64_t now_ms)
{
        struct rule_memory *memory = &runner->rules[index];
        const struct rule_group *group = runner->group;
        int64_t offset_ms = group->query_offset_ms >= 0 ? group->query_offset_ms
                                                        : runner->env->query_offset_ms;
        struct arena arena;
        struct evaluation eval = {.env = runner->env,
                                  .rule = &group->rules[index],
                                  .labels = memory->labels,
                                  .limit = group->limit,
                                  .now_ms = now_ms,
                                  .query_ms = now_ms - offset_ms,
                                  .arena = &arena};
        struct error err = {0};

        arena_init(&arena, EVALUATION_MAX_BYTES);
        if ((memory->alerts ? alert_set_evaluate(memory->alerts, &eval, &err)
                            : recording_evaluate(&eval, &err)) &&
            store_outputs(&eval, memory, &err)) {
                memory->health = RULE_GOOD;
                memory->error[0] = '\0';
        } else {
                memory->health = RULE_BAD;
                memcpy(memory->error, err.text, sizeof(memory->error));
        }
        arena_release(&arena);
}

void rule_runner_evaluate(struct rule_runner *runner, int64_t now_ms)
{
        for (size_t i = 0; i < runner->group->rule_count; i++)
                evaluate_rule(runner, i, now_ms);
}

/* ---- views -------------------------------------------------------------------------------- */

const struct rule_group *rule_runner_group(const struct rule_runner *runner)
{
        return runner->group;
}

enum rule_health rule_runner_health(const struct rule_runner *runner, size_t rule)
{
        return runner->rules[rule].health;
}

const char *rule_runner_error(const struct rule_runner *runner, size_t rule)
{
        return runner->rules[rule].error;
}

const struct alert *rule_runner_alerts(const struct rule_runner *runner, size_t rule,
                                       size_t *ret_count)
{
        *ret_count = 0;
        return runner->rules[rule].alerts ? alert_set_list(runner->rules[rule].alerts, ret_count)
                                          : NULL;
}
