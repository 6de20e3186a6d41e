/* Any text: an error, or a message that reads as protobuf. Any bytes as such a message: samples
 * with keys that are labels and histograms that are valid, or an error. */
#include "formats/otlp_json.h"

#include "formats/otlp_metrics.h"
#include "formats/remote_write.h"
#include "model/histogram.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool check_sample(void *ctx, const struct otlp_sample *sample, struct error *err)
{
        struct labels_builder builder;
        struct arena arena;

        (void)ctx;
        arena_init(&arena, 16 << 20);
        labels_builder_init(&builder, &arena, (struct labels){0});
        /* What was made of labels has no label twice. */
        if (!remote_write_labels(sample->key, &builder, err))
                BUG_ON(strstr(err->text, "duplicated"));
        if (sample->h)
                BUG_ON(!histogram_validate(sample->h, err));
        BUG_ON(!sample->metadata || !sample->metadata->type.len);
        for (size_t i = 0; i < sample->exemplar_count; i++)
                for (size_t l = 1; l < sample->exemplars[i].labels.count; l++)
                        BUG_ON(str_compare(sample->exemplars[i].labels.items[l - 1].name,
                                           sample->exemplars[i].labels.items[l].name) >= 0);
        arena_release(&arena);
        return true;
}

static void count_refused(void *ctx, size_t points, const char *reason)
{
        *(size_t *)ctx += points;
        BUG_ON(!*reason);
}

static bool read_metrics(struct str message, unsigned options_bits)
{
        struct otlp_options options;
        size_t points = 0, refused = 0;
        struct otlp_metrics_sink sink = {check_sample, count_refused, &refused};
        struct arena arena;
        struct error err;
        bool ok;

        otlp_options_init(&options);
        options.naming.utf8 = options_bits & 1;
        options.naming.keep_multiple_underscores = options_bits & 2;
        options.convert_histograms = options_bits & 2;
        options.promote_all = options_bits & 4;
        options.promote_scope = options_bits & 4;
        arena_init(&arena, 16 << 20);
        ok = otlp_metrics_read(message, &options, &arena, &sink, &points, &err);
        BUG_ON(ok && refused > points);
        arena_release(&arena);
        return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct buf out CLEANUP(buf_release) = BUF_INIT(8 << 20);
        struct str text = str_make((const char *)data, size);
        unsigned options = size ? data[size - 1] : 0;
        struct error err;

        if (otlp_json_convert(text, &otlp_json_metrics, &out, &err))
                read_metrics(buf_str(&out), options);
        read_metrics(text, options);
        return 0;
}
