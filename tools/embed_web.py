#!/usr/bin/env python3
"""Writes the web build as one C file: embed_web.py DIST OUT.c

The table is declared in src/webui/assets_int.h. Content stands as string literals, which compile
many times faster than lists of numbers.
"""

import hashlib
import pathlib
import sys

CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
BYTES_PER_LINE = 64


def escapes():
    """The spelling of each byte in a literal. Three octal digits never swallow what follows."""
    table = []
    for byte in range(256):
        plain = 0x20 <= byte < 0x7F and byte not in b'"\\?'
        table.append(chr(byte) if plain else f"\\{byte:03o}")
    return table


ESCAPES = escapes()


def literal(data):
    lines = []
    for start in range(0, len(data), BYTES_PER_LINE):
        text = "".join(ESCAPES[byte] for byte in data[start:start + BYTES_PER_LINE])
        lines.append(f'        "{text}"')
    return "\n".join(lines) or '        ""'


def read_assets(dist):
    """(path, content type, bytes, gzip bytes or None) of every file, sorted by path."""
    assets = []
    for file in dist.rglob("*"):
        if not file.is_file() or file.suffix == ".gz":
            continue
        if file.suffix not in CONTENT_TYPES:
            sys.exit(f"{file}: no content type is known for {file.suffix}")
        data = file.read_bytes()
        packed = file.with_name(file.name + ".gz").read_bytes()
        path = "/" + file.relative_to(dist).as_posix()
        assets.append((path, CONTENT_TYPES[file.suffix], data,
                       packed if len(packed) < len(data) else None))
    return sorted(assets, key=lambda asset: asset[0].encode())


def entry(index, asset):
    path, content_type, data, packed = asset
    etag = hashlib.sha256(data).hexdigest()[:16]
    immutable = "true" if path.startswith("/assets/") else "false"
    gzip = f"gzip_{index}, {len(packed)}" if packed else "NULL, 0"
    return (f'        {{"{path}",\n         "{content_type}", "W/\\"{etag}\\"", {immutable},\n'
            f"         data_{index}, {len(data)}, {gzip}}},")


def generate(assets):
    parts = ["/* Written by tools/embed_web.py from the web build. */", "",
             '#include "webui/assets_int.h"', ""]
    for index, (_, _, data, packed) in enumerate(assets):
        parts += [f"static const unsigned char data_{index}[] =", literal(data) + ";", ""]
        if packed:
            parts += [f"static const unsigned char gzip_{index}[] =", literal(packed) + ";", ""]
    parts.append("const struct webui_asset webui_assets[] = {")
    parts += [entry(index, asset) for index, asset in enumerate(assets)]
    parts += ["};", "",
              "const size_t webui_asset_count = sizeof(webui_assets) / sizeof(webui_assets[0]);"]
    return "\n".join(parts) + "\n"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__.splitlines()[0])
    assets = read_assets(pathlib.Path(sys.argv[1]))
    if not any(path == "/index.html" for path, *_ in assets):
        sys.exit(f"{sys.argv[1]}: holds no index.html; run the web build first")
    pathlib.Path(sys.argv[2]).write_text(generate(assets), encoding="ascii")


if __name__ == "__main__":
    main()
