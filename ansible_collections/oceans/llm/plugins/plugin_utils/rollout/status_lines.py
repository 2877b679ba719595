# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status of a release on one screen: facts in, lines out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..gateway import log_words
from ..helm.releases import Release
from ..kube.objects import Object, epoch, meta


@dataclass(frozen=True)
class Gateway:
    """`verified`: served, failed, unverified (nobody could ask) or not asked; `why` the version is not known, or by which way it came."""

    version: str = ""
    ready: str = ""
    verified: str = "not asked"
    why: str = ""

    def phrase(self) -> str:
        if self.version:
            return f"version {self.version}, {self.ready}" + (f" ({self.why})" if self.why else "")
        return {"failed": "the gateway does not answer", "unverified": "not known"}.get(self.verified, "not asked") + (f": {self.why}" if self.why else "")


@dataclass(frozen=True)
class Status:
    """Everything that is shown. Times are the server's clock."""

    now: float
    revisions: Sequence[Release] = ()
    gateway: Gateway = Gateway()
    deployments: Sequence[Object] = ()
    pods: Sequence[Object] = ()
    database: str = ""
    secrets: Mapping[str, Object | None] = field(default_factory=dict, repr=False)
    bootstrap: Mapping[str, str] = field(default_factory=dict)
    held: str = ""
    #: (what, why) of everything that could not be asked
    unknown: Sequence[tuple[str, str]] = ()
    #: the newest one, in words; empty: there is none
    restore_point: str = ""


def lines(status: Status) -> Iterator[str]:
    newest = status.revisions[0] if status.revisions else None
    if newest is None:
        yield "release    not installed"
        return
    when = f"revision {newest.revision} {newest.status}, {ago(newest.deployed_at, status.now)}" if newest.revision else newest.description
    yield f"release    {newest.namespace}/{newest.name}: chart {newest.chart}, {when}"
    if len(status.revisions) > 1:
        yield "revisions  " + ", ".join(f"{r.revision} {r.status} ({r.chart.rpartition('-')[2]}, {ago(r.deployed_at, status.now)})" for r in status.revisions)
    yield f"served     {status.gateway.phrase()}"
    for deployment in status.deployments:
        yield f"pods       {pods(deployment, status.pods)}"
    yield f"database   {status.database or 'not asked'}"
    if status.restore_point:
        yield f"backup     {status.restore_point}"
    for name, secret in status.secrets.items():
        yield f"secret     {name}: {secret_phrase(secret, status.now)}"
    if status.bootstrap.get("admin"):
        yield f"admin      {status.bootstrap['admin']}, login last verified: {status.bootstrap.get('proved-at', 'never')}"
    if status.held:
        yield f"locked by  {status.held}"
    for what, why in status.unknown:
        yield f"not known  {what}: {why}"


def pods(deployment: Object, of_release: Iterable[Object]) -> str:
    state, spec = deployment.get("status") or {}, deployment.get("spec") or {}
    wanted = (spec.get("selector") or {}).get("matchLabels") or {}
    own = [p for p in of_release if wanted.items() <= (meta(p).get("labels") or {}).items()]
    images = sorted({c["image"].rpartition("/")[2] for p in own for c in p["spec"]["containers"][:1]})
    restarts = sum(c.get("restartCount", 0) for p in own for c in (p.get("status") or {}).get("containerStatuses") or ())
    text = f"{meta(deployment).get('name')}: {state.get('readyReplicas', 0)} of {spec.get('replicas', 1)} ready"
    return f"{text}, {', '.join(images) or 'no pod'}" + (f", {restarts} restarts" if restarts else "")


def database(text: str) -> str:
    """What `gateway migrate --status` printed, in a phrase; its last line when it is something else."""
    found = log_words.migrations(text)
    if not found.applied and not found.pending:
        return (text.strip().splitlines() or ["no answer from the gateway"])[-1].strip()
    at = f"at V{found.applied[-1][0]} {found.applied[-1][1]}" if found.applied else "empty"
    versions = [f"V{version}" for version, _name in found.pending]
    return at + (f", {len(versions)} pending ({versions[0]}–{versions[-1]})" if versions else ", nothing pending")


def secret_phrase(secret: Object | None, now: float) -> str:
    if secret is None:
        return "does not exist"
    writes = [(epoch(e.get("time")), e.get("manager")) for e in meta(secret).get("managedFields") or () if "f:data" in (e.get("fieldsV1") or {})]
    when, who = max(writes, default=(epoch(meta(secret).get("creationTimestamp")), None))
    return f"{len(secret.get('data') or {})} keys, written {_ago(now - when)}" + (f" by {who}" if who else "")


def ago(stamp: str, now: float) -> str:
    return _ago(now - epoch(stamp)) if stamp else "at an unknown time"


def _ago(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit} ago"
    return f"{max(0.0, seconds):.0f} s ago"


def facts(status: Status) -> dict[str, Any]:
    """The same for a program."""
    newest = status.revisions[0] if status.revisions else None
    return {
        "installed": newest is not None,
        "helm_record": bool(newest and newest.revision),
        "revisions": [{"revision": r.revision, "status": r.status, "chart": r.chart, "deployed_at": r.deployed_at} for r in status.revisions],
        "version_served": f"version {status.gateway.version}" if status.gateway.version else "",
        "verified": status.gateway.verified,
        "ready": status.gateway.ready == "ready",
        "database": status.database,
        "restore_point": status.restore_point,
        "secrets": {name: sorted((secret or {}).get("data") or {}) for name, secret in status.secrets.items()},
    }
