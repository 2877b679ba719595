# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one-off Job: the gateway's own pod, one command, no traffic."""

from __future__ import annotations

import copy

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.gateway.one_off_job import COMPONENT, job

DEPLOYMENT = {
    "metadata": {"name": "gw", "namespace": "ns"},
    "spec": {
        "template": {
            "metadata": {"labels": {COMPONENT: "gateway", "app.kubernetes.io/instance": "r"}, "annotations": {"a": "b"}},
            "spec": {
                "initContainers": [{"name": "wait-for-migrations"}],
                "containers": [
                    {"name": "collector", "image": "c"},
                    {
                        "name": "gateway",
                        "image": "g",
                        "command": ["/bin/sh"],
                        "args": ["serve"],
                        "env": [{"name": "E", "value": "1"}],
                        "ports": [{}],
                        "readinessProbe": {},
                        "lifecycle": {},
                        "volumeMounts": [{"name": "v"}],
                    },
                ],
                "nodeSelector": {"pool": "llm"},
                "topologySpreadConstraints": [{}],
                "volumes": [{"name": "v"}],
            },
        }
    },
}


def made() -> dict:
    return job(DEPLOYMENT, ["bootstrap-admin"], prefix="r-bootstrap-admin", component="bootstrap-admin", deadline=60)


def test_it_runs_the_command_once_with_the_gateways_surroundings():
    spec = made()["spec"]
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    assert (container["command"], container["args"], container["name"]) == (["gateway"], ["bootstrap-admin"], "bootstrap-admin")
    assert container["env"] == [{"name": "E", "value": "1"}] and container["image"] == "g" and container["volumeMounts"] == [{"name": "v"}]
    assert pod["nodeSelector"] == {"pool": "llm"} and pod["volumes"] == [{"name": "v"}] and pod["restartPolicy"] == "Never"
    assert spec["backoffLimit"] == 0 and spec["activeDeadlineSeconds"] == 60


def test_nothing_of_a_server_is_left():
    pod = made()["spec"]["template"]["spec"]
    assert not {"ports", "readinessProbe", "lifecycle"} & set(pod["containers"][0])
    assert "initContainers" not in pod and "topologySpreadConstraints" not in pod


def test_a_native_sidecar_comes_along_and_other_init_containers_do_not():
    """The database may be reached by a proxy that runs beside the program (Cloud SQL, RDS IAM)."""
    given, proxy = copy.deepcopy(DEPLOYMENT), {"name": "cloud-sql-proxy", "restartPolicy": "Always", "startupProbe": {"tcpSocket": {"port": 5432}}}
    given["spec"]["template"]["spec"]["initContainers"] = [proxy, {"name": "wait-for-migrations"}]
    assert job(given, ["migrate"], prefix="r", component="x", deadline=1)["spec"]["template"]["spec"]["initContainers"] == [proxy]


def test_no_service_of_the_gateway_selects_its_pods():
    assert made()["spec"]["template"]["metadata"]["labels"] == {COMPONENT: "bootstrap-admin", "app.kubernetes.io/instance": "r"}


def test_the_deployment_is_left_as_it_was():
    before = copy.deepcopy(DEPLOYMENT)
    made()
    assert before == DEPLOYMENT


def test_a_name_that_is_too_long_for_a_job_is_cut():
    assert len(job(DEPLOYMENT, ["x"], prefix="r" * 60, component="x", deadline=1)["metadata"]["generateName"]) == 51


def test_a_deployment_without_a_gateway_is_refused():
    with pytest.raises(KeyError):
        job({"metadata": {"namespace": "n"}, "spec": {"template": {"spec": {"containers": [{"name": "other"}]}}}}, ["x"], prefix="p", component="x", deadline=1)
