# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a route of the Gateway API lets a response take, and whether its controller heeds that. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...gateway import configuration
from ..facts import Object, Picture, label, parents_of
from ..finding import WARNING, Finding

#: name of the feature in a GatewayClass's status.supportedFeatures (Gateway API, GEP-2162); a controller without it ignores `timeouts.request`
FEATURE = "HTTPRouteRequestTimeout"
#: controllers that ignore it and have no time limit of their own for a response (Traefik 3.7, seen with a stream of two minutes)
UNLIMITED = ("traefik.io/gateway-controller",)
#: milliseconds that a provider without `timeouts.total_ms` has for a response (the gateway's default)
TOTAL_MS = 120_000
#: units of a duration (Gateway API, GEP-2257) in seconds
UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
CONTROLLER = "look up the time limit for responses in the controller's documentation, and raise it if it is shorter than a response may take"
CRDS = "install the CRDs of the Gateway API v1.2 or newer"


@dataclass(frozen=True)
class _Way:
    """A route with one of the Gateways that serve it."""

    route: Object
    gateway: str
    #: "GatewayClass x (controller y)"
    served_by: str
    controller: str
    #: of status.supportedFeatures; None: the class lists no features, so nothing is known of them
    heeds: bool | None


def find(picture: Picture) -> Iterator[Finding]:
    longest = _longest(picture)
    for way in _ways(picture):
        for request in _requests(way.route):
            limit = seconds(request)
            if request and way.heeds is False:
                if way.controller not in UNLIMITED:
                    yield _finding(way, f"{_ignored(way, request)}; the controller's own time limit for responses applies", CONTROLLER)
            elif not request and way.controller not in UNLIMITED:
                said = f"timeouts.request is not set, so the default of {way.served_by} applies; with Envoy it is 15 s for the whole of a streamed response"
                yield _finding(way, said)
            elif limit and longest and limit < longest[0]:
                said = f"Gateway {way.gateway} ends a response after timeouts.request {request}, and {longest[1]} allows {longest[0]:g} s"
                yield _finding(way, said)
    for run in picture.dry_runs:
        lost = [r for r in _requests(_rendered(picture, run.object)) if r and r not in _requests(run.made)] if run.made and not run.pod else []
        if lost:
            said = f"the CRDs of the Gateway API in this cluster do not know the field timeouts, so the API server drops timeouts.request {lost[0]}"
            yield Finding("RouteTimeout", run.object, said, CRDS, WARNING)


def notes(picture: Picture) -> list[str]:
    """What has no effect, and does no harm."""
    return [
        f"{label(way.route)}: {_ignored(way, request)}; this controller has no time limit of its own"
        for way in _ways(picture)
        for request in _requests(way.route)
        if request and way.heeds is False and way.controller in UNLIMITED
    ]


def seconds(duration: str) -> float:
    """A duration of the Gateway API in seconds; 0 for no limit, and for what is no duration."""
    return sum(float(number) * UNITS[unit] for number, unit in re.findall(r"([0-9]+)(ms|h|m|s)", duration))


def _ignored(way: _Way, request: str) -> str:
    return f"{way.served_by} does not list the feature {FEATURE}, so timeouts.request {request} has no effect"


def _finding(way: _Way, said: str, hint: str = "") -> Finding:
    return Finding("RouteTimeout", label(way.route), said, hint, WARNING)


def _longest(picture: Picture) -> tuple[float, str] | None:
    """(seconds, what allows them) of the longest response by the gateway's configuration; None without providers."""
    providers = configuration.maps(configuration.find(picture.objects).get("providers"))
    times = [(configuration.section(p, "timeouts").get("total_ms") or TOTAL_MS, p.get("id")) for _i, p in providers]
    known = [(float(ms), f"timeouts.total_ms of provider {name}") for ms, name in times if isinstance(ms, (int, float))]
    return (max(known)[0] / 1000, max(known)[1]) if known else None


def _ways(picture: Picture) -> Iterator[_Way]:
    for route in picture.kind("HTTPRoute"):
        for name in parents_of(route, picture.wanted.namespace):
            held = picture.gateways.get(name) or {}
            cls = str((held.get("spec") or {}).get("gatewayClassName") or "")
            found = picture.gateway_classes.get(cls)
            if found:
                controller = str((found.get("spec") or {}).get("controllerName"))
                listed = _features((found.get("status") or {}).get("supportedFeatures"))
                yield _Way(route, name, f"GatewayClass {cls} (controller {controller})", controller, FEATURE in listed if listed else None)


def _features(listed: Any) -> set[str]:
    """Names of features; before v1.3 of the Gateway API they were texts, since then maps with a name."""
    return {str(f.get("name") if isinstance(f, Mapping) else f) for f in listed or ()}


def _requests(route: Mapping[str, Any] | None) -> list[str]:
    """`timeouts.request` of each rule; empty where a rule has none."""
    rules = ((route or {}).get("spec") or {}).get("rules") or ()
    return [str((rule.get("timeouts") or {}).get("request") or "") for rule in rules]


def _rendered(picture: Picture, where: str) -> Object | None:
    return next((o for o in picture.kind("HTTPRoute") if label(o) == where), None)
