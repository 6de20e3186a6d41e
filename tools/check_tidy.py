#!/usr/bin/env python3
"""Style as a test: sizes, banned calls and words, file names.

Limits are 100 columns, 70 lines a function, 1,000 lines a file and 300 a header. A longer function
or file needs an entry in EXCEPTIONS with its reason.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

COLUMNS, FUNCTION_LINES, FILE_LINES, HEADER_LINES = 100, 70, 1000, 300

# path or path:function -> why it may be longer
EXCEPTIONS = {
}

BANNED_CALLS = {
    "strcat": "buf_append_cstr", "sprintf": "snprintf or buf_printf", "vsprintf": "buf_vprintf",
    "gets": "host_read or a reader", "atoi": "strtol with its checks", "atol": "strtol",
    "gmtime": "civil_from_unix", "localtime": "localtime_r", "strtok": "str_cut",
    "alloca": "an arena", "rand": "a seeded generator", "tmpnam": "mkstemp", "system": "no shell",
}
# Long-lived memory goes through base/alloc, so that it is counted.
ALLOCATORS = {"malloc", "calloc", "realloc", "strdup", "strndup", "asprintf"}
ALLOCATORS_ALLOWED = ("src/base/alloc.c", "src/codec/double.cc", "tests/")
# Tests stop at the first surprise anyway, and may be long.
TEST_FILE = re.compile(r"_(test|fuzz|bench)\.c$|^tests/")
FILE_NAMES = re.compile(r"^(util|utils|common|misc|helpers?)\b")
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
CALL = re.compile(r"(?<![\w.>])(\w+)\s*\(")
FUNCTION_START = re.compile(r"^[A-Za-z_].*\b(\w+)\(.*$")


def strip_strings_and_comments(text):
    """Blanks out what is not code, keeping lines and columns."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match[0])
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text,
                  flags=re.S)


def function_lengths(lines):
    """(name, first line, length) of each function, from its signature to its closing brace."""
    start = name = None
    for number, line in enumerate(lines, 1):
        if line and not line[0].isspace() and line[0] not in "{}#/*":
            match = FUNCTION_START.match(line)
            if match and not line.rstrip().endswith(";"):
                start, name = number, re.findall(r"(\w+)\(", line)[0]
        if line.rstrip() == "}" and start:
            yield name, start, number - start + 1
            start = None


def check_file(path, text):
    errors = []
    lines = text.split("\n")
    is_header = path.endswith(".h")

    def error(line, message):
        errors.append(f"{path}:{line}: error: {message}")

    limit = HEADER_LINES if is_header else FILE_LINES
    if len(lines) - 1 > limit and path not in EXCEPTIONS:
        error(1, f"{len(lines) - 1} lines, more than {limit}")
    if FILE_NAMES.match(pathlib.Path(path).stem):
        error(1, "a file is named for the thing it holds")
    for number, line in enumerate(lines, 1):
        if len(line) > COLUMNS:
            error(number, f"{len(line)} columns, more than {COLUMNS}")
        if line != line.rstrip():
            error(number, "blanks at the end of the line")
        if "\t" in line:
            error(number, "a tab")
        if UNFINISHED.search(line):
            error(number, "unfinished")
    code = strip_strings_and_comments(text)
    if TEST_FILE.search(path):
        return errors
    for match in CALL.finditer(code):
        number = code.count("\n", 0, match.start()) + 1
        if match[1] in BANNED_CALLS and not code[:match.start()].endswith("base_"):
            error(number, f"{match[1]}() is banned: {BANNED_CALLS[match[1]]}")
        if match[1] in ALLOCATORS and not path.startswith(ALLOCATORS_ALLOWED):
            error(number, f"{match[1]}(): use base/alloc or an arena")
    if not is_header:
        if re.search(r"^extern\s", code, re.M) and not path.endswith(".cc"):
            error(1, "extern belongs in a header")
        for name, start, length in function_lengths(code.split("\n")):
            if length > FUNCTION_LINES and f"{path}:{name}" not in EXCEPTIONS:
                error(start, f"{name}() has {length} lines, more than {FUNCTION_LINES}")
    return errors


def main():
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "src", "tests", "bench"],
        cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    errors = []
    for name in names:
        if name.endswith((".c", ".h", ".cc")) and (ROOT / name).exists():
            errors += check_file(name, (ROOT / name).read_text())
    print("\n".join(errors), file=sys.stderr) if errors else None
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
