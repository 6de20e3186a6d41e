/* codec/double.h - float64 <-> text, exactly as Go's strconv does it. */
#ifndef CODEC_DOUBLE_H
#define CODEC_DOUBLE_H

#include "base/buf.h"

/* Spellings of the shortest text that reads back to the same bits. Infinities are +Inf and -Inf,
 * every NaN is NaN. */
enum double_style {
        DOUBLE_F,   /* FormatFloat(v, 'f', -1): never an exponent */
        DOUBLE_G,   /* FormatFloat(v, 'g', -1) and %v: exponent below 1e-4 and from 1e6 on */
        DOUBLE_API, /* Prometheus's JSON: 'f', but 'e' below 1e-6 and from 1e21 on */
        DOUBLE_OPENMETRICS, /* 'g', but a whole number ends in ".0": le and quantile labels */
};

/* Longest text: '-', 309 digits, '.', 324 more in style F. */
enum { DOUBLE_TEXT_MAX = 800 };

void double_append(struct buf *out, double v, enum double_style style);
/* The same into `text` of at least DOUBLE_TEXT_MAX bytes; returns the length, adds a NUL. */
size_t double_format(char *text, double v, enum double_style style);

/* Go's ParseFloat: decimal, hexadecimal (0x1p-2), inf, infinity, nan in any case. Underscores are
 * refused. The whole text must be a number. Overflow is an error (false), as in Go. */
NODISCARD bool double_parse(struct str text, double *ret_v);

#endif
