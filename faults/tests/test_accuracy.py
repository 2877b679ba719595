# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The README's table of other tools is made from the recorded rows, and from nothing else."""

from __future__ import annotations

from faults.outside import accuracy


def tool(name: str, outcome: str, seconds: float, named: bool = False) -> dict:
    return {"tool": name, "outcome": outcome, "seconds": seconds, "entity": named, "mechanism": named}


ROWS = [
    {"outcome": "right", "named": 4.0, "theirs": [tool("helm", "false success", 9), tool("kubectl", "success (named by describe)", 2, named=True)]},
    {"outcome": "vague", "named": None, "theirs": [tool("helm", "time-out", 61), tool("kubectl", "named", 60, named=True)]},
]


def test_one_line_a_tool():
    lines = accuracy.overview(ROWS).splitlines()
    assert lines[0].startswith("|  | names object and reason, of 2 |")
    assert lines[2:] == ["| **oceans.llm, role `wait`** | 1 | 0 | 4 |", "| helm | 0 | 1 | 35 |", "| kubectl | 2 | 1 | 31 |"]


def test_nothing_is_claimed_before_it_was_measured():
    assert "|" not in accuracy.overview([])


def test_only_the_part_between_the_marks_is_made():
    text = f"before\n{accuracy.BEGIN}\nold\n{accuracy.END}\nafter\n"
    made = accuracy.into_readme(text, ROWS)
    assert made.startswith("before\n") and made.endswith("\nafter\n") and "old" not in made and accuracy.into_readme(made, ROWS) == made


def test_a_run_without_other_tools_keeps_their_results():
    before = {"rows": [{"id": "I4", "theirs": [1]}, {"id": "I5", "theirs": [2]}]}
    report = {"commit": "b", "rows": [{"id": "I4", "theirs": []}, {"id": "I5", "theirs": [3]}, {"id": "I6", "theirs": []}]}
    assert [r["theirs"] for r in accuracy.taken(report, before)["rows"]] == [[1], [3], []]
    assert [r["theirs"] for r in accuracy.taken(report, None)["rows"]] == [[], [3], []]
