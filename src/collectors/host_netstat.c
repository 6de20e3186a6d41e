/* Protocol counters: /proc/net/netstat, /proc/net/snmp and /proc/net/snmp6. */
#include <pthread.h>

#include "codec/double.h"
#include "codec/regex.h"
#include "collectors/host_int.h"

/* The node exporter's default selection. */
static const char shown_fields[] =
        "(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|"
        "Icmp6?_(InMsgs|OutMsgs)|TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts)|"
        "Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|"
        "RetransSegs|CurrEstab)|Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|"
        "SndbufErrors))";

static pthread_once_t regex_once = PTHREAD_ONCE_INIT;
static struct regex *shown_regex;

static void compile_regex(void)
{
        BUG_ON(!regex_new(&shown_regex, str_from(shown_fields), REGEX_FULL, NULL));
}

static void add_field(struct host_table *out, struct str protocol, struct str field,
                      struct str text)
{
        struct buf name CLEANUP(buf_release) = BUF_INIT(HOST_NAME_MAX_BYTES);
        struct buf help CLEANUP(buf_release) = BUF_INIT(2 * HOST_NAME_MAX_BYTES);
        size_t prefix = strlen("node_netstat_");
        double value;

        buf_printf(&name, "node_netstat_" STR_FMT "_" STR_FMT, STR_ARG(protocol), STR_ARG(field));
        if (name.overflow ||
            !regex_match(shown_regex, str_slice(buf_str(&name), prefix, name.len)) ||
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

        pthread_once(&regex_once, compile_regex);
        if (!add_pairs(out, "/proc/net/netstat", err) ||
            !add_pairs(out, "/proc/net/snmp", err))
                return false;
        add_snmp6(out);
        return true;
}
