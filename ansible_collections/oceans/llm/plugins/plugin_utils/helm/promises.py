# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Secrets an operator makes from an object of the release (ExternalSecret, CloudNativePG Cluster). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

#: custom resources that a rollout of the gateway depends on: kind -> plural
CUSTOM = {"ExternalSecret": "externalsecrets", "Cluster": "clusters"}
#: API groups of them; another `Cluster` (of Cluster API, say) is no database
GROUPS = {"ExternalSecret": "external-secrets.io", "Cluster": "postgresql.cnpg.io"}


def promised(objects: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Secret -> the object of this release that an operator makes it from."""
    found: dict[str, str] = {}
    for obj in objects:
        if not is_custom(obj):
            continue
        name, spec = obj["metadata"]["name"], obj.get("spec") or {}
        if obj["kind"] == "ExternalSecret":
            found[(spec.get("target") or {}).get("name") or name] = f"ExternalSecret/{name}"
        else:
            for suffix in ("app", "superuser", "ca", "server", "replication"):
                found[f"{name}-{suffix}"] = f"Cluster/{name}"
    return found


def is_custom(obj: Mapping[str, Any]) -> bool:
    kind = str(obj.get("kind"))
    return kind in CUSTOM and str(obj.get("apiVersion", "")).startswith(GROUPS[kind] + "/")
