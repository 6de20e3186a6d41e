#include "collectors/scrape_protocol.h"

#include <strings.h>

static const struct {
        const char *name, *header;
        bool has_escaping;
} protocols[] = {
        [SCRAPE_PROMETHEUS_PROTO] = {"PrometheusProto",
                                     "application/vnd.google.protobuf;proto="
                                     "io.prometheus.client.MetricFamily;encoding=delimited", false},
        [SCRAPE_OPENMETRICS_0_0_1] = {"OpenMetricsText0.0.1",
                                      "application/openmetrics-text;version=0.0.1", false},
        [SCRAPE_OPENMETRICS_1_0_0] = {"OpenMetricsText1.0.0",
                                      "application/openmetrics-text;version=1.0.0", true},
        [SCRAPE_TEXT_0_0_4] = {"PrometheusText0.0.4", "text/plain;version=0.0.4", false},
        [SCRAPE_TEXT_1_0_0] = {"PrometheusText1.0.0", "text/plain;version=1.0.0", true},
};

enum scrape_protocol scrape_protocol_find(struct str name)
{
        for (size_t i = SCRAPE_PROTOCOL_NONE + 1; i < ARRAY_LEN(protocols); i++)
                if (str_is(name, protocols[i].name))
                        return (enum scrape_protocol)i;
        return SCRAPE_PROTOCOL_NONE;
}

struct scrape_protocols scrape_protocols_default(bool native_histograms)
{
        if (native_histograms)
                return (struct scrape_protocols){
                        {SCRAPE_PROMETHEUS_PROTO, SCRAPE_OPENMETRICS_1_0_0,
                         SCRAPE_OPENMETRICS_0_0_1, SCRAPE_TEXT_1_0_0, SCRAPE_TEXT_0_0_4}, 5};
        return (struct scrape_protocols){{SCRAPE_OPENMETRICS_1_0_0, SCRAPE_OPENMETRICS_0_0_1,
                                          SCRAPE_TEXT_1_0_0, SCRAPE_TEXT_0_0_4}, 4};
}

void scrape_protocols_accept(struct buf *out, const struct scrape_protocols *list,
                             struct str escaping)
{
        size_t weight = SCRAPE_PROTOCOLS + 1;

        for (size_t i = 0; i < list->count; i++, weight--) {
                buf_append_cstr(out, protocols[list->items[i]].header);
                if (protocols[list->items[i]].has_escaping)
                        buf_printf(out, ";escaping=" STR_FMT, STR_ARG(escaping));
                buf_printf(out, ";q=0.%zu,", weight);
        }
        buf_printf(out, "*/*;q=0.%zu", weight);
}

static bool is_media_type(struct str type, const char *name)
{
        return type.len == strlen(name) && strncasecmp(type.data, name, type.len) == 0;
}

bool scrape_protocol_of_answer(struct str content_type, enum scrape_protocol fallback,
                               enum scrape_protocol *ret_protocol, struct error *err)
{
        struct str rest = content_type, type;
        enum scrape_protocol protocol = fallback;

        BUG_ON(!str_cut(&rest, ';', &type));
        type = str_trim(type);
        if (is_media_type(type, "application/openmetrics-text"))
                protocol = SCRAPE_OPENMETRICS_1_0_0;
        else if (is_media_type(type, "application/vnd.google.protobuf"))
                protocol = SCRAPE_PROMETHEUS_PROTO;
        else if (is_media_type(type, "text/plain"))
                protocol = SCRAPE_TEXT_0_0_4;
        if (protocol != SCRAPE_PROTOCOL_NONE) {
                *ret_protocol = protocol;
                return true;
        }
        if (!type.len)
                return error_set(err, ERROR_INVALID,
                                 "non-compliant scrape target sending blank Content-Type and no "
                                 "fallback_scrape_protocol specified for target");
        return error_set(err, ERROR_INVALID,
                         "received unsupported Content-Type \"" STR_FMT "\" and no "
                         "fallback_scrape_protocol specified for target", STR_ARG(content_type));
}
