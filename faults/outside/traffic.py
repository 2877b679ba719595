# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on the way to the gateway: Service, NetworkPolicy, Ingress, DNS."""

from __future__ import annotations

import json
from typing import Any

from .. import certificates, kube
from ..kube import kubectl
from ..place import IMAGES, NEW, Place
from . import eye
from .bites import mixed, unreachable, unreachable_from_afar
from .eye import GATEWAY
from .foreign import UPGRADE, WAIT, Foreign, Wanted
from .hands import call, in_turn, policy, port, put, service

BOTH = (WAIT, UPGRADE)
SERVICE = rf"Service/{GATEWAY}"
COMPONENT = "app.kubernetes.io/component"
HTTP, HTTPS = 8088, 8448

# --- Ingress --------------------------------------------------------------------------------------------------------------


def _host(place: Place) -> str:
    return f"{place.name}.example"


def _certificate(place: Place, days: float) -> None:
    certificate, key = certificates.self_signed(_host(place), days)
    place.notes["authority"] = certificate
    kube.apply(
        place.namespace,
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/tls",
            "metadata": {"name": "gateway-tls"},
            "stringData": {"tls.crt": certificate, "tls.key": key},
        },
    )


def _good_certificate(place: Place) -> None:
    _certificate(place, 30)


def _old_certificate(place: Place) -> None:
    _certificate(place, -1)


def _node_address() -> str:
    addresses = json.loads(kubectl("get", "node", kube.NODE, "-o", "json"))["status"]["addresses"]
    return str(next(a["address"] for a in addresses if a["type"] == "InternalIP"))


def not_through_ingress(place: Place) -> str:
    """A client of the ingress controller, in plain HTTP."""
    answer = eye.ask(f"http://{_node_address()}:{HTTP}/api/v1/health", {"Host": _host(place)})
    return "" if answer.version else f"through the Ingress: {answer.status or 'no answer'} {answer.body[:120]}"


def not_trusted(place: Place) -> str:
    """The same in HTTPS, with the certificate checked; its name is looked up in the controller by SNI."""
    script = (
        "import json,socket,ssl,sys\nhost,name,authority=json.load(sys.stdin)\n"
        f"c=ssl.create_default_context(cadata=authority)\ntry:\n c.wrap_socket(socket.create_connection((host,{HTTPS}),5),server_hostname=name)\n print('')\n"
        "except Exception as e:\n print(f'{type(e).__name__}: {e}')\n"
    )
    eye.up()
    told = kubectl(
        "-n", eye.NAMESPACE, "exec", "-i", "eye", "--", "python3", "-c", script, stdin=json.dumps([_node_address(), _host(place), place.notes["authority"]])
    )
    return f"a client that checks the certificate: {told.strip()}" if told.strip() else ""


INGRESS: dict[str, Any] = {
    "base": {
        "oceans_llm_values": {
            "ingress": {
                "enabled": True,
                "className": "traefik",
                "hosts": [{"host": "@ROW@.example"}],
                "tls": [{"secretName": "gateway-tls", "hosts": ["@ROW@.example"]}],
            }
        }
    },
    "needs": ("ingress",),
    "prepare": _good_certificate,
}

# --- DNS ------------------------------------------------------------------------------------------------------------------

#: a name server that knows no name at all
NXDOMAIN = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('', 5353))
while True:
    q, who = s.recvfrom(4096)
    end = 12
    while q[end]: end += q[end] + 1
    s.sendto(q[:2] + b'\\x85\\x83\\x00\\x01\\x00\\x00\\x00\\x00\\x00\\x00' + q[12:end + 5], who)
"""
DNS = "out-dns"


def _stub() -> str:
    """Bring it up; its address."""
    container = {
        "name": "dns",
        "image": f"{IMAGES}/gateway:{NEW}",
        "securityContext": {"runAsUser": 10001},
        "command": ["python3", "-c", NXDOMAIN],
        "resources": {"requests": {"cpu": "5m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
    }
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "dns"}, "spec": {"terminationGracePeriodSeconds": 0, "containers": [container]}}
    kubectl("wait", "--for=delete", f"namespace/{DNS}", "--timeout=60s", check=False)
    kube.apply(DNS, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": DNS}})
    kube.until(lambda: kubectl("-n", DNS, "get", "serviceaccount", "default", "-o", "name", check=False), 30, "the namespace has no ServiceAccount")
    kube.apply(DNS, pod)
    kubectl("-n", DNS, "wait", "--for=condition=Ready", "pod/dns", "--timeout=60s")
    return kubectl("-n", DNS, "get", "pod", "dns", "-o", "jsonpath={.status.podIP}")


def _corefile(change: Any) -> None:
    """Write CoreDNS's configuration and have it read at once."""
    text = json.loads(kubectl("-n", "kube-system", "get", "configmap", "coredns", "-o", "json"))["data"]["Corefile"]
    kubectl("-n", "kube-system", "patch", "configmap", "coredns", "--type=merge", "-p", json.dumps({"data": {"Corefile": change(text)}}))
    kubectl("-n", "kube-system", "rollout", "restart", "deployment/coredns")
    kubectl("-n", "kube-system", "rollout", "status", "deployment/coredns", "--timeout=90s")


def _nobody_knows(zone: str) -> Any:
    def do(place: Place) -> None:
        block = f"{zone}:53 {{\n    forward . {_stub()}:5353\n}}\n"
        _corefile(lambda text: block + text)
        kubectl("-n", place.namespace, "rollout", "restart", f"deployment/{GATEWAY}")

    return do


def _dns_back() -> None:
    _corefile(lambda text: text[text.index(".:53") :])
    kubectl("delete", "namespace", DNS, "--ignore-not-found", "--wait=false", check=False)


def names_lost(place: Place) -> str:
    """The database's name does not resolve in a foreign pod."""
    name = f"postgres.{place.server.namespace}.svc.cluster.local"
    eye.up()
    script = f"import socket\ntry:\n socket.getaddrinfo('{name}', 5432); print('')\nexcept OSError as e: print(e)"
    told = kubectl("-n", eye.NAMESPACE, "exec", "eye", "--", "python3", "-c", script).strip()
    return f"{name}: {told}" if told else ""


ROWS = (
    Foreign(
        "I29",
        "the Service's selector matches no pod",
        Wanted(SERVICE, (r"selector", r"component\W{1,4}nothing|nothing", r"component\W{1,4}gateway|labels")),
        service({"selector": {COMPONENT: "nothing"}}),
        unreachable,
        BOTH,
        quick=True,
        compare=True,
        name="Misconfigured Service selector; wrong_service_selector (S16)",
    ),
    Foreign(
        "I30",
        "the Service is deleted",
        Wanted(SERVICE, (r"does not exist|not found|was deleted|is missing",)),
        call("delete", "service", GATEWAY),
        unreachable,
        BOTH,
        quick=True,
        compare=True,
        name="deleted Service; missing_service (S15)",
    ),
    Foreign(
        "I14",
        "the Service's targetPort is 9999, a port on which nothing listens",
        Wanted(SERVICE, (r"9999", r"8080|targetPort")),
        port(targetPort=9999),
        unreachable,
        BOTH,
        compare=True,
        name="Modified Target Port Kubernetes Service",
    ),
    Foreign("O5", "the Service's port has the protocol UDP", Wanted(SERVICE, (r"UDP",)), port(protocol="UDP"), unreachable, name="port protocol"),
    Foreign(
        "S17",
        "the Service's selector also matches the admin UI's pods",
        Wanted(SERVICE, (r"selector|labels", r"admin-ui")),
        service({"selector": {COMPONENT: None}}),
        mixed,
        BOTH,
        compare=True,
        name="service_wrong_pod_selection",
    ),
    Foreign(
        "S13",
        "a NetworkPolicy that blocks ingress and egress",
        Wanted(r"(NetworkPolicy/)?isolate-gateway", (r"ingress|incoming|into|way in", r"egress|outgoing|out of|way out"), (r"AdminUi",)),
        policy("isolate-gateway", policyTypes=["Ingress", "Egress"]),
        unreachable,
        BOTH,
        needs=("network-policy",),
        compare=True,
        name="network_policy_block",
    ),
    Foreign(
        "S14",
        "a NetworkPolicy that blocks ingress",
        Wanted(r"(NetworkPolicy/)?close-gateway", (r"ingress|incoming|into|way in",), (r"AdminUi",)),
        policy("close-gateway", policyTypes=["Ingress"]),
        unreachable,
        needs=("network-policy",),
        compare=True,
        name="Ingress Port Blocking Network Policy",
    ),
    Foreign(
        "S18",
        "internalTrafficPolicy Local, and the client on another node",
        Wanted(SERVICE, (r"internalTrafficPolicy", r"Local")),
        service({"internalTrafficPolicy": "Local"}),
        unreachable_from_afar,
        needs=("second-node",),
        takes=110,
        name="internal_traffic_policy_local",
    ),
    Foreign(
        "S19",
        "the Ingress leads to the wrong Service",
        Wanted(rf"Ingress/{GATEWAY}", (r"backend|Service|leads|routes", r"admin-ui")),
        call(
            "patch",
            "ingress",
            GATEWAY,
            "--type=json",
            "-p",
            json.dumps([{"op": "replace", "path": "/spec/rules/0/http/paths/0/backend/service/name", "value": "oc-oceans-llm-admin-ui"}]),
        ),
        not_through_ingress,
        compare=True,
        name="ingress_misroute",
        **INGRESS,
    ),
    Foreign(
        "H25",
        "an IngressClass that no controller serves",
        Wanted(rf"Ingress/{GATEWAY}|IngressClass/internal", (r"class", r"internal")),
        in_turn(
            put({"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": "internal"}, "spec": {"controller": "example.com/nobody"}}),
            call("patch", "ingress", GATEWAY, "--type=merge", "-p", json.dumps({"spec": {"ingressClassName": "internal"}})),
        ),
        not_through_ingress,
        mend=lambda: kubectl("delete", "ingressclass", "internal", "--ignore-not-found", check=False) and None,
        name="ingress class",
        **INGRESS,
    ),
    Foreign(
        "S20",
        "the Ingress's certificate expired yesterday",
        Wanted(r"gateway-tls|Ingress/", (r"certificate", r"expired|ran out|notAfter|no longer valid")),
        _old_certificate,
        not_trusted,
        compare=True,
        name="expired_tls",
        **INGRESS,
    ),
    Foreign(
        "S8",
        "CoreDNS says that the database's name does not exist",
        Wanted(r"CoreDNS|cluster DNS|coredns", (r"NXDOMAIN|does not (exist|resolve)|no such name", r"postgres\.out-db")),
        lambda place: _nobody_knows(f"postgres.{place.server.namespace}.svc.cluster.local")(place),
        names_lost,
        alone=True,
        timeout=20,
        mend=_dns_back,
        name="service_dns_resolution_failure",
    ),
    Foreign(
        "S9",
        "CoreDNS says that no Service of the cluster exists",
        Wanted(r"CoreDNS|cluster DNS|coredns", (r"NXDOMAIN|does not (exist|resolve)|no such name",)),
        _nobody_knows("svc.cluster.local"),
        unreachable,
        alone=True,
        timeout=20,
        mend=_dns_back,
        name="stale_coredns_config",
    ),
)
