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
    return f"{failed} of {requests:,} requests failed, and {cut} of {run.streams} streams were cut"


def smaller(cells: Sequence[Count], run: Run) -> str:
    """That a run was smaller than the bar; empty when it was not."""
    if totals(cells)[0] >= REQUESTS and run.rate >= RATE and run.streams >= STREAMS and run.longest >= LONGEST:
        return ""
    bar = f"{REQUESTS:,} requests at {RATE} per second and {STREAMS} streams of up to {LONGEST} s"
    return f"\nThe goal is that no request fails and no stream is cut in {bar}. **This run was smaller, so it proves less.**\n"


def as_markdown(cells: Sequence[Count], run: Run) -> str:
    rows = "\n".join(_row(cell) for cell in cells)
    hows = "\n".join(
        f"- **{cell.span.name}**: {run.hows[cell.span.name]}{f' (not counted, because {cell.span.excepted})' if cell.span.excepted else ''}" for cell in cells
    )
    errors: Counter[str] = Counter()
    for cell in cells:
        for error, times in cell.errors.items():
            errors[f"{cell.span.name}: {error}"] += times
    undone = "".join(f"\n- **{cell.span.name}** was not completed: {cell.span.wrong}" for cell in cells if cell.span.wrong)
    wrong = "\n".join(f"- {times} × {error}" for error, times in errors.most_common(20)) or "No request failed, and no stream was cut."
    return f"""<!-- Made by load/run.py (make load); do not edit. -->
# Reliability: requests and streams while the release changes

**{verdict(cells, run)}.** Failures of a change that is marked *not counted* below are left out. Run on {run.date}: {run.machine}.
{smaller(cells, run)}
How the run was made:

- The gateway is the stand-in (`testbed/standin`), which stops and closes connections as the real gateway does, with a fake provider behind it.
- The gateway has two replicas. Clients connect to the Service's node port, without a proxy.
- vegeta sends {run.rate} requests per second. One half uses a new connection for each request, the other half uses kept connections. One half lists
  the models, the other half requests completions.
- A second client opens {run.streams} streams of {run.shortest:.0f} to {run.longest:.0f} s, each over a new connection.
- A request fails if its status is not 2xx or if it gets no answer. A stream is cut if its `data: [DONE]` or its last chunk is missing.
- vegeta's HTTP client repeats a GET if a kept connection is closed before the answer, as SDKs do. It does not repeat a POST.
- The slowest request took {run.slowest:.1f} s.

How a gateway pod stops with the chart's values: {run.drain}.

| Change | Seconds | Requests over new connections | Failed | Requests over kept connections | Failed | Streams open | Cut | Pods stopped | Seconds per pod |
|---|---|---|---|---|---|---|---|---|---|
{rows}

*Seconds* is the duration of the change, *Seconds per pod* the time from the deletion of a pod to its end. A failure at the end of a pod counts for the change
that stopped this pod.

{hows}

## What failed

{wrong}{undone}
"""


def _row(cell: Count) -> str:
    times = sorted(stop.ended - stop.told for stop in cell.stops)
    span = f"{times[0]:.0f}–{times[-1]:.0f}" if times else "–"
    by = [part for how in (NEW, KEPT) for part in (f"{cell.requests[how]:,}", str(cell.failed[how]))]
    name = cell.span.name + (" (not counted)" if cell.span.excepted else "") + (" (**not completed**)" if cell.span.wrong else "")
    return f"| {name} | {cell.span.took:.0f} | {' | '.join(by)} | {cell.streams} | {cell.cut} | {len(times)} | {span} |"
