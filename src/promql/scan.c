/* Reading series. One series is read and computed at a time per thread, a stretch of time after
 * the other, so that memory does not grow with the length of the query; waves of rows are then
 * handed on in the order of the list. */
#include <stdatomic.h>

#include "base/alloc.h"
#include "base/thread.h"
#include "promql/scan_int.h"

ALLOC_TYPE(scan_type, "promql_scan")

enum {
        WAVE_VALUES = 1 << 18,         /* 2 MiB of results at once */
        PARALLEL_COST_MIN = 512,       /* below, starting threads costs more than it saves */
        STRETCH_MIN_MS = 7 * 86400000, /* steps computed from one read */
        FIRST_SLICE_MS = 2 * 3600000,  /* of a read; doubled while samples are sparse */
        SPARSE_SLICE_SAMPLES = 1 << 16,
        WAVE_HISTOGRAM_BYTES = 8 << 20, /* of histograms at once; a single row may have more */
};

double *scratch_sort(struct scratch *scratch, size_t count)
{
        scratch->sort = alloc_array_reserve(&scan_type, scratch->sort, &scratch->sort_capacity,
                                            count, sizeof(*scratch->sort));
        return scratch->sort;
}

size_t *scratch_events(struct scratch *scratch, size_t count)
{
        scratch->events = alloc_array_reserve(&scan_type, scratch->events,
                                              &scratch->events_capacity, count,
                                              sizeof(*scratch->events));
        return scratch->events;
}

void points_reserve(struct points *points, size_t count)
{
        size_t capacity = points->capacity * 2 > count ? points->capacity * 2 : count;

        if (count <= points->capacity)
                return;
        points->t_ms = alloc_resize(&scan_type, points->t_ms, capacity * sizeof(*points->t_ms));
        points->start_ms = alloc_resize(&scan_type, points->start_ms,
                                        capacity * sizeof(*points->start_ms));
        points->v = alloc_resize(&scan_type, points->v, capacity * sizeof(*points->v));
        points->h = alloc_resize(&scan_type, points->h, capacity * sizeof(*points->h));
        points->reset = alloc_resize(&scan_type, points->reset,
                                     capacity * sizeof(*points->reset));
        points->capacity = capacity;
}

static void points_release(struct points *points)
{
        alloc_free(&scan_type, points->t_ms);
        alloc_free(&scan_type, points->start_ms);
        alloc_free(&scan_type, points->v);
        alloc_free(&scan_type, points->h);
        alloc_free(&scan_type, points->reset);
}

void scan_row_put(struct scratch *scratch, struct scan_row *row, size_t step,
                  const struct histogram *h)
{
        if (!row->h)
                row->h = arena_array(&scratch->made, const struct histogram *, row->width);
        row->h[step] = h;
        row->v[step] = 0;
}

void scratch_release(struct scratch *scratch)
{
        samples_release(&scratch->samples);
        points_release(&scratch->floats);
        points_release(&scratch->histograms);
        arena_release(&scratch->made);
        alloc_free(&scan_type, scratch->sort);
        alloc_free(&scan_type, scratch->events);
        alloc_free(&scan_type, scratch->per_step);
}

VECTORIZE static bool any_stale(const double *v, size_t count)
{
        bool any = false;

        for (size_t i = 0; i < count; i++)
                any |= sample_is_stale(v[i]);
        return any;
}

static void drop_stale(struct samples *samples)
{
        size_t kept = 0;

        if (!samples->count || !any_stale(samples->v, samples->count))
                return;
        for (size_t i = 0; i < samples->count; i++) {
                if (sample_is_stale(samples->v[i]))
                        continue;
                samples_move(samples, kept++, i);
        }
        samples_truncate(samples, kept);
}

static bool check_size(const struct eval *eval, const struct samples *samples, struct error *err)
{
        size_t bytes = samples->count * sizeof(struct sample) +
                       (samples->arena ? samples->arena->used_bytes : 0);

        /* All threads together hold at most half of the bytes in samples. */
        if (samples->count > eval->budget.samples_max ||
            bytes > eval->budget.bytes_max / 2 / eval->options.threads)
                return error_set(err, ERROR_LIMIT,
                                 "query processing would load too many samples into memory in "
                                 "query execution");
        if (query_budget_expired(&eval->budget))
                return error_set(err, ERROR_CANCELED,
                                 "query was canceled in expression evaluation");
        return true;
}

/* In slices, so that a dense series is noticed before it fills the memory. */
bool scan_read(struct eval *eval, const struct series *series, int64_t mint_ms,
               int64_t maxt_ms, bool keep_stale, struct samples *samples, struct error *err)
{
        int64_t slice_ms = FIRST_SLICE_MS;

        samples_truncate(samples, 0);
        for (int64_t from = mint_ms; from <= maxt_ms;) {
                int64_t to = maxt_ms - from < slice_ms ? maxt_ms : from + slice_ms - 1;
                size_t before = samples->count;

                if (!eval->querier->ops->read(eval->querier, series, from, to, samples, err) ||
                    !query_budget_add_read(&eval->budget, samples->count - before, err) ||
                    !check_size(eval, samples, err))
                        return false;
                if (samples->count - before < SPARSE_SLICE_SAMPLES && slice_ms < INT64_MAX / 16)
                        slice_ms *= 8;
                if (to == maxt_ms)
                        break;
                from = to + 1;
        }
        if (!keep_stale)
                drop_stale(samples);
        return true;
}

struct worker {
        struct scratch scratch;
        struct error error;
        bool failed;
};

struct wave {
        struct eval *eval;
        const struct scan *scan;
        size_t first, rows;
        _Atomic size_t next; /* row of the wave that nobody has begun */
        double *v;
        struct scan_row *results;
        struct worker *workers;
        size_t worker_count;
};

/* The last step whose window can still be read together with that of `from`. */
static size_t stretch_end(const struct scan *scan, size_t from)
{
        int64_t span = scan->range_ms * 4 > STRETCH_MIN_MS ? scan->range_ms * 4 : STRETCH_MIN_MS;
        size_t steps = scan->grid->count - from;

        if (scan->fixed || !scan->grid->step_ms)
                return scan->grid->count;
        if ((int64_t)steps > span / scan->grid->step_ms)
                steps = (size_t)(span / scan->grid->step_ms) + 1;
        return from + (steps < scan->grid->count - from ? steps : scan->grid->count - from);
}

static bool compute_series(struct wave *wave, struct scratch *scratch, size_t index,
                           struct scan_row *row, struct error *err)
{
        const struct scan *scan = wave->scan;
        bool keep_stale = !scan->range_ms && !scan->without_stale;
        int64_t back_ms = scan->range_ms ? scan->range_ms : wave->eval->options.lookback_ms;

        for (size_t i = 0; i < scan->grid->count; i++)
                row->v[i] = row_absent();
        for (size_t from = 0; from < scan->grid->count;) {
                size_t to = stretch_end(scan, from);

                if (!scan_read(wave->eval, &scan->list->items[index],
                               scan_window_end(scan, from) - back_ms - scan->before_ms + 1,
                               scan_window_end(scan, to - 1) + scan->after_ms, keep_stale,
                               &scratch->samples, err))
                        return false;
                if (scratch->samples.count)
                        scan->compute(scan->ctx, scratch, index, from, to, row);
                if (arena_over_budget(&scratch->made))
                        return error_set(err, ERROR_LIMIT,
                                         "query processing would use more than %zu bytes of "
                                         "memory in query execution",
                                         wave->eval->budget.bytes_max);
                from = to;
        }
        return true;
}

static void compute_rows(void *ctx, size_t index)
{
        struct wave *wave = ctx;
        struct worker *worker = &wave->workers[index];
        size_t width = wave->scan->grid->count;

        while (worker->scratch.made.used_bytes < WAVE_HISTOGRAM_BYTES) {
                size_t row = atomic_fetch_add(&wave->next, 1);

                if (row >= wave->rows)
                        return;
                wave->results[row] = (struct scan_row){.width = width,
                                                       .v = wave->v + row * width};
                if (!compute_series(wave, &worker->scratch, wave->first + row,
                                    &wave->results[row], &worker->error)) {
                        worker->failed = true;
                        atomic_store(&wave->next, wave->rows);
                        return;
                }
        }
}

static bool hand_on(struct wave *wave, struct error *err)
{
        for (size_t i = 0; i < wave->rows; i++) {
                const struct scan_row *row = &wave->results[i];

                if (!query_budget_check(&wave->eval->budget, err))
                        return false;
                if ((row->notes || row_present(row->v, row->width)) &&
                    !wave->scan->emit(wave->scan->ctx, wave->first + i, row, err))
                        return false;
        }
        return true;
}

/* The rows of the wave hold histograms until they have been handed on. */
static bool hand_on_and_forget(struct wave *wave, struct error *err)
{
        struct query_budget *budget = &wave->eval->budget;
        size_t bytes = 0;
        bool ok;

        for (size_t w = 0; w < wave->worker_count; w++)
                bytes += wave->workers[w].scratch.made.used_bytes;
        budget->extra_bytes += bytes;
        ok = hand_on(wave, err);
        budget->extra_bytes -= bytes;
        for (size_t w = 0; bytes && w < wave->worker_count; w++)
                arena_release(&wave->workers[w].scratch.made);
        return ok;
}

static void count_read(struct wave *wave)
{
        struct eval *eval = wave->eval;

        for (size_t w = 0; w < wave->worker_count; w++) {
                struct scratch *scratch = &wave->workers[w].scratch;

                if (!eval->subqueries)
                        eval->stats.samples_total += scratch->samples_read;
                scratch->samples_read = 0;
                for (size_t i = 0; scratch->per_step && i < eval->grid.count; i++) {
                        eval->stats.samples_per_step[i] += scratch->per_step[i];
                        scratch->per_step[i] = 0;
                }
        }
}

static bool run_wave(struct wave *wave, struct error *err)
{
        atomic_store(&wave->next, 0);
        if (wave->worker_count > 1)
                thread_parallel_for(wave->worker_count, wave->worker_count, compute_rows, wave);
        else
                compute_rows(wave, 0);
        for (size_t w = 0; w < wave->worker_count; w++) {
                if (!wave->workers[w].failed)
                        continue;
                /* Helpers cannot tell a timeout from a client that left. */
                if (query_budget_check(&wave->eval->budget, err))
                        *err = wave->workers[w].error;
                return false;
        }
        /* Workers that had enough histograms left rows to the next wave. */
        if (atomic_load(&wave->next) < wave->rows)
                wave->rows = atomic_load(&wave->next);
        count_read(wave);
        return hand_on_and_forget(wave, err);
}

bool scan_run(struct eval *eval, const struct scan *scan, struct error *err)
{
        size_t total = scan->list->count, width = scan->grid->count;
        size_t rows_max = WAVE_VALUES / width + 1 < total ? WAVE_VALUES / width + 1 : total;
        bool parallel = total * (1 + width / 16) >= PARALLEL_COST_MIN;
        bool per_step = eval->stats.samples_per_step && !eval->subqueries &&
                        width == eval->grid.count;
        struct wave wave = {.eval = eval,
                            .scan = scan,
                            .worker_count = parallel ? eval->options.threads : 1};
        bool ok = true;

        if (!total)
                return true;
        wave.v = alloc_new(&scan_type, rows_max * width * sizeof(*wave.v));
        wave.results = alloc_new(&scan_type, rows_max * sizeof(*wave.results));
        wave.workers = alloc_new(&scan_type, wave.worker_count * sizeof(*wave.workers));
        for (size_t w = 0; w < wave.worker_count; w++)
                arena_init(&wave.workers[w].scratch.made,
                           eval->budget.bytes_max / 2 / wave.worker_count);
        for (size_t w = 0; per_step && w < wave.worker_count; w++)
                wave.workers[w].scratch.per_step =
                        alloc_new(&scan_type, width * sizeof(uint64_t));
        for (wave.first = 0; ok && wave.first < total; wave.first += wave.rows) {
                wave.rows = total - wave.first < rows_max ? total - wave.first : rows_max;
                ok = run_wave(&wave, err);
        }
        for (size_t w = 0; w < wave.worker_count; w++)
                scratch_release(&wave.workers[w].scratch);
        alloc_free(&scan_type, wave.v);
        alloc_free(&scan_type, wave.results);
        alloc_free(&scan_type, wave.workers);
        return ok;
}
