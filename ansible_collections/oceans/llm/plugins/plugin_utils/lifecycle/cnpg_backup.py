# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup by CloudNativePG, in the way that its Cluster is configured for (postgresql.cnpg.io/v1, Backup)."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

from ..kube import paths
from ..kube.client import ApiError, Cluster
from ..kube.objects import Object, meta
from .deployed import NotPossible
from .dump_job import telling
from .restore_point import RestorePoint
from .source import CNPG, Source

BARMAN = "barman-cloud.cloudnative-pg.io"  # the plugin that writes to an object store


def method(database: Object | None) -> dict[str, Any]:
    """The fields of a Backup that say how; empty where the Cluster has no backup configured."""
    spec = (database or {}).get("spec") or {}
    backup = spec.get("backup") or {}
    if backup.get("volumeSnapshot"):
        return {"method": "volumeSnapshot"}
    if backup.get("barmanObjectStore"):
        return {"method": "barmanObjectStore"}
    plugin = next((p for p in spec.get("plugins") or () if p.get("name") == BARMAN and p.get("enabled", True)), None)
    return {"method": "plugin", "pluginConfiguration": {"name": BARMAN}} if plugin else {}


def take(cluster: Cluster, source: Source, name: str, say: Callable[[str], None], timeout: int) -> RestorePoint:
    """:raises NotPossible: with the operator's reason."""
    database = source.cnpg(cluster)
    how = method(database)
    if database is None or not how:
        what = "has no backup configured" if database else "is no CloudNativePG Cluster"
        raise NotPossible(f"{source.target} {what}; nothing was changed — set database.cloudnativepg.backup, or oceans_llm_restore_point: pg_dump")
    ns, owner = meta(database)["namespace"], meta(database)["name"]
    body = {"apiVersion": CNPG, "kind": "Backup", "metadata": {"name": name}, "spec": {"cluster": {"name": owner}, **how}}
    with telling(say, f"CloudNativePG makes Backup/{name} of Cluster/{owner} ({how['method']})"):
        try:
            cluster.create(paths.of(CNPG, "backups", ns), body)
            status = _ended(cluster, ns, name, timeout)
        except ApiError as error:
            raise NotPossible(f"Backup/{name} of Cluster/{owner} could not be made: {error}; nothing was changed") from error
    if status.get("phase") != "completed":
        why = status.get("error") or f"phase {status.get('phase') or 'not set'} after {timeout} s"
        cure = f"kubectl -n {ns} describe backup {name}, or set oceans_llm_restore_point: pg_dump"
        raise NotPossible(f"Backup/{name} of Cluster/{owner} was not completed: {why} — {cure}")
    return RestorePoint("CloudNativePG", name, f"Backup/{name}", cluster.now())


def _ended(cluster: Cluster, namespace: str, name: str, timeout: int) -> dict[str, Any]:
    """The Backup's status when it has ended, or when the time is over."""
    path, end = paths.of(CNPG, "backups", namespace), time.monotonic() + timeout
    only, status = f"metadata.name={name}", {}
    while time.monotonic() < end:
        listed = cluster.list(path, fieldSelector=only)
        changes = cluster.watch(path, listed["metadata"]["resourceVersion"], timeout=max(1.0, end - time.monotonic()), fieldSelector=only)
        for backup in itertools.chain(listed["items"], (event["object"] for event in changes if event["type"] != "BOOKMARK")):
            status = dict(backup.get("status") or {})
            if status.get("phase") in ("completed", "failed"):
                return status
    return status
