# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters of all kinds: OpenShift, GitOps, database proxies, autoscalers and Secrets of others, and what the packaged chart says about itself."""

from __future__ import annotations

import json
import re
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from chart_lib import (
    CHART,
    DATABASE,
    ROOT,
    Object,
    at,
    container,
    containers,
    env,
    gateway_containers,
    get,
    helm,
    hooks_of,
    kinds,
    merged,
    named,
    parse,
    refused,
    render,
    template_of,
    templates,
    text,
)

APP = at("secrets.existingSecret.name", "app")
JOBS = merged(APP, {"bootstrapAdminJob": {"enabled": True}, "seedConfigJob": {"enabled": True}}, at("gateway.config.auth.bootstrap_admin.enabled", True))
PLAIN = merged(DATABASE, JOBS, at("migrations.mode", "job"))
SIDECAR = {"name": "proxy", "image": "proxy:1", "restartPolicy": "Always"}
PARTS = at("database.external.parts", {"host": "db", "database": "d", "secret": {"name": "creds"}})


def keys(value: Any) -> set[str]:
    """Every key at any depth."""
    if isinstance(value, dict):
        return set(value).union(*map(keys, value.values()))
    return set().union(*map(keys, value)) if isinstance(value, list) else set()


def test_openshift_chooses_every_id() -> None:
    """Ids of the user's go, too: the cluster would refuse them. All the rest that `restricted` asks for stays."""
    ids = {"runAsUser", "runAsGroup", "fsGroup", "supplementalGroups"}
    own = at("gateway", {"podSecurityContext": {"supplementalGroups": [5], "fsGroupChangePolicy": "Always"}, "securityContext": {"runAsGroup": 7}})
    objects = render(merged(DATABASE, JOBS, own, at("platform", "openshift")))
    assert not ids & keys(objects) and ids <= keys(render(merged(DATABASE, JOBS, own)))
    for template in templates(objects).values():
        assert {"runAsNonRoot", "seccompProfile"} <= set(template["spec"]["securityContext"])
        for c in [*template["spec"].get("initContainers", []), *template["spec"]["containers"]]:
            assert c["securityContext"]["capabilities"] == {"drop": ["ALL"]} and c["securityContext"]["allowPrivilegeEscalation"] is False


def test_common_labels_and_annotations_are_on_everything_but_selectors() -> None:
    values = merged(
        {"database": {"mode": "cloudnativepg"}},
        JOBS,
        {"commonLabels": {"team": "ai"}, "commonAnnotations": {"cost": "7"}, "networkPolicy": {"enabled": True}, "httpRoute": {"enabled": True}},
        {"httpRoute": {"parentRefs": [{"name": "g"}]}, "gateway": {"replicaCount": 2}, "secrets": {"inline": {"A": "b"}}},
        at("extraObjects", [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "labels": {"team": "mine"}}}]),
    )
    objects = render(values)
    for obj in objects:
        template = template_of(obj)
        for metadata in (obj["metadata"], *([template["metadata"]] if template else [])):
            assert metadata["labels"]["team"] == ("mine" if obj["metadata"]["name"] == "x" else "ai"), obj["metadata"]["name"]
            assert metadata["annotations"]["cost"] == "7", obj["metadata"]["name"]
        assert "team" not in keys(obj["spec"].get("selector") or {}) if "spec" in obj else True
    assert len(objects) >= 14


def test_a_render_is_the_same_each_time_and_jobs_are_no_hooks() -> None:
    objects = render(PLAIN)
    assert helm("template", "r", str(CHART), "-f", "-", stdin=json.dumps(PLAIN)) == helm("template", "r", str(CHART), "-f", "-", stdin=json.dumps(PLAIN))
    jobs = {o["metadata"]["name"]: o for o in objects if o["kind"] == "Job"}
    assert len(jobs) == 3 and not any(hooks_of(o) for o in jobs.values())
    assert all(re.fullmatch(r"r-oceans-llm-(migrate|bootstrap-admin|seed-config)-[0-9a-f]{10}", name) for name in jobs)
    # a Job that is gone would run again with the tool's next look
    assert all("ttlSecondsAfterFinished" not in o["spec"] for o in jobs.values())
    assert "wait-for-migrations" in [c["name"] for c in templates(objects)["gateway"]["spec"]["initContainers"]]
    for component in ("bootstrap-admin", "seed-config"):
        assert templates(objects)[component]["spec"]["initContainers"][0]["name"] == "wait-for-migrations", "two migrators at once have no lock"
    assert {o["metadata"]["name"] for o in render(PLAIN, binary="helm3")} == {o["metadata"]["name"] for o in objects}, "by both Helms"


def names(values: dict) -> dict[str, str]:
    return {o["metadata"]["labels"]["app.kubernetes.io/component"]: o["metadata"]["name"] for o in render(merged(PLAIN, values)) if o["kind"] == "Job"}


@pytest.mark.parametrize(
    "change",
    [
        at("gateway.image.tag", "v9"),
        at("gateway.config.teams", [{"id": "t"}]),
        at("gateway.extraEnv", [{"name": "A", "value": "b"}]),
        at("scheduling.nodeSelector", {"a": "b"}),
        at("platform", "openshift"),
    ],
)
def test_what_a_job_cannot_change_makes_a_new_job(change: dict) -> None:
    before, after = names({}), names(change)
    assert all(before[component] != after[component] for component in before)


def test_what_a_job_does_not_depend_on_leaves_it_alone() -> None:
    assert names({}) == names({"adminUi": {"image": {"tag": "v9"}}, "migrations": {"annotations": {"argocd.argoproj.io/sync-wave": "1"}}})


def test_plain_jobs_need_no_copies_for_early_hooks() -> None:
    objects = render(merged(PLAIN, at("migrations.hook", "pre-install,pre-upgrade"), at("secrets.inline", {"A": "b"})))
    assert not any(hooks_of(o) for o in objects if o["kind"] != "Pod")
    assert len([n for n in (o["metadata"]["name"] for o in objects) if "-hook" in n]) == 0


def test_long_names_of_plain_jobs_stay_different() -> None:
    found = [o["metadata"]["name"] for o in render(PLAIN, release="a" * 53) if o["kind"] == "Job"]
    assert len(set(found)) == 3 and all(len(name) <= 63 for name in found)


def test_native_sidecars_come_first_in_gateway_pods_and_jobs() -> None:
    values = merged({"database": {"mode": "cloudnativepg"}}, JOBS, at("gateway.extraInitContainers", [SIDECAR]))
    for component, template in templates(render(values)).items():
        init = template["spec"].get("initContainers", [])
        if component in ("gateway", "migration", "bootstrap-admin", "seed-config"):
            assert init[0] == SIDECAR, component
        else:
            assert SIDECAR not in init
        assert SIDECAR not in template["spec"]["containers"], "a Job would never end"


def test_user_and_password_are_never_part_of_the_url() -> None:
    objects = render(merged(JOBS, PARTS, at("database.external.parts.secret", {"hostKey": "host", "portKey": "port"})))
    for c in gateway_containers(objects).values():
        found = env(c)
        assert found["PGPASSWORD"] == {"secretKeyRef": {"name": "creds", "key": "password"}}
        assert found["POSTGRES_URL"] == "postgresql://db:$(PGPORT)/d"
        # $(NAME) is replaced by variables that stand before it only
        order = [e["name"] for e in c["env"]]
        assert order.index("PGPORT") < order.index("POSTGRES_URL")
    both = at("database.external.parts", {"host": "", "database": "", "secret": {"hostKey": "host", "portKey": "port", "databaseKey": "dbname"}})
    assert env(gateway_containers(render(merged(PARTS, both)))["gateway"])["POSTGRES_URL"] == "postgresql://$(PGHOST):$(PGPORT)/"
    assert "postgresql://[fd00::1]:5432/d" in str(render(merged(PARTS, at("database.external.parts.host", "fd00::1"))))


def test_the_authority_is_mounted_where_the_url_says() -> None:
    values = merged(JOBS, PARTS, at("database.external.parts.ca", {"secretName": "ca", "key": "root.pem"}))
    for c in gateway_containers(render(values)).values():
        assert env(c)["POSTGRES_URL"].endswith("?sslmode=verify-full&sslrootcert=/etc/oceans-llm/database-ca/ca.crt")
        assert {"name": "database-ca", "mountPath": "/etc/oceans-llm/database-ca", "readOnly": True} in c["volumeMounts"]


def test_jobs_go_past_the_pooler() -> None:
    found = gateway_containers(render(merged(DATABASE, JOBS, at("database.external.migrations.existingSecret.name", "direct"))))
    urls = {name: env(c)["POSTGRES_URL"]["secretKeyRef"]["name"] for name, c in found.items()}
    assert urls == {"gateway": "pg", "wait-for-migrations": "pg", "migrate": "direct", "bootstrap-admin": "direct", "seed-config": "direct"}


def test_a_vertical_pod_autoscaler_sets_all_requests_that_nobody_asked_for() -> None:
    """README, Platforms. test_autopilot_and_aks_change_objects_of_a_release has requests that are set when pods start."""
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": '{{ include "oceans-llm.fullname" . }}-gateway'}
    policy = {"containerPolicies": [{"containerName": "gateway", "controlledResources": ["memory"]}]}
    vpa = {"apiVersion": "autoscaling.k8s.io/v1", "kind": "VerticalPodAutoscaler", "metadata": {"name": "gateway"}}
    vpa["spec"] = {"targetRef": target, "resourcePolicy": policy}
    alone = merged(DATABASE, JOBS, at("extraObjects", [vpa]))
    objects = render(alone)
    gateway = named(objects, "Deployment", "-gateway")
    assert get(named(objects, "VerticalPodAutoscaler"), "spec.targetRef.name") == gateway["metadata"]["name"]
    assert [c["name"] for c in gateway["spec"]["template"]["spec"]["containers"]] == ["gateway"]
    everything = [c for template in templates(objects).values() for c in containers(template)]
    assert len(everything) > 6 and not [c["name"] for c in everything if c.get("resources")]
    assert "PodDisruptionBudget" not in kinds(objects), "the only pod may be evicted, so that another one gets the new requests"

    asked = {"requests": {"cpu": "250m"}}
    both = render(merged(alone, at("scheduling.resources", asked), at("autoscaling.enabled", True)))
    assert all(c["resources"] == asked for template in templates(both).values() for c in containers(template)), "no limit beside a request"
    metrics = get(named(both, "HorizontalPodAutoscaler"), "spec.metrics")
    assert [metric["resource"]["name"] for metric in metrics] == ["cpu"]


def test_another_autoscaler_sets_the_number_of_pods() -> None:
    objects = render(merged(DATABASE, at("gateway.replicaCount", None)))
    deployment = named(objects, "Deployment", "-gateway")
    assert "replicas" not in deployment["spec"] and deployment["metadata"]["annotations"]["oceans-llm/keeps-replicas"] == "false"
    assert "PodDisruptionBudget" not in kinds(objects), "nobody knows how many there are"
    assert "replicas" not in named(render(merged(DATABASE, at("adminUi.replicaCount", None))), "Deployment", "-admin-ui")["spec"]


@pytest.mark.parametrize(
    ("repository", "image"),
    [
        ("ghcr.io/ahstn/oceans-llm-gateway", "mirror.example.com:5000/x/ahstn/oceans-llm-gateway"),
        ("localhost/gateway", "mirror.example.com:5000/x/gateway"),
        ("registry:5000/a/gateway", "mirror.example.com:5000/x/a/gateway"),
        ("library/gateway", "mirror.example.com:5000/x/library/gateway"),
    ],
)
def test_one_registry_for_all_images(repository: str, image: str) -> None:
    values = merged(at("global.imageRegistry", "mirror.example.com:5000/x"), at("gateway.image.repository", repository))
    assert container(templates(render(merged(DATABASE, values)))["gateway"], "gateway")["image"] == f"{image}:v0.1.0"


def test_a_stream_of_two_minutes_meets_no_default_of_a_controller() -> None:
    def timeouts(value: Any) -> Any:
        values = {"httpRoute": {"enabled": True, "parentRefs": [{"name": "g"}], "timeouts": value}}
        return get(named(render(merged(DATABASE, values)), "HTTPRoute"), "spec.rules[0].timeouts")

    assert timeouts({}) == {"request": "15m", "backendRequest": "15m"}
    assert timeouts({"request": "60s"}) == {"request": "60s", "backendRequest": "60s"}, "longer than the request is refused by the API"
    assert timeouts({"request": ""}) is None and timeouts(None) is None
    assert "does not match pattern" in refused(merged(DATABASE, at("httpRoute.timeouts.request", "15 minutes")))
    route = named(render(merged(DATABASE, at("route.enabled", True))), "Route")
    assert route["metadata"]["annotations"]["haproxy.router.openshift.io/timeout"] == "15m"


def test_extra_objects_are_rendered_and_labelled() -> None:
    texts = ["{apiVersion: v1, kind: ConfigMap, metadata: {name: '{{ .Release.Name }}-x', annotations: {a: b}}, data: {env: env.NOTHING}}"]
    obj = named(render(merged(DATABASE, at("extraObjects", texts))), "ConfigMap", "r-x")
    assert obj["metadata"]["labels"]["app.kubernetes.io/instance"] == "r" and obj["metadata"]["annotations"] == {"a": "b"}


def test_the_chart_says_what_it_is() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["kubeVersion"].startswith(">=1.29") and chart["icon"] and chart["home"] and chart["sources"] and chart["maintainers"]
    notes = chart["annotations"]
    assert notes["artifacthub.io/license"] == "GPL-3.0-or-later"
    images = {i["name"]: i["image"] for i in yaml.safe_load(notes["artifacthub.io/images"])}
    rendered = templates(render())
    assert images == {name: container(rendered[name], name)["image"] for name in ("gateway", "admin-ui")}
    for field in ("links", "changes"):
        assert yaml.safe_load(notes[f"artifacthub.io/{field}"])


def test_the_packaged_chart_has_the_licence(tmp_path: Path) -> None:
    archive = helm("package", str(CHART), "-d", str(tmp_path)).split()[-1]
    with tarfile.open(archive) as tar:
        members = tar.getnames()
        licence = tar.extractfile("oceans-llm/LICENSE")
        assert licence and licence.read() == (ROOT / "LICENSE").read_bytes()
    assert not any(name.startswith("oceans-llm/tests") for name in members)


EXAMPLES: dict[str, set[str]] = {
    "gateway-api": {"HTTPRoute", "ScaledObject", "PodDisruptionBudget"},
    "openshift": {"Route"},
    "gitops": {"Job"},
    "database-parts": {"Job"},
    "observability-prometheus": {"ServiceMonitor", "PrometheusRule"},
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_for_platforms(name: str) -> None:
    objects: list[Object] = render(CHART / "examples" / f"{name}-values.yaml", release="oceans-llm")
    assert EXAMPLES[name] <= set(kinds(objects))
    if name == "gateway-api":
        assert named(objects, "ScaledObject")["spec"]["scaleTargetRef"]["name"] == named(objects, "Deployment", "-gateway")["metadata"]["name"]


def test_numbers_of_a_values_file_stay_whole(tmp_path: Path) -> None:
    """Helm reads them as floats, and would print a million as 1e+06, which the API server refuses."""
    file = tmp_path / "values.yaml"
    second = dict.fromkeys(("activeDeadlineSeconds", "ttlSecondsAfterFinished"), 2592000)
    waiter = {"intervalSeconds": 1000000, "timeoutSeconds": 2592000}
    values = merged(DATABASE, JOBS, dict.fromkeys(("migrations", "bootstrapAdminJob", "seedConfigJob"), second), at("gateway.migrationWaiter", waiter))
    rollout = {"minReadySeconds": 1000000, "progressDeadlineSeconds": 2592001, "revisionHistoryLimit": 5}
    grace = {"drain": {"settleSeconds": 1000000}, "terminationGracePeriodSeconds": 2592000}
    file.write_text(yaml.safe_dump(merged(values, {"rollout": rollout, "adminUi": grace}, at("gateway.terminationGracePeriodSeconds", 2592000))))
    assert not re.findall(r".*[0-9]e\+[0-9].*", text(file))


@pytest.mark.parametrize(("alias", "condition"), [("", "oceans-llm.enabled"), ("llm", "llm.enabled")])
def test_a_parent_chart_switches_it_on_and_off(tmp_path: Path, alias: str, condition: str) -> None:
    """As a dependency with an alias, with globals of the parent's, and `enabled` under the chart's own key, as most parent charts have it."""
    shutil.copytree(CHART, tmp_path / "charts" / "oceans-llm", ignore=shutil.ignore_patterns("tests"))
    dependency = {"name": "oceans-llm", "version": "0.1.0", "condition": condition, **({"alias": alias} if alias else {})}
    (tmp_path / "Chart.yaml").write_text(json.dumps({"apiVersion": "v2", "name": "platform", "version": "1.0.0", "dependencies": [dependency]}))

    def rendered(enabled: bool) -> list[Object]:
        values = {alias or "oceans-llm": merged(DATABASE, {"enabled": enabled}), "global": {"storageClass": "x", "imagePullSecrets": ["all"]}}
        return parse(helm("template", "r", str(tmp_path), "-f", "-", stdin=json.dumps(values)))

    assert not rendered(False)
    assert templates(rendered(True))["gateway"]["spec"]["imagePullSecrets"] == [{"name": "all"}]
