"""The collection looks at a database: whatever it asks, nothing of it stays there, not even in a pooled connection that others use after it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.gateway.postgres import Target
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.preflight import ask_database
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.database_look import DatabaseLook
from ansible_collections.oceans.llm.tests.unit.fake_api import FakeApi, objects, ok
from testbed.standin.tests.pooler import Pooler, pooled
from testbed.standin.tests.support import Database, Server

#: what a client could leave behind in the server's connection
LEFT = {
    "settings": "SELECT name, setting FROM pg_settings WHERE source IN ('session', 'client') AND name NOT IN ('application_name', 'client_encoding') ORDER BY 1",
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


@pytest.fixture
def cluster(pooler: Pooler) -> Iterator[Cluster]:
    """An API server with one Service, `pooler`, whose end is no pod but an address: the one where PgBouncer listens."""
    with FakeApi() as api:
        api.on("GET", paths.service("ns", "pooler"), ok({"spec": {"ports": [{"port": pooler.port}]}}))
        ends = [{"conditions": {"ready": True}, "addresses": ["127.0.0.1"]}]
        api.on("GET", paths.endpointslices("ns"), objects("EndpointSlice", "1", {"metadata": {"name": "a"}, "ports": [{"port": pooler.port}], "endpoints": ends}))
        yield Cluster.connect({"host": api.url})


def where(pooler: Pooler) -> Target:
    found = Target.parse(pooler.url.replace("127.0.0.1", "pooler"))
    assert found
    return found


def preflight(pooler: Pooler, cluster: Cluster) -> None:
    found = ask_database._ask(cluster, "ns", where(pooler))
    assert not found.unknown and not found.sqlstate, found


def rollout(pooler: Pooler, cluster: Cluster) -> None:
    looks = DatabaseLook(cluster, "ns", where(pooler)).looks()
    first, second = next(looks), next(looks)
    assert "accepts the login" in first.sentence and second == first
    looks.close()


@pytest.mark.parametrize("look", [preflight, rollout])
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
