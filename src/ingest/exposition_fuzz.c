/* Whatever the bytes, format and options: no crash, and what a scrape remembers changes nothing:
 * the same body gives the same samples again. The first byte says how it is read. */
#include "base/hash.h"
#include "ingest/exposition.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* References are hashes of labels, and what comes in is folded into one number. */
static bool fold_resolve(void *ctx, struct labels labels, series_ref *ret_ref, struct error *err)
{
        (void)ctx, (void)err;
        BUG_ON(!labels_get(labels, LABEL_METRIC_NAME).len);
        for (size_t i = 0; i < labels.count; i++) {
                BUG_ON(!labels.items[i].name.len || !labels.items[i].value.len);
                BUG_ON(i > 0 && str_compare(labels.items[i - 1].name, labels.items[i].name) >= 0);
        }
        *ret_ref = labels_hash(labels) | 1;
        return true;
}

static bool fold_append(void *ctx, const struct append_sample *samples,
                        const struct append_extra *extras, size_t count, uint8_t *outcomes,
                        struct error *err)
{
        uint64_t *sum = ctx;
        struct error invalid;

        (void)err;
        for (size_t i = 0; i < count; i++) {
                /* Field by field: the struct may have holes. */
                uint64_t parts[] = {samples[i].ref, (uint64_t)samples[i].t_ms,
                                    sample_bits(samples[i].v),
                                    extras ? (uint64_t)extras[i].start_ms : 0,
                                    extras && extras[i].h ? sample_bits(extras[i].h->count) : 0};

                if (extras && extras[i].h)
                        BUG_ON(!histogram_validate(extras[i].h, &invalid));
                *sum = hash_bytes_seeded(parts, sizeof(parts), *sum);
                if (outcomes)
                        outcomes[i] = APPEND_OK;
        }
        return true;
}

static bool fold_exemplars(void *ctx, const struct append_exemplar *exemplars, size_t count,
                           uint8_t *outcomes, struct error *err)
{
        uint64_t *sum = ctx;

        (void)outcomes, (void)err;
        for (size_t i = 0; i < count; i++)
                *sum += hash_u64(exemplars[i].ref ^ labels_hash(exemplars[i].exemplar.labels) ^
                                 sample_bits(exemplars[i].exemplar.v));
        return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        uint8_t how = size ? data[0] : 0;
        struct str body = str_make((const char *)data + (size > 0), size - (size > 0));
        struct exposition_options options = {
                .honor_timestamps = how & 4,
                .native_histograms = how & 8,
                .convert_classic = how & 16,
                .always_classic = how & 32,
                .native_bucket_limit = how & 64 ? 4 : 0,
                .native_bucket_factor_min = how & 128 ? 1.5 : 0,
        };
        uint64_t sum = 0, sums[2];
        struct series_sink sink = {fold_resolve, fold_append, fold_exemplars, &sum};
        struct exposition *exposition = exposition_new(&options, &sink);
        bool ok[2];

        for (int i = 0; i < 2; i++) {
                struct exposition_result result;
                struct error err;

                sum = 1;
                ok[i] = exposition_ingest(exposition, (enum exposition_format)((how & 3) % 3),
                                          body, 1000, &result, &err);
                sums[i] = sum;
        }
        BUG_ON(ok[0] != ok[1]);
        if (ok[0])
                BUG_ON(sums[0] != sums[1]);
        exposition_free(exposition);
        return 0;
}
