#include "formats/histogram_wire_int.h"

#include "codec/varint.h"

static bool fail(struct error *err)
{
        return error_set(err, ERROR_INVALID, "malformed histogram");
}

/* How many spans and how many bytes of numbers a message has in these fields. */
static bool measure(struct str message, uint32_t spans, uint32_t numbers, size_t *ret_spans,
                    size_t *ret_bytes)
{
        struct reader r = reader_make(message.data, message.len);
        struct protobuf_field field;

        *ret_spans = *ret_bytes = 0;
        while (protobuf_next(&r, &field)) {
                *ret_spans += field.number == spans;
                *ret_bytes += field.number == numbers ? field.raw.len : 0;
        }
        return !r.failed;
}

static void *try_array(struct arena *arena, size_t count, size_t item_size_bytes,
                       struct error *err)
{
        void *items = count > UINT32_MAX ? NULL
                                         : arena_try_alloc(arena, count * item_size_bytes + 1);

        if (!items)
                error_set(err, ERROR_LIMIT, "a histogram is too large");
        return items;
}

static bool read_span(struct reader *r, const struct protobuf_field *field,
                      struct histogram_span *ret_span)
{
        struct str message = protobuf_bytes(r, field);
        struct reader inner = reader_make(message.data, message.len);
        struct protobuf_field part;

        *ret_span = (struct histogram_span){0};
        while (protobuf_next(&inner, &part)) {
                if (part.number == 1)
                        ret_span->offset = (int32_t)protobuf_sint(&inner, &part);
                else if (part.number == 2)
                        ret_span->length = (uint32_t)protobuf_uint(&inner, &part);
        }
        return !r->failed && !inner.failed;
}

bool histogram_wire_read(struct str message, struct histogram_wire_side fields, bool integer,
                         struct arena *arena, struct histogram_side *ret_side, struct error *err)
{
        uint32_t numbers = integer ? fields.deltas : fields.counts;
        struct reader r = reader_make(message.data, message.len);
        size_t span_max, number_bytes, span_count = 0, count = 0;
        struct histogram_span *spans;
        struct protobuf_field field;
        int64_t absolute = 0;
        double *buckets;

        if (!measure(message, fields.spans, numbers, &span_max, &number_bytes))
                return fail(err);
        spans = try_array(arena, span_max, sizeof(*spans), err);
        /* A delta takes a byte or more, a count eight. */
        buckets = try_array(arena, integer ? number_bytes : number_bytes / 8, sizeof(*buckets),
                            err);
        if (!spans || !buckets)
                return false;
        while (protobuf_next(&r, &field)) {
                struct reader inner;

                if (field.number == fields.spans && !read_span(&r, &field, &spans[span_count++]))
                        return fail(err);
                if (field.number != numbers)
                        continue;
                inner = protobuf_numbers(&r, &field, integer ? PROTOBUF_VARINT : PROTOBUF_FIXED64);
                while (reader_left(&inner) && !inner.failed) {
                        uint64_t bits = integer ? 0 : reader_u64(&inner);

                        if (integer && __builtin_add_overflow(absolute, reader_zigzag(&inner),
                                                              &absolute))
                                return fail(err);
                        if (inner.failed)
                                return fail(err);
                        if (integer)
                                buckets[count++] = (double)absolute;
                        else
                                memcpy(&buckets[count++], &bits, sizeof(bits));
                }
        }
        if (r.failed)
                return fail(err);
        *ret_side = (struct histogram_side){spans, buckets, (uint32_t)span_count, (uint32_t)count};
        return true;
}

bool histogram_wire_doubles(struct str message, uint32_t number, struct arena *arena,
                            const double **ret_items, uint32_t *ret_count, struct error *err)
{
        struct histogram_side side = {0};

        if (!histogram_wire_read(message, (struct histogram_wire_side){.counts = number}, false,
                                 arena, &side, err))
                return false;
        *ret_items = side.buckets;
        *ret_count = side.bucket_count;
        return true;
}

/* ---- writing ------------------------------------------------------------------------------ */

void histogram_wire_put_doubles(struct buf *out, uint32_t number, const double *items,
                                uint32_t count)
{
        if (count)
                protobuf_put_bytes(out, number,
                                   str_make((const char *)items, count * sizeof(*items)));
}

void histogram_wire_write(struct buf *out, struct histogram_wire_side fields, bool integer,
                          const struct histogram_side *side)
{
        int64_t before = 0;
        size_t begun;

        for (uint32_t i = 0; i < side->span_count; i++) {
                begun = protobuf_begin(out, fields.spans);
                if (side->spans[i].offset)
                        protobuf_put_sint(out, 1, side->spans[i].offset);
                if (side->spans[i].length)
                        protobuf_put_uint(out, 2, side->spans[i].length);
                protobuf_end(out, begun);
        }
        if (!integer) {
                histogram_wire_put_doubles(out, fields.counts, side->buckets, side->bucket_count);
                return;
        }
        if (!side->bucket_count)
                return;
        begun = protobuf_begin(out, fields.deltas);
        for (uint32_t i = 0; i < side->bucket_count; i++) {
                int64_t count = (int64_t)side->buckets[i];

                protobuf_put_varint(out, varint_zigzag(count - before));
                before = count;
        }
        protobuf_end(out, begun);
}
