# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""More faults of the kinds of the first table, put down after it: changes by hand, a database that is lost, addresses that are nobody's, DNS."""

from __future__ import annotations

import json
from typing import Any

from .. import kube, registry
from ..kube import kubectl
from ..place import Place
from . import eye
from .bites import either, killed, mixed, stuck, unreachable
from .controls import HEALTHY, NO_LIMITS
from .eye import GATEWAY
from .foreign import UPGRADE, WAIT, Foreign, Wanted
from .hands import DEPLOYMENT, IMAGE, POD_SECURITY, Inject, call, container, deployment, in_turn, pod, policy, put, restart, service
from .traffic import INGRESS, names_lost, not_through_ingress, not_trusted
from .workload import OWN, G

BOTH = (WAIT, UPGRADE)
CONFIG = "oc-oceans-llm-config"
SERVICE = rf"Service/{GATEWAY}"
LABELS = {"app.kubernetes.io/name": "oceans-llm", **OWN}
HTTP = ["python3", "-m", "http.server", "8080"]


def _config(old: str, new: str) -> Inject:
    """Somebody edits the gateway's ConfigMap, and restarts the gateway so that it is read."""

    def do(place: Place) -> None:
        text = kube.get(place.namespace, "configmap", f"--field-selector=metadata.name={CONFIG}")[0]["data"]["gateway.yaml"]
        if old not in text:
            raise kube.Broken(f"the configuration has no {old}")
        kubectl("-n", place.namespace, "patch", "configmap", CONFIG, "--type=merge", "-p", json.dumps({"data": {"gateway.yaml": text.replace(old, new)}}))
        restart(place)

    return do


def _database_lost(place: Place) -> None:
    """The database's Service is deleted, and the sessions end: the pods run on and find nobody."""
    kubectl("-n", place.server.namespace, "delete", "service", "postgres")
    place.server.psql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{place.database}';")


def _wall(place: Place) -> None:
    """A NetworkPolicy in the database's namespace that admits its own pods only."""
    wall = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "only-own"}}
    kube.apply(place.server.namespace, {**wall, "spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": [{"podSelector": {}}]}]}})
    restart(place)


def _twin() -> dict[str, Any]:
    """Another Deployment whose pods have the gateway's labels."""
    main = {"name": "twin", "image": IMAGE, "command": HTTP, "ports": [{"name": "http", "containerPort": 8080}], "securityContext": POD_SECURITY}
    limits = {"resources": {"requests": {"cpu": "5m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}}}
    spec = {"terminationGracePeriodSeconds": 0, "securityContext": {"runAsUser": 10001}, "containers": [{**main, **limits}]}
    template = {"metadata": {"labels": LABELS}, "spec": spec}
    body = {"replicas": 1, "selector": {"matchLabels": LABELS}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "twin"}, "spec": body}


EXTRA = {
    "apiVersion": "discovery.k8s.io/v1",
    "kind": "EndpointSlice",
    "metadata": {"name": "extra", "labels": {"kubernetes.io/service-name": GATEWAY}},
    "addressType": "IPv4",
    "endpoints": [{"addresses": ["192.0.2.7"], "conditions": {"ready": True}}],
    "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
}
LIMIT_RANGE = {
    "apiVersion": "v1",
    "kind": "LimitRange",
    "metadata": {"name": "small"},
    "spec": {"limits": [{"type": "Container", "default": {"memory": "12Mi"}, "defaultRequest": {"memory": "8Mi"}}]},
}


def no_admin(place: Place) -> str:
    """The admin UI is not reached through the gateway."""
    answer = eye.gateway(place, "/admin")
    return f"/admin: {answer.status or 'no answer'} {answer.body[:120]}" if answer.status == 0 or answer.status >= 500 else ""


def unavailable(place: Place) -> str:
    """kubectl: the Deployment has pods that do not count as available."""
    found = kube.get(place.namespace, "deployment", f"--field-selector=metadata.name={GATEWAY}")
    status = (found[0].get("status") or {}) if found else {}
    missing = int(status.get("unavailableReplicas") or 0)
    return f"{missing} pods of the Deployment are not available" if missing or not found else ""


def private_image(place: Place) -> None:
    """An image that its registry gives to nobody without a login, and the pull Secret `regcred`, which may not exist."""
    image = f"{place.fill(registry.image('unauth'))}:v0.24.0"
    pod({"imagePullSecrets": [{"name": "regcred"}], "containers": [{"name": "gateway", "image": image}]})(place)


def _dns_gone(place: Place) -> None:
    kubectl("-n", "kube-system", "scale", "deployment/coredns", "--replicas=0")
    kubectl("-n", "kube-system", "wait", "--for=delete", "pod", "-l", "k8s-app=kube-dns", "--timeout=60s", check=False)
    restart(place)


def _dns_back() -> None:
    kubectl("-n", "kube-system", "scale", "deployment/coredns", "--replicas=2")
    kubectl("-n", "kube-system", "rollout", "status", "deployment/coredns", "--timeout=90s")


SLOW_PROBE = {"exec": {"command": ["sleep", "5"]}, "httpGet": None, "periodSeconds": 1, "timeoutSeconds": 1, "failureThreshold": 1, "initialDelaySeconds": 0}
ROWS = (
    Foreign(
        "S50",
        "the gateway's ConfigMap is edited and is no longer valid YAML",
        Wanted(rf"ConfigMap/{CONFIG}", (r"YAML", r"kubectl")),
        _config("server:", "server: ["),
        name="configmap_drift",
    ),
    Foreign(
        "S51",
        "the gateway's ConfigMap is edited: the gateway listens on another address",
        Wanted(rf"ConfigMap/{CONFIG}", (r"bind", r"kubectl")),
        _config(":8080", ":8089"),
        name="configmap_drift; incorrect_port_assignment",
    ),
    Foreign(
        "C1",
        "an environment variable of the gateway is changed by hand: the admin UI's address is wrong",
        Wanted(r"ADMIN_UI_UPSTREAM", (r"nowhere", r"kubectl")),
        call("set", "env", DEPLOYMENT, "ADMIN_UI_UPSTREAM=http://nowhere.example.invalid:3000"),
        no_admin,
        name="environment variable address mismatch",
    ),
    Foreign(
        "S52",
        "the database's Service is deleted while the gateway runs",
        Wanted(r"postgres", (r"no Service|does not exist|not found",)),
        _database_lost,
        unreachable,
        own_server=True,
        name="missing_service, of the database",
    ),
    Foreign(
        "S53",
        "a NetworkPolicy in the database's namespace admits only pods of that namespace",
        Wanted(r"NetworkPolicy/only-own", (r"does not admit|ingress",)),
        _wall,
        needs=("network-policy",),
        own_server=True,
        name="network_policy_block, of the database",
    ),
    Foreign(
        "S54",
        "a CPU limit with which the gateway cannot start in the time of its startup probe",
        Wanted(G, (r"CPU", r"\b1m\b")),
        container(resources={"requests": {"cpu": "1m"}, "limits": {"cpu": "1m"}}, startupProbe={"periodSeconds": 1, "failureThreshold": 3}),
        name="cfs_cpu_throttling",
    ),
    Foreign(
        "S55",
        "a liveness probe that allows 1 s for an answer that takes 5 s",
        Wanted(G, (r"liveness", r"timeoutSeconds 1|timed out")),
        container(livenessProbe=SLOW_PROBE, readinessProbe={"periodSeconds": 1}),
        either(stuck, killed),
        name="liveness_probe_too_aggressive",
    ),
    Foreign(
        "S56",
        "a NetworkPolicy that admits a namespace which does not exist",
        Wanted(r"NetworkPolicy/only-edge", (r"ingress|way in",)),
        policy("only-edge", policyTypes=["Ingress"], ingress=[{"from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingres"}}}]}]),
        unreachable,
        needs=("network-policy",),
        name="network_policy_block",
    ),
    Foreign(
        "K1",
        "the gateway's Deployment is deleted",
        Wanted(rf"Deployment/{GATEWAY}", (r"does not exist|was deleted|is missing",)),
        call("delete", DEPLOYMENT),
        unreachable,
        BOTH,
        name="debug deployments",
    ),
    Foreign(
        "K2",
        "minReadySeconds 3000: new pods do not count as available",
        Wanted(rf"Deployment/{GATEWAY}", (r"minReadySeconds", r"3000")),
        in_turn(deployment({"minReadySeconds": 3000, "progressDeadlineSeconds": 4000}), restart),
        unavailable,
        name="debug deployments",
    ),
    Foreign(
        "K3",
        "another Deployment has the gateway's labels",
        Wanted(rf"{SERVICE}|Deployment/twin", (r"Deployment/twin", r"behind|labels|selector")),
        in_turn(put(_twin()), call("rollout", "status", "deployment/twin", "--timeout=60s")),
        mixed,
        name="overlapping selectors",
    ),
    Foreign(
        "K4",
        "an EndpointSlice created by hand sends some requests to no pod",
        Wanted(rf"EndpointSlice/extra|{SERVICE}", (r"192\.0\.2\.7",)),
        put(EXTRA),
        mixed,
        name="EndpointSlices of a Service",
    ),
    Foreign(
        "K5",
        "the Service gets the type ExternalName and another host",
        Wanted(SERVICE, (r"ExternalName", r"old\.example")),
        service({"type": "ExternalName", "externalName": "old.example.invalid"}),
        unreachable,
        name="debug services",
    ),
    Foreign(
        "K6",
        "the Ingress's TLS Secret is deleted",
        Wanted(r"gateway-tls", (r"does not exist|not found|missing",)),
        call("delete", "secret", "gateway-tls"),
        not_trusted,
        name="ingress TLS secret",
        **INGRESS,
    ),
    Foreign(
        "K7",
        "the Ingress's host is mistyped by hand",
        Wanted(rf"Ingress/{GATEWAY}", (r"rule|host", r"exampel")),
        call("patch", "ingress", GATEWAY, "--type=json", "-p", json.dumps([{"op": "replace", "path": "/spec/rules/0/host", "value": "k7.exampel"}])),
        not_through_ingress,
        name="ingress host",
        **INGRESS,
    ),
    Foreign(
        "K8",
        "a LimitRange gives containers without a limit too little memory",
        Wanted(r"container gateway|" + G, (r"LimitRange", r"12Mi")),
        in_turn(put(LIMIT_RANGE), NO_LIMITS),
        name="limit range defaults",
    ),
    Foreign(
        "C2",
        "the registry requires a pull Secret that does not exist",
        Wanted(r"regcred", (r"does not exist|not found|missing", r"denies|401|authenti")),
        private_image,
        needs=("registry",),
        name="missing image pull secret",
    ),
    Foreign(
        "C3",
        "CoreDNS is scaled to 0",
        Wanted(r"coredns|CoreDNS", (r"0 of 0|no ready|replicas.{0,3}0",)),
        _dns_gone,
        names_lost,
        alone=True,
        timeout=20,
        mend=_dns_back,
        name="cluster DNS is down",
    ),
    Foreign("byhand", "an environment variable without effect is set by hand", None, call("set", "env", DEPLOYMENT, "NOTE=x"), HEALTHY),
    Foreign("settle", "minReadySeconds: 5 is set by hand", None, in_turn(deployment({"minReadySeconds": 5}), restart), HEALTHY),
)
