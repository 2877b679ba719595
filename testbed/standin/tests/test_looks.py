# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection looks at a database: whatever it asks, nothing of it stays there, not even in a pooled connection that others use after it."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.gateway.database_url import Target
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.preflight import ask_database
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.database_look import DatabaseLook
from ansible_collections.oceans.llm.tests.unit.fake_api import FakeApi, objects, ok
from testbed.standin.tests.pooler import Pooler, pooled
from testbed.standin.tests.support import Database, Gateway, Server, wait_until

#: what a client could leave behind in the server's connection
LEFT = {
    "settings": "SELECT name, setting FROM pg_settings WHERE source IN ('session', 'client') AND name !~ 'application_name|client_encoding' ORDER BY 1",
    "read only": "SHOW default_transaction_read_only",
    "time-out": "SHOW statement_timeout",
    "prepared statements": "SELECT name FROM pg_prepared_statements",
    "cursors": "SELECT name FROM pg_cursors WHERE name <> ''",
    "advisory locks": "SELECT objid FROM pg_locks WHERE locktype = 'advisory'",
    "temporary objects": "SELECT relname FROM pg_class WHERE relpersistence = 't'",
    "channels": "SELECT pg_listening_channels()",
    "open transactions": "SELECT pid FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'",
}


@pytest.fixture
def pooler(server: Server, migrated: Database) -> Iterator[Pooler]:
    with tempfile.TemporaryDirectory(prefix="standin-pgbouncer-", dir="/tmp") as folder, pooled(server, migrated, Path(folder)) as made:
        yield made


@contextlib.contextmanager
def service(port: int) -> Iterator[Cluster]:
    """An API server with one Service, `pooler`, whose end is no pod but an address: a port of this machine."""
    with FakeApi() as api:
        api.on("GET", paths.service("ns", "pooler"), ok({"spec": {"ports": [{"port": port}]}}))
        ends = [{"conditions": {"ready": True}, "addresses": ["127.0.0.1"]}]
        slices = objects("EndpointSlice", "1", {"metadata": {"name": "a"}, "ports": [{"port": port}], "endpoints": ends})
        api.on("GET", paths.endpointslices("ns"), slices)
        yield Cluster.connect({"host": api.url})


@pytest.fixture
def cluster(pooler: Pooler) -> Iterator[Cluster]:
    with service(pooler.port) as made:
        yield made


def where(pooler: Pooler) -> Target:
    found = Target.parse(pooler.url.replace("127.0.0.1", "pooler"))
    assert found
    return found


def preflight(pooler: Pooler, cluster: Cluster) -> None:
    found = ask_database._ask(cluster, "ns", where(pooler))
    assert not found.unknown and not found.sqlstate, found


def release(url: str) -> list[dict]:
    """A gateway that has its URL in its environment."""
    container = {"name": "gateway", "env": [{"name": "POSTGRES_URL", "value": url.replace("127.0.0.1", "pooler")}]}
    return [
        {"kind": "Deployment", "metadata": {"name": "g"}, "spec": {"template": {"spec": {"containers": [container]}}}},
        {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"gateway.yaml": "database: {url: env.POSTGRES_URL}"}},
    ]


def rollout(pooler: Pooler, cluster: Cluster) -> None:
    looks = DatabaseLook(cluster, "ns", release(pooler.url)).looks()
    first, second = next(looks), next(looks)
    assert "accepts the login" in first.sentence and first.sessions == 0 and second == first
    looks.close()


def histories(pooler: Pooler, cluster: Cluster) -> None:
    look = DatabaseLook(cluster, "ns", release(pooler.url))
    look.begin()
    wait_until(lambda: look.conclude()["before_at"])
    known = look.conclude()
    assert known["history_before"] == known["history_now"] is not None and known["unasked"] == ""


@pytest.mark.parametrize("look", [preflight, rollout, histories])
@pytest.mark.parametrize("history", [True, False])
def test_a_look_leaves_nothing_behind(pooler, cluster, look, history):
    if not history:
        pooler.database.run("DROP TABLE refinery_schema_history")
    backend = pooler.rows("SELECT pg_backend_pid()")
    before = {what: pooler.rows(sql) for what, sql in LEFT.items()}
    look(pooler, cluster)
    assert {what: pooler.rows(sql) for what, sql in LEFT.items()} == before
    assert pooler.rows("SELECT pg_backend_pid()") == backend, "the pool's connection was given back whole"
    pooler.rows("CREATE TABLE written (i int)")  # as a migration does


def test_a_session_of_the_gateways_role_is_work_and_a_longer_history_too(pooler, cluster):
    looks = DatabaseLook(cluster, "ns", release(pooler.database.url.replace(f":{pooler.database.server.port}", f":{pooler.port}"))).looks()
    assert next(looks).worked == 0
    with contextlib.closing(pooler.database.server.connect(pooler.database.name)) as migration, migration.cursor() as cursor:
        cursor.execute("BEGIN; SELECT 1")  # past the pooler, with the same role
        seen = next(looks)
        assert seen.sessions == 1 and seen.worked and not seen.away
        cursor.execute("COMMIT")
    assert next(looks).sessions == 0
    looks.close()


def test_a_pooler_without_a_free_connection_is_no_database_that_is_away(pooler, cluster):
    with contextlib.closing(pooler.connect()) as migration, migration.cursor() as cursor:
        cursor.execute("BEGIN; SELECT 1")  # the pool's only connection
        (seen,) = DatabaseLook(cluster, "ns", release(pooler.url)).looks()
        assert "accepts the login, but then gives no answer" in seen.sentence and seen.worked and not seen.away


def test_a_migration_without_a_word_is_seen_at_work_and_in_the_history(server, database, tmp_path):
    """RUST_LOG=error: the log is empty until the end, and no wait for a connection."""
    gateway = Gateway(tmp_path, {"POSTGRES_URL": database.url, "RUST_LOG": "error", "STANDIN_MIGRATION_SLOW": "30:3"}).config(
        "server: {log_format: json}\ndatabase: {kind: postgres, url: env.POSTGRES_URL}\n"
    )
    with service(server.port) as cluster:
        look = DatabaseLook(cluster, "ns", release(database.url))
        look.begin()
        wait_until(lambda: look.conclude()["before_at"])
        assert look.conclude()["history_before"] == ()
        migration = gateway.start("migrate", "--apply")
        try:
            wait_until(lambda: look.facts()["worked"], 15, "work")
            wait_until(lambda: look.conclude()["history_now"] == tuple(range(17, 30)), 15, "V29; the next one takes its time")
            known = look.facts()
            assert not known["away"] and not known["sqlstate"]
        finally:
            look.stop()
            migration.terminate()
            migration.communicate(timeout=20)
