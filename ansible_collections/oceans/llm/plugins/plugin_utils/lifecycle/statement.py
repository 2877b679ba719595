# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of an upgrade, and what became of it, in the words of the user. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .. import playbooks
from ..helm.releases import Release
from ..kube.objects import Object, part
from . import migrations
from .asked import Schema, version
from .policy import Decision, OnFailure
from .restore_point import RestorePoint


def data(live: Release | None, planned: Release, schema: Schema, decision: Decision, on_failure: str) -> dict[str, Any]:
    """What an upgrade is about to do, as the task returns it (`plan`); what it says of the restore point is added by the caller."""
    old = version(live) if live else ""
    pending = None if schema.versions is None else [{"version": v, "class": str(migrations.kind(v)), "reason": migrations.reason(v)} for v in schema.versions]
    back = bool(live) and decision.may_go_back
    return {
        "from": old,
        "to": version(planned),
        "chart": {"from": live.chart if live else "", "to": planned.chart},
        "database": schema.newest,
        "pending": pending,
        "not_known": schema.why if pending is None else "",
        "drain_seconds": drain(part(planned.manifest, "Deployment")),
        "state": decision.state.value,
        "may_start": decision.may_start,
        "back": {
            "allowed": back,
            "until": decision.until,
            "command": playbooks.filled(decision.command.format(target=live.revision, versions="", point="NAME")) if back and live else "",
            "automatic": back and on_failure == OnFailure.ROLLBACK.value and decision.on_failure is not OnFailure.KEEP,
        },
    }


def lines(plan: Mapping[str, Any], schema: Schema, point: str) -> Iterator[str]:
    """The same for the screen, before anything is written. `point`: a phrase about the restore point."""
    old, chart, back = plan["from"] or "nothing", plan["chart"], plan["back"]
    yield f"plan: {old} -> {plan['to']}" + (f" (chart {chart['from']} -> {chart['to']})" if plan["from"] and chart["from"] != chart["to"] else "")
    yield f"plan: pending migrations: {pending(schema)}" + (f", database at V{schema.newest}" if schema.newest else "")
    yield f"plan: restore point: {point}"
    yield f"plan: old pods: each may take {plan['drain_seconds']} s to finish its open requests and stop"
    if not plan["may_start"]:
        yield f"plan: the upgrade does not start: {plan['state']}"
        return
    how = "automatic after a failure, where docs/lifecycle.md allows it" if back["automatic"] else f"by {playbooks.command('rollback')}"
    yield f"plan: rollback to {old}: possible until {back['until']}; {how}" if back["allowed"] else f"plan: rollback: not possible; {back['until']}"


def pending(schema: Schema) -> str:
    if schema.versions is None:
        return f"not known, so treated as destructive ({schema.why})"
    return migrations.phrase(schema.versions)


def restore_point(point: RestorePoint | None, now: float) -> str:
    return point.phrase(now) if point else "none"


def drain(deployment: Object | None) -> int:
    """Seconds that a pod of the release may take to end."""
    return int((((deployment or {}).get("spec") or {}).get("template") or {}).get("spec", {}).get("terminationGracePeriodSeconds", 30))
