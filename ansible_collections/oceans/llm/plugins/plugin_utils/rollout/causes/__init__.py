# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules: pure functions from one picture to causes, one subject a file, all named in one table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ...codes import Certainty
from ..model import Cause, Snapshot
from . import admission, config, containers, images, jobs, operators, readiness, release, rollout, scheduling, starting, volumes

Rule = Callable[[Snapshot], Iterator[Cause]]

#: in the order in which causes of the same certainty are believed: the nearest to the root first
RULES: dict[str, Rule] = {
    "images": images.images,
    "volume_claims": volumes.volume_claims,
    "unschedulable": scheduling.unschedulable,
    "external_secrets": operators.external_secrets,
    "postgres_clusters": operators.postgres_clusters,
    "config": config.config,
    "mounts": volumes.mounts,
    "admission_jobs": admission.jobs,
    "admission_deployments": admission.deployments,
    "admission_replicasets": admission.replicasets,
    "silent_controllers": starting.silent_controllers,
    "silent_schedulers": starting.silent_schedulers,
    "sandboxes": starting.sandboxes,
    "rejected": starting.rejected,
    "hooks": starting.hooks,
    "attempts": jobs.attempts,
    "failed_jobs": jobs.failed_jobs,
    "crashes": containers.crashes,
    "not_ready": readiness.not_ready,
    "lookups": starting.lookups,
    "lost_nodes": scheduling.lost_nodes,
    "disruptions": jobs.disruptions,
    "deleted_attempts": jobs.deleted_attempts,
    "suspended": jobs.suspended,
    "kept_alive": jobs.kept_alive,
    "slow_migrations": jobs.slow_migrations,
    "silent_migrations": jobs.silent_migrations,
    "overtaken": release.overtaken,
    "paused": rollout.paused,
    "scaled_to_zero": rollout.scaled_to_zero,
    "old_pods_lost": rollout.old_pods_lost,
    "stuck_old_pods": rollout.stuck_old_pods,
    "deadlines": rollout.deadlines,
}

_ORDER = {Certainty.FATAL: 0, Certainty.RETRYABLE: 1, Certainty.SHOWN: 2}


def find(snapshot: Snapshot, rules: Iterable[Rule] | None = None, broken: Callable[[str, Exception], None] | None = None) -> list[Cause]:
    """Everything that the rules see, certain causes first.

    Each rule runs alone: with `broken` an error in one is told there, and the others still decide.
    """
    found: list[Cause] = []
    for rule in RULES.values() if rules is None else rules:
        try:
            for cause in rule(snapshot):
                found.append(cause)  # one by one: what a rule saw before it broke is true
        except Exception as error:
            if broken is None:
                raise
            broken(getattr(rule, "__name__", "?"), error)
    return sorted(found, key=lambda cause: _ORDER[cause.certainty])
