# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Deployment itself: its own deadline, a pause, and old pods that do not go."""

from __future__ import annotations

from collections.abc import Iterator

from ...gateway import log_words
from ...kube.objects import containers, epoch, meta, ref, terminated
from .. import progress
from ..model import Cause, Snapshot, made_in_this_run, old_pods
from .cause import cause


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


def old_pods_lost(snapshot: Snapshot) -> Iterator[Cause]:
    """A pod of the old version that was made anew in this run (evicted, deleted, its node gone) and does not start: the schema may be newer now."""
    for name in snapshot.scope.deployments:
        for pod in old_pods(snapshot, name):
            if not made_in_this_run(pod, snapshot) or meta(pod).get("deletionTimestamp") or progress.is_ready(pod):
                continue
            for status, _init in containers(pod):
                end = terminated(status)
                if not end.get("exitCode"):
                    continue
                text = log_words.last_line(snapshot.logs.get((meta(pod)["name"], status["name"]), ""))
                serving = [p for p in old_pods(snapshot, name) if progress.is_ready(p) and not meta(p).get("deletionTimestamp")]
                rest = f"{len(serving)} old pod{'s' if len(serving) != 1 else ''} of Deployment/{name} still serve{'s' if len(serving) == 1 else ''}"
                yield cause(
                    "OldPodCannotRestart",
                    snapshot,
                    ref(pod),
                    f"a pod of the old version was made anew and cannot start; {rest}",
                    text or end.get("message") or f"exit code {end['exitCode']}",
                    since=epoch(end.get("finishedAt")),
                    container=status["name"],
                )
                break


def stuck_old_pods(snapshot: Snapshot) -> Iterator[Cause]:
    """An old pod whose grace is over. `deletionTimestamp` is the end of its grace, not the beginning."""
    for name in snapshot.scope.deployments:
        for pod in old_pods(snapshot, name):
            over = epoch(meta(pod).get("deletionTimestamp"))
            if over and snapshot.now - over > 5:
                held = meta(pod).get("finalizers") or []
                why = f"finalizers {', '.join(held)}" if held else f"node {(pod.get('spec') or {}).get('nodeName')} has not ended it"
                what = f"an old pod of Deployment/{name} should be gone, its grace is over: {why}"
                yield cause("OldPodStuck", snapshot, ref(pod), what, why, since=over)
