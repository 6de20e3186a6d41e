/* model/size.h - sizes as Prometheus writes them: 512MB, 1.5GiB; units are powers of 1024. */
#ifndef MODEL_SIZE_H
#define MODEL_SIZE_H

#include "base/error.h"
#include "base/str.h"

/* A number with one of B, KB, MB, GB, TB, PB, EB or KiB to EiB; 0 needs no unit. ERROR_INVALID. */
NODISCARD bool size_parse(struct str text, uint64_t *ret_bytes, struct error *err);

#endif
