# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/reliability.md, from the figures of one run. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .count import Count
from .traffic import KEPT, NEW

#: the bar
REQUESTS, RATE, STREAMS, LONGEST = 60_000, 200, 200, 300


@dataclass(frozen=True)
class Run:
    """What a run was made with."""

    machine: str
    date: str
    rate: int
    streams: int
    cut: int
    shortest: float
    longest: float
    slowest: float
    drain: str
    hows: Mapping[str, str]


def totals(cells: Sequence[Count]) -> tuple[int, int, int]:
    """(requests, failed, cut), without what is excepted."""
    judged = [c for c in cells if not c.span.excepted]
    return sum(sum(c.requests.values()) for c in judged), sum(sum(c.failed.values()) for c in judged), sum(c.cut for c in judged)


def verdict(cells: Sequence[Count], run: Run) -> str:
    requests, failed, cut = totals(cells)
    return f"{failed} failed of {requests:,} requests, {cut} cut of {run.streams} streams"


def smaller(cells: Sequence[Count], run: Run) -> str:
    """That a run was smaller than the bar; empty when it was not."""
    if totals(cells)[0] >= REQUESTS and run.rate >= RATE and run.streams >= STREAMS and run.longest >= LONGEST:
        return ""
    bar = f"{REQUESTS:,} requests at {RATE} a second and {STREAMS} streams of up to {LONGEST} s"
    return f"\nThe bar is none failed and none cut of {bar}. **This run was smaller, so it proves less.**\n"


def as_markdown(cells: Sequence[Count], run: Run) -> str:
    rows = "\n".join(_row(cell) for cell in cells)
    hows = "\n".join(
        f"- **{cell.span.name}**: {run.hows[cell.span.name]}{f' (excepted: {cell.span.excepted})' if cell.span.excepted else ''}" for cell in cells
    )
    errors: Counter[str] = Counter()
    for cell in cells:
        for error, times in cell.errors.items():
            errors[f"{cell.span.name}: {error}"] += times
    undone = "".join(f"\n- **{cell.span.name}** was not completed: {cell.span.wrong}" for cell in cells if cell.span.wrong)
    wrong = "\n".join(f"- {times} × {error}" for error, times in errors.most_common(20)) or "No request and no stream."
    return f"""<!-- Made by load/run.py (make load); do not edit. -->
# Reliability: requests and streams while the release is changed

**{verdict(cells, run)}**, without what is excepted below. Run on {run.date}: {run.machine}.
{smaller(cells, run)}
The gateway is the stand-in (`testbed/standin`), which stops and closes connections as the real one does, with a fake provider behind it.
Two replicas, reached through the node's port without a proxy. {run.rate} requests a second by vegeta, half of them over a new connection each,
half over connections that are kept; half list the models, half are completions. {run.streams} streams of {run.shortest:.0f} to
{run.longest:.0f} s, each over a new connection. A request fails when its status is not 2xx or it gets no answer; a stream is cut when its
`data: [DONE]` and its last chunk do not come. vegeta's HTTP client sends a GET again when a kept connection is closed before it answers,
as SDKs do; a POST it does not. Slowest request: {run.slowest:.1f} s.

The drain that the chart worked out: {run.drain}.

| | seconds | requests new | failed | requests kept | failed | streams open | cut | pods stopped | seconds each |
|---|---|---|---|---|---|---|---|---|---|
{rows}

Seconds are those of the action. A failure at the moment at which a pod ended counts where that pod was told to stop.

{hows}

## What failed

{wrong}{undone}
"""


def _row(cell: Count) -> str:
    times = sorted(stop.ended - stop.told for stop in cell.stops)
    span = f"{times[0]:.0f}–{times[-1]:.0f}" if times else "–"
    by = [part for how in (NEW, KEPT) for part in (f"{cell.requests[how]:,}", str(cell.failed[how]))]
    name = cell.span.name + (" (excepted)" if cell.span.excepted else "") + (" (**not completed**)" if cell.span.wrong else "")
    return f"| {name} | {cell.span.took:.0f} | {' | '.join(by)} | {cell.streams} | {cell.cut} | {len(times)} | {span} |"
