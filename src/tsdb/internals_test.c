/* Pieces of the store that its public face exercises only in part. */
#include "tsdb/fixture_test.h"

#include "tsdb/literals_int.h"
#include "tsdb/part_int.h"
#include "tsdb/store_int.h"

/* ---- finding a series in a part ------------------------------------------------------------ */

static void check_find(const struct part *part, uint32_t id)
{
        size_t want = 0;

        while (want < part->block_count && part->series[want] != id)
                want++;
        assert_int_equal(part_find(part, id), want);
}

static void test_part_find(void **state)
{
        struct rng rng = rng_seeded("part find");

        (void)state;
        for (int round = 0; round < 300; round++) {
                uint32_t ids[400], next = (uint32_t)rng_below(&rng, 1000);
                unsigned spread = 1 + (unsigned)rng_below(&rng, 60);
                struct part part = {.series = ids, .block_count = rng_below(&rng, 400)};

                for (size_t i = 0; i < part.block_count; i++) {
                        ids[i] = next;
                        /* Runs of one id, dense stretches, and wide gaps. */
                        if (rng_below(&rng, 4))
                                next += 1 + (rng_below(&rng, spread) ? 0
                                             : (uint32_t)rng_below(&rng, 5000000));
                }
                for (size_t i = 0; i < part.block_count; i++)
                        for (uint32_t id = ids[i] ? ids[i] - 1 : 0; id <= ids[i] + 1; id++)
                                check_find(&part, id);
                check_find(&part, 0);
                check_find(&part, UINT32_MAX);
        }
}

/* ---- order and precedence ------------------------------------------------------------------ */

static void assert_settled(const int64_t *t_in, size_t count, const char *want)
{
        struct samples samples = {0};
        char got[256] = "";

        samples_append(&samples, 99, -1); /* not touched: it stands before `from` */
        for (size_t i = 0; i < count; i++)
                samples_append(&samples, t_in[i], (double)i);
        samples_settle(&samples, 1);
        assert_true(samples.t_ms[0] == 99);
        for (size_t i = 1; i < samples.count; i++)
                snprintf(got + strlen(got), sizeof(got) - strlen(got), "%d:%g ",
                         (int)samples.t_ms[i], samples.v[i]);
        assert_string_equal(got, want);
        samples_release(&samples);
}

static void test_first_of_a_timestamp_stays(void **state)
{
        (void)state;
        assert_settled((int64_t[]){1, 2, 3}, 3, "1:0 2:1 3:2 ");
        assert_settled((int64_t[]){5, 5, 5}, 3, "5:0 ");
        assert_settled((int64_t[]){3, 1, 2, 1, 3}, 5, "1:1 2:2 3:0 ");
        assert_settled((int64_t[]){}, 0, "");
}

/* ---- regexes as literals ------------------------------------------------------------------- */

static void assert_literals(const char *pattern, const char *want)
{
        struct literals literals;
        struct arena arena;
        char got[256] = "";

        arena_init(&arena, SIZE_MAX);
        literals = literals_of(&arena, str_from(pattern));
        for (size_t i = 0; i < literals.count; i++)
                snprintf(got + strlen(got), sizeof(got) - strlen(got), "[" STR_FMT "]",
                         STR_ARG(literals.items[i]));
        snprintf(got + strlen(got), sizeof(got) - strlen(got), "^" STR_FMT,
                 STR_ARG(literals.prefix));
        if (strcmp(got, want))
                fail_msg("%s: got %s, want %s", pattern, got, want);
        arena_release(&arena);
}

static void test_literals(void **state)
{
        (void)state;
        assert_literals("", "[]^");
        assert_literals("abc", "[abc]^");
        assert_literals("a|b|", "[a][b][]^");
        assert_literals("10\\.0\\.0\\.1:9100", "[10.0.0.1:9100]^");
        assert_literals("(a|b)c(d|e)", "[acd][ace][bcd][bce]^");
        assert_literals("(?:a|b(c|d))", "[a][bc][bd]^");
        assert_literals("abc.*", "^abc");
        assert_literals("abc.+|x", "^");
        assert_literals("abc?", "^ab");
        assert_literals("abc*d", "^ab");
        assert_literals("a{2}", "^");
        assert_literals("(?i)abc", "^");
        assert_literals("(?i:abc)", "^");
        assert_literals("a(b|c)*", "^");
        assert_literals("a\\d", "^a");
        assert_literals("^a$", "^");
        assert_literals("[ab]", "^");
        assert_literals("a(b", "^a");
        assert_literals("a)", "^a");
}

/* ---- series by their labels ---------------------------------------------------------------- */

/* A label set of up to 12 of 14 names; values are often the same, or prefixes of one another. */
static struct labels random_labels(struct rng *rng, struct arena *arena, unsigned variety)
{
        struct label *items = arena_array(arena, struct label, 14);
        size_t count = 0;

        for (char name = 'a'; name < 'o'; name++) {
                char value[24];

                if (rng_below(rng, 7) == 0)
                        continue;
                snprintf(value, sizeof(value), "%.*s%u", (int)rng_below(rng, 3), "xx",
                         (unsigned)rng_below(rng, name == 'c' ? variety : 2));
                items[count].name = arena_str(arena, str_make(&name, 1));
                items[count++].value = arena_str(arena, str_from(value));
        }
        return (struct labels){items, count};
}

static void check_sort(struct rng *rng, size_t count, unsigned variety)
{
        struct index *index = index_new();
        uint32_t *ids = calloc(count + 1, sizeof(*ids));
        _Atomic uint32_t next_id = 1;
        struct arena arena;
        size_t kept = 0;

        arena_init(&arena, SIZE_MAX);
        for (size_t i = 0; i < count; i++)
                if (index_resolve(index, random_labels(rng, &arena, variety), 0, &next_id,
                                  &ids[kept]) == INDEX_CREATED)
                        kept++;
        index_sort(index, ids, kept);
        for (size_t i = 1; i < kept; i++)
                assert_true(labels_compare(index_labels(index, ids[i - 1], &arena),
                                           index_labels(index, ids[i], &arena)) < 0);
        free(ids);
        arena_release(&arena);
        index_unref(index);
}

static void test_sort(void **state)
{
        struct rng rng = rng_seeded("index sort");

        (void)state;
        for (size_t count = 0; count < 200; count++)
                check_sort(&rng, count, 3);
        check_sort(&rng, 5000, 2);
        check_sort(&rng, 5000, 100000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_part_find),
                cmocka_unit_test(test_first_of_a_timestamp_stays),
                cmocka_unit_test(test_literals),
                cmocka_unit_test(test_sort),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
