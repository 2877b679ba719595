# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What CloudNativePG says of a Cluster that does not come up."""

from __future__ import annotations

import json

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import operator_look
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes.cause import cause as make
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.operator_look import OperatorLook, last_error

from .fake_api import FakeApi, objects, status
from .test_causes import snapshot

UID = "Job.batch is invalid: spec.template.spec.securityContext.runAsUser: Invalid value: -1"


def line(error: str, namespace: str = "ns", name: str = "db", level: str = "error") -> str:
    return json.dumps({"level": level, "msg": "Reconciler error", "namespace": namespace, "name": name, "error": error})


LOG = "\n".join([line("an old one"), line(UID), line("of another", name="other"), line("elsewhere", namespace="x"), line("", level="info"), "no JSON", "[1]"])


def test_the_last_error_about_the_object():
    assert last_error(LOG, "ns", "db") == UID and last_error(LOG, "ns", "none") == ""


@pytest.fixture
def api():
    with FakeApi() as server:
        pod = {"metadata": {"name": "op-1", "namespace": "cnpg-system"}, "spec": {"containers": [{"name": "manager"}]}}
        server.on("GET", operator_look.PODS, objects("Pod", "1", pod))
        server.on("GET", paths.pod_log("cnpg-system", "op-1"), lambda h: h.send(200, LOG.encode(), "text/plain"))
        yield server


def named(api: FakeApi, ago: float, code: str = "PostgresClusterWaits") -> tuple[str, OperatorLook]:
    picture = snapshot()
    cause = make(code, picture, "Cluster/db", "CloudNativePG is still setting up the database", "Setting up primary", since=picture.now - ago)
    look = OperatorLook(Cluster.connect({"host": api.url}), "ns")
    look.named(picture, [cause])
    return look.named(picture, [cause])[0].cause, look


def test_a_cluster_that_does_not_come_up_has_its_operators_words(api):
    text, _look = named(api, 9)
    assert text == f"CloudNativePG is still setting up the database; last error of the operator: {UID}" and api.asked(operator_look.PODS) == 1


def test_a_young_cluster_and_another_cause_ask_nobody(api):
    assert (
        named(api, 2)[0] == "CloudNativePG is still setting up the database"
        and named(api, 60, "PostgresClusterFailed")[0] == "CloudNativePG is still setting up the database"
    )
    assert api.asked(operator_look.PODS) == 0


def test_who_may_not_read_it_is_told_what_is_known_and_asks_once(api):
    api.script[("GET", operator_look.PODS)] = [status(403, "Forbidden", "no")]
    text, look = named(api, 9)
    assert text == "CloudNativePG is still setting up the database" and look._may is False
