/* webui/webui.h - serves the web UI that is embedded in the program.
 *
 * The pages of the UI all answer with its one HTML document; everything it loads is under
 * /assets/. Every answer carries the security headers, a strict Content-Security-Policy among
 * them. Handlers keep no state and may run on any thread.
 */
#ifndef WEBUI_WEBUI_H
#define WEBUI_WEBUI_H

struct http_router;
struct webui;

struct webui *webui_new(const char *title); /* of the pages, beside their own */
struct webui *webui_free(struct webui *webui); /* takes NULL; after the routes are gone */
void webui_add_routes(struct webui *webui, struct http_router *router);

#endif
