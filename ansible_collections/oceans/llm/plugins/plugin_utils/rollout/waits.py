# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pod of a rollout waits for, from its creation to its readiness: every state on the way has a name. Pure.

A wait is no cause: most of them pass. It is what the heartbeat says, and what a time-out is blamed on when no rule knows better.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..gateway.log_words import last_line
from ..kube.objects import Object, age, claims, condition, container_spec, epoch, is_ready, is_sidecar, lost_readiness, meta, name_of, ref, seen_at, waiting
from .model import Snapshot, events_of

PATIENT = 10.0  # seconds for which a container may be created without a word about its volumes
REMOTE = {"nfs", "iscsi", "csi", "cephfs"}


@dataclass(frozen=True)
class Wait:
    """`what` follows the object's name in a sentence; `code` is the cause's when the time is over."""

    code: str
    object: str
    what: str
    evidence: str
    container: str = ""


def of_pod(snapshot: Snapshot, pod: Object) -> Wait:
    """The first thing that this pod waits for."""
    found = _scheduling(snapshot, pod) or _init(snapshot, pod) or _main(snapshot, pod) or _gates(snapshot, pod)
    return found or Wait("PodStarting", ref(pod), f"is {'ready, but not available yet' if is_ready(pod) else 'being started'}", _warning(snapshot, pod))


def _scheduling(snapshot: Snapshot, pod: Object) -> Wait | None:
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    if meta(pod).get("deletionTimestamp"):
        return Wait("PodStarting", ref(pod), "is being deleted", _warning(snapshot, pod))
    if spec.get("nodeName"):
        if any("state" in s for s in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ()))):
            return None
        what, said = f"has been waiting for the kubelet of node {spec['nodeName']} for {age(pod, snapshot.now):.0f} s", _warning(snapshot, pod)
        return Wait("PodStarting", ref(pod), what if said.startswith("phase ") else f"{what}; the last warning: {said}", said)
    gates = [str(g.get("name")) for g in spec.get("schedulingGates") or ()]
    if gates:
        return Wait("SchedulingGated", ref(pod), f"has scheduling gates that no controller has removed: {', '.join(gates)}", "spec.schedulingGates")
    if silent_scheduler(snapshot, pod):
        who = spec.get("schedulerName") or "default-scheduler"
        return Wait(
            "SchedulerSilent",
            ref(pod),
            f"has been waiting for scheduler {who} for {age(pod, snapshot.now):.0f} s",
            "the pod has no condition PodScheduled and no event",
        )
    said = " ".join(str(condition(pod, "PodScheduled").get("message") or "").split())
    return Wait("Unschedulable", ref(pod), f"is waiting to be scheduled{f': {said}' if said else ''}", said or _warning(snapshot, pod))


def silent_scheduler(snapshot: Snapshot, pod: Object) -> bool:
    """True when no scheduler has said anything about a pod that has no node."""
    told = any(c.get("type") == "PodScheduled" for c in (pod.get("status") or {}).get("conditions") or ())
    # a node is chosen for its volume, and the scheduler says no more until the volume is bound (10 minutes)
    held = (meta(snapshot.kind("PersistentVolumeClaim").get(name) or {}).get("annotations") or {} for name in claims(pod))
    chosen = any("volume.kubernetes.io/selected-node" in each for each in held)
    return not (pod.get("spec") or {}).get("nodeName") and not told and not chosen and not events_of(snapshot, "Pod", name_of(pod))


def _init(snapshot: Snapshot, pod: Object) -> Wait | None:
    """The first init container that has not done its part; a native sidecar has when it is started."""
    for status in (pod.get("status") or {}).get("initContainerStatuses") or ():
        name, state = str(status.get("name")), status.get("state") or {}
        sidecar = is_sidecar(pod, name)
        if (state.get("terminated") or {}).get("exitCode") == 0 or (sidecar and (status.get("started") or status.get("ready"))):
            continue
        if "running" in state:
            ran = _seconds(snapshot, state["running"])
            said = last_line(snapshot.logs.get((name_of(pod), name), ""))
            what = f"init container {name} has been running for {ran:.0f} s and has not {'started' if sidecar else 'ended'}"
            return Wait("InitContainerRuns", ref(pod), what + (f"; last line of its log: {said}" if said else ""), said or "the log is empty", name)
        return _stuck(snapshot, pod, status, f"init container {name}")
    return None


def _main(snapshot: Snapshot, pod: Object) -> Wait | None:
    for status in (pod.get("status") or {}).get("containerStatuses") or ():
        name, state = str(status.get("name")), status.get("state") or {}
        if status.get("ready"):
            continue
        if "running" not in state:
            return _stuck(snapshot, pod, status, f"container {name}")
        spec, ran = container_spec(pod, name), _seconds(snapshot, state["running"])
        probe = "startup" if spec.get("startupProbe") and not status.get("started") else "readiness"
        delay = float((spec.get(f"{probe}Probe") or {}).get("initialDelaySeconds") or 0)
        lost = lost_readiness(pod, status)
        if lost:
            said = f"container {name} was ready, and its readiness probe has failed for {snapshot.now - lost:.0f} s"
            return Wait("NotReadyInTime", ref(pod), said, _warning(snapshot, pod), name)
        said = f"has not succeeded for {ran:.0f} s" if ran > delay else f"begins only after initialDelaySeconds ({delay:.0f} s), of which {ran:.0f} s are over"
        what = f"container {name} is running, but not ready yet: its {probe} probe {said}"
        return Wait("NotReadyInTime", ref(pod), what, _warning(snapshot, pod), name)
    return None


def _stuck(snapshot: Snapshot, pod: Object, status: Object, who: str) -> Wait:
    """A container that waits, or has ended."""
    state, name = status.get("state") or {}, str(status.get("name"))
    if state.get("terminated"):
        return Wait("ContainerExited", ref(pod), f"{who} ended with exit code {state['terminated'].get('exitCode')}", _warning(snapshot, pod), name)
    hook = _post_start(snapshot, pod, name)
    if hook:
        return Wait("LifecycleHookRuns", ref(pod), f"{who} is started, but its postStart hook has been running for {hook:.0f} s", "event Started", name)
    reason = waiting(status).get("reason")
    last = max(events_of(snapshot, "Pod", name_of(pod)), key=seen_at, default={})
    doing = f"{last.get('reason')}: {last.get('message')}" if last else ""
    said = f"is waiting ({reason}, {age(pod, snapshot.now):.0f} s)" if reason else f"is being created ({age(pod, snapshot.now):.0f} s)"
    said += _remote(pod) if reason in ("ContainerCreating", "PodInitializing") and age(pod, snapshot.now) > PATIENT else ""
    return Wait("PodStarting", ref(pod), f"{who} {said}" + (f"; the last event: {doing}" if doing else ""), doing or _warning(snapshot, pod), name)


def _remote(pod: Object) -> str:
    """Volumes that come over the network: the kubelet says nothing of one that does not answer before two minutes are over."""
    found = []
    for volume in (pod.get("spec") or {}).get("volumes") or ():
        for kind in REMOTE & set(volume):
            where = next((str(volume[kind][field]) for field in ("server", "targetPortal", "driver", "monitors") if volume[kind].get(field)), "")
            found.append(f"{volume.get('name')} ({kind} {where})")
    return f"; volumes over the network: {', '.join(found)}" if found else ""


def _post_start(snapshot: Snapshot, pod: Object, name: str) -> float:
    """Seconds for which a postStart hook runs: its container is started, and its status does not show that before the hook has ended."""
    if not (container_spec(pod, name).get("lifecycle") or {}).get("postStart"):
        return 0.0
    started = [e for e in events_of(snapshot, "Pod", name_of(pod)) if e.get("reason") == "Started" and name in str(e.get("message"))]
    return max(1.0, snapshot.now - seen_at(started[-1])) if started else 0.0


def _gates(snapshot: Snapshot, pod: Object) -> Wait | None:
    """All containers are ready and the pod is not: a readiness gate of the pod."""
    status = pod.get("status") or {}
    met = {str(c.get("type")) for c in status.get("conditions") or () if c.get("status") == "True"}
    gates = [str(g.get("conditionType")) for g in (pod.get("spec") or {}).get("readinessGates") or ()]
    unmet = [gate for gate in gates if gate not in met]
    if "Ready" in met or not unmet:
        return None
    what = f"is waiting for readiness gate {', '.join(unmet)}: no controller has set this condition to True"
    return Wait("ReadinessGateWaits", ref(pod), what, _warning(snapshot, pod))


def _seconds(snapshot: Snapshot, running: Mapping[str, Any] | None) -> float:
    began = epoch((running or {}).get("startedAt"))
    return max(0.0, snapshot.now - began) if began else 0.0


def _warning(snapshot: Snapshot, pod: Object) -> str:
    """The last thing that somebody warned of: whatever its reason is, it is shown."""
    told = [e for e in events_of(snapshot, "Pod", name_of(pod)) if e.get("type") == "Warning"]
    return f"{told[-1].get('reason')}: {told[-1].get('message')}" if told else f"phase {(pod.get('status') or {}).get('phase') or 'not set'}, no warning event"


def slow_inits(snapshot: Snapshot, pods: list[Object]) -> Iterator[tuple[str, str]]:
    """(pod, container) of init containers that take long enough for their log to be of interest; of one pod, the others do the same."""
    for pod in pods[:1]:
        for status in (pod.get("status") or {}).get("initContainerStatuses") or ():
            if "running" in (status.get("state") or {}) and _seconds(snapshot, status["state"]["running"]) > SLOW_INIT:
                yield name_of(pod), str(status.get("name"))


#: seconds
SLOW_INIT = 5.0
