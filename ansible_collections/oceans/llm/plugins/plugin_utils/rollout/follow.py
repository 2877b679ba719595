# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Follow one release from its first second until it is served or has failed: the only loop of the engine.

Watches come in, the picture changes, the rules look at it, the verdict decides. On failure the order is: read the logs
that the fence would take away, fence the Jobs, end Helm by SIGTERM, fence again (Helm may have made a Job in between),
and only then declare.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..cluster import ApiError, Cluster
from . import fence, state
from .causes import find
from .lines import Narrator
from .logs import LogReader
from .model import Cause, Scope, Snapshot
from .observe import Observer, World
from .verdict import Helm, State, Verdict, judge, timeout_cause

HEARTBEAT = 4.5  # seconds; a line at least every five
TICK = 0.25  # seconds between two looks when nothing changes: for budgets, and for Helm's end


class HelmRun(Protocol):
    """What the loop needs of a running Helm (helm_job.HelmJob)."""

    def poll(self) -> Helm: ...
    def terminate(self, deadline: float = 20.0) -> bool: ...


@dataclass
class Outcome:
    """How a rollout ended. `seconds` from the start of the watches; statements are ready to be printed."""

    state: State
    seconds: float
    cause: Cause | None = None
    causes: list[Cause] = field(default_factory=list)
    database: str = ""
    old_pods: str = ""
    fenced: list[str] = field(default_factory=list)
    first_signal: float | None = None
    timeline: list[tuple[float, str]] = field(default_factory=list)
    snapshot: Snapshot | None = None


class Follower:
    """One rollout. `fences` is False when somebody else made the change (role `wait`): their Jobs are theirs to stop."""

    def __init__(self, cluster: Cluster, scope: Scope, say: Callable[[str], None], timeout: float, fences: bool = True) -> None:
        self._cluster, self._timeout, self._fences = cluster, timeout, fences
        self._observer = Observer(cluster, scope.namespace)
        self._narrator = Narrator(say)
        self._logs = LogReader(cluster, scope.namespace)
        self.scope = scope
        self._world: World | None = None
        self._started = 0.0

    def start(self) -> Snapshot:
        """Begin to watch, before anything is changed; returns the picture before the change."""
        state_now = self._observer.start()
        self._world = World(state_now, self._cluster.now())
        self._started = time.monotonic()
        return self._snapshot()

    def run(self, helm: HelmRun | None) -> Outcome:
        """Until served or failed. :raises ApiError: when the API server refuses to let us look."""
        assert self._world is not None, "start() comes first"
        try:
            verdict = self._loop(helm)
            return self._failed(verdict, helm) if verdict.state is State.FAILED else self._done(verdict)
        finally:
            self._observer.stop()

    def _loop(self, helm: HelmRun | None) -> Verdict:
        world, told = self._world, time.monotonic()
        assert world is not None
        while True:
            for change in self._observer.changes(TICK):
                world.apply(change)
            running = helm.poll() if helm else Helm()
            self._logs.read_new(self._snapshot(), world.logs)
            snapshot = self._snapshot()
            verdict = judge(snapshot, find(snapshot), running)
            if self._narrator.changes(snapshot, verdict, world.away_reason if world.away_since else ""):
                told = time.monotonic()
            if verdict.state is State.FAILED:
                return verdict
            if verdict.state is State.DONE and world.away_since is None:
                return verdict
            if snapshot.now - world.started > self._timeout:
                cause = timeout_cause(snapshot, verdict.blocker, self._timeout)
                return Verdict(State.FAILED, verdict.blocker, cause, verdict.causes)
            if time.monotonic() - told > HEARTBEAT:
                self._narrator.heartbeat(verdict, world.away_reason if world.away_since else "")
                told = time.monotonic()

    def _failed(self, verdict: Verdict, helm: HelmRun | None) -> Outcome:
        world = self._world
        assert world is not None
        self._logs.read_all(self._snapshot(), world.logs)  # the fence deletes pods, and their logs with them
        outcome = self._outcome(verdict)
        if not self._fences:
            return outcome
        try:
            outcome.fenced = fence.fence(self._cluster, self.scope.namespace, self.scope.jobs)
            if helm and not helm.terminate():
                self._narrator.note("Helm does not end on SIGTERM; it was left alone (SIGKILL would leave a pending release)")
            outcome.fenced += fence.fence(self._cluster, self.scope.namespace, self.scope.jobs)
        except ApiError as error:
            self._narrator.note(f"could not make sure that no migration runs on: {error}")
            outcome.database += " (not fenced: a migration may still run)"
        if outcome.fenced:
            self._narrator.note(f"fenced {', '.join('Job/' + n for n in dict.fromkeys(outcome.fenced))}: no pod left, nothing migrates any more")
        outcome.seconds = time.monotonic() - self._started
        return outcome

    def _done(self, verdict: Verdict) -> Outcome:
        assert self._world is not None
        self._logs.read_all(self._snapshot(), self._world.logs)
        return self._outcome(verdict)

    def _outcome(self, verdict: Verdict) -> Outcome:
        snapshot = self._snapshot()
        return Outcome(
            state=verdict.state, seconds=time.monotonic() - self._started, cause=verdict.cause, causes=list(verdict.causes),
            database=state.database(snapshot), old_pods=state.old_pods_statement(snapshot),
            first_signal=self._narrator.first_signal, timeline=self._narrator.timeline, snapshot=snapshot,
        )

    def _snapshot(self) -> Snapshot:
        world = self._world
        assert world is not None
        return Snapshot(now=self._cluster.now(), started=world.started, objects=world.objects, logs=world.logs, scope=self.scope)


def as_dict(cause: Cause | None) -> dict[str, Any] | None:
    """A cause for a task's result and for report.json."""
    if cause is None:
        return None
    return {
        "code": cause.code, "certainty": cause.certainty.name.lower(), "object": cause.object, "container": cause.container,
        "cause": cause.cause, "evidence": cause.evidence, "hint": cause.hint,
    }
