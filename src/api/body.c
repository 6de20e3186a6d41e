/* What clients send, compressed or not. */
#include <strings.h>

#include "api/api_int.h"
#include "codec/compress.h"
#include "codec/gzip.h"

bool api_is_word(struct str text, const char *word)
{
        return text.len == strlen(word) && strncasecmp(text.data, word, text.len) == 0;
}

bool api_body(struct http_request *request, struct buf *room, struct str *ret_body,
              struct error *err)
{
        struct str encoding = str_trim(http_request_header(request, "Content-Encoding"));
        bool ok;

        if (!encoding.len || api_is_word(encoding, "identity")) {
                *ret_body = request->body;
                return request->body.len <= room->max_bytes ||
                       error_set(err, ERROR_LIMIT, "body is longer than %zu bytes",
                                 room->max_bytes);
        }
        if (api_is_word(encoding, "gzip") || api_is_word(encoding, "deflate"))
                ok = gzip_decompress(request->body, room, err);
        else if (api_is_word(encoding, "zstd"))
                ok = compress_unzstd_stream(room, request->body, err);
        else if (api_is_word(encoding, "snappy"))
                ok = compress_unsnappy(room, request->body, room->max_bytes, err);
        else
                ok = error_set(err, ERROR_UNSUPPORTED, "Content-Encoding \"%.*s\" is not accepted "
                               "by this server; gzip, deflate, zstd and snappy are",
                               encoding.len > 100 ? 100 : (int)encoding.len, encoding.data);
        *ret_body = buf_str(room);
        return ok;
}

int api_push_status(const struct error *err)
{
        switch (err->code) {
        case ERROR_FULL:
                return 503;
        case ERROR_LIMIT:
                return 413;
        case ERROR_INVALID:
        case ERROR_CORRUPT:
                return 400;
        case ERROR_UNSUPPORTED:
                return 415;
        default:
                return 500;
        }
}
