# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Owner of the time in which something is being changed. However the rollout ends, one way leads out:

the logs are read (the fence deletes pods, and their logs with them), the Jobs are fenced, Helm is ended by SIGTERM, the Jobs are
fenced again (Helm may have made one in between), and only then the end is declared. What could not be stopped is part of the
outcome, with the reason: Helm with its process id, Jobs with the API server's words.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ..helm.process import Launch
from ..kube import defects
from ..kube.client import Cluster
from ..kube.objects import finished
from . import fence, going_back
from .fence import Fenced
from .follow import ENDINGS, Follower, Outcome
from .model import Cause, Snapshot
from .verdict import State

PATIENCE = 20.0  # seconds that Helm is given to end by itself after SIGTERM; it marks the release as failed in that time
Answer = TypeVar("Answer")


class Guard:
    """`changes` is False where somebody else made the change (role `wait`), or nothing is changed: there is nothing to stop then."""

    def __init__(self, cluster: Cluster, follower: Follower, changes: bool = True) -> None:
        self._cluster, self._follower, self._changes = cluster, follower, changes

    def start(self) -> Snapshot:
        """Begin to watch; before anything is changed."""
        return self._follower.start()

    def run(self, helm: Launch | None) -> Outcome:
        """Until the end. Never raises."""
        try:
            outcome = self._follower.run(helm, lambda cause: self._announce(cause, helm))
            if outcome.state is State.FAILED:
                self._stop(outcome, helm)
            return outcome
        finally:
            self._follower.stop()

    def _stop(self, outcome: Outcome, helm: Launch | None) -> None:
        lost = outcome.cause is not None and _lost(outcome.cause)
        if not self._changes:
            outcome.database = self._follower.database()
            return
        first = Fenced() if lost else self._fence()
        outcome.helm = self._whole(lambda: self._end(helm), lambda error: f"Helm could not be stopped ({defects.described(error)})") if helm else ""
        last = self._theirs(outcome) if lost else self._fence()
        outcome.fenced, outcome.not_fenced = list(dict.fromkeys([*first.stopped, *last.stopped])), dict(last.left)
        if not lost and not last.left:
            outcome.database = self._follower.database()  # with what was committed until the fence stood
            old = self._whole(lambda: going_back.statement(self._cluster, outcome.snapshot), lambda _error: "")
            outcome.old_pods += f", {old}" if old else ""
        if outcome.fenced:
            self._follower.note(f"stopped {', '.join('Job/' + n for n in outcome.fenced)}: no pod of the Job is running, so no migration is running")
        if outcome.not_fenced:
            outcome.database += (
                f" (a migration may still be running, because Jobs were not stopped: {'; '.join(f'Job/{n}: {why}' for n, why in outcome.not_fenced.items())})"
            )
        outcome.seconds = self._follower.elapsed()

    def _announce(self, cause: Cause, helm: Launch | None) -> None:
        stops = " and ".join(part for part in ("" if _lost(cause) else "the Jobs", "Helm" if helm else "") if part) if self._changes else ""
        self._follower.found(cause, f"stopping {stops}" if stops else "")

    def _fence(self) -> Fenced:
        scope = self._follower.scope
        return self._whole(
            lambda: fence.fence(self._cluster, scope.namespace, scope.jobs),
            lambda error: Fenced(left={name: defects.described(error) for name in scope.jobs}),
        )

    def _theirs(self, outcome: Outcome) -> Fenced:
        """The Jobs of a release that another run changes now, or that goes with its namespace: they are not stopped."""
        if outcome.cause and outcome.cause.code == "NamespaceDeleted":
            return Fenced()
        jobs = outcome.snapshot.kind("Job")
        running = [name for name in self._follower.scope.jobs if name in jobs and finished(jobs[name]) is None]
        return Fenced(left=dict.fromkeys(running, "the Job belongs to the other run now"))

    @staticmethod
    def _end(helm: Launch) -> str:
        """End Helm; what there is to say when it does not end. SIGKILL would leave a pending release behind."""
        if helm.terminate(PATIENCE) or not helm.alive():
            return ""
        which = f"Helm is still running (process {helm.pid})" if helm.pid else "Helm may still be starting"
        return f"{which}: the process did not end within {PATIENCE:.0f} s after SIGTERM; end the process before the next run"

    def _whole(self, do: Callable[[], Answer], otherwise: Callable[[Exception], Answer]) -> Answer:
        """Each step of the way out is taken, whatever became of the one before."""
        try:
            return do()
        except Exception as error:
            self._follower.note(
                f"a step of stopping the rollout failed, because of a defect of the collection; please report the defect: {defects.described(error)}"
            )
            return otherwise(error)


def _lost(cause: Cause) -> bool:
    """The release is no longer this run's to change."""
    return ENDINGS.get(cause.code) == "lost"
