# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The screen of the status: each fact in its line, no value of a Secret."""

from __future__ import annotations

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.helm.releases import Release
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.status_lines import Gateway, Status, database, facts, lines

NOW = 1_800_000_000.0
STAMP = "2027-01-15T07:00:00Z"  # an hour before NOW
LABELS = {"c": "gateway"}
DEPLOYMENT = {"metadata": {"name": "gw"}, "spec": {"replicas": 2, "selector": {"matchLabels": LABELS}}, "status": {"readyReplicas": 1}}
POD = {"metadata": {"labels": LABELS}, "spec": {"containers": [{"image": "r/g:v1"}]}, "status": {"containerStatuses": [{"restartCount": 3}]}}
SECRET = {"metadata": {"managedFields": [{"manager": "kubectl", "time": STAMP, "fieldsV1": {"f:data": {}}}]}, "data": {"A": "Y2FuYXJ5", "B": "eA=="}}


def full() -> Status:
    revisions = (
        Release("r", "ns", 2, "deployed", chart="oceans-llm-0.24.0", deployed_at=STAMP),
        Release("r", "ns", 1, "superseded", chart="oceans-llm-0.23.0", deployed_at=STAMP),
    )
    return Status(
        NOW,
        revisions,
        Gateway("0.24.0", "ready", "served"),
        (DEPLOYMENT,),
        (POD, {"metadata": {"labels": {"c": "other"}}}),
        "at V45",
        {"s": SECRET, "gone": None},
        {"admin": "a@b", "proved-at": STAMP},
        "held by ann",
    )


def test_the_whole_screen():
    assert list(lines(full())) == [
        "release    ns/r: chart oceans-llm-0.24.0, revision 2 deployed, 1 h ago",
        "revisions  2 deployed (0.24.0, 1 h ago), 1 superseded (0.23.0, 1 h ago)",
        "served     version 0.24.0, ready",
        "pods       gw: 1 of 2 ready, g:v1, 3 restarts",
        "database   at V45",
        "secret     s: 2 keys, written 1 h ago by kubectl",
        "secret     gone: does not exist",
        f"admin      a@b, login last verified: {STAMP}",
        "locked by  held by ann",
    ]


def test_no_release_is_one_line():
    assert list(lines(Status(NOW))) == ["release    not installed"] and facts(Status(NOW))["installed"] is False


def test_facts_hold_names_of_keys_only():
    told = facts(full())
    assert told["secrets"] == {"s": ["A", "B"], "gone": []} and "Y2FuYXJ5" not in str(told) + repr(full())


@pytest.mark.parametrize(
    ("printed", "phrase"),
    [
        ("backend: postgres\nv17 baseline [applied]\nv18 more [applied]\n", "at V18 more, nothing pending"),
        ("backend: postgres\nv17 baseline [applied]\nv18 more [pending]\nv19 last [pending]\n", "at V17 baseline, 2 pending (V18–V19)"),
        ("backend: postgres\nv17 baseline [pending]\n", "empty, 1 pending (V17–V17)"),
        ("Error: database reset required\n", "Error: database reset required"),
        ("", "no answer from the gateway"),
    ],
)
def test_what_the_gateway_says_of_its_database(printed, phrase):
    assert database(printed) == phrase
