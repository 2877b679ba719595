# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The points as a table on the screen and as JSON; docs/accuracy.md is made from the JSON (accuracy.py)."""

from __future__ import annotations

import json
import pathlib
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from .foreign import Graded

HEAD = ("row", "way", "outcome", "score", "entity", "mechanism", "scope", "named after", "title")


def cells(result: Graded) -> tuple[str, ...]:
    points = ("", "", "", "") if result.control else (f"{result.score:.2f}", f"{result.entity:g}", f"{result.mechanism:.2g}", f"{result.scope:g}")
    return (result.id, result.way, result.outcome, *points, "" if result.named is None else f"{result.named:.1f} s", result.title)


def line(result: Graded) -> str:
    """One finished row, at once."""
    head = f"{'ok    ' if result.passed else 'FAILED'} {result.id:8} {result.way:8} {result.outcome:14} ({result.seconds:.0f} s) {result.title}"
    return (
        head + "".join(f"\n         {' '.join(p.split())[:300]}" for p in result.problems) + ("" if result.passed else f"\n         said: {result.line[:400]}")
    )


def text(results: Sequence[Graded]) -> str:
    rows = [HEAD, *(cells(r) for r in results)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def figures(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the bars are held against. Rows without a bite, or that broke in the suite, do not count."""
    counted = [r for r in rows if r["outcome"] not in ("no damage", "broken")]
    faults, controls = [r for r in counted if not r["control"]], [r for r in counted if r["control"]]
    graded = [r for r in faults if r["outcome"] != "repaired"]
    times = sorted(r["named"] for r in graded if r["named"] is not None)
    return {
        "faults": len(faults),
        "outcomes": dict(Counter(r["outcome"] for r in faults).most_common()),
        "entity": _share(graded, "entity"),
        "mechanism": _share(graded, "mechanism"),
        "median": round(statistics.median(times), 1) if times else None,
        "p95": times[min(len(times) - 1, int(len(times) * 0.95))] if times else None,
        "controls": len(controls),
        "green": sum(r["outcome"] == "green" for r in controls),
        "not counted": [r["id"] for r in rows if r["outcome"] in ("no damage", "broken")],
    }


def _share(rows: Sequence[Mapping[str, Any]], what: str) -> float:
    return round(sum(r[what] == 1.0 for r in rows) / len(rows), 3) if rows else 0.0


def summary(results: Sequence[Graded]) -> str:
    found = figures([r.as_dict() for r in results])
    outcomes = ", ".join(f"{n} {name}" for name, n in found["outcomes"].items())
    return (
        f"{found['faults']} faults: {outcomes}; entity {found['entity']:.0%}, mechanism {found['mechanism']:.0%}; named after {found['median']} s (median), "
        f"{found['p95']} s (p95); {found['green']} of {found['controls']} controls green"
        + (f"; not counted: {', '.join(found['not counted'])}" if found["not counted"] else "")
    )


def body(results: Sequence[Graded], seconds: float, commit: str) -> dict[str, Any]:
    rows = [r.as_dict() for r in results]
    return {"version": 1, "commit": commit, "seconds": round(seconds), **figures(rows), "rows": rows}


def write(results: Sequence[Graded], file: pathlib.Path, seconds: float, commit: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(body(results, seconds, commit), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read(file: pathlib.Path) -> list[Graded]:
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))["rows"]
    except (OSError, ValueError):
        return []
    names = {field.name for field in fields(Graded)}
    return [Graded(**{k: v for k, v in row.items() if k in names}) for row in rows]
