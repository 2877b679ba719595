# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way from here to the database that the pods will use, for everybody who asks it.

A Service of the cluster is reached through the API server (port-forward to a pod behind it), any other address from this
machine: what is tried from here may be another way than that of the pods, so that its failure proves nothing.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace

from ..kube import endpoints, paths
from ..kube.client import Cluster
from .database_url import Target

ALIASES = 3  # Services of type ExternalName that may name one another
_Connection = contextlib.AbstractContextManager[socket.socket]


class NoWay(Exception):
    """There is nobody to be asked, as a sentence. `away`: it is sure that the pods have no server there either."""

    def __init__(self, sentence: str, away: bool = False) -> None:
        super().__init__(sentence)
        self.away = away


@dataclass(frozen=True)
class Way:
    """`said` names the server, ready for a verb. `connect` takes the seconds that each step may last.

    :ivar tuple service: (namespace, name) of the Service that is reached by port-forward; None: tried from this machine.
    """

    said: str
    target: Target
    connect: Callable[[float], _Connection]
    service: tuple[str, str] | None = None


def find(cluster: Cluster, namespace: str, target: Target) -> Way:
    """:raises NoWay: when nobody can be asked.  :raises ApiError: when the Service may not be read."""
    where, alias = target, ""
    for _step in range(ALIASES):
        _askable(where)
        found = endpoints.service_of(where.host, namespace)
        service = cluster.find(paths.service(*found)) if found else None
        if found is None or (service is None and not endpoints.is_service(cluster, where.host, found[0])):
            return _from_here(where, target, f"{where.address}{alias}, tried from this machine,")
        if service is None:
            raise NoWay(f"there is no Service {found[1]} in namespace {found[0]}", away=True)
        said = f"Service {found[1]} in namespace {found[0]}, port {where.port}{alias},"
        host = endpoints.external_name(service)
        if not host:
            return _behind(cluster, found, service, where, target, said)
        where, alias = replace(where, host=host.rstrip(".")), f" (externalName of Service {found[1]} in namespace {found[0]}){alias}"
    raise NoWay(f"{target.host} is a Service of type ExternalName that leads to a chain of more than {ALIASES} such Services")


def _askable(where: Target) -> None:
    if "," in where.host:
        raise NoWay(f"the URL names several servers ({where.host}), and this run cannot know which of them the pods use")
    if where.host.startswith("/"):
        raise NoWay(f"the URL names a Unix socket in the pod ({where.host}), which this machine cannot reach")
    if endpoints.is_own(where.host):
        raise NoWay(f"{where.host} is the pod itself (a proxy container in the gateway's pod), which this machine cannot reach")


def _behind(cluster: Cluster, found: tuple[str, str], service: endpoints.Service, where: Target, target: Target, said: str) -> Way:
    ends = endpoints.behind(cluster, *found, service, where.port)
    if not ends:
        raise NoWay(f"{said} has no ready pod, so every connection is refused: the database server is down or starting", away=True)
    end = ends[0]
    if not end.pod:
        there = replace(where, host=end.address, port=end.port)
        return _from_here(there, target, f"endpoint {there.address} of {said} tried from this machine,")
    return Way(said, target, lambda patience: cluster.port_forward(found[0], end.pod, end.port, patience), found)


def _from_here(where: Target, target: Target, said: str) -> Way:
    """`target` keeps the name of the URL: a certificate is checked against it."""
    return Way(said, target, lambda patience: contextlib.closing(socket.create_connection((where.host, where.port), timeout=patience)))
