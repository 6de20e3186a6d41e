"""Scraping OpenMetrics and protobuf: what Python's client serves, messages made by protoc, and the
same classic histogram through every format."""
import struct
import subprocess
import sys
import time
import unittest

from harness import EndToEndTest, Exporter, Pitwall, wait_for
from wire import delimited, encode

# Serves OpenMetrics to whoever asks for it.
CLIENT = """
import sys
from prometheus_client import CollectorRegistry, Counter, Histogram, Gauge, Summary, Info, Enum
from prometheus_client.openmetrics.exposition import generate_latest
r = CollectorRegistry()
Counter('orders', 'Orders sent.', ['venue'], registry=r).labels('a "b"').inc(
    3, {'trace_id': 'abc'})
h = Histogram('fill_seconds', 'Time to fill.', unit='seconds', buckets=(1, 2.5), registry=r)
h.observe(0.5, {'trace_id': 'x'})
h.observe(2)
Summary('size_bytes', 'Sizes.', registry=r).observe(7)
Gauge('open', 'Open orders.', registry=r).set(-2)
Info('build', 'What runs.', registry=r).info({'version': '1.2'})
Enum('mode', 'How.', states=['on', 'off'], registry=r).state('off')
sys.stdout.buffer.write(generate_latest(r))
"""

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PROTOBUF = ("application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
            "encoding=delimited")


def python_with_client():
    for candidate in ("/usr/bin/python3", sys.executable):
        if subprocess.run([candidate, "-c", "import prometheus_client"], capture_output=True,
                          check=False).returncode == 0:
            return candidate
    raise unittest.SkipTest("no Python with prometheus_client")


def family(text):
    return delimited(encode("metrics.proto", "io.prometheus.client.MetricFamily", text))


class Exposition(EndToEndTest):
    def watch(self, body, content_type, extra=""):
        def answer(request):
            request.send_response(200)
            request.send_header("Content-Type", content_type)
            request.send_header("Content-Length", str(len(body)))
            request.end_headers()
            request.wfile.write(body)
        self.exporter = self.start(Exporter(answer))
        return self.start(Pitwall(self.scrape_config(self.exporter, extra=extra)))

    def scrape(self, body, content_type, extra=""):
        """A Pitwall that has scraped the body."""
        pitwall = self.watch(body, content_type, extra)
        wait_for(lambda: pitwall.value("up{job='j'}") is not None, what="a scrape")
        self.assertEqual(pitwall.targets()["activeTargets"][0]["lastError"], "")
        return pitwall

    def series(self, pitwall, metric):
        """Values by labels, without the target's."""
        found = pitwall.query(f'{{__name__=~"{metric}"}}')
        return {tuple(pair for pair in labels if pair[0] not in ("instance", "job")): float(value)
                for labels, value in found.items()}

    def exemplars(self, pitwall, query):
        now = time.time()
        answer = pitwall.get("/api/v1/query_exemplars", {"query": query, "start": now - 600,
                                                         "end": now + 600})
        return [(series["seriesLabels"]["__name__"], exemplar["labels"], exemplar["value"])
                for series in answer.json["data"] for exemplar in series["exemplars"]]

    def test_python_client(self):
        body = subprocess.run([python_with_client(), "-c", CLIENT], capture_output=True,
                              check=True).stdout
        pitwall = self.scrape(body, OPENMETRICS)
        accept = self.exporter.requests[0][1]["Accept"]
        self.assertEqual(accept, "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;"
                         "q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;"
                         "version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,"
                         "*/*;q=0.2")
        self.assertEqual(self.series(pitwall, "orders_total|fill_.*_(bucket|count|sum)|open"), {
            (("__name__", "orders_total"), ("venue", 'a "b"')): 3,
            (("__name__", "fill_seconds_bucket"), ("le", "1.0")): 1,
            (("__name__", "fill_seconds_bucket"), ("le", "2.5")): 2,
            (("__name__", "fill_seconds_bucket"), ("le", "+Inf")): 2,
            (("__name__", "fill_seconds_count"),): 2,
            (("__name__", "fill_seconds_sum"),): 2.5,
            (("__name__", "open"),): -2})
        self.assertEqual(self.series(pitwall, "build_info|mode"), {
            (("__name__", "build_info"), ("version", "1.2")): 1,
            (("__name__", "mode"), ("mode", "on")): 0,
            (("__name__", "mode"), ("mode", "off")): 1})
        self.assertLess(abs(pitwall.value("orders_created") - time.time()), 600)
        self.assertEqual(self.exemplars(pitwall, "orders_total"),
                         [("orders_total", {"trace_id": "abc"}, "3")])
        self.assertEqual(self.exemplars(pitwall, "fill_seconds_bucket"),
                         [("fill_seconds_bucket", {"trace_id": "x"}, "0.5")])
        metadata = pitwall.get("/api/v1/metadata").json["data"]
        self.assertEqual(metadata["fill_seconds"],
                         [{"type": "histogram", "help": "Time to fill.", "unit": "seconds"}])
        self.assertEqual(metadata["mode"][0]["type"], "stateset")

    NATIVE = ('name: "h" help: "Help." type: HISTOGRAM metric { label {name: "a" value: "b"}'
              " histogram { sample_count: 6 sample_sum: 12.5"
              " bucket {cumulative_count: 3 upper_bound: 2"
              '   exemplar {label {name: "t" value: "x"} value: 1.5'
              "     timestamp {seconds: %d}}}"
              " bucket {cumulative_count: 6 upper_bound: 4}"
              " schema: 0 zero_threshold: 0.001 zero_count: 1"
              " positive_span {offset: 1 length: 2} positive_delta: 2 positive_delta: 1 } }")

    def test_protobuf(self):
        body = (family('name: "c_total" type: COUNTER metric {'
                       ' label {name: "z" value: "1"} label {name: "b" value: "y"}'
                       " counter {value: 7 created_timestamp {seconds: 1700000000}} }"
                       " metric { counter {} }")
                + family('name: "s" type: SUMMARY metric { summary {sample_count: 4'
                         " sample_sum: 2.5 quantile {quantile: 0.5 value: 1}} }")
                + family('name: "empty"')
                + family('name: "u.v" type: UNTYPED metric {untyped {value: -0.5}}')
                + family(self.NATIVE % int(time.time())))
        pitwall = self.scrape(body, PROTOBUF)
        self.assertEqual(self.series(pitwall, "c_total|s|s_.*|u.v|h.*"), {
            (("__name__", "c_total"), ("b", "y"), ("z", "1")): 7,
            (("__name__", "c_total"),): 0,
            (("__name__", "s_count"),): 4,
            (("__name__", "s_sum"),): 2.5,
            (("__name__", "s"), ("quantile", "0.5")): 1,
            (("__name__", "u.v"),): -0.5,
            (("__name__", "h_count"), ("a", "b")): 6,
            (("__name__", "h_sum"), ("a", "b")): 12.5,
            (("__name__", "h_bucket"), ("a", "b"), ("le", "2.0")): 3,
            (("__name__", "h_bucket"), ("a", "b"), ("le", "4.0")): 6,
            (("__name__", "h_bucket"), ("a", "b"), ("le", "+Inf")): 6})
        self.assertEqual(self.exemplars(pitwall, "h_bucket"),
                         [("h_bucket", {"t": "x"}, "1.5")])

    def test_native_histogram(self):
        body = family(self.NATIVE % int(time.time()))
        pitwall = self.scrape(body, PROTOBUF, "  scrape_native_histograms: true\n")
        self.assertIn("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
                      "encoding=delimited;q=0.6", self.exporter.requests[0][1]["Accept"])
        self.assertEqual(pitwall.value("histogram_count(h)"), 6)
        self.assertEqual(pitwall.value("histogram_sum(h)"), 12.5)
        self.assertEqual(pitwall.value("histogram_fraction(0, 2, h)"), 0.5)
        self.assertEqual(pitwall.query("h_bucket"), {})
        self.assertEqual(pitwall.value("scrape_samples_scraped"), 1)
        self.assertEqual(self.exemplars(pitwall, "h"), [("h", {"t": "x"}, "1.5")])

    def test_convert_in_every_format(self):
        text = (b'# TYPE h histogram\nh_bucket{le="2"} 3\nh_bucket{le="4"} 6\n'
                b'h_bucket{le="+Inf"} 6\nh_count 6\nh_sum 12.5\n')
        proto = family('name: "h" type: HISTOGRAM metric { histogram {sample_count: 6'
                       " sample_sum: 12.5 bucket {cumulative_count: 3 upper_bound: 2}"
                       " bucket {cumulative_count: 6 upper_bound: 4} } }")
        for body, content_type in ((text, "text/plain; version=0.0.4"),
                                   (text + b"# EOF\n", OPENMETRICS), (proto, PROTOBUF)):
            with self.subTest(content_type):
                pitwall = self.scrape(body, content_type,
                                      "  convert_classic_histograms_to_nhcb: true\n")
                self.assertEqual(pitwall.value("histogram_count(h)"), 6)
                self.assertEqual(pitwall.value("histogram_quantile(0.75, h)"), 3)
                self.assertEqual(pitwall.query('{__name__=~"h_.*"}'), {})

    def test_target_overrides(self):
        body = family(self.NATIVE % int(time.time()))
        pitwall = self.scrape(body, PROTOBUF, """  relabel_configs:
  - {target_label: __scrape_native_histograms__, replacement: "true"}
  - {target_label: __always_scrape_classic_histograms__, replacement: "true"}
  native_histogram_bucket_limit: 1
""")
        # Two buckets, (1,2] and (2,4], are (1,4] of the next coarser schema at (1,4].
        self.assertEqual(pitwall.value("histogram_count(h)"), 6)
        self.assertEqual(pitwall.value("histogram_fraction(1, 4, h) * 6"), 5)
        self.assertEqual(pitwall.value("h_bucket{le='2.0'}"), 3)
        found = pitwall.targets()["activeTargets"][0]
        self.assertEqual(found["discoveredLabels"]["__scrape_native_histograms__"], "false")
        self.assertNotIn("__scrape_native_histograms__", found["labels"])

    def test_broken_bodies_fail_the_scrape(self):
        bad = family('name: "c" type: COUNTER metric {counter {value: 1}}')[:-1]
        for body, content_type, error in (
                (b"a 1\n", OPENMETRICS, "data does not end with # EOF"),
                (b"# EOF\na 1\n", OPENMETRICS, "unexpected data after # EOF"),
                (bad, PROTOBUF, "malformed message"),
                (struct.pack("B", 0xFF) * 12, PROTOBUF, "malformed message"),
                (b"a 1\n", "application/json", "received unsupported Content-Type")):
            with self.subTest(error):
                pitwall = self.watch(body, content_type)
                found = wait_for(lambda p=pitwall: p.targets()["activeTargets"][0]["lastError"],
                                 what="the scrape to fail")
                self.assertIn(error, found)
                self.assertEqual(pitwall.query("a"), {})

    def test_fallback(self):
        pitwall = self.scrape(b"a 1\n# EOF\n", "application/octet-stream",
                              "  fallback_scrape_protocol: OpenMetricsText1.0.0\n")
        self.assertEqual(pitwall.value("a"), 1)


if __name__ == "__main__":
    unittest.main()
