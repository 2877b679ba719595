# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Healthy and of no use: pods are ready, the version is served, and no model answers. A fake provider stands in the row's own namespace."""

from __future__ import annotations

import json
from typing import Any

from .. import kube
from ..kube import kubectl
from ..place import Place
from . import eye
from .eye import GATEWAY
from .foreign import UPGRADE, WAIT, Foreign, Wanted
from .hands import IMAGE, POD_SECURITY, call, in_turn, policy

CALLER, GOOD_KEY = "gwk_probe.outside-suite", "sk-of-the-provider"
PORT = 8081

#: a client of the gateway, with Python and nothing else: a plain and a streamed completion, one line
CHAT = """
import http.client, json, sys, time
host, key = json.load(sys.stdin)
def ask(stream):
    c = http.client.HTTPConnection(host, 8080, timeout=20)
    body = json.dumps({'model': 'fast', 'stream': stream, 'messages': [{'role': 'user', 'content': ' '.join(str(n) for n in range(60))}]})
    begun = time.monotonic()
    c.request('POST', '/v1/chat/completions', body, {'Authorization': 'Bearer ' + key, 'Content-Type': 'application/json'})
    answer = c.getresponse()
    if answer.status != 200 or not stream:
        return '' if answer.status == 200 and b'choices' in answer.read() else f'a completion: {answer.status}'
    at = [time.monotonic() - begun for line in answer if line.startswith(b'data: {')]
    return f'a stream: {len(at)} events at once after {at[0]:.1f} s' if len(at) > 8 and at[0] > 0.3 and at[-1] - at[0] < 0.1 else ''
try:
    print(ask(False) or ask(True))
except Exception as e:
    print(f'a completion: {type(e).__name__}: {e}')
"""


def no_completion(place: Place) -> str:
    """A client in another namespace gets no completion, or a stream in one piece."""
    eye.up()
    host = f"{GATEWAY}.{place.namespace}.svc.cluster.local"
    told = kubectl("-n", eye.NAMESPACE, "exec", "-i", "eye", "--", "python3", "-c", CHAT, stdin=json.dumps([host, CALLER]), timeout=60).strip()
    return f"a client in the cluster: {told}" if told else ""


def _provider(place: Place) -> None:
    container = {
        "name": "provider",
        "image": IMAGE,
        "command": ["fake-provider"],
        "securityContext": {**POD_SECURITY, "runAsUser": 10001},
        "env": [{"name": "STANDIN_PROVIDER_KEY", "value": GOOD_KEY}, {"name": "STANDIN_PROVIDER_RATE", "value": "100"}],
        "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "5m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
    }
    labels = {"app": "provider"}
    spec = {"terminationGracePeriodSeconds": 0, "automountServiceAccountToken": False, "containers": [container]}
    kube.apply(
        place.namespace,
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "provider"},
            "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": spec}},
        },
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "provider"}, "spec": {"selector": labels, "ports": [{"port": PORT}]}},
    )
    kubectl("-n", place.namespace, "rollout", "status", "deployment/provider", "--timeout=60s")


def _said(**knobs: str) -> Any:
    """The provider with other knobs, once all of it has them."""
    given = [f"STANDIN_PROVIDER_{name.upper()}={value}" for name, value in knobs.items()]
    return in_turn(call("set", "env", "deployment/provider", *given), call("rollout", "status", "deployment/provider", "--timeout=60s"))


def _config(base_url: str) -> dict[str, Any]:
    auth = {"kind": "bearer", "token": "env.OPENAI_API_KEY"}
    return {
        "providers": [
            {"id": "openai", "type": "openai_compat", "base_url": base_url, "pricing_provider_id": "openai", "auth": auth, "timeouts": {"total_ms": 5000}}
        ],
        "models": [{"id": "fast", "routes": [{"provider": "openai", "upstream_model": "gpt"}]}],
        "teams": [{"id": "platform", "name": "Platform"}],
        "service_accounts": [
            {
                "id": "probe",
                "team": "platform",
                "budget": {"cadence": "monthly", "amount_usd": "10.0000"},
                "keys": [{"id": "main", "value": "env.OCEANS_LLM_PROBE_KEY"}],
            }
        ],
    }


RIGHT, WRONG = f"http://provider.@NS@.svc.cluster.local:{PORT}/v1", f"http://providr.@NS@.svc.cluster.local:{PORT}/v1"
KEYS = {"OPENAI_API_KEY": GOOD_KEY, "OCEANS_LLM_PROBE_KEY": CALLER}
#: the healthy release has the model seeded; the run that is judged asks it
SEEDED: dict[str, Any] = {
    "base": {"oceans_llm_config": _config(RIGHT), "oceans_llm_secrets": KEYS, "oceans_llm_seed_config": True},
    "variables": {"oceans_llm_config": _config(RIGHT), "oceans_llm_secrets": KEYS, "oceans_llm_probe_model": "fast"},
    "base_roles": "secrets deploy bootstrap",
    "prepare": _provider,
}
DATABASE = {"ports": [{"port": 5432}, {"port": 3000}, {"port": 53, "protocol": "UDP"}, {"port": 53}]}

ROWS = (
    Foreign(
        "O21",
        "the provider's key was revoked",
        Wanted(r"Provider/openai", (r"\b401\b", r"key", r"OPENAI_API_KEY")),
        _said(key="another"),
        no_completion,
        quick=True,
        compare=True,
        name="healthy gateway, every completion fails: dead provider key",
        **SEEDED,
    ),
    Foreign(
        "O22",
        "the provider's base_url has a host that does not exist",
        Wanted(r"Provider/openai", (r"base_url", r"providr", r"does not resolve"), repaired=False),
        None,
        no_completion,
        (UPGRADE,),
        late=True,
        name="healthy gateway, every completion fails: wrong base URL",
        **{**SEEDED, "variables": {**SEEDED["variables"], "oceans_llm_config": _config(WRONG)}},
    ),
    Foreign(
        "O23",
        "a NetworkPolicy blocks connections to the provider",
        Wanted(r"NetworkPolicy/database-only", (r"egress", r"blocks connections", r"provider", r"8081")),
        policy("database-only", policyTypes=["Egress"], egress=[DATABASE]),
        no_completion,
        needs=("network-policy",),
        name="healthy gateway, every completion fails: blocked egress",
        **SEEDED,
    ),
    Foreign(
        "O24",
        "the provider answers 503",
        Wanted(r"Provider/openai", (r"answers 503",)),
        _said(status="503"),
        no_completion,
        (WAIT, UPGRADE),
        name="issue 10446 of OmniRoute: healthy gateway, every completion 5xx",
        **SEEDED,
    ),
    Foreign(
        "O25",
        "a proxy in front of the provider buffers streams",
        Wanted(r"Provider/openai", (r"stream", r"one piece")),
        _said(buffer="yes"),
        no_completion,
        name="server-sent events buffered by a proxy",
        **SEEDED,
    ),
    Foreign("O20", "a model that answers, asked for a completion", None, None, no_completion, (WAIT, UPGRADE), name="control of completions", **SEEDED),
)
