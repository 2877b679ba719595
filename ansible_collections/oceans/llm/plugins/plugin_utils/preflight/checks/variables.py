# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables nobody knows: a misspelt oceans_llm_* is a setting that silently does nothing (faults.md A1). Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ..facts import Picture
from ..finding import Finding, did_you_mean

PREFIX = "oceans_llm_"
#: variables of the playbooks, which no role has a default for
OF_PLAYBOOKS = ("oceans_llm_hosts", "oceans_llm_delete_database", "oceans_llm_status_database")


def find(picture: Picture) -> Iterator[Finding]:
    known = {*picture.known_variables, *OF_PLAYBOOKS}
    for name in sorted(picture.variables):
        if name.startswith(PREFIX) and name not in known:
            near = did_you_mean(name, known)
            yield Finding(
                "UnknownVariable",
                name,
                f"nothing reads the variable {name}{near}",
                "correct or remove it (all variables: ansible-doc -t role oceans.llm.gateway)",
            )
