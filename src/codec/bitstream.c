#include "codec/bitstream.h"

void bits_put(struct bit_writer *w, uint64_t value, unsigned count)
{
        while (count) {
                unsigned now;
                uint8_t bits;

                if (!w->free_bits) {
                        buf_append_byte(w->out, 0);
                        w->free_bits = 8;
                }
                if (w->out->overflow)
                        return;
                now = count < w->free_bits ? count : w->free_bits;
                bits = (uint8_t)(value >> (count - now) & ((1u << now) - 1));
                w->out->data[w->out->len - 1] =
                        (char)(w->out->data[w->out->len - 1] | bits << (w->free_bits - now));
                w->free_bits -= now;
                count -= now;
        }
}

uint64_t bits_take(struct bit_reader *r, unsigned count)
{
        uint64_t value = 0;

        if (r->failed || count > r->len * 8 - r->at) {
                r->failed = true;
                return 0;
        }
        while (count) {
                unsigned have = 8 - (unsigned)(r->at & 7);
                unsigned now = count < have ? count : have;
                unsigned byte = r->data[r->at >> 3];

                value = value << now | (byte >> (have - now) & ((1u << now) - 1));
                r->at += now;
                count -= now;
        }
        return value;
}

unsigned bits_take_ones(struct bit_reader *r, unsigned max)
{
        unsigned ones = 0;

        while (ones < max && bits_take(r, 1))
                ones++;
        return ones;
}
