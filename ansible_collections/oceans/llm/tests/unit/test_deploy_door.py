# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the plugin oceans.llm.deploy hands to helm, and what it tells of it: a real task, a helm program and an API server of the test's."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from ansible_collections.oceans.llm.plugins.action.deploy import ActionModule
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.cli import DECIDED
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths

from .fake_api import FakeApi, objects, ok
from .local_task import FakeHelm, action_of

CANARY, DERIVED, TOKEN = "canary-value-123456", "derived-value-987654", "token-of-the-run-4711"
NAMESPACE = {"kind": "Namespace", "metadata": {"name": "ns"}}


@pytest.fixture
def api():
    with FakeApi() as fake:
        fake.on("GET", paths.namespace("ns"), ok(NAMESPACE))
        fake.on("GET", paths.secrets("ns"), objects("Secret", "1"))
        yield fake


@pytest.fixture
def helm(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "fake").mkdir()
    (tmp_path / "chart").mkdir()
    found = FakeHelm(tmp_path / "fake")
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"URL": base64.b64encode(f"pg://u:{DERIVED}@h/x".encode()).decode()}}
    release = {
        "name": "rel",
        "namespace": "ns",
        "version": 1,
        "info": {"status": "pending-install"},
        "manifest": json.dumps(secret),
        "chart": {"metadata": {"name": "oceans-llm", "version": "0.1.0"}},
    }
    found.says("upgrade", f"(home / 'seen').write_text(open(os.environ['KUBECONFIG']).read())\nprint({json.dumps(json.dumps(release))})")
    return found


def run(api, helm, **more):
    chart = str(helm.home.parent / "chart")
    args = {"host": api.url, "api_key": TOKEN, "name": "rel", "namespace": "ns", "chart": chart, "helm_binary": str(helm.program), **more.pop("args", {})}
    action = action_of(ActionModule, args, check=True, **more)
    said: list[str] = []
    action.say = lambda line: said.append(action.redactor(line))
    return action.run(task_vars={"inventory_hostname": "here"}) | {"said": said}, action


def test_helm_is_led_to_the_one_cluster_whatever_the_shell_says(api, helm, monkeypatch):
    for name in DECIDED:
        monkeypatch.setenv(name, "of-the-shell")
    result, _action = run(api, helm, environment=[{"HELM_KUBECONTEXT": "of-the-play", "HTTPS_PROXY": "http://proxy:1"}])
    assert result["changed"] and not result.get("failed"), result
    for call in helm.calls():
        assert "of-the" not in str(call["env"]) and call["env"]["HTTPS_PROXY"] == "http://proxy:1", "and the play's environment is Helm's"
        assert TOKEN not in json.dumps(call)
    seen = json.loads((helm.home / "seen").read_text())
    assert seen["clusters"][0]["cluster"]["server"] == api.url and seen["users"][0]["user"]["token"] == TOKEN
    assert not Path(helm.calls()[-1]["env"]["KUBECONFIG"]).exists(), "gone with the scratch folder"


def test_secrets_that_the_chart_renders_are_known_to_the_redactor(api, helm):
    result, action = run(api, helm, args={"values": {"secrets": {"inline": {"POSTGRES_URL": CANARY, "N": 12345678}}}})
    assert result["changed"]
    assert action.redactor(f"{CANARY} {DERIVED} {base64.b64encode(CANARY.encode()).decode()}").count("(hidden)") == 3


def test_helms_refusal_of_values_tells_no_inline_secret(api, helm):
    helm.says("upgrade", f"print('Error: values: secrets.inline.X: {CANARY} is wrong', file=sys.stderr); sys.exit(1)")
    result, _action = run(api, helm, args={"values": {"secrets": {"inline": {"X": CANARY}}}})
    assert result["failed"] and "is wrong" in result["msg"] and CANARY not in str(result)
