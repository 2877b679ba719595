# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole runs of the fault suite on a real cluster, judged again from their tapes: the same code, and no alarm about what was to pass.

faults/record.py puts the tapes there. What the engine asks for after the rollout (group Post-check), and signals, are not on a tape.
"""

from __future__ import annotations

import json
import pathlib
import random
from functools import cache

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.codes import BY_CODE
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.verdict import State

from ..recordings import replay

TAPES = pathlib.Path(__file__).parents[1] / "recordings" / "tapes"
INDEX = json.loads((TAPES / "index.json").read_text(encoding="utf-8"))
BAD = sorted(row for row, about in INDEX.items() if about["code"] and BY_CODE[about["code"]].group != "Post-check" and about["code"] != "Interrupted")
GOOD = sorted(row for row, about in INDEX.items() if not about["code"])


@cache
def tape(row):
    return replay.load(TAPES / f"{row}.jsonl.gz")


def test_every_tape_is_in_the_index_and_there_are_many():
    assert set(INDEX) == {p.name.removesuffix(".jsonl.gz") for p in TAPES.glob("*.jsonl.gz")}
    assert len(BAD) >= 30 and len(GOOD) >= 10


@pytest.mark.parametrize("row", BAD)
def test_the_same_fault_gets_the_same_name(row):
    second, last = list(until_decided(row))[-1]
    if last.state is State.FAILED:
        assert last.cause.code == INDEX[row]["code"], f"{second:.1f} s: {last}"
    else:  # the row's time-out was shorter than what the cause is given
        assert last.causes and last.causes[0].code == INDEX[row]["code"], f"{second:.1f} s: {last}"


@pytest.mark.parametrize("row", GOOD)
def test_what_had_to_pass_passes(row):
    seen = list(until_decided(row))
    assert not [v for _s, v in seen if v.state is State.FAILED] and seen[-1][1].state is State.DONE, seen[-1]


@pytest.mark.parametrize("row", GOOD)
def test_and_also_when_it_is_told_more_slowly(row):
    """Each kind's watch has a delay of its own; some events are lost, others come late. A log does not: it is read before a pod is judged."""
    for seed in range(4):
        rng = random.Random(f"{row}-{seed}")
        delays = {kind: rng.choice([0.0, 0.0, 0.3, 1.0, 2.5]) for kind in ("Deployment", "ReplicaSet", "Pod", "Job", "Event", "EndpointSlice")}
        changes = [
            (at + delays.get(kind, 0.0) + (rng.random() * 2 if kind == "Event" else 0.0), kind, type_, obj)
            for at, kind, type_, obj in tape(row).changes
            if kind != "Event" or rng.random() > 0.15
        ]
        changes.sort(key=lambda change: change[0])
        for second, verdict in replay.verdicts(tape(row), changes, step=1.0):
            assert verdict.state is not State.FAILED, f"seed {seed} at {second:.1f} s: {verdict.cause}"


def until_decided(row):
    for second, verdict in replay.verdicts(tape(row)):
        yield second, verdict
        if verdict.state is State.FAILED:
            return
