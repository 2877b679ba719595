# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small release with a gateway and an admin UI, rolled out and served: what the post-checks look at, for their tests."""

from __future__ import annotations

import copy
import time
from typing import Any

from ansible_collections.oceans.llm.plugins.plugin_utils.helm.releases import Release
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.model import Scope, Snapshot

from .fake_api import FakeApi, objects, ok

NS = "ns"
PROXY = "/api/v1/namespaces/ns/services/http:gw:8080/proxy"
COMPONENT = "app.kubernetes.io/component"
POLICIES = paths.of("networking.k8s.io/v1", "networkpolicies", NS)
INGRESSES = paths.of("networking.k8s.io/v1", "ingresses", NS)


def rfc(ago: float = 0.0) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - ago))


def labels(component: str) -> dict[str, str]:
    return {"app.kubernetes.io/instance": "rel", COMPONENT: component}


def service(name: str = "gw", component: str = "gateway", port: int = 8080, **spec: Any) -> dict[str, Any]:
    ports = [{"name": "http", "port": port, "targetPort": "http", "protocol": "TCP"}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "labels": labels(component)},
        "spec": {"selector": labels(component), "ports": ports, **spec},
    }


def deployment(name: str, component: str, port: int, **container: Any) -> dict[str, Any]:
    main = {"name": component, "image": "reg.example:5000/gw:v0.24.0", "ports": [{"name": "http", "containerPort": port}], **container}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name,
            "namespace": NS,
            "uid": f"uid-{name}",
            "generation": 1,
            "labels": labels(component),
            "annotations": {"deployment.kubernetes.io/revision": "1"},
        },
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels(component)},
            "template": {"metadata": {"labels": labels(component)}, "spec": {"containers": [main]}},
        },
        "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1},
    }


def replicaset(name: str, of: dict[str, Any], current: bool = True) -> dict[str, Any]:
    """The current one has the Deployment's own template, whatever becomes of that."""
    about = of["metadata"]
    owners = [{"uid": about["uid"], "kind": "Deployment", "name": about["name"]}]
    template = of["spec"]["template"] if current else {"spec": {"containers": [{"name": "old"}]}}
    return {"kind": "ReplicaSet", "metadata": {"name": name, "uid": f"uid-{name}", "ownerReferences": owners}, "spec": {"template": template}}


def pod(name: str, replica: str, of: dict[str, Any], ready: bool = True, ago: float = 100.0, **more: Any) -> dict[str, Any]:
    main = of["spec"]["template"]["spec"]["containers"][0]
    return {
        "kind": "Pod",
        "metadata": {
            "name": name,
            "uid": f"uid-{name}",
            "labels": dict(of["spec"]["template"]["metadata"]["labels"]),
            "ownerReferences": [{"uid": f"uid-{replica}", "kind": "ReplicaSet", "name": replica}],
            **more,
        },
        "spec": {"nodeName": "node-1", "containers": [copy.deepcopy(main)]},
        "status": {
            "phase": "Running",
            "podIP": "10.0.0.1",
            "conditions": [{"type": "Ready", "status": "True" if ready else "False", "reason": "x", "message": "y", "lastTransitionTime": rfc(ago - 1)}],
            "containerStatuses": [{"name": main["name"], "ready": ready, "started": True, "restartCount": 0, "state": {"running": {"startedAt": rfc(ago)}}}],
        },
    }


def slice_of(name: str, *pods: str, port: int = 8080, node: str = "node-1", ready: bool = True) -> dict[str, Any]:
    ends = [{"addresses": ["10.0.0.1"], "conditions": {"ready": ready}, "targetRef": {"kind": "Pod", "name": p}, "nodeName": node} for p in pods]
    kept = {"kubernetes.io/service-name": name, "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}
    return {"metadata": {"name": f"{name}-1", "labels": kept}, "ports": [{"name": "http", "port": port}], "endpoints": ends}


class Place:
    """What is live. Change it, then `play` it to the API server."""

    def __init__(self, api: FakeApi) -> None:
        self.api = api
        self.gateway, self.ui = deployment("gw", "gateway", 8080), deployment("ui", "admin-ui", 3000)
        self.rendered: list[dict[str, Any]] = [service(), service("ui", "admin-ui", 3000), copy.deepcopy(self.gateway), copy.deepcopy(self.ui)]
        self.services: dict[str, dict[str, Any] | None] = {"gw": service(), "ui": service("ui", "admin-ui", 3000)}
        self.replicasets = [replicaset("gw-1", self.gateway), replicaset("ui-1", self.ui)]
        self.pods = [pod("gw-a", "gw-1", self.gateway), pod("ui-a", "ui-1", self.ui)]
        self.slices = [slice_of("gw", "gw-a"), slice_of("ui", "ui-a", port=3000)]
        self.policies: list[dict[str, Any]] = []
        self.version, self.ready, self.admin = "0.24.0", 200, 200

    @property
    def release(self) -> Release:
        return Release("rel", NS, 2, "deployed", manifest=tuple(self.rendered))

    @property
    def snapshot(self) -> Snapshot:
        named = {"Deployment": [self.gateway, self.ui], "ReplicaSet": self.replicasets, "Pod": self.pods}
        found = {kind: {o["metadata"]["name"]: o for o in all_of} for kind, all_of in named.items()}
        return Snapshot(time.time(), time.time() - 60, found, Scope(("gw", "ui"), (), NS, "rel", services=("gw", "ui")))

    def play(self) -> Place:
        for name, live in self.services.items():
            if live is not None:
                self.api.on("GET", paths.service(NS, name), ok(live))
        self.api.on("GET", "/version", ok({"gitVersion": "v1.34.0"}))
        self.api.on("GET", paths.endpointslices(NS), objects("EndpointSlice", "1", *self.slices))
        self.api.on("GET", paths.pods(NS), objects("Pod", "1", *self.pods))
        self.api.on("GET", paths.events(NS), objects("Event", "1"))
        self.api.on("GET", POLICIES, objects("NetworkPolicy", "1", *self.policies))
        self.api.on("GET", f"{PROXY}/api/v1/health", ok({"version": self.version}))
        self.api.on("GET", f"{PROXY}/readyz", ok({"status": "x"}, self.ready))
        self.api.on("GET", f"{PROXY}/admin", ok({}, self.admin))
        return self
