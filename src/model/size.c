#include "model/size.h"

#include <stdio.h>
#include <stdlib.h>

bool size_parse(struct str text, uint64_t *ret_bytes, struct error *err)
{
        static const char *const units[] = {"B", "KB", "MB", "GB", "TB", "PB", "EB"};
        static const char *const binary[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
        char copy[64], *end;
        double number;

        snprintf(copy, sizeof(copy), STR_FMT, STR_ARG(text));
        number = strtod(copy, &end);
        if (end == copy || !(number >= 0))
                return error_set(err, ERROR_INVALID, "\"" STR_FMT "\" is not a size",
                                 STR_ARG(text));
        if (!*end && number == 0) {
                *ret_bytes = 0;
                return true;
        }
        for (size_t i = 0; i < ARRAY_LEN(units); i++) {
                double bytes = number * (double)(1ull << (10 * i));

                if (strcmp(end, units[i]) != 0 && strcmp(end, binary[i]) != 0)
                        continue;
                if (bytes >= 0x1p63)
                        break;
                *ret_bytes = (uint64_t)bytes;
                return true;
        }
        return error_set(err, ERROR_INVALID, "\"" STR_FMT "\" is not a size: give a number and one "
                         "of B, KB, MB, GB, TB, PB, EB", STR_ARG(text));
}
