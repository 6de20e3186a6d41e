/* Any text: it parses or it is an error. What parses prints, and reads back as the same. */
#include "base/compiler.h"
#include "promql/promql.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct promql_features all_on = {true, true, true, true};

static void check_reads_back(struct arena *arena, const struct buf *text, const struct buf *line)
{
        struct buf again = BUF_INIT(1 << 22);
        const struct promql_expr *expr;

        /* A range below a millisecond prints as 0s, which is refused, in Prometheus too. */
        if (!text->overflow && promql_expr_parse(arena, buf_str(text), &all_on, &expr, NULL)) {
                promql_expr_format(&again, expr);
                BUG_ON(!again.overflow && !str_equal(buf_str(&again), buf_str(line)));
        }
        buf_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct str text = str_make((const char *)data, size);
        struct buf line = BUF_INIT(1 << 20), pretty = BUF_INIT(1 << 20);
        struct promql_selector selector, *selectors;
        const struct promql_expr *expr;
        struct arena arena;
        struct error err;
        size_t count;

        arena_init(&arena, 64 << 20);
        (void)!promql_selector_parse(&arena, text, &selector, &err);
        if (promql_expr_parse(&arena, text, NULL, &expr, &err))
                BUG_ON(!promql_expr_parse(&arena, text, &all_on, &expr, &err));
        if (promql_expr_parse(&arena, text, &all_on, &expr, &err)) {
                promql_expr_selectors(&arena, expr, &selectors, &count);
                promql_expr_format(&line, expr);
                promql_expr_format_pretty(&pretty, expr);
                if (!line.overflow) {
                        check_reads_back(&arena, &line, &line);
                        check_reads_back(&arena, &pretty, &line);
                }
        }
        buf_release(&line);
        buf_release(&pretty);
        arena_release(&arena);
        return 0;
}
