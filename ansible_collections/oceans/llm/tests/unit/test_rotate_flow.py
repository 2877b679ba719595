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
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.deployed import LOGIN, SESSION

from .fake_api import FakeApi
from .fake_cluster import NAME, NS, PROXY, SERVICE
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

    def __init__(self, tmp_path, api, server):
        super().__init__(tmp_path, api, server)
        config = {"database": {"url": "env.POSTGRES_URL"}, "auth": {"bootstrap_admin": {"email": "a@b.c", "password": "env.ADMIN", "enabled": True}}}
        web = deployment("v0.23.0")
        web["spec"]["template"]["spec"]["containers"][0]["envFrom"] = [{"secretRef": {"name": SECRET}}]
        web["spec"]["selector"] = {"matchLabels": {"a": "b"}}
        configmap = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "c"}, "data": {"gateway.yaml": json.dumps(config)}}
        manifest = "\n---\n".join(json.dumps(o) for o in (web, SERVICE, configmap))
        (tmp_path / "plan.json").write_text(json.dumps({**revision(3, "pending-upgrade", "v0.23.0"), "manifest": manifest}))
        self.cluster.complete()  # which makes revision 1 of its own
        packed = gzip.compress(json.dumps({**revision(2, "deployed", "v0.23.0"), "manifest": manifest}).encode())
        name = f"sh.helm.release.v1.{NAME}.v2"
        self.cluster.objects["secrets"][name]["data"]["release"] = base64.b64encode(base64.b64encode(packed)).decode()
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

    def log_in(self, handler):
        handler.send_response(200)
        handler.send_header("Set-Cookie", f"session={self.pods_have}; HttpOnly")
        handler.send_header("Content-Length", "2")
        handler.end_headers()
        handler.wfile.write(b"{}")

    def session(self, handler):
        good = handler.headers.get("Cookie") == f"session={self.pods_have}"
        handler.send(200 if good else 401, b"{}")

    def rotate(self, value=NEW, check=False):
        given = {"source": "provision", "name": SECRET, "namespace": NS, "data": {KEY: value}, "force": True}
        args = {
            "name": NAME, "namespace": NS, "host": self.api.url, "api_key": "a-token", "timeout": 15, "classes": ["session_key"], "secrets": given,
            "deploy": {"name": NAME, "namespace": NS, "chart": str(self.home), "helm_binary": str(self.helm.program), "probe": "false", "timeout": 15},
        }  # fmt: skip
        action = action_of(Rotate, args, check=check)
        action.show = lambda text: self.said.append(text.removeprefix("[here] "))
        return action.run(task_vars={"inventory_hostname": "here"})

    def held(self):
        return self.cluster.objects["secrets"].get(HELD, {}).get("data")


@pytest.fixture
def life(tmp_path):
    answers = {BUSY: [("0",)], BLOCKED: [], THERE: [("t",)], HISTORY: history(*range(17, 44)), "query_to_xml": [("user_sessions", "7")]}
    with FakeApi() as api, FakePostgres(answers) as server:
        made = Rotating(tmp_path, api, server)
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
