"""The edges of scraping, as Prometheus's own tests of it have them, on Debian's Prometheus and on
Pitwall at once: limits, labels that collide, times in expositions, duplicates, what relabeling
may do, answers that are none. Both have to hold the same series and say the same of each target.
"""
import gzip
import json
import shutil
import tempfile
import time
import unittest

from harness import Client, EndToEndTest, Exporter, Pitwall, Program, free_port, wait_for
from peer import PEER

NOW = int(time.time() * 1000)

# Name of a job -> (more of its configuration, what its target answers).
JOBS = {
    "plain": ("", "a 1\nb{x=\"y\"} 2\n"),
    "empty": ("", ""),
    "only_comments": ("", "# HELP a b\n# TYPE a counter\n# anything\n"),
    "no_last_line_break": ("", "a 1"),
    "not_an_exposition": ("", "<html>"),
    "half_bad": ("", "a 1\nb{ 2\n"),
    "body_limit": ("body_size_limit: 15B", "a 1\nb 2\nc 3\nd 4\n"),
    "body_limit_reached": ("body_size_limit: 16B", "a 1\nb 2\nc 3\nd 4\n"),
    "body_limit_kept": ("body_size_limit: 17B", "a 1\nb 2\nc 3\nd 4\n"),
    "sample_limit": ("sample_limit: 2", "a 1\nb 2\nc 3\n"),
    "sample_limit_kept": ("sample_limit: 3", "a 1\nb 2\nc 3\n"),
    "sample_limit_after_relabeling": (
        "sample_limit: 2\n  metric_relabel_configs: "
        "[{source_labels: [__name__], regex: a, action: drop}]", "a 1\nb 2\nc 3\n"),
    "sample_limit_of_duplicates": ("sample_limit: 2", "a 1\na 1\na 1\n"),
    # The name and what the target adds count.
    "label_limit": ("label_limit: 3", 'a{x="1"} 1\n'),
    "label_limit_kept": ("label_limit: 4", 'a{x="1"} 1\n'),
    "label_limit_of_empty": ("label_limit: 4", 'a{x="1",y=""} 1\n'),
    "label_name_limit": ("label_name_length_limit: 8", 'a{ninechars="1"} 1\n'),
    "label_name_limit_kept": ("label_name_length_limit: 9", 'a{ninechars="1"} 1\n'),
    "label_value_limit": ("label_value_length_limit: 15", 'a{x="1234567890123456"} 1\n'),
    "label_value_limit_kept": ("label_value_length_limit: 30", 'a{x="1234567890123456"} 1\n'),
    "label_value_limit_of_the_name": ("label_value_length_limit: 30", "a" * 31 + " 1\n"),
    "collision": ("", 'a{job="own",instance="mine"} 1\nb{exported_job="x",job="own"} 2\n'
                      'c{exported_job="x",exported_exported_job="y",job="own"} 3\n'),
    "empty_collision": ("", 'a{job="",instance=""} 1\n'),
    "honor_labels": ("honor_labels: true", 'a{job="own",instance="mine"} 1\nb{job=""} 2\n'),
    "times": ("", f"a 1 {NOW - 20000}\nb 2 {NOW - 30000}\nc 3\n"),
    "times_ignored": ("honor_timestamps: false", f"a 1 {NOW - 200000}\nb 2 {NOW + 9999999}\n"),
    "times_back": ("", f"a 1 {NOW - 20000}\na 2 {NOW - 30000}\nb 3\n"),
    "times_ahead": ("", f"a 1 {NOW + 3600000}\nb 2\n"),
    "times_long_ago": ("", "a 1 1000\nb 2\n"),
    "times_twice": ("", f"a 1 {NOW - 20000}\na 1 {NOW - 20000}\na 2 {NOW - 20000}\n"),
    "duplicates": ("", "a 1\nb 2\na 1\n"),
    "different_duplicates": ("", "a 1\nb 2\na 3\n"),
    "duplicates_by_relabeling": (
        "metric_relabel_configs: [{regex: x, action: labeldrop}]", 'a{x="1"} 1\na{x="2"} 2\n'),
    "empty_labels": ("", 'a{x=""} 1\nb{x="",y="1"} 2\n'),
    "no_name": ("", '{x="1"} 1\n'),
    "name_dropped": ("metric_relabel_configs: [{regex: __name__, action: labeldrop}]", "a 1\n"),
    "all_dropped": ("metric_relabel_configs: [{source_labels: [__name__], action: drop}]",
                    "a 1\nb 2\n"),
    "reports_kept": ("metric_relabel_configs: [{source_labels: [__name__], regex: 'up|scrape_.*',"
                     " action: drop}]", "up 7\nscrape_duration_seconds 9\na 1\n"),
    "renamed": ("metric_relabel_configs: [{source_labels: [x], target_label: __name__},"
                " {target_label: job, replacement: other}]", 'a{x="b"} 1\n'),
    "hashmod": ("metric_relabel_configs: [{source_labels: [x], modulus: 8, target_label: h,"
                " action: hashmod}]", 'a{x="b"} 1\na{x="c"} 2\n'),
    "target_labels": ("relabel_configs: [{target_label: desk, replacement: fx},"
                      " {target_label: instance, replacement: here}]", "a 1\n"),
    "no_instance": ("relabel_configs: [{target_label: instance, replacement: ''}]", "a 1\n"),
    "dropped_target": ("relabel_configs: [{source_labels: [job], action: drop}]", "a 1\n"),
    "path": ("metrics_path: /other\n  params: {x: [y, 'z z'], w: ['1']}", "a 1\n"),
    "path_relabeled": ("relabel_configs: [{target_label: __metrics_path__, replacement: /q},"
                       " {target_label: __param_p, replacement: v}]", "a 1\n"),
    "own_interval": ("relabel_configs: [{target_label: __scrape_interval__, replacement: 2s},"
                     " {target_label: __scrape_timeout__, replacement: 1s}]", "a 1\n"),
    "bad_interval": ("relabel_configs: [{target_label: __scrape_interval__, replacement: soon}]",
                     "a 1\n"),
    "bad_address": ("relabel_configs: [{target_label: __address__, replacement: 'a/b'}]", "a 1\n"),
    "bad_label_value": ("relabel_configs: [{target_label: x, replacement: \"\\xff\"}]", "a 1\n"),
    "extra_reports": ("sample_limit: 5", "a 1\n"),
    "status_500": ("", (500, {}, b"a 1\n")),
    "status_204": ("", (204, {}, b"")),
    "redirect": ("", (302, {"Location": "/elsewhere"}, b"")),
    "redirect_refused": ("follow_redirects: false", (302, {"Location": "/x"}, b"")),
    "zipped": ("", (200, {"Content-Encoding": "gzip"}, gzip.compress(b"a 1\n"))),
    "odd_values": ("", "a NaN\nb +Inf\nc -Inf\nd 0x1p-2\ne 1e-400\nf -0\ng 1e3\nh .5\n"),
}
TWO = {"target_limit": "target_limit: 1", "target_limit_kept": "target_limit: 2"}


def answer_of(body):
    def answer(request):
        status, headers, data = body if isinstance(body, tuple) else (200, {}, body.encode())
        if request.path == "/elsewhere":
            status, headers, data = 200, {}, b"moved 1\n"
        request.send_response(status)
        for name, value in {"Content-Type": "text/plain; version=0.0.4", **headers}.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)
    return answer


def canonical(value):
    return sorted(json.dumps(item, sort_keys=True) for item in value)


class Scraping(EndToEndTest):
    @classmethod
    def setUpClass(cls):
        if not shutil.which(PEER):
            raise unittest.SkipTest("Debian's prometheus is not installed")
        cls.exporters = {}
        lines = ["global: {scrape_interval: 1s, scrape_timeout: 1s}",
                 "storage: {tsdb: {out_of_order_time_window: 0s}}", "scrape_configs:"]
        for name, (extra, body) in JOBS.items():
            exporter = cls.exporters[name] = Exporter(answer_of(body))
            cls.addClassCleanup(exporter.close)
            lines += [f"- job_name: {name}",
                      f"  static_configs: [{{targets: ['{exporter.address}']}}]"]
            lines += [f"  {extra}"] if extra else []
        plain = cls.exporters["plain"].port
        for name, extra in TWO.items():
            lines += [f"- job_name: {name}", "  static_configs: [{targets: "
                      f"['127.0.0.1:{plain}', 'localhost:{plain}']}}]", f"  {extra}"]
        cls.config = "\n".join(lines) + "\n"
        cls.pitwall = Pitwall(cls.config)
        cls.addClassCleanup(cls.pitwall.close)
        cls.prometheus = cls.start_peer()
        for client in (cls.pitwall, cls.prometheus):
            wait_for(lambda: cls.is_settled(client), 40, what="three scrapes of every target")

    @classmethod
    def start_peer(cls):
        cls.folder = tempfile.mkdtemp(prefix="pitwall-e2e-prometheus-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        port = free_port()
        with open(f"{cls.folder}/prometheus.yml", "w") as file:
            file.write(cls.config)
        program = Program([PEER, f"--config.file={cls.folder}/prometheus.yml",
                           f"--storage.tsdb.path={cls.folder}/data", "--web.enable-lifecycle",
                           f"--web.listen-address=127.0.0.1:{port}"])
        cls.addClassCleanup(program.close)
        return Client(port)

    @classmethod
    def is_settled(cls, client):
        try:
            counts = client.query("count_over_time(up[1h])")
        except (OSError, ValueError):
            return False
        # All but the targets relabeling drops and those that cannot be.
        return len(counts) >= len(JOBS) + 2 * len(TWO) - 5 and \
            all(float(count) >= 3 for count in counts.values())

    def series(self, client, selector):
        """Values at last, but how long scrapes took."""
        return sorted((sorted(labels), value)
                      for labels, value in client.query(selector).items()
                      if ("__name__", "scrape_duration_seconds") not in labels)

    def test_series(self):
        for name in (*JOBS, *TWO, "own", "other", ""):
            with self.subTest(name):
                ours, theirs = (self.series(client, f'{{job="{name}",__name__=~".+"}}')
                                for client in (self.pitwall, self.prometheus))
                self.assertEqual(ours, theirs)

    def test_times(self):
        for name in ("times", "times_back", "times_twice", "times_ahead", "times_long_ago"):
            with self.subTest(name):
                ours, theirs = (
                    canonical(client.get("/api/v1/query", {
                        "query": f'{{job="{name}",__name__=~"[a-c]"}}[1h]'}).json["data"]["result"])
                    for client in (self.pitwall, self.prometheus))
                without = [json.loads(text) for text in ours], [json.loads(text) for text in theirs]
                for left, right in zip(*without):
                    self.assertEqual(left["metric"], right["metric"])
                    old = [[at, value] for at, value in left["values"] if at < NOW / 1000 - 10]
                    self.assertEqual(old, [[at, value] for at, value in right["values"]
                                           if at < NOW / 1000 - 10])
                self.assertEqual(len(ours), len(theirs))

    def test_targets(self):
        ours, theirs = (client.targets() for client in (self.pitwall, self.prometheus))

        def shown(targets):
            return {(target["scrapePool"], target["scrapeUrl"]): (
                target["labels"], target["health"], target["scrapeInterval"],
                target["scrapeTimeout"], bool(target["lastError"]))
                for target in targets["activeTargets"]}
        self.assertEqual(shown(ours), shown(theirs))
        # What 3.x says beside.
        dropped = [{name: value for name, value in target["discoveredLabels"].items()
                    if "_histograms_" not in name} for target in ours["droppedTargets"]]
        self.assertEqual(canonical(dropped), canonical(
            target["discoveredLabels"] for target in theirs["droppedTargets"]))

    def test_errors(self):
        """Where they are Prometheus's own and not those of Go's libraries."""
        def errors(client):
            return {target["scrapePool"]: target["lastError"]
                    for target in client.targets()["activeTargets"] if target["lastError"]}
        ours, theirs = errors(self.pitwall), errors(self.prometheus)
        self.assertEqual(ours.keys(), theirs.keys())
        for name in ("body_limit", "sample_limit", "sample_limit_of_duplicates", "label_limit",
                     "label_name_limit", "label_value_limit", "label_value_limit_of_the_name",
                     "status_500", "status_204", "redirect_refused", "target_limit"):
            with self.subTest(name):
                self.assertEqual(ours[name], theirs[name])

    def test_requests(self):
        for name in ("path", "path_relabeled", "redirect", "plain"):
            with self.subTest(name):
                paths = {}
                for path, headers in self.exporters[name].requests:
                    paths.setdefault(headers["User-Agent"].split("/")[0], set()).add(path)
                self.assertEqual(paths["Pitwall"], paths["Prometheus"])

    def test_what_ends(self):
        """Series end in a scrape, when scraping fails, and with the target. The last of the tests,
        by its name: it changes the targets."""
        self.exporters["plain"].answer = answer_of("a 1\n")
        self.exporters["times"].answer = answer_of("c 3\n")
        self.exporters["collision"].answer = answer_of((500, {}, b""))
        self.exporters["honor_labels"].answer = answer_of("broken{ 1\n")
        reduced = self.config.replace("- job_name: renamed\n", "- job_name: renamed_job\n")
        self.pitwall.config.write_text(reduced)
        with open(f"{self.folder}/prometheus.yml", "w") as file:
            file.write(reduced)
        for client in (self.pitwall, self.prometheus):
            self.assertEqual(client.request("POST", "/-/reload").status, 200)

        selectors = ['{job="plain"}', '{job="times",__name__!="a"}', '{job="collision"}',
                     '{job="own"}', '{job="honor_labels"}', '{job="renamed_job"}']

        def same():
            return all(self.series(self.pitwall, selector) == self.series(self.prometheus, selector)
                       for selector in selectors)
        wait_for(lambda: not self.series(self.prometheus, '{job="own"}')
                 and self.prometheus.value('scrape_series_added{job="renamed_job"}') == 0
                 and same(), 30, what="the same ends")
        self.assertFalse(self.series(self.pitwall, 'b{job="plain"}'))
        # A job that is gone ends; Prometheus lets it fade.
        self.assertFalse(self.series(self.pitwall, '{job="renamed"}'))


if __name__ == "__main__":
    unittest.main()
