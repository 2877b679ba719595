# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One way of one foreign fault: a healthy release, the fault, the run, somebody foreign who looks, and the points."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from ..judge import placed
from ..order import Slots
from ..place import Place
from ..play import HOST, Play
from . import eye, grade, healthy, webhooks
from .bites import stuck
from .foreign import INSTALL, UPGRADE, WAIT, Foreign, Graded, Wanted
from .theirs import theirs

ROLES = {WAIT: "wait", UPGRADE: "preflight secrets deploy", INSTALL: "preflight secrets deploy"}
#: seconds that a fault has to do damage in, after the run has ended without having waited for it
TO_BITE = 25.0


def measure(row: Foreign, token: str, keep: bool, slots: Slots) -> Graded:
    """Never raises: what breaks in the suite is the row's problem."""
    way = row.ways[0]
    result = Graded(row.id, row.title, way, row.wanted is None)
    try:
        with ExitStack() as turn, placed(Place(row, token, keep)) as place:
            turn.enter_context(slots)
            _healthy(row, place, result)
            if row.alone:  # its release is there before its turn comes
                turn.close()
                turn.enter_context(slots.alone())
            _measure(row, place, result, turn)
            if not row.alone:
                turn.close()
    except Exception as error:  # noqa: BLE001 - a suite that dies in the middle says nothing about the other rows
        result.outcome = "broken"
        result.problems.append(f"the test suite failed: {type(error).__name__}: {error}")
    result.seconds = round(sum(result.spent.values()), 1)
    return result


@contextmanager
def spent(result: Graded, phase: str) -> Iterator[None]:
    """Adds the seconds of one phase of a row."""
    begun = time.monotonic()
    try:
        yield
    finally:
        result.spent[phase] = round(result.spent.get(phase, 0.0) + time.monotonic() - begun, 1)


def _healthy(row: Foreign, place: Place, result: Graded) -> None:
    with spent(result, "prepare"):
        if row.prepare:
            row.prepare(place)
    if result.way != INSTALL:
        with spent(result, "healthy release"):
            healthy.make(row, place, result.way)


def _measure(row: Foreign, place: Place, result: Graded, turn: ExitStack) -> None:
    """`turn`: given up as soon as the row has only to wait for the end of its run."""
    with spent(result, "fault"):
        if row.inject:
            row.inject(place)
    with spent(result, "bite"):
        before = _bitten_first(row, place) if row.wanted and result.way != INSTALL else None
    with spent(result, "run"):
        play = Play(place, place.variables(), ROLES[result.way])
        look = Look(row, place, play, before)
        if not row.alone and (row.idle or (row.wanted and play.until(_named_by(row.wanted), row.timeout))):
            turn.close()
        code = play.wait(row.timeout + 120)
    with spent(result, "bite"):
        at, damage = look.end(wait=row.wanted is not None)
    result.bite = damage
    with spent(result, "points"):
        _points(row, place, result, play, code, at)
    if row.compare and result.way == WAIT and row.wanted:
        with spent(result, "other tools"):
            result.theirs = theirs(row, place, row.wanted)


def _points(row: Foreign, place: Place, result: Graded, play: Play, code: int, at: float | None) -> None:
    lines = [text for _at, text in play.lines]
    if row.wanted is None:
        grade.control(result, lines, code, _still(row, place))
        return
    failure, refusals = play.failure, play.refusals
    told = [text for text in lines if text.startswith(f"[{HOST}]")]
    sentence = failure[2] if failure else " ".join(text for _at, _code, text in refusals) or (told or [play.screen[-300:]])[-1]
    damaged = row.bite(place) if code else _still(row, place)
    # with success and no damage at the end the fault was put right; with a failure it must be there still, else the failure was none
    bitten = at is not None and (code == 0 or bool(damaged))
    hints = grade.hints(lines)
    grade.fault(result, row.wanted, sentence, hints, code, bitten, damaged, place.version())
    said = play.first(_named_by(row.wanted, hints))
    if said is not None and at is not None:
        start = max(at, play.role_started(ROLES[result.way].split()[0]) or play.started)
        result.named = round(max(0.0, said - start), 1)


def _named_by(wanted: Wanted, hints: Sequence[str] = ()) -> Callable[[str], bool]:
    return lambda text: grade.names(wanted, grade.asserted(text, hints))


def _bitten_first(row: Foreign, place: Place) -> tuple[float, str] | None:
    """(when, what) of damage to those who call the gateway: awaited, for a deploy may put it right at once.

    A rollout that is stuck shows in the run's own time.
    """
    if row.bite is stuck or row.late:
        return None
    end = time.monotonic() + TO_BITE
    while time.monotonic() < end:
        damage = row.bite(place)
        if damage:
            return time.monotonic(), damage
        time.sleep(0.3)
    return None


def _still(row: Foreign, place: Place) -> str:
    """What is damaged after a run that says all is well: looked at twice, five seconds apart, since a pod that ends may answer once more."""
    first = row.bite(place)
    if not first:
        return ""
    time.sleep(5)
    return row.bite(place)


@dataclass
class Look:
    """Looks from the injection on until damage is seen."""

    row: Foreign
    place: Place
    play: Play
    before: tuple[float, str] | None = None

    def __post_init__(self) -> None:
        self._at, self._damage = self.before or (None, "")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._go, daemon=True)
        self._thread.start()

    def _go(self) -> None:
        if self.row.wanted is None:
            return
        while not self._at and not self._over.wait(0.5):
            try:
                damage = self.row.bite(self.place)
            except Exception:  # noqa: BLE001 - an API server that is busy is looked at again
                continue
            if damage:
                self._at, self._damage = time.monotonic(), damage

    def end(self, wait: bool) -> tuple[float | None, str]:
        """(when damage was first seen, what it was)."""
        if wait:
            self._thread.join(TO_BITE)
        self._over.set()
        self._thread.join(60)
        return self._at, self._damage


def take_down() -> None:
    """What the rows shared: the clients and the webhook server."""
    eye.down()
    webhooks.down()
