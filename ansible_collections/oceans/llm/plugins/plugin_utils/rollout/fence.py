# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fence: make sure that no hook Job of a failed rollout does anything more.

Without it a migration Job whose image appears a minute later still migrates the database, long after the run was
declared failed (the phantom migration). Its pods are deleted with a grace of one second (the gateway
ignores SIGTERM; a migration runs in a transaction, so the server rolls it back), the Job is suspended (Kubernetes API,
JobSpec.suspend: no new pods), and only the absence of pods counts as fenced. In this order: a suspended Job's pods are
deleted by its controller with their own grace (30 s), and a kubelet that is at that does not hear of a shorter one any
more (measured: 31 s instead of 3 s).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..kube import paths
from ..kube.client import ApiError, Cluster
from ..kube.objects import JOB_NAME, QUEUE, finished, json_object

GRACE = 1  # seconds between TERM and KILL for a pod that is fenced
DEADLINE = 60.0  # seconds for everything: longer than the grace in which a suspended Job's controller ends its pods
AGAIN = 1.0  # seconds until the API server is asked again after it did not answer


@dataclass(frozen=True)
class Fenced:
    """The Jobs that were stopped, and those of which a pod may still run: Job -> why."""

    stopped: tuple[str, ...] = ()
    left: Mapping[str, str] = field(default_factory=dict)


def fence(cluster: Cluster, namespace: str, jobs: Iterable[str], deadline: float | None = None) -> Fenced:
    """Stop these Jobs. Never raises for what the API server does: the end of a run has to tell what could not be stopped."""
    end = time.monotonic() + (DEADLINE if deadline is None else deadline)
    stopped, left = [], {}
    for name in jobs:
        try:
            if _suspended(cluster, namespace, name, end):
                stopped.append(name)
        except ApiError as error:
            left[name] = str(error)
    for name in stopped:
        try:
            _until_no_pod(cluster, namespace, name, end)
        except ApiError as error:
            left[name] = str(error)
    return Fenced(tuple(name for name in stopped if name not in left), left)


def _suspended(cluster: Cluster, namespace: str, name: str, end: float) -> bool:
    """:func:`_suspend`, tried again while the API server does not answer."""
    while True:
        try:
            return _suspend(cluster, namespace, name)
        except ApiError as error:
            if not error.unreachable or time.monotonic() > end:
                raise
            time.sleep(AGAIN)


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
    # Kueue would start a Job of one of its queues again, whoever suspended it
    queue = {"metadata": {"labels": {QUEUE: None}}} if QUEUE in (job["metadata"].get("labels") or {}) else {}
    if not queue and not alive and job["spec"].get("suspend"):
        return False  # an earlier run stopped the Job
    try:
        cluster.patch(paths.job(namespace, name), {"spec": {"suspend": True}, **queue}, manager="oceans-llm-fence")
    except ApiError as error:
        if error.status != 404:  # gone in the meantime is as good
            raise
    return True


def _until_no_pod(cluster: Cluster, namespace: str, job: str, end: float) -> None:
    """Delete what still runs and watch until it is gone.

    A delete that is refused is no reason to stop waiting: the controller of a suspended Job deletes its pods, too, in their own grace.

    :raises ApiError: when pods are still there at the end, with the reason for which they could not be deleted.
    """
    alive, refused, version = {"?"}, "", ""
    while True:
        try:
            answer = cluster.list(paths.pods(namespace), labelSelector=_pods_of(job))
            alive, version = _alive(answer), answer["metadata"]["resourceVersion"]
            refused = next((why for why in [_delete_now(cluster, namespace, name) for name in alive] if why), "")
            if not alive:
                return
            left = end - time.monotonic()
            if left > 0 and _gone(cluster, namespace, job, alive, version, left):
                return
        except ApiError as error:
            if not error.unreachable:
                raise
            refused = refused or str(error)  # why a pod was not deleted says more than that its watch broke off
            time.sleep(min(AGAIN, max(0.0, end - time.monotonic())))
        if time.monotonic() > end:
            known = f"{', '.join(sorted(f'Pod/{name}' for name in alive))} still running"
            pods = known if alive != {"?"} else "it is not known whether a pod of the Job is running"
            raise ApiError(504, "Timeout", f"{pods}{f' ({refused})' if refused else ''}", paths.pods(namespace))


def _gone(cluster: Cluster, namespace: str, job: str, alive: set[str], version: str, seconds: float) -> bool:
    """Watch for so long; True when the last of them has gone."""
    for event in cluster.watch(paths.pods(namespace), version, timeout=max(1, seconds), labelSelector=_pods_of(job)):
        if event["type"] == "DELETED":
            alive.discard(event["object"]["metadata"]["name"])
        if not alive:
            return True
    return False


def _pods_of(job: str) -> str:
    return f"{JOB_NAME}={job}"


def _alive(pods: Mapping[str, Any]) -> set[str]:
    return {p["metadata"]["name"] for p in pods["items"] if (p.get("status") or {}).get("phase") not in ("Failed", "Succeeded")}


def _delete_now(cluster: Cluster, namespace: str, pod: str) -> str:
    """Delete one pod with a short grace; returns why the API server refused, empty when it did not.

    :raises ApiError: when there was no answer.
    """
    status, _headers, text = cluster.raw("DELETE", paths.pod(namespace, pod), body={"gracePeriodSeconds": GRACE})
    if status < 400 or status == 404:
        return ""
    words = str(json_object(text).get("message") or text)
    return f"the API server refused to delete Pod/{pod}: {' '.join(words.split())[:300] or f'HTTP {status}'}"
