#include "formats/remote_write.h"

#include <math.h>

#include "codec/protobuf.h"
#include "testing/unit.h"

struct fixture {
        struct arena arena;
        struct buf body, out;
        struct remote_write_writer writer;
};

static void setup(struct fixture *f, enum remote_write_version version)
{
        *f = (struct fixture){.body = BUF_INIT(1 << 20), .out = BUF_INIT(1 << 20)};
        arena_init(&f->arena, 1 << 20);
        remote_write_writer_init(&f->writer, version, 1 << 20, &f->arena);
}

static void teardown(struct fixture *f)
{
        remote_write_writer_release(&f->writer);
        buf_release(&f->body);
        buf_release(&f->out);
        arena_release(&f->arena);
}

static void print_metadata(struct buf *out, const struct remote_write_metadata *metadata)
{
        buf_printf(out, "%.*s %s [%.*s] %.*s\n", STR_ARG(metadata->metric), metadata->type,
                   STR_ARG(metadata->unit), STR_ARG(metadata->help));
}

static void print_labels(struct fixture *f, struct str key)
{
        struct labels_builder builder;
        struct error err;

        labels_builder_init(&builder, &f->arena, (struct labels){0});
        if (remote_write_labels(key, &builder, &err))
                labels_format(&f->out, labels_builder_finish(&builder));
        else
                buf_append_cstr(&f->out, err.text);
        buf_append_cstr(&f->out, " ");
}

static const struct histogram_span spans[] = {{-3, 1}, {2, 2}};
static const double counts[] = {1, 5, 2}, bounds[] = {-1, 0.5, 2};
static const struct histogram integer = {
        .schema = 3, .integer = true, .reset = HISTOGRAM_RESET_YES, .zero_threshold = 0.001,
        .zero_count = 4, .count = 20, .sum = -7.5,
        .positive = {spans, counts, 2, 3}, .negative = {spans, counts, 2, 3}};
static const struct histogram floating = {
        .schema = -4, .reset = HISTOGRAM_GAUGE, .zero_count = 0.5, .count = 8.5, .sum = NAN,
        .negative = {spans, counts, 2, 3}};
static const struct histogram_span custom_spans[] = {{1, 3}};
static const struct histogram custom = {
        .schema = HISTOGRAM_SCHEMA_CUSTOM, .integer = true, .count = 8, .sum = 3,
        .positive = {custom_spans, counts, 1, 3}, .custom_values = bounds, .custom_count = 3};

static const char *name_histogram(const struct histogram *h)
{
        static const struct {
                const struct histogram *h;
                const char *name;
        } known[] = {{&integer, "integer"}, {&floating, "floating"}, {&custom, "custom"}};

        for (size_t i = 0; i < ARRAY_LEN(known); i++)
                if (histogram_same(h, known[i].h) && h->reset == known[i].h->reset)
                        return known[i].name;
        return "another";
}

static void print_entry(struct fixture *f, enum remote_write_kind kind,
                        const struct remote_write_entry *entry)
{
        struct buf *out = &f->out;

        switch (kind) {
        case REMOTE_WRITE_SERIES:
                print_labels(f, entry->key);
                print_metadata(out, &entry->metadata);
                break;
        case REMOTE_WRITE_SAMPLE:
                buf_printf(out, "  %g @%lld since %lld\n", entry->v, (long long)entry->t_ms,
                           (long long)entry->start_ms);
                break;
        case REMOTE_WRITE_HISTOGRAM:
                buf_printf(out, "  %s @%lld since %lld\n",
                           entry->h ? name_histogram(entry->h) : entry->error.text,
                           (long long)entry->t_ms, (long long)entry->start_ms);
                break;
        case REMOTE_WRITE_EXEMPLAR:
                buf_append_cstr(out, "  # ");
                labels_format(out, entry->exemplar.labels);
                buf_printf(out, " %g @%lld\n", entry->exemplar.v,
                           (long long)entry->exemplar.t_ms);
                break;
        case REMOTE_WRITE_METADATA:
                print_metadata(out, &entry->metadata);
                break;
        case REMOTE_WRITE_END:
        case REMOTE_WRITE_ERROR:
                break;
        }
}

static void check(struct fixture *f, enum remote_write_version version, struct str body,
                  const char *want)
{
        struct remote_write_entry entry;
        struct remote_write reader;
        enum remote_write_kind kind;
        struct error err;

        buf_clear(&f->out);
        assert_ok(remote_write_init(&reader, version, body, &f->arena, &err), err);
        while ((kind = remote_write_next(&reader, &entry, &err)) != REMOTE_WRITE_END) {
                if (kind == REMOTE_WRITE_ERROR)
                        fail_msg("%s", err.text);
                print_entry(f, kind, &entry);
        }
        assert_str(buf_str(&f->out), want);
}

/* By hand, after the messages of the two specifications. */
static void test_bytes(void **state)
{
        static const struct str first = STR_LIT(
                "\x0a\x2e"                                     /* timeseries */
                "\x0a\x0e\x0a\x08__name__\x12\x02up"           /* label */
                "\x0a\x06\x0a\x01"
                "b\x12\x01"
                "2"
                "\x0a\x06\x0a\x01"
                "a\x12\x01"
                "1"
                "\x12\x0c\x09\x00\x00\x00\x00\x00\x00\xf8\x3f" /* sample 1.5 */
                "\x10\xe8\x07"                                 /* at 1000 */
                "\x0a\x12"
                "\x0a\x0c\x0a\x08__name__\x12\x00"
                "\x12\x02\x10\x05"                             /* sample 0 at 5 */
                "\x1a\x0b\x08\x01\x12\x02up\x22\x01h\x2a\x00"); /* metadata */
        static const struct str second = STR_LIT(
                "\x22\x00\x22\x08__name__\x22\x02up\x22\x01h"  /* symbols */
                "\x2a\x1b"
                "\x0a\x02\x01\x02"                             /* __name__ = up */
                "\x12\x0f\x09\x00\x00\x00\x00\x00\x00\xf8\x3f"
                "\x10\xe8\x07\x18\xf4\x03"                     /* 1.5 at 1000 since 500 */
                "\x2a\x04\x08\x02\x18\x03"                     /* gauge, help h */
                "\x2a\x0a\x0a\x02\x01\x02\x12\x02\x10\x07\x30\x09"); /* drafts: since 9 */
        struct fixture f;

        (void)state;
        setup(&f, REMOTE_WRITE_1);
        check(&f, REMOTE_WRITE_1, first,
              "up{a=\"1\", b=\"2\"}  unknown [] \n"
              "  1.5 @1000 since 0\n"
              "series has no metric name  unknown [] \n"
              "  0 @5 since 0\n"
              "up counter [] h\n");
        check(&f, REMOTE_WRITE_2, second,
              "up  gauge [] h\n"
              "  1.5 @1000 since 500\n"
              "up  unknown [] \n"
              "  0 @7 since 9\n");
        teardown(&f);
}

static const struct label label_items[] = {
        {STR_LIT("__name__"), STR_LIT("h")}, {STR_LIT("a"), STR_LIT("x\"y")}};
static const struct labels series_labels = {label_items, 2};

static void write_all(struct fixture *f)
{
        static const struct label trace[] = {{STR_LIT("trace_id"), STR_LIT("x\"y")}};
        struct remote_write_metadata metadata = {STR_LIT("h"), "gaugehistogram", STR_LIT("Help."),
                                                 STR_LIT("s")};

        remote_write_begin_series(&f->writer, series_labels, &metadata);
        remote_write_put_sample(&f->writer, 1700000000123, -0.0, 1600000000000);
        remote_write_put_sample(&f->writer, 0, 0, 0);
        remote_write_put_histogram(&f->writer, 5, &integer, 3);
        remote_write_put_histogram(&f->writer, 6, &floating, 0);
        remote_write_put_histogram(&f->writer, 7, &custom, 0);
        remote_write_put_exemplar(&f->writer, &(struct exemplar){{trace, 1}, 9, 2.5});
        remote_write_put_exemplar(&f->writer, &(struct exemplar){{NULL, 0}, -1, 0});
        remote_write_end_series(&f->writer);
        remote_write_begin_series(&f->writer, (struct labels){label_items, 1}, NULL);
        remote_write_end_series(&f->writer);
        if (f->writer.version == REMOTE_WRITE_1)
                remote_write_put_metadata(&f->writer, &metadata);
        assert_true(remote_write_finish(&f->writer, &f->body));
}

#define BACK(since, since_h)                                                                \
        "  -0 @1700000000123 since " since "\n  0 @0 since 0\n"                             \
        "  integer @5 since " since_h "\n  floating @6 since 0\n  custom @7 since 0\n"       \
        "  # {trace_id=\"x\\\"y\"} 2.5 @9\n  # {} 0 @-1\n"

/* What is written is read back. */
static void test_round_trip(void **state)
{
        struct fixture f;

        (void)state;
        setup(&f, REMOTE_WRITE_1);
        write_all(&f);
        check(&f, REMOTE_WRITE_1, buf_str(&f.body),
              "h{a=\"x\\\"y\"}  unknown [] \n" BACK("0", "0")
              "h  unknown [] \nh gaugehistogram [s] Help.\n");
        teardown(&f);
        setup(&f, REMOTE_WRITE_2);
        write_all(&f);
        check(&f, REMOTE_WRITE_2, buf_str(&f.body),
              "h{a=\"x\\\"y\"}  gaugehistogram [s] Help.\n" BACK("1600000000000", "3")
              "h  unknown [] \n");
        teardown(&f);
}

static struct str first_key(struct fixture *f, enum remote_write_version version)
{
        struct remote_write_entry entry;
        struct remote_write reader;
        struct error err;

        assert_ok(remote_write_init(&reader, version, buf_str(&f->body), &f->arena, &err), err);
        assert_int_equal(remote_write_next(&reader, &entry, &err), REMOTE_WRITE_SERIES);
        return entry.key;
}

/* A series has one key, whichever message brings it. */
static void test_keys(void **state)
{
        struct fixture first, second;
        struct str key;

        (void)state;
        setup(&first, REMOTE_WRITE_1);
        setup(&second, REMOTE_WRITE_2);
        write_all(&first);
        write_all(&second);
        key = remote_write_key(&first.arena, series_labels);
        assert_true(str_equal(first_key(&first, REMOTE_WRITE_1), key));
        assert_true(str_equal(first_key(&second, REMOTE_WRITE_2), key));
        teardown(&first);
        teardown(&second);
}

/* Labels behind samples, or between them, as no known writer has them. */
static void test_scattered_labels(void **state)
{
        static const struct str body = STR_LIT("\x0a\x20"
                                               "\x12\x02\x10\x01"
                                               "\x0a\x06\x0a\x01"
                                               "a\x12\x01"
                                               "1"
                                               "\x12\x02\x10\x02"
                                               "\x0a\x0e\x0a\x08__name__\x12\x02up");
        struct fixture f;

        (void)state;
        setup(&f, REMOTE_WRITE_1);
        check(&f, REMOTE_WRITE_1, body, "up{a=\"1\"}  unknown [] \n  0 @1 since 0\n"
              "  0 @2 since 0\n");
        teardown(&f);
}

static void check_labels(const struct label *items, size_t count, const char *want)
{
        struct labels_builder builder;
        struct arena arena;
        struct error err;

        arena_init(&arena, 1 << 20);
        labels_builder_init(&builder, &arena, (struct labels){0});
        assert_false(remote_write_labels(remote_write_key(&arena, (struct labels){items, count}),
                                         &builder, &err));
        assert_str(str_from(err.text), want);
        arena_release(&arena);
}

static void test_bad_labels(void **state)
{
        static const struct label name = {STR_LIT("__name__"), STR_LIT("up")};
        const struct label twice[] = {name, name};
        const struct label repeated[] = {name, {STR_LIT("a"), STR_LIT("1")},
                                         {STR_LIT("a"), STR_LIT("2")}};
        const struct label nameless[] = {name, {STR_LIT(""), STR_LIT("1")}};
        const struct label broken[] = {name, {STR_LIT("a"), STR_LIT("\xff")}};
        const struct label empty[] = {{STR_LIT("__name__"), STR_LIT("")}};

        (void)state;
        check_labels(twice, 2, "duplicated label: \"__name__\"");
        check_labels(repeated, 3, "duplicated label: \"a\"");
        check_labels(nameless, 2, "empty label name of the value: \"1\"");
        check_labels(broken, 2, "label is not valid UTF-8: \"a\"");
        check_labels(empty, 1, "series has no metric name");
        check_labels(NULL, 0, "series has no metric name");
}

static bool reads(enum remote_write_version version, struct str body)
{
        struct remote_write_entry entry;
        struct remote_write reader;
        enum remote_write_kind kind = REMOTE_WRITE_ERROR;
        struct arena arena;
        struct error err;

        arena_init(&arena, 1 << 20);
        if (remote_write_init(&reader, version, body, &arena, &err))
                do
                        kind = remote_write_next(&reader, &entry, &err);
                while (kind != REMOTE_WRITE_END && kind != REMOTE_WRITE_ERROR);
        arena_release(&arena);
        return kind == REMOTE_WRITE_END;
}

/* A cut message is refused, but for the cut behind a whole field. */
static void test_cut(void **state)
{
        for (int version = REMOTE_WRITE_1; version <= REMOTE_WRITE_2; version++) {
                struct protobuf_field field;
                struct fixture f;
                struct reader r;
                size_t whole = 0;

                (void)state;
                setup(&f, (enum remote_write_version)version);
                write_all(&f);
                r = reader_make(f.body.data, f.body.len);
                while (protobuf_next(&r, &field)) {
                        size_t next = (size_t)((const char *)r.pos - f.body.data);

                        for (size_t len = whole + 1; len < next; len++)
                                assert_false(reads((enum remote_write_version)version,
                                                   str_make(f.body.data, len)));
                        assert_true(reads((enum remote_write_version)version,
                                          str_make(f.body.data, next)) ||
                                    version == REMOTE_WRITE_2);
                        whole = next;
                }
                assert_true(reads((enum remote_write_version)version, buf_str(&f.body)));
                teardown(&f);
        }
}

static void test_bad_references(void **state)
{
        static const struct str bad[] = {
                STR_LIT("\x22\x00\x2a\x04\x0a\x02\x00\x01"),     /* no symbol 1 */
                STR_LIT("\x22\x00\x2a\x03\x0a\x01\x00"),         /* a name without a value */
                STR_LIT("\x22\x00\x2a\x06\x22\x04\x0a\x02\x00\x07"), /* in an exemplar */
                STR_LIT("\x22\x00\x2a\x04\x2a\x02\x18\x07"),     /* in metadata */
                STR_LIT("\x22\x00\x2a\x0d\x0a\x0b\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
                STR_LIT("\x20\x01"),                             /* a symbol that is a number */
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                if (reads(REMOTE_WRITE_2, bad[i]))
                        fail_msg("took request %zu", i);
}

/* A few bytes that ask for a long symbol again and again end at the arena's budget. */
static void test_amplification(void **state)
{
        struct buf body CLEANUP(buf_release) = BUF_INIT(1 << 20);
        size_t series;

        (void)state;
        protobuf_put_bytes(&body, 4, str_make((const char[60000]){0}, 60000));
        for (int i = 0; i < 100; i++) {
                series = protobuf_begin(&body, 5);
                protobuf_put_bytes(&body, 1, STR_LIT("\0\0\0\0\0\0\0\0"));
                protobuf_end(&body, series);
        }
        assert_false(reads(REMOTE_WRITE_2, buf_str(&body)));
}

/* A histogram that counts wrongly costs itself, not the request. */
static void test_bad_histogram(void **state)
{
        struct histogram wrong = integer;
        struct fixture f;

        (void)state;
        setup(&f, REMOTE_WRITE_2);
        wrong.count = 21;
        remote_write_begin_series(&f.writer, (struct labels){label_items, 1}, NULL);
        remote_write_put_histogram(&f.writer, 5, &wrong, 0);
        remote_write_put_sample(&f.writer, 6, 1, 0);
        remote_write_end_series(&f.writer);
        assert_true(remote_write_finish(&f.writer, &f.body));
        check(&f, REMOTE_WRITE_2, buf_str(&f.body),
              "h  unknown [] \n"
              "  20 observations found in buckets, but the Count field is 21: histogram's "
              "observation count should equal the number of observations found in the buckets "
              "@5 since 0\n"
              "  1 @6 since 0\n");
        teardown(&f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_bytes),          cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_keys),           cmocka_unit_test(test_scattered_labels),
                cmocka_unit_test(test_bad_labels),     cmocka_unit_test(test_cut),
                cmocka_unit_test(test_bad_references), cmocka_unit_test(test_amplification),
                cmocka_unit_test(test_bad_histogram),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
