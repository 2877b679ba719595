# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of a suite: what its rows need is brought up, rows run side by side, those that break what others use run alone at the end."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any, Protocol

from . import kube, registry
from .place import shared
from .setting import Setting

OPERATORS = ("cloudnativepg", "external-secrets")


class Result(Protocol):
    """What a measure makes of a row."""

    id: str


def run[R: Result](
    rows: Sequence[Any], measure: Callable[[Any, str, bool, threading.Semaphore], R], show: Callable[[R], str], token: str, keep: bool, at_once: int
) -> list[R]:
    """`measure` never raises. Ctrl-C ends the rows that are running and leaves the others out."""
    results: dict[str, R] = {}
    slots = threading.Semaphore(at_once)
    try:
        _bring_up(rows)
        for together in ([r for r in rows if not r.alone], *([r] for r in rows if r.alone)):
            # a row that has only to wait (for a phantom, for other tools) gives its slot away: so there are more threads than slots
            with ThreadPoolExecutor(max_workers=at_once + 2 + sum(r.compare for r in together)) as pool:
                waiting = [pool.submit(measure, row, token, keep, slots) for row in sorted(together, key=lambda r: -r.takes)]
                try:
                    for done in as_completed(waiting):
                        result = done.result()
                        results[result.id] = result
                        print(show(result), flush=True)
                except KeyboardInterrupt:
                    print("faults: finishing the running rows, skipping the others", file=sys.stderr)
                    pool.shutdown(wait=True, cancel_futures=True)
                    break
    finally:
        _take_down(rows, token, keep)
    return [results[row.id] for row in rows if row.id in results]


def _script(need: str) -> str:
    return str(kube.ROOT / "testbed" / f"{need}.sh")


def _needs(rows: Sequence[Setting]) -> list[str]:
    return sorted({name for row in rows for name in row.needs})


def _bring_up(rows: Sequence[Setting]) -> None:
    needs = _needs(rows)
    if "registry" in needs or any("5007" in str(row.variables) for row in rows):
        registry.up()
    operators = [name for name in needs if name in OPERATORS]
    if operators:
        kube.run(_script("operators"), *operators, timeout=900)
    for need in needs:
        if need not in (*OPERATORS, "registry"):
            kube.run(_script(need), "up", timeout=900)


def _take_down(rows: Sequence[Setting], token: str, keep: bool) -> None:
    for need in _needs(rows):
        if need not in (*OPERATORS, "registry"):
            kube.run(_script(need), "down", check=False)
    if not keep:
        registry.down(token)
        for suite in {row.suite for row in rows}:
            shared(suite).down()
