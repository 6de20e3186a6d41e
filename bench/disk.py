"""Disk: the same samples imported into each system and merged; bytes with index."""
import pathlib
import subprocess
import time

from systems import Fleet, Pitwall, Prometheus, VictoriaMetrics, folder_bytes, wait_for

STEP_S = 15


def dump(path, kind, series, from_s, to_s, *flags):
    command = [Fleet.binary, "dump", "--targets", "1", "--series", str(series), "--from",
               str(from_s), "--to", str(to_s), "--step", str(STEP_S), *flags]
    if kind != "all":
        command += ["--kinds", kind]
    with open(path, "wb") as out:
        subprocess.run(command, stdout=out, check=True)


def count_samples(path):
    with open(path, "rb") as lines:
        return sum(not line.startswith(b"#") for line in lines)


def import_pitwall(folder, openmetrics):
    for command in (["import", "openmetrics", "--data-dir", str(folder), str(openmetrics)],
                    ["merge", str(folder)]):
        subprocess.run([Pitwall.binary, *command], check=True, stdout=subprocess.DEVNULL)
    return folder_bytes(folder)


def import_prometheus(folder, openmetrics):
    data = folder / "data"
    data.mkdir(parents=True)
    subprocess.run(["promtool", "tsdb", "create-blocks-from", "openmetrics", str(openmetrics),
                    str(data)], check=True, stdout=subprocess.DEVNULL)


def merge_prometheus(folders):
    """Prometheus merges what it finds a minute after its start; all folders at once."""
    servers = [Prometheus(folder) for folder in folders]

    def blocks():
        return [sorted(path.name for path in (folder / "data").iterdir()
                       if len(path.name) == 26) for folder in folders]
    try:
        for server in servers:
            server.start()
        before, quiet_since, began = blocks(), time.monotonic(), time.monotonic()
        while time.monotonic() - quiet_since < 20 or time.monotonic() - began < 75:
            time.sleep(1)
            if blocks() != before:
                before, quiet_since = blocks(), time.monotonic()
    finally:
        for server in servers:
            server.stop()
    return [sum(folder_bytes(folder / "data" / name) for name in names)
            for folder, names in zip(folders, blocks())]


def import_victoria(folder, text):
    server = VictoriaMetrics(folder)
    server.start()
    with open(text, "rb") as lines:
        status, body = server.request("POST", "/api/v1/import/prometheus", lines)
    if status not in (200, 204):
        raise RuntimeError(f"VictoriaMetrics: import: {status} {body[:500]}")
    for path in ("/internal/force_flush", "/internal/force_merge"):
        server.request("GET", path)
    size, quiet = None, 0

    def is_quiet():
        nonlocal size, quiet
        time.sleep(1)
        now = folder_bytes(folder / "data/data", folder / "data/indexdb")
        quiet, size = (quiet + 1 if now == size else 0), now
        return quiet >= 5
    wait_for(is_quiet, 120, "VictoriaMetrics to merge")
    server.stop()
    # Its caches are not counted.
    return folder_bytes(folder / "data/data", folder / "data/indexdb")


def run(work, kinds, series, hours, record, say):
    # A whole day that is over, so that nobody's partitions cut it.
    to_s = int(time.time()) // 86400 * 86400
    from_s = to_s - hours * 3600
    prometheus, counts = [], []
    for kind in kinds:
        base = pathlib.Path(work) / "disk" / kind
        base.mkdir(parents=True)
        openmetrics, text = base / "openmetrics.txt", base / "prometheus.txt"
        dump(openmetrics, kind, series, from_s, to_s)
        samples = count_samples(openmetrics)
        record("disk", kind, "Pitwall",
               {"bytes a sample": import_pitwall(base / "pitwall", openmetrics) / samples})
        import_prometheus(base / "prometheus", openmetrics)
        openmetrics.unlink()
        dump(text, kind, series, from_s, to_s, "--milliseconds")
        record("disk", kind, "VictoriaMetrics",
               {"bytes a sample": import_victoria(base / "victoria", text) / samples})
        text.unlink()
        prometheus.append(base / "prometheus")
        counts.append(samples)
        say(f"disk {kind}: {samples} samples imported")
    for kind, size, samples in zip(kinds, merge_prometheus(prometheus), counts):
        record("disk", kind, "Prometheus", {"bytes a sample": size / samples})
