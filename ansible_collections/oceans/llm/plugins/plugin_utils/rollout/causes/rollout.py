# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Deployment itself: its own deadline, a pause, and old pods that do not go."""

from __future__ import annotations

from collections.abc import Iterator

from ..model import Cause, Snapshot, epoch, meta, old_pods, ref
from .catalogue import cause


def deadlines(snapshot: Snapshot) -> Iterator[Cause]:
    """ProgressDeadlineExceeded, said of this generation. The controller resets it when something moves."""
    for name in snapshot.scope.deployments:
        found = snapshot.kind("Deployment").get(name) or {}
        status = found.get("status") or {}
        if status.get("observedGeneration", 0) < meta(found).get("generation", 1):
            continue
        for condition in status.get("conditions") or ():
            if (
                condition.get("type") == "Progressing"
                and condition.get("reason") == "ProgressDeadlineExceeded"
                and epoch(condition.get("lastUpdateTime")) >= snapshot.started - 1
            ):
                limit = (found.get("spec") or {}).get("progressDeadlineSeconds", 600)
                yield cause(
                    "ProgressDeadline",
                    snapshot,
                    f"Deployment/{name}",
                    f"no progress within progressDeadlineSeconds ({limit} s)",
                    condition.get("message") or "",
                    since=epoch(condition.get("lastUpdateTime")),
                )


def paused(snapshot: Snapshot) -> Iterator[Cause]:
    for name in snapshot.scope.deployments:
        if ((snapshot.kind("Deployment").get(name) or {}).get("spec") or {}).get("paused"):
            yield cause("DeploymentPaused", snapshot, f"Deployment/{name}", "the Deployment is paused and makes no new pods", "spec.paused: true")


def stuck_old_pods(snapshot: Snapshot) -> Iterator[Cause]:
    """An old pod whose grace is over. `deletionTimestamp` is the end of its grace, not the beginning."""
    for name in snapshot.scope.deployments:
        for pod in old_pods(snapshot, name):
            over = epoch(meta(pod).get("deletionTimestamp"))
            if over and snapshot.now - over > 5:
                held = meta(pod).get("finalizers") or []
                why = f"finalizers {', '.join(held)}" if held else f"node {(pod.get('spec') or {}).get('nodeName')} has not ended it"
                yield cause("OldPodStuck", snapshot, ref(pod), f"an old pod of Deployment/{name} should be gone, its grace is over", why, since=over)
