#!/usr/bin/env python3
"""Checks that web/src keeps to web/LAYERS.

A folder may import only from itself and from the folders on its line, each of which stands above
it. An edge that is listed but unused is an error, so that the file stays the picture of the code.
"""

import pathlib
import re
import sys

IMPORT = re.compile(r"""(?:\bfrom|\bimport)\s*\(?\s*['"](\.[^'"]*)['"]""")


def read_layers(path):
    layers = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        text = line.split("#", 1)[0].strip()
        if not text:
            continue
        name, _, allowed = text.partition(":")
        for folder in allowed.split():
            if folder not in layers:
                sys.exit(f"{path}:{number}: {name} names {folder}, which does not stand above it")
        layers[name] = set(allowed.split())
    return layers


def folder_of(path, source):
    return path.relative_to(source).parts[0]


def imports_of(path, source):
    """Yields (line number, folder imported from) of every relative import."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        for target in IMPORT.findall(line):
            resolved = (path.parent / target).resolve()
            if not resolved.is_relative_to(source):
                yield number, str(target)
            else:
                yield number, folder_of(resolved, source)


def check(web):
    source = (web / "src").resolve()
    layers = read_layers(web / "LAYERS")
    problems = []
    used = {name: set() for name in layers}
    for path in sorted(source.rglob("*.ts")) + sorted(source.rglob("*.tsx")):
        folder = folder_of(path, source)
        if folder not in layers:
            problems.append(f"{path}: folder {folder} is not in web/LAYERS")
            continue
        is_test = path.name.endswith(".test.ts")
        for number, imported in imports_of(path, source):
            if imported == folder:
                continue
            if imported not in layers[folder]:
                problems.append(f"{path}:{number}: {folder} may not import {imported}")
            if not is_test:
                used[folder].add(imported)
    for name, allowed in layers.items():
        for unused in sorted(allowed - used[name]):
            problems.append(f"{web / 'LAYERS'}: {name} lists {unused} but does not import it")
    return problems


def main():
    problems = check(pathlib.Path(__file__).resolve().parent.parent / "web")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
