# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release without a record of Helm: Argo CD, Flux or `helm template | kubectl apply` made its objects, and their labels say that they belong together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..helm import releases
from ..helm.promises import CUSTOM, GROUPS
from ..helm.releases import Release
from ..kube import paths
from ..kube.client import ApiError, Cluster
from ..kube.objects import INSTANCE, Object, component, meta, part
from .model import MIGRATING

VERSION, CHART = "app.kubernetes.io/version", "helm.sh/chart"
KINDS = {
    "Deployment": ("apps/v1", "deployments"),
    "Service": ("v1", "services"),
    "ConfigMap": ("v1", "configmaps"),
    "Job": ("batch/v1", "jobs"),
    "Ingress": ("networking.k8s.io/v1", "ingresses"),
    "HTTPRoute": ("gateway.networking.k8s.io/v1", "httproutes"),
    **{kind: (f"{GROUPS[kind]}/v1", plural) for kind, plural in CUSTOM.items()},
}


def latest(cluster: Cluster, namespace: str, name: str, say: Callable[[str], None]) -> Release | None:
    """Helm's record of the newest revision, else the labelled objects, which is said; None when there is neither."""
    found = releases.latest(cluster, namespace, name) or find(cluster, namespace, name)
    if found and not found.revision:
        say(
            f"Helm has no record of release {name}, because another tool (such as Argo CD, Flux or kubectl) applied its objects; this run checks the live "
            f"objects with the label {INSTANCE}={name}, and revisions, rollback and drift are not known"
        )
    return found


def find(cluster: Cluster, namespace: str, name: str) -> Release | None:
    """The live objects as a release of revision 0; None when no Deployment has its label. :raises ApiError: where the usual kinds may not be read."""
    found = [obj for kind, where in KINDS.items() for obj in _labelled(cluster, namespace, name, kind, *where)]
    gateway = part(found, "Deployment")
    if gateway is None:
        return None
    jobs = _current([o for o in found if o["kind"] == "Job"], _image(gateway))
    manifest = tuple(o for o in found if o["kind"] != "Job" or o in jobs)
    said = "Helm has no record; objects found by label"
    return Release(name, namespace, 0, "deployed", said, _label(gateway, CHART), _label(gateway, VERSION), manifest=manifest)


def _labelled(cluster: Cluster, namespace: str, name: str, kind: str, api_version: str, plural: str) -> Iterator[dict[str, Any]]:
    try:
        items = cluster.list(paths.of(api_version, plural, namespace), labelSelector=f"{INSTANCE}={name}")["items"]
    except ApiError as error:
        if error.status != 404 and not (error.status == 403 and "." in api_version.partition("/")[0]):
            raise
        return  # a type that this cluster has not, or that this user does not care for
    for item in items:
        yield {**item, "apiVersion": api_version, "kind": kind}


def _current(jobs: list[dict[str, Any]], image: str) -> list[dict[str, Any]]:
    """The newest Job of each kind among those of the gateway's image: older ones stay until somebody prunes them."""
    newest: dict[str, dict[str, Any]] = {}
    for job in sorted(jobs, key=lambda j: str(meta(j).get("creationTimestamp") or "")):
        if component(job) in MIGRATING and _image(job) == image:
            newest[component(job)] = job
    return list(newest.values())


def _image(workload: Object) -> str:
    return str(next((c.get("image") for c in workload["spec"]["template"]["spec"]["containers"]), ""))


def _label(obj: Object, label: str) -> str:
    return str((meta(obj).get("labels") or {}).get(label) or "")
