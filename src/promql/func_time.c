/* Functions of time: hour(), day_of_week(), timestamp() and so on. */
#include "base/civil.h"
#include "promql/eval_int.h"

/* A number that is no int64 is to Go the moment 2^63 seconds after 1970. The calendar repeats
 * every 400 years, 12622780800 seconds, so that moment is 730692561 turns behind this one. */
static struct civil beyond_int64(void)
{
        struct civil civil = civil_from_unix(7161147008);

        civil.year += 400LL * 730692561;
        return civil;
}

static double part_of(enum function_kind kind, double seconds)
{
        struct civil civil = fabs(seconds) < 9.2e18 ? civil_from_unix((int64_t)seconds)
                                                    : beyond_int64();

        switch (kind) {
        case FUNCTION_DAY_OF_MONTH:
                return civil.day;
        case FUNCTION_DAY_OF_WEEK:
                return civil.weekday;
        case FUNCTION_DAY_OF_YEAR:
                return civil.day_of_year;
        case FUNCTION_DAYS_IN_MONTH:
                return civil_days_in_month(civil.year, civil.month);
        case FUNCTION_HOUR:
                return civil.hour;
        case FUNCTION_MINUTE:
                return civil.minute;
        case FUNCTION_MONTH:
                return civil.month;
        case FUNCTION_YEAR:
                return (double)civil.year;
        default:
                BUG_ON(true);
        }
}

static void apply_part(const void *ctx, const struct grid *grid, double *v)
{
        const enum function_kind *kind = ctx;

        for (size_t i = 0; i < grid->count; i++)
                if (!row_is_absent(v[i]))
                        v[i] = part_of(*kind, v[i]);
}

/* Without an argument, of the time of evaluation. */
bool eval_time_function(struct eval *eval, const struct node *node, const struct grid *grid,
                        struct sink sink, struct error *err)
{
        enum function_kind kind = function_kind(node->call.function);
        struct tally tally = tally_begin(eval);
        struct row row = {.labels = {NULL, 0}};

        if (node->call.arg_count) {
                struct map map = {.child = node->call.args[0],
                                  .apply = apply_part,
                                  .ctx = &kind,
                                  .computed = true};

                return eval_map(eval, &map, grid, sink, err);
        }
        row.v = arena_array(&eval->keep.arena, double, grid->count);
        for (size_t i = 0; i < grid->count; i++)
                row.v[i] = part_of(kind, floor((double)grid_time(grid, i) / 1000));
        tally.out = grid->count;
        return sink_push(sink, &row, err) && tally_end(eval, &tally, grid, err);
}

static void apply_evaluation_time(const void *ctx, const struct grid *grid, double *v)
{
        (void)ctx;
        for (size_t i = 0; i < grid->count; i++)
                if (!row_is_absent(v[i]))
                        v[i] = (double)grid_time(grid, i) / 1000;
}

static const struct histogram *time_of_histogram(const void *ctx, struct arena *arena,
                                                 const struct grid *grid, size_t step,
                                                 const struct histogram *h, double *v)
{
        (void)ctx, (void)arena, (void)h;
        *v = (double)grid_time(grid, step) / 1000;
        return NULL;
}

static bool run_timestamps(struct eval *eval, const void *ctx, const struct grid *grid,
                           struct sink sink, struct error *err)
{
        return eval_selector(eval, ctx, grid, SELECT_TIMESTAMP, sink, err);
}

static bool run_start_timestamps(struct eval *eval, const void *ctx, const struct grid *grid,
                                 struct sink sink, struct error *err)
{
        return eval_selector(eval, ctx, grid, SELECT_START_TIMESTAMP, sink, err);
}

static void leave_nothing(const void *ctx, const struct grid *grid, double *v)
{
        (void)ctx;
        for (size_t i = 0; i < grid->count; i++)
                v[i] = row_absent();
}

/* Of a selector, the times of its samples; of anything else, the time of evaluation. Since when a
 * sample counts is known of selectors only, and 0 where it is not known. */
bool eval_timestamp(struct eval *eval, const struct node *node, const struct grid *grid,
                    struct sink sink, struct error *err)
{
        const struct node *arg = node_unwrap(node->call.args[0]);
        bool start = function_kind(node->call.function) == FUNCTION_START_TIMESTAMP;
        struct map map = {.child = arg,
                          .apply = apply_evaluation_time,
                          .apply_histogram = time_of_histogram,
                          .computed = true};
        struct producer producer = {start ? run_start_timestamps : run_timestamps, arg};

        if (start && (arg->kind != NODE_SELECTOR || !eval->options.features.start_timestamps)) {
                map.apply = leave_nothing;
                map.apply_histogram = NULL;
                return eval_map(eval, &map, grid, sink, err);
        }
        if (arg->kind != NODE_SELECTOR)
                return eval_map(eval, &map, grid, sink, err);
        if (!eval->options.features.delayed_name_removal && !eval_rows_unique(eval, arg))
                return eval_merged(eval, producer, grid, false, sink, err);
        return producer.run(eval, arg, grid, sink, err);
}
