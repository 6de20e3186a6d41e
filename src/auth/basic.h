/* auth/basic.h - HTTP basic authentication against bcrypt hashes, as Prometheus's web
 * configuration has it.
 *
 * bcrypt is slow on purpose, so outcomes are remembered: a bounded number of them, by digest of
 * name, hash and password, never the password. Thread-safe.
 */
#ifndef AUTH_BASIC_H
#define AUTH_BASIC_H

#include "base/compiler.h"
#include "base/str.h"

struct basic_user {
        struct str name;
        struct str hash; /* bcrypt: $2a$, $2b$ or $2y$ */
};

struct basic_auth;

struct basic_auth *basic_auth_new(void);
struct basic_auth *basic_auth_free(struct basic_auth *auth); /* takes NULL */

/* Whether the value of an Authorization header names one of the users, with their password. An
 * unknown name costs as much time as a wrong password. */
bool basic_auth_check(struct basic_auth *auth, const struct basic_user *users, size_t user_count,
                      struct str authorization);

/* Whether a text looks like a bcrypt hash. */
bool basic_hash_valid(struct str hash);

#endif
