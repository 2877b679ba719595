# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rotation of the database's login, against a real PostgreSQL server: refused before where it would fail, the old login locked at the end."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import psycopg2
import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.gateway.database_url import Target
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.accounts import Accounts
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.deployed import Gateway, NotPossible
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.rotation import Value
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.rotation_steps import DatabasePassword, ProviderToken, Run, lost_with_encryption_keys
from ansible_collections.oceans.llm.tests.unit.fake_api import FakeApi, event, objects, ok, stream, thing
from testbed.standin.tests.support import Database
from testbed.standin.tests.test_completions import provider

PASSWORD = "of a login"  # noqa: S105 - of a server that lives for a test run


@pytest.fixture
def logins(migrated: Database) -> Iterator[Database]:
    """The tables belong to `own`; `first` and `second` are logins that act as it."""
    migrated.run("CREATE ROLE own")
    for name in ("first", "second"):
        migrated.run(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}' IN ROLE own; ALTER ROLE {name} SET role = own")
    for (table,) in migrated.run("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
        migrated.run(f"ALTER TABLE {table} OWNER TO own")
    yield migrated
    migrated.drop()
    for name in ("first", "second", "own"):
        migrated.server.run(f"DROP ROLE {name}")
    migrated.server.run(f"CREATE DATABASE {migrated.name}")  # the fixture below drops it


@pytest.fixture
def cluster(migrated: Database) -> Iterator[Cluster]:
    with FakeApi() as api:
        api.on("GET", paths.service("ns", "pg"), ok({"spec": {"ports": [{"port": migrated.server.port}]}}))
        ends = [{"conditions": {"ready": True}, "addresses": ["127.0.0.1"]}]
        slices = objects("EndpointSlice", "1", {"metadata": {"name": "a"}, "ports": [{"port": migrated.server.port}], "endpoints": ends})
        api.on("GET", paths.endpointslices("ns"), slices)
        old = thing("Pod", "old", "1")
        old["metadata"]["deletionTimestamp"] = "2026-11-28T00:00:00Z"
        api.on("GET", paths.pods("ns"), objects("Pod", "1", old), objects("Pod", "3"))
        api.on("WATCH", paths.pods("ns"), stream(event("DELETED", thing("Pod", "old", "2"))))
        yield Cluster.connect({"host": api.url})


def url(database: Database, user: str, password: str = PASSWORD, name: str = "") -> str:
    return database.server.url(name or database.name, user, password).replace("127.0.0.1", "pg")


def step(cluster: Cluster, old: str, new: str, said: list[str] | None = None) -> DatabasePassword:
    said = [] if said is None else said
    gateway = Gateway({"metadata": {"namespace": "ns"}, "spec": {}}, {}, {}, ("gw", 8080))
    run = Run(cluster, gateway, Accounts(cluster, gateway), "r", 30, said.append)
    return DatabasePassword(run, [Value("database_password", "POSTGRES_URL", "s", "POSTGRES_URL", old=old, new=new)])


@contextlib.contextmanager
def used(database: Database, user: str, name: str = "psql") -> Iterator[None]:
    """A session, as the gateway's pods have."""
    with contextlib.closing(psycopg2.connect(url(database, user).replace("@pg", "@127.0.0.1"), application_name=name)):
        yield


def test_the_new_login_is_in_use_and_the_old_one_is_locked(cluster, logins):
    said: list[str] = []
    made = step(cluster, url(logins, "first"), url(logins, "second"), said)
    made.before()
    assert made.invalid().startswith("database login first (0 sessions) will be locked")
    with used(logins, "second"):
        new, old = made.proof()
    assert new == "1 database session of login second" and said == ["waiting for 1 old pod to stop, which may still use login first: old"]
    assert old == 'login first is refused (password authentication failed for user "first" (SQLSTATE 28P01))'
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"), used(logins, "first"):
        pass
    with used(logins, "second"):
        pass


def test_a_login_that_somebody_uses_is_not_locked(cluster, logins):
    made = step(cluster, url(logins, "first"), url(logins, "second"))
    made.before()
    with used(logins, "second"), used(logins, "first", "nightly-report"):
        _new, old = made.proof()
    assert old.startswith("NOT locked: login first still has 1 session (application_name: nightly-report); ")
    assert old.endswith("run as an administrator of the database server: ALTER ROLE first NOLOGIN")
    with used(logins, "first"):
        pass


def test_a_login_that_administrates_the_server_is_not_locked(cluster, logins):
    logins.run("ALTER ROLE first CREATEROLE")
    made = step(cluster, url(logins, "first"), url(logins, "second"))
    made.before()
    with used(logins, "second"):
        assert made.proof()[1].startswith("NOT locked: login first is an administrator of the database server")


def test_no_session_of_the_new_login_is_no_proof(cluster, logins):
    made = step(cluster, url(logins, "first"), url(logins, "second"))
    made.before()
    with (
        used(logins, "first"),
        pytest.raises(NotPossible, match=r"no database session uses the login second .* \(logins with sessions: first\)"),
    ):
        made.proof()


def test_what_would_fail_in_between_is_refused_before(cluster, logins, server):
    logins.run("CREATE ROLE stranger LOGIN PASSWORD 'x'")
    other = server.database()
    other.run("CREATE ROLE third LOGIN PASSWORD 'x' IN ROLE own")
    try:
        for new, says in (
            (url(logins, "first", "another"), "has the same login with another password.*CREATE ROLE first_b LOGIN PASSWORD"),
            (url(logins, "second", "wrong"), "refuses: password authentication failed for user .second."),
            (url(logins, "stranger", "x"), "does not own the gateway's tables .*GRANT first TO stranger"),
            (url(logins, "second", name=other.name), "names another database"),
            ("mysql://x", "is not a PostgreSQL URL"),
        ):
            with pytest.raises(NotPossible, match=says):
                step(cluster, url(logins, "first"), new).before()
    finally:
        for name in ("stranger", "third"):
            logins.run(f"DROP ROLE {name}")
        other.drop()


def test_what_the_encryption_keys_hold_is_counted(cluster, migrated):
    migrated.run("INSERT INTO service_accounts VALUES ('a', 'A')")
    migrated.run("INSERT INTO api_keys (public_part, secret_digest, owner) VALUES ('p', 'x', 'a')")
    migrated.run("INSERT INTO api_key_managed_credentials VALUES ('p', 'x')")
    run = step(cluster, "", "").run
    accounts = Accounts(cluster, run.gateway, Target.parse(migrated.url.replace("127.0.0.1", "pg")))
    assert "1 managed API key, 0 MCP credentials would be lost; nothing was changed" in lost_with_encryption_keys(accounts)


# --- a provider's token -------------------------------------------------------------------------------------------------------


def token(port: int, model: str = "fast", kind: str = "openai_compat") -> tuple[str, str]:
    """What a rotation proves of a provider behind a Service whose end is a port of this machine."""
    with FakeApi() as api:
        api.on("GET", paths.service("ns", "provider"), ok({"spec": {"ports": [{"port": 8081, "targetPort": port}]}}))
        ends = [{"conditions": {"ready": True}, "addresses": ["127.0.0.1"]}]
        api.on("GET", paths.endpointslices("ns"), objects("EndpointSlice", "1", {"metadata": {"name": "a"}, "ports": [{"port": port}], "endpoints": ends}))
        gateway = Gateway({"metadata": {"namespace": "ns"}, "spec": {}}, {}, {}, ("gw", 8080))
        gateway.config = {
            "providers": [{"id": "fake", "type": kind, "base_url": "http://provider:8081/v1", "auth": {"kind": "bearer", "token": "env.TOKEN"}}],
            "models": [{"id": "fast", "routes": [{"provider": "fake", "upstream_model": "gpt"}]}, {"id": "other", "routes": [{"provider": "x"}]}],
        }
        cluster = Cluster.connect({"host": api.url})
        run = Run(cluster, gateway, Accounts(cluster, gateway), "r", 30, print, model)
        return ProviderToken(run, [Value("provider_token", "TOKEN", "s", "TOKEN", "providers[0].auth.token", old="old", new="new")]).proof()


def test_the_old_token_is_tried_at_the_provider(capfd):
    with provider(key="new") as upstream:
        new, old = token(upstream.port)
        assert new.endswith("new token of provider fake; model fast answered a completion") and old == "provider fake refuses the old token (401)"
    with provider(key="old,new") as upstream:
        assert token(upstream.port)[1] == "STILL ACCEPTED by provider fake; revoke the old token at the provider"
    with provider(key="old", status="429") as upstream:
        assert token(upstream.port)[1] == "unclear, because provider fake answers 429; revoke the old token at the provider"


@pytest.mark.parametrize(
    ("model", "kind", "new", "old"),
    [
        ("", "openai_compat", "request a completion: ansible-playbook -i INVENTORY oceans.llm.probe", "not tried, for the same reason; revoke the old token"),
        ("other", "openai_compat", "model other has no route to fake", "not tried, for the same reason; revoke the old token"),
        ("fast", "aws_bedrock", "model fast answered a completion", "this collection cannot send a request to a provider of type aws_bedrock"),
        ("fast", "openai_compat", "model fast answered a completion", "the provider cannot be reached from the Ansible controller"),
    ],
)
def test_a_token_that_cannot_be_tried_is_not_called_refused(model, kind, new, old):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    told = token(port, model, kind)
    assert new in told[0] and old in told[1] and "refuses the old token" not in told[1]
