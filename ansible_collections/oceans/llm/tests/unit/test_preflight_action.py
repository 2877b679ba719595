# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plugin oceans.llm.preflight: whatever is missing, it looks on, tells what it found, and writes nothing."""

from __future__ import annotations

import json

import pytest

from ansible_collections.oceans.llm.plugins.action.preflight import ActionModule
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths

from .fake_api import FakeApi, ok
from .fake_cluster import MIGRATE, NS, SERVICE, WEB, FakeCluster
from .run_action import run

HELM = """#!/bin/sh
case "$1 $*" in
  version*) echo v4.2.4;;
  template*--skip-schema-validation*) cat {home}/manifest.yaml;;
  template*) cat {home}/refusal >&2; [ -s {home}/refusal ] && exit 1; cat {home}/manifest.yaml;;
  *) exit 1;;
esac
"""


@pytest.fixture
def api():
    with FakeApi() as fake:
        FakeCluster(fake)
        fake.on("GET", paths.VERSION, ok({"gitVersion": "v1.34.0", "major": "1", "minor": "34"}))
        fake.on("POST", paths.REVIEW_SELF_ACCESS, ok({"status": {"allowed": True}}))
        fake.on("GET", "/apis", ok({"groups": []}))
        fake.on("GET", "/api/v1", ok({"resources": [{"name": "services", "kind": "Service", "namespaced": True}]}))
        yield fake


@pytest.fixture
def home(tmp_path):
    program = tmp_path / "helm"
    program.write_text(HELM.replace("{home}", str(tmp_path)))
    program.chmod(0o755)
    chart = tmp_path / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("name: oceans-llm\nversion: 0.24.0\n")
    (chart / "values.yaml").write_text("gateway: {}\n")
    (tmp_path / "refusal").write_text("")
    (tmp_path / "manifest.yaml").write_text("\n---\n".join(json.dumps(o) for o in (WEB, SERVICE, MIGRATE)))
    return tmp_path


def look(api, home, **more):
    args = {"name": "rel", "namespace": NS, "chart": str(home / "chart"), "helm_binary": str(home / "helm"), "values": {}, **more}
    result = run(ActionModule, api, args)
    written = [(m, p, q) for m, p, q, _b in api.seen if m in ("POST", "PATCH", "DELETE") and q.get("dryRun") != ["All"] and p != paths.REVIEW_SELF_ACCESS]
    assert written == [], "nothing is written"
    return result


def codes(result):
    return {finding["code"] for finding in result["findings"]}


def test_everything_is_rendered_and_tried(api, home):
    result = look(api, home)
    assert "3 objects rendered and sent as dry runs" in result["said"][-1] and not codes(result) & {"ChartRefused", "ClusterUnreachable", "HelmMissing"}


@pytest.mark.parametrize("what", ["folder", "file"])
def test_what_is_no_chart_is_not_copied(api, home, what):
    (home / "folder").mkdir()
    (home / "file").write_text("x")
    (finding,) = [f for f in look(api, home, chart=str(home / what))["findings"] if f["code"].startswith("Chart")]
    assert finding["code"] == "ChartUnavailable" and f"{what} is not a chart" in finding["sentence"] and "correct oceans_llm_chart" in finding["hint"]


def test_a_chart_that_refuses_is_judged_without_its_schema(api, home):
    (home / "refusal").write_text("Error: values don't meet the specifications of the schema(s): replicas: got string\n")
    result = look(api, home)
    assert result["failed"] and "nothing was changed" in result["msg"] and "3 objects rendered" in result["said"][-1]
    assert "got string" in json.dumps(result["findings"])


def test_without_a_cluster_the_chart_is_judged_all_the_same(api, home):
    result = look(api, home, host="http://127.0.0.1:1")
    assert result["failed"] and "ClusterUnreachable" in codes(result) and "3 objects rendered, none sent as a dry run" in result["said"][-1]


def test_without_helm_the_rest_is_looked_at(api, home):
    result = look(api, home, helm_binary=str(home / "none"))
    assert result["failed"] and "no program '" in json.dumps(result["findings"])


def test_a_chart_that_does_not_exist_is_a_finding(api, home):
    result = look(api, home, chart=str(home / "elsewhere"))
    assert result["failed"] and "elsewhere" in json.dumps(result["findings"])


def test_a_waiver_that_waives_nothing_is_said(api, home):
    assert any("oceans_llm_preflight_waive contains QuotaTooSmall" in line and "no code" in line for line in look(api, home, waive=["QuotaTooSmall"])["said"])
    assert any("did you mean 'QuotaExceeded'" in line for line in look(api, home, waive=["QuotaExceded"])["said"])
    assert not any("no code" in line for line in look(api, home, waive=["quotaexceeded"])["said"])
