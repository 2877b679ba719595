# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod that no node takes: which taints it does not tolerate, and which labels no node has.

The scheduler counts the nodes (since Kubernetes 1.34 without the taints' names). The nodes are read once in a run, and only where the caller may.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ..kube import paths
from ..kube.client import ApiError, Cluster
from ..kube.nodes import untolerated
from ..kube.objects import Object, meta, name_of
from .model import Cause, Snapshot

TAINT, LABELS = "untolerated taint", "node affinity/selector"


class NodeLook:
    """Completes the sentences of one run."""

    def __init__(self, cluster: Cluster, _namespace: str) -> None:
        self._cluster = cluster
        self._nodes: list[Object] | None = None

    def named(self, snapshot: Snapshot, causes: Iterable[Cause]) -> list[Cause]:
        return [self._named(snapshot, cause) if cause.code == "Unschedulable" else cause for cause in causes]

    def _named(self, snapshot: Snapshot, cause: Cause) -> Cause:
        pod = snapshot.kind("Pod").get(cause.object.partition("/")[2])
        if not pod or (TAINT not in cause.evidence and LABELS not in cause.evidence):
            return cause
        if self._nodes is None:
            self._nodes = self._read()
        spec, said = pod.get("spec") or {}, []
        if TAINT in cause.evidence:
            said += [f"Node/{name_of(node)} has the taint {', '.join(taints)}" for node in self._nodes if (taints := untolerated(node, pod))]
        if LABELS in cause.evidence and (missing := _missing(self._nodes, spec.get("nodeSelector") or {})):
            said.append(f"no node has the label {', '.join(missing)} of the pod's nodeSelector")
        return replace(cause, cause=f"{cause.cause}: {'; '.join(said)}") if said else cause

    def _read(self) -> list[Object]:
        try:
            return list(self._cluster.list(paths.of("v1", "nodes"))["items"])
        except ApiError:
            return []


def _missing(nodes: Iterable[Object], selector: Mapping[str, str]) -> list[str]:
    have = [meta(node).get("labels") or {} for node in nodes]
    return [f"{key}={value}" for key, value in selector.items() if have and not any(labels.get(key) == value for labels in have)]
