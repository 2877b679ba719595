# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Jobs of the probe pods: the gateway's own image, made from its Deployment's pod template, without its secrets and volumes. Pure.

The pod must not get in anybody's way: it is never Ready (a readiness gate that nobody sets), so that no Service sends to it whatever it
selects; it asks for next to no resources; it runs on a node that has the image; and it is gone by its deadline, its TTL and its owner when
the run is killed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..gateway import one_off_job
from ..helm import chart
from ..kube.objects import meta, owned_by

COMPONENT = "probe"
#: seconds that the script asks for, that the Job may take, and that it is kept
SECONDS, DEADLINE, KEEP = 300, 330, 30
PAUSE = 0.1
#: seconds for one completion, and for the pod that asks for some
ANSWER, COMPLETION_DEADLINE = 60, 200
#: variable of the key in the pod that asks for completions
KEY = "OCEANS_LLM_PROBE_KEY"
RESOURCES = {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"cpu": "500m", "memory": "64Mi"}}
RESTRICTED = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}


def body(
    deployment: Mapping[str, Any], service: str, port: int, path: str, *, release: str, node: str = "", pods: Sequence[str] = (), hosts: Sequence[str] = ()
) -> dict[str, Any]:
    """`pods`: address:port of what stands behind the Service; `hosts`: scheme|host|address, perhaps |port, of what leads to it from outside."""
    args = [str(SECONDS), str(PAUSE), _name(deployment, service), str(port), path, ",".join(pods), ",".join(hosts)]
    return _job(deployment, f"{release[:40]}-probe", "probe", args, deadline=DEADLINE, node=node)


def completion(
    deployment: Mapping[str, Any],
    service: str,
    port: int,
    model: str,
    secret: Mapping[str, str],
    *,
    release: str,
    node: str = "",
    hosts: Sequence[str] = (),
    providers: Sequence[str] = (),
) -> dict[str, Any]:
    """A pod that asks for completions. `secret`: name and key of the Secret that has the caller's key; no other eye sees it."""
    args = [_name(deployment, service), str(port), model, ",".join(hosts), ",".join(providers), str(ANSWER)]
    env = [{"name": KEY, "valueFrom": {"secretKeyRef": dict(secret)}}]
    return _job(deployment, f"{release[:38]}-complete", "completion", args, deadline=COMPLETION_DEADLINE, node=node, env=env)


def script(name: str) -> str:
    """A script of the pods; before it what they share with the chart's own test."""
    parts = (Path(chart.own()) / "files" / "probe_net.pl", Path(__file__).with_name(f"{name}.pl"))
    return "".join(part.read_text(encoding="utf-8") for part in parts)


def _name(deployment: Mapping[str, Any], service: str) -> str:
    return f"{service}.{meta(deployment)['namespace']}.svc"


def _job(
    deployment: Mapping[str, Any], prefix: str, name: str, args: Sequence[str], *, deadline: int, node: str, env: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    job = one_off_job.job(deployment, [], prefix=prefix, component=COMPONENT, deadline=deadline, container=_container(deployment), keep_for=KEEP)
    template = job["spec"]["template"]
    spec, (container,) = template["spec"], template["spec"]["containers"]
    for field in ("env", "envFrom", "volumeMounts", "volumeDevices", "resizePolicy"):
        container.pop(field, None)
    container |= {
        "command": ["perl", "-e"],
        "args": [script(name), *args],
        "imagePullPolicy": "IfNotPresent",
        "resources": RESOURCES,
        "securityContext": {**(container.get("securityContext") or {}), **RESTRICTED},
    }
    if env:
        container["env"] = [dict(e) for e in env]
    spec.pop("volumes", None)
    spec |= {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 0,
        "readinessGates": [{"conditionType": "oceans-llm/never"}],
        "securityContext": {**(spec.get("securityContext") or {}), "seccompProfile": {"type": "RuntimeDefault"}},
    }
    if node:
        spec["nodeName"] = node
    job["metadata"]["ownerReferences"] = owned_by(deployment)
    return job


def _container(deployment: Mapping[str, Any]) -> str:
    """The gateway's container, in another chart its first."""
    names = [str(c["name"]) for c in deployment["spec"]["template"]["spec"]["containers"]]
    return "gateway" if "gateway" in names else names[0]
