/* testing/unit.h - what every unit test includes: cmocka, and checks for our own types. */
#ifndef TESTING_UNIT_H
#define TESTING_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"

#define assert_str(actual, expected)                                                     \
        do {                                                                             \
                struct str _a = (actual);                                                \
                const char *_e = (expected);                                             \
                if (!str_is(_a, _e))                                                     \
                        fail_msg("got \"" STR_FMT "\", want \"%s\"", STR_ARG(_a), _e);   \
        } while (0)

/* Calls that must work: the error's text is the failure's. */
#define assert_ok(call, err)                             \
        do {                                             \
                if (!(call))                             \
                        fail_msg("%s", (err).text);      \
        } while (0)

#endif
