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


def lines(live: Release | None, planned: Release, schema: Schema, point: str, decision: Decision, on_failure: str) -> Iterator[str]:
    """What an upgrade is about to do, before it writes. `point`: a phrase about the restore point."""
    old, new = version(live) if live else "nothing", version(planned)
    yield f"plan: {old} -> {new}" + (f" (chart {live.chart} -> {planned.chart})" if live and live.chart != planned.chart else "")
    yield f"plan: pending migrations: {pending(schema)}" + (f", database at V{schema.newest}" if schema.newest else "")
    yield f"plan: restore point: {point}"
    yield f"plan: drain: {drain(gateway(planned.manifest))}"
    if not decision.may_start:
        yield f"plan: not started: {decision.state.value}"
        return
    automatic = " automatically where docs/lifecycle.md allows it" if on_failure == OnFailure.ROLLBACK.value else " by oceans.llm.rollback"
    yield f"plan: back to {old}: until {decision.until};{automatic}" if live and decision.may_go_back else f"plan: no way back: {decision.until}"


def pending(schema: Schema) -> str:
    if schema.versions is None:
        return f"not known, which counts as destructive ({schema.why})"
    return migrations.phrase(schema.versions)


def restore_point(point: RestorePoint | None, now: float) -> str:
    return point.phrase(now) if point else "none"


def drain(deployment: Object | None) -> str:
    grace = (((deployment or {}).get("spec") or {}).get("template") or {}).get("spec", {}).get("terminationGracePeriodSeconds", 30)
    return f"a pod of the old version with open requests ends within {grace} s"
