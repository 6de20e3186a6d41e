/* Background threads: one syncs the log every half second, one flushes and applies retention, one
 * merges. */
#include <time.h>

#include "base/thread.h"
#include "tsdb/maintain_int.h"

/* Half of the second that power loss may cost, as a sync takes time too. */
enum { SYNC_EVERY_MS = 500 };

/* Waits under worker_lock until woken or the time has passed. */
static void wait_ms(struct tsdb *tsdb, int64_t timeout_ms)
{
        struct timespec until;

        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += timeout_ms / 1000;
        until.tv_nsec += timeout_ms % 1000 * 1000000;
        if (until.tv_nsec >= 1000000000) {
                until.tv_sec++;
                until.tv_nsec -= 1000000000;
        }
        pthread_cond_timedwait(&tsdb->worker_wake, &tsdb->worker_lock, &until);
}

void store_try_recover(struct tsdb *tsdb)
{
        bool room;

        if (!atomic_load(&tsdb->full))
                return;
        pthread_mutex_lock(&tsdb->maintain_lock);
        room = store_make_reserve(tsdb, NULL) && wal_prepare(tsdb->wal, NULL) &&
               wal_sync(tsdb->wal, UINT64_MAX, NULL);
        pthread_mutex_unlock(&tsdb->maintain_lock);
        if (room)
                store_set_full(tsdb, false);
}

static void *run_sync(void *arg)
{
        struct tsdb *tsdb = arg;

        pthread_mutex_lock(&tsdb->worker_lock);
        while (!tsdb->stopping) {
                pthread_mutex_unlock(&tsdb->worker_lock);
                if (!wal_sync(tsdb->wal, UINT64_MAX, NULL))
                        store_set_full(tsdb, true);
                store_try_recover(tsdb);
                /* Without room for a spare segment the disk is as good as full: stop before an
                 * append fails half way. */
                if (!wal_prepare(tsdb->wal, NULL))
                        store_set_full(tsdb, true);
                pthread_mutex_lock(&tsdb->worker_lock);
                if (!tsdb->stopping)
                        wait_ms(tsdb, SYNC_EVERY_MS);
        }
        pthread_mutex_unlock(&tsdb->worker_lock);
        return NULL;
}

static void flush_and_retain(struct tsdb *tsdb)
{
        struct error err;

        pthread_mutex_lock(&tsdb->maintain_lock);
        if (!store_flush(tsdb, &err) || !store_retain(tsdb, &err)) {
                /* Nothing is lost: the log keeps what was not flushed, and the next round tries
                 * again. Appending stops when the log reaches its bound. */
                if (err.code == ERROR_FULL)
                        store_set_full(tsdb, true);
        }
        pthread_mutex_unlock(&tsdb->maintain_lock);
}

static void *run_flush(void *arg)
{
        struct tsdb *tsdb = arg;
        int64_t last_ns = clock_mono_ns(&clock_real);

        pthread_mutex_lock(&tsdb->worker_lock);
        while (!tsdb->stopping) {
                int64_t due_ms = tsdb->options.flush_interval_ms -
                                 (clock_mono_ns(&clock_real) - last_ns) / 1000000;

                if (!tsdb->flush_due && due_ms > 0) {
                        wait_ms(tsdb, due_ms);
                        continue;
                }
                tsdb->flush_due = false;
                pthread_mutex_unlock(&tsdb->worker_lock);
                last_ns = clock_mono_ns(&clock_real);
                flush_and_retain(tsdb);
                pthread_mutex_lock(&tsdb->worker_lock);
                tsdb->merge_due = true;
                pthread_cond_broadcast(&tsdb->worker_wake);
        }
        pthread_mutex_unlock(&tsdb->worker_lock);
        return NULL;
}

static void *run_merge(void *arg)
{
        struct tsdb *tsdb = arg;

        pthread_mutex_lock(&tsdb->worker_lock);
        while (!tsdb->stopping) {
                bool merged = false, ok;

                if (!tsdb->merge_due) {
                        pthread_cond_wait(&tsdb->worker_wake, &tsdb->worker_lock);
                        continue;
                }
                pthread_mutex_unlock(&tsdb->worker_lock);
                ok = store_merge(tsdb, false, &merged, NULL) &&
                     (merged || store_sift(tsdb, NULL));
                pthread_mutex_lock(&tsdb->worker_lock);
                tsdb->merge_due = ok && merged;
        }
        pthread_mutex_unlock(&tsdb->worker_lock);
        return NULL;
}

void store_wake_flush(struct tsdb *tsdb)
{
        pthread_mutex_lock(&tsdb->worker_lock);
        if (!tsdb->flush_due) {
                tsdb->flush_due = true;
                pthread_cond_broadcast(&tsdb->worker_wake);
        }
        pthread_mutex_unlock(&tsdb->worker_lock);
}

void store_start_workers(struct tsdb *tsdb)
{
        tsdb->workers_run = true;
        thread_start(&tsdb->sync_thread, "tsdb-sync", run_sync, tsdb);
        thread_start(&tsdb->flush_thread, "tsdb-flush", run_flush, tsdb);
        thread_start(&tsdb->merge_thread, "tsdb-merge", run_merge, tsdb);
}

void store_stop_workers(struct tsdb *tsdb)
{
        if (!tsdb->workers_run)
                return;
        pthread_mutex_lock(&tsdb->worker_lock);
        tsdb->stopping = true;
        pthread_cond_broadcast(&tsdb->worker_wake);
        pthread_mutex_unlock(&tsdb->worker_lock);
        pthread_join(tsdb->sync_thread, NULL);
        pthread_join(tsdb->flush_thread, NULL);
        pthread_join(tsdb->merge_thread, NULL);
        tsdb->workers_run = false;
}
