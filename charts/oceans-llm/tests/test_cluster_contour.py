# SPDX-License-Identifier: GPL-3.0-or-later
"""A controller that enforces `timeouts.request` of an HTTPRoute: Contour with Envoy. Not part of `make chart-cluster`, because it builds Contour."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chart_lib import CHART, DATABASE, ROOT, at, merged
from cluster_lib import QUICK, Namespace, eventually
from platform_lib import APP, play, pod
from route_lib import KEY, PROVIDER, STREAM, Door

pytestmark = pytest.mark.contour

GATEWAY = "oceans-llm-gateway"
PARENT = {"name": "contour", "namespace": "oceans-llm-contour"}
#: Contour opens the port of a listener plus 8000 (contour, internal/gatewayapi/listeners.go)
PORT = 8078 + 8000


@pytest.fixture(scope="session")
def contour(kubectl: Any) -> Iterator[str]:
    """Address of the node with the Gateway oceans-llm-contour/contour."""
    script = str(ROOT / "testbed" / "contour.sh")
    subprocess.run([script, "up"], check=True, timeout=1200, capture_output=True)
    [running] = json.loads(kubectl.run("get", "pods", "-n", "oceans-llm-contour", "-l", "app=contour", "-o", "json").stdout)["items"]
    yield running["status"]["hostIP"]
    subprocess.run([script, "down"], check=True, timeout=120, capture_output=True)


def test_a_stream_is_cut_at_the_routes_limit_which_preflight_names_and_passes_under_the_charts_own(ns: Namespace, contour: str, tmp_path: Path) -> None:
    """Three routes to one gateway: the chart's (15 min), one with a limit of 5 s, one without a limit, where Envoy's own of 15 s applies.

    OCEANS_LLM_STREAM_SECONDS=130 for a stream of two minutes."""
    ns.database()
    ns.kubectl.secret(ns.name, "app", {**APP, "CI_KEY": KEY})
    route, short, unset = (f"{ns.name}-{what}.example" for what in ("route", "short", "unset"))

    def other(name: str, host: str, **rule: Any) -> dict[str, Any]:
        rules = [{"backendRefs": [{"name": GATEWAY, "port": 8080}], **rule}]
        spec = {"parentRefs": [PARENT], "hostnames": [host], "rules": rules}
        return {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": name}, "spec": spec}

    ns.kubectl.apply(
        ns.name,
        *pod("provider", ["fake-provider"], 8081, container={"env": [{"name": "STANDIN_PROVIDER_RATE", "value": "5"}]}),
        other("short", short, timeouts={"request": "5s"}),
        other("unset", unset),
    )
    values = merged(
        at("fullnameOverride", "oceans-llm"),
        DATABASE,
        at("secrets.existingSecret.name", "app"),
        at("gateway.config", PROVIDER),
        at("seedConfigJob.enabled", True),
        {"httpRoute": {"enabled": True, "parentRefs": [PARENT], "hostnames": [route]}},
    )
    ns.install(values)
    ns.kubectl.ready(ns.name, GATEWAY)
    ns.kubectl.ready(ns.name, "provider")
    doors = [Door(contour, PORT, host) for host in (route, short, unset)]
    for door in doors:
        eventually(f"{door.host} is served", door.serves)
        answer = door.chat(max_tokens=4)
        assert answer.status == 200 and json.load(answer)["choices"][0]["message"]["content"].startswith("You said"), door.host

    def told(request: Any) -> str:
        limited = merged(QUICK, values, at("httpRoute.timeouts.request", request))
        return play(ns, "preflight", {"oceans_llm_release": "r", "oceans_llm_chart": str(CHART), "oceans_llm_values": limited}, tmp_path).stdout

    # what preflight says of each limit ...
    where = "Gateway oceans-llm-contour/contour"
    assert f"{where} ends a response after timeouts.request 5s, and timeouts.total_ms of provider fake allows 600 s" in told("5s")
    assert "timeouts.request is not set, so the default of GatewayClass contour" in told(None)
    assert "RouteTimeout" not in told("15m")
    # ... is what the controller does
    streams = [threading.Thread(target=door.stream) for door in doors]
    for thread in streams:
        thread.start()
    for thread in streams:
        thread.join()
    whole, *cut = doors
    assert whole.last == "data: [DONE]" and not whole.broken and whole.seconds >= STREAM - 2, (whole.seconds, whole.last, whole.broken)
    for door, limit in zip(cut, (5, 15), strict=True):
        assert door.last != "data: [DONE]" and door.pieces and limit - 1 < door.seconds < limit + 3, (door.host, door.seconds, door.last, door.broken)
