#include "codec/base64.h"

#include <nettle/base64.h>

enum { STEP_BYTES = 3 * 256 };

void base64_encode(struct buf *out, struct str bytes)
{
        while (bytes.len) {
                size_t len = bytes.len < STEP_BYTES ? bytes.len : STEP_BYTES;
                char text[BASE64_ENCODE_RAW_LENGTH(STEP_BYTES)];

                base64_encode_raw(text, len, (const uint8_t *)bytes.data);
                buf_append(out, text, BASE64_ENCODE_RAW_LENGTH(len));
                bytes = str_slice(bytes, len, bytes.len);
        }
}

bool base64_decode(struct str text, struct buf *out)
{
        struct base64_decode_ctx ctx;

        base64_decode_init(&ctx);
        while (text.len) {
                size_t len = text.len < STEP_BYTES ? text.len : STEP_BYTES, decoded;
                uint8_t bytes[BASE64_DECODE_LENGTH(STEP_BYTES)];

                if (!base64_decode_update(&ctx, &decoded, bytes, len, text.data))
                        return false;
                buf_append(out, bytes, decoded);
                text = str_slice(text, len, text.len);
        }
        return base64_decode_final(&ctx);
}
