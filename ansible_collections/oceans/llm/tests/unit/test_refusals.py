# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API server's refusals in their own words, as they come alone and inside Helm's error."""

from __future__ import annotations

import time

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.helm.process import Helm, error_of
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import refusals
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes import admission
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.verdict import helm_cause

from .test_causes import snapshot

KYVERNO = """admission webhook "validate.kyverno.svc-fail" denied the request:

resource Deployment/x/y was blocked due to the following policies

require-team:
  check-team: 'validation error: label team is required. rule check-team failed at
    path /metadata/labels/team/'
disallow-latest:
  no-latest: tags must be named
  no-empty: an image needs a tag
"""
WARDEN = """admission webhook "warden-validating.common-webhooks.networking.gke.io" denied the request: GKE Warden rejected the request because it \
violates one or more constraints.
Violations details: {"[denied by autogke-no-write-mode-hostpath]":["hostPath volume ca used in container gateway uses path /etc/ssl which is not \
allowed in Autopilot."],"[denied by autogke-disallow-privilege]":["container gateway is privileged; not allowed in Autopilot"]}
Requested by user: 'x', groups: 'system:authenticated'."""
GKE_POLICY = """admission webhook "gkepolicy.common-webhooks.networking.gke.io" denied the request: GKE Policy Controller rejected the request because \
it violates one or more policies:

{
  "[denied by autogke-no-host-port]": [
    "container gateway specifies a host port; disallowed in Autopilot."
  ]
}
"""
GKE_GATEKEEPER = 'admission webhook "validation.gatekeeper.sh" denied the request: [denied by autogke-no-host-port] container gateway specifies a host port'
AZURE = 'admission webhook "validation.gatekeeper.sh" denied the request: [azurepolicy-k8sazurev3allowedusersgroups-0123] Container gateway is \
attempting to run as disallowed user 10001. Allowed runAsUser: {"ranges": [], "rule": "MustRunAsNonRoot"}'
GATEKEEPER = """admission webhook "validation.gatekeeper.sh" denied the request: [ns-must-have-owner] you must provide labels: {"owner"}
[repo-allowed] container <gateway> has an invalid image repo <x>, allowed repos are ["r"]"""
SCC = (
    'pods "gw-" is forbidden: unable to validate against any security context constraint: [provider "anyuid": Forbidden: not usable by user or '
    "serviceaccount, provider restricted-v2: .spec.securityContext.fsGroup: Invalid value: []int64{10001}: 10001 is not an allowed group, provider "
    "restricted-v2: .containers[0].runAsUser: Invalid value: 10001: must be in the ranges: [1000620000, 1000629999]]"
)
ONE = 'Apply failed with 1 conflict: conflict with "kubectl-edit" using apps/v1: .spec.replicas'
SEVERAL = """Apply failed with 3 conflicts: conflicts with "kubectl-set" using apps/v1:
- .spec.template.spec.containers[name="a b"].image
- .spec.paused
conflicts with "kubectl" with subresource "scale" using apps/v1:
- .spec.replicas
Please review the fields above--they currently have other managers. Here
are the ways you can resolve this warning: see .metadata.managedFields"""
IN_HELM = f"UPGRADE FAILED: conflict occurred while applying object ns/gw apps/v1, Kind=Deployment: {SEVERAL}\nand ns/ui apps/v1, Kind=Deployment: {ONE}"


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        (ONE, [(".spec.replicas", "kubectl-edit")]),
        (
            SEVERAL,
            [('.spec.template.spec.containers[name="a b"].image', "kubectl-set"), (".spec.paused", "kubectl-set"), (".spec.replicas", "kubectl (scale)")],
        ),
        (SEVERAL.replace("apps/v1:\n", "apps/v1: \n"), list(refusals.conflicts(SEVERAL))),
        ("Apply failed", []),
    ],
)
def test_every_conflict_of_every_manager_is_named(text, pairs):
    assert refusals.conflicts(text) == pairs


def test_conflicts_of_several_objects_in_helms_error():
    assert refusals.conflicts(IN_HELM) == [*refusals.conflicts(SEVERAL), (".spec.replicas", "kubectl-edit")]


@pytest.mark.parametrize(
    ("text", "rule", "part"),
    [
        (KYVERNO, "require-team/check-team, disallow-latest/no-latest, disallow-latest/no-empty", "label team is required"),
        (WARDEN, "autogke-no-write-mode-hostpath, autogke-disallow-privilege", "is not allowed in Autopilot"),
        (GKE_POLICY, "autogke-no-host-port", "specifies a host port"),
        (GKE_GATEKEEPER, "autogke-no-host-port", "specifies a host port"),
        (AZURE, "azurepolicy-k8sazurev3allowedusersgroups-0123", "disallowed user 10001"),
        (GATEKEEPER, "ns-must-have-owner, repo-allowed", 'you must provide labels: {"owner"}'),
    ],
)
@pytest.mark.parametrize("frame", ["{}", "UPGRADE FAILED: failed to create resource: {}", "Error creating: {}"])
def test_a_policy_engine_is_named_with_its_rules(text, rule, part, frame):
    found = refusals.classify(frame.format(text))
    assert found.kind == refusals.POLICY and found.parts["rule"] == rule and part in found.parts["what"]
    code, sentence, parts = admission.classify(frame.format(text))
    assert code == "AdmissionDenied" and parts["policy"] in sentence and rule.split(",")[0] in sentence and "\n" not in sentence


def test_the_older_words_and_several_denials_in_one_error():
    older = KYVERNO.replace("was blocked due to the following policies", "for resource violation:")
    assert refusals.classify(older).parts["rule"] == "require-team/check-team, disallow-latest/no-latest, disallow-latest/no-empty"
    other = KYVERNO.replace("require-team", "require-owner").partition("disallow-latest")[0]
    both = f"UPGRADE FAILED: 2 errors occurred:\n\t* {KYVERNO}\n\t* {other}"
    found = refusals.classify(both).parts
    assert found["rule"].endswith("disallow-latest/no-empty, require-owner/check-team") and found["what"].count("admission webhook") == 0


def test_words_of_no_known_engine_are_kept_whole():
    found = refusals.classify('admission webhook "v.example.com" denied the request: port 80: not allowed [policy 7]')
    assert found.parts == {"policy": "v.example.com", "webhook": "v.example.com", "what": "port 80: not allowed [policy 7]"}


IN_POLICY = f"ValidatingAdmissionPolicy 'scc' with binding 'scc' denied request: {SCC}"


@pytest.mark.parametrize("text", [SCC, f'admission webhook "scc.example" denied the request: {SCC}', f"Error creating: {SCC}", IN_POLICY])
def test_openshifts_refusal_names_the_fields_and_the_cure(text):
    code, sentence, parts = admission.classify(text)
    assert code == "AdmissionDenied" and sentence.endswith("refuse fsGroup 10001, runAsUser 10001") and "oceans_llm_values.platform: openshift" in parts["hint"]


CNPG = 'admission webhook "vcluster.cnpg.io" denied the request: Cluster.cluster.cnpg.io "x" is invalid: spec.'


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (f'{CNPG}storage: Invalid value: "7Gi": can\'t shrink existing storage from 9Gi to 7Gi', "FieldImmutable"),
        (f'{CNPG}postgresql.parameters.x: Invalid value: "0": must be positive', "ObjectInvalid"),
        ('PersistentVolumeClaim "x" is invalid: spec.resources.requests.storage: Forbidden: field can not be less than status.capacity', "FieldImmutable"),
        ('persistentvolumeclaims "x" is forbidden: only dynamically provisioned pvc can be resized and the storageclass must support resize', "FieldImmutable"),
        ('conversion webhook for external-secrets.io/v1beta1, Kind=ExternalSecret failed: Post "https://w": no endpoints available', "WebhookUnavailable"),
    ],
)
def test_what_an_operator_or_a_volume_refuses_is_no_policy(text, code):
    assert admission.classify(text)[0] == code
    assert admission.classify(f"Error: UPGRADE FAILED: {text}")[0] == code


@pytest.mark.parametrize(
    ("stderr", "code", "parts"),
    [
        (f"Error: {IN_HELM}", "FieldConflict", (".spec.paused (kubectl-set)", ".spec.replicas (kubectl (scale))", ".spec.replicas (kubectl-edit)")),
        (f"Error: UPGRADE FAILED: {KYVERNO}", "AdmissionDenied", ("validate.kyverno.svc-fail", "require-team/check-team")),
        (f"W0101 00:00:00.1       1 warnings.go:70] x\nError: UPGRADE FAILED: {GATEKEEPER}", "AdmissionDenied", ("repo-allowed",)),
        (f"Error: INSTALLATION FAILED: {SCC}", "AdmissionDenied", ("runAsUser 10001",)),
        ('Error: cannot patch "x": Deployment.apps "x" is invalid: spec.selector: Invalid value: {}: field is immutable', "FieldImmutable", ()),
        ('Error: UPGRADE FAILED: Service "x" is invalid: spec.loadBalancerClass: Invalid value: "b": may not change once set', "FieldImmutable", ()),
        (
            "Error: UPGRADE FAILED: StatefulSet.apps \"x\" is invalid: spec: Forbidden: updates to statefulset spec for fields other than 'a'",
            "FieldImmutable",
            (),
        ),
        (
            'Error: UPGRADE FAILED: Service "x" is invalid: spec.ports[0].nodePort: Invalid value: 1: provided port is already allocated',
            "ObjectInvalid",
            ("1",),
        ),
        ('Error: jobs.batch is forbidden: User "ci" cannot list resource "jobs" in API group "batch"', "NotAllowed", ("lacks the permission to list jobs",)),
        (
            'Error: UPGRADE FAILED: create: failed to create: Secret "sh.helm.release.v1.r.v2" is invalid: data: Too long: may not be more than 1048576 bytes',
            "ReleaseTooLarge",
            ("does not fit into a Secret",),
        ),
        ("Error: UPGRADE FAILED: create: failed to create: etcdserver: request is too large", "ReleaseTooLarge", ("does not fit",)),
        ('Error: INSTALLATION FAILED: create: failed to create: namespaces "ns" not found', "NamespaceDeleted", ("was deleted",)),
        ("Error: UPGRADE FAILED: create: failed to create: Unauthorized", "CredentialsRefused", ("no longer accepts the credentials",)),
        ("Error: UPGRADE FAILED: the server has asked for the client to provide credentials", "CredentialsRefused", ("HTTP 401",)),
        ("Error: UPGRADE FAILED: create: failed to create: etcdserver: mvcc: database space exceeded", "HelmFailed", ("etcd of the cluster has no space",)),
        ("Error: UPGRADE FAILED: the server has received too many requests and has asked us to try again later", "HelmFailed", ("too many requests (429)",)),
        ("Error: INSTALLATION FAILED: mkdir /.cache: permission denied", "HelmFailed", ("Helm cannot write to /.cache: permission denied",)),
        (
            "Error: UPGRADE FAILED: unable to retrieve the complete list of server APIs: metrics.k8s.io/v1beta1: the server is currently unable to handle the "
            "request",
            "HelmFailed",
            ("an aggregated API server does not answer (metrics.k8s.io/v1beta1)",),
        ),
        ("Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress", "ReleaseBusy", ()),
    ],
)
def test_helms_error_becomes_the_cause_that_its_words_name(stderr, code, parts):
    cause = helm_cause(snapshot(), Helm(running=False, ended_at=1.0, error=error_of({"failed": True, "stderr": stderr})))
    assert cause.code == code and all(part in cause.cause for part in parts)
    assert "\n" not in cause.cause + cause.evidence


def test_a_missing_permission_is_told_with_the_verb_that_is_missing():
    words = 'Error: jobs.batch "m" is forbidden: User "ci" cannot delete resource "jobs" in API group "batch"'
    assert helm_cause(snapshot(), Helm(running=False, ended_at=1.0, error=words)).cause == 'User "ci" lacks the permission to delete jobs'


def test_long_words_take_no_time():
    begun = time.process_time()
    policies, fields = "following policies\n" + "a:\n  b: c\n" * 10_000, 'conflict with "x": ' + ".a" * 60_000
    for text in ("x" * 200_000, "a.b: " * 40_000, '"' * 200_000, "[a] " * 40_000, policies, fields):
        refusals.classify(text), refusals.conflicts(text), refusals.scc_fields(text), refusals.immutable(text)
    assert time.process_time() - begun < 0.8  # a quadratic expression takes a minute for one of them


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (".spec.replicas", 3),
        ('.spec.template.spec.containers[name="a.b"].readinessProbe.httpGet.port', 9999),
        ('.spec.ports[port=8080,protocol="TCP"].targetPort', 8080),
        (".spec.selector", {"app": "x"}),
        ('.spec.ports[port=1,protocol="TCP"].targetPort', None),
        (".spec.replicas.deeper", None),
        ('.spec.webhooks[name="a.b"].namespaceSelector', None),
    ],
)
def test_the_value_at_a_field_of_a_conflict(path, value):
    probe = {"readinessProbe": {"httpGet": {"port": 9999}}}
    spec = {"replicas": 3, "selector": {"app": "x"}, "ports": [{"port": 8080, "targetPort": 8080}]}
    obj = {"spec": {**spec, "template": {"spec": {"containers": [{"name": "z"}, {"name": "a.b", **probe}]}}}}
    assert refusals.value_at(obj, path) == value
