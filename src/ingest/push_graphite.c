#include "base/alloc.h"
#include "base/metrics.h"
#include "formats/graphite.h"
#include "formats/remote_write.h"
#include "ingest/push_int.h"
#include "ingest/push_lines.h"

ALLOC_TYPE(graphite_type, "push_graphite")

METRIC_COUNTER(lines_taken, "pitwall_lines_total", "protocol=\"graphite\"",
               "Lines that were received.")
METRIC_COUNTER(lines_bad, "pitwall_lines_bad_total", "protocol=\"graphite\"",
               "Lines that could not be read.")

/* Of what one read of the listener gives, keys and all. */
enum { ARENA_BYTES = 16 << 20 };

struct push_graphite {
        struct push *push;
        const struct clock *clock;
};

struct push_graphite *push_graphite_new(struct push *push, const struct clock *clock)
{
        struct push_graphite *graphite = alloc_new(&graphite_type, sizeof(*graphite));

        *graphite = (struct push_graphite){push, clock};
        return graphite;
}

struct push_graphite *push_graphite_free(struct push_graphite *graphite)
{
        return alloc_free(&graphite_type, graphite);
}

static bool add_line(struct push_batch *batch, struct str line, int64_t now_ms,
                     struct arena *arena)
{
        struct graphite_line parsed;
        struct labels labels;

        if (!graphite_parse(line, arena, &parsed, NULL))
                return false;
        labels = push_legacy_labels(arena, parsed.path, parsed.tags);
        return push_batch_series(batch, remote_write_key(arena, labels), NULL, NULL) &&
               push_batch_sample(batch, parsed.has_time ? parsed.t_ms : now_ms, parsed.value, 0,
                                 NULL);
}

void push_graphite_take(void *ctx, struct str lines)
{
        struct push_graphite *graphite = ctx;
        struct push_batch *batch = push_batch_new(graphite->push);
        int64_t now_ms = clock_now_ms(graphite->clock);
        struct push_result result;
        struct arena arena;
        struct str line;

        arena_init(&arena, ARENA_BYTES);
        while (lines.len && str_cut(&lines, '\n', &line)) {
                line = str_trim(line);
                if (!line.len)
                        continue;
                metric_add(&lines_taken, 1);
                if (!add_line(batch, line, now_ms, &arena))
                        metric_add(&lines_bad, 1);
        }
        /* There is nobody to tell: what was refused is counted where it is refused. */
        if (!push_batch_write(batch, &result, NULL))
                metric_add(&lines_bad, 1);
        push_batch_free(batch);
        arena_release(&arena);
}
