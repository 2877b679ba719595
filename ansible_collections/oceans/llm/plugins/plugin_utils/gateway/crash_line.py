# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The line of a log that says why a program ended: a panic's own message, not the backtrace or the hint that follows it. Pure text work."""

from __future__ import annotations

import re

_PANIC = re.compile(r"^thread .{0,100} panicked at (.{1,300})$")
#: what stands around a message: stack frames of Rust, Go, Node and Bun, and what their runtimes say about themselves
_AROUND = re.compile(
    r"^(note: run with|note: Some details are omitted|at (?:async )?\S{0,200}(?: \(|[/:]\S{0,200}\d$)|goroutine \d|exit status \d|Node\.js v\d|Bun v\d"
    r"|Traceback \(most recent|[\w./()*]{1,200}\(.{0,200}\)$|\S{1,200}\.go:\d)"
)
_BACKTRACE = re.compile(r"^\s{0,40}[Ss]tack backtrace:", re.MULTILINE)
_FATAL = ("panic: ", "fatal error: ")


#: a line that begins a record of a log, and one that begins a record of an error
_RECORD = re.compile(r"^(?:\{|\[?(?:TRACE|DEBUG|INFO|WARN|NOTICE)|\[?\d{2,4}[-/:]\d{2})", re.IGNORECASE)
_FAILED = re.compile(r"^(?:(?:[\d\[]\S{0,40}|UTC|time=\S{1,40}) ){0,4}\[?(?:ERROR|FATAL|CRITICAL|level=error|level=fatal)\b|^[EF]\d{4} ", re.IGNORECASE)
#: lines of one record, and characters of it, that are shown
_LINES, _SHOWN = 12, 300


def crash_line(text: str) -> str:
    """The line to show; empty when the log says nothing."""
    lines = [line.strip() for line in _BACKTRACE.split(text)[0].splitlines() if line.strip()]
    for at in range(len(lines) - 1, -1, -1):
        panic = _PANIC.match(lines[at])
        if panic:
            return " ".join(f"panicked at {panic.group(1)} {' '.join(_until_around(lines[at + 1 :]))}".split())
    fatal = [line for line in lines if line.startswith(_FATAL)]
    said = [line for line in lines if not _AROUND.match(line) and re.search(r"\w", line)]
    return (fatal or _last_error(said) or said or lines or [""])[-1]


def _last_error(lines: list[str]) -> list[str]:
    """The last record, if it is one of an error and has several lines: the last of these may be a hint or a closing quote."""
    tail = lines[-_LINES:]
    begins = [n for n, line in enumerate(tail) if _RECORD.match(line) or _FAILED.match(line)]
    first = begins[-1] if begins and _FAILED.match(tail[begins[-1]]) else len(tail) - 1
    while 0 < first < len(tail) - 1 and _FAILED.match(tail[first - 1]):
        first -= 1
    return [" ".join(tail[first:])[:_SHOWN]] if 0 <= first < len(tail) - 1 else []


def _until_around(lines: list[str]) -> list[str]:
    """The message of a panic may have several lines."""
    found = []
    for line in lines[:4]:
        if _AROUND.match(line):
            break
        found.append(line)
    return found
