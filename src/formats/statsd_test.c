#include "formats/statsd.h"

#include "formats/graphite.h"
#include "testing/unit.h"

static void check_statsd(const char *line, const char *expected)
{
        static const char *const types[] = {"c", "g", "ms", "h", "s", "nothing"};
        struct buf out CLEANUP(buf_release) = BUF_INIT(1 << 12);
        struct statsd_line parsed;
        struct arena arena;
        struct error err;
        struct str value;

        arena_init(&arena, 1 << 20);
        if (!statsd_parse(str_from(line), &arena, &parsed, &err)) {
                buf_append_cstr(&out, err.text);
        } else {
                buf_printf(&out, "%.*s", STR_ARG(parsed.name));
                labels_format(&out, parsed.tags);
                buf_printf(&out, " %s", types[parsed.type]);
                if (parsed.rate != 1)
                        buf_printf(&out, " @%g", parsed.rate);
                while (statsd_next_value(&parsed, &value))
                        buf_printf(&out, " %.*s", STR_ARG(value));
        }
        assert_str(buf_str(&out), expected);
        arena_release(&arena);
}

/* The examples of statsd's and DogStatsD's documentation. */
static void test_statsd(void **state)
{
        (void)state;
        check_statsd("gorets:1|c", "gorets{} c 1");
        check_statsd("gorets:1|c|@0.1", "gorets{} c @0.1 1");
        check_statsd("glork:320|ms|@0.1", "glork{} ms @0.1 320");
        check_statsd("gaugor:-10|g", "gaugor{} g -10");
        check_statsd("gaugor:+4|g", "gaugor{} g +4");
        check_statsd("uniques:765|s", "uniques{} s 765");
        check_statsd("song.length:240|h|@0.5|#region:east,live",
                     "song.length{live=\"true\", region=\"east\"} h @0.5 240");
        check_statsd("page.views:1:2:32|d|#env:prod|c:abc|T1656581400",
                     "page.views{env=\"prod\"} h 1 2 32");
        check_statsd("m,a=1,b=2:5|c", "m{a=\"1\", b=\"2\"} c 5");
        check_statsd("m#a=1:5|c", "m{a=\"1\"} c 5");
        check_statsd("m[a=1,b=2]:5|c", "m{a=\"1\", b=\"2\"} c 5");
        check_statsd("url:1|c|#u:http://x", "url{u=\"http://x\"} c 1");
        check_statsd("_e{5,4}:title|text", "{} nothing");
        check_statsd("_sc|name|0", "{} nothing");
        check_statsd("m:1", "not name:value|type");
        check_statsd(":1|c", "not name:value|type");
        check_statsd("m:|c", "not name:value|type");
        check_statsd("m:1|", "not name:value|type");
        check_statsd("m:1|x", "unknown type");
        check_statsd("m:1|c|@0", "invalid sample rate");
        check_statsd("m:1|c|@2", "invalid sample rate");
        check_statsd("m[a=1:5|c", "bad tags in the name");
}

static void check_graphite(const char *line, const char *expected)
{
        struct buf out CLEANUP(buf_release) = BUF_INIT(1 << 12);
        struct graphite_line parsed;
        struct arena arena;
        struct error err;

        arena_init(&arena, 1 << 20);
        if (!graphite_parse(str_from(line), &arena, &parsed, &err)) {
                buf_append_cstr(&out, err.text);
        } else {
                buf_printf(&out, "%.*s", STR_ARG(parsed.path));
                labels_format(&out, parsed.tags);
                buf_printf(&out, " %g", parsed.value);
                if (parsed.has_time)
                        buf_printf(&out, " @%lld", (long long)parsed.t_ms);
        }
        assert_str(buf_str(&out), expected);
        arena_release(&arena);
}

static void test_graphite(void **state)
{
        (void)state;
        check_graphite("local.random.diceroll 4 1700000000",
                       "local.random.diceroll{} 4 @1700000000000");
        check_graphite("disk.used;datacenter=dc1;rack=a1 2.5 1700000000.25",
                       "disk.used{datacenter=\"dc1\", rack=\"a1\"} 2.5 @1700000000250");
        check_graphite("a.b\t-1e3", "a.b{} -1000");
        check_graphite("a.b 1 -1", "a.b{} 1");
        check_graphite("a.b 1 N", "a.b{} 1");
        check_graphite("a.b", "bad value");
        check_graphite("a.b x 1", "bad value");
        check_graphite("a.b 1 x", "bad timestamp");
        check_graphite("a.b 1 1e30", "bad timestamp");
        check_graphite("a.b 1 1 1", "more than metric, value and timestamp");
        check_graphite("a;b 1 1", "bad tag");
        check_graphite(";b=c 1 1", "no metric");
        check_graphite("", "no metric");
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_statsd),
                cmocka_unit_test(test_graphite),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
