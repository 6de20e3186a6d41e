#include "api/fuzzy_int.h"

#include "base/compiler.h"

/* Names are short; longer ones are compared by their beginning. */
enum { COMPARED_MAX = 256, PREFIX_MAX = 4 };

static char fold(char c, bool ignore_case)
{
        return ignore_case && c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool same_at(struct str a, size_t i, struct str b, size_t k, bool ignore_case)
{
        return fold(a.data[i], ignore_case) == fold(b.data[k], ignore_case);
}

/* Greedy from one place in the text on; negative when the pattern does not fit there. */
static double score_from(struct str pattern, struct str text, size_t from, bool ignore_case)
{
        double sum = 0, length = (double)text.len;
        size_t at = from, end = 0, matched = 0;

        while (matched < pattern.len) {
                size_t run = 0;

                while (at < text.len && !same_at(pattern, matched, text, at, ignore_case))
                        at++;
                sum -= (double)(at - end) / length;
                while (matched < pattern.len && at < text.len &&
                       same_at(pattern, matched, text, at, ignore_case)) {
                        at++;
                        matched++;
                        run++;
                }
                if (!run)
                        return -1;
                sum += (double)run * (double)run;
                end = at;
        }
        sum -= (double)(text.len - end) / (2 * length);
        return sum / ((double)pattern.len * (double)pattern.len);
}

double fuzzy_subsequence(struct str pattern, struct str text, bool ignore_case)
{
        double best = 0;

        if (!pattern.len)
                return 1;
        if (text.len > COMPARED_MAX)
                text.len = COMPARED_MAX;
        for (size_t from = 0; from + pattern.len <= text.len; from++) {
                double score;

                if (!same_at(pattern, 0, text, from, ignore_case))
                        continue;
                score = score_from(pattern, text, from, ignore_case);
                if (score < 0)
                        break;
                if (score > best)
                        best = score;
        }
        return best > 1 ? 1 : best;
}

static bool holds(struct str pattern, struct str text, bool ignore_case)
{
        for (size_t from = 0; from + pattern.len <= text.len; from++) {
                size_t i = 0;

                while (i < pattern.len && same_at(pattern, i, text, from + i, ignore_case))
                        i++;
                if (i == pattern.len)
                        return true;
        }
        return false;
}

static double jaro(struct str a, struct str b, bool ignore_case)
{
        bool a_used[COMPARED_MAX] = {false}, b_used[COMPARED_MAX] = {false};
        size_t longest = a.len > b.len ? a.len : b.len;
        size_t reach = longest / 2 > 0 ? longest / 2 - 1 : 0;
        double matches = 0, transposed = 0;
        size_t k = 0;

        for (size_t i = 0; i < a.len; i++) {
                size_t from = i > reach ? i - reach : 0;

                for (size_t j = from; j < b.len && j <= i + reach; j++) {
                        if (b_used[j] || !same_at(a, i, b, j, ignore_case))
                                continue;
                        a_used[i] = b_used[j] = true;
                        matches++;
                        break;
                }
        }
        if (matches == 0)
                return 0;
        for (size_t i = 0; i < a.len; i++) {
                if (!a_used[i])
                        continue;
                while (!b_used[k])
                        k++;
                transposed += !same_at(a, i, b, k++, ignore_case);
        }
        return (matches / (double)a.len + matches / (double)b.len +
                (matches - transposed / 2) / matches) / 3;
}

double fuzzy_jaro_winkler(struct str pattern, struct str text, bool ignore_case)
{
        size_t prefix = 0;
        double similarity;

        if (!pattern.len || holds(pattern, text, ignore_case))
                return 1;
        if (pattern.len > COMPARED_MAX)
                pattern.len = COMPARED_MAX;
        if (text.len > COMPARED_MAX)
                text.len = COMPARED_MAX;
        similarity = jaro(pattern, text, ignore_case);
        while (prefix < PREFIX_MAX && prefix < pattern.len && prefix < text.len &&
               same_at(pattern, prefix, text, prefix, ignore_case))
                prefix++;
        return similarity + (double)prefix * 0.1 * (1 - similarity);
}
