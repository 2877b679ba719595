# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which container logs are worth reading, and when: before a TTL, a restart or the fence takes them away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from ..cluster import ApiError, Cluster
from .model import Snapshot, job_pods, new_replicaset, pods_of

TAIL = 80  # lines: a full migration of 29 versions is 58


class LogReader:
    """Reads each ended run of a container once."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster, self._namespace = cluster, namespace
        self._read: set[tuple[str, str, int]] = set()

    def read_new(self, snapshot: Snapshot, logs: MutableMapping[tuple[str, str], str]) -> None:
        """Logs of containers of the release that have ended since the last call."""
        for pod, container, run, previous in ended(snapshot):
            if (pod, container, run) not in self._read:
                self._read.add((pod, container, run))
                self._fetch(logs, pod, container, previous)

    def read_all(self, snapshot: Snapshot, logs: MutableMapping[tuple[str, str], str]) -> None:
        """What the Jobs' running containers have said so far, too."""
        self.read_new(snapshot, logs)
        for name in snapshot.scope.jobs:
            for pod in job_pods(snapshot, name):
                for status in (pod.get("status") or {}).get("containerStatuses") or ():
                    if "running" in (status.get("state") or {}):
                        self._fetch(logs, pod["metadata"]["name"], status["name"], previous=False)

    def _fetch(self, logs: MutableMapping[tuple[str, str], str], pod: str, container: str, previous: bool) -> None:
        try:
            text = self._cluster.logs(self._namespace, pod, container, previous=previous, tail=TAIL)
        except ApiError:
            return  # the pod is gone, or the node does not answer: the status still says what it says
        if text.strip():
            logs[(pod, container)] = text


def ended(snapshot: Snapshot) -> Iterator[tuple[str, str, int, bool]]:
    """(pod, container, run, previous) of each ended run that still has its log."""
    for pod in _own_pods(snapshot):
        status = pod.get("status") or {}
        for container in [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]:
            restarts = container.get("restartCount", 0)
            if "terminated" in (container.get("state") or {}):
                yield pod["metadata"]["name"], container["name"], restarts, False
            elif "terminated" in (container.get("lastState") or {}) and restarts > 0:
                yield pod["metadata"]["name"], container["name"], restarts - 1, True


def _own_pods(snapshot: Snapshot) -> Iterator[Mapping[str, Any]]:
    for name in snapshot.scope.jobs:
        yield from job_pods(snapshot, name)
    for name in snapshot.scope.deployments:
        newest = new_replicaset(snapshot, name)
        if newest is not None:
            yield from pods_of(snapshot, newest["metadata"]["uid"])
