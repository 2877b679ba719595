# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain helpers for the API's own JSON objects.

Every helper takes an incomplete object (no status yet, null fields) for what it is: a moment in its life.
"""

from __future__ import annotations

import datetime
import functools
import json
from collections.abc import Iterable, Mapping
from typing import Any

Object = Mapping[str, Any]

#: labels of the chart: what an object is for, and its release
COMPONENT, INSTANCE = "app.kubernetes.io/component", "app.kubernetes.io/instance"
#: label that the Job controller puts on its pods
JOB_NAME = "batch.kubernetes.io/job-name"


@functools.lru_cache(maxsize=4096)  # each rule reads the same stamps again
def epoch(stamp: str | None) -> float:
    """An API timestamp (RFC 3339, with or without fractions) in epoch seconds; 0 when there is none."""
    if not stamp:
        return 0.0
    return datetime.datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp()


def stamp(seconds: float) -> str:
    """Epoch seconds as the API writes them; empty for none."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if seconds else ""


def json_object(text: str) -> dict[str, Any]:
    """A text that is a JSON object; empty for any other text."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def meta(obj: Object) -> Mapping[str, Any]:
    return obj.get("metadata") or {}


def name_of(obj: Object) -> str:
    return str(meta(obj).get("name") or "")


def component(obj: Object) -> str:
    """What an object is for (`gateway`, `admin-ui`, `migration`); empty when its label does not say."""
    return str((meta(obj).get("labels") or {}).get(COMPONENT) or "")


def part(objects: Iterable[Object], kind: str, of: str = "gateway") -> Object | None:
    """The first object of one kind and component."""
    return next((o for o in objects if o.get("kind") == kind and component(o) == of), None)


def image_tag(image: str) -> str:
    """`v0.23.0`, without a digest behind it; empty when there is no tag."""
    name = image.split("@", 1)[0]
    return name.rsplit(":", 1)[1] if ":" in name.rsplit("/", 1)[-1] else ""


def selector_of(deployment: Object) -> str:
    """The labels by which it selects its pods, as the API takes them in a query."""
    labels = ((deployment.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def own_labels(release: str = "") -> dict[str, str]:
    """Labels of what this collection makes beside a release, or beside all of them."""
    return {"app.kubernetes.io/managed-by": "oceans.llm", **({INSTANCE: release} if release else {})}


def owned_by(deployment: Object) -> list[dict[str, Any]]:
    """ownerReferences of what must not outlive a Deployment."""
    return [{"apiVersion": "apps/v1", "kind": "Deployment", "name": meta(deployment)["name"], "uid": meta(deployment)["uid"]}]


def condition(obj: Object, kind: str) -> Mapping[str, Any]:
    """The condition of one type in an object's status; empty when it has none."""
    for each in (obj.get("status") or {}).get("conditions") or ():
        if each.get("type") == kind:
            return each
    return {}


def has_been_seen(obj: Object) -> bool:
    """True when the object's controller has seen its present generation: what its status says is about that."""
    return int((obj.get("status") or {}).get("observedGeneration") or 0) >= int(meta(obj).get("generation") or 1)


def names_in(pod: Object) -> list[str]:
    """The names that messages about a pod may contain: its own, its namespace's, and those of its containers and volumes."""
    spec = pod.get("spec") or {}
    parts = (*(spec.get("initContainers") or ()), *(spec.get("containers") or ()), *(spec.get("volumes") or ()))
    return [name_of(pod), str(meta(pod).get("namespace") or ""), *(str(part.get("name") or "") for part in parts)]


def has_run(status: Object) -> bool:
    """True when the container of this status was created once: its pod's sandbox and volumes were there."""
    return bool(status.get("containerID") or "running" in (status.get("state") or {}))


def age(obj: Object, now: float) -> float:
    """Seconds since the object was made."""
    made = epoch(meta(obj).get("creationTimestamp"))
    return max(0.0, now - made) if made else 0.0


def controlled_by(obj: Object, uid: str | None) -> bool:
    return bool(uid) and any(o.get("uid") == uid for o in meta(obj).get("ownerReferences") or ())


def controller_of(obj: Object) -> dict[str, Any]:
    """The owner reference of the controller that manages an object (Kubernetes API, OwnerReference.controller); empty if none does."""
    return next((o for o in meta(obj).get("ownerReferences") or () if o.get("controller")), {})


def ref(obj: Object) -> str:
    """``Kind/name`` of an object."""
    return f"{obj.get('kind')}/{meta(obj).get('name')}"


def containers(pod: Object) -> list[tuple[Object, bool]]:
    """(container status, is an init container) of all containers: init, sidecars and main ones by the same rules."""
    status = pod.get("status") or {}
    lists = ((status.get("initContainerStatuses") or (), True), (status.get("containerStatuses") or (), False))
    return [(each, init) for statuses, init in lists for each in statuses if each.get("name")]


def waiting(status: Object) -> Mapping[str, Any]:
    return (status.get("state") or {}).get("waiting") or {}


def terminated(status: Object) -> Mapping[str, Any]:
    """The end of this run, or of the one before it."""
    return (status.get("state") or {}).get("terminated") or (status.get("lastState") or {}).get("terminated") or {}


def container_spec(pod: Object, name: str) -> Mapping[str, Any]:
    """The specification of one container, init containers and sidecars included."""
    spec = pod.get("spec") or {}
    for each in [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]:
        if each.get("name") == name:
            return dict(each)
    return {}


def is_sidecar(pod: Object, name: str) -> bool:
    """True for a native sidecar: an init container that runs beside the others (restartPolicy Always)."""
    return any(c.get("name") == name and c.get("restartPolicy") == "Always" for c in (pod.get("spec") or {}).get("initContainers") or ())


def asked_container(job: Object | None, pod: Object) -> str:
    """The container that a Job was made for: the first one of its template. Injectors add containers to the pod only, some of them in front."""
    template = (((job or {}).get("spec") or {}).get("template") or {}).get("spec") or {}
    own = template.get("containers") or (pod.get("spec") or {}).get("containers") or (pod.get("status") or {}).get("containerStatuses") or [{}]
    return str(own[0].get("name") or "")


def status_of(pod: Object, name: str) -> Object:
    """The status of one of a pod's containers, init containers left out; empty when it has none yet."""
    return next((s for s in (pod.get("status") or {}).get("containerStatuses") or () if s.get("name") == name), {})


def end_of(status: Object) -> Mapping[str, Any]:
    """How a container ended that is not started again; empty while it runs or waits."""
    return (status.get("state") or {}).get("terminated") or {}


def kept_by(pod: Object, asked: str) -> list[str]:
    """The containers that keep a Job's pod from ending although the one that was asked has ended."""
    if not end_of(status_of(pod, asked)):
        return []
    others = (s for s in (pod.get("status") or {}).get("containerStatuses") or () if s.get("name") != asked)
    return [str(s.get("name")) for s in others if not end_of(s)]


def about_container(event: Object, name: str) -> bool:
    """True when an event is about one container (``spec.containers{name}``), or about its pod as a whole."""
    path = (event.get("involvedObject") or {}).get("fieldPath") or ""
    return f"{{{name}}}" in path or not path


def claims(pod: Object) -> list[str]:
    """Names of the volume claims that a pod uses."""
    used = ((v.get("persistentVolumeClaim") or {}).get("claimName") for v in (pod.get("spec") or {}).get("volumes") or ())
    return [str(name) for name in used if name]


def seen_at(event: Object) -> float:
    """When an event was last seen, epoch seconds (core and events.k8s.io fields)."""
    series = event.get("series") or {}
    stamp = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime") or event.get("firstTimestamp")
    return epoch(stamp or meta(event).get("creationTimestamp"))


QUEUE = "kueue.x-k8s.io/queue-name"  # label by which Kueue takes a Job over


def queue_of(job: Mapping[str, Any]) -> str:
    """The queue that a Job waits in; empty when it has none."""
    return str((meta(job).get("labels") or {}).get(QUEUE) or "")


def suspension(job: Mapping[str, Any]) -> str:
    """`is suspended …`; empty when the Job is not."""
    if not (job.get("spec") or {}).get("suspend"):
        return ""
    return f"is suspended: Kueue holds it in queue {queue_of(job)}" if queue_of(job) else "is suspended and does not run"


def finished(job: Mapping[str, Any]) -> bool | None:
    """True: complete, False: failed, None: not over (Kubernetes API, JobStatus.conditions)."""
    for condition in (job.get("status") or {}).get("conditions") or ():
        if condition.get("status") == "True" and condition.get("type") in ("Complete", "SuccessCriteriaMet"):
            return True
        if condition.get("status") == "True" and condition.get("type") in ("Failed", "FailureTarget"):
            return False
    return None


def lost_readiness(pod: Mapping[str, Any], status: Mapping[str, Any]) -> float:
    """Since when (epoch) a pod is not ready that was ready with this start of a container (an entry of containerStatuses); 0 if it never was.

    Condition ContainersReady of a pod that was never ready is as old as the pod, and so older than the container.
    """
    began, held = epoch(((status.get("state") or {}).get("running") or {}).get("startedAt")), condition(pod, "ContainersReady")
    changed = epoch(held.get("lastTransitionTime"))
    return changed if held.get("status") == "False" and changed > began > 0 else 0.0


def is_ready(pod: Mapping[str, Any]) -> bool:
    return condition(pod, "Ready").get("status") == "True"


def pod_phrase(pod: Mapping[str, Any]) -> str:
    """What a pod is doing, in a few words, from its container statuses."""
    status = pod.get("status") or {}
    for init in status.get("initContainerStatuses") or ():
        state = init.get("state") or {}
        if is_sidecar(pod, str(init.get("name"))) and (init.get("started") or "terminated" in state):
            continue  # beside the others, or ended after them
        if (state.get("terminated") or {}).get("exitCode") != 0 and not init.get("ready"):
            return f"init container {init.get('name')} {_state(state)}"
    for container in status.get("containerStatuses") or ():
        if not container.get("ready"):
            return f"container {container.get('name')} {_state(container.get('state') or {})}"
    if status.get("phase") == "Pending":
        return "is waiting to be scheduled" if not (pod.get("spec") or {}).get("nodeName") else "is being started"
    return "is running"


def _state(state: Mapping[str, Any]) -> str:
    if "waiting" in state:
        return f"is waiting ({(state['waiting'] or {}).get('reason', '?')})"
    if "terminated" in state:
        return f"ended with exit code {(state['terminated'] or {}).get('exitCode')}"
    return "is running, but not ready yet" if "running" in state else "is starting"
