/* cli/flags.h - command line flags, table-driven: --name VALUE or --name=VALUE, anywhere; switches
 * as --name, --no-name or --name=true|false. The last one counts. */
#ifndef CLI_FLAGS_H
#define CLI_FLAGS_H

#include "base/buf.h"

struct cli_flag {
        const char *name;     /* without the dashes */
        const char **value;   /* set when the flag is given */
        const char *argument; /* what help calls the value; NULL: a switch, "true" or NULL */
        const char *help;
        struct buf *all;      /* not NULL: may be repeated, with commas between the values */
};

/* Takes the flags out of argv (argv[0] is not looked at) and leaves the other words there; "--"
 * ends the flags. On a bad flag says so, with the flag that was meant, and returns false. */
NODISCARD bool cli_flags_parse(const char *command, int *argc, char **argv,
                               const struct cli_flag *flags, size_t flag_count);

/* One line a flag, for help texts. */
void cli_flags_print(const struct cli_flag *flags, size_t flag_count);

#endif
