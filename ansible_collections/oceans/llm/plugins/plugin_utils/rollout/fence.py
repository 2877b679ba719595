# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fence: make sure that no hook Job of a failed rollout does anything more.

Without it a migration Job whose image appears a minute later still migrates the database, long after the run was
declared failed (the phantom migration, faults.md F18). Its pods are deleted with a grace of one second (the gateway
ignores SIGTERM; a migration runs in a transaction, so the server rolls it back), the Job is suspended (Kubernetes API,
JobSpec.suspend: no new pods), and only the absence of pods counts as fenced. In this order: a suspended Job's pods are
deleted by its controller with their own grace (30 s), and a kubelet that is at that does not hear of a shorter one any
more (measured: 31 s instead of 3 s).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from ..kube import paths
from ..kube.client import ApiError, Cluster
from ..kube.objects import finished

GRACE = 1  # seconds between TERM and KILL for a pod that is fenced


def fence(cluster: Cluster, namespace: str, jobs: Iterable[str], deadline: float = 60.0) -> list[str]:
    """Stop these Jobs; returns what was stopped.

    :raises ApiError: when the API server refuses, or the pods are not gone within `deadline` seconds.
    """
    stopped = [name for name in jobs if _suspend(cluster, namespace, name)]
    end = time.monotonic() + deadline
    for name in stopped:
        _until_no_pod(cluster, namespace, name, end)
    return stopped


def _suspend(cluster: Cluster, namespace: str, name: str) -> bool:
    """True when there was something to stop. A Job that has just failed (its deadline) may still have pods in their grace."""
    job = cluster.find(paths.job(namespace, name))
    if job is None or finished(job) is True:
        return False
    alive = _alive(cluster.list(paths.pods(namespace), labelSelector=_pods_of(name)))
    for pod in alive:
        _delete_now(cluster, namespace, pod)
    if finished(job) is False:
        return bool(alive)
    try:
        cluster.patch(paths.job(namespace, name), {"spec": {"suspend": True}}, manager="oceans-llm-fence")
    except ApiError as error:
        if error.status != 404:  # gone in the meantime is as good
            raise
    return True


def _until_no_pod(cluster: Cluster, namespace: str, job: str, end: float) -> None:
    """Delete what still runs and watch until it is gone."""
    selector = _pods_of(job)
    while True:
        answer = cluster.list(paths.pods(namespace), labelSelector=selector)
        alive = _alive(answer)
        for name in alive:
            _delete_now(cluster, namespace, name)
        if not alive:
            return
        left = end - time.monotonic()
        if left <= 0:
            raise ApiError(504, "Timeout", f"pods of Job/{job} are still there: {', '.join(sorted(alive))}", paths.pods(namespace))
        for event in cluster.watch(paths.pods(namespace), answer["metadata"]["resourceVersion"], timeout=max(1, left), labelSelector=selector):
            if event["type"] == "DELETED":
                alive.discard(event["object"]["metadata"]["name"])
            if not alive:
                break


def _pods_of(job: str) -> str:
    return f"batch.kubernetes.io/job-name={job}"


def _alive(pods: Mapping[str, Any]) -> set[str]:
    return {p["metadata"]["name"] for p in pods["items"] if (p.get("status") or {}).get("phase") not in ("Failed", "Succeeded")}


def _delete_now(cluster: Cluster, namespace: str, pod: str) -> None:
    try:
        cluster.raw("DELETE", paths.pod(namespace, pod), body={"gracePeriodSeconds": GRACE})
    except ApiError as error:
        if error.status != 404:
            raise
