"""Scraping: real clients, options, hostile targets."""
import gzip
import http.server
import json
import math
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from harness import EndToEndTest, Exporter, Pitwall, Program, free_port, wait_for

SANITIZED = bool(os.environ.get("PITWALL_SANITIZED"))
# The programs of the seeds, where they lie beside the project; else the same metrics from here.
SEEDS = pathlib.Path(__file__).resolve().parents[3] / "shared/acceptance"

CLIENT = """
import sys
sys.argv, port, files = sys.argv[:1], int(sys.argv[1]), sys.argv[2:]
from prometheus_client import start_http_server
for name in files:
    exec(compile(open(name).read(), name, "exec"))
REQUEST_COUNT.labels("router", "/order", "POST", "200").inc(7)
REQUEST_COUNT.labels('we"ird\\\\', "/a\\nb", "GET", "500").inc()
for seconds in (0.02, 0.3, 0.3, 7, 99):
    RESPONSE_TIME.labels("router", "/order", "POST").observe(seconds)
QUEUE_LENGTH.labels("router", "orders").set(12)
COMPONENT_HEALTH.labels("router").set(1)
TRADE_COUNT.labels("EURUSD", "mean_reversion", "buy").inc(3)
TRADE_VOLUME.labels("EURUSD", "mean_reversion", "buy").inc(1234567.25)
PROFIT_LOSS.labels("EURUSD", "mean_reversion").inc(0.1)
POSITION_SIZE.labels("EURUSD", "mean_reversion").set(-50000)
MODEL_ACCURACY.labels("lstm", "1h").set(float("nan"))
STRATEGY_PERFORMANCE.labels("mean_reversion", "sharpe").set(float("inf"))
start_http_server(port, "127.0.0.1")
import time
time.sleep(3600)
"""

METRICS = """
from prometheus_client import Counter, Histogram, Gauge, Summary
REQUEST_COUNT = Counter('request_total', 'Total number of requests',
                        ['component', 'endpoint', 'method', 'status'])
RESPONSE_TIME = Histogram('response_time_seconds', 'Response time in seconds',
                          ['component', 'endpoint', 'method'],
                          buckets=[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10])
QUEUE_LENGTH = Gauge('queue_length', 'Number of items in the queue', ['component', 'queue_name'])
COMPONENT_HEALTH = Gauge('component_health', 'Health status of the component', ['component'])
TRADE_COUNT = Counter('trade_total', 'Total number of trades', ['ticker', 'strategy', 'direction'])
TRADE_VOLUME = Counter('trade_volume_total', 'Total volume', ['ticker', 'strategy', 'direction'])
PROFIT_LOSS = Counter('profit_loss_total', 'Total profit or loss', ['ticker', 'strategy'])
POSITION_SIZE = Gauge('position_size', 'Current position size', ['ticker', 'strategy'])
MODEL_ACCURACY = Gauge('model_accuracy', 'Model prediction accuracy', ['model', 'timeframe'])
STRATEGY_PERFORMANCE = Gauge('strategy_performance', 'Performance', ['strategy', 'metric'])
"""


def python_with_client():
    """Debian's interpreter has Debian's python3-prometheus-client."""
    for candidate in ("/usr/bin/python3", sys.executable):
        if subprocess.run([candidate, "-c", "import prometheus_client"],
                          capture_output=True).returncode == 0:
            return candidate
    raise unittest.SkipTest("no Python with prometheus_client")


class RealClient(EndToEndTest):
    def test_prometheus_client_every_kind_label_and_bucket(self):
        files = [str(SEEDS / name) for name in ("metrics.py", "business_metrics.py")]
        port = free_port()
        if not all(map(os.path.exists, files)):
            own = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
            (own / "metrics.py").write_text(METRICS)
            files = [str(own / "metrics.py")]
        client = self.start(Program([python_with_client(), "-c", CLIENT, str(port), *files]))
        pitwall = self.start(Pitwall(
            "global: {scrape_interval: 200ms, scrape_timeout: 200ms}\n"
            f"scrape_configs: [{{job_name: j, static_configs: [{{targets: "
            f"['127.0.0.1:{port}']}}]}}]\n"))
        wait_for(lambda: pitwall.value("count(trade_total)"), what="metrics: " +
                 client.read_output())
        common = {"instance": f"127.0.0.1:{port}", "job": "j"}

        def check(expression, expected):
            wanted = {tuple(sorted({**labels, **common}.items())): value
                      for labels, value in expected}
            got = {tuple(pair for pair in key if pair[0] != "__name__"): value
                   for key, value in pitwall.query(expression).items()}
            self.assertEqual(got, wanted, expression)

        request = {"component": "router", "endpoint": "/order", "method": "POST"}
        check("request_total", [({**request, "status": "200"}, "7"),
                                ({"component": 'we"ird\\', "endpoint": "/a\nb", "method": "GET",
                                  "status": "500"}, "1")])
        check("response_time_seconds_bucket",
              [({**request, "le": bound}, str(count)) for bound, count in
               (("0.01", 0), ("0.025", 1), ("0.05", 1), ("0.1", 1), ("0.25", 1), ("0.5", 3),
                ("1.0", 3), ("2.5", 3), ("5.0", 3), ("10.0", 4), ("+Inf", 5))])
        check("response_time_seconds_count", [(request, "5")])
        check("response_time_seconds_sum", [(request, "106.62")])
        check("queue_length", [({"component": "router", "queue_name": "orders"}, "12")])
        check("component_health", [({"component": "router"}, "1")])
        trade = {"ticker": "EURUSD", "strategy": "mean_reversion"}
        check("trade_total", [({**trade, "direction": "buy"}, "3")])
        check("trade_volume_total", [({**trade, "direction": "buy"}, "1234567.25")])
        check("profit_loss_total", [(trade, "0.1")])
        check("position_size", [(trade, "-50000")])
        check("model_accuracy", [({"model": "lstm", "timeframe": "1h"}, "NaN")])
        check("strategy_performance", [({"strategy": "mean_reversion", "metric": "sharpe"},
                                        "+Inf")])
        metadata = pitwall.get("/api/v1/metadata").json["data"]
        self.assertEqual(metadata["response_time_seconds"][0]["type"], "histogram")
        self.assertEqual(metadata["queue_length"],
                         [{"type": "gauge", "help": "Number of items in the queue", "unit": ""}])


class Options(EndToEndTest):
    def test_request_carries_what_the_config_says(self):
        exporter = self.start(Exporter("x 1\n"))
        pitwall = self.start(Pitwall(self.scrape_config(
            exporter, extra="  metrics_path: /custom\n"
                            "  params: {module: [a, b], 'q r': ['1&2']}\n"
                            "  basic_auth: {username: u, password: p}\n"
                            "  http_headers: {X-Desk: {values: [fx]}}\n")))
        wait_for(lambda: pitwall.value("x"), what="a sample")
        path, headers = exporter.requests[0]
        self.assertEqual(path, "/custom?module=a&module=b&q+r=1%262")
        self.assertEqual(headers["Authorization"], "Basic dTpw")
        self.assertEqual(headers["X-Desk"], "fx")
        self.assertEqual(headers["X-Prometheus-Scrape-Timeout-Seconds"], "0.2")
        self.assertIn("text/plain;version=0.0.4", headers["Accept"])
        self.assertIn("gzip", headers["Accept-Encoding"])

    def test_names_and_headers_come_from_files(self):
        exporter = self.start(Exporter("x 1\n"))
        pitwall = self.start(Pitwall(self.scrape_config(
            exporter, extra="  basic_auth: {username_file: name, password_file: word}\n"
                            "  http_headers: {X-Desk: {files: [desk]}}\n")))
        wait_for(lambda: any("No such file" in target["lastError"]
                             for target in pitwall.targets()["activeTargets"]),
                 what="the missing file")
        for name, text in (("word", "p\n"), ("desk", " rates\n"), ("name", "u\n")):
            (pitwall.folder / name).write_text(text)
        wait_for(lambda: pitwall.value("x"), what="a sample")
        headers = exporter.requests[0][1]
        self.assertEqual(headers["Authorization"], "Basic dTpw")
        self.assertEqual(headers["X-Desk"], "rates")

    def test_a_proxy_is_asked_with_its_headers(self):
        asked = []

        class Proxy(http.server.BaseHTTPRequestHandler):
            def do_CONNECT(self):
                asked.append((self.path, self.headers))
                self.send_error(502)

            def log_message(self, *arguments):
                pass
        proxy = http.server.HTTPServer(("127.0.0.1", 0), Proxy)
        self.addCleanup(proxy.server_close)
        self.addCleanup(proxy.shutdown)
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        pitwall = self.start(Pitwall(f"""
scrape_configs:
- job_name: j
  scrape_interval: 200ms
  scrape_timeout: 200ms
  scheme: https
  proxy_url: http://127.0.0.1:{proxy.server_port}
  proxy_connect_header: {{X-Pass: [one, two]}}
  http_headers: {{X-Desk: {{values: [fx]}}}}
  static_configs: [{{targets: ['far.example:443']}}]
"""))
        wait_for(lambda: asked, what="the proxy to be asked")
        path, headers = asked[0]
        self.assertEqual(path, "far.example:443")
        self.assertEqual(headers.get_all("X-Pass"), ["one", "two"])
        self.assertNotIn("X-Desk", headers)
        self.assertNotIn(b"two", pitwall.get("/api/v1/status/config").body)

    def test_up_and_report_series(self):
        exporter = self.start(Exporter("a 1\nb 2\n"))
        pitwall = self.start(Pitwall(self.scrape_config(exporter, extra=
                                                        "  extra_scrape_metrics: true\n"
                                                        "  sample_limit: 5\n")))
        wait_for(lambda: pitwall.value("up"), what="up")
        wait_for(lambda: pitwall.value("scrape_series_added") == 0, what="a second scrape")
        self.assertEqual(pitwall.value("scrape_samples_scraped"), 2)
        self.assertEqual(pitwall.value("scrape_samples_post_metric_relabeling"), 2)
        self.assertEqual(pitwall.value("scrape_timeout_seconds"), 0.2)
        self.assertEqual(pitwall.value("scrape_sample_limit"), 5)
        self.assertEqual(pitwall.value("scrape_body_size_bytes"), 8)
        self.assertGreater(pitwall.value("scrape_duration_seconds"), 0)

    def test_staleness_of_series_and_target(self):
        exporter = self.start(Exporter("stays 1\ngoes 1\n"))
        pitwall = self.start(Pitwall(self.scrape_config(exporter)))
        wait_for(lambda: pitwall.value("goes"), what="both series")
        exporter.answer = "stays 1\n"
        wait_for(lambda: pitwall.value("goes") is None, what="one series to go stale")
        self.assertEqual(pitwall.value("stays"), 1)
        exporter.answer = lambda request: request.connection.shutdown(socket.SHUT_RDWR)
        wait_for(lambda: pitwall.value("stays") is None, what="all series to go stale")
        self.assertEqual(pitwall.value("up"), 0)

    def test_file_discovery_follows_the_files(self):
        first, second = self.start(Exporter("x 1\n")), self.start(Exporter("x 2\n"))
        pitwall = Pitwall("scrape_configs: []\n")
        self.addCleanup(pitwall.close)
        targets = pitwall.folder / "targets"
        targets.mkdir()
        (targets / "a.json").write_text(json.dumps(
            [{"targets": [first.address], "labels": {"desk": "fx"}}]))
        pitwall.config.write_text(
            "global: {scrape_interval: 200ms, scrape_timeout: 200ms}\n"
            "scrape_configs:\n- job_name: files\n  file_sd_configs: [{files: ['targets/*.json', "
            "'targets/*.yml']}]\n  relabel_configs: [{source_labels: [__meta_filepath], regex: "
            "'.*/(.*)', target_label: file}]\n")
        self.assertEqual(pitwall.request("POST", "/-/reload").status, 200)
        wait_for(lambda: pitwall.value("x"), what="the first file")
        (targets / "b.yml").write_text(f"- targets: ['{second.address}']\n")
        wait_for(lambda: pitwall.value('x{file="b.yml"}') == 2, what="the second file")
        self.assertEqual(pitwall.value('x{desk="fx",file="a.json"}'), 1)
        (targets / "a.json").write_text("[{")
        time.sleep(2)
        self.assertEqual(pitwall.value('x{file="a.json"}'), 1, "a broken file keeps its targets")
        (targets / "a.json").write_text("[]")
        wait_for(lambda: pitwall.value('x{file="a.json"}') is None, what="the target to go")

    def test_relabel_keeps_drops_and_shows(self):
        exporter = self.start(Exporter("go_x 1\nmine 1\n"))
        pitwall = self.start(Pitwall(
            "global: {scrape_interval: 200ms, scrape_timeout: 200ms}\n"
            "scrape_configs:\n- job_name: j\n"
            f"  static_configs: [{{targets: ['{exporter.address}', 'dropped:1']}}]\n"
            "  relabel_configs: [{source_labels: [__address__], regex: 'dropped.*', action: drop},"
            " {target_label: venue, replacement: lse}]\n"
            "  metric_relabel_configs: [{source_labels: [__name__], regex: 'go_.*', action: "
            "drop}]\n"))
        wait_for(lambda: pitwall.value('mine{venue="lse"}'), what="a sample")
        self.assertIsNone(pitwall.value("go_x"))
        targets = pitwall.targets()
        self.assertEqual(len(targets["activeTargets"]), 1)
        self.assertEqual(targets["droppedTargets"][0]["discoveredLabels"]["__address__"],
                         "dropped:1")
        self.assertEqual(targets["droppedTargetCounts"], {"j": 1})


class Hostile(EndToEndTest):
    """Each costs one failed scrape, says why, and harms no other target."""

    def check(self, answer, reason, limit_extra=""):
        good = self.start(Exporter("good 1\n"))
        bad = self.start(Exporter(answer))
        pitwall = self.start(Pitwall(
            "global: {scrape_interval: 1s, scrape_timeout: 900ms}\n"
            "scrape_configs:\n"
            f"- {{job_name: good, scrape_interval: 500ms, scrape_timeout: 500ms, static_configs: "
            f"[{{targets: ['{good.address}']}}]}}\n"
            f"- {{job_name: bad, static_configs: [{{targets: ['{bad.address}']}}]{limit_extra}}}\n"))

        def failed():
            for target in pitwall.targets()["activeTargets"]:
                if target["scrapePool"] == "bad" and target["health"] == "down":
                    return target["lastError"]
            return None

        error = wait_for(failed, what="the bad target to fail")
        self.assertRegex(error, reason)
        wait_for(lambda: pitwall.value('up{job="bad"}') == 0, what="up of the bad target")
        wait_for(lambda: pitwall.value("good"), what="the good target")
        self.assertEqual(pitwall.value('count_over_time(up{job="good"}[1m]) - '
                                       'sum_over_time(up{job="good"}[1m])'), 0)
        self.assertLess(pitwall.resident_bytes(), (700 if not SANITIZED else 3000) << 20)
        return pitwall

    @staticmethod
    def stream(chunk, headers=()):
        def answer(request):
            request.send_response(200)
            request.send_header("Content-Type", "text/plain")
            for name, value in headers:
                request.send_header(name, value)
            request.send_header("Connection", "close")
            request.end_headers()
            while True:
                request.wfile.write(chunk)
        return answer

    def test_body_announced_as_10_gb(self):
        def answer(request):
            request.send_response(200)
            request.send_header("Content-Type", "text/plain")
            request.send_header("Content-Length", str(10 << 30))
            request.end_headers()
            while True:
                request.wfile.write(b"a 1\n" * 16384)
        self.check(answer, "body size limit exceeded")

    def test_endless_line(self):
        self.check(self.stream(b"x" * 65536), "body size limit|deadline exceeded")

    def test_endless_line_over_a_small_limit(self):
        self.check(self.stream(b"x" * 65536), "body size limit exceeded",
                   ", body_size_limit: 1MB")

    def test_gzip_bomb(self):
        bomb = gzip.compress(b"a 1\n" * (256 << 20 >> 2), 1) + \
            gzip.compress(b"#" * (64 << 20), 1)

        def answer(request):
            request.send_response(200)
            request.send_header("Content-Type", "text/plain")
            request.send_header("Content-Encoding", "gzip")
            request.send_header("Content-Length", str(len(bomb)))
            request.end_headers()
            request.wfile.write(bomb)
        self.check(answer, "body size limit|deadline exceeded", ", body_size_limit: 32MB")

    def test_a_million_labels(self):
        labels = ",".join(f'l{i}="v"' for i in range(1000000))
        self.check(f"x{{{labels}}} 1\n", "a series is longer than 65536 bytes")

    def test_invalid_utf8(self):
        self.check(b'x{a="\xff\xfe"} 1\n', "invalid UTF-8 label value")

    def test_not_an_exposition(self):
        def answer(request):
            request.send_response(200)
            request.send_header("Content-Type", "text/html")
            request.send_header("Content-Length", "13")
            request.end_headers()
            request.wfile.write(b"<html></html>")
        self.check(answer, 'received unsupported Content-Type "text/html"')

    def test_status_and_silence(self):
        self.check(lambda request: request.send_error(503), "server returned HTTP status 503")
        self.check(lambda request: time.sleep(30), "deadline exceeded")

    def test_body_cut_short(self):
        def answer(request):
            request.send_response(200)
            request.send_header("Content-Type", "text/plain")
            request.send_header("Content-Length", "1000")
            request.end_headers()
            request.wfile.write(b"a 1\n")
            request.wfile.flush()
            request.connection.shutdown(socket.SHUT_RDWR)
        self.check(answer, "transfer closed|end of response")


if __name__ == "__main__":
    unittest.main()
