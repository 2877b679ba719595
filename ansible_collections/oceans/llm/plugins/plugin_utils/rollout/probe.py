# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One short pod of the namespace asks for the gateway while its pods become ready: what the API server's own way does not show.

`look` starts it when the last new pod exists, so that it takes nothing (quota, room on a node) that the rollout still needs; `answer` is
what it saw after the question was put; `stop` removes it. It never makes a rollout fail by itself: what keeps it from asking is a note.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..gateway.one_off_run import JOB_NAME
from ..helm.releases import Release
from ..kube import paths
from ..kube.client import ApiError, Cluster
from ..kube.objects import Object, meta, name_of, part, pod_phrase
from ..kube.services import number_of, target
from . import ingress_look, probe_job
from .model import Snapshot, new_pods

#: seconds that an answer is waited for, and between two looks at a pod that is starting
PATIENCE, AGAIN = 10.0, 0.15
HEALTH = "/api/v1/health"
#: begins a note that says why the probe saw nothing; stands in the last line
NOT_PROBED = "not probed"


@dataclass(frozen=True)
class Answer:
    """One round of the probe; `why`: there is none, for this reason."""

    why: str = ""
    node: str = ""
    address: str = ""
    #: labels of the probe's pod, for policies
    labels: Mapping[str, str] = field(default_factory=dict)
    line: Mapping[str, Any] = field(default_factory=dict)


def wanted(mode: str, change: bool, cluster: Cluster, release: Release, namespace: str) -> Probe | None:
    """`mode`: auto, true or false. By itself a probe is made where something changed, in a release that has a gateway."""
    return Probe(cluster, release, namespace) if part(release.manifest, "Service") and (mode == "true" or (mode == "auto" and change)) else None


class Probe:
    """The probe of one run. Every method may be called at any time; none raises."""

    def __init__(self, cluster: Cluster, release: Release, namespace: str) -> None:
        self._cluster, self._release, self._namespace = cluster, release, namespace
        self._changed = threading.Condition()
        self._lines: list[Mapping[str, Any]] = []
        self._why, self._job, self._node, self._address = "", "", "", ""
        self._labels: Mapping[str, str] = {}
        self._thread: threading.Thread | None = None
        self._ended = self._stopped = False

    @property
    def service(self) -> Object | None:
        """The gateway's Service, as the release has it."""
        return part(self._release.manifest, "Service")

    # --- start -----------------------------------------------------------------------------------------------------------

    def look(self, snapshot: Snapshot) -> None:
        """Start when every new pod of the gateway exists and has an address. Cheap, for the loop."""
        if self._thread is None and self._complete(snapshot):
            self.start(snapshot)

    def _complete(self, snapshot: Snapshot) -> bool:
        """True when the rollout needs no more room: all its new pods exist, and those of the gateway have an address.

        A Deployment that Helm has not changed yet is not in the scope: its pods are those of before.
        """
        deployment = self._deployment(snapshot)
        if deployment is None or meta(deployment)["name"] not in snapshot.scope.deployments:
            return False
        pods = _staying(snapshot, name_of(deployment))
        addressed = bool(pods) and all((p.get("status") or {}).get("podIP") for p in pods)
        return addressed and all(
            len(_staying(snapshot, name)) >= (snapshot.kind("Deployment").get(name, {}).get("spec") or {}).get("replicas", 1)
            for name in snapshot.scope.deployments
        )

    def _deployment(self, snapshot: Snapshot) -> Object | None:
        return snapshot.kind("Deployment").get(name_of(part(self._release.manifest, "Deployment") or {}))

    def start(self, snapshot: Snapshot) -> None:
        if self._thread is None and not self._stopped:
            self._thread = threading.Thread(target=self._run, args=(snapshot,), name="probe", daemon=True)
            self._thread.start()

    def _run(self, snapshot: Snapshot) -> None:
        try:
            body = self._body(snapshot)
            if body is None:
                self._give_up("the release has no Deployment of the gateway")
                return
            self._labels = body["spec"]["template"]["metadata"]["labels"]
            made = self._cluster.create(paths.jobs(self._namespace), body)["metadata"]["name"]
            with self._changed:
                self._job = made
            if self._stopped:
                self.stop()
                return
            pod = self._running(made)
            if pod:
                for line in self._cluster.log_lines(self._namespace, pod, probe_job.COMPONENT):
                    self._heard(line)
                self._give_up(self._why or "the probe pod has ended")
        except ApiError as error:
            self._give_up(str(error))
        except Exception as error:  # a probe that breaks is no reason for a traceback, nor for a failure
            self._give_up(f"{type(error).__name__}: {error}")

    def _body(self, snapshot: Snapshot) -> dict[str, Any] | None:
        deployment, service = self._deployment(snapshot), self.service
        if deployment is None or service is None:
            return None
        pods = new_pods(snapshot, name_of(deployment))
        port = service["spec"]["ports"][0]
        ends = [f"{p['status']['podIP']}:{number_of(target(port), p['spec']) or port['port']}" for p in pods if (p.get("status") or {}).get("podIP")]
        node = next((str(p["spec"]["nodeName"]) for p in pods if (p.get("spec") or {}).get("nodeName")), "")
        hosts = ingress_look.hosts(self._cluster, self._release, self._namespace)
        return probe_job.body(
            deployment, str(meta(service)["name"]), int(port["port"]), HEALTH, release=snapshot.scope.release, node=node, pods=ends[:8], hosts=hosts
        )

    def _running(self, job: str) -> str:
        """The pod's name once its log can be followed; empty when that will not be."""
        end = time.monotonic() + probe_job.DEADLINE
        while time.monotonic() < end and not self._stopped:
            pods = self._cluster.list(paths.pods(self._namespace), labelSelector=f"{JOB_NAME}={job}")["items"]
            if pods:
                phase, name = (pods[0].get("status") or {}).get("phase"), str(meta(pods[0])["name"])
                self._node, self._why = str((pods[0].get("spec") or {}).get("nodeName") or ""), f"Pod/{name} {pod_phrase(pods[0])}"
                self._address = str((pods[0].get("status") or {}).get("podIP") or "")
                states = (pods[0].get("status") or {}).get("containerStatuses") or ()
                if any("running" in (s.get("state") or {}) for s in states if s.get("name") == probe_job.COMPONENT):
                    return name
                if phase in ("Failed", "Succeeded"):
                    said = (pods[0].get("status") or {}).get("message") or self._why
                    self._give_up(f"Pod/{name} ended: {said}")
                    return ""
            else:
                self._why = f"no pod was created for Job/{job} yet"
            time.sleep(AGAIN)
        return ""

    def _heard(self, line: str) -> None:
        try:
            told = json.loads(line)
        except ValueError:
            self._why = f"output of the probe pod: {line[:200]}"
            return
        if isinstance(told, dict):
            with self._changed:
                self._lines.append(told)
                self._changed.notify_all()

    def _give_up(self, why: str) -> None:
        with self._changed:
            self._why, self._lines = " ".join(why.split())[:300], []
            self._ended = True
            self._changed.notify_all()

    # --- answer ----------------------------------------------------------------------------------------------------------

    def heard(self) -> int:
        """How many rounds are known: whoever puts a question now wants a later one."""
        return len(self._lines)

    def answer(self, snapshot: Snapshot, over: Callable[[], bool] = bool, heard: int | None = None) -> Answer:
        """A round that began after this call, or after the one of :meth:`heard`; starts the pod when nothing has so far. Nothing is waited for when
        the run is `over`."""
        self.start(snapshot)
        with self._changed:
            known = len(self._lines) if heard is None else heard
            wanted = known + 2 if known else 1  # the round that is under way may be older than the question
            end = time.monotonic() + PATIENCE
            while not (len(self._lines) >= wanted or self._ended or over()) and time.monotonic() < end:
                self._changed.wait(0.2)  # a signal wakes nobody
            fresh = len(self._lines) >= wanted
            return Answer(
                "" if fresh else self._why or "the probe pod has not started", self._node, self._address, self._labels, self._lines[-1] if fresh else {}
            )

    def stop(self) -> None:
        """Remove the pod. What cannot be removed ends by its own deadline."""
        self._stopped = True
        with self._changed:
            job, self._job = self._job, ""
        if job:
            with contextlib.suppress(ApiError):
                self._cluster.delete(paths.job(self._namespace, job))


def _staying(snapshot: Snapshot, deployment: str) -> list[Object]:
    """Its new pods, but for those that are being deleted."""
    return [p for p in new_pods(snapshot, deployment) if not meta(p).get("deletionTimestamp")]
