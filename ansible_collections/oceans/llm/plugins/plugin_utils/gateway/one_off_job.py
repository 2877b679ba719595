# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A one-off Job that runs one gateway command exactly as the gateway's own pods would: same image, environment, volumes,
security and scheduling, because it is made from the Deployment's pod template. Pure.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from ..kube.objects import COMPONENT

#: what makes sense in a server only
_SERVER_ONLY = ("ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle")


def job(
    deployment: Mapping[str, Any], command: Sequence[str], *, prefix: str, component: str, deadline: int, container: str = "gateway", keep_for: int = 300
) -> dict[str, Any]:
    """`command` is the gateway program's arguments, without the program: ["bootstrap-admin"].

    Sidecars are left out (one that does not end would keep the Job from completing), but for native ones: the way to the
    database may be a proxy of that kind, and the kubelet ends it with the program (Kubernetes, sidecar containers). And the component label is the
    Job's own, so that no Service sends traffic to its pod. Tried once: a command that changes the database is not
    repeated behind the caller's back.

    :raises KeyError: when the template has no such container.
    """
    template = copy.deepcopy(dict(deployment["spec"]["template"]))
    spec = template["spec"]
    main = next((c for c in spec["containers"] if c["name"] == container), None)
    if main is None:
        raise KeyError(container)
    for field in _SERVER_ONLY:
        main.pop(field, None)
    main |= {"name": component, "command": ["gateway"], "args": list(command), "terminationMessagePolicy": "FallbackToLogsOnError"}
    spec["containers"] = [main]
    natives = [c for c in spec.pop("initContainers", None) or () if c.get("restartPolicy") == "Always"]
    if natives:
        spec["initContainers"] = natives
    spec |= {"restartPolicy": "Never", "terminationGracePeriodSeconds": 5}
    spec.pop("topologySpreadConstraints", None)  # they count the gateway's pods, which this is none of
    labels = {**(template.get("metadata") or {}).get("labels", {}), COMPONENT: component}
    template["metadata"] = {"labels": labels, "annotations": dict((template.get("metadata") or {}).get("annotations") or {})}
    about = {"generateName": f"{prefix[:50]}-", "namespace": deployment["metadata"]["namespace"], "labels": labels}
    once = {"backoffLimit": 0, "activeDeadlineSeconds": deadline, "ttlSecondsAfterFinished": keep_for, "template": template}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": about, "spec": once}
