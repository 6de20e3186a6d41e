"""Kubernetes discovery against a server that answers as an API server does, well and badly."""
import json
import ssl
import subprocess
import threading
import time
import unittest
import urllib.parse

from discovery_test import Api, DiscoveryTest, may_unshare
from harness import Pitwall, wait_for


class Kubernetes:
    """The API server's list and watch, with pages, bookmarks, 410 and authorization."""

    KINDS = {"nodes": "Node", "pods": "Pod", "services": "Service", "endpoints": "Endpoints",
             "namespaces": "Namespace", "endpointslices": "EndpointSlice",
             "ingresses": "Ingress", "replicasets": "ReplicaSet", "jobs": "Job"}

    def __init__(self, start, tls=None):
        self.changed = threading.Condition()
        self.version, self.compacted = 100, 0
        self.objects = {}    # (resource, namespace, name) -> object
        self.events = []     # (version, resource, namespace, type, object)
        self.token = None    # wanted of every request
        self.forbidden = set()   # namespaces
        self.broken = None   # an answer to everything
        self.page = 2
        self.api = start(Api(tls=tls))
        self.api.answer = self.respond

    def put(self, resource, item):
        with self.changed:
            self.version += 1
            meta = item["metadata"] = {**item["metadata"], "resourceVersion": str(self.version),
                                       "managedFields": [{"manager": "kubectl"}]}
            key = (resource, meta.get("namespace", ""), meta["name"])
            kind = "MODIFIED" if key in self.objects else "ADDED"
            self.objects[key] = item
            self.events.append((self.version, resource, key[1], kind, item))
            self.changed.notify_all()

    def delete(self, resource, namespace, name):
        with self.changed:
            self.version += 1
            item = self.objects.pop((resource, namespace, name))
            item = {**item, "metadata": {**item["metadata"],
                                         "resourceVersion": str(self.version)}}
            self.events.append((self.version, resource, namespace, "DELETED", item))
            self.changed.notify_all()

    def compact(self):
        """Forgets the past: whoever watches from before gets 410."""
        with self.changed:
            self.version += 1
            self.compacted, self.events = self.version, []
            self.changed.notify_all()

    def respond(self, handler):
        path, _, query = handler.path.partition("?")
        params = {name: values[0] for name, values in urllib.parse.parse_qs(query).items()}
        parts = path.strip("/").split("/")
        namespace = parts[parts.index("namespaces") + 1] if "namespaces" in parts[:-1] else ""
        if self.broken:
            status, body = self.broken
        elif self.token and handler.headers["Authorization"] != f"Bearer {self.token}":
            status, body = 401, self.status(401, "Unauthorized")
        elif namespace in self.forbidden:
            status, body = 403, self.status(403, "Forbidden")
        elif params.get("watch"):
            status, body = 200, self.watch(parts[-1], namespace, params)
        else:
            status, body = self.list(parts[-1], namespace, params)
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    @staticmethod
    def status(code, message):
        return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message,
                "code": code}

    def list(self, resource, namespace, params):
        with self.changed:
            items = [item for key, item in sorted(self.objects.items())
                     if key[0] == resource and namespace in ("", key[1])]
            start = 0
            if "continue" in params:
                version, start = map(int, params["continue"].split("-"))
                if version < self.compacted:
                    return 410, self.status(410, "Expired")
            meta = {"resourceVersion": str(self.version)}
            if start + self.page < len(items):
                meta["continue"] = f"{self.version}-{start + self.page}"
            return 200, {"kind": self.KINDS[resource] + "List", "apiVersion": "v1",
                         "metadata": meta, "items": items[start:start + self.page]}

    def watch(self, resource, namespace, params):
        since = int(params["resourceVersion"])
        until = time.monotonic() + min(int(params["timeoutSeconds"]), 2)
        with self.changed:
            while True:
                if since < self.compacted:
                    found = [("ERROR", self.status(410, "too old resource version"))]
                else:
                    found = [(kind, item) for version, of, within, kind, item in self.events
                             if version > since and of == resource and namespace in ("", within)]
                if found or self.broken or time.monotonic() > until:
                    break
                self.changed.wait(0.1)
            if not found:
                found = [("BOOKMARK", {"kind": self.KINDS[resource], "metadata": {
                    "resourceVersion": str(self.version)}})]
            return b"".join(json.dumps({"type": kind, "object": item}).encode() + b"\n"
                            for kind, item in found)


def pod(name, ip="10.244.0.5", namespace="trading", node="node-1", **spec):
    return {"metadata": {"name": name, "namespace": namespace, "uid": f"uid-{name}",
                         "labels": {"app.kubernetes.io/name": "web", "env": "prod"},
                         "annotations": {"prometheus.io/scrape": "true"},
                         "ownerReferences": [
                             {"kind": "Node", "name": "x"},
                             {"kind": "ReplicaSet", "name": "web-5d4", "controller": True}]},
            "spec": {"nodeName": node, "containers": [
                {"name": "web", "image": "web:1.2", "env": [{"name": "SECRET", "value": "s"}],
                 "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"},
                           {"name": "admin", "containerPort": 8081, "protocol": "TCP"}]}],
                "volumes": [{"name": "v"}], **spec},
            "status": {"phase": "Running", "podIP": ip, "hostIP": "192.168.1.1",
                       "conditions": [{"type": "Initialized", "status": "True"},
                                      {"type": "Ready", "status": "True"}],
                       "containerStatuses": [{"name": "web",
                                              "containerID": "containerd://abc"}]}}


POD_LABELS = {
    "__meta_kubernetes_pod_ip": "10.244.0.5",
    "__meta_kubernetes_pod_label_app_kubernetes_io_name": "web",
    "__meta_kubernetes_pod_labelpresent_app_kubernetes_io_name": "true",
    "__meta_kubernetes_pod_label_env": "prod",
    "__meta_kubernetes_pod_labelpresent_env": "true",
    "__meta_kubernetes_pod_annotation_prometheus_io_scrape": "true",
    "__meta_kubernetes_pod_annotationpresent_prometheus_io_scrape": "true",
    "__meta_kubernetes_pod_ready": "true",
    "__meta_kubernetes_pod_phase": "Running",
    "__meta_kubernetes_pod_node_name": "node-1",
    "__meta_kubernetes_pod_host_ip": "192.168.1.1",
    "__meta_kubernetes_pod_controller_kind": "ReplicaSet",
    "__meta_kubernetes_pod_controller_name": "web-5d4",
}
SERVICE = {"metadata": {"name": "web", "namespace": "trading", "labels": {"tier": "front"},
                        "annotations": {"note": "x"}},
           "spec": {"type": "LoadBalancer", "clusterIP": "10.96.0.7",
                    "loadBalancerIP": "203.0.113.9",
                    "ports": [{"name": "http", "port": 80, "protocol": "TCP",
                               "targetPort": 8080}]}}
SERVICE_LABELS = {
    "__meta_kubernetes_namespace": "trading",
    "__meta_kubernetes_service_name": "web",
    "__meta_kubernetes_service_label_tier": "front",
    "__meta_kubernetes_service_labelpresent_tier": "true",
    "__meta_kubernetes_service_annotation_note": "x",
    "__meta_kubernetes_service_annotationpresent_note": "true",
}
NODE = {"metadata": {"name": "node-1", "labels": {"topology.kubernetes.io/zone": "z1"},
                     "annotations": {"a": "b"}},
        "spec": {"providerID": "aws:///i-1"},
        "status": {"addresses": [{"type": "Hostname", "address": "node-1.local"},
                                 {"type": "InternalIP", "address": "192.168.1.1"},
                                 {"type": "InternalIP", "address": "fd00::1"}],
                   "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
                   "images": [{"names": ["big"]}]}}
ATTACHED_NODE = {"__meta_kubernetes_node_name": "node-1",
                 "__meta_kubernetes_node_label_topology_kubernetes_io_zone": "z1",
                 "__meta_kubernetes_node_labelpresent_topology_kubernetes_io_zone": "true"}


def container_port(number, name, init="false", container="web", image="web:1.2"):
    return {"__meta_kubernetes_pod_container_name": container,
            "__meta_kubernetes_pod_container_image": image,
            "__meta_kubernetes_pod_container_init": init,
            "__meta_kubernetes_pod_container_port_name": name,
            "__meta_kubernetes_pod_container_port_number": str(number),
            "__meta_kubernetes_pod_container_port_protocol": "TCP"}


class KubernetesTest(DiscoveryTest):
    def setUp(self):
        self.kubernetes = Kubernetes(self.start)

    def find(self, role, fields="", **options):
        return self.discover("kubernetes_sd_configs: [{api_server: "
                             f"'http://{self.kubernetes.api.address}', role: {role}{fields}}}]",
                             **options)

    def wait_for_labels(self, pitwall, want):
        want = sorted(want, key=lambda labels: sorted(labels.items()))
        try:
            wait_for(lambda: self.labels(pitwall) == want)
        except AssertionError:
            self.assertEqual(self.labels(pitwall), want, pitwall.read_log())

    def asked(self, resource):
        return [urllib.parse.parse_qs(path.partition("?")[2])
                for path, _ in self.kubernetes.api.requests
                if path.partition("?")[0].endswith("/" + resource)]

    def test_nodes(self):
        self.kubernetes.put("nodes", NODE)
        self.kubernetes.put("nodes", {"metadata": {"name": "no-address"}, "status": {}})
        pitwall = self.find("node")
        self.wait_for_labels(pitwall, [{
            "__address__": "192.168.1.1:10250", "instance": "node-1",
            "__meta_kubernetes_node_name": "node-1",
            "__meta_kubernetes_node_provider_id": "aws:///i-1",
            "__meta_kubernetes_node_label_topology_kubernetes_io_zone": "z1",
            "__meta_kubernetes_node_labelpresent_topology_kubernetes_io_zone": "true",
            "__meta_kubernetes_node_annotation_a": "b",
            "__meta_kubernetes_node_annotationpresent_a": "true",
            "__meta_kubernetes_node_address_Hostname": "node-1.local",
            "__meta_kubernetes_node_address_InternalIP": "192.168.1.1"}])

    def test_services(self):
        self.kubernetes.put("services", SERVICE)
        self.kubernetes.put("services", {
            "metadata": {"name": "ext", "namespace": "default"},
            "spec": {"type": "ExternalName", "externalName": "db.example",
                     "ports": [{"port": 5432, "protocol": "TCP"}]}})
        pitwall = self.find("service")
        self.wait_for_labels(pitwall, [
            {**SERVICE_LABELS, "__address__": "web.trading.svc:80",
             "__meta_kubernetes_service_port_name": "http",
             "__meta_kubernetes_service_port_number": "80",
             "__meta_kubernetes_service_port_protocol": "TCP",
             "__meta_kubernetes_service_type": "LoadBalancer",
             "__meta_kubernetes_service_cluster_ip": "10.96.0.7",
             "__meta_kubernetes_service_loadbalancer_ip": "203.0.113.9"},
            {"__address__": "ext.default.svc:5432", "__meta_kubernetes_namespace": "default",
             "__meta_kubernetes_service_name": "ext",
             "__meta_kubernetes_service_port_number": "5432",
             "__meta_kubernetes_service_port_protocol": "TCP",
             "__meta_kubernetes_service_type": "ExternalName",
             "__meta_kubernetes_service_external_name": "db.example"}])

    def test_pods(self):
        web = pod("web-1", initContainers=[{"name": "init", "image": "init:1"}])
        web["status"]["initContainerStatuses"] = [{"name": "init", "containerID": "containerd://i"}]
        self.kubernetes.put("pods", web)
        self.kubernetes.put("pods", pod("starting", ip=""))
        self.kubernetes.put("nodes", NODE)
        self.kubernetes.put("namespaces", {"metadata": {
            "name": "trading", "labels": {"team": "fx"}, "annotations": {"owner": "ana"}}})
        self.kubernetes.put("replicasets", {"metadata": {
            "name": "web-5d4", "namespace": "trading", "ownerReferences": [
                {"kind": "Deployment", "name": "web", "controller": True}]}})
        pitwall = self.find("pod", ", attach_metadata: {node: true, namespace: true, "
                                   "deployment: true}")
        common = {**POD_LABELS, **ATTACHED_NODE, "__meta_kubernetes_namespace": "trading",
                  "__meta_kubernetes_namespace_label_team": "fx",
                  "__meta_kubernetes_namespace_labelpresent_team": "true",
                  "__meta_kubernetes_namespace_annotation_owner": "ana",
                  "__meta_kubernetes_namespace_annotationpresent_owner": "true",
                  "__meta_kubernetes_pod_name": "web-1", "__meta_kubernetes_pod_uid": "uid-web-1",
                  "__meta_kubernetes_pod_deployment_name": "web"}
        self.wait_for_labels(pitwall, [
            {"__address__": "10.244.0.5:8080", **common, **container_port(8080, "http"),
             "__meta_kubernetes_pod_container_id": "containerd://abc"},
            {"__address__": "10.244.0.5:8081", **common, **container_port(8081, "admin"),
             "__meta_kubernetes_pod_container_id": "containerd://abc"},
            {"__address__": "10.244.0.5", **common,
             "__meta_kubernetes_pod_container_name": "init",
             "__meta_kubernetes_pod_container_image": "init:1",
             "__meta_kubernetes_pod_container_init": "true",
             "__meta_kubernetes_pod_container_id": "containerd://i"}])

    def test_pods_of_jobs(self):
        job = pod("job-1", containers=[{"name": "c", "image": "i"}])
        job["metadata"] = {"name": "job-1", "namespace": "trading", "ownerReferences": [
            {"kind": "Job", "name": "report-28", "controller": True}]}
        job["status"] = {"podIP": "fd00::7", "phase": "Pending"}
        self.kubernetes.put("pods", job)
        self.kubernetes.put("jobs", {"metadata": {
            "name": "report-28", "namespace": "trading", "ownerReferences": [
                {"kind": "CronJob", "name": "report", "controller": True}]}})
        pitwall = self.find("pod", ", attach_metadata: {job: true, cronjob: true}")
        self.wait_for_labels(pitwall, [{
            "__address__": "fd00::7", "__meta_kubernetes_namespace": "trading",
            "__meta_kubernetes_pod_name": "job-1", "__meta_kubernetes_pod_ip": "fd00::7",
            "__meta_kubernetes_pod_ready": "unknown", "__meta_kubernetes_pod_phase": "Pending",
            "__meta_kubernetes_pod_node_name": "node-1",
            "__meta_kubernetes_pod_controller_kind": "Job",
            "__meta_kubernetes_pod_controller_name": "report-28",
            "__meta_kubernetes_pod_job_name": "report-28",
            "__meta_kubernetes_pod_cronjob_name": "report",
            "__meta_kubernetes_pod_container_name": "c",
            "__meta_kubernetes_pod_container_image": "i",
            "__meta_kubernetes_pod_container_init": "false"}])

    def test_endpoints(self):
        self.kubernetes.put("pods", pod("web-1"))
        self.kubernetes.put("nodes", NODE)
        self.kubernetes.put("services", SERVICE)
        self.kubernetes.put("endpoints", {
            "metadata": {"name": "web", "namespace": "trading", "labels": {"l": "v"},
                         "annotations": {"an": "w"}},
            "subsets": [{"addresses": [{"ip": "10.244.0.5", "nodeName": "node-1", "hostname": "h",
                                        "targetRef": {"kind": "Pod", "name": "web-1",
                                                      "namespace": "trading"}}],
                         "notReadyAddresses": [{"ip": "10.0.0.9"}],
                         "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}]}]})
        pitwall = self.find("endpoints", ", attach_metadata: {node: true}")
        common = {**SERVICE_LABELS, "__meta_kubernetes_endpoints_name": "web",
                  "__meta_kubernetes_endpoints_label_l": "v",
                  "__meta_kubernetes_endpoints_labelpresent_l": "true",
                  "__meta_kubernetes_endpoints_annotation_an": "w",
                  "__meta_kubernetes_endpoints_annotationpresent_an": "true"}
        of_pod = {**POD_LABELS, "__meta_kubernetes_pod_name": "web-1",
                  "__meta_kubernetes_pod_uid": "uid-web-1"}
        port = {"__meta_kubernetes_endpoint_port_name": "http",
                "__meta_kubernetes_endpoint_port_protocol": "TCP"}
        want = [
            {"__address__": "10.244.0.5:8080", **common, **of_pod, **port, **ATTACHED_NODE,
             **container_port(8080, "http"),
             "__meta_kubernetes_endpoint_ready": "true",
             "__meta_kubernetes_endpoint_hostname": "h",
             "__meta_kubernetes_endpoint_node_name": "node-1",
             "__meta_kubernetes_endpoint_address_target_kind": "Pod",
             "__meta_kubernetes_endpoint_address_target_name": "web-1"},
            {"__address__": "10.0.0.9:8080", **common, **port,
             "__meta_kubernetes_endpoint_ready": "false"},
            {"__address__": "10.244.0.5:8081", **common, **of_pod,
             **container_port(8081, "admin")}]
        self.wait_for_labels(pitwall, want)
        self.kubernetes.delete("pods", "trading", "web-1")
        self.wait_for_addresses(pitwall, ["10.0.0.9:8080", "10.244.0.5:8080"])

    def test_endpoint_slices(self):
        self.kubernetes.put("pods", pod("web-1"))
        self.kubernetes.put("services", SERVICE)
        labels = {"kubernetes.io/service-name": "web"}
        endpoint = {"conditions": {"ready": True, "serving": True, "terminating": False},
                    "hostname": "h", "nodeName": "node-1", "zone": "z1",
                    "deprecatedTopology": {"kubernetes.io/hostname": "node-1"},
                    "targetRef": {"kind": "Pod", "name": "web-1", "namespace": "trading"}}
        for name, family, address in (("web-4", "IPv4", "10.244.0.5"),
                                      ("web-6", "IPv6", "fd00::5")):
            self.kubernetes.put("endpointslices", {
                "metadata": {"name": name, "namespace": "trading", "labels": labels},
                "addressType": family, "endpoints": [{**endpoint, "addresses": [address]}],
                "ports": [{"name": "http", "port": 8080, "protocol": "TCP",
                           "appProtocol": "http"}]})
        pitwall = self.find("endpointslice")

        def common(name, family):
            return {**SERVICE_LABELS, **POD_LABELS, "__meta_kubernetes_pod_name": "web-1",
                    "__meta_kubernetes_pod_uid": "uid-web-1",
                    "__meta_kubernetes_endpointslice_name": name,
                    "__meta_kubernetes_endpointslice_address_type": family,
                    "__meta_kubernetes_endpointslice_label_kubernetes_io_service_name": "web",
                    "__meta_kubernetes_endpointslice_labelpresent_kubernetes_io_service_name":
                        "true"}
        of_endpoint = {
            "__meta_kubernetes_endpointslice_port": "8080",
            "__meta_kubernetes_endpointslice_port_name": "http",
            "__meta_kubernetes_endpointslice_port_protocol": "TCP",
            "__meta_kubernetes_endpointslice_port_app_protocol": "http",
            "__meta_kubernetes_endpointslice_endpoint_conditions_ready": "true",
            "__meta_kubernetes_endpointslice_endpoint_conditions_serving": "true",
            "__meta_kubernetes_endpointslice_endpoint_conditions_terminating": "false",
            "__meta_kubernetes_endpointslice_endpoint_hostname": "h",
            "__meta_kubernetes_endpointslice_endpoint_node_name": "node-1",
            "__meta_kubernetes_endpointslice_endpoint_zone": "z1",
            "__meta_kubernetes_endpointslice_endpoint_topology_kubernetes_io_hostname": "node-1",
            "__meta_kubernetes_endpointslice_endpoint_topology_present_kubernetes_io_hostname":
                "true",
            "__meta_kubernetes_endpointslice_address_target_kind": "Pod",
            "__meta_kubernetes_endpointslice_address_target_name": "web-1"}
        self.wait_for_labels(pitwall, [
            {"__address__": "10.244.0.5:8080", **common("web-4", "IPv4"), **of_endpoint,
             **container_port(8080, "http")},
            {"__address__": "[fd00::5]:8080", **common("web-6", "IPv6"), **of_endpoint,
             **container_port(8080, "http")},
            {"__address__": "10.244.0.5:8081", **common("web-4", "IPv4"),
             **container_port(8081, "admin")}])
        self.assertIn("/apis/discovery.k8s.io/v1/endpointslices?limit=500",
                      [path for path, _ in self.kubernetes.api.requests])

    def test_ingresses(self):
        self.kubernetes.put("ingresses", {
            "metadata": {"name": "web", "namespace": "trading", "labels": {"a": "b"}},
            "spec": {"ingressClassName": "nginx", "tls": [{"hosts": ["*.example.com"]}],
                     "rules": [{"host": "a.example.com", "http": {"paths": [
                                    {"path": "/x"}, {"pathType": "Prefix"}]}},
                               {"host": "b.a.example.com"}]}})
        # Without a label that tells them apart, the targets of a host would be one.
        pitwall = self.find("ingress", extra="  relabel_configs: [{source_labels: "
                            "[__meta_kubernetes_ingress_path], target_label: path}]\n")
        common = {"__meta_kubernetes_namespace": "trading",
                  "__meta_kubernetes_ingress_name": "web",
                  "__meta_kubernetes_ingress_label_a": "b",
                  "__meta_kubernetes_ingress_labelpresent_a": "true",
                  "__meta_kubernetes_ingress_class_name": "nginx"}
        self.wait_for_labels(pitwall, [
            {**common, "__address__": host, "__meta_kubernetes_ingress_host": host,
             "__meta_kubernetes_ingress_scheme": scheme, "__meta_kubernetes_ingress_path": path}
            for host, scheme, path in (("a.example.com", "https", "/x"),
                                       ("a.example.com", "https", "/"),
                                       ("b.a.example.com", "http", "/"))])

    def one_port(self, name, ip, namespace="trading"):
        return pod(name, ip, namespace, containers=[
            {"name": "c", "ports": [{"containerPort": 80}]}])

    def test_pages_events_and_a_forgotten_past(self):
        for i in range(5):
            self.kubernetes.put("pods", self.one_port(f"p{i}", f"10.0.0.{i}"))
        pitwall = self.find("pod")
        want = [f"10.0.0.{i}:80" for i in range(5)]
        self.wait_for_addresses(pitwall, want)
        self.assertEqual([asked.get("continue") for asked in self.asked("pods")[:3]],
                         [None, ["105-2"], ["105-4"]])
        self.kubernetes.put("pods", self.one_port("p5", "10.0.0.5"))
        self.kubernetes.put("pods", self.one_port("p0", "10.0.1.0"))
        self.kubernetes.delete("pods", "trading", "p4")
        want = ["10.0.1.0:80"] + [f"10.0.0.{i}:80" for i in (1, 2, 3, 5)]
        self.wait_for_addresses(pitwall, want)
        watched = [asked for asked in self.asked("pods") if "watch" in asked]
        self.assertEqual(watched[0], {"watch": ["1"], "allowWatchBookmarks": ["true"],
                                      "timeoutSeconds": ["5"], "resourceVersion": ["105"]})
        lists = len([asked for asked in self.asked("pods") if "watch" not in asked])
        self.assertEqual(lists, 3)
        self.kubernetes.put("pods", self.one_port("p1", "10.0.1.1"))
        self.kubernetes.compact()
        want[1] = "10.0.1.1:80"
        self.wait_for_addresses(pitwall, want)
        self.assertEqual(self.failures(pitwall, "kubernetes"), 0)

    def test_bad_answers_keep_the_targets(self):
        self.kubernetes.put("pods", self.one_port("p", "10.0.0.1"))
        pitwall = self.find("pod")
        self.wait_for_addresses(pitwall, ["10.0.0.1:80"])
        for broken in ((500, b"{}"), (200, b"{"), (200, b"{}"), (200, b'{"type": "ODD"}'),
                       (200, b'{"kind": "PodList", "metadata": {}, "items": [{}]}')):
            before = self.failures(pitwall, "kubernetes")
            self.kubernetes.broken = broken
            wait_for(lambda: self.failures(pitwall, "kubernetes") > before, 40)
            self.assertEqual(self.addresses(pitwall), ["10.0.0.1:80"])
            self.kubernetes.broken = None
            self.kubernetes.put("pods", self.one_port("p", "10.0.0.2"))
            self.wait_for_addresses(pitwall, ["10.0.0.2:80"])
            self.kubernetes.put("pods", self.one_port("p", "10.0.0.1"))
            self.wait_for_addresses(pitwall, ["10.0.0.1:80"])

    def test_namespaces_and_selectors(self):
        for namespace in ("a", "b", "c"):
            self.kubernetes.put("pods", self.one_port("p", f"10.0.0.{ord(namespace)}", namespace))
        self.kubernetes.forbidden.add("b")
        pitwall = self.find("pod", ", namespaces: {names: [a, b]}, selectors: "
                                   "[{role: pod, label: 'app in (x, y)', field: spec.nodeName=n}]")
        self.wait_for_addresses(pitwall, ["10.0.0.97:80"])
        self.assertEqual(self.asked("pods")[0], {
            "limit": ["500"], "labelSelector": ["app in (x, y)"],
            "fieldSelector": ["spec.nodeName=n"]})
        self.assertGreater(self.failures(pitwall, "kubernetes"), 0)
        self.kubernetes.forbidden.clear()
        self.wait_for_addresses(pitwall, ["10.0.0.97:80", "10.0.0.98:80"])

    def test_kubeconfig(self):
        self.kubernetes.token = "secret-of-the-user"
        self.kubernetes.put("pods", self.one_port("p", "10.0.0.1"))
        folder = self.start(Pitwall()).folder
        (folder / "token").write_text("secret-of-the-user\n")
        (folder / "kubeconfig").write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "main",
            "contexts": [{"name": "other", "context": {"cluster": "x", "user": "x"}},
                         {"name": "main", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {
                "server": f"http://{self.kubernetes.api.address}/"}}],
            "users": [{"name": "u", "user": {"tokenFile": "token"}}]}))
        pitwall = self.discover(f"kubernetes_sd_configs: [{{role: pod, kubeconfig_file: "
                                f"'{folder}/kubeconfig'}}]")
        self.wait_for_addresses(pitwall, ["10.0.0.1:80"])


@unittest.skipUnless(may_unshare(), "a service account's files need root")
class ServiceAccountTest(DiscoveryTest):
    def test_in_cluster(self):
        folder = self.start(Pitwall()).folder
        account = folder / "root/secrets/kubernetes.io/serviceaccount"
        account.mkdir(parents=True)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-keyout", folder / "key.pem", "-out", account / "ca.crt", "-subj",
                        "/CN=kubernetes", "-addext", "subjectAltName=IP:127.0.0.1"],
                       check=True, capture_output=True)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(account / "ca.crt", folder / "key.pem")
        kubernetes = Kubernetes(self.start, tls)
        kubernetes.token = "token-of-the-pod"
        (account / "token").write_text(kubernetes.token)
        (account / "namespace").write_text("mine")
        for namespace in ("mine", "other"):
            kubernetes.put("services", {**SERVICE, "metadata": {"name": "s",
                                                                "namespace": namespace}})
        mount = f'mount --bind {folder}/root /var/run && exec "$@"'
        pitwall = self.discover(
            "kubernetes_sd_configs: [{role: service, namespaces: {own_namespace: true}}]",
            prefix=["env", "KUBERNETES_SERVICE_HOST=127.0.0.1",
                    f"KUBERNETES_SERVICE_PORT={kubernetes.api.port}", "unshare", "-m", "sh", "-c",
                    mount, "sh"])
        self.wait_for_addresses(pitwall, ["s.mine.svc:80"])


if __name__ == "__main__":
    unittest.main()
