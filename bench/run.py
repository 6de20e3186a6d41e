#!/usr/bin/env python3
"""Measures Pitwall beside Prometheus and VictoriaMetrics: the same simulated fleet, in turns.

  run.py BUILD [--quick] [--only PART,...] [--out FILE]

Parts: scrape (with memory and restart), disk, remote_write, queries. In full some 40 minutes,
quick some 11.
"""
import argparse
import os
import pathlib
import shutil
import sys
import tempfile
import time

import disk
import queries
import remote_write
import report
import scrape
import systems

KINDS = ["counters", "gauges", "prices", "histograms", "all"]


def run_parts(parts, quick, work, record, say):
    if "scrape" in parts:
        # targets, series of each, seconds between scrapes, warm-up, window, rounds, flags
        plan = [(100, 1000, 1, 10, 20, 1), (100, 1000, 1, 10, 20, 1, "--gzip"),
                (1000, 1000, 10, 30, 30, 1)] if quick else \
            [(100, 1000, 1, 10, 30, 2), (100, 1000, 1, 10, 30, 2, "--gzip"),
             (1000, 1000, 10, 30, 60, 2)]
        scrape.run(work, plan, record, say)
    if "disk" in parts:
        disk.run(work, KINDS, *((100, 6) if quick else (500, 24)), record, say)
    if "remote_write" in parts:
        remote_write.run(work, 20 if quick else 100, 1000, 20 if quick else 40,
                         1 if quick else 3, record, say)
    if "queries" in parts:
        queries.run(work, 100, 1000, 15, 2 if quick else 5, record, say)
        if not quick:
            queries.run(work, 1000, 1000, 30, 3, record, say)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="scrape,disk,remote_write,queries")
    parser.add_argument("--out", default=str(report.RESULTS))
    arguments = parser.parse_args()
    build = pathlib.Path(arguments.build).resolve()
    systems.Pitwall.binary, systems.Fleet.binary = str(build / "pitwall"), str(build / "fleet")
    for program in ("prometheus", "promtool", "victoria-metrics"):
        if not shutil.which(program):
            sys.exit(f"bench: {program} is not installed: make deps-test")

    figures, loads, began = report.Figures(), [os.getloadavg()[0]], time.monotonic()

    def say(text):
        loads.append(os.getloadavg()[0])
        print(f"{time.monotonic() - began:6.0f} s  {text}", flush=True)

    with tempfile.TemporaryDirectory(prefix="pitwall-bench-") as work:
        run_parts(arguments.only.split(","), arguments.quick, pathlib.Path(work), figures.record,
                  say)
    mode = "quick" if arguments.quick else "full"
    text = report.page(figures, mode, loads)
    pathlib.Path(arguments.out).write_text(text)
    print(text)


if __name__ == "__main__":
    main()
