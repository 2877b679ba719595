# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A VolumeSnapshot (Kubernetes, snapshot.storage.k8s.io/v1) of the volume of a PostgreSQL server that is one pod, and a copy made from one.

The snapshot is of one moment, like a volume after a power cut: a server that is started on it recovers by its own write-ahead log. So a restore starts
PostgreSQL on a new volume from the snapshot, in the pod of a Job, and copies its rows with pg_dump.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..kube import paths
from ..kube.client import ApiError, Cluster
from ..kube.objects import Object, meta, own_labels
from ..kube.waiting import until
from .deployed import NotPossible
from .dump_job import Recovered, telling
from .restore_point import RestorePoint
from .source import Source

API = "snapshot.storage.k8s.io/v1"
USER = 999  # of PostgreSQL in its official image, where the pod names none


def take(cluster: Cluster, source: Source, name: str, say: Callable[[str], None], timeout: int) -> RestorePoint:
    """:raises NotPossible: when the server's volume is not known, or with the reason of the snapshot controller."""
    pod, claim = _volume(cluster, source)
    ns = meta(pod)["namespace"]
    spec = {"source": {"persistentVolumeClaimName": claim}}  # of the default class of the volume's driver
    body = {"apiVersion": API, "kind": "VolumeSnapshot", "metadata": {"name": name, "labels": own_labels(source.release.name)}, "spec": spec}
    with telling(say, f"creating VolumeSnapshot/{name} of PersistentVolumeClaim/{claim}"):
        try:
            cluster.create(paths.of(API, "volumesnapshots", ns), body)
            status = until(cluster, paths.of(API, "volumesnapshots", ns), name, timeout, lambda found: bool(found.get("readyToUse") or found.get("error")))
        except ApiError as error:
            raise NotPossible(f"VolumeSnapshot/{name} of PersistentVolumeClaim/{claim} could not be created: {error}; nothing was changed") from error
    if not status.get("readyToUse"):
        why = (status.get("error") or {}).get("message") or f"the VolumeSnapshot is not ready after {timeout} s"
        raise NotPossible(
            f"VolumeSnapshot/{name} of PersistentVolumeClaim/{claim} failed: {why} — read its status: kubectl -n {ns} describe volumesnapshot {name}"
        )
    return RestorePoint("VolumeSnapshot", name, f"VolumeSnapshot/{name}", cluster.now())


def recover(cluster: Cluster, source: Source, point: RestorePoint) -> Recovered:
    """A new volume from the snapshot, for the Job that starts PostgreSQL on it. :raises NotPossible: when there is none."""
    pod, claim = _volume(cluster, source)
    ns = meta(pod)["namespace"]
    path = paths.persistentvolumeclaim(ns, point.name)
    try:
        if cluster.find(path) is None:  # an earlier run may have got as far
            snapshot = cluster.get(paths.one_of(API, "volumesnapshots", ns, point.name))
            cluster.create(paths.persistentvolumeclaims(ns), restored(cluster.get(paths.persistentvolumeclaim(ns, claim)), snapshot))
    except ApiError as error:
        raise NotPossible(f"no volume could be created from VolumeSnapshot/{point.name}: {error}; the database was not changed") from error
    return Recovered(point.name, _user(pod))


def restored(claim: Object, snapshot: Object) -> dict[str, Any]:
    """A claim like the live one, filled from the snapshot."""
    old, name = claim["spec"], meta(snapshot)["name"]
    size = (snapshot.get("status") or {}).get("restoreSize") or old["resources"]["requests"]["storage"]
    origin = {"apiGroup": API.partition("/")[0], "kind": "VolumeSnapshot", "name": name}
    spec = {"accessModes": old["accessModes"], "dataSource": origin, "resources": {"requests": {"storage": size}}}
    if old.get("storageClassName"):
        spec["storageClassName"] = old["storageClassName"]
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name, "labels": own_labels()}, "spec": spec}


def _volume(cluster: Cluster, source: Source) -> tuple[Object, str]:
    """(the server's pod, the claim with its data)."""
    try:
        found = source.server(cluster)
    except ApiError as error:
        raise NotPossible(f"the pod of {source.target} could not be read ({error}); nothing was changed — set oceans_llm_restore_point: pg_dump") from error
    pod, container = found or ({}, {})
    mounted = {m["name"] for m in container.get("volumeMounts") or ()}
    volumes = (pod.get("spec") or {}).get("volumes") or ()
    claims = [v["persistentVolumeClaim"]["claimName"] for v in volumes if v["name"] in mounted and v.get("persistentVolumeClaim")]
    if len(claims) != 1:
        what = f"Pod/{meta(pod)['name']} has {len(claims)} PersistentVolumeClaims" if pod else f"{source.target} is not a pod of this cluster"
        raise NotPossible(
            f"{what}; a VolumeSnapshot needs a server pod with one PersistentVolumeClaim; nothing was changed — set oceans_llm_restore_point: pg_dump"
        )
    if meta(pod)["namespace"] != source.release.namespace:
        where = f"{meta(pod)['namespace']}, not in {source.release.namespace}, where the Job of a restore needs it"
        raise NotPossible(f"the volume of {source.target} is in namespace {where}; nothing was changed — set oceans_llm_restore_point: pg_dump")
    return pod, claims[0]


def _user(pod: Mapping[str, Any]) -> int:
    own = [(c.get("securityContext") or {}).get("runAsUser") for c in pod["spec"]["containers"]]
    return next((int(user) for user in (*own, (pod["spec"].get("securityContext") or {}).get("runAsUser")) if user), USER)
