# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The database's address, and what the API server knows of it while a migration says nothing."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import threading
import time

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.endpoints import Endpoint, ready, service_of
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import database_look
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes import find, jobs
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.database_look import DatabaseLook

from .fake_api import FakeApi, objects, ok
from .fake_postgres import Error, FakePostgres
from .test_causes import Scope, obj, snapshot, stamp


def until(true, seconds=5.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("host", "service"),
    [
        ("postgres", ("ns", "postgres")),
        ("postgres.db", ("db", "postgres")),
        ("pg-rw.db.svc.cluster.local", ("db", "pg-rw")),
        ("pg-rw.db.svc", ("db", "pg-rw")),
        ("db.example.com", None),
        ("db.corp", ("corp", "db")),  # only the cluster knows
        ("10.1.2.3", None),
        ("fd00::1", None),
        ("::1", None),
        ("localhost", None),
        ("db.localhost", None),
    ],
)
def test_a_service_is_told_from_another_address(host, service):
    assert service_of(host, "ns") == service


def release(url="postgres://u:pencil@pg.db/x"):
    """A gateway that has its URL in its environment."""
    container = {"name": "gateway", "env": [{"name": "POSTGRES_URL", "value": url}]}
    deployment = {"kind": "Deployment", "metadata": {"name": "g"}, "spec": {"template": {"spec": {"containers": [container]}}}}
    return [deployment, {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"gateway.yaml": "database: {url: env.POSTGRES_URL}"}}]


def look_at(api, url="postgres://u:pencil@pg.db/x"):
    return DatabaseLook(Cluster.connect({"host": api.url}), "ns", release(url))


def first(api, url="postgres://u:pencil@pg.db/x"):
    return next(look_at(api, url).looks())


@contextlib.contextmanager
def answering(port):
    """An API server with one Service, pg in namespace db, whose end is no pod but a port of this machine."""
    with FakeApi() as api:
        api.on("GET", paths.service("db", "pg"), ok({}))
        ends = [{"addresses": ["127.0.0.1"], "conditions": {"ready": True}}]
        api.on("GET", paths.endpointslices("db"), objects("EndpointSlice", "1", {"metadata": {"name": "a"}, "ports": [{"port": port}], "endpoints": ends}))
        yield api


THERE, HISTORY, BLOCKED, BUSY = "to_regclass", "FROM public.refinery_schema_history", "pg_blocking_pids", "count(*)"


def history(*versions):
    return [(str(v), "x", f"V{v}__x.sql") for v in versions]


REFUSED = {"message": "error trying to reach service: dial tcp 10.0.0.1:5432: connect: connection refused"}
DROPPED = {"message": "error trying to reach service: dial tcp 10.0.0.1:5432: i/o timeout"}


@pytest.mark.parametrize(
    ("there", "ready", "proxy", "part"),
    [
        (False, 0, None, "there is no Service"),
        (True, 0, None, "down or starting"),
        (True, 1, (403, {"message": "no"}), "or a NetworkPolicy drops the packets"),
        (True, 1, (503, REFUSED), "refuses the connection"),
        (True, 1, (503, DROPPED), "gives no answer"),
        (True, 1, (502, {"message": "malformed HTTP response"}), "is listening"),
    ],
)
def test_why_nobody_answers(there, ready, proxy, part):
    with FakeApi() as api:
        api.on("GET", paths.namespace("db"), ok({}))
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
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with answering(port) as api:
        seen = first(api)
        assert f"endpoint 127.0.0.1:{port} of Service pg in namespace db, port 5432, tried from this machine, refuses the connection" in seen.sentence
        assert not seen.away, "the pods may have another way"
        assert seen.address == "the database x on pg.db:5432"


def test_the_url_that_the_configuration_names_is_looked_at_and_no_other():
    """Not the first one by the alphabet, wherever it stands."""
    objects_ = release("postgres://u:p@right.db/x")
    env = objects_[0]["spec"]["template"]["spec"]["containers"][0]["env"]
    env.insert(0, {"name": "AUDIT_URL", "value": "postgres://u:p@wrong.db/x"})
    with FakeApi() as api:
        api.on("GET", paths.namespace("db"), ok({}))
        (seen,) = DatabaseLook(Cluster.connect({"host": api.url}), "ns", objects_).looks()
    assert seen.sentence == "there is no Service right in namespace db" and seen.away


def test_a_secret_that_an_operator_makes_in_the_middle_of_a_run_is_found():
    objects_ = release()
    objects_[0]["spec"]["template"]["spec"]["containers"][0]["env"] = [
        {"name": "POSTGRES_URL", "valueFrom": {"secretKeyRef": {"name": "db-app", "key": "uri"}}}
    ]
    with FakeApi() as api:
        look = DatabaseLook(Cluster.connect({"host": api.url}), "ns", objects_)
        assert list(look.looks()) == []
        api.on("GET", paths.secret("ns", "db-app"), ok({"data": {"uri": base64.b64encode(b"postgresql://u:p@db-rw/x").decode()}}))
        (seen,) = look.looks()
        assert "no Service db-rw" in seen.sentence


@pytest.mark.parametrize(
    ("host", "part"),
    [("localhost", "localhost is the pod itself"), ("127.0.0.1", "the pod itself"), ("[::1]", "the pod itself"), ("a,b", "several servers (a,b)")],
)
def test_where_only_the_pods_can_go_nothing_is_said_of_the_database(host, part):
    with FakeApi() as api:
        (seen,) = look_at(api, f"postgres://u:p@{host}/x").looks()
        assert part in seen.sentence and not seen.away and not any("/services/" in path for _m, path, _q, _b in api.seen)


def test_an_external_name_is_followed_and_has_no_endpoints():
    with FakePostgres({BUSY: [("0",)], THERE: [(None,)]}) as server, answering(server.port) as api:
        api.on("GET", paths.service("ns", "alias"), ok({"spec": {"type": "ExternalName", "externalName": "pg.db.svc.cluster.local"}}))
        seen = first(api, "postgres://u:pencil@alias/x")
        assert "accepts the login" in seen.sentence and "externalName of Service alias in namespace ns" in seen.sentence


def test_the_database_is_looked_at_beside_the_loop_and_soon_again_but_then_not_at_once():
    with FakeApi() as api:
        api.on("GET", paths.namespace("db"), ok({}))
        look = look_at(api)
        assert look.facts()["sentence"] == "", "the loop does not wait for it"
        until(lambda: "there is no Service" in look.seen.sentence and not look._busy.locked())
        first_look = len(api.seen)
        assert look.facts()["away"]
        until(lambda: len(api.seen) > first_look and not look._busy.locked())
        asked = len(api.seen)
        assert look.facts()["sentence"] and len(api.seen) == asked


def test_one_session_is_asked_again_and_again_and_its_loss_is_no_news():
    holder = ("77", "nightly", "r", "active", "4", "UPDATE users SET email = 'a@example.com'")
    answers = {BLOCKED: [[], [holder], []], BUSY: [("0",)], THERE: [("t",)], HISTORY: history(17)}
    with FakePostgres(answers) as server, answering(server.port) as api:
        looks = look_at(api).looks()
        seen = [next(looks), next(looks), next(looks)]
        server.answers[BLOCKED] = None
        assert list(looks) == [], "the server hung up"
    blocker = "process 77 (application nightly, role r, active, transaction open for 4 s, running statement: UPDATE users SET email =…)"
    assert [s.blocked_by for s in seen] == ["", blocker, ""] and len(server.started) == 1
    assert not any(s.away for s in seen) and {s.history_now for s in seen} == {(17,)}


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("LOCK TABLE  users\n IN ACCESS EXCLUSIVE MODE", "last statement: LOCK TABLE users IN ACCESS EXCLUSIVE MODE)"),
        ("SELECT * FROM t WHERE card = 4111111111111111", "last statement: SELECT * FROM t WHERE card =…)"),
        ("DO $x$ secret $x$", "last statement: DO…)"),
        ("SELECT a1 -- secret", "last statement: SELECT a1…)"),
        (f"SELECT {'a' * 200}", f"last statement: SELECT {'a' * 73}…)"),
        ("<insufficient privilege>", "idle in transaction)"),
        ("", "idle in transaction)"),
    ],
)
def test_a_blockers_statement_is_shown_up_to_its_first_value(query, shown):
    found = database_look._blocker("7", "", "r", "idle in transaction", "0", query)
    assert found.endswith(shown) and found.startswith("process 7 (application unnamed, role r, idle in transaction")


def test_work_is_a_session_at_work_or_one_more_migration():
    answers = {BUSY: [[("0",)], [("2",)], [("0",)]], THERE: [("t",)], HISTORY: history(17)}
    with FakePostgres(answers) as server, answering(server.port) as api:
        looks = look_at(api).looks()
        assert next(looks).worked == 0
        second = next(looks)
        assert second.sessions == 2 and second.worked
        assert next(looks).worked == second.worked
        server.answers[HISTORY] = history(17, 18)
        assert next(looks).worked >= second.worked
        server.answers[HISTORY] = Error("42501", "permission denied")
        assert next(looks).history_now is None, "the rest is told all the same"


def test_the_history_before_and_at_the_end():
    with FakePostgres({THERE: [("t",)], HISTORY: history(17, 18)}) as server, answering(server.port) as api:
        look = look_at(api)
        assert look.begin()["address"] == "the database x on pg.db:5432"
        until(lambda: look.conclude()["before_at"])
        server.answers[HISTORY] = history(17, 18, 19)
        known = look.conclude()
        assert known["history_before"] == (17, 18) and known["history_now"] == (17, 18, 19)
        server.refuse = Error("3D000", 'database "x" does not exist')
        assert look.conclude()["history_now"] == ()
        server.refuse = Error("53300", "too many connections")
        known = look.conclude()
        assert known["history_now"] is None and known["unasked"] == "too many connections"


@pytest.mark.parametrize(
    ("url", "part"),
    [("postgres://u:p@db.example.invalid/x", "has no address: the host name cannot be resolved"), ("postgres://u:p@0.0.0.0:9/x", "refuses the connection")],
)
def test_what_cannot_be_reached_from_here_may_be_there_for_the_pods(url, part):
    with FakeApi() as api:
        (seen,) = look_at(api, url).looks()
        unasked = look_at(api, url).conclude()["unasked"]
    assert not seen.away and part in seen.sentence and "tried from this machine" in seen.sentence
    assert unasked == seen.sentence.replace("2 s", "1 s"), "the same words at the end of the run"


def test_an_answer_that_nobody_expects_is_a_sentence_and_no_traceback(capfd):
    with FakePostgres({THERE: [(None,)], BUSY: [("many",)]}) as server, answering(server.port) as api:
        look = look_at(api)
        look.facts()
        until(lambda: not look._busy.locked())
        assert "could not be queried: invalid literal" in look.seen.sentence and not look.seen.away
        server.answers[THERE] = []
        assert look.conclude()["history_now"] is None
    assert "Traceback" not in capfd.readouterr().err


def test_what_is_no_postgresql_is_named():
    def hello(listener):
        client, _address = listener.accept()
        client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        client.recv(100)

    with socket.create_server(("127.0.0.1", 0)) as listener, answering(listener.getsockname()[1]) as api:
        threading.Thread(target=hello, args=(listener,), daemon=True).start()
        assert first(api).sentence == "the program that answers at pg.db:5432 is not PostgreSQL"


def test_a_session_ends_when_nobody_wants_to_know_and_with_the_run(monkeypatch):
    monkeypatch.setattr(database_look, "EVERY", 0.01)
    monkeypatch.setattr(database_look, "UNWANTED", 0.05)
    with FakePostgres({BUSY: [("0",)], THERE: [(None,)]}) as server, answering(server.port) as api:
        look = look_at(api)
        look.facts()
        until(lambda: not look._busy.locked())
        assert look.seen.sentence
        look.stop()
        look.facts()
        until(lambda: not look._busy.locked())
        until(lambda: server.ended == len(server.started) == 2)


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
    one = picture(3, facts='Service pg refuses the login of x: too many connections for role "x" (53300)')
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


def test_a_migration_that_works_without_a_word_is_not_silent():
    """RUST_LOG=error and a long migration: a session of its role is at work, so nothing waits for a connection."""
    one = picture(170, facts="Service pg answers")
    assert [c.code for c in find(one)] == ["DatabaseSilent"]
    one.objects["Facts"]["database"]["worked"] = one.now - 2
    (found,) = find(one)
    assert found.code == "MigrationWaits" and "sessions of the gateway's PostgreSQL role are active" in found.cause and found.budget is None
    one.objects["Facts"]["database"]["worked"] = one.now - 20
    (found,) = find(one)
    assert found.code == "DatabaseSilent" and found.since == one.now - 20, "its time runs from the last work on"
    one.objects["Facts"]["database"] |= {"worked": one.now - 1, "blocked_by": "process 77 (application nightly, role r)"}
    (found,) = find(one)
    assert found.code == "MigrationWaits" and "process 77" in found.cause and "pg_terminate_backend(77)" in found.hint


def test_a_host_that_does_not_exist_is_named():
    text = "Error: x\n\nCaused by:\n    failed to lookup address information: Name or service not known\n"
    failed = picture(5, log=text)
    failed.objects["Facts"]["database"]["address"] = "the database x on nowhere:5432"
    failed.objects["Pod"]["r-migrate-a"]["status"]["containerStatuses"][0]["state"] = {"terminated": {"exitCode": 1, "finishedAt": stamp(2)}}
    (found,) = find(failed)
    assert found.code == "DatabaseHostUnknown" and "nowhere:5432" in found.cause


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
