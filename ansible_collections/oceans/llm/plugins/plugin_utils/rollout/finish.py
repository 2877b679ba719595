# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a rollout: post-checks, the one sentence, and the task's result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..cluster import Cluster
from ..helm_release import Release
from . import served
from .follow import Outcome, as_dict
from .model import Cause, Scope
from .verdict import State


def report(cluster: Cluster, scope: Scope, release: Release, outcome: Outcome, expected: str, say: Callable[[str], None]) -> dict[str, Any]:
    """Check what is served, and turn the outcome into a result; `failed` and `msg` when it is no success."""
    version = ""
    service = served.gateway_service(release.manifest)
    if outcome.state is State.DONE and service:
        version, wrong = served.check(cluster, scope.namespace, *service, expected)
        if wrong:
            outcome = replace(outcome, state=State.FAILED, cause=wrong)
    result: dict[str, Any] = {
        "version_served": version, "seconds": round(outcome.seconds, 1), "database": outcome.database,
        "old_pods": outcome.old_pods, "cause": as_dict(outcome.cause), "first_signal_seconds": outcome.first_signal,
        "timeline": [{"seconds": s, "line": line} for s, line in outcome.timeline],
    }
    if outcome.state is State.FAILED and outcome.cause:
        return {**result, "failed": True, "msg": sentence(outcome.cause, outcome)}
    say(f"served: {scope.namespace}/{scope.release} version {version or 'unknown'} after {outcome.seconds:.1f} s; {outcome.database}")
    return result


def sentence(cause: Cause, outcome: Outcome) -> str:
    """`FAILED <code> <object>: <cause> — <evidence> — <database, old pods> — <what to do>` (the line's shape is an interface)."""
    where = f"{cause.object} container {cause.container}" if cause.container else cause.object
    state = "; ".join(part for part in (outcome.database, outcome.old_pods) if part)
    parts = [f"FAILED {cause.code} {where}: {cause.cause}", cause.evidence, state, cause.hint]
    return " — ".join(part for part in parts if part)
