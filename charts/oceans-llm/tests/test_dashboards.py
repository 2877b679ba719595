# SPDX-License-Identifier: GPL-3.0-or-later
"""The dashboard and the alerts: each query names only metrics of dashboards/metrics.yaml, which says who emits them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
import yaml
from chart_lib import CHART, DATABASE, at, named, render
from cluster_lib import Namespace, eventually

SOURCES = yaml.safe_load((CHART / "dashboards" / "metrics.yaml").read_text())
KNOWN = {name for paths in SOURCES.values() for names in paths.values() for name in names}
WORDS = {"by", "without", "on", "ignoring", "group_left", "group_right", "and", "or", "unless", "bool", "offset"}


def metrics(query: str) -> set[str]:
    """The metric names of a PromQL expression: identifiers that are no function, keyword or label."""
    bare = re.sub(r"\b(by|without|on|ignoring)\s*\([^)]*\)", " ", re.sub(r"\[[^]]*\]", " ", re.sub(r"\{[^}]*\}", " ", query)))
    return {name for name in re.findall(r"\b[a-zA-Z_:][a-zA-Z0-9_:]*\b(?!\s*\()", bare) if name not in WORDS}


def panels() -> Iterator[str]:
    for panel in json.loads((CHART / "dashboards" / "oceans-llm.json").read_text())["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))


def alerts() -> Iterator[str]:
    rules = named(render(CHART / "examples" / "observability-prometheus-values.yaml"), "PrometheusRule")
    yield from (rule["expr"] for group in rules["spec"]["groups"] for rule in group["rules"])


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ('sum by (pod) (rate(a_total{namespace="x"}[5m])) / max(b) > 0', {"a_total", "b"}),
        ('count by (__name__) ({job="j"})', set()),
        ("absent(target_info{a='b'}) or sum without (x) (c:d)", {"target_info", "c:d"}),
    ],
)
def test_names_are_found(query: str, names: set[str]) -> None:
    assert metrics(query) == names


def test_every_name_has_a_source_and_every_source_is_used() -> None:
    used = {name for query in (*panels(), *alerts()) for name in metrics(query)}
    assert used == KNOWN
    assert all(query.count("(") == query.count(")") and query.count("{") == query.count("}") for query in (*panels(), *alerts()))


def test_alerts_are_about_the_namespace_of_the_release() -> None:
    assert all('namespace="ns"' in query for query in alerts() if "container=" in query)


def test_panels_lie_side_by_side() -> None:
    places = [panel["gridPos"] for panel in json.loads((CHART / "dashboards" / "oceans-llm.json").read_text())["panels"]]
    taken = [(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])]
    assert len(taken) == len(set(taken)) and max(x for x, _y in taken) == 23


@pytest.mark.cluster
def test_the_kubelet_emits_what_the_queries_ask_for(ns: Namespace) -> None:
    """On a node: each metric, with the labels that the queries use, for the pods of a release."""
    ns.database()
    ns.install(at("scheduling.resources", {"limits": {"cpu": "1", "memory": "256Mi"}, "requests": {"cpu": "10m", "memory": "64Mi"}}) | DATABASE)
    ns.kubectl.ready(ns.name, "r-oceans-llm-gateway")
    [pod] = ns.kubectl.pods(ns.name, "gateway")

    def missing() -> list[str]:
        found = []
        for path, names in SOURCES["kubelet"].items():
            text = ns.kubectl.run("get", "--raw", f"/api/v1/nodes/{pod['spec']['nodeName']}/proxy/{path}").stdout
            for name in names:
                label = "" if "network" in name else 'container="gateway"'
                series = [line for line in text.splitlines() if line.startswith(f"{name}{{") and f'namespace="{ns.name}"' in line and label in line]
                found += [] if series else [f"{path} {name}"]
        return found

    eventually("every metric is there", lambda: not missing(), timeout=60)
