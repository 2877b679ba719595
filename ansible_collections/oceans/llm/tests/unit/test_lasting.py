# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Success has to last: what still can end a pod is waited for, and nothing else."""

from __future__ import annotations

import copy
import time

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import lasting

from .fake_api import FakeApi, objects
from .place import NS, Place, pod, rfc

HEALTH = {"httpGet": {"path": "/healthz", "port": "http"}}
ELSEWHERE = {"httpGet": {"path": "/healthz", "port": 9}, "periodSeconds": 1, "failureThreshold": 2}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(lasting, "AGAIN", 0.05)
    monkeypatch.setattr(lasting, "SLACK", 0.0)


def run(probes: dict, ago: float, *later, events: tuple = ()):
    """(cause, seconds). `later`: what becomes of the pod after the rollout's last look at it."""
    with FakeApi() as api:
        place = Place(api)
        place.gateway["spec"]["template"]["spec"]["containers"][0] |= probes
        place.pods[0] = pod("gw-a", "gw-1", place.gateway, ago=ago)
        place.play()
        answers = [place.pods[0]]
        for change in later:
            answers.append(copy.deepcopy(answers[-1]))
            change(answers[-1])
        api.script[("GET", paths.pods(NS))] = [objects("Pod", "1", p, place.pods[1]) for p in (answers[1:] if later else answers)]
        api.script[("GET", paths.events(NS))] = [objects("Event", "1", *events)]
        began = time.monotonic()
        return lasting.check(Cluster.connect({"host": api.url}), place.snapshot), time.monotonic() - began


def restarted(each: dict) -> None:
    each["status"]["containerStatuses"][0] |= {"restartCount": 1, "lastState": {"terminated": {"exitCode": 137, "reason": "Error"}}}


def unready(each: dict) -> None:
    each["status"]["conditions"][0] |= {"status": "False", "reason": "ContainersNotReady"}
    each["status"]["containerStatuses"][0]["ready"] = False


def same(_each: dict) -> None:
    """Nothing happens."""


def leaving(each: dict) -> None:
    each["metadata"]["deletionTimestamp"] = rfc()
    unready(each)


COMPLAINT = {
    "metadata": {"name": "e"},
    "reason": "Unhealthy",
    "message": "Liveness probe failed: connection refused",
    "involvedObject": {"kind": "Pod", "name": "gw-a", "fieldPath": "spec.containers{gateway}"},
    "lastTimestamp": rfc(-86_400),  # as fresh as it gets, however long the suite has run
}


@pytest.mark.parametrize(
    ("probes", "ago"),
    [
        ({}, 1),
        ({"readinessProbe": HEALTH}, 1),
        ({"startupProbe": HEALTH, "livenessProbe": {**HEALTH, "periodSeconds": 30}}, 1),
        ({"readinessProbe": HEALTH, "livenessProbe": {"httpGet": {"path": "/healthz", "port": "http", "scheme": "HTTP"}}}, 1),
        ({"startupProbe": {"tcpSocket": {"port": 3000}}, "livenessProbe": {"tcpSocket": {"port": 3000}}}, 1),
        ({"livenessProbe": {**ELSEWHERE, "periodSeconds": 10}}, 300),  # it runs long enough: the window is over
    ],
)
def test_where_the_probes_make_it_safe_nothing_is_waited_for(probes, ago):
    cause, seconds = run(probes, ago)
    assert cause is None and seconds < 0.5


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (restarted, "the container was ready, but was restarted a moment later"),
        (unready, "the pod was ready and has become unready: container gateway is running, but not ready yet"),
    ],
)
def test_what_has_already_ended_is_seen_without_waiting(change, words):
    cause, _seconds = run({"startupProbe": HEALTH, "livenessProbe": HEALTH}, 1, change)
    assert (cause.code, cause.object) == ("NotLasting", "Pod/gw-a") and words in cause.cause


def test_a_pod_that_is_taken_away_is_nobodys_fault():
    assert run({}, 1, leaving)[0] is None


def test_a_liveness_probe_of_its_own_is_waited_for_until_it_was_tried_once():
    cause, seconds = run({"readinessProbe": HEALTH, "livenessProbe": ELSEWHERE}, 0)
    assert cause is None and 0.5 < seconds < 4


def test_one_that_fails_is_waited_for_until_the_kubelet_acts():
    cause, _seconds = run(
        {"readinessProbe": HEALTH, "livenessProbe": {**ELSEWHERE, "failureThreshold": 5}}, 2, same, same, same, restarted, events=(COMPLAINT,)
    )
    assert cause.code == "NotLasting" and "exit code 137" in cause.evidence


def test_a_container_that_is_being_killed_is_named_although_its_pod_is_still_ready():
    killing = {**COMPLAINT, "reason": "Killing", "message": "Container gateway failed liveness probe, will be restarted"}
    cause, seconds = run({"readinessProbe": HEALTH, "livenessProbe": ELSEWHERE}, 20, events=(COMPLAINT, killing))
    assert (cause.code, cause.container) == ("LivenessProbeFailed", "gateway") and "connection refused" in cause.evidence and seconds < 2
    before = {**killing, "lastTimestamp": rfc(60)}  # of the run of the container before this one
    assert run({"readinessProbe": HEALTH, "livenessProbe": ELSEWHERE}, 20, events=(before,))[0] is None


def test_what_is_waited_for_is_said_and_a_signal_ends_the_wait(monkeypatch):
    monkeypatch.setattr(lasting, "HEARTBEAT", 0.2)
    slow = {"livenessProbe": {**ELSEWHERE, "initialDelaySeconds": 60}}
    with FakeApi() as api:
        place = Place(api)
        place.gateway["spec"]["template"]["spec"]["containers"][0] |= slow
        place.pods[0] = pod("gw-a", "gw-1", place.gateway, ago=0)
        place.play()
        lines: list[str] = []
        began = time.monotonic()
        assert lasting.check(Cluster.connect({"host": api.url}), place.snapshot, lines.append, lambda: len(lines) > 1) is None
    assert time.monotonic() - began < 5 and "the liveness probe of container gateway in Pod/gw-a has not run yet" in lines[0]


def test_an_old_complaint_is_no_reason_to_wait():
    old = {**COMPLAINT, "lastTimestamp": rfc(60)}
    assert run({"readinessProbe": HEALTH, "livenessProbe": {**ELSEWHERE, "failureThreshold": 30}}, 5, events=(old,))[1] < 1


def test_a_stricter_probe_is_not_passed_by_a_milder_one():
    strict = {"startupProbe": {**HEALTH, "timeoutSeconds": 5}, "livenessProbe": {**HEALTH, "timeoutSeconds": 1}}
    assert not lasting.passed_already(strict) and lasting.passed_already({**strict, "livenessProbe": {**HEALTH, "timeoutSeconds": 5}})
