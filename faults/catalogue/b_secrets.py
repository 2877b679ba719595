# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""B: Secrets and configuration."""

from __future__ import annotations

from .. import kube
from ..kube import kubectl
from ..place import Place
from ..play import Play
from ..row import ENGINE_ROLES, INSTALL, PREFLIGHT, UPGRADE, Row
from ..signals import either, event, exited

EXISTING = {"oceans_llm_secrets_source": "existing", "oceans_llm_secret_name": "mine"}
IDENTITY = "0123456789abcdef0123456789abcdef01234567"


def _without_url(place: Place) -> None:
    place.secret("mine", GATEWAY_IDENTITY_TOKEN_SECRET=IDENTITY, OTHER="x")


def _without_identity(place: Place) -> None:
    place.secret("mine", POSTGRES_URL=place.url())


def provider(**auth: str) -> dict[str, object]:
    return {"id": "p", "type": "openai_compat", "base_url": "https://api.example.com/v1", "pricing_provider_id": "openai", "auth": {"kind": "bearer", **auth}}


def _pods(place: Place) -> set[str]:
    return {p["metadata"]["name"] for p in kube.get(place.namespace, "pod", "-l", "app.kubernetes.io/component=gateway")}


def _note_pods(place: Place) -> None:
    place.notes["pods"] = _pods(place)


def _restarted(place: Place, play: Play) -> list[str]:
    left = {
        p["metadata"]["name"]
        for p in kube.get(place.namespace, "pod", "-l", "app.kubernetes.io/component=gateway")
        if not p["metadata"].get("deletionTimestamp")
    } & place.notes["pods"]
    return [f"pods with the old Secret are left: {', '.join(sorted(left))}"] if left else []


def _store(*values: tuple[str, str]) -> dict[str, object]:
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "SecretStore",
        "metadata": {"name": "vault"},
        "spec": {"provider": {"fake": {"data": [{"key": k, "value": v} for k, v in values]}}},
    }


def _store_without_url(place: Place) -> None:
    kube.apply(place.namespace, _store(("identity", IDENTITY)))


#: answers 503 for 40 s after its first request
SLOW_STORE = """
import json, os, time
from http.server import BaseHTTPRequestHandler, HTTPServer
first = []
class Store(BaseHTTPRequestHandler):
    def do_GET(self):
        first or first.append(time.monotonic())
        late = time.monotonic() - first[0] < 40
        self.send_response(503 if late else 200)
        self.end_headers()
        if not late:
            self.wfile.write(json.dumps({"value": os.environ[self.path.strip("/")]}).encode())
HTTPServer(("", 8080), Store).serve_forever()
"""


def _slow_store(place: Place) -> None:
    labels = {"app": "store"}
    container = {
        "name": "store",
        "image": "127.0.0.1:5000/oceans-llm/gateway:v0.24.0",
        "command": ["python3", "-c", SLOW_STORE],
        "securityContext": {"runAsUser": 10001},
        "env": [{"name": "url", "value": place.url()}, {"name": "identity", "value": IDENTITY}],
        "resources": {"requests": {"cpu": "5m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
    }
    webhook = {"url": f"http://store.{place.namespace}.svc:8080/{{{{ .remoteRef.key }}}}", "result": {"jsonPath": "$.value"}}
    kube.apply(
        place.namespace,
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "store", "labels": labels},
            "spec": {"terminationGracePeriodSeconds": 0, "containers": [container]},
        },
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "store"}, "spec": {"selector": labels, "ports": [{"port": 8080}]}},
        {
            "apiVersion": "external-secrets.io/v1",
            "kind": "SecretStore",
            "metadata": {"name": "vault"},
            "spec": {"provider": {"webhook": webhook}, "retrySettings": {"maxRetries": 1, "retryInterval": "1s"}},
        },
    )
    kubectl("-n", place.namespace, "wait", "--for=condition=Ready", "pod/store", "--timeout=60s")


EXTERNAL = {
    "oceans_llm_secrets_source": "external_secrets",
    "oceans_llm_secrets": {},
    "oceans_llm_external_secrets": {
        "secretStoreRef": {"name": "vault"},
        "data": [{"secretKey": "POSTGRES_URL", "remoteRef": {"key": "url"}}, {"secretKey": "GATEWAY_IDENTITY_TOKEN_SECRET", "remoteRef": {"key": "identity"}}],
    },
}

ROWS = (
    Row("B1", "the Secret does not exist (preflight)", "SecretMissing", 1, by=PREFLIGHT, variables=EXISTING, says=("mine",), takes=10, quick=True),
    Row(
        "B1e",
        "the Secret does not exist (without preflight)",
        "SecretMissing",
        3,
        roles="deploy",
        variables=EXISTING,
        signal=event("Failed", "not found"),
        says=("mine",),
        on=(INSTALL, UPGRADE),
        quick=True,
        compare=True,
    ),
    Row(
        "B2",
        "the Secret lacks a key (preflight)",
        "SecretKeyMissing",
        1,
        by=PREFLIGHT,
        prepare=_without_url,
        variables={**EXISTING, "oceans_llm_database_secret": "mine"},
        says=("POSTGRES_URL", "OTHER"),
        takes=10,
    ),
    Row(
        "B2e",
        "the Secret lacks a key (without preflight)",
        "SecretKeyMissing",
        3,
        roles=ENGINE_ROLES,
        prepare=_without_url,
        variables={**EXISTING, "oceans_llm_database_secret": "mine"},
        signal=event("Failed", "couldn't find key"),
        says=("POSTGRES_URL", "OTHER"),
    ),
    Row(
        "B3",
        "nothing provides the identity secret",
        "IdentityFallback|SecretKeyMissing",
        1,
        by=PREFLIGHT,
        prepare=_without_identity,
        variables=EXISTING,
        says=("GATEWAY_IDENTITY_TOKEN_SECRET",),
        takes=10,
    ),
    Row(
        "B4",
        "a secret that is too short",
        "SecretTooShort",
        1,
        by=PREFLIGHT,
        variables={"oceans_llm_secrets": {"GATEWAY_IDENTITY_TOKEN_SECRET": "abc"}},
        takes=10,
    ),
    Row(
        "B4b",
        "the public built-in identity secret",
        "SecretBuiltIn",
        1,
        by=PREFLIGHT,
        variables={"oceans_llm_secrets": {"GATEWAY_IDENTITY_TOKEN_SECRET": "local-dev-identity-secret"}},
        takes=10,
    ),
    Row(
        "B6",
        "an ExternalSecret whose key the store does not have",
        "ExternalSecretFailed",
        named="cannot create the Secret of .*(yet: | — ).*does not exist",
        prepare=_store_without_url,
        variables=EXTERNAL,
        signal=event("UpdateFailed"),
        says=("url",),
        needs=("external-secrets",),
        takes=35,
    ),
    Row(
        "B7",
        "an ExternalSecret whose Secret is created only after 40 s",
        prepare=_slow_store,
        variables=EXTERNAL,
        says=("External Secrets",),
        needs=("external-secrets",),
        takes=110,
    ),
    Row(
        "B8",
        "a Secret was rotated",
        on=(UPGRADE,),
        prepare=_note_pods,
        variables={"oceans_llm_secrets": {"ROTATED_TOKEN": "a-new-value-of-a-secret"}},
        base={"oceans_llm_version": "v0.24.0", "oceans_llm_secrets": {"ROTATED_TOKEN": "the-old-value-of-it"}},
        check=_restarted,
        takes=50,
    ),
    Row(
        "B9",
        "an unknown provider type (preflight)",
        "GatewayConfigInvalid",
        3,
        by=PREFLIGHT,
        says=("providers",),
        takes=10,
        variables={"oceans_llm_config": {"providers": [{**provider(token="env.POSTGRES_URL"), "type": "openai_compatible"}]}},
    ),
    Row(
        "B9e",
        "an unknown provider type (without preflight)",
        "GatewayConfigInvalid",
        1.5,
        roles=ENGINE_ROLES,
        signal=exited(),
        says=("unknown|providers|type",),
        variables={"oceans_llm_config": {"providers": [{**provider(token="env.POSTGRES_URL"), "type": "openai_compatible"}]}},
    ),
    Row(
        "B10",
        "env.NOPE, which nothing provides (preflight)",
        "GatewayVariableMissing",
        1,
        by=PREFLIGHT,
        says=("NOPE", "providers"),
        takes=10,
        variables={"oceans_llm_config": {"providers": [provider(token="env.NOPE")]}},
    ),
    Row(
        "B10e",
        "env.NOPE, which nothing provides (without preflight)",
        "SecretKeyMissing|GatewayVariableMissing",
        1.5,
        roles=ENGINE_ROLES,
        signal=either(exited(), event("Failed", "couldn't find key")),
        says=("NOPE",),
        variables={"oceans_llm_config": {"providers": [provider(token="env.NOPE")]}},
        on=(INSTALL, UPGRADE),
    ),
)
