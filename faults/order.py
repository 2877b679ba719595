# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of a suite: what its rows need is brought up, rows run side by side, those that break what others use run after them, or alone at the end."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol

from . import kube, registry
from .kube import Broken
from .place import shared
from .setting import Setting

OPERATORS = ("cloudnativepg", "external-secrets")


class Result(Protocol):
    """What a measure makes of a row."""

    id: str


class Slots(threading.Semaphore):
    """`with slots`: a row is one of those that run at the same time. `with slots.alone()`: no other row runs."""

    def __init__(self, at_once: int) -> None:
        super().__init__(at_once)
        self._turn, self._over, self._stopped = threading.Lock(), threading.Event(), False

    def __enter__(self, blocking: bool = True, timeout: float | None = None) -> bool:
        super().__enter__(blocking, timeout)
        if self._stopped:
            self.release()
            raise Broken("the suite was interrupted")
        return True

    @contextmanager
    def alone(self) -> Iterator[None]:
        self._over.wait()
        with self._turn, self:
            yield

    def over(self) -> None:
        """All rows are over that do not run alone."""
        self._over.set()

    def stop(self) -> None:
        self._stopped = True
        self._over.set()


def run[R: Result](
    rows: Sequence[Any], measure: Callable[[Any, str, bool, Slots], R], show: Callable[[R], str], token: str, keep: bool, at_once: int
) -> list[R]:
    """`measure` never raises. Ctrl-C ends the rows that are running and leaves the others out."""
    results: dict[str, R] = {}
    slots = Slots(at_once)
    # those that need something come first, so that it is there no longer than they are
    waiting = sorted(rows, key=lambda r: (r.alone, not r.needs, -r.takes))
    running: dict[Future[R], Any] = {}
    # a row that has only to wait (for its turn, for the end of its run, for other tools) has no slot: so there are more threads than slots
    threads = 2 * at_once + sum(r.compare or r.alone for r in rows)
    pool = ThreadPoolExecutor(threads)
    there = _scripts(rows)
    try:
        _each(_bring_up(rows))
        while waiting or running:
            unused = there - _scripts([*waiting, *running.values()])
            _each(_down(unused))
            there -= unused
            for row in list(waiting):
                if len(running) < threads and not _in_use(row, waiting, list(running.values())):
                    waiting.remove(row)
                    running[pool.submit(measure, row, token, keep, slots)] = row
            if all(r.alone for r in (*waiting, *running.values())):
                slots.over()
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                del running[done]
                result = done.result()
                results[result.id] = result
                print(show(result), flush=True)
    except KeyboardInterrupt:
        print("faults: finishing the running rows, skipping the others", file=sys.stderr)
    finally:
        slots.stop()
        pool.shutdown(cancel_futures=True)
        _each(_down(there) if keep else [*_down(there), partial(registry.down, token), *(shared(suite).down for suite in {row.suite for row in rows})])
    return [results[row.id] for row in rows if row.id in results]


def _in_use(row: Any, waiting: Sequence[Any], running: Sequence[Any]) -> bool:
    """Other rows still need what this one breaks; those that break the same run one by one."""
    return bool(row.breaks) and any(row.breaks in r.needs for r in (*running, *(w for w in waiting if not w.breaks)) if not r.alone)


def _each(steps: Sequence[Callable[[], Any]]) -> None:
    """All at the same time."""
    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(step) for step in steps]:
            done.result()


def _script(need: str) -> str:
    return str(kube.ROOT / "testbed" / f"{need}.sh")


def _scripts(rows: Sequence[Setting]) -> set[str]:
    """Needs that have a script of their own."""
    return {name for row in rows for name in row.needs} - {*OPERATORS, "registry"}


def _bring_up(rows: Sequence[Setting]) -> list[Callable[[], Any]]:
    needs = {name for row in rows for name in row.needs}
    steps: list[Callable[[], Any]] = [partial(kube.run, _script(need), "up", timeout=900) for need in sorted(_scripts(rows))]
    if "registry" in needs or any("5007" in str(row.variables) for row in rows):
        steps.append(registry.up)
    if needs.intersection(OPERATORS):
        steps.append(partial(kube.run, _script("operators"), *sorted(needs.intersection(OPERATORS)), timeout=900))
    return steps


def _down(needs: set[str]) -> list[Callable[[], Any]]:
    return [partial(kube.run, _script(need), "down", check=False) for need in sorted(needs)]
