# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every REST path of the Kubernetes API that this collection uses, in one place.

Each function takes a namespace (and a name for one object) and returns the path below the server's address.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import quote

VERSION = "/version"
REVIEW_SELF_ACCESS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
NAMESPACES = "/api/v1/namespaces"
SYSTEM = "kube-system"  # the namespace of the cluster's own parts
GROUPS = "/apis"
DEPLOYMENTS = "/apis/apps/v1/deployments"  # of all namespaces
INGRESS_CLASSES = "/apis/networking.k8s.io/v1/ingressclasses"
STORAGE_CLASSES = "/apis/storage.k8s.io/v1/storageclasses"

#: plural -> group and version, for everything namespaced that is listed, watched or written
_GROUPS = {
    "pods": "/api/v1",
    "secrets": "/api/v1",
    "configmaps": "/api/v1",
    "services": "/api/v1",
    "events": "/api/v1",
    "persistentvolumeclaims": "/api/v1",
    "resourcequotas": "/api/v1",
    "limitranges": "/api/v1",
    "deployments": "/apis/apps/v1",
    "replicasets": "/apis/apps/v1",
    "jobs": "/apis/batch/v1",
    "leases": "/apis/coordination.k8s.io/v1",
    "serviceaccounts": "/api/v1",
}


def version(api_version: str) -> str:
    """`v1` or `apps/v1`: where its resources are listed (discovery) and live."""
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def plural(kind: str) -> str:
    """The name of a kind in paths, by the rule that Kubernetes' own kinds follow."""
    name = kind.lower()
    return f"{name[:-1]}ies" if name.endswith("y") else f"{name}es" if name.endswith("s") else f"{name}s"


def of(api_version: str, plural: str, namespace: str = "") -> str:
    """The path of all resources of one plural, in one namespace or in all, by the rule that all of the Kubernetes API follows."""
    where = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
    return f"{version(api_version)}{where}/{plural}"


def one_of(api_version: str, plural: str, namespace: str, name: str) -> str:
    return f"{of(api_version, plural, namespace)}/{quote(name, safe='')}"


def of_object(obj: Mapping[str, Any], ns: str) -> str:
    """The path of one object of Kubernetes' own kinds; `ns` is empty where the kind has no namespace."""
    return one_of(str(obj["apiVersion"]), plural(str(obj["kind"])), ns, str(obj["metadata"]["name"]))


def collection(plural: str, namespace: str) -> str:
    """The path of all objects of one plural in one namespace."""
    return f"{_GROUPS[plural]}/namespaces/{quote(namespace, safe='')}/{plural}"


def item(plural: str, namespace: str, name: str) -> str:
    """The path of one object."""
    return f"{collection(plural, namespace)}/{quote(name, safe='')}"


def namespace(name: str) -> str:
    return f"{NAMESPACES}/{quote(name, safe='')}"


def _both(plural: str) -> tuple[partial[str], partial[str]]:
    """The path of all objects of a namespace, and of one of them by its name."""
    return partial(collection, plural), partial(item, plural)


pods, pod = _both("pods")
secrets, secret = _both("secrets")
configmaps, configmap = _both("configmaps")
services, service = _both("services")
persistentvolumeclaims, persistentvolumeclaim = _both("persistentvolumeclaims")
deployments, deployment = _both("deployments")
jobs, job = _both("jobs")
leases, lease = _both("leases")
events = partial(collection, "events")
endpointslices = partial(of, "discovery.k8s.io/v1", "endpointslices")


def pod_log(ns: str, name: str) -> str:
    return f"{pod(ns, name)}/log"


def service_proxy(ns: str, name: str, port: int | str, path: str) -> str:
    """The API server's own way to a Service: `…/services/http:NAME:PORT/proxy/PATH` (Kubernetes API, proxy subresource)."""
    return f"{services(ns)}/http:{quote(name, safe='')}:{port}/proxy/{path.lstrip('/')}"
