/* Connection tracking: /proc/sys/net/netfilter and the hexadecimal lines, one a CPU, of
 * /proc/net/stat/nf_conntrack. */

#include "collectors/host_int.h"

static const struct {
        const char *column, *name, *help;
} stats[] = {
        {"found", "node_nf_conntrack_stat_found",
         "Number of searched entries which were successful."},
        {"invalid", "node_nf_conntrack_stat_invalid",
         "Number of packets seen which can not be tracked."},
        {"ignore", "node_nf_conntrack_stat_ignore",
         "Number of packets seen which are already connected to a conntrack entry."},
        {"insert", "node_nf_conntrack_stat_insert", "Number of entries inserted into the list."},
        {"insert_failed", "node_nf_conntrack_stat_insert_failed",
         "Number of entries for which list insertion was attempted but failed."},
        {"drop", "node_nf_conntrack_stat_drop",
         "Number of packets dropped due to conntrack failure."},
        {"early_drop", "node_nf_conntrack_stat_early_drop",
         "Number of dropped conntrack entries to make room for new ones, if maximum table size "
         "was reached."},
        {"search_restart", "node_nf_conntrack_stat_search_restart",
         "Number of conntrack table lookups which had to be restarted due to hashtable resizes."},
};

static void write_stat(struct host_table *out, struct str rest, size_t stat)
{
        struct str header, line, field;
        uint64_t sum = 0;
        size_t column = 0;

        if (!str_cut(&rest, '\n', &header))
                return;
        while ((field = host_field(&header)).len && !str_is(field, stats[stat].column))
                column++;
        while (field.len && str_cut(&rest, '\n', &line)) {
                struct str value = host_field(&line);

                for (size_t i = 0; i < column; i++)
                        value = host_field(&line);
                sum += host_hex(value);
        }
        host_single(out, stats[stat].name, "gauge", stats[stat].help, NULL, (double)sum);
}

bool host_collect_conntrack(struct host_table *out, struct error *err)
{
        struct buf text CLEANUP(buf_release) = {0};

        if (!host_read(&text, "/proc/sys/net/netfilter/nf_conntrack_count", err))
                return false;
        host_single(out, "node_nf_conntrack_entries", "gauge",
                    "Number of currently allocated flow entries for connection tracking.", NULL,
                    (double)host_number(buf_str(&text)));
        if (!host_read(&text, "/proc/sys/net/netfilter/nf_conntrack_max", err))
                return false;
        host_single(out, "node_nf_conntrack_entries_limit", "gauge",
                    "Maximum size of connection tracking table.", NULL,
                    (double)host_number(buf_str(&text)));
        if (!host_read(&text, "/proc/net/stat/nf_conntrack", err))
                return false;
        for (size_t i = 0; i < ARRAY_LEN(stats); i++)
                write_stat(out, buf_str(&text), i);
        return true;
}
