# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies for hooks that an earlier chart, or a hook that failed, has left in the namespace.

A hook is no part of a release: Helm removes it by its own policy only, and neither an upgrade nor `helm uninstall` looks for it. A chart
whose Jobs run before its objects exist gives them copies of what they need: the configuration, the account, all inline secrets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from ..kube import paths
from ..kube.client import Cluster, unless_forbidden
from ..kube.objects import INSTANCE

HOOK = "helm.sh/hook"
KINDS = {"Secret": "secrets", "ConfigMap": "configmaps", "ServiceAccount": "serviceaccounts"}


def find(cluster: Cluster, namespace: str, release: str, rendered: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """`Kind/name` -> path of each hook copy of the release that nothing in `rendered` makes; what may not be listed is left out."""
    ours = {f"{obj.get('kind')}/{obj['metadata']['name']}" for obj in rendered if obj.get("metadata")}
    found: dict[str, str] = {}
    for kind, plural in KINDS.items():
        listed: Mapping[str, Any] = unless_forbidden(
            partial(cluster.metadata, paths.collection(plural, namespace), labelSelector=f"{INSTANCE}={release}"), {"items": []}
        )
        for meta in (item["metadata"] for item in listed["items"]):
            name = f"{kind}/{meta.get('name')}"
            if HOOK in (meta.get("annotations") or {}) and name not in ours and not meta.get("deletionTimestamp"):
                found[name] = paths.item(plural, namespace, meta["name"])
    return found
