#!/usr/bin/env python3
"""Check that includes follow src/LAYERS, and print what the build needs of that file.

src/LAYERS has one line per module, bottom to top:   name: module module ...   # comment
A module is a folder of src/ (a file directly in src/ belongs to "main"). It may include its own
headers and the public headers of the modules it names, and may name only modules above itself.

  check_layers.py              check every tracked source file
  check_layers.py --table      the modules as a Markdown table
  check_layers.py --build      "name;deps;sources;tests;fuzzers;benches" per module, for Meson
  check_layers.py --farm DIR   DIR/<module>/ gets links to the folders that module may include
"""
import pathlib
import re
import subprocess
import sys

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+"([^"]+)"', re.M)
TEST_FILE = re.compile(r"_(test|fuzz|bench)\.(c|h)$")
TEST_ONLY = "testing"
ROOT = pathlib.Path(__file__).resolve().parent.parent
SRC = ROOT / "src"


def parse(text):
    layers, notes = {}, {}
    for number, line in enumerate(text.splitlines(), 1):
        body, _, note = line.partition("#")
        name, colon, deps = body.partition(":")
        name = name.strip()
        if not name:
            continue
        if not colon or name in layers:
            sys.exit(f"src/LAYERS:{number}: error: expected one 'name: modules' line per module")
        for dep in deps.split():
            if dep not in layers:
                sys.exit(f"src/LAYERS:{number}: error: {name} names {dep}, which is not above it")
        layers[name] = deps.split()
        notes[name] = note.strip()
    return layers, notes


def module_of(path):
    return path.split("/")[0] if "/" in path else "main"


def check(files, layers):
    """files: (path below src/, text) pairs. Returns a list of errors in compiler form."""
    errors, used = [], set()
    for path, text in files:
        module = module_of(path)
        if module not in layers:
            errors.append(f"src/{path}:1: error: module {module} is not in src/LAYERS")
            continue
        allowed = {module, *layers[module]}
        if TEST_FILE.search(path):
            allowed.add(TEST_ONLY)
        for match in INCLUDE.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            where = f"src/{path}:{line}: error:"
            dep, slash, _ = match[1].partition("/")
            if not slash or dep not in layers:
                errors.append(f'{where} "{match[1]}": write it from src/, as "module/file.h"')
            elif dep not in allowed:
                errors.append(f"{where} {module} may not include {dep} (src/LAYERS)")
            elif dep != module and match[1].endswith("_int.h"):
                errors.append(f"{where} {match[1]} is private to {dep}")
            used.add((module, dep))
    for module, deps in layers.items():
        for dep in deps:
            if (module, dep) not in used:
                errors.append(f"src/LAYERS:1: error: {module} lists {dep} but never includes it")
    return errors


def source_files():
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", "src"],
        cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    return sorted(n[4:] for n in set(names)
                  if n.endswith((".c", ".cc", ".h")) and (ROOT / n).exists())


def print_build(layers):
    files = source_files()
    for module, deps in layers.items():
        mine = [f for f in files if module_of(f) == module and not f.endswith(".h")]
        kinds = {kind: [f for f in mine if f.endswith(f"_{kind}.c")]
                 for kind in ("test", "fuzz", "bench")}
        special = {f for kind in kinds.values() for f in kind}
        sources = [f for f in mine if f not in special]
        columns = [module, " ".join(deps), " ".join(sources)]
        columns += [" ".join(kinds[kind]) for kind in ("test", "fuzz", "bench")]
        print(";".join(columns))


def make_farm(layers, farm):
    views = {module: [module, *deps] for module, deps in layers.items()}
    views["testing.only"] = [TEST_ONLY] if TEST_ONLY in layers else []
    for module, deps in views.items():
        folder = farm / module
        folder.mkdir(parents=True, exist_ok=True)
        wanted = set(deps) - {"main"}
        for link in folder.iterdir():
            if link.name not in wanted:
                link.unlink()
        for name in wanted:
            if not (folder / name).is_symlink():
                (folder / name).symlink_to(SRC / name)


def main():
    layers, notes = parse((SRC / "LAYERS").read_text())
    if "--table" in sys.argv:
        print("| module | may include | what it is |\n|---|---|---|")
        for name, deps in layers.items():
            print(f"| `{name}` | {' '.join(deps) or '-'} | {notes[name]} |")
        return 0
    if "--build" in sys.argv:
        print_build(layers)
        return 0
    if "--farm" in sys.argv:
        make_farm(layers, pathlib.Path(sys.argv[sys.argv.index("--farm") + 1]))
        return 0
    errors = check([(name, (SRC / name).read_text()) for name in source_files()], layers)
    for error in errors:
        print(error, file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
