# SPDX-License-Identifier: GPL-3.0-or-later
"""bootstrap-admin, seed-config, purge-request-logs: what they write, and the traps in them."""

from __future__ import annotations

import re

import pytest

from testbed.standin.tests.support import Database, Gateway, Server

ADMIN = """\
server: {log_format: json}
database: {kind: postgres, url: env.POSTGRES_URL}
auth:
  bootstrap_admin: {enabled: true, email: admin@local, password: env.GATEWAY_BOOTSTRAP_ADMIN_PASSWORD, require_password_change: true}
"""
SEED = """\
server: {log_format: json}
database: {kind: postgres, url: env.POSTGRES_URL}
providers:
  - {id: openai, type: openai_compat, base_url: https://api.example/v1, pricing_provider_id: openai, auth: {kind: bearer, token: env.OPENAI_API_KEY}}
models:
  - {id: fast, routes: [{provider: openai, upstream_model: gpt}]}
  - {id: alias, alias_of: fast}
teams:
  - {id: platform, name: Platform}
service_accounts:
  - {id: ci, team: platform, budget: {cadence: monthly, amount_usd: "10.0000"}, keys: [{id: main, value: env.CI_KEY}]}
users:
  - {name: Alice, email: Alice@Example.org, auth_mode: password}
"""
SECRETS = {"OPENAI_API_KEY": "sk-test", "CI_KEY": "gwk_ci.secret"}
USERS = "SELECT email, status, must_change_password FROM users"
PASSWORDS = "SELECT count(*) FROM user_password_auth"


# --- bootstrap-admin ---

def test_bootstrap_migrates_and_makes_the_admin(gateway: Gateway, database: Database) -> None:
    done = gateway.config(ADMIN)("bootstrap-admin", GATEWAY_BOOTSTRAP_ADMIN_PASSWORD="hunter2")
    assert (done.code, done.err) == (0, "")
    assert done.migrations()[0] == ("begin", 17)
    assert [line for line in done.lines() if not line.startswith("{")] == []
    assert database.run("SELECT id::text, name, email, role, must_change_password FROM users") == [
        ("00000000-0000-0000-0000-000000000002", "Admin", "admin@local", "platform_admin", 1)]
    ((stored,),) = database.run("SELECT hash FROM user_password_auth")
    assert "hunter2" not in stored


def test_bootstrap_says_nothing_when_the_schema_is_there(ready: Gateway) -> None:
    done = ready.config(ADMIN)("bootstrap-admin", GATEWAY_BOOTSTRAP_ADMIN_PASSWORD="x")
    assert (done.code, done.out, done.err) == (0, "", "")


def test_a_missing_password_makes_an_admin_who_can_never_log_in(gateway: Gateway, database: Database) -> None:
    gateway.config(ADMIN)
    done = gateway("bootstrap-admin")
    assert done.code == 1
    assert done.err == ("Error: failed resolving bootstrap admin password\n\nCaused by:\n"
                        "    0: required environment variable `GATEWAY_BOOTSTRAP_ADMIN_PASSWORD` is not set\n"
                        "    1: environment variable not found\n")
    assert (database.run(USERS), database.run(PASSWORDS)) == ([("admin@local", "active", 1)], [(0,)])
    again = gateway("bootstrap-admin")
    assert (again.code, again.out, again.err) == (0, "", "")
    assert database.run(PASSWORDS) == [(0,)]
    with gateway.serving(GATEWAY_BOOTSTRAP_ADMIN="true", GATEWAY_BOOTSTRAP_ADMIN_PASSWORD="late") as http:
        assert http("/api/v1/auth/login/password", {"email": "admin@local", "password": "late"}).status == 401


def test_bootstrap_never_resets_a_password(ready: Gateway, migrated: Database) -> None:
    ready.config(ADMIN)("bootstrap-admin", GATEWAY_BOOTSTRAP_ADMIN_PASSWORD="first")
    before = migrated.run("SELECT hash FROM user_password_auth")
    assert ready("bootstrap-admin", GATEWAY_BOOTSTRAP_ADMIN_PASSWORD="second").code == 0
    assert migrated.run("SELECT hash FROM user_password_auth") == before


def test_bootstrap_switched_off_is_a_green_no_op_that_migrates(gateway: Gateway, database: Database) -> None:
    gateway.config(ADMIN.replace("enabled: true", "enabled: false"))
    assert gateway("bootstrap-admin").code == 0
    assert (len(database.versions()), database.run(USERS)) == (29, [])


@pytest.mark.parametrize(("flag", "stored"), [("true", 1), ("false", 0)])
def test_password_change_follows_the_configuration(ready: Gateway, migrated: Database, flag: str, stored: int) -> None:
    ready.config(ADMIN.replace("require_password_change: true", f"require_password_change: {flag}"))
    ready("bootstrap-admin", GATEWAY_BOOTSTRAP_ADMIN_PASSWORD="x")
    assert migrated.run(USERS) == [("admin@local", "active", stored)]


def test_bootstrap_fails_in_its_migrations(gateway: Gateway, database: Database) -> None:
    database.run("CREATE TABLE users (x int)")
    done = gateway.config(ADMIN)("bootstrap-admin")
    assert done.code == 1
    assert done.err.startswith("Error: failed to run database migrations\n\nCaused by:\n    database reset required for postgres: ")


def test_without_a_password_in_the_file_it_is_the_public_one(ready: Gateway) -> None:
    """admin@local with the password admin: anybody can log in."""
    ready.config("database: {kind: postgres, url: env.POSTGRES_URL}\nauth: {bootstrap_admin: {enabled: true, password: null}}\n")
    assert ready("bootstrap-admin").code == 0
    with ready.serving(GATEWAY_BOOTSTRAP_ADMIN="false", GATEWAY_SEED_CONFIG="false") as http:
        assert http("/api/v1/auth/login/password", {"email": "admin@local", "password": "admin"}).status == 200


@pytest.mark.parametrize(("table", "sentence"), [("users", "failed checking for existing platform admins"),
                                                ("user_password_auth", "failed storing bootstrap admin password")])
def test_bootstrap_fails_in_the_database(ready: Gateway, migrated: Database, table: str, sentence: str) -> None:
    migrated.run(f"DROP TABLE {table} CASCADE")
    done = ready.config(ADMIN)("bootstrap-admin", GATEWAY_BOOTSTRAP_ADMIN_PASSWORD="x")
    assert done.err == f'Error: {sentence}\n\nCaused by:\n    store query failed: error returned from database: relation "{table}" does not exist\n'


def test_bootstrap_fails_at_the_user(ready: Gateway, migrated: Database) -> None:
    migrated.run("ALTER TABLE users ADD CHECK (role <> 'platform_admin')")
    done = ready.config(ADMIN)("bootstrap-admin", GATEWAY_BOOTSTRAP_ADMIN_PASSWORD="x")
    assert done.err.startswith("Error: failed upserting bootstrap admin user\n\nCaused by:\n    store conflict: ")


# --- seed-config ---

def objects(database: Database) -> dict[str, list[tuple]]:
    return {table: database.run(f"SELECT * FROM {table} ORDER BY 1") for table in (
        "providers", "models", "model_routes", "teams", "service_accounts", "api_keys", "users")}


def test_seed(gateway: Gateway, database: Database) -> None:
    done = gateway.config(SEED)("seed-config", **SECRETS)
    assert (done.code, done.err) == (0, "")
    assert database.run("SELECT id, type, base_url FROM providers") == [("openai", "openai_compat", "https://api.example/v1")]
    assert database.run("SELECT id, alias_of FROM models ORDER BY 1") == [("alias", "fast"), ("fast", None)]
    assert database.run("SELECT model, provider, upstream_model FROM model_routes") == [("fast", "openai", "gpt")]
    assert database.run("SELECT id, name FROM teams") == [("platform", "Platform")]
    assert database.run("SELECT public_part, owner FROM api_keys") == [("ci", "ci")]
    assert database.run("SELECT email, name, role FROM users") == [("alice@example.org", "Alice", "guest")]
    everything = str(objects(database))
    assert "secret" not in everything and "sk-test" not in everything


def test_seed_again_converges_and_removes_nothing(ready: Gateway, migrated: Database) -> None:
    first = ready.config(SEED)("seed-config", **SECRETS)
    assert (first.code, first.out, first.err) == (0, "", "")
    before = objects(migrated)
    assert all(before.values())
    assert ready("seed-config", **SECRETS).code == 0
    assert {name: len(rows) for name, rows in objects(migrated).items()} == {name: len(rows) for name, rows in before.items()}
    assert ready.config("database: {kind: postgres, url: env.POSTGRES_URL}\n")("seed-config").code == 0
    assert {name: len(rows) for name, rows in objects(migrated).items()} == {name: len(rows) for name, rows in before.items()}
    assert ready.config(SEED.replace("name: Platform", "name: Renamed").replace("gpt", "newer"))("seed-config", **SECRETS).code == 0
    assert (objects(migrated)["teams"][0][1], migrated.run("SELECT upstream_model FROM model_routes")) == ("Renamed", [("newer",)])


def test_seed_without_a_providers_secret(ready: Gateway, migrated: Database) -> None:
    done = ready.config(SEED)("seed-config", CI_KEY=SECRETS["CI_KEY"])
    assert (done.code, done.out) == (1, "")
    assert done.err == "Error: required environment variable `OPENAI_API_KEY` is not set\n\nCaused by:\n    environment variable not found\n"
    assert migrated.run("SELECT count(*) FROM providers") == [(0,)]


def test_seed_without_a_keys_value(ready: Gateway) -> None:
    done = ready.config(SEED)("seed-config", OPENAI_API_KEY="x")
    assert done.err == ("Error: service account `ci` key `main` value\n\nCaused by:\n    0: required environment variable `CI_KEY` is not set\n"
                        "    1: environment variable not found\n")


def test_seed_with_a_broken_key(ready: Gateway) -> None:
    done = ready.config(SEED)("seed-config", OPENAI_API_KEY="x", CI_KEY="plain")
    assert done.code == 1
    assert done.err == "Error: service account `ci` key `main` value\n\nCaused by:\n    stand-in: the key does not have the form gwk_PUBLIC.SECRET\n"


KEY = "A" * 43 + "="


def test_a_key_without_a_value_is_made_and_kept_sealed(ready: Gateway, migrated: Database) -> None:
    ready.config(SEED.replace("value: env.CI_KEY", "auto_create: true"))
    done = ready("seed-config", OPENAI_API_KEY="x")
    assert (done.code, done.err.splitlines()[0]) == (1, "Error: failed encrypting gateway key for service account `ci`")
    assert ready("seed-config", OPENAI_API_KEY="x", OCEANS_API_KEY_SECRET_ENCRYPTION_KEY=KEY).code == 0
    once = migrated.run("SELECT * FROM api_keys")
    assert len(once) == 1
    assert ready("seed-config", OPENAI_API_KEY="x", OCEANS_API_KEY_SECRET_ENCRYPTION_KEY=KEY).code == 0
    assert migrated.run("SELECT * FROM api_keys") == once


def test_no_key_is_made_unasked(ready: Gateway, migrated: Database) -> None:
    ready.config(SEED.replace("value: env.CI_KEY", "auto_create: false"))
    assert ready("seed-config", OPENAI_API_KEY="x").code == 0
    assert migrated.run("SELECT count(*) FROM api_keys") == [(0,)]


def test_a_team_that_does_not_exist_is_a_conflict(ready: Gateway) -> None:
    done = ready.config(SEED.replace("team: platform", "team: nobody"))("seed-config", **SECRETS)
    assert done.code == 1
    assert done.err.startswith("Error: failed to seed foundational config data\n\nCaused by:\n    store conflict: ")
    assert "violates" not in done.err


def test_seed_with_a_pasted_token_prints_it(ready: Gateway) -> None:
    done = ready.config(SEED.replace("env.OPENAI_API_KEY", "sk-pasted"))("seed-config", **SECRETS)
    assert done.err == "Error: unsupported secret reference `sk-pasted`; use env.* or literal.* for this phase\n"


def test_a_route_to_an_unknown_provider_fails_half_way(ready: Gateway, migrated: Database) -> None:
    done = ready.config(SEED.replace("provider: openai,", "provider: nobody,"))("seed-config", **SECRETS)
    assert (done.code, done.out) == (1, "")
    assert done.err == ("Error: failed to seed foundational config data\n\nCaused by:\n    store conflict: error returned from database: insert or update "
                        'on table "model_routes" violates foreign key constraint "model_routes_provider_key_fkey"\n')
    # Not one transaction: what came before stays.
    assert migrated.run("SELECT count(*) FROM providers") == [(1,)]


@pytest.mark.parametrize("release", ["v0.6.0", "v0.8.0", "v0.9.0", "v0.13.0"])
def test_old_releases_seed_their_own_schema(gateway: Gateway, database: Database, release: str) -> None:
    done = gateway.config(SEED)("seed-config", STANDIN_VERSION=release, **SECRETS)
    assert (done.code, done.err) == (0, "")
    assert database.run("SELECT count(*) FROM api_keys") == [(0 if release == "v0.6.0" else 1,)]  # no service accounts before V23


def test_v28_destroys_data(gateway: Gateway, database: Database) -> None:
    gateway("migrate", "--apply", STANDIN_VERSION="v0.8.0")
    database.run("INSERT INTO spending_caps VALUES ('everybody', 1)")
    gateway("migrate", "--apply", STANDIN_VERSION="v0.9.0")
    assert database.run("SELECT count(*) FROM spending_caps") == [(0,)]


# --- purge-request-logs ---

def logs(database: Database) -> int:
    database.run("INSERT INTO answered_requests (model, answered_at) SELECT 'm', now() - day * interval '1 day' FROM generate_series(0, 9) AS day")
    return 10


def test_purge(ready: Gateway, migrated: Database) -> None:
    logs(migrated)
    done = ready("purge-request-logs", "--retention", "3d")
    assert (done.code, done.err) == (0, "")
    assert re.fullmatch(r"cutoff: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{1,9} \+00:00:00\ndry_run: false\nmatched_count: 7\ndeleted_count: 7\n", done.out)
    assert migrated.run("SELECT count(*) FROM answered_requests") == [(3,)]


def test_purge_dry_run(ready: Gateway, migrated: Database) -> None:
    logs(migrated)
    done = ready("purge-request-logs", "--retention=7d", "--dry-run")
    assert (done.code, done.lines()[1:]) == (0, ["dry_run: true", "matched_count: 3", "deleted_count: 0"])
    assert migrated.run("SELECT count(*) FROM answered_requests") == [(10,)]


def test_purge_migrates_but_a_dry_run_demands(gateway: Gateway, database: Database) -> None:
    done = gateway("purge-request-logs", "--retention", "1d", "--dry-run")
    assert (done.code, database.tables()) == (1, set())
    assert "29 pending migrations remain for postgres" in done.err
    assert gateway("purge-request-logs", "--retention", "1d").code == 0
    assert len(database.versions()) == 29


def test_a_role_of_its_own_can_do_it_all(gateway: Gateway, server: Server, database: Database) -> None:
    """No command needs a superuser: the owner of the database is enough."""
    database.run("CREATE ROLE app LOGIN PASSWORD 'p'")
    database.run(f"ALTER DATABASE {database.name} OWNER TO app")
    url = server.url(database.name, "app", "p")
    gateway.config(SEED + "auth: {bootstrap_admin: {password: literal.x}}\n")
    for words in (("migrate", "--apply"), ("bootstrap-admin",), ("seed-config",), ("purge-request-logs", "--retention", "1d")):
        done = gateway(*words, POSTGRES_URL=url, STANDIN_CRASH_ONCE="config-validate", **SECRETS)
        assert (done.code, done.err) == (0, "")


# --- recompute-agent-analysis, seed-local-demo ---

def test_recompute_migrates_and_counts(gateway: Gateway, database: Database) -> None:
    done = gateway("recompute-agent-analysis", "--limit", "5")
    assert (done.code, done.err, done.lines()[-2:]) == (0, "", ["matched_count: 0", "enqueued_count: 0"])
    assert len(database.versions()) == 29


def test_the_local_demo_seeds(gateway: Gateway, database: Database) -> None:
    assert gateway.config(SEED)("seed-local-demo", **SECRETS).code == 0
    assert database.run("SELECT count(*) FROM providers") == [(1,)]
