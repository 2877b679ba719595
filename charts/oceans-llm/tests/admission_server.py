# SPDX-License-Identifier: GPL-3.0-or-later
"""An admission webhook in a pod, with nothing but Python: what other people's clusters do to pods. admission_server.py CERTIFICATE KEY.

/openshift   sets the user and group ids that are left out, as the SecurityContextConstraint restricted-v2 does
/native      adds a proxy as Istio does since native sidecars: the first init container, restartPolicy Always
/classical   adds it as an ordinary container, unless the pod's label sidecar.istio.io/inject is false
/autopilot   requests where there are none and limits equal to them, in pods and in what makes pods, as GKE Autopilot does
/queue       suspends a Job and labels it with the default queue, as Kueue does
"""

from __future__ import annotations

import base64
import json
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

FIRST = 1000700000  # of the range that this namespace has


def proxy(pod: dict[str, Any], **more: Any) -> dict[str, Any]:
    like = pod["spec"]["containers"][0]
    # with a trap, because the first process of a container ignores a signal that it has no handler for
    command = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"]
    return {"name": "istio-proxy", "image": like["image"], "command": command, "securityContext": like["securityContext"], **more}


def adjusted(obj: dict[str, Any]) -> list[dict[str, Any]]:
    spec, path = (obj["spec"], "/spec") if obj["kind"] == "Pod" else (obj["spec"]["template"]["spec"], "/spec/template/spec")
    found = []
    for kind in ("initContainers", "containers"):
        for number, container in enumerate(spec.get(kind) or []):
            wanted = {"cpu": "50m", "memory": "128Mi", **((container.get("resources") or {}).get("requests") or {})}
            resources = {"requests": wanted, "limits": wanted}
            if container.get("resources") != resources:
                found.append({"op": "add", "path": f"{path}/{kind}/{number}/resources", "value": resources})
    if found:
        notes = {"autopilot.gke.io/resource-adjustment": json.dumps({"modified": True}), "autopilot.gke.io/warden-version": "3.0.14"}
        found.append({"op": "add", "path": "/metadata/annotations", "value": {**(obj["metadata"].get("annotations") or {}), **notes}})
    return found


def patches(path: str, pod: dict[str, Any]) -> list[dict[str, Any]]:
    if path == "/openshift":
        ids = {"runAsUser": FIRST, "fsGroup": FIRST}
        return [{"op": "add", "path": "/spec/securityContext", "value": {**ids, **(pod["spec"].get("securityContext") or {})}}]
    if path == "/native":
        return [{"op": "add", "path": "/spec/initContainers", "value": [proxy(pod, restartPolicy="Always"), *(pod["spec"].get("initContainers") or [])]}]
    if path == "/classical" and (pod["metadata"].get("labels") or {}).get("sidecar.istio.io/inject") != "false":
        return [{"op": "add", "path": "/spec/containers/-", "value": proxy(pod)}]
    if path == "/autopilot":
        return adjusted(pod)
    if path == "/queue":
        labels = {"kueue.x-k8s.io/queue-name": "default", **(pod["metadata"].get("labels") or {})}
        return [{"op": "add", "path": "/spec/suspend", "value": True}, {"op": "add", "path": "/metadata/labels", "value": labels}]
    return []


class Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        found = patches(self.path.split("?")[0], review["request"]["object"])
        response = {"uid": review["request"]["uid"], "allowed": True}
        if found:
            response |= {"patchType": "JSONPatch", "patch": base64.b64encode(json.dumps(found).encode()).decode()}
        self.answer(json.dumps({"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response}).encode())

    def do_GET(self) -> None:
        self.answer(b"")

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    server = ThreadingHTTPServer(("", 8443), Hook)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()
