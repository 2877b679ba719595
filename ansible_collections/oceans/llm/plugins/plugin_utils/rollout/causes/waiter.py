# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Init containers that wait for the database or its schema, and print what their last look said: the words are the gateway's own.

The gateway says nothing while it waits for a connection, for 30 s (contract: its pool's acquire time-out), neither there nor in its own container.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...codes import BY_CODE, RETRYABLE
from ...gateway import log_words
from ...kube.objects import Object, containers, epoch, is_sidecar, name_of, ref
from ..model import Cause, Snapshot, once, set_up, starting
from . import origin
from .cause import cause, rule
from .containers import ABOUT_THE_URL, about_the_database, known_of_database, named

#: seconds after which a container that has the database's URL and has printed nothing is taken to wait for a connection, and until it has given up
SILENT, GIVEN_UP = 5.0, 45.0
#: seconds for causes that are fatal in a program that has ended: a waiter asks again, and may still get its answer
PATIENCE = 150.0


@rule(195)
def waiters(snapshot: Snapshot) -> Iterator[Cause]:
    """A pod of a Deployment whose waiter has not got through to the database."""
    if snapshot.scope.has_cluster:
        return  # the operator is still setting the database up
    for kind, _owner, pod in starting(snapshot):
        for status, init in containers(pod):
            state, name = status.get("state") or {}, str(status.get("name"))
            words = log_words.waits_for(snapshot.logs.get((name_of(pod), name)) or "") if init and kind == "Deployment" and "running" in state else None
            if words is None or (words.code in ("DatabaseHostUnknown", "DatabaseUnreachable") and origin.own_dns(pod)):
                continue
            more = about_the_database(snapshot, pod, name, words.code) if words.code in ABOUT_THE_URL else ""
            what, begun = f"{words.what}{more}", epoch((state["running"] or {}).get("startedAt"))
            budget, names = BY_CODE[words.code].budget or PATIENCE, named(snapshot, pod, name, words)
            yield cause(words.code, snapshot, ref(pod), what, words.evidence, since=begun, container=name, certainty=RETRYABLE, budget=budget, **names)


@rule(196)
def silent(snapshot: Snapshot) -> Iterator[Cause]:
    """A guess until something supports it: an entry of hostAliases, a database that does not answer the controller either, or a NetworkPolicy (a look)."""
    known = snapshot.kind("Facts").get("database", {})
    for pod, what, name, began in mute(snapshot) if set_up(snapshot) else ():  # otherwise the Cluster is what all wait for
        aliases = origin.host_aliases(snapshot, pod)
        away = known_of_database(snapshot) if known.get("away") else ""
        said = f"{what} {name} has printed nothing for {snapshot.now - began:.0f} s and is probably waiting for a connection to the database{away}"
        said, evidence = said + (f"; {aliases}" if aliases else ""), f"the {what} is running and its log is empty"
        yield cause("DatabaseSilent", snapshot, ref(pod), said, evidence, since=began, container=name, guess=not (aliases or away))


@once
def mute(snapshot: Snapshot) -> list[tuple[Object, str, str, float]]:
    """(pod, what kind of container, its name, since when) of new pods: it has the database's URL, runs, is not ready, and has not written a line."""
    found = []
    for kind, _owner, pod in starting(snapshot):
        for status, init in containers(pod):
            began, name = epoch(((status.get("state") or {}).get("running") or {}).get("startedAt")), str(status.get("name"))
            silent, log = snapshot.now - began, snapshot.logs.get((name_of(pod), name))
            if not began or log or kind != "Deployment" or silent < SILENT or is_sidecar(pod, name):
                continue
            if not init and (log is None or status.get("ready") or silent > GIVEN_UP):
                continue
            if origin.database_variable(pod, name):
                found.append((pod, "init container" if init else "container", name, began))
    return found
