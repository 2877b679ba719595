# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watches into one picture of a namespace: what the rules look at.

One thread per kind lists once and then watches from that version on, for as long as it takes. A dropped stream, 410,
429, 5xx and an API that is away are normal here: the thread tries again and says since when it knows nothing.
Where `watch` is forbidden it lists every few seconds instead.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from ..kube import paths
from ..kube.client import ApiError, Cluster
from ..kube.objects import seen_at
from ..secrets.redact import Redactor
from .log_text import Backlog, Cleaned

#: kind -> plural; Events last, so that what they speak of is known
KINDS = {
    "Deployment": "deployments",
    "ReplicaSet": "replicasets",
    "Pod": "pods",
    "Job": "jobs",
    "PersistentVolumeClaim": "persistentvolumeclaims",
    "Event": "events",
}
POLL = 2.0  # seconds between two lists where watch is forbidden
RETRY = (0.2, 5.0)  # first and longest pause after a lost connection, seconds
REFUSED_FOR = 5.0  # seconds that a 401 has to last: a token may just be renewed, or the API server's authentication have just started
SHORT = 1.0  # seconds; a watch that ends sooner and told nothing is opened again after a pause
#: seconds of one watch of events: they get no bookmarks, so that a quiet hour would look like a dead connection
EVENTS = 60.0


@dataclass(frozen=True)
class Watched:
    """A collection's path, and what of it (labelSelector)."""

    path: str
    query: Mapping[str, Any] = field(default_factory=dict)


#: seconds after which changes that keep coming have to wait for a look
FLOOD = 0.5


@dataclass(frozen=True)
class Change:
    """One thing a watch said.

    `type` is ADDED, MODIFIED, DELETED, LISTED (object: name -> object), AWAY or BACK (object: why), LOG (object: pod, container, the whole
    text) or MORE (pod, container, what follows).
    """

    kind: str
    type: str
    object: Any


class Observer:
    """The watches of one namespace, feeding one queue; iterate it with :meth:`changes`."""

    def __init__(self, cluster: Cluster, namespace: str, kinds: Mapping[str, str] | None = None, also: Mapping[str, Watched] | None = None) -> None:
        """`also`: what is watched where the cluster serves it and we may see it, and else left out."""
        self._cluster = cluster
        self._kinds = {kind: Watched(paths.collection(plural, namespace)) for kind, plural in (kinds or KINDS).items()}
        self._also = dict(also or {})
        self._queue: queue.Queue[Change | BaseException] = queue.Queue()
        self._stop = threading.Event()
        self._kept: dict[str, Watched] = {}
        #: kind -> why it is not seen, of those that may be left out
        self.unseen: dict[str, str] = {}

    def start(self) -> dict[str, dict[str, dict[str, Any]]]:
        """List everything now and watch from there on; returns what is there, without the events of the past.

        The version is taken before anything is changed: events live for an hour, and those of an earlier try must not
        condemn this one.
        """
        state: dict[str, dict[str, dict[str, Any]]] = {}
        begin: list[tuple[str, Watched, str]] = []
        everything = {**self._also, **self._kinds}
        with ThreadPoolExecutor(len(everything)) as pool:  # one after the other takes a second where the API server is far away
            answers = {kind: pool.submit(self._first, kind, what) for kind, what in everything.items()}
        for kind, what in everything.items():
            try:
                answer = answers[kind].result()
            except ApiError as error:
                if kind in self._also and error.status in (403, 404):
                    self.unseen[kind] = str(error)
                    continue
                raise
            state[kind] = {} if kind == "Event" else _by_name(answer)
            begin.append((kind, what, answer["metadata"]["resourceVersion"]))
        for kind, what, version in begin:
            self._kept[kind] = what
            self._begin(kind, what, version)
        return state

    def _first(self, kind: str, what: Watched) -> dict[str, Any]:
        return self._cluster.list(what.path, **what.query, **({"limit": 1} if kind == "Event" else {}))

    def again(self) -> None:
        """List everything again and watch from there on; what the watches of before may still tell is not listened to."""
        self._stop.set()
        self._stop = threading.Event()
        for kind, what in self._kept.items():
            self._begin(kind, what, None)

    def _begin(self, kind: str, what: Watched, version: str | None) -> None:
        threading.Thread(target=self._follow, args=(kind, what, version, self._stop), name=f"watch-{kind}", daemon=True).start()

    def stop(self) -> None:
        self._stop.set()

    def put(self, change: Change) -> None:
        """Let another source (a log that was fetched, Helm's end) wake the loop."""
        self._queue.put(change)

    def changes(self, timeout: float) -> Iterator[Change]:
        """Everything that has come in; waits up to `timeout` seconds for the first one. A flood of changes is looked at every :data:`FLOOD` seconds.

        :raises BaseException: what broke a thread, brought to the front: a watcher must not die in silence.
        """
        wait: float | None = timeout
        end = time.monotonic() + timeout + FLOOD
        while time.monotonic() < end:
            try:
                change = self._queue.get(timeout=wait) if wait else self._queue.get_nowait()
            except queue.Empty:
                return
            if isinstance(change, BaseException):
                raise change
            yield change
            wait = None

    # --- one thread per kind --------------------------------------------------------------------------------------

    def _follow(self, kind: str, what: Watched, version: str | None, stop: threading.Event) -> None:
        try:
            self._watch(kind, what, version, stop)
        except ApiError as error:
            if kind in self._also and error.status in (403, 404):
                self.unseen[kind] = str(error)  # the rest is still followed
            else:
                self._tell(error, stop)
        except BaseException as error:
            self._tell(error, stop)

    def _tell(self, what: Change | BaseException, stop: threading.Event) -> None:
        if not stop.is_set():
            self._queue.put(what)

    def _watch(self, kind: str, what: Watched, version: str | None, stop: threading.Event) -> None:
        known = version
        pause, away, refused = RETRY[0], False, 0.0
        while not stop.is_set():
            began, told = time.monotonic(), False
            try:
                if known is None:
                    known = self._relist(kind, what, stop)
                    told = True
                if away:
                    self._tell(Change(kind, "BACK", ""), stop)
                    away = False
                for event in self._cluster.watch(what.path, known, timeout=EVENTS if kind == "Event" else 300, **what.query):
                    obj = without_nulls(event["object"])
                    known, pause, refused, told = obj["metadata"]["resourceVersion"], RETRY[0], 0.0, True
                    if event["type"] != "BOOKMARK" and obj["metadata"].get("name"):
                        self._tell(Change(kind, event["type"], {"kind": kind, **obj}), stop)
                    if stop.is_set():
                        return
                if told or time.monotonic() - began > SHORT:
                    refused = 0.0
                    continue
            except ApiError as error:
                if error.status == 410:
                    known = None  # too old: a new list tells everything that was missed
                    if not told:
                        continue
                elif error.status == 403 and known is not None:
                    self._poll(kind, what, stop)
                    return
                elif error.status == 401:
                    refused = refused or time.monotonic()
                    if time.monotonic() - refused >= REFUSED_FOR:
                        raise
                elif not error.unreachable:
                    raise
                elif not away:
                    self._tell(Change(kind, "AWAY", str(error)), stop)
                    away = True
            stop.wait(pause)
            pause = min(pause * 2, RETRY[1])

    def _relist(self, kind: str, what: Watched, stop: threading.Event) -> str:
        answer = self._cluster.list(what.path, **what.query)
        self._tell(Change(kind, "LISTED", _by_name(answer)), stop)
        return str(answer["metadata"]["resourceVersion"])

    def _poll(self, kind: str, what: Watched, stop: threading.Event) -> None:
        while not stop.wait(POLL):
            try:
                self._relist(kind, what, stop)
            except ApiError as error:
                if not error.unreachable:
                    raise


class World:
    """The picture that the changes make; the only mutable thing, owned by one thread."""

    def __init__(
        self,
        state: dict[str, dict[str, dict[str, Any]]],
        started: float,
        clean: Callable[[str], str] = str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clean` takes secrets out of every text of the cluster before a rule sees (and cuts) it. `clock`: seconds, for the time in which
        nothing is known."""
        self._clean, self._clock = clean, clock
        self.objects = state
        for kind in state.values():
            for name in kind:
                kind[name] = self.redacted(kind[name])
        self.started = started
        self.logs: dict[tuple[str, str], str] = {}
        self._texts: dict[tuple[str, str], Cleaned] = {}
        #: what the last LOG or MORE brought, without secrets: the tape keeps that and not the whole text each time
        self.heard = ""
        self.away_since: float | None = None
        self.away_reason = ""
        self._away: set[str] = set()
        #: seconds in which nothing was known: no budget runs in them
        self.unknown = 0.0
        self._known: dict[bool | None, dict[Any, Any]] = {}

    def known_of(self, running: bool | None) -> dict[Any, Any]:
        """What the looks since the last change have worked out, while Helm ran or did not: that decides which objects they see."""
        return self._known.setdefault(running, {})

    @property
    def unknown_until_now(self) -> float:
        return self.unknown + (self._clock() - self.away_since if self.away_since is not None else 0.0)

    def apply(self, change: Change) -> None:
        if change.type not in ("LOG", "MORE", "AWAY", "BACK"):
            self._known = {}
        if change.type == "AWAY":
            self._away.add(change.kind)
            self.away_since, self.away_reason = self.away_since or self._clock(), str(change.object)
        elif change.type == "BACK":
            self._away.discard(change.kind)
            if not self._away and self.away_since is not None:
                self.unknown += self._clock() - self.away_since
                self.away_since = None
        elif change.type == "LISTED":
            listed = change.object
            if change.kind == "Event":  # a list of events includes the past
                listed = {n: e for n, e in listed.items() if seen_at(e) >= self.started - 1}
            self.objects[change.kind] = {n: self.redacted(o) for n, o in listed.items()}
        elif change.type in ("LOG", "MORE"):
            pod, container, text = change.object
            known = self._texts.setdefault((pod, container), Cleaned(self._clean))
            text = text.take() if isinstance(text, Backlog) else text
            self.heard = known.set(text) if change.type == "LOG" else known.add(text)
            self.logs[(pod, container)] = known.text
        else:
            self._one(change)

    def known(self) -> int:
        """How many secret values its redactor knows; -1 when it has none."""
        return self._clean.known() if isinstance(self._clean, Redactor) else -1

    def redacted(self, obj: dict[str, Any]) -> dict[str, Any]:
        """The object as it is kept: no data of Secrets, and no secret in a message."""
        if "data" in obj:  # a Secret of Helm: its labels say enough
            obj = {k: v for k, v in obj.items() if k != "data"}
        if "message" in obj:  # an event
            return {**obj, "message": self._clean(obj["message"] or "")}
        return {**obj, "status": _messages(obj["status"], self._clean)} if obj.get("status") else obj

    def _one(self, change: Change) -> None:
        """One object. Answers to a GET overtake the watches, so what is older than the picture is left out."""
        meta, known = change.object["metadata"], self.objects[change.kind]
        there = (known.get(meta["name"]) or {}).get("metadata") or {}
        if there and there.get("uid") == meta.get("uid") and int(meta["resourceVersion"]) < int(there["resourceVersion"]):
            return
        if change.type != "DELETED":
            known[meta["name"]] = self.redacted(change.object)
        elif there.get("uid") == meta.get("uid"):  # a hook Job is deleted and recreated under the same name
            known.pop(meta["name"], None)


def _messages(data: Any, clean: Callable[[str], str]) -> Any:
    """A status with every `message` in it cleaned."""
    if isinstance(data, dict):
        return {k: clean(v) if k == "message" and isinstance(v, str) else _messages(v, clean) if isinstance(v, (dict, list)) else v for k, v in data.items()}
    return [_messages(v, clean) for v in data] if isinstance(data, list) else data


def _by_name(answer: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    kind = str(answer.get("kind", "")).removesuffix("List")
    found = (without_nulls(o) for o in answer.get("items") or () if o)
    return {o["metadata"]["name"]: {"kind": kind, **o} for o in found if o["metadata"].get("name")}


def without_nulls(obj: dict[str, Any]) -> dict[str, Any]:
    """The object with no field that is null: to Kubernetes that is the same as a field that is not there, to `get(x, {})` it is not.

    What every object has is there even so.
    """
    whole = _present(obj) if _has_null(obj) else obj
    whole.setdefault("metadata", {})
    for part in ("spec", "status"):
        if part in obj:
            whole.setdefault(part, {})
    return whole


def _has_null(data: Any) -> bool:
    if isinstance(data, dict):
        return any(v is None or (isinstance(v, (dict, list)) and _has_null(v)) for v in data.values())
    return any(v is None or (isinstance(v, (dict, list)) and _has_null(v)) for v in data)


def _present(data: Any) -> Any:
    if isinstance(data, dict):
        return {k: _present(v) for k, v in data.items() if v is not None}
    return [_present(v) for v in data if v is not None] if isinstance(data, list) else data
