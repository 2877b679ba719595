# SPDX-License-Identifier: GPL-3.0-or-later
"""The traps of this deployment, one test each (those that show on rendered objects; test_cluster.py has the rest). A number is its number in the list of
the README."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
from chart_lib import (
    CHART,
    DATABASE,
    HELMS,
    HelmError,
    Values,
    at,
    container,
    containers,
    env,
    gateway_containers,
    helm,
    hooks_of,
    merged,
    named,
    program,
    render,
    template_of,
    templates,
)

APP = at("secrets.existingSecret.name", "app")
ADMIN = merged(APP, {"bootstrapAdminJob": {"enabled": True}, "seedConfigJob": {"enabled": True}}, at("gateway.config.auth.bootstrap_admin.enabled", True))
CNPG = at("database.mode", "cloudnativepg")


def notes(values: dict) -> str:
    return helm("install", "r", str(CHART), "--dry-run=client", "-n", "ns", "-f", "-", stdin=json.dumps(values)).partition("NOTES:")[2]


def test_trap_01_nothing_waits_for_a_job_that_helm_starts_later_than_it_waits() -> None:
    """Early hooks have no waiter, so `helm --wait` can finish; with late hooks NOTES says not to use it."""
    early = render(merged(DATABASE, at("migrations.hook", "pre-install,pre-upgrade")))
    assert "wait-for-migrations" not in gateway_containers(early)
    assert "--rollback-on-failure" in notes(DATABASE)
    assert "--rollback-on-failure" not in notes(merged(DATABASE, at("migrations.hook", "pre-install,pre-upgrade")))


def test_trap_02_and_03_a_dead_container_tells_its_last_words() -> None:
    objects = render(merged(DATABASE, ADMIN))
    for template in templates(objects).values():
        for c in containers(template):
            assert c["terminationMessagePolicy"] == "FallbackToLogsOnError", c["name"]
    assert {o["metadata"]["name"] for o in objects if "test" in hooks_of(o)} == {"r-oceans-llm-test"}


INGRESS = {
    "enabled": True,
    "tls": [{"hosts": ["a.example"]}],
    "hosts": [{"host": "a.example"}, {"host": "b.example", "paths": [{"path": "/"}]}, {"host": "c.example", "paths": [{"path": "/v1"}]}, {}],
}
ROUTE = {"enabled": True, "parentRefs": [{"name": "g"}], "hostnames": ["d.example"]}


@pytest.mark.parametrize("binary", HELMS)
@pytest.mark.parametrize(
    ("values", "hosts"),
    [
        ({}, ""),
        ({"ingress": {**INGRESS, "enabled": False}}, ""),
        ({"ingress": INGRESS}, "https|a.example,http|b.example"),
        ({"httpRoute": ROUTE}, "|d.example"),
        ({"httpRoute": {**ROUTE, "matches": [{"path": {"type": "PathPrefix", "value": "/v1"}}]}}, ""),
        ({"ingress": INGRESS, "httpRoute": {**ROUTE, "matches": []}}, "https|a.example,http|b.example,|d.example"),
        ({"route": {"enabled": True, "host": "e.example"}}, "https|e.example"),
        ({"route": {"enabled": True}}, ""),
    ],
)
def test_trap_02_helm_test_asks_by_name_and_where_users_come_in(values: dict, hosts: str, binary: str) -> None:
    """With the gateway's own image, as the collection's probe pod does; only hosts whose whole path leads to the gateway."""
    pod = named(render(merged(DATABASE, at("service.gateway.port", 9090), values), binary=binary), "Pod")
    [asks] = pod["spec"]["containers"]
    assert asks["args"][1:] == ["r-oceans-llm-gateway.ns.svc", "9090", hosts]
    assert asks["image"] == gateway_containers(render())["gateway"]["image"] and asks["command"] == ["perl", "-e"]
    text = "".join((CHART / "files" / f"{name}.pl").read_text() for name in ("probe_net", "reach"))
    assert asks["args"][0].split() == text.split()


def test_trap_03_a_migration_has_an_end_and_never_two_pods() -> None:
    spec = named(render(), "Job", "-migrate")["spec"]
    assert spec["activeDeadlineSeconds"] == 1800 and spec["backoffLimit"] == 3 and spec["podReplacementPolicy"] == "Failed"
    assert spec["template"]["spec"]["restartPolicy"] == "Never", "a restarted container loses the log of the failed one"


def test_trap_04_a_left_over_job_does_not_block_the_next_try() -> None:
    for obj in render(merged(DATABASE, ADMIN, at("migrations.hook", "pre-install,pre-upgrade"))):
        if hooks_of(obj):
            assert "before-hook-creation" in obj["metadata"]["annotations"]["helm.sh/hook-delete-policy"]


def test_trap_05_the_waiter_looks_at_the_schema_not_at_the_job() -> None:
    script = gateway_containers(render())["wait-for-migrations"]["args"][0]
    assert "gateway migrate --check" in script and "kubectl" not in script and "job" not in script.replace("the migration Job", "").lower()


@pytest.mark.parametrize(("value", "rendered"), [(1, 1), ("2", 2), (0, 0), ("50%", "50%"), ("0", 0)])
@pytest.mark.parametrize("key", ["minAvailable", "maxUnavailable"])
def test_trap_06_numbers_stay_numbers(key: str, value: int | str, rendered: int | str) -> None:
    spec = named(render(merged(DATABASE, at("podDisruptionBudget", {"enabled": True, key: value}))), "PodDisruptionBudget")["spec"]
    assert spec[key] == rendered and type(spec[key]) is type(rendered)
    assert ("minAvailable" in spec) != ("maxUnavailable" in spec)


def test_trap_06_the_budget_comes_with_high_availability() -> None:
    def has_budget(values: dict) -> bool:
        return any(o["kind"] == "PodDisruptionBudget" for o in render(merged(DATABASE, at("scheduling.resources.requests.cpu", 1), values)))

    assert not has_budget({}) and has_budget(at("gateway.replicaCount", 2))
    assert has_budget(at("autoscaling.enabled", True)) and not has_budget({"autoscaling": {"enabled": True, "minReplicas": 1}})
    assert has_budget(at("podDisruptionBudget.enabled", True))
    assert not has_budget(merged(at("gateway.replicaCount", 2), at("podDisruptionBudget.enabled", False)))


SOURCES = merged(
    DATABASE,
    {
        "secrets": {"existingSecret": {"name": "app"}, "inline": {"K": "v"}},
        "externalSecrets": {"enabled": True, "secretStoreRef": {"name": "s"}, "data": [{"secretKey": "A"}]},
        "gateway": {"extraEnvFrom": [{"secretRef": {"name": "last"}}], "extraEnv": [{"name": "Z", "value": "1"}]},
        "observability": {"env": [{"name": "O", "value": "1"}]},
    },
    {"seedConfigJob": {"enabled": True}},
)


def test_trap_07_one_order_of_sources_everywhere() -> None:
    found = gateway_containers(render(SOURCES))
    assert set(found) == {"gateway", "wait-for-migrations", "migrate", "seed-config"}
    for c in found.values():
        assert [s["secretRef"]["name"] for s in c["envFrom"]] == ["app", "r-oceans-llm-env", "r-oceans-llm-external-env", "last"]
        names = [e["name"] for e in c["env"]]
        assert names[-2:] == ["O", "Z"] and len(names) == len(set(names))


def test_trap_07_a_needed_key_is_taken_by_name_so_that_its_absence_shows() -> None:
    config = at("gateway.config.providers", [{"auth": {"token": "env.OPENAI_API_KEY"}}])
    for c in gateway_containers(render(merged(DATABASE, APP, config))).values():
        for key in ("OPENAI_API_KEY", "GATEWAY_IDENTITY_TOKEN_SECRET"):
            assert env(c)[key] == {"secretKeyRef": {"name": "app", "key": key}}, "not optional"
    # where two Secrets could hold it, or one is sure to, envFrom decides
    for other in (
        at("gateway.extraEnvFrom", [{"secretRef": {"name": "x"}}]),
        at("secrets.inline", {"OPENAI_API_KEY": "k", "GATEWAY_IDENTITY_TOKEN_SECRET": "t"}),
    ):
        assert not {"OPENAI_API_KEY", "GATEWAY_IDENTITY_TOKEN_SECRET"} & set(env(gateway_containers(render(merged(DATABASE, APP, config, other)))["gateway"]))


def test_trap_07_only_the_job_that_reads_a_key_asks_for_it() -> None:
    config = at("gateway.config", {"auth": {"bootstrap_admin": {"enabled": True}}, "service_accounts": [{"keys": [{"value": "env.SA_KEY"}]}]})
    without = env(gateway_containers(render(merged(DATABASE, APP, config)))["gateway"])
    assert not {"GATEWAY_BOOTSTRAP_ADMIN_PASSWORD", "SA_KEY"} & set(without)
    both = env(gateway_containers(render(merged(DATABASE, APP, config, ADMIN)))["gateway"])
    assert {"GATEWAY_BOOTSTRAP_ADMIN_PASSWORD", "SA_KEY"} <= set(both)


def pod_annotations(values: dict, component: str = "gateway") -> dict:
    return templates(render(merged(DATABASE, values)))[component]["metadata"].get("annotations") or {}


def test_trap_08_what_pods_read_is_in_their_annotations() -> None:
    base = pod_annotations({})
    assert set(base) == {"checksum/config"} and base == pod_annotations({}, "migration")
    assert pod_annotations(at("gateway.config.teams", [{"id": "t"}]))["checksum/config"] != base["checksum/config"]
    assert pod_annotations(at("service.gateway.port", 81)) == base, "nothing else restarts pods"


@pytest.mark.parametrize(("owner", "component"), [("gateway", "gateway"), ("adminUi", "admin-ui")])
def test_trap_08_the_digest_of_secrets_restarts_the_pods_that_read_them(owner: str, component: str) -> None:
    """For Secrets that Helm does not render. The key is the one that earlier releases have, so an upgrade restarts nothing."""
    key = "oceans.llm/secrets-digest"
    values = at(f"{owner}.secretsDigest", "app=0123")
    assert pod_annotations(values, component)[key] == "app=0123"
    for other in {"gateway", "admin-ui", "migration", "test"} - {component}:
        assert key not in pod_annotations(values, other)
    assert key not in pod_annotations(at(f"{owner}.secretsDigest", ""), component) and key not in pod_annotations(at(f"{owner}.secretsDigest", None), component)
    # an annotation of the user's with the same key wins, and stands there once
    assert pod_annotations(merged(values, at(f"{owner}.podAnnotations", {key: "mine"})), component)[key] == "mine"


def test_trap_08_no_annotation_is_made_of_a_secret_value() -> None:
    """Whoever may read pods but not Secrets must have nothing to test guesses against."""
    one, other = ({"POSTGRES_URL": f"postgresql://u:{password}@h/d"} for password in ("hunter2", "hunter3"))
    found = [
        [
            (o["kind"], o["metadata"]["name"], o["metadata"].get("annotations"), template_of(o))
            for o in render(at("secrets.inline", values))
            if o["kind"] != "Secret"
        ]
        for values in (one, other)
    ]
    assert found[0] == found[1], "without a cluster to compare with, objects other than the Secret are the same"
    assert pod_annotations(at("secrets.inline", one))["oceans.llm/inline-secret-revision"] == "1"


def test_trap_09_users_are_numbers_and_nothing_is_writable_or_privileged() -> None:
    for component, template in templates(render(merged(DATABASE, ADMIN, CNPG))).items():
        pod = template["spec"]["securityContext"]
        assert pod["runAsNonRoot"] is True and pod["runAsUser"] == (1000 if component == "admin-ui" else 10001)
        assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
        assert template["spec"]["automountServiceAccountToken"] is False
        for c in containers(template):
            assert c["securityContext"] == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
            if c["name"] != "reach":
                tmp = next(m["name"] for m in c["volumeMounts"] if m["mountPath"] == "/tmp")
                assert {"name": tmp, "emptyDir": {}} in template["spec"]["volumes"]


def test_trap_10_jobs_and_waiter_are_placed_and_mounted_like_the_gateway() -> None:
    scheduling = {
        "resources": {"requests": {"cpu": "1"}},
        "nodeSelector": {"a": "b"},
        "affinity": {"nodeAffinity": {}},
        "tolerations": [{"key": "k"}],
        "priorityClassName": "p",
    }
    ca = {"extraVolumes": [{"name": "ca", "secret": {"secretName": "ca"}}], "extraVolumeMounts": [{"name": "ca", "mountPath": "/ca"}]}
    objects = render(merged(DATABASE, ADMIN, {"scheduling": scheduling, "gateway": ca, "imagePullSecrets": [{"name": "pull"}]}))
    for component, template in templates(objects).items():
        spec = template["spec"]
        assert {k: spec[k] for k in scheduling if k != "resources"} == {k: v for k, v in scheduling.items() if k != "resources"}, component
        assert spec["imagePullSecrets"] == [{"name": "pull"}]
    for name, c in gateway_containers(objects).items():
        assert c["resources"] == scheduling["resources"], name
        assert {"name": "ca", "mountPath": "/ca"} in c["volumeMounts"], name
    for component in ("gateway", "migration", "bootstrap-admin", "seed-config"):
        assert ca["extraVolumes"][0] in templates(objects)[component]["spec"]["volumes"]
    own = render(merged(DATABASE, {"scheduling": scheduling}, at("migrations.resources", {"limits": {"cpu": "2"}})))
    assert gateway_containers(own)["migrate"]["resources"] == {"limits": {"cpu": "2"}}


def test_trap_10_spread_counts_the_right_pods() -> None:
    mine = {"maxSkew": 1, "topologyKey": "zone", "labelSelector": {"matchLabels": {"app.kubernetes.io/component": "gateway"}}}
    objects = render(merged(DATABASE, at("scheduling.topologySpreadConstraints", [{"maxSkew": 1, "topologyKey": "host"}, mine])))
    for component, template in templates(objects).items():
        found = template["spec"]["topologySpreadConstraints"]
        assert found[0]["labelSelector"]["matchLabels"]["app.kubernetes.io/component"] == component
        assert found[0]["labelSelector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
        assert found[1:] == ([mine] if component == "gateway" else [])


def test_trap_11_the_url_is_the_operators_own() -> None:
    objects = render(CNPG)
    for c in gateway_containers(objects).values():
        assert env(c)["POSTGRES_URL"] == {"secretKeyRef": {"name": "r-oceans-llm-postgres-app", "key": "uri"}}
    assert named(objects, "Cluster")["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


def test_trap_11_own_credentials_are_never_pasted_into_a_url() -> None:
    objects = render(merged(CNPG, at("database.cloudnativepg.existingCredentialsSecret", "creds")))
    for c in gateway_containers(objects).values():
        assert env(c)["POSTGRES_URL"] == "postgresql://r-oceans-llm-postgres-rw:5432/oceans_llm"
        assert env(c)["PGUSER"] == {"secretKeyRef": {"name": "creds", "key": "username"}}
        assert env(c)["PGPASSWORD"] == {"secretKeyRef": {"name": "creds", "key": "password"}}


def test_trap_12_long_names_are_cut_and_stay_different() -> None:
    long = "a" * 53
    objects = render(merged(CNPG, at("seedConfigJob.enabled", True)), release=long)
    names = [o["metadata"]["name"] for o in objects if o["kind"] in ("Deployment", "Job")]
    assert len(set(names)) == 4 and max(map(len, names)) <= 63 and all(n.endswith(("-gateway", "-admin-ui", "-migrate", "-seed-config")) for n in names)
    other = render(CNPG, release=long[:-1] + "b")
    assert not {o["metadata"]["name"] for o in objects} & {o["metadata"]["name"] for o in other}
    assert len(named(objects, "Cluster")["metadata"]["name"]) <= 50


def test_trap_13_typed_values_are_looked_at_not_text() -> None:
    assert render(merged(DATABASE, at("gateway.config.teams", [{"name": "the word literal. in a text"}])))
    for path, value in (("gateway.config.database.url", "postgres://u:pw@h/d"), ("gateway.config.x", "literal.y"), ("gateway.config.y", "sk-live123")):
        with pytest.raises(HelmError, match=path.replace(".", r"\.")):
            render(merged(DATABASE, at(path, value)))


def test_trap_14_probes_and_replicas() -> None:
    objects = render()
    for name in ("gateway", "admin-ui"):
        c = container(templates(objects)[name], name)
        assert {"startupProbe", "livenessProbe", "readinessProbe"} <= set(c)
    startup = container(templates(objects)["gateway"], "gateway")["startupProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] >= 120, "the port opens 30 s late where egress is dropped"
    scaled = named(render(merged(DATABASE, at("autoscaling.enabled", True), at("scheduling.resources.requests.cpu", 1))), "Deployment", "-gateway")
    assert "replicas" not in scaled["spec"]


def test_trap_15_a_stop_drains_first_and_then_reaches_the_gateway() -> None:
    spec = templates(render())["gateway"]["spec"]
    c = container(templates(render())["gateway"], "gateway")
    assert c["command"] == ["/bin/sh", "-c"] and "trap " in c["args"][0] and "gateway serve &" in c["args"][0]
    command = c["lifecycle"]["preStop"]["exec"]["command"]
    assert command[:2] == ["/bin/sh", "-c"] and "/proc/net/tcp" in command[2] and "sock_diag" in command[7]
    assert [*command[3:7], *command[8:]] == ["drain", "5", "45", "8080", "5432", "3000"]
    assert spec["terminationGracePeriodSeconds"] == 5 + 45 + 10
    # a postStart of the user's does not take the draining away
    both = container(templates(render(merged(DATABASE, at("gateway.lifecycle", {"postStart": {"exec": {"command": ["x"]}}}))))["gateway"], "gateway")[
        "lifecycle"
    ]
    assert set(both) == {"postStart", "preStop"}


PROVIDERS = [
    {"id": "plain", "type": "openai_compat", "base_url": "https://a.example/v1"},
    {"id": "slow", "type": "openai_compat", "base_url": "http://b.example:3000/v1", "timeouts": {"total_ms": 300_001}},
    {"id": "odd", "type": "aws_bedrock", "timeouts": None},
]


def drained(*values: Values) -> tuple[list[str], int, str]:
    """(arguments of the drain without the programs, grace, the sentence) of a render."""
    deployment = named(render(merged(DATABASE, *values)), "Deployment", "-gateway")
    command = container(deployment["spec"]["template"], "gateway")["lifecycle"]["preStop"]["exec"]["command"]
    return (
        [*command[4:7], *command[8:]],
        deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"],
        deployment["metadata"]["annotations"]["oceans-llm/drain"],
    )


SHORT = "timeouts.total_ms of provider slow allows 301 s for an answer, but a stopping pod waits at most"


@pytest.mark.parametrize(
    ("providers", "drain", "limit", "why"),
    [
        ([], {}, 45, "no provider is configured"),
        (PROVIDERS[:1], {}, 120, "timeouts.total_ms of provider plain"),
        (PROVIDERS, {}, 301, "timeouts.total_ms of provider slow"),
        (PROVIDERS, {"ceilingSeconds": 200}, 200, f"drain.ceilingSeconds); {SHORT} 200 s, so longer answers are cut"),
        (PROVIDERS, {"timeoutSeconds": 30}, 30, f"drain.timeoutSeconds); {SHORT} 30 s, so longer answers are cut"),
        (PROVIDERS, {"timeoutSeconds": 0}, 0, "drain.timeoutSeconds"),
        (PROVIDERS, {"timeoutSeconds": None}, 301, "timeouts.total_ms of provider slow"),
        (PROVIDERS, {"timeoutSeconds": 1000, "ceilingSeconds": 10}, 1000, "drain.timeoutSeconds)"),
    ],
)
def test_trap_15_the_drain_fits_the_slowest_provider(providers: Any, drain: Any, limit: int, why: str) -> None:
    arguments, grace, sentence = drained(at("gateway.config.providers", providers), at("gateway.drain", drain))
    assert arguments[1] == str(limit) and grace == 5 + limit + 10 and f"at most {limit} s ({why}" in sentence
    assert sentence.endswith("cut") == ("longer" in why or limit == 0)


def test_trap_15_the_drain_knows_servers_that_are_no_providers() -> None:
    telemetry = at("gateway.config.server", {"otel_endpoint": "http://c:4318", "otel_metrics_endpoint": "http://c"})
    assert drained(telemetry)[0][3:] == ["5432", "3000", "4318", "4317"]
    assert drained(telemetry, at("gateway.config.providers", PROVIDERS))[0][3:] == ["5432", "4318", "4317"], "a provider at port 3000 is one"


HOSTS = {"enabled": True, "hosts": [{"host": "a.example", "paths": [{"path": "/", "pathType": "Prefix"}]}]}
DELAY = "stickiness.enabled=false,deregistration_delay.timeout_seconds=90"
ALB, NLB = "alb.ingress.kubernetes.io/target-group-attributes", "service.beta.kubernetes.io/aws-load-balancer-target-group-attributes"


@pytest.mark.parametrize(
    ("values", "settle", "why"),
    [
        ({}, 5, "only the Service"),
        ({"ingress": HOSTS}, 10, "an Ingress"),
        ({"ingress": {**HOSTS, "className": "alb"}}, 30, "class alb"),
        ({"ingress": {**HOSTS, "annotations": {"alb.ingress.kubernetes.io/target-type": "ip"}}}, 30, "alb.ingress.kubernetes.io/target-type"),
        ({"ingress": {**HOSTS, "annotations": {ALB: DELAY}}}, 90, "deregistration_delay.timeout_seconds in the annotations of the Ingress"),
        ({"ingress": {**HOSTS, "enabled": False, "annotations": {ALB: DELAY}}}, 5, "only the Service"),
        ({"httpRoute": {"enabled": True, "parentRefs": [{"name": "g"}]}}, 10, "an HTTPRoute"),
        ({"route": {"enabled": True}}, 10, "a Route"),
        ({"service": {"gateway": {"type": "LoadBalancer"}}}, 15, "LoadBalancer"),
        ({"service": {"gateway": {"type": "LoadBalancer", "annotations": {NLB: DELAY.replace("90", "4000")}}}}, 300, "annotations of the Service"),
        ({"service": {"gateway": {"annotations": {"cloud.google.com/neg": "x"}}}}, 30, "cloud.google.com/neg"),
        ({"ingress": HOSTS, "gateway": {"drain": {"settleSeconds": 2}}}, 2, "drain.settleSeconds"),
    ],
)
def test_trap_15_the_settle_time_follows_what_is_in_front(values: Any, settle: int, why: str) -> None:
    arguments, grace, sentence = drained(values)
    assert arguments[0] == str(settle) and grace == settle + 45 + 10 and f"answers requests for {settle} s (" in sentence
    assert why in sentence.partition(")")[0]


def test_trap_15_a_hook_of_the_users_says_nothing_of_the_drain() -> None:
    own = at("gateway", {"lifecycle": {"preStop": {"exec": {"command": ["x"]}}}, "terminationGracePeriodSeconds": 7})
    deployment = named(render(merged(DATABASE, own)), "Deployment", "-gateway")
    assert "oceans-llm/drain" not in deployment["metadata"].get("annotations", {})
    assert deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 7


def test_trap_15_no_old_pod_goes_before_a_new_one_is_ready() -> None:
    for obj in render():
        if obj["kind"] == "Deployment":
            assert obj["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
            assert obj["spec"]["minReadySeconds"] > 0 and obj["spec"]["progressDeadlineSeconds"] > 600 and obj["spec"]["revisionHistoryLimit"] == 5


def test_trap_16_a_starting_database_uses_up_no_try() -> None:
    job = templates(render(CNPG))["migration"]
    wait = container(job, "wait-for-database")
    assert job["spec"]["initContainers"] == [wait] and wait["args"][1:] == ["wait-for-database", "database", "2", "600"]
    # an external database that is wrong fails at once
    assert "initContainers" not in templates(render())["migration"]["spec"]


def test_trap_17_the_tests_run_a_helm_that_can_delete_hooks() -> None:
    printed = subprocess.run([program("helm4"), "version", "--short"], capture_output=True, text=True, check=True).stdout
    major, minor, patch = (int(n) for n in printed.strip().lstrip("v").split("+")[0].split("."))
    assert (major, minor, patch) >= (4, 2, 2), f"Helm {printed.strip()} hangs when it deletes hooks"
