# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rules look at and what they answer: Snapshot in, Cause out. Pure data and pure helpers."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..codes import Certainty
from ..kube.objects import Object, asked_container, claims, component, controlled_by, end_of, epoch, finished, has_been_seen, is_ready, meta, seen_at, status_of

REVISION = "deployment.kubernetes.io/revision"  # annotation of the Deployment controller on Deployment and ReplicaSet
HASH = "pod-template-hash"
INSTANCE_ROLE = "cnpg.io/instanceRole"  # label of CloudNativePG on its instances' pods
#: values of the component label of the Jobs that change the schema (the other two migrate first, too)
MIGRATING = ("migration", "bootstrap-admin", "seed-config")


@dataclass(frozen=True)
class Cause:
    """Why something does not continue.

    :ivar str code: stable name, see docs/causes.md.
    :ivar str object: ``Kind/name`` that the evidence is about.
    :ivar str cause: one sentence.  :ivar str evidence: the cluster's own words.  :ivar str hint: what to do.
    :ivar float budget: seconds that a transient cause is given, counted from `since` (server clock, epoch seconds).
    :ivar bool guess: nothing supports this cause yet. The cause counts only if a look completes its sentence with a fact.
    :ivar bool closed: a NetworkPolicy before the pod is named in the sentence.
    """

    code: str
    certainty: Certainty
    object: str
    cause: str
    evidence: str
    hint: str
    container: str = ""
    budget: float | None = None
    since: float = 0.0
    guess: bool = False
    closed: bool = False

    @property
    def line(self) -> str:
        """`CODE Kind/name container x: sentence`; a sentence that begins with the container does not repeat its name."""
        if not self.container:
            return f"{self.code} {self.object}: {self.cause}"
        said = re.sub(rf"^((?:init )?container) {re.escape(self.container)} ", r"the \1 ", self.cause)
        return f"{self.code} {self.object} container {self.container}: {said}"


@dataclass(frozen=True)
class Scope:
    """The release's own objects: Deployments, and Jobs (hook Jobs too), by name."""

    deployments: tuple[str, ...]
    jobs: tuple[str, ...]
    namespace: str
    release: str
    #: Secret -> ``Kind/name`` of the object of this release that an operator makes it from (ExternalSecret, Cluster)
    promised: Mapping[str, str] = field(default_factory=dict)
    #: (kind, name) of the release's custom resources that the rollout depends on
    custom: tuple[tuple[str, str], ...] = ()
    #: Services that send to the pods of the release
    services: tuple[str, ...] = ()
    #: revision of Helm that the rollout is of; 0: not known
    revision: int = 0
    #: False when somebody else made the change, perhaps long ago (role `wait`): what is not there now may have been
    ours: bool = True

    @property
    def has_cluster(self) -> bool:
        """True when CloudNativePG brings the database."""
        return any(kind == "Cluster" for kind, _name in self.custom)


@dataclass(frozen=True)
class Snapshot:
    """One picture of the namespace. `now` and `started` are the server's clock, epoch seconds."""

    now: float
    started: float
    objects: Mapping[str, Mapping[str, Object]]
    scope: Scope
    logs: Mapping[tuple[str, str], str] = field(default_factory=dict)
    #: seconds of the run in which the API server did not answer: no budget runs in them
    unknown: float = 0.0
    #: answers of the functions that are marked `once`, and of those that are marked `until_changed`: these are shared by all looks at the same objects
    known: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    shared: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def sharing(self, shared: dict[Any, Any]) -> Snapshot:
        """This look, with what earlier looks at the same objects in the same scope have worked out."""
        object.__setattr__(self, "shared", shared)
        return self

    def kind(self, kind: str) -> Mapping[str, Object]:
        return self.objects.get(kind) or {}


def once[*Names, R](function: Callable[[Snapshot, *Names], R]) -> Callable[[Snapshot, *Names], R]:
    """Worked out once for a Snapshot, which does not change."""

    @functools.wraps(function)
    def asked(snapshot: Snapshot, *names: *Names) -> R:
        known, key = snapshot.known, (function, names)
        try:
            return known[key]
        except KeyError:
            return known.setdefault(key, function(snapshot, *names))

    return asked


def until_changed[*Names, R](function: Callable[[Snapshot, *Names], R]) -> Callable[[Snapshot, *Names], R]:
    """Worked out once for all looks at the same objects: every rule asks for the same ReplicaSets and pods. The function must not read the time or a log."""

    @functools.wraps(function)
    def asked(snapshot: Snapshot, *names: *Names) -> R:
        known, key = snapshot.shared, (function, names)
        try:
            return known[key]
        except KeyError:
            return known.setdefault(key, function(snapshot, *names))

    return asked


@until_changed
def own(snapshot: Snapshot, kind: str) -> list[tuple[str, Object]]:
    """(name, object) of the release's own Deployments, Jobs or custom resources of one kind, as far as they exist."""
    scope = snapshot.scope
    names = {"Deployment": scope.deployments, "Job": scope.jobs}.get(kind) or [name for of, name in scope.custom if of == kind]
    objects = snapshot.kind(kind)
    return [(name, objects[name]) for name in names if name in objects]


@until_changed
def _by_controller(snapshot: Snapshot, kind: str) -> dict[str, list[Object]]:
    """uid of a controller -> its objects of one kind."""
    found: dict[str, list[Object]] = {}
    for obj in snapshot.kind(kind).values():
        for uid in {owner.get("uid") for owner in meta(obj).get("ownerReferences") or ()} - {None}:
            found.setdefault(uid, []).append(obj)
    return found


@until_changed
def _by_subject(snapshot: Snapshot) -> dict[tuple[Any, Any], list[Object]]:
    """(kind, name) -> the events about that object."""
    found: dict[tuple[Any, Any], list[Object]] = {}
    for event in snapshot.kind("Event").values():
        about = event.get("involvedObject") or {}
        found.setdefault((about.get("kind"), about.get("name")), []).append(event)
    return found


@until_changed
def new_replicaset(snapshot: Snapshot, deployment: str) -> Object | None:
    """The ReplicaSet of the Deployment's current template, as the Deployment controller finds it: by the template itself.

    None until the controller has seen this generation, and until it has created the ReplicaSet: with strategy Recreate that is only when
    the old pods have stopped, and the revision annotation names the old ReplicaSet until then.
    """
    owner = snapshot.kind("Deployment").get(deployment)
    if owner is None or not has_been_seen(owner):
        return None
    wanted = _template(owner)
    revision = (meta(owner).get("annotations") or {}).get(REVISION)
    known = sorted(replicasets(snapshot, deployment), key=lambda r: (meta(r).get("creationTimestamp") or "", meta(r).get("name") or ""))
    for candidate in known:
        same = _template(candidate) == wanted if wanted else bool(revision) and (meta(candidate).get("annotations") or {}).get(REVISION) == revision
        if same:
            return candidate
    return None


def _template(obj: Object) -> Mapping[str, Any]:
    """A pod template without the label by which the Deployment controller tells its ReplicaSets apart."""
    template = (obj.get("spec") or {}).get("template") or {}
    about = template.get("metadata") or {}
    labels = {k: v for k, v in (about.get("labels") or {}).items() if k != HASH}
    return {**template, "metadata": {**{k: v for k, v in about.items() if v}, "labels": labels}} if template else {}


def replicasets(snapshot: Snapshot, deployment: str) -> list[Object]:
    owner = snapshot.kind("Deployment").get(deployment)
    return _by_controller(snapshot, "ReplicaSet").get(meta(owner).get("uid") or "", []) if owner else []


@until_changed
def pods_of(snapshot: Snapshot, owner_uid: str | None) -> list[Object]:
    """The pods that one controller (ReplicaSet or Job) made, oldest first."""
    found = _by_controller(snapshot, "Pod").get(owner_uid or "", [])
    return sorted(found, key=lambda p: (meta(p).get("creationTimestamp") or "", meta(p).get("name") or ""))


def new_pods(snapshot: Snapshot, deployment: str) -> list[Object]:
    """Pods of the Deployment's current template, oldest first."""
    newest = new_replicaset(snapshot, deployment)
    return pods_of(snapshot, meta(newest).get("uid")) if newest else []


def old_pods(snapshot: Snapshot, deployment: str) -> list[Object]:
    """Pods of the Deployment's earlier ReplicaSets."""
    newest, owner = new_replicaset(snapshot, deployment), snapshot.kind("Deployment").get(deployment)
    if newest is None and (owner is None or not has_been_seen(owner)):
        return []
    earlier = (r for r in replicasets(snapshot, deployment) if newest is None or meta(r).get("uid") != meta(newest).get("uid"))
    return [p for r in earlier for p in pods_of(snapshot, meta(r).get("uid"))]


#: seconds: stamps of the API have no fractions, and the server's clock is known to half a second
STAMPS = 2.0


def made_in_this_run(obj: Object, snapshot: Snapshot) -> bool:
    made = epoch(meta(obj).get("creationTimestamp"))
    return bool(made) and made >= snapshot.started - STAMPS


def migrates(job: Object | None, name: str) -> bool:
    """True for a Job that changes the database's schema: by its label, else by its name."""
    label = component(job or {})
    return label in MIGRATING if label else name.endswith(("-migrate", "-migration", "-bootstrap-admin", "-seed-config"))


def job_pods(snapshot: Snapshot, job: str) -> list[Object]:
    found = snapshot.kind("Job").get(job)
    return pods_of(snapshot, meta(found).get("uid")) if found and meta(found).get("uid") else []


def succeeded(snapshot: Snapshot, job: str) -> bool:
    """True when a Job's own container has done its work, although a sidecar may still keep the Job from ending."""
    found = snapshot.kind("Job").get(job)
    if found is None or finished(found) is not None:
        return found is not None and finished(found) is True
    return any(end_of(status_of(pod, asked_container(found, pod))).get("exitCode") == 0 for pod in job_pods(snapshot, job))


@until_changed
def events_of(snapshot: Snapshot, kind: str, name: str) -> list[Object]:
    """Events about one object, oldest first."""
    return sorted(_by_subject(snapshot).get((kind, name), ()), key=seen_at)


def database_pods(snapshot: Snapshot) -> Iterator[tuple[str, str, Object]]:
    """("Cluster", name, pod) of what brings a CloudNativePG Cluster up: its instances, and its own Jobs' pods (initdb, join).

    None when the primary is ready: a standby that is late, or moves, stops no rollout.
    """
    for name, cluster in own(snapshot, "Cluster"):
        if not primary_ready(snapshot, cluster):
            uid = meta(cluster).get("uid")
            for owner in (uid, *(meta(j).get("uid") for j in snapshot.kind("Job").values() if controlled_by(j, uid))):
                yield from (("Cluster", name, pod) for pod in pods_of(snapshot, owner))


def primary_ready(snapshot: Snapshot, cluster: Object) -> bool:
    """True when the pod of a CloudNativePG Cluster's primary is ready."""
    return any((meta(p).get("labels") or {}).get(INSTANCE_ROLE) == "primary" and is_ready(p) for p in pods_of(snapshot, meta(cluster).get("uid")))


def set_up(snapshot: Snapshot) -> bool:
    """True unless CloudNativePG still creates or recovers a Cluster of the release: it is not ready and has no ready primary, and nobody can connect."""
    return all(is_ready(found) or primary_ready(snapshot, found) for _name, found in own(snapshot, "Cluster"))


@until_changed
def workers(snapshot: Snapshot) -> tuple[tuple[str, str, Object], ...]:
    """(kind, name, pod) of every pod that this rollout needs: of its database's Cluster, of the hook Jobs, of the new ReplicaSets."""
    of_jobs = (("Job", name, pod) for name in snapshot.scope.jobs for pod in job_pods(snapshot, name))
    return (*database_pods(snapshot), *of_jobs, *(("Deployment", name, pod) for name in snapshot.scope.deployments for pod in new_pods(snapshot, name)))


@until_changed
def starting(snapshot: Snapshot) -> tuple[tuple[str, str, Object], ...]:
    """The workers that are still on their way: not going away, not over."""
    going = (each for each in workers(snapshot) if not meta(each[2]).get("deletionTimestamp"))
    return tuple(each for each in going if (each[2].get("status") or {}).get("phase") not in ("Failed", "Succeeded"))


def since(event: Object, snapshot: Snapshot) -> float:
    """Since when this run knows what an event says: a repeated event may have begun long before the run."""
    first = epoch(event.get("firstTimestamp") or event.get("eventTime") or meta(event).get("creationTimestamp"))
    return max(first, snapshot.started)


def owner_of_pod(pod: Object, snapshot: Snapshot) -> tuple[str, str]:
    """("Job" or "Deployment", name) of the release that a pod belongs to; ("", "") when to none."""
    for job in snapshot.scope.jobs:
        if controlled_by(pod, meta(snapshot.kind("Job").get(job) or {}).get("uid")):
            return "Job", job
    for deployment in snapshot.scope.deployments:
        if any(controlled_by(pod, meta(r).get("uid")) for r in replicasets(snapshot, deployment)):
            return "Deployment", deployment
    return "", ""


def owner_of(cause: Cause, snapshot: Snapshot) -> tuple[str, str]:
    """("Job" or "Deployment", name) of the release that a cause's object belongs to; ("", "") when to none."""
    kind, _slash, name = cause.object.partition("/")
    if kind in ("Job", "Deployment"):
        return kind, name
    found = snapshot.kind(kind).get(name)
    if found is None:
        return "", ""
    if (kind, name) in snapshot.scope.custom:
        return kind, name
    for of, custom in snapshot.scope.custom:  # a CloudNativePG Cluster owns its pods, volume claims and Jobs, and these their pods
        uid = meta(snapshot.kind(of).get(custom) or {}).get("uid")
        if controlled_by(found, uid) or any(controlled_by(found, meta(j).get("uid")) for j in snapshot.kind("Job").values() if controlled_by(j, uid)):
            return of, custom
    if kind == "PersistentVolumeClaim":
        return next(((of, user) for of, user, pod in workers(snapshot) if name in claims(pod)), ("", ""))
    for deployment in snapshot.scope.deployments:
        if controlled_by(found, meta(snapshot.kind("Deployment").get(deployment) or {}).get("uid")):
            return "Deployment", deployment
    return owner_of_pod(found, snapshot)
