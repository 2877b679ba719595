# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each migration of the gateway's schema does to the data that are there. Pure.

That V23 and V28 destroy data, and that V46 and V47 only add, is documented. The class of every other migration is taken from its name, and
where the name leaves a doubt, the stricter class stands here. A migration that is not in the table counts as destructive.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum


class Kind(IntEnum):
    """Ordered: the larger one decides for several migrations."""

    ADDITIVE = 1
    DATA_CHANGING = 2
    DESTRUCTIVE = 3

    def __str__(self) -> str:
        return self.name.lower().replace("_", "-")


_A, _C, _D = Kind.ADDITIVE, Kind.DATA_CHANGING, Kind.DESTRUCTIVE

#: version -> its class and the reason
TABLE: dict[int, tuple[Kind, str]] = {
    17: (_A, "creates the first tables, in an empty database"),
    18: (_A, "adds profiles to routes"),
    19: (_A, "adds a table for the attempts of a request"),
    20: (_A, "adds the number of tools to request logs"),
    21: (_A, "adds the agent harness to request logs"),
    22: (_A, "adds tables for tool invocations"),
    23: (_D, "destroys data: service accounts replace an older form of ownership"),
    24: (_A, "adds tags to users and teams"),
    25: (_C, "changes existing OIDC logins to stricter rules"),
    26: (_A, "adds tables for OAuth providers and logins"),
    27: (_A, "adds tables for external MCP servers"),
    28: (_D, "destroys data: budgets of the older form are not kept"),
    29: (_A, "adds tables for access to tools and their tokens"),
    30: (_A, "adds a table for aggregate MCP sessions"),
    31: (_A, "adds a table for MCP credentials"),
    32: (_A, "adds the allowed e-mail domains to OAuth providers"),
    33: (_C, "adds e-mail verification, also to existing OAuth providers"),
    34: (_A, "adds tables for the review agent"),
    35: (_A, "adds tables for managed API keys"),
    36: (_C, "adds a mode of model grants to existing API keys"),
    37: (_C, "changes the form of existing model allow lists"),
    38: (_C, "adds a source to existing budgets"),
    39: (_A, "adds tags to service accounts"),
    40: (_A, "adds overrides of metadata to routes"),
    41: (_A, "adds a table for MCP logins in progress"),
    42: (_C, "counts cached tokens separately, also in existing usage rows"),
    43: (_A, "validates existing usage rows without changing them; it fails on rows that break the rule"),
    44: (_A, "adds tables for the analysis of agent sessions"),
    45: (_A, "adds the version of the configuration to analyses of agent sessions"),
    46: (_A, "adds tables for batch jobs"),
    47: (_A, "adds prices to batch jobs"),
}
UNKNOWN = (Kind.DESTRUCTIVE, "not known to this collection, so treated as destructive")


def kind(version: int) -> Kind:
    return TABLE.get(version, UNKNOWN)[0]


def reason(version: int) -> str:
    return TABLE.get(version, UNKNOWN)[1]


def worst(versions: Iterable[int]) -> Kind | None:
    """The class that decides; None for no migration at all."""
    return max(map(kind, versions), default=None)


def destructive(versions: Iterable[int]) -> tuple[int, ...]:
    return tuple(v for v in versions if kind(v) is Kind.DESTRUCTIVE)


def span(versions: Sequence[int]) -> str:
    """`V44`, `V44–V45`, `V17–V22, V24`."""
    runs: list[list[int]] = []
    for version in versions:
        if runs and runs[-1][1] == version - 1:
            runs[-1][1] = version
        else:
            runs.append([version, version])
    return ", ".join(f"V{first}" if first == last else f"V{first}–V{last}" for first, last in runs)


def phrase(versions: Sequence[int]) -> str:
    """All of them by class, the worst first; a destructive one with its reason: `V28 destructive (destroys data: …), V24–V27 additive`."""
    parts = []
    for wanted in reversed(Kind):
        of_kind = [v for v in versions if kind(v) is wanted]
        if wanted is Kind.DESTRUCTIVE:
            parts += [f"V{v} destructive ({reason(v)})" for v in of_kind]
        elif of_kind:
            parts.append(f"{span(of_kind)} {wanted}")
    return ", ".join(parts) or "none"
