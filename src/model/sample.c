#include "model/sample.h"

#include "base/alloc.h"

ALLOC_TYPE(samples_type, "samples")

void samples_reserve(struct samples *samples, size_t more)
{
        size_t capacity = samples->capacity, again = samples->capacity;
        size_t needed = samples->count + more;

        samples->t_ms = alloc_array_reserve(&samples_type, samples->t_ms, &capacity, needed,
                                            sizeof(*samples->t_ms));
        samples->v = alloc_array_reserve(&samples_type, samples->v, &again, needed,
                                         sizeof(*samples->v));
        samples->capacity = capacity;
}

void samples_release(struct samples *samples)
{
        alloc_free(&samples_type, samples->t_ms);
        alloc_free(&samples_type, samples->v);
        *samples = (struct samples){0};
}
