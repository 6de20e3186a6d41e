/* collectors/scrape.h - scraping: pools of targets, each fetched on its own schedule and stored
 * through its exposition. Semantics: Prometheus's scrape loop and <scrape_config>.
 *
 * One thread keeps the schedule, the HTTP client's thread moves bytes, workers parse and store,
 * so that a slow or hostile target delays no other. A target that Pitwall itself provides (the
 * host, its own metrics) is rendered instead of fetched, and is the same in all else.
 */
#ifndef COLLECTORS_SCRAPE_H
#define COLLECTORS_SCRAPE_H

#include <stdatomic.h>

#include "collectors/discovery.h"
#include "collectors/scrape_protocol.h"
#include "model/relabel.h"
#include "model/series.h"

struct metric_metadata; /* ingest/metadata.h */

/* One scrape_config, complete with what it inherits from global. Immutable and counted: config/
 * makes it with one reference, a pool holds another while it runs. */
struct scrape_config {
        atomic_int references;
        struct arena arena;      /* holds everything below */
        uint64_t fingerprint;    /* equal means: the same configuration, the pool may go on */
        struct str job_name;
        int64_t interval_ms, timeout_ms;
        struct str metrics_path, scheme;
        const struct label *params; /* in order; a name may repeat */
        size_t param_count;
        bool honor_labels, honor_timestamps, track_timestamps_staleness;
        bool enable_compression, extra_scrape_metrics;
        struct scrape_protocols protocols;
        enum scrape_protocol fallback_protocol;
        struct str escaping;     /* asked of the target for names beyond the legacy characters */
        bool native_histograms, convert_classic, always_classic; /* a target's labels override */
        double native_bucket_factor_min;
        uint64_t native_bucket_limit;
        bool legacy_names;       /* refuse such names */
        uint64_t body_size_limit, sample_limit, target_limit, keep_dropped_targets;
        uint64_t series_limit, target_series_limit; /* at one time, of all targets and of each */
        struct series_quota *series_quota; /* of all targets; made with the config */
        uint64_t label_limit, label_name_length_limit, label_value_length_limit;
        const struct http_client_options *http;
        struct relabel_rules relabel, metric_relabel;
        const struct target_group *static_groups;
        size_t static_group_count;
        const struct discovery_config *discoveries;
        size_t discovery_count;
        /* A built-in target: writes its exposition. One static target stands for it. */
        void (*render)(void *ctx, struct buf *out);
        void *render_ctx;
        struct str render_url;   /* where the same text is served */
};

struct scrape_config *scrape_config_new(void);
struct scrape_config *scrape_config_ref(struct scrape_config *config);
struct scrape_config *scrape_config_unref(struct scrape_config *config); /* returns NULL */

/* For those who look at a configuration. Valid only inside the visit. */
struct found_target {
        struct labels discovered; /* before relabeling */
        struct labels relabeled;  /* after it, with all but __meta_ labels; empty: dropped */
        const char *error;        /* why it cannot be scraped; or NULL */
};

/* Finds the targets of a configuration once: the static ones, and those of its discoveries once
 * each has found something, at most after the timeout; 0: the static ones alone. */
void scrape_config_find_targets(struct scrape_config *config, int64_t timeout_ms,
                                void (*visit)(const struct found_target *target, void *ctx),
                                void *ctx);

enum target_health { TARGET_UNKNOWN, TARGET_UP, TARGET_DOWN };

/* What the targets page shows. Valid only inside the visit. */
struct target_status {
        struct str job_name;
        struct labels labels;     /* of its series */
        struct labels discovered; /* before relabeling */
        struct str url;
        enum target_health health;
        struct str last_error;
        int64_t last_scrape_ms;   /* 0: never */
        double last_duration_s;
        int64_t interval_ms, timeout_ms;
        bool dropped;             /* by relabeling; url and state are empty then */
};

struct scrape_manager;

/* With type_and_unit_labels series get __type__ and __unit__, of what their families say. */
struct scrape_manager *scrape_manager_new(const struct series_sink *sink, unsigned worker_count,
                                          bool type_and_unit_labels);
/* Stops scraping; scrapes under way are abandoned. Writes no staleness markers, as Prometheus
 * writes none when it stops. */
struct scrape_manager *scrape_manager_free(struct scrape_manager *manager);

/* Makes these the running configs: pools that did not change go on undisturbed, others are
 * started or ended (with staleness markers). Takes its own references. */
void scrape_manager_apply(struct scrape_manager *manager, struct scrape_config *const *configs,
                          size_t count);

void scrape_manager_each(struct scrape_manager *manager,
                         void (*visit)(const struct target_status *target, void *ctx), void *ctx);
void scrape_manager_each_metadata(struct scrape_manager *manager,
                                  void (*visit)(const struct target_status *target,
                                                const struct metric_metadata *metadata,
                                                void *ctx),
                                  void *ctx);
/* Calls visit for the config of one pool; false when there is none of that name. */
NODISCARD bool scrape_manager_find_pool(struct scrape_manager *manager, struct str job_name,
                                        void (*visit)(const struct scrape_config *config,
                                                      void *ctx),
                                        void *ctx);
/* Targets dropped by relabeling in one pool, those not kept among them. */
void scrape_manager_each_pool(struct scrape_manager *manager,
                              void (*visit)(struct str job_name, size_t dropped, void *ctx),
                              void *ctx);

#endif
