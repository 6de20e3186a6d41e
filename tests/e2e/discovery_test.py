"""Discovery against servers that answer as the real ones do, well and badly."""
import contextlib
import http.server
import json
import os
import pathlib
import socket
import socketserver
import struct
import subprocess
import threading
import time
import unittest
import urllib.parse

from harness import EndToEndTest, Exporter, Pitwall, wait_for


class Api(Exporter):
    """A JSON API: `pages` maps a path without its query to an answer, a status, or a function of
    the request handler that returns one of these."""

    def __init__(self, pages=None, tls=None):
        super().__init__(self.respond, tls)
        self.pages = pages or {}
        self.content_type = "application/json"

    def respond(self, handler):
        page = self.pages.get(handler.path.partition("?")[0], 404)
        if callable(page):
            page = page(handler)
        if page is None:
            return  # it has answered itself
        status, body = (page, b"{}") if isinstance(page, int) else (200, page)
        if not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        handler.send_response(status)
        handler.send_header("Content-Type", self.content_type)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)


class DiscoveryTest(EndToEndTest):
    def discover(self, section, extra="", **options):
        """Pitwall with one job whose *_sd_configs are the section (YAML or JSON text)."""
        return self.start(Pitwall(
            "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
            f"scrape_configs:\n- job_name: j\n  {section}\n{extra}", **options))

    def labels(self, pitwall):
        """Discovered labels of all targets, without those that every target has."""
        common = {"job", "__scheme__", "__metrics_path__", "__scrape_interval__",
                  "__scrape_timeout__", "__scrape_native_histograms__",
                  "__convert_classic_histograms_to_nhcb__", "__always_scrape_classic_histograms__"}
        data = pitwall.targets()
        return sorted(({name: value for name, value in target["discoveredLabels"].items()
                        if name not in common}
                       for target in data["activeTargets"] + data["droppedTargets"]),
                      key=lambda labels: sorted(labels.items()))

    def addresses(self, pitwall):
        return sorted(labels["__address__"] for labels in self.labels(pitwall))

    def wait_for_addresses(self, pitwall, want):
        try:
            wait_for(lambda: self.addresses(pitwall) == sorted(want), what=f"targets {want}")
        except AssertionError:
            self.assertEqual(self.addresses(pitwall), sorted(want), pitwall.read_log())

    def failures(self, pitwall, kind):
        text = pitwall.get("/metrics").body.decode()
        return int(text.split(f'pitwall_discovery_failures_total{{kind="{kind}"}} ')[1].split()[0])


class FileTest(DiscoveryTest):
    def test_a_broken_file_keeps_its_targets(self):
        folder = pathlib.Path(self.start(Pitwall()).folder)
        path = folder / "t.yml"
        path.write_text("- targets: ['a:1', 'b:2']\n  labels: {'zone.name': x, n: 7}\n")
        pitwall = self.discover(f"file_sd_configs: [{{files: ['{folder}/*.yml', "
                                f"'{folder}/*.json'], refresh_interval: 1h}}]")
        self.wait_for_addresses(pitwall, ["a:1", "b:2"])
        self.assertEqual(self.labels(pitwall)[0],
                         {"__address__": "a:1", "__meta_filepath": str(path), "zone.name": "x",
                          "n": "7"})
        before = self.failures(pitwall, "file")
        for text in ("- targets: [a:1\n", "- {targets: [a:1], label: {}}\n", "x: y\n", "- \n"):
            path.write_text(text)
            wait_for(lambda: self.failures(pitwall, "file") > before, what=text)
            before = self.failures(pitwall, "file")
        self.assertEqual(self.addresses(pitwall), ["a:1", "b:2"])
        other = folder / "u.json"
        other.write_text('[{"targets": ["c:3"], "labels": {"n": 7}}]')
        wait_for(lambda: self.failures(pitwall, "file") > before, what="a number in JSON")
        other.write_text('[{"targets": ["c:3"]}]')
        path.write_text("[]\n")
        self.wait_for_addresses(pitwall, ["c:3"])

    def test_a_reload_leaves_no_gap(self):
        exporter = self.start(Exporter("up_to_date 1\n"))
        folder = pathlib.Path(self.start(Pitwall()).folder)
        (folder / "t.json").write_text(json.dumps([{"targets": [exporter.address]}]))
        section = f"file_sd_configs: [{{files: ['{folder}/t.json']}}]"
        pitwall = self.discover(section, flags=["--web.enable-lifecycle"])
        wait_for(lambda: pitwall.value("up_to_date") == 1)
        text = pitwall.config.read_text()
        pitwall.config.write_text(text + "  sample_limit: 100\n")
        self.assertEqual(pitwall.request("POST", "/-/reload").status, 200)
        self.assertEqual(self.addresses(pitwall), [exporter.address])
        self.assertEqual(pitwall.value("up_to_date"), 1)


class HttpTest(DiscoveryTest):
    def setUp(self):
        self.api = self.start(Api({"/targets": [
            {"targets": ["10.0.0.1:9100", "10.0.0.2:9100"], "labels": {"dc": "ldn"}},
            {"targets": ["10.0.0.3:9100"]}]}))
        self.url = f"http://{self.api.address}/targets"
        self.section = f"http_sd_configs: [{{url: '{self.url}', refresh_interval: 200ms}}]"

    def test_groups_and_headers(self):
        pitwall = self.discover(self.section)
        self.wait_for_addresses(pitwall, ["10.0.0.1:9100", "10.0.0.2:9100", "10.0.0.3:9100"])
        self.assertEqual(self.labels(pitwall), [
            {"__address__": "10.0.0.1:9100", "dc": "ldn", "__meta_url": self.url},
            {"__address__": "10.0.0.2:9100", "dc": "ldn", "__meta_url": self.url},
            {"__address__": "10.0.0.3:9100", "__meta_url": self.url}])
        headers = self.api.requests[0][1]
        self.assertEqual(headers["X-Prometheus-Refresh-Interval-Seconds"], "0.2")
        self.assertEqual(headers["Accept"], "application/json")
        self.api.pages["/targets"] = [{"targets": ["10.0.0.3:9100"]}]
        self.wait_for_addresses(pitwall, ["10.0.0.3:9100"])
        self.api.pages["/targets"] = []
        self.wait_for_addresses(pitwall, [])

    def test_bad_answers_keep_the_targets(self):
        pitwall = self.discover(self.section)
        want = ["10.0.0.1:9100", "10.0.0.2:9100", "10.0.0.3:9100"]
        self.wait_for_addresses(pitwall, want)
        before = self.failures(pitwall, "http")
        for page, content_type, said in (
                (500, "application/json", "server returned HTTP status 500"),
                (404, "application/json", "server returned HTTP status 404"),
                ([], "text/html", 'unsupported content type \\"text/html\\"'),
                ([], "application/json; charset=latin1", "unsupported content type"),
                ("", "application/json", "/targets"),
                ("[{]", "application/json", "/targets"),
                ("[" + "0," * 7000000 + "0]", "application/json", "bytes of memory"),
                ("[" + " " * (40 << 20) + "]", "application/json", "body size limit"),
                ({"targets": []}, "application/json", "expected a list of target groups"),
                ([None], "application/json", "nil target group item found"),
                ([{"targets": ["a:1"], "tags": {}}], "application/json",
                 'unknown field \\"tags\\"'),
                ([{"targets": [1]}], "application/json", "targets must be a list of strings"),
                ([{"targets": ["a:1"], "labels": {"n": 1}}], "application/json",
                 "label n must be a string")):
            self.api.pages["/targets"], self.api.content_type = page, content_type
            wait_for(lambda: self.failures(pitwall, "http") > before + 1, what=said)
            before = self.failures(pitwall, "http")
            self.assertIn(said, pitwall.read_log())
        self.assertEqual(self.addresses(pitwall), want)
        self.assertLess(pitwall.resident_bytes(), 1 << 30)
        self.api.content_type = 'application/JSON; charset="UTF-8"'
        self.api.pages["/targets"] = [{"targets": ["b:2"]}]
        self.wait_for_addresses(pitwall, ["b:2"])

    def test_equal_sections_share_one(self):
        item = f"{{url: '{self.url}', refresh_interval: 200ms}}"
        pitwall = self.start(Pitwall(
            f"scrape_configs:\n- {{job_name: a, http_sd_configs: [{item}]}}\n"
            f"- {{job_name: b, http_sd_configs: [{item}]}}\n"
            f"- {{job_name: c, http_sd_configs: [{item}, {item}]}}\n"))
        wait_for(lambda: len(pitwall.targets()["activeTargets"]) == 9)
        metrics = pitwall.get("/metrics").body.decode()
        self.assertIn("\npitwall_discoveries 1\n", metrics)

    def test_a_slow_api_delays_nobody(self):
        release = threading.Event()
        self.addCleanup(release.set)
        self.api.pages["/targets"] = lambda handler: release.wait() and None
        exporter = self.start(Exporter("steady 1\n"))
        pitwall = self.discover(
            f"http_sd_configs: [{{url: '{self.url}', refresh_interval: 60s}}]",
            f"- job_name: k\n  static_configs: [{{targets: ['{exporter.address}']}}]\n",
            flags=["--web.enable-lifecycle"])
        wait_for(lambda: pitwall.value("steady") == 1)
        wait_for(lambda: self.api.requests)
        pitwall.config.write_text(pitwall.config.read_text().replace("60s", "61s"))
        self.assertEqual(pitwall.request("POST", "/-/reload", timeout=5).status, 200)
        code, seconds = pitwall.terminate()
        self.assertEqual(code, 0)
        self.assertLess(seconds, 3)


class NameServer:
    """A DNS server: `records` maps (name, type) to a list of record data, or a code, or None for
    silence; other types of a known name have no records, other names do not exist. Answers above
    `udp_max` bytes are truncated over UDP."""

    TYPES = {"A": 1, "NS": 2, "CNAME": 5, "MX": 15, "AAAA": 28, "SRV": 33}

    def __init__(self, address, records):
        self.records, self.questions, self.udp_max = records, [], 4096
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.tcp = socket.socket()
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.udp.bind((address, 53))
        self.tcp.bind((address, 53))
        self.tcp.listen()
        self.threads = [threading.Thread(target=serve, daemon=True)
                        for serve in (self.serve_udp, self.serve_tcp)]
        for thread in self.threads:
            thread.start()

    def close(self):
        for server, thread in zip((self.udp, self.tcp), self.threads):
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            thread.join()
            server.close()

    def serve_udp(self):
        with contextlib.suppress(OSError):
            while True:
                question, client = self.udp.recvfrom(4096)
                if not question:
                    return  # closed
                answer = self.answer(question, "udp")
                if answer and len(answer) > self.udp_max:
                    answer = answer[:2] + struct.pack(">H", 0x8380) + answer[4:12]
                if answer:
                    # First a forged one, with another id.
                    self.udp.sendto(bytes([answer[0] ^ 1]) + answer[1:], client)
                    self.udp.sendto(answer, client)

    def serve_tcp(self):
        with contextlib.suppress(OSError):
            while True:
                connection = self.tcp.accept()[0]
                with connection:
                    length, = struct.unpack(">H", connection.recv(2, socket.MSG_WAITALL))
                    answer = self.answer(connection.recv(length, socket.MSG_WAITALL), "tcp")
                    if answer:
                        connection.sendall(struct.pack(">H", len(answer)) + answer)

    def answer(self, question, transport):
        end, labels = 12, []
        while question[end]:
            labels.append(question[end + 1:end + 1 + question[end]].decode())
            end += 1 + question[end]
        name, number = ".".join(labels) + ".", struct.unpack(">H", question[end + 1:end + 3])[0]
        kind = next(kind for kind, value in self.TYPES.items() if value == number)
        self.questions.append((name, kind, transport))
        known = any(known == name for known, _ in self.records)
        found = self.records.get((name, kind), [] if known else 3)
        if found is None:
            return None
        code, records = (found, []) if isinstance(found, int) else (0, found)
        return (question[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(records), 0, 0) +
                question[12:end + 5] + b"".join(
                    b"\xc0\x0c" + struct.pack(">HHIH", self.TYPES[kind], 1, 60, len(data)) + data
                    for kind, data in records))

    @staticmethod
    def name(text):
        return b"".join(bytes([len(label)]) + label.encode()
                        for label in text.split(".") if label) + b"\0"


def may_unshare():
    return os.geteuid() == 0 and subprocess.run(
        ["unshare", "-m", "true"], capture_output=True, check=False).returncode == 0


@unittest.skipUnless(may_unshare(), "port 53 and /etc/resolv.conf need root")
class DnsTest(DiscoveryTest):
    def with_names(self, section, records, conf="nameserver 127.0.0.211\n", **options):
        self.server = self.start(NameServer("127.0.0.211", records))
        folder = self.start(Pitwall()).folder
        (folder / "resolv.conf").write_text(conf)
        mount = f'mount --bind {folder}/resolv.conf /etc/resolv.conf && exec "$@"'
        return self.discover(section, prefix=["unshare", "-m", "sh", "-c", mount, "sh"], **options)

    def resolve(self, section, records, **options):
        return self.with_names(f"dns_sd_configs: [{section}]", records, **options)

    def test_srv(self):
        name = NameServer.name
        pitwall = self.resolve("{names: [_api._tcp.ex.com]}", {
            ("_api._tcp.ex.com.", "SRV"): [
                ("SRV", struct.pack(">HHH", 0, 5, 9100) + name("a.ex.com.")),
                ("SRV", struct.pack(">HHH", 0, 5, 9200) + name("b.ex.com."))]})
        self.wait_for_addresses(pitwall, ["a.ex.com:9100", "b.ex.com:9200"])
        self.assertEqual(self.labels(pitwall)[0], {
            "__address__": "a.ex.com:9100", "__meta_dns_name": "_api._tcp.ex.com",
            "__meta_dns_srv_record_target": "a.ex.com.", "__meta_dns_srv_record_port": "9100"})

    def test_the_other_types(self):
        name = NameServer.name
        for kind, data, address, labels in (
                ("A", socket.inet_aton("10.0.0.7"), "10.0.0.7:80", {}),
                ("AAAA", socket.inet_pton(socket.AF_INET6, "2001:db8::7"), "[2001:db8::7]:80", {}),
                ("MX", b"\0\x0a" + name("mx.ex.com"), "mx.ex.com:80",
                 {"__meta_dns_mx_record_target": "mx.ex.com."}),
                ("NS", name("ns.ex.com"), "ns.ex.com:80",
                 {"__meta_dns_ns_record_target": "ns.ex.com."})):
            with self.subTest(kind):
                pitwall = self.resolve(
                    f"{{names: [ex.com], type: {kind.lower()}, port: 80}}",
                    {("ex.com.", kind): [("CNAME", name("other.com")), (kind, data)]})
                self.wait_for_addresses(pitwall, [address])
                self.assertEqual(self.labels(pitwall), [
                    {"__address__": address, "__meta_dns_name": "ex.com", **labels}])
                pitwall.close()
                self.server.close()

    def test_search_domains_and_a_dead_server(self):
        pitwall = self.resolve(
            "{names: [web, a.b], type: A, port: 80}",
            {("web.second.ex.", "A"): [("A", bytes([10, 0, 0, 1]))],
             ("a.b.first.ex.", "A"): [("A", bytes([10, 0, 0, 2]))]},
            conf="search first.ex second.ex\nnameserver 127.0.0.212\nnameserver 127.0.0.211\n")
        self.wait_for_addresses(pitwall, ["10.0.0.1:80", "10.0.0.2:80"])
        self.assertEqual([name for name, _, _ in self.server.questions if "web" in name],
                         ["web.first.ex.", "web.second.ex."])
        self.assertEqual([name for name, _, _ in self.server.questions if "a.b" in name],
                         ["a.b.", "a.b.first.ex."])

    def test_a_large_answer_comes_over_tcp(self):
        records = [("A", bytes([10, 1, i // 250, i % 250])) for i in range(1000)]
        pitwall = self.resolve("{names: [many.ex], type: A, port: 80}",
                               {("many.ex.", "A"): records})
        wait_for(lambda: len(self.addresses(pitwall)) == 1000)
        self.assertEqual(self.server.questions[:2],
                         [("many.ex.", "A", "udp"), ("many.ex.", "A", "tcp")])

    def test_a_name_that_nobody_can_tell_of_keeps_its_targets(self):
        records = {("a.ex.", "A"): [("A", bytes([10, 0, 0, 1]))],
                   ("b.ex.", "A"): [("A", bytes([10, 0, 0, 2]))]}
        pitwall = self.resolve("{names: [a.ex, b.ex], type: A, port: 80, refresh_interval: 200ms}",
                               records)
        self.wait_for_addresses(pitwall, ["10.0.0.1:80", "10.0.0.2:80"])
        before = self.failures(pitwall, "dns")
        records["a.ex.", "A"] = 2  # the server fails
        records["b.ex.", "A"] = [("A", bytes([10, 0, 0, 3]))]
        self.wait_for_addresses(pitwall, ["10.0.0.1:80", "10.0.0.3:80"])
        records["b.ex.", "A"] = [("A", b"short")]
        wait_for(lambda: self.failures(pitwall, "dns") > before + 4)
        self.assertEqual(self.addresses(pitwall), ["10.0.0.1:80", "10.0.0.3:80"])
        records["b.ex.", "A"] = 3  # the name is gone
        self.wait_for_addresses(pitwall, ["10.0.0.1:80"])
        records["a.ex.", "A"] = []
        self.wait_for_addresses(pitwall, [])

    def test_a_silent_name_server_delays_nobody(self):
        names = {("a.ex.", "A"): None, ("a.ex.", "AAAA"): None}
        pitwall = self.with_names("dns_sd_configs: [{names: [a.ex], type: A, port: 80}]\n"
                                  "  http_sd_configs: [{url: 'http://a.ex/x'}]", names,
                                  flags=["--web.enable-lifecycle"])
        wait_for(lambda: len(self.server.questions) >= 3)
        pitwall.config.write_text(pitwall.config.read_text().replace("ex/x", "ex/y")
                                  .replace("port: 80", "port: 81"))
        started = time.monotonic()
        self.assertEqual(pitwall.request("POST", "/-/reload").status, 200)
        self.assertLess(time.monotonic() - started, 1.5)
        code, seconds = pitwall.terminate()
        self.assertEqual(code, 0)
        self.assertLess(seconds, 1.5)


class Consul:
    """Consul's HTTP API with blocking queries, as far as discovery asks of it."""

    def __init__(self, start):
        self.changed = threading.Condition()
        self.index = 10
        self.services = {}   # name -> instances, as /v1/health/service gives them
        self.broken = None   # an answer to everything
        self.api = start(Api({"/v1/agent/self": {"Config": {"Datacenter": "ldn", "NodeName": "n"}}}))
        self.api.answer = self.respond

    @staticmethod
    def instance(name, node, port, **service):
        return {"Node": {"ID": "6f3c", "Node": node, "Address": f"10.0.0.{port % 256}",
                         "Datacenter": "ldn", "TaggedAddresses": {"lan": "10.9.0.1"},
                         "Meta": {"rack-id": "r1"}, "CreateIndex": 5, "ModifyIndex": 6},
                "Service": {"ID": f"{name}-{node}", "Service": name, "Tags": [], "Address": "",
                            "Meta": None, "Port": port, "Weights": {"Passing": 1, "Warning": 1},
                            **service},
                "Checks": [{"Node": node, "CheckID": "serfHealth", "Status": "passing",
                            "ServiceTags": []}]}

    def set(self, services=None, **changes):
        with self.changed:
            self.services = services if services is not None else {**self.services, **changes}
            self.index += 1
            self.changed.notify_all()

    def respond(self, handler):
        path, _, query = handler.path.partition("?")
        params = urllib.parse.parse_qs(query, keep_blank_values=True)
        if path == "/v1/agent/self" and not self.broken:
            return Api.respond(self.api, handler)
        with self.changed:
            until = time.monotonic() + 5
            while not self.broken and int(params.get("index", ["0"])[0]) >= self.index and \
                    time.monotonic() < until:
                self.changed.wait(0.1)
            body, status = self.answer(path, params), 200
            if self.broken:
                status, body = self.broken
            index = self.index
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("X-Consul-Index", str(index))
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        return handler.wfile.write(body)

    def answer(self, path, params):
        if path == "/v1/catalog/services":
            return {name: sorted({tag for instance in instances
                                  for tag in instance["Service"]["Tags"]})
                    for name, instances in self.services.items()}
        wanted = set(params.get("tag", []))
        name = urllib.parse.unquote(path.removeprefix("/v1/health/service/"))
        return [instance for instance in self.services.get(name, [])
                if wanted <= set(instance["Service"]["Tags"])]

    def queries(self, path):
        return [urllib.parse.parse_qs(asked.partition("?")[2], keep_blank_values=True)
                for asked, _ in self.api.requests if asked.partition("?")[0] == path]


class ConsulTest(DiscoveryTest):
    def setUp(self):
        self.consul = Consul(self.start)
        self.server = f"server: '{self.consul.api.address}'"

    def test_labels(self):
        web = Consul.instance("web", "node-a", 8080, Tags=["blue", "v1"], Address="10.1.1.1",
                              Meta={"metrics.path": "/m"}, Namespace="default",
                              Partition="p1")
        web["Checks"] += [{"CheckID": "service:web", "Status": "critical"}]
        self.consul.set({"web": [web]})
        pitwall = self.discover(f"consul_sd_configs: [{{{self.server}}}]")
        self.wait_for_addresses(pitwall, ["10.1.1.1:8080"])
        self.assertEqual(self.labels(pitwall), [{
            "__address__": "10.1.1.1:8080",
            "__meta_consul_address": "10.0.0.144",
            "__meta_consul_dc": "ldn",
            "__meta_consul_health": "critical",
            "__meta_consul_metadata_rack_id": "r1",
            "__meta_consul_namespace": "default",
            "__meta_consul_node": "node-a",
            "__meta_consul_partition": "p1",
            "__meta_consul_service": "web",
            "__meta_consul_service_address": "10.1.1.1",
            "__meta_consul_service_id": "web-node-a",
            "__meta_consul_service_metadata_metrics_path": "/m",
            "__meta_consul_service_port": "8080",
            "__meta_consul_tagged_address_lan": "10.9.0.1",
            "__meta_consul_tags": ",blue,v1,"}])

    def test_health_is_that_of_the_worst_check(self):
        def with_checks(node, port, *checks):
            instance = Consul.instance("web", node, port)
            instance["Checks"] = [{"CheckID": check, "Status": status} for check, status in checks]
            return instance
        self.consul.set({"web": [
            with_checks("a", 1),
            with_checks("b", 2, ("x", "passing"), ("y", "warning")),
            with_checks("c", 3, ("x", "warning"), ("y", "critical")),
            with_checks("d", 4, ("x", "critical"), ("_service_maintenance:web", "critical")),
            with_checks("e", 5, ("_node_maintenance", "critical")),
            with_checks("f", 6, ("x", "odd"))]})
        pitwall = self.discover(f"consul_sd_configs: [{{{self.server}, services: [web]}}]")
        wait_for(lambda: len(self.labels(pitwall)) == 6)
        self.assertEqual([labels.get("__meta_consul_health") for labels in self.labels(pitwall)],
                         ["passing", "warning", "critical", "maintenance", "maintenance", None])

    def test_changes_come_at_once(self):
        self.consul.set({"web": [Consul.instance("web", "a", 1)]})
        pitwall = self.discover(
            f"consul_sd_configs: [{{{self.server}, refresh_interval: 100ms}}]")
        self.wait_for_addresses(pitwall, ["10.0.0.1:1"])
        self.consul.set(web=[Consul.instance("web", "a", 1), Consul.instance("web", "b", 2)],
                        api=[Consul.instance("api", "a", 3)])
        self.wait_for_addresses(pitwall, ["10.0.0.1:1", "10.0.0.2:2", "10.0.0.3:3"])
        self.consul.set({"api": [Consul.instance("api", "a", 3)]})
        self.wait_for_addresses(pitwall, ["10.0.0.3:3"])
        queries = self.consul.queries("/v1/health/service/api")
        self.assertEqual(queries[0], {"stale": [""], "wait": ["120000ms"]})
        self.assertEqual(int(queries[-1]["index"][0]), self.consul.index)
        # The wait is Consul's: no answer, no further request.
        count = len(self.consul.api.requests)
        time.sleep(1)
        self.assertLess(len(self.consul.api.requests), count + 3)
        self.consul.set({})
        self.wait_for_addresses(pitwall, [])

    def test_what_is_asked_for(self):
        self.consul.set({"a b": [Consul.instance("web", "a", 1, Tags=["x", "y"]),
                                 Consul.instance("web", "b", 2, Tags=["x"])],
                         "other": [Consul.instance("other", "a", 3, Tags=["y"])]})
        pitwall = self.discover(
            f"consul_sd_configs: [{{{self.server}, token: tok, datacenter: nyc, namespace: ns1, "
            "partition: p1, services: ['a b', other], tags: [x, y], node_meta: {rack: r1}, "
            "allow_stale: false, tag_separator: '|', filter: 'Name == a', "
            "health_filter: 'Service.Port > 0'}]")
        self.wait_for_addresses(pitwall, ["10.0.0.1:1"])
        self.assertEqual(self.labels(pitwall)[0]["__meta_consul_tags"], "|x|y|")
        self.assertEqual(self.labels(pitwall)[0]["__meta_consul_dc"], "nyc")
        common = {"dc": ["nyc"], "ns": ["ns1"], "partition": ["p1"], "wait": ["120000ms"],
                  "node-meta": ["rack:r1"]}
        self.assertEqual(self.consul.queries("/v1/catalog/services")[0],
                         {**common, "filter": ["Name == a"]})
        self.assertEqual(self.consul.queries("/v1/health/service/a%20b")[0],
                         {**common, "tag": ["x", "y"], "filter": ["Service.Port > 0"]})
        self.assertFalse(self.consul.queries("/v1/agent/self"))
        self.assertTrue(all(headers["X-Consul-Token"] == "tok"
                            for _, headers in self.consul.api.requests))

    def test_bad_answers_keep_the_targets(self):
        self.consul.broken = (500, b"No cluster leader")
        pitwall = self.discover(
            f"consul_sd_configs: [{{{self.server}, refresh_interval: 100ms}}]")
        wait_for(lambda: self.failures(pitwall, "consul") > 2)
        self.consul.broken = None
        self.consul.set({"web": [Consul.instance("web", "a", 1)]})
        self.wait_for_addresses(pitwall, ["10.0.0.1:1"])
        for broken in ((500, b"No cluster leader"), (403, b"Permission denied"), (200, b"{"),
                       (200, b"7"), (200, b"null")):
            before = self.failures(pitwall, "consul")
            self.consul.broken = broken
            self.consul.set()
            wait_for(lambda: self.failures(pitwall, "consul") > before + 2)
            self.assertEqual(self.addresses(pitwall), ["10.0.0.1:1"])
        self.consul.broken = None
        self.consul.set({"web": [Consul.instance("web", "a", 2)]})
        self.wait_for_addresses(pitwall, ["10.0.0.2:2"])


class UnixApi(Api):
    """The same on a unix socket."""

    def __init__(self, path, pages):
        super().__init__(pages)
        super().close()
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                api.requests.append((self.path, dict(self.headers)))
                api.respond(self)

            def log_message(self, *args):
                pass

        class Server(socketserver.ThreadingUnixStreamServer):
            daemon_threads = True

        self.server = Server(str(path), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class DockerTest(DiscoveryTest):
    """Answers as Docker 24 gives them, cut to what matters."""

    @staticmethod
    def container(ident, name, mode="trading", networks=None, ports=(), labels=None):
        return {"Id": ident, "Names": [f"/{name}", f"/alias/{name}"], "Image": "img",
                "State": "running", "Labels": labels or {}, "Ports": list(ports),
                "HostConfig": {"NetworkMode": mode},
                "NetworkSettings": {"Networks": networks or {}}}

    @staticmethod
    def network(ident, address):
        return {"NetworkID": ident, "IPAddress": address, "Gateway": "172.18.0.1", "Aliases": None}

    def setUp(self):
        network, container = self.network, self.container
        self.pages = {
            "/networks": [
                {"Name": "trading", "Id": "n1", "Scope": "local", "Internal": True,
                 "Ingress": False, "Labels": {"com.team": "fx"}},
                {"Name": "admin", "Id": "n2", "Scope": "swarm", "Internal": False,
                 "Ingress": True, "Labels": None},
                {"Name": "host", "Id": "n3", "Scope": "local", "Internal": False,
                 "Ingress": False, "Labels": {}}],
            "/containers/json": [
                container("c1", "web", networks={"trading": network("n1", "172.18.0.2"),
                                                 "admin": network("n2", "172.19.0.2")},
                          ports=[{"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080,
                                  "Type": "tcp"},
                                 {"PrivatePort": 9100, "Type": "tcp"},
                                 {"PrivatePort": 53, "Type": "udp"}],
                          labels={"com.docker.compose/service": "web"}),
                container("c2", "quiet", networks={"trading": network("n1", "172.18.0.3")}),
                container("c3", "node", mode="host", networks={"host": network("n3", "")}),
                container("c4", "sidecar", mode="container:c2", ports=[
                    {"PrivatePort": 9300, "Type": "tcp"}]),
                container("c5", "orphan", mode="container:gone"),
                container("c6", "ouroboros", mode="container:c6"),
                container("c7", "nets_null", networks={"trading": None}),
                {"Id": "c8", "Names": [], "NetworkSettings": None}]}

    def test_labels_over_the_socket(self):
        folder = self.start(Pitwall()).folder
        api = self.start(UnixApi(folder / "docker.sock", self.pages))
        pitwall = self.discover(
            f"docker_sd_configs: [{{host: 'unix://{folder}/docker.sock', filters: ["
            "{name: status, values: [running, paused]}, {name: label, values: [a=b]}]}]")
        admin = {"__meta_docker_network_id": "n2", "__meta_docker_network_name": "admin",
                 "__meta_docker_network_scope": "swarm", "__meta_docker_network_internal": "false",
                 "__meta_docker_network_ingress": "true",
                 "__meta_docker_network_ip": "172.19.0.2"}
        trading = {"__meta_docker_network_id": "n1", "__meta_docker_network_name": "trading",
                   "__meta_docker_network_scope": "local", "__meta_docker_network_internal": "true",
                   "__meta_docker_network_ingress": "false",
                   "__meta_docker_network_label_com_team": "fx"}
        host = {"__meta_docker_network_id": "n3", "__meta_docker_network_name": "host",
                "__meta_docker_network_scope": "local", "__meta_docker_network_internal": "false",
                "__meta_docker_network_ingress": "false"}

        def container(ident, name, mode="trading"):
            return {"__meta_docker_container_id": ident, "__meta_docker_container_name": f"/{name}",
                    "__meta_docker_container_network_mode": mode}
        web = {**container("c1", "web"), **admin,
               "__meta_docker_container_label_com_docker_compose_service": "web"}
        wait_for(lambda: len(self.labels(pitwall)) == 5)
        self.assertEqual(self.labels(pitwall), [
            {"__address__": "172.18.0.3:80", **container("c2", "quiet"), **trading,
             "__meta_docker_network_ip": "172.18.0.3"},
            {"__address__": "172.18.0.3:9300", **container("c4", "sidecar", "container:c2"),
             **trading, "__meta_docker_network_ip": "172.18.0.3",
             "__meta_docker_port_private": "9300"},
            {"__address__": "172.19.0.2:80", **web, "__meta_docker_port_private": "80",
             "__meta_docker_port_public": "8080", "__meta_docker_port_public_ip": "0.0.0.0"},
            {"__address__": "172.19.0.2:9100", **web, "__meta_docker_port_private": "9100"},
            {"__address__": "localhost", **container("c3", "node", "host"), **host}])
        asked = urllib.parse.parse_qs(api.requests[0][0].partition("?")[2])
        self.assertEqual(json.loads(asked["filters"][0]),
                         {"status": ["running", "paused"], "label": ["a=b"]})

    def test_all_networks_over_tcp(self):
        api = self.start(Api(self.pages))
        pitwall = self.discover(
            f"docker_sd_configs: [{{host: 'tcp://{api.address}', match_first_network: false, "
            "port: 9999, host_networking_host: 10.0.0.9, refresh_interval: 200ms}]")
        want = ["10.0.0.9", "172.18.0.2:80", "172.18.0.2:9100", "172.18.0.3:9300",
                "172.18.0.3:9999", "172.19.0.2:80", "172.19.0.2:9100"]
        self.wait_for_addresses(pitwall, want)
        for path, page in (("/networks", 500), ("/containers/json", "[{"),
                           ("/containers/json", {"message": "no"})):
            before, good = self.failures(pitwall, "docker"), api.pages[path]
            api.pages[path] = page
            wait_for(lambda: self.failures(pitwall, "docker") > before + 1)
            self.assertEqual(self.addresses(pitwall), want)
            api.pages[path] = good
        api.pages["/containers/json"] = []
        self.wait_for_addresses(pitwall, [])


if __name__ == "__main__":
    unittest.main()
