#include "collectors/file_discovery_int.h"

#include <glob.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/file.h"
#include "codec/json.h"
#include "codec/yaml.h"

ALLOC_TYPE(file_discovery_type, "file_discovery")

enum { FILE_MAX_BYTES = 64 << 20, ARENA_MAX_BYTES = 512 << 20 };

struct discovered_file {
        char *path;
        struct timespec modified;
        off_t size;
        ino_t inode;
        bool present;             /* seen by the current refresh */
        struct arena arena;       /* of the groups */
        struct target_group *groups;
        size_t group_count;
};

struct file_discovery {
        const struct file_discovery_config *config;
        struct discovered_file **files;
        size_t file_count, file_capacity;
        struct target_group *groups; /* of all files */
        size_t group_count;
};

struct file_discovery *file_discovery_new(const struct file_discovery_config *config)
{
        struct file_discovery *discovery = alloc_new(&file_discovery_type, sizeof(*discovery));

        discovery->config = config;
        return discovery;
}

static void file_free(struct discovered_file *file)
{
        arena_release(&file->arena);
        alloc_free(&file_discovery_type, file->path);
        alloc_free(&file_discovery_type, file);
}

struct file_discovery *file_discovery_free(struct file_discovery *discovery)
{
        if (!discovery)
                return NULL;
        for (size_t i = 0; i < discovery->file_count; i++)
                file_free(discovery->files[i]);
        alloc_free(&file_discovery_type, discovery->files);
        alloc_free(&file_discovery_type, discovery->groups);
        return alloc_free(&file_discovery_type, discovery);
}

/* ---- reading one file --------------------------------------------------------------------- */

/* JSON as the YAML tree it nearly is, so that one reader serves both. */
static struct yaml_node *from_json(struct arena *arena, const struct json_value *value)
{
        struct yaml_node *node = arena_new(arena, struct yaml_node);
        struct yaml_node **tail = &node->first;

        switch (value->kind) {
        case JSON_NULL:
                node->kind = YAML_NULL;
                break;
        case JSON_STRING:
                node->kind = YAML_SCALAR;
                node->quoted = true;
                node->text = value->text;
                break;
        case JSON_BOOL:
        case JSON_NUMBER:
                node->kind = YAML_SCALAR;
                break;
        case JSON_ARRAY:
        case JSON_OBJECT:
                node->kind = value->kind == JSON_ARRAY ? YAML_SEQUENCE : YAML_MAPPING;
                for (const struct json_value *child = value->first; child; child = child->next) {
                        *tail = from_json(arena, child);
                        (*tail)->key = arena_new(arena, struct yaml_node);
                        (*tail)->key->text = child->key;
                        tail = &(*tail)->next;
                }
                break;
        }
        return node;
}

static size_t child_count(const struct yaml_node *node)
{
        size_t count = 0;

        for (const struct yaml_node *child = node->first; child; child = child->next)
                count++;
        return count;
}

static bool read_labels(struct arena *arena, const struct yaml_node *node, struct str path,
                        struct labels *ret_labels, struct error *err)
{
        struct labels_builder builder;

        labels_builder_init(&builder, arena, (struct labels){0});
        labels_builder_set(&builder, STR_LIT("__meta_filepath"), path);
        if (node && node->kind != YAML_MAPPING && node->kind != YAML_NULL)
                return error_set(err, ERROR_INVALID, "labels must be a mapping");
        for (const struct yaml_node *pair = node ? node->first : NULL; pair; pair = pair->next) {
                if (pair->kind != YAML_SCALAR && pair->kind != YAML_NULL)
                        return error_set(err, ERROR_INVALID, "label " STR_FMT " must be a string",
                                         STR_ARG(pair->key->text));
                if (!label_name_is_legacy(pair->key->text))
                        return error_set(err, ERROR_INVALID, "\"" STR_FMT
                                         "\" is not a valid label name", STR_ARG(pair->key->text));
                labels_builder_set(&builder, pair->key->text, pair->text);
        }
        *ret_labels = labels_builder_finish(&builder);
        return true;
}

static bool read_targets(struct arena *arena, const struct yaml_node *node,
                         struct target_group *group, struct error *err)
{
        struct labels *targets;

        if (!node || node->kind == YAML_NULL)
                return true;
        if (node->kind != YAML_SEQUENCE)
                return error_set(err, ERROR_INVALID, "targets must be a list of strings");
        targets = arena_array(arena, struct labels, child_count(node));
        group->targets = targets;
        for (const struct yaml_node *item = node->first; item; item = item->next) {
                struct label *address = arena_new(arena, struct label);

                if (item->kind != YAML_SCALAR || !item->text.len)
                        return error_set(err, ERROR_INVALID, "targets must be a list of strings");
                *address = (struct label){STR_LIT("__address__"), item->text};
                targets[group->target_count++] = (struct labels){address, 1};
        }
        return true;
}

static bool read_groups(struct discovered_file *file, const struct yaml_node *root,
                        struct error *err)
{
        struct arena *arena = &file->arena;
        size_t count = 0;

        if (root->kind == YAML_NULL)
                return true;
        if (root->kind != YAML_SEQUENCE)
                return error_set(err, ERROR_INVALID, "expected a list of target groups");
        file->groups = arena_array(arena, struct target_group, child_count(root));
        for (const struct yaml_node *node = root->first; node; node = node->next) {
                struct target_group *group = &file->groups[count];

                if (node->kind != YAML_MAPPING)
                        return error_set(err, ERROR_INVALID, "target group %zu is not a mapping",
                                         count);
                for (const struct yaml_node *pair = node->first; pair; pair = pair->next)
                        if (!str_is(pair->key->text, "targets") &&
                            !str_is(pair->key->text, "labels"))
                                return error_set(err, ERROR_INVALID,
                                                 "unknown field \"" STR_FMT "\" in target group",
                                                 STR_ARG(pair->key->text));
                group->source = str_from(file->path);
                if (!read_targets(arena, yaml_find(node, "targets"), group, err) ||
                    !read_labels(arena, yaml_find(node, "labels"), group->source, &group->labels,
                                 err))
                        return false;
                count++;
        }
        file->group_count = count;
        return true;
}

/* Parses into fresh memory and swaps it in only when all of it is good. */
static bool load_file(struct discovered_file *file, struct error *err)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(FILE_MAX_BYTES);
        struct discovered_file fresh = {.path = file->path};
        struct json_value *json;
        struct yaml_node *root = NULL;
        bool ok;

        if (!file_read_all(file->path, &text, err))
                return false;
        arena_init(&fresh.arena, ARENA_MAX_BYTES);
        if (str_ends_with(str_from(file->path), STR_LIT(".json"))) {
                ok = json_parse(&fresh.arena, buf_str(&text), &json, err);
                if (ok)
                        root = from_json(&fresh.arena, json);
        } else {
                ok = yaml_parse(&fresh.arena, file->path, buf_str(&text), &root, err);
        }
        if (!ok || !read_groups(&fresh, root, err)) {
                arena_release(&fresh.arena);
                return false;
        }
        arena_release(&file->arena);
        file->arena = fresh.arena;
        file->groups = fresh.groups;
        file->group_count = fresh.group_count;
        return true;
}

/* ---- looking at all files ----------------------------------------------------------------- */

static struct discovered_file *find_file(struct file_discovery *discovery, const char *path)
{
        struct discovered_file *file;

        for (size_t i = 0; i < discovery->file_count; i++)
                if (strcmp(discovery->files[i]->path, path) == 0)
                        return discovery->files[i];
        file = alloc_new(&file_discovery_type, sizeof(*file));
        file->path = alloc_strdup(&file_discovery_type, path, strlen(path));
        arena_init(&file->arena, ARENA_MAX_BYTES);
        discovery->files = alloc_array_reserve(&file_discovery_type, discovery->files,
                                               &discovery->file_capacity,
                                               discovery->file_count + 1,
                                               sizeof(*discovery->files));
        discovery->files[discovery->file_count++] = file;
        return file;
}

static bool look_at(struct file_discovery *discovery, const char *path,
                    void (*on_error)(const char *file, const struct error *err))
{
        struct discovered_file *file = find_file(discovery, path);
        struct stat info;
        struct error err;

        file->present = true;
        if (stat(path, &info) != 0)
                return false;
        if (info.st_mtim.tv_sec == file->modified.tv_sec &&
            info.st_mtim.tv_nsec == file->modified.tv_nsec && info.st_size == file->size &&
            info.st_ino == file->inode)
                return false;
        file->modified = info.st_mtim;
        file->size = info.st_size;
        file->inode = info.st_ino;
        if (load_file(file, &err))
                return true;
        on_error(path, &err);
        return false;
}

static bool drop_absent(struct file_discovery *discovery)
{
        size_t kept = 0;
        bool dropped;

        for (size_t i = 0; i < discovery->file_count; i++) {
                if (discovery->files[i]->present)
                        discovery->files[kept++] = discovery->files[i];
                else
                        file_free(discovery->files[i]);
        }
        dropped = kept != discovery->file_count;
        discovery->file_count = kept;
        return dropped;
}

static void gather_groups(struct file_discovery *discovery)
{
        size_t count = 0;

        for (size_t i = 0; i < discovery->file_count; i++)
                count += discovery->files[i]->group_count;
        alloc_free(&file_discovery_type, discovery->groups);
        discovery->groups = alloc_new(&file_discovery_type, count * sizeof(*discovery->groups));
        discovery->group_count = 0;
        for (size_t i = 0; i < discovery->file_count; i++)
                for (size_t g = 0; g < discovery->files[i]->group_count; g++)
                        discovery->groups[discovery->group_count++] =
                                discovery->files[i]->groups[g];
}

bool file_discovery_refresh(struct file_discovery *discovery,
                            void (*on_error)(const char *file, const struct error *err))
{
        bool changed = false;

        for (size_t i = 0; i < discovery->file_count; i++)
                discovery->files[i]->present = false;
        for (size_t i = 0; i < discovery->config->pattern_count; i++) {
                glob_t found = {0};

                if (glob(discovery->config->patterns[i].data, 0, NULL, &found) == 0)
                        for (size_t f = 0; f < found.gl_pathc; f++)
                                changed |= look_at(discovery, found.gl_pathv[f], on_error);
                globfree(&found);
        }
        changed |= drop_absent(discovery);
        if (changed)
                gather_groups(discovery);
        return changed;
}

const struct target_group *file_discovery_groups(const struct file_discovery *discovery,
                                                 size_t *ret_count)
{
        *ret_count = discovery->group_count;
        return discovery->groups;
}
