#include "base/alloc.h"
#include "codec/crc32c.h"
#include "codec/varint.h"
#include "tsdb/part_format_int.h"
#include "tsdb/part_times_int.h"

ALLOC_TYPE(writer_type, "tsdb_part_writer")

/* Written in pieces of about this much. */
enum { BUFFER_BYTES = 1 << 20 };

struct part_writer {
        struct part_head head;
        struct file file;
        uint64_t written_bytes; /* in the file */
        uint8_t *buffer;
        size_t buffered;
        size_t buffer_capacity;
        uint32_t *series, *offsets, *times_offsets;
        size_t block_count, series_capacity, offsets_capacity;
        size_t times_count, times_capacity;
        struct part_times times;
        uint64_t samples;
        int64_t min_t_ms, max_t_ms;
};

uint8_t *part_put_head(uint8_t *at, const struct part_head *head)
{
        uint8_t *begin = at;

        memcpy(at, PART_MAGIC, 8);
        at = varint_put_u64(at + 8, (uint64_t)head->base_ms);
        at = varint_put_u64(at, (uint64_t)head->length_ms);
        at = varint_put_u64(at, head->first_sequence);
        at = varint_put_u64(at, head->last_sequence);
        at = varint_put_u32(at, head->level);
        memset(at, 0, 16);
        return varint_put_u32(at + 16, crc32c(0, begin, PART_HEAD_BYTES - 4));
}

/* The buffer is written when it is full, so beyond that it holds one block. */
static uint8_t *make_room(struct part_writer *writer, size_t more)
{
        writer->buffer = alloc_array_reserve(&writer_type, writer->buffer,
                                             &writer->buffer_capacity, writer->buffered + more, 1);
        return writer->buffer + writer->buffered;
}

static bool flush_buffer(struct part_writer *writer, struct error *err)
{
        if (!file_write_at(&writer->file, writer->buffer, writer->buffered,
                           writer->written_bytes, err))
                return false;
        writer->written_bytes += writer->buffered;
        writer->buffered = 0;
        return true;
}

bool part_writer_new(struct part_writer **ret_writer, const char *dir, uint64_t number,
                     const struct part_head *head, struct error *err)
{
        struct part_writer *writer = alloc_new(&writer_type, sizeof(*writer));
        char path[PART_PATH_BYTES];

        part_path(dir, number, path);
        if (!file_open(&writer->file, path, FILE_CREATE, err)) {
                alloc_free(&writer_type, writer);
                return false;
        }
        writer->head = *head;
        make_room(writer, PART_HEAD_BYTES);
        writer->buffered = (size_t)(part_put_head(writer->buffer, head) - writer->buffer);
        writer->min_t_ms = INT64_MAX;
        writer->max_t_ms = INT64_MIN;
        *ret_writer = writer;
        return true;
}

uint64_t part_writer_bytes(const struct part_writer *writer)
{
        return writer->written_bytes + writer->buffered;
}

static void note_block(struct part_writer *writer, uint32_t series, uint64_t offset)
{
        writer->series = alloc_array_reserve(&writer_type, writer->series,
                                             &writer->series_capacity, writer->block_count + 1,
                                             sizeof(*writer->series));
        writer->offsets = alloc_array_reserve(&writer_type, writer->offsets,
                                              &writer->offsets_capacity, writer->block_count + 1,
                                              sizeof(*writer->offsets));
        writer->series[writer->block_count] = series;
        writer->offsets[writer->block_count++] = (uint32_t)offset;
}

/* Writes a column of timestamps as a block; its offset is the `copy`th of its number. */
static void put_times(struct part_writer *writer, const struct part_times_column *column, int copy)
{
        uint64_t offset = part_writer_bytes(writer);
        uint8_t *at = make_room(writer, chunk_times_bound(column->count));

        at = chunk_times_encode(at, column->number, writer->head.base_ms, column->t_ms,
                                column->count);
        writer->buffered = (size_t)(at - writer->buffer);
        writer->times_offsets[2 * (size_t)column->number + (size_t)copy] = (uint32_t)offset;
}

static void share_from_now(struct part_writer *writer, struct part_times_column *column)
{
        writer->times_offsets = alloc_array_reserve(&writer_type, writer->times_offsets,
                                                    &writer->times_capacity,
                                                    2 * (writer->times_count + 1),
                                                    sizeof(*writer->times_offsets));
        column->number = (uint32_t)writer->times_count++;
        put_times(writer, column, 0);
}

/* The number of the column that these timestamps share with earlier blocks; NULL: none yet. */
static const uint32_t *find_shared(struct part_writer *writer, const int64_t *t_ms, size_t count)
{
        struct part_times_column *column;

        /* One timestamp takes no more than a number does. */
        if (count < 2)
                return NULL;
        column = part_times_find(&writer->times, t_ms, count);
        if (column) {
                if (column->number == PART_TIMES_NONE)
                        share_from_now(writer, column);
                return &column->number;
        }
        column = part_times_place(&writer->times, t_ms, count);
        if (column->used && column->number != PART_TIMES_NONE)
                put_times(writer, column, 1);
        part_times_keep(&writer->times, column, t_ms, count);
        return NULL;
}

bool part_writer_add(struct part_writer *writer, uint32_t series, const struct samples *samples,
                     size_t from, size_t count, struct error *err)
{
        const int64_t *t_ms = samples->t_ms + from;
        const uint32_t *shared = find_shared(writer, t_ms, count);
        uint64_t offset = part_writer_bytes(writer);
        uint8_t *at = make_room(writer, chunk_bound(samples, from, count));

        BUG_ON(offset > UINT32_MAX);
        at = chunk_encode(at, series, writer->head.base_ms, samples, from, count, shared);
        writer->buffered = (size_t)(at - writer->buffer);
        note_block(writer, series, offset);
        writer->samples += count;
        if (t_ms[0] < writer->min_t_ms)
                writer->min_t_ms = t_ms[0];
        if (t_ms[count - 1] > writer->max_t_ms)
                writer->max_t_ms = t_ms[count - 1];
        return writer->buffered < BUFFER_BYTES || flush_buffer(writer, err);
}

static void put_second_copies(struct part_writer *writer)
{
        for (size_t s = 0; s < PART_TIMES_SETS; s++)
                for (size_t i = 0; i < PART_TIMES_WAYS; i++) {
                        const struct part_times_column *column = &writer->times.sets[s][i];

                        if (column->used && column->number != PART_TIMES_NONE)
                                put_times(writer, column, 1);
                }
}

static bool write_columns(struct part_writer *writer, uint64_t *offset, const uint32_t *items,
                          size_t count, uint32_t *crc, struct error *err)
{
        size_t bytes = count * sizeof(*items);

        if (!bytes)
                return true;
        if (!file_write_at(&writer->file, items, bytes, *offset, err))
                return false;
        *crc = crc32c(*crc, items, bytes);
        *offset += bytes;
        return true;
}

static bool write_index(struct part_writer *writer, struct error *err)
{
        uint8_t foot[PART_FOOT_BYTES], *at;
        uint64_t index_offset, offset;
        uint32_t crc = 0;

        put_second_copies(writer);
        while (part_writer_bytes(writer) % 8) {
                *make_room(writer, 1) = 0;
                writer->buffered++;
        }
        if (!flush_buffer(writer, err))
                return false;
        index_offset = offset = writer->written_bytes;
        if (!write_columns(writer, &offset, writer->series, writer->block_count, &crc, err) ||
            !write_columns(writer, &offset, writer->offsets, writer->block_count, &crc, err) ||
            !write_columns(writer, &offset, writer->times_offsets, 2 * writer->times_count, &crc,
                           err))
                return false;
        at = part_put_head(foot, &writer->head);
        at = varint_put_u64(at, index_offset);
        at = varint_put_u64(at, writer->block_count);
        at = varint_put_u64(at, writer->times_count);
        at = varint_put_u64(at, writer->samples);
        at = varint_put_u64(at, (uint64_t)writer->min_t_ms);
        at = varint_put_u64(at, (uint64_t)writer->max_t_ms);
        at = varint_put_u32(at, crc);
        varint_put_u32(at, crc32c(0, foot, PART_FOOT_BYTES - 4));
        return file_write_at(&writer->file, foot, sizeof(foot), offset, err);
}

static void free_writer(struct part_writer *writer)
{
        file_close(&writer->file);
        alloc_free(&writer_type, writer->buffer);
        alloc_free(&writer_type, writer->series);
        alloc_free(&writer_type, writer->offsets);
        alloc_free(&writer_type, writer->times_offsets);
        part_times_release(&writer->times);
        alloc_free(&writer_type, writer);
}

bool part_writer_finish(struct part_writer *writer, struct error *err)
{
        if (!write_index(writer, err) || !file_sync(&writer->file, err)) {
                part_writer_abandon(writer);
                return false;
        }
        free_writer(writer);
        return true;
}

struct part_writer *part_writer_abandon(struct part_writer *writer)
{
        if (writer) {
                file_discard(writer->file.path);
                free_writer(writer);
        }
        return NULL;
}
