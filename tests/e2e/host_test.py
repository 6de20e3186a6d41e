"""The built-in host metrics beside Debian's node exporter: names, types, labels, values."""
import math
import pathlib
import re
import shutil
import unittest
import urllib.request

from harness import EndToEndTest, Pitwall, Program, free_port, wait_for

# Families of the exporter that Pitwall leaves out, and why.
LEFT_OUT = {
    r"(go|promhttp|process)_.*": "about the exporter's own process; Pitwall's is at /metrics",
    r"node_exporter_build_info": "about the exporter",
    r"node_textfile_scrape_error": "reading files of other programs is file scraping's work",
}
# Collectors that the exporter lists and Pitwall does not have. Those whose hardware or kernel
# feature this test could not be run against are not written blind.
LEFT_OUT_COLLECTORS = {
    "textfile": "see above",
    "systemd": "off by default upstream",
}
# Values that move between the two readings: by how much they may differ.
RELATIVE, ABSOLUTE = 0.2, 30
MOVING = re.compile(r"node_(time_seconds|scrape_collector_.*|memory_.*|load.*|procs_.*|entropy.*|"
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


class Parity(EndToEndTest):
    @classmethod
    def setUpClass(cls):
        if not shutil.which("prometheus-node-exporter"):
            raise unittest.SkipTest("Debian's prometheus-node-exporter is not installed")
        port = free_port()
        exporter = Program(["prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{port}"])
        cls.addClassCleanup(exporter.close)
        pitwall = Pitwall()
        cls.addClassCleanup(pitwall.close)

        def read():
            try:
                return urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
            except OSError:
                return None
        cls.pitwall = pitwall
        wait_for(read, what="the exporter")
        theirs = read()
        ours = pitwall.get("/metrics/host").body.decode()
        cls.ours, cls.theirs = parse(ours), parse(theirs)

    @staticmethod
    def is_left_out(name):
        return any(re.fullmatch(pattern, name) for pattern in LEFT_OUT)

    def test_families(self):
        wanted = {name: kind for name, kind in self.theirs[0].items() if not self.is_left_out(name)}
        self.assertEqual({}, {name: kind for name, kind in wanted.items()
                              if self.ours[0].get(name) != kind}, "missing or of another type")
        self.assertEqual(set(), set(self.ours[0]) - set(wanted), "too many")

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

    def test_values(self):
        wrong = []
        for key, value in self.ours[2].items():
            other = self.theirs[2].get(key)
            if other is None or (math.isnan(value) and math.isnan(other)):
                continue
            allowed = RELATIVE * abs(other) + ABSOLUTE if MOVING.fullmatch(key[0]) else 0
            if key[0].startswith("node_scrape_collector_duration"):
                continue
            if abs(value - other) > allowed + 1e-9 * abs(other):
                wrong.append((key, value, other))
        self.assertEqual([], wrong)

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
        self.assertLess(spent_ms, 5 if not __import__("os").environ.get("PITWALL_SANITIZED") else 50)


if __name__ == "__main__":
    unittest.main()
