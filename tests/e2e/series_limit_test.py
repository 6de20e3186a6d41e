"""A target that explodes: new series over a limit are refused, those that are known go on."""
import time
import unittest

from harness import EndToEndTest, Exporter, Pitwall, wait_for


def series(count, first=0):
    return "".join(f'm{{i="{i}"}} {i}\n' for i in range(first, first + count))


class SeriesLimits(EndToEndTest):
    def begin(self, limits, storage=""):
        exporters = [self.start(Exporter(series(5))) for _ in range(2)]
        targets = ", ".join(f"'{e.address}'" for e in exporters)
        pitwall = self.start(Pitwall(
            "global: {scrape_interval: 200ms, scrape_timeout: 200ms}\n" + storage
            + f"scrape_configs: [{{job_name: j, {limits} "
            f"static_configs: [{{targets: [{targets}]}}]}}]\n"))
        wait_for(lambda: pitwall.value("count(m)") == 10, what="the first series")
        return exporters, pitwall

    def explode(self, exporters, pitwall, kept, why):
        exporters[0].answer = series(1000)

        def errors():
            return [t["lastError"] for t in pitwall.targets()["activeTargets"] if t["lastError"]]
        error = wait_for(errors, what="the limit to be told")[0]
        self.assertIn("new series refused", error)
        self.assertIn(why, error)
        before = time.time()
        time.sleep(1)
        # The target is up, what was known goes on, and no more than the limit is there.
        self.assertEqual(set(pitwall.query("up").values()), {"1"})
        self.assertEqual(pitwall.value("count(m)"), kept)
        self.assertEqual(pitwall.value('count(timestamp(m{i="3"}) > %f)' % before), 2)

    def recover(self, exporters, pitwall):
        exporters[0].answer = series(5, 500)
        wait_for(lambda: pitwall.value("count(m)") == 10, what="room for others")
        wait_for(lambda: not any(t["lastError"] for t in pitwall.targets()["activeTargets"]),
                 what="the error to go")

    def test_of_a_target(self):
        exporters, pitwall = self.begin("target_series_limit: 8,")
        self.explode(exporters, pitwall, 13, "target_series_limit of 8 exceeded")
        self.assertRegex(pitwall.get("/metrics").body.decode(),
                         r'scrape_series_refused_total\{reason="target_series_limit"\} [1-9]')
        self.recover(exporters, pitwall)

    def test_of_a_job(self):
        exporters, pitwall = self.begin("series_limit: 12,")
        self.explode(exporters, pitwall, 12, "series_limit of 12 exceeded")
        self.assertRegex(pitwall.get("/metrics").body.decode(),
                         r'scrape_series_refused_total\{reason="series_limit"\} [1-9]')
        self.recover(exporters, pitwall)

    def test_of_the_store(self):
        exporters, pitwall = self.begin("", "storage: {tsdb: {series_limit: 60}}\n")
        total = pitwall.value("count({__name__=~'.+'})")
        exporters[0].answer = series(1000)
        error = wait_for(lambda: [t["lastError"] for t in pitwall.targets()["activeTargets"]
                                  if t["lastError"]], what="the limit to be told")[0]
        self.assertIn("limit of 60 series reached", error)
        before = time.time()
        time.sleep(1)
        self.assertEqual(set(pitwall.query("up").values()), {"1"})
        self.assertEqual(pitwall.value('count(timestamp(m{i="3"}) > %f)' % before), 2)
        self.assertLessEqual(pitwall.value("count({__name__=~'.+'})"), 60)
        self.assertGreater(pitwall.value("count({__name__=~'.+'})"), total)


if __name__ == "__main__":
    unittest.main()
