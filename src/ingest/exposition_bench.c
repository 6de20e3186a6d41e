/* What a scrape costs without fetching and storing: nanoseconds of CPU per sample for each format,
 * when nothing moved since the scrape before. Usage: exposition_bench [series] [scrapes] */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "codec/protobuf.h"
#include "ingest/exposition.h"

static bool null_resolve(void *ctx, struct labels labels, series_ref *ret_ref, struct error *err)
{
        (void)labels, (void)err;
        *ret_ref = ++*(series_ref *)ctx;
        return true;
}

static bool null_append(void *ctx, const struct append_sample *samples,
                        const struct append_extra *extras, size_t count, uint8_t *outcomes,
                        struct error *err)
{
        (void)ctx, (void)samples, (void)extras, (void)err;
        if (outcomes)
                memset(outcomes, APPEND_OK, count);
        return true;
}

enum { PER_FAMILY = 100 };

static void write_text(struct buf *out, size_t series, unsigned round)
{
        for (size_t i = 0; i < series; i++) {
                size_t family = i / PER_FAMILY, desk = i % PER_FAMILY;

                if (desk == 0)
                        buf_printf(out, "# HELP gateway_orders_%zu Orders sent.\n"
                                   "# TYPE gateway_orders_%zu counter\n", family, family);
                buf_printf(out, "gateway_orders_%zu_total{venue=\"XLON\",desk=\"rates-%zu\","
                           "side=\"buy\",status=\"filled\"} %zu.%zu\n", family, desk,
                           i * 31 + round * 7, i % 97);
        }
}

static void write_openmetrics(struct buf *out, size_t series, unsigned round)
{
        write_text(out, series, round);
        buf_append_cstr(out, "# EOF\n");
}

static void put_label(struct buf *out, const char *name, const char *value)
{
        size_t begun = protobuf_begin(out, 1);

        protobuf_put_bytes(out, 1, str_from(name));
        protobuf_put_bytes(out, 2, str_from(value));
        protobuf_end(out, begun);
}

static void write_family(struct buf *out, size_t family, unsigned round)
{
        char name[64], desk[32];

        snprintf(name, sizeof(name), "gateway_orders_%zu_total", family);
        protobuf_put_bytes(out, 1, str_from(name));
        protobuf_put_bytes(out, 2, STR_LIT("Orders sent."));
        for (size_t i = 0; i < PER_FAMILY; i++) {
                size_t metric = protobuf_begin(out, 4), counter;

                snprintf(desk, sizeof(desk), "rates-%zu", i);
                put_label(out, "venue", "XLON");
                put_label(out, "desk", desk);
                put_label(out, "side", "buy");
                put_label(out, "status", "filled");
                counter = protobuf_begin(out, 3);
                protobuf_put_double(out, 1, (double)(i * 31 + round * 7) + (double)(i % 97) / 100);
                protobuf_end(out, counter);
                protobuf_end(out, metric);
        }
}

static void write_proto(struct buf *out, size_t series, unsigned round)
{
        for (size_t family = 0; family < series / PER_FAMILY; family++) {
                struct buf message CLEANUP(buf_release) = BUF_INIT(1 << 20);

                write_family(&message, family, round);
                protobuf_put_varint(out, message.len);
                buf_append_str(out, buf_str(&message));
        }
}

static const struct {
        const char *name;
        enum exposition_format format;
        void (*write)(struct buf *out, size_t series, unsigned round);
} formats[] = {{"text", EXPOSITION_TEXT, write_text},
               {"openmetrics", EXPOSITION_OPENMETRICS, write_openmetrics},
               {"protobuf", EXPOSITION_PROTO, write_proto}};

static double measure(size_t at, size_t series, unsigned scrapes)
{
        series_ref refs = 0;
        struct series_sink sink = {.resolve = null_resolve, .append = null_append, .ctx = &refs};
        struct exposition_options options = {.honor_timestamps = true};
        struct exposition *exposition = exposition_new(&options, &sink);
        int64_t cpu_ns = 0;

        for (unsigned round = 0; round <= scrapes; round++) {
                struct buf body CLEANUP(buf_release) = BUF_INIT(1 << 30);
                struct exposition_result result;
                struct error err;
                int64_t before;

                formats[at].write(&body, series, round);
                before = clock_thread_cpu_ns();
                if (!exposition_ingest(exposition, formats[at].format, buf_str(&body),
                                       1000 * round, &result, &err)) {
                        fprintf(stderr, "%s\n", err.text);
                        exit(1);
                }
                if (round)
                        cpu_ns += clock_thread_cpu_ns() - before;
        }
        exposition_free(exposition);
        return (double)cpu_ns / (double)series / scrapes;
}

int main(int argc, char **argv)
{
        size_t series = argc > 1 ? strtoul(argv[1], NULL, 10) : 10000;
        unsigned scrapes = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 200;

        for (size_t i = 0; i < ARRAY_LEN(formats); i++)
                printf("%s: %.1f ns per sample\n", formats[i].name, measure(i, series, scrapes));
        return 0;
}
