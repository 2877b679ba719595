# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The live lines: one per change, a heartbeat between, nothing twice."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from ..codes import Certainty
from ..kube.objects import Object, age, finished, is_ready, meta
from . import progress
from .model import STAMPS, Cause, Snapshot, own
from .verdict import Verdict

#: how long something has lasted is no news each second
_DURATION = re.compile(r"\b\d+ s\b")
#: characters of the evidence in a live line; the last sentence has all of it
SHOWN = 200


class Narrator:
    """Turns pictures into lines. `say` gets each line once; :attr:`timeline` keeps them with their seconds."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._start = time.monotonic()
        self._told: dict[str, str] = {}
        self._served: set[str] = set()
        self.timeline: list[tuple[float, str]] = []
        #: seconds until the first sign of trouble was seen
        self.first_signal: float | None = None

    def begin(self) -> float:
        """Second 0 is now; the clock's reading."""
        self._start = time.monotonic()
        return self._start

    def changes(self, snapshot: Snapshot, verdict: Verdict, away: str) -> bool:
        """Say what is new in this picture; True when something was said."""
        said = False
        unknown = {"api": f"cluster state unknown: {away}"} if away else {}
        shown = self._evidence(verdict)
        for key, phrase in {**facts(snapshot), **self._behind_services(snapshot), **self._warnings(verdict), **unknown}.items():
            if self._told.get(key) != (news := _DURATION.sub("", phrase)):
                self._told[key] = news
                self.note(phrase + shown.get(key, ""))
                said = True
        if not away and self._told.pop("api", ""):
            self.note("the API server answers again")
            said = True
        return said

    def heartbeat(self, snapshot: Snapshot, verdict: Verdict, away: str) -> None:
        """What is waited for. A warning that has had its own line is referred to, not told again every few seconds."""
        waited = progress.blocker(snapshot, verdict.causes, self._told) or verdict.blocker or "finishing the checks"
        self.note(f"… {'cluster state unknown: ' + away if away else waited}")

    def found(self, cause: Cause, doing: str) -> None:
        """The cause, the moment it is certain: FAILED is said only when everything has been stopped, some seconds later."""
        self.note(f"{cause.line}{' — ' + doing if doing else ''}")

    def _behind_services(self, snapshot: Snapshot) -> dict[str, str]:
        """A Service that had ready pods behind it and has none now, and its recovery: users notice both."""
        found = {}
        for name in snapshot.scope.services if "EndpointSlice" in snapshot.objects else ():
            ready, key = ready_behind(snapshot, name), f"Service/{name}"
            if ready:
                self._served.add(name)
            if key in self._told and ready:
                found[key] = f"{key}: {ready} ready pod{'s' if ready > 1 else ''} again"
            elif name in self._served and not ready:
                found[key] = f"{key}: no ready endpoints, so requests fail"
        return found

    def _warnings(self, verdict: Verdict) -> dict[str, str]:
        """Everything but the certain: shown, and not yet an alarm."""
        found = {}
        for cause in verdict.causes:
            if self.first_signal is None:
                self.first_signal = time.monotonic() - self._start
            declared = verdict.cause is not None and (cause.code, cause.object) == (verdict.cause.code, verdict.cause.object)
            if cause.certainty is not Certainty.FATAL and not declared:
                found[f"{cause.code} {cause.object}"] = f"{cause.object}: {cause.cause}{progress.given(cause)}"
        return found

    @staticmethod
    def _evidence(verdict: Verdict) -> dict[str, str]:
        """What a warning is said of, shown beside it: evidence that changes (an event is counted, a date moves on) makes no new line."""
        return {f"{c.code} {c.object}": f" — {shortened(c.evidence)}" for c in verdict.causes if c.evidence and c.evidence not in c.cause}

    def note(self, text: str) -> None:
        """One line, now."""
        self.timeline.append((round(time.monotonic() - self._start, 1), text))
        self._say(f"{time.monotonic() - self._start:5.1f}s {text}")


#: what a line is about, for a screen that has colours; the first pattern that fits
TONES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), tone)
    for pattern, tone in (
        (r"^FAILED ", "error"),
        (r"^served: ", "ok"),
        (r"^(unverified|not probed): ", "warn"),
        (r"^\s*[\d.]+s …", "debug"),
        (r"^\s*[\d.]+s [A-Z][A-Za-z]+ [A-Z][A-Za-z]+/\S+", "error"),  # the cause, when it is certain
        (r"^\s*[\d.]+s (cluster state unknown|[A-Z][A-Za-z]+/\S+: (?!\d+ of \d+ new pods))", "warn"),
    )
)


def tone(line: str) -> str:
    """error, ok, debug, warn, or nothing: one of Ansible's own settings (`[colors]` in ansible.cfg)."""
    return next((name for pattern, name in TONES if pattern.search(line)), "")


def shortened(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def facts(snapshot: Snapshot) -> dict[str, str]:
    """The state of each operator's object, Job and Deployment of the release in a phrase that changes only when something happens."""
    found = {f"{kind}/{name}": _custom_fact(kind, name, obj) for kind in dict(snapshot.scope.custom) for name, obj in own(snapshot, kind) if is_ready(obj)}
    found |= {f"Job/{name}": _job_fact(job, name) for name, job in own(snapshot, "Job") if age(job, snapshot.now) <= snapshot.now - snapshot.started + STAMPS}
    return found | {f"Deployment/{name}": _deployment_fact(deployment, name, snapshot) for name, deployment in own(snapshot, "Deployment")}


def _custom_fact(kind: str, name: str, found: Object) -> str:
    """That an operator is done; what it waits for is told by the causes (operators.py)."""
    status = found.get("status") or {}
    instances = f"{status.get('readyInstances')} of {status.get('instances')} PostgreSQL instances are ready"
    return f"{kind}/{name} is ready" + (f": primary {status.get('currentPrimary')}, {instances}" if kind == "Cluster" else "")


def ready_behind(snapshot: Snapshot, service: str) -> int:
    """Ready addresses behind a Service (Kubernetes API, EndpointSlice)."""
    slices = (s for s in snapshot.kind("EndpointSlice").values() if (meta(s).get("labels") or {}).get("kubernetes.io/service-name") == service)
    return sum(1 for s in slices for e in s.get("endpoints") or () if (e.get("conditions") or {}).get("ready"))


def _job_fact(job: Object, name: str) -> str:
    done = finished(job)
    if done is not None:
        return f"Job/{name} {'is complete' if done else 'has failed'}"
    status = job.get("status") or {}
    failed = status.get("failed") or 0
    return f"Job/{name} is running" + (f", attempt {failed + 1}" if failed else "")


def _deployment_fact(deployment: Object, name: str, snapshot: Snapshot) -> str:
    status, (wanted, made, ready) = deployment.get("status") or {}, progress.counts(snapshot, name)
    if not progress.deployment_blocker(snapshot, name):
        return f"Deployment/{name} is complete: {status.get('availableReplicas') or 0} of {wanted} pods available"
    old = (status.get("replicas") or 0) - (status.get("updatedReplicas") or 0)
    return f"Deployment/{name}: {made} of {wanted} new pods created, {ready} ready" + (f", {old} old pod{'s' if old > 1 else ''}" if old > 0 else "")
