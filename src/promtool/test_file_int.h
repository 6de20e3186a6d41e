/* promtool/test_file_int.h - files of tests of rules, as Prometheus's promtool reads them. */
#ifndef PROMTOOL_TEST_FILE_INT_H
#define PROMTOOL_TEST_FILE_INT_H

#include "base/arena.h"
#include "model/labels.h"

struct histogram;

struct expected_alert {
        struct labels labels, annotations;
};

struct alert_case {
        int64_t at_ms;
        struct str alert;
        const struct expected_alert *expected; /* sorted, alertname among the labels */
        size_t count;
};

struct expected_sample {
        struct labels labels;
        double v;
        const struct histogram *h; /* NULL: a float */
};

struct expr_case {
        int64_t at_ms;
        struct str expr;
        const struct expected_sample *expected; /* sorted */
        size_t count;
};

/* One element of `tests`. */
struct rule_test {
        struct str name;
        int64_t gap_ms;           /* between the values of the input */
        const struct str *input;  /* name{a="b"} 1 2 3 */
        size_t input_count;
        const struct alert_case *alerts;
        size_t alert_count;
        const struct expr_case *exprs;
        size_t expr_count;
        struct labels external_labels;
        struct str external_url;
        int64_t last_ms; /* the latest time that a case asks for */
};

struct rule_test_file {
        const struct str *rule_files; /* patterns, as written */
        size_t rule_file_count;
        int64_t interval_ms;
        const struct str *group_order;
        size_t group_order_count;
        bool fuzzy_compare;
        const struct rule_test *tests;
        size_t count;
};

/* For qsort(): alerts by labels and annotations, samples by labels. */
int expected_alert_compare(const void *a, const void *b);
int expected_sample_compare(const void *a, const void *b);

/* In the arena. The error is that of the whole file. */
NODISCARD bool rule_test_file_load(struct arena *arena, const char *path,
                                   bool ignore_unknown_fields, struct rule_test_file *ret_file,
                                   struct error *err);

#endif
