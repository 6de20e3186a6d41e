#include "ingest/push_influx.h"

#include "formats/influx.h"
#include "formats/remote_write.h"

enum { REASONS_MAX_BYTES = 4 << 10, SCRATCH_BYTES = 16 << 20 };

static int64_t to_ms(const struct push_influx_options *options, const struct influx_point *point)
{
        int64_t ms;

        if (!point->has_time)
                return options->now_ms;
        if (options->unit_ns < 1000000)
                return point->time / (1000000 / options->unit_ns);
        return __builtin_mul_overflow(point->time, options->unit_ns / 1000000, &ms) ? INT64_MAX
                                                                                    : ms;
}

static bool add_field(struct push_batch *batch, struct labels_builder *builder,
                      const struct influx_point *point, size_t at, int64_t t_ms,
                      struct arena *arena, struct error *err)
{
        const struct influx_field *field = &point->fields[at];
        size_t len = point->measurement.len + 1 + field->name.len;
        char *name = arena_alloc(builder->arena, len);

        memcpy(name, point->measurement.data, point->measurement.len);
        name[point->measurement.len] = '_';
        memcpy(name + point->measurement.len + 1, field->name.data, field->name.len);
        labels_builder_set(builder, LABEL_METRIC_NAME, str_make(name, len));
        if (!push_batch_series(batch,
                               remote_write_key(arena, (struct labels){builder->items,
                                                                       builder->count}),
                               NULL, err) ||
            !push_batch_sample(batch, t_ms, field->value, 0, err))
                return false;
        return !arena_over_budget(arena) ||
               error_set(err, ERROR_LIMIT, "request takes more than %zu bytes",
                         arena->limit_bytes);
}

static bool add_point(struct push_batch *batch, const struct push_influx_options *options,
                      const struct influx_point *point, struct arena *scratch,
                      struct arena *arena, struct error *err)
{
        int64_t t_ms = to_ms(options, point);
        struct labels_builder builder;

        labels_builder_init(&builder, scratch, point->tags);
        if (options->db.len && !labels_has(point->tags, STR_LIT("db")))
                labels_builder_set(&builder, STR_LIT("db"), options->db);
        for (size_t i = 0; i < point->field_count; i++)
                if (!add_field(batch, &builder, point, i, t_ms, arena, err))
                        return false;
        return true;
}

static bool fill_batch(struct push_batch *batch, struct str body,
                       const struct push_influx_options *options, struct arena *arena,
                       struct push_influx_result *result, struct buf *reasons, struct error *err)
{
        struct influx_point point;
        struct influx reader;
        struct arena scratch;
        struct error reason;
        bool ok = true;

        arena_init(&scratch, SCRATCH_BYTES);
        reader = influx_make(body, &scratch);
        while (ok) {
                struct arena_point mark = arena_mark(&scratch);
                enum influx_kind kind = influx_next(&reader, &point, &reason);

                if (kind == INFLUX_END)
                        break;
                if (kind == INFLUX_POINT)
                        ok = add_point(batch, options, &point, &scratch, arena, err);
                else if (result->bad_lines++ < UINT64_MAX &&
                         reasons->len + strlen(reason.text) + 1 < REASONS_MAX_BYTES)
                        buf_printf(reasons, "%s\n", reason.text);
                arena_rewind(&scratch, mark);
        }
        arena_release(&scratch);
        return ok;
}

bool push_influx(struct push *push, struct str body, const struct push_influx_options *options,
                 struct arena *arena, struct push_influx_result *ret_result, struct error *err)
{
        struct buf reasons CLEANUP(buf_release) = BUF_INIT(32 << 10);
        struct push_batch *batch = push_batch_new(push);
        struct push_influx_result result = {.bad_lines = 0};
        bool ok;

        ok = fill_batch(batch, body, options, arena, &result, &reasons, err) &&
             push_batch_write(batch, &result.written, err);
        if (ok) {
                buf_append_str(&reasons, result.written.reasons);
                result.reasons = arena_str(arena, buf_str(&reasons));
                result.written.reasons = result.reasons;
                *ret_result = result;
        }
        push_batch_free(batch);
        return ok;
}
