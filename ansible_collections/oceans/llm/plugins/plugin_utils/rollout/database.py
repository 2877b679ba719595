# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is true of the database while a migration says nothing, or does not get on.

The gateway tries for 30 s and then prints "pool timed out", whatever the reason; of a lock that it waits for it says
nothing at all. So the server is asked: a Service of the cluster through the API server (port-forward to a pod behind it),
any other address from this machine. Where that is not allowed, what the API server knows of the Service still tells a
missing, an empty, a refusing and a silent one apart. One login with the URL that the pods have, one SELECT.
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

from .. import paths
from ..cluster import ApiError, Cluster
from . import postgres
from .postgres import Refusal, Target

AGAIN = 5.0  # seconds between two looks
PATIENCE = 2.5  # seconds for one connection: who does not answer in that time does not answer
#: who stands in the way of this role's sessions. Its query is not asked for: it may hold data
BLOCKERS = (
    "SET statement_timeout = '2s'; "
    "SELECT DISTINCT b.pid, coalesce(b.application_name, ''), coalesce(b.usename::text, '') FROM pg_stat_activity w "
    "CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) AS p(pid) JOIN pg_stat_activity b ON b.pid = p.pid "
    "WHERE w.datname = current_database() AND w.usename = current_user AND w.pid <> pg_backend_pid()"
)


@dataclass(frozen=True)
class Seen:
    """`sentence` may be empty: nothing can be said. `sqlstate` is the server's, when it refused the login; `blocked_by` is a phrase."""

    sentence: str = ""
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


def service_of(host: str, namespace: str) -> tuple[str, str] | None:
    """(namespace, name) when a host is a Service's DNS name (Kubernetes DNS specification); None for any other address."""
    parts = host.rstrip(".").split(".")
    if len(parts) == 1:
        return namespace, parts[0]
    if len(parts) == 2 or (len(parts) > 2 and parts[2] == "svc"):
        return (parts[1], parts[0]) if not all(p.isdigit() for p in parts) else None
    return None


class DatabaseLook:
    """Looks in a thread, at most every few seconds; :attr:`seen` is the newest answer."""

    def __init__(self, cluster: Cluster, namespace: str, where: Target | None) -> None:
        self._cluster, self._namespace, self._target = cluster, namespace, where
        self._last, self._busy = 0.0, threading.Lock()
        self.seen = Seen()

    def facts(self) -> dict[str, str]:
        """What is known by now, for the rules; begins another look when it is time for one."""
        if self._target is not None and (not self._last or time.monotonic() - self._last > AGAIN) and self._busy.acquire(blocking=False):
            self._last = time.monotonic()
            threading.Thread(target=self._go, name="database", daemon=True).start()
        return asdict(self.seen)

    def _go(self) -> None:
        try:
            self.seen = self.look()
        finally:
            self._last = time.monotonic()
            self._busy.release()

    def look(self) -> Seen:
        """Ask now."""
        where = self._target
        if where is None:
            return Seen()
        found = service_of(where.host, self._namespace)
        if found is None:
            return _asked(where, f"{where.host}:{where.port}, tried from here,", lambda: _from_here(where))
        namespace, name = found
        said = f"Service {name} in namespace {namespace}"
        try:
            service = self._cluster.find(paths.service(namespace, name))
            if service is None:
                return Seen(f"there is no {said}")
            slices = self._cluster.list(paths.endpointslices(namespace), labelSelector=f"kubernetes.io/service-name={name}")["items"]
        except ApiError:
            return Seen()  # not ours to see
        ready = list(endpoints(service, slices, where.port))
        if not ready:
            return Seen(f"{said} has no ready pod behind it and refuses every connection: the server is down or starting")
        pod, port = ready[0]
        if not pod:
            address = _address(slices)
            return _asked(where, f"{address}:{port} behind {said}, tried from here,", lambda: _from_here(replace(where, host=address, port=port)))
        try:
            return _asked(where, said, lambda: self._cluster.port_forward(namespace, pod, port, PATIENCE))
        except ApiError:
            return self._through_proxy(namespace, name, where.port, said)

    def _through_proxy(self, namespace: str, name: str, port: int, said: str) -> Seen:
        """The API server connects, too, and passes on why it could not."""
        try:
            status, _headers, text = self._cluster.service_request(namespace, name, port, "/", timeout=(PATIENCE, PATIENCE))
        except ApiError:
            return Seen(f"{said} gives no answer: what is sent there is dropped on the way (firewall, NetworkPolicy, wrong address)")
        if status == 403:
            return Seen(f"{said} has a ready endpoint: refused, full, or dropped by a NetworkPolicy")
        if "connection refused" in text:
            return Seen(f"{said} refuses the connection: nobody listens at its port {port}")
        if "no endpoints available" in text:
            return Seen(f"{said} has a ready endpoint: refused, full, or dropped by a NetworkPolicy")
        if "timeout" in text or "no route to host" in text or "unreachable" in text:
            return Seen(f"{said} gives no answer: what is sent there is dropped on the way (firewall, NetworkPolicy, wrong address)")
        return Seen(f"{said} is listening, but not for the pods: dropped by a NetworkPolicy, or full")


def endpoints(service: Mapping[str, Any], slices: Iterable[Mapping[str, Any]], port: int) -> Iterator[tuple[str, int]]:
    """(pod, its port) of each ready endpoint behind one port of a Service; the pod is empty when it is an address only."""
    ports = (service.get("spec") or {}).get("ports") or [{}]
    name = next((p.get("name") for p in ports if p.get("port") == port), ports[0].get("name")) or ""
    for each in slices:
        behind = next((p.get("port") for p in each.get("ports") or () if (p.get("name") or "") == name), None) or port
        for endpoint in each.get("endpoints") or ():
            if (endpoint.get("conditions") or {}).get("ready"):
                about = endpoint.get("targetRef") or {}
                yield (str(about.get("name") or "") if about.get("kind", "Pod") == "Pod" else ""), int(behind)


def _address(slices: Iterable[Mapping[str, Any]]) -> str:
    """The first ready address of a Service that was made by hand, for something that is no pod."""
    return next(str(e["addresses"][0]) for s in slices for e in s.get("endpoints") or () if (e.get("conditions") or {}).get("ready"))


def _from_here(where: Target) -> contextlib.AbstractContextManager[socket.socket]:
    return contextlib.closing(socket.create_connection((where.host, where.port), timeout=PATIENCE))


def _asked(where: Target, said: str, connect: Callable[[], contextlib.AbstractContextManager[socket.socket]]) -> Seen:
    """Ask the server itself. :raises ApiError: when there is no way to it."""
    try:
        with connect() as stream:
            rows = postgres.ask(stream, where, BLOCKERS)
    except Refusal as refusal:
        if not refusal.sqlstate:
            return Seen(f"{said} answers")
        return Seen(f"{said} refuses the login of {where.user}: {refusal.message} ({refusal.sqlstate})", refusal.sqlstate)
    except TimeoutError:
        return Seen(f"{said} gives no answer within {PATIENCE:g} s: dropped on the way (firewall, NetworkPolicy, wrong address), or the server stands still")
    except ConnectionRefusedError:
        return Seen(f"{said} refuses the connection: nobody listens at port {where.port}")
    except socket.gaierror:
        return Seen(f"{said} has no address: its name cannot be resolved")
    except OSError as error:
        return Seen(f"{said} cannot be reached: {error.strerror or error}")
    if rows:
        who = "; ".join(f"process {pid} (application {application or 'without a name'}, role {role or '?'})" for pid, application, role in rows)
        return Seen(f"{said} answers", blocked_by=who)
    return Seen(f"{said} answers and accepts the login of {where.user}; from the pods it may be another way (NetworkPolicy)")
