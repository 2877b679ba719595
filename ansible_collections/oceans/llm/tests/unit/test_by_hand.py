# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody changed after Helm is said with the failure that it brings: what, who and when, and never a secret."""

from __future__ import annotations

import base64
import copy
import gzip
import json

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes import by_hand
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes.cause import cause as make
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.hand_look import HandLook

from .fake_api import FakeApi, objects, ok
from .fake_cluster import NS, record
from .test_causes import deployment, pod, replicaset, snapshot, stamp, waits
from .test_waits import WEB

TEMPLATE = {
    "metadata": {"labels": {"app": "web"}},
    "spec": {
        "containers": [
            {
                "name": "it",
                "image": "a:1",
                "env": [{"name": "URL", "value": "http://ui:3000"}, {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
                "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}},
            }
        ]
    },
}
IT = ("spec", "containers", 0)


def entry(manager: str, ago: float, **spec) -> dict:
    return {"manager": manager, "operation": "Update", "time": stamp(ago), "fieldsV1": {"f:spec": spec or {"f:template": {"f:spec": {}}}}}


def changed(change, *, manager: str = "kubectl-patch", complete: bool = False, made: float = 20.0, **more):
    """A release of an hour ago, whose template `change` changes 20 s ago."""
    new = copy.deepcopy(TEMPLATE)
    change(new)
    owner = deployment()
    reason = "NewReplicaSetAvailable" if complete else "ReplicaSetUpdated"
    owner["metadata"]["managedFields"] = [entry("helm", 3600)] + ([entry(manager, 20)] if manager else [])
    owner["spec"]["template"] = new
    owner["status"]["conditions"] = [{"type": "Progressing", "status": "True", "reason": reason}]
    old, newest = replicaset("web-0", revision="1"), {**replicaset("web-1", revision="2")}
    old["spec"]["template"], newest["spec"]["template"] = TEMPLATE, new
    newest["metadata"]["creationTimestamp"] = stamp(made)
    return snapshot(owner, old, newest, pod(containers=[waits()], **more), scope=WEB)


def at(template, *path):
    for step in path:
        template = template[step]
    return template


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: at(t, *IT, "readinessProbe", "httpGet").update(path="/nope"), "containers[it].readinessProbe.httpGet.path is /nope, was /readyz"),
        (lambda t: at(t, *IT, "env")[0].update(value="http://other:99/x?key=1"), "containers[it].env[URL] is http://other:99, was http://ui:3000"),
        (lambda t: at(t, *IT, "env")[0].update(value="s3cret"), "containers[it].env[URL] is another plain value, was http://ui:3000"),
        (lambda t: at(t, *IT, "env").pop(0), "containers[it].env[URL] was removed"),
        (lambda t: at(t, *IT, "env").append({"name": "HTTPS_PROXY", "value": "http://u:p@proxy:3128"}), "env[HTTPS_PROXY] is http://proxy:3128"),
        (lambda t: at(t, *IT, "env")[1]["valueFrom"]["secretKeyRef"].update(key="z"), "env[KEY] is from key z of s, was from key k of s"),
        (lambda t: t["spec"].update(initContainers=[{"name": "w", "image": "b"}]), "initContainers[w] was added"),
        (lambda t: t["spec"].update(nodeSelector={"disk": "ssd"}), "nodeSelector was added"),
        (lambda t: at(t, *IT).update(image="a:0"), "containers[it].image is a:0, was a:1"),
    ],
)
def test_a_change_is_said_with_its_author(change, words):
    said = by_hand.template(changed(change), "web")
    assert said.startswith(f"; the pod template of Deployment/web was changed by kubectl-patch at {stamp(20)}: ") and words in said
    assert not any(secret in said for secret in ("s3cret", "u:p", "key=1"))


def test_what_was_only_taken_away_has_no_author():
    said = by_hand.template(changed(lambda t: at(t, *IT).pop("readinessProbe"), manager=""), "web")
    assert "by an unknown client (the API server recorded no name): containers[it].readinessProbe was removed" in said


@pytest.mark.parametrize(
    "picture",
    [
        changed(lambda t: t["metadata"].update(annotations={"kubectl.kubernetes.io/restartedAt": "now"}), manager="kubectl-rollout"),
        changed(lambda t: at(t, *IT).update(image="a:2"), manager="", made=3595),  # Helm's own upgrade
    ],
)
def test_a_restart_and_a_change_of_helms_own_are_none(picture):
    assert by_hand.template(picture, "web") == ""


# --- in the sentence of a cause ------------------------------------------------------------------------------------------


def named(picture, code: str = "NotReadyInTime", configs: dict | None = None, rendered: str = "") -> str:
    told = make(code, picture, "Pod/web-1-a", "it is not ready", "x", container="it")
    with FakeApi() as api:
        for name, there in (configs or {}).items():
            api.on("GET", paths.configmap(NS, name), ok(there))
        release = record(1, "deployed")
        release["manifest"] += "\n---\n" + json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"gateway.yaml": rendered}})
        packed = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(release).encode()))).decode()
        api.on("GET", paths.secrets(NS), objects("Secret", "1", {"metadata": {"name": "r", "labels": {"version": "1"}}, "data": {"release": packed}}))
        look = HandLook(Cluster.connect({"host": api.url}), NS)
        look.named(picture, [told])
        (found,) = look.named(picture, [told])
        assert api.asked(paths.configmap(NS, "c")) == bool(configs), "it is read once"
    return found.cause


def probe(template):
    at(template, *IT, "readinessProbe", "httpGet").update(path="/nope")


def test_a_pod_that_fails_has_the_change_in_its_cause():
    assert "httpGet.path is /nope" in named(changed(probe)) and "httpGet.path" in named(changed(probe), "Unschedulable")
    assert named(changed(probe, complete=True)) == "it is not ready", "its pods were ready with this template: something else is new"
    assert named(changed(probe), "QuotaExceeded") == "it is not ready", "what a namespace allows has nothing to do with the template"


CONFIG = "server:\n  bind: 0.0.0.0:8080\nproviders:\n- name: a\n  token: env.TOKEN\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (CONFIG.replace("0.0.0.0:8080", "127.0.0.1:9090"), "server.bind in gateway.yaml is 127.0.0.1:9090, was 0.0.0.0:8080"),
        (CONFIG.replace("env.TOKEN", "sk-abc123"), "providers[a].token in gateway.yaml was changed"),
        ("server: [\n", "gateway.yaml is not valid YAML (line 2)"),
        ("text", "gateway.yaml differs from the release"),
    ],
)
def test_a_config_map_that_was_changed_by_hand_is_named_with_what_was_changed(text, words, key="gateway.yaml"):
    volumes = {"volumes": [{"name": "config", "configMap": {"name": "c"}}]}
    fields = {"f:data": {"f:gateway.yaml": {}}}
    managed = [{"manager": "helm", "time": stamp(900), "fieldsV1": fields}, {"manager": "kubectl-edit", "time": stamp(30), "fieldsV1": fields}]
    there = {"metadata": {"name": "c", "annotations": {"meta.helm.sh/release-name": "rel"}, "managedFields": managed}, "data": {key: text}}
    picture = changed(lambda t: None, manager="", made=3595, spec=volumes)
    said = named(picture, configs={"c": there}, rendered=CONFIG)
    assert said == f"it is not ready; ConfigMap/c was changed by kubectl-edit: {words}"
    there["metadata"]["managedFields"] = managed[:1]
    assert named(picture, configs={"c": there}, rendered=CONFIG) == "it is not ready"


def test_a_key_that_was_renamed_is_missed():
    words = "key gateway.yaml was removed (keys now: gateway.yml)"
    test_a_config_map_that_was_changed_by_hand_is_named_with_what_was_changed(CONFIG, words, key="gateway.yml")
