#!/usr/bin/env python3
"""A million series for some minutes, with kill -9 at random moments: nothing that was acknowledged
or seen may be lost, and memory stays bounded.

  soak.py BUILD [--minutes 10] [--targets 1000] [--seed N]
"""
import argparse
import json
import pathlib
import random
import tempfile
import threading
import time

import report
import systems

# What is asked again after every start: whole families, and what targets report of themselves.
SEEN = ["sum by (job) (count_over_time(up[1h]))",
        "sum by (desk) (count_over_time(pool_bytes[1h]))",
        "sum by (desk) (sum_over_time(pool_bytes[1h]))"]


class Writer:
    """Pushes samples one by one; counts what was acknowledged."""

    def __init__(self, system):
        self.system, self.acknowledged, self.stopping = system, 0, False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        number, began_ns = 0, time.time_ns()
        while not self.stopping:
            number += 1
            line = f"soak value={number} {began_ns + number * 1_000_000}"
            try:
                status, _ = systems.post_once(self.system.port, "/influx/write", line)
                self.acknowledged += status == 204
            except OSError:
                pass
            time.sleep(0.01)

    def close(self):
        self.stopping = True
        self.thread.join()


def ask(system, expression, at):
    body = system.query("/api/v1/query", {"query": expression, "time": at, "timeout": "60s"})
    return {json.dumps(series["metric"]): float(series["value"][1])
            for series in json.loads(body)["data"]["result"]}


def watch(system, seconds, peaks):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        peaks.append(system.resident()[:2])
        time.sleep(0.5)


def run(system, writer, minutes, seed):
    chance, peaks, starts = random.Random(seed), [], []
    began = time.monotonic()
    while time.monotonic() - began < minutes * 60:
        watch(system, chance.uniform(5, 75), peaks)
        at = time.time()
        seen = {expression: ask(system, expression, at) for expression in SEEN}
        # Somewhere in a scrape, a flush or a merge.
        time.sleep(chance.random())
        acknowledged = writer.acknowledged
        system.kill()
        starts.append(system.start())
        for expression, before in seen.items():
            after = ask(system, expression, at)
            lost = {key: (value, after.get(key)) for key, value in before.items()
                    if after.get(key, 0) < value}
            assert not lost, f"{expression}: {len(lost)} of {len(before)} less, as {lost}"
        found = ask(system, "count_over_time(soak_value[1h])", time.time() + 1800)
        count = sum(found.values())
        assert count >= acknowledged, f"{acknowledged} acknowledged, {count} found"
        print(f"{time.monotonic() - began:5.0f} s: killed, ready in {starts[-1][0]:.2f} s "
              f"({starts[-1][1]:.2f} s of CPU), {acknowledged} pushes kept, "
              f"{sum(seen[SEEN[1]].values()):.0f} samples counted, peak so far "
              f"{max(peaks)[0] / 1e6:.0f} MB", flush=True)
    return peaks, starts


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--targets", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    build = pathlib.Path(arguments.build).resolve()
    systems.Pitwall.binary, systems.Fleet.binary = str(build / "pitwall"), str(build / "fleet")
    fleet = systems.Fleet(arguments.targets, 1000)
    print(f"{arguments.targets * 1000} series every 10 s, seed {arguments.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="pitwall-soak-") as work:
        system = systems.Pitwall(work, fleet.scrape_config(10))
        system.start()
        writer = Writer(system)
        try:
            peaks, starts = run(system, writer, arguments.minutes, arguments.seed)
        finally:
            writer.close()
            system.remove()
            fleet.close()
    report.write_soak(arguments.targets * 1000, arguments.minutes, starts, peaks)


if __name__ == "__main__":
    main()
