/* The store as a sample_feed: its log, read behind the appenders. */
#include "model/feed.h"

#include "tsdb/exemplars_int.h"
#include "tsdb/sample_record_int.h"
#include "tsdb/store_int.h"

struct feed_reader {
        struct tsdb *tsdb;
        struct wal_tail tail;
        struct feed_batch *batch; /* of the read under way */
};

static struct feed_reader *feed_open(void *ctx, struct feed_position position)
{
        struct tsdb *tsdb = ctx;
        struct feed_reader *reader = alloc_new(&store_type, sizeof(*reader));

        reader->tsdb = tsdb;
        wal_tail_init(&reader->tail, tsdb->wal, position.segment, position.offset);
        return reader;
}

static void feed_close(struct feed_reader *reader)
{
        wal_tail_release(&reader->tail);
        alloc_free(&store_type, reader);
}

static void take_series(void *ctx, uint32_t id, struct labels labels)
{
        (void)ctx, (void)id, (void)labels; /* the index knows them */
}

static void take_sample(void *ctx, uint32_t series, struct sample sample)
{
        struct feed_reader *reader = ctx;

        feed_batch_add(reader->batch, &(struct feed_sample){
                                              .ref = series, .t_ms = sample.t_ms, .v = sample.v});
}

static void take_record(void *ctx, uint32_t series, int64_t t_ms, struct str bytes,
                        const struct sample_record *record)
{
        struct feed_reader *reader = ctx;
        struct feed_sample sample = {.ref = series, .t_ms = t_ms, .v = record->v,
                                     .start_ms = record->extra.start_ms};

        (void)bytes;
        if (record->extra.h)
                sample.h = histogram_copy(&reader->batch->arena, record->extra.h);
        feed_batch_add(reader->batch, &sample);
}

static void take_exemplar(void *ctx, const struct exemplar_item *item)
{
        struct feed_reader *reader = ctx;
        struct feed_exemplar taken = {.ref = item->series,
                                      .exemplar = {.t_ms = item->t_ms, .v = item->v}};
        struct str bytes = arena_str(&reader->batch->arena, item->labels);

        if (exemplar_labels_read(bytes, &reader->batch->arena, &taken.exemplar.labels))
                feed_batch_add_exemplar(reader->batch, &taken);
}

static bool feed_read(struct feed_reader *reader, size_t max, struct feed_batch *batch,
                      struct feed_position *ret_position, struct error *err)
{
        struct log_reader log = {take_series, take_sample, take_record, take_exemplar, reader};
        struct error failure = {.code = ERROR_NONE};
        struct str payload;
        uint8_t kind;

        reader->batch = batch;
        while (batch->sample_count < max && batch->exemplar_count < max &&
               wal_tail_next(&reader->tail, &kind, &payload, &failure))
                if (kind != LOG_SERIES && !log_read(kind, payload, &log))
                        continue; /* another kind, or damage that replay would report */
        if (failure.code != ERROR_NONE) {
                *err = failure;
                return false;
        }
        *ret_position = (struct feed_position){reader->tail.segment, reader->tail.offset};
        return true;
}

static bool feed_labels(void *ctx, series_ref ref, struct arena *arena,
                        struct labels *ret_labels)
{
        struct index *index = store_index(ctx);
        bool known = ref <= UINT32_MAX && index_knows(index, (uint32_t)ref);

        if (known) {
                uint32_t count;
                const uint32_t *pairs = index_record(index, (uint32_t)ref, &count);
                struct label *items = arena_array(arena, struct label, count);

                for (uint32_t i = 0; i < count; i++) {
                        struct index_pair pair = index_pair(index, pairs[i]);

                        items[i].name = arena_str(arena, index_symbol(index, pair.name));
                        items[i].value = arena_str(arena, index_symbol(index, pair.value));
                }
                *ret_labels = (struct labels){items, count};
        }
        index_unref(index);
        return known;
}

static struct feed_position feed_end(void *ctx)
{
        struct tsdb *tsdb = ctx;
        struct feed_position position;

        wal_end(tsdb->wal, &position.segment, &position.offset);
        return position;
}

static uint64_t feed_behind_bytes(void *ctx, struct feed_position position)
{
        struct tsdb *tsdb = ctx;

        return wal_bytes_behind(tsdb->wal, position.segment, position.offset);
}

static void feed_hold(void *ctx, uint64_t segment)
{
        struct tsdb *tsdb = ctx;

        wal_hold(tsdb->wal, segment);
}

static uint64_t feed_lost_bytes(void *ctx)
{
        struct tsdb *tsdb = ctx;
        struct wal_stats stats;

        wal_stats(tsdb->wal, &stats);
        return stats.held_lost_bytes;
}

struct sample_feed tsdb_feed(struct tsdb *tsdb)
{
        return (struct sample_feed){.open = feed_open,
                                    .close = feed_close,
                                    .read = feed_read,
                                    .labels = feed_labels,
                                    .end = feed_end,
                                    .behind_bytes = feed_behind_bytes,
                                    .hold = feed_hold,
                                    .lost_bytes = feed_lost_bytes,
                                    .ctx = tsdb};
}
