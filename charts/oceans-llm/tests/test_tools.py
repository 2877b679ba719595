# SPDX-License-Identifier: GPL-3.0-or-later
"""NOTES.txt, the mise tasks and what the tests say where there is no cluster."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tomllib
from typing import Any

import pytest
from chart_lib import CHART, DATABASE, EXAMPLES, ROOT, at, helm, merged, program
from cluster_lib import Kubectl, connect

TASKS = CHART / "tests" / "tasks.sh"


def notes(values: dict[str, Any], binary: str = "helm4") -> str:
    return helm("install", "r", str(CHART), "--dry-run=client", "-n", "ns", "-f", "-", stdin=json.dumps(values), binary=binary).partition("NOTES:")[2]


APP = at("secrets.existingSecret.name", "app")


def test_notes_say_version_database_what_is_on_and_what_to_type() -> None:
    said = notes(merged(DATABASE, APP, at("gateway.image.tag", "v0.24.0"), at("seedConfigJob.enabled", True)))
    assert "Oceans LLM v0.24.0 as release r in namespace ns (chart 0.1.0)" in said
    assert "Database: external, URL from Secret pg" in said
    assert "Migrations: Job r-oceans-llm-migrate, post-install,post-upgrade" in said
    assert "Enabled: migration waiter, seed-config Job, 1 gateway pod(s)" in said
    for command in (
        "kubectl -n ns rollout status deployment/r-oceans-llm-gateway",
        "helm test r -n ns",
        "kubectl -n ns port-forward service/r-oceans-llm-gateway",
    ):
        assert command in said
    late = notes({"database": {"mode": "cloudnativepg"}})
    assert "cloudnativepg, Cluster r-oceans-llm-postgres (kept" in late
    assert "Do not use --wait" in late and "migrations.hook" not in late, "its migrations can't run earlier"
    assert "migrations.hook=pre-install,pre-upgrade" in said
    assert "open https://a.example/admin" in notes(
        merged(DATABASE, {"ingress": {"enabled": True, "hosts": [{"host": "a.example"}], "tls": [{"hosts": ["a.example"]}]}})
    )


@pytest.mark.parametrize(
    ("values", "warning"),
    [
        ({}, "GATEWAY_IDENTITY_TOKEN_SECRET is not set"),
        (at("secrets.inline", {"A": "b"}), "Helm also stores secrets.inline"),
        (at("service.adminUi.type", "LoadBalancer"), "service.adminUi.type exposes the admin UI"),
        (at("podDisruptionBudget.enabled", True), "requires 1 of 1 gateway pod(s)"),
        (merged(at("gateway.replicaCount", 2), at("podDisruptionBudget.minAvailable", "100%")), "requires 100% of 2 gateway pod(s)"),
        (
            {"database": {"mode": "cloudnativepg"}, "gateway": {"config": {"database": {"url": "env.OTHER"}}, "extraEnv": [{"name": "OTHER"}]}},
            "does not use the Cluster",
        ),
        (
            merged(at("gateway.config.providers", [{"id": "v", "project_id": "env.PROJECT"}]), at("gateway.extraEnv", [{"name": "PROJECT", "value": "p"}])),
            "gateway.config.providers[0].project_id is env.PROJECT, but the gateway does not resolve references in this field",
        ),
        ({}, "Do not use --wait"),
    ],
)
def test_notes_warn(values: dict[str, Any], warning: str) -> None:
    assert warning in notes(merged(DATABASE, values))
    assert warning not in notes(merged(DATABASE, APP, at("migrations.hook", "pre-install,pre-upgrade")))


@pytest.mark.cluster
def test_notes_of_both_helms_are_the_same(kubectl: Kubectl) -> None:
    """Helm 3 asks the cluster for its version even for a client's dry run."""
    assert notes(DATABASE, "helm3").strip() == notes(DATABASE, "helm4").strip()


@pytest.mark.parametrize("binary", ["helm4", "helm3"])
def test_helm_check_renders_the_default_and_every_example(binary: str) -> None:
    done = subprocess.run([str(TASKS), "helm-check"], capture_output=True, text=True, check=False, env={**os.environ, "HELM": program(binary)})
    assert done.returncode == 0, done.stderr
    assert re.findall(r"^render (\S+) +\d+ objects$", done.stdout, re.M) == ["default", *(e.stem for e in EXAMPLES)]
    assert "0 chart(s) failed" in done.stdout


def test_helm_check_fails_when_an_example_does(tmp_path: Any) -> None:
    copy = tmp_path / "chart"
    subprocess.run(["cp", "-r", str(CHART), str(copy)], check=True)
    (copy / "examples" / "zz-values.yaml").write_text("gatway: {}\n")
    done = subprocess.run([str(copy / "tests" / "tasks.sh"), "helm-check"], capture_output=True, text=True, check=False)
    assert done.returncode and "gatway" in done.stderr + done.stdout


def test_helm_template_prints_every_example() -> None:
    done = subprocess.run([str(TASKS), "helm-template"], capture_output=True, text=True, check=True)
    assert re.findall(r"^# ---- examples/(\S+)\.yaml$", done.stdout, re.M) == [e.stem for e in EXAMPLES]
    assert len(re.findall(r"^kind: Deployment$", done.stdout, re.M)) >= 2 * len(EXAMPLES)


def test_mise_runs_the_same_script() -> None:
    mise = tomllib.loads((ROOT / "mise.toml").read_text())
    assert {name: task["run"].split() for name, task in mise["tasks"].items()} == {
        name: [str(TASKS.relative_to(ROOT)), name] for name in ("helm-check", "helm-template")
    }
    assert mise["settings"]["task"]["run_auto_install"] is False


@pytest.mark.parametrize(("kubeconfig", "sentence"), [("", "KUBECONFIG is not set"), ("/nowhere", "does not answer")])
def test_no_cluster_is_a_sentence_and_no_skip(monkeypatch: pytest.MonkeyPatch, kubeconfig: str, sentence: str) -> None:
    monkeypatch.setenv("KUBECONFIG", kubeconfig)
    with pytest.raises(RuntimeError, match=sentence) as raised:
        connect()
    assert "make up" in str(raised.value) and '-m "not cluster"' in str(raised.value)
