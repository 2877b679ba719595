# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a container ended and what the program said last: exit codes by their reason, panics, and every message of the gateway that is known."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.codes import Certainty
from ansible_collections.oceans.llm.plugins.plugin_utils.gateway import log_words
from ansible_collections.oceans.llm.plugins.plugin_utils.helm import chart
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.process import Helm
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes import find
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.verdict import State, judge

from .test_causes import DB, pod, said, stamp, waits, web
from .test_codes import told

KEY = ("web-1-a", "it")


def crashed(code, reason="Error", message="", restarts=0, log="", containers=(), waiting="CrashLoopBackOff"):
    end = {"exitCode": code, "reason": reason, "message": message, "startedAt": stamp(4), "finishedAt": stamp(3)}
    state = {"state": {"waiting": {"reason": waiting}}, "lastState": {"terminated": end}} if restarts else {"state": {"terminated": end}}
    it = {"name": "it", "ready": False, "restartCount": restarts, **state}
    spec = {"containers": [{"name": "it", "image": "a/b:v1", "ports": [{"containerPort": 8080}]}, *containers]}
    return web(pod(containers=[it], status={"phase": "Running"}, spec=spec), logs={KEY: log} if log else {})


def verdict(picture):
    return judge(picture, find(picture), Helm(running=True))


# --- exit codes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [255, 128, 1, 130])
def test_an_exit_code_is_no_reason(code):
    """A program that ends with exit(-1) loops like any other."""
    found = verdict(crashed(code, restarts=8, log="bad thing happened\n"))
    assert found.state is State.FAILED and found.cause.code == "CrashLoop" and found.cause.evidence == "bad thing happened"


def test_the_words_of_a_program_count_whatever_its_exit_code():
    assert verdict(crashed(255, log=said("x", "y", DB + 'database "nodb" does not exist'))).cause.code == "DatabaseMissing"


def test_a_container_that_its_node_lost_is_started_again():
    picture = crashed(137, reason="ContainerStatusUnknown", restarts=1)
    assert [(c.code, c.certainty) for c in find(picture)] == [("ContainerExited", Certainty.RETRYABLE)] and "node" in find(picture)[0].cause


RUNC = "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: "
SUBPATH = 'error during container init: error mounting "/var/lib/kubelet/pods/1/volume-subpaths/gateway-config/gateway/0" to rootfs at "/app/gateway.yaml": '


@pytest.mark.parametrize(
    "end",
    ["mount src=/a, dst=/b: no such file or directory", "not a directory: unknown: Are you trying to mount a directory onto a file", "permission denied"],
)
@pytest.mark.parametrize("code", [128, 127])
def test_a_mount_that_fails_at_the_start_is_no_wrong_command(code, end):
    found = find(crashed(code, "StartError", RUNC + SUBPATH + end))
    assert [(c.code, c.certainty) for c in found] == [("MountFailed", Certainty.RETRYABLE)]
    assert "volume gateway-config" in found[0].cause and "/app/gateway.yaml" in found[0].cause and "command" not in found[0].cause + found[0].hint


@pytest.mark.parametrize(
    "words",
    [
        'exec: "nope": executable file not found in $PATH: unknown',
        'error during container init: exec: "/nope": stat /nope: no such file or directory',
        'exec: "/app": permission denied: unknown',
        'exec "/nope": no such file or directory',
    ],
)
def test_a_command_that_does_not_exist_is_certain(words):
    found = find(crashed(128, "StartError", RUNC + words))
    assert [(c.code, c.certainty) for c in found] == [("CannotStart", Certainty.FATAL)]


@pytest.mark.parametrize(
    "words", ["container init was OOM-killed (memory limit too low?): unknown", "set memory limit 524288 too low; should be at least 12 MiB"]
)
def test_a_limit_of_some_kilobytes_is_a_memory_limit_whoever_says_it(words):
    """As of 512m, which is half a byte."""
    started = crashed(128, "StartError", RUNC + words)
    for picture in (started, web(pod(containers=[waits("CreateContainerError", words)])), web(pod(containers=[waits("RunContainerError", words)]))):
        (found,) = find(picture)
        assert (found.code, found.certainty) == ("OOMKilled", Certainty.FATAL) and "too low for any process" in found.cause


@pytest.mark.parametrize("words", ["context deadline exceeded", "error setting cgroup config for procHooks process: no space left on device", "chdir: x"])
def test_what_else_the_runtime_says_may_pass(words):
    found = find(crashed(128, "StartError", RUNC + words))
    assert [(c.code, c.certainty) for c in found] == [("CannotStart", Certainty.RETRYABLE)] and "command" not in found[0].cause


@pytest.mark.parametrize(
    "line",
    [
        "exec /app/start.sh: no such file or directory",
        "/app/gateway: /lib/libc.so.6: version `GLIBC_2.38' not found (required by /app/gateway)",
        "/app/gateway: error while loading shared libraries: libssl.so.3: cannot open shared object file: No such file or directory",
    ],
)
def test_a_program_that_its_image_cannot_run_is_certain_at_once(line):
    (found,) = find(crashed(127, log=f"{line}\n"))
    assert (found.code, found.certainty) == ("CannotStart", Certainty.FATAL) and line in found.cause and "base has the libraries" in found.hint
    assert find(crashed(127, log=f"{line}\nlater\n"))[0].code == "ContainerExited"


def test_an_allocation_that_fails_is_no_broken_program():
    (found,) = find(crashed(134, log="memory allocation of 1073741824 bytes failed\n", restarts=3))
    assert found.code == "OOMKilled" and "could not allocate memory" in found.cause and "memory limit" in found.hint
    assert find(crashed(134, log="thread 'main' has overflowed its stack\n"))[0].code == "Segfault"


def test_what_the_kernel_or_a_person_did_to_a_container_is_said():
    assert "SIGTERM" in find(crashed(143, restarts=3))[0].cause and "seccomp" in find(crashed(159, restarts=3))[0].cause
    assert "rights of the program" in find(crashed(126, log="exec /app/gateway: operation not permitted\n"))[0].hint
    assert "SIGKILL" in find(crashed(137, restarts=3))[0].cause and "SIGKILL" not in find(crashed(1, restarts=3))[0].cause
    panic = "thread 'main' panicked at a.rs:1:2:\nOS can't spawn worker thread: Resource temporarily unavailable (os error 11)\n"
    assert "limit of process ids" in find(crashed(101, log=panic, restarts=3))[0].cause


def test_a_termination_message_that_speaks_of_execution_is_no_start_failure():
    assert find(crashed(127, message="failed to execute the query"))[0].code == "ContainerExited"


# --- panics ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "starting\nthread 'main' panicked at src/main.rs:10:5:\ncalled `Option::unwrap()` on a `None` value\n"
            "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n",
            "panicked at src/main.rs:10:5: called `Option::unwrap()` on a `None` value",
        ),
        (
            "thread 'tokio' (17) panicked at a/b.rs:1:2:\nit\nbroke\nstack backtrace:\n   0: rust_begin_unwind\n             at ./x.rs:3\n",
            "panicked at a/b.rs:1:2: it broke",
        ),
        (
            "thread 'main' panicked at 'old style', src/lib.rs:3:1\nnote: run with `RUST_BACKTRACE=1`\n",
            "panicked at 'old style', src/lib.rs:3:1",
        ),
        (
            "panic: runtime error: index out of range\n\ngoroutine 1 [running]:\nmain.main()\n\t/app/main.go:7 +0x1d\nexit status 2\n",
            "panic: runtime error: index out of range",
        ),
        (
            "TypeError: x is not a function\n    at file:///app/server.js:3:1\n    at node:internal/modules:1:2\n\nNode.js v22.1.0\n",
            "TypeError: x is not a function",
        ),
        ("error: Cannot find module 'x'\n      at /app/a.ts:1:1\n\nBun v1.3.10 (Linux x64)\n", "error: Cannot find module 'x'"),
        ('Traceback (most recent call last):\n  File "a.py", line 1\nValueError: no\n', "ValueError: no"),
        ("one\nFatal: two\n", "Fatal: two"),
    ],
)
def test_the_message_of_a_crash_is_the_evidence_and_not_what_stands_around_it(text, words):
    assert log_words.last_line(text) == words
    assert find(crashed(101, restarts=3, log=text))[0].evidence == words


# --- the gateway's messages --------------------------------------------------------------------------------------------

MCP_KEY = "OCEANS_MCP_CREDENTIAL_ENCRYPTION_KEY is required when an MCP OAuth provider is configured"
WINDOW = "route `a` context_window_tokens 5 exceeds catalog context 4"


@pytest.mark.parametrize(
    ("links", "code", "part"),
    [
        (("failed to build budget alert email sender", "smtp host is empty"), "GatewayConfigInvalid", "smtp host"),
        (("failed to build budget alert email sender", "unsupported secret reference `x`"), "GatewayReferenceInvalid", "env.NAME"),
        (("failed to build request log payload policy", "x"), "GatewayConfigInvalid", "configuration: x"),
        (("invalid route context-window override", WINDOW), "GatewayConfigInvalid", "exceeds"),
        (("invalid MCP credential runtime configuration", MCP_KEY), "GatewayConfigInvalid", "OCEANS_MCP"),
        (("failed resolving MCP OAuth configuration", "x"), "GatewayConfigInvalid", "x"),
        (("failed resolving client config gateway base URL", "GATEWAY_CLIENT_CONFIG_BASE_URL must include a host"), "GatewayConfigInvalid", "include a host"),
        (("failed resolving OIDC public base URL", "x"), "GatewayConfigInvalid", "x"),
        (("failed resolving OAuth public base URL", "x"), "GatewayConfigInvalid", "x"),
        (("failed building openai_compat provider: bad base_url",), "GatewayConfigInvalid", "bad base_url"),
        (("failed building gcp_vertex provider", "no credentials"), "GatewayConfigInvalid", "no credentials"),
        (("failed constructing OTLP span exporter", "invalid URI"), "GatewayConfigInvalid", "invalid URI"),
        (("failed constructing OTLP metric exporter", "invalid URI"), "GatewayConfigInvalid", "invalid URI"),
        (("failed resolving database configuration", "database.url is required when database.kind=postgres"), "GatewayConfigInvalid", "database.url"),
        (("failed resolving database configuration", "unsupported database.kind"), "GatewayConfigInvalid", "unsupported"),
        (("failed binding gateway listener at `0.0.0.0:8080`", "Address already in use (os error 98)"), "ListenFailed", "0.0.0.0:8080"),
        (("gateway server stopped unexpectedly", "x"), "GatewayStopped", "x"),
        (("failed to initialize gateway store", "something new"), "DatabaseUnreachable", "something new"),
        (("failed to initialize gateway store", DB + "sorry, too many clients already"), "DatabaseConnections", "53300"),
        (("x", "failed opening postgres connection pool for migrations", "something new"), "DatabaseUnreachable", "something new"),
        (("x", "failed opening postgres connection pool for migrations", "pool timed out"), "DatabaseUnreachable", "30 s"),
        (("x", "failed starting postgres transaction for migration 46", "something new"), "MigrationFailed", "V46"),
        (("x", "failed recording postgres migration 46 in refinery_schema_history", DB + "something new"), "MigrationFailed", "V46"),
        (("x", "failed committing postgres migration 46", DB + "something new"), "MigrationFailed", "V46"),
        (("failed to run database migrations", "failed applying postgres migration 46", DB + "division by zero"), "MigrationFailed", "V46"),
        (("failed to reconcile human budget defaults", "something new"), "SeedConflict", "seed-config"),
        (("failed to seed foundational config data", "store conflict: the last active admin cannot be removed"), "SeedConflict", "last active admin"),
        (("x", "service account `bot` key `k` value", "required environment variable `BOT_KEY` is not set"), "GatewayVariableMissing", "BOT_KEY"),
        (("x", "service account `bot` key `k` value", "something new"), "SeedConflict", "service account `bot`"),
        (("failed encrypting gateway key for service account `bot`", "x"), "SeedConflict", "service account `bot`"),
    ],
)
def test_each_known_message_has_its_code(links, code, part):
    text = f"Error: {links[0]}\n" if len(links) == 1 else said(*links)
    found = log_words.parse(text)
    assert found is not None and found.code == code and told(code) and part in f"{found.what} {found.evidence}", found


def test_what_a_waiter_says_after_the_chain_is_no_word_of_the_connection():
    chain = said("database migration check failed", "29 pending migrations remain for postgres")
    for text in (f"{chain}timed out waiting for database migrations\n", f"{chain}\ntimed out waiting for database migrations\n"):
        found = log_words.parse(text)
        assert found is not None and found.code == "SchemaMissing" and told(found.code) and "29 migrations are pending" in found.what, found


def test_a_recovery_that_brought_nothing_is_certain_at_once():
    """The chain before it speaks of pending migrations, which is true and not the trouble."""
    script = (Path(chart.own()) / "files" / "wait-for-migrations.sh").read_text()
    words = re.search(r'echo "(the restored database is empty: [^"]+)"', script)
    text = "Error: database migration check failed\n\nCaused by:\n    29 pending migrations remain\n" + words.group(1) + " backup or database, or set X\n"
    found = log_words.parse(text)
    assert found.code == "DatabaseEmpty" and found.certain and found.evidence.endswith("or set X")
    assert "allowEmptyRecovery: true" in verdict(crashed(1, log=text)).cause.hint


def test_the_waiter_passes_on_what_the_last_check_said():
    text = "waiting for the schema (0 s of 9 s): x\ngave up after 9 s: the migration Job has not updated the schema; the last check said: pool timed out\n"
    assert log_words.parse(text).code == "DatabaseUnreachable"


@pytest.mark.parametrize(
    ("words", "host"),
    [
        ('connection to server at "pg.prod.example" (10.1.2.3), port 5432 failed: Connection refused', "pg.prod.example"),
        ("error communicating with database: dial tcp 10.1.2.3:5432: connect: connection refused", "10.1.2.3:5432"),
        ("failed to lookup address information for pg.prod.example: Name or service not known", "pg.prod.example"),
        ("lookup pg.prod.example on 10.96.0.10:53: no such host", "pg.prod.example"),
    ],
)
def test_the_host_is_named_where_the_words_have_it(words, host):
    assert host in log_words.parse(said("x", words)).what


def test_an_answer_that_is_not_postgresql_is_no_question_of_tls():
    found = log_words.parse(said("x", "error communicating with database", "unexpected response from SSLRequest: 0x48"))
    assert found.code == "DatabaseNotPostgres" and "not PostgreSQL" in found.what and "HTTP" in found.what
    assert "HTTP" not in log_words.parse(said("x", "unexpected response from SSLRequest: 0x00")).what
    other = log_words.parse(said("x", "received invalid response to SSL negotiation: H"))
    assert other.code == "DatabaseNotPostgres" and "HTTP" in other.what and not other.certain, "a slow DNS may lead to a stranger for a moment"


def test_a_port_that_is_taken_names_who_may_hold_it():
    text = said("failed binding gateway listener at `0.0.0.0:8080`", "Address already in use (os error 98)")
    found = find(crashed(1, log=text, restarts=2, containers=[{"name": "squatter", "image": "x"}]))[0]
    assert found.code == "ListenFailed" and found.certainty is Certainty.FATAL and "squatter" in found.cause
    declared = [{"name": "a", "ports": [{"containerPort": 9}]}, {"name": "b", "ports": [{"containerPort": 8080}]}]
    assert "container b declares port 8080" in find(crashed(1, log=text, restarts=2, containers=declared))[0].cause
    assert find(crashed(1, log=text))[0].certainty is Certainty.RETRYABLE


#: (words below the gateway's own, code, a part of what is said)
SERVERS = [
    ('no pg_hba.conf entry for host "10.0.1.5", user "gw", database "gw", no encryption', "DatabaseTls", "sslmode=require"),
    ('no pg_hba.conf entry for host "10.0.1.5", user "gw", database "gw", SSL off', "DatabaseTls", "sslmode=require"),
    ('pg_hba.conf rejects connection for host "10.0.1.5", user "gw", database "gw", no encryption', "DatabaseTls", "sslmode=require"),
    ('no pg_hba.conf entry for host "10.0.1.5", user "gw", database "gw", SSL encryption', "DatabaseAuth", "28000"),
    ('PAM authentication failed for user "gw"', "DatabaseAuth", "28P01"),
    ('Cloud SQL IAM user authentication failed for user "gw"', "DatabaseAuth", "28P01"),
    ("no such user: gw", "DatabaseAuth", "28P01"),
    ("Tenant or user not found", "DatabaseAuth", "28P01"),
    ("no such database: gateway", "DatabaseMissing", "3D000"),
    ('prepared statement "sqlx_s_1" already exists', "DatabasePooler", "transaction mode"),
    ('prepared statement "sqlx_s_1" does not exist', "DatabasePooler", "transaction mode"),
    ("unsupported startup parameter: extra_float_digits", "DatabasePooler", "parameter"),
    ("server login has been failing, try again later (server_login_retry)", "DatabaseUnreachable", "pooler"),
    ("query_wait_timeout", "DatabaseConnections", "53300"),
    ("no more connections allowed (max_client_conn)", "DatabaseConnections", "53300"),
    ("cannot execute CREATE TABLE during recovery", "DatabaseReadOnly", "25006"),
    ("terminating connection because of crash of another server process", "DatabaseInterrupted", "57P02"),
    ("terminating connection due to idle-in-transaction timeout", "DatabaseInterrupted", "25P03"),
    ("canceling statement due to conflict with recovery", "DatabaseInterrupted", "40001"),
    ("out of memory", "DatabaseInterrupted", "53200"),
    ("MaxClientsInSessionMode: max clients reached - in Session mode max clients are limited to pool_size", "DatabaseConnections", "53300"),
    ("The endpoint has been disabled. Enable it using the API and retry.", "DatabaseUnreachable", "has disabled the database"),
    ("Your project has exceeded the compute time quota.", "DatabaseUnreachable", "has disabled the database"),
    ("received fatal alert: HandshakeFailure", "DatabaseTls", "TLS connection"),
    ("received corrupt message of type InvalidContentType", "DatabaseTls", "TLS connection"),
    ("peer is incompatible: NoCipherSuitesInCommon", "DatabaseTls", "TLS connection"),
    ("SASL authentication failed", "DatabaseAuth", "28P01"),
    ("empty password returned by client", "DatabaseAuth", "28P01"),
    ("no PostgreSQL user name specified in startup packet", "DatabaseAuth", "28P01"),
    ("(ENOTFOUND) tenant/user postgres.abc not found", "DatabaseAuth", "28P01"),
    ("This RDS proxy has no credentials for the role gw. Check the credentials for this role and try again.", "DatabaseAuth", "RDS Proxy"),
    ("The access token has expired. Acquire a new token and try again", "DatabaseAuth", "token has expired"),
    ("encountered unexpected or invalid data: unknown authentication method: 7", "DatabaseAuth", "GSSAPI"),
    ("encountered unexpected or invalid data: unknown message type: '\\0'", "DatabaseNotPostgres", "does not speak"),
    ("encountered unexpected or invalid data: expecting ParseComplete but received ReadyForQuery", "DatabasePooler", "transaction mode"),
    ('cannot connect to invalid database "gw"', "DatabaseMissing", '"gw" is invalid'),
    ("Endpoint ID is not specified. Either please upgrade the postgres client library (libpq) for SNI support", "DatabaseUrlInvalid", "endpoint"),
    ("restart transaction: TransactionRetryWithProtoRefreshError: WriteTooOldError", "DatabaseInterrupted", "40001"),
    ("Cannot assign requested address (os error 99)", "DatabaseUnreachable", "IPv6"),
    ("Address family not supported by protocol (os error 97)", "DatabaseUnreachable", "IPv6"),
    ('unknown value "verify_full" for `ssl_mode`', "DatabaseUrlInvalid", "sslmode"),
    ("Too many open files (os error 24)", "DatabaseUnreachable", "open files"),
    ("invalid international domain name", "DatabaseUrlInvalid", "URL"),
]


@pytest.mark.parametrize(("words", "code", "part"), SERVERS)
def test_what_servers_and_poolers_say(words, code, part):
    for text in (said("failed to initialize gateway store", DB + words), said("x", "failed applying postgres migration 46", DB + words)):
        found = log_words.parse(text)
        assert found is not None and found.code == code and part in found.what and told(code), found


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        ("Permission denied (os error 13)", "DatabaseUnreachable", "the node refuses"),
        ("Operation not permitted (os error 1)", "DatabaseUnreachable", "the node refuses"),
        ("Network is unreachable (os error 101)", "DatabaseUnreachable", "no route"),
        ("No route to host (os error 113)", "DatabaseUnreachable", "no route"),
        ("failed to lookup address information: Try again", "DatabaseUnreachable", "cannot be resolved (temporary failure)"),
        ("No such file or directory (os error 2)", "DatabaseUrlInvalid", "sslrootcert"),
    ],
)
def test_what_the_system_says_of_a_connection(words, code, part):
    found = log_words.parse(said("failed to initialize gateway store", "error communicating with database", words))
    assert found is not None and found.code == code and part in found.what, found


def test_a_parameter_of_the_connection_is_no_parameter_of_a_migration():
    words = DB + 'unrecognized configuration parameter "search_pth"'
    found = log_words.parse(said("failed to initialize gateway store", words))
    assert found.code == "DatabaseUrlInvalid" and 'parameter "search_pth"' in found.what
    assert log_words.parse(said("x", "failed applying postgres migration 46", words)).code == "MigrationFailed"


def test_a_server_that_answers_is_not_looked_for():
    found = find(crashed(1, log=said("failed to initialize gateway store", DB + "the database system is not accepting connections")))[0]
    assert found.code == "DatabaseUnreachable" and "database server's message" in found.hint and "host and port" not in found.hint


def test_a_limit_of_open_files_is_nothing_of_the_network():
    found = find(crashed(1, log=said("failed to initialize gateway store", "error communicating with database: Too many open files (os error 24)")))[0]
    assert "limit of open files" in found.hint and "NetworkPolicies" not in found.hint


def test_a_database_that_is_closed_is_no_dead_server():
    found = log_words.parse(said("x", 'error returned from database: database "d" is not currently accepting connections'))
    assert found.code == "DatabaseUnreachable" and "ALLOW_CONNECTIONS" in found.what
