# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The right cluster, and a namespace that two may make at once: refused, or settled, before the first write."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from ansible_collections.oceans.llm.plugins.action.secrets import ActionModule
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import namespaces, paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster, ClusterError
from ansible_collections.oceans.llm.plugins.plugin_utils.secrets import digest, identity
from ansible_collections.oceans.llm.plugins.plugin_utils.secrets.identity import LABEL, WrongCluster

from .fake_api import ok, status
from .run_action import run

KUBE_SYSTEM, KEY = paths.namespace("kube-system"), paths.secret("ns", "rel-digest-key")
NAMESPACE = {"kind": "Namespace", "metadata": {"name": "ns"}}


def known(uid: str | None) -> dict:
    labels = {LABEL: uid} if uid else {}
    return {"metadata": {"name": "rel-digest-key", "labels": labels}, "data": {"key": base64.b64encode(b"k" * 32).decode()}}


def check(api, tmp_path, pinned="", host="a", others=(), release="rel"):
    cluster = Cluster.connect({"host": api.url})
    identity.check(cluster, "ns", release, pinned, host, others, str(tmp_path))
    return cluster


def writes(api):
    return [(method, path) for method, path, _query, _body in api.seen if method != "GET"]


def test_the_clusters_uid_is_remembered_with_the_release(api, tmp_path):
    api.on("GET", KUBE_SYSTEM, ok({"metadata": {"uid": "u-1"}}))
    api.on("POST", paths.secrets("ns"), ok(known("u-1"), 201))
    cluster = check(api, tmp_path)
    digest.key_of(cluster, "ns", "rel", make=True)
    assert json.loads(api.seen[-1][3])["metadata"]["labels"][LABEL] == "u-1"


def test_a_release_from_before_is_remembered_from_now_on(api, tmp_path):
    api.on("GET", KUBE_SYSTEM, ok({"metadata": {"uid": "u-1"}}))
    api.on("GET", KEY, ok(known(None)))
    api.on("PATCH", KEY, ok(known("u-1")))
    digest.key_of(check(api, tmp_path), "ns", "rel", make=True)
    assert json.loads(api.seen[-1][3]) == {"metadata": {"labels": {LABEL: "u-1"}}}


@pytest.mark.parametrize(
    ("answer", "label", "pinned", "says"),
    [
        (ok({"metadata": {"uid": "u-2"}}), "u-1", "", "belongs to another cluster.*u-1.*label secret rel-digest-key oceans.llm/cluster-uid-"),
        (ok({"metadata": {"uid": "u-2"}}), None, "u-1", "is not the cluster that the inventory names.*u-2.*u-1"),
        (status(403, "Forbidden", "no"), "u-1", "u-1", "lacks the permission.*grant get on the namespace kube-system"),
    ],
)
def test_another_cluster_is_refused(api, tmp_path, answer, label, pinned, says):
    api.on("GET", KUBE_SYSTEM, answer)
    api.on("GET", KEY, ok(known(label)))
    with pytest.raises(WrongCluster, match=says):
        check(api, tmp_path, pinned)
    assert writes(api) == []


OURS, HIDDEN = ok({"metadata": {"uid": "u-1"}}), status(403, "Forbidden", "no")


@pytest.mark.parametrize(("answer", "label"), [(OURS, "u-1"), (HIDDEN, "u-1"), (HIDDEN, None)])
def test_the_right_cluster_and_one_that_may_not_be_asked_pass(api, tmp_path, answer, label):
    api.on("GET", KUBE_SYSTEM, answer)
    api.on("GET", KEY, ok(known(label)))
    check(api, tmp_path)


def test_a_plugin_refuses_the_wrong_cluster_before_it_writes(api):
    api.on("GET", KUBE_SYSTEM, ok({"metadata": {"uid": "u-2"}}))
    api.on("GET", KEY, ok(known("u-1")))
    args = {"name": "s", "namespace": "ns", "data": {"A": "b"}, "release": "rel"}
    result = run(ActionModule, api, args)
    assert result["failed"] and "belongs to another cluster" in result["msg"] and writes(api) == []
    assert "not the cluster that the inventory names" in run(ActionModule, api, {**args, "cluster_uid": "u-9"})["msg"]


@pytest.mark.parametrize("answer", [ok({"metadata": {"uid": "u-1"}}), status(403, "Forbidden", "no")])
def test_two_hosts_of_a_play_that_are_one_release_are_refused(api, tmp_path, answer):
    api.on("GET", KUBE_SYSTEM, answer)
    check(api, tmp_path, host="a", others=["b"])
    check(api, tmp_path, host="a", others=["b"])  # its next task
    with pytest.raises(WrongCluster, match="hosts a and b of this play name the same release ns/rel"):
        check(api, tmp_path, host="b", others=["a"])
    check(api, tmp_path, host="b", others=["a"], release="another")
    check(api, tmp_path, host="b", others=["c"])  # a is a host of another play of this run


def test_of_two_hosts_at_once_exactly_one_is_refused(api, tmp_path):
    api.on("GET", KUBE_SYSTEM, ok({"metadata": {"uid": "u-1"}}))

    def tried(host, other):
        try:
            check(api, tmp_path, host=host, others=[other])
        except WrongCluster:
            return host
        return ""

    with ThreadPoolExecutor(2) as pool:
        refused = list(pool.map(tried, ("a", "b"), ("b", "a")))
    assert sorted(map(bool, refused)) == [False, True]


# --- the namespace --------------------------------------------------------------------------------------------------------


def ensured(api, create=True, dry_run=False):
    return namespaces.ensure(Cluster.connect({"host": api.url}), "ns", create, dry_run)


def test_a_namespace_is_made_only_when_that_was_asked_for(api):
    api.on("POST", paths.NAMESPACES, ok(NAMESPACE, 201))
    with pytest.raises(ClusterError, match="oceans_llm_create_namespace: true"):
        ensured(api, create=False)
    assert ensured(api, dry_run=True) == namespaces.PLANNED and writes(api) == []
    assert ensured(api) == namespaces.CREATED


def test_somebody_who_is_quicker_does_no_harm(api):
    api.on("GET", paths.namespace("ns"), status(404, "NotFound", "no"), ok(NAMESPACE))
    api.on("POST", paths.NAMESPACES, status(409, "AlreadyExists", "there"))
    assert ensured(api) == namespaces.EXISTS


def test_a_namespace_that_this_user_cannot_create_is_a_matter_for_an_administrator(api):
    api.on("POST", paths.NAMESPACES, status(403, "Forbidden", "namespaces is forbidden: You may not request a new project via this API."))
    with pytest.raises(ClusterError, match="You may not request a new project.*kubectl create namespace ns, or on OpenShift: oc new-project ns"):
        ensured(api)


def test_a_namespace_that_goes_is_waited_for_by_the_user(api):
    api.on("GET", paths.namespace("ns"), ok({"metadata": {"name": "ns", "deletionTimestamp": "2026-01-01T00:00:00Z"}}))
    with pytest.raises(ClusterError, match="has been terminating since 2026"):
        ensured(api)


def test_a_namespace_that_may_not_be_seen_is_taken_to_exist(api):
    api.on("GET", paths.namespace("ns"), status(403, "Forbidden", "no"))
    assert ensured(api, create=False) == namespaces.EXISTS
