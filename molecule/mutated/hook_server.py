# SPDX-License-Identifier: GPL-3.0-or-later
"""A mutating webhook in the manner of GKE Autopilot: hook_server.py CERTIFICATE KEY. Its annotation has the platform's own words."""

from __future__ import annotations

import base64
import json
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LEAST = {"cpu": "50m", "memory": "64Mi", "ephemeral-storage": "20Mi"}


def patches(obj: dict[str, Any]) -> list[dict[str, Any]]:
    """Requests where there are none, limits equal to them, and the annotation."""
    pod = obj["kind"] == "Pod"
    spec, path = (obj["spec"], "/spec") if pod else (obj["spec"]["template"]["spec"], "/spec/template/spec")
    found, changed = [], []
    for kind in ("initContainers", "containers"):
        for number, container in enumerate(spec.get(kind) or []):
            wanted = {**LEAST, **((container.get("resources") or {}).get("requests") or {})}
            resources = {"requests": wanted, "limits": wanted}
            if container.get("resources") != resources:
                found.append({"op": "add", "path": f"{path}/{kind}/{number}/resources", "value": resources})
                changed.append({"name": container["name"], **resources})
    if found:
        notes = {**(obj["metadata"].get("annotations") or {})}
        notes["autopilot.gke.io/resource-adjustment"] = json.dumps({"input": {}, "output": {"containers": changed}, "modified": True})
        notes["autopilot.gke.io/warden-version"] = "3.0.14"
        found.append({"op": "add", "path": "/metadata/annotations", "value": notes})
    return found


class Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        patch = base64.b64encode(json.dumps(patches(review["request"]["object"])).encode()).decode()
        answer = {"uid": review["request"]["uid"], "allowed": True, "patchType": "JSONPatch", "patch": patch}
        self.told(json.dumps({"apiVersion": review["apiVersion"], "kind": review["kind"], "response": answer}).encode())

    def do_GET(self) -> None:
        self.told(b"{}")

    def told(self, body: bytes) -> None:
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
