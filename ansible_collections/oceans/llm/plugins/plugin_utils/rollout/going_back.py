# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After a failed upgrade: may the old version keep serving, or even come back? Asked, never guessed.

A gateway refuses a database that is newer than itself, but only when it starts: the old pods serve on until somebody
restarts them. Whether the old image still fits is asked of the old image, by a one-off Job from the old ReplicaSet's own
template (`gateway migrate --check` changes nothing).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from ..gateway import log_words, one_off_job, one_off_run
from ..gateway.one_off_run import Answer
from ..kube import objects
from ..kube.client import ApiError, Cluster
from ..kube.objects import Object, component, meta
from . import statements
from .model import Snapshot, migrates, new_replicaset, replicasets

DEADLINE = 10  # seconds for the question
CHECK = ("migrate", "--check")


class Says(Enum):
    """What an image says of the database's schema."""

    FITS = "this image can run on the database's schema"
    REFUSES = "this image refuses the database's schema"
    MISSES = "the database lacks migrations of this image"
    UNKNOWN = "the image gives no answer"


def statement(cluster: Cluster, snapshot: Snapshot, ask: Callable[[Cluster, Mapping[str, Any], float], Answer] = one_off_run.ask) -> str:
    """One phrase about the old version; empty on a first install, or when this run had no migration to tell of."""
    old = old_replicaset(snapshot)
    jobs = [name for name in snapshot.scope.jobs if migrates(snapshot.kind("Job").get(name), name)]
    if old is None or not jobs:
        return ""
    found = log_words.migrations("\n".join(text or "" for name in jobs for _pod, text in statements.runs(snapshot, name)))
    tag = image_tag(old)
    if not found.committed:
        return f"the old version {tag} can still run on the database" if not found.open else ""
    try:
        body = one_off_job.job(_as_deployment(old, snapshot), CHECK, prefix=f"{snapshot.scope.release}-ask", component="ask-old", deadline=DEADLINE)
        answer = ask(cluster, body, DEADLINE)
    except (ApiError, KeyError) as error:
        return f"it is not known whether the old version {tag} can still run on the database ({error})"
    return judged(tag, found.version, answer)


def says(answer: Answer) -> Says:
    """What an image's answer to `migrate --check` means."""
    failure = log_words.parse(answer.text) if answer.code else None
    if answer.code == 0:
        return Says.FITS
    if failure and failure.code in ("ImageOlderThanDatabase", "MigrationHistoryForeign"):
        return Says.REFUSES
    return Says.MISSES if re.search(r"\d+ pending migrations", answer.text) else Says.UNKNOWN


def judged(tag: str, version: int, answer: Answer) -> str:
    """The same of an old image, as a phrase."""
    said, checked = says(answer), "(checked by a Job with its image)"
    if said is Says.FITS:
        return f"the old version {tag} can run on schema V{version} {checked}, so a rollback to this version is safe"
    if said is Says.REFUSES:
        cure = "do not restart or roll back its pods; deploy a newer version, or restore a backup"
        return f"the old version {tag} refuses schema V{version} {checked}: {cure}"
    if said is Says.MISSES:
        waits = "its running pods keep serving, but a restarted pod waits for those migrations"
        return f"the old version {tag} supports schema V{version}, but needs migrations that the database lacks {checked}: {waits}"
    return f"it is not known whether the old version {tag} can run on schema V{version} ({words_of(answer)})"


def words_of(answer: Answer) -> str:
    """The end of what was said, on one line."""
    failure = log_words.parse(answer.text) if answer.code else None
    return " ".join((failure.what if failure else log_words.last_line(answer.text) or f"exit code {answer.code}").split())[-200:]


def old_replicaset(snapshot: Snapshot) -> Object | None:
    """The ReplicaSet of the gateway that served before this run, the newest of them."""
    for name in snapshot.scope.deployments:
        deployment = snapshot.kind("Deployment").get(name) or {}
        newest = new_replicaset(snapshot, name)
        if component(deployment) != "gateway" or newest is None:
            continue
        old = [r for r in replicasets(snapshot, name) if meta(r).get("uid") != meta(newest).get("uid") and (r.get("spec") or {}).get("replicas")]
        return max(old, key=lambda r: meta(r).get("creationTimestamp") or "", default=None)
    return None


def image_tag(replicaset: Object) -> str:
    """`v0.23.0`, which is a version for the reader; the whole image when it has no tag."""
    image = str(replicaset["spec"]["template"]["spec"]["containers"][0].get("image") or "?")
    return objects.image_tag(image) or image.split("@", 1)[0]


def _as_deployment(replicaset: Object, snapshot: Snapshot) -> dict[str, Any]:
    """one_off_job takes a Deployment; of a ReplicaSet's labels those of its controller must not be on the Job's pod."""
    template = {**replicaset["spec"]["template"]}
    labels = {k: v for k, v in ((template.get("metadata") or {}).get("labels") or {}).items() if k != "pod-template-hash"}
    template["metadata"] = {**(template.get("metadata") or {}), "labels": labels}
    return {"metadata": {"namespace": snapshot.scope.namespace}, "spec": {"template": template}}
