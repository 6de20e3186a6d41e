/* A template with data of every kind: it renders or says what is wrong, within its limits. */
#include "template/template.h"

#include "template/prometheus.h"
#include "template/time.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool answer(void *ctx, struct str expression, struct arena *arena,
                   struct template_value **ret_samples, size_t *ret_count, struct error *err)
{
        (void)ctx;
        (void)expression;
        (void)err;
        *ret_samples = arena_array(arena, struct template_value, 1);
        (*ret_samples)[0] = template_prometheus_sample(
                arena, (struct template_value){&template_string_map, .map = NULL}, 1.5);
        *ret_count = 1;
        return true;
}

static struct template_value make_data(struct arena *arena)
{
        struct template_entry *entries = arena_array(arena, struct template_entry, 6);
        struct template_value *list = arena_array(arena, struct template_value, 2);

        list[0] = template_from_int(7);
        list[1] = template_from_str(STR_LIT("a\xff\xc3\xa9"));
        entries[0].key = STR_LIT("l");
        entries[0].value = template_from_list(&template_any_list, arena, list, 2);
        entries[1] = (struct template_entry){STR_LIT("s"), list[1]};
        entries[2] = (struct template_entry){STR_LIT("n"), list[0]};
        entries[3] = (struct template_entry){STR_LIT("f"), template_from_float(-1e300)};
        entries[4] = (struct template_entry){STR_LIT("t"),
                                             template_from_unix_ns(arena, INT64_MIN, NULL)};
        entries[5] = (struct template_entry){STR_LIT("d"), template_from_duration(INT64_MIN)};
        return template_from_map(&template_any_map, arena, entries, 6);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct template_prometheus env = {0, "", "", answer, NULL};
        struct template_set *set = template_set_new();
        struct buf out CLEANUP(buf_release) = BUF_INIT(1 << 16);
        struct error err;
        struct arena arena;
        struct template_run run = {.ctx = &env, .arena = &arena, .out = &out};

        arena_init(&arena, 1 << 20);
        run.data = make_data(&arena);
        template_set_add_functions(set, template_prometheus_functions);
        if (template_set_parse(set, STR_LIT("t"), str_make((const char *)data, size), &err) &&
            !template_execute(set, STR_LIT("t"), &run, &err))
                BUG_ON(!err.text[0]);
        template_set_free(set);
        arena_release(&arena);
        return 0;
}
