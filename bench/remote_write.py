"""Remote write: requests built beforehand, posted to each system in turns."""
import subprocess
import time

from systems import SYSTEMS, Fleet


def post(system, targets, first, series, from_s, to_s, step_s, *flags):
    """Builds requests, then sends them; returns (samples, seconds, CPU seconds of the system)."""
    writer = subprocess.Popen(
        [Fleet.binary, "write", "--server", f"127.0.0.1:{system.port}", "--targets", str(targets),
         "--first-target", str(first), "--series", str(series), "--from", str(from_s),
         "--to", str(to_s), "--step", str(step_s), *flags],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if writer.stdout.readline() != "ready\n":
        raise RuntimeError("fleet write did not start")
    cpu = system.cpu()
    output, _ = writer.communicate("\n")
    if writer.returncode:
        raise RuntimeError(f"{system.name}: fleet write failed")
    samples, seconds = output.split()
    return int(samples), float(seconds), system.cpu() - cpu


def run(work, targets, series, scrapes, rounds, record, say):
    for number in range(rounds):
        for kind in SYSTEMS:
            system = kind(work / "remote_write")
            system.start()
            try:
                end = int(time.time()) // 15 * 15
                begin = end - scrapes * 15
                # What is measured is samples of series that are known.
                post(system, targets, 0, series, begin - 15, begin, 15)
                cpu = system.cpu()
                samples, seconds, _ = post(system, targets, 0, series, begin, end, 15)
                time.sleep(3)   # what was put off is part of it
                cpu = system.cpu() - cpu
            finally:
                system.remove()
            record("remote write", f"{targets * series} series", kind.name,
                   {"ns": cpu / samples * 1e9, "per second": samples / seconds})
            say(f"remote write round {number + 1} {kind.name}: {cpu / samples * 1e9:.0f} ns of "
                f"CPU a sample, {samples / seconds:.0f} samples/s")
