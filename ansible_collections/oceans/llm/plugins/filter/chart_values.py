# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter oceans.llm.chart_values; documented in chart_values.yml beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.oceans.llm.plugins.plugin_utils.gateway.chart_values import chart_values


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"chart_values": chart_values}
