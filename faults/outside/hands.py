# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to a healthy release by hand: patches of the gateway's Deployment and Service, as somebody with kubectl makes them. Each returns an `inject`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .. import kube
from ..kube import kubectl
from ..place import IMAGES, NEW, Place
from .eye import GATEWAY

Inject = Callable[[Place], None]
DEPLOYMENT = f"deployment/{GATEWAY}"
IMAGE = f"{IMAGES}/gateway:{NEW}"
POD_SECURITY = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}


def in_turn(*injects: Inject) -> Inject:
    def do(place: Place) -> None:
        for inject in injects:
            inject(place)

    return do


def pod(spec: Mapping[str, Any]) -> Inject:
    """A strategic patch of the gateway's pod spec: a new rollout."""
    return deployment({"template": {"spec": spec}})


def container(**fields: Any) -> Inject:
    return pod({"containers": [{"name": "gateway", **fields}]})


def deployment(spec: Mapping[str, Any]) -> Inject:
    def do(place: Place) -> None:
        kubectl("-n", place.namespace, "patch", DEPLOYMENT, "--type=strategic", "-p", json.dumps({"spec": place.fill(spec)}))

    return do


def json_patch(*operations: Mapping[str, Any], what: str = DEPLOYMENT) -> Inject:
    def do(place: Place) -> None:
        kubectl("-n", place.namespace, "patch", what, "--type=json", "-p", json.dumps(operations))

    return do


def service(spec: Mapping[str, Any]) -> Inject:
    def do(place: Place) -> None:
        kubectl("-n", place.namespace, "patch", f"service/{GATEWAY}", "--type=merge", "-p", json.dumps({"spec": spec}))

    return do


def port(**fields: Any) -> Inject:
    """A field of the Service's one port."""
    return json_patch(*({"op": "replace", "path": f"/spec/ports/0/{k}", "value": v} for k, v in fields.items()), what=f"service/{GATEWAY}")


def restart(place: Place) -> None:
    kubectl("-n", place.namespace, "rollout", "restart", DEPLOYMENT)


def call(*arguments: str) -> Inject:
    """kubectl in the row's namespace; @ROW@ and the like are filled in."""
    return lambda place: kubectl("-n", place.namespace, *(place.fill(a) for a in arguments)) and None


def put(*objects: Mapping[str, Any]) -> Inject:
    return lambda place: kube.apply(place.namespace, *(place.fill(o) for o in objects))


def init_container(name: str, script: str) -> dict[str, Any]:
    return {
        "name": name,
        "image": IMAGE,
        "command": ["sh", "-c", script],
        "securityContext": POD_SECURITY,
        "resources": {"requests": {"cpu": "5m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
    }


def init(name: str, script: str) -> Inject:
    """One more init container, before the others."""
    return json_patch({"op": "add", "path": "/spec/template/spec/initContainers/0", "value": init_container(name, script)})


def sidecar(name: str, command: Sequence[str]) -> Inject:
    """One more container, started before the gateway's."""
    added = {**init_container(name, ""), "command": list(command)}
    return json_patch({"op": "add", "path": "/spec/template/spec/containers/0", "value": added})


def policy(name: str, **spec: Any) -> Inject:
    """A NetworkPolicy that selects the gateway's pods."""
    selector = {"matchLabels": {"app.kubernetes.io/component": "gateway"}}
    metadata = {"name": name}
    return put({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": {"podSelector": selector, **spec}})


def quota(name: str, **hard: str) -> Inject:
    """A ResourceQuota, in force when this returns."""

    def do(place: Place) -> None:
        kube.apply(place.namespace, {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": name}, "spec": {"hard": hard}})
        kubectl("-n", place.namespace, "wait", "--for=jsonpath={.status.hard}", f"resourcequota/{name}", "--timeout=20s")

    return do


def volume(source: Mapping[str, Any]) -> Inject:
    """One more volume, mounted in the gateway."""
    name = "extra"
    return pod({"volumes": [{"name": name, **source}], "containers": [{"name": "gateway", "volumeMounts": [{"name": name, "mountPath": "/extra"}]}]})


def claim(name: str, storage_class: str | None = None, **more: Any) -> Inject:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, **more}
    if storage_class is not None:
        spec["storageClassName"] = storage_class
    return put({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec})
