# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""commonLabels and commonAnnotations on every object that the collection writes: what the API server is sent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.oceans.llm.plugins.action import bootstrap
from ansible_collections.oceans.llm.plugins.plugin_utils.gateway import one_off_job
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.lock import Lock
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import namespaces, paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.common import Common
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.objects import owned_by
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle import held, restore_point
from ansible_collections.oceans.llm.plugins.plugin_utils.secrets import digest

from .fake_api import ok, status

LABELS, ANNOTATIONS = {"team": "ai", "tier": 1, "none": None}, {"example.com/owner": "llm"}
POD = {"metadata": {"labels": {"app": "gw"}}, "spec": {"containers": [{"name": "gateway", "image": "gw:1"}]}}
DEPLOYMENT = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "gw", "namespace": "ns", "uid": "u"}, "spec": {"template": POD}}
KEY = paths.secret("ns", "rel-digest-key")
MISSING = status(404, "NotFound", "no")


@pytest.fixture
def cluster(api):
    found = Cluster.connect({"host": api.url})
    found.common = Common(LABELS, ANNOTATIONS)
    return found


def sent(api, method: str) -> list[dict[str, Any]]:
    return [json.loads(body) for m, _path, _q, body in api.seen if m == method and body]


def is_marked(obj: dict[str, Any]) -> bool:
    about = obj["metadata"]
    labels = about["labels"]
    return labels["team"] == "ai" and labels["tier"] == "1" and "none" not in labels and about["annotations"]["example.com/owner"] == "llm"


def test_the_lease_has_them_when_it_is_made_and_when_it_exists(api, cluster):
    lease = {"metadata": {"resourceVersion": "1"}, "spec": {"holderIdentity": ""}}
    api.on("GET", paths.lease("ns", "oceans-llm-rel"), MISSING, ok(lease))
    api.on("POST", paths.leases("ns"), ok(lease, 201))
    api.on("PATCH", paths.lease("ns", "oceans-llm-rel"), ok(lease))
    for _once in range(2):
        with Lock(cluster, "ns", "rel", print).of(4):
            pass
    taken = next(body for body in sent(api, "PATCH") if "labels" in body["metadata"])
    for made in (sent(api, "POST")[0], taken):
        assert is_marked(made) and made["metadata"]["annotations"]["oceans.llm/revision"] == "4"
        assert made["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "oceans.llm"


def test_the_digest_key_has_them_also_when_it_is_older(api, cluster):
    older = {"metadata": {"labels": {"a": "b"}}, "data": {"key": "eA=="}}
    newer = {"metadata": {"labels": {"team": "ai", "tier": "1"}, "annotations": ANNOTATIONS}, "data": {"key": "eA=="}}
    api.on("GET", KEY, MISSING, ok(older), ok(newer))
    api.on("POST", paths.secrets("ns"), ok({"data": {"key": "eA=="}}, 201))
    api.on("PATCH", KEY, ok({}))
    for _time in range(3):
        assert digest.key_of(cluster, "ns", "rel", make=True) == b"x"
    assert is_marked(sent(api, "POST")[0])
    (patched,) = sent(api, "PATCH")
    assert is_marked(patched) and "data" not in patched


def test_config_maps_secrets_and_the_namespace_have_them(api, cluster):
    points, record, rotation = paths.configmap("ns", "rel-restore-points"), paths.configmap("ns", "rel-bootstrap"), paths.secret("ns", "rel-rotation")
    for path in (points, record, rotation):
        api.on("PATCH", path, ok({}))
    api.on("GET", record, MISSING)
    api.on("GET", paths.namespace("ns"), MISSING)
    api.on("POST", paths.NAMESPACES, ok({}, 201))
    restore_point.record(cluster, "ns", "rel", [])
    proved = bootstrap.Record(cluster, "ns", "rel-bootstrap", "place")
    proved.move()
    assert proved.save()
    held.put(cluster, DEPLOYMENT, "rel-rotation", {"a": "b"}, held.MANAGER)
    namespaces.ensure(cluster, "ns", create=True, dry_run=False)
    kinds = [(obj["kind"], is_marked(obj)) for obj in [*sent(api, "PATCH"), *sent(api, "POST")]]
    assert kinds == [("ConfigMap", True), ("ConfigMap", True), ("Secret", True), ("Namespace", True)]
    assert sent(api, "PATCH")[2]["metadata"]["ownerReferences"] == owned_by(DEPLOYMENT)


def test_a_job_has_them_and_its_pods(api, cluster):
    body = one_off_job.job(DEPLOYMENT, ["probe"], prefix="rel", component="probe", deadline=9)
    api.on("POST", paths.jobs("ns"), ok({}, 201))
    cluster.create(paths.jobs("ns"), body)
    (job,) = sent(api, "POST")
    assert is_marked(job) and is_marked(job["spec"]["template"])
    assert job["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"] == "probe"
    assert body["spec"]["template"]["metadata"]["labels"].keys() == {"app", "app.kubernetes.io/component"}, "the caller's own object stays as it is"


def test_the_objects_own_labels_are_stronger_and_a_dry_run_is_not_touched(api, cluster):
    body = {"kind": "PersistentVolumeClaim", "metadata": {"name": "x", "labels": {"team": "own"}}}
    api.on("POST", paths.persistentvolumeclaims("ns"), ok({}, 201))
    cluster.create(paths.persistentvolumeclaims("ns"), body)
    cluster.create(paths.persistentvolumeclaims("ns"), body, dry_run=True)
    made, dry = sent(api, "POST")
    assert made["metadata"]["labels"] == {"team": "own", "tier": "1"} and made["metadata"]["annotations"] == ANNOTATIONS
    assert dry == body


def test_a_review_has_none(api, cluster):
    api.on("POST", paths.REVIEW_SELF_ACCESS, ok({"status": {"allowed": True}}, 201))
    assert cluster.can("get", "pods")
    assert "metadata" not in sent(api, "POST")[0]
