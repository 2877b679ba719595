# SPDX-License-Identifier: GPL-3.0-or-later
"""Other people's clusters on kind: GitOps, injected sidecars, OpenShift's admission, PostgreSQL over TLS, Ingress and Gateway API.

Each test is one release, because an install costs ten seconds or more.
"""

from __future__ import annotations

import json
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest
from chart_lib import CHART, DATABASE, ROOT, HelmError, at, helm, merged
from cluster_lib import QUICK, Namespace, eventually
from platform_lib import APP, injector, play, pod, restricted_v2
from route_lib import KEY, PROVIDER, STREAM, Door

pytestmark = pytest.mark.cluster

GATEWAY = "oceans-llm-gateway"
USES_APP = at("secrets.existingSecret.name", "app")


def example(name: str) -> Path:
    """One of those that test_cluster.py leaves to this file (ELSEWHERE)."""
    return CHART / "examples" / f"{name}-values.yaml"


def secrets(ns: Namespace) -> None:
    """The two Secrets that the examples name."""
    url = ns.database()
    for name in ("oceans-llm-database", "oceans-llm-secrets"):
        ns.kubectl.secret(ns.name, name, {"POSTGRES_URL": url, **APP})


def jobs(ns: Namespace, component: str = "migration") -> dict[str, Any]:
    found = json.loads(ns.kubectl.run("-n", ns.name, "get", "jobs", "-l", f"app.kubernetes.io/component={component}", "-o", "json").stdout)["items"]
    return {j["metadata"]["name"]: j for j in found}


def complete(job: dict[str, Any]) -> bool:
    return any(c["type"] == "Complete" and c["status"] == "True" for c in job.get("status", {}).get("conditions") or ())


def served(ns: Namespace) -> str:
    return json.loads(ns.fetch("/api/v1/health", GATEWAY))["version"]


def test_gitops_applied_twice_with_a_new_image_and_back(ns: Namespace, tmp_path: Path) -> None:
    """`helm template | kubectl apply`: no change the second time, a new Job with a new image, and a way back that the older image refuses
    safely. The roles wait and diagnose need no record of Helm."""
    secrets(ns)

    def apply(tag: str) -> list[str]:
        values = json.dumps(merged(QUICK, at("gateway.image.tag", tag)))
        rendered = helm("template", "oceans-llm", str(CHART), "-n", ns.name, "--skip-tests", "-f", str(example("gitops")), "-f", "-", stdin=values)
        return ns.kubectl.run("-n", ns.name, "apply", "-f", "-", stdin=rendered).stdout.splitlines()

    def wait(**more: Any) -> subprocess.CompletedProcess[str]:
        return play(ns, "wait", {"oceans_llm_release": "oceans-llm", "oceans_llm_timeout": 240, **more}, tmp_path)

    assert all(line.endswith("created") for line in apply("v0.23.0"))
    ns.kubectl.ready(ns.name, GATEWAY)
    first = set(jobs(ns))
    assert len(first) == 1 and ns.sql("SELECT max(version) FROM refinery_schema_history") == "43"
    generation = ns.kubectl.get(ns.name, "deployment", GATEWAY)["metadata"]["generation"]
    again = apply("v0.23.0")
    assert again and all(line.endswith("unchanged") for line in again), again
    assert ns.kubectl.get(ns.name, "deployment", GATEWAY)["metadata"]["generation"] == generation and set(jobs(ns)) == first

    apply("v0.24.0")
    followed = wait()
    assert followed.returncode == 0 and "served:" in followed.stdout and "Helm has no record of release oceans-llm" in followed.stdout, followed.stdout
    assert served(ns) == "0.24.0" and ns.sql("SELECT max(version) FROM refinery_schema_history") == "45"
    assert len(jobs(ns)) == 2 and all(map(complete, jobs(ns).values()))

    # Back: the database is newer than the older image knows, so its pods wait and the newer ones serve on. The Job of that image is done already.
    apply("v0.23.0")
    refused = wait()
    assert refused.returncode and "cannot run on this database" in refused.stdout and "outside the active registry" in refused.stdout, refused.stdout
    assert served(ns) == "0.24.0" and len(jobs(ns)) == 2
    told = play(ns, "oceans.llm.diagnose", {"oceans_llm_release": "oceans-llm"}, tmp_path)
    assert "Helm has no record; objects found by label" in told.stdout and list((tmp_path / "reports").rglob("report.json")), told.stdout
    # and forward again: nothing new to run
    apply("v0.24.0")
    assert wait().returncode == 0 and len(jobs(ns)) == 2

    # the runbooks judge what is live, and say once that Helm has no record
    runs = {
        name: play(ns, f"oceans.llm.{name}", {"oceans_llm_release": "oceans-llm"}, tmp_path) for name in ("diagnose", "migrations", "probe", "checks", "admin")
    }
    for name, run in runs.items():
        assert run.stdout.count("Helm has no record of release oceans-llm") == 1 and "Helm has no release" not in run.stdout, (name, run.stdout)
    assert "served: " in runs["diagnose"].stdout and "belongs to no Helm release" not in runs["diagnose"].stdout, runs["diagnose"].stdout
    assert "pending migrations: none" in runs["migrations"].stdout and "served: " in runs["probe"].stdout, runs


def test_injected_sidecars_and_jobs_that_end(ns: Namespace) -> None:
    """As Istio injects them. A native sidecar ends with its Job. An ordinary container does not, unless the Job's pods keep it out by a label."""
    ns.database()
    ns.kubectl.secret(ns.name, "app", APP)

    def change(verb: str, **values: Any) -> str:
        """A change of the release; the name of the migration Job that it makes."""
        before = set(jobs(ns))
        release = merged(QUICK, DATABASE, USES_APP, at("fullnameOverride", "oceans-llm"), {"migrations": {"mode": "job", **values}})
        ns.helm(verb, "r", str(CHART), values=release)
        [new] = set(jobs(ns)) - before
        return new

    with injector(ns) as use:
        use("/native")
        native = change("install")
        eventually("the Job beside a native sidecar ends", lambda: complete(jobs(ns)[native]))
        ns.kubectl.ready(ns.name, GATEWAY)
        [one] = [p for p in ns.kubectl.pods(ns.name, "gateway") if "deletionTimestamp" not in p["metadata"]]
        assert [c["name"] for c in one["spec"]["initContainers"]][0] == "istio-proxy" and served(ns) == "0.24.0"

        use("/classical")
        stuck = change("upgrade", podAnnotations={"try": "2"})

        def migrated() -> bool:
            found = [p for p in ns.kubectl.pods(ns.name, "migration") if p["metadata"]["labels"].get("job-name") == stuck]
            states = {s["name"]: s["state"] for p in found for s in p["status"].get("containerStatuses") or ()}
            return states.get("migrate", {}).get("terminated", {}).get("exitCode") == 0 and "running" in states.get("istio-proxy", {})

        eventually("the migration is done while the injected container runs", migrated)
        assert not complete(jobs(ns)[stuck]), "the control: without the label the Job does not end"
        ended = change("upgrade", podLabels={"sidecar.istio.io/inject": "false"})
        eventually("the Job without the sidecar ends", lambda: complete(jobs(ns)[ended]))


def test_openshift_takes_the_release_with_one_switch(ns: Namespace, crds: None, tmp_path: Path) -> None:
    """Under restricted-v2: refused without `platform: openshift`, which preflight names; with it the example serves with an id of the cluster's."""
    secrets(ns)
    with restricted_v2(ns):
        images = {name: QUICK[owner]["image"] for name, owner in (("gateway", "gateway"), ("admin_ui", "adminUi"))}
        variables = {
            "oceans_llm_release": "oceans-llm",
            "oceans_llm_chart": str(CHART),
            "oceans_llm_version": images["gateway"]["tag"],
            "oceans_llm_gateway_image": images["gateway"]["repository"],
            "oceans_llm_admin_ui_image": images["admin_ui"]["repository"],
            "oceans_llm_secrets_source": "existing",
            "oceans_llm_secret_name": "oceans-llm-secrets",
        }
        found = play(ns, "preflight", variables, tmp_path)
        assert found.returncode and "AdmissionDenied" in found.stdout and "platform: openshift" in found.stdout, found.stdout
        assert "fsGroup 10001, runAsUser 10001" in found.stdout, found.stdout
        without = merged(QUICK, DATABASE, at("database.external.existingSecret.name", "oceans-llm-database"))
        ns.helm("install", "without", str(CHART), "--no-hooks", values=without)

        def said() -> bool:
            events = [e["message"] for e in ns.kubectl.get(ns.name, "events") if e["reason"] == "FailedCreate"]
            return any("unable to validate against any security context constraint" in message for message in events)

        eventually("the pods are refused with OpenShift's words", said)
        ns.helm("uninstall", "without")
        found = play(ns, "preflight", merged(variables, at("oceans_llm_values.platform", "openshift")), tmp_path)
        assert found.returncode == 0, found.stdout
        ns.helm("install", "oceans-llm", str(CHART), "--timeout", "4m", files=[example("openshift")], values=QUICK)
        for deployment in (GATEWAY, "oceans-llm-admin-ui"):
            ns.kubectl.ready(ns.name, deployment)
        for component in ("gateway", "admin-ui", "migration"):
            assert {p["spec"]["securityContext"]["runAsUser"] for p in ns.kubectl.pods(ns.name, component)} == {1000700000}, component
        assert served(ns) == "0.24.0"
        route = ns.kubectl.get(ns.name, "routes.route.openshift.io", GATEWAY)
        assert route["spec"]["to"]["name"] == GATEWAY and route["spec"]["host"] == "llm.apps.example.com"


@pytest.mark.parametrize("binary", ["helm4", "helm3"])
def test_autopilot_and_aks_change_objects_of_a_release(ns: Namespace, binary: str) -> None:
    """GKE Autopilot sets requests and limits, AKS takes fields: an example installs as it is, an upgrade starts no pod, and others' labels stay.

    The one conflict is a webhook of the user's own whose namespaceSelector AKS edits; --force-conflicts is the way out under Helm 4."""
    secrets(ns)

    def change(verb: str, *args: str, **values: Any) -> None:
        command = [verb, "oceans-llm", str(CHART), "--timeout", "2m", *args]
        ns.helm(*command, files=[example("external-postgres")], values=merged(QUICK, values), binary=binary)

    def state() -> dict[str, Any]:
        for deployment in (GATEWAY, "oceans-llm-admin-ui"):
            ns.kubectl.ready(ns.name, deployment)
        found = [p for component in ("gateway", "admin-ui") for p in ns.kubectl.pods(ns.name, component)]
        return {p["metadata"]["name"]: p["spec"] for p in found if "deletionTimestamp" not in p["metadata"]}

    with injector(ns) as use:
        use("/autopilot")
        change("install")
        pods = state()
        components = ("migration", "bootstrap-admin", "seed-config")
        ran = {p["metadata"]["name"]: p["spec"] for component in components for p in ns.kubectl.pods(ns.name, component)}
        assert len(pods) == 2 and len(ran) >= 3 and served(ns) == "0.24.0"
        for name, spec in (pods | ran).items():
            for container in [*spec.get("initContainers", []), *spec["containers"]]:
                given = container["resources"]
                assert given["limits"] == given["requests"] and given["limits"]["cpu"] == "50m", (name, container["name"])
        change("upgrade")
        assert state().keys() == pods.keys(), "the requests that Autopilot has set are no change of the pods"

        of_aks = {"label": "kubernetes.azure.com/managedby=aks", "annotate": "azure-policy/checked=true"}
        for verb, entry in of_aks.items():
            ns.kubectl.run("-n", ns.name, verb, "--field-manager=azure-policy", "deployment,service,configmap", "--all", entry)
        own = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": f"{ns.name}-own"},
            "webhooks": [
                {
                    "name": "own.example.com",
                    "admissionReviewVersions": ["v1"],
                    "sideEffects": "None",
                    "failurePolicy": "Ignore",
                    "clientConfig": {"service": {"namespace": "default", "name": "none"}},
                    "namespaceSelector": {"matchLabels": {"own": "webhook"}},
                    "rules": [{"apiGroups": ["example.com"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["nothing"]}],
                }
            ],
        }
        change("upgrade", extraObjects=[own])
        assert state().keys() == pods.keys()
        deployment = ns.kubectl.get(ns.name, "deployment", GATEWAY)["metadata"]
        assert deployment["labels"]["kubernetes.azure.com/managedby"] == "aks" and deployment["annotations"]["azure-policy/checked"] == "true"
        try:
            path, expression = "/webhooks/0/namespaceSelector/matchExpressions", {"key": "control-plane", "operator": "DoesNotExist"}
            edit = json.dumps([{"op": "add", "path": path, "value": [expression]}])
            ns.kubectl.run("patch", "--field-manager=admissionsenforcer", "validatingwebhookconfiguration", f"{ns.name}-own", "--type=json", "-p", edit)
            if binary == "helm4":
                with pytest.raises(HelmError, match='conflict with "admissionsenforcer"'):
                    change("upgrade", extraObjects=[own])
                change("upgrade", "--force-conflicts", extraObjects=[own])
            else:
                change("upgrade", extraObjects=[own])
            assert state().keys() == pods.keys() and served(ns) == "0.24.0"
        finally:
            ns.kubectl.run("delete", "validatingwebhookconfiguration", f"{ns.name}-own", "--ignore-not-found", check=False)


PASSWORD = r"""p@ss:w/o?r#d %41 &=+ ' " \ $(HOME) ${HOME} `id` ü {{ x }} ;|<>"""


def test_database_by_parts_over_tls_with_its_authority(ns: Namespace) -> None:
    """The example: no character of the password is encoded by anyone, the server's certificate is checked in full, and the Jobs take the direct way."""
    assert ns.postgres
    url = ns.database()
    name = url.rsplit("/", 1)[1]
    role, quoted = f'"{name} r@le"', PASSWORD.replace("'", "''")
    ns.sql(f"CREATE ROLE {role} LOGIN PASSWORD '{quoted}'; ALTER DATABASE {name} OWNER TO {role}; ALTER SCHEMA public OWNER TO {role}")
    authority, host = ns.postgres.speaks_tls(), f"postgres.{ns.postgres.namespace}"
    parts = {"username": f"{name} r@le", "password": PASSWORD, "host": host, "port": "5432"}
    ns.kubectl.secret(ns.name, "oceans-llm-rds", parts)
    ns.kubectl.secret(ns.name, "oceans-llm-secrets", APP)
    ns.kubectl.apply(ns.name, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "rds-ca"}, "data": {"ca.crt": authority}})

    def install(verb: str, direct: str) -> None:
        values = merged(QUICK, at("database.external", {"parts": {"database": name}, "migrations": {"host": direct}}), at("migrations.backoffLimit", 0))
        ns.helm(verb, "oceans-llm", str(CHART), "--timeout", "4m", files=[example("database-parts")], values=values)

    # the Jobs' own host: an unknown one fails the migration, while the gateway's pods reach the database by theirs
    with pytest.raises(HelmError, match="failed post-install"):
        install("install", "nowhere.invalid")
    [failed] = ns.kubectl.pods(ns.name, "migration")
    assert "failed to lookup address information" in failed["status"]["containerStatuses"][0]["state"]["terminated"]["message"]
    waits = "-l=app.kubernetes.io/component=gateway,app.kubernetes.io/instance=oceans-llm"
    log = ns.kubectl.run("-n", ns.name, "logs", waits, "-c", "wait-for-migrations").stdout
    assert "pending migrations remain" in log, log
    install("upgrade", host)
    ns.kubectl.ready(ns.name, GATEWAY)
    assert served(ns) == "0.24.0"
    used = ns.sql(f"SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = '{name} r@le'")
    assert used == "t", "every session of the gateway is encrypted"
    # the control: another authority, and nobody connects
    other = ns.kubectl.get("kube-system", "configmap", "kube-root-ca.crt")["data"]["ca.crt"]
    ns.kubectl.apply(ns.name, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "rds-ca"}, "data": {"ca.crt": other}})
    with pytest.raises(HelmError):
        install("upgrade", host)
    refused = [p["status"]["containerStatuses"][0]["state"]["terminated"]["message"] for p in ns.kubectl.pods(ns.name, "migration")]
    assert any("certificate verify failed" in message for message in refused), refused


@pytest.fixture(scope="session")
def traefik(kubectl: Any, together: Path) -> str:
    """Address of a node with Traefik, which serves Ingresses and HTTPRoutes at its port 8088. It stays, like the types of the Gateway API."""
    subprocess.run([str(ROOT / "testbed" / "ingress.sh"), "up"], check=True, timeout=1200, capture_output=True)
    [node] = json.loads(kubectl.run("get", "pods", "-n", "oceans-llm-ingress", "-l", "app=traefik", "-o", "json").stdout)["items"]
    return node["status"]["hostIP"]


def test_route_and_ingress_serve_and_a_long_stream_arrives_in_pieces(ns: Namespace, traefik: str, tmp_path: Path) -> None:
    """Through a real controller, by HTTPRoute and by Ingress: /readyz, a completion and a stream. OCEANS_LLM_STREAM_SECONDS=130 for two minutes.

    Traefik does not heed a route's time limit, so a stream outlives one of 5 s, and preflight says so from the features of the GatewayClass."""
    ns.database()
    ns.kubectl.secret(ns.name, "app", {**APP, "CI_KEY": KEY})
    environment = [{"name": "STANDIN_PROVIDER_RATE", "value": "5"}]
    listener = {"name": "http", "protocol": "HTTP", "port": 8088}
    route, ingress, short = (f"{ns.name}-{what}.example" for what in ("route", "ingress", "short"))
    ns.kubectl.apply(
        ns.name,
        *pod("provider", ["fake-provider"], 8081, container={"env": environment}),
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "Gateway",
            "metadata": {"name": "public"},
            "spec": {"gatewayClassName": "traefik", "listeners": [listener]},
        },
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "HTTPRoute",
            "metadata": {"name": "short"},
            "spec": {
                "parentRefs": [{"name": "public"}],
                "hostnames": [short],
                "rules": [{"backendRefs": [{"name": GATEWAY, "port": 8080}], "timeouts": {"request": "5s"}}],
            },
        },
    )
    values = merged(
        at("fullnameOverride", "oceans-llm"),
        DATABASE,
        USES_APP,
        at("gateway.config", PROVIDER),
        at("seedConfigJob.enabled", True),
        {"httpRoute": {"enabled": True, "parentRefs": [{"name": "public"}], "hostnames": [route]}},
        {"ingress": {"enabled": True, "className": "traefik", "hosts": [{"host": ingress}]}},
    )
    ns.install(values)
    ns.kubectl.ready(ns.name, GATEWAY)
    ns.kubectl.ready(ns.name, "provider")
    made = ns.kubectl.get(ns.name, "httproute.gateway.networking.k8s.io", GATEWAY)
    assert made["spec"]["rules"][0]["timeouts"] == {"request": "15m", "backendRequest": "15m"}, "kept by the API server"

    def accepted() -> bool:
        status = ns.kubectl.get(ns.name, "httproute.gateway.networking.k8s.io", GATEWAY).get("status", {})
        held = {c["type"]: c["status"] for parent in status.get("parents", []) for c in parent["conditions"]}
        return held.get("Accepted") == held.get("ResolvedRefs") == "True"

    eventually("the route is accepted", accepted)
    doors = [Door(traefik, 8088, host) for host in (route, ingress, short)]
    for door in doors:
        eventually(f"{door.host} is served", door.serves)
        answer = door.chat(max_tokens=4)
        assert answer.status == 200 and json.load(answer)["choices"][0]["message"]["content"].startswith("You said"), door.host
    streams = [threading.Thread(target=door.stream) for door in doors]
    for thread in streams:
        thread.start()
    limited = merged(values, at("httpRoute.timeouts.request", "5s"))
    told = play(ns, "preflight", {"oceans_llm_release": "r", "oceans_llm_chart": str(CHART), "oceans_llm_values": merged(QUICK, limited)}, tmp_path).stdout
    for thread in streams:
        thread.join()
    ignored = "GatewayClass traefik (controller traefik.io/gateway-controller) does not list the feature HTTPRouteRequestTimeout, so timeouts.request 5s"
    assert f"note: HTTPRoute/{GATEWAY}: {ignored} has no effect; this controller has no time limit of its own" in told, told
    for door in doors:
        assert door.last == "data: [DONE]" and door.seconds >= STREAM - 2, (door.host, door.seconds, door.last)
        gaps = [later - earlier for earlier, later in zip(door.pieces, door.pieces[1:], strict=False)]
        assert max(door.pieces[0], *gaps) < STREAM * 0.75, f"{door.host}: the answer came in one piece: first {door.pieces[0]:.1f} s, gap {max(gaps):.1f} s"
