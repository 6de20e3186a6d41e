"""What Prometheus's compliance suite asks of a remote write sender, asked of Pitwall: the suite's
configuration, its kinds of expositions, a receiver that answers as told, and what has to arrive.

https://github.com/prometheus/compliance, remotewrite/sender, and the specifications "Remote Write
1.0" and "2.0".
"""
import contextlib
import http.server
import math
import random
import struct
import threading
import time
import unittest

from harness import EndToEndTest, Exporter, Pitwall, wait_for
from remote_wire import fields, packed, read_1, read_2, unsnappy
from wire import delimited, encode

FIRST, SECOND = "prometheus.WriteRequest", "io.prometheus.write.v2.Request"
OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PROTOBUF = ("application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
            "encoding=delimited")
STALE = struct.pack("<Q", 0x7FF0000000000002)
COUNTER, GAUGE, HISTOGRAM, SUMMARY = 1, 2, 3, 5

CONFIG = """
global:
  scrape_interval: {interval}

remote_write:
  - url: "http://127.0.0.1:{port}/push"
    protobuf_message: "{message}"
    send_exemplars: true
    queue_config:
      retry_on_http_429: true
{queue}
    metadata_config:
      send: true

scrape_configs:
  - job_name: "test"
    scrape_interval: {interval}
    scrape_protocols:
      - PrometheusProto
      - OpenMetricsText1.0.0
      - PrometheusText0.0.4
    static_configs:
    - targets: ["{target}"]
"""
# Keeps tests of several requests short; 5 s otherwise.
OFTEN = "      batch_send_deadline: 200ms\n      min_backoff: 50ms"


class Series:
    def __init__(self, labels, samples, histograms, exemplars, metadata=(0, "", "")):
        self.pairs, self.labels = labels, dict(labels)
        self.name = self.labels.get("__name__", "")
        self.samples, self.histograms, self.exemplars = samples, histograms, exemplars
        self.type, self.help, self.unit = metadata


class Request:
    def __init__(self, message, method, headers, body):
        self.method, self.headers, self.body, self.at = method, headers, body, time.time()
        self.symbols, self.metadata = [], []
        if message == SECOND:
            self.symbols, series = read_2(unsnappy(body))
        else:
            series, self.metadata = read_1(unsnappy(body))
        self.series = [Series(*parts) for parts in series]

    def named(self, name):
        return [series for series in self.series if series.name == name]


class Receiver:
    """Answers the n-th request with the n-th of `answers`, (status, headers, body), later ones
    with 204; waits delay() before each."""

    def __init__(self, message, answers=(), delay=lambda: 0):
        receiver = self
        self.requests = []
        lock = threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                time.sleep(delay())
                with lock:
                    index = len(receiver.requests)
                    receiver.requests.append(Request(message, self.command, self.headers, body))
                status, headers, text = answers[index] if index < len(answers) else (204, {}, b"")
                with contextlib.suppress(OSError):
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(text)))
                    self.end_headers()
                    self.wfile.write(text)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        # A sender that ends leaves in the middle.
        self.server.handle_error = lambda request, client_address: None
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def samples(self):
        return [(series.labels, sample) for request in self.requests
                for series in request.series for sample in series.samples]


def exposition(text, content_type=OPEN_METRICS):
    """An exporter's answer; `text` may be a function that makes it anew."""
    def answer(request):
        body = text() if callable(text) else text
        if isinstance(body, str):
            body = body.encode() + (b"# EOF\n" if content_type == OPEN_METRICS else b"")
        request.send_response(200)
        if content_type:
            request.send_header("Content-Type", content_type)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)
    return answer


class SenderTest(EndToEndTest):
    def send(self, text, message=SECOND, content_type=OPEN_METRICS, count=1, answers=(), queue="",
             until=None, interval="500ms", **options):
        """The receiver, when it has `count` requests, or when until(receiver)."""
        exporter = self.start(Exporter(exposition(text, content_type)))
        receiver = self.start(Receiver(message, answers, **options))
        pitwall = self.start(Pitwall(CONFIG.format(
            port=receiver.port, message=message, target=exporter.address, queue=queue,
            interval=interval)))
        wait_for(lambda: until(receiver) if until else len(receiver.requests) >= count, 30,
                 what="requests")
        self.pitwall = pitwall
        return receiver

    def first(self, text, **options):
        return self.send(text, **options).requests[0]

    def only(self, request, name):
        found = request.named(name)
        self.assertEqual(len(found), 1, name)
        return found[0]


class Samples(SenderTest):
    def test_values_times_and_starts(self):
        began_ms = int(time.time() * 1000)
        start = began_ms / 1000 - 7200
        request = self.first(
            f"# TYPE test_counter counter\ntest_counter_total 101.13\n"
            f"test_counter_created {start}\n"
            f"# TYPE test_histogram histogram\ntest_histogram_count 100\ntest_histogram_sum 250.0\n"
            f'test_histogram_bucket{{le="+Inf"}} 100\ntest_histogram_created {start}\n'
            f"# TYPE test_gauge_with_ts gauge\ntest_gauge_with_ts 2 {began_ms / 1000}\n",
            interval="1s")
        # All of a scrape is in the first request, once.
        self.assertEqual(
            sorted(series.name for series in request.series),
            ["scrape_duration_seconds", "scrape_samples_post_metric_relabeling",
             "scrape_samples_scraped", "scrape_series_added", "test_counter_created",
             "test_counter_total", "test_gauge_with_ts", "test_histogram_bucket",
             "test_histogram_count", "test_histogram_created", "test_histogram_sum", "up"])
        for series in request.series:
            self.assertEqual(len(series.samples), 1, series.name)
            at, _, start_ms = series.samples[0]
            self.assertGreaterEqual(at, began_ms)
            self.assertLessEqual(start_ms, at)
            self.assertEqual(series.labels["job"], "test")
            self.assertRegex(series.labels["instance"], r"^127\.0\.0\.1:\d+$")
        self.assertEqual(request.named("test_counter_total")[0].samples[0][1], 101.13)
        self.assertEqual(request.named("test_gauge_with_ts")[0].samples, [(began_ms, 2, 0)])
        for name in ("test_counter_total", "test_histogram_count", "test_histogram_bucket"):
            self.assertEqual(request.named(name)[0].samples[0][2], began_ms - 7200000, name)

    def test_encoding_of_values(self):
        values = {"a": "123.45", "b": "42", "c": "0", "d": "-15.5", "e": "+Inf", "f": "-Inf",
                  "g": "1.7976931348623157e+308", "h": "2.2250738585072014e-308",
                  "i": "1.23e-4", "j": "0.123456789012345"}
        request = self.first("".join(f"test_{name} {text}\n" for name, text in values.items())
                             + "test_nan NaN\n")
        for name, text in values.items():
            self.assertEqual(self.only(request, f"test_{name}").samples[0][1], float(text))
        self.assertTrue(math.isnan(self.only(request, "test_nan").samples[0][1]))

    def test_samples_of_a_series_in_order(self):
        at = round(time.time(), 3)
        request = self.first("# TYPE test_counter counter\n" + "".join(
            f"test_counter_total {101.13 + i} {round(at + 15 * i, 3):.3f}\n" for i in range(3)))
        times = [sample[0] for series in request.named("test_counter_total")
                 for sample in series.samples]
        self.assertEqual(times, [round(at * 1000) + 15000 * i for i in range(3)])


class Headers(SenderTest):
    def check(self, request, content_type, version):
        self.assertEqual(request.method, "POST")
        self.assertEqual(request.headers["Content-Encoding"], "snappy")
        self.assertEqual(request.headers["Content-Type"], content_type)
        self.assertEqual(request.headers["X-Prometheus-Remote-Write-Version"], version)
        self.assertRegex(request.headers["User-Agent"], r"^[A-Za-z0-9_-]+/[\d.]+")
        self.assertFalse(request.body.startswith(b"\xff\x06\x00\x00sNaPpY"))

    def test_second(self):
        self.check(self.first("now 1\n"), f"application/x-protobuf;proto={SECOND}", "2.0.0")

    def test_first(self):
        self.check(self.first("now 1\n", message=FIRST), "application/x-protobuf", "0.1.0")


class Labels(SenderTest):
    TEXT = ('test_metric{foo="bar",baz="qux"} 1\ntest_metric1{foo="bar",baz="qux"} 2\n'
            'another_metric{foo="bar"} 3\nempty{foo="",bar="qux"} 4\n'
            'unicode{emoji="🚀",chinese="测试"} 5\nhttp:request:duration:seconds 0.5\n'
            f'large{{x="{"x" * 10000}"}} 6\nmetric_{"very_long_name_" * 50} 7\n')

    def check(self, request):
        for series in request.series:
            names = [name for name, _ in series.pairs]
            self.assertEqual(names, sorted(set(names)))
            self.assertTrue(series.name)
            self.assertTrue(all(value for _, value in series.pairs), series.pairs)
        found = {series.name: {name: value for name, value in series.pairs
                               if name not in ("__name__", "job", "instance")}
                 for series in request.series}
        self.assertEqual(found["empty"], {"bar": "qux"})
        self.assertEqual(found["unicode"], {"emoji": "🚀", "chinese": "测试"})
        self.assertEqual(found["http:request:duration:seconds"], {})
        self.assertEqual(len(found["large"]["x"]), 10000)
        self.assertIn("metric_" + "very_long_name_" * 50, found)

    def test_second(self):
        request = self.first(self.TEXT)
        self.check(request)
        self.assertEqual(request.symbols[0], "")
        self.assertEqual(len(request.symbols), len(set(request.symbols)))

    def test_first(self):
        self.check(self.first(self.TEXT, message=FIRST))


class Metadata(SenderTest):
    TEXT = """# HELP http_requests_total Total 🚀 requests
# TYPE http_requests_total counter
http_requests_total 100
# HELP memory_usage_bytes Current memory usage
# TYPE memory_usage_bytes gauge
# UNIT memory_usage_bytes bytes
memory_usage_bytes 1048576
# TYPE request_duration_seconds histogram
request_duration_seconds_bucket{le="+Inf"} 100
request_duration_seconds_sum 50.0
request_duration_seconds_count 100
# TYPE rpc_duration_seconds summary
rpc_duration_seconds{quantile="0.5"} 0.05
rpc_duration_seconds_sum 100.0
rpc_duration_seconds_count 1000
"""

    def test_second_with_the_first_samples(self):
        request = self.first(self.TEXT.replace("http_requests_total counter",
                                               "http_requests counter")
                             .replace("HELP http_requests_total", "HELP http_requests"))
        self.assertEqual({series.name: (series.type, series.help, series.unit)
                          for series in request.series if series.type}, {
            "http_requests_total": (COUNTER, "Total 🚀 requests", ""),
            "memory_usage_bytes": (GAUGE, "Current memory usage", "bytes"),
            "request_duration_seconds_bucket": (HISTOGRAM, "", ""),
            "request_duration_seconds_sum": (HISTOGRAM, "", ""),
            "request_duration_seconds_count": (HISTOGRAM, "", ""),
            "rpc_duration_seconds": (SUMMARY, "", ""),
            "rpc_duration_seconds_sum": (SUMMARY, "", ""),
            "rpc_duration_seconds_count": (SUMMARY, "", "")})

    def test_first_behind_the_samples(self):
        receiver = self.send(self.TEXT, message=FIRST, content_type="text/plain", count=2)
        self.assertFalse(receiver.requests[0].metadata)
        self.assertTrue(receiver.requests[0].named("up"))
        self.assertFalse(receiver.requests[1].series)
        self.assertIn((COUNTER, "http_requests_total", "Total 🚀 requests", ""),
                      receiver.requests[1].metadata)


class Exemplars(SenderTest):
    TEXT = ("# TYPE http_request_duration_seconds histogram\n"
            'http_request_duration_seconds_bucket{le="0.1"} 50'
            ' # {trace_id="abc123xyz"} 0.05 1234567890.123\n'
            'http_request_duration_seconds_bucket{le="+Inf"} 100\n'
            "http_request_duration_seconds_sum 10.5\nhttp_request_duration_seconds_count 100\n"
            "# TYPE http_requests counter\n"
            'http_requests_total 1000 # {trace_id="abc123",span_id="def456"} 999\n')

    def check(self, message, read_labels):
        request = self.first(self.TEXT, message=message)
        found = {}
        for series in request.series:
            for exemplar in series.exemplars:
                parts = list(fields(exemplar))
                value = struct.unpack("<d", dict(parts)[2])[0]
                found[series.name] = (read_labels(request, parts), value, dict(parts)[3])
        at = self.only(request, "up").samples[0][0]
        self.assertEqual(found, {
            "http_request_duration_seconds_bucket": ({"trace_id": "abc123xyz"}, 0.05,
                                                     1234567890123),
            "http_requests_total": ({"trace_id": "abc123", "span_id": "def456"}, 999, at)})

    def test_second(self):
        def labels(request, parts):
            refs = packed(dict(parts)[1])
            return {request.symbols[name]: request.symbols[value]
                    for name, value in zip(refs[::2], refs[1::2])}
        self.check(SECOND, labels)

    def test_first(self):
        def labels(_, parts):
            return {dict(fields(pair))[1].decode(): dict(fields(pair))[2].decode()
                    for number, pair in parts if number == 1}
        self.check(FIRST, labels)


class Histograms(SenderTest):
    """The suite scrapes native histograms in protobuf; they are sent as what was asked for."""

    def scrape(self, histograms):
        body = b"".join(delimited(encode(
            "metrics.proto", "io.prometheus.client.MetricFamily",
            f'name: "{name}" type: HISTOGRAM metric {{ histogram {{ {text} }} }}'))
            for name, text in histograms.items())
        return self.first(body, content_type=PROTOBUF)

    def test_counts_and_sums(self):
        request = self.scrape({
            "struct": "sample_count: 10 sample_sum: 25.5 schema: 3"
                      " positive_span {offset: 0 length: 1} positive_delta: 10",
            "plain": "sample_count: 100 sample_sum: 250.5 schema: 3",
            # Its buckets hold 4 of 100: only what takes them as buckets minds.
            "lacking": "sample_count: 100 sample_sum: 250.0 schema: 3"
                       " positive_span {offset: 8 length: 2} positive_delta: 1 positive_delta: 2",
            "negative": "sample_count: 50 sample_sum: -25.0 schema: 3"
                        " negative_span {offset: 5 length: 1} negative_delta: 5",
            "zero": "sample_count: 10 sample_sum: 0.0 schema: 3 zero_count: 5",
            "empty": "sample_count: 0 sample_sum: 0.0 schema: 3",
            "large": "sample_count: 1000000000 sample_sum: 5000000000.0 schema: 3"})
        values = {series.name: series.samples[0][1] for series in request.series}
        self.assertEqual(values["up"], 1)
        for name, count, total in (("struct", 10, 25.5), ("plain", 100, 250.5),
                                   ("lacking", 100, 250), ("negative", 50, -25), ("zero", 10, 0),
                                   ("empty", 0, 0), ("large", 1e9, 5e9)):
            self.assertEqual((values[f"{name}_count"], values[f"{name}_sum"]), (count, total))
        for series in request.series:
            self.assertFalse(series.histograms and series.samples)


class Answers(SenderTest):
    """Which answers make it send once more."""

    def times(self, answers, **options):
        receiver = self.send("test_metric 42\n", answers=answers, count=len(answers) + 1,
                             queue=OFTEN, **options)
        return [request.series[0].samples[0][0] for request in receiver.requests], receiver

    def test_refused_for_good(self):
        times, _ = self.times([(400, {}, b"Error: Invalid label name '__invalid__'")]
                              + [(status, {}, b"no" * 100000) for status in (401, 404, 413)])
        self.assertEqual(len(set(times)), 5, times)
        log = (self.pitwall.folder / "log").read_text()
        self.assertIn("HTTP status 400: Error: Invalid label name '__invalid__'", log)
        self.assertIn("HTTP status 413: body size limit", log)

    def test_sent_again(self):
        times, _ = self.times([(500, {}, b""), (204, {}, b""), (503, {}, b""), (200, {}, b"OK"),
                               (502, {}, b""), (204, {}, b"")])
        self.assertEqual(times[0::2][:3], times[1::2][:3])
        self.assertEqual(len(set(times)), 4)

    def test_too_many(self):
        times, receiver = self.times([(429, {"Retry-After": "1"}, b""), (204, {}, b"")])
        self.assertEqual(times[0], times[1])
        self.assertNotEqual(times[1], times[2])
        self.assertGreaterEqual(receiver.requests[1].at - receiver.requests[0].at, 0.9)

    def test_backs_off(self):
        times, receiver = self.times([(503, {}, b"")] * 4)
        self.assertEqual(len(set(times)), 1)
        at = [request.at for request in receiver.requests]
        gaps = [later - earlier for earlier, later in zip(at, at[1:])]
        self.assertEqual(gaps, sorted(gaps))
        self.assertGreater(gaps[-1], 2 * gaps[0])

    def test_second_not_taken(self):
        """415: 1.0 from then on."""
        kinds = []
        exporter = self.start(Exporter(exposition("test_metric 42\n")))

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                kinds.append(self.headers["Content-Type"])
                self.send_response(415 if "v2" in kinds[-1] else 204)
                self.end_headers()

            def log_message(self, *args):
                pass
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.start(Pitwall(CONFIG.format(port=server.server_address[1], message=SECOND,
                                         target=exporter.address, queue=OFTEN,
                                         interval="500ms")))
        wait_for(lambda: len(kinds) >= 4, what="requests")
        self.assertEqual([("v2" in text) for text in kinds[:4]], [True, False, False, False])


class First(SenderTest):
    """The cases of the older suite, which knows 1.0 only."""

    def send_text(self, text, until, **options):
        """As from a server that does not say what it sends."""
        return self.send(text, message=FIRST, content_type="text/plain; charset=utf-8",
                         until=until, queue=OFTEN, **options)

    def values(self, receiver, **labels):
        return [sample[1] for own, sample in receiver.samples()
                if all(own.get(name) == value for name, value in labels.items())]

    def has(self, **labels):
        return lambda receiver: self.values(receiver, **labels)

    def test_kinds(self):
        receiver = self.send_text(
            "# TYPE c counter\nc 1\n# TYPE g gauge\ng 2\n# TYPE h histogram\n"
            'h_bucket{le="1"} 1\nh_bucket{le="+Inf"} 3\nh_sum 4\nh_count 3\n'
            '# TYPE s summary\ns{quantile="0.5"} 7\ns_sum 8\ns_count 9\n',
            self.has(__name__="up", job="test"))
        for name, value in (("c", 1), ("g", 2), ("h_sum", 4), ("h_count", 3), ("s", 7),
                            ("s_sum", 8), ("s_count", 9), ("up", 1)):
            self.assertEqual(set(self.values(receiver, __name__=name, job="test")), {value}, name)
        self.assertEqual(self.values(receiver, __name__="h_bucket", le="1.0")[0], 1)
        self.assertEqual(self.values(receiver, __name__="h_bucket", le="+Inf")[0], 3)
        for labels, _ in receiver.samples():
            self.assertEqual(labels["job"], "test")
            self.assertRegex(labels["instance"], r"^.*:\d+$")

    def test_scrapes_that_fail(self):
        for text in ("\n# this is not valid prometheus\n1234notvali}{ 444\n",
                     '\n# TYPE test gauge\ntest{a="1",a="1"} 1.0\n',
                     '\n# TYPE test gauge\n{label="value"} 1.0\n'):
            with self.subTest(text):
                receiver = self.send_text(text, self.has(__name__="up", job="test"))
                self.assertEqual(set(self.values(receiver, __name__="up")), {0})
                self.assertFalse(self.values(receiver, __name__="test"))
                self.assertFalse(self.values(receiver, label="value"))

    def test_labels_of_the_target_win(self):
        receiver = self.send_text('test{job="original",instance="foo"} 1\n',
                                  self.has(__name__="test"))
        self.assertTrue(self.values(receiver, __name__="test", exported_job="original",
                                    exported_instance="foo", job="test"))

    def test_staleness(self):
        texts = iter(["stale 1\n"])
        receiver = self.send_text(
            lambda: next(texts, "\n"),
            lambda receiver: len(self.values(receiver, __name__="stale")) == 2)
        values = self.values(receiver, __name__="stale")
        self.assertEqual(values[0], 1)
        self.assertEqual(struct.pack("<d", values[1]), STALE)

    def test_order(self):
        """However slowly and unevenly the other end answers."""
        chance = random.Random(1)
        receiver = self.send_text(
            "".join(f'test{{i="{i}"}} 1\n' for i in range(1000)),
            lambda receiver: len(self.values(receiver, __name__="test")) >= 4000,
            delay=lambda: chance.random())
        last = {}
        for labels, (at, _, _) in receiver.samples():
            key = tuple(sorted(labels.items()))
            self.assertLess(last.get(key, 0), at)
            last[key] = at

    def test_times_do_not_go_back(self):
        began_ms = time.time() * 1000
        receiver = self.send_text("gauge 42\n",
                                  lambda receiver: len(self.values(receiver, __name__="gauge")) > 2)
        times = [at for _, (at, _, _) in receiver.samples()]
        self.assertEqual(times, sorted(times))
        self.assertGreater(times[0], began_ms)
        self.assertLess(times[-1], time.time() * 1000)

    def test_first_answer(self):
        for status, again in ((500, True), (400, False)):
            receiver = self.send_text("now 1\n", lambda receiver: len(receiver.requests) > 2,
                                      answers=[(status, {}, b"")])
            first = [request.named("now")[0].samples[0][0] for request in receiver.requests[:1]]
            later = [series.samples[0][0] for request in receiver.requests[1:]
                     for series in request.named("now")]
            self.assertEqual(first[0] in later, again, status)


if __name__ == "__main__":
    unittest.main()
