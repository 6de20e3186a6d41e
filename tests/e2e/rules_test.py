"""Rules, by `promtool test rules` beside Debian's: cases that are meant to fail, so that both show
what they found."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import textwrap
import unittest

from harness import EndToEndTest

PITWALL = str(pathlib.Path(os.environ.get("PITWALL", "build/pitwall")).resolve())

RULES = """\
    groups:
    - name: a
      interval: 30s
      rules:
      - record: job:errors:rate5m
        expr: sum by (job) (rate(errors_total[5m]))
        labels: {team: core}
      - alert: ErrorsHigh
        expr: job:errors:rate5m > 0.5
        for: 2m
        keep_firing_for: 3m
        labels:
          severity: '{{ if gt $value 5.0 }}page{{ else }}ticket{{ end }}'
          region: '{{ $externalLabels.region }}'
        annotations:
          summary: '{{ $labels.job }}: {{ $value | humanize }}/s {{ printf "%.1f" $value }}'
          link: '{{ $externalURL }} {{ graphLink "up" }}'
          total: '{{ with query "sum(errors_total)" }}{{ . | first | value | humanize }}{{ end }}'
          broken: '{{ $labels.job.x }}'
          nothing: '{{ query "nope" | first }}'
      - alert: Instant
        expr: gauge > 3
      - alert: Always
        expr: vector(1) > 0
        for: 90s
    - name: b
      rules:
      - {record: two, expr: job:errors:rate5m * 2}
      - alert: Gone
        expr: absent(gauge)
        labels: {job: x, team: ''}
    """

INPUT = [
    {"series": 'errors_total{job="api",instance="1"}', "values": "0+60x6 360+0x5 stale 1 _x3 7"},
    {"series": 'errors_total{job="api",instance="2"}', "values": "0+6x20"},
    {"series": 'errors_total{job="web"}', "values": "0+600x10"},
    {"series": 'gauge{a="1"}', "values": "1 2 3 4 5 4 3 2 1 stale"},
    {"series": 'gauge{a="2"}', "values": "4 4 _ _ _ _ _ _ 4 4"},
]


class Rules(EndToEndTest):
    def setUp(self):
        super().setUp()
        if not shutil.which("promtool"):
            raise unittest.SkipTest("promtool is not installed")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pitwall-e2e-rules-"))
        self.addCleanup(shutil.rmtree, self.folder, True)

    def write(self, rules, *tests, **fields):
        (self.folder / "rules.yml").write_text(textwrap.dedent(rules))
        (self.folder / "test.yml").write_text(json.dumps(
            {"rule_files": ["rules.yml"], "tests": tests, **fields}))

    def run_tool(self, *tool):
        done = subprocess.run([*tool, "test", "rules", "test.yml"], cwd=self.folder, timeout=60,
                              capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    def same(self):
        ours, theirs = self.run_tool(PITWALL, "promtool"), self.run_tool("promtool")
        self.maxDiff = None
        self.assertEqual(ours, theirs)
        return ours

    def test_life_of_alerts(self):
        asked = [{"eval_time": at, "alertname": name, "exp_alerts": [{"exp_labels": {"x": "y"}}]}
                 for name, times in {
                     "ErrorsHigh": ["0m", "1m", "2m30s", "5m", "12m", "13m45s", "16m", "20m"],
                     "Instant": ["0m", "3m", "6m30s", "9m"], "Always": ["1m", "2m"],
                     "Gone": ["8m", "20m"], "Nobody": ["1m"]}.items() for at in times]
        expressions = [{"expr": expr, "eval_time": at} for expr, at in (
            ("ALERTS", "4m"), ("ALERTS_FOR_STATE", "4m"), ("ALERTS", "17m"),
            ("job:errors:rate5m", "6m"), ("two", "20m"), ("1.5", "1m"), ("gauge[5m]", "1m"),
            ("count(ALERTS) by (alertname, alertstate)", "12m"), ("sum(", "1m"),
            ("errors_total / 0", "30s"), ("-gauge * 1e-7", "30s"), ("1e300 * gauge", "1m"))]
        self.write(RULES, {"name": "life", "interval": "1m", "input_series": INPUT,
                           "external_labels": {"region": "eu"}, "alert_rule_test": asked,
                           "external_url": "http://pitwall.example/x",
                           "promql_expr_test": expressions},
                   evaluation_interval="30s", group_eval_order=["a", "b"])
        code, _, errors = self.same()
        self.assertEqual(code, 1)
        self.assertIn('severity="page"', errors)
        self.assertIn('alertstate="pending"', errors)

    def test_good(self):
        self.write(RULES, {
            "interval": "1m", "input_series": INPUT,
            "alert_rule_test": [
                {"eval_time": "3m", "alertname": "Instant", "exp_alerts": [
                    {"exp_labels": {"a": "1"}}, {"exp_labels": {"a": "2"}}]},
                {"eval_time": "4m", "alertname": "Gone", "exp_alerts": []}],
            "promql_expr_test": [{"expr": "gauge", "eval_time": "8m", "exp_samples": [
                {"labels": 'gauge{a="2"}', "value": 4}, {"labels": 'gauge{a="1"}', "value": 1}]}]})
        self.assertEqual(self.same(), (0, "Unit Testing:  test.yml\n  SUCCESS\n\n", ""))

    def test_failing_rules(self):
        cases = {
            "the same labels": "{record: r, expr: gauge, labels: {a: same}}",
            "the same alerts": "{alert: A, expr: gauge, labels: {a: same}}",
            "no vector": "{record: r, expr: 'gauge[5m]'}",
        }
        for name, rule in cases.items():
            with self.subTest(name):
                self.write(f"groups: [{{name: g, rules: [{rule}]}}]",
                           {"input_series": INPUT, "promql_expr_test": [
                               {"expr": "up", "eval_time": "1m"}]})
                self.assertEqual(self.same()[0], 1)
        for rule in ("{record: r, expr: gauge}", "{alert: A, expr: gauge}"):
            with self.subTest("limit", rule=rule):
                self.write(f"groups: [{{name: g, limit: 1, rules: [{rule}]}}]",
                           {"input_series": INPUT, "promql_expr_test": [
                               {"expr": "up", "eval_time": "1m"}]})
                self.assertEqual(self.same()[0], 1)

    def test_mistakes_in_the_file(self):
        self.write(RULES, {"input_series": INPUT, "foo": 1})
        code, _, errors = self.run_tool(PITWALL, "promtool")
        self.assertEqual(code, 1)
        self.assertIn("field foo not found in type main.testGroup", errors)
        self.write("groups: [{name: g, rules: [{alert: A, expr: x +}]}]", {"input_series": INPUT})
        code, _, errors = self.run_tool(PITWALL, "promtool")
        self.assertEqual(code, 1)
        self.assertIn("could not parse expression", errors)


if __name__ == "__main__":
    unittest.main()
