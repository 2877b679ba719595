# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The evidence folder of one run: what was seen, for people and for programs. Everything goes through the redactor.

report.json (stable codes), report.html (one file, opens anywhere), events.json, objects.json, logs/POD.CONTAINER.log,
and stream.jsonl.gz (tape.py): the whole run, to be judged again.
"""

from __future__ import annotations

import datetime
import functools
import gzip
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..helm.releases import Release
from ..kube.objects import Object, epoch, meta, seen_at, stamp
from ..secrets.redact import Redactor
from . import report_page
from .follow import Outcome, as_dict
from .model import STAMPS, Snapshot, since

VERSION = 1  # of report.json; grows when a field changes its meaning


@dataclass(frozen=True)
class Run:
    """What a report is made of."""

    outcome: Outcome
    release: Release
    line: str
    result: Mapping[str, Any]
    host: str


class Incomplete(OSError):
    """The folder :attr:`path` was begun and could not be finished."""

    def __init__(self, path: str, error: OSError) -> None:
        super().__init__(error.strerror or str(error))
        self.path = path


def write(folder: str, run: Run, clean: Redactor) -> str:
    """Write the folder of this run below `folder`; returns its path. :raises OSError: when it cannot be written; Incomplete: not all of it."""
    snapshot = run.outcome.snapshot
    began = datetime.datetime.fromtimestamp(snapshot.now, datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    base = os.path.join(os.path.expanduser(folder), _safe(f"{run.host}-{snapshot.scope.namespace}-{snapshot.scope.release}-{began}"))
    path, number = base, 2
    while os.path.exists(path):
        path, number = f"{base}-{number}", number + 1
    os.makedirs(path, mode=0o700)
    try:
        _fill(path, run, clean)
    except OSError as error:  # a full disk
        raise Incomplete(path, error) from error
    return path


def _fill(path: str, run: Run, clean: Redactor) -> None:
    """What says most comes first: the rest may not fit."""
    snapshot, once = run.outcome.snapshot, functools.cache(clean)  # most texts of many pods are the same
    body = _dump(as_json(run), once)
    _put(path, "report.json", body)
    _put(path, "report.html", report_page.render(json.loads(body)))
    _put(path, "events.json", _dump([_event(e, snapshot) for e in _events(snapshot)], once))
    _put(path, "objects.json", _dump(_objects(snapshot), once))
    os.mkdir(os.path.join(path, "logs"), mode=0o700)
    for (pod, container), text in snapshot.logs.items():
        if text:
            _put(path, os.path.join("logs", _safe(f"{pod}.{container}.log")), clean(text))
    _put_packed(path, "stream.jsonl.gz", run.outcome.tape.lines(lambda data: _cleaned(_bare(data), once), clean.known()))


def as_json(run: Run) -> dict[str, Any]:
    """The machine-readable report."""
    outcome, snapshot = run.outcome, run.outcome.snapshot
    return {
        "version": VERSION,
        "cluster": run.host,
        "namespace": snapshot.scope.namespace,
        "release": snapshot.scope.release,
        "chart": run.release.chart,
        "revision": run.release.revision,
        "plan": dict(run.result.get("plan") or {}),
        "state": outcome.state.value,
        "outcome": run.result.get("outcome", ""),
        "code": outcome.cause.code if outcome.cause else "",
        "line": run.line,
        "started": stamp(snapshot.started),
        "seconds": round(outcome.seconds, 1),
        "first_signal_seconds": outcome.first_signal,
        "version_served": run.result.get("version_served", ""),
        "verified": run.result.get("verified", ""),
        "cause": as_dict(outcome.cause),
        "causes": [as_dict(c) for c in outcome.causes],
        "database": outcome.database,
        "old_pods": outcome.old_pods,
        "fenced": outcome.fenced,
        "not_fenced": outcome.not_fenced,
        "helm": outcome.helm,
        "timeline": [{"seconds": s, "line": line} for s, line in outcome.timeline],
        "spans": list(spans(snapshot)),
        "events": [{"seconds": round(max(0.0, seen_at(e) - snapshot.started), 1), **_event(e, snapshot)} for e in _events(snapshot)],
        "logs": {f"{pod} {container}": text.splitlines()[-12:] for (pod, container), text in snapshot.logs.items() if text},
    }


def spans(snapshot: Snapshot) -> Iterator[dict[str, Any]]:
    """What each object did when: {object, phase, from, to}, seconds since the start of the run."""
    for kind in ("Job", "Pod"):
        for name, obj in sorted(snapshot.kind(kind).items(), key=lambda item: meta(item[1]).get("creationTimestamp") or ""):
            made = epoch(meta(obj).get("creationTimestamp"))
            if not made or made < snapshot.started - STAMPS:
                continue
            for phase, begin, end in (_job if kind == "Job" else _pod)(obj, made, snapshot.now):
                if end > begin or not phase.startswith("waits"):  # stamps have whole seconds: a run may begin and end in one
                    seconds = {"from": round(max(0.0, begin - snapshot.started), 1), "to": round(end - snapshot.started, 1)}
                    yield {"object": f"{kind}/{name}", "phase": phase, **seconds}


def _job(job: Object, made: float, now: float) -> Iterator[tuple[str, float, float]]:
    ends = {c["type"]: epoch(c.get("lastTransitionTime")) for c in (job.get("status") or {}).get("conditions") or () if c.get("status") == "True"}
    end = ends.get("Complete") or ends.get("Failed")
    yield ("complete" if "Complete" in ends else "failed" if "Failed" in ends else "running"), made, end or now


def _pod(pod: Object, made: float, now: float) -> Iterator[tuple[str, float, float]]:
    """A Job's pod is "ready" as soon as it runs, which means nothing."""
    status, of_job = pod.get("status") or {}, any(o.get("kind") == "Job" for o in meta(pod).get("ownerReferences") or ())
    since_when = {c.get("type"): epoch(c.get("lastTransitionTime")) for c in status.get("conditions") or () if c.get("status") == "True"}
    ready = 0.0 if of_job else since_when.get("Ready", 0.0)
    scheduled = since_when.get("PodScheduled", 0.0)
    yield "waits for a node", made, scheduled or now
    if not scheduled:
        return
    at = scheduled
    for container in [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]:
        state = container.get("state") or {}
        run = state.get("running") or state.get("terminated") or (container.get("lastState") or {}).get("terminated") or {}
        begin = epoch(run.get("startedAt"))
        if not begin:
            yield f"{container['name']}: {(state.get('waiting') or {}).get('reason') or 'starting'}", at, now
            return  # what comes after it waits for it
        if begin - at > 1:
            yield f"{container['name']}: image and volumes", at, begin
        end = epoch(run.get("finishedAt")) or (ready if ready > begin else now)
        failed = run.get("exitCode")
        yield f"{container['name']}: {'failed' if failed else 'running'}", begin, end
        at = max(at, end)
    if ready:
        yield "ready", ready, now


def _events(snapshot: Snapshot) -> list[Mapping[str, Any]]:
    return sorted(snapshot.kind("Event").values(), key=seen_at)


def _event(event: Mapping[str, Any], snapshot: Snapshot) -> dict[str, Any]:
    about = event.get("involvedObject") or {}
    seen = {"count": event.get("count") or 1, "since": stamp(since(event, snapshot)), "last": stamp(seen_at(event))}
    return {"object": f"{about.get('kind')}/{about.get('name')}", **{key: event.get(key) for key in ("type", "reason", "message")}, **seen}


def _objects(snapshot: Snapshot) -> dict[str, Any]:
    """All states but the events; managedFields and values of variables say nothing that a reader needs."""
    return {kind: {name: _bare(obj) for name, obj in found.items()} for kind, found in snapshot.objects.items() if kind not in ("Event", "SecretKeys", "Facts")}


def _bare(data: Any) -> Any:
    if isinstance(data, Mapping):
        variable = "name" in data and "value" in data and len(data) == 2
        return {k: "(hidden)" if variable and k == "value" else _bare(v) for k, v in data.items() if k != "managedFields"}
    return [_bare(v) for v in data] if isinstance(data, (list, tuple)) else data


def _dump(data: Any, clean: Callable[[str], str]) -> str:
    """JSON in which every text went through the redactor before it was escaped."""
    return json.dumps(_cleaned(data, clean), indent=1, ensure_ascii=False, default=str) + "\n"


def _cleaned(data: Any, clean: Callable[[str], str]) -> Any:
    if isinstance(data, str):
        return clean(data)
    if isinstance(data, Mapping):
        return {str(k): _cleaned(v, clean) for k, v in data.items()}
    return [_cleaned(v, clean) for v in data] if isinstance(data, (list, tuple)) else data


def _put(folder: str, name: str, text: str) -> None:
    with open(os.open(os.path.join(folder, name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def _put_packed(folder: str, name: str, lines: Iterable[str]) -> None:
    descriptor = os.open(os.path.join(folder, name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file, gzip.GzipFile(fileobj=file, mode="wb", filename="", mtime=0) as packed:
        for line in lines:
            packed.write(f"{line}\n".encode())


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name)
