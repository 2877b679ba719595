# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs: of hooks and others. The log of the failed attempt says more than the Job's own condition.

An evicted, preempted or deleted pod is no failure of the program: the Job creates another one. A failure whose words leave
no doubt is certain at the first attempt; what can pass is left to the Job's own back-off.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

from ...codes import BY_CODE, FATAL, RETRYABLE
from ...gateway import log_words
from ...kube.objects import (
    Object,
    asked_container,
    condition,
    container_spec,
    containers,
    end_of,
    epoch,
    finished,
    is_sidecar,
    kept_by,
    meta,
    name_of,
    queue_of,
    ref,
    status_of,
    suspension,
    terminated,
)
from ..model import Cause, Snapshot, events_of, job_pods, migrates, own, set_up, starting, workers
from .cause import cause, rule
from .containers import EXITS_ALIKE, known_of_database, of_container, of_end
from .reasons import REASONS

#: reasons of pods that failed for no fault of their own (Kubernetes API, PodStatus.reason; condition DisruptionTarget)
DISRUPTED = tuple(reason for reason, code in REASONS["Pod status (kubelet, controllers)"].items() if code == "PodEvicted")
#: reasons with which a kubelet does not admit a pod (pkg/kubelet/lifecycle, cm, sysctl), and how its message begins whatever the reason
REJECTED = tuple(reason for reason, code in REASONS["Pod status (kubelet, controllers)"].items() if code == "PodRejected")
REJECTION = "Pod was rejected"
#: seconds after which a migration that has said nothing at all is taken to wait for the database (a look at one takes 0.1 s)
SILENT = 3.5
#: seconds of silence, or in one version, after which the database itself is asked
LOOK = 0.5
#: seconds that a sidecar may take to notice that the container beside it has ended
PARTING = 2.0
#: what may keep a migration's log silent
QUIET = "wait for the migration; to see its progress in the log, set the environment variable RUST_LOG to info in oceans_llm_values.gateway.extraEnv"
#: seconds in one version of a migration before that is worth a word
SLOW_MIGRATION = 8.0
PROPAGATION = ("orphan", "foregroundDeletion")  # finalizers of the API server itself (garbage collection)
#: what helps where a queue has no room
QUEUE_CURE = (
    "read why the Workload waits, then raise the quota of the queue or end other workloads: kubectl -n {ns} describe workloads.kueue.x-k8s.io; to keep the "
    "Jobs of this release out of queues, exclude the namespace in managedJobsNamespaceSelector of Kueue"
)
QUEUED = 600.0  # seconds that a queue may hold a Job: to wait there is its purpose


@rule(160)
def attempts(snapshot: Snapshot) -> Iterator[Cause]:
    """Containers of a Job's pods that ended with an error, as long as the Job is not over."""
    for name, job in own(snapshot, "Job"):
        if finished(job) is True:
            continue
        pods = [p for p in job_pods(snapshot, name) if not meta(p).get("deletionTimestamp") and not disrupted(p)]
        failed = [(p, s, init) for p in pods for s, init in containers(p) if _failed(p, s, init)]
        for pod, status, init in failed:
            if (pod.get("status") or {}).get("phase") == "Succeeded":
                continue
            found = _attempt(snapshot, name, job, pod, status, init, _exits(failed, status["name"]))
            if found and not (found.budget is not None and _tried_again(pods, pod)):
                yield found


def _tried_again(pods: list[Object], pod: Object) -> bool:
    """True when a younger pod of the same Job runs, or has ended well: it is what counts then, and the time of this one does not run out."""
    states = [s.get("state") or {} for p in pods[pods.index(pod) + 1 :] for s in (p.get("status") or {}).get("containerStatuses") or ()]
    return any("running" in s or (s.get("terminated") or {}).get("exitCode") == 0 for s in states)


def _failed(pod: Object, status: Object, init: bool) -> bool:
    if init and is_sidecar(pod, status["name"]) and _program_over(pod):
        return False  # the kubelet ends a native sidecar by a signal once the containers beside it have ended
    end = terminated(status)
    return bool(end) and bool(end.get("exitCode") or end.get("signal"))


def _program_over(pod: Object) -> bool:
    main = (pod.get("status") or {}).get("containerStatuses") or ()
    return bool(main) and all(end_of(status) for status in main)


def _exits(failed: list[tuple[Object, Object, bool]], container: str) -> int:
    """Failed runs of one container over all attempts of its Job."""
    return sum(int(s.get("restartCount") or 0) + (0 if "running" in (s.get("state") or {}) else 1) for _p, s, _i in failed if s["name"] == container)


def _attempt(snapshot: Snapshot, name: str, job: Object, pod: Object, status: Object, init: bool, exits: int) -> Cause | None:
    if (pod.get("status") or {}).get("phase") == "Failed":
        found: Cause | None = of_end(snapshot, pod, status["name"], terminated(status), exits)
    else:
        found = of_container(snapshot, pod, status, init)
    if found is None or found.certainty is FATAL and found.code != "CrashLoop":
        return found
    if found.code == "CrashLoop" or (found.code == "ContainerExited" and exits >= EXITS_ALIKE and _alike(snapshot, name, status["name"])):
        return cause("CrashLoop", snapshot, ref(pod), found.cause, found.evidence, since=found.since, container=status["name"])
    limit = (job.get("spec") or {}).get("backoffLimit")
    limit = 6 if limit is None else int(limit)
    if found.code == "ContainerExited":
        what = f"attempt {exits} of {limit + 1} of Job/{name} failed: {found.cause}"
        return cause("JobAttemptFailed", snapshot, ref(pod), what, found.evidence, since=found.since, container=status["name"], job=name)
    return found


def _alike(snapshot: Snapshot, job: str, container: str) -> bool:
    """True when all attempts ended with the same exit code and, where logs are there, the same last line (digits aside)."""
    seen = set()
    for pod in job_pods(snapshot, job):
        for status, _init in containers(pod):
            if status["name"] == container and _failed(pod, status, False) and not disrupted(pod):
                line = log_words.last_line(snapshot.logs.get((name_of(pod), container), ""))
                seen.add((terminated(status).get("exitCode"), re.sub(r"\d+", "0", line)))
    return len(seen) == 1


@rule(220)
def disruptions(snapshot: Snapshot) -> Iterator[Cause]:
    """Evicted, preempted and deleted pods of Jobs and Deployments: shown, never a failure."""
    for kind, owner, pod in workers(snapshot):
        if disrupted(pod) and not refused(pod):
            status = pod.get("status") or {}
            said = str(status.get("message") or "").partition(". ")[0].rstrip(".")
            what = f"the pod was evicted, preempted or deleted ({_why(pod)}{f': {said}' if said else ''}); {kind}/{owner} creates a replacement"
            yield cause("PodEvicted", snapshot, ref(pod), what, status.get("message") or _why(pod), since=epoch(meta(pod).get("creationTimestamp")))


def disrupted(pod: Object) -> bool:
    status = pod.get("status") or {}
    if condition(pod, "DisruptionTarget").get("status") == "True":
        return True
    return status.get("phase") == "Failed" and status.get("reason") in DISRUPTED or refused(pod)


def refused(pod: Object) -> bool:
    """True when the kubelet of its node did not admit the pod: no container was started. `OutOf` is followed by any resource."""
    status = pod.get("status") or {}
    if status.get("phase") != "Failed":
        return False
    reason, said = str(status.get("reason")), str(status.get("message"))
    return reason in REJECTED or reason.startswith("OutOf") or said.startswith(REJECTION)


def _why(pod: Object) -> str:
    status = pod.get("status") or {}
    target: dict[str, str] = next((c for c in status.get("conditions") or () if c.get("type") == "DisruptionTarget"), {})
    return str(status.get("reason") or target.get("reason") or "deleted")


@rule(170)
def failed_jobs(snapshot: Snapshot) -> Iterator[Cause]:
    """Jobs that are over, and failed. A pod that still has its log says why; else the Job's condition is all there is."""
    for name, job in own(snapshot, "Job"):
        if finished(job) is not False:
            continue
        conditions = (job.get("status") or {}).get("conditions") or ()
        condition: Object = next((c for c in conditions if c.get("type") in ("Failed", "FailureTarget") and c.get("status") == "True"), {})
        begun, evidence = epoch(condition.get("lastTransitionTime")), condition.get("message") or ""
        if condition.get("reason") == "DeadlineExceeded":
            limit = (job.get("spec") or {}).get("activeDeadlineSeconds")
            what = f"the Job did not finish within its activeDeadlineSeconds of {limit} s{_running_version(snapshot, name)}"
            yield cause("JobDeadline", snapshot, f"Job/{name}", what, evidence, since=begun, job=name)
            continue
        yield _of_last_attempt(snapshot, name, condition, evidence, begun)


def _of_last_attempt(snapshot: Snapshot, name: str, condition: Object, evidence: str, begun: float) -> Cause:
    ends = [(p, s) for p in job_pods(snapshot, name) for s, init in containers(p) if _failed(p, s, init) and not disrupted(p)]
    failed = int((snapshot.kind("Job")[name].get("status") or {}).get("failed") or len(ends))
    if not ends:
        what = f"the Job failed ({condition.get('reason')}) after {failed} attempt{'s' if failed != 1 else ''}{f': {evidence}' if evidence else ''}"
        return cause("JobFailed", snapshot, f"Job/{name}", what, evidence, since=begun, job=name)
    pod, status = max(ends, key=lambda e: epoch(terminated(e[1]).get("finishedAt")))
    last = of_end(snapshot, pod, status["name"], terminated(status), len(ends))
    code = last.code if last.code not in ("ContainerExited", "CrashLoop") else "JobFailed"
    names = {
        "job": name,
        "variable": "",
        "version": "",
        "limit": ((container_spec(pod, status["name"]).get("resources") or {}).get("limits") or {}).get("memory", ""),
    }
    what = f"the Job failed after {failed} attempt{'s' if failed != 1 else ''}: {last.cause}"
    made = cause(code, snapshot, f"Job/{name}", what, last.evidence, since=begun, container=status["name"], certainty=FATAL, **names)
    return made if code == "JobFailed" else type(made)(**{**vars(made), "hint": last.hint})


def _running_version(snapshot: Snapshot, job: str) -> str:
    text = "\n".join(log for (pod, _c), log in snapshot.logs.items() if pod.startswith(job))
    still = log_words.migrations(text).open
    return f"; migration V{still[-1][0]} {still[-1][1]} was running" if still else ""


@rule(235)
def not_deleted(snapshot: Snapshot) -> Iterator[Cause]:
    """A Job that Helm deletes to create it anew, and that a finalizer holds: Helm 3 waits without a word, Helm 4 blames a field of the Job."""
    for name in snapshot.scope.jobs:
        job = snapshot.kind("OldJob").get(name) or {}
        going, held = epoch(meta(job).get("deletionTimestamp")), [f for f in meta(job).get("finalizers") or () if f not in PROPAGATION]
        if held and going:
            what = f"the old Job has been terminating since {meta(job)['deletionTimestamp']}, because it has the finalizer {', '.join(held)}"
            what += ", so Helm cannot create the new Job"
            yield cause("JobNotDeleted", snapshot, f"Job/{name}", what, "metadata.finalizers", since=going, job=name)


@rule(240)
def suspended(snapshot: Snapshot) -> Iterator[Cause]:
    for name, job in own(snapshot, "Job"):
        if (job.get("spec") or {}).get("suspend") and finished(job) is None:
            began = next((epoch(c.get("lastTransitionTime")) for c in (job.get("status") or {}).get("conditions") or () if c.get("type") == "Suspended"), 0.0)
            queue = queue_of(job)
            hint, budget = (QUEUE_CURE.format(ns=snapshot.scope.namespace), QUEUED) if queue else ("", None)
            what = f"Job/{name} {suspension(job)}"
            yield cause("JobSuspended", snapshot, f"Job/{name}", what, "spec.suspend: true", since=began, job=name, hint=hint, budget=budget)


@rule(260)
def slow_migrations(snapshot: Snapshot) -> Iterator[Cause]:
    """A version that has begun and says nothing for a while, from the gateway's own live lines; at once when it is known who is in its way."""
    known = snapshot.kind("Facts").get("database", {})
    blocker = known.get("blocked_by") or ""
    for pod, status, began in mute(snapshot):
        if blocker:
            what, hint = f"the migration has printed nothing and waits for a lock that another database session holds: {blocker}", _end_it(blocker)
        elif snapshot.now - (known.get("worked") or 0.0) <= SILENT and snapshot.now - began > SLOW_MIGRATION:
            what, hint = "the migration has printed nothing, but sessions of the gateway's PostgreSQL role are active in the database", QUIET
        else:
            continue
        yield cause("MigrationWaits", snapshot, ref(pod), what, "the log is empty", since=began, container=status["name"], hint=hint)
    for pod, status, (version, name), began in open_migrations(snapshot):
        if blocker:
            what = f"migration V{version} {name} waits for a lock that another database session holds: {blocker}"
        elif snapshot.now - began > SLOW_MIGRATION:
            what = f"migration V{version} {name} has been running for more than {SLOW_MIGRATION:.0f} s; it may be waiting for a lock"
        else:
            continue
        hint = _end_it(blocker) if blocker else ""
        evidence = "the log shows the start of the migration, but neither commit nor rollback"
        yield cause("MigrationWaits", snapshot, ref(pod), what, evidence, since=began, container=status["name"], hint=hint)


def _end_it(blocker: str) -> str:
    return f"wait until that session ends, or end the session, then run the playbook again: SELECT pg_terminate_backend({_pid(blocker)})"


def _pid(blocker: str) -> str:
    found = re.search(r"process (\d+)", blocker)
    return found.group(1) if found else "<pid>"


def open_migrations(snapshot: Snapshot) -> Iterator[tuple[Object, Object, tuple[int, str], float]]:
    """(pod, container status, version and name, since when) of what has begun in the running Jobs and is not over."""
    for _job, pod, status in running(snapshot):
        text = snapshot.logs.get((name_of(pod), status["name"]), "")
        still = log_words.migrations(text).open
        if still:
            yield pod, status, still[-1], max(_stamp(text), epoch(((status.get("state") or {}).get("running") or {}).get("startedAt"))) or snapshot.now


@rule(270)
def silent_migrations(snapshot: Snapshot) -> Iterator[Cause]:
    """A migration that runs and has not begun: it waits for a connection, for 30 s, without a word."""
    known = snapshot.kind("Facts").get("database", {})
    for pod, status, began in mute(snapshot) if set_up(snapshot) else ():  # otherwise the Cluster is what all wait for
        began = max(began, known.get("worked") or 0.0)  # an active session, or one more version: RUST_LOG keeps the log silent, nothing waits
        code = log_words.code_of(known.get("sqlstate") or "")
        if code:
            what = f"the migration has printed nothing and cannot connect to the database: {known['sentence']}"
            budget = BY_CODE[code].budget or 150  # it keeps trying, so it may still get one
            yield cause(code, snapshot, ref(pod), what, known["sentence"], since=began, container=status["name"], certainty=RETRYABLE, budget=budget)
        elif known.get("away") or snapshot.now - began > SILENT:
            what = f"the migration has printed nothing and is probably waiting for a connection to the database{known_of_database(snapshot)}"
            yield cause("DatabaseSilent", snapshot, ref(pod), what, "the container is running and its log is empty", since=began, container=status["name"])


def mute(snapshot: Snapshot) -> Iterator[tuple[Object, Object, float]]:
    """(pod, container status, since when) of running migrations that have not written a line."""
    for job, pod, status in running(snapshot):
        began = epoch(((status.get("state") or {}).get("running") or {}).get("startedAt"))
        if began and migrates(snapshot.kind("Job").get(job), job) and not snapshot.logs.get((name_of(pod), status["name"])):
            yield pod, status, began


def database_doubtful(snapshot: Snapshot) -> bool:
    """True when a migration takes long enough for a look at the database itself."""
    quiet = any(snapshot.now - began > LOOK for _pod, _status, began in mute(snapshot))
    return quiet or any(snapshot.now - began > LOOK for _pod, _status, _version, began in open_migrations(snapshot))


def running(snapshot: Snapshot) -> Iterator[tuple[str, Object, Object]]:
    """(Job, pod, status of its own container) of the Jobs' pods in which it runs; init containers and injected ones are not meant."""
    for kind, job, pod in starting(snapshot):
        status = status_of(pod, asked_container(snapshot.kind("Job").get(job), pod)) if kind == "Job" else {}
        if "running" in (status.get("state") or {}):
            yield job, pod, status


@rule(250)
def kept_alive(snapshot: Snapshot) -> Iterator[Cause]:
    """A Job whose own container has ended, and another one in its pod has not: the Job cannot end before that one does."""
    for kind, job, pod in starting(snapshot):
        asked = asked_container(snapshot.kind("Job").get(job), pod) if kind == "Job" else ""
        end, keepers = end_of(status_of(pod, asked)), kept_by(pod, asked) if asked else []
        began = epoch(end.get("finishedAt")) or snapshot.now
        if keepers and snapshot.now - began >= PARTING:
            who = f"container {keepers[0]} is" if len(keepers) == 1 else f"containers {', '.join(keepers)} are"
            what = f"{who} still running, so Job/{job} does not complete: its container {asked} ended with exit code {end.get('exitCode')}"
            evidence = f"{keepers[0]} is running; {asked} ended: {end.get('reason') or 'Completed'}"
            yield cause("SidecarKeepsJob", snapshot, ref(pod), what, evidence, since=began, container=keepers[0])


@functools.lru_cache(maxsize=8)
def _stamp(text: str) -> float:
    """When the last JSON line was written."""
    field = '"timestamp":"'
    at = text.rfind(field, 0, text.rfind('"'))  # not one that the end of the text cuts
    written = text[at + len(field) :].partition('"')[0] if at >= 0 else ""
    try:
        return epoch(re.sub(r"(\.\d{6})\d*", r"\1", written))
    except ValueError:
        return 0.0


@rule(230)
def deleted_attempts(snapshot: Snapshot) -> Iterator[Cause]:
    """A Job's pod that somebody deleted: its event is the only trace."""
    for name, job in own(snapshot, "Job"):
        if finished(job) is not None:
            continue
        going = [p for p in job_pods(snapshot, name) if meta(p).get("deletionTimestamp")]
        made = [e for e in events_of(snapshot, "Job", name) if e.get("reason") == "SuccessfulCreate"]
        if going and not (job.get("spec") or {}).get("suspend"):
            what = f"a pod of Job/{name} is being deleted; the Job creates a replacement"
            evidence = f"attempt {len(made)} of the Job"
            yield cause("PodEvicted", snapshot, ref(going[-1]), what, evidence, since=epoch(meta(going[-1]).get("deletionTimestamp")), certainty=RETRYABLE)
