# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules: pure functions from one snapshot to causes, one subject a file, each with the decorator `rule`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from ...codes import Certainty
from ..model import Cause, Snapshot, owner_of
from . import admission, config, containers, images, jobs, operators, readiness, release, rollout, scheduling, starting, volumes, waiter  # noqa: F401 - their rules
from .cause import Rule, rules

#: name -> rule, in the order in which causes of the same certainty are believed
RULES: dict[str, Rule] = rules()

_ORDER = {Certainty.FATAL: 0, Certainty.RETRYABLE: 1, Certainty.SHOWN: 2}


def find(snapshot: Snapshot, rules: Iterable[Rule] | None = None, broken: Callable[[str, Exception], None] | None = None, guesses: bool = False) -> list[Cause]:
    """Everything that the rules see, certain causes first. `guesses`: those that nothing supports, too; a look may complete them (look.py).

    Each rule runs alone: with `broken` an error in one is told there, and the others still decide.
    """
    found: list[Cause] = []
    for rule in RULES.values() if rules is None else rules:
        try:
            for cause in rule(snapshot):
                if guesses or not cause.guess:
                    found.append(_named(snapshot, cause))  # one by one: what a rule saw before it broke is true
        except Exception as error:
            if broken is None:
                raise
            broken(getattr(rule, "__name__", "?"), error)
    return sorted(found, key=lambda cause: _ORDER[cause.certainty])


def _named(snapshot: Snapshot, found: Cause) -> Cause:
    """A container that is in the pod but not in the template of its owner comes from a mesh or an agent: the gateway is not to blame."""
    kind, owner = owner_of(found, snapshot) if found.container and found.object.startswith("Pod/") else ("", "")
    spec = (((snapshot.kind(kind).get(owner) or {}).get("spec") or {}).get("template") or {}).get("spec") or {}
    declared = [c["name"] for c in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ()))]
    if not declared or found.container in declared or found.cause.startswith(f"container {found.container} "):
        return found
    return replace(found, cause=f"container {found.container}, which the release does not declare (an admission webhook added it to the pod): {found.cause}")
