# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy of upgrades and rollbacks: its table, and that no automatic rollback goes over a destructive migration."""

from __future__ import annotations

import random

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.gateway import schema
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle import migrations
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.migrations import Kind
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.policy import FRESH, TABLE, Moment, OnFailure, Situation, State, decide
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.going_back import Says

BEFORE, FAILED, SERVED = Moment.BEFORE, Moment.FAILED, Moment.SERVED
FITS, REFUSES = Says.FITS, Says.REFUSES
ROLLBACK, KEEP, LATER = OnFailure.ROLLBACK, OnFailure.KEEP, OnFailure.LATER


@pytest.mark.parametrize(
    ("situation", "state", "start", "automatic", "back"),
    [
        (Situation(BEFORE, old_version=False, pending=tuple(range(17, 46)), empty=True), State.FIRST_INSTALL, True, KEEP, False),
        (Situation(BEFORE, old_version=False, pending=None), State.FIRST_INSTALL, True, KEEP, False),
        (Situation(BEFORE, old_version=False, pending=(28,)), State.DESTRUCTIVE_WITHOUT, False, KEEP, True),
        (Situation(BEFORE, pending=None, named=True), State.DESTRUCTIVE_WITH, True, LATER, True),
        (Situation(BEFORE), State.NOTHING_PENDING, True, ROLLBACK, True),
        (Situation(BEFORE, pending=(44, 45)), State.ADDITIVE_PENDING, True, LATER, True),
        (Situation(BEFORE, pending=(42, 43)), State.DATA_CHANGING_PENDING, True, LATER, True),
        (Situation(BEFORE, pending=(27, 28)), State.DESTRUCTIVE_WITHOUT, False, KEEP, True),
        (Situation(BEFORE, pending=None), State.DESTRUCTIVE_WITHOUT, False, KEEP, True),
        (Situation(BEFORE, pending=(48,)), State.DESTRUCTIVE_WITHOUT, False, KEEP, True),
        (Situation(BEFORE, pending=(23, 28), allowed=frozenset({28})), State.DESTRUCTIVE_WITHOUT, False, KEEP, True),
        (Situation(BEFORE, pending=(23, 28), allowed=frozenset({23, 28})), State.DESTRUCTIVE_WITH, True, LATER, True),
        (Situation(BEFORE, pending=(28,), restore_point=60), State.DESTRUCTIVE_WITH, True, LATER, True),
        (Situation(BEFORE, pending=None, restore_point=60), State.DESTRUCTIVE_WITH, True, LATER, True),
        (Situation(BEFORE, pending=(28,), restore_point=FRESH + 1), State.DESTRUCTIVE_WITHOUT, False, KEEP, True),
        (Situation(BEFORE, pending=None, allowed=frozenset({23, 28})), State.DESTRUCTIVE_WITHOUT, False, KEEP, True),
        (Situation(FAILED, pending=(44,)), State.FAILED_BEFORE_COMMIT, True, ROLLBACK, True),
        (Situation(FAILED, pending=(23,)), State.FAILED_BEFORE_COMMIT, True, ROLLBACK, True),
        (Situation(FAILED, pending=(44, 45), committed=(44,), old_image=FITS), State.FAILED_ADDITIVE, True, ROLLBACK, True),
        (Situation(FAILED, committed=(42,), old_image=FITS), State.FAILED_DATA_CHANGED, True, KEEP, True),
        (Situation(FAILED, committed=(44,), old_image=REFUSES), State.OLD_IMAGE_REFUSES, True, KEEP, False),
        (Situation(FAILED, committed=(44,), old_image=REFUSES, old_pods=False), State.OLD_IMAGE_REFUSES_DOWN, True, KEEP, False),
        (Situation(FAILED, committed=(44,), old_image=Says.MISSES), State.FAILED_UNKNOWN, True, KEEP, False),
        (Situation(FAILED, committed=(28,), old_image=FITS), State.FAILED_DESTROYED, True, KEEP, False),
        (Situation(FAILED, committed=None, old_image=FITS), State.FAILED_UNKNOWN, True, KEEP, False),
        (Situation(FAILED, old_version=False), State.FIRST_INSTALL, True, KEEP, False),
        (Situation(SERVED, old_image=FITS), State.SERVED_SAME_SCHEMA, True, KEEP, True),
        (Situation(SERVED, committed=(44,), old_image=REFUSES), State.OLD_IMAGE_REFUSES, True, KEEP, False),
        (Situation(SERVED, committed=(23,), old_image=FITS), State.SERVED_DESTROYED, True, KEEP, False),
        (Situation(SERVED), State.SERVED_UNKNOWN, True, KEEP, False),
        (Situation(SERVED, committed=None), State.SERVED_UNKNOWN, True, KEEP, False),
    ],
)
def test_each_situation_has_its_row(situation, state, start, automatic, back):
    decision = decide(situation)
    assert (decision.state, decision.may_start, decision.on_failure, decision.may_go_back) == (state, start, automatic, back)


def test_every_state_has_a_row():
    assert set(TABLE) == set(State) and all(row.command and row.until for row in TABLE.values())


def test_no_automatic_rollback_goes_over_a_destructive_migration():
    """2,000 generated failures of upgrades between any two schemas, old and new ones, in which some of what was pending was committed."""
    dice, rolled_back, over = random.Random(20261128), 0, 0
    for _trial in range(2000):
        start, end = sorted(dice.sample(range(17, 52), 2))
        pending = tuple(range(start + 1, end + 1))
        committed = dice.choice([None, (), pending, pending[: dice.randrange(len(pending) + 1)], tuple(sorted(dice.sample(pending, min(2, len(pending)))))])
        now = Situation(
            FAILED,
            old_version=dice.random() > 0.1,
            pending=dice.choice([pending, None]),
            committed=committed,
            old_image=dice.choice(list(Says)),
            restore_point=dice.choice([None, 0.0, 60.0, 10 * FRESH]),
            old_pods=dice.random() > 0.5,
            allowed=frozenset(dice.sample(pending, dice.randrange(len(pending) + 1))),
        )
        if decide(now).on_failure is ROLLBACK:
            rolled_back += 1
            over += committed is None or any(v in (23, 28) or v > 47 for v in committed) or bool(committed and now.old_image is not FITS)
    assert over == 0 and rolled_back > 200, rolled_back


def test_what_is_known_to_destroy_data_and_what_is_not_known_at_all():
    known = range(schema.FIRST, schema.FIRST + len(schema.NAMES))
    assert set(migrations.TABLE) == set(known) and migrations.destructive(known) == (23, 28)
    assert migrations.kind(48) is migrations.kind(16) is Kind.DESTRUCTIVE and "not known" in migrations.reason(48)


def test_migrations_in_words():
    assert migrations.phrase((44, 45)) == "V44–V45 additive" and migrations.phrase(()) == "none"
    assert migrations.phrase((27, 42)) == "V42 data-changing, V27 additive"
    assert migrations.phrase((27, 28)).startswith("V28 destructive (destroys data: ")
    assert migrations.span((17, 18, 20)) == "V17–V18, V20"
