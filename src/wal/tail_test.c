#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "testing/unit.h"
#include "wal/wal.h"

enum { SEGMENT_BYTES = 4096, KIND = 7 };

struct fixture {
        char dir[64];
        struct wal *wal;
        unsigned next; /* number of the next record */
};

static struct wal *open_wal(struct fixture *f, uint64_t first, uint64_t held, uint64_t held_max)
{
        struct wal_options options = {.dir = f->dir, .segment_bytes = SEGMENT_BYTES,
                                      .first_segment = first, .held_segment = held,
                                      .held_max_bytes = held_max};
        struct wal_visitor visitor = {NULL, NULL, NULL};
        struct error err;

        assert_ok(wal_open(&f->wal, &options, &visitor, &err), err);
        return f->wal;
}

static int set_up(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));

        snprintf(f->dir, sizeof(f->dir), "/tmp/pitwall-wal-tail-XXXXXX");
        assert_non_null(mkdtemp(f->dir));
        *state = f;
        return 0;
}

static int tear_down(void **state)
{
        struct fixture *f = *state;
        struct arena arena;
        const char **names;
        size_t count;
        struct error err;

        wal_close(f->wal);
        arena_init(&arena, SIZE_MAX);
        assert_ok(dir_list(f->dir, &arena, &names, &count, &err), err);
        for (size_t i = 0; i < count; i++)
                file_discard(arena_printf(&arena, "%s/%s", f->dir, names[i]));
        rmdir(f->dir);
        arena_release(&arena);
        free(f);
        return 0;
}

/* Numbered records of about 100 bytes: some 35 fill a segment. */
static void append(struct fixture *f, unsigned count)
{
        struct error err;

        for (unsigned i = 0; i < count; i++) {
                struct buf group CLEANUP(buf_release) = BUF_INIT(1 << 16);
                size_t begin = wal_record_begin(&group, KIND);
                uint64_t position;

                buf_printf(&group, "%u %090u", f->next++, 0);
                wal_record_end(&group, begin);
                assert_ok(wal_append(f->wal, &group, &position, &err), err);
        }
}

/* Reads to the end; the numbers must be from..to-1 in order. */
static void assert_reads(struct wal_tail *tail, unsigned from, unsigned to)
{
        struct error err;
        struct str payload;
        uint8_t kind;

        while (wal_tail_next(tail, &kind, &payload, &err)) {
                assert_int_equal(kind, KIND);
                assert_int_equal(strtoul(payload.data, NULL, 10), from);
                from++;
        }
        assert_int_equal(err.code, ERROR_NONE);
        assert_int_equal(from, to);
}

static uint64_t cut(struct fixture *f)
{
        uint64_t segment;
        struct error err;

        assert_ok(wal_cut(f->wal, &segment, &err), err);
        return segment;
}

static void test_follows(void **state)
{
        struct fixture *f = *state;
        struct wal_tail tail;

        wal_tail_init(&tail, open_wal(f, 0, 0, 0), 0, 0);
        assert_reads(&tail, 0, 0);
        append(f, 10);
        assert_reads(&tail, 0, 10);
        append(f, 100); /* over several segments */
        assert_reads(&tail, 10, 110);
        cut(f);
        assert_reads(&tail, 110, 110);
        append(f, 1);
        assert_reads(&tail, 110, 111);
        wal_tail_release(&tail);
}

/* What is dropped stays as long as it is held, also over a restart. */
static void test_holds(void **state)
{
        struct fixture *f = *state;
        struct wal_tail tail;
        struct wal_stats stats;
        uint64_t first, place_segment, place_offset;

        open_wal(f, 0, 0, 0);
        append(f, 20);
        wal_end(f->wal, &place_segment, &place_offset);
        wal_hold(f->wal, place_segment);
        append(f, 80);
        first = cut(f);
        wal_drop_before(f->wal, first);
        append(f, 5);
        wal_stats(f->wal, &stats);
        assert_true(stats.held_bytes > 80 * 100);
        assert_int_equal(wal_bytes_behind(f->wal, place_segment, place_offset), 85 * 112);
        wal_tail_init(&tail, f->wal, place_segment, place_offset);
        assert_reads(&tail, 20, 105);
        wal_tail_release(&tail);

        f->wal = wal_close(f->wal);
        open_wal(f, first, place_segment, 0);
        append(f, 3);
        wal_tail_init(&tail, f->wal, place_segment, place_offset);
        assert_reads(&tail, 20, 108);
        wal_tail_release(&tail);
        wal_hold(f->wal, first);
        wal_stats(f->wal, &stats);
        assert_int_equal(stats.held_bytes, 0);
        wal_tail_init(&tail, f->wal, 0, 0);
        assert_reads(&tail, 100, 108);
        wal_tail_release(&tail);
}

/* Beyond the limit the oldest go, which is counted; the reader goes on with what is left. */
static void test_limit(void **state)
{
        struct fixture *f = *state;
        struct wal_tail tail;
        struct wal_stats stats;
        struct error err;
        struct str payload;
        uint8_t kind;

        open_wal(f, 0, 0, 2 * SEGMENT_BYTES);
        wal_hold(f->wal, 1);
        append(f, 200);
        wal_drop_before(f->wal, cut(f));
        wal_stats(f->wal, &stats);
        assert_in_range(stats.held_bytes, 1, 2 * SEGMENT_BYTES);
        assert_true(stats.held_lost_bytes > 100 * 100);
        wal_tail_init(&tail, f->wal, 1, 0);
        assert_true(wal_tail_next(&tail, &kind, &payload, &err));
        assert_reads(&tail, (unsigned)strtoul(payload.data, NULL, 10) + 1, 200);
        wal_tail_release(&tail);
}

/* Damage costs the rest of its segment, no more. */
static void test_damage(void **state)
{
        struct fixture *f = *state;
        struct wal_tail tail;
        char path[128];
        FILE *file;

        open_wal(f, 0, 0, 0);
        append(f, 5);
        cut(f);
        append(f, 5);
        snprintf(path, sizeof(path), "%s/%016x.wal", f->dir, 1);
        file = fopen(path, "r+b");
        assert_non_null(file);
        fseek(file, 16 + 2 * 112 + 30, SEEK_SET);
        fputc('x', file);
        fclose(file);
        wal_tail_init(&tail, f->wal, 0, 0);
        {
                struct error err;
                struct str payload;
                uint8_t kind;

                assert_true(wal_tail_next(&tail, &kind, &payload, &err));
                assert_true(wal_tail_next(&tail, &kind, &payload, &err));
        }
        assert_reads(&tail, 5, 10);
        wal_tail_release(&tail);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_follows, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_holds, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_limit, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_damage, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
