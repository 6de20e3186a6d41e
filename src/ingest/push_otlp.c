#include "ingest/push_otlp.h"

#include "ingest/push_int.h"
#include "model/sample.h"

enum { REASONS_MAX_BYTES = 4 << 10 };

struct otlp_push {
        struct push *push;
        struct push_batch *batch;
        struct arena *arena;
        bool has_delta; /* the table of deltas is ours */
        size_t rejected;
        struct buf reasons;
        const struct otlp_metadata *said; /* of the last sample */
        const struct push_series_metadata *metadata;
};

static void refuse(void *ctx, size_t points, const char *reason)
{
        struct otlp_push *otlp = ctx;

        otlp->rejected += points;
        if (otlp->reasons.len + strlen(reason) + 1 < REASONS_MAX_BYTES)
                buf_printf(&otlp->reasons, "%s\n", reason);
}

static const struct push_series_metadata *metadata_of(struct otlp_push *otlp,
                                                      const struct otlp_metadata *said)
{
        struct push_series_metadata *metadata;

        if (said != otlp->said) {
                metadata = arena_new(otlp->arena, struct push_series_metadata);
                *metadata = (struct push_series_metadata){said->type, said->help, said->unit};
                otlp->metadata = metadata;
                otlp->said = said;
        }
        return otlp->metadata;
}

/* Makes a delta the total so far; false when it is left out. */
static bool add_up(struct otlp_push *otlp, struct otlp_sample *sample)
{
        struct delta_table *table = push_delta_table(otlp->push);
        struct delta_sample delta = {sample->t_ms, sample->start_ms, sample->v, sample->h};
        struct error reason;

        if (!otlp->has_delta)
                delta_table_begin(table);
        otlp->has_delta = true;
        if (!delta_table_add(table, sample->key, otlp->arena, &delta, &reason)) {
                refuse(otlp, 1, reason.text);
                return false;
        }
        sample->start_ms = delta.start_ms;
        sample->v = delta.v;
        sample->h = delta.h;
        return true;
}

static bool take_sample(void *ctx, const struct otlp_sample *given, struct error *err)
{
        struct otlp_push *otlp = ctx;
        struct otlp_sample sample = *given;

        if (sample.delta && !add_up(otlp, &sample))
                return true;
        if (!push_batch_series(otlp->batch, sample.key, metadata_of(otlp, sample.metadata), err))
                return false;
        for (size_t i = 0; i < sample.exemplar_count; i++)
                if (!push_batch_exemplar(otlp->batch, &sample.exemplars[i], err))
                        return false;
        return sample.h ? push_batch_histogram(otlp->batch, sample.t_ms, sample.h,
                                               sample.start_ms, err)
                        : push_batch_sample(otlp->batch, sample.t_ms, sample.v, sample.start_ms,
                                            err);
}

static void fill_result(struct otlp_push *otlp, const struct push_result *written, size_t points,
                        struct push_otlp_result *result)
{
        size_t rejected = otlp->rejected + written->refused_samples;

        buf_append_str(&otlp->reasons, str_slice(written->reasons, 0,
                                                 written->reasons.len < REASONS_MAX_BYTES
                                                         ? written->reasons.len
                                                         : REASONS_MAX_BYTES));
        *result = (struct push_otlp_result){points, rejected < points ? rejected : points,
                                            arena_str(otlp->arena, buf_str(&otlp->reasons))};
}

bool push_otlp_metrics(struct push *push, struct str message, const struct otlp_options *options,
                       struct arena *arena, struct push_otlp_result *ret_result,
                       struct error *err)
{
        struct otlp_push otlp = {.push = push, .batch = push_batch_new(push), .arena = arena,
                                 .reasons = BUF_INIT(2 * REASONS_MAX_BYTES)};
        struct otlp_metrics_sink sink = {take_sample, refuse, &otlp};
        struct push_result written;
        size_t points;
        bool ok;

        ok = otlp_metrics_read(message, options, arena, &sink, &points, err) &&
             push_batch_write(otlp.batch, &written, err);
        if (otlp.has_delta)
                delta_table_end(push_delta_table(push), ok);
        if (ok)
                fill_result(&otlp, &written, points, ret_result);
        push_batch_free(otlp.batch);
        buf_release(&otlp.reasons);
        return ok;
}
