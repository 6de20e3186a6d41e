#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool error_set(struct error *err, enum error_code code, const char *fmt, ...)
{
        va_list args;

        if (!err)
                return false;
        err->code = code;
        va_start(args, fmt);
        vsnprintf(err->text, sizeof(err->text), fmt, args);
        va_end(args);
        return false;
}

bool error_prefix(struct error *err, const char *fmt, ...)
{
        char prefix[512], text[sizeof(err->text)];
        va_list args;

        if (!err)
                return false;
        va_start(args, fmt);
        vsnprintf(prefix, sizeof(prefix), fmt, args);
        va_end(args);
        memcpy(text, err->text, sizeof(text));
        snprintf(err->text, sizeof(err->text), "%s: %.*s", prefix,
                 (int)(sizeof(err->text) - sizeof(prefix) - 3), text);
        return false;
}

void bug_report(const char *file, int line, const char *what)
{
        fprintf(stderr, "BUG: %s:%d: %s\n", file, line, what);
        abort();
}
