"""The built-in host metrics beside Debian's node exporter: names, types, labels, values."""
import contextlib
import math
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import unittest
import urllib.request

from harness import BINARY, PATIENCE, ROOT, EndToEndTest, Pitwall, Program, free_port, wait_for

# Families of the exporter that Pitwall leaves out, and why; docs/guides/host.md says the same.
LEFT_OUT = {
    r"(go|promhttp|process)_.*": "about the exporter's own process; Pitwall's is at /metrics",
    r"node_exporter_build_info": "about the exporter",
    r"node_textfile_.*": "metrics that other programs leave in files are not the host's",
    r"node_systemd_.*": "see LEFT_OUT_COLLECTORS",
    r"node_btrfs_device_(errors_total|unused_bytes)": "from an ioctl on the mounted file system, "
                                                      "not from files",
}
# Collectors that the exporter lists and Pitwall does not have.
LEFT_OUT_COLLECTORS = {
    "systemd": "unit states come over D-Bus; upstream has it off by default, Debian on",
    "textfile": "see node_textfile_",
}
# Values that move between the two readings: by how much they may differ.
RELATIVE, ABSOLUTE = 0.2, 30
MOVING = re.compile(r"node_(time_seconds|memory_.*|load.*|procs_.*|entropy.*|"
                    r"sockstat_.*|filefd.*|.*_total|vmstat_.*|netstat_.*|disk_io_now|"
                    r"filesystem_(avail|free|files).*|udp_queues|timex_.*|hwmon_.*|thermal_.*|"
                    r"cpu_scaling_frequency_hertz|nf_conntrack_entries)")
# The order of labels does not matter; the text of these two does not either.
UNSTABLE_LABELS = {"node_disk_info": {"path", "serial", "wwn", "model", "revision"}}


def parse(text):
    """{family: (type, help)}, {(name, labels): value}"""
    kinds, helps, samples = {}, {}, {}
    for line in text.splitlines():
        if line.startswith("# HELP "):
            _, _, name, text_ = line.split(" ", 3)
            helps[name] = text_.strip()
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            kinds[name] = kind
        elif line:
            name, labels, value = re.fullmatch(r"([^{ ]+)(?:\{(.*)\})? (\S+)", line).groups()
            pairs = re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels or "")
            skip = UNSTABLE_LABELS.get(name, ())
            samples[name, tuple(sorted(p for p in pairs if p[0] not in skip))] = float(value)
    return kinds, helps, samples


class Comparison:
    """What ours shows beside what theirs does: both are results of parse()."""
    moving = MOVING
    left_out = LEFT_OUT

    def is_left_out(self, name):
        return any(re.fullmatch(pattern, name) for pattern in self.left_out)

    def test_families(self):
        wanted = {name: kind for name, kind in self.theirs[0].items() if not self.is_left_out(name)}
        self.assertEqual({}, {name: kind for name, kind in wanted.items()
                              if self.ours[0].get(name) != kind}, "missing or of another type")
        self.assertEqual(set(), {name for name in set(self.ours[0]) - set(wanted)
                                 if not self.is_left_out(name)}, "too many")

    def test_help(self):
        different = {name: (text, self.theirs[1][name]) for name, text in self.ours[1].items()
                     if self.theirs[1].get(name, text) != text}
        self.assertEqual({}, different)

    def test_series(self):
        def keys(samples):
            return {key for key in samples if not self.is_left_out(key[0]) and
                    not dict(key[1]).get("collector") in LEFT_OUT_COLLECTORS}
        self.assertEqual(set(), keys(self.theirs[2]) - keys(self.ours[2]), "missing")
        self.assertEqual(set(), keys(self.ours[2]) - keys(self.theirs[2]), "too many")

    def wrong_values(self, ours, theirs):
        wrong = {}
        for key, value in ours.items():
            other = theirs.get(key)
            if other is None or (math.isnan(value) and math.isnan(other)):
                continue
            allowed = RELATIVE * abs(other) + ABSOLUTE if self.moving.fullmatch(key[0]) else 0
            if key[0].startswith("node_scrape_collector_duration"):
                continue
            if abs(value - other) > allowed + 1e-9 * abs(other):
                wrong[key] = (value, other)
        return wrong

    def test_values(self):
        """Wrong is what differs in every reading: some values jump between any two."""
        wrong = self.wrong_values(self.ours[2], self.theirs[2])
        for ours, theirs in getattr(self, "more_readings", ()):
            again = self.wrong_values(ours[2], theirs[2])
            wrong = {key: pair for key, pair in wrong.items() if key in again}
        self.assertEqual({}, wrong)


@contextlib.contextmanager
def exporter(*options):
    """Runs Debian's exporter, and gives what it shows."""
    if not shutil.which("prometheus-node-exporter"):
        raise unittest.SkipTest("Debian's prometheus-node-exporter is not installed")
    port = free_port()
    with contextlib.closing(Program(["prometheus-node-exporter",
                                     f"--web.listen-address=127.0.0.1:{port}", *options])):
        def read():
            try:
                return urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
            except OSError:
                return None
        wait_for(read, what="the exporter")
        yield lambda: parse(read())


class Parity(Comparison, EndToEndTest):
    """On this host."""

    @classmethod
    def setUpClass(cls):
        cls.pitwall = Pitwall()
        cls.addClassCleanup(cls.pitwall.close)
        with exporter() as read_theirs:
            readings = []
            for _ in range(5):
                theirs = read_theirs()
                readings.append((parse(cls.pitwall.get("/metrics/host").body.decode()), theirs))
                time.sleep(0.3)
        (cls.ours, cls.theirs), *cls.more_readings = readings

    def test_cost(self):
        """Under 5 ms of CPU for a collection, the mean of many."""
        def cpu_ticks():
            fields = pathlib.Path(f"/proc/{self.pitwall.process.pid}/stat").read_text().split()
            return int(fields[13]) + int(fields[14])
        rounds, before = 200, cpu_ticks()
        for _ in range(rounds):
            self.pitwall.get("/metrics/host")
        spent_ms = (cpu_ticks() - before) * 10 / rounds
        print(f"{spent_ms:.2f} ms of CPU a collection, HTTP included")
        self.assertLess(spent_ms, 5 * PATIENCE)


def unpack(root):
    """Writes the files of tests/host_fixture/tree.txt, whose README tells the form."""
    lines = iter((ROOT / "tests/host_fixture/tree.txt").read_text().splitlines())
    for line in lines:
        mark, rest = line[0], line[2:]
        name = re.match(r"[^ ]+?(?=: | -> |$)", rest)[0]
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if mark == ">":
            path.symlink_to(rest[len(name) + len(" -> "):])
        elif mark == "[":
            path.write_text("".join(text + "\n" for text in iter(lambda: next(lines), "]")))
        else:
            path.write_text(rest[len(name) + len(": "):] + "\n")


class Fixture(Comparison, unittest.TestCase):
    """On a tree of files: a host with every kind of hardware that there is a collector for."""
    moving = re.compile(r"node_(time_seconds|timex_.*|filesystem_.*)")
    left_out = LEFT_OUT | {
        "node_network_receive_nohandler_total": "the exporter has it from netlink only, which "
                                                "knows no tree of files",
    }

    @classmethod
    def setUpClass(cls):
        renderer = BINARY.parent / "collectors_host_test"
        if not renderer.exists():
            raise AssertionError(f"{renderer} is not built")
        with tempfile.TemporaryDirectory() as directory:
            root = pathlib.Path(directory)
            unpack(root)
            with exporter(f"--path.procfs={root}/proc", f"--path.sysfs={root}/sys",
                          "--no-collector.netdev.netlink") as read_theirs:
                cls.theirs = read_theirs()
                cls.ours = parse(subprocess.run(
                    [renderer, "--render", root / "proc", root / "sys"],
                    check=True, capture_output=True).stdout.decode())

    def test_success(self):
        """The tree has something for every collector."""
        failed = [labels for (name, labels), value in self.ours[2].items()
                  if name == "node_scrape_collector_success" and value != 1]
        self.assertEqual([], failed)


if __name__ == "__main__":
    unittest.main()
