/* Results of queries as promtool prints them: the String and the JSON of Prometheus's model. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/double.h"
#include "model/labels.h"
#include "promtool/query_int.h"

enum { TEXT_MAX_BYTES = 1 << 30 };

static size_t child_count(const struct json_value *list)
{
        size_t count = 0;

        for (const struct json_value *child = list->first; child; child = child->next)
                count++;
        return count;
}

static struct labels labels_of(struct arena *arena, const struct json_value *metric)
{
        struct labels_builder builder;

        labels_builder_init(&builder, arena, (struct labels){0});
        for (const struct json_value *label = metric ? metric->first : NULL; label;
             label = label->next)
                labels_builder_set(&builder, label->key, label->text);
        return labels_builder_finish(&builder);
}

void query_append_metric(struct buf *out, struct arena *arena, const struct json_value *metric)
{
        labels_format(out, labels_of(arena, metric));
}

/* ---- text ----------------------------------------------------------------------------------- */

static void append_time(struct buf *out, const struct json_value *point)
{
        buf_append_cstr(out, " @[");
        double_append(out, point->first->number, DOUBLE_F);
        buf_append_byte(out, ']');
}

static void append_fixed(struct buf *out, struct str text)
{
        double v;

        if (!double_parse(text, &v) || !isfinite(v))
                buf_append_str(out, text);
        else
                buf_printf(out, "%f", v);
}

/* Count: 4.000000, Sum: 5.000000, Buckets: [(1,2]:4] */
static void append_histogram(struct buf *out, const struct json_value *h)
{
        const struct json_value *count = json_find(h, "count"), *sum = json_find(h, "sum");
        const struct json_value *buckets = json_find(h, "buckets");

        buf_append_cstr(out, "Count: ");
        append_fixed(out, count ? count->text : STR_LIT("0"));
        buf_append_cstr(out, ", Sum: ");
        append_fixed(out, sum ? sum->text : STR_LIT("0"));
        buf_append_cstr(out, ", Buckets: [");
        for (const struct json_value *b = buckets ? buckets->first : NULL; b; b = b->next) {
                const struct json_value *lower, *upper;
                int boundaries = (int)(b->first ? b->first->number : 0);

                if (child_count(b) != 4)
                        continue;
                lower = b->first->next;
                upper = lower->next;
                buf_printf(out, "%s%c" STR_FMT "," STR_FMT "%c:" STR_FMT,
                           b == buckets->first ? "" : " ", boundaries & 1 ? '[' : '(',
                           STR_ARG(lower->text), STR_ARG(upper->text),
                           boundaries == 0 || boundaries == 3 ? ']' : ')',
                           STR_ARG(upper->next->text));
        }
        buf_append_byte(out, ']');
}

/* [1700000000, "1"] as 1 @[1700000000]. */
static void append_point(struct buf *out, const struct json_value *point)
{
        if (child_count(point) != 2)
                return;
        if (point->first->next->kind == JSON_OBJECT)
                append_histogram(out, point->first->next);
        else
                buf_append_str(out, point->first->next->text);
        append_time(out, point);
}

static void append_points(struct buf *out, const struct json_value *points)
{
        for (const struct json_value *p = points ? points->first : NULL; p; p = p->next) {
                buf_append_byte(out, '\n');
                append_point(out, p);
        }
}

static void append_sample(struct buf *out, struct arena *arena, const struct json_value *sample)
{
        const struct json_value *value = json_find(sample, "value");
        const struct json_value *histogram = json_find(sample, "histogram");

        query_append_metric(out, arena, json_find(sample, "metric"));
        buf_append_cstr(out, " =>");
        if (value || histogram) {
                buf_append_byte(out, ' ');
                append_point(out, value ? value : histogram);
                return;
        }
        append_points(out, json_find(sample, "values"));
        append_points(out, json_find(sample, "histograms"));
}

static void append_value(struct buf *out, struct arena *arena, const struct json_value *data)
{
        const struct json_value *type = json_find(data, "resultType");
        const struct json_value *result = json_find(data, "result");

        if (!type || !result)
                return;
        if (str_is(type->text, "string") && child_count(result) == 2) {
                buf_append_str(out, result->first->next->text);
        } else if (str_is(type->text, "scalar")) {
                buf_append_cstr(out, "scalar: ");
                append_point(out, result);
        } else {
                for (const struct json_value *sample = result->first; sample;
                     sample = sample->next) {
                        if (sample != result->first)
                                buf_append_byte(out, '\n');
                        append_sample(out, arena, sample);
                }
        }
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static void append_json(struct buf *out, struct arena *arena, const struct json_value *value);

static int compare_keys(const void *a_ptr, const void *b_ptr)
{
        const struct json_value *a = *(const struct json_value *const *)a_ptr;
        const struct json_value *b = *(const struct json_value *const *)b_ptr;

        return str_compare(a->key, b->key);
}

/* A metric's labels in order of their names, as Go writes a map. */
static void append_map(struct buf *out, struct arena *arena, const struct json_value *object)
{
        size_t count = child_count(object), i = 0;
        const struct json_value **children = arena_array(arena, const struct json_value *,
                                                         count + 1);

        for (const struct json_value *child = object->first; child; child = child->next)
                children[i++] = child;
        qsort(children, count, sizeof(*children), compare_keys);
        buf_append_byte(out, '{');
        for (i = 0; i < count; i++) {
                if (i)
                        buf_append_byte(out, ',');
                append_json_string(out, children[i]->key);
                buf_append_byte(out, ':');
                append_json(out, arena, children[i]);
        }
        buf_append_byte(out, '}');
}

static void append_json(struct buf *out, struct arena *arena, const struct json_value *value)
{
        switch (value->kind) {
        case JSON_NULL:
                buf_append_cstr(out, "null");
                return;
        case JSON_BOOL:
                buf_append_cstr(out, value->boolean ? "true" : "false");
                return;
        case JSON_NUMBER:
                double_append(out, value->number, DOUBLE_F);
                return;
        case JSON_STRING:
                append_json_string(out, value->text);
                return;
        case JSON_OBJECT:
                append_map(out, arena, value);
                return;
        case JSON_ARRAY:
                break;
        }
        buf_append_byte(out, '[');
        for (const struct json_value *child = value->first; child; child = child->next) {
                if (child != value->first)
                        buf_append_byte(out, ',');
                append_json(out, arena, child);
        }
        buf_append_byte(out, ']');
}

static void print(const struct buf *out)
{
        printf(STR_FMT "\n", STR_ARG(buf_str(out)));
}

void query_print_value(struct arena *arena, const struct json_value *data, bool json)
{
        struct buf out CLEANUP(buf_release) = BUF_INIT(TEXT_MAX_BYTES);

        if (json && json_find(data, "result"))
                append_json(&out, arena, json_find(data, "result"));
        else
                append_value(&out, arena, data);
        print(&out);
}

void query_print_series(struct arena *arena, const struct json_value *data, bool json)
{
        struct buf out CLEANUP(buf_release) = BUF_INIT(TEXT_MAX_BYTES);

        if (json) {
                append_json(&out, arena, data);
                print(&out);
                return;
        }
        for (const struct json_value *series = data->first; series; series = series->next) {
                struct labels labels = labels_of(arena, series);

                buf_clear(&out);
                labels_append_set(&out, labels, ", ");
                print(&out);
        }
}

void query_print_values(struct arena *arena, const struct json_value *data, bool json)
{
        struct buf out CLEANUP(buf_release) = BUF_INIT(TEXT_MAX_BYTES);

        if (json) {
                append_json(&out, arena, data);
                print(&out);
                return;
        }
        for (const struct json_value *value = data->first; value; value = value->next)
                printf(STR_FMT "\n", STR_ARG(value->text));
}
