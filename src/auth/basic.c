#include "auth/basic.h"

#include <crypt.h>
#include <pthread.h>
#include <stdlib.h>
#include <strings.h>

#include "base/alloc.h"
#include "codec/base64.h"
#include "codec/digest.h"

ALLOC_TYPE(basic_type, "basic_auth")

/* Clients have few credentials; wrong ones take turns. */
enum { REMEMBERED_MAX = 256, CREDENTIALS_MAX_BYTES = 4096, KEY_BYTES = 32 };

/* Nobody's: what an unknown name is compared with. */
static const char decoy[] = "$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi";

struct outcome {
        uint8_t key[KEY_BYTES];
        bool known, good;
};

struct basic_auth {
        pthread_mutex_t lock;
        struct outcome outcomes[REMEMBERED_MAX]; /* lock; the place follows from the key */
};

struct basic_auth *basic_auth_new(void)
{
        struct basic_auth *auth = alloc_new(&basic_type, sizeof(*auth));

        pthread_mutex_init(&auth->lock, NULL);
        return auth;
}

struct basic_auth *basic_auth_free(struct basic_auth *auth)
{
        if (auth)
                pthread_mutex_destroy(&auth->lock);
        return alloc_free(&basic_type, auth);
}

bool basic_hash_valid(struct str hash)
{
        return hash.len == 60 && str_starts_with(hash, STR_LIT("$2")) &&
               (hash.data[2] == 'a' || hash.data[2] == 'b' || hash.data[2] == 'y') &&
               hash.data[3] == '$' && hash.data[6] == '$';
}

static bool same_bytes(const char *a, const char *b, size_t len)
{
        unsigned char differ = 0;

        for (size_t i = 0; i < len; i++)
                differ |= (unsigned char)(a[i] ^ b[i]);
        return differ == 0;
}

static bool verify(const char *password, struct str hash)
{
        struct crypt_data *data = alloc_new(&basic_type, sizeof(*data));
        char setting[61];
        const char *made;
        bool good;

        memcpy(setting, hash.data, sizeof(setting) - 1);
        setting[sizeof(setting) - 1] = '\0';
        made = crypt_rn(password, setting, data, sizeof(*data));
        good = made && strlen(made) == hash.len && same_bytes(made, hash.data, hash.len);
        explicit_bzero(data, sizeof(*data));
        alloc_free(&basic_type, data);
        return good;
}

static void make_key(uint8_t key[KEY_BYTES], struct str name, struct str hash, struct str password)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(4 * CREDENTIALS_MAX_BYTES);

        buf_printf(&text, "%zu %zu ", name.len, hash.len);
        buf_append_str(&text, name);
        buf_append_str(&text, hash);
        buf_append_str(&text, password);
        digest_sha256(buf_str(&text), key);
        explicit_bzero(text.data, text.len);
}

static bool recall(struct basic_auth *auth, const uint8_t *key, bool *ret_good)
{
        struct outcome *place = &auth->outcomes[key[0] % REMEMBERED_MAX];
        bool known;

        pthread_mutex_lock(&auth->lock);
        known = place->known && memcmp(place->key, key, KEY_BYTES) == 0;
        *ret_good = known && place->good;
        pthread_mutex_unlock(&auth->lock);
        return known;
}

static void remember(struct basic_auth *auth, const uint8_t *key, bool good)
{
        struct outcome *place = &auth->outcomes[key[0] % REMEMBERED_MAX];

        pthread_mutex_lock(&auth->lock);
        memcpy(place->key, key, KEY_BYTES);
        place->known = true;
        place->good = good;
        pthread_mutex_unlock(&auth->lock);
}

/* name:password out of "Basic ..."; the buffer is terminated by a NUL. */
static bool decode_credentials(struct str authorization, struct buf *out, struct str *ret_name,
                               const char **ret_password)
{
        struct str rest = str_trim(authorization), text;
        size_t colon;

        if (rest.len < 6 || rest.len > CREDENTIALS_MAX_BYTES ||
            strncasecmp(rest.data, "basic ", 6) != 0 ||
            !base64_decode(str_trim(str_slice(rest, 6, rest.len)), out))
                return false;
        buf_append_byte(out, '\0');
        text = str_make(out->data, out->len - 1);
        colon = str_find_byte(text, ':');
        if (colon == text.len || memchr(text.data, '\0', text.len))
                return false;
        *ret_name = str_slice(text, 0, colon);
        *ret_password = out->data + colon + 1;
        return true;
}

bool basic_auth_check(struct basic_auth *auth, const struct basic_user *users, size_t user_count,
                      struct str authorization)
{
        struct buf text CLEANUP(buf_release) = BUF_INIT(CREDENTIALS_MAX_BYTES);
        struct str name, hash = str_from(decoy);
        uint8_t key[KEY_BYTES];
        const char *password;
        bool known = false, good;

        if (!decode_credentials(authorization, &text, &name, &password))
                return false;
        for (size_t i = 0; i < user_count; i++) {
                if (!str_equal(users[i].name, name))
                        continue;
                hash = users[i].hash;
                known = true;
        }
        make_key(key, name, hash, str_from(password));
        if (!recall(auth, key, &good)) {
                good = verify(password, hash) && known;
                remember(auth, key, good);
        }
        explicit_bzero(text.data, text.len);
        return good;
}
