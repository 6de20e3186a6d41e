"""What a query has returned is there after kill -9, over many rounds under load."""
import os
import random
import threading
import time
import unittest

from harness import EndToEndTest, Exporter, Pitwall, wait_for

ROUNDS = 50 if os.environ.get("PITWALL_CRASH_FULL") else 8
SERIES = 200


class Counting:
    """An exporter whose counters grow with every scrape."""

    def __init__(self):
        self.scrapes = 0

    def body(self, request):
        self.scrapes += 1
        body = "".join(f'c{{i="{i}"}} {self.scrapes * 1000 + i}\n' for i in range(SERIES)).encode()
        request.send_response(200)
        request.send_header("Content-Type", "text/plain")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)


class Kill(EndToEndTest):
    def seen(self, pitwall):
        """Every sample of the metric that a range query returns: {(target, series, time): value}."""
        answer = pitwall.get("/api/v1/query", {"query": "c[1h]"}, timeout=10).json
        return {(series["metric"]["instance"], series["metric"]["i"], t): value
                for series in answer["data"]["result"] for t, value in series["values"]}

    def test_returned_samples_survive(self):
        seed = random.randrange(1 << 30)
        print(f"seed {seed}")
        chance = random.Random(seed)
        exporters = [self.start(Exporter(Counting().body)) for _ in range(3)]
        targets = ", ".join(f"'{exporter.address}'" for exporter in exporters)
        pitwall = self.start(Pitwall(
            "global: {scrape_interval: 20ms, scrape_timeout: 20ms}\n"
            f"scrape_configs: [{{job_name: j, static_configs: [{{targets: [{targets}]}}]}}]\n"))
        known = {}
        for _ in range(ROUNDS):
            until = time.monotonic() + chance.uniform(0.2, 1.0)
            while time.monotonic() < until:
                known.update(self.seen(pitwall))
            pitwall.kill()
            pitwall.restart()
            now = self.seen(pitwall)
            lost = [key for key in known if key not in now]
            changed = [key for key in known if key in now and now[key] != known[key]]
            self.assertFalse(lost, f"{len(lost)} of {len(known)} samples are lost")
            self.assertFalse(changed, f"{len(changed)} samples changed")
        self.assertGreater(len(known), SERIES * ROUNDS)


if __name__ == "__main__":
    unittest.main()
