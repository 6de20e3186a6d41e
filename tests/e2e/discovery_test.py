"""Discovery against servers that answer as the real ones do, well and badly."""
import json
import pathlib
import threading
import unittest

from harness import EndToEndTest, Exporter, Pitwall, wait_for


class Api(Exporter):
    """A JSON API: `pages` maps a path without its query to an answer, a status, or a function of
    the request handler that returns one of these."""

    def __init__(self, pages=None, tls=None):
        super().__init__(self.respond, tls)
        self.pages = pages or {}
        self.content_type = "application/json"

    def respond(self, handler):
        page = self.pages.get(handler.path.partition("?")[0], 404)
        if callable(page):
            page = page(handler)
        if page is None:
            return  # it has answered itself
        status, body = (page, b"{}") if isinstance(page, int) else (200, page)
        if not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        handler.send_response(status)
        handler.send_header("Content-Type", self.content_type)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)


class DiscoveryTest(EndToEndTest):
    def discover(self, section, extra="", **options):
        """Pitwall with one job whose *_sd_configs are the section (YAML or JSON text)."""
        return self.start(Pitwall(
            "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
            f"scrape_configs:\n- job_name: j\n  {section}\n{extra}", **options))

    def labels(self, pitwall):
        """Discovered labels of all targets, without those that every target has."""
        common = {"job", "__scheme__", "__metrics_path__", "__scrape_interval__",
                  "__scrape_timeout__", "__scrape_native_histograms__",
                  "__convert_classic_histograms_to_nhcb__", "__always_scrape_classic_histograms__"}
        data = pitwall.targets()
        return sorted(({name: value for name, value in target["discoveredLabels"].items()
                        if name not in common}
                       for target in data["activeTargets"] + data["droppedTargets"]),
                      key=lambda labels: sorted(labels.items()))

    def addresses(self, pitwall):
        return sorted(labels["__address__"] for labels in self.labels(pitwall))

    def wait_for_addresses(self, pitwall, want):
        try:
            wait_for(lambda: self.addresses(pitwall) == sorted(want), what=f"targets {want}")
        except AssertionError:
            self.assertEqual(self.addresses(pitwall), sorted(want), pitwall.read_log())

    def failures(self, pitwall, kind):
        text = pitwall.get("/metrics").body.decode()
        return int(text.split(f'pitwall_discovery_failures_total{{kind="{kind}"}} ')[1].split()[0])


class FileTest(DiscoveryTest):
    def test_a_broken_file_keeps_its_targets(self):
        folder = pathlib.Path(self.start(Pitwall()).folder)
        path = folder / "t.yml"
        path.write_text("- targets: ['a:1', 'b:2']\n  labels: {'zone.name': x, n: 7}\n")
        pitwall = self.discover(f"file_sd_configs: [{{files: ['{folder}/*.yml', "
                                f"'{folder}/*.json'], refresh_interval: 1h}}]")
        self.wait_for_addresses(pitwall, ["a:1", "b:2"])
        self.assertEqual(self.labels(pitwall)[0],
                         {"__address__": "a:1", "__meta_filepath": str(path), "zone.name": "x",
                          "n": "7"})
        before = self.failures(pitwall, "file")
        for text in ("- targets: [a:1\n", "- {targets: [a:1], label: {}}\n", "x: y\n", "- \n"):
            path.write_text(text)
            wait_for(lambda: self.failures(pitwall, "file") > before, what=text)
            before = self.failures(pitwall, "file")
        self.assertEqual(self.addresses(pitwall), ["a:1", "b:2"])
        other = folder / "u.json"
        other.write_text('[{"targets": ["c:3"], "labels": {"n": 7}}]')
        wait_for(lambda: self.failures(pitwall, "file") > before, what="a number in JSON")
        other.write_text('[{"targets": ["c:3"]}]')
        path.write_text("[]\n")
        self.wait_for_addresses(pitwall, ["c:3"])

    def test_a_reload_leaves_no_gap(self):
        exporter = self.start(Exporter("up_to_date 1\n"))
        folder = pathlib.Path(self.start(Pitwall()).folder)
        (folder / "t.json").write_text(json.dumps([{"targets": [exporter.address]}]))
        section = f"file_sd_configs: [{{files: ['{folder}/t.json']}}]"
        pitwall = self.discover(section, flags=["--web.enable-lifecycle"])
        wait_for(lambda: pitwall.value("up_to_date") == 1)
        text = pitwall.config.read_text()
        pitwall.config.write_text(text + "  sample_limit: 100\n")
        self.assertEqual(pitwall.request("POST", "/-/reload").status, 200)
        self.assertEqual(self.addresses(pitwall), [exporter.address])
        self.assertEqual(pitwall.value("up_to_date"), 1)


class HttpTest(DiscoveryTest):
    def setUp(self):
        self.api = self.start(Api({"/targets": [
            {"targets": ["10.0.0.1:9100", "10.0.0.2:9100"], "labels": {"dc": "ldn"}},
            {"targets": ["10.0.0.3:9100"]}]}))
        self.url = f"http://{self.api.address}/targets"
        self.section = f"http_sd_configs: [{{url: '{self.url}', refresh_interval: 200ms}}]"

    def test_groups_and_headers(self):
        pitwall = self.discover(self.section)
        self.wait_for_addresses(pitwall, ["10.0.0.1:9100", "10.0.0.2:9100", "10.0.0.3:9100"])
        self.assertEqual(self.labels(pitwall), [
            {"__address__": "10.0.0.1:9100", "dc": "ldn", "__meta_url": self.url},
            {"__address__": "10.0.0.2:9100", "dc": "ldn", "__meta_url": self.url},
            {"__address__": "10.0.0.3:9100", "__meta_url": self.url}])
        headers = self.api.requests[0][1]
        self.assertEqual(headers["X-Prometheus-Refresh-Interval-Seconds"], "0.2")
        self.assertEqual(headers["Accept"], "application/json")
        self.api.pages["/targets"] = [{"targets": ["10.0.0.3:9100"]}]
        self.wait_for_addresses(pitwall, ["10.0.0.3:9100"])
        self.api.pages["/targets"] = []
        self.wait_for_addresses(pitwall, [])

    def test_bad_answers_keep_the_targets(self):
        pitwall = self.discover(self.section)
        want = ["10.0.0.1:9100", "10.0.0.2:9100", "10.0.0.3:9100"]
        self.wait_for_addresses(pitwall, want)
        before = self.failures(pitwall, "http")
        for page, content_type, said in (
                (500, "application/json", "server returned HTTP status 500"),
                (404, "application/json", "server returned HTTP status 404"),
                ([], "text/html", 'unsupported content type \\"text/html\\"'),
                ([], "application/json; charset=latin1", "unsupported content type"),
                ("", "application/json", "/targets"),
                ("[{]", "application/json", "/targets"),
                ({"targets": []}, "application/json", "expected a list of target groups"),
                ([None], "application/json", "nil target group item found"),
                ([{"targets": ["a:1"], "tags": {}}], "application/json",
                 'unknown field \\"tags\\"'),
                ([{"targets": [1]}], "application/json", "targets must be a list of strings"),
                ([{"targets": ["a:1"], "labels": {"n": 1}}], "application/json",
                 "label n must be a string")):
            self.api.pages["/targets"], self.api.content_type = page, content_type
            wait_for(lambda: self.failures(pitwall, "http") > before + 1, what=said)
            before = self.failures(pitwall, "http")
            self.assertIn(said, pitwall.read_log())
        self.assertEqual(self.addresses(pitwall), want)
        self.api.content_type = 'application/JSON; charset="UTF-8"'
        self.api.pages["/targets"] = [{"targets": ["b:2"]}]
        self.wait_for_addresses(pitwall, ["b:2"])

    def test_equal_sections_share_one(self):
        item = f"{{url: '{self.url}', refresh_interval: 200ms}}"
        pitwall = self.start(Pitwall(
            f"scrape_configs:\n- {{job_name: a, http_sd_configs: [{item}]}}\n"
            f"- {{job_name: b, http_sd_configs: [{item}]}}\n"
            f"- {{job_name: c, http_sd_configs: [{item}, {item}]}}\n"))
        wait_for(lambda: len(pitwall.targets()["activeTargets"]) == 9)
        metrics = pitwall.get("/metrics").body.decode()
        self.assertIn("\npitwall_discoveries 1\n", metrics)

    def test_a_slow_api_delays_nobody(self):
        release = threading.Event()
        self.addCleanup(release.set)
        self.api.pages["/targets"] = lambda handler: release.wait() and None
        exporter = self.start(Exporter("steady 1\n"))
        pitwall = self.discover(
            f"http_sd_configs: [{{url: '{self.url}', refresh_interval: 60s}}]",
            f"- job_name: k\n  static_configs: [{{targets: ['{exporter.address}']}}]\n",
            flags=["--web.enable-lifecycle"])
        wait_for(lambda: pitwall.value("steady") == 1)
        wait_for(lambda: self.api.requests)
        pitwall.config.write_text(pitwall.config.read_text().replace("60s", "61s"))
        self.assertEqual(pitwall.request("POST", "/-/reload", timeout=5).status, 200)
        code, seconds = pitwall.terminate()
        self.assertEqual(code, 0)
        self.assertLess(seconds, 3)


if __name__ == "__main__":
    unittest.main()
