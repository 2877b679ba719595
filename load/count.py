# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which cell a failure belongs to. Pure.

A pod goes on draining while the next cell has begun. So a failure at the moment in which a pod ended is put down to the cell that told this
pod to stop; any other one to the cell at that time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from .traffic import Request, Stream

#: seconds around the end of a pod: the kubelet tells of it a little late
BEFORE, AFTER = 3.0, 1.0


@dataclass(frozen=True)
class Span:
    """A cell as it was run, in seconds since the epoch."""

    name: str
    began: float
    ended: float
    excepted: str = ""
    #: seconds until the action was over and judged; 0: it has none
    took: float = 0.0
    #: why the action did not come to its end; the traffic went on all the same
    wrong: str = ""


@dataclass(frozen=True)
class Stop:
    """A gateway pod that was told to stop, and when it had ended."""

    pod: str
    told: float
    ended: float


@dataclass
class Count:
    """What happened to the traffic of one cell."""

    span: Span
    requests: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    streams: int = 0
    cut: int = 0
    stops: list[Stop] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)


def count(spans: Sequence[Span], stops: Sequence[Stop], requests: Sequence[Request], streams: Sequence[Stream]) -> list[Count]:
    """One for each span. What was sent between two spans belongs to the earlier one."""
    cells = [Count(span) for span in spans]

    def at(when: float) -> Count:
        return max((c for c in cells if c.span.began <= when), key=lambda c: c.span.began, default=cells[0])

    def blamed(when: float) -> Count:
        near = [s for s in stops if s.ended - BEFORE <= when <= s.ended + AFTER]
        return at(min(near, key=lambda s: abs(s.ended - when)).told) if near else at(when)

    for stop in stops:
        at(stop.told).stops.append(stop)
    for request in requests:
        at(request.at).requests[request.how] += 1
        if request.error:
            cell = blamed(request.at + request.seconds)
            cell.failed[request.how] += 1
            cell.errors[f"{request.method} over a {request.how} connection: {request.error}"] += 1
    for stream in streams:
        for cell in cells:
            end = cell.span.ended
            cell.streams += stream.began <= end and stream.ended >= cell.span.began
        if stream.error:
            cell = blamed(stream.ended)
            cell.cut += 1
            cell.errors[f"stream: {stream.error}"] += 1
    return cells
