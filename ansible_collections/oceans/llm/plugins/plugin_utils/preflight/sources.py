# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Secrets and ConfigMaps the pods will find: live ones, rendered ones, those this run writes, those an operator makes. Pure."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ..secrets.pod_env import Source, Variable, containers, from_store, resolve, secret_names, volume_sources
from ..secrets.pod_env import sources as env_sources
from .facts import Object, Picture, gateway_container, meta, pod_templates

#: keys of the Secret that CloudNativePG makes for the application's user
CNPG_KEYS = ("dbname", "fqdn-jdbc-uri", "fqdn-uri", "host", "jdbc-uri", "password", "pgpass", "port", "uri", "user", "username")


@dataclass(frozen=True)
class Holder:
    """One Secret or ConfigMap as the pods will see it. A value of None will be there and cannot be known yet.

    :ivar bool closed: False when it may have more keys than are known (an operator fills it).
    """

    origin: str
    data: Mapping[str, bytes | None] = field(default_factory=dict, repr=False)
    closed: bool = True


def secret(picture: Picture, name: str) -> Holder | None:
    """None: the pods will not find it. What cannot be read is taken to be there, with any key."""
    for obj in picture.kind("Secret"):
        if meta(obj).get("name") == name:
            return Holder("created by the chart", decoded(obj))
    for obj in picture.kind("ExternalSecret"):
        spec = obj.get("spec") or {}
        if ((spec.get("target") or {}).get("name") or meta(obj).get("name")) == name:
            return Holder(
                "created by External Secrets Operator", {str(d.get("secretKey")): None for d in _list(spec.get("data"))}, closed=not spec.get("dataFrom")
            )
    for obj in picture.kind("Cluster"):
        if name == f"{meta(obj).get('name')}-app":
            return Holder("created by CloudNativePG", dict.fromkeys(CNPG_KEYS))
    live = picture.secrets.get(name)
    if name == picture.wanted.secret_name and picture.wanted.secrets_source == "provision":
        data = {**(decoded(live) if live else {}), **picture.wanted.provision}
        return Holder("written by this run", data, closed=name in picture.secrets)  # unread, it may hold more keys already
    if name not in picture.secrets:
        return Holder("not readable", closed=False)
    return Holder("read from the cluster", decoded(live)) if live else None


def configmap(picture: Picture, name: str) -> Holder | None:
    for obj in picture.kind("ConfigMap"):
        if meta(obj).get("name") == name:
            return Holder("created by the chart", {k: str(v).encode() for k, v in (obj.get("data") or {}).items()})
    if name not in picture.configmaps:
        return Holder("not readable", closed=False)
    live = picture.configmaps[name]
    return Holder("read from the cluster", {k: str(v).encode() for k, v in (live.get("data") or {}).items()}) if live else None


def holder(picture: Picture, source: Source) -> Holder | None:
    return secret(picture, source.object) if source.kind == "Secret" else configmap(picture, source.object)


def gateway_environment(picture: Picture) -> dict[str, Variable] | None:
    """The gateway's variables by name; None when nothing was rendered, or when a source could not be read."""
    found = gateway_container(picture.objects)
    if found is None:
        return None
    known = [(source, held) for source in env_sources(found[1]) if source.kind in ("Secret", "ConfigMap") and (held := holder(picture, source))]
    maybe = [source for source, held in known if not held.closed]
    if not all(source.key for source in maybe):
        return None
    environment = resolve(found[1], {(source.kind, source.object): held.data for source, held in known})
    return {**{source.name: Variable(source, None) for source in maybe}, **environment}


def awaited(picture: Picture) -> bool:
    """True when the gateway's own Secret does not exist: one finding, and what it would provide is not said again key by key.

    The same for any Secret, when the Secrets Store CSI driver creates Secrets with the first pod.
    """
    found = gateway_container(picture.objects)
    missing = {s.object for s in env_sources(found[1]) if s.kind == "Secret" and not s.optional and secret(picture, s.object) is None} if found else set()
    return picture.wanted.secret_name in missing or bool(missing) and mounts_secrets_store(picture)


def mounts_secrets_store(picture: Picture) -> bool:
    return any(from_store(template["spec"]) for _where, template in pod_templates(picture.objects))


def references(picture: Picture) -> Iterator[tuple[str, str, Source]]:
    """(`Kind/name`, container, source) of every Secret and ConfigMap that a rendered pod, or the pod that asks for completions, reads; volumes
    as container ""."""
    if picture.wanted.probe_key:
        yield "oceans_llm_probe_model", "", Source("", "Secret", *picture.wanted.probe_key)
    for where, template in pod_templates(picture.objects):
        spec = template["spec"]
        for container in containers(spec):
            for source in env_sources(container):
                if source.kind in ("Secret", "ConfigMap"):
                    yield where, container["name"], source
        for volume in spec.get("volumes") or ():
            yield from ((where, "", source) for source in volume_sources(volume))


def secret_objects(picture: Picture) -> list[str]:
    """`Secret/name` of every Secret that the gateway's pod reads."""
    found = gateway_container(picture.objects)
    return sorted(f"Secret/{n}" for n in secret_names(found[2])) if found else []


def _list(value: object) -> list[Object]:
    return [v for v in value if isinstance(v, Mapping)] if isinstance(value, list) else []


def decoded(obj: Object) -> dict[str, bytes | None]:
    """The data of a Secret; None where it is not base64."""
    data: dict[str, bytes | None] = {k: _base64(v) for k, v in (obj.get("data") or {}).items()}
    return data | {k: str(v).encode() for k, v in (obj.get("stringData") or {}).items()}


def _base64(value: object) -> bytes | None:
    try:
        return base64.b64decode(str(value or ""))
    except ValueError:
        return None
