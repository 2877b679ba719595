# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fault that somebody else thought of: what is done, what shows that it does damage, and the verdict that is expected, written down before the first run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, asdict, dataclass, field
from typing import Any

from ..place import Place
from ..setting import Setting
from .bites import Bite, stuck

#: the ways in which a fault is tried: `wait` looks on after the fault came to a healthy release; `upgrade` is a deploy over it; `install` a first deploy
WAIT, UPGRADE, INSTALL = "wait", "upgrade", "install"
#: where the rows come from, and under which licence; facts and mechanisms are theirs, text and code are ours
SOURCES: Mapping[str, str] = {
    "I": "ITBench (itbench-hub/ITBench, scenarios/sre), Apache-2.0",
    "S": "SREGym (SREGym/SREGym, sregym/conductor/problems), MIT",
    "H": "HolmesGPT (robusta-dev/holmesgpt, evaluations), Apache-2.0",
    "C": "Cloud-OpsBench, its taxonomy only",
    "K": "Kubernetes documentation (debugging) and the checks of k8sgpt, Apache-2.0, by their names",
    "O": "described in public issue trackers",
}
#: points of entity, mechanism and scope, as SREGym gives them, and what a row needs
ENTITY, MECHANISM, SCOPE, PASS = 0.33, 0.33, 0.34, 0.70


@dataclass(frozen=True)
class Wanted:
    """What the last sentence of the run has to say.

    :ivar str entity: pattern of the object that has to be named.
    :ivar tuple mechanism: patterns, each of which has to stand in the sentence.
    :ivar tuple innocent: patterns that the sentence must not have: what has nothing to do with it.
    :ivar bool repaired: a deploy may as well put the fault right; then a client must see no damage any more.
    """

    entity: str
    mechanism: tuple[str, ...]
    innocent: tuple[str, ...] = ()
    repaired: bool = True


@dataclass(frozen=True)
class Foreign(Setting):
    """One foreign fault, or a control (`wanted` None): that must stay green."""

    wanted: Wanted | None = None
    #: done to the healthy release (install: to the empty namespace)
    inject: Callable[[Place], None] | None = None
    bite: Bite = stuck
    ways: tuple[str, ...] = (WAIT,)
    #: before the healthy release is made, and beside the run
    prepare: Callable[[Place], None] | None = None
    #: roles that make the healthy release
    base_roles: str = "secrets deploy"
    #: what the original is called
    name: str = ""
    #: its damage is done in the run, and not before
    late: bool = False
    #: its run only waits: other rows may have its slot from the start of the run on
    idle: bool = False
    _: KW_ONLY
    timeout: int = 60
    suite: str = "out"

    @property
    def source(self) -> str:
        return SOURCES.get(self.id[0], SOURCES["O"])


@dataclass
class Graded:
    """What came of one way of a row."""

    id: str
    title: str
    way: str
    control: bool
    got: str = ""
    entity: float = 0.0
    mechanism: float = 0.0
    scope: float = 0.0
    #: right, vague, time-out, wrong, false success, repaired, green, false alarm, no damage, broken
    outcome: str = ""
    bite: str = ""
    #: seconds from the bite (or from the start of the role, if that is later) until a line named entity and mechanism
    named: float | None = None
    seconds: float = 0.0
    #: seconds of each phase
    spent: dict[str, float] = field(default_factory=dict)
    line: str = ""
    problems: list[str] = field(default_factory=list)
    theirs: list[dict[str, Any]] = field(default_factory=list)

    @property
    def score(self) -> float:
        return round(ENTITY * self.entity + MECHANISM * self.mechanism + SCOPE * self.scope, 2)

    @property
    def passed(self) -> bool:
        return self.outcome in ("right", "repaired", "green")

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "score": self.score, "passed": self.passed}
