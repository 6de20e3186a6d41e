/* Any text: decoding never grows it, and what is encoded decodes to itself. */
#include "base/compiler.h"
#include "http/server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct str text = str_make((const char *)data, size), decoded, host;
        struct buf encoded CLEANUP(buf_release) = BUF_INIT(1 << 22);
        struct arena arena;
        struct error err;
        uint16_t port;

        arena_init(&arena, 64 << 20);
        decoded = http_url_decode(&arena, text, size & 1);
        BUG_ON(decoded.len > text.len);
        http_url_encode(&encoded, text);
        if (!encoded.overflow) {
                BUG_ON(!http_url_valid(buf_str(&encoded)));
                for (int plus = 0; plus < 2; plus++)
                        BUG_ON(!str_equal(http_url_decode(&arena, buf_str(&encoded), plus), text));
        }
        if (http_parse_address(text, &host, &port, &err))
                BUG_ON(host.len >= text.len);
        else
                BUG_ON(!err.text[0]);
        arena_release(&arena);
        return 0;
}
