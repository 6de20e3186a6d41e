"""The API beside queries: search, targets, relabeling, federation, features, notifications."""
import json
import re
import unittest

from harness import EndToEndTest, Exporter, Pitwall, wait_for

EXPOSITION = """# HELP orders_total Orders sent.
# TYPE orders_total counter
orders_total{venue="XNAS"} 10
orders_total{venue="XLON"} 20
# TYPE order_latency_seconds gauge
order_latency_seconds{venue="XNAS",note="a \\"b\\" \\\\ c"} 0.25
{"book.depth",venue="XNAS"} 7
"""


class MetadataApi(EndToEndTest):
    @classmethod
    def setUpClass(cls):
        cls.exporter = Exporter(EXPOSITION)
        cls.pitwall = Pitwall(
            "global: {scrape_interval: 1s, scrape_timeout: 1s, external_labels: {site: ldn}}\n"
            "scrape_configs:\n- job_name: gateway\n"
            f"  static_configs: [{{targets: ['{cls.exporter.address}']}}]\n"
            "  relabel_configs:\n"
            "  - {source_labels: [__address__], regex: '(.*):.*', target_label: host}\n"
            "  - {source_labels: [drop], regex: yes, action: drop}\n")
        wait_for(lambda: cls.pitwall.value("count(orders_total)") == 2, what="a scrape")

    @classmethod
    def tearDownClass(cls):
        cls.pitwall.close()
        cls.exporter.close()

    def data(self, path, params=None):
        answer = self.pitwall.get("/api/v1/" + path, params).json
        self.assertEqual(answer["status"], "success", answer)
        return answer["data"]

    def search(self, what, **params):
        answer = self.pitwall.get("/api/v1/search/" + what, params)
        self.assertEqual(answer.headers["Content-Type"], "application/x-ndjson; charset=utf-8")
        lines = [json.loads(line) for line in answer.body.decode().splitlines()]
        self.assertEqual(lines[-1]["status"], "success")
        return [result for line in lines[:-1] for result in line["results"]], lines[-1]["has_more"]

    def test_search(self):
        found, more = self.search("metric_names", search="order", sort_by="alpha",
                                  include_metadata="true", include_cardinality="true")
        self.assertFalse(more)
        self.assertEqual(found, [
            {"name": "order_latency_seconds", "cardinality": 1, "type": "gauge"},
            {"name": "orders_total", "cardinality": 2, "type": "counter",
             "help": "Orders sent."}])
        # A subsequence is enough; a longer run is better.
        found, _ = self.search("metric_names", **{"search[]": "ordtot", "sort_by": "score"})
        self.assertEqual([one["name"] for one in found], ["orders_total"])
        found, more = self.search("metric_names", search="s", limit=1)
        self.assertEqual((len(found), more), (1, True))
        found, _ = self.search("label_names", **{"match[]": "orders_total", "sort_by": "alpha"})
        self.assertEqual([one["name"] for one in found],
                         ["__name__", "host", "instance", "job", "venue"])
        found, _ = self.search("label_values", label="venue", include_frequency="true",
                               sort_by="frequency", sort_dir="dsc")
        self.assertEqual(found, [{"value": "XNAS", "frequency": 3},
                                 {"value": "XLON", "frequency": 1}])
        found, _ = self.search("metric_names", search="order_totals", fuzz_alg="jarowinkler",
                               fuzz_threshold=90, include_score="true")
        self.assertEqual([one["name"] for one in found], ["orders_total"])
        self.assertGreater(found[0]["score"], 0.9)

    def test_search_mistakes(self):
        for path, params, said in (("metric_names", {"sort_by": "size"}, "sort_by"),
                                   ("metric_names", {"fuzz_threshold": "101"}, "0-100"),
                                   ("metric_names", {"fuzz_alg": "x"}, "fuzz_alg"),
                                   ("metric_names", {"sort_dir": "asc"}, "sort_by is set"),
                                   ("metric_names", {"limit": "-1"}, "limit"),
                                   ("label_values", {}, 'parameter "label"')):
            answer = self.pitwall.get("/api/v1/search/" + path, params)
            self.assertEqual(answer.status, 400)
            self.assertEqual(answer.json["errorType"], "bad_data")
            self.assertIn(said, answer.json["error"])

    def test_targets(self):
        self.assertEqual(self.data("scrape_pools"), {"scrapePools": ["gateway"]})
        metadata = self.data("targets/metadata", {"metric": "orders_total"})
        self.assertEqual(len(metadata), 1)
        self.assertEqual((metadata[0]["type"], metadata[0]["help"], metadata[0]["target"]["job"]),
                         ("counter", "Orders sent.", "gateway"))
        everything = self.data("targets/metadata", {"match_target": '{job="gateway"}'})
        self.assertIn("orders_total", [one["metric"] for one in everything])
        answer = self.pitwall.get("/api/v1/targets/metadata", {"metric": "none"})
        self.assertEqual((answer.status, answer.json["errorType"]), (404, "not_found"))

    def test_relabel_steps(self):
        labels = {"__address__": "gw:1", "drop": "yes"}
        steps = self.data("targets/relabel_steps",
                          {"scrapePool": "gateway", "labels": json.dumps(labels)})["steps"]
        self.assertEqual(steps[0]["output"], {"__address__": "gw:1", "drop": "yes", "host": "gw"})
        self.assertEqual(steps[0]["rule"], {
            "sourceLabels": ["__address__"], "separator": ";", "regex": "(.*):.*",
            "targetLabel": "host", "replacement": "$1", "action": "replace"})
        self.assertEqual((steps[1]["output"], steps[1]["keep"]), ({}, False))
        for params in ({"labels": "{}"}, {"scrapePool": "x", "labels": "{}"},
                       {"scrapePool": "gateway", "labels": "["}):
            self.assertEqual(self.pitwall.get("/api/v1/targets/relabel_steps", params).status, 400)

    def test_federation(self):
        answer = self.pitwall.get("/federate", {"match[]": ['{__name__=~"order.*"}', "up"]})
        self.assertEqual(answer.headers["Content-Type"],
                         "text/plain; version=0.0.4; charset=utf-8; escaping=underscores")
        lines = answer.body.decode().splitlines()
        self.assertEqual([line for line in lines if line.startswith("#")],
                         ["# TYPE order_latency_seconds untyped", "# TYPE orders_total untyped",
                          "# TYPE up untyped"])
        self.assertRegex(lines[1], r'^order_latency_seconds\{host="127.0.0.1",instance="[^"]+",'
                         r'job="gateway",note="a \\"b\\" \\\\ c",venue="XNAS",site="ldn"\} '
                         r'0.25 \d{13}$')
        # Pitwall federates Pitwall.
        other = self.start(Pitwall(
            "scrape_configs:\n- job_name: federate\n  honor_labels: true\n"
            "  scrape_interval: 1s\n  scrape_timeout: 1s\n  metrics_path: /federate\n"
            "  params: {'match[]': ['{job=\"gateway\"}']}\n"
            f"  static_configs: [{{targets: ['127.0.0.1:{self.pitwall.port}']}}]\n"))
        wait_for(lambda: other.value('orders_total{venue="XLON",site="ldn",job="gateway"}') == 20,
                 what="the federated sample")
        self.assertEqual(other.value('{"book.depth"}'), 7)
        self.assertEqual(self.pitwall.get("/federate", {"match[]": "{"}).status, 400)

    def test_parse_query(self):
        tree = self.data("parse_query", {"query": 'sum by (a) (rate(x{b=~"c"}[5m] offset 1m)) > 2'})
        self.assertEqual((tree["type"], tree["op"], tree["bool"]), ("binaryExpr", ">", False))
        self.assertEqual(tree["rhs"], {"type": "numberLiteral", "val": "2"})
        self.assertEqual((tree["lhs"]["type"], tree["lhs"]["grouping"]), ("aggregation", ["a"]))
        call = tree["lhs"]["expr"]
        self.assertEqual(call["func"], {"name": "rate", "argTypes": ["matrix"], "variadic": 0,
                                        "returnType": "vector"})
        selector = call["args"][0]
        self.assertEqual((selector["name"], selector["range"], selector["offset"]),
                         ("x", 300000, 60000))
        self.assertIn({"type": "=~", "name": "b", "value": "c"}, selector["matchers"])
        self.assertEqual(self.pitwall.get("/api/v1/parse_query", {"query": "sum("}).status, 400)

    def test_openapi(self):
        """Every operation that it names is there: nothing answers 404 or 405."""
        pitwall = self.start(Pitwall("scrape_configs: []\n"))
        answer = pitwall.get("/api/v1/openapi.yaml")
        self.assertTrue(answer.headers["Content-Type"].startswith("application/yaml"))
        text = answer.body.decode()
        self.assertTrue(text.startswith("openapi: 3.1"))
        count = 0
        for path, operations in re.findall(r"^  (/\S+):\n((?:    .*\n)+)", text, re.MULTILINE):
            path = re.sub(r"\{\w+\}", "job", path)
            if "url: /\n" not in operations:
                path = "/api/v1" + path
            if path.endswith("/live"):
                continue  # does not end
            for method in re.findall(r"^    (\w+):$", operations, re.MULTILINE):
                method = method.upper()
                body = b"" if method != "GET" else None
                answer = pitwall.request(method, path, body=body)
                self.assertNotIn(answer.status, (404, 405), (method, path))
                count += 1
        self.assertGreater(count, 40)

    def test_others(self):
        self.assertEqual(self.data("rules"), {"groups": []})
        self.assertEqual(self.data("alerts"), {"alerts": []})
        self.assertEqual(self.data("alertmanagers"),
                         {"activeAlertmanagers": [], "droppedAlertmanagers": []})
        self.assertEqual(self.pitwall.get("/api/v1/rules", {"type": "x"}).status, 400)
        features = self.data("features")
        self.assertTrue(features["promql_functions"]["rate"])
        self.assertTrue(features["promql"]["at_modifier"])
        self.assertEqual(set(self.data("status/walreplay")), {"min", "max", "current"})
        self.assertEqual(self.data("query_exemplars", {"query": "orders_total"}), [])
        answer = self.pitwall.get("/api/v1/query_exemplars", {"query": "sum("})
        self.assertEqual(answer.status, 400)

    def test_notifications(self):
        pitwall = self.start(Pitwall("scrape_configs: []\n"))

        def texts():
            data = pitwall.get("/api/v1/notifications").json["data"]
            return [one["text"] for one in data if one["active"]]
        self.assertEqual(texts(), [])
        pitwall.config.write_text("scrape_config: []\n")
        self.assertEqual(pitwall.request("POST", "/-/reload").status, 500)
        self.assertEqual(texts(), ["Configuration reload has failed."])
        pitwall.config.write_text("scrape_configs: []\n")
        self.assertEqual(pitwall.request("POST", "/-/reload").status, 200)
        self.assertEqual(texts(), [])

    def test_quit(self):
        pitwall = self.start(Pitwall("scrape_configs: []\n"))
        self.assertEqual(pitwall.request("POST", "/-/quit").status, 403)
        pitwall = self.start(Pitwall("scrape_configs: []\n", flags=["--web.enable-lifecycle"]))
        self.assertEqual(pitwall.request("POST", "/-/quit").status, 200)
        self.assertEqual(pitwall.process.wait(timeout=30), 0)


if __name__ == "__main__":
    unittest.main()
