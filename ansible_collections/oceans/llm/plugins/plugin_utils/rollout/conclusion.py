# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a rollout: post-checks, the one sentence, the evidence folder, and the task's result.

The sentence stands once on the screen. Of a failed task Ansible shows the result, with the sentence as `msg`; a task that went well
shows nothing without -v, so that its sentence is a line; and after a signal Ansible shows nothing at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..helm.releases import Release
from ..kube import defects
from ..kube.client import Cluster
from ..secrets.redact import Redactor
from . import completion, evidence, post_check, progress
from .causes.cause import cause as make
from .follow import ENDINGS, Outcome, as_dict
from .interrupt import Interrupt
from .model import Cause
from .probe import NOT_PROBED, Probe
from .verdict import State

#: what becomes of a release that could not be verified: a failure, or a line that says so
STRICT, BEST_EFFORT = "strict", "best_effort"


@dataclass(frozen=True)
class Ending:
    """How a task wants its end. `verify`: STRICT, or BEST_EFFORT. `probes`: False when the user wants no probe pod. `question`: for a completion.
    `key`: of the Secrets' digests. `folder`: where evidence goes when the run failed (or `always`). `plan`: of an upgrade, for report.json.
    """

    verify: str = STRICT
    probe: Probe | None = None
    probes: bool = True
    question: completion.Question | None = None
    interrupted: Interrupt | None = None
    key: bytes | None = None
    folder: str = ""
    always: bool = False
    clean: Redactor = field(default_factory=Redactor)
    host: str = ""
    plan: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, task: Any, args: Mapping[str, Any], **more: Any) -> Ending:
        """As the options of a task (:class:`ClusterAction`) say it, and what the task itself knows."""
        own = {"verify": args.get("verify", STRICT), "probes": args.get("probe") != "false", "interrupted": task.interrupt}
        report = {"folder": args["report_dir"], "always": args.get("report_always", False), "clean": task.redactor, "host": task.host}
        return cls(**{**own, **report, **more})


def report(cluster: Cluster, release: Release, outcome: Outcome, expected: post_check.Expected, say: Callable[[str], None], how: Ending) -> dict[str, Any]:
    """Check what is served, and turn the outcome into a result: `msg` is the sentence, `failed` when it is no success.

    `say` gets what is worth a line before the sentence, never the sentence itself (:func:`tell`).
    """
    found = None
    try:
        if outcome.state is State.DONE:
            found = post_check.check(cluster, outcome.snapshot, release, expected, how.key, how.probe, say, how.interrupted, how.question)
    except Exception as error:
        found = post_check.Served(wrong=_not_checked(outcome, release, error))
    finally:
        if how.probe:
            how.probe.stop()
    for note in found.notes if found else ():
        say(note)
    if found and found.wrong and not (found.state is post_check.State.UNVERIFIED and how.verify == BEST_EFFORT):
        outcome = replace(outcome, state=State.FAILED, cause=found.wrong)
    failed = outcome.state is State.FAILED and outcome.cause is not None
    line = how.clean(sentence(outcome.cause, outcome) if failed and outcome.cause else success(outcome, found or post_check.Served(), how.probes))
    code = outcome.cause.code if failed and outcome.cause else ""
    result: dict[str, Any] = {
        "outcome": ENDINGS.get(code, "failed") if failed else "unverified" if found and found.wrong else "served",
        "code": code,
        "version_served": found.version if found else "",
        "verified": found.state.value if found else "",
        "completion": dict(found.completion.facts) if found and found.completion else {},
        "seconds": round(outcome.seconds, 1),
        "database": outcome.database,
        "old_pods": outcome.old_pods,
        "cause": as_dict(outcome.cause),
        "first_signal_seconds": outcome.first_signal,
        "timeline": [{"seconds": s, "line": text} for s, text in outcome.timeline],
    }
    if how.folder and (failed or how.always):
        line += _evidence(how.folder, evidence.Run(outcome, release, line, {**result, "plan": how.plan}, how.host), how.clean, result)
    return {**result, "failed": True, "msg": line} if failed else {**result, "msg": line}


def _not_checked(outcome: Outcome, release: Release, error: Exception) -> Cause:
    what = "because of a defect of the collection, the gateway was not asked which version it serves"
    return make("Unverified", outcome.snapshot, f"Release/{release.name}", what, defects.described(error))


def _evidence(folder: str, run: evidence.Run, clean: Redactor, result: dict[str, Any]) -> str:
    """Where the evidence is, as the end of the sentence, and in the result; or why it is not there."""
    try:
        result["report"] = evidence.write(folder, run, clean)
        return f" — report: {result['report']}"
    except evidence.Incomplete as error:
        result["report"] = error.path
        return f" — report: {error.path} (incomplete: {error})"
    except OSError as error:
        return f" — no report: {folder} cannot be written ({error.strerror or error})"
    except Exception as error:  # the cause must come out whatever the report trips over
        return f" — no report, because of a defect of the collection: {defects.described(error)}"


#: what a failed task's result has without -v: Ansible prints all of it, so no text stands in it twice; the rest is in report.json
BRIEF = ("changed", "failed", "msg", "outcome", "code", "cause", "seconds", "report", "plan", "rollback", "diff")
#: of the cause: what a `rescue` may want to decide by
BRIEF_CAUSE = ("code", "object", "container")


def tell(result: dict[str, Any], interrupt: Interrupt, say: Callable[[str], None], *, verbose: bool) -> dict[str, Any]:
    """See to it that the sentence is on the screen, once; returns what the task returns."""
    if interrupt or not result.get("failed"):
        say(result["msg"])
    if verbose or not result.get("failed"):
        return result
    cause = {key: value for key, value in (result.get("cause") or {}).items() if key in BRIEF_CAUSE}
    return {key: value for key in BRIEF if (value := cause if key == "cause" else result.get(key)) not in (None, "", {})}


def success(outcome: Outcome, found: post_check.Served, probes: bool = True) -> str:
    """The last line of a run that did not fail."""
    scope, after = outcome.snapshot.scope, f" after {outcome.seconds:.1f} s" if outcome.seconds else ""
    if found.wrong:
        what = f"unverified: {scope.namespace}/{scope.release}{after}: {found.wrong.cause} ({found.wrong.evidence})"
    else:
        what = f"served: {scope.namespace}/{scope.release} version {found.version or 'unknown'}{after}"
    unseen = "" if probes and not any(note.startswith(NOT_PROBED) for note in found.notes) else NOT_PROBED
    asked = found.completion.phrase if found.completion else completion.NOT_ASKED if found.version else ""
    return "; ".join(part for part in (what, asked, outcome.database, progress.stopping(outcome.snapshot), unseen) if part)


def sentence(cause: Cause, outcome: Outcome) -> str:
    """`FAILED <code> <object>: <cause> — <evidence> — <database, old pods> — <what to do>` (the line's shape is an interface)."""
    state = "; ".join(part for part in (outcome.database, outcome.old_pods, outcome.helm) if part)
    evidence_text = cause.evidence if len(cause.evidence) <= 400 else f"{cause.evidence[:200]} … {cause.evidence[-200:]}"
    told = cause.evidence.removeprefix("Internal error occurred: ") in cause.cause
    parts = [f"FAILED {cause.line}", "" if told else evidence_text, state, cause.hint]
    return " ".join(" — ".join(part for part in parts if part).split())  # one line, whatever the programs wrote
