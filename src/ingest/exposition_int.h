/* ingest/exposition_int.h - what the parts of a scrape share: reading (exposition_read.c), the
 * labels of new series (exposition_labels.c), what families say of theirs
 * (exposition_families.c), what histograms need (exposition_parts.c), storing
 * (exposition_store.c), and what remains between scrapes (exposition.c). */
#ifndef INGEST_EXPOSITION_INT_H
#define INGEST_EXPOSITION_INT_H

#include "base/map.h"
#include "ingest/exposition.h"
#include "model/histogram_classic.h"

enum family_type { FAMILY_OTHER, FAMILY_COUNTER, FAMILY_SUMMARY, FAMILY_HISTOGRAM };

/* What a series is to its metric family. */
enum part_role { PART_VALUE, PART_BUCKET, PART_COUNT, PART_SUM, PART_CREATED, PART_NATIVE };

/* Series of one metric of a family, which differ in suffix, le or quantile, have one group. */
struct series_part {
        uint64_t group;
        double le; /* of a bucket */
        enum part_role role;
};

enum bound_label { BOUND_NONE, BOUND_LE, BOUND_QUANTILE };

struct scraped_series {
        series_ref ref;      /* SERIES_REF_NONE until resolved */
        uint32_t seen_in;    /* number of the last scrape that held it */
        uint32_t len;
        bool dropped;        /* by metric relabeling */
        bool counted;        /* in the limits of series */
        bool timed;          /* came with its own timestamp */
        bool has_part;       /* a struct series_part stands behind the text */
        uint8_t format;      /* enum exposition_format: of the text */
        uint8_t bound;       /* enum bound_label: this label is spelled as a float */
        uint16_t family;     /* number of its struct family_said */
        char text[];         /* as it stood in the body, or its protobuf key */
};

/* What a family says of its series that becomes labels; empty: nothing. */
struct family_said {
        struct str type, unit;
};

struct series_order {
        struct scraped_series **items;
        size_t count, capacity;
};

struct exposition {
        struct exposition_options options;
        struct series_sink sink;
        struct series_order order;   /* series of the last good scrape, as they stood there */
        struct map natives;          /* group -> struct scraped_series, made of classic ones */
        uint32_t scrape_number;
        int native_schema_max;
        uint64_t series_counted;     /* those with a place in the limits */
        bool all_stale;              /* staleness markers were written for all there is */
        struct map reports;          /* name -> struct scraped_series */
        struct metadata_table *metadata;
        struct map families;         /* type and unit -> struct family */
        struct family **family_list; /* by number, from 1; 0 says nothing */
        size_t family_capacity;
};

struct scraped_exemplar {
        const struct scraped_series *owner;
        struct exemplar exemplar;
};

/* The classic histogram whose series are being read, when it is to be made native. */
struct classic_under_way {
        bool active;
        uint64_t group;
        struct scraped_series *member; /* any of its series */
        struct histogram_classic buckets;
        size_t exemplar_from;          /* first of its exemplars */
        int64_t t_ms, start_ms;
        bool timed;
};

/* One scrape under way. */
struct scrape {
        struct exposition *exposition;
        enum exposition_format format;
        struct arena scratch;        /* for one series */
        struct arena data;           /* histograms and exemplars, until they are stored */
        struct exposition_result result;
        struct series_order order;   /* as it stands in this body */
        struct series_order added;   /* those of order that the scrape has made */
        struct map by_text;          /* old and added; built at the first surprise */
        bool indexed;
        size_t position;             /* in the old order */
        struct append_sample *samples;
        struct append_extra *extras; /* NULL until a sample needs one */
        struct scraped_series **owners; /* of each sample */
        size_t count, capacity, owner_capacity, extra_capacity;
        struct scraped_exemplar *exemplars;
        size_t exemplar_count, exemplar_capacity;
        struct str family;           /* name of the last TYPE */
        enum family_type family_type;
        size_t family_from;          /* its first sample */
        struct str said_of;          /* the family that the next two are of */
        struct family_said said;
        uint16_t said_number;        /* theirs in the exposition; 0 when they are no labels */
        struct classic_under_way classic;
        int64_t t_ms;
};

/* What a format says of one sample. */
struct scraped_sample {
        double v;
        const struct histogram *h; /* NULL: a float */
        int64_t t_ms, start_ms;
        bool has_timestamp;
};

/* ---- series ------------------------------------------------------------------------------- */

struct scraped_series *scraped_series_new(struct str text, const struct series_part *part);
struct scraped_series *scraped_series_free(struct scraped_series *series);
void series_order_reserve(struct series_order *order, size_t count);
void series_order_push(struct series_order *order, struct scraped_series *series);

static inline struct str scraped_series_text(const struct scraped_series *series)
{
        return str_make(series->text, series->len);
}

static inline struct series_part *scraped_series_part(struct scraped_series *series)
{
        uintptr_t end = (uintptr_t)series->text + series->len;

        return (struct series_part *)((end + 7) & ~(uintptr_t)7);
}

/* What make_labels says of a series beside its labels. */
struct series_traits {
        bool kept;             /* not dropped by relabeling */
        bool has_part;
        struct series_part part;
        enum bound_label bound;
        struct family_said said;
};

/* What a line of metadata says, or NULL. */
void scrape_describe(struct scrape *scrape, struct str family, const struct str *type,
                     const struct str *unit);
struct family_said exposition_family_said(const struct exposition *exposition, uint16_t number);
void exposition_families_release(struct exposition *exposition);

/* The labels a series of this text is stored under. A new series is given the scrape, to learn its
 * traits of the family it stands in; one that was seen is given NULL and its own traits. */
NODISCARD bool scraped_series_labels(const struct exposition_options *options,
                                     const struct scrape *scrape, struct arena *scratch,
                                     struct str text, enum exposition_format format,
                                     struct series_traits *traits, struct labels *ret_labels,
                                     struct error *err);

/* ---- one scrape --------------------------------------------------------------------------- */

/* Reads the body into samples, owners, extras and exemplars. */
NODISCARD bool scrape_read(struct scrape *scrape, struct str body, struct error *err);
/* Makes room for as many samples as the last scrape had. */
void scrape_samples_reserve(struct scrape *scrape);
void scrape_samples_release(struct scrape *scrape);
/* Resolves what is new and gives all to the sink. */
NODISCARD bool scrape_store(struct scrape *scrape, struct error *err);

/* Adds a sample of a series that is kept. */
NODISCARD bool scrape_push(struct scrape *scrape, struct scraped_series *series,
                           const struct scraped_sample *sample, struct error *err);
void scrape_set_start(struct scrape *scrape, size_t at, int64_t start_ms);
void scrape_push_exemplar(struct scrape *scrape, const struct scraped_series *series,
                          const struct exemplar *exemplar);

/* A sample of a series that has a part is about to be stored: ret_absorbed says that it became
 * part of a native histogram and is not stored itself. */
NODISCARD bool scrape_take_part(struct scrape *scrape, struct scraped_series *series,
                                const struct scraped_sample *sample, bool *ret_absorbed,
                                struct error *err);
/* The classic histogram under way, if any, is complete. */
NODISCARD bool scrape_end_classic(struct scrape *scrape, struct error *err);

#endif
