# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the API server knows of the database's address, while a migration says nothing.

The gateway tries for 30 s and then prints "pool timed out", whatever the reason. Where the address is a Service of the
cluster, the reason can be seen at once: no such Service, nobody ready behind it, or somebody there who does not answer.
The address comes from the Secret that the pods read; host and port only, the rest of the URL is not kept.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from .. import paths
from ..cluster import ApiError, Cluster

_URL = re.compile(r"^postgres(?:ql)?://(?:.*@)?(?P<host>\[[^\]]+\]|[^:/@?]+)(?::(?P<port>\d+))?(?:[/?]|$)", re.DOTALL)
AGAIN = 5.0  # seconds between two looks


def target(secrets: Iterable[Mapping[str, Any]]) -> tuple[str, int] | None:
    """Host and port of the first value that is a PostgreSQL URL."""
    for secret in secrets:
        for _key, value in sorted((secret.get("data") or {}).items()):
            found = _URL.match(base64.b64decode(value or "").decode("utf-8", "replace").strip())
            if found:
                return unquote(found["host"]), int(found["port"] or 5432)
    return None


def service_of(host: str, namespace: str) -> tuple[str, str] | None:
    """(namespace, name) when a host is a Service's DNS name (Kubernetes DNS specification); None for any other address."""
    parts = host.rstrip(".").split(".")
    if len(parts) == 1:
        return namespace, parts[0]
    if len(parts) == 2 or (len(parts) > 2 and parts[2] == "svc"):
        return (parts[1], parts[0]) if not all(p.isdigit() for p in parts) else None
    return None


class DatabaseLook:
    """Looks at most every few seconds; :meth:`sentence` is empty when nothing can be said."""

    def __init__(self, cluster: Cluster, namespace: str, address: tuple[str, int] | None) -> None:
        self._cluster, self._namespace, self._address = cluster, namespace, address
        self._last, self._said = 0.0, ""

    def sentence(self) -> str:
        if self._address is None:
            return ""
        if not self._last or time.monotonic() - self._last > AGAIN:
            self._last, self._said = time.monotonic(), self._look(*self._address)
        return self._said

    def _look(self, host: str, port: int) -> str:
        found = service_of(host, self._namespace)
        if found is None:
            return f"{host}:{port} lies outside the cluster: server, firewall or egress policy"
        namespace, name = found
        try:
            if self._cluster.find(paths.service(namespace, name)) is None:
                return f"there is no Service {name} in namespace {namespace}"
            slices = self._cluster.list(paths.endpointslices(namespace), labelSelector=f"kubernetes.io/service-name={name}")["items"]
        except ApiError:
            return ""  # not ours to see
        ready = [e for s in slices for e in s.get("endpoints") or () if (e.get("conditions") or {}).get("ready")]
        if not ready:
            return f"Service {name} in namespace {namespace} has no ready pod behind it: the server is down or starting"
        return f"Service {name} in namespace {namespace} has {len(ready)} ready endpoint(s): refused, full, or dropped by a NetworkPolicy"
