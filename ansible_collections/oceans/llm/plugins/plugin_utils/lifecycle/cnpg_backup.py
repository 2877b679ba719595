# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup by CloudNativePG, in the way that its Cluster is configured for (postgresql.cnpg.io/v1, Backup)."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..gateway.database_url import Target
from ..kube import paths
from ..kube.client import ApiError, Cluster
from ..kube.objects import Object, is_ready, meta, name_of, own_labels
from ..kube.waiting import until
from . import held
from .deployed import NotPossible
from .dump_job import telling
from .restore_point import RestorePoint
from .source import CNPG, Source

BARMAN = "barman-cloud.cloudnative-pg.io"  # the plugin that writes to an object store
OF_CLUSTER = "cnpg.io/cluster"  # label of the pods of a Cluster and of its Jobs
#: failed pods of a recovery that are enough, and seconds after which they are counted
TRIES, LOOK = 3, 10.0
#: fields of a live Cluster that the Cluster of a Backup must not have: where data come from and go to, and what the webhook refuses for one instance
NOT_RECOVERED = ("bootstrap", "backup", "externalClusters", "plugins", "replica", "managed", "minSyncReplicas", "maxSyncReplicas", "primaryUpdateStrategy")
#: seconds that PostgreSQL may take to start, as with the operator's own probe (Cluster, spec.startDelay): it replays what was written during the backup
START = 3600


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
        what = "has no backup configured" if database else "is not a CloudNativePG Cluster"
        raise NotPossible(
            f"{source.target} {what}; nothing was changed — set oceans_llm_cloudnativepg.backup and deploy, or set oceans_llm_restore_point: pg_dump"
        )
    ns, owner = meta(database)["namespace"], meta(database)["name"]
    body = {"apiVersion": CNPG, "kind": "Backup", "metadata": {"name": name}, "spec": {"cluster": {"name": owner}, **how}}
    with telling(say, f"CloudNativePG creates Backup/{name} of Cluster/{owner} ({how['method']})"):
        try:
            cluster.create(paths.of(CNPG, "backups", ns), body)
            status = until(cluster, paths.of(CNPG, "backups", ns), name, timeout, lambda found: found.get("phase") in ("completed", "failed"))
        except ApiError as error:
            raise NotPossible(f"Backup/{name} of Cluster/{owner} could not be created: {error}; nothing was changed") from error
    if status.get("phase") != "completed":
        why = status.get("error") or f"the phase of the Backup is {status.get('phase') or 'not set'} after {timeout} s"
        cure = f"read its status: kubectl -n {ns} describe backups.postgresql.cnpg.io {name}; or set oceans_llm_restore_point: pg_dump"
        raise NotPossible(f"Backup/{name} of Cluster/{owner} was not completed: {why} — {cure}")
    return RestorePoint("CloudNativePG", name, f"Backup/{name}", cluster.now())


def recover(cluster: Cluster, source: Source, point: RestorePoint, say: Callable[[str], None], timeout: int) -> Source:
    """A new Cluster with the rows of a Backup, as a source of a copy; the live one serves on. The login is the one that CloudNativePG gives it.

    :raises NotPossible: with the operator's reason.
    """
    live = source.cnpg(cluster)
    if live is None:
        raise NotPossible(f"restore point {point.name} is a Backup of CloudNativePG, and the Cluster of {source.target} cannot be read; nothing was changed")
    ns, name = meta(live)["namespace"], recovered(point)
    path = paths.one_of(CNPG, "clusters", ns, name)
    with telling(say, f"CloudNativePG recovers Backup/{point.name} as Cluster/{name}"):
        try:
            backup = cluster.get(paths.one_of(CNPG, "backups", ns, point.name))
            if cluster.find(path) is None:  # an earlier run may have got as far
                cluster.create(paths.of(CNPG, "clusters", ns), recovery(live, backup, name, source))
            status = _recovered(cluster, ns, name, timeout)
            login = held.read(cluster, ns, f"{name}-app")
        except ApiError as error:
            raise NotPossible(f"Backup/{point.name} could not be recovered as Cluster/{name}: {error}; the database was not changed") from error
    if not _ready(status) or not login.get("password"):
        why = status.get("phaseReason") or status.get("phase") or "no status"
        raise NotPossible(
            f"Cluster/{name} is not ready after {timeout} s: {why}; the database was not changed — "
            f"read the logs of its pods: kubectl -n {ns} logs -l {OF_CLUSTER}={name} --all-containers --tail 50"
        )
    there = Target(f"{name}-rw.{ns}.svc", 5432, login.get("username", ""), login["password"], login.get("dbname", ""))
    return replace(source, target=there)


def _recovered(cluster: Cluster, ns: str, name: str, timeout: int) -> Mapping[str, Any]:
    """The status of a Cluster when it is ready, or when the time is over. The status does not say why recovery fails: the log of a failed pod does.

    :raises NotPossible: when the operator has tried several times; it would go on for ten minutes.
    """
    end, status = time.monotonic() + timeout, {}
    while (left := end - time.monotonic()) > 0:
        status = until(cluster, paths.of(CNPG, "clusters", ns), name, min(LOOK, left), _ready)
        if _ready(status):
            break
        pods = cluster.list(paths.pods(ns), labelSelector=f"{OF_CLUSTER}={name}")["items"]
        failed = [pod for pod in pods if (pod.get("status") or {}).get("phase") == "Failed"]
        if len(failed) >= TRIES:
            text = cluster.logs(ns, name_of(failed[-1]), failed[-1]["spec"]["containers"][0]["name"])
            raise NotPossible(
                f"CloudNativePG failed {len(failed)} times to recover Cluster/{name}: {_error(text)}; the database was not changed — "
                f"correct the cause, delete the Cluster and run again: kubectl -n {ns} delete clusters.postgresql.cnpg.io {name}"
            )
    return status


def _error(text: str) -> str:
    """The last error in a log of the operator's, which is one JSON object a line."""
    lines = text.strip().splitlines() or ["its log is empty"]
    for line in reversed(lines):
        with contextlib.suppress(ValueError):
            found = json.loads(line)
            if isinstance(found, dict) and found.get("error"):
                return str(found["error"])
    return lines[-1]


def recovered(point: RestorePoint) -> str:
    """Name of the Cluster of a Backup; CloudNativePG takes 50 characters."""
    return point.name[-50:].lstrip("-0123456789")


def recovery(live: Object, backup: Object, name: str, source: Source) -> dict[str, Any]:
    """A Cluster like the live one, with one instance, from a Backup and not from what was archived after it. It archives nothing itself."""
    old = live["spec"]
    spec = {key: value for key, value in old.items() if key not in NOT_RECOVERED}
    if "postgresql" in spec:
        spec["postgresql"] = {key: value for key, value in spec["postgresql"].items() if key != "synchronous"}
    # the operator's probes come every 10 s, and the restore waits for each of the two
    spec["probes"] = {"startup": {"periodSeconds": 1, "failureThreshold": START}, "readiness": {"periodSeconds": 1}}
    made: dict[str, Any] = next(iter((old.get("bootstrap") or {}).values()), {})
    how = origin(live, backup)
    how["bootstrap"]["recovery"] |= {"database": made.get("database") or source.target.name, "owner": made.get("owner") or source.target.user}
    return {"apiVersion": CNPG, "kind": "Cluster", "metadata": {"name": name, "labels": own_labels()}, "spec": {**spec, "instances": 1, **how}}


def origin(live: Object, backup: Object) -> dict[str, Any]:
    """The fields of a new Cluster's spec that say from which Backup its data come, without what was archived after it."""
    # a target that is no time needs the ID, although the Backup is named
    target = {"targetImmediate": True, "backupID": (backup.get("status") or {}).get("backupId")}
    asked = backup.get("spec") or {}
    if asked.get("method") != "plugin":
        return {"bootstrap": {"recovery": {"backup": {"name": meta(backup)["name"]}, "recoveryTarget": target}}}
    plugin = next(p for p in live["spec"]["plugins"] if p.get("name") == BARMAN)
    # the archive is of the Cluster that the Backup was made of, which the live one may have replaced
    server = (asked.get("cluster") or {}).get("name") or meta(live)["name"]
    archive = {"name": "origin", "plugin": {"name": BARMAN, "parameters": {"serverName": server, **(plugin.get("parameters") or {})}}}
    return {"bootstrap": {"recovery": {"source": "origin", "recoveryTarget": target}}, "externalClusters": [archive]}


def replaces(source: Source, point: RestorePoint, to: str) -> bool:
    """Whether a restore into a new database is a new Cluster of the release: its chart has the Cluster, and Helm deploys it."""
    has = any((o.get("apiVersion"), o.get("kind")) == (CNPG, "Cluster") for o in source.release.manifest)
    return bool(to and point.kind == "CloudNativePG" and source.release.revision and has)


def replacement(cluster: Cluster, source: Source, point: RestorePoint, to: str) -> dict[str, Any]:
    """Chart values below database.cloudnativepg, by which the chart has a Cluster of the Backup in place of the live one, which it keeps.

    :raises NotPossible: when something is missing, or would be overwritten. Nothing is written.
    """
    live, ns = source.cnpg(cluster), source.release.namespace
    try:
        backup = cluster.get(paths.one_of(CNPG, "backups", ns, point.name))
        there = cluster.find(paths.one_of(CNPG, "clusters", ns, to))
    except ApiError as error:
        raise NotPossible(f"Backup/{point.name} cannot be restored as Cluster/{to}: {error}; nothing was changed") from error
    if live is None:
        raise NotPossible(f"the Cluster of {source.target} cannot be read; nothing was changed")
    if there is not None:
        raise NotPossible(
            f"Cluster/{to} exists; nothing was changed — set oceans_llm_restore_to to the name of a new Cluster, or, if a restore that failed has created "
            "this Cluster, deploy with the variables that the restore has printed"
        )
    return {"clusterName": to, "additionalSpec": origin(live, backup)}


def _ready(status: Mapping[str, Any]) -> bool:
    return is_ready({"status": status})
