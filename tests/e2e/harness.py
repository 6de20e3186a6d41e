"""Starts the real program, exporters and peers for end-to-end tests.

Environment: PITWALL is the binary under test (build/pitwall by default). Everything listens on
loopback, on ports the system hands out, and is ended by the test that started it.
"""
import contextlib
import http.server
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("PITWALL", ROOT / "build/pitwall")).resolve()
# Sanitizer builds start and answer several times slower.
PATIENCE = float(os.environ.get("PITWALL_PATIENCE", "1"))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(condition, seconds=15, what="condition"):
    """Calls condition until it returns something true, and returns that."""
    until = time.monotonic() + seconds * PATIENCE
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > until:
            raise AssertionError(f"timed out waiting for {what}")
        time.sleep(0.02)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)


class Client:
    """HTTP requests to one server; an error status is an answer, not an exception."""

    def __init__(self, port):
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.tls = None      # an ssl.SSLContext when the server speaks TLS
        self.headers = {}    # of every request

    def request(self, method, path, params=None, headers=None, body=None, timeout=60):
        url = self.url + path
        if params:
            encoded = urllib.parse.urlencode(params, doseq=True)
            if method == "POST" and body is None:
                body = encoded.encode()
            else:
                url += "?" + encoded
        request = urllib.request.Request(url, data=body, method=method,
                                         headers={**self.headers, **(headers or {})})
        try:
            with urllib.request.urlopen(request, timeout=timeout, context=self.tls) as response:
                return Answer(response.status, response.headers, response.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.headers, error.read())

    def get(self, path, params=None, **options):
        return self.request("GET", path, params, **options)

    def query(self, expression, at=None):
        """Result of an instant query: {labels as a sorted tuple: value text}."""
        params = {"query": expression}
        if at is not None:
            params["time"] = at
        answer = self.get("/api/v1/query", params).json
        if answer["status"] != "success":
            raise AssertionError(f"{expression}: {answer['error']}")
        return {tuple(sorted(series["metric"].items())): series["value"][1]
                for series in answer["data"]["result"]}

    def value(self, expression, at=None):
        """The one value of an instant query, or None when there is none."""
        result = self.query(expression, at)
        assert len(result) <= 1, f"{expression}: {result}"
        return float(next(iter(result.values()))) if result else None

    def targets(self):
        return self.get("/api/v1/targets").json["data"]


class Pitwall(Client):
    """One run of the program on a data folder; restart() runs it again on the same."""

    def __init__(self, config=None, folder=None, prefix=(), flags=(), tls=None, headers=None):
        super().__init__(free_port())
        if tls:
            self.url, self.tls = f"https://127.0.0.1:{self.port}", tls
        self.headers = headers or {}
        self.flags = list(flags)
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="pitwall-e2e-"))
        self.prefix = list(prefix)
        self.config = None
        self.process = None
        if config is not None:
            self.config = self.folder / "pitwall.yml"
            self.config.write_text(config)
        self.start()

    def start(self):
        command = self.prefix + [str(BINARY), "serve", "--data-dir", str(self.folder / "data"),
                                 "--listen", f"127.0.0.1:{self.port}"]
        if self.config:
            command += ["--config", str(self.config)]
        command += self.flags
        self.log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log)
        wait_for(self.is_ready, what="Pitwall to be ready: " + self.read_log())

    def read_log(self):
        return (self.folder / "log").read_text(errors="replace")[-4000:]

    def is_ready(self):
        if self.process.poll() is not None:
            raise AssertionError("Pitwall ended: " + self.read_log())
        try:
            return self.get("/-/ready", timeout=5).status == 200
        except OSError:
            return False

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.log.close()

    def restart(self):
        self.start()

    def terminate(self):
        """Ends it the polite way; returns (exit code, seconds it took)."""
        started = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=30 * PATIENCE)
        self.log.close()
        return code, time.monotonic() - started

    def resident_bytes(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) * 1024

    def close(self):
        if self.process and self.process.poll() is None:
            code, _ = self.terminate()
            if code:
                raise AssertionError(f"Pitwall ended with {code}: {self.read_log()}")
        shutil.rmtree(self.folder, ignore_errors=True)


class Exporter:
    """A target whose answer is a fixed text, or whatever answer(request) writes; over TLS when it
    is given an ssl.SSLContext."""

    def __init__(self, answer, tls=None):
        exporter = self
        self.answer = answer
        self.requests = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                exporter.requests.append((self.path, dict(self.headers)))
                if callable(exporter.answer):
                    with contextlib.suppress(OSError):
                        exporter.answer(self)
                    return
                body = exporter.answer.encode() if isinstance(exporter.answer, str) \
                    else exporter.answer
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass  # a client that left in the middle is what some tests are about

        self.server = Server(("127.0.0.1", 0), Handler)
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True,
                                                 do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        self.address = f"127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Program:
    """A peer, or anything else that is started and ended."""

    def __init__(self, command, env=None, cwd=None):
        self.output = tempfile.TemporaryFile()
        self.process = subprocess.Popen(command, stdout=self.output, stderr=self.output, env=env,
                                        cwd=cwd)

    def read_output(self):
        self.output.seek(0)
        return self.output.read().decode(errors="replace")[-4000:]

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.output.close()


class EndToEndTest(unittest.TestCase):
    """start() starts a thing that has close(), and closes it at the end of the test."""

    maxDiff = None

    def start(self, thing):
        self.addCleanup(thing.close)
        return thing

    def scrape_config(self, exporter, interval="200ms", extra=""):
        return (f"global: {{scrape_interval: {interval}, scrape_timeout: {interval}}}\n"
                f"scrape_configs:\n- job_name: j\n  static_configs: "
                f"[{{targets: ['{exporter.address}']}}]\n{extra}")
