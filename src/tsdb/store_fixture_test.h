/* tsdb/store_fixture_test.h - a store through its public face: opened, filled, asked, in words that
 * fit a line. */
#ifndef TSDB_STORE_FIXTURE_TEST_H
#define TSDB_STORE_FIXTURE_TEST_H

#include "base/buf.h"
#include "tsdb/fixture_test.h"

/* ---- a store in a directory of its own ----------------------------------------------------- */

static int64_t fake_now_ms;

static inline int64_t fake_now_ns(void *ctx)
{
        (void)ctx;
        return fake_now_ms * 1000000;
}

static const struct clock fake_clock = {fake_now_ns, fake_now_ns, NULL};

enum { T0 = 1000000 };

struct fixture {
        char dir[64];
        struct tsdb_options options;
        struct tsdb *tsdb;
        struct series_sink sink;
        struct series_source source;
        struct error err;
};

static inline void open_store(struct fixture *f)
{
        assert_ok(tsdb_open(&f->tsdb, &f->options, &f->err), f->err);
        f->sink = tsdb_sink(f->tsdb);
        f->source = tsdb_source(f->tsdb);
}

static inline void setup(struct fixture *f)
{
        strcpy(f->dir, "/tmp/pitwall_tsdb_XXXXXX");
        assert_non_null(mkdtemp(f->dir));
        fake_now_ms = T0;
        tsdb_options_init(&f->options, f->dir);
        f->options.clock = &fake_clock;
        f->options.retention_ms = 0;
        f->options.max_ahead_ms = 0;
        f->options.manual = true;
        f->options.wal_segment_bytes = 1 << 20;
        open_store(f);
}

static inline void teardown(struct fixture *f)
{
        f->tsdb = tsdb_close(f->tsdb);
        remove_tree(f->dir);
}

static inline void reopen(struct fixture *f)
{
        f->tsdb = tsdb_close(f->tsdb);
        open_store(f);
}

/* "a=1,b=2" */
static inline struct labels parse_labels(struct arena *arena, const char *text)
{
        struct str rest = str_from(arena_str(arena, str_from(text)).data), pair;
        struct labels_builder builder;

        labels_builder_init(&builder, arena, (struct labels){0});
        while (str_cut(&rest, ',', &pair)) {
                struct str name;

                str_cut(&pair, '=', &name);
                labels_builder_set(&builder, name, pair);
        }
        return labels_builder_finish(&builder);
}

static inline series_ref resolve(struct fixture *f, const char *text)
{
        struct arena arena;
        series_ref ref;

        arena_init(&arena, SIZE_MAX);
        assert_ok(f->sink.resolve(f->sink.ctx, parse_labels(&arena, text), &ref, &f->err), f->err);
        arena_release(&arena);
        return ref;
}

static inline enum append_outcome append(struct fixture *f, series_ref ref, int64_t t_ms, double v)
{
        struct append_sample sample = {ref, t_ms, v};
        uint8_t outcome;

        assert_ok(f->sink.append(f->sink.ctx, &sample, NULL, 1, &outcome, &f->err), f->err);
        return outcome;
}

static inline void matcher_of(struct matcher *m, struct arena *arena, enum matcher_op op,
                       const char *name, const char *value)
{
        struct error err;

        assert_ok(matcher_init(m, arena, op, str_from(name), str_from(value), &err), err);
}

/* All that matches, as "labels: t v, t v; ...". */
static inline void assert_query(struct fixture *f, enum matcher_op op, const char *name,
                         const char *value, int64_t mint_ms, int64_t maxt_ms, const char *want)
{
        struct buf out = BUF_INIT(1 << 20);
        struct samples samples = {0};
        struct querier *querier;
        struct series_list list;
        struct matcher matcher;
        struct arena arena;

        arena_init(&arena, SIZE_MAX);
        matcher_of(&matcher, &arena, op, name, value);
        assert_ok(f->source.open(f->source.ctx, mint_ms, maxt_ms, &querier, &f->err), f->err);
        assert_ok(querier->ops->select(querier, &arena, &matcher, 1, NULL, &list, &f->err), f->err);
        for (size_t i = 0; i < list.count; i++) {
                samples_truncate(&samples, 0);
                assert_ok(querier->ops->read(querier, &list.items[i], mint_ms, maxt_ms, &samples,
                                             &f->err), f->err);
                buf_append_cstr(&out, i ? "; " : "");
                labels_format(&out, list.items[i].labels);
                for (size_t k = 0; k < samples.count; k++)
                        buf_printf(&out, "%s%lld %g", k ? ", " : ": ",
                                   (long long)(samples.t_ms[k] - T0), samples.v[k]);
        }
        querier->ops->close(querier);
        assert_str(buf_str(&out), want);
        samples_release(&samples);
        buf_release(&out);
        arena_release(&arena);
}

/* The same answer from memory, after a restart, from parts, and after a restart with parts. */
static inline void assert_query_everywhere(struct fixture *f, enum matcher_op op, const char *name,
                                    const char *value, const char *want)
{
        assert_query(f, op, name, value, INT64_MIN, INT64_MAX, want);
        reopen(f);
        assert_query(f, op, name, value, INT64_MIN, INT64_MAX, want);
        assert_ok(tsdb_seal(f->tsdb, &f->err), f->err);
        assert_query(f, op, name, value, INT64_MIN, INT64_MAX, want);
        reopen(f);
        assert_query(f, op, name, value, INT64_MIN, INT64_MAX, want);
}

#endif
