# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which webhook configurations are named, and for which pods."""

from __future__ import annotations

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import conclusion
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes import admission, find, origin
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes.cause import cause as make
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.follow import Outcome
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.verdict import State
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.webhook_look import API, WebhookLook

from .fake_api import FakeApi, objects, ok, status
from .test_causes import pod, stamp
from .test_waits import upgrade

CONFIGURATIONS = [f"/apis/{API}/{kind}webhookconfigurations" for kind in ("mutating", "validating")]
PODS = {"apiGroups": [""], "operations": ["CREATE"], "resources": ["pods"]}


def configuration(name: str, rule: dict | None = None, **spec) -> dict:
    return {"metadata": {"name": name}, "webhooks": [{"name": f"w.{name}", "rules": [rule or PODS], **spec}]}


def killed(**spec):
    end = {"exitCode": 137, "reason": "OOMKilled", "startedAt": stamp(4), "finishedAt": stamp(3)}
    it = {"name": "it", "ready": False, "restartCount": 0, "state": {"terminated": end}}
    template = {"spec": {"containers": [{"name": "it", "image": "a:1", "env": [{"name": "A", "value": "x"}], "resources": {"limits": {"memory": "512Mi"}}}]}}
    own = {**template["spec"]["containers"][0], **spec}
    picture = upgrade(pod(containers=[it], spec={"containers": [own]}))
    picture.objects["ReplicaSet"]["web-1"]["spec"]["template"] = template
    return picture


@pytest.fixture
def api():
    with FakeApi() as server:
        server.on("GET", paths.namespace("ns"), ok({"metadata": {"name": "ns", "labels": {"team": "a"}}}))
        yield server


def named(api: FakeApi, picture, causes=None):
    return WebhookLook(Cluster.connect({"host": api.url}), "ns").named(picture, causes or find(picture))


def test_a_changed_limit_names_the_configurations_that_change_such_pods(api):
    mutating = [
        configuration("limits", timeoutSeconds=5),
        configuration("elsewhere", namespaceSelector={"matchLabels": {"team": "b"}}),
        configuration("others", objectSelector={"matchLabels": {"app": "no"}}),
        configuration("services", {**PODS, "resources": ["services"]}),
        configuration("updates", {**PODS, "operations": ["UPDATE"]}),
        configuration("all", {"apiGroups": ["*"], "operations": ["*"], "resources": ["*/*"]}, failurePolicy="Ignore"),
    ]
    api.on("GET", CONFIGURATIONS[0], objects("List", "1", *mutating))
    api.on("GET", CONFIGURATIONS[1], objects("List", "1", configuration("validates")))
    (found,) = named(api, killed(resources={"limits": {"memory": "16Mi"}}))
    assert found.cause.count("in the pod template") == 1
    assert found.cause.endswith(
        "mutating webhooks that were called for the pod: MutatingWebhookConfiguration/limits (webhook w.limits, 5 s, failurePolicy Fail), "
        "MutatingWebhookConfiguration/all (webhook w.all, 10 s, failurePolicy Ignore)"
    )


def test_a_patch_that_does_not_apply_names_who_may_have_sent_it(api):
    api.on("GET", CONFIGURATIONS[0], objects("List", "1", configuration("patches", timeoutSeconds=5)))
    api.on("GET", CONFIGURATIONS[1], objects("List", "1", configuration("validates")))
    said = "Internal error occurred: error in remove for path: '/spec/none': Unable to remove nonexistent key: none: missing value"
    code, sentence, _parts = admission.classify(said)
    assert code == "WebhookUnavailable" and sentence.endswith("cannot be applied: " + said.partition(": ")[2])
    picture = killed()
    (found,) = named(api, picture, [make(code, picture, "ReplicaSet/web-1", sentence, said)])
    assert "called for the pod: MutatingWebhookConfiguration/patches" in found.cause and "validates" not in found.cause
    line = conclusion.sentence(found, Outcome(State.FAILED, 1.0, picture))
    assert line.count("nonexistent key") == 1, "the evidence is not repeated"


def test_a_pod_that_is_what_its_template_says_is_not_asked_about(api):
    assert "webhook" not in named(api, killed())[0].cause and not api.asked(CONFIGURATIONS[0])


def test_what_may_not_be_read_is_said(api):
    for path in CONFIGURATIONS:
        api.on("GET", path, status(403, "Forbidden", "no"))
    (found,) = named(api, killed(resources={"limits": {"memory": "16Mi"}}))
    assert "mutating webhooks that were called for the pod: none that this run can read" in found.cause


def test_slow_webhooks_are_named_with_the_sum_of_their_time(api):
    api.on("GET", CONFIGURATIONS[0], objects("List", "1", *(configuration(f"slow{n}", timeoutSeconds=8) for n in range(8))))
    api.on("GET", CONFIGURATIONS[1], objects("List", "1", configuration("v")))
    picture = killed()
    slow = make("AdmissionTimeout", picture, "ReplicaSet/web-1", "the request ran into its deadline", "Timeout")
    (found,) = named(api, picture, [slow])
    assert "MutatingWebhookConfiguration/slow0 (webhook w.slow0, 8 s, failurePolicy Fail)" in found.cause
    assert found.cause.endswith("3 more; all time-outs together: 74 s") and api.asked(CONFIGURATIONS[0]) == 1


@pytest.mark.parametrize(
    ("slow", "renewed", "code"),
    [
        (4, 2, "AdmissionTimeout"),
        (4, None, "AdmissionTimeout"),  # the Lease may not be read
        (4, 60, "ControllerSilent"),
        (1, 2, "ControllerSilent"),  # 10 s are over
        (0, 2, "ControllerSilent"),
    ],
)
def test_a_controller_that_waits_for_slow_webhooks_is_not_silent(api, slow, renewed, code):
    """The API server tells the ReplicaSet controller after 30 s that the request has timed out, and the controller writes no status before."""
    api.on("GET", CONFIGURATIONS[0], objects("List", "1", *(configuration(f"slow{n}") for n in range(slow))))
    api.on("GET", CONFIGURATIONS[1], objects("List", "1"))
    lease = paths.lease("kube-system", "kube-controller-manager")
    api.on("GET", lease, status(403, "Forbidden", "no") if renewed is None else ok({"spec": {"renewTime": stamp(renewed)}}))
    picture = killed()
    silent = make("ControllerSilent", picture, "ReplicaSet/web-1", "the ReplicaSet controller has created no pod", "no status", since=picture.now - 12)
    (found,) = named(api, picture, [silent])
    assert found.code == code and ("all time-outs together: 40 s" in found.cause) == (code == "AdmissionTimeout")
    assert ("no pod has been created for 12 s" in found.cause) == (code == "AdmissionTimeout")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"image": "b:2"}, "image of container it is b:2, but a:1 in the pod template"),
        ({"env": [{"name": "A", "value": "y"}]}, "variable A of container it differs from the pod template"),
        ({"env": [{"name": "A", "value": "x"}, {"name": "A", "value": "y"}]}, "variable A of container it differs from the pod template"),
        ({"env": [{"name": "A", "value": "x"}, {"name": "B", "value": "y"}], "command": ["x"], "imagePullPolicy": "Always"}, ""),
    ],
)
def test_what_differs_is_said(spec, words):
    picture = killed(**spec)
    told = origin.changed(picture, picture.objects["Pod"]["web-1-a"], "it")
    assert words in told and bool(words) == bool(told)


def test_a_variable_that_the_template_defines_twice_was_changed_by_nobody():
    twice = [{"name": "A", "value": "x"}, {"name": "A", "value": "y"}]
    picture = killed(env=twice)
    picture.objects["ReplicaSet"]["web-1"]["spec"]["template"]["spec"]["containers"][0]["env"] = twice
    assert origin.changed(picture, picture.objects["Pod"]["web-1-a"], "it") == ""


def test_a_variable_that_a_webhook_adds_hides_the_secret_and_is_not_the_templates():
    key = {"name": "POSTGRES_URL", "valueFrom": {"secretKeyRef": {"name": "s", "key": "POSTGRES_URL"}}}
    picture = killed(env=[key, {"name": "POSTGRES_URL", "value": "postgresql://u:p@other.example:5432/d"}])
    picture.objects["ReplicaSet"]["web-1"]["spec"]["template"]["spec"]["containers"][0]["env"] = [key]
    new = picture.objects["Pod"]["web-1-a"]
    assert "variable POSTGRES_URL of container it differs from the pod template" in origin.changed(picture, new, "it")
    said = origin.variable(picture, new, "it", "POSTGRES_URL")
    assert said.startswith("a plain value in the pod, but not in its pod template (host other.example") and "pod template of" not in said


def test_a_field_of_the_pod_itself_is_compared():
    picture = killed()
    picture.objects["Pod"]["web-1-a"]["spec"]["nodeSelector"] = {"disk": "ssd"}
    said = origin.changed(picture, picture.objects["Pod"]["web-1-a"], "it")
    assert said == "nodeSelector of the pod is disk=ssd, but not set in the pod template: an admission plugin changed the value"


def test_a_scheduling_gate_that_a_webhook_adds_is_not_the_templates(api):
    api.on("GET", CONFIGURATIONS[0], objects("List", "1", configuration("queue")))
    api.on("GET", CONFIGURATIONS[1], objects("List", "1"))
    picture = killed()
    picture.objects["Pod"]["web-1-a"]["spec"] |= {"nodeName": None, "schedulingGates": [{"name": "example.com/queue"}]}
    picture.objects["Pod"]["web-1-a"]["status"]["containerStatuses"] = []
    (found,) = named(api, picture)
    assert found.code == "SchedulingGated" and "schedulingGates of the pod is" in found.cause and "MutatingWebhookConfiguration/queue" in found.cause


def test_a_limit_that_a_limit_range_sets_is_said():
    picture = killed(resources={"limits": {"memory": "10Mi"}})
    picture.objects["ReplicaSet"]["web-1"]["spec"]["template"]["spec"]["containers"][0].pop("resources")
    said = "LimitRanger plugin set: memory request for container it; memory limit for container it"
    picture.objects["Pod"]["web-1-a"]["metadata"]["annotations"] = {"kubernetes.io/limit-ranger": said}
    (found,) = find(picture)
    assert "its limit of 10Mi" in found.cause and found.cause.endswith("; a LimitRange of the namespace set the container's memory limit")


def test_a_container_that_the_template_does_not_have_was_added():
    picture = killed()
    picture.objects["Pod"]["web-1-a"]["spec"]["containers"].append({"name": "mesh"})
    assert "container mesh is not in the pod template" in origin.changed(picture, picture.objects["Pod"]["web-1-a"], "mesh")
