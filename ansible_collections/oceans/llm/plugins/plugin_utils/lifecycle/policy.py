# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be done with a release when its database migrates: one table, and the function that finds the row. Pure.

A gateway refuses a database that is newer than itself, so that an old version can only come back as long as no new migration was
committed, or where the old image was asked and accepts the schema. docs/lifecycle.md is made from this file.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from .. import playbooks
from ..rollout.going_back import Says
from . import migrations
from .migrations import Kind

#: seconds: an older restore point protects nothing, too much was written since
FRESH = 24 * 3600.0


class Moment(Enum):
    BEFORE = "before the upgrade"
    FAILED = "after a failed upgrade"
    SERVED = "the new version serves"


class State(Enum):
    """Rows of the table."""

    FIRST_INSTALL = "first install, or an empty database"
    NOTHING_PENDING = "no migration pending"
    ADDITIVE_PENDING = "additive migrations pending"
    DATA_CHANGING_PENDING = "data-changing migrations pending"
    DESTRUCTIVE_WITHOUT = "destructive migrations pending, no restore point"
    DESTRUCTIVE_WITH = "destructive migrations pending, with a restore point or named by the user"
    FAILED_BEFORE_COMMIT = "failed before a migration was committed"
    FAILED_ADDITIVE = "failed after additive migrations, the old image accepts the schema"
    FAILED_DATA_CHANGED = "failed after data-changing migrations, the old image accepts the schema"
    FAILED_DESTROYED = "failed after a destructive migration"
    FAILED_UNKNOWN = "failed; it is not known whether the old image accepts the schema"
    SERVED_SAME_SCHEMA = "new version serves, the old image accepts the schema"
    SERVED_DESTROYED = "new version serves, after a destructive migration"
    SERVED_UNKNOWN = "new version serves; it is not known whether the old image accepts the schema"
    OLD_IMAGE_REFUSES = "the old image refuses the schema, old pods still serve"
    OLD_IMAGE_REFUSES_DOWN = "the old image refuses the schema, no old pod serves"


class OnFailure(Enum):
    ROLLBACK = "rollback"
    KEEP = "keep"
    LATER = "as in the row for the failed upgrade"


@dataclass(frozen=True)
class Situation:
    """
    :ivar bool old_version: there is a version to go back to.
    :ivar tuple pending: migrations that the new version would apply; None: not known, which counts as destructive.
    :ivar tuple committed: migrations since the old version; None: not known.
    :ivar Says old_image: what the old image says of the schema as it is now.
    :ivar float restore_point: age in seconds; None: there is none for the schema of before.
    :ivar bool old_pods: pods of the old version still serve.
    :ivar bool empty: the database holds no migration: there is nothing to lose.
    :ivar frozenset allowed: destructive migrations that the user has named. `named`: the new version itself was named.
    """

    moment: Moment
    old_version: bool = True
    pending: tuple[int, ...] | None = ()
    committed: tuple[int, ...] | None = ()
    old_image: Says = Says.UNKNOWN
    restore_point: float | None = None
    old_pods: bool = True
    empty: bool = False
    allowed: frozenset[int] = frozenset()
    named: bool = False

    @property
    def protected(self) -> bool:
        """Destructive migrations may start: there is a fresh restore point, or the user has named each of them."""
        if self.named or (self.restore_point is not None and self.restore_point <= FRESH):
            return True
        return self.pending is not None and set(migrations.destructive(self.pending)) <= self.allowed


@dataclass(frozen=True)
class Decision:
    """One row. `command` may hold {target}, what `oceans_llm_rollback_to` is to be, {versions}, and {point}, the name of a restore point.

    :ivar OnFailure on_failure: what `oceans_llm_on_failure: rollback` does when an upgrade fails in this state.
    :ivar bool may_go_back: by a command of the user's.
    """

    state: State
    may_start: bool
    on_failure: OnFailure
    may_go_back: bool
    command: str
    until: str


BACK = playbooks.WORD + " oceans.llm.rollback -e oceans_llm_rollback_to={target}"
RESTORE = playbooks.WORD + " oceans.llm.restore -e oceans_llm_restore_name={point}"
FORWARD = playbooks.WORD + " oceans.llm.upgrade"
ALLOW = FORWARD + " -e oceans_llm_allow_destructive={versions}"
_ROLLBACK, _KEEP, _LATER = OnFailure.ROLLBACK, OnFailure.KEEP, OnFailure.LATER
_UNREADABLE = "the new version has written rows that the old version cannot read"
_COMMIT = "the first migration is committed; later only if the old image accepts the schema"
_RESTORED = "a restore loses the rows that were written after the restore point"
_ASKED = "the command checks the database and the old image again"

TABLE: dict[State, Decision] = {
    row.state: row
    for row in (
        Decision(State.FIRST_INSTALL, True, _KEEP, False, FORWARD, "there is no older version"),
        Decision(State.NOTHING_PENDING, True, _ROLLBACK, True, BACK, "a later version migrates the database"),
        Decision(State.ADDITIVE_PENDING, True, _LATER, True, BACK, _COMMIT),
        Decision(State.DATA_CHANGING_PENDING, True, _LATER, True, BACK, _COMMIT),
        Decision(State.DESTRUCTIVE_WITHOUT, False, _KEEP, True, ALLOW, "nothing was changed"),
        Decision(State.DESTRUCTIVE_WITH, True, _LATER, True, BACK, "the first migration is committed; later only by a restore"),
        Decision(State.FAILED_BEFORE_COMMIT, True, _ROLLBACK, True, BACK, "a migration is committed"),
        Decision(State.FAILED_ADDITIVE, True, _ROLLBACK, True, BACK, _UNREADABLE),
        Decision(State.FAILED_DATA_CHANGED, True, _KEEP, True, BACK, _UNREADABLE),
        Decision(State.FAILED_DESTROYED, True, _KEEP, False, RESTORE, _RESTORED),
        Decision(State.FAILED_UNKNOWN, True, _KEEP, False, BACK, _ASKED),
        Decision(State.SERVED_SAME_SCHEMA, True, _KEEP, True, BACK, _UNREADABLE),
        Decision(State.SERVED_DESTROYED, True, _KEEP, False, RESTORE, _RESTORED),
        Decision(State.SERVED_UNKNOWN, True, _KEEP, False, BACK, _ASKED),
        Decision(State.OLD_IMAGE_REFUSES, True, _KEEP, False, FORWARD, "the old pods serve until they restart; upgrade again, or restore"),
        Decision(State.OLD_IMAGE_REFUSES_DOWN, True, _KEEP, False, FORWARD, "no pod serves; upgrade again, or restore"),
    )
}


def decide(situation: Situation) -> Decision:
    """The row for a situation."""
    return TABLE[state_of(situation)]


def state_of(now: Situation) -> State:
    if now.moment is Moment.BEFORE:
        return _before(now)
    if not now.old_version:
        return State.FIRST_INSTALL
    failed = now.moment is Moment.FAILED
    if now.committed is None:
        return State.FAILED_UNKNOWN if failed else State.SERVED_UNKNOWN
    if failed and not now.committed:
        return State.FAILED_BEFORE_COMMIT
    worst = migrations.worst(now.committed)
    if worst is Kind.DESTRUCTIVE:
        return State.FAILED_DESTROYED if failed else State.SERVED_DESTROYED
    if now.old_image is Says.REFUSES:
        return State.OLD_IMAGE_REFUSES if now.old_pods else State.OLD_IMAGE_REFUSES_DOWN
    if now.old_image is not Says.FITS:
        return State.FAILED_UNKNOWN if failed else State.SERVED_UNKNOWN
    if not failed:
        return State.SERVED_SAME_SCHEMA
    return State.FAILED_DATA_CHANGED if worst is Kind.DATA_CHANGING else State.FAILED_ADDITIVE


def _before(now: Situation) -> State:
    if now.empty or (not now.old_version and now.pending is None):  # an operator may still have to create the database
        return State.FIRST_INSTALL
    worst = Kind.DESTRUCTIVE if now.pending is None else migrations.worst(now.pending)
    if worst is Kind.DESTRUCTIVE:
        return State.DESTRUCTIVE_WITH if now.protected else State.DESTRUCTIVE_WITHOUT
    return {None: State.NOTHING_PENDING, Kind.ADDITIVE: State.ADDITIVE_PENDING, Kind.DATA_CHANGING: State.DATA_CHANGING_PENDING}[worst]
