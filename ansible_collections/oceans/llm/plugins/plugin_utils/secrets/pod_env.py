# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where each environment variable of a container comes from, as the kubelet works it out. Pure.

Order (Kubernetes API, Container): envFrom sources one after the other, a later one wins; then env, which wins over both.
An envFrom source that lacks a key says nothing, ever; that is why preflight asks here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

#: the driver that creates Secrets when a pod mounts a volume of it (Secrets Store CSI, secretObjects)
SECRETS_STORE = "secrets-store.csi.k8s.io"


class Source(NamedTuple):
    """One place that gives, or should give, a variable. `kind` is value, field, Secret or ConfigMap; `key` "" means all keys."""

    name: str
    kind: str
    object: str = ""
    key: str = ""
    optional: bool = False
    value: str = ""
    prefix: str = ""


def sources(container: Mapping[str, Any]) -> Iterator[Source]:
    """In the kubelet's order; a later one of the same name wins."""
    for entry in container.get("envFrom") or ():
        for field, kind in (("secretRef", "Secret"), ("configMapRef", "ConfigMap")):
            ref = entry.get(field)
            if ref:
                yield Source("", kind, ref.get("name", ""), "", bool(ref.get("optional")), prefix=entry.get("prefix") or "")
    for entry in container.get("env") or ():
        yield _env(entry)


def _env(entry: Mapping[str, Any]) -> Source:
    given = entry.get("valueFrom") or {}
    for field, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
        ref = given.get(field)
        if ref:
            return Source(entry["name"], kind, ref.get("name", ""), ref.get("key", ""), bool(ref.get("optional")))
    if given:
        return Source(entry["name"], "field")
    return Source(entry["name"], "value", value=str(entry.get("value") or ""))


def volume_sources(volume: Mapping[str, Any]) -> Iterator[Source]:
    """The Secrets and ConfigMaps of one volume, also of a projected one."""
    for part in (volume, *((volume.get("projected") or {}).get("sources") or ())):
        for field, kind in (("secret", "Secret"), ("configMap", "ConfigMap")):
            ref = part.get(field)
            if ref:
                # a Secret that is a volume of its own is named by secretName, everything else by name
                named = "secretName" if part is volume and kind == "Secret" else "name"
                yield Source("", kind, ref.get(named, ""), "", bool(ref.get("optional")))


@dataclass(frozen=True)
class Variable:
    """A variable that the container will have. `value` is None when only the cluster knows it (fieldRef)."""

    source: Source
    value: bytes | None

    def origin(self) -> str:
        if self.source.kind in ("Secret", "ConfigMap"):
            return f"{self.source.kind}/{self.source.object} key {self.source.key}"
        return "a plain value in env of the pod template" if self.source.kind == "value" else "a field of the pod"

    def __repr__(self) -> str:  # never a value
        return f"Variable({self.origin()})"


#: what the kubelet replaces in a value: $(NAME) of a variable above it, and $$ stands for $
_REFERENCE = re.compile(r"\$(?:\$|\(([^)]*)\))")


def expanded(source: Source, known: Mapping[str, Variable]) -> Variable:
    """A variable with a plain value. None, not known: it refers to a variable that is not (a Service's, say)."""
    lacking = False

    def put(found: re.Match[str]) -> str:
        nonlocal lacking
        if found[1] is None:
            return "$"
        variable = known.get(found[1])
        lacking = lacking or variable is None or variable.value is None
        return "" if lacking or variable is None else (variable.value or b"").decode("utf-8", "replace")

    text = _REFERENCE.sub(put, source.value)
    return Variable(source, None if lacking else text.encode())


def resolve(container: Mapping[str, Any], data: Mapping[tuple[str, str], Mapping[str, bytes | None]]) -> dict[str, Variable]:
    """The container's environment as far as it can be known from these objects: (kind, name) -> key -> value."""
    found: dict[str, Variable] = {}
    for source in sources(container):
        if source.kind in ("value", "field"):
            found[source.name] = expanded(source, found) if source.kind == "value" else Variable(source, None)
        for key, value in data.get((source.kind, source.object), {}).items():
            if source.key in ("", key):
                name = source.name or source.prefix + key
                found[name] = Variable(Source(name, source.kind, source.object, key), value)
    return found


def from_store(pod_spec: Mapping[str, Any]) -> bool:
    """True when Secrets of this pod may be created by its own mount."""
    return any((volume.get("csi") or {}).get("driver") == SECRETS_STORE for volume in pod_spec.get("volumes") or ())


def secret_names(pod_spec: Mapping[str, Any]) -> set[str]:
    """Every Secret that a pod reads by env, envFrom or a volume."""
    read = [s for c in containers(pod_spec) for s in sources(c)]
    read += [s for volume in pod_spec.get("volumes") or () for s in volume_sources(volume)]
    return {s.object for s in read if s.kind == "Secret"} - {""}


def containers(pod_spec: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*(pod_spec.get("initContainers") or ()), *(pod_spec.get("containers") or ())]
