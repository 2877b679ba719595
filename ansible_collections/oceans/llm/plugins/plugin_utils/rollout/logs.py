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
from typing import Any

from ..kube.client import ApiError, Cluster
from ..kube.objects import asked_container, status_of
from .model import Snapshot, database_pods, job_pods, made_in_this_run, new_replicaset, old_pods, pods_of
from .watch import Change

TAIL = 120  # lines: a full migration of 29 versions is 58, and 29 result lines
LIMIT = 200_000  # characters of one log that are kept
TRIES = 3
RESUME = 1.0  # seconds until a log whose stream broke off is followed again


class LogReader:
    """Reads each ended run of a container once, and follows the Jobs' containers."""

    def __init__(self, cluster: Cluster, namespace: str, clean: Callable[[str], str], put: Callable[[Change], None]) -> None:
        self._cluster, self._namespace, self._clean, self._put = cluster, namespace, clean, put
        self._tries: Counter[tuple[str, str, int]] = Counter()
        self._followed: set[tuple[str, str]] = set()

    def read_new(self, snapshot: Snapshot, logs: MutableMapping[tuple[str, str], str]) -> None:
        """Logs of containers of the release that have ended since the last call; begins to follow those that run."""
        for pod, container in running_jobs(snapshot):
            if (pod, container) not in self._followed:
                self._followed.add((pod, container))
                threading.Thread(target=self._follow, args=(pod, container), name=f"log-{pod}", daemon=True).start()
        for pod, container, run, previous in ended(snapshot):
            key = (pod, container, run)
            if self._tries[key] < TRIES:
                self._tries[key] = TRIES if self._fetch(logs, pod, container, previous) else self._tries[key] + 1

    def read_all(self, snapshot: Snapshot, logs: MutableMapping[tuple[str, str], str]) -> None:
        """What the Jobs' running containers have said so far, too."""
        self.read_new(snapshot, logs)
        for pod, container in running_jobs(snapshot):
            self._fetch(logs, pod, container, previous=False)

    def _fetch(self, logs: MutableMapping[tuple[str, str], str], pod: str, container: str, previous: bool) -> bool:
        try:
            text = self._cluster.logs(self._namespace, pod, container, previous=previous, tail=TAIL)
        except ApiError:
            return False  # the pod is gone, or the node does not answer: the status still says what it says
        if text.strip() or (pod, container) not in logs:  # an empty one is known, too: it said nothing
            logs[(pod, container)] = self._clean(text)
        return True

    def _follow(self, pod: str, container: str) -> None:
        """In a thread: each new line wakes the loop."""
        text = ""
        try:
            for line in self._cluster.follow_logs(self._namespace, pod, container):
                text = (text + line + "\n")[-LIMIT:]
                self._put(Change("Log", "LOG", (pod, container, text)))
        except ApiError as error:
            if not text:  # nothing is known, which is not the same as silence
                self._put(Change("Log", "LOG", (pod, container, f"(the log cannot be read: {error})\n")))
            if error.unreachable:
                time.sleep(RESUME)
                self._followed.discard((pod, container))  # the next look begins again, from its first line
        except Exception as error:  # never die in silence: the line after the last one says why
            self._put(Change("Log", "LOG", (pod, container, f"{text}(the log could not be followed: {error})\n")))


def running_jobs(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """(pod, container) of what runs in the release's Jobs; what an injector put beside their own container is not meant."""
    for name in snapshot.scope.jobs:
        for pod in job_pods(snapshot, name):
            asked = asked_container(snapshot.kind("Job").get(name), pod)
            if "running" in (status_of(pod, asked).get("state") or {}):
                yield pod["metadata"]["name"], asked


def ended(snapshot: Snapshot) -> Iterator[tuple[str, str, int, bool]]:
    """(pod, container, run, previous) of each ended run that still has its log."""
    for pod in _own_pods(snapshot):
        status = pod.get("status") or {}
        for container in [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]:
            restarts = container.get("restartCount", 0)
            if "terminated" in (container.get("state") or {}):
                yield pod["metadata"]["name"], container["name"], restarts, False
            elif "terminated" in (container.get("lastState") or {}) and restarts > 0 and not container.get("ready"):
                yield pod["metadata"]["name"], container["name"], restarts - 1, "running" in (container.get("state") or {})


def _own_pods(snapshot: Snapshot) -> Iterator[Mapping[str, Any]]:
    yield from (pod for _kind, _name, pod in database_pods(snapshot))
    for name in snapshot.scope.jobs:
        yield from job_pods(snapshot, name)
    for name in snapshot.scope.deployments:
        newest = new_replicaset(snapshot, name)
        if newest is not None:
            yield from pods_of(snapshot, newest["metadata"]["uid"])
            yield from (p for p in old_pods(snapshot, name) if made_in_this_run(p, snapshot))
