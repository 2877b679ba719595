# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands behind a Service of the cluster (Kubernetes API, EndpointSlice), for those who have to talk to it from outside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from . import paths
from .client import Cluster


@dataclass(frozen=True)
class Endpoint:
    """One ready end. `pod` is empty where it is an address only (a Service made by hand, for something that is no pod)."""

    pod: str
    address: str
    port: int


def service_of(host: str, namespace: str) -> tuple[str, str] | None:
    """(namespace, name) when a host is a Service's DNS name (Kubernetes DNS specification); None for any other address."""
    parts = host.rstrip(".").split(".")
    if len(parts) == 1:
        return namespace, parts[0]
    if len(parts) == 2 or (len(parts) > 2 and parts[2] == "svc"):
        return (parts[1], parts[0]) if not all(p.isdigit() for p in parts) else None
    return None


def behind(cluster: Cluster, namespace: str, name: str, port: int) -> list[Endpoint] | None:
    """The ready ends of one port of a Service; None: there is no such Service.

    :raises ApiError: when they may not be read.
    """
    service = cluster.find(paths.service(namespace, name))
    if service is None:
        return None
    slices = cluster.list(paths.endpointslices(namespace), labelSelector=f"kubernetes.io/service-name={name}")["items"]
    return list(ready(service, slices, port))


def ready(service: Mapping[str, Any], slices: Iterable[Mapping[str, Any]], port: int) -> Iterator[Endpoint]:
    ports = (service.get("spec") or {}).get("ports") or [{}]
    name = next((p.get("name") for p in ports if p.get("port") == port), ports[0].get("name")) or ""
    for each in slices:
        own = next((p.get("port") for p in each.get("ports") or () if (p.get("name") or "") == name), None) or port
        for end in each.get("endpoints") or ():
            if (end.get("conditions") or {}).get("ready"):
                about = end.get("targetRef") or {}
                pod = str(about.get("name") or "") if about.get("kind", "Pod") == "Pod" else ""
                yield Endpoint(pod, str(next(iter(end.get("addresses") or ()), "")), int(own))
