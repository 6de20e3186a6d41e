/* Energy counters; see the kernel's Documentation/power/powercap/powercap.rst. They are readable
 * by root only on most hosts, which then shows as no success. */
#include <stdio.h>

#include "collectors/host_int.h"

#define CLASS "/sys/class/powercap"

struct zone {
        struct str name;
        uint64_t index;
};

/* "package-1" is number 1 of "package"; of names without a number, the order in which they come
 * counts. */
static struct zone name_zone(struct str name, const struct zone *seen, size_t count)
{
        struct str rest = name, head;
        struct zone zone = {name, 0};

        if (str_cut(&rest, '-', &head) && rest.data && str_find_byte(rest, '-') == rest.len &&
            host_parse_uint(rest, &zone.index)) {
                zone.name = head;
                return zone;
        }
        for (size_t i = 0; i < count; i++)
                if (str_equal(seen[i].name, name))
                        zone.index = seen[i].index + 1;
        return zone;
}

static void add_zone(struct host_table *out, const char *dir, const struct zone *zone,
                     uint64_t microjoules)
{
        struct buf labels CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);
        struct buf name CLEANUP(buf_release) = BUF_INIT(HOST_NAME_MAX_BYTES);
        struct buf help CLEANUP(buf_release) = BUF_INIT(HOST_NAME_MAX_BYTES);
        char path[HOST_PATH_MAX], index[24];

        buf_printf(&name, "node_rapl_" STR_FMT "_joules_total", STR_ARG(zone->name));
        buf_printf(&help, "Current RAPL " STR_FMT " value in joules", STR_ARG(zone->name));
        if (name.overflow || help.overflow || !host_path(path, dir))
                return;
        for (size_t i = 0; i < name.len; i++) {
                char c = name.data[i];

                if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      (c >= '0' && c <= '9') || c == ':'))
                        name.data[i] = '_';
        }
        snprintf(index, sizeof(index), "%llu", (unsigned long long)zone->index);
        host_label(&labels, "index", str_from(index));
        host_label(&labels, "path", str_from(path));
        host_single(out, name.data, "counter", help.data, labels.data, (double)microjoules / 1e6);
}

bool host_collect_rapl(struct host_table *out, struct error *err)
{
        struct arena arena CLEANUP(arena_release) = {.limit_bytes = 1 << 20};
        struct buf text CLEANUP(buf_release) = {0};
        struct zone *zones;
        const char **names;
        size_t count, zone_count = 0;

        if (!host_list(&arena, CLASS, NULL, &names, &count, err))
                return false;
        zones = arena_array(&arena, struct zone, count + 1);
        for (size_t i = 0; i < count; i++) {
                const char *dir = arena_printf(&arena, CLASS "/%s", names[i]);
                uint64_t microjoules;
                struct str name;

                /* Control types are not zones and have no name. */
                if (!host_attribute(&text, dir, "name", &name, NULL))
                        continue;
                zones[zone_count] = name_zone(arena_str(&arena, name), zones, zone_count);
                if (!host_attribute_uint(&text, dir, "energy_uj", &microjoules, err))
                        return false;
                add_zone(out, dir, &zones[zone_count], microjoules);
                zone_count++;
        }
        return true;
}
