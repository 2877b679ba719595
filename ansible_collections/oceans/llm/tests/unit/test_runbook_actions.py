# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The actions admin, purge, checks and rotate against a scripted API server: what is said, what is refused, and that a refusal writes nothing."""

from __future__ import annotations

import base64
import json
import time

import pytest

from ansible_collections.oceans.llm.plugins.action import admin, checks, purge, rotate
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster as Connection
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle import rotation as rotating
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.accounts import Accounts
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.deployed import Gateway, NotPossible
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.rotation import Value
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.rotation_steps import DatabasePassword, Run

from .fake_api import Answer, FakeApi, objects, ok, status, thing
from .fake_postgres import FakePostgres
from .run_action import run
from .test_bootstrap_action import ADMIN, LABELS, LOGIN, NO, PASSWORD, YES, Cluster, deployment, release
from .test_database_look import HISTORY, THERE, history

SERVICE = {"kind": "Service", "metadata": {"name": "gw", "labels": LABELS}, "spec": {"ports": [{"port": 8080}]}}
NAME = {"name": "r", "namespace": "ns"}


def now(api: FakeApi, method: str, path: str, answer: Answer) -> None:
    """From here on this is the answer."""
    api.script[method, path] = [answer]


def proxy(path: str) -> str:
    return paths.service_proxy("ns", "gw", 8080, path)


def gateway(api: FakeApi, url: str = "postgresql://u:pencil@nowhere.invalid/d", config: dict | None = None, replicas: int = 1) -> None:
    """A deployed gateway whose database has this URL."""
    Cluster(api, ADMIN)
    text = {"database": {"url": "env.POSTGRES_URL"}, "auth": {"bootstrap_admin": ADMIN}, **(config or {})}
    configured = {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"gateway.yaml": json.dumps(text)}}
    found = deployment()
    found["spec"] |= {"replicas": replicas, "selector": {"matchLabels": {"app": "gw"}}}
    now(api, "GET", paths.secrets("ns"), objects("Secret", "1", release(found, SERVICE, configured)))
    now(api, "GET", paths.deployment("ns", "gw"), ok(found))
    now(api, "GET", paths.configmap("ns", "c"), ok(configured))
    data = {"POSTGRES_URL": url, "ADMIN_PASSWORD": PASSWORD, "GATEWAY_IDENTITY_TOKEN_SECRET": "x" * 40}
    now(api, "GET", paths.secret("ns", "s"), ok({"metadata": {"name": "s"}, "data": {k: base64.b64encode(v.encode()).decode() for k, v in data.items()}}))
    for path in ("/api/v1/health", "/admin"):
        now(api, "GET", proxy(path), ok({}))


def server(api: FakeApi, port: int) -> str:
    """The URL of a PostgreSQL server behind a Service whose end is a port of this machine."""
    now(api, "GET", paths.service("ns", "pg"), ok({"spec": {"ports": [{"port": port}]}}))
    ends = [{"conditions": {"ready": True}, "addresses": ["127.0.0.1"]}]
    now(api, "GET", paths.endpointslices("ns"), objects("EndpointSlice", "1", {"metadata": {"name": "a"}, "ports": [{"port": port}], "endpoints": ends}))
    return f"postgresql://u:pencil@pg:{port}/d"


def writes(api: FakeApi) -> list[str]:
    """Everything but reads, reviews of rights and logins."""
    return [path for method, path, _q, _b in api.seen if method != "GET" and "selfsubject" not in path and path != LOGIN]


def sent(api: FakeApi) -> list[str]:
    """Everything that is no read; a login is none. Reviews of rights write nothing."""
    return [path for method, path, _q, _b in api.seen if method != "GET" and "selfsubject" not in path]


# --- rotate -------------------------------------------------------------------------------------------------------------------


def rotation(api: FakeApi, *classes: str, source: str = "existing", check: bool = False, **more) -> dict:
    arguments = {"classes": list(classes), "secrets": {"source": source, "name": "s", "namespace": "ns", **more}, "deploy": {**NAME, "chart": "c"}}
    return run(rotate.ActionModule, api, {**NAME, **arguments}, check=check)


def test_encryption_keys_are_refused_with_what_would_be_lost_and_nothing_is_written(api):
    answers = {"query_to_xml": [("api_key_managed_credentials", "3"), ("api_key_secret_materials", "0"), ("mcp_upstream_credential_bindings", "1")]}
    with FakePostgres(answers) as postgres:
        gateway(api, server(api, postgres.port))
        begun = time.process_time()  # what a busy machine adds does not count
        result = rotation(api, "encryption_keys", "session_key")
        assert time.process_time() - begun < 3
    assert result["failed"] and "3 managed API keys, 0 sealed API keys, 1 MCP credential would be lost; nothing was changed" in result["msg"]
    assert writes(api) == [] and all("READ ONLY" in sql for sql in postgres.seen)


def test_encryption_keys_are_refused_without_a_database_too(api):
    gateway(api)
    result = rotation(api, "encryption_keys")
    assert result["failed"] and "an unknown number of managed API keys and MCP credentials" in result["msg"] and writes(api) == []


@pytest.mark.parametrize("broke_off", [True, False])
def test_a_login_that_a_rotation_has_locked_before_it_broke_off(api, broke_off):
    """Its pods are in use, too: no rollout replaces them, and nobody waits until they end."""
    rows = {"pg_control_system": [("1", "2")], "pg_tables": [("",)], THERE: [("t",)], HISTORY: history(17), "pg_stat_activity": [("u", "2", "gateway")]}
    with FakePostgres(rows) as postgres:
        new = server(api, postgres.port)
        old, said = new.replace("u:pencil", "first:locked"), []
        gateway(api, new)
        now(api, "GET", paths.pods("ns"), objects("Pod", "1", thing("Pod", "new", "1")))
        cluster = Connection.connect({"host": api.url, "api_key": "a-token"})
        deployed = Gateway.of(cluster, "ns", NAME["name"], print)
        made = Run(cluster, deployed, Accounts(cluster, deployed), NAME["name"], 5, said.append, held={"s.POSTGRES_URL": old} if broke_off else {})
        step = DatabasePassword(made, [Value(rotating.DATABASE, "POSTGRES_URL", "s", "POSTGRES_URL", old=old, new=new)])
        if not broke_off:
            with pytest.raises(NotPossible, match="28P01"):
                step.before()
            return
        step.before()
        new_one, old_one = step.proof()
    assert new_one == "2 database sessions of login u" and old_one.startswith("login first is refused (password authentication failed") and said == []


def test_a_secret_of_somebody_else_is_refused_with_the_command(api):
    gateway(api)
    result = rotation(api, "session_key")
    assert result["failed"] and "kubectl -n ns edit secret s" in result["msg"] and writes(api) == []


def test_a_value_that_is_in_use_is_refused(api):
    gateway(api)
    result = rotation(api, "session_key", source="provision", data={"GATEWAY_IDENTITY_TOKEN_SECRET": "x" * 40})
    assert result["failed"] and "oceans_llm_secrets.GATEWAY_IDENTITY_TOKEN_SECRET is still the value in use" in result["msg"]
    assert "x" * 40 not in json.dumps(result) and writes(api) == []


def test_nothing_asked_for_names_the_classes(api):
    gateway(api)
    result = rotation(api)
    assert not result.get("failed") and "set oceans_llm_rotate to one or more of session_key, admin_password" in result["msg"]


def test_check_mode_of_a_rotation_logs_nobody_in(api):
    gateway(api)
    result = rotation(api, "session_key", "admin_password", source="provision", data={"GATEWAY_IDENTITY_TOKEN_SECRET": "y" * 40}, check=True)
    assert result["failed"] and "oceans_llm_secrets.ADMIN_PASSWORD" in result["msg"] and sent(api) == []


# --- admin --------------------------------------------------------------------------------------------------------------------

USER, HALF = ("1", "platform_admin", "active", "1", "0"), [("user_password_auth", "owner", "0"), ("user_sessions", "owner", "0")]
#: by parts of the queries, the later one counts
ROWS = {"SELECT count(*) FROM public.users u": [("1",)], "SELECT u.id::text": [USER], "pg_constraint": HALF}


def test_a_half_made_administrator_is_named_without_a_login_tried(api):
    with FakePostgres(ROWS) as postgres:
        gateway(api, server(api, postgres.port))
        result = run(admin.ActionModule, api, NAME)
    repair = "ansible-playbook -i INVENTORY oceans.llm.admin -e oceans_llm_admin_repair=true"
    assert result["failed"] and result["broken"] == "password" and repair in result["msg"]
    assert api.asked(LOGIN) == 0 and writes(api) == [] and not any("DELETE" in sql for sql in postgres.seen)


def test_check_mode_of_a_repair_removes_nobody(api):
    with FakePostgres(ROWS) as postgres:
        gateway(api, server(api, postgres.port))
        result = run(admin.ActionModule, api, {**NAME, "repair": True}, check=True)
    assert result["changed"] and "would recreate a@example.com" in result["msg"] and writes(api) == []
    assert not any("DELETE" in sql for sql in postgres.seen)


def test_check_mode_of_the_chain_tries_no_login(api):
    with FakePostgres({**ROWS, "pg_constraint": [("user_password_auth", "owner", "1")]}) as postgres:
        gateway(api, server(api, postgres.port))
        result = run(admin.ActionModule, api, NAME, check=True)
    assert not result.get("failed") and result["msg"] == "no broken step was found; check mode does not try a login" and sent(api) == []
    assert [link["state"] for link in result["links"] if link["name"] == "password"] == ["not known"]


def test_a_refused_login_and_a_good_one(api):
    whole = {**ROWS, "pg_constraint": [("user_password_auth", "owner", "1")]}
    with FakePostgres(whole) as postgres:
        gateway(api, server(api, postgres.port))
        api.on("POST", LOGIN, NO, YES)
        refused, good = (run(admin.ActionModule, api, NAME) for _time in range(2))
    assert refused["failed"] and "was changed in /admin after" in refused["msg"] and PASSWORD not in json.dumps(refused)
    assert not good.get("failed") and good["broken"] == "" and not good["changed"]


def test_a_service_that_does_not_answer_is_the_first_link(api):
    gateway(api)
    now(api, "GET", proxy("/api/v1/health"), status(503, "ServiceUnavailable", "no endpoints available"))
    result = run(admin.ActionModule, api, NAME)
    assert result["failed"] and result["broken"] == "Service" and [link["name"] for link in result["links"]] == ["Service"] and api.asked(LOGIN) == 0


# --- purge --------------------------------------------------------------------------------------------------------------------


def answers(api: FakeApi, text: str, code: int = 0) -> None:
    """What the one-off Job prints."""
    ended = [{"name": "purge-request-logs", "state": {"terminated": {"exitCode": code}}}]
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "purge-request-logs"}]}, "status": {"phase": "Succeeded", "containerStatuses": ended}}
    now(api, "GET", paths.pods("ns"), objects("Pod", "1", pod))
    now(api, "WATCH", paths.pods("ns"), ok({}))
    now(api, "GET", paths.pod_log("ns", "p"), lambda h: h.send(200, text.encode(), "text/plain"))


DRY = "cutoff: 2026-11-16 23:01:46\ndry_run: true\nmatched_count: 12\ndeleted_count: 0\n"


def jobs(api: FakeApi) -> list[list[str]]:
    bodies = [json.loads(b) for m, p, _q, b in api.seen if m == "POST" and p == paths.jobs("ns")]
    return [b["spec"]["template"]["spec"]["containers"][0]["args"] for b in bodies]


def test_without_a_retention_it_is_only_counted(api):
    gateway(api)
    answers(api, DRY)
    result = run(purge.ActionModule, api, NAME)
    assert result["matched"] == {"1d": 12, "3d": 12, "7d": 12} and not result["changed"] and "oceans_llm_purge_retention" in result["msg"]
    assert all(args[-1] == "--dry-run" for args in jobs(api)) and len(jobs(api)) == 3


@pytest.mark.parametrize(("retention", "would"), [("3d", "would delete request logs older than 3d"), ("", "would count request logs")])
def test_check_mode_creates_no_job(api, retention, would):
    gateway(api)
    result = run(purge.ActionModule, api, {**NAME, "retention": retention}, check=True)
    assert result["changed"] is bool(retention) and result["msg"].startswith(would) and sent(api) == []
    assert result["said"] == [result["msg"]], "Ansible shows no message of a task that did not fail"


def test_nothing_older_deletes_nothing(api):
    gateway(api)
    answers(api, DRY.replace("12", "0"))
    result = run(purge.ActionModule, api, {**NAME, "retention": "3d"})
    assert not result["changed"] and len(jobs(api)) == 1


def test_pending_migrations_stop_a_purge_before_it_migrates(api):
    gateway(api)
    answers(api, "Error: database migration check failed\n\nCaused by:\n    2 pending migrations remain for postgres\n", code=1)
    result = run(purge.ActionModule, api, {**NAME, "retention": "3d"})
    assert result["failed"] and "2 pending migrations remain" in result["msg"] and len(jobs(api)) == 1


@pytest.mark.parametrize(("replicas", "enabled", "hints"), [(2, True, True), (1, True, False), (2, False, False)])
def test_several_replicas_that_purge_are_told_of(api, replicas, enabled, hints):
    gateway(api, config={"request_logging": {"purge": {"enabled": enabled}}}, replicas=replicas)
    answers(api, DRY)
    said = run(purge.ActionModule, api, {**NAME, "retention": "7d"}, check=True)["said"]
    assert any("each of the 2 gateway pods purges by itself" in line for line in said) is hints


# --- checks -------------------------------------------------------------------------------------------------------------------


def nodes(api: FakeApi, *names: str) -> None:
    status_ = {"allocatable": {"cpu": "2", "memory": "4Gi", "pods": "10"}, "conditions": [{"type": "Ready", "status": "True"}]}
    now(api, "GET", paths.of("v1", "nodes"), objects("Node", "1", *({"metadata": {"name": n}, "spec": {}, "status": status_} for n in names)))
    ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    pods = [{"metadata": {"name": f"p{n}", "labels": {"app": "gw"}}, "spec": {"nodeName": n, "containers": []}, "status": ready} for n in names]
    now(api, "GET", paths.pods("ns"), objects("Pod", "1", *pods))
    now(api, "GET", paths.of("v1", "pods"), objects("Pod", "1", *pods))
    budget = {"metadata": {"name": "b"}, "spec": {"selector": {}}, "status": {"disruptionsAllowed": len(names) - 1, "currentHealthy": 1, "desiredHealthy": 1}}
    now(api, "GET", paths.of("policy/v1", "poddisruptionbudgets", "ns"), objects("PodDisruptionBudget", "1", budget))


def test_each_node_is_judged_and_the_models_are_told(api):
    gateway(api, config={"models": [{"id": "m", "routes": [{"provider": "one", "upstream_model": "x"}]}, {"id": "n", "routes": [{"provider": "one"}]}]})
    nodes(api, "a", "b")
    result = run(checks.ActionModule, api, NAME, check=True)
    assert sent(api) == [] and not result.get("failed") and result["drained"] and [f["code"] for f in result["findings"]] == ["DrainSafe", "DrainSafe"]
    assert result["providers"] == [{"provider": "one", "model": "m"}]


def test_a_drain_that_never_ends_fails_the_task(api):
    gateway(api)
    nodes(api, "a")
    result = run(checks.ActionModule, api, NAME)
    assert result["failed"] and not result["drained"] and "DrainBlocked Node/a: PodDisruptionBudget/b refuses every eviction" in result["msg"]


def test_a_right_that_is_missing_is_named(api):
    gateway(api)
    nodes(api, "a", "b")
    now(api, "GET", paths.of("v1", "nodes"), status(403, "Forbidden", "nodes is forbidden"))
    assert "grant the permissions in docs/deployer-reads.yaml" in run(checks.ActionModule, api, NAME)["msg"]
