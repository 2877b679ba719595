# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's PgBouncer in front of the test server: transaction mode, a pool of one, so that every client gets the same server connection."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from testbed.standin.tests.support import PASSWORD, Database, Server, free_port, wait_until

CONFIG = """\
[databases]
* = host=127.0.0.1 port={server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = 1
"""


def program() -> str:
    """Installed from Debian if need be; without it the test is skipped with the reason."""
    def found() -> str | None:
        return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")

    if not found() and os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "install", "-q", "-y", "--no-install-recommends", "pgbouncer"], env=quiet, capture_output=True, check=False)
    return found() or pytest.skip("PgBouncer is not installed, and could not be installed: apt-get install pgbouncer")


class Pooler:
    """PgBouncer for one database of the server. :meth:`rows` asks as any other client of the pool would."""

    def __init__(self, database: Database, port: int) -> None:
        self.database, self.port = database, port

    @property
    def url(self) -> str:
        return self.database.server.url(self.database.name, port=self.port)

    def connect(self):
        connection = psycopg2.connect(host="127.0.0.1", port=self.port, user="postgres", password=PASSWORD, dbname=self.database.name)
        connection.autocommit = True
        return connection

    def rows(self, sql: str) -> list[tuple]:
        with contextlib.closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []


@contextlib.contextmanager
def pooled(server: Server, database: Database, folder: Path) -> Iterator[Pooler]:
    port, path = free_port(), program()
    (folder / "pgbouncer.ini").write_text(CONFIG.format(server=server.port, port=port, folder=folder))
    (folder / "users").write_text(f'"postgres" "{PASSWORD}"\n')
    for each in (folder, *folder.iterdir()):
        if server.who:
            os.chown(each, server.who["user"], server.who["group"])
    log = (folder / "log").open("w")
    process = subprocess.Popen([path, str(folder / "pgbouncer.ini")], cwd="/", stdout=log, stderr=log, **server.who)

    def answers() -> bool:
        assert process.poll() is None, (folder / "log").read_text()
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        return False

    try:
        wait_until(answers, 10, "PgBouncer")
        yield Pooler(database, port)
    finally:
        process.terminate()
        process.wait(10)
        log.close()
