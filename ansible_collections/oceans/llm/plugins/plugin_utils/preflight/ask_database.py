# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the history of migrations out of the database: one login with the URL that the pods will have, one look, nothing written.

What cannot be reached stays unknown, and the rollout finds it out.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Mapping

from ..gateway import configuration, database_url, database_way, schema
from ..gateway.postgres import NotPostgres, Refusal, Session
from ..kube.client import ApiError, Cluster
from ..kube.endpoints import service_of
from .facts import Database, Object, Picture
from .sources import decoded, gateway_environment

PATIENCE, LIMIT = 1.0, 2.0  # seconds for one step of the conversation, and for all of it with the look-up of the name


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
        return Database(unknown=f"{where} did not answer within {LIMIT:g} s")


def target(picture: Picture) -> database_url.Target | None:
    """Where the URL points that the gateway's configuration refers to. None: it is not known, or not with which login."""
    found = database_url.target(configuration.find(picture.objects), lambda name: _value(picture, name))
    return found if found and found.user else None


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


def _ask(cluster: Cluster, namespace: str, where: database_url.Target) -> Database:
    try:
        way = database_way.find(cluster, namespace, where)
        with way.connect(PATIENCE) as stream, contextlib.closing(Session(stream, where)) as session:
            found = schema.history(session)
            return Database(where=str(where), history=found, tables=() if found else schema.foreign_tables(session))
    except Refusal as refusal:
        if refusal.sqlstate.startswith(("28", "3D")):
            return Database(where=str(where), refusal=refusal.message, sqlstate=refusal.sqlstate)
        return Database(unknown=f"{where}: {refusal.message}")
    except ApiError as error:
        if error.status == 403:
            namespace = (service_of(where.host, namespace) or ("",))[0]
            return Database(
                unknown=f"the caller lacks the permission to reach {where.host} in namespace {namespace} (services, endpointslices, pods/portforward)"
            )
        return Database(unknown=str(error))
    except (database_way.NoWay, NotPostgres) as error:
        return Database(unknown=str(error))
    except Exception as error:  # no login, no answer, no connection; a thread's traceback would be on the screen
        return Database(unknown=f"{where}: {error}")
