#include "tsdb/chunk_int.h"

#include "base/reader.h"
#include "codec/crc32c.h"
#include "codec/ints.h"
#include "codec/varint.h"
#include "tsdb/histogram_layout_int.h"

/* The column in the making may take its longest form before a shorter one replaces it. */
enum { HEAD_MAX_BYTES = 80, VALUE_MAX_BYTES = 20, COLUMN_MAX_BYTES = 128 };
/* What no block exceeds; larger lengths are damage. */
enum { BLOCK_MAX_BYTES = 4 << 20 };

size_t chunk_extent(const struct samples *samples, size_t from)
{
        const struct histogram *first = samples_histogram(samples, from);
        size_t end = samples->count, limit = CHUNK_MAX_SAMPLES, at = from + 1;

        if (first) {
                limit = CHUNK_MAX_VALUES / (histogram_bucket_count(first) + 1);
                limit = limit < 1 ? 1 : limit < CHUNK_MAX_SAMPLES ? limit : CHUNK_MAX_SAMPLES;
        }
        if (end - from > limit)
                end = from + limit;
        if (!samples->h)
                return end - from;
        while (at < end) {
                const struct histogram *h = samples->h[at];

                if (!h != !first || (h && !histogram_layout_same(h, first)))
                        break;
                at++;
        }
        return at - from;
}

size_t chunk_bound(const struct samples *samples, size_t from, size_t count)
{
        const struct histogram *first = samples_histogram(samples, from);

        return HEAD_MAX_BYTES + 2 * ints_bound(count) + VALUE_MAX_BYTES * count +
               COLUMN_MAX_BYTES + (first ? chunk_histograms_bound(first, count) : 0);
}

size_t chunk_times_bound(size_t count)
{
        return HEAD_MAX_BYTES + ints_bound(count);
}

/* The length stands before the body but is known after it: leave room for the longest form, then
 * move the body down. */
static uint8_t *body_begin(uint8_t *at)
{
        return at + 4 + VARINT_MAX_BYTES;
}

static uint8_t *seal(uint8_t *at, uint8_t *end)
{
        uint8_t *body = body_begin(at);
        size_t body_len = (size_t)(end - body);

        end = varint_put(at + 4, body_len);
        memmove(end, body, body_len);
        end += body_len;
        varint_put_u32(at, crc32c(0, at + 4, (size_t)(end - at) - 4));
        return end;
}

static uint8_t *put_times(uint8_t *at, int64_t base_ms, const int64_t *t_ms, size_t count)
{
        int64_t relative[CHUNK_MAX_SAMPLES];

        at = varint_put_zigzag(at, (int64_t)((uint64_t)t_ms[0] - (uint64_t)base_ms));
        if (count == 1)
                return at;
        for (size_t i = 0; i < count; i++)
                relative[i] = (int64_t)((uint64_t)t_ms[i] - (uint64_t)t_ms[0]);
        return ints_encode(at, relative, count);
}

static bool any_start(const struct samples *samples, size_t from, size_t count)
{
        for (size_t i = 0; samples->start_ms && i < count; i++)
                if (samples->start_ms[from + i])
                        return true;
        return false;
}

uint8_t *chunk_encode(uint8_t *at, uint32_t series, int64_t base_ms,
                      const struct samples *samples, size_t from, size_t count,
                      const uint32_t *times)
{
        bool histograms = samples_histogram(samples, from);
        bool starts = any_start(samples, from, count);
        uint8_t *end = body_begin(at);

        BUG_ON(count == 0 || count > CHUNK_MAX_SAMPLES);
        end = varint_put(end, series);
        *end++ = histograms ? CHUNK_HISTOGRAMS : CHUNK_FLOATS;
        *end++ = (uint8_t)((starts ? CHUNK_FLAG_STARTS : 0) | (times ? CHUNK_FLAG_SHARED : 0));
        end = varint_put(end, count);
        end = times ? varint_put(end, *times)
                    : put_times(end, base_ms, samples->t_ms + from, count);
        if (starts)
                end = ints_encode(end, samples->start_ms + from, count);
        end = histograms ? chunk_histograms_encode(end, samples, from, count)
                         : chunk_values_encode(end, samples->v + from, count);
        return seal(at, end);
}

uint8_t *chunk_times_encode(uint8_t *at, uint32_t number, int64_t base_ms, const int64_t *t_ms,
                            size_t count)
{
        uint8_t *end = body_begin(at);

        end = varint_put(end, number);
        *end++ = CHUNK_TIMES;
        *end++ = 0;
        end = varint_put(end, count);
        return seal(at, put_times(end, base_ms, t_ms, count));
}

/* The head of a body; false when it makes no sense. */
static bool read_head(struct str body, int64_t base_ms, struct chunk *ret_chunk)
{
        struct reader r = reader_make(body.data, body.len);
        uint64_t series = reader_varint(&r), count, times = 0;
        uint8_t kind = reader_u8(&r), flags = reader_u8(&r);
        struct chunk chunk = {.kind = kind};

        count = reader_varint(&r);
        chunk.has_starts = flags & CHUNK_FLAG_STARTS;
        chunk.is_shared = flags & CHUNK_FLAG_SHARED;
        if (chunk.is_shared)
                times = reader_varint(&r);
        else
                chunk.first_t_ms = (int64_t)((uint64_t)reader_zigzag(&r) + (uint64_t)base_ms);
        if (r.failed || kind >= CHUNK_KINDS || flags >= CHUNK_FLAGS_END || count == 0 ||
            count > CHUNK_MAX_SAMPLES || series > UINT32_MAX || times > UINT32_MAX ||
            (kind == CHUNK_TIMES ? flags != 0 : series == 0))
                return false;
        chunk.series = (uint32_t)series;
        chunk.count = (uint32_t)count;
        chunk.times = (uint32_t)times;
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

        if (body_len > BLOCK_MAX_BYTES)
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

bool chunk_parse_again(const uint8_t *data, size_t len, int64_t base_ms, struct chunk *ret_chunk)
{
        struct reader r = reader_make(data, len);
        struct str body;

        reader_take(&r, sizeof(uint32_t));
        body = reader_str(&r, reader_varint(&r));
        return !r.failed && read_head(body, base_ms, ret_chunk);
}

VECTORIZE static bool ascends(const int64_t *t_ms, size_t count)
{
        bool descends = false;

        for (size_t i = 1; i < count; i++)
                descends |= t_ms[i] <= t_ms[i - 1];
        return !descends;
}

VECTORIZE static void add_to_all(int64_t *t_ms, size_t count, int64_t what_ms)
{
        for (size_t i = 0; i < count; i++)
                t_ms[i] = (int64_t)((uint64_t)t_ms[i] + (uint64_t)what_ms);
}

static bool read_times(struct reader *r, const struct chunk *chunk, int64_t *t_ms)
{
        int64_t last, begin, step;

        if (chunk->count == 1) {
                t_ms[0] = chunk->first_t_ms;
                return true;
        }
        if (ints_take_steady(r, &begin, &step)) {
                if (begin != 0 || step <= 0 ||
                    __builtin_mul_overflow(step, chunk->count - 1, &last) ||
                    __builtin_add_overflow(last, chunk->first_t_ms, &last))
                        return false;
                ints_fill_steady(t_ms, chunk->count, chunk->first_t_ms, step);
                return true;
        }
        ints_decode(r, t_ms, chunk->count);
        if (r->failed || t_ms[0] != 0 ||
            !ascends(t_ms, chunk->count) ||
            __builtin_add_overflow(t_ms[chunk->count - 1], chunk->first_t_ms, &last))
                return false;
        add_to_all(t_ms, chunk->count, chunk->first_t_ms);
        return true;
}

bool chunk_share(struct chunk *chunk, const struct chunk *times)
{
        if (times->kind != CHUNK_TIMES || times->series != chunk->times ||
            times->count != chunk->count)
                return false;
        chunk->first_t_ms = times->first_t_ms;
        chunk->shared_times = times->columns;
        return true;
}

/* Columns of timestamps that this thread has decoded: the series of a target are read one after the
 * other and share theirs. Steady ones are as quickly made again. */
struct kept_times {
        uint64_t of; /* as chunk.times_of */
        uint32_t number, count;
        int64_t t_ms[CHUNK_MAX_SAMPLES];
};
enum { KEPT_TIMES = 4 };
static __thread struct kept_times kept_times[KEPT_TIMES];

static bool is_steady(struct reader r)
{
        int64_t begin, step;

        return ints_take_steady(&r, &begin, &step);
}

/* The timestamps of a block, in `room` or kept; NULL when they make no sense. */
static const int64_t *find_times(struct reader *r, const struct chunk *chunk, int64_t *room)
{
        struct reader shared = reader_make(chunk->shared_times.data, chunk->shared_times.len);
        struct kept_times *kept = &kept_times[(chunk->times_of + chunk->times) % KEPT_TIMES];

        if (!chunk->is_shared)
                return read_times(r, chunk, room) ? room : NULL;
        if (chunk->times_of && kept->of == chunk->times_of && kept->number == chunk->times &&
            kept->count == chunk->count)
                return kept->t_ms;
        if (!chunk->shared_times.data)
                return NULL;
        if (!chunk->times_of || chunk->count == 1 || is_steady(shared))
                return read_times(&shared, chunk, room) ? room : NULL;
        kept->of = 0;
        if (!read_times(&shared, chunk, kept->t_ms))
                return NULL;
        kept->of = chunk->times_of;
        kept->number = chunk->times;
        kept->count = chunk->count;
        return kept->t_ms;
}

static void read_starts(struct reader *r, struct samples *samples, size_t count)
{
        int64_t starts[CHUNK_MAX_SAMPLES];

        ints_decode(r, starts, count);
        for (size_t i = 0; i < count && !r->failed; i++)
                samples_set_start(samples, samples->count + i, starts[i]);
}

/* How many of the timestamps, which ascend, are before t_ms. */
static size_t count_before(const int64_t *times, size_t count, int64_t t_ms)
{
        size_t low = 0;

        if (!count || times[count - 1] < t_ms)
                return count;
        while (count > 0 && times[low] < t_ms) {
                size_t half = count / 2;

                if (times[low + half] < t_ms) {
                        low += half + 1;
                        count -= half + 1;
                } else {
                        count = half;
                }
        }
        return low;
}

/* Moves entries [begin, end), counted from `at`, down to there. */
static void keep_between(struct samples *samples, size_t at, size_t begin, size_t end)
{
        size_t bytes = (end - begin) * 8, from = at + begin;

        if (!begin)
                return;
        memmove(samples->v + at, samples->v + from, bytes);
        if (samples->h)
                memmove(samples->h + at, samples->h + from, bytes);
        if (samples->start_ms)
                memmove(samples->start_ms + at, samples->start_ms + from, bytes);
}

bool chunk_decode_between(const struct chunk *chunk, int64_t mint_ms, int64_t maxt_ms,
                          struct samples *samples, struct error *err)
{
        struct reader r = reader_make(chunk->columns.data, chunk->columns.len);
        size_t at = samples->count, begin, end;
        const int64_t *times;

        samples_reserve(samples, chunk->count);
        times = chunk->kind == CHUNK_TIMES ? NULL : find_times(&r, chunk, samples->t_ms + at);
        if (!times)
                return error_set(err, ERROR_CORRUPT, "block's timestamps make no sense");
        begin = count_before(times, chunk->count, mint_ms);
        end = maxt_ms == INT64_MAX ? chunk->count
                                   : count_before(times, chunk->count, maxt_ms + 1);
        if (begin >= end)
                return true;
        if (chunk->has_starts)
                read_starts(&r, samples, chunk->count);
        if (chunk->kind == CHUNK_FLOATS)
                chunk_values_decode(&r, samples->v + at, chunk->count, begin, end);
        else
                chunk_histograms_decode(&r, samples, chunk->count);
        samples->count += chunk->count;
        if (r.failed || reader_left(&r)) {
                samples_truncate(samples, at);
                return error_set(err, ERROR_CORRUPT, "block's values make no sense");
        }
        memmove(samples->t_ms + at, times + begin, (end - begin) * sizeof(*times));
        keep_between(samples, at, begin, end);
        samples_truncate(samples, at + (end - begin));
        return true;
}

bool chunk_decode(const struct chunk *chunk, struct samples *samples, struct error *err)
{
        return chunk_decode_between(chunk, INT64_MIN, INT64_MAX, samples, err);
}
