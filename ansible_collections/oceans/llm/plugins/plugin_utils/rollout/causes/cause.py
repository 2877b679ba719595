# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a Cause from its row in the register of codes; the decorator of a rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ...codes import BY_CODE, RETRYABLE, Certainty
from ..model import Cause, Snapshot

Rule = Callable[[Snapshot], Iterator[Cause]]
_RULES: dict[int, Rule] = {}


def rule(place: int) -> Callable[[Rule], Rule]:
    """Makes a function a rule. Causes of the same certainty are believed in the order of `place`: the nearest to the root first."""

    def noted(function: Rule) -> Rule:
        if place in _RULES:
            raise ValueError(f"the rules {_RULES[place].__name__} and {function.__name__} have the same place {place}")
        _RULES[place] = function
        return function

    return noted


def rules() -> dict[str, Rule]:
    """Name -> rule, in order."""
    return {function.__name__: function for _place, function in sorted(_RULES.items())}


def cause(
    code: str,
    snapshot: Snapshot,
    obj: str,
    what: str,
    evidence: str,
    *,
    since: float = 0.0,
    container: str = "",
    certainty: Certainty | None = None,
    budget: float | None = None,
    hint: str = "",
    guess: bool = False,
    **names: Any,
) -> Cause:
    """A cause with its row's certainty, budget and hint, unless the rule knows better."""
    entry = BY_CODE[code]
    kind, _slash, name = obj.partition("/")
    known = {"ns": snapshot.scope.namespace, "kind": kind, "name": name, "container": container, **names}
    sure = certainty or entry.certainty
    return Cause(
        code=code,
        certainty=sure,
        object=obj,
        cause=what,
        evidence=" ".join(evidence.split()),
        hint=hint or entry.hint.format_map(_Known(known)),
        container=container,
        budget=None if sure is not RETRYABLE else budget if budget is not None else entry.budget,
        since=since or snapshot.now,
        guess=guess,
    )


class _Known(dict[str, Any]):
    """A name that a rule did not give stays readable instead of breaking the one line that matters."""

    def __missing__(self, key: str) -> str:
        return f"<{key}>"
