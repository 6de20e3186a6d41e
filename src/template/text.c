#include "template/text_int.h"

#include "base/utf8.h"
#include "codec/regex.h"

enum { RESULT_MAX_BYTES = 16 << 20 };

const struct template_type text_html_type = {
        .name = "template.HTML", .kind = TEMPLATE_STRING, .is_named = true};

static bool map_runes(struct template_call *call, uint32_t (*map)(uint32_t rune))
{
        struct buf out CLEANUP(buf_release) = BUF_INIT(RESULT_MAX_BYTES);
        struct str text = call->args[0].text;
        size_t width;

        for (size_t at = 0; at < text.len; at += width)
                utf8_append(&out, map(utf8_decode(text, at, &width)));
        call->result = template_from_str(arena_str(call->arena, buf_str(&out)));
        return true;
}

bool text_to_upper(struct template_call *call, struct error *err)
{
        (void)err;
        return map_runes(call, utf8_to_upper);
}

bool text_to_lower(struct template_call *call, struct error *err)
{
        (void)err;
        return map_runes(call, utf8_to_lower);
}

static bool is_separator(uint32_t rune)
{
        if (rune < 0x80)
                return !((rune >= '0' && rune <= '9') || (rune >= 'a' && rune <= 'z') ||
                         (rune >= 'A' && rune <= 'Z') || rune == '_');
        return !utf8_is_letter(rune) && !utf8_is_digit(rune) && utf8_is_space(rune);
}

bool text_title(struct template_call *call, struct error *err)
{
        struct buf out CLEANUP(buf_release) = BUF_INIT(RESULT_MAX_BYTES);
        struct str text = call->args[0].text;
        uint32_t before = ' ', rune;
        size_t width;

        (void)err;
        for (size_t at = 0; at < text.len; at += width, before = rune) {
                rune = utf8_decode(text, at, &width);
                utf8_append(&out, is_separator(before) ? utf8_to_title(rune) : rune);
        }
        call->result = template_from_str(arena_str(call->arena, buf_str(&out)));
        return true;
}

bool text_match(struct template_call *call, struct error *err)
{
        struct regex *regex;

        if (!regex_new(&regex, call->args[0].text, REGEX_SEARCH, err))
                return error_prefix(err, "error parsing regexp");
        call->result = template_from_bool(regex_match(regex, call->args[1].text));
        regex_free(regex);
        return true;
}

bool text_replace_all(struct template_call *call, struct error *err)
{
        struct buf out CLEANUP(buf_release) = BUF_INIT(RESULT_MAX_BYTES);
        struct str pattern = call->args[0].text;
        struct regex *regex;

        if (!regex_new(&regex, pattern, REGEX_SEARCH, err))
                return error_prefix(err, "regexp: Compile(`" STR_FMT "`): error parsing regexp",
                                    STR_ARG(pattern));
        regex_replace_all(regex, call->args[2].text, call->args[1].text, &out);
        regex_free(regex);
        call->result = template_from_str(arena_str(call->arena, buf_str(&out)));
        return true;
}

bool text_safe_html(struct template_call *call, struct error *err)
{
        (void)err;
        call->result = call->args[0];
        call->result.type = &text_html_type;
        return true;
}
