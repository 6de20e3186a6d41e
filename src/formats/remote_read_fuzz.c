/* Bytes as a request, as a stream of chunks, and as an answer in samples. */
#include "formats/remote_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct str bytes = str_make((const char *)data, size);
        struct remote_read_frames frames = {.rest = bytes, .series = STR_LIT("")};
        struct remote_read_request request;
        struct samples samples = {0};
        struct labels labels;
        struct arena arena;
        struct error err;
        struct str result;

        arena_init(&arena, 16 << 20);
        if (remote_read_request_parse(&arena, bytes, &request, &err))
                for (size_t i = 0; i < request.query_count; i++)
                        BUG_ON(request.queries[i].matcher_count > size);
        while (remote_read_frames_next(&frames, &arena, &labels, &samples, &err))
                BUG_ON(labels.count > size);
        if (remote_read_result_parse(bytes, &result, &err))
                BUG_ON(result.len > size);
        samples_release(&samples);
        arena_release(&arena);
        return 0;
}
