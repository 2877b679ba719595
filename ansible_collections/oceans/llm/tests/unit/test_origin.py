# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a setting comes from: variables that hide one another, limits that a webhook changed, Secrets that a CSI driver creates, webhooks that fail."""

from __future__ import annotations

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.codes import Certainty
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.process import Helm
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes import admission, find
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.model import Snapshot
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.verdict import State, judge

from .test_causes import DB, pod, said, stamp, waits
from .test_codes import told
from .test_waits import upgrade

AUTH = said("x", DB + 'password authentication failed for user "oceans"')
FROM_SECRET = {"name": "POSTGRES_URL", "valueFrom": {"secretKeyRef": {"name": "db", "key": "url"}}}
PLAIN = {"name": "POSTGRES_URL", "value": "postgres://u:geheim@pg.wrong:5433/x"}


def failed(env, words=AUTH, manager="", **container):
    end = {"exitCode": 1, "startedAt": stamp(4), "finishedAt": stamp(3)}
    it = {"name": "it", "ready": False, "restartCount": 1, "state": {"terminated": end}}
    worker = pod(containers=[it], status={"phase": "Running"}, spec={"containers": [{"name": "it", "env": env, **container}]})
    picture = upgrade(worker, logs={("web-1-a", "it"): words})
    if manager:
        path = {"f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"it"}': {"f:env": {'k:{"name":"POSTGRES_URL"}': {}}}}}}}}
        picture.objects["Deployment"]["web"]["metadata"]["managedFields"] = [{"manager": manager, "fieldsV1": path}]
    picture.objects["SecretKeys"] = {"app": {"keys": ["POSTGRES_URL", "OTHER"]}}
    return find(picture)[0]


def test_the_variable_and_its_source_are_in_the_sentence():
    found = failed([FROM_SECRET])
    assert found.code == "DatabaseAuth" and "POSTGRES_URL comes from Secret/db, key url" in found.cause and "Secret/db, key url" in found.hint


def test_a_value_that_was_set_by_hand_names_its_host_and_who_set_it_and_never_the_password():
    found = failed([PLAIN], manager="kubectl-set")
    assert "a plain value in the pod template of Deployment/web (host pg.wrong:5433, set by kubectl-set)" in found.cause
    assert "geheim" not in f"{found}" and "set by" not in failed([PLAIN], manager="helm").cause


@pytest.mark.parametrize(
    ("env", "more", "words"),
    [
        ([FROM_SECRET, PLAIN], {}, "overrides Secret/db, key url"),
        ([PLAIN], {"envFrom": [{"secretRef": {"name": "app"}}]}, "overrides Secret/app"),
        ([FROM_SECRET], {"envFrom": [{"secretRef": {"name": "other"}}]}, "comes from Secret/db, key url"),
    ],
)
def test_a_variable_that_hides_another_says_so(env, more, words):
    assert words in failed(env, **more).cause and "overrides" not in failed(env, **more).hint and "(host" not in failed(env, **more).hint
    assert "hides" in words or "hides" not in failed(env, **more).cause


def test_the_address_is_told_where_the_run_knows_it():
    picture = upgrade(pod(containers=[waits()]))
    unknown = said("x", "failed to lookup address information: Name or service not known")
    end = {"exitCode": 1, "startedAt": stamp(4), "finishedAt": stamp(3)}
    picture.objects["Pod"]["web-1-a"]["status"]["containerStatuses"] = [{"name": "it", "state": {"terminated": end}}]
    picture.objects["Facts"] = {"database": {"address": "pg.wrong:5432/gateway"}}
    picture.logs[("web-1-a", "it")] = unknown
    assert "pg.wrong:5432/gateway" in find(picture)[0].cause and find(picture)[0].code == "DatabaseHostUnknown"


def test_a_variable_that_nobody_sets_says_so():
    unset = said("failed to load gateway configuration", "required environment variable `BOT_KEY` is not set")
    assert "nothing sets BOT_KEY" in failed([FROM_SECRET], unset).cause


@pytest.mark.parametrize("part", ["limits", "requests"])
def test_a_limit_that_is_not_the_templates_is_blamed_on_who_changed_it(part):
    end = {"exitCode": 137, "reason": "OOMKilled", "startedAt": stamp(4), "finishedAt": stamp(3)}
    killed = pod(
        containers=[{"name": "it", "ready": False, "restartCount": 0, "state": {"terminated": end}}],
        spec={"containers": [{"name": "it", "resources": {part: {"memory": "16Mi"}}}]},
    )
    picture = upgrade(killed)
    assert "webhook" not in find(picture)[0].cause
    template = {"spec": {"containers": [{"name": "it", "resources": {part: {"memory": "512Mi"}}}]}}
    picture.objects["ReplicaSet"]["web-1"]["spec"]["template"] = template
    assert f"{part}.memory of container it is 16Mi, but 512Mi in the pod template" in find(picture)[0].cause


def test_a_secret_that_comes_with_the_first_mount_is_waited_for():
    """Secrets Store CSI driver with secretObjects: the pod has to start while the Secret does not exist."""
    volume = {"name": "s", "csi": {"driver": "secrets-store.csi.k8s.io", "volumeAttributes": {"secretProviderClass": "app"}}}
    told = waits("CreateContainerConfigError", 'secret "app" not found')
    plain, mounted = upgrade(pod(containers=[told])), upgrade(pod(containers=[told], spec={"volumes": [volume]}))
    assert [(c.code, c.certainty) for c in find(plain)] == [("SecretMissing", Certainty.FATAL)]
    (found,) = find(mounted)
    assert (found.code, found.certainty) == ("SecretPending", Certainty.RETRYABLE) and "secrets-store.csi.k8s.io" in found.cause and found.budget
    assert judge(mounted, [found], Helm()).state is State.PROGRESSING
    late = Snapshot(mounted.now + found.budget, mounted.started, mounted.objects, mounted.scope)
    assert judge(late, find(late), Helm()).state is State.FAILED
    other = {"name": "s", "csi": {"driver": "disk.example"}}
    assert find(upgrade(pod(containers=[told], spec={"volumes": [other]})))[0].code == "SecretMissing"


CALL = 'Internal error occurred: failed calling webhook "v.example.com": failed to call webhook: Post "https://v.ns.svc:443/x?timeout=10s": '


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (CALL + "tls: failed to verify certificate: x509: certificate signed by unknown authority", "WebhookUntrusted", "caBundle"),
        (CALL + 'no endpoints available for service "v"', "WebhookUnavailable", "has no ready pod: its Service has no endpoints"),
        (CALL + 'service "v" not found', "WebhookUnavailable", "its Service does not exist"),
        (CALL + "dial tcp 10.0.0.1:443: connect: connection refused", "WebhookUnavailable", "refuses the connection"),
        (CALL + "context deadline exceeded", "WebhookUnavailable", "does not answer in time"),
        (CALL + "something new", "WebhookUnavailable", "cannot be called"),
        ("Timeout: request did not complete within requested timeout - context deadline exceeded", "AdmissionTimeout", "webhooks together"),
    ],
)
def test_a_webhook_that_fails_says_how(text, code, words):
    found, sentence, parts = admission.classify(text)
    assert found == code and told(code) and words in sentence
    assert code == "AdmissionTimeout" or ("v.example.com" in sentence and parts["webhook"] == "v.example.com")
