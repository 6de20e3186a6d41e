"""pitwall verify and repair, on what the server left behind."""
import subprocess
import unittest

from harness import BINARY, EndToEndTest, Exporter, Pitwall, wait_for


def command(*words):
    done = subprocess.run([BINARY, *words], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


class Verify(EndToEndTest):
    def test_damage_is_named_and_mended(self):
        exporter = self.start(Exporter("# TYPE c counter\nc 1\n"))
        pitwall = self.start(Pitwall(self.scrape_config(exporter)))
        wait_for(lambda: pitwall.query("count_over_time(c[1m])"), what="samples")
        data = pitwall.folder / "data"
        code, text = command("verify", str(data))
        self.assertEqual(code, 1, text)
        self.assertIn("is held by another process", text)
        pitwall.terminate()
        code, text = command("verify", str(data))
        self.assertEqual(code, 0, text)
        self.assertIn("no damage", text)
        part = next((data / "parts").glob("*.part"))
        content = bytearray(part.read_bytes())
        content[80] ^= 1
        part.write_bytes(content)
        code, text = command("verify", str(data))
        self.assertEqual(code, 1, text)
        self.assertIn(f"parts/{part.name}, offset 64: damaged block", text)
        code, text = command("repair", str(data))
        self.assertEqual(code, 0, text)
        self.assertIn(f"parts/{part.name}, offset 64: damaged block", text)
        code, text = command("verify", str(data))
        self.assertEqual(code, 0, text)

    def test_merge(self):
        exporter = self.start(Exporter("# TYPE c counter\nc 1\n"))
        pitwall = self.start(Pitwall(self.scrape_config(exporter)))
        for _ in range(2):
            wait_for(lambda: pitwall.query("count_over_time(c[1m])"), what="samples")
            pitwall.terminate()
            self.assertFalse(list((pitwall.folder / "data/wal").iterdir()))
            pitwall.restart()
        pitwall.terminate()
        code, text = command("merge", str(pitwall.folder / "data"))
        self.assertEqual(code, 0, text)
        self.assertRegex(text, r"^[0-9]+ samples in [12] parts of")

    def test_wrong_use(self):
        self.assertEqual(command("verify"), (2, "usage: pitwall verify DIR\n"))
        code, text = command("repair", "/nowhere")
        self.assertEqual((code, text), (1, "pitwall repair: /nowhere is not a store\n"))


if __name__ == "__main__":
    unittest.main()
