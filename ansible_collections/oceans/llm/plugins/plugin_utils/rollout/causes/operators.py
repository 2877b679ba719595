# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators that the release waits for: External Secrets and CloudNativePG. Their conditions say little, their events more."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..model import Cause, Snapshot, age, epoch, events_of, meta, seen_at, since
from .catalogue import cause

#: an ExternalSecret that fails for one of these will not get better by waiting
_FINAL = re.compile(
    r"Secret does not exist|does not exist|key .* not found|could not get (Cluster)?SecretStore .* not found|"
    r"is forbidden|permission denied|AccessDenied|InvalidProviderConfig|target is owned",
    re.IGNORECASE,
)
#: seconds after which a new ExternalSecret that still fails so is believed: a store may be applied beside it
_SETTLE = 3.0


def external_secrets(snapshot: Snapshot) -> Iterator[Cause]:
    for kind, name in snapshot.scope.custom:
        found = snapshot.kind("ExternalSecret").get(name) if kind == "ExternalSecret" else None
        if found is None:
            continue
        ready: dict[str, str] = next((c for c in (found.get("status") or {}).get("conditions") or () if c.get("type") == "Ready"), {})
        if ready.get("status") == "True":
            continue
        told = [e for e in events_of(snapshot, "ExternalSecret", name) if e.get("reason") in ("UpdateFailed", "InvalidStoreRef", "ValidationFailed")]
        text = (told[-1].get("message") if told else "") or (ready.get("message") if ready.get("status") == "False" else "") or ""
        if not text:
            continue
        begun = min((since(e, snapshot) for e in told), default=max(epoch(ready.get("lastTransitionTime")), snapshot.started))
        if _FINAL.search(text):
            code, budget = "ExternalSecretFailed", None
            if snapshot.now - begun < _SETTLE:
                code, budget = "ExternalSecretRetrying", _SETTLE
        else:
            code, budget = "ExternalSecretRetrying", None
        yield cause(code, snapshot, f"ExternalSecret/{name}", f"External Secrets cannot make the Secret of {name}", text, since=begun, budget=budget)


def postgres_clusters(snapshot: Snapshot) -> Iterator[Cause]:
    for kind, name in snapshot.scope.custom:
        found = snapshot.kind("Cluster").get(name) if kind == "Cluster" else None
        if found is None:
            continue
        status = found.get("status") or {}
        phase = status.get("phase") or ""
        if any(c.get("type") == "Ready" and c.get("status") == "True" for c in status.get("conditions") or ()):
            continue
        crashed = _initdb(snapshot, meta(found).get("uid"))
        if crashed:
            yield cause(
                "PostgresClusterFailed",
                snapshot,
                f"Cluster/{name}",
                f"the database cannot be set up: {crashed}",
                status.get("phaseReason") or phase,
                since=snapshot.now,
            )
            continue
        told = [e for e in events_of(snapshot, "Cluster", name) if e.get("type") == "Warning"]
        text = (max(told, key=seen_at).get("message") if told else "") or status.get("phaseReason") or phase or "no status yet"
        yield cause(
            "PostgresClusterWaits",
            snapshot,
            f"Cluster/{name}",
            f"the database is being brought up: {phase or 'no phase yet'}",
            text,
            since=max(snapshot.now - age(found, snapshot.now), snapshot.started),
        )


def _initdb(snapshot: Snapshot, uid: str | None) -> str:
    """The last line of an initdb pod that failed again and again: the Cluster's own status does not tell."""
    jobs = {meta(j).get("uid") for j in snapshot.kind("Job").values() if any(o.get("uid") == uid for o in meta(j).get("ownerReferences") or ())}
    failed = [
        p
        for p in snapshot.kind("Pod").values()
        if (p.get("status") or {}).get("phase") == "Failed" and any(o.get("uid") in jobs for o in meta(p).get("ownerReferences") or ())
    ]
    if len(failed) < 2:
        return ""
    name = meta(failed[-1])["name"]
    text = next((log for (pod, _container), log in snapshot.logs.items() if pod == name and log.strip()), "")
    return (text.strip().splitlines() or [f"pod {name} failed {len(failed)} times"])[-1]
