# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod that no node takes: the taints and labels that the scheduler only counts."""

from __future__ import annotations

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes.cause import cause as make
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.node_look import NodeLook

from .fake_api import FakeApi, objects, status
from .test_causes import pod, waits
from .test_waits import upgrade

NODES = paths.of("v1", "nodes")
TAINTED = "0/2 nodes are available: 2 node(s) had untolerated taint(s)"
TERMS = "node affinity/selector"
LABELLED = "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector"


def node(name, taints=(), **labels):
    return {"metadata": {"name": name, "labels": labels}, "spec": {"taints": list(taints)}}


def taint(key, value="", effect="NoSchedule"):
    return {"key": key, "value": value, "effect": effect}


@pytest.fixture
def api():
    with FakeApi() as server:
        server.on(
            "GET", NODES, objects("Node", "1", node("a", [taint("soon", "yes"), taint("gpu"), taint("x", effect="PreferNoSchedule")]), node("b", disk="hdd"))
        )
        yield server


def named(api, evidence=TAINTED, code="Unschedulable", **spec):
    picture = upgrade(pod(containers=[waits()], spec=spec))
    cause = make(code, picture, "Pod/web-1-a", "no node can take the pod", evidence)
    look = NodeLook(Cluster.connect({"host": api.url}), "ns")
    look.named(picture, [cause])
    return look.named(picture, [cause])[0].cause


@pytest.mark.parametrize(
    ("tolerations", "said"),
    [
        ([], ": Node/a has the taint soon=yes:NoSchedule, gpu:NoSchedule"),
        ([{"key": "gpu", "operator": "Exists"}], ": Node/a has the taint soon=yes:NoSchedule"),
        ([{"key": "soon", "value": "yes", "effect": "NoSchedule"}], ": Node/a has the taint gpu:NoSchedule"),
        (
            [{"key": "soon", "value": "no"}, {"key": "gpu", "operator": "Exists", "effect": "NoExecute"}],
            ": Node/a has the taint soon=yes:NoSchedule, gpu:NoSchedule",
        ),
        ([{"operator": "Exists"}], ""),
    ],
)
def test_the_taints_that_the_pod_does_not_tolerate_are_named(api, tolerations, said):
    assert named(api, tolerations=tolerations) == "no node can take the pod" + said and api.asked(NODES) == 1


def test_a_label_that_no_node_has_is_named(api):
    assert named(api, LABELLED, nodeSelector={"disk": "ssd"}).endswith("no node has the label disk=ssd of the pod's nodeSelector")
    assert named(api, LABELLED, nodeSelector={"disk": "hdd"}) == "no node can take the pod"


def test_an_affinity_that_no_node_meets_is_named(api):
    def said(*expressions):
        required = {"nodeSelectorTerms": [{"matchExpressions": list(expressions)}]}
        return named(api, LABELLED, affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}})

    ssd, hdd = ({"key": "disk", "operator": "In", "values": [value, "nvme"]} for value in ("ssd", "hdd"))
    assert said(ssd, hdd).endswith(": no node has labels that meet disk in ssd, nvme of the pod's nodeAffinity") and said(hdd) == "no node can take the pod"
    assert said({"key": "zone", "operator": "Exists"}).endswith("no node has labels that meet zone of the pod's nodeAffinity")


def test_the_node_whose_kubelet_rejects_the_pods_is_compared_with_the_pod(api):
    refused = pod(spec={"nodeName": "b", "nodeSelector": {"disk": "ssd"}}, status={"phase": "Failed"})
    picture = upgrade(refused)
    cause = make(
        "PodRejected", picture, "ReplicaSet/web-1", "the kubelet does not admit the pods", "Predicate NodeAffinity failed: node(s) didn't match Pod's " + TERMS
    )
    (found,) = NodeLook(Cluster.connect({"host": api.url}), "ns").named(picture, [cause])
    assert found.cause.endswith("the pods; Node/b does not have the label disk=ssd of the pod's nodeSelector")


def test_a_node_that_does_not_exist_is_named_for_a_pod_that_no_kubelet_has_taken(api):
    assert (
        named(api, code="PodStarting", nodeName="ghost").endswith("; Node/ghost does not exist") and named(api, code="PodStarting", nodeName="b")[-4:] == " pod"
    )
    picture = upgrade(pod(spec={"nodeName": "ghost"}, status={"startTime": "2026-01-01T00:00:00Z"}))
    cause = make("PodStarting", picture, "Pod/web-1-a", "the pod is being started", "")
    assert NodeLook(Cluster.connect({"host": api.url}), "ns").named(picture, [cause]) == [cause]


def test_other_causes_and_other_words_read_no_node_and_without_the_right_the_scheduler_is_quoted(api):
    assert named(api, code="NodeNotReady") == named(api, "Insufficient memory") == "no node can take the pod" and api.asked(NODES) == 0
    api.script[("GET", NODES)] = [status(403, "Forbidden", "no")]
    assert named(api) == "no node can take the pod"
