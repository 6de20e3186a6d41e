/* Bytes as a chunk of each encoding: decoding never reads beyond them, and what was decoded can be
 * encoded and decoded again to the same. */
#include <stdlib.h>

#include "formats/prom_chunk.h"
#include "model/histogram.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool ascends(const struct samples *samples)
{
        for (size_t i = 1; i < samples->count; i++)
                if (samples->t_ms[i] <= samples->t_ms[i - 1])
                        return false;
        return true;
}

/* Only what a store holds: time ascends, integer counts are integers. */
static bool is_plain(const struct samples *samples)
{
        return ascends(samples) && !samples->h;
}

static void again(const struct samples *samples)
{
        struct samples decoded = {0};
        struct buf out = BUF_INIT(1 << 24);

        for (size_t from = 0; from < samples->count;) {
                uint8_t encoding;

                buf_clear(&out);
                from += prom_chunk_encode(&out, samples, from, &encoding);
                if (!prom_chunk_decode(encoding, buf_str(&out), &decoded, NULL))
                        abort();
        }
        if (decoded.count != samples->count)
                abort();
        for (size_t i = 0; i < decoded.count; i++)
                if (decoded.t_ms[i] != samples->t_ms[i] ||
                    sample_bits(decoded.v[i]) != sample_bits(samples->v[i]))
                        abort();
        buf_release(&out);
        samples_release(&decoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct samples samples = {0};

        if (!size)
                return 0;
        if (prom_chunk_decode(data[0] % 4, str_make((const char *)data + 1, size - 1), &samples,
                              NULL) &&
            is_plain(&samples))
                again(&samples);
        samples_release(&samples);
        return 0;
}
