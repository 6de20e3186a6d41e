"""OTLP metrics into Pitwall: messages made by protoc and as JSON, hostile ones, and a real SDK."""
import gzip
import json
import pathlib
import subprocess
import time
import unittest
import zlib

from harness import BINARY, EndToEndTest, Pitwall
from wire import decode, encode

PROTO = "otlp_metrics.proto"
PATHS = ("/api/v1/otlp/v1/metrics", "/otlp/v1/metrics", "/v1/metrics")
SDK = pathlib.Path(__file__).resolve().parents[1] / "otel"
DELTA, CUMULATIVE = 1, 2


def attributes(**pairs):
    return [{"key": key.replace("__", "."), "value": {"stringValue": value}}
            for key, value in pairs.items()]


class Otlp(EndToEndTest):
    CONFIG = "scrape_configs: []\n"

    @classmethod
    def setUpClass(cls):
        cls.pitwall = Pitwall(cls.CONFIG)
        cls.addClassCleanup(cls.pitwall.close)
        cls.now = int(time.time())

    def nanos(self, ago=0):
        return str((self.now - ago) * 10**9)

    def post(self, body, content_type="application/json", path=PATHS[0], encoding=None):
        headers = {"Content-Type": content_type}
        if encoding:
            headers["Content-Encoding"] = encoding
        return self.pitwall.request("POST", path, body=body, headers=headers)

    def send(self, *metrics, resource=None, scope=None):
        """Metrics as JSON; the answer must be a success."""
        answer = self.post(self.request(*metrics, resource=resource, scope=scope))
        self.assertEqual(answer.status, 200, answer.body)
        return answer.json

    def request(self, *metrics, resource=None, scope=None):
        return json.dumps({"resourceMetrics": [{
            "resource": {"attributes": resource if resource is not None
                         else attributes(service__name="gateway")},
            "scopeMetrics": [{"scope": scope or {"name": "test"},
                              "metrics": list(metrics)}]}]}).encode()

    def point(self, value, ago=0, **more):
        return {"asDouble": value, "timeUnixNano": self.nanos(ago),
                "startTimeUnixNano": self.nanos(3600), **more}

    def sum(self, name, value, ago=0, temporality=CUMULATIVE, monotonic=True, unit="", **more):
        return {"name": name, "unit": unit, "sum": {
            "aggregationTemporality": temporality, "isMonotonic": monotonic,
            "dataPoints": [self.point(value, ago, **more)]}}

    def gauge(self, name, value, unit="", ago=0, **more):
        return {"name": name, "unit": unit,
                "gauge": {"dataPoints": [self.point(value, ago, **more)]}}

    def names(self, metric):
        return sorted(dict(labels)["__name__"] for labels in
                      self.pitwall.query(f'{{__name__=~"{metric}"}}', self.now))

    def labels(self, expression, at=None):
        return [dict(labels) for labels in self.pitwall.query(expression, at or self.now)]


class Translation(Otlp):
    def test_numbers(self):
        self.send(self.sum("fills", 7, unit="{fill}", attributes=attributes(venue__id="XLON")),
                  self.gauge("load", 0.25, unit="1"), self.gauge("room", 3, unit="By"),
                  self.sum("open.orders", 4, monotonic=False),
                  {"name": "whole", "gauge": {"dataPoints": [
                      {"asInt": "9007199254740993", "timeUnixNano": self.nanos()}]}},
                  resource=attributes(service__name="gw", service__namespace="fx",
                                      service__instance__id="i-1", host="h"))
        ours = {"instance": "i-1", "job": "fx/gw"}
        self.assertEqual(self.labels("fills_total"),
                         [{"__name__": "fills_total", "venue_id": "XLON", **ours}])
        self.assertEqual(self.pitwall.value("fills_total", self.now), 7)
        self.assertEqual(self.labels("load_ratio"), [{"__name__": "load_ratio", **ours}])
        self.assertEqual(self.pitwall.value("room_bytes", self.now), 3)
        self.assertEqual(self.pitwall.value("open_orders", self.now), 4)
        self.assertEqual(self.pitwall.query("whole"),
                         {(("__name__", "whole"), *sorted(ours.items())): "9007199254740992"})
        self.assertEqual(self.labels('target_info{job="fx/gw"}'),
                         [{"__name__": "target_info", "host": "h", **ours}])

    def test_values_of_attributes(self):
        kinds = {"b": {"boolValue": True}, "i": {"intValue": "-5"}, "d": {"doubleValue": 1.5},
                 "by": {"bytesValue": "AQI="}, "e": {},
                 "a": {"arrayValue": {"values": [{"intValue": 1}, {"stringValue": "<x>"}]}},
                 "m": {"kvlistValue": {"values": [
                     {"key": "z", "value": {"boolValue": False}},
                     {"key": "a", "value": {"doubleValue": 2}}]}}}
        self.send(self.gauge("kinds", 1, attributes=[{"key": key, "value": value}
                                                     for key, value in kinds.items()]))
        found, = self.labels("kinds")
        self.assertEqual({key: found.get(key) for key in kinds}, {
            "b": "true", "i": "-5", "d": "1.5", "by": "AQI=", "e": None,
            "a": '[1,"\\u003cx\\u003e"]', "m": '{"a":2,"z":false}'})

    def test_colliding_names(self):
        self.send(self.gauge("collide", 1, attributes=attributes(**{"a-b": "2", "a.b": "1",
                                                                    "_c": "3", "1d": "4"})))
        found, = self.labels("collide")
        self.assertEqual(found, {"__name__": "collide", "a_b": "2;1", "key_c": "3",
                                 "key_1d": "4", "job": "gateway"})

    def test_histogram(self):
        self.send({"name": "took", "unit": "s", "description": "How long.", "histogram": {
            "aggregationTemporality": "AGGREGATION_TEMPORALITY_CUMULATIVE", "dataPoints": [{
                "timeUnixNano": self.nanos(), "count": "6", "sum": 9.5,
                "bucketCounts": ["1", 2, "3"], "explicitBounds": [0.5, 1], "exemplars": [{
                    "timeUnixNano": self.nanos(), "asDouble": 0.7,
                    "traceId": "0102030405060708090a0b0c0d0e0f10",
                    "spanId": "0102030405060708"}]}]}})
        self.assertEqual(
            {dict(labels)["le"]: value for labels, value in
             self.pitwall.query("took_seconds_bucket", self.now).items()},
            {"0.5": "1", "1": "3", "+Inf": "6"})
        self.assertEqual(self.pitwall.value("took_seconds_sum", self.now), 9.5)
        self.assertEqual(self.pitwall.value("took_seconds_count", self.now), 6)
        found = self.pitwall.get("/api/v1/query_exemplars", {
            "query": "took_seconds_bucket", "start": self.now - 10,
            "end": self.now + 10}).json["data"]
        self.assertEqual([(s["seriesLabels"]["le"], e["labels"], e["value"])
                          for s in found for e in s["exemplars"]],
                         [("1", {"trace_id": "0102030405060708090a0b0c0d0e0f10",
                                 "span_id": "0102030405060708"}, "0.7")])
        self.assertEqual(
            self.pitwall.get("/api/v1/metadata", {"metric": "took_seconds"}).json["data"],
            {"took_seconds": [{"type": "histogram", "help": "How long.", "unit": "seconds"}]})

    def exponential(self, name, scale, offset, counts, **more):
        return {"name": name, "exponentialHistogram": {
            "aggregationTemporality": CUMULATIVE, "dataPoints": [{
                "timeUnixNano": self.nanos(), "count": str(sum(counts) + 1), "sum": 5,
                "scale": scale, "zeroCount": "1",
                "positive": {"offset": offset, "bucketCounts": [str(c) for c in counts]},
                **more}]}}

    def test_exponential_histogram(self):
        # Scale 0, index 0: (1, 2]; index 1: (2, 4].
        self.send(self.exponential("native", 0, 0, [2, 3]))
        self.assertEqual(self.pitwall.value("histogram_count(native)", self.now), 6)
        self.assertEqual(self.pitwall.value("histogram_fraction(0, 1, native) * 6", self.now), 1)
        self.assertEqual(self.pitwall.value("histogram_fraction(1, 2, native) * 6", self.now), 2)
        self.assertEqual(self.pitwall.value("histogram_fraction(2, 4, native) * 6", self.now), 3)
        # Scale 9 becomes 8: pairs of buckets are one.
        self.send(self.exponential("fine", 9, 0, [1, 1, 5]))
        self.assertAlmostEqual(self.pitwall.value(
            f"histogram_fraction(1, {2 ** (1 / 256)}, fine) * 8", self.now), 2)

    def test_too_coarse(self):
        told = self.send(self.exponential("coarse", -5, 0, [1]), self.gauge("beside", 1))
        self.assertEqual(told["partialSuccess"]["rejectedDataPoints"], "1")
        self.assertIn("scale must be from -4", told["partialSuccess"]["errorMessage"])
        self.assertEqual(self.pitwall.value("beside", self.now), 1)

    def test_summary(self):
        self.send({"name": "old", "summary": {"dataPoints": [{
            "timeUnixNano": self.nanos(), "count": 4, "sum": 10,
            "quantileValues": [{"quantile": 0.5, "value": 2}, {"quantile": 1, "value": 7}]}]}})
        self.assertEqual({dict(labels)["quantile"]: value for labels, value in
                          self.pitwall.query("old", self.now).items()}, {"0.5": "2", "1": "7"})
        self.assertEqual(self.pitwall.value("old_sum / old_count", self.now), 2.5)

    def test_no_recorded_value(self):
        self.send(self.gauge("gone", 1, ago=20))
        self.send(self.gauge("gone", 0, ago=10, flags=1))
        self.assertEqual(self.pitwall.value("gone", self.now - 15), 1)
        self.assertIsNone(self.pitwall.value("gone", self.now))

    def test_special_numbers(self):
        self.send(self.gauge("no_number", "NaN"), self.gauge("below_all", "-Infinity"))
        self.assertEqual(list(self.pitwall.query("no_number", self.now).values()), ["NaN"])
        self.assertEqual(list(self.pitwall.query("below_all", self.now).values()), ["-Inf"])

    def test_names_of_the_proto_files(self):
        body = {"resource_metrics": [{"scope_metrics": [{"metrics": [{
            "name": "snake", "unknown": [1, {"a": None}], "gauge": {"data_points": [
                {"as_int": 5, "time_unix_nano": int(self.nanos()), "flags": None}]}}]}]}]}
        self.assertEqual(self.post(json.dumps(body).encode()).status, 200)
        self.assertEqual(self.pitwall.value('snake{job=""}', self.now), 5)

    def test_delta(self):
        for value, ago in ((5, 30), (2, 20), (4, 10)):
            self.send(self.sum("steps", value, ago, DELTA))
        # Once more, as after an answer that was lost: told, and not counted twice.
        told = self.send(self.sum("steps", 4, 10, DELTA))
        self.assertEqual(told["partialSuccess"]["rejectedDataPoints"], "1")
        self.assertEqual([self.pitwall.value("steps_total", self.now - ago)
                          for ago in (30, 20, 10)], [5, 7, 11])

    def test_delta_histograms(self):
        for ago, counts in ((20, [1, 2]), (10, [3, 0])):
            self.send({"name": "parts", "histogram": {
                "aggregationTemporality": DELTA, "dataPoints": [{
                    "timeUnixNano": self.nanos(ago), "count": sum(counts), "sum": 1,
                    "bucketCounts": counts, "explicitBounds": [1]}]}})
        self.assertEqual(self.pitwall.value('parts_bucket{le="1"}', self.now), 4)
        self.assertEqual(self.pitwall.value("parts_count", self.now), 6)
        for ago in (20, 10):
            metric = self.exponential("grows", 0, 0, [2, 3])
            metric["exponentialHistogram"]["aggregationTemporality"] = DELTA
            metric["exponentialHistogram"]["dataPoints"][0]["timeUnixNano"] = self.nanos(ago)
            self.send(metric)
        self.assertEqual(self.pitwall.value("histogram_count(grows)", self.now), 12)
        self.assertEqual(self.pitwall.value("histogram_fraction(2, 4, grows) * 12", self.now), 6)

    def test_unspecified_temporality(self):
        told = self.send(self.sum("vague", 1, temporality=0))
        self.assertEqual(told["partialSuccess"]["rejectedDataPoints"], "1")


class Configured(Otlp):
    CONFIG = ("scrape_configs: []\notlp:\n  promote_resource_attributes: [zone]\n"
              "  translation_strategy: NoUTF8EscapingWithSuffixes\n"
              "  keep_identifying_resource_attributes: true\n"
              "  convert_histograms_to_nhcb: true\n  promote_scope_metadata: true\n")

    def test_all(self):
        self.send(self.sum("fills.done", 3, unit="By", attributes=attributes(venue__id="X")),
                  {"name": "took", "histogram": {
                      "aggregationTemporality": CUMULATIVE, "dataPoints": [{
                          "timeUnixNano": self.nanos(), "count": "6", "sum": 9.5,
                          "bucketCounts": ["1", "2", "3"], "explicitBounds": [0.5, 1]}]}},
                  resource=attributes(service__name="gw", zone="z1"),
                  scope={"name": "lib", "version": "2", "attributes": attributes(a__b="c")})
        scope = {"otel_scope_name": "lib", "otel_scope_version": "2", "otel_scope_a.b": "c",
                 "job": "gw", "zone": "z1"}
        self.assertEqual(self.labels('{"fills.done_bytes_total"}'),
                         [{"__name__": "fills.done_bytes_total", "venue.id": "X", **scope}])
        self.assertEqual(self.labels("count by(__name__, job, zone, otel_scope_name) (took)"),
                         [{"__name__": "took", "job": "gw", "zone": "z1",
                           "otel_scope_name": "lib"}])
        self.assertEqual(self.pitwall.value("histogram_count(took)", self.now), 6)
        self.assertEqual(self.pitwall.value("histogram_fraction(0.5, 1, took) * 6", self.now), 2)
        self.assertEqual(self.labels("target_info"),
                         [{"__name__": "target_info", "job": "gw", "zone": "z1",
                           "service.name": "gw"}])

    def test_bad_sections(self):
        for section, why in (
                ("{translation_strategy: X}", b"unsupported OTLP translation strategy"),
                ("{promote_resource_attributes: [a, ' a']}", b"duplicated promoted"),
                ("{ignore_resource_attributes: [a]}", b"unless promote_all"),
                ("{promote_everything: true}", b"unknown field")):
            file = self.pitwall.folder / "bad.yml"
            file.write_text(f"otlp: {section}\n")
            done = subprocess.run([BINARY, "check", "config", file], capture_output=True,
                                  check=False)
            self.assertNotEqual(done.returncode, 0, section)
            self.assertIn(why, done.stdout + done.stderr)


class Protobuf(Otlp):
    def message(self, name="proto", value=1):
        return encode(PROTO, "otlp.Request", f"""
            resource_metrics {{ scope_metrics {{ metrics {{ name: "{name}" gauge {{ data_points {{
              time_unix_nano: {self.nanos()} as_double: {value}
              attributes {{ key: "k" value {{ int_value: -3 }} }} }} }} }} }} }}""")

    def post(self, body, content_type="application/x-protobuf", **more):
        return super().post(body, content_type, **more)

    def test_paths(self):
        for index, path in enumerate(PATHS):
            answer = self.post(self.message(f"path_{index}", index), path=path)
            self.assertEqual((answer.status, answer.body), (200, b""))
            self.assertEqual(answer.headers["Content-Type"], "application/x-protobuf")
            self.assertEqual(self.pitwall.query(f"path_{index}", self.now),
                             {(("__name__", f"path_{index}"), ("k", "-3")): str(index)})

    def test_partial_success(self):
        good, bad = self.message("fine"), self.message("fine", 2)
        self.assertEqual(self.post(good).status, 200)
        answer = self.post(bad)
        self.assertEqual(answer.status, 200)
        told = decode(PROTO, "otlp.Response", answer.body)
        self.assertIn("rejected_data_points: 1", told)
        self.assertIn("duplicate sample for timestamp", told)

    def test_encodings(self):
        for encoding, pack in (("gzip", gzip.compress), ("deflate", zlib.compress)):
            answer = self.post(pack(self.message(encoding)), encoding=encoding)
            self.assertEqual(answer.status, 200, answer.body)
            self.assertEqual(self.pitwall.value(encoding, self.now), 1)
            answer = self.post(pack(self.message(encoding))[:-9], encoding=encoding)
            self.assertEqual(answer.status, 400)
            self.assertIn("code: 3", decode(PROTO, "otlp.Status", answer.body))
        self.assertEqual(self.post(self.message(), encoding="br").status, 415)

    def test_bombs(self):
        bomb = gzip.compress(bytes(65 << 20))
        answer = self.post(bomb, encoding="gzip")
        self.assertEqual(answer.status, 413)
        self.assertIn("code: 8", decode(PROTO, "otlp.Status", answer.body))

    def test_malformed(self):
        good = self.message("half")
        for broken in (good[:-1], b"\x0a\xff\xff\xff\xff\x0f", b"\xff", good + b"\x0a\x05"):
            answer = self.post(broken)
            self.assertEqual(answer.status, 400, broken)
            self.assertIn("malformed", decode(PROTO, "otlp.Status", answer.body))
        self.assertIsNone(self.pitwall.value("half", self.now))


class Hostile(Otlp):
    def test_content_types(self):
        for content_type in ("text/plain", "", "application/grpc"):
            self.assertEqual(self.post(b"{}", content_type).status, 415, content_type)
        self.assertEqual(self.post(b"{}", "Application/JSON; charset=utf-8").status, 200)
        self.assertEqual(self.pitwall.get(PATHS[0]).status, 405)

    def test_malformed(self):
        good = self.request(self.gauge("never", 1))
        for broken in (b"", b"[]", good[:-1], good + b"x", b'{"resourceMetrics": {}}',
                       good.replace(b'"asDouble": 1', b'"asDouble": "x"'),
                       good.replace(b'"asDouble": 1', b'"asInt": "1.5"'),
                       b'{"resourceMetrics":' + b"[" * 1000000,
                       b'{"a":' * 1000 + b"1" + b"}" * 1000, b'{"a": "\xff"}'):
            answer = self.post(broken)
            self.assertEqual(answer.status, 400, broken[:80])
            self.assertEqual(answer.json["code"], 3)
            self.assertIn("malformed", answer.json["message"])
        self.assertIsNone(self.pitwall.value("never", self.now))

    def test_explosion_in_one_point(self):
        """Every bucket of a histogram repeats the labels of its point: together far more than
        was sent."""
        many = {"timeUnixNano": self.nanos(), "count": 0, "sum": 0,
                "bucketCounts": [0] * 20000, "explicitBounds": list(range(19999)),
                "attributes": [{"key": f"k{i}", "value": {"stringValue": "x" * 200}}
                               for i in range(100)]}
        answer = self.post(self.request({"name": "wide", "histogram": {
            "aggregationTemporality": CUMULATIVE, "dataPoints": [many]}}))
        self.assertEqual(answer.status, 413, answer.body[:200])
        self.assertLess(self.pitwall.resident_bytes(), 600 << 20)
        self.send(self.gauge("after", 1))


@unittest.skipUnless((SDK / "node_modules").exists(), "no OpenTelemetry SDK")
class Sdk(Otlp):
    """OpenTelemetry's own SDK for JavaScript with its exporters."""

    def run_sdk(self, protocol, temporality):
        name = f"{protocol}_{temporality}"
        done = subprocess.run(["node", "send.mjs", protocol, temporality, name,
                               f"{self.pitwall.url}/otlp/v1/metrics"], cwd=SDK, timeout=60,
                              capture_output=True, check=False, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        job = f'job="desk/{name}",instance="one"'
        value = self.pitwall.value
        self.assertEqual(value(f'orders_total{{{job},venue="XLON"}}'), 7)
        self.assertEqual(value(f"open_orders{{{job}}}"), 3)
        self.assertEqual(value(f"price{{{job}}}"), 101.25)
        self.assertEqual(value(f"latency_seconds_count{{{job}}}"), 3)
        self.assertEqual(value(f'latency_seconds_bucket{{{job},le="0.1"}}'), 2)
        self.assertEqual(value(f"latency_seconds_sum{{{job}}}"), 0.625)
        self.assertEqual(value(f"histogram_count(sizes{{{job}}})"), 4)
        self.assertEqual(value(f"histogram_sum(sizes{{{job}}})"), 15)
        self.assertEqual(value(f'target_info{{{job},host_name="h1"}}'), 1)

    def test_protobuf(self):
        self.run_sdk("proto", "cumulative")

    def test_json(self):
        self.run_sdk("json", "cumulative")

    def test_delta(self):
        self.run_sdk("proto", "delta")


if __name__ == "__main__":
    unittest.main()
