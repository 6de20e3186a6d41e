/* Payloads of log records (docs/format/wal.md):
 *
 *   kind 1, series: one zstd frame of, repeated to its end:
 *     varint  id minus the previous id (0 at first)
 *     varint  number of labels, then of each:
 *       varint length, name; varint length, value
 *   kind 2, samples: 8 bytes: timestamp that the first one is relative to; then, repeated:
 *     u8      bits 0-3: number of value bytes n, 0 to 8; bit 4: a series step follows, else the id
 *             is the previous one (0 at first) plus 1; bit 5: a time step follows, else the
 *             timestamp is the previous one
 *     zigzag  series step: id minus the previous one
 *     zigzag  time step: timestamp minus the previous one, ms
 *     n       the high n bytes of the value's bits; the low ones are zero
 *   kind 3, samples that are more than a float: 8 bytes as above; then, repeated:
 *     zigzag  series id minus the previous id (0 at first)
 *     zigzag  timestamp minus the previous one, ms
 *     varint  length of the sample's record, the record (sample_record_int.h)
 *   kind 4, exemplars: 8 bytes as above; then, repeated:
 *     zigzag, zigzag  as above
 *     8       bits of the value
 *     varint  length of the labels, the labels (exemplars_int.h)
 */
#include "base/reader.h"
#include "codec/compress.h"
#include "codec/varint.h"
#include "tsdb/sample_record_int.h"
#include "tsdb/store_int.h"

enum {
        /* Before compression; a group of new targets fits, and a damaged record costs no more. */
        SERIES_RECORD_BYTES = 1 << 20,
        /* A definition alone may be longer; labels are bounded by what the ingest path accepts. */
        SERIES_RECORD_MAX_BYTES = 256 << 20,
        SAMPLE_MAX_BYTES = 1 + 5 + VARINT_MAX_BYTES + 8,
};

/* Of the byte before a sample. */
enum { VALUE_BYTES_MASK = 15, HAS_SERIES_STEP = 16, HAS_TIME_STEP = 32, CONTROL_END = 64 };

static void put_str(struct buf *buf, struct str s)
{
        varint_append(buf, s.len);
        buf_append_str(buf, s);
}

static void put_definition(struct buf *plain, const struct index *index, uint32_t id,
                           uint32_t previous)
{
        uint32_t count;
        const uint32_t *pairs = index_record(index, id, &count);

        varint_append(plain, id - previous);
        varint_append(plain, count);
        for (uint32_t i = 0; i < count; i++) {
                struct index_pair pair = index_pair(index, pairs[i]);

                put_str(plain, index_symbol(index, pair.name));
                put_str(plain, index_symbol(index, pair.value));
        }
}

static void put_series_record(struct buf *group, const struct buf *plain)
{
        for (int copy = 0; copy < 2; copy++) {
                size_t begin = wal_record_begin(group, LOG_SERIES);

                compress_zstd(group, buf_str(plain), 1);
                wal_record_end(group, begin);
        }
}

void log_series(struct buf *group, const struct index *index, uint32_t from, uint32_t end)
{
        struct buf plain = BUF_INIT(SERIES_RECORD_MAX_BYTES);
        uint32_t previous = 0;

        for (uint32_t id = from; id < end; id++) {
                if (!index_knows(index, id))
                        continue;
                put_definition(&plain, index, id, previous);
                previous = id;
                if (plain.len >= SERIES_RECORD_BYTES) {
                        put_series_record(group, &plain);
                        buf_clear(&plain);
                        previous = 0;
                }
        }
        if (plain.len)
                put_series_record(group, &plain);
        buf_release(&plain);
}

void log_samples_begin(struct log_samples *log, struct buf *group, uint8_t kind)
{
        *log = (struct log_samples){.group = group, .kind = kind};
}

/* A record is begun with its first sample and ended well before the limit of its length. */
enum { SAMPLES_RECORD_BYTES = 4 << 20 };

/* Where the sample goes, with room for all of it but bytes of variable length. */
static uint8_t *begin_sample(struct log_samples *log, int64_t t_ms)
{
        struct buf *group = log->group;
        uint8_t *at;

        if (UNLIKELY(log->begin && group->len - log->begin > SAMPLES_RECORD_BYTES))
                log_samples_end(log);
        if (UNLIKELY(!log->begin)) {
                log->begin = wal_record_begin(group, log->kind) + 1;
                log->previous_series = 0;
                log->previous_t_ms = t_ms;
                buf_append(group, &t_ms, sizeof(t_ms));
        }
        at = (uint8_t *)buf_reserve(group, SAMPLE_MAX_BYTES);
        BUG_ON(!at);
        return at;
}

/* Series and timestamp; there is room for a value or a length behind. */
static uint8_t *put_sample_head(struct log_samples *log, uint32_t series, int64_t t_ms)
{
        uint8_t *at = begin_sample(log, t_ms);

        at = varint_put_zigzag(at, (int64_t)series - log->previous_series);
        at = varint_put_zigzag(at, t_ms - log->previous_t_ms);
        log->previous_series = series;
        log->previous_t_ms = t_ms;
        return at;
}

void log_samples_add(struct log_samples *log, uint32_t series, int64_t t_ms, double v)
{
        uint8_t *at = begin_sample(log, t_ms), *control = at++;
        uint64_t bits = sample_bits(v);
        int64_t series_step = (int64_t)series - log->previous_series;
        int64_t time_step = t_ms - log->previous_t_ms;
        unsigned zeros = bits ? (unsigned)__builtin_ctzll(bits) / 8 : 8;

        *control = (uint8_t)(8 - zeros);
        if (series_step != 1) {
                *control |= HAS_SERIES_STEP;
                at = varint_put_zigzag(at, series_step);
        }
        if (time_step) {
                *control |= HAS_TIME_STEP;
                at = varint_put_zigzag(at, time_step);
        }
        varint_put_u64(at, bits >> zeros % 8 * 8);
        at += 8 - zeros;
        log->group->len = (size_t)(at - (uint8_t *)log->group->data);
        log->previous_series = series;
        log->previous_t_ms = t_ms;
}

void log_samples_add_record(struct log_samples *log, uint32_t series, int64_t t_ms,
                            struct str record)
{
        uint8_t *at = put_sample_head(log, series, t_ms);

        at = varint_put(at, record.len);
        log->group->len = (size_t)(at - (uint8_t *)log->group->data);
        buf_append_str(log->group, record);
}

void log_exemplars_add(struct log_samples *log, const struct exemplar_item *item)
{
        uint8_t *at = put_sample_head(log, item->series, item->t_ms);

        at = varint_put_u64(at, sample_bits(item->v));
        log->group->len = (size_t)(at - (uint8_t *)log->group->data);
        varint_append(log->group, item->labels.len);
        buf_append_str(log->group, item->labels);
}

void log_samples_end(struct log_samples *log)
{
        if (log->begin)
                wal_record_end(log->group, log->begin - 1);
        log->begin = 0;
}

/* One definition; the labels borrow from the payload. */
static bool read_definition(struct reader *r, struct arena *arena, uint32_t *id,
                            struct labels *ret_labels)
{
        uint64_t step = reader_varint(r), count = reader_varint(r);
        struct label *items;

        if (r->failed || step == 0 || step > UINT32_MAX - *id || count > reader_left(r))
                return false;
        items = arena_array(arena, struct label, count);
        for (uint64_t i = 0; i < count; i++) {
                items[i].name = reader_str(r, reader_varint(r));
                items[i].value = reader_str(r, reader_varint(r));
                if (r->failed || !items[i].name.len || !items[i].value.len ||
                    (i && str_compare(items[i - 1].name, items[i].name) >= 0))
                        return false;
        }
        *id += (uint32_t)step;
        *ret_labels = (struct labels){items, count};
        return true;
}

bool log_read_definitions(struct str plain, const struct log_reader *reader)
{
        struct reader r = reader_make(plain.data, plain.len);
        struct arena arena;
        uint32_t id = 0;
        bool ok = true;

        arena_init(&arena, SIZE_MAX);
        while (ok && reader_left(&r)) {
                struct labels labels;

                ok = read_definition(&r, &arena, &id, &labels);
                if (ok)
                        reader->series(reader->ctx, id, labels);
        }
        arena_release(&arena);
        return ok;
}

static bool read_series(struct str payload, const struct log_reader *reader)
{
        struct buf plain = BUF_INIT(SERIES_RECORD_MAX_BYTES);
        bool ok = compress_unzstd(&plain, payload, SERIES_RECORD_MAX_BYTES, NULL) &&
                  log_read_definitions(buf_str(&plain), reader);

        buf_release(&plain);
        return ok;
}

/* Where a sample belongs, relative to the one before. */
struct place {
        int64_t series;
        uint64_t t_ms;
};

static bool move_place(struct reader *r, struct place *place, int64_t step, int64_t time_step)
{
        place->t_ms += (uint64_t)time_step;
        return !r->failed && !__builtin_add_overflow(place->series, step, &place->series) &&
               place->series > 0 && place->series <= UINT32_MAX &&
               (int64_t)place->t_ms <= STORE_T_MAX_MS && (int64_t)place->t_ms >= -STORE_T_MAX_MS;
}

static bool read_place(struct reader *r, struct place *place)
{
        int64_t step = reader_zigzag(r), time_step = reader_zigzag(r);

        return move_place(r, place, step, time_step);
}

static bool read_samples(struct str payload, const struct log_reader *reader)
{
        struct reader r = reader_make(payload.data, payload.len);
        struct place place = {0, reader_u64(&r)};

        while (!r.failed && reader_left(&r)) {
                uint8_t control = reader_u8(&r), len = control & VALUE_BYTES_MASK;
                int64_t step = control & HAS_SERIES_STEP ? reader_zigzag(&r) : 1;
                int64_t time_step = control & HAS_TIME_STEP ? reader_zigzag(&r) : 0;
                const uint8_t *value = reader_take(&r, len);
                uint64_t bits = 0;

                if (!move_place(&r, &place, step, time_step) || control >= CONTROL_END ||
                    len > sizeof(bits))
                        return false;
                memcpy((uint8_t *)&bits + sizeof(bits) - len, value, len);
                reader->sample(reader->ctx, (uint32_t)place.series,
                               (struct sample){(int64_t)place.t_ms, sample_from_bits(bits)});
        }
        return !r.failed;
}

static bool read_records(struct str payload, const struct log_reader *reader)
{
        struct reader r = reader_make(payload.data, payload.len);
        struct place place = {0, reader_u64(&r)};
        struct arena arena;
        bool ok = true;

        arena_init(&arena, SIZE_MAX);
        while (ok && !r.failed && reader_left(&r)) {
                struct arena_point mark = arena_mark(&arena);
                struct sample_record record;
                struct str bytes;

                ok = read_place(&r, &place);
                bytes = reader_str(&r, reader_varint(&r));
                ok = ok && !r.failed &&
                     sample_record_read(bytes, (int64_t)place.t_ms, &arena, &record);
                if (ok)
                        reader->record(reader->ctx, (uint32_t)place.series, (int64_t)place.t_ms,
                                       bytes, &record);
                arena_rewind(&arena, mark);
        }
        arena_release(&arena);
        return ok && !r.failed;
}

static bool read_exemplars(struct str payload, const struct log_reader *reader)
{
        struct reader r = reader_make(payload.data, payload.len);
        struct place place = {0, reader_u64(&r)};
        struct arena arena;
        bool ok = true;

        arena_init(&arena, SIZE_MAX);
        while (ok && !r.failed && reader_left(&r)) {
                struct arena_point mark = arena_mark(&arena);
                struct exemplar_item item;
                struct labels labels;

                ok = read_place(&r, &place);
                item.series = (uint32_t)place.series;
                item.t_ms = (int64_t)place.t_ms;
                item.v = sample_from_bits(reader_u64(&r));
                item.labels = reader_str(&r, reader_varint(&r));
                ok = ok && !r.failed && exemplar_labels_read(item.labels, &arena, &labels);
                if (ok)
                        reader->exemplar(reader->ctx, &item);
                arena_rewind(&arena, mark);
        }
        arena_release(&arena);
        return ok && !r.failed;
}

bool log_read(uint8_t kind, struct str payload, const struct log_reader *reader)
{
        switch (kind) {
        case LOG_SERIES:
                return read_series(payload, reader);
        case LOG_SAMPLES:
                return read_samples(payload, reader);
        case LOG_RECORDS:
                return read_records(payload, reader);
        case LOG_EXEMPLARS:
                return read_exemplars(payload, reader);
        default:
                return false;
        }
}
