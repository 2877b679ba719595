# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Admission webhooks that a row puts in the way of its own namespace's pods (hook_server.py answers them)."""

from __future__ import annotations

import base64
import json
import pathlib
import threading
from typing import Any

from .. import certificates, kube
from ..kube import Broken, kubectl
from ..place import IMAGES, NEW, Place

NAMESPACE = "out-hook"
HOST = f"hook.{NAMESPACE}.svc"
#: what hook_server.py writes into a pod
SIGNS = ("10Mi", "shadow-db", "mesh-proxy", "/mirror/")
_lock = threading.Lock()
_authority: list[str] = []


def up() -> str:
    """Bring the server up, once; the PEM that signs it."""
    with _lock:
        if _authority:
            return _authority[0]
        certificate, key = certificates.self_signed(HOST)
        kubectl("wait", "--for=delete", f"namespace/{NAMESPACE}", "--timeout=60s", check=False)
        script = (pathlib.Path(__file__).parent / "hook_server.py").read_text(encoding="utf-8")
        kube.apply(
            NAMESPACE,
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "tls"}, "stringData": {"tls.crt": certificate, "tls.key": key}},
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "server"}, "data": {"server.py": script}},
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "hook"},
                "spec": {"selector": {"app": "hook"}, "ports": [{"port": 443, "targetPort": 8443}]},
            },
            _deployment(),
        )
        kubectl("-n", NAMESPACE, "rollout", "status", "deployment/hook", "--timeout=90s")
        _authority.append(certificate)
        return certificate


def down() -> None:
    if _authority:
        kubectl("delete", "namespace", NAMESPACE, "--wait=false", check=False)
        _authority.clear()


def _deployment() -> dict[str, Any]:
    container = {
        "name": "hook",
        "image": f"{IMAGES}/gateway:{NEW}",
        "securityContext": {"runAsUser": 10001},
        "command": ["python3", "/server/server.py", "/tls/tls.crt", "/tls/tls.key"],
        "readinessProbe": {"httpGet": {"port": 8443, "scheme": "HTTPS"}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "5m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}},
        "volumeMounts": [{"name": "server", "mountPath": "/server"}, {"name": "tls", "mountPath": "/tls"}],
    }
    volumes = [{"name": "server", "configMap": {"name": "server"}}, {"name": "tls", "secret": {"secretName": "tls"}}]
    spec = {"terminationGracePeriodSeconds": 0, "containers": [container], "volumes": volumes}
    labels = {"app": "hook"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "hook"},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": spec}},
    }


def name(place: Place, number: int = 0) -> str:
    return f"{place.namespace}{number or ''}.example.com"


def put(
    place: Place,
    path: str,
    *,
    service: str = "hook",
    authority: str | None = None,
    policy: str = "Fail",
    seconds: int = 5,
    labels: dict[str, str] | None = None,
    count: int = 1,
) -> None:
    """Mutating webhooks on the creation of pods in the row's namespace. `authority`: another one than the server's own."""
    signed = up() if service == "hook" else ""
    bundle = base64.b64encode((authority or signed or certificates.self_signed(HOST)[0]).encode()).decode()
    for number in range(count):
        hook = {
            "name": name(place, number),
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "failurePolicy": policy,
            "timeoutSeconds": seconds,
            "clientConfig": {"service": {"namespace": NAMESPACE, "name": service, "path": path}, "caBundle": bundle},
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": place.namespace}},
            "objectSelector": {"matchLabels": labels or {}},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
        }
        metadata = {"name": name(place, number), "labels": {"oceans-llm.testbed/row": place.name}}
        kube.apply(
            place.namespace,
            {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration", "metadata": metadata, "webhooks": [hook]},
        )
    kube.until(lambda: _in_force(place, labels or {}), 30, "the webhook is not in force")


def _in_force(place: Place, labels: dict[str, str]) -> bool:
    """A webhook has no status that tells: a pod is tried, which is refused, changed, or not answered in time."""
    container = {"name": "try", "image": f"{IMAGES}/gateway:{NEW}", "env": [{"name": "TRY", "value": "yes"}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "try-", "labels": labels}, "spec": {"containers": [container]}}
    try:
        made = kube.request("POST", f"/api/v1/namespaces/{place.namespace}/pods?dryRun=All", pod, seconds=3.0)
    except Broken as error:
        return "serviceaccount" not in str(error)  # the namespace is new
    return made["metadata"].get("labels", {}) != labels or any(sign in json.dumps(made["spec"]) for sign in SIGNS)


def away(row: str) -> None:
    """A row's webhooks, by its name: they outlive its namespace."""
    kubectl("delete", "mutatingwebhookconfiguration", "-l", f"oceans-llm.testbed/row={row}", "--ignore-not-found", check=False)
