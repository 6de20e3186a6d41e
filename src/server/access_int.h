/* server/access_int.h - who may use the web server: the web configuration file, kept current.
 *
 * The file and those it names are looked at before every answer, so that a change counts at once;
 * one that cannot be read is logged and leaves what was. Without a file everybody on the same
 * machine may come. Thread-safe. */
#ifndef SERVER_ACCESS_INT_H
#define SERVER_ACCESS_INT_H

#include "http/server.h"

struct access;

/* path NULL: no web configuration. ERROR_INVALID or ERROR_IO when the file is no good. */
NODISCARD bool access_new(struct access **ret_access, const char *path, struct error *err);
struct access *access_free(struct access *access); /* takes NULL */

/* Whether strangers are kept out, so that listening beyond loopback is safe. */
bool access_restricts(const struct access *access);
/* NULL: clear text; else the server's TLS priority, valid as long as the access. */
const char *access_tls_priority(const struct access *access);
/* Takes up a changed certificate; for between requests. */
void access_refresh(struct access *access);
/* Asks for the password, puts the configured headers on the answer. */
bool access_check(struct access *access, struct http_request *request,
                  struct http_response *response);

#endif
