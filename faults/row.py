# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a row of the catalogue is, and what is measured of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .place import Place
from .play import Play
from .setting import Setting

#: (watch event type, object) -> is this the moment at which the API first shows the fault?
Signal = Callable[[str, Mapping[str, Any]], bool]
INSTALL, UPGRADE = "install", "upgrade"
ENGINE, PREFLIGHT = "engine", "preflight"
ENGINE_ROLES = "secrets deploy"


@dataclass(frozen=True)
class Row(Setting):
    """One fault.

    :ivar str expect: the code that has to be said; empty: the run has to succeed.
    :ivar float within: seconds from the first signal until the cause is named on the screen.
    :ivar float declared_within: seconds from the signal to FAILED, where it differs (budgets, time-outs); else ``within`` and the safe state's 15 s.
    :ivar Signal signal: None: counted from the start of the role (preflight), or not at all (must pass).
    :ivar str named: pattern of the line that first names the cause; empty: the code.
    :ivar tuple says: patterns that the FAILED line has to have (must pass: the whole screen).
    :ivar str by: who has to say it, the engine or preflight.
    """

    expect: str = ""
    within: float = 2.0
    declared_within: float = 0.0
    signal: Signal | None = None
    named: str = ""
    says: tuple[str, ...] = ()
    by: str = ENGINE
    on: tuple[str, ...] = (INSTALL,)
    #: roles, in their order; ENGINE_ROLES leave preflight out, so that the engine has to find the fault
    roles: str = "gateway"
    #: before the run (after the old version was installed), beside it, and after it (problems as sentences)
    prepare: Callable[[Place], None] | None = None
    beside: Callable[[Place, Play], None] | None = None
    check: Callable[[Place, Play], list[str]] | None = None
    #: instead of one plain run
    script: Callable[[Place], Play] | None = None
    #: nothing may be written at all (preflight, locks)
    untouched: bool = False
    #: seconds after FAILED for which no pod of a Job may turn up
    watch_after: float = 20.0
    #: pods of the old version must serve at the end of a failed upgrade
    old_serve: bool = True

    def variants(self) -> list[Row]:
        """One row for each way it is tried."""
        if len(self.on) == 1:
            return [self]
        return [
            replace(
                self,
                id=self.id if way == INSTALL else f"{self.id}u",
                on=(way,),
                quick=self.quick and way == self.on[0],
                compare=self.compare and way == INSTALL,
            )
            for way in self.on
        ]

    @property
    def upgrade(self) -> bool:
        return self.on == (UPGRADE,)


@dataclass
class Measured:
    """What came of a row; `problems` empty: passed."""

    id: str
    title: str
    way: str
    expect: str
    got: str = ""
    signal: float | None = None
    named: float | None = None
    said: float | None = None
    within: float = 0.0
    false_lines: int = 0
    seconds: float = 0.0
    lines: int = 0
    safe: str = ""
    database: str = ""
    requests: str = ""
    line: str = ""
    problems: list[str] = field(default_factory=list)
    #: what other tools made of it (compare.py)
    theirs: list[dict[str, Any]] = field(default_factory=list)

    @property
    def after_signal(self) -> float | None:
        """Seconds from the first signal until the cause was named."""
        return None if self.signal is None or self.named is None else round(max(0.0, self.named - self.signal), 2)

    @property
    def declared_after(self) -> float | None:
        return None if self.signal is None or self.said is None else round(max(0.0, self.said - self.signal), 2)

    def as_dict(self) -> dict[str, Any]:
        return {**vars(self), "passed": not self.problems, "seconds_to_named": self.after_signal, "seconds_to_failed": self.declared_after}
