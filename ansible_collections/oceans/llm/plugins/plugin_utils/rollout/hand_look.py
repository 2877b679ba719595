# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod that fails after somebody changed its template or its ConfigMap by hand: the cause says who changed what, and when.

The ConfigMaps are read once in a run, and only when a container fails in a way that a configuration may bring about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from ..codes import BY_CODE
from ..helm import releases
from ..kube import paths
from ..kube.objects import Object, meta
from .causes import by_hand
from .look import Look, completed, pod_of
from .model import Cause, Snapshot, owner_of

_HARMLESS = re.compile(r"[\d.:]+|[A-Za-z][a-z_-]{0,15}")
#: groups of causes that a container's configuration may bring about
CONFIGURED = ("Containers", "Gateway", "Readiness")
#: groups of causes that a pod template may bring about
TEMPLATE = (*CONFIGURED, "Images", "Secrets and config", "Scheduling", "Volumes", "Rollout")


class HandLook(Look):
    def _named(self, snapshot: Snapshot, cause: Cause) -> Cause:
        group, (kind, name) = BY_CODE[cause.code].group, owner_of(cause, snapshot)
        pod = pod_of(snapshot, cause)
        more = by_hand.template(snapshot, name) if kind == "Deployment" and group in TEMPLATE and not _was_complete(snapshot, name) else ""
        more += "".join(self._once(self._changed, each, otherwise="") for each in _config_maps(pod)) if pod and group in CONFIGURED else ""
        return completed(cause, more)

    def _changed(self, name: str) -> str:
        live = self._cluster.find(paths.configmap(self._namespace, name)) or {}
        helm, at, who = by_hand.managers(live, "f:data")
        if not helm or at <= helm:
            return ""
        release = releases.latest(self._cluster, self._namespace, str((meta(live).get("annotations") or {}).get("meta.helm.sh/release-name") or ""))
        own = next((o for o in (release.manifest if release else ()) if o.get("kind") == "ConfigMap" and meta(o).get("name") == name), {})
        data, before = live.get("data") or {}, own.get("data") or {}
        changes = [f"key {key} was removed (keys now: {', '.join(sorted(data)) or 'none'})" for key in sorted(before) if key not in data]
        changes += [words for key, text in sorted(data.items()) for words in _in_text(key, before.get(key), text)]
        return f"; ConfigMap/{name} was changed by {who}" + (f": {by_hand.listed(changes)}" if changes else "")


def _was_complete(snapshot: Snapshot, deployment: str) -> bool:
    """True when all pods of this template were ready once: then the template is not what is new."""
    conditions = ((snapshot.kind("Deployment").get(deployment) or {}).get("status") or {}).get("conditions") or ()
    return any(c.get("type") == "Progressing" and c.get("reason") == "NewReplicaSetAvailable" for c in conditions)


def _config_maps(pod: Object) -> Iterator[str]:
    names = [(v.get("configMap") or {}).get("name") for v in (pod.get("spec") or {}).get("volumes") or ()]
    yield from dict.fromkeys(str(name) for name in names if name and name != "kube-root-ca.crt")


def _in_text(key: str, old: str | None, new: str) -> Iterator[str]:
    """What of one key of a ConfigMap is not the release's; the fields of YAML. Values are left out: they may be secrets in the wrong place."""
    if old is None or old == new:
        return
    try:
        before, after = yaml.safe_load(old), yaml.safe_load(new)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        yield f"{key} is not valid YAML" + (f" (line {mark.line + 1})" if mark else "")
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for path, was, now in by_hand.differences(before, after):
            yield f"{path} in {key} {_plain(was, now)}"
    else:
        yield f"{key} differs from the release"


def _plain(old: Any, new: Any) -> str:
    """Numbers, addresses and short words are said; anything else may be a secret."""
    said = ["" if v is None else str(v) for v in (new, old)]
    if new is None or any(text and not _HARMLESS.fullmatch(text) for text in said):
        return "was removed" if new is None else "was changed" if old is not None else "was added"
    return f"is {said[0]}" + (f", was {said[1]}" if said[1] else "")
