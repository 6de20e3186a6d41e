#!/usr/bin/env python3
"""Read a Pitwall metrics store without Pitwall, from docs/format/ alone.

  read_pitwall.py DIR            every sample: labels, timestamp in ms, value, tab-separated. A float
                                 is its bits; a histogram and a start timestamp are spelled out
  read_pitwall.py --files DIR    every file and what its checksums say

Plain Python; zstd comes from the system's libzstd.
"""
import ctypes
import pathlib
import struct
import sys

CHUNK_MAX_SAMPLES = 4096
MASK64 = (1 << 64) - 1


class Damaged(Exception):
    pass


# ---- crc32c ---------------------------------------------------------------------------------

def _crc_table():
    table = []
    for i in range(256):
        for _ in range(8):
            i = (i >> 1) ^ (0x82F63B78 if i & 1 else 0)
        table.append(i)
    return table


CRC_TABLE = _crc_table()


def crc32c(*pieces):
    crc = 0xFFFFFFFF
    for piece in pieces:
        for byte in piece:
            crc = (crc >> 8) ^ CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


# ---- zstd -----------------------------------------------------------------------------------

ZSTD = ctypes.CDLL("libzstd.so.1")
ZSTD.ZSTD_getFrameContentSize.restype = ctypes.c_ulonglong
ZSTD.ZSTD_getFrameContentSize.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
ZSTD.ZSTD_decompress.restype = ctypes.c_size_t
ZSTD.ZSTD_decompress.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p,
                                 ctypes.c_size_t]


def unzstd(frame):
    size = ZSTD.ZSTD_getFrameContentSize(frame, len(frame))
    if size > 1 << 30:
        raise Damaged("not a zstd frame of sane length")
    out = ctypes.create_string_buffer(max(size, 1))
    if ZSTD.ZSTD_decompress(out, size, frame, len(frame)) != size:
        raise Damaged("zstd")
    return out.raw[:size]


# ---- a cursor -------------------------------------------------------------------------------

class Reader:
    def __init__(self, data, at=0):
        self.data = data
        self.at = at

    def take(self, length):
        if length > len(self.data) - self.at:
            raise Damaged("ends early")
        self.at += length
        return self.data[self.at - length:self.at]

    def unpack(self, form):
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))

    def u8(self):
        return self.take(1)[0]

    def u64(self):
        return self.unpack("Q")[0]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.u8()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value & MASK64

    def zigzag(self):
        raw = self.varint()
        return (raw >> 1) ^ -(raw & 1)

    def text(self):
        return self.take(self.varint())

    def left(self):
        return len(self.data) - self.at


def signed(value):
    value &= MASK64
    return value - (1 << 64) if value >> 63 else value


# ---- columns of integers (docs/format/chunk.md) ---------------------------------------------

def read_packed(r, count, width):
    high, index = {}, 0
    for _ in range(r.varint()):
        index += r.varint()
        high[index] = r.varint()
        index += 1
    packed = int.from_bytes(r.take((count * width + 7) // 8), "little")
    return [packed >> (i * width) & ((1 << width) - 1) | high.get(i, 0) << width
            for i in range(count)]


class Bits:
    """The least significant first; of what is behind the end, zeros."""

    def __init__(self, data):
        self.bits = int.from_bytes(data, "little")
        self.at = 0

    def take(self, width):
        self.at += width
        return self.bits >> (self.at - width) & ((1 << width) - 1)


BIN_WEIGHTS = [0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192]
BINS_MAX = 192


def read_bin_list(bits, width):
    """Of each bin: begin, width, weight."""
    bins, begin = [], 0
    while begin < 1 << width:
        own = width if begin == 0 else (begin & -begin).bit_length() - 1
        while own and bits.take(1):
            own -= 1
        bins.append((begin, own, BIN_WEIGHTS[bits.take(4)]))
        begin += 1 << own
        if len(bins) > BINS_MAX:
            raise Damaged("more bins than there can be")
    return bins


def bin_states(weights, log):
    """Of each state: bin, how many bits it takes, what the next one is without them."""
    if not sum(weights):
        raise Damaged("bins without weight")
    frequencies = [max((weight << log) // sum(weights), 1) if weight else 0 for weight in weights]
    most = weights.index(max(weights))
    frequencies[most] += (1 << log) - sum(frequencies)
    if frequencies[most] <= 0:
        raise Damaged("more bins than states")
    owner, at = [None] * (1 << log), 0
    for number, frequency in enumerate(frequencies):
        for _ in range(frequency):
            owner[at] = number
            at = (at + (1 << log - 1) + (1 << log - 3) + 3) % (1 << log)
    states, x = [], list(frequencies)
    for number in owner:
        taken = log - (x[number].bit_length() - 1)
        states.append((number, taken, (x[number] << taken) - (1 << log)))
        x[number] += 1
    return states


def read_bins(r, count, width):
    bits = Bits(r.data[r.at:])
    log = 5 + bits.take(3)
    if log > 10:
        raise Damaged("more states than there can be")
    bins = read_bin_list(bits, width)
    states = bin_states([weight for _, _, weight in bins], log)
    lanes, numbers = [bits.take(log) for _ in range(4)], []
    for i in range(count):
        number, taken, base = states[lanes[i % 4]]
        numbers.append(number)
        if i + 4 < count:
            lanes[i % 4] = base + bits.take(taken)
    values = [bins[number][0] + bits.take(bins[number][1]) for number in numbers]
    r.take((bits.at + 7) // 8)
    return values


def read_ints(r, count):
    head, width = r.u8(), r.u8()
    order = head & 3
    first = r.zigzag() if order >= 1 else 0
    first_delta = r.zigzag() if order == 2 else 0
    minimum = r.zigzag()
    divisor = r.varint() if head & 4 else 1
    read_residuals = read_bins if head & 8 else read_packed
    values = [(residual * divisor + minimum) & MASK64
              for residual in read_residuals(r, count - order, width)]
    if order == 2:
        values = [first_delta & MASK64] + running_sums(values, first_delta)
    if order >= 1:
        values = [first & MASK64] + running_sums(values, first)
    return [signed(v) for v in values]


def running_sums(values, start):
    sums = []
    for value in values:
        start = (start + value) & MASK64
        sums.append(start)
    return sums


# ---- blocks ---------------------------------------------------------------------------------

def read_bytewise(r, count):
    order = r.u8()
    values = [r.zigzag() for _ in range(count)]
    return [signed(v) for v in running_sums(values, 0)] if order else values


def read_decimals(r, count, read_integers):
    exponent, exceptions, index = r.u8(), {}, 0
    for _ in range(r.varint()):
        index += r.varint()
        exceptions[index] = r.u64()
        index += 1
    integers = read_integers(r, count)
    return [exceptions[i] if i in exceptions else
            struct.unpack("<Q", struct.pack("<d", float(n) / 10.0 ** exponent))[0]
            for i, n in enumerate(integers)]


def read_values(r, count):
    form = r.u8()
    if form == 0:
        return [r.u64()] * count
    if form == 1:
        return read_decimals(r, count, read_ints)
    if form == 2:
        bits = r.u64()
        bitmap = int.from_bytes(r.take((count + 6) // 8), "little")
        shift = r.u8()
        changed = bin(bitmap).count("1")
        changes = iter(read_ints(r, changed))
        values = [bits]
        for i in range(count - 1):
            if bitmap >> i & 1:
                bits ^= (next(changes) & MASK64) << shift & MASK64
            values.append(bits)
        return values
    if form == 3:
        return [r.u64() for _ in range(count)]
    if form == 4:
        return [v & MASK64 for v in read_ints(r, count)]
    if form == 5:
        few = [r.u64() for _ in range(r.varint())]
        bitmap = int.from_bytes(r.take((count + 6) // 8), "little")
        indexes = iter(read_ints(r, 1 + bin(bitmap).count("1")))
        values = [few[next(indexes)]]
        for i in range(count - 1):
            values.append(few[next(indexes)] if bitmap >> i & 1 else values[-1])
        return values
    if form == 6:
        length = r.varint()
        plain = Reader(unzstd(r.take(r.varint())))
        values = read_decimals(plain, count, read_bytewise)
        if len(plain.data) != length or plain.left():
            raise Damaged("packed values")
        return values
    raise Damaged(f"value form {form}")


def read_layout(r):
    schema, flags, threshold = r.zigzag(), r.u8(), r.u64()
    sides = [[(r.zigzag(), r.varint()) for _ in range(r.varint())] for _ in range(2)]
    bounds = [r.u64() for _ in range(r.varint())]
    return schema, flags, threshold, sides, bounds


def bucket_count(layout):
    return sum(length for side in layout[3] for _, length in side)


def spell_histogram(layout, count, total, zero_count, buckets):
    schema, flags, threshold, sides, bounds = layout
    spans = [",".join(f"{offset}:{length}" for offset, length in side) for side in sides]
    numbers = [" ".join(f"{v:016x}" for v in values) for values in (bounds, buckets)]
    return (f"histogram schema={schema} flags={flags} threshold={threshold:016x} "
            f"spans={spans[0]};{spans[1]} bounds=[{numbers[0]}] count={count:016x} "
            f"sum={total:016x} zero={zero_count:016x} buckets=[{numbers[1]}]")


def spell_value(value, start):
    text = value if isinstance(value, str) else f"{value:016x}"
    return f"{text} start={start}" if start else text


def read_histograms(r, count):
    layout = read_layout(r)
    columns = [read_values(r, count) for _ in range(3 + bucket_count(layout))]
    return [spell_histogram(layout, row[0], row[1], row[2], row[3:]) for row in zip(*columns)]


def read_times(r, base_ms, count):
    first = base_ms + r.zigzag()
    return [first + t for t in (read_ints(r, count) if count > 1 else [0])]


def read_block(data, at, base_ms, shared):
    """Kind, series id, samples as (ms, value), and the offset behind the block."""
    r = Reader(data, at)
    (crc,) = r.unpack("I")
    length = r.varint()
    r.take(length)
    end = r.at
    if crc != crc32c(data[at + 4:end]):
        raise Damaged("block checksum")
    r.at = end - length
    series, kind, flags, count = r.varint(), r.u8(), r.u8(), r.varint()
    if kind > 2 or flags > 3 or not 1 <= count <= CHUNK_MAX_SAMPLES:
        raise Damaged("block head")
    times = shared[r.varint()] if flags & 2 else read_times(r, base_ms, count)
    if len(times) != count:
        raise Damaged("shared timestamps")
    starts = read_ints(r, count) if flags & 1 else [0] * count
    values = [0] * count
    if kind != 2:
        values = read_histograms(r, count) if kind == 1 else read_values(r, count)
    if r.at != end:
        raise Damaged("block length")
    spelled = [spell_value(value, start) for value, start in zip(values, starts)]
    return kind, series, list(zip(times, spelled)), end


# ---- files ----------------------------------------------------------------------------------

def read_head(data, at):
    magic, base, length, first, last, level = struct.unpack_from("<8sqqQQI", data, at)
    (crc,) = struct.unpack_from("<I", data, at + 60)
    if magic != b"PWPART\0\3" or crc != crc32c(data[at:at + 60]):
        raise Damaged("part head")
    return base, length, first, last, level


def read_part(path):
    """First and last sequence number, [(series, samples)]"""
    data = path.read_bytes()
    foot = len(data) - 120
    base, length, first, last, _ = read_head(data, 0)
    if read_head(data, foot) != read_head(data, 0):
        raise Damaged("head and foot differ")
    index, count, columns, samples, mint, maxt, index_crc, foot_crc = \
        struct.unpack_from("<QQQQqqII", data, foot + 64)
    if foot_crc != crc32c(data[foot:foot + 116]) or index_crc != crc32c(data[index:foot]):
        raise Damaged("part index")
    series = struct.unpack_from(f"<{count}I", data, index)
    offsets = struct.unpack_from(f"<{count}I", data, index + 4 * count)
    blocks, shared = [], []
    copies = struct.unpack_from(f"<{2 * columns}I", data, index + 8 * count)
    for number, pair in enumerate(zip(copies[::2], copies[1::2])):
        both = [read_block(data, offset, base, []) for offset in pair]
        if any(kind != 2 or found != number for kind, found, _, _ in both) or \
                both[0][2] != both[1][2]:
            raise Damaged("shared timestamps are not what the index says")
        shared.append([t for t, _ in both[0][2]])
    for want, offset in zip(series, offsets):
        kind, found, block, _ = read_block(data, offset, base, shared)
        if kind == 2 or found != want or not all(base <= t < base + length for t, _ in block):
            raise Damaged("block is not what the index says")
        blocks.append((found, block))
    times = [t for _, block in blocks for t, _ in block]
    if len(times) != samples or min(times) != mint or max(times) != maxt:
        raise Damaged("foot and blocks differ")
    return first, last, blocks


def read_series_file(path, series):
    data = path.read_bytes()
    magic, first, end, count, crc = struct.unpack_from("<8sIIII", data)
    if magic != b"PWSERIE\1" or crc != crc32c(data[:20]):
        raise Damaged("series file head")
    at, found = 24, 0
    while at < len(data):
        magic, length, crc = struct.unpack_from("<III", data, at)
        payload = data[at + 12:at + 12 + length]
        if magic != 0x46535750 or crc != crc32c(struct.pack("<Q", at), payload):
            raise Damaged("series frame")
        r = Reader(unzstd(payload))
        symbols = [r.text() for _ in range(r.varint())]
        pairs = [(symbols[r.varint()], symbols[r.varint()]) for _ in range(r.varint())]
        number = 0
        while r.left():
            number += r.varint()
            series[number] = tuple(pairs[r.varint()] for _ in range(r.varint()))
            if not first <= number < end:
                raise Damaged("series id out of the file's range")
            found += 1
        at += 12 + length
    if found != count:
        raise Damaged("series file count")


def read_tombstones(path):
    """[(first ms, last ms, sequence number, set of series)]"""
    data = path.read_bytes()
    magic, length, crc = struct.unpack_from("<8sII", data)
    if magic != b"PWTOMB\0\1" or len(data) != 16 + length or crc != crc32c(data[16:]):
        raise Damaged("tombstones")
    r, items = Reader(unzstd(data[16:])), []
    while r.left():
        first, last, sequence, series, behind = r.zigzag(), r.zigzag(), r.varint(), set(), 0
        for _ in range(r.varint()):
            behind += r.varint()
            count = r.varint()
            series.update(range(behind, behind + count))
            behind += count
        items.append((first, last, sequence, series))
    return items


def read_manifest(path):
    data = path.read_bytes()
    magic, next_file, next_sequence, wal_first, next_series, parts, files, _ = \
        struct.unpack_from("<8sQQQIIII", data)
    numbers = struct.unpack_from(f"<{parts + files}Q", data, 48)
    if magic != b"PWMANIF\3" or len(data) != 52 + 8 * (parts + files) or \
            struct.unpack("<I", data[-4:])[0] != crc32c(data[:-4]):
        raise Damaged("manifest")
    return wal_first, numbers[:parts], numbers[parts:]


def read_log_series(payload, series):
    r = Reader(unzstd(payload))
    number = 0
    while r.left():
        number += r.varint()
        series.setdefault(number, tuple((r.text(), r.text()) for _ in range(r.varint())))


def read_log_samples(payload, samples):
    r = Reader(payload)
    (t,) = r.unpack("q")
    number = 0
    while r.left():
        control = r.u8()
        number += r.zigzag() if control & 16 else 1
        t += r.zigzag() if control & 32 else 0
        value = r.take(control & 15)
        samples.append((number, t, spell_value(int.from_bytes(value, "little") <<
                                               8 * (8 - len(value)), 0)))


def read_record(r, t):
    flags = r.u8()
    start = t - r.zigzag() if flags & 2 else 0
    value = r.u64()
    if flags & 1:
        layout = read_layout(r)
        value = spell_histogram(layout, *read_counts(r, value, bucket_count(layout), flags & 4))
    if r.left():
        raise Damaged("sample record")
    return spell_value(value, start)


def read_counts(r, total, buckets, integers):
    if not integers:
        return r.u64(), total, r.u64(), [r.u64() for _ in range(buckets)]
    count, zero_count = r.varint(), r.varint()
    counts = running_sums([r.zigzag() for _ in range(buckets)], 0)
    return (float_bits(count), total, float_bits(zero_count), [float_bits(n) for n in counts])


def float_bits(value):
    return struct.unpack("<Q", struct.pack("<d", float(value)))[0]


def read_log_records(payload, samples):
    r = Reader(payload)
    (t,) = r.unpack("q")
    number = 0
    while r.left():
        number += r.zigzag()
        t += r.zigzag()
        samples.append((number, t, read_record(Reader(r.text()), t)))


def read_log_exemplars(payload, exemplars):
    r = Reader(payload)
    (t,) = r.unpack("q")
    number = 0
    while r.left():
        number += r.zigzag()
        t += r.zigzag()
        value, labels = r.u64(), Reader(r.text())
        exemplars.append((number, t, value, [(labels.text(), labels.text())
                                             for _ in range(labels.varint())]))
        if labels.left():
            raise Damaged("exemplar labels")


def read_exemplar_file(path):
    data = path.read_bytes()
    if data[:8] != b"PWEXEMP\1":
        raise Damaged("exemplar file head")
    at, exemplars = 8, []
    while at < len(data):
        length, crc = struct.unpack_from("<II", data, at)
        payload = data[at + 8:at + 8 + length]
        if crc != crc32c(payload):
            raise Damaged("exemplar frame")
        read_log_exemplars(unzstd(payload), exemplars)
        at += 8 + length
    return exemplars


def read_log_segment(path, series, samples):
    data = path.read_bytes()
    segment = int(path.stem, 16)
    if data[:8] != b"PWWAL\0\0\1" or struct.unpack_from("<Q", data, 8)[0] != segment:
        raise Damaged("log segment head")
    at = 16
    while at + 16 <= len(data) and any(data[at:at + 16]):
        magic, length, crc = struct.unpack_from("<III", data, at)
        checked = data[at + 12:at + 16 + length]
        if magic != 0x52575750 or crc != crc32c(struct.pack("<QQ", segment, at), checked):
            raise Damaged(f"log record at {at}")
        kind, payload = checked[0], checked[4:]
        if kind == 1:
            read_log_series(payload, series)
        elif kind == 2:
            read_log_samples(payload, samples)
        elif kind == 3:
            read_log_records(payload, samples)
        elif kind == 4:
            read_log_exemplars(payload, [])
        else:
            raise Damaged(f"log record of kind {kind}")
        at += (16 + length + 7) // 8 * 8
    return at


# ---- the store ------------------------------------------------------------------------------

def read_store(root):
    """{labels: {timestamp: value}}"""
    series, logged, parts = {}, [], []
    wal_first, part_numbers, series_numbers = read_manifest(root / "MANIFEST")
    for number in series_numbers:
        read_series_file(root / "series" / f"{number:016x}.series", series)
        mirror = {}
        read_series_file(root / "series" / f"{number:016x}.mirror", mirror)
        if any(series[n] != labels for n, labels in mirror.items()):
            raise Damaged("series file and mirror differ")
    for path in sorted((root / "wal").glob("*.wal")):
        if int(path.stem, 16) >= wal_first:
            read_log_segment(path, series, logged)
    for number in part_numbers:
        parts.append(read_part(root / "parts" / f"{number:016x}.part"))
    deleted = read_tombstones(root / "tombstones") if (root / "tombstones").exists() else []
    store = {}
    # Of one timestamp the lowest sequence number is right; the log comes last, in its own order.
    for _, last, blocks in sorted(parts, key=lambda part: part[0]):
        for number, block in blocks:
            for t, value in block:
                if any(last < sequence and begin <= t <= end and number in ids
                       for begin, end, sequence, ids in deleted):
                    continue
                store.setdefault(series[number], {}).setdefault(t, value)
    for number, t, value in logged:
        store.setdefault(series[number], {}).setdefault(t, value)
    return store


def spell(labels):
    return ",".join(f"{name.decode()}={value.decode()}" for name, value in labels)


def list_files(root):
    status = 0
    readers = {".part": read_part, ".series": lambda p: read_series_file(p, {}),
               ".mirror": lambda p: read_series_file(p, {}),
               ".exemplars": read_exemplar_file,
               ".wal": lambda p: read_log_segment(p, {}, [])}
    for path in sorted(root.rglob("*")):
        reader = {"MANIFEST": read_manifest, "tombstones": read_tombstones}.get(
            path.name, readers.get(path.suffix))
        if not reader:
            continue
        try:
            reader(path)
            verdict = "ok"
        except (Damaged, struct.error) as error:
            verdict, status = f"damaged: {error}", 1
        print(f"{path.relative_to(root)}\t{path.stat().st_size}\t{verdict}")
    return status


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--files":
        return list_files(pathlib.Path(sys.argv[2]))
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    store = read_store(pathlib.Path(sys.argv[1]))
    for labels in sorted(store):
        for t, value in sorted(store[labels].items()):
            print(f"{spell(labels)}\t{t}\t{value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
