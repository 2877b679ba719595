# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod that reaches nobody, and a NetworkPolicy that selects it and leaves it no way: the policy is named in the cause.

A program sees no difference between a name server that is down and a policy before it. The policies are asked once in a run, and only then.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..kube.client import ApiError, Cluster
from ..kube.objects import Object, meta
from ..kube.policies import EGRESS, INGRESS, blocked
from ..kube.services import declared_ports
from .model import Cause, Snapshot
from .probe_verdict import policies

#: causes that a closed way out may have
UNREACHED = ("NameNotResolved", "DatabaseHostUnknown", "DatabaseUnreachable", "DatabaseSilent")
DNS, DATABASE = 53, 5432


class PolicyLook:
    """Completes the sentences of one run."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster, self._namespace = cluster, namespace
        self._known: list[Object] | None = None

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
            return cause
        ports = [each for _c, port, number, _p in declared_ports(pod.get("spec") or {}) for each in (port, number) if each]
        into = f", and no way in ({INGRESS})" if set(out) & set(blocked(self._known, labels, INGRESS, ports)) else ""
        who = f"NetworkPolicy/{out[0]} leaves" if len(out) == 1 else f"{', '.join(f'NetworkPolicy/{n}' for n in out)} leave"
        return replace(cause, cause=f"{cause.cause}; {who} the pod no way out to DNS or to the database ({EGRESS}){into}")

    def _read(self) -> list[Object]:
        try:
            return policies(self._cluster, self._namespace)
        except ApiError:
            return []
