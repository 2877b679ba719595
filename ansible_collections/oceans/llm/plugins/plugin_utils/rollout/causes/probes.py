# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a probe that fails asks for, and how little time or CPU it gives: as an end of a sentence. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: a CPU limit with which a program can hardly start or answer in time (cores)
LITTLE_CPU = 0.05


def asked(container: Mapping[str, Any], answer: str) -> str:
    """The probe whose answer this is, in the words of its own fields."""
    probe = container.get(f"{answer.split(' ', 1)[0].lower()}Probe") or {}
    http = probe.get("httpGet") or {}
    what = f"GET {http.get('path') or '/'} on port {http.get('port')}, " if http else ""
    limits = f"periodSeconds {probe.get('periodSeconds') or 10}, timeoutSeconds {probe.get('timeoutSeconds') or 1}, failureThreshold"
    return f"; settings of the probe: {what}{limits} {probe.get('failureThreshold') or 3}" if probe else ""


def slow(container: Mapping[str, Any], answer: str) -> str:
    """A CPU limit that explains why a probe gets no answer in time."""
    limit = str(((container.get("resources") or {}).get("limits") or {}).get("cpu") or "")
    late = "Timeout" in answer or "deadline exceeded" in answer or "timed out" in answer or "refused" in answer
    return f"; the CPU limit of the container is {limit}, which is hardly enough for it to start" if late and limit and _cores(limit) < LITTLE_CPU else ""


def _cores(quantity: str) -> float:
    try:
        return float(quantity[:-1]) / 1000 if quantity.endswith("m") else float(quantity)
    except ValueError:
        return 1.0
