/* The labels of a series that was not there in the scrape before. */
#include "base/hash.h"
#include "codec/double.h"
#include "formats/openmetrics.h"
#include "formats/prom_proto.h"
#include "formats/prom_text.h"
#include "ingest/exposition_int.h"

/* No honest series comes near these; they bound what one hostile line can cost. */
enum { LABELS_MAX = 1024, SERIES_TEXT_MAX_BYTES = 64 << 10 };

static bool parse(struct str text, enum exposition_format format, struct labels_builder *builder,
                  struct error *err)
{
        if (text.len > SERIES_TEXT_MAX_BYTES)
                return error_set(err, ERROR_LIMIT, "a series is longer than %d bytes: %.80s",
                                 SERIES_TEXT_MAX_BYTES, text.data);
        switch (format) {
        case EXPOSITION_TEXT:
                return prom_text_series(text, LABELS_MAX, builder, err);
        case EXPOSITION_OPENMETRICS:
                return openmetrics_series(text, LABELS_MAX, builder, err);
        case EXPOSITION_PROTO:
                return prom_proto_series(text, LABELS_MAX, builder, err);
        }
        return false;
}

/* ---- traits ------------------------------------------------------------------------------- */

static struct str bound_name(enum bound_label bound)
{
        return bound == BOUND_LE ? STR_LIT("le") : STR_LIT("quantile");
}

static enum bound_label family_bound(enum family_type type)
{
        return type == FAMILY_HISTOGRAM ? BOUND_LE
               : type == FAMILY_SUMMARY ? BOUND_QUANTILE : BOUND_NONE;
}

static bool has_suffix(struct str name, struct str family, const char *suffix)
{
        return str_starts_with(name, family) &&
               str_is(str_slice(name, family.len, name.len), suffix);
}

static enum part_role find_role(const struct scrape *scrape, const struct labels_builder *builder,
                                double *ret_le)
{
        struct str name = labels_builder_get(builder, LABEL_METRIC_NAME);

        if (has_suffix(name, scrape->family, "_created"))
                return PART_CREATED;
        if (scrape->family_type != FAMILY_HISTOGRAM)
                return PART_VALUE;
        if (has_suffix(name, scrape->family, "_bucket") &&
            double_parse(labels_builder_get(builder, STR_LIT("le")), ret_le) && *ret_le == *ret_le)
                return PART_BUCKET;
        return has_suffix(name, scrape->family, "_count") ? PART_COUNT
               : has_suffix(name, scrape->family, "_sum") ? PART_SUM : PART_VALUE;
}

static uint64_t hash_group(const struct scrape *scrape, const struct labels_builder *builder)
{
        struct str bound = bound_name(family_bound(scrape->family_type));
        uint64_t hash = hash_str(scrape->family);

        for (size_t i = 0; i < builder->count; i++) {
                const struct label *label = &builder->items[i];

                if (str_equal(label->name, LABEL_METRIC_NAME) || str_equal(label->name, bound))
                        continue;
                hash = hash_bytes_seeded(label->name.data, label->name.len, hash);
                hash = hash_bytes_seeded(label->value.data, label->value.len, hash);
        }
        return hash;
}

/* Only what could get a start time, or become part of a native histogram, has a part. */
static void find_traits(const struct scrape *scrape, const struct labels_builder *builder,
                        struct series_traits *traits)
{
        bool created = scrape->format == EXPOSITION_OPENMETRICS &&
                       scrape->family_type != FAMILY_OTHER;
        bool classic = scrape->exposition->options.convert_classic &&
                       scrape->format != EXPOSITION_PROTO &&
                       scrape->family_type == FAMILY_HISTOGRAM;

        *traits = (struct series_traits){
                .bound = family_bound(scrape->family_type),
                .said = exposition_family_said(scrape->exposition, scrape->said_number),
        };
        traits->has_part = created || classic;
        if (!traits->has_part)
                return;
        traits->part.role = find_role(scrape, builder, &traits->part.le);
        traits->part.group = hash_group(scrape, builder);
}

/* le="1" and le="1.0" are one series, whatever the format. */
static void spell_bound(struct labels_builder *builder, enum bound_label bound)
{
        struct str name = bound_name(bound), value;
        double v;
        char *text;

        if (bound == BOUND_NONE)
                return;
        value = labels_builder_get(builder, name);
        if (!value.len || !double_parse(value, &v))
                return;
        text = arena_alloc(builder->arena, DOUBLE_TEXT_MAX);
        labels_builder_set(builder, name,
                           str_make(text, double_format(text, v, DOUBLE_OPENMETRICS)));
}

/* What the family says goes before what the line says. */
static void set_said(struct labels_builder *builder, const struct family_said *said)
{
        if (said->type.len)
                labels_builder_set(builder, STR_LIT("__type__"), said->type);
        if (said->unit.len)
                labels_builder_set(builder, STR_LIT("__unit__"), said->unit);
}

/* ---- what the scrape config says ----------------------------------------------------------- */

/* Whether a line says that a label is empty, with which Pushgateway asks for none to be attached.
 * No value can hold the text that is looked for: its quotes would be escaped. */
static bool is_said_empty(struct arena *arena, struct str text, struct str name)
{
        struct str said = str_from(arena_printf(arena, STR_FMT "=\"\"", STR_ARG(name)));

        for (size_t at = 1; at + said.len <= text.len; at++) {
                char before = text.data[at - 1];

                if ((before == '{' || before == ',' || before == ' ') &&
                    memcmp(text.data + at, said.data, said.len) == 0)
                        return true;
        }
        return false;
}

static void attach_target_labels(const struct exposition_options *options, struct str text,
                                 struct labels_builder *builder)
{
        for (size_t i = 0; i < options->target_labels.count; i++) {
                const struct label *label = &options->target_labels.items[i];
                struct str scraped = labels_builder_get(builder, label->name);
                struct str renamed = label->name;

                if (options->honor_labels &&
                    (scraped.len || is_said_empty(builder->arena, text, label->name)))
                        continue;
                if (scraped.len) {
                        do
                                renamed = str_from(arena_printf(builder->arena,
                                                                "exported_" STR_FMT,
                                                                STR_ARG(renamed)));
                        while (labels_builder_get(builder, renamed).len ||
                               labels_has(options->target_labels, renamed));
                        labels_builder_set(builder, renamed, scraped);
                }
                labels_builder_set(builder, label->name, label->value);
        }
}

static bool check_limits(const struct exposition_options *options, struct labels labels,
                         struct error *err)
{
        struct str metric = labels_get(labels, LABEL_METRIC_NAME);
        int shown = metric.len > 50 ? 50 : (int)metric.len;

        if (options->label_limit && labels.count > options->label_limit)
                return error_set(err, ERROR_LIMIT,
                                 "label_limit exceeded (metric: %.*s, number of labels: %zu, "
                                 "limit: %llu)", shown, metric.data, labels.count,
                                 (unsigned long long)options->label_limit);
        for (size_t i = 0; i < labels.count; i++) {
                const struct label *label = &labels.items[i];

                if (options->label_name_length_limit &&
                    label->name.len > options->label_name_length_limit)
                        return error_set(err, ERROR_LIMIT,
                                         "label_name_length_limit exceeded (metric: %.*s, label "
                                         "name: %.*s, length: %zu, limit: %llu)", shown,
                                         metric.data,
                                         label->name.len > 50 ? 50 : (int)label->name.len,
                                         label->name.data, label->name.len,
                                         (unsigned long long)options->label_name_length_limit);
                if (options->label_value_length_limit &&
                    label->value.len > options->label_value_length_limit)
                        return error_set(err, ERROR_LIMIT,
                                         "label_value_length_limit exceeded (metric: %.*s, label "
                                         "name: %.*s, value: \"%.*s\", length: %zu, limit: %llu)",
                                         shown, metric.data,
                                         label->name.len > 50 ? 50 : (int)label->name.len,
                                         label->name.data,
                                         label->value.len > 50 ? 50 : (int)label->value.len,
                                         label->value.data, label->value.len,
                                         (unsigned long long)options->label_value_length_limit);
        }
        return true;
}

static bool check_names(struct labels labels, struct error *err)
{
        for (size_t i = 0; i < labels.count; i++) {
                const struct label *label = &labels.items[i];
                bool metric = str_equal(label->name, LABEL_METRIC_NAME);

                if (metric ? !metric_name_is_legacy(label->value)
                           : !label_name_is_legacy(label->name))
                        return error_set(err, ERROR_INVALID,
                                         "invalid metric name or label names: " STR_FMT,
                                         STR_ARG(metric ? label->value : label->name));
        }
        return true;
}

bool scraped_series_labels(const struct exposition_options *options, const struct scrape *scrape,
                           struct arena *scratch, struct str text,
                           enum exposition_format format, struct series_traits *traits,
                           struct labels *ret_labels, struct error *err)
{
        struct labels_builder builder;

        labels_builder_init(&builder, scratch, (struct labels){0});
        if (!parse(text, format, &builder, err))
                return false;
        if (scrape)
                find_traits(scrape, &builder, traits);
        spell_bound(&builder, traits->bound);
        set_said(&builder, &traits->said);
        attach_target_labels(options, text, &builder);
        traits->kept = relabel_apply(options->metric_relabel, &builder);
        *ret_labels = labels_builder_finish(&builder);
        if (!traits->kept || ret_labels->count == 0) {
                traits->kept = false;
                return true;
        }
        if (!labels_get(*ret_labels, LABEL_METRIC_NAME).len)
                return error_set(err, ERROR_INVALID,
                                 "missing metric name (__name__ label) after relabeling");
        if (options->legacy_names && !check_names(*ret_labels, err))
                return false;
        return check_limits(options, *ret_labels, err);
}
