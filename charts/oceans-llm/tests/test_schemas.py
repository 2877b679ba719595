# SPDX-License-Identifier: GPL-3.0-or-later
"""kubeconform: every object that the default, the Jobs and the examples render, against the schemas of several versions of Kubernetes."""

from __future__ import annotations

import json
import subprocess

import pytest
from chart_lib import CHART, DATABASE, EXAMPLES, HelmError, at, merged, program, text
from kubernetes_schemas import LOCATION, VERSIONS, folder

#: types of operators and platforms: the API server looks at them in test_cluster.py, with their own definitions
CUSTOM = {"Cluster", "ExternalSecret", "HTTPRoute", "Route", "ScaledObject", "ServiceMonitor", "PrometheusRule"}
JOBS = merged({"bootstrapAdminJob": {"enabled": True}, "seedConfigJob": {"enabled": True}}, at("gateway.config.auth.bootstrap_admin.enabled", True))
APP = at("secrets.existingSecret.name", "app")
POLICY = at("networkPolicy", {"enabled": True, "gatewayFrom": [{"podSelector": {}}]})
VALUES = [DATABASE, merged(DATABASE, APP, JOBS, POLICY), merged(DATABASE, APP, JOBS, at("migrations.mode", "job")), *EXAMPLES]


def kubeconform(rendered: str, version: str) -> list[dict[str, str]]:
    """What it says of each object."""
    arguments = ["-strict", "-output", "json", "-verbose", "-skip", ",".join(sorted(CUSTOM)), "-schema-location", str(folder(version) / LOCATION)]
    done = subprocess.run([program("kubeconform"), *arguments], input=rendered, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)["resources"]


@pytest.mark.parametrize("version", VERSIONS)
def test_kubeconform_takes_every_object(version: str) -> None:
    rendered = "\n---\n".join(text(values, args=("--kube-version", f"{version}.0")) for values in VALUES)
    found = kubeconform(rendered, version)
    assert [o for o in found if o["status"] not in ("statusValid", "statusSkipped")] == []
    assert {o["kind"] for o in found if o["status"] == "statusSkipped"} <= CUSTOM
    assert len([o for o in found if o["status"] == "statusValid"]) > 100


def test_kubeconform_refuses_an_unknown_field_and_a_wrong_type() -> None:
    """The control."""
    for broken in ("replicas: one", "replicaz: 1"):
        deployment = f"apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: a}}\nspec: {{selector: {{}}, template: {{}}, {broken}}}\n"
        [said] = kubeconform(deployment, VERSIONS[0])
        assert said["status"] == "statusInvalid" and broken.partition(":")[0] in said["msg"]


def test_an_older_kubernetes_is_refused() -> None:
    with pytest.raises(HelmError, match="requires kubeVersion: >=1.29.0-0"):
        text(DATABASE, args=("--kube-version", "1.28.0"))


def test_the_oldest_version_that_is_tested_is_the_oldest_that_the_chart_allows() -> None:
    assert f">={VERSIONS[-1]}.0-0" in (CHART / "Chart.yaml").read_text()
