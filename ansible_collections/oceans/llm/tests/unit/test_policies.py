# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which NetworkPolicies leave a pod no way: the rules of the Kubernetes API, and no guess."""

from __future__ import annotations

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.policies import EGRESS, INGRESS, blocked, selects
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import probe_verdict
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes.cause import cause as make
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.policy_look import PolicyLook

from .fake_api import FakeApi, objects, ok, status
from .place import POLICIES
from .test_causes import pod
from .test_waits import upgrade

POD = {"app": "gw", "tier": "front"}


def policy(name: str = "p", selector: dict | None = None, **spec) -> dict:
    return {"metadata": {"name": name}, "spec": {"podSelector": selector or {}, **spec}}


@pytest.mark.parametrize(
    ("policies", "way", "names"),
    [
        ([], INGRESS, []),
        ([policy()], INGRESS, ["p"]),  # without policyTypes: Ingress, and nothing is admitted
        ([policy()], EGRESS, []),
        ([policy(egress=[{}])], EGRESS, []),
        ([policy(policyTypes=["Egress"])], EGRESS, ["p"]),
        ([policy(policyTypes=["Egress"])], INGRESS, []),
        ([policy(selector={"matchLabels": {"app": "other"}})], INGRESS, []),
        ([policy(ingress=[{}])], INGRESS, []),
        ([policy(ingress=[{"ports": []}])], INGRESS, []),  # an empty list of ports is all ports
        ([policy(ingress=[{"ports": [{"port": 9}]}])], INGRESS, ["p"]),
        ([policy(ingress=[{"ports": [{"port": "http"}]}])], INGRESS, []),
        ([policy(ingress=[{"ports": [{"port": 8000, "endPort": 8100}]}])], INGRESS, []),
        ([policy(ingress=[{"ports": [{"port": 8080, "protocol": "UDP"}]}])], INGRESS, ["p"]),
        ([policy(ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "x"}}}]}])], INGRESS, []),  # admits somebody
        ([policy("a"), policy("b")], INGRESS, ["a", "b"]),
        ([policy("a"), policy("b", ingress=[{}])], INGRESS, []),  # what one admits is admitted
    ],
)
def test_a_way_is_closed_only_by_policies_that_together_admit_nothing(policies, way, names):
    assert blocked(policies, POD, way, (8080, "http") if way == INGRESS else ()) == names


@pytest.mark.parametrize(
    ("peer", "names"),
    [
        ({"podSelector": {"matchLabels": {"app": "probe"}}}, []),
        ({"podSelector": {"matchLabels": {"app": "edge"}}}, ["p"]),
        ({"namespaceSelector": {"matchLabels": {"x": "y"}}}, []),  # not known from here
        ({"ipBlock": {"cidr": "10.0.0.0/8"}}, []),
    ],
)
def test_one_peer_is_admitted_or_not(peer, names):
    assert blocked([policy(ingress=[{"from": [peer]}])], POD, INGRESS, peer={"app": "probe"}) == names


@pytest.mark.parametrize(
    ("expression", "fits"),
    [
        ({"key": "app", "operator": "In", "values": ["gw"]}, True),
        ({"key": "app", "operator": "NotIn", "values": ["gw"]}, False),
        ({"key": "none", "operator": "NotIn", "values": ["gw"]}, True),
        ({"key": "app", "operator": "Exists"}, True),
        ({"key": "app", "operator": "DoesNotExist"}, False),
    ],
)
def test_expressions_of_a_selector(expression, fits):
    assert selects({"matchExpressions": [expression]}, POD) is fits


# --- beside a cause -----------------------------------------------------------------------------------------------------------


def closing(name: str, *types: str, **spec) -> dict:
    return {"metadata": {"name": name}, "spec": {"podSelector": {"matchLabels": {"app": "a"}}, "policyTypes": list(types), **spec}}


def test_a_peer_in_a_namespace_that_does_not_exist_admits_nobody():
    typo = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingres"}}}
    one, two = policy(ingress=[{"from": [typo]}]), policy(ingress=[{"from": [typo, {"podSelector": {}}]}, {"ports": [{"port": 1}]}])
    assert blocked([one], POD, INGRESS, [8080]) == []
    with FakeApi() as api:
        cluster = Cluster.connect({"host": api.url})
        api.on("GET", POLICIES, objects("NetworkPolicy", "1", one), objects("NetworkPolicy", "1", one), objects("NetworkPolicy", "1", two))
        api.on("GET", paths.NAMESPACES, *[objects("Namespace", "1", {"metadata": {"name": n, "labels": {NAME: n}}}) for n in ("ingress", "ingres", "x")])
        names = [blocked(probe_verdict.policies(cluster, "ns"), POD, INGRESS, [8080]) for _try in range(3)]
    assert names == [["p"], [], []], "the pods of the namespace itself are admitted"


NAME = "kubernetes.io/metadata.name"
EDGE = {
    "matchLabels": {"app": "edge"},
    "matchExpressions": [{"key": "tier", "operator": "In", "values": ["a", "b"]}, {"key": "old", "operator": "DoesNotExist"}],
}


@pytest.mark.parametrize(
    ("peer", "namespace", "answer", "names"),
    [
        ({"podSelector": EDGE}, "ns", [], ["p"]),
        ({"podSelector": EDGE}, "ns", ["edge-1"], []),
        ({"podSelector": EDGE}, "ns", None, []),  # may not be listed
        ({"podSelector": EDGE, "namespaceSelector": {"matchLabels": {NAME: "edge"}}}, "edge", [], ["p"]),
        ({"podSelector": EDGE, "namespaceSelector": {"matchLabels": {NAME: "edge"}}}, "edge", ["edge-1"], []),
        ({"namespaceSelector": {"matchLabels": {NAME: "edge"}}}, "edge", [], []),  # any pod that comes
    ],
)
def test_a_peer_whose_label_no_pod_has_admits_nobody(peer, namespace, answer, names):
    with FakeApi() as api:
        api.on("GET", POLICIES, objects("NetworkPolicy", "1", policy(ingress=[{"from": [peer]}])))
        api.on("GET", paths.NAMESPACES, objects("Namespace", "1", {"metadata": {"name": "edge", "labels": {NAME: "edge"}}}))
        pods = status(403, "Forbidden", "no") if answer is None else objects("Pod", "1", *({"metadata": {"name": n}} for n in answer))
        api.on("GET", paths.pods(namespace), pods)
        assert blocked(probe_verdict.policies(Cluster.connect({"host": api.url}), "ns"), POD, INGRESS, [8080]) == names
        if names:  # its pods may be scaled to 0
            scaled = {"metadata": {"name": "edge"}, "spec": {"template": {"metadata": {"labels": {"app": "edge", "tier": "b"}}}}}
            api.on("GET", paths.of("apps/v1", "statefulsets", namespace), objects("StatefulSet", "1", scaled))
            assert blocked(probe_verdict.policies(Cluster.connect({"host": api.url}), "ns"), POD, INGRESS, [8080]) == []
        asked = [query for _method, path, query, _body in api.seen if path == paths.pods(namespace)]
        assert all(q["labelSelector"] == ["app=edge,tier in (a,b),!old"] for q in asked)


@pytest.mark.parametrize(
    ("rules", "admitted"),
    [
        ([], False),
        ([{}], True),
        ([{"from": [{"podSelector": {}}]}], False),  # pods of the database's own namespace
        ([{"from": [{"namespaceSelector": {"matchLabels": {"team": "a"}}}]}], True),
        ([{"from": [{"namespaceSelector": {"matchLabels": {"team": "b"}}}]}], False),
        ([{"from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "x"}}}]}], False),
        ([{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}], True),
        ([{"ports": [{"port": 9187}]}], False),
    ],
)
def test_a_policy_at_the_database_is_named_in_its_namespace(rules, admitted):
    picture = upgrade(pod(metadata={"labels": {"app": "a"}}))
    picture.objects["Facts"] = {"database": {"address": "the database d on pg.data.svc:5432"}}
    told = make("DatabaseUnreachable", picture, "Pod/web-1-a", "it reaches nobody", "x", container="it")
    with FakeApi() as api:
        api.on("GET", POLICIES, objects("NetworkPolicy", "1"))
        api.on("GET", paths.service("data", "pg"), ok({"metadata": {"name": "pg"}, "spec": {"selector": {"app": "pg"}}}))
        api.on("GET", paths.namespace("ns"), ok({"metadata": {"name": "ns", "labels": {"team": "a"}}}))
        there = {"metadata": {"name": "wall"}, "spec": {"podSelector": {"matchLabels": {"app": "pg"}}, "ingress": rules}}
        api.on("GET", POLICIES.replace("/ns/", "/data/"), objects("NetworkPolicy", "1", there))
        api.on("GET", paths.NAMESPACES, status(403, "Forbidden", "no"))
        look = PolicyLook(Cluster.connect({"host": api.url}), "ns")
        (named,) = look.named(picture, [told])
    words = "; NetworkPolicy/wall in namespace data does not admit these pods to Service pg (Ingress)"
    assert named.cause == "it reaches nobody" + ("" if admitted else words)


DNS_RULE = {"ports": [{"port": 53, "protocol": "UDP"}]}


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (
            [closing("cage", "Ingress", "Egress")],
            ("; NetworkPolicy/cage blocks connections from the pod to DNS or to the database (Egress), and connections to the pod (Ingress)"),
        ),
        ([closing("out", "Egress")], "; NetworkPolicy/out blocks connections from the pod to DNS or to the database (Egress)"),
        ([closing("dns", "Egress", egress=[DNS_RULE])], "; NetworkPolicy/dns blocks connections from the pod to DNS or to the database (Egress)"),
        (
            [closing("a", "Egress"), closing("b", "Egress")],
            "; NetworkPolicy/a, NetworkPolicy/b block connections from the pod to DNS or to the database (Egress)",
        ),
        ([closing("open", "Egress", egress=[{}])], ""),
        ([closing("in", "Ingress")], ""),
    ],
)
@pytest.mark.parametrize("code", ["NameNotResolved", "DatabaseSilent", "CrashLoop"])
def test_a_pod_that_reaches_nobody_has_the_policy_in_its_cause(found, words, code):
    picture = upgrade(pod(metadata={"labels": {"app": "a"}}))
    told = make(code, picture, "Pod/web-1-a", "it reaches nobody", "x", container="it")
    with FakeApi() as api:
        api.on("GET", POLICIES, objects("NetworkPolicy", "1", *found))
        look = PolicyLook(Cluster.connect({"host": api.url}), "ns")
        look.named(picture, [told])
        (named,) = look.named(picture, [told])  # the policies are listed once
    assert named.cause == "it reaches nobody" + (words if code != "CrashLoop" else "") and api.asked(POLICIES) == (code != "CrashLoop")


TO_DATABASE = {"ports": [{"port": 5432}]}


@pytest.mark.parametrize("ready", [True, False])  # a policy drops the packets to a pod that is not ready, too
@pytest.mark.parametrize(
    ("peer", "blocks"),
    [
        ({"ipBlock": {"cidr": "10.99.0.0/16"}}, True),
        ({"ipBlock": {"cidr": "10.1.0.0/16"}}, False),
        ({"ipBlock": {"cidr": "10.1.0.0/16", "except": ["10.1.2.0/24"]}}, True),
        ({"podSelector": {"matchLabels": {"app": "pg"}}}, True),  # of this namespace, where no pod has that label
        ({"namespaceSelector": {}}, False),
    ],
)
def test_a_way_out_that_misses_the_database_is_named(peer, blocks, ready):
    picture = upgrade(pod(metadata={"labels": {"app": "a"}}))
    picture.objects["Facts"] = {"database": {"address": "the database d on pg.data.svc:5432"}}
    told = make("DatabaseUnreachable", picture, "Pod/web-1-a", "it reaches nobody", "x", container="it")
    ends = {"ports": [{"port": 5432}], "endpoints": [{"addresses": ["10.1.2.3"], "conditions": {"ready": ready}}]}
    with FakeApi() as api:
        api.on("GET", POLICIES, objects("NetworkPolicy", "1", closing("out", "Egress", egress=[DNS_RULE, {**TO_DATABASE, "to": [peer]}])))
        api.on("GET", paths.service("data", "pg"), ok({"metadata": {"name": "pg"}, "spec": {"ports": [{"port": 5432}]}}))
        api.on("GET", paths.endpointslices("data"), objects("EndpointSlice", "1", ends))
        api.on("GET", paths.pods("ns"), objects("Pod", "1"))
        (named,) = PolicyLook(Cluster.connect({"host": api.url}), "ns").named(picture, [told])
    assert ("; NetworkPolicy/out blocks connections from the pod" in named.cause) is blocks
