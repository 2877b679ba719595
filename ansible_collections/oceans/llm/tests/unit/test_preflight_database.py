# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What preflight reads out of the database, and what it makes of it."""

from __future__ import annotations

import json
import socket
import time
from dataclasses import replace

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.gateway import schema
from ansible_collections.oceans.llm.plugins.plugin_utils.gateway.database_url import Target
from ansible_collections.oceans.llm.plugins.plugin_utils.gateway.schema import Known
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.preflight import ask_database
from ansible_collections.oceans.llm.plugins.plugin_utils.preflight.checks import database
from ansible_collections.oceans.llm.plugins.plugin_utils.preflight.facts import Database, Picture, Wanted

from .fake_api import FakeApi, objects, ok, status
from .fake_postgres import CLEAR, Error, FakePostgres
from .test_preflight import CONFIG, GOOD, codes, configuration, gateway, live_secret

HERE = "the database oceans on pg:5432"


def history(last: int, **other: tuple[str, str]) -> tuple:
    rows = [(schema.FIRST + i, name, f"V{schema.FIRST + i}__{name}.sql") for i, name in enumerate(schema.NAMES)]
    rows += [(v, f"later_{v}", f"V{v}__later_{v}.sql") for v in range(48, last + 1)]
    return tuple((v, *other.get(f"v{v}", (name, checksum))) for v, name, checksum in rows if v <= last)


def picture(tag: str, answer: Database | None, migrates: bool = True, repository: str = "ghcr.io/ahstn/oceans-llm-gateway") -> Picture:
    deployment = gateway(**({"initContainers": [{"name": "wait", "command": ["gateway"], "args": ["migrate", "--check"]}]} if migrates else {}))
    deployment["spec"]["template"]["spec"]["containers"][0]["image"] = f"{repository}:{tag}"
    return Picture(wanted=Wanted("r", "ns"), objects=(deployment, configuration(CONFIG)), secrets={"s": live_secret("s", **GOOD)}, database=answer)


@pytest.mark.parametrize(
    ("image", "known"),
    [
        ("ghcr.io/ahstn/oceans-llm-gateway:v0.24.0", Known(45, True)),
        ("registry:5000/mirror/oceans-llm-gateway:v0.23.0@sha256:" + "a" * 64, Known(43, True)),
        ("127.0.0.1:5000/oceans-llm/gateway:0.22.0", Known(43, True)),
        ("oceans-llm-gateway:v0.20.0", Known(41, True)),
        ("oceans-llm-gateway:v0.18.0", Known(40, True)),
        ("oceans-llm-gateway:v0.17.0", Known(39, True)),
        ("oceans-llm-gateway:v0.16.0", Known(38, True)),
        ("oceans-llm-gateway:v0.14.0", Known(37, True)),
        ("oceans-llm-gateway:v0.11.2", Known(33, True)),
        ("oceans-llm-gateway:v0.11.1", Known(32, True)),
        ("oceans-llm-gateway:v0.10.0", Known(32, True)),
        ("oceans-llm-gateway:v0.6.0", Known(18, True)),
        ("oceans-llm-gateway:v0.10.3", Known(32, False)),  # a patch release may have brought a migration
        ("oceans-llm-gateway:v0.24.1", Known(45, False)),
        ("oceans-llm-gateway:v0.5.0", None),
        ("oceans-llm-gateway:v0.25.0", None),
        ("oceans-llm-gateway:v1.0.0", None),
        ("oceans-llm-gateway:latest", None),
        ("oceans-llm-gateway:v0.23.0-fix", None),
        ("ghcr.io/me/fork-of-gateway:v0.23.0", None),
        ("oceans-llm-gateway", None),
    ],
)
def test_what_an_image_knows_is_told_by_its_release_or_not_at_all(image, known):
    assert schema.newest(schema.release_of(image)) == known


def test_a_release_on_a_database_one_migration_ahead_is_found_before_anything_is_written():
    assert [f.severity for f in database.find(picture("v0.14.0", Database(where=HERE, history=history(38))))] == ["error"]


@pytest.mark.parametrize(("tag", "at"), [("v0.24.1", 46), ("v0.22.3", 44)])
def test_a_patch_release_that_is_not_known_is_no_error_on_a_guess(tag, at):
    (finding,) = database.find(picture(tag, Database(where=HERE, history=history(at))))
    assert (finding.code, finding.severity) == ("ImageOlderThanDatabase", "warning") and "this collection does not know this patch release" in finding.sentence


def test_the_tables_that_the_gateway_takes_for_somebody_elses():
    assert len(schema.TABLES) == len(set(schema.TABLES)) == 63
    assert [f.code for f in database.find(picture("v0.24.0", Database(where=HERE, tables=("audit_logs",))))] == ["DatabaseForeign"]
    assert list(database.find(picture("v0.24.0", Database(where=HERE, tables=("batch_jobs",))))) == [], "this release does not look for it"
    assert [f.code for f in database.find(picture("v0.25.0", Database(where=HERE, tables=("batch_jobs",))))] == ["DatabaseForeign"]


def test_the_names_of_a_release_to_come_may_still_change():
    (finding,) = database.find(picture("latest", Database(where=HERE, history=history(47, v46=("other", "V46__other.sql")))))
    assert (finding.code, finding.severity) == ("MigrationHistoryForeign", "warning")


def test_an_older_image_is_refused_before_anything_is_written_with_the_way_forward():
    (finding,) = database.find(picture("v0.23.0", Database(where=HERE, history=history(45))))
    assert (finding.code, finding.severity) == ("ImageOlderThanDatabase", "error")
    assert "at V45" in finding.sentence and "at most V43" in finding.sentence and "deploy v0.24.0 or later" in finding.hint
    assert "recreate" not in finding.hint


def test_a_database_that_no_known_release_made_has_no_release_to_go_to():
    (finding,) = database.find(picture("v0.24.0", Database(where=HERE, history=history(47))))
    assert "at V47" in finding.sentence and "the release that migrated the database" in finding.hint


@pytest.mark.parametrize(("tag", "at"), [("v0.24.0", 45), ("v0.24.0", 43), ("v0.25.0", 47), ("latest", 47), ("v0.24.0", 0)])
def test_a_database_that_fits_or_cannot_be_judged_is_no_finding(tag, at):
    assert list(database.find(picture(tag, Database(where=HERE, history=history(at))))) == []


@pytest.mark.parametrize("row", [("request_log_tool_cardinality", "V20__other.sql"), ("other", "V20__other.sql")])
def test_another_history_is_named_by_its_first_version(row):
    (finding,) = database.find(picture("latest", Database(where=HERE, history=history(45, v20=row, v30=row))))
    assert finding.code == "MigrationHistoryForeign" and finding.sentence.startswith("migration V20 ")


def test_somebody_elses_database():
    (finding,) = database.find(picture("v0.24.0", Database(where=HERE, tables=("teams", "users"))))
    assert finding.code == "DatabaseForeign" and "teams, users" in finding.sentence


def test_where_nothing_migrates_the_gateway_would_not_even_look():
    found = [*database.find(picture("v0.23.0", Database(where=HERE, history=history(45)), migrates=False))]
    assert [(f.code, f.severity) for f in found] == [("ImageOlderThanDatabase", "warning")]


def test_a_refused_login_is_a_warning_and_a_full_server_is_none():
    refused = Database(where=HERE, refusal='password authentication failed for user "x"', sqlstate="28P01")
    (finding,) = database.find(picture("v0.24.0", refused))
    assert (finding.code, finding.severity) == ("DatabaseAuth", "warning") and "28P01" in finding.sentence
    (finding,) = database.find(picture("v0.24.0", replace(refused, sqlstate="3D000")))
    assert (finding.code, finding.severity) == ("DatabaseMissing", "warning"), "a database that does not exist has the rollout's code, too"
    assert list(database.find(picture("v0.24.0", Database(unknown="too many connections")))) == [] == list(database.find(picture("v0.24.0", None)))


# --- asking ---------------------------------------------------------------------------------------------------------------

HISTORY, TABLES, THERE = "FROM public.refinery_schema_history", "FROM pg_tables", "to_regclass"


@pytest.fixture
def server():
    answers = {THERE: [("refinery_schema_history",)], HISTORY: [("17", "baseline", "V17__baseline.sql")]}
    with FakePostgres(answers, password="hunter2") as fake:
        yield fake


@pytest.fixture
def api(server):
    """One Service, pg, whose end is no pod but an address: the one of the server that is played."""
    with FakeApi() as fake:
        fake.on("GET", paths.service("ns", "pg"), ok({"spec": {"ports": [{"port": 5432}]}}))
        ends = [{"conditions": {"ready": True}, "addresses": ["127.0.0.1"]}]
        slices = objects("EndpointSlice", "1", {"metadata": {"name": "a"}, "ports": [{"port": server.port}], "endpoints": ends})
        fake.on("GET", paths.endpointslices("ns"), slices)
        yield fake


@pytest.fixture
def cluster(api):
    return Cluster.connect({"host": api.url, "api_key": "t"})


def asked(url: str = "postgresql://u:hunter2@pg/oceans") -> Picture:
    return replace(picture("v0.24.0", None), secrets={"s": live_secret("s", **{**GOOD, "POSTGRES_URL": url})})


def test_the_history_is_read(cluster, server):
    found = ask_database.look(asked(), cluster)
    assert found == Database(where=HERE, history=((17, "baseline", "V17__baseline.sql"),)) and found.phrase() == "at V17 baseline"
    assert "hunter2" not in repr(found) and not any(TABLES in sql for sql in server.seen)


def test_without_a_history_the_tables_are_looked_for(cluster, server):
    server.answers = {THERE: [(None,)], TABLES: [("users",)]}
    assert ask_database.look(asked(), cluster).tables == ("users",)
    server.answers = {THERE: [(None,)]}
    found = ask_database.look(asked(), cluster)
    assert found == Database(where=HERE) and found.phrase() == "without a schema"


@pytest.mark.parametrize(
    ("refuse", "sqlstate", "unknown"),
    [
        (Error("3D000", 'database "x" does not exist'), "3D000", ""),
        (Error("28P01", 'password authentication failed for user "u"'), "28P01", ""),
        (Error("53300", "too many connections"), "", "too many connections"),
    ],
)
def test_what_the_server_says_instead_of_a_login(cluster, server, refuse, sqlstate, unknown):
    server.refuse = refuse
    found = ask_database.look(asked(), cluster)
    assert found.sqlstate == sqlstate and unknown in found.unknown and bool(found.unknown) == bool(unknown)


def test_what_the_server_says_instead_of_an_answer(cluster, server):
    server.answers[HISTORY] = Error("42501", "permission denied for table refinery_schema_history")
    assert ask_database.look(asked(), cluster).unknown == f"{HERE}: permission denied for table refinery_schema_history"
    server.login = CLEAR
    assert "in clear text" in ask_database.look(asked(), cluster).unknown


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("postgresql://u:p@nowhere/d", "there is no Service nowhere in namespace ns"),
        ("postgresql://u:p@127.0.0.1/d", "127.0.0.1 is the pod itself"),
        ("postgresql://u:p@[::1]:5432/d", "::1 is the pod itself"),
        ("postgresql://u:p@localhost/d", "localhost is the pod itself"),
        ("postgresql://u:p@a,b/d", "several servers (a,b)"),
        ("postgresql://u:p@/d?host=/run/pg", "a Unix socket in the pod (/run/pg)"),
        ("postgresql://u:hunter2@pg/oceans?sslmode=require", "the server does not offer TLS, but sslmode=require requires TLS"),
    ],
)
def test_a_server_that_cannot_be_asked_from_here_is_unknown(cluster, url, part):
    found = ask_database.look(asked(url), cluster).unknown
    assert part in found and "hunter2" not in found


def test_a_caller_who_may_not_look_there_is_told_what_that_takes(api, cluster):
    api.script[("GET", paths.service("ns", "pg"))] = [status(403, "Forbidden", 'services "pg" is forbidden: User "x" cannot get it')]
    found = ask_database.look(asked(), cluster).unknown
    assert found == "the caller lacks the permission to reach pg in namespace ns (services, endpointslices, pods/portforward)"


def test_a_server_that_says_nothing_does_not_hold_up_the_others(api, cluster, monkeypatch):
    monkeypatch.setattr(ask_database, "LIMIT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        ends = [{"conditions": {"ready": True}, "addresses": ["127.0.0.1"]}]
        port = deaf.getsockname()[1]
        slices = objects("EndpointSlice", "1", {"metadata": {"name": "a"}, "ports": [{"port": port}], "endpoints": ends})
        api.script[("GET", paths.endpointslices("ns"))] = [slices]
        began = time.monotonic()
        assert ask_database.look(asked(), cluster).unknown == f"{HERE} did not answer within 0.2 s" and time.monotonic() - began < 1


def test_an_external_name_is_followed(api, cluster):
    api.on("GET", paths.service("ns", "alias"), ok({"spec": {"type": "ExternalName", "externalName": "pg.ns.svc.cluster.local."}}))
    assert ask_database.look(asked("postgresql://u:hunter2@alias/oceans"), cluster).history
    api.on("GET", paths.service("ns", "loop"), ok({"spec": {"type": "ExternalName", "externalName": "loop.ns.svc"}}))
    assert "leads to a chain of more than" in ask_database.look(asked("postgresql://u:hunter2@loop/oceans"), cluster).unknown


def test_a_host_of_two_labels_that_is_no_service_is_asked_from_here(api, cluster):
    found = ask_database.look(asked("postgresql://u:p@db.invalid/d"), cluster).unknown
    assert "no Service" not in found and "db.invalid" in found
    assert api.asked(paths.service("invalid", "db")) == 1


def test_the_url_is_the_one_that_the_pods_will_have():
    wanted = Wanted("r", "ns", secrets_source="provision", secret_name="s", provision={"POSTGRES_URL": b"postgres://u:p@new/d"})
    new = replace(picture("v0.24.0", None), wanted=wanted)
    assert ask_database.target(new) == Target("new", 5432, "u", "p", "d")


def test_an_operators_secret_that_is_there_already_is_used():
    env = [{"name": "POSTGRES_URL", "valueFrom": {"secretKeyRef": {"name": "db-app", "key": "uri"}}}]
    cnpg = {"apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "metadata": {"name": "db"}}
    first = Picture(wanted=Wanted("r", "ns"), objects=(gateway(env, []), configuration(CONFIG), cnpg), secrets={"db-app": None})
    assert ask_database.target(first) is None, "a first install"
    assert ask_database.target(replace(first, secrets={"db-app": live_secret("db-app", uri="postgresql://u:p@db-rw.ns/x")})).host == "db-rw.ns"


def test_a_login_that_the_url_leaves_out_is_taken_from_its_own_variables():
    env = [
        {"name": "PGUSER", "valueFrom": {"secretKeyRef": {"name": "login", "key": "username"}}},
        {"name": "PGPASSWORD", "valueFrom": {"secretKeyRef": {"name": "login", "key": "password"}}},
        {"name": "POSTGRES_URL", "value": "postgresql://db-rw:5432/x"},
    ]
    login = live_secret("login", username="u", password="p@ss:w/o#r%d")
    known = Picture(wanted=Wanted("r", "ns"), objects=(gateway(env, []), configuration(CONFIG)), secrets={"login": login})
    assert ask_database.target(known) == Target("db-rw", 5432, "u", "p@ss:w/o#r%d", "x")
    assert ask_database.target(replace(known, secrets={"login": None})) is None, "without a login there is nothing to ask with"


def test_no_url_is_no_question():
    assert ask_database.target(replace(picture("v0.24.0", None), objects=(gateway(), configuration({"database": {"url": "literal.x"}})))) is None
    assert ask_database.target(Picture(wanted=Wanted("r", "ns"))) is None


def test_the_sentences_hold_no_password():
    text = json.dumps([f.as_dict() for f in database.find(picture("v0.23.0", Database(where=HERE, history=history(45))))])
    assert "hunter2" not in text and codes(database.find(picture("v0.23.0", Database(where=HERE, history=history(43))))) == []


@pytest.mark.parametrize(
    ("url", "beside", "code"),
    [
        ("postgresql://u:p@localhost:5432/d", False, "DatabaseUnreachable"),
        ("postgresql://u:p@[::1]/d", False, "DatabaseUnreachable"),
        ("postgresql://u:p@%2Fvar%2Frun%2Fpostgresql/d", False, "DatabaseUnreachable"),
        ("postgresql:///d?host=/cloudsql/p:r:i&user=u", True, ""),
        ("postgresql://u:p@127.0.0.1/d", True, ""),
        ("postgresql://u:p@pg/d?sslmode=verify-full&sslrootcert=/etc/ca/ca.pem", False, "DatabaseTls"),
        ("postgresql://u:p@pg/d?sslmode=verify-full&sslrootcert=/mnt/ca/ca.pem", False, ""),
        ("postgresql://u:p@pg/d?sslrootcert=/etc/ssl/certs/ca-certificates.crt", False, ""),
    ],
)
def test_a_url_that_leads_into_the_pod_itself(url, beside, code):
    given = picture("v0.24.0", None)
    pod = given.objects[0]["spec"]["template"]["spec"]
    pod["containers"][0]["volumeMounts"] = [{"name": "ca", "mountPath": "/mnt/ca/"}]
    pod["containers"] += [{"name": "proxy", "image": "p"}] * beside
    pod["initContainers"][0]["name"] = "wait-for-migrations"
    secrets = {"s": live_secret("s", **{**GOOD, "POSTGRES_URL": url})}
    found = [(f.code, f.severity) for f in database.find(replace(given, secrets=secrets))]
    assert found == ([(code, "warning")] if code else [])
