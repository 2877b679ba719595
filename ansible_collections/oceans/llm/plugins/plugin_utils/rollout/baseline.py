# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was there before Helm began, and the picture of now without it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..codes import Certainty
from ..helm.process import Helm
from ..kube.objects import age
from . import progress
from .model import Cause, Scope, Snapshot, owner_of
from .watch import World


def picture(world: World, before: Before, scope: Scope, helm: Helm, now: float) -> Snapshot:
    """What the rules are shown. `now`: the server's clock."""
    jobs = world.objects.get("Job", {})
    own = before.without_old_jobs(jobs) if helm.running is not None else jobs
    objects = {**world.objects, "Job": own, "OldJob": {n: job for n, job in jobs.items() if n not in own}}
    return Snapshot(
        now=now,
        started=world.started,
        objects=objects,
        logs=world.logs,
        scope=before.still(scope, world.objects) if helm.running else scope,
        unknown=world.unknown_until_now,
    ).sharing(world.known_of(helm.running))


#: seconds that a pod may take to become ready before it is worth a word that it is not
YOUNG = 10.0


def before_change(snapshot: Snapshot, deployment: str, causes: Sequence[Cause]) -> str:
    """What keeps the last rollout of a Deployment from being complete, before anything is changed; empty when nothing does, or when it has just begun."""
    blocker = progress.deployment_blocker(snapshot, deployment) if deployment in snapshot.kind("Deployment") else ""
    own = [c for c in causes if c.certainty is not Certainty.SHOWN and owner_of(c, snapshot) == ("Deployment", deployment)]
    if not blocker or not (own or any(age(pod, snapshot.now) > YOUNG for pod in progress.unready(snapshot, deployment))):
        return ""
    why = f" — {max(own, key=lambda c: c.since).cause}" if own else ""
    return f"the previous rollout was not complete before this change: {blocker}{why}"


@dataclass(frozen=True)
class Before:
    """What was there before Helm began. Ruins of an earlier run must not condemn this one.

    A Deployment that Helm has not touched yet still shows the last try's ReplicaSet, and a hook Job keeps its name from
    run to run.
    """

    generations: dict[str, int] = field(default_factory=dict)
    jobs: frozenset[str] = frozenset()

    @classmethod
    def of(cls, objects: Mapping[str, Mapping[str, Any]], scope: Scope) -> Before:
        deployments, jobs = objects.get("Deployment", {}), objects.get("Job", {})
        return cls(
            {n: deployments[n]["metadata"].get("generation", 1) for n in scope.deployments if n in deployments},
            frozenset(jobs[n]["metadata"]["uid"] for n in scope.jobs if n in jobs),
        )

    def still(self, scope: Scope, objects: Mapping[str, Mapping[str, Any]]) -> Scope:
        """The scope without the Deployments that Helm has not touched so far."""
        live = objects.get("Deployment", {})
        touched = tuple(n for n in scope.deployments if n in live and live[n]["metadata"].get("generation", 1) != self.generations.get(n))
        return replace(scope, deployments=touched)

    def without_old_jobs(self, jobs: Mapping[str, Any]) -> dict[str, Any]:
        return {n: j for n, j in jobs.items() if j["metadata"]["uid"] not in self.jobs}
