#include "codec/bins.h"

#include <math.h>

/* What a bin costs beside its values: how often the range was halved there, and its weight. */
enum { BIN_BITS = 6, WEIGHT_BITS = 4, LOG_BITS = 3 };

/* Finer states follow frequencies more closely but take longer to lay out for each column. */
static unsigned states_log(size_t count)
{
        return count < 2048 ? 8 : 9;
}

/* ---- choosing ------------------------------------------------------------------------------- */

/* The shape shows in a part of the values: of 4,096, half of them come within half a percent of
 * all. Fewer than SPLIT_MIN do not tell more, but take most of the time. */
enum { SAMPLE_MAX = 2048, SPLIT_MIN = 8 };

struct choice {
        struct bins *bins;
        size_t count; /* of the sample */
        bool overflows;
};

/* Least significant byte first; `spare` is as large. Returns the array that has the result. */
static const uint64_t *sort(uint64_t *values, uint64_t *spare, size_t count, unsigned width)
{
        for (unsigned shift = 0; shift < width; shift += 8) {
                uint32_t ends[257] = {0};
                uint64_t *sorted = spare;

                for (size_t i = 0; i < count; i++)
                        ends[(values[i] >> shift & 255) + 1]++;
                for (size_t b = 1; b < 256; b++)
                        ends[b] += ends[b - 1];
                for (size_t i = 0; i < count; i++)
                        sorted[ends[values[i] >> shift & 255]++] = values[i];
                spare = values;
                values = sorted;
        }
        return values;
}

static size_t count_below(const uint64_t *sorted, size_t count, uint64_t value)
{
        size_t low = 0;

        while (count > 0) {
                size_t half = count / 2;

                if (sorted[low + half] < value) {
                        low += half + 1;
                        count -= half + 1;
                } else {
                        count = half;
                }
        }
        return low;
}

/* A bin costs as much here as it does in full, though the sample may be smaller: what only shows
 * in a part may be chance. */
static double whole_bits(const struct choice *choice, size_t count, unsigned width)
{
        if (!count)
                return BIN_BITS;
        return BIN_BITS + (double)count *
                                  (log2f((float)choice->count / (float)count) + (double)width);
}

static void add_bin(struct choice *choice, uint64_t begin, unsigned width)
{
        struct bins *bins = choice->bins;

        if (bins->count == BINS_MAX) {
                choice->overflows = true;
                return;
        }
        bins->begins[bins->count] = begin;
        bins->widths[bins->count++] = (uint8_t)width;
}

/* Adds the bins of [begin, begin + 2^width), one or as many as pay; returns their bits. */
static double choose(struct choice *choice, const uint64_t *sorted, size_t count, uint64_t begin,
                     unsigned width)
{
        double whole = whole_bits(choice, count, width), halves = 0;
        size_t mark = choice->bins->count, below;
        uint64_t middle;

        if (width && count >= SPLIT_MIN) {
                middle = begin + (1ull << (width - 1));
                below = count_below(sorted, count, middle);
                halves = choose(choice, sorted, below, begin, width - 1);
                halves += choose(choice, sorted + below, count - below, middle, width - 1);
                if (halves < whole)
                        return halves;
                choice->bins->count = mark;
        }
        add_bin(choice, begin, width);
        return whole;
}

/* ---- finding a value's bin ------------------------------------------------------------------ */

enum { CELL_BITS = 8 };

/* The first bin that reaches into each of 256 equal parts of the range. */
struct finder {
        unsigned shift;
        uint8_t first[1 << CELL_BITS];
};

static void finder_init(struct finder *finder, const struct bins *bins)
{
        size_t bin = 0;

        finder->shift = bins->width > CELL_BITS ? bins->width - CELL_BITS : 0;
        for (uint64_t cell = 0; cell < 1u << CELL_BITS; cell++) {
                while (bin + 1 < bins->count && bins->begins[bin + 1] <= cell << finder->shift)
                        bin++;
                finder->first[cell] = (uint8_t)bin;
        }
}

static size_t find_bin(const struct finder *finder, const struct bins *bins, uint64_t value)
{
        size_t bin = finder->first[value >> finder->shift];

        while (bin + 1 < bins->count && bins->begins[bin + 1] <= value)
                bin++;
        return bin;
}

/* ---- encoding ------------------------------------------------------------------------------- */

static size_t weigh(struct bins *bins, const uint64_t *values, size_t count)
{
        uint32_t counts[BINS_MAX] = {0}, most = 0;
        struct finder finder;
        double bits = 0;

        finder_init(&finder, bins);
        for (size_t i = 0; i < count; i++)
                counts[find_bin(&finder, bins, values[i])]++;
        for (size_t b = 0; b < bins->count; b++)
                most = counts[b] > most ? counts[b] : most;
        for (size_t b = 0; b < bins->count; b++)
                bins->weights[b] = ans_weight(counts[b], most);
        bins->log = states_log(count);
        if (!ans_frequencies(bins->weights, bins->count, bins->log, bins->frequencies))
                return SIZE_MAX;
        for (size_t b = 0; b < bins->count; b++)
                if (counts[b])
                        bits += counts[b] * (bins->log - log2f(bins->frequencies[b]) +
                                             (double)bins->widths[b]);
        return (size_t)(bits + (double)(LOG_BITS + BIN_BITS * bins->count +
                                        ANS_LANES * bins->log)) / 8 + 1;
}

size_t bins_plan(struct bins *bins, const uint64_t *values, size_t count, unsigned width)
{
        uint64_t sample[SAMPLE_MAX], spare[SAMPLE_MAX];
        size_t step = (count + SAMPLE_MAX - 1) / SAMPLE_MAX;
        struct choice choice = {.bins = bins};

        for (size_t i = 0; i < count; i += step)
                sample[choice.count++] = values[i];
        bins->width = width;
        bins->count = 0;
        choose(&choice, sort(sample, spare, choice.count, width), choice.count, 0, width);
        return choice.overflows ? SIZE_MAX : weigh(bins, values, count);
}

/* Bins follow each other; where one begins, at most so wide a one can. */
static unsigned widest_at(uint64_t begin, unsigned width)
{
        return begin ? (unsigned)__builtin_ctzll(begin) : width;
}

static void put_bins(struct bitpacker *out, const struct bins *bins)
{
        bitpack_put(out, bins->log - ANS_MIN_LOG, LOG_BITS);
        for (size_t b = 0; b < bins->count; b++) {
                unsigned halvings = widest_at(bins->begins[b], bins->width) - bins->widths[b];

                for (; halvings; halvings--)
                        bitpack_put(out, 1, 1);
                if (bins->widths[b])
                        bitpack_put(out, 0, 1);
                bitpack_put(out, bins->weights[b], WEIGHT_BITS);
        }
}

uint8_t *bins_encode(uint8_t *at, const struct bins *bins, const uint64_t *values, size_t count)
{
        struct bitpacker out = {.at = at};
        uint8_t numbers[ANS_MAX_COUNT] = {0};
        struct finder finder;

        finder_init(&finder, bins);
        for (size_t i = 0; i < count; i++)
                numbers[i] = (uint8_t)find_bin(&finder, bins, values[i]);
        put_bins(&out, bins);
        ans_encode(&out, bins->frequencies, bins->count, bins->log, numbers, count);
        for (size_t i = 0; i < count; i++)
                bitpack_put(&out, values[i] - bins->begins[numbers[i]], bins->widths[numbers[i]]);
        return bitpack_finish(&out);
}

/* ---- decoding ------------------------------------------------------------------------------- */

struct cursor {
        const uint8_t *data;
        size_t len, bit;
};

static unsigned take(struct cursor *cursor, unsigned width)
{
        uint64_t word = bitpack_peek(cursor->data, cursor->len, cursor->bit);

        cursor->bit += width;
        return (unsigned)(word & bitpack_mask(width));
}

/* How often a range that may be `widest` bits wide was halved: so many ones, a zero unless no more
 * could follow. */
static unsigned take_halvings(struct cursor *cursor, unsigned widest)
{
        uint64_t zeros = ~bitpack_peek(cursor->data, cursor->len, cursor->bit);
        unsigned ones = zeros ? (unsigned)__builtin_ctzll(zeros) : 64;

        if (ones >= widest) {
                cursor->bit += widest;
                return widest;
        }
        cursor->bit += ones + 1;
        return ones;
}

static bool get_bins(struct cursor *cursor, struct bins *bins, unsigned width)
{
        uint64_t begin = 0;

        bins->width = width;
        bins->count = 0;
        bins->log = ANS_MIN_LOG + take(cursor, LOG_BITS);
        if (bins->log > ANS_MAX_LOG)
                return false;
        do {
                unsigned widest = widest_at(begin, width);

                widest -= take_halvings(cursor, widest);
                if (bins->count == BINS_MAX)
                        return false;
                bins->begins[bins->count] = begin;
                bins->widths[bins->count] = (uint8_t)widest;
                bins->weights[bins->count++] = (uint8_t)take(cursor, WEIGHT_BITS);
                begin += widest == 64 ? 0 : 1ull << widest;
        } while (width == 64 ? begin != 0 : begin < 1ull << width);
        return ans_frequencies(bins->weights, bins->count, bins->log, bins->frequencies);
}

/* One load has at least so many bits. */
enum { LOAD_BITS = 57 };

/* As many as whole loads reach; returns how many. */
static size_t most_places(const uint8_t *data, size_t len, size_t *bit_at,
                          const struct bins *bins, const uint8_t *numbers, uint64_t *values,
                          size_t count)
{
        size_t bit = *bit_at, i = 0;

        for (; i < count && bitpack_in_reach(len, bit); i++) {
                unsigned width = bins->widths[numbers[i]];

                values[i] = bins->begins[numbers[i]] +
                            (bitpack_load(data, bit) & ((1ull << width) - 1));
                bit += width;
        }
        *bit_at = bit;
        return i;
}

static unsigned widest_bin(const struct bins *bins)
{
        unsigned widest = 0;

        for (size_t b = 0; b < bins->count; b++)
                widest = bins->widths[b] > widest ? bins->widths[b] : widest;
        return widest;
}

static void get_places(struct cursor *cursor, const struct bins *bins, const uint8_t *numbers,
                       uint64_t *values, size_t count)
{
        uint8_t tail[BITPACK_TAIL_BYTES];
        size_t i = 0, begin, end;

        if (widest_bin(bins) <= LOAD_BITS) {
                i = most_places(cursor->data, cursor->len, &cursor->bit, bins, numbers, values,
                                count);
                if (i < count) {
                        begin = end = bitpack_tail(cursor->data, cursor->len, cursor->bit, tail);
                        i += most_places(tail, sizeof(tail), &end, bins, numbers + i, values + i,
                                         count - i);
                        cursor->bit += end - begin;
                }
        }
        for (; i < count; i++) {
                unsigned width = bins->widths[numbers[i]];

                values[i] = bins->begins[numbers[i]] +
                            (bitpack_peek(cursor->data, cursor->len, cursor->bit) &
                             bitpack_mask(width));
                cursor->bit += width;
        }
}

void bins_decode(struct reader *r, uint64_t *values, size_t count, unsigned width)
{
        struct cursor cursor = {r->pos, reader_left(r), 0};
        struct ans_state table[1 << ANS_MAX_LOG];
        uint8_t numbers[ANS_MAX_COUNT];
        struct bins bins;

        if (count > ANS_MAX_COUNT || width > 64 || !get_bins(&cursor, &bins, width)) {
                r->failed = true;
                return;
        }
        ans_table(bins.frequencies, bins.count, bins.log, table);
        cursor.bit = ans_decode(cursor.data, cursor.len, cursor.bit, table, bins.log, numbers,
                                count);
        get_places(&cursor, &bins, numbers, values, count);
        reader_take(r, (cursor.bit + 7) / 8);
}
