# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action of oceans.llm.status: what is known is shown, whatever else could not be asked."""

from __future__ import annotations

import base64
import gzip
import json

import pytest
import yaml

from ansible_collections.oceans.llm.plugins.action.status_info import ActionModule
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import asking

from .fake_api import FakeApi, objects, ok, status
from .fake_forward import forward
from .place import NS, PROXY, Place
from .run_action import run


@pytest.fixture
def place(monkeypatch):
    monkeypatch.setattr(asking, "PATIENCE", 0.3)
    monkeypatch.setattr(asking, "TIMEOUT", (1.0, 0.3))
    with FakeApi() as api:
        place = Place(api).play()
        manifest = "---\n".join(yaml.safe_dump(o) for o in place.rendered)
        body = {"name": "rel", "namespace": NS, "version": 2, "manifest": manifest, "info": {"status": "deployed"}, "chart": {"metadata": {"name": "c"}}}
        data = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(body).encode()))).decode()
        record = {"metadata": {"name": "sh.helm.release.v1.rel.v2", "labels": {"version": "2", "status": "deployed"}}, "data": {"release": data}}
        api.on("GET", paths.secrets(NS), objects("Secret", "1", record))
        for each in (place.gateway, place.ui):
            api.on("GET", paths.deployment(NS, each["metadata"]["name"]), ok(each))
        yield place


def shown(place: Place) -> dict:
    return run(ActionModule, place.api, {"name": "rel", "namespace": NS, "database": False})


def served(result: dict) -> str:
    return next(line for line in result["screen"] if line.startswith("served"))


def test_what_is_served(place):
    result = shown(place)
    assert served(result) == "served     version 0.24.0, ready" and result["verified"] == "served" and result["version_served"] == "version 0.24.0"


def test_a_release_without_a_record_of_helm(place):
    """Argo CD or Flux made it: its objects are found by their label."""
    place.api.script[("GET", paths.secrets(NS))] = [objects("Secret", "1")]
    for plural, kind in (("deployments", "Deployment"), ("services", "Service")):
        place.api.on("GET", paths.collection(plural, NS), objects(kind, "1", *(o for o in place.rendered if o["kind"] == kind)))
    for plural in ("configmaps", "jobs"):
        place.api.on("GET", paths.collection(plural, NS), objects("X", "1"))
    result = shown(place)
    assert "Helm has no record; objects found by label" in result["screen"][0] and served(result) == "served     version 0.24.0, ready" and result["installed"]


def test_a_gateway_that_is_reached_by_port_forward_only(place):
    place.api.script[("GET", f"{PROXY}/api/v1/health")] = [status(503, "X", "error trying to reach service: Address is not allowed")]
    place.api.on("GET", f"{paths.pod(NS, 'gw-a')}/portforward", forward(8080, {"/api/v1/health": (200, {"version": "0.24.0"}), "/readyz": (503, {})}))
    assert served(shown(place)) == "served     version 0.24.0, not ready (HTTP 503) (asked through port-forward to Pod/gw-a)"


@pytest.mark.parametrize(
    ("answer", "verified", "words"),
    [
        (status(403, "Forbidden", "may not"), "not asked", "the caller lacks the permissions create pods/portforward and get services/proxy"),
        (status(502, "X", "error trying to reach service: EOF"), "unverified", "not known: Service proxy: 502 error trying"),
        (ok({"error": "x"}, 500), "failed", "the gateway does not answer: Service/gw answers 500"),
    ],
)
def test_why_the_version_is_not_known(place, answer, verified, words):
    place.api.script[("GET", f"{PROXY}/api/v1/health")] = [answer]
    place.api.on("GET", f"{paths.pod(NS, 'gw-a')}/portforward", status(403, "Forbidden", "may not"))
    result = shown(place)
    assert result["verified"] == verified and words in served(result) and not result.get("failed")


@pytest.mark.parametrize(
    ("path", "what"),
    [
        (paths.pods(NS), "pods"),
        (paths.deployment(NS, "gw"), "Deployment/gw"),
        (paths.lease(NS, "oceans-llm-rel"), "lock"),
        (paths.configmap(NS, "rel-bootstrap"), "administrator"),
        (paths.configmap(NS, "rel-restore-points"), "restore points"),
    ],
)
def test_one_question_that_fails_is_one_line(place, path, what):
    place.api.script[("GET", path)] = [status(500, "X", "etcd leader changed")]
    result = shown(place)
    assert not result.get("failed") and f"not known  {what}: etcd leader changed" in result["screen"]
    assert any(line.startswith("release    ns/rel") for line in result["screen"])


def test_the_newest_restore_point_is_shown_with_its_age(place):
    point = {"kind": "pg_dump", "name": "rel-1", "place": "PersistentVolumeClaim/p", "created": 1.0, "size": 2048, "schema_version": 43}
    place.api.on("GET", paths.configmap(NS, "rel-restore-points"), ok({"data": {"rel-1": json.dumps(point)}}))
    (line,) = [line for line in shown(place)["screen"] if line.startswith("backup ")]
    assert "pg_dump rel-1 (" in line and "h old, 2.0 KiB, V43, in PersistentVolumeClaim/p" in line
