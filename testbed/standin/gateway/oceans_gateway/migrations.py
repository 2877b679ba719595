"""Migrations as the gateway does them: forward only, one transaction per version, no lock between two migrators."""

import os
import re
import sys
import threading
import time

from . import database, knobs, log, versions
from .errors import Failure, context

FOLDER = os.path.join(os.path.dirname(__file__), "migrations")
TARGET = "gateway_store::migrate"
HISTORY = "refinery_schema_history"

# Any of the tables named there without a history means that the database belongs to something else, or lost its history.
APPLICATION_TABLES = os.path.join(os.path.dirname(__file__), "application-tables.txt")
BATCH_TABLES = {"batch_jobs", "batch_items"}


class Migration:
    def __init__(self, checksum: str):
        match = re.fullmatch(r"V(\d+)__(\w+)\.sql", checksum)
        assert match, checksum
        self.checksum = checksum
        self.version = int(match[1])
        self.name = match[2]

    def sql(self) -> str:
        with open(os.path.join(FOLDER, self.checksum), encoding="utf-8") as file:
            return file.read()


def registry() -> list[Migration]:
    """What the claimed release knows, in order."""
    known = sorted((Migration(name) for name in os.listdir(FOLDER)), key=lambda migration: migration.version)
    return [migration for migration in known if migration.version <= versions.newest_schema()]


# --- state ---

def _reset_required(why: str) -> Failure:
    return Failure(f"database reset required for postgres: {why}; recreate the database and rerun migrations")


def _tables(connection) -> set[str]:
    with context("stand-in: the tables could not be listed"):
        rows = database.execute(connection, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
    return {name for (name,) in rows}


def _application_tables() -> set[str]:
    with open(APPLICATION_TABLES, encoding="utf-8") as file:
        return set(file.read().split()) | (BATCH_TABLES if versions.knows_batches() else set())


def _applied(connection) -> set[int]:
    """Versions in the history, after the guards: no foreign tables, no unknown version, no other identity."""
    tables = _tables(connection)
    history: list[tuple] = []
    if HISTORY in tables:
        with context("stand-in: the history could not be read"):
            history = database.execute(connection, f"SELECT version, name, checksum FROM {HISTORY} ORDER BY version")
    if not history and tables & _application_tables():
        raise _reset_required(f"{HISTORY} is empty but existing application tables were found")
    known = {migration.version: migration for migration in registry()}
    for version, name, checksum in history:
        migration = known.get(version)
        if migration is None:
            raise _reset_required(f"found historical migration v{version} outside the active registry")
        if (name, checksum) != (migration.name, migration.checksum):
            raise _reset_required(f"migration v{version} identity mismatch (expected name=`{migration.name}` "
                                  f"checksum=`{migration.checksum}`, found name=`{name}` checksum=`{checksum}`)")
    return {version for version, _, _ in history}


def _status(url: str) -> set[int]:
    """The guards speak for themselves; only what keeps us from looking gets a context."""
    with context("failed loading postgres migration status"), context("failed opening postgres connection pool for migration status"):
        connection = database.connect(url)
    try:
        return _applied(connection)
    finally:
        connection.close()


def pending(url: str) -> int:
    applied = _status(url)
    return sum(migration.version not in applied for migration in registry())


def check(url: str) -> None:
    if count := pending(url):
        raise Failure(f"{count} pending migrations remain for postgres")


def _print(applied: set[int]) -> None:
    lines = [f"v{migration.version} {migration.name} [{'applied' if migration.version in applied else 'pending'}]\n" for migration in registry()]
    sys.stdout.write("backend: postgres\n" + "".join(lines))


def command(url: str, action: str) -> None:
    if action == "apply":
        with context("failed to apply database migrations"):
            apply(url)
    elif action == "check":
        with context("database migration check failed"):
            check(url)
    _print(_status(url))


# --- applying ---

def run(url: str) -> None:
    """Migrations on the way to something else: serve, bootstrap-admin, seed-config, purge-request-logs."""
    with context("failed to run database migrations"):
        apply(url)


def apply(url: str) -> None:
    with context("failed opening postgres connection pool for migrations"):
        connection = database.connect(url)
    try:
        with context("failed ensuring refinery schema history table"):
            database.execute(connection, f"CREATE TABLE IF NOT EXISTS {HISTORY} (version bigint PRIMARY KEY, name text NOT NULL, "
                                         "applied_on bigint NOT NULL, checksum text NOT NULL)")
        applied = _applied(connection)
        for migration in registry():
            if migration.version not in applied:
                _apply_one(connection, url, migration)
    finally:
        connection.close()


def _event(level: str, migration: Migration, message: str, event: str, **more) -> None:
    log.event(level, TARGET, message, backend="postgres", migration_version=migration.version, migration_name=migration.name,
              migration_event=event, **more)


def _apply_one(connection, url: str, migration: Migration) -> None:
    version = migration.version
    _event("INFO", migration, "starting migration transaction", "begin")
    with context(f"failed starting postgres transaction for migration {version}"):
        _end_session(connection, version, "begin")
        database.execute(connection, "BEGIN")
    try:
        with context(f"failed applying postgres migration {version}"):
            _faults(connection, url, version)
            database.execute(connection, migration.sql())
        with context(f"failed recording postgres migration {version} in refinery_schema_history"):
            _end_session(connection, version, "record")
            database.execute(connection, f"INSERT INTO {HISTORY} (version, name, applied_on, checksum) VALUES (%s, %s, %s, %s)",
                             (version, migration.name, int(time.time()), migration.checksum))
    except Failure as failure:
        _event("WARN", migration, "migration failed, rolling back transaction", "rollback", error=failure.chain[0])
        if not connection.closed:
            database.execute(connection, "ROLLBACK")
        raise
    with context(f"failed committing postgres migration {version}"):
        _end_session(connection, version, "commit")
        database.execute(connection, "COMMIT")
    _event("INFO", migration, "migration transaction committed", "commit")


# --- faults on demand, in real SQL ---

def _faults(connection, url: str, version: int) -> None:
    if seconds := knobs.slow_migration(version):
        database.execute(connection, "SELECT pg_sleep(%s)", (seconds,))
    if seconds := knobs.waiting_migration(version):
        _hold_lock(url, seconds)
        database.execute(connection, f"LOCK TABLE {HISTORY} IN SHARE ROW EXCLUSIVE MODE")
    if knobs.failing_migration(version) == "apply":
        database.execute(connection, f"CREATE TABLE standin_migration_{version} (); CREATE TABLE standin_migration_{version} ()")


def _end_session(connection, version: int, step: str) -> None:
    """As a failover or an administrator ends it."""
    if knobs.failing_migration(version) == step:
        database.execute(connection, "SELECT pg_terminate_backend(pg_backend_pid())")


def _hold_lock(url: str, seconds: float) -> None:
    """Another session takes the lock that this version needs: it keeps migrators apart and lets readers read."""
    holder = database.connect(url)
    database.execute(holder, "SET application_name = 'standin-lock-holder'")
    database.execute(holder, "BEGIN")
    database.execute(holder, f"LOCK TABLE {HISTORY} IN SHARE ROW EXCLUSIVE MODE")
    _holders.append(holder)
    if seconds != float("inf"):
        timer = threading.Timer(seconds, holder.close)
        timer.daemon = True
        timer.start()


# Kept, because a connection that nobody refers to is closed.
_holders: list = []
