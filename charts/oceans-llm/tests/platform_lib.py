# SPDX-License-Identifier: GPL-3.0-or-later
"""Other people's clusters, emulated on kind by admission webhooks and policies, and the collection's roles against them."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from authority import certificates
from chart_lib import ROOT, Object, merged
from cluster_lib import IMAGES, Namespace, eventually

#: what Pod Security `restricted` asks of every container
HARDENED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}
RESTRICTED_POD = {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}}
GATEWAY_IMAGE = f"{IMAGES['gateway']['image']['repository']}:{IMAGES['gateway']['image']['tag']}"
APP = {"GATEWAY_IDENTITY_TOKEN_SECRET": "x" * 40, "OPENAI_API_KEY": "placeholder", "GATEWAY_BOOTSTRAP_ADMIN_PASSWORD": "correct-horse-battery"}


def pod(name: str, command: list[str], port: int, **more: Any) -> list[Object]:
    """A Deployment of the gateway's image that runs something else, and its Service."""
    container = {"name": name, "image": GATEWAY_IMAGE, "command": command, "securityContext": HARDENED, **more.pop("container", {})}
    template = {"metadata": {"labels": {"app": name}}, "spec": {"securityContext": RESTRICTED_POD, "terminationGracePeriodSeconds": 0, **more}}
    template["spec"]["containers"] = [container]
    return [
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"selector": {"app": name}, "ports": [{"port": port}]}},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name},
            "spec": {"selector": {"matchLabels": {"app": name}}, "template": template},
        },
    ]


@contextlib.contextmanager
def injector(ns: Namespace) -> Iterator[Any]:
    """A webhook server in the namespace. What this yields, called with a path of admission_server.py, sends the namespace's new pods there."""
    host = f"injector.{ns.name}.svc"
    ca, certificate, key = certificates(host)
    script = (Path(__file__).parent / "admission_server.py").read_text()
    mounts = [{"name": "server", "mountPath": "/server"}, {"name": "tls", "mountPath": "/tls"}]
    probe = {"httpGet": {"port": 8443, "scheme": "HTTPS"}, "periodSeconds": 1}
    ns.kubectl.secret(ns.name, "injector", {"tls.crt": certificate, "tls.key": key})
    ns.kubectl.apply(
        ns.name,
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "injector"}, "data": {"server.py": script}},
        *pod(
            "injector",
            ["python3", "/server/server.py", "/tls/tls.crt", "/tls/tls.key"],
            8443,
            container={"readinessProbe": probe, "volumeMounts": mounts},
            volumes=[{"name": "server", "configMap": {"name": "injector"}}, {"name": "tls", "secret": {"secretName": "injector"}}],
        ),
    )
    ns.kubectl.ready(ns.name, "injector")

    def use(path: str) -> None:
        service = {"name": "injector", "namespace": ns.name, "port": 8443, "path": path}
        hook = {
            "name": f"{ns.name}.example.com",
            "clientConfig": {"service": service, "caBundle": base64.b64encode(ca.encode()).decode()},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]}, *_MORE.get(path, ())],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": ns.name}},
            "objectSelector": {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["injector"]}]},
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "failurePolicy": "Fail",
        }
        kind = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration", "metadata": {"name": ns.name}}
        ns.kubectl.apply("default", {**kind, "webhooks": [hook]})
        bite = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bite"}, "spec": {"securityContext": {}, "containers": [{"name": "c"}]}}
        bite["spec"]["containers"][0] |= {"image": GATEWAY_IMAGE, "securityContext": HARDENED | {"runAsNonRoot": True, **_SECCOMP}}

        def patched() -> bool:
            # the API server learns of a webhook a moment later
            answer = ns.kubectl.run("-n", ns.name, "create", "--dry-run=server", "-o", "json", "-f", "-", stdin=json.dumps(bite), check=False)
            spec = json.loads(answer.stdout)["spec"] if not answer.returncode else {}
            seen = {
                "/openshift": "runAsUser" in spec.get("securityContext", {}),
                "/native": any(c["name"] == "istio-proxy" for c in spec.get("initContainers", [])),
                "/classical": len(spec.get("containers", [])) > 1,
                "/autopilot": any(c.get("resources") for c in spec.get("containers", [])),
            }
            return seen[path] and sum(seen.values()) == 1

        eventually(f"the webhook does {path}", patched, timeout=30)

    try:
        yield use
    finally:
        ns.kubectl.run("delete", "mutatingwebhookconfiguration", ns.name, "--ignore-not-found", check=False)


#: what a platform changes besides new pods
_MORE = {"/autopilot": [{"apiGroups": ["apps", "batch"], "apiVersions": ["v1"], "resources": ["deployments", "jobs"], "operations": ["CREATE", "UPDATE"]}]}
_SECCOMP = {"seccompProfile": {"type": "RuntimeDefault"}}
RANGE = "[1000700000, 1000709999]"
# What OpenShift says: one sentence for all constraints that the ServiceAccount may use.
_WORDS = (
    "'unable to validate against any security context constraint: [provider \"restricted-v2\": Forbidden: '"
    " + (has(object.spec.securityContext.fsGroup) ? 'spec.securityContext.fsGroup: Invalid value: []int64{' + string(object.spec.securityContext.fsGroup)"
    " + '}: ' + string(object.spec.securityContext.fsGroup) + ' is not an allowed group, ' : '')"
    " + (has(object.spec.securityContext.runAsUser) ? 'spec.containers[0].securityContext.runAsUser: Invalid value: '"
    " + string(object.spec.securityContext.runAsUser) + ': must be in the ranges: " + RANGE + "' : '') + ']'"
)


@contextlib.contextmanager
def restricted_v2(ns: Namespace) -> Iterator[None]:
    """OpenShift's restricted-v2 in one namespace: ids outside its range are refused with OpenShift's words, ids that are left out are set."""
    inside = "(!has(object.spec.securityContext.{0}) || (object.spec.securityContext.{0} >= 1000700000 && object.spec.securityContext.{0} <= 1000709999))"
    rule = f"!has(object.spec.securityContext) || ({inside.format('runAsUser')} && {inside.format('fsGroup')})"
    match = {"resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]}
    spec = {"failurePolicy": "Fail", "matchConstraints": match, "validations": [{"expression": rule, "messageExpression": _WORDS}]}
    spec["matchConditions"] = [{"name": "not-the-injector", "expression": "!has(object.metadata.labels) || !('app' in object.metadata.labels)"}]
    where = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": ns.name}}}
    binding = {"policyName": ns.name, "validationActions": ["Deny"], "matchResources": where}
    api = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": ns.name}}
    with injector(ns) as use:
        use("/openshift")
        kinds = {"ValidatingAdmissionPolicy": spec, "ValidatingAdmissionPolicyBinding": binding}
        ns.kubectl.apply("default", *({**api, "kind": kind, "spec": body} for kind, body in kinds.items()))
        try:
            yield
        finally:
            for kind in kinds:
                ns.kubectl.run("delete", kind, ns.name, "--ignore-not-found", check=False)


def play(ns: Namespace, what: str, variables: Mapping[str, Any], tmp: Path) -> subprocess.CompletedProcess[str]:
    """A role of the collection (`wait`), or one of its playbooks (`oceans.llm.diagnose`), for the release in this namespace."""
    shared = {
        "oceans_llm_namespace": ns.name,
        "oceans_llm_auth": {"kubeconfig": ns.kubectl.kubeconfig},
        "oceans_llm_report_dir": str(tmp / "reports"),
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
    }
    file = tmp / "variables.json"
    file.write_text(json.dumps(merged(shared, variables)))
    if "." not in what:
        (tmp / "play.yml").write_text(json.dumps([{"hosts": "all", "gather_facts": False, "roles": [f"oceans.llm.{what}"]}]))
    return subprocess.run(
        [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "kind,", what if "." in what else str(tmp / "play.yml"), "-e", f"@{file}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": f"{ROOT}:{ROOT / '.testbed' / 'collections'}", "NO_COLOR": "1"},
    )


__all__ = ["APP", "GATEWAY_IMAGE", "HARDENED", "RESTRICTED_POD", "injector", "play", "pod", "restricted_v2"]
