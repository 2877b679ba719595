# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod that reaches nobody, and a NetworkPolicy that selects it and leaves it no way: the policy is named in the cause.

A program sees no difference between a name server that is down and a policy before it. The policies are asked once in a run, and only then.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..kube import endpoints, paths
from ..kube.objects import Object, meta
from ..kube.policies import EGRESS, INGRESS, blocked, for_caller
from ..kube.services import declared_ports
from .causes import origin
from .look import Look, completed, pod_of
from .model import Cause, Snapshot
from .policies import policies

#: causes that a closed way out may have
UNREACHED = ("NameNotResolved", "DatabaseHostUnknown", "DatabaseUnreachable", "DatabaseSilent")
AT_THE_DATABASE = ("DatabaseUnreachable", "DatabaseSilent")
DNS, DATABASE = 53, 5432


class PolicyLook(Look):
    CODES = UNREACHED

    def _named(self, snapshot: Snapshot, cause: Cause) -> Cause:
        pod = pod_of(snapshot, cause)
        if not pod:
            return cause
        known, labels = self._once(policies, self._cluster, self._namespace, otherwise=[]), meta(pod).get("labels") or {}
        out = blocked(known, labels, EGRESS, [DNS], protocol="UDP")
        if not out and known:
            out = blocked(known, labels, EGRESS, [DATABASE], address=self._once(self._address, origin.database_host(snapshot), otherwise=""))
        if not out:
            return completed(cause, self._at_the_database(snapshot, labels) if cause.code in AT_THE_DATABASE else "", closed=True)
        ports = [each for _c, port, number, _p in declared_ports(pod.get("spec") or {}) for each in (port, number) if each]
        into = f", and connections to the pod ({INGRESS})" if set(out) & set(blocked(known, labels, INGRESS, ports)) else ""
        who = f"NetworkPolicy/{out[0]} blocks" if len(out) == 1 else f"{', '.join(f'NetworkPolicy/{n}' for n in out)} block"
        return completed(cause, f"; {who} connections from the pod to DNS or to the database ({EGRESS}){into}", closed=True)

    def _at_the_database(self, snapshot: Snapshot, labels: Mapping[str, str]) -> str:
        """A policy in the namespace of the database that does not admit these pods; as far as it may be read."""
        there = self._once(self._elsewhere, origin.database_host(snapshot), otherwise=None)
        if not there:
            return ""
        (namespace, service), selector, own, listed = there
        names = blocked([for_caller(p, own, labels) for p in listed], selector, INGRESS, [DATABASE])
        return f"; NetworkPolicy/{names[0]} in namespace {namespace} does not admit these pods to Service {service} ({INGRESS})" if names else ""

    def _address(self, host: str) -> str:
        """The address that a policy sees of the database: behind its Service, that of a pod. Empty where it is not known."""
        found = endpoints.service_of(host, self._namespace) if host else None
        service = self._cluster.find(paths.service(*found)) if found else None
        ends = endpoints.behind(self._cluster, *found, service, DATABASE, unready=True) if found and service else []
        return ends[0].address if ends else host if endpoints.is_address(host) else ""

    def _elsewhere(self, host: str) -> tuple[tuple[str, str], Mapping[str, str], Mapping[str, str], list[Object]] | None:
        """(namespace and name of the Service, its selector, labels of the pods' own namespace, policies there) of a host in another namespace."""
        found = endpoints.service_of(host, self._namespace) if host else None
        if not found or found[0] == self._namespace:
            return None
        selector = ((self._cluster.find(paths.service(*found)) or {}).get("spec") or {}).get("selector") or {}
        own = meta(self._cluster.find(paths.namespace(self._namespace)) or {}).get("labels") or {}
        return found, selector, own, policies(self._cluster, found[0]) if selector else []
