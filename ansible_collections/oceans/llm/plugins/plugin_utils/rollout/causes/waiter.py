# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Init containers that wait for the database or its schema, and print what their last look said: the words are the gateway's own."""

from __future__ import annotations

from collections.abc import Iterator

from ...codes import BY_CODE, RETRYABLE
from ...gateway import log_words
from ...kube.objects import containers, epoch, name_of, ref
from ..model import Cause, Snapshot, starting
from . import origin
from .cause import cause, rule
from .containers import ABOUT_THE_URL, about_the_database

#: seconds for causes that are fatal in a program that has ended: a waiter asks again, and may still get its answer
PATIENCE = 150.0


@rule(195)
def waiters(snapshot: Snapshot) -> Iterator[Cause]:
    """A pod of a Deployment whose waiter has not got through to the database."""
    if any(kind == "Cluster" for kind, _name in snapshot.scope.custom):
        return  # the operator is still setting the database up
    for kind, _owner, pod in starting(snapshot):
        for status, init in containers(pod):
            state, name = status.get("state") or {}, str(status.get("name"))
            words = log_words.waits_for(snapshot.logs.get((name_of(pod), name)) or "") if init and kind == "Deployment" and "running" in state else None
            if words is None or (words.code in ("DatabaseHostUnknown", "DatabaseUnreachable") and origin.own_dns(pod)):
                continue
            more = about_the_database(snapshot, pod, name, words.code) if words.code in ABOUT_THE_URL else ""
            yield cause(
                words.code,
                snapshot,
                ref(pod),
                f"init container {name} is waiting: {words.what}{more}",
                words.evidence,
                since=epoch((state["running"] or {}).get("startedAt")),
                container=name,
                certainty=RETRYABLE,
                budget=BY_CODE[words.code].budget or PATIENCE,
                source=origin.database_url(snapshot, pod, name)[1],
                **words.names,
            )
