# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judge a run again from its tape (stream.jsonl.gz of an evidence folder), without its cluster.

    python -m ansible_collections.oceans.llm.tests.recordings.replay FILE     (from the folder above ansible_collections)

prints what the engine would say today, with its seconds.
"""

from __future__ import annotations

import gzip
import itertools
import json
import pathlib
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.oceans.llm.plugins.plugin_utils.codes import Certainty
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.process import Helm
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.baseline import Before, picture
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes import RULES, find
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.model import Cause, Scope, Snapshot
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.verdict import State, Verdict, judge
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.watch import Change, World

#: seconds between two looks while nothing changes
STEP = 0.25
#: seconds within which changes come in together: the follower takes all that is there, and looks once
AT_ONCE = 0.01
#: each picture of a run, with what was known of Helm then
Looks = Iterable[tuple[Snapshot, Helm]]


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


def looks(tape: Tape, changes: Sequence[tuple[float, str, str, Any]] | None = None, step: float = STEP) -> Iterator[tuple[Snapshot, Helm]]:
    """Every look that the follower would have had, to the end of the tape."""
    start, todo = tape.start, list(tape.changes if changes is None else changes)
    now, helm = float(start["started"]), Helm()
    world = World(json.loads(json.dumps(start["objects"])), start["started"], clock=lambda: now)
    before = Before(start["before"]["generations"], frozenset(start["before"]["jobs"]))
    scope = scope_of(start)
    for (at, kind, type_, obj), after in itertools.zip_longest(todo, todo[1:]):
        while now + step < at:
            now += step
            yield picture(world, before, scope, helm, now), helm
        now = max(now, at)
        if kind == "Helm":
            helm = Helm(**obj)
        else:
            world.apply(Change(kind, type_, tuple(obj) if type_ == "LOG" else obj))
        if after is None or after[0] - at > AT_ONCE or after[1] == "Helm":  # which has ended when the follower ended it, after a look
            yield picture(world, before, scope, helm, now), helm


def verdicts(tape: Tape, changes: Sequence[tuple[float, str, str, Any]] | None = None, step: float = STEP) -> Iterator[tuple[float, Verdict]]:
    """(second, verdict) of every look."""
    for snapshot, helm in looks(tape, changes, step):
        yield snapshot.now - snapshot.started, judge(snapshot, find(snapshot), helm)


@dataclass(frozen=True)
class Ending:
    """The end of a run: its state, the code of its cause, and all that was said on the way."""

    state: State = State.PROGRESSING
    code: str = ""
    said: frozenset[str] = frozenset()

    def then(self, verdict: Verdict) -> Ending:
        if self.state is State.FAILED:
            return self
        said = self.said.union(f"{cause.code}: {cause.cause}" for cause in verdict.causes)
        return Ending(verdict.state, verdict.cause.code if verdict.cause else "", said)


@dataclass
class Trial:
    """How a run ends with all rules, and with one of them taken away or turned round, for each rule that spoke before its end."""

    whole: Ending = field(default_factory=Ending)
    without: dict[str, Ending] = field(default_factory=dict)
    turned_round: dict[str, Ending] = field(default_factory=dict)


def trial(looks: Looks) -> Trial:
    """In one pass: a rule is a pure function of a look, so without one of them the others answer the same."""
    done = Trial()
    for snapshot, helm in looks:
        answers = {name: list(rule(snapshot)) for name, rule in RULES.items()}
        spoke = {name for name, causes in answers.items() if causes}
        if done.whole.state is not State.FAILED:
            for name in spoke - set(done.without):
                done.without[name] = done.turned_round[name] = done.whole
        verdict = _judged(snapshot, helm, answers)
        done.whole = done.whole.then(verdict)
        for ends, change in ((done.without, lambda _causes: ()), (done.turned_round, inverted)):
            for name, end in ends.items():
                if end.state is not State.FAILED:
                    other = _judged(snapshot, helm, {**answers, name: change(answers[name])}) if name in spoke else verdict
                    ends[name] = end.then(other)
        if all(end.state is State.FAILED for end in (done.whole, *done.without.values(), *done.turned_round.values())):
            break
    return done


def _judged(snapshot: Snapshot, helm: Helm, answers: Mapping[str, Sequence[Cause]]) -> Verdict:
    return judge(snapshot, find(snapshot, [lambda _snapshot, causes=causes: causes for causes in answers.values()]), helm)


def shown_by(looks: Looks) -> list[str]:
    """The rules without which the end is another one."""
    done = trial(looks)
    return sorted(name for name, end in done.without.items() if end != done.whole)


def inverted(causes: Sequence[Cause]) -> Sequence[Cause]:
    """A rule turned round: what was fatal is only shown, and what was not ends the run."""
    return [replace(cause, certainty=Certainty.SHOWN if cause.certainty is Certainty.FATAL else Certainty.FATAL, budget=None) for cause in causes]


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
