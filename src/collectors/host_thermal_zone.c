/* Temperatures and cooling devices; see the kernel's Documentation/driver-api/thermal. */
#include "collectors/host_int.h"

#define CLASS "/sys/class/thermal"

/* A zone that cannot be read, because it is off or its sensor is, is left out. */
static void add_zone(struct host_table *out, struct arena *arena, const char *name)
{
        struct buf labels CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);
        struct buf text CLEANUP(buf_release) = {0};
        const char *dir = arena_printf(arena, CLASS "/%s", name);
        struct str value;
        int64_t temp;

        if (!host_attribute(&text, dir, "type", &value, NULL))
                return;
        host_label(&labels, "type", value);
        host_label(&labels, "zone", str_from(name + strlen("thermal_zone")));
        if (host_attribute(&text, dir, "temp", &value, NULL) && host_parse_int(value, &temp))
                host_single(out, "node_thermal_zone_temp", "gauge", "Zone temperature in Celsius",
                            labels.data, (double)temp / 1000);
}

static bool add_cooling_device(struct host_table *out, struct arena *arena, const char *name,
                               struct error *err)
{
        static const char *const states[][3] = {
                {"cur_state", "node_cooling_device_cur_state",
                 "Current throttle state of the cooling device"},
                {"max_state", "node_cooling_device_max_state",
                 "Maximum throttle state of the cooling device"},
        };
        struct buf labels CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);
        struct buf text CLEANUP(buf_release) = {0};
        const char *dir = arena_printf(arena, CLASS "/%s", name);
        struct str value;
        int64_t state;

        if (!host_attribute(&text, dir, "type", &value, err))
                return false;
        host_label(&labels, "name", str_from(name + strlen("cooling_device")));
        host_label(&labels, "type", value);
        for (size_t i = 0; i < ARRAY_LEN(states); i++) {
                if (!host_attribute(&text, dir, states[i][0], &value, err))
                        return false;
                if (!host_parse_int(value, &state))
                        return error_set(err, ERROR_INVALID, "%s/%s: not a number", dir,
                                         states[i][0]);
                host_single(out, states[i][1], "gauge", states[i][2], labels.data, (double)state);
        }
        return true;
}

bool host_collect_thermal_zone(struct host_table *out, struct error *err)
{
        struct arena arena CLEANUP(arena_release) = {.limit_bytes = 1 << 20};
        const char **names;
        size_t count;

        if (!host_list(&arena, CLASS, "thermal_zone", &names, &count, NULL))
                return true; /* none */
        for (size_t i = 0; i < count; i++)
                add_zone(out, &arena, names[i]);
        if (!host_list(&arena, CLASS, "cooling_device", &names, &count, err))
                return false;
        for (size_t i = 0; i < count; i++)
                if (!add_cooling_device(out, &arena, names[i], err))
                        return false;
        return true;
}
