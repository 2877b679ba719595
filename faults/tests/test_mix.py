# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Streams made worse: nothing of the release is lost, each watch keeps its order, a neighbour stays a neighbour."""

from __future__ import annotations

import random

import pytest

from faults.noise import mix

POD = {"kind": "Pod", "metadata": {"name": "a", "uid": "1", "creationTimestamp": "2026-01-01T00:00:00Z", "labels": {"app.kubernetes.io/instance": "oc"}}}
CHANGES = [(100.0 + i, kind, "MODIFIED", {"n": i}) for i in range(60) for kind in ("Pod", "Deployment", "Event", "LOG")]


@pytest.mark.parametrize("way", ["reordered", "delayed", "cut"])
def test_each_watch_tells_all_and_keeps_its_order(way):
    for seed in range(20):
        found = mix.WAYS[way](CHANGES, random.Random(seed))
        assert [at for at, *_rest in found] == sorted(at for at, *_rest in found)
        for kind in ("Pod", "Deployment", "LOG"):
            assert [o["n"] for _at, k, t, o in found if k == kind and t == "MODIFIED"] == list(range(60)), (way, seed, kind)


def test_what_is_duplicated_is_the_same_object():
    found = mix.duplicated(CHANGES, random.Random(1))
    assert len([1 for _at, k, _t, _o in found if k == "Pod"]) > 60
    assert {o["n"] for _at, k, _t, o in found if k == "Pod"} == set(range(60))


def test_a_neighbour_has_other_names_at_another_time():
    owned = {**POD, "metadata": {**POD["metadata"], "ownerReferences": [{"kind": "Job", "name": "b", "uid": "2"}]}}
    found = mix.renamed(owned, 60)
    assert found["metadata"]["name"] == "next-door-a" and found["metadata"]["uid"] == "next-1"
    assert found["metadata"]["ownerReferences"] == [{"kind": "Job", "name": "next-door-b", "uid": "next-2"}]
    assert found["metadata"]["labels"]["app.kubernetes.io/instance"] == "next-door-oc"
    assert found["metadata"]["creationTimestamp"] == "2026-01-01T00:01:00Z"
    assert owned["metadata"]["name"] == "a"
