/* http/tls_int.h - between the server and its TLS identity. */
#ifndef HTTP_TLS_INT_H
#define HTTP_TLS_INT_H

#include <gnutls/abstract.h>

#include "http/tls.h"

/* gnutls_certificate_retrieve_function2: gives a handshake the current identity. */
int http_tls_retrieve(gnutls_session_t session, const gnutls_datum_t *names, int name_count,
                      const gnutls_pk_algorithm_t *algorithms, int algorithm_count,
                      gnutls_pcert_st **ret_certs, unsigned int *ret_count,
                      gnutls_privkey_t *ret_key);

#endif
