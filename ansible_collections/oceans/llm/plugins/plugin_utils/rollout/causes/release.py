# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Helm's own record (Secrets of type helm.sh/release.v1, their labels): somebody else has taken the release over while its rollout was followed."""

from __future__ import annotations

from collections.abc import Iterator

from ...kube.objects import meta, name_of
from ..model import Cause, Snapshot
from .cause import cause, rule


@rule(280)
def overtaken(snapshot: Snapshot) -> Iterator[Cause]:
    """A newer revision than the one that is followed, or its removal."""
    ours = snapshot.scope.revision
    for secret in snapshot.kind("Release").values():
        labels = meta(secret).get("labels") or {}
        revision, status = int(labels.get("version") or 0), labels.get("status", "")
        if revision < ours:
            continue
        what = f"Release/{snapshot.scope.release}"
        said = f"Secret {name_of(secret)}: status {status}"
        if ours and revision > ours:
            yield cause("ReleaseOvertaken", snapshot, what, f"another Helm process created revision {revision} during the rollout of revision {ours}", said)
        elif revision == ours and status in ("uninstalling", "uninstalled"):
            yield cause("ReleaseUninstalled", snapshot, what, f"another process is uninstalling the release during the rollout of revision {ours}", said)
