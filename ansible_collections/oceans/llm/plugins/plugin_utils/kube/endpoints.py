# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands behind a Service of the cluster (Kubernetes API, EndpointSlice), for those who have to talk to it from outside."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from . import paths
from .client import ApiError, Cluster

Service = Mapping[str, Any]


@dataclass(frozen=True)
class Endpoint:
    """One ready end. `pod` is empty where it is an address only (a Service made by hand, for something that is no pod)."""

    pod: str
    address: str
    port: int


def service_of(host: str, namespace: str) -> tuple[str, str] | None:
    """(namespace, name) when a host may be a Service's DNS name (Kubernetes DNS specification); None for any other address.

    Of a host with two labels (`db.corp`) only the cluster knows whether it is one: see :func:`is_service`.
    """
    parts = host.rstrip(".").lower().split(".")
    if is_address(host) or parts[-1] == "localhost" or not all(parts):
        return None
    if len(parts) == 1:
        return namespace, parts[0]
    if len(parts) == 2 or parts[2] == "svc":
        return parts[1], parts[0]
    return None


def is_service(cluster: Cluster, host: str, namespace: str) -> bool:
    """True when a host that :func:`service_of` knows can be nothing else than a Service: `pg`, `pg.db.svc`, and `pg.db` where a namespace db exists."""
    if len(host.rstrip(".").split(".")) != 2:
        return True
    try:
        return cluster.find(paths.namespace(namespace)) is not None
    except ApiError:
        return False


def is_address(host: str) -> bool:
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(host)
        return True
    return False


def is_own(host: str) -> bool:
    """True when a host means the pod itself, which is another one for everybody who asks from elsewhere."""
    name = host.rstrip(".").lower()
    return name == "localhost" or name.endswith(".localhost") or (is_address(host) and ipaddress.ip_address(host).is_loopback)


def external_name(service: Service) -> str:
    """The host that a Service of type ExternalName stands for; empty for any other."""
    spec = service.get("spec") or {}
    return str(spec.get("externalName") or "") if spec.get("type") == "ExternalName" else ""


def behind(cluster: Cluster, namespace: str, name: str, service: Service, port: int, unready: bool = False) -> list[Endpoint]:
    """The ready ends of one port of a Service. `unready`: the others, too.

    :raises ApiError: when they may not be read.
    """
    slices = cluster.list(paths.endpointslices(namespace), labelSelector=f"kubernetes.io/service-name={name}")["items"]
    return list(ready(service, slices, port, unready))


def ready(service: Service, slices: Iterable[Mapping[str, Any]], port: int, unready: bool = False) -> Iterator[Endpoint]:
    ports = (service.get("spec") or {}).get("ports") or [{}]
    name = next((p.get("name") for p in ports if p.get("port") == port), ports[0].get("name")) or ""
    for each in slices:
        own = next((p.get("port") for p in each.get("ports") or () if (p.get("name") or "") == name), None) or port
        for end in each.get("endpoints") or ():
            if unready or (end.get("conditions") or {}).get("ready"):
                about = end.get("targetRef") or {}
                pod = str(about.get("name") or "") if about.get("kind", "Pod") == "Pod" else ""
                yield Endpoint(pod, str(next(iter(end.get("addresses") or ()), "")), int(own))
