# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the drain of a node does, from pictures of clusters."""

from __future__ import annotations

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle import drain
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.drain import Picture


def node(name: str, cpu: str = "2", labels: dict | None = None, ready: str = "True", **spec) -> dict:
    status = {"allocatable": {"cpu": cpu, "memory": "4Gi", "pods": "110"}, "conditions": [{"type": "Ready", "status": ready}]}
    return {"metadata": {"name": name, "labels": labels or {}}, "spec": spec, "status": status}


def pod(name: str, on: str, cpu: str = "500m", ready: bool = True, **spec) -> dict:
    containers = [{"name": "gateway", "resources": {"requests": {"cpu": cpu, "memory": "512Mi"}}}]
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": str(ready)}]}
    return {"metadata": {"name": name, "labels": {"app": "gw"}}, "spec": {"nodeName": on, "containers": containers, **spec}, "status": status}


def budget(allowed: int, healthy: int = 2, desired: int = 1) -> dict:
    status = {"disruptionsAllowed": allowed, "currentHealthy": healthy, "desiredHealthy": desired}
    return {"metadata": {"name": "pdb"}, "spec": {"selector": {"matchLabels": {"app": "gw"}}}, "status": status}


def found(nodes: list[dict], pods: list[dict], budgets: list[dict], others: tuple[dict, ...] = ()) -> dict[str, str]:
    findings = list(drain.simulate(Picture(nodes, [*pods, *others], budgets, pods)))
    assert all(f.severity in ("error", "warning", "info", "ok") and f" {f.code} " in f.line() and f.hint for f in findings)
    return {f.node: f.code for f in findings}


TWO = [node("a"), node("b")]
SPREAD = [pod("p1", "a"), pod("p2", "b")]


def test_two_spread_pods_with_a_budget_are_safe():
    assert found(TWO, SPREAD, [budget(1)]) == {"a": "DrainSafe", "b": "DrainSafe"}


def test_the_sentence_says_how_many_serve_meanwhile():
    lines = [f.line() for f in drain.simulate(Picture(TWO, SPREAD, [budget(1)], SPREAD))]
    assert "Node/a: 1 gateway pod can be evicted, 1 of 2 gateway pods serve during the drain" in lines[0]


@pytest.mark.parametrize(
    ("nodes", "pods", "budgets", "code"),
    [
        (TWO, [pod("p1", "a")], [budget(0, healthy=1)], "DrainBlocked"),
        (TWO, [pod("p1", "a"), pod("p2", "b", ready=False)], [budget(0, healthy=1)], "DrainBlocked"),
        (TWO, [pod("p1", "a")], [], "DrainOutage"),
        (TWO, [pod("p1", "a"), pod("p2", "a")], [], "DrainOutage"),
        (TWO, [pod("p1", "a"), pod("p2", "a")], [budget(1)], "NotSpread"),
        ([node("a")], [pod("p1", "a"), pod("p2", "a")], [budget(1)], "DrainNoRoom"),
        ([node("a"), node("b", cpu="100m")], SPREAD, [budget(1)], "DrainNoRoom"),
        ([node("a"), node("b", unschedulable=True)], SPREAD, [budget(1)], "DrainNoRoom"),
        ([node("a"), node("b", ready="Unknown")], SPREAD, [budget(1)], "DrainNoRoom"),
        ([node("a"), node("b", taints=[{"key": "gpu", "effect": "NoSchedule"}])], SPREAD, [budget(1)], "DrainNoRoom"),
        ([node("a"), node("b", taints=[{"key": "gpu", "effect": "PreferNoSchedule"}])], SPREAD, [budget(1)], "DrainSafe"),
    ],
)
def test_a_drain_that_harms_has_its_code(nodes, pods, budgets, code):
    assert found(nodes, pods, budgets)["a"] == code


def test_pods_of_other_namespaces_take_room_and_finished_ones_do_not():
    busy = pod("other", "b", cpu="1500m")
    assert found(TWO, SPREAD, [budget(1)], (busy,))["a"] == "DrainNoRoom"
    assert found(TWO, SPREAD, [budget(1)], ({**busy, "status": {"phase": "Succeeded"}},))["a"] == "DrainSafe"


def test_the_room_of_a_pod_that_moved_is_taken():
    pods = [pod("p1", "a", cpu="1"), pod("p2", "a", cpu="1"), pod("p3", "b", cpu="100m")]
    assert found([node("a"), node("b", cpu="1500m")], pods, [budget(1)])["a"] == "DrainNoRoom"
    assert found([node("a"), node("b", cpu="1500m"), node("c", cpu="1")], pods, [budget(1)])["a"] == "DrainSafe"


def test_selectors_and_tolerations_count():
    picky = [pod("p1", "a", nodeSelector={"disk": "ssd"}), pod("p2", "b")]
    assert found(TWO, picky, [budget(1)])["a"] == "DrainNoRoom"
    assert found([node("a"), node("b", labels={"disk": "ssd"})], picky, [budget(1)])["a"] == "DrainSafe"
    tolerant = [pod("p1", "a", tolerations=[{"key": "gpu", "operator": "Exists"}]), pod("p2", "b")]
    assert found([node("a"), node("b", taints=[{"key": "gpu", "effect": "NoSchedule"}])], tolerant, [budget(1)])["a"] == "DrainSafe"


def test_a_budget_of_other_pods_is_none():
    other = {**budget(0), "spec": {"selector": {"matchLabels": {"app": "else"}}}}
    assert found(TWO, SPREAD, [other])["a"] == "DrainSafe"
