# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods that cannot even be made: quota, LimitRange, Pod Security, policies, webhooks, ServiceAccount.

The event FailedCreate of a ReplicaSet or Job comes within 30 ms and is, for a Job, the only sign there is. A ReplicaSet
says it in its condition ReplicaFailure too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ...codes import TRANSIENT
from ...kube.objects import Object, epoch, meta, seen_at
from .. import progress
from ..model import Cause, Snapshot, events_of, job_pods, new_replicaset, pods_of, since
from .cause import cause

#: (what the message says, code, sentence with the named groups); the first that fits
TEXTS: tuple[tuple[re.Pattern[str], str, str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), code, sentence)
    for pattern, code, sentence in (
        (r"violates PodSecurity \"(?P<level>[^\"]+)\": (?P<rules>.+)", "PodSecurity", "Pod Security {level} forbids it: {rules}"),
        (
            r"exceeded quota: (?P<quota>[^,]+), requested: (?P<need>.+?), used: (?P<used>.+?), limited: (?P<hard>.+)",
            "QuotaExceeded",
            "ResourceQuota {quota} has no room: needed {need}, used {used}, hard {hard}",
        ),
        (r"failed quota: (?P<quota>[^:]+): must specify (?P<what>.+)", "QuotaNeedsRequests", "ResourceQuota {quota} demands: {what}"),
        (r"status unknown for quota", "PodNotCreated", "the quota is new and not counted yet"),
        (
            r"(?P<what>(maximum|minimum) \w+ (usage|limit to request ratio)? ?per (container|pod)[^\]]*)",
            "LimitRangeViolated",
            "a LimitRange forbids it: {what}",
        ),
        (
            r"ValidatingAdmissionPolicy '(?P<policy>[^']+)'(?: with binding '[^']*')? denied request: (?P<what>.+)",
            "PolicyDenied",
            "policy {policy} denies it: {what}",
        ),
        (r"admission webhook \"(?P<policy>[^\"]+)\" denied the request:? ?(?P<what>.*)", "PolicyDenied", "webhook {policy} denies it: {what}"),
        (r"failed calling webhook \"?(?P<policy>[^\":]+)", "WebhookDown", "webhook {policy} does not answer"),
        (
            r"service ?account [^\s]*?(?P<name>[\w.-]+)(: |\" )(serviceaccount|not found)|serviceaccount \"(?P<name2>[^\"]+)\" not found",
            "ServiceAccountMissing",
            "its ServiceAccount is not there",
        ),
        (r"no PriorityClass with name (?P<name>\S+)", "PriorityClassMissing", "PriorityClass {name} is not there"),
        (r"because it is being terminated|namespace is being terminated", "NamespaceTerminating", "the namespace is being deleted"),
        (r" is invalid: (?P<what>.+)", "PodInvalid", "the API server refuses it as invalid: {what}"),
        (r"", "PodNotCreated", "it cannot be created"),
    )
)
#: seconds that a missing pod is given when others of the same ReplicaSet are there
BESIDE_OTHERS = 60.0


def classify(text: str) -> tuple[str, str, dict[str, str]]:
    """(code, sentence, named parts) for the API server's refusal of a pod or object."""
    for pattern, code, sentence in TEXTS:
        found = pattern.search(text)
        if found:
            parts = {k: v.strip().rstrip("]") for k, v in found.groupdict().items() if v}
            return code, sentence.format_map({"what": "", **parts}), parts
    raise AssertionError("the last pattern fits everything")


def replicasets(snapshot: Snapshot) -> Iterator[Cause]:
    for name in snapshot.scope.deployments:
        newest = new_replicaset(snapshot, name)
        if newest is None:
            continue
        made, wanted = (newest.get("status") or {}).get("replicas", 0), (newest.get("spec") or {}).get("replicas", 0)
        pods = pods_of(snapshot, meta(newest)["uid"])
        if made >= wanted and len(pods) >= wanted:
            continue
        text, begun = _refusal(snapshot, "ReplicaSet", newest, pods)
        if text:
            yield _cause(snapshot, f"ReplicaSet/{meta(newest)['name']}", text, begun, others=len(pods))


def jobs(snapshot: Snapshot) -> Iterator[Cause]:
    for name in snapshot.scope.jobs:
        job = snapshot.kind("Job").get(name)
        if job is None or progress.finished(job) is not None:
            continue
        pods = job_pods(snapshot, name)
        if any((p.get("status") or {}).get("phase") in (None, "Pending", "Running", "Succeeded") for p in pods):
            continue
        text, begun = _refusal(snapshot, "Job", job, pods)
        if text:
            yield _cause(snapshot, f"Job/{name}", text, begun, others=0)


def _refusal(snapshot: Snapshot, kind: str, obj: Object, pods: list[Object]) -> tuple[str, float]:
    """The newest refusal, unless a pod was made after it."""
    about = [e for e in events_of(snapshot, kind, meta(obj)["name"]) if (e.get("involvedObject") or {}).get("uid") in (None, "", meta(obj).get("uid"))]
    failed = [e for e in about if e.get("reason") == "FailedCreate"]
    youngest = max((epoch(meta(p).get("creationTimestamp")) for p in pods), default=0.0)
    if failed and seen_at(failed[-1]) >= youngest:
        return _words(failed[-1].get("message") or ""), since(failed[-1], snapshot)
    for condition in (obj.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True" and condition.get("reason") == "FailedCreate":
            return _words(condition.get("message") or ""), max(epoch(condition.get("lastTransitionTime")), snapshot.started)
    return "", 0.0


def _words(message: str) -> str:
    return re.sub(r"^Error creating: ", "", message)


def _cause(snapshot: Snapshot, where: str, text: str, begun: float, others: int) -> Cause:
    code, sentence, parts = classify(text)
    if code == "QuotaExceeded" and any(meta(p).get("deletionTimestamp") for p in snapshot.kind("Pod").values()):
        code, sentence = "QuotaBusy", f"{sentence}; pods are going away, which makes room"
    names: dict[str, Any] = {k: v for k, v in parts.items() if k not in ("name", "what")}
    if others:
        return cause(
            code, snapshot, where, f"a further pod cannot be created: {sentence}", text, since=begun, certainty=TRANSIENT, budget=BESIDE_OTHERS, **names
        )
    return cause(code, snapshot, where, f"no pod can be created: {sentence}", text, since=begun, **names)
