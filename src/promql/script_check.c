/* Comparing what came with what a test script wants. */
#include "codec/double.h"
#include "codec/regex.h"
#include "model/histogram_bucket.h"
#include "model/histogram_math.h"
#include "model/histogram_shape.h"
#include "promql/number_int.h"
#include "promql/script_int.h"

bool script_expects(const struct script_case *test, enum script_expect_kind kind)
{
        for (const struct script_expect *e = test->expects; e; e = e->next)
                if (e->kind == kind)
                        return true;
        return false;
}

static bool expectation_matches(const struct script_expect *expect, const char *text)
{
        struct regex *regex;
        bool matches;

        if (expect->match == MATCH_ANY)
                return true;
        if (expect->match == MATCH_TEXT)
                return str_is(expect->text, text);
        if (!regex_new(&regex, expect->text, REGEX_SEARCH, NULL))
                return false;
        matches = regex_match(regex, str_from(text));
        regex_free(regex);
        return matches;
}

bool script_check_failure(const struct script_case *test, const char *message,
                          struct buf *report)
{
        for (const struct script_expect *e = test->expects; e; e = e->next) {
                if (e->kind != EXPECT_FAIL || expectation_matches(e, message))
                        continue;
                buf_printf(report, "  want error: " STR_FMT "\n  got error:  %s\n",
                           STR_ARG(e->text), message);
                return false;
        }
        return true;
}

/* Every expectation must be met, and with expectations every note must be expected. */
static bool check_notes_of(const struct script_case *test, enum script_expect_kind want,
                           enum script_expect_kind want_none, const char *const *notes,
                           size_t count, struct buf *report)
{
        if (count && script_expects(test, want_none)) {
                buf_printf(report, "  unexpected note: %s\n", notes[0]);
                return false;
        }
        for (const struct script_expect *e = test->expects; e; e = e->next) {
                bool met = false;

                for (size_t i = 0; i < count && e->kind == want; i++)
                        met = met || expectation_matches(e, notes[i]);
                if (e->kind == want && !met) {
                        buf_printf(report, "  want note: " STR_FMT "\n  got: %s\n",
                                   STR_ARG(e->text), count ? notes[0] : "none");
                        return false;
                }
        }
        for (size_t i = 0; i < count && script_expects(test, want); i++) {
                bool expected = false;

                for (const struct script_expect *e = test->expects; e; e = e->next)
                        expected = expected ||
                                   (e->kind == want && expectation_matches(e, notes[i]));
                if (!expected) {
                        buf_printf(report, "  unexpected note: %s\n", notes[i]);
                        return false;
                }
        }
        return true;
}

bool script_check_notes(const struct script_case *test, const struct promql_notes *notes,
                        struct buf *report)
{
        return check_notes_of(test, EXPECT_WARN, EXPECT_NO_WARN, notes->warnings,
                              notes->warning_count, report) &&
               check_notes_of(test, EXPECT_INFO, EXPECT_NO_INFO, notes->infos,
                              notes->info_count, report);
}

/* Equal up to a relative 1e-6; any two NaNs are, staleness markers only to themselves. */
static bool nearly_equal(double a, double b)
{
        static const double tolerance = 1e-6, min_normal = 2.2250738585072014e-308;
        double sum = fabs(a) + fabs(b), difference = fabs(a - b);

        if (sample_is_stale(a) || sample_is_stale(b))
                return sample_is_stale(a) && sample_is_stale(b);
        if ((isnan(a) && isnan(b)) || a == b)
                return true;
        if (a == 0 || b == 0 || sum < min_normal)
                return difference < tolerance * min_normal;
        return difference / fmin(sum, 1.79769313486231570815e308) < tolerance;
}

static bool nearly_equal_sides(const struct histogram_side *a, const struct histogram_side *b)
{
        struct histogram_cursor x, y;
        int64_t i = 0, j = 0;
        double v = 0, w = 0;

        if (a->bucket_count != b->bucket_count)
                return false;
        histogram_cursor_init(&x, a);
        histogram_cursor_init(&y, b);
        while (histogram_cursor_next(&x, &i, &v))
                if (!histogram_cursor_next(&y, &j, &w) || i != j || !nearly_equal(v, w))
                        return false;
        return true;
}

/* However they are spread over spans, and whatever empty buckets they have. */
static bool nearly_equal_histograms(const struct histogram *a, const struct histogram *b)
{
        struct arena arena;
        bool equal;

        arena_init(&arena, SIZE_MAX);
        a = histogram_compact(&arena, a);
        b = histogram_compact(&arena, b);
        equal = a->schema == b->schema && nearly_equal(a->count, b->count) &&
                nearly_equal(a->sum, b->sum) && a->zero_threshold == b->zero_threshold &&
                nearly_equal(a->zero_count, b->zero_count) && histogram_same_bounds(a, b) &&
                nearly_equal_sides(&a->positive, &b->positive) &&
                nearly_equal_sides(&a->negative, &b->negative);
        arena_release(&arena);
        return equal;
}

static bool value_matches(const struct script_value *wanted, const struct promql_series *got,
                          size_t at)
{
        const struct histogram *h = got->h ? got->h[at] : NULL;

        if (!wanted->h || !h)
                return !wanted->h && !h && nearly_equal(wanted->v, got->v[at]);
        return nearly_equal_histograms(wanted->h, h) &&
               (!wanted->has_hint || wanted->h->reset == h->reset);
}

static void put_series(struct buf *out, const struct promql_series *series)
{
        labels_format(out, series->labels);
        for (size_t i = 0; i < series->count; i++) {
                buf_append_byte(out, ' ');
                if (series->h && series->h[i])
                        histogram_append_expression(out, series->h[i]);
                else
                        double_append(out, series->v[i], DOUBLE_G);
                buf_printf(out, "@%lld", (long long)series->t_ms[i]);
        }
}

static void put_wanted(struct buf *out, const struct script_series *series)
{
        labels_format(out, series->labels);
        for (size_t i = 0; i < series->count; i++) {
                buf_append_byte(out, ' ');
                if (series->values[i].omitted)
                        buf_append_byte(out, '_');
                else if (series->values[i].h)
                        histogram_append_expression(out, series->values[i].h);
                else
                        double_append(out, series->values[i].v, DOUBLE_G);
        }
}

static void report_both(struct buf *report, const struct script_case *test,
                        const struct promql_result *result)
{
        buf_append_cstr(report, "  want:\n");
        if (test->has_scalar) {
                buf_append_cstr(report, "    ");
                double_append(report, test->scalar, DOUBLE_G);
                buf_append_byte(report, '\n');
        }
        for (size_t i = 0; i < test->series_count; i++) {
                buf_append_cstr(report, "    ");
                put_wanted(report, &test->series[i]);
                buf_append_byte(report, '\n');
        }
        buf_append_cstr(report, "  got:\n");
        if (result->type == PROMQL_SCALAR) {
                buf_append_cstr(report, "    ");
                double_append(report, result->scalar.v, DOUBLE_G);
                buf_append_byte(report, '\n');
        } else if (result->type == PROMQL_STRING) {
                buf_printf(report, "    \"" STR_FMT "\"\n", STR_ARG(result->string));
        }
        for (size_t i = 0; i < result->series_count; i++) {
                buf_append_cstr(report, "    ");
                put_series(report, &result->series[i]);
                buf_append_byte(report, '\n');
        }
}

static const struct script_series *find_wanted(const struct script_case *test,
                                               struct labels labels, size_t *ret_position)
{
        const struct script_series *found = NULL;

        /* The last line of a label set counts, as in Prometheus. */
        for (size_t i = 0; i < test->series_count; i++) {
                if (labels_equal(test->series[i].labels, labels)) {
                        found = &test->series[i];
                        *ret_position = i;
                }
        }
        return found;
}

static bool values_match(const struct script_series *wanted, const struct promql_series *got,
                         int64_t start_ms, int64_t end_ms, int64_t step_ms)
{
        size_t next = 0;

        for (size_t i = 0; i < wanted->count; i++) {
                int64_t t_ms = start_ms + (int64_t)i * step_ms;

                if (t_ms > end_ms && !wanted->values[i].omitted)
                        return false;
                if (wanted->values[i].omitted)
                        continue;
                if (next >= got->count || got->t_ms[next] != t_ms ||
                    !value_matches(&wanted->values[i], got, next))
                        return false;
                next++;
        }
        return next == got->count;
}

static bool series_match(const struct script_case *test, const struct promql_result *result)
{
        size_t seen = 0, distinct = 0;

        for (size_t i = 0; i < test->series_count; i++) {
                size_t position = 0;

                find_wanted(test, test->series[i].labels, &position);
                distinct += position == i;
        }
        for (size_t i = 0; i < result->series_count; i++) {
                const struct promql_series *got = &result->series[i];
                size_t position = 0;
                const struct script_series *wanted = find_wanted(test, got->labels, &position);

                if (!wanted)
                        return false;
                if (result->type == PROMQL_MATRIX) {
                        int64_t start = test->is_range ? test->start_ms : test->vector_start_ms;
                        int64_t end = test->is_range ? test->end_ms : test->vector_end_ms;
                        int64_t step = test->is_range ? test->step_ms : test->vector_step_ms;

                        if (!values_match(wanted, got, start, end, step))
                                return false;
                } else if ((test->ordered && position != i) || wanted->count != 1 ||
                           !value_matches(&wanted->values[0], got, 0)) {
                        return false;
                }
                seen++;
        }
        return seen == distinct;
}

bool script_check_result(const struct script_case *test, const struct promql_result *result,
                         struct buf *report)
{
        bool ok;

        switch (result->type) {
        case PROMQL_STRING:
                ok = test->has_string && str_equal(test->string, result->string);
                break;
        case PROMQL_SCALAR:
                ok = test->has_scalar && nearly_equal(test->scalar, result->scalar.v);
                break;
        default:
                ok = !test->has_scalar && series_match(test, result);
        }
        if (!ok)
                report_both(report, test, result);
        return ok;
}
