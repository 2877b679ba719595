# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is true of the database while a migration says nothing, or does not get on.

The gateway tries for 30 s and then prints "pool timed out", whatever the reason; of a lock that it waits for it says
nothing at all. So the server is asked: a Service of the cluster through the API server (port-forward to a pod behind it),
any other address from this machine. Where that is not allowed, what the API server knows of the Service still tells a
missing, an empty, a refusing and a silent one apart. One login with the URL that the pods have, and one SELECT a second in
that session for as long as the rules want to know.
"""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from ..gateway.postgres import Refusal, Session, Target
from ..kube.client import ApiError, Cluster
from ..kube.endpoints import behind, service_of

EVERY = 1.0  # seconds between two questions in one session
UNWANTED = 3.0  # seconds without a question after which the session is ended
AGAIN = 5.0  # seconds between two tries to get a session
FIRST, PATIENCE = 1.0, 2.5  # seconds for each step of the first try, so that something is known soon, and of those after it
#: who stands in the way of this role's sessions. Its query is not asked for: it may hold data
BLOCKERS = (
    "SELECT DISTINCT b.pid, coalesce(b.application_name, ''), coalesce(b.usename::text, '') FROM pg_stat_activity w "
    "CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) AS p(pid) JOIN pg_stat_activity b ON b.pid = p.pid "
    "WHERE w.datname = current_database() AND w.usename = current_user AND w.pid <> pg_backend_pid()"
)


@dataclass(frozen=True)
class Seen:
    """`sentence` may be empty: nothing can be said. `away`: there is nobody in the cluster who could answer a migration (what is tried from here
    may be another way than that of the pods). `sqlstate` is the server's, when it refused the login; `blocked_by` is a phrase."""

    sentence: str = ""
    away: bool = False
    sqlstate: str = ""
    blocked_by: str = ""


def target(secrets: Iterable[Mapping[str, Any]]) -> Target | None:
    """The first value that is a PostgreSQL URL."""
    for secret in secrets:
        for _key, value in sorted((secret.get("data") or {}).items()):
            found = Target.parse(base64.b64decode(value or "").decode("utf-8", "replace"))
            if found:
                return found
    return None


class DatabaseLook:
    """Looks in a thread of its own; :attr:`seen` is the newest answer."""

    def __init__(self, cluster: Cluster, namespace: str, where: Target | None) -> None:
        self._cluster, self._namespace, self._target = cluster, namespace, where
        self._wanted, self._last, self._patience = 0.0, 0.0, FIRST
        self._busy, self._over = threading.Lock(), threading.Event()
        self.seen = Seen()

    def facts(self) -> dict[str, Any]:
        """What is known by now, for the rules; begins to look when nobody does and it is time for it."""
        self._wanted = time.monotonic()
        if self._target is not None and (not self._last or self._wanted - self._last > AGAIN) and self._busy.acquire(blocking=False):
            threading.Thread(target=self._go, name="database", daemon=True).start()
        return asdict(self.seen)

    def stop(self) -> None:
        """End the session, if there is one."""
        self._over.set()

    def _go(self) -> None:
        try:
            for seen in self.looks():
                self.seen = seen
                if self._over.wait(EVERY) or time.monotonic() - self._wanted > UNWANTED:
                    return
        finally:
            self._last = 0.0 if self._patience == FIRST else time.monotonic()
            self._patience = PATIENCE
            self._busy.release()

    def looks(self) -> Iterator[Seen]:
        """One look after the other for as long as there is a session; without one, a single answer: why."""
        where = self._target
        if where is None:
            return
        found = service_of(where.host, self._namespace)
        if found is None:
            yield from self._from_here(where, f"{where.host}:{where.port}, tried from here,")
            return
        namespace, name = found
        said = f"Service {name} in namespace {namespace}"
        try:
            ends = behind(self._cluster, namespace, name, where.port)
        except ApiError:
            return  # not ours to see
        if not ends:
            yield Seen(f"there is no {said}" if ends is None else f"{said} has no ready pod behind it and refuses every connection: {_DOWN}", away=True)
        elif not ends[0].pod:
            there = replace(where, host=ends[0].address, port=ends[0].port)
            yield from self._from_here(there, f"{there.host}:{there.port} behind {said}, tried from here,")
        else:
            pod, port = ends[0].pod, ends[0].port
            try:
                yield from self._asked(where, said, lambda: self._cluster.port_forward(namespace, pod, port, self._patience))
            except ApiError:
                yield self._through_proxy(namespace, name, where.port, said)

    def _from_here(self, where: Target, said: str) -> Iterator[Seen]:
        looks = self._asked(where, said, lambda: contextlib.closing(socket.create_connection((where.host, where.port), timeout=self._patience)))
        return (replace(seen, away=False) for seen in looks)

    def _asked(self, where: Target, said: str, connect: Callable[[], contextlib.AbstractContextManager[socket.socket]]) -> Iterator[Seen]:
        """Ask the server itself. :raises ApiError: when there is no way to it."""
        answered = False
        try:
            with connect() as stream, contextlib.closing(Session(stream, where)) as session:
                while True:
                    rows = session.rows(BLOCKERS)
                    answered = True
                    yield _answer(said, where, rows)
        except Refusal as refusal:
            if not refusal.sqlstate:
                yield Seen(f"{said} answers")
            else:
                yield Seen(f"{said} refuses the login of {where.user}: {refusal.message} ({refusal.sqlstate})", sqlstate=refusal.sqlstate)
        except OSError as error:
            if not answered:  # a session that was lost says nothing yet: the next try does
                yield _unreachable(said, where, error, self._patience)

    def _through_proxy(self, namespace: str, name: str, port: int, said: str) -> Seen:
        """The API server connects, too, and passes on why it could not."""
        silent = Seen(f"{said} gives no answer: {_DROPPED}", away=True)
        unclear = Seen(f"{said} has a ready endpoint: refused, full, or dropped by a NetworkPolicy")
        try:
            status, _headers, text = self._cluster.service_request(namespace, name, port, "/", timeout=(PATIENCE, PATIENCE))
        except ApiError:
            return silent
        if status == 403 or "no endpoints available" in text:
            return unclear
        if "connection refused" in text:
            return Seen(f"{said} refuses the connection: nobody listens at its port {port}", away=True)
        if "timeout" in text or "no route to host" in text or "unreachable" in text:
            return silent
        return Seen(f"{said} is listening, but not for the pods: dropped by a NetworkPolicy, or full")


_DOWN = "the server is down or starting"
_DROPPED = "what is sent there is dropped on the way (firewall, NetworkPolicy, wrong address)"


def _unreachable(said: str, where: Target, error: OSError, patience: float) -> Seen:
    if isinstance(error, TimeoutError):
        what = f"gives no answer within {patience:g} s: {_DROPPED}, or the server stands still"
    elif isinstance(error, ConnectionRefusedError):
        what = f"refuses the connection: nobody listens at port {where.port}"
    elif isinstance(error, socket.gaierror):
        what = "has no address: its name cannot be resolved"
    else:
        what = f"cannot be reached: {error.strerror or error}"
    return Seen(f"{said} {what}", away=True)


def _answer(said: str, where: Target, rows: list[list[str]]) -> Seen:
    if rows:
        who = "; ".join(f"process {pid} (application {application or 'without a name'}, role {role or '?'})" for pid, application, role in rows)
        return Seen(f"{said} answers", blocked_by=who)
    return Seen(f"{said} answers and accepts the login of {where.user}; from the pods it may be another way (NetworkPolicy)")
