/* Merging parts of one partition upward, until each series has blocks of some thousand samples and
 * a partition that has ended is one part. */
#include <math.h>

#include "tsdb/maintain_int.h"

ALLOC_TYPE(merge_type, "tsdb_merge")

/* Eight at a time: a sample is rewritten about four times a day, and at most about thirty parts
 * of the current partition are looked at by a query. */
enum { FAN_IN = 8 };

struct group {
        struct part **parts; /* by sequence, each referenced */
        size_t count;
};

/* What is left out: deleted samples, and those past a retention rule. */
struct sieve {
        struct tombstones *tombstones;
        struct retained *retained;
        int64_t now_ms;
};

static void sieve_init(struct sieve *sieve, struct tsdb *tsdb)
{
        struct view *view = store_view(tsdb);
        struct index *index = store_index(tsdb);

        sieve->tombstones = tombstones_ref(view->tombstones);
        sieve->retained = store_retained(tsdb, index);
        sieve->now_ms = clock_now_ms(&tsdb->clock);
        index_unref(index);
        view_unref(view);
}

static void sieve_release(struct sieve *sieve)
{
        tombstones_unref(sieve->tombstones);
        retained_unref(sieve->retained);
}

static void group_release(struct group *group)
{
        for (size_t i = 0; i < group->count; i++)
                part_unref(group->parts[i]);
        group->parts = alloc_free(&merge_type, group->parts);
        group->count = 0;
}

/* Parts of one partition that are to become one: first and count within `parts`. */
struct due {
        size_t first, count;
};

/* Of an open partition: the newest parts of at most some level, once there are FAN_IN of just that
 * level. Counting the lower ones too would rewrite everything after every few flushes. */
static struct due due_at_the_end(struct part *const *parts, size_t count)
{
        for (uint32_t level = 0;; level++) {
                size_t run = 0, same = 0;

                while (run < count && parts[count - run - 1]->head.level <= level)
                        same += parts[count - ++run]->head.level == level;
                if (same >= FAN_IN)
                        return (struct due){count - run, run};
                if (run == count)
                        return (struct due){0, 0};
        }
}

/* Data still trickles into old partitions while somebody backfills; merging a whole day after each
 * flush of that would never end, so the partition must have been left alone for so many flushes. */
enum { QUIET_FLUSHES = 3 };

/* How many of the parts, which stand by sequence, are older than so many flushes. */
static size_t count_older(struct tsdb *tsdb, struct part *const *parts, size_t count, int flushes)
{
        int64_t since_ns = clock_mono_ns(&tsdb->clock) -
                           flushes * tsdb->options.flush_interval_ms * 1000000;
        size_t older = 0;

        while (older < count && parts[older]->opened_ns <= since_ns)
                older++;
        return older;
}

static bool partition_has_ended(struct tsdb *tsdb, struct part *const *parts, size_t count)
{
        const struct part_head *head = &parts[0]->head;
        int64_t late_ms = atomic_load(&tsdb->out_of_order_ms);

        if (late_ms > head->length_ms)
                late_ms = head->length_ms;
        return head->base_ms + head->length_ms + late_ms + 2 * tsdb->options.flush_interval_ms <
                       clock_now_ms(&tsdb->clock) &&
               count_older(tsdb, parts, count, QUIET_FLUSHES) == count;
}

/* Of a day that goes on while most of its writers have ended: the parts of before, when for ten
 * flushes there came less than an eighth of what they held of such a time, and when they are not
 * mostly one part already. */
enum { IDLE_FLUSHES = 10, IDLE_SHARE = 8 };

static struct due due_when_idle(struct tsdb *tsdb, struct part *const *parts, size_t count)
{
        size_t older = count_older(tsdb, parts, count, IDLE_FLUSHES);
        double before = 0, largest = 0, since = 0;
        int64_t begin_ms = INT64_MAX, end_ms = INT64_MIN;
        double window_ms = IDLE_FLUSHES * (double)tsdb->options.flush_interval_ms;

        for (size_t i = 0; i < count; i++) {
                double samples = (double)parts[i]->samples;

                if (i >= older) {
                        since += samples;
                        continue;
                }
                before += samples;
                largest = samples > largest ? samples : largest;
                begin_ms = parts[i]->min_t_ms < begin_ms ? parts[i]->min_t_ms : begin_ms;
                end_ms = parts[i]->max_t_ms > end_ms ? parts[i]->max_t_ms : end_ms;
        }
        if (older < 2 || before - largest < largest / IDLE_SHARE ||
            since * IDLE_SHARE > before * fmin(window_ms / (double)(end_ms - begin_ms + 1), 1))
                return (struct due){0, 0};
        return (struct due){0, older};
}

static struct due find_due(struct tsdb *tsdb, struct part *const *parts, size_t count, bool all)
{
        struct due due;

        if (all || partition_has_ended(tsdb, parts, count))
                return (struct due){0, count};
        due = due_at_the_end(parts, count);
        return due.count ? due : due_when_idle(tsdb, parts, count);
}

/* Whether the parts are more than the pieces of one that grew too large. */
static bool worth_merging(struct part *const *parts, size_t count)
{
        for (size_t i = 1; i < count; i++)
                if (parts[i]->head.first_sequence != parts[0]->head.first_sequence ||
                    parts[i]->head.last_sequence != parts[0]->head.last_sequence)
                        return true;
        return false;
}

static struct group take_group(struct part *const *parts, size_t count)
{
        struct group group = {alloc_new(&merge_type, count * sizeof(void *)), count};

        for (size_t i = 0; i < count; i++)
                group.parts[i] = part_ref(parts[i]);
        return group;
}

/* Under maintain_lock. */
static bool pick(struct tsdb *tsdb, bool all, struct group *ret_group)
{
        struct view *view = store_view(tsdb);
        struct group group = {0};

        for (size_t first = 0, next; first < view->part_count && !group.count; first = next) {
                struct due due = {0};

                next = first + 1;
                while (next < view->part_count && view->parts[next]->head.base_ms ==
                                                          view->parts[first]->head.base_ms)
                        next++;
                if (next - first > 1)
                        due = find_due(tsdb, view->parts + first, next - first, all);
                if (due.count && worth_merging(view->parts + first + due.first, due.count))
                        group = take_group(view->parts + first + due.first, due.count);
        }
        view_unref(view);
        *ret_group = group;
        return group.count > 0;
}

/* Appends all samples of the blocks of `series` from *at on. */
static void read_blocks(struct tsdb *tsdb, struct part *part, const struct sieve *sieve,
                        size_t *at, uint32_t series, struct samples *samples)
{
        size_t begin = samples->count;

        for (; *at < part->block_count && part->series[*at] == series; (*at)++) {
                struct chunk chunk;
                bool news = false, ok = part_block(part, *at, &chunk, &news);

                if (ok) {
                        ok = chunk_decode(&chunk, samples, NULL);
                        if (!ok)
                                news = part_note_damage(part, *at);
                }
                if (!ok && news)
                        store_block_damaged(tsdb, part, *at);
        }
        tombstones_apply(sieve->tombstones, part, series, samples, begin);
}

static void drop_before(struct samples *samples, int64_t since_ms)
{
        size_t from = 0, count = samples->count;

        while (from < count && samples->t_ms[from] < since_ms)
                from++;
        for (size_t i = from; from && i < count; i++)
                samples_move(samples, i - from, i);
        samples_truncate(samples, count - from);
}

static bool merge_series(struct tsdb *tsdb, const struct group *group, size_t *cursors,
                         struct part_output *output, struct error *err)
{
        struct samples samples = {0};
        struct sieve sieve;
        bool ok = true;

        sieve_init(&sieve, tsdb);
        for (;;) {
                uint32_t series = UINT32_MAX;
                bool left = false;

                for (size_t i = 0; i < group->count; i++) {
                        const struct part *part = group->parts[i];

                        if (cursors[i] == part->block_count)
                                continue;
                        left = true;
                        if (part->series[cursors[i]] < series)
                                series = part->series[cursors[i]];
                }
                if (!left || !ok)
                        break;
                samples_truncate(&samples, 0);
                for (size_t i = 0; i < group->count; i++)
                        read_blocks(tsdb, group->parts[i], &sieve, &cursors[i], series, &samples);
                samples_settle(&samples, 0);
                drop_before(&samples, retained_since(sieve.retained, series, sieve.now_ms));
                ok = part_output_add(output, series, &samples, err);
        }
        samples_release(&samples);
        sieve_release(&sieve);
        return ok;
}

static struct part_head merged_head(const struct group *group)
{
        struct part_head head = group->parts[0]->head;

        for (size_t i = 0; i < group->count; i++) {
                const struct part_head *other = &group->parts[i]->head;

                if (other->first_sequence < head.first_sequence)
                        head.first_sequence = other->first_sequence;
                if (other->last_sequence > head.last_sequence)
                        head.last_sequence = other->last_sequence;
                if (other->level > head.level)
                        head.level = other->level;
        }
        head.level++;
        return head;
}

static bool still_there(struct tsdb *tsdb, const struct group *group)
{
        struct view *view = store_view(tsdb);
        size_t found = 0;

        for (size_t i = 0; i < view->part_count; i++)
                for (size_t k = 0; k < group->count; k++)
                        found += view->parts[i] == group->parts[k];
        view_unref(view);
        return found == group->count;
}

/* Under maintain_lock. Parts that retention has dropped meanwhile must not come back. */
static bool commit(struct tsdb *tsdb, struct group *group, struct part_output *output,
                   struct error *err)
{
        struct view_change change = {group->parts, group->count, output->parts,
                                     output->part_count, NULL, NULL};

        if (!still_there(tsdb, group))
                return true;
        if (!store_write_manifest(tsdb, &change, err))
                return false;
        for (size_t i = 0; i < group->count; i++)
                atomic_store(&group->parts[i]->doomed, true);
        store_change_view(tsdb, &change);
        for (size_t i = 0; i < output->part_count; i++)
                atomic_fetch_add(&tsdb->merged_samples, output->parts[i]->samples);
        atomic_fetch_add(&tsdb->merges, 1);
        output->part_count = 0;
        return true;
}

static bool merge_group(struct tsdb *tsdb, struct group *group, struct error *err)
{
        struct part_output output = {.tsdb = tsdb, .head = merged_head(group)};
        size_t *cursors = alloc_new(&merge_type, group->count * sizeof(*cursors));
        bool ok;

        ok = merge_series(tsdb, group, cursors, &output, err) && part_output_finish(&output, err);
        if (ok) {
                pthread_mutex_lock(&tsdb->maintain_lock);
                ok = commit(tsdb, group, &output, err);
                pthread_mutex_unlock(&tsdb->maintain_lock);
        }
        part_output_release(&output);
        alloc_free(&merge_type, cursors);
        return ok;
}

bool store_merge(struct tsdb *tsdb, bool all, bool *ret_merged, struct error *err)
{
        struct group group;
        bool ok = true, due;

        pthread_mutex_lock(&tsdb->merge_lock);
        pthread_mutex_lock(&tsdb->maintain_lock);
        due = pick(tsdb, all, &group);
        pthread_mutex_unlock(&tsdb->maintain_lock);
        if (due)
                ok = merge_group(tsdb, &group, err);
        group_release(&group);
        pthread_mutex_unlock(&tsdb->merge_lock);
        if (ok)
                *ret_merged = due;
        return ok;
}

/* ---- rewriting ----------------------------------------------------------------------------- */

/* Parts from `first` on that are pieces of one, which grew too large: they must change together, as
 * a part is known to be outdated by the sequences that a newer one covers. */
static size_t piece_count(const struct view *view, size_t first)
{
        size_t count = 1;

        while (first + count < view->part_count &&
               view->parts[first + count]->head.base_ms == view->parts[first]->head.base_ms &&
               !worth_merging(view->parts + first, count + 1))
                count++;
        return count;
}

/* Rewrites every part of the view for which `due` says so. Under merge_lock, so that only retention
 * changes parts meanwhile. */
static bool rewrite_parts(struct tsdb *tsdb, const struct view *view,
                          bool (*due)(void *ctx, struct part *part), void *ctx,
                          bool *ret_any, struct error *err)
{
        bool ok = true, any = false;

        for (size_t first = 0, count; ok && first < view->part_count; first += count) {
                bool is_due = false;

                count = piece_count(view, first);
                for (size_t i = 0; i < count && !is_due; i++)
                        is_due = due(ctx, view->parts[first + i]);
                if (is_due) {
                        struct group group = take_group(view->parts + first, count);

                        any = true;
                        ok = merge_group(tsdb, &group, err);
                        group_release(&group);
                }
        }
        *ret_any = any;
        return ok;
}

static bool is_touched(void *ctx, struct part *part)
{
        return tombstones_touch_part(ctx, part);
}

/* Tombstones that came after those whose parts were rewritten. */
static bool is_newer(void *ctx, const struct tombstone *item)
{
        const struct tombstones *cleaned = ctx;

        for (size_t i = 0; i < cleaned->count; i++)
                if (cleaned->items[i].sequence == item->sequence &&
                    cleaned->items[i].mint_ms == item->mint_ms &&
                    cleaned->items[i].maxt_ms == item->maxt_ms &&
                    roaring_bitmap_equals(cleaned->items[i].series, item->series))
                        return false;
        return true;
}

static bool drop_tombstones(struct tsdb *tsdb, struct tombstones *cleaned, struct error *err)
{
        struct view *view;
        bool ok;

        pthread_mutex_lock(&tsdb->maintain_lock);
        view = store_view(tsdb);
        ok = store_set_tombstones(tsdb, tombstones_make(view->tombstones, is_newer, cleaned, NULL),
                                  err) &&
             store_forget_series(tsdb, true, err);
        view_unref(view);
        pthread_mutex_unlock(&tsdb->maintain_lock);
        return ok;
}

bool store_clean(struct tsdb *tsdb, struct error *err)
{
        struct view *view;
        bool ok = true, any;

        pthread_mutex_lock(&tsdb->merge_lock);
        view = store_view(tsdb);
        if (view->tombstones)
                ok = rewrite_parts(tsdb, view, is_touched, view->tombstones, &any, err) &&
                     drop_tombstones(tsdb, view->tombstones, err);
        view_unref(view);
        pthread_mutex_unlock(&tsdb->merge_lock);
        return ok;
}

/* Looking for what is past its time costs a pass over the block indexes; a part is rewritten when
 * an eighth of its blocks would go. */
enum { SIFT_EVERY_MS = 3600 * 1000, SIFT_SHARE = 8 };

static bool is_worth_sifting(void *ctx, struct part *part)
{
        const struct sieve *sieve = ctx;
        int64_t end_ms = part->head.base_ms + part->head.length_ms;
        size_t gone = 0;
        bool last = false;

        for (size_t i = 0; i < part->block_count; i++) {
                if (i == 0 || part->series[i] != part->series[i - 1])
                        last = retained_since(sieve->retained, part->series[i], sieve->now_ms) >=
                               end_ms;
                gone += last;
        }
        return gone && gone >= part->block_count / SIFT_SHARE;
}

bool store_sift(struct tsdb *tsdb, struct error *err)
{
        int64_t now_ms = clock_mono_ns(&tsdb->clock) / 1000000;
        bool ok = true, any = false;
        struct sieve sieve;
        struct view *view;

        pthread_mutex_lock(&tsdb->merge_lock);
        if (now_ms - tsdb->sifted_at_ms >= SIFT_EVERY_MS) {
                tsdb->sifted_at_ms = now_ms;
                sieve_init(&sieve, tsdb);
                view = store_view(tsdb);
                if (sieve.retained)
                        ok = rewrite_parts(tsdb, view, is_worth_sifting, &sieve, &any, err);
                view_unref(view);
                sieve_release(&sieve);
        }
        if (ok && any) {
                pthread_mutex_lock(&tsdb->maintain_lock);
                ok = store_forget_series(tsdb, true, err);
                pthread_mutex_unlock(&tsdb->maintain_lock);
        }
        pthread_mutex_unlock(&tsdb->merge_lock);
        return ok;
}

static bool is_damaged(void *ctx, struct part *part)
{
        return !part_check(part, ctx);
}

bool store_mend(struct tsdb *tsdb, struct tsdb_check *check, struct error *err)
{
        struct view *view;
        bool ok, any;

        pthread_mutex_lock(&tsdb->merge_lock);
        view = store_view(tsdb);
        ok = rewrite_parts(tsdb, view, is_damaged, check, &any, err);
        view_unref(view);
        pthread_mutex_unlock(&tsdb->merge_lock);
        return ok;
}
