# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the namespace of a row and its runs are made from. Knows nothing of places and runs, so that these can be made from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Setting:
    """The part of a row that is data for a place (place.py) and for the suite's order (run.py)."""

    id: str
    title: str
    _: KW_ONLY
    waive: tuple[str, ...] = ()
    variables: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    #: STANDIN_* of the gateway, its waiter and its Jobs
    knobs: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    base: Mapping[str, Any] = field(default_factory=dict)
    #: a server that no other row uses; with a size (100Mi), on a volume of that size and no larger
    own_server: bool | str = False
    #: what the testbed has to have beside the cluster: operators (cloudnativepg), a network policy engine, an ingress controller
    needs: tuple[str, ...] = ()
    timeout: int = 240
    quick: bool = False
    #: other tools are given the same fault, too, when the suite is asked to compare
    compare: bool = False
    #: it breaks what all rows use (names, the scheduler): it runs when they are over, and nothing beside it
    alone: bool = False
    #: the one of `needs` that it breaks: it runs when the other rows that need the same are over
    breaks: str = ""
    #: what puts that right again, whatever came of the row
    mend: Callable[[], None] | None = None
    #: seconds that it takes, about: the longest rows are begun first
    takes: float = 40.0
    #: what the names of its namespace and of the shared database server begin with
    suite: str = "faults"
