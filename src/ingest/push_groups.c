#include "ingest/push_groups.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/civil.h"
#include "base/file.h"
#include "base/metrics.h"
#include "codec/digest.h"
#include "codec/double.h"
#include "codec/json.h"
#include "formats/prom_text.h"
#include "ingest/push_families_int.h"

ALLOC_TYPE(group_type, "push_group")

METRIC_GAUGE(groups_kept, "pitwall_push_groups", "", "Groups of pushed metrics that are kept.")
METRIC_GAUGE(groups_bytes, "pitwall_push_group_bytes", "",
             "Bytes of text that groups of pushed metrics take.")

enum { BODY_MAX_BYTES = 64 << 20, ALL_MAX_BYTES = 256 << 20, FILE_MAX_BYTES = 160 << 20 };
enum { GROUPS_MAX = 100000 };

struct push_group {
        struct arena arena;
        struct str key;       /* the labels as text */
        struct labels labels;
        struct push_families families;
        int64_t pushed_ms, failed_ms; /* 0: never */
        size_t bytes;
};

struct push_groups {
        pthread_mutex_t lock;
        struct map groups; /* key -> struct push_group; lock */
        size_t bytes;      /* lock */
        char *dir;
        const struct clock *clock;
};

/* ---- groups ------------------------------------------------------------------------------- */

static struct push_group *new_group(struct labels labels)
{
        struct push_group *group = alloc_new(&group_type, sizeof(*group));
        struct buf key CLEANUP(buf_release) = BUF_INIT(1 << 20);

        arena_init(&group->arena, BODY_MAX_BYTES);
        group->labels = labels_copy(&group->arena, labels);
        push_series_append(&key, group->labels);
        group->key = arena_str(&group->arena, buf_str(&key));
        push_families_init(&group->families, BODY_MAX_BYTES);
        return group;
}

static struct push_group *free_group(struct push_group *group)
{
        if (!group)
                return NULL;
        push_families_release(&group->families);
        arena_release(&group->arena);
        return alloc_free(&group_type, group);
}

static struct push_group *find(struct push_groups *groups, struct labels labels)
{
        struct buf key CLEANUP(buf_release) = BUF_INIT(1 << 20);

        push_series_append(&key, labels);
        return map_get(&groups->groups, buf_str(&key));
}

static void update_metrics(const struct push_groups *groups)
{
        metric_set(&groups_kept, (int64_t)groups->groups.count);
        metric_set(&groups_bytes, (int64_t)groups->bytes);
}

/* Puts a group in the place of the one of the same labels. */
static void keep(struct push_groups *groups, struct push_group *group)
{
        struct push_group *before = map_remove(&groups->groups, group->key);

        if (before)
                groups->bytes -= before->bytes;
        free_group(before);
        group->bytes = group->families.bytes + group->key.len;
        groups->bytes += group->bytes;
        map_put(&groups->groups, group->key, group);
        update_metrics(groups);
}

/* ---- writing out -------------------------------------------------------------------------- */

static void append_time(struct buf *out, const struct push_group *group, const char *name,
                        int64_t t_ms)
{
        bool has_instance = labels_has(group->labels, STR_LIT("instance"));

        buf_append_cstr(out, name);
        buf_append_str(out, str_slice(group->key, 0, group->key.len - 1));
        buf_append_cstr(out, has_instance ? "} " : ",instance=\"\"} ");
        double_append(out, (double)t_ms / 1000, DOUBLE_G);
        buf_append_byte(out, '\n');
}

static const char time_help[] =
        "Last Unix time when changing this group in the Pushgateway succeeded.";
static const char failure_help[] =
        "Last Unix time when changing this group in the Pushgateway failed.";

static void append_times(struct buf *out, const struct push_group *group)
{
        buf_append_cstr(out, "# TYPE push_time_seconds gauge\n");
        append_time(out, group, "push_time_seconds", group->pushed_ms);
        buf_append_cstr(out, "# TYPE push_failure_time_seconds gauge\n");
        append_time(out, group, "push_failure_time_seconds", group->failed_ms);
}

void push_groups_render(struct push_groups *groups, struct buf *out)
{
        pthread_mutex_lock(&groups->lock);
        for (struct map_entry *e = NULL; (e = map_next(&groups->groups, e));) {
                const struct push_group *group = e->value;

                append_times(out, group);
                for (const struct push_family *f = group->families.first; f; f = f->next)
                        push_family_append(out, f);
        }
        pthread_mutex_unlock(&groups->lock);
}

/* ---- as JSON ------------------------------------------------------------------------------ */

static void write_labels(struct json_writer *writer, struct labels labels, bool of_series)
{
        json_key(writer, "labels");
        json_object_begin(writer);
        for (size_t i = 0; i < labels.count; i++) {
                if (str_equal(labels.items[i].name, LABEL_METRIC_NAME))
                        continue;
                json_key_str(writer, labels.items[i].name);
                json_string(writer, labels.items[i].value);
        }
        if (of_series && !labels_has(labels, STR_LIT("instance"))) {
                json_key(writer, "instance");
                json_cstring(writer, "");
        }
        json_object_end(writer);
}

static void write_value(struct json_writer *writer, double value)
{
        char text[DOUBLE_TEXT_MAX];

        json_key(writer, "value");
        json_string(writer, str_make(text, double_format(text, value, DOUBLE_G)));
}

static void begin_family(struct json_writer *writer, struct str name, struct str help,
                         const char *type, int64_t t_ms)
{
        struct buf time CLEANUP(buf_release) = BUF_INIT(64), upper = BUF_INIT(16);

        for (const char *c = type; *c; c++)
                buf_append_byte(&upper, (char)(*c & ~0x20));
        civil_format_rfc3339(&time, t_ms * 1000000);
        json_key_str(writer, name);
        json_object_begin(writer);
        json_key(writer, "time_stamp");
        json_string(writer, buf_str(&time));
        json_key(writer, "type");
        json_string(writer, buf_str(&upper));
        json_key(writer, "help");
        json_string(writer, help);
        json_key(writer, "metrics");
        json_array_begin(writer);
        buf_release(&upper);
}

static void end_family(struct json_writer *writer)
{
        json_array_end(writer);
        json_object_end(writer);
}

/* Samples as they are exposed: buckets and quantiles are metrics of their own. */
static void write_family(struct json_writer *writer, const struct push_family *family,
                         int64_t t_ms)
{
        struct prom_text text = prom_text_make(buf_str(&family->lines));
        struct prom_text_entry entry;
        struct arena arena;

        if (!family->lines.len)
                return;
        arena_init(&arena, 1 << 20);
        begin_family(writer, family->name, prom_text_help(&arena, family->help), family->type,
                     t_ms);
        while (prom_text_next(&text, STR_LIT(""), &entry, NULL) == PROM_TEXT_SAMPLE) {
                struct arena_point mark = arena_mark(&arena);
                struct labels_builder builder;

                labels_builder_init(&builder, &arena, (struct labels){0});
                if (!prom_text_series(entry.series, PUSH_FAMILY_LABELS_MAX, &builder, NULL))
                        break;
                json_object_begin(writer);
                write_labels(writer, labels_builder_finish(&builder), true);
                write_value(writer, entry.value);
                json_object_end(writer);
                arena_rewind(&arena, mark);
        }
        end_family(writer);
        arena_release(&arena);
}

static void write_time(struct json_writer *writer, const struct push_group *group,
                       const char *name, const char *help, int64_t t_ms)
{
        begin_family(writer, str_from(name), str_from(help), "gauge", group->pushed_ms);
        json_object_begin(writer);
        write_labels(writer, group->labels, true);
        write_value(writer, (double)t_ms / 1000);
        json_object_end(writer);
        end_family(writer);
}

void push_groups_write_json(struct push_groups *groups, struct json_writer *writer)
{
        pthread_mutex_lock(&groups->lock);
        json_array_begin(writer);
        for (struct map_entry *e = NULL; (e = map_next(&groups->groups, e));) {
                const struct push_group *group = e->value;

                json_object_begin(writer);
                write_labels(writer, group->labels, false);
                json_key(writer, "last_push_successful");
                json_bool(writer, group->pushed_ms >= group->failed_ms);
                write_time(writer, group, "push_time_seconds", time_help, group->pushed_ms);
                write_time(writer, group, "push_failure_time_seconds", failure_help,
                           group->failed_ms);
                for (const struct push_family *f = group->families.first; f; f = f->next)
                        write_family(writer, f, group->pushed_ms);
                json_object_end(writer);
        }
        json_array_end(writer);
        pthread_mutex_unlock(&groups->lock);
}

/* ---- files -------------------------------------------------------------------------------- */

/* The first line of a file: a comment with the group and its times. */
static const char header[] = "# pitwall push group 1 ";

static void group_path(const struct push_groups *groups, struct str key, char *path)
{
        uint8_t digest[32];
        size_t len;

        digest_sha256(key, digest);
        len = (size_t)snprintf(path, PATH_MAX, "%s/", groups->dir);
        for (size_t i = 0; i < sizeof(digest) && len + 3 < PATH_MAX; i++)
                len += (size_t)snprintf(path + len, PATH_MAX - len, "%02x", digest[i]);
}

static bool save(const struct push_groups *groups, const struct push_group *group,
                 struct error *err)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(FILE_MAX_BYTES);
        char path[PATH_MAX], aside[PATH_MAX + 8];
        struct file file;
        bool ok;

        buf_printf(&text, "%s%lld %lld ", header, (long long)group->pushed_ms,
                   (long long)group->failed_ms);
        buf_append_str(&text, group->key);
        buf_append_byte(&text, '\n');
        for (const struct push_family *f = group->families.first; f; f = f->next)
                push_family_append(&text, f);
        if (text.overflow)
                return error_set(err, ERROR_LIMIT, "group takes more than %zu bytes",
                                 text.max_bytes);
        group_path(groups, group->key, path);
        snprintf(aside, sizeof(aside), "%s.new", path);
        if (!dir_make(groups->dir, err) || !file_open(&file, aside, FILE_CREATE, err))
                return false;
        ok = file_write_at(&file, text.data, text.len, 0, err) && file_sync(&file, err);
        file_close(&file);
        if (ok && file_rename(aside, path, err))
                return dir_sync(groups->dir, err);
        file_discard(aside);
        return false;
}

static bool read_number(struct str *rest, int64_t *ret_value)
{
        struct str word;
        double v;

        if (!str_cut(rest, ' ', &word) || !double_parse(word, &v))
                return false;
        *ret_value = (int64_t)v;
        return true;
}

static struct push_group *load(const char *path)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(FILE_MAX_BYTES);
        struct str rest, line;
        struct labels_builder builder;
        struct push_group *group;
        int64_t pushed_ms, failed_ms;
        struct arena arena;
        struct error err;

        if (!file_read_all(path, &text, &err))
                return NULL;
        rest = buf_str(&text);
        if (!str_starts_with(rest, str_from(header)) || !str_cut(&rest, '\n', &line))
                return NULL;
        line = str_slice(line, strlen(header), line.len);
        if (!read_number(&line, &pushed_ms) || !read_number(&line, &failed_ms))
                return NULL;
        arena_init(&arena, 4 << 20);
        labels_builder_init(&builder, &arena, (struct labels){0});
        /* The labels of a group are a series without a name, which the text format has not. */
        line = str_from(arena_printf(&arena, "group" STR_FMT, STR_ARG(line)));
        group = NULL;
        if (prom_text_series(line, PUSH_FAMILY_LABELS_MAX, &builder, &err)) {
                labels_builder_delete(&builder, LABEL_METRIC_NAME);
                group = new_group(labels_builder_finish(&builder));
        }
        arena_release(&arena);
        if (!group)
                return NULL;
        group->pushed_ms = pushed_ms;
        group->failed_ms = failed_ms;
        if (!push_families_read(&group->families, rest, PUSH_GROUPS_TEXT, group->labels, &err))
                return free_group(group);
        return group;
}

static void load_all(struct push_groups *groups, size_t *ret_unreadable)
{
        const char **names;
        size_t count = 0;
        struct arena arena;

        *ret_unreadable = 0;
        arena_init(&arena, 64 << 20);
        if (!dir_list(groups->dir, &arena, &names, &count, NULL))
                count = 0;
        for (size_t i = 0; i < count; i++) {
                char path[PATH_MAX];
                struct push_group *group;

                snprintf(path, sizeof(path), "%s/%s", groups->dir, names[i]);
                if (str_ends_with(str_from(names[i]), STR_LIT(".new"))) {
                        file_discard(path);
                        continue;
                }
                group = load(path);
                if (group)
                        keep(groups, group);
                else
                        ++*ret_unreadable;
        }
        arena_release(&arena);
}

struct push_groups *push_groups_new(const char *dir, const struct clock *clock,
                                    size_t *ret_unreadable)
{
        struct push_groups *groups = alloc_new(&group_type, sizeof(*groups));

        pthread_mutex_init(&groups->lock, NULL);
        groups->dir = alloc_strdup(&group_type, dir, strlen(dir));
        groups->clock = clock;
        load_all(groups, ret_unreadable);
        return groups;
}

struct push_groups *push_groups_free(struct push_groups *groups)
{
        if (!groups)
                return NULL;
        for (struct map_entry *e = NULL; (e = map_next(&groups->groups, e));)
                free_group(e->value);
        map_release(&groups->groups);
        alloc_free(&group_type, groups->dir);
        pthread_mutex_destroy(&groups->lock);
        return alloc_free(&group_type, groups);
}

bool push_groups_empty(struct push_groups *groups)
{
        bool empty;

        pthread_mutex_lock(&groups->lock);
        empty = !groups->groups.count;
        pthread_mutex_unlock(&groups->lock);
        return empty;
}

/* ---- pushing ------------------------------------------------------------------------------ */

/* Whether every family has the type that it has in other groups. */
static bool is_consistent(const struct push_groups *groups, const struct push_group *group,
                          struct error *err)
{
        for (struct map_entry *e = NULL; (e = map_next(&groups->groups, e));) {
                const struct push_group *other = e->value;

                if (str_equal(other->key, group->key))
                        continue;
                for (const struct push_family *f = group->families.first; f; f = f->next) {
                        const struct push_family *same = map_get(&other->families.by_name,
                                                                 f->name);

                        if (same && same->lines.len && f->lines.len &&
                            strcmp(same->type, f->type) != 0)
                                return error_set(err, ERROR_INVALID, "pushed metrics are invalid "
                                                 "or inconsistent with existing metrics: %.*s "
                                                 "should be a %s, is a %s", STR_ARG(f->name),
                                                 same->type, f->type);
                }
        }
        return true;
}

/* Takes over the families of the group before that the new one does not have. */
static bool add_earlier(struct push_group *group, const struct push_group *before,
                        struct error *err)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(FILE_MAX_BYTES);

        for (const struct push_family *f = before->families.first; f; f = f->next)
                if (!map_get(&group->families.by_name, f->name))
                        push_family_append(&text, f);
        return push_families_read(&group->families, buf_str(&text), PUSH_GROUPS_TEXT,
                                  group->labels, err);
}

/* A push that failed is remembered with what was there before. */
static void remember_failure(struct push_groups *groups, struct labels labels,
                             const struct push_group *before)
{
        struct push_group *group = new_group(labels);

        group->pushed_ms = before ? before->pushed_ms : 0;
        group->failed_ms = clock_now_ms(groups->clock);
        if ((before && !add_earlier(group, before, NULL)) || !save(groups, group, NULL) ||
            groups->groups.count >= GROUPS_MAX)
                free_group(group);
        else
                keep(groups, group);
}

static bool has_room(const struct push_groups *groups, const struct push_group *group,
                     const struct push_group *before, struct error *err)
{
        size_t bytes = groups->bytes + group->families.bytes - (before ? before->bytes : 0);

        return (bytes <= ALL_MAX_BYTES && (before || groups->groups.count < GROUPS_MAX)) ||
               error_set(err, ERROR_LIMIT, "pushed groups take more than %d bytes, or are more "
                         "than %d", ALL_MAX_BYTES, GROUPS_MAX);
}

bool push_groups_put(struct push_groups *groups, struct labels labels, struct str body,
                     enum push_groups_format format, bool replace_all, struct error *err)
{
        struct push_group *group = new_group(labels), *before;
        bool ok;

        ok = push_families_read(&group->families, body, format, group->labels, err);
        pthread_mutex_lock(&groups->lock);
        before = find(groups, labels);
        group->pushed_ms = clock_now_ms(groups->clock);
        group->failed_ms = before ? before->failed_ms : 0;
        ok = ok && (replace_all || !before || add_earlier(group, before, err)) &&
             is_consistent(groups, group, err) && has_room(groups, group, before, err) &&
             save(groups, group, err);
        if (ok) {
                keep(groups, group);
        } else {
                remember_failure(groups, labels, before);
                free_group(group);
        }
        pthread_mutex_unlock(&groups->lock);
        return ok;
}

static bool forget(struct push_groups *groups, struct push_group *group, struct error *err)
{
        char path[PATH_MAX];

        group_path(groups, group->key, path);
        if (!file_remove(path, err))
                return false;
        map_remove(&groups->groups, group->key);
        groups->bytes -= group->bytes;
        free_group(group);
        update_metrics(groups);
        return true;
}

bool push_groups_delete(struct push_groups *groups, struct labels labels, struct error *err)
{
        struct push_group *group;
        bool ok;

        pthread_mutex_lock(&groups->lock);
        group = find(groups, labels);
        ok = !group || (forget(groups, group, err) && dir_sync(groups->dir, err));
        pthread_mutex_unlock(&groups->lock);
        return ok;
}

bool push_groups_wipe(struct push_groups *groups, struct error *err)
{
        struct map_entry *e;
        bool ok = true;

        pthread_mutex_lock(&groups->lock);
        while (ok && (e = map_next(&groups->groups, NULL)))
                ok = forget(groups, e->value, err);
        pthread_mutex_unlock(&groups->lock);
        return ok;
}
