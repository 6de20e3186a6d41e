#include "formats/prom_chunk.h"

#include <math.h>

#include "base/arena.h"
#include "codec/bitstream.h"
#include "codec/varint.h"
#include "model/histogram.h"

enum { LEADING_UNSET = 0xff };
/* Far beyond any real histogram; a damaged length must not allocate much. */
enum { SPANS_MAX = 1 << 16, BUCKETS_MAX = 1 << 20 };
/* The two high bits of a histogram chunk's flags. */
enum { FLAG_RESET = 0x80, FLAG_NO_RESET = 0x40, FLAG_GAUGE = 0xc0 };

/* ---- variable numbers ---------------------------------------------------------------------- */

/* A prefix of i ones says that `sizes[i]` bits follow. */
static const unsigned sizes[] = {0, 3, 6, 9, 12, 18, 25, 56, 64};
enum { PREFIX_MAX = ARRAY_LEN(sizes) - 1 };

static bool fits_signed(int64_t value, unsigned bits)
{
        return bits == 64 || (bits == 0 ? value == 0
                                        : value >= -((1ll << (bits - 1)) - 1) &&
                                                  value <= 1ll << (bits - 1));
}

static bool fits_unsigned(uint64_t value, unsigned bits)
{
        return bits == 64 || value < 1ull << bits;
}

static void put_prefix(struct bit_writer *w, unsigned prefix)
{
        bits_put(w, ~0ull, prefix);
        if (prefix < PREFIX_MAX)
                bits_put(w, 0, 1);
}

static void put_signed(struct bit_writer *w, int64_t value)
{
        unsigned i = 0;

        while (!fits_signed(value, sizes[i]))
                i++;
        put_prefix(w, i);
        bits_put(w, (uint64_t)value, sizes[i]);
}

static void put_unsigned(struct bit_writer *w, uint64_t value)
{
        unsigned i = 0;

        while (!fits_unsigned(value, sizes[i]))
                i++;
        put_prefix(w, i);
        bits_put(w, value, sizes[i]);
}

static int64_t take_signed_bits(struct bit_reader *r, unsigned bits)
{
        uint64_t value = bits_take(r, bits);

        if (bits && bits < 64 && value > 1ull << (bits - 1))
                value -= 1ull << bits;
        return (int64_t)value;
}

static int64_t take_signed(struct bit_reader *r)
{
        return take_signed_bits(r, sizes[bits_take_ones(r, PREFIX_MAX)]);
}

static uint64_t take_unsigned(struct bit_reader *r)
{
        return bits_take(r, sizes[bits_take_ones(r, PREFIX_MAX)]);
}

/* Whole bytes of a varint in the stream. */
static void put_varint(struct bit_writer *w, uint64_t value)
{
        uint8_t bytes[VARINT_MAX_BYTES];
        const uint8_t *end = varint_put(bytes, value);

        for (const uint8_t *at = bytes; at < end; at++)
                bits_put(w, *at, 8);
}

static uint64_t take_varint(struct bit_reader *r)
{
        uint64_t value = 0;

        for (unsigned shift = 0; shift < 64; shift += 7) {
                uint64_t byte = bits_take(r, 8);

                value |= (byte & 0x7f) << shift;
                if (byte < 0x80)
                        return value;
        }
        r->failed = true;
        return 0;
}

static int64_t unzigzag(uint64_t value)
{
        return (int64_t)(value >> 1 ^ -(value & 1));
}

/* ---- float values: the bits that changed ----------------------------------------------------- */

struct xor_state {
        uint64_t bits;
        unsigned leading, trailing;
};

static void put_xor(struct bit_writer *w, struct xor_state *state, double v)
{
        uint64_t bits = sample_bits(v), delta = bits ^ state->bits;
        unsigned leading, trailing;

        state->bits = bits;
        bits_put(w, delta != 0, 1);
        if (!delta)
                return;
        leading = (unsigned)__builtin_clzll(delta);
        trailing = (unsigned)__builtin_ctzll(delta);
        if (leading > 31)
                leading = 31;
        if (state->leading != LEADING_UNSET && leading >= state->leading &&
            trailing >= state->trailing) {
                bits_put(w, 0, 1);
                bits_put(w, delta >> state->trailing, 64 - state->leading - state->trailing);
                return;
        }
        state->leading = leading;
        state->trailing = trailing;
        bits_put(w, 1, 1);
        bits_put(w, leading, 5);
        bits_put(w, (64 - leading - trailing) & 63, 6);
        bits_put(w, delta >> trailing, 64 - leading - trailing);
}

static double take_xor(struct bit_reader *r, struct xor_state *state)
{
        unsigned significant;

        if (!bits_take(r, 1))
                return sample_from_bits(state->bits);
        if (bits_take(r, 1)) {
                state->leading = (unsigned)bits_take(r, 5);
                significant = (unsigned)bits_take(r, 6);
                significant = significant ? significant : 64;
                if (state->leading + significant > 64) {
                        r->failed = true;
                        return 0;
                }
                state->trailing = 64 - state->leading - significant;
        } else if (state->leading == LEADING_UNSET) {
                r->failed = true;
                return 0;
        }
        state->bits ^= bits_take(r, 64 - state->leading - state->trailing) << state->trailing;
        return sample_from_bits(state->bits);
}

/* ---- XOR chunks ------------------------------------------------------------------------------ */

static const unsigned delta_sizes[] = {0, 14, 17, 20, 64};

static void put_delta_of_delta(struct bit_writer *w, int64_t value)
{
        unsigned i = 0;

        while (!fits_signed(value, delta_sizes[i]))
                i++;
        bits_put(w, ~0ull, i);
        if (i < ARRAY_LEN(delta_sizes) - 1)
                bits_put(w, 0, 1);
        bits_put(w, (uint64_t)value, delta_sizes[i]);
}

static void encode_floats(struct bit_writer *w, const struct samples *samples, size_t from,
                          size_t count)
{
        struct xor_state state = {.leading = LEADING_UNSET};
        int64_t delta = 0;

        for (size_t i = from; i < from + count; i++) {
                int64_t t_ms = samples->t_ms[i];

                if (i == from) {
                        put_varint(w, varint_zigzag(t_ms));
                        state.bits = sample_bits(samples->v[i]);
                        bits_put(w, state.bits, 64);
                        continue;
                }
                if (i == from + 1)
                        put_varint(w, (uint64_t)(t_ms - samples->t_ms[i - 1]));
                else
                        put_delta_of_delta(w, t_ms - samples->t_ms[i - 1] - delta);
                delta = t_ms - samples->t_ms[i - 1];
                put_xor(w, &state, samples->v[i]);
        }
}

static bool decode_floats(struct bit_reader *r, size_t count, struct samples *samples)
{
        struct xor_state state = {.leading = LEADING_UNSET};
        uint64_t t = 0, delta = 0;

        for (size_t i = 0; i < count && !r->failed; i++) {
                double v;

                if (i == 0) {
                        t = (uint64_t)unzigzag(take_varint(r));
                        state.bits = bits_take(r, 64);
                        v = sample_from_bits(state.bits);
                } else {
                        if (i == 1)
                                delta = take_varint(r);
                        else
                                delta += (uint64_t)take_signed_bits(
                                        r, delta_sizes[bits_take_ones(
                                                   r, ARRAY_LEN(delta_sizes) - 1)]);
                        t += delta;
                        v = take_xor(r, &state);
                }
                if (!r->failed)
                        samples_append(samples, (int64_t)t, v);
        }
        return !r->failed;
}

/* ---- the layout of histogram chunks ---------------------------------------------------------- */

static void put_zero_threshold(struct bit_writer *w, double threshold)
{
        int exponent;
        double fraction = frexp(threshold, &exponent);

        if (threshold == 0) {
                bits_put(w, 0, 8);
        } else if (fraction == 0.5 && exponent >= -242 && exponent <= 11) {
                bits_put(w, (uint64_t)(exponent + 243), 8);
        } else {
                bits_put(w, 255, 8);
                bits_put(w, sample_bits(threshold), 64);
        }
}

static double take_zero_threshold(struct bit_reader *r)
{
        uint64_t byte = bits_take(r, 8);

        if (byte == 0)
                return 0;
        return byte == 255 ? sample_from_bits(bits_take(r, 64)) : ldexp(0.5, (int)byte - 243);
}

static void put_spans(struct bit_writer *w, const struct histogram_side *side)
{
        put_unsigned(w, side->span_count);
        for (uint32_t i = 0; i < side->span_count; i++) {
                put_unsigned(w, side->spans[i].length);
                put_signed(w, side->spans[i].offset);
        }
}

static bool take_spans(struct bit_reader *r, struct arena *arena, struct histogram_side *side)
{
        uint64_t count = take_unsigned(r), buckets = 0;
        struct histogram_span *spans;

        if (r->failed || count > SPANS_MAX)
                return false;
        spans = arena_array(arena, struct histogram_span, count);
        for (uint64_t i = 0; i < count; i++) {
                spans[i].length = (uint32_t)take_unsigned(r);
                spans[i].offset = (int32_t)take_signed(r);
                buckets += spans[i].length;
                if (r->failed || buckets > BUCKETS_MAX)
                        return false;
        }
        side->spans = spans;
        side->span_count = (uint32_t)count;
        side->bucket_count = (uint32_t)buckets;
        return true;
}

/* Bounds with up to three decimals are small integers. */
static void put_bound(struct bit_writer *w, double bound)
{
        double scaled = bound * 1000;

        if (scaled < 0 || scaled > 33554430 || !(round(scaled) / 1000 == bound)) {
                bits_put(w, 0, 1);
                bits_put(w, sample_bits(bound), 64);
        } else {
                put_unsigned(w, (uint64_t)round(scaled) + 1);
        }
}

static double take_bound(struct bit_reader *r)
{
        uint64_t scaled = take_unsigned(r);

        return scaled ? (double)(scaled - 1) / 1000 : sample_from_bits(bits_take(r, 64));
}

static void put_layout(struct bit_writer *w, const struct histogram *h)
{
        put_zero_threshold(w, h->zero_threshold);
        put_signed(w, h->schema);
        put_spans(w, &h->positive);
        put_spans(w, &h->negative);
        if (!histogram_is_custom(h))
                return;
        put_unsigned(w, h->custom_count);
        for (uint32_t i = 0; i < h->custom_count; i++)
                put_bound(w, h->custom_values[i]);
}

static bool take_layout(struct bit_reader *r, struct arena *arena, struct histogram *layout)
{
        uint64_t count;
        double *bounds;

        layout->zero_threshold = take_zero_threshold(r);
        layout->schema = (int8_t)take_signed(r);
        if (!take_spans(r, arena, &layout->positive) || !take_spans(r, arena, &layout->negative))
                return false;
        if (!histogram_is_custom(layout))
                return !r->failed;
        count = take_unsigned(r);
        if (r->failed || count > BUCKETS_MAX)
                return false;
        bounds = arena_array(arena, double, count);
        for (uint64_t i = 0; i < count && !r->failed; i++)
                bounds[i] = take_bound(r);
        layout->custom_values = bounds;
        layout->custom_count = (uint32_t)count;
        return !r->failed;
}

/* ---- histogram chunks ------------------------------------------------------------------------ */

/* A column of integers: first as it is, then its difference, then differences of differences. */
struct int_column {
        int64_t value, delta;
};

static void put_int(struct bit_writer *w, struct int_column *column, size_t index, int64_t value)
{
        int64_t delta = value - column->value;

        put_signed(w, index == 0 ? value : index == 1 ? delta : delta - column->delta);
        column->delta = index == 0 ? 0 : delta;
        column->value = value;
}

static int64_t take_int(struct bit_reader *r, struct int_column *column, size_t index)
{
        uint64_t taken = (uint64_t)take_signed(r);

        if (index == 0) {
                column->value = (int64_t)taken;
        } else {
                column->delta = (int64_t)(index == 1 ? taken : (uint64_t)column->delta + taken);
                column->value = (int64_t)((uint64_t)column->value + (uint64_t)column->delta);
        }
        return column->value;
}

struct columns {
        struct arena arena;
        size_t bucket_count; /* positive, then negative */
        struct int_column t, count, zero_count, *ints;
        struct xor_state float_count, float_zero_count, sum, *floats;
};

static void columns_init(struct columns *columns, const struct histogram *layout)
{
        *columns = (struct columns){.bucket_count = (size_t)layout->positive.bucket_count +
                                                    layout->negative.bucket_count};
        arena_init(&columns->arena, SIZE_MAX);
        columns->ints = arena_array(&columns->arena, struct int_column, columns->bucket_count);
        columns->floats = arena_array(&columns->arena, struct xor_state, columns->bucket_count);
        columns->sum.leading = columns->float_count.leading = LEADING_UNSET;
        columns->float_zero_count.leading = LEADING_UNSET;
        for (size_t i = 0; i < columns->bucket_count; i++)
                columns->floats[i].leading = LEADING_UNSET;
}

static double bucket_at(const struct histogram *h, size_t i)
{
        return i < h->positive.bucket_count ? h->positive.buckets[i]
                                            : h->negative.buckets[i - h->positive.bucket_count];
}

/* Integer buckets are written as the difference to the bucket before, on either side. */
static int64_t bucket_delta(const struct histogram *h, size_t i)
{
        bool first = i == 0 || i == h->positive.bucket_count;

        return (int64_t)bucket_at(h, i) - (first ? 0 : (int64_t)bucket_at(h, i - 1));
}

static void put_integers(struct bit_writer *w, struct columns *columns, size_t index,
                         const struct histogram *h)
{
        if (index == 0) {
                columns->count.value = (int64_t)h->count;
                columns->zero_count.value = (int64_t)h->zero_count;
                columns->sum.bits = sample_bits(h->sum);
                put_unsigned(w, (uint64_t)h->count);
                put_unsigned(w, (uint64_t)h->zero_count);
                bits_put(w, columns->sum.bits, 64);
        } else {
                put_int(w, &columns->count, index, (int64_t)h->count);
                put_int(w, &columns->zero_count, index, (int64_t)h->zero_count);
                put_xor(w, &columns->sum, h->sum);
        }
        for (size_t i = 0; i < columns->bucket_count; i++)
                put_int(w, &columns->ints[i], index, bucket_delta(h, i));
}

static void put_first_or_xor(struct bit_writer *w, struct xor_state *state, size_t index, double v)
{
        if (index) {
                put_xor(w, state, v);
                return;
        }
        state->bits = sample_bits(v);
        bits_put(w, state->bits, 64);
}

static void put_floats(struct bit_writer *w, struct columns *columns, size_t index,
                       const struct histogram *h)
{
        put_first_or_xor(w, &columns->float_count, index, h->count);
        put_first_or_xor(w, &columns->float_zero_count, index, h->zero_count);
        put_first_or_xor(w, &columns->sum, index, h->sum);
        for (size_t i = 0; i < columns->bucket_count; i++)
                put_first_or_xor(w, &columns->floats[i], index, bucket_at(h, i));
}

static void encode_histograms(struct bit_writer *w, const struct samples *samples, size_t from,
                              size_t count)
{
        const struct histogram *first = samples->h[from];
        struct columns columns;

        columns_init(&columns, first);
        put_layout(w, first);
        for (size_t i = 0; i < count; i++) {
                const struct histogram *h = samples->h[from + i];
                int64_t t_ms = samples->t_ms[from + i];

                /* The second timestamp of integers is an unsigned difference. */
                if (i == 1 && first->integer) {
                        columns.t.delta = t_ms - columns.t.value;
                        columns.t.value = t_ms;
                        put_unsigned(w, (uint64_t)columns.t.delta);
                } else {
                        put_int(w, &columns.t, i, t_ms);
                }
                if (first->integer)
                        put_integers(w, &columns, i, h);
                else
                        put_floats(w, &columns, i, h);
        }
        arena_release(&columns.arena);
}

static double take_first_or_xor(struct bit_reader *r, struct xor_state *state, size_t index)
{
        if (index)
                return take_xor(r, state);
        state->bits = bits_take(r, 64);
        return sample_from_bits(state->bits);
}

static void take_integers(struct bit_reader *r, struct columns *columns, size_t index,
                          struct histogram *h, double *buckets)
{
        int64_t running = 0;

        if (index == 0) {
                columns->count.value = (int64_t)take_unsigned(r);
                columns->zero_count.value = (int64_t)take_unsigned(r);
                columns->sum.bits = bits_take(r, 64);
                h->sum = sample_from_bits(columns->sum.bits);
        } else {
                take_int(r, &columns->count, index);
                take_int(r, &columns->zero_count, index);
                h->sum = take_xor(r, &columns->sum);
        }
        h->count = (double)columns->count.value;
        h->zero_count = (double)columns->zero_count.value;
        for (size_t i = 0; i < columns->bucket_count; i++) {
                if (i == h->positive.bucket_count)
                        running = 0;
                running = (int64_t)((uint64_t)running +
                                    (uint64_t)take_int(r, &columns->ints[i], index));
                buckets[i] = (double)running;
        }
}

static void take_floats(struct bit_reader *r, struct columns *columns, size_t index,
                        struct histogram *h, double *buckets)
{
        h->count = take_first_or_xor(r, &columns->float_count, index);
        h->zero_count = take_first_or_xor(r, &columns->float_zero_count, index);
        h->sum = take_first_or_xor(r, &columns->sum, index);
        for (size_t i = 0; i < columns->bucket_count; i++)
                buckets[i] = take_first_or_xor(r, &columns->floats[i], index);
}

static uint8_t hint_of(uint8_t flags, size_t index)
{
        if ((flags & FLAG_GAUGE) == FLAG_GAUGE)
                return HISTOGRAM_GAUGE;
        if (index > 0)
                return HISTOGRAM_RESET_NO;
        return flags & FLAG_RESET ? HISTOGRAM_RESET_YES : HISTOGRAM_RESET_UNKNOWN;
}

static bool take_histogram(struct bit_reader *r, struct columns *columns,
                           const struct histogram *layout, size_t index, uint8_t flags,
                           struct samples *samples)
{
        struct arena *arena = samples_arena(samples);
        struct histogram *h = arena_alloc(arena, sizeof(*h));
        double *buckets = arena_array(arena, double, columns->bucket_count);
        int64_t t_ms;

        *h = *layout;
        h->reset = hint_of(flags, index);
        if (index == 1 && layout->integer) {
                columns->t.delta = (int64_t)take_unsigned(r);
                columns->t.value = (int64_t)((uint64_t)columns->t.value +
                                             (uint64_t)columns->t.delta);
                t_ms = columns->t.value;
        } else {
                t_ms = take_int(r, &columns->t, index);
        }
        if (layout->integer)
                take_integers(r, columns, index, h, buckets);
        else
                take_floats(r, columns, index, h, buckets);
        if (r->failed)
                return false;
        h->positive.buckets = buckets;
        h->negative.buckets = buckets + h->positive.bucket_count;
        samples_append(samples, t_ms, h->sum);
        if (!sample_is_stale(h->sum)) /* a marker is a float here */
                samples_set_histogram(samples, samples->count - 1, h);
        return true;
}

static bool decode_histograms(struct bit_reader *r, size_t count, uint8_t flags, bool integer,
                              struct samples *samples)
{
        struct histogram layout = {.integer = integer};
        struct columns columns;
        bool ok;

        if (!take_layout(r, samples_arena(samples), &layout))
                return false;
        /* Each sample takes at least three bits, and one for each bucket. */
        if (count * (3 + (size_t)layout.positive.bucket_count + layout.negative.bucket_count) >
            r->len * 8)
                return false;
        columns_init(&columns, &layout);
        ok = true;
        for (size_t i = 0; i < count && ok; i++)
                ok = take_histogram(r, &columns, &layout, i, flags, samples);
        arena_release(&columns.arena);
        return ok;
}

/* ---- chunks ---------------------------------------------------------------------------------- */

static bool corrupt(struct error *err)
{
        return error_set(err, ERROR_CORRUPT, "chunk makes no sense");
}

bool prom_chunk_decode(uint8_t encoding, struct str data, struct samples *samples,
                       struct error *err)
{
        struct bit_reader r = {.data = (const uint8_t *)data.data, .len = data.len};
        size_t count = bits_take(&r, 16);
        uint8_t flags;

        switch (encoding) {
        case PROM_ENCODING_XOR:
                return decode_floats(&r, count, samples) || corrupt(err);
        case PROM_ENCODING_HISTOGRAM:
        case PROM_ENCODING_FLOAT_HISTOGRAM:
                flags = (uint8_t)bits_take(&r, 8);
                return decode_histograms(&r, count, flags, encoding == PROM_ENCODING_HISTOGRAM,
                                         samples) ||
                       corrupt(err);
        default:
                return error_set(err, ERROR_UNSUPPORTED, "unknown chunk encoding %u", encoding);
        }
}

static bool same_spans(const struct histogram_side *a, const struct histogram_side *b)
{
        return a->span_count == b->span_count && a->bucket_count == b->bucket_count &&
               (a->span_count == 0 ||
                memcmp(a->spans, b->spans, a->span_count * sizeof(*a->spans)) == 0);
}

static bool same_layout(const struct histogram *a, const struct histogram *b)
{
        return a->schema == b->schema && a->integer == b->integer &&
               (a->reset == HISTOGRAM_GAUGE) == (b->reset == HISTOGRAM_GAUGE) &&
               sample_bits(a->zero_threshold) == sample_bits(b->zero_threshold) &&
               same_spans(&a->positive, &b->positive) && same_spans(&a->negative, &b->negative) &&
               a->custom_count == b->custom_count &&
               (a->custom_count == 0 ||
                memcmp(a->custom_values, b->custom_values,
                       a->custom_count * sizeof(*a->custom_values)) == 0);
}

/* Of two histograms of one layout. */
static bool counts_fell(const struct histogram *before, const struct histogram *after)
{
        size_t count = (size_t)after->positive.bucket_count + after->negative.bucket_count;

        if (after->count < before->count || after->zero_count < before->zero_count)
                return true;
        for (size_t i = 0; i < count; i++)
                if (bucket_at(after, i) < bucket_at(before, i))
                        return true;
        return false;
}

static bool continues(const struct samples *samples, size_t from, size_t at)
{
        const struct histogram *first = samples_histogram(samples, from);
        const struct histogram *h = samples_histogram(samples, at);

        if (!first || !h)
                return first == h;
        return same_layout(first, h) && h->reset != HISTOGRAM_RESET_YES &&
               (h->reset == HISTOGRAM_GAUGE || !counts_fell(samples->h[at - 1], h));
}

static uint8_t flags_of(const struct samples *samples, size_t from)
{
        const struct histogram *h = samples->h[from];
        const struct histogram *before = from ? samples->h[from - 1] : NULL;

        if (h->reset == HISTOGRAM_GAUGE)
                return FLAG_GAUGE;
        if (h->reset == HISTOGRAM_RESET_YES ||
            (before && same_layout(before, h) && counts_fell(before, h)))
                return FLAG_RESET;
        return 0;
}

size_t prom_chunk_encode(struct buf *out, const struct samples *samples, size_t from,
                         uint8_t *ret_encoding)
{
        const struct histogram *h = samples_histogram(samples, from);
        struct bit_writer w = {.out = out};
        size_t count = 1;

        while (count < PROM_CHUNK_SAMPLES && from + count < samples->count &&
               continues(samples, from, from + count))
                count++;
        bits_put(&w, count, 16);
        if (!h) {
                encode_floats(&w, samples, from, count);
                *ret_encoding = PROM_ENCODING_XOR;
                return count;
        }
        bits_put(&w, flags_of(samples, from), 8);
        encode_histograms(&w, samples, from, count);
        *ret_encoding = h->integer ? PROM_ENCODING_HISTOGRAM : PROM_ENCODING_FLOAT_HISTOGRAM;
        return count;
}
