"""Prometheus's HTTP API from the outside: bad input, odd encodings, clients that misbehave.

Expected answers are those of Prometheus 3.14.
"""
import os
import random
import socket
import threading
import time
import unittest

from harness import EndToEndTest, Exporter, Pitwall, wait_for

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
QUERY, RANGE = "/api/v1/query", "/api/v1/query_range"


def send(port, data, timeout=20):
    """What a server answers to raw bytes, until it or the time ends."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
        connection.sendall(data)
        answer = b""
        while True:
            part = connection.recv(65536)
            if not part:
                return answer
            answer += part


class Api(EndToEndTest):
    @classmethod
    def setUpClass(cls):
        lines = "".join(f'position{{desk="{desk}",venue="{venue}"}} {i}\n'
                        for i, (desk, venue) in enumerate((d, v) for d in ("fx", "rates")
                                                          for v in ("lse", "nyse", "tse")))
        wide = "".join(f'wide{{n="{n}"}} {n}\n' for n in range(2000))
        cls.exporter = Exporter("# HELP position Open position.\n# TYPE position gauge\n" +
                                lines + wide)
        cls.addClassCleanup(cls.exporter.close)
        cls.pitwall = Pitwall("global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
                              "scrape_configs: [{job_name: j, static_configs: [{targets: "
                              f"['{cls.exporter.address}']}}]}}]\n")
        cls.addClassCleanup(cls.pitwall.close)
        wait_for(lambda: cls.pitwall.value("count(position)") == 6, what="the first scrape")

    def assert_error(self, path, params, error, status=400, kind="bad_data"):
        with self.subTest(path=path, params=params):
            answer = self.pitwall.get(path, params)
            self.assertEqual(answer.status, status)
            self.assertEqual(answer.headers["Content-Type"], "application/json")
            self.assertEqual(answer.json, {"status": "error", "errorType": kind, "error": error})

    def test_times(self):
        for text, seconds in (("1.5e9", 1500000000), ("-5.5", -5.5), (".5", 0.5),
                              ("2026-11-20T12:00:00+02:00", 1795168800),
                              ("2026-11-20T12:00:00.123456789Z", 1795176000.123),
                              ("2026-11-20T12:00:00-05:30", 1795195800),
                              ("9999-12-31T23:59:59Z", 253402300799),
                              ("0001-01-01T00:00:00Z", -62135596800),
                              ("2400-02-29T00:00:00Z", 13574563200),
                              ("1790000000.0005", 1790000000), ("1790000000.1234567",
                                                                1790000000.123)):
            with self.subTest(text=text):
                answer = self.pitwall.get(QUERY, {"query": "1", "time": text}).json
                self.assertEqual(answer["data"]["result"], [seconds, "1"])
        for text in ("abc", "2026-11-20T12:00:00", "2026-13-20T12:00:00Z", "0x10", " 5",
                     "2026-11-20t12:00:00z", "1e400"):
            words = f'cannot parse "{text}" to a valid timestamp'
            for path, name in ((QUERY, "time"), ("/api/v1/labels", "start"),
                               ("/api/v1/labels", "end")):
                self.assert_error(path, {"query": "1", name: text}, f'invalid parameter "{name}": '
                                  f"invalid time value for '{name}': {words}")
            self.assert_error(RANGE, {"query": "1", "start": text, "end": 5, "step": 1},
                              f'invalid parameter "start": {words}')

    def test_ranges_and_steps(self):
        self.assert_error(RANGE, {"query": "1", "end": 5, "step": 1},
                          'invalid parameter "start": cannot parse "" to a valid timestamp')
        self.assert_error(RANGE, {"query": "1", "start": 6, "end": 5, "step": 1},
                          'invalid parameter "end": end timestamp must not be before start time')
        self.assert_error(RANGE, {"query": "1", "start": 1, "end": 5, "step": "30s1m"},
                          'invalid parameter "step": cannot parse "30s1m" to a valid duration')
        self.assert_error(RANGE, {"query": "1", "start": 1, "end": 5, "step": 0},
                          'invalid parameter "step": zero or negative query resolution step '
                          'widths are not accepted. Try a positive integer')
        self.assert_error(RANGE, {"query": "1", "start": 0, "end": 11001, "step": 1},
                          "exceeded maximum resolution of 11,000 points per timeseries. Try "
                          "decreasing the query resolution (?step=XX)")
        self.assert_error(RANGE, {"query": "up[1m]", "start": 1, "end": 5, "step": 1},
                          'invalid parameter "query": invalid expression type "range vector" for '
                          'range query, must be Scalar or instant Vector')
        answer = self.pitwall.get(RANGE, {"query": "1", "start": 0, "end": 90, "step": "1m30s"})
        self.assertEqual(answer.json["data"]["result"][0]["values"], [[0, "1"], [90, "1"]])
        self.assertEqual(self.pitwall.get(QUERY, {"query": "1", "timeout": "",
                                                  "lookback_delta": ""}).status, 200)
        # A step of zero comes from the query, so it is the query that is bad.
        self.assert_error(QUERY, {"query": "up[step()]"},
                          'invalid parameter "query": 3:9: duration must be greater than 0')

    def test_limits(self):
        for path, params in ((QUERY, {"query": "position"}), ("/api/v1/labels", {}),
                             ("/api/v1/label/desk/values", {}),
                             ("/api/v1/series", {"match[]": "position"})):
            for text, reason in (("abc", 'strconv.Atoi: parsing "abc": invalid syntax'),
                                 (" 1", 'strconv.Atoi: parsing " 1": invalid syntax'),
                                 ("9" * 20, f'strconv.Atoi: parsing "{"9" * 20}": value out of '
                                            'range'),
                                 ("-1", "limit must be non-negative")):
                self.assert_error(path, {**params, "limit": text},
                                  f'invalid parameter "limit": {reason}')
            answer = self.pitwall.get(path, {**params, "limit": "+1"}).json
            self.assertEqual(answer["warnings"], ["results truncated due to limit"])
        self.assert_error("/api/v1/metadata", {"limit": "x"}, "limit must be a number")
        self.assert_error("/api/v1/metadata", {"limit_per_metric": "1.5"},
                          "limit_per_metric must be a number")
        for limit, count in ((-1, 1), (0, 0), (1, 1)):
            answer = self.pitwall.get("/api/v1/metadata", {"limit": limit}).json
            self.assertEqual(len(answer["data"]), count)
        self.assert_error("/api/v1/status/tsdb", {"limit": 0}, "limit must be a positive number")
        self.assert_error("/api/v1/status/tsdb", {"limit": 10001}, "limit must not exceed 10000")

    def test_selectors(self):
        empty = "match[] must contain at least one non-empty matcher"
        for selector in ("{}", '{desk=~".*"}', '{desk=""}'):
            self.assert_error("/api/v1/series", {"match[]": ["position", selector]},
                              f'invalid parameter "match[]": {empty}')
            self.assert_error("/api/v1/labels", {"match[]": selector}, empty)
            self.assert_error("/api/v1/label/desk/values", {"match[]": selector}, empty)
        self.assert_error("/api/v1/labels", {"match[]": "{"},
                          "1:2: parse error: unexpected end of input inside braces")
        self.assert_error("/api/v1/series", {}, "no match[] parameter provided")
        for path in ("/api/v1/series", "/api/v1/labels", "/api/v1/label/desk/values"):
            answer = self.pitwall.get(path, {"match[]": "position", "start": 5, "end": 1})
            self.assertEqual(answer.json, {"status": "success", "data": []})
        for state, active in (("", 1), ("any", 1), ("active", 1), ("dropped", 0), ("x", 0)):
            answer = self.pitwall.get("/api/v1/targets", {"state": state}).json["data"]
            self.assertEqual(len(answer["activeTargets"]), active)
        for name, values in (("desk", ["fx", "rates"]), ("U__desk", ["fx", "rates"]),
                             ("U__d_65_sk", ["fx", "rates"]), ("bad-name", []), ("a%20b", [])):
            self.assertEqual(self.pitwall.get(f"/api/v1/label/{name}/values").json["data"], values)

    def test_forms_and_encodings(self):
        def result(answer):
            return answer.json["data"]["result"][1]
        both = self.pitwall.request("POST", QUERY + "?query=1&time=7", headers=FORM,
                                    body=b"time=5")
        self.assertEqual(both.json["data"]["result"], [5, "1"])
        for body in (b"query=1+%2B+1", b"&&query=1%2b1&=&x", b"query=2&query=3",
                     b"query=%zz&query=1;2&query=2"):
            self.assertEqual(result(self.pitwall.request("POST", QUERY, headers=FORM, body=body)),
                             "2")
        shouted = {"Content-Type": "Application/X-WWW-Form-Urlencoded; charset=UTF-8"}
        self.assertEqual(result(self.pitwall.request("POST", QUERY, headers=shouted,
                                                     body=b"query=7")), "7")
        plain = self.pitwall.request("POST", QUERY, headers={"Content-Type": "text/plain"},
                                     body=b"query=1")
        self.assertEqual(plain.status, 400)
        self.assertEqual(result(self.pitwall.get(QUERY, {"query": '"é\u2028<&>"'})), "é\u2028<&>")
        self.assertEqual(result(self.pitwall.get(QUERY, {"query": " " * 60000 + "7"})), "7")
        long = "1" + " + 1" * 900 + " " * 60000
        self.assertEqual(result(self.pitwall.request("POST", QUERY, {"query": long},
                                                     headers=FORM)), "901")
        for path in ("/api/v1/nothing", "/api/v1", "/-/nothing"):
            self.assertEqual(self.pitwall.get(path).status, 404)
        refused = self.pitwall.request("DELETE", QUERY)
        self.assertEqual((refused.status, refused.headers["Allow"]), (405, "GET, POST"))

    def test_pipelined_requests_are_answered_in_order(self):
        one = b"GET /api/v1/query?query=%d&time=0 HTTP/1.1\r\nHost: x\r\n%s\r\n"
        data = b"".join(one % (n, b"Connection: close\r\n" if n == 19 else b"")
                        for n in range(20))
        answer = send(self.pitwall.port, data).decode()
        self.assertEqual([int(part.split('"')[0]) for part in answer.split('[0,"')[1:]],
                         list(range(20)))

    def test_clients_that_left_hold_no_connection(self):
        """Their last bytes and their end arrive at once, which an edge-triggered poll reports once."""
        def descriptors():
            return len(os.listdir(f"/proc/{self.pitwall.process.pid}/fd"))
        before = descriptors()
        for head in (b"GET /api/v1/q", b"GET /api/v1/labels HTTP/1.1\r\nHost:",
                     b"POST /api/v1/query HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"):
            for _ in range(50):
                with socket.create_connection(("127.0.0.1", self.pitwall.port)) as leaving:
                    leaving.sendall(head)
        wait_for(lambda: descriptors() <= before + 5, 10, "the connections to be closed")

    def test_clients_that_misbehave_harm_nobody_else(self):
        """Slow ones, leaving ones and 40 that ask: afterwards nothing is stuck or lost."""
        slow = [socket.create_connection(("127.0.0.1", self.pitwall.port)) for _ in range(100)]
        for connection in slow:
            self.addCleanup(connection.close)
            connection.sendall(b"GET /api/v1/query?query=1 HTTP/1.1\r\nHost:")
        stop, wrong = time.monotonic() + 4, []

        def ask(seed):
            choice = random.Random(seed)
            while time.monotonic() < stop:
                query = choice.choice(["1", "sum(wide)", "wide * on(n) wide", "up{", "wide[1h]",
                                       "count(rate(wide[5m]))", "topk(5, wide)"])
                text = query.replace(" ", "%20").replace("{", "%7B")
                request = (f"GET {QUERY}?query={text} HTTP/1.1\r\nHost: x\r\n"
                           "Connection: close\r\n\r\n").encode()
                if choice.random() < 0.4:
                    with socket.create_connection(("127.0.0.1", self.pitwall.port)) as leaving:
                        leaving.sendall(request[:choice.randrange(len(request) + 1)])
                        time.sleep(choice.random() * 0.01)
                    continue
                answer = send(self.pitwall.port, request)
                status = answer.split(b" ", 2)[1]
                if status not in (b"200", b"400", b"503"):
                    wrong.append((query, answer[:200]))
        threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        self.assertFalse(any(thread.is_alive() for thread in threads))
        self.assertFalse(wrong)
        self.assertEqual(self.pitwall.value("count(wide)"), 2000)
        for connection in slow:
            connection.sendall(b" x\r\nConnection: close\r\n\r\n")
            self.assertIn(b" 200 ", connection.recv(4096))


if __name__ == "__main__":
    unittest.main()
