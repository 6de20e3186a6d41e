"""Remote write messages, read by the book: snappy blocks and protobuf, in plain Python, so that
what Pitwall sends is checked by something that shares no code with it."""
import struct


def unsnappy(data):
    """A snappy block (format_description.txt of snappy)."""
    length, at = varint(data, 0)
    out = bytearray()
    while at < len(data):
        tag = data[at]
        at += 1
        kind = tag & 3
        if kind == 0:
            size = tag >> 2
            if size >= 60:
                extra = size - 59
                size = int.from_bytes(data[at:at + extra], "little")
                at += extra
            out += data[at:at + size + 1]
            at += size + 1
            continue
        if kind == 1:
            size, offset = (tag >> 2 & 7) + 4, (tag >> 5) << 8 | data[at]
            at += 1
        else:
            extra = 2 if kind == 2 else 4
            size, offset = (tag >> 2) + 1, int.from_bytes(data[at:at + extra], "little")
            at += extra
        for _ in range(size):
            out.append(out[-offset])
    assert len(out) == length
    return bytes(out)


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def fields(data):
    """(number, value) of every field: an int, 8 bytes, or bytes."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        elif key & 7 == 1:
            value, at = data[at:at + 8], at + 8
        elif key & 7 == 2:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            raise ValueError(f"wire type {key & 7}")
        yield key >> 3, value


def signed(value):
    return value - (1 << 64) if value >= 1 << 63 else value


def sample(data):
    """(time, value, start)."""
    found = dict(fields(data))
    return (signed(found.get(2, 0)), struct.unpack("<d", found.get(1, bytes(8)))[0],
            signed(found.get(3, 0)))


def packed(data):
    at, numbers = 0, []
    while at < len(data):
        number, at = varint(data, at)
        numbers.append(number)
    return numbers


def read_1(data):
    """A prometheus.WriteRequest: ([(labels, samples, histograms, exemplars)], [metadata])."""
    series, metadata = [], []
    for number, value in fields(data):
        if number == 1:
            labels, samples, histograms, exemplars = [], [], [], []
            for part, inner in fields(value):
                if part == 1:
                    pair = dict(fields(inner))
                    labels.append((pair.get(1, b"").decode(), pair.get(2, b"").decode()))
                elif part == 2:
                    samples.append(sample(inner))
                elif part == 3:
                    exemplars.append(inner)
                elif part == 4:
                    histograms.append(dict(fields(inner)))
            series.append((labels, samples, histograms, exemplars))
        elif number == 3:
            found = dict(fields(value))
            metadata.append((found.get(1, 0), found.get(2, b"").decode(),
                             found.get(4, b"").decode(), found.get(5, b"").decode()))
    return series, metadata


def read_2(data):
    """An io.prometheus.write.v2.Request: (symbols, [(labels, samples, histograms, exemplars,
    (type, help, unit))])."""
    symbols = [value.decode() for number, value in fields(data) if number == 4]
    series = []
    for number, value in fields(data):
        if number != 5:
            continue
        labels, samples, histograms, exemplars, metadata = [], [], [], [], (0, "", "")
        for part, inner in fields(value):
            if part == 1:
                refs = packed(inner)
                labels = [(symbols[refs[i]], symbols[refs[i + 1]])
                          for i in range(0, len(refs), 2)]
            elif part == 2:
                samples.append(sample(inner))
            elif part == 3:
                histograms.append(dict(fields(inner)))
            elif part == 4:
                exemplars.append(inner)
            elif part == 5:
                found = dict(fields(inner))
                metadata = (found.get(1, 0), symbols[found.get(3, 0)], symbols[found.get(4, 0)])
        series.append((labels, samples, histograms, exemplars, metadata))
    return symbols, series
