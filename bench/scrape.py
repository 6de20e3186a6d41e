"""Scraping, memory and restart: each system alone with the fleet, in turns."""
import time

from systems import SYSTEMS, Fleet


def measure_scraping(system, fleet, interval_s, warm_s, window_s):
    """CPU per sample over a window after everything has been scraped a few times."""
    system.start()
    time.sleep(warm_s)
    samples, cpu, began = fleet.served(), system.cpu(), time.monotonic()
    time.sleep(window_s)
    samples, cpu = fleet.served() - samples, system.cpu() - cpu
    elapsed = time.monotonic() - began
    expected = fleet.targets * fleet.series * elapsed / interval_s
    resident, anonymous, peak = system.resident()
    return {"ns": cpu / samples * 1e9, "resident": resident, "anonymous": anonymous,
            "peak": peak, "kept up": samples / expected}


def measure_restart(system):
    """Seconds and CPU seconds from a start after kill -9 to being ready."""
    system.kill()
    wall, cpu = system.start()
    return {"restart": wall, "restart cpu": cpu}


def run(work, plan, record, say):
    """plan: (targets, series of each, interval, warm-up, window, rounds, flags) of each fleet."""
    for targets, series, interval_s, warm_s, window_s, rounds, *flags in plan:
        size = targets * series
        what = f"{size} series every {interval_s} s"
        if flags:
            what += ", gzip"
        fleet = Fleet(targets, series, *flags)
        try:
            for number in range(rounds):
                for kind in SYSTEMS:
                    system = kind(work / "scrape", fleet.scrape_config(interval_s))
                    try:
                        figures = measure_scraping(system, fleet, interval_s, warm_s, window_s)
                        figures.update(measure_restart(system))
                    finally:
                        system.remove()
                    figures["resident a series"] = figures["resident"] / size
                    record("scrape", what, kind.name, figures)
                    say(f"scrape {what}, round {number + 1} {kind.name}: "
                        f"{figures['ns']:.0f} ns a sample, "
                        f"{figures['resident a series']:.0f} B resident a series, "
                        f"ready after kill -9 in {figures['restart']:.2f} s, "
                        f"kept up {figures['kept up']:.2f}")
        finally:
            fleet.close()
