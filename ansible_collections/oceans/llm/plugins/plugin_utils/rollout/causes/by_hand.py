# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody changed after Helm: of a Deployment's pod template, by its last two ReplicaSets; who, by the field managers. Pure.

Both templates are as the API server stores them, so that a difference is a real one, and what was removed is seen, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from ...kube.objects import Object, epoch, meta
from ..model import HASH, REVISION, Snapshot, new_replicaset, replicasets

#: annotations that say when, and not what
NOISE = ("kubectl.kubernetes.io/restartedAt",)
#: seconds after Helm's own change in which a ReplicaSet is Helm's, where no other manager is known
LATE = 60.0
#: differences in one sentence, and characters of one value
SHOWN, SHORT = 3, 60


def template(snapshot: Snapshot, deployment: str) -> str:
    """`…; the pod template of Deployment/x was changed by WHO at WHEN: WHAT`; empty when the newest rollout is Helm's, or a mere restart."""
    owner, newest = snapshot.kind("Deployment").get(deployment) or {}, new_replicaset(snapshot, deployment)
    helm, at, who = managers(owner, "f:spec", "f:template")
    made = epoch(meta(newest or {}).get("creationTimestamp"))
    if not newest or not helm or not (at > helm or made > helm + LATE):
        return ""
    before = max((r for r in replicasets(snapshot, deployment) if _revision(r) < _revision(newest)), key=_revision, default=None)
    changes = [phrase(*each) for each in differences(_template(before), _template(newest))] if before else []
    by = f" by {who}" if at > helm else " by an unknown client (the API server recorded no name)"
    when = max((str(m.get("time")) for m in meta(owner).get("managedFields") or () if m.get("manager") == who), default="") if at > helm else ""
    return f"; the pod template of Deployment/{deployment} was changed{by}{f' at {when}' if when else ''}: {listed(changes)}" if changes else ""


def managers(obj: Object, *path: str) -> tuple[float, float, str]:
    """(when Helm wrote the object last, when somebody else wrote below `path` last, who that was)."""
    helm, other = 0.0, (0.0, "")
    for entry in meta(obj).get("managedFields") or ():
        who, at, fields = str(entry.get("manager") or ""), epoch(entry.get("time")), entry.get("fieldsV1") or {}
        for step in path:
            fields = (fields.get(step) or {}) if isinstance(fields, Mapping) else {}
        if who.lower().startswith("helm"):
            helm = max(helm, at)
        elif fields and not entry.get("subresource"):
            other = max(other, (at, who))
    return helm, *other


def listed(changes: list[str]) -> str:
    return "; ".join(changes[:SHOWN]) + (f"; and {len(changes) - SHOWN} more" if len(changes) > SHOWN else "")


def _revision(replicaset: Object) -> int:
    found = str((meta(replicaset).get("annotations") or {}).get(REVISION) or "0")
    return int(found) if found.isdigit() else 0


def _template(replicaset: Object) -> dict[str, Any]:
    found = (replicaset.get("spec") or {}).get("template") or {}
    about, spec = found.get("metadata") or {}, found.get("spec") or {}
    labels = {k: v for k, v in (about.get("labels") or {}).items() if k != HASH}
    return {**spec, "labels": labels, "annotations": {k: v for k, v in (about.get("annotations") or {}).items() if k not in NOISE}}


def differences(old: Any, new: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """(path, before, after) of what differs; items of lists by their names, a variable as a whole."""
    if old == new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping) and "].env[" not in path:
        for key in sorted({*old, *new}):
            yield from differences(old.get(key), new.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(old, list | None) and isinstance(new, list | None) and all(isinstance(i, Mapping) for i in (*(old or ()), *(new or ()))):
        before, after = _by_name(old or []), _by_name(new or [])
        for name in [*before, *(n for n in after if n not in before)]:
            yield from differences(before.get(name), after.get(name), f"{path}[{name}]")
    else:
        yield path, old, new


def _by_name(items: list[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {str(item.get("mountPath") or item.get("name") or item.get("containerPort") or item.get("key") or n): item for n, item in enumerate(items)}


def phrase(path: str, old: Any, new: Any) -> str:
    if new is None:
        return f"{path} was removed"
    if isinstance(new, (Mapping, list)) and old is None and "].env[" not in path:
        return f"{path} was added"
    return f"{path} is {shown(path, new)}" + (f", was {shown(path, old)}" if old is not None else "")


def shown(path: str, value: Any) -> str:
    """A value for a sentence. A variable may hold a secret: of one only the address in it, or where it comes from."""
    if "].env[" not in path:
        text = value if isinstance(value, str) else str(value)
        return text if len(text) <= SHORT else f"{text[:SHORT]}…"
    source = next(iter((value.get("valueFrom") or {}).values()), None)
    if source is not None:
        return f"from key {source.get('key')} of {source.get('name')}" if source.get("key") else "a field of the pod"
    return address(str(value.get("value") or "")) or "another plain value"


def address(url: str) -> str:
    """scheme://host:port of a URL, without user, password and path; empty when it is none."""
    try:
        found = urlsplit(url)
        port = f":{found.port}" if found.port else ""
        return f"{found.scheme}://{found.hostname}{port}" if found.scheme and found.hostname and re.fullmatch(r"[\w.:-]+", found.hostname) else ""
    except ValueError:
        return ""
