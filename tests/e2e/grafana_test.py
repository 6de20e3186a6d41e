"""Dashboards as clients: every request that Grafana's and Perses's Prometheus data sources make, in
the form they make it, is answered with the fields they read."""
import gzip
import http.client
import json
import time
import unittest
import urllib.parse

from harness import EndToEndTest, Exporter, Pitwall, wait_for

EXPOSITION = """# TYPE orders_fills counter
# UNIT orders_fills fills
# HELP orders_fills Orders by desk.
orders_fills_total{desk="fx"} 7 # {trace_id="4bf92f35"} 1 %(now)s
orders_fills_total{desk="rates"} 9
# TYPE delay histogram
delay_bucket{le="0.1"} 3 # {trace_id="00f067aa"} 0.05 %(now)s
delay_bucket{le="+Inf"} 5
delay_sum 1.5
delay_count 5
# TYPE "queue.depth" gauge
{"queue.depth","book.name"="eur/usd"} 4
# EOF
"""
# What Grafana's server adds to its requests.
GRAFANA = {"User-Agent": "Grafana/12.1.0", "Accept-Encoding": "gzip", "X-Dashboard-Title": "Desk",
           "X-Dashboard-Uid": "d1", "X-Datasource-Uid": "p1", "X-Grafana-Org-Id": "1",
           "X-Panel-Id": "4", "X-Panel-Plugin-Id": "timeseries", "X-Rule-Uid": "r",
           "X-Query-Group-Id": "q", "Idempotency-Key": ""}
FORM = "application/x-www-form-urlencoded"


def answer(request):
    body = (EXPOSITION % {"now": time.time()}).encode()
    request.send_response(200)
    request.send_header("Content-Type",
                        "application/openmetrics-text; version=1.0.0; escaping=allow-utf-8")
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


class DashboardTest(EndToEndTest):
    @classmethod
    def setUpClass(cls):
        cls.exporter = Exporter(answer)
        cls.addClassCleanup(cls.exporter.close)
        cls.pitwall = Pitwall(f"""
global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}
scrape_configs:
- job_name: j
  static_configs: [{{targets: ['{cls.exporter.address}'], labels: {{instance: i}}}}]
""")
        cls.addClassCleanup(cls.pitwall.close)
        wait_for(lambda: (cls.pitwall.value("count_over_time(delay_count[1m])") or 0) >= 3,
                 what="a few scrapes")
        cls.start = time.time() - 600.25
        cls.end = time.time() + 0.123

    def ask(self, method, path, params=None, url_params=None, headers=None):
        """The answer's status, headers and body, as it came."""
        connection = http.client.HTTPConnection("127.0.0.1", self.pitwall.port, timeout=20)
        encoded = urllib.parse.urlencode(params or {}, doseq=True)
        body, headers = None, dict(headers or {})
        if method == "POST":
            body, headers = encoded.encode(), {"Content-Type": FORM, **headers}
            encoded = urllib.parse.urlencode(url_params or {}, doseq=True)
        connection.request(method, path + ("?" + encoded if encoded else ""), body, headers)
        response = connection.getresponse()
        data = response.read()
        connection.close()
        if response.headers.get("Content-Encoding") == "gzip":
            data = gzip.decompress(data)
        return response, data

    def data(self, method, path, params=None, **options):
        response, body = self.ask(method, path, params, **options)
        self.assertEqual(response.status, 200, (path, body))
        self.assertTrue(response.headers["Content-Type"].startswith("application/json"))
        parsed = json.loads(body)
        self.assertEqual(parsed["status"], "success")
        return parsed["data"]


class Grafana(DashboardTest):
    def data(self, method, path, params=None, **options):
        return super().data(method, path, params, headers=GRAFANA, **options)

    def both(self, path, params):
        """The data source is set to one of the two methods."""
        get, post = self.data("GET", path, params), self.data("POST", path, params)
        self.assertEqual(get, post)
        return post

    def range(self):
        # Seconds with as many digits as a float64 has.
        return {"start": repr(self.start), "end": repr(self.end)}

    def test_the_health_check(self):
        result = self.data("POST", "/api/v1/query", {"query": "1+1", "time": "4"})
        self.assertEqual(result, {"resultType": "scalar", "result": [4, "2"]})
        info = self.data("GET", "/api/v1/status/buildinfo")
        self.assertRegex(info["version"], r"^3\.")
        # That would make it a Mimir.
        self.assertNotIn("features", info)
        for field in ("revision", "branch", "buildUser", "buildDate", "goVersion"):
            self.assertIsInstance(info[field], str)

    def test_queries(self):
        for step in ("0.2", "15", "1", "0.5"):
            params = {"query": "rate(orders_fills_total[10s])", "step": step, "timeout": "60s",
                      "start": repr(self.end - 30), "end": repr(self.end)}
            result = self.both("/api/v1/query_range", params)
            self.assertEqual(result["resultType"], "matrix")
            self.assertEqual({series["metric"]["desk"] for series in result["result"]},
                             {"fx", "rates"})
            for series in result["result"]:
                for at, value in series["values"]:
                    self.assertIsInstance(at, (int, float))
                    self.assertIsInstance(value, str)
        instant = self.both("/api/v1/query", {"query": 'sum by (desk) (orders_fills_total)',
                                              "time": repr(self.end)})
        self.assertEqual({(series["metric"]["desk"], series["value"][1])
                          for series in instant["result"]}, {("fx", "7"), ("rates", "9")})
        self.assertEqual({series["value"][0] for series in instant["result"]},
                         {round(self.end, 3)})
        heat = self.data("POST", "/api/v1/query_range", {
            **self.range(), "query": "sum by (le) (delay_bucket)", "step": "15"})
        self.assertEqual({series["metric"]["le"] for series in heat["result"]}, {"0.1", "+Inf"})

    def test_a_query_that_fails_says_where(self):
        response, body = self.ask("POST", "/api/v1/query_range",
                                  {**self.range(), "query": "sum(", "step": "15"}, headers=GRAFANA)
        self.assertEqual(response.status, 400)
        parsed = json.loads(body)
        self.assertEqual((parsed["status"], parsed["errorType"]), ("error", "bad_data"))
        self.assertIn("parse error", parsed["error"])

    def test_notes_of_a_query(self):
        """Grafana shows them beside the panel."""
        _, body = self.ask("POST", "/api/v1/query", {"query": 'rate({"queue.depth"}[1m])'},
                           headers=GRAFANA)
        self.assertEqual(len(json.loads(body)["infos"]), 1)
        _, body = self.ask("POST", "/api/v1/query",
                           {"query": "histogram_quantile(2, delay_bucket)"}, headers=GRAFANA)
        self.assertEqual(len(json.loads(body)["warnings"]), 1)

    def test_exemplars(self):
        for expression in ("orders_fills_total", "histogram_quantile(0.9, rate(delay_bucket[1m]))"):
            series = self.both("/api/v1/query_exemplars", {**self.range(), "query": expression})
            self.assertTrue(series)
            for one in series:
                self.assertIn("__name__", one["seriesLabels"])
                for exemplar in one["exemplars"]:
                    self.assertIn("trace_id", exemplar["labels"])
                    self.assertIsInstance(exemplar["value"], str)
                    self.assertIsInstance(exemplar["timestamp"], (int, float))

    def test_what_fills_the_editor(self):
        limits = {**self.range(), "limit": "40000"}
        self.assertIn("desk", self.both("/api/v1/labels", limits))
        some = self.both("/api/v1/labels", {**limits, "match[]": ['{__name__="orders_fills_total"}',
                                                                  '{__name__=~".*depth"}']})
        self.assertEqual(some, ["__name__", "book.name", "desk", "instance", "job"])
        names = self.data("GET", "/api/v1/label/__name__/values", limits)
        self.assertIn("queue.depth", names)
        self.assertEqual(names, sorted(names))
        self.assertEqual(self.data("GET", "/api/v1/label/desk/values", {
            **limits, "match[]": 'orders_fills_total{desk!="fx"}'}), ["rates"])
        self.assertEqual(self.data("GET", "/api/v1/label/U__book_2e_name/values", limits),
                         ["eur/usd"])
        self.assertEqual(self.data("GET", "/api/v1/label/book.name/values", {
            **limits, "match[]": '{"queue.depth"}'}), ["eur/usd"])
        series = self.both("/api/v1/series", {**limits, "match[]": [
            "orders_fills_total", '{"queue.depth"}']})
        self.assertIn({"__name__": "queue.depth", "book.name": "eur/usd", "instance": "i",
                       "job": "j"}, series)
        self.assertEqual(len(series), 3)
        self.assertEqual(len(self.data("GET", "/api/v1/label/__name__/values",
                                       {**limits, "limit": "2"})), 2)

    def test_parameters_in_address_and_body(self):
        """What a browser asks goes through Grafana's server with its address as it was."""
        self.assertEqual(self.data("POST", "/api/v1/labels", {"match[]": "orders_fills_total"},
                                   url_params=self.range()),
                         ["__name__", "desk", "instance", "job"])
        series = self.data("POST", "/api/v1/series", {}, url_params={"match[]": "delay_count"})
        self.assertEqual([one["__name__"] for one in series], ["delay_count"])

    def test_metadata(self):
        every = self.data("GET", "/api/v1/metadata", {"limit": "40000"})
        self.assertEqual(every["orders_fills"], [{"type": "counter", "help": "Orders by desk.",
                                            "unit": "fills"}])
        self.assertEqual(every["delay"][0]["type"], "histogram")
        self.assertEqual(len(self.data("GET", "/api/v1/metadata", {
            "limit": "1", "limitPerMetric": "1", "limit_per_metric": "1"})), 1)
        self.assertEqual(list(self.data("GET", "/api/v1/metadata", {"metric": "delay"})),
                         ["delay"])

    def test_alerting_and_status_pages(self):
        rules = self.data("GET", "/api/v1/rules", {"type": "alert"})
        self.assertEqual(rules, {"groups": []})
        self.assertEqual(self.data("GET", "/api/v1/alerts"), {"alerts": []})
        managers = self.data("GET", "/api/v1/alertmanagers")
        self.assertEqual(managers, {"activeAlertmanagers": [], "droppedAlertmanagers": []})
        targets = self.data("GET", "/api/v1/targets", {"state": "active"})
        self.assertEqual(targets["activeTargets"][0]["health"], "up")
        for path in ("config", "flags", "runtimeinfo", "tsdb", "walreplay"):
            self.data("GET", f"/api/v1/status/{path}")

    def test_template_variables(self):
        """label_values(), metrics() and query_result() of a dashboard's variables."""
        result = self.data("POST", "/api/v1/query", {
            "query": "count by (desk) (orders_fills_total)", "time": repr(self.end)})
        self.assertEqual(len(result["result"]), 2)
        self.assertEqual(self.data("GET", "/api/v1/label/instance/values", {
            **self.range(), "match[]": '{__name__=~"orders.*",desk=~"fx|rates"}'}), ["i"])

    def test_unknown_addresses_are_404(self):
        """By which it tells what else this might be."""
        for path in ("/api/v1/rules/test/test", "/config/v1/rules", "/ruler/ring",
                     "/prometheus/config/v1/rules", "/api/v1/cardinality/label_names"):
            self.assertEqual(self.ask("GET", path, headers=GRAFANA)[0].status, 404, path)


class Perses(DashboardTest):
    def test_health(self):
        self.assertEqual(self.ask("GET", "/-/healthy")[0].status, 200)

    def test_queries(self):
        result = self.data("POST", "/api/v1/query", {"query": "orders_fills_total",
                                                     "time": int(self.end) + 1})
        self.assertEqual(result["resultType"], "vector")
        result = self.data("POST", "/api/v1/query_range", {
            "query": "orders_fills_total", "start": int(self.start), "end": int(self.end) + 1,
            "step": 15})
        self.assertEqual(result["resultType"], "matrix")

    def test_lists(self):
        self.assertIn("desk", self.data("POST", "/api/v1/labels", {
            "start": int(self.start), "end": int(self.end) + 1, "match[]": ["orders_fills_total"]}))
        self.assertEqual(self.data("GET", "/api/v1/label/desk/values", {
            "start": int(self.start), "end": int(self.end) + 1, "match[]": ["orders_fills_total"]}),
            ["fx", "rates"])
        self.assertEqual(self.data("GET", "/api/v1/label/book.name/values"), ["eur/usd"])
        self.assertEqual(len(self.data("POST", "/api/v1/series",
                                       {"match[]": ["orders_fills_total"], "limit": 1})), 1)
        self.assertIn("orders_fills", self.data("GET", "/api/v1/metadata"))

    def test_syntax_tree(self):
        tree = self.data("POST", "/api/v1/parse_query", {
            "query": 'sum by (desk) (rate(orders_fills_total{job="j"}[5m] offset 1m))'})
        self.assertEqual((tree["type"], tree["op"], tree["grouping"], tree["without"]),
                         ("aggregation", "sum", ["desk"], False))
        call = tree["expr"]
        self.assertEqual((call["type"], call["func"]["name"]), ("call", "rate"))
        selector = call["args"][0]
        self.assertEqual((selector["type"], selector["name"], selector["range"],
                          selector["offset"]),
                         ("matrixSelector", "orders_fills_total", 300000, 60000))
        self.assertIn({"name": "job", "value": "j", "type": "="}, selector["matchers"])

    def test_a_browser_may_ask_from_another_origin(self):
        response, _ = self.ask("OPTIONS", "/api/v1/query", headers={
            "Origin": "https://perses.example", "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type"})
        self.assertIn(response.status, (200, 204))
        self.assertIn("POST", response.headers["Access-Control-Allow-Methods"])
        response, _ = self.ask("POST", "/api/v1/query", {"query": "1"},
                               headers={"Origin": "https://perses.example"})
        self.assertIn(response.headers["Access-Control-Allow-Origin"],
                      ("*", "https://perses.example"))


if __name__ == "__main__":
    unittest.main()
