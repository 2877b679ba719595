# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A registry front that misbehaves on purpose. Runs in a pod, with nothing but Python.

python3 registry_front.py ADDRESS PORT UPSTREAM: `/v2/MODE/KEY/REST` is passed on as `/v2/REST`, except that manifests under

    missing      are not there (404)                unauth, denied   need credentials (401), are denied (403)
    limitedN     are refused with 429 for N seconds after the first request of this KEY; downN with 503; lateN with 404
    slowN        take N seconds                     foreign          are of linux/arm64 only
    badexec      have a `gateway` that is built for another machine
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import sys
import tarfile
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ANSWERS = {
    "missing": (404, "MANIFEST_UNKNOWN", "manifest unknown"),
    "late": (404, "MANIFEST_UNKNOWN", "manifest unknown"),
    "unauth": (401, "UNAUTHORIZED", "authentication required"),
    "denied": (403, "DENIED", "requested access to the resource is denied"),
    "limited": (429, "TOOMANYREQUESTS", "You have reached your pull rate limit."),
    "down": (503, "UNAVAILABLE", "service unavailable"),
}
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
begun: dict[str, float] = {}
made: dict[str, bytes] = {}  # digest -> content that is ours
lock = threading.Lock()


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Front(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    upstream = ""

    def do_GET(self) -> None:
        found = re.match(r"/v2/([a-z]+)(\d*)/([^/]+)/(.+)$", self.path)
        if not found:
            self.say(200 if self.path == "/v2/" else 404, b"{}")
            return
        mode, number, key, rest = found.groups()
        if "/blobs/" in rest and rest.rsplit("/", 1)[1] in made:
            self.say(200, made[rest.rsplit("/", 1)[1]], {"Content-Type": "application/octet-stream"})
        elif "/manifests/" in rest and self.refused(mode, number, key):
            status, code, message = ANSWERS[mode]
            headers = {"Content-Type": "application/json"}
            if mode == "unauth":
                headers["Www-Authenticate"] = 'Basic realm="faults"'
            self.say(status, json.dumps({"errors": [{"code": code, "message": message}]}).encode(), headers)
        elif "/manifests/" in rest and mode in ("foreign", "badexec"):
            self.manifest(mode, rest)
        else:
            if "/manifests/" in rest and mode == "slow":
                time.sleep(float(number))
            self.say(*self.ask(rest))

    do_HEAD = do_GET  # noqa: N815 - a name of http.server

    @staticmethod
    def refused(mode: str, number: str, key: str) -> bool:
        if mode not in ANSWERS:
            return False
        with lock:
            since = begun.setdefault(f"{mode}/{key}", time.monotonic())
        return not number or time.monotonic() - since < float(number)

    def manifest(self, mode: str, rest: str) -> None:
        name, reference = rest.split("/manifests/")
        if reference in made:
            body = made[reference]
        else:
            _status, text, headers = self.ask(rest)
            body = index(text, headers.get("Content-Type", MANIFEST)) if mode == "foreign" else self.broken(name, json.loads(text))
            made[digest(body)] = body
        kind = "application/vnd.oci.image.index.v1+json" if mode == "foreign" and b'"manifests"' in body else MANIFEST
        self.say(200, body, {"Content-Type": kind, "Docker-Content-Digest": digest(body)})

    def broken(self, name: str, manifest: dict[str, Any]) -> bytes:
        """The same image with one more layer, in which `gateway` is a program for another machine (ELF, machine 0)."""
        layer = io.BytesIO()
        with tarfile.open(fileobj=layer, mode="w") as archive:
            member = tarfile.TarInfo("usr/local/bin/gateway")
            content = b"\x7fELF\x02\x01\x01" + bytes(57)
            member.size, member.mode = len(content), 0o755
            archive.addfile(member, io.BytesIO(content))
        packed = gzip.compress(layer.getvalue(), mtime=0)
        config = json.loads(self.ask(f"{name}/blobs/{manifest['config']['digest']}")[1])
        config["rootfs"]["diff_ids"].append(digest(layer.getvalue()))
        config.pop("history", None)
        text = json.dumps(config).encode()
        for blob in (packed, text):
            made[digest(blob)] = blob
        manifest["config"].update(digest=digest(text), size=len(text))
        kind = manifest["layers"][-1]["mediaType"].split(".tar")[0]
        zipped = f"{kind}.tar+gzip" if "oci" in kind else "application/vnd.docker.image.rootfs.diff.tar.gzip"
        manifest["layers"].append({"mediaType": zipped, "digest": digest(packed), "size": len(packed)})
        manifest["mediaType"] = manifest.get("mediaType", MANIFEST)
        return json.dumps(manifest).encode()

    def ask(self, rest: str) -> tuple[int, bytes, dict[str, str]]:
        asked = {k: v for k, v in self.headers.items() if k.lower() in ("accept", "range")}
        try:
            answer = urllib.request.urlopen(urllib.request.Request(f"{self.upstream}/v2/{rest}", headers=asked))
        except urllib.error.HTTPError as error:
            answer = error
        kept = ("content-type", "docker-content-digest", "etag")
        return answer.status, answer.read(), {k.title(): v for k, v in answer.headers.items() if k.lower() in kept}

    def say(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def index(manifest: bytes, kind: str) -> bytes:
    """An index in which this manifest is the build for another architecture."""
    entry = {"mediaType": kind, "digest": digest(manifest), "size": len(manifest), "platform": {"os": "linux", "architecture": "arm64"}}
    return json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [entry]}).encode()


if __name__ == "__main__":
    Front.upstream = sys.argv[3]
    ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Front).serve_forever()
