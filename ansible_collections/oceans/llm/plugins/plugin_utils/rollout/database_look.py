# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is true of the database while a migration says nothing, or does not get on; and what a run has changed there.

The gateway tries for 30 s and then prints "pool timed out", whatever the reason; of a lock that it waits for it says nothing,
and with RUST_LOG=error nothing of its migrations either. So the server is asked (gateway/database_way.py). Where that is not
allowed, what the API server knows of the Service still tells a missing, an empty, a refusing and a silent one apart. One login
with the URL that the pods have, and a few SELECTs a second in that session for as long as the rules want to know.
"""

from __future__ import annotations

import contextlib
import queue
import re
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from ..gateway import database_way, schema
from ..gateway.database_url import Target
from ..gateway.database_way import NoWay, Way
from ..gateway.postgres import NotAsked, NotPostgres, Refusal, Session
from ..kube.client import ApiError, Cluster
from ..kube.objects import Object
from ..secrets import live_env

EVERY = 1.0  # seconds between two questions in one session
UNWANTED = 3.0  # seconds without a question after which the session is ended
AGAIN = 5.0  # seconds between two tries to get a session
FIRST, PATIENCE = 1.0, 2.5  # seconds for each step of the first try, so that something is known soon, and of those after it
ANSWER = 3.0  # seconds that a verdict waits for the first answer
LIMIT = 2.0  # seconds that the end of a run waits for the history
FRESH = 2.0  # seconds: work that was seen this long ago is not told again
#: who stands in the way of this role's sessions, since when its transaction is open, and what it did last
BLOCKERS = (
    "SELECT DISTINCT b.pid, coalesce(b.application_name, ''), coalesce(b.usename::text, ''), coalesce(b.state, ''), "
    "coalesce(extract(epoch FROM clock_timestamp() - b.xact_start)::bigint, 0), coalesce(b.query, '') FROM pg_stat_activity w "
    "CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) AS p(pid) JOIN pg_stat_activity b ON b.pid = p.pid "
    "WHERE w.datname = current_database() AND w.usename = current_user AND w.pid <> pg_backend_pid()"
)
#: sessions of this role that do something; a transaction that was left open long ago does nothing
BUSY = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid() "
    "AND (state = 'active' OR (state LIKE 'idle in transaction%' AND state_change > now() - interval '60 seconds'))"
)
NO_DATABASE = "3D000"


@dataclass(frozen=True)
class Seen:
    """`sentence` may be empty: nothing can be said. `away`: there is nobody in the cluster who could answer a migration (what is tried from here
    may be another way than that of the pods). `sqlstate` is the server's, when it refused the login; `blocked_by` is a phrase.

    :ivar int sessions: of the gateway's role, doing something at the last look.
    :ivar float worked: when activity was last seen (server clock): such a session, or one more migration in the history.
    :ivar str address: host, port and database, for a sentence.
    :ivar tuple history_before: migrations in the history (their versions) at `before_at`, server clock; None: not known.
    :ivar tuple history_now: the same at the last look. `unasked`: why it is not known.
    """

    sentence: str = ""
    away: bool = False
    sqlstate: str = ""
    blocked_by: str = ""
    sessions: int = 0
    worked: float = 0.0
    address: str = ""
    history_before: tuple[int, ...] | None = None
    before_at: float = 0.0
    history_now: tuple[int, ...] | None = None
    unasked: str = ""


class DatabaseLook:
    """Looks in threads of its own; :meth:`facts` has the newest answer. `release`: the objects of the release, hooks included."""

    def __init__(self, cluster: Cluster, namespace: str, release: Iterable[Object]) -> None:
        self._cluster, self._namespace, self._release = cluster, namespace, list(release)
        self._wanted, self._last, self._patience = 0.0, 0.0, FIRST
        self._begun = 0.0
        self._busy, self._over = threading.Lock(), threading.Event()
        self._worked = 0.0
        self._before: tuple[tuple[int, ...] | None, float] = (None, 0.0)
        self._now: tuple[tuple[int, ...] | None, str] = (None, "")
        self.seen = Seen()

    def begin(self) -> dict[str, Any]:
        """What is known before anything is changed: the address. The history is read beside whatever else begins."""
        with contextlib.suppress(ApiError):
            self.seen = Seen(address=str(self._target() or ""))
        threading.Thread(target=self._read_before, name="database history", daemon=True).start()
        return self._known()

    def facts(self) -> dict[str, Any]:
        """What is known by now, for the rules; begins to look when nobody does and it is time for it."""
        self._wanted = time.monotonic()
        self._begun = self._begun or self._wanted
        if (not self._last or self._wanted - self._last > AGAIN) and self._busy.acquire(blocking=False):
            threading.Thread(target=self._go, name="database", daemon=True).start()
        return self._known()

    def pending(self) -> bool:
        """True while the first answer may come in a moment."""
        return self._busy.locked() and not self.seen.sentence and time.monotonic() - self._begun < ANSWER

    def conclude(self) -> dict[str, Any]:
        """What is known at the end of a run: the history is read once more, and waited for."""
        answer: queue.Queue[tuple[tuple[int, ...] | None, str]] = queue.Queue(1)
        threading.Thread(target=lambda: answer.put(self._read_history()), name="database history", daemon=True).start()
        try:
            self._now = answer.get(timeout=LIMIT)
        except queue.Empty:
            self._now = None, f"no answer within {LIMIT:g} s"
        return self._known()

    def stop(self) -> None:
        """End the session, if there is one."""
        self._over.set()

    def _known(self) -> dict[str, Any]:
        (before, at), (now, why), seen = self._before, self._now, self.seen
        now = seen.history_now if now is None else now
        return asdict(replace(seen, history_before=before, before_at=at, history_now=now, unasked=why))

    # --- the history --------------------------------------------------------------------------------------------------

    def _read_before(self) -> None:
        versions, _why = self._read_history()
        self._before = versions, self._cluster.now()

    def _read_history(self) -> tuple[tuple[int, ...] | None, str]:
        """(versions, why they are not known)."""
        try:
            target = self._target()
            if target is None:
                return None, "the URL of the database is not known"
            way = database_way.find(self._cluster, self._namespace, target)
            try:
                with way.connect(FIRST) as stream, contextlib.closing(Session(stream, target)) as session:
                    return _versions(session), ""
            except OSError as error:
                return None, _unreachable(way, error, FIRST).sentence
        except Refusal as refusal:
            return ((), "") if refusal.sqlstate == NO_DATABASE else (None, refusal.message)
        except Exception as error:  # no way, no login, no answer; a thread's traceback would be on the screen
            return None, str(error)

    def _target(self) -> Target | None:
        """Read each time: an operator may make the Secret in the middle of a run. :raises ApiError: when it may not be read."""
        return live_env.database(self._cluster, self._namespace, self._release)

    # --- the session --------------------------------------------------------------------------------------------------

    def _go(self) -> None:
        try:
            for seen in self.looks():
                self.seen = seen
                if self._over.wait(EVERY) or time.monotonic() - self._wanted > UNWANTED:
                    return
        except Exception as error:  # a thread's traceback would be on the screen
            self.seen = Seen(f"the database could not be queried: {error}")
        finally:
            self._last = 0.0 if self._patience == FIRST else time.monotonic()
            self._patience = PATIENCE
            self._busy.release()

    def looks(self) -> Iterator[Seen]:
        """One look after the other for as long as there is a session; without one, a single answer: why."""
        try:
            target = self._target()
            way = database_way.find(self._cluster, self._namespace, target) if target else None
        except NoWay as error:
            yield Seen(str(error), away=error.away)
            return
        except ApiError:
            return  # not ours to see
        if way is None:
            return
        try:
            for seen in self._asked(way):
                yield replace(seen, address=str(way.target), away=seen.away and way.service is not None)
        except ApiError:
            yield replace(self._through_proxy(way), address=str(way.target))

    def _asked(self, way: Way) -> Iterator[Seen]:
        """Ask the server itself. :raises ApiError: when there is no way to it."""
        logged_in, last = False, Seen()
        try:
            with way.connect(self._patience) as stream, contextlib.closing(Session(stream, way.target)) as session:
                logged_in = True
                while True:
                    last = self._answer(way, session, last)
                    yield last
        except Refusal as refusal:
            words = f"{refusal.message} (SQLSTATE {refusal.sqlstate})"
            if logged_in:
                yield Seen(f"{way.said} accepts the login, but answers a query with the error: {words}", worked=self._worked)
            else:
                yield Seen(f"{way.said} refuses the login: {words}", sqlstate=refusal.sqlstate)
        except NotPostgres as error:
            yield Seen(str(error))
        except NotAsked as error:
            yield Seen(f"{way.said} answers, but was not queried: {error}")
        except OSError as error:
            if not logged_in:
                yield _unreachable(way, error, self._patience)
            elif isinstance(error, TimeoutError):
                text = f"{way.said} accepts the login, but then gives no answer: a connection pooler may have no free connection"
                yield Seen(text, sessions=1, worked=self._working())
            # a session that was lost says nothing yet: the next try does

    def _answer(self, way: Way, session: Session, last: Seen) -> Seen:
        blockers, sessions = session.rows(BLOCKERS), int(session.rows(BUSY)[0][0])
        try:
            versions: tuple[int, ...] | None = _versions(session)
        except Refusal:  # locked, or not this role's to read
            versions = None
        if sessions or (last.history_now is not None and versions is not None and len(versions) > len(last.history_now)):
            self._working()
        who = "; ".join(_blocker(*map(str, row)) for row in blockers)
        text = f"{way.said} answers" if who else f"{way.said} answers and accepts the login; connections from the pods may still be blocked (NetworkPolicy)"
        return Seen(text, blocked_by=who, sessions=sessions, worked=self._worked, history_now=versions)

    def _working(self) -> float:
        """Work was seen; its time moves in steps, so that the rules are not told the same every second."""
        now = self._cluster.now()
        if now - self._worked > FRESH:
            self._worked = now
        return self._worked

    def _through_proxy(self, way: Way) -> Seen:
        """The API server connects, too, and passes on why it could not."""
        silent = Seen(f"{way.said} gives no answer: {_DROPPED}", away=True)
        unclear = Seen(f"{way.said} has a ready endpoint; the server refuses the connection, has no free connection, or a NetworkPolicy drops the packets")
        if way.service is None:
            return unclear
        try:
            status, _headers, text = self._cluster.service_request(*way.service, way.target.port, "/", timeout=(PATIENCE, PATIENCE))
        except ApiError:
            return silent
        if status == 403 or "no endpoints available" in text:
            return unclear
        if "connection refused" in text:
            return Seen(f"{way.said} refuses the connection: no program listens there", away=True)
        if "timeout" in text or "no route to host" in text or "unreachable" in text:
            return silent
        return Seen(f"{way.said} is listening, but not reachable from the pods: a NetworkPolicy drops the packets, or the server has no free connection")


_DROPPED = "packets are dropped on the way (firewall, NetworkPolicy, wrong address)"


#: where a statement begins to hold data: a literal, a number, a comment
_DATA = re.compile(r"'|\$\w*\$|--|/\*|\b\d")
SHOWN = 80  # characters of a blocker's statement


def _blocker(pid: str, application: str, role: str, state: str, seconds: str, query: str) -> str:
    """One session. Of its statement only what stands before the first value: the rest may be data."""
    words = " ".join(query.split())
    found = _DATA.search(words)
    cut = min(found.start() if found else len(words), SHOWN)
    shown = words[:cut].rstrip() + ("…" if cut < len(words) else "")
    last = "" if not shown or words == "<insufficient privilege>" else f", {'running statement' if state == 'active' else 'last statement'}: {shown}"
    since = f", transaction open for {seconds} s" if seconds.isdigit() and int(seconds) else ""
    return f"process {pid} (application {application or 'unnamed'}, role {role or '?'}{f', {state}' if state else ''}{since}{last})"


def _versions(session: Session) -> tuple[int, ...]:
    return tuple(version for version, _name, _checksum in schema.history(session))


def _unreachable(way: Way, error: OSError, patience: float) -> Seen:
    if isinstance(error, TimeoutError):
        what = f"gives no answer within {patience:g} s: {_DROPPED}, or the server hangs"
    elif isinstance(error, ConnectionRefusedError):
        what = "refuses the connection: no program listens there"
    elif isinstance(error, socket.gaierror):
        what = "has no address: the host name cannot be resolved"
    else:
        what = f"cannot be reached: {error.strerror or error}"
    return Seen(f"{way.said} {what}", away=True)
