# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment of the gateway's container as its pods get it: from the objects of the release, else from the cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..gateway import configuration, database_url
from ..kube import paths
from ..kube.client import Cluster
from ..kube.objects import Object, meta, part
from .plan import values_of
from .pod_env import Variable, resolve, sources


def environment(cluster: Cluster, namespace: str, container: Object, release: Iterable[Object] = ()) -> dict[str, Variable]:
    """:raises ApiError: when a Secret or ConfigMap may not be read."""
    own = {(obj.get("kind"), meta(obj).get("name")): obj for obj in release}
    data: dict[tuple[str, str], dict[str, bytes]] = {}
    for kind, name in {(s.kind, s.object) for s in sources(container) if s.object}:
        path = (paths.secret if kind == "Secret" else paths.configmap)(namespace, name)
        found = own.get((kind, name)) or cluster.find(path) or {}
        data[kind, name] = values_of(found) | _texts(found.get("stringData")) if kind == "Secret" else _texts(found.get("data"))
    return resolve(container, data)


def database(cluster: Cluster, namespace: str, release: Iterable[Object], container: Object | None = None) -> database_url.Target | None:
    """The server that the gateway's configuration names; None: its URL is not known (yet). `container`: another one than the gateway's.

    :raises ApiError: see :func:`environment`.
    """
    objects = list(release)
    container = container or _gateway(objects)
    if container is None:
        return None
    known = environment(cluster, namespace, container, objects)

    def value(name: str) -> str:
        variable = known.get(name)
        return ((variable.value if variable else None) or b"").decode("utf-8", "replace")

    return database_url.target(configuration.find(objects), value)


def migrating(objects: Iterable[Object]) -> Object | None:
    """The container that applies the migrations; its way to the database may be another one (not through a pooler)."""
    job = part(objects, "Job", "migration")
    return job["spec"]["template"]["spec"]["containers"][0] if job else None


def _gateway(objects: Iterable[Object]) -> Object | None:
    found = (c for obj in objects if obj.get("kind") == "Deployment" for c in obj["spec"]["template"]["spec"]["containers"])
    return next((container for container in found if container["name"] == "gateway"), None)


def _texts(data: Mapping[str, str] | None) -> dict[str, bytes]:
    return {key: str(value).encode() for key, value in (data or {}).items()}
