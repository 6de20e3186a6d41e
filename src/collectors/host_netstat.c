/* Protocol counters: /proc/net/netstat, /proc/net/snmp and /proc/net/snmp6. */
#include "codec/double.h"
#include "collectors/host_int.h"

/* The node exporter's default selection; beside it TcpExt_Listen.*, TcpExt_Syncookies.* and
 * everything that ends in _InErrors or _InErrs. */
static const char *const shown_fields[] = {
        "Icmp6_InMsgs", "Icmp6_OutMsgs", "Icmp_InMsgs", "Icmp_OutMsgs", "Ip6_InOctets",
        "Ip6_OutOctets", "IpExt_InOctets", "IpExt_OutOctets", "Ip_Forwarding",
        "TcpExt_TCPSynRetrans", "TcpExt_TCPTimeouts", "Tcp_ActiveOpens", "Tcp_CurrEstab",
        "Tcp_InSegs", "Tcp_OutRsts", "Tcp_OutSegs", "Tcp_PassiveOpens", "Tcp_RetransSegs",
        "Udp6_InDatagrams", "Udp6_NoPorts", "Udp6_OutDatagrams", "Udp6_RcvbufErrors",
        "Udp6_SndbufErrors", "Udp_InDatagrams", "Udp_NoPorts", "Udp_OutDatagrams",
        "Udp_RcvbufErrors", "Udp_SndbufErrors",
};

static bool is_shown(struct str name)
{
        if (str_ends_with(name, STR_LIT("_InErrors")) || str_ends_with(name, STR_LIT("_InErrs")) ||
            str_starts_with(name, STR_LIT("TcpExt_Listen")) ||
            str_starts_with(name, STR_LIT("TcpExt_Syncookies")))
                return true;
        for (size_t i = 0; i < ARRAY_LEN(shown_fields); i++)
                if (str_is(name, shown_fields[i]))
                        return true;
        return false;
}

static void add_field(struct host_table *out, struct str protocol, struct str field,
                      struct str text)
{
        struct buf name CLEANUP(buf_release) = BUF_INIT(HOST_NAME_MAX_BYTES);
        struct buf help CLEANUP(buf_release) = BUF_INIT(2 * HOST_NAME_MAX_BYTES);
        size_t prefix = strlen("node_netstat_");
        double value;

        buf_append_cstr(&name, "node_netstat_");
        buf_append_str(&name, protocol);
        buf_append_byte(&name, '_');
        buf_append_str(&name, field);
        if (name.overflow ||
            !is_shown(str_slice(buf_str(&name), prefix, name.len)) ||
            !double_parse(text, &value))
                return;
        buf_printf(&help, "Statistic " STR_FMT STR_FMT ".", STR_ARG(protocol), STR_ARG(field));
        host_single(out, name.data, "untyped", help.data, NULL, value);
}

/* Two lines a protocol: "Tcp: Name Name" and "Tcp: 1 2". */
static bool add_pairs(struct host_table *out, const char *path, struct error *err)
{
        struct buf text CLEANUP(buf_release) = {0};
        struct str rest, names, values;

        if (!host_read(&text, path, err))
                return false;
        rest = buf_str(&text);
        while (str_cut(&rest, '\n', &names) && rest.data && str_cut(&rest, '\n', &values)) {
                struct str protocol = host_field(&names), field;

                if (!protocol.len || !str_equal(protocol, host_field(&values)))
                        return error_set(err, ERROR_INVALID, "%s: unknown form", path);
                protocol.len--;
                while ((field = host_field(&names)).len)
                        add_field(out, protocol, field, host_field(&values));
        }
        return true;
}

/* One line a counter: "Ip6InReceives 12": the protocol ends at the digit 6. */
static void add_snmp6(struct host_table *out)
{
        struct buf text CLEANUP(buf_release) = {0};
        struct str rest, line;

        if (!host_read(&text, "/proc/net/snmp6", NULL))
                return; /* a host without IPv6 */
        rest = buf_str(&text);
        while (str_cut(&rest, '\n', &line)) {
                struct str name = host_field(&line);
                size_t six = str_find_byte(name, '6');

                if (six < name.len)
                        add_field(out, str_slice(name, 0, six + 1),
                                  str_slice(name, six + 1, name.len), host_field(&line));
        }
}

bool host_collect_netstat(struct host_table *out, struct error *err)
{
        if (!add_pairs(out, "/proc/net/netstat", err) ||
            !add_pairs(out, "/proc/net/snmp", err))
                return false;
        add_snmp6(out);
        return true;
}
