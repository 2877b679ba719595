# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers that run and do not become ready. How long that may take is what the pod's own probes say.

The time is: the startup probe's (if there is one and it has not been passed), then the readiness probe's. A readiness
probe alone has no deadline in Kubernetes: then the Deployment's own progressDeadlineSeconds counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ...codes import FATAL, RETRYABLE, Certainty
from ...gateway import log_words
from ...kube.objects import Object, about_container, container_spec, containers, controlled_by, epoch, is_ready, lost_readiness, meta, name_of, ref
from ..model import Cause, Snapshot, events_of, replicasets, since, starting
from . import origin, probes
from .cause import cause, rule
from .containers import killed_by, last_answer

FLOOR = 30.0
_DOUBTFUL = re.compile(r"statuscode: 50[03]|Client\.Timeout|deadline exceeded")
SOURCE = "the database Secret (key POSTGRES_URL)"
CALM = 30.0  # seconds for which a probe that fails is no news, if its time is long
GUESS = 10.0  # seconds, if somebody changed the pod template or its ConfigMap by hand
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


@rule(190)
def not_ready(snapshot: Snapshot) -> Iterator[Cause]:
    for kind, owner, pod in starting(snapshot):
        if kind != "Deployment" or is_ready(pod):
            continue
        for status, init in containers(pod):
            if status.get("ready") or not (status.get("state") or {}).get("running"):
                continue
            spec = container_spec(pod, status["name"])
            sidecar = init and spec.get("restartPolicy") == "Always"
            if (init and not sidecar) or not (spec.get("readinessProbe") or spec.get("startupProbe")):
                continue
            if killed_by(snapshot, pod, status["name"]) == "startup" and not status.get("restartCount"):
                # the kubelet has given up; a program that ignores SIGTERM runs on for its whole grace period. Of a later run containers.py reads how the
                # one before has ended
                what = f"the container did not start within the time of its startup probe, and the kubelet is killing it (pod of {kind}/{owner})"
                answer = last_answer(snapshot, name_of(pod), status["name"], "Startup")
                yield cause("StartupProbeFailed", snapshot, ref(pod), what, answer, container=status["name"])
                continue
            begun, budget, probe = deadline(snapshot, pod, status, spec)
            wrong = misdirected(snapshot, pod, status, spec, probe)
            if wrong:
                what, sure = wrong
                answer = last_answer(snapshot, name_of(pod), status["name"], probe.capitalize())
                where, limit = ref(pod), None if sure is FATAL else FLOOR
                yield cause("ProbeMisdirected", snapshot, where, what, answer, since=begun, container=status["name"], certainty=sure, budget=limit)
                continue
            waited, failing = snapshot.now - begun, _unhealthy(snapshot, pod, status["name"])
            if waited < (min(budget / 3, GUESS) if failing else budget):
                continue  # nothing has failed yet, or a probe has that may fail for a while
            guess = waited < min(budget / 3, CALM)  # a slow start is no news, unless somebody changed what the container starts with
            answer = last_answer(snapshot, name_of(pod), status["name"], probe.capitalize())
            what = f"{_said(snapshot.now - begun > budget, budget, probe, begun == lost_readiness(pod, status))} (pod of {kind}/{owner})"
            code, why = _behind(snapshot, pod, spec, answer)
            where, name = ref(pod), str(status["name"])
            yield cause(code, snapshot, where, what + why, answer, since=begun, container=name, certainty=RETRYABLE, budget=budget, source=SOURCE, guess=guess)


def database_doubtful(cause: Cause) -> bool:
    """True when a probe's answer may come of a database that is away: the gateway says 503, or is still waiting for it."""
    return cause.code == "NotReadyInTime" and _DOUBTFUL.search(cause.evidence) is not None


def _behind(snapshot: Snapshot, pod: Object, spec: Mapping[str, Any], answer: str) -> tuple[str, str]:
    """(code, end of the sentence): what is known of the reason why a probe fails."""
    known, (variable, source) = snapshot.kind("Facts").get("database", {}), origin.database_url(snapshot, pod, spec["name"])
    if variable and _DOUBTFUL.search(answer) and known.get("sentence"):
        code = log_words.code_of(known.get("sqlstate") or "") or ("DatabaseUnreachable" if known.get("away") else "NotReadyInTime")
        return code, f"; the database: {known['sentence']}; {variable} comes from {source}"
    said = log_words.last_line(snapshot.logs.get((name_of(pod), spec["name"]), ""))
    return "NotReadyInTime", probes.slow(spec, answer) + probes.asked(spec, answer) + (f"; last line of the log: {said}" if said else "")


def misdirected(snapshot: Snapshot, pod: Object, status: Object, spec: Mapping[str, Any], probe: str) -> tuple[str, Certainty] | None:
    """(sentence, how sure) when a probe can never succeed: a scheme that the port does not speak, or a port that nobody declares."""
    declared_probe = spec.get(f"{probe}Probe") or {}
    check = declared_probe.get("httpGet") or declared_probe.get("tcpSocket") or declared_probe.get("grpc")
    answer = last_answer(snapshot, name_of(pod), status["name"], probe.capitalize())
    if not check or not _unhealthy(snapshot, pod, status["name"]):
        return None
    port, scheme, host = check.get("port"), check.get("scheme") or "HTTP", check.get("host")
    if host and host != (pod.get("status") or {}).get("podIP"):
        return f"the {probe} probe requests host {host}, which is not the pod's address", RETRYABLE
    declared = [p for p in spec.get("ports") or () if p.get("containerPort")]
    ports = ", ".join(str(p["containerPort"]) for p in declared)
    if "server gave HTTP response to HTTPS client" in answer:
        return f"the {probe} probe uses scheme {scheme} on port {port}, but the container serves plain HTTP on that port", FATAL
    if "malformed HTTP response" in answer and "x15" in answer:
        return f"the {probe} probe uses scheme {scheme} on port {port}, but the container serves TLS on that port", FATAL
    if not declared or any(port in (p["containerPort"], p.get("name")) for p in declared):
        return None
    what = f"the {probe} probe uses port {port}, but the container declares {ports}"
    if isinstance(port, str):
        return f"{what}: no port of the container has that name", FATAL
    if "refused" not in answer:
        return None
    up = bool(spec.get("startupProbe")) and probe == "readiness"  # it passed its startup probe, so the program is up
    return f"{what}: the connection to {port} is refused", FATAL if up else RETRYABLE


def _said(over: bool, budget: float, probe: str, again: bool) -> str:
    if again:
        return "the container was ready, then its readiness probe failed" + (f" for more than {budget:.0f} s" if over else f"; the probe allows {budget:.0f} s")
    if over:
        return f"the container runs, but was not ready within {budget:.0f} s, the time that its {probe} probe allows"
    return f"the container is {'still starting' if probe == 'startup' else 'running, but not ready yet'}; its {probe} probe allows {budget:.0f} s"


def deadline(snapshot: Snapshot, pod: Object, status: Object, spec: Mapping[str, Any]) -> tuple[float, float, str]:
    """(since when the time counts, seconds, which probe)."""
    began = epoch(((status.get("state") or {}).get("running") or {}).get("startedAt")) or snapshot.now
    startup, readiness = spec.get("startupProbe"), spec.get("readinessProbe")
    if startup and not status.get("started"):
        return began, window(startup) + window(readiness) + SLACK, "startup"
    lost = lost_readiness(pod, status)
    if startup and lost:  # the time counts anew: a loaded node makes a probe late
        return lost, max(window(readiness), FLOOR / 2), "readiness"
    if startup:
        first = [
            e
            for e in events_of(snapshot, "Pod", name_of(pod))
            if e.get("reason") == "Unhealthy" and (e.get("message") or "").startswith("Readiness") and about_container(e, status["name"])
        ]
        if first:
            return max(since(first[0], snapshot), began), max(window(readiness), FLOOR / 2), "readiness"
        return began, window(startup) + window(readiness) + SLACK, "readiness"
    return began, max(window(readiness), window(spec.get("livenessProbe")), progress_deadline(snapshot, pod)), "readiness"


def progress_deadline(snapshot: Snapshot, pod: Object) -> float:
    """progressDeadlineSeconds of the Deployment that a pod belongs to (Kubernetes' default where it is not set)."""
    for name in snapshot.scope.deployments:
        if any(controlled_by(pod, meta(r).get("uid")) for r in replicasets(snapshot, name)):
            return float(((snapshot.kind("Deployment").get(name) or {}).get("spec") or {}).get("progressDeadlineSeconds") or 600)
    return 600.0


def _unhealthy(snapshot: Snapshot, pod: Object, container: str) -> bool:
    return any(e.get("reason") == "Unhealthy" and about_container(e, container) for e in events_of(snapshot, "Pod", name_of(pod)))
