"""InfluxDB's line protocol into Pitwall, as its clients send it."""
import gzip
import time
import unittest

from harness import EndToEndTest, Pitwall


class Influx(EndToEndTest):
    @classmethod
    def setUpClass(cls):
        cls.pitwall = Pitwall("scrape_configs: []\n")
        cls.addClassCleanup(cls.pitwall.close)
        cls.now = int(time.time())

    def write(self, lines, path="/write", params=None, headers=None):
        body = lines.encode() if isinstance(lines, str) else lines
        query = "&".join(f"{key}={value}" for key, value in (params or {}).items())
        return self.pitwall.request("POST", path + ("?" + query if query else ""), body=body,
                                    headers=headers or {})

    def good(self, *args, **kwargs):
        answer = self.write(*args, **kwargs)
        self.assertEqual((answer.status, answer.body), (204, b""))

    def test_fields_are_series(self):
        self.good(f"cpu,host=a\\ b,core=1 user=1.5,system=2i,idle=t,note=\"x\" {self.now}000000000\n"
                  f"cpu,host=c user=3 {self.now}000000000", params={"db": "telegraf"})
        self.assertEqual(self.pitwall.query("cpu_user", self.now), {
            (("__name__", "cpu_user"), ("core", "1"), ("db", "telegraf"), ("host", "a b")): "1.5",
            (("__name__", "cpu_user"), ("db", "telegraf"), ("host", "c")): "3"})
        self.assertEqual(self.pitwall.value("cpu_system", self.now), 2)
        self.assertEqual(self.pitwall.value("cpu_idle", self.now), 1)
        self.assertIsNone(self.pitwall.value("cpu_note", self.now))

    def test_precisions(self):
        for name, factor in (("n", 10**9), ("ns", 10**9), ("u", 10**6), ("us", 10**6),
                             ("ms", 1000), ("s", 1)):
            self.good(f"unit_{name} x=1 {self.now * factor}", params={"precision": name})
            self.assertEqual(self.pitwall.value(f"timestamp(unit_{name}_x)", self.now), self.now)
        minute = self.now // 60
        self.good(f"unit_m x=1 {minute}", params={"precision": "m"})
        self.assertEqual(self.pitwall.value("timestamp(unit_m_x)", self.now), minute * 60)
        self.good("unit_none x=1")
        self.assertAlmostEqual(self.pitwall.value("timestamp(unit_none_x)"), time.time(), delta=5)
        self.assertEqual(self.write("a x=1", params={"precision": "d"}).status, 400)

    def test_paths_and_encodings(self):
        for index, path in enumerate(("/write", "/api/v2/write", "/influx/write",
                                      "/influx/api/v2/write")):
            self.good(gzip.compress(f"path_{index},db=own x={index}".encode()), path,
                      {"bucket": "b", "org": "o"}, {"Content-Encoding": "gzip"})
            self.assertEqual(self.pitwall.query(f"path_{index}_x"),
                             {(("__name__", f"path_{index}_x"), ("db", "own")): str(index)})
        self.assertEqual(self.pitwall.get("/ping").status, 204)

    def test_partly_bad(self):
        answer = self.write(f"ok x=1 {self.now}\nbad\nold x=1 1\nfine x=2 {self.now}",
                            params={"precision": "s"})
        self.assertEqual(answer.status, 400)
        self.assertIn("partial write: line 2: missing fields", answer.json["error"])
        self.assertIn("too old sample", answer.json["message"])
        self.assertEqual(self.pitwall.value("ok_x", self.now), 1)
        self.assertEqual(self.pitwall.value("fine_x", self.now), 2)

    def test_hostile(self):
        for body in (b"\x00\xff", b"a,\xff=b x=1", b"a x=" + b"9" * 100000, b"," * 100000,
                     b"a" + b",t=1" * 5000 + b" x=1", b'a x="' + b"\\" * 100001):
            answer = self.write(body)
            self.assertEqual(answer.status, 400, body[:20])
            self.assertEqual(answer.json["code"], "invalid")
        # Each field repeats the tags: together far more than was sent.
        wide = b"a,t=" + b"x" * 60000 + b" " + b",".join(b"f%d=1" % i for i in range(20000))
        self.assertEqual(self.write(wide).status, 413)
        self.assertEqual(self.write(gzip.compress(bytes(65 << 20)),
                                    headers={"Content-Encoding": "gzip"}).status, 413)
        self.good("after x=1")


if __name__ == "__main__":
    unittest.main()
