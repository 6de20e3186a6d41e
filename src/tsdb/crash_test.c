/* What a store promises when it is killed, when the disk is full, and when single operations
 * fail: every sample acknowledged or returned by a query is there afterwards, with the same bits.
 *
 * A child process appends and queries; it notes in shared memory what it was told. Samples are a
 * function of series and position, so that the parent knows what must be there. */
#include "tsdb/fixture_test.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "base/file.h"

enum { WRITERS = 3, SERIES_PER_WRITER = 40, SERIES = WRITERS * SERIES_PER_WRITER };

/* Shared with the child. Positions below are promised. */
struct promises {
        _Atomic uint64_t appended[SERIES]; /* append() returned */
        _Atomic uint64_t queried[SERIES];  /* read() returned */
        _Atomic uint64_t exemplars[WRITERS]; /* of the first series of each writer */
        _Atomic uint64_t deletions;          /* delete() returned; samples of series "gone" */
        _Atomic uint64_t queries;
};

static int64_t time_of(uint64_t position)
{
        return 1700000000000 + (int64_t)position * 1000;
}

static double value_of(uint32_t n, uint64_t position)
{
        uint64_t mixed = (n * 1000003u + position) * 0x9e3779b97f4a7c15u;

        if (position % 97 == 13)
                return sample_from_bits(SAMPLE_STALE_BITS);
        return n % 2 ? (double)(mixed >> 54) / 8 : sample_from_bits(mixed >> 2);
}

/* Every fifth series has histograms and start timestamps. */
static uint64_t code_of(uint32_t n, uint64_t position)
{
        return n % 5 == 4 && position % 97 != 13 ? 1 + position + 64 * n : 0;
}

static bool is_as_written(uint32_t n, uint64_t position, const struct samples *samples, size_t at)
{
        return samples->t_ms[at] == time_of(position) &&
               has_extra(samples, at, code_of(n, position)) &&
               (samples_histogram(samples, at) ||
                sample_bits(samples->v[at]) == sample_bits(value_of(n, position)));
}

static struct promises *new_promises(void)
{
        void *shared = mmap(NULL, sizeof(struct promises), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        assert_true(shared != MAP_FAILED);
        return shared;
}

static void free_promises(struct promises *promises)
{
        munmap(promises, sizeof(*promises));
}

static void fast_options(struct tsdb_options *options, const char *dir)
{
        tsdb_options_init(options, dir);
        options->retention_ms = 0;
        options->max_ahead_ms = 0;
        options->flush_interval_ms = 40;
        options->partition_ms = 600 * 1000;
        options->wal_segment_bytes = 64 << 10;
        options->wal_replay_bytes = 512 << 10;
}

/* ---- checking ------------------------------------------------------------------------------ */

struct stored {
        uint64_t count[SERIES]; /* positions from 0 on without a hole */
        uint64_t exemplars[WRITERS];
};

static void check_samples(void *ctx, uint32_t n, const struct samples *samples)
{
        struct stored *stored = ctx;

        for (size_t i = 0; i < samples->count; i++)
                if (!is_as_written(n, i, samples, i))
                        fail_msg("series %u: sample %zu is wrong or missing", n, i);
        stored->count[n] = samples->count;
}

/* Exemplars of a series are numbered; the last of them are there. */
static void check_exemplars(struct tsdb *tsdb, struct promises *promises, struct stored *stored)
{
        struct series_source source = tsdb_source(tsdb);
        struct exemplar_series *list;
        struct series_selector selector;
        struct matcher matcher;
        struct querier *querier;
        struct arena arena;
        struct error err;
        char number[16];
        size_t count;

        for (uint32_t w = 0; w < WRITERS; w++) {
                arena_init(&arena, SIZE_MAX);
                snprintf(number, sizeof(number), "%u", w * SERIES_PER_WRITER);
                assert_ok(matcher_init(&matcher, &arena, MATCHER_EQUAL, STR_LIT("n"),
                                       str_from(number), &err), err);
                selector = (struct series_selector){&matcher, 1};
                assert_ok(source.open(source.ctx, INT64_MIN, INT64_MAX, &querier, &err), err);
                assert_ok(querier->ops->exemplars(querier, &arena, &selector, 1, &list, &count,
                                                  &err), err);
                assert_true(count <= 1);
                stored->exemplars[w] = count ? (uint64_t)list[0].exemplars[list[0].count - 1].v : 0;
                for (size_t i = 0; count && i < list[0].count; i++)
                        assert_true((uint64_t)list[0].exemplars[i].v ==
                                    stored->exemplars[w] - (list[0].count - 1 - i));
                if (stored->exemplars[w] < promises->exemplars[w])
                        fail_msg("writer %u: %llu exemplars acknowledged, %llu there", w,
                                 (unsigned long long)promises->exemplars[w],
                                 (unsigned long long)stored->exemplars[w]);
                querier->ops->close(querier);
                arena_release(&arena);
        }
}

/* What was deleted stays so. */
static void check_deletions(struct tsdb *tsdb, struct promises *promises)
{
        struct series_source source = tsdb_source(tsdb);
        struct samples samples = {0};
        struct series_list list;
        struct matcher matcher;
        struct querier *querier;
        struct arena arena;
        struct error err;

        arena_init(&arena, SIZE_MAX);
        assert_ok(matcher_init(&matcher, &arena, MATCHER_EQUAL, LABEL_METRIC_NAME,
                               STR_LIT("gone"), &err), err);
        assert_ok(source.open(source.ctx, INT64_MIN, INT64_MAX, &querier, &err), err);
        assert_ok(querier->ops->select(querier, &arena, &matcher, 1, NULL, &list, &err), err);
        for (size_t i = 0; i < list.count; i++)
                assert_ok(querier->ops->read(querier, &list.items[i], INT64_MIN, INT64_MAX,
                                             &samples, &err), err);
        for (size_t i = 0; i < samples.count; i++)
                if (samples.t_ms[i] <= time_of(promises->deletions) && promises->deletions)
                        fail_msg("a deleted sample is back");
        querier->ops->close(querier);
        samples_release(&samples);
        arena_release(&arena);
}

static void check_promises(struct tsdb *tsdb, struct promises *promises, struct stored *stored)
{
        *stored = (struct stored){0};
        check_exemplars(tsdb, promises, stored);
        check_deletions(tsdb, promises);
        each_series(tsdb, INT64_MIN, INT64_MAX, check_samples, stored);
        for (uint32_t n = 0; n < SERIES; n++) {
                if (stored->count[n] < promises->appended[n])
                        fail_msg("series %u: %llu samples acknowledged, %llu there", n,
                                 (unsigned long long)promises->appended[n],
                                 (unsigned long long)stored->count[n]);
                if (stored->count[n] < promises->queried[n])
                        fail_msg("series %u: %llu samples were returned, %llu there", n,
                                 (unsigned long long)promises->queried[n],
                                 (unsigned long long)stored->count[n]);
        }
}

/* ---- the child ----------------------------------------------------------------------------- */

struct writer {
        struct tsdb *tsdb;
        struct promises *promises;
        const struct stored *start;
        uint32_t first;
        struct rng rng;
};

/* A block of positions in an order that is not quite time's. */
static size_t shuffled(struct writer *w, uint64_t from, uint64_t *positions)
{
        size_t count = 1 + rng_below(&w->rng, 8);

        for (size_t i = 0; i < count; i++)
                positions[i] = from + i;
        if (rng_below(&w->rng, 4) == 0)
                for (size_t i = count; i > 1; i--) {
                        size_t k = rng_below(&w->rng, i);
                        uint64_t swapped = positions[i - 1];

                        positions[i - 1] = positions[k];
                        positions[k] = swapped;
                }
        return count;
}

/* One more exemplar of the writer's first series. */
static bool append_exemplar(struct writer *w, series_ref ref, uint64_t number)
{
        struct series_sink sink = tsdb_sink(w->tsdb);
        struct label label = {STR_LIT("trace_id"), STR_LIT("4bf92f3577b34da6a3ce929d0e0e4736")};
        struct append_exemplar exemplar = {
                ref, {{&label, 1}, time_of(number), (double)number}};
        struct error err;

        if (!sink.append_exemplars(sink.ctx, &exemplar, 1, NULL, &err))
                return false;
        atomic_store(&w->promises->exemplars[w->first / SERIES_PER_WRITER], number);
        return true;
}

/* Ends the thread when the disk is full: the parent checks what was promised until then. */
static void *run_writer(void *arg)
{
        struct writer *w = arg;
        struct series_sink sink = tsdb_sink(w->tsdb);
        uint64_t next[SERIES_PER_WRITER];
        series_ref refs[SERIES_PER_WRITER] = {0};
        uint64_t exemplars = w->start->exemplars[w->first / SERIES_PER_WRITER];
        struct arena arena;
        struct error err;

        arena_init(&arena, SIZE_MAX);
        for (uint32_t i = 0; i < SERIES_PER_WRITER; i++)
                next[i] = w->start->count[w->first + i];
        for (;;) {
                struct append_sample batch[SERIES_PER_WRITER * 8];
                struct append_extra extras[SERIES_PER_WRITER * 8];
                size_t counts[SERIES_PER_WRITER] = {0}, total = 0;

                for (uint32_t i = 0; i < SERIES_PER_WRITER; i++) {
                        uint64_t positions[8];

                        if (rng_below(&w->rng, 2))
                                continue;
                        if (!refs[i] && !try_resolve(w->tsdb, w->first + i, &refs[i], &err))
                                return NULL;
                        counts[i] = shuffled(w, next[i], positions);
                        for (size_t k = 0; k < counts[i]; k++) {
                                extras[total] = extra_of(&arena,
                                                         code_of(w->first + i, positions[k]),
                                                         time_of(positions[k]));
                                batch[total++] = (struct append_sample){
                                        refs[i], time_of(positions[k]),
                                        value_of(w->first + i, positions[k])};
                        }
                }
                if (!sink.append(sink.ctx, batch, extras, total, NULL, &err))
                        return NULL;
                arena_release(&arena);
                arena_init(&arena, SIZE_MAX);
                if (refs[0] && !append_exemplar(w, refs[0], ++exemplars))
                        return NULL;
                for (uint32_t i = 0; i < SERIES_PER_WRITER; i++) {
                        next[i] += counts[i];
                        atomic_store(&w->promises->appended[w->first + i], next[i]);
                }
        }
}

/* A query may see a block in which the last positions are still out of order. */
static void note_queried(void *ctx, uint32_t n, const struct samples *samples)
{
        struct promises *promises = ctx;
        uint64_t count = 0;

        while (count < samples->count && samples->t_ms[count] == time_of(count)) {
                if (!is_as_written(n, count, samples, count))
                        abort();
                count++;
        }
        if (count > atomic_load(&promises->queried[n]))
                atomic_store(&promises->queried[n], count);
}

NORETURN static void run_reader(struct writer *w)
{
        for (;;) {
                each_series(w->tsdb, INT64_MIN, INT64_MAX, note_queried, w->promises);
                atomic_fetch_add(&w->promises->queries, 1);
        }
}

static void run_child(const char *dir, struct promises *promises, const struct stored *start,
                      uint64_t seed)
{
        struct writer writers[WRITERS];
        struct tsdb_options options;
        pthread_t thread;
        struct tsdb *tsdb;
        struct error err;

        fast_options(&options, dir);
        options.sync = seed % 5 == 0 ? TSDB_SYNC_ALWAYS : TSDB_SYNC_SECOND;
        if (!tsdb_open(&tsdb, &options, &err)) {
                fprintf(stderr, "%s\n", err.text);
                _exit(1);
        }
        for (uint32_t i = 0; i < WRITERS; i++) {
                writers[i] = (struct writer){tsdb, promises, start, i * SERIES_PER_WRITER,
                                             {seed + i}};
                pthread_create(&thread, NULL, run_writer, &writers[i]);
        }
        run_reader(&writers[0]);
}

/* ---- kill -9 ------------------------------------------------------------------------------- */

static void kill_round(const char *dir, struct promises *promises, struct stored *stored,
                       struct rng *rng)
{
        struct tsdb_options options;
        uint64_t seed = rng_next(rng);
        struct tsdb *tsdb;
        struct error err;
        int status;
        pid_t child;

        atomic_store(&promises->queries, 0);
        fflush(stdout);
        child = fork();
        assert_true(child >= 0);
        if (child == 0)
                run_child(dir, promises, stored, seed);
        /* Most kills hit a store at work, some hit it opening. */
        for (int i = 0; seed % 4 && i < 10000 && !atomic_load(&promises->queries); i++)
                usleep(1000);
        usleep((useconds_t)rng_below(rng, 300000));
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
                fail_msg("the child ended by itself, status %d", status);
        fast_options(&options, dir);
        options.manual = true;
        assert_ok(tsdb_open(&tsdb, &options, &err), err);
        check_promises(tsdb, promises, stored);
        if (rng_below(rng, 3) == 0)
                assert_ok(tsdb_maintain(tsdb, &err), err);
        check_promises(tsdb, promises, stored);
        tsdb_close(tsdb);
}

static void test_kill(void **state)
{
        struct promises *promises = new_promises();
        struct rng rng = rng_seeded("kill");
        struct stored stored = {0};
        uint64_t total = 0;
        char dir[64];

        (void)state;
        scratch_dir(dir);
        for (int round = 0; round < 50; round++) {
                /* A long history makes each check slow without telling more. */
                if (round % 5 == 0 && round) {
                        remove_tree(dir);
                        scratch_dir(dir);
                        memset(promises, 0, sizeof(*promises));
                        stored = (struct stored){0};
                }
                kill_round(dir, promises, &stored, &rng);
                for (uint32_t n = 0; round % 5 == 4 && n < SERIES; n++)
                        total += stored.count[n];
        }
        printf("kill: %llu samples survived 50 kills\n", (unsigned long long)total);
        assert_true(total > 0);
        remove_tree(dir);
        free_promises(promises);
}

/* ---- single failures ----------------------------------------------------------------------- */

struct plan {
        _Atomic int countdown; /* operations that go well before the failure */
        int failures;          /* then so many fail */
        int number;            /* with this errno */
        bool only_sync;
};

static int fail_as_planned(void *ctx, enum file_op op, const char *path, size_t *len)
{
        struct plan *plan = ctx;
        int left;

        (void)path;
        if (plan->only_sync && op != FILE_OP_SYNC)
                return 0;
        left = atomic_fetch_sub(&plan->countdown, 1);
        if (left > 0 || left <= -plan->failures)
                return 0;
        if (len)
                *len /= 2;
        return plan->number;
}

static void append_block(struct tsdb *tsdb, struct promises *promises, uint64_t *next)
{
        struct series_sink sink = tsdb_sink(tsdb);
        struct append_sample batch[SERIES];
        struct append_extra extras[SERIES];
        struct arena arena;
        struct error err;
        bool ok = true;

        arena_init(&arena, SIZE_MAX);
        for (uint32_t n = 0; n < SERIES && ok; n++) {
                series_ref ref = SERIES_REF_NONE;

                ok = try_resolve(tsdb, n, &ref, &err);
                extras[n] = extra_of(&arena, code_of(n, *next), time_of(*next));
                batch[n] = (struct append_sample){ref, time_of(*next), value_of(n, *next)};
        }
        ok = ok && sink.append(sink.ctx, batch, extras, SERIES, NULL, &err);
        arena_release(&arena);
        if (!ok)
                return;
        ++*next;
        for (uint32_t n = 0; n < SERIES; n++)
                atomic_store(&promises->appended[n], *next);
}

/* Sample after sample of one series, each deleted at once. */
static void append_and_delete(struct tsdb *tsdb, struct promises *promises, uint64_t *number)
{
        struct label label = {LABEL_METRIC_NAME, STR_LIT("gone")};
        struct series_sink sink = tsdb_sink(tsdb);
        struct series_selector selector;
        struct append_sample sample = {0};
        struct matcher matcher;
        struct arena arena;
        struct error err;
        bool ok;

        arena_init(&arena, SIZE_MAX);
        assert_ok(matcher_init(&matcher, &arena, MATCHER_EQUAL, label.name, label.value, &err),
                  err);
        selector = (struct series_selector){&matcher, 1};
        sample.t_ms = time_of(++*number);
        ok = sink.resolve(sink.ctx, (struct labels){&label, 1}, &sample.ref, &err) &&
             sink.append(sink.ctx, &sample, NULL, 1, NULL, &err) &&
             tsdb_delete(tsdb, &selector, 1, INT64_MIN, INT64_MAX, &err);
        if (ok)
                atomic_store(&promises->deletions, *number);
        arena_release(&arena);
}

/* A day in the life: every kind of file is written. */
static void run_script(const char *dir, struct promises *promises)
{
        struct tsdb_options options;
        struct tsdb *tsdb;
        struct error err;
        uint64_t next = 0, number = 0;

        fast_options(&options, dir);
        options.manual = true;
        options.sync = TSDB_SYNC_ALWAYS;
        for (int life = 0; life < 2; life++) {
                if (!tsdb_open(&tsdb, &options, &err))
                        return;
                for (int i = 0; i < 12; i++) {
                        append_block(tsdb, promises, &next);
                        append_block(tsdb, promises, &next);
                        if (!tsdb_maintain(tsdb, &err))
                                append_block(tsdb, promises, &next);
                }
                append_block(tsdb, promises, &next);
                append_and_delete(tsdb, promises, &number);
                append_and_delete(tsdb, promises, &number);
                if (life && !tsdb_clean_tombstones(tsdb, &err))
                        append_block(tsdb, promises, &next);
                if (!tsdb_seal(tsdb, &err))
                        append_block(tsdb, promises, &next);
                tsdb_close(tsdb);
        }
}

/* Runs the script in a child with the plan; returns whether it got past the planned failure. */
static bool fail_once(struct plan plan, struct promises *promises)
{
        struct tsdb_options options;
        struct stored stored;
        struct tsdb *tsdb;
        struct error err;
        char dir[64];
        int status;
        pid_t child;

        scratch_dir(dir);
        memset(promises, 0, sizeof(*promises));
        child = fork();
        if (child == 0) {
                struct file_fault fault = {fail_as_planned, &plan};

                /* A disk that breaks ends the process; its last words would clutter the log. */
                if (!freopen("/dev/null", "w", stderr))
                        _exit(2);
                file_fault_set(&fault);
                run_script(dir, promises);
                _exit(atomic_load(&plan.countdown) > 0 ? 1 : 0);
        }
        waitpid(child, &status, 0);
        if (WIFSIGNALED(status) && WTERMSIG(status) != SIGABRT)
                fail_msg("the child died of signal %d", WTERMSIG(status));
        fast_options(&options, dir);
        options.manual = true;
        assert_ok(tsdb_open(&tsdb, &options, &err), err);
        check_promises(tsdb, promises, &stored);
        tsdb_close(tsdb);
        remove_tree(dir);
        return !(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

static void test_nth_operation_fails(void **state)
{
        static const struct {
                int number, failures;
                bool only_sync;
        } kinds[] = {{ENOSPC, 1, false}, {ENOSPC, 5, false}, {EIO, 1, false}, {EIO, 1, true}};
        struct promises *promises = new_promises();
        struct rng rng = rng_seeded("nth operation");

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
                int n = run_in_full() ? 0 : (int)rng_below(&rng, 8);

                for (bool reached = true; reached;
                     n += run_in_full() ? 1 : 1 + (int)rng_below(&rng, 30)) {
                        struct plan plan = {n, kinds[i].failures, kinds[i].number,
                                            kinds[i].only_sync};

                        reached = fail_once(plan, promises);
                }
        }
        free_promises(promises);
}

/* ---- a full disk --------------------------------------------------------------------------- */

/* A disk that has no room as long as this says so. */
static _Atomic bool disk_is_full;

static int fail_when_full(void *ctx, enum file_op op, const char *path, size_t *len)
{
        (void)ctx;
        (void)path;
        if (op == FILE_OP_SYNC || op == FILE_OP_RENAME || !atomic_load(&disk_is_full))
                return 0;
        if (len)
                *len /= 3;
        return ENOSPC;
}

static void wait_until(struct tsdb *tsdb, bool full)
{
        for (int i = 0; i < 1000 && tsdb_is_full(tsdb) != full; i++)
                usleep(10000);
        assert_int_equal(tsdb_is_full(tsdb), full);
}

static void count_event(void *ctx, const struct tsdb_event *event)
{
        _Atomic int *events = ctx;

        atomic_fetch_add(&events[event->kind], 1);
}

static void test_full_disk(void **state)
{
        struct file_fault fault = {fail_when_full, NULL};
        struct promises *promises = new_promises();
        _Atomic int events[TSDB_EVENT_KINDS] = {0};
        struct tsdb_options options;
        struct stored stored;
        struct tsdb *tsdb;
        struct error err;
        uint64_t next = 0, before;
        char dir[64];

        (void)state;
        scratch_dir(dir);
        fast_options(&options, dir);
        options.on_event = count_event;
        options.event_ctx = events;
        atomic_store(&disk_is_full, false);
        file_fault_set(&fault);
        assert_ok(tsdb_open(&tsdb, &options, &err), err);
        for (int round = 0; round < 3; round++) {
                for (int i = 0; i < 300; i++)
                        append_block(tsdb, promises, &next);
                before = next;
                assert_true(before >= 300u * (unsigned)(round + 1));
                atomic_store(&disk_is_full, true);
                append_block(tsdb, promises, &next);
                wait_until(tsdb, true);
                for (int i = 0; i < 10; i++)
                        append_block(tsdb, promises, &next);
                check_promises(tsdb, promises, &stored);
                atomic_store(&disk_is_full, false);
                wait_until(tsdb, false);
                before = next;
                append_block(tsdb, promises, &next);
                assert_int_equal(next, before + 1);
        }
        check_promises(tsdb, promises, &stored);
        tsdb_close(tsdb);
        file_fault_set(NULL);
        assert_int_equal(events[TSDB_EVENT_DISK_FULL], 3);
        assert_int_equal(events[TSDB_EVENT_DISK_RECOVERED], 3);
        assert_ok(tsdb_open(&tsdb, &options, &err), err);
        check_promises(tsdb, promises, &stored);
        tsdb_close(tsdb);
        remove_tree(dir);
        free_promises(promises);
}

/* The same on a real small file system, where that is permitted. */
static void test_small_file_system(void **state)
{
        struct promises *promises = new_promises();
        struct tsdb_options options;
        struct stored stored;
        struct tsdb *tsdb;
        struct error err;
        uint64_t next = 0, before;
        char dir[64], ballast[96];
        struct file file;

        (void)state;
        scratch_dir(dir);
        if (mount("tmpfs", dir, "tmpfs", 0, "size=6m")) {
                printf("small file system: not permitted to mount one, left out\n");
                remove_tree(dir);
                free_promises(promises);
                skip();
        }
        fast_options(&options, dir);
        snprintf(ballast, sizeof(ballast), "%s/ballast", dir);
        assert_ok(tsdb_open(&tsdb, &options, &err), err);
        for (int i = 0; i < 50; i++)
                append_block(tsdb, promises, &next);
        assert_ok(file_open(&file, ballast, FILE_CREATE, &err), err);
        for (uint64_t size = 4 << 20; size; size /= 2)
                for (uint64_t held = 0;; held += size) {
                        uint64_t had;

                        assert_ok(file_size(&file, &had, &err), err);
                        if (!file_allocate(&file, had + size, NULL))
                                break;
                }
        for (int i = 0; i < 20000 && !tsdb_is_full(tsdb); i++)
                append_block(tsdb, promises, &next);
        assert_true(tsdb_is_full(tsdb));
        check_promises(tsdb, promises, &stored);
        file_close(&file);
        assert_ok(file_remove(ballast, &err), err);
        wait_until(tsdb, false);
        before = next;
        append_block(tsdb, promises, &next);
        assert_int_equal(next, before + 1);
        tsdb_close(tsdb);
        assert_ok(tsdb_open(&tsdb, &options, &err), err);
        check_promises(tsdb, promises, &stored);
        tsdb_close(tsdb);
        assert_int_equal(umount(dir), 0);
        remove_tree(dir);
        free_promises(promises);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_kill),
                cmocka_unit_test(test_nth_operation_fails),
                cmocka_unit_test(test_full_disk),
                cmocka_unit_test(test_small_file_system),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
