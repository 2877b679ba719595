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

from ...codes import RETRYABLE
from ...gateway.innermost import innermost
from ...kube import refusals
from ...kube.objects import Object, condition, epoch, finished, meta, name_of, seen_at
from ..model import Cause, Snapshot, events_of, job_pods, new_replicaset, own, pods_of, since
from .cause import cause, rule

#: kind of refusal -> (code, sentence with the named parts)
TEXTS: dict[str, tuple[str, str]] = {
    refusals.POD_SECURITY: ("PodSecurity", "the Pod Security level {level} forbids the pod: {what}"),
    refusals.QUOTA: ("QuotaExceeded", "ResourceQuota {quota} is exhausted: requested {need}, used {used}, limit (hard) {hard}"),
    refusals.QUOTA_NEEDS: ("QuotaNeedsResources", "ResourceQuota {quota} requires values that the pod does not set: {what}"),
    refusals.QUOTA_NEW: ("PodNotCreated", "a ResourceQuota is new or is being changed, and Kubernetes has not counted the use of the quota yet"),
    refusals.QUOTA_SCOPE: ("QuotaExceeded", "no ResourceQuota of the namespace admits pods of this scope: {what}"),
    refusals.LIMIT_RANGE: ("LimitRangeViolated", "a LimitRange forbids the pod: {what}"),
    refusals.SCC: ("AdmissionDenied", "OpenShift's SecurityContextConstraints refuse {fields}"),
    refusals.POLICY: ("AdmissionDenied", "policy {policy} denies the object: {what}"),
    refusals.WEBHOOK_DOWN: ("WebhookUnavailable", "webhook {webhook} {failure}"),
    refusals.BAD_PATCH: ("WebhookUnavailable", "a mutating webhook answers with a JSON patch that cannot be applied: {what}"),
    refusals.DEADLINE: ("AdmissionTimeout", "the API server's request timed out, because the admission webhooks together took too long"),
    refusals.PLUGIN: ("AdmissionDenied", "an admission plugin of the API server refuses the pod: {what}"),
    refusals.QUOTA_SLOW: ("PodNotCreated", "the API server could not evaluate the ResourceQuotas of the namespace in time"),
    refusals.ETCD: ("PodNotCreated", "the API server gets an error from its database etcd: {what}"),
    refusals.SERVICE_ACCOUNT: ("ServiceAccountMissing", "the pod's ServiceAccount does not exist"),
    refusals.PRIORITY_CLASS: ("PriorityClassMissing", "PriorityClass {name} does not exist"),
    refusals.RUNTIME_CLASS: ("RuntimeClassMissing", "RuntimeClass {name} does not exist"),
    refusals.IMMUTABLE: ("FieldImmutable", "Kubernetes does not allow this change of a live object"),
    refusals.TERMINATING: ("NamespaceTerminating", "the namespace is being deleted"),
    refusals.FORBIDDEN: ("NotAllowed", "{who} lacks the permission to {verb} {resource}"),
    refusals.INVALID: ("ObjectInvalid", "the API server refuses the object as invalid: {what}"),
}
#: why a webhook could not be called: (words of the API server, sentence)
FAILURES = (
    ("certificate has expired", "is not trusted: its certificate has expired"),
    ("certificate is (?:not )?valid for|doesn't contain any IP SANs|not valid for any names", "is not trusted: its certificate is for another host name"),
    ("x509|tls: failed to verify", "is not trusted: its certificate does not match caBundle of the webhook configuration"),
    ("no endpoints available", "has no ready pod: its Service has no endpoints"),
    ("service .* not found", "cannot be called: its Service does not exist"),
    ("connection refused", "refuses the connection"),
    (r"deadline exceeded|timeout(?!=)|timed out", "does not answer in time"),
    ("no such host|no route|unreachable|not permitted|no agent available|proxyconnect", "cannot be reached"),
    (
        "an error on the server|could not (find|get) the requested resource|rejected our request|unexpected response|invalid webhook response|status code|EOF|"
        "server returned|unable to handle|remote error: tls",
        "answers with an error",
    ),
)
#: the Service of a webhook in the address that the API server calls
SERVICE = re.compile(r"https://(?P<name>[\w-]{1,63})\.(?P<ns>[\w-]{1,63})\.svc\b")
#: what to do where the code's own hint is too general
HINTS = {refusals.SCC: refusals.SCC_CURE, refusals.QUOTA_SCOPE: refusals.SCOPE_CURE}
#: of those, the ones that say nothing without the words behind them
VAGUE = ("answers with an error", "cannot be called")
WEBHOOK_CERTIFICATE = (
    "issue the certificate of the webhook again (cert-manager or the operator normally does so), and restart the webhook's pods: "
    "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations -o yaml"
)
#: parts of a message that a hint may use, and the hint itself
NAMES = ("quota", "policy", "hint")
#: seconds that a missing pod is given when others of the same ReplicaSet are there
BESIDE_OTHERS = 60.0


def classify(text: str) -> tuple[str, str, dict[str, str]]:
    """(code, sentence, named parts) for the API server's refusal of a pod or object; `hint` among the parts when there is a better one than the code's."""
    refusal = refusals.classify(text)
    code, sentence = TEXTS.get(refusal.kind, ("PodNotCreated", "the API server refuses the object: {what}"))
    parts = dict(refusal.parts)
    if refusal.kind == refusals.OTHER:
        told = re.search(r" is forbidden: (.+)", text, re.DOTALL)
        parts = {"what": " ".join(told[1].split()) if told else innermost(text)}
    if "webhook" in parts and refusal.kind == refusals.POLICY:
        sentence = "webhook {policy} denies the object: {what}"
    if refusal.kind in HINTS:
        parts["hint"] = HINTS[refusal.kind]
    if refusal.kind == refusals.WEBHOOK_DOWN:
        parts["failure"] = next((said for words, said in FAILURES if re.search(words, parts.get("why", ""), re.IGNORECASE)), "cannot be called")
        code = "WebhookUntrusted" if "x509" in parts.get("why", "") else code
        if "its certificate" in parts["failure"] and "caBundle" not in parts["failure"]:
            parts["hint"] = WEBHOOK_CERTIFICATE
        elif parts["failure"] in VAGUE:
            parts["failure"] += f": {innermost(parts.get('why', ''))}"
        if (at := SERVICE.search(parts.get("why", ""))) and code == "WebhookUnavailable":
            parts["hint"] = f"{_cure(parts['failure'])} {at['name']}: kubectl -n {at['ns']} get services,pods,endpointslices"
    fields = ", ".join(refusals.scc_fields(text)) or "the pod"
    return code, sentence.format_map({"what": "", "fields": fields, **parts}).rstrip(": "), parts


def _cure(failure: str) -> str:
    if "does not exist" in failure:
        return "install the program of the webhook again, or remove its webhook configuration; it calls Service"
    if "no ready pod" in failure:
        return "start the pods again of Service"
    return "check the network from the API server to the pods, and the log of the pods, of Service"


@rule(100)
def admission_replicasets(snapshot: Snapshot) -> Iterator[Cause]:
    for name in snapshot.scope.deployments:
        newest = new_replicaset(snapshot, name)
        if newest is None:
            continue
        made, wanted = (newest.get("status") or {}).get("replicas") or 0, (newest.get("spec") or {}).get("replicas") or 0
        pods = pods_of(snapshot, meta(newest).get("uid"))
        if made >= wanted and len(pods) >= wanted:
            continue
        text, begun = _refusal(snapshot, "ReplicaSet", newest, pods)
        if text:
            yield _cause(snapshot, f"ReplicaSet/{name_of(newest)}", text, begun, others=len(pods), template=(newest.get("spec") or {}).get("template") or {})


@rule(90)
def admission_deployments(snapshot: Snapshot) -> Iterator[Cause]:
    """The Deployment controller cannot create the new ReplicaSet: it says so in the condition Progressing."""
    for name, found in own(snapshot, "Deployment"):
        told = condition(found, "Progressing")
        if told.get("reason") == "ReplicaSetCreateError" and new_replicaset(snapshot, name) is None:
            begun = max(epoch(told.get("lastUpdateTime")), snapshot.started)
            yield _cause(snapshot, f"Deployment/{name}", str(told.get("message") or ""), begun, others=0)


@rule(80)
def admission_jobs(snapshot: Snapshot) -> Iterator[Cause]:
    for name, job in own(snapshot, "Job"):
        if finished(job) is not None:
            continue
        pods = job_pods(snapshot, name)
        if any((p.get("status") or {}).get("phase") in (None, "Pending", "Running", "Succeeded") for p in pods):
            continue
        text, begun = _refusal(snapshot, "Job", job, pods)
        if text:
            yield _cause(snapshot, f"Job/{name}", text, begun, others=0)


def _refusal(snapshot: Snapshot, kind: str, obj: Object, pods: list[Object]) -> tuple[str, float]:
    """The newest refusal, unless a pod was made after it."""
    about = [e for e in events_of(snapshot, kind, name_of(obj)) if (e.get("involvedObject") or {}).get("uid") in (None, "", meta(obj).get("uid"))]
    failed = [e for e in about if e.get("reason") == "FailedCreate"]
    youngest = max((epoch(meta(p).get("creationTimestamp")) for p in pods), default=0.0)
    if failed and seen_at(failed[-1]) >= youngest:
        return _words(failed[-1].get("message") or ""), since(failed[-1], snapshot)
    told = condition(obj, "ReplicaFailure")
    if told.get("status") == "True" and told.get("reason") == "FailedCreate":
        return _words(told.get("message") or ""), max(epoch(told.get("lastTransitionTime")), snapshot.started)
    return "", 0.0


def _words(message: str) -> str:
    return re.sub(r"^Error creating: ", "", message)


_ABOVE = re.compile(r"must be less than or equal to (?P<resource>[\w./-]+) limit of (?P<limit>\w+)")


def _cause(snapshot: Snapshot, where: str, text: str, begun: float, others: int, template: Object | None = None) -> Cause:
    code, sentence, parts = classify(text)
    above, containers = _ABOVE.search(text), ((template or {}).get("spec") or {}).get("containers") or ()
    if above and containers and any(above["resource"] not in ((c.get("resources") or {}).get("limits") or {}) for c in containers):
        sentence += f"; the pod template sets no limit for {above['resource']}: a LimitRange of the namespace sets {above['limit']} as the default"
    if code == "QuotaExceeded" and any(meta(p).get("deletionTimestamp") for p in snapshot.kind("Pod").values()):
        code, sentence = "QuotaBusy", f"{sentence}; pods are being deleted, which will free some of the quota"
    names: dict[str, Any] = {k: v for k, v in parts.items() if k in NAMES}
    if code == "NotAllowed":  # a controller creates pods: the user is its own, or that of a webhook
        names["hint"] = f"let an administrator of the cluster give {parts.get('who', 'this user')}, which is not the user of this run, the permission"
    if others:
        return cause(code, snapshot, where, f"another pod cannot be created: {sentence}", text, since=begun, certainty=RETRYABLE, budget=BESIDE_OTHERS, **names)
    return cause(code, snapshot, where, f"no pod can be created: {sentence}", text, since=begun, **names)
