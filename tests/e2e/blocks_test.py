"""Moving in and out: data directories of a real Prometheus, blocks that its promtool takes."""
import pathlib
import random
import shutil
import subprocess
import tempfile
import time
import unittest

from harness import BINARY, Client, EndToEndTest, Exporter, Pitwall, Program, free_port, wait_for

START = 1_700_000_000


def run(*words, **options):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True,
                          timeout=120, check=True, **options).stdout


def openmetrics(chance):
    """Counters, prices, gaps and staleness over six hours, with timestamps."""
    lines = ["# TYPE price gauge"]
    for s in range(10):
        price = 100.0
        for i in range(1440):
            price += chance.gauss(0, 0.01)
            if not (s == 3 and 300 < i < 700):
                value = "NaN" if s == 4 and i % 100 == 0 else round(price, 9) if s % 2 else price
                lines.append(f'price{{sym="S{s}",venue="a\\"b\\\\c"}} {value} {START + i * 15}')
    lines.append("# TYPE orders counter")
    for s in range(10):
        count = 0
        for i in range(1440):
            count += chance.randrange(5)
            lines.append(f'orders_total{{sym="S{s}"}} {count} {START + i * 15}.{i % 1000:03d}')
    return "\n".join(lines + ["# EOF", ""])


class Blocks(EndToEndTest):
    def setUp(self):
        super().setUp()
        if not shutil.which("promtool") or not shutil.which("prometheus"):
            raise unittest.SkipTest("prometheus is not installed")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pitwall-e2e-blocks-"))
        self.addCleanup(shutil.rmtree, self.folder, True)

    def dump(self, folder):
        """Every sample in a data directory of Prometheus."""
        (folder / "wal").mkdir(exist_ok=True)
        return sorted(run("promtool", "tsdb", "dump", folder).splitlines())

    def test_there_and_back(self):
        seed = random.randrange(1 << 30)
        source, data, out = (self.folder / name for name in ("source", "data", "out"))
        (self.folder / "in.om").write_text(openmetrics(random.Random(seed)))
        run("promtool", "tsdb", "create-blocks-from", "openmetrics", self.folder / "in.om", source)
        said = run(BINARY, "import", "prometheus", "--data-dir", data, source)
        expected = self.dump(source)
        self.assertIn(f"{len(expected)} samples of", said)
        run(BINARY, "import", "prometheus", "--data-dir", data, source)  # changes nothing
        run(BINARY, "export", "blocks", "--data-dir", data, out)
        self.assertEqual(self.dump(out), expected, f"seed {seed}")
        self.assertIn("Label names: 3", run("promtool", "tsdb", "analyze", "--extended", out))
        # Part of it: one series of an hour.
        some = self.folder / "some"
        run(BINARY, "export", "blocks", "--data-dir", data, "--match", 'orders_total{sym="S1"}',
            "--min-time", (START + 3600) * 1000, "--max-time", (START + 7200) * 1000, some)
        wanted = [line for line in expected if 'orders_total", sym="S1"' in line and
                  (START + 3600) * 1000 <= int(line.split()[-1]) <= (START + 7200) * 1000]
        self.assertEqual(self.dump(some), wanted)
        # A real Prometheus serves them.
        port = free_port()
        self.start(Program(["prometheus", f"--storage.tsdb.path={out}",
                            "--storage.tsdb.retention.time=100y", "--config.file=/dev/null",
                            f"--web.listen-address=127.0.0.1:{port}"]))
        client = Client(port)

        def ready():
            try:
                return client.get("/-/ready").status == 200
            except OSError:
                return False
        wait_for(ready, seconds=30, what="Prometheus")
        at = START + 4600
        self.assertEqual(len(client.query("price", at)), 10)

    def test_log_of_a_running_prometheus(self):
        exporter = self.start(Exporter('a{b="c"} 1\nd 2\n'))
        source, data = self.folder / "source", self.folder / "data"
        config = self.folder / "prometheus.yml"
        config.write_text("global: {scrape_interval: 200ms, scrape_timeout: 200ms}\n"
                          "scrape_configs:\n- job_name: j\n"
                          f"  static_configs: [{{targets: ['{exporter.address}']}}]\n")
        port = free_port()
        peer = self.start(Program(["prometheus", f"--storage.tsdb.path={source}",
                                   f"--config.file={config}",
                                   f"--web.listen-address=127.0.0.1:{port}"]))
        client = Client(port)

        def scraped():
            try:
                answer = client.get("/api/v1/query", {"query": "count_over_time(d[1h])"}).json
                return answer["data"]["result"] and \
                    int(answer["data"]["result"][0]["value"][1]) > 10
            except (OSError, ValueError):  # it is starting
                return False
        wait_for(scraped, seconds=30, what="samples")
        at = time.time()
        expected = client.get("/api/v1/query", {"query": '{job="j"}[1h]', "time": at}).json
        peer.close()
        run(BINARY, "import", "prometheus", "--data-dir", data, source)
        folder = self.folder / "serve"
        folder.mkdir()
        data.rename(folder / "data")
        pitwall = self.start(Pitwall("scrape_configs: []\n", folder=folder))
        found = pitwall.get("/api/v1/query", {"query": '{job="j"}[1h]', "time": at}).json

        def by_metric(answer):
            return {tuple(sorted(series["metric"].items())): series["values"]
                    for series in answer["data"]["result"]}
        self.assertEqual(by_metric(found), by_metric(expected))

    def test_openmetrics(self):
        text = openmetrics(random.Random(7))
        file, source = self.folder / "in.om", self.folder / "source"
        file.write_text(text)
        run("promtool", "tsdb", "create-blocks-from", "openmetrics", file, source)
        run(BINARY, "import", "openmetrics", "--data-dir", self.folder / "data", file)
        run(BINARY, "export", "blocks", "--data-dir", self.folder / "data", self.folder / "out")
        self.assertEqual(self.dump(self.folder / "out"), self.dump(source))
        for text, said in (("a 1\n# EOF\n", "line 1: expected timestamp"), ("a{ 1 1\n", "line 1")):
            file.write_text(text)
            ended = subprocess.run([BINARY, "import", "openmetrics", "--data-dir",
                                    self.folder / "other", file], capture_output=True, text=True,
                                   timeout=60)
            self.assertEqual(ended.returncode, 1)
            self.assertIn(said, ended.stderr)

    def test_mistakes(self):
        for words, said in ((("import", "prometheus", self.folder / "none"), "none"),
                            (("import", "prometheus", self.folder), "no blocks"),
                            (("export", "blocks", "--match", "{", self.folder / "x"), "parse error")):
            ended = subprocess.run([BINARY, *map(str, words), "--data-dir", self.folder / "d"],
                                   capture_output=True, text=True, timeout=60)
            self.assertEqual(ended.returncode, 1)
            self.assertIn(said, ended.stderr)
        # A damaged index is said to be; nothing of it is made up.
        (self.folder / "in.om").write_text(openmetrics(random.Random(1)))
        source = self.folder / "source"
        run("promtool", "tsdb", "create-blocks-from", "openmetrics", self.folder / "in.om", source)
        index = next(source.glob("*/index"))
        damaged = bytearray(index.read_bytes())
        damaged[len(damaged) // 2] ^= 255
        index.write_bytes(damaged)
        ended = subprocess.run([BINARY, "import", "prometheus", "--data-dir", self.folder / "d",
                                source], capture_output=True, text=True, timeout=60)
        self.assertIn(ended.returncode, (0, 1))
        self.assertNotIn("Sanitizer", ended.stderr)


if __name__ == "__main__":
    unittest.main()
