"""Prometheus and Pitwall on the same samples, and when their answers count as the same.

Samples carry explicit timestamps and questions fall between them, so both programs hold and see
the same. PITWALL_PEER is the Prometheus to compare with, `prometheus` on the path by default.
"""
import json
import math
import os
import shutil
import subprocess
import tempfile
import time
import unittest

from harness import Client, EndToEndTest, Exporter, Pitwall, Program, free_port, wait_for

PEER = os.environ.get("PITWALL_PEER", "prometheus")
STEP, COUNT = 15, 200
# Grammar that Prometheus keeps behind flags; the flags exist since 3.14.
PEER_FEATURES = ("promql-experimental-functions,promql-duration-expr,"
                 "promql-extended-range-selectors,promql-binop-fill-modifiers")


def counter(slope, reset):
    return lambda i: (i % reset) * slope


def trading_series(add):
    for desk in ("fx", "equities", "rates"):
        for venue in ("lse", "nyse"):
            labels = f'desk="{desk}",venue="{venue}"'
            weight = len(desk) + 3 * len(venue)
            add(f"orders_total{{{labels},status=\"filled\"}}", counter(weight, 90))
            add(f"orders_total{{{labels},status=\"rejected\"}}", counter(weight / 7, 1000))
            add(f"position{{{labels}}}", lambda i, w=weight: math.sin(i / 9.0 + w) * 1000 * w)
            add(f"price{{{labels}}}", lambda i, w=weight: round(100 + w + i * 0.0137, 4),
                keep=lambda i, w=weight: (i + w) % 23 > 2)
            for bound in ("0.005", "0.01", "0.05", "0.1", "0.5", "1", "+Inf"):
                share = 1 if bound == "+Inf" else min(1, float(bound) ** 0.4)
                add(f"latency_seconds_bucket{{{labels},le=\"{bound}\"}}",
                    lambda i, s=share, w=weight: math.floor(i * w * s))
            add(f"latency_seconds_count{{{labels}}}", lambda i, w=weight: i * w)
            add(f"latency_seconds_sum{{{labels}}}", lambda i, w=weight: i * w * 0.031)
    for desk, owner in (("fx", "ana"), ("equities", "bo")):
        add(f'desk_info{{desk="{desk}",owner="{owner}"}}', lambda i: 1)
    add("odd{kind=\"nan\"}", lambda i: math.nan if i % 5 == 0 else i)
    add("odd{kind=\"inf\"}", lambda i: math.inf if i % 50 == 3 else i)
    add("odd{kind=\"constant\"}", lambda i: 42)
    add("odd{kind=\"tiny\"}", lambda i: 1e-9 * i)
    add("odd{kind=\"huge\"}", lambda i: 1e15 + i)
    add("sparse", lambda i: i, keep=lambda i: i % 40 == 0)


def hostile_series(add):
    """What real exporters send on a bad day."""
    add('edge{kind="minus_inf"}', lambda i: -math.inf if i % 7 == 2 else -i)
    add('edge{kind="both_inf"}', lambda i: (math.inf, -math.inf, 0.5)[i % 3])
    add('edge{kind="all_nan"}', lambda i: math.nan)
    add('edge{kind="largest"}', lambda i: 1.7e308 if i % 2 else -1.7e308)
    add('edge{kind="denormal"}', lambda i: 5e-324 * (i % 4))
    add('edge{kind="minus_zero"}', lambda i: -0.0 if i % 2 else 0.0)
    add('edge{kind="cancel"}', lambda i: (1e100, 1, -1e100, 0.1)[i % 4])
    add('edge{kind="integer"}', lambda i: 2 ** 53 + i)
    add('irregular{at="early"}', lambda i: i * i % 37, late_ms=lambda i: i * 7919 % 13000)
    add('irregular{at="late"}', lambda i: i, late_ms=lambda i: 14999 - i % 3)
    add('irregular{at="once"}', lambda i: 7, keep=lambda i: i == 100)
    add('irregular{at="bursts"}', lambda i: -i, keep=lambda i: i % 40 < 5)
    add('irregular_total{at="resets"}', lambda i: i * 31 % 17, late_ms=lambda i: i * 211 % 9000)
    add('irregular_total{at="starts"}', lambda i: 1000 + i, keep=lambda i: i > 90)
    add('irregular_total{at="ends"}', lambda i: i * 0.1, keep=lambda i: i < 110)
    add('text{note="a \\"quoted\\" \\\\ one\\nline"}', lambda i: 1)
    add('text{note="héllo – 日本"}', lambda i: 2)
    add('text{note="a.b|c"}', lambda i: 3)
    add("text", lambda i: 4)
    add('moment{kind="leap"}', lambda i: 1709164800 + i * 86400)
    add('moment{kind="before"}', lambda i: -86400 * 365.25 * i)
    add('moment{kind="far"}', lambda i: 1e10 + i * 1e9)
    bounds = ("0.1", "1", "1.0", "5", "1e1", "nonsense")
    for index, bound in enumerate(bounds):
        add(f'broken_bucket{{le="{bound}",set="no_top"}}', lambda i, n=index: i * (n + 1))
    for index, bound in enumerate(("1", "2", "4", "8", "+Inf")):
        add(f'broken_bucket{{le="{bound}",set="shrinks"}}',
            lambda i, n=index: i * (3, 5, 4, 7, 6)[n])
        add(f'broken_bucket{{le="{bound}",set="nan"}}',
            lambda i, n=index: math.nan if n == 2 else i * n)
    add('broken_bucket{le="+Inf",set="only_top"}', lambda i: i)
    for bound in ("-10", "-1", "0", "+Inf"):
        add(f'broken_bucket{{le="{bound}",set="negative"}}', lambda i, b=bound: i * len(b))


def dataset(first):
    """(metric text, [(time in ms, value), ...]) for every series."""
    series = []

    def add(text, value, keep=lambda i: True, late_ms=lambda i: 0):
        series.append((text, [((first + i * STEP) * 1000 + late_ms(i), value(i))
                              for i in range(COUNT) if keep(i)]))
    trading_series(add)
    hostile_series(add)
    return series


def exposition(series):
    """All lines in the order of time, which is the order Prometheus takes them in."""
    def spell(value):
        return {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}.get(repr(value), repr(value))
    lines = [(t_ms, f"{text} {spell(value)} {t_ms}")
             for text, points in series for t_ms, value in points]
    return "\n".join(line for _, line in sorted(lines, key=lambda pair: pair[0])) + "\n"


def as_number(text):
    return float(text.replace("Inf", "inf"))


def close(a, b):
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return a == b or abs(a - b) <= 1e-9 * max(abs(a), abs(b)) + 1e-12


def same_points(a, b):
    return len(a) == len(b) and all(
        left[0] == right[0] and close(as_number(left[1]), as_number(right[1]))
        for left, right in zip(a, b))


def by_labels(result):
    """Series without any point, as 2.42 has them now and then, are left out."""
    return {json.dumps(series["metric"], sort_keys=True):
            series.get("values") or [series["value"]] for series in result["result"]
            if series.keys() != {"metric"}}


def same_answer(ours, theirs):
    if ours["status"] != theirs["status"]:
        return False
    if ours["status"] == "error":
        return ours["errorType"] == theirs["errorType"]
    ours, theirs = ours["data"], theirs["data"]
    if ours["resultType"] != theirs["resultType"]:
        return False
    kind = ours["resultType"]
    if kind == "string":
        return ours["result"] == theirs["result"]
    if kind == "scalar":
        return same_points([ours["result"]], [theirs["result"]])
    left, right = by_labels(ours), by_labels(theirs)
    return left.keys() == right.keys() and all(same_points(left[key], right[key]) for key in left)


def first_difference(ours, theirs):
    """The pair of smallest parts that differ, for a message a person can read."""
    if isinstance(ours, dict) and isinstance(theirs, dict) and ours.keys() == theirs.keys():
        for key in ours:
            if ours[key] != theirs[key]:
                return f"{key}: {first_difference(ours[key], theirs[key])}"
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, (left, right) in enumerate(zip(ours, theirs)):
            if left != right:
                return f"[{index}] {first_difference(left, right)}"
    return f"{json.dumps(ours)[:200]} instead of {json.dumps(theirs)[:200]}"


def peer_is_current():
    """Whether the peer is a Prometheus 3, whose answers must be ours to the letter."""
    output = subprocess.run([PEER, "--version"], capture_output=True, text=True).stdout
    return "version 3." in output


class PeerTest(EndToEndTest):
    """cls.pitwall and cls.prometheus have scraped the same dataset, which begins at cls.first."""

    dataset = staticmethod(dataset)
    # A question a moment after the last sample, and its answer once all is there.
    complete = ("count(orders_total)", 12)

    @classmethod
    def setUpClass(cls):
        if not shutil.which(PEER):
            raise unittest.SkipTest("Debian's prometheus is not installed")
        cls.first = int(time.time()) // STEP * STEP - COUNT * STEP - 60
        exporter = Exporter(exposition(cls.dataset(cls.first)))
        cls.addClassCleanup(exporter.close)
        config = ("global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
                  f"scrape_configs: [{{job_name: j, honor_labels: true, static_configs: "
                  f"[{{targets: ['{exporter.address}']}}]}}]\n")
        cls.pitwall = Pitwall(config)
        cls.addClassCleanup(cls.pitwall.close)
        cls.prometheus = cls.start_peer(config)
        last = cls.first + (COUNT - 1) * STEP

        def has_all(client):
            try:
                return client.value(cls.complete[0], last + 1) == cls.complete[1]
            except (OSError, ValueError):
                return False
        wait_for(lambda: has_all(cls.pitwall), what="Pitwall to have the data")
        wait_for(lambda: has_all(cls.prometheus), 30, what="Prometheus to have the data")
        exporter.answer = "\n"

    @classmethod
    def start_peer(cls, config):
        folder = tempfile.mkdtemp(prefix="pitwall-e2e-prometheus-")
        cls.addClassCleanup(shutil.rmtree, folder, True)
        port = free_port()
        with open(f"{folder}/prometheus.yml", "w") as file:
            file.write(config)
        features = [f"--enable-feature={PEER_FEATURES}"] if peer_is_current() else []
        prometheus = Program([PEER, f"--config.file={folder}/prometheus.yml",
                              f"--storage.tsdb.path={folder}/data",
                              f"--web.listen-address=127.0.0.1:{port}"] + features)
        cls.addClassCleanup(prometheus.close)
        return Client(port)
