"""The same samples in Debian's Prometheus 2.42 and in Pitwall, the same questions to both.

Samples carry explicit timestamps and questions fall between them, so both programs hold and see
the same. Pitwall answers as Prometheus 3.14; where that differs from 2.42, DIFFERENCES says so.
"""
import json
import re
import unittest

from peer import STEP, PeerTest, first_difference, same_answer

# Pattern of the query -> what changed after 2.42, and where that is written.
DIFFERENCES = {
    # CHANGELOG 3.0: stddev and stdvar of a group with NaN or an infinity are NaN.
    r"^std(dev|var)\b.*\(odd\)": "2.42 answers 0 for a group of one such sample",
    # CHANGELOG 3.0: binary operators, atan2 among them, drop the metric name.
    r"atan2": "2.42 keeps the name for atan2",
    # CHANGELOG 3.0: UTF-8 names are allowed by default.
    r"\"1bad\"": "2.42 refuses such a label name",
}


RANGE_FUNCTIONS = ["rate", "increase", "irate", "delta", "idelta", "deriv", "changes", "resets",
                   "avg_over_time", "min_over_time", "max_over_time", "sum_over_time",
                   "count_over_time", "last_over_time", "present_over_time", "stddev_over_time",
                   "stdvar_over_time"]
INSTANT_FUNCTIONS = ["abs", "ceil", "floor", "exp", "ln", "log2", "log10", "sqrt", "sgn", "round",
                     "sin", "cos", "tan", "atan", "sinh", "tanh", "deg", "rad", "timestamp",
                     "minute", "hour", "day_of_week", "day_of_month", "day_of_year",
                     "days_in_month", "month", "year", "sort", "sort_desc"]
AGGREGATIONS = ["sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"]
SELECTORS = ["orders_total", "position", "price", "odd", "sparse",
             'orders_total{status="filled"}', 'position{desk=~"f.*|rates"}',
             'price{venue!="lse"}', '{__name__=~"pos.*",desk!~"fx"}']


def questions():
    for selector in SELECTORS:
        yield selector
        yield f"{selector} offset 2m"
        yield f"-{selector}"
        for function in RANGE_FUNCTIONS:
            yield f"{function}({selector}[4m])"
        for aggregation in AGGREGATIONS:
            yield f"{aggregation}({selector})"
            yield f"{aggregation} by (desk) ({selector})"
            yield f"{aggregation} without (venue, status) ({selector})"
    for function in INSTANT_FUNCTIONS:
        yield f"{function}(position)"
        yield f"{function}(odd)"
    for operator in ("+", "-", "*", "/", "%", "^", "atan2"):
        yield f"position {operator} 3"
        yield f"7 {operator} price"
        yield f"position {operator} price"
        yield f"odd {operator} odd"
        yield f"2 {operator} 3"
    for operator in ("==", "!=", "<", ">", "<=", ">="):
        yield f"position {operator} 0"
        yield f"position {operator} bool 0"
        yield f"position {operator} price"
        yield f"1 {operator} bool 2"
    yield from """
position and price
position and on (desk) desk_info
position or price
position unless on (desk) desk_info
orders_total / on (desk, venue) group_left position
orders_total * on (desk) group_left (owner) desk_info
desk_info * on (desk) group_right (owner) position
sum by (desk, venue) (orders_total) / ignoring (status) group_right orders_total
orders_total{status="rejected"} / ignoring (status) orders_total{status="filled"}
topk(2, position)
bottomk(2, position)
topk by (venue) (1, position)
quantile(0.9, position)
quantile by (desk) (0.3, price)
quantile(-1, price)
quantile(2, price)
count_values("size", round(position, 1000))
quantile_over_time(0.75, position[5m])
quantile_over_time(0.5, odd[10m])
predict_linear(position[5m], 600)
histogram_quantile(0.9, latency_seconds_bucket)
histogram_quantile(0.5, rate(latency_seconds_bucket[5m]))
histogram_quantile(0.99, sum by (le) (rate(latency_seconds_bucket[5m])))
histogram_quantile(0, latency_seconds_bucket)
histogram_quantile(1, latency_seconds_bucket)
rate(latency_seconds_sum[5m]) / rate(latency_seconds_count[5m])
label_replace(position, "short", "$1", "venue", "(..).*")
label_replace(position, "venue", "", "", "")
label_join(position, "both", "-", "desk", "venue")
absent(position)
absent(nothing{a="b",c=~"d"})
absent_over_time(nothing[5m])
absent_over_time(sparse[1m])
clamp(position, -100, 100)
clamp_min(position, 0)
clamp_max(position, 0)
scalar(desk_info{desk="fx"})
scalar(position)
vector(3)
time()
pi()
vector(time()) - 5
max_over_time(rate(orders_total[2m])[10m:1m])
avg_over_time(position[10m:30s])
sum_over_time(vector(1)[5m:1m])
min_over_time(sum by (desk) (position)[10m:1m])
rate(orders_total[5m] offset 5m)
max_over_time(rate(orders_total[2m])[10m:1m] offset 3m)
sum(rate(orders_total[5m])) by (desk) > 0.1
sum(position) / count(position)
avg(rate(orders_total[5m])) without (venue)
sum(orders_total) by (nothing)
stddev(odd)
max(odd)
min(odd)
avg(odd{kind=~"huge|tiny|constant"})
sum(odd{kind=~"huge|tiny|constant"})
round(price, 0.05)
round(position, 10)
timestamp(price offset 1m)
price @ start()
price @ end()
rate(orders_total[5m] @ end())
"text"
1
-1 ^ 2
2 ^ 3 ^ 2
1 + 2 * 3 % 4
NaN
+Inf
1 / 0
0 / 0
(position > 0) or (price < 0)
position > 0 and price > 0 or odd
changes(sparse[30m])
last_over_time(sparse[15m])
count(orders_total) by (status)
group by (desk) (desk_info)
deriv(price[5m]) * 3600
holt(1)
sum(
rate(position)
position[5m]
foo{
label_replace(position, "1bad", "$1", "venue", "(.*)")
label_replace(position, "x", "$1", "venue", "(.*")
orders_total / position
count_values("1bad", position)
topk(NaN, position)
""".strip().splitlines()


class Comparison(PeerTest):
    def compare(self, path, query, params):
        ours = self.pitwall.get(path, {"query": query, **params}).json
        theirs = self.prometheus.get(path, {"query": query, **params}).json
        if same_answer(ours, theirs) or any(re.search(p, query) for p in DIFFERENCES):
            return
        self.different.append(f"{query}  {params}: {first_difference(ours, theirs)}")

    def check_all(self, path, all_params):
        self.different = []
        count = 0
        for query in questions():
            for params in all_params:
                self.compare(path, query, params)
                count += 1
        self.assertFalse(self.different, f"{len(self.different)} of {count} differ\n" +
                         "\n".join(self.different[:40]))

    def test_instant_queries(self):
        times = [self.first + 20 * STEP + 7.5, self.first + 117 * STEP + 3.25]
        self.check_all("/api/v1/query", [{"time": t} for t in times])

    def test_range_queries(self):
        start = self.first + 40 * STEP + 7.5
        self.check_all("/api/v1/query_range",
                       [{"start": start, "end": start + 900, "step": 37},
                        {"start": start, "end": start + 1800, "step": 120}])

    def test_other_endpoints(self):
        for path, params in (("/api/v1/labels", {}),
                             ("/api/v1/labels", {"match[]": ["position", "odd"]}),
                             ("/api/v1/label/desk/values", {}),
                             ("/api/v1/label/__name__/values", {"match[]": '{desk="fx"}'}),
                             ("/api/v1/label/nothing/values", {}),
                             ("/api/v1/series", {"match[]": ["position", '{desk="rates"}']}),
                             ("/api/v1/series", {}),
                             ("/api/v1/series", {"match[]": "{"}),
                             ("/api/v1/query", {}),
                             ("/api/v1/query", {"query": "up", "time": "nonsense"}),
                             ("/api/v1/query_range", {"query": "up", "start": 10, "end": 5,
                                                      "step": 1}),
                             ("/api/v1/query_range", {"query": "up", "start": 1, "end": 5,
                                                      "step": 0}),
                             ("/api/v1/query_range", {"query": "up", "start": 1, "end": 50000,
                                                      "step": 1}),
                             ("/api/v1/query_range", {"query": "up[5m]", "start": 1, "end": 5,
                                                      "step": 1})):
            with self.subTest(path=path, params=params):
                ours = self.pitwall.get(path, params)
                theirs = self.prometheus.get(path, params)
                self.assertEqual(ours.status, theirs.status)
                left, right = ours.json, theirs.json
                if left["status"] == "error":
                    self.assertEqual(left["errorType"], right["errorType"])
                elif isinstance(left["data"], list):
                    canonical = [sorted(json.dumps(item, sort_keys=True) for item in data)
                                 for data in (left["data"], right["data"])]
                    self.assertEqual(*canonical)


if __name__ == "__main__":
    unittest.main()
