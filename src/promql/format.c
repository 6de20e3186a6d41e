/* The canonical spelling of an expression, and its layout over several lines.
 *
 * The layout splits whatever is longer than a line, so it needs the length of every node on one
 * line. Those are recorded in one pass: the text of a node is a slice of the text of the whole. */
#include <stdlib.h>

#include "base/alloc.h"
#include "codec/double.h"
#include "codec/quote.h"
#include "model/duration.h"
#include "promql/expr_int.h"
#include "promql/number_int.h"

ALLOC_TYPE(spans_type, "promql_format")

enum { LINE_MAX = 100 };

struct line {
        struct buf *out;
        size_t base;        /* where the text begins in out */
        struct span *spans; /* by node id; NULL when nobody asks */
};

static void put_node(struct line *line, const struct node *node);

static void put_names(struct buf *out, const struct names *names)
{
        buf_append_byte(out, '(');
        for (size_t i = 0; i < names->count; i++) {
                if (i)
                        buf_append_cstr(out, ", ");
                if (label_name_is_legacy(names->items[i]))
                        buf_append_str(out, names->items[i]);
                else
                        quote_append(out, names->items[i]);
        }
        buf_append_byte(out, ')');
}

static void put_extent(struct line *line, const struct extent *extent)
{
        if (extent->expr)
                put_node(line, extent->expr);
        else
                duration_append(line->out, extent->ms);
}

static void put_at(struct buf *out, const struct time_shift *shift)
{
        if (shift->at == AT_TIME)
                buf_printf(out, " @ %.3f", (double)shift->at_ms / 1000);
        else if (shift->at != AT_NONE)
                buf_printf(out, " @ %s()", shift->at == AT_START ? "start" : "end");
}

static void put_offset(struct line *line, const struct time_shift *shift)
{
        if (!shift->offset_expr && shift->offset_ms == 0)
                return;
        buf_append_cstr(line->out, " offset ");
        put_extent(line, &(struct extent){shift->offset_ms, shift->offset_expr});
}

static int compare_texts(const void *a, const void *b)
{
        return str_compare(*(const struct str *)a, *(const struct str *)b);
}

static bool is_own_name(const struct node_selector *selector, const struct matcher *matcher)
{
        return selector->name.len && matcher->op == MATCHER_EQUAL &&
               str_equal(matcher->name, LABEL_METRIC_NAME) &&
               str_equal(matcher->value, selector->name);
}

/* {a="1",b=~"2"}, ordered by text; nothing when only the name is matched. */
static void put_matchers(struct buf *out, const struct node_selector *selector)
{
        size_t count = 0;
        struct str *texts;
        struct arena arena;

        arena_init(&arena, SIZE_MAX);
        texts = arena_array(&arena, struct str, selector->matcher_count + 1);
        for (size_t i = 0; i < selector->matcher_count; i++) {
                const struct matcher *matcher = &selector->matchers[i];
                struct buf text = BUF_INIT(SIZE_MAX / 2);

                if (is_own_name(selector, matcher))
                        continue;
                if (label_name_is_legacy(matcher->name))
                        buf_append_str(&text, matcher->name);
                else
                        quote_append(&text, matcher->name);
                buf_append_cstr(&text, matcher_op_text(matcher->op));
                quote_append(&text, matcher->value);
                texts[count++] = arena_str(&arena, buf_str(&text));
                buf_release(&text);
        }
        qsort(texts, count, sizeof(*texts), compare_texts);
        for (size_t i = 0; i < count; i++) {
                buf_append_byte(out, i ? ',' : '{');
                buf_append_str(out, texts[i]);
        }
        if (count)
                buf_append_byte(out, '}');
        arena_release(&arena);
}

static void put_selector(struct line *line, const struct node_selector *selector)
{
        buf_append_str(line->out, selector->name);
        put_matchers(line->out, selector);
        put_at(line->out, &selector->shift);
        if (selector->anchored || selector->smoothed)
                buf_append_cstr(line->out, selector->anchored ? " anchored" : " smoothed");
        put_offset(line, &selector->shift);
}

static void put_matrix(struct line *line, const struct node_matrix *matrix)
{
        const struct node_selector *selector = &matrix->selector->selector;

        buf_append_str(line->out, selector->name);
        put_matchers(line->out, selector);
        buf_append_byte(line->out, '[');
        put_extent(line, &matrix->range);
        buf_append_byte(line->out, ']');
        if (selector->anchored || selector->smoothed)
                buf_append_cstr(line->out, selector->anchored ? " anchored" : " smoothed");
        put_at(line->out, &selector->shift);
        put_offset(line, &selector->shift);
}

static void put_subquery_suffix(struct line *line, const struct node_subquery *subquery)
{
        buf_append_byte(line->out, '[');
        put_extent(line, &subquery->range);
        buf_append_byte(line->out, ':');
        if (subquery->step.ms || subquery->step.expr)
                put_extent(line, &subquery->step);
        buf_append_byte(line->out, ']');
        put_at(line->out, &subquery->shift);
        put_offset(line, &subquery->shift);
}

static void put_duration(struct line *line, const struct node_duration *duration)
{
        if (duration->wrapped)
                buf_append_byte(line->out, '(');
        switch (duration->op) {
        case TOKEN_STEP:
        case TOKEN_RANGE:
                buf_printf(line->out, "%s()", token_kind_text(duration->op));
                break;
        case TOKEN_MIN_OF:
        case TOKEN_MAX_OF:
                buf_printf(line->out, "%s(", token_kind_text(duration->op));
                put_node(line, duration->lhs);
                buf_append_cstr(line->out, ", ");
                put_node(line, duration->rhs);
                buf_append_byte(line->out, ')');
                break;
        default:
                if (duration->lhs) {
                        put_node(line, duration->lhs);
                        buf_printf(line->out, " %s ", token_kind_text(duration->op));
                } else if (duration->op == TOKEN_SUB) {
                        buf_append_byte(line->out, '-');
                }
                put_node(line, duration->rhs);
        }
        if (duration->wrapped)
                buf_append_byte(line->out, ')');
}

static void put_number(struct buf *out, double value, bool is_duration)
{
        if (is_duration)
                duration_append(out, (int64_t)(value * 1000 + (value < 0 ? -0.5 : 0.5)));
        else
                double_append(out, value, DOUBLE_G);
}

static void put_aggregate_head(struct buf *out, const struct node_aggregate *aggregate)
{
        buf_append_cstr(out, token_kind_text(aggregate->op));
        if (!aggregate->without && !aggregate->grouping.count)
                return;
        buf_append_cstr(out, aggregate->without ? " without " : " by ");
        put_names(out, &aggregate->grouping);
        buf_append_byte(out, ' ');
}

static void put_fill(struct buf *out, const char *word, double value)
{
        buf_printf(out, " %s (", word);
        double_append(out, value, DOUBLE_G);
        buf_append_byte(out, ')');
}

/* " bool", " on (a) group_left (b)", " fill (0)": what follows an operator. */
static void put_matching(struct buf *out, const struct node_binary *binary)
{
        bool grouped = binary->card == MATCH_MANY_TO_ONE || binary->card == MATCH_ONE_TO_MANY;

        if (binary->return_bool)
                buf_append_cstr(out, " bool");
        if (!binary->matching)
                return;
        if (binary->labels.count || binary->on || grouped) {
                buf_append_cstr(out, binary->on ? " on " : " ignoring ");
                put_names(out, &binary->labels);
        }
        if (grouped) {
                buf_printf(out, " group_%s ",
                           binary->card == MATCH_MANY_TO_ONE ? "left" : "right");
                put_names(out, &binary->include);
        }
        if (binary->fill_left_set && binary->fill_right_set &&
            sample_bits(binary->fill_left) == sample_bits(binary->fill_right)) {
                put_fill(out, "fill", binary->fill_left);
                return;
        }
        if (binary->fill_left_set)
                put_fill(out, "fill_left", binary->fill_left);
        if (binary->fill_right_set)
                put_fill(out, "fill_right", binary->fill_right);
}

static void put_binary(struct line *line, const struct node_binary *binary)
{
        put_node(line, binary->lhs);
        buf_printf(line->out, " %s", token_kind_text(binary->op));
        put_matching(line->out, binary);
        buf_append_byte(line->out, ' ');
        put_node(line, binary->rhs);
}

static void put_call(struct line *line, const struct node_call *call)
{
        buf_printf(line->out, "%s(", call->function->name);
        for (size_t i = 0; i < call->arg_count; i++) {
                if (i)
                        buf_append_cstr(line->out, ", ");
                put_node(line, call->args[i]);
        }
        buf_append_byte(line->out, ')');
}

static void put_aggregate(struct line *line, const struct node_aggregate *aggregate)
{
        put_aggregate_head(line->out, aggregate);
        buf_append_byte(line->out, '(');
        if (aggregate->param) {
                put_node(line, aggregate->param);
                buf_append_cstr(line->out, ", ");
        }
        put_node(line, aggregate->expr);
        buf_append_byte(line->out, ')');
}

static void put_body(struct line *line, const struct node *node)
{
        switch (node->kind) {
        case NODE_NUMBER:
                put_number(line->out, node->number.value, node->number.is_duration);
                break;
        case NODE_STRING:
                quote_append(line->out, node->string);
                break;
        case NODE_SELECTOR:
                put_selector(line, &node->selector);
                break;
        case NODE_MATRIX:
                put_matrix(line, &node->matrix);
                break;
        case NODE_SUBQUERY:
                put_node(line, node->subquery.expr);
                put_subquery_suffix(line, &node->subquery);
                break;
        case NODE_CALL:
                put_call(line, &node->call);
                break;
        case NODE_AGGREGATE:
                put_aggregate(line, &node->aggregate);
                break;
        case NODE_BINARY:
                put_binary(line, &node->binary);
                break;
        case NODE_UNARY:
                buf_append_cstr(line->out, token_kind_text(node->unary.op));
                put_node(line, node->unary.expr);
                break;
        case NODE_PAREN:
                buf_append_byte(line->out, '(');
                put_node(line, node->paren);
                buf_append_byte(line->out, ')');
                break;
        case NODE_DURATION:
                put_duration(line, &node->duration);
                break;
        }
}

static void put_node(struct line *line, const struct node *node)
{
        size_t start = line->out->len;

        put_body(line, node);
        if (line->spans)
                line->spans[node->id] = (struct span){start - line->base,
                                                      line->out->len - line->base};
}

void promql_expr_format(struct buf *out, const struct promql_expr *expr)
{
        struct line line = {out, out->len, NULL};

        put_node(&line, expr->root);
}

/* ---- over several lines ------------------------------------------------------------------ */

struct layout {
        struct buf *out;
        struct str text; /* the expression on one line */
        const struct span *spans;
};

static void lay_node(struct layout *layout, const struct node *node, size_t level);

static struct str text_of(const struct layout *layout, const struct node *node)
{
        return str_slice(layout->text, layout->spans[node->id].start,
                         layout->spans[node->id].end);
}

static void indent(struct layout *layout, size_t level)
{
        for (size_t i = 0; i < level; i++)
                buf_append_cstr(layout->out, "  ");
}

static void lay_binary(struct layout *layout, const struct node_binary *binary, size_t level)
{
        lay_node(layout, binary->lhs, level + 1);
        buf_append_byte(layout->out, '\n');
        indent(layout, level);
        buf_append_cstr(layout->out, token_kind_text(binary->op));
        put_matching(layout->out, binary);
        buf_append_byte(layout->out, '\n');
        lay_node(layout, binary->rhs, level + 1);
}

static void lay_enclosed(struct layout *layout, struct node *const *items, size_t count,
                         size_t level)
{
        buf_append_cstr(layout->out, "(\n");
        for (size_t i = 0; i < count; i++) {
                if (i)
                        buf_append_cstr(layout->out, ",\n");
                lay_node(layout, items[i], level + 1);
        }
        buf_append_byte(layout->out, '\n');
        indent(layout, level);
        buf_append_byte(layout->out, ')');
}

static void lay_aggregate(struct layout *layout, const struct node_aggregate *aggregate,
                          size_t level)
{
        struct node *const items[] = {aggregate->param, aggregate->expr};

        indent(layout, level);
        put_aggregate_head(layout->out, aggregate);
        lay_enclosed(layout, aggregate->param ? items : items + 1, aggregate->param ? 2 : 1,
                     level);
}

/* Prometheus drops the indentation of a subquery that fits its line. */
static void lay_subquery(struct layout *layout, const struct node *node, size_t level)
{
        const struct span *whole = &layout->spans[node->id];
        const struct span *inner = &layout->spans[node->subquery.expr->id];

        if (whole->end - whole->start <= LINE_MAX) {
                buf_append_str(layout->out, text_of(layout, node));
                return;
        }
        lay_node(layout, node->subquery.expr, level);
        buf_append_str(layout->out, str_slice(layout->text, inner->end, whole->end));
}

/* The operand goes behind the sign without its own indentation. */
static void lay_unary(struct layout *layout, const struct node_unary *unary, size_t level)
{
        struct buf operand = BUF_INIT(layout->out->max_bytes);
        struct layout inner = {&operand, layout->text, layout->spans};

        lay_node(&inner, unary->expr, level);
        indent(layout, level);
        buf_append_cstr(layout->out, token_kind_text(unary->op));
        buf_append_str(layout->out, str_trim(buf_str(&operand)));
        buf_release(&operand);
}

static void lay_node(struct layout *layout, const struct node *node, size_t level)
{
        struct str text = text_of(layout, node);

        if (node->kind == NODE_SUBQUERY) {
                lay_subquery(layout, node, level);
        } else if (node->kind == NODE_UNARY) {
                lay_unary(layout, &node->unary, level);
        } else if (text.len > LINE_MAX && node->kind == NODE_BINARY) {
                lay_binary(layout, &node->binary, level);
        } else if (text.len > LINE_MAX && node->kind == NODE_AGGREGATE) {
                lay_aggregate(layout, &node->aggregate, level);
        } else if (text.len > LINE_MAX && node->kind == NODE_CALL && node->call.arg_count) {
                indent(layout, level);
                buf_append_cstr(layout->out, node->call.function->name);
                lay_enclosed(layout, node->call.args, node->call.arg_count, level);
        } else if (text.len > LINE_MAX && node->kind == NODE_PAREN) {
                indent(layout, level);
                lay_enclosed(layout, &node->paren, 1, level);
        } else {
                indent(layout, level);
                buf_append_str(layout->out, text);
        }
}

void promql_expr_format_pretty(struct buf *out, const struct promql_expr *expr)
{
        struct buf text = BUF_INIT(out->max_bytes);
        struct span *spans = alloc_new(&spans_type, expr->node_count * sizeof(*spans));
        struct line line = {&text, 0, spans};
        struct layout layout;

        put_node(&line, expr->root);
        layout = (struct layout){out, buf_str(&text), spans};
        if (text.overflow)
                out->overflow = true;
        else
                lay_node(&layout, expr->root, 0);
        buf_release(&text);
        alloc_free(&spans_type, spans);
}
