# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""report.json as one page that opens anywhere: no script, no font, nothing loaded from outside."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

HERE = Path(__file__).parent


@functools.cache
def _page() -> jinja2.Template:
    pages = jinja2.Environment(loader=jinja2.FileSystemLoader(HERE), autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.ChainableUndefined)
    return pages.get_template("report.html.j2")


def render(report: Mapping[str, Any]) -> str:
    """The page. `report` is what evidence.as_json made, already redacted."""
    cause, first = report.get("cause") or {}, report.get("first_signal_seconds")
    total = max([report["seconds"], *(s["to"] for s in report["spans"]), 1.0])
    told = _told(report)
    return _page().render(
        report=report,
        style=Markup((HERE / "report.css").read_text(encoding="utf-8")),
        failed=report["state"] == "failed",
        title=f"{report['namespace']}/{report['release']} on {report['cluster']}",
        cause=cause,
        database=report["database"].removeprefix("database: "),
        old_pods=report["old_pods"].removeprefix("old pods: "),
        fenced=", ".join(dict.fromkeys(report["fenced"])),
        signal="none" if first is None else f"{first:.1f} s",
        marks=list(_marks(total)),
        lanes=list(_lanes(report["spans"], cause.get("object"), total)),
        told=None if told is None else {"second": told, "at": _share(told, total)},
        others=[c for c in report["causes"] if c and (c["code"], c["object"]) != (cause.get("code"), cause.get("object"))],
    )


def _share(seconds: float, total: float) -> str:
    return f"{100 * seconds / total:.2f}"


def _marks(total: float) -> Iterator[dict[str, Any]]:
    """The seconds on the axis, ten at most."""
    step = next((s for s in (1, 2, 5, 10, 30, 60, 120, 300, 600) if total / s <= 10), 1800)
    yield from ({"second": t, "at": _share(t, total)} for t in range(0, int(total) + 1, step))


def _lanes(spans: list[dict[str, Any]], guilty: str | None, total: float) -> Iterator[dict[str, Any]]:
    """One lane for each object; the last bar of the object that the cause is about is red."""
    for name in dict.fromkeys(span["object"] for span in spans):
        own = [span for span in spans if span["object"] == name]
        yield {"object": name, "guilty": name == guilty, "bars": [_bar(s, total, bad=name == guilty and s is own[-1]) for s in own]}


def _told(report: Mapping[str, Any]) -> float | None:
    """Seconds at which the cause was said first, FAILED came later; None in a good run."""
    code = report.get("code")
    return next((t["seconds"] for t in report["timeline"] if code and t["line"].startswith(f"{code} ")), None)


def _bar(span: Mapping[str, Any], total: float, bad: bool) -> dict[str, Any]:
    phase, width = span["phase"], max(0.3, 100 * (span["to"] - span["from"]) / total)
    return {
        "look": "p-bad" if bad else _class(phase),
        "left": _share(span["from"], total),
        "width": f"{width:.2f}",
        "title": f"{phase} ({span['from']}–{span['to']} s)",
        "label": phase if width > 0.75 * len(phase) else "",  # what does not fit is in the title
    }


def _class(phase: str) -> str:
    if "failed" in phase or any(word in phase for word in ("Err", "BackOff", "Error", "Invalid")):
        return "p-bad"
    if phase in ("ready", "complete"):
        return "p-good"
    return "p-run" if phase.endswith(("runs", "running")) else "p-wait"
