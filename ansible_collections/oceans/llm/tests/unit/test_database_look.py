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

from ansible_collections.oceans.llm.plugins.plugin_utils.gateway.postgres import Target
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.endpoints import Endpoint, ready, service_of
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import database_look
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes import find, jobs
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.database_look import DatabaseLook, target

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


def first(api):
    return next(DatabaseLook(Cluster.connect({"host": api.url}), "ns", Target("pg.db")).looks())


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
        seen = first(api)
        assert part in seen.sentence and seen.away == ("no Service" in part or "down" in part or "connection" in part or "no answer" in part)


def test_an_address_that_is_no_pod_is_tried_from_here():
    with FakeApi() as api, socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        free.close()
        api.on("GET", paths.service("db", "pg"), ok({}))
        ends = [{"addresses": ["127.0.0.1"], "conditions": {"ready": True}}]
        api.on("GET", paths.endpointslices("db"), objects("EndpointSlice", "1", {"metadata": {"name": "a"}, "ports": [{"port": port}], "endpoints": ends}))
        sentence = first(api).sentence
        assert f"127.0.0.1:{port} behind Service pg in namespace db, tried from here, refuses the connection" in sentence


def test_the_database_is_looked_at_beside_the_loop_and_soon_again_but_then_not_at_once():
    with FakeApi() as api:
        look = DatabaseLook(Cluster.connect({"host": api.url}), "ns", Target("pg.db"))
        assert look.facts()["sentence"] == "", "the loop does not wait for it"
        until(lambda: "there is no Service" in look.seen.sentence and not look._busy.locked())
        first_look = len(api.seen)
        assert look.facts()["away"]
        until(lambda: len(api.seen) > first_look and not look._busy.locked())
        asked = len(api.seen)
        assert look.facts()["sentence"] and len(api.seen) == asked


class Blocked:
    """A server in front of which a migration waits for a while: what each question is answered, and how often somebody logged in."""

    def __init__(self, *answers):
        self.answers, self.logins = list(answers), 0

    def __call__(self, *_where):
        self.logins += 1
        return self

    def rows(self, _sql):
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self):
        self.closed = True


def test_one_session_is_asked_again_and_again_and_its_loss_is_no_news(monkeypatch):
    server = Blocked([], [["77", "nightly", "r"]], [], ConnectionResetError("gone"))
    monkeypatch.setattr(database_look, "Session", server)
    monkeypatch.setattr(database_look.socket, "create_connection", lambda *_a, **_k: server)
    look = DatabaseLook(None, "ns", Target("10.0.0.1", user="u"))
    seen = list(look.looks())
    assert [s.blocked_by[:10] for s in seen] == ["", "process 77", ""] and server.logins == 1 and server.closed
    assert not any(s.away for s in seen)


@pytest.mark.parametrize(
    ("error", "part"),
    [
        (TimeoutError(), "gives no answer within 1 s"),
        (ConnectionRefusedError(111, "refused"), "nobody listens at port 5432"),
        (socket.gaierror(-2, "no name"), "cannot be resolved"),
        (OSError(101, "Network is unreachable"), "cannot be reached: Network is unreachable"),
    ],
)
def test_what_cannot_be_reached_from_here_may_be_there_for_the_pods(monkeypatch, error, part):
    def fail(*_a, **_k):
        raise error

    monkeypatch.setattr(database_look.socket, "create_connection", fail)
    (seen,) = DatabaseLook(None, "ns", Target("10.0.0.1")).looks()
    assert not seen.away and part in seen.sentence and "tried from here" in seen.sentence


def test_a_session_ends_when_nobody_wants_to_know_and_with_the_run(monkeypatch):
    server = Blocked(*[[]] * 50)
    monkeypatch.setattr(database_look, "Session", server)
    monkeypatch.setattr(database_look.socket, "create_connection", lambda *_a, **_k: server)
    monkeypatch.setattr(database_look, "EVERY", 0.01)
    monkeypatch.setattr(database_look, "UNWANTED", 0.05)
    look = DatabaseLook(None, "ns", Target("10.0.0.1"))
    look.facts()
    until(lambda: not look._busy.locked())
    assert server.closed and server.answers, "it ended before the answers did"
    look.stop()
    server.closed = False
    look.facts()
    until(lambda: not look._busy.locked())
    assert server.closed


def test_the_pod_and_the_port_behind_a_port_of_a_service():
    service = {"spec": {"ports": [{"name": "metrics", "port": 9187}, {"name": "pg", "port": 5432}]}}
    ends = [
        {"conditions": {"ready": False}},
        {"conditions": {"ready": True}, "targetRef": {"kind": "Pod", "name": "pg-0"}},
        {"conditions": {"ready": True}, "addresses": ["10.0.0.9"]},
    ]
    slices = [{"ports": [{"name": "pg", "port": 6432}], "endpoints": ends}]
    assert list(ready(service, slices, 5432)) == [Endpoint("pg-0", "", 6432), Endpoint("", "10.0.0.9", 6432)]


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


def test_a_database_that_is_known_to_be_away_is_said_at_once():
    one = picture(1, facts="Service pg in namespace db refuses the connection")
    assert find(one) == [] and jobs.database_doubtful(one)
    one.objects["Facts"]["database"]["away"] = True
    assert [c.code for c in find(one)] == ["DatabaseSilent"]


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
