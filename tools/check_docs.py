#!/usr/bin/env python3
"""Docs against the program: the module table of docs/architecture.md is the one src/LAYERS gives,
and every flag and command that the program's help shows is in the README or docs/.

  check_docs.py          check
  check_docs.py --write  bring the module table up to date
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/architecture.md"
BEGIN, END = "<!-- modules: from src/LAYERS -->\n", "<!-- end of modules -->\n"


def run(*command):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def main():
    table = run("tools/check_layers.py", "--table")
    page = PAGE.read_text()
    head, rest = page.split(BEGIN)
    current, tail = rest.split(END)
    if "--write" in sys.argv:
        PAGE.write_text(head + BEGIN + table + END + tail)
        return 0
    errors = []
    if current != table:
        errors.append("docs/architecture.md: the module table is stale: tools/check_docs.py --write")
    docs = "\n".join(path.read_text() for path in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")])
    binary = ROOT / "build/pitwall"
    if binary.exists():
        commands = re.findall(r"^  (\w+(?: \w+)?)  ", run(str(binary), "help"), re.M)
        flags = re.findall(r"--[a-z][a-z-]+", run(str(binary), "help", "serve"))
        for word in [f"pitwall {command}" for command in commands] + flags:
            if word not in docs:
                errors.append(f"README.md, docs/: nothing says what `{word}` is")
    print("\n".join(errors), file=sys.stderr) if errors else None
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
