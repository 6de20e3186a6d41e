#include "ingest/metadata.h"

#include <pthread.h>

#include "base/alloc.h"
#include "base/map.h"

ALLOC_TYPE(metadata_type, "metric_metadata")

/* No honest help text, and no honest target or sender, comes near these. */
enum { TEXT_MAX_BYTES = 1024, METRICS_MAX = 100000 };

struct entry {
        struct str metric;
        char *texts[METADATA_FIELDS];
};

struct metadata_table {
        pthread_mutex_t lock;
        struct map metrics; /* metric -> struct entry; lock */
};

struct metadata_table *metadata_table_new(void)
{
        struct metadata_table *table = alloc_new(&metadata_type, sizeof(*table));

        pthread_mutex_init(&table->lock, NULL);
        return table;
}

struct metadata_table *metadata_table_free(struct metadata_table *table)
{
        if (!table)
                return NULL;
        for (struct map_entry *e = NULL; (e = map_next(&table->metrics, e));) {
                struct entry *entry = e->value;

                for (size_t i = 0; i < METADATA_FIELDS; i++)
                        alloc_free(&metadata_type, entry->texts[i]);
                alloc_free(&metadata_type, entry);
        }
        map_release(&table->metrics);
        pthread_mutex_destroy(&table->lock);
        return alloc_free(&metadata_type, table);
}

static struct entry *find_entry(struct metadata_table *table, struct str metric)
{
        struct entry *entry = map_get(&table->metrics, metric);

        if (entry || table->metrics.count >= METRICS_MAX)
                return entry;
        entry = alloc_new(&metadata_type, sizeof(*entry) + metric.len);
        entry->metric = str_make((char *)(entry + 1), metric.len);
        memcpy(entry + 1, metric.data, metric.len);
        map_put(&table->metrics, entry->metric, entry);
        return entry;
}

void metadata_table_set(struct metadata_table *table, struct str metric,
                        enum metadata_field field, struct str text)
{
        struct entry *entry;
        char **slot;

        if (text.len > TEXT_MAX_BYTES)
                text.len = TEXT_MAX_BYTES;
        if (!metric.len || metric.len > TEXT_MAX_BYTES || !str_is_utf8(text) ||
            !str_is_utf8(metric))
                return;
        pthread_mutex_lock(&table->lock);
        entry = find_entry(table, metric);
        slot = entry ? &entry->texts[field] : NULL;
        if (slot && (!*slot || !str_is(text, *slot))) {
                alloc_free(&metadata_type, *slot);
                *slot = alloc_strdup(&metadata_type, text.data, text.len);
        }
        pthread_mutex_unlock(&table->lock);
}

static struct str shown(const struct entry *entry, enum metadata_field field)
{
        return str_from(entry->texts[field] ? entry->texts[field] : "");
}

void metadata_table_each(struct metadata_table *table,
                         void (*visit)(const struct metric_metadata *metadata, void *ctx),
                         void *ctx)
{
        pthread_mutex_lock(&table->lock);
        for (struct map_entry *e = NULL; (e = map_next(&table->metrics, e));) {
                const struct entry *entry = e->value;
                struct metric_metadata metadata = {
                        entry->metric,
                        shown(entry, METADATA_TYPE),
                        shown(entry, METADATA_UNIT),
                        shown(entry, METADATA_HELP),
                };

                if (!metadata.type.len || str_is(metadata.type, "untyped"))
                        metadata.type = STR_LIT("unknown");
                visit(&metadata, ctx);
        }
        pthread_mutex_unlock(&table->lock);
}
