#include "base/hash.h"

#include <sys/random.h>

/* Most keys are a few bytes, for which a call into a library costs more than the hash. */
#define XXH_INLINE_ALL
#include <xxhash.h>

static uint8_t identity_secret[XXH3_SECRET_SIZE_MIN];

__attribute__((constructor)) static void make_identity_secret(void)
{
        BUG_ON(getrandom(identity_secret, sizeof(identity_secret), 0) !=
               sizeof(identity_secret));
}

uint64_t hash_bytes(const void *data, size_t len)
{
        return XXH3_64bits(data, len);
}

uint64_t hash_bytes_seeded(const void *data, size_t len, uint64_t seed)
{
        return XXH3_64bits_withSeed(data, len, seed);
}

struct hash_identity hash_identity(const void *data, size_t len)
{
        XXH128_hash_t hash = XXH3_128bits_withSecret(data, len, identity_secret,
                                                     sizeof(identity_secret));

        return (struct hash_identity){hash.low64, hash.high64};
}
