#include "base/str.h"

#include "base/utf8.h"

bool str_contains(struct str s, struct str part)
{
        return part.len == 0 || (s.len && memmem(s.data, s.len, part.data, part.len) != NULL);
}

static bool is_space(char c)
{
        return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

struct str str_trim(struct str s)
{
        while (s.len && is_space(s.data[0])) {
                s.data++;
                s.len--;
        }
        while (s.len && is_space(s.data[s.len - 1]))
                s.len--;
        return s;
}

bool str_is_utf8(struct str s)
{
        size_t at = 0, width;

        while (at < s.len) {
                if ((unsigned char)s.data[at] < 0x80) {
                        at++;
                        continue;
                }
                if (utf8_decode(s, at, &width) == UTF8_REPLACEMENT && width == 1)
                        return false;
                at += width;
        }
        return true;
}

bool str_cut(struct str *s, char c, struct str *ret_head)
{
        size_t at;

        if (!s->data)
                return false;
        at = str_find_byte(*s, c);
        *ret_head = str_make(s->data, at);
        *s = at < s->len ? str_make(s->data + at + 1, s->len - at - 1) : (struct str){NULL, 0};
        return true;
}

/* Longest word worth a suggestion; config keys and commands are far shorter. */
enum { CLOSEST_WORD_MAX = 64 };

static size_t edit_distance(struct str a, struct str b)
{
        size_t row[CLOSEST_WORD_MAX + 1];

        for (size_t j = 0; j <= b.len; j++)
                row[j] = j;
        for (size_t i = 1; i <= a.len; i++) {
                size_t diagonal = row[0];

                row[0] = i;
                for (size_t j = 1; j <= b.len; j++) {
                        size_t above = row[j];
                        size_t best = diagonal + (a.data[i - 1] != b.data[j - 1]);

                        if (above + 1 < best)
                                best = above + 1;
                        if (row[j - 1] + 1 < best)
                                best = row[j - 1] + 1;
                        diagonal = above;
                        row[j] = best;
                }
        }
        return row[b.len];
}

const char *str_closest(struct str word, const char *const *candidates, size_t count)
{
        size_t limit = word.len / 3 ? word.len / 3 : 1;
        const char *closest = NULL;

        if (word.len == 0 || word.len > CLOSEST_WORD_MAX)
                return NULL;
        for (size_t i = 0; i < count; i++) {
                struct str candidate = str_from(candidates[i]);
                size_t distance;

                if (candidate.len > CLOSEST_WORD_MAX)
                        continue;
                distance = edit_distance(word, candidate);
                if (distance <= limit) {
                        closest = candidates[i];
                        limit = distance ? distance - 1 : 0;
                        if (!distance)
                                break;
                }
        }
        return closest;
}
