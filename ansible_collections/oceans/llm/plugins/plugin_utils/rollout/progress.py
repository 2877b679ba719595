# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a healthy rollout still waits for, in words. Pure.

What counts as complete follows the Deployment controller's own status fields (Kubernetes API, DeploymentStatus) the
way kubectl and kstatus read them: the controller has seen this generation, all replicas are updated and available, and
none of the old ReplicaSet is left, but for pods that are taking their grace to stop. What is new is counted by the new
ReplicaSet's own pods: `availableReplicas` of a Deployment counts the old ones, too.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence

from ..codes import Certainty
from ..kube.objects import Object, age, asked_container, finished, has_been_seen, is_ready, kept_by, meta, name_of, pod_phrase
from . import waits
from .model import Cause, Snapshot, job_pods, new_pods, new_replicaset, old_pods, once, pods_of, replicasets


def blocker(snapshot: Snapshot, causes: Sequence[Cause] = (), told: Container[str] = ()) -> str:
    """One phrase for the first thing that is not done yet; empty when all is done. `told`: code and object of causes that had a line of their own."""
    kind, name = blocking(snapshot)
    if not kind:
        return ""
    return (job_blocker(snapshot, name) if kind == "Job" else deployment_blocker(snapshot, name)) + _why(causes, told)


def blocking(snapshot: Snapshot) -> tuple[str, str]:
    """("Job" or "Deployment", name) of the first object that is not done yet; ("", "") when all are."""
    return next(unfinished(snapshot), ("", ""))


def unfinished(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    yield from (("Job", name) for name in snapshot.scope.jobs if job_blocker(snapshot, name))
    yield from (("Deployment", name) for name in snapshot.scope.deployments if deployment_blocker(snapshot, name))


def awaited(snapshot: Snapshot, kind: str, name: str) -> list[Object]:
    """The pods that an unfinished object waits for; none when it has none, or waits for old ones to stop."""
    return [p for p in job_pods(snapshot, name) if _may_finish(p)] if kind == "Job" else unready(snapshot, name) if kind else []


def _may_finish(pod: Object) -> bool:
    return not meta(pod).get("deletionTimestamp") and (pod.get("status") or {}).get("phase") != "Failed"


@once
def job_blocker(snapshot: Snapshot, name: str) -> str:
    """What a hook Job waits for. A Job that is gone is no blocker: its TTL, or Helm's delete policy, removed it."""
    job = snapshot.kind("Job").get(name)
    if job is None or finished(job) is not None:
        return ""
    for pod in job_pods(snapshot, name):
        if _may_finish(pod):
            wait = kept_by(pod, asked_container(job, pod))
            doing = "waiting for a sidecar to end" if wait else _job_phrase(snapshot, pod)
            return f"Job/{name}: {doing} ({age(pod, snapshot.now):.0f} s)"
    return f"Job/{name} has no pod yet"


def _job_phrase(snapshot: Snapshot, pod: Object) -> str:
    """What its pod does: a Job's container need not become ready, so only what comes before it runs is a wait."""
    found = waits.of_pod(snapshot, pod)
    return pod_phrase(pod) if found.code in ("NotReadyInTime", "PodStarting", "ContainerExited") else found.what


@once
def deployment_blocker(snapshot: Snapshot, name: str) -> str:
    deployment = snapshot.kind("Deployment").get(name)
    if deployment is None:
        return f"Deployment/{name} does not exist yet"
    status = deployment.get("status") or {}
    if not has_been_seen(deployment):
        return f"Deployment/{name}: the Deployment controller has not acted on the change yet"
    wanted, made, ready = counts(snapshot, name)
    waiting, available, updated = unready(snapshot, name), status.get("availableReplicas") or 0, status.get("updatedReplicas") or 0
    if waiting:
        nobody = outage(snapshot, name)
        said = f"Deployment/{name}: {ready} of {wanted} new pods ready: {name_of(waiting[0])} {waits.of_pod(snapshot, waiting[0]).what}"
        return f"{said}; {nobody}" if nobody else said
    if updated < wanted or available < updated:
        why = "ready, but not available yet" if ready >= wanted else f"{made} of {wanted} new pods created" + _why_fewer(snapshot, name)
        return f"Deployment/{name}: {ready} of {wanted} new pods ready: {why}"
    old = (status.get("replicas") or 0) - updated
    return f"Deployment/{name}: waiting for {old} old pod{'s' if old > 1 else ''} to stop" if old > 0 else ""


def _why_fewer(snapshot: Snapshot, name: str) -> str:
    """Why the new ReplicaSet has fewer pods than the Deployment asks for, and none of them is on its way."""
    deployment, newest = snapshot.kind("Deployment").get(name) or {}, new_replicaset(snapshot, name)
    old = old_pods(snapshot, name)
    if ((deployment.get("spec") or {}).get("strategy") or {}).get("type") == "Recreate" and (newest is None or old):
        return "; with strategy Recreate, the old pods have to stop first"
    if newest is None:
        return "; the Deployment controller has not created the new ReplicaSet yet"
    return ""


def outage(snapshot: Snapshot, name: str) -> str:
    """Why nobody serves while a new pod is not ready: the strategy lets all old pods go first. Empty when somebody does, or never did."""
    deployment, newest = snapshot.kind("Deployment").get(name) or {}, new_replicaset(snapshot, name)
    earlier = any(r is not newest for r in replicasets(snapshot, name))
    if newest is None or not earlier or any(is_ready(p) for r in replicasets(snapshot, name) for p in pods_of(snapshot, meta(r).get("uid"))):
        return ""
    strategy = (deployment.get("spec") or {}).get("strategy") or {}
    limit = (strategy.get("rollingUpdate") or {}).get("maxUnavailable")
    wanted = counts(snapshot, name)[0]
    if strategy.get("type") == "Recreate":
        return "no pod serves, because strategy Recreate has stopped all old pods"
    everybody = int(limit[:-1]) >= 100 if isinstance(limit, str) and limit[:-1].isdigit() else isinstance(limit, int) and limit >= wanted
    return f"no pod serves, because strategy RollingUpdate with maxUnavailable {limit} has stopped all old pods" if everybody else ""


def unready(snapshot: Snapshot, name: str) -> list[Object]:
    """Pods of the new ReplicaSet that have to become ready."""
    going = [p for p in new_pods(snapshot, name) if not is_ready(p) and not meta(p).get("deletionTimestamp")]
    return [p for p in going if (p.get("status") or {}).get("phase") not in ("Failed", "Succeeded")]


def counts(snapshot: Snapshot, name: str) -> tuple[int, int, int]:
    """(wanted, created, ready) pods of the new ReplicaSet: its own, not the Deployment's sum with the old ones."""
    replicas = ((snapshot.kind("Deployment").get(name) or {}).get("spec") or {}).get("replicas")
    pods = [p for p in new_pods(snapshot, name) if _may_finish(p)]
    return 1 if replicas is None else int(replicas), len(pods), sum(1 for p in pods if is_ready(p))


def stopping(snapshot: Snapshot) -> str:
    """Old pods that take their grace to end: they finish the answers that they began. Nothing waits for them; empty when there are none."""
    going = [p for name in snapshot.scope.deployments for p in old_pods(snapshot, name) if meta(p).get("deletionTimestamp")]
    grace = max((int((p.get("spec") or {}).get("terminationGracePeriodSeconds") or 30) for p in going), default=0)
    names = [name_of(p) for p in going]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{len(going)} old pod{'s' if len(going) > 1 else ''} still stopping (grace {grace} s): {', '.join(names[:3])}{more}" if going else ""


def _why(causes: Sequence[Cause], told: Container[str]) -> str:
    """The reason that is known for a wait: the youngest cause that is not certain."""
    soft = [c for c in causes if c.certainty is not Certainty.FATAL]
    if not soft:
        return ""
    last = max(soft, key=lambda c: c.since)
    return f" — {f'{last.object}, as reported above' if f'{last.code} {last.object}' in told else last.cause}{given(last)}"


def given(cause: Cause) -> str:
    """The time that a passing cause has, unless its sentence tells it."""
    return f" (fails the run after {cause.budget:.0f} s)" if cause.budget and f"{cause.budget:.0f} s" not in cause.cause else ""


def summary(snapshot: Snapshot) -> str:
    """The state of every Deployment in one line, as evidence."""
    parts = []
    for name in snapshot.scope.deployments:
        wanted, made, ready = counts(snapshot, name)
        old = sum(1 for p in old_pods(snapshot, name) if not meta(p).get("deletionTimestamp"))
        parts.append(f"{name}: {made} of {wanted} new pods created, {ready} ready" + (f", {old} old pod{'s' if old > 1 else ''}" if old else ""))
    return "; ".join(parts)
