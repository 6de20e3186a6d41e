/* Host bus adapters; see the kernel's Documentation/scsi/scsi_fc_transport.rst. */
#include "collectors/host_int.h"

#define CLASS "/sys/class/fc_host"

static const struct {
        const char *file, *name, *help;
} counters[] = {
        {"dumped_frames", "node_fibrechannel_dumped_frames_total", "Number of dumped frames"},
        {"error_frames", "node_fibrechannel_error_frames_total", "Number of errors in frames"},
        {"fcp_packet_aborts", "node_fibrechannel_fcp_packet_aborts_total",
         "Number of aborted packets"},
        {"invalid_crc_count", "node_fibrechannel_invalid_crc_total",
         "Invalid Cyclic Redundancy Check count"},
        {"invalid_tx_word_count", "node_fibrechannel_invalid_tx_words_total",
         "Number of invalid words transmitted by host port"},
        {"link_failure_count", "node_fibrechannel_link_failure_total",
         "Number of times the host port link has failed"},
        {"loss_of_signal_count", "node_fibrechannel_loss_of_signal_total",
         "Number of times signal has been lost"},
        {"loss_of_sync_count", "node_fibrechannel_loss_of_sync_total",
         "Number of failures on either bit or transmission word boundaries"},
        {"nos_count", "node_fibrechannel_nos_total",
         "Number Not_Operational Primitive Sequence received by host port"},
        {"rx_frames", "node_fibrechannel_rx_frames_total", "Number of frames received"},
        {"rx_words", "node_fibrechannel_rx_words_total",
         "Number of words received by host port"},
        {"seconds_since_last_reset", "node_fibrechannel_seconds_since_last_reset_total",
         "Number of seconds since last host port reset"},
        {"tx_frames", "node_fibrechannel_tx_frames_total",
         "Number of frames transmitted by host port"},
        {"tx_words", "node_fibrechannel_tx_words_total",
         "Number of words transmitted by host port"},
};

static const struct {
        const char *name;
        bool is_hex; /* shown without its 0x */
} attributes[] = {
        {"dev_loss_tmo", false}, {"fabric_name", true}, {"port_id", true}, {"port_name", true},
        {"port_state", false}, {"port_type", false}, {"speed", false},
        {"supported_classes", false}, {"supported_speeds", false}, {"symbolic_name", false},
};

static bool add_info(struct host_table *out, const char *dir, const char *host,
                     struct error *err)
{
        struct buf labels CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);
        struct buf text CLEANUP(buf_release) = {0};
        struct str value;

        host_label(&labels, "fc_host", str_from(host));
        for (size_t i = 0; i < ARRAY_LEN(attributes); i++) {
                if (!host_attribute(&text, dir, attributes[i].name, &value, err))
                        return false;
                if (attributes[i].is_hex && value.len > 2)
                        value = str_slice(value, 2, value.len);
                host_label(&labels, attributes[i].name, value);
        }
        host_single(out, "node_fibrechannel_info", "gauge",
                    "Non-numeric data from /sys/class/fc_host/<host>, value is always 1.",
                    labels.data, 1);
        return true;
}

bool host_collect_fibrechannel(struct host_table *out, struct error *err)
{
        struct arena arena CLEANUP(arena_release) = {.limit_bytes = 1 << 20};
        struct buf text CLEANUP(buf_release) = {0};
        const char **hosts;
        size_t count;

        if (!host_list(&arena, CLASS, NULL, &hosts, &count, err))
                return false;
        for (size_t i = 0; i < count; i++) {
                const char *dir = arena_printf(&arena, CLASS "/%s", hosts[i]);
                const char *statistics = arena_printf(&arena, "%s/statistics", dir);
                struct buf labels CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);

                if (!add_info(out, dir, hosts[i], err))
                        return false;
                host_label(&labels, "fc_host", str_from(hosts[i]));
                for (size_t c = 0; c < ARRAY_LEN(counters); c++) {
                        uint64_t value = 0;

                        if (!host_attribute_uint(&text, statistics, counters[c].file, &value,
                                                 err) && err->code == ERROR_INVALID)
                                return false;
                        /* All ones: the adapter does not count this. */
                        if (value != UINT64_MAX)
                                host_single(out, counters[c].name, "counter", counters[c].help,
                                            labels.data, (double)value);
                }
        }
        return true;
}
