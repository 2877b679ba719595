# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Follow one release from its first second until it serves or has failed: the only loop of the engine.

Watches come in, the picture changes, the rules look at it, the verdict decides. The loop only looks, and never raises;
what has to be stopped at its end is stopped by guard.py.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from ..helm.process import Helm, Launch
from ..kube import clock, defects, paths
from ..kube.client import ApiError, Cluster
from ..kube.objects import is_ready, meta, seen_at
from . import progress, statements
from .baseline import Before, before_change, picture
from .causes import find, jobs, readiness, waiter
from .causes.cause import cause as make
from .database_look import DatabaseLook, Seen
from .dns_look import DnsLook
from .hand_look import HandLook
from .interrupt import Interrupt
from .logs import LogReader
from .model import Cause, Scope, Snapshot, starting
from .narrator import Narrator
from .node_look import NodeLook
from .operator_look import OperatorLook
from .policy_look import PolicyLook
from .probe import Probe
from .pull_look import PullLook
from .still_so import StillSo
from .tape import Tape
from .verdict import State, Verdict, judge, timeout_cause
from .watch import Change, Observer, Watched, World, without_nulls
from .webhook_look import WebhookLook

HEARTBEAT = 4.5  # seconds; a line at least every five
FIRST = 1.0  # seconds until the first of these lines, if nothing is changed by this run
ASK_AGAIN = 1.0  # seconds until an API server that did not answer is asked again
#: seconds before a run that changes nothing, of which events about pods count: the kubelet shows a failed pull in the status of the container after 13 s
RECENT = 20.0
RECALLED = 8  # pods
TICK = 0.25  # seconds between two looks when nothing changes: for budgets, and for Helm's end
#: causes that are better known when the database itself has been asked
ASK_DATABASE = ("DatabaseSilent", "DatabaseUnreachable", "DatabaseConnections", "MigrationWaits")
NOTHING_SEEN = asdict(Seen())


#: seconds by which a clock that runs while the machine sleeps may be ahead of one that does not: more is a sleep
SLEPT = 5.0
#: code of the cause -> how the run ended, when it is neither served, nor failed by the release itself
ENDINGS = {
    **dict.fromkeys(("LeaseLost", "ReleaseOvertaken", "ReleaseUninstalled", "NamespaceDeleted"), "lost"),
    "Unverified": "unverified",
    "Interrupted": "interrupted",
    "EngineBroke": "broken",
}


@dataclass
class Outcome:
    """How a rollout ended. `seconds` from the start of the watches; statements are ready to be printed."""

    state: State
    seconds: float
    snapshot: Snapshot
    cause: Cause | None = None
    causes: list[Cause] = field(default_factory=list)
    database: str = ""
    old_pods: str = ""
    fenced: list[str] = field(default_factory=list)
    #: Job of which a pod may still run -> why
    not_fenced: dict[str, str] = field(default_factory=dict)
    #: that Helm still runs; empty when it has ended
    helm: str = ""
    first_signal: float | None = None
    timeline: list[tuple[float, str]] = field(default_factory=list)
    tape: Tape = field(default_factory=Tape)


class Follower:
    """The watching of one rollout."""

    def __init__(
        self,
        cluster: Cluster,
        scope: Scope,
        say: Callable[[str], None],
        timeout: float,
        *,
        clean: Callable[[str], str] = str,
        also: Mapping[str, Watched] | None = None,
        interrupted: Interrupt | None = None,
        secret_keys: Mapping[str, Any] | None = None,
        database: DatabaseLook | None = None,
        probe: Probe | None = None,
        lost: Callable[[], str] = str,
    ) -> None:
        """`clean` takes secrets out of texts; `also`: what to watch besides (scope.also_watched); `secret_keys`: Secret -> {"keys": [...]};
        `lost`: why the release is not this run's to change any more (helm.lock), empty while it is."""
        self._cluster, self._timeout, self._clean, self._lost = cluster, timeout, clean, lost
        self._observer = Observer(cluster, scope.namespace, also=also)
        self._narrator = Narrator(say)
        self._logs = LogReader(cluster, scope.namespace, clean, self._observer.put)
        self._interrupted = interrupted
        self._database = database
        self._looks = tuple(look(cluster, scope.namespace) for look in (WebhookLook, PolicyLook, DnsLook, NodeLook, OperatorLook, PullLook, HandLook, StillSo))
        self._probe = probe
        self._secret_keys = dict(secret_keys or {})
        self.scope = scope
        self._world = World({}, 0.0, clean)  # nothing is seen before start()
        self._before = Before()
        self._tape = Tape()
        self._started = 0.0
        self._ask_again = 0.0
        self._ahead = clock.seconds() - time.monotonic()
        self._defects: set[str] = set()
        self._told_unseen: set[str] = set()

    def start(self) -> Snapshot:
        """Begin to watch, before anything is changed; returns the picture before the change."""
        self._started = self._narrator.begin()
        state_now = self._observer.start()
        self._world = World(state_now, self._cluster.now(), self._clean)
        self._world.objects["SecretKeys"] = self._secret_keys
        if self._database and self.scope.jobs:
            self._world.objects["Facts"] = {"database": self._database.begin()}
        self._before = Before.of(state_now, self.scope)
        self._tape.begin(self._world, self.scope, self._before)
        if not self.scope.ours:
            self._whole("recent events", self._recall)
        return self._snapshot(Helm())

    def _recall(self) -> None:
        """The last events about pods that are not ready. The change came before this run, and so may have the only word on what it did."""
        unready = [pod for _kind, _owner, pod in starting(self._snapshot(Helm())) if not is_ready(pod)]
        with contextlib.suppress(ApiError):
            for pod in unready[:RECALLED]:
                about = f"involvedObject.uid={meta(pod).get('uid')}"
                for event in self._cluster.list(paths.events(self.scope.namespace), fieldSelector=about)["items"]:
                    if seen_at(event) > self._world.started - RECENT:
                        self._apply(Change("Event", "ADDED", {"kind": "Event", **without_nulls(event)}))

    def tell_before(self, snapshot: Snapshot) -> None:
        """Say what of the release is not complete before the change: it may keep the new pods from being ready, too."""
        if any(progress.deployment_blocker(snapshot, name) for name in self.scope.deployments if name in snapshot.kind("Deployment")):
            self._whole("reading logs", lambda: self._logs.read_all(snapshot, self._world.logs))
            self._whole("the state before the change", self._tell_before)

    def _tell_before(self) -> None:
        snapshot = self._snapshot(Helm())
        causes = self._causes(snapshot)
        for name in self.scope.deployments:
            said = before_change(snapshot, name, causes)
            if said:
                self._narrator.note(said)

    def run(self, helm: Launch | None, announce: Callable[[Cause], None] = lambda _cause: None) -> Outcome:
        """Until served or failed. Never raises: whatever happens here, Helm and the Jobs have to be stopped and the end has to be told.

        `announce` gets the cause of a failure at once: the logs that are read afterwards may take seconds.
        """
        try:
            verdict = self._loop(helm)
        except BaseException as error:
            verdict = Verdict(State.FAILED, cause=self._broke(error))
        if verdict.state is State.FAILED and verdict.cause:
            self._whole("live lines", partial(announce, verdict.cause))
        return self._outcome(verdict)

    def glance(self) -> Outcome:
        """One picture, and no rollout is waited for."""
        snapshot = self.start()
        self.stop()
        return Outcome(State.DONE, 0.0, snapshot, timeline=self._narrator.timeline, tape=self._tape)

    def stop(self) -> None:
        self._observer.stop()
        if self._database:
            self._database.stop()

    def note(self, text: str) -> None:
        """A line of whoever stops things, on the screen and in the report."""
        self._narrator.note(text)

    def found(self, cause: Cause, doing: str) -> None:
        """The cause of the end, and what is done about it."""
        self._narrator.found(cause, doing)

    def elapsed(self) -> float:
        return time.monotonic() - self._started

    def _loop(self, helm: Launch | None) -> Verdict:
        world, told, wait = self._world, time.monotonic(), 0.0  # what is complete already need not be waited for
        beat = HEARTBEAT if helm else FIRST  # without Helm, what is not complete has been so for a while
        while True:
            for change in self._observer.changes(wait):
                self._apply(change)
            wait = TICK
            self._unseen()
            self._slept()
            running = helm.poll() if helm else Helm()
            self._whole("reading logs", partial(self._logs.read_new, self._snapshot(running), world.logs))
            snapshot = self._snapshot(running)
            if self._probe:
                self._whole("the probe pod", partial(self._probe.look, snapshot))
            causes = self._causes(snapshot)
            verdict = judge(snapshot, causes, running)
            lost = self._lost()
            if lost:
                return Verdict(State.FAILED, verdict.blocker, self._taken(snapshot, lost), verdict.causes)
            if self._asked_about_database(snapshot, verdict):
                continue  # say it once, with what is known
            if self._whole("live lines", partial(self._narrator.changes, snapshot, verdict, world.away_reason if world.away_since else "")):
                told = time.monotonic()
            if verdict.state is State.FAILED:
                return verdict
            if verdict.state is State.DONE and world.away_since is None and not self._behind():
                return verdict
            if self._interrupted:
                return Verdict(State.FAILED, verdict.blocker, self._interruption(snapshot, verdict), verdict.causes)
            if self.elapsed() > self._timeout:
                cause = timeout_cause(snapshot, verdict, self._timeout)
                if not any(cause.cause.startswith(known.cause) for known in verdict.causes):  # the state of a pod, which no look has completed
                    cause = next(iter(self._looked(snapshot, [cause])), cause)
                return Verdict(State.FAILED, verdict.blocker, cause, verdict.causes)
            if time.monotonic() - told > beat:
                self._narrator.heartbeat(snapshot, verdict, world.away_reason if world.away_since else "")
                told, beat = time.monotonic(), HEARTBEAT

    def _causes(self, snapshot: Snapshot) -> list[Cause]:
        return [cause for cause in self._looked(snapshot, find(snapshot, broken=self._defect, guesses=True)) if not cause.guess]

    def _looked(self, snapshot: Snapshot, causes: list[Cause]) -> list[Cause]:
        for look in self._looks:
            seen = self._whole(type(look).__name__, partial(look.named, snapshot, causes))
            causes = causes if seen is None else seen
        return causes

    def _slept(self) -> None:
        """A machine that slept knows nothing of that time, and the connections of before may be dead without a word: all is listed again."""
        ahead = clock.seconds() - time.monotonic()
        asleep, self._ahead = ahead - self._ahead, ahead
        if asleep > SLEPT:
            self._narrator.note(f"the machine that runs Ansible was suspended for {asleep:.0f} s; reading the state of the release again")
            self._world.unknown += asleep
            self._observer.again()

    def _taken(self, snapshot: Snapshot, lost: str) -> Cause:
        code = "NamespaceDeleted" if lost.startswith("namespace ") else "LeaseLost"
        return make(code, snapshot, f"Release/{self.scope.release}", lost, lost)

    def _unseen(self) -> None:
        """What the rollout cannot be followed by, once."""
        for kind, why in self._observer.unseen.items():
            if kind not in self._told_unseen and "not found" not in why:
                self._told_unseen.add(kind)
                self._narrator.note(f"objects of kind {kind} cannot be watched, so this run does not notice their changes: {why}")

    def _asked_about_database(self, snapshot: Snapshot, verdict: Verdict) -> bool:
        """True when something new is known of a database that does not answer, or lets a migration wait; or will be before the run fails."""
        wanted = any(c.code in ASK_DATABASE or readiness.database_doubtful(c) for c in verdict.causes)
        wanted = wanted or jobs.database_doubtful(snapshot) or bool(waiter.mute(snapshot))
        if self._database is None or not wanted:
            return False
        facts, world = {"database": self._database.facts()}, self._world
        if world.objects.get("Facts", {"database": NOTHING_SEEN}) == facts:
            return verdict.state is State.FAILED and not self._interrupted and self._database.pending()
        self._apply(Change("Facts", "LISTED", facts))
        return True

    def _interruption(self, snapshot: Snapshot, verdict: Verdict) -> Cause:
        signal = self._interrupted.name if self._interrupted else ""
        what = f"the run was ended by {signal} while it was waiting for: {verdict.blocker or 'nothing'}"
        return make("Interrupted", snapshot, f"Release/{self.scope.release}", what, signal)

    def _broke(self, error: BaseException) -> Cause:
        """Why the loop cannot continue, as a cause."""
        snapshot, what = self._snapshot(Helm()), f"Release/{self.scope.release}"
        if isinstance(error, ApiError) and error.status == 401:
            return make("CredentialsRefused", snapshot, what, "the API server no longer accepts the credentials of this run", str(error))
        if isinstance(error, ApiError) and error.status == 403:
            return make("AccessRevoked", snapshot, what, "the API server no longer allows this run to follow the rollout", str(error))
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            return self._interruption(snapshot, Verdict(State.FAILED))
        return make("EngineBroke", snapshot, what, "because of a defect of the collection, this run can no longer follow the rollout", defects.described(error))

    def _whole(self, where: str, do: Callable[[], Any]) -> Any:
        """What is not needed for a verdict must not cost it."""
        try:
            return do()
        except Exception as error:
            self._defect(where, error)
            return None

    def _defect(self, where: str, error: Exception) -> None:
        """One note a defect: what it hides is not looked at, and all else goes its way."""
        if where not in self._defects:
            self._defects.add(where)
            self._narrator.note(
                f"the check {where!r} is skipped in this run, because of a defect of the collection; please report the defect: {defects.described(error)}"
            )

    def _behind(self) -> bool:
        """True when the picture is older than the cluster: Helm may have ended before the watch told of its change.

        An API server that does not answer just now leaves that open: it is asked again.
        """
        if time.monotonic() < self._ask_again:
            return True
        try:
            return self._older()
        except ApiError as error:
            if error.status == 403:
                return False  # the watches are all there is
            if not error.unreachable:
                raise
            self._ask_again = time.monotonic() + ASK_AGAIN
            return True

    def _older(self) -> bool:
        world = self._world
        behind = False
        for name in self.scope.deployments:
            live = self._cluster.find(paths.deployment(self.scope.namespace, name))
            seen = world.objects["Deployment"].get(name)
            if live is None:
                behind = True
            elif seen is None or seen["metadata"].get("generation") != live["metadata"].get("generation"):
                self._apply(Change("Deployment", "MODIFIED", {"kind": "Deployment", **live}))
                behind = True
        for name in self.scope.jobs:
            live = self._cluster.find(paths.job(self.scope.namespace, name))
            seen = world.objects["Job"].get(name)
            if live is not None and (seen is None or seen["metadata"].get("uid") != live["metadata"].get("uid")):
                self._apply(Change("Job", "ADDED", {"kind": "Job", **live}))
                behind = True
        return behind

    def database(self, asks: bool = True) -> str:
        """The statement about the database. `asks`: what the log of a migration does not tell, the database is asked for."""

        def now() -> str:
            if asks and self._database and statements.may_have_run(self._snapshot(Helm())):
                self._apply(Change("Facts", "LISTED", {"database": self._database.conclude()}))
            return statements.database(self._snapshot(Helm()))

        return self._whole("the database's state", now) or "database: state not known"

    def _outcome(self, verdict: Verdict) -> Outcome:
        snapshot = self._snapshot(Helm())
        # before anything is stopped: the fence deletes pods, and their logs with them
        self._whole("reading logs", lambda: self._logs.read_all(snapshot, self._world.logs))
        return Outcome(
            state=verdict.state,
            seconds=self.elapsed(),
            cause=verdict.cause,
            causes=list(verdict.causes),
            database=self.database(asks=verdict.state is State.DONE and not statements.told_by_logs(snapshot)),
            old_pods=self._whole("the old pods' state", lambda: statements.old_pods_statement(snapshot)) or "old pods: not known",
            first_signal=self._narrator.first_signal,
            timeline=self._narrator.timeline,
            snapshot=self._snapshot(Helm()),
            tape=self._tape,
        )

    def _snapshot(self, helm: Helm) -> Snapshot:
        now = self._cluster.now()
        self._tape.helm(now, helm)
        return picture(self._world, self._before, self.scope, helm, now)

    def _apply(self, change: Change) -> None:
        self._world.apply(change)
        self._tape.note(self._cluster.now(), change, self._world)


def as_dict(cause: Cause | None) -> dict[str, Any] | None:
    """A cause for a task's result and for report.json."""
    told = ("code", "certainty", "object", "container", "cause", "evidence", "hint")
    return {name: getattr(cause, name) for name in told} | {"certainty": cause.certainty.value} if cause else None
