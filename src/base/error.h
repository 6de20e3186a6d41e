/* base/error.h - expected failures: bad input, the network, limits.
 *
 * A function that can fail returns a must-use bool and takes `struct error *err` last. On failure
 * it has filled err; on success err is untouched. No allocation, so an error can always be made.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "base/compiler.h"

enum error_code {
        ERROR_NONE = 0,
        ERROR_INVALID,     /* the input is wrong: syntax, type, range */
        ERROR_NOT_FOUND,
        ERROR_LIMIT,       /* a budget was reached: samples, bytes, series, queue */
        ERROR_TIMEOUT,
        ERROR_CANCELED,    /* the one who asked has left */
        ERROR_EXECUTION,   /* valid input that cannot be carried out */
        ERROR_UNSUPPORTED, /* known, but not here */
        ERROR_NETWORK,
        ERROR_IO,
        ERROR_FULL,        /* disk full or over quota */
        ERROR_CORRUPT,     /* stored bytes fail their checksum or make no sense */
};

struct error {
        enum error_code code;
        char text[1024];
};

/* Fills err (which may be NULL) and returns false, so that `return error_set(...)` reads well. */
bool error_set(struct error *err, enum error_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Puts "prefix: " before the text of an error that is already set; returns false. */
bool error_prefix(struct error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
