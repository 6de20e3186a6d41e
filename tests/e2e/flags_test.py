"""The command line of `pitwall serve`: Prometheus's flags, what they do, what is shown of them."""
import http.client
import os
import socket
import subprocess
import time
import unittest

from harness import BINARY, EndToEndTest, Pitwall, free_port, wait_for

NONE = "scrape_configs: []\n"


def start_words(*flags, seconds=20):
    """Exit code and standard error of a start that fails."""
    result = subprocess.run(
        [BINARY, "serve", f"--data-dir=/tmp/pitwall-e2e-{free_port()}", *flags],
        capture_output=True, text=True, timeout=seconds)
    return result.returncode, result.stderr


class Prefixed(Pitwall):
    """One whose pages and API stand below a path; the path is added to every request."""
    path = ""

    def request(self, method, path, *arguments, **options):
        return super().request(method, self.path + path, *arguments, **options)


class Prefix(EndToEndTest):
    def start_at(self, path, *flags):
        Prefixed.path = path
        return self.start(Prefixed(NONE, flags=flags))

    def ask(self, pitwall, path):
        connection = http.client.HTTPConnection("127.0.0.1", pitwall.port, timeout=20)
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status, answer.getheader("Location")

    def test_everything_is_below_the_path_of_the_external_url(self):
        pitwall = self.start_at("/team/pitwall",
                                "--web.external-url=https://ops.example/team/pitwall/")
        self.assertEqual(pitwall.query("vector(1)"), {(): "1"})
        for path in ("/", "/query", "/targets", "/metrics", "/-/healthy", "/federate?match[]=up"):
            self.assertEqual(pitwall.get(path).status, 200, path)
        self.assertEqual(self.ask(pitwall, "/"), (302, "/team/pitwall/"))
        self.assertEqual(self.ask(pitwall, "/team/pitwall"), (302, "/team/pitwall/"))
        for path in ("/api/v1/query?query=1", "/metrics", "/team", "/team/pitwallet/metrics",
                     "/query"):
            self.assertEqual(self.ask(pitwall, path)[0], 404, path)
        page = pitwall.get("/query").body.decode()
        self.assertNotIn('"/', page)
        self.assertEqual(pitwall.request("POST", "/-/reload").status, 200)

    def test_a_route_prefix_wins(self):
        pitwall = self.start_at("", "--web.external-url=https://ops.example/pitwall",
                                "--web.route-prefix=/")
        self.assertEqual(pitwall.get("/metrics").status, 200)
        pitwall = self.start_at("/x", "--web.external-url=/pitwall", "--web.route-prefix=x/")
        self.assertEqual(pitwall.get("/metrics").status, 200)
        self.assertEqual(self.ask(pitwall, "/pitwall/metrics")[0], 404)

    def test_built_in_targets_are_where_they_say(self):
        Prefixed.path = "/p"
        pitwall = self.start(Prefixed("collectors: {host: {scrape_interval: 1s}}\n",
                                      flags=["--web.route-prefix=/p"]))
        targets = wait_for(lambda: pitwall.targets()["activeTargets"], what="targets")
        for target in targets:
            path = "/" + target["scrapeUrl"].split("/", 3)[3]
            self.assertEqual(self.ask(pitwall, path)[0], 200, path)

    def test_addresses_that_are_none(self):
        for flag in ("--web.external-url='https://x'", "--web.external-url=https://a b",
                     "--web.route-prefix=/a?b"):
            code, words = start_words(flag)
            self.assertEqual(code, 1)
            self.assertIn(flag.split("=")[0], words)


class GlobalUrls(EndToEndTest):
    """As the links of Prometheus's targets: local ones get the name that others know."""

    def urls(self, *flags):
        config = """
scrape_configs:
- job_name: x
  scrape_interval: 1d
  static_configs: [{targets: ['localhost:9100', '127.0.0.1:OWN', '10.1.2.3:80', '[::1]:9100']}]
"""
        pitwall = self.start(Pitwall(NONE, flags=flags))
        pitwall.config.write_text(config.replace("OWN", str(pitwall.port)))
        pitwall.request("POST", "/-/reload")
        wait_for(lambda: len(pitwall.targets()["activeTargets"]) == 4, what="the targets")
        return {target["globalUrl"].replace(str(pitwall.port), "OWN")
                for target in pitwall.targets()["activeTargets"]}

    def test_with_an_external_url(self):
        self.assertEqual(self.urls("--web.external-url=https://ops.example:8443/",
                                   "--web.route-prefix=/"),
                         {"http://ops.example:9100/metrics", "https://ops.example:8443/metrics",
                          "http://10.1.2.3:80/metrics", "http://[::1]:9100/metrics"})

    def test_without(self):
        name = os.uname().nodename
        self.assertEqual(self.urls(),
                         {f"http://{name}:9100/metrics", f"http://{name}:OWN/metrics",
                          "http://10.1.2.3:80/metrics", "http://[::1]:9100/metrics"})


class Flags(EndToEndTest):
    def test_shown(self):
        pitwall = self.start(Pitwall(NONE, flags=[
            "--query.timeout", "30s", "--web.enable-admin-api", "--no-web.enable-lifecycle",
            "--storage.tsdb.wal-compression", "--no-web.enable-otlp-receiver",
            "--enable-feature=promql-per-step-stats", "--enable-feature=auto-gomaxprocs",
            "--storage.tsdb.min-block-duration=1h", "--web.page-title=Desk 7"]))
        flags = pitwall.get("/api/v1/status/flags").json["data"]
        expected = {
            "alertmanager.notification-queue-capacity": "10000", "query.lookback-delta": "5m",
            "query.max-concurrency": "20", "query.max-samples": "50000000",
            "query.timeout": "30s", "storage.remote.read-sample-limit": "5e7",
            "storage.tsdb.min-block-duration": "1h", "storage.tsdb.retention.size": "0B",
            "storage.tsdb.retention.time": "0s", "storage.tsdb.wal-compression": "true",
            "web.cors.origin": ".*", "web.enable-admin-api": "true",
            "web.enable-lifecycle": "false", "web.page-title": "Desk 7",
            "web.listen-address": f"127.0.0.1:{pitwall.port}",
            "enable-feature": "promql-per-step-stats,auto-gomaxprocs", "log.level": "info",
            "config.file": str(pitwall.config), "storage.tsdb.path": str(pitwall.folder / "data"),
        }
        self.assertEqual({name: flags.get(name) for name in expected}, expected)
        log = pitwall.read_log()
        self.assertEqual(log.count("a flag without effect here"), 2)
        self.assertIn("flag=storage.tsdb.min-block-duration", log)
        self.assertIn("flag=web.enable-otlp-receiver", log)
        self.assertIn("<title>Desk 7</title>", pitwall.get("/").body.decode())
        self.assertEqual(pitwall.request("PUT", "/api/v1/admin/tsdb/clean_tombstones").status, 204)
        self.assertEqual(pitwall.request("POST", "/-/quit").status, 403)

    def test_switches(self):
        for flag, on in (("--web.enable-admin-api=true", True), ("--web.enable-admin-api", True),
                         ("--web.enable-admin-api=false", False)):
            pitwall = self.start(Pitwall(NONE, flags=["--web.enable-admin-api=true", flag]))
            self.assertEqual(pitwall.get("/api/v1/features").json["data"]["api"]["admin"], on)

    def test_refused(self):
        for flags, code, reason in (
                (["--web.enable-admin-api=maybe"], 2, "true or false"),
                (["--no-query.timeout"], 2, "unknown flag"),
                (["--log.level=loud"], 2, "debug, info, warn or error"),
                (["--web.pagetitle=x"], 2, "did you mean --web.page-title?"),
                (["--web.max-connections=0"], 1, "--web.max-connections"),
                (["--web.read-timeout=soon"], 1, "--web.read-timeout"),
                (["--query.max-samples=1.5"], 1, "--query.max-samples"),
                (["--query.timeout="], 1, "--query.timeout"),
                (["--storage.remote.read-sample-limit=-1"], 1, "read-sample-limit"),
                (["--storage.tsdb.retention.size=10"], 1, "retention.size"),
                (["--enable-feature"], 2, "needs NAMES")):
            with self.subTest(flags):
                result = start_words(*flags)
                self.assertEqual(result[0], code, result[1])
                self.assertIn(reason, result[1])

    def test_level_of_the_log(self):
        for level, warned in (("warn", True), ("error", False)):
            pitwall = self.start(Pitwall(NONE, flags=["--log.level", level,
                                                      "--storage.agent.path=x"]))
            pitwall.terminate()
            self.assertNotIn("level=info", pitwall.read_log())
            self.assertEqual("level=warn" in pitwall.read_log(), warned)

    def test_connections(self):
        pitwall = self.start(Pitwall(NONE, flags=["--web.max-connections=4",
                                                  "--web.read-timeout=2s"]))
        pitwall.get("/-/ready")
        idle = [socket.create_connection(("127.0.0.1", pitwall.port)) for _ in range(4)]
        self.addCleanup(lambda: [connection.close() for connection in idle])
        start = time.monotonic()
        # Those that ask nothing are closed after the time, and then there is room again.
        wait_for(lambda: self.answers(pitwall), what="room for one more")
        self.assertGreater(time.monotonic() - start, 1)

    def answers(self, pitwall):
        try:
            return pitwall.get("/-/healthy", timeout=1).status == 200
        except OSError:
            return False


class AutoReload(EndToEndTest):
    def pools(self, pitwall):
        return pitwall.get("/api/v1/scrape_pools").json["data"]["scrapePools"]

    def test_reloads_when_the_file_changes(self):
        config = "scrape_configs: [{job_name: JOB}]\n"
        for flag in ("--config.auto-reload", "--enable-feature=auto-reload-config"):
            pitwall = self.start(Pitwall(config.replace("JOB", "one"),
                                         flags=[flag, "--config.auto-reload-interval=1s"]))
            self.assertEqual(self.pools(pitwall), ["one"])
            pitwall.config.write_text(config.replace("JOB", "two"))
            wait_for(lambda: self.pools(pitwall) == ["two"], what="the other job")
            pitwall.config.write_text(config.replace("JOB", "a: b"))
            info = "/api/v1/status/runtimeinfo"
            wait_for(lambda: not pitwall.get(info).json["data"]["reloadConfigSuccess"],
                     what="the failure")
            time.sleep(2.5)
            self.assertEqual(pitwall.read_log().count("the old one stays"), 1)
            pitwall.config.write_text(config.replace("JOB", "two"))
            wait_for(lambda: pitwall.get(info).json["data"]["reloadConfigSuccess"],
                     what="the end of the failure")
            self.assertEqual(pitwall.read_log().count("configuration loaded"), 2)

    def test_only_when_asked(self):
        pitwall = self.start(Pitwall("scrape_configs: [{job_name: one}]\n",
                                     flags=["--config.auto-reload-interval=1s"]))
        pitwall.config.write_text("scrape_configs: [{job_name: two}]\n")
        time.sleep(2.5)
        self.assertEqual(self.pools(pitwall), ["one"])


if __name__ == "__main__":
    unittest.main()
