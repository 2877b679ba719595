# SPDX-License-Identifier: GPL-3.0-or-later
"""An admission webhook in a pod, with nothing but Python: what other people's clusters do to pods. admission_server.py CERTIFICATE KEY.

/openshift   sets the user and group ids that are left out, as the SecurityContextConstraint restricted-v2 does
/scc         does the same, and denies other ids in OpenShift's words
/native      adds a proxy as Istio does since native sidecars: the first init container, restartPolicy Always
/classical   adds it as an ordinary container, unless the pod's label sidecar.istio.io/inject is false
/autopilot   requests where there are none and limits equal to them, in pods and in what makes pods, as GKE Autopilot does
/queue       suspends a Job and labels it with the default queue, as Kueue does

What an object named `which-platform` gets is a warning with the path, so that a test sees which of them is in force.
"""

from __future__ import annotations

import base64
import json
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

FIRST, LAST = 1000700000, 1000709999  # the range that this namespace has


def proxy(pod: dict[str, Any], **more: Any) -> dict[str, Any]:
    like = pod["spec"]["containers"][0]
    # with a trap, because the first process of a container ignores a signal that it has no handler for
    command = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"]
    return {"name": "istio-proxy", "image": like["image"], "command": command, "securityContext": like["securityContext"], **more}


def adjusted(obj: dict[str, Any]) -> list[dict[str, Any]]:
    spec, path = (obj["spec"], "/spec") if obj["kind"] == "Pod" else (obj["spec"]["template"]["spec"], "/spec/template/spec")
    found, before, after = [], [], []
    for kind in ("initContainers", "containers"):
        for number, container in enumerate(spec.get(kind) or []):
            wanted = {"cpu": "50m", "memory": "128Mi", **((container.get("resources") or {}).get("requests") or {})}
            resources = {"requests": wanted, "limits": wanted}
            if container.get("resources") != resources:
                found.append({"op": "add", "path": f"{path}/{kind}/{number}/resources", "value": resources})
                before.append({**(container.get("resources") or {}), "name": container["name"]})
                after.append({**resources, "name": container["name"]})
    if found:
        told = {"input": {"containers": before}, "output": {"containers": after}, "modified": True}
        notes = {"autopilot.gke.io/resource-adjustment": json.dumps(told), "autopilot.gke.io/warden-version": "3.0.14"}
        found.append({"op": "add", "path": "/metadata/annotations", "value": {**(obj["metadata"].get("annotations") or {}), **notes}})
    return found


def denial(pod: dict[str, Any]) -> str:
    """What OpenShift says of ids outside the range: one sentence for all constraints that the ServiceAccount may use."""
    given = pod["spec"].get("securityContext") or {}
    user, group, said = given.get("runAsUser"), given.get("fsGroup"), []
    if group is not None and not FIRST <= group <= LAST:
        said.append(f"provider restricted-v2: .spec.securityContext.fsGroup: Invalid value: []int64{{{group}}}: {group} is not an allowed group")
    if user is not None and not FIRST <= user <= LAST:
        said.append(f"provider restricted-v2: .containers[0].runAsUser: Invalid value: {user}: must be in the ranges: [{FIRST}, {LAST}]")
    forbidden = 'provider "anyuid": Forbidden: not usable by user or serviceaccount'
    return f"unable to validate against any security context constraint: [{', '.join([forbidden, *said])}]" if said else ""


def warnings(path: str, obj: dict[str, Any]) -> list[str]:
    """Headers that kubectl and helm print."""
    if path != "/autopilot":
        return []
    where = f"{obj['kind']} {obj['metadata'].get('namespace')}/{obj['metadata'].get('name') or obj['metadata'].get('generateName')}"
    what = "adjusted resources to meet requirements for all containers (see http://g.co/gke/autopilot-resources)"
    return [f"autopilot-default-resources-mutator:Autopilot updated {where}: {what}"]


def patches(path: str, obj: dict[str, Any]) -> list[dict[str, Any]]:
    kind, meta, spec = obj["kind"], obj["metadata"], obj["spec"]
    if kind == "Pod" and path in ("/openshift", "/scc"):
        ids = {"runAsUser": FIRST, "fsGroup": FIRST}
        return [{"op": "add", "path": "/spec/securityContext", "value": {**ids, **(spec.get("securityContext") or {})}}]
    if kind == "Pod" and path == "/native":
        return [{"op": "add", "path": "/spec/initContainers", "value": [proxy(obj, restartPolicy="Always"), *(spec.get("initContainers") or [])]}]
    if kind == "Pod" and path == "/classical" and (meta.get("labels") or {}).get("sidecar.istio.io/inject") != "false":
        return [{"op": "add", "path": "/spec/containers/-", "value": proxy(obj)}]
    if path == "/autopilot":
        return adjusted(obj)
    if kind == "Job" and path == "/queue":
        labels = {"kueue.x-k8s.io/queue-name": "default", **(meta.get("labels") or {})}
        return [{"op": "add", "path": "/spec/suspend", "value": True}, {"op": "add", "path": "/metadata/labels", "value": labels}]
    return []


def answer(path: str, request: dict[str, Any]) -> dict[str, Any]:
    obj: dict[str, Any] = {"kind": request["kind"]["kind"], **request["object"]}
    response: dict[str, Any] = {"uid": request["uid"], "allowed": True}
    if obj["metadata"].get("name") == "which-platform":
        return {**response, "warnings": [f"emulated: {path}"]}
    denied = denial(obj) if path == "/scc" and obj["kind"] == "Pod" else ""
    if denied:
        return {**response, "allowed": False, "status": {"code": 403, "reason": "Forbidden", "message": denied}}
    # suspended when it is made; whether it may begin later is the queue's to say
    found = [] if path == "/queue" and request["operation"] != "CREATE" else patches(path, obj)
    if found:
        response |= {"patchType": "JSONPatch", "patch": base64.b64encode(json.dumps(found).encode()).decode(), "warnings": warnings(path, obj)}
    return response


class Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        response = answer(self.path.split("?")[0], review["request"])
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
