# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One change of a release, under its lock: what a dead run left is given up, Helm is started, the rollout is guarded to its end,
and Helm's record is left in a state that the next run can continue from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..helm import releases
from ..helm.lock import Lock
from ..helm.process import Launch
from ..kube.client import ApiError, Cluster
from ..kube.objects import epoch
from ..secrets.redact import Redactor
from .causes.cause import cause as make
from .database_look import DatabaseLook
from .follow import Follower, Outcome
from .guard import Guard
from .interrupt import Interrupt
from .plan import NotPlanned, Plan, Wanted
from .probe import Probe
from .scope import also_watched, scope_of
from .verdict import State


def recover(cluster: Cluster, pending: releases.Release, lock: Lock, say: Callable[[str], None], after: float) -> None:
    """Give up a revision that is still pending although nobody works on it. The lock is held by this run.

    :raises NotPlanned: when somebody may work on it: a Helm that this collection did not start, `after` seconds ago or less.
    """
    age = cluster.now() - epoch(pending.deployed_at)
    what = f"revision {pending.revision} has been {pending.status} since {pending.deployed_at} ({age:.0f} s)"
    ours = lock.made(pending.revision)
    if not ours and age < after:
        raise NotPlanned(
            f"{what}, and another tool than this collection started that Helm process; nothing was changed — wait until the process has ended; "
            "if the process has ended already, run the playbook again with oceans_llm_recover_after: 0 (option recover_after of the module)"
        )
    who = f"by a run that has died ({lock.last_holder()})" if ours else "by another Helm process"
    say(f"{what}, left {who}; marking the revision as failed and continuing")
    why = f"the run that made this revision has died ({pending.status} since {pending.deployed_at})"
    releases.give_up(cluster, pending, f"marked as failed by oceans.llm: {why}")


class Change:
    """A plan becoming true, or, when nothing differs, only the look whether it is true. `lost`: of the lock (helm.lock)."""

    def __init__(
        self, cluster: Cluster, wanted: Wanted, plan: Plan, say: Callable[[str], None], timeout: float, *,
        clean: Redactor, interrupt: Interrupt | None, lost: Callable[[], str] = str, probe: Probe | None = None,
    ) -> None:  # fmt: skip
        self._cluster, self._wanted, self._plan, self._say = cluster, wanted, plan, say
        self._helm: Launch | None = None
        self.differs = bool(plan.difference)
        #: True when Helm made its revision
        self.made = False
        self._follower = Follower(
            cluster,
            scope_of(plan.planned, wanted.namespace, wanted.name, hooks=self.differs),
            say,
            timeout,
            clean=clean,
            also=also_watched(plan.planned, wanted.namespace, wanted.name),
            interrupted=interrupt,
            secret_keys=plan.digests.keys(),
            database=DatabaseLook(cluster, wanted.namespace, plan.planned.objects),
            lost=lost,
            probe=probe,
        )
        self._guard = Guard(cluster, self._follower, changes=self.differs)

    def run(self, launch: Callable[[], Launch]) -> Outcome:
        """From the first watch to the end; Helm is started only when something differs. Raises nothing once Helm was started."""
        before = self._guard.start()
        if self.differs:
            self._follower.tell_before(before)
        self._helm = launch() if self.differs else None
        outcome = self._guard.run(self._helm)
        self.made = self._settle(outcome) if self.differs else False
        if self.differs and not self.made and outcome.state is not State.FAILED:
            return self._nothing_made(outcome)
        return outcome

    @property
    def helm_runs(self) -> bool:
        """True when Helm could not be ended: then the lock must not be free at once."""
        return bool(self._helm and self._helm.alive())

    def _settle(self, outcome: Outcome) -> bool:
        """True when Helm made its revision, so that something was changed.

        A Helm that was killed hard leaves its revision pending; nobody else works on it (the lock is this run's), so it is marked as
        failed. What another run has taken over is that run's.
        """
        if outcome.cause and outcome.cause.code in ("LeaseLost", "NamespaceDeleted"):
            return True
        wanted, revision = self._wanted, self._plan.planned.revision
        try:
            now = releases.latest(self._cluster, wanted.namespace, wanted.name)
            if now and now.pending and now.revision == revision and not self.helm_runs:
                releases.give_up(self._cluster, now, "marked as failed by oceans.llm: Helm was killed")
                self._say(f"Helm left revision {now.revision} in status {now.status}; the revision is now marked as failed")
            return now is not None and now.revision >= revision
        except (ApiError, KeyError, ValueError) as error:
            self._say(f"the status of the release could not be read: {error}")
            return True  # not known: better to say so than to hide a change

    def _nothing_made(self, outcome: Outcome) -> Outcome:
        what = f"Helm did not create revision {self._plan.planned.revision} although the release has to change ({self._plan.phrase()})"
        where = f"Release/{self._wanted.name}"
        return replace(outcome, state=State.FAILED, cause=make("HelmFailed", outcome.snapshot, where, what, "the release is unchanged", hint=NOT_MADE))


NOT_MADE = (
    "change the release once with kubernetes.core.helm, force: true, and the same chart and values (Helm then replaces objects that it cannot patch), "
    "or report this as a defect of the collection"
)


def result_of(plan: Plan, diff: bool) -> dict[str, Any]:
    """What a task tells of a plan."""
    found: dict[str, Any] = {"changed": bool(plan.difference), "changes": plan.difference.phrase(), "chart": plan.planned.chart}
    if diff and plan.difference:
        found["diff"] = {"before": plan.difference.before, "after": plan.difference.after, "before_header": "live", "after_header": "planned"}
    return found


def would_give_up(pending: releases.Release) -> Mapping[str, Any]:
    """The result of check mode where a revision is pending: Helm does not even plan on top of that."""
    what = (
        f"revision {pending.revision} has been {pending.status} since {pending.deployed_at}; "
        f"the revision would be marked as failed, and the release would be upgraded again"
    )
    return {"changed": True, "changes": what, "chart": pending.chart, "msg": what}
