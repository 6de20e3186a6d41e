/* base/utf8.h - Unicode text, one character at a time, and what kind of character it is.
 *
 * Classes and cases are Unicode's, by libunistring; the names are those of Go's unicode package.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/buf.h"

enum { UTF8_REPLACEMENT = 0xfffd, UTF8_MAX_BYTES = 4 };

/* The character at `at` (below s.len) and its width. A bad byte is UTF8_REPLACEMENT, one wide, as
 * Go decodes. */
uint32_t utf8_decode(struct str s, size_t at, size_t *ret_width);
/* The last character of s, which is not empty. */
uint32_t utf8_decode_last(struct str s, size_t *ret_width);
/* To at least UTF8_MAX_BYTES; returns the width. What is no character becomes UTF8_REPLACEMENT. */
size_t utf8_encode(char *out, uint32_t rune);
void utf8_append(struct buf *out, uint32_t rune);
size_t utf8_count(struct str s); /* characters, bad bytes counting one each */

bool utf8_is_letter(uint32_t rune);
bool utf8_is_digit(uint32_t rune);
bool utf8_is_space(uint32_t rune);
bool utf8_is_print(uint32_t rune); /* as Go's strconv.IsPrint: of spaces only U+0020 */
uint32_t utf8_to_upper(uint32_t rune);
uint32_t utf8_to_lower(uint32_t rune);
uint32_t utf8_to_title(uint32_t rune);

#endif
