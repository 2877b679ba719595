# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions with a PostgreSQL server (pg8000): what is sent, what is never sent, and what its refusals become."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
from dataclasses import replace

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.gateway import driver
from ansible_collections.oceans.llm.plugins.plugin_utils.gateway.database_url import Target, target
from ansible_collections.oceans.llm.plugins.plugin_utils.gateway.postgres import NotAsked, NotPostgres, Refusal, Session

from .fake_postgres import CLEAR, MD5, Error, FakePostgres

WHERE = Target("localhost", 5432, "u", "pencil", "db")


def ask(server: FakePostgres, where: Target = WHERE, sql: str = "SELECT 1") -> list[list[str]]:
    stream = socket.create_connection(("127.0.0.1", server.port), timeout=2)
    with contextlib.closing(stream), contextlib.closing(Session(stream, replace(where, port=server.port))) as session:
        return session.rows(sql)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgres://u:p%40ss@db.ns:5433/x", Target("db.ns", 5433, "u", "p@ss", "x")),
        ("postgresql://u@db?sslmode=require\n", Target("db", 5432, "u", "", "u", "require")),
        ("postgres://u:p@ss/w#rd@db.example.com/x", Target("db.example.com", 5432, "u", "p@ss/w#rd", "x")),
        ("postgres://[::1]:5432/x", Target("::1", 5432, "", "", "x")),
        ("postgres://u:p@[fd00::1]/x", Target("fd00::1", 5432, "u", "p", "x")),
        ("postgres://u:p@a:5432,b:5433/x", Target("a:5432,b:5433", 5432, "u", "p", "x")),
        ("postgres://u:p@/x?host=db.ns&port=6432", Target("db.ns", 6432, "u", "p", "x")),
        ("postgres://u:p@old/x?host=/var/run/postgresql", Target("/var/run/postgresql", 5432, "u", "p", "x")),
        ("postgres://%2Fvar%2Frun/x", Target("/var/run", 5432, "", "", "x")),
        ("postgres:///x", Target("localhost", 5432, "", "", "x")),
        ("postgres://db/x?user=u&password=p&sslmode=verify-full&sslrootcert=/ca.pem", Target("db", 5432, "u", "p", "x", "verify-full", "/ca.pem")),
        ("postgres://db/x?ssl-mode=VERIFY_CA", Target("db", 5432, "", "", "x", "verify-ca")),
        ("postgres://db:99999/x", None),
        ("sqlite://x", None),
        ("", None),
    ],
)
def test_a_url_is_taken_apart(url, expected):
    assert Target.parse(url) == expected
    assert "p@ss" not in repr(Target.parse(url)) and "user=" not in repr(Target.parse(url)), "user and password stay out of every text"


def test_what_the_url_leaves_out_is_in_the_environment():
    known = {"URL": "postgres:///", "PGHOST": "pg.db", "PGPORT": "6432", "PGUSER": "u", "PGPASSWORD": "p", "PGDATABASE": "x", "PGSSLMODE": "require"}
    configuration = {"database": {"url": "env.URL"}}
    assert target(configuration, lambda name: known.get(name, "")) == Target("pg.db", 6432, "u", "p", "x", "require")
    assert target(configuration, lambda _name: "") is None is target({"database": {"url": "postgres://u@h/x"}}, lambda _name: "")
    assert target({"database": {"url": "literal.postgres://u@h/x"}}, lambda _name: "") == Target("h", 5432, "u", "", "x")
    assert target({}, lambda name: known.get(name, "")) is None


@pytest.mark.parametrize(("host", "text"), [("pg", "the database db on pg:5432"), ("::1", "the database db on [::1]:5432")])
def test_a_target_is_named_by_host_port_and_database(host, text):
    assert str(replace(WHERE, host=host)) == text


def test_one_question_and_its_rows():
    with FakePostgres({"SELECT 1": [("42", "häh", None), ("43", "", "r")]}) as server:
        assert ask(server) == [["42", "häh", ""], ["43", "", "r"]]
    assert server.seen == ["BEGIN READ ONLY; SET LOCAL statement_timeout = '1000ms'; SELECT 1; COMMIT"]
    (started,) = server.started
    assert sorted(started[4:].rstrip(b"\0").split(b"\0")[::2]) == [b"application_name", b"database", b"user"], "a pooler refuses others"


def test_what_the_server_says():
    with FakePostgres(refuse=Error("53300", "too many connections for role")) as server, pytest.raises(Refusal, match="too many") as refusal:
        ask(server)
    assert refusal.value.sqlstate == "53300"
    with FakePostgres(password="other") as server, pytest.raises(Refusal) as refusal:
        ask(server)
    assert refusal.value.sqlstate == "28P01"
    with FakePostgres({"SELECT 1": Error("42501", "permission denied")}) as server, pytest.raises(Refusal, match="permission denied"):
        ask(server)
    assert server.seen[-1] == "ROLLBACK", "a pooled connection is given back"


@pytest.mark.parametrize("login", [CLEAR, MD5])
def test_a_password_is_never_sent(login):
    with FakePostgres(login=login) as server, pytest.raises(NotAsked, match="in clear text"):
        ask(server)
    assert not any(server.sent)


def test_a_server_that_hangs_up_is_an_error_of_the_connection():
    near, far = socket.socketpair()
    far.close()
    with pytest.raises(OSError):
        Session(near, WHERE)
    with FakePostgres({"SELECT 1": None}) as server, pytest.raises(OSError):
        ask(server)


@pytest.mark.parametrize("greeting", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"-ERR unknown command\r\n", b"J\0\0\0\n8.0.36\0"])
def test_what_is_no_postgresql_is_named_so(greeting):
    near, far = socket.socketpair()
    far.sendall(greeting)
    with pytest.raises(NotPostgres, match="the program that answers at localhost:5432 is not PostgreSQL"):
        Session(near, WHERE)


def test_without_the_package_nothing_is_asked(monkeypatch):
    monkeypatch.setattr(driver, "IMPORT_ERROR", ImportError("no"))
    with FakePostgres() as server, pytest.raises(NotAsked, match="the Python package pg8000 is not installed"):
        ask(server)
    assert not server.started


# --- TLS -----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """(server's context, path of its certificate): for localhost, signed by itself."""
    folder = tmp_path_factory.mktemp("tls")
    key, path = folder / "key.pem", folder / "cert.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*made, "-keyout", key, "-out", path], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, key)
    return context, path


@pytest.mark.parametrize("sslmode", ["require", "verify-ca", "verify-full"])
def test_no_clear_text_where_the_url_demands_tls(sslmode):
    with FakePostgres() as server, pytest.raises(NotAsked, match=f"sslmode={sslmode} requires TLS"):
        ask(server, replace(WHERE, sslmode=sslmode))
    assert not server.started


@pytest.mark.parametrize(("sslmode", "encrypted"), [("disable", False), ("prefer", True), ("require", True)])
def test_tls_where_it_is_wanted(certificate, sslmode, encrypted):
    with FakePostgres({"SELECT 1": [("1",)]}, tls=certificate[0]) as server:
        assert ask(server, replace(WHERE, sslmode=sslmode)) == [["1"]]


@pytest.mark.parametrize("sslmode", ["verify-ca", "verify-full"])
def test_no_login_without_a_checked_certificate_where_the_url_demands_it(certificate, monkeypatch, sslmode):
    where = replace(WHERE, sslmode=sslmode)
    with FakePostgres({"SELECT 1": [("1",)]}, tls=certificate[0]) as server:
        with pytest.raises(NotAsked, match="certificate, which fails on this machine"):
            ask(server, where)
        with pytest.raises(NotAsked, match="a file in the pods"):
            ask(server, replace(where, authority="/run/ca.pem"))
        assert not server.started
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[1]))
        assert ask(server, where) == [["1"]]
        if sslmode == "verify-full":
            with pytest.raises(NotAsked, match="certificate, which fails on this machine"):
                ask(server, replace(where, host="other.example"))
