#include "base/thread.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"

ALLOC_TYPE(workers_type, "workers")

/* 2 MiB: the deepest recursion we allow (nested queries and YAML) is bounded well below half of
 * it, encoding a block of samples takes a quarter of one, and the thread sanitizer most of one. */
enum { STACK_BYTES = 2 << 20 };

void thread_start(pthread_t *ret_thread, const char *name, void *(*run)(void *arg), void *arg)
{
        pthread_attr_t attributes;
        sigset_t all, before;
        int failure;

        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, STACK_BYTES);
        failure = pthread_create(ret_thread, &attributes, run, arg);
        pthread_attr_destroy(&attributes);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (failure) {
                fprintf(stderr, "cannot start thread %s: error %d\n", name, failure);
                abort();
        }
        pthread_setname_np(*ret_thread, name);
}

size_t thread_core_count(void)
{
        cpu_set_t set;
        int count;

        if (sched_getaffinity(0, sizeof(set), &set) != 0)
                return 1;
        count = CPU_COUNT(&set);
        return count > 0 ? (size_t)count : 1;
}

struct worker_job {
        void (*run)(void *arg);
        void *arg;
};

struct workers {
        pthread_mutex_t lock;
        pthread_cond_t wake;
        struct worker_job *queue; /* ring; lock */
        size_t queue_max, first, queued; /* lock */
        bool stopping;            /* lock */
        size_t thread_count;
        pthread_t threads[];
};

static void *worker_main(void *arg)
{
        struct workers *workers = arg;

        pthread_mutex_lock(&workers->lock);
        for (;;) {
                struct worker_job job;

                while (!workers->queued && !workers->stopping)
                        pthread_cond_wait(&workers->wake, &workers->lock);
                if (!workers->queued)
                        break;
                job = workers->queue[workers->first];
                workers->first = (workers->first + 1) % workers->queue_max;
                workers->queued--;
                pthread_mutex_unlock(&workers->lock);
                job.run(job.arg);
                pthread_mutex_lock(&workers->lock);
        }
        pthread_mutex_unlock(&workers->lock);
        return NULL;
}

struct workers *workers_new(const char *name, size_t thread_count, size_t queue_max)
{
        struct workers *workers = alloc_new(&workers_type, sizeof(*workers) +
                                                    thread_count * sizeof(pthread_t));

        BUG_ON(!thread_count || !queue_max);
        pthread_mutex_init(&workers->lock, NULL);
        pthread_cond_init(&workers->wake, NULL);
        workers->queue = alloc_new(&workers_type, queue_max * sizeof(*workers->queue));
        workers->queue_max = queue_max;
        workers->thread_count = thread_count;
        for (size_t i = 0; i < thread_count; i++)
                thread_start(&workers->threads[i], name, worker_main, workers);
        return workers;
}

bool workers_submit(struct workers *workers, void (*job)(void *arg), void *arg)
{
        bool accepted;

        pthread_mutex_lock(&workers->lock);
        accepted = workers->queued < workers->queue_max && !workers->stopping;
        if (accepted) {
                size_t at = (workers->first + workers->queued++) % workers->queue_max;

                workers->queue[at] = (struct worker_job){job, arg};
                pthread_cond_signal(&workers->wake);
        }
        pthread_mutex_unlock(&workers->lock);
        return accepted;
}

struct workers *workers_free(struct workers *workers)
{
        if (!workers)
                return NULL;
        pthread_mutex_lock(&workers->lock);
        workers->stopping = true;
        pthread_cond_broadcast(&workers->wake);
        pthread_mutex_unlock(&workers->lock);
        for (size_t i = 0; i < workers->thread_count; i++)
                pthread_join(workers->threads[i], NULL);
        pthread_cond_destroy(&workers->wake);
        pthread_mutex_destroy(&workers->lock);
        alloc_free(&workers_type, workers->queue);
        return alloc_free(&workers_type, workers);
}

struct parallel_for {
        _Atomic size_t next;
        size_t count;
        void (*run)(void *ctx, size_t index);
        void *ctx;
};

static void *parallel_main(void *arg)
{
        struct parallel_for *loop = arg;
        size_t index;

        while ((index = atomic_fetch_add(&loop->next, 1)) < loop->count)
                loop->run(loop->ctx, index);
        return NULL;
}

void thread_parallel_for(size_t thread_count, size_t count, void (*run)(void *ctx, size_t index),
                         void *ctx)
{
        struct parallel_for loop = {.count = count, .run = run, .ctx = ctx};
        pthread_t helpers[64];
        size_t helper_count = thread_count < count ? thread_count : count;

        helper_count = helper_count ? helper_count - 1 : 0;
        if (helper_count > ARRAY_LEN(helpers))
                helper_count = ARRAY_LEN(helpers);
        for (size_t i = 0; i < helper_count; i++)
                thread_start(&helpers[i], "parallel", parallel_main, &loop);
        parallel_main(&loop);
        for (size_t i = 0; i < helper_count; i++)
                pthread_join(helpers[i], NULL);
}
