#include "tsdb/chunk_int.h"

#include <math.h>

#include "base/reader.h"
#include "codec/crc32c.h"
#include "codec/ints.h"
#include "codec/varint.h"
#include "model/sample.h"

enum { HEAD_MAX_BYTES = 64, SUMMARY_BYTES = 44 };

size_t chunk_bound(size_t count)
{
        return HEAD_MAX_BYTES + SUMMARY_BYTES + 2 * ints_bound(count) + 9 * count + 64;
}

static struct chunk_summary summarize(const double *v, size_t count)
{
        struct chunk_summary summary = {.min = NAN, .max = NAN, .first = NAN, .last = NAN};
        double sum = 0, rest = 0;

        for (size_t i = 0; i < count; i++) {
                double next;

                if (sample_is_stale(v[i]))
                        continue;
                if (!summary.count++)
                        summary.first = v[i];
                summary.last = v[i];
                if (!(summary.min <= v[i]) && !isnan(v[i]))
                        summary.min = v[i];
                if (!(summary.max >= v[i]) && !isnan(v[i]))
                        summary.max = v[i];
                next = sum + v[i];
                if (isinf(next))
                        rest = 0;
                else if (fabs(sum) >= fabs(v[i]))
                        rest += (sum - next) + v[i];
                else
                        rest += (v[i] - next) + sum;
                sum = next;
        }
        summary.sum = sum + rest;
        return summary;
}

static uint8_t *put_double(uint8_t *at, double v)
{
        return varint_put_u64(at, sample_bits(v));
}

static uint8_t *put_summary(uint8_t *at, const double *v, size_t count)
{
        struct chunk_summary summary = summarize(v, count);

        at = put_double(at, summary.min);
        at = put_double(at, summary.max);
        at = put_double(at, summary.sum);
        at = put_double(at, summary.first);
        at = put_double(at, summary.last);
        return varint_put_u32(at, summary.count);
}

uint8_t *chunk_encode(uint8_t *at, uint32_t series, int64_t base_ms, const int64_t *t_ms,
                      const double *v, size_t count)
{
        bool with_summary = count >= CHUNK_SUMMARY_MIN_SAMPLES &&
                            !chunk_values_all_same(v, count);
        /* The length stands before the body but is known after it: leave room for the longest
         * form, then move the body down. */
        uint8_t *length_at = at + 4, *body = length_at + VARINT_MAX_BYTES, *end = body;
        uint32_t crc;
        size_t body_len;

        BUG_ON(count == 0 || count > CHUNK_MAX_SAMPLES);
        end = varint_put(end, series);
        *end++ = CHUNK_KIND_FLOAT;
        *end++ = with_summary ? CHUNK_FLAG_SUMMARY : 0;
        end = varint_put(end, count);
        end = varint_put_zigzag(end, (int64_t)((uint64_t)t_ms[0] - (uint64_t)base_ms));
        if (with_summary)
                end = put_summary(end, v, count);
        if (count > 1) {
                int64_t relative[CHUNK_MAX_SAMPLES];

                for (size_t i = 0; i < count; i++)
                        relative[i] = (int64_t)((uint64_t)t_ms[i] - (uint64_t)t_ms[0]);
                end = ints_encode(end, relative, count);
        }
        end = chunk_values_encode(end, v, count);
        body_len = (size_t)(end - body);
        end = varint_put(length_at, body_len);
        memmove(end, body, body_len);
        end += body_len;
        crc = crc32c(0, length_at, (size_t)(end - length_at));
        varint_put_u32(at, crc);
        return end;
}

static double read_double(struct reader *r)
{
        return sample_from_bits(reader_u64(r));
}

static struct chunk_summary read_summary(struct reader *r)
{
        struct chunk_summary summary;

        summary.min = read_double(r);
        summary.max = read_double(r);
        summary.sum = read_double(r);
        summary.first = read_double(r);
        summary.last = read_double(r);
        summary.count = reader_u32(r);
        return summary;
}

/* The head of a body; false when it makes no sense. */
static bool read_head(struct str body, int64_t base_ms, struct chunk *ret_chunk)
{
        struct reader r = reader_make(body.data, body.len);
        uint64_t series = reader_varint(&r), count;
        uint8_t kind = reader_u8(&r), flags = reader_u8(&r);
        struct chunk chunk = {0};

        count = reader_varint(&r);
        chunk.first_t_ms = (int64_t)((uint64_t)reader_zigzag(&r) + (uint64_t)base_ms);
        chunk.has_summary = flags & CHUNK_FLAG_SUMMARY;
        if (chunk.has_summary)
                chunk.summary = read_summary(&r);
        if (r.failed || kind != CHUNK_KIND_FLOAT || flags > CHUNK_FLAG_SUMMARY || count == 0 ||
            count > CHUNK_MAX_SAMPLES || series == 0 || series > UINT32_MAX)
                return false;
        chunk.series = (uint32_t)series;
        chunk.count = (uint32_t)count;
        chunk.columns = str_make((const char *)r.pos, reader_left(&r));
        *ret_chunk = chunk;
        return true;
}

/* The checksum comes last, so that a walk over bytes that are no block stays cheap. */
bool chunk_parse(const uint8_t *data, size_t len, int64_t base_ms, struct chunk *ret_chunk,
                 size_t *ret_len, struct error *err)
{
        struct reader r = reader_make(data, len);
        uint32_t crc = reader_u32(&r);
        uint64_t body_len = reader_varint(&r);
        struct chunk chunk;
        struct str body;

        if (body_len > chunk_bound(CHUNK_MAX_SAMPLES))
                return error_set(err, ERROR_CORRUPT, "block is longer than any can be");
        body = reader_str(&r, body_len);
        if (r.failed || !read_head(body, base_ms, &chunk))
                return error_set(err, ERROR_CORRUPT, "block head makes no sense");
        if (crc != crc32c(0, data + 4, (size_t)(r.pos - data) - 4))
                return error_set(err, ERROR_CORRUPT, "block fails its checksum");
        *ret_len = (size_t)(r.pos - data);
        *ret_chunk = chunk;
        return true;
}

static bool read_timestamps(struct reader *r, const struct chunk *chunk, int64_t *t_ms)
{
        int64_t previous, last;
        bool descends = false;

        if (chunk->count == 1) {
                t_ms[0] = chunk->first_t_ms;
                return true;
        }
        ints_decode(r, t_ms, chunk->count);
        if (r->failed || t_ms[0] != 0 ||
            __builtin_add_overflow(t_ms[chunk->count - 1], chunk->first_t_ms, &last))
                return false;
        previous = -1;
        for (size_t i = 0; i < chunk->count; i++) {
                int64_t relative = t_ms[i];

                descends |= relative <= previous;
                previous = relative;
                t_ms[i] = (int64_t)((uint64_t)relative + (uint64_t)chunk->first_t_ms);
        }
        return !descends;
}

bool chunk_decode(const struct chunk *chunk, int64_t *t_ms, double *v, struct error *err)
{
        struct reader r = reader_make(chunk->columns.data, chunk->columns.len);

        if (!read_timestamps(&r, chunk, t_ms))
                return error_set(err, ERROR_CORRUPT, "block's timestamps make no sense");
        chunk_values_decode(&r, v, chunk->count);
        if (r.failed || reader_left(&r))
                return error_set(err, ERROR_CORRUPT, "block's values make no sense");
        return true;
}
