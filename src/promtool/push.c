/* push metrics: an exposition to a server by remote write. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "codec/compress.h"
#include "formats/prom_text.h"
#include "formats/remote_write.h"
#include "promtool/promtool_int.h"

enum { BODY_MAX_BYTES = 256 << 20, ANSWER_MAX_BYTES = 1 << 20, LABELS_MAX = 1024 };

struct push {
        const struct words *words;
        struct arena arena;
        enum remote_write_version version;
        struct remote_write_writer writer;
};

static bool add_labels(struct push *push, struct labels_builder *builder, struct error *err)
{
        const char *given;

        for (size_t i = 0; (given = words_list(push->words, "label", i)); i++) {
                struct str value = str_from(given), name;

                BUG_ON(!str_cut(&value, '=', &name));
                if (!value.data)
                        return error_set(err, ERROR_INVALID, "expected KEY=VALUE got '%s'", given);
                labels_builder_set(builder, name, value);
        }
        return true;
}

static bool put_sample(struct push *push, const struct prom_text_entry *entry, int64_t now_ms,
                       struct error *err)
{
        struct labels_builder builder;

        labels_builder_init(&builder, &push->arena, (struct labels){0});
        if (!prom_text_series(entry->series, LABELS_MAX, &builder, err) ||
            !add_labels(push, &builder, err))
                return false;
        remote_write_begin_series(&push->writer,
                                  labels_copy(&push->arena, labels_builder_finish(&builder)),
                                  NULL);
        remote_write_put_sample(&push->writer, entry->has_timestamp ? entry->t_ms : now_ms,
                                entry->value, 0);
        remote_write_end_series(&push->writer);
        return true;
}

static bool encode(struct push *push, struct str text, struct buf *out, struct error *err)
{
        struct prom_text reader = prom_text_make(text);
        struct buf plain CLEANUP(buf_release) = BUF_INIT(BODY_MAX_BYTES);
        int64_t now_ms = clock_now_ms(&clock_real);

        for (;;) {
                struct prom_text_entry entry;
                enum prom_text_kind kind = prom_text_next(&reader, STR_LIT(""), &entry, err);

                if (kind == PROM_TEXT_ERROR ||
                    (kind == PROM_TEXT_SAMPLE && !put_sample(push, &entry, now_ms, err)))
                        return false;
                if (kind == PROM_TEXT_END)
                        break;
        }
        if (!remote_write_finish(&push->writer, &plain))
                return error_set(err, ERROR_LIMIT, "too many metrics for one request");
        compress_snappy(out, buf_str(&plain));
        return !out->overflow || error_set(err, ERROR_LIMIT, "too many metrics for one request");
}

static bool send(struct push *push, struct str body, struct error *err)
{
        bool v2 = push->version == REMOTE_WRITE_2;
        const struct http_header headers[] = {
                {STR_LIT("Content-Encoding"), STR_LIT("snappy")},
                {STR_LIT("Content-Type"), v2 ? STR_LIT("application/x-protobuf;"
                                                       "proto=io.prometheus.write.v2.Request")
                                             : STR_LIT("application/x-protobuf")},
                {STR_LIT("X-Prometheus-Remote-Write-Version"), v2 ? STR_LIT("2.0.0")
                                                                  : STR_LIT("0.1.0")},
        };
        const char *url = words_argument(push->words, 0), *authority = strstr(url, "://");
        const char *slash = strchr(authority ? authority + 3 : url, '/');
        bool has_path = slash && slash[1];
        struct request request = {
                .words = push->words, .server = url, .body = body, .headers = headers,
                .path = has_path ? "" : words_text(push->words, "remote-write.path"),
                .header_count = ARRAY_LEN(headers), .has_headers = true,
                .timeout_ms = words_duration_ms(push->words, "timeout")};
        struct http_fetch fetch = {.body = BUF_INIT(ANSWER_MAX_BYTES)};
        bool ok = request_send(&request, &push->arena, &fetch, err);

        if (ok && fetch.status / 100 != 2)
                ok = error_set(err, ERROR_EXECUTION, "server returned HTTP status %d: " STR_FMT,
                               fetch.status, STR_ARG(str_trim(buf_str(&fetch.body))));
        buf_release(&fetch.body);
        return ok;
}

static bool push_text(const struct words *words, struct str text)
{
        struct buf body CLEANUP(buf_release) = BUF_INIT(BODY_MAX_BYTES);
        struct push push = {.words = words};
        struct error err;
        bool ok;

        if (strcmp(words_text(words, "protobuf_message"), "prometheus.WriteRequest") != 0)
                push.version = REMOTE_WRITE_2;
        arena_init(&push.arena, SIZE_MAX);
        remote_write_writer_init(&push.writer, push.version, BODY_MAX_BYTES, &push.arena);
        ok = encode(&push, text, &body, &err) && send(&push, buf_str(&body), &err);
        if (!ok)
                fprintf(stderr, "  FAILED: %s\n", err.text);
        remote_write_writer_release(&push.writer);
        arena_release(&push.arena);
        return ok;
}

static bool push_file(const struct words *words, const char *path)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(BODY_MAX_BYTES);
        struct error err;

        if (!file_read_all(path, &text, &err)) {
                fprintf(stderr, "  FAILED: %s\n", err.text);
                return false;
        }
        printf("Parsing metrics file %s\n", path);
        fflush(stdout);
        if (!push_text(words, buf_str(&text)))
                return false;
        printf("  SUCCESS: metrics file %s pushed to remote write.\n", path);
        return true;
}

static bool push_stdin(const struct words *words)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(BODY_MAX_BYTES);
        struct error err;

        if (!read_stdin(&text, &err)) {
                fprintf(stderr, "  FAILED: %s\n", err.text);
                return false;
        }
        printf("Parsing standard input\n");
        fflush(stdout);
        if (!push_text(words, buf_str(&text)))
                return false;
        printf("  SUCCESS: metrics pushed to remote write.\n");
        return true;
}

int push_metrics(const struct words *words)
{
        bool good = words_many(words, 0) || push_stdin(words);
        const char *path;

        for (size_t i = 0; (path = words_many(words, i)); i++)
                good &= push_file(words, path);
        return good ? EXIT_GOOD : EXIT_FAILED;
}
