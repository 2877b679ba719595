# SPDX-License-Identifier: GPL-3.0-or-later
"""A private PostgreSQL server, the stand-in's command, and a door between the two that can be shut."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2
import pytest

STANDIN = Path(__file__).parents[1]
GATEWAY = STANDIN / "gateway" / "gateway"
PASSWORD = "server password"  # noqa: S105 - of a server that lives for a test run


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, seconds: float = 10.0, what: str = "the condition") -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what} did not come true within {seconds} s")


# --- PostgreSQL ---

def postgres_programs() -> Path:
    """The folder with initdb and postgres; installed from Debian if need be, else the test fails with the reason."""
    def found() -> Path | None:
        versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
        if versions:
            return versions[0].parent
        on_path = shutil.which("initdb")
        return Path(on_path).resolve().parent if on_path else None

    if folder := found():
        return folder
    if os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-q"], env=quiet, capture_output=True, check=False)
        subprocess.run(["apt-get", "install", "-q", "-y", "--no-install-recommends", "postgresql-15"], env=quiet, capture_output=True, check=False)
        if folder := found():
            return folder
    pytest.fail("PostgreSQL's server (initdb) is not here and could not be installed; type: apt-get install postgresql-15", pytrace=False)


def server_user() -> dict[str, Any]:
    """PostgreSQL refuses to run as root: arguments for subprocess that make it somebody else."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    pytest.fail("running as root, and there is neither a user postgres nor nobody to run PostgreSQL as", pytrace=False)


def roomy_memory() -> str | None:
    """A folder in memory: a database for each test is a lot to write."""
    with contextlib.suppress(OSError):
        if shutil.disk_usage("/dev/shm").free > 1 << 30:
            return "/dev/shm"
    return None


class Server:
    """One PostgreSQL server in a folder of its own, on a free port."""

    def __init__(self) -> None:
        self.programs = postgres_programs()
        self.port = free_port()
        self.who = server_user()
        self.folder = Path(tempfile.mkdtemp(prefix="standin-postgres-", dir=roomy_memory() or "/tmp"))
        if self.who:
            os.chown(self.folder, self.who["user"], self.who["group"])
        password = self.folder / "password"
        password.write_text(PASSWORD + "\n")
        password.chmod(0o644)
        made = subprocess.run(
            [self.programs / "initdb", "-D", self.folder / "data", "-U", "postgres", "--auth=scram-sha-256", f"--pwfile={password}",
             "--no-sync", "--encoding=UTF8", "--locale=C"], cwd="/", capture_output=True, text=True, **self.who)
        assert made.returncode == 0, made.stderr
        self.log = (self.folder / "log").open("w")
        self.process = subprocess.Popen(
            [self.programs / "postgres", "-D", self.folder / "data", "-p", str(self.port), "-c", "listen_addresses=127.0.0.1",
             "-c", f"unix_socket_directories={self.folder}", "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=40",
             "-c", "autovacuum=off", "-c", "max_wal_size=128MB", "-c", "max_wal_senders=0", "-c", "wal_level=minimal"],
            cwd="/", stdout=self.log, stderr=self.log, **self.who)
        self.databases = 0
        wait_until(self._answers, 20, "PostgreSQL")

    def _answers(self) -> bool:
        assert self.process.poll() is None, (self.folder / "log").read_text()
        with contextlib.suppress(psycopg2.OperationalError):
            self.connect("postgres").close()
            return True
        return False

    def stop(self) -> None:
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(20)
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, name: str, user: str = "postgres", password: str = PASSWORD, port: int | None = None) -> str:
        return f"postgres://{user}:{password.replace(' ', '%20')}@127.0.0.1:{port or self.port}/{name}"

    def connect(self, name: str, user: str = "postgres", password: str = PASSWORD):
        connection = psycopg2.connect(host="127.0.0.1", port=self.port, user=user, password=password, dbname=name)
        connection.autocommit = True
        return connection

    def database(self, template: str = "template1") -> Database:
        self.databases += 1
        name = f"test_{self.databases}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return Database(self, name)

    def run(self, sql: str) -> None:
        with contextlib.closing(self.connect("postgres")) as connection, connection.cursor() as cursor:
            cursor.execute(sql)


@dataclass
class Database:
    server: Server
    name: str

    @property
    def url(self) -> str:
        return self.server.url(self.name)

    def run(self, sql: str, *parameters: Any) -> list[tuple]:
        with contextlib.closing(self.server.connect(self.name)) as connection, connection.cursor() as cursor:
            cursor.execute(sql, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def drop(self) -> None:
        self.server.run(f"DROP DATABASE {self.name} WITH (FORCE)")

    def versions(self) -> list[int]:
        return [version for (version,) in self.run("SELECT version FROM refinery_schema_history ORDER BY version")]

    def tables(self) -> set[str]:
        return {name for (name,) in self.run("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")}


class Door:
    """A TCP way to the server that can be shut (connections are refused, open ones are cut) or frozen (nothing gets through)."""

    def __init__(self, to_port: int) -> None:
        self.to_port = to_port
        self.port = free_port()
        self.sockets: list[socket.socket] = []
        self.listener: socket.socket | None = None
        self.flows = threading.Event()
        self.flows.set()
        self.open()

    def open(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def shut(self) -> None:
        assert self.listener
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for each in self.sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self.sockets.clear()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                inside, _ = listener.accept()
                outside = socket.create_connection(("127.0.0.1", self.to_port))
                self.sockets += [inside, outside]
                for source, target in ((inside, outside), (outside, inside)):
                    threading.Thread(target=self._pump, args=(source, target), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self.flows.wait()
                target.sendall(data)
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def refusing_server(sentence: str, code: str) -> Iterator[int]:
    """A port where every connection is turned down in PostgreSQL's protocol, as a server that is starting does it."""
    listener = socket.create_server(("127.0.0.1", 0))
    fields = b"".join(name + value.encode() + b"\0" for name, value in ((b"S", "FATAL"), (b"V", "FATAL"), (b"C", code), (b"M", sentence))) + b"\0"
    answer = b"E" + (len(fields) + 4).to_bytes(4, "big") + fields

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                with client:
                    if client.recv(1024)[4:8] == (80877103).to_bytes(4, "big"):  # SSLRequest
                        client.sendall(b"N")
                        client.recv(1024)
                    client.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


# --- the gateway ---

class Warm:
    """A process that has the gateway's modules imported and forks for each command (warm.py). It ends with its stdin, so with this process."""

    def __init__(self) -> None:
        self.process = subprocess.Popen([sys.executable, str(Path(__file__).with_name("warm.py"))], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, order: dict[str, Any]) -> int:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


@functools.cache
def _warm() -> Warm:
    return Warm()


@dataclass
class Gateway:
    """The command with its environment and its configuration file, in a folder of its own."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def config(self, text: str, name: str = "gateway.yaml") -> Gateway:
        (self.folder / name).write_text(text)
        return self

    def full_environment(self, more: dict[str, str]) -> dict[str, str]:
        base = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return {**base, "STANDIN_CONNECT_SECONDS": "1", **self.environment, **more}

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-B", str(GATEWAY), *words]

    def __call__(self, *words: str, seconds: int = 30, **environment: str) -> Outcome:
        out, err = self.folder / "stdout", self.folder / "stderr"
        start = time.monotonic()
        code = _warm().run({"words": words, "folder": str(self.folder), "environment": self.full_environment(environment), "seconds": seconds,
                            "out": str(out), "err": str(err)})
        return Outcome(code, out.read_text(), err.read_text(), time.monotonic() - start)

    def start(self, *words: str, before: tuple[str, ...] = (), **environment: str) -> subprocess.Popen:
        return subprocess.Popen([*before, *self.command(*words)], cwd=self.folder, env=self.full_environment(environment), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    @contextlib.contextmanager
    def serving(self, *words: str, **environment: str) -> Iterator[Serving]:
        """`gateway serve` on a free port, from its first answer to its end."""
        port = free_port()
        process = self.start(*(words or ("serve",)), GATEWAY_CONFIG=str(self.listening(port)), **environment)
        try:
            yield self.answering(process, port)
        finally:
            process.kill()
            process.communicate()

    def answering(self, process: subprocess.Popen, port: int) -> Serving:
        def answers() -> bool:
            if process.poll() is not None:
                out, err = process.communicate()
                raise AssertionError(f"serve ended with {process.returncode}: {err}{out}")
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                return True
            return False

        wait_until(answers, 15, "the port")
        return Serving(process, port)

    def listening(self, port: int) -> Path:
        """The configuration with this port in it, whatever its one line `server:` says."""
        path = self.folder / f"gateway-{port}.yaml"
        rest = [line for line in (self.folder / "gateway.yaml").read_text().splitlines(keepends=True) if not line.startswith("server:")]
        path.write_text(f'server: {{bind: "127.0.0.1:{port}", log_format: json}}\n' + "".join(rest))
        return path


@dataclass
class Outcome:
    code: int
    out: str
    err: str
    seconds: float

    def lines(self) -> list[str]:
        return self.out.splitlines()

    def events(self) -> list[dict]:
        return [json.loads(line) for line in self.lines() if line.startswith("{")]

    def migrations(self) -> list[tuple[str, int]]:
        return [(event["fields"]["migration_event"], event["fields"]["migration_version"]) for event in self.events()
                if "migration_event" in event["fields"]]


@dataclass
class Answer:
    status: int
    text: str
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def code(self) -> str:
        return self.json["error"]["code"]


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


@dataclass
class Serving:
    process: subprocess.Popen
    port: int

    def __call__(self, path: str, body: Any = None, seconds: float = 10, **headers: str) -> Answer:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", None if body is None else json.dumps(body).encode(),
                                         {name.replace("_", "-"): value for name, value in headers.items()})
        try:
            with urllib.request.build_opener(_NoRedirect).open(request, timeout=seconds) as answer:
                return Answer(answer.status, answer.read().decode(), dict(answer.headers))
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read().decode(), dict(error.headers))
