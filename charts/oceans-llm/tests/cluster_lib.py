# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests against a real cluster share: kubectl, namespaces, a database for each test, CRDs of the operators."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from authority import certificates
from chart_lib import CHART, ROOT, HelmError, Object, cache, helm, merged, program

#: what the kind cluster has loaded (testbed/images)
REGISTRY = "127.0.0.1:5000/oceans-llm"
IMAGES: dict[str, Any] = {
    "gateway": {"image": {"repository": f"{REGISTRY}/gateway", "tag": "v0.24.0"}},
    "adminUi": {"image": {"repository": f"{REGISTRY}/admin-ui", "tag": "v0.24.0"}},
}
#: looks often and stops at once: for tests that have to wait for pods, but not for what these seconds are good for in production
_OFTEN = {"startup": {"periodSeconds": 1}, "readiness": {"periodSeconds": 1}}
QUICK: dict[str, Any] = merged(
    IMAGES,
    {
        "gateway": {"migrationWaiter": {"intervalSeconds": 1}, "drain": {"settleSeconds": 0, "timeoutSeconds": 0}, "terminationGracePeriodSeconds": 5},
        "adminUi": {"drain": {"settleSeconds": 1}, "terminationGracePeriodSeconds": 2},
        "rollout": {"minReadySeconds": 0},
        "probes": {"gateway": _OFTEN, "adminUi": _OFTEN},
    },
)
RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}

# module, version, file in it, CRD: the definitions only; the operators are no business of the chart's
CRDS = (
    ("github.com/cloudnative-pg/cloudnative-pg", "v1.28.1", "config/crd/bases/postgresql.cnpg.io_clusters.yaml", "clusters.postgresql.cnpg.io"),
    ("github.com/external-secrets/external-secrets", "v0.20.4", "deploy/crds/bundle.yaml", "externalsecrets.external-secrets.io"),
    (
        "sigs.k8s.io/gateway-api",
        "v1.4.1",
        "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml",
        "httproutes.gateway.networking.k8s.io",
    ),
    ("github.com/kedacore/keda/v2", "v2.18.1", "config/crd/bases/keda.sh_scaledobjects.yaml", "scaledobjects.keda.sh"),
)


class Kubectl:
    """kubectl against the test cluster."""

    def __init__(self, kubeconfig: str) -> None:
        self.kubeconfig = kubeconfig

    def run(self, *args: str, stdin: str | None = None, check: bool = True, timeout: float = 240) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [program("kubectl"), "--kubeconfig", self.kubeconfig, *args], input=stdin, capture_output=True, text=True, timeout=timeout, check=False
        )
        if check and done.returncode:
            raise AssertionError(f"kubectl {' '.join(args)}: {done.stderr}{done.stdout}")
        return done

    def get(self, namespace: str, what: str, *names: str) -> Any:
        found = json.loads(self.run("-n", namespace, "get", what, *names, "-o", "json").stdout)
        return found if names else found["items"]

    def apply(self, namespace: str, *objects: Object) -> None:
        manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
        self.run("-n", namespace, "apply", "--server-side", "--force-conflicts", "-f", "-", stdin=manifest)

    def secret(self, namespace: str, name: str, data: Mapping[str, str]) -> None:
        self.apply(namespace, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace}, "stringData": dict(data)})

    def ready(self, namespace: str, deployment: str, timeout: int = 240) -> None:
        self.run("-n", namespace, "rollout", "status", f"deployment/{deployment}", f"--timeout={timeout}s", timeout=timeout + 10)

    def pods(self, namespace: str, component: str) -> list[Object]:
        return json.loads(self.run("-n", namespace, "get", "pods", "-l", f"app.kubernetes.io/component={component}", "-o", "json").stdout)["items"]


def connect() -> Kubectl:
    """The cluster in KUBECONFIG; a sentence, never a skip, when there is none."""
    kubeconfig = os.environ.get("KUBECONFIG", "")
    hint = 'these tests need the kind cluster: run `make up`, then KUBECONFIG=.testbed/kubeconfig; without one deselect them with -m "not cluster"'
    if not kubeconfig:
        raise RuntimeError(f"KUBECONFIG is not set; {hint}")
    kubectl = Kubectl(kubeconfig)
    answer = kubectl.run("get", "--raw", "/readyz", "--request-timeout=5s", check=False)
    if answer.stdout != "ok":
        raise RuntimeError(f"the cluster in KUBECONFIG={kubeconfig} does not answer ({answer.stderr.strip()[-200:]}); {hint}")
    return kubectl


def eventually(what: str, look: Callable[[], Any], timeout: float = 180) -> Any:
    """The first true answer of look(); an AssertionError that tells the last one when the time is over. The time is for a machine with other work."""
    deadline = time.monotonic() + timeout
    while True:
        answer = look()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not after {timeout} s: {what} (last: {answer!r})"
        time.sleep(0.3)


@contextlib.contextmanager
def shared(file: Path, up: Callable[[], Any], down: Callable[[Any], None]) -> Iterator[Any]:
    """What the workers of pytest-xdist use together: the first one in makes it, the last one out takes it away. `file` counts them and keeps
    what up() answered, which down() gets."""

    def count(change: int) -> tuple[int, Any]:
        with file.open("a+") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            held.seek(0)
            users, answer = json.loads(held.read() or "[0, null]")
            if not users:
                answer = up()
            users += change
            if not users:
                down(answer)
            held.truncate(0)
            held.write(json.dumps([users, answer]))
        return users, answer

    answer = count(1)[1]
    try:
        yield answer
    finally:
        count(-1)


class Namespace:
    """A namespace that enforces Pod Security `restricted`."""

    def __init__(self, kubectl: Kubectl, postgres: Postgres | None = None) -> None:
        self.kubectl = kubectl
        self.postgres = postgres
        self.name = f"chart-{secrets.token_hex(4)}"
        self.url = ""
        kubectl.apply("default", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.name, "labels": RESTRICTED}})
        eventually("the namespace has its service account", lambda: not kubectl.run("-n", self.name, "get", "sa", "default", check=False).returncode)

    def database(self) -> str:
        """A fresh, empty database; the URL is put into the Secret `pg`."""
        assert self.postgres
        self.url = self.postgres.create(self.name.replace("-", "_"))
        self.kubectl.secret(self.name, "pg", {"POSTGRES_URL": self.url})
        return self.url

    def sql(self, statement: str) -> str:
        assert self.postgres
        return self.postgres.sql(self.url.rsplit("/", 1)[1], statement)

    def helm(self, *args: str, values: Mapping[str, Any] | None = None, files: Sequence[Path] = (), binary: str = "helm4", timeout: float = 300) -> str:
        command = [*args, "-n", self.name]
        for file in files:
            command += ["-f", str(file)]
        if values is not None:
            command += ["-f", "-"]
        return helm(
            *command, stdin=json.dumps(values) if values is not None else None, binary=binary, timeout=timeout, env={"KUBECONFIG": self.kubectl.kubeconfig}
        )

    def install(self, values: Mapping[str, Any], *args: str, release: str = "r", verb: str = "install", **kwargs: Any) -> str:
        return self.helm(verb, release, str(CHART), "--timeout", "4m", *args, values=merged(QUICK, values), **kwargs)

    def fetch(self, path: str, service: str = "r-oceans-llm-gateway", port: int = 8080) -> str:
        """GET through the Service, by the API server's proxy."""
        return self.kubectl.run("get", "--raw", f"/api/v1/namespaces/{self.name}/services/{service}:{port}/proxy{path}").stdout

    def served(self) -> str:
        return json.loads(self.fetch("/api/v1/health"))["version"]

    def delete(self) -> None:
        # a CloudNativePG Cluster outlives its release on purpose: it goes with the namespace
        self.kubectl.run("delete", "namespace", self.name, "--wait=false", "--ignore-not-found", check=False)


class Postgres:
    """One PostgreSQL server for all tests (testbed/database.sh), a database for each."""

    namespace = "chart-tests-db"
    script = (str(ROOT / "testbed" / "database.sh"),)

    def __init__(self, kubectl: Kubectl) -> None:
        self.kubectl = kubectl
        self.state = ROOT / ".testbed" / os.environ.get("OCEANS_LLM_STATE", "")
        self.password = (self.state / f"{self.namespace}.password").read_text().strip()

    @classmethod
    def up(cls) -> None:
        def done() -> bool:
            # an earlier run's namespace may still be on its way out
            tried = subprocess.run([*cls.script, "up", cls.namespace], capture_output=True, text=True, check=False, timeout=300)
            print(tried.stderr + tried.stdout)
            return tried.returncode == 0

        eventually("testbed/database.sh up", done)

    @classmethod
    def down(cls) -> None:
        subprocess.run([*cls.script, "down", cls.namespace], check=False, capture_output=True, timeout=300)

    def speaks_tls(self) -> str:
        """Switch TLS on, which plain connections do not mind; the authority to check the server with. Made by the first who asks."""
        data = "/var/lib/postgresql/data/pgdata"

        def held() -> str:
            found = self.kubectl.run("-n", self.namespace, "exec", "deploy/postgres", "--", "cat", f"{data}/tests-ca.crt", check=False)
            return found.stdout if not found.returncode else ""

        with (self.state / f"{self.namespace}.tls.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not held():
                authority, certificate, key = certificates(f"postgres.{self.namespace}")
                for name, text in (("server.crt", certificate), ("server.key", key), ("tests-ca.crt", authority)):
                    shell = f"umask 077; cat > {data}/{name}"
                    self.kubectl.run("-n", self.namespace, "exec", "-i", "deploy/postgres", "--", "sh", "-c", shell, stdin=text)
                self.sql("postgres", "ALTER SYSTEM SET ssl = on")
                self.sql("postgres", "SELECT pg_reload_conf()")
            return held()

    def create(self, name: str) -> str:
        self.sql("postgres", f"CREATE DATABASE {name}")
        return f"postgresql://oceans:{self.password}@postgres.{self.namespace}:5432/{name}"

    def sql(self, database: str, statement: str) -> str:
        shell = f'PGPASSWORD="$POSTGRES_PASSWORD" psql -h 127.0.0.1 -U oceans -d {database} -qtA -v ON_ERROR_STOP=1 -c "$0"'
        return self.kubectl.run("-n", self.namespace, "exec", "deploy/postgres", "--", "sh", "-c", shell, statement).stdout.strip()


def established(kubectl: Kubectl, name: str) -> bool:
    conditions = (json.loads(kubectl.run("get", "crd", name, "-o", "json").stdout).get("status") or {}).get("conditions") or ()
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)


MONITORING = "monitoring.coreos.com"


def any_type(group: str, kind: str) -> Object:
    """Definition of a type that takes any fields."""
    version = {"name": "v1", "served": True, "storage": True}
    fields = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    names = {"kind": kind, "plural": f"{kind.lower()}s", "singular": kind.lower()}
    spec = {"group": group, "scope": "Namespaced", "names": names, "versions": [{**version, "schema": fields}]}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": f"{names['plural']}.{group}"}, "spec": spec}


def ensure_crds(kubectl: Kubectl) -> list[str]:
    """Make sure the operators' types exist; the names of those that were missing."""
    added = []
    # the module with the definitions of these cannot be had everywhere
    for kind in (any_type(MONITORING, "ServiceMonitor"), any_type(MONITORING, "PrometheusRule"), any_type("route.openshift.io", "Route")):
        name = kind["metadata"]["name"]
        if kubectl.run("get", "crd", name, check=False).returncode:
            kubectl.run("apply", "-f", "-", stdin=json.dumps(kind))
            eventually(f"{name} is established", lambda name=name: established(kubectl, name))
            added.append(name)
    for module, version, path, name in CRDS:
        if kubectl.run("get", "crd", name, check=False).returncode == 0:
            continue
        file = cache() / "crds" / f"{name}-{version}.yaml"
        if not file.is_file():
            download = subprocess.run(
                ["go", "mod", "download", "-json", f"{module}@{version}"],
                capture_output=True,
                text=True,
                check=True,
                timeout=600,
                cwd="/",
                env={**os.environ, "GO111MODULE": "on"},
            )
            documents = yaml.safe_load_all((Path(json.loads(download.stdout)["Dir"]) / path).read_text())
            crd = next(d for d in documents if d and d["metadata"]["name"] == name)
            # converting between versions needs the operator
            crd["spec"].pop("conversion", None)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(yaml.safe_dump(crd))
        # too long for the annotation of a plain apply
        kubectl.run("apply", "--server-side", "-f", str(file))
        # not `kubectl wait`, which fails at once on an object whose conditions are still null
        eventually(f"{name} is established", lambda name=name: established(kubectl, name))
        added.append(name)
    return added


@contextlib.contextmanager
def oci_registry(folder: Path) -> Iterator[str]:
    """HOST:PORT of Debian's docker-registry, run as a plain process for as long as this lasts."""
    binary = shutil.which("docker-registry") or str(cache() / "registry" / "usr" / "bin" / "docker-registry")
    if not Path(binary).is_file():
        unpacked = cache() / "registry"
        unpacked.mkdir(parents=True, exist_ok=True)
        # unpacked, not installed: the package would make a user and start a service
        subprocess.run(["apt-get", "download", "-q", "docker-registry"], cwd=unpacked, check=True, capture_output=True, timeout=300)
        subprocess.run(["dpkg", "-x", str(next(unpacked.glob("docker-registry_*.deb"))), str(unpacked)], check=True, capture_output=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    config = folder / "registry.yml"
    config.write_text(
        yaml.safe_dump(
            {"version": "0.1", "log": {"level": "warn"}, "storage": {"filesystem": {"rootdirectory": str(folder / "data")}}, "http": {"addr": address}}
        )
    )
    process = subprocess.Popen([binary, "serve", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def answers() -> bool:
        assert process.poll() is None, f"docker-registry has ended with {process.returncode}"
        try:
            return urllib.request.urlopen(f"http://{address}/v2/", timeout=2).status == 200
        except (urllib.error.URLError, ConnectionError):
            return False

    try:
        eventually("the registry answers", answers)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=10)


__all__ = ["IMAGES", "QUICK", "HelmError", "Kubectl", "Namespace", "Postgres", "connect", "ensure_crds", "eventually", "oci_registry", "shared"]
