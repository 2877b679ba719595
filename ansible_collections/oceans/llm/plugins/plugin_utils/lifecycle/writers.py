# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway's pods, stopped while their database is replaced, and what scales them afterwards."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from ..kube import paths, waiting
from ..kube.client import ApiError, Cluster
from ..kube.objects import INSTANCE, JOB_NAME, Object, epoch, meta, name_of
from .deployed import NotPossible
from .dump_job import telling
from .source import Source

MANAGER = "oceans-llm-restore"
#: annotation of the Deployment: how many pods it had before it was stopped, for a run after one that was killed
REPLICAS = "oceans.llm/replicas-before-restore"
#: seconds that pods may take to finish what they serve, and that their nodes may need besides
DRAIN, END = 20, 20


class Writers:
    """The gateway of one release. `stop` and `start` are for one thread."""

    def __init__(self, cluster: Cluster, source: Source, say: Callable[[str], None]) -> None:
        self._cluster, self._say = cluster, say
        self._ns, self._release, self._name = source.release.namespace, source.release.name, name_of(source.gateway.deployment)
        self._path = paths.deployment(self._ns, self._name)
        self._selector = source.gateway.selector
        #: replicas are an autoscaler's, which leaves a Deployment of zero alone
        self._scaled = any(o.get("kind") == "Deployment" and name_of(o) == self._name and "replicas" not in o["spec"] for o in source.release.manifest)
        noted = (meta(source.gateway.deployment).get("annotations") or {}).get(REPLICAS) or ""
        self._before = int(noted) if noted.isdigit() else int(source.gateway.deployment["spec"].get("replicas", 1))

    def refuse_migrations(self) -> None:
        """:raises NotPossible: when a Job of the release is changing the database."""
        found = self._cluster.list(paths.pods(self._ns), labelSelector=f"{INSTANCE}={self._release},{JOB_NAME}")["items"]
        jobs = sorted({str(meta(p)["labels"][JOB_NAME]) for p in found if (p.get("status") or {}).get("phase") in ("Pending", "Running")})
        if jobs:
            end = f"kubectl -n {self._ns} delete job {jobs[0]}"
            raise NotPossible(f"Job/{jobs[0]} of the release is running; nothing was changed — wait until the Job has ended, or delete the Job: {end}")

    def stop(self) -> None:
        """No container of the gateway runs any more. :raises NotPossible: when one stays.

        The pods are deleted with a grace period of their own before the Deployment is scaled: once a kubelet stops a pod, it does not take note of a
        shorter one (seen with 1.34), and a gateway with streams may have minutes. What the ReplicaSet makes for them does not get far.
        """
        pods = self._cluster.list(paths.pods(self._ns), labelSelector=self._selector)["items"]
        self._wait_for([pod for pod in pods if meta(pod).get("deletionTimestamp") and may_write(pod)])
        with telling(self._say, f"stopping Deployment/{self._name} ({self._before} replicas), so that no pod writes while the database is replaced"):
            for pod in pods:
                grace = min(DRAIN, int((pod.get("spec") or {}).get("terminationGracePeriodSeconds") or DRAIN))
                if not meta(pod).get("deletionTimestamp"):
                    self._cluster.delete(paths.pod(self._ns, name_of(pod)), grace=grace)
            body = {"metadata": {"annotations": {REPLICAS: str(self._before)}}, "spec": {"replicas": 0}}
            self._cluster.patch(self._path, body, manager=MANAGER)
            left = self._left(DRAIN + END)
        if left:
            raise NotPossible(f"Pod/{left[0]} still runs after {DRAIN + END} s; find the reason: kubectl -n {self._ns} describe pod {left[0]}")

    def _wait_for(self, stopping: Sequence[Object]) -> None:
        """Pods that were stopped by an earlier rollout end when their own grace period does; until then the others serve."""
        if stopping:
            seconds = max(epoch(meta(pod)["deletionTimestamp"]) for pod in stopping) - self._cluster.now() + END
            with telling(
                self._say, f"waiting for Pod/{name_of(stopping[0])}, which is still stopping after an earlier rollout (up to {max(seconds, 0):.0f} s)"
            ):
                self._left(seconds, {name_of(pod) for pod in stopping})

    def start(self) -> str:
        """As many pods as before, with what they had: nothing was replaced. A phrase that says so, or what to type instead."""
        try:
            self._release_replicas({"metadata": {"annotations": {REPLICAS: None}}, "spec": {"replicas": self._before}})
        except ApiError as error:
            command = f"kubectl -n {self._ns} scale deployment {self._name} --replicas={self._before}"
            return f"the gateway could not be started again ({error}); start it: {command}"
        return "the gateway is started again, unchanged"

    def hand_over(self) -> None:
        """The next deploy starts the pods, with the version that fits. An autoscaler begins with one pod at least, and so gets them back now."""
        scale = {"spec": {"replicas": self._before}} if self._scaled else {}
        self._release_replicas({"metadata": {"annotations": {REPLICAS: None}}, **scale})

    def _release_replicas(self, body: dict[str, object]) -> None:
        """Write it, and own nothing of the Deployment any more: Helm's next server-side apply would be a conflict."""
        live = self._cluster.patch(self._path, body, manager=MANAGER)
        for _try in range(5):
            others = [entry for entry in meta(live).get("managedFields") or () if entry.get("manager") != MANAGER]
            meta_body = {"managedFields": others, "resourceVersion": meta(live).get("resourceVersion")}
            try:
                self._cluster.patch(self._path, {"metadata": meta_body}, manager=MANAGER)
                return
            except ApiError as error:
                if error.status != 409:
                    raise
            live = self._cluster.get(self._path)

    def _left(self, seconds: float, only: Collection[str] = ()) -> list[str]:
        """The pods (`only` these) that may still write, when there are none or when the time is over."""

        def counts(pod: Object) -> bool:
            return may_write(pod) and (not only or name_of(pod) in only)

        return waiting.left(self._cluster, paths.pods(self._ns), seconds, counts, labelSelector=self._selector)


def may_write(pod: Object) -> bool:
    """A container of it runs, or may be started yet: a kubelet starts none in a pod that was deleted. Its init containers only look."""
    status = pod.get("status") or {}
    if any("running" in (s.get("state") or {}) for s in status.get("containerStatuses") or ()):
        return True
    return not meta(pod).get("deletionTimestamp") and status.get("phase") not in ("Succeeded", "Failed")
