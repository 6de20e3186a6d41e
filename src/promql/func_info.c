/* info(): the labels of info series, such as target_info, added to the series they are about. An
 * info series belongs to a series that has the same instance and job. */
#include "promql/eval_int.h"

enum { NOTHING = UINT32_MAX };

static const struct str identifying[] = {{"instance", 8}, {"job", 3}};

struct info {
        struct eval *eval;
        const struct node *call;
        const struct grid *grid;
        struct matrix base, series, out;
        const struct matcher *names, *data; /* which info series, and which of their labels */
        size_t name_count, data_count;
        struct labelset_table signatures; /* metric name, instance, job */
        struct labelset_table metrics;    /* metric names of info series */
        struct labelset_table labels;     /* of the rows of out */
        uint32_t **newest; /* by signature: by time, the row of the newest info sample */
        uint32_t *found;   /* by info metric: the row that goes with the one at hand */
        uint32_t *last;    /* the same at the time before */
};

/* ---- which series -------------------------------------------------------------------------- */

/* Without a positive matcher of the name, info series are those that are called so. */
static bool split_matchers(struct info *info, struct error *err)
{
        struct arena *arena = &info->eval->keep.arena;
        const struct node_selector *selector =
                info->call->call.arg_count > 1 ? &info->call->call.args[1]->selector : NULL;
        size_t count = selector ? selector->matcher_count : 0;
        struct matcher *names = arena_array(arena, struct matcher, count + 1);
        struct matcher *data = arena_array(arena, struct matcher, count + 1);
        bool positive = false;

        for (size_t i = 0; i < count; i++) {
                const struct matcher *matcher = &selector->matchers[i];

                if (!str_equal(matcher->name, LABEL_METRIC_NAME)) {
                        data[info->data_count++] = *matcher;
                        continue;
                }
                names[info->name_count++] = *matcher;
                positive = positive || matcher->op == MATCHER_EQUAL ||
                           matcher->op == MATCHER_REGEX;
        }
        info->names = names;
        info->data = data;
        if (positive)
                return true;
        if (!info->name_count++)
                return matcher_init(names, arena, MATCHER_EQUAL, LABEL_METRIC_NAME,
                                    STR_LIT("target_info"), err);
        return matcher_init(&names[info->name_count - 1], arena, MATCHER_REGEX,
                            LABEL_METRIC_NAME, STR_LIT(".+_info"), err);
}

/* Info series are not enriched themselves. */
static bool is_info(const struct info *info, struct labels labels)
{
        struct str name = labels_get(labels, LABEL_METRIC_NAME);

        for (size_t i = 0; i < info->name_count; i++)
                if (!matcher_matches(&info->names[i], name))
                        return false;
        return true;
}

static struct labels pair(struct arena *arena, struct str name, struct str value)
{
        struct label *label = arena_array(arena, struct label, 1);

        *label = (struct label){name, value};
        return (struct labels){label, 1};
}

/* The values of the identifying labels among the series to enrich. */
static void collect_values(const struct info *info, struct arena *arena, size_t *counts,
                           struct labelset_table *values)
{
        for (size_t i = 0; i < info->base.count; i++) {
                struct labels labels = info->base.rows[i].labels;

                if (is_info(info, labels))
                        continue;
                for (size_t l = 0; l < ARRAY_LEN(identifying); l++) {
                        struct str value = labels_get(labels, identifying[l]);
                        bool is_new = false;

                        if (value.len)
                                (void)labelset_table_add(
                                        values, pair(arena, identifying[l], value), &is_new);
                        counts[l] += is_new;
                }
        }
}

/* Leaves out info series of other instances and jobs. */
static bool keep_related(const struct info *info, struct series_list *list)
{
        struct arena arena;
        struct labelset_table values;
        size_t counts[ARRAY_LEN(identifying)] = {0}, kept = 0;

        arena_init(&arena, SIZE_MAX);
        labelset_table_init(&values, &arena);
        collect_values(info, &arena, counts, &values);
        for (size_t i = 0; i < list->count; i++) {
                bool related = true;

                for (size_t l = 0; l < ARRAY_LEN(identifying); l++) {
                        struct label label = {
                                identifying[l],
                                labels_get(list->items[i].labels, identifying[l]),
                        };

                        related = related &&
                                  (!counts[l] || labelset_table_find(
                                                         &values, (struct labels){&label, 1}) !=
                                                         SIZE_MAX);
                }
                if (related)
                        list->items[kept++] = list->items[i];
        }
        list->count = kept;
        arena_release(&arena);
        return counts[0] || counts[1];
}

static bool collect_row(void *ctx, struct row *row, struct error *err)
{
        struct info *info = ctx;
        struct row *copy;

        if (row->h)
                return error_set(err, ERROR_EXECUTION, "info sample should be float");
        if (!matrix_add(&info->series, row->labels, false, &copy, err))
                return false;
        memcpy(copy->v, row->v, info->grid->count * sizeof(*copy->v));
        return true;
}

static bool read_info_series(struct info *info, struct error *err)
{
        struct eval *eval = info->eval;
        size_t count = info->name_count + info->data_count;
        struct matcher *matchers = arena_array(&eval->keep.arena, struct matcher, count);
        struct series_list list;

        memcpy(matchers, info->names, info->name_count * sizeof(*matchers));
        if (info->data_count)
                memcpy(matchers + info->name_count, info->data,
                       info->data_count * sizeof(*matchers));
        if (!eval->querier->ops->select(eval->querier, &eval->keep.arena, matchers, count,
                                        eval->query.cancel, &list, err))
                return false;
        if (!keep_related(info, &list))
                return true;
        eval->stats.series_selected += list.count;
        return eval_series(eval, &list, eval_plan(eval, info->call), info->grid,
                           SELECT_FLOAT_TIMESTAMP, (struct sink){collect_row, info}, err);
}

/* ---- joining ------------------------------------------------------------------------------- */

/* The signature of a series for the info series of one metric. */
static struct labels signature_of(struct info *info, struct labels labels, struct str metric)
{
        struct labels_builder builder;

        labels_builder_init(&builder, &info->eval->keep.arena, (struct labels){NULL, 0});
        labels_builder_set(&builder, LABEL_METRIC_NAME, metric);
        for (size_t l = 0; l < ARRAY_LEN(identifying); l++)
                labels_builder_set(&builder, identifying[l],
                                   labels_get(labels, identifying[l]));
        return labels_builder_finish(&builder);
}

static bool fail_duplicate(const struct info *info, uint32_t existing, uint32_t row, size_t step,
                           struct error *err)
{
        struct buf text = BUF_INIT(1 << 16);
        const struct row *rows = info->series.rows;

        buf_append_cstr(&text, "found duplicate series for info metric: existing ");
        labels_format(&text, rows[existing].labels);
        buf_printf(&text, " @ %.0f, new ", rows[existing].v[step] * 1000);
        labels_format(&text, rows[row].labels);
        buf_printf(&text, " @ %.0f", rows[row].v[step] * 1000);
        error_set(err, ERROR_EXECUTION, "%s", text.data);
        buf_release(&text);
        return false;
}

static uint32_t *new_steps(struct info *info)
{
        size_t bytes = info->grid->count * sizeof(uint32_t);

        return memset(arena_alloc(&info->series.arena.arena, bytes), 0xff, bytes);
}

/* Of the info series of one signature, the one with the newest sample counts. */
static bool index_info_series(struct info *info, struct error *err)
{
        struct arena *arena = &info->series.arena.arena;

        info->newest = arena_array(arena, uint32_t *, info->series.count);
        for (uint32_t r = 0; r < info->series.count; r++) {
                const struct row *row = &info->series.rows[r];
                struct str metric = labels_get(row->labels, LABEL_METRIC_NAME);
                struct label name = {LABEL_METRIC_NAME, metric};
                size_t s = labelset_table_add(&info->signatures,
                                              signature_of(info, row->labels, metric), NULL);
                bool is_new;

                (void)labelset_table_intern(&info->metrics, arena, (struct labels){&name, 1},
                                            &is_new);
                if (!info->newest[s])
                        info->newest[s] = new_steps(info);
                for (size_t i = 0; i < info->grid->count; i++) {
                        uint32_t existing = info->newest[s][i];

                        if (row_is_absent(row->v[i]))
                                continue;
                        if (existing != NOTHING &&
                            info->series.rows[existing].v[i] == row->v[i])
                                return fail_duplicate(info, existing, r, i, err);
                        if (existing == NOTHING ||
                            info->series.rows[existing].v[i] < row->v[i])
                                info->newest[s][i] = r;
                }
        }
        return true;
}

static bool is_asked_for(const struct info *info, struct str label)
{
        if (str_equal(label, LABEL_METRIC_NAME))
                return false;
        for (size_t i = 0; i < info->data_count; i++)
                if (str_equal(info->data[i].name, label))
                        return true;
        return !info->data_count;
}

static bool add_labels(const struct info *info, struct labels base, struct labels from,
                       struct labels_builder *builder, struct error *err)
{
        for (size_t i = 0; i < from.count; i++) {
                struct label label = from.items[i];
                struct str other;

                if (!is_asked_for(info, label.name) || labels_has(base, label.name))
                        continue;
                other = labels_builder_get(builder, label.name);
                if (other.len && !str_equal(other, label.value))
                        return error_set(err, ERROR_EXECUTION, "conflicting label: " STR_FMT,
                                         STR_ARG(label.name));
                labels_builder_set(builder, label.name, label.value);
        }
        return true;
}

/* The labels of a series with those that were found; *ret_left_out when there had to be some. */
static bool enriched_labels(struct info *info, struct labels base, struct labels *ret_labels,
                            bool *ret_left_out, struct error *err)
{
        struct labels_builder builder;
        bool any = false;

        labels_builder_init(&builder, &info->eval->keep.arena, base);
        for (size_t m = 0; m < info->metrics.count; m++) {
                if (info->found[m] == NOTHING)
                        continue;
                any = true;
                if (!add_labels(info, base, info->series.rows[info->found[m]].labels, &builder,
                                err))
                        return false;
        }
        *ret_left_out = false;
        for (size_t i = 0; !any && i < info->data_count; i++)
                *ret_left_out |= !matcher_matches(&info->data[i], STR_LIT(""));
        *ret_labels = labels_builder_finish(&builder);
        return true;
}

static bool put_value(struct info *info, const struct row *base, struct labels labels, size_t step,
                      struct error *err)
{
        bool is_new;
        size_t index = labelset_table_add(&info->labels, labels, &is_new);
        struct row *row;

        if (is_new && !matrix_add(&info->out, labels, base->drop_name, &row, err))
                return false;
        row = &info->out.rows[index];
        if (!row_is_absent(row->v[step]))
                return error_set(err, ERROR_EXECUTION,
                                 "vector cannot contain metrics with the same labelset");
        row->v[step] = base->v[step];
        if (base->h && base->h[step]) {
                if (!row->h)
                        row->h = arena_array(&info->out.arena.arena, const struct histogram *,
                                             info->grid->count);
                row->h[step] = base->h[step];
        }
        return true;
}

/* The info series that go with a row at one time. True: they are others than at the last. */
static bool find_info(struct info *info, const size_t *signatures, size_t step, bool first)
{
        uint32_t *held = info->last;

        info->last = info->found;
        info->found = held;
        for (size_t m = 0; m < info->metrics.count; m++)
                info->found[m] = signatures[m] == SIZE_MAX ? (uint32_t)NOTHING
                                                           : info->newest[signatures[m]][step];
        return first || memcmp(info->found, info->last,
                               info->metrics.count * sizeof(*info->found)) != 0;
}

static bool enrich_row(struct info *info, const struct row *base, size_t *signatures,
                       struct error *err)
{
        bool ignored = is_info(info, base->labels), first = true, left_out = false;
        struct labels labels = base->labels;

        for (size_t m = 0; m < info->metrics.count; m++)
                signatures[m] = labelset_table_find(
                        &info->signatures,
                        signature_of(info, base->labels, info->metrics.items[m].items[0].value));
        for (size_t i = 0; i < info->grid->count; i++) {
                if (row_is_absent(base->v[i]))
                        continue;
                if (!ignored && find_info(info, signatures, i, first) &&
                    !enriched_labels(info, base->labels, &labels, &left_out, err))
                        return false;
                first = false;
                if (!left_out && !put_value(info, base, labels, i, err))
                        return false;
        }
        return query_budget_check(&info->eval->budget, err);
}

static bool enrich_all(struct info *info, struct error *err)
{
        struct arena *arena = &info->series.arena.arena;
        size_t *signatures;

        if (!index_info_series(info, err))
                return false;
        signatures = arena_array(arena, size_t, info->metrics.count);
        info->found = arena_array(arena, uint32_t, info->metrics.count + 1);
        info->last = arena_array(arena, uint32_t, info->metrics.count + 1);
        for (size_t i = 0; i < info->base.count; i++)
                if (!enrich_row(info, &info->base.rows[i], signatures, err))
                        return false;
        return true;
}

bool eval_info(struct eval *eval, const struct node *node, const struct grid *grid,
               struct sink sink, struct error *err)
{
        struct info info = {.eval = eval, .call = node, .grid = grid};
        struct tally tally = tally_begin(eval);
        bool ok;

        matrix_init(&info.base, eval, grid->count);
        matrix_init(&info.series, eval, grid->count);
        matrix_init(&info.out, eval, grid->count);
        labelset_table_init(&info.signatures, &info.series.arena.arena);
        labelset_table_init(&info.metrics, &info.series.arena.arena);
        labelset_table_init(&info.labels, &info.series.arena.arena);
        ok = split_matchers(&info, err) &&
             matrix_collect(&info.base, eval, node->call.args[0], grid, err) &&
             read_info_series(&info, err) && enrich_all(&info, err) &&
             matrix_push(&info.out, &tally, sink, err) && tally_end(eval, &tally, grid, err);
        matrix_release(&info.out);
        matrix_release(&info.series);
        matrix_release(&info.base);
        return ok;
}
