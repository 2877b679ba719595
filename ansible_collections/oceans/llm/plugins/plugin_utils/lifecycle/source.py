# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The database of a release, as its restore points need it: where it is, who logs in, which PostgreSQL, which encryption keys."""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from ..gateway import database_way, schema
from ..gateway.database_url import Target
from ..helm.releases import Release
from ..kube import endpoints, paths
from ..kube.client import ApiError, Cluster
from ..kube.objects import Object, meta, part
from ..kube.services import declared_ports
from ..secrets import digest, live_env
from ..secrets.shapes import KEYS_32
from .deployed import Gateway, NotPossible

CNPG = "postgresql.cnpg.io/v1"


@dataclass(frozen=True)
class Source:
    """`target` is where the gateway's migrations go, which may be another way than that of its pods (a pooler).

    :ivar str version: tag of the image of `gateway`, its digest included (as oceans_llm_version takes it); empty when it has no tag.
    """

    release: Release
    gateway: Gateway
    target: Target
    version: str

    @classmethod
    def read(cls, cluster: Cluster, release: Release) -> Source:
        """:raises NotPossible: when the release has no gateway, or its database is not known."""
        target = live_env.database(cluster, release.namespace, release.objects, live_env.migrating(release.objects))
        if target is None or not target.user:
            raise NotPossible(
                f"the database of release {release.name} is not known, because database.url in the gateway's configuration has no readable value; "
                "nothing was changed — set oceans_llm_config.database.url, or the key of the Secret that it refers to"
            )
        gateway = Gateway.read(cluster, release)
        return cls(release, gateway, target, tag(gateway.deployment))

    def fitting(self, revisions: Sequence[Release], version: int | None) -> str:
        """The tag of the image that serves rows at this migration: of the newest revision whose newest migration it is. Where that is not known, of the
        newest one that was deployed well: what a failed upgrade has left in the Deployment may be ahead of the database."""
        tags = [(tag(gateway), r.status) for r in reversed(revisions) if (gateway := part(r.manifest, "Deployment"))]
        for found, _status in tags:
            known = schema.newest(release_of(found))
            if known and known.version == version:
                return found
        return next((found for found, status in tags if status in ("deployed", "superseded")), self.version)

    def cnpg(self, cluster: Cluster) -> Object | None:
        """The CloudNativePG Cluster that the release's database is; None where it may not be read, too."""
        places = [(self.release.namespace, str(meta(o)["name"])) for o in self.release.manifest if o.get("apiVersion") == CNPG and o.get("kind") == "Cluster"]
        service = endpoints.service_of(self.target.host, self.release.namespace)
        if service and service[1].endswith("-rw"):
            places.append((service[0], service[1].removesuffix("-rw")))
        for namespace, name in places:
            with contextlib.suppress(ApiError):
                found = cluster.find(paths.one_of(CNPG, "clusters", namespace, name))
                if found is not None:
                    return found
        return None

    # --- PostgreSQL -------------------------------------------------------------------------------------------------------

    def image(self, cluster: Cluster) -> str:
        """PostgreSQL's own image, as its server has it. :raises NotPossible: when nothing in the cluster tells."""
        try:
            own = self.cnpg(cluster) or {}
            image = (own.get("status") or {}).get("image") or (own.get("spec") or {}).get("imageName") or self._behind(cluster)
        except ApiError as error:
            raise NotPossible(f"the image of the PostgreSQL server could not be read ({error}); nothing was changed — {SET_IMAGE}") from error
        if not image:
            raise NotPossible(
                f"{self.target} is not a pod of this cluster, so the image with the server's version of pg_dump is not known; nothing was changed — {SET_IMAGE}"
            )
        return str(image)

    def _behind(self, cluster: Cluster) -> str:
        _pod, container = self.server(cluster) or ({}, {})
        return str(container.get("image") or "")

    def server(self, cluster: Cluster) -> tuple[Object, Object] | None:
        """(pod, container) behind the Service of the database; None where it is no pod of the cluster."""
        try:
            way = database_way.find(cluster, self.release.namespace, self.target)
        except database_way.NoWay:
            return None
        if way.service is None:
            return None
        service = cluster.find(paths.service(*way.service)) or {}
        for end in endpoints.behind(cluster, *way.service, service, self.target.port):
            pod = cluster.get(paths.pod(way.service[0], end.pod)) if end.pod else {"spec": {}}
            name = next((container for container, _n, number, _p in declared_ports(pod["spec"]) if number == end.port), "")
            return next(((pod, c) for c in pod["spec"].get("containers") or () if not name or c["name"] == name), None)
        return None

    # --- encryption keys --------------------------------------------------------------------------------------------------

    def keys_digest(self, known: str = "") -> str:
        """`SALT:DIGEST` of the encryption keys, to be compared with a known one. The salt is recorded: a key has 256 bits that nobody guesses, and
        the release's own digest key is lost with the release, which restore points outlive."""
        salt = known.partition(":")[0] or secrets.token_hex(16)
        values = {name: self.gateway.value(name) for name in KEYS_32}
        return f"{salt}:{digest.digest(values, bytes.fromhex(salt))}"


SET_IMAGE = "set oceans_llm_restore_point_image to a PostgreSQL image of the server's version or a newer version, such as postgres:17"


def tag(deployment: Object) -> str:
    containers = deployment["spec"]["template"]["spec"]["containers"]
    last = next((str(c.get("image") or "") for c in containers if c["name"] == "gateway"), "").rsplit("/", 1)[-1]
    return last.partition(":")[2] if ":" in last.partition("@")[0] else ""


def release_of(version: str) -> tuple[int, int, int] | None:
    found = re.fullmatch(r"v?(\d+)\.(\d+)\.(\d+)(?:@.*)?", version)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None
