# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers that run and do not become ready. How long that may take is what the pod's own probes say.

The time is: the startup probe's (if there is one and it has not been passed), then the readiness probe's. Where nothing
but a readiness probe is declared, a short one is no promise of a quick start: then the liveness probe's time counts, and
never less than 30 s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...kube.objects import Object, about_container, container_spec, containers, epoch, meta, ref
from .. import progress
from ..model import Cause, Snapshot, events_of, since, starting
from .cause import cause
from .containers import killed_by, last_answer

FLOOR = 30.0
SLACK = 1.5  # seconds: the kubelet's own verdict comes first where there is one


def window(probe: Mapping[str, Any] | None) -> float:
    """Seconds until a probe may be called failed: delay, all its tries, the last one's time-out (Kubernetes defaults for what is not set)."""
    if not probe:
        return 0.0
    return (
        float(probe.get("initialDelaySeconds") or 0)
        + float(probe.get("periodSeconds") or 10) * float(probe.get("failureThreshold") or 3)
        + float(probe.get("timeoutSeconds") or 1)
    )


def not_ready(snapshot: Snapshot) -> Iterator[Cause]:
    for kind, owner, pod in starting(snapshot):
        if kind != "Deployment" or progress.is_ready(pod):
            continue
        for status, init in containers(pod):
            running = (status.get("state") or {}).get("running")
            spec = container_spec(pod, status["name"])
            sidecar = init and spec.get("restartPolicy") == "Always"
            if not running or status.get("ready") or (init and not sidecar) or not (spec.get("readinessProbe") or spec.get("startupProbe")):
                continue
            if killed_by(snapshot, pod, status["name"]) == "startup" and not exits_before(status):
                # the kubelet has given up; a program that ignores SIGTERM goes on for its whole grace
                yield cause(
                    "StartupProbeFailed",
                    snapshot,
                    ref(pod),
                    f"it was not up within its startup probe's time and is being killed (of {kind}/{owner})",
                    last_answer(snapshot, meta(pod)["name"], status["name"], "Startup"),
                    container=status["name"],
                )
                continue
            begun, budget, probe = deadline(snapshot, pod, status, spec)
            if not _unhealthy(snapshot, pod, status["name"]) and snapshot.now - begun < budget:
                continue  # nothing has failed yet
            yield cause(
                "NotReadyInTime",
                snapshot,
                ref(pod),
                f"{_said(snapshot.now - begun > budget, budget, probe)} (of {kind}/{owner})",
                last_answer(snapshot, meta(pod)["name"], status["name"], probe.capitalize()),
                since=begun,
                container=status["name"],
                budget=budget,
            )


def _said(over: bool, budget: float, probe: str) -> str:
    if over:
        return f"it runs but was not ready within {budget:.0f} s, the time of its {probe} probe"
    return f"it runs and is not ready yet; its {probe} probe leaves it {budget:.0f} s"


def exits_before(status: Object) -> bool:
    """True when this is not the first run: then containers.py reads how the one before ended."""
    return bool(status.get("restartCount"))


def deadline(snapshot: Snapshot, pod: Object, status: Object, spec: Mapping[str, Any]) -> tuple[float, float, str]:
    """(since when the time counts, seconds, which probe)."""
    began = epoch(((status.get("state") or {}).get("running") or {}).get("startedAt")) or snapshot.now
    startup, readiness = spec.get("startupProbe"), spec.get("readinessProbe")
    if startup and not status.get("started"):
        return began, window(startup) + window(readiness) + SLACK, "startup"
    if startup:
        first = [
            e
            for e in events_of(snapshot, "Pod", meta(pod)["name"])
            if e.get("reason") == "Unhealthy" and (e.get("message") or "").startswith("Readiness") and about_container(e, status["name"])
        ]
        if first:
            return max(since(first[0], snapshot), began), max(window(readiness), FLOOR / 2), "readiness"
        return began, window(startup) + window(readiness) + SLACK, "readiness"
    return began, max(window(readiness), window(spec.get("livenessProbe")), FLOOR), "readiness"


def _unhealthy(snapshot: Snapshot, pod: Object, container: str) -> bool:
    return any(e.get("reason") == "Unhealthy" and about_container(e, container) for e in events_of(snapshot, "Pod", meta(pod)["name"]))
