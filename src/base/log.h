/* base/log.h - the program's own log, on standard error.
 *
 * Only server/, background workers and api/ log; libraries return errors instead. One line per
 * event: logfmt-like text (time=... level=... msg="..." key=value) or JSON. Thread-safe.
 *
 *     log_info("scrape pool started", LOG_STR("job", name), LOG_INT("targets", count));
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_TEXT, LOG_JSON };

struct log_field {
        const char *key; /* NULL ends the list */
        struct str text;
        int64_t number;
        bool is_number;
};

#define LOG_STR(k, s) ((struct log_field){.key = (k), .text = (s)})
#define LOG_CSTR(k, s) LOG_STR(k, str_from(s))
#define LOG_INT(k, n) ((struct log_field){.key = (k), .number = (n), .is_number = true})

#define log_debug(...) log_with(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) log_with(LOG_INFO, __VA_ARGS__)
#define log_warn(...) log_with(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_with(LOG_ERROR, __VA_ARGS__)
#define log_with(level, message, ...)                                                         \
        log_write((level), (message),                                                         \
                  (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, )(struct log_field){0}})

void log_configure(enum log_format format, enum log_level lowest);
void log_write(enum log_level level, const char *message, const struct log_field *fields);

#endif
