# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of the database and of the old pods: two statements that every last line carries. Pure.

Nothing is guessed. The database's state is read from the migration Job's own output; where that is not there, the
statement says so and how to ask.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..gateway import log_words
from ..kube.objects import Object, asked_container, epoch, meta, status_of, terminated
from . import progress
from .model import STAMPS, Snapshot, job_pods, migrates, replicasets

ASK = "ask: gateway migrate --status"


def database(snapshot: Snapshot) -> str:
    """One phrase about the database."""
    jobs = [name for name in snapshot.scope.jobs if migrates(snapshot.kind("Job").get(name), name)]
    if not jobs:
        return "database: no migration in this run"
    known = {n: list(runs(snapshot, n)) for n in jobs}
    texts = [text for name in jobs for _pod, text in known[name] if text]
    if texts:
        return _told("\n".join(texts), over=_over(snapshot, jobs), by="in this run" if snapshot.scope.ours else "by this release's Job")
    if any(known.values()) and all(text is not None for name in jobs for _pod, text in known[name]):
        return "database not touched: the migration has not said a word, so none began"
    if not any(known.values()):
        made = [n for n in jobs if n in snapshot.kind("Job")]
        gone = made and all(progress.finished(snapshot.kind("Job")[n]) for n in made)
        if gone:
            return "database: migrated (the log is gone)"
        if not snapshot.scope.ours and not made:
            return f"database unknown: this release's migration Job is gone, as its TTL wants it ({ASK})"
        return "database not touched: the migration never started"
    return f"database unknown: the migration ran, its log could not be read ({ASK})"


def runs(snapshot: Snapshot, job: str) -> Iterator[tuple[str, str | None]]:
    """(pod, log) of a Job's own container in every pod that has run, this run's pods that are gone included (their logs were kept).

    A log is None when it was not read, and empty when it was and said nothing.
    """
    seen, found = set(), snapshot.kind("Job").get(job)
    for pod in job_pods(snapshot, job):
        asked = asked_container(found, pod)
        status = status_of(pod, asked)
        seen.add(meta(pod)["name"])
        if "running" in (status.get("state") or {}) or terminated(status):
            yield meta(pod)["name"], snapshot.logs.get((meta(pod)["name"], asked))
    own = asked_container(found, {})
    for (pod_name, container), text in snapshot.logs.items():
        if pod_name not in seen and pod_name.rsplit("-", 1)[0] == job and container == (own or container):
            yield pod_name, text


def _over(snapshot: Snapshot, jobs: list[str]) -> bool:
    return all(progress.finished(snapshot.kind("Job")[n]) is True for n in jobs if n in snapshot.kind("Job"))


def _told(text: str, over: bool, by: str) -> str:
    """What the log lines of all attempts together say."""
    found = log_words.migrations(text)
    done = f"{_span(found.committed)} committed {by}" if found.committed else ""
    if found.rolled_back and not set(found.rolled_back) <= set(found.committed):
        failed = next(v for v in reversed(found.rolled_back) if v not in found.committed)
        return f"database: V{failed[0]} {failed[1]} rolled back, {_at(found) or 'still at the version before it'}" + (f" ({done})" if done else "")
    if found.open:
        version, name = found.open[-1]
        before = _at(found) or "nothing was committed in this run, it is at the version before that"
        return f"database: V{version} {name} began and did not commit, the server rolls it back when its client is gone; {before}"
    if found.committed:
        return f"database at V{found.version} ({done})" + ("" if over else "; the migration was not finished")
    if found.applied and not found.pending:
        return f"database at V{found.version}, nothing was to be migrated"
    if found.pending:
        return (
            f"database at V{found.version}, {len(found.pending)} migrations pending"
            if found.version
            else f"database empty, {len(found.pending)} migrations pending"
        )
    if log_words.parse(text) is not None:
        return "database not touched: no migration began"
    return f"database: the migration's log tells no version ({ASK})" if not over else "database: the migration is done"


def _at(found: log_words.Migrations) -> str:
    return f"database at V{found.version}" if found.version else ""


def _span(versions: tuple[tuple[int, str], ...]) -> str:
    numbers = [v for v, _name in versions]
    return f"V{numbers[0]}" if len(numbers) == 1 else f"V{min(numbers)}–V{max(numbers)} ({len(numbers)})"


def old_pods_statement(snapshot: Snapshot) -> str:
    """How many pods that were there before the run still serve, and what they run. `old` is what was made before this run."""
    parts, any_old = [], False
    for name in snapshot.scope.deployments:
        old = [p for p in _all_pods(snapshot, name) if _made_before(p, snapshot)]
        any_old = any_old or bool(old) or _made_before(snapshot.kind("Deployment").get(name) or {}, snapshot)
        serving = [p for p in old if progress.is_ready(p) and not meta(p).get("deletionTimestamp")]
        if serving:
            parts.append(f"{len(serving)} of {name} still serve{'' if len(serving) > 1 else 's'} ({', '.join(sorted({_image(p) for p in serving}))})")
        elif old:
            parts.append(f"none of {name} serves ({len(old)} there)")
    if parts:
        return f"old pods: {'; '.join(parts)}"
    return "old pods: none left" if any_old else f"no old pods: this is the first install{_kept(snapshot)}"


def _kept(snapshot: Snapshot) -> str:
    """Nothing that a first install made is removed when it fails; of a database one wants to be told."""
    there = [name for kind, name in snapshot.scope.custom if kind == "Cluster" and name in snapshot.kind("Cluster")]
    return "".join(f"; Cluster/{name} and its volumes are kept" for name in there)


def _all_pods(snapshot: Snapshot, deployment: str) -> Iterator[Object]:
    owners = {meta(r).get("uid") for r in replicasets(snapshot, deployment)}
    return (p for p in snapshot.kind("Pod").values() if any(o.get("uid") in owners for o in meta(p).get("ownerReferences") or ()))


def _made_before(obj: Object, snapshot: Snapshot) -> bool:
    made = epoch(meta(obj).get("creationTimestamp"))
    return bool(made) and made < snapshot.started - STAMPS


def _image(pod: Object) -> str:
    """The tag of a pod's main container, which is its version for the reader."""
    specs = (pod.get("spec") or {}).get("containers") or [{}]
    image = str(specs[0].get("image") or "?")
    return image.rsplit("/", 1)[-1].split("@", 1)[0]
