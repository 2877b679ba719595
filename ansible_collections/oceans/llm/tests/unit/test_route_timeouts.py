# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Preflight of a route's time limit: too short, not set, ignored by the controller, or dropped by the API server."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.preflight import rules
from ansible_collections.oceans.llm.plugins.plugin_utils.preflight.checks import route_timeouts
from ansible_collections.oceans.llm.plugins.plugin_utils.preflight.facts import DryRun, Picture, Wanted

from .test_preflight import configuration

ENVOY, TRAEFIK = "gateway.envoyproxy.io/gatewayclass-controller", "traefik.io/gateway-controller"
HEEDS = [{"name": "HTTPRouteMethodMatching"}, {"name": "HTTPRouteRequestTimeout"}]
IGNORES = [{"name": "HTTPRouteMethodMatching"}]
SLOW = {"providers": [{"id": "quick", "timeouts": {"total_ms": 1000}}, {"id": "slow", "timeouts": {"total_ms": 600000}}, {"id": "unset"}]}


def route(request: str) -> dict[str, Any]:
    rule = {"timeouts": {"request": request}} if request else {}
    spec = {"parentRefs": [{"name": "gate", "namespace": "edge"}], "rules": [rule]}
    return {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "r"}, "spec": spec}


def picture(request: str, controller: str = ENVOY, features: Any = None, config: Any = None, **more: Any) -> Picture:
    classes = {"public": {"spec": {"controllerName": controller}, "status": {"supportedFeatures": features}}}
    gateways = {"edge/gate": {"spec": {"gatewayClassName": "public"}}}
    objects = (route(request), configuration(SLOW if config is None else config))
    return Picture(Wanted("rel", "ns"), objects=objects, gateways=gateways, gateway_classes=classes, **more)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (picture("60s", features=HEEDS), "edge/gate ends a response after timeouts.request 60s, and timeouts.total_ms of provider slow allows 600 s"),
        (picture("60s"), "timeouts.total_ms of provider slow allows 600 s"),  # a class that lists no features may heed them
        (picture("1m30s", config={"providers": [{"id": "unset"}]}), "provider unset allows 120 s"),
        (picture("15m", features=IGNORES), f"GatewayClass public (controller {ENVOY}) does not list the feature HTTPRouteRequestTimeout"),
        (picture("15m", features=["HTTPRouteMethodMatching"]), "so timeouts.request 15m has no effect"),  # as texts, before v1.3
        (picture("", features=HEEDS), "timeouts.request is not set, so the default of GatewayClass public"),
    ],
)
def test_a_response_that_the_gateway_would_end(given, words):
    (finding,) = route_timeouts.find(given)
    assert (finding.code, finding.object, finding.severity) == ("RouteTimeout", "HTTPRoute/r", "warning") and words in finding.sentence
    assert route_timeouts.find in rules.RULES and route_timeouts.notes(given) == []


@pytest.mark.parametrize(
    "given",
    [
        picture("15m", features=HEEDS),
        picture("10m", features=HEEDS),
        picture("0s", features=HEEDS),  # no limit
        picture("1s", features=HEEDS, config={}),  # nothing says how long a response takes
        picture("", TRAEFIK, IGNORES),
        Picture(Wanted("rel", "ns"), objects=(route("1s"), configuration(SLOW))),  # neither Gateway nor class may be read
    ],
)
def test_nothing_is_said_of_what_cuts_nothing(given):
    assert list(route_timeouts.find(given)) == [] and route_timeouts.notes(given) == []


def test_a_controller_without_limits_is_a_note():
    given = picture("5s", TRAEFIK, IGNORES)
    [note] = route_timeouts.notes(given)
    assert list(route_timeouts.find(given)) == [] and "timeouts.request 5s has no effect; this controller has no time limit of its own" in note


def test_a_field_that_the_api_server_drops():
    kept, lost = DryRun("HTTPRoute/r", made=route("15m")), DryRun("HTTPRoute/r", made=route(""))
    assert list(route_timeouts.find(picture("15m", features=HEEDS, dry_runs=(kept,)))) == []
    [finding] = route_timeouts.find(picture("15m", features=HEEDS, dry_runs=(lost,)))
    assert "the API server drops timeouts.request 15m" in finding.sentence and "v1.2 or newer" in finding.hint


@pytest.mark.parametrize(("duration", "number"), [("15m", 900), ("1h30m", 5400), ("500ms", 0.5), ("2m30s", 150), ("0s", 0), ("", 0), ("soon", 0)])
def test_durations(duration, number):
    assert route_timeouts.seconds(duration) == number
