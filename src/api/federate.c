/* /federate: the newest sample of every series that matches, as an exposition to be scraped. */
#include <stdlib.h>

#include "api/api_int.h"
#include "codec/double.h"

struct federation {
        struct http_request *request;
        struct http_response *response;
        struct querier *querier;
        struct labels external;  /* added where a series lacks them */
        int64_t from_ms, to_ms;
        bool utf8_names;         /* the client takes names in quotes */
        struct str family;       /* whose TYPE was written last */
};

/* ---- text ---------------------------------------------------------------------------------- */

static void write_quoted(struct buf *out, struct str text)
{
        buf_append_byte(out, '"');
        for (size_t i = 0; i < text.len; i++) {
                char c = text.data[i];

                if (c == '\\' || c == '"' || c == '\n') {
                        buf_append_byte(out, '\\');
                        buf_append_byte(out, c == '\n' ? 'n' : c);
                } else {
                        buf_append_byte(out, c);
                }
        }
        buf_append_byte(out, '"');
}

/* Underscores for what a legacy name may not hold. */
static void write_escaped(struct buf *out, struct str name, bool metric)
{
        for (size_t i = 0; i < name.len; i++) {
                char c = name.data[i];
                bool letter = ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' ||
                              (metric && c == ':');

                if ((c & 0xc0) == 0x80)
                        continue; /* inside a character */
                buf_append_byte(out, letter || (i > 0 && c >= '0' && c <= '9') ? c : '_');
        }
}

static void write_name(struct federation *f, struct str name, bool metric)
{
        struct buf *out = &f->response->body;

        if (metric ? metric_name_is_legacy(name) : label_name_is_legacy(name))
                buf_append_str(out, name);
        else if (f->utf8_names)
                write_quoted(out, name);
        else
                write_escaped(out, name, metric);
}

static void write_label(struct federation *f, struct label label, bool *first)
{
        struct buf *out = &f->response->body;

        buf_append_byte(out, *first ? '{' : ',');
        *first = false;
        write_name(f, label.name, false);
        buf_append_byte(out, '=');
        write_quoted(out, label.value);
}

static void write_series(struct federation *f, struct str name, struct labels labels)
{
        struct buf *out = &f->response->body;
        bool inside = f->utf8_names && !metric_name_is_legacy(name), first = true;

        if (inside)
                buf_append_byte(out, '{');
        write_name(f, name, true);
        first = !inside;
        for (size_t i = 0; i < labels.count; i++)
                if (!str_equal(labels.items[i].name, LABEL_METRIC_NAME))
                        write_label(f, labels.items[i], &first);
        for (size_t i = 0; i < f->external.count; i++)
                if (!labels_has(labels, f->external.items[i].name))
                        write_label(f, f->external.items[i], &first);
        if (!first)
                buf_append_byte(out, '}');
}

static void write_sample(struct federation *f, struct labels labels, struct sample sample)
{
        struct buf *out = &f->response->body;
        struct str name = labels_get(labels, LABEL_METRIC_NAME);

        if (!name.len)
                return;
        if (!str_equal(name, f->family)) {
                buf_append_cstr(out, "# TYPE ");
                write_name(f, name, true);
                buf_append_cstr(out, " untyped\n");
                f->family = name;
        }
        write_series(f, name, labels);
        buf_append_byte(out, ' ');
        double_append(out, sample.v, DOUBLE_API);
        buf_printf(out, " %lld\n", (long long)sample.t_ms);
}

/* ---- reading ------------------------------------------------------------------------------- */

static int compare_by_name(const void *a_ptr, const void *b_ptr)
{
        const struct series *a = a_ptr, *b = b_ptr;
        int order = str_compare(labels_get(a->labels, LABEL_METRIC_NAME),
                                labels_get(b->labels, LABEL_METRIC_NAME));

        return order ? order : labels_compare(a->labels, b->labels);
}

/* The series of all selectors, each once, families together. */
static bool collect(struct federation *f, const struct api_selectors *selectors,
                    struct series_list *ret_list, struct error *err)
{
        struct arena *arena = f->request->arena;
        struct series_list *lists = arena_array(arena, struct series_list, selectors->count);
        struct series_list all = {0};
        size_t kept = 0;

        for (size_t i = 0; i < selectors->count; i++) {
                if (!f->querier->ops->select(f->querier, arena, selectors->items[i].matchers,
                                             selectors->items[i].count, &f->request->canceled,
                                             &lists[i], err))
                        return false;
                all.count += lists[i].count;
        }
        all.items = arena_array(arena, struct series, all.count + 1);
        all.count = 0;
        for (size_t i = 0; i < selectors->count; i++) {
                if (lists[i].count)
                        memcpy(all.items + all.count, lists[i].items,
                               lists[i].count * sizeof(*all.items));
                all.count += lists[i].count;
        }
        qsort(all.items, all.count, sizeof(*all.items), compare_by_name);
        for (size_t i = 0; i < all.count; i++)
                if (!kept || !labels_equal(all.items[kept - 1].labels, all.items[i].labels))
                        all.items[kept++] = all.items[i];
        all.count = kept;
        *ret_list = all;
        return true;
}

static bool write_all(struct federation *f, const struct series_list *list, struct error *err)
{
        struct samples samples = {0};
        bool ok = true;

        for (size_t i = 0; i < list->count && ok && !f->response->body.overflow; i++) {
                size_t last;

                samples_truncate(&samples, 0);
                ok = f->querier->ops->read(f->querier, &list->items[i], f->from_ms, f->to_ms,
                                           &samples, err);
                if (!ok || !samples.count)
                        continue;
                last = samples.count - 1;
                /* A native histogram has no form in text. */
                if (!sample_is_stale(samples.v[last]) && !samples_histogram(&samples, last))
                        write_sample(f, list->items[i].labels,
                                     (struct sample){samples.t_ms[last], samples.v[last]});
        }
        samples_release(&samples);
        return ok;
}

static struct labels with_instance(struct api *api, struct arena *arena)
{
        struct labels external = api->external_labels(api->ctx, arena);
        struct label *items;

        if (labels_has(external, STR_LIT("instance")))
                return external;
        items = arena_array(arena, struct label, external.count + 1);
        if (external.count)
                memcpy(items, external.items, external.count * sizeof(*items));
        items[external.count] = (struct label){STR_LIT("instance"), STR_LIT("")};
        return (struct labels){items, external.count + 1};
}

static void fail(struct http_request *request, struct http_response *response, int status,
                 const struct error *err)
{
        http_response_text(response, status, arena_printf(request->arena, "%s\n", err->text));
}

static void handle_federate(struct http_request *request, struct http_response *response,
                            void *ctx)
{
        struct api *api = ctx;
        struct federation f = {.request = request, .response = response};
        struct api_selectors selectors;
        struct series_list list;
        struct error err;
        bool ok;

        if (!api_selectors(request, &selectors, &err)) {
                fail(request, response, 400, &err);
                return;
        }
        f.to_ms = clock_now_ms(api->clock);
        f.from_ms = f.to_ms - api->query_options->lookback_ms + 1;
        f.external = with_instance(api, request->arena);
        f.utf8_names = str_contains(http_request_header(request, "Accept"),
                                    STR_LIT("escaping=allow-utf-8"));
        if (!api->source.open(api->source.ctx, f.from_ms, f.to_ms, &f.querier, &err)) {
                fail(request, response, 500, &err);
                return;
        }
        response->content_type = f.utf8_names
                ? "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8"
                : "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";
        ok = collect(&f, &selectors, &list, &err) && write_all(&f, &list, &err);
        if (!ok)
                fail(request, response, 500, &err);
        f.querier->ops->close(f.querier);
}

void api_federate_register(struct api *api, struct http_router *router)
{
        http_router_add(router, "GET", "/federate", handle_federate, api);
}
