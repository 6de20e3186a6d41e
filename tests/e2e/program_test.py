"""Start, stop, reload, command line."""
import json
import os
import shutil
import signal
import subprocess
import time
import unittest

from harness import BINARY, PATIENCE, Client, EndToEndTest, Exporter, Pitwall, free_port, wait_for


def run(*arguments, **options):
    return subprocess.run([str(BINARY), *arguments], capture_output=True, text=True, timeout=60,
                          **options)


class Serving(EndToEndTest):
    def test_watches_its_host_without_a_configuration(self):
        pitwall = self.start(Pitwall())
        wait_for(lambda: pitwall.value('count(node_cpu_seconds_total{mode="idle"})'),
                 what="the host's CPUs")
        self.assertEqual(pitwall.value('count(node_cpu_seconds_total{mode="idle"})'),
                         os.cpu_count())
        wait_for(lambda: pitwall.value("pitwall_build_info"), what="its own metrics")
        self.assertIn("watches this host, itself", pitwall.read_log())

    def test_ends_cleanly_and_keeps_its_data(self):
        exporter = self.start(Exporter("kept 42\n"))
        pitwall = self.start(Pitwall(self.scrape_config(exporter)))
        wait_for(lambda: pitwall.value("kept"), what="a sample")
        code, seconds = pitwall.terminate()
        self.assertEqual(code, 0)
        self.assertLess(seconds, 1 * PATIENCE)
        exporter.answer = "other 1\n"
        pitwall.restart()
        self.assertEqual(pitwall.value("last_over_time(kept[1h])"), 42)

    def test_reload_is_all_or_nothing(self):
        first, second = self.start(Exporter("first 1\n")), self.start(Exporter("second 2\n"))
        pitwall = self.start(Pitwall(self.scrape_config(first)))
        wait_for(lambda: pitwall.value("first"), what="the first target")

        pitwall.config.write_text(self.scrape_config(second) + "  scrape_intervall: 1s\n")
        answer = pitwall.request("POST", "/-/reload")
        self.assertEqual(answer.status, 500)
        self.assertIn(b'unknown field "scrape_intervall" in scrape_config, did you mean '
                      b'"scrape_interval"?', answer.body)
        self.assertRegex(answer.body.decode(), r"pitwall\.yml:\d+:\d+: ")
        self.assertFalse(pitwall.get("/api/v1/status/runtimeinfo").json["data"]
                         ["reloadConfigSuccess"])
        self.assertEqual([t["health"] for t in pitwall.targets()["activeTargets"]], ["up"])

        pitwall.config.write_text(self.scrape_config(second))
        self.assertEqual(pitwall.request("POST", "/-/reload").status, 200)
        wait_for(lambda: pitwall.value("second"), what="the second target")
        wait_for(lambda: pitwall.value("first") is None, what="the first target to go stale")

        pitwall.config.write_text(self.scrape_config(first))
        pitwall.process.send_signal(signal.SIGHUP)
        wait_for(lambda: pitwall.value("first"), what="the first target again")

    def test_files_of_scrape_configs(self):
        exporters = [self.start(Exporter(f"from {i}\n")) for i in range(3)]
        pitwall = self.start(Pitwall("scrape_config_files: [jobs/*.yml]\n" +
                                     self.scrape_config(exporters[0])))
        wait_for(lambda: pitwall.value("from") == 0, what="the first job")
        (pitwall.folder / "jobs").mkdir()
        for i in (1, 2):
            (pitwall.folder / f"jobs/{i}.yml").write_text(
                f"scrape_configs: [{{job_name: more{i}, scrape_interval: 200ms, "
                f"static_configs: [{{targets: ['{exporters[i].address}']}}]}}]\n")
        self.assertEqual(pitwall.request("POST", "/-/reload").status, 200)
        wait_for(lambda: sorted(pitwall.query("from").values()) == ["0", "1", "2"],
                 what="the jobs of the files")
        (pitwall.folder / "jobs/2.yml").write_text("scrape_configs: [{job_name: more1}]\n")
        answer = pitwall.request("POST", "/-/reload")
        self.assertEqual(answer.status, 500)
        self.assertIn('jobs/2.yml:1:18: found multiple scrape configs with job name "more1"',
                      answer.body.decode())

    def test_retention_changes_with_a_reload(self):
        """At once for what is taken; what is there goes when the store tidies up next."""
        pitwall = self.start(Pitwall("scrape_configs: []\n"))
        old = int(time.time()) - 2 * 86400

        def take(name):
            pitwall.request("POST", "/influx/write", body=f"{name} v=1 {old}000000000".encode())
            return pitwall.value(f"{name}_v", at=old)

        def retention():
            return pitwall.get("/api/v1/status/runtimeinfo").json["data"]["storageRetention"]
        self.assertEqual((retention(), take("a")), ("15d", 1))
        for text, kept, taken in (("{time: 1d}", "1d", None), ("3d", "3d", 1),
                                  ("{percentage: 50}", "15d", 1), ("{time: 0s}", "15d", 1)):
            pitwall.config.write_text(f"storage: {{tsdb: {{retention: {text}}}}}\n")
            self.assertEqual(pitwall.request("POST", "/-/reload").status, 200)
            self.assertEqual((retention(), take(f"b{kept}{taken}")), (kept, taken), text)

    def test_an_unchanged_pool_goes_on_over_a_reload(self):
        exporter = self.start(Exporter("steady 1\n"))
        config = self.scrape_config(exporter)
        pitwall = self.start(Pitwall(config))
        wait_for(lambda: pitwall.value("steady"), what="a sample")
        for _ in range(5):
            self.assertEqual(pitwall.request("POST", "/-/reload").status, 200)
            self.assertEqual(pitwall.value("steady"), 1)

    def test_refuses_what_it_cannot_serve(self):
        port = free_port()
        blocker = self.start(Exporter(""))
        for listen, reason in ((f"0.0.0.0:{port}", "access control"),
                               (f"127.0.0.1:{blocker.port}", "cannot listen on"),
                               ("nonsense", "HOST:PORT")):
            with self.subTest(listen):
                result = run("serve", "--listen", listen, "--data-dir", f"/tmp/pitwall-e2e-{port}")
                self.assertEqual(result.returncode, 1)
                self.assertIn(reason, result.stderr)

    def test_health_and_unknown_paths(self):
        pitwall = self.start(Pitwall("scrape_configs: []\n"))
        self.assertEqual(pitwall.get("/-/healthy").status, 200)
        self.assertEqual(pitwall.request("HEAD", "/-/ready").status, 200)
        self.assertEqual(pitwall.get("/nowhere").status, 404)
        self.assertEqual(pitwall.request("DELETE", "/api/v1/query").status, 405)
        self.assertIn(b"process_resident_memory_bytes", pitwall.get("/metrics").body)

    def test_own_metrics_please_promtool(self):
        if not shutil.which("promtool"):
            self.skipTest("promtool is not installed")
        pitwall = self.start(Pitwall("scrape_configs: []\n"))
        result = subprocess.run(["promtool", "check", "metrics"], capture_output=True,
                                input=pitwall.get("/metrics").body)
        self.assertEqual((result.returncode, result.stderr), (0, b""))

    def test_logs_json(self):
        pitwall = self.start(Pitwall("runtime: {gogc: 1}\nscrape_configs: []\n"))
        pitwall.terminate()
        result = subprocess.Popen(
            [str(BINARY), "serve", "--log-format", "json", "--config", str(pitwall.config),
             "--listen", f"127.0.0.1:{pitwall.port}", "--data-dir", str(pitwall.folder / "data")],
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        line = json.loads(result.stderr.readline())
        result.terminate()
        result.communicate()
        self.assertEqual(line["level"], "warn")
        self.assertIn("gogc has no effect", line["msg"])


class Commands(unittest.TestCase):
    def test_unknown_words_say_what_was_meant(self):
        for words, reason in ((("serv",), 'did you mean "serve"?'),
                              (("chek", "config"), 'did you mean "check config"?'),
                              (("serve", "--data-dri", "x"), "did you mean --data-dir?"),
                              (("serve", "extra"), 'unexpected argument "extra"'),
                              (("serve", "--log-format", "xml"), "logfmt or json"),
                              (("query",), "usage: pitwall query"),
                              (("xyzzy",), 'unknown command "xyzzy"')):
            with self.subTest(words):
                result = run(*words)
                self.assertEqual(result.returncode, 2)
                self.assertIn(reason, result.stderr)

    def test_help_and_version(self):
        self.assertIn("check config", run("help").stdout)
        self.assertIn("--data-dir", run("help", "serve").stdout)
        self.assertIn("--data-dir", run("serve", "--help").stdout)
        self.assertRegex(run("version").stdout, r"^pitwall \d+\.\d+\.\d+\n$")

    def test_check_config(self):
        result = run("check", "config", "/dev/stdin", input="scrape_configs: [{job_name: a}]")
        self.assertEqual((result.returncode, result.stdout),
                         (0, "/dev/stdin: valid, 1 scrape config\n"))
        result = run("check", "config", "/dev/stdin", input="scrape_configs: [{job_nam: a}]")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stderr, '/dev/stdin:1:19: unknown field "job_nam" in '
                                        'scrape_config, did you mean "job_name"?\n')
        self.assertEqual(run("check", "config", "/nowhere.yml").returncode, 1)

    def test_query(self):
        pitwall = Pitwall("scrape_configs: []\n")
        self.addCleanup(pitwall.close)
        result = run("query", "--server", pitwall.url, "--time", "100", "vector(1.5) + 1")
        self.assertEqual((result.returncode, result.stdout), (0, "{} => 2.5 @[100]\n"))
        result = run("query", "--server", pitwall.url, "sum(")
        self.assertEqual(result.returncode, 1)
        self.assertIn("1:5: parse error", result.stderr)
        result = run("query", f"--server=http://127.0.0.1:{free_port()}", "1")
        self.assertEqual(result.returncode, 1)
        self.assertIn("cannot ask", result.stderr)


if __name__ == "__main__":
    unittest.main()
