# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Preflight never breaks down, whatever values made of the objects: null, or something of another type, at every place of a manifest."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.preflight import collect, rules
from ansible_collections.oceans.llm.plugins.plugin_utils.preflight.facts import DryRun, Picture, Tools, Wanted

LABELS = {"app.kubernetes.io/name": "oceans-llm", "app.kubernetes.io/component": "gateway"}
CONFIG = {
    "database": {"url": "env.POSTGRES_URL"},
    "auth": {"bootstrap_admin": {"enabled": True, "email": "a@b.example", "password": "env.ADMIN"}, "oidc": {"providers": [{"client_secret": "env.X"}]}},
    "providers": [{"id": "p", "type": "openai_compat", "base_url": "https://x", "auth": {"kind": "bearer", "token": "env.KEY"}}],
    "models": [{"id": "m", "routes": [{"provider": "p", "upstream_model": "u"}]}, {"id": "n", "alias_of": "m"}],
    "users": [{"name": "u", "email": "u@b.example"}],
    "budget_alerts": {"email": {"transport": {"username": "env.U", "password": "env.P"}}},
}


def pod(name: str) -> dict[str, Any]:
    container = {
        "name": name,
        "image": f"r.example/a/{name}:v1",
        "env": [
            {"name": "PLAIN", "value": "x"},
            {"name": "POSTGRES_URL", "valueFrom": {"secretKeyRef": {"name": "s", "key": "POSTGRES_URL"}}},
            {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
        ],
        "envFrom": [{"secretRef": {"name": "s"}}, {"configMapRef": {"name": "m", "optional": True}, "prefix": "A_"}],
        "resources": {"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}},
        "securityContext": {"runAsNonRoot": True, "runAsUser": 10001},
    }
    volumes = [
        {"name": "a", "secret": {"secretName": "s"}},
        {"name": "b", "configMap": {"name": "c"}},
        {"name": "c", "projected": {"sources": [{"secret": {"name": "s"}}, {"configMap": {"name": "c"}}]}},
        {"name": "d", "csi": {"driver": "x"}},
    ]
    spec = {"initContainers": [{**container, "name": "init"}], "containers": [container], "volumes": volumes, "imagePullSecrets": [{"name": "pull"}]}
    return {"metadata": {"labels": LABELS, "annotations": {"checksum/config": "x"}}, "spec": {**spec, "securityContext": {"fsGroup": 1}}}


def obj(version: str, kind: str, name: str, **rest: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "labels": LABELS, "annotations": {"a": "b"}}, **rest}


OBJECTS = [
    obj("apps/v1", "Deployment", "gw", spec={"replicas": 2, "selector": {"matchLabels": LABELS}, "template": pod("gateway")}),
    obj("v1", "ConfigMap", "c", data={"gateway.yaml": json.dumps(CONFIG)}),
    obj("batch/v1", "Job", "migrate", spec={"template": pod("migrate"), "backoffLimit": 3}),
    obj("batch/v1", "CronJob", "purge", spec={"jobTemplate": {"spec": {"template": pod("purge")}}}),
    obj("v1", "Secret", "own", data={"A": "eA=="}, stringData={"B": "x"}),
    obj("v1", "Service", "gw", spec={"selector": LABELS, "ports": [{"port": 8080}]}),
    obj(
        "networking.k8s.io/v1",
        "Ingress",
        "gw",
        spec={"ingressClassName": "nginx", "tls": [{"secretName": "tls", "hosts": ["h"]}], "rules": [{"host": "h", "http": {"paths": []}}]},
    ),
    obj(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        "gw",
        spec={
            "scaleTargetRef": {"kind": "Deployment", "name": "gw"},
            "minReplicas": 1,
            "maxReplicas": 3,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}],
        },
    ),
    obj("policy/v1", "PodDisruptionBudget", "gw", spec={"minAvailable": 1, "selector": {"matchLabels": LABELS}}),
    obj("postgresql.cnpg.io/v1", "Cluster", "pg", spec={"instances": 1, "storage": {"size": "1Gi", "storageClass": "x"}, "walStorage": {"size": "1Gi"}}),
    obj(
        "external-secrets.io/v1",
        "ExternalSecret",
        "e",
        spec={"secretStoreRef": {"name": "v", "kind": "SecretStore"}, "target": {"name": "t"}, "data": [{"secretKey": "A", "remoteRef": {"key": "k"}}]},
    ),
    obj("gateway.networking.k8s.io/v1", "HTTPRoute", "gw", spec={"parentRefs": [{"name": "web", "kind": "Gateway"}], "hostnames": ["h"]}),
    obj(
        "networking.k8s.io/v1",
        "NetworkPolicy",
        "gw",
        spec={
            "podSelector": {"matchLabels": LABELS},
            "policyTypes": ["Ingress"],
            "ingress": [{"from": [{"podSelector": {}}, {"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": [{"port": 8080}]}],
        },
    ),
    obj("v1", "PersistentVolumeClaim", "data", spec={"storageClassName": "x", "resources": {"requests": {"storage": "1Gi"}}}),
]


def picture(objects: list[Any]) -> Picture:
    served = {v: frozenset({"Deployment", "ConfigMap"}) for v in ("v1", "apps/v1")}
    return Picture(
        wanted=Wanted("r", "ns", secrets_source="existing", secret_name="s", bootstrap_admin=True, config=CONFIG),
        tools=Tools("v4.2.4", "", "6.6.0"),
        objects=tuple(objects),
        namespace={"metadata": {"name": "ns"}},
        served=served,
        groups=frozenset({"apps"}),
        secrets={"s": {"data": {"A": "eA=="}}, "tls": None, "pull": None},
        configmaps={"m": None, "c": None},
        stores={"SecretStore/v": None},
        ingress_classes=(),
        storage_classes=(),
        dry_runs=tuple(DryRun(f"{o.get('kind')}/x", 403, "Forbidden", "no") for o in objects if isinstance(o, dict)),
    )


def places(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    entries = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in entries:
        yield (*path, key)
        yield from places(value, (*path, key))


def with_value(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy with another value at one place; what does not lead there is shared."""
    if not path:
        return value
    changed = copy.copy(data)
    changed[path[0]] = with_value(data[path[0]], path[1:], value)
    return changed


def judge(given: Picture) -> None:
    """Everything that looks at rendered objects."""
    assert [f.sentence for f in rules.check(given) if f.code == "CheckSkipped"] == []
    list(given.sent())
    collect._secret_names(given), collect._configmap_names(given), collect._store_names(given), collect._gateway_names(given)


def test_the_manifest_is_one_that_is_judged():
    judge(picture(OBJECTS))
    assert len({f.code for f in rules.check(picture(OBJECTS))}) >= 8


@pytest.mark.parametrize("number", range(len(OBJECTS)), ids=lambda n: OBJECTS[n]["kind"])
def test_null_at_every_place_of_a_manifest(number):
    for path in places(OBJECTS[number]):
        judge(picture(with_value(OBJECTS, (number, *path), None)))


def test_null_at_every_place_of_the_configuration():
    for path in places(CONFIG):
        text = json.dumps(with_value(CONFIG, path, None))
        judge(picture(with_value(OBJECTS, (1, "data", "gateway.yaml"), text)))


WRONG: tuple[Any, ...] = ("x", 7, True, [], {}, [None], {"x": None}, "env.", "50%")


@pytest.mark.parametrize("wrong", ["x", {"x": [None]}], ids=repr)
def test_another_type_at_any_place_is_at_most_a_check_that_is_skipped(wrong):
    for path in places(OBJECTS):
        given = picture(with_value(OBJECTS, path, wrong))
        rules.check(given), collect._secret_names(given), collect._store_names(given), collect._gateway_names(given)


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_another_type_at_any_place_of_the_configuration(wrong):
    for path in places(CONFIG):
        judge(picture(with_value(OBJECTS, (1, "data", "gateway.yaml"), json.dumps(with_value(CONFIG, path, wrong)))))


@pytest.mark.parametrize("text", ["", "[]", "x", "- 1", "{", "a: b: c", "\t", "2024-01-01", "? {}", "1: 2", "null", "true: x"])
def test_a_configuration_that_is_none(text):
    judge(picture(with_value(OBJECTS, (1, "data", "gateway.yaml"), text)))
