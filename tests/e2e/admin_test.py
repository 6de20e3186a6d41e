"""Deleting, snapshots and retention by selector."""
import time
import unittest

from harness import EndToEndTest, Exporter, Pitwall, wait_for


class Admin(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.exporter = self.start(Exporter('a{i="1"} 1\na{i="2"} 2\nb 3\n'))
        self.pitwall = self.start(Pitwall(self.scrape_config(self.exporter),
                                          flags=["--web.enable-admin-api"]))
        wait_for(lambda: (self.pitwall.value("count_over_time(b[1h])") or 0) > 5, what="samples")

    def admin(self, what, params=None, pitwall=None):
        return (pitwall or self.pitwall).request("POST", "/api/v1/admin/tsdb/" + what, params)

    def test_delete(self):
        until = time.time()
        answer = self.admin("delete_series", {"match[]": 'a{i="1"}', "end": until})
        self.assertEqual((answer.status, answer.body), (204, b""))

        def count(selector):
            return self.pitwall.value(f"count_over_time({selector}[1h])", at=until) or 0
        self.assertEqual(count('a{i="1"}'), 0)
        self.assertGreater(count('a{i="2"}'), 5)
        self.assertEqual(self.admin("clean_tombstones").status, 204)
        self.pitwall.kill()
        self.pitwall.restart()
        self.assertEqual(count('a{i="1"}'), 0)
        self.assertGreater(count("b"), 5)

    def test_snapshot(self):
        until = time.time()
        name = self.admin("snapshot").json["data"]["name"]
        self.assertRegex(name, r"^\d{8}T\d{6}Z-[0-9a-f]{16}$")
        copy = self.start(Pitwall("scrape_configs: []\n"))
        copy.kill()
        data = copy.folder / "data"
        data.rename(copy.folder / "empty")
        (self.pitwall.folder / "data/snapshots" / name).rename(data)
        copy.restart()
        for selector in ('a{i="1"}', "b"):
            query = f"{selector}[1h]"
            self.assertEqual(
                copy.get("/api/v1/query", {"query": query, "time": until}).json["data"],
                self.pitwall.get("/api/v1/query", {"query": query, "time": until}).json["data"])

    def test_mistakes(self):
        self.assertEqual(self.admin("delete_series").status, 400)
        self.assertEqual(self.admin("delete_series", {"match[]": "{"}).status, 400)
        self.assertEqual(self.admin("snapshot", {"skip_head": "x"}).status, 400)
        other = self.start(Pitwall("scrape_configs: []\n"))
        answer = self.admin("snapshot", pitwall=other)
        self.assertEqual((answer.status, answer.json["error"]), (503, "admin APIs disabled"))

    def test_retention_by_selector(self):
        """What a rule keeps for no time at all is gone, the rest stays."""
        self.pitwall.config.write_text(
            self.scrape_config(self.exporter) +
            "retention:\n- {match: 'a{i=\"1\"}', keep: 1s}\n- {match: [b, c], keep: 1d}\n")
        self.assertEqual(self.pitwall.request("POST", "/-/reload").status, 200)
        time.sleep(1.5)
        at = time.time() - 2
        self.assertIsNone(self.pitwall.value('a{i="1"}', at=at))
        self.assertEqual(self.pitwall.value('a{i="2"}', at=at), 2)
        self.assertEqual(self.pitwall.value("b", at=at), 3)
        for text, said in (("{match: a}", "needs match and keep"),
                           ("{match: '{', keep: 1d}", "parse error"),
                           ("{match: a, keep: soon}", "duration")):
            self.pitwall.config.write_text(f"retention: [{text}]\n")
            answer = self.pitwall.request("POST", "/-/reload")
            self.assertEqual(answer.status, 500)
            self.assertIn(said, answer.body.decode())


if __name__ == "__main__":
    unittest.main()
