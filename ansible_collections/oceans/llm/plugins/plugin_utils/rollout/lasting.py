# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Success has to last: are the pods that were ready still ready, and can their liveness probe still kill them?

A liveness probe that asks what another probe has passed already (same handler, no less time) does no harm any more: nothing is waited
for. So it is once its first try is over without a complaint, which the kubelet writes as an event at once. Only a probe that has not been
tried yet is waited for, for one try; one that has failed once, until the kubelet acts or it passes: its whole window at most.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..kube import paths
from ..kube.client import Cluster, unless_forbidden
from ..kube.objects import Object, about_container, condition, container_spec, containers, epoch, is_ready, meta, pod_phrase, seen_at
from .causes.cause import cause as make
from .causes.readiness import window
from .model import Cause, Snapshot, new_pods

AGAIN = 0.5  # seconds between two looks
SLACK = 1.0  # seconds: stamps have no fractions, and the kubelet's event takes a moment
HEARTBEAT = 4.5  # seconds between two lines while something is waited for
HANDLERS = ("httpGet", "tcpSocket", "grpc", "exec")


def check(cluster: Cluster, snapshot: Snapshot, say: Callable[[str], None] = lambda _line: None, over: Callable[[], bool] = bool) -> Cause | None:
    """Look at the new pods until nothing can end them any more, or the run is `over`. One list of pods where the probes make it safe."""
    new = (p for name in snapshot.scope.deployments for p in new_pods(snapshot, name))
    before = {str(meta(p)["uid"]): p for p in new if is_ready(p) and not meta(p).get("deletionTimestamp")}
    if not before:
        return None
    told = time.monotonic()
    end = told + max(window(c.get("livenessProbe")) for p in before.values() for c in p["spec"].get("containers") or ()) + 2 * SLACK
    while True:
        listed, now = cluster.list(paths.pods(snapshot.scope.namespace))["items"], cluster.now()
        pods = [p for p in listed if meta(p).get("uid") in before]
        risks = [(p, status) for p in pods for status, _init in containers(p) if _risky(p, status)]
        said = _said(cluster, snapshot) if risks else []
        broken = next((c for p, status in risks if (c := _killed(snapshot, p, status, said))), None)
        broken = broken or next((c for p in pods if (c := _broken(snapshot, before[str(meta(p)["uid"])], p))), None)
        waiting = [(p, status, left) for p, status in risks if (left := until_tried(p, status, now)) is not None]
        failing = any(_complained(p, status, said, now) for p, status, _left in waiting)
        left = max((each[2] for each in waiting), default=0.0)
        if broken or (left <= 0 and not failing) or time.monotonic() > end or over():
            return broken
        if time.monotonic() - told > HEARTBEAT:
            told, (pod, status, _left) = time.monotonic(), waiting[0]
            state = "fails; the kubelet may restart the container" if failing else f"has not run yet (due within {left:.0f} s)"
            say(f"… the liveness probe of container {status['name']} in Pod/{meta(pod)['name']} {state}")
        time.sleep(AGAIN)


def _broken(snapshot: Snapshot, before: Object, pod: Object) -> Cause | None:
    """A pod that was ready when the rollout was complete, and is not now, or started again. One that is deleted is nobody's fault."""
    if meta(pod).get("deletionTimestamp"):
        return None
    where = f"Pod/{meta(pod)['name']}"
    counts = {s["name"]: s.get("restartCount", 0) for s, _init in containers(before)}
    for status, _init in containers(pod):
        if status.get("restartCount", 0) > counts.get(status["name"], 0):
            ended = (status.get("lastState") or {}).get("terminated") or {}
            what = "the container was ready, but was restarted a moment later"
            return make("NotLasting", snapshot, where, what, f"exit code {ended.get('exitCode')}, {ended.get('reason')}", container=str(status["name"]))
    if not is_ready(pod):
        return make("NotLasting", snapshot, where, f"the pod was ready and has become unready: {pod_phrase(pod)}", _why(pod))
    return None


def _why(pod: Object) -> str:
    found = condition(pod, "Ready")
    return f"Ready: {found.get('status')}, {found.get('reason')}: {found.get('message')}"


def _risky(pod: Object, status: Object) -> bool:
    """True for a liveness probe that asks for more than what the container has passed."""
    spec = container_spec(pod, str(status["name"]))
    return bool(spec.get("livenessProbe")) and not passed_already(spec)


def until_tried(pod: Object, status: Object, now: float) -> float | None:
    """Seconds until the first try of a liveness probe must be over; None when its whole window is.

    A try is given for as long again as it takes: in that time the kubelet says what came of it.
    """
    spec = container_spec(pod, str(status["name"]))
    liveness = spec["livenessProbe"]
    began = epoch(((status.get("state") or {}).get("running") or {}).get("startedAt"))
    # a startup probe holds the others back: they begin before the pod is ready at the latest
    since = max(began, epoch(condition(pod, "Ready").get("lastTransitionTime"))) if spec.get("startupProbe") else began
    if not began or now >= since + window(liveness) + SLACK:
        return None
    delay, period = float(liveness.get("initialDelaySeconds") or 0), float(liveness.get("periodSeconds") or 10)
    return since + delay + period + float(liveness.get("timeoutSeconds") or 1) + SLACK - now


def passed_already(container: Mapping[str, Any]) -> bool:
    """True when the startup or the readiness probe, which a ready container has passed, asks for no less than the liveness probe."""
    liveness = container.get("livenessProbe") or {}
    for name in ("startupProbe", "readinessProbe"):
        other = container.get(name) or {}
        if _handler(other) and _handler(other) == _handler(liveness) and (liveness.get("timeoutSeconds") or 1) >= (other.get("timeoutSeconds") or 1):
            return True
    return False


def _handler(probe: Mapping[str, Any]) -> dict[str, Any]:
    return {k: _plain(probe[k]) for k in HANDLERS if probe.get(k)}


def _plain(handler: Mapping[str, Any]) -> dict[str, Any]:
    """Without what the API server fills in."""
    return {k: v for k, v in handler.items() if v not in (None, "", "HTTP") and (k, v) != ("path", "/")}


def _said(cluster: Cluster, snapshot: Snapshot) -> list[Object]:
    """The kubelet's words on probes: that one failed, and that it restarts a container for that. None where they may not be read."""
    path = paths.events(snapshot.scope.namespace)
    return unless_forbidden(lambda: [e for r in ("Unhealthy", "Killing") for e in cluster.list(path, fieldSelector=f"reason={r}")["items"]], [])


def _about(pod: Object, status: Object, said: Iterable[Object], words: str) -> list[Object]:
    of_pod = [e for e in said if (e.get("involvedObject") or {}).get("name") == meta(pod)["name"]]
    return [e for e in of_pod if words in str(e.get("message") or "") and about_container(e, str(status["name"]))]


def _killed(snapshot: Snapshot, pod: Object, status: Object, said: Iterable[Object]) -> Cause | None:
    """A container that the kubelet restarts for its liveness probe; that takes its whole grace, and the pod is called ready all the time."""
    began = epoch(((status.get("state") or {}).get("running") or {}).get("startedAt"))
    if not any(seen_at(e) >= began for e in _about(pod, status, said, "failed liveness probe")):
        return None
    why = max(_about(pod, status, said, "Liveness probe failed"), key=seen_at, default={})
    what = "the container was ready, but the kubelet restarts it because its liveness probe failed"
    return make("LivenessProbeFailed", snapshot, f"Pod/{meta(pod)['name']}", what, str(why.get("message") or "Killing"), container=str(status["name"]))


def _complained(pod: Object, status: Object, said: Iterable[Object], now: float) -> bool:
    """True when the last try of the liveness probe failed."""
    probe = container_spec(pod, str(status["name"]))["livenessProbe"]
    recent = now - float(probe.get("periodSeconds") or 10) - float(probe.get("timeoutSeconds") or 1) - SLACK
    return any(seen_at(e) >= recent for e in _about(pod, status, said, "Liveness probe failed"))
