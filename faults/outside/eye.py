# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody foreign who looks: pods in a namespace of their own that ask a Service by its name, as any client in the cluster does."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import Any

from .. import kube
from ..kube import Broken, kubectl
from ..place import IMAGES, NEW, RELEASE, Place

NAMESPACE = "out-eye"
GATEWAY = f"{RELEASE}-oceans-llm-gateway"
SECOND = "oceans-llm.testbed/second"
_lock = threading.Lock()
_up: set[str] = set()

PORT = 8000

#: asks until an answer is not the gateway's, and answers with the last one; runs in the pod, with nothing but Python
SERVER = f"""
import http.server, json, urllib.request, urllib.error
def ask(url, headers, seconds):
    try:
        answer = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=seconds)
        return {{'status': answer.status, 'body': answer.read(400).decode(errors='replace')}}
    except urllib.error.HTTPError as error:
        return {{'status': error.code, 'body': error.read(400).decode(errors='replace')}}
    except Exception as error:
        return {{'status': 0, 'body': f'{{type(error).__name__}}: {{error}}'}}
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        url, headers, seconds, times = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
        for _ in range(times):
            last = ask(url, headers, seconds)
            if last['status'] != 200 or '"version"' not in last['body']:
                break
        body = json.dumps(last).encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(('', {PORT}), Handler).serve_forever()
"""


@dataclass(frozen=True)
class Answer:
    """Of one request; `status` 0: there was none, and `body` says why."""

    status: int
    body: str

    @property
    def version(self) -> str:
        """Of the gateway; empty: something else answered, or nothing did."""
        try:
            return str(json.loads(self.body)["version"]) if self.status == 200 else ""
        except (ValueError, KeyError, TypeError):
            return ""


def _pod(name: str, **more: Any) -> dict[str, Any]:
    container = {
        "name": "eye",
        "image": f"{IMAGES}/gateway:{NEW}",
        "securityContext": {"runAsUser": 10001},
        "command": ["python3", "-c", SERVER],
        "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "5m", "memory": "32Mi"}, "limits": {"memory": "256Mi"}},
    }
    spec = {"terminationGracePeriodSeconds": 0, "automountServiceAccountToken": False, "containers": [container], **more}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}}, "spec": spec}


def up(name: str = "eye") -> None:
    """`eye`: on the first node; `far`: on the second."""
    with _lock:
        if name in _up:
            return
        there = {"nodeSelector": {SECOND: ""}, "tolerations": [{"key": SECOND, "operator": "Exists"}]} if name == "far" else {}
        kubectl("wait", "--for=delete", f"namespace/{NAMESPACE}", "--timeout=60s", check=False)
        kube.apply(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        kube.until(lambda: kubectl("-n", NAMESPACE, "get", "serviceaccount", "default", "-o", "name", check=False), 30, "the namespace has no ServiceAccount")
        kube.apply(NAMESPACE, _pod(name, **there))
        kubectl("-n", NAMESPACE, "wait", "--for=condition=Ready", f"pod/{name}", "--timeout=120s")
        _up.add(name)


def down() -> None:
    if _up:
        kubectl("delete", "namespace", NAMESPACE, "--wait=false", check=False)
        _up.clear()


def ask(url: str, headers: dict[str, str] | None = None, seconds: float = 4.0, pod: str = "eye", times: int = 1) -> Answer:
    """Requests out of a pod, until one is not answered by a gateway."""
    up(pod)
    path = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}:{PORT}/proxy/"
    try:
        return Answer(**kube.request("POST", path, [url, headers or {}, seconds, times]))
    except (Broken, ValueError, TypeError) as error:
        return Answer(0, f"the look itself failed: {error}")


def gateway(place: Place, path: str = "/api/v1/health", pod: str = "eye", times: int = 1) -> Answer:
    """The gateway by the name and the ClusterIP of its Service."""
    return ask(f"http://{GATEWAY}.{place.namespace}.svc.cluster.local:8080{path}", pod=pod, times=times)
