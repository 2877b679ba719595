# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is kube-proxy there? Without it no ClusterIP leads anywhere: neither the cluster's DNS nor a database's Service is reached by its address.

Asked only when pods reach no address or name of a Service. A cluster whose network replaces kube-proxy has no ConfigMap of that name (kubeadm
makes one), and nothing is said of it.
"""

from __future__ import annotations

from ..kube import paths
from ..kube.client import ApiError, Cluster
from ..kube.objects import is_ready

LABEL = "k8s-app=kube-proxy"


def missing(cluster: Cluster, node: str) -> str:
    """`kube-proxy does not run on Node/x (DaemonSet …)`; empty when it runs there, is none of this cluster's, or may not be read."""
    if not node:
        return ""
    try:
        pods = [p for p in cluster.list(paths.pods(paths.SYSTEM), labelSelector=LABEL)["items"] if (p.get("spec") or {}).get("nodeName") == node]
        if any(is_ready(p) for p in pods):
            return ""
        sets = cluster.list(paths.of("apps/v1", "daemonsets", paths.SYSTEM), labelSelector=LABEL)["items"]
        if not sets and cluster.find(paths.item("configmaps", paths.SYSTEM, "kube-proxy")) is None:
            return ""
    except ApiError:
        return ""
    why = "the kube-proxy pod on this node is not ready" if pods else "it has no pod there"
    if not pods and not sets:
        why = f"there is no DaemonSet kube-proxy in namespace {paths.SYSTEM}"
    return f"kube-proxy does not run on Node/{node} ({why}), so pods on this node cannot reach the ClusterIP of any Service"
