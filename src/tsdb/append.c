/* The sink: checks samples, logs them, makes them visible. */
#include <inttypes.h>

#include "tsdb/sample_record_int.h"
#include "tsdb/store_int.h"

static bool refuse_series(struct tsdb *tsdb, struct error *err)
{
        atomic_fetch_add_explicit(&tsdb->series_refused, 1, memory_order_relaxed);
        if (!atomic_load(&tsdb->refuses_series) && !atomic_exchange(&tsdb->refuses_series, true))
                store_event(tsdb, TSDB_EVENT_SERIES_REFUSED, "", 0, 0);
        return error_set(err, ERROR_LIMIT, "limit of %" PRIu64 " series reached",
                         atomic_load(&tsdb->series_limit));
}

bool store_resolve(void *ctx, struct labels labels, series_ref *ret_ref, struct error *err)
{
        struct tsdb *tsdb = ctx;
        enum index_made made;
        uint32_t id;

        if (atomic_load_explicit(&tsdb->full, memory_order_relaxed))
                return error_set(err, ERROR_FULL, "disk is full, samples are refused");
        pthread_rwlock_rdlock(&tsdb->index_swap);
        made = index_resolve(tsdb->index, labels,
                             atomic_load_explicit(&tsdb->series_limit, memory_order_relaxed),
                             &tsdb->next_series, &id);
        pthread_rwlock_unlock(&tsdb->index_swap);
        if (UNLIKELY(made == INDEX_REFUSED))
                return refuse_series(tsdb, err);
        if (made == INDEX_CREATED)
                atomic_fetch_add(&tsdb->series_created, 1);
        *ret_ref = id;
        return true;
}

/* In samples. */
enum { PREFETCH_AHEAD = 8 };

/* One append under way. */
struct batch {
        struct tsdb *tsdb;
        struct view *view;      /* when something had to be looked up */
        struct samples found;   /* scratch for that */
        const struct append_extra *extras;
        int64_t oldest_ms, newest_ms, out_of_order_ms;
        size_t accepted_count, record_count;
        uint64_t outcomes[TSDB_OUTCOMES];
};

static void batch_init(struct batch *batch, struct tsdb *tsdb)
{
        int64_t retention_ms = atomic_load_explicit(&tsdb->longest_retention_ms,
                                                    memory_order_relaxed);
        int64_t ahead_ms = atomic_load_explicit(&tsdb->max_ahead_ms, memory_order_relaxed);
        int64_t now_ms = clock_now_ms(&tsdb->clock);

        *batch = (struct batch){.tsdb = tsdb};
        batch->oldest_ms = retention_ms ? now_ms - retention_ms : -STORE_T_MAX_MS;
        batch->newest_ms = ahead_ms ? now_ms + ahead_ms : STORE_T_MAX_MS;
        batch->out_of_order_ms = atomic_load_explicit(&tsdb->out_of_order_ms,
                                                      memory_order_relaxed);
}

static void batch_release(struct batch *batch)
{
        view_unref(batch->view);
        samples_release(&batch->found);
}

/* Samples of the series from t_ms on, from memory and parts. */
static void look_up(struct batch *batch, uint32_t series, int64_t t_ms, int64_t maxt_ms)
{
        if (!batch->view)
                batch->view = store_view(batch->tsdb);
        samples_truncate(&batch->found, 0);
        view_read(batch->tsdb, batch->view, series, t_ms, maxt_ms, &batch->found);
}

/* A sample as it is checked: its value as bits that say whether two are the same. */
struct checked {
        const struct append_sample *sample;
        const struct append_extra *extra; /* NULL: a float without a start timestamp */
        uint64_t bits;
};

static enum append_outcome compare_bits(uint64_t stored, uint64_t given)
{
        return stored == given ? APPEND_DUPLICATE_SAME : APPEND_DUPLICATE_OTHER;
}

static uint64_t found_bits(const struct samples *found, size_t at)
{
        return sample_record_bits(found->v[at], samples_histogram(found, at));
}

static uint64_t accepted_bits(const struct batch *batch, const struct accepted *accepted)
{
        const struct histogram *h =
                accepted->extra ? batch->extras[accepted->extra - 1].h : NULL;

        return sample_record_bits(accepted->sample.v, h);
}

/* A sample that is not the newest of its series. */
static enum append_outcome check_late(struct batch *batch, uint32_t series, int64_t newest_ms,
                                      const struct checked *checked)
{
        const struct accepted *accepted = batch->tsdb->accepted;
        const struct append_sample *sample = checked->sample;

        if (batch->out_of_order_ms == 0)
                return APPEND_OUT_OF_ORDER;
        if (newest_ms - sample->t_ms > batch->out_of_order_ms)
                return APPEND_TOO_OLD;
        look_up(batch, series, sample->t_ms, sample->t_ms);
        if (batch->found.count)
                return compare_bits(found_bits(&batch->found, 0), checked->bits);
        /* What this same batch brought is not in memory yet. */
        for (size_t i = 0; i < batch->accepted_count; i++)
                if (accepted[i].series == series && accepted[i].sample.t_ms == sample->t_ms)
                        return compare_bits(accepted_bits(batch, &accepted[i]), checked->bits);
        return APPEND_OK;
}

/* After a restart the newest sample of a series is not known until it matters: only a sample that
 * is not newer than all parts were then can be anything but the newest. */
static void recover_state(struct batch *batch, uint32_t series, int64_t t_ms,
                          struct series_state *state)
{
        size_t count;

        look_up(batch, series, t_ms, STORE_T_MAX_MS);
        count = batch->found.count;
        if (!count)
                return;
        state->newest_key = state_key(batch->found.t_ms[count - 1]);
        state->newest_bits = found_bits(&batch->found, count - 1);
}

static enum append_outcome check(struct batch *batch, const struct checked *checked,
                                 struct series_state **ret_state)
{
        const struct append_sample *sample = checked->sample;
        struct tsdb *tsdb = batch->tsdb;
        uint32_t series = (uint32_t)sample->ref;
        struct series_state *state;
        int64_t newest_ms;

        if (UNLIKELY(sample->ref == 0 || sample->ref > UINT32_MAX))
                return APPEND_UNKNOWN_SERIES;
        state = pages_make(&tsdb->states, series);
        if (UNLIKELY(!state->newest_key) && !index_knows(tsdb->index, series))
                return APPEND_UNKNOWN_SERIES;
        if (UNLIKELY(sample->t_ms < batch->oldest_ms || sample->t_ms < -STORE_T_MAX_MS))
                return APPEND_TOO_OLD;
        if (UNLIKELY(sample->t_ms > batch->newest_ms || sample->t_ms > STORE_T_MAX_MS))
                return APPEND_TOO_FAR_AHEAD;
        if (UNLIKELY(!state->newest_key) && series < tsdb->recovered_series &&
            sample->t_ms <= tsdb->recovered_max_t_ms)
                recover_state(batch, series, sample->t_ms, state);
        if (LIKELY(state_key(sample->t_ms) > state->newest_key)) {
                *ret_state = state;
                return APPEND_OK;
        }
        newest_ms = state_time(state->newest_key);
        if (sample->t_ms == newest_ms)
                return compare_bits(state->newest_bits, checked->bits);
        return check_late(batch, series, newest_ms, checked);
}

static void accept(struct batch *batch, const struct checked *checked, struct series_state *state)
{
        struct accepted *accepted = &batch->tsdb->accepted[batch->accepted_count++];
        const struct append_sample *sample = checked->sample;

        accepted->series = (uint32_t)sample->ref;
        accepted->extra = 0;
        accepted->sample = (struct sample){sample->t_ms, sample->v};
        accepted->state = state;
        if (!state)
                return;
        accepted->before = *state;
        state->newest_key = state_key(sample->t_ms);
        state->newest_bits = checked->bits;
}

/* What the sample is compared by, and whether it is more than a float. */
static struct checked look_at(const struct batch *batch, const struct append_sample *samples,
                              size_t at)
{
        struct checked checked = {.sample = &samples[at]};
        const struct append_extra *extra;

        if (LIKELY(!batch->extras)) {
                checked.bits = sample_bits(samples[at].v);
                return checked;
        }
        extra = &batch->extras[at];
        if (extra->h || extra->start_ms)
                checked.extra = extra;
        checked.bits = sample_record_bits(samples[at].v, extra->h);
        return checked;
}

/* Logs the accepted samples that are more than a float, and keeps their bytes for the memtable:
 * one after the other in tsdb->records, each behind its length (u32). */
static void log_records(struct batch *batch)
{
        struct tsdb *tsdb = batch->tsdb;
        struct buf *records = &tsdb->records;
        struct log_samples log;

        buf_clear(records);
        log_samples_begin(&log, &tsdb->group, LOG_RECORDS);
        for (size_t i = 0; i < batch->accepted_count; i++) {
                const struct accepted *accepted = &tsdb->accepted[i];
                size_t begin = records->len + sizeof(uint32_t);
                uint32_t len = 0;

                if (!accepted->extra)
                        continue;
                buf_append(records, &len, sizeof(len));
                sample_record_put(records, accepted->sample.t_ms, accepted->sample.v,
                                  &batch->extras[accepted->extra - 1]);
                len = (uint32_t)(records->len - begin);
                memcpy(records->data + begin - sizeof(len), &len, sizeof(len));
                log_samples_add_record(&log, accepted->series, accepted->sample.t_ms,
                                       str_make(records->data + begin, len));
        }
        log_samples_end(&log);
}

/* Checks every sample, writes the good ones into the log group. */
static void check_all(struct batch *batch, const struct append_sample *samples, size_t count,
                      uint8_t *outcomes)
{
        struct tsdb *tsdb = batch->tsdb;
        struct log_samples log;

        tsdb->accepted = alloc_array_reserve(&store_type, tsdb->accepted,
                                             &tsdb->accepted_capacity, count,
                                             sizeof(*tsdb->accepted));
        log_samples_begin(&log, &tsdb->group, LOG_SAMPLES);
        for (size_t i = 0; i < count; i++) {
                struct checked checked = look_at(batch, samples, i);
                struct series_state *state = NULL;
                enum append_outcome outcome = check(batch, &checked, &state);

                batch->outcomes[outcome]++;
                if (outcomes)
                        outcomes[i] = (uint8_t)outcome;
                if (UNLIKELY(outcome != APPEND_OK))
                        continue;
                accept(batch, &checked, state);
                if (UNLIKELY(checked.extra)) {
                        tsdb->accepted[batch->accepted_count - 1].extra = (uint32_t)i + 1;
                        batch->record_count++;
                        continue;
                }
                log_samples_add(&log, (uint32_t)samples[i].ref, samples[i].t_ms, samples[i].v);
        }
        log_samples_end(&log);
        if (UNLIKELY(batch->record_count))
                log_records(batch);
}

static void undo(struct batch *batch)
{
        for (size_t i = batch->accepted_count; i-- > 0;)
                if (batch->tsdb->accepted[i].state)
                        *batch->tsdb->accepted[i].state = batch->tsdb->accepted[i].before;
}

static void make_visible(struct batch *batch)
{
        struct tsdb *tsdb = batch->tsdb;
        const struct accepted *accepted = tsdb->accepted;
        const char *record = tsdb->records.data;
        uint32_t len;

        for (size_t i = 0; i < batch->accepted_count; i++) {
                if (LIKELY(i + PREFETCH_AHEAD < batch->accepted_count))
                        memtable_prefetch(tsdb->open, accepted[i + PREFETCH_AHEAD].series);
                if (LIKELY(!accepted[i].extra)) {
                        memtable_insert(tsdb->open, accepted[i].series, accepted[i].sample);
                        continue;
                }
                memcpy(&len, record, sizeof(len));
                record += sizeof(len);
                memtable_insert_record(tsdb->open, accepted[i].series, accepted[i].sample.t_ms,
                                       str_make(record, len));
                record += len;
        }
}

static void count_outcomes(struct tsdb *tsdb, const struct batch *batch)
{
        for (size_t i = 0; i < TSDB_OUTCOMES; i++)
                if (batch->outcomes[i])
                        atomic_fetch_add_explicit(&tsdb->outcomes[i], batch->outcomes[i],
                                                  memory_order_relaxed);
}

bool store_append(void *ctx, const struct append_sample *samples,
                  const struct append_extra *extras, size_t count, uint8_t *outcomes,
                  struct error *err)
{
        struct tsdb *tsdb = ctx;
        struct append_group group;
        struct batch batch;
        bool ok;

        if (count == 0)
                return true;
        if (!append_group_begin(tsdb, &group, err))
                return false;
        batch_init(&batch, tsdb);
        batch.extras = extras;
        check_all(&batch, samples, count, outcomes);
        ok = append_group_write(tsdb, &group);
        if (ok)
                make_visible(&batch);
        else
                undo(&batch);
        ok = append_group_end(tsdb, &group, ok, err);
        batch_release(&batch);
        if (ok)
                count_outcomes(tsdb, &batch);
        return ok;
}

static void note_replayed(struct tsdb *tsdb, uint32_t series, int64_t t_ms, uint64_t bits)
{
        struct series_state *state = pages_make(&tsdb->states, series);

        if (t_ms <= tsdb->recovered_max_t_ms || state_key(t_ms) <= state->newest_key)
                return;
        state->newest_key = state_key(t_ms);
        state->newest_bits = bits;
}

void store_replay_sample(struct tsdb *tsdb, uint32_t series, struct sample sample)
{
        memtable_insert(tsdb->open, series, sample);
        note_replayed(tsdb, series, sample.t_ms, sample_bits(sample.v));
}

void store_replay_record(struct tsdb *tsdb, uint32_t series, int64_t t_ms, struct str bytes,
                         const struct sample_record *record)
{
        memtable_insert_record(tsdb->open, series, t_ms, bytes);
        note_replayed(tsdb, series, t_ms, sample_record_bits(record->v, record->extra.h));
}
