"""Scraping over TLS: who is trusted, client certificates, inline keys."""
import http.server
import pathlib
import shutil
import ssl
import subprocess
import tempfile
import threading
import unittest

from harness import EndToEndTest, Pitwall, wait_for


class TlsExporter:
    def __init__(self, folder, client_ca=None):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = b"secure 1\n"
                self.send_response(200)
                self.send_header("Content-Type", "text/plain")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.crt", folder / "server.key")
        if client_ca:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(client_ca)
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                 do_handshake_on_connect=False)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


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
        exporter = self.start(TlsExporter(self.folder))
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
        exporter = self.start(TlsExporter(self.folder, client_ca=self.folder / "ca.crt"))
        trust = f"ca_file: {self.folder / 'ca.crt'}, server_name: gateway.internal"
        self.assertIsNotNone(self.scrape(exporter, f"{{{trust}}}"))
        files = f"cert_file: {self.folder / 'client.crt'}, key_file: {self.folder / 'client.key'}"
        self.assertIsNone(self.scrape(exporter, f"{{{trust}, {files}}}"))
        cert = (self.folder / "client.crt").read_text().replace("\n", "\\n")
        key = (self.folder / "client.key").read_text().replace("\n", "\\n")
        self.assertIsNone(self.scrape(exporter, f'{{{trust}, cert: "{cert}", key: "{key}"}}'))


if __name__ == "__main__":
    unittest.main()
