#include "promql/notes_int.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/civil.h"
#include "codec/double.h"
#include "codec/quote.h"
#include "promql/number_int.h"

/* Prometheus shows ten of each; beyond this many nobody counts exactly. */
enum { SHOWN_MAX = 10, KEPT_MAX = 1000 };

struct note {
        struct note *next;
        bool warning, monotonic;
        bool plain;    /* nothing is added to the message */
        size_t offset; /* in the query */
        const char *message;
        int64_t min_ms, max_ms; /* the rest for the monotonicity info */
        double min_bucket, max_bucket, max_diff;
        size_t samples;
};

void notes_init(struct notes *notes, struct arena *arena, struct str text)
{
        *notes = (struct notes){.arena = arena, .text = text};
}

static struct note *note_find_or_add(struct notes *notes, size_t offset, bool warning,
                                     const char *message, bool *ret_new)
{
        struct note *note;

        *ret_new = false;
        for (note = notes->first; note; note = note->next)
                if (note->warning == warning && strcmp(note->message, message) == 0) {
                        /* In Prometheus the last one to say it gives the position. */
                        if (!note->monotonic)
                                note->offset = offset;
                        return note;
                }
        if (notes->count == KEPT_MAX)
                return NULL;
        note = arena_new(notes->arena, struct note);
        note->warning = warning;
        note->offset = offset;
        note->message = arena_str(notes->arena, str_from(message)).data;
        if (notes->last)
                notes->last->next = note;
        else
                notes->first = note;
        notes->last = note;
        notes->count++;
        *ret_new = true;
        return note;
}

void notes_warn(struct notes *notes, const struct node *where, const char *fmt, ...)
{
        char message[1024];
        va_list args;
        bool is_new;

        va_start(args, fmt);
        vsnprintf(message, sizeof(message), fmt, args);
        va_end(args);
        note_find_or_add(notes, where->span.start, true, message, &is_new);
}

void notes_info(struct notes *notes, const struct node *where, const char *fmt, ...)
{
        char message[1024];
        va_list args;
        bool is_new;

        va_start(args, fmt);
        vsnprintf(message, sizeof(message), fmt, args);
        va_end(args);
        note_find_or_add(notes, where->span.start, false, message, &is_new);
}

void notes_store(struct notes *notes, const char *text)
{
        bool is_new;
        struct note *note = note_find_or_add(notes, 0, true, text, &is_new);

        if (note)
                note->plain = true;
}

void notes_histograms(struct notes *notes, const struct node *where, uint32_t bits,
                      struct str metric_name)
{
        static const struct {
                enum histogram_note bit;
                bool warning, named;
                const char *text;
        } texts[] = {
                {NOTE_MIXED_FLOATS, true, true,
                 "encountered a mix of histograms and floats for metric name"},
                {NOTE_MIXED_BUCKETS, true, true,
                 "vector contains a mix of histograms with exponential and custom buckets schemas "
                 "for metric name"},
                {NOTE_NOT_COUNTER, true, true, "this native histogram metric is not a counter:"},
                {NOTE_NOT_GAUGE, true, true, "this native histogram metric is not a gauge:"},
                {NOTE_RECONCILED_ADDITION, false, false,
                 "mismatched custom buckets were reconciled during addition"},
                {NOTE_RECONCILED_SUBTRACTION, false, false,
                 "mismatched custom buckets were reconciled during subtraction"},
                {NOTE_RECONCILED_AGGREGATION, false, false,
                 "mismatched custom buckets were reconciled during aggregation"},
                {NOTE_COLLISION_ADDITION, true, false,
                 "conflicting counter resets during histogram addition"},
                {NOTE_COLLISION_SUBTRACTION, true, false,
                 "conflicting counter resets during histogram subtraction"},
                {NOTE_COLLISION_AGGREGATION, true, false,
                 "conflicting counter resets during histogram aggregation"},
                {NOTE_IGNORED_IN_RANGE, false, true,
                 "ignored histograms in a range containing both floats and histograms for metric "
                 "name"},
                {NOTE_START_OVERLAP, true, true,
                 "sample has start time that overlaps with previous sample timestamp for metric"},
        };

        for (size_t i = 0; bits && i < ARRAY_LEN(texts); i++) {
                struct buf text = BUF_INIT(1 << 12);

                if (!(bits & texts[i].bit))
                        continue;
                buf_append_cstr(&text, texts[i].text);
                if (texts[i].named) {
                        buf_append_byte(&text, ' ');
                        quote_append(&text, metric_name);
                }
                if (texts[i].warning)
                        notes_warn(notes, where, STR_FMT, STR_ARG(buf_str(&text)));
                else
                        notes_info(notes, where, STR_FMT, STR_ARG(buf_str(&text)));
                buf_release(&text);
        }
}

void notes_monotonic(struct notes *notes, const struct node *where, struct str metric_name,
                     const struct note_monotonic *found)
{
        static const char message[] =
                "input to histogram_quantile needed to be fixed for monotonicity (see "
                "https://prometheus.io/docs/prometheus/latest/querying/functions/"
                "#histogram_quantile)";
        char text[1024];
        struct note *note;
        bool is_new;

        if (metric_name.len)
                snprintf(text, sizeof(text), "%s for metric name \"" STR_FMT "\"", message,
                         STR_ARG(metric_name));
        else
                snprintf(text, sizeof(text), "%s", message);
        note = note_find_or_add(notes, where->span.start, false, text, &is_new);
        if (!note)
                return;
        if (is_new) {
                note->monotonic = true;
                note->min_ms = note->max_ms = found->t_ms;
                note->min_bucket = found->min_bucket;
                note->max_bucket = found->max_bucket;
                note->max_diff = found->max_diff;
        }
        note->samples++;
        note->min_ms = found->t_ms < note->min_ms ? found->t_ms : note->min_ms;
        note->max_ms = found->t_ms > note->max_ms ? found->t_ms : note->max_ms;
        note->min_bucket = fmin(note->min_bucket, found->min_bucket);
        note->max_bucket = fmax(note->max_bucket, found->max_bucket);
        note->max_diff = fmax(note->max_diff, found->max_diff);
}

static const char *note_text(const struct notes *notes, const struct note *note,
                             struct arena *arena)
{
        struct buf text = BUF_INIT(1 << 16);
        char position[POSITION_TEXT_MAX];
        const char *copy;

        if (note->plain)
                return arena_str(arena, str_from(note->message)).data;
        buf_printf(&text, "PromQL %s: %s", note->warning ? "warning" : "info", note->message);
        if (note->monotonic) {
                buf_append_cstr(&text, ", from buckets ");
                double_append(&text, note->min_bucket, DOUBLE_G);
                buf_append_cstr(&text, " to ");
                double_append(&text, note->max_bucket, DOUBLE_G);
                buf_printf(&text, ", with a max diff of %.2g, over %zu samples from ",
                           note->max_diff, note->samples);
                civil_format_rfc3339(&text, note->min_ms / 1000 * 1000000000);
                buf_append_cstr(&text, " to ");
                civil_format_rfc3339(&text, note->max_ms / 1000 * 1000000000);
        }
        position_format(position, notes->text, note->offset);
        buf_printf(&text, " (%s)", position);
        copy = arena_str(arena, buf_str(&text)).data;
        buf_release(&text);
        return copy;
}

static size_t finish_kind(const struct notes *notes, struct arena *arena, bool warning,
                          const char *const **ret_texts)
{
        const char **texts = arena_array(arena, const char *, SHOWN_MAX + 1);
        size_t shown = 0, total = 0;

        for (const struct note *note = notes->first; note; note = note->next) {
                if (note->warning != warning)
                        continue;
                if (total++ < SHOWN_MAX)
                        texts[shown++] = note_text(notes, note, arena);
        }
        if (total > SHOWN_MAX)
                texts[shown++] = arena_printf(arena, "%zu more %s annotations omitted",
                                              total - SHOWN_MAX, warning ? "warning" : "info");
        *ret_texts = texts;
        return shown;
}

void notes_finish(const struct notes *notes, struct arena *arena, struct promql_notes *ret_notes)
{
        ret_notes->warning_count = finish_kind(notes, arena, true, &ret_notes->warnings);
        ret_notes->info_count = finish_kind(notes, arena, false, &ret_notes->infos);
}
