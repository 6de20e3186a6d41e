#include "base/reader.h"

uint64_t reader_long_varint(struct reader *r)
{
        uint64_t value = 0;

        for (unsigned shift = 0; shift < 70; shift += 7) {
                uint8_t byte = reader_u8(r);

                if (r->failed || (shift == 63 && byte > 1))
                        break;
                value |= (uint64_t)(byte & 0x7f) << shift;
                if (!(byte & 0x80))
                        return value;
        }
        r->failed = true;
        return 0;
}

int64_t reader_zigzag(struct reader *r)
{
        uint64_t raw = reader_varint(r);

        return (int64_t)(raw >> 1) ^ -(int64_t)(raw & 1);
}
