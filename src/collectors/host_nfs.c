/* NFS client and server: /proc/net/rpc/nfs and nfsd, a name and its numbers on each line. Lines of
 * procedures (proc2, proc3, proc4, proc4ops) begin with how many numbers follow. */
#include "collectors/host_int.h"

/* The number at `index` of the line with this name; 0 when there is none: kernels that lack a
 * protocol version lack its line. */
static uint64_t find_number(struct str rest, const char *name, size_t index)
{
        struct str line, field = STR_LIT("");

        while (str_cut(&rest, '\n', &line)) {
                if (!str_is(host_field(&line), name))
                        continue;
                for (size_t i = 0; i <= index; i++)
                        field = host_field(&line);
                return host_number(field);
        }
        return 0;
}

struct single {
        const char *line;
        size_t index;
        const char *name, *type, *help;
        const char *labels;
};

static void add_singles(struct host_table *out, struct str text, const struct single *singles,
                        size_t count)
{
        for (size_t i = 0; i < count; i++)
                host_single(out, singles[i].name, singles[i].type, singles[i].help,
                            singles[i].labels,
                            (double)find_number(text, singles[i].line, singles[i].index));
}

struct procedures {
        const char *line, *version;
        const char *const *methods; /* NULL: not shown */
        size_t count;
        bool without_null;
};

static void add_procedures(struct host_table *out, struct str text, const char *name,
                           const char *help, const struct procedures *procedures)
{
        for (size_t i = 0; i < procedures->count; i++) {
                struct buf labels CLEANUP(buf_release) = BUF_INIT(HOST_LABELS_MAX_BYTES);

                if (!procedures->methods[i] ||
                    (procedures->without_null && strcmp(procedures->methods[i], "Null") == 0))
                        continue;
                host_label(&labels, "method", str_from(procedures->methods[i]));
                host_label(&labels, "proto", str_from(procedures->version));
                host_single(out, name, "counter", help, labels.data,
                            (double)find_number(text, procedures->line, i + 1));
        }
}

static const char *const methods_v2[] = {
        "Null", "GetAttr", "SetAttr", "Root", "Lookup", "ReadLink", "Read", "WrCache", "Write",
        "Create", "Remove", "Rename", "Link", "SymLink", "MkDir", "RmDir", "ReadDir", "FsStat",
};
static const char *const methods_v3[] = {
        "Null", "GetAttr", "SetAttr", "Lookup", "Access", "ReadLink", "Read", "Write", "Create",
        "MkDir", "SymLink", "MkNod", "Remove", "RmDir", "Rename", "Link", "ReadDir",
        "ReadDirPlus", "FsStat", "FsInfo", "PathConf", "Commit",
};
static const char *const client_methods_v4[] = {
        "Null", "Read", "Write", "Commit", "Open", "OpenConfirm", "OpenNoattr", "OpenDowngrade",
        "Close", "Setattr", "FsInfo", "Renew", "SetClientID", "SetClientIDConfirm", "Lock",
        "Lockt", "Locku", "Access", "Getattr", "Lookup", "LookupRoot", "Remove", "Rename", "Link",
        "Symlink", "Create", "Pathconf", "StatFs", "ReadLink", "ReadDir", "ServerCaps",
        "DelegReturn", "GetACL", "SetACL", "FsLocations", "ReleaseLockowner", "Secinfo",
        "FsidPresent", "ExchangeID", "CreateSession", "DestroySession", "Sequence",
        "GetLeaseTime", "ReclaimComplete", "LayoutGet", "GetDeviceInfo", "LayoutCommit",
        "LayoutReturn", "SecinfoNoName", "TestStateID", "FreeStateID", "GetDeviceList",
        "BindConnToSession", "DestroyClientID", "Seek", "Allocate", "DeAllocate", "LayoutStats",
        "Clone",
};
/* The first three operations are unused. */
static const char *const server_methods_v4[] = {
        NULL, NULL, NULL, "Access", "Close", "Commit", "Create", "DelegPurge", "DelegReturn",
        "GetAttr", "GetFH", "Link", "Lock", "Lockt", "Locku", "Lookup", "LookupRoot", "Nverify",
        "Open", "OpenAttr", "OpenConfirm", "OpenDgrd", "PutFH", NULL, NULL, "Read", "ReadDir",
        "ReadLink", "Remove", "Rename", "Renew", "RestoreFH", "SaveFH", "SecInfo", "SetAttr",
        "Verify", "Write", "RelLockOwner",
};

bool host_collect_nfs(struct host_table *out, struct error *err)
{
        static const char packets_help[] =
                "Total NFSd network packets (sent+received) by protocol type.";
        static const struct single singles[] = {
                {"net", 3, "node_nfs_connections_total", "counter",
                 "Total number of NFSd TCP connections.", NULL},
                {"net", 2, "node_nfs_packets_total", "counter", packets_help, "protocol=\"tcp\""},
                {"net", 1, "node_nfs_packets_total", "counter", packets_help, "protocol=\"udp\""},
                {"rpc", 2, "node_nfs_rpc_authentication_refreshes_total", "counter",
                 "Number of RPC authentication refreshes performed.", NULL},
                {"rpc", 1, "node_nfs_rpc_retransmissions_total", "counter",
                 "Number of RPC transmissions performed.", NULL},
                {"rpc", 0, "node_nfs_rpcs_total", "counter", "Total number of RPCs performed.",
                 NULL},
        };
        static const struct procedures procedures[] = {
                {"proc2", "2", methods_v2, ARRAY_LEN(methods_v2), false},
                {"proc3", "3", methods_v3, ARRAY_LEN(methods_v3), false},
                {"proc4", "4", client_methods_v4, ARRAY_LEN(client_methods_v4), false},
        };
        struct buf text CLEANUP(buf_release) = {0};

        if (!host_read(&text, "/proc/net/rpc/nfs", err))
                return false;
        add_singles(out, buf_str(&text), singles, ARRAY_LEN(singles));
        for (size_t i = 0; i < ARRAY_LEN(procedures); i++)
                add_procedures(out, buf_str(&text), "node_nfs_requests_total",
                               "Number of NFS procedures invoked.", &procedures[i]);
        return true;
}

static const char rpc_errors_help[] = "Total number of NFSd RPC errors by error type.";
static const char server_packets_help[] =
        "Total NFSd network packets (sent+received) by protocol type.";

static const struct single server_singles[] = {
        {"net", 3, "node_nfsd_connections_total", "counter",
         "Total number of NFSd TCP connections.", NULL},
        {"io", 0, "node_nfsd_disk_bytes_read_total", "counter", "Total NFSd bytes read.", NULL},
        {"io", 1, "node_nfsd_disk_bytes_written_total", "counter", "Total NFSd bytes written.",
         NULL},
        {"fh", 0, "node_nfsd_file_handles_stale_total", "counter",
         "Total number of NFSd stale file handles", NULL},
        {"net", 2, "node_nfsd_packets_total", "counter", server_packets_help, "proto=\"tcp\""},
        {"net", 1, "node_nfsd_packets_total", "counter", server_packets_help, "proto=\"udp\""},
        {"ra", 11, "node_nfsd_read_ahead_cache_not_found_total", "counter",
         "Total number of NFSd read ahead cache not found.", NULL},
        {"ra", 0, "node_nfsd_read_ahead_cache_size_blocks", "gauge",
         "How large the read ahead cache is in blocks.", NULL},
        {"rc", 0, "node_nfsd_reply_cache_hits_total", "counter",
         "Total number of NFSd Reply Cache hits (client lost server response).", NULL},
        {"rc", 1, "node_nfsd_reply_cache_misses_total", "counter",
         "Total number of NFSd Reply Cache an operation that requires caching (idempotent).",
         NULL},
        {"rc", 2, "node_nfsd_reply_cache_nocache_total", "counter",
         "Total number of NFSd Reply Cache non-idempotent operations (rename/delete/\xe2\x80\xa6).",
         NULL},
        {"rpc", 3, "node_nfsd_rpc_errors_total", "counter", rpc_errors_help, "error=\"auth\""},
        {"rpc", 4, "node_nfsd_rpc_errors_total", "counter", rpc_errors_help, "error=\"cInt\""},
        {"rpc", 2, "node_nfsd_rpc_errors_total", "counter", rpc_errors_help, "error=\"fmt\""},
        {"rpc", 0, "node_nfsd_server_rpcs_total", "counter", "Total number of NFSd RPCs.", NULL},
        {"th", 0, "node_nfsd_server_threads", "gauge",
         "Total number of NFSd kernel threads that are running.", NULL},
};

bool host_collect_nfsd(struct host_table *out, struct error *err)
{
        static const struct procedures procedures[] = {
                {"proc2", "2", methods_v2, ARRAY_LEN(methods_v2), true},
                {"proc3", "3", methods_v3, ARRAY_LEN(methods_v3), true},
                {"proc4ops", "4", server_methods_v4, ARRAY_LEN(server_methods_v4), true},
        };
        struct buf text CLEANUP(buf_release) = {0};

        if (!host_read(&text, "/proc/net/rpc/nfsd", err))
                return false;
        add_singles(out, buf_str(&text), server_singles, ARRAY_LEN(server_singles));
        for (size_t i = 0; i < ARRAY_LEN(procedures); i++)
                add_procedures(out, buf_str(&text), "node_nfsd_requests_total",
                               "Total number NFSd Requests by method and protocol.",
                               &procedures[i]);
        return true;
}
