# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects of a release that hold data, and how Helm is kept from deleting them, whatever the chart says.

Helm looks at `helm.sh/resource-policy: keep` in two places (Helm 3 and 4, pkg/action/resource_policy.go, pkg/kube/client.go):
`helm uninstall` reads the annotation in the manifest that the release's record holds, an upgrade that no longer has the object
reads it from the live object. A hook that exists is deleted before it is created again, and no annotation counts
(pkg/action/hooks.go).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from ..kube import manifests, paths
from ..kube.client import ApiError, Cluster
from ..kube.refused import Refused
from . import releases
from .releases import Release

POLICY = "helm.sh/resource-policy"
OWNER = "meta.helm.sh/release-name"  # annotation of Helm on every object that it made
#: (API group, kind) -> plural of what cannot be brought back: databases of operators, volumes, and what takes such objects along when it goes
DATA = {
    ("postgresql.cnpg.io", "Cluster"): "clusters",
    ("acid.zalan.do", "postgresql"): "postgresqls",
    ("postgres-operator.crunchydata.com", "PostgresCluster"): "postgresclusters",
    ("", "PersistentVolumeClaim"): "persistentvolumeclaims",
    ("", "PersistentVolume"): "persistentvolumes",
    ("", "Namespace"): "namespaces",
    ("apiextensions.k8s.io", "CustomResourceDefinition"): "customresourcedefinitions",
}
NOT_NAMESPACED = ("Namespace", "CustomResourceDefinition", "PersistentVolume")


class NotKept(Refused):
    """Helm would delete data and could not be kept from it; the text is a sentence. Nothing was deleted."""


@dataclass(frozen=True, order=True)
class Data:
    """One object that holds data. `kept` is True when the manifest has the annotation."""

    name: str  # Kind/name
    path: str
    kept: bool = False


def data_of(objects: Iterable[Mapping[str, Any]], namespace: str) -> list[Data]:
    """Every object that holds data, in order; `namespace` is the release's, for those that name none."""
    return [_data(obj, namespace) for obj in objects if _plural(obj)]


def keep_in_record(cluster: Cluster, release: Release, wanted: Iterable[Data]) -> None:
    """Write the annotation into the manifest of the newest revision, so that `helm uninstall` leaves the objects alone.

    :raises NotKept: when the record does not say so afterwards.
    """
    names = {data.name for data in wanted}
    try:
        releases.rewrite(cluster, release, lambda body: body.update(manifest=_annotated(body["manifest"], names)))
        now = releases.latest(cluster, release.namespace, release.name)
    except ApiError as error:
        raise NotKept(
            f"helm uninstall would delete {_list(names)}, and Helm's record of the release could not be changed to prevent the deletion: {error}"
        ) from error
    still = {d.name for d in data_of(now.manifest if now else (), release.namespace) if not d.kept} & names
    if now is None or now.revision != release.revision or still:
        raise NotKept(f"helm uninstall would delete {_list(names)}, because another run changed the release at the same time")


def keep_live(cluster: Cluster, before: Iterable[Release], planned: Release, namespace: str) -> list[str]:
    """Annotate what an upgrade would delete; returns the names. `before`: every revision that Helm knows.

    :raises NotKept: when an object cannot be annotated, or is a hook that Helm deletes whatever its annotations say.
    """
    for hook in data_of(planned.hooks, namespace):
        if cluster.find(hook.path) is not None:
            raise NotKept(f"{hook.name} holds data and is a hook of the chart: Helm would delete the object and create a new object")
    return [data.name for data in leaving(before, planned, namespace) if _keep_one(cluster, data, planned.name)]


def leaving(before: Iterable[Release], planned: Release, namespace: str) -> list[Data]:
    """What holds data, was in an earlier revision, and is not in the planned one."""
    stays = {data.path for data in data_of(planned.manifest, namespace)}
    return sorted({Data(d.name, d.path) for r in before for d in data_of(r.manifest, namespace) if d.path not in stays})


def release_of(obj: Mapping[str, Any]) -> str:
    """The release that Helm made a live object for; empty when Helm did not make it."""
    return str(((obj.get("metadata") or {}).get("annotations") or {}).get(OWNER) or "")


def _keep_one(cluster: Cluster, data: Data, release: str) -> bool:
    """True when the object exists, is of this release, and is kept now."""
    why = f"{data.name} is no longer part of the release, so Helm would delete the object and its data"
    try:
        live = cluster.find(data.path)
        if live is None or release_of(live) not in ("", release):
            return False
        if not has_policy(live):
            cluster.patch(data.path, {"metadata": {"annotations": {POLICY: "keep"}}}, manager="oceans-llm-keep")
            live = cluster.get(data.path)
    except ApiError as error:
        raise NotKept(f"{why}; the annotation {POLICY}: keep, which prevents the deletion, could not be set: {error}; nothing was changed") from error
    if not has_policy(live):
        raise NotKept(f"{why}; another controller removes the annotation {POLICY}: keep, which prevents the deletion; nothing was changed")
    return True


def _plural(obj: Mapping[str, Any]) -> str:
    version = str(obj.get("apiVersion") or "")
    return DATA.get((version.rpartition("/")[0], str(obj.get("kind"))), "")


def _data(obj: Mapping[str, Any], namespace: str) -> Data:
    meta = obj.get("metadata") or {}
    kind, name = str(obj["kind"]), str(meta.get("name"))
    where = "" if kind in NOT_NAMESPACED else str(meta.get("namespace") or namespace)
    return Data(f"{kind}/{name}", paths.one_of(str(obj["apiVersion"]), _plural(obj), where, name), has_policy(obj))


def has_policy(obj: Mapping[str, Any]) -> bool:
    return ((obj.get("metadata") or {}).get("annotations") or {}).get(POLICY) == "keep"


def _annotated(manifest: str, names: set[str]) -> str:
    """The stream with the annotation on these objects; every other document stays as it is, byte for byte."""
    parts = re.split(r"(?m)^(---[^\n]*\n)", manifest)
    return "".join(_with_policy(part, names) for part in parts)


def _with_policy(text: str, names: set[str]) -> str:
    found = manifests.load_all(text) if not text.startswith("---") else ()
    if len(found) != 1 or not isinstance(found[0], dict) or not _plural(found[0]) or _data(found[0], "").name not in names:
        return text
    obj = found[0]
    meta = obj.get("metadata") or {}
    return yaml.safe_dump({**obj, "metadata": {**meta, "annotations": {**(meta.get("annotations") or {}), POLICY: "keep"}}}, sort_keys=False)


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
