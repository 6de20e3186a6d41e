#include "tsdb/maintain_int.h"

static bool open_writer(struct part_output *output, struct error *err)
{
        char dir[STORE_PATH_BYTES];
        uint64_t number = atomic_fetch_add(&output->tsdb->next_file, 1);

        store_path(output->tsdb, "parts", dir);
        if (!part_writer_new(&output->writer, dir, number, &output->head, err))
                return false;
        output->number = number;
        return true;
}

bool part_output_close(struct part_output *output, struct error *err)
{
        struct part_writer *writer = TAKE(output->writer);
        char dir[STORE_PATH_BYTES];
        struct part *part;
        bool rebuilt;

        if (!writer)
                return true;
        store_path(output->tsdb, "parts", dir);
        if (!part_writer_finish(writer, err) ||
            !part_open(&part, dir, output->number, &rebuilt, err))
                return false;
        if (rebuilt) {
                atomic_store(&part->doomed, true);
                part_unref(part);
                return error_set(err, ERROR_IO, "a part just written reads back damaged");
        }
        part->opened_ns = clock_mono_ns(&output->tsdb->clock);
        output->parts = alloc_array_reserve(&store_type, output->parts, &output->part_capacity,
                                            output->part_count + 1, sizeof(void *));
        output->parts[output->part_count++] = part;
        return true;
}

bool part_output_add(struct part_output *output, uint32_t series, const struct samples *samples,
                     struct error *err)
{
        for (size_t at = 0; at < samples->count;) {
                size_t count = chunk_extent(samples, at);

                if (output->writer && part_writer_bytes(output->writer) > PART_MAX_BLOCK_BYTES &&
                    !part_output_close(output, err))
                        return false;
                if (!output->writer && !open_writer(output, err))
                        return false;
                if (!part_writer_add(output->writer, series, samples, at, count, err))
                        return false;
                at += count;
        }
        return true;
}

bool part_output_finish(struct part_output *output, struct error *err)
{
        char dir[STORE_PATH_BYTES];

        store_path(output->tsdb, "parts", dir);
        return part_output_close(output, err) && dir_sync(dir, err);
}

void part_output_release(struct part_output *output)
{
        part_writer_abandon(output->writer);
        for (size_t i = 0; i < output->part_count; i++) {
                atomic_store(&output->parts[i]->doomed, true);
                part_unref(output->parts[i]);
        }
        alloc_free(&store_type, output->parts);
}
