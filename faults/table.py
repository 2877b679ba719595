# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The results as a table on the screen, as JSON, and as markdown."""

from __future__ import annotations

import json
import pathlib
import statistics
from collections.abc import Sequence
from dataclasses import fields

from .row import Measured

#: seconds; a row that is allowed more has a budget (probes, locks) that must be over first
AT_ONCE = 5.0
HEAD = ("row", "way", "expected", "got", "signal", "named +", "FAILED +", "allowed", "false", "verdict")


def cells(result: Measured) -> tuple[str, ...]:
    return (
        result.id,
        result.way,
        result.expect,
        result.got,
        _s(result.signal),
        _s(result.after_signal),
        _s(result.declared_after),
        f"{result.within:g}" if result.expect != "must pass" else "",
        str(result.false_lines),
        "ok" if not result.problems else "FAILED",
    )


def _s(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f}"


def line(result: Measured) -> str:
    """One finished row, at once."""
    verdict = "ok    " if not result.problems else "FAILED"
    timing = f"named {_s(result.after_signal)} s after the first signal" if result.after_signal is not None else ""
    text = f"{verdict} {result.id:6} {result.got:24} {timing} ({result.seconds:.0f} s) {result.title}"
    return text + "".join(f"\n         {problem}" for problem in result.problems)


def text(results: Sequence[Measured]) -> str:
    rows = [HEAD, *(cells(r) for r in results)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def summary(results: Sequence[Measured]) -> str:
    timed = [r for r in results if r.after_signal is not None and not r.problems and not r.safe.startswith("nothing was changed")]
    engine = sorted(r.after_signal or 0.0 for r in timed if r.within <= AT_ONCE)
    parts = [
        f"{sum(not r.problems for r in results)} passed, {sum(bool(r.problems) for r in results)} failed",
        f"{sum(r.false_lines for r in results)} false lines in {sum(r.expect == 'must pass' for r in results)} rows that must pass",
    ]
    if engine:
        p95 = engine[min(len(engine) - 1, int(len(engine) * 0.95))]
        parts.append(
            f"from the first signal to the cause on the screen: median {statistics.median(engine):.1f} s, p95 {p95:.1f} s ({len(engine)} rows; "
            f"{len(timed) - len(engine)} more rows may wait first)"
        )
    return "; ".join(parts)


def read(folder: pathlib.Path) -> tuple[list[Measured], float]:
    """The rows of an earlier run, and its seconds; nothing when there is none."""
    try:
        body = json.loads((folder / "faults.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return [], 0.0
    names = {field.name for field in fields(Measured)}
    return [Measured(**{k: v for k, v in row.items() if k in names}) for row in body["rows"]], float(body["seconds"])


def write(results: Sequence[Measured], folder: pathlib.Path, seconds: float) -> None:
    folder.mkdir(exist_ok=True)
    failed = sum(bool(r.problems) for r in results)
    body = {"version": 1, "seconds": round(seconds), "passed": len(results) - failed, "failed": failed, "rows": [r.as_dict() for r in results]}
    (folder / "faults.json").write_text(json.dumps(body, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "faults.md").write_text(markdown(results, seconds), encoding="utf-8")


def markdown(results: Sequence[Measured], seconds: float) -> str:
    parts = [
        "# Fault suite\n",
        f"{summary(results)}; the whole run took {seconds:.0f} s.\n",
        "`signal`: seconds from the start of the run until the API server first showed the fault, by the suite's own watch (preflight: until the role "
        "began). `named +`: seconds from then until the run printed the cause. `FAILED +`: until the run printed FAILED, after it had fenced the Jobs. "
        "`allowed` is for `named +`.\n",
        "| " + " | ".join(HEAD) + " | title |",
        "|" + "---|" * (len(HEAD) + 1),
        *("| " + " | ".join(_cell(c) for c in (*cells(r), r.title)) + " |" for r in results),
        *comparison(results),
        "\n## Output of each row\n",
    ]
    for result in results:
        parts.append(f"### {result.id}: {result.title}\n")
        parts.append(f"`{result.line}`\n" if result.line else "")
        facts = [("state", result.safe), ("database", result.database), ("requests to the old and new pods", result.requests)]
        parts += [f"- {name}: {value}" for name, value in facts if value]
        parts += [f"- **problem**: {' '.join(p.split())}" for p in result.problems]
        parts.append("")
    return "\n".join(parts)


def comparison(results: Sequence[Measured]) -> list[str]:
    """The same fault by other tools, where they were asked."""
    compared = [r for r in results if r.theirs]
    if not compared:
        return []
    tools = list(dict.fromkeys(str(t["tool"]) for r in compared for t in r.theirs))
    head = ["row", "title", "oceans.llm: FAILED after", "its last line", *(text for tool in tools for text in (f"{tool}: after", "its last message"))]
    rows = []
    for result in compared:
        by = {t["tool"]: t for t in result.theirs}
        theirs = [text for tool in tools for text in (f"{by[tool]['seconds']} s, exit {by[tool]['exit']}", str(by[tool]["said"]))]
        rows.append([result.id, result.title, f"{_s(result.said)} s", result.line, *theirs])
    lines = ["| " + " | ".join(_cell(c) for c in row) + " |" for row in (head, *rows)]
    return ["\n## The same faults with other tools\n", lines[0], "|" + "---|" * len(head), *lines[1:]]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
