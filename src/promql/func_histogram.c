/* histogram_quantile, histogram_quantiles and histogram_fraction, of native histograms and of
 * classic ones: series with a label le. */
#include <stdlib.h>

#include "codec/double.h"
#include "codec/quote.h"
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
        size_t *natives; /* rows of the input with native histograms */
        size_t native_count;
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

static void add_member(struct histograms *histograms, size_t r)
{
        struct str le_name = STR_LIT("le");
        struct names le_names = {&le_name, 1};
        struct labels labels = histograms->input.rows[r].labels;
        struct str le = labels_get(labels, le_name);
        struct member member = {.row = r};

        if (!double_parse(le, &member.upper)) {
                warn_bad_bucket(histograms, labels, le);
                return;
        }
        member.histogram = labelset_table_add(
                &histograms->table,
                labelset_remove(&histograms->eval->keep.arena, labels, &le_names), NULL);
        histograms->members[histograms->member_count++] = member;
}

/* A row with native histograms keeps its floats as buckets. */
static bool split_native(struct histograms *histograms, size_t r)
{
        struct row *row = &histograms->input.rows[r];
        size_t count = histograms->grid->count;

        if (!row->h)
                return true;
        histograms->natives[histograms->native_count++] = r;
        for (size_t i = 0; i < count; i++)
                if (row->h[i])
                        row->v[i] = row_absent();
        return row_present(row->v, count) > 0;
}

static void find_histograms(struct histograms *histograms)
{
        struct matrix *input = &histograms->input;
        struct arena *arena = &input->arena.arena;

        histograms->members = arena_array(arena, struct member, input->count);
        histograms->buckets = arena_array(arena, struct bucket, input->count);
        histograms->natives = arena_array(arena, size_t, input->count);
        for (size_t r = 0; r < input->count; r++)
                if (split_native(histograms, r))
                        add_member(histograms, r);
        qsort(histograms->members, histograms->member_count, sizeof(struct member),
              compare_bounds);
}

/* A text, and which metric it is about when that has a name. */
static void note_metric(struct histograms *histograms, bool warning, const char *text,
                        struct str name)
{
        struct buf whole = BUF_INIT(1 << 16);

        buf_append_cstr(&whole, text);
        if (name.len) {
                buf_append_cstr(&whole, " for metric name ");
                quote_append(&whole, name);
        }
        if (warning)
                notes_warn(&histograms->eval->notes, histograms->vector, STR_FMT,
                           STR_ARG(buf_str(&whole)));
        else
                notes_info(&histograms->eval->notes, histograms->vector, STR_FMT,
                           STR_ARG(buf_str(&whole)));
        buf_release(&whole);
}

/* Takes a classic histogram out at one time. True: it was there. */
static bool drop_classic(struct histograms *histograms, size_t histogram, size_t step)
{
        bool found = false;

        for (size_t m = 0; m < histograms->member_count; m++) {
                struct row *row = &histograms->input.rows[histograms->members[m].row];

                if (histograms->members[m].histogram != histogram || row_is_absent(row->v[step]))
                        continue;
                row->v[step] = row_absent();
                found = true;
        }
        return found;
}

/* Where a classic and a native histogram have the same labels, neither is looked at. */
static void drop_conflicts(struct histograms *histograms)
{
        for (size_t n = 0; n < histograms->native_count; n++) {
                struct row *row = &histograms->input.rows[histograms->natives[n]];
                size_t histogram = labelset_table_find(&histograms->table, row->labels);

                for (size_t i = 0; histogram != SIZE_MAX && i < histograms->grid->count; i++) {
                        if (!row->h[i] || !drop_classic(histograms, histogram, i))
                                continue;
                        row->h[i] = NULL;
                        note_metric(histograms, true,
                                    "vector contains a mix of classic and native histograms",
                                    labels_get(row->labels, LABEL_METRIC_NAME));
                }
        }
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
        const bool *asked;           /* by time; NULL: always */
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
                size_t count = question->asked && !question->asked[step]
                                       ? 0
                                       : buckets_at(histograms, members, member_count, step);
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

static void note_nan(struct histograms *histograms, const struct question *question,
                     enum histogram_nan found, struct labels labels)
{
        const char *text = question->fraction
                                   ? "input to histogram_fraction has NaN observations, which "
                                     "are excluded from all fractions"
                           : found == HISTOGRAM_NAN_SKEWED
                                   ? "input to histogram_quantile has NaN observations, result "
                                     "is skewed higher"
                                   : "input to histogram_quantile has NaN observations, result "
                                     "is NaN";

        /* The name is gone by now, unless it is dropped late. */
        if (found != HISTOGRAM_NAN_NONE)
                note_metric(histograms, false, text,
                            histograms->eval->options.features.delayed_name_removal
                                    ? labels_get(labels, LABEL_METRIC_NAME)
                                    : STR_LIT(""));
}

static bool answer_native(struct histograms *histograms, const struct question *question,
                          const struct row *input, struct labels labels, struct error *err)
{
        struct row *row;

        if (!matrix_add(&histograms->out, labels, false, &row, err))
                return false;
        for (size_t step = 0; step < histograms->grid->count; step++) {
                const struct histogram *h = input->h[step];
                enum histogram_nan found;

                if (!h || (question->asked && !question->asked[step]))
                        continue;
                row->v[step] = question->fraction
                                       ? histogram_fraction(h, question->lower[step],
                                                            question->upper[step], &found)
                                       : histogram_quantile(h, question->q[step], &found);
                note_nan(histograms, question, found, input->labels);
        }
        eval_row_computed(histograms->eval, row);
        return true;
}

static struct labels with_label(struct histograms *histograms, struct labels labels,
                                const struct label *extra)
{
        struct labels_builder builder;

        if (!extra)
                return labels;
        labels_builder_init(&builder, &histograms->eval->keep.arena, labels);
        labels_builder_set(&builder, extra->name, extra->value);
        return labels_builder_finish(&builder);
}

/* Asks all histograms; with `extra` the answers get one more label. */
static bool answer_all(struct histograms *histograms, const struct question *question,
                       const struct label *extra, struct error *err)
{
        for (size_t n = 0; n < histograms->native_count; n++) {
                const struct row *row = &histograms->input.rows[histograms->natives[n]];

                if (!answer_native(histograms, question, row,
                                   with_label(histograms, row->labels, extra), err))
                        return false;
        }
        for (size_t from = 0; from < histograms->member_count;) {
                const struct member *members = &histograms->members[from];
                struct labels labels = histograms->table.items[members->histogram];
                size_t count = 1;

                while (from + count < histograms->member_count &&
                       members[count].histogram == members->histogram)
                        count++;
                if (!answer_one(histograms, question, members, count,
                                with_label(histograms, labels, extra), err))
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

/* As OpenMetrics spells a quantile: with a point or an exponent. */
static struct str quantile_text(struct arena *arena, double q)
{
        struct buf text = BUF_INIT(64);
        struct str copy;

        double_append(&text, q, DOUBLE_G);
        if (str_find_byte(buf_str(&text), '.') == text.len &&
            str_find_byte(buf_str(&text), 'e') == text.len && isfinite(q))
                buf_append_cstr(&text, ".0");
        copy = arena_str(arena, buf_str(&text));
        buf_release(&text);
        return copy;
}

/* One quantile, which may be another one at other times: each has a label of its own. */
static bool answer_quantile(struct histograms *histograms, struct str label, const double *q,
                            struct error *err)
{
        size_t count = histograms->grid->count;
        bool *asked = arena_array(&histograms->input.arena.arena, bool, count);
        bool *done = arena_array(&histograms->input.arena.arena, bool, count);
        struct question question = {.q = q, .asked = asked};

        for (size_t i = 0; i < count; i++) {
                struct label extra = {label, STR_LIT("")};

                if (done[i])
                        continue;
                for (size_t j = 0; j < count; j++) {
                        asked[j] = sample_bits(q[j]) == sample_bits(q[i]);
                        done[j] |= asked[j];
                }
                extra.value = quantile_text(&histograms->eval->keep.arena, q[i]);
                if (!answer_all(histograms, &question, &extra, err))
                        return false;
        }
        return true;
}

static bool answer_quantiles(struct histograms *histograms, struct error *err)
{
        const struct node_call *call = &histograms->call->call;

        for (size_t i = 2; i < call->arg_count; i++) {
                double *q;

                if (!scalar_argument(histograms, i, &q, err))
                        return false;
                warn_quantiles(histograms, call->args[i], q);
                if (!answer_quantile(histograms, node_unwrap(call->args[1])->string, q, err))
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
                drop_conflicts(&histograms);
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

/* ---- single numbers ----------------------------------------------------------------------- */

static void leave_out_floats(const void *ctx, const struct grid *grid, double *v)
{
        (void)ctx;
        for (size_t i = 0; i < grid->count; i++)
                v[i] = row_absent();
}

static const struct histogram *number_of(const void *ctx, struct arena *arena,
                                         const struct grid *grid, size_t step,
                                         const struct histogram *h, double *v)
{
        const enum function_kind *kind = ctx;

        (void)arena, (void)grid, (void)step;
        switch (*kind) {
        case FUNCTION_HISTOGRAM_COUNT:
                *v = h->count;
                break;
        case FUNCTION_HISTOGRAM_SUM:
                *v = h->sum;
                break;
        case FUNCTION_HISTOGRAM_AVG:
                *v = h->sum / h->count;
                break;
        case FUNCTION_HISTOGRAM_STDVAR:
                *v = histogram_variance(h);
                break;
        default:
                *v = sqrt(histogram_variance(h));
        }
        return NULL;
}

/* histogram_count and its like. */
bool eval_histogram_number(struct eval *eval, const struct node *node, const struct grid *grid,
                           struct sink sink, struct error *err)
{
        enum function_kind kind = function_kind(node->call.function);
        struct map map = {node->call.args[0], leave_out_floats, number_of, &kind, true};

        return eval_map(eval, &map, grid, sink, err);
}
