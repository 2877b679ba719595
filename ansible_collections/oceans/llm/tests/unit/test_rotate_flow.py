# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rotation from the plan to the proofs: a fake API server over HTTP and a fake helm program; the gateway's answers follow the key that its pods have."""

from __future__ import annotations

import base64
import gzip
import json

import pytest

from ansible_collections.oceans.llm.plugins.action.rotate import ActionModule as Rotate
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.auth import resolve
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.deployed import LOGIN, SESSION
from ansible_collections.oceans.llm.plugins.plugin_utils.secrets import digest

from .fake_api import FakeApi
from .fake_cluster import NAME, NS, PROXY, SERVICE, stamp
from .fake_postgres import FakePostgres
from .local_task import action_of
from .test_database_look import BLOCKED, BUSY, HISTORY, THERE, history
from .test_lifecycle_actions import Life, deployment, driver, quick, revision

__all__ = ["driver", "quick"]
SECRET, HELD, KEY = f"{NAME}-secrets", f"{NAME}-rotation", "GATEWAY_IDENTITY_TOKEN_SECRET"
OLD, NEW = "canary-old-0123456789abcdef-0123456789", "canary-new-0123456789abcdef-0123456789"


def encoded(**data: str) -> dict[str, str]:
    return {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}


class Rotating(Life):
    """Pods take the Secret's key when the rollout is followed; a session is of the key that signed it."""

    MORE: tuple = ()  # objects of the release besides
    FAKE = {"id": "fake", "type": "openai_compat", "base_url": "http://fake", "auth": {"kind": "bearer", "token": f"env.{KEY}"}}

    def __init__(self, tmp_path, api, server):
        super().__init__(tmp_path, api, server)
        self.planned(OLD)
        manifest = json.loads((tmp_path / "plan.json").read_text())["manifest"]
        web, _service, configmap, *_more = map(json.loads, manifest.split("\n---\n"))
        self.cluster.complete()  # which makes revision 1 of its own
        self.record(2, manifest)
        del self.cluster.objects["secrets"][f"sh.helm.release.v1.{NAME}.v1"]
        of_helm = {"annotations": {"meta.helm.sh/release-name": NAME, "meta.helm.sh/release-namespace": NS}, "namespace": NS}
        for plural, obj in (("deployments", web), ("services", SERVICE), ("configmaps", configmap)):
            was = self.cluster.objects[plural].get(obj["metadata"]["name"]) or {"metadata": {}}
            labels = {**obj["metadata"].get("labels", {}), "app.kubernetes.io/managed-by": "Helm"}
            notes = {**was["metadata"].get("annotations", {}), **of_helm["annotations"]}
            self.cluster.put(plural, {**was, **obj, "metadata": {**was["metadata"], **obj["metadata"], **of_helm, "labels": labels, "annotations": notes}})
        self.cluster.put("secrets", {"metadata": {"name": SECRET}, "data": encoded(**{KEY: OLD, "ADMIN": "canary-password"})})
        self.pods_have = OLD
        api.on("POST", f"{PROXY}{LOGIN}", self.log_in)
        api.on("GET", f"{PROXY}{SESSION}", self.session)
        api.on("PATCH", paths.secret(NS, HELD), self.cluster.write("secrets", HELD))

    def planned(self, value):
        """What helm renders for the Secret with this key."""
        config = {"database": {"url": "env.POSTGRES_URL"}, "auth": {"bootstrap_admin": {"email": "a@b.c", "password": "env.ADMIN", "enabled": True}}}
        config |= {"providers": [self.FAKE], "models": [{"id": "fast", "routes": [{"provider": "fake", "upstream_model": "gpt"}]}]}
        web = deployment("v0.23.0")
        web["spec"]["template"]["spec"]["containers"][0]["envFrom"] = [{"secretRef": {"name": SECRET}}]
        web["spec"]["template"]["metadata"] = {**web["spec"]["template"]["metadata"], "annotations": self.annotations(value)}
        web["spec"]["selector"] = {"matchLabels": {"a": "b"}}
        configmap = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "c"}, "data": {"gateway.yaml": json.dumps(config)}}
        manifest = "\n---\n".join(json.dumps(o) for o in (web, SERVICE, configmap, *self.MORE))
        (self.home / "plan.json").write_text(json.dumps({**revision(3, "pending-upgrade", "v0.23.0"), "manifest": manifest}))

    def annotations(self, _value):
        return {}

    def record(self, number, manifest):
        packed = gzip.compress(json.dumps({**revision(number, "deployed", "v0.23.0"), "manifest": manifest}).encode())
        self.records((number, "deployed", "v0.23.0"))
        self.cluster.objects["secrets"][f"sh.helm.release.v1.{NAME}.v{number}"]["data"]["release"] = base64.b64encode(base64.b64encode(packed)).decode()

    def log_in(self, handler):
        handler.send_response(200)
        handler.send_header("Set-Cookie", f"session={self.pods_have}; HttpOnly")
        handler.send_header("Content-Length", "2")
        handler.end_headers()
        handler.wfile.write(b"{}")

    def session(self, handler):
        good = handler.headers.get("Cookie") == f"session={self.pods_have}"
        handler.send(200 if good else 401, b"{}")

    def rotate(self, value=NEW, check=False, source="provision", classes=("session_key",), **more):
        given = {"source": source, "name": SECRET, "namespace": NS, "data": {KEY: value} if source == "provision" else {}, "force": True}
        args = {
            "name": NAME, "namespace": NS, "host": self.api.url, "api_key": "a-token", "timeout": 60, "classes": list(classes), "secrets": given,
            "deploy": {"name": NAME, "namespace": NS, "chart": str(self.home), "helm_binary": str(self.helm.program), "probe": "false", "timeout": 60} | more,
        }  # fmt: skip
        action = action_of(Rotate, args, check=check)
        action.show = lambda text: self.said.append(text.removeprefix("[here] "))
        return action.run(task_vars={"inventory_hostname": "here"})

    def held(self):
        return self.cluster.objects["secrets"].get(HELD, {}).get("data")


class Stored(Rotating):
    """The Secret is External Secrets Operator's, which reads `store` when the annotation changes; `broken` is what it then reports instead."""

    MADE = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": "es", "namespace": NS},
        "spec": {"secretStoreRef": {"name": "vault"}, "target": {"name": SECRET}, "data": [{"secretKey": KEY, "remoteRef": {"key": "llm/key"}}]},
    }
    MORE = (MADE,)

    def __init__(self, tmp_path, api, server):
        super().__init__(tmp_path, api, server)
        self.store, self.broken = OLD, ""
        (tmp_path / "values.yaml").write_text("gateway: {secretsDigest: ''}")
        self.cluster.put("secrets", {"metadata": {"name": f"{NAME}-digest-key"}, "data": {"key": base64.b64encode(b"k" * 32).decode()}})
        self.cluster.put("externalsecrets", {**self.MADE, "status": {"syncedResourceVersion": "1-a"}})
        api.on("PATCH", self.path, self.annotated)

    path = paths.one_of("external-secrets.io/v1", "externalsecrets", NS, "es")

    def annotated(self, handler):
        self.cluster.write("externalsecrets", "es")(handler)
        made = self.cluster.objects["externalsecrets"]["es"]
        if self.broken:
            ready = {"type": "Ready", "status": "False", "reason": "SecretSyncedError", "message": self.broken}
            self.cluster.put("externalsecrets", {**made, "status": {**made["status"], "conditions": [ready]}})
            return
        if self.store != OLD:
            self.cluster.put("secrets", {"metadata": {"name": SECRET}, "data": encoded(**{KEY: self.store, "ADMIN": "canary-password"})})
            self.planned(self.store)
        self.cluster.put("externalsecrets", {**made, "status": {"syncedResourceVersion": f"1-{made['metadata']['annotations']['force-sync']}"}})

    def annotations(self, value):
        return {digest.ANNOTATION: f"{SECRET}={digest.digest(encoded(**{KEY: value, 'ADMIN': 'canary-password'}), b'k' * 32)}"}

    def _upgraded(self, handler):
        manifest = json.loads((self.home / "plan.json").read_text())["manifest"]
        self.record(3, manifest)
        web = json.loads(manifest.partition("\n---\n")[0])
        self.cluster.put("deployments", {**self.cluster.objects["deployments"]["web"], "spec": web["spec"]})
        handler.send(200, b"{}")

    def upgraded(self):
        return [call for call in self.helm.calls("upgrade") if "--dry-run=server" not in call["argv"]]


@pytest.fixture
def answers():
    return {BUSY: [("0",)], BLOCKED: [], THERE: [("t",)], HISTORY: history(*range(17, 44)), "query_to_xml": [("user_sessions", "7")]}


@pytest.fixture
def life(tmp_path, answers):
    with FakeApi() as api, FakePostgres(answers) as server:
        made = Rotating(tmp_path, api, server)
        yield made
        made.close()


@pytest.fixture
def stored(tmp_path, answers):
    with FakeApi() as api, FakePostgres(answers) as server:
        made = Stored(tmp_path, api, server)
        yield made
        made.close()


def test_check_mode_counts_and_sends_nothing_but_reads(life):
    result = life.rotate(check=True)
    assert result["changed"] and "7 sessions will end" in result["rotated"][0]["invalid"], result
    assert [p for m, p, _q, _b in life.api.seen if m != "GET" and p.startswith("/api") and "selfsubject" not in p and "dryRun" not in _q] == []


def test_the_new_key_is_proven_in_use_and_the_old_session_is_refused(life):
    life.at(f"{PROXY}/readyz", lambda: setattr(life, "pods_have", NEW), "GET")
    result = life.rotate()
    assert not result.get("failed"), result
    assert (result["rotated"][0]["new"], result["rotated"][0]["old"]) == ("a new session is accepted", "a session from before the rollout is refused (401)")
    assert life.held() is None and "canary" not in json.dumps(result) + life.screen()


def test_a_rotation_that_broke_off_is_finished_by_the_next_run(life):
    """The pods keep the old key: the proof fails. Then they have the new one, and the same command proves both."""
    result = life.rotate()
    assert result["failed"] and "a session from before the rollout is still accepted" in result["msg"], result
    assert {key: base64.b64decode(v).decode() for key, v in life.held().items()} == {f"{SECRET}.{KEY}": OLD, "session": f"session={OLD}"}
    life.pods_have = NEW
    result = life.rotate()
    assert not result.get("failed") and result["rotated"][0]["old"] == "a session from before the rollout is refused (401)", result
    assert life.held() is None and "canary" not in json.dumps(result) + life.screen()


def test_without_a_completion_no_token_is_called_tried(life):
    result = life.rotate(classes=("provider_token",), probe_model="fast")
    assert not result.get("failed"), result
    assert "the new token was not tried" in result["rotated"][0]["new"] and "answered" not in json.dumps(result), result


class Own(Stored):
    """The ExternalSecret is no part of the release, and owns the Secret."""

    MORE = ()
    OWNER = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "name": "es", "controller": True, "uid": "u"}

    def __init__(self, tmp_path, api, server):
        super().__init__(tmp_path, api, server)
        self.cluster.put("secrets", {**self.cluster.objects["secrets"][SECRET], "metadata": {"name": SECRET, "ownerReferences": [self.OWNER]}})


def test_the_store_of_a_users_own_external_secret_is_named(tmp_path, answers):
    with FakeApi() as api, FakePostgres(answers) as server:
        owned = Own(tmp_path, api, server)
        result = owned.rotate(source="existing")
        owned.close()
    assert result["failed"] and "llm/key in SecretStore/vault is still the value in use" in result["msg"] and "edit secret" not in result["msg"], result


def test_a_value_that_changed_in_the_store_is_fetched_and_proven_and_the_old_one_refused(stored):
    stored.store = NEW
    stored.at(f"{PROXY}/readyz", lambda: setattr(stored, "pods_have", NEW), "GET")
    result = stored.rotate(source="external_secrets")
    assert not result.get("failed"), result
    assert (result["rotated"][0]["new"], result["rotated"][0]["old"]) == ("a new session is accepted", "a session from before the rollout is refused (401)")
    assert stored.upgraded() and stored.held() is None and "canary" not in json.dumps(result) + stored.screen()


def test_what_a_refresh_replaced_is_held_until_the_proof(stored):
    stored.store = NEW
    result = stored.rotate(source="external_secrets")
    assert result["failed"] and "a session from before the rollout is still accepted" in result["msg"], result
    assert base64.b64decode(stored.held()[f"{SECRET}.{KEY}"]).decode() == OLD
    stored.pods_have = NEW
    assert not (result := stored.rotate(source="external_secrets")).get("failed"), result
    assert stored.held() is None


def test_nothing_changed_in_the_store(stored):
    result = stored.rotate(source="external_secrets")
    says = "which ExternalSecret/es creates, and llm/key in SecretStore/vault is still the value in use, so no pod was restarted; change the value in the store"
    assert result["failed"] and says in result["msg"], result
    assert not stored.upgraded() and stored.held() is None


def test_of_two_classes_one_has_not_changed_in_the_store(stored):
    """The Secret has the new value of the other one, which the user is told; the next run can prove it."""
    stored.store = NEW
    result = stored.rotate(source="external_secrets", classes=("session_key", "admin_password"))
    assert result["failed"] and "ADMIN in SecretStore/vault is still the value in use" in result["msg"], result
    assert "the Secret already has the new values of the store, which the running pods do not use" in result["msg"] and not stored.upgraded()
    assert base64.b64decode(stored.held()[f"{SECRET}.{KEY}"]).decode() == OLD


def test_a_refresh_that_the_operator_refuses_ends_the_rotation(stored):
    stored.broken = "could not get secret data from provider"
    result = stored.rotate(source="external_secrets")
    assert result["failed"] and "has not refreshed ExternalSecret/es (SecretSyncedError: could not get secret data from provider)" in result["msg"], result
    assert not stored.upgraded() and stored.held() is None


def test_check_mode_requests_no_refresh(stored):
    stored.store = NEW
    result = stored.rotate(source="external_secrets", check=True)
    assert result["failed"] and "run without --check, or refresh first: kubectl -n ns annotate externalsecret es force-sync=" in result["msg"], result
    assert not [m for m, p, _q, _b in stored.api.seen if m == "PATCH" and p == stored.path]


@pytest.mark.parametrize(("ago", "changed"), [(60, False), (0, True)])
def test_the_secret_of_a_first_deployment_counts_as_changed_when_it_was_written_after_the_pods_started(stored, ago, changed):
    """Its digest is `pending`: the operator made it while the pods waited for it."""
    web = stored.cluster.objects["deployments"]["web"]
    web["spec"]["template"].setdefault("metadata", {})["annotations"] = {digest.ANNOTATION: f"{SECRET}=pending"}
    pod = {"metadata": {"name": "p", "labels": {"a": "b"}}, "spec": {}, "status": {"startTime": stamp(30), "phase": "Running"}}
    stored.cluster.put("pods", pod)
    stored.cluster.objects["secrets"][SECRET]["metadata"]["creationTimestamp"] = stamp(ago)
    cluster = Cluster.connect(resolve({"host": stored.api.url, "api_key": "a-token"}))
    assert digest.outdated(cluster, {**web, "metadata": {**web["metadata"], "namespace": NS}}, b"k") == ({SECRET} if changed else set())
