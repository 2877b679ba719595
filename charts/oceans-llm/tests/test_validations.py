# SPDX-License-Identifier: GPL-3.0-or-later
"""What the chart says to values that are wrong together: one case per sentence, and the neighbours that must pass."""

from __future__ import annotations

import pytest
import yaml
from chart_lib import CHART, DATABASE, HelmError, at, merged, problems, refused, render
from hypothesis import given
from hypothesis import strategies as st

APP = at("secrets.existingSecret.name", "app")
CNPG = at("database.mode", "cloudnativepg")
STORE = {"externalSecrets": {"enabled": True, "secretStoreRef": {"name": "store"}, "data": [{"secretKey": "POSTGRES_URL"}]}}
ADMIN = at("gateway.config.auth.bootstrap_admin.enabled", True)
HPA = at("autoscaling.enabled", True)
CPU = at("scheduling.resources.requests.cpu", "1")

# name: (values on top of a working set, what the sentence has to name)
CONFIGMAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}"

WRONG: dict[str, tuple[dict, tuple[str, ...]]] = {
    "literal": (
        at("gateway.config.auth.bootstrap_admin.password", "literal.hunter2"),
        ("gateway.config.auth.bootstrap_admin.password", "literal.*", "env.NAME", "gateway.allowLiteralSecretsInConfig=true"),
    ),
    "token": (at("gateway.config.providers", [{"id": "o", "auth": {"token": "sk-proj-abc123def456"}}]), ("gateway.config.providers[0].auth.token", "API key")),
    "no database": (at("database.external.existingSecret.name", ""), ("POSTGRES_URL", "database.external.existingSecret.name")),
    "no provider key": (
        at("gateway.config.providers", [{"auth": {"token": "env.OPENAI_API_KEY"}}]),
        ("gateway.config.providers[0].auth.token", "env.OPENAI_API_KEY", "secrets.existingSecret.name"),
    ),
    "no store": (merged(STORE, at("externalSecrets.secretStoreRef.name", "")), ("externalSecrets.secretStoreRef.name",)),
    "no keys": (merged(STORE, at("externalSecrets.data", [])), ("externalSecrets.data", "externalSecrets.dataFrom")),
    "min over max": (merged(HPA, CPU, at("autoscaling.minReplicas", 11)), ("autoscaling.minReplicas (11)", "autoscaling.maxReplicas (10)")),
    "no metrics": (merged(HPA, CPU, at("autoscaling.metrics", [])), ("autoscaling.metrics",)),
    "no request": (HPA, ("cpu", "scheduling.resources.requests.cpu")),
    "no request in the sidecar": (merged(HPA, CPU, at("observability.sidecars", [{"name": "otel", "image": "i"}])), ('"otel"', "resources.requests.cpu")),
    "no limit": ({"podDisruptionBudget": {"enabled": True, "minAvailable": ""}}, ("podDisruptionBudget.minAvailable", "podDisruptionBudget.maxUnavailable")),
    "two limits": ({"podDisruptionBudget": {"enabled": True, "minAvailable": 2, "maxUnavailable": "50%"}}, ("minAvailable (2)", 'maxUnavailable ("50%")')),
    "port": (at("gateway.containerPort", 9090), ("gateway.config.server.bind", '"0.0.0.0:8080"', "gateway.containerPort is 9090")),
    "loopback": (at("gateway.config.server.bind", "127.0.0.1:8080"), ("127.0.0.1:8080", "0.0.0.0:8080")),
    "admin off": (merged(APP, at("bootstrapAdminJob.enabled", True)), ("gateway.config.auth.bootstrap_admin.enabled=true", "create no administrator")),
    "admin without password": (
        merged(APP, ADMIN, at("bootstrapAdminJob.enabled", True), at("gateway.config.auth.bootstrap_admin.password", None)),
        ("gateway.config.auth.bootstrap_admin.password=env.", 'password "admin"'),
    ),
    "admin without password, by another run": (
        merged(APP, ADMIN, at("gateway.config.auth.bootstrap_admin.password", None)),
        ("gateway.config.auth.bootstrap_admin.password=env.", 'password "admin"'),
    ),
    "admin with an empty password": (
        merged(APP, ADMIN, at("bootstrapAdminJob.enabled", True), at("gateway.config.auth.bootstrap_admin.password", "")),
        ("gateway.config.auth.bootstrap_admin.password", "never log in"),
    ),
    "admin's address taken": (
        merged(ADMIN, APP, at("gateway.config.users", [{"name": "a", "email": "x@y.z"}, {"name": "b", "email": "Admin@local"}])),
        ("gateway.config.users[1].email", "gateway.config.auth.bootstrap_admin.email"),
    ),
    "recovery of another database": (
        merged(CNPG, at("database.cloudnativepg.additionalSpec.bootstrap.recovery", {"source": "old", "database": "app", "owner": "oceans"})),
        ('bootstrap.recovery.database is "app"', "database.cloudnativepg.database"),
    ),
    "copy with another owner": (
        merged(CNPG, at("database.cloudnativepg.additionalSpec.bootstrap.pg_basebackup", {"source": "old", "owner": "app"})),
        ('bootstrap.pg_basebackup.owner is "app"', "database.cloudnativepg.owner"),
    ),
    "env twice": (at("gateway.extraEnv", [{"name": "POSTGRES_URL", "value": "x"}]), ("POSTGRES_URL", "the chart", "gateway.extraEnv")),
    "env twice by the user": (
        merged(at("gateway.extraEnv", [{"name": "A"}]), at("observability.env", [{"name": "A"}])),
        ("A", "observability.env", "gateway.extraEnv"),
    ),
    "env twice in the UI": (at("adminUi.extraEnv", [{"name": "PORT", "value": "1"}]), ("PORT", "adminUi.extraEnv")),
    "switch": (at("gateway.extraEnv", [{"name": "GATEWAY_RUN_MIGRATIONS", "value": "true"}]), ("GATEWAY_RUN_MIGRATIONS",)),
    "long cluster name": (merged(CNPG, at("database.cloudnativepg.clusterName", "p" * 51)), ("51 characters", "database.cloudnativepg.clusterName")),
    "early admin with a late database": (
        merged(CNPG, APP, ADMIN, {"bootstrapAdminJob": {"enabled": True, "hook": "pre-install"}}),
        ("bootstrapAdminJob.hook", "cloudnativepg", "post-install,post-upgrade"),
    ),
    "early seed with a late Secret": (merged(STORE, {"seedConfigJob": {"enabled": True, "hook": "pre-upgrade"}}), ("seedConfigJob.hook", "externalSecrets")),
    "nobody migrates": (
        merged(at("migrations.enabled", False), at("gateway.migrationWaiter.enabled", True)),
        ("gateway.migrationWaiter.enabled", "migrations.enabled=true"),
    ),
    "hook that never runs": (
        merged(at("migrations.hook", "test"), at("gateway.migrationWaiter.enabled", True)),
        ("migrations.hook", "neither on install nor on upgrade"),
    ),
    "hook that runs on upgrade only": (at("migrations.hook", "post-upgrade"), ("migrations.hook", "first install", "post-install")),
    "interval over time-out": (at("gateway.migrationWaiter.intervalSeconds", 600), ("gateway.migrationWaiter.intervalSeconds (600)", "timeoutSeconds (600)")),
    "deadline before the waiter": (
        at("rollout.progressDeadlineSeconds", 600),
        ("rollout.progressDeadlineSeconds (600)", "gateway.migrationWaiter.timeoutSeconds"),
    ),
    "deadline before ready": (
        merged(at("rollout", {"progressDeadlineSeconds": 5, "minReadySeconds": 5}), at("gateway.migrationWaiter.enabled", False)),
        ("rollout.progressDeadlineSeconds", "rollout.minReadySeconds"),
    ),
    "grace": (
        at("gateway", {"drain": {"timeoutSeconds": 120}, "terminationGracePeriodSeconds": 60}),
        ("gateway.terminationGracePeriodSeconds is 60", "130", "Leave the value empty"),
    ),
    "nothing may change": (at("rollout.strategy.rollingUpdate.maxSurge", 0), ("rollout.strategy.rollingUpdate.maxSurge",)),
    "selector label": (at("gateway.podLabels", {"app.kubernetes.io/component": "x"}), ("gateway.podLabels", "app.kubernetes.io/component")),
    "volume twice": (at("gateway.extraVolumes", [{"name": "gateway-config"}]), ('"gateway-config"', "gateway.extraVolumes")),
    "mounted twice": (
        at("gateway", {"extraVolumes": [{"name": "v"}], "extraVolumeMounts": [{"name": "v", "mountPath": "/app/gateway.yaml"}]}),
        ('"/app/gateway.yaml"', "gateway.extraVolumeMounts"),
    ),
    "no such volume": (at("adminUi.extraVolumeMounts", [{"name": "v", "mountPath": "/v"}]), ('"v"', "adminUi.extraVolumes")),
    "one name for two Secrets": (
        merged(at("secrets.inline", {"A": "b"}), at("secrets.existingSecret.name", "r-oceans-llm-env")),
        ("secrets.existingSecret.name is r-oceans-llm-env", "secrets.inline"),
    ),
    "no Gateway": ({"httpRoute": {"enabled": True}}, ("httpRoute.parentRefs",)),
    "two digests": (
        at("gateway.image", {"tag": f"v1@sha256:{'a' * 64}", "digest": f"sha256:{'b' * 64}"}),
        ("gateway.image.tag and gateway.image.digest",),
    ),
    "traffic policy of a ClusterIP": (at("service.gateway.externalTrafficPolicy", "Local"), ("service.gateway.externalTrafficPolicy", "LoadBalancer")),
    "class of a NodePort": (
        at("service.adminUi", {"type": "NodePort", "loadBalancerClass": "x"}),
        ("service.adminUi.loadBalancerClass", "service.adminUi.type is NodePort"),
    ),
    "port of a node without one": (at("service.gateway.nodePort", 30080), ("service.gateway.nodePort", "type is ClusterIP")),
    "networks of a NodePort": (
        at("service.gateway", {"type": "NodePort", "loadBalancerSourceRanges": ["10.0.0.0/8"]}),
        ("service.gateway.loadBalancerSourceRanges", "needs a Service of type LoadBalancer"),
    ),
    "spread of nobody's pods": (
        at("scheduling.topologySpreadConstraints", [{"maxSkew": 1, "topologyKey": "z", "labelSelector": {"matchLabels": {"app": "{{ .Release.Name }}"}}}]),
        ("topologySpreadConstraints[0].labelSelector", "matches no pod"),
    ),
    "two documents in one entry": (at("extraObjects", [f"{CONFIGMAP}\n---\n{CONFIGMAP}"]), ("extraObjects[0] is not a single object",)),
    "two extra objects of one name": (at("extraObjects", [CONFIGMAP, CONFIGMAP]), ("extraObjects[1] is a ConfigMap with the name of extraObjects[0]",)),
    "an extra object with the chart's name": (
        at("extraObjects", [{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "r-oceans-llm-gateway"}}]),
        ("extraObjects[0] is a Service with the name of the chart",),
    ),
    "sidecar with the gateway's name": (
        at("observability.sidecars", [{"name": "gateway", "image": "i"}]),
        ('"gateway" exists twice', "observability.sidecars"),
    ),
    "init container of a Job's name": (at("gateway.extraInitContainers", [{"name": "migrate", "image": "i"}]), ('"migrate" exists twice: from the chart',)),
    "one name for two containers": (
        merged(at("gateway.extraInitContainers", [{"name": "x", "image": "i"}]), at("observability.sidecars", [{"name": "x", "image": "i"}])),
        ('"x" exists twice: from gateway.extraInitContainers and in observability.sidecars',),
    ),
    "a label of the chart's on everything": (at("commonLabels", {"helm.sh/chart": "x"}), ("commonLabels", "helm.sh/chart")),
    "no request in a native sidecar": (
        merged(HPA, CPU, at("gateway.extraInitContainers", [{"name": "proxy", "image": "i", "restartPolicy": "Always"}])),
        ('"proxy"', "gateway.extraInitContainers"),
    ),
    "two databases": (
        at("database.external.parts", {"host": "h", "database": "d", "secret": {"name": "s"}}),
        ("database.external.existingSecret.name and database.external.parts.secret.name",),
    ),
    "no host of the database": (
        at("database.external", {"existingSecret": {"name": ""}, "parts": {"database": "d", "secret": {"name": "s"}}}),
        ("database.external.parts.host", "database.external.parts.secret.hostKey"),
    ),
    "parts without a login": (at("database.external.parts.host", "h"), ("database.external.parts.secret.name",)),
    "a CA that is not used": (
        at(
            "database.external",
            {"existingSecret": {"name": ""}, "parts": {"host": "h", "database": "d", "sslMode": "disable", "secret": {"name": "s"}, "ca": {"secretName": "c"}}},
        ),
        ("database.external.parts.sslMode is disable", "verify-full"),
    ),
    "direct host without parts": (at("database.external.migrations.host", "h"), ("database.external.migrations.existingSecret.name",)),
    "extra object without a name": (at("extraObjects", [{"apiVersion": "v1", "kind": "ConfigMap"}]), ("extraObjects[0]", "metadata.name")),
    "a list of extra objects": (
        at("extraObjects", [{"apiVersion": "v1", "kind": "List", "metadata": {"name": "l"}, "items": [{"kind": "Secret", "stringData": {"a": "hunter2"}}]}]),
        ("extraObjects[0]", "one object in each entry"),
    ),
    "extra Secret": (
        at("extraObjects", [{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "hunter2"}}]),
        ("extraObjects[0] is a Secret with values in it", "ExternalSecret"),
    ),
    "token in an extra object": (
        at("extraObjects", ['{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: "{{ printf "%s%s" "gh" "p_0123456789abcdef" }}"}}']),
        ("extraObjects[0].data.a looks like an access token",),
    ),
    "no host": ({"ingress": {"enabled": True}}, ("ingress.hosts",)),
}


@pytest.mark.parametrize("name", list(WRONG))
def test_wrong_together(name: str) -> None:
    values, words = WRONG[name]
    said = problems(merged(DATABASE, values))
    assert len(said) == 1, said
    for word in words:
        assert word in said[0]
    assert said[0].endswith(".") and len(said[0]) < 400


@pytest.mark.parametrize("name", ["literal", "no store", "port"])
def test_both_helms_say_the_same(name: str) -> None:
    values = merged(DATABASE, WRONG[name][0])
    assert problems(values, binary="helm3") == problems(values, binary="helm4")


def test_all_problems_are_said_at_once() -> None:
    said = problems(merged(DATABASE, *(WRONG[n][0] for n in ("literal", "port", "no store", "env twice", "no limit", "grace"))))
    assert len(said) == 6


RIGHT: dict[str, dict] = {
    "one document between marks": at("extraObjects", [f"# text\n---\n{CONFIGMAP}\ndata:\n  a: |\n    ---\n---\n"]),
    "literal in a sentence": at("gateway.config.teams", [{"name": "we say literal. and mean it"}]),
    "literal accepted": merged(at("gateway.config.x", "literal.y"), at("gateway.allowLiteralSecretsInConfig", True)),
    "URL without password": at("gateway.config.server.otel_endpoint", "http://user@otel:4317/path@x"),
    "URL with a port and an @ in its path": at("gateway.config.x", "http://host:8080/a@b"),
    "a model's name": at("gateway.config.models", [{"id": "sk-learn-helper", "routes": [{"provider": "p", "upstream_model": "gpt-4o-2024-08-06"}]}]),
    "names of secret things": at(
        "gateway.config.x",
        {
            "max_tokens": 4096,
            "token_url": "https://idp.example.com/token2/abcdef123456",
            "secret_name": "abc123def456ghi7",
            "password": "",
            "token": "changeme",
            "require_password_change": True,
            "api_key_header": "X-Api-Key-20240101",
        },
    ),
    "a hash": at(
        "gateway.config.x", {"sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "id": "5f2b6c1e-9a77-4a54-8a31-0d7c6f1e2b3c"}
    ),
    "an unused provider's reference": at("gateway.config.auth.oidc", {"enabled": False, "client_secret": "env.NOPE"}),
    "reference set by extraEnv": merged(at("gateway.config.x", "env.A"), at("gateway.extraEnv", [{"name": "A", "value": "1"}])),
    "reference in a Secret nobody can look into": merged(at("gateway.config.x", "env.A"), APP),
    "reference fetched from a store": merged(at("gateway.config.x", "env.A"), STORE, at("externalSecrets.data", [{"secretKey": "A"}])),
    "requests by limits": merged(HPA, at("scheduling.resources.limits.cpu", "1")),
    "other metrics need no requests": merged(HPA, at("autoscaling.metrics", [{"type": "External", "external": {}}])),
    "zero is a limit": {"podDisruptionBudget": {"enabled": True, "minAvailable": 0}},
    "one of two limits": {"podDisruptionBudget": {"enabled": True, "maxUnavailable": "25%"}},
    "the longest cluster name": merged(CNPG, at("database.cloudnativepg.clusterName", "p" * 50)),
    "seed Job migrates itself": merged(at("migrations.enabled", False), at("gateway.migrationWaiter.enabled", True), at("seedConfigJob.enabled", True)),
    "own preStop, own grace": at("gateway", {"terminationGracePeriodSeconds": 5, "lifecycle": {"preStop": {"exec": {"command": ["true"]}}}}),
    "bind from the environment": at("gateway", {"config": {"server": {"bind": "env.BIND"}}, "extraEnv": [{"name": "BIND", "value": "0.0.0.0:8080"}]}),
    "IPv6": at("gateway.config.server.bind", "[::]:8080"),
    "plain Jobs with a late database": merged(CNPG, APP, ADMIN, {"migrations": {"mode": "job"}, "bootstrapAdminJob": {"enabled": True, "hook": "pre-install"}}),
    "sealed values in an extra object": at(
        "extraObjects",
        [
            {
                "apiVersion": "bitnami.com/v1alpha1",
                "kind": "SealedSecret",
                "metadata": {"name": "s"},
                "spec": {"encryptedData": {"API_KEY": "AgBy3i4OJSWK+PiTySYZZA9rO43c"}},
            }
        ],
    ),
    "an init container that ends needs no request": merged(HPA, CPU, at("gateway.extraInitContainers", [{"name": "once", "image": "i"}])),
    "user's own /tmp": at("gateway", {"extraVolumes": [{"name": "t", "emptyDir": {}}], "extraVolumeMounts": [{"name": "t", "mountPath": "/tmp"}]}),
}


@pytest.mark.parametrize("name", list(RIGHT))
def test_right(name: str) -> None:
    assert render(merged(DATABASE, RIGHT[name]))


# Values that nobody must find in a ConfigMap, under a key that tells nothing.
PASTED = [
    "sk-abc123",
    "sk-ant-api03-Zz9_x",
    "sk_live_51Habcdef",
    "gwk_abcdefgh.secretpart",
    "ghp_0123456789abcdef",
    "github_pat_11ABCDEFG0123",
    "glpat-abcdefgh1234",
    "hf_abcdefghij",
    "gsk_abcdefgh12345",
    "xoxb-123456789012-abc",
    "AKIAIOSFODNN7EXAMPLE",
    "AIzaSyA-1234567890abcdefghijk",
    "ya29.a0AfH6SMBxyz123",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc",
    "Bearer abcdef123",
    "bearer  sometoken",
    "Basic dXNlcjpwYXNzd29yZA==",
    "-----BEGIN RSA PRIVATE KEY-----\nMII\n",
    "postgres://user:pw@host/db",
    "postgresql://u:p/w@h/d",
    "https://a:b@proxy.local",
    "redis://:pw@h:6379",
    "https://hooks.example.com/x?token=abcd1234",
    "see postgres://user:pw@host/db for more",
]


@pytest.mark.parametrize("value", PASTED)
def test_pasted_secret(value: str) -> None:
    said = refused(merged(DATABASE, at("gateway.config.anything", [{"note": value}])))
    assert "gateway.config.anything[0].note" in said
    assert value.strip() not in said and value[-8:].strip() not in said, "the value must not be told"


STRICT = ["database.url", "auth.bootstrap_admin.password", "budget_alerts.email.transport.password"]


@pytest.mark.parametrize("path", STRICT)
def test_plain_text_where_only_a_reference_works(path: str) -> None:
    said = refused(merged(DATABASE, at(f"gateway.config.{path}", "hunter2")))
    assert f"gateway.config.{path}" in said and "hunter2" not in said


@pytest.mark.parametrize(("section", "entry"), [("providers", {"auth": {"token": "hunter2"}}), ("service_accounts", {"keys": [{"value": "hunter2"}]})])
def test_plain_text_in_lists(section: str, entry: dict) -> None:
    said = refused(merged(DATABASE, at(f"gateway.config.{section}", [entry])))
    assert f"gateway.config.{section}[0]." in said and "hunter2" not in said


RANDOM = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=24, max_size=40).filter(
    lambda t: any(c.isdigit() for c in t) and any(c.isalpha() for c in t) and len(set(t)) >= 12
)


@given(value=RANDOM, key=st.sampled_from(["password", "client_secret", "api_key", "token", "smtp_password", "apiKey", "encryption_key", "access-key"]))
def test_random_text_in_a_secret_field_is_refused_and_not_told(value: str, key: str) -> None:
    said = refused(merged(DATABASE, at("gateway.config.mcp", {"deep": [{key: value}]})))
    assert f"gateway.config.mcp.deep[0].{key}" in said and value not in said


@given(
    value=st.text("abcdefghijklmnopqrstuvwxyz0123456789 .-", max_size=30).filter(lambda t: not t.startswith(("literal.", "env."))),
    key=st.sampled_from(["name", "description", "upstream_model", "base_path"]),
)
def test_ordinary_text_passes(value: str, key: str) -> None:
    if value.lstrip().startswith(("sk-", "hf_", "bearer ", "basic ")):
        return
    assert render(merged(DATABASE, at("gateway.config.teams", [{key: value}])))


def test_inline_secrets_may_hold_anything() -> None:
    assert render(at("secrets.inline", {"POSTGRES_URL": "postgres://u:p@h/d", "K": "literal.x"}))


def test_schema_speaks_before_the_validations() -> None:
    with pytest.raises(HelmError, match="additional properties 'gatway' not allowed"):
        render({"gatway": {}})


def test_ten_mistakes_are_told_at_once() -> None:
    mistakes = yaml.safe_load((CHART / "tests" / "ten-mistakes-values.yaml").read_text())
    said = problems(merged(DATABASE, mistakes))
    expected = (
        "auth.bootstrap_admin.password is a literal.* reference",
        "providers[0].auth.token looks like an API key",
        "env.NOPE",
        "gateway.containerPort is 9090",
        "create no administrator",
        "autoscaling.minReplicas (12)",
        "scheduling.resources.requests.cpu",
        "no limit",
        "rollout.progressDeadlineSeconds (300)",
        "GATEWAY_RUN_MIGRATIONS is set twice",
    )
    assert len(said) == len(expected) == 10
    for sentence, words in zip(said, expected, strict=True):
        assert words in sentence
    assert not any(secret in " ".join(said) for secret in ("hunter2", "4242"))
