# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The database's address, and what the API server knows of it while a migration says nothing."""

from __future__ import annotations

import base64
import json
import socket
import time

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.cluster import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes import find, jobs
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.database import DatabaseLook, endpoints, service_of, target
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.postgres import Target

from .fake_api import FakeApi, objects, ok
from .test_causes import Scope, obj, snapshot, stamp


def until(true, seconds=5.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


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
def test_the_address_is_read(url, address):
    found = target([secret(A="x", URL=url)])
    assert (found and (found.host, found.port)) == address


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


REFUSED = {"message": "error trying to reach service: dial tcp 10.0.0.1:5432: connect: connection refused"}
DROPPED = {"message": "error trying to reach service: dial tcp 10.0.0.1:5432: i/o timeout"}


@pytest.mark.parametrize(
    ("there", "ready", "proxy", "part"),
    [
        (False, 0, None, "there is no Service"),
        (True, 0, None, "down or starting"),
        (True, 1, (403, {"message": "no"}), "refused, full, or dropped"),
        (True, 1, (503, REFUSED), "refuses the connection"),
        (True, 1, (503, DROPPED), "gives no answer"),
        (True, 1, (502, {"message": "malformed HTTP response"}), "is listening"),
    ],
)
def test_why_nobody_answers(there, ready, proxy, part):
    with FakeApi() as api:
        if there:
            api.on("GET", paths.service("db", "pg"), ok({}))
        if proxy:
            api.on("GET", paths.service_proxy("db", "pg", 5432, "/"), ok(proxy[1], proxy[0]))
        api.on(
            "GET",
            paths.endpointslices("db"),
            objects("EndpointSlice", "1", {"metadata": {"name": "a"}, "endpoints": [{"conditions": {"ready": True}, "targetRef": {"name": "pg-0"}}] * ready}),
        )
        assert part in DatabaseLook(Cluster.connect({"host": api.url}), "ns", Target("pg.db")).look().sentence


def test_an_address_that_is_no_pod_is_tried_from_here():
    with FakeApi() as api, socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        free.close()
        api.on("GET", paths.service("db", "pg"), ok({}))
        ends = [{"addresses": ["127.0.0.1"], "conditions": {"ready": True}}]
        api.on("GET", paths.endpointslices("db"), objects("EndpointSlice", "1", {"metadata": {"name": "a"}, "ports": [{"port": port}], "endpoints": ends}))
        sentence = DatabaseLook(Cluster.connect({"host": api.url}), "ns", Target("pg.db")).look().sentence
        assert f"127.0.0.1:{port} behind Service pg in namespace db, tried from here, refuses the connection" in sentence


def test_the_database_is_looked_at_beside_the_loop_and_not_again_at_once():
    with FakeApi() as api:
        look = DatabaseLook(Cluster.connect({"host": api.url}), "ns", Target("pg.db"))
        assert look.facts()["sentence"] == "", "the loop does not wait for it"
        until(lambda: "there is no Service" in look.seen.sentence)
        asked = len(api.seen)
        assert look.facts()["sentence"] and len(api.seen) == asked


def test_the_pod_and_the_port_behind_a_port_of_a_service():
    service = {"spec": {"ports": [{"name": "metrics", "port": 9187}, {"name": "pg", "port": 5432}]}}
    ends = [{"conditions": {"ready": False}}, {"conditions": {"ready": True}, "targetRef": {"kind": "Pod", "name": "pg-0"}}, {"conditions": {"ready": True}}]
    slices = [{"ports": [{"name": "pg", "port": 6432}], "endpoints": ends}]
    assert list(endpoints(service, slices, 5432)) == [("pg-0", 6432), ("", 6432)]


def test_a_migration_that_is_blocked_is_said_with_who_is_in_its_way():
    fields = {"migration_version": 42, "migration_name": "x", "migration_event": "begin"}
    log = json.dumps({"timestamp": stamp(4).replace("Z", ".5Z"), "fields": fields}) + "\n"
    one = picture(5, log=log)
    assert [c.code for c in find(one)] == [] and jobs.database_doubtful(one)
    one.objects["Facts"]["database"]["blocked_by"] = "process 77 (application nightly, role r)"
    found = find(one)
    assert [c.code for c in found] == ["MigrationWaits"] and "process 77" in found[0].cause and found[0].budget is None


def test_a_full_server_is_named_before_the_gateway_gives_up():
    one = picture(3, facts="Service pg refuses the login of x: too many connections for role \"x\" (53300)")
    one.objects["Facts"]["database"]["sqlstate"] = "53300"
    found = find(one)
    assert [c.code for c in found] == ["DatabaseConnections"] and "53300" in found[0].cause and found[0].budget


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
