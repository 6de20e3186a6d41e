/* Bytes as one record of Prometheus's log. */
#include "formats/prom_wal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool take_series(void *ctx, uint64_t ref, struct labels labels, struct error *err)
{
        (void)ref, (void)err;
        *(size_t *)ctx += labels_hash(labels) != 0;
        return true;
}

static bool take_sample(void *ctx, uint64_t ref, int64_t t_ms, double v,
                        const struct histogram *h, struct error *err)
{
        (void)ref, (void)t_ms, (void)v, (void)err;
        *(size_t *)ctx += h ? histogram_bytes(h) : 1;
        return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        size_t seen = 0;
        struct prom_wal_handler handler = {take_series, take_sample, &seen};
        struct prom_wal_stats stats = {0};
        bool ok = prom_wal_record(str_make((const char *)data, size), &handler, &stats, NULL);

        (void)ok;
        return 0;
}
