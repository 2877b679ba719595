# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A: before anything is applied."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import time

from .. import kube
from ..kube import kubectl
from ..place import RELEASE, Place
from ..play import Play
from ..row import PREFLIGHT, UPGRADE, Row


def _no_value(place: Place, play: Play) -> list[str]:
    return ["the pasted secret was printed"] if "sk-proj-4f9a" in play.screen else []


def _dead_server(place: Place) -> None:
    text = kube.KUBECONFIG.read_text().splitlines()
    server = next(line for line in text if line.strip().startswith("server:"))
    (place.folder / "dead.kubeconfig").write_text("\n".join(text).replace(server.strip(), "server: https://127.0.0.1:9"))


def _poor_account(place: Place) -> None:
    """A ServiceAccount with the rights of the role `edit`, but not those on Jobs."""
    rules = [
        {"apiGroups": ["", "apps", "networking.k8s.io", "policy", "autoscaling", "coordination.k8s.io"], "resources": ["*"], "verbs": ["*"]},
        {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["get", "list", "watch"]},
    ]
    kube.apply(
        place.namespace,
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "poor"}},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "poor"}, "rules": rules},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "poor"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "poor"},
            "subjects": [{"kind": "ServiceAccount", "name": "poor", "namespace": place.namespace}],
        },
    )
    token = kubectl("-n", place.namespace, "create", "token", "poor").strip()
    config = json.loads(kubectl("config", "view", "--raw", "-o", "json"))
    config["users"] = [{"name": config["users"][0]["name"], "user": {"token": token}}]
    (place.folder / "poor.kubeconfig").write_text(json.dumps(config))


def _expired(place: Place) -> None:
    """A token that nobody signed."""
    config = json.loads(kubectl("config", "view", "--raw", "-o", "json"))
    parts = (json.dumps({"alg": "RS256"}), json.dumps({"exp": 1}), "x")
    token = ".".join(base64.urlsafe_b64encode(p.encode()).decode().rstrip("=") for p in parts)
    config["users"] = [{"name": config["users"][0]["name"], "user": {"token": token}}]
    (place.folder / "expired.kubeconfig").write_text(json.dumps(config))


def _terminating(place: Place) -> None:
    kube.apply(place.namespace, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "held", "finalizers": ["faults.example/held"]}})
    kubectl("delete", "namespace", place.namespace, "--wait=false")
    kubectl("wait", "--for=condition=NamespaceFinalizersRemaining", f"namespace/{place.namespace}", "--timeout=60s")  # its controller knows by then


def _let_go(place: Place, play: Play) -> list[str]:
    kubectl("-n", place.namespace, "patch", "configmap", "held", "--type=merge", "-p", '{"metadata":{"finalizers":null}}', check=False)
    return []


def _scaled(place: Place) -> None:
    kubectl("-n", place.namespace, "scale", f"deployment/{RELEASE}-oceans-llm-gateway", "--replicas=3")


def killed_helm(place: Place) -> None:
    """Helm without any of us, killed hard while its hook Job runs."""
    values = {**place.variables()["oceans_llm_values"]}
    values["gateway"] = {
        **values["gateway"],
        "image": {"repository": "127.0.0.1:5000/oceans-llm/gateway", "tag": "v0.24.0"},
        "extraEnv": [{"name": "STANDIN_MIGRATION_SLOW", "value": "20:600"}],
    }
    values["adminUi"] = {**values["adminUi"], "image": {"repository": "127.0.0.1:5000/oceans-llm/admin-ui", "tag": "v0.24.0"}}
    values["secrets"] = {"existingSecret": {"name": "by-hand"}}
    place.secret("by-hand", POSTGRES_URL=place.url(), GATEWAY_IDENTITY_TOKEN_SECRET="x" * 40)
    (place.folder / "by-hand.json").write_text(json.dumps(values))
    helm = subprocess.Popen(
        [kube.STATE / "bin" / "helm", "install", RELEASE, kube.ROOT / "charts" / "oceans-llm", "-n", place.namespace, "-f", place.folder / "by-hand.json"],
        env={**os.environ, "KUBECONFIG": str(kube.KUBECONFIG)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    job = f"job/{RELEASE}-oceans-llm-migrate"
    while kubectl("-n", place.namespace, "get", job, "--ignore-not-found", "-o", "name") == "":
        time.sleep(0.3)
    helm.send_signal(signal.SIGKILL)
    helm.wait()
    kubectl("-n", place.namespace, "delete", job, "--wait=true")


def two_runs(place: Place) -> Play:
    """The second of two; the first one has to go on and succeed."""
    first = Play(place, place.variables(), label="first")
    first.until(r"Job/\S+ is running", 90)
    second = Play(place, place.variables(), label="second")
    second.wait(120)
    place.notes["first"] = first
    return second


def _first_succeeds(place: Place, play: Play) -> list[str]:
    first: Play = place.notes["first"]
    code = first.wait(180)
    return [] if code == 0 else [f"the second run ended the first one: {first.screen[-400:]}"]


def _recovered(place: Place, play: Play) -> list[str]:
    if place.revisions() != 2:
        return [f"{place.revisions()} revisions, 2 were expected: the failed one and a good one"]
    return []


ROWS = (
    Row("A1", "a typo in the values (gatway)", "UnknownValue", 1, by=PREFLIGHT, values={"gatway": {}}, says=("gatway", "gateway"), takes=10, quick=True),
    Row("A1b", "a typo in a role variable", "UnknownVariable", 1, by=PREFLIGHT, variables={"oceans_llm_replica": 2}, says=("oceans_llm_replica",), takes=10),
    Row(
        "A2",
        "a secret pasted into the configuration",
        "SecretInConfig|ChartRefused",
        1,
        by=PREFLIGHT,
        check=_no_value,
        takes=10,
        variables={
            "oceans_llm_config": {
                "providers": [
                    {
                        "id": "p",
                        "type": "openai_compat",
                        "base_url": "https://x.example/v1",
                        "pricing_provider_id": "openai",
                        "auth": {"kind": "bearer", "token": "sk-proj-4f9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c"},
                    }
                ]
            }
        },
    ),
    Row("A4", "there is no helm program", "HelmMissing", 1, by=PREFLIGHT, variables={"oceans_llm_helm_binary": "@FOLDER@/no-helm"}, takes=8),
    Row(
        "A5",
        "the API server is down",
        "ClusterUnreachable",
        5,
        by=PREFLIGHT,
        prepare=_dead_server,
        takes=12,
        variables={"oceans_llm_kubeconfig": "@FOLDER@/dead.kubeconfig"},
        says=("127.0.0.1:9",),
    ),
    Row("A5b", "a wrong context", "ClusterUnreachable", 5, by=PREFLIGHT, variables={"oceans_llm_context": "nowhere"}, says=("nowhere",), takes=8),
    Row(
        "A5c",
        "the API server refuses the token",
        "ClusterUnreachable",
        5,
        by=PREFLIGHT,
        prepare=_expired,
        takes=8,
        variables={"oceans_llm_kubeconfig": "@FOLDER@/expired.kubeconfig"},
        says=("401|Unauthorized",),
    ),
    Row(
        "A6",
        "a user who may not create Jobs",
        "NotAllowed",
        2,
        by=PREFLIGHT,
        prepare=_poor_account,
        takes=10,
        variables={"oceans_llm_kubeconfig": "@FOLDER@/poor.kubeconfig", "oceans_llm_create_namespace": False},
        says=("create", "jobs"),
    ),
    Row(
        "A7",
        "the namespace is being deleted",
        "NamespaceTerminating",
        1,
        by=PREFLIGHT,
        prepare=_terminating,
        check=_let_go,
        says=("faults.example/held|held|finalizer",),
        takes=10,
    ),
    Row(
        "A8",
        "an ExternalSecret of an API version that the cluster does not serve",
        "ApiVersionNotServed|OperatorMissing",
        1,
        by=PREFLIGHT,
        needs=("external-secrets",),
        takes=10,
        variables={
            "oceans_llm_secrets_source": "external_secrets",
            "oceans_llm_external_secrets": {
                "secretStoreRef": {"name": "s"},
                "apiVersion": "external-secrets.io/v1alpha1",
                "data": [{"secretKey": "POSTGRES_URL", "remoteRef": {"key": "k"}}, {"secretKey": "GATEWAY_IDENTITY_TOKEN_SECRET", "remoteRef": {"key": "k"}}],
            },
        },
    ),
    Row(
        "A10",
        "a killed Helm process left the release in the status pending-install",
        "ReleasePending",
        2,
        by=PREFLIGHT,
        prepare=killed_helm,
        says=("pending-install", "recover_after"),
        takes=25,
    ),
    Row(
        "A10r",
        "a killed Helm process left the release in the status pending-install, and oceans_llm_recover_after lets the run continue",
        prepare=killed_helm,
        variables={"oceans_llm_recover_after": 0},
        waive=("ReleasePending",),
        says=("pending-install", "mark(s|ed|ing) .*as failed"),
        check=_recovered,
        takes=45,
    ),
    Row(
        "A11",
        "a second run of the same release while the first run changes the release",
        "ReleaseBusy",
        1,
        by=PREFLIGHT,
        script=two_runs,
        knobs={"STANDIN_MIGRATION_SLOW": "20:25"},
        check=_first_succeeds,
        says=("since",),
        takes=45,
        quick=True,
    ),
    Row(
        "A12",
        "the selector of a Deployment changes, which Kubernetes does not allow",
        "FieldImmutable",
        2,
        by=PREFLIGHT,
        on=(UPGRADE,),
        values={"nameOverride": "other", "fullnameOverride": f"{RELEASE}-oceans-llm"},
        says=("selector",),
        takes=30,
    ),
    Row(
        "A13",
        "kubectl scale owns a field that Helm sets",
        "FieldConflict",
        2,
        by=PREFLIGHT,
        on=(UPGRADE,),
        prepare=_scaled,
        variables={"oceans_llm_replicas": 2},
        says=("replicas", "kubectl"),
        takes=30,
    ),
)
