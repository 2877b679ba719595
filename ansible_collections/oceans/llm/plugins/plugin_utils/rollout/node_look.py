# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod that no node takes: that its node does not exist, which taints it does not tolerate, and which labels no node has.

The scheduler counts the nodes (since Kubernetes 1.34 without the taints' names). The nodes are read once in a run, and only where the caller may.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..kube import paths
from ..kube.nodes import untolerated
from ..kube.objects import Object, meta, name_of
from ..kube.policies import selects
from .look import Look, completed, pod_of
from .model import Cause, Snapshot, pods_of

TAINT, LABELS = "untolerated taint", "node affinity/selector"


class NodeLook(Look):
    CODES = ("Unschedulable", "PodStarting", "PodRejected")

    def _named(self, snapshot: Snapshot, cause: Cause) -> Cause:
        pod = pod_of(snapshot, cause) or _last_pod(snapshot, cause)
        if pod and cause.code == "PodStarting":
            return completed(cause, self._absent(pod))
        if not pod or (TAINT not in cause.evidence and LABELS not in cause.evidence):
            return cause
        nodes, node, said = self._once(self._read, otherwise=[]), (pod.get("spec") or {}).get("nodeName"), []
        if cause.code == "PodRejected":
            nodes = [each for each in nodes if name_of(each) == node]
        none = f"Node/{node} does not have" if cause.code == "PodRejected" else "no node has"
        if TAINT in cause.evidence:
            said += [f"Node/{name_of(node)} has the taint {', '.join(taints)}" for node in nodes if (taints := untolerated(node, pod))]
        if LABELS in cause.evidence and (missing := _missing(nodes, (pod.get("spec") or {}).get("nodeSelector") or {})):
            said.append(f"{none} the label {', '.join(missing)} of the pod's nodeSelector")
        if LABELS in cause.evidence and (unmet := _unmet(nodes, pod)):
            said.append(f"{none} labels that meet {', '.join(unmet)} of the pod's nodeAffinity")
        return completed(cause, f"{'; ' if cause.code == 'PodRejected' else ': '}{'; '.join(said)}" if said else "")

    def _absent(self, pod: Object) -> str:
        """That the node of a pod that no kubelet has taken does not exist: the scheduler never chose it."""
        node = str((pod.get("spec") or {}).get("nodeName") or "")
        taken = not node or (pod.get("status") or {}).get("startTime")
        nodes = [] if taken else self._once(self._read, otherwise=[])
        return f"; Node/{node} does not exist" if nodes and node not in map(name_of, nodes) else ""

    def _read(self) -> list[Object]:
        return list(self._cluster.list(paths.of("v1", "nodes"))["items"])


def _last_pod(snapshot: Snapshot, cause: Cause) -> Object | None:
    """The youngest pod of the ReplicaSet or Job that a cause is about."""
    kind, _slash, name = cause.object.partition("/")
    pods = pods_of(snapshot, meta(snapshot.kind(kind).get(name) or {}).get("uid"))
    return next((pod for pod in reversed(pods) if (pod.get("status") or {}).get("phase") == "Failed"), None)


def _missing(nodes: Iterable[Object], selector: Mapping[str, str]) -> list[str]:
    have = [meta(node).get("labels") or {} for node in nodes]
    return [f"{key}={value}" for key, value in selector.items() if have and not any(labels.get(key) == value for labels in have)]


def _unmet(nodes: Iterable[Object], pod: Object) -> list[str]:
    """The expressions of the required node affinity that no node's labels meet."""
    have = [meta(node).get("labels") or {} for node in nodes]
    affinity = ((pod.get("spec") or {}).get("affinity") or {}).get("nodeAffinity") or {}
    terms = (affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}).get("nodeSelectorTerms") or ()
    each = [e for term in terms for e in term.get("matchExpressions") or ()]
    words = {"In": " in {}", "NotIn": " not in {}", "DoesNotExist": " (absent)"}
    return [
        e["key"] + words.get(e.get("operator"), "").format(", ".join(e.get("values") or ()))
        for e in each
        if have and not any(selects({"matchExpressions": [e]}, labels) for labels in have)
    ]
