/* Block caches: /sys/fs/bcache/<uuid>; see the kernel's Documentation/admin-guide/bcache.rst. Most
 * numbers are written for people: "4.0k", "1.5M". */
#include "codec/double.h"
#include "collectors/host_int.h"

#define ROOT "/sys/fs/bcache"

struct metric {
        const char *file, *name, *type, *help;
};

static const struct metric set_metrics[] = {
        {"average_key_size", "node_bcache_average_key_size_sectors", "gauge",
         "Average data per key in the btree (sectors)."},
        {"btree_cache_size", "node_bcache_btree_cache_size_bytes", "gauge",
         "Amount of memory currently used by the btree cache."},
        {"cache_available_percent", "node_bcache_cache_available_percent", "gauge",
         "Percentage of cache device without dirty data, usable for writeback (may contain clean "
         "cached data)."},
        {"congested", "node_bcache_congested", "gauge", "Congestion."},
        {"root_usage_percent", "node_bcache_root_usage_percent", "gauge",
         "Percentage of the root btree node in use (tree depth increases if too high)."},
        {"tree_depth", "node_bcache_tree_depth", "gauge", "Depth of the btree."},
        {"internal/active_journal_entries", "node_bcache_active_journal_entries", "gauge",
         "Number of journal entries that are newer than the index."},
        {"internal/btree_nodes", "node_bcache_btree_nodes", "gauge",
         "Total nodes in the btree."},
        {"internal/btree_read_average_duration_us",
         "node_bcache_btree_read_average_duration_seconds", "gauge",
         "Average btree read duration."},
        {"internal/cache_read_races", "node_bcache_cache_read_races_total", "counter",
         "Counts instances where while data was being read from the cache, the bucket was reused "
         "and invalidated - i.e. where the pointer was stale after the read completed."},
};

static const struct metric backing_metrics[] = {
        {"dirty_data", "node_bcache_dirty_data_bytes", "gauge",
         "Amount of dirty data for this backing device in the cache."},
        {"stats_total/bypassed", "node_bcache_bypassed_bytes_total", "counter",
         "Amount of IO (both reads and writes) that has bypassed the cache."},
        {"stats_total/cache_bypass_hits", "node_bcache_cache_bypass_hits_total", "counter",
         "Hits for IO intended to skip the cache."},
        {"stats_total/cache_bypass_misses", "node_bcache_cache_bypass_misses_total", "counter",
         "Misses for IO intended to skip the cache."},
        {"stats_total/cache_hits", "node_bcache_cache_hits_total", "counter",
         "Hits counted per individual IO as bcache sees them."},
        {"stats_total/cache_miss_collisions", "node_bcache_cache_miss_collisions_total",
         "counter",
         "Instances where data insertion from cache miss raced with write (data already present)."},
        {"stats_total/cache_misses", "node_bcache_cache_misses_total", "counter",
         "Misses counted per individual IO as bcache sees them."},
        {"stats_total/cache_readaheads", "node_bcache_cache_readaheads_total", "counter",
         "Count of times readahead occurred."},
};

/* Lines of a backing device's writeback_rate_debug: "rate:  1.0M/sec". */
static const struct metric writeback_metrics[] = {
        {"target:", "node_bcache_dirty_target_bytes", "gauge",
         "Current dirty data target threshold for this backing device in bytes."},
        {"change:", "node_bcache_writeback_change", "gauge",
         "Last writeback rate change step for this backing device."},
        {"rate:", "node_bcache_writeback_rate", "gauge",
         "Current writeback rate for this backing device in bytes."},
        {"integral:", "node_bcache_writeback_rate_integral_term", "gauge",
         "Current result of integral controller, part of writeback rate"},
        {"proportional:", "node_bcache_writeback_rate_proportional_term", "gauge",
         "Current result of proportional controller, part of writeback rate"},
};

static const struct metric cache_metrics[] = {
        {"io_errors", "node_bcache_io_errors", "gauge",
         "Number of errors that have occurred, decayed by io_error_halflife."},
        {"metadata_written", "node_bcache_metadata_written_bytes_total", "counter",
         "Sum of all non data writes (btree writes and all other metadata)."},
        {"written", "node_bcache_written_bytes_total", "counter",
         "Sum of all data that has been written to the cache."},
};

/* "10", "-1.5M", "0.5k": the digit behind the point counts units of 1024 / 10.24, as the kernel's
 * bch_hprint() writes it. Whole bytes. */
static bool parse_humane(struct str text, double *ret_value)
{
        static const char units[] = "kMGTPEZY";
        bool negative = text.len && text.data[0] == '-';
        double scale = 1, value, fraction = 0;
        struct str whole;

        text = str_slice(text, negative, text.len);
        if (text.len && text.data[text.len - 1] > '9') {
                size_t unit = str_find_byte(str_from(units), text.data[text.len - 1]);

                if (unit == strlen(units))
                        return false;
                for (size_t i = 0; i <= unit; i++)
                        scale *= 1024;
                text.len--;
        }
        if (!str_cut(&text, '.', &whole) || !double_parse(whole, &value) ||
            (text.data && !double_parse(text, &fraction)))
                return false;
        value = (double)(uint64_t)((value + fraction / (scale > 1 ? 10.24 : 10)) * scale);
        *ret_value = negative ? -value : value;
        return true;
}

/* A missing file counts as zero: not every kernel has all. */
static bool add_files(struct host_table *out, const char *dir, const struct metric *metrics,
                      size_t count, const char *labels, struct error *err)
{
        struct buf text CLEANUP(buf_release) = {0};

        for (size_t i = 0; i < count; i++) {
                struct str value;
                double v = 0;

                if (host_attribute(&text, dir, metrics[i].file, &value, NULL) &&
                    !parse_humane(value, &v))
                        return error_set(err, ERROR_INVALID, "%s/%s: not a number", dir,
                                         metrics[i].file);
                /* Named for microseconds, counted in nanoseconds. */
                if (str_ends_with(str_from(metrics[i].file), STR_LIT("_us")))
                        v *= 1e-9;
                host_single(out, metrics[i].name, metrics[i].type, metrics[i].help, labels, v);
        }
        return true;
}

static bool add_writeback(struct host_table *out, const char *dir, const char *labels,
                          struct error *err)
{
        struct buf text CLEANUP(buf_release) = {0};
        struct str all, line;

        if (!host_attribute(&text, dir, "writeback_rate_debug", &all, err))
                return false;
        for (size_t i = 0; i < ARRAY_LEN(writeback_metrics); i++) {
                struct str rest = all, value = STR_LIT("0");
                double v;

                while (str_cut(&rest, '\n', &line))
                        if (str_is(host_field(&line), writeback_metrics[i].file))
                                value = host_field(&line);
                value.len = str_find_byte(value, '/');
                if (!parse_humane(value, &v))
                        return error_set(err, ERROR_INVALID,
                                         "%s/writeback_rate_debug: not a number", dir);
                host_single(out, writeback_metrics[i].name, writeback_metrics[i].type,
                            writeback_metrics[i].help, labels, v);
        }
        return true;
}

static bool add_devices(struct host_table *out, struct arena *arena, const char *dir,
                        const char *uuid, bool is_cache, struct error *err)
{
        const char **names;
        size_t count;

        if (!host_list(arena, dir, is_cache ? "cache" : "bdev", &names, &count, err))
                return false;
        for (size_t i = 0; i < count; i++) {
                struct buf labels CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);
                const char *device = arena_printf(arena, "%s/%s", dir, names[i]);

                host_label(&labels, is_cache ? "cache_device" : "backing_device",
                           str_from(names[i]));
                host_label(&labels, "uuid", str_from(uuid));
                if (is_cache ? !add_files(out, device, cache_metrics, ARRAY_LEN(cache_metrics),
                                          labels.data, err)
                             : !add_files(out, device, backing_metrics,
                                          ARRAY_LEN(backing_metrics), labels.data, err) ||
                                       !add_writeback(out, device, labels.data, err))
                        return false;
        }
        return true;
}

bool host_collect_bcache(struct host_table *out, struct error *err)
{
        struct arena arena CLEANUP(arena_release) = {.limit_bytes = 1 << 20};
        const char **sets;
        size_t count;

        if (!host_list(&arena, ROOT, NULL, &sets, &count, NULL))
                return true; /* no bcache here */
        for (size_t i = 0; i < count; i++) {
                struct buf labels CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);
                const char *dir = arena_printf(&arena, ROOT "/%s", sets[i]);

                if (!strchr(sets[i], '-'))
                        continue; /* register and its like beside the cache sets */
                host_label(&labels, "uuid", str_from(sets[i]));
                if (!add_files(out, dir, set_metrics, ARRAY_LEN(set_metrics), labels.data,
                               err) ||
                    !add_devices(out, &arena, dir, sets[i], false, err) ||
                    !add_devices(out, &arena, dir, sets[i], true, err))
                        return false;
        }
        return true;
}
