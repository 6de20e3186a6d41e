#include "config/discovery_section_int.h"

#include <stddef.h>
#include <strings.h>

#include "base/hash.h"

/* Prometheus's defaults (docs: Configuration, the section of each kind). */
enum { DNS_REFRESH_MS = 30000, FILE_REFRESH_MS = 300000, HTTP_REFRESH_MS = 60000 };

#define HTTP_DEFAULTS {.follow_redirects = true, .enable_http2 = true}

static bool decode_discoveries(struct decoder *d, const struct yaml_node *node,
                               const char *kind, struct discovery_list *list,
                               bool (*decode)(struct decoder *d, const struct yaml_node *node,
                                              void *slot))
{
        struct discovery_config *joined;
        size_t count;
        void *items;

        if (!decode_list(d, node, node->key->text.data, sizeof(*joined), decode, &items, &count))
                return false;
        joined = arena_array(d->arena, struct discovery_config, list->count + count);
        if (list->count)
                memcpy(joined, list->items, list->count * sizeof(*joined));
        if (count)
                memcpy(joined + list->count, items, count * sizeof(*joined));
        list->items = joined;
        for (const struct yaml_node *item = node->first; item; item = item->next) {
                struct discovery_config *config = &joined[list->count++];

                config->kind = discovery_kind_find(kind);
                config->fingerprint = decode_fingerprint(item, hash_str(str_from(kind)));
        }
        return true;
}

/* The mapping of one discovery into `section`, which holds its defaults. */
static bool decode_section(struct decoder *d, const struct yaml_node *node, const char *what,
                           const struct field *fields, size_t field_count, void *section)
{
        if (node->kind == YAML_NULL)
                return decode_fail(d, node, "empty or null section in %ss", what);
        return decode_mapping(d, node, what, fields, field_count, section);
}

/* ---- dns ------------------------------------------------------------------------------------- */

struct dns_section {
        struct str_list names;
        struct str type;
        uint64_t port;
        struct dns_discovery_options options;
        int64_t refresh_ms;
};

#define DNS(member) offsetof(struct dns_section, member)

static bool decode_dns_type(struct decoder *d, const struct yaml_node *node, struct str name,
                            uint16_t *ret_type)
{
        static const struct {
                const char *name;
                uint16_t type;
        } types[] = {{"A", 1}, {"AAAA", 28}, {"MX", 15}, {"NS", 2}, {"SRV", 33}};

        for (size_t i = 0; i < ARRAY_LEN(types); i++) {
                if (name.len == strlen(types[i].name) &&
                    strncasecmp(name.data, types[i].name, name.len) == 0) {
                        *ret_type = types[i].type;
                        return true;
                }
        }
        return decode_fail(d, node, "invalid DNS-SD records type " STR_FMT, STR_ARG(name));
}

static bool decode_dns_discovery(struct decoder *d, const struct yaml_node *node, void *slot)
{
        static const struct field fields[] = {
                {"names", decode_strings, DNS(names), NULL},
                {"type", decode_string, DNS(type), NULL},
                {"port", decode_uint, DNS(port), NULL},
                {"refresh_interval", decode_duration, DNS(refresh_ms), NULL},
        };
        struct dns_section *section = arena_new(d->arena, struct dns_section);
        struct dns_discovery_options *options = &section->options;
        struct discovery_config *config = slot;

        section->refresh_ms = DNS_REFRESH_MS;
        section->type = STR_LIT("SRV");
        if (!decode_section(d, node, "dns_sd_config", fields, ARRAY_LEN(fields), section))
                return false;
        if (!section->names.count)
                return decode_fail(d, node, "DNS-SD config must contain at least one SRV record "
                                   "name");
        if (!decode_dns_type(d, node, section->type, &options->type))
                return false;
        if (section->port > UINT16_MAX)
                return decode_fail(d, node, "port must be at most %d", UINT16_MAX);
        if (!section->port && strncasecmp(section->type.data, "SRV", section->type.len) != 0)
                return decode_fail(d, node, "a port is required in DNS-SD configs for all record "
                                   "types except SRV");
        options->names = section->names.items;
        options->name_count = section->names.count;
        options->port = (uint16_t)section->port;
        config->refresh_interval_ms = section->refresh_ms;
        config->options = options;
        return true;
}

bool decode_dns_discoveries(struct decoder *d, const struct yaml_node *node, void *slot)
{
        return decode_discoveries(d, node, "dns", slot, decode_dns_discovery);
}

/* ---- file ------------------------------------------------------------------------------------ */

/* The last part of a path may hold one *; it must name a format we read. */
static bool decode_file_pattern(struct decoder *d, const struct yaml_node *node, void *slot)
{
        struct str *pattern = slot;

        if (!decode_path(d, node, slot))
                return false;
        if (!str_ends_with(*pattern, STR_LIT(".json")) &&
            !str_ends_with(*pattern, STR_LIT(".yml")) && !str_ends_with(*pattern, STR_LIT(".yaml")))
                return decode_fail(d, node, "path name \"" STR_FMT "\" is not valid for file "
                                   "discovery", STR_ARG(node->text));
        return true;
}

static bool decode_file_patterns(struct decoder *d, const struct yaml_node *node, void *slot)
{
        struct file_discovery_options *options = slot;
        void *items;

        if (!decode_list(d, node, "files", sizeof(struct str), decode_file_pattern, &items,
                         &options->pattern_count))
                return false;
        options->patterns = items;
        return true;
}

struct file_section {
        struct file_discovery_options options;
        int64_t refresh_ms;
};

static bool decode_file_discovery(struct decoder *d, const struct yaml_node *node, void *slot)
{
        static const struct field fields[] = {
                {"files", decode_file_patterns, offsetof(struct file_section, options), NULL},
                {"refresh_interval", decode_duration, offsetof(struct file_section, refresh_ms),
                 NULL},
        };
        struct file_section *section = arena_new(d->arena, struct file_section);
        struct discovery_config *config = slot;

        section->refresh_ms = FILE_REFRESH_MS;
        if (!decode_section(d, node, "file_sd_config", fields, ARRAY_LEN(fields), section))
                return false;
        if (!section->options.pattern_count)
                return decode_fail(d, node, "file service discovery config must contain at least "
                                   "one path name");
        config->refresh_interval_ms = section->refresh_ms;
        config->options = &section->options;
        return true;
}

bool decode_file_discoveries(struct decoder *d, const struct yaml_node *node, void *slot)
{
        return decode_discoveries(d, node, "file", slot, decode_file_discovery);
}

/* ---- http ------------------------------------------------------------------------------------ */

struct http_section {
        struct http_discovery_options options;
        int64_t refresh_ms;
};

#define HTTP_SD(member) offsetof(struct http_section, member)

static bool check_url(struct decoder *d, const struct yaml_node *node, struct str url)
{
        struct str host;

        if (!url.len)
                return decode_fail(d, node, "URL is missing");
        if (str_starts_with(url, STR_LIT("http://")))
                host = str_slice(url, strlen("http://"), url.len);
        else if (str_starts_with(url, STR_LIT("https://")))
                host = str_slice(url, strlen("https://"), url.len);
        else
                return decode_fail(d, node, "URL scheme must be 'http' or 'https'");
        if (!host.len || host.data[0] == '/' || host.data[0] == '?' || host.data[0] == '#')
                return decode_fail(d, node, "host is missing in URL");
        return true;
}

static bool decode_http_discovery(struct decoder *d, const struct yaml_node *node, void *slot)
{
        static const struct field fields[] = {
                {"url", decode_string, HTTP_SD(options.url), NULL},
                {"refresh_interval", decode_duration, HTTP_SD(refresh_ms), NULL},
                HTTP_CLIENT_FIELDS(HTTP_SD(options.http)),
        };
        struct http_section *section = arena_new(d->arena, struct http_section);
        struct discovery_config *config = slot;

        *section = (struct http_section){{.http = HTTP_DEFAULTS}, HTTP_REFRESH_MS};
        if (!decode_section(d, node, "http_sd_config", fields, ARRAY_LEN(fields), section) ||
            !check_url(d, node, section->options.url) ||
            !decode_check_http(d, node, &section->options.http))
                return false;
        config->refresh_interval_ms = section->refresh_ms;
        config->options = &section->options;
        return true;
}

bool decode_http_discoveries(struct decoder *d, const struct yaml_node *node, void *slot)
{
        return decode_discoveries(d, node, "http", slot, decode_http_discovery);
}
