# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A restore point: the copy of the database to which a release can be brought back."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..kube import paths
from ..kube.client import Cluster
from ..kube.objects import own_labels

MANAGER = "oceans-llm-restore-point"  # field manager of the list


@dataclass(frozen=True)
class RestorePoint:
    """
    :ivar str kind: how it was taken: CloudNativePG, VolumeSnapshot, pg_dump, command.
    :ivar str name: the object that holds it, for `restore`.
    :ivar str place: where the copy is, for a sentence: `PersistentVolumeClaim/NAME`, `s3://BUCKET/KEY`.
    :ivar float created: when it was complete, seconds since the epoch, the API server's clock.
    :ivar int size: bytes; None: not known.
    :ivar str checksum: of the copy, or of its rows; empty when the kind has none.
    :ivar int schema_version: the newest migration in it (45); None: not known.
    :ivar str keys_digest: of the encryption keys that its rows need; the keys themselves are not in it.
    :ivar str version: tag of the gateway's image of the release at that time; empty: not known.
    """

    kind: str
    name: str
    place: str
    created: float
    size: int | None = None
    checksum: str = ""
    schema_version: int | None = None
    keys_digest: str = ""
    version: str = ""

    def phrase(self, now: float) -> str:
        """`pg_dump r-20261128-153000 (12 s old, 48.3 KiB, V43, in PersistentVolumeClaim/r-restore-points, checksum sha256:…)`"""
        age = max(0.0, now - self.created)
        facts = (
            f"{age:.0f} s old" if age < 3600 else f"{age / 3600:.1f} h old",
            f"{self.size / 1024:.1f} KiB" if self.size is not None else "",
            f"V{self.schema_version}" if self.schema_version is not None else "",
            f"in {self.place}",
            f"checksum {self.checksum[:19]}" if self.checksum else "",
        )
        return f"{self.kind} {self.name} ({', '.join(filter(None, facts))})"


def latest(cluster: Cluster, namespace: str, release: str) -> RestorePoint | None:
    """The newest complete restore point of a release; None when there is none."""
    return next(reversed(points(cluster, namespace, release)), None)


def points(cluster: Cluster, namespace: str, release: str) -> list[RestorePoint]:
    """Every restore point of a release that is known, the oldest first."""
    found = (cluster.find(paths.configmap(namespace, list_name(release))) or {}).get("data") or {}
    return sorted((_read(json.loads(text)) for text in found.values()), key=lambda point: point.created)


def fitting(cluster: Cluster, namespace: str, release: str, schema: int | None) -> RestorePoint | None:
    """The newest restore point whose rows an image can read that knows migrations up to `schema`; None: no such image is known."""
    known = points(cluster, namespace, release) if schema is not None else []
    return next((p for p in reversed(known) if p.schema_version is not None and schema is not None and p.schema_version <= schema), None)


def record(cluster: Cluster, namespace: str, release: str, known: Iterable[RestorePoint]) -> None:
    """Write the list: exactly these."""
    data = {point.name: json.dumps(dataclasses.asdict(point)) for point in known}
    about = {"name": list_name(release), "namespace": namespace, "labels": own_labels(release)}
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": about, "data": data}
    cluster.apply(paths.configmap(namespace, list_name(release)), body, manager=MANAGER, force=True)


def list_name(release: str) -> str:
    """The ConfigMap with the list; it holds no secret, and outlives the release."""
    return f"{release}-restore-points"


def _read(data: dict[str, Any]) -> RestorePoint:
    known = {field.name for field in dataclasses.fields(RestorePoint)}
    return RestorePoint(**{key: value for key, value in data.items() if key in known})
