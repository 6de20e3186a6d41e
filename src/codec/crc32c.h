/* codec/crc32c.h - CRC-32C (Castagnoli, reflected polynomial 0x82f63b78, as iSCSI and ext4 use).
 * In hardware where there is SSE 4.2. */
#ifndef CODEC_CRC32C_H
#define CODEC_CRC32C_H

#include "base/compiler.h"

/* Of data, continuing from the CRC of what stands before it (0 at the start). */
uint32_t crc32c(uint32_t crc, const void *data, size_t len);
/* The same without the hardware; for tests. */
uint32_t crc32c_portable(uint32_t crc, const void *data, size_t len);

#endif
