# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the API shows first of a fault, as predicates over (watch event type, object)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .row import Signal


def event(reason: str, words: str = "") -> Signal:
    """An event of this reason (a pattern) with these words in it."""

    def seen(kind: str, obj: Mapping[str, Any]) -> bool:
        return obj.get("kind") == "Event" and bool(re.fullmatch(reason, obj.get("reason") or "")) and bool(re.search(words, obj.get("message") or ""))

    return seen


def exited(container: str = "", runs: int = 1) -> Signal:
    """A container ended with an error, for the n-th time."""

    def seen(kind: str, obj: Mapping[str, Any]) -> bool:
        return any(
            (not container or status["name"] == container) and _ends(status) >= runs and (_end(status).get("exitCode") or _end(status).get("signal"))
            for status in _statuses(obj)
        )

    return seen


def running(container: str) -> Signal:
    def seen(kind: str, obj: Mapping[str, Any]) -> bool:
        return any(status["name"] == container and "running" in (status.get("state") or {}) for status in _statuses(obj))

    return seen


def ready(container: str) -> Signal:
    def seen(kind: str, obj: Mapping[str, Any]) -> bool:
        return any(status["name"] == container and status.get("ready") for status in _statuses(obj))

    return seen


def unscheduled(kind: str, obj: Mapping[str, Any]) -> bool:
    """The scheduler found no node."""
    return obj.get("kind") == "Pod" and any(
        c.get("type") == "PodScheduled" and c.get("status") == "False" for c in (obj.get("status") or {}).get("conditions") or ()
    )


def job_failed(kind: str, obj: Mapping[str, Any]) -> bool:
    return obj.get("kind") == "Job" and any(
        c["type"] in ("Failed", "FailureTarget") and c["status"] == "True" for c in (obj.get("status") or {}).get("conditions") or ()
    )


def either(*signals: Signal) -> Signal:
    return lambda kind, obj: any(signal(kind, obj) for signal in signals)


def _statuses(obj: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if obj.get("kind") == "Pod":
        status = obj.get("status") or {}
        yield from status.get("initContainerStatuses") or ()
        yield from status.get("containerStatuses") or ()


def _end(status: Mapping[str, Any]) -> Mapping[str, Any]:
    return (status.get("state") or {}).get("terminated") or (status.get("lastState") or {}).get("terminated") or {}


def _ends(status: Mapping[str, Any]) -> int:
    return int(status.get("restartCount") or 0) + (1 if "terminated" in (status.get("state") or {}) else 0)
