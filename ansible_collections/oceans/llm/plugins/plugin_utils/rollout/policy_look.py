# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod that reaches nobody, and a NetworkPolicy that selects it and leaves it no way: the policy is named in the cause.

A program sees no difference between a name server that is down and a policy before it. The policies are asked once in a run, and only then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ..kube import endpoints, paths
from ..kube.client import ApiError, Cluster
from ..kube.objects import Object, meta
from ..kube.policies import EGRESS, INGRESS, blocked, for_caller
from ..kube.services import declared_ports
from .causes import origin
from .model import Cause, Snapshot
from .probe_verdict import policies

#: causes that a closed way out may have
UNREACHED = ("NameNotResolved", "DatabaseHostUnknown", "DatabaseUnreachable", "DatabaseSilent")
AT_THE_DATABASE = ("DatabaseUnreachable", "DatabaseSilent")
DNS, DATABASE = 53, 5432


class PolicyLook:
    """Completes the sentences of one run."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster, self._namespace = cluster, namespace
        self._known: list[Object] | None = None
        self._far: tuple[str, str] | None = None

    def named(self, snapshot: Snapshot, causes: Iterable[Cause]) -> list[Cause]:
        return [self._named(snapshot, cause) if cause.code in UNREACHED else cause for cause in causes]

    def _named(self, snapshot: Snapshot, cause: Cause) -> Cause:
        kind, _slash, name = cause.object.partition("/")
        pod = snapshot.kind(kind).get(name) if kind == "Pod" else None
        if not pod:
            return cause
        if self._known is None:
            self._known = self._read()
        labels = meta(pod).get("labels") or {}
        out = blocked(self._known, labels, EGRESS, [DNS], protocol="UDP") or blocked(self._known, labels, EGRESS, [DATABASE])
        if not out:
            return replace(cause, cause=cause.cause + self._at_the_database(snapshot, labels)) if cause.code in AT_THE_DATABASE else cause
        ports = [each for _c, port, number, _p in declared_ports(pod.get("spec") or {}) for each in (port, number) if each]
        into = f", and connections to the pod ({INGRESS})" if set(out) & set(blocked(self._known, labels, INGRESS, ports)) else ""
        who = f"NetworkPolicy/{out[0]} blocks" if len(out) == 1 else f"{', '.join(f'NetworkPolicy/{n}' for n in out)} block"
        return replace(cause, cause=f"{cause.cause}; {who} connections from the pod to DNS or to the database ({EGRESS}){into}")

    def _at_the_database(self, snapshot: Snapshot, labels: Mapping[str, str]) -> str:
        """A policy in the namespace of the database that does not admit these pods; as far as it may be read."""
        host = origin.database_host(snapshot)
        if self._far is None or self._far[0] != host:
            self._far = host, self._closed_there(host, labels)
        return self._far[1]

    def _closed_there(self, host: str, labels: Mapping[str, str]) -> str:
        found = endpoints.service_of(host, self._namespace) if host else None
        if not found:
            return ""
        try:
            selector = ((self._cluster.find(paths.service(*found)) or {}).get("spec") or {}).get("selector") or {}
            own = meta(self._cluster.find(paths.namespace(self._namespace)) or {}).get("labels") or {}
            listed = policies(self._cluster, found[0]) if selector else []
        except ApiError:
            return ""
        names = blocked([for_caller(p, own, labels) for p in listed], selector, INGRESS, [DATABASE]) if found[0] != self._namespace else []
        who = f"NetworkPolicy/{names[0]} in namespace {found[0]}" if names else ""
        return f"; {who} does not admit these pods to Service {found[1]} ({INGRESS})" if who else ""

    def _read(self) -> list[Object]:
        try:
            return policies(self._cluster, self._namespace)
        except ApiError:
            return []
