# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services and Ingresses against what stands behind them: each wrong thing has its code, its object, and both sides in its words."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.oceans.llm.plugins.plugin_utils.kube import certificates, paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import ingress_look, service_look

from .fake_api import FakeApi, objects, ok, status
from .place import INGRESSES, NS, Place, deployment, labels, pod, replicaset, service, slice_of

FIELDS = {"f:selector": {}, "f:ports": {}, "f:replicas": {}, "f:type": {}}
MANAGED = [{"manager": "kubectl-patch", "time": "2026-11-28T12:00:00Z", "fieldsV1": {"f:spec": FIELDS}}]
NODES = paths.of("v1", "nodes")


def found(change: Callable[[Place], Any], look=service_look) -> list:
    with FakeApi() as api:
        place = Place(api)
        change(place)
        place.play()
        return list(look.find(Cluster.connect({"host": api.url}), place.snapshot, place.release))


def live(name: str = "gw", component: str = "gateway", **spec: Any) -> Callable[[Place], None]:
    def change(place: Place) -> None:
        place.services[name] = service(name, component, **spec)
        place.services[name]["metadata"]["managedFields"] = MANAGED

    return change


def scaled(place: Place) -> None:
    place.gateway["spec"]["replicas"] = 0
    place.gateway["metadata"]["managedFields"] = MANAGED
    place.pods, place.slices = place.pods[1:], [slice_of("gw"), place.slices[1]]


def scaled_by_nobody_known(place: Place) -> None:
    scaled(place)
    place.gateway["metadata"]["managedFields"] = []
    event = {"metadata": {"name": "e"}, "message": "Scaled down replica set gw-1 from 1 to 0", "lastTimestamp": "2026-11-28T12:00:00Z"}
    place.api.on("GET", paths.events(NS), objects("Event", "1", event))


def shared_label(place: Place) -> None:
    live(selector={"app.kubernetes.io/instance": "rel"})(place)
    place.slices[0] = slice_of("gw", "gw-a", "ui-a")


def unready(place: Place) -> None:
    place.pods[0] = pod("gw-a", "gw-1", place.gateway, ready=False)
    place.slices[0] = slice_of("gw", "gw-a", ready=False)


def old_pods(place: Place) -> None:
    place.replicasets.append(replicaset("gw-0", place.gateway, current=False))
    place.pods.append(pod("gw-old", "gw-0", place.gateway))
    place.slices[0] = slice_of("gw", "gw-a", "gw-old")


def impostor(place: Place) -> None:
    """Another Deployment with the very same labels: the selectors of both match the pods of both."""
    other = deployment("twin", "gateway", 8080)
    place.replicasets.append(replicaset("twin-1", other))
    place.pods.append(pod("twin-a", "twin-1", place.gateway))
    place.slices[0] = slice_of("gw", "gw-a", "twin-a")


def bare_pod(place: Place) -> None:
    place.pods.append(pod("debug", "none", place.gateway))
    place.pods[-1]["metadata"]["ownerReferences"] = []
    place.slices[0] = slice_of("gw", "gw-a", "debug")


def by_hand(managed_by: str = "", address: str = "192.0.2.7", pod: str = "", port: int = 8080) -> Callable[[Place], None]:
    """An EndpointSlice that no controller keeps: the documentation of Kubernetes has it for Services without a selector."""

    def change(place: Place) -> None:
        mine = slice_of("gw", "x", port=port)
        mine["endpoints"] = [{"addresses": [address], "conditions": {"ready": True}, **({"targetRef": {"kind": "Pod", "name": pod}} if pod else {})}]
        mine["metadata"]["name"] = "extra"
        mine["metadata"]["labels"] = {"kubernetes.io/service-name": "gw"}
        if managed_by:
            mine["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"] = managed_by
        place.slices.append(mine)

    return change


PORT = {"name": "http", "port": 8080, "targetPort": "http", "protocol": "TCP"}


@pytest.mark.parametrize(
    ("change", "code", "obj", "words"),
    [
        (lambda p: p.services.update(gw=None), "ServiceMissing", "Service/gw", ["does not exist"]),
        (
            live(selector={"app": "x"}),
            "ServiceSelector",
            "Service/gw",
            ["matches no pod", "app=x", f"{'app.kubernetes.io/component'}=gateway", "kubectl-patch"],
        ),
        (live(selector=labels("admin-ui")), "ServiceSelector", "Service/gw", ["but pods of Deployment/ui"]),
        (shared_label, "ServiceSelector", "Service/gw", ["sends requests to pods of Deployment/ui", "Pod/ui-a"]),
        (live(ports=[{**PORT, "targetPort": 9999}]), "ServicePort", "Service/gw", ["targetPort 9999", "gateway: http 8080", "kubectl-patch"]),
        (live(ports=[{**PORT, "targetPort": "web"}]), "ServicePort", "Service/gw", ["targetPort web of the Service is not the name of a port"]),
        (live(ports=[{**PORT, "protocol": "UDP"}]), "ServicePort", "Service/gw", ["protocol UDP", "8080/UDP"]),
        (live(ports=[{**PORT, "port": 80}]), "ServicePort", "Service/gw", ["no port 8080", "80/TCP"]),
        (live("ui", "admin-ui", selector={"app": "x"}), "ServiceSelector", "Service/ui", ["matches no pod of Deployment/ui"]),
        (scaled, "ScaledToZero", "Deployment/gw", ["has 0 replicas", "kubectl-patch", "2026-11-28"]),
        (scaled_by_nobody_known, "ScaledToZero", "Deployment/gw", ["scaled at 2026-11-28T12:00:00Z by kubectl scale or an autoscaler"]),
        (unready, "NoEndpoints", "Service/gw", ["Pod/gw-a", "running, but not ready"]),
        (old_pods, "OldPodsServe", "Service/gw", ["gw-old"]),
        (impostor, "ServiceSelector", "Service/gw", ["sends requests to pods of Deployment/twin", "twin-a"]),
        (bare_pod, "ServiceSelector", "Service/gw", ["sends requests to pods of Pod/debug"]),
        (by_hand(), "ForeignEndpoint", "EndpointSlice/extra", ["192.0.2.7", "Service/gw"]),
        (by_hand(pod="gone"), "ForeignEndpoint", "EndpointSlice/extra", ["192.0.2.7", "targetRef Pod/gone"]),
        (by_hand(pod="gw-a"), "ForeignEndpoint", "EndpointSlice/extra", ["192.0.2.7", "targetRef Pod/gw-a"]),  # the pod has another address
        (by_hand(address="10.0.0.1", pod="gw-a", port=9090), "ForeignEndpoint", "EndpointSlice/extra", ["port 9090 of the pods", "http 8080"]),
        (by_hand("staff"), "ForeignEndpoint", "EndpointSlice/extra", ["managed-by: staff"]),
        (
            live(type="ExternalName", externalName="old.example"),
            "ServiceSelector",
            "Service/gw",
            ["type of the Service is ExternalName", "old.example", "kubectl-patch"],
        ),
    ],
)
def test_what_is_wrong_with_a_service(change, code, obj, words):
    cause = found(change)[0]
    assert (cause.code, cause.object) == (code, obj)
    for word in words:
        assert word in f"{cause.cause} {cause.evidence}", (word, cause)


def grown(place: Place) -> None:
    """An autoscaler added a pod after the rollout was complete."""
    place.slices[0] = slice_of("gw", "gw-a", "gw-b")
    place.api.on("GET", paths.pod(NS, "gw-b"), ok(pod("gw-b", "gw-1", place.gateway)))


def gone(place: Place) -> None:
    place.slices[0] = slice_of("gw", "gw-a", "gw-z")


def secret_service(place: Place) -> None:
    place.api.on("GET", paths.service(NS, "gw"), status(403, "Forbidden", "may not"))
    del place.services["gw"]
    place.api.on("GET", paths.endpointslices(NS), status(403, "Forbidden", "may not"))


def undeclared(place: Place) -> None:
    """A number that the containers do not declare, as the release itself has it: declaring ports is for the reader."""
    for each in (place.rendered[0], place.services["gw"]):
        each["spec"]["ports"] = [{**PORT, "targetPort": 8081}]


def by_number(place: Place) -> None:
    place.services["gw"] = service(ports=[{**PORT, "targetPort": 8080}])


def new_rollout(place: Place) -> None:
    """Somebody began another rollout a moment ago: its ReplicaSet is not in the picture yet."""
    place.pods.append(pod("gw-new", "gw-2", place.gateway))
    place.slices[0] = slice_of("gw", "gw-a", "gw-new")
    place.replicasets[:] = [r for r in place.replicasets if r["metadata"]["name"] != "gw-1"]


@pytest.mark.parametrize(
    "change",
    [
        lambda p: None,
        grown,
        gone,
        secret_service,
        undeclared,
        by_number,
        by_hand("mesh-controller.cilium.io"),
        by_hand(address="10.0.0.1", pod="gw-a"),
        new_rollout,
    ],
)
def test_what_is_right_with_a_service_or_cannot_be_known(change):
    assert found(change) == []


def node(name: str, **spec: Any) -> dict:
    return {"metadata": {"name": name}, "spec": spec, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}


@pytest.mark.parametrize(
    ("nodes", "codes"),
    [
        (objects("Node", "1", node("node-1"), node("node-2")), ["NoLocalEndpoint"]),
        (objects("Node", "1", node("node-1"), node("cp", taints=[{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}])), []),
        # callers may tolerate a taint of one's own, and stay on a node that takes no new pods
        (objects("Node", "1", node("node-1"), node("node-2", taints=[{"key": "gpu", "effect": "NoSchedule"}], unschedulable=True)), ["NoLocalEndpoint"]),
        (status(403, "Forbidden", "may not"), ["NoLocalEndpoint"]),  # the nodes of the namespace's own pods are known
    ],
)
def test_a_service_for_local_callers_only(nodes, codes):
    def change(place: Place) -> None:
        live(internalTrafficPolicy="Local")(place)
        place.pods[1]["spec"]["nodeName"] = "node-2"
        place.api.on("GET", NODES, nodes)

    causes = found(change)
    assert [c.code for c in causes] == codes and all("Node/node-2" in c.cause for c in causes)


def test_local_only_is_no_mistake_when_the_release_asks_for_it():
    def change(place: Place) -> None:
        live(internalTrafficPolicy="Local")(place)
        place.rendered[0]["spec"]["internalTrafficPolicy"] = "Local"
        place.api.on("GET", NODES, objects("Node", "1", node("node-1"), node("node-2")))

    assert found(change) == []


def test_a_service_for_several_deployments_is_not_judged_by_one():
    def change(place: Place) -> None:
        wide = service("all", "none", selector={"app.kubernetes.io/instance": "rel"})
        place.rendered.append(wide)
        place.services["all"] = wide

    assert found(change) == []


def test_a_foreign_chart_is_looked_at_in_the_same_way():
    def change(place: Place) -> None:
        web = deployment("web", "web", 80)
        web["metadata"]["labels"] = web["spec"]["template"]["metadata"]["labels"] = {"app": "web"}
        place.rendered = [service("web", "web", 80, selector={"app": "web"}), web]
        place.services = {"web": service("web", "web", 80, selector={"app": "wep"})}

    (cause,) = found(change)
    assert (cause.code, cause.object) == ("ServiceSelector", "Service/web")


# --- from outside -----------------------------------------------------------------------------------------------------------


def certificate(days: float, *names: str, key: Any = None) -> bytes:
    key, now = key or ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "it")])
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now - datetime.timedelta(days=90), now + datetime.timedelta(days=days))
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), False)
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def ingress(name: str = "gw", port: str = "http", cls: str = "nginx", host: str = "a.example", path: str = "/", kind: str = "Prefix") -> dict:
    backend = {"service": {"name": name, "port": {"name": port}}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "in", "managedFields": MANAGED},
        "spec": {
            "ingressClassName": cls,
            "tls": [{"hosts": ["a.example"], "secretName": "tls"}],
            "rules": [{"host": host, "http": {"paths": [{"path": path, "pathType": kind, "backend": backend}]}}],
        },
    }


INTERNAL = {"metadata": {"name": "internal"}, "spec": {"controller": "example.com/nobody"}}


def entered(there: dict | None, days: float | None = 30.0) -> list:
    def change(place: Place) -> None:
        place.rendered.append(ingress())
        if there is not None:
            place.api.on("GET", f"{INGRESSES}/in", ok(there))
        place.api.on("GET", paths.INGRESS_CLASSES, objects("IngressClass", "1", {"metadata": {"name": "nginx"}}, INTERNAL))
        if days is not None:
            data = {"tls.crt": base64.b64encode(certificate(days, "a.example")).decode(), "tls.key": "a2V5"}
            place.api.on("GET", paths.secret(NS, "tls"), ok({"metadata": {"name": "tls"}, "data": data}))

    return found(change, ingress_look)


@pytest.mark.parametrize(
    ("there", "days", "code", "words"),
    [
        (None, 30, "IngressBackend", "does not exist"),
        (ingress(name="ui"), 30, "IngressBackend", "a.example/ of the Ingress routes to Service/ui"),
        (ingress(port="web"), 30, "IngressBackend", "port web"),
        (ingress(cls="haproxy"), 30, "IngressClassMissing", "IngressClasses: internal, nginx"),
        (ingress(cls="internal"), 30, "IngressClassMissing", "ingressClassName: internal (set by kubectl-patch"),
        (ingress(cls="internal"), 30, "IngressClassMissing", "; controller of internal: example.com/nobody"),
        (ingress(), -1, "CertificateExpired", "Secret/tls expired at"),
        (ingress(), None, "TlsSecretMissing", "Secret/tls of the Ingress does not exist"),
        (ingress(host="b.example"), 30, "IngressBackend", "the Ingress has no rule for a.example/ (Prefix); its rules are: b.example/ (Prefix)"),
        (ingress(path="/api"), 30, "IngressBackend", "no rule for a.example/ (Prefix)"),
        (ingress(kind="Exact"), 30, "IngressBackend", "its rules are: a.example/ (Exact)"),
    ],
)
def test_what_is_wrong_with_an_ingress(there, days, code, words):
    (cause,) = entered(there, days)
    assert (cause.code, cause.object) == (code, "Ingress/in") and words in f"{cause.cause} {cause.evidence}"


def test_a_good_ingress_is_no_cause():
    assert entered(ingress()) == []


def test_a_certificate_that_an_operator_will_bring_is_not_missed():
    there = ingress()
    there["metadata"]["annotations"] = {"cert-manager.io/cluster-issuer": "acme"}
    assert entered(there, None) == []


ROUTE = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "r"}, "spec": {"parentRefs": [{"name": "edge"}]}}


@pytest.mark.parametrize(
    ("parents", "words"),
    [
        ([], "no controller has accepted the route; its parentRefs name edge"),
        ([("Accepted", "False", "NotAllowedByListeners")], "Gateway/edge does not serve the route (NotAllowedByListeners)"),
        ([("Accepted", "True", "Accepted"), ("ResolvedRefs", "False", "BackendNotFound")], "BackendNotFound"),
        ([("Accepted", "True", "Accepted"), ("ResolvedRefs", "True", "ResolvedRefs")], ""),
    ],
)
def test_a_route_that_no_gateway_takes(parents, words):
    def change(place: Place) -> None:
        place.rendered.append(ROUTE)
        conditions = [{"type": t, "status": s, "reason": r, "message": "m"} for t, s, r in parents]
        told = [{"parentRef": {"name": "edge"}, "conditions": conditions}] if conditions else []
        path = paths.one_of(ROUTE["apiVersion"], "httproutes", NS, "r")
        place.api.on("GET", path, ok({**ROUTE, "status": {"parents": told}}))

    causes = found(change, ingress_look)
    assert [c.code for c in causes] == (["RouteRefused"] if words else []) and all(words in c.cause for c in causes)


@pytest.mark.parametrize(
    ("route", "lines"),
    [
        ({"parentRefs": [{"name": "edge"}], "hostnames": ["a.example", "*.b.example"]}, ["http|a.example|10.0.0.7|8088", "https|a.example|10.0.0.7|443"]),
        ({"parentRefs": [{"name": "edge", "sectionName": "tls"}]}, ["https|c.example|10.0.0.7|443"]),
        ({"parentRefs": [{"name": "gone"}], "hostnames": ["a.example"]}, []),
    ],
)
def test_a_route_is_asked_where_its_gateway_listens(route, lines):
    listeners = [
        {"name": "web", "protocol": "HTTP", "port": 8088},
        {"name": "tls", "protocol": "HTTPS", "port": 443, "hostname": "c.example"},
        {"name": "tcp", "protocol": "TCP", "port": 9000},
    ]
    gateway = {"spec": {"listeners": listeners}, "status": {"addresses": [{"value": "10.0.0.7"}]}}
    with FakeApi() as api:
        place = Place(api)
        place.rendered.append({**ROUTE, "spec": route})
        api.on("GET", paths.one_of(ROUTE["apiVersion"], "gateways", NS, "edge"), ok(gateway))
        api.on("GET", paths.one_of(ROUTE["apiVersion"], "gateways", NS, "gone"), status(404, "NotFound", "no"))
        place.play()
        assert ingress_look.hosts(Cluster.connect({"host": api.url}), place.release, NS) == lines


def test_a_route_to_another_service_is_named_with_both_sides():
    def change(place: Place) -> None:
        def rules(name: str) -> list:
            return [{"backendRefs": [{"name": name, "port": 8080}]}]

        place.rendered.append({**ROUTE, "spec": {**ROUTE["spec"], "rules": rules("gw")}})
        told = [{"conditions": [{"type": "Accepted", "status": "True"}]}]
        live = {**ROUTE, "spec": {**ROUTE["spec"], "rules": rules("ui")}, "status": {"parents": told}}
        place.api.on("GET", paths.one_of(ROUTE["apiVersion"], "httproutes", NS, "r"), ok(live))

    (cause,) = found(change, ingress_look)
    assert cause.code == "IngressBackend" and "Service/ui port 8080" in cause.evidence and "in the release: Service/gw port 8080" in cause.evidence


def test_a_certificate_says_for_whom_it_is():
    read = certificates.read(certificate(3, "*.example", "b.other"))
    assert read.covers("a.example") and read.covers("B.other") and not read.covers("a.b.example") and not read.covers("example")
    assert certificates.read(b"nothing") is None and certificates.read(b"") is None
