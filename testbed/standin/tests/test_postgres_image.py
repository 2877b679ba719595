# SPDX-License-Identifier: GPL-3.0-or-later
"""The entrypoint of the PostgreSQL image, run here with a folder in place of the volume."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from testbed.standin.tests.support import STANDIN, free_port, postgres_programs, server_user, wait_until

ENTRYPOINT = STANDIN.parent / "images" / "postgres" / "entrypoint"
PASSWORD = "it's#1"
ENVIRONMENT = {"POSTGRES_PASSWORD": PASSWORD, "POSTGRES_USER": "oceans", "POSTGRES_DB": 'oceans"llm'}


@pytest.fixture
def volume() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="standin-volume-", dir="/tmp"))
    who = server_user()
    if who:
        os.chown(folder, who["user"], who["group"])
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


class Image:
    """The entrypoint as a container would run it, on a port of its own."""

    def __init__(self, data: Path, **environment: str) -> None:
        self.port = free_port()
        self.process = subprocess.Popen(
            [ENTRYPOINT, "-p", str(self.port), "-c", "fsync=off"], cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={"PATH": f"{postgres_programs()}:/usr/bin:/bin", "PGDATA": str(data), **environment}, **server_user())

    def connect(self, dbname: str = 'oceans"llm', user: str = "oceans", password: str = PASSWORD):
        return psycopg2.connect(host="127.0.0.1", port=self.port, dbname=dbname, user=user, password=password)

    def ready(self) -> Image:
        def answers() -> bool:
            assert self.process.poll() is None, self.process.communicate()[0]
            with contextlib.suppress(psycopg2.OperationalError):
                self.connect().close()
                return True
            return False

        wait_until(answers, 30, "PostgreSQL")
        return self

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=10)
        return self.process.returncode


def test_first_start_second_start_and_fast_shutdown(volume: Path) -> None:
    image = Image(volume / "data", **ENVIRONMENT).ready()
    with contextlib.closing(image.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept (x int); INSERT INTO kept VALUES (7)")
        connection.commit()
        cursor.execute("SELECT current_user, usesuper, pg_encoding_to_char(encoding) FROM pg_user, pg_database "
                       "WHERE usename = current_user AND datname = current_database()")
        assert cursor.fetchall() == [("oceans", True, "UTF8")]
        # This connection stays open: a smart shutdown would wait for it.
        start = time.monotonic()
        assert image.stop() == 0
        assert time.monotonic() - start < 4
    assert not list((volume / "data").glob(".*"))
    # The password is asked for on the first start only.
    again = Image(volume / "data", POSTGRES_USER="oceans", POSTGRES_DB="ignored").ready()
    with contextlib.closing(again.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT x FROM kept")
        assert cursor.fetchall() == [(7,)]
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        again.connect(password="wrong")
    assert again.stop() == 0


def test_leftovers_of_a_first_start_that_was_cut_off(volume: Path) -> None:
    data = volume / "data"
    for folder in (data, data / ".initialising", data / "base"):
        folder.mkdir()
        (folder / "half").write_text("x")
        for path in (folder, folder / "half"):
            if who := server_user():
                os.chown(path, who["user"], who["group"])
    image = Image(data, **ENVIRONMENT).ready()
    assert image.stop() == 0
    assert not (data / "half").exists()


def test_without_a_password(volume: Path) -> None:
    image = Image(volume / "data")
    out, _ = image.process.communicate(timeout=10)
    assert image.process.returncode == 1
    assert out == "postgres-entrypoint: POSTGRES_PASSWORD is not set; the first start needs it.\n"
    assert not (volume / "data" / "PG_VERSION").exists()


def test_a_volume_that_cannot_be_written(volume: Path) -> None:
    volume.chmod(0o555)
    if os.geteuid() == 0:
        os.chown(volume, 0, 0)
    image = Image(volume, **ENVIRONMENT)
    out, _ = image.process.communicate(timeout=10)
    assert image.process.returncode == 1
    assert "can't be written by uid" in out


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a folder to root needs root")
def test_a_volume_whose_top_belongs_to_root(volume: Path) -> None:
    """As with fsGroup: the group may write, and PostgreSQL still wants a folder that is its own."""
    os.chown(volume, 0, server_user()["group"])
    volume.chmod(0o2775)
    image = Image(volume, **ENVIRONMENT).ready()
    assert (volume / "pgdata" / "PG_VERSION").exists()
    assert image.stop() == 0
