/* Blocks from anywhere: parsing and decoding must not fault, whatever the checksum would say. */
#include <stdlib.h>

#include "base/reader.h"
#include "codec/crc32c.h"
#include "codec/ints.h"
#include "tsdb/chunk_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_block(const uint8_t *data, size_t size)
{
        struct samples samples = {0};
        struct chunk chunk, times;
        size_t len;

        if (!chunk_parse(data, size, 1700000000000, &chunk, &len, NULL))
                return;
        /* A block that shares its timestamps takes them from whatever follows. */
        if (chunk.is_shared &&
            (!chunk_parse(data + len, size - len, 1700000000000, &times, &len, NULL) ||
             !chunk_share(&chunk, &times)))
                BUG_ON(chunk_decode(&chunk, &samples, NULL));
        if (chunk_decode(&chunk, &samples, NULL)) {
                size_t count = samples.count, last = count - 1;

                for (size_t i = 1; i < count; i++)
                        BUG_ON(samples.t_ms[i] <= samples.t_ms[i - 1]);
                BUG_ON(!chunk_decode_between(&chunk, samples.t_ms[last], INT64_MAX, &samples,
                                             NULL));
                BUG_ON(samples.count != count + 1 ||
                       sample_bits(samples.v[count]) != sample_bits(samples.v[last]));
        }
        samples_release(&samples);
}

/* The input as a block's bytes behind a length and checksum that fit them. */
static void try_sealed(const uint8_t *data, size_t size)
{
        uint8_t *block = malloc(size + 16), *at = block + 4;
        uint64_t len = size;
        uint32_t crc;

        for (; len >= 0x80; len >>= 7)
                *at++ = (uint8_t)(len | 0x80);
        *at++ = (uint8_t)len;
        memcpy(at, data, size);
        at += size;
        crc = crc32c(0, block + 4, (size_t)(at - block) - 4);
        memcpy(block, &crc, sizeof(crc));
        try_block(block, (size_t)(at - block));
        free(block);
}

static void try_columns(const uint8_t *data, size_t size)
{
        static int64_t integers[INTS_MAX_COUNT];
        static double v[CHUNK_MAX_SAMPLES];
        size_t count = 1 + (data[0] | (size_t)data[1] << 8) % CHUNK_MAX_SAMPLES;
        struct reader r = reader_make(data + 2, size - 2);

        ints_decode(&r, integers, count);
        r = reader_make(data + 2, size - 2);
        chunk_values_decode(&r, v, count, 0, count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        try_block(data, size);
        try_sealed(data, size);
        if (size > 2)
                try_columns(data, size);
        return 0;
}
