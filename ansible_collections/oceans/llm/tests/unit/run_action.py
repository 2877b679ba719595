# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs an action plugin as a task would, against a scripted API server."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

from .fake_api import FakeApi


def run(plugin: Any, api: FakeApi, args: dict[str, Any], check: bool = False, diff: bool = False, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
    """The task's result; `said` holds the lines that went to the screen."""
    given = {"host": api.url, "api_key": "a-token", **args}
    task = SimpleNamespace(
        args=given,
        check_mode=check,
        diff=diff,
        async_val=0,
        action=plugin.__module__.rsplit(".", 1)[-1],
        resolved_action=None,
        environment=None,
        delegate_to=None,
        register=None,
        ignore_errors=False,
    )
    action = plugin(task, MagicMock(transport="local"), MagicMock(), MagicMock(), MagicMock(), MagicMock())
    said: list[str] = []
    action.say = lambda line: said.append(action.redactor(line))
    result: dict[str, Any] = action.run(task_vars={"inventory_hostname": "here", **(task_vars or {})})
    return result | {"said": said}
