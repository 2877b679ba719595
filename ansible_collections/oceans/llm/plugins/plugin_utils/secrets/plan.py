# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What writing a Secret would change, key by key. Pure; values go in and come out, but into no text.

Server-side apply takes away every key that the manager once applied and does not name again. Losing an encryption key
cannot be undone, so keys of ours that are no longer listed are applied again as they are, and only told of.
"""

from __future__ import annotations

import base64
import datetime
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from ..gateway.variable_rules import KEY
from .shapes import KEYS_32, Problem, check

#: bytes that the API server takes (Kubernetes API, MaxSecretSize)
LARGEST = 1024 * 1024
MANAGER = "oceans-llm-secrets"  # field manager; an interface: who owns which key is told by it


@dataclass(frozen=True)
class Plan:
    """`data` is all that is applied; the other fields are names of keys, sorted."""

    data: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    generated: tuple[str, ...] = ()
    unlisted: tuple[str, ...] = ()
    #: changed keys that somebody else set, with that manager's name
    foreign: tuple[tuple[str, str], ...] = ()

    @property
    def writes(self) -> bool:
        return bool(self.added or self.changed)

    def lines(self) -> list[str]:
        return [f"+ {k}{' (generated)' if k in self.generated else ''}" for k in self.added] + [f"~ {k} (changed)" for k in self.changed]


def plan(live: Mapping[str, Any] | None, wanted: Mapping[str, Any], generate: Iterable[str]) -> Plan:
    """`live` is the Secret of the API. What was generated once, or put there by anyone, is never generated again."""
    held = values_of(live)
    listed = {key: as_bytes(value) for key, value in wanted.items()}
    fresh = {key: generated(key).encode() for key in generate if key not in listed and not held.get(key)}
    kept = {key: held[key] for key in generate if key not in listed and held.get(key)}
    ours = owned(live)
    unlisted = {key: held[key] for key in ours if key in held and key not in listed and key not in kept and key not in fresh}
    data = {**unlisted, **kept, **fresh, **listed}
    changed = tuple(sorted(k for k in data if k in held and data[k] != held[k]))
    return Plan(
        data=data,
        added=tuple(sorted(k for k in data if k not in held)),
        changed=changed,
        generated=tuple(sorted(fresh)),
        unlisted=tuple(sorted(unlisted)),
        foreign=tuple((k, m) for k in changed if (m := manager_of(live, k)) and m != MANAGER),
    )


def problems(wanted: Mapping[str, Any], database_key: str = "POSTGRES_URL") -> list[tuple[str, Problem]]:
    """What is wrong with the listed keys and values: names, types, shapes."""
    broken = unwritable(wanted)
    named = {key for key, problem in broken if not problem.warning}
    return broken + [(key, p) for key, value in wanted.items() if str(key) not in named for p in check(key, as_bytes(value), (database_key,))]


def unwritable(wanted: Mapping[str, Any]) -> list[tuple[str, Problem]]:
    """What cannot be a key or a value at all."""
    found: list[tuple[str, Problem]] = []
    for key, value in wanted.items():
        if list(KEY.wrong("", str(key))):
            problem = Problem("SecretKeyName", f"{key!r} is not a valid key of a Secret", "rename the key: use only letters, digits, -, _ and .")
            found.append((str(key), problem))
        elif isinstance(value, (Mapping, list, tuple)) or value is None:
            kind = "empty (null)" if value is None else f"a {'map' if isinstance(value, Mapping) else 'list'}"
            found.append((str(key), Problem("SecretNotText", f"{key} is {kind}, not text", f"write {key} as a string")))
        elif not isinstance(value, (str, bytes)):
            found.append((str(key), _not_quoted(str(key), value)))
    sizes = {str(key): len(as_bytes(value)) for key, value in wanted.items()}
    if sum(sizes.values()) > LARGEST:
        sentence = f"the values of the Secret have {sum(sizes.values())} bytes together, but a Secret can hold at most {LARGEST}"
        problem = Problem("ObjectInvalid", sentence, "mount large files from a volume (oceans_llm_values.gateway.extraVolumes)")
        found.append((max(sizes, key=sizes.__getitem__), problem))
    return found


def _not_quoted(key: str, value: Any) -> Problem:
    """YAML makes 1402433619 of 012345670123, 90 of 1:30, 1.5 of 1.50 and true of yes: what was written cannot be told from the value."""
    kind = "a boolean" if isinstance(value, bool) else "a date" if isinstance(value, datetime.date) else "a number"
    text = as_bytes(value).decode()
    try:
        read = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        read = None
    possible = type(read) is type(value) and read == value or isinstance(value, int) and read == value
    sentence = f"YAML reads {key} as {kind}, so " + ("the pods may get another text than was written" if possible else "the written text is lost")
    return Problem("SecretNotQuoted", sentence, f"put the value in quotes ({key}: '…')", warning=possible)


def as_bytes(value: Any) -> bytes:
    """Ansible hands numbers and booleans on as such; an environment variable is text."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, bool):
        return str(value).lower().encode()
    return b"" if value is None else str(value).encode()


def generated(key: str) -> str:
    """A value for a key: base64 of 32 bytes where the gateway wants that, else 48 URL-safe characters."""
    return base64.b64encode(secrets.token_bytes(32)).decode() if key in KEYS_32 else secrets.token_urlsafe(36)


def values_of(secret: Mapping[str, Any] | None) -> dict[str, bytes]:
    return {key: base64.b64decode(value or "") for key, value in ((secret or {}).get("data") or {}).items()}


def owned(secret: Mapping[str, Any] | None) -> set[str]:
    """Keys that were applied by our manager (metadata.managedFields, FieldsV1)."""
    found: set[str] = set()
    for entry in _entries(secret):
        if entry.get("manager") == MANAGER and entry.get("operation") == "Apply":
            found |= _keys(entry)
    return found


def manager_of(secret: Mapping[str, Any] | None, key: str) -> str:
    """The last other manager that set a key; ours, when we hold it too; empty when nobody is recorded."""
    holders = [e.get("manager", "") for e in sorted(_entries(secret), key=lambda e: e.get("time") or "") if key in _keys(e)]
    if MANAGER in holders:
        return MANAGER
    return holders[-1] if holders else ""


def body(namespace: str, name: str, labels: Mapping[str, str], data: Mapping[str, bytes], version: str | None) -> dict[str, Any]:
    """What is sent. With the version it was worked out from, the API server refuses it if somebody was quicker."""
    metadata: dict[str, Any] = {"name": name, "namespace": namespace, "labels": dict(labels)}
    if version:
        metadata["resourceVersion"] = version
    packed = {key: base64.b64encode(value).decode() for key, value in sorted(data.items())}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": packed}


def _entries(secret: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    return ((secret or {}).get("metadata") or {}).get("managedFields") or []


def _keys(entry: Mapping[str, Any]) -> set[str]:
    data = (entry.get("fieldsV1") or {}).get("f:data") or {}
    return {field[2:] for field in data if field.startswith("f:")}
