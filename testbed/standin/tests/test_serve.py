# SPDX-License-Identifier: GPL-3.0-or-later
"""serve: its order, its endpoints, its end."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from testbed.standin.tests.support import Database, Door, Gateway, Server, Serving, free_port, wait_until
from testbed.standin.tests.test_objects import ADMIN, SECRETS, SEED

OFF = {"GATEWAY_RUN_MIGRATIONS": "false", "GATEWAY_BOOTSTRAP_ADMIN": "false", "GATEWAY_SEED_CONFIG": "false"}
BEARER = {"Authorization": "Bearer gwk_ci.secret"}
PLAIN = "server: {log_format: json}\ndatabase: {kind: postgres, url: env.POSTGRES_URL}\n"
MISSING_TABLE = 'store query failed: error returned from database: relation "pricing_catalog_cache" does not exist'


def log_of(process: subprocess.Popen) -> list[dict]:
    process.kill()
    out, _ = process.communicate()
    return [json.loads(line) for line in out.splitlines()]


# --- order ---

def test_no_schema(gateway: Gateway, database: Database) -> None:
    done = gateway("serve", **OFF)
    assert done.code == 1
    assert done.err == f"Error: failed to initialize pricing catalog\n\nCaused by:\n    {MISSING_TABLE}\n"
    (warning,) = done.events()
    assert warning["level"] == "WARN"
    assert warning["fields"] == {"message": "pricing catalog refresh failed; falling back to cached snapshot", "catalog_key": "models_dev_supported_v2",
                                 "source_url": "https://models.dev/api.json", "error": MISSING_TABLE}
    assert warning["target"] == "gateway_service::pricing_catalog"
    assert database.tables() == set()


def test_all_switches_off_changes_nothing(ready: Gateway, migrated: Database) -> None:
    with ready.config(SEED + "auth: {bootstrap_admin: {password: literal.x}}\n").serving(**OFF, **SECRETS) as serving:
        assert serving("/healthz").status == 200
    assert migrated.run("SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM providers)") == [(0, 0)]


@pytest.mark.parametrize("words", [("serve",), ("--config", "{config}")])
def test_serve_and_the_bare_word_do_all_three(gateway: Gateway, database: Database, words: tuple[str, ...]) -> None:
    """Without the word `serve` the switches are not even read."""
    switches = OFF if "serve" not in words else {}
    gateway.config(SEED + "auth: {bootstrap_admin: {password: literal.x}}\n")
    port = free_port()
    process = gateway.start(*(word for word in words if word == "serve"), GATEWAY_CONFIG=str(gateway.listening(port)), **switches, **SECRETS)
    serving = gateway.answering(process, port)
    assert serving("/readyz").status == 200
    last = log_of(process)[-1]
    assert (last["fields"], last["target"]) == ({"message": "gateway started", "address": f"127.0.0.1:{port}"}, "gateway")
    assert len(database.versions()) == 29
    assert database.run("SELECT count(*) FROM users WHERE role = 'platform_admin'") == [(1,)]
    assert database.run("SELECT count(*) FROM providers") == [(1,)]


def test_serve_does_not_look_at_the_history(ready: Gateway, migrated: Database) -> None:
    migrated.run("INSERT INTO refinery_schema_history VALUES (99, 'x', 0, 'x')")
    with ready.config(PLAIN).serving(**OFF) as serving:
        assert serving("/readyz").status == 200
    failed = ready.config(PLAIN)("serve")
    assert failed.err.startswith("Error: failed to run database migrations\n\nCaused by:\n    database reset required for postgres: ")


def test_an_old_release_serves_on_a_newer_schema(ready: Gateway) -> None:
    with ready.config(SEED + "auth: {bootstrap_admin: {password: literal.x}}\n").serving(
            STANDIN_VERSION="v0.23.0", **{**OFF, "GATEWAY_SEED_CONFIG": "true", "GATEWAY_BOOTSTRAP_ADMIN": "true"}, **SECRETS) as serving:
        assert serving("/api/v1/health").json["version"] == "0.23.0"
        assert serving("/v1/models", **BEARER).status == 200
        assert serving("/api/v1/auth/login/password", {"email": "admin@local", "password": "x"}).status == 200


def test_a_missing_provider_secret_is_fatal_and_comes_after_the_catalogue(ready: Gateway) -> None:
    done = ready.config(SEED)("serve", **OFF)
    assert done.code == 1
    assert done.err == "Error: required environment variable `OPENAI_API_KEY` is not set\n\nCaused by:\n    environment variable not found\n"
    assert done.events()[-1]["fields"]["message"].startswith("pricing catalog refresh failed")


def test_a_missing_admin_password_is_fatal(ready: Gateway) -> None:
    done = ready.config(ADMIN)("serve")
    assert done.code == 1
    assert done.err.startswith("Error: failed resolving bootstrap admin password\n\nCaused by:\n    0: required environment variable ")


@pytest.mark.parametrize(("url", "why"), [("", "cannot be empty"), (" https://x", "cannot include leading or trailing whitespace"),
                                         ("https://", "must include a host"), ("ftp://x", "scheme `ftp` is not supported")])
def test_client_base_url(ready: Gateway, url: str, why: str) -> None:
    done = ready.config(PLAIN)("serve", **OFF, GATEWAY_CLIENT_CONFIG_BASE_URL=url)
    assert (done.code, done.err) == (1, "Error: failed resolving client config gateway base URL\n\nCaused by:\n"
                                        f"    GATEWAY_CLIENT_CONFIG_BASE_URL {why}\n")


RAW = "unsupported secret reference `mailer`; use env.* or literal.* for this phase"


@pytest.mark.parametrize(("text", "chain"), [
    ("budget_alerts: {email: {transport: {username: mailer, password: literal.x}}}", ("failed to build budget alert email sender", RAW)),
    ("budget_alerts: {email: {transport: {username: literal.x}}}",
     ("failed to build budget alert email sender", "stand-in: username and password must be set together")),
    ("mcp: {oauth: {providers: [{client_id: literal.a, client_secret: literal.b}]}}",
     ("invalid MCP credential runtime configuration", "OCEANS_MCP_CREDENTIAL_ENCRYPTION_KEY is required when an MCP OAuth provider is configured")),
    ("mcp: {oauth: {public_base_url: 'https://x/path'}}",
     ("failed resolving MCP OAuth configuration", "stand-in: mcp.oauth.public_base_url is not an https origin")),
    ("auth: {oidc: {public_base_url: literal.x}}", ("failed resolving OIDC public base URL", "stand-in: auth.oidc.public_base_url is not a URL")),
    ("auth: {oauth: {public_base_url: literal.x}}", ("failed resolving OAuth public base URL", "stand-in: auth.oauth.public_base_url is not a URL")),
    ("providers: [{id: p, type: openai_compat, base_url: api.openai.com}]",
     ("failed building openai_compat provider: stand-in: base_url of `p` is not a URL",)),
])
def test_what_serve_finds_out_before_the_port_opens(ready: Gateway, text: str, chain: tuple[str, ...]) -> None:
    ready.config(PLAIN + text + "\n")
    assert ready("config", "validate").code == 0
    done = ready("serve", **OFF)
    assert (done.code, done.err) == (1, f"Error: {chain[0]}\n" + "".join(f"\nCaused by:\n    {cause}\n" for cause in chain[1:]))


def test_a_switch_of_the_analysis_must_be_a_boolean(ready: Gateway) -> None:
    assert ready.config(PLAIN)("serve", **OFF, AGENT_ANALYSIS_ENABLED="maybe").code == 1
    assert ready.config(PLAIN)("migrate", "--check", AGENT_ANALYSIS_ENABLED="maybe").code == 0


@pytest.mark.parametrize("name", ["OCEANS_API_KEY_SECRET_ENCRYPTION_KEY", "OCEANS_MCP_CREDENTIAL_ENCRYPTION_KEY"])
@pytest.mark.parametrize("value", ["", "c2hvcnQ=", "***"])
def test_encryption_keys(ready: Gateway, name: str, value: str) -> None:
    done = ready.config(PLAIN)("serve", **OFF, **{name: value})
    assert (done.code, done.err) == (1, f"Error: stand-in: {name} is not 32 bytes in base64\n")


def test_what_is_well_formed_is_accepted(ready: Gateway) -> None:
    with ready.config(PLAIN).serving(**OFF, OCEANS_API_KEY_SECRET_ENCRYPTION_KEY="A" * 43 + "=", OCEANS_MCP_CREDENTIAL_ENCRYPTION_KEY="A" * 43 + "=",
                                     GATEWAY_CLIENT_CONFIG_BASE_URL="https://llm.example.org") as serving:
        assert serving("/readyz").status == 200


def test_serve_without_a_database(gateway: Gateway) -> None:
    done = gateway("serve", **OFF, POSTGRES_URL="postgres://u:p@127.0.0.1:1/d", STANDIN_CONNECT_SECONDS="0.5")
    assert (done.code, done.err.splitlines()[0]) == (1, "Error: failed to initialize gateway store")
    assert "pool timed out while waiting for an open connection" in done.err


def test_a_port_in_use(ready: Gateway) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ready.config(f'server: {{bind: "127.0.0.1:{port}"}}\ndatabase: {{url: env.POSTGRES_URL}}\n')
        done = ready("serve", **OFF)
    assert done.code == 1
    assert done.err == (f"Error: failed binding gateway listener at `127.0.0.1:{port}`\n\nCaused by:\n"
                        "    Address already in use (os error 98)\n")


def test_the_port_is_closed_until_the_catalogue_is_done_with(ready: Gateway) -> None:
    port = free_port()
    process = ready.config(PLAIN).start("serve", GATEWAY_CONFIG=str(ready.listening(port)), STANDIN_CATALOGUE="blackhole:1.5", **OFF)
    start = time.monotonic()
    time.sleep(0.8)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 1)
    serving = ready.answering(process, port)
    assert time.monotonic() - start >= 1.5
    assert serving("/healthz").status == 200  # the port is open a moment before the last line is written
    assert [event["level"] for event in log_of(process)] == ["WARN", "INFO"]


# --- endpoints ---

def test_health(ready: Gateway) -> None:
    with ready.config(PLAIN).serving(**OFF) as serving:
        assert (serving("/healthz").status, serving("/healthz").text) == (200, '{"status":"ok"}')
        assert (serving("/readyz").status, serving("/readyz").text) == (200, '{"status":"ready"}')
        assert serving("/api/v1/health").text == '{"service":"gateway","status":"ok","version":"0.24.0"}'
        root = serving("/")
        assert (root.status, root.headers["Location"]) == (302, "/admin")
        assert serving("/nothing/here").status == 404
        assert serving("/healthz", body={}).status == 405


def test_ready_follows_the_database(ready: Gateway, server: Server, migrated: Database) -> None:
    door = Door(server.port)
    with ready.config(PLAIN).serving(**OFF, POSTGRES_URL=server.url(migrated.name, port=door.port), STANDIN_CONNECT_SECONDS="0.5") as serving:
        assert serving("/readyz").status == 200
        door.shut()
        refused = serving("/readyz")
        assert refused.status == 503
        assert refused.json == {"error": {"message": "store unavailable: pool timed out while waiting for an open connection", "type": "store_error",
                                          "code": "store_error", "param": None}}
        assert serving("/healthz").status == 200
        door.open()
        assert serving("/readyz").status == 200
        door.shut()


def test_ready_is_told_in_time_by_a_frozen_database(ready: Gateway, server: Server, migrated: Database) -> None:
    door = Door(server.port)
    with ready.config(PLAIN).serving(**OFF, POSTGRES_URL=server.url(migrated.name, port=door.port), STANDIN_CONNECT_SECONDS="0.7") as serving:
        door.flows.clear()
        for _ in range(2):  # once on a pooled connection, once on a new one
            start = time.monotonic()
            assert serving("/readyz").code == "store_error"
            assert 0.7 <= time.monotonic() - start < 3
        door.flows.set()
        assert serving("/readyz").status == 200
        door.shut()


def test_ready_survives_a_killed_connection(ready: Gateway, migrated: Database) -> None:
    with ready.config(PLAIN).serving(**OFF) as serving:
        migrated.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()", migrated.name)
        assert serving("/readyz").status == 200


def test_admin_without_an_upstream(ready: Gateway) -> None:
    with ready.config(PLAIN).serving(**OFF) as serving:
        assert (serving("/admin").status, serving("/admin").code) == (503, "admin_ui_upstream_unavailable")


class AdminUi(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:  # noqa: N802 - the base class's name
        body = f"{self.command} {self.path} {self.headers.get('Cookie')}".encode()
        self.send_response(500 if "broken" in self.path else 200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-From", "ui")
        self.end_headers()
        self.wfile.write(body)


def test_admin_is_passed_on(ready: Gateway) -> None:
    upstream = ThreadingHTTPServer(("127.0.0.1", 0), AdminUi)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    with ready.config(PLAIN).serving(**OFF, ADMIN_UI_UPSTREAM=f"http://127.0.0.1:{upstream.server_port}") as serving:
        answer = serving("/admin/teams?x=1", Cookie="a=b")
        assert (answer.status, answer.text, answer.headers["X-From"]) == (200, "GET /admin/teams?x=1 a=b", "ui")
        assert serving("/admin").status == 200
        assert serving("/admin/broken").status == 500
        assert serving("/administration").status == 404
        upstream.shutdown()
        upstream.server_close()
        down = serving("/admin")
        assert (down.status, down.text) == (503, '{"error":{"code":"admin_ui_upstream_unavailable","message":"Admin UI upstream is unavailable",'
                                                 '"type":"ui_unavailable"}}')


def login(serving: Serving, password: str = "hunter2"):
    return serving("/api/v1/auth/login/password", {"email": "Admin@Local ", "password": password})


def test_login_and_session(ready: Gateway, migrated: Database) -> None:
    ready.config(ADMIN)("bootstrap-admin", GATEWAY_BOOTSTRAP_ADMIN_PASSWORD="hunter2")
    same = {**OFF, "GATEWAY_IDENTITY_TOKEN_SECRET": "shared"}
    with ready.serving(**same) as serving, ready.serving(**same) as replica, ready.serving(**OFF) as other:
        wrong = login(serving, "wrong")
        assert wrong.text == ('{"error":{"message":"credentials are invalid","type":"authentication_error","code":"invalid_credentials","param":null}}')
        assert wrong.status == 401
        good = login(serving)
        assert good.status == 200
        data = good.json["data"]
        assert data["user"] == {"id": "00000000-0000-0000-0000-000000000002", "name": "Admin", "email": "admin@local", "global_role": "platform_admin"}
        assert data["must_change_password"] is True
        cookie = good.headers["Set-Cookie"].split(";")[0]
        assert cookie.startswith("ogw_session=")
        assert "HttpOnly" in good.headers["Set-Cookie"] and "Secure" not in good.headers["Set-Cookie"]
        assert f"Max-Age={30 * 86400}" in good.headers["Set-Cookie"]
        behind_tls = serving("/api/v1/auth/login/password", {"email": "admin@local", "password": "hunter2"}, X_Forwarded_Proto="https")
        assert "Secure" in behind_tls.headers["Set-Cookie"]
        assert serving("/api/v1/auth/session", Cookie=cookie).json["data"]["user"]["email"] == "admin@local"
        assert replica("/api/v1/auth/session", Cookie=f"x=y; {cookie}").status == 200
        # Another identity secret logs everybody out.
        assert other("/api/v1/auth/session", Cookie=cookie).status == 401
        assert serving("/api/v1/auth/session").code == "standin_no_session"
        assert serving("/api/v1/auth/session", Cookie=cookie[:-2] + "xx").status == 401
        assert serving("/api/v1/auth/login/password", "no object").status == 400
    assert migrated.run("SELECT count(*) FROM user_sessions") == [(2,)]


def test_unset_identity_secret_is_the_public_one(ready: Gateway) -> None:
    ready.config(ADMIN)("bootstrap-admin", GATEWAY_BOOTSTRAP_ADMIN_PASSWORD="hunter2")
    with ready.serving(**OFF) as silent, ready.serving(**OFF, GATEWAY_IDENTITY_TOKEN_SECRET="local-dev-identity-secret") as named:
        cookie = login(silent).headers["Set-Cookie"].split(";")[0]
        assert named("/api/v1/auth/session", Cookie=cookie).status == 200


def test_models(ready: Gateway) -> None:
    ready.config(SEED)("seed-config", **SECRETS)
    with ready.serving(**OFF, **SECRETS) as serving:
        none = serving("/v1/models")
        assert (none.status, none.text) == (401, '{"error":{"message":"authorization header is missing","type":"authentication_error",'
                                                 '"code":"missing_authorization_header","param":null}}')
        for header in ("Bearer gwk_ci.wrong", "Bearer gwk_nobody.secret", "Bearer secret", "Basic gwk_ci.secret"):
            assert serving("/v1/models", Authorization=header).status == 401
        assert [model["id"] for model in serving("/v1/models", **BEARER).json["data"]] == ["alias", "fast"]


def test_a_connection_is_kept(ready: Gateway) -> None:
    with ready.config(PLAIN).serving(**OFF) as serving:
        connection = http.client.HTTPConnection("127.0.0.1", serving.port, timeout=5)
        for path in ("/healthz", "/nothing", "/readyz"):
            connection.request("GET", path)
            connection.getresponse().read()
            assert connection.sock is not None
        connection.close()


def test_a_body_may_have_two_megabytes(ready: Gateway) -> None:
    ready.config(SEED)("seed-config", **SECRETS)
    with ready.serving(**OFF, **SECRETS) as serving:
        fits, over = "x" * ((2 << 20) - 2), "x" * (2 << 20)
        assert serving("/v1/chat/completions", fits, **BEARER).code == "standin_no_object"
        refused = serving("/v1/chat/completions", over, **BEARER)
        assert (refused.status, refused.text) == (413, "Failed to buffer the request body: length limit exceeded")


def test_batches_come_with_the_next_release(gateway: Gateway, database: Database) -> None:
    gateway.config(SEED)
    with gateway.serving(STANDIN_VERSION="v0.25.0", **SECRETS, GATEWAY_BOOTSTRAP_ADMIN="false") as serving:
        large = {"model": "fast", "requests": ["x" * (3 << 20)]}
        assert serving("/api/v1/batches", large).status == 401
        assert serving("/api/v1/batches", large, **BEARER).json["data"]["status"] == "submitting"
        assert [job["model"] for job in serving("/api/v1/batches", **BEARER).json["data"]] == ["fast"]


def test_no_batches_before(ready: Gateway) -> None:
    with ready.config(PLAIN).serving(**OFF) as serving:
        assert serving("/api/v1/batches").status == 404


# --- end ---

@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once(ready: Gateway, number: signal.Signals) -> None:
    with ready.config(PLAIN).serving(**OFF) as serving:
        start = time.monotonic()
        serving.process.send_signal(number)
        assert serving.process.wait(5) == -number
        assert time.monotonic() - start < 2


def as_pid_1(gateway: Gateway, port: int, *words: str) -> subprocess.Popen:
    """In a PID namespace of its own, where the command is PID 1."""
    space = ("unshare", "--pid", "--fork", "--kill-child") + (() if os.geteuid() == 0 else ("--user", "--map-root-user"))
    return gateway.start(*words, before=space, GATEWAY_CONFIG=str(gateway.listening(port)), **OFF)


def child_of(pid: int) -> int:
    def found() -> int:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return int((file.read().split() or ["0"])[0])

    return wait_until(found, 5, "the child")


def test_as_pid_1_it_ignores_sigterm(ready: Gateway) -> None:
    port = free_port()
    process = as_pid_1(ready.config(PLAIN), port, "serve")
    serving = ready.answering(process, port)
    inner = child_of(process.pid)
    os.kill(inner, signal.SIGTERM)
    os.kill(inner, signal.SIGINT)
    time.sleep(0.5)
    assert serving("/healthz").status == 200
    os.kill(inner, signal.SIGKILL)
    process.communicate(timeout=5)


def test_below_a_shell_that_passes_sigterm_on_it_ends(ready: Gateway) -> None:
    port = free_port()
    command = " ".join(ready.command("serve"))
    script = f'{command} & child=$!; trap "kill -TERM $child" TERM; wait $child'
    space = ("unshare", "--pid", "--fork", "--kill-child") + (() if os.geteuid() == 0 else ("--user", "--map-root-user"))
    process = subprocess.Popen([*space, "/bin/sh", "-c", script], cwd=ready.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env=ready.config(PLAIN).full_environment({**OFF, "GATEWAY_CONFIG": str(ready.listening(port))}))
    ready.answering(process, port)
    start = time.monotonic()
    os.kill(child_of(process.pid), signal.SIGTERM)
    process.communicate(timeout=5)
    assert time.monotonic() - start < 3
