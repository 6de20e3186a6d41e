#include "codec/crc32c.h"

#include <string.h>

static uint32_t table[8][256];

__attribute__((constructor)) static void fill_table(void)
{
        for (uint32_t i = 0; i < 256; i++) {
                uint32_t crc = i;

                for (int bit = 0; bit < 8; bit++)
                        crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
                table[0][i] = crc;
        }
        for (uint32_t i = 0; i < 256; i++)
                for (int k = 1; k < 8; k++)
                        table[k][i] = table[k - 1][i] >> 8 ^ table[0][table[k - 1][i] & 0xff];
}

uint32_t crc32c_portable(uint32_t crc, const void *data, size_t len)
{
        const uint8_t *at = data;

        crc = ~crc;
        for (; len >= 8; len -= 8, at += 8) {
                uint64_t word;

                memcpy(&word, at, sizeof(word));
                word ^= crc;
                crc = table[7][word & 0xff] ^ table[6][word >> 8 & 0xff] ^
                      table[5][word >> 16 & 0xff] ^ table[4][word >> 24 & 0xff] ^
                      table[3][word >> 32 & 0xff] ^ table[2][word >> 40 & 0xff] ^
                      table[1][word >> 48 & 0xff] ^ table[0][word >> 56];
        }
        while (len--)
                crc = crc >> 8 ^ table[0][(crc ^ *at++) & 0xff];
        return ~crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, const void *data,
                                                               size_t len)
{
        const uint8_t *at = data;
        uint64_t wide = (uint32_t)~crc;

        for (; len >= 8; len -= 8, at += 8) {
                uint64_t word;

                memcpy(&word, at, sizeof(word));
                wide = __builtin_ia32_crc32di(wide, word);
        }
        crc = (uint32_t)wide;
        while (len--)
                crc = __builtin_ia32_crc32qi(crc, *at++);
        return ~crc;
}
#endif

uint32_t crc32c(uint32_t crc, const void *data, size_t len)
{
#if defined(__x86_64__)
        if (LIKELY(__builtin_cpu_supports("sse4.2")))
                return crc32c_sse42(crc, data, len);
#endif
        return crc32c_portable(crc, data, len);
}
