# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Post-checks: what a user of the release gets, asked through its Services. Helm and Kubernetes are not believed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ..cluster import Cluster
from .model import Cause, Certainty

#: label of the chart that tells what an object is for (contract: app.kubernetes.io/component)
COMPONENT = "app.kubernetes.io/component"


def gateway_service(manifest: Iterable[Mapping[str, Any]]) -> tuple[str, int] | None:
    """Name and port of the gateway's Service among rendered objects; None in a release that has none."""
    for obj in manifest:
        labels = (obj.get("metadata") or {}).get("labels") or {}
        if obj.get("kind") == "Service" and labels.get(COMPONENT) == "gateway":
            return obj["metadata"]["name"], int(obj["spec"]["ports"][0]["port"])
    return None


def check(cluster: Cluster, namespace: str, service: str, port: int, expected: str) -> tuple[str, Cause | None]:
    """(version served, what is wrong). `expected` may begin with v, as image tags do; empty: any version is right."""
    where = f"Service/{service}"
    status, _headers, text = cluster.service_request(namespace, service, port, "/api/v1/health")
    served = _field(text, "version") if status == 200 else ""
    if not served:
        return "", _wrong("NotServed", where, "the gateway does not answer through its Service", f"GET /api/v1/health: {status} {text[:200]}",
                          f"kubectl -n {namespace} get endpointslices -l kubernetes.io/service-name={service}")
    if expected and served != expected.removeprefix("v"):
        return served, _wrong("WrongVersionServed", where, f"version {served} is served, {expected.removeprefix('v')} was asked for",
                              "GET /api/v1/health", "check the image's tag and digest: it may hold another build than its name says")
    status, _headers, text = cluster.service_request(namespace, service, port, "/readyz")
    if status != 200:
        return served, _wrong("NotReady", where, "the gateway is served but cannot reach its database", f"GET /readyz: {status} {text[:200]}",
                              "check the database; the pods stay up and recover by themselves when it answers")
    status, _headers, text = cluster.service_request(namespace, service, port, "/admin")
    if status >= 500:
        return served, _wrong("AdminUiDown", where, "the admin UI is not reached through the gateway", f"GET /admin: {status} {text[:200]}",
                              f"kubectl -n {namespace} get pods -l {COMPONENT}=admin-ui")
    return served, None


def _field(text: str, name: str) -> str:
    try:
        return str(json.loads(text).get(name, ""))
    except (ValueError, AttributeError):
        return ""


def _wrong(code: str, where: str, cause: str, evidence: str, hint: str) -> Cause:
    return Cause(code=code, certainty=Certainty.CERTAIN, object=where, cause=cause, evidence=evidence, hint=hint)
