/* collectors/dns_int.h - DNS as discovery needs it: messages (RFC 1035, 2782, 3596, 6891) and a
 * stub resolver that asks the servers of resolv.conf. libresolv would do, but cannot be interrupted
 * and does not tell "no such name" from "no server knew" over a list of names. */
#ifndef COLLECTORS_DNS_INT_H
#define COLLECTORS_DNS_INT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

enum dns_type {
        DNS_TYPE_A = 1,
        DNS_TYPE_NS = 2,
        DNS_TYPE_MX = 15,
        DNS_TYPE_AAAA = 28,
        DNS_TYPE_SRV = 33,
};

struct dns_record {
        enum dns_type type;
        struct str text; /* address, or name with a dot at its end, escaped as in zone files */
        uint16_t port;   /* SRV */
};

struct dns_answer {
        unsigned code;   /* 0: success, 3: there is no such name */
        bool truncated;
        const struct dns_record *records; /* of the types above; others are left out */
        size_t count;
};

enum { DNS_SUCCESS = 0, DNS_NO_SUCH_NAME = 3 };
enum { DNS_MESSAGE_MAX_BYTES = 65535 };

/* A question; with EDNS it says that large answers may come over UDP. */
NODISCARD bool dns_question_write(struct buf *out, uint16_t id, struct str name,
                                  enum dns_type type, bool edns, struct error *err);
/* The answer to the question with that id; all in the arena. ERROR_INVALID when it is none,
 * ERROR_CORRUPT when it is malformed. */
NODISCARD bool dns_answer_parse(struct arena *arena, struct str message, uint16_t id,
                                struct dns_answer *ret_answer, struct error *err);

/* Asks for a name and, if it has no dot at its end, for it below the search domains, until one is
 * known. An answer without records means that there are none; an error that nobody knows, so
 * that what was known before may still hold. */
NODISCARD bool dns_resolve(struct arena *arena, struct str name, enum dns_type type,
                           bool (*is_stopping)(void *ctx), void *ctx,
                           struct dns_answer *ret_answer, struct error *err);

/* resolv.conf(5). */
struct dns_config {
        struct str servers[8];
        size_t server_count;
        struct str search[32];
        size_t search_count;
        unsigned dots_min; /* a name with that many is tried as it is first */
};

void dns_config_parse(struct str text, struct dns_config *ret_config);

#endif
