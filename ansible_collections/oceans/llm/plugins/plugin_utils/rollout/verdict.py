# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From one picture to one verdict: still going, done, or failed and why. Pure.

Krane's rule: a Deployment has failed only when every pod of its newest ReplicaSet is doomed; one doomed pod beside
healthy ones is shown, not declared. A Job has failed as soon as one certain cause says so. A transient cause is given
its budget, counted from its first evidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from . import progress
from .model import Cause, Certainty, Snapshot, deployment_of, job_of, new_replicaset, owner_of, pods_of


class State(Enum):
    PROGRESSING = "progressing"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class Helm:
    """What is known of the helm process, one input among many. `running` None: nobody runs Helm here."""

    running: bool | None = None
    ended_at: float = 0.0
    error: str = ""


@dataclass(frozen=True)
class Verdict:
    state: State
    blocker: str = ""
    cause: Cause | None = None
    causes: Sequence[Cause] = field(default_factory=tuple)


#: seconds that a cause in the cluster is given to show up after Helm ended with an error of its own
HELM_GRACE = 1.5


def judge(snapshot: Snapshot, causes: Sequence[Cause], helm: Helm) -> Verdict:
    """Decide. `causes` is what the rules found in the same snapshot."""
    fatal = [c for c in causes if is_fatal(c, snapshot.now)]
    found = declared(snapshot, fatal)
    if found:
        return Verdict(State.FAILED, cause=found, causes=causes)
    if helm.error and snapshot.now - helm.ended_at >= HELM_GRACE:
        return Verdict(State.FAILED, cause=helm_cause(snapshot, helm), causes=causes)
    if helm.error or helm.running:
        return Verdict(State.PROGRESSING, progress.blocker(snapshot, causes) or "Helm is at work", causes=causes)
    blocker = progress.blocker(snapshot, causes)
    if blocker:
        return Verdict(State.PROGRESSING, blocker, causes=causes)
    return Verdict(State.DONE, causes=causes)


def is_fatal(cause: Cause, now: float) -> bool:
    """Certain, or transient for longer than it was given."""
    if cause.certainty is Certainty.CERTAIN:
        return True
    return cause.certainty is Certainty.TRANSIENT and cause.budget is not None and now - cause.since > cause.budget


def declared(snapshot: Snapshot, fatal: Sequence[Cause]) -> Cause | None:
    """The cause that ends the run, if one does: of a Job at once, of a Deployment when all its new pods are doomed."""
    for cause in fatal:
        kind, name = owner_of(cause, snapshot)
        if kind == "Job" and name in snapshot.scope.jobs:
            return cause
    for cause in fatal:
        kind, name = owner_of(cause, snapshot)
        if kind == "Deployment" and name in snapshot.scope.deployments and all_doomed(snapshot, name, fatal):
            return cause
    return None


def all_doomed(snapshot: Snapshot, deployment: str, fatal: Iterable[Cause]) -> bool:
    """True when no pod of the newest ReplicaSet can become ready any more (or none can even be made)."""
    newest = new_replicaset(snapshot, deployment)
    if newest is None:
        return True  # the cause is about the Deployment itself
    objects = {c.object for c in fatal}
    pods = [p for p in pods_of(snapshot, newest["metadata"]["uid"]) if not p["metadata"].get("deletionTimestamp")]
    return all(f"Pod/{p['metadata']['name']}" in objects for p in pods)


def helm_cause(snapshot: Snapshot, helm: Helm) -> Cause:
    """Helm gave up by itself and nothing in the cluster says why: its own words are all there is."""
    return Cause(
        code="HelmFailed", certainty=Certainty.CERTAIN, object=f"Release/{snapshot.scope.release}",
        cause="Helm ended with an error", evidence=helm.error,
        hint="read Helm's words above; nothing in the namespace shows another cause",
    )


def timeout_cause(snapshot: Snapshot, blocker: str, seconds: float) -> Cause:
    """The overall deadline is over: the nearest true statement is what the run was waiting for."""
    return Cause(
        code="Timeout", certainty=Certainty.CERTAIN, object=f"Release/{snapshot.scope.release}",
        cause=f"not done after {seconds:.0f} s; it was waiting for: {blocker or 'nothing that can be named'}",
        evidence=progress.summary(snapshot),
        hint="if this is only slow, raise oceans_llm_timeout; otherwise look at what it was waiting for",
    )


__all__ = ["Helm", "State", "Verdict", "deployment_of", "job_of", "judge", "timeout_cause"]
