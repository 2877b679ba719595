# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a rollout: post-checks, the one sentence, the evidence folder, and the task's result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..helm.releases import Release
from ..kube.client import Cluster
from . import evidence, post_check, progress
from .follow import Outcome, as_dict
from .model import Cause
from .post_check import Expected
from .probe import NOT_PROBED, Probe
from .verdict import State

#: what becomes of a release that could not be verified: a failure, or a line that says so
STRICT, BEST_EFFORT = "strict", "best_effort"


def report(
    cluster: Cluster,
    release: Release,
    outcome: Outcome,
    expected: Expected,
    say: Callable[[str], None],
    *,
    verify: str = STRICT,
    probe: Probe | None = None,
    probes: bool = True,
    key: bytes | None = None,
    folder: str = "",
    always: bool = False,
    clean: Callable[[str], str] = str,
    host: str = "",
) -> dict[str, Any]:
    """Check what is served, and turn the outcome into a result; `failed` and `msg` when it is no success.

    `folder`: where evidence goes when the run failed (or `always`). `key`: of the Secrets' digests. `verify`: STRICT, or BEST_EFFORT.
    `probes`: False when the user wants no probe pod.
    """
    found = None
    try:
        if outcome.state is State.DONE:
            found = post_check.check(cluster, outcome.snapshot, release, expected, key, probe)
    finally:
        if probe:
            probe.stop()
    for note in found.notes if found else ():
        say(note)
    if found and found.wrong and not (found.state is post_check.State.UNVERIFIED and verify == BEST_EFFORT):
        outcome = replace(outcome, state=State.FAILED, cause=found.wrong)
    failed = outcome.state is State.FAILED and outcome.cause is not None
    line = clean(sentence(outcome.cause, outcome) if failed and outcome.cause else success(outcome, found or post_check.Served(), probes))
    result: dict[str, Any] = {
        "version_served": found.version if found else "",
        "verified": found.state.value if found else "",
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


def success(outcome: Outcome, found: post_check.Served, probes: bool = True) -> str:
    """The last line of a run that did not fail."""
    scope, after = outcome.snapshot.scope, f"after {outcome.seconds:.1f} s"
    if found.wrong:
        what = f"unverified: {scope.namespace}/{scope.release} {after}: {found.wrong.cause} ({found.wrong.evidence})"
    else:
        what = f"served: {scope.namespace}/{scope.release} version {found.version or 'unknown'} {after}"
    unseen = "" if probes and not any(note.startswith(NOT_PROBED) for note in found.notes) else NOT_PROBED
    return "; ".join(part for part in (what, outcome.database, progress.stopping(outcome.snapshot), unseen) if part)


def sentence(cause: Cause, outcome: Outcome) -> str:
    """`FAILED <code> <object>: <cause> — <evidence> — <database, old pods> — <what to do>` (the line's shape is an interface)."""
    where = f"{cause.object} container {cause.container}" if cause.container else cause.object
    state = "; ".join(part for part in (outcome.database, outcome.old_pods) if part)
    evidence_text = cause.evidence if len(cause.evidence) <= 400 else f"{cause.evidence[:400]}…"
    parts = [f"FAILED {cause.code} {where}: {cause.cause}", "" if cause.evidence in cause.cause else evidence_text, state, cause.hint]
    return " ".join(" — ".join(part for part in parts if part).split())  # one line, whatever the programs wrote
