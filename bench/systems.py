"""The systems that are measured: started with a folder of their own, watched through /proc."""
import http.client
import pathlib
import shutil
import signal
import socket
import subprocess
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cpu_seconds(pid):
    """CPU time of a process, all its threads; /proc/PID/stat counts in hundredths of a second."""
    return time.clock_gettime(~pid << 3 | 2)    # as clock_getcpuclockid(3)


def wait_for(condition, seconds, what):
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError(what)
        time.sleep(0.005)


def folder_bytes(*folders):
    return sum(path.stat().st_size for folder in folders
               for path in pathlib.Path(folder).rglob("*") if path.is_file())


def post_once(port, path, body):
    """(status, body) over a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("POST", path, body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except http.client.HTTPException as error:
        raise OSError(str(error)) from error
    finally:
        connection.close()


class System:
    """One system on one data folder; start() may be called again after kill() or stop()."""

    name = None

    def __init__(self, folder, config="", **options):
        self.folder = pathlib.Path(folder)
        self.config, self.options = config, options
        self.process = self.connection = None

    def start(self):
        """Starts it and waits until it is ready; returns (seconds, CPU seconds) of that."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "config.yml").write_text(self.config)
        self.port = free_port()
        began = time.monotonic()
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log)
        self.connection = None
        wait_for(self.is_ready, 300, f"{self.name} to be ready, see {self.folder}/log")
        return time.monotonic() - began, cpu_seconds(self.process.pid)

    def is_ready(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended, see {self.folder}/log")
        try:
            return self.request("GET", "/-/ready")[0] == 200
        except OSError:
            return False

    def request(self, method, path, body=None, headers=None):
        """(status, body), over a connection that is kept."""
        kept = self.connection is not None
        if not kept:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        try:
            self.connection.request(method, path, body, headers or {})
            answer = self.connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.connection.close()
            self.connection = None
            if kept:    # servers close what has been idle for long
                return self.request(method, path, body, headers)
            raise OSError(str(error)) from error

    def query(self, path, parameters):
        status, body = self.request("GET", f"{path}?{urllib.parse.urlencode(parameters)}")
        if status != 200:
            raise RuntimeError(f"{self.name}: {parameters}: {status} {body[:500]}")
        return body

    def cpu(self):
        return cpu_seconds(self.process.pid)

    def resident(self):
        """Bytes of memory: (all that is resident, the part that is not file pages, the peak)."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return tuple(int(status.split(key)[1].split()[0]) * 1024
                     for key in ("VmRSS:", "RssAnon:", "VmHWM:"))

    def end(self, how):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(300)
        if self.connection:
            self.connection.close()
        self.connection = None

    def kill(self):
        self.end(signal.SIGKILL)

    def stop(self):
        self.end(signal.SIGTERM)

    def remove(self):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Pitwall(System):
    name = "Pitwall"
    binary = None   # set by run.py

    def command(self):
        return [self.binary, "serve", "--data-dir", str(self.folder / "data"),
                "--listen", f"127.0.0.1:{self.port}", "--config", str(self.folder / "config.yml")]

    def version(self):
        return subprocess.run([self.binary, "version"], capture_output=True,
                              text=True).stdout.split()[-1]


class Prometheus(System):
    name = "Prometheus"

    def command(self):
        return ["prometheus", f"--config.file={self.folder}/config.yml",
                f"--storage.tsdb.path={self.folder}/data",
                f"--web.listen-address=127.0.0.1:{self.port}", "--storage.tsdb.retention.time=400d",
                "--web.enable-remote-write-receiver", "--query.max-samples=500000000",
                "--log.level=warn"]

    def version(self):
        return subprocess.run(["prometheus", "--version"], capture_output=True,
                              text=True).stdout.split()[2]


class VictoriaMetrics(System):
    name = "VictoriaMetrics"

    def command(self):
        command = ["victoria-metrics", f"-storageDataPath={self.folder}/data",
                   f"-httpListenAddr=127.0.0.1:{self.port}", "-retentionPeriod=13",
                   "-search.latencyOffset=0s", "-search.maxUniqueTimeseries=3000000",
                   "-search.maxSamplesPerQuery=2000000000", "-loggerLevel=WARN"]
        if self.config:
            command.append(f"-promscrape.config={self.folder}/config.yml")
        return command

    def version(self):
        text = subprocess.run(["dpkg-query", "-W", "-f=${Version}", "victoria-metrics"],
                              capture_output=True, text=True).stdout
        return text.split("+")[0]


SYSTEMS = (Pitwall, Prometheus, VictoriaMetrics)


class Fleet:
    """The fleet program, serving."""

    binary = None   # set by run.py

    def __init__(self, targets, series, *flags):
        self.targets, self.series = targets, series
        self.process = subprocess.Popen(
            [self.binary, "serve", "--targets", str(targets), "--series", str(series), *flags],
            stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError("the fleet did not start")

    @staticmethod
    def address(target):
        return f"127.1.{target // 250}.{target % 250 + 1}:9400"

    def served(self):
        """Samples that all targets have given out."""
        host, port = self.address(0).split(":")
        connection = http.client.HTTPConnection(host, int(port))
        connection.request("GET", "/served")
        return int(connection.getresponse().read())

    def cpu(self):
        return cpu_seconds(self.process.pid)

    def scrape_config(self, interval_s):
        jobs = ("gateway", "pricer", "router", "risk", "feed")
        lines = [f"global: {{scrape_interval: {interval_s}s, scrape_timeout: {interval_s}s}}",
                 "scrape_configs:"]
        for number, job in enumerate(jobs):
            addresses = [f"'{self.address(i)}'" for i in range(number, self.targets, len(jobs))]
            lines += [f"- job_name: {job}",
                      f"  static_configs: [{{targets: [{', '.join(addresses)}]}}]"]
        return "\n".join(lines) + "\n"

    def close(self):
        self.process.kill()
        self.process.wait()
