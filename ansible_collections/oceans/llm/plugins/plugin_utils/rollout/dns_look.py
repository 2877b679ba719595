# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A database's host name that pods cannot resolve, where the name is a Service's: is there no such Service, or is the cluster's DNS wrong?

A program sees no difference. The API server is asked once for each name, and only then.
"""

from __future__ import annotations

import re

from ..kube import endpoints, paths
from ..kube.client import ApiError, Cluster
from ..kube.objects import Object, meta, name_of
from ..kube.policies import INGRESS, blocked
from . import proxy_look
from .causes import origin
from .causes.cause import cause as make
from .look import Look, completed, pod_of
from .model import Cause, Snapshot
from .policies import policies

#: causes that a name without an address may have
UNRESOLVED = ("DatabaseHostUnknown", "DatabaseUnreachable", "DatabaseSilent")
#: label of the cluster DNS's Deployment, as kubeadm has it, and most distributions after it
DNS, DNS_PODS = {"labelSelector": "k8s-app=kube-dns"}, {"k8s-app": "kube-dns"}
#: and those that a name with the address of another server may have
ELSEWHERE = (*UNRESOLVED, "DatabaseNotPostgres", "DatabaseMissing", "DatabaseAuth", "DatabaseTls")
_LOOKUP = re.compile(r"resolve|lookup|host name|Name or service not known|no such host")


def state(cluster: Cluster) -> str:
    """`; cluster DNS: Deployment/coredns in namespace kube-system has 0 of 2 pods ready`; empty where it may not be read, or has another label."""
    try:
        found = list(cluster.list(paths.of("apps/v1", "deployments", paths.SYSTEM), **DNS)["items"])
    except ApiError:
        return ""
    more = _shut(cluster)
    wanted = [(name_of(d), (d.get("spec") or {}).get("replicas", 1), (d.get("status") or {}).get("readyReplicas") or 0) for d in found]
    return "".join(f"; cluster DNS: Deployment/{name} in namespace {paths.SYSTEM} has {ready} of {count} pods ready" for name, count, ready in wanted) + more


def _shut(cluster: Cluster) -> str:
    """What keeps callers from DNS pods that are ready: a Service without endpoints, or a NetworkPolicy of their namespace."""
    try:
        slices = cluster.list(paths.endpointslices(paths.SYSTEM), **DNS)["items"]
        closed = blocked(policies(cluster, paths.SYSTEM), DNS_PODS, INGRESS, [53, "dns"], protocol="UDP")
    except ApiError:
        return ""
    nobody = bool(slices) and not any((end.get("conditions") or {}).get("ready") for piece in slices for end in piece.get("endpoints") or ())
    service = next(((meta(piece).get("labels") or {}).get("kubernetes.io/service-name") for piece in slices), "")
    said = f"; Service/{service} in namespace {paths.SYSTEM} has no ready endpoint: compare its selector with the labels of the pods" if nobody else ""
    return said + (f"; NetworkPolicy/{closed[0]} in namespace {paths.SYSTEM} does not admit DNS requests to these pods ({INGRESS})" if closed else "")


class DnsLook(Look):
    CODES = (*ELSEWHERE, "NameNotResolved")

    def _named(self, snapshot: Snapshot, cause: Cause) -> Cause:
        pod = pod_of(snapshot, cause) or {}
        if origin.own_dns(pod):
            return cause  # its pods do not ask the cluster's DNS
        if cause.code in UNRESOLVED and _LOOKUP.search(cause.evidence):
            cause = self._explained(snapshot, cause, pod)
        if cause.code in ELSEWHERE and pod and (name := origin.database_host(snapshot)):
            cause = completed(cause, self._once(self._rules, name, otherwise=""))
        if cause.code == "NameNotResolved" and cause.object.startswith("Pod/"):
            return completed(cause, self._once(self._state, str((pod.get("spec") or {}).get("nodeName") or ""), otherwise=""))
        return cause

    def _state(self, node: str) -> str:
        routed = proxy_look.missing(self._cluster, node)
        return f"; {routed}" if routed else state(self._cluster)

    def _explained(self, snapshot: Snapshot, cause: Cause, pod: Object) -> Cause:
        name = origin.database_host(snapshot)
        if not name or cause.closed or origin.leads_elsewhere(snapshot, pod, cause.container):
            return cause  # another name was asked for, or no way to it
        said = self._once(self._ask, name, otherwise="")
        if not said.startswith("Service/"):
            return completed(cause, f"; {said}" if said else "")
        what = f"the cluster's DNS (CoreDNS) does not resolve {name}, although {said}"
        return make("NameNotResolved", snapshot, cause.object, what, cause.evidence, since=cause.since, container=cause.container, hint=HINT)

    def _rules(self, host: str) -> str:
        """Rules of CoreDNS for this very name (hosts, rewrite, a zone): its address may be another one than its Service has."""
        found = endpoints.service_of(host, self._namespace)
        name = re.escape(f"{found[1]}.{found[0]}") + r"(\.svc(\.[\w.-]+)?)?" if found else re.escape(host)
        corefile = ((self._cluster.find(paths.item("configmaps", paths.SYSTEM, "coredns")) or {}).get("data") or {}).get("Corefile") or ""
        lines = [" ".join(line.split()) for line in corefile.splitlines() if re.search(rf"(?<![\w.-]){name}\.?(?![\w-])", line.partition("#")[0])]
        where = f"ConfigMap/coredns in namespace {paths.SYSTEM}"
        return f"; the configuration of CoreDNS ({where}) has rules of its own for this name: {' | '.join(lines[:3])}" if lines else ""

    def _ask(self, host: str) -> str:
        """`Service/x exists in namespace y`, or what is wrong with the name; empty when it is no Service's, or may not be read."""
        found = endpoints.service_of(host, self._namespace)
        service = self._cluster.find(paths.service(*found)) if found else None
        if not found or (service is None and not endpoints.is_service(self._cluster, host, found[0])):
            return ""
        if service is None:
            return f"there is no Service {found[1]} in namespace {found[0]}"
        outside = endpoints.external_name(service)
        if outside:
            return f"Service {found[1]} in namespace {found[0]} has the type ExternalName and points to the host {outside}, which has no address"
        return f"Service/{found[1]} exists in namespace {found[0]}"


HINT = "check the cluster's DNS: kubectl -n kube-system get pods,endpointslices -l k8s-app=kube-dns; kubectl -n kube-system get configmap coredns -o yaml"
