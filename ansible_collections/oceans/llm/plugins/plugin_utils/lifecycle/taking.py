# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take a restore point, by the first method that works: a backup of CloudNativePG where one is configured, pg_dump; or what the user has."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..helm import releases
from ..kube import paths
from ..kube.client import ApiError, Cluster
from ..kube.objects import own_labels
from . import asked, cnpg_backup, dump_job, volume_snapshot
from .deployed import NotPossible
from .dump_job import Place, Recovered
from .restore_point import RestorePoint, list_name, points, record
from .source import Source

Say = Callable[[str], None]
SIZE = "10Gi"  # of the volume, where nothing else is said


@dataclass(frozen=True)
class Wish:
    """What the variables oceans_llm_restore_point… say. `way`: auto, none, cnpg, volume_snapshot, pg_dump, command."""

    way: str = "auto"
    image: str = ""
    #: claim, size and storage_class of the volume
    volume: Mapping[str, Any] = field(default_factory=dict)
    #: address, endpoint, region, secret and image of an object store, in place of a volume
    s3: Mapping[str, Any] = field(default_factory=dict)
    command: Sequence[str] = ()
    keep: int = 3
    timeout: int = 900

    @classmethod
    def of(cls, options: Mapping[str, Any], timeout: int) -> Wish:
        """Of a task's option `restore_point`."""
        given = {name: value for name, value in options.items() if value is not None}
        return cls(**{"volume": {}, "s3": {}, "command": (), **given}, timeout=timeout)


def ways(cluster: Cluster, source: Source, wish: Wish) -> list[str]:
    """The ways that :func:`take` tries, the first one first. :raises NotPossible: when none is wanted."""
    if wish.way == "none":
        raise NotPossible(
            "oceans_llm_restore_point is none; nothing was changed — set oceans_llm_restore_point: auto, or take a backup with your backup program"
        )
    if wish.way != "auto":
        return [wish.way]
    if wish.command:
        return ["command"]
    return [*(["cnpg"] if cnpg_backup.method(source.cnpg(cluster)) else []), "pg_dump", "volume_snapshot"]


def take(cluster: Cluster, release: releases.Release, wish: Wish, say: Say) -> RestorePoint:
    """A new restore point by the first method that works, recorded. `release`: the live revision, whose gateway may serve meanwhile.

    :raises NotPossible: when there is none; nothing but the volume and the Job was made.
    """
    source = Source.read(cluster, release)
    begun = time.monotonic()
    name = f"{release.name[:36]}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime(cluster.now()))}"
    known = points(cluster, release.namespace, release.name)
    made, gone = _first(cluster, source, wish, name, known, say)
    revisions = releases.history(cluster, release.namespace, release.name)
    if made.schema_version is None:
        made = replace(made, schema_version=max(asked.history(cluster, release.namespace, release)[0] or (), default=None))
    made = replace(made, keys_digest=source.keys_digest(), version=source.fitting(revisions, made.schema_version))
    try:
        record(cluster, release.namespace, release.name, [*(p for p in known if p.name not in gone), made])
    except ApiError as error:
        raise NotPossible(f"restore point {name} was taken ({made.place}), but ConfigMap/{list_name(release.name)} could not be written: {error}") from error
    say(f"restore point: {made.phrase(cluster.now())}, taken in {time.monotonic() - begun:.1f} s")
    return made


def _first(cluster: Cluster, source: Source, wish: Wish, name: str, known: Sequence[RestorePoint], say: Say) -> tuple[RestorePoint, set[str]]:
    """By the first method that works. :raises NotPossible: with the reason of the first one."""
    tried = ways(cluster, source, wish)
    reasons: list[NotPossible] = []
    for each in tried:
        try:
            return _WAYS[each](cluster, source, wish, name, known, say)
        except NotPossible as error:
            reasons.append(error)
            if len(tried) > 1:
                say(f"no restore point was taken by {each}: {error}")
    raise reasons[0]


def copied(cluster: Cluster, source: Source, point: RestorePoint, wish: Wish, say: Say) -> RestorePoint:
    """A copy by pg_dump of what is recovered from a Backup or a VolumeSnapshot, recorded beside it: restored like every other copy."""
    ns, known = source.release.namespace, points(cluster, source.release.namespace, source.release.name)
    wish, name = replace(wish, image=wish.image or source.image(cluster)), f"{point.name}-copy"  # the image of the live server
    if point.kind == "VolumeSnapshot":
        left = f"persistentvolumeclaim {point.name}"
        made, _gone = _dumped(cluster, source, wish, name, (), say, volume_snapshot.recover(cluster, source, point))
    else:
        left = f"cluster {cnpg_backup.recovered(point)}"
        made, _gone = _dumped(cluster, cnpg_backup.recover(cluster, source, point, say, wish.timeout), wish, name, (), say)
    made = replace(made, created=point.created, keys_digest=point.keys_digest, version=point.version)
    record(cluster, source.release.namespace, source.release.name, [*(p for p in known if p.name != made.name), made])
    say(f"the copy is complete; delete what {point.name} was recovered to: kubectl -n {ns} delete {left}")
    return made


# --- pg_dump --------------------------------------------------------------------------------------------------------------


def _dumped(
    cluster: Cluster, source: Source, wish: Wish, name: str, known: Sequence[RestorePoint], say: Say, recovered: Recovered | None = None
) -> tuple[RestorePoint, set[str]]:
    image = wish.image or source.image(cluster)
    place = store(wish) if wish.s3 else Place(volume(cluster, source.release, wish))
    here = [p for p in known if p.kind == "pg_dump" and p.place == str(place)]
    gone = [p.name for p in here[: max(0, len(here) + 1 - max(1, wish.keep))]]
    doing = f"copying {'the snapshot of ' if recovered else ''}{source.target} with pg_dump ({image}) to {place}"
    told = dump_job.run(cluster, source, image, place, ["recovered" if recovered else "take", name, *gone], doing, say, wish.timeout, recovered)
    point = RestorePoint("pg_dump", name, str(place), cluster.now(), int(told["size"]), str(told["checksum"]), told["schema"])
    return point, set(gone)


def store(wish: Wish) -> Place:
    """:raises NotPossible: when something is missing to reach the object store."""
    missing = [name for name in ("address", "region", "secret", "image") if not wish.s3.get(name)]
    if missing or not str(wish.s3["address"]).startswith("s3://"):
        what = f"lacks {', '.join(missing)}" if missing else f"has the address {wish.s3['address']}, which is not of the form s3://BUCKET/FOLDER"
        raise NotPossible(f"oceans_llm_restore_point_s3 {what}; nothing was changed — set address, region, secret and image (with curl)")
    return Place(s3=wish.s3)


def place_of(point: RestorePoint, wish: Wish) -> Place:
    """Where a copy is. :raises NotPossible: when it is in an object store that the variables do not name."""
    if not point.place.startswith("s3://"):
        return Place(point.place.partition("/")[2])
    if not wish.s3:
        raise NotPossible(f"restore point {point.name} is in {point.place}; nothing was changed — set oceans_llm_restore_point_s3 to that object store")
    return store(replace(wish, s3={**wish.s3, "address": point.place}))


def volume(cluster: Cluster, release: releases.Release, wish: Wish) -> str:
    """The name of the claim for copies, made where it is missing. It is no part of the Helm release, and outlives it."""
    ns, name = release.namespace, str(wish.volume.get("claim") or list_name(release.name))
    path = paths.persistentvolumeclaim(ns, name)
    if cluster.find(path) is None:
        storage_class = wish.volume.get("storage_class")
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": str(wish.volume.get("size") or SIZE)}}}
        body = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name, "labels": own_labels(release.name)}, "spec": spec}
        if storage_class:
            spec["storageClassName"] = str(storage_class)
        try:
            cluster.create(paths.persistentvolumeclaims(ns), body)
        except ApiError as error:
            if error.status != 409:
                raise NotPossible(f"PersistentVolumeClaim/{name} for restore points could not be created: {error}; nothing was changed") from error
    return name


# --- CloudNativePG, and a command of the user's ---------------------------------------------------------------------------


def _commanded(cluster: Cluster, source: Source, wish: Wish, name: str, _known: Sequence[RestorePoint], say: Say) -> tuple[RestorePoint, set[str]]:
    told = command(source, wish, ["take", name], say)
    return RestorePoint("command", name, str(told.get("place") or name), cluster.now(), told.get("size"), str(told.get("checksum") or "")), set()


def command(source: Source, wish: Wish, words: Sequence[str], say: Say) -> dict[str, Any]:
    """Run the user's command on this machine, the login in libpq's variables. Its last line may be JSON with place, size and checksum.

    :raises NotPossible: when it fails, in its own words.
    """
    if not wish.command:
        raise NotPossible("oceans_llm_restore_point_command is empty; nothing was changed — set the variable to a program and its arguments, as a list")
    target, release = source.target, source.release
    libpq = {"PGHOST": target.host, "PGPORT": str(target.port), "PGUSER": target.user, "PGPASSWORD": target.password, "PGDATABASE": target.name}
    libpq = {**os.environ, **libpq, "PGSSLMODE": target.sslmode}
    where = {"OCEANS_LLM_NAMESPACE": release.namespace, "OCEANS_LLM_RELEASE": release.name}
    title = f"{os.path.basename(wish.command[0])} {' '.join(words)}"
    with dump_job.telling(say, f"running {title}"):
        try:
            done = subprocess.run([*wish.command, *words], capture_output=True, text=True, timeout=wish.timeout, check=False, env={**libpq, **where})
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NotPossible(f"{title} could not be run: {error}; correct oceans_llm_restore_point_command") from error
    lines = [line for line in (done.stdout if not done.returncode else done.stderr or done.stdout).splitlines() if line.strip()]
    if done.returncode:
        raise NotPossible(f"{title} ended with exit code {done.returncode}: {lines[-1] if lines else 'no output'}")
    try:
        found = json.loads(lines[-1]) if lines else {}
    except ValueError:
        found = {"place": lines[-1].strip()}
    return found if isinstance(found, dict) else {"place": str(found)}


#: each of (cluster, source, wish, name, known, say) -> (the restore point, names of those that it replaces)
_WAYS: dict[str, Callable[..., tuple[RestorePoint, set[str]]]] = {
    "pg_dump": _dumped,
    "cnpg": lambda cluster, source, wish, name, _known, say: (cnpg_backup.take(cluster, source, name, say, wish.timeout), set()),
    "volume_snapshot": lambda cluster, source, wish, name, _known, say: (volume_snapshot.take(cluster, source, name, say, wish.timeout), set()),
    "command": _commanded,
}
