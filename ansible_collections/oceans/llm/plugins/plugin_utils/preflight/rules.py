# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All rules, in the order in which a reader wants their findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..kube import defects
from .checks import access, admission, chart, config, database, drain, network, platform, probes, quota, release, route_timeouts, secrets, tools, variables
from .facts import Picture
from .finding import WARNING, Finding

RULES: tuple[Callable[[Picture], Iterator[Finding]], ...] = (
    access.find,
    tools.find,
    variables.find,
    chart.find,
    config.find,
    secrets.find,
    release.find,
    database.find,
    platform.find,
    probes.find,
    drain.find,
    network.find,
    route_timeouts.find,
    admission.find,
    quota.find,
)


def check(picture: Picture) -> list[Finding]:
    """Everything that is wrong; pure, so the same picture always gives the same answer."""
    found = [finding for rule in RULES for finding in _findings(rule, picture)]
    said = {f.object for f in found if f.code == "ChartRefused"}
    foreign = {f.object for f in found if f.code == "ForeignObject"}  # that it differs from the chart's goes without saying
    return [
        f
        for f in found
        if f"values gateway.{f.object.replace('config ', 'config.', 1)}" not in said and not (f.code == "FieldConflict" and f.object in foreign)
    ]


def _findings(rule: Callable[[Picture], Iterator[Finding]], picture: Picture) -> Iterator[Finding]:
    """A rule that cannot take what the chart rendered is skipped and says so; the others continue."""
    try:
        yield from rule(picture)
    except Exception as error:
        subject = rule.__module__.rpartition(".")[2]
        what = f"failed on the rendered objects and were skipped: {type(error).__name__} at {defects.where(error)}"
        yield Finding("CheckSkipped", f"checks of {subject}", what, severity=WARNING)
