"""promtool: the same words given to Debian's promtool (2.42) and to ours must give the same output
and exit code. Where 3.14 differs from 2.42, ours follows 3.14 and the case says how."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import textwrap
import time
import unittest

from harness import Client, EndToEndTest, Exporter, Pitwall, Program, free_port, wait_for

PITWALL = str(pathlib.Path(os.environ.get("PITWALL", "build/pitwall")).resolve())

RULES = {
    "good.yml": """\
        groups:
        - name: orders
          interval: 30s
          rules:
          - record: venue:orders:rate1m
            expr: sum by (venue) (rate(orders_total[1m]))
            labels: {desk: fx}
          - alert: FeedStale
            expr: time() - feed_last_update_seconds > 5
            for: 10s
            labels: {severity: page}
            annotations: {summary: "{{ $labels.feed }} is stale"}
        """,
    "duplicate.yml": """\
        groups:
        - name: orders
          rules:
          - {record: r, expr: x, labels: {a: b}}
          - {record: r, expr: y, labels: {a: b}}
          - {record: r, expr: z, labels: {a: b}}
          - {record: s, expr: x}
        - name: more
          rules:
          - {record: s, expr: y}
        """,
}

CONFIGS = {
    "good.prom.yml": """\
        global: {scrape_interval: 15s}
        rule_files: [good.yml, "*.nothing"]
        alerting:
          alertmanagers:
          - static_configs: [{targets: ["localhost:9093"]}]
        scrape_configs:
        - job_name: a
          static_configs: [{targets: ["localhost:9100"]}]
        """,
    "no_rules.prom.yml": "rule_files: [nofile.yml]\n",
    "no_cert.prom.yml": """\
        scrape_configs:
        - job_name: a
          tls_config: {cert_file: nope.pem, key_file: nope.key}
        """,
    "no_token.prom.yml": """\
        scrape_configs:
        - job_name: a
          authorization: {credentials_file: nope.token}
        """,
}

WEB_CONFIG = "basic_auth_users: {a: $2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi}\n"

LINTED = """\
# HELP foo_milliseconds x
# TYPE foo_milliseconds gauge
foo_milliseconds 1
# TYPE no_help counter
no_help 1
# HELP camelCase bad
# TYPE camelCase gauge
camelCase{fooBar="1"} 1
camelCase{fooBar="2"} 1
# HELP x_total not a counter
# TYPE x_total gauge
x_total 1
# HELP h_seconds good
# TYPE h_seconds histogram
h_seconds_bucket{le="1"} 1
h_seconds_bucket{le="+Inf"} 1
h_seconds_sum 1
h_seconds_count 1
# HELP y_count bad
# TYPE y_count gauge
y_count 1
# HELP z_bucket bad
# TYPE z_bucket gauge
z_bucket{le="1",quantile="2"} 1
# HELP a_gauge_b bad
# TYPE a_gauge_b gauge
a_gauge_b 1
# HELP d:e colon
# TYPE d:e gauge
d:e 1
# HELP kilobytes_total unit
# TYPE kilobytes_total counter
kilobytes_total 1
untyped_x 1
# HELP mem_mb abbreviated
# TYPE mem_mb gauge
mem_mb 1
# HELP summ good
# TYPE summ summary
summ{quantile="0.5"} 1
summ{quantile="0.9"} 1
summ_sum 1
summ_count 2
# HELP s_sum bad
# TYPE s_sum gauge
s_sum 1
"""

GOOD_METRICS = """\
# HELP a_total x
# TYPE a_total counter
a_total 1
a_total{x="1"} 2
# HELP b_seconds x
# TYPE b_seconds histogram
b_seconds_bucket{le="1"} 1
b_seconds_bucket{le="+Inf"} 1
b_seconds_sum 1
b_seconds_count 1
"""

OPENMETRICS = """\
# TYPE a counter
a_total{x="1"} 5 1700000000
a_total{x="1"} 6 1700000060
a_total{x="2"} 1.5 1700000000.123
a_total{x="2"} NaN 1700007200.123
# TYPE g gauge
g +Inf 1700000000
g 1e-9 1700003600
g 123456789012 1700003700
g{long="value with \\"quotes\\" and \\\\"} -1 1700003700
# EOF
"""


class PromtoolTest(EndToEndTest):
    def setUp(self):
        super().setUp()
        if not shutil.which("promtool"):
            raise unittest.SkipTest("promtool is not installed")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pitwall-e2e-promtool-"))
        self.addCleanup(shutil.rmtree, self.folder, True)
        # Called by its name, as somebody who links it does.
        self.ours = str(self.folder / "promtool")
        os.symlink(PITWALL, self.ours)

    def write(self, files):
        for name, text in files.items():
            (self.folder / name).write_text(textwrap.dedent(text))

    def run_tool(self, tool, words, stdin):
        done = subprocess.run([tool, *words], input=stdin, capture_output=True, text=True,
                              cwd=self.folder, timeout=60, check=False)
        return done.returncode, done.stdout, done.stderr

    def same(self, *words, stdin="", change=lambda text: text):
        """`change` makes of 2.42's output that of 3.14, or takes out what is never the same."""
        peer = self.run_tool("promtool", words, stdin)
        ours = self.run_tool(self.ours, words, stdin)
        self.assertEqual(tuple(map(change, map(str, ours))), tuple(map(change, map(str, peer))),
                         " ".join(words))
        return ours

    def mine(self, *words, stdin=""):
        return self.run_tool(self.ours, words, stdin)


class Words(PromtoolTest):
    def test_mistakes(self):
        for words in ("check rulez", "check", "foo", "tsdb create-blocks-from",
                      "query series http://x", "query instant", "query instant -o xml http://x up",
                      "check rules --foo", "check rules -z", "tsdb list a b c",
                      "check rules /nonexist", "check rules /tmp", "check config",
                      "query instant http://x up --time", "check config --lint",
                      "query range http://localhost:1 up --step=zz", "tsdb dump --min-time=x",
                      "check web-config nofile"):
            with self.subTest(words):
                code, _, _ = self.same(*words.split())
                self.assertEqual(code, 1)

    def test_help(self):
        code, out, _ = self.mine("check", "rules", "--help")
        self.assertEqual(code, 0)
        self.assertTrue(out.startswith("usage: promtool check rules [<flags>] [<rule-files>...]"))
        self.assertIn('--lint="duplicate-rules"', out)
        code, out, _ = self.mine("--version")
        self.assertEqual(code, 0)
        self.assertTrue(out.startswith("promtool, version 3."))
        self.assertEqual(self.mine()[0], 1)

    def test_as_a_command_of_pitwall(self):
        self.write(RULES)
        self.assertEqual(self.run_tool(PITWALL, ["promtool", "check", "rules", "good.yml"], ""),
                         self.mine("check", "rules", "good.yml"))


class Check(PromtoolTest):
    def setUp(self):
        super().setUp()
        self.write(RULES)
        self.write(CONFIGS)
        self.write({"web.yml": WEB_CONFIG})

    def test_rules(self):
        for words in ("good.yml", "duplicate.yml", "--lint-fatal duplicate.yml",
                      "--lint=none duplicate.yml", "--lint=all --lint-fatal duplicate.yml",
                      "good.yml duplicate.yml"):
            with self.subTest(words):
                self.same("check", "rules", *words.split())
        # 3.x reads standard input when there is no file.
        self.assertEqual(self.mine("check", "rules", stdin=textwrap.dedent(RULES["good.yml"])),
                         (0, "Checking standard input\n  SUCCESS: 2 rules found\n\n", ""))

    def test_bad_rules(self):
        """The places and reasons of Prometheus's own tests of rulefmt, without the blank line
        that 2.42 prints behind them."""
        cases = (
            ("groups: [{name: a, rules: [{record: r, expr: 'x +'}]}]",
             '1:46: group "a", rule 1, "r": could not parse expression: 1:4: parse error: '
             "unexpected end of input"),
            ("groups: [{name: a, rules: [{record: r, alert: a, expr: x}]}]",
             "1:37: 1:47: group \"a\", rule 1, \"a\": only one of 'record' and 'alert' must be "
             "set"),
            ("groups: [{name: a, rules: [{record: r, expr: x, for: 5m}]}]",
             "1:37: group \"a\", rule 1, \"r\": invalid field 'for' in recording rule"),
            ("groups: [{name: a, rules: [{record: r, expr: x, annotations: {a: b}}]}]",
             "1:37: group \"a\", rule 1, \"r\": invalid field 'annotations' in recording rule"),
            ("groups: [{name: a, rules: [{record: 'r{a=\"b\"}', expr: x}]}]",
             '1:37: group "a", rule 1, "r{a="b"}": braces present in the recording rule name; '
             'should it be in expr?: r{a="b"}'),
            ("groups: [{name: a}, {name: a}]",
             '1:21: groupname: "a" is repeated in the same file'),
            ("groups: [{rules: []}]", "1:10: Groupname must not be empty"),
            ("groups: [{name: a, foo: 1}]",
             "yaml: unmarshal errors:\n  line 1: field foo not found in type rulefmt.RuleGroup"),
            ("groups: [{name: a, rules: [{record: r, expr: x, labels: {__name__: y}}]}]",
             'group "a", rule 1, "r": invalid label name: __name__'),
        )
        for text, reason in cases:
            with self.subTest(text):
                self.write({"bad.yml": text})
                self.assertEqual(self.mine("check", "rules", "bad.yml"),
                                 (1, "Checking bad.yml\n", f"  FAILED:\nbad.yml: {reason}\n"))
        self.write({"bad.yml": "groups: [{name: a, foo: 1, rules: []}]"})
        self.assertEqual(self.mine("check", "rules", "--ignore-unknown-fields", "bad.yml")[0], 0)

    def test_rule_templates(self):
        for text in ("{{ $labels.foo-bar }}", "{{ nofunc 1 }}", "{{ if }}", "{{ $value",
                     "{{ end }}", "{{ $x }}", "{{ template }}", "{{ 1 | 2 }}", "{{ '}}", "{{ (1 }}",
                     "a\n{{ b }}",
                     "{{ tmpl \"x\" . }}", "{{ $value | humanize }}", "{{ template \"none\" }}",
                     "{{ range query \"up\" }}{{ . | label \"job\" }}{{ end }}"):
            for kind in ("labels", "annotations"):
                with self.subTest(text, kind=kind):
                    self.write({"t.yml": json.dumps({"groups": [{"name": "g", "rules": [
                        {"alert": "A", "expr": "up == 0", kind: {"x": text}}]}]})})
                    code, out, err = self.run_tool("promtool", ["check", "rules", "t.yml"], "")
                    # Before errors 2.42 prints one newline more.
                    out = out[:-1] if err else out
                    self.assertEqual(self.mine("check", "rules", "t.yml"), (code, out, err))
        # Those of a recording rule are no templates.
        self.write({"t.yml": "groups: [{name: g, rules: "
                             "[{record: r, expr: x, labels: {a: '{{'}}]}]"})
        self.assertEqual(self.mine("check", "rules", "t.yml")[0], 0)

    def test_config(self):
        for name in CONFIGS:
            for flags in ([], ["--syntax-only"]):
                with self.subTest(name, flags=flags):
                    self.same("check", "config", *flags, name)
        self.write({"bad.prom.yml": "scrape_configs: [{job_name: a, foo: 1}]\n"})
        code, out, err = self.mine("check", "config", "bad.prom.yml")
        self.assertEqual((code, out), (1, "Checking bad.prom.yml\n\n"))
        self.assertIn("  FAILED: parsing YAML file bad.prom.yml: bad.prom.yml:1:32: unknown field",
                      err)

    def test_config_targets(self):
        self.write({"sd.prom.yml": """\
            scrape_configs:
            - job_name: a
              file_sd_configs: [{files: ["nope.json", "good.json"]}]
            """, "bad_sd.prom.yml": """\
            scrape_configs:
            - job_name: a
              file_sd_configs: [{files: ["*.bad.json"]}]
            """, "target.prom.yml": """\
            scrape_configs:
            - job_name: a
              static_configs: [{targets: ["http://h:1/x"]}]
            """, "good.json": '[{"targets": ["h:1"], "labels": {"a": "b"}}]',
                    "x.bad.json": '[{"targets": [1]}]'})
        self.same("check", "config", "sd.prom.yml")
        code, out, err = self.mine("check", "config", "bad_sd.prom.yml")
        self.assertEqual((code, out), (1, "Checking bad_sd.prom.yml\n\n"))
        self.assertIn('  FAILED: checking SD file "*.bad.json": ', err)
        for flags in ([], ["--syntax-only"]):
            self.assertEqual(self.mine("check", "config", *flags, "target.prom.yml")[0], 1)

    def test_service_discovery(self):
        self.write({"sd.yml": """\
            scrape_configs:
            - job_name: a
              static_configs:
              - targets: ["h:1", "drop:2"]
                labels: {x: "<y>"}
              relabel_configs:
              - {source_labels: [__address__], regex: "drop.*", action: drop}
              - {source_labels: [x], target_label: z}
            - job_name: b
              file_sd_configs: [{files: [targets.json]}]
            - job_name: bad
              static_configs: [{targets: ["h:1"]}]
              relabel_configs: [{target_label: __address__, replacement: h/x}]
            """, "targets.json": '[{"targets": ["f:9"], "labels": {"z": "1"}}]'})

        def older(text):
            """2.42 knows no labels that choose between kinds of histograms."""
            return re.sub(r' +"__(scrape_native|convert_classic|always_scrape)\w*": "false",\n', "",
                          text)
        self.same("check", "service-discovery", "--timeout=1s", "sd.yml", "a", change=older)
        self.same("check", "service-discovery", "sd.yml", "nosuch")
        # 2.42 fails on files.
        code, out, err = self.mine("check", "service-discovery", "sd.yml", "b")
        self.assertEqual((code, err), (0, ""))
        target = json.loads(out)[0]
        self.assertEqual(target["discoveredLabels"]["__meta_filepath"],
                         "targets.json")
        self.assertEqual((target["labels"]["instance"], target["labels"]["z"]), ("f:9", "1"))
        code, out, _ = self.mine("check", "service-discovery", "sd.yml", "bad")
        self.assertEqual((code, json.loads(out)[0]["error"]),
                         (0, '"h/x" is not a valid hostname'))

    def test_config_lint(self):
        self.write({"slow.prom.yml": "scrape_configs: [{job_name: a, scrape_interval: 10m}]\n"})
        self.assertEqual(self.mine("check", "config", "slow.prom.yml")[0], 0)
        code, _, err = self.mine("check", "config", "--lint=too-long-scrape-interval",
                                 "--lint-fatal", "slow.prom.yml")
        self.assertEqual((code, err), (3, "  FAILED: too long scrape interval found, data point "
                                       "will be marked as stale - job: a, interval: 10m\n"))
        self.assertEqual(self.mine("check", "--query.lookback-delta=20m", "config", "--lint=all",
                                   "--lint-fatal", "slow.prom.yml")[0], 0)

    def test_web_config(self):
        self.same("check", "web-config", "web.yml")
        self.write({"bad_web.yml": "basic_auth_userz: {}\n"})
        code, _, err = self.mine("check", "web-config", "web.yml", "bad_web.yml")
        self.assertEqual(code, 1)
        self.assertTrue(err.startswith("web.yml SUCCESS\nbad_web.yml FAILED: "))

    def test_metrics(self):
        self.assertEqual(self.same("check", "metrics", stdin=LINTED)[0], 3)
        self.assertEqual(self.same("check", "metrics", "--extended", stdin=GOOD_METRICS)[0], 0)
        self.same("check", "metrics", stdin="")
        for text in ("a 1\n# HELP a x\n# HELP a y\n", "a 1\n# TYPE a gauge\n"):
            self.assertEqual(self.same("check", "metrics", stdin=text)[0], 1)
        for text in ("# TYPE a foo\n", "a b\n", 'a{x="1\n'):
            self.assertEqual(self.same("check", "metrics", stdin=text, change=lambda text:
                                       re.sub(r"(in line \d+): .*", r"\1", text))[0], 1)
        # Newer than 2.42.
        self.assertEqual(self.mine("check", "metrics",
                                   stdin="# HELP a x\n# TYPE a gauge\na 1\na 1\n"),
                         (3, "", "a metric not unique\n"))
        self.assertEqual(self.mine("check", "metrics", "--lint=none", "--extended",
                                   stdin="a 1\n")[0], 0)

    def test_server(self):
        pitwall = self.start(Pitwall())
        url = f"--url=http://127.0.0.1:{pitwall.port}"
        for what in ("healthy", "ready"):
            code, out, err = self.mine("check", what, url)
            self.assertEqual((code, out), (0, ""))
            self.assertIn("  SUCCESS:  ", err)
        self.assertEqual(self.mine("check", "ready", f"--url=http://127.0.0.1:{free_port()}")[0], 1)


class Blocks(PromtoolTest):
    def setUp(self):
        super().setUp()
        (self.folder / "in.om").write_text(OPENMETRICS)

    @staticmethod
    def without_ids(text):
        """Block names are random, and so are sizes: they depend on how meta.json is laid out."""
        return re.sub(r" +\d+(?:[KM]iB)?\d*B?$", "", re.sub(r"\b01[0-9A-Z]{24}\b", "ULID", text),
                      flags=re.MULTILINE)

    def create(self, name, *flags):
        shutil.rmtree(self.folder / name, True)
        return "tsdb", "create-blocks-from", "openmetrics", *flags, "in.om", name

    def test_create(self):
        for flags in ([], ["-r"], ["-q"], ["--max-block-duration=24h"]):
            with self.subTest(flags=flags):
                outputs = []
                for tool in ("promtool", self.ours):
                    outputs.append(self.run_tool(tool, self.create("made", *flags), ""))
                    (self.folder / "made/wal").mkdir()
                    for other in ("promtool", self.ours):
                        outputs[-1] += self.run_tool(other, ["tsdb", "dump", "made"], "")
                peer, ours = ([self.without_ids(str(part)) for part in output]
                              for output in outputs)
                self.assertEqual(ours, peer)

    def test_bad_input(self):
        for text in ("a 1\n# EOF\n", "a 1 1\n"):
            (self.folder / "in.om").write_text(text)
            # Ours names the line.
            code, _, err = self.same(*self.create("bad"), change=lambda text:
                                     text.replace("line 2: ", ""))
            self.assertEqual(code, 1)
            self.assertTrue(err)

    def test_any_order(self):
        """Where Prometheus's silently leaves out what comes late."""
        (self.folder / "in.om").write_text("a 2 2\na 3 3\na 1 1\na 9 3\n# EOF\n")
        self.assertEqual(self.mine(*self.create("db"))[0], 0)
        self.assertEqual(self.mine("tsdb", "dump", "db")[1].splitlines(),
                         [f'{{__name__="a"}} {n} {n}000' for n in (1, 2, 3)])

    def test_look(self):
        subprocess.run(["promtool", *self.create("db")], cwd=self.folder, check=True,
                       capture_output=True)
        (self.folder / "db/wal").mkdir()
        for words in ("list db", "list -r db", "list nodir", "dump db", "dump nodir",
                      'dump db --match={x="1"} --min-time=1700000010000',
                      "dump db --match=g --max-time=1700003600000",
                      "analyze db NOSUCHBLOCK"):
            with self.subTest(words):
                self.same("tsdb", *words.split())
        self.assertEqual(len(self.mine("tsdb", "dump", "db", '--match={x="1"}', "--match=g")[1]
                             .splitlines()), 6)
        # 3.x says "Total Series" and sorts nothing else; entries of one size come in any order.
        code, out, _ = self.same("tsdb", "analyze", "db", change=lambda text: "\n".join(
            sorted(text.replace("Total Series", "Series").splitlines())))
        self.assertEqual(code, 0)
        self.assertIn("\nHighest cardinality metric names:\n1 a_total\n", out)
        code, out, _ = self.mine("tsdb", "analyze", "--extended", "--match=a_total", "db")
        self.assertEqual(code, 0)
        self.assertIn("Matched series: 1\n", out)
        self.assertIn("samples per float chunk (min/avg/max): 1/1/1\n", out)

    def test_dump_as_text(self):
        self.mine(*self.create("db"))
        code, out, _ = self.mine("tsdb", "dump-openmetrics", "db")
        self.assertEqual(code, 0)
        self.assertEqual(out.splitlines()[:2] + out.splitlines()[-1:],
                         ['a_total{x="1"} 5 1700000000.000', 'a_total{x="1"} 6 1700000060.000',
                          "# EOF"])
        # What is dumped can be made into blocks again, with the same samples.
        (self.folder / "in.om").write_text(out)
        self.assertEqual(self.mine(*self.create("again"))[0], 0)
        self.assertEqual(self.mine("tsdb", "dump-openmetrics", "again")[1], out)
        code, out, _ = self.mine("tsdb", "dump", "--format=seriesjson", "--match=g", "db")
        self.assertEqual(out.splitlines()[0], '{"__name__":"g"}')


class Server(PromtoolTest):
    def prometheus(self, exporter):
        file = self.folder / "server.yml"
        file.write_text("scrape_configs: [{job_name: a, scrape_interval: 200ms, scrape_timeout: "
                        f'200ms, static_configs: [{{targets: ["{exporter.address}"]}}]}}]')
        port = free_port()
        self.server = self.start(Program(["prometheus", f"--storage.tsdb.path={self.folder / 'data'}",
                                          f"--config.file={file}",
                                          f"--web.listen-address=127.0.0.1:{port}",
                                          "--web.enable-remote-write-receiver"]))

        def scraped():
            try:
                return len(Client(port).get("/api/v1/query", {"query": "count_over_time(h_sum[1m])"
                                                              " > 5"}).json["data"]["result"])
            except (OSError, ValueError):
                return False
        wait_for(scraped, seconds=30, what="Prometheus")
        return f"http://127.0.0.1:{port}"

    def exporter(self):
        return self.start(Exporter(
            'orders_total{venue="XNAS"} 10.5\norders_total{venue="XLON"} 2e9\n'
            'odd{text="a<b>&\\"c\\""} NaN\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 3\nh_sum 4\n'
            'h_count 3\n'))

    def test_queries(self):
        exporter = self.exporter()
        pitwall = self.start(Pitwall(self.scrape_config(exporter, interval="200ms")))
        wait_for(lambda: (pitwall.value("count_over_time(h_sum[1m])") or 0) > 5, what="samples")
        prometheus = self.prometheus(exporter)
        now = f"{time.time():.3f}"
        before = f"{time.time() - 60:.3f}"
        for server in (prometheus, f"http://127.0.0.1:{pitwall.port}"):
            for words in (
                    ("instant", server, "orders_total", "--time", now),
                    ("instant", server, "1 + 1", "--time", now),
                    ("instant", server, "nothing", "--time", now),
                    ("instant", server, "sum(orders_total)", "--time", now),
                    ("instant", server, "odd", "--time", now),
                    ("instant", server, "orders_total[10s]", "--time", now),
                    ("range", server, "orders_total", "--start", before, "--end", now),
                    ("range", server, "odd", f"--start={before}", f"--end={now}", "--step=7s"),
                    ("series", server, "--match=orders_total", "--match=odd"),
                    ("labels", server, "venue"),
                    ("labels", server, "__name__", "--match=odd", f"--start={before}"),
                    ("instant", server, "sum("),
                    ("range", server, "up", f"--start={now}", f"--end={before}"),
                    ("instant", server, "up", "--time=yesterday")):
                for form in ("promql", "json"):
                    with self.subTest(words, form=form):
                        self.same("query", "-o", form, *words)
        # 2.42 fails on strings.
        self.assertEqual(self.mine("query", "instant", prometheus, '"text"'), (0, "text\n", ""))

    def test_analyze(self):
        prometheus = self.prometheus(self.exporter())
        code, out, err = self.mine("query", "analyze", f"--server={prometheus}",
                                   "--type=classichistograms", "--match=h_sum", "--duration=1m")
        self.assertEqual((code, err), (0, ""))
        # Nothing moves: no bucket changes, both are populated.
        self.assertIn("number of buckets changed: 0/0.000/0 total delta of changed buckets: "
                      "0/0.000/0 number of populated buckets: 2/2.000/2. total number of buckets: "
                      "2\n", out)
        self.assertIn("\ncount - 1\n", out)
        code, _, err = self.mine("query", "analyze", f"--server={prometheus}",
                                 "--type=classichistograms", "--match=h")
        self.assertEqual(code, 1)
        self.assertIn("'_sum' suffix", err)

    def test_push(self):
        prometheus = self.prometheus(self.exporter())
        pitwall = self.start(Pitwall("scrape_configs: []\n"))
        (self.folder / "push.prom").write_text('pushed{a="b"} 42\n')
        self.assertEqual(self.mine("push", "metrics", prometheus, "push.prom"),
                         (0, "Parsing metrics file push.prom\n  SUCCESS: metrics file push.prom "
                          "pushed to remote write.\n", ""))
        for message in ("prometheus.WriteRequest", "io.prometheus.write.v2.Request"):
            self.assertEqual(self.mine("push", "metrics", f"--protobuf_message={message}",
                                       f"--label=job={message}",
                                       f"http://127.0.0.1:{pitwall.port}/api/v1/write",
                                       stdin="pushed 43\n"),
                             (0, "Parsing standard input\n  SUCCESS: metrics pushed to remote "
                              "write.\n", ""))
            self.assertEqual(pitwall.value(f'pushed{{job="{message}"}}'), 43)
        answer = Client(int(prometheus.rsplit(":", 1)[1])).get("/api/v1/query", {
            "query": 'pushed{a="b",job="promtool"}'}).json["data"]["result"]
        self.assertEqual([series["value"][1] for series in answer], ["42"])
        code, _, err = self.mine("push", "metrics", prometheus, stdin="bad{\n")
        self.assertEqual(code, 1)
        self.assertTrue(err.startswith("  FAILED: "))

    def test_dump_of_a_log(self):
        self.prometheus(self.exporter())
        self.server.close()
        code, out, _ = self.same("tsdb", "dump", "data", "--match=orders_total")
        self.assertEqual(code, 0)
        self.assertGreater(len(out.splitlines()), 10)


class Expressions(PromtoolTest):
    def test_format(self):
        self.assertEqual(self.mine("promql", "format", "up"),
                         (1, "", "This command is experimental and requires the --experimental "
                          "flag to be set.\n"))
        self.assertEqual(self.mine("promql", "--experimental", "format", "sum(up) by (job)"),
                         (0, "sum by (job) (up)\n", ""))
        self.assertEqual(self.mine("--experimental", "promql", "label-matchers", "set", "-t", "=~",
                                   'a{x="1"} + b', "x", "2.*"),
                         (0, 'a{x=~"2.*"} + b{x=~"2.*"}\n', ""))
        self.assertEqual(self.mine("--experimental", "promql", "label-matchers", "delete",
                                   'rate(a{x="1",y="2"}[5m])', "x"),
                         (0, 'rate(a{y="2"}[5m])\n', ""))


if __name__ == "__main__":
    unittest.main()
