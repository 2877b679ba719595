# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No bare time-out: every state between created and ready has a name, what is new is counted by its own pods, and a time-out is blamed on them."""

from __future__ import annotations

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.codes import Certainty
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.process import Helm
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import logs as readers
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import narrator, progress
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes import find
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.model import Scope, new_replicaset
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.verdict import State, judge, timeout_cause

from .test_causes import NOW, deployment, event, obj, pod, ready, replicaset, snapshot, stamp, waits, web

WEB = Scope(("web",), (), "ns", "rel")


def upgrade(new, *more, status=None, logs=None, replicas=1):
    """An upgrade whose old pod still serves: the Deployment's availableReplicas counts it."""
    web_1 = deployment(replicas=replicas)
    web_1["status"] |= {"replicas": 2, "updatedReplicas": 1, "availableReplicas": 1, **(status or {})}
    old = {**ready("web-0-x"), "metadata": {**ready("web-0-x")["metadata"], "ownerReferences": [{"uid": "uid-web-0"}], "creationTimestamp": stamp(900)}}
    return snapshot(web_1, replicaset(), replicaset("web-0", revision="0"), old, new, *more, scope=WEB, logs=logs)


def over(picture, seconds=60):
    causes = find(picture)
    return timeout_cause(picture, judge(picture, causes, Helm()), seconds)


# --- what is counted ---------------------------------------------------------------------------------------------------


def test_while_a_new_pod_is_not_ready_no_old_pod_is_blamed():
    picture = upgrade(pod(containers=[waits()]))
    phrase = progress.blocker(picture)
    assert phrase.startswith("Deployment/web: 0 of 1 new pods ready: web-1-a container it is waiting (ContainerCreating") and "old" not in phrase
    assert progress.summary(picture) == "web: 1 of 1 new pods created, 0 ready, 1 old pod"
    assert narrator.facts(picture)["Deployment/web"] == "Deployment/web: 1 of 1 new pods created, 0 ready, 1 old pod"


def test_old_pods_are_waited_for_once_the_new_ones_are_ready():
    assert progress.blocker(upgrade(ready("web-1-a"), status={"availableReplicas": 2})) == "Deployment/web: waiting for 1 old pod to stop"
    done = upgrade(ready("web-1-a"), status={"replicas": 1})
    assert progress.blocker(done) == ""


def test_old_pods_that_still_answer_are_named_and_not_waited_for():
    """A Deployment does not count a pod that was told to stop, however long its streams last."""
    going = [ready(f"web-0-{letter}") for letter in "abcd"]
    for each in going:
        each["metadata"] |= {"deletionTimestamp": stamp(-500), "ownerReferences": [{"uid": "uid-web-0"}]}
        each["spec"]["terminationGracePeriodSeconds"] = 615
    done = upgrade(ready("web-1-a"), *going[:1], status={"replicas": 1})
    assert judge(done, [], Helm()).state is State.DONE
    assert progress.stopping(done) == "1 old pod still stopping (grace 615 s): web-0-a"
    assert progress.stopping(upgrade(ready("web-1-a"), *going)) == "4 old pods still stopping (grace 615 s): web-0-a, web-0-b, web-0-c and 1 more"


def test_a_pod_that_was_evicted_is_none_of_the_new_ones():
    gone = pod("web-1-z", status={"phase": "Failed", "reason": "Evicted"})
    assert progress.counts(upgrade(ready("web-1-a"), gone), "web") == (1, 1, 1)


# --- the new ReplicaSet ------------------------------------------------------------------------------------------------


def templated(thing, image, **labels):
    body = {"metadata": {"labels": {"app": "web", **labels}, "creationTimestamp": None}, "spec": {"containers": [{"name": "it", "image": image}]}}
    thing["spec"]["template"] = body
    return thing


def test_with_recreate_the_old_replicaset_is_not_the_new_one():
    """The controller has seen the change and stops the old pods first; the revision is still the old one."""
    owner = templated({**deployment(), "spec": {"replicas": 1, "strategy": {"type": "Recreate"}}}, "a:v2")
    old = templated(replicaset("web-1"), "a:v1", **{"pod-template-hash": "1"})
    looping = {**waits("CrashLoopBackOff"), "restartCount": 5, "lastState": {"terminated": {"exitCode": 1, "finishedAt": stamp(9), "startedAt": stamp(10)}}}
    picture = snapshot(owner, old, pod(containers=[looping], ago=900), scope=WEB)
    assert new_replicaset(picture, "web") is None and find(picture) == []
    assert "with strategy Recreate, the old pods have to stop first" in progress.blocker(picture)
    made = templated(replicaset("web-2", revision="2"), "a:v2", **{"pod-template-hash": "2"})
    assert new_replicaset(snapshot(owner, old, made, scope=WEB), "web")["metadata"]["name"] == "web-2"


def test_with_recreate_an_old_pod_that_does_not_stop_is_what_is_waited_for():
    owner = templated({**deployment(), "spec": {"replicas": 1, "strategy": {"type": "Recreate"}}}, "a:v2")
    gone = pod("web-1-a", metadata={"deletionTimestamp": stamp(30), "finalizers": ["example.com/hold"]})
    picture = snapshot(owner, templated(replicaset("web-1"), "a:v1"), gone, scope=WEB)
    assert [c.code for c in find(picture)] == ["OldPodStuck"] and over(picture).code == "OldPodStuck"


def test_a_rollback_finds_the_replicaset_that_already_has_its_template():
    owner = templated(deployment(), "a:v1")
    first, second = templated(replicaset("web-1", revision="3"), "a:v1"), templated(replicaset("web-2", revision="2"), "a:v2")
    assert new_replicaset(snapshot(owner, first, second, scope=WEB), "web")["metadata"]["name"] == "web-1"


# --- a time-out is blamed on what was waited for -----------------------------------------------------------------------


def test_a_time_out_is_not_blamed_on_a_pod_that_was_evicted_long_ago():
    gone = pod("web-1-z", status={"phase": "Failed", "reason": "Evicted", "message": "low on memory"}, ago=800)
    pulling = event("p", "web-1-a", "Pulling", 'Pulling image "reg.example/a/b:v1"', path="spec.containers{it}")
    found = over(upgrade(pod(containers=[waits()]), gone, pulling), 900)
    assert (found.code, found.object) == ("PodStarting", "Pod/web-1-a") and "Pulling image" in found.cause and "900 s" in found.cause


def test_a_time_out_takes_the_youngest_cause_of_what_is_not_done():
    told = [
        event("m", "web-1-a", "FailedMount", 'MountVolume.SetUp failed for volume "x": failed to sync secret cache', ago=50),
        event("e", "web-1-a", "Failed", 'Failed to pull image "reg.example/a/b:v1": 429 Too Many Requests', ago=5, path="spec.containers{it}"),
    ]
    assert over(upgrade(pod(containers=[waits()]), *told)).code == "ImageRateLimited"


def running_init(name="worker", ago=55, **more):
    return {"initContainerStatuses": [{"name": name, "state": {"running": {"startedAt": stamp(ago)}}, **more}]}


def states():
    """(what the pod is in, code of a time-out, words in it)"""
    main = [waits("PodInitializing")]
    run = {"name": "it", "ready": False, "state": {"running": {"startedAt": stamp(50)}}}
    yield "init runs", pod(containers=main, status=running_init()), [], "InitContainerRuns", "init container worker has been running for 55 s and has not ended"
    yield "init waits for its image", pod(containers=main, status={"initContainerStatuses": [waits()]}), [], "PodStarting", "init container it is waiting"
    sidecar = pod(containers=main, status=running_init("proxy"), spec={"initContainers": [{"name": "proxy", "restartPolicy": "Always"}]})
    yield "sidecar not started", sidecar, [], "InitContainerRuns", "has not started"
    gated = pod(containers=[], spec={"nodeName": None, "schedulingGates": [{"name": "kueue.x-k8s.io/admission"}]})
    yield "gates", gated, [], "SchedulingGated", "kueue.x-k8s.io/admission"
    unseen = pod(containers=[], spec={"nodeName": None, "schedulerName": "mine"}, ago=40)
    yield "scheduler", unseen, [], "SchedulerSilent", "scheduler mine"
    yield "kubelet", pod(containers=[]), [], "PodStarting", "kubelet of node n1"
    hooked = pod(containers=[waits()], spec={"containers": [{"name": "it", "lifecycle": {"postStart": {"exec": {}}}}]})
    yield "hook", hooked, [event("s", "web-1-a", "Started", "Container started it", ago=30)], "LifecycleHookRuns", "postStart hook has been running for 30 s"
    met = {"conditions": [{"type": "ContainersReady", "status": "True"}, {"type": "Ready", "status": "False"}], "phase": "Running"}
    gate = pod(containers=[{**run, "ready": True}], status=met, spec={"readinessGates": [{"conditionType": "target-health.example/x"}]})
    yield "readiness gate", gate, [], "ReadinessGateWaits", "target-health.example/x"
    yield "no probe event", pod(containers=[run], spec={"containers": [{"name": "it", "readinessProbe": {}}]}), [], "NotReadyInTime", "readiness probe"
    odd = event("o", "web-1-a", "SomethingNew", "the moon is full")
    yield "unknown event", pod(containers=[waits()]), [odd], "PodStarting", "SomethingNew: the moon is full"


@pytest.mark.parametrize(("worker", "events", "code", "words"), [pytest.param(*s[1:], id=s[0]) for s in states()])
def test_every_state_on_the_way_has_a_name(worker, events, code, words):
    picture = upgrade(worker, *events)
    found = over(picture)
    assert found.code == code and words in found.cause + found.evidence and found.object in ("Pod/web-1-a", "Deployment/web"), found
    assert found.certainty is Certainty.FATAL and found.evidence and "<" not in found.hint
    assert "old pod" not in progress.blocker(picture)


def test_what_an_init_container_prints_is_told():
    text = "waiting for legacy-config-service\nwaiting for legacy-config-service\n"
    picture = upgrade(pod(containers=[waits()], status=running_init()), logs={("web-1-a", "worker"): text})
    assert "last line of its log: waiting for legacy-config-service" in over(picture).cause
    assert "last line of its log: waiting for legacy-config-service" in progress.blocker(picture)
    assert list(readers.running_jobs(picture)) == [("web-1-a", "worker")], "so it has to be followed"
    assert list(readers.running_jobs(upgrade(pod(containers=[waits()], status=running_init(ago=2))))) == [], "not in every rollout"


@pytest.mark.parametrize("seconds", [3, 30, 150])
def test_an_init_container_that_takes_its_time_is_no_trouble(seconds):
    picture = upgrade(pod(containers=[waits("PodInitializing")], status=running_init(ago=seconds)))
    assert find(picture) == [] and judge(picture, [], Helm()).state is State.PROGRESSING


def test_a_doomed_pod_beside_ready_ones_says_how_many_are_ready():
    told = event("e", "web-1-b", "Failed", 'Failed to pull image "reg.example/a/b:v1": code = NotFound', ago=70, path="spec.containers{it}")
    picture = web(ready("web-1-a"), pod("web-1-b", containers=[waits()]), events=[told], started=NOW - 200)
    found = judge(picture, find(picture), Helm()).cause
    assert found.code == "ImageNotFound" and "1 of 2 new pods of Deployment/web are ready" in found.cause


def test_a_job_without_a_pod_and_old_pods_that_stop_are_told_by_their_object():
    job = snapshot(obj("Job", "mig", ago=5, spec={}, status={}), scope=Scope((), ("mig",), "ns", "rel"))
    assert over(job).object == "Job/mig" and "no pod yet" in over(job).cause
    assert over(upgrade(ready("web-1-a"), status={"availableReplicas": 2})).object == "Deployment/web"


# --- probes and volumes that take long ------------------------------------------------------------------------------------


def test_a_probe_that_begins_late_is_named():
    running = {"name": "it", "ready": False, "started": True, "restartCount": 0, "state": {"running": {"startedAt": stamp(58)}}}

    def said(delay):
        return over(upgrade(pod(containers=[running], spec={"containers": [{"name": "it", "readinessProbe": {"initialDelaySeconds": delay}}]}))).cause

    assert "its readiness probe begins only after initialDelaySeconds (3600 s), of which 58 s are over" in said(3600)
    assert "its readiness probe has not succeeded for 58 s" in said(5)


@pytest.mark.parametrize(
    ("volume", "words"),
    [
        ({"nfs": {"server": "192.0.2.1", "path": "/x"}}, "; volumes over the network: v (nfs 192.0.2.1)"),
        ({"csi": {"driver": "ebs.example.com"}}, "; volumes over the network: v (csi ebs.example.com)"),
        ({"emptyDir": {}}, ""),
    ],
)
def test_a_container_that_waits_for_a_volume_of_the_network_says_which(volume, words):
    found = over(upgrade(pod(containers=[waits()], spec={"volumes": [{"name": "v", **volume}]}, ago=30)))
    assert found.code == "PodStarting" and f"is waiting (ContainerCreating, 30 s){words}; the rollout" in found.cause


def test_the_line_of_a_cause_names_the_container_once():
    found = over(upgrade(pod(containers=[waits("PodInitializing")], status=running_init())))
    assert found.line.count("worker") == 1 and "container worker: the init container has been running for" in found.line
