/* template/prometheus.h - the functions that Prometheus gives to the templates of its rules. */
#ifndef TEMPLATE_PROMETHEUS_H
#define TEMPLATE_PROMETHEUS_H

#include "template/template.h"

/* The ctx of a run that uses them. */
struct template_prometheus {
        int64_t now_ms;           /* of the evaluation */
        const char *external_url; /* "" if there is none */
        const char *path_prefix;  /* the path of the external URL */
        /* Evaluates an instant query at now_ms. Fills a result that was made by
         * template_prometheus_sample(), with the reason otherwise. */
        bool (*query)(void *ctx, struct str expression, struct arena *arena,
                      struct template_value **ret_samples, size_t *ret_count, struct error *err);
        void *query_ctx;
};

extern const struct template_function template_prometheus_functions[];

/* A sample as `query` returns them; labels are a map of strings. */
struct template_value template_prometheus_sample(struct arena *arena, struct template_value labels,
                                                 double value);

/* What a rule's template is told, and the text that gives it $labels, $value and the others: it
 * goes before the text. */
extern const char template_prometheus_definitions[];
struct template_value template_prometheus_data(struct arena *arena, struct template_value labels,
                                               struct template_value external_labels,
                                               const char *external_url,
                                               struct template_value value);

#endif
