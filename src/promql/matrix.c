#include "promql/eval_int.h"

size_t row_present(const double *v, size_t count)
{
        size_t present = 0;

        for (size_t i = 0; i < count; i++)
                present += !row_is_absent(v[i]);
        return present;
}

size_t row_samples(const struct row *row, size_t count)
{
        size_t samples = row_present(row->v, count);

        for (size_t i = 0; row->h && i < count; i++)
                if (row->h[i])
                        samples += histogram_samples(row->h[i]) - 1;
        return samples;
}

bool row_drop_histograms(struct row *row, size_t count)
{
        bool dropped = false;

        for (size_t i = 0; row->h && i < count; i++) {
                if (!row->h[i])
                        continue;
                row->v[i] = row_absent();
                dropped = true;
        }
        row->h = NULL;
        return dropped;
}

const struct histogram **row_copy_histograms(struct arena *arena,
                                             const struct histogram *const *h, size_t count)
{
        const struct histogram **copy = arena_array(arena, const struct histogram *, count);
        size_t last = SIZE_MAX;

        for (size_t i = 0; i < count; i++) {
                if (!h[i])
                        continue;
                copy[i] = last != SIZE_MAX && h[last] == h[i] ? copy[last]
                                                              : histogram_copy(arena, h[i]);
                last = i;
        }
        return copy;
}

void matrix_init(struct matrix *matrix, struct eval *eval, size_t width)
{
        *matrix = (struct matrix){.width = width};
        query_arena_init(&matrix->arena, &eval->budget);
}

void matrix_release(struct matrix *matrix)
{
        query_arena_release(&matrix->arena);
}

static void reserve_row(struct matrix *matrix)
{
        size_t capacity = matrix->capacity ? matrix->capacity * 2 : 16;
        struct row *rows;

        if (matrix->count < matrix->capacity)
                return;
        rows = arena_array(&matrix->arena.arena, struct row, capacity);
        if (matrix->count)
                memcpy(rows, matrix->rows, matrix->count * sizeof(*rows));
        matrix->rows = rows;
        matrix->capacity = capacity;
}

bool matrix_add(struct matrix *matrix, struct labels labels, bool drop_name,
                struct row **ret_row, struct error *err)
{
        double *v;

        if (!query_budget_check(matrix->arena.budget, err))
                return false;
        reserve_row(matrix);
        v = arena_alloc(&matrix->arena.arena, matrix->width * sizeof(*v));
        for (size_t i = 0; i < matrix->width; i++)
                v[i] = row_absent();
        matrix->rows[matrix->count] = (struct row){labels, drop_name, v, NULL};
        *ret_row = &matrix->rows[matrix->count++];
        return true;
}

static bool collect_row(void *ctx, struct row *row, struct error *err)
{
        struct matrix *matrix = ctx;
        struct row *copy;

        if (!matrix_add(matrix, row->labels, row->drop_name, &copy, err))
                return false;
        memcpy(copy->v, row->v, matrix->width * sizeof(*copy->v));
        if (row->h)
                copy->h = row_copy_histograms(&matrix->arena.arena, row->h, matrix->width);
        return true;
}

bool matrix_collect(struct matrix *matrix, struct eval *eval, const struct node *node,
                    const struct grid *grid, struct error *err)
{
        return eval_vector(eval, node, grid, (struct sink){collect_row, matrix}, err);
}

bool matrix_push(struct matrix *matrix, struct tally *tally, struct sink sink, struct error *err)
{
        for (size_t i = 0; i < matrix->count; i++) {
                size_t samples = row_samples(&matrix->rows[i], matrix->width);

                tally->out += samples;
                if (samples && !sink_push(sink, &matrix->rows[i], err))
                        return false;
        }
        return true;
}
