#include "codec/ints.h"

#include "codec/bins.h"

enum { ORDER_MASK = 3, HAS_DIVISOR = 4, IS_BINNED = 8, HEADS = 16 };

/* Residuals of one order and how they would be stored. */
struct plan {
        uint64_t residuals[INTS_MAX_COUNT];
        size_t count;
        unsigned order, width, widest;
        uint64_t first, first_delta, minimum, divisor;
        size_t exceptions;
        size_t cost_bytes;
        bool is_binned;
        struct bins bins;
};

static unsigned bit_len(uint64_t value)
{
        return value ? 64 - (unsigned)__builtin_clzll(value) : 0;
}

static uint64_t gcd(uint64_t a, uint64_t b)
{
        while (b) {
                uint64_t rest = a % b;

                a = b;
                b = rest;
        }
        return a;
}

/* Common divisor of all residuals; 1 when there is none worth having. */
static uint64_t common_divisor(const uint64_t *residuals, size_t count)
{
        uint64_t divisor = 0;

        for (size_t i = 0; i < count && divisor != 1; i++)
                if (divisor == 0 || residuals[i] % divisor)
                        divisor = gcd(residuals[i], divisor);
        return divisor ? divisor : 1;
}

/* Bytes that an exception takes beyond its packed bits, about. */
static size_t exception_cost(unsigned bits)
{
        return 1 + (bits + 6) / 7;
}

/* Picks the width with the least bytes among 0 and the lengths that occur. by_len[b]: residuals of
 * exactly b bits; `used` lists those lengths, ascending. */
static void choose_width(struct plan *plan, const uint32_t *by_len, const uint8_t *used,
                         size_t used_count)
{
        plan->cost_bytes = SIZE_MAX;
        for (size_t candidate = 0; candidate <= used_count; candidate++) {
                unsigned width = candidate ? used[candidate - 1] : 0;
                size_t cost = (plan->count * width + 7) / 8, exceptions = 0;

                for (size_t i = candidate; i < used_count; i++) {
                        exceptions += by_len[used[i]];
                        cost += by_len[used[i]] * exception_cost(used[i] - width);
                }
                if (cost < plan->cost_bytes) {
                        plan->cost_bytes = cost;
                        plan->width = width;
                        plan->exceptions = exceptions;
                }
        }
}

VECTORIZE static int64_t minimum_of(const int64_t *values, size_t count)
{
        int64_t minimum = INT64_MAX;

        for (size_t i = 0; i < count; i++)
                minimum = values[i] < minimum ? values[i] : minimum;
        return minimum;
}

VECTORIZE static void subtract(uint64_t *values, size_t count, uint64_t what)
{
        for (size_t i = 0; i < count; i++)
                values[i] -= what;
}

static void finish_plan(struct plan *plan)
{
        uint32_t by_len[65] = {0};
        uint8_t used[65];
        size_t used_count = 0;
        uint64_t seen = 0; /* lengths 1 to 64 as bits 0 to 63 */

        plan->is_binned = false;
        plan->minimum = plan->count ? (uint64_t)minimum_of((int64_t *)plan->residuals, plan->count)
                                    : 0;
        subtract(plan->residuals, plan->count, plan->minimum);
        plan->divisor = common_divisor(plan->residuals, plan->count);
        for (size_t i = 0; i < plan->count; i++) {
                unsigned len;

                if (plan->divisor != 1)
                        plan->residuals[i] /= plan->divisor;
                len = bit_len(plan->residuals[i]);
                by_len[len]++;
                if (len)
                        seen |= 1ull << (len - 1);
        }
        for (; seen; seen &= seen - 1)
                used[used_count++] = (uint8_t)(__builtin_ctzll(seen) + 1);
        choose_width(plan, by_len, used, used_count);
        plan->widest = used_count ? used[used_count - 1] : 0;
}

static void plan_values(struct plan *plan, const int64_t *values, size_t count)
{
        plan->order = 0;
        plan->count = count;
        memcpy(plan->residuals, values, count * sizeof(*values));
        finish_plan(plan);
}

VECTORIZE static void plan_differences(struct plan *plan, const int64_t *values, size_t count)
{
        plan->order = 1;
        plan->count = count - 1;
        plan->first = (uint64_t)values[0];
        for (size_t i = 1; i < count; i++)
                plan->residuals[i - 1] = (uint64_t)values[i] - (uint64_t)values[i - 1];
        finish_plan(plan);
}

VECTORIZE static void plan_second_differences(struct plan *plan, const int64_t *values,
                                              size_t count)
{
        plan->order = 2;
        plan->count = count - 2;
        plan->first = (uint64_t)values[0];
        plan->first_delta = (uint64_t)values[1] - (uint64_t)values[0];
        for (size_t i = 2; i < count; i++)
                plan->residuals[i - 2] = (uint64_t)values[i] - 2 * (uint64_t)values[i - 1] +
                                         (uint64_t)values[i - 2];
        finish_plan(plan);
}

/* Bins take longer to choose and to read, so they must save a thirty-second: of the bytes, or of a
 * byte a value. Laying out their states takes a microsecond, which is much for a short column, and
 * that is one which will soon be merged. */
enum { BINNED_MIN_COUNT = 768, BINNED_MIN_BYTES = 24, BINNED_SAVING = 32 };

static void try_bins(struct plan *plan)
{
        size_t bytes, limit = plan->cost_bytes < plan->count ? plan->cost_bytes : plan->count;

        if (plan->count < BINNED_MIN_COUNT || plan->cost_bytes < BINNED_MIN_BYTES)
                return;
        bytes = bins_plan(&plan->bins, plan->residuals, plan->count, plan->widest);
        if (bytes >= plan->cost_bytes - limit / BINNED_SAVING)
                return;
        plan->is_binned = true;
        plan->width = plan->widest;
        plan->cost_bytes = bytes;
}

static uint8_t *pack(uint8_t *at, const struct plan *plan)
{
        struct bitpacker out = {.at = at};

        if (!plan->width)
                return at;
        for (size_t i = 0; i < plan->count; i++)
                bitpack_put(&out, plan->residuals[i] & bitpack_mask(plan->width), plan->width);
        return bitpack_finish(&out);
}

static uint8_t *write_exceptions(uint8_t *at, const struct plan *plan)
{
        size_t next = 0;

        at = varint_put(at, plan->exceptions);
        for (size_t i = 0; plan->exceptions && i < plan->count; i++) {
                uint64_t high = plan->width == 64 ? 0 : plan->residuals[i] >> plan->width;

                if (!high)
                        continue;
                at = varint_put(at, i - next);
                at = varint_put(at, high);
                next = i + 1;
        }
        return at;
}

static void plan_order(struct plan *plan, const int64_t *values, size_t count, unsigned order)
{
        if (order == 0)
                plan_values(plan, values, count);
        else if (order == 1)
                plan_differences(plan, values, count);
        else
                plan_second_differences(plan, values, count);
}

/* The first values cost bytes too; three each settles ties toward less work. */
static size_t cost(const struct plan *plan)
{
        return plan->cost_bytes + 3 * plan->order;
}

enum { ORDERS = 3 };

static int64_t median(int64_t a, int64_t b, int64_t c)
{
        int64_t least = a < b ? a : b, most = a < b ? b : a;

        return c < least ? least : c > most ? most : c;
}

/* Of the values, or of their differences; about: the median of medians of nine. */
static uint64_t middle(const int64_t *values, size_t count, unsigned order)
{
        int64_t medians[3], picked[3];

        for (size_t i = 0; i < 9; i++) {
                size_t at = 1 + i * (count - 2) / 8;

                picked[i % 3] = order ? (int64_t)((uint64_t)values[at] - (uint64_t)values[at - 1])
                                      : values[at];
                if (i % 3 == 2)
                        medians[i / 3] = median(picked[0], picked[1], picked[2]);
        }
        return (uint64_t)median(medians[0], medians[1], medians[2]);
}

/* How many bits the residuals of each order have, about: what lies around their middle counts as
 * nothing, as subtracting the least makes it. */
static void estimate(const int64_t *values, size_t count, uint64_t *bits)
{
        uint64_t value_middle = middle(values, count, 0), step_middle = middle(values, count, 1);
        uint64_t last = (uint64_t)values[0], last_step = 0;

        bits[0] = bits[1] = bits[2] = 0;
        for (size_t i = 0; i < count; i++) {
                uint64_t value = (uint64_t)values[i], step = value - last;

                bits[0] += bit_len(varint_zigzag((int64_t)(value - value_middle)));
                if (i >= 1)
                        bits[1] += bit_len(varint_zigzag((int64_t)(step - step_middle)));
                if (i >= 2)
                        bits[2] += bit_len(varint_zigzag((int64_t)(step - last_step)));
                last = value;
                last_step = step;
        }
}

static uint8_t *write_plan(uint8_t *at, const struct plan *plan)
{
        *at++ = (uint8_t)(plan->order | (plan->divisor != 1 ? HAS_DIVISOR : 0) |
                          (plan->is_binned ? IS_BINNED : 0));
        *at++ = (uint8_t)plan->width;
        if (plan->order >= 1)
                at = varint_put_zigzag(at, (int64_t)plan->first);
        if (plan->order == 2)
                at = varint_put_zigzag(at, (int64_t)plan->first_delta);
        at = varint_put_zigzag(at, (int64_t)plan->minimum);
        if (plan->divisor != 1)
                at = varint_put(at, plan->divisor);
        if (plan->is_binned)
                return bins_encode(at, &plan->bins, plan->residuals, plan->count);
        at = write_exceptions(at, plan);
        return pack(at, plan);
}

/* A short column lives for minutes: what is quick to find out is good enough. */
enum { SHORT_COUNT = 16 };

static unsigned spread(struct plan *plan, size_t count)
{
        int64_t least = (int64_t)plan->residuals[0], most = least;

        for (size_t i = 1; i < count; i++) {
                int64_t residual = (int64_t)plan->residuals[i];

                least = residual < least ? residual : least;
                most = residual > most ? residual : most;
        }
        plan->count = count;
        plan->minimum = (uint64_t)least;
        plan->width = bit_len((uint64_t)most - (uint64_t)least);
        return plan->width;
}

static __attribute__((noinline)) uint8_t *encode_short(uint8_t *at, const int64_t *values,
                                                       size_t count)
{
        struct plan plan_of_short, *plan = &plan_of_short;
        unsigned width;

        plan->divisor = 1;
        plan->exceptions = 0;
        plan->is_binned = false;
        plan->order = 0;
        memcpy(plan->residuals, values, count * sizeof(*values));
        width = spread(plan, count);
        if (count > 1 && width) {
                plan->order = 1;
                plan->first = (uint64_t)values[0];
                for (size_t i = 1; i < count; i++)
                        plan->residuals[i - 1] = (uint64_t)values[i] - (uint64_t)values[i - 1];
                /* Differences take another number in front. */
                if (spread(plan, count - 1) * (count - 1) + 16 > width * count) {
                        plan->order = 0;
                        memcpy(plan->residuals, values, count * sizeof(*values));
                        spread(plan, count);
                }
        }
        for (size_t i = 0; i < plan->count; i++)
                plan->residuals[i] -= plan->minimum;
        return write_plan(at, plan);
}

/* Not inlined, as what it needs of the stack would slow down what is short. */
static __attribute__((noinline)) uint8_t *encode_long(uint8_t *at, const int64_t *values,
                                                      size_t count)
{
        struct plan plans[2], *best = &plans[0], *tried = &plans[1];
        uint64_t bits[ORDERS], least;

        plan_order(best, values, count, 1);
        /* Steady differences, as of most timestamps, cannot be beaten. */
        if (!best->cost_bytes)
                return write_plan(at, best);
        estimate(values, count, bits);
        least = bits[0] < bits[1] ? bits[0] : bits[1];
        least = bits[2] < least ? bits[2] : least;
        /* The estimate may be wrong by a bit each; bins come closer to it than packing does. */
        if (bits[1] <= least + count / 2)
                try_bins(best);
        for (unsigned order = 0; order <= 2; order += 2) {
                if (bits[order] > least + count)
                        continue;
                plan_order(tried, values, count, order);
                if (bits[order] <= least + count / 2)
                        try_bins(tried);
                if (cost(tried) < cost(best)) {
                        struct plan *loser = best;

                        best = tried;
                        tried = loser;
                }
        }
        return write_plan(at, best);
}

uint8_t *ints_encode(uint8_t *at, const int64_t *values, size_t count)
{
        BUG_ON(count == 0 || count > INTS_MAX_COUNT);
        return count <= SHORT_COUNT ? encode_short(at, values, count)
                                    : encode_long(at, values, count);
}

/* Widths up to 8: eight residuals are `width` whole bytes, so one load serves eight. */
VECTORIZE static size_t unpack_narrow(const uint8_t *data, size_t len, unsigned width,
                                      uint64_t *values, size_t count)
{
        uint64_t mask = bitpack_mask(width);
        size_t i = 0;

        for (size_t at = 0; i + 8 <= count && at + 8 <= len; i += 8, at += width) {
                uint64_t word = bitpack_load(data, at * 8);

                for (unsigned k = 0; k < 8; k++)
                        values[i + k] = word >> k * width & mask;
        }
        return i;
}

static size_t unpack_medium(const uint8_t *data, size_t len, unsigned width, uint64_t *values,
                            size_t count)
{
        uint64_t mask = bitpack_mask(width);
        size_t bit = 0, i = 0;

        for (; i < count && bit / 8 + 8 <= len; i++, bit += width)
                values[i] = bitpack_load(data, bit) & mask;
        return i;
}

/* As many residuals as whole loads within len bytes reach. */
static size_t unpack_fast(const uint8_t *data, size_t len, unsigned width, uint64_t *values,
                          size_t count)
{
        size_t done = 0;

        if (width <= 8)
                done = unpack_narrow(data, len, width, values, count);
        /* Up to 57 bits plus 7 of misalignment fit one load. */
        if (width <= 57)
                done += unpack_medium(data + done * width / 8, len - done * width / 8, width,
                                      values + done, count - done);
        return done;
}

/* Short columns are unpacked from a copy with room behind it. */
enum { SHORT_BYTES = 256, LOAD_BYTES = 8 };

static void unpack(const uint8_t *data, size_t len, unsigned width, uint64_t *values, size_t count)
{
        uint8_t padded[SHORT_BYTES + LOAD_BYTES];
        size_t done;

        if (width == 0) {
                memset(values, 0, count * sizeof(*values));
                return;
        }
        if (len <= SHORT_BYTES) {
                memcpy(padded, data, len);
                memset(padded + len, 0, LOAD_BYTES);
                done = unpack_fast(padded, len + LOAD_BYTES, width, values, count);
        } else {
                done = unpack_fast(data, len, width, values, count);
        }
        for (; done < count; done++)
                values[done] = bitpack_peek(data, len, done * width) & bitpack_mask(width);
}

/* Steps over the exceptions; `list` has them then. */
static void check_exceptions(struct reader *r, uint64_t exceptions, size_t count,
                             struct reader *ret_list)
{
        uint64_t next = 0;

        *ret_list = *r;
        for (uint64_t i = 0; i < exceptions && !r->failed; i++) {
                uint64_t gap = reader_varint(r);

                if (gap >= count || next + gap >= count)
                        r->failed = true;
                reader_varint(r);
                next += gap + 1;
        }
}

/* residual * divisor + minimum, in place. */
VECTORIZE static void scale(uint64_t *residuals, size_t count, uint64_t divisor, uint64_t minimum)
{
        if (divisor == 1) {
                for (size_t i = 0; minimum && i < count; i++)
                        residuals[i] += minimum;
                return;
        }
        for (size_t i = 0; i < count; i++)
                residuals[i] = residuals[i] * divisor + minimum;
}

/* The same, summed up from `sum` on. */
static void scale_and_sum(uint64_t *values, size_t count, uint64_t divisor, uint64_t minimum,
                          uint64_t sum)
{
        if (divisor == 1) {
                for (size_t i = 0; i < count; i++) {
                        sum += values[i] + minimum;
                        values[i] = sum;
                }
                return;
        }
        for (size_t i = 0; i < count; i++) {
                sum += values[i] * divisor + minimum;
                values[i] = sum;
        }
}

/* Packed residuals, and above them the bits of those that stick out. */
static void read_packed(struct reader *r, unsigned width, uint64_t *residuals, size_t count)
{
        uint64_t exceptions = reader_varint(r), next = 0;
        size_t packed_len = (count * width + 7) / 8;
        struct reader list;
        const uint8_t *packed;

        if (exceptions > count || (exceptions && width == 64))
                r->failed = true;
        check_exceptions(r, exceptions, count, &list);
        packed = reader_take(r, packed_len);
        if (!packed)
                return;
        unpack(packed, packed_len, width, residuals, count);
        for (uint64_t i = 0; i < exceptions; i++) {
                next += reader_varint(&list);
                residuals[next++] |= reader_varint(&list) << width;
        }
}

bool ints_take_steady(struct reader *r, int64_t *ret_first, int64_t *ret_step)
{
        struct reader ahead = *r;
        /* Of order 1, of no bits, of no exceptions. */
        bool plain = reader_u8(&ahead) == 1 && reader_u8(&ahead) == 0;
        int64_t first = reader_zigzag(&ahead), step = reader_zigzag(&ahead);

        if (!plain || reader_varint(&ahead) != 0 || ahead.failed)
                return false;
        *r = ahead;
        *ret_first = first;
        *ret_step = step;
        return true;
}

VECTORIZE void ints_fill_steady(int64_t *values, size_t count, int64_t first, int64_t step)
{
        for (size_t i = 0; i < count; i++)
                values[i] = (int64_t)((uint64_t)first + i * (uint64_t)step);
}

void ints_decode(struct reader *r, int64_t *signed_values, size_t count)
{
        uint64_t *values = (uint64_t *)signed_values, first = 0, first_delta = 0, minimum;
        uint64_t divisor = 1;
        unsigned head = reader_u8(r), order = head & ORDER_MASK, width = reader_u8(r);
        size_t left = count - order;

        if (head >= HEADS || order > 2 || width > 64 || order >= count || count > INTS_MAX_COUNT) {
                r->failed = true;
                return;
        }
        if (order >= 1)
                first = (uint64_t)reader_zigzag(r);
        if (order == 2)
                first_delta = (uint64_t)reader_zigzag(r);
        minimum = (uint64_t)reader_zigzag(r);
        if (head & HAS_DIVISOR)
                divisor = reader_varint(r);
        if (head & IS_BINNED)
                bins_decode(r, values + order, left, width);
        else
                read_packed(r, width, values + order, left);
        if (r->failed)
                return;
        if (order == 0) {
                scale(values, left, divisor, minimum);
                return;
        }
        scale_and_sum(values + order, left, divisor, minimum, order == 1 ? first : first_delta);
        values[0] = first;
        if (order == 2) {
                values[1] = first_delta;
                scale_and_sum(values + 1, count - 1, 1, 0, first);
        }
}
