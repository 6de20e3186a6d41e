"""Asking other servers: a real Prometheus reads from Pitwall, Pitwall from it and from Pitwall."""
import pathlib
import shutil
import tempfile
import time
import unittest

from harness import Client, EndToEndTest, Exporter, Pitwall, Program, free_port, wait_for

EXPOSITION = 'orders_total{venue="XNAS"} 10\norders_total{venue="XLON"} 20\nprice 1.25\n'


class RemoteRead(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pitwall-e2e-read-"))
        self.addCleanup(shutil.rmtree, self.folder, True)

    def prometheus(self, config):
        if not shutil.which("prometheus"):
            raise unittest.SkipTest("prometheus is not installed")
        file = self.folder / "prometheus.yml"
        file.write_text(config)
        port = free_port()
        self.start(Program(["prometheus", f"--storage.tsdb.path={self.folder / 'data'}",
                            f"--config.file={file}", f"--web.listen-address=127.0.0.1:{port}"]))
        client = Client(port)

        def ready():
            try:
                return client.get("/-/ready").status == 200
            except OSError:
                return False
        wait_for(ready, seconds=30, what="Prometheus")
        return client

    def source(self):
        exporter = self.start(Exporter(EXPOSITION))
        pitwall = self.start(Pitwall(self.scrape_config(exporter, interval="100ms")))
        wait_for(lambda: (pitwall.value("count_over_time(price[1h])") or 0) > 20, what="samples")
        return pitwall, time.time()

    def raw(self, client, selector, at):
        answer = client.get("/api/v1/query", {"query": selector + "[1h]", "time": at}).json
        return {tuple(sorted(series["metric"].items())): series["values"]
                for series in answer["data"]["result"]}

    def test_prometheus_reads(self):
        pitwall, at = self.source()
        client = self.prometheus(f"remote_read:\n- url: http://127.0.0.1:{pitwall.port}/api/v1/read"
                                 "\n  read_recent: true\n")
        for selector in ("orders_total", '{__name__=~"pri.*"}', 'orders_total{venue!="XLON"}'):
            wanted = self.raw(pitwall, selector, at)
            self.assertTrue(wanted)
            self.assertEqual(self.raw(client, selector, at), wanted, selector)

    def test_pitwall_reads_pitwall(self):
        source, at = self.source()
        other = self.start(Pitwall(
            "global: {external_labels: {site: ldn}}\nscrape_configs: []\n"
            "collectors: {host: false}\nremote_read:\n"
            f"- url: http://127.0.0.1:{source.port}/api/v1/read\n  read_recent: true\n"
            "  filter_external_labels: false\n  required_matchers: {job: j}\n"))
        for selector in ('orders_total{job="j"}', '{job="j",__name__="up"}'):
            wanted = self.raw(source, selector, at)
            self.assertTrue(wanted)
            self.assertEqual(self.raw(other, selector, at), wanted, selector)
        self.assertEqual(self.raw(other, "orders_total", at), {}, "a required matcher is missing")
        self.assertEqual(other.value('sum(orders_total{job="j"})', at=at), 30)

    def test_pitwall_reads_prometheus(self):
        exporter = self.start(Exporter(EXPOSITION))
        client = self.prometheus(self.scrape_config(exporter, interval="100ms") +
                                 "  # scraped here\n")

        def scraped():
            answer = client.get("/api/v1/query", {"query": "count_over_time(price[1h])"})
            result = answer.json["data"]["result"]
            return result and int(result[0]["value"][1]) > 20
        wait_for(scraped, seconds=30, what="samples")
        at = time.time()
        pitwall = self.start(Pitwall("scrape_configs: []\ncollectors: {host: false}\n"
                                     f"remote_read: [{{url: 'http://127.0.0.1:{client.port}"
                                     "/api/v1/read'}]\n"))
        for selector in ("orders_total", '{__name__=~"pri.*"}'):
            self.assertEqual(self.raw(pitwall, selector, at), self.raw(client, selector, at))

    def test_both_have_some(self):
        """What either server has of a series is one series."""
        source, at = self.source()
        exporter = self.start(Exporter(EXPOSITION))
        other = self.start(Pitwall(
            self.scrape_config(exporter, interval="100ms").replace(
                "targets:", f"labels: {{instance: '{self.instance(source)}'}}, targets:") +
            f"remote_read: [{{url: 'http://127.0.0.1:{source.port}/api/v1/read'}}]\n"))
        wait_for(lambda: (other.value("timestamp(price)") or 0) > at + 0.5, what="samples")
        values = self.raw(other, "price", time.time())
        self.assertEqual(len(values), 1)
        times = [t for t, _ in next(iter(values.values()))]
        self.assertEqual(times, sorted(set(times)))
        self.assertLess(times[0], at)
        self.assertGreater(times[-1], at)

    def instance(self, pitwall):
        return pitwall.targets()["activeTargets"][0]["labels"]["instance"]

    def test_the_other_end_fails(self):
        exporter = self.start(Exporter(EXPOSITION))
        refuses = self.start(Pitwall("scrape_configs: []\n"))
        nobody = free_port()
        pitwall = self.start(Pitwall(
            self.scrape_config(exporter) +
            "remote_read:\n"
            f"- {{url: 'http://ann:secret@127.0.0.1:{nobody}/read', read_recent: true}}\n"
            f"- {{url: 'http://127.0.0.1:{refuses.port}/read', read_recent: true}}\n"))
        wait_for(lambda: pitwall.value("price") == 1.25, what="local data")
        self.assertIn("remote read fails", pitwall.read_log())
        # As Prometheus's: each once, with the data that there are.
        for path, params in (("query", {"query": "price + price"}),
                             ("query_range", {"query": "price", "start": time.time() - 1,
                                              "end": time.time(), "step": 1}),
                             ("series", {"match[]": "price"})):
            answer = pitwall.get("/api/v1/" + path, params).json
            self.assertEqual(answer["status"], "success")
            self.assertTrue(answer["data"])
            first, second = answer["warnings"]
            self.assertRegex(first, 'remote_read: error sending request: Post '
                             f'"http://127.0.0.1:{nobody}/read": ')
            self.assertRegex(second, f"remote_read: remote server http://127.0.0.1:{refuses.port}"
                             "/read returned HTTP status 404: ")
            self.assertNotIn("secret", str(answer))

    def test_recent_is_not_asked_again(self):
        """Without read_recent only what is older than all that is stored here is asked for."""
        exporter = self.start(Exporter(EXPOSITION))
        pitwall = self.start(Pitwall(
            self.scrape_config(exporter) +
            f"remote_read: [{{url: 'http://127.0.0.1:{free_port()}/read'}}]\n"))
        wait_for(lambda: (pitwall.value("count_over_time(price[1h])") or 0) > 10, what="samples")
        answer = pitwall.get("/api/v1/query", {"query": "count_over_time(price[500ms])"}).json
        self.assertTrue(answer["data"]["result"])
        self.assertNotIn("warnings", answer)
        answer = pitwall.get("/api/v1/query", {"query": "count_over_time(price[1h])"}).json
        self.assertEqual(len(answer["warnings"]), 1)

    def test_bad_requests(self):
        pitwall = self.start(Pitwall("scrape_configs: []\n"))
        for body in (b"", b"\xff\xff\xff\xff\x7f", b"\x05\x10hello", b"\x03\x08\x0a\x7fx"):
            answer = pitwall.request("POST", "/api/v1/read", body=body)
            self.assertEqual(answer.status, 400, body)


if __name__ == "__main__":
    unittest.main()
