# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of preflight over made-up pictures: each wrong thing has its code, its object, and nothing else is said."""

from __future__ import annotations

import base64
import copy
import datetime
import json
from dataclasses import replace

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.helm import chart as own_chart
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.releases import Release
from ansible_collections.oceans.llm.plugins.plugin_utils.preflight import rules
from ansible_collections.oceans.llm.plugins.plugin_utils.preflight.checks import (
    access,
    admission,
    chart,
    config,
    drain,
    platform,
    release,
    secrets,
    tools,
    variables,
)
from ansible_collections.oceans.llm.plugins.plugin_utils.preflight.checks import quota as quotas
from ansible_collections.oceans.llm.plugins.plugin_utils.preflight.facts import Denied, DryRun, Picture, Tools, Wanted
from ansible_collections.oceans.llm.plugins.plugin_utils.preflight.finding import Finding, settle, unused_waivers
from ansible_collections.oceans.llm.plugins.plugin_utils.secrets import plan

SCHEMA_OF_OURS = own_chart.schema(own_chart.own())
SERVICE_ACCOUNT = 'pods "x" is forbidden: error looking up service account ns/sa: serviceaccount "sa" not found'
RUNTIME_CLASS = 'pods "x" is forbidden: pod rejected: RuntimeClass "gvisor" not found'
PATTERN = "'v' does not match pattern '^x$'"
NOW = 1_800_000_000.0
STAMP = "2027-01-15T07:59:00Z"  # one minute before NOW


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def live_secret(name: str, **data: str) -> dict:
    return {"kind": "Secret", "metadata": {"name": name}, "data": {k: b64(v) for k, v in data.items()}}


def gateway(env: list | None = None, env_from: list | None = None, **spec) -> dict:
    container = {"name": "gateway", "image": "g", "env": env or [], "envFrom": env_from if env_from is not None else [{"secretRef": {"name": "s"}}]}
    template = {
        "metadata": {"labels": {"c": "gateway"}},
        "spec": {"containers": [container], "securityContext": {"runAsNonRoot": True, "runAsUser": 10001}, **spec},
    }
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "gw"}, "spec": {"replicas": 2, "template": template}}


def configuration(text: dict) -> dict:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"gateway.yaml": json.dumps(text)}}


GOOD = {"GATEWAY_IDENTITY_TOKEN_SECRET": "x" * 40, "POSTGRES_URL": "postgresql://u:p@h:5432/d"}
CONFIG = {"database": {"url": "env.POSTGRES_URL"}}


@pytest.fixture
def picture() -> Picture:
    """A picture that nothing is wrong with."""
    return Picture(
        wanted=Wanted("r", "ns", secrets_source="existing", secret_name="s"),
        tools=Tools("v4.2.4", "", "6.6.0"),
        server="https://api",
        now=NOW,
        objects=(gateway(), configuration(CONFIG)),
        variables=("oceans_llm_namespace",),
        known_variables=("oceans_llm_namespace", "oceans_llm_secrets_source"),
        namespace={"metadata": {"name": "ns"}, "status": {"phase": "Active"}},
        served={"apps/v1": frozenset({"Deployment"}), "v1": frozenset({"ConfigMap"})},
        groups=frozenset({"apps", "metrics.k8s.io"}),
        secrets={"s": live_secret("s", **GOOD)},
        ingress_classes=({"metadata": {"name": "nginx"}},),
        storage_classes=({"metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}},),
    )


def codes(findings) -> list[tuple[str, str]]:
    return [(f.code, f.object) for f in findings]


def test_nothing_is_wrong_with_what_is_right(picture):
    assert rules.check(picture) == []


# --- tools and variables ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (Tools("v4.2.1", "", "6.6.0"), "HelmVersion"),
        (Tools("v4.2.0", "", "6.6.0"), "HelmVersion"),
        (Tools("v3.17.9", "", "6.6.0"), "HelmVersion"),
        (Tools("v5.0.0", "", "6.6.0"), "HelmVersion"),
        (Tools("gibberish", "", "6.6.0"), "HelmVersion"),
        (Tools("v4.2.4", "", "6.4.0"), "KubernetesCore"),
        (Tools("v4.2.4", "", ""), "KubernetesCore"),
        (Tools("", "no helm program", "6.6.0"), "HelmMissing"),
    ],
)
def test_tools_that_cannot_do_it(picture, given, code):
    assert [f.code for f in tools.find(replace(picture, tools=given))] == [code]


def test_an_older_kubernetes_core_will_do_for_helm_3(picture):
    assert list(tools.find(replace(picture, tools=Tools("v3.21.4", "", "6.0.0")))) == []


def test_a_misspelt_variable_is_named_with_the_nearest_one(picture):
    (finding,) = variables.find(replace(picture, variables=("oceans_llm_secrets_sorce", "oceans_llm_hosts", "other")))
    assert finding.object == "oceans_llm_secrets_sorce" and "did you mean 'oceans_llm_secrets_source'?" in finding.sentence


KNOWN = ("auth", "chart", "config", "database_mode", "preflight_waive", "replicas", "secrets", "timeout", "values", "version")


@pytest.mark.parametrize(
    ("name", "severity"),
    [(n, "error") for n in ("replica", "conifg", "auht", "timout", "databse_mode", "preflight_waiv", "secret", "verson", "Values")]
    + [(n, "warning") for n in ("vault_path", "database_host", "domain", "team", "region", "x", "chart_mirror", "secrets_path", "environment")],
)
def test_a_variable_of_the_users_own_is_no_error(picture, name, severity):
    known = tuple(f"oceans_llm_{k}" for k in KNOWN)
    (finding,) = variables.find(replace(picture, variables=(f"oceans_llm_{name}",), known_variables=known))
    assert (finding.code, finding.severity) == ("UnknownVariable", severity)


@pytest.mark.parametrize(("name", "near"), [("replica_count", "replicas"), ("config_file", "config"), ("gateway_version", "version"), ("domain", "")])
def test_a_warning_names_the_variable_whose_word_the_name_has(picture, name, near):
    known = tuple(f"oceans_llm_{k}" for k in KNOWN)
    (finding,) = variables.find(replace(picture, variables=(f"oceans_llm_{name}",), known_variables=known))
    assert finding.severity == "warning" and finding.sentence.endswith(f"(did you mean 'oceans_llm_{near}'?)" if near else name)


def test_a_variable_that_another_one_makes_useless_is_named(picture):
    names = ("oceans_llm_secrets", "oceans_llm_external_secrets", "oceans_llm_cloudnativepg")
    given = replace(picture, given=names, wanted=replace(picture.wanted, secrets_source="provision"))
    assert [f.object for f in variables.find(given)] == ["oceans_llm_external_secrets", "oceans_llm_cloudnativepg"]
    elsewhere = replace(given, wanted=replace(given.wanted, secrets_source="external_secrets"), objects=(*picture.objects, CNPG))
    (finding,) = variables.find(elsewhere)
    assert (finding.severity, finding.object) == ("warning", "oceans_llm_secrets") and "oceans_llm_secrets_source: provision" in finding.hint
    assert not list(variables.find(replace(given, objects=()))), "of a chart that could not be rendered nothing is known"


# --- images ---------------------------------------------------------------------------------------------------------------

DIGEST = "sha256:" + "ab" * 32


def with_image(image: str, name: str = "gateway") -> dict:
    found = json.loads(json.dumps(gateway()))
    found["spec"]["template"]["spec"]["containers"][0] |= {"image": image, "name": name}
    return found


@pytest.mark.parametrize(
    "image", ["g", "ghcr.io/a/g:v1", "127.0.0.1:5000/a/g:v0.24.0", f"r.example/a/g:v1@{DIGEST}", f"a/b@{DIGEST}", "r/a_b/c-d.e:2025.11.28_x"]
)
def test_images_that_a_registry_can_answer(picture, image):
    assert list(chart.find(replace(picture, objects=(with_image(image),)))) == []


@pytest.mark.parametrize(
    "image", ["r.example/a/g:v1:v2", "g:v1@sha256:abc", "g:@sha256:" + "a" * 64, "g:", "G/a:v1 ", "https://r.example/g:v1", "g:v1@sha256:" + "X" * 64]
)
def test_images_that_no_registry_can_answer(picture, image):
    assert [f.code for f in chart.find(replace(picture, objects=(with_image(image),)))] == ["ImageNameInvalid"]


def test_one_digest_for_two_images_is_refused(picture):
    one, other = with_image(f"r/gateway:v1@{DIGEST}"), with_image(f"r/admin-ui:v1@{DIGEST}", "admin-ui")
    assert [f.code for f in chart.find(replace(picture, objects=(one, one, other)))] == ["DigestOfTwoImages"]


# --- access ---------------------------------------------------------------------------------------------------------------


def test_a_cluster_that_does_not_answer_is_the_only_thing_said_of_it(picture):
    (finding,) = access.find(replace(picture, unreachable="the API server x does not answer: refused", namespace=None, denied=(Denied("get", "pods", "w"),)))
    assert finding.code == "ClusterUnreachable" and "nothing was changed" in finding.sentence


def test_a_namespace_that_is_going_away_says_since_when_and_why(picture):
    going = {"metadata": {"deletionTimestamp": STAMP}, "status": {"phase": "Terminating", "conditions": [{"status": "True", "message": "finalizers remain"}]}}
    (finding,) = access.find(replace(picture, namespace=going))
    assert finding.code == "NamespaceTerminating" and "60 s" in finding.sentence and "finalizers remain" in finding.sentence


def test_a_missing_namespace_is_fine_only_when_it_will_be_made(picture):
    missing = replace(picture, namespace=None)
    assert codes(access.find(missing)) == [("NamespaceMissing", "Namespace/ns")]
    assert codes(access.find(replace(missing, wanted=replace(missing.wanted, create_namespace=True)))) == []
    assert codes(access.find(replace(missing, namespace_known=False))) == []


def test_missing_rights_are_gathered_by_resource(picture):
    denied = (Denied("create", "jobs", "why"), Denied("delete", "jobs", "why"), Denied("get", "pods/log", "other"))
    found = list(access.find(replace(picture, denied=denied)))
    assert codes(found) == [("NotAllowed", "jobs"), ("NotAllowed", "pods/log")] and "create, delete jobs" in found[0].sentence


# --- the chart's own refusals -----------------------------------------------------------------------------------------------

SCHEMA = """values don't meet the specifications of the schema(s) in the following chart(s):
oceans-llm:
- at '': additional properties 'gatway' not allowed
- at '/gateway': additional properties 'replicas' not allowed
- at '/gateway/replicaCount': got string, want integer
"""


def test_schema_violations_are_taken_apart_with_the_nearest_key(picture):
    values = {"gateway": {"replicaCount": 1, "image": {}}, "adminUi": {}}
    found = list(chart.find(replace(picture, chart_errors=(SCHEMA,), chart_values=values)))
    assert codes(found) == [("UnknownValue", "values gatway"), ("UnknownValue", "values gateway.replicas"), ("InvalidValue", "values gateway.replicaCount")]
    assert "did you mean 'gateway'?" in found[0].sentence and "the chart has gateway.replicaCount" in found[1].sentence


@pytest.mark.parametrize(
    ("url", "code", "says"),
    [
        ("api.openai.com/v1", "GatewayConfigInvalid", "begins with https://"),
        ("https://api.openai.com/v1\n", "GatewayConfigInvalid", "whitespace"),
        ("http://localhost:11434/v1", "ProviderAddressWrong", "own pod"),
        ("http://127.0.0.1/v1", "ProviderAddressWrong", "own pod"),
        ("https://localhost.example/v1", "", ""),
        ("https://api.openai.com", "", ""),
    ],
)
def test_the_address_of_a_provider(picture, url, code, says):
    providers = {**CONFIG, "providers": [{"id": "o", "type": "openai_compat", "base_url": url}]}
    found = list(config.find(replace(picture, objects=(gateway(), configuration(providers)))))
    assert codes(found) == ([(code, "config providers[0].base_url")] if code else []) and all(says in f.sentence for f in found)
    beside = gateway(initContainers=[{"name": "wait"}, {"name": "ollama", "restartPolicy": "Always"}])
    assert "ProviderAddressWrong" not in [f.code for f in config.find(replace(picture, objects=(beside, configuration(providers))))]


def test_two_entries_of_one_id_are_a_warning(picture):
    routes = [{"provider": "o", "upstream_model": "u"}]
    twice = {**CONFIG, "models": [{"id": "m", "routes": routes}] * 2, "providers": [{"id": "o", "type": "aws_bedrock"}] * 2}
    found = list(config.find(replace(picture, objects=(gateway(), configuration(twice)))))
    assert [(f.object, f.severity) for f in found] == [("config providers", "warning"), ("config models", "warning")]
    assert "2 entries with the id 'o'" in found[0].sentence


def test_a_violation_says_how_to_write_it_and_is_said_once(picture):
    text = """values don't meet the specifications of the schema(s) in the following chart(s):
oceans-llm:
- at '': additional properties 'gateway.replicaCount', 'resources' not allowed
- at '/gateway/podAnnotations': validation failed
  - at '/gateway/podAnnotations/prometheus.io~1port': got number, want string
- at '/gateway/extraEnv': got object, want null or array
"""
    follows = "level=INFO msg=x Error: template: oceans-llm/templates/x.yaml:1:2: error calling include: wrong type for value"
    values = {"gateway": {"replicaCount": 1}, "scheduling": {"resources": {}}, "adminUi": {"resources": {}}}
    found = list(chart.find(replace(picture, chart_errors=(text, follows), chart_values=values)))
    assert codes(found) == [
        ("UnknownValue", "values gateway.replicaCount"),
        ("UnknownValue", "values resources"),
        ("InvalidValue", "values gateway.podAnnotations.prometheus.io/port"),
        ("InvalidValue", "values gateway.extraEnv"),
    ]
    assert "gateway: {replicaCount: …}" in found[0].hint and found[1].sentence.endswith("; the chart has scheduling.resources")
    assert "in quotes" in found[2].hint and "as a list" in found[3].hint


@pytest.mark.parametrize(
    ("at", "name", "end"),
    [
        ("/networkPolicy", "ingress", "; the chart has networkPolicy.gatewayFrom"),
        ("/service/gateway", "loadBalancerIP", "an annotation of their own"),
        ("/gateway", "serviceAccountName", "; the chart has serviceAccount.name"),
        ("", "extraLabels", "; the chart has commonLabels"),
        ("", "annotations", "; the chart has commonAnnotations"),
        ("", "metrics", "otel_endpoint receives all metrics of the gateway"),
        ("", "postgresql", "; the chart has database"),
        ("", "proxy_config", "; the chart has gateway.config"),
        ("", "extraDeploy", "; the chart has extraObjects"),
        ("/autoscaling", "min", "(did you mean 'minReplicas'?)"),
        ("/httpRoute", "rules", "extraObjects for further routes"),
        ("/gateway/image", "registry", "; the chart has global.imageRegistry"),
        ("/adminUi/image", "pullSecrets", "; the chart has imagePullSecrets"),
        ("/database/external/parts", "password", "the Secret with user and password"),
        ("/database/external/parts", "user", "the Secret with user and password"),
    ],
)
def test_a_key_of_another_chart_is_told_where_this_one_has_it(picture, at, name, end):
    text = f"values don't meet the specifications of the schema(s) in the following chart(s):\nx:\n- at '{at}': additional properties '{name}' not allowed\n"
    (finding,) = chart.find(replace(picture, chart_errors=(text,), chart_values=own_chart.defaults(own_chart.own()), chart_schema=SCHEMA_OF_OURS))
    assert finding.code == "UnknownValue" and finding.sentence.endswith(end)


@pytest.mark.parametrize(
    ("at", "what", "hint"),
    [
        ("/scheduling/resources/limits/memory", PATTERN, "such as 512Mi"),
        ("/scheduling/resources/limits/memory", "minimum: got 512, want 1.048576×10⁰⁶", "512 is bytes"),
        ("/scheduling/resources/requests/cpu", PATTERN, "500m"),
        ("/externalSecrets/refreshInterval", PATTERN, "24h"),
        ("/ingress/hosts/0/host", PATTERN, "without scheme and port"),
        ("/ingress/hosts/0/paths/0/path", PATTERN, "path that begins with /"),
        ("/route/host", "'anyOf' failed", "without scheme and port"),
        ("/commonLabels/team", PATTERN, "at most 63"),
        ("/networkPolicy/apiServerCidrs/0", PATTERN, "10.0.0.1/32"),
        ("/migrations/hook", PATTERN, "migrations.mode: job"),
        ("/httpRoute/timeouts/request", "got number, want null or string", "15m or 1h30m"),
        ("/gateway/image/repository", PATTERN, "without a tag"),
        ("/gateway/podAnnotations/a", "got null, want string", "in quotes"),
        ("/migrations/backoffLimit", "minimum: got -1, want 0", "set the value to 0 or more"),
        ("/ingress/hosts/0/paths/0/pathType", "value must be one of 'Exact', 'Prefix'", "one of these"),
        ("/ingress/className", "got object, want null or string", "write one text in oceans_llm_ingress"),
        ("/database/external/parts/port", "'anyOf' failed", "without quotes"),
        ("/adminUi", "missing property 'replicaCount'", "null removes"),
    ],
)
def test_a_violation_is_told_as_the_form_that_the_schema_describes(picture, at, what, hint):
    text = f"values don't meet the specifications of the schema(s) in the following chart(s):\nx:\n- at '{at}': {what}\n"
    (finding,) = chart.find(replace(picture, chart_errors=(text,), chart_schema=SCHEMA_OF_OURS))
    assert finding.code == "InvalidValue" and hint in finding.hint and "^x$" not in finding.line()


def test_a_map_that_is_something_else_is_told_once_wherever_a_template_trips(picture):
    note = 'level=INFO msg="warning: cannot overwrite table with non table for oceans-llm.gateway.config.server (map[bind:x])" Error: template: x/{}.yaml:1'
    found = settle(chart.find(replace(picture, chart_errors=(note.format("a"), note.format("b")))), ())
    assert codes(found) == [("InvalidValue", "values gateway.config.server")] and "as a map" in found[0].hint


def test_what_fits_none_of_several_forms_is_one_finding(picture):
    at = "at '/podDisruptionBudget/minAvailable'"
    lines = f"- {at}: 'anyOf' failed\n  - {at}: got string, want integer\n  - {at}: '50 %' does not match pattern '^x$'\n  - {at}: got string, want null\n"
    text = f"values don't meet the specifications of the schema(s) in the following chart(s):\nx:\n{lines}"
    (finding,) = chart.find(replace(picture, chart_errors=(text,), chart_schema=SCHEMA_OF_OURS))
    assert finding.object == "values podDisruptionBudget.minAvailable" and '"30%"' in finding.hint


@pytest.mark.parametrize(
    ("path", "name", "told"),
    [
        ("", "livenessProbe", "the chart has probes.gateway.liveness"),
        ("", "pdb", "the chart has podDisruptionBudget"),
        ("gateway", "resources", "the chart has scheduling.resources"),
        ("gateway", "ingress", "the chart has ingress"),
        ("gateway", "extraEnvVars", "the chart has gateway.extraEnv"),
        ("adminUi", "extraEnvs", "did you mean 'extraEnv'?"),
        ("autoscaling", "targetCPUUtilizationPercentage", "the chart has autoscaling.metrics"),
        ("database.cloudnativepg", "persistence", "the chart has database.cloudnativepg.storage"),
        ("database.cloudnativepg", "instanses", "did you mean 'instances'?"),
        ("database.cloudnativepg", "imageName", "database.cloudnativepg.additionalSpec"),
        ("service", "port", "the chart has service.adminUi.port, service.gateway.port"),
        ("scheduling.resources", "limit", "did you mean 'limits'?"),
        ("scheduling.resources.limits", "mem", "did you mean 'memory'?"),
        ("", "tolerations", "the chart has scheduling.tolerations"),
    ],
)
def test_a_key_of_another_chart_is_told_with_its_place_here(picture, path, name, told):
    at = path.replace(".", "/")
    text = f"values don't meet the specifications of the schema(s) in the following chart(s):\nx:\n- at '/{at}': additional properties '{name}' not allowed\n"
    values = own_chart.defaults(own_chart.own())
    (finding,) = chart.find(replace(picture, chart_errors=(text,), chart_values=values, chart_schema=SCHEMA_OF_OURS))
    assert finding.sentence.endswith(told) or finding.sentence.endswith(f"({told})"), finding.sentence


@pytest.mark.parametrize(
    ("at", "what", "hint"),
    [
        ("/httpRoute", "additional properties 'parentRef' not allowed", "correct the key in oceans_llm_http_route or oceans_llm_values"),
        ("/httpRoute/timeouts/request", "got number, want null or string", "write in oceans_llm_http_route or oceans_llm_values: "),
        ("/commonLabels/team", PATTERN, "write in oceans_llm_common_labels or oceans_llm_values: "),
        ("/gateway/extraEnv", "got object, want null or array", "write the value as a list (- …) in oceans_llm_extra_env or oceans_llm_values"),
        ("/autoscaling/minReplicas", "minimum: got 0, want 1", "or more in oceans_llm_autoscaling or oceans_llm_values"),
    ],
)
def test_a_hint_about_a_chart_value_names_the_variable_that_sets_it(picture, at, what, hint):
    text = f"values don't meet the specifications of the schema(s) in the following chart(s):\nx:\n- at '{at}': {what}\n"
    (finding,) = chart.find(replace(picture, chart_errors=(text,), chart_schema=SCHEMA_OF_OURS))
    assert hint in finding.hint


def test_numbered_refusals_become_one_finding_each(picture):
    text = "\n\n2 problems in the values of oceans-llm:\n  1. gateway.config.a.b is a URL with a password. Write env.NAME.\n  2. Something else. Do this.\n"
    assert codes(chart.find(replace(picture, chart_errors=(text,)))) == [("ChartRefused", "values gateway.config.a.b"), ("ChartRefused", "chart")]


def test_what_the_chart_has_said_is_not_said_again(picture):
    refused = "  1. gateway.config.auth.x.token is a pasted secret. Write env.NAME.\n"
    wrong = replace(picture, objects=(gateway(), configuration({**CONFIG, "auth": {"x": {"token": "sk-abcdefgh"}}})))
    assert "SecretInConfig" in [f.code for f in rules.check(wrong)]
    assert "SecretInConfig" not in [f.code for f in rules.check(replace(wrong, chart_errors=(refused,)))]


# --- configuration --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("database.url", {"database": {"url": "POSTGRES_URL"}}),
        ("auth.oidc.public_base_url", {"auth": {"oidc": {"public_base_url": "https://gateway.example"}}}),
        ("mcp.oauth.providers[0].client_id", {"mcp": {"oauth": {"providers": [{"client_id": "it"}]}}}),
        ("providers[1].auth.token", {"providers": [{"type": "gcp_vertex"}, {"type": "openai_compat", "auth": {"kind": "bearer", "token": "short"}}]}),
        ("service_accounts[0].keys[0].value", {"service_accounts": [{"keys": [{"value": "env"}]}]}),
    ],
)
def test_a_field_that_takes_a_reference_only(path, given):
    (finding,) = config.plain(given, ())
    assert (finding.code, finding.object) == ("GatewayConfigInvalid", f"config {path}") and "env.NAME" in finding.hint


def test_a_field_that_takes_a_reference_may_have_one_and_is_not_named_twice(picture):
    given = {"database": {"url": "env.POSTGRES_URL"}, "auth": {"bootstrap_admin": {"password": "x"}, "oidc": {"public_base_url": "literal.https://g"}}}
    assert list(config.plain(given, ())) == [], "an administrator that is not wanted needs no password"
    pasted = replace(picture, objects=(gateway(), configuration({"database": {"url": "postgres://u:pw@h/d"}})))
    assert codes(config.find(pasted)) == [("SecretInConfig", "config database.url")]


PROVIDER = {"id": "o", "type": "openai_compat", "base_url": "https://api.example/v1"}


@pytest.mark.parametrize(
    ("path", "told", "given"),
    [
        ("providers[0].base_url", "missing (did you mean 'baseUrl'?)", {"providers": [{"id": "o", "type": "openai_compat", "baseUrl": "https://a/v1"}]}),
        ("providers[0].id", "missing", {"providers": [{**PROVIDER, "id": None}]}),
        ("providers[0].type", "missing", {"providers": [{"id": "o"}]}),
        ("models[0].id", "missing", {"models": [{"routes": [{"provider": "o", "upstream_model": "u"}]}]}),
        ("models[0]", "neither routes nor alias_of", {"models": [{"id": "m"}]}),
        ("models[0].alias_of", "in a circle: m → m", {"models": [{"id": "m", "alias_of": "m"}]}),
        ("models[0].routes[0].upstream_model", "missing", {"models": [{"id": "m", "routes": [{"provider": "o"}]}]}),
        ("teams", "2 entries with the id 'a'", {"teams": [{"id": "a", "name": "A"}, {"id": "a", "name": "B"}]}),
        ("service_accounts[0].budget", "missing", {"teams": [{"id": "a", "name": "A"}], "service_accounts": [{"id": "s", "team": "a"}]}),
        ("service_accounts[0].team", "no team 'b'", {"service_accounts": [{"id": "s", "team": "b", "budget": {}}]}),
        ("users", "email 'a@b'", {"users": [{"name": "A", "email": e, "auth_mode": "password"} for e in ("a@b", "A@b")]}),
    ],
)
def test_an_entry_that_the_gateway_cannot_read_is_told_before_its_first_start(path, told, given):
    found = {f.object: f.sentence for f in config.entries(given)}
    assert told in found.pop(f"config {path}") and found == {} if path != "service_accounts[0].budget" else told in found[f"config {path}"]


def test_entries_that_are_complete_are_in_order():
    given = {
        "providers": [PROVIDER, {"id": "v", "type": "gcp_vertex"}],
        "models": [{"id": "m", "routes": [{"provider": "o", "upstream_model": "u"}]}, {"id": "n", "alias_of": "m"}, {"id": "k", "alias_of": "n"}],
        "teams": [{"id": "a", "name": "A"}],
        "service_accounts": [{"id": "s", "name": "S", "team": "a", "budget": {"cadence": "monthly"}}],
        "users": [{"name": "A", "email": "a@b", "auth_mode": "password"}],
    }
    assert list(config.entries(given)) == []


@pytest.mark.parametrize(
    ("section", "field", "wrong", "right"),
    [
        ("server", "bind", (":8080", "0.0.0.0", "8080", "gateway:8080"), ("0.0.0.0:8080", "[::]:8080", "env.BIND")),
        ("server", "log_format", ("text", "JSON"), ("json", "pretty")),
        ("server", "otel_endpoint", ("collector:4317", "https://c:4317", "http://c:4318"), ("http://c.ns.svc:4317", "http://c")),
        ("server", "otel_trace_sample_ratio", (10, "0.5", True), (0, 0.25, 1)),
        ("server", "otel_export_interval_secs", ("30s", 0, 30000), (15,)),
        ("database", "kind", ("postgresql", "pg", "sqlite"), ("postgres",)),
        ("auth.bootstrap_admin", "enabled", ("true", 1), (True, False)),
        ("database", "max_connections", ("10", 0, 2.5), (10,)),
    ],
)
def test_a_field_of_another_form_or_unit_is_told_once(section, field, wrong, right):
    def within(value: object) -> dict:
        held: dict = {field: value}
        for part in reversed(section.split(".")):
            held = {part: held}
        return held

    for value in wrong:
        (finding,) = config.fields(within(value))
        assert (finding.code, finding.object) == ("GatewayConfigInvalid", f"config {section}.{field}")
    assert [list(config.fields(within(value))) for value in right] == [[]] * len(right)


def test_the_routes_of_a_model_are_a_list():
    found = list(config.kinds({"models": [{"id": "m", "routes": {"provider": "o", "upstream_model": "u"}}]}))
    assert codes(found) == [("GatewayConfigInvalid", "config models[0].routes")] and "must be a list" in found[0].sentence


def test_a_providers_auth_is_a_map():
    found = list(config.kinds({"providers": [{**PROVIDER, "auth": "env.KEY"}]}))
    assert codes(found) == [("GatewayConfigInvalid", "config providers[0].auth")] and "must be a map" in found[0].sentence


@pytest.mark.parametrize(
    "url", ["https://api.openai.com/v1/chat/completions", "http://host.docker.internal:11434/v1", "https://a.example/openai?api-version=1"]
)
def test_an_address_at_which_no_pod_finds_the_provider(picture, url):
    (finding,) = config.addresses({"providers": [{**PROVIDER, "base_url": url}]}, picture)
    assert finding.code == "ProviderAddressWrong"


@pytest.mark.parametrize(
    "value",
    [
        "literal.hunter2",
        "postgres://u:hunter2@h/d",
        "sk-proj-abcdefgh",
        "gwk_abc.def",
        "ghp_" + "a" * 20,
        "xoxb-12345678",
        "AKIA" + "A" * 16,
        "eyJhbGciOiJI.eyJzdWIiOiIx.c2ln",
        "-----BEGIN RSA PRIVATE KEY-----",
    ],
)
def test_a_pasted_secret_is_found_by_its_path_and_never_shown(value):
    (finding,) = config.pasted({"providers": [{"base_url": value}]})
    assert finding.code == "SecretInConfig" and finding.object == "config providers[0].base_url"
    assert value not in finding.line() and "hunter2" not in finding.line()


def test_a_url_that_the_chart_made_of_refused_values_is_not_told_a_second_time(picture):
    made = gateway([{"name": "POSTGRES_URL", "value": "postgresql://[db.example.com:5432]:5432/d"}])
    given = replace(picture, objects=(made, configuration(CONFIG)))
    assert "SecretNotUrl" in [f.code for f in secrets.find(given)]
    assert "SecretNotUrl" not in [f.code for f in secrets.find(replace(given, chart_errors=("values don't meet the specifications of the schema(s)",)))]


@pytest.mark.parametrize("value", ["os.environ/OPENAI_API_KEY", "${OPENAI_API_KEY}"])
def test_a_reference_of_another_program_is_told_in_the_gateways_form(value):
    (finding,) = config.pasted({"providers": [{"auth": {"token": value}}]})
    assert finding.code == "GatewayConfigInvalid" and value in finding.sentence and finding.hint == "write env.OPENAI_API_KEY"
    (finding,) = config.pasted({"providers": [{"auth": {"token": "$PASSWORD1"}}]})
    assert finding.code == "SecretInConfig" and "PASSWORD1" not in finding.line(), "a password may begin with a dollar sign"


def test_plain_text_in_a_field_for_a_secret_is_found():
    assert codes(config.pasted({"auth": {"bootstrap_admin": {"password": "correct horse battery"}}})) == [
        ("SecretInConfig", "config auth.bootstrap_admin.password")
    ]


@pytest.mark.parametrize(
    "text",
    [
        {"models": [{"id": "literal-model"}]},
        {"a": {"token": "env.X"}},
        {"server": {"otel_endpoint": "http://collector:4317"}},
        {"database": {"url": "postgres://h/d"}},
        {"a": {"max_tokens": 5}},
    ],
)
def test_innocent_text_is_left_alone(text):
    assert list(config.pasted(text)) == []


def test_what_validation_lets_pass():
    text = {
        "auth": {"seed_api_keys": []},
        "providers": [{"id": "a", "type": "opnai_compat"}],
        "models": [{"id": "m", "routes": [{"provider": "b"}]}, {"id": "n", "alias_of": "o"}],
        "sever": {},
    }
    assert codes(config.structure(text)) == [
        ("ConfigUnknown", "config sever"),
        ("GatewayConfigInvalid", "config auth.seed_api_keys"),
        ("GatewayConfigInvalid", "config providers[0].type"),
        ("GatewayConfigInvalid", "config models[0].routes[0].provider"),
        ("GatewayConfigInvalid", "config models[1].alias_of"),
    ]


def test_a_bootstrap_that_would_do_nothing(picture):
    assert codes(config.bootstrap({}, wanted=True)) == [("BootstrapDisabled", "config auth.bootstrap_admin.enabled")]
    assert codes(config.bootstrap({"auth": {"bootstrap_admin": {"enabled": True, "email": "a@b"}}}, wanted=True)) == [
        ("BootstrapIncomplete", "config auth.bootstrap_admin.password")
    ]
    assert list(config.bootstrap({}, wanted=False)) == []


def admin(**section) -> dict:
    return {"auth": {"bootstrap_admin": section}}


@pytest.mark.parametrize(("wanted", "a_job", "severity"), [(True, False, "error"), (False, True, "error"), (False, False, "warning")])
def test_an_administrator_with_the_public_password(wanted, a_job, severity):
    (finding,) = config.bootstrap(admin(enabled=True, password=None), wanted, a_job)
    assert (finding.code, finding.severity) == ("BootstrapIncomplete", severity)
    assert "anyone could log in as admin@local with admin" in finding.sentence


def test_an_email_that_is_left_out_is_the_programs_default():
    assert list(config.bootstrap(admin(enabled=True, password="env.X"), wanted=True)) == []


@pytest.mark.parametrize(
    ("section", "email", "refused"),
    [
        ({"enabled": True, "email": "A@b.example", "password": "env.X"}, "a@B.example", True),
        ({"enabled": True, "password": "env.X"}, "admin@local", True),
        ({"enabled": False, "email": "a@b.example"}, "a@b.example", False),
        ({"enabled": True, "email": "a@b.example", "password": "env.X"}, "other@b.example", False),
    ],
)
def test_the_administrators_address_is_reserved(section, email, refused):
    found = codes(config.bootstrap({**admin(**section), "users": ["no map", {"name": "u", "email": email}]}, wanted=False))
    assert found == ([("GatewayConfigInvalid", "config users[1].email")] if refused else [])


def of_config(picture, text: dict) -> list[tuple[str, str]]:
    return codes(config.find(replace(picture, objects=(gateway(), configuration({**CONFIG, **text})))))


@pytest.mark.parametrize("value", ["/run/secrets/copilot-app-private-key.pem", "./copilot.pem", "/etc/keys/app", "env.POSTGRES_URL"])
def test_a_key_of_github_copilot_may_be_a_file(picture, value):
    assert of_config(picture, {"providers": [{"id": "c", "type": "github_copilot", "auth": {"kind": "app", "private_key": value}}]}) == []


def test_user_and_password_of_the_mail_server_are_references_and_come_together(picture):
    where = "config budget_alerts.email.transport."

    def mail(**transport):
        return {"budget_alerts": {"email": {"transport": transport}}}

    assert of_config(picture, mail(username="mailer", password="env.POSTGRES_URL")) == [("GatewayConfigInvalid", where + "username")]
    assert of_config(picture, mail(username="env.POSTGRES_URL")) == [("GatewayConfigInvalid", where + "password")]
    assert of_config(picture, mail()) == of_config(picture, mail(username="env.POSTGRES_URL", password="env.POSTGRES_URL")) == []


def test_the_client_secret_of_a_provider_that_is_switched_off_is_not_asked_for(picture):
    def oidc(enabled):
        return {"auth": {"oidc": {"providers": [{"id": "x", "enabled": enabled, "client_secret": "env.NOPE"}]}}}

    assert of_config(picture, oidc(False)) == []
    assert of_config(picture, oidc(True)) == [("GatewayVariableMissing", "config auth.oidc.providers[0].client_secret")]
    off = {"auth": {"oauth": {"providers": [{"id": "x", "enabled": False, "client_secret": "abc"}]}}}
    assert of_config(picture, off) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("providers[0].default_headers.x", {"providers": [{**PROVIDER, "default_headers": {"x": "env.NOPE"}}]}),
        ("providers[0].base_url", {"providers": [{"id": "a", "type": "openai_compat", "base_url": "env.POSTGRES_URL"}]}),
        ("providers[0].project_id", {"providers": [{"id": "a", "type": "gcp_vertex", "project_id": "env.PROJECT"}]}),
        ("server.otel_endpoint", {"server": {"otel_endpoint": "env.OTEL"}}),
        ("auth.oidc.providers[0].client_id", {"auth": {"oidc": {"providers": [{"client_id": "env.ID", "client_secret": "env.POSTGRES_URL"}]}}}),
    ],
)
def test_a_reference_where_the_gateway_resolves_none(picture, path, text):
    (finding,) = config.find(replace(picture, objects=(gateway(), configuration({**CONFIG, **text}))))
    assert (finding.code, finding.object, finding.severity) == ("ReferenceNotResolved", f"config {path}", "warning")


def test_fields_that_take_a_reference_or_text(picture):
    for value in ("env.POSTGRES_URL", "plain-id"):
        assert of_config(picture, {"auth": {"oauth": {"providers": [{"client_id": value, "client_secret": "env.POSTGRES_URL"}]}}}) == []
        assert of_config(picture, {"mcp": {"oauth": {"public_base_url": value}}}) == []


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"providers": {"openai": {"type": "openai_compat"}}}, "config providers is a map and must be a list"),
        ({"providers": ["openai"]}, "config providers[0] is text and must be a map"),
        ({"models": [{"id": 4.1}]}, "config models[0].id is a number and must be text"),
        ({"models": [{"id": "m", "routes": [{"provider": "p", "upstream_model": 4.1}]}]}, "config models[0].routes[0].upstream_model is a number"),
        ({"server": {"bind": 8080}}, "config server.bind is a number and must be text"),
        ({"auth": [1]}, "config auth is a list and must be a map"),
        ({"users": "ann"}, "config users is text and must be a list"),
    ],
)
def test_a_part_of_the_configuration_of_another_type_is_named(given, says):
    found = list(config.kinds(given))
    assert [f.code for f in found] == ["GatewayConfigInvalid"] and says in found[0].line().replace(":", "", 1)


def test_a_configuration_as_the_gateway_reads_it():
    assert list(config.kinds({"providers": [{"id": "p"}], "models": None, "server": {"bind": "0.0.0.0:8080"}, "x-own": 1})) == []


@pytest.mark.parametrize(
    ("value", "told"),
    [("1e-7", True), ("1E5", True), (".5e3", True), ("-2e10", True), ("1.5e3", True), (1e-7, False), ("v1e7", False), ("12", False), ("1.0e-7", False)],
)
def test_a_text_that_looks_like_a_number(picture, value, told):
    text = {**CONFIG, "models": [{"id": "m", "routes": [{"provider": "v", "upstream_model": "u"}], "cost": {"input_cost_per_token": value}}]}
    text["providers"] = [{"id": "v", "type": "gcp_vertex"}]
    wanted = replace(picture.wanted, config=text)
    found = codes(config.find(replace(picture, wanted=wanted, objects=(gateway(), configuration(text)))))
    assert found == ([("NumberAsText", "config models[0].cost.input_cost_per_token")] if told else [])


def test_a_variable_that_the_gateway_does_not_read(picture):
    given = replace(picture, objects=(gateway([{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://c:4317"}]), configuration(CONFIG)))
    assert codes(config.find(given)) == [("ConfigUnknown", "env OTEL_EXPORTER_OTLP_ENDPOINT")]


def test_a_reference_that_nothing_provides(picture):
    text = {
        **CONFIG,
        "providers": [{**PROVIDER, "auth": {"token": "env.NOPE"}}],
        "auth": {"bootstrap_admin": {"enabled": False, "password": "env.ALSO_NOT"}},
    }
    (finding,) = config.find(replace(picture, objects=(gateway(), configuration(text))))
    assert (
        (finding.code, finding.object) == ("GatewayVariableMissing", "config providers[0].auth.token")
        and "NOPE" in finding.sentence
        and "Secret/s" in finding.sentence
    )


def test_a_key_that_this_run_writes_is_a_source(picture):
    text = {**CONFIG, "providers": [{**PROVIDER, "auth": {"token": "env.NEW"}}]}
    wanted = Wanted(
        "r",
        "ns",
        secrets_source="provision",
        secret_name="s",
        provision={"NEW": b"x", "GATEWAY_IDENTITY_TOKEN_SECRET": None, "POSTGRES_URL": b"postgres://h/d"},
    )
    assert rules.check(replace(picture, wanted=wanted, secrets={"s": None}, objects=(gateway(), configuration(text)))) == []


# --- secrets --------------------------------------------------------------------------------------------------------------


def test_a_secret_that_is_not_there(picture):
    keyed = [{"name": k, "valueFrom": {"secretKeyRef": {"name": "s", "key": k}}} for k in ("POSTGRES_URL", "TOKEN")]
    without = replace(picture, secrets={"s": None}, objects=(gateway(env=keyed), configuration({"database": {"url": "env.OTHER"}})))
    (finding,) = rules.check(without)  # one finding, one code to waive
    assert (finding.code, finding.object, finding.severity) == ("SecretMissing", "Secret/s", "error") and "keys POSTGRES_URL, TOKEN" in finding.sentence


def test_a_secret_that_the_secrets_store_creates_with_the_first_pod_is_a_warning(picture):
    volume = {"name": "v", "csi": {"driver": "secrets-store.csi.k8s.io"}}
    (finding,) = rules.check(replace(picture, secrets={"s": None}, objects=(gateway(volumes=[volume]), configuration(CONFIG))))
    assert (finding.code, finding.severity) == ("SecretMissing", "warning")


def test_another_secret_that_does_not_exist_hides_nothing_else(picture):
    held = {"s": live_secret("s", POSTGRES_URL="mysql://x"), "other": None}
    both = gateway(env_from=[{"secretRef": {"name": "s"}}, {"secretRef": {"name": "other"}}])
    found = rules.check(replace(picture, secrets=held, objects=(both, configuration({**CONFIG, "auth": {"bootstrap_admin": {}}}))))
    assert [f.code for f in found] == ["SecretMissing", "IdentityFallback", "SecretNotUrl"]


def test_an_adopted_secret_may_hold_certificates_and_binary_keys(picture):
    held = {"s": live_secret("s", **GOOD), "tls": live_secret("tls", **{"ca.crt": "-----BEGIN CERTIFICATE-----\nx\n", "CA_PEM": "-----BEGIN X-----\n"})}
    held["tls"]["data"]["k.bin"] = base64.b64encode(b"\xff\xfe").decode()
    both = gateway(env_from=[{"secretRef": {"name": "s"}}, {"secretRef": {"name": "tls"}}])
    found = rules.check(replace(picture, secrets=held, objects=(both, configuration(CONFIG))))
    assert [(f.code, f.object, f.severity) for f in found] == [("SecretNotText", "Secret/tls key k.bin", "warning")]


def test_a_secret_that_cannot_be_read_is_not_taken_for_missing(picture):
    assert list(secrets.find(replace(picture, secrets={}))) == []


def test_a_key_that_is_not_there_tells_which_are(picture):
    keyed = gateway(env=[{"name": "POSTGRES_URL", "valueFrom": {"secretKeyRef": {"name": "s", "key": "url"}}}])
    (finding,) = [f for f in secrets.find(replace(picture, objects=(keyed, configuration(CONFIG)))) if f.code == "SecretKeyMissing"]
    assert "has no key url" in finding.sentence and "GATEWAY_IDENTITY_TOKEN_SECRET, POSTGRES_URL" in finding.sentence


def test_a_key_that_several_ask_for_is_said_once_with_all_of_them(picture):
    keyed = gateway(env=[{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "url"}}}])
    job = {**keyed, "kind": "Job", "metadata": {"name": "migrate"}}
    (finding,) = [f for f in secrets.find(replace(picture, objects=(keyed, job, configuration(CONFIG)))) if f.code == "SecretKeyMissing"]
    assert "Deployment/gw (container gateway), Job/migrate (container gateway)" in finding.hint


def test_what_cannot_be_written_at_all_is_known_before_the_first_write(picture):
    values = {"LIST": ["hunter2"], "bad key": "x"}
    wanted = replace(picture.wanted, secrets_source="provision", provision=dict.fromkeys(values), unwritable=tuple(plan.unwritable(values)))
    found = [f for f in secrets.find(replace(picture, wanted=wanted)) if "key " in f.object]
    assert codes(found) == [("SecretNotText", "Secret/s key LIST"), ("SecretKeyName", "Secret/s key bad key")]
    assert "hunter" not in "".join(f.line() for f in found)


def test_an_optional_source_may_be_missing(picture):
    optional = gateway(env_from=[{"secretRef": {"name": "s"}}, {"secretRef": {"name": "absent", "optional": True}}])
    assert list(secrets.find(replace(picture, objects=(optional, configuration(CONFIG)), secrets={**picture.secrets, "absent": None}))) == []


def test_the_silent_fallback_of_the_identity_secret(picture):
    only = {"s": live_secret("s", POSTGRES_URL=GOOD["POSTGRES_URL"])}
    assert codes(secrets.find(replace(picture, secrets=only))) == [("IdentityFallback", "GATEWAY_IDENTITY_TOKEN_SECRET")]


def test_wrong_shapes_are_told_by_secret_and_key_without_a_value(picture):
    wrong = live_secret(
        "s", GATEWAY_IDENTITY_TOKEN_SECRET="local-dev-identity-secret", POSTGRES_URL="postgresql://u:hunter@2@h/d", OCEANS_API_KEY_SECRET_ENCRYPTION_KEY="abc"
    )
    found = list(secrets.find(replace(picture, secrets={"s": wrong})))
    assert sorted(codes(found)) == [
        ("SecretBuiltIn", "Secret/s key GATEWAY_IDENTITY_TOKEN_SECRET"),
        ("SecretNotKey", "Secret/s key OCEANS_API_KEY_SECRET_ENCRYPTION_KEY"),
        ("SecretNotUrl", "Secret/s key POSTGRES_URL"),
    ]
    assert "hunter" not in "".join(f.line() for f in found)


def test_a_url_under_another_name_is_looked_at_too(picture):
    named = replace(picture, objects=(gateway(), configuration({"database": {"url": "env.DB"}})), secrets={"s": live_secret("s", **GOOD, DB="nonsense")})
    assert ("SecretNotUrl", "Secret/s key DB") in codes(secrets.find(named))


def test_an_operators_secret_counts_as_there(picture):
    store = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": {"name": "e"}, "spec": {"target": {"name": "s"}, "dataFrom": [{}]}}
    assert list(secrets.find(replace(picture, objects=(*picture.objects, store), secrets={"s": None}))) == []
    known = {**store, "spec": {"target": {"name": "s"}, "data": [{"secretKey": "POSTGRES_URL"}]}}
    assert codes(secrets.find(replace(picture, objects=(*picture.objects, known), secrets={"s": None}))) == [
        ("IdentityFallback", "GATEWAY_IDENTITY_TOKEN_SECRET")
    ]


@pytest.mark.parametrize(("data", "code"), [(None, "SecretMissing"), ({"other": b"x"}, "SecretKeyMissing"), ({"KEY": b"x"}, "")])
def test_the_key_for_completions_is_looked_for_before_anything_is_written(picture, data, code):
    """A rollout must not fail at its end for what was known at its beginning."""
    there = None if data is None else {"data": {k: base64.b64encode(v).decode() for k, v in data.items()}}
    asking = replace(picture, wanted=replace(picture.wanted, probe_key=("probe", "KEY")), secrets={**picture.secrets, "probe": there})
    found = [f for f in secrets.find(asking) if f.object == "Secret/probe"]
    assert [f.code for f in found] == ([code] if code else []) and (not code or "KEY" in found[0].sentence)


def test_a_missing_pull_secret_is_a_warning(picture):
    pulling = replace(picture, objects=(gateway(imagePullSecrets=[{"name": "pull"}]), configuration(CONFIG)), secrets={**picture.secrets, "pull": None})
    (finding,) = secrets.find(pulling)
    assert finding.code == "PullSecretMissing" and finding.severity == "warning"


@pytest.mark.parametrize(
    ("kind", "data", "told"),
    [
        ("Opaque", {"username": "u"}, "the kubelet ignores"),
        ("kubernetes.io/dockerconfigjson", {".dockerconfigjson": '{"auths": {"docker.io": {}}}'}, "and not for ghcr.io"),
        ("kubernetes.io/dockerconfigjson", {".dockerconfigjson": "{}"}, "not valid JSON with the field auths"),
        ("kubernetes.io/dockerconfigjson", {".dockerconfigjson": '{"auths": {"https://ghcr.io/v1": {}}}'}, ""),
    ],
)
def test_a_pull_secret_that_gives_no_credentials_is_a_warning(picture, kind, data, told):
    pulling = gateway(imagePullSecrets=[{"name": "pull"}])
    pulling["spec"]["template"]["spec"]["containers"][0]["image"] = "ghcr.io/acme/gateway:v1"
    held = {**picture.secrets, "pull": {**live_secret("pull", **data), "type": kind}}
    found = list(secrets.find(replace(picture, objects=(pulling, configuration(CONFIG)), secrets=held)))
    assert [(f.code, f.severity, told in f.sentence) for f in found] == ([("PullSecretMissing", "warning", True)] if told else [])


@pytest.mark.parametrize(
    ("more", "wanted", "code"),
    [
        ({"immutable": True}, {"A": b"new"}, "FieldImmutable"),
        ({"immutable": True}, {"A": b"old", "POSTGRES_URL": None}, ""),
        ({"metadata": {"name": "s", "ownerReferences": [{"kind": "ExternalSecret", "name": "e", "controller": True}]}}, {"A": b"new"}, "ForeignObject"),
        ({"metadata": {"name": "s", "deletionTimestamp": STAMP}}, {}, "SecretMissing"),
        ({}, {"A": b"new"}, ""),
    ],
)
def test_the_secret_to_write_is_one_that_nobody_may_change_or_that_somebody_else_writes(picture, more, wanted, code):
    writing = Wanted("r", "ns", secrets_source="provision", secret_name="s", provision=wanted)
    given = replace(picture, wanted=writing, secrets={"s": {**live_secret("s", **GOOD, A="old"), **more}})
    assert [f.code for f in secrets.find(given)] == ([code] if code else [])


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("the Python package 'kubernetes' is not installed; run: python -m pip install kubernetes", "install the package"),
        ("the API server does not answer: ('Unable to connect to proxy', …)", "NO_PROXY"),
        ("no context prod", "correct oceans_llm_kubeconfig"),
    ],
)
def test_a_cluster_that_is_out_of_reach_names_the_cure_that_fits(picture, words, hint):
    (finding,) = access.find(replace(picture, unreachable=words))
    assert finding.code == "ClusterUnreachable" and hint in finding.hint


@pytest.mark.parametrize(("words", "code"), [(SERVICE_ACCOUNT, "ServiceAccountMissing"), (RUNTIME_CLASS, "RuntimeClassMissing")])
def test_what_a_pod_names_and_the_cluster_does_not_have(picture, words, code):
    (finding,) = admission.classify(DryRun("Deployment/gw", 403, "Forbidden", words, pod=True), picture)
    assert finding.code == code and finding.object == "pods of Deployment/gw"


def test_a_new_namespace_has_no_service_account_of_the_users_own(picture):
    new = replace(picture, namespace=None, namespace_known=True, objects=(gateway(serviceAccountName="mine"), configuration(CONFIG)))
    assert codes(admission.find(new)) == [("ServiceAccountMissing", "Deployment/gw")]
    own = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "mine"}}
    assert codes(admission.find(replace(new, objects=(*new.objects, own)))) == []


def test_an_object_of_somebody_else_is_not_said_to_differ_as_well(picture):
    live = {"metadata": {"name": "x"}}
    runs = (DryRun("Service/x", 409, "Conflict", 'Apply failed with 1 conflict: conflict with "kubectl-create" using v1: .spec.selector', live),)
    assert codes(rules.check(replace(picture, dry_runs=runs))) == [("ForeignObject", "Service/x")]


# --- release --------------------------------------------------------------------------------------------------------------

PENDING = Release("r", "ns", 3, "pending-upgrade", chart="oceans-llm-0.24.0", deployed_at=STAMP)


def test_a_run_of_our_own_that_was_killed_is_recovered(picture):
    (finding,) = release.find(replace(picture, release=PENDING, last_revision="3"))
    assert (finding.code, finding.severity) == ("ReleasePending", "warning")


def test_a_pending_release_of_another_helm_is_given_time(picture):
    (finding,) = release.find(replace(picture, release=PENDING, last_revision="2"))
    assert finding.severity == "error" and "60 s" in finding.sentence and "wait 840 s" in finding.hint
    (later,) = release.find(replace(picture, release=PENDING, now=NOW + 900))
    assert later.severity == "warning"


def test_somebody_at_work_is_named(picture):
    (finding,) = release.find(replace(picture, release=PENDING, held="ns/r is being changed by ann on host1"))
    assert finding.code == "ReleaseBusy" and "ann on host1" in finding.sentence


def test_a_release_of_another_chart(picture):
    other = replace(PENDING, status="deployed", chart="redis-1.0.0")
    assert codes(release.find(replace(picture, release=other))) == [("ForeignRelease", "Release/r")]


def test_an_object_that_helm_will_not_take_over(picture):
    owned = {"metadata": {"annotations": {"meta.helm.sh/release-name": "r", "meta.helm.sh/release-namespace": "ns"}}}
    alien = {"metadata": {"annotations": {"meta.helm.sh/release-name": "x", "meta.helm.sh/release-namespace": "ns"}}}
    runs = (DryRun("Service/mine", live=owned), DryRun("Service/theirs", live=alien), DryRun("Service/nobodys", live={"metadata": {}}), DryRun("Service/new"))
    assert codes(release.find(replace(picture, dry_runs=runs))) == [("ForeignObject", "Service/theirs"), ("ForeignObject", "Service/nobodys")]
    (finding,) = release.find(replace(picture, dry_runs=tuple(DryRun(f"Service/{n}", live={"metadata": {}}) for n in "abcd")))
    assert finding.object == "Release/r" and "4 of its objects exist and belong to no Helm release" in finding.sentence
    assert finding.sentence.endswith("Service/a, Service/b, Service/c, …") and "Argo CD" in finding.hint and "remove" not in finding.hint


# --- what the API server refuses ------------------------------------------------------------------------------------------

REFUSALS = [
    (403, 'pods "p" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "g" must set x)', "PodSecurity"),
    (403, 'pods "p" is forbidden: exceeded quota: q, requested: pods=1, used: pods=5, limited: pods=5', "QuotaExceeded"),
    (403, 'pods "p" is forbidden: failed quota: q: must specify limits.cpu for: gateway', "QuotaNeedsResources"),
    (403, 'pods "p" is forbidden: minimum memory usage per Container is 1Gi, but request is 64Mi', "LimitRangeViolated"),
    (403, "pods \"p\" is forbidden: ValidatingAdmissionPolicy 'deny' with binding 'b' denied request: no pods on Friday", "AdmissionDenied"),
    (400, 'admission webhook "v.example.com" denied the request: no', "AdmissionDenied"),
    (403, 'pods "p" is forbidden: no PriorityClass with name nope was found', "PriorityClassMissing"),
    (403, 'pods "p" is forbidden: pod rejected: RuntimeClass "nope" not found', "RuntimeClassMissing"),
    (
        500,
        'Internal error occurred: failed calling webhook "mcluster.cnpg.io": failed to call webhook: Post "https://x": connect: connection refused',
        "WebhookUnavailable",
    ),
    (422, 'Deployment.apps "d" is invalid: spec.selector: Invalid value: {}: field is immutable', "FieldImmutable"),
    (422, 'Service "d" is invalid: spec.loadBalancerClass: Invalid value: "b": may not change once set', "FieldImmutable"),
    (422, 'Deployment.apps "d" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0', "ObjectInvalid"),
    (500, "etcdserver: request timed out", "ApiRefused"),
]


@pytest.mark.parametrize(("status", "message", "code"), REFUSALS)
def test_each_refusal_has_its_code(picture, status, message, code):
    (finding,) = admission.find(replace(picture, dry_runs=(DryRun("Deployment/gw", status, "x", message, pod=True),)))
    assert (finding.code, finding.object) == (code, "pods of Deployment/gw")


def test_an_immutable_field_tells_from_and_to(picture):
    text = 'Deployment.apps "d" is invalid: spec.selector: Invalid value: {"matchLabels":{"a":"new"}}: field is immutable'
    live = {"spec": {"selector": {"matchLabels": {"a": "old"}}}}
    (finding,) = admission.find(replace(picture, dry_runs=(DryRun("Deployment/d", 422, "Invalid", text, live),)))
    assert finding.sentence.startswith('spec.selector cannot change from {"matchLabels": {"a": "old"}} to {"matchLabels":{"a":"new"}};')


@pytest.mark.parametrize(("name", "deletes"), [("PersistentVolumeClaim/d", False), ("StatefulSet/d", False), ("Deployment/d", True)])
def test_nobody_is_told_to_delete_what_holds_data(picture, name, deletes):
    text = '"d" is invalid: spec: Forbidden: spec is immutable after creation except resources.requests'
    (finding,) = admission.find(replace(picture, dry_runs=(DryRun(name, 422, "Invalid", text),)))
    assert finding.code == "FieldImmutable" and ("delete" in finding.hint) is deletes


def test_a_namespace_that_goes_away_is_told_once(picture):
    text = 'services "s" is forbidden: unable to create new content in namespace ns because it is being terminated'
    assert list(admission.find(replace(picture, dry_runs=(DryRun("Service/s", 403, "Forbidden", text),)))) == []


def test_a_missing_right_is_not_told_twice(picture):
    text = 'pods is forbidden: User "u" cannot create resource "pods" in API group "" in the namespace "ns"'
    assert list(admission.find(replace(picture, dry_runs=(DryRun("Deployment/gw", 403, "Forbidden", text, pod=True),)))) == []


CONFLICT = (
    'Apply failed with 2 conflicts: conflicts with "kubectl" with subresource "scale" using apps/v1: .spec.replicas\n'
    'conflicts with "kubectl-edit" using apps/v1:\n- .spec.a\n- .spec.b'
)


def test_a_field_of_another_manager_names_both(picture):
    live = {"spec": {"replicas": 5, "a": "x"}, "metadata": {"managedFields": [{"manager": "kubectl", "time": "2026-01-01T00:00:00Z"}]}}
    rendered = gateway()
    rendered["spec"] |= {"replicas": 2, "a": "y"}
    run = DryRun(f"Deployment/{rendered['metadata']['name']}", 409, "Conflict", CONFLICT, live)
    found = list(admission.find(replace(picture, objects=(rendered,), dry_runs=(run,))))
    assert [f.sentence for f in found if f.code == "FieldConflict"] == [
        ".spec.replicas is 5 in the live object, and 2 in the chart; set by kubectl (scale) at 2026-01-01T00:00:00Z",
        ".spec.a is x in the live object, and y in the chart; .spec.b differs from the chart; set by kubectl-edit",
    ]
    assert {f.severity for f in found} == {"error"}


def test_a_conflict_with_aks_is_not_cured_by_force_alone(picture):
    """AKS changes a webhook's namespaceSelector again after each upgrade that has taken it back."""
    text = 'Apply failed with 1 conflict: conflict with "admissionsenforcer" using admissionregistration.k8s.io/v1: .webhooks[name="a.b"].namespaceSelector'
    run = DryRun("ValidatingWebhookConfiguration/own", 409, "Conflict", text, {})
    (found,) = [f for f in admission.find(replace(picture, dry_runs=(run,))) if f.code == "FieldConflict"]
    assert 'admissions.enforcer/disabled: "true" on ValidatingWebhookConfiguration/own' in found.hint and "admissionsenforcer" in found.sentence


def test_a_variable_with_a_value_by_hand_and_a_reference_in_the_chart_is_told_by_name_and_no_value_is_shown(picture):
    rendered = gateway()
    container = rendered["spec"]["template"]["spec"]["containers"][0]
    container["env"] = [{"name": "POSTGRES_URL", "valueFrom": {"secretKeyRef": {"name": "db", "key": "url"}}}]
    live = copy.deepcopy(rendered)
    live["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "POSTGRES_URL", "value": "postgresql://u:hush@old.example:5433/d"}]
    fields = {"f:env": {'k:{"name":"POSTGRES_URL"}': {}}}
    owned = {"f:spec": {"f:template": {"f:spec": {"f:containers": {f'k:{{"name":"{container["name"]}"}}': fields}}}}}
    live["metadata"]["managedFields"] = [{"manager": "kubectl-set", "time": "2026-01-01T00:00:00Z", "fieldsV1": owned}]
    text = (
        'Deployment.apps "d" is invalid: spec.template.spec.containers[0].env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty'
    )
    run = DryRun(f"Deployment/{rendered['metadata']['name']}", 422, "Invalid", text, live)
    (finding,) = [f for f in admission.find(replace(picture, objects=(rendered,), dry_runs=(run,))) if f.code == "ObjectInvalid"]
    assert (
        "variable POSTGRES_URL of container gateway has a plain value (host old.example:5433) in the live object (set by kubectl-set at 2026"
        in finding.sentence
    )
    assert "Secret/db, key url in the chart" in finding.sentence and "hush" not in finding.sentence
    assert finding.hint.endswith(f"set env deployment/{rendered['metadata']['name']} POSTGRES_URL-; then deploy again")


def test_a_selector_by_hand_that_selects_other_pods_too_names_their_deployment(picture):
    def deployment(name):
        labels = {"app": "x", "component": name}
        return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": {"template": {"metadata": {"labels": labels}, "spec": {}}}}

    service = {"kind": "Service", "metadata": {"name": "gw"}, "spec": {"selector": {"app": "x", "component": "gw"}}}
    live = {"spec": {"selector": {"app": "x"}}, "metadata": {}}
    run = DryRun("Service/gw", 409, "Conflict", 'Apply failed with 1 conflict: conflict with "kubectl-patch" using v1: .spec.selector', live)
    (finding,) = admission._conflicts(run, replace(picture, objects=(service, deployment("gw"), deployment("ui"))))
    assert "so it selects the pods of Deployment/ui, and" in finding.sentence


@pytest.mark.parametrize(
    "change", [{"tools": Tools("v3.21.4", "", "6.6.0")}, {"release": replace(PENDING, apply_method="csa")}, {"wanted": Wanted("r", "ns", force_conflicts=True)}]
)
def test_a_conflict_that_helm_overwrites_is_a_warning(picture, change):
    found = admission.find(replace(picture, dry_runs=(DryRun("Deployment/gw", 409, "Conflict", CONFLICT),), **change))
    assert {f.severity for f in found} == {"warning"}


def test_helm_3_is_no_stranger_to_its_own_fields(picture):
    """It names its field manager after its program and does not apply on the server's side, so a dry run finds it in conflict."""
    own = DryRun("Deployment/gw", 409, "Conflict", 'Apply failed with 1 conflict: conflict with "helm3" using apps/v1: .spec.template.spec.image')
    assert list(admission.find(replace(picture, dry_runs=(own,), tools=Tools("v3.21.4", "", "6.6.0")))) == []


def test_a_named_user_that_the_kubelet_would_refuse(picture):
    broken = gateway(securityContext={"runAsNonRoot": True})
    (finding,) = admission.find(replace(picture, objects=(broken,)))
    assert finding.code == "RunAsNonRoot" and "10001" in finding.hint


def test_a_user_id_that_admission_sets_is_no_named_user(picture):
    """As OpenShift does; where it does not, the switch for it is the mistake."""
    without = replace(picture, objects=(gateway(securityContext={"runAsNonRoot": True}),), wanted=replace(picture.wanted, platform="openshift"))
    assert list(admission.find(without)) == [], "pods of a new namespace are not tried"

    def tried(context):
        pod = {"spec": {"securityContext": context, "containers": [{"name": "gateway"}, {"name": "injected"}]}}
        return list(admission.find(replace(without, dry_runs=(DryRun("Deployment/gw", pod=True, made=pod),))))

    assert tried({"runAsUser": 1000700000}) == []
    (finding,) = tried({"runAsNonRoot": True})
    assert finding.code == "RunAsNonRoot" and "platform: openshift" in finding.hint


def quota(used: str, hard: str) -> dict:
    return {"metadata": {"name": "q"}, "status": {"hard": {"pods": hard}, "used": {"pods": used}}}


@pytest.mark.parametrize(("used", "hard", "installed", "found"), [("0", "1", False, 1), ("0", "2", False, 0), ("2", "3", True, 0), ("3", "3", True, 1)])
def test_all_pods_together_must_fit(picture, used, hard, installed, found):
    given = replace(picture, quotas=(quota(used, hard),), release=replace(PENDING, status="deployed") if installed else None)
    assert len(list(quotas.find(given))) == found


# --- platform -------------------------------------------------------------------------------------------------------------

CNPG = {"apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "metadata": {"name": "pg"}, "spec": {"storage": {"size": "1Gi"}}}


def with_objects(picture: Picture, *objects: dict, **more) -> Picture:
    return replace(picture, objects=(*picture.objects, *objects), **more)


def test_a_server_without_the_kubernetes_api_is_one_finding(picture):
    (finding,) = platform.find(replace(picture, served=dict.fromkeys(picture.served), server="https://rancher.example/k8s"))
    assert finding.code == "ClusterUnreachable" and "https://rancher.example/k8s answers, but does not serve" in finding.sentence


def test_an_operator_that_is_not_there_names_the_mode(picture):
    (finding,) = platform.find(with_objects(picture, CNPG, served={**picture.served, "postgresql.cnpg.io/v1": None}))
    assert finding.code == "OperatorMissing" and "oceans_llm_database_mode: cloudnativepg" in finding.sentence
    (other,) = platform.find(with_objects(picture, CNPG, served={**picture.served, "postgresql.cnpg.io/v1": None}, groups=frozenset({"postgresql.cnpg.io"})))
    assert other.code == "ApiVersionNotServed"
    secret = {"apiVersion": "external-secrets.io/v1beta1", "kind": "ExternalSecret", "metadata": {"name": "e"}, "spec": {}}
    served = {**picture.served, "external-secrets.io/v1beta1": None}
    (version,) = platform.find(with_objects(picture, secret, served=served, groups=frozenset({"external-secrets.io"})))
    assert version.code == "ApiVersionNotServed" and "set oceans_llm_external_secrets.apiVersion to a version that is served" in version.hint


@pytest.mark.parametrize(
    ("name", "classes", "found"), [("fast", None, 0), ("fast", (), 1), ("", (), 1), ("standard", ({"metadata": {"name": "standard"}},), 0)]
)
def test_storage_classes(picture, name, classes, found):
    cluster = {**CNPG, "spec": {"storage": {"storageClass": name}}}
    assert [f.code for f in platform.find(with_objects(picture, cluster, storage_classes=classes))] == ["StorageClassMissing"] * found


@pytest.mark.parametrize(
    ("instances", "nodes", "severity"),
    [(3, 1, ""), (200, 1, "warning"), (200, 2, ""), (100_000, 1, "error"), (100_000, 0, ""), (100_000, None, "")],
)
def test_more_pods_than_the_nodes_take(picture, instances, nodes, severity):
    """A cluster without readable nodes says nothing; a hundred times too many is no matter of an autoscaler."""
    cluster = {**CNPG, "spec": {"instances": instances}}
    there = None if nodes is None else ({"spec": {}, "status": {"allocatable": {"pods": "110"}}},) * nodes + ({"spec": {"unschedulable": True}},)
    found = [f for f in platform.find(with_objects(picture, cluster, nodes=there)) if f.code == "Unschedulable"]
    assert [(f.severity, f.object) for f in found] == ([(severity, f"Cluster/{CNPG['metadata']['name']}")] if severity else [])
    assert not found or f"spec.instances is {instances}" in found[0].sentence


ESO = {
    "apiVersion": "external-secrets.io/v1",
    "kind": "ExternalSecret",
    "metadata": {"name": "e"},
    "spec": {"secretStoreRef": {"name": "vault", "kind": "ClusterSecretStore"}},
}


def store(status: str) -> dict:
    return {"metadata": {"name": "vault"}, "status": {"conditions": [{"type": "Ready", "status": status, "message": "unable to log in"}]}}


def operator(name, available, replicas=1, since="2020-01-01T00:00:00Z"):
    status = {"availableReplicas": available, "conditions": [{"type": "Available", "status": "False", "lastTransitionTime": since}]}
    labels = {"app.kubernetes.io/name": name}
    return {"metadata": {"name": name, "namespace": "operators", "labels": labels}, "spec": {"replicas": replicas}, "status": status}


JUST_NOW = "2030-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("operators", "severity"),
    [
        ((), None),  # not there under its usual label, or not ours to see
        ((operator("external-secrets", 1),), None),
        ((operator("external-secrets", 0),), "error"),
        ((operator("external-secrets", 0, replicas=0, since=JUST_NOW),), "error"),  # scaled down
        ((operator("external-secrets", 0, since=JUST_NOW),), "warning"),
        ((operator("external-secrets", 0), operator("external-secrets", 2)), None),
        ((operator("cloudnative-pg", 0),), None),  # nothing here needs it
    ],
)
def test_the_operator_itself(picture, operators, severity):
    now = datetime.datetime(2030, 1, 1, 0, 0, 5, tzinfo=datetime.UTC).timestamp()
    found = [f for f in platform.find(with_objects(picture, ESO, operators=operators, now=now)) if f.code == "OperatorUnavailable"]
    assert [f.severity for f in found] == ([severity] if severity else [])
    assert all("namespace operators" in f.sentence and "ExternalSecret/" in f.sentence for f in found)


@pytest.mark.parametrize(
    ("stores", "found"),
    [
        ({"ClusterSecretStore/vault": None}, ["SecretStoreMissing"]),
        ({"ClusterSecretStore/vault": store("False")}, ["SecretStoreNotReady"]),
        ({"ClusterSecretStore/vault": store("True")}, []),
        ({"ClusterSecretStore/vault": {"metadata": {"name": "vault"}}}, []),  # the operator has not judged it yet
        ({}, []),  # not ours to see
    ],
)
def test_the_store_of_an_external_secret(picture, stores, found):
    findings = list(platform.find(with_objects(picture, ESO, stores=stores)))
    assert [f.code for f in findings] == found
    assert all("ClusterSecretStore/vault" in f.sentence and "kubectl get clustersecretstore" in f.hint for f in findings)
    assert all("unable to log in" in f.sentence for f in findings if f.code == "SecretStoreNotReady")


def test_a_cluster_name_that_is_too_long(picture):
    assert [f.code for f in platform.find(with_objects(picture, {**CNPG, "metadata": {"name": "x" * 51}}))] == ["ClusterName"]


def ingress(name: str | None = "nginx", secret: str = "", annotations: dict | None = None) -> dict:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "i", "annotations": annotations or {}},
        "spec": {"ingressClassName": name, "tls": [{"secretName": secret}] if secret else []},
    }


@pytest.mark.parametrize(
    ("kind", "annotations", "parameters", "told"),
    [
        ("ClusterIP", {}, None, ["warning"]),
        ("ClusterIP", {"alb.ingress.kubernetes.io/target-type": "instance"}, None, ["warning"]),
        ("ClusterIP", {"alb.ingress.kubernetes.io/target-type": "ip"}, None, []),
        ("ClusterIP", {}, {"kind": "IngressClassParams", "name": "p"}, []),
        ("NodePort", {}, None, []),
    ],
)
def test_a_load_balancer_of_aws_needs_a_node_port_or_the_target_type_ip(picture, kind, annotations, parameters, told):
    classes = ({"metadata": {"name": "alb"}, "spec": {"controller": "ingress.k8s.aws/alb", "parameters": parameters}},)
    given = ingress("alb", annotations=annotations)
    given["spec"]["rules"] = [{"http": {"paths": [{"backend": {"service": {"name": "gw"}}}]}}]
    services = [{"kind": "Service", "metadata": {"name": "gw"}, "spec": {"type": kind}}, {"kind": "Service", "metadata": {"name": "ui"}, "spec": {}}]
    found = [f for f in platform.find(with_objects(picture, given, *services, ingress_classes=classes)) if f.code == "InvalidValue"]
    assert [f.severity for f in found] == told and all("target-type: ip" in f.hint for f in found)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (ingress(), []),
        (ingress("traefik"), ["IngressClassMissing"]),
        (ingress(None), ["IngressClassMissing"]),
        (ingress(secret="none"), ["TlsSecretMissing"]),
        (ingress(secret="none", annotations={"cert-manager.io/cluster-issuer": "x"}), []),
        (ingress(secret="s"), ["TlsSecretMissing"]),
        (ingress(secret="tls"), []),
    ],
)
def test_ingress(picture, given, expected):
    held = {**picture.secrets, "none": None, "tls": live_secret("tls", **{"tls.crt": "x", "tls.key": "y"})}
    assert [f.code for f in platform.find(with_objects(picture, given, secrets=held))] == expected


def hpa(minimum: int = 2) -> dict:
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "h"},
        "spec": {"scaleTargetRef": {"name": "gw"}, "minReplicas": minimum, "metrics": [metric]},
    }


def test_an_autoscaler_without_requests_or_metrics(picture):
    found = list(platform.find(with_objects(picture, hpa(), groups=frozenset({"apps"}))))
    assert [(f.code, f.severity) for f in found] == [("HpaWithoutRequests", "error"), ("MetricsMissing", "warning")] and "container gateway" in found[
        0
    ].sentence


@pytest.mark.parametrize(
    ("spec", "replicas", "allowed"),
    [
        ({"minAvailable": 1}, 2, 1),
        ({"minAvailable": "50%"}, 3, 1),
        ({"minAvailable": "100%"}, 3, 0),
        ({"maxUnavailable": 1}, 1, 1),
        ({"maxUnavailable": 0}, 5, 0),
        ({"maxUnavailable": "25%"}, 2, 1),
        ({"minAvailable": 1, "maxUnavailable": ""}, 2, 1),
    ],
)
def test_how_many_pods_may_be_away(spec, replicas, allowed):
    assert platform.disruptions(spec, replicas) == allowed


def test_a_budget_that_blocks_every_drain(picture):
    pdb = {"kind": "PodDisruptionBudget", "metadata": {"name": "p"}, "spec": {"minAvailable": 2, "selector": {"matchLabels": {"c": "gateway"}}}}
    assert [f.code for f in platform.find(with_objects(picture, pdb))] == ["PdbBlocks"]


def test_a_drain_is_told_and_one_that_is_too_short_is_found(picture):
    said = "a stopping gateway pod answers requests for 5 s (x), then until no request is open, at most 30 s (drain.timeoutSeconds)"
    enough, short = gateway(), gateway()
    enough["metadata"]["annotations"] = {"oceans-llm/drain": said}
    short["metadata"]["annotations"] = {"oceans-llm/drain": f"{said}; timeouts.total_ms of provider p allows 120 s, so longer answers are cut"}
    assert not rules.check(replace(picture, objects=(enough, configuration(CONFIG))))
    assert drain.notes(picture) == [] and drain.notes(with_objects(picture, enough)) == [said] == drain.notes(with_objects(picture, short))
    (finding,) = rules.check(replace(picture, objects=(short, configuration(CONFIG))))
    assert (finding.code, finding.severity) == ("DrainTooShort", "warning") and "provider p allows 120 s" in finding.sentence


# --- telling --------------------------------------------------------------------------------------------------------------


def test_doubles_go_errors_come_first_waived_ones_last_and_visible():
    warning, error, other = Finding("NumberAsText", "o", "s", "h", "warning"), Finding("NotAllowed", "o", "s", "h"), Finding("PortTaken", "o", "s", "h")
    found = settle([warning, error, other, error], ["porttaken"])
    assert [f.code for f in found] == ["NotAllowed", "NumberAsText", "PortTaken"]
    assert found[-1].waived and found[-1].line().startswith("WAIVED PortTaken o: s — h")


def operators_amiss(picture: Picture) -> Picture:
    """Every finding about operators at once."""
    cluster = {**CNPG, "metadata": {"name": "x" * 51}, "spec": {"storage": {"storageClass": "gold"}}}
    old = {**ESO, "apiVersion": "external-secrets.io/v1alpha1"}
    away = 'failed calling webhook "mcluster.cnpg.io": no endpoints available for service "cnpg-webhook-service"'
    return with_objects(
        picture,
        cluster,
        ESO,
        old,
        served={**picture.served, "postgresql.cnpg.io/v1": None, "external-secrets.io/v1alpha1": None},
        groups=frozenset({"external-secrets.io"}),
        storage_classes=(),
        stores={"ClusterSecretStore/vault": None},
        dry_runs=(DryRun("Cluster/x", 500, "InternalError", away),),
    )


@pytest.mark.parametrize("code", ["OperatorMissing", "ApiVersionNotServed", "ClusterName", "StorageClassMissing", "SecretStoreMissing", "WebhookUnavailable"])
def test_each_check_of_the_operators_can_be_waived_and_only_that_one(picture, code):
    found = [f for f in rules.check(operators_amiss(picture)) if f.severity == "error"]
    assert code in {f.code for f in found}
    settled = settle(found, [code])
    assert {f.code for f in settled if f.waived} == {code}
    assert {f.code for f in settled if not f.waived} == {f.code for f in found} - {code}


def test_the_same_said_of_several_objects_is_said_once():
    (finding,) = settle([Finding("NotAllowed", "a", "s", "h"), Finding("NotAllowed", "b", "s", "h"), Finding("NotAllowed", "a", "s", "h")], [])
    assert finding.object == "a, b"


def test_a_waiver_without_a_reason_is_named():
    assert unused_waivers([Finding("NotAllowed", "o", "s", "h")], ["NotAllowed", "Gone"]) == ["Gone"]


def test_what_a_hook_of_an_earlier_chart_has_left_is_a_warning(picture):
    found = [f for f in release.find(replace(picture, leftovers=("Secret/rel-copy",))) if f.code == "HookLeftover"]
    assert [(f.object, f.severity) for f in found] == [("Secret/rel-copy", "warning")] and "it contains secrets" in found[0].sentence
