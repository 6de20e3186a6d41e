"""Random PromQL to Prometheus and to Pitwall, on the same samples.

With Debian's Prometheus 2.42 answers that 3.x gives otherwise are let pass, by the rules of
is_version_difference; with PITWALL_PEER set to a Prometheus 3.14 nothing is, error texts and
annotations included. PITWALL_RANDOM_SEED and PITWALL_RANDOM_COUNT choose other queries and more.
"""
import http.client
import json
import os
import random
import re
import unittest
import urllib.parse

from expressions import Expressions
from peer import COUNT, STEP, PeerTest, first_difference, peer_is_current, same_answer

SEED = int(os.environ.get("PITWALL_RANDOM_SEED", "1"))
AMOUNT = int(os.environ.get("PITWALL_RANDOM_COUNT", "1500"))

# Pattern of a query -> why its answers may differ from those of 2.42.
SINCE_2_42 = {
    # CHANGELOG 3.0: range selectors are open on the left. Only subqueries and @ make windows that
    # begin at a sample.
    r"\[[^\]]*:|@": "a sample on the left end is not part of a range any more",
    # CHANGELOG 3.0: binary operators, atan2 among them, drop the metric name.
    r"(?i)atan2": "2.42 keeps the name for atan2",
    # CHANGELOG 3.0: stddev and stdvar of a group with NaN or an infinity are NaN.
    r"(?i)std(dev|var)": "2.42 answers 0 for a group of one such sample",
    # CHANGELOG 3.0: avg switches to incremental calculation only when sums overflow.
    r"(?i)avg(.|\n)*(odd|edge)|(deriv|predict)(.|\n)*edge": "huge and tiny values are rounded otherwise",
    # CHANGELOG 3.0: a dot in a regular expression matches a line break.
    r"note(.|\n)*[=!]~|label_replace(.|\n)*note": "2.42 does not match notes of two lines",
    # CHANGELOG 2.52 to 3.8: monotonicity and interpolation of classic buckets.
    r"histogram_": "broken buckets are mended otherwise",
    # CHANGELOG 3.4: parameters of aggregations may change with time; below 1 nothing is selected.
    r"(?i)(topk|bottomk)": "2.42 takes the first parameter for all times, and refuses -Inf",
    # promql/functions.go since 3.0: no extrapolation below zero when a counter is negative.
    r"(?i)(rate|increase)(.|\n)*irregular": "negative counters are extrapolated otherwise",
    # tsdb/querier.go since 3.0 moves matchers that allow an empty label to the end.
    r"absent(.|\n)*!": "of several matchers on one label another one gives the value",
}
SYNTAX_SINCE_2_42 = re.compile("missing unit|unexpected (number|duration)|bad number or duration syntax|"
                               "in subquery or range|invalid (source|destination) label name|"
                               "duration must be greater than 0")
# promql/engine.go since 3.0: matches count before a comparison filters them.
MULTIPLE_MATCHES = "multiple matches for labels"
# The libraries of C and of Go round transcendental functions differently in the last place, and
# Go's logarithms of denormal numbers are wrong; these make it visible.
LAST_PLACE = re.compile(r"(?i)%|count_values|\b(ln|log2|log10)\b|\b(sin|cos|tan)\s*\(.*exp")
# Prometheus 3.14 loses the samples of a subquery with @ in functions whose other argument or
# answer changes with time; 2.42 did not.
LOST_SUBQUERY = re.compile(r"(predict_linear|quantile_over_time)(.|\n)*@")


def is_version_difference(query, ours, theirs):
    if theirs["status"] == "error" and SYNTAX_SINCE_2_42.search(theirs["error"]):
        return True
    if ours["status"] == "error":
        return theirs["status"] == "success" and MULTIPLE_MATCHES in ours["error"]
    return any(re.search(pattern, query) for pattern in SINCE_2_42)


def without_order(text):
    """Texts that name whichever series was met first."""
    text = re.sub(r"on the (left|right) hand-side of the operation: \[.*\];", "...", text)
    text = re.sub(r"match group \{.*\} \.\.\.", "match group ...", text)
    return re.sub(r"over -?\d+ samples", "over some samples", text)


def notes(answer, kind):
    texts = answer.get(kind, [])
    if any("more" in text and "omitted" in text for text in texts):
        return len(texts)
    return sorted(map(without_order, texts))


def same_to_the_letter(ours, theirs):
    if not same_answer(ours, theirs):
        return False
    if ours["status"] == "error":
        return without_order(ours["error"]) == without_order(theirs["error"])
    return all(notes(ours, kind) == notes(theirs, kind) for kind in ("warnings", "infos"))


class Asker:
    """Form posts over one connection that stays open."""

    def __init__(self, port):
        self.port = port
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(self, path, params):
        self.connection.request("POST", path, urllib.parse.urlencode(params),
                                {"Content-Type": "application/x-www-form-urlencoded"})
        return json.loads(self.connection.getresponse().read())


class RandomQueries(PeerTest):
    def setUp(self):
        self.random = random.Random(SEED)
        self.current = peer_is_current()
        self.ours = Asker(self.pitwall.port)
        self.theirs = Asker(self.prometheus.port)
        self.addCleanup(self.ours.connection.close)
        self.addCleanup(self.theirs.connection.close)
        self.expressions = Expressions(self.random, new=False)

    def next_query(self):
        """An expression whose times are in the dataset; some are damaged."""
        query = self.expressions.next()
        for name, at in (("{first}", 300), ("{middle}", COUNT * STEP // 2),
                         ("{last}", COUNT * STEP - 100)):
            query = query.replace(name, str(self.first + at))
        return self.expressions.damage(query) if self.random.random() < 0.06 else query

    def next_request(self):
        query = self.next_query()
        start = self.first + STEP * self.random.randrange(-5, COUNT + 5) + \
            self.random.choice([0.5, 3.25, 7.5])
        if self.random.random() < 0.5:
            return "/api/v1/query", {"query": query, "time": start}
        return "/api/v1/query_range", {
            "query": query, "start": start, "end": start + self.random.choice([0, 100, 600, 1500]),
            "step": self.random.choice([7, 15, 37, 60, 120, 400])}

    def compare(self, path, params):
        ours, theirs = self.ours.ask(path, params), self.theirs.ask(path, params)
        same = same_to_the_letter if self.current else same_answer
        query = params["query"]
        if same(ours, theirs) or LAST_PLACE.search(query):
            return None
        if LOST_SUBQUERY.search(query) if self.current else \
                is_version_difference(query, ours, theirs):
            return None
        return f"{params}\n    {first_difference(ours, theirs)}"

    def test_same_answers(self):
        requests = [self.next_request() for _ in range(AMOUNT)]
        different = list(filter(None, (self.compare(*request) for request in requests)))
        self.assertFalse(different, f"seed {SEED}: {len(different)} of {AMOUNT} differ\n" +
                         "\n".join(different[:20]))

    def test_formatting_changes_nothing(self):
        """The formatted expression formats as itself, and evaluates to the same."""
        for _ in range(AMOUNT // 5):
            path, params = self.next_request()
            pretty = self.ours.ask("/api/v1/format_query", params)
            if pretty["status"] == "error":
                continue
            # "+Inf ^ 1" is a plus before a power of +Inf: each round adds one, in Prometheus too.
            # Of several matchers on one label their order decides what absent() says, there as here.
            if re.search(r"\+Inf \^|absent(.|\n)*!", pretty["data"]):
                continue
            again = {**params, "query": pretty["data"]}
            self.assertEqual(self.ours.ask("/api/v1/format_query", again), pretty)
            answer = self.ours.ask(path, params)
            self.assertTrue(same_answer(self.ours.ask(path, again), answer),
                            f"seed {SEED}: {params}\n{pretty['data']}")


if __name__ == "__main__":
    unittest.main()
