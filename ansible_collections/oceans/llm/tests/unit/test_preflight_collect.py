# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the facts: what is asked of the API server, and that nothing is ever written."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.preflight import dry_runs
from ansible_collections.oceans.llm.plugins.plugin_utils.preflight.checks import admission, route_timeouts
from ansible_collections.oceans.llm.plugins.plugin_utils.preflight.collect import collect
from ansible_collections.oceans.llm.plugins.plugin_utils.preflight.facts import Picture, Wanted

from .fake_api import FakeApi, objects, ok, status

DEPLOYMENTS, JOBS = "/apis/apps/v1/namespaces/ns/deployments", "/apis/batch/v1/namespaces/ns/jobs"
POD = {
    "metadata": {"labels": {"a": "b"}},
    "spec": {"serviceAccountName": "mine", "priorityClassName": "nope", "containers": [{"name": "c", "envFrom": [{"secretRef": {"name": "s"}}]}]},
}
OBJECTS = (
    {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "mine"}},
    {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": {"template": POD}},
    {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "j", "annotations": {"helm.sh/hook": "post-install"}},
        "spec": {"template": {"spec": {"containers": []}}},
    },
    {"apiVersion": "gone.example/v1", "kind": "Thing", "metadata": {"name": "t"}},
)


def resources(*kinds: tuple[str, str]):
    return ok({"resources": [{"name": plural, "kind": kind, "namespaced": True} for kind, plural in kinds]})


@pytest.fixture
def api():
    with FakeApi() as fake:
        fake.on("GET", paths.namespace("ns"), ok({"metadata": {"name": "ns"}}))
        fake.on("GET", paths.GROUPS, ok({"groups": [{"name": "apps"}]}))
        fake.on("GET", "/api/v1", resources(("ServiceAccount", "serviceaccounts")))
        fake.on("GET", "/apis/apps/v1", resources(("Deployment", "deployments")))
        fake.on("GET", "/apis/batch/v1", resources(("Job", "jobs")))
        fake.on("POST", paths.REVIEW_SELF_ACCESS, ok({"status": {"allowed": True}}, 201))
        for plural in ("secrets", "configmaps", "serviceaccounts", "resourcequotas"):
            fake.on("GET", paths.collection(plural, "ns"), objects("X", "1"))
        for path in (paths.INGRESS_CLASSES, paths.STORAGE_CLASSES):
            fake.on("GET", path, objects("X", "1"))
        for path in (DEPLOYMENTS, JOBS, paths.pods("ns"), "/api/v1/namespaces/ns/serviceaccounts"):
            fake.on("POST", path, ok({}, 201))
        yield fake


def look(api: FakeApi, given: tuple = OBJECTS, **wanted) -> Picture:
    cluster = Cluster.connect({"host": api.url, "api_key": "t"})
    return collect(Picture(wanted=Wanted("r", "ns", **wanted), objects=given), cluster)


def sent(api: FakeApi, path: str) -> list[dict]:
    return [json.loads(body) for method, p, _query, body in api.seen if p == path and method in ("POST", "PATCH")]


def test_nothing_is_written(api):
    look(api)
    writes = [(method, path, query) for method, path, query, _body in api.seen if method != "GET" and path != paths.REVIEW_SELF_ACCESS]
    assert writes and all(query.get("dryRun") == ["All"] for _method, _path, query in writes)


def test_a_pod_is_tried_for_every_template_without_the_account_that_comes_with_the_release(api):
    look(api)
    pods = sent(api, paths.pods("ns"))
    assert len(pods) == 2 and all("serviceAccountName" not in p["spec"] for p in pods) and any(p["metadata"]["labels"] == {"a": "b"} for p in pods)


def test_a_refusal_that_hides_others_is_put_aside(api):
    hidden = 'pods "p" is forbidden: violates PodSecurity "restricted:latest": x'
    api.script[("POST", paths.pods("ns"))] = [
        status(403, "Forbidden", 'pods "p" is forbidden: no PriorityClass with name nope was found'),
        status(403, "Forbidden", hidden),
    ]
    runs = [r.message for r in look(api, OBJECTS[:2]).dry_runs if r.pod]
    assert len(runs) == 2 and "PriorityClass" in runs[0] and "PodSecurity" in runs[1]
    assert ["priorityClassName" in p["spec"] for p in sent(api, paths.pods("ns"))] == [True, False]


def test_what_is_live_is_applied_as_helm_would_and_a_hook_is_made_anew(api):
    api.on("GET", f"{DEPLOYMENTS}/d", ok({"metadata": {"name": "d"}}))
    api.on("PATCH", f"{DEPLOYMENTS}/d", ok({}))
    api.on("GET", f"{JOBS}/j", ok({"metadata": {"name": "j"}}))
    look(api)
    (apply,) = [query for method, path, query, _body in api.seen if method == "PATCH"]
    assert apply["fieldManager"] == ["helm"] and apply["force"] == ["false"]
    assert [b["metadata"]["name"] for b in sent(api, JOBS)] == ["j-preflight"]


def test_a_kind_that_is_not_served_is_known_and_not_tried(api):
    picture = look(api)
    assert picture.served["gone.example/v1"] is None and picture.served["apps/v1"] == frozenset({"Deployment"})
    assert "Thing/t" not in [r.object for r in picture.dry_runs]


def test_what_may_not_be_read_is_unknown_and_what_is_missing_is_none(api):
    api.on("GET", paths.secret("ns", "s"), status(403, "Forbidden", "no"))
    api.script[("GET", paths.STORAGE_CLASSES)] = [status(403, "Forbidden", "no")]
    picture = look(api, secret_name="other")
    assert "s" not in picture.secrets and picture.secrets["other"] is None and picture.storage_classes is None and picture.ingress_classes == ()


def test_rights_are_asked_one_by_one_unless_all_are_there(api):
    look(api)
    assert api.asked(paths.REVIEW_SELF_ACCESS) == 1
    api.script[("POST", paths.REVIEW_SELF_ACCESS)] = [ok({"status": {"allowed": False}}, 201)]
    denied = look(api).denied
    found = {(d.verb, d.resource) for d in denied}
    assert found >= {("delete", "pods"), ("create", "jobs"), ("get", "pods/log"), ("patch", "deployments"), ("create", "services/proxy")}


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (status(422, "Invalid", "Deployment.apps is invalid: spec.template.spec.tolerations[0].effect: Unsupported value"), 422),
        (status(400, "BadRequest", "Deployment in version v1 cannot be handled as a Deployment: json: cannot unmarshal string into int64"), 400),
        (status(403, "Forbidden", "exceeded quota: of-default"), 0),
        (status(422, "Invalid", 'admission webhook "policies.example" denied the request: not in default'), 0),
    ],
)
def test_before_there_is_a_namespace_what_the_api_server_refuses_anywhere_is_told(api, answer, told):
    api.script[("GET", paths.namespace("ns"))] = [status(404, "NotFound", "no")]
    api.on("GET", "/api/v1", resources(("Secret", "secrets"), ("ServiceAccount", "serviceaccounts")))
    for path, said in ((DEPLOYMENTS, answer), (JOBS, ok({}, 201)), (paths.collection("serviceaccounts", "ns"), ok({}, 201))):
        api.on("POST", path.replace("/ns/", "/default/"), said)
    picture = look(api, (*OBJECTS, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"A": "canary"}}), create_namespace=True)
    assert picture.new_namespace and {r.object: r.status for r in picture.dry_runs} == {"ServiceAccount/mine": 0, "Deployment/d": told, "Job/j": 0}
    assert not [path for _m, path, _q, _b in api.seen if path == paths.pods("ns")] and "canary" not in str(api.seen)
    assert all(query.get("dryRun") == ["All"] for method, path, query, _b in api.seen if method == "POST" and "/default/" in path)


ELSEWHERE = "/apis/postgresql.cnpg.io/v1/namespaces/default/clusters"
CLUSTER = {"apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "metadata": {"name": "r" * 50, "namespace": "ns"}, "spec": {"instances": 1}}


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (ok({}, 201), 0),
        (status(500, "InternalError", 'failed calling webhook "mcluster.cnpg.io": context deadline exceeded'), 500),
        (status(403, "Forbidden", 'admission webhook "vcluster.cnpg.io" denied the request: spec.x'), 403),
        (status(422, "Invalid", "Cluster is invalid: spec.instances: Invalid value"), 422),
        (status(403, "Forbidden", 'admission webhook "policies.example" denied the request: not in default'), 0),
        (status(403, "Forbidden", "exceeded quota: small"), 0),
        (status(403, "Forbidden", 'User "u" cannot create resource "clusters"'), 0),
    ],
)
def test_before_there_is_a_namespace_an_operator_is_asked_in_another_one(api, answer, told):
    api.script[("GET", paths.namespace("ns"))] = [status(404, "NotFound", "no")]
    api.on("GET", "/apis/postgresql.cnpg.io/v1", resources(("Cluster", "clusters")))
    api.on("GET", paths.DEPLOYMENTS, objects("Deployment", "1"))
    api.on("POST", ELSEWHERE, answer)
    picture = look(api, (CLUSTER,), create_namespace=True)
    assert [(r.object, r.status) for r in picture.dry_runs] == [(f"Cluster/{'r' * 50}", told)]
    ((query, body),) = [(q, b) for _m, path, q, b in api.seen if path == ELSEWHERE]
    body = json.loads(body)
    assert query["dryRun"] == ["All"] and body["metadata"]["namespace"] == "default" and len(body["metadata"]["name"]) <= 50


def test_the_volumes_of_a_database_are_tried_too(api):
    """A LimitRange on claims refuses what the operator makes, long after everything else is there."""
    claims = paths.collection("persistentvolumeclaims", "ns")
    words = 'persistentvolumeclaims "x" is forbidden: maximum storage usage per PersistentVolumeClaim is 5Gi, but request is 20Gi'
    api.on("GET", "/apis/postgresql.cnpg.io/v1", resources(("Cluster", "clusters")))
    api.on("GET", paths.DEPLOYMENTS, objects("Deployment", "1"))
    api.on("POST", claims, status(403, "Forbidden", words))
    spec = {"storage": {"size": "20Gi", "storageClass": "fast"}}
    picture = look(api, ({**CLUSTER, "metadata": {"name": "pg"}, "spec": spec},))
    (body,) = [json.loads(body) for _m, path, _q, body in api.seen if path == claims]
    assert body["spec"]["resources"]["requests"]["storage"] == "20Gi" and body["spec"]["storageClassName"] == "fast"
    (finding,) = [f for f in admission.find(picture) if f.object == "Cluster/pg storage"]
    assert finding.code == "LimitRangeViolated" and "oceans_llm_cloudnativepg.storage" in finding.hint


def test_a_forbidden_namespace_is_not_taken_for_missing(api):
    api.script[("GET", paths.namespace("ns"))] = [status(403, "Forbidden", "no")]
    picture = look(api)
    assert not picture.new_namespace and picture.dry_runs


def test_the_picture_shows_no_secret(api):
    api.on("GET", paths.secret("ns", "s"), ok({"metadata": {"name": "s"}, "data": {"K": "Y2FuYXJ5"}}))
    picture = replace(look(api), wanted=Wanted("r", "ns", provision={"A": b"hunter2"}))
    assert "Y2FuYXJ5" not in repr(picture) and "hunter2" not in repr(picture)


AWAY = 'Internal error occurred: failed calling webhook "m.example": no endpoints available for service "w"'


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(dry_runs, "WEBHOOK_BUDGET", 0.3)
    monkeypatch.setattr(dry_runs, "WEBHOOK_PAUSE", 0.05)


def test_a_webhook_that_comes_back_is_waited_for_and_that_is_said_once(api, monkeypatch):
    monkeypatch.setattr(dry_runs, "WEBHOOK_PAUSE", 0.05)
    api.script[("POST", DEPLOYMENTS)] = [status(500, "InternalError", AWAY)] * 3 + [ok({}, 201)]
    lines: list[str] = []
    runs = collect(Picture(wanted=Wanted("r", "ns"), objects=OBJECTS[1:2]), Cluster.connect({"host": api.url, "api_key": "t"}), lines.append).dry_runs
    assert [r.status for r in runs if not r.pod] == [0]
    assert len(lines) == 1 and "Deployment/d" in lines[0] and "no endpoints" in lines[0]


def test_a_webhook_that_stays_away_is_told_with_the_time_that_it_was_given(api, impatient):
    api.script[("POST", DEPLOYMENTS)] = [status(500, "InternalError", AWAY)]
    picture = look(api, OBJECTS[1:2])
    (finding,) = [f for f in admission.find(picture) if f.object == "Deployment/d"]
    assert finding.code == "WebhookUnavailable" and "m.example does not answer for 0.3 s" in finding.sentence


def test_the_gateway_of_a_route_is_read_with_its_class_and_what_the_api_server_keeps_of_the_route(api):
    version = "gateway.networking.k8s.io/v1"
    spec = {"parentRefs": [{"name": "gate"}], "rules": [{"timeouts": {"request": "15m"}}]}
    route = {"apiVersion": version, "kind": "HTTPRoute", "metadata": {"name": "r"}, "spec": spec}
    gate, public = {"spec": {"gatewayClassName": "public"}}, {"spec": {"controllerName": "x/y"}, "status": {"supportedFeatures": [{"name": "Z"}]}}
    api.on("GET", f"/apis/{version}", resources(("HTTPRoute", "httproutes")))
    api.on("POST", f"/apis/{version}/namespaces/ns/httproutes", ok({**route, "spec": {"rules": [{}]}}, 201))
    api.on("GET", f"/apis/{version}/namespaces/ns/gateways/gate", ok(gate))
    api.on("GET", f"/apis/{version}/gatewayclasses/public", ok(public), status(403, "Forbidden", "no"))
    picture = look(api, (route,))
    assert picture.gateways == {"ns/gate": gate} and picture.gateway_classes == {"public": public}
    assert [f.code for f in route_timeouts.find(picture)] == ["RouteTimeout", "RouteTimeout"]  # ignored by the class, dropped by the API server
    assert look(api, (route,)).gateway_classes == {}


def test_the_store_of_an_external_secret_is_read_where_it_is(api):
    def external(own: str, **ref: str) -> dict:
        return {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": {"name": own}, "spec": {"secretStoreRef": ref}}

    api.on("GET", "/apis/external-secrets.io/v1", resources(("ExternalSecret", "externalsecrets")))
    api.on("POST", "/apis/external-secrets.io/v1/namespaces/ns/externalsecrets", ok({}, 201))
    api.on("GET", "/apis/external-secrets.io/v1/clustersecretstores/vault", ok({"metadata": {"name": "vault"}}))
    operator = {"metadata": {"name": "eso"}}
    api.on("GET", paths.DEPLOYMENTS, ok({"items": [operator]}), status(403, "Forbidden", "no"))
    wanted = (external("a", name="near"), external("b", name="vault", kind="ClusterSecretStore"), external("c"))
    picture = look(api, wanted)
    assert picture.stores == {"SecretStore/near": None, "ClusterSecretStore/vault": {"metadata": {"name": "vault"}}}
    assert picture.operators == (operator,) and look(api, wanted).operators == ()
    assert [q for m, p, q, _b in api.seen if p == paths.DEPLOYMENTS][0]["labelSelector"] == ["app.kubernetes.io/name in (external-secrets)"]
