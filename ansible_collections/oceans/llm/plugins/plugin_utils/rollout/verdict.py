# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From one picture to one verdict: still going, done, or failed and why. Pure.

Krane's rule: a Deployment has failed only when every pod of its newest ReplicaSet is doomed; one doomed pod beside
healthy ones is shown, not declared. A Job has failed as soon as one certain cause says so. A transient cause is given
its budget, counted from its first evidence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from ..codes import BY_CODE, Certainty
from ..gateway import word_table
from ..gateway.innermost import innermost
from ..helm.process import Helm
from ..kube import refusals
from ..kube.objects import claims, meta, ref
from . import progress, waits
from .causes import admission
from .causes.cause import cause as make
from .model import Cause, Snapshot, new_replicaset, owner_of, pods_of


class State(Enum):
    PROGRESSING = "progressing"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class Verdict:
    state: State
    blocker: str = ""
    cause: Cause | None = None
    causes: Sequence[Cause] = field(default_factory=tuple)


#: seconds that a cause in the cluster is given to show up after Helm ended with an error of its own
HELM_GRACE = 1.5
#: seconds that a doomed pod beside healthy ones is only shown: without it the rollout cannot end
BESIDE_HEALTHY = 60.0


def judge(snapshot: Snapshot, causes: Sequence[Cause], helm: Helm) -> Verdict:
    """Decide. `causes` is what the rules found in the same snapshot."""
    fatal = [c for c in causes if is_fatal(c, snapshot.now - snapshot.unknown)]
    found = declared(snapshot, fatal)
    if found:
        return Verdict(State.FAILED, cause=found, causes=causes)
    if helm.error and snapshot.now - helm.ended_at >= HELM_GRACE:
        # Helm 4 patches the Job that is still there, and blames a field of it
        held = next((c for c in causes if c.code == "JobNotDeleted"), None)
        found = replace(held, certainty=Certainty.FATAL, evidence=helm.error) if held else helm_cause(snapshot, helm)
        return Verdict(State.FAILED, cause=found, causes=causes)
    blocker = progress.blocker(snapshot, causes) or ("Helm is running" if helm.error or helm.running else "")
    if blocker:
        return Verdict(State.PROGRESSING, blocker, causes=causes)
    return Verdict(State.DONE, causes=causes)


def is_fatal(cause: Cause, now: float) -> bool:
    """Certain, or transient for longer than it was given."""
    if cause.certainty is Certainty.FATAL:
        return True
    return cause.certainty is Certainty.RETRYABLE and cause.budget is not None and now - cause.since > cause.budget


def declared(snapshot: Snapshot, fatal: Sequence[Cause]) -> Cause | None:
    """The cause that ends the run, if one does: of a Job or an operator's object at once, of a Deployment when all its new pods are doomed."""
    for cause in fatal:
        owner = owner_of(cause, snapshot)
        if cause.object == f"Release/{snapshot.scope.release}":
            return cause
        if owner in snapshot.scope.custom or (owner[0] == "Job" and owner[1] in snapshot.scope.jobs):
            return cause
    for cause in fatal:
        kind, name = owner_of(cause, snapshot)
        if kind != "Deployment" or name not in snapshot.scope.deployments:
            continue
        # the Deployment cannot continue at all, or its ReplicaSet cannot make the pods that are missing
        if cause.object.startswith(("Deployment/", "ReplicaSet/")) or all_doomed(snapshot, name, fatal):
            return cause
        if snapshot.now - cause.since > BESIDE_HEALTHY:
            wanted, _made, ready = progress.counts(snapshot, name)
            return replace(cause, cause=f"{cause.cause}; {ready} of {wanted} new pods of {kind}/{name} are ready")
    return None


def all_doomed(snapshot: Snapshot, deployment: str, fatal: Iterable[Cause]) -> bool:
    """True when no pod of the newest ReplicaSet can become ready any more (or none can even be made)."""
    newest = new_replicaset(snapshot, deployment)
    if newest is None:
        return True  # the cause is about the Deployment itself
    objects = {c.object for c in fatal}
    pods = [p for p in pods_of(snapshot, meta(newest).get("uid")) if not meta(p).get("deletionTimestamp")]
    return all(ref(p) in objects or any(f"PersistentVolumeClaim/{c}" in objects for c in claims(p)) for p in pods)


#: Helm's own words; a row without a sentence has that of its code
_HELM_WORDS = r"""
ReleaseBusy another operation \(install/upgrade/rollback\) is in progress
ReleaseTooLarge sh\.helm\.release\S+ is invalid: data: Too long|failed to create: etcdserver: request is too large
NamespaceDeleted namespaces "[^"]+" not found
HelmFailed \b(?:mkdir|open|rename|create|chmod) (?P<path>[^ :"]+): (?P<why>permission denied|read-only file system|no space left on device)
    Helm cannot write to {path}: {why}
    set the environment variables HELM_CACHE_HOME, HELM_CONFIG_HOME and HELM_DATA_HOME to folders that the user who runs Ansible may write to
CredentialsRefused : (?:Unauthorized|the server has asked for the client to provide credentials)$
HelmFailed etcdserver: mvcc: database space exceeded
    the etcd of the cluster has no space left, so the API server refuses every write
    have an administrator of the cluster free space in etcd, then run the playbook again: etcdctl defrag, and etcdctl alarm disarm
HelmFailed "(?P<release>[^"]+)" has no deployed releases
    release {release} has no revision that was ever complete (has no deployed releases), so Helm cannot upgrade the release
    read the revisions, then uninstall the release and run the playbook again: helm -n {ns} history {release}; helm -n {ns} uninstall {release}
HelmFailed (?<!\w)(?P<kind>\w{1,60}) "(?P<object>[^"]+)" in namespace "[^"]*" exists and cannot be imported
    {kind}/{object} exists already, and does not belong to this release of Helm
    delete the object, or give it to the release with the label and the annotations that Helm's error names: kubectl -n {ns} get {kind} {object} -o yaml
HelmFailed no matches for kind "(?P<kind>[^"]+)" in version "(?P<version>[^"]+)"
    the cluster does not serve {kind} ({version})
    install the CustomResourceDefinition of {kind}, or set the chart value that renders it to false: kubectl get crds
HelmFailed the server has received too many requests
    the API server refused a request of Helm, because it has too many requests (429)
    run the playbook again; if the error remains, read the limits for this user: kubectl get flowschemas,prioritylevelconfigurations
HelmFailed (?:server APIs: (?P<api>[\w./-]+): )?the server is currently unable to handle the request
    an aggregated API server does not answer ({api})
    repair that API server, or delete its APIService; list those that are not available: kubectl get apiservices
"""
HELM_WORDS = tuple(word_table.rows(_HELM_WORDS))
#: words for a way to the API server that is closed; they may be about a webhook, too, so they are the last to be asked
NO_SERVER = re.compile(
    r"cluster unreachable|connection lost|connection refused|i/o timeout|TLS handshake|no such host|no route to host|connection reset|GOAWAY"
    r"|: (?:unexpected )?EOF\b"
)


def helm_cause(snapshot: Snapshot, helm: Helm) -> Cause:
    """Helm gave up by itself and nothing in the cluster says why: its own words are all there is."""

    def told(code: str, what: str = "", **more: Any) -> Cause:
        return make(code, snapshot, f"Release/{snapshot.scope.release}", what or BY_CODE[code].title, helm.error, since=helm.ended_at, **more)

    if known := word_table.matched(HELM_WORDS, helm.error, api="not named", ns=snapshot.scope.namespace):
        code, what, hint = known
        return told(code, what, hint=hint)
    kind = refusals.classify(helm.error).kind
    if kind == refusals.IMMUTABLE:
        return told("FieldImmutable")
    if kind == refusals.CONFLICT:
        held = ", ".join(f"{field} ({manager})" for field, manager in refusals.conflicts(helm.error))
        return told(
            "FieldConflict", f"other field managers own fields that the chart sets: {held}" if held else BY_CODE["FieldConflict"].title.partition(";")[0]
        )
    code, sentence, parts = admission.classify(helm.error)
    if code != "PodNotCreated":
        names = {k: v for k, v in parts.items() if k in admission.NAMES}
        what = sentence if code == "NotAllowed" else f"an object cannot be created: {sentence}"
        return told(code, what, certainty=Certainty.FATAL, **names)
    what, hint = "Helm ended with an error that no object in the namespace explains", ""
    if NO_SERVER.search(helm.error):
        what, hint = "Helm lost the connection to the API server", "check the network to the API server, then run the playbook again: kubectl version"
    return told("HelmFailed", f"{what}: {innermost(helm.error)}", hint=hint)


def timeout_cause(snapshot: Snapshot, verdict: Verdict, seconds: float) -> Cause:
    """The overall deadline is over: blamed on what was waited for, by the cause that is known of it, else by its own state."""
    kind, name = progress.blocking(snapshot)
    nobody = progress.outage(snapshot, name) if kind == "Deployment" else ""
    over = f"the rollout is not complete after {seconds:.0f} s{f'; {nobody}' if nobody else ''}"
    nearest = _nearest(snapshot, verdict.causes)
    if nearest:
        return replace(nearest, certainty=Certainty.FATAL, budget=None, cause=f"{nearest.cause}; {over}")
    for pod in progress.awaited(snapshot, kind, name)[:1]:
        wait = waits.of_pod(snapshot, pod)
        what = f"{'' if wait.container else 'the pod '}{wait.what}; {over}, and {kind}/{name} waits for this pod"
        return make(wait.code, snapshot, wait.object, what, wait.evidence, container=wait.container, certainty=Certainty.FATAL)
    what = f"{over}; this run was waiting for: {verdict.blocker or 'no known object'}"
    return make("Timeout", snapshot, f"{kind}/{name}" if kind else f"Release/{snapshot.scope.release}", what, progress.summary(snapshot))


def _nearest(snapshot: Snapshot, causes: Sequence[Cause]) -> Cause | None:
    """The youngest cause of what is not done: a database or Secret that an operator still has to bring comes first, as pods wait for it."""
    roots = [c for c in causes if owner_of(c, snapshot) in snapshot.scope.custom and c.certainty is not Certainty.SHOWN]
    open_objects = list(progress.unfinished(snapshot))
    found = roots or [c for c in causes if not open_objects or any(_keeps(snapshot, c, *each) for each in open_objects)]
    return max(found, key=lambda c: (c.certainty is not Certainty.SHOWN, c.since), default=None)


def _keeps(snapshot: Snapshot, cause: Cause, kind: str, name: str) -> bool:
    """True when a cause is about what this object waits for: not about an old pod beside new ones that are not ready, or one that was evicted."""
    if owner_of(cause, snapshot) != (kind, name):
        return False
    pods = {ref(pod) for pod in progress.awaited(snapshot, kind, name)}
    return not cause.object.startswith("Pod/") or not pods or cause.object in pods
