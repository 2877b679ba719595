# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on demand (STANDIN_*): each does what the README says, and nothing else."""

from __future__ import annotations

import os
import signal
import time

import pytest

from testbed.standin.tests.support import STANDIN, Database, Gateway, wait_until
from testbed.standin.tests.test_serve import OFF, PLAIN, log_of


@pytest.mark.parametrize(("name", "value"), [
    ("STANDIN_CRASH", "everything"), ("STANDIN_CRASH", "serve:soon"), ("STANDIN_CRASH_ONCE", "x"), ("STANDIN_EXIT_CODE", "one"),
    ("STANDIN_SLOW_START", "serve"), ("STANDIN_IGNORE_SIGTERM", "1"),
    ("STANDIN_MEMORY", "serve:lots"), ("STANDIN_MIGRATION_SLOW", "20"), ("STANDIN_MIGRATION_FAIL", "all"),
    ("STANDIN_MIGRATION_FAIL", "30:later"), ("STANDIN_MIGRATION_WAIT", "x:1"),
    ("STANDIN_CATALOGUE", "gone"), ("STANDIN_READY_FAIL", "sometimes"), ("STANDIN_CONNECT_SECONDS", "-1"), ("STANDIN_REFUSAL_STATUS", "200"),
    ("STANDIN_FLOOD", "serve:10"), ("STANDIN_FLOOD", "serve:a:1"), ("STANDIN_PANIC", "x"),
    ("STANDIN_SAY", "serve:"), ("STANDIN_SAY", "x:y")])
def test_a_mistyped_knob_is_told_at_once(bare: Gateway, name: str, value: str) -> None:
    """Exit code 2, whatever the phase: no test must take a typing error for the fault that it asked for."""
    done = bare("serve", **{name: value})
    assert (done.code, done.out) == (2, "")
    assert f"stand-in: {name}='{value}' is not understood; expected " in done.err


def test_every_knob_is_in_the_readme() -> None:
    readme = (STANDIN / "README.md").read_text()
    programs = [STANDIN / "admin-ui" / "admin-ui", STANDIN / "gateway" / "fake-provider"]
    sources = "".join(path.read_text() for path in [*(STANDIN / "gateway").rglob("*.py"), *programs])
    knobs = {word for word in sources.replace('"', " ").replace("=", " ").replace("'", " ").replace("`", " ").replace(":", " ").split()
             if word.startswith("STANDIN_") and word.replace("_", "").isalnum()}
    assert len(knobs) >= 12
    assert not [knob for knob in sorted(knobs) if f"`{knob}`" not in readme]


# --- crashes ---

@pytest.mark.parametrize("code", [1, 3, 101])
def test_crash_at_the_start(ready: Gateway, code: int) -> None:
    done = ready("migrate", "--check", STANDIN_CRASH="migrate-check", STANDIN_EXIT_CODE=str(code))
    assert (done.code, done.out, done.err) == (code, "", "Error: stand-in: crashed as told by STANDIN_CRASH\n")


def test_a_true_segmentation_fault(ready: Gateway) -> None:
    done = ready("migrate", "--status", STANDIN_CRASH="migrate", STANDIN_EXIT_CODE="139")
    assert done.code == -signal.SIGSEGV


def test_a_crash_hits_only_its_phase(ready: Gateway) -> None:
    assert ready("migrate", "--check", STANDIN_CRASH="serve").code == 0
    assert ready("migrate", "--check", STANDIN_CRASH="migrate-apply").code == 0
    assert ready("migrate", "--check", STANDIN_CRASH="migrate").code == 1
    assert ready("migrate", "--check", STANDIN_CRASH="any").code == 1


def test_a_later_crash(ready: Gateway) -> None:
    with ready.config(PLAIN).serving(**OFF, STANDIN_CRASH="serve:2", STANDIN_EXIT_CODE="7") as serving:
        assert serving("/healthz").status == 200
        assert serving.process.wait(10) == 7


def test_crash_once(ready: Gateway, migrated: Database) -> None:
    knob = {"STANDIN_CRASH_ONCE": "migrate", "STANDIN_EXIT_CODE": "4"}
    assert ready("migrate", "--check", **knob).code == 4
    assert ready("migrate", "--check", **knob).code == 0
    assert ready("migrate", "--apply", **knob).code == 4
    assert ready("migrate", "--apply", **knob).code == 0
    # The mark is kept where it looks like nobody's application table.
    assert "marks" not in migrated.tables()


def test_crash_once_on_an_empty_database_leaves_it_empty(gateway: Gateway, database: Database) -> None:
    assert gateway("migrate", "--apply", STANDIN_CRASH_ONCE="migrate").code == 1
    assert database.tables() == set()
    assert gateway("migrate", "--apply", STANDIN_CRASH_ONCE="migrate").code == 0


PANIC = """\

thread 'main' panicked at stand-in/src/main.rs:1:1:
stand-in: panicked as told by STANDIN_PANIC
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
"""


def test_a_panic(ready: Gateway) -> None:
    done = ready("migrate", "--check", STANDIN_PANIC="migrate")
    assert (done.code, done.out, done.err) == (101, "", PANIC)
    assert ready("migrate", "--check", STANDIN_PANIC="serve").code == 0
    with_trace = ready("migrate", "--check", STANDIN_PANIC="migrate:the pool is poisoned", RUST_BACKTRACE="1").err.splitlines()
    assert with_trace[2:4] == ["the pool is poisoned", "stack backtrace:"]
    assert with_trace[-1] == "note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace."


def test_words_put_into_its_mouth(ready: Gateway) -> None:
    done = ready.config(PLAIN)("serve", STANDIN_SAY="serve:failed to reconcile human budget defaults|store conflict: x|y")
    assert (done.code, done.out) == (1, "")
    assert done.err == "Error: failed to reconcile human budget defaults\n\nCaused by:\n    0: store conflict: x\n    1: y\n"


# --- the log ---

@pytest.mark.parametrize(("level", "lines"), [("info", 2 * 29), ("warn", 0), ("error", 0), ("off", 0), ("warn,gateway_store=info", 2 * 29),
                                              ("gateway=info", 2 * 29), ("info,gateway_store::migrate=error", 0), ("gateway_service=info", 0)])
def test_rust_log(gateway: Gateway, level: str, lines: int) -> None:
    """A directive counts for targets that begin with its name; the longest one decides. Results are no log lines."""
    done = gateway("migrate", "--apply", RUST_LOG=level)
    assert (done.code, len(done.migrations()), "v45 agent_analysis_configuration_version [applied]" in done.out) == (0, lines, True)


def test_rust_log_hides_what_the_rollback_says(gateway: Gateway) -> None:
    for level, count in (("warn", 1), ("error", 0)):
        assert len(gateway("migrate", "--apply", RUST_LOG=level, STANDIN_MIGRATION_FAIL="17").events()) == count


def flooded(lines: list[str]) -> list[str]:
    return [line for line in lines if "told by STANDIN_FLOOD" in line]


def test_a_flood_in_a_migration(gateway: Gateway) -> None:
    done = gateway("migrate", "--apply", STANDIN_FLOOD="migrate:200:1:100000", STANDIN_MIGRATION_SLOW="30:0.5")
    assert done.code == 0
    lines = flooded(done.lines())
    assert len(lines) == 201 and max(map(len, lines)) >= 100_000
    assert len(done.migrations()) == 2 * 29
    assert flooded(gateway("migrate", "--check", STANDIN_FLOOD="serve:200:1").lines()) == []


def test_a_flood_comes_before_the_failure(gateway: Gateway) -> None:
    done = gateway("migrate", "--apply", STANDIN_FLOOD="migrate:50:0.5", STANDIN_MIGRATION_FAIL="17")
    assert (done.code, len(flooded(done.lines()))) == (1, 25)
    assert done.seconds >= 0.4


def test_a_flood_while_it_serves(ready: Gateway) -> None:
    with ready.config(PLAIN).serving(**OFF, STANDIN_FLOOD="serve:100:0.5:5000") as serving:
        assert serving("/healthz").status == 200
        time.sleep(1)
        serving.process.kill()
        out, _ = serving.process.communicate()
    assert len(flooded(out.splitlines())) == 51


# --- start ---

def test_slow_start(ready: Gateway) -> None:
    assert ready("migrate", "--check", STANDIN_SLOW_START="migrate-check:0.5").seconds >= 0.5
    assert ready("migrate", "--check", STANDIN_SLOW_START="serve:30").seconds < 10


def test_sigterm_is_ignored_on_demand(ready: Gateway) -> None:
    with ready.config(PLAIN).serving(**OFF, STANDIN_IGNORE_SIGTERM="yes") as serving:
        serving.process.send_signal(signal.SIGTERM)
        assert serving("/healthz").status == 200 and serving.process.poll() is None
    with ready.config(PLAIN).serving(**OFF) as serving:
        serving.process.send_signal(signal.SIGTERM)
        assert serving.process.wait(5) == -signal.SIGTERM


def test_memory(ready: Gateway) -> None:
    process = ready.start("migrate", "--status", STANDIN_MEMORY="migrate:200")
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.communicate()
    assert (process.returncode, usage.ru_maxrss > 200 * 1024) == (0, True)


# --- migrations ---

def test_slow_version(gateway: Gateway, database: Database) -> None:
    done = gateway("migrate", "--apply", STANDIN_MIGRATION_SLOW="40:0.5")
    assert done.code == 0
    stamps = {(event["fields"]["migration_event"], event["fields"]["migration_version"]): event["timestamp"]
              for event in done.events() if "migration_event" in event["fields"]}

    def second(stamp: str) -> float:
        return float(stamp[17:-1])

    assert (second(stamps["commit", 40]) - second(stamps["begin", 40])) % 60 >= 0.5


def test_failing_version(gateway: Gateway, database: Database) -> None:
    done = gateway("migrate", "--apply", STANDIN_MIGRATION_FAIL="44")
    sentence = 'relation "standin_migration_44" already exists'
    assert done.code == 1
    assert done.err == (f"Error: failed to apply database migrations\n\nCaused by:\n    0: failed applying postgres migration 44\n"
                        f"    1: error returned from database: {sentence}\n    2: {sentence}\n")
    assert done.migrations()[-2:] == [("begin", 44), ("rollback", 44)]
    assert database.versions()[-1] == 43
    assert not [table for table in database.tables() if table.startswith("standin")]
    assert gateway("migrate", "--apply").code == 0


@pytest.mark.parametrize(("step", "sentence"), [("begin", "failed starting postgres transaction for migration 30"),
                                                ("record", "failed recording postgres migration 30 in refinery_schema_history"),
                                                ("commit", "failed committing postgres migration 30")])
def test_a_session_that_ends_at_a_step(gateway: Gateway, database: Database, step: str, sentence: str) -> None:
    done = gateway("migrate", "--apply", STANDIN_MIGRATION_FAIL=f"30:{step}")
    cause = "terminating connection due to administrator command"
    assert done.code == 1
    assert done.err == (f"Error: failed to apply database migrations\n\nCaused by:\n    0: {sentence}\n"
                        f"    1: error returned from database: {cause}\n    2: {cause}\n")
    assert database.versions()[-1] == 29
    assert gateway("migrate", "--apply").code == 0


def test_waiting_version(gateway: Gateway, database: Database) -> None:
    process = gateway.start("migrate", "--apply", STANDIN_MIGRATION_WAIT="30:1.5")
    blocked = ("SELECT blocker.application_name FROM pg_stat_activity waiter, unnest(pg_blocking_pids(waiter.pid)) AS pid "
               "JOIN pg_stat_activity blocker USING (pid) WHERE waiter.datname = current_database()")
    assert wait_until(lambda: database.run(blocked), 10, "the wait") == [("standin-lock-holder",)]
    # Whoever only reads is not held up: the pods that wait for the schema go on asking.
    assert "pending migrations remain" in gateway("migrate", "--check").err
    out, err = process.communicate(timeout=15)
    assert (process.returncode, err, database.versions()[-1]) == (0, "", 45)


def test_waiting_for_ever(gateway: Gateway, database: Database) -> None:
    process = gateway.start("migrate", "--apply", STANDIN_MIGRATION_WAIT="17")
    waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    wait_until(lambda: database.run(waiting), 10, "the wait")
    process.kill()
    process.communicate()
    wait_until(lambda: not database.run("SELECT 1 FROM pg_stat_activity WHERE application_name = 'standin-lock-holder' AND datname = current_database()"),
               5, "the end of the lock")
    assert gateway("migrate", "--apply").code == 0


# --- serving ---

def test_readiness_fails(ready: Gateway) -> None:
    with ready.config(PLAIN).serving(**OFF, STANDIN_READY_FAIL="always") as serving:
        assert (serving("/readyz").status, serving("/readyz").code, serving("/healthz").status) == (503, "store_error", 200)


def test_readiness_comes_and_goes(ready: Gateway) -> None:
    for knob, first, then in (("until:1.2", 503, 200), ("after:1.2", 200, 503)):
        with ready.config(PLAIN).serving(**OFF, STANDIN_READY_FAIL=knob) as serving:
            assert serving("/readyz").status == first
            assert wait_until(lambda serving=serving, then=then: serving("/readyz").status == then, 10, "the change")


@pytest.mark.parametrize(("kind", "levels"), [("offline", ["WARN", "INFO"]), ("ok", ["INFO"])])
def test_catalogue(ready: Gateway, kind: str, levels: list[str]) -> None:
    with ready.config(PLAIN).serving(**OFF, STANDIN_CATALOGUE=kind) as serving:
        assert serving("/healthz").status == 200
        assert [event["level"] for event in log_of(serving.process)] == levels


# --- releases ---

@pytest.mark.parametrize(("claimed", "said"), [("latest", "is not a release like v0.24.0"), ("v0.5.0", "is older than v0.6")])
def test_an_impossible_release(ready: Gateway, claimed: str, said: str) -> None:
    done = ready("migrate", "--check", STANDIN_VERSION=claimed)
    assert (done.code, said in done.err) == (1, True)
