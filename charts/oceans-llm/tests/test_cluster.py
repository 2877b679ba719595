# SPDX-License-Identifier: GPL-3.0-or-later
"""The API server has the last word: dry runs of every object and pod, and real installs in a namespace that enforces `restricted`.

An install costs ten seconds or more, so what one release can show is shown on one release: each test below says all that it looks at.
"""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from chart_lib import CHART, DATABASE, EXAMPLES, ROOT, HelmError, Object, at, helm, hooks_of, merged, named, parse, pod_of, program, render, template_of
from cluster_lib import IMAGES, QUICK, REGISTRY, Namespace, eventually, oci_registry
from platform_lib import pod as deployed

pytestmark = pytest.mark.cluster

APP = {"GATEWAY_IDENTITY_TOKEN_SECRET": "x" * 40, "OPENAI_API_KEY": "placeholder", "GATEWAY_BOOTSTRAP_ADMIN_PASSWORD": "correct-horse-battery"}
USES_APP = at("secrets.existingSecret.name", "app")
SMALL = {"cpu": "10m", "memory": "64Mi"}
SIZED = at("scheduling.resources", {"requests": SMALL, "limits": {"memory": "256Mi"}})
HPA = merged(SIZED, {"autoscaling": {"enabled": True, "minReplicas": 2, "maxReplicas": 4}})
JOBS = merged(USES_APP, {"bootstrapAdminJob": {"enabled": True}, "seedConfigJob": {"enabled": True}}, at("gateway.config.auth.bootstrap_admin.enabled", True))
HARDENED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
EARLY = at("migrations.hook", "pre-install,pre-upgrade")
GATEWAY, UI = "r-oceans-llm-gateway", "r-oceans-llm-admin-ui"

PROXY = {
    "name": "proxy",
    "image": "i",
    "restartPolicy": "Always",
    "securityContext": HARDENED,
    "resources": {"requests": SMALL, "limits": {"cpu": "10m", "memory": "64Mi"}},
}
DRY_RUNS: dict[str, dict[str, Any]] = {
    "default": DATABASE,
    "plain jobs": merged(DATABASE, JOBS, at("migrations.mode", "job")),
    "parts": merged(
        JOBS,
        at("database.external.parts", {"host": "db", "database": "d", "secret": {"name": "s"}, "ca": {"configMapName": "ca"}}),
        at("gateway", {"replicaCount": None, "extraInitContainers": [PROXY]}),
        {"commonLabels": {"team": "ai"}, "commonAnnotations": {"cost": "7"}},
        at("service.gateway", {"type": "LoadBalancer", "ipFamilyPolicy": "SingleStack", "externalTrafficPolicy": "Local", "internalTrafficPolicy": "Local"}),
        at("service.gateway", {"trafficDistribution": "PreferClose", "loadBalancerClass": "example.com/lb"}),
        at("extraObjects", [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "extra"}, "data": {"a": "b"}}]),
    ),
    "openshift": merged(DATABASE, JOBS, at("platform", "openshift")),
    "jobs": merged(DATABASE, JOBS),
    "early": merged(
        DATABASE, JOBS, EARLY, at("secrets.inline", {"K": "v"}), {"bootstrapAdminJob": {"hook": "pre-install"}, "seedConfigJob": {"hook": "pre-upgrade"}}
    ),
    "everything": merged(
        DATABASE,
        HPA,
        JOBS,
        {"networkPolicy": {"enabled": True, "gatewayFrom": [{"podSelector": {}}], "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]}},
        {"ingress": {"enabled": True, "className": "nginx", "hosts": [{"host": "a.example"}], "tls": [{"secretName": "t", "hosts": ["a.example"]}]}},
        {"externalSecrets": {"enabled": True, "secretStoreRef": {"name": "s"}, "data": [{"secretKey": "A", "remoteRef": {"key": "k"}}]}},
        {"podDisruptionBudget": {"maxUnavailable": "25%"}, "service": {"gateway": {"type": "LoadBalancer"}}},
        at("scheduling.topologySpreadConstraints", [{"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"}]),
    ),
    "cluster": {
        "database": {
            "mode": "cloudnativepg",
            "cloudnativepg": {
                "existingCredentialsSecret": "c",
                "walStorage": {"enabled": True},
                "monitoring": {"enablePodMonitor": True},
                "additionalSpec": {"postgresql": {"parameters": {"max_connections": "50"}}},
            },
        }
    },
}


def dry_run(ns: Namespace, objects: list[Object]) -> subprocess.CompletedProcess[str]:
    manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    return ns.kubectl.run("-n", ns.name, "create", "--dry-run=server", "-f", "-", stdin=manifest, check=False)


@pytest.fixture(scope="module")
def quota(dry: Namespace) -> None:
    """Pods without requests and limits are refused from here on."""
    hard = {"pods": "30", "requests.cpu": "10", "requests.memory": "20Gi", "limits.memory": "40Gi"}
    dry.kubectl.apply(dry.name, {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": hard}})
    eventually("the quota is in force", lambda: dry.kubectl.get(dry.name, "resourcequota", "q").get("status", {}).get("hard"))


@pytest.mark.parametrize(("live", "revision"), [({"A": "b"}, "7"), ({"A": "c"}, "1"), ({"A": "b", "B": "c"}, "1")], ids=["same", "changed", "removed"])
def test_pods_restart_when_the_inline_secret_changes_and_not_before(dry: Namespace, binary: str, live: dict[str, str], revision: str) -> None:
    """The chart compares with the live Secret. Nothing in an annotation is made of a value."""
    key = "oceans.llm/inline-secret-revision"
    owner = {"meta.helm.sh/release-name": "inline", "meta.helm.sh/release-namespace": dry.name}
    name = "inline-oceans-llm-env"
    metadata = {"name": name, "labels": {"app.kubernetes.io/managed-by": "Helm"}, "annotations": {**owner, key: "7"}}
    dry.kubectl.run("-n", dry.name, "delete", "secret", name, "--ignore-not-found")
    dry.kubectl.apply(dry.name, {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": live})
    values = json.dumps(merged(DATABASE, at("secrets.inline", {"A": "b"})))
    objects = parse(helm("template", "inline", str(CHART), "-n", dry.name, "--dry-run=server", "-f", "-", stdin=values, binary=binary))
    pod = template_of(named(objects, "Deployment", "-gateway"))
    assert pod and pod["metadata"]["annotations"][key] == named(objects, "Secret", "-env")["metadata"]["annotations"][key] == revision


def test_the_namespace_really_refuses(dry: Namespace, quota: None) -> None:
    """The control for the dry runs: without the chart's hardening, or without requests, the same pod is refused."""
    for taken_away, sentence in (
        (merged(SIZED, at("gateway.podSecurityContext", None), at("gateway.securityContext", None)), "violates PodSecurity"),
        ({}, "failed quota"),
    ):
        values = merged(DATABASE, at("serviceAccount.create", False), taken_away)
        answer = dry_run(dry, [pod_of(named(render(values, namespace=dry.name), "Job", "-migrate"), dry.name, "p")])
        assert answer.returncode and sentence in answer.stderr


@pytest.mark.parametrize("name", [*DRY_RUNS, *(e.stem for e in EXAMPLES)])
def test_api_server_takes_every_object_and_pod(dry: Namespace, quota: None, crds: None, name: str) -> None:
    values = DRY_RUNS.get(name) or yaml.safe_load((CHART / "examples" / f"{name}.yaml").read_text())
    objects = render(merged(IMAGES, values, SIZED), namespace=dry.name)
    pods = [pod_of(o, dry.name, f"p-{n}") for n, o in enumerate(objects) if template_of(o)]
    assert len(pods) >= 4
    # the real service account is not there in a dry run
    for pod in pods:
        pod["spec"]["serviceAccountName"] = "default"
        for spread in pod["spec"].get("topologySpreadConstraints", []):
            assert spread["labelSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    # OpenShift's own kind is not in this cluster (its module brings a hundred others)
    known = [o for o in objects if o["kind"] not in ("Pod", "Route")]
    answer = dry_run(dry, [*known, *pods])
    assert answer.returncode == 0, answer.stderr
    # the operator's own wish, for a key of the interface that is off by default
    warnings = [line for line in answer.stderr.splitlines() if "Warning" in line and "enablePodMonitor is deprecated" not in line]
    assert not warnings
    assert answer.stdout.count("created (server dry run)") == len(known) + len(pods)


@pytest.mark.parametrize(
    "limits", [{"minAvailable": 1}, {"minAvailable": "1"}, {"minAvailable": "50%"}, {"maxUnavailable": 1}, {"maxUnavailable": "30%"}, {"minAvailable": 0}]
)
def test_trap_06_api_server_takes_the_budget(dry: Namespace, limits: dict[str, Any]) -> None:
    budget = named(render(merged(DATABASE, at("podDisruptionBudget", {"enabled": True, **limits})), namespace=dry.name), "PodDisruptionBudget")
    answer = dry_run(dry, [budget])
    assert answer.returncode == 0, answer.stderr


def living(ns: Namespace, component: str = "gateway") -> set[str]:
    return {p["metadata"]["uid"] for p in ns.kubectl.pods(ns.name, component) if "deletionTimestamp" not in p["metadata"]}


def test_released_chart_installed_from_a_registry_by_digest(ns: Namespace, tmp_path: Path, binary: str) -> None:
    """The defaults, and all three Jobs: packaged and pushed as a release does it, migrated and filled by the Jobs, served by the pods, tested by
    `helm test`; installing the same again restarts nothing."""
    ns.database()
    ns.kubectl.secret(ns.name, "app", APP)
    archive = ns.helm("package", str(CHART), "--version", "0.24.0", "--app-version", "v0.24.0", "-d", str(tmp_path), binary=binary).split()[-1]
    # the tags follow appVersion: only the repositories are the test cluster's
    repositories = {k: {"image": {"tag": ""}} for k in IMAGES}
    values = merged(QUICK, repositories, DATABASE, JOBS)
    with oci_registry(tmp_path) as address:
        pushed = subprocess.run([program(binary), "push", archive, f"oci://{address}/charts", "--plain-http"], capture_output=True, text=True, check=True)
        digest = next(line.split()[1] for line in (pushed.stdout + pushed.stderr).splitlines() if line.startswith("Digest:"))
        reference = f"oci://{address}/charts/oceans-llm@{digest}"
        ns.helm("pull", reference, "--plain-http", "-d", str(tmp_path / "pulled"), "--untar", binary=binary)
        files = {str(f.relative_to(tmp_path / "pulled" / "oceans-llm")) for f in (tmp_path / "pulled").rglob("*") if f.is_file()}
        assert {"Chart.yaml", "values.yaml", "values.schema.json", "README.md", "files/serve.sh", "templates/_pod.tpl"} <= files
        assert not {f for f in files if f.startswith("tests/") or f.endswith(".pyc")}
        printed = ns.helm("install", "r", reference, "--plain-http", "--timeout", "4m", values=values, binary=binary)
    assert "Oceans LLM v0.24.0 as release r" in printed and "rollout status deployment/r-oceans-llm-gateway" in printed
    listed = json.loads(ns.helm("list", "-o", "json", binary=binary))[0]
    assert listed["chart"] == "oceans-llm-0.24.0" and listed["app_version"] == "v0.24.0"
    ns.kubectl.ready(ns.name, GATEWAY)
    ns.kubectl.ready(ns.name, UI)
    assert ns.served() == "0.24.0"
    assert ns.sql("SELECT max(version) FROM refinery_schema_history") == "45"
    assert ns.sql("SELECT count(*) FROM users WHERE email = 'admin@local'") == "1"
    said = ns.helm("test", "r", "--logs", binary=binary)
    [line] = [each for each in said.splitlines() if "served: " in each]
    assert f"http://{GATEWAY}.{ns.name}.svc:8080 (" in line and line.endswith("/readyz 200, /admin 200"), said
    before = living(ns)
    # the Jobs are of no matter here
    ns.helm("upgrade", "r", archive, "--no-hooks", values=values, binary=binary)
    ns.kubectl.ready(ns.name, GATEWAY)
    assert living(ns) == before and ns.kubectl.get(ns.name, "deployment", GATEWAY)["metadata"]["generation"] == 1
    for pod in ns.kubectl.get(ns.name, "pods"):
        assert all(c["restartCount"] == 0 for c in pod["status"]["containerStatuses"]), pod["metadata"]["name"]


def test_trap_01_early_hooks_finish_under_wait(ns: Namespace) -> None:
    url = ns.database()
    values = merged(EARLY, {"secrets": {"inline": {"POSTGRES_URL": url}}})
    ns.install(values, "--rollback-on-failure")
    assert ns.served() == "0.24.0"
    # the copies are gone with their phase, what the release needs is there
    names = {o["metadata"]["name"] for kind in ("secrets", "configmaps", "serviceaccounts") for o in ns.kubectl.get(ns.name, kind)}
    assert {"r-oceans-llm-env", "r-oceans-llm-config", "r-oceans-llm"} <= names
    assert not {n for n in names if "hook" in n}
    account, before = ns.kubectl.get(ns.name, "serviceaccount", "r-oceans-llm")["metadata"]["uid"], living(ns)
    ns.install(merged(values, at("gateway.podAnnotations", {"a": "b"})), "--wait", verb="upgrade")
    assert not living(ns) & before, "Helm has not waited for the new pods"
    assert ns.kubectl.get(ns.name, "serviceaccount", "r-oceans-llm")["metadata"]["uid"] == account, "the live account must not be replaced"


def test_trap_01_late_hooks_do_not_finish_under_wait_as_notes_says(ns: Namespace) -> None:
    ns.database()
    with pytest.raises(HelmError, match=r"context deadline exceeded|timed out"):
        ns.helm("install", "r", str(CHART), "--wait", "--timeout", "8s", values=merged(QUICK, DATABASE))
    waiting = ns.kubectl.pods(ns.name, "gateway")[0]["status"]["initContainerStatuses"][0]["state"]
    assert "running" in waiting, "the pod waits for the migration"
    assert not ns.kubectl.get(ns.name, "jobs"), "which Helm would start after the pod is ready"


def test_trap_14_switching_the_autoscaler_on_keeps_the_pods(ns: Namespace, binary: str) -> None:
    """What the API server makes of the number; test_example_installs has a real autoscaler with pods that serve."""

    nowhere = at("scheduling.nodeSelector", {"pool": "nowhere"})

    def upgrade(values: dict[str, Any], verb: str = "upgrade") -> int:
        # pods that start would only cost time
        ns.helm(verb, "r", str(CHART), "--no-hooks", values=merged(QUICK, DATABASE, nowhere, values), binary=binary)
        return ns.kubectl.get(ns.name, "deployment", GATEWAY)["spec"]["replicas"]

    assert upgrade(merged(SIZED, at("gateway.replicaCount", 3)), "install") == 3
    # each upgrade must leave the number alone, not only the first
    for attempt in ("1", "2"):
        assert upgrade(merged(HPA, at("gateway.podAnnotations", {"attempt": attempt}))) == 3
    # and off again: the number is the user's once more
    assert upgrade(merged(SIZED, at("gateway.replicaCount", 2))) == 2


def test_trap_07_a_missing_key_is_visible(ns: Namespace) -> None:
    ns.kubectl.secret(ns.name, "pg", {"POSTGRES_URL": "postgresql://u:p@nowhere/d"})
    ns.kubectl.secret(ns.name, "app", {"SOMETHING_ELSE": "x"})
    ns.helm("install", "r", str(CHART), "--no-hooks", values=merged(QUICK, DATABASE, USES_APP))

    def message() -> str:
        waiting = [
            s["state"]["waiting"] for p in ns.kubectl.pods(ns.name, "gateway") for s in p["status"].get("initContainerStatuses", []) if "waiting" in s["state"]
        ]
        return next((w.get("message", "") for w in waiting if w["reason"] == "CreateContainerConfigError"), "")

    assert "GATEWAY_IDENTITY_TOKEN_SECRET" in eventually("kubelet names the key", message)


def test_traps_02_and_03_a_failed_migration_tells_why(ns: Namespace) -> None:
    ns.database()
    ns.kubectl.secret(ns.name, "pg", {"POSTGRES_URL": ns.url + "_not_there"})
    with pytest.raises(HelmError, match="failed post-install"):
        ns.install(merged(DATABASE, at("migrations.backoffLimit", 0)))
    terminated = ns.kubectl.pods(ns.name, "migration")[0]["status"]["containerStatuses"][0]["state"]["terminated"]
    assert terminated["exitCode"] == 1 and "does not exist" in terminated["message"]
    # nothing serves, and `helm test` says so
    with pytest.raises(HelmError):
        ns.helm("test", "r", "--timeout", "180s")
    log = ns.kubectl.run("-n", ns.name, "logs", "r-oceans-llm-test").stdout
    assert log.startswith(f"FAILED: http://{GATEWAY}.{ns.name}.svc:8080 (") and log.count("\n") == 1, log
    # a ClusterIP that was another Service's a moment ago may still lead to its pods
    assert "no connection to" in log or "not ready" in log, log


def test_trap_04_after_an_interrupted_helm_the_next_try_works(ns: Namespace) -> None:
    ns.database()
    broken = merged(QUICK, DATABASE, at("gateway.image.tag", "v9.9.9"))
    process = subprocess.Popen(
        [program("helm4"), "install", "r", str(CHART), "-n", ns.name, "-f", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin
    process.stdin.write(json.dumps(broken))
    process.stdin.close()
    eventually("Helm waits for the hook Job", lambda: ns.kubectl.pods(ns.name, "migration"))
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) != 0
    assert json.loads(ns.helm("status", "r", "-o", "json"))["info"]["status"] == "failed"
    # the Job is still there, and must not be in the way
    left = ns.kubectl.get(ns.name, "job", "r-oceans-llm-migrate")["metadata"]["uid"]
    ns.install(DATABASE, verb="upgrade")
    assert ns.kubectl.get(ns.name, "job", "r-oceans-llm-migrate")["metadata"]["uid"] != left
    ns.kubectl.ready(ns.name, GATEWAY)
    assert ns.served() == "0.24.0"


def test_traps_05_and_17_a_job_that_vanishes_is_missed_by_nobody(ns: Namespace, binary: str) -> None:
    """Deleted by its TTL soon after it ended, or by Helm itself. With a TTL of 0, Helm 4.2.4 on a busy machine once looked too late (NotFound)."""
    ns.database()
    for verb, policy in (("install", {"ttlSecondsAfterFinished": 5}), ("upgrade", {"hookDeletePolicy": "before-hook-creation,hook-succeeded"})):
        started = time.monotonic()
        ns.install(merged(DATABASE, {"migrations": policy}), verb=verb, binary=binary)
        assert time.monotonic() - started < 120, policy
        assert ns.sql("SELECT max(version) FROM refinery_schema_history") == "45"
        eventually("the Job is gone", lambda: not ns.kubectl.get(ns.name, "jobs"))
    ns.kubectl.ready(ns.name, GATEWAY)


@contextlib.contextmanager
def forwarded(ns: Namespace, pod: str) -> Iterator[int]:
    """A local port that leads to the pod's."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    forward = subprocess.Popen(
        [program("kubectl"), "--kubeconfig", ns.kubectl.kubeconfig, "-n", ns.name, "port-forward", f"pod/{pod}", f"{port}:8080"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert forward.stdout and "Forwarding" in forward.stdout.readline()
        yield port
    finally:
        forward.terminate()
        forward.wait(timeout=10)


def test_in_place_upgrade_and_a_stop_that_cuts_nothing(ns: Namespace, tmp_path: Path) -> None:
    """A live release that another chart made, with the names, labels and selectors of the interface, becomes one of this chart. Then trap 15: a
    request that is under way when its pod is told to go is answered, and after it the pod ends at once."""
    ns.database()
    other = tmp_path / "oceans-llm"
    (other / "templates").mkdir(parents=True)
    (other / "Chart.yaml").write_text("apiVersion: v2\nname: oceans-llm\nversion: 0.0.1\nappVersion: v0.24.0\n")
    kept = []
    for obj in render(merged(IMAGES, DATABASE), namespace=ns.name):
        if obj["kind"] == "Deployment":
            spec = obj["spec"]["template"]["spec"]
            spec.pop("initContainers", None)
            spec["terminationGracePeriodSeconds"] = 1
            for c in spec["containers"]:
                for field in ("startupProbe", "livenessProbe", "readinessProbe", "lifecycle"):
                    c.pop(field, None)
            obj["spec"] = {k: obj["spec"][k] for k in ("replicas", "selector", "template")}
        if not hooks_of(obj):
            kept.append(obj)
    (other / "templates" / "all.yaml").write_text("\n---\n".join(json.dumps(o).replace("{{", "") for o in kept))
    ns.helm("install", "r", str(other))
    before = {
        kind: {o["metadata"]["name"]: o["metadata"]["uid"] for o in ns.kubectl.get(ns.name, kind) if o["metadata"]["name"].startswith("r-")}
        for kind in ("deployments", "services", "configmaps", "serviceaccounts")
    }
    # the chart's own grace period and drain, but for the seconds in which nothing happens
    ns.install(merged(DATABASE, at("gateway", {"drain": {"settleSeconds": 1, "timeoutSeconds": 45}, "terminationGracePeriodSeconds": 60})), verb="upgrade")
    ns.kubectl.ready(ns.name, GATEWAY)
    for kind, uids in before.items():
        assert uids
        now = {o["metadata"]["name"]: o["metadata"]["uid"] for o in ns.kubectl.get(ns.name, kind)}
        assert {n: now.get(n) for n in uids} == uids, f"{kind} were replaced"

    # not through the API server's proxy: its idle connection would be one more to wait for
    [pod] = [p["metadata"]["name"] for p in ns.kubectl.pods(ns.name, "gateway") if p["metadata"]["uid"] in living(ns)]
    with forwarded(ns, pod) as port:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
            client.sendall(b"GET /api/v1/health HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n")
            started = time.monotonic()
            ns.kubectl.run("-n", ns.name, "delete", "pod", pod, "--wait=false")
            # well past the settle time: only the open connection holds the pod now
            time.sleep(4)
            client.sendall(b"\r\n")
            answer = b""
            while chunk := client.recv(4096):
                answer += chunk
        assert b"200 OK" in answer and b"0.24.0" in answer
        ns.kubectl.run("-n", ns.name, "wait", "--for=delete", f"pod/{pod}", "--timeout=100s")
        took = time.monotonic() - started
        assert 4 <= took < 40, f"{took:.1f} s; the drain may take 46, the grace period is 60"

    ns.kubectl.ready(ns.name, GATEWAY)
    [pod] = [p["metadata"]["name"] for p in ns.kubectl.pods(ns.name, "gateway") if p["metadata"]["uid"] in living(ns)]
    with forwarded(ns, pod) as port, socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.sendall(b"GET /api/v1/health HTTP/1.1\r\nHost: gateway\r\n\r\n")
        assert b"200 OK" in client.recv(4096)
        started = time.monotonic()
        ns.kubectl.run("-n", ns.name, "delete", "pod", pod, "--wait=false")
        ns.kubectl.run("-n", ns.name, "wait", "--for=delete", f"pod/{pod}", "--timeout=100s")
        took = time.monotonic() - started
        assert took <= 15, f"{took:.1f} s: an idle kept connection is no reason to wait"


# What the test cluster can't give: its size.
SMALLER: dict[str, dict[str, Any]] = {
    "cloudnativepg": at(
        "database.cloudnativepg",
        {
            "instances": 1,
            "resources": {"requests": SMALL, "limits": {"memory": "256Mi"}},
            # the operator refuses a cache that is larger than the memory
            "additionalSpec": {"postgresql": {"parameters": {"shared_buffers": "16MB"}}},
        },
    ),
    "ingress-hpa": SIZED,
}
#: testbed/collector: the OpenTelemetry collector with the parts that the examples need of it
COLLECTOR = f"{REGISTRY}/collector:1"
COLLECTS = {
    "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": "127.0.0.1:4317"}}}},
    "exporters": {"prometheus": {"endpoint": "127.0.0.1:9464"}},
    "service": {"pipelines": {"metrics": {"receivers": ["otlp"], "exporters": ["prometheus"]}}},
}


@pytest.fixture(scope="session")
def collector(kubectl: Any) -> str:
    """Its image, in the cluster."""
    subprocess.run([str(ROOT / "testbed" / "extra-image.sh"), "collector"], check=True, timeout=1200, capture_output=True)
    return COLLECTOR


#: test_cluster_platforms.py installs these, where their platforms are emulated
ELSEWHERE = {"openshift-values", "gitops-values", "database-parts-values"}
INSTALLED = [e for e in EXAMPLES if e.stem not in ELSEWHERE]


@pytest.mark.parametrize("example", INSTALLED, ids=lambda e: e.stem)
def test_example_installs(ns: Namespace, crds: None, example: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """As written, but for images, sizes and the address of the database. Where an operator would write a Secret, the test does."""
    written, own = example.read_text(), tmp_path / "values.yaml"
    if "otel/opentelemetry-collector" in written:
        written = re.sub(r"otel/opentelemetry-collector[-:a-z0-9.]*", request.getfixturevalue("collector"), written)
    own.write_text(written)
    url = ns.database()
    release, kind = "oceans-llm", example.stem.removesuffix("-values")
    extra = SMALLER.get(kind, {})
    if kind == "inline-secrets":
        extra = at("secrets.inline.POSTGRES_URL", url)
    else:
        for name in ("oceans-llm-database", "oceans-llm-secrets"):
            ns.kubectl.secret(ns.name, name, {"POSTGRES_URL": url, **APP})
    if kind == "cloudnativepg":
        assert ns.postgres
        ns.kubectl.secret(ns.name, "oceans-llm-postgres-app", {"uri": url, "username": "oceans", "password": ns.postgres.password})
    if kind == "observability-sidecar":
        data = {"collector.yaml": json.dumps(COLLECTS)}
        config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "oceans-llm-collector"}, "data": data}
        ns.kubectl.apply(ns.name, config)
    values = merged(QUICK, extra)
    ns.helm("install", release, str(CHART), "--timeout", "4m", files=[own], values=values)
    ns.kubectl.ready(ns.name, "oceans-llm-gateway")
    ns.kubectl.ready(ns.name, "oceans-llm-admin-ui")
    assert json.loads(ns.fetch("/readyz", "oceans-llm-gateway")) == {"status": "ready"}
    for obj in parse(ns.helm("get", "manifest", release)):
        api, _, _ = obj["apiVersion"].rpartition("/")
        group = f"{obj['kind']}.{api}".lower() if "." in api and not api.endswith("k8s.io") or obj["kind"] == "HTTPRoute" else obj["kind"].lower()
        assert ns.kubectl.get(ns.name, group, obj["metadata"]["name"])["metadata"]["name"] == obj["metadata"]["name"]
    if look := LOOKS.get(kind):
        look(ns, release, values)


def cloudnativepg(ns: Namespace, release: str, _values: dict[str, Any]) -> None:
    cluster = ns.kubectl.get(ns.name, "cluster.postgresql.cnpg.io", "oceans-llm-postgres")
    assert cluster["spec"]["walStorage"]["size"] == "8Gi" and cluster["spec"]["postgresql"]["parameters"]["max_connections"] == "150"
    # trap 11: uninstalling keeps the database
    ns.helm("uninstall", release)
    assert ns.kubectl.get(ns.name, "cluster.postgresql.cnpg.io", "oceans-llm-postgres")["metadata"]["uid"] == cluster["metadata"]["uid"]
    ns.kubectl.run("-n", ns.name, "delete", "cluster.postgresql.cnpg.io", "oceans-llm-postgres", "--wait=false")


def external_secrets(ns: Namespace, _release: str, _values: dict[str, Any]) -> None:
    external = ns.kubectl.get(ns.name, "externalsecret.external-secrets.io", "oceans-llm-secrets")
    assert external["apiVersion"] == "external-secrets.io/v1" and external["spec"]["target"]["name"] == "oceans-llm-secrets"


def ingress_hpa(ns: Namespace, _release: str, _values: dict[str, Any]) -> None:
    """High availability: two pods that serve, a budget that counts them, an autoscaler for them."""
    assert ns.kubectl.get(ns.name, "ingress", "oceans-llm-gateway")["spec"]["tls"][0]["hosts"] == ["llm.example.com"]
    scaler = ns.kubectl.get(ns.name, "hpa", "oceans-llm-gateway")
    assert scaler["spec"]["scaleTargetRef"]["name"] == "oceans-llm-gateway" and scaler["spec"]["minReplicas"] == 2

    def counted() -> Any:
        budget = ns.kubectl.get(ns.name, "pdb", "oceans-llm-gateway")
        return budget["status"].get("expectedPods") == 2 and budget["status"].get("currentHealthy") == 2 and budget

    # the autoscaler looks every 15 s: the first look makes two pods of one
    budget = eventually("the budget counts two pods", counted)
    assert budget["spec"]["maxUnavailable"] == "25%" and budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def external_postgres(ns: Namespace, _release: str, _values: dict[str, Any]) -> None:
    assert ns.sql("SELECT count(*) FROM users WHERE email = 'platform-team@example.com'") == "1"


def inline_secrets(ns: Namespace, release: str, values: dict[str, Any]) -> None:
    """Trap 8: a changed value restarts the pods."""
    before = living(ns)
    example = CHART / "examples" / "inline-secrets-values.yaml"
    changed = merged(values, at("secrets.inline.GATEWAY_IDENTITY_TOKEN_SECRET", "z" * 40))
    ns.helm("upgrade", release, str(CHART), "--no-hooks", files=[example], values=changed)
    ns.kubectl.ready(ns.name, "oceans-llm-gateway")
    assert living(ns) and not living(ns) & before


def observability_prometheus(ns: Namespace, _release: str, _values: dict[str, Any]) -> None:
    """A metric with the gateway's resource attributes has the labels that the dashboard and the alerts select, and the collector's own series are there."""
    ns.kubectl.ready(ns.name, "oceans-llm-collector")
    ns.kubectl.apply(ns.name, *deployed("sender", ["program", "send", "http://oceans-llm-collector:4317"], 1, container={"image": COLLECTOR}))
    own = yaml.safe_load((CHART / "dashboards" / "metrics.yaml").read_text())["collector"]["8888"]

    def missing() -> list[str]:
        seen = {port: ns.fetch("/metrics", "oceans-llm-collector", port) for port in (8888, 9464)}
        sent = next((line for line in seen[9464].splitlines() if line.startswith("sent_total{")), "")
        labels = ('job="oceans-llm/oceans-llm-gateway"', 'service_version="0.24.0"')
        return [label for label in labels if label not in sent] + [name for name in own if f"\n{name}{{" not in seen[8888]]

    eventually("every series is there", lambda: not missing())


LOOKS = {
    "observability-prometheus": observability_prometheus,
    "cloudnativepg": cloudnativepg,
    "external-secrets": external_secrets,
    "ingress-hpa": ingress_hpa,
    "external-postgres": external_postgres,
    "inline-secrets": inline_secrets,
}
