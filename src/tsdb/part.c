#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/reader.h"
#include "codec/crc32c.h"
#include "tsdb/part_format_int.h"

ALLOC_TYPE(part_type, "tsdb_part")

void part_path(const char *dir, uint64_t number, char *path)
{
        snprintf(path, PART_PATH_BYTES, "%s/%016" PRIx64 ".part", dir, number);
}

bool part_number(const char *name, uint64_t *ret_number)
{
        char *end;

        if (strlen(name) != 21 || strcmp(name + 16, ".part") != 0)
                return false;
        *ret_number = strtoull(name, &end, 16);
        return end == name + 16 && *ret_number > 0;
}

static bool read_head(const uint8_t *data, struct part_head *ret_head)
{
        struct reader r = reader_make(data, PART_HEAD_BYTES);
        struct str magic = reader_str(&r, 8);
        struct part_head head;
        uint32_t crc;

        head.base_ms = (int64_t)reader_u64(&r);
        head.length_ms = (int64_t)reader_u64(&r);
        head.first_sequence = reader_u64(&r);
        head.last_sequence = reader_u64(&r);
        head.level = reader_u32(&r);
        reader_take(&r, 16);
        crc = reader_u32(&r);
        if (memcmp(magic.data, PART_MAGIC, 8) != 0 || crc != crc32c(0, data, PART_HEAD_BYTES - 4) ||
            head.length_ms <= 0 || head.first_sequence > head.last_sequence)
                return false;
        *ret_head = head;
        return true;
}

/* Takes the index as the foot describes it; false when anything about it is wrong. */
static bool read_index(struct part *part)
{
        const uint8_t *foot = part->map.data + part->map.len - PART_FOOT_BYTES;
        struct reader r = reader_make(foot + PART_HEAD_BYTES, PART_FOOT_BYTES - PART_HEAD_BYTES);
        uint64_t index_offset = reader_u64(&r), count = reader_u64(&r);
        uint64_t times_count = reader_u64(&r);
        uint64_t index_bytes = part->map.len - PART_FOOT_BYTES - index_offset;
        const uint32_t *columns;
        uint32_t index_crc, foot_crc;

        part->samples = reader_u64(&r);
        part->min_t_ms = (int64_t)reader_u64(&r);
        part->max_t_ms = (int64_t)reader_u64(&r);
        index_crc = reader_u32(&r);
        foot_crc = reader_u32(&r);
        if (foot_crc != crc32c(0, foot, PART_FOOT_BYTES - 4) || !read_head(foot, &part->head) ||
            index_offset < PART_HEAD_BYTES || index_offset % 8 ||
            index_offset > part->map.len - PART_FOOT_BYTES || count > UINT32_MAX ||
            times_count > UINT32_MAX || index_bytes != (count + times_count) * 8 ||
            index_crc != crc32c(0, part->map.data + index_offset, index_bytes))
                return false;
        columns = (const uint32_t *)(part->map.data + index_offset);
        part->series = columns;
        part->offsets = columns + count;
        part->block_count = count;
        part->times = columns + 2 * count;
        part->times_count = times_count;
        part->blocks_end = index_offset;
        part->intact_times = alloc_new(&part_type, times_count + 1);
        return true;
}

/* What a walk over the blocks finds. */
struct found {
        uint32_t *series, *offsets, *times;
        size_t count, times_count;
        size_t series_capacity, offsets_capacity, times_capacity;
};

static void found_release(struct found *found)
{
        alloc_free(&part_type, found->series);
        alloc_free(&part_type, found->offsets);
        alloc_free(&part_type, found->times);
}

static void add_block(struct found *found, uint32_t series, size_t offset)
{
        found->series = alloc_array_reserve(&part_type, found->series, &found->series_capacity,
                                            found->count + 1, sizeof(uint32_t));
        found->offsets = alloc_array_reserve(&part_type, found->offsets, &found->offsets_capacity,
                                             found->count + 1, sizeof(uint32_t));
        found->series[found->count] = series;
        found->offsets[found->count++] = (uint32_t)offset;
}

static void add_times(struct found *found, uint32_t number, size_t offset)
{
        size_t known = 2 * found->times_count, needed = 2 * ((size_t)number + 1);
        uint32_t *pair;

        if (needed > known) {
                found->times = alloc_array_reserve(&part_type, found->times,
                                                   &found->times_capacity, needed,
                                                   sizeof(uint32_t));
                memset(found->times + known, 0, (needed - known) * sizeof(uint32_t));
                found->times_count = (size_t)number + 1;
        }
        BUG_ON(!found->times);
        pair = found->times + 2 * (size_t)number;
        pair[pair[0] != 0] = (uint32_t)offset;
}

/* Finds the blocks without the index. Where there is no valid block the walk tries the next byte;
 * blocks stand in order of series, which what looks like one by chance will hardly keep. */
static void walk_blocks(const struct part *part, struct found *found)
{
        size_t at = PART_HEAD_BYTES;
        uint32_t last_series = 0;

        while (at < part->map.len && at <= UINT32_MAX) {
                struct chunk chunk;
                size_t len;
                bool ok = chunk_parse(part->map.data + at, part->map.len - at, part->head.base_ms,
                                      &chunk, &len, NULL);

                /* A column's number is less than the bytes before it. */
                if (ok && chunk.kind == CHUNK_TIMES && chunk.series < at) {
                        add_times(found, chunk.series, at);
                } else if (ok && chunk.kind != CHUNK_TIMES && chunk.series >= last_series) {
                        last_series = chunk.series;
                        add_block(found, chunk.series, at);
                } else {
                        at++;
                        continue;
                }
                at += len;
        }
}

static void note_ranges(struct part *part)
{
        struct samples samples = {0};

        for (size_t i = 0; i < part->block_count; i++) {
                struct chunk chunk;
                bool news;

                samples_truncate(&samples, 0);
                if (!part_block(part, i, &chunk, &news) || !chunk_decode(&chunk, &samples, NULL))
                        continue;
                part->samples += samples.count;
                if (samples.t_ms[0] < part->min_t_ms)
                        part->min_t_ms = samples.t_ms[0];
                if (samples.t_ms[samples.count - 1] > part->max_t_ms)
                        part->max_t_ms = samples.t_ms[samples.count - 1];
        }
        samples_release(&samples);
}

static void take_found(struct part *part, const struct found *found)
{
        size_t count = found->count, times = 2 * found->times_count;
        uint32_t *columns = alloc_new(&part_type, (2 * count + times + 1) * sizeof(*columns));

        if (count) {
                memcpy(columns, found->series, count * sizeof(*columns));
                memcpy(columns + count, found->offsets, count * sizeof(*columns));
        }
        if (times)
                memcpy(columns + 2 * count, found->times, times * sizeof(*columns));
        part->rebuilt = columns;
        part->series = columns;
        part->offsets = columns + count;
        part->times = columns + 2 * count;
        part->block_count = count;
        part->times_count = found->times_count;
        part->blocks_end = part->map.len;
        part->intact_times = alloc_new(&part_type, part->times_count + 1);
}

static bool rebuild_index(struct part *part)
{
        struct found found = {0};

        if (!read_head(part->map.data, &part->head) &&
            !read_head(part->map.data + part->map.len - PART_FOOT_BYTES, &part->head))
                return false;
        part->min_t_ms = INT64_MAX;
        part->max_t_ms = INT64_MIN;
        part->samples = 0;
        walk_blocks(part, &found);
        take_found(part, &found);
        found_release(&found);
        note_ranges(part);
        return part->block_count > 0;
}

static bool is_foreign(const struct part *part)
{
        const uint8_t *data = part->map.data;
        uint32_t crc;

        if (part->map.len < PART_HEAD_BYTES || memcmp(data, PART_MAGIC, 7) != 0 ||
            data[7] == PART_MAGIC[7])
                return false;
        memcpy(&crc, data + PART_HEAD_BYTES - sizeof(crc), sizeof(crc));
        return crc == crc32c(0, data, PART_HEAD_BYTES - sizeof(crc));
}

bool part_open(struct part **ret_part, const char *dir, uint64_t number, bool *ret_rebuilt,
               struct error *err)
{
        static _Atomic uint64_t opened;
        struct part *part = alloc_new(&part_type, sizeof(*part));
        char path[PART_PATH_BYTES];
        bool rebuilt = false, usable;

        part_path(dir, number, path);
        atomic_init(&part->references, 1);
        pthread_mutex_init(&part->lock, NULL);
        part->number = number;
        part->identity = atomic_fetch_add(&opened, 1) + 1;
        part->path = alloc_strdup(&part_type, path, strlen(path));
        if (!file_map_open(&part->map, path, err)) {
                part_unref(part);
                return false;
        }
        if (is_foreign(part)) {
                part_unref(part);
                return error_set(err, ERROR_UNSUPPORTED, "%s: part of another format version",
                                 path);
        }
        usable = part->map.len >= PART_HEAD_BYTES + PART_FOOT_BYTES;
        if (usable && !read_index(part)) {
                rebuilt = true;
                usable = rebuild_index(part);
        }
        if (!usable) {
                part_unref(part);
                return error_set(err, ERROR_CORRUPT, "%s: nothing in it can be used", path);
        }
        part_forget_index(part);
        *ret_rebuilt = rebuilt;
        *ret_part = part;
        return true;
}

void part_forget_index(const struct part *part)
{
        uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
        uintptr_t begin = ((uintptr_t)part->series + page - 1) & ~(page - 1);
        uintptr_t end = (uintptr_t)(part->map.data + part->map.len) & ~(page - 1);

        if (!part->rebuilt && begin < end)
                madvise((void *)begin, end - begin, MADV_DONTNEED);
}

struct part *part_ref(struct part *part)
{
        atomic_fetch_add(&part->references, 1);
        return part;
}

struct part *part_unref(struct part *part)
{
        if (!part || atomic_fetch_sub(&part->references, 1) != 1)
                return NULL;
        file_map_close(&part->map);
        if (atomic_load(&part->doomed))
                file_discard(part->path);
        pthread_mutex_destroy(&part->lock);
        alloc_free(&part_type, part->rebuilt);
        alloc_free(&part_type, (void *)part->intact_times);
        alloc_free(&part_type, part->damaged);
        alloc_free(&part_type, part->path);
        return alloc_free(&part_type, part);
}

/* What this thread found last, by part: series are asked for in runs. */
static __thread struct found_last {
        uint64_t part; /* as part.identity */
        uint32_t series;
        size_t at;
} found_last[8];

/* Near what was found last, or by proportion, as ids are dense. */
static size_t guess_of(const struct part *part, const struct found_last *near, uint32_t series)
{
        uint32_t first = part->series[0], last = part->series[part->block_count - 1];

        if (near->part == part->identity && series - near->series < 64 &&
            near->at + (series - near->series) < part->block_count)
                return near->at + (series - near->series);
        return last == first ? 0 : (size_t)((uint64_t)(series - first) * (part->block_count - 1) /
                                            (last - first));
}

/* From a guess that lands close the step doubles. */
size_t part_find(const struct part *part, uint32_t series)
{
        struct found_last *near = &found_last[part->identity % ARRAY_LEN(found_last)];
        size_t count = part->block_count, low = 0, high, step = 4;
        size_t guess;

        if (!count || series < part->series[0] || series > part->series[count - 1])
                return count;
        guess = guess_of(part, near, series);
        if (part->series[guess] < series) {
                low = guess + 1;
                while (low + step < count && part->series[low + step] < series) {
                        low += step;
                        step *= 2;
                }
                high = low + step < count ? low + step : count;
        } else {
                high = guess + 1;
                while (high > step && part->series[high - step] >= series) {
                        high -= step;
                        step *= 2;
                }
                low = high > step ? high - step : 0;
        }
        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (part->series[middle] < series)
                        low = middle + 1;
                else
                        high = middle;
        }
        if (low == count || part->series[low] != series)
                return count;
        *near = (struct found_last){part->identity, series, low};
        return low;
}

uint64_t part_block_offset(const struct part *part, size_t at)
{
        return part->offsets[at];
}

bool part_note_damage(struct part *part, size_t at)
{
        bool known = false;

        pthread_mutex_lock(&part->lock);
        for (size_t i = 0; i < part->damaged_count && !known; i++)
                known = part->damaged[i] == at;
        if (!known) {
                part->damaged = alloc_array_reserve(&part_type, part->damaged,
                                                    &part->damaged_capacity,
                                                    part->damaged_count + 1,
                                                    sizeof(*part->damaged));
                part->damaged[part->damaged_count++] = (uint32_t)at;
        }
        pthread_mutex_unlock(&part->lock);
        return !known;
}

static bool parse_at(const struct part *part, uint64_t offset, struct chunk *ret_chunk)
{
        size_t len;

        return offset && offset < part->blocks_end &&
               chunk_parse(part->map.data + offset, part->blocks_end - offset, part->head.base_ms,
                           ret_chunk, &len, NULL);
}

/* Either of the two blocks will do. Thousands share one: its checksum is looked at once. */
static bool find_times(const struct part *part, struct chunk *chunk)
{
        const uint32_t *offsets = part->times + 2 * (size_t)chunk->times;
        _Atomic uint8_t *intact = &part->intact_times[chunk->times];
        struct chunk times;
        uint8_t copy;

        if (chunk->times >= part->times_count)
                return false;
        chunk->times_of = part->identity;
        copy = atomic_load_explicit(intact, memory_order_relaxed);
        if (LIKELY(copy)) {
                const uint8_t *at = part->map.data + offsets[copy - 1];

                return chunk_parse_again(at, part->blocks_end - offsets[copy - 1],
                                         part->head.base_ms, &times) &&
                       chunk_share(chunk, &times);
        }
        for (copy = 0; copy < 2; copy++)
                if (parse_at(part, offsets[copy], &times) && chunk_share(chunk, &times)) {
                        atomic_store_explicit(intact, copy + 1, memory_order_relaxed);
                        return true;
                }
        return false;
}

bool part_times_intact(const struct part *part, size_t number, int copy, uint64_t *ret_offset)
{
        struct samples samples = {0};
        struct chunk times, probe;
        bool ok;

        *ret_offset = part->times[2 * number + (size_t)copy];
        ok = parse_at(part, *ret_offset, &times) && times.kind == CHUNK_TIMES &&
             times.series == number;
        if (!ok)
                return false;
        /* A block of as many floats that shares the column: its values do not matter. */
        probe = (struct chunk){.count = times.count, .is_shared = true, .times = times.series};
        probe.columns = str_make("\0\0\0\0\0\0\0\0\0", 9);
        ok = chunk_share(&probe, &times) && chunk_decode(&probe, &samples, NULL);
        samples_release(&samples);
        return ok;
}

bool part_head_intact(const struct part *part)
{
        struct part_head head;

        return read_head(part->map.data, &head);
}

bool part_block(struct part *part, size_t at, struct chunk *ret_chunk, bool *ret_new)
{
        *ret_new = false;
        if (parse_at(part, part->offsets[at], ret_chunk) && ret_chunk->kind != CHUNK_TIMES &&
            ret_chunk->series == part->series[at] &&
            (!ret_chunk->is_shared || find_times(part, ret_chunk)))
                return true;
        *ret_new = part_note_damage(part, at);
        return false;
}
