# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods that no node takes, and nodes that went away. A node may come, a taint may be lifted: all of it has a budget."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...gateway import word_table
from ...kube.objects import Object, epoch, is_ready, meta, name_of, ref
from ..model import Cause, Snapshot, events_of, old_pods, starting, workers
from . import origin
from .cause import cause, rule

#: what helps against the reasons of schedulers and autoscalers; each that fits, in this order
_CURES = r"""
fargate supported on Fargate
    remove what Fargate does not support from the pod, or change the Fargate profile so that other nodes take the pods of the namespace
gang pod ?group|gang|queue
    raise the quota of the pod's queue, or use the default scheduler for the namespace: kubectl -n {ns} describe podgroups; kubectl get queues
claims resource ?claim|dynamic resource
    create the ResourceClaim, or start the driver that serves it: kubectl -n {ns} get resourceclaims; kubectl get deviceclasses
pool nodepool|provisioner|instance type
    admit the pod in a node pool (requirements, taints and limits): kubectl get nodepools -o yaml
zone volume node affinity|volume zone|no available volume
    add a node in the zone of the pod's volume: kubectl get pv -o yaml
claims2 persistent volumes to bind|non-existent pv
    create a PersistentVolume that fits the claim of the pod, or correct its StorageClass: kubectl get pv; kubectl -n {ns} get pvc
limit max volume count|volume limit
    use nodes that can attach more volumes, or move pods with volumes to other nodes: kubectl get csinodes
ports free ports
    remove hostPort and hostNetwork, or use as many nodes as replicas
full Too many pods
    add a node, or raise maxPods of the kubelets
pressure node\.kubernetes\.io/(?P<what>disk|memory|pid)-pressure
    free {what} on the nodes: kubectl describe nodes
broken node\.kubernetes\.io/(?:not-ready|unreachable|network-unavailable|out-of-service)
    repair the nodes that are not ready: kubectl get nodes
cloud uninitialized
    start the cloud-controller-manager, which removes the taint uninitialized from new nodes: kubectl -n kube-system get pods
cordoned unschedulable: true|unschedulable: \}|were unschedulable|node\.kubernetes\.io/unschedulable
    admit pods to the nodes again: kubectl uncordon NODE
tainted taint\(s\)|taint \{(?!node\.kubernetes\.io|node\.cloudprovider|unschedulable)|taints that|not tolerate
    add the toleration in oceans_llm_values.scheduling.tolerations, or remove the taint: kubectl describe nodes
spread topology spread|anti-affinity|pod affinity
    add nodes, or relax topologySpreadConstraints and affinity in oceans_llm_values.scheduling
labels node affinity/selector|node selector|(?<!volume )node affinity
    correct nodeSelector and affinity in oceans_llm_values.scheduling, or label a node: kubectl get nodes --show-labels
resources Insufficient
    add a node, or lower the resource requests (oceans_llm_resources): kubectl describe nodes
"""
CURES = tuple(word_table.rows(_CURES))


def _hint(snapshot: Snapshot, pod: Object, what: str) -> str:
    """One cure for each reason that the scheduler names, at most two; empty where it names none that is known."""
    known = {"ns": snapshot.scope.namespace, "name": name_of(pod)}
    found = [texts[0].format_map({**known, **hit.groupdict()}) for pattern, _reason, texts in CURES if (hit := pattern.search(what))]
    return "; or ".join(found[:2])


@rule(30)
def unschedulable(snapshot: Snapshot) -> Iterator[Cause]:
    for kind, owner, pod in starting(snapshot):
        if (pod.get("spec") or {}).get("nodeName") or (pod.get("spec") or {}).get("schedulingGates"):
            continue  # starting.py knows the gates
        text = _reason(snapshot, pod)
        if not text or "unbound immediate PersistentVolumeClaims" in text or ('persistentvolumeclaim "' in text and "not found" in text):
            continue  # volumes.py knows why
        begun = epoch(meta(pod).get("creationTimestamp"))
        scaling = [e for e in events_of(snapshot, "Pod", name_of(pod)) if e.get("reason") in ("TriggeredScaleUp", "Nominated")]
        if scaling:
            what = f"no node can take the pod of {kind}/{owner}; the cluster autoscaler is adding a node"
            yield cause("UnschedulableScaling", snapshot, ref(pod), what, scaling[-1].get("message") or text, since=begun)
        else:
            changed = origin.changed_resources(snapshot, pod)
            what = f"no node can take the pod of {kind}/{owner}: {_nodes(text)}{f'; {changed}' if changed else ''}{_no_node(snapshot, pod)}"
            yield cause("Unschedulable", snapshot, ref(pod), what, text, since=begun, hint=_hint(snapshot, pod, what))


def _reason(snapshot: Snapshot, pod: Object) -> str:
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return str(condition.get("message") or condition.get("reason") or "Unschedulable")
    failed = [e for e in events_of(snapshot, "Pod", name_of(pod)) if e.get("reason") == "FailedScheduling" and not _of_karpenter(e)]
    return str(failed[-1].get("message") or "") if failed else ""


def _nodes(text: str) -> str:
    """The scheduler's count of nodes and reasons, without what it says of preemption."""
    return " ".join(re.split(r"(?:\.? still not schedulable,)? preemption:|\.? no new claims", text)[0].removesuffix(".").split())


def _of_karpenter(event: Object) -> bool:
    return "karpenter" in (event.get("reportingComponent"), (event.get("source") or {}).get("component"))


def _no_node(snapshot: Snapshot, pod: Object) -> str:
    """Why Karpenter or the cluster autoscaler does not add a node, if it said so."""
    events = events_of(snapshot, "Pod", name_of(pod))
    if words := [str(e.get("message")) for e in events if e.get("reason") == "FailedScheduling" and _of_karpenter(e)]:
        return f"; Karpenter adds no node: {' '.join(words[-1].removeprefix('Failed to schedule pod, ').split())}"
    told = [str(e.get("message")) for e in events_of(snapshot, "Pod", name_of(pod)) if e.get("reason") == "NotTriggerScaleUp"]
    return f"; the cluster autoscaler adds no node: {' '.join(told[-1].rpartition('scale-up: ')[2].split())}" if told else ""


@rule(210)
def lost_nodes(snapshot: Snapshot) -> Iterator[Cause]:
    """A pod whose node stopped answering; the node controller tells it by an event on the pod."""
    for _kind, _owner, pod in starting(snapshot):
        told = [e for e in events_of(snapshot, "Pod", name_of(pod)) if e.get("reason") in ("NodeNotReady", "TaintManagerEviction")]
        if told and not is_ready(pod):
            node = (pod.get("spec") or {}).get("nodeName") or "?"
            since = epoch(told[0].get("firstTimestamp") or told[0].get("eventTime"))
            what = f"node {node} is not ready; pods of the release on this node: {', '.join(_on(snapshot, node)) or ref(pod)}"
            yield cause("NodeNotReady", snapshot, ref(pod), what, told[-1].get("message") or "", since=since, node=node)


def _on(snapshot: Snapshot, node: str) -> list[str]:
    """The release's pods on a node, old and new."""
    mine = [pod for _kind, _owner, pod in workers(snapshot)] + [pod for name in snapshot.scope.deployments for pod in old_pods(snapshot, name)]
    return sorted(name_of(pod) for pod in mine if (pod.get("spec") or {}).get("nodeName") == node)
