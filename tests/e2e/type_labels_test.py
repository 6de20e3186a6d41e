"""--enable-feature=type-and-unit-labels: __type__ and __unit__ on what is scraped and pushed."""
import json
import time
import unittest

from harness import EndToEndTest, Exporter, Pitwall, wait_for
from wire import delimited, encode, snappy

FAMILIES = """
name: "wait_seconds" type: SUMMARY unit: "seconds"
metric { summary { sample_count: 3 sample_sum: 4 quantile { quantile: 0.5 value: 1 } } }
""", """
name: "depth" type: UNTYPED metric { untyped { value: 7 } }
"""

REQUEST = """
symbols: "" symbols: "__name__" symbols: "pushed" symbols: "__type__" symbols: "mine"
symbols: "bytes" symbols: "plain"
timeseries {{ labels_refs: [1, 2, 3, 4] metadata {{ type: METRIC_TYPE_GAUGE unit_ref: 5 }}
              samples {{ value: 1 timestamp: {now} }} }}
timeseries {{ labels_refs: [1, 6, 3, 4] samples {{ value: 2 timestamp: {now} }} }}
"""


class TypeLabels(EndToEndTest):
    def types(self, pitwall, expression):
        return {(dict(labels)["__name__"], dict(labels).get("__type__"),
                 dict(labels).get("__unit__")) for labels in pitwall.query(expression)}

    def test_labels(self):
        body = b"".join(delimited(encode("metrics.proto", "io.prometheus.client.MetricFamily",
                                         text)) for text in FAMILIES)

        def answer(request):
            request.send_response(200)
            request.send_header("Content-Type", "application/vnd.google.protobuf; "
                                "proto=io.prometheus.client.MetricFamily; encoding=delimited")
            request.send_header("Content-Length", str(len(body)))
            request.end_headers()
            request.wfile.write(body)
        exporter = self.start(Exporter(answer))
        pitwall = self.start(Pitwall(self.scrape_config(exporter),
                                     flags=["--enable-feature=type-and-unit-labels"]))
        wait_for(lambda: pitwall.value("depth") == 7, what="a scrape")
        self.assertEqual(self.types(pitwall, '{job="j"}'), {
            ("wait_seconds", "summary", "seconds"), ("wait_seconds_sum", "summary", "seconds"),
            ("wait_seconds_count", "summary", "seconds"), ("depth", None, None),
            ("up", None, None), ("scrape_duration_seconds", None, None),
            ("scrape_samples_scraped", None, None), ("scrape_series_added", None, None),
            ("scrape_samples_post_metric_relabeling", None, None),
            *((name, None, None) for name in ("scrape_timeout_seconds", "scrape_sample_limit",
                                              "scrape_body_size_bytes")
              if pitwall.query(name))})
        now = int(time.time() * 1000)
        request = encode("write_2.proto", "io.prometheus.write.v2.Request",
                         REQUEST.format(now=now))
        headers = {"Content-Type":
                   "application/x-protobuf;proto=io.prometheus.write.v2.Request",
                   "Content-Encoding": "snappy"}
        for _ in range(2):  # the second finds the series in the cache
            pushed = pitwall.request("POST", "/api/v1/write", body=snappy(request),
                                     headers=headers)
            self.assertEqual(pushed.status, 204, pushed.body)
        self.assertEqual(self.types(pitwall, '{__name__=~"pushed|plain"}'),
                         {("pushed", "gauge", "bytes"), ("plain", "mine", None)})
        otlp = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [{
            "name": "sent", "unit": "By",
            "sum": {"aggregationTemporality": 2, "isMonotonic": True,
                    "dataPoints": [{"timeUnixNano": str(now * 10**6), "asInt": "5"}]}}]}]}]}
        pushed = pitwall.request("POST", "/api/v1/otlp/v1/metrics",
                                 body=json.dumps(otlp).encode(),
                                 headers={"Content-Type": "application/json"})
        self.assertEqual(pushed.status, 200, pushed.body)
        self.assertEqual(self.types(pitwall, '{__name__=~"sent.*"}'),
                         {("sent_bytes_total", "counter", "bytes")})


if __name__ == "__main__":
    unittest.main()
