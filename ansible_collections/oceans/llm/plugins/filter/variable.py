# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter oceans.llm.variable; documented in variable.yml beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.oceans.llm.plugins.plugin_utils.gateway.variables import WrongVariable, variable


def converted(value: Any, name: str) -> Any:
    try:
        return variable(value, name)
    except WrongVariable as wrong:
        raise AnsibleFilterError(str(wrong)) from None


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"variable": converted}
