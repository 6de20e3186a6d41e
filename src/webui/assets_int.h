/* webui/assets_int.h - the embedded web build, one entry a file, as tools/embed_web.py writes it.
 *
 * Entries are sorted by path (bytes). All of it is constant data that outlives the program's
 * servers. gzip is NULL where compression did not make the file smaller.
 */
#ifndef WEBUI_ASSETS_INT_H
#define WEBUI_ASSETS_INT_H

#include <stdbool.h>
#include <stddef.h>

struct webui_asset {
        const char *path;         /* below the root: "/index.html", "/assets/main-1A2B3C4D.js" */
        const char *content_type;
        const char *etag;         /* weak, for both encodings, as it stands in the header */
        bool immutable;           /* its name holds a hash of its content */
        const unsigned char *data;
        size_t size_bytes;
        const unsigned char *gzip;
        size_t gzip_size_bytes;
};

extern const struct webui_asset webui_assets[];
extern const size_t webui_asset_count;

#endif
