# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Service against the pods that it is meant for (Kubernetes API, ServiceSpec). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .objects import Object, meta


def pod_labels(workload: Object) -> Mapping[str, str]:
    """The labels of a Deployment's pods."""
    return (((workload.get("spec") or {}).get("template") or {}).get("metadata") or {}).get("labels") or {}


def matches(selector: Mapping[str, str] | None, labels: Mapping[str, str]) -> bool:
    """An empty selector of a Service selects nothing."""
    return bool(selector) and all(labels.get(k) == v for k, v in (selector or {}).items())


def meant_for(service: Object, deployments: Iterable[Object]) -> Object | None:
    """The Deployment whose pods a Service selects; None when it selects none, or those of several."""
    selector = (service.get("spec") or {}).get("selector")
    found = [d for d in deployments if matches(selector, pod_labels(d))]
    return found[0] if len(found) == 1 else None


def declared_ports(pod_spec: Mapping[str, Any]) -> Iterator[tuple[str, str, int, str]]:
    """(container, name, number, protocol) of every port that a pod's containers declare, native sidecars included."""
    sidecars = [c for c in pod_spec.get("initContainers") or () if c.get("restartPolicy") == "Always"]
    for container in [*(pod_spec.get("containers") or ()), *sidecars]:
        for port in container.get("ports") or ():
            yield str(container.get("name")), str(port.get("name") or ""), int(port.get("containerPort") or 0), str(port.get("protocol") or "TCP")


def target(port: Mapping[str, Any]) -> int | str:
    """Where a Service's port leads to; without a targetPort to the same number."""
    found = port.get("targetPort") or port.get("port") or 0
    return int(found) if str(found).isdigit() else str(found)


def number_of(wanted: int | str, pod_spec: Mapping[str, Any]) -> int | None:
    """The number of a target port in a pod; None when no container declares that name."""
    if isinstance(wanted, int):
        return wanted
    return next((number for _c, name, number, _p in declared_ports(pod_spec) if name == wanted), None)


def ports_phrase(pod_spec: Mapping[str, Any]) -> str:
    """What the containers declare, for a reader: `gateway: http 8080, metrics 9090`."""
    by_container: dict[str, list[str]] = {}
    for container, name, number, protocol in declared_ports(pod_spec):
        by_container.setdefault(container, []).append(f"{name + ' ' if name else ''}{number}{'' if protocol == 'TCP' else '/' + protocol}")
    return "; ".join(f"{container}: {', '.join(ports)}" for container, ports in by_container.items()) or "no port"


def labels_phrase(labels: Mapping[str, str] | None) -> str:
    return ", ".join(f"{k}={v}" for k, v in sorted((labels or {}).items())) or "none"


def writer(obj: Object, *path: str) -> str:
    """` (set by MANAGER at TIME)`: who wrote a field last, by the object's managedFields; empty when they do not tell.

    `path` without the `f:`, for example `spec`, `replicas`; an entry of a list by the name that is its key: `containers`, `{gateway}`.
    """
    found = []
    for entry in meta(obj).get("managedFields") or ():
        fields: Any = entry.get("fieldsV1") or {}
        for key in path:
            step = f'k:{{"name":"{key[1:-1]}"}}' if key.startswith("{") else f"f:{key}"
            fields = fields.get(step) if isinstance(fields, Mapping) else None
        if fields is not None:
            found.append((str(entry.get("time") or ""), str(entry.get("manager") or "?")))
    if not found:
        return ""
    when, who = max(found)
    return f" (set by {who} at {when})" if when else f" (set by {who})"


def env_writer(owner: Object, container: str, name: str) -> str:
    """:func:`writer` of a variable in a pod template."""
    return writer(owner, "spec", "template", "spec", "containers", f"{{{container}}}", "env", f"{{{name}}}")
