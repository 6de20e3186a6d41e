#include "formats/remote_read.h"

#include <endian.h>

#include "codec/crc32c.h"
#include "codec/protobuf.h"
#include "formats/prom_chunk.h"

enum {
        REQUEST_QUERY = 1,
        REQUEST_ACCEPTED = 2,
        QUERY_START = 1,
        QUERY_END = 2,
        QUERY_MATCHER = 3,
        MATCHER_TYPE = 1,
        MATCHER_NAME = 2,
        MATCHER_VALUE = 3,
        RESPONSE_RESULT = 1,
        CHUNKED_SERIES = 1,
        CHUNKED_QUERY = 2,
        SERIES_LABEL = 1,
        SERIES_CHUNK = 2,
        LABEL_NAME = 1,
        LABEL_VALUE = 2,
        CHUNK_MIN = 1,
        CHUNK_MAX = 2,
        CHUNK_TYPE = 3,
        CHUNK_DATA = 4,
};

enum { ACCEPT_SAMPLES = 0, ACCEPT_CHUNKS = 1 };
enum { QUERIES_MAX = 1000, MATCHERS_MAX = 1000, LABELS_MAX = 1 << 16 };
/* As Prometheus frames its stream. */
enum { FRAME_BYTES = 1 << 20 };

/* ---- the request ------------------------------------------------------- */

static bool malformed(struct error *err)
{
        return error_set(err, ERROR_INVALID, "remote read request is malformed");
}

static bool parse_matcher(struct arena *arena, struct str message, struct matcher *matcher,
                          struct error *err)
{
        static const enum matcher_op ops[] = {MATCHER_EQUAL, MATCHER_NOT_EQUAL, MATCHER_REGEX,
                                              MATCHER_NOT_REGEX};
        struct reader r = reader_make(message.data, message.len);
        struct str name = STR_LIT(""), value = STR_LIT("");
        struct protobuf_field field;
        uint64_t type = 0;

        while (protobuf_next(&r, &field)) {
                if (field.number == MATCHER_TYPE)
                        type = protobuf_uint(&r, &field);
                else if (field.number == MATCHER_NAME)
                        name = protobuf_bytes(&r, &field);
                else if (field.number == MATCHER_VALUE)
                        value = protobuf_bytes(&r, &field);
        }
        if (r.failed || type >= ARRAY_LEN(ops))
                return malformed(err);
        return matcher_init(matcher, arena, ops[type], arena_str(arena, name),
                            arena_str(arena, value), err);
}

static bool parse_query(struct arena *arena, struct str message, struct remote_read_query *query,
                        struct error *err)
{
        struct reader r = reader_make(message.data, message.len);
        struct protobuf_field field;
        struct matcher *matchers;
        size_t count = 0;

        while (protobuf_next(&r, &field))
                count += field.number == QUERY_MATCHER;
        if (r.failed || count > MATCHERS_MAX)
                return malformed(err);
        matchers = arena_array(arena, struct matcher, count);
        query->matchers = matchers;
        r = reader_make(message.data, message.len);
        while (protobuf_next(&r, &field)) {
                if (field.number == QUERY_START) {
                        query->start_ms = (int64_t)protobuf_uint(&r, &field);
                } else if (field.number == QUERY_END) {
                        query->end_ms = (int64_t)protobuf_uint(&r, &field);
                } else if (field.number == QUERY_MATCHER) {
                        if (!parse_matcher(arena, protobuf_bytes(&r, &field),
                                           &matchers[query->matcher_count], err))
                                return false;
                        query->matcher_count++;
                }
        }
        return !r.failed || malformed(err);
}

/* The first kind of answer in the list that there is decides. */
static void parse_accepted(struct reader *r, const struct protobuf_field *field, bool *decided,
                           bool *chunks)
{
        struct reader numbers = protobuf_numbers(r, field, PROTOBUF_VARINT);

        while (reader_left(&numbers) && !numbers.failed) {
                uint64_t kind = protobuf_varint(&numbers);

                if (*decided || numbers.failed || kind > ACCEPT_CHUNKS)
                        continue;
                *decided = true;
                *chunks = kind == ACCEPT_CHUNKS;
        }
        r->failed |= numbers.failed;
}

bool remote_read_request_parse(struct arena *arena, struct str message,
                               struct remote_read_request *ret_request, struct error *err)
{
        struct reader r = reader_make(message.data, message.len);
        struct remote_read_request request = {0};
        struct remote_read_query *queries;
        struct protobuf_field field;
        bool decided = false;
        size_t count = 0;

        while (protobuf_next(&r, &field))
                count += field.number == REQUEST_QUERY;
        if (r.failed || count > QUERIES_MAX)
                return malformed(err);
        queries = arena_array(arena, struct remote_read_query, count);
        request.queries = queries;
        r = reader_make(message.data, message.len);
        while (protobuf_next(&r, &field)) {
                if (field.number == REQUEST_ACCEPTED)
                        parse_accepted(&r, &field, &decided, &request.chunks);
                else if (field.number == REQUEST_QUERY &&
                         !parse_query(arena, protobuf_bytes(&r, &field),
                                      &queries[request.query_count++], err))
                        return false;
        }
        if (r.failed)
                return malformed(err);
        if (arena_over_budget(arena))
                return error_set(err, ERROR_LIMIT, "remote read request is too large");
        *ret_request = request;
        return true;
}

void remote_read_request_put(struct buf *out, const struct remote_read_query *query)
{
        static const uint64_t types[] = {[MATCHER_EQUAL] = 0, [MATCHER_NOT_EQUAL] = 1,
                                         [MATCHER_REGEX] = 2, [MATCHER_NOT_REGEX] = 3};
        size_t begun = protobuf_begin(out, REQUEST_QUERY);

        protobuf_put_uint(out, QUERY_START, (uint64_t)query->start_ms);
        protobuf_put_uint(out, QUERY_END, (uint64_t)query->end_ms);
        for (size_t i = 0; i < query->matcher_count; i++) {
                const struct matcher *matcher = &query->matchers[i];
                size_t inner = protobuf_begin(out, QUERY_MATCHER);

                protobuf_put_uint(out, MATCHER_TYPE, types[matcher->op]);
                protobuf_put_bytes(out, MATCHER_NAME, matcher->name);
                protobuf_put_bytes(out, MATCHER_VALUE, matcher->value);
                protobuf_end(out, inner);
        }
        protobuf_end(out, begun);
        protobuf_put_uint(out, REQUEST_ACCEPTED, ACCEPT_CHUNKS);
        protobuf_put_uint(out, REQUEST_ACCEPTED, ACCEPT_SAMPLES);
}

/* ---- samples ------------------------------------------------------- */

void remote_read_result_put(struct buf *out, struct str write_request)
{
        protobuf_put_bytes(out, RESPONSE_RESULT, write_request);
}

bool remote_read_result_parse(struct str message, struct str *ret_write_request,
                              struct error *err)
{
        struct reader r = reader_make(message.data, message.len);
        struct protobuf_field field;

        *ret_write_request = STR_LIT("");
        while (protobuf_next(&r, &field))
                if (field.number == RESPONSE_RESULT && !ret_write_request->len)
                        *ret_write_request = protobuf_bytes(&r, &field);
        return !r.failed || error_set(err, ERROR_INVALID, "remote read answer is malformed");
}

/* ---- frames: length, checksum (crc32c, big-endian), message --------------------------------- */

static void put_frame(struct buf *out, struct str message)
{
        uint32_t crc = htobe32(crc32c(0, message.data, message.len));

        protobuf_put_varint(out, message.len);
        buf_append(out, &crc, sizeof(crc));
        buf_append_str(out, message);
}

static void put_labels(struct buf *out, struct labels labels)
{
        for (size_t i = 0; i < labels.count; i++) {
                size_t begun = protobuf_begin(out, SERIES_LABEL);

                protobuf_put_bytes(out, LABEL_NAME, labels.items[i].name);
                protobuf_put_bytes(out, LABEL_VALUE, labels.items[i].value);
                protobuf_end(out, begun);
        }
}

static size_t put_chunk(struct buf *out, const struct samples *samples, size_t from)
{
        struct buf data CLEANUP(buf_release) = BUF_INIT(FRAME_BYTES * 4);
        uint8_t encoding;
        size_t taken = prom_chunk_encode(&data, samples, from, &encoding);
        size_t begun = protobuf_begin(out, SERIES_CHUNK);

        protobuf_put_uint(out, CHUNK_MIN, (uint64_t)samples->t_ms[from]);
        protobuf_put_uint(out, CHUNK_MAX, (uint64_t)samples->t_ms[from + taken - 1]);
        protobuf_put_uint(out, CHUNK_TYPE, encoding);
        protobuf_put_bytes(out, CHUNK_DATA, buf_str(&data));
        protobuf_end(out, begun);
        return taken;
}

void remote_read_frames_put(struct buf *out, struct labels labels, const struct samples *samples,
                            size_t query_index)
{
        struct buf message CLEANUP(buf_release) = BUF_INIT(FRAME_BYTES * 16);

        for (size_t from = 0; from < samples->count;) {
                size_t begun;

                buf_clear(&message);
                begun = protobuf_begin(&message, CHUNKED_SERIES);
                put_labels(&message, labels);
                do
                        from += put_chunk(&message, samples, from);
                while (from < samples->count && message.len < FRAME_BYTES);
                protobuf_end(&message, begun);
                if (query_index)
                        protobuf_put_uint(&message, CHUNKED_QUERY, query_index);
                put_frame(out, buf_str(&message));
        }
}

static bool corrupt(struct error *err)
{
        return error_set(err, ERROR_CORRUPT, "remote read stream is malformed");
}

static bool read_label(struct str message, struct arena *arena, struct label *label)
{
        struct reader r = reader_make(message.data, message.len);
        struct protobuf_field field;

        while (protobuf_next(&r, &field)) {
                if (field.number == LABEL_NAME)
                        label->name = arena_str(arena, protobuf_bytes(&r, &field));
                else if (field.number == LABEL_VALUE)
                        label->value = arena_str(arena, protobuf_bytes(&r, &field));
        }
        return !r.failed;
}

static bool read_chunk(struct str message, struct samples *samples)
{
        struct reader r = reader_make(message.data, message.len);
        struct str data = STR_LIT("");
        struct protobuf_field field;
        uint64_t type = 0;

        while (protobuf_next(&r, &field)) {
                if (field.number == CHUNK_TYPE)
                        type = protobuf_uint(&r, &field);
                else if (field.number == CHUNK_DATA)
                        data = protobuf_bytes(&r, &field);
        }
        return !r.failed && type <= UINT8_MAX &&
               prom_chunk_decode((uint8_t)type, data, samples, NULL);
}

static bool read_series(struct str message, struct arena *arena, struct labels *ret_labels,
                        struct samples *samples)
{
        struct reader r = reader_make(message.data, message.len);
        struct protobuf_field field;
        struct label *labels;
        size_t count = 0;

        while (protobuf_next(&r, &field))
                count += field.number == SERIES_LABEL;
        if (r.failed || count > LABELS_MAX)
                return false;
        labels = arena_array(arena, struct label, count);
        count = 0;
        r = reader_make(message.data, message.len);
        while (protobuf_next(&r, &field)) {
                bool ok = true;

                if (field.number == SERIES_LABEL)
                        ok = read_label(protobuf_bytes(&r, &field), arena, &labels[count++]);
                else if (field.number == SERIES_CHUNK)
                        ok = read_chunk(protobuf_bytes(&r, &field), samples);
                if (!ok)
                        return false;
        }
        *ret_labels = (struct labels){labels, count};
        return !r.failed;
}

/* The next frame's message, once its checksum is right. */
static bool next_frame(struct remote_read_frames *frames)
{
        struct reader r = reader_make(frames->rest.data, frames->rest.len);
        uint64_t len = reader_varint(&r);
        uint32_t crc = be32toh(reader_u32(&r));
        struct str message = reader_str(&r, len);

        if (r.failed || crc != crc32c(0, message.data, message.len))
                return false;
        frames->rest = str_make((const char *)r.pos, reader_left(&r));
        frames->series = message;
        return true;
}

bool remote_read_frames_next(struct remote_read_frames *frames, struct arena *arena,
                             struct labels *ret_labels, struct samples *samples,
                             struct error *err)
{
        err->code = ERROR_NONE;
        for (;;) {
                struct reader r = reader_make(frames->series.data, frames->series.len);
                struct protobuf_field field;

                while (protobuf_next(&r, &field)) {
                        if (field.number != CHUNKED_SERIES)
                                continue;
                        frames->series = STR_LIT("");
                        if (!read_series(protobuf_bytes(&r, &field), arena, ret_labels, samples))
                                return corrupt(err);
                        if (!r.failed)
                                frames->series = str_make((const char *)r.pos, reader_left(&r));
                        return true;
                }
                if (r.failed)
                        return corrupt(err);
                if (!frames->rest.len)
                        return false;
                if (!next_frame(frames))
                        return corrupt(err);
        }
}
