# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time per release: a Lease that says who is at it, on which machine, since when.

The lease is renewed while the run lives. It is free when its time is over by the server's clock, or at once when its
holder was a process of this machine that is gone. It also remembers which revision its holder was making: a release
that is still `pending-…` at that revision was left by a run that is dead, and may be recovered.
"""

from __future__ import annotations

import datetime
import getpass
import os
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..kube import paths
from ..kube.client import ApiError, Cluster
from ..kube.objects import epoch

DURATION = 30  # seconds that a lease is good for after its last renewal
RENEW = 10.0  # seconds between two renewals: six requests a minute
REVISION = "oceans.llm/revision"  # annotation: the revision that the holder makes


class Held(Exception):
    """Somebody else is at work; the text is a sentence."""


@dataclass(frozen=True)
class Holder:
    """`user@host/pid/start`; start is the process's start time in clock ticks, so that a reused pid is not mistaken."""

    user: str
    host: str
    pid: int
    start: str

    @classmethod
    def me(cls) -> Holder:
        pid = os.getpid()
        try:
            user = getpass.getuser()
        except (KeyError, OSError):  # a container with a uid that has no name
            user = str(os.getuid())
        return cls(user, socket.gethostname(), pid, _start(pid))

    @classmethod
    def parse(cls, text: str) -> Holder:
        who, host, pid, start = "", text, "0", ""
        parts = text.split("/")
        if len(parts) == 3 and "@" in parts[0] and parts[1].isdigit():
            who, host = parts[0].split("@", 1)
            pid, start = parts[1], parts[2]
        return cls(who, host, int(pid), start)

    def __str__(self) -> str:
        return f"{self.user}@{self.host}/{self.pid}/{self.start}"

    def phrase(self) -> str:
        return f"{self.user or 'somebody'} on {self.host}" + (f" (process {self.pid})" if self.pid else "")

    def dead_here(self) -> bool:
        """True when this was a process of this very machine, and it is no more."""
        return bool(self.pid) and self.host == socket.gethostname() and _start(self.pid) != self.start


class Lock:
    """`with lock.of(revision):` takes the lease or raises :class:`Held`; :meth:`look` only looks."""

    def __init__(self, cluster: Cluster, namespace: str, release: str, say: Callable[[str], None]) -> None:
        self._cluster, self._say = cluster, say
        self._name, self._namespace, self._release = lease_name(release), namespace, release
        self._path = paths.lease(namespace, self._name)
        self._revision = 0
        self._remove = False
        self._me = str(Holder.me())
        self._held = False
        self._stop = threading.Event()
        #: what the lease said before it was taken: a dead holder and the revision it was making
        self.before: Mapping[str, Any] | None = None

    def look(self) -> None:
        """Is somebody at work? Nothing is written. :raises Held: with who and since when."""
        try:
            live = self._cluster.find(self._path)
        except ApiError as error:
            if error.status != 403:
                raise
            return
        if live is not None:
            self._check(live, quiet=True)

    def of(self, revision: int, remove: bool = False) -> Lock:
        """For `with`: the lock, about to make this revision, or to remove the release and in the end the lease itself."""
        self._revision, self._remove = revision, remove
        return self

    def last_holder(self) -> str:
        """Who held the lease before, in words."""
        text = ((self.before or {}).get("spec") or {}).get("holderIdentity") or ""
        return Holder.parse(text).phrase() if text else "it gave its lock back"

    def __enter__(self) -> Lock:
        try:
            self._take()
        except ApiError as error:
            if error.status == 403:  # a run without a lock is better than none
                self._say(f"no lock for {self._namespace}/{self._release}: {error}")
                return self
            raise
        self._held, self._stop = True, threading.Event()  # of this use alone: a lock is used again after a recovery
        threading.Thread(target=self._renew, args=(self._stop,), name="lease", daemon=True).start()
        return self

    def __exit__(self, failed: object, *_: object) -> None:
        self._stop.set()
        if not self._held:
            return
        self._held = False
        try:
            live = self._cluster.find(self._path)
            if not live or live["spec"].get("holderIdentity") != self._me:
                return
            if self._remove and failed is None:
                self._cluster.delete(self._path)  # nobody else takes it meanwhile: it is held, and its holder lives
            else:
                self._cluster.patch(self._path, {"metadata": {"resourceVersion": live["metadata"]["resourceVersion"]}, "spec": {"holderIdentity": ""}})
        except ApiError as error:
            self._say(f"the lock Lease/{self._name} could not be given back ({error}); it is free by itself in {DURATION} s")

    def made(self, revision: int) -> bool:
        """True when the lease says that a run of this collection was making this revision."""
        notes = ((self.before or {}).get("metadata") or {}).get("annotations") or {}
        return notes.get(REVISION) == str(revision)

    def _take(self) -> None:
        live = self._cluster.find(self._path)
        body = self._body()
        if live is None:
            try:
                self._cluster.create(paths.leases(self._namespace), body)
            except ApiError as error:
                if error.status != 409:
                    raise
                live = self._cluster.get(self._path)
        if live is not None:
            self.before = live
            self._check(live)
            body["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"]
            try:
                self._cluster.patch(self._path, body)
            except ApiError as error:
                if error.status != 409:
                    raise
                raise Held(f"another run has just taken {self._namespace}/{self._release}; nothing was changed, run again when it has ended") from error

    def _check(self, live: Mapping[str, Any], quiet: bool = False) -> None:
        spec = live.get("spec") or {}
        text = spec.get("holderIdentity") or ""
        if not text or text == self._me:
            return
        holder, since = Holder.parse(text), spec.get("acquireTime") or "?"
        over = self._cluster.now() - epoch(spec.get("renewTime")) - float(spec.get("leaseDurationSeconds") or DURATION)
        if holder.dead_here() or over > 0:
            if not quiet:
                self._say(f"the run of {holder.phrase()} since {since} is dead; its lock is taken over")
            return
        raise Held(
            f"{self._namespace}/{self._release} is being changed by {holder.phrase()} since {since}; nothing was changed — "
            f"wait for that run; if it is dead its lock ends by itself within {-over:.0f} s (Lease/{self._name})"
        )

    def _body(self) -> dict[str, Any]:
        now = self._stamp()
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._name, "labels": {"app.kubernetes.io/managed-by": "oceans.llm"}, "annotations": {REVISION: str(self._revision)}},
            "spec": {"holderIdentity": self._me, "leaseDurationSeconds": DURATION, "acquireTime": now, "renewTime": now},
        }

    def _stamp(self) -> str:
        return datetime.datetime.fromtimestamp(self._cluster.now(), datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def _renew(self, stop: threading.Event) -> None:
        while not stop.wait(RENEW):
            try:
                self._cluster.patch(self._path, {"spec": {"renewTime": self._stamp()}})
            except ApiError:
                continue  # tried again in ten seconds; the watcher says when the API is away


def lease_name(release: str) -> str:
    return f"oceans-llm-{release}"


def _start(pid: int) -> str:
    """Start time of a process in clock ticks (Linux: field 22 of /proc/PID/stat); empty when it is not there."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()[19]
    except (OSError, IndexError):
        return ""
