# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter oceans.llm.chart_values; documented in chart_values.yml beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.oceans.llm.plugins.plugin_utils.gateway.chart_values import chart_values
from ansible_collections.oceans.llm.plugins.plugin_utils.gateway.variables import WrongVariable, options, variable


def converted(values: Any, **given: Any) -> dict[str, Any]:
    """The options are variables of the roles: converted here, and not by a template for each, because to compile a template takes milliseconds."""
    known = {name: f"oceans_llm_{name}" for name in given if f"oceans_llm_{name}" in options()}
    try:
        taken = {name: variable(given[name], whole) for name, whole in known.items()}
        return chart_values(variable(values, "oceans_llm_values"), **{**given, **taken})
    except WrongVariable as wrong:
        raise AnsibleFilterError(str(wrong)) from None


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"chart_values": converted}
