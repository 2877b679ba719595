# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which objects a rollout is about, from the objects that Helm rendered or stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..helm_release import Release, names
from .model import Scope

#: custom resources that a rollout of the gateway depends on: kind -> plural
CUSTOM = {"ExternalSecret": "externalsecrets", "Cluster": "clusters"}
#: API groups of them; another `Cluster` (of Cluster API, say) is no database
GROUPS = {"ExternalSecret": "external-secrets.io", "Cluster": "postgresql.cnpg.io"}


def scope_of(release: Release, namespace: str, name: str, hooks: bool = True, ours: bool = True) -> Scope:
    """`hooks` is False when nothing changes: the Jobs of an earlier run are none of this one's business. `ours`: see Scope."""
    objects = [*release.manifest, *(release.hooks if hooks else ())]
    custom = tuple((str(o["kind"]), str(o["metadata"]["name"])) for o in objects if _is_custom(o))
    return Scope(
        deployments=names(release.manifest, "Deployment"),
        jobs=names(objects, "Job"),
        namespace=namespace,
        release=name,
        promised=promised(objects),
        custom=custom,
        ours=ours,
    )


def promised(objects: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Secret -> the object of this release that an operator makes it from."""
    found: dict[str, str] = {}
    for obj in objects:
        if not _is_custom(obj):
            continue
        name, spec = obj["metadata"]["name"], obj.get("spec") or {}
        if obj["kind"] == "ExternalSecret":
            found[(spec.get("target") or {}).get("name") or name] = f"ExternalSecret/{name}"
        else:
            for suffix in ("app", "superuser", "ca", "server", "replication"):
                found[f"{name}-{suffix}"] = f"Cluster/{name}"
    return found


def kinds(release: Release) -> dict[str, tuple[str, str]]:
    """kind -> (API version, plural) of the custom resources of a release, for the watches."""
    return {str(o["kind"]): (str(o["apiVersion"]), CUSTOM[o["kind"]]) for o in (*release.manifest, *release.hooks) if _is_custom(o)}


def _is_custom(obj: Mapping[str, Any]) -> bool:
    kind = str(obj.get("kind"))
    return kind in CUSTOM and str(obj.get("apiVersion", "")).startswith(GROUPS[kind] + "/")
