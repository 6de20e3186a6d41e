"""Scraping over TLS: who is trusted, client certificates, inline keys."""
import pathlib
import shutil
import ssl
import subprocess
import tempfile
import unittest

from harness import EndToEndTest, Exporter, Pitwall, wait_for


def secure_exporter(folder, client_ca=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.crt", folder / "server.key")
    if client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_ca)
    return Exporter("secure 1\n", context)


class Tls(EndToEndTest):
    @classmethod
    def setUpClass(cls):
        if not shutil.which("openssl"):
            raise unittest.SkipTest("openssl is not installed")
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="pitwall-e2e-tls-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)

        def openssl(*words):
            subprocess.run(["openssl", *words], cwd=cls.folder, check=True, capture_output=True)
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj", "/CN=test ca")
        for name, subject in (("server", "gateway.internal"), ("client", "pitwall")):
            openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={subject}",
                    "-addext", f"subjectAltName=DNS:{subject}")
            openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key",
                    "-CAcreateserial", "-out", f"{name}.crt", "-days", "2",
                    "-copy_extensions", "copy")

    def scrape(self, exporter, tls_config):
        """What becomes of the target: None when it is up, else its error."""
        pitwall = self.start(Pitwall(
            "global: {scrape_interval: 2s, scrape_timeout: 2s}\n"
            "scrape_configs:\n- job_name: j\n  scheme: https\n"
            f"  static_configs: [{{targets: ['{exporter.address}']}}]\n"
            f"  tls_config: {tls_config}\n"))

        def target():
            found = pitwall.targets()["activeTargets"][0]
            return found if found["health"] != "unknown" else None
        state = wait_for(target, what="a scrape")
        if state["health"] == "up":
            wait_for(lambda: pitwall.value("secure") == 1, what="the sample")
        return state["lastError"] or None

    def test_who_is_trusted(self):
        exporter = self.start(secure_exporter(self.folder))
        ca = self.folder / "ca.crt"
        self.assertRegex(self.scrape(exporter, "{}"), "certificate|issuer")
        self.assertIsNone(self.scrape(exporter, "{insecure_skip_verify: true}"))
        self.assertRegex(self.scrape(exporter, f"{{ca_file: {ca}}}"), "127.0.0.1|name")
        self.assertIsNone(self.scrape(exporter,
                                      f"{{ca_file: {ca}, server_name: gateway.internal}}"))
        self.assertRegex(self.scrape(exporter, f"{{ca_file: {ca}, server_name: other.internal}}"),
                         "other.internal|name")
        inline = ca.read_text().replace("\n", "\\n")
        self.assertIsNone(self.scrape(exporter,
                                      f'{{ca: "{inline}", server_name: gateway.internal}}'))

    def test_client_certificates(self):
        exporter = self.start(secure_exporter(self.folder, client_ca=self.folder / "ca.crt"))
        trust = f"ca_file: {self.folder / 'ca.crt'}, server_name: gateway.internal"
        self.assertIsNotNone(self.scrape(exporter, f"{{{trust}}}"))
        files = f"cert_file: {self.folder / 'client.crt'}, key_file: {self.folder / 'client.key'}"
        self.assertIsNone(self.scrape(exporter, f"{{{trust}, {files}}}"))
        cert = (self.folder / "client.crt").read_text().replace("\n", "\\n")
        key = (self.folder / "client.key").read_text().replace("\n", "\\n")
        self.assertIsNone(self.scrape(exporter, f'{{{trust}, cert: "{cert}", key: "{key}"}}'))


if __name__ == "__main__":
    unittest.main()
