# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows that break what others use: after those that need it, or alone."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from faults import order
from faults.setting import Setting


@pytest.fixture
def ran(monkeypatch):
    """Runs rows; the ids of the results, of the rows as they began, and of those that were at work together with each."""
    monkeypatch.setattr(order, "_bring_up", lambda rows: [])
    monkeypatch.setattr(order, "_down", lambda needs: [])
    monkeypatch.setattr(order.registry, "down", lambda token: None)
    monkeypatch.setattr(order, "shared", lambda suite: SimpleNamespace(down=lambda: None))

    def run(rows, at_once=2):
        beside, now, lock = {}, set(), threading.Lock()

        def work(row):
            with lock:
                now.add(row.id)
                for each in now:
                    beside.setdefault(each, set()).update(now)
            (row.mend or threading.Event().wait)(0.02 if row.mend is None else None)
            with lock:
                now.discard(row.id)

        def measure(row, token, keep, slots):
            with slots.alone() if row.alone else slots:
                work(row)
            return SimpleNamespace(id=row.id)

        found = order.run(rows, measure, lambda result: result.id, "token", False, at_once)
        return [r.id for r in found], list(beside), beside

    return run


def test_rows_run_side_by_side_and_the_results_have_their_order(ran):
    both = threading.Barrier(2, timeout=30).wait
    found, _begun, beside = ran([Setting("a", ""), Setting("b", "", mend=both), Setting("c", "", mend=both)])
    assert found == ["a", "b", "c"] and {"b", "c"} <= beside["b"]


def test_a_row_that_runs_alone_has_nothing_beside_it(ran):
    _found, begun, beside = ran([Setting("x", "", alone=True), Setting("a", ""), Setting("y", "", alone=True), Setting("b", "")], 4)
    assert set(begun[2:]) == {"x", "y"} and beside["x"] == {"x"} and beside["y"] == {"y"}


def test_what_a_row_breaks_is_used_no_more_and_broken_by_one_row_at_a_time(ran):
    node = ("second-node",)
    breaks = [Setting(name, "", needs=node, breaks="second-node", takes=200) for name in ("x", "y")]
    rows = [*breaks, Setting("a", "", needs=node), *(Setting(f"b{n}", "") for n in range(4))]
    _found, begun, beside = ran(rows, 3)
    assert begun.index("a") < begun.index("x") < begun.index("y")
    assert not beside["x"] & {"a", "y"}


def test_after_an_interruption_no_row_begins():
    slots = order.Slots(1)
    slots.stop()
    with pytest.raises(order.Broken), slots:
        pass
    with pytest.raises(order.Broken), slots.alone():
        pass


def test_what_rows_need_goes_with_the_last_of_them(ran, monkeypatch):
    gone, went = [], threading.Event()
    monkeypatch.setattr(order, "_down", lambda needs: [lambda: (gone.extend(needs), went.set())] if needs else [])
    found = ran([Setting("b", "", mend=lambda _seconds: gone.append(went.wait(30))), Setting("a", "", needs=("ingress",))])[0]
    assert found == ["b", "a"] and gone == ["ingress", True]
