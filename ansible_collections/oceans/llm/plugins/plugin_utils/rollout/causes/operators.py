# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators that the release waits for: External Secrets and CloudNativePG. Their conditions say little, their events more."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from ...codes import RETRYABLE, SHOWN
from ...gateway.innermost import innermost
from ...kube.objects import Object, age, condition, containers, controlled_by, epoch, finished, is_ready, meta, name_of, seen_at, terminated
from ..model import Cause, Snapshot, events_of, own, pods_of, primary_ready, since
from .cause import cause, rule

#: an ExternalSecret that fails for one of these will not get better by waiting
_FINAL = re.compile(
    r"Secret does not exist|does not exist|key .* not found|could not get (Cluster)?SecretStore .* not found|"
    r"is forbidden|permission ?denied|AccessDenied|InvalidProviderConfig|target is owned|not authorized|StatusCode=403|"
    r"can't find the specified secret|ResourceNotFound|ParameterNotFound|code = NotFound|SecretNotFound|"
    r"marked for deletion|key not found|cannot find secret data for key|could not execute template|map has no entry",
    re.IGNORECASE,
)
#: of those, what the provider says when it forbids the access
_DENIED = re.compile(r"permission ?denied|AccessDenied|not authorized|StatusCode=403", re.IGNORECASE)
#: phases of a Cluster that no waiting ends (CloudNativePG's API): a person, an image catalog, a plugin or disk space is missing
_STUCK = (
    *("Cluster is unrecoverable", "Cluster cannot proceed", "Cluster has incomplete or invalid image catalog", "Not enough disk space"),
    *("Unable to create required cluster objects", "Waiting for user action"),
)
#: what to do then
_MAY_READ = "give the identity of the secret store (its role, policy or service account) the permission to read the key: kubectl -n"
#: seconds that such a phase is given: the catalog or plugin may be created beside the Cluster
_STUCK_FOR = 60.0
#: seconds after which a new ExternalSecret that still fails so is believed: a store may be applied beside it
_SETTLE = 3.0
#: seconds after which an object without any status is taken for one that no operator has looked at
_IGNORED = 5.0
#: what stands in Cluster.status.targetPrimary while CloudNativePG still has to choose (its API, PendingFailoverMarker)
_UNDECIDED = "pending"
#: phases of a Cluster whose primary changes (CloudNativePG's API, PhaseFailOver and PhaseSwitchover); they begin before it is known
#: where to, and end after it was said that it is there
_MOVES = ("Failing over", "Switchover in progress")


@rule(40)
def external_secrets(snapshot: Snapshot) -> Iterator[Cause]:
    for name, found in own(snapshot, "ExternalSecret"):
        ready = condition(found, "Ready")
        if ready.get("status") == "True":
            continue
        told = [e for e in events_of(snapshot, "ExternalSecret", name) if e.get("reason") in ("UpdateFailed", "InvalidStoreRef", "ValidationFailed")]
        text = (told[-1].get("message") if told else "") or (ready.get("message") if ready.get("status") == "False" else "") or ""
        if not text:
            if not found.get("status") and age(found, snapshot.now) > _IGNORED:
                made, hint = snapshot.now - age(found, snapshot.now), _running("external-secrets")
                yield cause("ExternalSecretRetrying", snapshot, f"ExternalSecret/{name}", _NOBODY, "the object has no status", since=made, hint=hint)
            continue
        begun = min((since(e, snapshot) for e in told), default=max(epoch(ready.get("lastTransitionTime")), snapshot.started))
        if _FINAL.search(text):
            code, budget = "ExternalSecretFailed", None
            if snapshot.now - begun < _SETTLE:
                code, budget = "ExternalSecretRetrying", _SETTLE
        else:
            code, budget = "ExternalSecretRetrying", None
        what = f"External Secrets Operator cannot create the Secret of ExternalSecret {name}{' yet' if code.endswith('Retrying') else ''}: {_reason(text)}"
        hint = f"{_MAY_READ} {snapshot.scope.namespace} describe externalsecret {name}" if _DENIED.search(text) else ""
        yield cause(code, snapshot, f"ExternalSecret/{name}", what, text, since=begun, budget=budget, hint=hint)


def _reason(text: str) -> str:
    """The provider's own words, without the operator's path to them."""
    words = " ".join(text.rsplit("err: ", 1)[-1].split())
    return words if len(words) <= 160 else innermost(words)


#: an object of a release that its operator has not touched
_NOBODY = "no operator has acted on the object yet"


def _running(name: str) -> str:
    return f"check that the operator {name} is running: kubectl get deployment -A -l app.kubernetes.io/name={name}"


@rule(50)
def postgres_clusters(snapshot: Snapshot) -> Iterator[Cause]:
    for name, found in own(snapshot, "Cluster"):
        status = found.get("status") or {}
        target = status.get("targetPrimary")
        if status.get("currentPrimary") and target not in (None, "", status["currentPrimary"]):
            yield _moving(snapshot, name, status)
        elif status.get("phase") not in _MOVES and not is_ready(found):
            yield _coming_up(snapshot, name, found)


def _coming_up(snapshot: Snapshot, name: str, found: Object) -> Cause:
    status, where = found.get("status") or {}, f"Cluster/{name}"
    phase, begun = status.get("phase") or "", max(snapshot.now - age(found, snapshot.now), snapshot.started)
    if not phase and age(found, snapshot.now) > _IGNORED:
        return cause("PostgresClusterWaits", snapshot, where, _NOBODY, "the object has no status", since=begun, hint=_running("cloudnative-pg"))
    tries, last = _set_up(snapshot, found)
    over = [j for j in snapshot.kind("Job").values() if controlled_by(j, meta(found).get("uid")) and finished(j) is False]
    if tries > 1 or (over and phase == "Setting up primary"):  # the operator does not repeat a Job that has failed
        last = last or f"Job/{name_of(over[0])} has failed"
        what = f"CloudNativePG cannot set up the database: {last}"
        return cause("PostgresClusterFailed", snapshot, where, what, status.get("phaseReason") or phase, since=snapshot.now)
    told = [e for e in events_of(snapshot, "Cluster", name) if e.get("type") == "Warning"]
    if primary_ready(snapshot, found):
        wanted = (found.get("spec") or {}).get("instances") or status.get("instances") or 1
        what = f"the primary instance is ready; {status.get('readyInstances') or 1} of {wanted} PostgreSQL instances are ready: {phase}"
        return cause("PostgresClusterWaits", snapshot, where, what, status.get("phaseReason") or phase, since=begun, certainty=SHOWN)
    if phase.startswith(_STUCK):
        what, why = f"CloudNativePG cannot set up the database: {phase}", status.get("phaseReason") or phase
        budget = None if phase.startswith(_STUCK[0]) else _STUCK_FOR
        return cause("PostgresClusterFailed", snapshot, where, what, why, since=begun, certainty=RETRYABLE if budget else None, budget=budget)
    text = (max(told, key=seen_at).get("message") if told else "") or status.get("phaseReason") or phase or "the Cluster has no status yet"
    failed = f"; the first set-up failed and CloudNativePG retries: {last}" if tries else ""
    return cause(
        "PostgresClusterWaits", snapshot, where, f"CloudNativePG is still setting up the database: {phase or 'no phase yet'}{failed}", text, since=begun
    )


def _moving(snapshot: Snapshot, name: str, status: Object) -> Cause:
    """A switchover or failover: sessions end, and what they had not committed is rolled back."""
    now, target = status.get("currentPrimary"), status.get("targetPrimary")
    way = f"away from {now}" if target == _UNDECIDED else f"from {now} to {target}"
    what = f"the primary moves {way}; PostgreSQL rolls back a running migration, and its Job retries"
    evidence = status.get("phaseReason") or status.get("phase") or ""
    return cause("PostgresPrimaryMoves", snapshot, f"Cluster/{name}", what, evidence, since=max(epoch(status.get("targetPrimaryTimestamp")), snapshot.started))


def _set_up(snapshot: Snapshot, cluster: Object) -> tuple[int, str]:
    """How often the pods of the Cluster's own Jobs (initdb, join) have failed, and what the last one said: the Cluster's status does not tell."""
    own = [j for j in snapshot.kind("Job").values() if controlled_by(j, meta(cluster).get("uid"))]
    failed = [p for j in own for p in pods_of(snapshot, meta(j).get("uid")) if (p.get("status") or {}).get("phase") == "Failed"]
    if not failed:
        return 0, ""
    newest_first = sorted(failed, key=lambda p: (meta(p).get("creationTimestamp") or "", name_of(p)), reverse=True)
    ended = ((name_of(p), status["name"]) for p in newest_first for status, _init in containers(p) if terminated(status).get("exitCode"))
    texts = (snapshot.logs[key] for key in ended if snapshot.logs.get(key, "").strip())
    return len(failed), said(next(texts, "")) or f"Pod/{name_of(newest_first[0])} failed"


#: what the instance manager says of a program that it ran, and a program's own words for an error
_EXIT, _ERROR = re.compile(r"exit status \d+$"), re.compile(r"\b(?:ERROR|FATAL|PANIC|error):? ")


def said(text: str) -> str:
    """The last error of a log of CloudNativePG's instance manager, which writes JSON lines; else its last line.

    Of a program that it ran (initdb, pg_ctl, barman) it says `exit status 1`; the program's own words are in lines of the level info.
    """
    lines, poor = [line.strip() for line in text.splitlines() if line.strip()], ""
    for line in reversed(lines):
        try:
            told = json.loads(line)
        except ValueError:
            continue
        if not isinstance(told, dict):
            continue
        if told.get("level") in ("error", "fatal") and (error := str(told.get("err") or told.get("error") or "")):
            if not _EXIT.search(error):
                return error
            poor = poor or error
        elif told.get("pipe") and _ERROR.search(words := str(told.get("msg") or "")):
            return innermost(words[_ERROR.search(words).start() :])  # type: ignore[union-attr]
    return poor or (lines[-1] if lines else "")
