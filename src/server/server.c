#include "server/server.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "api/api.h"
#include "base/metrics.h"
#include "base/thread.h"
#include "collectors/host.h"
#include "collectors/scrape.h"
#include "config/config.h"
#include "formats/otlp_metrics.h"
#include "http/server.h"
#include "ingest/push.h"
#include "ingest/push_groups.h"
#include "model/feed.h"
#include "promql/promql.h"
#include "server/access_int.h"
#include "server/listeners_int.h"
#include "server/settings_int.h"
#include "server/store_metrics_int.h"
#include "ship/remote_read.h"
#include "ship/remote_write.h"
#include "tsdb/tsdb.h"
#include "webui/webui.h"

/* Workers beyond the queries that run at once: they keep the rest of the API alive meanwhile. */
enum { HTTP_FURTHER_WORKERS = 20, HTTP_QUEUE_MAX = 1024, REQUEST_BODY_MAX_BYTES = 64 << 20 };
enum { FLAGS_MAX = 128 };
/* How often the web configuration is looked at between requests. */
enum { REFRESH_INTERVAL_S = 1 };
/* How long the warning about refused series stays. */
enum { REFUSED_SHOWN_MS = 600000 };
enum { LOG_SEGMENTS_PER_DISK = 64, LOG_SEGMENT_MIN_BYTES = 1 << 20 };
/* glibc keeps up to 8 heaps a core; two a core bound what fragmentation can cost. */
enum { HEAPS_PER_CORE = 2 };

struct server {
        const struct server_options *options;
        struct tsdb *tsdb;
        struct scrape_manager *scrapes;
        struct push *push;
        struct push_groups *push_groups;
        bool groups_exposed;       /* reload_lock */
        struct remote_writer *remote_writer;
        struct remote_reader *remote_reader;
        struct listeners *listeners;
        struct http_router *router;
        struct http_server *http;
        struct settings settings;
        struct access *access;
        struct webui *webui;
        struct api api;
        struct api_flag flags[FLAGS_MAX];
        char address[128];
        atomic_bool ready;
        pthread_mutex_t reload_lock;
        struct config *config;     /* reload_lock */
        bool reload_ok;            /* reload_lock */
        int64_t reload_ms;         /* reload_lock */
        struct error failure;      /* of the last; reload_lock */
        int64_t looked_ms;         /* when the files were last looked at; main thread */
        uint64_t refused_count;    /* series refused when last looked; main thread */
        _Atomic int64_t refused_ms;
        atomic_bool quitting;
};

METRIC_GAUGE(reload_success, "pitwall_config_last_reload_successful", "",
             "Whether the last attempt to load the configuration succeeded.")
METRIC_GAUGE(reload_time, "pitwall_config_last_reload_success_timestamp_seconds", "",
             "Time of the last successful load of the configuration.")
METRIC_GAUGE(build_info, "pitwall_build_info", "version=\"" PITWALL_VERSION "\"",
             "Constant 1, with the version as a label.")

/* ---- configuration ------------------------------------------------------------------------ */

static uint64_t disk_share_bytes(const char *dir, double percentage)
{
        struct statvfs sizes;
        uint64_t bytes;

        if (statvfs(dir, &sizes) != 0 && statvfs(".", &sizes) != 0)
                return 0;
        bytes = (uint64_t)((double)sizes.f_blocks * (double)sizes.f_frsize / 100 * percentage);
        return bytes ? bytes : 1; /* 0 means no limit */
}

static void fill_store_options(const struct server *server, struct tsdb_options *options,
                               const struct config *config)
{
        if (config->retention_ms)
                options->retention_ms = config->retention_ms;
        options->retention_bytes = config->retention_percentage > 0
                                           ? disk_share_bytes(options->dir,
                                                              config->retention_percentage)
                                           : config->retention_bytes;
        if (config->out_of_order_window_ms >= 0)
                options->out_of_order_ms = config->out_of_order_window_ms;
        if (config->series_limit)
                options->series_limit = config->series_limit;
        if (config->exemplar_limit >= 0)
                options->exemplar_limit = (uint64_t)config->exemplar_limit;
        options->retention_rules = config->retention_rules;
        options->retention_rule_count = config->retention_rule_count;
        if (server->settings.retention_ms >= 0)
                options->retention_ms = server->settings.retention_ms;
        if (server->settings.retention_bytes != UINT64_MAX)
                options->retention_bytes = server->settings.retention_bytes;
}

/* A target that Pitwall provides itself. */
static struct scrape_config *builtin_scrape(struct server *server, const char *job,
                                            const char *instance, const char *path,
                                            int64_t interval_ms,
                                            void (*render)(void *ctx, struct buf *out))
{
        struct scrape_config *scrape = scrape_config_new();
        struct arena *arena = &scrape->arena;
        struct label *address = arena_new(arena, struct label);
        struct labels *target = arena_new(arena, struct labels);
        struct target_group *group = arena_new(arena, struct target_group);

        *address = (struct label){STR_LIT("__address__"),
                                  arena_str(arena, str_from(instance))};
        *target = (struct labels){address, 1};
        *group = (struct target_group){.targets = target, .target_count = 1};
        scrape->fingerprint = (uint64_t)interval_ms;
        scrape->job_name = arena_str(arena, str_from(job));
        scrape->interval_ms = interval_ms;
        scrape->timeout_ms = interval_ms;
        scrape->metrics_path = str_from(path);
        scrape->scheme = STR_LIT("http");
        scrape->static_groups = group;
        scrape->static_group_count = 1;
        scrape->render = render;
        scrape->render_ctx = server;
        scrape->render_url = str_from(arena_printf(arena, "http://%s%s%s", server->address,
                                                   server->settings.route_prefix, path));
        return scrape;
}

static bool has_job(const struct config *config, const char *name)
{
        for (size_t i = 0; i < config->scrape_count; i++)
                if (str_is(config->scrapes[i]->job_name, name))
                        return true;
        return false;
}

static void render_host(void *ctx, struct buf *out)
{
        (void)ctx;
        host_render(out);
}

static void render_own(void *ctx, struct buf *out)
{
        struct server *server = ctx;

        store_metrics_update(server->tsdb);
        metrics_render(out);
        remote_writer_render(server->remote_writer, out);
}

static void render_groups(void *ctx, struct buf *out)
{
        struct server *server = ctx;

        push_groups_render(server->push_groups, out);
}

/* What was pushed is scraped as from a Pushgateway, from the first push on. */
static void add_groups_scrape(struct server *server, struct config *config)
{
        struct scrape_config *scrape;

        server->groups_exposed = !push_groups_empty(server->push_groups);
        if (!server->groups_exposed)
                return;
        scrape = builtin_scrape(server, has_job(config, "pushgateway") ? "pitwall-pushgateway"
                                                                       : "pushgateway",
                                server->address, "/metrics/pushed", config->host_interval_ms,
                                render_groups);
        scrape->honor_labels = true;
        config->scrapes[config->scrape_count++] = scrape;
}

static void groups_changed(void *ctx)
{
        struct server *server = ctx;

        pthread_mutex_lock(&server->reload_lock);
        if (!server->groups_exposed) {
                add_groups_scrape(server, server->config);
                scrape_manager_apply(server->scrapes, server->config->scrapes,
                                     server->config->scrape_count);
        }
        pthread_mutex_unlock(&server->reload_lock);
}

static void start_push_groups(struct server *server)
{
        char path[PATH_MAX];
        size_t unreadable;

        snprintf(path, sizeof(path), "%s/pushgateway", server->options->data_dir);
        server->push_groups = push_groups_new(path, &clock_real, &unreadable);
        if (unreadable)
                log_with(LOG_WARN, "pushed groups could not be read", LOG_CSTR("folder", path),
                         LOG_INT("files", (int64_t)unreadable));
}

/* config_load leaves room for these three. */
static void add_builtin_scrapes(struct server *server, struct config *config)
{
        char hostname[256] = "localhost";

        add_groups_scrape(server, config);
        if (!config->watch_host)
                return;
        gethostname(hostname, sizeof(hostname) - 1);
        config->scrapes[config->scrape_count] =
                builtin_scrape(server, has_job(config, "node") ? "pitwall-node" : "node", hostname,
                               "/metrics/host", config->host_interval_ms, render_host);
        config->scrapes[config->scrape_count + 1] =
                builtin_scrape(server, has_job(config, "pitwall") ? "pitwall-self" : "pitwall",
                               server->address, "/metrics", config->host_interval_ms,
                               render_own);
        config->scrape_count += 2;
}

static void log_warnings(const struct config *config)
{
        for (size_t i = 0; i < config->warning_count; i++)
                log_warn(config->warnings[i]);
}

static void apply(struct server *server, struct config *config)
{
        struct tsdb_options store;

        add_builtin_scrapes(server, config);
        log_warnings(config);
        tsdb_options_init(&store, server->options->data_dir);
        fill_store_options(server, &store, config);
        tsdb_reconfigure(server->tsdb, &store);
        scrape_manager_apply(server->scrapes, config->scrapes, config->scrape_count);
        remote_writer_apply(server->remote_writer, config->remote_writes,
                            config->remote_write_count);
        remote_reader_apply(server->remote_reader, config->remote_reads,
                            config->remote_read_count);
        config_free(server->config);
        server->config = config;
        server->reload_ms = clock_now_ms(&clock_real);
        metric_set(&reload_time, server->reload_ms / 1000);
        log_info("configuration loaded",
                 LOG_INT("scrape_configs", (int64_t)config->scrape_count));
}

/* All or nothing: what is running changes only after the whole file was found good. With
 * only_changed, a file that is as it was when last looked at is passed over in silence. */
static bool load(struct server *server, bool only_changed, struct error *err)
{
        struct config *config;
        bool ok;

        pthread_mutex_lock(&server->reload_lock);
        ok = config_load(&config, server->options->config_path, err);
        if (only_changed && ok == server->reload_ok &&
            (ok ? config->fingerprint == server->config->fingerprint
                : strcmp(err->text, server->failure.text) == 0)) {
                if (ok)
                        config_free(config);
                pthread_mutex_unlock(&server->reload_lock);
                return ok;
        }
        if (ok) {
                apply(server, config);
        } else {
                server->failure = *err;
                log_error("configuration not loaded, the old one stays",
                          LOG_CSTR("error", err->text));
        }
        server->reload_ok = ok;
        metric_set(&reload_success, ok);
        pthread_mutex_unlock(&server->reload_lock);
        return ok;
}

static bool reload(void *ctx, struct error *err)
{
        return load(ctx, false, err);
}

/* Once a second: --config.auto-reload. */
static void watch_files(struct server *server)
{
        int64_t now_ms = clock_mono_ns(&clock_real) / 1000000;
        struct error err;

        if (!server->settings.auto_reload_ms ||
            now_ms - server->looked_ms < server->settings.auto_reload_ms)
                return;
        server->looked_ms = now_ms;
        if (!load(server, true, &err))
                return; /* it says why */
}

/* ---- what the API asks the server --------------------------------------------------------- */

static void quit(void *ctx)
{
        struct server *server = ctx;

        atomic_store(&server->quitting, true); /* seen within a second: the answer goes out first */
}

static bool is_ready(void *ctx)
{
        struct server *server = ctx;

        return atomic_load(&server->ready);
}

static struct str config_yaml(void *ctx, struct arena *arena)
{
        struct server *server = ctx;
        struct str yaml;

        pthread_mutex_lock(&server->reload_lock);
        yaml = arena_str(arena, server->config->yaml);
        pthread_mutex_unlock(&server->reload_lock);
        return yaml;
}

static int64_t series_refused_ms(void *ctx)
{
        struct server *server = ctx;
        int64_t since_ms = atomic_load(&server->refused_ms);

        return clock_now_ms(&clock_real) - since_ms < REFUSED_SHOWN_MS ? since_ms : 0;
}

/* Once a second: whether series were refused since. */
static void watch_refused(struct server *server)
{
        struct tsdb_stats stats;

        tsdb_stats(server->tsdb, &stats);
        if (stats.series_refused != server->refused_count)
                atomic_store(&server->refused_ms, clock_now_ms(&clock_real));
        server->refused_count = stats.series_refused;
}

static struct labels external_labels(void *ctx, struct arena *arena)
{
        struct server *server = ctx;
        struct labels labels;

        pthread_mutex_lock(&server->reload_lock);
        labels = labels_copy(arena, server->config->external_labels);
        pthread_mutex_unlock(&server->reload_lock);
        return labels;
}

/* A copy: a reload frees the texts. */
static void otlp_options(void *ctx, struct arena *arena, struct otlp_options *ret_options)
{
        struct server *server = ctx;
        struct str *listed;

        pthread_mutex_lock(&server->reload_lock);
        *ret_options = server->config->otlp;
        listed = arena_array(arena, struct str, ret_options->listed_count);
        for (size_t i = 0; i < ret_options->listed_count; i++)
                listed[i] = arena_str(arena, ret_options->listed[i]);
        pthread_mutex_unlock(&server->reload_lock);
        ret_options->listed = listed;
        ret_options->type_and_unit_labels = server->settings.query.features.type_and_unit_labels;
}

static void reload_state(void *ctx, bool *ret_success, int64_t *ret_time_ms)
{
        struct server *server = ctx;

        pthread_mutex_lock(&server->reload_lock);
        *ret_success = server->reload_ok;
        *ret_time_ms = server->reload_ms;
        pthread_mutex_unlock(&server->reload_lock);
}

static int64_t retention_ms(void *ctx)
{
        struct server *server = ctx;
        struct tsdb_options store;

        tsdb_options_init(&store, server->options->data_dir);
        pthread_mutex_lock(&server->reload_lock);
        fill_store_options(server, &store, server->config);
        pthread_mutex_unlock(&server->reload_lock);
        return store.retention_ms;
}

/* ---- starting ----------------------------------------------------------------------------- */

static void on_store_event(void *ctx, const struct tsdb_event *event)
{
        enum log_level level = event->kind == TSDB_EVENT_DISK_RECOVERED ? LOG_INFO : LOG_WARN;

        (void)ctx;
        log_with(level, tsdb_event_text(event->kind), LOG_CSTR("file", event->file),
                 LOG_INT("offset", (int64_t)event->offset),
                 LOG_INT("bytes", (int64_t)event->size_bytes));
}

/* The log holds a few segments ahead; on a small file system they must leave room for data. */
static uint64_t log_segment_bytes(const char *dir, uint64_t usual_bytes)
{
        struct statvfs sizes;
        uint64_t share_bytes;

        if (statvfs(dir, &sizes) != 0 && statvfs(".", &sizes) != 0)
                return usual_bytes;
        share_bytes = (uint64_t)sizes.f_blocks * sizes.f_frsize / LOG_SEGMENTS_PER_DISK;
        if (share_bytes >= usual_bytes)
                return usual_bytes;
        return share_bytes > LOG_SEGMENT_MIN_BYTES ? share_bytes : LOG_SEGMENT_MIN_BYTES;
}

static const char *remote_dir(const struct server *server, char *path)
{
        snprintf(path, PATH_MAX, "%s/remote_write", server->options->data_dir);
        return path;
}

static bool open_store(struct server *server, struct error *err)
{
        struct tsdb_options options;
        char path[PATH_MAX];

        tsdb_options_init(&options, server->options->data_dir);
        fill_store_options(server, &options, server->config);
        options.wal_segment_bytes = log_segment_bytes(options.dir, options.wal_segment_bytes);
        options.on_event = on_store_event;
        if (server->config->remote_write_count)
                options.feed_segment = remote_writer_oldest_segment(remote_dir(server, path));
        return tsdb_open(&server->tsdb, &options, err);
}

struct metadata_visit {
        void (*visit)(const struct remote_metadata *metadata, void *to);
        void *to;
};

static void pass_metadata(const struct metric_metadata *metadata, void *ctx)
{
        struct metadata_visit *pass = ctx;

        pass->visit(&(struct remote_metadata){metadata->metric, metadata->type, metadata->help,
                                              metadata->unit},
                    pass->to);
}

static void pass_target_metadata(const struct target_status *target,
                                 const struct metric_metadata *metadata, void *ctx)
{
        (void)target;
        pass_metadata(metadata, ctx);
}

static void each_metadata(void *ctx,
                          void (*visit)(const struct remote_metadata *metadata, void *to),
                          void *to)
{
        struct server *server = ctx;
        struct metadata_visit pass = {visit, to};

        metadata_table_each(push_metadata(server->push), pass_metadata, &pass);
        scrape_manager_each_metadata(server->scrapes, pass_target_metadata, &pass);
}

/* Since when the store has everything. */
static int64_t oldest_ms(void *ctx)
{
        struct server *server = ctx;
        struct tsdb_stats stats;

        tsdb_stats(server->tsdb, &stats);
        return stats.min_t_ms > stats.max_t_ms ? INT64_MAX : stats.min_t_ms;
}

static void start_remote_reader(struct server *server)
{
        struct series_source local = tsdb_source(server->tsdb);

        server->remote_reader = remote_reader_new(&local, oldest_ms, server);
        remote_reader_apply(server->remote_reader, server->config->remote_reads,
                            server->config->remote_read_count);
}

static bool start_remote_writer(struct server *server, struct error *err)
{
        struct remote_metadata_source metadata = {each_metadata, server};
        struct sample_feed feed = tsdb_feed(server->tsdb);
        char path[PATH_MAX];

        if (!remote_writer_new(&server->remote_writer, remote_dir(server, path), &feed, &metadata,
                               err))
                return false;
        remote_writer_apply(server->remote_writer, server->config->remote_writes,
                            server->config->remote_write_count);
        return true;
}

bool server_is_loopback(struct str host)
{
        return str_is(host, "localhost") || str_starts_with(host, STR_LIT("127.")) ||
               str_is(host, "::1");
}

static bool choose_address(struct server *server, struct str *ret_host, uint16_t *ret_port,
                           struct error *err)
{
        struct str listen = STR_LIT("127.0.0.1:9090");

        if (server->options->listen)
                listen = str_from(server->options->listen);
        else if (server->config->listen.len)
                listen = server->config->listen;
        if (!http_parse_address(listen, ret_host, ret_port, err))
                return error_prefix(err, "listen address");
        if (!server_is_loopback(*ret_host) && !access_restricts(server->access))
                return error_set(err, ERROR_UNSUPPORTED,
                                 "listen address " STR_FMT ": listening beyond loopback needs "
                                 "access control: name a web configuration with users or "
                                 "verified client certificates by --web.config.file",
                                 STR_ARG(listen));
        return true;
}

static void show_flags(struct server *server)
{
        const struct server_options *options = server->options;

        BUG_ON(options->flag_count > FLAGS_MAX);
        for (size_t i = 0; i < options->flag_count; i++) {
                const struct server_flag *flag = &options->flags[i];
                bool is_address = strcmp(flag->name, "web.listen-address") == 0;

                server->flags[i] = (struct api_flag){flag->name, is_address ? server->address
                                                                            : flag->value};
                if (flag->ignored)
                        log_with(LOG_WARN, "a flag without effect here",
                                 LOG_CSTR("flag", flag->name));
        }
        server->api.flag_count = options->flag_count;
}

static bool set_up_api(struct server *server, struct error *err)
{
        server->api = (struct api){
                .source = remote_reader_source(server->remote_reader),
                .local = tsdb_source(server->tsdb),
                .tsdb = server->tsdb,
                .scrapes = server->scrapes,
                .push = server->push,
                .push_groups = server->push_groups,
                .groups_changed = groups_changed,
                .query_options = &server->settings.query,
                .clock = &clock_real,
                .flags = server->flags,
                .started_ms = clock_now_ms(&clock_real),
                .query_concurrency_max = server->settings.query_concurrency_max,
                .listener_max = server->settings.listener_max,
                .read_sample_limit = server->settings.read_sample_limit,
                .external_url = server->settings.external_url,
                .address = server->address,
                .cors_origin = server->options->cors_origin,
                .data_dir = server->options->data_dir,
                .admin_enabled = server->options->admin_api,
                .lifecycle_enabled = server->options->lifecycle,
                .reload = reload,
                .quit = quit,
                .ready = is_ready,
                .config_yaml = config_yaml,
                .external_labels = external_labels,
                .otlp_options = otlp_options,
                .reload_state = reload_state,
                .retention_ms = retention_ms,
                .series_refused_ms = series_refused_ms,
                .render_metrics = render_own,
                .ctx = server,
        };
        show_flags(server);
        server->router = http_router_new();
        if (!api_register(&server->api, server->router, err))
                return false;
        server->webui = webui_new(server->options->page_title);
        webui_add_routes(server->webui, server->router);
        return true;
}

/* Before every route: who it is, and whether another site's page may read the answer. */
static bool check_request(struct http_request *request, struct http_response *response, void *ctx)
{
        struct server *server = ctx;

        api_cors(&server->api, request, response);
        return access_check(server->access, request, response);
}

static bool start_http(struct server *server, struct str host, uint16_t port, struct error *err)
{
        struct http_server_options options = {
                .host = host,
                .port = port,
                .worker_count = server->settings.query_concurrency_max + HTTP_FURTHER_WORKERS,
                .queue_max = HTTP_QUEUE_MAX,
                .connection_max = server->settings.connection_max,
                .idle_max_ms = server->settings.read_timeout_ms,
                .prefix = str_from(server->settings.route_prefix),
                .body_max_bytes = REQUEST_BODY_MAX_BYTES,
                .response_max_bytes = server->settings.query.max_bytes,
                .arena_max_bytes = server->settings.query.max_bytes,
                .guard = {check_request, server},
                .tls_priority = access_tls_priority(server->access),
        };

        return http_server_new(&server->http, &options, server->router, err);
}

static void announce(struct server *server)
{
        pthread_mutex_lock(&server->reload_lock);
        printf("Pitwall %s\n\n  http%s://%s%s\n\n", PITWALL_VERSION,
               access_tls_priority(server->access) ? "s" : "", server->address,
               server->settings.route_prefix);
        printf("  watches");
        for (size_t i = 0; i < server->config->scrape_count; i++) {
                const struct scrape_config *scrape = server->config->scrapes[i];

                printf("%s %s", i ? "," : "",
                       scrape->render == render_host  ? "this host"
                       : scrape->render == render_own ? "itself"
                                                      : scrape->job_name.data);
        }
        printf("%s\n  stores in %s\n\n", server->config->scrape_count ? "" : " nothing",
               server->options->data_dir);
        pthread_mutex_unlock(&server->reload_lock);
        fflush(stdout);
}

static void set_address(struct server *server, struct str host, uint16_t port)
{
        struct settings *settings = &server->settings;
        char hostname[256] = "localhost";

        snprintf(server->address, sizeof(server->address),
                 str_find_byte(host, ':') < host.len ? "[%.*s]:%u" : "%.*s:%u", STR_ARG(host),
                 port);
        if (settings->external_url[0])
                return;
        gethostname(hostname, sizeof(hostname) - 1);
        snprintf(settings->external_url, sizeof(settings->external_url), "http://%s:%u", hostname,
                 port);
}

static bool start(struct server *server, struct error *err)
{
        const struct promql_features *features = &server->settings.query.features;
        struct series_sink sink;
        struct str host;
        uint16_t port;

        if (!settings_init(&server->settings, server->options, err) ||
            !access_new(&server->access, server->options->web_config_path, err) ||
            !config_load(&server->config, server->options->config_path, err) ||
            !choose_address(server, &host, &port, err) || !open_store(server, err))
                return false;
        log_warnings(server->config);
        set_address(server, host, port);
        sink = tsdb_sink(server->tsdb);
        server->scrapes = scrape_manager_new(&sink, (unsigned)thread_core_count(),
                                             features->type_and_unit_labels);
        server->push = push_new(&sink);
        start_push_groups(server);
        if (!listeners_new(&server->listeners, server->config, server->push, err))
                return false;
        start_remote_reader(server);
        if (!start_remote_writer(server, err) || !set_up_api(server, err))
                return false;
        add_builtin_scrapes(server, server->config);
        scrape_manager_apply(server->scrapes, server->config->scrapes,
                             server->config->scrape_count);
        server->reload_ok = true;
        server->reload_ms = clock_now_ms(&clock_real);
        metric_set(&reload_success, 1);
        metric_set(&reload_time, server->reload_ms / 1000);
        /* Last: from here on a reload may be asked for. */
        if (!start_http(server, host, port, err))
                return false;
        metric_set(&build_info, 1);
        atomic_store(&server->ready, true);
        return true;
}

static void stop(struct server *server)
{
        atomic_store(&server->ready, false);
        api_close(&server->api);
        http_server_free(server->http);
        /* It asks the scrape manager for metadata, which renders its metrics. */
        if (server->remote_writer)
                remote_writer_stop(server->remote_writer);
        scrape_manager_free(server->scrapes);
        remote_writer_free(server->remote_writer);
        remote_reader_free(server->remote_reader);
        listeners_free(server->listeners);
        push_free(server->push);
        push_groups_free(server->push_groups);
        tsdb_close(server->tsdb);
        if (server->router) {
                api_release(&server->api);
                http_router_free(server->router);
        }
        webui_free(server->webui);
        config_free(server->config);
        access_free(server->access);
}

static void serve_until_signal(struct server *server, const sigset_t *signals)
{
        const struct timespec interval = {.tv_sec = REFRESH_INTERVAL_S};

        for (;;) {
                struct error err;
                int number = sigtimedwait(signals, NULL, &interval);

                access_refresh(server->access);
                watch_refused(server);
                watch_files(server);
                api_tick(&server->api);
                if (number < 0 && !atomic_load(&server->quitting))
                        continue;
                if (number != SIGHUP) {
                        log_info("stopping", LOG_CSTR("signal", number < 0 ? "none, by request"
                                                                          : strsignal(number)));
                        return;
                }
                /* reload() logs the outcome. */
                if (!reload(server, &err))
                        continue;
        }
}

int server_run(const struct server_options *options)
{
        struct server server = {.options = options};
        struct error err;
        sigset_t signals;
        bool started;

        tzset(); /* before there are threads: localtime_r() does not lock what it reads */
        mallopt(M_ARENA_MAX, (int)thread_core_count() * HEAPS_PER_CORE);
        log_configure(options->log_format, options->log_level);
        signal(SIGPIPE, SIG_IGN);
        sigemptyset(&signals);
        sigaddset(&signals, SIGTERM);
        sigaddset(&signals, SIGINT);
        sigaddset(&signals, SIGHUP);
        pthread_sigmask(SIG_BLOCK, &signals, NULL);
        pthread_mutex_init(&server.reload_lock, NULL);
        started = start(&server, &err);
        if (started) {
                announce(&server);
                serve_until_signal(&server, &signals);
        } else {
                fprintf(stderr, "pitwall: %s\n", err.text);
        }
        stop(&server);
        pthread_mutex_destroy(&server.reload_lock);
        return started ? 0 : 1;
}
