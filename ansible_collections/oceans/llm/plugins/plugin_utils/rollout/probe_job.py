# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Job of the probe pod: the gateway's own image, made from its Deployment's pod template, without its secrets and volumes. Pure.

The pod must not get in anybody's way: it is never Ready (a readiness gate that nobody sets), so that no Service sends to it whatever it
selects; it asks for next to no resources; it runs on a node that has the image; and it is gone by its deadline, its TTL and its owner when
the run is killed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..gateway import one_off_job
from ..kube.objects import meta

COMPONENT = "probe"
#: seconds that the script asks for, that the Job may take, and that it is kept
SECONDS, DEADLINE, KEEP = 300, 330, 30
PAUSE = 0.25
SCRIPT = Path(__file__).with_name("probe.pl")
RESOURCES = {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"cpu": "500m", "memory": "64Mi"}}
RESTRICTED = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}


def body(
    deployment: Mapping[str, Any], service: str, port: int, path: str, *, release: str, node: str = "", pods: Sequence[str] = (), hosts: Sequence[str] = ()
) -> dict[str, Any]:
    """`pods`: address:port of what stands behind the Service; `hosts`: scheme|host|address of what leads to it from outside."""
    namespace = meta(deployment)["namespace"]
    job = one_off_job.job(
        deployment, [], prefix=f"{release[:40]}-probe", component=COMPONENT, deadline=DEADLINE, container=_container(deployment), keep_for=KEEP
    )
    template = job["spec"]["template"]
    spec, (container,) = template["spec"], template["spec"]["containers"]
    for field in ("env", "envFrom", "volumeMounts", "volumeDevices", "resizePolicy"):
        container.pop(field, None)
    name = f"{service}.{namespace}.svc"
    container |= {
        "command": ["perl", "-e"],
        "args": [SCRIPT.read_text(encoding="utf-8"), str(SECONDS), str(PAUSE), name, str(port), path, ",".join(pods), ",".join(hosts)],
        "imagePullPolicy": "IfNotPresent",
        "resources": RESOURCES,
        "securityContext": {**(container.get("securityContext") or {}), **RESTRICTED},
    }
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
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": meta(deployment)["name"], "uid": meta(deployment)["uid"]}
    job["metadata"]["ownerReferences"] = [owner]
    return job


def _container(deployment: Mapping[str, Any]) -> str:
    """The gateway's container, in another chart its first."""
    names = [str(c["name"]) for c in deployment["spec"]["template"]["spec"]["containers"]]
    return "gateway" if "gateway" in names else names[0]
