# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes out: objects, names, labels, hooks; the same by both Helms."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import yaml
from chart_lib import (
    CHART,
    DATABASE,
    EXAMPLES,
    Object,
    at,
    container,
    containers,
    env,
    gateway_containers,
    gateway_yaml,
    helm,
    hooks_of,
    kinds,
    merged,
    named,
    refused,
    render,
    secret_data,
    template_of,
    templates,
    text,
)

GOLDEN = Path(__file__).parent / "golden"
JOBS = {
    "bootstrapAdminJob": {"enabled": True},
    "seedConfigJob": {"enabled": True},
    "gateway": {"config": {"auth": {"bootstrap_admin": {"enabled": True}}}},
    "secrets": {"existingSecret": {"name": "app"}},
}
#: examples that the seed of the project promises
PROMISED = [
    f"{name}-values"
    for name in ("external-postgres", "inline-secrets", "external-secrets", "ingress-hpa", "cloudnativepg", "observability-sidecar", "observability-datadog")
]
CNPG = {"database": {"mode": "cloudnativepg"}}
EXTERNAL = {"externalSecrets": {"enabled": True, "secretStoreRef": {"name": "store"}, "data": [{"secretKey": "POSTGRES_URL", "remoteRef": {"key": "k"}}]}}
EARLY = {"migrations": {"hook": "pre-install,pre-upgrade"}, "secrets": {"inline": {"POSTGRES_URL": "postgresql://u:p@h/d"}}}

CASES: dict[str, dict] = {"default": DATABASE, "jobs": merged(DATABASE, JOBS), "pre-hooks": EARLY}


def test_default_objects() -> None:
    assert kinds(render()) == ["ConfigMap", "Deployment", "Deployment", "Job", "Pod", "Service", "Service", "ServiceAccount"]


def test_object_names_are_the_interface() -> None:
    objects = render(
        merged(
            DATABASE,
            JOBS,
            EXTERNAL,
            {
                "secrets": {"inline": {"A": "b"}},
                "ingress": {"enabled": True, "hosts": [{"host": "a.b"}]},
                "autoscaling": {"enabled": True},
                "scheduling": {"resources": {"requests": {"cpu": "1"}}},
                "networkPolicy": {"enabled": True},
            },
        )
    )
    names = {(o["kind"], o["metadata"]["name"]) for o in objects}
    f = "r-oceans-llm"
    assert names >= {
        ("Deployment", f"{f}-gateway"),
        ("Deployment", f"{f}-admin-ui"),
        ("Service", f"{f}-gateway"),
        ("Service", f"{f}-admin-ui"),
        ("ConfigMap", f"{f}-config"),
        ("ServiceAccount", f),
        ("Secret", f"{f}-env"),
        ("ExternalSecret", f"{f}-external-env"),
        ("Ingress", f"{f}-gateway"),
        ("HorizontalPodAutoscaler", f"{f}-gateway"),
        ("PodDisruptionBudget", f"{f}-gateway"),
        ("Job", f"{f}-migrate"),
        ("Job", f"{f}-bootstrap-admin"),
        ("Job", f"{f}-seed-config"),
    }
    assert ("Cluster", f"{f}-postgres") in {(o["kind"], o["metadata"]["name"]) for o in render(CNPG)}


@pytest.mark.parametrize(
    ("release", "values", "full"),
    [
        ("prod", {}, "prod-oceans-llm"),
        ("oceans-llm", {}, "oceans-llm"),
        ("my-oceans-llm-2", {}, "my-oceans-llm-2"),
        ("prod", {"nameOverride": "gw"}, "prod-gw"),
        ("prod", {"fullnameOverride": "llm"}, "llm"),
        ("a.b", {}, "a-b-oceans-llm"),  # a Service takes no dots
        ("2024", {}, "r-2024-oceans-llm"),  # and no digit in front
    ],
)
def test_full_name(release: str, values: dict, full: str) -> None:
    objects = render(merged(DATABASE, values), release=release)
    assert named(objects, "ServiceAccount")["metadata"]["name"] == full
    assert {o["metadata"]["name"] for o in objects if o["kind"] == "Service"} == {f"{full}-gateway", f"{full}-admin-ui"}


def test_labels() -> None:
    components = {}
    for obj in render(merged(DATABASE, JOBS, CNPG)):
        labels = obj["metadata"]["labels"]
        assert labels["app.kubernetes.io/name"] == "oceans-llm" and labels["app.kubernetes.io/instance"] == "r"
        assert labels["app.kubernetes.io/managed-by"] == "Helm" and labels["app.kubernetes.io/version"] == "v0.1.0"
        assert labels["helm.sh/chart"] == "oceans-llm-0.1.0"
        components[obj["kind"], obj["metadata"]["name"].removeprefix("r-oceans-llm").lstrip("-")] = labels.get("app.kubernetes.io/component")
        template = template_of(obj)
        if template:
            assert template["metadata"]["labels"]["app.kubernetes.io/component"] == labels["app.kubernetes.io/component"]
    assert components["Job", "migrate"] == "migration" and components["Job", "bootstrap-admin"] == "bootstrap-admin"
    assert components["Job", "seed-config"] == "seed-config" and components["Cluster", "postgres"] == "postgres"
    assert components["Deployment", "gateway"] == "gateway" and components["Deployment", "admin-ui"] == "admin-ui"


def test_selectors_are_name_instance_component() -> None:
    for obj in render(merged(DATABASE, {"gateway": {"podLabels": {"team": "x"}}})):
        if obj["kind"] in ("Deployment", "Service"):
            selector = obj["spec"]["selector"]
            selector = selector.get("matchLabels", selector)
            assert selector == {
                "app.kubernetes.io/name": "oceans-llm",
                "app.kubernetes.io/instance": "r",
                "app.kubernetes.io/component": obj["metadata"]["labels"]["app.kubernetes.io/component"],
            }
            if obj["kind"] == "Deployment":
                assert obj["spec"]["template"]["metadata"]["labels"].items() >= selector.items()


def test_hooks_and_weights() -> None:
    objects = render(merged(DATABASE, JOBS))
    expected = {"migrate": "-10", "bootstrap-admin": "10", "seed-config": "20"}
    for suffix, weight in expected.items():
        annotations = named(objects, "Job", f"-{suffix}")["metadata"]["annotations"]
        assert annotations["helm.sh/hook"] == "post-install,post-upgrade"
        assert annotations["helm.sh/hook-weight"] == weight
        assert annotations["helm.sh/hook-delete-policy"] == "before-hook-creation"
        assert named(objects, "Job", f"-{suffix}")["spec"]["ttlSecondsAfterFinished"] == 300
    assert [o["kind"] for o in objects if hooks_of(o)].count("Job") == 3


def test_startup_switches_are_off_everywhere() -> None:
    found = gateway_containers(render(merged(DATABASE, JOBS)))
    assert set(found) == {"gateway", "wait-for-migrations", "migrate", "bootstrap-admin", "seed-config"}
    for c in found.values():
        assert [env(c)[n] for n in ("GATEWAY_RUN_MIGRATIONS", "GATEWAY_BOOTSTRAP_ADMIN", "GATEWAY_SEED_CONFIG")] == ["false"] * 3


def test_jobs_run_their_commands_and_replicas_only_serve() -> None:
    found = gateway_containers(render(merged(DATABASE, JOBS)))
    assert found["migrate"]["command"] == ["gateway", "migrate", "--apply"]
    assert found["bootstrap-admin"]["command"] == ["gateway", "bootstrap-admin"]
    assert found["seed-config"]["command"] == ["gateway", "seed-config"]
    assert re.search(r"^gateway serve &$", found["gateway"]["args"][0], re.M)
    assert "gateway migrate --check" in found["wait-for-migrations"]["args"][0] and "--apply" not in found["wait-for-migrations"]["args"][0]


def test_config_is_mounted_where_the_environment_says() -> None:
    objects = render(merged(DATABASE, {"gateway": {"configMountPath": "/etc/gw.yaml"}}))
    for c in gateway_containers(objects).values():
        assert env(c)["GATEWAY_CONFIG"] == "/etc/gw.yaml"
        assert {"name": "gateway-config", "mountPath": "/etc/gw.yaml", "subPath": "gateway.yaml", "readOnly": True} in c["volumeMounts"]
    assert gateway_yaml(objects)["database"] == {"kind": "postgres", "url": "env.POSTGRES_URL"}


def test_no_raw_yaml_and_no_direct_admin_ui_ingress() -> None:
    assert "got string, want object" in refused(merged(DATABASE, {"gateway": {"config": "server: {}"}}))
    objects = render(
        merged(
            DATABASE, {"ingress": {"enabled": True, "hosts": [{"host": "a", "paths": [{"path": "/x", "pathType": "Exact"}, {"path": "/y"}]}, {"host": "b"}]}}
        )
    )
    backends = {p["backend"]["service"]["name"] for r in named(objects, "Ingress")["spec"]["rules"] for p in r["http"]["paths"]}
    assert backends == {"r-oceans-llm-gateway"}


def test_chart_installs_no_operator_collector_or_karpenter() -> None:
    allowed = {
        "ConfigMap",
        "Deployment",
        "Job",
        "Pod",
        "Service",
        "ServiceAccount",
        "Secret",
        "Ingress",
        "HorizontalPodAutoscaler",
        "PodDisruptionBudget",
        "ExternalSecret",
        "Cluster",
        "NetworkPolicy",
    }
    every: list[dict | Path] = [
        *(EXAMPLES[0].parent / f"{name}.yaml" for name in PROMISED),
        merged(DATABASE, JOBS, EXTERNAL, {"networkPolicy": {"enabled": True}}),
        CNPG,
        EARLY,
    ]
    for values in every:
        objects = render(values)
        assert set(kinds(objects)) <= allowed
        assert sum(o["kind"] == "Deployment" for o in objects) == 2
    assert not any((CHART / "crds").glob("*")) and "dependencies" not in yaml.safe_load((CHART / "Chart.yaml").read_text())


def test_clusters_and_stores_force_post_hooks() -> None:
    early = {"migrations": {"hook": "pre-install,pre-upgrade"}}
    for source in (CNPG, EXTERNAL):
        objects = render(merged(source, early))
        assert hooks_of(named(objects, "Job", "-migrate")) == {"post-install", "post-upgrade"}
        assert "wait-for-migrations" in gateway_containers(objects)
    assert hooks_of(named(render(merged(DATABASE, early)), "Job", "-migrate")) == {"pre-install", "pre-upgrade"}


def test_early_jobs_find_what_they_need_as_earlier_hooks() -> None:
    objects = render(
        merged(
            EARLY,
            JOBS,
            {"secrets": {"existingSecret": {"name": ""}, "inline": {"GATEWAY_BOOTSTRAP_ADMIN_PASSWORD": "x"}}, "bootstrapAdminJob": {"hook": "post-install"}},
        )
    )
    job = named(objects, "Job", "-migrate")
    spec = job["spec"]["template"]["spec"]
    assert "wait-for-migrations" not in gateway_containers(objects)  # the schema is there before the pods are
    for kind, name in (
        ("ServiceAccount", spec["serviceAccountName"]),
        ("ConfigMap", spec["volumes"][0]["configMap"]["name"]),
        ("Secret", spec["containers"][0]["envFrom"][0]["secretRef"]["name"]),
    ):
        copies = [o for o in objects if o["kind"] == kind and o["metadata"]["name"] == name]
        assert len(copies) == 1, (kind, name)
        annotations = copies[0]["metadata"]["annotations"]
        assert hooks_of(copies[0]) >= hooks_of(job) and int(annotations["helm.sh/hook-weight"]) < int(job["metadata"]["annotations"]["helm.sh/hook-weight"])
        # removed with the phase: neither a Secret nor an orphan stays behind
        assert "hook-succeeded" in annotations["helm.sh/hook-delete-policy"]
    copy, real = [secret_data(named(objects, "Secret", s)) for s in ("-hook-env", "llm-env")]
    assert copy == real == {"POSTGRES_URL": "postgresql://u:p@h/d", "GATEWAY_BOOTSTRAP_ADMIN_PASSWORD": "x"}
    assert named(objects, "ConfigMap", "-hook-config")["data"] == named(objects, "ConfigMap", "llm-config")["data"]
    # a late Job uses the release's own objects
    late = named(objects, "Job", "-bootstrap-admin")["spec"]["template"]["spec"]
    assert late["serviceAccountName"] == "r-oceans-llm" and late["volumes"][0]["configMap"]["name"] == "r-oceans-llm-config"


def test_names_of_copies_are_never_those_of_live_objects() -> None:
    objects = render(EARLY)
    by_hook = {h: {(o["kind"], o["metadata"]["name"]) for o in objects if bool(hooks_of(o)) == h} for h in (True, False)}
    assert not by_hook[True] & by_hook[False]


@pytest.mark.parametrize("phase", ["install", "upgrade"])
def test_waiter_follows_the_hook(phase: str) -> None:
    def waits(values: dict) -> bool:
        return "wait-for-migrations" in gateway_containers(render(merged(DATABASE, values)))

    assert waits({"migrations": {"hook": f"post-install,post-{phase}"}})
    assert not waits({"migrations": {"hook": f"pre-install,pre-{phase}"}})
    assert not waits({"migrations": {"enabled": False}})
    assert not waits({"gateway": {"migrationWaiter": {"enabled": False}}})
    assert waits({"migrations": {"hook": "pre-install,pre-upgrade"}, "gateway": {"migrationWaiter": {"enabled": True}}})


def test_image_tags_follow_app_version_unless_set(tmp_path: Path) -> None:
    def images(values: dict) -> set[str]:
        return {c["image"] for t in templates(render(merged(DATABASE, JOBS, values))).values() for c in containers(t)}

    assert images({}) == {"ghcr.io/ahstn/oceans-llm-gateway:v0.1.0", "ghcr.io/ahstn/oceans-llm-admin-ui:v0.1.0"}
    digest = "sha256:" + "a" * 64
    assert images({"gateway": {"image": {"tag": f"v0.24.0@{digest}"}}, "adminUi": {"image": {"tag": digest}}}) == {
        f"ghcr.io/ahstn/oceans-llm-gateway:v0.24.0@{digest}",
        f"ghcr.io/ahstn/oceans-llm-admin-ui@{digest}",
    }
    archive = helm("package", str(CHART), "--version", "0.24.0", "--app-version", "v0.24.0", "-d", str(tmp_path)).split()[-1]
    objects = [o for o in yaml.safe_load_all(helm("template", "r", archive, "--set", "database.external.existingSecret.name=pg")) if o]
    assert container(templates(objects)["gateway"], "gateway")["image"].endswith(":v0.24.0")
    assert objects[0]["metadata"]["labels"]["helm.sh/chart"] == "oceans-llm-0.24.0"


def test_observability_is_for_the_gateway_pod_and_its_env_for_all() -> None:
    values = {
        "observability": {
            "env": [{"name": "OTEL_X", "value": "1"}],
            "podLabels": {"l": "1"},
            "podAnnotations": {"a": "1"},
            "sidecars": [{"name": "side", "image": "i"}],
            "volumes": [{"name": "v", "emptyDir": {}}],
            "volumeMounts": [{"name": "v", "mountPath": "/v"}],
        }
    }
    objects = render(merged(DATABASE, JOBS, values))
    assert all(env(c)["OTEL_X"] == "1" for c in gateway_containers(objects).values())
    for component, template in templates(objects).items():
        is_gateway = component == "gateway"
        assert (template["metadata"]["labels"].get("l") == "1") == is_gateway
        assert ((template["metadata"].get("annotations") or {}).get("a") == "1") == is_gateway
        assert ("side" in [c["name"] for c in template["spec"]["containers"]]) == is_gateway
        assert ("v" in [v["name"] for v in template["spec"].get("volumes", [])]) == is_gateway
    assert {"name": "v", "mountPath": "/v"} in container(templates(objects)["gateway"], "gateway")["volumeMounts"]


def test_cluster_spec_is_merged_once() -> None:
    values = merged(
        CNPG,
        {
            "database": {
                "cloudnativepg": {
                    "resources": {"limits": {"memory": "1Gi"}},
                    "backup": {"retentionPolicy": "7d"},
                    "monitoring": {"enablePodMonitor": True},
                    "additionalSpec": {
                        "imageName": "pg:16",
                        "storage": {"size": "5Gi", "resizeInUseVolumes": True},
                        "instances": 2,
                        "monitoring": {"disableDefaultQueries": True},
                    },
                }
            }
        },
    )
    spec = named(render(values), "Cluster")["spec"]
    assert spec == {
        "imageName": "pg:16",
        "instances": 2,
        "storage": {"size": "5Gi", "resizeInUseVolumes": True},
        "backup": {"retentionPolicy": "7d"},
        "monitoring": {"enablePodMonitor": True, "disableDefaultQueries": True},
        "resources": {"limits": {"memory": "1Gi"}},
        "bootstrap": {"initdb": {"database": "oceans_llm", "owner": "oceans"}},
    }


@pytest.mark.parametrize("way", ["recovery", "pg_basebackup"])
def test_a_recovery_replaces_initdb_and_restores_the_database_of_the_gateway(way: str) -> None:
    """Without its names the operator would write its defaults (app, app) into the Secret that the gateway reads."""

    def bootstrap(more: dict) -> dict:
        return named(render(merged(CNPG, at(f"database.cloudnativepg.additionalSpec.bootstrap.{way}", {"source": "old"}), more)), "Cluster")["spec"][
            "bootstrap"
        ]

    assert bootstrap({}) == {way: {"source": "old", "database": "oceans_llm", "owner": "oceans"}}
    more = at("database.cloudnativepg", {"database": "d", "owner": "o", "existingCredentialsSecret": "c"})
    assert bootstrap(more) == {way: {"source": "old", "database": "d", "owner": "o", "secret": {"name": "c"}}}


def test_monitoring_is_handed_on() -> None:
    more = {"customQueriesConfigMap": [{"name": "q", "key": "k"}]}
    assert named(render(merged(CNPG, at("database.cloudnativepg.monitoring", more))), "Cluster")["spec"]["monitoring"] == more
    assert "monitoring" not in named(render(CNPG), "Cluster")["spec"]


@pytest.mark.parametrize(("own", "secret"), [("", "r-oceans-llm-postgres-app"), ("creds", "creds")])
def test_user_and_password_of_the_cluster_are_in_the_environment(own: str, secret: str) -> None:
    for c in gateway_containers(render(merged(CNPG, at("database.cloudnativepg.existingCredentialsSecret", own)))).values():
        assert env(c)["POSTGRES_USER"] == {"secretKeyRef": {"name": secret, "key": "username"}}
        assert env(c)["POSTGRES_PASSWORD"] == {"secretKeyRef": {"name": secret, "key": "password"}}


def test_an_external_secret_has_the_name_of_its_secret() -> None:
    external = named(render(merged(EXTERNAL, at("externalSecrets.targetName", "t"))), "ExternalSecret")
    assert external["metadata"]["name"] == external["spec"]["target"]["name"] == "t"


def test_network_policy() -> None:
    objects = render(
        merged(
            DATABASE,
            JOBS,
            {
                "networkPolicy": {
                    "enabled": True,
                    "gatewayFrom": [{"podSelector": {"matchLabels": {"a": "b"}}}],
                    "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}],
                }
            },
        )
    )
    policies = {o["metadata"]["name"].removeprefix("r-oceans-llm-"): o["spec"] for o in objects if o["kind"] == "NetworkPolicy"}
    assert set(policies) == {"gateway", "admin-ui", "egress", "probe"}
    assert policies["admin-ui"]["ingress"][0]["from"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "gateway"
    assert {"podSelector": {"matchLabels": {"a": "b"}}} in policies["gateway"]["ingress"][0]["from"]
    assert {"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]} in policies["egress"]["egress"]
    # one-off Jobs of the release have components of their own, and need the database like the gateway
    assert policies["egress"]["podSelector"]["matchExpressions"][0] == {
        "key": "app.kubernetes.io/component",
        "operator": "NotIn",
        "values": ["admin-ui", "postgres", "test", "probe"],
    }
    # whoever asks the gateway for its version from a pod of the release is let in, and may get there
    assert policies["gateway"]["ingress"][0]["from"][-1]["podSelector"]["matchExpressions"][0]["values"] == ["admin-ui", "test", "probe"]
    assert policies["probe"]["podSelector"]["matchExpressions"][0]["values"] == ["test", "probe"]
    assert policies["probe"]["egress"][1]["to"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "gateway"
    assert "NetworkPolicy" not in kinds(render())


def test_recreate_takes_no_rolling_update() -> None:
    assert named(render(merged(DATABASE, {"rollout": {"strategy": {"type": "Recreate"}}})), "Deployment", "-gateway")["spec"]["strategy"] == {
        "type": "Recreate"
    }


@pytest.mark.parametrize("values", [*CASES.values(), CNPG, EXTERNAL, *EXAMPLES], ids=[*CASES, "cnpg", "external", *(e.stem for e in EXAMPLES)])
def test_helm_3_and_helm_4_give_the_same_objects(values: dict | Path) -> None:
    def sortable(objects: list[Object]) -> list[Object]:
        return sorted(objects, key=lambda o: (o["kind"], o["metadata"]["name"]))

    assert sortable(render(values, binary="helm3")) == sortable(render(values, binary="helm4"))


@pytest.mark.parametrize("name", [*CASES, *(e.stem for e in EXAMPLES)])
def test_golden_render(name: str) -> None:
    """A change of the output is a decision: it shows up here as a diff."""
    values = CASES.get(name) or CHART / "examples" / f"{name}.yaml"
    rendered = re.sub(r"[ \t]+$", "", text(values), flags=re.M)
    file = GOLDEN / f"{name}.yaml"
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.mkdir(exist_ok=True)
        file.write_text(rendered)
    assert file.exists(), "no golden render yet; UPDATE_GOLDEN=1 writes it"
    assert rendered == file.read_text(), f"the render of {name} has changed; if that is meant, UPDATE_GOLDEN=1 writes it again"


def test_every_golden_render_belongs_to_a_case() -> None:
    assert {f.stem for f in GOLDEN.glob("*.yaml")} == {*CASES, *(e.stem for e in EXAMPLES)}


def test_examples_cover_what_the_documentation_promises() -> None:
    assert {e.stem for e in EXAMPLES} >= set(PROMISED)
    for example in EXAMPLES:
        lines = example.read_text().splitlines()
        assert lines[0].startswith("# ") and sum("#" in line for line in lines) >= 4, f"{example.name} says too little"


def test_lint_is_quiet() -> None:
    for values in EXAMPLES:
        assert "0 chart(s) failed" in helm("lint", str(CHART), "--strict", "-f", str(values))


@pytest.mark.parametrize(
    ("written", "rendered"),
    [("1h", "1h0m0s"), ("15m", "15m0s"), ("90m", "1h30m0s"), ("1h30m", "1h30m0s"), ("0", "0s"), ("2s", "2s"), ("500ms", "500ms")],
)
def test_a_refresh_interval_is_spelled_as_the_operator_writes_it_back(written: str, rendered: str) -> None:
    """The operator owns what it writes: another spelling would be refused as a conflict of field managers from the second deployment on."""
    external = named(render(merged(EXTERNAL, at("externalSecrets.refreshInterval", written))), "ExternalSecret")
    assert external["spec"]["refreshInterval"] == rendered
