"""The web configuration file: passwords, TLS, client certificates, headers; and CORS."""
import base64
import pathlib
import shutil
import ssl
import subprocess
import tempfile
import unittest
import urllib.error
import warnings

from harness import BINARY, Client, EndToEndTest, Pitwall, free_port, wait_for


def bcrypt(password):
    """What libxcrypt, another implementation of the same, makes of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import crypt
    return crypt.crypt(password, crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16))


def basic(name, password):
    token = base64.b64encode(f"{name}:{password}".encode()).decode()
    return {"Authorization": f"Basic {token}"}


class Access(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pitwall-e2e-access-"))
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.file = self.folder / "web.yml"

    def serve(self, text, **options):
        self.file.write_text(text)
        return self.start(Pitwall("scrape_configs: []\ncollectors: {host: false}\n",
                                  flags=["--web.config.file", str(self.file)], **options))

    def test_passwords(self):
        users = f"basic_auth_users:\n  ann: {bcrypt('secret')}\n"
        pitwall = self.serve(users, headers=basic("ann", "secret"))
        for path in ("/", "/-/healthy", "/metrics", "/api/v1/labels"):
            self.assertEqual(pitwall.get(path).status, 200, path)
            for wrong in ("", basic("ann", "secret2"), basic("ann", ""), basic("bob", "secret"),
                          {"Authorization": "Basic !!!"}, {"Authorization": "Bearer x"}):
                answer = pitwall.get(path, headers=wrong or {"Authorization": ""})
                self.assertEqual(answer.status, 401, (path, wrong))
                self.assertEqual(answer.headers["WWW-Authenticate"], "Basic")
                self.assertEqual(answer.body, b"Unauthorized\n")
        # A change counts at once; a broken file leaves what was.
        self.file.write_text(users + f"  bob: {bcrypt('b')}\n")
        self.assertEqual(pitwall.get("/", headers=basic("bob", "b")).status, 200)
        self.file.write_text("basic_auth_users: {ann: plain}\n")
        self.assertEqual(pitwall.get("/", headers=basic("bob", "b")).status, 200)
        self.assertIn("bcrypt", pitwall.read_log())
        self.file.write_text(users)
        self.assertEqual(pitwall.get("/", headers=basic("bob", "b")).status, 401)

    def test_headers(self):
        pitwall = self.serve("http_server_config:\n  headers:\n    X-Frame-Options: deny\n"
                             "    Strict-Transport-Security: max-age=60\n")
        answer = pitwall.get("/api/v1/labels")
        self.assertEqual(answer.headers["X-Frame-Options"], "deny")
        self.assertEqual(answer.headers["Strict-Transport-Security"], "max-age=60")

    def make_certificates(self):
        if not shutil.which("openssl"):
            raise unittest.SkipTest("openssl is not installed")

        def openssl(*words):
            subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True)
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj", "/CN=test ca")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", "stranger.key", "-out", "stranger.crt", "-days", "2", "-subj", "/CN=x")
        for name in ("server", "server2", "client"):
            openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}",
                    "-addext", "subjectAltName=IP:127.0.0.1,DNS:" + name)
            openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key",
                    "-CAcreateserial", "-out", f"{name}.crt", "-days", "2",
                    "-copy_extensions", "copy")

    def context(self, client=None, maximum=None):
        context = ssl.create_default_context(cafile=self.folder / "ca.crt")
        if client:
            context.load_cert_chain(self.folder / f"{client}.crt", self.folder / f"{client}.key")
        if maximum:
            context.maximum_version = maximum
        return context

    def reachable(self, pitwall, context):
        pitwall.tls = context
        try:
            return pitwall.get("/-/healthy", timeout=5).status == 200
        except (urllib.error.URLError, OSError):
            return False

    def test_tls(self):
        self.make_certificates()
        pitwall = self.serve("tls_server_config: {cert_file: server.crt, key_file: server.key, "
                             "min_version: TLS13}\n", tls=self.context())
        self.assertTrue(self.reachable(pitwall, self.context()))
        self.assertFalse(self.reachable(pitwall, self.context(maximum=ssl.TLSVersion.TLSv1_2)))
        # A renewed certificate is taken up without a restart.
        for suffix in ("crt", "key"):
            shutil.copy(self.folder / f"server2.{suffix}", self.folder / f"server.{suffix}")
        self.assertTrue(self.reachable(pitwall, self.context()))

        wanted = ssl.PEM_cert_to_DER_cert((self.folder / "server2.crt").read_text())
        wait_for(lambda: ssl.PEM_cert_to_DER_cert(
            ssl.get_server_certificate(("127.0.0.1", pitwall.port))) == wanted,
            what="the new certificate")

    def test_client_certificates(self):
        self.make_certificates()
        tls = ("tls_server_config: {cert_file: server.crt, key_file: server.key, "
               "client_ca_file: ca.crt, client_auth_type: RequireAndVerifyClientCert%s}\n")
        pitwall = self.serve(tls % "", tls=self.context("client"))
        self.assertTrue(self.reachable(pitwall, self.context("client")))
        self.assertFalse(self.reachable(pitwall, self.context()))
        self.assertFalse(self.reachable(pitwall, self.context("stranger")))
        self.file.write_text(tls % ", client_allowed_sans: [client]")
        self.assertTrue(wait_for(lambda: not self.reachable(pitwall, self.context("server")),
                                 what="the new list"))
        self.assertTrue(self.reachable(pitwall, self.context("client")))

    def fails(self, *flags):
        """What it says when it cannot start."""
        run = subprocess.run([BINARY, "serve", "--data-dir", self.folder / "data", "--listen",
                              f"127.0.0.1:{free_port()}", *flags], capture_output=True, text=True,
                             timeout=60)
        self.assertEqual(run.returncode, 1, run.stdout)
        return run.stderr

    def test_mistakes(self):
        for text, said in (("basic_auth_user: {}", "web.yml:1:1: .*did you mean"),
                           ("basic_auth_users: {a: b}", "web.yml:1:23: .*bcrypt"),
                           ("tls_server_config: {cert_file: none.crt, key_file: k}", "none.crt"),
                           ("tls_server_config: {key: k}", "missing one of cert or cert_file"),
                           ("http_server_config: {headers: {X-Frame-Options: x}}", "deny"),
                           ("http_server_config: {headers: {X-Other: x}}", "X-Other")):
            self.file.write_text(text)
            self.assertRegex(self.fails("--web.config.file", str(self.file)), said)
        self.assertIn("--web.config.file", self.fails("--listen", "0.0.0.0:0"))
        self.assertIn("--query.timeout", self.fails("--query.timeout", "soon"))
        self.assertIn("--web.cors.origin", self.fails("--web.cors.origin", "("))

    def test_beyond_loopback(self):
        self.file.write_text(f"basic_auth_users: {{ann: {bcrypt('secret')}}}\n")
        port = free_port()
        with subprocess.Popen([BINARY, "serve", "--data-dir", self.folder / "data", "--listen",
                               f"0.0.0.0:{port}", "--web.config.file", str(self.file)],
                              stdout=subprocess.DEVNULL) as process:
            client = Client(port)
            client.headers = basic("ann", "secret")

            def ready():
                try:
                    return client.get("/-/ready").status == 200
                except OSError:
                    return False
            wait_for(ready, what="the server")
            process.terminate()

    def test_cors(self):
        pitwall = self.start(Pitwall("scrape_configs: []\n"))
        answer = pitwall.get("/api/v1/labels", headers={"Origin": "https://a.example"})
        self.assertEqual(answer.headers["Access-Control-Allow-Origin"], "*")
        self.assertEqual(answer.headers["Access-Control-Allow-Methods"], "GET, POST, OPTIONS")
        self.assertEqual(answer.headers["Access-Control-Allow-Headers"],
                         "Accept, Authorization, Content-Type, Origin")
        self.assertIsNone(pitwall.get("/api/v1/labels").headers["Access-Control-Allow-Origin"])
        answer = pitwall.request("OPTIONS", "/api/v1/query", headers={"Origin": "https://a.example"})
        self.assertEqual(answer.status, 204)
        pitwall = self.start(Pitwall("scrape_configs: []\n",
                                     flags=["--web.cors.origin", r"https://(a|b)\.example"]))
        for origin, allowed in (("https://a.example", "https://a.example"),
                                ("https://c.example", None), ("https://a.example.org", None)):
            answer = pitwall.get("/api/v1/labels", headers={"Origin": origin})
            self.assertEqual(answer.headers["Access-Control-Allow-Origin"], allowed)


if __name__ == "__main__":
    unittest.main()
