"""Figures of all rounds to medians, ratios and a page."""
import collections
import datetime
import math
import os
import pathlib
import platform
import statistics
import subprocess

from systems import ROOT, SYSTEMS

NAMES = [kind.name for kind in SYSTEMS]


class Figures:
    """medians()[part][case][figure][system]"""

    def __init__(self):
        self.rounds = collections.defaultdict(list)

    def record(self, part, case, system, figures):
        for figure, value in figures.items():
            self.rounds[part, case, figure, system].append(value)

    def medians(self):
        tree = collections.defaultdict(lambda: collections.defaultdict(
            lambda: collections.defaultdict(dict)))
        for (part, case, figure, system), values in self.rounds.items():
            tree[part][case][figure][system] = statistics.median(values)
        return tree


def number(value):
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def ratio(ours, theirs):
    return f"{ours / theirs:.2f}" if theirs else "-"


def row(*cells):
    return "| " + " | ".join(cells) + " |"


def table(title, cases, scale=1):
    """One row a case: the three systems, and Pitwall as a part of each other."""
    lines = [row(title, *NAMES, *(f"of {name}" for name in NAMES[1:])),
             row("---", *["---:"] * (2 * len(NAMES) - 1))]
    for case, values in cases.items():
        ours = values[NAMES[0]]
        lines.append(row(case, *(number(values[name] * scale) if name in values else "-"
                                 for name in NAMES),
                         *(ratio(ours, values.get(name)) for name in NAMES[1:])))
    return lines + [""]


def pick(cases, figure):
    return {case: figures[figure] for case, figures in cases.items() if figure in figures}


def geometric(cases, figure, other):
    """The mean of the ratios over a set of queries."""
    ratios = [figures[figure][NAMES[0]] / figures[figure][other] for figures in cases.values()]
    return math.exp(statistics.fmean(math.log(max(ratio, 1e-6)) for ratio in ratios))


# Work, figure, its bars: Pitwall may be at most so much of the others, or at most so much.
def bars(tree):
    for case, figures in tree["scrape"].items():
        yield f"scrape {case}: CPU a sample", figures["ns"], {"Prometheus": 1 / 4}, None
        if case.startswith("1000000 "):
            yield "memory a series at 1 M", figures["resident a series"], {"Prometheus": 1 / 3}, None
            yield "ready after kill -9 at 1 M, s", figures["restart"], {}, 1
    for case, figures in tree["disk"].items():
        yield f"disk, {case}: bytes a sample", figures["bytes a sample"], {"VictoriaMetrics": 1}, None
    for case, figures in tree["remote write"].items():
        yield (f"remote write, {case}: CPU a sample", figures["ns"],
               {"Prometheus": 1 / 4, "VictoriaMetrics": 1 / 2}, None)
    for part, cases in tree.items():
        if part.startswith("queries"):
            for figure in ("cpu", "latency"):
                yield (f"{part}: {figure}, mean of ratios", {
                    NAMES[0]: 1, **{name: 1 / geometric(cases, figure, name)
                                    for name in NAMES[1:]}},
                       {"Prometheus": 1 / 5, "VictoriaMetrics": 1 / 2}, None)


def verdict(values, shares, most):
    held = [values[NAMES[0]] <= share * values[name] for name, share in shares.items()]
    wanted = [f"{share:.2g} of {name}" for name, share in shares.items()]
    if most is not None:
        held.append(values[NAMES[0]] <= most)
        wanted.append(f"at most {most}")
    return ", ".join(wanted), "yes" if all(held) else "NO"


def summary(tree):
    lines = [row("work", *NAMES, *(f"of {name}" for name in NAMES[1:]), "bar", "held"),
             row("---", *["---:"] * (2 * len(NAMES) - 1), "---", "---")]
    for work, values, shares, most in bars(tree):
        wanted, held = verdict(values, shares, most)
        lines.append(row(work, *(number(values[name]) for name in NAMES),
                         *(ratio(values[NAMES[0]], values[name]) for name in NAMES[1:]),
                         wanted, held))
    return lines + [""]


def machine():
    cpu = next(line.split(":")[1].strip() for line in open("/proc/cpuinfo")
               if line.startswith("model name"))
    memory = int(open("/proc/meminfo").readline().split()[1]) / 1048576
    return f"{cpu}, {os.cpu_count()} cores, {memory:.0f} GiB, Linux {platform.release()}"


def head(mode, loads):
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT,
                            capture_output=True, text=True).stdout.strip()
    versions = ", ".join(f"{kind.name} {kind(pathlib.Path()).version()}" for kind in SYSTEMS)
    return ["# Pitwall beside its peers", "",
            f"Written by `make bench` ({mode}) on {datetime.date.today()}, commit {commit}.", "",
            f"* Machine: {machine()}", f"* Versions: {versions}",
            f"* Load of the machine beside: {min(loads):.1f} to {max(loads):.1f}", "",
            "Medians of rounds in turns. CPU is what counts, as others may work on the same machine.",
            "[docs/architecture.md](../docs/architecture.md#speed) says what is measured how.", ""]


RESULTS = ROOT / "bench/RESULTS.md"
SOAK = "## Soak\n"


def soak_section():
    """What soak.py has written: kept when the rest of the page is new."""
    text = RESULTS.read_text() if RESULTS.exists() else ""
    return text[text.index(SOAK):] if SOAK in text else ""


def write_soak(series, minutes, starts, peaks):
    waits, cpu = sorted(wall for wall, _ in starts), sorted(cpu for _, cpu in starts)
    middle = len(starts) // 2
    text = (f"{SOAK}\n`bench/soak.py`, {datetime.date.today()}: {series:,} series every 10 s for "
            f"{minutes:g} minutes,\nkilled (-9) and started {len(starts)} times at random moments. "
            f"Nothing acknowledged or seen was lost.\nReady in {waits[middle]:.2f} s (median; "
            f"{cpu[middle]:.2f} s of CPU) to {waits[-1]:.2f} s. Resident at most "
            f"{max(peaks)[0] / 1e6:.0f} MB, of which\nat most "
            f"{max(anonymous for _, anonymous in peaks) / 1e6:.0f} MB not pages of files; the rest "
            f"are parts that the checks have read.\n")
    before = RESULTS.read_text().split(SOAK)[0].rstrip("\n") + "\n\n" if RESULTS.exists() else ""
    RESULTS.write_text(before + text)
    print(text)


def page(figures, mode, loads):
    tree = figures.medians()
    lines = head(mode, loads) + ["## The bars", ""] + summary(tree)
    if tree["scrape"]:
        lines += ["## Scraping, each system alone", ""]
        lines += table("CPU, ns a sample", pick(tree["scrape"], "ns"))
        lines += table("resident, bytes a series", pick(tree["scrape"], "resident a series"))
        lines += table("not file pages, MB", pick(tree["scrape"], "anonymous"), 1e-6)
        lines += table("peak, MB", pick(tree["scrape"], "peak"), 1e-6)
        lines += table("scrapes kept up", pick(tree["scrape"], "kept up"))
        lines += ["## Start after kill -9", ""]
        lines += table("seconds until ready", pick(tree["scrape"], "restart"))
        lines += table("CPU seconds until then", pick(tree["scrape"], "restart cpu"))
    if tree["disk"]:
        lines += ["## Disk", ""]
        lines += table("bytes a sample, merged, with index", pick(tree["disk"], "bytes a sample"))
    if tree["remote write"]:
        lines += ["## Remote write", ""]
        lines += table("CPU, ns a sample", pick(tree["remote write"], "ns"))
        lines += table("samples a second over 2 connections (more is better)", pick(tree["remote write"], "per second"))
    for part, cases in tree.items():
        if part.startswith("queries"):
            lines += [f"## {part.capitalize()}", ""]
            lines += table("CPU, ms", pick(cases, "cpu"), 1e3)
            lines += table("latency, ms", pick(cases, "latency"), 1e3)
    return "\n".join(lines) + "\n" + soak_section()
