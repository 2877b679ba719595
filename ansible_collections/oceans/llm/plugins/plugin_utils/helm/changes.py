# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an upgrade would change: the rendered objects against those of the last revision. Pure.

kubernetes.core.helm without helm-diff compares only values and the chart's version, so a changed template would go
unseen (measured); the objects themselves are compared here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from .releases import Release

#: annotation of the chart on a Deployment whose replicas an autoscaler sets
KEEPS_REPLICAS = "oceans-llm/keeps-replicas"


@dataclass(frozen=True)
class Changes:
    """Names as `Kind/name`, sorted; `before` and `after` are YAML for --diff without a byte of any Secret."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    before: str = ""
    after: str = ""
    reason: str = ""

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed or self.reason)

    def phrase(self) -> str:
        parts = [f"{sign}{name}" for sign, names in (("+", self.added), ("~", self.changed), ("-", self.removed)) for name in names]
        return ", ".join([*parts, *([self.reason] if self.reason else [])]) or "nothing"


def compare(live: Release | None, planned: Release, drift: Mapping[str, tuple[str, ...]] | None = None, rotated: Iterable[str] = ()) -> Changes:
    """`live` is the newest revision that Helm knows, whatever its status; None before the first install.

    `drift`: object -> fields that somebody changed in the cluster; `rotated`: a sentence for each Secret with other data than the pods started with.
    """
    old = _by_name(live.objects) if live else {}
    new = _by_name(planned.objects)
    changed = tuple(sorted(n for n in new if n in old and new[n] != old[n]))
    added, removed = tuple(sorted(set(new) - set(old))), tuple(sorted(set(old) - set(new)))
    touched_old = [without_secrets(old[n]) for n in sorted({*changed, *removed})]
    touched_new = [without_secrets(new[n], old.get(n)) for n in sorted({*changed, *added})]
    reasons = [_reason(live, planned, bool(added or changed or removed)), *rotated, *(_drift(name, fields) for name, fields in (drift or {}).items())]
    return Changes(added, changed, removed, _yaml(touched_old), _yaml(touched_new), "; ".join(r for r in reasons if r))


def _drift(name: str, fields: tuple[str, ...]) -> str:
    if fields == ("missing",):
        return f"{name} does not exist in the cluster"
    shown = ", ".join(fields[:3]) + (f" and {len(fields) - 3} more" if len(fields) > 3 else "")
    return f"{name} was changed in the cluster ({shown})"


def _reason(live: Release | None, planned: Release, differs: bool) -> str:
    """Why an upgrade is due although no object differs; where objects differ, values are no news."""
    if live is None:
        return ""
    if live.status != "deployed":
        return f"revision {live.revision} has the status {live.status}"
    if live.chart != planned.chart:
        return f"chart changes from {live.chart} to {planned.chart}"
    return "values changed" if dict(live.values) != dict(planned.values) and not differs else ""


def _by_name(objects: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {f"{o.get('kind')}/{(o.get('metadata') or {}).get('name')}": without_kept_replicas(o) for o in objects}


def keeps_replicas(obj: Mapping[str, Any]) -> bool:
    """True when the chart only repeats the live number of replicas, because an autoscaler sets it: that number is no change."""
    return ((obj.get("metadata") or {}).get("annotations") or {}).get(KEEPS_REPLICAS) == "true"


def without_kept_replicas(obj: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**obj, "spec": {k: v for k, v in obj["spec"].items() if k != "replicas"}} if keeps_replicas(obj) else obj


def _yaml(objects: Iterable[Mapping[str, Any]]) -> str:
    return yaml.safe_dump_all(objects, sort_keys=True)


def without_secrets(obj: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The object with the values of a Secret hidden; a key whose value is another one than `before` says so."""
    if obj.get("kind") != "Secret":
        return dict(obj)
    parts = {part: (obj[part], (before or {}).get(part) or {}) for part in ("data", "stringData") if obj.get(part)}
    return {**obj, **{part: {k: "(changed)" if k in old and old[k] != v else "(hidden)" for k, v in new.items()} for part, (new, old) in parts.items()}}
