# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first administrator, against a scripted API server: refused before, run once, proved by a login, remembered."""

from __future__ import annotations

import base64
import gzip
import json

import pytest

from ansible_collections.oceans.llm.plugins.action import bootstrap
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle import one_offs
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.verdict import State

from .fake_api import FakeApi, objects, ok, status
from .run_action import run

PASSWORD = "canary-admin-password"
LOGIN = paths.service_proxy("ns", "gw", 8080, "/api/v1/auth/login/password")
RECORD = paths.configmap("ns", "r-bootstrap")
NO = ok({"error": {"code": "invalid_credentials", "message": "credentials are invalid"}}, 401)
YES = ok({"data": {"must_change_password": True}})
ADMIN = {"enabled": True, "email": "a@example.com", "password": "env.ADMIN_PASSWORD"}
LABELS = {"app.kubernetes.io/component": "gateway"}


def deployment(uid: str = "uid-1") -> dict:
    container = {"name": "gateway", "image": "g", "envFrom": [{"secretRef": {"name": "s"}}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "gw", "namespace": "ns", "labels": LABELS, "uid": uid},
        "spec": {"template": {"metadata": {"labels": LABELS}, "spec": {"containers": [container]}}},
    }


def configmap(admin: dict) -> dict:
    text = {"database": {"url": "env.POSTGRES_URL"}, "auth": {"bootstrap_admin": admin}}
    return {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"gateway.yaml": json.dumps(text)}}


def release(*manifest: dict) -> dict:
    body = {"name": "r", "namespace": "ns", "version": 1, "info": {"status": "deployed"}, "manifest": "\n---\n".join(json.dumps(o) for o in manifest)}
    packed = base64.b64encode(gzip.compress(json.dumps(body).encode())).decode()
    return {"metadata": {"labels": {"version": "1"}}, "data": {"release": base64.b64encode(packed.encode()).decode()}}


class Cluster:
    """A deployed gateway. `job` is what the one-off Job comes to; it may change the answers of the login."""

    def __init__(self, api: FakeApi, admin: dict, password: str | None = PASSWORD) -> None:
        service = {"kind": "Service", "metadata": {"name": "gw", "labels": LABELS}, "spec": {"ports": [{"port": 8080}]}}
        api.on("GET", paths.secrets("ns"), objects("Secret", "1", release(deployment(), service, configmap(admin))))
        api.on("GET", paths.deployment("ns", "gw"), ok(deployment()))
        api.on("GET", paths.configmap("ns", "c"), ok(configmap(admin)))
        data = {"POSTGRES_URL": "postgresql://u:p@h/d", **({"ADMIN_PASSWORD": password} if password is not None else {})}
        api.on("GET", paths.secret("ns", "s"), ok({"metadata": {"name": "s"}, "data": {k: base64.b64encode(v.encode()).decode() for k, v in data.items()}}))
        api.on("POST", paths.jobs("ns"), ok({"metadata": {"name": "r-bootstrap-admin-x"}}, 201))
        api.on("PATCH", RECORD, ok({}))
        api.on("GET", paths.pods("ns"), objects("Pod", "1"))


@pytest.fixture
def followed(monkeypatch):
    """The follower is the engine's and tested there; here a Job simply ends well."""
    names = []

    class Follower:
        def __init__(self, cluster, scope, *args, **kwargs):
            names.extend(scope.jobs)

        def start(self):
            pass

        def run(self, helm):
            return type("Outcome", (), {"state": State.DONE, "cause": None})()

    monkeypatch.setattr(one_offs, "Follower", Follower)
    return names


def go(api: FakeApi, **more) -> dict:
    check = more.pop("check", False)
    return run(bootstrap.ActionModule, api, {"name": "r", "namespace": "ns", "admin": True, **more}, check=check)


def jobs(api: FakeApi) -> int:
    return sum(1 for method, path, _q, _b in api.seen if method == "POST" and path == paths.jobs("ns"))


def test_a_login_that_works_runs_nothing_and_is_remembered(api, followed):
    Cluster(api, ADMIN)
    api.on("POST", LOGIN, YES)
    result = go(api)
    assert result["login"] == "proved" and jobs(api) == 0
    saved = json.loads(api.seen[-1][3])
    assert api.seen[-1][1] == RECORD and saved["data"]["admin"] == "a@example.com" and saved["data"]["proved-at"]


def test_otherwise_the_job_runs_and_the_login_is_tried_again(api, followed):
    Cluster(api, ADMIN)
    api.on("POST", LOGIN, NO, YES)
    result = go(api)
    assert result["changed"] and result["login"] == "proved" and followed == ["r-bootstrap-admin-x"] and api.asked(LOGIN) == 2


def test_a_command_that_ended_well_and_made_nobody_is_no_success(api, followed):
    Cluster(api, ADMIN)
    api.on("POST", LOGIN, NO)
    result = go(api)
    assert result["failed"] and "cannot log in" in result["msg"] and "Secret/s key ADMIN_PASSWORD" in result["msg"] and PASSWORD not in json.dumps(result)
    assert not any(path == RECORD and method == "PATCH" for method, path, _q, _b in api.seen)


def recorded(api: FakeApi, uid: str) -> None:
    place = f"{uid}/" + __import__("hashlib").sha256(b"h/d").hexdigest()[:12]
    api.on("GET", RECORD, ok({"data": {"admin": "a@example.com", "proved-at": "2026-01-01T00:00:00Z", "installation": place}}))


def test_a_password_that_was_changed_after_the_proof_is_fine(api, followed):
    Cluster(api, ADMIN)
    recorded(api, "uid-1")
    api.on("POST", LOGIN, NO)
    result = go(api)
    assert not result["changed"] and "changed since" in result["login"] and jobs(api) == 0


def test_a_proof_of_an_earlier_installation_is_not_believed(api, followed):
    Cluster(api, ADMIN)
    recorded(api, "uid-of-an-earlier-one")
    api.on("POST", LOGIN, NO, YES)
    assert go(api)["login"] == "proved" and jobs(api) == 1


@pytest.mark.parametrize(
    ("admin", "password", "says"),
    [
        ({**ADMIN, "enabled": False}, PASSWORD, "enabled is not true"),
        ({}, PASSWORD, "enabled is not true"),
        ({**ADMIN, "email": ""}, PASSWORD, "email is empty"),
        ({**ADMIN, "password": None}, PASSWORD, "public password admin"),
        ({**ADMIN, "password": "hunter2"}, PASSWORD, "not a reference to a secret"),
        (ADMIN, None, "ADMIN_PASSWORD is missing"),
        (ADMIN, "", "ADMIN_PASSWORD is empty"),
    ],
)
def test_what_would_make_nobody_or_somebody_without_a_password_is_refused_first(api, followed, admin, password, says):
    Cluster(api, admin, password)
    result = go(api)
    assert result["failed"] and says in result["msg"] and jobs(api) == 0 and api.asked(LOGIN) == 0 and "hunter2" not in result["msg"]


def test_a_gateway_that_does_not_serve_gives_no_verdict(api, followed):
    Cluster(api, ADMIN)
    api.on("POST", LOGIN, status(503, "ServiceUnavailable", "no endpoints available"))
    result = go(api)
    assert result["failed"] and "failed: HTTP 503" in result["msg"] and jobs(api) == 0


def test_check_mode_predicts_and_runs_nothing(api, followed):
    Cluster(api, ADMIN)
    api.on("POST", LOGIN, NO)
    result = go(api, check=True)
    assert result["changed"] and jobs(api) == 0 and not any(method == "PATCH" for method, _p, _q, _b in api.seen)


def test_a_configuration_is_seeded_once(api, followed):
    Cluster(api, ADMIN)
    result = go(api, admin=False, seed_config=True)
    assert result["changed"] and result["seed"] == "seeded"
    saved = json.loads(api.seen[-1][3])["data"]
    api.on("GET", RECORD, ok({"data": saved}))
    again = go(api, admin=False, seed_config=True)
    assert not again["changed"] and jobs(api) == 1


def test_no_release_is_said(api, followed):
    api.on("GET", paths.secrets("ns"), objects("Secret", "1"))
    assert "deploy the release first" in go(api)["msg"]


def test_nothing_asked_for_asks_nothing(api, followed):
    assert go(api, admin=False)["msg"] == ("nothing to do: oceans_llm_bootstrap_admin and oceans_llm_seed_config are false") and len(api.seen) == 2, (
        "which cluster it is, and nothing else"
    )
