#include "base/utf8.h"

#include <unicase.h>
#include <unictype.h>

uint32_t utf8_decode(struct str s, size_t at, size_t *ret_width)
{
        static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};
        const unsigned char *p = (const unsigned char *)s.data + at;
        size_t left = s.len - at;
        size_t width = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3
                     : p[0] < 0xf5 ? 4 : 0;
        uint32_t rune;

        *ret_width = 1;
        if (width == 1)
                return p[0];
        if (width == 0 || width > left)
                return UTF8_REPLACEMENT;
        rune = p[0] & (0xffu >> (width + 1));
        for (size_t i = 1; i < width; i++) {
                if ((p[i] & 0xc0) != 0x80)
                        return UTF8_REPLACEMENT;
                rune = rune << 6 | (p[i] & 0x3f);
        }
        if (rune < lowest[width] || rune > 0x10ffff || (rune >= 0xd800 && rune < 0xe000))
                return UTF8_REPLACEMENT;
        *ret_width = width;
        return rune;
}

uint32_t utf8_decode_last(struct str s, size_t *ret_width)
{
        for (size_t back = 2; back <= UTF8_MAX_BYTES && back <= s.len; back++) {
                uint32_t rune = utf8_decode(s, s.len - back, ret_width);

                if (*ret_width == back)
                        return rune;
        }
        return utf8_decode(s, s.len - 1, ret_width);
}

size_t utf8_encode(char *out, uint32_t rune)
{
        static const unsigned char heads[] = {0, 0, 0xc0, 0xe0, 0xf0};
        size_t width;

        if (rune > 0x10ffff || (rune >= 0xd800 && rune < 0xe000))
                rune = UTF8_REPLACEMENT;
        width = rune < 0x80 ? 1 : rune < 0x800 ? 2 : rune < 0x10000 ? 3 : 4;
        if (width == 1) {
                out[0] = (char)rune;
                return 1;
        }
        for (size_t i = width - 1; i > 0; i--, rune >>= 6)
                out[i] = (char)(0x80 | (rune & 0x3f));
        out[0] = (char)(heads[width] | rune);
        return width;
}

void utf8_append(struct buf *out, uint32_t rune)
{
        char bytes[UTF8_MAX_BYTES];

        buf_append(out, bytes, utf8_encode(bytes, rune));
}

size_t utf8_count(struct str s)
{
        size_t count = 0, width;

        for (size_t at = 0; at < s.len; at += width, count++)
                utf8_decode(s, at, &width);
        return count;
}

/* ---- classes ------------------------------------------------------------------------------ */

bool utf8_is_letter(uint32_t rune)
{
        return uc_is_general_category_withtable(rune, UC_CATEGORY_MASK_L);
}

bool utf8_is_digit(uint32_t rune)
{
        return uc_is_general_category_withtable(rune, UC_CATEGORY_MASK_Nd);
}

bool utf8_is_space(uint32_t rune)
{
        return uc_is_property_white_space(rune);
}

bool utf8_is_print(uint32_t rune)
{
        return rune == ' ' ||
               uc_is_general_category_withtable(rune, UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_M |
                                                              UC_CATEGORY_MASK_N |
                                                              UC_CATEGORY_MASK_P |
                                                              UC_CATEGORY_MASK_S);
}

uint32_t utf8_to_upper(uint32_t rune)
{
        return uc_toupper(rune);
}

uint32_t utf8_to_lower(uint32_t rune)
{
        return uc_tolower(rune);
}

uint32_t utf8_to_title(uint32_t rune)
{
        return uc_totitle(rune);
}
