/* Targets from DNS records (dns_sd_configs). A name no server can tell of keeps its targets. */
#include "base/alloc.h"
#include "base/thread.h"
#include "collectors/discovery_int.h"
#include "collectors/dns_int.h"

ALLOC_TYPE(dns_discovery_type, "dns_discovery")

METRIC_COUNTER(failures, "pitwall_discovery_failures_total", "kind=\"dns\"",
               "Discoveries that gave no good answer; the last targets stayed.")
METRIC_COUNTER(lookups, "pitwall_discovery_dns_lookups_total", "",
               "Names that DNS discovery looked up.")

enum { ARENA_MAX_BYTES = 64 << 20, LOOKUPS_AT_ONCE = 8 };

struct dns_name {
        struct arena arena;       /* of the group */
        struct target_group group;
};

struct dns_names {
        struct discovery *discovery;
        const struct dns_discovery_options *options;
        struct dns_name *items;
};

static bool is_stopping(void *ctx)
{
        return discovery_stopping(ctx);
}

static struct str without_dots(struct str name)
{
        while (str_ends_with(name, STR_LIT(".")))
                name.len--;
        return name;
}

static struct labels make_target(struct arena *arena, struct str name, unsigned default_port,
                                 const struct dns_record *record)
{
        struct str text = record->text;
        unsigned port = default_port;
        struct labels_builder builder;

        labels_builder_init(&builder, arena, (struct labels){0});
        labels_builder_set(&builder, STR_LIT("__meta_dns_name"), name);
        switch (record->type) {
        case DNS_TYPE_SRV:
                port = record->port;
                labels_builder_set(&builder, STR_LIT("__meta_dns_srv_record_target"), text);
                labels_builder_set(&builder, STR_LIT("__meta_dns_srv_record_port"),
                                   str_from(arena_printf(arena, "%u", port)));
                break;
        case DNS_TYPE_MX:
                labels_builder_set(&builder, STR_LIT("__meta_dns_mx_record_target"), text);
                break;
        case DNS_TYPE_NS:
                labels_builder_set(&builder, STR_LIT("__meta_dns_ns_record_target"), text);
                break;
        case DNS_TYPE_A:
        case DNS_TYPE_AAAA:
                break;
        }
        labels_builder_set(&builder, STR_LIT("__address__"),
                           discovery_address(arena, without_dots(text), port));
        return labels_builder_finish(&builder);
}

static void look_up(void *ctx, size_t index)
{
        struct dns_names *names = ctx;
        struct dns_name *name = &names->items[index];
        struct str text = names->options->names[index];
        struct dns_answer answer;
        struct labels *targets;
        struct arena arena;
        struct error err;

        arena_init(&arena, ARENA_MAX_BYTES);
        metric_add(&lookups, 1);
        if (!dns_resolve(&arena, text, (enum dns_type)names->options->type, is_stopping,
                         names->discovery, &answer, &err)) {
                discovery_fail(names->discovery, &err);
                arena_release(&arena);
                return;
        }
        targets = arena_array(&arena, struct labels, answer.count);
        for (size_t i = 0; i < answer.count; i++)
                targets[i] = make_target(&arena, text, names->options->port, &answer.records[i]);
        arena_release(&name->arena);
        name->arena = arena;
        name->group = (struct target_group){.targets = targets, .target_count = answer.count};
}

static bool refresh_dns(struct discovery *discovery, void *state, struct discovery_result *result,
                        struct error *err)
{
        struct dns_names *names = state;

        (void)discovery;
        (void)err;
        thread_parallel_for(LOOKUPS_AT_ONCE, names->options->name_count, look_up, names);
        for (size_t i = 0; i < names->options->name_count; i++)
                discovery_result_add(result, &names->items[i].group);
        return true;
}

static void run_dns(struct discovery *discovery)
{
        const struct dns_discovery_options *options = discovery_config_of(discovery)->options;
        struct dns_names names = {
                .discovery = discovery,
                .options = options,
                .items = alloc_new(&dns_discovery_type,
                                   options->name_count * sizeof(*names.items)),
        };

        discovery_run_refresh(discovery, refresh_dns, &names);
        for (size_t i = 0; i < options->name_count; i++)
                arena_release(&names.items[i].arena);
        alloc_free(&dns_discovery_type, names.items);
}

const struct discovery_kind dns_discovery_kind = {"dns", run_dns, &failures};
