# SPDX-License-Identifier: GPL-3.0-or-later
"""`gateway migrate` on PostgreSQL, in every state a database can be in."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from testbed.standin.tests.support import Database, Door, Gateway, Server, refusing_server, wait_until

KNOWN = list(range(17, 48))
ALL = list(range(17, 46))  # by v0.24.0, the release that is played unless another one is named
NAMES = [
    "baseline", "route_compatibility_profiles", "request_log_attempts", "request_log_tool_cardinality",
    "request_log_agent_harness", "mcp_tool_invocations", "service_accounts", "identity_entity_tags", "oidc_sso_hardening",
    "oauth_providers_and_github_sso", "external_mcp_registry", "generic_budget_scopes", "mcp_tool_access_and_token_overhead",
    "mcp_aggregate_sessions", "mcp_upstream_credential_bindings", "oauth_provider_allowed_email_domains",
    "oauth_provider_sso_email_verification", "review_agent", "managed_api_key_secrets", "api_key_model_grant_mode",
    "model_allowlists", "budget_sources", "service_account_entity_tags", "route_metadata_overrides", "mcp_oauth_states",
    "cache_usage_accounting", "validate_cache_usage_accounting", "agent_session_analysis", "agent_analysis_configuration_version",
    "batch_jobs", "batch_pricing_snapshot",
]

CHECK = "database migration check failed"
APPLY = "failed to apply database migrations"
STATUS_POOL = ("failed loading postgres migration status", "failed opening postgres connection pool for migration status")
APPLY_POOL = ("failed opening postgres connection pool for migrations",)
POOL = {"--check": (CHECK, *STATUS_POOL), "--status": STATUS_POOL, "--apply": (APPLY, *APPLY_POOL)}


def told(first: str, *causes: str) -> str:
    """What stderr must be."""
    if not causes:
        return f"Error: {first}\n"
    if len(causes) == 1:
        return f"Error: {first}\n\nCaused by:\n    {causes[0]}\n"
    return f"Error: {first}\n\nCaused by:\n" + "".join(f"    {number}: {cause}\n" for number, cause in enumerate(causes))


def listing(applied: int, known: int = 45) -> str:
    return "backend: postgres\n" + "".join(
        f"v{version} {name} [{'applied' if version <= applied else 'pending'}]\n"
        for version, name in zip(KNOWN, NAMES, strict=True) if version <= known)


# --- empty, partly done, up to date ---

def test_empty_check(gateway: Gateway, database: Database) -> None:
    done = gateway("migrate", "--check")
    assert (done.code, done.out, done.err) == (1, "", told(CHECK, "29 pending migrations remain for postgres"))
    assert database.tables() == set()


def test_empty_status(gateway: Gateway, database: Database) -> None:
    done = gateway("migrate", "--status")
    assert (done.code, done.out, done.err) == (0, listing(0), "")
    assert database.tables() == set()


def test_empty_apply(gateway: Gateway, database: Database) -> None:
    done = gateway("migrate", "--apply")
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith(listing(45))
    assert done.migrations() == [(event, version) for version in ALL for event in ("begin", "commit")]
    history = database.run("SELECT version, name, applied_on, checksum FROM refinery_schema_history ORDER BY version")
    assert [(version, name) for version, name, _, _ in history] == list(zip(ALL, NAMES, strict=False))
    for version, name, applied_on, checksum in history:
        assert checksum == f"V{version}__{name}.sql"
        assert abs(applied_on - time.time()) < 60
    assert {"users", "teams", "providers", "model_routes", "pricing_catalog_cache", "user_password_auth"} <= database.tables()


def test_log_lines(gateway: Gateway) -> None:
    first, second, *_ = gateway("migrate", "--apply").events()
    assert list(first) == ["timestamp", "level", "fields", "target"]
    assert (first["level"], first["target"]) == ("INFO", "gateway_store::migrate")
    assert first["fields"] == {"message": "starting migration transaction", "backend": "postgres", "migration_version": 17,
                               "migration_name": "baseline", "migration_event": "begin"}
    assert second["fields"] == {"message": "migration transaction committed", "backend": "postgres", "migration_version": 17,
                                "migration_name": "baseline", "migration_event": "commit"}


def test_columns_of_the_history(gateway: Gateway, database: Database) -> None:
    gateway("migrate", "--apply")
    columns = database.run("SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'refinery_schema_history' "
                           "ORDER BY ordinal_position")
    assert columns == [("version", "bigint"), ("name", "text"), ("applied_on", "bigint"), ("checksum", "text")]


@pytest.mark.parametrize("action", ["--check", "--apply", "--status"])
def test_up_to_date(ready: Gateway, migrated: Database, action: str) -> None:
    before = migrated.run("SELECT * FROM refinery_schema_history ORDER BY version")
    done = ready("migrate", action)
    assert (done.code, done.out, done.err) == (0, listing(45), "")
    assert migrated.run("SELECT * FROM refinery_schema_history ORDER BY version") == before


@pytest.mark.parametrize(("release", "newest"), [
    ("v0.6.0", 18), ("v0.7.0", 20), ("v0.8.0", 24), ("v0.9.0", 28), ("v0.10.0", 32), ("v0.11.0", 32), ("v0.11.1", 32), ("v0.11.2", 33), ("v0.12.3", 34),
    ("v0.13.0", 36), ("v0.14.0", 37), ("v0.15.0", 38), ("v0.16.2", 38), ("v0.17.0", 39), ("v0.18.0", 40), ("v0.19.0", 40), ("v0.20.0", 41),
    ("v0.21.0", 41), ("v0.22.0", 43), ("v0.23.1", 43), ("v0.24.0", 45), ("v0.25.0", 47)])
def test_versions_by_release(gateway: Gateway, release: str, newest: int) -> None:
    assert gateway("migrate", "--status", STANDIN_VERSION=release).out == listing(0, newest)


def test_some_pending(gateway: Gateway, database: Database) -> None:
    assert gateway("migrate", "--apply", STANDIN_VERSION="v0.23.0").code == 0
    assert database.versions() == list(range(17, 44))
    done = gateway("migrate", "--check")
    assert (done.code, done.out, done.err) == (1, "", told(CHECK, "2 pending migrations remain for postgres"))
    assert gateway("migrate", "--status").out == listing(43)
    done = gateway("migrate", "--apply")
    assert done.migrations() == [("begin", 44), ("commit", 44), ("begin", 45), ("commit", 45)]
    assert database.versions() == ALL


def test_the_next_release(gateway: Gateway, database: Database) -> None:
    assert gateway("migrate", "--apply").code == 0
    done = gateway("migrate", "--apply", STANDIN_VERSION="v0.25.0")
    assert (done.code, done.migrations()) == (0, [("begin", 46), ("commit", 46), ("begin", 47), ("commit", 47)])
    assert {"batch_jobs", "batch_items"} <= database.tables()


# --- guards ---

@pytest.mark.parametrize("action", ["--check", "--apply", "--status"])
@pytest.mark.parametrize("foreign", [99, 16, 1])
def test_a_version_outside_the_registry(ready: Gateway, migrated: Database, action: str, foreign: int) -> None:
    migrated.run("INSERT INTO refinery_schema_history VALUES (%s, 'x', 0, 'x')", foreign)
    done = ready("migrate", action)
    reset = f"database reset required for postgres: found historical migration v{foreign} outside the active registry; " \
            "recreate the database and rerun migrations"
    chain = {"--check": (CHECK, reset), "--apply": (APPLY, reset), "--status": (reset,)}[action]
    assert (done.code, done.out, done.err) == (1, "", told(*chain))


@pytest.mark.parametrize("action", ["--check", "--apply", "--status"])
def test_an_older_image_refuses_a_newer_database(ready: Gateway, migrated: Database, action: str) -> None:
    done = ready("migrate", action, STANDIN_VERSION="v0.23.0")
    assert (done.code, done.out) == (1, "")
    assert "found historical migration v44 outside the active registry" in done.err
    assert migrated.versions() == ALL


@pytest.mark.parametrize("action", ["--check", "--apply"])
def test_identity_mismatch(ready: Gateway, migrated: Database, action: str) -> None:
    migrated.run("UPDATE refinery_schema_history SET checksum = 'V20__other.sql' WHERE version = 20")
    done = ready("migrate", action)
    assert (done.code, done.out) == (1, "")
    assert done.err == told({"--check": CHECK, "--apply": APPLY}[action], (
        "database reset required for postgres: migration v20 identity mismatch (expected name=`request_log_tool_cardinality` "
        "checksum=`V20__request_log_tool_cardinality.sql`, found name=`request_log_tool_cardinality` checksum=`V20__other.sql`); "
        "recreate the database and rerun migrations"))


@pytest.mark.parametrize("action", ["--check", "--apply"])
@pytest.mark.parametrize("table", ["users", "providers", "api_keys", "budgets", "audit_logs", "mcp_tool_invocation_payloads", "usage_cost_events"])
def test_foreign_tables(gateway: Gateway, database: Database, action: str, table: str) -> None:
    database.run(f"CREATE TABLE {table} (x int)")
    done = gateway("migrate", action)
    assert (done.code, done.out) == (1, "")
    assert done.err == told({"--check": CHECK, "--apply": APPLY}[action], (
        "database reset required for postgres: refinery_schema_history is empty but existing application tables were found; "
        "recreate the database and rerun migrations"))
    assert database.run(f"SELECT count(*) FROM {table}") == [(0,)]


def test_an_empty_history_is_left_behind_by_the_refusal(gateway: Gateway, database: Database) -> None:
    database.run("CREATE TABLE api_keys (x int)")
    gateway("migrate", "--check")
    assert database.tables() == {"api_keys"}
    gateway("migrate", "--apply")
    assert database.tables() == {"api_keys", "refinery_schema_history"}


def test_a_table_of_the_next_release_matters_to_that_one_only(gateway: Gateway, database: Database) -> None:
    database.run("CREATE TABLE batch_jobs (x int)")
    assert "existing application tables were found" in gateway("migrate", "--check", STANDIN_VERSION="v0.25.0").err
    assert gateway("migrate", "--apply").code == 0
    done = gateway("migrate", "--apply", STANDIN_VERSION="v0.25.0")
    sentence = 'relation "batch_jobs" already exists'
    assert done.err == told(APPLY, "failed applying postgres migration 46", f"error returned from database: {sentence}", sentence)


def test_other_tables_do_not_matter(gateway: Gateway, database: Database) -> None:
    database.run("CREATE TABLE something_else (x int)")
    assert gateway("migrate", "--apply").code == 0


# --- connecting ---

@pytest.mark.parametrize("action", ["--check", "--apply", "--status"])
def test_wrong_password(gateway: Gateway, server: Server, database: Database, action: str) -> None:
    done = gateway("migrate", action, POSTGRES_URL=server.url(database.name, password="wrong"), STANDIN_CONNECT_SECONDS="20")
    sentence = 'password authentication failed for user "postgres"'
    assert (done.code, done.out, done.err) == (1, "", told(*POOL[action], f"error returned from database: {sentence}", sentence))
    assert done.seconds < 5


def test_no_password(gateway: Gateway, server: Server, database: Database) -> None:
    done = gateway("migrate", "--check", POSTGRES_URL=f"postgres://postgres@127.0.0.1:{server.port}/{database.name}")
    assert 'password authentication failed for user "postgres"' in done.err


def test_user_and_password_from_the_environment(gateway: Gateway, server: Server, database: Database) -> None:
    """As a chart has it that puts no URL together: a password with any character in it needs no encoding."""
    password = "p@ss:w/o#r%d"
    server.run(f"CREATE ROLE someone LOGIN PASSWORD '{password}'")
    database.run("GRANT ALL ON SCHEMA public TO someone")
    url = f"postgres://127.0.0.1:{server.port}/{database.name}"
    done = gateway("migrate", "--apply", POSTGRES_URL=url, PGUSER="someone", PGPASSWORD=password)
    assert (done.code, done.err) == (0, "")
    assert database.run("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'") == [("someone",)]


def test_the_url_wins_over_the_environment(gateway: Gateway, server: Server, database: Database) -> None:
    for url, user in ((server.url(database.name), "postgres"), (server.url(database.name, password="wrong"), "postgres"),
                      (f"postgres://127.0.0.1:{server.port}/{database.name}?user=other&password=wrong", "other")):
        done = gateway("migrate", "--status", POSTGRES_URL=url, PGUSER="nobody", PGPASSWORD="nothing")
        assert (done.code == 0) == ("wrong" not in url)
        assert done.code == 0 or f'password authentication failed for user "{user}"' in done.err


@pytest.mark.parametrize("action", ["--check", "--apply"])
def test_unknown_database(gateway: Gateway, server: Server, action: str) -> None:
    done = gateway("migrate", action, POSTGRES_URL=server.url("nodb"), STANDIN_CONNECT_SECONDS="20")
    sentence = 'database "nodb" does not exist'
    assert (done.code, done.err) == (1, told(*POOL[action], f"error returned from database: {sentence}", sentence))
    assert done.seconds < 5


@pytest.mark.parametrize("url", ["postgres://u:p@nowhere.invalid/d", "postgres://u:pass/word@127.0.0.1/d", "postgres://user:1/word@127.0.0.1/d"])
def test_unknown_host_and_unencoded_url(gateway: Gateway, url: str) -> None:
    """An unencoded `/` in the password makes what stands before it a host: told as a failed look-up."""
    done = gateway("migrate", "--check", POSTGRES_URL=url, STANDIN_CONNECT_SECONDS="20")
    assert done.code == 1
    assert done.seconds < 10
    assert "    2: error communicating with database: failed to lookup address information: " in done.err
    assert done.err.splitlines()[-1].startswith("    3: failed to lookup address information: ")


@pytest.mark.parametrize(("url", "said"), [("", "has no scheme"), ("mysql://h/d", "begins with mysql:, not with postgres:")])
def test_no_postgresql_url(gateway: Gateway, url: str, said: str) -> None:
    done = gateway("migrate", "--check", POSTGRES_URL=url)
    assert done.err == told(*POOL["--check"], f"stand-in: the database URL {said}")


@pytest.mark.parametrize("action", ["--check", "--apply"])
def test_refused_is_retried_and_the_cause_lost(gateway: Gateway, action: str) -> None:
    done = gateway("migrate", action, POSTGRES_URL="postgres://u:p@127.0.0.1:1/d", STANDIN_CONNECT_SECONDS="0.6")
    assert (done.code, done.out, done.err) == (1, "", told(*POOL[action], "pool timed out while waiting for an open connection"))
    assert 0.6 <= done.seconds < 4


def test_a_server_that_comes_up_in_time_is_waited_for(gateway: Gateway, server: Server, database: Database) -> None:
    door = Door(server.port)
    door.shut()
    process = gateway.start("migrate", "--status", POSTGRES_URL=server.url(database.name, port=door.port), STANDIN_CONNECT_SECONDS="20")
    time.sleep(0.5)
    assert process.poll() is None
    door.open()
    out, err = process.communicate(timeout=15)
    assert (process.returncode, out, err) == (0, listing(0), "")
    door.shut()


@pytest.mark.parametrize(("sentence", "code"), [("the database system is starting up", "57P03"), ("sorry, too many clients already", "53300")])
def test_a_starting_or_full_server_is_retried(gateway: Gateway, sentence: str, code: str) -> None:
    with refusing_server(sentence, code) as port:
        done = gateway("migrate", "--check", POSTGRES_URL=f"postgres://u:p@127.0.0.1:{port}/d", STANDIN_CONNECT_SECONDS="0.6")
    assert (done.code, done.err) == (1, told(*POOL["--check"], "pool timed out while waiting for an open connection"))
    assert done.seconds >= 0.6


def test_too_many_connections_for_a_role(gateway: Gateway, server: Server, database: Database) -> None:
    database.run("CREATE ROLE crowded LOGIN PASSWORD 'p' CONNECTION LIMIT 0")
    done = gateway("migrate", "--check", POSTGRES_URL=server.url(database.name, "crowded", "p"), STANDIN_CONNECT_SECONDS="0.6")
    assert done.err == told(*POOL["--check"], "pool timed out while waiting for an open connection")


def test_a_server_that_never_answers(gateway: Gateway) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        done = gateway("migrate", "--check", POSTGRES_URL=f"postgres://u:p@127.0.0.1:{silent.getsockname()[1]}/d", STANDIN_CONNECT_SECONDS="0.6")
    assert done.err == told(*POOL["--check"], "pool timed out while waiting for an open connection")
    assert done.seconds < 4


def test_what_answers_is_not_postgresql(gateway: Gateway) -> None:
    def answer() -> None:
        client, _ = web.accept()
        with client:
            client.recv(100)
            client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as web:
        threading.Thread(target=answer, daemon=True).start()
        done = gateway("migrate", "--check", POSTGRES_URL=f"postgres://u:p@127.0.0.1:{web.getsockname()[1]}/d", STANDIN_CONNECT_SECONDS="0.6")
    assert done.err == told(*POOL["--check"], "encountered unexpected or invalid data: unexpected response from SSLRequest: 0x48")


# --- rights ---

def test_role_without_create(gateway: Gateway, server: Server, database: Database) -> None:
    database.run("CREATE ROLE reader LOGIN PASSWORD 'p'")
    url = server.url(database.name, "reader", "p")
    assert gateway("migrate", "--check", POSTGRES_URL=url).err == told(CHECK, "29 pending migrations remain for postgres")
    done = gateway("migrate", "--apply", POSTGRES_URL=url)
    assert (done.code, done.out) == (1, "")
    assert done.err == told(APPLY, "failed ensuring refinery schema history table",
                            "error returned from database: permission denied for schema public", "permission denied for schema public")


def test_read_only(gateway: Gateway, database: Database) -> None:
    database.run(f"ALTER DATABASE {database.name} SET default_transaction_read_only = on")
    done = gateway("migrate", "--apply")
    sentence = "cannot execute CREATE TABLE in a read-only transaction"
    assert (done.code, done.out) == (1, "")
    assert done.err == told(APPLY, "failed ensuring refinery schema history table", f"error returned from database: {sentence}", sentence)


# --- failures on the way ---

def test_a_version_whose_table_exists(gateway: Gateway, database: Database) -> None:
    gateway("migrate", "--apply", STANDIN_VERSION="v0.23.0")
    database.run("CREATE TABLE session_findings (x int)")
    done = gateway("migrate", "--apply")
    sentence = 'relation "session_findings" already exists'
    assert (done.code, done.migrations()) == (1, [("begin", 44), ("rollback", 44)])
    assert done.err == told(APPLY, "failed applying postgres migration 44", f"error returned from database: {sentence}", sentence)
    rollback = done.events()[-1]
    assert (rollback["level"], rollback["fields"]["message"]) == ("WARN", "migration failed, rolling back transaction")
    assert rollback["fields"]["error"] == "failed applying postgres migration 44"
    assert database.versions() == list(range(17, 44))


def test_a_poison_row(gateway: Gateway, database: Database) -> None:
    """Rows from before V42 are looked at by V43."""
    gateway("migrate", "--apply", STANDIN_VERSION="v0.21.0")
    database.run("INSERT INTO answered_requests (model, words_asked, words_recalled) VALUES ('m', 1, 5)")
    done = gateway("migrate", "--apply")
    assert done.migrations() == [("begin", 42), ("commit", 42), ("begin", 43), ("rollback", 43)]
    assert 'check constraint "recalled_within_asked" of relation "answered_requests" is violated by some row' in done.err
    assert database.versions()[-1] == 42
    database.run("DELETE FROM answered_requests")
    assert gateway("migrate", "--apply").code == 0


def test_a_lock_is_waited_for(gateway: Gateway, server: Server, database: Database) -> None:
    gateway("migrate", "--apply", STANDIN_VERSION="v0.22.0")
    database.run("DELETE FROM refinery_schema_history WHERE version > 42")
    holder = server.connect(database.name)
    holder.autocommit = False
    holder.cursor().execute("LOCK TABLE answered_requests IN ACCESS EXCLUSIVE MODE")
    process = gateway.start("migrate", "--apply")
    blocked = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"
    wait_until(lambda: database.run(blocked, database.name) == [(1,)], 10, "the migration's wait")
    assert process.poll() is None
    holder.rollback()
    process.communicate(timeout=15)
    assert (process.returncode, database.versions()) == (0, ALL)
    holder.close()


def test_a_connection_that_breaks_leaves_the_version_out(gateway: Gateway, database: Database) -> None:
    process = gateway.start("migrate", "--apply", STANDIN_MIGRATION_SLOW="20:30")
    sleeping = "SELECT pid FROM pg_stat_activity WHERE datname = %s AND query LIKE 'SELECT pg_sleep%%'"
    ((pid,),) = wait_until(lambda: database.run(sleeping, database.name), 10, "the slow version")
    database.run("SELECT pg_terminate_backend(%s)", pid)
    _, err = process.communicate(timeout=15)
    assert process.returncode == 1
    assert err.startswith(f"Error: {APPLY}\n\nCaused by:\n    0: failed applying postgres migration 20\n")
    assert database.versions() == [17, 18, 19]


# --- two at once ---

def test_two_migrators_the_slower_one_loses(gateway: Gateway, database: Database) -> None:
    slow = gateway.start("migrate", "--apply", STANDIN_MIGRATION_SLOW="20:2")
    sleeping = "SELECT 1 FROM pg_stat_activity WHERE datname = %s AND query LIKE 'SELECT pg_sleep%%'"
    wait_until(lambda: database.run(sleeping, database.name), 10, "the slow version")
    assert gateway("migrate", "--apply").code == 0
    out, err = slow.communicate(timeout=15)
    assert slow.returncode == 1
    assert err.startswith(f"Error: {APPLY}\n\nCaused by:\n    0: failed applying postgres migration 20\n")
    assert "already exists" in err
    assert '"migration_version":20,"migration_name":"request_log_tool_cardinality","migration_event":"rollback"' in out
    assert database.versions() == ALL


def test_two_migrators_the_loser_cannot_record(gateway: Gateway, database: Database) -> None:
    """Both are through with the same version's SQL before either has committed: the history's key decides."""
    gateway("migrate", "--apply", STANDIN_VERSION="v0.22.0")
    database.run("DELETE FROM refinery_schema_history WHERE version = 43")
    both = [gateway.start("migrate", "--apply", STANDIN_VERSION="v0.22.0", STANDIN_MIGRATION_SLOW="43:1") for _ in range(2)]
    results = [(process.communicate(timeout=20), process.returncode) for process in both]
    assert sorted(code for _, code in results) == [0, 1]
    ((_, err),) = [streams for streams, code in results if code == 1]
    sentence = 'duplicate key value violates unique constraint "refinery_schema_history_pkey"'
    assert err == told(APPLY, "failed recording postgres migration 43 in refinery_schema_history",
                       f"error returned from database: {sentence}", sentence)
    assert database.versions() == list(range(17, 44))


def test_two_migrators_at_the_same_moment_leave_one_history(gateway: Gateway, database: Database) -> None:
    both = [gateway.start("migrate", "--apply") for _ in range(2)]
    results = [(process.communicate(timeout=20), process.returncode) for process in both]
    codes = sorted(code for _, code in results)
    assert codes in ([0, 1], [0, 0])
    for (_, err), code in results:
        assert code == 0 or "duplicate key value violates unique constraint" in err or "already exists" in err
    assert database.versions() == ALL
