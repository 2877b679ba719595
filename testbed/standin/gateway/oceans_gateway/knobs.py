"""Faults on demand: environment variables STANDIN_*, all described in testbed/standin/README.md.

Environment reaches the gateway, its init container and the Jobs alike, so a knob that could hit any of them names the
phase it is meant for: serve, config-validate, migrate-check, migrate-apply, migrate-status, bootstrap-admin,
seed-config, purge-request-logs, recompute-agent-analysis, seed-local-demo; `migrate` for all three of its kind, `any` for all.
"""

import os
import sys
import threading
import time

from . import log
from .errors import Failure

TARGET = "standin"
PHASES = ("serve", "config-validate", "migrate-check", "migrate-apply", "migrate-status", "bootstrap-admin", "seed-config",
          "purge-request-logs", "recompute-agent-analysis", "seed-local-demo")
JOBS = ("migrate-apply", "bootstrap-admin", "seed-config", "purge-request-logs", "recompute-agent-analysis")


class BadKnob(Failure):
    """A knob that cannot be understood: exit code 2, so that no test mistakes it for the fault it asked for."""

    def __init__(self, name: str, expected: str):
        super().__init__(f"stand-in: {name}={os.environ.get(name, '')!r} is not understood; expected {expected}")


def _seconds(name: str, text: str, expected: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise BadKnob(name, expected) from None
    if not 0 <= value < float("inf"):
        raise BadKnob(name, expected)
    return value


def seconds(name: str, default: float) -> float:
    text = os.environ.get(name, "")
    return _seconds(name, text, "seconds") if text else default


def _for_phase(name: str, phase: str, expected: str) -> str | None:
    """Of `PHASE` or `PHASE:REST` the rest ("" when there is none), if it is meant for this phase."""
    text = os.environ.get(name, "")
    if not text:
        return None
    wanted, _, rest = text.partition(":")
    if wanted not in PHASES and wanted not in ("any", "migrate"):
        raise BadKnob(name, expected)
    return rest if wanted in ("any", phase) or phase.startswith(wanted + "-") else None


def connect_seconds() -> float:
    """How long a connection is tried for before the pool gives up: 30 s in the gateway."""
    return seconds("STANDIN_CONNECT_SECONDS", 30.0)


# --- start ---

def slow_start(phase: str) -> None:
    rest = _for_phase("STANDIN_SLOW_START", phase, "PHASE:SECONDS")
    if rest is not None:
        time.sleep(_seconds("STANDIN_SLOW_START", rest, "PHASE:SECONDS"))


def eat_memory(phase: str) -> None:
    """Take and keep memory, 16 MiB at a time, until the amount is reached or the kernel ends us."""
    rest = _for_phase("STANDIN_MEMORY", phase, "PHASE:MEBIBYTES")
    if rest is None:
        return
    amount = int(_seconds("STANDIN_MEMORY", rest, "PHASE:MEBIBYTES"))
    log.warn(TARGET, "taking memory as told by STANDIN_MEMORY", mebibytes=amount)
    for size in range(0, amount, 16):
        _kept.append(b"\xff" * (min(16, amount - size) << 20))


_kept: list[bytes] = []


# --- crashes ---

def crash(phase: str) -> None:
    """STANDIN_CRASH: every time."""
    rest = _for_phase("STANDIN_CRASH", phase, "PHASE or PHASE:SECONDS")
    if rest is not None:
        _die("STANDIN_CRASH", rest)


def crash_once(phase: str, first_time) -> None:
    """STANDIN_CRASH_ONCE: only if first_time(marker) says that no earlier run left its marker."""
    rest = _for_phase("STANDIN_CRASH_ONCE", phase, "PHASE or PHASE:SECONDS")
    if rest is not None and first_time(f"{phase} on {_owner(phase)}"):
        _die("STANDIN_CRASH_ONCE", rest)


def _owner(phase: str) -> str:
    """Whose first time it is: a pod's, whose name outlives its containers; a Job's, which tries again with a new pod."""
    name = os.uname().nodename
    return name.rpartition("-")[0] or name if phase in JOBS else name


def _die(name: str, after: str) -> None:
    code = int(seconds("STANDIN_EXIT_CODE", 1))
    delay = _seconds(name, after, "PHASE or PHASE:SECONDS") if after else 0
    if not delay:
        _exit(name, code)
    timer = threading.Timer(delay, _exit, (name, code))
    timer.daemon = True
    timer.start()


def _exit(name: str, code: int) -> None:
    sys.stderr.write(f"Error: stand-in: crashed as told by {name}\n")
    sys.stdout.flush()
    sys.stderr.flush()
    if code == 139:
        # A true segmentation fault: a signal sent to PID 1 by itself would be ignored.
        import ctypes

        ctypes.string_at(0)
    os._exit(code)


def panic(phase: str) -> None:
    """As a program in Rust ends that has met the unexpected: the hint comes last, after what happened."""
    rest = _for_phase("STANDIN_PANIC", phase, "PHASE or PHASE:MESSAGE")
    if rest is None:
        return
    trace = "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n"
    if os.environ.get("RUST_BACKTRACE", "0") != "0":
        trace = ("stack backtrace:\n   0: stand-in\n"
                 "note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.\n")
    sys.stderr.write(f"\nthread 'main' panicked at stand-in/src/main.rs:1:1:\n{rest or 'stand-in: panicked as told by STANDIN_PANIC'}\n{trace}")
    sys.stderr.flush()
    os._exit(101)


def say(phase: str) -> None:
    """Any failure of the gateway that cannot be brought about here, in its own words."""
    rest = _for_phase("STANDIN_SAY", phase, "PHASE:SENTENCE|CAUSE|…")
    if rest is not None:
        raise Failure(*rest.split("|"))


# --- the log ---

def flood(phase: str) -> threading.Thread | None:
    """A thread that fills the log, beside whatever else is done; one very long line comes first, if it is asked for."""
    expected = "PHASE:LINES:SECONDS or PHASE:LINES:SECONDS:BYTES"
    rest = _for_phase("STANDIN_FLOOD", phase, expected)
    if rest is None:
        return None
    rate, seconds, length = _flood(rest, expected)
    thread = threading.Thread(target=_pour, args=(rate, seconds, length), daemon=True)
    thread.start()
    return thread


def _flood(text: str, expected: str) -> tuple[float, float, int]:
    figures = [_seconds("STANDIN_FLOOD", part, expected) for part in text.split(":")]
    if len(figures) not in (2, 3):
        raise BadKnob("STANDIN_FLOOD", expected)
    return figures[0], figures[1], int(figures[2]) if len(figures) == 3 else 0


def _pour(rate: float, seconds: float, length: int) -> None:
    if length:
        log.info(TARGET, "a long line as told by STANDIN_FLOOD", filler="x" * length)
    started = time.monotonic()
    for number in range(int(rate * seconds)):
        time.sleep(max(started + number / rate - time.monotonic(), 0))
        log.info(TARGET, "one of many lines as told by STANDIN_FLOOD", number=number)


# --- migrations ---

def _version(name: str, expected: str) -> tuple[int, str] | None:
    text = os.environ.get(name, "")
    if not text:
        return None
    version, _, rest = text.partition(":")
    if not version.isdigit():
        raise BadKnob(name, expected)
    return int(version), rest


def slow_migration(version: int) -> float:
    knob = _version("STANDIN_MIGRATION_SLOW", "VERSION:SECONDS")
    if knob is None:
        return 0
    length = _seconds("STANDIN_MIGRATION_SLOW", knob[1], "VERSION:SECONDS")
    return length if knob[0] == version else 0


def failing_migration(version: int) -> str:
    """The step at which this version fails: its own SQL (apply), or begin, record, commit, at which the session ends. "" for none."""
    expected = "VERSION, VERSION:begin, VERSION:record or VERSION:commit"
    knob = _version("STANDIN_MIGRATION_FAIL", expected)
    if knob is None:
        return ""
    if knob[1] not in ("", "begin", "record", "commit"):
        raise BadKnob("STANDIN_MIGRATION_FAIL", expected)
    return (knob[1] or "apply") if knob[0] == version else ""


def waiting_migration(version: int) -> float:
    """Seconds for which another session holds the lock that this version needs; for ever without a figure."""
    knob = _version("STANDIN_MIGRATION_WAIT", "VERSION or VERSION:SECONDS")
    if knob is None:
        return 0
    length = _seconds("STANDIN_MIGRATION_WAIT", knob[1], "VERSION or VERSION:SECONDS") if knob[1] else float("inf")
    return length if knob[0] == version else 0


# --- serving ---

def catalogue() -> tuple[str, float]:
    """What becomes of the pricing catalogue: offline (the default), ok, or blackhole and how long it takes."""
    kind, _, rest = (os.environ.get("STANDIN_CATALOGUE") or "offline").partition(":")
    expected = "offline, ok, blackhole or blackhole:SECONDS"
    if kind not in ("offline", "ok", "blackhole"):
        raise BadKnob("STANDIN_CATALOGUE", expected)
    return kind, _seconds("STANDIN_CATALOGUE", rest, expected) if rest else 30.0


def readiness_refused(served_for: float) -> bool:
    text = os.environ.get("STANDIN_READY_FAIL", "")
    if not text:
        return False
    kind, _, rest = text.partition(":")
    expected = "always, after:SECONDS or until:SECONDS"
    if kind == "always":
        return True
    if kind not in ("after", "until"):
        raise BadKnob("STANDIN_READY_FAIL", expected)
    limit = _seconds("STANDIN_READY_FAIL", rest, expected)
    return served_for >= limit if kind == "after" else served_for < limit


def refusal_status() -> int:
    """The status that a provider's refusal comes back with; 0 for the provider's own."""
    text = os.environ.get("STANDIN_REFUSAL_STATUS", "0")
    if not text.isdigit() or text != "0" and not 400 <= int(text) <= 599:
        raise BadKnob("STANDIN_REFUSAL_STATUS", "a status from 400 to 599")
    return int(text)


def ignores_sigterm() -> bool:
    text = os.environ.get("STANDIN_IGNORE_SIGTERM", "")
    if text not in ("", "yes"):
        raise BadKnob("STANDIN_IGNORE_SIGTERM", "yes")
    return text == "yes"


def check_all() -> None:
    """Read every knob once at the start, so that a mistyped one is told at once and not when its moment comes."""
    for name, needs_figure, expected in (("STANDIN_SLOW_START", True, "PHASE:SECONDS"), ("STANDIN_MEMORY", True, "PHASE:MEBIBYTES"),
                                         ("STANDIN_CRASH", False, "PHASE or PHASE:SECONDS"),
                                         ("STANDIN_CRASH_ONCE", False, "PHASE or PHASE:SECONDS")):
        _for_phase(name, "", expected)
        figure = os.environ.get(name, "").partition(":")[2]
        if figure or (needs_figure and os.environ.get(name)):
            _seconds(name, figure, expected)
    for name, expected in (("STANDIN_PANIC", "PHASE or PHASE:MESSAGE"), ("STANDIN_SAY", "PHASE:SENTENCE|CAUSE|…"),
                           ("STANDIN_FLOOD", "PHASE:LINES:SECONDS or PHASE:LINES:SECONDS:BYTES")):
        _for_phase(name, "", expected)
        rest = os.environ.get(name, "").partition(":")[2]
        if name == "STANDIN_SAY" and os.environ.get(name) and not rest:
            raise BadKnob(name, expected)
        if name == "STANDIN_FLOOD" and os.environ.get(name):
            _flood(rest, expected)
    for name in ("STANDIN_CONNECT_SECONDS", "STANDIN_EXIT_CODE"):
        seconds(name, 0)
    for check in (slow_migration, failing_migration, waiting_migration):
        check(0)
    catalogue()
    readiness_refused(0)
    refusal_status()
    ignores_sigterm()
