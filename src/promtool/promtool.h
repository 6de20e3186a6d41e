/* promtool/promtool.h - Prometheus's promtool: the same commands, flags, output and exit codes
 * (promtool of Prometheus 3.14), over this program's own parsers and client. */
#ifndef PROMTOOL_PROMTOOL_H
#define PROMTOOL_PROMTOOL_H

/* argv[0] is the tool's name, the command follows. Returns the exit code: 0 good, 1 failed, 3
 * found by a linter. */
int promtool_run(int argc, char **argv);

#endif
