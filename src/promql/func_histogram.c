/* histogram_quantile, histogram_quantiles and histogram_fraction of classic histograms: series
 * with a label le. */
#include <stdlib.h>

#include "codec/double.h"
#include "promql/eval_int.h"

/* Differences between buckets below this, relatively, are noise. */
static const double noise = 1e-12;

struct bucket {
        double upper, count;
};

struct member {
        double upper;
        size_t row, histogram;
};

struct histograms {
        struct eval *eval;
        const struct node *call;
        const struct node *vector; /* the argument with the buckets */
        const struct grid *grid;
        struct matrix input, out;
        struct labelset_table table; /* label sets without le */
        struct member *members;      /* ordered by histogram, then by bound */
        size_t member_count;
        struct bucket *buckets; /* scratch */
        struct sink sink;
        struct tally tally;
};

/* ---- one histogram at one time ----------------------------------------------------------- */

static int compare_bounds(const void *a, const void *b)
{
        const struct member *x = a, *y = b;

        if (x->histogram != y->histogram)
                return x->histogram < y->histogram ? -1 : 1;
        if (x->upper != y->upper)
                return x->upper < y->upper ? -1 : 1;
        return x->row < y->row ? -1 : x->row > y->row;
}

static bool nearly_equal(double a, double b)
{
        double sum = fabs(a) + fabs(b), difference = fabs(a - b);

        if (a == b || (isnan(a) && isnan(b)))
                return true;
        if (a == 0 || b == 0 || sum < 2.2250738585072014e-308)
                return difference < noise * 2.2250738585072014e-308;
        return difference / fmin(sum, 1.79769313486231570815e308) < noise;
}

struct fix {
        bool forced;
        double min_bucket, max_bucket, max_diff;
};

/* Counts of classic buckets only grow. Where they do not, noise is ignored and the rest forced. */
static struct fix make_monotonic(struct bucket *buckets, size_t count)
{
        struct fix fix = {.min_bucket = INFINITY, .max_bucket = -INFINITY};
        double previous = buckets[0].count;

        for (size_t i = 1; i < count; i++) {
                double current = buckets[i].count;

                if (current == previous)
                        continue;
                if (nearly_equal(previous, current)) {
                        buckets[i].count = previous;
                } else if (current < previous) {
                        buckets[i].count = previous;
                        fix.forced = true;
                        fix.min_bucket = fmin(fix.min_bucket, buckets[i].upper);
                        fix.max_bucket = fmax(fix.max_bucket, buckets[i].upper);
                        fix.max_diff = fmax(fix.max_diff, previous - current);
                } else {
                        previous = current;
                }
        }
        return fix;
}

static size_t merge_equal_bounds(struct bucket *buckets, size_t count)
{
        size_t last = 0;

        for (size_t i = 1; i < count; i++) {
                if (buckets[i].upper == buckets[last].upper)
                        buckets[last].count += buckets[i].count;
                else
                        buckets[++last] = buckets[i];
        }
        return last + 1;
}

/* A binary search, as in Prometheus: with a NaN among the counts it matters which are looked at. */
static size_t first_reaching(double rank, const struct bucket *buckets, size_t count)
{
        size_t low = 0, high = count;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (buckets[middle].count >= rank)
                        high = middle;
                else
                        low = middle + 1;
        }
        return low;
}

static double quantile_of_buckets(double q, struct bucket *buckets, size_t count,
                                  struct fix *ret_fix)
{
        double observations, rank, start = 0, inside;
        size_t b;

        *ret_fix = (struct fix){0};
        if (isnan(q))
                return number_nan();
        if (q < 0 || q > 1)
                return q < 0 ? -INFINITY : INFINITY;
        if (buckets[count - 1].upper != INFINITY)
                return number_nan();
        count = merge_equal_bounds(buckets, count);
        *ret_fix = make_monotonic(buckets, count);
        observations = buckets[count - 1].count;
        if (count < 2 || observations == 0)
                return number_nan();
        rank = q * observations;
        b = first_reaching(rank, buckets, count - 1);
        if (b == count - 1)
                return buckets[count - 2].upper;
        if (b == 0 && buckets[0].upper <= 0)
                return buckets[0].upper;
        inside = buckets[b].count;
        if (b > 0) {
                start = buckets[b - 1].upper;
                inside -= buckets[b - 1].count;
                rank -= buckets[b - 1].count;
        }
        return start + (buckets[b].upper - start) * (rank / inside);
}

/* How many observations are below v, taken to be spread evenly in each bucket. */
static double rank_of(double v, const struct bucket *buckets, size_t count)
{
        double rank = 0;

        for (size_t b = 0; b < count; b++) {
                double lower = b > 0 ? buckets[b - 1].upper
                                     : buckets[0].upper <= 0 ? -INFINITY : 0;
                double upper = buckets[b].upper;

                if (lower >= v)
                        return rank;
                if (upper > v)
                        return isinf(lower) ? buckets[b].count
                                            : rank + (buckets[b].count - rank) * (v - lower) /
                                                             (upper - lower);
                rank = buckets[b].count;
        }
        return buckets[count - 1].count;
}

static double fraction_of_buckets(double lower, double upper, struct bucket *buckets,
                                  size_t count)
{
        double total, above, below;

        if (buckets[count - 1].upper != INFINITY)
                return number_nan();
        count = merge_equal_bounds(buckets, count);
        total = buckets[count - 1].count;
        if (total == 0 || isnan(lower) || isnan(upper))
                return number_nan();
        if (lower >= upper)
                return 0;
        above = rank_of(upper, buckets, count);
        below = rank_of(lower, buckets, count);
        return ((above > total ? total : above) - (below > total ? total : below)) / total;
}

/* ---- finding the histograms -------------------------------------------------------------- */

static void warn_bad_bucket(struct histograms *histograms, struct labels labels, struct str le)
{
        struct notes *notes = &histograms->eval->notes;
        const char *text = "bucket label \"le\" is missing or has a malformed value of";

        /* The name is gone by now, unless it is dropped late. */
        if (histograms->eval->options.features.delayed_name_removal &&
            labels_get(labels, LABEL_METRIC_NAME).len)
                notes_warn(notes, histograms->vector,
                           "%s \"" STR_FMT "\" for metric name \"" STR_FMT "\"", text, STR_ARG(le),
                           STR_ARG(labels_get(labels, LABEL_METRIC_NAME)));
        else
                notes_warn(notes, histograms->vector, "%s \"" STR_FMT "\"", text, STR_ARG(le));
}

static void find_histograms(struct histograms *histograms)
{
        struct matrix *input = &histograms->input;
        struct str le_name = STR_LIT("le");
        struct names le_names = {&le_name, 1};

        histograms->members = arena_array(&input->arena.arena, struct member, input->count);
        histograms->buckets = arena_array(&input->arena.arena, struct bucket, input->count);
        for (size_t r = 0; r < input->count; r++) {
                struct labels labels = input->rows[r].labels;
                struct str le = labels_get(labels, le_name);
                struct member member = {.row = r};

                if (!double_parse(le, &member.upper)) {
                        warn_bad_bucket(histograms, labels, le);
                        continue;
                }
                member.histogram = labelset_table_add(
                        &histograms->table,
                        labelset_remove(&histograms->eval->keep.arena, labels, &le_names), NULL);
                histograms->members[histograms->member_count++] = member;
        }
        qsort(histograms->members, histograms->member_count, sizeof(struct member),
              compare_bounds);
}

/* The buckets that have a value at one time, ordered by bound. */
static size_t buckets_at(const struct histograms *histograms, const struct member *members,
                         size_t member_count, size_t step)
{
        size_t count = 0;

        for (size_t m = 0; m < member_count; m++) {
                double v = histograms->input.rows[members[m].row].v[step];

                if (!row_is_absent(v))
                        histograms->buckets[count++] = (struct bucket){members[m].upper, v};
        }
        return count;
}

/* ---- results ----------------------------------------------------------------------------- */

static void note_fix(struct histograms *histograms, struct labels labels, size_t step,
                     const struct fix *fix)
{
        struct note_monotonic found = {grid_time(histograms->grid, step), fix->min_bucket,
                                       fix->max_bucket, fix->max_diff};
        bool named = histograms->eval->options.features.delayed_name_removal;

        if (fix->forced)
                notes_monotonic(&histograms->eval->notes, histograms->vector,
                                named ? labels_get(labels, LABEL_METRIC_NAME) : STR_LIT(""),
                                &found);
}

/* What is asked of each histogram: one or two numbers per time. */
struct question {
        bool fraction;
        const double *q;             /* quantile */
        const double *lower, *upper; /* fraction */
};

static bool answer_one(struct histograms *histograms, const struct question *question,
                       const struct member *members, size_t member_count, struct labels labels,
                       struct error *err)
{
        struct row *row;

        if (!matrix_add(&histograms->out, labels, false, &row, err))
                return false;
        for (size_t step = 0; step < histograms->grid->count; step++) {
                size_t count = buckets_at(histograms, members, member_count, step);
                struct fix fix = {0};

                if (!count)
                        continue;
                row->v[step] = question->fraction
                                       ? fraction_of_buckets(question->lower[step],
                                                             question->upper[step],
                                                             histograms->buckets, count)
                                       : quantile_of_buckets(question->q[step],
                                                             histograms->buckets, count, &fix);
                note_fix(histograms, labels, step, &fix);
        }
        eval_row_computed(histograms->eval, row);
        return true;
}

/* Asks all histograms; with `extra` the answers get one more label. */
static bool answer_all(struct histograms *histograms, const struct question *question,
                       const struct label *extra, struct error *err)
{
        for (size_t from = 0; from < histograms->member_count;) {
                const struct member *members = &histograms->members[from];
                struct labels labels = histograms->table.items[members->histogram];
                size_t count = 1;

                while (from + count < histograms->member_count &&
                       members[count].histogram == members->histogram)
                        count++;
                if (extra) {
                        struct labels_builder builder;

                        labels_builder_init(&builder, &histograms->eval->keep.arena, labels);
                        labels_builder_set(&builder, extra->name, extra->value);
                        labels = labels_builder_finish(&builder);
                }
                if (!answer_one(histograms, question, members, count, labels, err))
                        return false;
                from += count;
        }
        return true;
}

static bool scalar_argument(struct histograms *histograms, size_t index, double **ret_v,
                            struct error *err)
{
        return eval_scalar_new(histograms->eval, histograms->call->call.args[index],
                               histograms->grid, ret_v, err);
}

static void warn_quantiles(struct histograms *histograms, const struct node *where,
                           const double *q)
{
        for (size_t i = 0; i < histograms->grid->count; i++)
                quantile_warn(histograms->eval, where, q[i]);
}

static bool answer_quantiles(struct histograms *histograms, struct error *err)
{
        const struct node_call *call = &histograms->call->call;
        struct label extra = {.name = node_unwrap(call->args[1])->string};

        for (size_t i = 2; i < call->arg_count; i++) {
                struct buf text = BUF_INIT(64);
                double *q;
                struct question question = {0};
                bool ok;

                if (!scalar_argument(histograms, i, &q, err))
                        return false;
                warn_quantiles(histograms, call->args[i], q);
                double_append(&text, q[0], DOUBLE_G);
                if (str_find_byte(buf_str(&text), '.') == text.len &&
                    str_find_byte(buf_str(&text), 'e') == text.len && isfinite(q[0]))
                        buf_append_cstr(&text, ".0");
                extra.value = arena_str(&histograms->eval->keep.arena, buf_str(&text));
                buf_release(&text);
                question.q = q;
                ok = answer_all(histograms, &question, &extra, err);
                if (!ok)
                        return false;
        }
        return true;
}

static bool answer(struct histograms *histograms, struct error *err)
{
        struct question question = {0};
        double *first, *second;

        switch (function_kind(histograms->call->call.function)) {
        case FUNCTION_HISTOGRAM_QUANTILE:
                if (!scalar_argument(histograms, 0, &first, err))
                        return false;
                warn_quantiles(histograms, histograms->call->call.args[0], first);
                question.q = first;
                return answer_all(histograms, &question, NULL, err);
        case FUNCTION_HISTOGRAM_FRACTION:
                if (!scalar_argument(histograms, 0, &first, err) ||
                    !scalar_argument(histograms, 1, &second, err))
                        return false;
                question = (struct question){.fraction = true, .lower = first, .upper = second};
                return answer_all(histograms, &question, NULL, err);
        default:
                return answer_quantiles(histograms, err);
        }
}

static bool run_histogram(struct eval *eval, const void *ctx, const struct grid *grid,
                          struct sink sink, struct error *err)
{
        const struct node *call = ctx;
        enum function_kind kind = function_kind(call->call.function);
        size_t vector = kind == FUNCTION_HISTOGRAM_QUANTILE   ? 1
                        : kind == FUNCTION_HISTOGRAM_FRACTION ? 2
                                                              : 0;
        struct histograms histograms = {.eval = eval,
                                        .call = call,
                                        .vector = node_unwrap(call->call.args[vector]),
                                        .grid = grid,
                                        .sink = sink,
                                        .tally = tally_begin(eval)};
        bool ok;

        matrix_init(&histograms.input, eval, grid->count);
        matrix_init(&histograms.out, eval, grid->count);
        labelset_table_init(&histograms.table, &histograms.input.arena.arena);
        ok = matrix_collect(&histograms.input, eval, histograms.vector, grid, err);
        if (ok) {
                find_histograms(&histograms);
                ok = answer(&histograms, err);
        }
        ok = ok && matrix_push(&histograms.out, &histograms.tally, sink, err) &&
             tally_end(eval, &histograms.tally, grid, err);
        matrix_release(&histograms.out);
        matrix_release(&histograms.input);
        return ok;
}

bool eval_histogram(struct eval *eval, const struct node *node, const struct grid *grid,
                    struct sink sink, struct error *err)
{
        if (eval->options.features.delayed_name_removal)
                return run_histogram(eval, node, grid, sink, err);
        return eval_merged(eval, (struct producer){run_histogram, node}, grid, false, sink, err);
}
