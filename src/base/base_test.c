/* base comes before testing/, so its tests stand on cmocka alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/civil.h"
#include "base/map.h"
#include "base/metrics.h"
#include "base/reader.h"
#include "base/thread.h"
#include "base/utf8.h"
#include "base/zone.h"

static void test_str_closest(void **state)
{
        static const char *const names[] = {"scrape_interval", "scrape_timeout", "job_name"};

        (void)state;
        assert_string_equal(str_closest(STR_LIT("scrape_intervall"), names, 3), "scrape_interval");
        assert_string_equal(str_closest(STR_LIT("jobname"), names, 3), "job_name");
        assert_null(str_closest(STR_LIT("relabel_configs"), names, 3));
        assert_null(str_closest(STR_LIT(""), names, 3));
}

static void test_str_cut(void **state)
{
        struct str rest = STR_LIT("a=b=c"), head;

        (void)state;
        assert_true(str_cut(&rest, '=', &head));
        assert_true(str_is(head, "a") && str_is(rest, "b=c"));
        assert_true(str_cut(&rest, '/', &head));
        assert_true(str_is(head, "b=c") && rest.data == NULL);
        assert_false(str_cut(&rest, '/', &head));
}

static void test_utf8(void **state)
{
        (void)state;
        assert_true(str_is_utf8(STR_LIT("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x92\xb9")));
        assert_false(str_is_utf8(STR_LIT("\xc3")));             /* cut */
        assert_false(str_is_utf8(STR_LIT("\xc0\x80")));         /* overlong */
        assert_false(str_is_utf8(STR_LIT("\xed\xa0\x80")));     /* surrogate */
        assert_false(str_is_utf8(STR_LIT("\xf4\x90\x80\x80"))); /* beyond U+10FFFF */
}

static void test_buf_without_maximum(void **state)
{
        struct buf buf CLEANUP(buf_release) = BUF_INIT(SIZE_MAX);

        (void)state;
        for (int i = 0; i < 1000; i++)
                buf_append_cstr(&buf, "12345678");
        assert_int_equal(buf.len, 8000);
        assert_false(buf.overflow);
}

static void test_buf_stops_at_its_maximum(void **state)
{
        struct buf buf CLEANUP(buf_release) = BUF_INIT(8);

        (void)state;
        buf_append_cstr(&buf, "12345678");
        assert_false(buf.overflow);
        buf_append_byte(&buf, '9');
        assert_true(buf.overflow);
        assert_string_equal(buf.data, "12345678");
        buf_clear(&buf);
        buf_printf(&buf, "%d-%s", 42, "x");
        assert_string_equal(buf.data, "42-x");
}

static void count_release(void *object)
{
        ++*(int *)object;
}

static void test_arena(void **state)
{
        struct arena arena;
        struct arena_point mark;
        int released = 0;
        char *first;

        (void)state;
        arena_init(&arena, 1 << 20);
        arena_on_release(&arena, count_release, &released);
        first = arena_alloc(&arena, 100);
        assert_int_equal((uintptr_t)first % 16, 0);
        memset(first, 'x', 100);
        mark = arena_mark(&arena);
        for (int i = 0; i < 1000; i++)
                assert_non_null(arena_alloc(&arena, 500));
        arena_rewind(&arena, mark);
        assert_int_equal(first[99], 'x');
        assert_null(arena_try_alloc(&arena, 2 << 20));
        assert_false(arena_over_budget(&arena));
        assert_non_null(arena_alloc(&arena, 2 << 20));
        assert_true(arena_over_budget(&arena));
        arena_release(&arena);
        assert_int_equal(released, 1);
}

static void test_arena_reset(void **state)
{
        struct arena arena;
        int released = 0;
        char *first;
        size_t held;

        (void)state;
        arena_init(&arena, 1 << 20);
        first = arena_alloc(&arena, 100);
        held = arena.used_bytes;
        arena_on_release(&arena, count_release, &released);
        for (int i = 0; i < 1000; i++)
                assert_non_null(arena_alloc(&arena, 500));
        arena_reset(&arena);
        assert_int_equal(released, 1);
        assert_int_equal(arena.used_bytes, held);
        assert_ptr_equal(arena_alloc(&arena, 100), first);
        arena_reset(&arena);
        assert_int_equal(released, 1);
        arena_release(&arena);
        /* One large thing is not held on to. */
        assert_non_null(arena_alloc(&arena, 100000));
        arena_reset(&arena);
        assert_int_equal(arena.used_bytes, 0);
}

/* Against a plain array, over a long run of random operations. */
static void test_map_against_an_array(void **state)
{
        enum { KEYS = 200, STEPS = 20000 };
        struct map map = MAP_INIT;
        char names[KEYS][8];
        void *values[KEYS] = {0};
        unsigned random = 12345;

        (void)state;
        for (int i = 0; i < KEYS; i++)
                snprintf(names[i], sizeof(names[i]), "k%d", i);
        for (int step = 0; step < STEPS; step++) {
                unsigned at = (random = random * 1103515245 + 12345) / 65536 % KEYS;
                struct str key = str_from(names[at]);
                void *value = &names[random % KEYS];

                if (random & 0x100000) {
                        assert_ptr_equal(map_put(&map, key, value), values[at]);
                        values[at] = value;
                } else {
                        assert_ptr_equal(map_remove(&map, key), values[at]);
                        values[at] = NULL;
                }
                at = random / 7 % KEYS;
                assert_ptr_equal(map_get(&map, str_from(names[at])), values[at]);
        }
        map_release(&map);
}

static void test_reader_sticks_at_the_end(void **state)
{
        static const uint8_t bytes[] = {0xac, 0x02, 0x01, 0xff, 0xff, 0xff, 0xff};
        static const uint8_t endless[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
                                          0x80, 0x80, 0x80, 0x80, 0x80, 0x01};
        struct reader r = reader_make(bytes, sizeof(bytes));

        (void)state;
        assert_int_equal(reader_varint(&r), 300);
        assert_int_equal(reader_zigzag(&r), -1);
        assert_int_equal(reader_u32(&r), 0xffffffff);
        assert_false(r.failed);
        assert_int_equal(reader_u8(&r), 0);
        assert_true(r.failed);
        r = reader_make(endless, sizeof(endless));
        reader_varint(&r);
        assert_true(r.failed);
}

static void check_time(int64_t unix_ns, const char *text)
{
        struct buf out CLEANUP(buf_release) = BUF_INIT(64);
        int64_t back;

        civil_format_rfc3339(&out, unix_ns);
        assert_string_equal(out.data, text);
        assert_true(civil_parse_rfc3339(str_from(text), &back));
        assert_int_equal(back, unix_ns);
}

/* Expected texts from date(1). */
static void test_civil(void **state)
{
        int64_t ns;
        struct civil civil;

        (void)state;
        check_time(0, "1970-01-01T00:00:00Z");
        check_time(1709210096789000000, "2024-02-29T12:34:56.789Z");
        check_time(-1, "1969-12-31T23:59:59.999999999Z");
        check_time(4102444799000000000, "2099-12-31T23:59:59Z");
        assert_true(civil_parse_rfc3339(STR_LIT("2024-02-29T12:34:56+02:00"), &ns));
        assert_int_equal(ns, 1709202896000000000);
        assert_false(civil_parse_rfc3339(STR_LIT("2023-02-29T00:00:00Z"), &ns));
        assert_false(civil_parse_rfc3339(STR_LIT("2023-02-28T00:00:00"), &ns));
        civil = civil_from_unix(1709210096);
        assert_int_equal(civil.weekday, 4);
        assert_int_equal(civil.day_of_year, 60);
        assert_int_equal(civil_days_in_month(1900, 2), 28);
        assert_int_equal(civil_days_in_month(2000, 2), 29);
}

METRIC_COUNTER(apples, "test_fruits_total", "kind=\"apple\"", "Fruits eaten.")
METRIC_COUNTER(pears, "test_fruits_total", "kind=\"pear\"", "Fruits eaten.")
METRIC_HISTOGRAM(bites, "test_bite_seconds", "", "Time of a bite.")

static void test_own_metrics(void **state)
{
        struct buf out CLEANUP(buf_release) = BUF_INIT(1 << 20);

        (void)state;
        metric_add(&apples, 3);
        metric_add(&pears, 1);
        metric_observe_ns(&bites, 3000000);
        metric_observe_ns(&bites, 90000000000);
        metrics_render(&out);
        assert_non_null(strstr(out.data, "# HELP test_fruits_total Fruits eaten.\n"
                                         "# TYPE test_fruits_total counter\n"
                                         "test_fruits_total{kind=\"apple\"} 3\n"
                                         "test_fruits_total{kind=\"pear\"} 1\n"));
        assert_non_null(strstr(out.data, "test_bite_seconds_bucket{le=\"0.005\"} 1\n"));
        assert_non_null(strstr(out.data, "test_bite_seconds_bucket{le=\"60\"} 1\n"
                                         "test_bite_seconds_bucket{le=\"+Inf\"} 2\n"
                                         "test_bite_seconds_sum 90.003000\n"
                                         "test_bite_seconds_count 2\n"));
}

static void add_index(void *ctx, size_t index)
{
        atomic_fetch_add((_Atomic size_t *)ctx, index);
}

static void add_one(void *arg)
{
        atomic_fetch_add((_Atomic size_t *)arg, 1);
}

static void test_threads(void **state)
{
        _Atomic size_t sum = 0, jobs = 0;
        struct workers *workers = workers_new("test", 3, 64);

        (void)state;
        thread_parallel_for(4, 1000, add_index, &sum);
        assert_int_equal(sum, 999 * 1000 / 2);
        for (int i = 0; i < 50; i++)
                assert_true(workers_submit(workers, add_one, &jobs));
        workers_free(workers);
        assert_int_equal(jobs, 50);
}

static void test_utf8_runes(void **state)
{
        /* Bytes, what Go's utf8.DecodeRune makes of the first. */
        static const struct {
                struct str bytes;
                uint32_t rune;
                size_t width;
        } cases[] = {
                {STR_LIT("a"), 'a', 1},
                {STR_LIT("\xc3\xa9"), 0xe9, 2},
                {STR_LIT("\xe2\x82\xac"), 0x20ac, 3},
                {STR_LIT("\xf0\x9f\x98\x80"), 0x1f600, 4},
                {STR_LIT("\xc3"), UTF8_REPLACEMENT, 1},
                {STR_LIT("\xc0\x80"), UTF8_REPLACEMENT, 1},
                {STR_LIT("\xed\xa0\x80"), UTF8_REPLACEMENT, 1},
                {STR_LIT("\xf4\x90\x80\x80"), UTF8_REPLACEMENT, 1},
                {STR_LIT("\xef\xbf\xbd"), UTF8_REPLACEMENT, 3},
        };
        char bytes[UTF8_MAX_BYTES];
        size_t width;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                assert_int_equal(utf8_decode(cases[i].bytes, 0, &width), cases[i].rune);
                assert_int_equal(width, cases[i].width);
                if (width > 1 || cases[i].rune < 0x80)
                        assert_true(str_equal(cases[i].bytes,
                                              str_make(bytes, utf8_encode(bytes, cases[i].rune))));
        }
        assert_int_equal(utf8_decode_last(STR_LIT("a\xe2\x82\xac"), &width), 0x20ac);
        assert_int_equal(utf8_count(STR_LIT("h\xc3\xa9\xff")), 3);
        assert_true(utf8_is_letter(0xe9) && !utf8_is_letter('1') && !utf8_is_letter('_'));
        assert_true(utf8_is_digit(0x663) && !utf8_is_digit(0xb2));
        assert_true(utf8_is_space(0xa0) && utf8_is_space('\t') && !utf8_is_space(0x200b));
        assert_true(utf8_is_print(0x20ac) && !utf8_is_print(0xa0) && !utf8_is_print(0x200b));
        assert_int_equal(utf8_to_upper(0xe9), 0xc9);
        assert_int_equal(utf8_to_title(0x1c6), 0x1c5);
}

/* Moments and what Go says they are in a zone; 2100 is beyond what the files list. */
static void test_zone(void **state)
{
        static const struct {
                const char *zone;
                int64_t unix_s;
                int32_t east_s;
                const char *abbreviation;
        } cases[] = {
                {"Europe/London", 1711846799, 0, "GMT"},
                {"Europe/London", 1711846800, 3600, "BST"},
                {"Europe/London", 4118000000, 3600, "BST"},
                {"America/New_York", 1730613599, -14400, "EDT"},
                {"America/New_York", 1730613600, -18000, "EST"},
                {"America/New_York", -5000000000, -17762, "LMT"},
                {"Australia/Sydney", 1704067200, 39600, "AEDT"},
                {"Asia/Kolkata", 1704067200, 19800, "IST"},
                {"UTC", 0, 0, "UTC"},
        };
        const struct zone *zone, *again;
        struct error err;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct zone_offset offset;

                assert_true(zone_open(str_from(cases[i].zone), &zone, &err));
                offset = zone_offset_at(zone, cases[i].unix_s);
                assert_int_equal(offset.east_s, cases[i].east_s);
                assert_string_equal(offset.abbreviation, cases[i].abbreviation);
        }
        assert_true(zone_open(STR_LIT("Europe/London"), &zone, &err));
        assert_true(zone_open(STR_LIT("Europe/London"), &again, &err));
        assert_ptr_equal(zone, again);
        assert_string_equal(zone_name(zone), "Europe/London");
        /* 01:30 is skipped on 31 March 2024 and happens twice on 27 October. */
        assert_int_equal(zone_to_unix(zone, 1711848600), 1711848600);
        assert_int_equal(zone_to_unix(zone, 1729992600), 1729992600);
        assert_false(zone_open(STR_LIT("Europe/Nowhere"), &zone, &err));
        assert_string_equal(err.text, "unknown time zone Europe/Nowhere");
        assert_false(zone_open(STR_LIT("../../etc/passwd"), &zone, &err));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_str_closest),
                cmocka_unit_test(test_str_cut),
                cmocka_unit_test(test_utf8),
                cmocka_unit_test(test_buf_stops_at_its_maximum),
                cmocka_unit_test(test_buf_without_maximum),
                cmocka_unit_test(test_arena),
                cmocka_unit_test(test_arena_reset),
                cmocka_unit_test(test_map_against_an_array),
                cmocka_unit_test(test_reader_sticks_at_the_end),
                cmocka_unit_test(test_civil),
                cmocka_unit_test(test_own_metrics),
                cmocka_unit_test(test_threads),
                cmocka_unit_test(test_utf8_runes),
                cmocka_unit_test(test_zone),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
