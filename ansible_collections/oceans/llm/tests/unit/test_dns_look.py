# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A database's name that a pod cannot resolve: a Service that is missing, or a DNS that is wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes.cause import cause as make
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.dns_look import DnsLook

from .fake_api import FakeApi, objects, ok, status
from .test_causes import pod, waits
from .test_waits import upgrade

NO_ADDRESS = "failed to lookup address information: Name or service not known"
SERVICE = paths.service("db", "pg")


@pytest.fixture
def api():
    with FakeApi() as server:
        server.on("GET", SERVICE, lambda h: h.send(200, b'{"metadata":{"name":"pg"},"spec":{"clusterIP":"10.0.0.9"}}'))
        yield server


def named(api, code="DatabaseHostUnknown", address="the database d on pg.db.svc:5432", evidence=NO_ADDRESS, closed=False, env=(), **spec):
    picture = upgrade(pod(containers=[waits()], spec={"containers": [{"name": "it", "env": list(env)}], **spec}))
    picture.objects["Facts"] = {"database": {"address": address}}
    cause = replace(make(code, picture, "Pod/web-1-a", "the database's host name does not exist", evidence, container="it"))
    cause = replace(cause, closed=closed)
    look = DnsLook(Cluster.connect({"host": api.url}), "ns")
    look.named(picture, [cause])
    return look.named(picture, [cause])[0]


def test_a_service_that_exists_and_has_no_address_is_the_fault_of_the_dns_and_is_asked_for_once(api):
    found = named(api)
    assert (found.code, found.object, found.container) == ("NameNotResolved", "Pod/web-1-a", "it") and api.asked(SERVICE) == 1
    assert found.cause == "the cluster's DNS (CoreDNS) does not resolve pg.db.svc, although Service/pg exists in namespace db"
    assert "configmap coredns" in found.hint and found.evidence == NO_ADDRESS


def test_a_service_that_does_not_exist_is_named(api):
    api.script[("GET", SERVICE)] = [status(404, "NotFound", "no")]
    found = named(api)
    assert found.code == "DatabaseHostUnknown" and found.cause.endswith("; there is no Service pg in namespace db")


def test_a_service_that_stands_for_a_host_names_that_host(api):
    api.script[("GET", SERVICE)] = [lambda h: h.send(200, b'{"spec":{"type":"ExternalName","externalName":"old.example"}}')]
    assert "points to the host old.example, which has no address" in named(api).cause


@pytest.mark.parametrize(
    "given",
    [
        {"address": "the database d on pg.example.com:5432"},
        {"address": ""},
        {"evidence": "connection refused"},
        {"code": "DatabaseAuth"},
        {"env": [{"name": "POSTGRES_URL", "value": "postgres://u:p@elsewhere/d"}]},
        {"hostAliases": [{"ip": "192.0.2.1", "hostnames": ["pg.db.svc"]}]},
        {"closed": True},
        {"dnsPolicy": "Default"},
    ],
)
def test_another_name_another_resolver_and_another_cause_ask_nobody(api, given):
    assert named(api, **given).code == given.get("code", "DatabaseHostUnknown") and api.asked(SERVICE) == 0


def test_who_may_not_read_services_is_told_what_is_known(api):
    api.script[("GET", SERVICE)] = [status(403, "Forbidden", "no")]
    assert named(api).cause == "the database's host name does not exist"


@pytest.mark.parametrize(("code", "told"), [("NameNotResolved", True), ("DatabaseHostUnknown", True), ("DatabaseAuth", False)])
def test_the_state_of_the_clusters_own_dns_is_said_where_it_may_be_read(api, code, told):
    there = {"metadata": {"name": "coredns"}, "spec": {"replicas": 0}, "status": {}}
    api.on("GET", paths.of("apps/v1", "deployments", "kube-system"), objects("Deployment", "1", there))
    found = named(api, code=code)
    assert found.cause.endswith("; cluster DNS: Deployment/coredns in namespace kube-system has 0 of 0 pods ready") is told


COREFILE = """pg.db.svc.cluster.local:53 {
    hosts {
        192.0.2.1   pg.db.svc.cluster.local
    }
}
.:53 {
    rewrite name other.db.svc.cluster.local apg.db.svc.cluster.local  # not pg.db.svc
}
"""


def test_rules_of_coredns_for_the_databases_name_are_said(api):
    path = paths.item("configmaps", "kube-system", "coredns")
    assert "CoreDNS (ConfigMap" not in named(api, code="DatabaseUnreachable", evidence="pool timed out").cause
    api.on("GET", path, ok({"data": {"Corefile": COREFILE}}))
    found = named(api, code="DatabaseUnreachable", evidence="pool timed out")
    assert found.cause.endswith(
        "; the configuration of CoreDNS (ConfigMap/coredns in namespace kube-system) has rules of its own for this name: "
        "pg.db.svc.cluster.local:53 { | 192.0.2.1 pg.db.svc.cluster.local"
    )
    assert api.asked(path) == 2, "once a run"
    assert "rules of its own" not in named(api, code="DatabaseUnreachable", evidence="pool timed out", dnsPolicy="Default").cause


DNS_SLICE = {"metadata": {"name": "kube-dns-1", "labels": {"kubernetes.io/service-name": "kube-dns"}}}
READY = {**DNS_SLICE, "endpoints": [{"addresses": ["10.1.0.2"], "conditions": {"ready": True}}]}
WALL = {"metadata": {"name": "wall"}, "spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"ports": [{"port": 9153}]}]}}


@pytest.mark.parametrize(
    ("slices", "policies", "words"),
    [
        ([READY], [], ""),
        ([], [], ""),  # may have another label
        ([DNS_SLICE], [], "Service/kube-dns in namespace kube-system has no ready endpoint"),
        ([READY], [WALL], "NetworkPolicy/wall in namespace kube-system does not admit DNS requests to these pods (Ingress)"),
    ],
)
def test_dns_pods_that_are_ready_and_that_nobody_reaches_have_their_reason(api, slices, policies, words):
    there = {"metadata": {"name": "coredns"}, "spec": {"replicas": 2}, "status": {"readyReplicas": 2}}
    api.on("GET", paths.of("apps/v1", "deployments", "kube-system"), objects("Deployment", "1", there))
    api.on("GET", paths.endpointslices("kube-system"), objects("EndpointSlice", "1", *slices))
    api.on("GET", paths.of("networking.k8s.io/v1", "networkpolicies", "kube-system"), objects("NetworkPolicy", "1", *policies))
    found = named(api, code="NameNotResolved").cause
    assert "has 2 of 2 pods ready" in found and (words in found if words else found.endswith("pods ready"))
