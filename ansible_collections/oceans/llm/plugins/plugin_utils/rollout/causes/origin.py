# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a setting of a pod comes from: a variable's Secret, or a plain value that hides it; a limit that was changed after the template."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...gateway.database_url import address_in
from ...kube.objects import Object, container_spec, controlled_by, meta
from ...kube.services import env_writer
from ...secrets.pod_env import Source, sources
from ..model import Snapshot, owner_of_pod

_URL = re.compile(r"(?:POSTGRES|DATABASE|DB|PG)\w*_(?:URL|URI|DSN)|^(?:URL|URI)$", re.IGNORECASE)

#: begins the phrase of a variable that has its value from the pod template itself
PLAIN = "a plain value"


def database_url(snapshot: Snapshot, pod: Object, container: str) -> tuple[str, str]:
    """(variable, where its value comes from) of the database's address; ("", a general phrase) where no variable looks like it."""
    name = database_variable(pod, container)
    return (name, variable(snapshot, pod, container, name)) if name else ("", "the database Secret (key POSTGRES_URL)")


def database_variable(pod: Object, container: str) -> str:
    """The container's last variable whose name is that of a database's address; empty where there is none."""
    names = [str(entry.get("name") or "") for entry in container_spec(pod, container).get("env") or ()]
    return next((name for name in reversed(names) if _URL.search(name)), "")


def variable(snapshot: Snapshot, pod: Object, container: str, name: str) -> str:
    """Where a container's variable gets its value, and what it hides: the last one of a name wins, and `env` wins over `envFrom`."""
    given = list(sources(container_spec(pod, container)))
    own = [s for s in given if s.name == name]
    hidden = [f"{s.kind}/{s.object}" for s in given if not s.name and s.key == "" and name in _keys(snapshot, s)]
    if not own:
        return f"{hidden[-1]}, key {name}" if hidden else "no source"
    hidden += [_phrase(s) for s in own[:-1]]
    kind, owner = owner_of_pod(pod, snapshot)
    plain = own[-1].kind == "value"
    planned = [s for s in sources(_containers(_template_owner(snapshot, pod)).get(container) or {}) if s.name == name]
    where = f"in the pod template of {kind}/{owner}" if own[-1] in planned or not planned else "in the pod, but not in its pod template"
    said = f"{_phrase(own[-1])} {where}" if plain and kind else _phrase(own[-1])
    host = address_in(own[-1].value) if plain else ""
    who = _set_by(snapshot.kind(kind).get(owner) or {}, container, name)
    said += f" (host {host}){who}".replace(") (", ", ") if host else who
    return said + (f"; the container defines {name} twice, and the later value overrides {hidden[-1]}" if hidden else "")


def _phrase(source: Source) -> str:
    if source.kind in ("Secret", "ConfigMap"):
        return f"{source.kind}/{source.object}, key {source.key}"
    return PLAIN if source.kind == "value" else "a field of the pod"


def _keys(snapshot: Snapshot, source: Source) -> list[str]:
    known = snapshot.kind("SecretKeys").get(source.object) if source.kind == "Secret" else None
    return [source.prefix + str(key) for key in (known or {}).get("keys") or ()]


_HOST = re.compile(r" on ([^\s:]+):\d+$")


def database_host(snapshot: Snapshot) -> str:
    """The host that the database's URL names; empty where that is not known (Target, as it is said)."""
    found = _HOST.search(str((snapshot.kind("Facts").get("database") or {}).get("address") or ""))
    return found[1] if found else ""


def own_dns(pod: Object) -> bool:
    """True when a pod does not ask the cluster's DNS (Kubernetes API, PodSpec.dnsPolicy): None, Default, and ClusterFirst beside hostNetwork."""
    spec = pod.get("spec") or {}
    policy = spec.get("dnsPolicy") or "ClusterFirst"
    return policy not in ("ClusterFirst", "ClusterFirstWithHostNet") or (policy == "ClusterFirst" and bool(spec.get("hostNetwork")))


def host_aliases(snapshot: Snapshot, pod: Object) -> str:
    """The entries of a pod's hostAliases, which win over DNS: those of the database's host where it is known."""
    known = str((snapshot.kind("Facts").get("database") or {}).get("address") or "")
    pairs = [(str(name), str(alias.get("ip"))) for alias in (pod.get("spec") or {}).get("hostAliases") or () for name in alias.get("hostnames") or ()]
    pairs = [(name, ip) for name, ip in pairs if not known or re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", known)]
    kind, owner = owner_of_pod(pod, snapshot)
    return f"hostAliases in the pod template of {kind}/{owner} map {', '.join(f'{name} to {ip}' for name, ip in pairs)}" if pairs else ""


def leads_elsewhere(snapshot: Snapshot, pod: Object, container: str) -> bool:
    """True when a container does not look for the database under its own host: its URL stands in the pod template, or hostAliases has the host."""
    return PLAIN in database_url(snapshot, pod, container)[1] or bool(host_aliases(snapshot, pod))


def _set_by(owner: Object, container: str, name: str) -> str:
    """Who wrote a variable of a Deployment's template, where that is not Helm."""
    who = env_writer(owner, container, name)
    return "" if who.lower().startswith(" (set by helm") else who


def changed_resources(snapshot: Snapshot, pod: Object, container: str = "") -> str:
    """What a pod asks for beside what its template asks for, where the two differ: a mutating webhook was between them."""
    template = _resources(_template_owner(snapshot, pod))
    for name, own in _resources(pod).items():
        for part in ("limits", "requests") if name in (container or name,) else ():
            for resource, value in (own.get(part) or {}).items():
                before = ((template.get(name) or {}).get(part) or {}).get(resource)
                if before is not None and before != value:
                    return f"{part}.{resource} of container {name} is {value}, but {before} in the pod template: a mutating webhook changed the value"
    return ""


def limit_range(pod: Object, container: str) -> str:
    """What a LimitRange of the namespace has set for a container whose template says nothing: the API server notes that in an annotation."""
    said = str((meta(pod).get("annotations") or {}).get("kubernetes.io/limit-ranger") or "")
    own = [part.strip() for part in said.partition(":")[2].split(";") if part.strip().endswith(f" {container}")]
    what = next((part for part in own if " limit " in part), own[0] if own else "").removesuffix(f" for container {container}")
    return f"; a LimitRange of the namespace set the container's {what}" if what else ""


#: of a pod's own fields, those that decide where it may run and what it can reach; the API server gives them no other defaults than a template's
POD_FIELDS = ("schedulingGates", "nodeSelector", "affinity", "schedulerName", "runtimeClassName", "dnsPolicy", "dnsConfig", "hostAliases", "hostNetwork")


def changed(snapshot: Snapshot, pod: Object, container: str) -> str:
    """What of a pod, or of one container of it, is not what its template says; empty when all of it is. Defaults of the API server are no change."""
    template = _template_owner(snapshot, pod)
    if not template or (resources := changed_resources(snapshot, pod, container)):
        return resources if template else ""
    own_spec, spec = pod.get("spec") or {}, template.get("spec") or {}
    for field in POD_FIELDS:
        if own_spec.get(field) and own_spec[field] != spec.get(field):
            return (
                f"{field} of the pod is {_short(own_spec[field])}, but {_short(spec.get(field) or 'not set')} "
                f"in the pod template: an admission plugin changed the value"
            )
    before, now = _containers(template), _containers(pod)
    for name in (container,) if container else tuple(now):
        if name in now and name not in before:
            return f"container {name} is not in the pod template: a mutating webhook added the container"
        for field in ("image", "command", "args"):
            old, new = (before.get(name) or {}).get(field), (now.get(name) or {}).get(field)
            if old and new and old != new:
                return f"{field} of container {name} is {_short(new)}, but {_short(old)} in the pod template: a mutating webhook changed the value"
        # of a variable that is there twice, the later value is used
        own, wanted = ({str(e["name"]): e for e in (each.get(name) or {}).get("env") or ()} for each in (now, before))
        lost = [key for key, e in wanted.items() if "fieldRef" not in (e.get("valueFrom") or {}) and own.get(key) != e]
        if lost:
            return f"environment variable {lost[-1]} of container {name} differs from the pod template: a mutating webhook changed the variable"
    return ""


def _containers(thing: Object) -> dict[str, Mapping[str, Any]]:
    spec = thing.get("spec") or {}
    return {str(c.get("name")): c for c in [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]}


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{k}={v}" for k, v in value.items())[:80]
    return str(value if isinstance(value, str) else " ".join(str(v) for v in value) if isinstance(value, list) else value)[:80]


def _template_owner(snapshot: Snapshot, pod: Object) -> Object:
    """The ReplicaSet or Job whose template a pod was made from, as a thing with a pod's spec."""
    for kind in ("ReplicaSet", "Job"):
        for found in snapshot.kind(kind).values():
            if controlled_by(pod, meta(found).get("uid")):
                return (found.get("spec") or {}).get("template") or {}
    return {}


def _resources(thing: Object) -> dict[str, Mapping[str, Any]]:
    return {name: container.get("resources") or {} for name, container in _containers(thing).items()}
