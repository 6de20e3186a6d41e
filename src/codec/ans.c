#include "codec/ans.h"

/* Half an octave apart: off by a sixth at most. */
static const uint16_t weight_of[ANS_WEIGHTS] = {0,  1,  2,  3,  4,  6,  8,   12,
                                                16, 24, 32, 48, 64, 96, 128, 192};

uint8_t ans_weight(size_t count, size_t most)
{
        uint64_t scaled;
        uint8_t step = 1;

        if (!count)
                return 0;
        scaled = (uint64_t)count * weight_of[ANS_WEIGHTS - 1];
        /* Up to the middle, by ratio, between this step and the next. */
        while (step + 1 < ANS_WEIGHTS &&
               scaled * scaled > (uint64_t)most * most * weight_of[step] * weight_of[step + 1])
                step++;
        return step;
}

bool ans_frequencies(const uint8_t *weights, size_t symbols, unsigned log,
                     uint16_t *ret_frequencies)
{
        uint32_t total = 0, given = 0;
        size_t most = 0;

        for (size_t s = 0; s < symbols; s++) {
                total += weight_of[weights[s]];
                if (weights[s] > weights[most])
                        most = s;
        }
        if (!total)
                return false;
        for (size_t s = 0; s < symbols; s++) {
                uint32_t share = ((uint32_t)weight_of[weights[s]] << log) / total;

                ret_frequencies[s] = (uint16_t)(share || !weights[s] ? share : 1);
                given += ret_frequencies[s];
        }
        /* The most frequent one takes what is left, or gives what is missing. */
        if (given >= ret_frequencies[most] + (1u << log))
                return false;
        ret_frequencies[most] = (uint16_t)(ret_frequencies[most] + (1u << log) - given);
        return true;
}

/* Which symbol each state stands for: states of one symbol lie far apart. */
static void spread(const uint16_t *frequencies, size_t symbols, unsigned log, uint8_t *symbol_of)
{
        uint32_t mask = (1u << log) - 1, at = 0;
        uint32_t step = (1u << (log - 1)) + (1u << (log - 3)) + 3;

        for (size_t s = 0; s < symbols; s++)
                for (unsigned k = 0; k < frequencies[s]; k++) {
                        symbol_of[at] = (uint8_t)s;
                        at = (at + step) & mask;
                }
}

static unsigned floor_log2(uint32_t value)
{
        return 31 - (unsigned)__builtin_clz(value);
}

void ans_table(const uint16_t *frequencies, size_t symbols, unsigned log,
               struct ans_state *ret_table)
{
        uint8_t symbol_of[1 << ANS_MAX_LOG];
        uint16_t next[ANS_SYMBOLS];

        spread(frequencies, symbols, log, symbol_of);
        memcpy(next, frequencies, symbols * sizeof(*next));
        for (uint32_t state = 0; state < 1u << log; state++) {
                uint8_t symbol = symbol_of[state];
                uint32_t x = next[symbol]++;
                unsigned bits = log - floor_log2(x);

                ret_table[state] = (struct ans_state){
                        (uint16_t)((x << bits) - (1u << log)), (uint8_t)bits, symbol};
        }
}

/* The states of each symbol, ascending, symbol by symbol; `first` is where those of each begin. */
static void encoding_table(const uint16_t *frequencies, size_t symbols, unsigned log,
                           uint16_t *first, uint16_t *states)
{
        uint8_t symbol_of[1 << ANS_MAX_LOG] = {0};
        uint16_t next[ANS_SYMBOLS] = {0}, at = 0;

        spread(frequencies, symbols, log, symbol_of);
        for (size_t s = 0; s < symbols; s++) {
                first[s] = next[s] = at;
                at = (uint16_t)(at + frequencies[s]);
        }
        for (uint32_t state = 0; state < 1u << log; state++)
                states[next[symbol_of[state]]++] = (uint16_t)state;
}

/* Decoding goes forward, so encoding goes backward; the bits between two states are kept until
 * they can be written in order. The last symbols need none: each is a state. */
void ans_encode(struct bitpacker *out, const uint16_t *frequencies, size_t symbols, unsigned log,
                const uint8_t *message, size_t count)
{
        uint16_t first[ANS_SYMBOLS], states[1 << ANS_MAX_LOG], bits[ANS_MAX_COUNT];
        uint8_t widths[ANS_MAX_COUNT];
        uint32_t lanes[ANS_LANES] = {0};

        encoding_table(frequencies, symbols, log, first, states);
        for (size_t i = count; i-- > 0;) {
                uint32_t frequency = frequencies[message[i]], x = lanes[i % ANS_LANES];
                unsigned width = 0;

                if (i + ANS_LANES >= count) {
                        lanes[i % ANS_LANES] = states[first[message[i]]];
                        continue;
                }
                x += 1u << log;
                width = log - floor_log2(frequency);
                width -= x >> width < frequency;
                bits[i] = (uint16_t)(x & ((1u << width) - 1));
                widths[i] = (uint8_t)width;
                lanes[i % ANS_LANES] = states[first[message[i]] + (x >> width) - frequency];
        }
        for (size_t i = 0; i < ANS_LANES; i++)
                bitpack_put(out, lanes[i], log);
        for (size_t i = 0; i + ANS_LANES < count; i++)
                bitpack_put(out, bits[i], widths[i]);
}

/* Four symbols at a time from one load, while those are within reach; returns how many. */
static size_t decode_most(const uint8_t *data, size_t len, size_t *bit_at,
                          const struct ans_state *table, uint32_t *lanes, uint8_t *ret_message,
                          size_t count)
{
        uint32_t a = lanes[0], b = lanes[1], c = lanes[2], d = lanes[3];
        size_t i = 0, bit = *bit_at;

        for (; i + 2 * ANS_LANES <= count && bitpack_in_reach(len, bit); i += ANS_LANES) {
                uint64_t word = bitpack_load(data, bit);
                struct ans_state sa = table[a], sb = table[b], sc = table[c], sd = table[d];
                unsigned at_b = sa.bits, at_c = at_b + sb.bits, at_d = at_c + sc.bits;

                ret_message[i] = sa.symbol;
                ret_message[i + 1] = sb.symbol;
                ret_message[i + 2] = sc.symbol;
                ret_message[i + 3] = sd.symbol;
                a = sa.base + (uint32_t)(word & ((1u << sa.bits) - 1));
                b = sb.base + (uint32_t)(word >> at_b & ((1u << sb.bits) - 1));
                c = sc.base + (uint32_t)(word >> at_c & ((1u << sc.bits) - 1));
                d = sd.base + (uint32_t)(word >> at_d & ((1u << sd.bits) - 1));
                bit += at_d + sd.bits;
        }
        lanes[0] = a;
        lanes[1] = b;
        lanes[2] = c;
        lanes[3] = d;
        *bit_at = bit;
        return i;
}

size_t ans_decode(const uint8_t *data, size_t len, size_t bit, const struct ans_state *table,
                  unsigned log, uint8_t *ret_message, size_t count)
{
        uint32_t lanes[ANS_LANES];
        size_t i;

        for (size_t lane = 0; lane < ANS_LANES; lane++, bit += log)
                lanes[lane] = (uint32_t)(bitpack_peek(data, len, bit) & bitpack_mask(log));
        i = decode_most(data, len, &bit, table, lanes, ret_message, count);
        if (!bitpack_in_reach(len, bit)) {
                uint8_t tail[BITPACK_TAIL_BYTES];
                size_t begin = bitpack_tail(data, len, bit, tail), end = begin;

                i += decode_most(tail, sizeof(tail), &end, table, lanes, ret_message + i,
                                 count - i);
                bit += end - begin;
        }
        for (; i < count; i++) {
                struct ans_state state = table[lanes[i % ANS_LANES]];

                ret_message[i] = state.symbol;
                if (i + ANS_LANES >= count)
                        continue;
                lanes[i % ANS_LANES] = state.base + (uint32_t)(bitpack_peek(data, len, bit) &
                                                               bitpack_mask(state.bits));
                bit += state.bits;
        }
        return bit;
}
