"""What the server says of itself: its blocks, its own metrics, notifications as they happen."""
import http.client
import json
import pathlib
import re
import subprocess
import tempfile
import time
import unittest

from harness import BINARY, ROOT, EndToEndTest, Pitwall, wait_for

FAILED = "Configuration reload has failed."
GOOD, BAD = "scrape_configs: []\n", "scrape_config: []\n"


class Events:
    """A client of an event stream."""

    def __init__(self, pitwall):
        self.connection = http.client.HTTPConnection("127.0.0.1", pitwall.port, timeout=20)
        self.connection.request("GET", "/api/v1/notifications/live",
                                headers={"Accept": "text/event-stream"})
        self.response = self.connection.getresponse()
        self.status = self.response.status

    def next(self):
        line = self.response.readline().decode()
        assert line.startswith("data: "), line
        assert self.response.readline() == b"\n"
        return json.loads(line[len("data: "):])

    def close(self):
        self.response.close()
        self.connection.close()


class Status(EndToEndTest):
    def test_blocks(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="pitwall-e2e-status-"))
        start = int(time.time()) // 86400 * 86400 - 86400
        lines = ["# TYPE price gauge"]
        for s in range(3):
            lines += [f'price{{sym="S{s}"}} {i} {start + i * 60}' for i in range(100)]
        (folder / "in.om").write_text("\n".join(lines + ["# EOF", ""]))
        subprocess.run([BINARY, "import", "openmetrics", "--data-dir", folder / "data",
                        folder / "in.om"], check=True, capture_output=True)
        pitwall = self.start(Pitwall(GOOD, folder=folder))
        blocks = pitwall.get("/api/v1/status/tsdb/blocks").json["data"]["blocks"]
        self.assertEqual(len(blocks), 1)
        block = blocks[0]
        self.assertRegex(block.pop("ulid"), "^[0-7][0-9A-HJKMNP-TV-Z]{25}$")
        self.assertEqual(len(block["compaction"].pop("sources")), 1)
        self.assertGreaterEqual(block["compaction"].pop("level"), 1)
        self.assertGreaterEqual(block["stats"].pop("numChunks"), 3)
        self.assertEqual(block, {"minTime": start * 1000, "maxTime": (start + 5940) * 1000 + 1,
                                 "stats": {"numSamples": 300, "numSeries": 3}, "compaction": {},
                                 "version": 1})

    def test_self_metrics(self):
        pitwall = self.start(Pitwall(GOOD))

        def families(pattern=None):
            params = {"metric_name_pattern": pattern} if pattern else None
            answer = pitwall.get("/api/v1/status/self_metrics", params).json
            return {family["name"]: family for family in answer["data"]}
        exposition = pitwall.get("/metrics").body.decode()
        names = set(re.findall(r"^# TYPE (\S+)", exposition, re.MULTILINE))
        found = families()
        self.assertEqual(set(found), names)
        self.assertEqual(found["pitwall_build_info"]["type"], "GAUGE")
        self.assertEqual([label["name"] for label in
                          found["pitwall_build_info"]["metric"][0]["label"]], ["version"])
        self.assertEqual(found["pitwall_build_info"]["metric"][0]["gauge"], {"value": 1})
        self.assertEqual(found["process_cpu_seconds_total"]["type"], "COUNTER")
        self.assertIn("counter", found["process_cpu_seconds_total"]["metric"][0])
        for family in found.values():
            if family["type"] != "HISTOGRAM":
                continue
            for metric in family["metric"]:
                histogram = metric["histogram"]
                counts = [int(bucket["cumulativeCount"]) for bucket in histogram["bucket"]]
                self.assertEqual(counts, sorted(counts))
                self.assertGreaterEqual(int(histogram["sampleCount"]), counts[-1])
                self.assertIsInstance(histogram["sampleSum"], (int, float))
        # The pattern must match the whole name.
        self.assertEqual(set(families("process_.*_bytes")),
                         {"process_resident_memory_bytes", "process_virtual_memory_bytes"})
        self.assertEqual(families("process"), {})
        answer = pitwall.get("/api/v1/status/self_metrics", {"metric_name_pattern": "("})
        self.assertEqual((answer.status, answer.json["errorType"]), (400, "bad_data"))

    def test_openapi_names_all_routes(self):
        pitwall = self.start(Pitwall(GOOD))
        text = pitwall.get("/api/v1/openapi.yaml").body.decode()
        named = set(re.findall(r"^  (/\S+):$", text, re.MULTILINE))
        named = {re.sub(r"\{\w+\}", "{}", path) for path in named}
        self.assertEqual(text.count("operationId: "),
                         len(set(re.findall(r"operationId: (\S+)", text))))
        routes = set()
        for source in (ROOT / "src/api").glob("*.c"):
            routes |= set(re.findall(r'"(?:GET|POST|PUT|DELETE|[a-z\[\]]+)", "(/api/v1/[^"*]+)"',
                                     source.read_text()))
            routes |= set(re.findall(r'methods\[i\], "(/api/v1/[^"*]+)"', source.read_text()))
        self.assertGreater(len(routes), 35)
        self.assertEqual({route.removeprefix("/api/v1") for route in routes} - named,
                         {"/openapi.yaml"})


class Live(EndToEndTest):
    def reload(self, pitwall, config):
        pitwall.config.write_text(config)
        pitwall.request("POST", "/-/reload")

    def test_events(self):
        pitwall = self.start(Pitwall(GOOD))
        events = Events(pitwall)
        self.addCleanup(events.close)
        self.assertEqual(events.status, 200)
        self.assertEqual(events.response.headers["Content-Type"], "text/event-stream")
        self.assertEqual(events.response.headers["Cache-Control"], "no-cache")
        self.reload(pitwall, BAD)
        event = events.next()
        self.assertEqual((event["text"], event["active"]), (FAILED, True))
        self.assertRegex(event["date"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
        late = Events(pitwall)  # is told what holds already
        self.addCleanup(late.close)
        self.assertEqual(late.next(), event)
        self.reload(pitwall, GOOD)
        for stream in (events, late):
            ended = stream.next()
            self.assertEqual((ended["text"], ended["active"]), (FAILED, False))
        # The end of the server is the end of the streams.
        code, seconds = pitwall.terminate()
        self.assertEqual(code, 0)
        self.assertLess(seconds, 10)
        self.assertEqual(events.next()["text"], "Pitwall is shutting down.")
        self.assertEqual(events.response.read(), b"")

    def test_places(self):
        """Sixteen may listen; they keep no worker from others; who leaves makes room."""
        pitwall = self.start(Pitwall(GOOD))
        streams = [Events(pitwall) for _ in range(16)]
        for stream in streams:
            self.addCleanup(stream.close)
            self.assertEqual(stream.status, 200)
        refused = Events(pitwall)
        self.assertEqual(refused.status, 204)
        refused.close()
        self.assertEqual(pitwall.value("vector(1)"), 1)
        streams[3].close()

        def joins():
            stream = Events(pitwall)
            if stream.status == 204:
                stream.close()
                return False
            self.addCleanup(stream.close)
            return True
        wait_for(joins, what="a place")

    def test_many_leave(self):
        pitwall = self.start(Pitwall(GOOD))
        for _ in range(100):
            stream = Events(pitwall)
            self.assertIn(stream.status, (200, 204))
            stream.close()
        wait_for(lambda: b"pitwall_http_listeners 0" in pitwall.get("/metrics").body,
                 what="all to be gone")


if __name__ == "__main__":
    unittest.main()
