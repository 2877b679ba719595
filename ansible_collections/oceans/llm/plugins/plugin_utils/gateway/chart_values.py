# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The chart's values worked out of the roles' variables. Pure: one function, no Ansible in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

#: variable without oceans_llm_ -> the chart value that it is, and whether anything in it switches that part of the chart on
PLACES: dict[str, tuple[str, bool]] = {
    "image_registry": ("global.imageRegistry", False),
    "platform": ("platform", False),
    "common_labels": ("commonLabels", False),
    "common_annotations": ("commonAnnotations", False),
    "service_account": ("serviceAccount", False),
    "service": ("service.gateway", False),
    "http_route": ("httpRoute", True),
    "ingress": ("ingress", True),
    "route": ("route", True),
    "network_policy": ("networkPolicy", True),
    "autoscaling": ("autoscaling", True),
    "scheduling": ("scheduling", False),
    "resources": ("scheduling.resources", False),
    "extra_env": ("gateway.extraEnv", False),
    "extra_init_containers": ("gateway.extraInitContainers", False),
    "extra_containers": ("observability.sidecars", False),
    "extra_volumes": ("gateway.extraVolumes", False),
    "extra_volume_mounts": ("gateway.extraVolumeMounts", False),
    "extra_objects": ("extraObjects", False),
    "database_parts": ("database.external.parts", False),
    "database_migrations": ("database.external.migrations", False),
}


def setters(path: str) -> str:
    """Where a user sets the chart value of a dotted path: `oceans_llm_http_route or oceans_llm_values`."""
    found = [f"oceans_llm_{name}" for name, (place, _switch) in PLACES.items() if f"{path}.".startswith(f"{place}.")]
    return " or ".join([*found[-1:], "oceans_llm_values"])


def chart_values(
    values: Mapping[str, Any],
    *,
    config: Mapping[str, Any],
    version: str = "",
    gateway_image: str = "",
    admin_ui_image: str = "",
    image_pull_secrets: Sequence[Any] = (),
    replicas: int = 1,
    secrets_source: str = "provision",
    secret_name: str = "",
    secrets: Mapping[str, Any] | None = None,
    external_secrets: Mapping[str, Any] | None = None,
    database_mode: str = "external",
    database_secret: str = "",
    database_secret_key: str = "POSTGRES_URL",
    cloudnativepg: Mapping[str, Any] | None = None,
    new_cluster: Mapping[str, Any] | None = None,
    **single: Any,
) -> dict[str, Any]:
    """What the variables say, with `values` merged over it: maps key by key, lists and everything else as a whole. `single`: those of :data:`PLACES`.
    `new_cluster`: of a restore (lifecycle/cnpg_backup.py), over everything else.

    Only what was set is passed on, so that a default of the chart stays a default of the chart.
    """
    worked_out = {
        "gateway": {"replicaCount": int(replicas), "image": {"repository": gateway_image, "tag": version}, "config": dict(config)},
        # two images never have the same digest: the version's is the gateway's
        "adminUi": {"image": {"repository": admin_ui_image, "tag": version.partition("@")[0]}},
        "imagePullSecrets": [{"name": s} if isinstance(s, str) else dict(s) for s in image_pull_secrets],
        **_secrets(secrets_source, secret_name, secrets or {}, external_secrets or {}),
        "database": _database(database_mode, database_secret, database_secret_key, cloudnativepg or {}, secrets_source, secret_name),
    }
    if single.get("database_parts"):  # in place of a URL, of which there is one only
        worked_out["database"].pop("external", None)
    found = _without_empty(worked_out)
    for name, (place, switch) in PLACES.items():
        value = single.pop(name, None)
        if value:
            found = merge(found, _at(place, {"enabled": True, **value} if switch else value))
    if single:
        raise TypeError(f"no chart value is set by {', '.join(single)}")
    found = merge(found, values)
    if new_cluster:
        cluster = found["database"].get("cloudnativepg") or {}
        # whole fields of the spec: CloudNativePG takes one way to bootstrap
        more = {**(cluster.get("additionalSpec") or {}), **new_cluster["additionalSpec"]}
        found["database"] = {**found["database"], "cloudnativepg": {**cluster, **new_cluster, "additionalSpec": more}}
    return found


def _at(place: str, value: Any) -> dict[str, Any]:
    for key in reversed(place.split(".")):
        value = {key: value}
    return dict(value)


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Helm's own rule for values: maps are merged, everything else is replaced."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def _secrets(source: str, name: str, inline: Mapping[str, Any], external: Mapping[str, Any]) -> dict[str, Any]:
    if source == "inline":
        return {"secrets": {"inline": dict(inline)}}
    if source == "external_secrets":
        return {"externalSecrets": {"enabled": True, **external}}
    return {"secrets": {"existingSecret": {"name": name}}}


def _database(mode: str, secret: str, key: str, cluster: Mapping[str, Any], source: str, name: str) -> dict[str, Any]:
    """An external database's URL comes from a Secret of its own, or is one key among the gateway's other secrets.

    Named by key where the Secret's name is known: a missing key then stops the pod instead of being passed over.
    """
    if mode == "cloudnativepg":
        return {"mode": mode, "cloudnativepg": dict(cluster)}
    if secret:
        return {"mode": mode, "external": {"existingSecret": {"name": secret, "key": key}}}
    if source in ("provision", "existing"):
        return {"mode": mode, "external": {"existingSecret": {"name": name, "key": key}}}
    return {"mode": mode}


def _without_empty(data: Mapping[str, Any]) -> dict[str, Any]:
    """The same without empty strings, lists and maps, at every level."""
    found: dict[str, Any] = {}
    for key, value in data.items():
        kept = _without_empty(value) if isinstance(value, Mapping) and key != "config" else value
        if kept not in ("", [], {}, None):
            found[key] = kept
    return found
