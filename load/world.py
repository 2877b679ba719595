# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The release under load: two replicas behind a NodePort, two fake providers, and everything about it that the chart decides left to the chart."""

from __future__ import annotations

import datetime
import json
import re
import secrets
import time
from typing import Any

from faults import kube
from faults.place import IMAGES, NEW, OLD, RELEASE, Place, merged
from faults.play import Play
from faults.setting import Setting

from .count import Stop
from .traffic import Target

#: tokens a second of the streams
RATE = 5
GATEWAY = f"{RELEASE}-oceans-llm-gateway"
SCRIPT = kube.ROOT / "testbed" / "second-node.sh"
PODS = f"app.kubernetes.io/instance={RELEASE},app.kubernetes.io/component=gateway"
#: what the places of the fault suite shorten: here it is the chart's
LEFT_TO_THE_CHART = {"drain": {"settleSeconds": None, "timeoutSeconds": None}, "terminationGracePeriodSeconds": None}

#: label and taint of the nodes of testbed/second-node.sh
MARK = "oceans-llm.testbed/second"
SCHEDULING = {
    "resources": {"limits": {"memory": "256Mi"}},
    "tolerations": [{"key": MARK, "operator": "Exists", "effect": "NoSchedule"}],
    "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"}],
}
VALUES = {"gateway": LEFT_TO_THE_CHART, "rollout": {"minReadySeconds": 3}, "scheduling": SCHEDULING}


class World:
    """A release and what was done to it. An action changes a part of its variables and runs a role."""

    def __init__(self, keep: bool, longest: float) -> None:
        #: milliseconds that the providers may take: more than the longest stream
        self.total = int(longest * 1100)
        self.providers: dict[str, str] = {}
        self.place = Place(Setting("RUN", "traffic", suite="load", own_server=True, values=VALUES), "load", keep)
        self.key = f"gwk_load.{secrets.token_urlsafe(12)}"
        self.tokens = ("provider-one", "provider-two")
        self.version = OLD
        self.secrets = {"PROVIDER_TOKEN": self.tokens[0], "LOAD_KEY": self.key, "GATEWAY_IDENTITY_TOKEN_SECRET": secrets.token_urlsafe(40)}
        self.runs = 0
        #: further nodes of the cluster, which exist from their first use to the end of the run
        self.nodes: list[str] = []

    def make(self) -> Target:
        self.place.make()
        self.secrets["POSTGRES_URL"] = self.place.url()
        for name, rate in (("plain", 0), ("slow", RATE)):
            kube.apply(self.place.namespace, *provider(name, rate, ",".join(self.tokens)))
        for name in ("plain", "slow"):
            kube.kubectl("-n", self.place.namespace, "rollout", "status", f"deployment/provider-{name}", "--timeout=120s")
            # by its address: the cluster's DNS is not what is measured
            [service] = kube.get(self.place.namespace, "service", "--field-selector", f"metadata.name=provider-{name}")
            self.providers[name] = f"http://{service['spec']['clusterIP']}:8081/v1"
        self.run("gateway", oceans_llm_seed_config=True)
        [service] = kube.get(self.place.namespace, "service", "--field-selector", f"metadata.name={GATEWAY}")
        [address] = [a["address"] for a in kube.get("", "node")[0]["status"]["addresses"] if a["type"] == "InternalIP"]
        return Target(address, int(service["spec"]["ports"][0]["nodePort"]), self.key)

    def variables(self, **more: Any) -> dict[str, Any]:
        slow = {"type": "openai_compat", "pricing_provider_id": "openai", "timeouts": {"total_ms": self.total}}
        slow["auth"] = {"kind": "bearer", "token": "env.PROVIDER_TOKEN"}
        own = {
            "oceans_llm_replicas": 2,
            "oceans_llm_secrets": self.secrets,
            "oceans_llm_report_always": False,
            "oceans_llm_values": {"service": {"gateway": {"type": "NodePort"}}},
            "oceans_llm_config": {
                # old pods that drain keep their sessions: many pods share one small server
                "database": {"max_connections": 4},
                "providers": [{"id": name, "base_url": url, **slow} for name, url in self.providers.items()],
                "models": [
                    {"id": "fast", "routes": [{"provider": "plain", "upstream_model": "any"}]},
                    {"id": "stream", "routes": [{"provider": "slow", "upstream_model": "any"}]},
                ],
                "teams": [{"id": "load", "name": "Load"}],
                "service_accounts": [
                    {"id": "load", "team": "load", "budget": {"cadence": "monthly", "amount_usd": "10.0000"}, "keys": [{"id": "main", "value": "env.LOAD_KEY"}]}
                ],
            },
        }
        return merged(merged(self.place.variables(self.version), own), more)

    def run(self, role: str, fails: str = "", **more: Any) -> None:
        """A role, to its end. `fails`: a pattern of what a run that has to fail says. :raises Broken: it ended otherwise than it should."""
        self.runs += 1
        play = Play(self.place, self.variables(**more), role, f"{self.runs}-{role}")
        failed = play.wait() != 0
        if failed != bool(fails) or not re.search(fails, play.screen):
            raise kube.Broken(f"role {role} {'failed' if failed else 'did not fail'}: {play.screen[-1500:]}")

    # --- nodes ----------------------------------------------------------------------------------------------------

    def add_node(self, name: str) -> str:
        self.nodes.append(name)
        kube.run(SCRIPT, "up", name, timeout=400)
        return f"{kube.NODE.removesuffix('-control-plane')}-{name}"

    def remove(self) -> None:
        self.place.remove()
        for name in self.nodes:
            kube.run(SCRIPT, "down", name, timeout=120, check=False)

    # --- pods -----------------------------------------------------------------------------------------------------

    def pods(self) -> list[dict[str, Any]]:
        """Those that were not told to stop, with whether they are ready."""
        return [p for p in kube.get(self.place.namespace, "pod", "-l", PODS) if not p["metadata"].get("deletionTimestamp")]

    def served(self, replicas: int) -> None:
        """Until so many pods are ready, and no other one is there that was not told to stop."""
        kube.until(lambda: [_ready(p) for p in self.pods()] == [True] * replicas, 180, f"{replicas} gateway pods are not ready")


def _ready(pod: dict[str, Any]) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod.get("status", {}).get("conditions", ()))


def stops(watcher: kube.Watcher) -> list[Stop]:
    """Every gateway pod that was told to stop and has ended, from what a watch saw. Its times are the API server's, to the second of a stamp or better."""
    offset = time.time() - time.monotonic()
    told: dict[str, float] = {}
    ended: dict[str, float] = {}
    for at, kind, obj in sorted(watcher.records, key=lambda r: r[0]):
        name = obj["metadata"]["name"]
        if obj.get("kind") != "Pod" or obj["metadata"].get("labels", {}).get("app.kubernetes.io/component") != "gateway":
            continue
        if obj["metadata"].get("deletionTimestamp"):
            told.setdefault(name, at + offset)
        gateway: dict[str, Any] = next((c for c in obj.get("status", {}).get("containerStatuses", ()) if c["name"] == "gateway"), {})
        finished = gateway.get("state", {}).get("terminated", {}).get("finishedAt")
        last = datetime.datetime.fromisoformat(finished).timestamp() if finished else 0.0
        if name in told and last >= told[name] - 1:
            ended.setdefault(name, max(last, told[name]))
        elif name in told and kind == "DELETED":  # its container had crashed before, or nobody saw it end
            ended.setdefault(name, at + offset)
    return [Stop(name, told[name], when) for name, when in ended.items()]


def provider(name: str, rate: int, keys: str) -> list[dict[str, Any]]:
    """A fake provider: a Deployment and its Service."""
    labels = {"app": f"provider-{name}"}
    env = [{"name": "STANDIN_PROVIDER_KEY", "value": keys}, *([{"name": "STANDIN_PROVIDER_RATE", "value": str(rate)}] if rate else [])]
    container = {
        "name": "provider",
        "image": f"{IMAGES}/gateway:{NEW}",
        "command": ["fake-provider"],
        "env": env,
        "readinessProbe": {"httpGet": {"path": "/v1/models", "port": 8081}, "periodSeconds": 1, "timeoutSeconds": 10, "failureThreshold": 10},
    }
    spec = {"containers": [container], "automountServiceAccountToken": False, "terminationGracePeriodSeconds": 1}
    meta = {"name": f"provider-{name}"}
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": meta,
            "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": spec}},
        },
        {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"selector": labels, "ports": [{"port": 8081}]}},
    ]


def evict(namespace: str, pod: str) -> bool:
    """As `kubectl drain` does it; False when the budget does not allow it now."""
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": namespace}}
    try:
        kube.kubectl("create", "--raw", f"/api/v1/namespaces/{namespace}/pods/{pod}/eviction", "-f", "-", stdin=json.dumps(body))
    except kube.Broken as refused:
        if "disruption budget" in str(refused):
            return False
        raise
    return True
