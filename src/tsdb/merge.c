/* Merging parts of one partition upward, until each series has blocks of about a thousand samples
 * and a partition that has ended is one part. */
#include "tsdb/maintain_int.h"

ALLOC_TYPE(merge_type, "tsdb_merge")

/* Eight at a time: a sample is rewritten about four times a day, and at most about thirty parts
 * of the current partition are looked at by a query. */
enum { FAN_IN = 8 };

struct group {
        struct part **parts; /* by sequence, each referenced */
        size_t count;
};

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

/* Of an open partition: the newest parts of at most some level, once there are FAN_IN. */
static struct due due_at_the_end(struct part *const *parts, size_t count)
{
        for (uint32_t level = 0; level < 32; level++) {
                size_t run = 0;

                while (run < count && parts[count - run - 1]->head.level <= level)
                        run++;
                if (run >= FAN_IN)
                        return (struct due){count - run, run};
                if (run == count)
                        break;
        }
        return (struct due){0, 0};
}

/* Data still trickles into old partitions while somebody backfills; merging a whole day after each
 * flush of that would never end, so the partition must have been left alone for this many. */
enum { QUIET_FLUSHES = 8 };

static bool partition_is_closed(struct tsdb *tsdb, struct part *const *parts, size_t count)
{
        const struct part_head *head = &parts[0]->head;
        int64_t late_ms = atomic_load(&tsdb->out_of_order_ms) + 2 * tsdb->options.flush_interval_ms;
        uint64_t newest = 0;

        for (size_t i = 0; i < count; i++)
                if (parts[i]->head.last_sequence > newest)
                        newest = parts[i]->head.last_sequence;
        return head->base_ms + head->length_ms + late_ms < clock_now_ms(&tsdb->clock) &&
               newest + QUIET_FLUSHES < tsdb->next_sequence;
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
                if (next - first > 1 &&
                    (all || partition_is_closed(tsdb, view->parts + first, next - first)))
                        due = (struct due){0, next - first};
                else if (next - first > 1)
                        due = due_at_the_end(view->parts + first, next - first);
                if (due.count && worth_merging(view->parts + first + due.first, due.count))
                        group = take_group(view->parts + first + due.first, due.count);
        }
        view_unref(view);
        *ret_group = group;
        return group.count > 0;
}

/* Appends all samples of the blocks of `series` from *at on. */
static void read_blocks(struct tsdb *tsdb, struct part *part, size_t *at, uint32_t series,
                        struct samples *samples)
{
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
}

static bool merge_series(struct tsdb *tsdb, const struct group *group, size_t *cursors,
                         struct part_output *output, struct error *err)
{
        struct samples samples = {0};
        bool ok = true;

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
                        read_blocks(tsdb, group->parts[i], &cursors[i], series, &samples);
                samples_settle(&samples, 0);
                ok = part_output_add(output, series, &samples, err);
        }
        samples_release(&samples);
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
