# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a healthy rollout still waits for, in words. Pure.

What counts as complete follows the Deployment controller's own status fields (Kubernetes API, DeploymentStatus) the
way kubectl and kstatus read them: the controller has seen this generation, all replicas are updated and available, and
none of the old ReplicaSet is left, but for pods that are taking their grace to stop.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..codes import Certainty
from ..kube.objects import age, asked_container, finished, is_ready, kept_by, pod_phrase
from .model import Cause, Snapshot, job_pods, new_replicaset, old_pods, pods_of


def blocker(snapshot: Snapshot, causes: Sequence[Cause] = ()) -> str:
    """One phrase for the first thing that is not done yet; empty when all is done."""
    for name in snapshot.scope.jobs:
        phrase = job_blocker(snapshot, name)
        if phrase:
            return phrase + _why(causes)
    for name in snapshot.scope.deployments:
        phrase = deployment_blocker(snapshot, name)
        if phrase:
            return phrase + _why(causes)
    return ""


def job_blocker(snapshot: Snapshot, name: str) -> str:
    """What a hook Job waits for. A Job that is gone is no blocker: its TTL, or Helm's delete policy, removed it."""
    job = snapshot.objects.get("Job", {}).get(name)
    if job is None or finished(job) is not None:
        return ""
    for pod in job_pods(snapshot, name):
        if pod["metadata"].get("deletionTimestamp") is None and (pod.get("status") or {}).get("phase") != "Failed":
            waits = kept_by(pod, asked_container(job, pod))
            doing = "waits for a sidecar to end" if waits else pod_phrase(pod)
            return f"Job/{name}: {doing} ({age(pod, snapshot.now):.0f} s)"
    return f"Job/{name} has no pod yet"


def deployment_blocker(snapshot: Snapshot, name: str) -> str:
    deployment = snapshot.objects.get("Deployment", {}).get(name)
    if deployment is None:
        return f"Deployment/{name} is not there yet"
    status, wanted = deployment.get("status") or {}, deployment["spec"].get("replicas", 1)
    if status.get("observedGeneration", 0) < deployment["metadata"].get("generation", 1):
        return f"Deployment/{name}: its controller has not seen the change yet"
    newest = new_replicaset(snapshot, name)
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    if updated < wanted or available < updated:
        unready = [p for p in pods_of(snapshot, newest["metadata"]["uid"]) if not is_ready(p)] if newest else []
        which = f": {unready[0]['metadata']['name']} {pod_phrase(unready[0])}" if unready else ""
        return f"Deployment/{name}: {min(updated, available)} of {wanted} new pods ready{which}"
    if status.get("replicas", 0) > updated:
        return f"Deployment/{name}: {status['replicas'] - updated} old pod(s) still there"
    return ""


def stopping(snapshot: Snapshot) -> str:
    """Old pods that take their grace to end. They serve nobody any more, so nothing waits for them; empty when there are none."""
    going = [p for name in snapshot.scope.deployments for p in old_pods(snapshot, name) if p["metadata"].get("deletionTimestamp")]
    grace = max((int(p["spec"].get("terminationGracePeriodSeconds") or 30) for p in going), default=0)
    return f"{len(going)} old pod{'s' if len(going) > 1 else ''} still stopping (grace {grace} s)" if going else ""


def _why(causes: Sequence[Cause]) -> str:
    """The reason that is known for a wait: the youngest cause that is not certain."""
    soft = [c for c in causes if c.certainty is not Certainty.CERTAIN]
    if not soft:
        return ""
    last = max(soft, key=lambda c: c.since)
    told = not last.budget or f"{last.budget:.0f} s" in last.cause
    return f" — {last.cause}" + ("" if told else f" (given {last.budget:.0f} s)")


def summary(snapshot: Snapshot) -> str:
    """The state of every Deployment in one line, as evidence."""
    parts = []
    for name in snapshot.scope.deployments:
        deployment = snapshot.objects.get("Deployment", {}).get(name) or {}
        status, wanted = deployment.get("status") or {}, (deployment.get("spec") or {}).get("replicas", 1)
        parts.append(f"{name}: {status.get('updatedReplicas', 0)} new, {status.get('availableReplicas', 0)} available of {wanted}")
    return "; ".join(parts)
