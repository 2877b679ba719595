# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Points for sentences: no cluster."""

from __future__ import annotations

import json

import pytest

from faults.outside import ROWS, grade
from faults.outside.foreign import INSTALL, UPGRADE, WAIT, Graded, Wanted

WANTED = Wanted(r"Service/oc-gateway", (r"selector", r"nothing"), (r"AdminUi",))
RIGHT = "FAILED NoEndpoints Service/oc-gateway: the selector component=nothing matches no pod — database at V45"
HINT = "compare the selector with the labels"


def graded(sentence, code=2, bitten=True, damaged="no answer", way=WAIT, hints=(), version=45):
    result = Graded("I29", "", way, control=False)
    grade.fault(result, WANTED, sentence, hints, code, bitten, damaged, version)
    return result


@pytest.mark.parametrize(
    ("sentence", "outcome"),
    [
        (RIGHT, "right"),
        (f"FAILED NoEndpoints Service/oc-gateway: no pod stands behind the Service — nothing — {HINT}", "vague"),
        ("FAILED AdminUiDown Service/oc-admin-ui: no answer", "wrong"),
        ("FAILED Timeout Release/oc: not done after 60 s; waiting for: 1 old pod", "time-out"),
        ("FAILED NodeNotReady Node/one: not ready — Service/oc-gateway, selector, nothing", "wrong"),
        ("FAILED PodNotReady Pod/oc-admin-ui-1: Service/oc-gateway has the selector component=nothing", "right"),
        (RIGHT + " AdminUi", "wrong"),
        (RIGHT.replace("V45", "V44"), "wrong"),
    ],
)
def test_a_sentence_gets_its_points(sentence, outcome):
    result = graded(sentence, hints=[HINT])
    assert result.outcome == outcome, result
    assert result.passed == (outcome == "right")


def test_success_counts_by_what_a_client_sees():
    assert graded("served", code=0).outcome == "false success"
    assert graded("served", code=0, damaged="", way=UPGRADE).outcome == "repaired"
    assert graded("served", code=0, damaged="").outcome == "no damage"
    assert graded(RIGHT, bitten=False).outcome == "no damage"


def test_hints_are_found_in_the_result_that_ansible_prints():
    result = {"cause": {"hint": "push the image"}, "findings": [{"hint": "add  a key"}]}
    assert grade.hints([f"fatal: [faults]: FAILED! => {json.dumps(result)}", "fatal: no json"]) == ["push the image", "add a key"]


@pytest.mark.parametrize(
    "line",
    [
        "[faults] 100.5s cluster state unknown: the watch of …/events was interrupted: Read timed out",
        "[faults]   3.0s Pod/oc-gateway-1: exit code 1 after 3 s",
        "[faults]   3.0s ImageNotFound Pod/oc-gateway-1 container gateway: no image",
        "[faults] ERROR QuotaExceeded ResourceQuota/tight: no room",
    ],
)
def test_a_control_may_not_doubt_or_blame(line):
    result = Graded("quiet", "", WAIT, control=True)
    grade.control(result, [line, "[faults] served: n/oc version 0.24.0"], 0, "")
    assert result.outcome == "false alarm"


def test_a_control_may_say_what_it_waits_for():
    result = Graded("quiet", "", WAIT, control=True)
    lines = [
        "[faults]   0.4s Deployment/oc-gateway: 1 of 1 new pods made, 1 available, 1 old",
        "[faults]   5.0s … Deployment/oc-gateway: 0 of 1 new pods ready",
    ]
    grade.control(result, [*lines, "[faults] served: n/oc version 0.24.0 after 9 s"], 0, "")
    assert result.outcome == "green", result.problems


def test_every_row_is_complete():
    assert len({row.id for row in ROWS}) == len(ROWS) >= 75
    for row in ROWS:
        assert row.ways[0] in (WAIT, UPGRADE, INSTALL) and (row.wanted is None or row.wanted.mechanism), row.id
