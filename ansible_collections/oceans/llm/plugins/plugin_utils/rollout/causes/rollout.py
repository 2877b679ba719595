# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Deployment itself: its own deadline, a pause, and old pods that do not go."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...codes import FATAL, RETRYABLE
from ...gateway import log_words
from ...kube.objects import (
    Object,
    condition,
    container_spec,
    containers,
    controller_of,
    epoch,
    has_been_seen,
    is_ready,
    meta,
    name_of,
    ref,
    seen_at,
    terminated,
)
from ...kube.services import writer
from .. import progress, waits
from ..model import Cause, Snapshot, events_of, made_in_this_run, new_pods, new_replicaset, old_pods, own, pods_of
from .cause import cause, rule
from .jobs import refused


@rule(330)
def deadlines(snapshot: Snapshot) -> Iterator[Cause]:
    """ProgressDeadlineExceeded, said of this generation. The controller resets it when something moves."""
    for name, found in own(snapshot, "Deployment"):
        told = condition(found, "Progressing")
        begun = epoch(told.get("lastUpdateTime"))
        if has_been_seen(found) and told.get("reason") == "ProgressDeadlineExceeded" and begun >= snapshot.started - 1:
            limit = (found.get("spec") or {}).get("progressDeadlineSeconds", 600)
            waited = [waits.of_pod(snapshot, pod) for pod in progress.unready(snapshot, name)[:1]]
            what = f"the Deployment made no progress within progressDeadlineSeconds ({limit} s){''.join(f': {w.object} {w.what}' for w in waited)}"
            evidence = f"{told.get('message') or ''} {''.join(w.evidence for w in waited)}"
            yield cause("ProgressDeadline", snapshot, f"Deployment/{name}", what, evidence, since=begun)


@rule(285)
def missing(snapshot: Snapshot) -> Iterator[Cause]:
    """A Deployment that Helm's record of a finished change has, and that is gone or going: no rollout brings it back."""
    done = [s for s in snapshot.kind("Release").values() if (meta(s).get("labels") or {}).get("status") == "deployed"]
    recorded = [s for s in done if str((meta(s).get("labels") or {}).get("version")) == str(snapshot.scope.revision)]
    for name in snapshot.scope.deployments:
        found = snapshot.kind("Deployment").get(name)
        if found is None and recorded:
            what = f"the Deployment does not exist, but belongs to revision {snapshot.scope.revision} of the release"
            yield cause("DeploymentMissing", snapshot, f"Deployment/{name}", what, f"Secret {name_of(recorded[0])}: status deployed")
        elif found is not None and meta(found).get("deletionTimestamp"):
            held = ", ".join(meta(found).get("finalizers") or ()) or "none"
            what = f"the Deployment has been terminating since {meta(found)['deletionTimestamp']} (finalizers: {held})"
            yield cause("DeploymentMissing", snapshot, f"Deployment/{name}", what, "metadata.deletionTimestamp")


#: seconds that a pod may be ready without being available, before that is worth a word
PATIENT = 20.0
#: the same where minReadySeconds is longer than a rollout usually takes
AT_ONCE, LONG = 2.0, 600.0


@rule(325)
def not_available(snapshot: Snapshot) -> Iterator[Cause]:
    """All new pods are ready, and minReadySeconds keeps them from counting."""
    for name, found in own(snapshot, "Deployment"):
        wait = float((found.get("spec") or {}).get("minReadySeconds") or 0)
        pods = new_pods(snapshot, name) if wait else []
        begun = max((epoch(condition(p, "Ready").get("lastTransitionTime")) for p in pods), default=0.0)
        if begun and all(is_ready(p) for p in pods) and (PATIENT if wait < LONG else AT_ONCE) < snapshot.now - begun < wait:
            what = f"the new pods are ready, but count as available only after minReadySeconds ({wait:.0f} s){writer(found, 'spec', 'minReadySeconds')}"
            yield cause("MinReadySeconds", snapshot, f"Deployment/{name}", what, f"the pods have been ready for {snapshot.now - begun:.0f} s", since=begun)


EVICTED = "Evicted"
#: words of the kubelet about a pod that used more than it may itself: the next pod will do the same
OWN_LIMIT = re.compile(r"exceeds the (?:total )?limit")


@rule(225)
def evicted_again(snapshot: Snapshot) -> Iterator[Cause]:
    """Pods of the new ReplicaSet that a kubelet evicts one after the other."""
    for name in snapshot.scope.deployments:
        newest = new_replicaset(snapshot, name)
        pods = pods_of(snapshot, meta(newest).get("uid")) if newest else []
        failed = [p for p in pods if (p.get("status") or {}).get("reason") == EVICTED and not refused(p)]
        if newest and len(failed) > 1:
            status = failed[-1].get("status") or {}
            said = str(status.get("message") or "")
            sure = FATAL if OWN_LIMIT.search(said) else RETRYABLE
            why = said.strip().removesuffix(".") or "the kubelet gives no reason"
            what = f"{len(failed)} pods of Deployment/{name} were evicted one after the other: {why}"
            where, begun = f"ReplicaSet/{name_of(newest)}", epoch(meta(failed[0]).get("creationTimestamp"))
            hint = "raise the limit that the evidence names: resources.limits.ephemeral-storage, or sizeLimit of the volume" if sure is FATAL else ""
            yield cause("PodEvicted", snapshot, where, what, said, since=begun, certainty=sure, budget=60, hint=hint)


RECENT, REPEATED = 60.0, 3
_MADE = re.compile(r"^(Created|Deleted) pod: (\S+)")


@rule(227)
def made_again(snapshot: Snapshot) -> Iterator[Cause]:
    """A ReplicaSet that has to create its pods again and again: they lose the labels that it selects by, or somebody deletes them."""
    for name in snapshot.scope.deployments:
        if newest := new_replicaset(snapshot, name):
            yield from _released(snapshot, newest)
            yield from _deleted(snapshot, name, newest)


def _released(snapshot: Snapshot, newest: Object) -> Iterator[Cause]:
    """The pods tell: of so many events the controller's client sends only some."""
    pods = {n: p for n, p in snapshot.kind("Pod").items() if meta(p).get("generateName") == f"{name_of(newest)}-" and not controller_of(p)}
    if len(pods) >= _many(newest):
        wanted = ((newest.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
        labels = meta(pods[max(pods)]).get("labels") or {}
        other = ", ".join(f"{key} is {labels.get(key, 'missing')}, not {value}" for key, value in wanted.items() if labels.get(key) != value)
        what = f"the ReplicaSet creates pods again and again, because it does not select them ({other}): a mutating webhook changes labels of the pods"
        yield cause("PodNotCreated", snapshot, f"ReplicaSet/{name_of(newest)}", what, ", ".join(sorted(pods)[:5]), certainty=FATAL)


def _deleted(snapshot: Snapshot, name: str, newest: Object) -> Iterator[Cause]:
    events = events_of(snapshot, "ReplicaSet", name_of(newest))
    if len(events) < REPEATED:
        return
    made: dict[str, set[str]] = {"Created": set(), "Deleted": set()}
    for event in events:
        if snapshot.now - seen_at(event) < RECENT and (told := _MADE.match(str(event.get("message")))):
            made[told[1]].add(told[2])
    lost = made["Created"] - made["Deleted"] - {n for n, p in snapshot.kind("Pod").items() if not meta(p).get("deletionTimestamp")}
    if len(lost) >= _many(newest):
        what = f"{len(lost)} new pods of Deployment/{name} were deleted within {RECENT:.0f} s by another client than the ReplicaSet"
        hint = f"find out who deletes the pods: kubectl -n {snapshot.scope.namespace} get events --field-selector reason=Killing"
        yield cause("PodEvicted", snapshot, f"ReplicaSet/{name_of(newest)}", what, ", ".join(sorted(lost)[:5]), certainty=FATAL, hint=hint)


def _many(replicaset: Object) -> int:
    """More pods than a drain or a person who takes one aside to look at it leaves."""
    return max(REPEATED, 2 * int((replicaset.get("spec") or {}).get("replicas") or 0) + 1)


@rule(290)
def paused(snapshot: Snapshot) -> Iterator[Cause]:
    for name, found in own(snapshot, "Deployment"):
        if (found.get("spec") or {}).get("paused") and progress.deployment_blocker(snapshot, name):
            yield cause("DeploymentPaused", snapshot, f"Deployment/{name}", "the Deployment is paused and creates no new pods", "spec.paused: true")


@rule(300)
def scaled_to_zero(snapshot: Snapshot) -> Iterator[Cause]:
    """0 replicas that Helm did not ask for: nothing is left to become ready, and the Service has nobody behind it."""
    for name, found in own(snapshot, "Deployment"):
        if (found.get("spec") or {}).get("replicas") != 0:
            continue
        managers = reversed(meta(found).get("managedFields") or ())
        owner: Object = next((m for m in managers if "f:replicas" in ((m.get("fieldsV1") or {}).get("f:spec") or {})), {})
        who = str(owner.get("manager") or "")
        if who and not who.lower().startswith("helm"):
            by = who + (" (subresource scale)" if owner.get("subresource") == "scale" else "")
            what = f"the Deployment was scaled to 0 replicas by {by}{f' at {owner.get("time")}' if owner.get('time') else ''}"
            yield cause("ScaledToZero", snapshot, f"Deployment/{name}", what, f"spec.replicas: 0, field manager {who}", since=epoch(owner.get("time")))


@rule(310)
def old_pods_lost(snapshot: Snapshot) -> Iterator[Cause]:
    """A pod of the old version that was recreated in this run (evicted, deleted, its node gone) and does not start: the schema may be newer now."""
    for name in snapshot.scope.deployments:
        for pod in old_pods(snapshot, name):
            if not made_in_this_run(pod, snapshot) or meta(pod).get("deletionTimestamp") or is_ready(pod):
                continue
            for status, _init in containers(pod):
                end = terminated(status)
                if not end.get("exitCode"):
                    continue
                text = log_words.last_line(snapshot.logs.get((name_of(pod), status["name"]), ""))
                serving = [p for p in old_pods(snapshot, name) if is_ready(p) and not meta(p).get("deletionTimestamp")]
                rest = f"{len(serving)} old pod{'s' if len(serving) != 1 else ''} of Deployment/{name} still serve{'s' if len(serving) == 1 else ''}"
                what = f"a pod of the old version was recreated and cannot start; {rest}"
                evidence = text or end.get("message") or f"exit code {end['exitCode']}"
                yield cause("OldPodCannotRestart", snapshot, ref(pod), what, evidence, since=epoch(end.get("finishedAt")), container=status["name"])
                break


#: seconds after the end of its grace: the kubelet needs a moment, and a watch may be late
OVERDUE = 10.0
#: seconds after which an old pod that stops is worth a word, where new pods have to wait for it
STOPPING = 10.0


@rule(315)
def recreated(snapshot: Snapshot) -> Iterator[Cause]:
    """Strategy Recreate: no new pod before the old ones have stopped, and one of these takes its long grace."""
    for name, found in own(snapshot, "Deployment"):
        strategy = (found.get("spec") or {}).get("strategy") or {}
        for pod in old_pods(snapshot, name) if strategy.get("type") == "Recreate" and not new_pods(snapshot, name) else ():
            over, grace = epoch(meta(pod).get("deletionTimestamp")), float(meta(pod).get("deletionGracePeriodSeconds") or 0)
            if over and snapshot.now - (over - grace) > STOPPING and snapshot.now < over:
                stops = [(str(s["name"]), (container_spec(pod, str(s["name"])).get("lifecycle") or {}).get("preStop") or {}) for s, _init in containers(pod)]
                hooks = [f"container {c} has a preStop hook ({' '.join((hook.get('exec') or {}).get('command') or hook)})" for c, hook in stops if hook]
                what = f"with strategy Recreate, no new pod is created before {ref(pod)} has stopped, which may take {over - snapshot.now:.0f} s more"
                more = "; ".join((f"terminationGracePeriodSeconds {grace:.0f}", *hooks))
                yield cause(
                    "OldPodStops", snapshot, f"Deployment/{name}", f"{what}: {more}", f"deletionTimestamp {meta(pod)['deletionTimestamp']}", since=over - grace
                )


@rule(320)
def stuck_old_pods(snapshot: Snapshot) -> Iterator[Cause]:
    """An old pod whose grace is over. `deletionTimestamp` is the end of its grace, not the beginning."""
    for name in snapshot.scope.deployments:
        for pod in old_pods(snapshot, name):
            over = epoch(meta(pod).get("deletionTimestamp"))
            if over and snapshot.now - over > OVERDUE:
                held = meta(pod).get("finalizers") or []
                why = f"finalizers {', '.join(held)}" if held else f"the kubelet of node {(pod.get('spec') or {}).get('nodeName')} has not stopped the pod"
                told = [str(e.get("message")) for e in events_of(snapshot, "Pod", name_of(pod)) if e.get("reason") == "FailedKillPod" and not held]
                failed = f", because the container runtime returns an error ({' '.join(re.findall('Kill[A-Z][A-Za-z]+Error', told[-1])[:1])})" if told else ""
                what = f"an old pod of Deployment/{name} still exists although its grace period is over: {why}{failed}"
                yield cause("OldPodStuck", snapshot, ref(pod), what, told[-1] if told else why, since=over)
