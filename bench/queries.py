"""Queries as dashboards ask them: all systems hold the same samples and are asked in turns."""
import json
import math
import statistics
import time

import remote_write
from systems import SYSTEMS, wait_for

MINUTE, HOUR, DAY = 60, 3600, 86400

# What is held, as (seconds back from the end, until, targets, step): a few targets for a week,
# one desk for 6 hours, a tenth of the fleet for an hour, all of it for the last 20 minutes.
def spans(targets, step_s):
    return [(7 * DAY, 6 * HOUR, 1, 60), (6 * HOUR, HOUR, 10, 60),
            (HOUR, 20 * MINUTE, targets // 10, step_s), (20 * MINUTE, 0, targets, step_s)]


# (what it is, range in seconds or 0 for an instant, step, expression)
# {tenth} matches a tenth of the desks, desk-00 is one of them, {one} is a target of desk-00.
QUERIES = [
    ("sum by, rate, all orders", 0, 0, "sum by (venue) (rate(orders_total[5m]))"),
    ("topk of rates, all fills", 0, 0, "topk(10, sum by (symbol) (rate(fills_total[5m])))"),
    ("quantile, all histograms", 0, 0,
     "histogram_quantile(0.99, sum by (le, venue) (rate(order_latency_seconds_bucket[5m])))"),
    ("regex matchers", 0, 0,
     'sum by (desk) (position_quantity{symbol=~"(ES|NQ|FESX)[FH].*", venue!~"XT.*|XH.*"})'),
    ("join of sums", 0, 0,
     'sum by (desk) (rate(orders_total{status="rejected"}[5m]))'
     ' / on (desk) sum by (desk) (rate(orders_total[5m]))'),
    ("join of prices, one desk", 0, 0,
     'ask_price{instance=~"{ten}"} - on (instance, symbol, venue) bid_price{instance=~"{ten}"}'),
    ("one series", 0, 0, 'last_price{instance="{one}", symbol="ESF0", venue="XLON"}'),
    ("count of everything", 0, 0, 'count({__name__=~".+"})'),
    ("1 h: sum by, rate, a tenth", HOUR, 15,
     'sum by (desk) (rate(orders_total{desk=~"{tenth}"}[5m]))'),
    ("1 h: quantile, one desk", HOUR, 15,
     'histogram_quantile(0.99, sum by (le) (rate(order_latency_seconds_bucket{desk="desk-00"}[5m])))'),
    ("1 h: topk, a tenth", HOUR, 60,
     'topk(5, sum by (symbol) (rate(fills_total{desk=~"{tenth}"}[5m])))'),
    ("1 h: each queue, one target", HOUR, 15, 'queue_depth{instance="{one}"}'),
    ("6 h: sum by, rate, one desk", 6 * HOUR, 60,
     'sum by (venue, status) (rate(orders_total{desk="desk-00"}[5m]))'),
    ("6 h: quantile, one desk", 6 * HOUR, 60,
     'histogram_quantile(0.5, sum by (le, venue) (rate(order_latency_seconds_bucket'
     '{desk="desk-00"}[5m])))'),
    ("6 h: spread, one desk", 6 * HOUR, 60,
     'avg by (symbol) (ask_price{instance=~"{ten}"} - bid_price{instance=~"{ten}"})'),
    ("6 h: regex, max over time", 6 * HOUR, 60,
     'max by (desk) (max_over_time(margin_ratio{desk="desk-00", symbol=~"E.*|N.*"}[10m]))'),
    ("7 d: sum by, rate, one target", 7 * DAY, 600,
     'sum by (venue) (rate(orders_total{instance="{one}"}[10m]))'),
    ("7 d: quantile, one target", 7 * DAY, 600,
     'histogram_quantile(0.99, sum by (le) (rate(order_latency_seconds_bucket'
     '{instance="{one}"}[10m])))'),
    ("7 d: avg over time of prices", 7 * DAY, 3600,
     'avg by (symbol) (avg_over_time(last_price{instance="{one}"}[1h]))'),
    ("7 d: top of ratios", 7 * DAY, 3600,
     'topk(3, avg_over_time(margin_ratio{instance="{one}"}[1h]))'),
]


def fill_in(expression, targets):
    desks = max(1, targets // 100)
    tenth = "|".join(f"desk-{i:02}" for i in range(desks))
    ten = r"127\\.1\\.0\\.([1-9]|10):9400"
    return (expression.replace("{tenth}", tenth).replace("{ten}", ten)
            .replace("{one}", "127.1.0.1:9400"))


def load(system, targets, series, end_s, step_s):
    for back, until, count, span_step in spans(targets, step_s):
        # No series may fall an hour behind another; parts of a load bound the writer's memory.
        flags = ["--connections", "1", "--request-samples", "10", "--request-series", "1000"]
        chunk = span_step * max(10, 4_000_000 // (count * series) // 10 * 10)
        begin = end_s - back
        while begin < end_s - until:
            stop = min(begin + chunk, end_s - until)
            remote_write.post(system, count, 0, series, begin, stop, span_step, *flags)
            begin = stop


def settle(systems):
    """Waits until what was put off while loading is done."""
    def idle():
        before = [system.cpu() for system in systems]
        time.sleep(3)
        return all(system.cpu() - cpu < 0.15 for system, cpu in zip(systems, before))
    try:
        wait_for(idle, 90, "systems to settle")
    except TimeoutError:
        pass


def ask(system, expression, end_s, range_s, step_s):
    if range_s:
        path = "/api/v1/query_range"
        parameters = {"query": expression, "start": end_s - range_s, "end": end_s, "step": step_s,
                      "nocache": 1}
    else:
        path = "/api/v1/query"
        parameters = {"query": expression, "time": end_s, "nocache": 1}
    return system.query(path, parameters)


def points(body):
    found = {}
    for series in json.loads(body)["data"]["result"]:
        key = tuple(sorted(series["metric"].items()))
        for t, v in series.get("values") or [series["value"]]:
            found[key, float(t)] = float(v)
    return found


def compare(name, ours, theirs):
    """Prometheus's answer is the expected one."""
    ours, theirs = points(ours), points(theirs)
    wrong = [key for key in ours.keys() | theirs.keys()
             if key not in ours or key not in theirs or not (
                 ours[key] == theirs[key] or math.isclose(ours[key], theirs[key], rel_tol=1e-9,
                                                          abs_tol=1e-12)
                 or (math.isnan(ours[key]) and math.isnan(theirs[key])))]
    if wrong:
        raise AssertionError(f"{name}: {len(wrong)} of {len(theirs)} points differ, as "
                             f"{wrong[0]}: {ours.get(wrong[0])}, {theirs.get(wrong[0])}")


def measure(system, *question):
    """Median latency and mean CPU of enough repetitions to tell."""
    latencies, cpu, began = [], system.cpu(), time.monotonic()
    while not latencies or (time.monotonic() - began < 0.25 and len(latencies) < 50):
        before = time.monotonic()
        ask(system, *question)
        latencies.append(time.monotonic() - before)
    return {"latency": statistics.median(latencies), "cpu": (system.cpu() - cpu) / len(latencies)}


def run(work, targets, series, step_s, rounds, record, say):
    end_s = int(time.time()) // 60 * 60
    systems = [kind(work / "queries" / kind.name) for kind in SYSTEMS]
    part = f"queries at {targets * series} series"
    try:
        for system in systems:
            system.start()
            began = time.monotonic()
            load(system, targets, series, end_s, step_s)
            say(f"{part}: {system.name} loaded in {time.monotonic() - began:.0f} s")
        settle(systems)
        questions = [(name, fill_in(expression, targets), range_s, query_step)
                     for name, range_s, query_step, expression in QUERIES]
        for name, expression, range_s, query_step in questions:
            question = (expression, end_s - 1, range_s, query_step)
            compare(name, ask(systems[0], *question), ask(systems[1], *question))
            ask(systems[2], *question)
        for number in range(rounds):
            for name, expression, range_s, query_step in questions:
                for system in systems:
                    record(part, name, system.name,
                           measure(system, expression, end_s - 1, range_s, query_step))
            say(f"{part}: round {number + 1} done")
    finally:
        for system in systems:
            system.remove()
