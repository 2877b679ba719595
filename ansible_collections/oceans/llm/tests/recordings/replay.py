# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judge a run again from its tape (stream.jsonl.gz of an evidence folder), without its cluster.

    python -m ansible_collections.oceans.llm.tests.recordings.replay FILE     (from the folder above ansible_collections)

prints what the engine would say today, with its seconds.
"""

from __future__ import annotations

import gzip
import json
import pathlib
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.oceans.llm.plugins.plugin_utils.codes import Certainty
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.process import Helm
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.baseline import Before, picture
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes import RULES, Rule, find
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.model import Cause, Scope, Snapshot
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.verdict import State, Verdict, judge
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.watch import Change, World

#: seconds between two looks while nothing changes
STEP = 0.25


@dataclass(frozen=True)
class Tape:
    """`start`: the first line; `changes`: (server's time, kind, type, object)."""

    start: dict[str, Any]
    changes: Sequence[tuple[float, str, str, Any]]


def load(file: pathlib.Path) -> Tape:
    first, *rest = gzip.decompress(file.read_bytes()).decode().splitlines()
    return Tape(json.loads(first), [tuple(json.loads(line)) for line in rest])


def scope_of(start: dict[str, Any]) -> Scope:
    listed = {k: tuple(tuple(v) if isinstance(v, list) else v for v in value) if isinstance(value, list) else value for k, value in start["scope"].items()}
    return Scope(**listed)


def verdicts(
    tape: Tape, changes: Sequence[tuple[float, str, str, Any]] | None = None, step: float = STEP, rules: Sequence[Rule] | None = None
) -> Iterator[tuple[float, Verdict]]:
    """(second, verdict) of every look that the follower would have had, to the end of the tape. `rules`: others than all."""
    start, todo = tape.start, list(tape.changes if changes is None else changes)
    now, helm = float(start["started"]), Helm()
    world = World(json.loads(json.dumps(start["objects"])), start["started"], clock=lambda: now)
    before = Before(start["before"]["generations"], frozenset(start["before"]["jobs"]))
    scope = scope_of(start)
    for at, kind, type_, obj in todo:
        while now + step < at:
            now += step
            yield _look(picture(world, before, scope, helm, now), helm, rules)
        now = max(now, at)
        if kind == "Helm":
            helm = Helm(**obj)
        else:
            world.apply(Change(kind, type_, tuple(obj) if type_ == "LOG" else obj))
        yield _look(picture(world, before, scope, helm, now), helm, rules)


def _look(snapshot: Snapshot, helm: Helm, rules: Sequence[Rule] | None) -> tuple[float, Verdict]:
    return snapshot.now - snapshot.started, judge(snapshot, find(snapshot, rules), helm)


#: plays something recorded by these rules (None: all), one verdict a look
Play = Callable[[Sequence[Rule] | None], Iterable[Verdict]]
Outcome = tuple[State, str, frozenset[str]]


def outcome(verdicts: Iterable[Verdict]) -> Outcome:
    """The end of a run: its state, the code of its cause, and all that was said on the way."""
    said: set[str] = set()
    last = Verdict(State.PROGRESSING)
    for last in verdicts:
        said |= {f"{cause.code}: {cause.cause}" for cause in last.causes}
        if last.state is State.FAILED:
            break
    return last.state, last.cause.code if last.cause else "", frozenset(said)


def without(name: str) -> list[Rule]:
    return [rule for each, rule in RULES.items() if each != name]


def turned_round(name: str) -> list[Rule]:
    return [inverted(rule) if each == name else rule for each, rule in RULES.items()]


def shown_by(play: Play) -> list[str]:
    """The rules without which the outcome is another one."""
    spoke: set[str] = set()

    def noted(name: str, rule: Rule) -> Rule:
        def other(snapshot: Snapshot) -> Iterator[Cause]:
            for cause in rule(snapshot):
                spoke.add(name)
                yield cause

        return other

    whole = outcome(play([noted(*each) for each in RULES.items()]))
    return [name for name in sorted(spoke) if outcome(play(without(name))) != whole]


def inverted(rule: Rule) -> Rule:
    """The rule turned round: what was fatal is only shown, and what was not ends the run."""

    def other(snapshot: Snapshot) -> Iterator[Cause]:
        for cause in rule(snapshot):
            yield replace(cause, certainty=Certainty.SHOWN if cause.certainty is Certainty.FATAL else Certainty.FATAL, budget=None)

    return other


def main(file: str) -> int:
    said = ""
    for second, verdict in verdicts(load(pathlib.Path(file))):
        now = f"{verdict.cause.code}: {verdict.cause.cause}" if verdict.cause else verdict.blocker
        if re.sub(r"\(\d+ s\)", "", now) != said:
            print(f"{second:6.1f}s {verdict.state.value:12} {now}")
            said = re.sub(r"\(\d+ s\)", "", now)
        if verdict.cause:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
