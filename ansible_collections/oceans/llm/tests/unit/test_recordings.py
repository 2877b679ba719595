# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Streams recorded on a real cluster, replayed: the right code, how soon after the first sign, and never an alarm about the healthy.

Recorded by tests/recordings/record.py. test_rules.py takes each rule away in turn.
"""

from __future__ import annotations

import copy
import random
from functools import cache

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.helm.process import Helm
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes import find
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.verdict import State, judge

from ..recordings.record import STREAMS, load, pictures
from ..recordings.scenarios import SCENARIOS

BAD = [s for s in SCENARIOS if s.expect]
GOOD = [s for s in SCENARIOS if not s.expect]
#: codes that are declared when their time is over, later than the recording; only the sign has to be there
PATIENT = {"ImageRegistryError", "Unschedulable", "MountFailed", "JobSuspended"}
#: streams whose readiness probe stands alone: it has the Deployment's own deadline
PATIENTLY = {"not_ready.never-ready"}
#: seconds from the first sign (an event or status that the rule can see) to the verdict, where it is not at once
WAITS = {
    "CrashLoop": 14.0,  # a second exit is needed; a Job's comes after 10 s of back-off
    "ContainerEnded": 14.0,
    "LivenessProbeFailed": 30.0,
    "NotReadyInTime": 32.0,  # the probe's own time
    "StartupProbeFailed": 3.0,
    "JobFailed": 3.0,  # the Job's condition follows the pod's
    "ProgressDeadline": 8.0,
}


@cache
def recording(name):
    return load(name)


def verdicts(name, until=None, step=0.25):
    """(second, verdict) of every picture until one decides to fail."""
    for picture in pictures(recording(name), until=until, step=step):
        verdict = judge(picture, find(picture), Helm())
        yield picture.now - picture.started, verdict
        if verdict.state is State.FAILED:
            return


def test_every_scenario_has_its_recording():
    assert {s.name for s in SCENARIOS} == {p.name.removesuffix(".json.gz") for p in STREAMS.glob("*.json.gz")}


@pytest.mark.parametrize("scenario", BAD, ids=lambda s: s.name)
def test_a_fault_is_named_soon_after_its_first_sign(scenario):
    first, last = None, None
    for second, verdict in verdicts(scenario.name):
        if first is None and verdict.causes:
            first = second
        last = (second, verdict)
    assert first is not None and last is not None, "no sign at all"
    second, verdict = last
    if scenario.expect in PATIENT or scenario.name in PATIENTLY:
        assert scenario.expect in {c.code for c in verdict.causes} and verdict.state is State.PROGRESSING
        cause = next(c for c in verdict.causes if c.code == scenario.expect)
        assert cause.budget and verdict.blocker
        declared = [v for _s, v in verdicts(scenario.name, until=recording(scenario.name)["seconds"] + cause.budget + 10, step=1.0)][-1]
        assert declared.cause and declared.cause.code == scenario.expect, "its time is over and it is not declared"
        return
    assert verdict.state is State.FAILED and verdict.cause.code == scenario.expect, verdict
    assert second - first <= WAITS.get(scenario.expect, 2.0), f"first sign at {first:.1f} s, said at {second:.1f} s"
    assert verdict.cause.evidence and verdict.cause.hint and "<" not in verdict.cause.hint.replace("<cluster>", "").replace("<role>", ""), verdict.cause


@pytest.mark.parametrize("scenario", GOOD, ids=lambda s: s.name)
def test_a_healthy_rollout_raises_no_alarm_and_ends(scenario):
    seen = list(verdicts(scenario.name))
    assert seen[-1][1].state is State.DONE, seen[-1]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("crashes.good-crash-once", "ContainerExited"),
        ("deleted_attempts.good-job-pod-deleted", "PodEvicted"),
        ("disruptions.good-job-pod-evicted", "PodEvicted"),
        ("attempts.good-job-second-try", "DatabaseUnreachable"),
        ("unschedulable.good-taint-lifted", "Unschedulable"),
    ],
)
def test_what_was_rough_on_the_way_is_shown(name, code):
    shown = {c.code for _s, v in verdicts(name) for c in v.causes}
    assert code in shown


def slowed(body, rng):
    """The same story told more slowly and in another order: each kind's watch has its own delay, gaps grow, events are lost or come late."""
    delays = {kind: rng.choice([0.0, 0.0, 0.3, 1.0, 2.5]) for kind in ("Deployment", "ReplicaSet", "Pod", "Job", "Event", "PersistentVolumeClaim", "Log")}
    changes = []
    for at, kind, type_, obj in body["changes"]:
        if kind == "Event" and rng.random() < 0.15:
            continue
        changes.append([at + delays[kind] + (rng.random() * 2 if kind == "Event" else 0), kind, type_, obj])
    changes.sort(key=lambda c: c[0])  # stable: one watch keeps its own order
    if rng.random() < 0.4:
        changes += rough(body, rng)
        changes.sort(key=lambda c: c[0])
    return changes


def rough(body, rng):
    """An event of something that passes, about a pod of the story: a rate limit, a slow cache, a probe that fails at first."""
    pods = [(at, obj) for at, kind, type_, obj in body["changes"] if kind == "Pod" and type_ == "ADDED"]
    if not pods:
        return []
    at, pod = rng.choice(pods)
    reason, message = rng.choice(
        [
            ("Failed", 'Failed to pull image "x": failed to resolve reference: unexpected status code: 429 Too Many Requests'),
            ("Failed", 'Failed to pull image "x": dial tcp: lookup registry: no such host'),
            ("FailedMount", 'MountVolume.SetUp failed for volume "config" : failed to sync configmap cache: timed out waiting for the condition'),
            ("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503"),
            ("FailedScheduling", "0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }."),
            ("BackOff", "Back-off restarting failed container"),
        ]
    )
    spec = pod["spec"]["containers"][0]["name"]
    if reason == "Unhealthy" and pod["spec"]["containers"][0].get("startupProbe"):
        message = message.replace("Readiness", "Startup")  # a readiness probe begins when the startup probe has passed
    stamp = pod["metadata"]["creationTimestamp"]
    event = {
        "kind": "Event",
        "metadata": {"name": f"rough-{rng.random()}", "resourceVersion": "1", "uid": f"r{rng.random()}"},
        "reason": reason,
        "message": message,
        "type": "Warning",
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "involvedObject": {"kind": "Pod", "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"], "fieldPath": f"spec.containers{{{spec}}}"},
    }
    return [[at + 0.2 + rng.random(), "Event", "ADDED", event]]


@pytest.mark.parametrize("scenario", GOOD, ids=lambda s: s.name)
def test_slow_but_healthy_is_never_an_alarm(scenario):
    """48 variations of each healthy story: more than 500 in all."""
    body = recording(scenario.name)
    for seed in range(48):
        rng = random.Random(f"{scenario.name}-{seed}")
        changes = slowed(body, rng)
        for picture in pictures(body, changes, until=changes[-1][0] + 1, step=1.0):
            verdict = judge(picture, find(picture), Helm())
            assert verdict.state is not State.FAILED, f"seed {seed} at {picture.now - picture.started:.1f} s: {verdict.cause}"


@pytest.mark.parametrize("name", ["images.image-not-found", "attempts.job-auth", "crashes.crash-loop", "admission_replicasets.quota"])
def test_the_same_evidence_of_an_earlier_run_condemns_nobody(name):
    """Events older than the run are left out of a new list."""
    body = copy.deepcopy(recording(name))
    events = {c[3]["metadata"]["name"]: c[3] for c in body["changes"] if c[1] == "Event"}
    body["changes"] = [[0.1, "Event", "LISTED", events]]
    body["started"] += 3600
    body["seconds"] = 1.0
    for picture in pictures(body):
        assert picture.objects["Event"] == {} and find(picture) == []
