# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the history of migrations out of the database: one login with the URL that the pods will have, one SELECT, nothing written.

The way there is that of rollout/database.py: a Service of the cluster by port-forward to a pod behind it, any other address
from here. What cannot be reached stays unknown, and the rollout finds it out.
"""

from __future__ import annotations

import contextlib
import ipaddress
import queue
import socket
import threading
from collections.abc import Mapping
from dataclasses import replace

from ..gateway import configuration, postgres
from ..gateway.postgres import Refusal, Target
from ..kube.client import ApiError, Cluster
from ..kube.endpoints import behind, service_of
from .facts import Database, Object, Picture
from .sources import decoded, gateway_environment

PATIENCE, LIMIT = 1.0, 2.0  # seconds for one step of the conversation, and for all of it with the look-up of the name
HISTORY = "SELECT version, name, checksum FROM public.refinery_schema_history ORDER BY version"
#: tables by which the gateway itself knows a database that somebody else uses
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename IN ('users', 'teams', 'providers') ORDER BY 1"
NO_TABLE = "42P01"


def look(picture: Picture, cluster: Cluster) -> Database | None:
    """None: there is no URL yet (an operator will make it), or none is wanted."""
    where = target(picture)
    if where is None:
        return None
    answer: queue.Queue[Database] = queue.Queue(1)
    threading.Thread(target=lambda: answer.put(_ask(cluster, picture.wanted.namespace, where)), name="database", daemon=True).start()
    try:
        return answer.get(timeout=LIMIT)
    except queue.Empty:  # the name's look-up has no time-out of its own
        return Database(unknown=f"{where.host} gave no answer within {LIMIT:g} s")


def target(picture: Picture) -> Target | None:
    """Where the URL points that the gateway's configuration refers to. A login that it leaves out comes from PGUSER and PGPASSWORD, as the driver has it."""
    url = str((configuration.find(picture.objects).get("database") or {}).get("url") or "")
    value = _value(picture, url.removeprefix("env.")) if url.startswith("env.") else ""
    where = Target.parse(value) if value else None
    if where is None or where.user:
        return where
    user = _value(picture, "PGUSER")
    return replace(where, user=user, password=_value(picture, "PGPASSWORD"), name=where.name or user) if user else None


def _value(picture: Picture, name: str) -> str:
    """One variable of the gateway as it is known now; empty when it is not."""
    variable = (gateway_environment(picture) or {}).get(name)
    value = variable.value if variable else None
    if variable is not None and value is None and variable.source.kind == "Secret":  # an operator's, and there already
        value = _live(picture.secrets, variable.source.object).get(variable.source.key)
    return (value or b"").decode("utf-8", "replace")


def _live(secrets: Mapping[str, Object | None], name: str) -> Mapping[str, bytes | None]:
    found = secrets.get(name)
    return decoded(found) if found else {}


def _ask(cluster: Cluster, namespace: str, where: Target) -> Database:
    said = f"the database {where.name} on {where.host}"
    try:
        try:
            rows = _asked(cluster, namespace, where, HISTORY)
        except Refusal as refusal:
            if refusal.sqlstate != NO_TABLE:
                raise
            return Database(where=said, tables=tuple(row[0] for row in _asked(cluster, namespace, where, TABLES)))
        history = tuple((int(version), name, checksum) for version, name, checksum in rows)
        return Database(where=said, history=history)
    except Refusal as refusal:
        if refusal.sqlstate.startswith(("28", "3D")):
            return Database(where=said, refusal=refusal.message, sqlstate=refusal.sqlstate)
        return Database(unknown=f"{where.host}: {refusal.message}")
    except ApiError as error:
        if error.status == 403:
            namespace = (service_of(where.host, namespace) or ("",))[0]
            return Database(unknown=f"the caller may not look for {where.host} in namespace {namespace} (services, endpointslices, pods/portforward)")
        return Database(unknown=str(error))
    except (OSError, ValueError) as error:
        return Database(unknown=f"{where.host}: {error}")


def _asked(cluster: Cluster, namespace: str, where: Target, sql: str) -> list[list[str]]:
    """:raises Refusal: by the server.  :raises ApiError: when there is no way to a pod.  :raises OSError: by the connection."""
    with _connection(cluster, namespace, where) as stream:
        return postgres.ask(stream, where, sql)


def _connection(cluster: Cluster, namespace: str, where: Target) -> contextlib.AbstractContextManager[socket.socket]:
    address = _address(where.host)
    found = service_of(where.host, namespace) if address is None else None
    if found is None:
        if address is not None and address.is_loopback:
            raise OSError("the address of the pod itself, which is another one here")
        return contextlib.closing(socket.create_connection((where.host, where.port), timeout=PATIENCE))
    ends = behind(cluster, *found, where.port)
    if not ends:
        raise OSError("there is no such Service" if ends is None else "no ready pod stands behind the Service")
    if not ends[0].pod:
        return contextlib.closing(socket.create_connection((ends[0].address, ends[0].port), timeout=PATIENCE))
    return cluster.port_forward(found[0], ends[0].pod, ends[0].port, PATIENCE)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
