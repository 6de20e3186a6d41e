/* config/scrape_section_int.h - the global section and what scrape_configs inherit from it. */
#ifndef CONFIG_SCRAPE_SECTION_INT_H
#define CONFIG_SCRAPE_SECTION_INT_H

#include "collectors/scrape.h"
#include "config/decode_int.h"

/* What global and a scrape_config share. 0 in a scrape_config means: as global says. */
struct scrape_settings {
        int64_t interval_ms, timeout_ms;
        struct scrape_protocols protocols;
        uint64_t body_size_limit, sample_limit, target_limit, keep_dropped_targets;
        uint64_t series_limit, target_series_limit;
        uint64_t label_limit, label_name_length_limit, label_value_length_limit;
        struct str validation_scheme, escaping_scheme;
        bool extra_scrape_metrics;
        bool native_histograms, convert_classic, always_classic;
};

struct global_section {
        struct scrape_settings scrape;
        int64_t evaluation_interval_ms, rule_query_offset_ms;
        struct labels external_labels;
        uint64_t fingerprint; /* of the section's text */
};

bool decode_global(struct decoder *d, const struct yaml_node *node, struct global_section *global);

/* One item of scrape_configs; *ret_config gets one reference. */
bool decode_scrape_config(struct decoder *d, const struct yaml_node *node,
                          const struct global_section *global, struct scrape_config **ret_config);

#endif
