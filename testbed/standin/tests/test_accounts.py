# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the runbooks read and change of administrators, in a real PostgreSQL database that the stand-in has filled."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.gateway.database_url import Target
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.accounts import PASSWORDS, SEALED, SESSIONS, Accounts
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.deployed import NotPossible
from ansible_collections.oceans.llm.tests.unit.fake_api import FakeApi, objects, ok
from testbed.standin.tests.support import Database, Gateway

ADMIN = "database: {kind: postgres, url: env.POSTGRES_URL}\nauth: {bootstrap_admin: {email: Root@example.com, password: env.PASSWORD}}\n"
OFF = {"GATEWAY_BOOTSTRAP_ADMIN": "false", "GATEWAY_SEED_CONFIG": "false"}


@pytest.fixture
def accounts(migrated: Database):
    with FakeApi() as api:
        api.on("GET", paths.service("ns", "pg"), ok({"spec": {"ports": [{"port": migrated.server.port}]}}))
        ends = [{"conditions": {"ready": True}, "addresses": ["127.0.0.1"]}]
        slices = objects("EndpointSlice", "1", {"metadata": {"name": "a"}, "ports": [{"port": migrated.server.port}], "endpoints": ends})
        api.on("GET", paths.endpointslices("ns"), slices)
        target = Target.parse(migrated.url.replace("127.0.0.1", "pg"))
        yield Accounts(Cluster.connect({"host": api.url}), SimpleNamespace(namespace="ns"), target)


def half_made(ready: Gateway) -> Gateway:
    assert ready.config(ADMIN)("bootstrap-admin").code == 1
    return ready


def test_sessions_and_sealed_keys_are_counted(accounts, migrated):
    migrated.run("INSERT INTO service_accounts VALUES ('a', 'A')")
    migrated.run("INSERT INTO api_keys (public_part, secret_digest, owner) VALUES ('p', 'x', 'a')")
    migrated.run("INSERT INTO api_key_managed_credentials VALUES ('p', 'x')")
    found = accounts.counts(SESSIONS, *SEALED)
    assert found == {SESSIONS: 0, "api_key_managed_credentials": 1, "mcp_upstream_credential_bindings": 0}, "a table that is not there is left out"
    migrated.run("DROP TABLE user_sessions")
    assert SESSIONS not in accounts.counts(SESSIONS)


def test_a_half_made_administrator_is_known_and_removed_and_made_whole_by_the_gateway(accounts, ready, migrated):
    assert accounts.user("root@example.com") is None and accounts.administrators() == 0
    half_made(ready)
    user = accounts.user("root@Example.com")
    assert user.half_made and user.rows(PASSWORDS) == 0 and user.others == 0 and accounts.administrators() == 1
    assert ready("bootstrap-admin", PASSWORD="a password").code == 0
    assert accounts.user("root@example.com").half_made, "the gateway's own command does nothing more"
    accounts.remove("root@example.com")
    assert accounts.user("root@example.com") is None
    assert ready("bootstrap-admin", PASSWORD="a password").code == 0
    user = accounts.user("root@example.com")
    assert not user.half_made and user.rows(PASSWORDS) == 1


def test_an_administrator_with_a_password_is_removed_only_with_it(accounts, ready, migrated):
    assert ready.config(ADMIN)("bootstrap-admin", PASSWORD="a password").code == 0
    with ready.serving(PASSWORD="a password", **OFF) as http:
        assert http("/api/v1/auth/login/password", {"email": "root@example.com", "password": "a password"}).status == 200
    assert accounts.user("root@example.com").rows(SESSIONS) == 1
    with pytest.raises(NotPossible, match=r"user_password_auth \(1\), user_sessions \(1\) refer to the user"):
        accounts.remove("root@example.com")
    assert migrated.run("SELECT count(*) FROM users") == [(1,)]
    accounts.remove("root@example.com", {PASSWORDS, SESSIONS})
    assert migrated.run("SELECT count(*) FROM users") == [(0,)] == migrated.run("SELECT count(*) FROM user_sessions")


def test_another_administrator_keeps_the_row(accounts, ready, migrated):
    half_made(ready)
    migrated.run("INSERT INTO users (email, name, role, status) VALUES ('o''brien@example.com', 'O', 'platform_admin', 'active')")
    with pytest.raises(NotPossible, match="1 other platform administrators exist"):
        accounts.remove("root@example.com")
    assert accounts.user("o'brien@example.com").role == "platform_admin" and migrated.run("SELECT count(*) FROM users") == [(2,)]


def test_without_a_declared_reference_to_passwords_nobody_is_called_half_made(accounts, ready, migrated):
    half_made(ready)
    migrated.run("DROP TABLE user_password_auth")
    user = accounts.user("root@example.com")
    assert user.rows(PASSWORDS) is None and not user.half_made


def test_a_look_writes_nothing_and_an_unknown_server_is_a_sentence(accounts, migrated):
    accounts.counts(SESSIONS)
    assert migrated.run("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'") == [(0,)]
    migrated.run("DROP TABLE users CASCADE")
    with pytest.raises(NotPossible, match=r"refuses: relation \"public.users\" does not exist \(SQLSTATE 42P01\)"):
        accounts.user("root@example.com")
