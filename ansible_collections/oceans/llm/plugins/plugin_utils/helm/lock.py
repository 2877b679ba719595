# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time per release: a Lease that says who is at it, on which machine, since when.

The lease is renewed while the run lives, and each renewal is a check (resourceVersion, as in client-go's leader election):
a run whose lease another one has taken over is told so (:attr:`Lock.lost`) and has to end. The lease is free when its time
is over by the server's clock, or at once when its holder was a process of this machine that is gone. It also remembers
which revision its holder was making: a release that is still `pending-…` at that revision was left by a run that is dead,
and may be recovered.
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

from ..kube import clock as boot_clock
from ..kube import paths
from ..kube.client import ApiError, Cluster, unless_forbidden
from ..kube.objects import epoch, own_labels
from ..kube.refused import Refused

DURATION = 30  # seconds that a lease is good for after its last renewal
RENEW = 10.0  # seconds between two renewals: six requests a minute
RETRY = 1.0  # seconds until a renewal that failed is tried again
GIVE_BACK = 5.0  # seconds that a renewal on its way is waited for before the lease is given back
LOOK = 0.25  # seconds between two looks at the clock: a machine that slept checks its lease when it wakes
REVISION = "oceans.llm/revision"  # annotation: the revision that the holder makes


class Held(Refused):
    """Another run holds the lock; the text is a sentence."""


@dataclass(frozen=True)
class Holder:
    """`user@host/pid/start/place`; start is the process's start time in clock ticks, so that a reused pid is not mistaken, and
    place says in which set of processes the pid counts (:func:`_place`)."""

    user: str
    host: str
    pid: int
    start: str
    place: str = ""

    @classmethod
    def me(cls) -> Holder:
        pid = os.getpid()
        try:
            user = getpass.getuser()
        except (KeyError, OSError):  # a container with a uid that has no name
            user = str(os.getuid())
        return cls(user, socket.gethostname(), pid, _start(pid), _place())

    @classmethod
    def parse(cls, text: str) -> Holder:
        who, pid, *rest = [*text.split("/"), ""]
        if "@" not in who or not pid.isdigit() or len(rest) < 2:
            return cls("", text, 0, "")
        user, host = who.split("@", 1)
        return cls(user, host, int(pid), rest[0], rest[1])

    def __str__(self) -> str:
        return f"{self.user}@{self.host}/{self.pid}/{self.start}/{self.place}"

    def phrase(self) -> str:
        return f"{self.user or 'an unknown user'} on {self.host}" + (f" (process {self.pid})" if self.pid else "")

    def dead_here(self) -> bool:
        """True when this was a process that would be seen from here, and it is no more."""
        return bool(self.pid and self.place) and (self.host, self.place) == (socket.gethostname(), _place()) and _start(self.pid) != self.start


class Lock:
    """`with lock.of(revision):` takes the lease or raises :class:`Held`; :meth:`look` only looks."""

    def __init__(self, cluster: Cluster, namespace: str, release: str, say: Callable[[str], None], clock: Callable[[], float] | None = None) -> None:
        """`clock`: see kube/clock.py."""
        self._cluster, self._say, self._clock = cluster, say, clock or boot_clock.seconds
        self._name, self._namespace, self._release = lease_name(release), namespace, release
        self._path = paths.lease(namespace, self._name)
        self._revision = 0
        self._remove = False
        self._me = str(Holder.me())
        self._held = self._kept = False
        self._version = ""
        self._stop = threading.Event()
        self._renewal: threading.Thread | None = None
        #: why the lease is not this run's any more, a sentence; empty while it is
        self.lost = ""
        #: what the lease said before it was taken: a dead holder and the revision it was making
        self.before: Mapping[str, Any] | None = None

    def look(self) -> None:
        """Does another run hold the lock? Nothing is written. :raises Held: with who and since when."""
        live = unless_forbidden(lambda: self._cluster.find(self._path), None)
        if live is not None:
            self._check(live, quiet=True)

    def of(self, revision: int, remove: bool = False) -> Lock:
        """For `with`: the lock, about to make this revision, or to remove the release and in the end the lease itself."""
        self._revision, self._remove = revision, remove
        return self

    def last_holder(self) -> str:
        """Who held the lease before, in words."""
        text = ((self.before or {}).get("spec") or {}).get("holderIdentity") or ""
        return Holder.parse(text).phrase() if text else "that run released its lock"

    def __enter__(self) -> Lock:
        try:
            self._take()
        except ApiError as error:
            if error.status == 403:  # a run without a lock is better than none
                self._say(f"continuing without the lock that prevents other runs from changing {self._namespace}/{self._release}: {error}")
                return self
            raise
        self._held, self._stop = True, threading.Event()  # of this use alone: a lock is used again after a recovery
        self._renewal = threading.Thread(target=self._renew, args=(self._stop,), name="lease", daemon=True)
        self._renewal.start()
        return self

    def __exit__(self, failed: object, *_: object) -> None:
        self._stop.set()
        if not self._held:
            return
        self._held = False
        if self._kept:
            return
        if self._renewal:
            self._renewal.join(GIVE_BACK)  # a renewal on its way would be a conflict
        try:
            live = self._cluster.find(self._path)
            if not live or live["spec"].get("holderIdentity") != self._me:
                return
            if self._remove and failed is None:
                self._cluster.delete(self._path)  # nobody else takes it meanwhile: it is held, and its holder lives
            else:
                self._cluster.patch(self._path, {"metadata": {"resourceVersion": live["metadata"]["resourceVersion"]}, "spec": {"holderIdentity": ""}})
        except ApiError as error:
            self._say(f"the lock Lease/{self._name} could not be released ({error}); it expires in {DURATION} s")

    def keep(self) -> None:
        """Do not give the lease back: Helm could not be ended. The lease then ends by its time, and nobody finds it free at once."""
        self._kept = True

    def made(self, revision: int) -> bool:
        """True when the lease says that a run of this collection was making this revision."""
        notes = ((self.before or {}).get("metadata") or {}).get("annotations") or {}
        return notes.get(REVISION) == str(revision)

    def _take(self) -> None:
        live = self._cluster.find(self._path)
        body = self._body()
        if live is None:
            try:
                self._written(self._cluster.create(paths.leases(self._namespace), body))
            except ApiError as error:
                if error.status != 409:
                    raise
                live = self._cluster.get(self._path)
        if live is not None:
            self.before = live
            self._check(live)
            body["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"]
            try:
                self._written(self._cluster.patch(self._path, body))
            except ApiError as error:
                if error.status != 409:
                    raise
                raise Held(
                    f"another run has just locked {self._namespace}/{self._release}; nothing was changed — run the playbook again when that run has ended"
                ) from error

    def _check(self, live: Mapping[str, Any], quiet: bool = False) -> None:
        spec = live.get("spec") or {}
        text = spec.get("holderIdentity") or ""
        if not text or text == self._me:
            return
        holder, since = Holder.parse(text), spec.get("acquireTime") or "?"
        over = self._cluster.now() - epoch(spec.get("renewTime")) - float(spec.get("leaseDurationSeconds") or DURATION)
        if holder.dead_here() or over > 0:
            if not quiet:
                self._say(f"the run of {holder.phrase()}, started at {since}, has died; taking over its lock")
            return
        raise Held(
            f"{holder.phrase()} has been changing {self._namespace}/{self._release} since {since}; nothing was changed by this run — "
            f"wait until that run has ended; if that run has died, its lock (Lease/{self._name}) expires in {-over:.0f} s"
        )

    def _body(self) -> dict[str, Any]:
        now = self._stamp()
        about = {"name": self._name, "labels": own_labels(), "annotations": {REVISION: str(self._revision)}}
        spec = {"holderIdentity": self._me, "leaseDurationSeconds": DURATION, "acquireTime": now, "renewTime": now}
        lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": about, "spec": spec}
        return self._cluster.common.on(lease)  # here, because a lease that exists is patched

    def _stamp(self) -> str:
        return datetime.datetime.fromtimestamp(self._cluster.now(), datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def _written(self, live: Mapping[str, Any]) -> None:
        self._version = (live.get("metadata") or {}).get("resourceVersion") or ""

    def _renew(self, stop: threading.Event) -> None:
        due = self._clock() + RENEW
        while not stop.wait(min(LOOK, RENEW)):
            if self._clock() >= due:
                due = self._clock() + (RENEW if self._renewed() else min(RETRY, RENEW))
            if self.lost:
                return

    def _renewed(self) -> bool:
        """Renew once; sets :attr:`lost` when another run has the lease. While the API server is away nothing is lost: what cannot
        reach it cannot change anything either, and the resourceVersion tells afterwards whether somebody has taken over."""
        try:
            self._written(self._cluster.patch(self._path, {"metadata": {"resourceVersion": self._version}, "spec": {"renewTime": self._stamp()}}))
            return True
        except ApiError as error:
            if error.status not in (404, 409):
                return False  # the watcher says when the API is away
        try:
            live = self._cluster.find(self._path)
            if live is None:  # deleted by hand
                self._written(self._cluster.create(paths.leases(self._namespace), self._body()))
                return True
        except ApiError as error:
            if error.status == 404 or (error.status == 403 and "terminat" in error.message):
                self.lost = f"namespace {self._namespace} was deleted, and Lease/{self._name} with it ({error.message})"
            return False
        spec = live.get("spec") or {}
        if spec.get("holderIdentity") == self._me:
            self._written(live)  # somebody has changed its labels or the like
        else:
            who = Holder.parse(spec["holderIdentity"]).phrase() if spec.get("holderIdentity") else "nobody"
            self.lost = f"another run took over the release: {who} has held Lease/{self._name} since {spec.get('acquireTime') or '?'}"
        return False


def holder(cluster: Cluster, namespace: str, release: str) -> str:
    """Who holds the lock of a release, as a sentence; empty when nobody does."""
    try:
        Lock(cluster, namespace, release, lambda _line: None).look()
    except Held as held:
        return str(held)
    return ""


def lease_name(release: str) -> str:
    return f"oceans-llm-{release}"


def _start(pid: int) -> str:
    """Start time of a process in clock ticks (Linux: field 22 of /proc/PID/stat); empty when it is not there."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()[19]
    except (OSError, IndexError):
        return ""


def _place() -> str:
    """Which boot of which kernel, and which set of process ids (Linux); empty where that is not known.

    Containers may have the host's name and yet process ids of their own.
    """
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return f"{file.read(8)}-{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        return ""
