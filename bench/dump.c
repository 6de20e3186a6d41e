/* The fleet as a file of samples with timestamps, series by series: what importers read. */
#include <stdio.h>

#include "codec/double.h"
#include "command_int.h"

enum { BUFFER_BYTES = 1 << 20 };

static bool write_out(struct buf *out, struct error *err)
{
        if (fwrite(out->data, 1, out->len, stdout) != out->len)
                return error_set(err, ERROR_IO, "stdout: write failed");
        buf_clear(out);
        return true;
}

static bool dump_series(const struct fleet_options *options, const struct fleet_series *series,
                        struct buf *out, struct error *err)
{
        struct buf prefix CLEANUP(buf_release) = BUF_INIT(4096);
        struct arena scratch;

        arena_init(&scratch, SIZE_MAX);
        fleet_append_text(&prefix, series, fleet_labels(series, true, &scratch));
        arena_release(&scratch);
        for (int64_t t_s = options->from_s; t_s < options->to_s; t_s += options->step_s) {
                buf_append_str(out, buf_str(&prefix));
                double_append(out, fleet_value(series, t_s), DOUBLE_G);
                buf_printf(out, options->milliseconds ? " %ld000\n" : " %ld\n", (long)t_s);
                if (out->len > BUFFER_BYTES / 2 && !write_out(out, err))
                        return false;
        }
        return true;
}

/* OpenMetrics names a counter's family without _total. */
static void append_type(struct buf *out, const struct fleet_family *family, bool openmetrics)
{
        struct str name = str_from(family->name);

        if (openmetrics && str_ends_with(name, STR_LIT("_total")))
                name.len -= strlen("_total");
        buf_printf(out, "# TYPE " STR_FMT " %s\n", STR_ARG(name), family->type);
}

bool fleet_dump(const struct fleet_options *options, struct error *err)
{
        struct buf out CLEANUP(buf_release) = BUF_INIT(BUFFER_BYTES);

        for (size_t f = 0; f < fleet_family_count; f++) {
                const struct fleet_family *family = &fleet_families[f];
                unsigned count = fleet_family_series(&options->fleet, family);

                if (!count)
                        continue;
                append_type(&out, family, !options->milliseconds);
                for (unsigned target = options->first_target; target < options->fleet.targets;
                     target++)
                        for (unsigned i = 0; i < count; i++) {
                                struct fleet_series series =
                                        fleet_series_at(&options->fleet, family, target, i);

                                if (!dump_series(options, &series, &out, err))
                                        return false;
                        }
        }
        if (!options->milliseconds)
                buf_append_cstr(&out, "# EOF\n");
        return write_out(&out, err);
}
