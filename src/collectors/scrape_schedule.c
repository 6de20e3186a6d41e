#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "collectors/scrape_int.h"

ALLOC_TYPE(scrape_schedule_type, "scrape_schedule")

static void heap_place(struct scrape_manager *manager, size_t at, struct target *target)
{
        manager->heap[at] = target;
        target->heap_at = at;
}

static void heap_rise(struct scrape_manager *manager, size_t at)
{
        struct target *target = manager->heap[at];

        while (at > 0 && manager->heap[(at - 1) / 2]->due_ns > target->due_ns) {
                heap_place(manager, at, manager->heap[(at - 1) / 2]);
                at = (at - 1) / 2;
        }
        heap_place(manager, at, target);
}

static void heap_sink(struct scrape_manager *manager, size_t at)
{
        struct target *target = manager->heap[at];

        for (;;) {
                size_t child = at * 2 + 1;

                if (child >= manager->heap_count)
                        break;
                if (child + 1 < manager->heap_count &&
                    manager->heap[child + 1]->due_ns < manager->heap[child]->due_ns)
                        child++;
                if (manager->heap[child]->due_ns >= target->due_ns)
                        break;
                heap_place(manager, at, manager->heap[child]);
                at = child;
        }
        heap_place(manager, at, target);
}

void scrape_schedule_add(struct scrape_manager *manager, struct target *target)
{
        manager->heap = alloc_array_reserve(&scrape_schedule_type, manager->heap,
                                            &manager->heap_capacity, manager->heap_count + 1,
                                            sizeof(*manager->heap));
        manager->heap[manager->heap_count++] = target;
        heap_rise(manager, manager->heap_count - 1);
}

void scrape_schedule_remove(struct scrape_manager *manager, struct target *target)
{
        size_t at = target->heap_at;
        struct target *last = manager->heap[--manager->heap_count];

        if (last == target)
                return;
        heap_place(manager, at, last);
        heap_rise(manager, at);
        heap_sink(manager, last->heap_at);
}

static void run_due(struct scrape_manager *manager, int64_t now_ns)
{
        while (manager->heap_count && manager->heap[0]->due_ns <= now_ns) {
                struct target *target = manager->heap[0];
                int64_t due_ms = target->due_ns / 1000000;
                int64_t interval_ns = target->plan.interval_ms * 1000000;

                target->due_ns += interval_ns;
                /* After a pause of the machine: go on with the present, do not catch up. */
                if (target->due_ns <= now_ns)
                        target->due_ns += (now_ns - target->due_ns) / interval_ns * interval_ns +
                                          interval_ns;
                heap_sink(manager, 0);
                if (!target->scraping)
                        scrape_target_start(target, due_ms, now_ns / 1000000);
        }
}

void scrape_schedule_release(struct scrape_manager *manager)
{
        alloc_free(&scrape_schedule_type, manager->heap);
}

void scrape_schedule_wait(struct scrape_manager *manager, int64_t wall_ns)
{
        struct timespec until = {.tv_sec = wall_ns / 1000000000, .tv_nsec = wall_ns % 1000000000};

        pthread_cond_timedwait(&manager->wake, &manager->lock, &until);
}

void *scrape_schedule_main(void *arg)
{
        struct scrape_manager *manager = arg;
        /* Never sleeps longer, so that a jump of the clock is noticed. */
        const int64_t nap_ns = 1000000000;

        pthread_mutex_lock(&manager->lock);
        while (!atomic_load(&manager->stopping)) {
                int64_t now_ns = clock_now_ns(&clock_real), until_ns = now_ns + nap_ns;

                run_due(manager, now_ns);
                if (manager->heap_count && manager->heap[0]->due_ns < until_ns)
                        until_ns = manager->heap[0]->due_ns;
                scrape_schedule_wait(manager, until_ns);
        }
        pthread_mutex_unlock(&manager->lock);
        return NULL;
}
