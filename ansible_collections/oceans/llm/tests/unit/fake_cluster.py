# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A namespace that changes while it is watched: a small release, which a fake helm program installs over HTTP."""

from __future__ import annotations

import base64
import gzip
import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.watch import KINDS

from .fake_api import Answer, FakeApi, Handler, ok, status

NS, NAME = "ns", "rel"
LEASE = paths.lease(NS, f"oceans-llm-{NAME}")
PROXY = f"/api/v1/namespaces/{NS}/services/http:gw:8080/proxy"
GATEWAY = {"labels": {"app.kubernetes.io/component": "gateway"}}
MIGRATION = {"labels": {"app.kubernetes.io/component": "migration"}}
POD_SPEC = {"containers": [{"name": "gateway", "image": "reg.example/gw:v0.24.0"}]}
WEB = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", **GATEWAY}, "spec": {"replicas": 1, "template": {"spec": POD_SPEC}}}
SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "gw", **GATEWAY}, "spec": {"ports": [{"port": 8080}], "selector": {"a": "b"}}}
MIGRATE = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "mig", **MIGRATION}, "spec": {"backoffLimit": 3, "template": {"spec": POD_SPEC}}}


def stamp(ago: float = 0.0) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - ago))


def record(revision: int, state: str) -> dict[str, Any]:
    """Helm's JSON of a revision of the release."""
    return {
        "name": NAME,
        "namespace": NS,
        "version": revision,
        "info": {"status": state, "last_deployed": stamp()},
        "chart": {"metadata": {"name": "oceans-llm", "version": "0.1.0", "appVersion": "v0.24.0"}},
        "manifest": "\n---\n".join(json.dumps(o) for o in (WEB, SERVICE)),
        "hooks": [{"events": ["post-install"], "manifest": json.dumps(MIGRATE)}],
    }


class FakeCluster:
    """`refuse(method, path)` may answer any request of the Kubernetes API; `hooks` are called when a request for their path comes in."""

    def __init__(self, api: FakeApi) -> None:
        self.api = api
        self.refuse: Callable[[str, str], Answer | None] = lambda _method, _path: None
        self.hooks: dict[tuple[str, str], Callable[[], Any]] = {}
        self._closing: set[str] = set()
        api.at_end.append(lambda: self.close(*self._log))
        self._version, self._changed = 10, threading.Condition()
        self._log: dict[str, list[tuple[int, str, dict[str, Any]]]] = defaultdict(list)
        self.objects: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
        cluster, scripts = self, api.script

        class Script(defaultdict):  # type: ignore[type-arg]
            def get(self, key: tuple[str, str], default: Any = None) -> Any:
                method, path = key
                cluster.hooks.pop(key, lambda: None)()
                refused = cluster.refuse(method, path) if path.startswith("/api") else None
                return [refused] if refused else dict.get(self, key, default) or cluster.answers(method, path)

        api.script = Script(list, scripts)
        api.on("GET", paths.namespace(NS), ok({"metadata": {"name": NS}}))
        api.on("POST", paths.leases(NS), self.write("leases"))
        api.on("GET", f"{PROXY}/api/v1/health", ok({"version": "0.24.0"}))
        api.on("GET", f"{PROXY}/readyz", ok({}))
        api.on("GET", f"{PROXY}/admin", ok({}))

    # --- what the API server does -------------------------------------------------------------------------------------

    def answers(self, method: str, path: str) -> list[Answer] | None:
        """Lists, watches and single objects of what is there."""
        plural, _slash, name = path.split(f"/namespaces/{NS}/", 1)[-1].partition("/")
        if f"/namespaces/{NS}/" not in path or "/" in name:
            return None
        if method == "WATCH":
            return [lambda h: self.watch(plural, h)]
        if not name:
            return [lambda h: self.list(plural, h)] if method == "GET" else None
        if method == "DELETE":
            return [lambda h: self.delete(plural, name, h)]
        if name not in self.objects[plural]:
            return None
        return [ok(self.objects[plural][name])] if method == "GET" else [self.write(plural, name)]

    def put(self, plural: str, obj: dict[str, Any]) -> dict[str, Any]:
        with self._changed:
            name, self._version = obj["metadata"]["name"], self._version + 1
            was = self.objects[plural].get(name)
            meta = {"uid": f"uid-{name}", "creationTimestamp": stamp(), **(was or {}).get("metadata", {}), **obj["metadata"]}
            made = {**obj, "metadata": {**meta, "resourceVersion": str(self._version)}}
            self.objects[plural][name] = made
            self._log[plural].append((self._version, "MODIFIED" if was else "ADDED", made))
            self._changed.notify_all()
        return made

    def until(self, true: Callable[[], bool]) -> bool:
        """Wait for a change that makes it true."""
        with self._changed:
            return self._changed.wait_for(true, 60)

    def remove(self, plural: str, name: str) -> None:
        with self._changed:
            gone, self._version = self.objects[plural].pop(name, None), self._version + 1
            if gone:
                self._log[plural].append((self._version, "DELETED", {**gone, "metadata": {**gone["metadata"], "resourceVersion": str(self._version)}}))
                self._changed.notify_all()

    def list(self, plural: str, handler: Handler) -> None:
        wanted = handler.path
        items = [o for o in self.objects[plural].values() if "job-name" not in wanted or (o["metadata"].get("labels") or {}).get("job-name") == "mig"]
        items = [o for o in items if "owner%3Dhelm" not in wanted or (o["metadata"].get("labels") or {}).get("owner") == "helm"]
        ok({"kind": "List", "metadata": {"resourceVersion": str(self._version)}, "items": items})(handler)

    def watch(self, plural: str, handler: Handler) -> None:
        query = parse_qs(urlsplit(handler.path).query)
        seen, end = int(query["resourceVersion"][0]), time.monotonic() + min(20, int(query["timeoutSeconds"][0]))
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        last = False
        while not last:
            with self._changed:
                self._changed.wait_for(lambda seen=seen: plural in self._closing or self._newer(plural, seen), end - time.monotonic())
                last, new = time.monotonic() > end or plural in self._closing, self._newer(plural, seen)
            for version, kind, obj in new:
                seen, data = version, json.dumps({"type": kind, "object": obj}).encode() + b"\n"
                handler.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
                handler.wfile.flush()
        handler.wfile.write(b"0\r\n\r\n")
        handler.close_connection = True

    def _newer(self, plural: str, seen: int) -> list[tuple[int, str, dict[str, Any]]]:
        return [entry for entry in self._log[plural] if entry[0] > seen]

    def close(self, *plurals: str) -> None:
        """End the watches of these, and those that are still begun."""
        with self._changed:
            self._closing.update(plurals)
            self._changed.notify_all()

    def write(self, plural: str, name: str = "") -> Answer:
        """POST, and merge patch as far as it is needed: two levels, and the resourceVersion."""

        def answer(handler: Handler) -> None:
            body = json.loads(next(b for _m, p, _q, b in reversed(self.api.seen) if p == handler.path.split("?")[0] and b))
            was = self.objects[plural].get(name) or {}
            known = (body.get("metadata") or {}).get("resourceVersion")
            if known and known != was["metadata"]["resourceVersion"]:
                return status(409, "Conflict", "the object has been modified")(handler)
            merged = {**was, **{k: {**was.get(k, {}), **v} if isinstance(v, dict) else v for k, v in body.items()}}
            return ok(self.put(plural, merged))(handler)

        return answer

    def delete(self, plural: str, name: str, handler: Handler) -> None:
        self.remove(plural, name)
        ok({})(handler)

    # --- what Helm and the controllers do -------------------------------------------------------------------------------

    def helm_record(self, state: str, revision: int = 1) -> None:
        packed = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(record(revision, state)).encode()))).decode()
        labels = {"owner": "helm", "name": NAME, "version": str(revision), "status": state}
        self.put("secrets", {"metadata": {"name": f"sh.helm.release.v1.{NAME}.v{revision}", "labels": labels}, "data": {"release": packed}})

    def migrating(self) -> None:
        """Helm waits for its hook: the Job's pod runs."""
        self.helm_record("pending-install")
        self.put("jobs", {**MIGRATE, "status": {"active": 1}})
        owner = {"kind": "Job", "name": "mig", "uid": "uid-mig", "controller": True}
        meta = {"name": "mig-x", "labels": {"job-name": "mig"}, "ownerReferences": [owner]}
        running = [{"name": "gateway", "ready": True, "state": {"running": {"startedAt": stamp()}}}]
        self.put("pods", {"kind": "Pod", "metadata": meta, "spec": POD_SPEC, "status": {"phase": "Running", "containerStatuses": running}})

    def complete(self) -> None:
        """Everything is done at once."""
        self.helm_record("deployed")
        if "mig-x" in self.objects["pods"]:
            ended = [{"name": "gateway", "state": {"terminated": {"exitCode": 0, "startedAt": stamp(2), "finishedAt": stamp()}}}]
            self.put("pods", {**self.objects["pods"]["mig-x"], "status": {"phase": "Succeeded", "containerStatuses": ended}})
        done = [{"type": "Complete", "status": "True", "lastTransitionTime": stamp()}]
        self.put("jobs", {**MIGRATE, "status": {"succeeded": 1, "conditions": done}})
        revision = {"annotations": {"deployment.kubernetes.io/revision": "1"}, "generation": 1}
        counts = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1}
        owner = {"kind": "Deployment", "name": "web", "uid": "uid-web", "controller": True}
        meta = {"name": "web-1", **revision, "ownerReferences": [owner]}
        self.put("replicasets", {"kind": "ReplicaSet", "metadata": meta, "spec": {"replicas": 1}, "status": {"replicas": 1}})
        behind = [{"addresses": ["10.0.0.1"], "conditions": {"ready": True}}]
        self.put("endpointslices", {"metadata": {"name": "gw-1", "labels": {"kubernetes.io/service-name": "gw"}}, "endpoints": behind})
        self.put("deployments", {**WEB, "metadata": {**WEB["metadata"], **revision}, "status": counts})

    @property
    def alive(self) -> list[str]:
        """The pods of Jobs that run."""
        pods = self.objects["pods"].items()
        return [n for n, p in pods if (p.get("status") or {}).get("phase") == "Running" and "job-name" in (p["metadata"].get("labels") or {})]

    @property
    def holder(self) -> str:
        return str((self.objects["leases"].get(f"oceans-llm-{NAME}") or {"spec": {}})["spec"].get("holderIdentity") or "")


assert set(KINDS.values()) >= {"deployments", "jobs", "pods"}, "the double answers for the kinds that are watched"
