# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends what would be written to the API server with dryRun=All: the objects, and Pods made from their templates.

A namespace that is not there yet takes nothing, not even a dry run. Everything but Secrets is then tried in another namespace,
which tells what the API server and an operator refuse anywhere; quotas, Pod Security and policies of that one say nothing of ours, and are left out.
"""

from __future__ import annotations

import copy
import re
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

from ..kube import paths
from ..kube.client import ApiError, Cluster
from .facts import DryRun, Object, Picture, is_hook, is_test, label, meta, pod_templates

#: the manager that Helm 4 applies as; its dry run must ask as the same one to see the same conflicts
HELM_MANAGER = "helm"
NO_PRIORITY_CLASS = "no PriorityClass with name"
#: how a webhook sounds whose operator is just being (re)started, and the seconds that it is given
WEBHOOK_AWAY = ("no endpoints available", "connection refused", "no route to host")
WEBHOOK_BUDGET, WEBHOOK_PAUSE = 30.0, 1.0
#: a namespace that every cluster has (Kubernetes documentation, "Namespaces")
ELSEWHERE = "default"
#: longest name that is sent for something that is there already, or elsewhere (CloudNativePG takes 50 characters for a Cluster)
_SHORT = 40

#: apiVersion -> kind -> (plural, namespaced); None: not served
Resources = Mapping[str, Mapping[str, tuple[str, bool]] | None]


def send(pool: ThreadPoolExecutor, cluster: Cluster, picture: Picture, resources: Resources, say: Callable[[str], None]) -> tuple[DryRun, ...]:
    """What the API server says of each; `say` gets what is waited for."""
    ns = picture.wanted.namespace
    if picture.new_namespace:
        mine = ((o, _collection(resources, o, ELSEWHERE)) for o in picture.sent() if o.get("kind") != "Secret" and not is_test(o))
        asked = [
            pool.submit(_patient, partial(_elsewhere, cluster, collection, obj), say) for obj, collection in mine if collection and ELSEWHERE in collection
        ]
        return tuple(a.result() for a in asked)
    waiting: list[Future[DryRun]] = []
    for obj in picture.sent():
        collection = _collection(resources, obj, ns)
        if collection and not is_test(obj):
            waiting.append(pool.submit(_patient, partial(_dry_run, cluster, collection, obj), say))
    accounts = {meta(o).get("name") for o in picture.kind("ServiceAccount")}
    pods = [pool.submit(_dry_pod, cluster, ns, where, template, accounts) for where, template in pod_templates(picture.objects)]
    waiting += [pool.submit(_dry_claim, cluster, ns, obj, part) for obj in picture.kind("Cluster") for part in ("storage", "walStorage")]
    return (*(w.result() for w in waiting), *(run for p in pods for run in p.result()))


def _collection(resources: Resources, obj: Object, namespace: str) -> str | None:
    """Its path; None when the server does not serve its kind."""
    kinds = resources.get(str(obj.get("apiVersion")))
    found = (kinds or {}).get(str(obj.get("kind")))
    return paths.of(str(obj["apiVersion"]), found[0], namespace if found[1] else "") if found else None


def _dry_claim(cluster: Cluster, namespace: str, obj: Object, part: str) -> DryRun:
    """The volumes of a database are their operator's to make: a quota or LimitRange refuses them when everything else is there."""
    storage, where = (obj.get("spec") or {}).get(part) or {}, f"{label(obj)} {part}"
    if not storage.get("size"):
        return DryRun(where)
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": storage["size"]}}}
    if storage.get("storageClass"):
        spec["storageClassName"] = storage["storageClass"]
    body = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"generateName": "preflight-"}, "spec": spec}
    try:
        cluster.create(paths.persistentvolumeclaims(namespace), body, dry_run=True)
        return DryRun(where)
    except ApiError as error:
        return DryRun(where, error.status, error.reason, error.message)


def _patient(ask: Callable[[], DryRun], say: Callable[[str], None]) -> DryRun:
    """A webhook whose operator is just coming up is given its time; that is said once."""
    end, told = time.monotonic() + WEBHOOK_BUDGET, False
    while True:
        run = ask()
        away = "failed calling webhook" in run.message and any(words in run.message for words in WEBHOOK_AWAY)
        if not away or time.monotonic() > end:
            return replace(run, waited=WEBHOOK_BUDGET) if away else run
        if not told:
            say(f"{run.object}: {run.message} (retried for {WEBHOOK_BUDGET:g} s)")
            told = True
        time.sleep(WEBHOOK_PAUSE)


def _dry_run(cluster: Cluster, collection: str, obj: Object) -> DryRun:
    """As Helm would send it: a hook is deleted and recreated, anything else is applied."""
    where, name = label(obj), meta(obj).get("name")
    live = None
    try:
        live = cluster.find(f"{collection}/{name}")
        if live is None:
            made = cluster.create(collection, copy.deepcopy(dict(obj)), dry_run=True)
        elif is_hook(obj):
            made = cluster.create(collection, _renamed(obj), dry_run=True)
        else:
            made = cluster.apply(f"{collection}/{name}", copy.deepcopy(dict(obj)), manager=HELM_MANAGER, dry_run=True)
        return DryRun(where, live=live, made=made)
    except ApiError as error:
        return DryRun(where, error.status, error.reason, error.message, live)


def _elsewhere(cluster: Cluster, collection: str, obj: Object) -> DryRun:
    """Only what is true of the object in any namespace: its operator's webhook, and its schema."""
    body = _renamed(obj)
    body["metadata"]["namespace"] = ELSEWHERE
    try:
        cluster.create(collection, body, dry_run=True)
    except ApiError as error:
        if _of_operator(error, str(obj["apiVersion"])):
            return DryRun(label(obj), error.status, error.reason, error.message)
    return DryRun(label(obj))


def _of_operator(error: ApiError, api_version: str) -> bool:
    domain = ".".join(api_version.partition("/")[0].split(".")[-2:])  # mcluster.cnpg.io looks after postgresql.cnpg.io
    webhook = re.search(r'webhook "(?P<name>[^"]+)"', error.message)
    return webhook["name"].endswith(domain) if webhook else error.status in (400, 422)


def _renamed(obj: Object) -> dict[str, Any]:
    body = copy.deepcopy(dict(obj))
    body["metadata"] = {**meta(obj), "name": f"{str(meta(obj).get('name'))[:_SHORT]}-preflight"}
    return body


def _dry_pod(cluster: Cluster, namespace: str, where: str, template: Object, accounts: set[Any]) -> list[DryRun]:
    """Quota, LimitRange, Pod Security and policies on pods act on Pods, not on what makes them."""
    spec = copy.deepcopy(dict(template["spec"]))
    if spec.get("serviceAccountName") in accounts:
        for field in ("serviceAccountName", "serviceAccount"):  # it comes with the release, and may not be there yet
            spec.pop(field, None)
    about = {part: meta(template).get(part) or {} for part in ("labels", "annotations")}
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "preflight-", **about}, "spec": spec}
    return list(_tries(cluster, namespace, where, body))


def _tries(cluster: Cluster, namespace: str, where: str, pod: dict[str, Any]) -> Iterator[DryRun]:
    """Admission stops at its first refusal; a priority class is easily put aside, to see the next."""
    while True:
        try:
            made = cluster.create(paths.pods(namespace), pod, dry_run=True)
            yield DryRun(where, pod=True, made=made)
            return
        except ApiError as error:
            yield DryRun(where, error.status, error.reason, error.message, pod=True)
            if NO_PRIORITY_CLASS not in error.message or not pod["spec"].pop("priorityClassName", None):
                return
