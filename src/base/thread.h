/* base/thread.h - threads, a bounded worker pool, and a parallel for. */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>

#include "base/compiler.h"

/* Starts a named thread (at most 15 characters are shown by the system). Signals are blocked in
 * it. Failure to start a thread is fatal. */
void thread_start(pthread_t *ret_thread, const char *name, void *(*run)(void *arg), void *arg);

size_t thread_core_count(void); /* cores this process may use, at least 1 */

/* A fixed number of threads that take jobs from a bounded queue. Thread-safe. */
struct workers;

struct workers *workers_new(const char *name, size_t thread_count, size_t queue_max);
/* False when the queue is full: the caller tells its client, nothing waits. */
NODISCARD bool workers_submit(struct workers *workers, void (*job)(void *arg), void *arg);
/* Runs what is queued, then ends the threads. Takes NULL, returns NULL. */
struct workers *workers_free(struct workers *workers);

/* Calls run(ctx, i) for i in 0..count-1 from up to thread_count threads, the caller's among
 * them, in no order, and waits for all. */
void thread_parallel_for(size_t thread_count, size_t count, void (*run)(void *ctx, size_t index),
                         void *ctx);

#endif
