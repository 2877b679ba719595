# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's variables for chart values, rendered together: a user needs no oceans_llm_values for them."""

from __future__ import annotations

from typing import Any

import pytest
from chart_lib import Object, container, containers, env, get, named, render, templates

from ansible_collections.oceans.llm.plugins.plugin_utils.gateway.chart_values import PLACES, chart_values

REQUEST = {"requests": {"cpu": "250m"}}
VARIABLES: dict[str, Any] = {
    "image_registry": "registry.example.com:5000/mirror",
    "platform": "openshift",
    "common_labels": {"team": "llm"},
    "common_annotations": {"owner": "llm-team"},
    "service_account": {"annotations": {"eks.amazonaws.com/role-arn": "arn"}},
    "service": {"type": "LoadBalancer", "loadBalancerClass": "internal"},
    "http_route": {"parentRefs": [{"name": "public"}], "hostnames": ["llm.example.com"]},
    "ingress": {"className": "internal", "hosts": [{"host": "llm.example.com"}]},
    "route": {"host": "llm.apps.example.com"},
    "network_policy": {"gatewayFrom": [{"podSelector": {"matchLabels": {"app": "web"}}}]},
    "autoscaling": {"minReplicas": 3, "maxReplicas": 4},
    "scheduling": {"nodeSelector": {"disk": ""}, "priorityClassName": "high", "runtimeClassName": "gvisor", "tolerations": [{"operator": "Exists"}]},
    "resources": REQUEST,
    "extra_env": [{"name": "RUST_LOG", "value": "info"}],
    "extra_init_containers": [{"name": "proxy", "image": "proxy:1", "restartPolicy": "Always", "resources": REQUEST}],
    "extra_containers": [{"name": "beside", "image": "beside:1", "resources": REQUEST}],
    "extra_volumes": [{"name": "scratch", "emptyDir": {}}],
    "extra_volume_mounts": [{"name": "scratch", "mountPath": "/scratch"}],
    "extra_objects": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "extra"}, "data": {"of": "{{ .Release.Name }}"}}],
    "database_parts": {"host": "pooler", "database": "llm", "secret": {"name": "rds"}, "sslMode": "require", "ca": {"configMapName": "rds-ca"}},
    "database_migrations": {"host": "direct"},
}


@pytest.fixture(scope="module")
def objects() -> list[Object]:
    return render(chart_values({}, config={}, secret_name="app", **VARIABLES))


def test_every_variable_is_rendered_here() -> None:
    assert VARIABLES.keys() == PLACES.keys()


def test_the_ways_to_the_gateway(objects: list[Object]) -> None:
    assert get(named(objects, "HTTPRoute"), "spec.hostnames") == ["llm.example.com"]
    assert get(named(objects, "Ingress"), "spec.ingressClassName") == "internal"
    assert get(named(objects, "Route"), "spec.host") == "llm.apps.example.com"
    service = named(objects, "Service", "-gateway")["spec"]
    assert (service["type"], service["loadBalancerClass"]) == ("LoadBalancer", "internal")
    policies = [o["spec"] for o in objects if o["kind"] == "NetworkPolicy"]
    assert any({"podSelector": {"matchLabels": {"app": "web"}}} in rule.get("from", []) for spec in policies for rule in spec.get("ingress", []))


def test_pods_and_what_is_on_every_object(objects: list[Object]) -> None:
    for obj in objects:
        about = obj["metadata"]
        assert about["labels"]["team"] == "llm" and about["annotations"]["owner"] == "llm-team", about["name"]
    assert named(objects, "ServiceAccount")["metadata"]["annotations"]["eks.amazonaws.com/role-arn"] == "arn"
    assert get(named(objects, "ConfigMap", "extra"), "data.of") == "r"
    scaler = named(objects, "HorizontalPodAutoscaler")["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (3, 4)
    for where, template in templates(objects).items():
        spec = template["spec"]
        assert spec["nodeSelector"] == {"disk": ""} and spec["priorityClassName"] == "high" and spec["runtimeClassName"] == "gvisor", where
        assert spec["tolerations"] == [{"operator": "Exists"}] and "runAsUser" not in spec["securityContext"], where
        for c in containers(template):
            assert c["resources"] == REQUEST and (c["name"] in ("proxy", "beside") or c["image"].startswith("registry.example.com:5000/mirror/")), where


def test_sidecars_environment_and_the_database_by_parts(objects: list[Object]) -> None:
    pods, job = (named(objects, kind, suffix)["spec"]["template"] for kind, suffix in (("Deployment", "-gateway"), ("Job", "-migrate")))
    assert [c["name"] for c in pods["spec"]["containers"]] == ["gateway", "beside"] and container(job, "proxy")["restartPolicy"] == "Always"
    for c, host in ((container(pods, "gateway"), "pooler"), (container(job, "migrate"), "direct")):
        held = env(c)
        assert held["RUST_LOG"] == "info" and {"name": "scratch", "mountPath": "/scratch"} in c["volumeMounts"]
        assert host in held["POSTGRES_URL"] and "sslmode=require" in held["POSTGRES_URL"], held["POSTGRES_URL"]
        assert held["PGPASSWORD"] == {"secretKeyRef": {"name": "rds", "key": "password"}}
