# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes that cannot succeed, and a strategy that leaves nobody: what can be worked out from the rendered objects alone. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ...gateway import configuration
from ...kube.services import declared_ports
from ..facts import Object, Picture, gateway_container, label, pod_templates
from ..finding import WARNING, Finding

PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
#: containers of the chart, which speak plain HTTP
PLAIN = ("gateway", "admin-ui")


def find(picture: Picture) -> Iterator[Finding]:
    listens = bind(picture)
    for where, template in pod_templates(picture.objects):
        spec = template["spec"]
        yield from _twice(where, spec)
        for container in spec.get("containers") or ():
            for name in PROBES:
                yield from _probe(where, spec, container, name, container.get(name) or {}, listens if container.get("name") == "gateway" else None)
    for deployment in picture.kind("Deployment"):
        yield from _strategy(deployment)


def bind(picture: Picture) -> int | None:
    """The port that the gateway listens on by its configuration; None when that does not say."""
    found = re.search(r":(\d+)$", str((configuration.find(picture.objects).get("server") or {}).get("bind") or ""))
    return int(found[1]) if found and gateway_container(picture.objects) else None


def _twice(where: str, spec: Mapping[str, Any]) -> Iterator[Finding]:
    """The containers of a pod share its addresses: a port is for the first that takes it."""
    owners: dict[tuple[int, str], set[str]] = {}
    for container, _name, number, protocol in declared_ports(spec):
        owners.setdefault((number, protocol), set()).add(container)
    for (number, protocol), names in owners.items():
        if len(names) > 1:
            said = f"containers {' and '.join(sorted(names))} both declare port {number}/{protocol}; the containers of a pod share one network namespace"
            yield Finding("PortTaken", where, said)


def _probe(where: str, spec: Mapping[str, Any], container: Object, name: str, probe: Mapping[str, Any], listens: int | None) -> Iterator[Finding]:
    handler = probe.get("httpGet") or probe.get("tcpSocket") or probe.get("grpc") or {}
    port = handler.get("port")
    if port is None:
        return
    what = f"{name} of container {container.get('name')}"
    own = {n: number for c, n, number, _p in declared_ports(spec) if c == container.get("name") for n in (n, str(number))}
    declared = ", ".join(sorted({str(number) for number in own.values()})) or "no port"
    number = own.get(str(port)) or (int(port) if str(port).isdigit() else None)
    if number is None:
        hint = "set the port of the probe to a port that the container declares"
        yield Finding("ProbeMisdirected", where, f"{what} uses port {port!r}, but the container declares {declared}", hint)
    elif listens is not None and number != listens:
        sides = f"{what} uses port {number}, and the gateway listens on port {listens} (oceans_llm_config.server.bind)"
        hint = "set oceans_llm_config.server.bind, oceans_llm_values.gateway.containerPort and the port of the probe to the same port"
        yield Finding("ProbeMisdirected", where, sides, hint)
    elif own and number not in own.values() and listens is None:
        hint = "set the port of the probe to a port that the container declares"
        yield Finding("ProbeMisdirected", where, f"{what} uses port {number}, but the container declares {declared}", hint, WARNING)
    if str(handler.get("scheme") or "HTTP").upper() == "HTTPS" and container.get("name") in PLAIN:
        yield Finding("ProbeMisdirected", where, f"{what} uses HTTPS, and the container serves plain HTTP", "remove scheme from the probe")


def _strategy(deployment: Object) -> Iterator[Finding]:
    spec = deployment.get("spec") or {}
    rolling = (spec.get("strategy") or {}).get("rollingUpdate") or {}
    replicas, limit = int(spec.get("replicas", 1) or 0), rolling.get("maxUnavailable")
    if limit is None or not replicas:
        return
    away = int(str(limit)[:-1]) * replicas // 100 if str(limit).endswith("%") else int(limit)
    if away >= replicas:
        what = f"maxUnavailable {limit} of {replicas} replica(s) lets all old pods stop before a new pod is ready"
        yield Finding("StrategyLeavesNobody", label(deployment), what, severity=WARNING)
