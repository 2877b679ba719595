# SPDX-License-Identifier: GPL-3.0-or-later
"""The script of a restore point's Job against a real server, as a role that owns its database and nothing more (as CloudNativePG's does)."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle import dump_job
from testbed.standin.tests.conftest import CONFIG
from testbed.standin.tests.support import Gateway, Server

ROLE, PASSWORD = "o'ceans \"llm", "p@ss:w/o#r%d?&=+ !'\"\\ €"
POISON = "INSERT INTO answered_requests (model, words_asked, words_recalled) VALUES ('any', 1, 2)"
OLD, NEW = {"STANDIN_VERSION": "v0.20.0"}, {"STANDIN_VERSION": "v0.24.0"}  # V41, V45
NAME, ASIDE = "r-20261128-153000", "before_restore_20261128_154500"


@dataclass
class Answer:
    code: int
    out: str
    err: str

    @property
    def told(self) -> dict:
        assert self.code == 0, self.err
        return json.loads(self.out.splitlines()[-1])

    @property
    def reason(self) -> str:
        assert self.code != 0, self.out
        return self.err.strip().splitlines()[-1]


@dataclass
class Owned:
    """A database of a role that is no superuser, with the gateway's schema in it."""

    server: Server
    folder: Path
    name: str = "owned"

    def connect(self, name: str = ""):
        connection = psycopg2.connect(host="127.0.0.1", port=self.server.port, user=ROLE, password=PASSWORD, dbname=name or self.name)
        connection.autocommit = True
        return connection

    def run(self, sql: str, name: str = "") -> list[tuple]:
        with contextlib.closing(self.connect(name)) as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def rows(self, schema: str = "public", name: str = "") -> dict[str, list[str]]:
        """Every row of every table, read here and not by the script."""
        tables = self.run(f"SELECT tablename FROM pg_tables WHERE schemaname = '{schema}' ORDER BY 1", name)
        return {table: sorted(repr(row) for row in self.run(f'SELECT * FROM {schema}."{table}"', name)) for (table,) in tables}

    def objects(self, name: str = "") -> list[tuple]:
        """Names of everything in schema public, constraints and defaults included."""
        sql = """SELECT relkind::text, relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace
                 UNION ALL SELECT 'type', typname::text FROM pg_type WHERE typnamespace = 'public'::regnamespace
                 UNION ALL SELECT 'routine', proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace
                 UNION ALL SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
                 UNION ALL SELECT adrelid::regclass::text, pg_get_expr(adbin, adrelid) FROM pg_attrdef d
                   JOIN pg_class c ON c.oid = adrelid WHERE relnamespace = 'public'::regnamespace ORDER BY 1, 2"""
        return self.run(sql, name)

    def gateway(self, *words: str, **environment: str):
        url = f"postgres://127.0.0.1:{self.server.port}/{self.name}"
        return Gateway(self.folder, {"POSTGRES_URL": url, "PGUSER": ROLE, "PGPASSWORD": PASSWORD}).config(CONFIG)(*words, **environment)

    def script(self, *words: str, **environment: str) -> Answer:
        place, work = self.folder / "place", self.folder / "work"
        for folder in (place, work):
            folder.mkdir(exist_ok=True)
        libpq = {"PGHOST": "127.0.0.1", "PGPORT": str(self.server.port), "PGUSER": ROLE, "PGDATABASE": self.name, "PGPASSWORD": PASSWORD}
        command = ["sh", "-c", dump_job.SCRIPT.read_text(), "restore-point", *words]
        env = {"PATH": f"{self.server.programs}:{os.environ['PATH']}", **libpq, "PLACE": str(place), "WORK": str(work), **environment}
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
        assert PASSWORD not in done.stdout + done.stderr
        return Answer(done.returncode, done.stdout, done.stderr)

    def taken(self) -> str:
        """A restore point; its checksum."""
        return str(self.script("take", NAME).told["checksum"])


@pytest.fixture
def owned(server: Server, tmp_path: Path) -> Iterator[Owned]:
    role = '"' + ROLE.replace('"', '""') + '"'
    with contextlib.closing(server.connect("postgres")) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {role} LOGIN PASSWORD %s", (PASSWORD,))
        cursor.execute(f"CREATE DATABASE owned OWNER {role}")
    made = Owned(server, tmp_path)
    assert made.gateway("migrate", "--apply", **OLD).code == 0
    made.run("INSERT INTO answered_requests (model, words_asked, words_recalled) SELECT 'm' || n || chr(8364), n, 0 FROM generate_series(1, 500) n")
    yield made
    for name in ("owned", "copy"):
        server.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    server.run(f"DROP ROLE {role}")


def test_a_restore_point_says_what_is_in_it(owned: Owned) -> None:
    told = owned.script("take", NAME).told
    tables = owned.rows()
    assert told["schema"] == 41 and told["size"] == (owned.folder / "place" / f"{NAME}.dump").stat().st_size
    assert (told["tables"], told["rows"]) == (len(tables), sum(map(len, tables.values())))
    assert sorted(p.name for p in (owned.folder / "place").iterdir()) == [f"{NAME}.dump", f"{NAME}.sums"]


def test_older_ones_are_removed_when_the_new_one_is_whole(owned: Owned) -> None:
    owned.script("take", "r-1")
    owned.script("take", "r-2", "r-1")
    assert sorted(p.name for p in (owned.folder / "place").iterdir()) == ["r-2.dump", "r-2.sums"]
    assert "could not be copied" in owned.script("take", "no/such/folder", "r-2").reason
    assert (owned.folder / "place" / "r-2.dump").exists()


def failed(owned: Owned) -> None:
    assert owned.gateway("migrate", "--apply", STANDIN_MIGRATION_FAIL="42", **NEW).code == 1


def half_committed(owned: Owned) -> None:
    owned.run(POISON)
    assert owned.gateway("migrate", "--apply", **NEW).code == 1
    assert owned.run("SELECT max(version) FROM refinery_schema_history") == [(42,)]


def unwanted(owned: Owned) -> None:
    assert owned.gateway("migrate", "--apply", **NEW).code == 0
    owned.run("DELETE FROM answered_requests WHERE words_asked > 100")


@pytest.mark.parametrize("migration", [failed, half_committed, unwanted], ids=lambda f: f.__name__)
def test_every_row_of_every_table_comes_back_and_the_old_gateway_accepts_it(owned: Owned, migration) -> None:
    rows, objects, checksum = owned.rows(), owned.objects(), owned.taken()
    migration(owned)
    replaced = owned.rows()
    assert owned.script("verify", NAME, checksum, ASIDE).code == 0
    assert owned.rows() == replaced  # so far nothing
    assert owned.script("restore", NAME, checksum, ASIDE).told["rows"] == sum(map(len, rows.values()))
    assert owned.rows() == rows and owned.objects() == objects
    assert owned.rows(ASIDE) == replaced  # nothing is lost by it either
    assert owned.gateway("migrate", "--check", **OLD).code == 0
    assert owned.gateway("migrate", "--apply", **NEW).code == 0  # and forward once more


def test_a_damaged_copy_is_refused_and_changes_nothing(owned: Owned) -> None:
    checksum = owned.taken()
    dump = owned.folder / "place" / f"{NAME}.dump"
    data = bytearray(dump.read_bytes())
    data[len(data) // 2] ^= 1
    dump.write_bytes(data)
    unwanted(owned)
    before = owned.rows()
    for command in ("verify", "restore"):
        assert "is damaged" in owned.script(command, NAME, checksum, ASIDE).reason
    assert owned.rows() == before and owned.rows(ASIDE) == {}


def test_rows_that_differ_from_the_sums_are_not_committed(owned: Owned) -> None:
    owned.taken()
    place = owned.folder / "place"
    sums = (place / f"{NAME}.sums").read_text().replace("answered_requests|500|", "answered_requests|501|")
    (place / f"{NAME}.sums").write_text(sums)
    whole = subprocess.run("sha256sum *.dump *.sums | sha256sum", shell=True, cwd=place, capture_output=True, text=True, check=True).stdout.split()[0]
    unwanted(owned)
    before = owned.rows()
    done = owned.script("restore", NAME, f"sha256:{whole}", ASIDE)
    assert "the database is unchanged" in done.reason and "differ from those of the restore point" in done.err
    assert owned.rows() == before and owned.rows(ASIDE) == {}


def test_a_transaction_that_holds_a_lock_is_named(owned: Owned) -> None:
    checksum = owned.taken()
    before = owned.rows()
    with contextlib.closing(owned.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("BEGIN; SELECT count(*) FROM answered_requests")
        done = owned.script("restore", NAME, checksum, ASIDE, LOCK_SECONDS="1")
        assert f"process {connection.info.backend_pid} (" in done.reason and "idle in transaction" in done.reason
    assert owned.rows() == before


def test_what_belongs_to_an_extension_or_to_another_schema_stays(owned: Owned) -> None:
    with contextlib.closing(owned.server.connect("owned")) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION lo")  # its function and its type are in public
    owned.run("CREATE SCHEMA other; CREATE TABLE other.t AS SELECT 1 AS n; CREATE TYPE mood AS ENUM ('good', 'bad')")
    owned.run("CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS 'SELECT 2 * n'")
    owned.run("CREATE TABLE odd (t text, mood mood DEFAULT 'good', n int GENERATED ALWAYS AS IDENTITY, big lo, doubled int DEFAULT twice(2))")
    owned.run("INSERT INTO odd (t) VALUES ('a|b\n'), (NULL), ('€'); CREATE VIEW seen AS SELECT t FROM odd; CREATE SEQUENCE counter")
    rows, objects, checksum = owned.rows(), owned.objects(), owned.taken()
    owned.run("DELETE FROM odd; INSERT INTO other.t VALUES (2)")
    assert owned.script("restore", NAME, checksum, ASIDE).code == 0
    assert owned.rows() == rows and owned.objects() == objects and owned.rows("other") == {"t": ["(1,)", "(2,)"]}


def test_a_role_that_lacks_a_right_is_told_which(owned: Owned) -> None:
    checksum = owned.taken()
    with contextlib.closing(owned.server.connect("owned")) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE foreign_one (n int)")
    assert "foreign_one belongs to the role postgres" in owned.script("verify", NAME, checksum, ASIDE).reason
    assert "lacks the permission to create databases" in owned.script("verify", NAME, checksum, "", "copy").reason


def test_into_a_new_database(owned: Owned) -> None:
    role = '"' + ROLE.replace('"', '""') + '"'
    owned.server.run(f"ALTER ROLE {role} CREATEDB")
    rows, checksum = owned.rows(), owned.taken()
    unwanted(owned)
    before = owned.rows()
    assert owned.script("verify", NAME, checksum, "", "copy").code == 0
    assert owned.script("restore", NAME, checksum, "", "copy").code == 0
    assert owned.rows(name="copy") == rows and owned.rows() == before
    assert "database copy is not empty" in owned.script("verify", NAME, checksum, "", "copy").reason


def test_a_new_database_that_a_failed_run_has_left_empty_is_used(owned: Owned) -> None:
    checksum = owned.taken()
    role = '"' + ROLE.replace('"', '""') + '"'
    owned.server.run(f"CREATE DATABASE copy OWNER {role}")
    assert owned.script("verify", NAME, checksum, "", "copy").code == 0
    assert owned.script("restore", NAME, checksum, "", "copy").code == 0
    assert owned.rows(name="copy") == owned.rows()


def test_a_copy_is_of_one_moment_while_the_gateway_writes(owned: Owned) -> None:
    """Rows come and go all the time: the sums must be of the rows that pg_dump saw."""
    writer = subprocess.Popen(
        [f"{owned.server.programs}/psql", "-X", "-q"],
        stdin=subprocess.PIPE,
        text=True,
        env={"PGHOST": "127.0.0.1", "PGPORT": str(owned.server.port), "PGUSER": ROLE, "PGDATABASE": "owned", "PGPASSWORD": PASSWORD},
    )
    assert writer.stdin
    writer.stdin.write("INSERT INTO answered_requests (model, words_asked, words_recalled) VALUES ('w', 1, 0) \\watch 0.01\n")
    writer.stdin.flush()
    try:
        checksum = owned.taken()
    finally:
        writer.kill()
        writer.wait()
    assert owned.script("restore", NAME, checksum, ASIDE).code == 0


def test_a_snapshot_of_the_servers_volume_becomes_a_copy(owned: Owned) -> None:
    """The volume as it is while the server runs, as after a power cut."""
    rows = owned.rows()
    with contextlib.closing(owned.server.connect("owned")) as connection, connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
    owned.run("INSERT INTO answered_requests (model, words_asked, words_recalled) VALUES ('after the checkpoint', 1, 2)")
    rows = owned.rows()
    home = owned.server.folder / "of-a-snapshot"
    volume, place = home / "volume", home / "place"
    place.mkdir(parents=True)
    subprocess.run(["cp", "-a", str(owned.server.folder / "data"), str(volume)], check=True)
    owned.run("DELETE FROM answered_requests")
    for folder in (home, place):
        if owned.server.who:
            os.chown(folder, owned.server.who["user"], owned.server.who["group"])
    env = {"PATH": f"{owned.server.programs}:{os.environ['PATH']}", "PGHOST": "nowhere.invalid", "PGPORT": "1", "PGUSER": ROLE, "PGDATABASE": "owned"}
    env |= {"PGPASSWORD": "of no use", "PGSSLMODE": "verify-full", "PLACE": str(place), "WORK": str(home), "VOLUME": str(volume)}
    command = ["sh", "-c", dump_job.SCRIPT.read_text(), "restore-point", "recovered", NAME]
    done = subprocess.run(command, env=env, cwd="/", capture_output=True, text=True, timeout=120, check=False, **owned.server.who)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert (told["schema"], told["rows"]) == (41, sum(map(len, rows.values()))) and not (volume / "postmaster.pid").exists()
    (owned.folder / "place").mkdir()
    for file in place.iterdir():
        (owned.folder / "place" / file.name).write_bytes(file.read_bytes())
    assert owned.script("restore", NAME, told["checksum"], ASIDE).code == 0 and owned.rows() == rows
