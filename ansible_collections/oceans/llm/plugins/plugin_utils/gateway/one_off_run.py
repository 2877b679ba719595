# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask the gateway program one question by a one-off Job (one_off_job.py), and read its answer."""

from __future__ import annotations

import contextlib
import itertools
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..kube import paths
from ..kube.client import ApiError, Cluster
from ..kube.objects import JOB_NAME, asked_container, containers, end_of, pod_phrase, status_of, suspension, waiting

#: reasons of a waiting container that an answer is not worth waiting for (kubelet)
NO_START = (
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
)


@dataclass(frozen=True)
class Answer:
    """`code` None: it did not come to an end; `text` then says why."""

    code: int | None
    text: str


#: seconds after which a watch is begun again, for a caller who may have to leave
GLANCE = 2.0


def ask(cluster: Cluster, body: Mapping[str, Any], deadline: float, over: Callable[[], bool] | None = None) -> Answer:
    """Run the Job and wait for its pod's end by a watch. The Job is removed afterwards, whatever came of it.

    `over`: asked every two seconds whether the caller has to leave.
    """
    namespace = body["metadata"]["namespace"]
    name = cluster.create(paths.jobs(namespace), body)["metadata"]["name"]
    try:
        return _wait(cluster, body, name, time.monotonic() + deadline, over)
    finally:
        with contextlib.suppress(ApiError):  # its ttlSecondsAfterFinished removes it then
            cluster.delete(paths.job(namespace, name))


def _wait(cluster: Cluster, body: Mapping[str, Any], name: str, end: float, over: Callable[[], bool] | None) -> Answer:
    namespace = body["metadata"]["namespace"]
    selector = f"{JOB_NAME}={name}"
    last: Mapping[str, Any] | None = None
    while time.monotonic() < end and not (over and over()):
        listed = cluster.list(paths.pods(namespace), labelSelector=selector)
        left = min(max(1.0, end - time.monotonic()), GLANCE if over else math.inf)
        changes = cluster.watch(paths.pods(namespace), listed["metadata"]["resourceVersion"], timeout=left, labelSelector=selector)
        for pod in itertools.chain(listed["items"], (event["object"] for event in changes if event["type"] != "BOOKMARK")):
            last = pod
            asked = asked_container(body, pod)
            code = exit_code(pod, asked)
            if code is not None:  # also while a sidecar still runs: the Job is removed in any case
                return Answer(code, cluster.logs(namespace, pod["metadata"]["name"], asked, tail=200))
            failed = failed_before(pod)
            if failed:
                return Answer(failed[1], cluster.logs(namespace, pod["metadata"]["name"], failed[0], tail=200))
            if any(waiting(status).get("reason") in NO_START for status, _init in containers(pod)):
                why = next((text for s, _init in containers(pod) if (text := waiting(s).get("message"))), "")
                return Answer(None, f"Pod/{pod['metadata']['name']} {pod_phrase(pod)}{f': {why}' if why else ''}")
    return Answer(None, f"Pod/{last['metadata']['name']} {pod_phrase(last)}" if last else _no_pod(cluster, namespace, name))


def _no_pod(cluster: Cluster, namespace: str, name: str) -> str:
    """Why a Job has no pod: a queue holds the Job, or the API server refused the pod."""
    job: Mapping[str, Any] = {}
    refused: list[str] = []
    with contextlib.suppress(ApiError):  # it is told without the reason then
        job = cluster.find(paths.job(namespace, name)) or {}
        about = f"involvedObject.kind=Job,involvedObject.name={name},reason=FailedCreate"
        refused = [str(event.get("message") or "") for event in cluster.list(paths.events(namespace), fieldSelector=about)["items"]]
    held = suspension(job) or (f"has no pod: {refused[-1]}" if refused else "")
    return f"Job/{name} {held}" if held else f"no pod was created for Job/{name}"


def failed_before(pod: Mapping[str, Any]) -> tuple[str, int] | None:
    """(name, exit code) of an init container that has failed in a pod that is not started again: the one that was asked never runs."""
    if (pod.get("status") or {}).get("phase") != "Failed":
        return None
    ends = ((str(status.get("name")), end_of(status).get("exitCode")) for status, init in containers(pod) if init)
    return next(((name, int(code)) for name, code in ends if code), None)


def exit_code(pod: Mapping[str, Any], container: str) -> int | None:
    """How the container that was asked ended; None while it has not. What an injector put beside or before it answers nothing."""
    code = end_of(status_of(pod, container)).get("exitCode")
    return None if code is None else int(code)
