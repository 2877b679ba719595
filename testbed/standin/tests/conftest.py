# SPDX-License-Identifier: GPL-3.0-or-later
"""One PostgreSQL server for the run, one database for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.standin.tests.support import Database, Gateway, Server

CONFIG = """\
server: {log_format: json}
database: {kind: postgres, url: env.POSTGRES_URL}
"""


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def template(server: Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database that is up to date, to be copied."""
    database = server.database()
    done = Gateway(tmp_path_factory.mktemp("template"), {"POSTGRES_URL": database.url}).config(CONFIG)("migrate", "--apply")
    assert done.code == 0, done.err
    return database.name


@pytest.fixture
def database(server: Server) -> Iterator[Database]:
    """Empty."""
    database = server.database()
    yield database
    database.drop()


@pytest.fixture
def migrated(server: Server, template: str) -> Iterator[Database]:
    """Up to date."""
    database = server.database(template)
    yield database
    database.drop()


@pytest.fixture
def bare(tmp_path: Path) -> Gateway:
    """The command with no database and no configuration."""
    return Gateway(tmp_path)


@pytest.fixture
def gateway(database: Database, tmp_path: Path) -> Gateway:
    """The command with an empty database."""
    return Gateway(tmp_path, {"POSTGRES_URL": database.url}).config(CONFIG)


@pytest.fixture
def ready(migrated: Database, tmp_path: Path) -> Gateway:
    """The command with a database that is up to date."""
    return Gateway(tmp_path, {"POSTGRES_URL": migrated.url}).config("database: {kind: postgres, url: env.POSTGRES_URL}\n")
