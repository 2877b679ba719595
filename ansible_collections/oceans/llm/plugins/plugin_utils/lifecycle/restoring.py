# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring a restore point back: into the database of the release, or into a new one beside it.

First everything that can be known is looked at while the gateway serves: other encryption keys, a damaged copy, a right that is missing. Then the
gateway's pods are stopped, and one transaction moves what is there to a schema of its own, reads the copy, compares all rows, and commits.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from .. import playbooks
from ..gateway import schema
from ..helm.releases import Release
from ..kube.client import ApiError, Cluster
from ..secrets.shapes import KEYS_32
from . import dump_job, taking
from .deployed import NotPossible
from .restore_point import RestorePoint, points
from .source import Source
from .writers import Writers

Say = Callable[[str], None]
FOR_SECOND = "%Y%m%d_%H%M%S"


@dataclass(frozen=True)
class Restored:
    """`aside`: the schema that has what was there before; empty for a new database. `version`: of the gateway that fits, as an image tag."""

    point: RestorePoint
    database: str
    aside: str
    version: str
    seconds: float


def choose(cluster: Cluster, release: Release, name: str) -> RestorePoint:
    """The named restore point, else the newest. :raises NotPossible: when there is none, with the names that there are."""
    known = points(cluster, release.namespace, release.name)
    found = next((p for p in reversed(known) if not name or p.name == name), None)
    if found is None:
        names = ", ".join(p.name for p in known)
        there = f"the existing ones are {names}" if names else "this collection has taken none"
        what = f"no restore point {name} exists for" if name else "no restore point exists for"
        cure = "set oceans_llm_restore_name to one of these restore points" if names else "restore a backup of the database with your backup program"
        raise NotPossible(f"{what} {release.namespace}/{release.name}: {there}; nothing was changed — {cure}")
    return found


def version(point: RestorePoint) -> str:
    """The version of the gateway that was deployed with these rows, else the first that knows their schema."""
    return point.version or (schema.release_for(point.schema_version) if point.schema_version else "")


def refuse(source: Source, point: RestorePoint) -> None:
    """:raises NotPossible: when the rows would be of no use. Nothing is read but the Secrets."""
    if point.keys_digest and source.keys_digest(point.keys_digest) != point.keys_digest:
        raise NotPossible(
            f"restore point {point.name} was taken with other encryption keys than the gateway has now ({' and '.join(KEYS_32)}), so the gateway could not "
            "decrypt its managed API keys and MCP credentials; nothing was changed — set these keys in the gateway's Secret to their values at that time"
        )


def restore(cluster: Cluster, source: Source, point: RestorePoint, to: str, wish: taking.Wish, say: Say, lost: Callable[[], str]) -> Restored:
    """`to`: name of a new database; empty: the release's own. `lost`: why the lock is not held any more.

    :raises NotPossible: the database is what it was, and so is the gateway.
    """
    begun = time.monotonic()
    refuse(source, point)
    writers = Writers(cluster, source, say)
    if not to:
        writers.refuse_migrations()
    aside = "" if to else time.strftime(f"before_restore_{FOR_SECOND}", time.gmtime(cluster.now()))
    if point.kind in ("CloudNativePG", "VolumeSnapshot"):
        point = taking.copied(cluster, source, point, wish, say)
    commanded = point.kind == "command"
    words = ["restore", point.name, point.place, to or source.target.name]
    read = partial(taking.command, source, wish, words, say) if commanded else _by_dump(cluster, source, point, aside, to, wish, say)
    if to:
        read()
    else:
        _stopped(writers, read, say, lost)
    where = f"database {to} on {source.target.address}" if to else str(source.target)
    return Restored(point, where, "" if commanded else aside, version(point), time.monotonic() - begun)


def _by_dump(cluster: Cluster, source: Source, point: RestorePoint, aside: str, to: str, wish: taking.Wish, say: Say) -> Callable[[], dict[str, Any]]:
    """What reads the copy; it was looked at already. :raises NotPossible: when it cannot be brought back."""
    image, place = wish.image or source.image(cluster), taking.place_of(point, wish)
    words = [point.name, point.checksum, aside, *([to] if to else [])]
    what = f"restore point {point.name}"
    try:
        dump_job.run(cluster, source, image, place, ["verify", *words], f"checking {what} in {point.place}", say, wish.timeout)
    except NotPossible as error:
        raise NotPossible(f"{error}; nothing was changed — list all restore points: {playbooks.command('restore', '--check')}") from error
    return lambda: dump_job.run(cluster, source, image, place, ["restore", *words], f"restoring {what} into {to or source.target}", say, wish.timeout)


def _stopped(writers: Writers, read: Callable[[], dict[str, Any]], say: Say, lost: Callable[[], str]) -> None:
    """Read while no gateway writes. Whatever goes wrong, the gateway is started again as it was."""
    try:
        writers.stop()
        if lost():
            raise NotPossible(lost())
        read()
    except (NotPossible, ApiError) as error:
        raise NotPossible(f"{error}; {writers.start()} — correct the cause and run the playbook again") from error
    writers.hand_over()
