/* What a store promises when its files are damaged: the log cut anywhere, bits flipped in any
 * file. It opens, returns no wrong value, and loses no more than the damaged record or block. */
#include "tsdb/fixture_test.h"

#include <stdatomic.h>

#include "base/file.h"
#include "codec/crc32c.h"
#include "wal/wal.h"

/* The last few series begin after the parts were written, so that only the log defines them. */
enum {
        SERIES = 30,
        LATE_SERIES = 3,
        BATCHES_IN_PARTS = 400,
        BATCHES_IN_LOG = 260,
        BATCHES = BATCHES_IN_PARTS + BATCHES_IN_LOG,
        SAMPLES = SERIES * BATCHES - LATE_SERIES * BATCHES_IN_PARTS,
};

static uint64_t first_position(uint32_t n)
{
        return n < SERIES - LATE_SERIES ? 0 : BATCHES_IN_PARTS;
}

static int64_t fake_now_ns(void *ctx)
{
        (void)ctx;
        return 1700000000000 * 1000000;
}

static const struct clock fake_clock = {fake_now_ns, fake_now_ns, NULL};

static int64_t time_of(uint64_t position)
{
        return 1700000000000 + (int64_t)position * 1000;
}

static double value_of(uint32_t n, uint64_t position)
{
        uint64_t mixed = (n * 1000003u + position) * 0x9e3779b97f4a7c15u;

        return n % 3 == 0   ? sample_from_bits(mixed >> 2)
               : n % 3 == 1 ? (double)(mixed >> 56)
                            : (double)(position / 50);
}

/* Every fifth series has histograms and start timestamps. */
static bool is_rich(uint32_t n)
{
        return n % 5 == 4;
}

static uint64_t code_of(uint32_t n, uint64_t position)
{
        return is_rich(n) ? 1 + position + 64 * n : 0;
}

/* ---- a directory in memory ----------------------------------------------------------------- */

struct copy {
        char path[128]; /* below the directory */
        struct buf bytes;
};

struct tree {
        struct copy files[64];
        size_t count;
};

static void tree_read_folder(struct tree *tree, const char *dir, const char *folder)
{
        char path[256];
        struct arena arena;
        struct error err;
        const char **names;
        size_t count;

        arena_init(&arena, SIZE_MAX);
        snprintf(path, sizeof(path), "%s/%s", dir, folder);
        assert_ok(dir_list(path, &arena, &names, &count, &err), err);
        for (size_t i = 0; i < count; i++) {
                struct copy *copy = &tree->files[tree->count];

                snprintf(copy->path, sizeof(copy->path), "%s%s%s", folder, *folder ? "/" : "",
                         names[i]);
                copy->bytes = BUF_INIT(64 << 20);
                snprintf(path, sizeof(path), "%s/%s", dir, copy->path);
                if (strcmp(names[i], "reserve") == 0 || !file_read_all(path, &copy->bytes, NULL)) {
                        buf_release(&copy->bytes); /* a folder */
                        continue;
                }
                assert_true(++tree->count < ARRAY_LEN(tree->files));
        }
        arena_release(&arena);
}

static void tree_read(struct tree *tree, const char *dir)
{
        tree->count = 0;
        tree_read_folder(tree, dir, "");
        tree_read_folder(tree, dir, "wal");
        tree_read_folder(tree, dir, "parts");
        tree_read_folder(tree, dir, "series");
}

static void tree_release(struct tree *tree)
{
        for (size_t i = 0; i < tree->count; i++)
                buf_release(&tree->files[i].bytes);
}

/* Files that a previous run added are removed. */
static void tree_write(const struct tree *tree, const char *dir)
{
        static const char *const folders[] = {"wal", "parts", "series"};
        char path[256];
        struct error err;

        remove_tree(dir);
        for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
                snprintf(path, sizeof(path), "%s/%s", dir, folders[i]);
                assert_ok(dir_make(path, &err), err);
        }
        for (size_t i = 0; i < tree->count; i++) {
                FILE *file;

                snprintf(path, sizeof(path), "%s/%s", dir, tree->files[i].path);
                file = fopen(path, "w");
                assert_non_null(file);
                assert_int_equal(fwrite(tree->files[i].bytes.data, 1, tree->files[i].bytes.len,
                                        file),
                                 tree->files[i].bytes.len);
                fclose(file);
        }
}

/* ---- a store worth damaging ---------------------------------------------------------------- */

static _Atomic uint64_t events[TSDB_EVENT_KINDS];

static void count_event(void *ctx, const struct tsdb_event *event)
{
        (void)ctx;
        atomic_fetch_add(&events[event->kind], 1);
}

static uint64_t event_total(void)
{
        uint64_t total = 0;

        for (size_t i = 0; i < TSDB_EVENT_KINDS; i++)
                total += atomic_load(&events[i]);
        return total;
}

static struct tsdb *open_store(const char *dir)
{
        struct tsdb_options options;
        struct tsdb *tsdb;
        struct error err;

        tsdb_options_init(&options, dir);
        options.clock = &fake_clock;
        options.retention_ms = 0;
        options.max_ahead_ms = 0;
        options.manual = true;
        options.partition_ms = 300 * 1000;
        options.wal_segment_bytes = 512 << 10;
        options.wal_replay_bytes = 1 << 20;
        options.on_event = count_event;
        for (size_t i = 0; i < TSDB_EVENT_KINDS; i++)
                atomic_store(&events[i], 0);
        assert_ok(tsdb_open(&tsdb, &options, &err), err);
        return tsdb;
}

/* Two records in the log: a sample of every series of floats, then of the others. */
static void append_batch(struct tsdb *tsdb, uint64_t position)
{
        struct series_sink sink = tsdb_sink(tsdb);
        struct append_sample batch[SERIES];
        struct append_extra extras[SERIES];
        struct arena arena;
        struct error err;
        size_t count = 0;

        arena_init(&arena, SIZE_MAX);
        for (uint32_t n = 0; n < SERIES; n++) {
                if (position < first_position(n))
                        continue;
                extras[count] = extra_of(&arena, code_of(n, position), time_of(position));
                batch[count++] = (struct append_sample){resolve_number(tsdb, n), time_of(position),
                                                        value_of(n, position)};
        }
        assert_ok(sink.append(sink.ctx, batch, extras, count, NULL, &err), err);
        arena_release(&arena);
}

/* Parts of several levels and partitions, two series files, a log; as after a kill. */
static void make_tree(struct tree *tree, const char *dir)
{
        struct tsdb *tsdb = open_store(dir);
        struct error err;

        for (uint64_t i = 0; i < BATCHES; i++) {
                append_batch(tsdb, i);
                if (i < BATCHES_IN_PARTS && i % 29 == 28)
                        assert_ok(tsdb_maintain(tsdb, &err), err);
                if (i + 1 == BATCHES_IN_PARTS)
                        assert_ok(tsdb_maintain(tsdb, &err), err);
        }
        tree_read(tree, dir);
        tsdb_close(tsdb);
}

/* ---- checking ------------------------------------------------------------------------------ */

struct found {
        uint64_t samples[SERIES];
        uint64_t total;
};

static void check_samples(void *ctx, uint32_t n, const struct samples *samples)
{
        struct found *found = ctx;

        assert_true(n < SERIES);
        for (size_t i = 0; i < samples->count; i++) {
                uint64_t position = (uint64_t)(samples->t_ms[i] - time_of(0)) / 1000;

                if (samples->t_ms[i] != time_of(position) ||
                    position < first_position(n) || position >= BATCHES ||
                    !has_extra(samples, i, code_of(n, position)) ||
                    (!samples_histogram(samples, i) &&
                     sample_bits(samples->v[i]) != sample_bits(value_of(n, position))))
                        fail_msg("series %u has a wrong sample", n);
        }
        found->samples[n] = samples->count;
        found->total += samples->count;
}

static void look(const char *dir, struct found *found)
{
        struct tsdb *tsdb = open_store(dir);

        *found = (struct found){0};
        each_series(tsdb, INT64_MIN, INT64_MAX, check_samples, found);
        tsdb_close(tsdb);
}

/* ---- the log cut --------------------------------------------------------------------------- */

/* Ends of the records of samples in the segment, in order, by kind, and of the last that defines
 * series. */
enum { KIND_SAMPLES = 2, KIND_RECORDS = 3, KINDS };

struct records {
        const struct buf *segment;
        uint64_t ends[KINDS][BATCHES_IN_LOG + 8];
        size_t count[KINDS];
        uint64_t definitions_end;
};

static void note_record(void *ctx, uint64_t segment, uint8_t kind, struct str payload)
{
        struct records *records = ctx;
        uint64_t end = (uint64_t)(payload.data + payload.len - records->segment->data);

        (void)segment;
        if (kind >= KIND_SAMPLES && kind < KINDS)
                records->ends[kind][records->count[kind]++] = end;
        else
                records->definitions_end = end;
}

static struct copy *last_segment(struct tree *tree)
{
        struct copy *last = NULL;

        for (size_t i = 0; i < tree->count; i++)
                if (!strncmp(tree->files[i].path, "wal/", 4))
                        last = &tree->files[i];
        assert_non_null(last);
        return last;
}

static void cut_at(struct tree *tree, const char *dir, struct copy *log, size_t offset,
                   const struct records *records)
{
        size_t whole = log->bytes.len;
        uint64_t kept[KINDS] = {0};
        struct found found;

        log->bytes.len = offset;
        tree_write(tree, dir);
        log->bytes.len = whole;
        for (int kind = KIND_SAMPLES; kind < KINDS; kind++)
                while (kept[kind] < records->count[kind] &&
                       records->ends[kind][kept[kind]] <= offset)
                        kept[kind]++;
        look(dir, &found);
        for (uint32_t n = 0; n < SERIES; n++)
                if (found.samples[n] != BATCHES_IN_PARTS - first_position(n) +
                                                kept[is_rich(n) ? KIND_RECORDS : KIND_SAMPLES])
                        fail_msg("log cut at %zu: series %u has %llu samples", offset, n,
                                 (unsigned long long)found.samples[n]);
}

/* The log, without the reserved space at its end, and what it consists of. */
static struct copy *scan_log(struct tree *tree, struct records *records)
{
        struct wal_visitor visitor = {note_record, NULL, records};
        struct copy *log = last_segment(tree);

        while (log->bytes.len && !log->bytes.data[log->bytes.len - 1])
                log->bytes.len--;
        *records = (struct records){.segment = &log->bytes};
        wal_scan((const uint8_t *)log->bytes.data, log->bytes.len,
                 strtoull(log->path + 4, NULL, 16), true, &visitor);
        assert_int_equal(records->count[KIND_SAMPLES], BATCHES_IN_LOG);
        assert_int_equal(records->count[KIND_RECORDS], BATCHES_IN_LOG);
        return log;
}

static void test_log_cut(void **state)
{
        struct rng rng = rng_seeded("log cut");
        struct records records;
        size_t from, step = 1;
        struct copy *log;
        struct tree tree;
        char dir[64];

        (void)state;
        scratch_dir(dir);
        make_tree(&tree, dir);
        log = scan_log(&tree, &records);
        from = log->bytes.len > 65536 ? log->bytes.len - 65536 : 0;
        for (size_t at = from; at <= log->bytes.len; at += step) {
                if (!run_in_full())
                        step = 1 + rng_below(&rng, (log->bytes.len - from) / 100);
                cut_at(&tree, dir, log, at, &records);
        }
        tree_release(&tree);
        remove_tree(dir);
}

/* ---- bits flipped -------------------------------------------------------------------------- */

/* All that is missing lies in one stretch of one series, no longer than a block; or in one record
 * of the log. */
static void check_loss(const struct copy *file, size_t bit, const struct found *found)
{
        uint64_t missing = SAMPLES - found->total;
        uint32_t hurt = 0;

        for (uint32_t n = 0; n < SERIES; n++)
                hurt += found->samples[n] != BATCHES - first_position(n);
        if (!strncmp(file->path, "parts/", 6) && hurt <= 1 && missing <= 300)
                return;
        if (!strncmp(file->path, "wal/", 4) && missing <= SERIES)
                return;
        if (missing)
                fail_msg("bit %zu of %s: %llu samples of %u series are missing", bit, file->path,
                         (unsigned long long)missing, hurt);
}

static void flip(struct tree *tree, const char *dir, struct copy *file, size_t bit)
{
        struct found found;

        file->bytes.data[bit / 8] ^= (char)(1 << bit % 8);
        tree_write(tree, dir);
        file->bytes.data[bit / 8] ^= (char)(1 << bit % 8);
        look(dir, &found);
        check_loss(file, bit, &found);
        if (found.total != SAMPLES && !event_total())
                fail_msg("bit %zu of %s: a loss that nobody was told of", bit, file->path);
}

/* Length up to the last byte that is not zero: behind it a log segment is reserved space. */
static size_t used_bytes(const struct copy *file)
{
        size_t len = file->bytes.len;

        while (len && !file->bytes.data[len - 1])
                len--;
        return len;
}

static void test_bit_flips(void **state)
{
        static const char *const kinds[] = {"wal/", "parts/", "series/", "MANIFEST"};
        struct rng rng = rng_seeded("bit flips");
        int flips = run_in_full() ? 10000 : 300;
        struct tree tree;
        char dir[64];

        (void)state;
        scratch_dir(dir);
        make_tree(&tree, dir);
        for (int i = 0; i < flips;) {
                struct copy *file = &tree.files[rng_below(&rng, tree.count)];
                const char *kind = kinds[i % ARRAY_LEN(kinds)];

                if (strncmp(file->path, kind, strlen(kind)) || !used_bytes(file))
                        continue;
                flip(&tree, dir, file, rng_below(&rng, used_bytes(file) * 8));
                i++;
        }
        tree_release(&tree);
        remove_tree(dir);
}

/* Definitions of series are in the log twice: a damaged one costs nothing. */
static void test_damaged_definitions(void **state)
{
        struct records records;
        struct found found;
        struct copy *log;
        struct tree tree;
        char dir[64];

        (void)state;
        scratch_dir(dir);
        make_tree(&tree, dir);
        log = scan_log(&tree, &records);
        assert_true(records.definitions_end > 100 &&
                    records.definitions_end < records.ends[KIND_SAMPLES][0]);
        for (size_t at = 16; at < records.definitions_end; at += run_in_full() ? 1 : 7) {
                log->bytes.data[at] ^= 4;
                tree_write(&tree, dir);
                log->bytes.data[at] ^= 4;
                look(dir, &found);
                assert_int_equal(found.total, SAMPLES);
        }
        tree_release(&tree);
        remove_tree(dir);
}

/* ---- files gone ---------------------------------------------------------------------------- */

static void test_missing_manifest(void **state)
{
        struct found found;
        struct tree tree;
        char dir[64];

        (void)state;
        scratch_dir(dir);
        make_tree(&tree, dir);
        for (size_t i = 0; i < tree.count; i++)
                if (!strcmp(tree.files[i].path, "MANIFEST"))
                        tree.files[i].path[0] = 'X';
        tree_write(&tree, dir);
        look(dir, &found);
        assert_int_equal(found.total, SAMPLES);
        look(dir, &found);
        assert_int_equal(found.total, SAMPLES);
        tree_release(&tree);
        remove_tree(dir);
}

static void test_lost_copies_of_series_files(void **state)
{
        static const char *const suffixes[] = {".series", ".mirror"};
        struct found found;
        struct tree tree;
        char dir[64];

        (void)state;
        scratch_dir(dir);
        make_tree(&tree, dir);
        for (size_t s = 0; s < 2; s++) {
                for (size_t i = 0; i < tree.count; i++) {
                        char *suffix = strstr(tree.files[i].path, suffixes[s]);

                        if (suffix)
                                *suffix = '_';
                }
                tree_write(&tree, dir);
                look(dir, &found);
                assert_int_equal(found.total, SAMPLES);
                for (size_t i = 0; i < tree.count; i++) {
                        char *suffix = strchr(tree.files[i].path, '_');

                        if (suffix)
                                *suffix = '.';
                }
        }
        tree_release(&tree);
        remove_tree(dir);
}

/* A part without its foot is walked block by block. */
static void test_cut_parts(void **state)
{
        struct found found;
        struct tree tree;
        char dir[64];

        (void)state;
        scratch_dir(dir);
        make_tree(&tree, dir);
        for (size_t i = 0; i < tree.count; i++)
                if (!strncmp(tree.files[i].path, "parts/", 6))
                        tree.files[i].bytes.len -= 100;
        tree_write(&tree, dir);
        look(dir, &found);
        assert_int_equal(found.total, SAMPLES);
        tree_release(&tree);
        remove_tree(dir);
}

/* ---- verify and repair --------------------------------------------------------------------- */

static uint64_t count_damage(const char *dir)
{
        struct tsdb_check check = {0};
        struct error err;

        assert_ok(tsdb_verify(dir, &check, &err), err);
        assert_true(check.files > 4 && check.frames);
        return check.damaged;
}

static void test_verify_and_repair(void **state)
{
        struct rng rng = rng_seeded("verify");
        int flips = run_in_full() ? 2000 : 60, unnoticed = 0;
        struct tree tree;
        char dir[64];

        (void)state;
        scratch_dir(dir);
        make_tree(&tree, dir);
        tree_write(&tree, dir);
        assert_int_equal(count_damage(dir), 0);
        for (int i = 0; i < flips;) {
                struct copy *file = &tree.files[rng_below(&rng, tree.count)];
                struct tsdb_check check = {0};
                struct found before, after;
                struct error err;
                uint64_t damage;
                size_t bit;

                if (!used_bytes(file))
                        continue;
                i++;
                bit = rng_below(&rng, used_bytes(file) * 8);
                file->bytes.data[bit / 8] ^= (char)(1 << bit % 8);
                tree_write(&tree, dir);
                damage = count_damage(dir);
                look(dir, &before);
                if (before.total != SAMPLES && !damage)
                        fail_msg("bit %zu of %s: a loss that verify does not see", bit, file->path);
                /* Bytes that fill up to a multiple of eight, and heads that nobody needs. */
                unnoticed += !damage;
                tree_write(&tree, dir);
                assert_ok(tsdb_repair(dir, &check, &err), err);
                if (before.total != SAMPLES && !check.damaged)
                        fail_msg("bit %zu of %s: a loss that repair does not tell", bit,
                                 file->path);
                if (count_damage(dir))
                        fail_msg("bit %zu of %s: damaged after the repair", bit, file->path);
                look(dir, &after);
                assert_int_equal(after.total, before.total);
                file->bytes.data[bit / 8] ^= (char)(1 << bit % 8);
        }
        assert_true(unnoticed <= 3 + flips / 20);
        tree_release(&tree);
        remove_tree(dir);
}

static void test_verify_refuses(void **state)
{
        struct tsdb_check check = {0};
        struct tree tree;
        struct tsdb *tsdb;
        struct error err;
        char dir[64];

        (void)state;
        scratch_dir(dir);
        assert_false(tsdb_verify(dir, &check, &err));
        assert_int_equal(err.code, ERROR_NOT_FOUND);
        tsdb = open_store(dir);
        assert_false(tsdb_verify(dir, &check, &err));
        assert_int_equal(err.code, ERROR_EXECUTION);
        assert_false(tsdb_repair(dir, &check, &err));
        tsdb_close(tsdb);
        make_tree(&tree, dir);
        for (size_t i = 0; i < tree.count; i++) {
                struct buf *bytes = &tree.files[i].bytes;
                uint32_t crc;

                if (strcmp(tree.files[i].path, "MANIFEST"))
                        continue;
                bytes->data[7]++;
                crc = crc32c(0, bytes->data, bytes->len - 4);
                memcpy(bytes->data + bytes->len - 4, &crc, 4);
        }
        tree_write(&tree, dir);
        assert_false(tsdb_verify(dir, &check, &err));
        assert_int_equal(err.code, ERROR_UNSUPPORTED);
        assert_false(tsdb_repair(dir, &check, &err));
        assert_int_equal(err.code, ERROR_UNSUPPORTED);
        assert_non_null(strstr(err.text, "format version"));
        tree_release(&tree);
        remove_tree(dir);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_log_cut),
                cmocka_unit_test(test_bit_flips),
                cmocka_unit_test(test_damaged_definitions),
                cmocka_unit_test(test_missing_manifest),
                cmocka_unit_test(test_lost_copies_of_series_files),
                cmocka_unit_test(test_cut_parts),
                cmocka_unit_test(test_verify_and_repair),
                cmocka_unit_test(test_verify_refuses),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
