#include "ingest/delta.h"

#include "model/histogram_shape.h"
#include "model/sample.h"
#include "testing/unit.h"

struct fixture {
        struct delta_table *table;
        struct arena arena;
        int64_t mono_ns;
        struct clock clock;
        struct error err;
};

static int64_t fixture_mono_ns(void *ctx)
{
        return ((struct fixture *)ctx)->mono_ns;
}

static void setup(struct fixture *f, size_t series_max)
{
        *f = (struct fixture){.clock = {.mono_ns = fixture_mono_ns, .ctx = f}};
        arena_init(&f->arena, 1 << 20);
        f->table = delta_table_new(series_max, &f->clock);
}

static void teardown(struct fixture *f)
{
        delta_table_free(f->table);
        arena_release(&f->arena);
}

/* The total after one more; -1 when it was not taken. */
static double add(struct fixture *f, const char *key, int64_t t_ms, double v)
{
        struct delta_sample sample = {t_ms, t_ms - 10, v, NULL};

        return delta_table_add(f->table, str_from(key), &f->arena, &sample, &f->err) ? sample.v
                                                                                     : -1;
}

static double add_one(struct fixture *f, const char *key, int64_t t_ms, double v)
{
        double total;

        delta_table_begin(f->table);
        total = add(f, key, t_ms, v);
        delta_table_end(f->table, true);
        return total;
}

static void test_totals(void **state)
{
        struct fixture f;

        (void)state;
        setup(&f, 10);
        assert_float_equal(add_one(&f, "a", 100, 5), 5, 0);
        assert_float_equal(add_one(&f, "b", 100, 1), 1, 0);
        assert_float_equal(add_one(&f, "a", 200, 2.5), 7.5, 0);
        assert_float_equal(add_one(&f, "a", 200, 2.5), -1, 0);
        assert_string_equal(f.err.text, "out of order delta sample");
        assert_float_equal(add_one(&f, "a", 150, 1), -1, 0);
        assert_float_equal(add_one(&f, "a", 300, 1), 8.5, 0);
        teardown(&f);
}

static void test_start_and_staleness(void **state)
{
        struct delta_sample sample = {100, 90, 5, NULL};
        struct fixture f;

        (void)state;
        setup(&f, 10);
        delta_table_begin(f.table);
        assert_true(delta_table_add(f.table, STR_LIT("a"), &f.arena, &sample, &f.err));
        sample = (struct delta_sample){200, 100, sample_from_bits(SAMPLE_STALE_BITS), NULL};
        assert_true(delta_table_add(f.table, STR_LIT("a"), &f.arena, &sample, &f.err));
        assert_true(sample_is_stale(sample.v));
        sample = (struct delta_sample){300, 200, 2, NULL};
        assert_true(delta_table_add(f.table, STR_LIT("a"), &f.arena, &sample, &f.err));
        assert_float_equal(sample.v, 7, 0);
        assert_int_equal(sample.start_ms, 90);
        delta_table_end(f.table, true);
        teardown(&f);
}

static void test_taken_back(void **state)
{
        struct fixture f;

        (void)state;
        setup(&f, 10);
        add_one(&f, "a", 100, 5);
        delta_table_begin(f.table);
        assert_float_equal(add(&f, "a", 200, 2), 7, 0);
        assert_float_equal(add(&f, "a", 300, 2), 9, 0);
        assert_float_equal(add(&f, "new", 300, 1), 1, 0);
        delta_table_end(f.table, false);
        /* Sent again. */
        assert_float_equal(add_one(&f, "a", 200, 2), 7, 0);
        assert_float_equal(add_one(&f, "new", 300, 1), 1, 0);
        teardown(&f);
}

static void test_bounds(void **state)
{
        struct fixture f;

        (void)state;
        setup(&f, 2);
        add_one(&f, "a", 100, 1);
        add_one(&f, "b", 100, 1);
        assert_float_equal(add_one(&f, "c", 100, 1), -1, 0);
        assert_int_equal(f.err.code, ERROR_LIMIT);
        f.mono_ns = (int64_t)1800 * 1000000000;
        assert_float_equal(add_one(&f, "a", 200, 1), 2, 0);
        /* b was silent for an hour, a was not. */
        f.mono_ns = (int64_t)3601 * 1000000000;
        assert_float_equal(add_one(&f, "c", 300, 1), 1, 0);
        assert_float_equal(add_one(&f, "a", 300, 1), 3, 0);
        assert_float_equal(add_one(&f, "b", 300, 1), -1, 0);
        teardown(&f);
}

static const struct histogram *make(struct arena *arena, double first, double second)
{
        static const struct histogram_span span = {1, 2};
        struct histogram *h = arena_new(arena, struct histogram);
        double *counts = arena_array(arena, double, 2);

        counts[0] = first;
        counts[1] = second;
        *h = (struct histogram){.integer = true, .count = first + second, .sum = 3,
                                .positive = {&span, counts, 1, 2}};
        return h;
}

static void test_histograms(void **state)
{
        struct delta_sample sample;
        struct fixture f;

        (void)state;
        setup(&f, 2);
        for (int i = 1; i <= 3; i++) {
                bool keep = i != 2;

                sample = (struct delta_sample){100 * i, 0, 0, make(&f.arena, i, 2)};
                delta_table_begin(f.table);
                assert_true(delta_table_add(f.table, STR_LIT("h"), &f.arena, &sample, &f.err));
                delta_table_end(f.table, keep);
        }
        /* The second was taken back. */
        assert_float_equal(sample.h->count, 8, 0);
        assert_float_equal(sample.h->sum, 6, 0);
        assert_float_equal(sample.h->positive.buckets[0], 4, 0);
        assert_float_equal(sample.h->positive.buckets[1], 4, 0);
        assert_true(sample.h->integer);
        assert_true(histogram_validate(sample.h, &f.err));
        teardown(&f);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_totals),
                cmocka_unit_test(test_start_and_staleness),
                cmocka_unit_test(test_taken_back),
                cmocka_unit_test(test_bounds),
                cmocka_unit_test(test_histograms),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
