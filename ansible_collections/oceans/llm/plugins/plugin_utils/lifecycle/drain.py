# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the drain of a node would do to the gateway: the disruption budget, the spread of its pods, room on the other nodes. Pure.

A drain evicts one pod after the other (Kubernetes, API-initiated eviction): a budget without room refuses until a replacement is ready.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .. import playbooks
from ..codes import BY_CODE, CHECKS
from ..kube.nodes import untolerated
from ..kube.objects import Object, is_ready, meta
from ..kube.policies import selects

ERROR = "error"
_FINISHED = ("Succeeded", "Failed")


@dataclass(frozen=True)
class Finding:
    """One row of the register of codes, about one node."""

    code: str
    node: str
    sentence: str

    @property
    def severity(self) -> str:
        return BY_CODE[self.code].phases[CHECKS]

    @property
    def hint(self) -> str:
        return playbooks.filled(BY_CODE[self.code].hint.replace("<node>", self.node))

    def line(self) -> str:
        return f"{self.severity:<8} {self.code:<16} Node/{self.node}: {self.sentence} — {self.hint}"


@dataclass(frozen=True)
class Picture:
    """Of the cluster: all its nodes, all pods (of other namespaces too: they take room), the budgets of the namespace, the pods of the gateway."""

    nodes: Sequence[Object]
    pods: Sequence[Object]
    budgets: Sequence[Object]
    gateway: Sequence[Object]
    namespace: str = ""


def simulate(picture: Picture) -> Iterator[Finding]:
    """One finding for each node that has a pod of the gateway."""
    for node in sorted({(p.get("spec") or {}).get("nodeName") or "" for p in picture.gateway} - {""}):
        yield from itertools.islice(_findings(picture, node), 1)


def _findings(picture: Picture, node: str) -> Iterator[Finding]:
    here = [p for p in picture.gateway if p["spec"].get("nodeName") == node]
    ready = [p for p in picture.gateway if is_ready(p)]
    labels = meta(here[0]).get("labels") or {}
    budget = next((b for b in picture.budgets if selects((b.get("spec") or {}).get("selector"), labels)), None)
    allowed = int((budget.get("status") or {}).get("disruptionsAllowed") or 0) if budget else None
    if budget and allowed == 0:
        name, status = meta(budget).get("name"), budget.get("status") or {}
        healthy, wanted = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
        sentence = (
            f"PodDisruptionBudget/{name} refuses every eviction, because {healthy} pods are healthy and {wanted} must stay healthy; the drain would never end"
        )
        yield Finding("DrainBlocked", node, sentence)
    homeless = unplaced(picture, node, here)
    if homeless:
        sentence = f"no other node can run Pod/{meta(homeless[0][0]).get('name')}: {homeless[0][1]}"
        yield Finding("DrainNoRoom", node, sentence)
    if len(here) == len(picture.gateway) and (not budget or len(picture.gateway) == 1):
        why = "and no PodDisruptionBudget keeps one gateway pod until a replacement is ready" if len(here) > 1 else "and there is no second gateway pod"
        sentence = f"all {len(here)} gateway pods are on this node, {why}; requests fail during the drain"
        yield Finding("DrainOutage", node, sentence)
    if len(here) == len(ready) > 1:
        yield Finding("NotSpread", node, f"all {len(here)} gateway pods are on this node; a drain is safe, but a failure of the node stops the gateway")
    one = "1 gateway pod" if len(here) == 1 else f"{len(here)} gateway pods"
    one += f" can be evicted, {allowed} at a time" if budget and len(here) > 1 else " can be evicted"
    yield Finding("DrainSafe", node, f"{one}, {len(ready) - min(len(here), allowed or len(here))} of {len(ready)} gateway pods serve during the drain")


# --- room ---------------------------------------------------------------------------------------------------------------------


def unplaced(picture: Picture, node: str, pods: Iterable[Object]) -> list[tuple[Object, str]]:
    """(pod, why) of those that no other node takes; each one placed takes its room. Affinity and spread rules are left to the scheduler."""
    others = [n for n in picture.nodes if meta(n).get("name") != node]
    free = {str(meta(n).get("name")): _free(n, picture.pods) for n in others}
    lost = []
    for pod in pods:
        reasons = []
        for other in others:
            name = str(meta(other).get("name"))
            why = _refusal(other, pod) or _lacking(free[name], requests(pod))
            if not why:
                free[name] = {kind: amount - requests(pod).get(kind, 0.0) for kind, amount in free[name].items()}
                break
            reasons.append(f"Node/{name} {why}")
        else:
            lost.append((pod, "; ".join(reasons) or "the cluster has no other node"))
    return lost


def _free(node: Object, pods: Iterable[Object]) -> dict[str, float]:
    room = {kind: amount(text) for kind, text in ((node.get("status") or {}).get("allocatable") or {}).items()}
    for pod in pods:
        if (pod.get("spec") or {}).get("nodeName") != meta(node).get("name") or (pod.get("status") or {}).get("phase") in _FINISHED:
            continue
        for kind, taken in requests(pod).items():
            room[kind] = room.get(kind, 0.0) - taken
    return room


def requests(pod: Object) -> dict[str, float]:
    """What the scheduler counts for a pod: the sum of its containers, or the largest init container, and the pod itself."""
    spec = pod.get("spec") or {}
    total: dict[str, float] = {"pods": 1.0}
    for container in spec.get("containers") or ():
        for kind, text in _requested(container).items():
            total[kind] = total.get(kind, 0.0) + amount(text)
    for container in spec.get("initContainers") or ():
        for kind, text in _requested(container).items():
            total[kind] = max(total.get(kind, 0.0), amount(text))
    return total


def _requested(container: Mapping[str, Any]) -> Mapping[str, Any]:
    return (container.get("resources") or {}).get("requests") or {}


def _lacking(free: Mapping[str, float], wanted: Mapping[str, float]) -> str:
    lacking = [kind for kind, much in wanted.items() if much > free.get(kind, 0.0) + 1e-9]
    return f"has too little free {', '.join(lacking)}" if lacking else ""


def _refusal(node: Object, pod: Object) -> str:
    spec, labels = node.get("spec") or {}, meta(node).get("labels") or {}
    if spec.get("unschedulable"):
        return "is cordoned"
    if not is_ready(node):
        return "is not ready"
    wanted = (pod.get("spec") or {}).get("nodeSelector") or {}
    if not wanted.items() <= labels.items():
        return f"lacks the labels {', '.join(f'{k}={v}' for k, v in wanted.items())}"
    taints = untolerated(node, pod)
    return f"has the taint {taints[0]}" if taints else ""


def amount(text: Any) -> float:
    """A quantity of the Kubernetes API as a number."""
    from kubernetes.utils.quantity import parse_quantity  # only now: the package takes its time

    return float(parse_quantity(text))
