# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An admission webhook that does what its path says. Runs in a pod, with nothing but Python: hook_server.py CERTIFICATE KEY.

/memory    rewrites every memory limit to 16Mi        /sidecar   adds a container that never ends
/silent    never answers                              /patch     sends a patch that does not apply
/env       adds another POSTGRES_URL                  all else   lets through
"""

from __future__ import annotations

import base64
import json
import ssl
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def patches(path: str, pod: dict[str, Any]) -> list[dict[str, Any]]:
    containers = pod["spec"]["containers"]
    if path == "/memory":
        return [
            {"op": "add", "path": f"/spec/containers/{i}/resources", "value": {"requests": {"memory": "10Mi"}, "limits": {"memory": "10Mi"}}}
            for i in range(len(containers))
        ]
    if path == "/patch":
        return [{"op": "remove", "path": "/spec/none"}]
    if path == "/env":
        other = {"name": "POSTGRES_URL", "value": "postgresql://u:p@shadow-db.example.invalid:5432/d"}
        kinds = [(kind, i) for kind in ("initContainers", "containers") for i, c in enumerate(pod["spec"].get(kind) or ()) if c.get("env")]
        return [{"op": "add", "path": f"/spec/{kind}/{i}/env/-", "value": other} for kind, i in kinds]
    if path == "/sidecar":
        mesh = {
            "name": "mesh-proxy",
            "image": containers[0]["image"],
            "command": ["python3", "-c", "import time; print('mesh proxy: ready', flush=True); time.sleep(86400)"],
            "securityContext": containers[0].get("securityContext") or {},
            "resources": {"requests": {"cpu": "5m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        }
        return [{"op": "add", "path": "/spec/containers/-", "value": mesh}]
    if path == "/image":
        return [
            {"op": "replace", "path": f"/spec/containers/{i}/image", "value": c["image"].replace("/oceans-llm/", "/mirror/")} for i, c in enumerate(containers)
        ]
    if path == "/label":
        return [{"op": "add", "path": "/metadata/labels", "value": {"app": "meshed"}}]
    return []


class Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        path = self.path.split("?")[0]
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if path == "/silent":
            time.sleep(60)
        request = review["request"]
        response: dict[str, Any] = {"uid": request["uid"], "allowed": True}
        found = patches(path, request["object"])
        if found:
            response |= {"patchType": "JSONPatch", "patch": base64.b64encode(json.dumps(found).encode()).decode()}
        answer = {} if path == "/empty" else {"response": response}
        body = json.dumps({"apiVersion": review["apiVersion"], "kind": review["kind"], **answer}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()


if __name__ == "__main__":
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    server = ThreadingHTTPServer(("", 8443), Hook)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()
