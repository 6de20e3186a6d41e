#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "collectors/host_int.h"

static void write_clocksources(struct host_table *out)
{
        static const char *const files[][3] = {
                {"/sys/devices/system/clocksource/clocksource0/available_clocksource",
                 "node_time_clocksource_available_info",
                 "Available clocksources read from '/sys/devices/system/clocksource'."},
                {"/sys/devices/system/clocksource/clocksource0/current_clocksource",
                 "node_time_clocksource_current_info",
                 "Current clocksource read from '/sys/devices/system/clocksource'."},
        };
        struct buf text CLEANUP(buf_release) = {0};

        for (size_t i = 0; i < ARRAY_LEN(files); i++) {
                struct str rest, source;

                if (!host_read(&text, files[i][0], NULL))
                        continue;
                host_family(out, files[i][1], "gauge", files[i][2]);
                rest = str_trim(buf_str(&text));
                while ((source = host_field(&rest)).len) {
                        struct buf labels CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);

                        host_label(&labels, "clocksource", source);
                        host_label(&labels, "device", STR_LIT("0"));
                        host_sample(out, labels.data, 1);
                }
        }
}

bool host_collect_time(struct host_table *out, struct error *err)
{
        struct buf labels CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);
        time_t now = time(NULL);
        struct tm local;

        (void)err;
        write_clocksources(out);
        host_single(out, "node_time_seconds", "gauge", "System time in seconds since epoch (1970).",
                    NULL, (double)clock_now_ns(&clock_real) / 1e9);
        localtime_r(&now, &local);
        host_family(out, "node_time_zone_offset_seconds", "gauge",
                    "System time zone offset in seconds.");
        host_label(&labels, "time_zone", str_from(local.tm_zone));
        host_sample(out, labels.data, (double)local.tm_gmtoff);
        return true;
}
