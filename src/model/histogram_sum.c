/* Sums and means of native histograms. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "model/histogram_bucket.h"
#include "model/histogram_math.h"

/* Neumaier's sum; what was lost goes to *c when there is one. */
static void add_number(double v, double *sum, double *c)
{
        double t = *sum + v;

        if (c) {
                if (isinf(t))
                        *c = 0;
                else if (fabs(*sum) >= fabs(v))
                        *c += (*sum - t) + v;
                else
                        *c += (v - t) + *sum;
        }
        *sum = t;
}

/* ---- cells -------------------------------------------------------------------------------- */

static void *grow(struct arena *arena, const void *items, size_t used, size_t capacity)
{
        void *grown = arena_alloc(arena, capacity * sizeof(double));

        if (used)
                memcpy(grown, items, used * sizeof(double));
        return grown;
}

static void reserve(struct histogram_cells *cells, struct arena *arena, bool compensated,
                    size_t needed)
{
        size_t capacity = cells->capacity + cells->capacity / 2 + 4;

        _Static_assert(sizeof(int64_t) == sizeof(double), "columns of one width");
        if (needed <= cells->capacity)
                return;
        if (capacity < needed)
                capacity = needed;
        cells->index = grow(arena, cells->index, cells->count, capacity);
        cells->v = grow(arena, cells->v, cells->count, capacity);
        if (compensated)
                cells->c = grow(arena, cells->c, cells->count, capacity);
        cells->capacity = (uint32_t)capacity;
}

static void open_gap(void *column, uint32_t at, uint32_t count)
{
        double *items = column;

        memmove(items + at + 1, items + at, (count - at) * sizeof(*items));
}

/* The place of a bucket, made when it is missing. *at is where the last one was found. */
static uint32_t cell_of(struct histogram_sum *sum, struct histogram_cells *cells, uint32_t *at,
                        int64_t index)
{
        uint32_t i = *at > 0 && cells->index[*at - 1] > index ? 0 : *at;

        while (i < cells->count && cells->index[i] < index)
                i++;
        *at = i;
        if (i < cells->count && cells->index[i] == index)
                return i;
        reserve(cells, sum->arena, sum->compensated, cells->count + 1);
        open_gap(cells->index, i, cells->count);
        open_gap(cells->v, i, cells->count);
        cells->index[i] = index;
        cells->v[i] = 0;
        if (cells->c) {
                open_gap(cells->c, i, cells->count);
                cells->c[i] = 0;
        }
        cells->count++;
        return i;
}

static void unpack(struct histogram_cells *cells, struct arena *arena,
                   const struct histogram_side *side, bool compensated)
{
        struct histogram_cursor cursor;

        *cells = (struct histogram_cells){0};
        if (!side->bucket_count)
                return;
        reserve(cells, arena, compensated, side->bucket_count);
        histogram_cursor_init(&cursor, side);
        while (histogram_cursor_next(&cursor, &cells->index[cells->count],
                                     &cells->v[cells->count])) {
                if (compensated)
                        cells->c[cells->count] = 0;
                cells->count++;
        }
}

void histogram_sum_init(struct histogram_sum *sum, struct arena *arena,
                        const struct histogram *h, bool compensated)
{
        *sum = (struct histogram_sum){
                .arena = arena,
                .compensated = compensated,
                .schema = h->schema,
                .reset = h->reset,
                .zero_threshold = h->zero_threshold,
                .zero = h->zero_count,
                .count = h->count,
                .sum = h->sum,
                .custom_values = h->custom_values,
                .custom_count = h->custom_count,
        };
        if (h->custom_count) {
                double *values = arena_alloc(arena, h->custom_count * sizeof(*values));

                memcpy(values, h->custom_values, h->custom_count * sizeof(*values));
                sum->custom_values = values;
        }
        unpack(&sum->positive, arena, &h->positive, compensated);
        unpack(&sum->negative, arena, &h->negative, compensated);
}

/* ---- resolution --------------------------------------------------------------------------- */

static void coarsen(struct histogram_cells *cells, int from_schema, int to_schema)
{
        uint32_t kept = 0;

        for (uint32_t i = 0; i < cells->count; i++) {
                int64_t index = histogram_coarser_index(cells->index[i], from_schema, to_schema);

                if (kept && cells->index[kept - 1] == index) {
                        add_number(cells->v[i], &cells->v[kept - 1],
                                   cells->c ? &cells->c[kept - 1] : NULL);
                        if (cells->c)
                                add_number(cells->c[i], &cells->v[kept - 1],
                                           &cells->c[kept - 1]);
                        continue;
                }
                cells->index[kept] = index;
                cells->v[kept] = cells->v[i];
                if (cells->c)
                        cells->c[kept] = cells->c[i];
                kept++;
        }
        cells->count = kept;
}

void histogram_sum_coarsen(struct histogram_sum *sum, int schema)
{
        if (sum->schema == HISTOGRAM_SCHEMA_CUSTOM || schema >= sum->schema)
                return;
        coarsen(&sum->positive, sum->schema, schema);
        coarsen(&sum->negative, sum->schema, schema);
        sum->schema = (int8_t)schema;
}

/* ---- zero buckets ------------------------------------------------------------------------- */

/* What a wider zero bucket would swallow of one side. True: it ended inside a populated bucket
 * and was widened to the end of that. */
static bool swallow(const struct histogram_cells *cells, int schema, double *threshold,
                    double *zero, double *zero_c)
{
        for (uint32_t i = 0; i < cells->count; i++) {
                double far = histogram_exponential_bound(schema, cells->index[i]);

                if (histogram_exponential_bound(schema, cells->index[i] - 1) >= *threshold)
                        break;
                add_number(cells->v[i], zero, zero_c);
                if (cells->c)
                        add_number(cells->c[i], zero, zero_c);
                if (far > *threshold) {
                        if (cells->v[i] == 0)
                                break;
                        *threshold = far;
                        return true;
                }
        }
        return false;
}

/* The zero bucket of at least that width. */
static void widen(const struct histogram_sum *sum, double *threshold, double *ret_zero,
                  double *ret_zero_c)
{
        double zero, zero_c;

        do {
                zero = sum->zero;
                zero_c = sum->zero_c;
                (void)swallow(&sum->positive, sum->schema, threshold, &zero, &zero_c);
        } while (swallow(&sum->negative, sum->schema, threshold, &zero, &zero_c));
        *ret_zero = zero;
        *ret_zero_c = zero_c;
}

static void drop_below(struct histogram_cells *cells, int schema, double threshold)
{
        uint32_t kept = 0;

        for (uint32_t i = 0; i < cells->count; i++) {
                if (histogram_exponential_bound(schema, cells->index[i] - 1) < threshold)
                        continue;
                cells->index[kept] = cells->index[i];
                cells->v[kept] = cells->v[i];
                if (cells->c)
                        cells->c[kept] = cells->c[i];
                kept++;
        }
        cells->count = kept;
}

/* Widens the sum's zero bucket until it suits both; gives what the other would have in it. */
static void reconcile_zero(struct histogram_sum *sum, const struct histogram *h,
                           double *ret_zero, double *ret_zero_c)
{
        struct arena_point mark = arena_mark(sum->arena);
        struct histogram_sum other;
        double threshold = h->zero_threshold;

        *ret_zero = h->zero_count;
        *ret_zero_c = 0;
        if (threshold == sum->zero_threshold || isnan(threshold) || isnan(sum->zero_threshold))
                return;
        histogram_sum_init(&other, sum->arena, h, false);
        while (threshold != sum->zero_threshold) {
                if (threshold < sum->zero_threshold) {
                        threshold = sum->zero_threshold;
                        widen(&other, &threshold, ret_zero, ret_zero_c);
                }
                if (threshold > sum->zero_threshold) {
                        sum->zero_threshold = threshold;
                        widen(sum, &sum->zero_threshold, &sum->zero, &sum->zero_c);
                        drop_below(&sum->positive, sum->schema, sum->zero_threshold);
                        drop_below(&sum->negative, sum->schema, sum->zero_threshold);
                }
        }
        arena_rewind(sum->arena, mark);
}

/* ---- custom bounds ------------------------------------------------------------------------ */

static const double *shared_bounds(struct histogram_sum *sum, const struct histogram *h,
                                   uint32_t *ret_count)
{
        uint32_t least = sum->custom_count < h->custom_count ? sum->custom_count
                                                             : h->custom_count;
        double *shared = arena_alloc(sum->arena, (least + 1) * sizeof(*shared));
        uint32_t i = 0, j = 0, count = 0;

        while (i < sum->custom_count && j < h->custom_count) {
                if (sum->custom_values[i] == h->custom_values[j]) {
                        shared[count++] = h->custom_values[j];
                        i++;
                        j++;
                } else if (sum->custom_values[i] < h->custom_values[j]) {
                        i++;
                } else {
                        j++;
                }
        }
        *ret_count = count;
        return shared;
}

/* The bucket of the shared bounds into which one of finer bounds falls. */
static uint32_t shared_index(const double *shared, uint32_t count, const double *bounds,
                             uint32_t bound_count, int64_t index)
{
        uint32_t i = 0;

        if (index < 0 || index >= bound_count)
                return count;
        while (i < count && shared[i] < bounds[index])
                i++;
        return i;
}

/* Both onto the bounds that they share. */
static void add_reconciled(struct histogram_sum *sum, const struct histogram *h, double sign)
{
        struct histogram_cells cells = {0};
        struct histogram_cursor cursor;
        uint32_t shared_count, kept = 0;
        const double *shared = shared_bounds(sum, h, &shared_count);
        double count;
        int64_t index;

        reserve(&cells, sum->arena, true, (size_t)shared_count + 1);
        for (uint32_t i = 0; i <= shared_count; i++)
                cells.v[i] = cells.c[i] = 0;
        for (uint32_t i = 0; i < sum->positive.count; i++) {
                uint32_t to = shared_index(shared, shared_count, sum->custom_values,
                                           sum->custom_count, sum->positive.index[i]);

                add_number(sum->positive.v[i], &cells.v[to], &cells.c[to]);
                if (sum->positive.c)
                        add_number(sum->positive.c[i], &cells.v[to], &cells.c[to]);
        }
        histogram_cursor_init(&cursor, &h->positive);
        while (histogram_cursor_next(&cursor, &index, &count)) {
                uint32_t to = shared_index(shared, shared_count, h->custom_values,
                                           h->custom_count, index);

                add_number(sign * count, &cells.v[to], &cells.c[to]);
        }
        for (uint32_t i = 0; i <= shared_count; i++) {
                if (cells.v[i] == 0 && cells.c[i] == 0)
                        continue;
                cells.index[kept] = i;
                cells.v[kept] = cells.v[i];
                cells.c[kept++] = cells.c[i];
        }
        cells.count = kept;
        if (!sum->compensated)
                cells.c = NULL;
        sum->positive = cells;
        sum->custom_values = shared;
        sum->custom_count = shared_count;
}

/* The same where the sum keeps its bounds, so that adding many takes no more room. */
static void add_to_coarser(struct histogram_sum *sum, const struct histogram *h, double sign)
{
        struct histogram_cursor cursor;
        double count;
        int64_t index;
        uint32_t at = 0;

        histogram_cursor_init(&cursor, &h->positive);
        while (histogram_cursor_next(&cursor, &index, &count)) {
                uint32_t to = shared_index(sum->custom_values, sum->custom_count,
                                           h->custom_values, h->custom_count, index);
                uint32_t i = cell_of(sum, &sum->positive, &at, to);

                add_number(sign * count, &sum->positive.v[i],
                           sum->positive.c ? &sum->positive.c[i] : NULL);
        }
}

static bool has_bounds_of(const struct histogram *h, const struct histogram_sum *sum)
{
        uint32_t j = 0;

        for (uint32_t i = 0; i < sum->custom_count; i++) {
                while (j < h->custom_count && h->custom_values[j] < sum->custom_values[i])
                        j++;
                if (j == h->custom_count || h->custom_values[j] != sum->custom_values[i])
                        return false;
        }
        return true;
}

/* ---- adding ------------------------------------------------------------------------------- */

static void add_side(struct histogram_sum *sum, struct histogram_cells *cells,
                     const struct histogram *h, const struct histogram_side *side, double sign)
{
        bool exponential = !histogram_is_custom(h), below = exponential;
        struct histogram_cursor cursor;
        int64_t index = 0, next_index = 0;
        double count = 0;
        uint32_t at = 0;
        bool more;

        histogram_cursor_init(&cursor, side);
        more = histogram_cursor_next(&cursor, &next_index, &count);
        while (more) {
                double v = 0, c = 0;
                uint32_t i;

                /* Finer buckets that fall into one are added up before they are added. */
                index = exponential ? histogram_coarser_index(next_index, h->schema, sum->schema)
                                    : next_index;
                do {
                        add_number(count, &v, sum->compensated ? &c : NULL);
                        more = histogram_cursor_next(&cursor, &next_index, &count);
                } while (more && exponential &&
                         histogram_coarser_index(next_index, h->schema, sum->schema) == index);
                below = below && histogram_exponential_bound(sum->schema, index) <=
                                         sum->zero_threshold;
                if (below)
                        continue;
                i = cell_of(sum, cells, &at, index);
                add_number(sign * v, &cells->v[i], cells->c ? &cells->c[i] : NULL);
                if (cells->c && c != 0)
                        add_number(sign * c, &cells->v[i], &cells->c[i]);
        }
}

/* Gauges win, then not knowing; a reset and none make a collision. */
static void combine_resets(struct histogram_sum *sum, const struct histogram *h,
                           struct histogram_outcome *outcome)
{
        if (h->reset == sum->reset || sum->reset == HISTOGRAM_GAUGE)
                return;
        if (h->reset == HISTOGRAM_GAUGE) {
                sum->reset = HISTOGRAM_GAUGE;
                return;
        }
        outcome->collision |= sum->reset != HISTOGRAM_RESET_UNKNOWN &&
                              h->reset != HISTOGRAM_RESET_UNKNOWN;
        sum->reset = HISTOGRAM_RESET_UNKNOWN;
}

static bool same_bounds(const struct histogram_sum *sum, const struct histogram *h)
{
        return sum->custom_count == h->custom_count &&
               (!h->custom_count || memcmp(sum->custom_values, h->custom_values,
                                           h->custom_count * sizeof(double)) == 0);
}

static bool combine(struct histogram_sum *sum, const struct histogram *h, double sign,
                    struct histogram_outcome *outcome)
{
        struct histogram_outcome ignored = {0};
        double zero, zero_c;

        if ((sum->schema == HISTOGRAM_SCHEMA_CUSTOM) != histogram_is_custom(h))
                return false;
        outcome = outcome ? outcome : &ignored;
        combine_resets(sum, h, outcome);
        if (!histogram_is_custom(h)) {
                reconcile_zero(sum, h, &zero, &zero_c);
                add_number(sign * zero, &sum->zero, sum->compensated ? &sum->zero_c : NULL);
                if (sum->compensated)
                        add_number(sign * zero_c, &sum->zero, &sum->zero_c);
        }
        add_number(sign * h->count, &sum->count, sum->compensated ? &sum->count_c : NULL);
        add_number(sign * h->sum, &sum->sum, sum->compensated ? &sum->sum_c : NULL);
        if (histogram_is_custom(h) && !same_bounds(sum, h)) {
                outcome->reconciled = true;
                if (has_bounds_of(h, sum))
                        add_to_coarser(sum, h, sign);
                else
                        add_reconciled(sum, h, sign);
                return true;
        }
        histogram_sum_coarsen(sum, h->schema);
        add_side(sum, &sum->positive, h, &h->positive, sign);
        add_side(sum, &sum->negative, h, &h->negative, sign);
        return true;
}

bool histogram_sum_add(struct histogram_sum *sum, const struct histogram *h,
                       struct histogram_outcome *outcome)
{
        return combine(sum, h, 1, outcome);
}

bool histogram_sum_subtract(struct histogram_sum *sum, const struct histogram *h,
                            struct histogram_outcome *outcome)
{
        return combine(sum, h, -1, outcome);
}

/* ---- scaling ------------------------------------------------------------------------------ */

static void multiply_column(double *items, uint32_t count, double factor)
{
        for (uint32_t i = 0; items && i < count; i++)
                items[i] *= factor;
}

static void divide_column(double *items, uint32_t count, double divisor)
{
        for (uint32_t i = 0; items && i < count; i++)
                items[i] /= divisor;
}

void histogram_sum_multiply(struct histogram_sum *sum, double factor)
{
        double *const numbers[] = {&sum->zero,    &sum->zero_c, &sum->count,
                                   &sum->count_c, &sum->sum,    &sum->sum_c};

        for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
                *numbers[i] *= factor;
        multiply_column(sum->positive.v, sum->positive.count, factor);
        multiply_column(sum->positive.c, sum->positive.count, factor);
        multiply_column(sum->negative.v, sum->negative.count, factor);
        multiply_column(sum->negative.c, sum->negative.count, factor);
        if (factor < 0)
                sum->reset = HISTOGRAM_GAUGE;
}

void histogram_sum_divide(struct histogram_sum *sum, double divisor)
{
        double *const numbers[] = {&sum->zero,    &sum->zero_c, &sum->count,
                                   &sum->count_c, &sum->sum,    &sum->sum_c};

        for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
                *numbers[i] /= divisor;
        divide_column(sum->positive.v, sum->positive.count, divisor);
        divide_column(sum->positive.c, sum->positive.count, divisor);
        divide_column(sum->negative.v, sum->negative.count, divisor);
        divide_column(sum->negative.c, sum->negative.count, divisor);
        if (divisor < 0)
                sum->reset = HISTOGRAM_GAUGE;
}

/* ---- results ------------------------------------------------------------------------------ */

static int32_t clamp_offset(int64_t offset)
{
        return offset > INT32_MAX ? INT32_MAX : offset < INT32_MIN ? INT32_MIN : (int32_t)offset;
}

static double cell_value(const struct histogram_cells *cells, uint32_t i)
{
        return cells->c ? cells->v[i] + cells->c[i] : cells->v[i];
}

static struct histogram_side pack(const struct histogram_cells *cells, struct arena *arena,
                                  bool compact)
{
        struct histogram_side side = {0};
        struct histogram_span *spans = NULL;
        double *buckets = NULL;
        int64_t end = 0;

        if (!cells->count)
                return side;
        buckets = arena_alloc(arena, cells->count * sizeof(*buckets));
        spans = arena_alloc(arena, cells->count * sizeof(*spans));
        for (uint32_t i = 0; i < cells->count; i++) {
                double v = cell_value(cells, i);

                if (compact && v == 0)
                        continue;
                if (!side.span_count || cells->index[i] != end)
                        spans[side.span_count++] = (struct histogram_span){
                                clamp_offset(cells->index[i] - end), 0};
                spans[side.span_count - 1].length++;
                buckets[side.bucket_count++] = v;
                end = cells->index[i] + 1;
        }
        side.spans = spans;
        side.buckets = buckets;
        return side;
}

const struct histogram *histogram_sum_finish(const struct histogram_sum *sum,
                                             struct arena *arena, bool compact)
{
        struct histogram *h = arena_new(arena, struct histogram);

        h->schema = sum->schema;
        h->reset = sum->reset;
        h->zero_threshold = sum->zero_threshold;
        h->zero_count = sum->zero + sum->zero_c;
        h->count = sum->count + sum->count_c;
        h->sum = sum->sum + sum->sum_c;
        h->positive = pack(&sum->positive, arena, compact);
        h->negative = pack(&sum->negative, arena, compact);
        h->custom_count = sum->custom_count;
        if (sum->custom_count) {
                double *values = arena_alloc(arena, sum->custom_count * sizeof(*values));

                memcpy(values, sum->custom_values, sum->custom_count * sizeof(*values));
                h->custom_values = values;
        }
        return h;
}

/* ---- means -------------------------------------------------------------------------------- */

void histogram_mean_init(struct histogram_mean *mean, struct arena *arena,
                         const struct histogram *h)
{
        *mean = (struct histogram_mean){.count = 1};
        histogram_sum_init(&mean->sum, arena, h, true);
}

static bool is_large(double v)
{
        return !(fabs(v) < DBL_MAX / 4);
}

static bool any_large(const double *items, uint32_t count)
{
        for (uint32_t i = 0; i < count; i++)
                if (is_large(items[i]))
                        return true;
        return false;
}

static bool sum_is_large(const struct histogram_sum *sum)
{
        return is_large(sum->zero) || is_large(sum->count) || is_large(sum->sum) ||
               any_large(sum->positive.v, sum->positive.count) ||
               any_large(sum->negative.v, sum->negative.count);
}

static bool is_infinite(const struct histogram *h)
{
        if (isinf(h->zero_count) || isinf(h->count) || isinf(h->sum))
                return true;
        for (uint32_t i = 0; i < h->positive.bucket_count; i++)
                if (isinf(h->positive.buckets[i]))
                        return true;
        for (uint32_t i = 0; i < h->negative.bucket_count; i++)
                if (isinf(h->negative.buckets[i]))
                        return true;
        return false;
}

static struct histogram_cells copy_cells(const struct histogram_cells *cells,
                                         struct arena *arena)
{
        struct histogram_cells copy = *cells;

        copy.index = grow(arena, cells->index, cells->count, cells->capacity);
        copy.v = grow(arena, cells->v, cells->count, cells->capacity);
        copy.c = cells->c ? grow(arena, cells->c, cells->count, cells->capacity) : NULL;
        return copy;
}

/* Adds where that may overflow: then the sum stays, and false comes back. */
static bool try_add(struct histogram_sum *sum, const struct histogram *h,
                    struct histogram_outcome *outcome)
{
        struct histogram_sum attempt = *sum;

        attempt.positive = copy_cells(&sum->positive, sum->arena);
        attempt.negative = copy_cells(&sum->negative, sum->arena);
        BUG_ON(!histogram_sum_add(&attempt, h, outcome));
        if (is_infinite(histogram_sum_finish(&attempt, sum->arena, false)))
                return false;
        *sum = attempt;
        return true;
}

static bool may_overflow(const struct histogram_sum *sum, const struct histogram *h)
{
        return sum_is_large(sum) || is_large(h->zero_count) || is_large(h->count) ||
               is_large(h->sum) || any_large(h->positive.buckets, h->positive.bucket_count) ||
               any_large(h->negative.buckets, h->negative.bucket_count);
}

bool histogram_mean_add(struct histogram_mean *mean, const struct histogram *h,
                        struct histogram_outcome *outcome)
{
        struct histogram_sum *sum = &mean->sum;

        if ((sum->schema == HISTOGRAM_SCHEMA_CUSTOM) != histogram_is_custom(h))
                return false;
        mean->count++;
        if (!mean->incremental) {
                if (!may_overflow(sum, h))
                        return histogram_sum_add(sum, h, outcome);
                if (try_add(sum, h, outcome))
                        return true;
                mean->incremental = true;
                histogram_sum_divide(sum, mean->count - 1);
        }
        histogram_sum_multiply(sum, (mean->count - 1) / mean->count);
        return histogram_sum_add(sum, histogram_divide(sum->arena, h, mean->count), outcome);
}

const struct histogram *histogram_mean_finish(struct histogram_mean *mean, struct arena *arena,
                                              bool compact)
{
        if (!mean->incremental)
                histogram_sum_divide(&mean->sum, mean->count);
        return histogram_sum_finish(&mean->sum, arena, compact);
}
