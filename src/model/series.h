/* model/series.h - the two seams between metric stores and those who read and write them.
 *
 * A store implements both; promql reads a series_source, ingest writes a series_sink; server/
 * joins them. Stores know no language, languages know no store.
 */
#ifndef MODEL_SERIES_H
#define MODEL_SERIES_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/error.h"
#include "model/labels.h"
#include "model/histogram.h"
#include "model/matcher.h"
#include "model/sample.h"

/* ---- reading ---------------------------------------------------------------------------- */

/* One selected series. `ref` belongs to the querier it came from. */
struct series {
        struct labels labels;
        uint64_t ref;
};

struct series_list {
        struct series *items; /* sorted by labels_compare, each label set once */
        size_t count;
};

/* An example of what a counter or a histogram counted: usually a trace id. */
struct exemplar {
        struct labels labels;
        int64_t t_ms;
        double v;
};

/* A condition on series: all of its matchers hold. */
struct series_selector {
        const struct matcher *matchers;
        size_t count;
};

struct exemplar_series {
        struct labels labels; /* of the series */
        const struct exemplar *exemplars; /* by time */
        size_t count;
};

/* A consistent view of the store over [mint_ms, maxt_ms], both inclusive. What one read returns,
 * every later read of the same or a later querier returns too, also after a crash. */
struct querier;

struct querier_ops {
        /* Series that match all matchers and may have samples in the querier's range. The list
         * and its labels live in `arena`. ERROR_LIMIT when the arena's budget is reached,
         * ERROR_CANCELED when `cancel` (may be NULL) became true. */
        bool (*select)(struct querier *querier, struct arena *arena,
                       const struct matcher *matchers, size_t matcher_count,
                       const atomic_bool *cancel, struct series_list *ret_list,
                       struct error *err);
        /* Appends the samples of one series in [mint_ms, maxt_ms] to `samples`, in time order,
         * one per timestamp, staleness markers included (as floats, whatever the series holds);
         * histograms live in the samples' arena. May be called by several threads at once for
         * one querier. */
        bool (*read)(struct querier *querier, const struct series *series, int64_t mint_ms,
                     int64_t maxt_ms, struct samples *samples, struct error *err);
        /* Sorted, unique label names, or values of one label, of the series that match; with
         * matcher_count 0, of all series in range. `limit` 0 means all. In the arena. */
        bool (*label_names)(struct querier *querier, struct arena *arena,
                            const struct matcher *matchers, size_t matcher_count,
                            struct str **ret_names, size_t *ret_count, struct error *err);
        bool (*label_values)(struct querier *querier, struct arena *arena, struct str name,
                             const struct matcher *matchers, size_t matcher_count,
                             struct str **ret_values, size_t *ret_count, struct error *err);
        /* Exemplars in [mint_ms, maxt_ms] of the series that match any of the selectors, series
         * sorted by labels, those without exemplars left out. NULL when the store keeps none. */
        bool (*exemplars)(struct querier *querier, struct arena *arena,
                          const struct series_selector *selectors, size_t selector_count,
                          struct exemplar_series **ret_series, size_t *ret_count,
                          struct error *err);
        /* What went wrong so far without failing what was asked, each text once; they live until
         * close. Not while another call is under way. NULL when nothing ever does. */
        const char *const *(*warnings)(struct querier *querier, size_t *ret_count);
        void (*close)(struct querier *querier);
};

struct querier {
        const struct querier_ops *ops;
};

static inline const char *const *querier_warnings(struct querier *querier, size_t *ret_count)
{
        *ret_count = 0;
        return querier->ops->warnings ? querier->ops->warnings(querier, ret_count) : NULL;
}

struct series_source {
        /* Opens a querier; thread-safe. The caller ends it with querier->ops->close(). */
        bool (*open)(void *ctx, int64_t mint_ms, int64_t maxt_ms, struct querier **ret_querier,
                     struct error *err);
        void *ctx;
};

/* ---- writing ---------------------------------------------------------------------------- */

/* A resolved series: valid until the store forgets the series (it then answers
 * APPEND_UNKNOWN_SERIES, and the writer resolves again). Never reused for another series. */
typedef uint64_t series_ref;
#define SERIES_REF_NONE ((series_ref)0)

struct append_sample {
        series_ref ref;
        int64_t t_ms;
        double v;
};

/* What few samples have, in an array beside them. All zero: a plain float sample. */
struct append_extra {
        const struct histogram *h; /* validated; NULL: a float */
        int64_t start_ms;          /* since when a counter counts; 0: unknown */
};

struct append_exemplar {
        series_ref ref;
        struct exemplar exemplar;
};

enum append_outcome {
        APPEND_OK = 0,
        APPEND_DUPLICATE_SAME,   /* same timestamp, same bits: nothing to do, not an error */
        APPEND_DUPLICATE_OTHER,  /* same timestamp, other value: refused */
        APPEND_OUT_OF_ORDER,     /* older than the newest, no out-of-order window */
        APPEND_TOO_OLD,          /* older than the out-of-order window */
        APPEND_TOO_FAR_AHEAD,    /* beyond what the store accepts of the future */
        APPEND_UNKNOWN_SERIES,   /* resolve again */
};

struct series_sink {
        /* Finds or creates the series of a label set. ERROR_LIMIT when a series limit is
         * reached, ERROR_FULL when the disk is full. Thread-safe; the labels are copied. */
        bool (*resolve)(void *ctx, struct labels labels, series_ref *ret_ref,
                        struct error *err);
        /* Appends a batch: logged and visible when it returns true. extras (count entries, may
         * be NULL) belong to the samples; outcomes (count entries, may be NULL) tells of each
         * sample what became of it; refused samples do not fail the batch. Fails as a whole,
         * storing nothing, only with ERROR_FULL. Everything given is copied. Thread-safe. */
        bool (*append)(void *ctx, const struct append_sample *samples,
                       const struct append_extra *extras, size_t count, uint8_t *outcomes,
                       struct error *err);
        /* The same for exemplars. One that repeats the newest of its series, or one that is
         * already there, is APPEND_DUPLICATE_SAME; an older one is APPEND_OUT_OF_ORDER. NULL
         * when the store keeps none. */
        bool (*append_exemplars)(void *ctx, const struct append_exemplar *exemplars, size_t count,
                                 uint8_t *outcomes, struct error *err);
        void *ctx;
};

#endif
