# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of the database and of the old pods: two statements that every last line carries. Pure.

Nothing is guessed. What a migration did is read from its Job's own output and, where that does not tell (RUST_LOG may silence
it, a pod may be gone), from the history in the database before and after (Facts, see database_look.py). "Unchanged" is only
said with a proof: no pod ran, the program says that it never came that far, or the history is the same as before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .. import playbooks
from ..gateway import log_words
from ..kube.objects import Object, asked_container, epoch, finished, is_ready, meta, status_of, terminated
from .model import STAMPS, Snapshot, job_pods, migrates, replicasets, succeeded

#: ends of the program before its first migration: over its configuration, or over the history that it finds
BEFORE_ANY = (
    "GatewayConfigInvalid",
    "GatewayVariableMissing",
    "GatewayReferenceInvalid",
    "DatabaseForeign",
    "ImageOlderThanDatabase",
    "MigrationHistoryForeign",
)
#: words of an end at the door of the database, whatever the reason: without a connection there is no migration
NO_CONNECTION = re.compile(r"failed opening \w+ connection pool")


@dataclass(frozen=True)
class History:
    """Versions in the database before the migration and now; None: not known. `why`: for which reason."""

    before: frozenset[int] | None = None
    now: frozenset[int] | None = None
    why: str = ""

    @property
    def committed(self) -> tuple[int, ...] | None:
        return None if self.before is None or self.now is None else tuple(sorted(self.now - self.before))

    @property
    def at(self) -> str:
        return f"at V{max(self.now)}" if self.now else "without a schema"


def database(snapshot: Snapshot) -> str:
    """One phrase about the database."""
    jobs = _jobs(snapshot)
    if not jobs:
        return "database: no migration in this run"
    known = [run for name in jobs for run in runs(snapshot, name)]
    history = _history(snapshot, jobs)
    texts = [text for _pod, text in known if text]
    over, by = _over(snapshot, jobs), "in this run" if snapshot.scope.ours else "by this release's Job"
    told = log_words.migrations("\n".join(texts))
    if told.begun or told.committed or told.rolled_back or told.pending:
        return _told(told, history, over, by)
    if not known and not _has_run(snapshot, jobs):
        return _never_ran(snapshot, jobs, history)
    if history.committed is not None:
        return _by_history(history, over, by)
    if known and all(text and _before_any(text) for _pod, text in known):
        return "database unchanged: no migration began"
    if history.now is not None:
        return f"database {history.at}; it is not known whether this run migrated the database"
    if told.applied:
        return f"database at V{told.version}; it is not known whether this run migrated the database ({_unasked(history)})"
    return f"database state unknown: the log of the migration does not show it, and {_unasked(history)} (to find out: {playbooks.command('migrations')})"


def told_by_logs(snapshot: Snapshot) -> bool:
    """True when the history need not be asked: no migration ran, or its log names what it did."""
    jobs = _jobs(snapshot)
    texts = [text or "" for name in jobs for _pod, text in runs(snapshot, name)]
    if not texts:
        return not may_have_run(snapshot)
    told = log_words.migrations("\n".join(texts))
    return bool(told.committed) and not told.open and _over(snapshot, jobs)


def may_have_run(snapshot: Snapshot) -> bool:
    """False: no container of a migration has been started. What somebody else changed may be gone by now."""
    jobs = _jobs(snapshot)
    return any(True for name in jobs for _run in runs(snapshot, name)) or _has_run(snapshot, jobs) or bool(jobs and not snapshot.scope.ours)


def _jobs(snapshot: Snapshot) -> list[str]:
    return [name for name in snapshot.scope.jobs if migrates(snapshot.kind("Job").get(name), name)]


def _has_run(snapshot: Snapshot, jobs: list[str]) -> bool:
    """By the Job's own counts: its pods may be gone."""
    states = [snapshot.kind("Job").get(name, {}).get("status") or {} for name in jobs]
    counted = any(s.get("succeeded") or s.get("failed") or (s.get("uncountedTerminatedPods") or {}).get("failed") for s in states)
    return counted or any(finished(snapshot.kind("Job")[name]) for name in jobs if name in snapshot.kind("Job"))


def _history(snapshot: Snapshot, jobs: list[str]) -> History:
    """What was read before counts only when that was before the first container of the migration began."""
    facts = snapshot.kind("Facts").get("database") or {}
    before, now = facts.get("history_before"), facts.get("history_now")
    found = [(snapshot.kind("Job").get(name), pod) for name in jobs for pod in job_pods(snapshot, name)]
    starts = [_started(status_of(pod, asked_container(job, pod)) or {}) for job, pod in found]
    late = any(start and start < (facts.get("before_at") or 0.0) for start in starts) or not snapshot.scope.ours and not any(starts)
    known = None if before is None or late else frozenset(before)
    return History(known, None if now is None else frozenset(now), facts.get("unasked") or "")


def _started(status: Object) -> float:
    state = status.get("state") or {}
    begun = [(state.get(kind) or {}).get("startedAt") for kind in ("running", "terminated")]
    return min((epoch(stamp) for stamp in begun if stamp), default=0.0)


def _never_ran(snapshot: Snapshot, jobs: list[str], history: History) -> str:
    made = [n for n in jobs if n in snapshot.kind("Job")]
    if not snapshot.scope.ours and not made:
        if history.now is not None:
            return f"database {history.at} (the migration Job of this release was deleted after its TTL)"
        return f"database state unknown: the migration Job of this release was deleted after its TTL (to find out: {playbooks.command('migrations')})"
    return "database unchanged: the migration never started"


def _by_history(history: History, over: bool, by: str) -> str:
    if not history.committed:
        return f"database {history.at}, no migration was pending" if over else f"database unchanged: {history.at}"
    return f"database {history.at} ({_span(history.committed)} committed {by})" + ("" if over else "; not all migrations were finished")


def _before_any(text: str) -> bool:
    found = log_words.parse(text)
    return found is not None and (found.code in BEFORE_ANY or bool(NO_CONNECTION.search(text)))


def _unasked(history: History) -> str:
    return f"the database could not be queried: {history.why}" if history.why else "the database was not queried"


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
    return all(succeeded(snapshot, n) for n in jobs if n in snapshot.kind("Job"))


def _told(found: log_words.Migrations, history: History, over: bool, by: str) -> str:
    """What the log lines of all attempts together say, and the history: each knows of commits that the other does not. The log may end early,
    and the history may have been read before the end."""
    committed = tuple(sorted({*(history.committed or ()), *(v for v, _name in found.committed)}))
    version = max((*history.now, *committed)) if history.now else found.version
    at, done = f"database at V{version}" if version else "", f"{_span(committed)} committed {by}" if committed else ""
    failed = [v for v in found.rolled_back if v not in found.committed and v[0] not in (history.now or ())]
    still = [v for v in found.open if v[0] not in (history.now or ())]
    if failed:
        said = f"database: migration V{failed[-1][0]} {failed[-1][1]} was rolled back, {at or 'still at the version before it'}"
        return said + (f" ({done})" if done else "")
    if still:
        before = at or "this run committed no migration, so the schema is still at the version before that"
        return f"database: migration V{still[-1][0]} {still[-1][1]} began and was not committed; PostgreSQL rolls it back when the client disconnects; {before}"
    if committed:
        return f"{at} ({done})" + ("" if over else "; not all migrations were finished")
    if found.pending:
        return f"{at}, {len(found.pending)} migrations pending" if at else f"database empty, {len(found.pending)} migrations pending"
    return at


def _span(versions: tuple[int, ...]) -> str:
    first, last = versions[0], versions[-1]
    return f"V{first}–V{last}" if 1 < len(versions) == last - first + 1 else ", ".join(f"V{v}" for v in versions)


def old_pods_statement(snapshot: Snapshot) -> str:
    """How many pods that were there before the run still serve, and what they run. `old` is what was made before this run."""
    parts, any_old = [], False
    for name in snapshot.scope.deployments:
        old = [p for p in _all_pods(snapshot, name) if _made_before(p, snapshot)]
        any_old = any_old or bool(old) or _made_before(snapshot.kind("Deployment").get(name) or {}, snapshot)
        serving = [p for p in old if is_ready(p) and not meta(p).get("deletionTimestamp")]
        if serving:
            images = ", ".join(sorted({_image(p) for p in serving}))
            parts.append(f"{len(serving)} of Deployment/{name} still serve{'' if len(serving) > 1 else 's'} ({images})")
        elif old:
            parts.append(f"none of Deployment/{name} serves ({len(old)} exist{'' if len(old) > 1 else 's'})")
    if parts:
        return f"old pods: {'; '.join(parts)}"
    if any_old:
        return "old pods: none exists any more"
    return f"no old pods{': this is the first install' if snapshot.scope.ours else ''}{_kept(snapshot)}"


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
