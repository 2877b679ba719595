# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release that Argo CD, Flux or kubectl applied: every runbook judges the live objects, says once that Helm has no record, and blames nothing for it."""

from __future__ import annotations

import json
from pathlib import Path

import jinja2
import pytest
import yaml

from ansible_collections.oceans.llm.plugins.action import (
    admin,
    bootstrap,
    checks,
    migrations,
    probe,
    purge,
    restore,
    restore_point,
    rotate,
    status_info,
    uninstall,
)
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import asking

from .fake_api import FakeApi, objects, ok, status
from .run_action import run
from .test_bootstrap_action import ADMIN, deployment
from .test_runbook_actions import NAME, SERVICE, gateway, now, proxy, writes

NO_RECORD = (
    "Helm has no record of release r, because another tool (such as Argo CD, Flux or kubectl) applied its objects; this run checks the live objects with "
    "the label app.kubernetes.io/instance=r, and revisions, rollback and drift are not known"
)
PLAYBOOKS = Path(__file__).resolve().parents[2] / "playbooks"


@pytest.fixture
def api(monkeypatch):
    monkeypatch.setattr(asking, "PATIENCE", 0.3)
    with FakeApi() as fake:
        gateway(fake)
        now(fake, "GET", paths.secrets("ns"), objects("Secret", "1"))
        made = deployment()
        made["spec"] |= {"replicas": 1, "selector": {"matchLabels": {"app": "gw"}}}
        made["status"] = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1}
        configured = {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"gateway.yaml": json.dumps({"auth": {"bootstrap_admin": ADMIN}})}}
        for plural, obj in (("deployments", made), ("services", SERVICE), ("configmaps", configured)):
            now(fake, "GET", paths.collection(plural, "ns"), objects(obj["kind"], "1", obj))
        for plural in ("jobs", "pods", "events", "replicasets", "persistentvolumeclaims", "serviceaccounts"):
            now(fake, "GET", paths.collection(plural, "ns"), objects("X", "1"))
        now(fake, "GET", proxy("/api/v1/health"), ok({"version": "0.24.0"}))
        now(fake, "GET", proxy("/readyz"), ok({}))
        now(fake, "GET", paths.VERSION, ok({"gitVersion": "v1.34.0"}))
        now(fake, "GET", "/api/v1/nodes", status(403, "Forbidden", "nodes is forbidden"))
        yield fake


RUNBOOKS = {
    admin: ({}, "no broken step was found"),
    bootstrap: ({"admin": True}, ""),
    checks: ({}, "the free CPU and memory of the nodes cannot be read"),
    migrations: ({}, "pending migrations: not known"),
    probe: ({}, "served: ns/r version 0.24.0"),
    purge: ({}, "would count request logs"),
}


@pytest.mark.parametrize("plugin", RUNBOOKS, ids=lambda p: p.__name__.rpartition(".")[2])
def test_a_runbook_takes_the_live_objects(api, plugin):
    arguments, says = RUNBOOKS[plugin]
    result = run(plugin.ActionModule, api, {**NAME, **arguments}, check=True)
    assert says in result.get("msg", "") and "does not exist" not in str(result) and "oceans.llm.deploy" not in result.get("msg", ""), result
    assert [line for line in result["said"] if "Helm has no record" in line] == [NO_RECORD]


def test_a_rotation_restarts_nothing_without_a_record(api):
    secret = {"source": "existing", "name": "s", "namespace": "ns"}
    result = run(rotate.ActionModule, api, {**NAME, "classes": ["session_key"], "secrets": secret, "deploy": {**NAME, "chart": "c"}})
    assert result["failed"] and "then restart the pods: kubectl -n ns rollout restart deployment/gw" in result["msg"] and writes(api) == []


def test_a_copy_of_the_database_needs_no_record(api):
    result = run(restore_point.ActionModule, api, NAME, check=True)
    assert "the database of release r is not known" in result["msg"] and [line for line in result["said"] if "Helm has no record" in line] == [NO_RECORD]


def test_no_database_is_restored_while_another_tool_starts_its_pods(api):
    result = run(restore.ActionModule, api, {**NAME, "point": "p"})
    assert result["failed"] and "set oceans_llm_restore_to to the name of a new database" in result["msg"] and writes(api) == []
    elsewhere = run(restore.ActionModule, api, {**NAME, "point": "p", "to": "new"})
    assert "oceans_llm_restore_to" not in elsewhere["msg"] and "p" in elsewhere["msg"]


def test_the_probes_of_a_loop_do_not_repeat_it(api):
    assert [line for line in run(probe.ActionModule, api, NAME, check=True, task_vars={"ansible_loop_var": "item"})["said"] if "record" in line] == []


def test_uninstall_removes_no_part_of_a_live_release(api):
    """Its Jobs, and the key of its digests, have its label."""
    result = run(uninstall.ActionModule, api, NAME)
    assert result["failed"] and "nothing was removed: Helm has no record of release r" in result["msg"] and writes(api) == []


def test_diagnose_asks_what_would_stop_a_rollout_by_helm_only_where_helm_has_the_release(api):
    """Helm refuses every object of another tool: a list of findings that would blame the live release."""
    result = run(status_info.ActionModule, api, {**NAME, "database": False})
    assert result["installed"] and result["helm_record"] is False
    tasks = {task["name"]: task for task in yaml.safe_load((PLAYBOOKS / "diagnose.yml").read_text())[0]["tasks"]}
    task = tasks["Check what would stop a new rollout by Helm"]
    needed = jinja2.Environment().compile_expression(task["when"])
    known = (result, {"installed": False, "helm_record": False}, {"installed": True, "helm_record": True})
    assert [needed(_oceans_llm_status_task=told) for told in known] == [False, True, True]
