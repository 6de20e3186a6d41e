/* codec/ans.h - symbols in as few bits as their frequencies allow: table-based asymmetric numeral
 * systems (Duda, "Asymmetric numeral systems", 2013), four states in turns. Of frequencies only
 * coarse weights are written, which costs a hundredth of a bit a symbol. Format:
 * docs/format/chunk.md. */
#ifndef CODEC_ANS_H
#define CODEC_ANS_H

#include "codec/bitpack.h"

enum {
        ANS_MIN_LOG = 5,
        ANS_MAX_LOG = 10,
        ANS_SYMBOLS = 256,
        ANS_WEIGHTS = 16, /* a weight is one of so many steps, 0: the symbol does not occur */
        ANS_LANES = 4,
        ANS_MAX_COUNT = 4096,
};

/* The step for a symbol that occurs `count` times when the most frequent one does `most` times. */
uint8_t ans_weight(size_t count, size_t most);

/* How many of the 2^log states each symbol gets. False when nothing fits such weights. */
bool ans_frequencies(const uint8_t *weights, size_t symbols, unsigned log,
                     uint16_t *ret_frequencies);

void ans_encode(struct bitpacker *out, const uint16_t *frequencies, size_t symbols, unsigned log,
                const uint8_t *message, size_t count);

struct ans_state {
        uint16_t base; /* of the next state, which so many bits are added to */
        uint8_t bits;
        uint8_t symbol;
};

/* The 2^log states. */
void ans_table(const uint16_t *frequencies, size_t symbols, unsigned log,
               struct ans_state *ret_table);

/* Reads count symbols from `bit` on; returns the bit behind, which lies beyond the data when that
 * was too short. */
size_t ans_decode(const uint8_t *data, size_t len, size_t bit, const struct ans_state *table,
                  unsigned log, uint8_t *ret_message, size_t count);

#endif
