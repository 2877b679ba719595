# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets that External Secrets Operator creates from an external store: where a value comes from, and a refresh before the interval is over."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..helm.promises import CUSTOM, is_custom
from ..kube import paths
from ..kube.client import ApiError, Cluster
from ..kube.objects import Object, condition, meta
from ..kube.waiting import until
from . import held
from .deployed import NotPossible

#: the operator reads the store again when labels or annotations change (its documentation, "Triggering a refresh manually")
FORCE = "force-sync"
PATIENCE = 60.0  # seconds; the operator needs less than one


def targets(objects: Iterable[Object]) -> dict[str, Object]:
    """Secret -> the ExternalSecret of the release that makes it."""
    found = (obj for obj in objects if obj.get("kind") == "ExternalSecret" and is_custom(obj))
    return {str(((obj.get("spec") or {}).get("target") or {}).get("name") or meta(obj)["name"]): obj for obj in found}


def owners(cluster: Cluster, namespace: str, secrets: Iterable[str]) -> dict[str, Object]:
    """Secret -> the ExternalSecret that owns it, which is no part of the release."""
    found: dict[str, Object] = {}
    for secret in secrets:
        with contextlib.suppress(ApiError):
            for owner in meta(cluster.find(paths.secret(namespace, secret)) or {}).get("ownerReferences") or ():
                if owner.get("kind") == "ExternalSecret":
                    made = cluster.get(paths.one_of(str(owner["apiVersion"]), CUSTOM["ExternalSecret"], namespace, str(owner["name"])))
                    found[secret] = {**made, "apiVersion": owner["apiVersion"]}
    return found


def origin(external: Object, key: str) -> str:
    """Where a user changes the value of a key."""
    spec = external.get("spec") or {}
    store = spec.get("secretStoreRef") or {}
    place = f"{store.get('kind') or 'SecretStore'}/{store['name']}" if store.get("name") else "the external store"
    entry = next((each.get("remoteRef") or {} for each in spec.get("data") or () if each.get("secretKey") == key), {})
    parts = [str(entry[name]) for name in ("key", "property") if entry.get(name)]
    return f"{'.'.join(parts) or key} in {place}"


def command(namespace: str, external: Object) -> str:
    return f"kubectl -n {namespace} annotate externalsecret {meta(external)['name']} {FORCE}=$(date +%s) --overwrite"


def refresh(cluster: Cluster, namespace: str, external: Object, say: Callable[[str], None]) -> None:
    """Return when the operator has read the store after now. :raises NotPossible: when it cannot, or does not."""
    name, where = str(meta(external)["name"]), paths.of(str(external["apiVersion"]), CUSTOM["ExternalSecret"], namespace)
    before = cluster.get(f"{where}/{name}").get("status") or {}

    def refreshed(status: Mapping[str, Any]) -> bool:
        return status.get("syncedResourceVersion") != before.get("syncedResourceVersion")

    def over(status: Mapping[str, Any]) -> bool:
        failed = _failure(status)
        return refreshed(status) or bool(failed and failed not in (before.get("conditions") or ()))  # the same failure as before may be over

    say(f"ExternalSecret/{name}: requesting a refresh from the store by the annotation {FORCE}")
    cluster.patch(f"{where}/{name}", {"metadata": {"annotations": {FORCE: f"{cluster.now():.3f}"}}}, manager=held.MANAGER)
    status = until(cluster, where, name, PATIENCE, over)
    if not refreshed(status):
        failed = _failure(status)
        why = f"{failed.get('reason')}: {failed.get('message')}" if failed else f"the status of the ExternalSecret has not changed for {PATIENCE:g} s"
        raise NotPossible(
            f"External Secrets Operator has not refreshed ExternalSecret/{name} ({why}), so the values in the store are not known; no pod was restarted — "
            f"find the reason: kubectl -n {namespace} describe externalsecret {name}"
        )


def _failure(status: Mapping[str, Any]) -> Mapping[str, Any]:
    found = condition({"status": status}, "Ready")
    return found if found.get("status") == "False" else {}
