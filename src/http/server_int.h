/* http/server_int.h - between the server and its router. */
#ifndef HTTP_SERVER_INT_H
#define HTTP_SERVER_INT_H

#include "http/server.h"

/* Finds the route of the request and runs its handler, or answers 404 or 405. */
void http_router_dispatch(const struct http_router *router, struct str raw_path,
                          struct http_request *request, struct http_response *response);

#endif
