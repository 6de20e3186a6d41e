/* Reading segments. */
#include "wal/wal_int.h"

#include "base/reader.h"
#include "codec/crc32c.h"

uint32_t wal_record_crc(uint64_t segment, uint64_t offset, const uint8_t *checked, size_t len)
{
        uint64_t place[2] = {segment, offset};

        return crc32c(crc32c(0, place, sizeof(place)), checked, len);
}

/* Length of the valid record at `offset`, padding included; 0 when there is none. */
static size_t record_at(const uint8_t *data, size_t len, uint64_t segment, size_t offset)
{
        struct reader r = reader_make(data + offset, len - offset);
        uint32_t magic = reader_u32(&r);
        uint32_t payload_len = reader_u32(&r);
        uint32_t crc = reader_u32(&r);
        size_t checked_len = WAL_RECORD_HEADER_BYTES - WAL_CHECKED_FROM + payload_len;
        const uint8_t *checked = reader_take(&r, checked_len);

        if (!checked || magic != WAL_RECORD_MAGIC || payload_len > WAL_RECORD_MAX_BYTES ||
            crc != wal_record_crc(segment, offset, checked, checked_len))
                return 0;
        return wal_padded(WAL_RECORD_HEADER_BYTES + payload_len);
}

/* Offset of the next valid record from `offset` on; len when there is none. */
static size_t next_record(const uint8_t *data, size_t len, uint64_t segment, size_t offset)
{
        for (; offset + WAL_RECORD_HEADER_BYTES <= len; offset += WAL_ALIGNMENT) {
                uint32_t magic;

                memcpy(&magic, data + offset, sizeof(magic));
                if (magic == WAL_RECORD_MAGIC && record_at(data, len, segment, offset))
                        return offset;
        }
        return len;
}

static size_t trim_zeros(const uint8_t *data, size_t from, size_t to)
{
        while (to > from && data[to - 1] == 0)
                to--;
        return to;
}

static void tell_damage(const struct wal_visitor *visitor, uint64_t segment, size_t from,
                        size_t to, bool tail)
{
        if (visitor->damage)
                visitor->damage(visitor->ctx, segment, from, to - from, tail);
}

uint64_t wal_scan(const uint8_t *data, size_t len, uint64_t segment, bool last,
                  const struct wal_visitor *visitor)
{
        size_t at = WAL_SEGMENT_HEADER_BYTES;

        while (at + WAL_RECORD_HEADER_BYTES <= len) {
                size_t record_len = record_at(data, len, segment, at);

                if (record_len) {
                        size_t payload = at + WAL_RECORD_HEADER_BYTES;
                        uint32_t payload_len;

                        memcpy(&payload_len, data + at + 4, sizeof(payload_len));
                        if (visitor->record)
                                visitor->record(visitor->ctx, segment,
                                                data[at + WAL_CHECKED_FROM],
                                                str_make((const char *)data + payload,
                                                         payload_len));
                        at += record_len;
                        continue;
                }
                size_t next = next_record(data, len, segment, at + WAL_ALIGNMENT);

                if (next == len)
                        break;
                tell_damage(visitor, segment, at, next, false);
                at = next;
        }
        if (at < len) {
                size_t end = trim_zeros(data, at, len);

                if (end > at)
                        tell_damage(visitor, segment, at, end, last);
        }
        return at < len ? at : len;
}
