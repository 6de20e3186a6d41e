#include "server/access_int.h"

#include <pthread.h>
#include <sys/stat.h>

#include "auth/basic.h"
#include "base/alloc.h"
#include "base/log.h"
#include "base/metrics.h"
#include "config/web_config.h"

ALLOC_TYPE(access_type, "access")

METRIC_COUNTER(refused, "pitwall_http_requests_unauthorized_total", "",
               "HTTP requests without valid credentials.")

enum { STAMPS_MAX = 4, PRIORITY_MAX_BYTES = 4096 };

/* Tells whether a file changed. */
struct stamp {
        struct timespec modified;
        off_t size;
        ino_t inode;
};

struct access {
        char *path;
        struct basic_auth *basic;
        struct buf priority;
        pthread_rwlock_t lock;
        struct web_config *config;       /* lock */
        struct stamp stamps[STAMPS_MAX]; /* lock; of config->files */
};

static struct stamp stamp_of(struct arena *arena, struct str path)
{
        struct stat status;

        if (stat(arena_str(arena, path).data, &status) != 0)
                return (struct stamp){0};
        return (struct stamp){status.st_mtim, status.st_size, status.st_ino};
}

static bool same_stamp(const struct stamp *a, const struct stamp *b)
{
        return a->modified.tv_sec == b->modified.tv_sec &&
               a->modified.tv_nsec == b->modified.tv_nsec && a->size == b->size &&
               a->inode == b->inode;
}

static bool changed(const struct access *access)
{
        struct arena arena;
        bool differs = false;

        arena_init(&arena, 1 << 20);
        for (size_t i = 0; i < access->config->file_count && !differs; i++) {
                struct stamp now = stamp_of(&arena, access->config->files[i]);

                differs = !same_stamp(&now, &access->stamps[i]);
        }
        arena_release(&arena);
        return differs;
}

/* With the lock for writing, or before anybody else knows of it. */
static void take_stamps(struct access *access)
{
        struct arena arena;

        arena_init(&arena, 1 << 20);
        for (size_t i = 0; i < access->config->file_count; i++)
                access->stamps[i] = stamp_of(&arena, access->config->files[i]);
        arena_release(&arena);
}

static bool load(struct access *access, struct web_config **ret_config, struct error *err)
{
        struct web_config *config;

        if (!web_config_load(&config, access->path, err))
                return false;
        if (config->has_tls && !http_tls_set_identity(&config->identity, err)) {
                web_config_free(config);
                return false;
        }
        *ret_config = config;
        return true;
}

bool access_new(struct access **ret_access, const char *path, struct error *err)
{
        struct access *access = alloc_new(&access_type, sizeof(*access));

        pthread_rwlock_init(&access->lock, NULL);
        access->basic = basic_auth_new();
        access->priority = BUF_INIT(PRIORITY_MAX_BYTES);
        if (path) {
                access->path = alloc_strdup(&access_type, path, strlen(path));
                if (!load(access, &access->config, err) ||
                    (access->config->has_tls &&
                     !http_tls_priority(&access->config->protocol, &access->priority, err))) {
                        access_free(access);
                        return false;
                }
                take_stamps(access);
        }
        *ret_access = access;
        return true;
}

struct access *access_free(struct access *access)
{
        if (!access)
                return NULL;
        web_config_free(access->config);
        basic_auth_free(access->basic);
        buf_release(&access->priority);
        pthread_rwlock_destroy(&access->lock);
        alloc_free(&access_type, access->path);
        return alloc_free(&access_type, access);
}

bool access_restricts(const struct access *access)
{
        return access->config && web_config_restricts(access->config);
}

const char *access_tls_priority(const struct access *access)
{
        return access->priority.len ? access->priority.data : NULL;
}

/* A file that is no good is not read again before it changes again. */
static void reload(struct access *access)
{
        struct web_config *config;
        struct error err;

        pthread_rwlock_wrlock(&access->lock);
        if (changed(access)) {
                bool ok = load(access, &config, &err);

                if (ok) {
                        web_config_free(access->config);
                        access->config = config;
                        log_info("web configuration loaded", LOG_CSTR("file", access->path));
                } else {
                        log_error("web configuration not loaded, the old one stays",
                                  LOG_CSTR("error", err.text));
                }
                take_stamps(access);
        }
        pthread_rwlock_unlock(&access->lock);
}

void access_refresh(struct access *access)
{
        bool stale;

        if (!access->path)
                return;
        pthread_rwlock_rdlock(&access->lock);
        stale = changed(access);
        pthread_rwlock_unlock(&access->lock);
        if (stale)
                reload(access);
}

static void add_headers(const struct web_config *config, struct http_request *request,
                        struct http_response *response)
{
        for (size_t i = 0; i < config->header_count; i++)
                http_response_header(response,
                                     arena_str(request->arena, config->headers[i].name).data,
                                     arena_str(request->arena, config->headers[i].value).data);
}

bool access_check(struct access *access, struct http_request *request,
                  struct http_response *response)
{
        bool good = true;

        if (!access->path)
                return true;
        access_refresh(access);
        pthread_rwlock_rdlock(&access->lock);
        add_headers(access->config, request, response);
        if (access->config->user_count)
                good = basic_auth_check(access->basic, access->config->users,
                                        access->config->user_count,
                                        http_request_header(request, "Authorization"));
        pthread_rwlock_unlock(&access->lock);
        if (!good) {
                metric_add(&refused, 1);
                http_response_header(response, "WWW-Authenticate", "Basic");
                http_response_text(response, 401, "Unauthorized\n");
        }
        return good;
}
