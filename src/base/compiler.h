/* base/compiler.h - the few compiler features we allow ourselves, under readable names. */
#ifndef BASE_COMPILER_H
#define BASE_COMPILER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NODISCARD __attribute__((warn_unused_result))
#define NORETURN __attribute__((noreturn))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* A loop of unknown length that gcc should vectorize: it does so only from -O3 on. */
#if defined(__clang__)
#define VECTORIZE
#else
#define VECTORIZE __attribute__((optimize("O3")))
#endif

/* Runs fn(&variable) when the variable leaves its scope. */
#define CLEANUP(fn) __attribute__((cleanup(fn)))

/* Hands over what p owns: yields p and leaves NULL behind. */
#define TAKE(p)                       \
        ({                            \
                __auto_type _t = (p); \
                (p) = NULL;           \
                _t;                   \
        })

/* A broken invariant: says where and aborts. On in every build; never for bad input. */
#define BUG_ON(cond)                                               \
        do {                                                       \
                if (UNLIKELY(cond))                                \
                        bug_report(__FILE__, __LINE__, #cond);     \
        } while (0)

NORETURN void bug_report(const char *file, int line, const char *what);

#endif
