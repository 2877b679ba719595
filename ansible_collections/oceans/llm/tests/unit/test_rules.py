# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each rule is needed, and the right way round: something recorded ends otherwise when it is taken away or inverted.

What shows a rule says so by itself: a recorded stream by its name (RULE.NAME), a tape in its index (faults/record.py writes it), and for rules
that neither provokes there is a made picture.
"""

from __future__ import annotations

import json
from functools import cache

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.helm.process import Helm
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes import RULES

from ..recordings import replay
from ..recordings.record import STREAMS, load, pictures
from .test_made_pictures import MADE
from .test_tapes import INDEX, TAPES, tape

#: what becomes of an old pod decides nothing beside new ones that get ready: however sure, these are only ever shown
SHOWN = {"old_pods_lost", "stuck_old_pods"}


def of_stream(name):
    return ((picture, Helm()) for picture in pictures(load(name)))


def of_tape(row):
    return replay.looks(tape(row))


def of_picture(name):
    return [(MADE[name](), Helm(running=True))]


@cache
def trial(play, name):
    return replay.trial(play(name))


def trials(rule):
    """Of what shows a rule, the shortest first."""
    streams = sorted((p for p in STREAMS.glob(f"{rule}.*.json.gz")), key=lambda p: p.stat().st_size)
    rows = sorted((row for row, about in INDEX.items() if rule in about["rules"]), key=lambda row: (TAPES / f"{row}.jsonl.gz").stat().st_size)
    made = [(of_picture, rule)] if rule in MADE else []
    plays = [*made, *((of_stream, p.name.removesuffix(".json.gz")) for p in streams), *((of_tape, row) for row in rows)]
    return (trial(*play) for play in plays)


def test_what_is_recorded_names_rules_that_exist():
    streams = {p.name.split(".")[0] for p in STREAMS.glob("*.*.json.gz")} - {p.name.split(".")[0] for p in STREAMS.glob("good-*.json.gz")}
    tapes = {rule for about in json.loads((TAPES / "index.json").read_text(encoding="utf-8")).values() for rule in about["rules"]}
    assert streams | tapes | set(MADE) == set(RULES)


@pytest.mark.parametrize("name", RULES)
def test_a_rule_that_is_gone_is_noticed(name):
    assert any(done.without.get(name, done.whole) != done.whole for done in trials(name)), f"nobody notices that {name} is gone"


@pytest.mark.parametrize("name", sorted(set(RULES) - SHOWN))
def test_a_rule_turned_round_is_noticed(name):
    """By what the run ends with, or by what is said on the way to another end."""
    noticed = any(codes(done.turned_round.get(name, done.whole)) != codes(done.whole) for done in trials(name))
    assert noticed, f"nobody notices that {name} is turned round"


def codes(end):
    return end.state, end.code, {text.partition(":")[0] for text in end.said}


def test_a_tape_says_which_rules_it_shows():
    """The shortest one that shows two: what faults/record.py would write today."""
    row = min((row for row, about in INDEX.items() if len(about["rules"]) > 1), key=lambda row: (TAPES / f"{row}.jsonl.gz").stat().st_size)
    assert replay.shown_by(of_tape(row)) == INDEX[row]["rules"]
