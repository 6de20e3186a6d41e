/* base/hash.h - 64-bit hash of bytes (XXH3). Fast and well spread, not for security; the value
 * may be stored on disk, since XXH3 is a fixed, published function. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/str.h"

uint64_t hash_bytes(const void *data, size_t len);
uint64_t hash_bytes_seeded(const void *data, size_t len, uint64_t seed);

static inline uint64_t hash_str(struct str s)
{
        return hash_bytes(s.data, s.len);
}

/* A hash under a secret of this process, wide enough to stand for the bytes: who does not know the
 * secret cannot look for two keys of one identity, and chance will not find them. Not for storing.
 */
struct hash_identity {
        uint64_t low, high;
};

struct hash_identity hash_identity(const void *data, size_t len);

/* Mixes a 64-bit key, for tables keyed by numbers. */
static inline uint64_t hash_u64(uint64_t key)
{
        key ^= key >> 32;
        key *= 0xd6e8feb86659fd93u;
        key ^= key >> 32;
        key *= 0xd6e8feb86659fd93u;
        return key ^ key >> 32;
}

#endif
