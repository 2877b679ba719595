# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which container logs are worth reading, and when: before a TTL, a restart or the fence takes them away.

A Job's container is followed live from its first second: a migration tells which version begins and commits, and a Job
that its TTL removes five seconds after its end has told everything by then. All others are read once they have ended.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from concurrent.futures import Future, wait
from typing import Any

from ..kube.client import ApiError, Cluster
from ..kube.objects import asked_container, containers, epoch, name_of, status_of
from .log_text import Backlog, capped
from .model import Snapshot, job_pods, made_in_this_run, new_pods, new_replicaset, old_pods, workers
from .waits import SLOW_INIT, slow_inits
from .watch import Change

TAIL = 120  # lines: a full migration of 29 versions is 58, and 29 result lines
TRIES = 3
RESUME = 1.0  # seconds until a log whose stream broke off, or was refused, is asked for again
QUIET = 0.2  # seconds: lines that come sooner after one another are taken together
UNREADY = 15.0  # seconds between two looks at the log of a container that runs and is not ready
PATIENCE = 2.0  # seconds that the loop waits for the log of an ended container; what comes later is used when it comes


class LogReader:
    """Reads each ended run of a container once, and follows the Jobs' containers. What is refused is no word of the program."""

    def __init__(self, cluster: Cluster, namespace: str, clean: Callable[[str], str], put: Callable[[Change], None]) -> None:
        self._cluster, self._namespace, self._clean, self._put = cluster, namespace, clean, put
        self._tries: Counter[tuple[str, str, int]] = Counter()
        self._followed: dict[tuple[str, str], Follow] = {}

    def read_new(self, snapshot: Snapshot, logs: MutableMapping[tuple[str, str], str]) -> None:
        """Logs of containers of the release that have ended since the last call; begins to follow those that run."""
        for key in running_jobs(snapshot):
            if key not in self._followed or self._followed[key].over:
                self._followed[key] = Follow(self._cluster, self._namespace, key, self._put)
        for follow in self._followed.values():
            follow.wake()
        for pod, container, run, previous in (*ended(snapshot), *unready(snapshot)):
            tried = (pod, container, run)
            if self._tries[tried] < TRIES:
                self._tries[tried] = TRIES if self._fetch(logs, pod, container, previous) else self._tries[tried] + 1

    def read_all(self, snapshot: Snapshot, logs: MutableMapping[tuple[str, str], str]) -> None:
        """What the Jobs' running containers have said so far, too."""
        self.read_new(snapshot, logs)
        for pod, container in running_jobs(snapshot):
            self._fetch(logs, pod, container, previous=False)

    def _fetch(self, logs: MutableMapping[tuple[str, str], str], pod: str, container: str, previous: bool) -> bool:
        """False when the log is refused. A node that is slow to answer does not hold up the loop: its log comes later, by the queue."""
        log = _read_to_its_end(lambda: self._cluster.log_stream(self._namespace, pod, container, previous=previous or None, tailLines=TAIL))

        def late(log: Future[str]) -> None:
            if not log.exception():
                self._put(Change("Log", "LOG", (pod, container, log.result())))

        wait([log], PATIENCE)
        if not log.done():
            log.add_done_callback(late)
            return True
        if log.exception():
            return False  # the pod is gone, or the node does not answer: the status still says what it says
        text = log.result()
        if text.strip() or (pod, container) not in logs:  # an empty one is known, too: it said nothing
            logs[(pod, container)] = capped(self._clean(text))
        return True


def _read_to_its_end(read: Callable[[], Iterator[str]]) -> Future[str]:
    """One log, in a thread of its own, which the end of the run does not wait for; an exception when it was refused or broke off."""
    text, log = Backlog(), Future[str]()

    def go() -> None:
        try:
            for piece in read():
                text.add(piece)
            text.end()
            log.set_result(text.take())
        except Exception as error:
            log.set_exception(error)

    threading.Thread(target=go, name="log", daemon=True).start()
    return log


class Follow:
    """One container's log, read in a thread as it is written. The first piece replaces what is known, each other one is added to it."""

    def __init__(self, cluster: Cluster, namespace: str, key: tuple[str, str], put: Callable[[Change], None]) -> None:
        self._cluster, self._namespace, self._key, self._put = cluster, namespace, key, put
        self._backlog, self._first, self._told = Backlog(), True, 0.0
        self.over = False  # True when the stream was refused or broke off: it may be followed again, from its first line
        threading.Thread(target=self._go, name=f"log-{key[0]}", daemon=True).start()

    def wake(self) -> None:
        """Tell the loop that there is something to take."""
        if self._backlog and time.monotonic() - self._told > QUIET:
            self._told = time.monotonic()
            self._put(Change("Log", "LOG" if self._first else "MORE", (*self._key, self._backlog)))
            self._first = False

    def _go(self) -> None:
        try:
            for piece in self._cluster.log_stream(self._namespace, *self._key, follow=True):
                self._backlog.add(piece)
                self.wake()
        except ApiError as error:
            if error.status != 404:  # the pod is gone
                time.sleep(RESUME)
                self.over = True
        except Exception as error:  # never die in silence: the line after the last one says why
            self._backlog.add(f"\n(the log could not be followed: {error})\n")
        self._backlog.end()
        self._told = 0.0
        self.wake()


def running_jobs(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """(pod, container) whose log is followed: what runs in the release's Jobs (what an injector put beside their own container is not meant),
    and init containers of new pods that take their time."""
    for name in snapshot.scope.jobs:
        for pod in job_pods(snapshot, name):
            asked = asked_container(snapshot.kind("Job").get(name), pod)
            if "running" in (status_of(pod, asked).get("state") or {}):
                yield name_of(pod), asked
        yield from slow_inits(snapshot, job_pods(snapshot, name)[-1:])
    for name in snapshot.scope.deployments:
        yield from slow_inits(snapshot, new_pods(snapshot, name))


def ended(snapshot: Snapshot) -> Iterator[tuple[str, str, int, bool]]:
    """(pod, container, run, previous) of each ended run that still has its log."""
    for pod in _own_pods(snapshot):
        for container, _init in containers(pod):
            restarts = container.get("restartCount") or 0
            if "terminated" in (container.get("state") or {}):
                yield name_of(pod), str(container.get("name")), restarts, False
            elif "terminated" in (container.get("lastState") or {}) and restarts > 0 and not container.get("ready"):
                yield name_of(pod), str(container.get("name")), restarts - 1, "running" in (container.get("state") or {})


def unready(snapshot: Snapshot) -> Iterator[tuple[str, str, int, bool]]:
    """(pod, container, time, previous) of main containers that run and are not ready: read again every now and then."""
    for name in snapshot.scope.deployments:
        for pod in new_pods(snapshot, name):
            for status in (pod.get("status") or {}).get("containerStatuses") or ():
                ran = snapshot.now - epoch(((status.get("state") or {}).get("running") or {}).get("startedAt"))
                if "running" in (status.get("state") or {}) and not status.get("ready") and not status.get("restartCount") and ran > SLOW_INIT:
                    yield name_of(pod), str(status.get("name")), -1 - int(ran / UNREADY), False


def _own_pods(snapshot: Snapshot) -> Iterator[Mapping[str, Any]]:
    yield from (pod for _kind, _name, pod in workers(snapshot))
    for name in snapshot.scope.deployments:
        if new_replicaset(snapshot, name) is not None:
            yield from (p for p in old_pods(snapshot, name) if made_in_this_run(p, snapshot))
