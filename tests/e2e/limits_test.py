"""Nothing sent or asked takes it down: memory caps, big queries, a full disk, clients that leave."""
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from harness import EndToEndTest, Exporter, Pitwall, wait_for

CAP_BYTES = 512 << 20
# A sanitizer's shadow memory does not fit under a cap.
SANITIZED = bool(os.environ.get("PITWALL_SANITIZED"))


class Memory(EndToEndTest):
    def test_a_query_over_100_million_samples_under_512_mb(self):
        """20,000 series, looked at every millisecond of 8 seconds: 160 million samples."""
        series = 20000
        body = "".join(f'm{{i="{i}"}} {i}\n' for i in range(series))
        exporter = self.start(Exporter(body))
        good = self.start(Exporter("good 1\n"))
        config = ("scrape_configs:\n"
                  "- {job_name: big, scrape_interval: 2s, scrape_timeout: 2s, static_configs: "
                  f"[{{targets: ['{exporter.address}']}}]}}\n"
                  "- {job_name: good, scrape_interval: 500ms, scrape_timeout: 500ms, "
                  f"static_configs: [{{targets: ['{good.address}']}}]}}\n")
        prefix = [] if SANITIZED else ["prlimit", f"--as={CAP_BYTES}"]
        pitwall = self.start(Pitwall(config, prefix=prefix))
        wait_for(lambda: pitwall.value("count(m)") == series, 30, what="the series")
        time.sleep(8)
        for query in ("m[1m:1ms]", "sort(max_over_time(m[1m:1ms])) + on (i) "
                                   "max_over_time((m + 1)[1m:1ms])",
                      "quantile_over_time(0.5, (sum by (i) (m))[1m:1ms])"):
            answer = pitwall.get("/api/v1/query", {"query": query}, timeout=130)
            if answer.status != 200 or query.startswith("m["):
                self.assertEqual(answer.status, 422, f"{query}: {answer.body[:200]}")
                self.assertEqual(answer.json["errorType"], "execution")
        now = time.time()
        answer = pitwall.get("/api/v1/query_range", {"query": "m", "start": now - 10800,
                                                     "end": now, "step": 1}, timeout=130)
        self.assertIn(answer.status, (200, 422))
        self.assertEqual(pitwall.value("count(m)"), series)
        if not SANITIZED:
            self.assertLess(pitwall.resident_bytes(), CAP_BYTES)
        # up of the other target has no gap: one sample an interval, all the time.
        values = pitwall.get("/api/v1/query", {"query": 'up{job="good"}[1m]'}).json
        times = [t for t, _ in values["data"]["result"][0]["values"]]
        gaps = [b - a for a, b in zip(times, times[1:])]
        self.assertLess(max(gaps), 2.0, "up shows a gap")


class Cancel(EndToEndTest):
    def test_a_client_that_leaves_cancels_its_query(self):
        exporter = self.start(Exporter("".join(f'm{{i="{i}"}} {i}\n' for i in range(2000))))
        pitwall = self.start(Pitwall(self.scrape_config(exporter, "1s")))
        wait_for(lambda: pitwall.value("count(m)"), what="the series")
        time.sleep(3)
        request = ("GET /api/v1/query?query=" +
                   "sum(sum_over_time(sum_over_time(m[1m:10ms])[1m:1ms]))" +
                   " HTTP/1.1\r\nHost: x\r\n\r\n")

        def left():
            for line in pitwall.get("/metrics").body.decode().splitlines():
                if line.startswith("pitwall_http_clients_left_total "):
                    return int(line.split()[1])
            return 0
        before = left()
        client = socket.create_connection(("127.0.0.1", pitwall.port))
        client.sendall(request.encode())
        time.sleep(0.3)
        client.close()
        wait_for(lambda: left() > before, what="the query to be canceled")

        def busy():
            stat = pathlib.Path(f"/proc/{pitwall.process.pid}/stat").read_text().split()
            return int(stat[13]) + int(stat[14])

        def idle():
            before = busy()
            time.sleep(0.5)
            return busy() - before < 15
        wait_for(idle, what="the work to stop")


class FullDisk(EndToEndTest):
    def test_refuses_keeps_reading_recovers(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="pitwall-e2e-full-"))
        data = folder / "data"
        data.mkdir()
        if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs",
                                           str(data)], capture_output=True).returncode:
            self.skipTest("a small file system cannot be mounted here")
        self.addCleanup(shutil.rmtree, folder, True)
        self.addCleanup(subprocess.run, ["umount", "-l", str(data)])
        exporter = self.start(Exporter("early 1\n"))
        pitwall = self.start(Pitwall(self.scrape_config(exporter, "1s"), folder=folder))
        wait_for(lambda: pitwall.value("early"), what="a first sample")

        filler = data / "filler"
        with open(filler, "wb") as file:
            try:
                while True:
                    file.write(b"x" * 65536)
            except OSError:
                pass
        try:
            with open(filler, "ab") as file:
                file.write(b"x" * 4096)
        except OSError:
            pass
        # Series with changing names fill what the log has left of its segment.
        def noisy(request):
            body = "".join(f'noise{{i="{i}",pad="{os.urandom(200).hex()}"}} 1\n'
                           for i in range(15000)).encode()
            request.send_response(200)
            request.send_header("Content-Type", "text/plain")
            request.send_header("Content-Length", str(len(body)))
            request.end_headers()
            request.wfile.write(body)
        exporter.answer = noisy

        def refused():
            target = pitwall.targets()["activeTargets"][0]
            return target["health"] == "down" and target["lastError"]
        error = wait_for(refused, 60, what="writes to be refused")
        self.assertRegex(error.lower(), "full|space")
        self.assertEqual(pitwall.value("last_over_time(early[1h])"), 1, "reading goes on")
        self.assertEqual(pitwall.get("/-/healthy").status, 200)

        filler.unlink()
        exporter.answer = "late 1\n"
        wait_for(lambda: pitwall.value("late"), 30, what="writing again without help")
        self.assertEqual(pitwall.value("last_over_time(early[1h])"), 1)


if __name__ == "__main__":
    unittest.main()
