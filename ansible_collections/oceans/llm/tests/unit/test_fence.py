# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fence: order, and what counts as fenced."""

from __future__ import annotations

import json
import os

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import fence as fence_module
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import interrupt
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.fence import Fenced, fence

from .fake_api import FakeApi, event, objects, ok, status, stream

JOB = {"metadata": {"name": "mig", "namespace": "ns"}, "spec": {}, "status": {}}
RUNNING = {"metadata": {"name": "mig-a"}, "status": {"phase": "Running"}}


def calls(api):
    return [(m, p.rsplit("/", 1)[1]) for m, p, _q, _b in api.seen if m in ("DELETE", "PATCH")]


def test_pods_get_their_short_grace_before_the_job_controller_gives_them_its_long_one():
    with FakeApi() as api:
        api.on("GET", paths.job("ns", "mig"), ok(JOB))
        api.on("GET", paths.pods("ns"), objects("Pod", "1", RUNNING), objects("Pod", "2"))
        api.on("DELETE", paths.pod("ns", "mig-a"), ok({}))
        api.on("PATCH", paths.job("ns", "mig"), ok(JOB))
        assert fence(Cluster.connect({"host": api.url}), "ns", ["mig"]) == Fenced(("mig",))
        assert calls(api) == [("DELETE", "mig-a"), ("PATCH", "mig")]
        assert json.loads(next(b for m, _p, _q, b in api.seen if m == "DELETE")) == {"gracePeriodSeconds": 1}


def test_a_queue_does_not_start_a_fenced_job_again():
    """Kueue starts whatever has its label and its quota, whoever suspended it."""
    with FakeApi() as api:
        api.on("GET", paths.job("ns", "mig"), ok({**JOB, "metadata": {**JOB["metadata"], "labels": {"kueue.x-k8s.io/queue-name": "default", "a": "b"}}}))
        api.on("GET", paths.pods("ns"), objects("Pod", "1"))
        api.on("PATCH", paths.job("ns", "mig"), ok(JOB))
        assert fence(Cluster.connect({"host": api.url}), "ns", ["mig"]) == Fenced(("mig",))
        [patched] = [json.loads(b) for m, _p, _q, b in api.seen if m == "PATCH"]
    assert patched == {"spec": {"suspend": True}, "metadata": {"labels": {"kueue.x-k8s.io/queue-name": None}}}


def test_a_job_that_an_earlier_run_suspended_needs_no_permission():
    with FakeApi() as api:
        api.on("GET", paths.job("ns", "mig"), ok({**JOB, "spec": {"suspend": True}}))
        api.on("GET", paths.pods("ns"), objects("Pod", "1"))
        assert fence(Cluster.connect({"host": api.url}), "ns", ["mig"]) == Fenced()
        assert calls(api) == []


def test_a_pod_that_stays_is_no_fence():
    with FakeApi() as api:
        api.on("GET", paths.job("ns", "mig"), ok(JOB))
        api.on("GET", paths.pods("ns"), objects("Pod", "1", RUNNING))
        api.on("DELETE", paths.pod("ns", "mig-a"), ok({}))
        api.on("PATCH", paths.job("ns", "mig"), ok(JOB))
        found = fence(Cluster.connect({"host": api.url}), "ns", ["mig"], deadline=0.0)
        assert found.stopped == () and "mig-a" in found.left["mig"]


@pytest.mark.parametrize(
    ("code", "reason", "words"), [(403, "Forbidden", 'pods "mig-a" is forbidden: User "x" cannot delete resource "pods"'), (429, "TooMany", "slow down")]
)
def test_a_delete_that_is_refused_is_told_with_the_reason(code, reason, words):
    with FakeApi() as api:
        api.on("GET", paths.job("ns", "mig"), ok(JOB))
        api.on("GET", paths.pods("ns"), objects("Pod", "1", RUNNING))
        api.on("DELETE", paths.pod("ns", "mig-a"), status(code, reason, words))
        api.on("PATCH", paths.job("ns", "mig"), ok(JOB))
        found = fence(Cluster.connect({"host": api.url}), "ns", ["mig"], deadline=0.0)
        assert "mig-a" in found.left["mig"] and words in found.left["mig"]


def test_the_controller_of_a_suspended_job_may_delete_what_the_caller_may_not():
    with FakeApi() as api:
        api.on("GET", paths.job("ns", "mig"), ok(JOB))
        api.on("GET", paths.pods("ns"), objects("Pod", "1", RUNNING))
        api.on("WATCH", paths.pods("ns"), stream(event("DELETED", RUNNING)))
        api.on("DELETE", paths.pod("ns", "mig-a"), status(403, "Forbidden", "no"))
        api.on("PATCH", paths.job("ns", "mig"), ok(JOB))
        assert fence(Cluster.connect({"host": api.url}), "ns", ["mig"]) == Fenced(("mig",))


def test_an_api_that_is_away_for_a_moment_is_asked_again(monkeypatch):
    monkeypatch.setattr(fence_module, "AGAIN", 0.01)
    away = status(503, "ServiceUnavailable", "away")
    with FakeApi() as api:
        api.on("GET", paths.job("ns", "mig"), away, ok(JOB))
        api.on("GET", paths.pods("ns"), away, objects("Pod", "1", RUNNING), away, objects("Pod", "2"))
        api.on("DELETE", paths.pod("ns", "mig-a"), ok({}))
        api.on("PATCH", paths.job("ns", "mig"), ok(JOB))
        assert fence(Cluster.connect({"host": api.url}), "ns", ["mig"]) == Fenced(("mig",))


def test_what_could_not_be_stopped_is_told_and_the_next_job_is_stopped_all_the_same():
    with FakeApi() as api:
        api.on("GET", paths.job("ns", "mig"), status(401, "Unauthorized", "no"))
        api.on("GET", paths.job("ns", "seed"), ok(JOB))
        api.on("GET", paths.pods("ns"), objects("Pod", "1"))
        api.on("PATCH", paths.job("ns", "seed"), ok(JOB))
        found = fence(Cluster.connect({"host": api.url}), "ns", ["mig", "seed"])
        assert found.stopped == ("seed",) and "401" in found.left["mig"]


def test_a_job_that_is_over_is_left_alone():
    over = {**JOB, "status": {"conditions": [{"type": "Complete", "status": "True"}]}}
    with FakeApi() as api:
        api.on("GET", paths.job("ns", "mig"), ok(over))
        assert fence(Cluster.connect({"host": api.url}), "ns", ["mig", "gone"]) == Fenced() and calls(api) == []


def test_a_job_over_its_deadline_still_has_pods_in_their_grace():
    failed = {**JOB, "status": {"conditions": [{"type": "FailureTarget", "status": "True", "reason": "DeadlineExceeded"}]}}
    with FakeApi() as api:
        api.on("GET", paths.job("ns", "mig"), ok(failed))
        api.on("GET", paths.pods("ns"), objects("Pod", "1", RUNNING), objects("Pod", "2"))
        api.on("DELETE", paths.pod("ns", "mig-a"), ok({}))
        assert fence(Cluster.connect({"host": api.url}), "ns", ["mig"]) == Fenced(("mig",)) and calls(api) == [("DELETE", "mig-a")]


def test_the_death_of_ansible_is_an_interruption(monkeypatch):
    """A worker has a session of its own and survives a SIGKILL of its parent."""
    held = interrupt.Interrupt()
    assert not held and held.name == ""
    monkeypatch.setattr(os, "getppid", lambda: 1)
    assert held and "the ansible-playbook process" in held.name
