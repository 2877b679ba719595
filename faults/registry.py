# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The suite's registry: one that holds the gateway's image, and before it one that misbehaves (registry_front.py)."""

from __future__ import annotations

import pathlib
import threading
from typing import Any

from . import kube
from .kube import kubectl

NAMESPACE = "faults-registry"
#: on the node's own loopback: containerd speaks plain HTTP there; the testbed's own registry has 5000
FRONT, STORE = "127.0.0.1:5007", "127.0.0.1:5008"
_lock = threading.Lock()
_up = False


def image(mode: str) -> str:
    """Repository of the gateway's image under a mode of the front; a key of its own for each row and run, so that no node has it already."""
    return f"{FRONT}/{mode}/@TOKEN@-@ROW@/gateway"


def up() -> None:
    """Bring it up, once."""
    global _up
    with _lock:
        if _up:
            return
        script = (pathlib.Path(__file__).parent / "registry_front.py").read_text()
        kube.kubectl("wait", "--for=delete", f"namespace/{NAMESPACE}", "--timeout=60s", check=False)
        kube.apply(
            NAMESPACE,
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "front"}, "data": {"front.py": script}},
            _deployment(),
        )
        kubectl("-n", NAMESPACE, "rollout", "status", "deployment/registry", "--timeout=60s")
        target = f"{STORE}/gateway:v0.24.0"
        kube.node("ctr", "-n", "k8s.io", "images", "tag", "--force", "127.0.0.1:5000/oceans-llm/gateway:v0.24.0", target)
        kube.node("ctr", "-n", "k8s.io", "images", "push", "--plain-http", target)
        _up = True


def down(token: str) -> None:
    """Away with it, and with the images that were pulled through it."""
    global _up
    if not _up:
        return
    kubectl("delete", "namespace", NAMESPACE, "--wait=false", check=False)
    names = [n for n in kube.node("ctr", "-n", "k8s.io", "images", "ls", "-q").split() if n.startswith((f"{FRONT}/", f"{STORE}/"))]
    if names:
        kube.node("ctr", "-n", "k8s.io", "images", "rm", *names, check=False)
    _up = False


def _deployment() -> dict[str, Any]:
    def container(name: str, **more: Any) -> dict[str, Any]:
        address, port = (STORE if name == "store" else FRONT).split(":")
        return {
            "name": name,
            "imagePullPolicy": "IfNotPresent",
            "readinessProbe": {"httpGet": {"host": address, "port": int(port), "path": "/v2/"}, "periodSeconds": 1},
            "resources": {"requests": {"cpu": "5m", "memory": "32Mi"}, "limits": {"memory": "256Mi"}},
            **more,
        }

    store = container(
        "store",
        image="127.0.0.1:5000/oceans-llm/registry:2",
        env=[{"name": "REGISTRY_HTTP_ADDR", "value": STORE}],
        volumeMounts=[{"name": "data", "mountPath": "/var/lib/registry"}],
    )
    front = container(
        "front",
        image="127.0.0.1:5000/oceans-llm/gateway:v0.24.0",
        securityContext={"runAsUser": 10001},
        command=["python3", "/front/front.py", *FRONT.split(":"), f"http://{STORE}"],
        volumeMounts=[{"name": "front", "mountPath": "/front"}],
    )
    labels = {"app": "registry"}
    spec = {
        "hostNetwork": True,
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
        "securityContext": {"fsGroup": 1000},
        "containers": [store, front],
        "volumes": [{"name": "data", "emptyDir": {}}, {"name": "front", "configMap": {"name": "front"}}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "registry"},
        "spec": {"strategy": {"type": "Recreate"}, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": spec}},
    }
