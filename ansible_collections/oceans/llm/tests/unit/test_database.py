# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The database's address, and what the API server knows of it while a migration says nothing."""

from __future__ import annotations

import base64

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.cluster import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes import find, jobs
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.database import DatabaseLook, service_of, target

from .fake_api import FakeApi, objects, ok
from .test_causes import Scope, obj, snapshot, stamp


def secret(**data):
    return {"data": {k: base64.b64encode(v.encode()).decode() for k, v in data.items()}}


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("postgres://u:p@db.ns:5433/x", ("db.ns", 5433)),
        ("postgresql://u:p%40ss@db/x?sslmode=require", ("db", 5432)),
        ("postgres://u:p@ss/w#rd@db.example.com/x", ("db.example.com", 5432)),
        ("postgres://db", ("db", 5432)),
        ("sqlite://x", None),
    ],
)
def test_only_host_and_port_are_read(url, address):
    assert target([secret(A="x", URL=url)]) == address


@pytest.mark.parametrize(
    ("host", "service"),
    [
        ("postgres", ("ns", "postgres")),
        ("postgres.db", ("db", "postgres")),
        ("pg-rw.db.svc.cluster.local", ("db", "pg-rw")),
        ("pg-rw.db.svc", ("db", "pg-rw")),
        ("db.example.com", None),
        ("10.1.2.3", None),
    ],
)
def test_a_service_is_told_from_another_address(host, service):
    assert service_of(host, "ns") == service


@pytest.mark.parametrize(("there", "ready", "part"), [(False, 0, "there is no Service"), (True, 0, "down or starting"), (True, 1, "refused, full, or dropped")])
def test_why_nobody_answers(there, ready, part):
    with FakeApi() as api:
        if there:
            api.on("GET", paths.service("db", "pg"), ok({}))
        api.on(
            "GET",
            paths.endpointslices("db"),
            objects("EndpointSlice", "1", {"metadata": {"name": "a"}, "endpoints": [{"conditions": {"ready": True}}] * ready}),
        )
        look = DatabaseLook(Cluster.connect({"host": api.url}), "ns", ("pg.db", 5432))
        assert part in look.sentence()
        asked = len(api.seen)
        assert look.sentence() and len(api.seen) == asked, "not again at once"


def picture(ago, log="", facts=""):
    running = {"name": "migrate", "state": {"running": {"startedAt": stamp(ago)}}}
    worker = obj("Pod", "r-migrate-a", "r-migrate", spec={"containers": [{"name": "migrate"}]}, status={"phase": "Running", "containerStatuses": [running]})
    made = snapshot(obj("Job", "r-migrate", spec={}), worker, scope=Scope((), ("r-migrate",), "ns", "r"), logs={("r-migrate-a", "migrate"): log} if log else {})
    made.objects["Facts"] = {"database": {"sentence": facts}}
    return made


def test_a_silent_migration_is_said_within_five_seconds_with_what_is_known():
    assert list(jobs.silent_migrations(picture(3))) == [] and list(jobs.silent_migrations(picture(30, log="v17 x [applied]"))) == []
    found = find(picture(4.5, facts="there is no Service pg in namespace db"))
    assert [c.code for c in found] == ["DatabaseSilent"] and "no Service pg" in found[0].cause and found[0].budget


def test_what_is_known_is_said_of_the_lost_cause_too():
    text = "Error: x\n\nCaused by:\n    pool timed out while waiting for an open connection\n"
    failed = picture(40, log=text, facts="Service pg in namespace db has no ready pod behind it: the server is down or starting")
    failed.objects["Pod"]["r-migrate-a"]["status"]["containerStatuses"][0]["state"] = {
        "terminated": {"exitCode": 1, "finishedAt": stamp(5), "startedAt": stamp(36)}
    }
    found = find(failed)
    assert [c.code for c in found] == ["DatabaseUnreachable"] and "has no ready pod" in found[0].cause
