# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A database's host name that pods cannot resolve, where the name is a Service's: is there no such Service, or is the cluster's DNS wrong?

A program sees no difference. The API server is asked once for each name, and only then.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from ..kube import endpoints, paths
from ..kube.client import ApiError, Cluster
from ..kube.objects import name_of
from . import proxy_look
from .causes import origin
from .causes.cause import cause as make
from .model import Cause, Snapshot

#: causes that a name without an address may have
UNRESOLVED = ("DatabaseHostUnknown", "DatabaseUnreachable", "DatabaseSilent")
#: label of the cluster DNS's Deployment, as kubeadm has it, and most distributions after it
DNS = {"labelSelector": "k8s-app=kube-dns"}
#: what a sentence says already of a name without an address (origin.py, policy_look.py)
EXPLAINED = (origin.PLAIN, "hostAliases", "NetworkPolicy/")
_LOOKUP = re.compile(r"resolve|lookup|host name|Name or service not known|no such host")


def state(cluster: Cluster) -> str:
    """`; cluster DNS: Deployment/coredns in namespace kube-system has 0 of 2 pods ready`; empty where it may not be read, or has another label."""
    try:
        found = list(cluster.list(paths.of("apps/v1", "deployments", paths.SYSTEM), **DNS)["items"])
    except ApiError:
        return ""
    wanted = [(name_of(d), (d.get("spec") or {}).get("replicas", 1), (d.get("status") or {}).get("readyReplicas") or 0) for d in found]
    return "".join(f"; cluster DNS: Deployment/{name} in namespace {paths.SYSTEM} has {ready} of {count} pods ready" for name, count, ready in wanted)


class DnsLook:
    """Completes the sentences of one run."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster, self._namespace = cluster, namespace
        self._known: dict[str, str] = {}
        self._states: dict[str, str] = {}

    def named(self, snapshot: Snapshot, causes: Iterable[Cause]) -> list[Cause]:
        found = [self._named(snapshot, cause) if cause.code in UNRESOLVED and _LOOKUP.search(cause.evidence) else cause for cause in causes]
        return [self._with_state(snapshot, cause) if cause.code == "NameNotResolved" else cause for cause in found]

    def _with_state(self, snapshot: Snapshot, cause: Cause) -> Cause:
        pod = snapshot.kind("Pod").get(cause.object.partition("/")[2]) or {}
        if not cause.object.startswith("Pod/") or origin.own_dns(pod):
            return cause  # its pods do not ask the cluster's DNS
        node = str((pod.get("spec") or {}).get("nodeName") or "")
        if node not in self._states:
            routed = proxy_look.missing(self._cluster, node)
            self._states[node] = f"; {routed}" if routed else state(self._cluster)
        return replace(cause, cause=cause.cause + self._states[node])

    def _named(self, snapshot: Snapshot, cause: Cause) -> Cause:
        name = origin.database_host(snapshot)
        pod = snapshot.kind("Pod").get(cause.object.partition("/")[2]) or {}
        if not name or any(reason in cause.cause for reason in EXPLAINED) or origin.own_dns(pod):
            return cause  # another name was asked for, another resolver, or no way to it
        if name not in self._known:
            self._known[name] = self._ask(name)
        said = self._known[name]
        if not said.startswith("Service/"):
            return replace(cause, cause=f"{cause.cause}; {said}") if said else cause
        what = f"the cluster's DNS (CoreDNS) does not resolve {name} for {f'container {cause.container}' if cause.container else 'the pod'}, although {said}"
        return make("NameNotResolved", snapshot, cause.object, what, cause.evidence, since=cause.since, container=cause.container, hint=HINT)

    def _ask(self, host: str) -> str:
        """`Service/x exists in namespace y`, or what is wrong with the name; empty when it is no Service's, or may not be read."""
        found = endpoints.service_of(host, self._namespace)
        try:
            service = endpoints.find(self._cluster, *found) if found else None
            if not found or (service is None and not endpoints.is_service(self._cluster, host, found[0])):
                return ""
        except ApiError:
            return ""
        if service is None:
            return f"there is no Service {found[1]} in namespace {found[0]}"
        outside = endpoints.external_name(service)
        if outside:
            return f"Service {found[1]} in namespace {found[0]} has the type ExternalName and points to the host {outside}, which has no address"
        return f"Service/{found[1]} exists in namespace {found[0]}"


HINT = "check the cluster's DNS: kubectl -n kube-system get pods,endpointslices -l k8s-app=kube-dns; kubectl -n kube-system get configmap coredns -o yaml"
