# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Post-checks: what a user of the release gets, asked through its Services. Helm and Kubernetes are not believed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..helm.releases import Release
from ..kube import paths
from ..kube.client import ApiError, Cluster
from ..kube.objects import COMPONENT, meta
from ..secrets import digest
from .causes.cause import cause as make
from .model import Cause, Snapshot, new_replicaset, pods_of

#: seconds that the way to a pod that has just become ready may take to open (endpoints, kube-proxy), and between two tries
SETTLE, AGAIN = 10.0, 0.3
#: seconds for which an error of the admin UI itself has to last
ANSWERED = 1.0


@dataclass(frozen=True)
class Served:
    """What was found: `version` served (empty: not known), `wrong` (None: all is well), `unchecked`: why something was not asked."""

    version: str = ""
    wrong: Cause | None = None
    unchecked: str = ""


def gateway_service(manifest: Iterable[Mapping[str, Any]]) -> tuple[str, int] | None:
    """Name and port of the gateway's Service among rendered objects; None in a release that has none."""
    for obj in manifest:
        if obj.get("kind") == "Service" and _component(obj) == "gateway":
            return obj["metadata"]["name"], int(obj["spec"]["ports"][0]["port"])
    return None


def expected_version(release: Release, asked: str) -> str:
    """The version that has to be served: what was asked for, else the gateway's image tag when it is a version."""
    tag = asked
    if not tag:
        for obj in release.manifest:
            if obj.get("kind") == "Deployment" and _component(obj) == "gateway":
                image = str(obj["spec"]["template"]["spec"]["containers"][0].get("image") or "").split("@", 1)[0]
                tag = image.rsplit(":", 1)[1] if ":" in image.rsplit("/", 1)[-1] else ""
    bare = tag.split("@", 1)[0].removeprefix("v")
    return bare if bare[:1].isdigit() and "." in bare else ""


def check(cluster: Cluster, snapshot: Snapshot, release: Release, expected: str, key: bytes | None = None) -> Served:
    """Everything that a deployment which Helm calls deployed may still lack. `key`: of the Secrets' digests (secrets.digest)."""
    namespace, service = snapshot.scope.namespace, gateway_service(release.manifest)
    stale = _secrets(cluster, snapshot, release, key)
    if stale:
        return Served(wrong=stale)
    if service is None:
        return Served()
    begun = time.monotonic()
    while True:
        try:
            found = _ask(cluster, snapshot, namespace, *service, expected)
        except ApiError as error:
            if error.status != 403:
                raise
            return Served(unchecked=f"what is served was not asked for: {error}")
        if found.wrong is None or time.monotonic() - begun > settle(found.wrong):
            return found
        time.sleep(AGAIN)  # a connection has no watch


def settle(wrong: Cause) -> float:
    """Seconds for which something wrong is asked for again. A way that is not open yet is one thing, an answer that came is another."""
    if wrong.code == "WrongVersionServed":
        return 0.0
    answered = wrong.code == "AdminUiDown" and "admin_ui_upstream_unavailable" not in wrong.evidence
    return ANSWERED if answered else SETTLE


def _ask(cluster: Cluster, snapshot: Snapshot, namespace: str, service: str, port: int, expected: str) -> Served:
    where = f"Service/{service}"
    behind = _endpoints(cluster, snapshot, namespace, service, where)
    if behind:
        return Served(wrong=behind)
    status, text = _get(cluster, namespace, service, port, "/api/v1/health")
    served = _field(text, "version") if status == 200 else ""
    if not served:
        return Served(wrong=make("NotServed", snapshot, where, "the gateway does not answer through its Service", f"GET /api/v1/health: {status} {text[:200]}"))
    if expected and served.removeprefix("v") != expected.removeprefix("v"):
        return Served(
            served, make("WrongVersionServed", snapshot, where, f"version {served} is served, {expected} was asked for", f"GET /api/v1/health: {text[:200]}")
        )
    status, text = _get(cluster, namespace, service, port, "/readyz")
    if status != 200:
        return Served(served, make("NotReady", snapshot, where, "the gateway is served but cannot reach its database", f"GET /readyz: {status} {text[:200]}"))
    status, text = _get(cluster, namespace, service, port, "/admin")
    if status >= 500:
        return Served(served, make("AdminUiDown", snapshot, where, "the admin UI is not reached through the gateway", f"GET /admin: {status} {text[:200]}"))
    return Served(served)


def _get(cluster: Cluster, namespace: str, service: str, port: int, path: str) -> tuple[int, str]:
    status, _headers, text = cluster.service_request(namespace, service, port, path)
    if status == 403 and _field(text, "kind") == "Status":
        raise ApiError(403, "Forbidden", _field(text, "message"), path)
    return status, " ".join(text.split())


def _endpoints(cluster: Cluster, snapshot: Snapshot, namespace: str, service: str, where: str) -> Cause | None:
    """No ready address, or one of a pod that the rollout was to replace."""
    try:
        slices = cluster.list(paths.endpointslices(namespace), labelSelector=f"kubernetes.io/service-name={service}")["items"]
    except ApiError as error:
        if error.status == 403:
            return None  # the answer of the Service itself says enough
        raise
    ready = [
        e for s in slices for e in s.get("endpoints") or () if (e.get("conditions") or {}).get("ready") and not (e.get("conditions") or {}).get("terminating")
    ]
    if not ready:
        return make("NoEndpoints", snapshot, where, "no ready pod stands behind the Service", f"{len(slices)} EndpointSlices without a ready address")
    new = {meta(p)["name"] for d in snapshot.scope.deployments for r in [new_replicaset(snapshot, d)] if r for p in pods_of(snapshot, meta(r)["uid"])}
    old = sorted({str((e.get("targetRef") or {}).get("name") or "") for e in ready} - new - {""})
    if new and old:
        return make("OldPodsServe", snapshot, where, "pods of the old ReplicaSet still stand behind the Service", ", ".join(old))
    return None


def _secrets(cluster: Cluster, snapshot: Snapshot, release: Release, key: bytes | None) -> Cause | None:
    """A Secret that changed between the plan and now: its pods were started with the old data."""
    if key is None:
        return None
    now = digest.work_out(cluster, snapshot.scope.namespace, release, release, key)
    if not now.changed:
        return None
    names = ", ".join(now.changed)
    return make(
        "OldSecretsServed",
        snapshot,
        f"Secret/{now.changed[0]}",
        f"Secret {names} changed while the rollout ran; the pods were started with the old data",
        "digest of the live data differs from the pods' annotation",
    )


def _component(obj: Mapping[str, Any]) -> str:
    return str(((obj.get("metadata") or {}).get("labels") or {}).get(COMPONENT) or "")


def _field(text: str, name: str) -> str:
    try:
        return str(json.loads(text).get(name) or "")
    except (ValueError, AttributeError):
        return ""
