"""Remote write into Pitwall: messages made by protoc, hostile ones, and a real Prometheus."""
import concurrent.futures
import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import unittest

from harness import Client, EndToEndTest, Exporter, Pitwall, Program, free_port, wait_for
from peer import PEER
from wire import encode, snappy, varint

WRITTEN = "X-Prometheus-Remote-Write-{}-Written"


def first(text):
    return encode("write_1.proto", "prometheus.WriteRequest", text)


def second(text):
    return encode("write_2.proto", "io.prometheus.write.v2.Request", text)


def labels(**pairs):
    return "".join(f'labels {{name: "{name}" value: "{value}"}} '
                   for name, value in pairs.items())


class Request(EndToEndTest):
    @classmethod
    def setUpClass(cls):
        cls.pitwall = Pitwall("scrape_configs: []\n")
        cls.addClassCleanup(cls.pitwall.close)
        cls.now = int(time.time() * 1000)

    def post(self, body, content_type="application/x-protobuf", encoding="snappy"):
        headers = {"Content-Type": content_type}
        if encoding:
            headers["Content-Encoding"] = encoding
        return self.pitwall.request("POST", "/api/v1/write", body=body, headers=headers)

    def post_first(self, text):
        return self.post(snappy(first(text)))

    def post_second(self, text):
        return self.post(snappy(second(text)),
                         "application/x-protobuf;proto=io.prometheus.write.v2.Request")

    def written(self, answer):
        return tuple(answer.headers[WRITTEN.format(kind)]
                     for kind in ("Samples", "Histograms", "Exemplars"))

    def histogram(self, name):
        """Count, sum, and how many there are up to each of some bounds."""
        return [self.pitwall.value(expression) for expression in (
            f"histogram_count({name})", f"histogram_sum({name})",
            *(f"histogram_fraction(-Inf, {bound}, {name}) * histogram_count({name})"
              for bound in ("-0.5", "0", "0.5", "1", "2", "4")))]


class First(Request):
    def test_samples(self):
        answer = self.post_first(
            f"timeseries {{ {labels(__name__='first_a', desk='fx')}"
            f" samples {{value: 1.5 timestamp: {self.now - 1000}}}"
            f" samples {{value: 2.5 timestamp: {self.now}}} }}"
            f"timeseries {{ {labels(zone='b', __name__='first_b', empty='')}"
            f" samples {{timestamp: {self.now}}} }}")
        self.assertEqual((answer.status, answer.body), (204, b""))
        self.assertIsNone(answer.headers["X-Prometheus-Remote-Write-Samples-Written"])
        self.assertEqual(self.pitwall.query('first_a{desk="fx"}', self.now / 1000),
                         {(("__name__", "first_a"), ("desk", "fx")): "2.5"})
        self.assertEqual(self.pitwall.value("first_a", self.now / 1000 - 1), 1.5)
        self.assertEqual(self.pitwall.query("first_b", self.now / 1000),
                         {(("__name__", "first_b"), ("zone", "b")): "0"})

    def test_without_headers(self):
        body = snappy(first(f"timeseries {{ {labels(__name__='bare')}"
                            f" samples {{value: 1 timestamp: {self.now}}} }}"))
        self.assertEqual(self.post(body, "", "").status, 204)
        self.assertEqual(self.post(body, "application/x-protobuf; proto=prometheus.WriteRequest",
                                   "Snappy").status, 204)
        self.assertEqual(self.pitwall.value("bare"), 1)

    def test_metadata(self):
        answer = self.post_first('metadata {type: COUNTER metric_family_name: "said" help: "Why."'
                                 ' unit: "bytes"}')
        self.assertEqual(answer.status, 204)
        self.assertEqual(self.pitwall.get("/api/v1/metadata", {"metric": "said"}).json["data"],
                         {"said": [{"type": "counter", "help": "Why.", "unit": "bytes"}]})

    def test_histograms(self):
        spans = "positive_spans {offset: 1 length: 2}"
        answer = self.post_first(
            f"timeseries {{ {labels(__name__='native')} histograms {{ count_int: 6 sum: 12.5"
            f" schema: 0 zero_threshold: 0.001 zero_count_int: 1 {spans} positive_deltas: 2"
            f" positive_deltas: 1 timestamp: {self.now} }} }}"
            f"timeseries {{ {labels(__name__='custom')} histograms {{ count_float: 4 sum: 3"
            f" schema: -53 positive_spans {{length: 2}} positive_counts: 1 positive_counts: 3"
            f" custom_values: 0.5 timestamp: {self.now} }} }}")
        self.assertEqual(answer.status, 204, answer.body)
        # One in the zero bucket, which begins at 0 where there are only positive ones, two up to
        # 2, three up to 4.
        self.assertEqual(self.histogram("native"), [6, 12.5, 0, 0, 1, 1, 3, 6])
        self.assertEqual(self.histogram("custom")[:2], [4, 3])
        self.assertEqual(self.pitwall.value("histogram_quantile(0.2, custom)"), 0.4)

    def test_partly_bad(self):
        def series(name, at, value, extra=""):
            return (f"timeseries {{ {labels(__name__=name)} {extra}"
                    f" samples {{value: {value} timestamp: {at}}} }}")
        self.assertEqual(self.post_first(series("partly", self.now, 1)).status, 204)
        answer = self.post_first(
            series("partly", self.now, 2) + series("", self.now, 1)
            + series("twice", self.now, 1, labels(a="1") + labels(a="2"))
            + series("future", self.now + 3600000, 1) + series("well", self.now, 7))
        self.assertEqual(answer.status, 400)
        self.assertEqual(sorted(answer.body.decode().splitlines()), [
            'duplicate sample for timestamp for series partly', 'duplicated label: "a"',
            "out of bounds: timestamp is too far in the future for series future",
            "series has no metric name"])
        self.assertEqual(self.pitwall.value("well"), 7)
        self.assertEqual(self.pitwall.value("partly"), 1)
        # The same again is nothing new, and nothing wrong.
        self.assertEqual(self.post_first(series("partly", self.now, 1)).status, 204)


class Second(Request):
    SYMBOLS = ["", "__name__", "job", "second_total", "api", "trace_id", "abc", "Requests.", "s"]

    def request(self, rest):
        return "".join(f'symbols: "{symbol}" ' for symbol in self.SYMBOLS) + rest

    def test_all_at_once(self):
        answer = self.post_second(self.request(
            f"timeseries {{ labels_refs: [2, 4, 1, 3]"
            f" samples {{value: 5 timestamp: {self.now} start_timestamp: {self.now - 60000}}}"
            f" exemplars {{labels_refs: [5, 6] value: 0.5 timestamp: {self.now}}}"
            f" metadata {{type: METRIC_TYPE_COUNTER help_ref: 7 unit_ref: 8}} }}"
            f"timeseries {{ labels_refs: [1, 4] histograms {{ count_int: 3 sum: 1 schema: 3"
            f" zero_threshold: 0.1 zero_count_int: 1 negative_spans {{offset: -2 length: 2}}"
            f" negative_deltas: 1 negative_deltas: 0 timestamp: {self.now} }} }}"))
        self.assertEqual(answer.status, 204, answer.body)
        self.assertEqual(self.written(answer), ("1", "1", "1"))
        self.assertEqual(self.pitwall.query("second_total"),
                         {(("__name__", "second_total"), ("job", "api")): "5"})
        # Schema 3, indexes -2 and -1, mirrored: two between -1 and -0.7. The zero bucket of a
        # histogram without positive ones ends at 0.
        self.assertEqual(self.histogram("api"), [3, 1, 2, 3, 3, 3, 3, 3])
        self.assertEqual(
            self.pitwall.get("/api/v1/metadata", {"metric": "second_total"}).json["data"],
            {"second_total": [{"type": "counter", "help": "Requests.", "unit": "s"}]})
        found = self.pitwall.get("/api/v1/query_exemplars", {
            "query": "second_total", "start": self.now / 1000 - 10,
            "end": self.now / 1000 + 10}).json["data"]
        self.assertEqual([e["labels"] for s in found for e in s["exemplars"]],
                         [{"trace_id": "abc"}])

    def test_partly_bad(self):
        answer = self.post_second(self.request(
            f"timeseries {{ labels_refs: [1, 5] samples {{value: 5 timestamp: {self.now}}}"
            f" histograms {{ count_int: 7 timestamp: {self.now + 1} }} }}"
            f"timeseries {{ labels_refs: [2, 4] samples {{value: 5 timestamp: {self.now}}}"
            f" exemplars {{value: 1 timestamp: {self.now}}} }}"))
        self.assertEqual(answer.status, 400)
        self.assertEqual(self.written(answer), ("1", "0", "0"))
        self.assertIn(b"0 observations found in buckets, but the Count field is 7", answer.body)
        self.assertIn(b"series has no metric name", answer.body)
        self.assertEqual(self.pitwall.value("trace_id"), 5)

    def test_metadata_and_exemplars_alone(self):
        answer = self.post_second(self.request(
            "timeseries { labels_refs: [1, 6] metadata {type: METRIC_TYPE_GAUGE} }"
            f"timeseries {{ labels_refs: [1, 7] exemplars {{value: 1 timestamp: {self.now}}} }}"))
        self.assertEqual(answer.status, 204, answer.body)
        self.assertEqual(self.written(answer), ("0", "0", "1"))

    def test_bad_references(self):
        answer = self.post_second(self.request("timeseries { labels_refs: [1, 99] }"))
        self.assertEqual((answer.status, answer.body), (400, b"malformed label references\n"))
        self.assertEqual(self.written(answer), ("0", "0", "0"))


class Hostile(Request):
    def test_wrong_kind(self):
        good = snappy(first(""))
        for content_type in ("application/json", "image/png", "application/x-protobuf;proto=x.Y"):
            self.assertEqual(self.post(good, content_type).status, 415, content_type)
        for encoding in ("gzip", "deflate", "zstd"):
            self.assertEqual(self.post(good, encoding=encoding).status, 415, encoding)
        self.assertEqual(self.pitwall.get("/api/v1/write").status, 405)

    def test_bad_snappy(self):
        body = snappy(first(f"timeseries {{ {labels(__name__='x')} }}"))
        for broken in (b"", b"\xff", body[:-1], b"\x7f" + body[1:], b"\xff\xff\xff\xff\xff\xff",
                       b"\xff\xff\xff\xff\x0f" + body[1:]):
            self.assertEqual(self.post(broken).status, 400, broken)
        # What is declared is believed only as far as so few bytes can go.
        self.assertEqual(self.post(varint(64 << 20) + bytes(4 << 20)).status, 413)

    def test_bad_message(self):
        for broken in (b"0", b"\x0a\xff\xff\xff\xff\x0f", b"\x0a\x02\x0a\x7f", b"\x0b\x0c",
                       b"\x0a\x04\x12\x02\x09\x00"):
            for content_type in ("application/x-protobuf",
                                 "application/x-protobuf;proto=io.prometheus.write.v2.Request"):
                answer = self.post(snappy(broken), content_type)
                self.assertIn(answer.status, (204, 400), broken)
                if content_type == "application/x-protobuf":
                    self.assertEqual(answer.status, 400, broken)

    def test_nothing_of_a_malformed_request_is_stored(self):
        body = first(f"timeseries {{ {labels(__name__='half')}"
                     f" samples {{value: 1 timestamp: {self.now}}} }}")
        self.assertEqual(self.post(snappy(body + b"\x0a\x05")).status, 400)
        self.assertIsNone(self.pitwall.value("half"))

    def test_empty_samples_without_end(self):
        """Two bytes each, twelve times as much in memory: refused, and life goes on."""
        series = b"\x0a\x0e\x0a\x08__name__\x12\x02up" + b"\x12\x00" * (4 << 20)
        answer = self.post(snappy(b"\x0a" + varint(len(series)) + series))
        self.assertEqual(answer.status, 413)
        self.assertIn(b"in one request", answer.body)
        self.assertEqual(self.post_first("").status, 204)


@unittest.skipIf(os.environ.get("PITWALL_SANITIZED"), "sanitizers reserve address space")
class Crowd(Request):
    CAP_BYTES = 512 << 20

    def repeated(self, unit, count):
        """A snappy block of one series with `unit` again and again; small, and large inside."""
        head = b"\x0a\x0e\x0a\x08__name__\x12\x02up"
        message = b"\x0a" + varint(len(head) + count * len(unit)) + head
        copies, rest = divmod((count - 1) * len(unit), 60)
        copy = bytes([59 << 2 | 2]) + len(unit).to_bytes(2, "little")
        self.assertEqual(rest, 0)
        return (varint(len(message) + count * len(unit))
                + bytes([len(message) - 1 << 2]) + message
                + bytes([len(unit) - 1 << 2]) + unit + copy * copies)

    def test_many_large_requests_in_little_memory(self):
        pitwall = self.pitwall = self.start(Pitwall(
            "scrape_configs: []\n", prefix=["prlimit", f"--as={self.CAP_BYTES}"]))
        bodies = [self.repeated(b"\x12\x00", 30 * 500000 + 1),       # samples
                  self.repeated(b"\x22\x02\x08\x01", 15 * 500000 + 1),  # histograms
                  self.repeated(b"\x1a\x00", 30 * 500000 + 1)]       # exemplars
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            statuses = list(pool.map(lambda body: self.post(body).status, bodies * 12))
        self.assertLessEqual(set(statuses), {400, 413, 503})
        self.assertIn(413, statuses)
        self.assertLess(pitwall.resident_bytes(), self.CAP_BYTES)
        self.assertEqual(self.post_first(f"timeseries {{ {labels(__name__='alive')}"
                                         f" samples {{timestamp: {self.now}}} }}").status, 204)


class FullDisk(Request):
    def test_sender_is_told_to_come_again(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="pitwall-e2e-full-"))
        data = folder / "data"
        data.mkdir()
        if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs",
                                           str(data)], capture_output=True, check=False).returncode:
            self.skipTest("a small file system cannot be mounted here")
        self.addCleanup(shutil.rmtree, folder, True)
        self.addCleanup(subprocess.run, ["umount", "-l", str(data)])
        self.pitwall = self.start(Pitwall("scrape_configs: []\n", folder=folder))
        filler = data / "filler"
        with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as file:
            while True:
                file.write(b"x" * 65536)

        def refused():
            body = b"".join(self.series(os.urandom(100).hex()) for _ in range(5000))
            answer = self.post(snappy(body))
            return None if answer.status == 204 else answer
        answer = wait_for(refused, 60, what="writes to be refused")
        self.assertEqual(answer.status, 503)
        self.assertGreater(int(answer.headers["Retry-After"]), 0)
        self.assertRegex(answer.body.decode().lower(), "full|space")
        filler.unlink()
        wait_for(lambda: self.post(snappy(self.series("late"))).status == 204, 30,
                 what="writing again without help")
        self.assertEqual(self.pitwall.value('pad{x="late"}'), 0)

    def series(self, value):
        """pad{x=value}, 0 now."""
        def field(number, data):
            return varint(number << 3 | 2) + varint(len(data)) + data

        def label(name, text):
            return field(1, field(1, name) + field(2, text.encode()))
        return field(1, label(b"__name__", "pad") + label(b"x", value)
                     + field(2, b"\x10" + varint(int(time.time() * 1000))))


class Sender(EndToEndTest):
    """A real Prometheus scrapes, and sends what it has."""

    def test_prometheus(self):
        if not shutil.which(PEER):
            self.skipTest("no prometheus")
        lines = ["# TYPE fills counter"]
        lines += [f'fills{{desk="d{i % 7}",venue="v{i}"}} {i * 1.25}' for i in range(200)]
        lines += ["# TYPE odd gauge", 'odd{kind="nan"} NaN', 'odd{kind="inf"} +Inf',
                  'odd{kind="tiny"} 5e-324', 'odd{kind="quote",x="\\"\\\\\\n"} -1']
        exporter = self.start(Exporter("\n".join(lines) + "\n"))
        pitwall = self.start(Pitwall("scrape_configs: []\n"))
        folder = tempfile.mkdtemp(prefix="pitwall-e2e-sender-")
        self.addCleanup(shutil.rmtree, folder, True)
        config = (f"{self.scrape_config(exporter)}remote_write:\n"
                  f"- url: {pitwall.url}/api/v1/write\n"
                  "  queue_config: {batch_send_deadline: 200ms}\n"
                  "  metadata_config: {send_interval: 1s}\n")
        with open(f"{folder}/prometheus.yml", "w") as file:
            file.write(config)
        sender = Client(free_port())
        self.start(Program([PEER, f"--config.file={folder}/prometheus.yml",
                            f"--storage.tsdb.path={folder}/data",
                            f"--web.listen-address=127.0.0.1:{sender.port}"]))

        def count(client):
            try:
                return client.value("count_over_time(fills{venue='v7'}[1h])") or 0
            except (OSError, AssertionError):
                return 0
        wait_for(lambda: count(pitwall) >= 10, 40, what="samples to arrive")
        exporter.answer = "\n"
        at = time.time()
        wait_for(lambda: pitwall.query("fills", time.time()) == {}, 20, what="staleness markers")
        for expression in ("last_over_time(fills[1h])", "odd[1h]", "count_over_time(fills[1h])"):
            with self.subTest(expression):
                params = {"query": expression, "time": at - 0.5}
                ours, theirs = (sorted(client.get("/api/v1/query", params).json["data"]["result"],
                                       key=lambda series: sorted(series["metric"].items()))
                                for client in (pitwall, sender))
                self.assertEqual(ours, theirs)
        said = wait_for(lambda: pitwall.get("/api/v1/metadata", {"metric": "fills"}).json["data"],
                        what="metadata")
        self.assertEqual(said["fills"][0]["type"], "counter")
        failed = sender.query("sum(prometheus_remote_storage_samples_failed_total)")
        self.assertEqual(failed, {}, "no self-scrape is configured")


if __name__ == "__main__":
    unittest.main()
