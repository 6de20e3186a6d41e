/* Bytes as a zoneinfo file: a zone that answers for any moment, or an error. */
#include "base/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const int64_t moments[] = {INT64_MIN / 4, -5000000000, 0, 1711846800, 4118000000,
                                          INT64_MAX / 4};
        struct error err;
        struct zone *zone;

        if (!zone_parse(data, size, "fuzz", &zone, &err))
                return 0;
        for (size_t i = 0; i < sizeof(moments) / sizeof(*moments); i++) {
                struct zone_offset offset = zone_offset_at(zone, moments[i]);

                BUG_ON(!offset.abbreviation);
                (void)zone_to_unix(zone, moments[i]);
        }
        zone_free(zone);
        return 0;
}
