# SPDX-License-Identifier: GPL-3.0-or-later
"""The shell and Perl programs in files/, run for real: with dash, as in the gateway's image, against a fake `gateway` and real sockets."""

from __future__ import annotations

import contextlib
import fcntl
import http.server
import os
import re
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from chart_lib import CHART

FILES = CHART / "files"
SHELL = shutil.which("dash") or "/bin/sh"

PENDING = "Error: database migration check failed\n\nCaused by:\n    29 pending migrations remain for postgres\n"
DOWN = (
    "Error: database migration check failed\n\nCaused by:\n    0: failed loading postgres migration status\n"
    "    1: failed opening postgres connection pool for migration status\n    2: pool timed out while waiting for an open connection\n\n"
)
RESET = (
    "Error: database migration check failed\n\nCaused by:\n    database reset required for postgres: found historical migration v99 outside the "
    "active registry; recreate the database and rerun migrations\n\nStack backtrace:\n   0: anyhow::error\n"
)


class Fake:
    """A `gateway` on PATH that answers from a list of (exit code, stderr); the last answer stays."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        script = folder / "gateway"
        script.write_text(
            '#!/bin/sh\necho "$*" >> "$HOME/calls"\ncase "$1" in config) n=validate;; *) n=check;; esac\n'
            'echo x >> "$HOME/$n.count"; c=$(wc -l < "$HOME/$n.count"); f="$HOME/$n.$((c)).sh"\n[ -f "$f" ] || f="$HOME/$n.last.sh"\n. "$f"\n'
        )
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        self.answers("validate", (0, ""))

    def answers(self, name: str, *answers: tuple[int, str]) -> None:
        for number, (code, text) in enumerate(answers, 1):
            for file in (f"{name}.{number}.sh", f"{name}.last.sh"):
                (self.folder / file).write_text(f"cat >&2 <<'END'\n{text}\nEND\nexit {code}\n")

    def run(self, script: str, *args: str, timeout: float = 30) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [SHELL, "-c", (FILES / script).read_text(), script, *args],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env={"HOME": str(self.folder), "PATH": f"{self.folder}:{os.environ['PATH']}"},
        )

    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines()


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    return Fake(tmp_path)


@pytest.mark.parametrize("file", sorted(FILES.glob("*.sh")), ids=lambda f: f.name)
def test_shellcheck(file: Path) -> None:
    if not shutil.which("shellcheck"):
        # dash itself at least reads it
        assert subprocess.run([SHELL, "-n", str(file)], check=False).returncode == 0
        return
    done = subprocess.run(["shellcheck", "-s", "dash", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("file", sorted(FILES.iterdir()), ids=lambda f: f.name)
def test_kubernetes_leaves_the_script_alone(file: Path) -> None:
    """In command and args Kubernetes turns $$ into $ and replaces $(NAME) of a known variable."""
    source = file.read_text()
    assert "$$" not in source
    assert not re.search(r"\$\([A-Za-z_][A-Za-z0-9_]*\)", source)


def test_waiter_waits_and_says_what_for(fake: Fake) -> None:
    fake.answers("check", (1, DOWN), (1, PENDING), (1, PENDING), (0, ""))
    done = fake.run("wait-for-migrations.sh", "schema", "0", "60")
    assert done.returncode == 0
    assert fake.calls() == ["config validate", *["migrate --check"] * 4]
    lines = done.stdout.splitlines()
    assert lines[0].endswith("pool timed out while waiting for an open connection") and "waiting for the schema" in lines[0]
    assert lines[1].endswith("29 pending migrations remain for postgres")
    assert "up to date" in lines[2] and len(lines) == 3, "the same thing is not said twice in a row"


def test_waiter_gives_up_with_a_sentence(fake: Fake) -> None:
    fake.answers("check", (1, PENDING))
    done = fake.run("wait-for-migrations.sh", "schema", "1", "2")
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert re.fullmatch(
        r"gave up after [23] s: the migration Job has not updated the schema; the last check said: 29 pending migrations remain for postgres", last
    )


def test_waiter_does_not_wait_for_what_never_comes(fake: Fake) -> None:
    fake.answers("check", (1, RESET))
    done = fake.run("wait-for-migrations.sh", "schema", "5", "600", timeout=5)
    assert done.returncode == 1 and len(fake.calls()) == 2
    assert "this gateway version cannot run on this database: database reset required" in done.stderr
    assert "anyhow" not in done.stderr, "the last cause stands before the backtrace"


def test_waiter_shows_an_invalid_configuration_at_once(fake: Fake) -> None:
    fake.answers("validate", (1, "Error: failed to load\n\nCaused by:\n    providers[0].type: unknown variant `opnai`"))
    done = fake.run("wait-for-migrations.sh", "schema", "5", "600", timeout=5)
    assert done.returncode == 1 and "unknown variant `opnai`" in done.stderr and fake.calls() == ["config validate"]


def test_waiter_goes_on_with_a_gateway_that_can_not_validate(fake: Fake) -> None:
    fake.answers("validate", (2, "error: unrecognized subcommand 'config'"))
    fake.answers("check", (0, ""))
    done = fake.run("wait-for-migrations.sh", "schema", "5", "600", timeout=5)
    assert done.returncode == 0 and "older than v0.20.1" in done.stdout


APPLIED = "backend: postgres\nv17 baseline [applied]\nv18 route_compatibility_profiles [pending]"


@pytest.mark.parametrize(("how", "status", "code"), [("recovered", APPLIED, 0), ("recovered", "backend: postgres\nv17 baseline [pending]", 1), ("", "", 0)])
def test_a_database_that_is_empty_after_a_recovery_is_not_migrated(fake: Fake, how: str, status: str, code: int) -> None:
    fake.answers("check", (1, PENDING), (0, status))
    done = fake.run("wait-for-migrations.sh", "database", "0", "60", *[how] * bool(how))
    assert done.returncode == code and ("the restored database is empty" in done.stderr) == bool(code)
    assert fake.calls() == ["migrate --check", "migrate --status"][: 1 + bool(how)]


def test_a_database_whose_status_cannot_be_read_is_no_empty_one(fake: Fake) -> None:
    fake.answers("check", (1, PENDING), (1, DOWN))
    assert fake.run("wait-for-migrations.sh", "database", "0", "60", "recovered").returncode == 0


def test_usage_errors_end_the_wait(fake: Fake) -> None:
    fake.answers("check", (2, "error: unexpected argument"))
    assert fake.run("wait-for-migrations.sh", "schema", "5", "600", timeout=5).returncode == 1


def test_database_wait_ends_when_the_database_answers(fake: Fake) -> None:
    fake.answers("check", (1, DOWN), (1, DOWN), (1, PENDING))
    done = fake.run("wait-for-migrations.sh", "database", "0", "60")
    assert done.returncode == 0 and "the database answers" in done.stdout
    assert fake.calls() == ["migrate --check"] * 3, "the configuration is not this one's business"


def test_database_wait_gives_up_with_a_sentence(fake: Fake) -> None:
    fake.answers("check", (1, DOWN))
    done = fake.run("wait-for-migrations.sh", "database", "1", "1")
    assert done.returncode == 1 and "the database does not answer; the last attempt said: pool timed out" in done.stderr


def serve(tmp_path: Path, body: str, program: str = "/bin/sh") -> subprocess.Popen[str]:
    """serve.sh with a gateway that does this."""
    script = tmp_path / "gateway"
    script.write_text(f"#!{program}\n{body}\n")
    script.chmod(0o755)
    return subprocess.Popen(
        [SHELL, "-c", (FILES / "serve.sh").read_text()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
    )


def test_serve_passes_sigterm_on(tmp_path: Path) -> None:
    process = serve(tmp_path, 'echo "up $*"; exec sleep 60')
    assert process.stdout and process.stdout.readline() == "up serve\n"
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=5) == 0, "a stop that was asked for is no error"
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("code", [0, 1, 2, 139])
def test_serve_reports_the_exit_code(tmp_path: Path, code: int) -> None:
    assert serve(tmp_path, f"exit {code}").wait(timeout=5) == code


def test_serve_reports_a_kill_that_nobody_asked_for(tmp_path: Path) -> None:
    assert serve(tmp_path, "kill -9 $$").wait(timeout=5) == 137


def test_serve_waits_for_a_gateway_that_takes_its_time(tmp_path: Path) -> None:
    """A later gateway may handle SIGTERM: the shell must stay until it is done, and tell its code."""
    process = serve(tmp_path, 'trap "sleep 1; echo done; exit 7" TERM; echo up; while :; do sleep 0.1; done')
    assert process.stdout and process.stdout.readline() == "up\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=5) == 7
    assert process.stdout.read() == "done\n"


@pytest.fixture
def listener(network: None) -> Iterator[socket.socket]:
    with listening() as server:
        yield server


class Peer:
    """Two ends of a connection to a listener: a client and the gateway, or the gateway and a provider."""

    def __init__(self, server: socket.socket) -> None:
        self.near = socket.create_connection(server.getsockname()[:2])
        self.far, _ = server.accept()
        for end in (self.near, self.far):
            end.settimeout(10)

    def ask(self) -> None:
        self.near.sendall(b"question")
        assert self.far.recv(100) == b"question"

    def answer(self) -> None:
        time.sleep(0.01)  # the kernel's clock of a connection has steps of some milliseconds
        self.far.sendall(b"answer")
        assert self.near.recv(100) == b"answer"

    def close(self) -> None:
        self.near.close()
        self.far.close()


def listening() -> socket.socket:
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen()
    return server


@pytest.fixture(autouse=True)
def network(request: pytest.FixtureRequest) -> Iterator[None]:
    """For a drain: a network of its own, as a pod has; the connections of other programs on this machine would be the gateway's to it."""
    if not request.node.name.startswith("test_drain"):
        yield
        return
    with open("/proc/thread-self/ns/net") as before:
        try:
            os.unshare(os.CLONE_NEWNET)
        except PermissionError:
            pytest.skip("may not make a network namespace; run it as root")
        try:
            with socket.socket() as any_socket:
                fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP
            yield
        finally:
            os.setns(before.fileno(), os.CLONE_NEWNET)


@pytest.fixture
def provider(network: None) -> Iterator[socket.socket]:
    with listening() as server:
        yield server


def drain(port: int, settle: int, limit: int, *others: int, **env: str) -> subprocess.Popen[str]:
    command = [SHELL, "-c", (FILES / "drain.sh").read_text(), "drain", str(settle), str(limit), str(port), (FILES / "drain.pl").read_text(), *map(str, others)]
    return subprocess.Popen(command, env={"PATH": os.environ["PATH"], **env}, stdout=subprocess.PIPE, text=True)


def lasts(process: subprocess.Popen[str], seconds: float) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=seconds)


def ends(process: subprocess.Popen[str], within: float) -> str:
    out, _ = process.communicate(timeout=within)
    assert process.returncode == 0
    return out


def waits(process: subprocess.Popen[str]) -> int:
    """How often perl has waited until now: once for each look at the connections."""
    perl = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0]
    found = re.search(r"^voluntary_ctxt_switches:\s*(\d+)", Path(f"/proc/{perl}/status").read_text(), re.M)
    assert found
    return int(found[1])


def test_drain_is_over_when_nobody_is_connected(listener: socket.socket) -> None:
    started = time.monotonic()
    assert "no request is open" in ends(drain(listener.getsockname()[1], 1, 20), 10)
    assert 1 <= time.monotonic() - started < 4


@pytest.mark.parametrize(("every", "waits"), [(0.1, True), (1.0, False)])
def test_drain_waits_while_clients_make_new_connections(listener: socket.socket, every: float, waits: bool) -> None:
    """An endpoint that is removed late. A connection every second is the kubelet's, whose probes go on to the end."""
    over = threading.Event()

    def connect() -> None:
        while not over.wait(every):
            Peer(listener).close()

    thread = threading.Thread(target=connect)
    thread.start()
    try:
        process = drain(listener.getsockname()[1], 2, 60)
        if waits:
            lasts(process, 5)
            over.set()
        assert "no request is open" in ends(process, 4)
    finally:
        over.set()
        thread.join()


def test_drain_waits_for_a_request_and_not_for_the_connection(listener: socket.socket) -> None:
    peer = Peer(listener)
    peer.ask()
    process = drain(listener.getsockname()[1], 0, 60)
    lasts(process, 9.5)  # longer than any patience: the answer is owed
    before = waits(process)
    lasts(process, 2)
    assert waits(process) - before <= 8, "a pod that streams for minutes spends its CPU on the stream"
    peer.answer()
    started = time.monotonic()
    assert "no request is open" in ends(process, 10)
    # an answer that took seconds is a stream, and may have a last chunk: 5 s of silence are its end
    assert time.monotonic() - started < 8, "nothing is owed, although the client keeps its connection"
    peer.close()


SERVER = """
import socket, sys
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
peer, _ = server.accept()
while question := peer.recv(100):
    peer.sendall(b"answer")
"""


def test_drain_stops_the_gateway_between_two_requests(tmp_path: Path, network: None) -> None:
    """The gateway is held while the drain looks a last time. Every question before the end of the connection has its answer."""
    (tmp_path / "gateway").write_text(SERVER)
    shell = subprocess.Popen([SHELL, "-c", f"{sys.executable} {tmp_path}/gateway serve & wait"], stdout=subprocess.PIPE, text=True)
    assert shell.stdout
    port, answered, process = int(shell.stdout.readline()), 0, None
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.settimeout(10)
        with contextlib.suppress(OSError):
            client.sendall(b"question")
            while client.recv(100):
                answered += 1
                process = process or drain(port, 0, 60)
                time.sleep(0.02)
                client.sendall(b"question")
    assert process
    assert "no request is open" in ends(process, 20) and answered > 100
    assert shell.wait(5) in (-signal.SIGTERM, 128 + signal.SIGTERM), "the shell is told first"
    # the shell holds one end of this pipe and the gateway the other: it ends with the gateway
    assert shell.stdout.read() == ""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_drain_does_not_wait_for_an_idle_connection(listener: socket.socket) -> None:
    idle, silent = Peer(listener), Peer(listener)
    idle.ask()
    idle.answer()
    started = time.monotonic()
    process = drain(listener.getsockname()[1], 1, 60)
    lasts(process, 3)  # the client may be about to ask again
    assert "no request is open" in ends(process, 10)
    assert 4.5 < time.monotonic() - started < 8
    idle.close()
    silent.close()


def test_drain_ends_between_two_requests_of_a_connection_in_constant_use(listener: socket.socket) -> None:
    peer, over = Peer(listener), threading.Event()

    def use() -> None:
        while not over.wait(0.03):
            peer.ask()
            peer.answer()

    peer.ask()
    peer.answer()  # a connection that nobody has used yet is waited for by nobody
    thread = threading.Thread(target=use)
    thread.start()
    started = time.monotonic()
    try:
        assert "no request is open" in ends(drain(listener.getsockname()[1], 0, 60), 30)
        assert 7.5 < time.monotonic() - started < 20, "a moment between two requests, although the client confirms each answer with its next question"
    finally:
        over.set()
        thread.join()
    peer.close()


def test_drain_waits_for_the_last_chunk_of_a_stream(listener: socket.socket) -> None:
    """The provider is done, and the gateway writes down what was used before it ends its own answer."""
    peer = Peer(listener)
    peer.ask()
    process = drain(listener.getsockname()[1], 0, 60)
    for _ in range(18):
        time.sleep(0.5)
        peer.answer()
    lasts(process, 2)
    peer.answer()
    assert "no request is open" in ends(process, 8)
    peer.close()


def test_drain_waits_for_a_stream_that_pauses(listener: socket.socket, provider: socket.socket) -> None:
    """Both connections have been silent after an answer, as idle ones are. That the provider's is there tells the difference."""
    client, upstream = Peer(listener), Peer(provider)
    for peer in (client, upstream):
        peer.ask()
        peer.answer()
    process = drain(listener.getsockname()[1], 0, 60)
    lasts(process, 10)
    upstream.close()
    assert "no request is open" in ends(process, 5)
    client.close()


@pytest.mark.parametrize("how", ["a port that is named", "the database's URL"])
def test_drain_knows_servers_that_are_no_providers(listener: socket.socket, provider: socket.socket, how: str) -> None:
    client, upstream = Peer(listener), Peer(provider)
    client.ask()
    client.answer()
    upstream.ask()  # a database can be slow
    port = provider.getsockname()[1]
    process = (
        drain(listener.getsockname()[1], 0, 60, port)
        if how.startswith("a port")
        else drain(listener.getsockname()[1], 0, 60, DB=f"postgresql://u:p%40@127.0.0.1:{port}/d?sslmode=disable")
    )
    assert "no request is open" in ends(process, 9)
    client.close()
    upstream.close()


def test_drain_waits_for_a_question_to_a_provider_that_no_client_waits_for(listener: socket.socket, provider: socket.socket) -> None:
    """The submission of a batch: broken off, nobody knows whether the provider has it."""
    upstream = Peer(provider)
    upstream.ask()
    process = drain(listener.getsockname()[1], 0, 60)
    lasts(process, 3)
    upstream.answer()
    assert "no request is open" in ends(process, 5)
    upstream.close()


def test_drain_has_an_end(listener: socket.socket) -> None:
    peer = Peer(listener)
    peer.ask()
    started = time.monotonic()
    assert "the limit is over" in ends(drain(listener.getsockname()[1], 0, 2), 10)
    assert 2 <= time.monotonic() - started < 7
    peer.close()


def test_drain_looks_at_its_own_port_only(listener: socket.socket) -> None:
    peer = Peer(listener)
    peer.ask()
    assert "no request is open" in ends(drain(1, 0, 20, listener.getsockname()[1]), 5)
    peer.close()


def test_drain_stops_the_gateway_itself(tmp_path: Path) -> None:
    """Not the kubelet a moment later: a request may begin in that moment. And a stop that was asked for is no error."""
    process = serve(
        tmp_path,
        'import http.server as h; s = h.HTTPServer(("127.0.0.1", 0), h.SimpleHTTPRequestHandler); print(s.server_port, flush=True); s.serve_forever()',
        program=sys.executable,
    )
    assert process.stdout
    port = int(process.stdout.readline())
    other = drain(port + 1, 0, 5)
    assert ends(other, 5) and process.poll() is None, "it does not listen on that port"
    ends(drain(port, 0, 5), 5)
    assert process.wait(timeout=5) == 0


def test_drain_without_perl_counts_connections(listener: socket.socket, tmp_path: Path) -> None:
    sleep = shutil.which("sleep")
    assert sleep
    (tmp_path / "sleep").symlink_to(sleep)
    peer = Peer(listener)
    process = drain(listener.getsockname()[1], 0, 60, PATH=str(tmp_path))
    lasts(process, 2.5)
    peer.close()
    assert ends(process, 5) == ""
    peer = Peer(listener)
    started = time.monotonic()
    ends(drain(listener.getsockname()[1], 0, 2, PATH=str(tmp_path)), 10)
    assert time.monotonic() - started >= 2
    peer.close()


class Answers(http.server.BaseHTTPRequestHandler):
    status: dict[str, int] = {}

    def do_GET(self) -> None:  # noqa: N802 - the base class calls it so
        body = b'{"error":{"code":"store_error"}}'
        self.send_response(self.status[self.path])
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Quiet."""


def reach(port: int, hosts: str = "", name: str = "127.0.0.1") -> subprocess.CompletedProcess[str]:
    text = "".join((FILES / f"{part}.pl").read_text() for part in ("probe_net", "reach"))
    return subprocess.run(["perl", "-e", text, name, str(port), hosts], capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize(
    ("ready", "admin", "says"),
    [
        (200, 200, "served: HERE /readyz 200, /admin 200"),
        (200, 302, "served: HERE /readyz 200, /admin 302"),
        (503, 200, 'FAILED: HERE/readyz: the gateway is not ready: 503 {"error":{"code":"store_error"}}'),
        (200, 503, 'FAILED: HERE/admin: the gateway does not reach the admin UI: 503 {"error":{"code":"store_error"}}'),
        (200, 404, 'FAILED: HERE/admin: the gateway does not reach the admin UI: 404 {"error":{"code":"store_error"}}'),
    ],
)
def test_helm_test_says_one_line(ready: int, admin: int, says: str) -> None:
    handler = type("Handler", (Answers,), {"status": {"/readyz": ready, "/admin": admin}})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = reach(server.server_address[1])
        server.shutdown()
    assert done.stdout == says.replace("HERE", f"http://127.0.0.1:{server.server_address[1]} (127.0.0.1)") + "\n" and not done.stderr
    assert done.returncode == (0 if says.startswith("served") else 1)


def test_helm_test_asks_the_outside_hosts_too() -> None:
    """One that the pod cannot reach is told, one that answers for somebody else fails; a wildcard is asked of nobody."""
    handler = type("Handler", (Answers,), {"status": {"/readyz": 200, "/admin": 200}})
    elsewhere = type("Elsewhere", (Answers,), {"status": {"/readyz": 404}})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, http.server.ThreadingHTTPServer(("127.0.0.9", 80), elsewhere) as other:
        for each in (server, other):
            threading.Thread(target=each.serve_forever, daemon=True).start()
        port = server.server_address[1]
        done = reach(port, "http|gone.invalid,https|*.example,|127.0.0.8")
        wrong = reach(port, "http|127.0.0.9")
        elsewhere.status = {"/readyz": 200}
        right = reach(port, "|127.0.0.9")
        for each in (server, other):
            each.shutdown()
    assert done.returncode == 0 and done.stdout.count("\n") == 1 and "*" not in done.stdout, done.stdout
    assert "/admin 200; http://gone.invalid was not reached from this pod: the name does not resolve: " in done.stdout
    assert "; http://127.0.0.8 (127.0.0.8) was not reached from this pod: no connection to 127.0.0.8:80: Connection refused" in done.stdout
    assert wrong.returncode == 1 and wrong.stdout == "FAILED: http://127.0.0.9 (127.0.0.9)/readyz answers 404: it does not lead to this gateway\n"
    assert right.returncode == 0 and right.stdout.endswith("/admin 200; http://127.0.0.9 (127.0.0.9)/readyz 200\n"), right.stdout


def test_helm_test_without_a_gateway_or_a_name() -> None:
    done = reach(1)
    assert done.returncode == 1 and done.stdout == "FAILED: http://127.0.0.1:1 (127.0.0.1)/readyz: no connection to 127.0.0.1:1: Connection refused\n"
    done = reach(1, name="gone.invalid")
    assert done.returncode == 1 and done.stdout.startswith("FAILED: gone.invalid does not resolve: "), done.stdout
