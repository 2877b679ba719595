# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drift: what somebody changed in the cluster behind Helm's back.

The API server itself is asked, by a server-side dry run of what Helm rendered: its answer has all defaults and notations
applied, so that a difference to the live object is a real one. Only fields that Helm sets count; what others add (a
sidecar of an injector, a status) is none of our business.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..kube import paths, refusals
from ..kube.client import ApiError, Cluster
from . import changes
from .releases import Release

#: kinds of Kubernetes that a release and its extra objects consist of. Another kind is left to Helm: operators write into their own kinds, and a Job
#: may be gone because its time is over
NAMESPACED = {
    *("Deployment", "Service", "ConfigMap", "ServiceAccount", "Secret", "Ingress", "HorizontalPodAutoscaler", "PodDisruptionBudget", "NetworkPolicy"),
    *("StatefulSet", "DaemonSet", "CronJob", "LimitRange", "ResourceQuota", "Role", "RoleBinding"),
}
CLUSTER_WIDE = {"ClusterRole", "ClusterRoleBinding", "PriorityClass", "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"}
MANAGER = "helm"
_EMPTY: tuple[Any, ...] = (None, {}, [])
_NOISE = ("managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink")


def find(cluster: Cluster, namespace: str, release: Release) -> dict[str, tuple[str, ...]]:
    """`Kind/name` of the release's objects -> dotted fields that differ from what Helm set; `missing` for an object that is gone. Empty: no drift."""
    objects = [as_helm_applies(o, release) for o in release.manifest if _path(o, namespace)]
    with ThreadPoolExecutor(max_workers=6) as pool:
        answers = pool.map(lambda o: _of_object(cluster, namespace, o), objects)
        return {f"{o['kind']}/{o['metadata']['name']}": fields for o, fields in zip(objects, answers, strict=True) if fields}


def _of_object(cluster: Cluster, namespace: str, obj: Mapping[str, Any]) -> tuple[str, ...]:
    path = _path(obj, namespace)
    try:
        live = cluster.find(path)
        if live is None:
            return ("missing",)
        wanted = cluster.apply(path, obj, manager=MANAGER, force=True, dry_run=True)
    except ApiError as error:
        if error.unreachable:
            raise
        return ()  # not ours to see, or not to be applied like this: Helm will say so
    kept = {"spec.replicas"} if changes.keeps_replicas(obj) else set()
    found = set(differences(_plain(live), _plain(wanted))) - kept
    # Where the live object is as Helm applied it, nobody changed it: an admission webhook would (Autopilot's requests).
    changed = set(differences(_plain(live), _plain(obj))) if found else set()
    return tuple(sorted(field for field in found if any(_overlap(field, other) for other in changed)))


def _path(obj: Mapping[str, Any], namespace: str) -> str:
    """Of an object whose drift is looked for; empty for any other."""
    kind = str(obj.get("kind"))
    if kind in CLUSTER_WIDE:
        return paths.of_object(obj, "")
    here = (obj["metadata"].get("namespace") or namespace) == namespace
    return paths.of_object(obj, namespace) if kind in NAMESPACED and here else ""


def _overlap(one: str, other: str) -> bool:
    """True for the same field, or one inside the other."""
    short, long = sorted((one, other), key=len)
    return long.startswith(short) and long[len(short) :][:1] in ("", ".", "[")


def as_helm_applies(obj: Mapping[str, Any], release: Release) -> dict[str, Any]:
    """With what Helm adds to every object before it applies it (Helm, pkg/action/validate.go)."""
    meta = obj["metadata"]
    notes = {**(meta.get("annotations") or {}), "meta.helm.sh/release-name": release.name, "meta.helm.sh/release-namespace": release.namespace}
    labels = {**(meta.get("labels") or {}), "app.kubernetes.io/managed-by": "Helm"}
    return {**obj, "metadata": {**meta, "annotations": notes, "labels": labels}}


def conflicts(cluster: Cluster, namespace: str, obj: Mapping[str, Any], release: Release) -> list[tuple[str, str]]:
    """(field, manager) of what Helm's server-side apply would refuse to take back (Kubernetes API, reason Conflict)."""
    try:
        cluster.apply(_path(obj, namespace), as_helm_applies(obj, release), manager=MANAGER, dry_run=True)
    except ApiError as error:
        if error.status == 409:
            return refusals.conflicts(error.message)
    return []


def differences(live: Any, wanted: Any, path: str = "") -> Iterator[str]:
    """Dotted paths at which two structures differ."""
    if isinstance(live, Mapping) and isinstance(wanted, Mapping):
        for key in {*live, *wanted}:
            yield from differences(live.get(key), wanted.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(live, list) and isinstance(wanted, list) and len(live) == len(wanted):
        for number, (a, b) in enumerate(zip(live, wanted, strict=True)):
            yield from differences(a, b, f"{path}[{_label(b) or number}]")
    elif live != wanted and not (live in _EMPTY and wanted in _EMPTY):
        yield path


def _label(item: Any) -> str:
    return str(item.get("name") or "") if isinstance(item, Mapping) else ""


def _plain(obj: Mapping[str, Any]) -> dict[str, Any]:
    meta = {k: v for k, v in obj["metadata"].items() if k not in _NOISE}
    notes = {k: v for k, v in (meta.get("annotations") or {}).items() if k != "deployment.kubernetes.io/revision"}
    return {**{k: v for k, v in obj.items() if k not in ("status", "kind", "apiVersion")}, "metadata": {**meta, "annotations": notes}}
