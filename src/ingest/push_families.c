#include "ingest/push_families_int.h"

#include "base/alloc.h"
#include "codec/double.h"
#include "formats/prom_proto.h"
#include "formats/prom_text.h"

struct family_reader {
        struct push_families *families;
        struct labels group;
        struct arena scratch;
        struct map seen; /* series texts, in the families' arena */
};

void push_families_init(struct push_families *families, size_t max_bytes)
{
        *families = (struct push_families){.tail = NULL};
        families->tail = &families->first;
        arena_init(&families->arena, max_bytes);
}

void push_families_release(struct push_families *families)
{
        for (struct push_family *f = families->first; f; f = f->next)
                buf_release(&f->lines);
        map_release(&families->by_name);
        arena_release(&families->arena);
}

static struct push_family *find_or_make(struct push_families *families, struct str name)
{
        struct push_family *family = map_get(&families->by_name, name);

        if (family)
                return family;
        family = arena_new(&families->arena, struct push_family);
        family->name = arena_str(&families->arena, name);
        family->help = STR_LIT("");
        family->type = "untyped";
        family->lines = BUF_INIT(families->arena.limit_bytes);
        *families->tail = family;
        families->tail = &family->next;
        map_put(&families->by_name, family->name, family);
        return family;
}

static const char *type_text(struct str type)
{
        static const char *const types[] = {"counter", "gauge", "histogram", "summary"};

        for (size_t i = 0; i < ARRAY_LEN(types); i++)
                if (str_is(type, types[i]))
                        return types[i];
        return "untyped";
}

static struct str strip(struct str name, const char *suffix)
{
        struct str end = str_from(suffix);

        return str_ends_with(name, end) ? str_slice(name, 0, name.len - end.len) : STR_LIT("");
}

/* The family a sample of the text format belongs to. */
static struct push_family *family_of(struct push_families *families, struct str name)
{
        static const char *const suffixes[] = {"_bucket", "_sum", "_count"};

        for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
                struct str base = strip(name, suffixes[i]);
                struct push_family *family = base.len ? map_get(&families->by_name, base) : NULL;

                if (family && (strcmp(family->type, "histogram") == 0 ||
                               (strcmp(family->type, "summary") == 0 && i > 0)))
                        return family;
        }
        return find_or_make(families, name);
}

static void append_quoted(struct buf *out, struct str text)
{
        buf_append_byte(out, '"');
        for (size_t i = 0; i < text.len; i++) {
                char c = text.data[i];

                if (c == '\n')
                        buf_append_cstr(out, "\\n");
                else if (c == '"' || c == '\\')
                        buf_append(out, (char[]){'\\', c}, 2);
                else
                        buf_append_byte(out, c);
        }
        buf_append_byte(out, '"');
}

void push_name_append(struct buf *out, struct str name)
{
        if (metric_name_is_legacy(name))
                buf_append_str(out, name);
        else
                append_quoted(out, name);
}

void push_series_append(struct buf *out, struct labels labels)
{
        struct str name = labels_get(labels, LABEL_METRIC_NAME);
        bool legacy = metric_name_is_legacy(name), need_comma = false;

        if (legacy)
                buf_append_str(out, name);
        buf_append_byte(out, '{');
        if (!legacy && name.len) {
                append_quoted(out, name);
                need_comma = true;
        }
        for (size_t i = 0; i < labels.count; i++) {
                const struct label *label = &labels.items[i];

                if (str_equal(label->name, LABEL_METRIC_NAME))
                        continue;
                if (need_comma)
                        buf_append_byte(out, ',');
                need_comma = true;
                if (label_name_is_legacy(label->name))
                        buf_append_str(out, label->name);
                else
                        append_quoted(out, label->name);
                buf_append_byte(out, '=');
                append_quoted(out, label->value);
        }
        buf_append_byte(out, '}');
}

static bool add_sample(struct family_reader *reader, struct push_family *family,
                       struct labels_builder *builder, double value, bool has_timestamp,
                       struct error *err)
{
        struct push_families *families = reader->families;
        struct buf series CLEANUP(buf_release) = BUF_INIT(1 << 20);
        struct labels labels;
        struct str text;

        for (size_t i = 0; i < reader->group.count; i++)
                labels_builder_set(builder, reader->group.items[i].name,
                                   reader->group.items[i].value);
        labels = labels_builder_finish(builder);
        push_series_append(&series, labels);
        if (has_timestamp)
                return error_set(err, ERROR_INVALID, "pushed metrics must not have timestamps: "
                                 "%.*s", series.len > 200 ? 200 : (int)series.len,
                                 buf_str(&series).data);
        text = arena_str(&families->arena, buf_str(&series));
        if (map_put(&reader->seen, text, family))
                return error_set(err, ERROR_INVALID, "pushed metrics are invalid or inconsistent: "
                                 "%.*s was collected before with the same name and label values",
                                 text.len > 200 ? 200 : (int)text.len, text.data);
        if (!labels_has(labels, STR_LIT("instance"))) {
                /* The group has a job: there are labels. */
                buf_append_str(&family->lines, str_slice(text, 0, text.len - 1));
                buf_append_cstr(&family->lines, ",instance=\"\"}");
        } else {
                buf_append_str(&family->lines, text);
        }
        buf_append_byte(&family->lines, ' ');
        double_append(&family->lines, value, DOUBLE_G);
        buf_append_byte(&family->lines, '\n');
        families->bytes += 2 * series.len + 32;
        if (families->bytes > families->arena.limit_bytes || series.overflow)
                return error_set(err, ERROR_LIMIT, "pushed metrics take more than %zu bytes",
                                 families->arena.limit_bytes);
        return true;
}

static bool read_text(struct family_reader *reader, struct str body, struct error *err)
{
        struct push_families *families = reader->families;
        struct prom_text text = prom_text_make(body);
        struct prom_text_entry entry;
        struct labels_builder builder;
        struct push_family *family;

        for (;;) {
                struct arena_point mark = arena_mark(&reader->scratch);

                switch (prom_text_next(&text, STR_LIT(""), &entry, err)) {
                case PROM_TEXT_END:
                        return true;
                case PROM_TEXT_ERROR:
                        return error_prefix(err, "text format parsing error");
                case PROM_TEXT_HELP:
                        family = find_or_make(families, entry.name);
                        family->help = arena_str(&families->arena, entry.text);
                        break;
                case PROM_TEXT_TYPE:
                        find_or_make(families, entry.name)->type = type_text(entry.text);
                        break;
                case PROM_TEXT_SAMPLE:
                        labels_builder_init(&builder, &reader->scratch, (struct labels){0});
                        if (!prom_text_series(entry.series, PUSH_FAMILY_LABELS_MAX, &builder,
                                              err))
                                return false;
                        family = family_of(families,
                                           labels_builder_get(&builder, LABEL_METRIC_NAME));
                        if (!add_sample(reader, family, &builder, entry.value,
                                        entry.has_timestamp, err))
                                return false;
                        break;
                }
                arena_rewind(&reader->scratch, mark);
        }
}

static void append_escaped_help(struct buf *out, struct str help)
{
        for (size_t i = 0; i < help.len; i++) {
                if (help.data[i] == '\\' || help.data[i] == '\n')
                        buf_append_cstr(out, help.data[i] == '\n' ? "\\n" : "\\\\");
                else
                        buf_append_byte(out, help.data[i]);
        }
}

static bool read_proto_entries(struct family_reader *reader, struct prom_proto *proto,
                               struct error *err)
{
        struct push_families *families = reader->families;
        struct push_family *family = NULL;
        struct prom_proto_entry entry;
        struct labels_builder builder;

        for (;;) {
                struct arena_point mark = arena_mark(&reader->scratch);
                struct buf help CLEANUP(buf_release) = BUF_INIT(1 << 20);

                switch (prom_proto_next(proto, &entry, err)) {
                case PROM_PROTO_END:
                        return true;
                case PROM_PROTO_ERROR:
                        return false;
                case PROM_PROTO_FAMILY:
                        family = find_or_make(families, entry.name);
                        family->type = type_text(str_from(entry.type));
                        append_escaped_help(&help, entry.help);
                        family->help = arena_str(&families->arena, buf_str(&help));
                        break;
                case PROM_PROTO_SAMPLE:
                        labels_builder_init(&builder, &reader->scratch, (struct labels){0});
                        if (!prom_proto_series(entry.key, PUSH_FAMILY_LABELS_MAX, &builder, err) ||
                            !add_sample(reader, family, &builder, entry.value,
                                        entry.has_timestamp, err))
                                return false;
                        arena_rewind(&reader->scratch, mark);
                        break;
                }
        }
}

void push_family_append(struct buf *out, const struct push_family *family)
{
        if (!family->lines.len)
                return;
        if (family->help.len) {
                buf_append_cstr(out, "# HELP ");
                push_name_append(out, family->name);
                buf_append_byte(out, ' ');
                buf_append_str(out, family->help);
                buf_append_byte(out, '\n');
        }
        buf_append_cstr(out, "# TYPE ");
        push_name_append(out, family->name);
        buf_printf(out, " %s\n", family->type);
        buf_append_str(out, buf_str(&family->lines));
}

static bool read_body_text(struct push_families *families, struct str body, struct labels group,
                           struct error *err)
{
        struct family_reader reader = {.families = families, .group = group};
        bool ok;

        arena_init(&reader.scratch, families->arena.limit_bytes);
        ok = read_text(&reader, body, err);
        map_release(&reader.seen);
        arena_release(&reader.scratch);
        return ok;
}

/* Becomes text, which is then read: what is kept can be read again for certain. */
static bool read_body_proto(struct push_families *families, struct str body, struct labels group,
                            struct error *err)
{
        static const struct prom_proto_options classic = {.classic = true};
        size_t max_bytes = families->arena.limit_bytes;
        struct buf text CLEANUP(buf_release) = BUF_INIT(max_bytes);
        struct push_families decoded;
        struct family_reader reader = {.families = &decoded, .group = group};
        struct prom_proto proto;
        struct arena arena;
        bool ok;

        push_families_init(&decoded, max_bytes);
        arena_init(&reader.scratch, max_bytes);
        arena_init(&arena, max_bytes);
        prom_proto_init(&proto, body, &classic, &arena);
        ok = read_proto_entries(&reader, &proto, err);
        for (const struct push_family *f = decoded.first; ok && f; f = f->next)
                push_family_append(&text, f);
        prom_proto_release(&proto);
        arena_release(&arena);
        map_release(&reader.seen);
        arena_release(&reader.scratch);
        push_families_release(&decoded);
        if (ok && text.overflow)
                return error_set(err, ERROR_LIMIT, "pushed metrics take more than %zu bytes",
                                 max_bytes);
        return ok && read_body_text(families, buf_str(&text), group, err);
}

bool push_families_read(struct push_families *families, struct str body,
                        enum push_groups_format format, struct labels group, struct error *err)
{
        return format == PUSH_GROUPS_PROTO ? read_body_proto(families, body, group, err)
                                           : read_body_text(families, body, group, err);
}
