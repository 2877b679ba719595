# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the API server would refuse: dry runs of the rendered objects, and of Pods made from their templates, sorted into
findings. A dry run of a Deployment sees neither quota nor Pod Security. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ...gateway.database_url import address_in
from ...helm import keep
from ...kube import refusals
from ...kube.services import env_writer, matches, pod_labels
from ..facts import DryRun, Object, Picture, label, meta, pod_templates
from ..finding import ERROR, WARNING, Finding
from .tools import numbers

#: what is never to be deleted for a value
HOLDS_DATA = (*(f"{kind}/" for _group, kind in keep.DATA), "StatefulSet/")
#: field manager of AKS that changes the namespaceSelector of webhooks (https://github.com/Azure/AKS/issues/4002)
ENFORCER = "admissionsenforcer"
#: kind of refusal -> (code, hint; empty: the code's own), where the API server's words are the sentence
OWN_WORDS = {
    refusals.PRIORITY_CLASS: ("PriorityClassMissing", ""),
    refusals.RUNTIME_CLASS: ("RuntimeClassMissing", ""),
    refusals.POD_SECURITY: ("PodSecurity", ""),
    refusals.SERVICE_ACCOUNT: ("ServiceAccountMissing", ""),
    refusals.QUOTA_NEEDS: ("QuotaNeedsResources", ""),
    refusals.QUOTA_SCOPE: ("QuotaExceeded", refusals.SCOPE_CURE),
}
_PREFIX = re.compile(r'^(pods|[a-z]+(\.[a-z0-9.]+)?) "[^"]*" is (forbidden|invalid): ')


def find(picture: Picture) -> Iterator[Finding]:
    for run in picture.dry_runs:
        if run.status:
            yield from classify(run, picture)
    yield from _named_users(picture)
    if picture.new_namespace:  # its pods were not tried
        accounts = {"", "default", *(str(meta(o).get("name")) for o in picture.kind("ServiceAccount"))}
        for where, template in pod_templates(picture.objects):
            name = str(template["spec"].get("serviceAccountName") or "")
            if name not in accounts:
                yield Finding("ServiceAccountMissing", where, f"its ServiceAccount {name} does not exist, because the namespace is new")


def classify(run: DryRun, picture: Picture) -> Iterator[Finding]:
    """The API server's refusal of one object, as a finding. Its own words are the evidence."""
    text = " ".join(_PREFIX.sub("", run.message).split())
    where = f"pods of {run.object}" if run.pod else run.object
    refusal = refusals.classify(run.message)
    kind, parts = refusal.kind, refusal.parts
    if run.status == 409 and "conflict" in run.message:
        yield from _conflicts(run, picture)
    elif kind == refusals.WEBHOOK_DOWN:
        what = f"the webhook {parts['webhook']} does not answer{f' for {run.waited:g} s' if run.waited else ''}: {parts.get('why', '')}"
        hint = (
            "start the pods of the webhook, then run the playbook again; to find the webhook's Service: kubectl get "
            "validatingwebhookconfigurations,mutatingwebhookconfigurations -o yaml"
        )
        yield Finding("WebhookUnavailable", where, what, hint)
    elif kind in OWN_WORDS:
        yield Finding(OWN_WORDS[kind][0], where, text, OWN_WORDS[kind][1])
    elif kind == refusals.QUOTA:
        look = f"kubectl -n {picture.wanted.namespace} describe resourcequota {parts['quota']}"
        hint = f"raise the ResourceQuota, or lower oceans_llm_replicas or oceans_llm_resources; read the ResourceQuota: {look}"
        what = f"ResourceQuota {parts['quota']}: requested {parts['need']}, used {parts['used']}, limit (hard) {parts['hard']}"
        yield Finding("QuotaExceeded", where, what, hint)
    elif kind == refusals.TERMINATING:
        return  # the namespace: said once, by access.py
    elif kind == refusals.IMMUTABLE:
        hint = "set the chart value of this field to the old value again"
        hint += "" if run.object.startswith(HOLDS_DATA) else f", or delete {run.object} (its pods stop) and run the playbook again"
        yield Finding("FieldImmutable", where, f"{immutable(text, run.live or {})}; Kubernetes does not allow this field to change on an existing object", hint)
    elif kind == refusals.LIMIT_RANGE:
        volumes = "oceans_llm_cloudnativepg.storage and oceans_llm_cloudnativepg.walStorage"
        setting = volumes if "PersistentVolumeClaim" in text else "oceans_llm_values.scheduling.resources"
        hint = f"set {setting} to values that the LimitRange allows; read the LimitRange: kubectl -n {picture.wanted.namespace} describe limitrange"
        yield Finding("LimitRangeViolated", where, text, hint)
    elif kind == refusals.SCC:
        fields = ", ".join(refusals.scc_fields(run.message)) or "the pod"
        yield Finding("AdmissionDenied", where, f"OpenShift's SecurityContextConstraints refuse {fields}: {text}", refusals.SCC_CURE)
    elif kind == refusals.POLICY and parts.get("rule"):
        hint = f"change the field that rule {parts['rule']} names, or ask the owner of the policy to exempt the namespace"
        yield Finding("AdmissionDenied", where, f"webhook {parts['policy']} denies the object: {parts['what']}", hint)
    elif kind == refusals.POLICY or (run.status == 403 and "cannot " not in text):
        yield Finding("AdmissionDenied", where, text)
    elif run.status == 403:
        return  # a missing permission: said once, by access.py
    elif run.status == 422 or run.status == 400:
        yield from _both_sources(run, picture) or [Finding("ObjectInvalid", where, text)]
    else:
        yield Finding("ApiRefused", where, f"{text} (HTTP {run.status})", severity=WARNING if run.status in (0, 429) or run.status >= 500 else ERROR)


def _both_sources(run: DryRun, picture: Picture) -> list[Finding]:
    """A variable that has a value in the cluster and a reference in the chart, or the other way round: merged it has both, which the API server refuses."""
    if "may not be specified when `value` is not empty" not in run.message:
        return []
    live, rendered = _variables(run.live or {}), _variables(_rendered(run, picture))
    return [
        Finding(
            "ObjectInvalid",
            run.object,
            f"variable {name} of container {container} has {_source(live[container, name])} in the live object{env_writer(run.live or {}, container, name)}, "
            f"and {_source(own)} in the chart; Kubernetes accepts only one of the two",
            f"remove the variable from the live object: kubectl -n {picture.wanted.namespace} set env {run.object.lower()} {name}-; then deploy again",
        )
        for (container, name), own in rendered.items()
        if (container, name) in live and ("valueFrom" in live[container, name]) != ("valueFrom" in own)
    ]


def _variables(obj: Mapping[str, Any]) -> dict[tuple[str, str], Mapping[str, Any]]:
    spec = ((obj.get("spec") or {}).get("template") or {}).get("spec") or {}
    both = (*(spec.get("containers") or ()), *(spec.get("initContainers") or ()))
    return {(str(c.get("name")), str(e.get("name"))): e for c in both for e in c.get("env") or ()}


def _source(entry: Mapping[str, Any]) -> str:
    """Where a variable has its value from; of a plain value no more than the host of a URL, for it may be a secret."""
    given = entry.get("valueFrom")
    if given:
        key = given.get("secretKeyRef") or given.get("configMapKeyRef") or {}
        kind = "Secret" if "secretKeyRef" in given else "ConfigMap" if "configMapKeyRef" in given else ""
        return f"{kind}/{key.get('name')}, key {key.get('key')}" if kind else "a field of the pod"
    host = address_in(str(entry.get("value") or ""))
    return f"a plain value (host {host})" if host else "a plain value"


def _rendered(run: DryRun, picture: Picture) -> Object:
    return next((o for o in picture.sent() if label(o) == run.object), {})


def immutable(text: str, live: Mapping[str, Any]) -> str:
    """`spec.selector cannot change from … to …`; the API server's own words when they are of another shape."""
    found = refusals.immutable(text)
    if not found:
        return text
    path, value = found
    was: Any = live
    for part in path.split("."):
        was = was.get(part) if isinstance(was, Mapping) else None
    return f"{path} cannot change from {json.dumps(was, sort_keys=True)} to {value}"


def _conflicts(run: DryRun, picture: Picture) -> Iterator[Finding]:
    """Somebody else holds a field. Helm 4 applies on the server's side and is refused; Helm 3 overwrites."""
    helm4 = (numbers(picture.tools.helm) or (0, 0, 0))[0] >= 4 and (picture.release is None or picture.release.apply_method != "csa")
    held: dict[str, list[str]] = {}
    for name, manager in refusals.conflicts(run.message):
        held.setdefault(manager, []).append(name)
    for manager, names in held.items():
        text = "; ".join(_sides(run, picture, name) for name in names) + f"; set by {manager}{_when(run.live or {}, manager)}"
        if helm4 and not picture.wanted.force_conflicts:
            hint = "set the chart value to the live value, or set oceans_llm_force_conflicts: true to overwrite the live value"
            if manager == ENFORCER:
                hint = (
                    f'set the annotation admissions.enforcer/disabled: "true" on {run.object}, so that AKS does not change its namespaceSelector again, '
                    "and set oceans_llm_force_conflicts: true for one run"
                )
            if ".spec.replicas" in names:
                hint = "let the autoscaler set replicas (oceans_llm_values.gateway.replicaCount or oceans_llm_values.adminUi.replicaCount: null), or " + hint
            yield Finding("FieldConflict", run.object, text, hint)
        elif not manager.startswith("helm"):  # Helm 3 itself, which names its manager after its program, is nobody else
            hint = "nothing to do: this run overwrites the live value; to keep it, set the chart value of the field to the live value"
            yield Finding("FieldConflict", run.object, text, hint, WARNING)


def _sides(run: DryRun, picture: Picture, name: str) -> str:
    """`.spec.replicas is 3, and 2 in the chart`; the values of a Secret, or of anything else that may hold one, are not shown."""
    rendered = _rendered(run, picture)
    live, wanted = refusals.value_at(run.live or {}, name), refusals.value_at(rendered, name)
    if run.object.startswith("Secret/") or ".env" in name or live is None or wanted is None:
        return f"{name} differs from the chart"
    also = _also_selected(picture, live, wanted) if run.object.startswith("Service/") and name == ".spec.selector" else ""
    return f"{name} is {_said(live)} in the live object{also}, and {_said(wanted)} in the chart"


def _also_selected(picture: Picture, live: Any, wanted: Any) -> str:
    """The Deployments whose pods a Service's selector matches, and not the chart's."""
    others = [label(o) for o in picture.sent() if o.get("kind") == "Deployment" and matches(live, pod_labels(o)) and not matches(wanted, pod_labels(o))]
    return f", so it selects the pods of {', '.join(others)}" if others else ""


def _said(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return text if len(text) <= 120 else f"{text[:120]}…"


def _when(live: Mapping[str, Any], manager: str) -> str:
    times = [str(e.get("time") or "") for e in (live.get("metadata") or {}).get("managedFields") or () if e.get("manager") == manager.partition(" (")[0]]
    return f" at {max(times)}" if any(times) else ""


def _named_users(picture: Picture) -> Iterator[Finding]:
    """runAsNonRoot cannot be checked by the kubelet when the image's user is a name. Admission may set a number: OpenShift does."""
    admitted = {run.object: run.made["spec"] for run in picture.dry_runs if run.pod and run.made}
    openshift = picture.wanted.platform == "openshift"
    for where, template in pod_templates(picture.objects):
        spec = template["spec"]
        made = admitted.get(where)
        if made is None and openshift:
            continue  # the pods of a new namespace were not tried
        told = {c["name"]: c for part in ("initContainers", "containers") for c in (made or {}).get(part) or ()}
        for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
            user = _effective(made or spec, told.get(container["name"], container), "runAsUser")
            if _effective(spec, container, "runAsNonRoot") and user is None:
                number = "1000" if container["name"] == "admin-ui" else "10001"
                what = f"container {container['name']} has runAsNonRoot without runAsUser, and the image's user is a name: the kubelet would refuse it"
                hint = f"set runAsUser: {number} in the securityContext of the container"
                if openshift:
                    hint = "remove platform: openshift from oceans_llm_values, because this cluster sets no user IDs"
                yield Finding("RunAsNonRoot", where, f"{what} (CreateContainerConfigError)", hint)


def _effective(spec: Mapping[str, Any], container: Mapping[str, Any], field: str) -> Any:
    own = (container.get("securityContext") or {}).get(field)
    return own if own is not None else (spec.get("securityContext") or {}).get(field)
