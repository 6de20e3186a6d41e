#include "query/budget.h"

#include "testing/unit.h"

static void test_samples_held_and_given_back(void **state)
{
        struct query_budget budget;
        struct error err;

        (void)state;
        query_budget_init(&budget, 100, 1 << 20, 60000, NULL);
        assert_ok(query_budget_add_samples(&budget, 100, &err), err);
        budget.samples -= 60;
        assert_ok(query_budget_add_samples(&budget, 60, &err), err);
        assert_false(query_budget_add_samples(&budget, 1, &err));
        assert_int_equal(err.code, ERROR_LIMIT);
        assert_int_equal(budget.samples_peak, 101);
}

/* What was read counts even when nothing of it is kept. */
static void test_samples_read(void **state)
{
        struct query_budget budget;
        struct error err;

        (void)state;
        query_budget_init(&budget, 100, 1 << 20, 60000, NULL);
        assert_ok(query_budget_add_read(&budget, 1 << 30, &err), err);
        query_budget_init(&budget, 100, 1 << 20, 60000, NULL);
        budget.read_max = 1000;
        for (int i = 0; i < 10; i++)
                assert_ok(query_budget_add_read(&budget, 100, &err), err);
        assert_false(query_budget_add_read(&budget, 1, &err));
        assert_int_equal(err.code, ERROR_LIMIT);
}

static void test_bytes_of_all_arenas(void **state)
{
        struct query_arena first, second;
        struct query_budget budget;
        struct error err;

        (void)state;
        query_budget_init(&budget, 100, 1 << 20, 60000, NULL);
        query_arena_init(&first, &budget);
        query_arena_init(&second, &budget);
        arena_alloc(&first.arena, 700 << 10);
        assert_ok(query_budget_check(&budget, &err), err);
        arena_alloc(&second.arena, 700 << 10);
        assert_false(query_budget_check(&budget, &err));
        assert_int_equal(err.code, ERROR_LIMIT);
        query_arena_release(&second);
        assert_ok(query_budget_check(&budget, &err), err);
        query_arena_release(&first);
}

static void test_time_and_cancel(void **state)
{
        atomic_bool cancel = false;
        struct query_budget budget;
        struct error err;

        (void)state;
        query_budget_init(&budget, 100, 1 << 20, 60000, &cancel);
        assert_ok(query_budget_check(&budget, &err), err);
        cancel = true;
        assert_true(query_budget_expired(&budget));
        assert_false(query_budget_check(&budget, &err));
        assert_int_equal(err.code, ERROR_CANCELED);
        query_budget_init(&budget, 100, 1 << 20, -1, NULL);
        assert_false(query_budget_check(&budget, &err));
        assert_int_equal(err.code, ERROR_TIMEOUT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_samples_held_and_given_back),
                cmocka_unit_test(test_samples_read),
                cmocka_unit_test(test_bytes_of_all_arenas),
                cmocka_unit_test(test_time_and_cancel),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
