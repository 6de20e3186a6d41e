#include "promql/eval_int.h"

void eval_row_computed(struct eval *eval, struct row *row)
{
        if (eval->options.features.delayed_name_removal)
                row->drop_name = true;
        else
                row->labels = labelset_drop_metadata(&eval->keep.arena, row->labels);
}

/* ---- joining rows of equal labels -------------------------------------------------------- */

struct merger {
        struct matrix matrix;
        struct labelset_table table;
        bool strict;
};

static bool fail_same_labels(struct error *err)
{
        return error_set(err, ERROR_EXECUTION,
                         "vector cannot contain metrics with the same labelset");
}

static void merge_histograms(struct matrix *matrix, struct row *target, const struct row *row)
{
        const struct histogram **copy = row_copy_histograms(&matrix->arena.arena, row->h,
                                                            matrix->width);

        if (!target->h) {
                target->h = copy;
                return;
        }
        for (size_t i = 0; i < matrix->width; i++)
                if (copy[i])
                        target->h[i] = copy[i];
}

static bool merge_row(void *ctx, struct row *row, struct error *err)
{
        struct merger *merger = ctx;
        struct row *target;
        bool is_new;
        size_t index = labelset_table_add(&merger->table, row->labels, &is_new);

        if (is_new && !matrix_add(&merger->matrix, row->labels, row->drop_name, &target, err))
                return false;
        if (!is_new && merger->strict)
                return fail_same_labels(err);
        target = &merger->matrix.rows[index];
        for (size_t i = 0; i < merger->matrix.width; i++) {
                if (row_is_absent(row->v[i]))
                        continue;
                if (!row_is_absent(target->v[i]))
                        return fail_same_labels(err);
                target->v[i] = row->v[i];
        }
        if (row->h)
                merge_histograms(&merger->matrix, target, row);
        return true;
}

bool eval_merged(struct eval *eval, struct producer producer, const struct grid *grid,
                 bool strict, struct sink sink, struct error *err)
{
        struct merger merger = {.strict = strict};
        struct tally ignored = {0};
        bool ok;

        matrix_init(&merger.matrix, eval, grid->count);
        labelset_table_init(&merger.table, &merger.matrix.arena.arena);
        ok = producer.run(eval, producer.ctx, grid, (struct sink){merge_row, &merger}, err) &&
             matrix_push(&merger.matrix, &ignored, sink, err);
        matrix_release(&merger.matrix);
        return ok;
}

/* ---- one row at a time ------------------------------------------------------------------- */

struct mapper {
        struct eval *eval;
        const struct map *map;
        const struct grid *grid;
        struct sink sink;
        struct tally tally;
};

/* The floats by `apply`, the histograms one by one. */
static void map_mixed(struct mapper *mapper, struct row *row)
{
        const struct map *map = mapper->map;
        const struct histogram **h = row->h;
        bool any = false;

        for (size_t i = 0; i < mapper->grid->count; i++)
                if (h[i])
                        row->v[i] = row_absent();
        map->apply(map->ctx, mapper->grid, row->v);
        for (size_t i = 0; i < mapper->grid->count; i++) {
                if (!h[i])
                        continue;
                if (map->apply_histogram)
                        h[i] = map->apply_histogram(map->ctx, &mapper->eval->rows.arena,
                                                    mapper->grid, i, h[i], &row->v[i]);
                else
                        h[i] = NULL;
                if (h[i])
                        row->v[i] = 0;
                any = any || h[i];
        }
        if (!any)
                row->h = NULL;
}

static bool push_mapped(struct mapper *mapper, struct row *row, struct error *err)
{
        size_t samples = row_samples(row, mapper->grid->count);

        if (!samples)
                return true;
        mapper->tally.out += samples;
        if (mapper->map->computed)
                eval_row_computed(mapper->eval, row);
        return sink_push(mapper->sink, row, err);
}

static bool map_row(void *ctx, struct row *row, struct error *err)
{
        struct mapper *mapper = ctx;
        struct arena *rows = &mapper->eval->rows.arena;
        struct arena_point mark;
        bool ok;

        if (!row->h) {
                mapper->map->apply(mapper->map->ctx, mapper->grid, row->v);
                return push_mapped(mapper, row, err);
        }
        mark = arena_mark(rows);
        map_mixed(mapper, row);
        ok = query_budget_check(&mapper->eval->budget, err) && push_mapped(mapper, row, err);
        arena_rewind(rows, mark);
        return ok;
}

static bool run_map(struct eval *eval, const void *ctx, const struct grid *grid,
                    struct sink sink, struct error *err)
{
        const struct map *map = ctx;
        struct mapper mapper = {eval, map, grid, sink, tally_begin(eval)};

        return eval_vector(eval, map->child, grid, (struct sink){map_row, &mapper}, err) &&
               tally_end(eval, &mapper.tally, grid, err);
}

bool eval_map(struct eval *eval, const struct map *map, const struct grid *grid,
              struct sink sink, struct error *err)
{
        if (map->computed && !eval->options.features.delayed_name_removal &&
            !eval_rows_unique(eval, map->child))
                return eval_merged(eval, (struct producer){run_map, map}, grid, false, sink,
                                   err);
        return run_map(eval, map, grid, sink, err);
}
