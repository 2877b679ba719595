# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The NetworkPolicies of a namespace, without those whom they admit and who do not exist."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..kube import paths
from ..kube.client import Cluster
from ..kube.objects import Object, meta
from ..kube.policies import label_query, selects, without_nobody
from ..kube.services import pod_labels
from .service_look import read


def policies(cluster: Cluster, namespace: str) -> list[Object]:
    """The namespace's NetworkPolicies; none where they may not be read. Peers that mean no namespace and no pod there is are left out of them."""
    found = read(cluster, paths.of("networking.k8s.io/v1", "networkpolicies", namespace)) or []
    there = _Peers(cluster, namespace)
    return [without_nobody(p, there.exist) for p in found]


class _Peers:
    """Whom the peers of one namespace's policies mean. Whoever may not be listed counts as there, and so does an address block."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster, self._namespace = cluster, namespace
        self._namespaces: list[Object] | None = None
        self._known: dict[tuple[str, str], bool] = {}

    def exist(self, peer: Mapping[str, Any]) -> bool:
        if peer.get("ipBlock"):
            return True
        names = self._selected(peer.get("namespaceSelector"))
        return names is None or any(self._pods(name, peer.get("podSelector")) for name in names)

    def _selected(self, selector: Mapping[str, Any] | None) -> list[str] | None:
        """Names of the namespaces; None where they may not be listed."""
        if selector is None:
            return [self._namespace]
        if self._namespaces is None:
            self._namespaces = read(self._cluster, paths.NAMESPACES)
        return None if self._namespaces is None else [str(meta(n)["name"]) for n in self._namespaces if selects(selector, meta(n).get("labels") or {})]

    def _pods(self, namespace: str, selector: Mapping[str, Any] | None) -> bool:
        """True when a pod has the labels, or a Deployment or StatefulSet that may be scaled to 0 gives them to its pods."""
        query = label_query(selector)
        if query and (namespace, query) not in self._known:
            pods = read(self._cluster, paths.pods(namespace), labelSelector=query, limit="1")
            self._known[namespace, query] = pods is None or bool(pods) or self._workload(namespace, selector)
        return self._known.get((namespace, query), True)

    def _workload(self, namespace: str, selector: Mapping[str, Any] | None) -> bool:
        kinds = (read(self._cluster, paths.of("apps/v1", kind, namespace)) or () for kind in ("deployments", "statefulsets"))
        return any(selects(selector, pod_labels(each)) for kind in kinds for each in kind)
