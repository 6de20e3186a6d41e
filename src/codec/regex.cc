#include <re2/re2.h>

#include <cstring>
#include <new>
#include <string>
#include <vector>

extern "C" {
#include "codec/regex.h"
}

struct regex {
        std::string pattern;
        RE2 re2;
        enum regex_anchor anchor;
        std::vector<std::string> names; /* by group index */

        regex(const std::string &given, const std::string &translated, const RE2::Options &options,
              enum regex_anchor how)
            : pattern(given), re2(translated, options), anchor(how)
        {
                if (!re2.ok())
                        return;
                names.resize(static_cast<size_t>(re2.NumberOfCapturingGroups()) + 1);
                for (const auto &group : re2.CapturingGroupNames())
                        names[static_cast<size_t>(group.first)] = group.second;
        }
};

/* Debian's RE2 does not know (?<name>...), which Go accepts since 1.22, and takes \C, which Go
 * refuses since it can split a character. Returns false for \C. */
static bool translate(const struct str &pattern, std::string *ret)
{
        bool in_class = false;

        for (size_t i = 0; i < pattern.len; i++) {
                char c = pattern.data[i];

                if (c == '\\' && i + 1 < pattern.len) {
                        if (pattern.data[i + 1] == 'C')
                                return false;
                        if (pattern.data[i + 1] == 'Q') {
                                size_t from = i;

                                while (i + 1 < pattern.len &&
                                       !(pattern.data[i] == '\\' && pattern.data[i + 1] == 'E'))
                                        i++;
                                if (i + 1 < pattern.len)
                                        i++;
                                ret->append(pattern.data + from, i - from + 1);
                                continue;
                        }
                        ret->append(pattern.data + i, 2);
                        i++;
                        continue;
                }
                if (in_class)
                        in_class = c != ']';
                else if (c == '[') {
                        in_class = true;
                        ret->push_back(c);
                        if (i + 1 < pattern.len && pattern.data[i + 1] == '^')
                                ret->push_back(pattern.data[++i]);
                        if (i + 1 < pattern.len && pattern.data[i + 1] == ']')
                                ret->push_back(pattern.data[++i]);
                        continue;
                } else if (c == '(' && pattern.len - i > 3 && pattern.data[i + 1] == '?' &&
                           pattern.data[i + 2] == '<' && pattern.data[i + 3] != '=' &&
                           pattern.data[i + 3] != '!') {
                        ret->append("(?P<");
                        i += 2;
                        continue;
                }
                ret->push_back(c);
        }
        return true;
}

extern "C" bool regex_new(struct regex **ret_regex, struct str pattern, enum regex_anchor anchor,
                          struct error *err)
{
        RE2::Options options;
        std::string body;
        struct regex *made;

        options.set_log_errors(false);
        options.set_dot_nl(anchor == REGEX_FULL);
        if (!translate(pattern, &body))
                return error_set(err, ERROR_INVALID, "invalid escape sequence: `\\C`");
        made = new (std::nothrow) regex(std::string(pattern.data ? pattern.data : "", pattern.len),
                                        body, options, anchor);
        BUG_ON(!made);
        if (!made->re2.ok()) {
                error_set(err, ERROR_INVALID, "%s", made->re2.error().c_str());
                delete made;
                return false;
        }
        *ret_regex = made;
        return true;
}

extern "C" struct regex *regex_free(struct regex *regex)
{
        delete regex;
        return nullptr;
}

static RE2::Anchor anchor_of(const struct regex *regex)
{
        return regex->anchor == REGEX_FULL ? RE2::ANCHOR_BOTH : RE2::UNANCHORED;
}

extern "C" bool regex_match(const struct regex *regex, struct str text)
{
        return regex->re2.Match(re2::StringPiece(text.data, text.len), 0, text.len,
                                anchor_of(regex), nullptr, 0);
}

extern "C" struct str regex_pattern(const struct regex *regex)
{
        return str_make(regex->pattern.data(), regex->pattern.size());
}

extern "C" size_t regex_group_count(const struct regex *regex)
{
        return regex->names.size() - 1;
}

extern "C" bool regex_groups(const struct regex *regex, struct str text, struct str *groups,
                             size_t max)
{
        std::vector<re2::StringPiece> found(regex->names.size());

        if (!regex->re2.Match(re2::StringPiece(text.data, text.len), 0, text.len,
                              anchor_of(regex), found.data(), static_cast<int>(found.size())))
                return false;
        for (size_t i = 0; i < max; i++)
                groups[i] = i < found.size() && found[i].data()
                                    ? str_make(found[i].data(), found[i].size())
                                    : str_make(nullptr, 0);
        return true;
}

extern "C" const char *regex_group_name(const struct regex *regex, size_t index)
{
        if (index >= regex->names.size() || regex->names[index].empty())
                return nullptr;
        return regex->names[index].c_str();
}

static bool is_word(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_';
}

/* Reads the $name at template[*at] (just behind the dollar); false when there is none. */
static bool read_reference(struct str tmpl, size_t *at, struct str *ret_name)
{
        bool braced = *at < tmpl.len && tmpl.data[*at] == '{';
        size_t from = *at + braced, to = from;

        while (to < tmpl.len && is_word(tmpl.data[to]))
                to++;
        if (to == from || (braced && (to >= tmpl.len || tmpl.data[to] != '}')))
                return false;
        *ret_name = str_make(tmpl.data + from, to - from);
        *at = to + braced;
        return true;
}

static size_t group_index(const struct regex *regex, struct str name)
{
        size_t index = 0;

        for (size_t i = 0; i < name.len; i++) {
                if (name.data[i] < '0' || name.data[i] > '9' || index > 1000000)
                        goto named;
                index = index * 10 + static_cast<size_t>(name.data[i] - '0');
        }
        if (name.len == 1 || name.data[0] != '0')
                return index;
named:
        for (size_t i = 1; i < regex->names.size(); i++)
                if (!regex->names[i].empty() && str_is(name, regex->names[i].c_str()))
                        return i;
        return SIZE_MAX;
}

/* Appends the template with its references replaced by what the groups took. */
static void expand(const struct regex *regex, const std::vector<struct str> &groups,
                   struct str tmpl, struct buf *out)
{
        size_t at = 0;

        while (at < tmpl.len) {
                struct str name;

                if (tmpl.data[at] != '$') {
                        buf_append_byte(out, tmpl.data[at++]);
                        continue;
                }
                at++;
                if (at < tmpl.len && tmpl.data[at] == '$') {
                        buf_append_byte(out, '$');
                        at++;
                } else if (read_reference(tmpl, &at, &name)) {
                        size_t index = group_index(regex, name);

                        if (index < groups.size() && groups[index].data)
                                buf_append_str(out, groups[index]);
                } else {
                        buf_append_byte(out, '$');
                }
        }
}

extern "C" bool regex_expand(const struct regex *regex, struct str text, struct str tmpl,
                             struct buf *out)
{
        std::vector<struct str> groups(regex->names.size());

        if (!regex_groups(regex, text, groups.data(), groups.size()))
                return false;
        expand(regex, groups, tmpl, out);
        return true;
}

extern "C" void regex_replace_all(const struct regex *regex, struct str text, struct str tmpl,
                                  struct buf *out)
{
        std::vector<re2::StringPiece> found(regex->names.size());
        std::vector<struct str> groups(regex->names.size());
        re2::StringPiece all(text.data ? text.data : "", text.len);
        size_t done = 0, from = 0, begin, end;

        while (from <= text.len && !out->overflow &&
               regex->re2.Match(all, from, text.len, anchor_of(regex), found.data(),
                                static_cast<int>(found.size()))) {
                begin = static_cast<size_t>(found[0].data() - all.data());
                end = begin + found[0].size();
                buf_append(out, all.data() + done, begin - done);
                for (size_t i = 0; i < groups.size(); i++)
                        groups[i] = str_make(found[i].data(), found[i].size());
                /* Nothing is no match when it stands right behind another. */
                if (end > done || begin == 0)
                        expand(regex, groups, tmpl, out);
                done = end;
                if (end > from) {
                        from = end;
                        continue;
                }
                from++;
                while (from < text.len && (text.data[from] & 0xc0) == 0x80)
                        from++;
        }
        if (done < text.len)
                buf_append(out, all.data() + done, text.len - done);
}
