/* sort() and its relatives: the order of an instant vector. */
#include <stdlib.h>

#include "promql/eval_int.h"

struct sorting {
        const struct node *call;
        bool by_value;
        struct matrix matrix;
};

/* NaN goes to the end in both directions. */
static int compare_by_value(double a, double b, bool descending)
{
        if (isnan(a) || isnan(b))
                return (int)isnan(a) - (int)isnan(b);
        if (descending)
                return a > b ? -1 : a < b;
        return a < b ? -1 : a > b;
}

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

/* A run of digits, or of anything else, cut off the front. */
static struct str take_chunk(struct str *text)
{
        struct str chunk;
        size_t len = 1;

        while (len < text->len && is_digit(text->data[len]) == is_digit(text->data[0]))
                len++;
        chunk = str_slice(*text, 0, len);
        *text = str_slice(*text, len, text->len);
        return chunk;
}

static int compare_digits(struct str a, struct str b)
{
        while (a.len > 1 && a.data[0] == '0')
                a = str_slice(a, 1, a.len);
        while (b.len > 1 && b.data[0] == '0')
                b = str_slice(b, 1, b.len);
        if (a.len != b.len)
                return a.len < b.len ? -1 : 1;
        return str_compare(a, b);
}

/* The order people expect of "node2" and "node10". */
static int compare_naturally(struct str a, struct str b)
{
        while (a.len && b.len) {
                struct str x = take_chunk(&a), y = take_chunk(&b);
                int order = is_digit(x.data[0]) && is_digit(y.data[0]) ? compare_digits(x, y)
                                                                       : str_compare(x, y);

                if (order)
                        return order;
        }
        return a.len ? 1 : b.len ? -1 : 0;
}

static int compare_by_labels(const struct node *call, struct labels a, struct labels b)
{
        for (size_t i = 1; i < call->call.arg_count; i++) {
                struct str name = node_unwrap(call->call.args[i])->string;
                int order = compare_naturally(labels_get(a, name), labels_get(b, name));

                if (order)
                        return order;
        }
        return labels_compare(a, b);
}

static int compare_rows(const void *a, const void *b, void *ctx)
{
        const struct row *x = *(const struct row *const *)a, *y = *(const struct row *const *)b;
        const struct node *call = ctx;
        int order = 0;

        switch (function_kind(call->call.function)) {
        case FUNCTION_SORT:
        case FUNCTION_SORT_DESC:
                order = compare_by_value(x->v[0], y->v[0],
                                         function_kind(call->call.function) ==
                                                 FUNCTION_SORT_DESC);
                break;
        case FUNCTION_SORT_BY_LABEL:
                order = compare_by_labels(call, x->labels, y->labels);
                break;
        default:
                order = -compare_by_labels(call, x->labels, y->labels);
        }
        return order ? order : x < y ? -1 : x > y;
}

/* Histograms have no order. */
static void leave_out_histograms(struct sorting *sorting)
{
        struct matrix *matrix = &sorting->matrix;
        size_t kept = 0;

        for (size_t i = 0; i < matrix->count; i++)
                if (!row_histogram(&matrix->rows[i], 0))
                        matrix->rows[kept++] = matrix->rows[i];
        matrix->count = kept;
}

static void leave_values(const void *ctx, const struct grid *grid, double *v)
{
        (void)ctx, (void)grid, (void)v;
}

static bool push_sorted(struct sorting *sorting, struct tally *tally, struct sink sink,
                        struct error *err)
{
        struct matrix *matrix = &sorting->matrix;
        struct row **order;

        if (sorting->by_value)
                leave_out_histograms(sorting);
        order = arena_array(&matrix->arena.arena, struct row *, matrix->count);
        for (size_t i = 0; i < matrix->count; i++)
                order[i] = &matrix->rows[i];
        qsort_r(order, matrix->count, sizeof(*order), compare_rows, (void *)sorting->call);
        for (size_t i = 0; i < matrix->count; i++) {
                tally->out += row_samples(order[i], 1);
                if (!sink_push(sink, order[i], err))
                        return false;
        }
        return true;
}

bool eval_sort(struct eval *eval, const struct node *node, const struct grid *grid,
               struct sink sink, struct error *err)
{
        enum function_kind kind = function_kind(node->call.function);
        struct sorting sorting = {
                .call = node,
                .by_value = kind == FUNCTION_SORT || kind == FUNCTION_SORT_DESC};
        struct map map = {.child = node->call.args[0], .apply = leave_values};
        struct tally tally = tally_begin(eval);
        bool ok;

        if (grid->ranged) {
                notes_warn(&eval->notes, node,
                           "sort is ineffective for range queries since results are always "
                           "ordered by labels");
                return sorting.by_value
                               ? eval_map(eval, &map, grid, sink, err)
                               : eval_vector(eval, node->call.args[0], grid, sink, err);
        }
        matrix_init(&sorting.matrix, eval, grid->count);
        ok = matrix_collect(&sorting.matrix, eval, node->call.args[0], grid, err) &&
             push_sorted(&sorting, &tally, sink, err) && tally_end(eval, &tally, grid, err);
        matrix_release(&sorting.matrix);
        return ok;
}
