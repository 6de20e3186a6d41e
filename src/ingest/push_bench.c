/* What a remote write request costs without HTTP and store: nanoseconds of CPU per sample to
 * decode and resolve, one sample a series as Prometheus sends it, when all series are
 * known. Usage: push_bench [series] [rounds] */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "codec/protobuf.h"
#include "formats/remote_write.h"
#include "ingest/push.h"

enum { PER_REQUEST = 2000 };

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
        memset(outcomes, APPEND_OK, count);
        return true;
}

static void write_request(struct buf *out, enum remote_write_version version, size_t from,
                          unsigned round)
{
        struct remote_write_writer writer;
        struct arena arena;

        arena_init(&arena, 64 << 20);
        remote_write_writer_init(&writer, version, 64 << 20, &arena);
        for (size_t i = from; i < from + PER_REQUEST; i++) {
                char metric[64], instance[32], desk[32];

                snprintf(metric, sizeof(metric), "gateway_orders_%zu_total", i / 100 % 1000);
                snprintf(instance, sizeof(instance), "10.1.%zu.%zu:9100", i / 100000 % 256,
                         i / 1000 % 256);
                snprintf(desk, sizeof(desk), "rates-%zu", i % 100);
                struct label items[] = {{LABEL_METRIC_NAME, str_from(metric)},
                                        {STR_LIT("desk"), str_from(desk)},
                                        {STR_LIT("instance"), str_from(instance)},
                                        {STR_LIT("job"), STR_LIT("gateway")},
                                        {STR_LIT("side"), STR_LIT("buy")},
                                        {STR_LIT("status"), STR_LIT("filled")},
                                        {STR_LIT("venue"), STR_LIT("XLON")}};

                remote_write_begin_series(&writer, (struct labels){items, ARRAY_LEN(items)}, NULL);
                remote_write_put_sample(&writer, 1700000000000 + round * 15000,
                                        (double)(i * 31 + round * 7) + (double)(i % 97) / 100, 0);
                remote_write_end_series(&writer);
        }
        if (!remote_write_finish(&writer, out))
                abort();
        remote_write_writer_release(&writer);
        arena_release(&arena);
}

static void take_request(struct push *push, enum remote_write_version version, struct str message)
{
        struct push_batch *batch = push_batch_new(push);
        struct remote_write_entry entry;
        struct remote_write reader;
        struct push_result result;
        enum remote_write_kind kind = REMOTE_WRITE_ERROR;
        struct arena arena;
        struct error err;
        bool ok;

        arena_init(&arena, 64 << 20);
        ok = remote_write_init(&reader, version, message, &arena, &err);
        while (ok && (kind = remote_write_next(&reader, &entry, &err)) != REMOTE_WRITE_END &&
               kind != REMOTE_WRITE_ERROR)
                ok = kind == REMOTE_WRITE_SERIES
                             ? push_batch_series(batch, entry.key, NULL, &err)
                             : push_batch_sample(batch, entry.t_ms, entry.v, entry.start_ms, &err);
        if (kind != REMOTE_WRITE_END || !push_batch_write(batch, &result, &err) ||
            result.samples != PER_REQUEST)
                abort();
        push_batch_free(batch);
        arena_release(&arena);
}

static double measure(enum remote_write_version version, size_t series, unsigned rounds)
{
        series_ref refs = 0;
        struct series_sink sink = {.resolve = null_resolve, .append = null_append, .ctx = &refs};
        struct push *push = push_new(&sink);
        int64_t cpu_ns = 0;

        for (unsigned round = 0; round <= rounds; round++) {
                for (size_t from = 0; from < series; from += PER_REQUEST) {
                        struct buf message CLEANUP(buf_release) = BUF_INIT(64 << 20);
                        int64_t before;

                        write_request(&message, version, from, round);
                        before = clock_thread_cpu_ns();
                        take_request(push, version, buf_str(&message));
                        if (round)
                                cpu_ns += clock_thread_cpu_ns() - before;
                }
        }
        push_free(push);
        return (double)cpu_ns / (double)series / rounds;
}

int main(int argc, char **argv)
{
        size_t series = argc > 1 ? strtoul(argv[1], NULL, 10) : 20000;
        unsigned rounds = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 50;

        printf("remote write 1.0: %.1f ns per sample\n", measure(REMOTE_WRITE_1, series, rounds));
        printf("remote write 2.0: %.1f ns per sample\n", measure(REMOTE_WRITE_2, series, rounds));
        return 0;
}
