# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a rollout: post-checks, the one sentence, the evidence folder, and the task's result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..helm.releases import Release
from ..kube.client import ApiError, Cluster
from . import evidence, post_check, progress
from .follow import Outcome, as_dict
from .model import Cause, Snapshot
from .verdict import State


def report(
    cluster: Cluster,
    release: Release,
    outcome: Outcome,
    expected: str,
    say: Callable[[str], None],
    *,
    key: bytes | None = None,
    folder: str = "",
    always: bool = False,
    clean: Callable[[str], str] = str,
    host: str = "",
) -> dict[str, Any]:
    """Check what is served, and turn the outcome into a result; `failed` and `msg` when it is no success.

    `folder`: where evidence goes when the run failed (or `always`). `key`: of the Secrets' digests.
    """
    snapshot, found = outcome.snapshot, post_check.Served()
    if outcome.state is State.DONE:
        found = _served(cluster, release, outcome, expected, key)
        if found.unchecked:
            say(found.unchecked)
        if found.wrong:
            outcome = replace(outcome, state=State.FAILED, cause=found.wrong)
    failed = outcome.state is State.FAILED and outcome.cause is not None
    line = clean(sentence(outcome.cause, outcome) if failed and outcome.cause else success(outcome, snapshot, found.version))
    result: dict[str, Any] = {
        "version_served": found.version,
        "seconds": round(outcome.seconds, 1),
        "database": outcome.database,
        "old_pods": outcome.old_pods,
        "cause": as_dict(outcome.cause),
        "first_signal_seconds": outcome.first_signal,
        "timeline": [{"seconds": s, "line": text} for s, text in outcome.timeline],
    }
    if folder and (failed or always):
        try:
            result["report"] = evidence.write(folder, evidence.Run(outcome, release, line, result, host), clean)
            line += f" — report: {result['report']}"
        except OSError as error:
            say(f"no report: {folder} cannot be written ({error})")
    say(line)
    return {**result, "failed": True, "msg": line} if failed else {**result, "msg": line}


def _served(cluster: Cluster, release: Release, outcome: Outcome, expected: str, key: bytes | None) -> post_check.Served:
    try:
        return post_check.check(cluster, outcome.snapshot, release, post_check.expected_version(release, expected), key)
    except ApiError as error:
        return post_check.Served(unchecked=f"the rollout is complete, what is served could not be asked for: {error}")


def success(outcome: Outcome, snapshot: Snapshot, version: str) -> str:
    """The last line of a good run."""
    what = f"served: {snapshot.scope.namespace}/{snapshot.scope.release} version {version or 'unknown'} after {outcome.seconds:.1f} s"
    return "; ".join(part for part in (what, outcome.database, progress.stopping(snapshot)) if part)


def sentence(cause: Cause, outcome: Outcome) -> str:
    """`FAILED <code> <object>: <cause> — <evidence> — <database, old pods> — <what to do>` (the line's shape is an interface)."""
    where = f"{cause.object} container {cause.container}" if cause.container else cause.object
    state = "; ".join(part for part in (outcome.database, outcome.old_pods) if part)
    evidence_text = cause.evidence if len(cause.evidence) <= 400 else f"{cause.evidence[:400]}…"
    parts = [f"FAILED {cause.code} {where}: {cause.cause}", "" if cause.evidence in cause.cause else evidence_text, state, cause.hint]
    return " ".join(" — ".join(part for part in parts if part).split())  # one line, whatever the programs wrote
