/* A log segment from anywhere: scanning must not fault, and what it tells must lie inside. */
#include "wal/wal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bounds {
        const uint8_t *begin, *end;
        uint64_t last_damage_end;
};

static void check_record(void *ctx, uint64_t segment, uint8_t kind, struct str payload)
{
        const struct bounds *bounds = ctx;
        const uint8_t *at = (const uint8_t *)payload.data;

        (void)segment;
        (void)kind;
        BUG_ON(at < bounds->begin || at + payload.len > bounds->end);
}

static void check_damage(void *ctx, uint64_t segment, uint64_t offset, uint64_t size_bytes,
                         bool tail)
{
        struct bounds *bounds = ctx;

        (void)segment;
        (void)tail;
        BUG_ON(!size_bytes || offset < bounds->last_damage_end ||
               offset + size_bytes > (uint64_t)(bounds->end - bounds->begin));
        bounds->last_damage_end = offset + size_bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct bounds bounds = {data, data + size, 0};
        struct wal_visitor visitor = {check_record, check_damage, &bounds};

        BUG_ON(wal_scan(data, size, 1, true, &visitor) > size);
        return 0;
}
