# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of an upgrade, and what became of it, in the words of the user. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ..helm.releases import Release
from ..kube.objects import Object
from . import migrations
from .asked import Schema, gateway, version
from .policy import Decision, OnFailure
from .restore_point import RestorePoint


def lines(live: Release | None, planned: Release, schema: Schema, point: RestorePoint | None, decision: Decision, on_failure: str, now: float) -> Iterator[str]:
    """What an upgrade is about to do, before it writes."""
    old, new = version(live) if live else "nothing", version(planned)
    yield f"plan: {old} -> {new}" + (f" (chart {live.chart} -> {planned.chart})" if live and live.chart != planned.chart else "")
    yield f"plan: pending migrations: {pending(schema)}" + (f", database at V{schema.newest}" if schema.newest else "")
    yield f"plan: restore point: {restore_point(point, now)}"
    yield f"plan: drain: {drain(gateway(planned.manifest))}"
    automatic = " automatically where docs/lifecycle.md allows it" if on_failure == OnFailure.ROLLBACK.value else " by oceans.llm.rollback"
    yield f"plan: back to {old}: until {decision.until};{automatic}" if live and decision.may_go_back else f"plan: no way back: {decision.until}"


def pending(schema: Schema) -> str:
    if schema.versions is None:
        return f"not known, which counts as destructive ({schema.why})"
    return migrations.phrase(schema.versions)


def restore_point(point: RestorePoint | None, now: float) -> str:
    if point is None:
        return "none"
    size = f", {point.size / 2**20:.1f} MiB" if point.size is not None else ""
    at = f", database at V{point.schema_version}" if point.schema_version else ""
    return f"{point.kind} {point.name}, {age(now - point.created)} old{size}{at}, in {point.place}"


def drain(deployment: Object | None) -> str:
    grace = (((deployment or {}).get("spec") or {}).get("template") or {}).get("spec", {}).get("terminationGracePeriodSeconds", 30)
    return f"a pod of the old version with open requests ends within {grace} s"


def age(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"
