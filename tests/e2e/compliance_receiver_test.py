"""What Prometheus's compliance suite asks of a remote write receiver, asked of Pitwall: its
requests, each sent twice as the suite does, and the statuses and counts it wants.

https://github.com/prometheus/compliance, remotewrite/receiver.
"""
import concurrent.futures
import math
import struct
import threading
import time
import unittest

from harness import EndToEndTest, Pitwall
from wire import delimited, snappy, varint

FIRST = "application/x-protobuf"
SECOND = "application/x-protobuf;proto=io.prometheus.write.v2.Request"
WRITTEN = "X-Prometheus-Remote-Write-{}-Written"
COUNTER, GAUGE, HISTOGRAM, GAUGE_HISTOGRAM, SUMMARY, INFO, STATESET = range(1, 8)


def field(number, data):
    """A field of the wire format: bytes, a number, or a double."""
    if isinstance(data, bytes):
        return varint(number << 3 | 2) + delimited(data)
    if isinstance(data, float):
        return varint(number << 3 | 1) + struct.pack("<d", data)
    return varint(number << 3) + varint(data & (1 << 64) - 1)


def packed(number, values):
    return field(number, b"".join(map(varint, values))) if values else b""


def zigzag(value):
    return value << 1 ^ value >> 63


def metric(name, **labels):
    return {"__name__": name, **labels}


def histogram(total, positive=False, negative=False, zero=False, custom=False, bad=False):
    """The suite's histograms: the fields of a message without its time."""
    count = 23 * positive + 3 * negative + zero
    spans, deltas, bounds = [(0, 3), (2, 2)], [1, 2, 1, 3, 1], b""
    if custom:
        count, spans, deltas = 30, [(0, 6)], [2, 1, 2, 3, -1, -2]
        bounds = field(4, zigzag(-53)) + field(16, struct.pack("<6d", .1, .5, 1, 2.5, 5, 10))
    out = field(1, 99 if bad else count) + field(3, float(total)) + bounds
    if positive or custom:
        for offset, length in spans:
            out += field(11, field(1, zigzag(offset)) + field(2, length))
        out += packed(12, map(zigzag, deltas))
    if negative:
        out += field(8, field(2, 2)) + packed(9, [zigzag(1), zigzag(1)])
    return out + (field(6, 1) if zero else b"")


class Message:
    """A request of 2.0, with labels in the order given: the suite's are not sorted either."""

    def __init__(self):
        self.symbols, self.series = {"": 0}, []
        self.now_ms = int(time.time() * 1000)

    def refs(self, number, labels):
        return packed(number, [self.symbols.setdefault(text, len(self.symbols))
                               for pair in labels.items() for text in pair])

    def add(self, labels, value=None, histogram=None, exemplars=(), metadata=None, offset_s=0,
            start_s=None):
        at = self.now_ms + round(offset_s * 1000)
        start = 0 if start_s is None else self.now_ms + round(start_s * 1000)
        out = self.refs(1, labels)
        if value is not None:
            out += field(2, field(1, float(value)) + field(2, at) + field(3, start))
        if histogram is not None:
            out += field(3, histogram + field(15, at) + field(17, start))
        for exemplar_labels, exemplar_value, exemplar_s in exemplars:
            out += field(4, self.refs(1, exemplar_labels) + field(2, float(exemplar_value))
                         + field(3, self.now_ms + round(exemplar_s * 1000)))
        if metadata:
            kind, about, unit = metadata
            out += field(5, field(1, kind)
                         + field(3, self.symbols.setdefault(about, len(self.symbols)))
                         + field(4, self.symbols.setdefault(unit, len(self.symbols))))
        self.series.append(field(5, out))
        return self

    def body(self):
        return snappy(b"".join(field(4, symbol.encode()) for symbol in self.symbols)
                      + b"".join(self.series))


class Receiver(EndToEndTest):
    @classmethod
    def setUpClass(cls):
        cls.pitwall = Pitwall("global:\n  scrape_interval: 15s\n")
        cls.addClassCleanup(cls.pitwall.close)

    def post(self, body, content_type=SECOND, encoding="snappy"):
        return self.pitwall.request("POST", "/api/v1/write", body=body, headers={
            "Content-Type": content_type, "Content-Encoding": encoding,
            "X-Prometheus-Remote-Write-Version": "2.0.0"})

    def written(self, answer):
        return tuple(int(answer.headers[WRITTEN.format(kind)] or 0)
                     for kind in ("Samples", "Exemplars", "Histograms"))

    def check(self, build, samples=0, exemplars=0, histograms=0, good=True):
        """Twice, at two times; build(message) fills it."""
        for _ in range(2):
            time.sleep(0.002)
            message = Message()
            build(message)
            answer = self.post(message.body())
            self.assertEqual(answer.status, 204 if good else 400, answer.body)
            written, most = self.written(answer), (samples, exemplars, histograms)
            if good:
                self.assertEqual(written, most)
            else:
                self.assertTrue(all(own <= limit for own, limit in zip(written, most)), written)
                self.assertTrue(answer.body)


class Samples(Receiver):
    VALUES = (1.0, 9218868437227405314.0, math.nan, math.inf, -math.inf,
              struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0])

    def test_one(self):
        good = (metric("up"), metric("up", job="testjob", instance="localhost:9090"),
                metric("up", job="test\njob\n", instance="localhost:9090"),
                {"job.name": "testjob", "__name__": "resource.cpu.usage", "instance.name": "a:1"},
                {"__name__": "resource cpu usage", "job name": "testjob", "instance name": "a"})
        for value in self.VALUES:
            for labels in good:
                with self.subTest(value=value, labels=labels):
                    self.check(lambda m: m.add(labels, value), samples=1)
            for labels in ({"job": "testjob", "instance": "localhost:9090"}, {}):
                with self.subTest(value=value, labels=labels):
                    self.check(lambda m: m.add(labels, value), good=False)

    def test_several(self):
        def some(nameless):
            def build(message):
                for i in range(4):
                    name = {} if i < nameless else {"__name__": "up"}
                    message.add({"job": "testjob", "instance": f"localhost:909{i}", **name}, 1)
            return build
        self.check(some(0), samples=4)
        self.check(some(4), samples=0, good=False)
        self.check(some(1), samples=3, good=False)
        self.assertEqual(self.pitwall.value("count(up{job='testjob'})"), 4)

    def test_start_times(self):
        self.check(lambda m: m.add(metric("http_requests_total", job="api"), 100, start_s=-3600),
                   samples=1)
        self.check(lambda m: m.add(metric("request_duration_seconds", job="api"),
                                   histogram=histogram(1.5, True, True, True), start_s=-1800),
                   histograms=1)


class Histograms(Receiver):
    def test_kinds(self):
        plain = metric("test_histogram")
        for labels, parts, good in (
                (plain, (1.0, True, True, True), True),
                (plain, (1.0, True, False, False, True), True),
                (metric("test_histogram", job="test"), (1.0, True, False, True), True),
                (metric("test_histogram", instance="localhost"), (1.0, False, True), True),
                (metric("minimal_hist"), (1.0, False, False, True), True),
                (metric("empty_hist"), (0.0,), True),
                (metric("minimal_hist"), (1.0, True, False, False, False, True), False)):
            with self.subTest(labels=labels, parts=parts):
                self.check(lambda m: m.add(labels, histogram=histogram(*parts)),
                           histograms=1, good=good)

    def test_with_others(self):
        about = (HISTOGRAM, "HTTP request duration in seconds", "seconds")
        for custom in (False, True):
            self.check(lambda m: m.add(
                metric("http_request_duration_seconds", method="GET"), metadata=about,
                histogram=histogram(1.23, not custom, False, not custom, custom),
                exemplars=[({"trace_id": "abc123def456", "span_id": "span789"}, 1.23, 0)]),
                histograms=1, exemplars=1)
        self.check(lambda m: m.add(metric("hist1", job="test"), histogram=histogram(1, True))
                   .add(metric("hist2", job="test"), histogram=histogram(1, False, True)),
                   histograms=2)

    def test_many(self):
        def build(message):
            for i in range(50):
                message.add(metric(f"histogram_metric_{i}", bucket=f"bucket_{i}"),
                            histogram=histogram(i / 10, True, i % 2 == 0, True),
                            exemplars=[({"trace_id": f"trace_{i}"}, i / 10, 0)],
                            metadata=(HISTOGRAM, f"Histogram metric number {i}", "seconds"))
        self.check(build, histograms=50, exemplars=50)


class Exemplars(Receiver):
    def test_labels(self):
        for labels, own, value in (
                (metric("http_requests_total", job="api"), {"trace_id": "abc123def456"}, 1),
                (metric("request_latency", service="auth"),
                 {"trace_id": "trace456", "user": "admin", "endpoint": "/login"}, 0.05),
                (metric("simple_counter"), {}, 1),
                (metric("test_metric"), {"trace_id": "with-dashes_and.dots"}, 42),
                (metric("unicode_test", region="🌍"), {"trace_id": "unicode_trace_测试"}, 100)):
            with self.subTest(labels=labels):
                self.check(lambda m: m.add(labels, value, exemplars=[(own, value, 0)]),
                           samples=1, exemplars=1)

    def test_values(self):
        for value in (0.0, -123.456, 1e10, 1e-10, math.nan, math.inf, -math.inf):
            with self.subTest(value=value):
                self.check(lambda m: m.add(metric("test_metric"), value,
                                           exemplars=[({"trace_id": "special"}, value, 0)]),
                           samples=1, exemplars=1)

    def test_times(self):
        """Of one series in one request, each a series of the message of its own."""
        def build(message):
            for value, offset_s in ((0.05, -3600), (0.15, -60), (0.08, 0)):
                message.add(metric("latency_hist"), value, offset_s=offset_s,
                            exemplars=[({"trace_id": f"t{value}"}, value, offset_s)])
        # Sent once more some milliseconds later, two of each are older than what is there.
        for answers in ([(204, (3, 3, 0))], [(204, (3, 3, 0)), (400, (1, 1, 0)), (400, (3, 1, 0))]):
            message = Message()
            build(message)
            answer = self.post(message.body())
            self.assertIn((answer.status, self.written(answer)), answers, answer.body)

    def test_without_a_name(self):
        for labels in ({"job": "test"}, {"__name__": ""}):
            self.check(lambda m: m.add(labels, 1, exemplars=[({"trace_id": "t"}, 1, 0)]),
                       samples=1, exemplars=1, good=False)

    def test_without_samples(self):
        self.check(lambda m: m.add(metric("orphan"), exemplars=[({"trace_id": "o"}, 42, 0)]),
                   exemplars=1)


class Metadata(Receiver):
    def test_kinds(self):
        for name, kind, about, unit in (
                ("http_requests_total", COUNTER, "Total number of HTTP requests", "requests"),
                ("cpu_usage_percent", GAUGE, "Current CPU usage percentage", "percent"),
                ("simple_counter", COUNTER, "", ""),
                ("test_metric", GAUGE, 'With\nnewlines and "quotes", äöü', "bytes/sec"),
                ("unknown_metric", 0, "Unknown metric type", ""),
                ("build_info", INFO, "Build information", ""),
                ("node_state", STATESET, "Node state information", ""),
                ("request_latency_summary", SUMMARY, "Request latency summary", "seconds"),
                ("temperature_histogram", GAUGE_HISTOGRAM, "Temperatures", "celsius")):
            with self.subTest(name):
                self.check(lambda m: m.add(metric(name), 1, metadata=(kind, about, unit)),
                           samples=1)
                known = self.pitwall.get("/api/v1/metadata", {"metric": name}).json["data"]
                self.assertEqual([(entry["help"], entry["unit"]) for entry in known[name]],
                                 [(about, unit)])

    def test_alone(self):
        self.check(lambda m: m.add(metric("orphan_metric"), metadata=(COUNTER, "Orphaned", "x")))

    def test_without_a_name(self):
        for labels in ({"job": "test"}, {"__name__": ""}):
            self.check(lambda m: m.add(labels, 1, metadata=(GAUGE, "Test help", "unit")),
                       samples=1, good=False)


class Together(Receiver):
    def test_many(self):
        def build(message):
            for i in range(50):
                message.add(metric(f"counter_metric_{i}", series=f"series_{i}"), i * 100,
                            exemplars=[({"trace_id": f"trace_{i}"}, i * 100, 0)],
                            metadata=(COUNTER, f"Counter metric number {i}", "count"))
        self.check(build, samples=50, exemplars=50)

    def test_times_of_before(self):
        self.check(lambda m: m.add(metric("old_metric"), 1, offset_s=-3600,
                                   exemplars=[({"trace_id": "old"}, 1, -1800)])
                   .add(metric("new_metric"), 2), samples=2, exemplars=1)

    def test_samples_and_histograms_of_one_series(self):
        self.check(lambda m: m.add(metric("both"), 1, offset_s=-1)
                   .add(metric("both"), histogram=histogram(1, True)), samples=1, histograms=1)

    def test_senders_at_once(self):
        failures, lock = [], threading.Lock()

        def send(sender):
            for _ in range(20):
                message = Message()
                for i in range(100):
                    message.add(metric("crowd", sender=str(sender), i=str(i)), i)
                answer = self.post(message.body())
                if answer.status != 204 or self.written(answer) != (100, 0, 0):
                    with lock:
                        failures.append((answer.status, answer.body))
                time.sleep(0.002)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(send, range(8)))
        self.assertFalse(failures)
        self.assertEqual(self.pitwall.value("count(crowd)"), 800)
        self.assertEqual(self.pitwall.value("sum(count_over_time(crowd[1h]))"), 16000)


class Malformed(Receiver):
    def broken(self, byte=b"0"):
        return byte + Message().add(metric("up"), 1).body()[1:]

    def test_kind(self):
        for content_type in ("application/json", "image/png"):
            self.assertEqual(self.post(self.broken(), content_type=content_type).status, 415)
        for encoding in ("gzip", "deflate"):
            self.assertEqual(self.post(self.broken(), encoding=encoding).status, 415)

    def test_body(self):
        self.assertEqual(self.post(self.broken()).status, 400)
        self.assertEqual(self.post(self.broken(b"\xff"), content_type=FIRST).status, 400)


class First(Receiver):
    def test_unsorted_labels_and_no_version(self):
        now = int(time.time() * 1000)
        body = b""
        for labels in ({"job": "j", "__name__": "up", "instance": "i"}, {"__name__": "other"}):
            body += field(1, b"".join(field(1, field(1, name.encode()) + field(2, value.encode()))
                                      for name, value in labels.items())
                          + field(2, field(1, 1.0) + field(2, now)))
        answer = self.pitwall.request("POST", "/api/v1/write", body=snappy(body), headers={
            "Content-Type": FIRST, "Content-Encoding": "snappy"})
        self.assertEqual(answer.status, 204, answer.body)
        self.assertEqual(self.written(answer), (0, 0, 0))
        self.assertEqual(self.pitwall.value('up{job="j",instance="i"}'), 1)


if __name__ == "__main__":
    unittest.main()
