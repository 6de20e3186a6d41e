#include "promql/eval_int.h"

size_t row_present(const double *v, size_t count)
{
        size_t present = 0;

        for (size_t i = 0; i < count; i++)
                present += !row_is_absent(v[i]);
        return present;
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
        matrix->rows[matrix->count] = (struct row){labels, drop_name, v};
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
                size_t present = row_present(matrix->rows[i].v, matrix->width);

                tally->out += present;
                if (present && !sink_push(sink, &matrix->rows[i], err))
                        return false;
        }
        return true;
}
