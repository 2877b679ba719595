# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Helm's own record of a release: the Secrets of type helm.sh/release.v1.

Read from the API, because `helm list` starts a process and does not see failed or pending releases (contract of
kubernetes.core.helm: it asks for deployed ones only).
"""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..kube import manifests, paths
from ..kube.client import Cluster, ClusterError

#: bytes that the API server takes in a Secret, and so in Helm's record of one revision (Kubernetes, MaxSecretSize)
RECORD_LIMIT = 1024 * 1024
#: the record has the configuration twice, in the values and in the ConfigMap
SMALLER = "shorten oceans_llm_config or oceans_llm_values, or deploy two releases, each with a part of oceans_llm_config.models"
#: Helm release statuses of an operation that has not ended (Helm, pkg/release/common/status.go)
PENDING = ("pending-install", "pending-upgrade", "pending-rollback", "uninstalling")


@dataclass(frozen=True)
class Release:
    """One revision of a release as Helm stored it."""

    name: str
    namespace: str
    revision: int
    status: str
    description: str = ""
    chart: str = ""
    app_version: str = ""
    deployed_at: str = ""
    manifest: tuple[dict[str, Any], ...] = ()
    hooks: tuple[dict[str, Any], ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    #: Helm 4: "ssa" or "csa", the way in which its objects are applied
    apply_method: str = ""
    #: bytes of the record; 0: not known
    size: int = 0

    @property
    def objects(self) -> tuple[dict[str, Any], ...]:
        """All that Helm makes of it, hooks included."""
        return (*self.manifest, *self.hooks)

    def has(self, values: Mapping[str, Any]) -> bool:
        """True when it was made with these values: mostly nothing changes then."""
        return dict(self.values) == dict(values)

    @property
    def pending(self) -> bool:
        return self.status in PENDING


def selector(name: str) -> str:
    """Labels of the Secrets in which Helm keeps the revisions of a release (Helm, pkg/storage/driver/secrets.go)."""
    return f"owner=helm,name={name}"


def latest(cluster: Cluster, namespace: str, name: str) -> Release | None:
    """The newest revision of a release, whatever its status; None when Helm knows nothing of it."""
    for _try in range(3):
        found = cluster.metadata(paths.secrets(namespace), labelSelector=selector(name))["items"]
        newest = max(found, key=lambda s: int(s["metadata"]["labels"].get("version", 0)), default=None)
        if newest is None or "data" in newest:
            break
        newest = cluster.find(paths.secret(namespace, newest["metadata"]["name"]))
        if newest is not None:  # removed since, by Helm's history limit or an uninstall: look again
            break
    return decode(newest) if newest else None


def history(cluster: Cluster, namespace: str, name: str) -> list[Release]:
    """Every revision that Helm still knows, oldest first."""
    found = cluster.list(paths.secrets(namespace), labelSelector=selector(name))["items"]
    return sorted(map(decode, found), key=lambda release: release.revision)


def decode(secret: Mapping[str, Any]) -> Release:
    """One release Secret into a Release (base64 of the API, base64 and gzip of Helm, JSON inside)."""
    return parse(_unpacked(secret))


def _unpacked(secret: Mapping[str, Any]) -> dict[str, Any]:
    """:raises ClusterError: when it is no record of Helm's (cut off by a backup tool, encrypted, written by hand)."""
    try:
        packed = base64.b64decode(base64.b64decode(secret["data"]["release"]))
        return dict(json.loads(gzip.decompress(packed) if packed[:2] == b"\x1f\x8b" else packed))
    except (ValueError, KeyError, TypeError, OSError, EOFError, zlib.error) as error:
        name, namespace = secret["metadata"].get("name"), secret["metadata"].get("namespace") or "NAMESPACE"
        raise ClusterError(
            f"Secret/{name} in namespace {namespace} is not a record that Helm can read ({type(error).__name__}), so the state of the release is not known; "
            f"restore the Secret from a backup; to inspect it: kubectl -n {namespace} get secret {name} -o yaml"
        ) from error


def parse(body: Mapping[str, Any]) -> Release:
    """Helm's JSON of a release (storage, and `helm upgrade --output json`)."""
    info, meta = body.get("info") or {}, (body.get("chart") or {}).get("metadata") or {}
    return Release(
        name=body.get("name", ""),
        namespace=body.get("namespace", ""),
        revision=int(body.get("version", 0)),
        status=info.get("status", ""),
        description=info.get("description", ""),
        chart=f"{meta.get('name', '')}-{meta.get('version', '')}",
        app_version=meta.get("appVersion", ""),
        deployed_at=info.get("last_deployed", ""),
        manifest=manifests.load_all(body.get("manifest", "")),
        hooks=tuple(
            doc for hook in body.get("hooks") or () if "test" not in (hook.get("events") or ()) for doc in manifests.load_all(hook.get("manifest", ""))
        ),
        values=body.get("config") or {},
        apply_method=body.get("apply_method") or "",
    )


def record_size(body: str) -> int:
    """Bytes that Helm's JSON of a release takes in its Secret: compressed, then base64 (Helm, pkg/storage/driver/util.go)."""
    return (len(gzip.compress(body.encode(), 9)) + 2) // 3 * 4


def too_large(size: int) -> str:
    """The sentence about a release that Helm could not record; empty when it can."""
    if size <= RECORD_LIMIT:
        return ""
    return f"Helm's record of the release would have {size / RECORD_LIMIT:.2f} MiB, but the API server accepts at most 1 MiB in a Secret"


def give_up(cluster: Cluster, release: Release, why: str) -> None:
    """Mark a pending revision as failed, as Helm itself does when it is ended by SIGTERM; the next upgrade then goes through.

    :raises ApiError: status 409 when Helm has written the revision in the meantime: then it was not dead.
    """

    def failed(body: dict[str, Any]) -> None:
        body["info"] = {**(body.get("info") or {}), "status": "failed", "description": why}

    rewrite(cluster, release, failed, {"status": "failed"})


def recorded(cluster: Cluster, release: Release) -> dict[str, Any]:
    """All of Helm's record of one revision, its chart included."""
    return _unpacked(cluster.get(paths.secret(release.namespace, _secret_name(release))))


def rewrite(cluster: Cluster, release: Release, change: Callable[[dict[str, Any]], None], labels: Mapping[str, str] | None = None) -> None:
    """Change the record of one revision. :raises ApiError: status 409 when somebody else has written it in the meantime."""
    path = paths.secret(release.namespace, _secret_name(release))
    secret = cluster.get(path)
    body = _unpacked(secret)
    change(body)
    again = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(body).encode(), mtime=0))).decode()
    meta = {"resourceVersion": secret["metadata"]["resourceVersion"], **({"labels": dict(labels)} if labels else {})}
    cluster.patch(path, {"metadata": meta, "data": {"release": again}})


def _secret_name(release: Release) -> str:
    return f"sh.helm.release.v1.{release.name}.v{release.revision}"


def names(objects: Iterable[Mapping[str, Any]], kind: str) -> tuple[str, ...]:
    """The names of all objects of one kind, in order."""
    return tuple(o["metadata"]["name"] for o in objects if o.get("kind") == kind)
