# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ResourceQuotas against all that the release adds at the rollout's peak: old and new pods side by side, the largest Job, new objects.

One dry run shows only whether the first pod fits. Resources are those of the pods as the API server admitted them, with the defaults of a
LimitRange and what webhooks add. Pure.
"""

from __future__ import annotations

import contextlib
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

with contextlib.suppress(ImportError):  # without the package no cluster was reached, and nothing is checked
    from kubernetes.utils import parse_quantity

from ...kube import paths, refusals
from ...secrets.pod_env import containers
from ..facts import HOOK, DryRun, Object, Picture, is_hook, label, meta, pod_templates
from ..finding import Finding

#: short names of a quota's resources (Kubernetes documentation, "Resource Quotas")
SHORT = {"cpu": "requests.cpu", "memory": "requests.memory", "ephemeral-storage": "requests.ephemeral-storage", "count/pods": "pods"}
#: kinds that a quota counts by a bare name, too
BARE = ("secrets", "configmaps", "services", "persistentvolumeclaims", "replicationcontrollers", "resourcequotas")
SURGE = "25%"  # of a Deployment that says nothing

Amounts = Counter[str]


def find(picture: Picture) -> Iterator[Finding]:
    told = {refusals.classify(run.message).parts.get("quota") for run in picture.dry_runs if run.status}
    needs = peak(picture)
    for quota in picture.quotas:
        spec, status = quota.get("spec") or {}, quota.get("status") or {}
        name = meta(quota).get("name")
        if name in told or spec.get("scopes") or spec.get("scopeSelector"):
            continue  # the dry run has said it; a scope leaves pods out
        lacking = list(_lacking(status.get("hard") or {}, status.get("used") or {}, needs))
        if lacking:
            look = f"kubectl -n {picture.wanted.namespace} describe resourcequota {name}"
            hint = f"raise the ResourceQuota, or lower oceans_llm_replicas or oceans_llm_resources; read the ResourceQuota: {look}"
            yield Finding("QuotaExceeded", f"ResourceQuota/{name}", f"the rollout exceeds the quota while old and new pods run: {'; '.join(lacking)}", hint)


def _lacking(hard: Mapping[str, str], used: Mapping[str, str], needs: Amounts) -> Iterator[str]:
    for resource, limit in hard.items():
        need = Decimal(needs[SHORT.get(resource, resource)])
        try:
            room = parse_quantity(limit) - parse_quantity(used.get(resource, "0"))
        except ValueError:
            continue
        if room < need:
            yield f"{resource}: {_amount(need, resource)} more requested, used {used.get(resource, '0')}, limit (hard) {limit}"


def _amount(number: Decimal, resource: str) -> str:
    if "memory" in resource or "storage" in resource:
        return f"{math.ceil(number / 2**20)}Mi"
    return f"{math.ceil(number * 1000)}m" if number % 1 else f"{number:f}".partition(".")[0]


def peak(picture: Picture) -> Amounts:
    """What the release adds to the namespace while it rolls out; nothing where nothing changes."""
    lives = {run.object: run for run in picture.dry_runs if not run.pod}
    admitted = {run.object: run.made for run in picture.dry_runs if run.pod and run.made}
    pods, new, jobs, changes = Counter[str](), _objects(picture, lives), [], False
    for where, template in pod_templates(picture.objects):
        obj = next(o for o in picture.objects if label(o) == where)
        one = _pod((admitted.get(where) or {}).get("spec") or template["spec"])
        if obj.get("kind") == "Job":
            jobs.append((one, "pre-" in str((meta(obj).get("annotations") or {}).get(HOOK, ""))))
        elif obj.get("kind") == "Deployment":
            more, rolls = _more(picture, obj, template, lives.get(where))
            changes |= rolls
            for resource, amount in one.items():
                pods[resource] += amount * more
    if not changes and not new:
        return new  # Helm has nothing to do, and no Job runs
    for resource in {r for job, _early in jobs for r in job} | set(pods):
        early = max((job[resource] for job, first in jobs if first), default=0)
        beside = max((job[resource] for job, first in jobs if not first), default=0)
        new[resource] += max(early, pods[resource] + beside)
    return new


def _more(picture: Picture, deployment: Object, template: Object, run: DryRun | None) -> tuple[int, bool]:
    """(pods of a Deployment beside those that run, does it change?)."""
    spec = deployment.get("spec") or {}
    scaled = {(s.get("scaleTargetRef") or {}).get("name"): s.get("minReplicas") for s in (h.get("spec") or {} for h in picture.kind("HorizontalPodAutoscaler"))}
    replicas = int(spec.get("replicas") or scaled.get(meta(deployment).get("name")) or 1)
    if not picture.release or (run and not run.status and run.live is None):
        return replicas, True
    live: Object = (run.live if run else None) or {}
    now = int((live.get("spec") or {}).get("replicas") or replicas)
    rolls = not live or _rolls(template, live)
    return max(0, replicas - now) + (_surge(spec.get("strategy") or {}, now) if rolls else 0), rolls or replicas != now


def _surge(strategy: Mapping[str, Any], replicas: int) -> int:
    if strategy.get("type") == "Recreate":
        return 0
    surge = str((strategy.get("rollingUpdate") or {}).get("maxSurge", SURGE))
    return math.ceil(int(surge.rstrip("%")) * replicas / 100) if surge.endswith("%") else int(surge)


def _rolls(template: Object, live: Object) -> bool:
    """Are there new pods? The images and annotations of the chart tell; what the API server and other tools add does not."""
    now = ((live.get("spec") or {}).get("template")) or {}
    notes = (now.get("metadata") or {}).get("annotations") or {}
    wanted = ((template.get("metadata") or {}).get("annotations") or {}).items()
    images = [[(c.get("name"), c.get("image"), c.get("resources") or {}) for c in containers(t.get("spec") or {})] for t in (template, now)]
    return images[0] != images[1] or any(notes.get(name) != value for name, value in wanted)


def _objects(picture: Picture, lives: Mapping[str, DryRun]) -> Amounts:
    """Objects that are not there yet, by both names that a quota has for them."""
    found = Counter[str]()
    for obj in picture.objects:
        run = lives.get(label(obj))
        if run is not None and run.live is None and not run.status and not (is_hook(obj) and picture.release):
            group, _slash, _version = str(obj["apiVersion"]).rpartition("/")
            _count(found, paths.plural(str(obj["kind"])), group)
    if found or not picture.release:
        _count(found, "secrets", "")  # Helm's record of the revision
    if not picture.release:
        _count(found, "secrets", "")  # the key of the digests
        if picture.wanted.provision and picture.secrets.get(picture.wanted.secret_name, ()) is None:
            _count(found, "secrets", "")
    return found


def _count(found: Amounts, plural: str, group: str) -> None:
    found[f"count/{plural}{'.' if group else ''}{group}"] += 1
    if not group and plural in BARE:
        found[plural] += 1


def _pod(spec: Mapping[str, Any]) -> Amounts:
    """One pod as a quota counts it (Kubernetes documentation, "Resource sharing within containers"): init containers run one at a time."""
    found = Counter[str]({"pods": 1})
    for kind in ("requests", "limits"):
        beside, most = Counter[str](), Counter[str]()
        for container in spec.get("initContainers") or ():
            own = _resources(container, kind)
            if container.get("restartPolicy") == "Always":
                beside.update(own)
            most |= beside + (own if container.get("restartPolicy") != "Always" else Counter())
        for container in spec.get("containers") or ():
            beside.update(_resources(container, kind))
        for resource, amount in (beside | most).items():
            found[f"{kind}.{resource}"] += amount
    return found


def _resources(container: Mapping[str, Any], kind: str) -> Amounts:
    resources = container.get("resources") or {}
    own: Iterable[tuple[str, Any]] = ((resources.get("limits") or {}) | (resources.get(kind) or {})).items()  # a limit alone is the request, too
    found = Counter[str]()
    for name, value in own:
        try:
            found[name] = parse_quantity(str(value))
        except ValueError:
            continue
    return found
