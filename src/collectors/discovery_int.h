/* collectors/discovery_int.h - what the kinds of discovery are made of, and those who run them.
 *
 * A kind is a run() function on its own thread. It looks, publishes what it found or says what
 * failed, waits, and returns soon after discovery_stopping(). All calls of it go to that thread.
 */
#ifndef COLLECTORS_DISCOVERY_INT_H
#define COLLECTORS_DISCOVERY_INT_H

#include <stdatomic.h>

#include "base/metrics.h"
#include "codec/json.h"
#include "collectors/discovery.h"

struct discovery;
struct scrape_config;

struct discovery_kind {
        const char *name;
        void (*run)(struct discovery *discovery);
        struct metric *failures;
};

extern const struct discovery_kind consul_discovery_kind, dns_discovery_kind, docker_discovery_kind,
        file_discovery_kind, http_discovery_kind, kubernetes_discovery_kind;

/* ---- results: immutable once published, counted --------------------------------------------- */

struct discovery_result {
        atomic_int references;
        struct arena arena; /* holds everything below */
        struct target_group *groups;
        size_t count, capacity;
};

struct discovery_result *discovery_result_new(void);
struct discovery_result *discovery_result_unref(struct discovery_result *result); /* takes NULL */
/* A further group, a deep copy. */
void discovery_result_add(struct discovery_result *result, const struct target_group *group);

/* ---- for kinds ------------------------------------------------------------------------------ */

const struct discovery_config *discovery_config_of(const struct discovery *discovery);
bool discovery_stopping(const struct discovery *discovery);
/* False when the discovery is to stop. */
NODISCARD bool discovery_sleep(struct discovery *discovery, int64_t ms);
/* Makes these the targets. Takes the reference. */
void discovery_publish(struct discovery *discovery, struct discovery_result *result);
/* Logs and counts; what was published stays. Silent while stopping. */
void discovery_fail(struct discovery *discovery, const struct error *err);

/* Looks again every refresh_interval, for kinds that always see everything. */
void discovery_run_refresh(struct discovery *discovery,
                           bool (*refresh)(struct discovery *discovery, void *state,
                                           struct discovery_result *result, struct error *err),
                           void *state);

/* The largest answer that is read, and what it may take when it is parsed. */
enum { DISCOVERY_BODY_MAX_BYTES = 32 << 20, DISCOVERY_ARENA_MAX_BYTES = 256 << 20 };

/* An HTTP request of a discovery. The caller sets fetch but for done and ctx. */
struct discovery_call {
        struct http_fetch fetch;
        struct discovery *discovery;
        struct discovery_call *next; /* among the finished ones */
        void *ctx;                   /* the kind's */
};

/* Waits for the answer. True when it came with status 200, else err says why not. */
NODISCARD bool discovery_fetch(struct discovery *discovery, struct http_fetch *fetch,
                               struct error *err);
NODISCARD bool discovery_check_answer(const struct http_fetch *fetch, struct error *err);
/* Starts a request; discovery_wait() gives it back. False when the discovery is to stop. */
NODISCARD bool discovery_start(struct discovery *discovery, struct discovery_call *call);
/* The next finished call; NULL at the time (monotonic) or when the discovery is to stop. */
struct discovery_call *discovery_wait(struct discovery *discovery, int64_t until_mono_ns);
/* To be called while stopping, before calls that were started go away. */
void discovery_drain(struct discovery *discovery);

/* ---- for pools: the running discoveries; under one lock of the caller ------------------------ */

struct discovery_set {
        struct discovery **items;
        size_t count, capacity;
        void (*on_change)(void *ctx); /* called on any thread, must be quick */
        void *ctx;
};

/* The running discovery with the same fingerprint, or a new one. `owner` holds the config and gets
 * a reference for as long as it runs. */
struct discovery *discovery_set_acquire(struct discovery_set *set, struct scrape_config *owner,
                                        const struct discovery_config *config);
void discovery_set_release(struct discovery_set *set, struct discovery *discovery);
/* What was found last, with a reference; NULL when nothing was yet. Thread-safe. */
struct discovery_result *discovery_result_get(struct discovery *discovery);
/* Waits until something was found, at most until then (monotonic). Thread-safe. */
void discovery_wait_first(struct discovery *discovery, int64_t until_mono_ns);

/* ---- making groups -------------------------------------------------------------------------- */

struct target_groups {
        struct target_group *items;
        size_t count;
};

enum target_groups_format { TARGET_GROUPS_JSON, TARGET_GROUPS_YAML };

/* host:port, with brackets around an IPv6 address. In the arena. */
struct str discovery_address(struct arena *arena, struct str host, unsigned port);
/* prefix + name, with anything but letters, digits and _ in the name as _. In the arena. */
struct str discovery_label_name(struct arena *arena, const char *prefix, struct str name);

/* Members of a JSON object, which may be NULL; what is absent or of another kind counts as empty,
 * 0, false or NULL. */
struct str discovery_text(const struct json_value *object, const char *key);
unsigned discovery_port(const struct json_value *object, const char *key);
bool discovery_flag(const struct json_value *object, const char *key);
const struct json_value *discovery_find(const struct json_value *object, const char *key);
const struct json_value *discovery_first(const struct json_value *object, const char *key);
/* A label for every member that is a text. */
void discovery_add_map(struct labels_builder *builder, const char *prefix,
                       const struct json_value *map);

/* Target groups as file and HTTP discovery have them, in text from `origin`. Every group gets the
 * label, which says the origin. All in the arena. */
NODISCARD bool target_groups_parse(struct arena *arena, struct str text,
                                   enum target_groups_format format, struct label origin,
                                   struct target_groups *ret_groups, struct error *err);

#endif
