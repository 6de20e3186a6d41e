"""Protobuf messages by protoc, and snappy blocks, for tests of what is pushed and scraped."""
import pathlib
import shutil
import subprocess
import unittest

MESSAGES = pathlib.Path(__file__).resolve().parent / "messages"


def encode(file, message, text):
    """A message in protobuf's text form as bytes."""
    return run(file, "encode", message, text.encode())


def decode(file, message, body):
    """The other way round."""
    return run(file, "decode", message, body).decode()


def run(file, action, message, data):
    if not shutil.which("protoc"):
        raise unittest.SkipTest("no protoc")
    done = subprocess.run(["protoc", f"--{action}={message}", f"-I{MESSAGES}", file], input=data,
                          capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def delimited(body):
    return varint(len(body)) + body


def snappy(body):
    """A snappy block of nothing but literals, which every decoder reads."""
    out = bytearray(varint(len(body)))
    for at in range(0, len(body), 60):
        part = body[at:at + 60]
        out.append((len(part) - 1) << 2)
        out += part
    return bytes(out)


def unsnappy(block):
    """The content of a snappy block, after the format's description."""
    length = shift = at = 0
    while True:
        byte = block[at]
        at += 1
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    out = bytearray()
    while at < len(block):
        tag = block[at]
        at += 1
        if tag & 3 == 0:
            size = tag >> 2
            if size >= 60:
                extra = size - 59
                size = int.from_bytes(block[at:at + extra], "little")
                at += extra
            out += block[at:at + size + 1]
            at += size + 1
            continue
        if tag & 3 == 1:
            size, offset = (tag >> 2 & 7) + 4, (tag >> 5) << 8 | block[at]
            at += 1
        else:
            width = 2 if tag & 3 == 2 else 4
            size, offset = (tag >> 2) + 1, int.from_bytes(block[at:at + width], "little")
            at += width
        for _ in range(size):
            out.append(out[-offset])
    assert len(out) == length
    return bytes(out)
