/* The kernel's clock discipline, by adjtimex(2). */
#include <sys/timex.h>

#include "collectors/host_int.h"

/* Frequencies are in parts per million with 16 fraction bits. */
static const double ppm16 = 1000000.0 * 65536.0;

struct timex_metric {
        const char *name, *type, *help;
        double v;
};

static void write_metrics(struct host_table *out, const struct timex_metric *metrics, size_t count)
{
        for (size_t i = 0; i < count; i++)
                host_single(out, metrics[i].name, metrics[i].type, metrics[i].help, NULL,
                            metrics[i].v);
}

bool host_collect_timex(struct host_table *out, struct error *err)
{
        struct timex timex = {0};
        int status = adjtimex(&timex);
        double unit = timex.status & STA_NANO ? 1e9 : 1e6;
        const struct timex_metric metrics[] = {
                {"node_timex_estimated_error_seconds", "gauge",
                 "Estimated error in seconds.", (double)timex.esterror / 1e6},
                {"node_timex_frequency_adjustment_ratio", "gauge",
                 "Local clock frequency adjustment.", 1 + (double)timex.freq / ppm16},
                {"node_timex_loop_time_constant", "gauge",
                 "Phase-locked loop time constant.", (double)timex.constant},
                {"node_timex_maxerror_seconds", "gauge", "Maximum error in seconds.",
                 (double)timex.maxerror / 1e6},
                {"node_timex_offset_seconds", "gauge",
                 "Time offset in between local system and reference clock.",
                 (double)timex.offset / unit},
                {"node_timex_pps_calibration_total", "counter",
                 "Pulse per second count of calibration intervals.", (double)timex.calcnt},
                {"node_timex_pps_error_total", "counter",
                 "Pulse per second count of calibration errors.", (double)timex.errcnt},
                {"node_timex_pps_frequency_hertz", "gauge", "Pulse per second frequency.",
                 (double)timex.ppsfreq / ppm16},
                {"node_timex_pps_jitter_seconds", "gauge", "Pulse per second jitter.",
                 (double)timex.jitter / unit},
                {"node_timex_pps_jitter_total", "counter",
                 "Pulse per second count of jitter limit exceeded events.",
                 (double)timex.jitcnt},
                {"node_timex_pps_shift_seconds", "gauge",
                 "Pulse per second interval duration.", (double)timex.shift},
                {"node_timex_pps_stability_exceeded_total", "counter",
                 "Pulse per second count of stability limit exceeded events.",
                 (double)timex.stbcnt},
                {"node_timex_pps_stability_hertz", "gauge",
                 "Pulse per second stability, average of recent frequency changes.",
                 (double)timex.stabil / ppm16},
                {"node_timex_status", "gauge", "Value of the status array bits.",
                 (double)timex.status},
                {"node_timex_sync_status", "gauge",
                 "Is clock synchronized to a reliable server (1 = yes, 0 = no).",
                 status != TIME_ERROR},
                {"node_timex_tai_offset_seconds", "gauge",
                 "International Atomic Time (TAI) offset.", (double)timex.tai},
                {"node_timex_tick_seconds", "gauge", "Seconds between clock ticks.",
                 (double)timex.tick / 1e6},
        };

        if (status < 0)
                return error_set(err, ERROR_IO, "adjtimex: %m");
        write_metrics(out, metrics, ARRAY_LEN(metrics));
        return true;
}
