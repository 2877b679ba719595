# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What preflight reads out of the database, and what it makes of it."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from dataclasses import replace

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.gateway import postgres
from ansible_collections.oceans.llm.plugins.plugin_utils.gateway.postgres import Refusal, Target
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.preflight import ask_database
from ansible_collections.oceans.llm.plugins.plugin_utils.preflight.checks import database
from ansible_collections.oceans.llm.plugins.plugin_utils.preflight.facts import Database, Picture, Wanted

from .fake_api import FakeApi, objects, ok, status
from .test_preflight import CONFIG, GOOD, codes, configuration, gateway, live_secret

HERE = "the database oceans on pg"


def history(last: int, **other: tuple[str, str]) -> tuple:
    rows = [(database.FIRST + i, name, f"V{database.FIRST + i}__{name}.sql") for i, name in enumerate(database.NAMES)]
    rows += [(v, f"later_{v}", f"V{v}__later_{v}.sql") for v in range(46, last + 1)]
    return tuple((v, *other.get(f"v{v}", (name, checksum))) for v, name, checksum in rows if v <= last)


def picture(tag: str, answer: Database | None, migrates: bool = True, repository: str = "ghcr.io/ahstn/oceans-llm-gateway") -> Picture:
    deployment = gateway(**({"initContainers": [{"name": "wait", "command": ["gateway"], "args": ["migrate", "--check"]}]} if migrates else {}))
    deployment["spec"]["template"]["spec"]["containers"][0]["image"] = f"{repository}:{tag}"
    return Picture(wanted=Wanted("r", "ns"), objects=(deployment, configuration(CONFIG)), secrets={"s": live_secret("s", **GOOD)}, database=answer)


@pytest.mark.parametrize(
    ("image", "known"),
    [
        ("ghcr.io/ahstn/oceans-llm-gateway:v0.24.0", 45),
        ("registry:5000/mirror/oceans-llm-gateway:v0.23.1@sha256:" + "a" * 64, 43),
        ("127.0.0.1:5000/oceans-llm/gateway:0.22.0", 43),
        ("oceans-llm-gateway:v0.20.0", 41),
        ("oceans-llm-gateway:v0.10.3", 34),  # at most: the next release that is known
        ("oceans-llm-gateway:v0.25.0", None),
        ("oceans-llm-gateway:v1.0.0", None),
        ("oceans-llm-gateway:latest", None),
        ("oceans-llm-gateway:v0.23.0-fix", None),
        ("ghcr.io/me/fork-of-gateway:v0.23.0", None),
        ("oceans-llm-gateway", None),
    ],
)
def test_what_an_image_knows_is_told_by_its_release_or_not_at_all(image, known):
    assert database.newest(image) == known


def test_an_older_image_is_refused_before_anything_is_written_with_the_way_forward():
    (finding,) = database.find(picture("v0.23.0", Database(where=HERE, history=history(45))))
    assert (finding.code, finding.severity) == ("ImageOlderThanDatabase", "error")
    assert "at V45" in finding.sentence and "at most V43" in finding.sentence and "deploy v0.24 or later" in finding.hint
    assert "recreate" not in finding.hint


def test_a_database_that_no_known_release_made_has_no_release_to_go_to():
    (finding,) = database.find(picture("v0.24.0", Database(where=HERE, history=history(47))))
    assert "at V47" in finding.sentence and "the release that migrated it" in finding.hint


@pytest.mark.parametrize(("tag", "at"), [("v0.24.0", 45), ("v0.24.0", 43), ("v0.25.0", 47), ("latest", 47), ("v0.24.0", 0)])
def test_a_database_that_fits_or_cannot_be_judged_is_no_finding(tag, at):
    assert list(database.find(picture(tag, Database(where=HERE, history=history(at))))) == []


@pytest.mark.parametrize("row", [("request_log_tool_cardinality", "V20__other.sql"), ("other", "V20__other.sql")])
def test_another_history_is_named_by_its_first_version(row):
    (finding,) = database.find(picture("latest", Database(where=HERE, history=history(45, v20=row, v30=row))))
    assert finding.code == "MigrationHistoryForeign" and finding.sentence.startswith("V20 ")


def test_somebody_elses_database():
    (finding,) = database.find(picture("v0.24.0", Database(where=HERE, tables=("teams", "users"))))
    assert finding.code == "DatabaseForeign" and "teams, users" in finding.sentence


def test_where_nothing_migrates_the_gateway_would_not_even_look():
    found = [*database.find(picture("v0.23.0", Database(where=HERE, history=history(45)), migrates=False))]
    assert [(f.code, f.severity) for f in found] == [("ImageOlderThanDatabase", "warning")]


def test_a_refused_login_is_a_warning_and_a_full_server_is_none():
    refused = Database(where=HERE, refusal='password authentication failed for user "x"', sqlstate="28P01")
    (finding,) = database.find(picture("v0.24.0", refused))
    assert (finding.code, finding.severity) == ("DatabaseLogin", "warning") and "28P01" in finding.sentence
    assert list(database.find(picture("v0.24.0", Database(unknown="too many connections")))) == [] == list(database.find(picture("v0.24.0", None)))


# --- asking ---------------------------------------------------------------------------------------------------------------


class Answers:
    """In place of the conversation with PostgreSQL (test_postgres.py plays that)."""

    def __init__(self, monkeypatch, *answers):
        self.sql, self.answers = [], list(answers)
        monkeypatch.setattr(postgres, "ask", self)

    def __call__(self, stream, where, sql):
        self.sql.append(sql)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def api():
    with FakeApi() as fake:
        fake.on("GET", paths.service("ns", "pg"), ok({"spec": {"ports": [{"port": 5432}]}}))
        ends = [{"conditions": {"ready": True}, "targetRef": {"kind": "Pod", "name": "pg-0"}}]
        fake.on("GET", paths.endpointslices("ns"), objects("EndpointSlice", "1", {"metadata": {"name": "a"}, "ports": [{"port": 5432}], "endpoints": ends}))
        yield fake


@pytest.fixture
def cluster(api, monkeypatch):
    made = Cluster.connect({"host": api.url, "api_key": "t"})
    monkeypatch.setattr(made, "port_forward", lambda ns, pod, port, patience: contextlib.nullcontext((ns, pod, port)))
    return made


def asked(url: str = "postgresql://u:hunter2@pg/oceans") -> Picture:
    return replace(picture("v0.24.0", None), secrets={"s": live_secret("s", **{**GOOD, "POSTGRES_URL": url})})


def test_the_history_is_read(cluster, monkeypatch):
    answers = Answers(monkeypatch, [["17", "baseline", "V17__baseline.sql"]])
    found = ask_database.look(asked(), cluster)
    assert found == Database(where=HERE, history=((17, "baseline", "V17__baseline.sql"),)) and found.phrase() == "at V17 baseline"
    assert answers.sql == [ask_database.HISTORY] and "hunter2" not in repr(found)


def test_without_a_history_the_tables_are_looked_for(cluster, monkeypatch):
    Answers(monkeypatch, Refusal("42P01", "no such relation"), [["users"]])
    assert ask_database.look(asked(), cluster).tables == ("users",)
    Answers(monkeypatch, Refusal("42P01", "no such relation"), [])
    found = ask_database.look(asked(), cluster)
    assert found == Database(where=HERE) and found.phrase() == "without a schema"


@pytest.mark.parametrize(
    ("error", "sqlstate", "unknown"),
    [
        (Refusal("3D000", 'database "x" does not exist'), "3D000", ""),
        (Refusal("53300", "too many connections"), "", "too many connections"),
        (Refusal("42501", "permission denied for table refinery_schema_history"), "", "permission denied"),
        (Refusal("", "the server wants the password in the clear or as MD5"), "", "in the clear"),
        (TimeoutError("timed out"), "", "timed out"),
    ],
)
def test_what_the_server_says_instead(cluster, monkeypatch, error, sqlstate, unknown):
    Answers(monkeypatch, error)
    found = ask_database.look(asked(), cluster)
    assert found.sqlstate == sqlstate and unknown in found.unknown and bool(found.unknown) == bool(unknown)


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("postgresql://u:p@nowhere/d", "no such Service"),
        ("postgresql://u:p@127.0.0.1/d", "the address of the pod itself"),
        ("postgresql://u:p@[::1]:5432/d", "of the pod"),
    ],
)
def test_a_server_that_cannot_be_reached_from_here_is_unknown(cluster, url, part):
    assert part in ask_database.look(asked(url), cluster).unknown


def test_a_caller_who_may_not_look_there_is_told_what_that_takes(api, cluster):
    api.script[("GET", paths.service("ns", "pg"))] = [status(403, "Forbidden", 'services "pg" is forbidden: User "x" cannot get it')]
    found = ask_database.look(asked(), cluster).unknown
    assert found == "the caller may not look for pg in namespace ns (services, endpointslices, pods/portforward)"


def test_a_server_that_says_nothing_does_not_hold_up_the_others(cluster, monkeypatch):
    monkeypatch.setattr(ask_database, "LIMIT", 0.2)
    monkeypatch.setattr(ask_database, "_ask", lambda *_args: time.sleep(3))
    began = time.monotonic()
    assert "no answer within" in ask_database.look(asked(), cluster).unknown and time.monotonic() - began < 1


def test_an_address_outside_of_the_cluster_is_asked_from_here(cluster, monkeypatch):
    Answers(monkeypatch, [])
    tried = []
    monkeypatch.setattr(socket, "create_connection", lambda address, timeout: tried.append((address, timeout)) or socket.socket())
    assert ask_database.look(asked("postgresql://u:p@db.example.com:6432/d"), cluster).unknown == ""
    assert tried == [(("db.example.com", 6432), ask_database.PATIENCE)]


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
