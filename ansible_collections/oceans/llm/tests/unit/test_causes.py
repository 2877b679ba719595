# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules on what cannot be recorded here, and on every text that is told apart by its words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.codes import BY_CODE, Certainty
from ansible_collections.oceans.llm.plugins.plugin_utils.gateway import log_words
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.process import Helm
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes import RULES, admission, find, images, jobs, operators, readiness, rollout, scheduling
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes.cause import _RULES, rule
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.model import Scope, Snapshot
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.verdict import BESIDE_HEALTHY, State, judge, timeout_cause

from .test_codes import told

NOW = 1_800_000_000.0
FATAL, RETRYABLE = Certainty.FATAL, Certainty.RETRYABLE


def stamp(ago):
    import datetime

    return datetime.datetime.fromtimestamp(NOW - ago, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def obj(kind, name, owner=None, ago=10.0, **body):
    owners = [{"uid": f"uid-{owner}", "name": owner}] if owner else []
    more = body.pop("metadata", {})
    return {"kind": kind, "metadata": {"name": name, "uid": f"uid-{name}", "creationTimestamp": stamp(ago), "ownerReferences": owners, **more}, **body}


def event(name, about, reason, message, ago=5.0, path="", kind="Pod", **more):
    return obj(
        "Event",
        name,
        ago=ago,
        reason=reason,
        message=message,
        type="Warning",
        firstTimestamp=stamp(ago),
        lastTimestamp=stamp(ago),
        involvedObject={"kind": kind, "name": about, "uid": f"uid-{about}", **({"fieldPath": path} if path else {})},
        **more,
    )


def deployment(name="web", replicas=1):
    return obj(
        "Deployment",
        name,
        metadata={"generation": 1, "annotations": {"deployment.kubernetes.io/revision": "1"}},
        spec={"replicas": replicas},
        status={"observedGeneration": 1},
    )


def replicaset(name="web-1", owner="web", revision="1", replicas=1):
    return obj(
        "ReplicaSet",
        name,
        owner,
        metadata={"annotations": {"deployment.kubernetes.io/revision": revision}},
        spec={"replicas": replicas},
        status={"replicas": replicas},
    )


def pod(name="web-1-a", owner="web-1", containers=(), status=None, spec=None, **more):
    return obj(
        "Pod",
        name,
        owner,
        spec={"containers": [{"name": "it", "image": "reg.example/a/b:v1"}], "nodeName": "n1", **(spec or {})},
        status={"phase": "Pending", "containerStatuses": list(containers), **(status or {})},
        **more,
    )


def waits(reason="ContainerCreating", message=""):
    return {"name": "it", "ready": False, "restartCount": 0, "state": {"waiting": {"reason": reason, "message": message}}}


def snapshot(*objects, scope=None, logs=None, now=NOW, started=NOW - 60, **more):
    kinds = {}
    for each in objects:
        kinds.setdefault(each["kind"], {})[each["metadata"]["name"]] = each
    return Snapshot(now, started, kinds, scope or Scope(("web",), ("mig",), "ns", "rel"), logs or {}, **more)


def web(*pods, **more):
    events = more.pop("events", ())
    return snapshot(deployment(replicas=len(pods)), replicaset(replicas=len(pods)), *pods, *events, **more)


# --- the registry's words ----------------------------------------------------------------------------------------------

PULL = 'Failed to pull image "reg.example/a/b:v1": rpc error: code = {} desc = failed to pull and unpack image: '
PULL += 'failed to resolve reference "reg.example/a/b:v1": {}'


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (PULL.format("Unknown", "proxyconnect tcp: dial tcp 10.0.0.9:3128: connect: connection refused"), "ImageRegistryError"),
        (PULL.format("NotFound", "reg.example/a/b:v1: not found"), "ImageNotFound"),
        (PULL.format("Unknown", "unexpected status from HEAD request to https://reg.example/v2/a/b/manifests/v1: 404 Not Found"), "ImageNotFound"),
        ("Error response from daemon: manifest for a:b not found: manifest unknown: manifest unknown", "ImageNotFound"),
        (PULL.format("Unknown", "failed with status code [manifests v1]: 401 Unauthorized"), "ImageDenied"),
        (PULL.format("Unknown", "unexpected status from HEAD request: 403 Forbidden"), "ImageDenied"),
        ("pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed", "ImageDenied"),
        (PULL.format("Unknown", "failed with status code [manifests v1]: 429 Too Many Requests"), "ImageRateLimited"),
        ("toomanyrequests: You have reached your pull rate limit.", "ImageRateLimited"),
        (PULL.format("Unknown", "failed with status code [manifests v1]: 503 Service Unavailable"), "ImageRegistryError"),
        (
            PULL.format("Unknown", "unexpected status from HEAD request to https://reg.example/v2/a/b/manifests/v1: 500 Internal Server Error"),
            "ImageRegistryError",
        ),
        (PULL.format("Unknown", "failed to do request: Head: dial tcp: lookup reg.example on 10.0.0.2:53: no such host"), "ImageRegistryError"),
        (PULL.format("Unknown", "dial tcp 10.1.2.3:443: connect: connection refused"), "ImageRegistryError"),
        (PULL.format("DeadlineExceeded", "context deadline exceeded"), "ImageRegistryError"),
        (PULL.format("Unknown", "http: server gave HTTP response to HTTPS client"), "ImageInsecureRegistry"),
        (PULL.format("Unknown", "tls: failed to verify certificate: x509: certificate signed by unknown authority"), "ImageInsecureRegistry"),
        (PULL.format("NotFound", "no match for platform in manifest: not found"), "ImageArchitecture"),
        ("no matching manifest for linux/arm64/v8 in the manifest list entries", "ImageArchitecture"),
        ('Failed to apply default image tag "A/b:v1": couldn\'t parse image name "A/b:v1": invalid reference format', "ImageNameInvalid"),
        ('Container image "a" is not present with pull policy of Never', "ImageNeverPulled"),
        (PULL.format("Unknown", "unknown: artifact a/b:v1 not found"), "ImageNotFound"),
        (PULL.format("Unknown", 'failed to do request: Head "///v2/a/b/manifests/v1": unsupported protocol scheme ""'), "ImageRegistryError"),
        (PULL.format("Unknown", "httpReadSeeker: failed open: http2: server sent GOAWAY and closed the connection"), "ImageRegistryError"),
        (PULL.format("NotFound", 'failed to prepare extraction snapshot "x": missing parent "k8s.io/12/sha256:c" bucket: not found'), "ImagePullFailed"),
        (PULL.format("Unknown", "failed to extract layer: failed to unmount /var/lib/containerd/tmpmounts/x: device or resource busy"), "ImagePullFailed"),
        ("something new", "ImagePullFailed"),
        # a digest or a port with a number that looks like a status is none
        (PULL.format("NotFound", "reg.example:5000/a/b@sha256:4035030f: not found"), "ImageNotFound"),
        ('Failed to pull image "reg.example/a/b:429": rpc error: code = NotFound desc = reg.example/a/b:429: not found', "ImageNotFound"),
        ('Failed to pull image "reg.example/a/403:503": rpc error: code = NotFound desc = not found', "ImageNotFound"),
    ],
)
def test_a_registrys_answer_is_told_apart(text, code):
    assert images.classify(text)[0] == code and told(code)


def test_a_proxy_that_refuses_is_not_the_registry():
    refused = PULL.format("Unknown", "proxyconnect tcp: dial tcp 10.0.0.9:3128: connect: connection refused")
    assert "HTTP proxy" in images.classify(refused)[1] and "HTTP proxy" not in images.classify(refused.replace("proxyconnect ", ""))[1]


def test_fatal_answers_end_the_run_and_retryable_ones_do_not():
    codes = {images.classify(t)[0] for t in ("401 Unauthorized", "code = NotFound", "429 Too Many", "503 Service")}
    assert {c for c in codes if BY_CODE[c].certainty is FATAL} == {"ImageDenied", "ImageNotFound"}


def test_a_pull_that_went_well_later_is_no_cause():
    told = [
        event("e1", "web-1-a", "Failed", PULL.format("Unknown", "429 Too Many Requests"), ago=8, path="spec.containers{it}"),
        event("e2", "web-1-a", "Pulled", "ok", ago=3, path="spec.containers{it}"),
    ]
    assert find(web(pod(containers=[waits()]), events=told[:1]))[0].code == "ImageRateLimited"
    assert find(web(pod(containers=[waits()]), events=told)) == []


def test_a_denied_image_says_which_pull_secret():
    told = event("e", "web-1-a", "Failed", PULL.format("Unknown", "401 Unauthorized"), path="spec.containers{it}")
    hint = find(web(pod(containers=[waits()]), events=[told]))[0].hint
    assert "no imagePullSecrets" in hint and "kubectl -n ns create secret generic <name> --type=kubernetes.io/dockerconfigjson" in hint
    assert "regcred" in find(web(pod(containers=[waits()], spec={"imagePullSecrets": [{"name": "regcred"}]}), events=[told]))[0].hint


@pytest.mark.parametrize(
    ("text", "command"),
    [
        (
            'Head "https://reg.example/v2/": http: server gave HTTP response to HTTPS client',
            "mkdir -p /etc/containerd/certs.d/reg.example && echo '[host.\"http://reg.example\"]' > /etc/containerd/certs.d/reg.example/hosts.toml",
        ),
        (
            "400 Bad Request: Client sent an HTTP request to an HTTPS server.",
            "mkdir -p /etc/containerd/certs.d/reg.example && echo '[host.\"https://reg.example\"]' > /etc/containerd/certs.d/reg.example/hosts.toml",
        ),
        (
            "tls: failed to verify certificate: x509: certificate signed by unknown authority",
            "mkdir -p /etc/containerd/certs.d/reg.example && cp ca.crt /etc/containerd/certs.d/reg.example/ca.crt",
        ),
        (
            'pinging container registry reg.example: Get "https://reg.example/v2/": http: server gave HTTP response to HTTPS client',
            "printf '[[registry]]\\nlocation = \"reg.example\"\\ninsecure = true\\n' > /etc/containers/registries.conf.d/oceans-llm.conf"
            " && systemctl reload crio",
        ),
        (
            'pinging container registry reg.example: Get "https://reg.example/v2/": x509: certificate signed by unknown authority',
            "mkdir -p /etc/containers/certs.d/reg.example && cp ca.crt /etc/containers/certs.d/reg.example/ca.crt",
        ),
    ],
)
def test_the_hint_for_a_registry_that_a_node_does_not_trust_ends_with_a_command(text, command):
    """The commands for containerd are run on a node by the Molecule scenario platforms."""
    told = event("e", "web-1-a", "Failed", PULL.format("Unknown", text), path="spec.containers{it}")
    assert find(web(pod(containers=[waits()]), events=[told]))[0].hint.partition("run on every node: ")[2] == command


def test_a_release_without_its_v_is_named_with_it():
    told = event("e", "web-1-a", "Failed", PULL.format("NotFound", "not found"), path="spec.containers{it}")
    for tag in ("0.24.0", "V0.24.0"):
        wanted = {"containers": [{"name": "it", "image": f"reg.example:5000/a/b:{tag}@sha256:4035"}]}
        assert "set oceans_llm_version to v0.24.0" in find(web(pod(containers=[waits()], spec=wanted), events=[told]))[0].hint
    assert "to v" not in find(web(pod(containers=[waits()]), events=[told]))[0].hint


def test_other_images_of_the_release_with_the_missing_tag_are_named_whichever_is_pulled_first():
    told = event("e", "web-1-a", "Failed", PULL.format("NotFound", "not found"), path="spec.containers{it}")
    other = {"containers": [{"name": "it", "image": "reg.example/a/gateway:v1@sha256:40"}]}
    third = {"containers": [{"name": "it", "image": "reg.example/a/tool:v2"}]}
    picture = web(pod(containers=[waits()]), pod("web-1-b", containers=[waits()], spec=other), pod("web-1-c", containers=[waits()], spec=third), events=[told])
    assert find(picture)[0].cause.endswith("; other images of the release with the tag v1: reg.example/a/gateway:v1@sha256:40")


def test_the_status_alone_is_enough():
    found = find(web(pod(containers=[waits("ImagePullBackOff", 'Back-off pulling image "x": ErrImagePull: rpc error: code = NotFound desc = x: not found')])))
    assert [c.code for c in found] == ["ImageNotFound"]


# --- the API server's refusals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code", "part"),
    [
        (
            'pods "x" is forbidden: exceeded quota: tight, requested: pods=1, used: pods=3, limited: pods=3',
            "QuotaExceeded",
            "requested pods=1, used pods=3, limit (hard) pods=3",
        ),
        ('pods "x" is forbidden: failed quota: cpu: must specify limits.cpu for: gateway; requests.cpu for: gateway', "QuotaNeedsResources", "gateway"),
        (
            'pods "x" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "it" must set …)',
            "PodSecurity",
            'container "it"',
        ),
        ('pods "x" is forbidden: maximum cpu usage per Container is 100m, but limit is 2', "LimitRangeViolated", "100m"),
        ('pods "x" is forbidden: cpu max limit to request ratio per Container is 2, but provided ratio is 4.000000', "LimitRangeViolated", "ratio is 4"),
        ('pods "x" is forbidden: [memory max limit to request ratio per Pod is 1, but no request is specified]', "LimitRangeViolated", "Pod is 1"),
        ('pods "x" is forbidden: maximum memory usage per Pod is 1Gi.  No limit is specified', "LimitRangeViolated", "No limit is specified"),
        ('pods "x" is forbidden: [minimum memory usage per Container is 1Gi, but request is 1Mi]', "LimitRangeViolated", "1Gi"),
        (
            "pods \"x\" is forbidden: ValidatingAdmissionPolicy 'no-latest' with binding 'b' denied request: tag latest is not allowed",
            "AdmissionDenied",
            "no-latest",
        ),
        ('admission webhook "validate.kyverno.svc" denied the request: resource Pod/ns/x was blocked', "AdmissionDenied", "validate.kyverno.svc"),
        (
            'Internal error occurred: failed calling webhook "mcluster.cnpg.io": failed to call webhook: dial tcp: connect: connection refused',
            "WebhookUnavailable",
            "mcluster.cnpg.io",
        ),
        ('pods "x" is forbidden: error looking up service account ns/nobody: serviceaccount "nobody" not found', "ServiceAccountMissing", "ServiceAccount"),
        ('pods "x" is forbidden: no PriorityClass with name very-important was found', "PriorityClassMissing", "very-important"),
        ('pods "x" is forbidden: pod rejected: RuntimeClass "gvisor" not found', "RuntimeClassMissing", "gvisor"),
        ('pods "x" is forbidden: unable to create new content in namespace ns because it is being terminated', "NamespaceTerminating", "deleted"),
        ('Pod "x" is invalid: spec.containers[0].image: Required value', "ObjectInvalid", "Required value"),
        ('pods "x" is forbidden: insufficient quota to match these scopes: [{PriorityClass In [high]}]', "QuotaExceeded", "PriorityClass In [high]"),
        ('Operation cannot be fulfilled on resourcequotas "q": the object has been modified', "PodNotCreated", "being changed"),
        ('pods "x" is forbidden: the integer value of priority (0) must not be provided in pod spec', "ObjectInvalid", "integer value"),
        ('failed calling webhook "w": failed to call webhook: the server rejected our request for an unknown reason', "WebhookUnavailable", "with an error"),
        ('failed calling webhook "w": failed to call webhook: Post "https://w.svc:443/": No agent available', "WebhookUnavailable", "cannot be reached"),
        ("the server is currently unable to handle the request", "PodNotCreated", "refuses the object: the server is currently unable"),
        ('Internal error occurred: admission plugin "MutatingAdmissionWebhook" failed to complete mutation in 13s', "AdmissionTimeout", "took too long"),
        ("Internal error occurred: resource quota evaluation timed out", "PodNotCreated", "could not evaluate the ResourceQuotas"),
        ('pods "x" is forbidden: autoscaling.openshift.io/ClusterResourceOverride: no memory limit found', "PodNotCreated", "no memory limit found"),
        ('pods "x" is forbidden: cannot set blockOwnerDeletion if an ownerReference refers to y', "AdmissionDenied", "cannot set blockOwnerDeletion"),
        ("etcdserver: request timed out", "PodNotCreated", "etcd: etcdserver: request timed out"),
        (
            'pods "x" is forbidden: pod tolerations (possibly merged with namespace default tolerations) conflict with its namespace whitelist',
            "AdmissionDenied",
            "pod tolerations",
        ),
        (
            'pods "x" is forbidden: pod node label selector conflicts with its namespace node label selector',
            "AdmissionDenied",
            "conflicts with its namespace node label selector",
        ),
        ('pods "x" is forbidden: image policy webhook backend denied one or more images: not signed', "AdmissionDenied", "not signed"),
        (
            'failed to create typed patch object (ns/x; apps/v1, Kind=Deployment): errors:\n  .spec.template: duplicate entries for key [name="A"]',
            "ObjectInvalid",
            'duplicate entries for key [name="A"]',
        ),
        (
            'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal number into Go struct field EnvVar.value of type string',
            "ObjectInvalid",
            "EnvVar.value of type string",
        ),
        ('Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "spec.foo"', "ObjectInvalid", 'field "spec.foo"'),
        (
            ('jobs.batch "x" is forbidden: User "ci" cannot patch resource "jobs" in API group "batch" in the namespace "ns"'),
            "NotAllowed",
            "lacks the permission to patch jobs",
        ),
        (
            'failed calling webhook "x.io": failed to call webhook: Post "https://x.svc": dial tcp 10.1.1.1:443: connect: operation not permitted',
            "WebhookUnavailable",
            "cannot be reached",
        ),
        (
            'failed calling webhook "x.io": failed to call webhook: the server is currently unable to handle the request',
            "WebhookUnavailable",
            "answers with an error",
        ),
    ],
)
def test_a_refusal_is_told_apart(text, code, part):
    found, sentence, _parts = admission.classify(text)
    assert found == code and part in sentence


def test_a_refused_pod_has_the_code_of_the_refusal():
    refused = event("e", "web-1", "FailedCreate", 'Error creating: pods "x" is forbidden: pod rejected: RuntimeClass "gvisor" not found', kind="ReplicaSet")
    (found,) = find(snapshot(deployment(), {**replicaset(), "status": {"replicas": 0}}, refused))
    assert (found.code, found.object, found.cause) == ("RuntimeClassMissing", "ReplicaSet/web-1", "no pod can be created: RuntimeClass gvisor does not exist")


def test_a_quota_is_certain_unless_pods_are_going_away():
    refused = event(
        "e",
        "web-1",
        "FailedCreate",
        'Error creating: pods "x" is forbidden: exceeded quota: tight, requested: pods=1, used: pods=1, limited: pods=1',
        kind="ReplicaSet",
    )
    picture = snapshot(deployment(), {**replicaset(), "status": {"replicas": 0}}, refused)
    assert [(c.code, c.certainty) for c in find(picture)] == [("QuotaExceeded", FATAL)]
    leaving = pod("old", owner="other", metadata={"deletionTimestamp": stamp(1)})
    assert [(c.code, c.certainty) for c in find(snapshot(deployment(), {**replicaset(), "status": {"replicas": 0}}, refused, leaving))] == [
        ("QuotaBusy", RETRYABLE)
    ]


def test_a_further_pod_that_is_refused_is_given_a_minute():
    refused = event("e", "web-1", "FailedCreate", "Error creating: exceeded quota: tight, requested: pods=1, used: pods=1, limited: pods=1", kind="ReplicaSet")
    there = pod(status={"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}, ago=20)
    picture = snapshot(deployment(replicas=2), {**replicaset(replicas=2), "status": {"replicas": 1}}, there, refused)
    found = find(picture)
    assert [(c.code, c.certainty, c.budget) for c in found] == [("QuotaExceeded", RETRYABLE, admission.BESIDE_OTHERS)]
    late = Snapshot(NOW + 60, picture.started, picture.objects, picture.scope)
    assert judge(late, find(late), Helm()).state is State.FAILED


# --- the gateway's words -----------------------------------------------------------------------------------------------


def said(*links, head=""):
    chain = "\n".join(f"    {n}: {t}" for n, t in enumerate(links[1:])) if len(links) > 2 else f"    {links[-1]}"
    return f"{head}Error: {links[0]}\n\nCaused by:\n{chain}\n"


RECREATE = "recreate the database and rerun migrations"
DB = "error returned from database: "
OPEN = "failed opening postgres connection pool for migration status"


@pytest.mark.parametrize(
    ("text", "code", "part"),
    [
        (said("x", OPEN, DB + 'password authentication failed for user "oceans"', 'password authentication failed for user "oceans"'), "DatabaseAuth", "28P01"),
        (said("x", OPEN, DB + 'database "nodb" does not exist'), "DatabaseMissing", "3D000"),
        (
            said("failed to apply database migrations", "failed ensuring refinery schema history table", DB + "permission denied for schema public"),
            "DatabasePermission",
            "42501",
        ),
        (said("x", "failed ensuring", DB + "cannot execute CREATE TABLE in a read-only transaction"), "DatabaseReadOnly", "25006"),
        (said("x", "y", DB + 'could not extend file "base/1/2": No space left on device'), "DatabaseFull", "53100"),
        (said("x", "y", DB + "sorry, too many clients already"), "DatabaseConnections", "53300"),
        (
            said("x", OPEN, "error communicating with database: failed to lookup address information: Name or service not known"),
            "DatabaseHostUnknown",
            "host name",
        ),
        (said("x", OPEN, "failed to lookup address information: Temporary failure in name resolution"), "DatabaseUnreachable", "temporary failure"),
        (said("x", OPEN, "pool timed out while waiting for an open connection"), "DatabaseUnreachable", "30 s"),
        (said("x", "y", DB + 'duplicate key value violates unique constraint "pg_type_typname_nsp_index"'), "MigrationRace", "23505"),
        (
            said("failed to apply database migrations", "failed applying postgres migration 46", DB + 'relation "batch_jobs" already exists'),
            "MigrationFailed",
            'V46 failed: relation "batch_jobs" already exists (SQLSTATE 42P07)',
        ),
        (
            said("failed to apply database migrations", "failed applying postgres migration 28", DB + "canceling statement due to statement timeout"),
            "MigrationFailed",
            "57014",
        ),
        (said("failed to apply database migrations", "failed applying postgres migration 28", DB + "deadlock detected"), "DatabaseInterrupted", "40P01"),
        (
            said(
                "failed to apply database migrations",
                f"database reset required for postgres: found historical migration v99 outside the active registry; {RECREATE}",
            ),
            "ImageOlderThanDatabase",
            "V99",
        ),
        (
            said(
                "x",
                "database reset required for postgres: migration v20 identity mismatch "
                f"(expected name=`a` checksum=`b`, found name=`a` checksum=`c`); {RECREATE}",
            ),
            "MigrationHistoryForeign",
            "V20",
        ),
        (
            said(
                "x",
                f"database reset required for postgres: refinery_schema_history is empty but existing application tables were found; {RECREATE}",
            ),
            "DatabaseForeign",
            "no migration history",
        ),
        (
            said(
                "failed to load gateway configuration from `c.yaml`",
                "invalid gateway configuration `c.yaml`",
                "required environment variable `POSTGRES_URL` is not set",
                "environment variable not found",
            ),
            "GatewayVariableMissing",
            "POSTGRES_URL",
        ),
        (
            said(
                "failed to load gateway configuration from `c.yaml`",
                "failed parsing yaml config `c.yaml`",
                "auth: unknown field `seed_api_keys`, expected one of `bootstrap_admin`",
            ),
            "GatewayConfigInvalid",
            "seed_api_keys",
        ),
        ("Error: gateway configuration `nope.yaml` does not exist\n", "GatewayConfigInvalid", "nope.yaml"),
        (said("failed to load gateway configuration", "invalid", "unsupported secret reference `(hidden)`; use env.*"), "GatewayReferenceInvalid", "env.NAME"),
        (
            said(
                "failed to seed foundational config data",
                'store conflict: error returned from database: insert or update on table "model_routes" violates foreign key constraint "k"',
            ),
            "SeedConflict",
            "seed-config",
        ),
        (
            said("failed to initialize pricing catalog", 'store query failed: error returned from database: relation "pricing_catalog_cache" does not exist'),
            "SchemaMissing",
            "42P01",
        ),
        (
            "error: invalid value '0' for '--run-migrations <RUN_MIGRATIONS>'\n  [possible values: true, false]\n\nFor more information, try '--help'.\n",
            "UsageError",
            "refuses",
        ),
    ],
)
def test_the_gateways_words_have_a_code(text, code, part):
    found = log_words.parse(text)
    assert found is not None and found.code == code and part in found.what
    assert "recreate the database" not in found.what + found.evidence


def test_unknown_words_stay_unknown():
    assert log_words.parse("panicked at src/main.rs:1\n") is None
    assert log_words.parse(said("something else", "entirely")) is None


def test_a_backtrace_and_lines_of_stdout_do_not_hide_the_cause():
    text = said("x", OPEN, DB + 'database "nodb" does not exist', head='{"fields":{}}\n') + "\nStack backtrace:\n   0: std::backtrace\n   1: main\n"
    assert log_words.chain(text)[-1] == DB + 'database "nodb" does not exist'
    assert log_words.parse(text).code == "DatabaseMissing"


def line(version, name, what):
    return (
        '{"timestamp":"2026-11-23T23:03:03.112567Z","level":"INFO","fields":{"message":"m","backend":"postgres",'
        f'"migration_version":{version},"migration_name":"{name}","migration_event":"{what}"}},"target":"gateway_store::migrate"}}'
    )


def test_a_failed_migration_is_named_and_its_attempts_are_counted_once():
    text = "\n".join(
        (line(45, "a", "begin"), line(45, "a", "commit"), line(46, "batch_jobs", "begin"), line(46, "batch_jobs", "rollback"), '{"cut":"migration_event')
    )
    found = log_words.migrations(text)
    assert found.committed == ((45, "a"),) and found.rolled_back == ((46, "batch_jobs"),) and found.open == () and found.version == 45
    assert (
        "V46 batch_jobs failed"
        in log_words.parse(text + "\n" + said("failed to apply database migrations", "failed applying postgres migration 46", DB + "division by zero")).what
    )


def test_a_failed_attempt_has_no_time_to_run_out_while_the_next_one_is_at_work():
    ended = {"name": "it", "state": {"terminated": {"exitCode": 1, "finishedAt": stamp(300)}}}
    first = pod("mig-a", "mig", [ended], status={"phase": "Failed"}, ago=310.0)
    second = pod("mig-b", "mig", [{"name": "it", "state": {"running": {"startedAt": stamp(1)}}}], status={"phase": "Running"}, ago=5.0)
    logs = {("mig-a", "it"): said("failed to apply", "error communicating with database: it broke")}
    scope, job = Scope((), ("mig",), "ns", "rel"), obj("Job", "mig", spec={"backoffLimit": 3}, status={})
    waiting = snapshot(job, first, scope=scope, logs=logs, started=NOW - 400)
    assert judge(waiting, find(waiting), Helm(running=True)).state is State.FAILED
    again = snapshot(job, first, second, scope=scope, logs=logs, started=NOW - 400)
    assert judge(again, find(again), Helm(running=True)).state is State.PROGRESSING
    done = pod("mig-b", "mig", [{"name": "it", "state": {"terminated": {"exitCode": 0}}}], status={"phase": "Succeeded"}, ago=5.0)
    over = snapshot(job, first, done, scope=scope, logs=logs, started=NOW - 400)
    assert judge(over, find(over), Helm(running=True)).state is State.PROGRESSING, "it went well, and the Job does not say so yet"


def test_a_mount_that_came_late_is_forgotten_once_the_container_waits_for_something_else():
    late = event("m", "web-1-a", "FailedMount", 'MountVolume.SetUp failed for volume "config": failed to sync configmap cache: timed out waiting')
    assert [c.code for c in find(web(pod(containers=[waits()]), events=[late]))] == ["MountRetrying"]
    told = waits("CreateContainerConfigError", 'secret "web-env" not found')
    assert [c.code for c in find(web(pod(containers=[told]), events=[late]))] == ["SecretMissing"]


@pytest.mark.parametrize("how", ["Connection reset by peer (os error 104)", "something new"])
def test_a_connection_that_broke_in_a_migration_is_no_failed_migration(how):
    told = log_words.parse(said("failed to apply database migrations", "failed applying postgres migration 44", f"error communicating with database: {how}"))
    assert told.code in ("DatabaseInterrupted", "DatabaseUnreachable") and not told.certain and "MigrationFailed" not in told.code
    assert "during migration V44" in told.what or "Connection reset" in how


# --- rules without a recording -----------------------------------------------------------------------------------------


def test_a_secret_that_an_operator_will_make_is_waited_for():
    message = 'secret "pg-app" not found'
    picture = web(pod(containers=[waits("CreateContainerConfigError", message)]))
    assert [(c.code, c.certainty) for c in find(picture)] == [("SecretMissing", FATAL)]
    scope = Scope(("web",), (), "ns", "rel", promised={"pg-app": "Cluster/pg"})
    found = find(web(pod(containers=[waits("CreateContainerConfigError", message)]), scope=scope))
    assert [(c.code, c.certainty) for c in found] == [("SecretPending", RETRYABLE)] and "Cluster/pg" in found[0].cause and found[0].budget


def test_a_missing_key_tells_which_keys_there_are():
    told = waits("CreateContainerConfigError", "couldn't find key TOKEN in Secret ns/creds")
    keys = {"kind": "SecretKeys", "metadata": {"name": "creds"}, "keys": ["A", "B"]}
    assert "keys of this Secret: A, B" in find(web(pod(containers=[told]), events=[keys]))[0].cause


@pytest.mark.parametrize(
    ("message", "ago", "code"),
    [
        ("error processing spec.data[0] (key: oceans/absent), err: Secret does not exist", 10, "ExternalSecretFailed"),
        ('could not get SecretStore "absent", SecretStore.external-secrets.io "absent" not found', 10, "ExternalSecretFailed"),
        ('could not get SecretStore "absent", SecretStore.external-secrets.io "absent" not found', 1, "ExternalSecretRetrying"),
        ('SecretStore "x" is not ready', 10, "ExternalSecretRetrying"),
        ("err: ResourceNotFoundException: Secrets Manager can't find the specified secret.", 10, "ExternalSecretFailed"),
        ("err: rpc error: code = NotFound desc = Secret [projects/1/secrets/gw] not found or has no versions.", 10, "ExternalSecretFailed"),
        ('err: StatusCode=404 -- Original Error: Code="SecretNotFound" Message="A secret with (name/id) gw was not found"', 10, "ExternalSecretFailed"),
        ('err: StatusCode=403 -- Original Error: Code="Forbidden"', 10, "ExternalSecretFailed"),
        ('err: cannot find secret data for key: "POSTGRES_URL"', 10, "ExternalSecretFailed"),
        ('could not execute template: <.host>: map has no entry for key "host"', 10, "ExternalSecretFailed"),
        ("err: Code: 503. Errors: * Vault is sealed", 10, "ExternalSecretRetrying"),
    ],
)
def test_external_secrets_are_told_by_their_events(message, ago, code):
    scope = Scope((), (), "ns", "rel", custom=(("ExternalSecret", "env"),))
    picture = snapshot(
        obj("ExternalSecret", "env", status={"conditions": [{"type": "Ready", "status": "False", "message": "could not get secret data from provider"}]}),
        event("e", "env", "UpdateFailed", message, ago=ago, kind="ExternalSecret"),
        scope=scope,
    )
    found = list(operators.external_secrets(picture))
    assert [c.code for c in found] == [code] and found[0].evidence == message
    assert " ".join(message.split()).rstrip(".")[-20:] in found[0].cause, "the line tells why"
    assert (judge(picture, find(picture), Helm(running=True)).state is State.FAILED) == (code == "ExternalSecretFailed")


@pytest.mark.parametrize(
    ("phase", "after"),
    [
        ("Cluster is unrecoverable and needs manual intervention", 1),
        ("Cluster has incomplete or invalid image catalog", 61),
        ("Cluster cannot proceed to reconciliation due to an unknown plugin being required", 61),
        ("Not enough disk space", 61),
        ("Waiting for user action", 61),
        ("Setting up primary", 601),
    ],
)
def test_a_phase_that_no_waiting_ends_fails_soon(phase, after):
    def state(ago):
        picture = snapshot(obj("Cluster", "pg", ago=ago, status={"phase": phase, "phaseReason": "why"}), scope=PG, started=NOW - ago)
        return judge(picture, find(picture), Helm(running=True))

    assert state(after).state is State.FAILED and phase in state(after).cause.cause and state(after).cause.evidence == "why"
    assert after == 1 or state(after - 10).state is State.PROGRESSING


def test_an_external_secret_that_is_ready_is_well():
    scope = Scope((), (), "ns", "rel", custom=(("ExternalSecret", "env"),))
    picture = snapshot(
        obj("ExternalSecret", "env", status={"conditions": [{"type": "Ready", "status": "True"}]}),
        event("e", "env", "UpdateFailed", "x", kind="ExternalSecret"),
        scope=scope,
    )
    assert find(picture) == []


def failed_try(number):
    ends = [{"name": name, "state": {"terminated": {"exitCode": code}}} for name, code in (("bootstrap", 0), ("initdb", 1))]
    return pod(f"pg-1-initdb-{number}", "pg-1-initdb", status={"phase": "Failed", "initContainerStatuses": ends[:1], "containerStatuses": ends[1:]})


def test_a_database_cluster_is_waited_for_and_a_failing_initdb_is_read():
    scope = Scope((), (), "ns", "rel", custom=(("Cluster", "pg"),))
    cluster = obj("Cluster", "pg", status={"phase": "Setting up primary"})
    found = find(snapshot(cluster, scope=scope))
    assert [(c.code, c.certainty) for c in found] == [("PostgresClusterWaits", RETRYABLE)] and "Setting up primary" in found[0].cause
    tries = [failed_try(n) for n in range(2)]
    job = obj("Job", "pg-1-initdb", "pg")
    logs = {("pg-1-initdb-1", "initdb"): "initdb: error: could not create directory: Permission denied\n"}
    assert [c.code for c in find(snapshot(cluster, job, tries[0], scope=scope))] == ["PostgresClusterWaits"], "one try proves nothing"
    failed = find(snapshot(cluster, job, *tries, scope=scope, logs=logs))
    assert [c.code for c in failed] == ["PostgresClusterFailed"] and "Permission denied" in failed[0].cause


PG = Scope((), (), "ns", "rel", promised={"pg-app": "Cluster/pg"}, custom=(("Cluster", "pg"),))


def _primary(ready="True"):
    return pod("pg-1", "pg", status={"conditions": [{"type": "Ready", "status": ready}]}, metadata={"labels": {"cnpg.io/instanceRole": "primary"}})


def test_a_first_failure_of_initdb_is_shown_with_its_words_and_the_second_one_ends_the_run():
    cluster, job = obj("Cluster", "pg", status={"phase": "Setting up primary"}), obj("Job", "pg-1-initdb", "pg")
    tries = [failed_try(n) for n in range(2)]
    log = '{"level":"info","msg":"go"}\n{"level":"error","msg":"Error while bootstrapping","error":"ERROR: division by zero (SQLSTATE 22012)"}\nbye\n'
    fine = '{"level":"info","msg":"Bootstrap completed"}\n'
    first = snapshot(cluster, job, tries[0], scope=PG, logs={("pg-1-initdb-0", "bootstrap"): fine, ("pg-1-initdb-0", "initdb"): log})
    assert [(c.code, c.certainty) for c in find(first)] == [("PostgresClusterWaits", RETRYABLE)]
    assert "the first set-up failed and CloudNativePG retries: ERROR: division by zero" in find(first)[0].cause
    both = snapshot(cluster, job, *tries, scope=PG, logs={("pg-1-initdb-1", "initdb"): log})
    assert judge(both, find(both), Helm(running=True)).cause.cause == "CloudNativePG cannot set up the database: ERROR: division by zero (SQLSTATE 22012)"


def test_a_secret_that_initdb_waits_for_ends_the_run_unless_the_operator_makes_it():
    cluster, job = obj("Cluster", "pg", status={"phase": "Setting up primary"}), obj("Job", "pg-1-initdb", "pg")

    def waiting_for(name):
        told = waits("CreateContainerConfigError", f'secret "{name}" not found')
        picture = snapshot(cluster, job, pod("pg-1-initdb-0", "pg-1-initdb", [told]), scope=PG)
        return judge(picture, find(picture), Helm(running=True))

    ended = waiting_for("login")
    assert ended.state is State.FAILED and (ended.cause.code, ended.cause.object) == ("SecretMissing", "Pod/pg-1-initdb-0")
    assert waiting_for("pg-app").state is State.PROGRESSING


def test_what_makes_a_secret_is_blamed_before_the_pod_that_waits_for_it():
    told = waits("CreateContainerConfigError", 'secret "pg-app" not found')
    scope = Scope(("web",), (), "ns", "rel", promised=PG.promised, custom=PG.custom)
    picture = web(pod(containers=[told]), events=[obj("Cluster", "pg", ago=30)], scope=scope)
    assert [c.code for c in find(picture)] == ["PostgresClusterWaits", "SecretPending"]
    over = timeout_cause(picture, judge(picture, find(picture), Helm(running=True)), 25)
    assert over.code == "PostgresClusterWaits" and "no operator has acted on the object" in over.cause
    claim = obj("PersistentVolumeClaim", "pg-1", "pg", status={"phase": "Pending"}, spec={"storageClassName": "fast"})
    full = event("e", "pg-1", "ProvisioningFailed", "the pool is full", kind="PersistentVolumeClaim")
    volume = snapshot(obj("Cluster", "pg", status={"phase": "x"}), claim, full, scope=PG)
    assert [c.code for c in find(volume)] == ["ProvisioningFailed", "PostgresClusterWaits"]


def test_a_standby_that_cannot_start_stops_nothing_once_the_primary_is_up():
    status = {"phase": "Creating a new replica", "currentPrimary": "pg-1", "targetPrimary": "pg-1", "instances": 1, "readyInstances": 1}
    standby = pod("pg-2-join-0", "pg-2-join", [waits("CreateContainerConfigError", 'secret "login" not found')])
    others = (obj("Cluster", "pg", spec={"instances": 2}, status=status), obj("Job", "pg-2-join", "pg"), standby)
    up = snapshot(*others, _primary(), scope=PG)
    assert [(c.code, c.certainty) for c in find(up)] == [("PostgresClusterWaits", Certainty.SHOWN)] and "1 of 2 PostgreSQL instances" in find(up)[0].cause
    assert find(up)[0].budget is None, "it stops nothing, so it is given no time"
    down = snapshot(*others, _primary("False"), scope=PG)
    assert judge(down, find(down), Helm(running=True)).cause.code == "SecretMissing"


def test_a_primary_that_moves_is_told_with_both_names_and_waited_for():
    status = {"phase": "Failing over", "currentPrimary": "pg-1", "targetPrimary": "pg-2", "targetPrimaryTimestamp": stamp(3), "phaseReason": "why"}
    picture = snapshot(obj("Cluster", "pg", status=status), scope=PG)
    (found,) = find(picture)
    assert found.code == "PostgresPrimaryMoves" and found.certainty is RETRYABLE and "from pg-1 to pg-2" in found.cause and found.evidence == "why"
    assert find(snapshot(obj("Cluster", "pg", status={**status, "targetPrimary": "pg-1"}), _primary(), scope=PG)) == [], "before and after it is known where to"
    (early,) = find(snapshot(obj("Cluster", "pg", status={**status, "targetPrimary": "pending"}), scope=PG))
    assert early.cause.startswith("the primary moves away from pg-1; ")


@pytest.mark.parametrize(("kind", "code"), [("Cluster", "PostgresClusterWaits"), ("ExternalSecret", "ExternalSecretRetrying")])
def test_an_object_that_no_operator_has_touched_says_so(kind, code):
    scope = Scope((), (), "ns", "rel", custom=((kind, "it"),))
    (found,) = find(snapshot(obj(kind, "it", ago=8), scope=scope))
    assert found.code == code and "no operator has acted on the object" in found.cause and "kubectl get deployment -A" in found.hint
    assert not any("no operator" in c.cause for c in find(snapshot(obj(kind, "it", ago=2), scope=scope)))


def test_the_cluster_autoscaler_is_given_more_time():
    waiting = pod(
        containers=[],
        spec={"nodeName": None},
        status={"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3"}]},
    )
    alone = find(web(waiting))
    assert [(c.code, c.budget) for c in alone] == [("Unschedulable", 120)] and "preemption" not in alone[0].cause
    scaling = find(web(waiting, events=[event("e", "web-1-a", "TriggeredScaleUp", "pod triggered scale-up: 1->2")]))
    assert [(c.code, c.budget) for c in scaling] == [("UnschedulableScaling", 600)]
    (refused,) = find(web(waiting, events=[event("e", "web-1-a", "NotTriggerScaleUp", "pod didn't trigger scale-up: 1 max node group size reached")]))
    assert refused.budget == 120 and refused.cause.endswith("3 Insufficient cpu; the cluster autoscaler adds no node: 1 max node group size reached")


def test_a_lost_node_is_named():
    picture = web(pod(status={"phase": "Running"}), events=[event("e", "web-1-a", "NodeNotReady", "Node is not ready")])
    (found,) = scheduling.lost_nodes(picture)
    assert found.code == "NodeNotReady" and found.cause == "node n1 is not ready; pods of the release on this node: web-1-a"


def test_an_old_pod_whose_grace_is_over_is_shown():
    old = replicaset("web-0", revision="0", replicas=0)
    gone = pod("web-0-x", "web-0", metadata={"deletionTimestamp": stamp(20), "finalizers": ["example.com/hold"]})
    picture = snapshot(deployment(), replicaset(), old, gone)
    assert [(c.code, c.evidence) for c in rollout.stuck_old_pods(picture)] == [("OldPodStuck", "finalizers example.com/hold")]
    killing = event("k", "web-0-x", "FailedKillPod", 'error killing pod: failed to "KillContainer" for "it" with KillContainerError: "x"')
    (found,) = rollout.stuck_old_pods(snapshot(deployment(), replicaset(), old, pod("web-0-x", "web-0", metadata={"deletionTimestamp": stamp(20)}), killing))
    assert found.cause.endswith("because the container runtime returns an error (KillContainerError)") and found.evidence.startswith("error killing pod")
    in_time = pod("web-0-x", "web-0", metadata={"deletionTimestamp": stamp(-20)})
    assert list(rollout.stuck_old_pods(snapshot(deployment(), replicaset(), old, in_time))) == []


def test_a_migration_that_waits_is_shown_with_its_version():
    running = {"name": "migrate", "ready": True, "state": {"running": {"startedAt": stamp(30)}}}
    worker = obj("Pod", "mig-a", "mig", spec={"containers": [{"name": "migrate"}]}, status={"phase": "Running", "containerStatuses": [running]})
    picture = snapshot(obj("Job", "mig", spec={}), worker, logs={("mig-a", "migrate"): line(31, "route_index", "begin")})
    found = list(jobs.slow_migrations(picture))
    assert [c.code for c in found] == ["MigrationWaits"] and "V31 route_index" in found[0].cause and found[0].budget is None


@pytest.mark.parametrize(
    ("probes", "started", "seconds"),
    [
        ({"readinessProbe": {"periodSeconds": 10, "failureThreshold": 3, "timeoutSeconds": 1}}, True, 600),
        ({"readinessProbe": {"periodSeconds": 1}}, True, 600),
        ({"readinessProbe": {"periodSeconds": 1}, "livenessProbe": {"initialDelaySeconds": 60}}, True, 600),
        ({"startupProbe": {"periodSeconds": 5, "failureThreshold": 48}, "readinessProbe": {}}, False, 241 + readiness.SLACK),
        (
            {
                "startupProbe": {"initialDelaySeconds": 10, "periodSeconds": 5, "failureThreshold": 48, "timeoutSeconds": 4},
                "readinessProbe": {"periodSeconds": 2},
            },
            False,
            254 + 7 + readiness.SLACK,
        ),
    ],
)
def test_the_time_to_become_ready_is_the_probes_own_or_the_deployments(probes, started, seconds):
    status = {"name": "it", "started": started, "state": {"running": {"startedAt": stamp(5)}}}
    begun, budget, _probe = readiness.deadline(web(pod(containers=[status])), pod(containers=[status]), status, probes)
    assert (NOW - begun, budget) == (5, seconds)


# --- the verdict -------------------------------------------------------------------------------------------------------


def ready(name):
    return pod(
        name,
        containers=[{"name": "it", "ready": True, "state": {"running": {}}}],
        status={"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    )


def test_one_doomed_pod_beside_a_healthy_one_is_only_shown_at_first():
    told = event("e", "web-1-b", "Failed", PULL.format("NotFound", "x: not found"), ago=5, path="spec.containers{it}")
    picture = web(ready("web-1-a"), pod("web-1-b", containers=[waits()]), events=[told])
    assert judge(picture, find(picture), Helm(running=True)).state is State.PROGRESSING
    late = Snapshot(NOW + BESIDE_HEALTHY, picture.started, picture.objects, picture.scope)
    assert judge(late, find(late), Helm()).cause.code == "ImageNotFound"


def test_no_budget_runs_while_nothing_is_known():
    waiting = pod(containers=[], spec={"nodeName": None}, status={"conditions": [{"type": "PodScheduled", "status": "False", "message": "no"}]}, ago=130)
    picture = web(waiting, started=NOW - 200)
    assert judge(picture, find(picture), Helm()).state is State.FAILED
    blind = Snapshot(picture.now, picture.started, picture.objects, picture.scope, unknown=20.0)
    assert judge(blind, find(blind), Helm()).state is State.PROGRESSING


def test_a_foreign_pod_in_the_namespace_concerns_nobody():
    stranger = pod("db-0", owner="db", containers=[waits("ImagePullBackOff", "code = NotFound")])
    assert find(snapshot(deployment(), replicaset(), ready("web-1-a"), stranger)) == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress", "ReleaseBusy"),
        ('cannot patch "web" with kind Deployment: Deployment.apps "web" is invalid: spec.selector: Invalid value: field is immutable', "FieldImmutable"),
        ('Apply failed with 1 conflict: conflict with "kubectl-scale" using apps/v1: .spec.replicas', "FieldConflict"),
        ("deployments.apps \"web\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no", "AdmissionDenied"),
        ("something else", "HelmFailed"),
    ],
)
def test_helms_own_words_are_read(error, code):
    picture = snapshot(deployment(), replicaset(), ready("web-1-a"))
    assert judge(picture, [], Helm(False, NOW - 1, error)).state is State.PROGRESSING, "the cluster may know better in a moment"
    found = judge(picture, [], Helm(False, NOW - 2, error))
    assert found.state is State.FAILED and found.cause.code == code and found.cause.evidence == error


def test_a_deadline_says_what_it_waited_for():
    picture = web(pod(containers=[waits("ImagePullBackOff", "429 Too Many Requests")]))
    verdict = judge(picture, find(picture), Helm())
    assert timeout_cause(picture, verdict, 900).code == "ImageRateLimited"
    quiet = snapshot(deployment(), replicaset(), pod(containers=[waits()]))
    verdict = judge(quiet, find(quiet), Helm())
    late = timeout_cause(quiet, verdict, 900)
    assert (late.code, late.object) == ("PodStarting", "Pod/web-1-a") and "Deployment/web waits for this pod" in late.cause


# --- the table ---------------------------------------------------------------------------------------------------------


def test_each_rule_has_a_name_and_a_place_of_its_own():
    assert len(RULES) == len(_RULES) > 30, "two rules have the same name"
    with pytest.raises(ValueError, match="images and images have the same place"):
        rule(10)(images.images)


@pytest.mark.parametrize(
    ("version", "status", "code"),
    [
        ("2", "pending-upgrade", ""),
        ("2", "failed", ""),
        ("1", "superseded", ""),
        ("3", "pending-rollback", "ReleaseOvertaken"),
        ("2", "uninstalling", "ReleaseUninstalled"),
    ],
)
def test_somebody_else_takes_the_release_over(version, status, code):
    record = obj("Secret", f"sh.helm.release.v1.rel.v{version}", metadata={"labels": {"owner": "helm", "name": "rel", "version": version, "status": status}})
    picture = replace(snapshot(scope=Scope((), (), "ns", "rel", revision=2)), objects={"Release": {"it": record}})
    causes = find(picture)
    assert [c.code for c in causes] == ([code] if code else [])
    assert (judge(picture, causes, Helm()).state is State.FAILED) == bool(code)
    assert not find(replace(picture, scope=replace(picture.scope, revision=0))), "a revision that is not known cannot be overtaken"


def test_a_volume_that_is_still_attached_elsewhere_is_busy():
    text = 'Multi-Attach error for volume "pvc-1" Volume is already exclusively attached to one node and can\'t be attached to another'
    picture = web(pod(containers=[waits()]), events=(event("e", "web-1-a", "FailedAttachVolume", text),))
    assert [(c.code, c.certainty) for c in find(picture)] == [("VolumeBusy", RETRYABLE)]


CSI = 'MountVolume.SetUp failed for volume "s" : rpc error: code = Unknown desc = '
STORE = CSI + "failed to mount secrets store objects for pod ns/web-1-a, err: "


@pytest.mark.parametrize(
    ("text", "part", "hint"),
    [
        (
            "driver name secrets-store.csi.k8s.io not found in the list of registered CSI drivers",
            "CSI driver secrets-store.csi.k8s.io is not registered",
            "csinode n1",
        ),
        (CSI + 'failed to get secretproviderclass ns/oceans, error: SecretProviderClass "oceans" not found', "SecretProviderClass ns/oceans,", "-n ns get"),
        (STORE + 'error connecting to provider "gcp": provider not found: provider "gcp"', "no provider gcp on Node/n1", "spec.nodeName=n1"),
        (STORE + "failed to find provider binary azure, err: stat /etc/x: no such file or directory", "no provider azure on Node/n1", "spec.nodeName=n1"),
        (
            STORE + "GET https://kv.vault.azure.net/secrets/x/\n---\nRESPONSE 404: 404 Not Found\nERROR CODE: SecretNotFound",
            "does not exist in the secret store",
            "create",
        ),
        (STORE + "AccessDeniedException: x is not authorized to perform: secretsmanager:GetSecretValue", "denies the pod's ServiceAccount", "right to read"),
        (
            STORE + "failed to get keyvault client: failed to get key vault token: response failed with status code: 404",
            "cannot log in to the secret store",
            "identity",
        ),
        (
            CSI.replace("desc = ", "desc = dial unix /var/lib/kubelet/plugins/csi-secrets-store/csi.sock: connect: refused"),
            "driver of volume s does not answer",
            "n1",
        ),
        (CSI[:45] + 'failed to fetch token: serviceaccounts "gw" not found', "ServiceAccount gw does not exist", "create serviceaccount gw"),
        (CSI[:45] + "you might need a /sbin/mount.<type> helper program.", "Node/n1 lacks the program that mounts volume s", "nfs-common"),
        (CSI[:45] + "hostPath type check failed: /etc/pki is not a directory", "path /etc/pki of volume s does not exist on Node/n1", "hostPath"),
        ("Unable to attach or mount volumes: unmounted volumes=[a b], unattached volumes=[a b c]", "volume a b cannot be mounted", "describe pod"),
        ("AttachVolume.Attach failed: CSINode n1 does not contain driver ebs.csi.aws.com", "CSI driver ebs.csi.aws.com is not registered", "csinode n1"),
        ("AttachVolume.Attach failed: timed out waiting for external-attacher of ebs.csi.aws.com CSI driver", "driver ebs.csi.aws.com has not", "attachments"),
        (CSI[:45] + "api error AttachmentLimitExceeded: You may attach up to 27 devices", "the limit of volumes of Node/n1", "higher limit"),
        (CSI[:45] + "The maximum allowed number of disk devices (16) to attach to a single instance has been exceeded", "the limit of volumes", "higher"),
        (CSI[:45] + "'fsck' found errors on device /dev/sdb: RUN fsck MANUALLY.", "file system of volume s is damaged", "fsck"),
        (CSI[:45] + "mount: /x: wrong fs type, bad option, bad superblock on /dev/nvme1n1", "file system of volume s is damaged", "backup"),
        (CSI[:45] + "mount.nfs: access denied by server while mounting 10.0.0.1:/x", "the file server of volume s denies access", "exports"),
        (CSI[:45] + "mount.nfs: Connection timed out", "the file server of volume s does not answer", "firewall"),
        (CSI[:45] + 'Output: Failed to resolve "fs-1.efs.amazonaws.com"', 'host of volume s: "fs-1.efs.amazonaws.com"', "name server"),
        (CSI[:45] + "applyFSGroup failed for vol x: lchown /y: operation not permitted", "cannot be given the fsGroup", "no_root_squash"),
        (CSI[:45] + "an operation with the given Volume ID 0001 already exists", "has not finished its work", "nodeName=n1"),
        ('MountVolume.MountDevice failed for volume "s" : rpc error: code = DeadlineExceeded desc = x', "has not finished its work on volume s", "restart"),
        (CSI[:45] + "mkdir /var/lib/kubelet/pods/1: no space left on device", "no disk space for volume s", "cordon n1"),
        (CSI[:45] + "mkdir /var/lib/kubelet/pods/1: read-only file system", "of volume s, is read-only", "cordon n1"),
        ('AttachVolume.Attach failed for volume "s" : rpc error: code = NotFound desc = x', "the disk of volume s", "get pv s"),
        ('MountVolume.NewMounter initialization failed for volume "s" : path "/mnt/ssd1" does not exist', "path /mnt/ssd1 of volume s", "create the path"),
        (STORE + "context deadline exceeded", "does not get the secrets from the secret store", "describe pod web-1-a"),
    ],
)
def test_a_mount_by_the_secrets_store_driver_says_what_is_missing(text, part, hint):
    (found,) = find(web(pod(), events=[event("m", "web-1-a", "FailedMount", text, ago=20)]))
    assert (found.code, found.certainty) == ("MountFailed", RETRYABLE) and part in found.cause and hint in found.hint and "{" not in found.hint


@pytest.mark.parametrize(
    "words",
    [
        "googleapi: Error 400: RESOURCE_IN_USE_BY_ANOTHER_RESOURCE - The disk resource is already being used by n2",
        "disk(/x) already attached to node(n2), could not be attached to node(n1)",
        "rbd image replicapool/csi-vol-1 is still being used",
    ],
)
def test_a_volume_that_another_node_holds_is_waited_for(words):
    (found,) = find(web(pod(), events=[event("m", "web-1-a", "FailedAttachVolume", f'AttachVolume.Attach failed for volume "v" : {words}')]))
    assert found.code == "VolumeBusy" and "attached to another node" in found.cause


def test_the_summary_of_mounts_does_not_hide_what_was_said_before():
    why = event("m", "web-1-a", "FailedMount", CSI[:45] + "hostPath type check failed: /etc/pki is not a directory", ago=20)
    end = event("n", "web-1-a", "FailedMount", "Unable to attach or mount volumes: unmounted volumes=[s], unattached volumes=[s t]", ago=10)
    (found,) = find(web(pod(), events=[why, end]))
    assert "path /etc/pki of volume s" in found.cause


@pytest.mark.parametrize(
    ("text", "part", "hint"),
    [
        ('failed to reserve container name "it_0": name "it_0" is reserved for "d6fc"', "slow or hangs", "restart the container runtime"),
        ("context deadline exceeded", "slow or hangs", "describe node n1"),
        ('failed to create snapshot: missing parent "k8s.io/1/sha256:12" bucket: not found', "lacks a part of the image", "crictl rmi"),
        ("can't get final child's PID from pipe: EOF", "memory limit", "memory limit of container it"),
        ('path "/srv/x" is mounted on "/" but it is not a shared mount', "path /srv/x has mountPropagation", "make-rshared"),
        ("write /proc/self/attr/keycreate: invalid argument", "SELinux label", "seLinuxOptions"),
        ('invalid mount config for type "bind": bind source path does not exist: /srv/x', "the path /srv/x", "Node/n1"),
        ("failed to create containerd container: error unpacking image: failed to extract layer sha256:1: x", "cannot unpack", "crictl rmi"),
        ("error running prestart hook #0: exit status 1: nvidia-container-cli: nvml error: driver not loaded", "a hook of the container runtime", "NVIDIA"),
        ('error during container init: chdir to cwd ("/app") set in config.json failed: permission denied', "workingDir /app", "runAsUser of container it"),
        ('failed to prepare subPath for volumeMount "conf" of container "it"', "subPath of volume conf", "subPath"),
        ('cannot find volume "ca" to mount into container "it"', "has not mounted volume ca", "describe pod web-1-a"),
        ('get apparmor_parser version: exec: "apparmor_parser": executable file not found in $PATH', "AppArmor", "apparmor_parser"),
        ("unable to apply cgroup configuration: error creating systemd unit", "cannot create the cgroup: unable to apply", "drain n1"),
    ],
)
def test_a_container_that_is_not_created_says_what_the_runtime_lacks(text, part, hint):
    (found,) = find(web(pod(containers=[waits("CreateContainerError", text)])))
    assert (found.code, found.certainty) == ("ContainerConfig", RETRYABLE) and part in found.cause and hint in found.hint and "{" not in found.hint
    ended = {"exitCode": 128, "reason": "StartError", "message": f"OCI runtime create failed: {text}", "startedAt": stamp(4), "finishedAt": stamp(3)}
    (found,) = find(web(pod(containers=[{"name": "it", "ready": False, "restartCount": 0, "state": {"terminated": ended}}])))
    assert (found.code, found.certainty) == ("CannotStart", RETRYABLE) and part in found.cause and hint in found.hint


def test_karpenter_says_why_it_adds_no_node():
    lack = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available: 3 Insufficient cpu."}
    words = 'Failed to schedule pod, incompatible with nodepool "default", did not tolerate taint'
    said_by = event("k", "web-1-a", "FailedScheduling", words, source={"component": "karpenter"})
    (found,) = find(web(pod(status={"conditions": [lack]}, spec={"nodeName": None}), events=[said_by]))
    assert found.code == "Unschedulable" and 'Insufficient cpu; Karpenter adds no node: incompatible with nodepool "default"' in found.cause


def test_the_first_job_of_a_cluster_that_has_failed_is_not_repeated():
    over = {"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]}
    job = obj("Job", "pg-1-initdb", "pg", status=over)
    (found,) = find(snapshot(obj("Cluster", "pg", status={"phase": "Setting up primary"}), job, scope=PG))
    assert (found.code, found.certainty) == ("PostgresClusterFailed", FATAL) and "Job/pg-1-initdb has failed" in found.cause
    (found,) = find(snapshot(obj("Cluster", "pg", status={"phase": "Creating a new replica"}), job, scope=PG))
    assert found.code == "PostgresClusterWaits"


def test_a_container_that_a_webhook_added_is_named_as_such():
    end = {"terminated": {"exitCode": 126, "reason": "Error", "finishedAt": stamp(30), "startedAt": stamp(31)}}
    status = {"name": "istio-validation", "ready": False, "restartCount": 4, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": end}
    injected = [{"name": "istio-validation", "image": "istio/proxyv2:1"}]
    web_pod = pod(status={"initContainerStatuses": [status]}, spec={"initContainers": injected})
    declaring = deployment()
    owner = replicaset()
    declaring["spec"]["template"] = owner["spec"]["template"] = {"spec": {"containers": [{"name": "it"}]}}
    (found,) = find(snapshot(declaring, owner, web_pod))
    assert found.code == "CrashLoop" and found.cause.startswith("container istio-validation, which the release does not declare (an admission webhook added it")


def test_a_claim_that_lost_its_volume_is_fatal():
    volume = {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]}
    claim = obj("PersistentVolumeClaim", "data", status={"phase": "Lost"})
    picture = snapshot(deployment(), replicaset(), pod(containers=[waits()], spec=volume), claim)
    assert ("ClaimLost", "PersistentVolumeClaim/data", FATAL) in [(c.code, c.object, c.certainty) for c in find(picture)]


def test_a_connection_that_cannot_be_encrypted_is_fatal():
    told = log_words.parse(said("x", OPEN, "error communicating with database: invalid peer certificate: UnknownIssuer"))
    assert told.code == "DatabaseTls" and told.certain


def test_a_default_of_a_limit_range_that_is_below_the_request_is_named():
    said = 'Error creating: Pod "web-1-b" is invalid: spec.containers[0].resources.requests: Invalid value: "32Mi": '
    said += "must be less than or equal to memory limit of 16Mi"
    refused = event("e", "web-1", "FailedCreate", said, kind="ReplicaSet")

    def told(**resources):
        owner = replicaset()
        owner["status"], owner["spec"]["template"] = {"replicas": 0}, {"spec": {"containers": [{"name": "it", "resources": resources}]}}
        web_1 = deployment()
        web_1["spec"]["template"] = owner["spec"]["template"]
        (found,) = find(snapshot(web_1, owner, refused, scope=Scope(("web",), (), "ns", "rel")))
        return found

    words = "; the pod template sets no limit for memory: a LimitRange of the namespace sets 16Mi as the default"
    assert told(requests={"memory": "32Mi"}).code == "ObjectInvalid" and told(requests={"memory": "32Mi"}).cause.endswith(words)
    assert "LimitRange" not in told(requests={"memory": "32Mi"}, limits={"memory": "16Mi"}).cause


def test_a_user_that_breaks_run_as_non_root_is_certain_at_once():
    said = waits("CreateContainerConfigError", 'container\'s runAsUser breaks non-root policy (pod: "web-1-a_ns(uid)", container: it)')
    (found,) = find(web(pod(containers=[said])))
    assert (found.code, found.certainty) == ("RunAsNonRoot", FATAL) and "runAsUser is 0 (root)" in found.cause


def test_a_webhook_with_an_unusable_answer_answers():
    said = 'failed calling webhook "w": received invalid webhook response: expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview'
    assert admission.classify(said)[1].startswith("webhook w answers with an error: ")
