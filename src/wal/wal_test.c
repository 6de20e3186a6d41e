#include "testing/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "wal/wal.h"

enum { SEGMENT_BYTES = 8192 };

struct seen {
        struct buf text;    /* payloads of kind 7, one after the other with a ';' */
        size_t records;
        size_t damages, tails;
        uint64_t damaged_bytes;
        uint64_t last_segment;
};

static void see_record(void *ctx, uint64_t segment, uint8_t kind, struct str payload)
{
        struct seen *seen = ctx;

        assert_int_equal(kind, 7);
        assert_true(segment >= seen->last_segment);
        seen->last_segment = segment;
        seen->records++;
        buf_append_str(&seen->text, payload);
        buf_append_byte(&seen->text, ';');
}

static void see_damage(void *ctx, uint64_t segment, uint64_t offset, uint64_t size_bytes,
                       bool tail)
{
        struct seen *seen = ctx;

        (void)segment;
        (void)offset;
        seen->damages += !tail;
        seen->tails += tail;
        seen->damaged_bytes += size_bytes;
}

static struct wal *open_wal(const char *dir, struct seen *seen)
{
        struct wal_options options = {.dir = dir, .segment_bytes = SEGMENT_BYTES};
        struct wal_visitor visitor = {see_record, see_damage, seen};
        struct wal *wal;
        struct error err;

        buf_release(&seen->text);
        *seen = (struct seen){.text = BUF_INIT(1 << 24)};
        assert_ok(wal_open(&wal, &options, &visitor, &err), err);
        return wal;
}

static bool try_append(struct wal *wal, const char *const *texts, size_t count, struct error *err)
{
        struct buf group = BUF_INIT(1 << 24);
        uint64_t position;
        bool ok;

        for (size_t i = 0; i < count; i++) {
                size_t begin = wal_record_begin(&group, 7);

                buf_append_cstr(&group, texts[i]);
                wal_record_end(&group, begin);
        }
        ok = wal_append(wal, &group, &position, err);
        buf_release(&group);
        return ok;
}

static void append(struct wal *wal, const char *text)
{
        struct error err;

        assert_ok(try_append(wal, &text, 1, &err), err);
}

static void make_dir(char *dir)
{
        strcpy(dir, "/tmp/pitwall_wal_XXXXXX");
        assert_non_null(mkdtemp(dir));
}

static void remove_dir(const char *dir)
{
        char command[128];

        snprintf(command, sizeof(command), "rm -rf %s", dir);
        assert_int_equal(system(command), 0);
}

static void segment_file(const char *dir, unsigned number, char *path)
{
        snprintf(path, 128, "%s/%016x.wal", dir, number);
}

static void flip_byte(const char *path, long offset)
{
        FILE *file = fopen(path, "r+");
        int c;

        assert_non_null(file);
        fseek(file, offset, SEEK_SET);
        c = fgetc(file);
        fseek(file, offset, SEEK_SET);
        fputc(c ^ 0x10, file);
        fclose(file);
}

static void test_replay(void **state)
{
        struct seen seen = {.text = BUF_INIT(0)};
        struct error err;
        struct wal *wal;
        char dir[64];

        (void)state;
        make_dir(dir);
        wal = open_wal(dir, &seen);
        append(wal, "one");
        append(wal, "");
        assert_ok(wal_sync(wal, UINT64_MAX, &err), err);
        append(wal, "a longer record");
        wal_close(wal);
        wal = open_wal(dir, &seen);
        assert_str(buf_str(&seen.text), "one;;a longer record;");
        append(wal, "four");
        wal_close(wal);
        wal = open_wal(dir, &seen);
        assert_str(buf_str(&seen.text), "one;;a longer record;four;");
        assert_int_equal(seen.damages + seen.tails, 0);
        wal_close(wal);
        buf_release(&seen.text);
        remove_dir(dir);
}

static void test_segments(void **state)
{
        struct seen seen = {.text = BUF_INIT(0)};
        struct wal_stats stats;
        uint64_t segment;
        struct error err;
        struct wal *wal;
        char dir[64], text[3001];

        (void)state;
        make_dir(dir);
        wal = open_wal(dir, &seen);
        for (int i = 0; i < 20; i++) {
                memset(text, 'a' + i, sizeof(text));
                text[sizeof(text) - 1] = '\0';
                append(wal, text);
                if (i % 3 == 0)
                        assert_ok(wal_sync(wal, UINT64_MAX, &err), err);
        }
        wal_stats(wal, &stats);
        assert_true(stats.segments >= 10);
        assert_ok(wal_cut(wal, &segment, &err), err);
        append(wal, "after the cut");
        wal_drop_before(wal, segment);
        wal_stats(wal, &stats);
        assert_int_equal(stats.segments, 1);
        wal_close(wal);
        wal = open_wal(dir, &seen);
        assert_str(buf_str(&seen.text), "after the cut;");
        wal_close(wal);
        buf_release(&seen.text);
        remove_dir(dir);
}

static void test_record_larger_than_a_segment(void **state)
{
        struct seen seen = {.text = BUF_INIT(0)};
        char *text = malloc(3 * SEGMENT_BYTES);
        struct wal *wal;
        char dir[64];

        (void)state;
        make_dir(dir);
        wal = open_wal(dir, &seen);
        append(wal, "small");
        memset(text, 'x', 3 * SEGMENT_BYTES);
        text[3 * SEGMENT_BYTES - 1] = '\0';
        append(wal, text);
        append(wal, "small again");
        wal_close(wal);
        wal = open_wal(dir, &seen);
        assert_int_equal(seen.records, 3);
        assert_int_equal(seen.text.len, 6 + 3 * SEGMENT_BYTES + 12);
        wal_close(wal);
        free(text);
        buf_release(&seen.text);
        remove_dir(dir);
}

static void test_damage_in_the_middle(void **state)
{
        struct seen seen = {.text = BUF_INIT(0)};
        char dir[64], path[128];
        struct wal *wal;

        (void)state;
        /* Record "two" begins at 16 + 24; damage its magic, length, checksum, kind, payload. */
        for (long at = 40; at < 59; at++) {
                if (at > 52 && at < 56)
                        continue;
                make_dir(dir);
                wal = open_wal(dir, &seen);
                append(wal, "one");
                append(wal, "two");
                append(wal, "three");
                wal_close(wal);
                segment_file(dir, 1, path);
                flip_byte(path, at);
                wal = open_wal(dir, &seen);
                assert_str(buf_str(&seen.text), "one;three;");
                assert_int_equal(seen.damages, 1);
                assert_int_equal(seen.damaged_bytes, 24);
                wal_close(wal);
                remove_dir(dir);
        }
        buf_release(&seen.text);
}

static void test_torn_tail(void **state)
{
        struct seen seen = {.text = BUF_INIT(0)};
        char dir[64], path[128];
        struct wal *wal;

        (void)state;
        for (off_t cut = 0; cut < 90; cut++) {
                make_dir(dir);
                wal = open_wal(dir, &seen);
                append(wal, "one");
                append(wal, "two");
                append(wal, "three");
                wal_close(wal);
                segment_file(dir, 1, path);
                assert_int_equal(truncate(path, cut), 0);
                wal = open_wal(dir, &seen);
                assert_int_equal(seen.records, cut < 35 ? 0 : cut < 59 ? 1 : cut < 85 ? 2 : 3);
                assert_int_equal(seen.damages, 0);
                append(wal, "more");
                wal_close(wal);
                wal = open_wal(dir, &seen);
                assert_int_equal(seen.tails, 0);
                assert_true(seen.text.len >= 5 &&
                            !memcmp(seen.text.data + seen.text.len - 5, "more;", 5));
                wal_close(wal);
                remove_dir(dir);
        }
        buf_release(&seen.text);
}

/* ---- faults -------------------------------------------------------------------------------- */

struct plan {
        enum file_op op;
        int countdown, number;
        size_t let_through;
};

static int fail_nth(void *ctx, enum file_op op, const char *path, size_t *len)
{
        struct plan *plan = ctx;

        (void)path;
        if (op != plan->op || plan->countdown-- > 0)
                return 0;
        if (len)
                *len = plan->let_through < *len ? plan->let_through : *len;
        return plan->number;
}

/* A group that was refused is not replayed, not even the records that were written whole. */
static void test_full_disk(void **state)
{
        static const char *const group[] = {"refused one", "refused two", "refused three"};
        struct seen seen = {.text = BUF_INIT(0)};
        struct error err;
        struct wal *wal;
        char dir[64];

        (void)state;
        for (size_t let = 0; let < 100; let += 7) {
                struct plan plan = {FILE_OP_WRITE, 0, ENOSPC, let};
                struct file_fault fault = {fail_nth, &plan};

                make_dir(dir);
                wal = open_wal(dir, &seen);
                append(wal, "kept");
                file_fault_set(&fault);
                assert_false(try_append(wal, group, 3, &err));
                assert_int_equal(err.code, ERROR_FULL);
                file_fault_set(NULL);
                append(wal, "x");
                wal_close(wal);
                wal = open_wal(dir, &seen);
                assert_str(buf_str(&seen.text), "kept;x;");
                wal_close(wal);
                remove_dir(dir);
        }
        buf_release(&seen.text);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_replay),
                cmocka_unit_test(test_segments),
                cmocka_unit_test(test_record_larger_than_a_segment),
                cmocka_unit_test(test_damage_in_the_middle),
                cmocka_unit_test(test_torn_tail),
                cmocka_unit_test(test_full_disk),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
