#include <stdlib.h>

#include "rules/runner_int.h"

static int compare_outputs(const void *a, const void *b)
{
        return labels_compare(((const struct rule_output *)a)->labels,
                              ((const struct rule_output *)b)->labels);
}

bool recording_evaluate(struct evaluation *eval, struct error *err)
{
        struct promql_result result;

        if (!evaluation_query(eval, eval->rule->parsed, &result, err))
                return false;
        for (size_t i = 0; i < result.series_count; i++) {
                const struct promql_series *series = &result.series[i];
                struct labels_builder builder;

                labels_builder_init(&builder, eval->arena, series->labels);
                labels_builder_set(&builder, LABEL_METRIC_NAME, eval->rule->record);
                for (size_t k = 0; k < eval->labels.count; k++)
                        labels_builder_set(&builder, eval->labels.items[k].name,
                                           eval->labels.items[k].value);
                evaluation_add(eval, labels_builder_finish(&builder), series->v[0],
                               series->h ? series->h[0] : NULL);
        }
        if (eval->count)
                qsort(eval->outputs, eval->count, sizeof(*eval->outputs), compare_outputs);
        for (size_t i = 1; i < eval->count; i++)
                if (labels_equal(eval->outputs[i - 1].labels, eval->outputs[i].labels))
                        return error_set(err, ERROR_EXECUTION,
                                         "vector contains metrics with the same labelset after "
                                         "applying rule labels");
        if (eval->limit && eval->count > eval->limit)
                return error_set(err, ERROR_LIMIT, "exceeded limit of %llu with %zu series",
                                 (unsigned long long)eval->limit, eval->count);
        return true;
}
