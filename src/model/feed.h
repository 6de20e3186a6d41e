/* model/feed.h - what a store has taken, read behind it, in the order it was taken: for those who
 * pass it on. A third seam beside those of model/series.h: the store implements it, ship/ reads.
 */
#ifndef MODEL_FEED_H
#define MODEL_FEED_H

#include "model/series.h"

/* A place in the store's log. All zero: the oldest there is. */
struct feed_position {
        uint64_t segment, offset;
};

struct feed_sample {
        series_ref ref;
        int64_t t_ms;
        double v;
        const struct histogram *h; /* NULL: a float */
        int64_t start_ms;          /* 0: unknown */
};

struct feed_exemplar {
        series_ref ref;
        struct exemplar exemplar;
};

struct feed_batch {
        struct arena arena; /* holds histograms and exemplars' labels */
        struct feed_sample *samples;
        size_t sample_count, sample_capacity;
        struct feed_exemplar *exemplars;
        size_t exemplar_count, exemplar_capacity;
};

void feed_batch_init(struct feed_batch *batch);
void feed_batch_clear(struct feed_batch *batch); /* keeps the room */
void feed_batch_release(struct feed_batch *batch);
void feed_batch_add(struct feed_batch *batch, const struct feed_sample *sample);
void feed_batch_add_exemplar(struct feed_batch *batch, const struct feed_exemplar *exemplar);

struct feed_reader;

struct sample_feed {
        struct feed_reader *(*open)(void *ctx, struct feed_position position);
        void (*close)(struct feed_reader *reader);
        /* Appends what follows to the batch until it holds `max` samples, as far as whole records
         * of the log allow; *ret_position is behind it. At the end of the log nothing is
         * appended. ERROR_IO. */
        bool (*read)(struct feed_reader *reader, size_t max, struct feed_batch *batch,
                     struct feed_position *ret_position, struct error *err);
        /* The labels of a series, in the arena; false when the store has forgotten it. */
        bool (*labels)(void *ctx, series_ref ref, struct arena *arena, struct labels *ret_labels);
        struct feed_position (*end)(void *ctx);
        /* Bytes of the log from the position to its end. */
        uint64_t (*behind_bytes)(void *ctx, struct feed_position position);
        /* Keeps the log from this segment on (as far as the store's limit for that goes), and
         * lets go of what is older. UINT64_MAX: nobody reads. */
        void (*hold)(void *ctx, uint64_t segment);
        /* Bytes that were removed though somebody held them: the store's limit was reached. */
        uint64_t (*lost_bytes)(void *ctx);
        void *ctx;
};

#endif
