# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a gateway pod takes to stop, and whether that cuts answers. The chart works it out and writes it into an annotation. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ..facts import Object, Picture, label, meta
from ..finding import WARNING, Finding

#: annotation of a Deployment: how its pods stop; after a semicolon what that is too short for (chart contract)
DRAIN = "oceans-llm/drain"


def find(picture: Picture) -> Iterator[Finding]:
    for deployment in picture.kind("Deployment"):
        short = _said(deployment).partition("; ")[2]
        if short:
            yield Finding("DrainTooShort", label(deployment), short, severity=WARNING)


def notes(picture: Picture) -> list[str]:
    """How pods stop, as the chart says it."""
    return [said.partition("; ")[0] for said in map(_said, picture.kind("Deployment")) if said]


def _said(deployment: Object) -> str:
    return str((meta(deployment).get("annotations") or {}).get(DRAIN) or "")
