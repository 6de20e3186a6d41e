"""Pushgateway's API: groups are kept over restarts and read as if they had been scraped."""
import base64
import unittest

from harness import EndToEndTest, Pitwall, wait_for
from wire import delimited, encode

CONFIG = "global: {scrape_interval: 200ms, scrape_timeout: 200ms}\nscrape_configs: []\n"
PROTOBUF = ("application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
            "encoding=delimited")


class Pushgateway(EndToEndTest):
    @classmethod
    def setUpClass(cls):
        cls.pitwall = Pitwall(CONFIG, flags=["--web.enable-admin-api"])
        cls.addClassCleanup(cls.pitwall.close)

    def push(self, path, body, method="PUT", content_type="text/plain"):
        body = body.encode() if isinstance(body, str) else body
        return self.pitwall.request(method, "/metrics/" + path, body=body,
                                    headers={"Content-Type": content_type})

    def good(self, *args, **kwargs):
        answer = self.push(*args, **kwargs)
        self.assertEqual((answer.status, answer.body), (200, b""))

    def exposed(self):
        return self.pitwall.get("/metrics/pushed").body.decode().splitlines()

    def groups(self):
        data = self.pitwall.get("/api/v1/metrics").json["data"]
        return {group["labels"]["job"]: group for group in data}

    def test_it_becomes_series(self):
        self.good("job/batch/desk/fx", "# TYPE rows gauge\nrows{kind=\"a\",desk=\"own\"} 5\n"
                                       "plain 2\n")
        wait_for(lambda: self.pitwall.value("rows"), what="the group to be read")
        self.assertEqual(self.pitwall.query("rows"), {
            (("__name__", "rows"), ("desk", "fx"), ("job", "batch"), ("kind", "a")): "5"})
        self.assertEqual(self.pitwall.query("plain"), {
            (("__name__", "plain"), ("desk", "fx"), ("job", "batch")): "2"})
        self.assertGreater(self.pitwall.value('push_time_seconds{job="batch"}'), 1.6e9)
        self.assertEqual(self.pitwall.value('push_failure_time_seconds{job="batch"}'), 0)
        # It goes on without being pushed again, and ends when it is deleted.
        wait_for(lambda: self.pitwall.value("count_over_time(rows[1m])") > 3, what="more samples")
        self.assertEqual(self.push("job/batch/desk/fx", "", "DELETE").status, 202)
        wait_for(lambda: self.pitwall.value("rows") is None, what="it to be gone")
        self.assertEqual(self.push("job/batch/desk/fx", "", "DELETE").status, 202)

    def test_post_replaces_families_and_put_all(self):
        self.good("job/replace", "a 1\nb{x=\"1\"} 2\n")
        self.good("job/replace", "b{x=\"2\"} 3\n", "POST")
        lines = [line for line in self.exposed() if 'job="replace"' in line]
        self.assertEqual([line for line in lines if not line.startswith("push_")],
                         ['b{job="replace",x="2",instance=""} 3',
                          'a{job="replace",instance=""} 1'])
        self.good("job/replace", "c 4\n")
        lines = [line for line in self.exposed() if 'job="replace"' in line]
        self.assertEqual(lines[2:], ['c{job="replace",instance=""} 4'])
        self.good("job/replace", "")
        self.assertEqual(len([line for line in self.exposed() if 'job="replace"' in line]), 2)

    def test_base64(self):
        def encoded(text):
            return base64.urlsafe_b64encode(text.encode()).decode()
        self.good(f"job@base64/{encoded('a/b')}/path@base64/{encoded('/var/tmp')}"
                  "/instance@base64/=", "x_base64 1\n")
        self.assertIn('x_base64{job="a/b",path="/var/tmp",instance=""} 1', self.exposed())
        self.good("job/inst/instance/i1", "x_inst 1\n")
        self.assertIn('x_inst{instance="i1",job="inst"} 1', self.exposed())

    def test_protobuf(self):
        body = delimited(encode("metrics.proto", "io.prometheus.client.MetricFamily", """
            name: "took" help: "How\\nlong." type: HISTOGRAM metric { label { name: "l" value: "v" }
            histogram { sample_count: 3 sample_sum: 1.5 bucket { cumulative_count: 1
            upper_bound: 0.5 } } }"""))
        self.good("job/proto", body, content_type=PROTOBUF)
        lines = self.exposed()
        self.assertIn("# HELP took How\\nlong.", lines)
        self.assertIn("# TYPE took histogram", lines)
        for line in ('took_bucket{job="proto",l="v",le="0.5",instance=""} 1',
                     'took_bucket{job="proto",l="v",le="+Inf",instance=""} 3',
                     'took_count{job="proto",l="v",instance=""} 3'):
            self.assertIn(line, lines)

    def test_refused(self):
        for path, body, why in (
                ("job/bad", "x 1 1700000000000\n", "must not have timestamps"),
                ("job/bad", "x 1\nx 2\n", "collected before"),
                ("job/bad", "x{\n", "text format parsing error"),
                ("job/bad", "x{a=\"1\",desk=\"2\"} 1\nx{a=\"1\",desk=\"3\"} 1\n", None),
                ("job/bad/odd", "x 1\n", "odd number of components"),
                ("job/", "x 1\n", None),
                ("job/bad/__x__/y", "x 1\n", "improper label name"),
                ("job/bad/x@base64/!!", "x 1\n", "invalid base64")):
            answer = self.push(path, body)
            if why is None:
                continue
            self.assertEqual(answer.status, 400, body)
            self.assertIn(why, answer.body.decode())
        self.good("job/first", "# TYPE shape gauge\nshape 1\n")
        answer = self.push("job/second", "# TYPE shape counter\nshape 1\n")
        self.assertEqual(answer.status, 400)
        self.assertIn("inconsistent with existing metrics", answer.body.decode())
        failed = self.groups()["second"]
        self.assertFalse(failed["last_push_successful"])
        self.assertNotIn("shape", failed)
        self.assertTrue(self.groups()["first"]["last_push_successful"])
        # What was there stays when a later push fails.
        self.assertEqual(self.push("job/first", "shape{\n").status, 400)
        self.assertFalse(self.groups()["first"]["last_push_successful"])
        self.assertIn('shape{job="first",instance=""} 1', self.exposed())

    def test_list(self):
        self.good("job/listed/a/b", "# HELP m What.\n# TYPE m counter\nm{x=\"y\"} 1.5\n")
        group = self.groups()["listed"]
        self.assertEqual(group["labels"], {"job": "listed", "a": "b"})
        family = group["m"]
        self.assertEqual((family["type"], family["help"], family["metrics"]),
                         ("COUNTER", "What.", [{"labels": {
                             "x": "y", "a": "b", "job": "listed", "instance": ""},
                             "value": "1.5"}]))

    def test_odd_values(self):
        self.good("job/odd", 'odd{q="a\\"b\\\\c\\nd"} NaN\n{"dotted.name", "l.x"="1"} +Inf\n')
        self.assertIn('odd{job="odd",q="a\\"b\\\\c\\nd",instance=""} NaN', self.exposed())
        wait_for(lambda: self.pitwall.query('{"dotted.name"}'), what="the group to be read")


class Kept(EndToEndTest):
    def test_over_restarts(self):
        pitwall = self.start(Pitwall(CONFIG, flags=["--web.enable-admin-api"]))
        for name in ("one", "two"):
            answer = pitwall.request("PUT", f"/metrics/job/{name}", body=f"{name} 1\n".encode(),
                                     headers={"Content-Type": "text/plain"})
            self.assertEqual(answer.status, 200)
        pitwall.request("DELETE", "/metrics/job/two")
        odd = base64.urlsafe_b64encode('a"b\\c\nd é\u00a0'.encode()).decode()
        self.assertEqual(pitwall.request(
            "PUT", f"/metrics/job/odd/place@base64/{odd}", body=b'three{x="1"} 3\n',
            headers={"Content-Type": "text/plain"}).status, 200)
        before = pitwall.get("/metrics/pushed").body.decode()
        self.assertIn("three", before)
        pitwall.kill()
        (pitwall.folder / "data/pushgateway/broken").write_text("# pitwall push group 1 x\n")
        (pitwall.folder / "data/pushgateway/left.new").write_text("")
        pitwall.restart()
        # Of what was pushed, not of what was scraped before.
        pushed = pitwall.get("/metrics/pushed").body.decode()
        self.assertIn('one{job="one",instance=""} 1\n', pushed)
        self.assertNotIn("two", pushed)
        self.assertEqual(sorted(pushed.splitlines()), sorted(before.splitlines()))
        self.assertIn("files=1", pitwall.read_log())
        self.assertIn("could not be read", pitwall.read_log())
        self.assertEqual(pitwall.request("PUT", "/api/v1/admin/wipe").status, 202)
        self.assertEqual(pitwall.get("/metrics/pushed").body, b"")
        pitwall.kill()
        pitwall.restart()
        self.assertEqual(pitwall.get("/api/v1/metrics").json["data"], [])
        self.assertNotIn("pushgateway", [t["labels"]["job"]
                                         for t in pitwall.targets()["activeTargets"]])

    def test_wipe_needs_the_admin_api(self):
        pitwall = self.start(Pitwall(CONFIG))
        self.assertEqual(pitwall.request("PUT", "/api/v1/admin/wipe").status, 403)


if __name__ == "__main__":
    unittest.main()
