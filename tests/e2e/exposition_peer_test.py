"""The same expositions scraped by Debian's Prometheus 2.42 and by Pitwall: both take them, or both
refuse them, and store the same. What changed after 2.42 is left out or said in CHANGED."""
import shutil
import tempfile
import unittest

from harness import Client, EndToEndTest, Exporter, Pitwall, Program, free_port, wait_for
from peer import PEER
from wire import delimited, encode

TEXT = "text/plain; version=0.0.4"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PROTOBUF = ("application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
            "encoding=delimited")

TEXTS = [
    "a 1", "a 1\n\n\nb 2\n", "a\t1\t2\n", "a{} 1\n", "a{b=\"c\",} 1\n", "a { b = \"c\" , } 1\n",
    "a{b=\"c\" d=\"e\"} 1\n", "a{b=\"c\"d=\"e\"}1\n", "a{b=\"c\\n\\\"\\\\\\x\"} 1\n",
    "a{b=\"c\nd\"} 1\n", "a:b_c 1\n", "a{b=\"\"} 1\n", "a NaN\n", "a +Inf\n", "a -inf\n", "a Infinity\n",
    "a 1e3\n", "a 0x1p3\n", "a 1_0\n", "a .5\n", "a 5.\n", "a +5\n", "a 1e999\n", "a 1e-999\n",
    "a\n", "a \n", "a b\n", "a 1 x\n", "a 1 2 3\n", "a{b=\"c\n", "a{b='c'} 1\n", "a{b} 1\n", "a{=\"c\"} 1\n",
    "a{9=\"c\"} 1\n", "a{b=\"c\",,} 1\n", "a{,} 1\n", "a{b=\"\xff\"} 1\n", "9a 1\n", "-a 1\n", "a-b 1\n",
    "# a comment\na 1\n", "#a comment\na 1\n", "#\na 1\n", "# HELP\na 1\n", "# HELP \na 1\n",
    "# HELP a\na 1\n", "# HELP a x\\ny\na 1\n", "# HELP 9 x\na 1\n", "# HELP a \xff\na 1\n", "# TYPE\na 1\n",
    "# TYPE a\na 1\n", "# TYPE a gauge\na 1\n", "# TYPE a gauge \na 1\n", "# TYPE a  gauge\na 1\n",
    "# TYPE a unknown\na 1\n", "# TYPE a untyped\na 1\n", "# TYPE a info\na 1\n", "#  \tTYPE \t a gauge\na 1\n",
    "# TYPES a b\na 1\n", "# EOF\na 1\n", "a 1\na 1\n", "a 1\na 2\n", "a{x=\"1\",x=\"2\"} 1\n", "",
]
OPENMETRICS_TEXTS = [
    "a 1\n# EOF\n", "a 1\n# EOF", "a 1\n", "a 1", "", "# EOF\n", "# EOF\n\n", "# EOF\na 1\n", "#EOF\n",
    "\n# EOF\n", "a  1\n# EOF\n", "a 1 \n# EOF\n", "a\t1\n# EOF\n", " a 1\n# EOF\n", "a{} 1\n# EOF\n",
    "a {} 1\n# EOF\n", "a{b=\"c\"} 1\n# EOF\n", "a{b=\"c\",} 1\n# EOF\n", "a{ b=\"c\"} 1\n# EOF\n",
    "a{b=\"c\" d=\"e\"} 1\n# EOF\n", "a{b=\"c\",,d=\"e\"} 1\n# EOF\n", "a{b=\"c\"}1\n# EOF\n",
    "a{b=\"c\\n\\\"\\\\\\x\"} 1\n# EOF\n", "a{b=\"\xff\"} 1\n# EOF\n", "a{b=\"c} 1\n# EOF\n",
    "a NaN\n# EOF\n", "a +Inf\n# EOF\n", "a 0x1p3\n# EOF\n", "a 1_0\n# EOF\n", "a 1e999\n# EOF\n",
    "a_total 1 # {} 2\n# EOF\n", "a_total 1 # {b=\"c\"} 2 3\n# EOF\n", "a_total 1 #{b=\"c\"} 2\n# EOF\n",
    "a_total 1 # {b=\"c\"}\n# EOF\n", "a_total 1 # {b=\"c\"} x\n# EOF\n",
    "a_total 1 # {b=\"c\"} 1 NaN\n# EOF\n", "a_total 1 # {b=\"c\"} 1 2 3\n# EOF\n",
    "a_total 1 # {b=\"c\" 1\n# EOF\n", "a_total 1 # {\"b\"} 1\n# EOF\n",
    "a 1 x\n# EOF\n", "a 1 NaN\n# EOF\n", "a 1 # {} 2\n# EOF\n", "a 1 # {b=\"c\"} 2 3\n# EOF\n",
    "a 1 #{b=\"c\"} 2\n# EOF\n", "a 1 # {b=\"c\"}\n# EOF\n", "a 1 # {b=\"c\"} x\n# EOF\n",
    "a 1 # {b=\"c\"} 1 NaN\n# EOF\n", "a 1 # {b=\"c\"} 1 2 3\n# EOF\n", "a 1 # {b=\"c\" 1\n# EOF\n",
    "# comment\na 1\n# EOF\n", "# HELP a\na 1\n# EOF\n", "# HELP a \na 1\n# EOF\n",
    "# HELP a x \\\" y\na 1\n# EOF\n", "# HELP a \xff\na 1\n# EOF\n", "# TYPE a counter\na_total 1\n# EOF\n",
    "# TYPE a counter\na 1\n# EOF\n", "# TYPE a counter \na_total 1\n# EOF\n", "# TYPE a\na 1\n# EOF\n",
    "# TYPE a untyped\na 1\n# EOF\n", "# TYPE a stateset\na{a=\"x\"} 1\n# EOF\n",
    "# TYPE a gaugehistogram\na_gcount 1\n# EOF\n", "# UNIT a_s s\na_s 1\n# EOF\n", "# UNIT a s\na 1\n# EOF\n",
    "# UNIT s s\ns 1\n# EOF\n", "# UNIT a \na 1\n# EOF\n", "9 1\n# EOF\n", "a:b 1\n# EOF\n", "a{b:c=\"d\"} 1\n# EOF\n",
]

# What 2.42 refuses and 3.14 takes.
CHANGED = {
    'a{b="c",} 1\n# EOF\n': "a comma before the closing brace",
    "a 1 # {} 2\n# EOF\n": "exemplars of what ends neither in _total nor in _bucket",
    'a 1 # {b="c"} 2 3\n# EOF\n': "the same",
}


# Native histograms: whole and float counts, both sides, zero buckets, gauges, wide and narrow.
HISTOGRAMS = [
    "type: HISTOGRAM metric { histogram { sample_count: 10 sample_sum: 21.5 schema: 1"
    " zero_threshold: 0.01 zero_count: 2 positive_span {offset: -1 length: 2}"
    " positive_span {offset: 3 length: 1} positive_delta: 1 positive_delta: 2 positive_delta: -1"
    " negative_span {offset: 2 length: 1} negative_delta: 2 } }",
    "type: HISTOGRAM metric { histogram { sample_count_float: 7.5 sample_sum: -3 schema: -2"
    " zero_threshold: 0.001"
    " negative_span {offset: 0 length: 2} negative_count: 2.5 negative_count: 5 } }",
    "type: GAUGE_HISTOGRAM metric { histogram { sample_count: 3 sample_sum: 1 schema: 8"
    " zero_threshold: 1e-128 positive_span {offset: -100 length: 3} positive_delta: 1"
    " positive_delta: 0 positive_delta: 0 } }",
    "type: HISTOGRAM metric { histogram { sample_count: 1 sample_sum: 0 schema: 3"
    " zero_threshold: 0.5 zero_count: 1 } }",
    # Refused: fewer in all than in the buckets; buckets without spans.
    "type: HISTOGRAM metric { histogram { sample_count: 1 schema: 3 zero_threshold: 0.5"
    " zero_count: 1 positive_span {length: 1} positive_delta: 2 } }",
    "type: HISTOGRAM metric { histogram { sample_count: 3 schema: 3 zero_threshold: 0.5"
    " zero_count: 1 positive_delta: 2 } }",
]


class Peer(EndToEndTest):
    def compare(self, bodies, extra="", flags=()):
        """A Pitwall and a peer that have scraped all bodies, as jobs j0, j1 and so on."""
        if not shutil.which(PEER):
            self.skipTest("no prometheus")

        def answer(request):
            content_type, body = bodies[int(request.path.split("/")[1])]
            request.send_response(200)
            request.send_header("Content-Type", content_type)
            request.send_header("Content-Length", str(len(body)))
            request.end_headers()
            request.wfile.write(body)
        exporter = self.start(Exporter(answer))
        config = "global: {scrape_interval: 1s, scrape_timeout: 1s%s}\nscrape_configs:\n" + "".join(
            f"- {{job_name: 'j{i}', metrics_path: '/{i}', "
            f"static_configs: [{{targets: ['{exporter.address}']}}]}}\n"
            for i in range(len(bodies)))
        pitwall = self.start(Pitwall(config % extra))
        folder = tempfile.mkdtemp(prefix="pitwall-e2e-prometheus-")
        self.addCleanup(shutil.rmtree, folder, True)
        with open(f"{folder}/prometheus.yml", "w") as file:
            file.write(config % "")
        peer = Client(free_port())
        self.start(Program([PEER, f"--config.file={folder}/prometheus.yml",
                            f"--storage.tsdb.path={folder}/data",
                            f"--web.listen-address=127.0.0.1:{peer.port}", *flags]))
        for client in (pitwall, peer):
            def scraped(client=client):
                try:
                    return len(client.query("up")) == len(bodies)
                except (OSError, AssertionError):
                    return False
            wait_for(scraped, 30, what="all bodies to be scraped")
        return pitwall, peer

    def test_native_histograms(self):
        bodies = [(PROTOBUF, delimited(encode("metrics.proto", "io.prometheus.client.MetricFamily",
                                              'name: "h" ' + text))) for text in HISTOGRAMS]
        clients = self.compare(bodies, ", scrape_native_histograms: true",
                               ["--enable-feature=native-histograms"])
        # Between bounds of buckets: inside of them, 3.14 interpolates otherwise.
        for expression in ("up", "histogram_count(h)", "histogram_sum(h)",
                           "histogram_fraction(-Inf, -1, h)", "histogram_fraction(-16, -1, h)",
                           "histogram_fraction(0, 1, h)", "histogram_fraction(1, 2, h)",
                           "histogram_fraction(2, 8, h)"):
            with self.subTest(expression):
                ours, theirs = ({dict(labels)["job"]: round(float(value), 9)
                                 for labels, value in client.query(expression).items()}
                                for client in clients)
                self.assertEqual(ours, theirs)
        self.assertEqual(sorted(clients[0].query("up").values()), ["0", "0", "1", "1", "1", "1"])

    def test_same_verdict(self):
        bodies = ([(TEXT, body) for body in TEXTS]
                  + [(OPENMETRICS, body) for body in OPENMETRICS_TEXTS])
        pitwall, peer = self.compare([(content_type, body.encode("latin-1"))
                                      for content_type, body in bodies])
        verdicts = [self.verdicts(client) for client in (pitwall, peer)]
        wrong = []
        for i, body in enumerate(bodies):
            ours, theirs = (verdict.get(f"j{i}") for verdict in verdicts)
            if ours != theirs and body[1] not in CHANGED:
                wrong.append(f"{body[1]!r}: {ours}, but the peer: {theirs}")
        self.assertEqual(wrong, [])
        taken = [verdict for verdict in verdicts[0].values() if len(verdict) > 1]
        self.assertGreater(len(taken), len(bodies) / 4, "a test of what is taken, too")

    def verdicts(self, client):
        """Of each job: whether it is up, and what it stored."""
        found = {}
        for labels, value in client.query('{__name__=~"up|a.*|b|s"}').items():
            labels = dict(labels)
            job = labels.pop("job")
            labels.pop("instance")
            found.setdefault(job, {})[tuple(sorted(labels.items()))] = value
        return found


if __name__ == "__main__":
    unittest.main()
