"""StatsD and Graphite, over UDP and TCP."""
import socket
import subprocess
import time
import unittest

from harness import BINARY, EndToEndTest, Pitwall, free_port, wait_for


class Lines(EndToEndTest):
    @classmethod
    def setUpClass(cls):
        cls.ports = {"statsd": free_port(), "graphite": free_port()}
        cls.pitwall = Pitwall("scrape_configs: []\nserver:\n  listeners:\n"
                              + "".join(f"    {name}: 127.0.0.1:{port}\n"
                                        for name, port in cls.ports.items()))
        cls.addClassCleanup(cls.pitwall.close)

    def udp(self, name, *datagrams):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for datagram in datagrams:
                sender.sendto(datagram.encode() if isinstance(datagram, str) else datagram,
                              ("127.0.0.1", self.ports[name]))

    def tcp(self, name, *parts):
        with socket.create_connection(("127.0.0.1", self.ports[name])) as sender:
            for part in parts:
                sender.sendall(part.encode())
                time.sleep(0.05)

    def wait_for(self, expression, expected):
        wait_for(lambda: self.pitwall.value(expression) == expected, 30,
                 what=f"{expression} to be {expected}")

    def test_graphite(self):
        now = int(time.time())
        self.udp("graphite", f"desk.fx-1.orders;venue=XLON 12.5 {now}\nsecond 1 -1")
        self.tcp("graphite", f"third.a 1 {now - 5}\nthi", f"rd.b 2 {now}\nbad\n", "third.c 3")
        self.wait_for('desk_fx_1_orders{venue="XLON"}', 12.5)
        self.wait_for("second", 1)
        self.wait_for("third_a", 1)
        self.wait_for("third_b", 2)
        self.wait_for("third_c", 3)
        self.assertEqual(self.pitwall.value("timestamp(third_a)"), now - 5)

    def test_statsd(self):
        self.udp("statsd", "orders:1|c|#venue:XLON\norders:2|c|@0.5|#venue:XLON",
                 "depth:10|g\ndepth:-3|g\ndepth:+1|g", "took:250:500|ms", "size:3|h|@0.5",
                 "users:a|s\nusers:b|s\nusers:a|s", "bad", "_e{1,1}:a|b")
        self.tcp("statsd", "over.tc", "p:7|c\n")
        self.wait_for('orders{venue="XLON"}', 5)
        self.wait_for("depth", 8)
        self.wait_for("over_tcp", 7)
        self.assertEqual(self.pitwall.value("histogram_count(took)"), 2)
        self.assertEqual(self.pitwall.value("histogram_sum(took)"), 0.75)
        self.assertAlmostEqual(self.pitwall.value("histogram_quantile(1, took)"), 0.5, delta=0.02)
        self.assertEqual(self.pitwall.value("histogram_count(size)"), 2)
        self.assertEqual(self.pitwall.value("max_over_time(users[1m])"), 2)
        # Totals go on over flushes.
        self.udp("statsd", "orders:1|c|#venue:XLON", "orders:1|g|#venue:XLON")
        self.wait_for('orders{venue="XLON"}', 6)
        self.assertIn("pitwall_statsd_series_refused_total 1",
                      self.pitwall.get("/metrics").body.decode())

    def test_hostile(self):
        self.udp("graphite", b"\xff" * 1000, b"\n" * 1000, "a" * 60000 + " 1",
                 "x" + ";t=1" * 5000 + " 1")
        for _ in range(300):
            socket.create_connection(("127.0.0.1", self.ports["graphite"])).close()
        with socket.create_connection(("127.0.0.1", self.ports["graphite"])) as sender:
            sender.settimeout(20)
            try:
                sender.sendall(b"a" * (1 << 20))
                self.assertEqual(sender.recv(1), b"")
            except OSError:
                pass  # closed before all of it was sent
        self.tcp("graphite", "after.all 1\n")
        self.wait_for("after_all", 1)


class Refused(EndToEndTest):
    def start_with(self, listeners):
        folder = self.start(Pitwall("scrape_configs: []\n")).folder
        file = folder / "listeners.yml"
        file.write_text(f"scrape_configs: []\nserver: {{listeners: {listeners}}}\n")
        return subprocess.run([BINARY, "serve", "--data-dir", folder / "other", "--listen",
                               f"127.0.0.1:{free_port()}", "--config", file], timeout=30,
                              capture_output=True, check=False, text=True)

    def test_beyond_loopback(self):
        done = self.start_with("{statsd: '0.0.0.0:8125'}")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("allow_remote: true", done.stderr)

    def test_port_in_use(self):
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            holder.listen()
            done = self.start_with(f"{{graphite: '127.0.0.1:{holder.getsockname()[1]}'}}")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("server.listeners.graphite: cannot listen", done.stderr)


if __name__ == "__main__":
    unittest.main()
