# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that the follower saw, in its order and with the server's time: enough to judge a run again without its cluster.

The evidence folder has it as stream.jsonl.gz (first line: what was there before, then one line a change), and tests replay it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from ..helm.process import Helm
from .baseline import Before
from .model import Scope
from .watch import Change, World

VERSION = 1
#: characters; a run that tells more (days of a big namespace) loses its end, and the tape says so
LIMIT = 20_000_000


class Tape:
    """Each change as a line of JSON: `[server's time, kind, type, object]`."""

    def __init__(self) -> None:
        #: and the secret values that were known when it was redacted whole, -1 when it was not
        self._lines: list[tuple[str, int]] = []
        self._room = LIMIT
        self._helm = Helm()

    def begin(self, world: World, scope: Scope, before: Before) -> None:
        then = {"generations": before.generations, "jobs": sorted(before.jobs)}
        self._put({"version": VERSION, "started": world.started, "scope": asdict(scope), "before": then, "objects": world.objects})

    def note(self, now: float, change: Change, world: World) -> None:
        """A change that the world has taken in: what is noted is redacted as the world is."""
        seen, known = change.object, -1
        if change.type == "LISTED":
            seen = world.objects[change.kind]
        elif change.type in ("LOG", "MORE"):
            seen, known = [*change.object[:2], world.heard], world.known()
        elif change.type not in ("AWAY", "BACK"):
            seen = world.redacted(change.object)
        self._put([round(now, 3), change.kind, change.type, seen], known)

    def helm(self, now: float, helm: Helm) -> None:
        """Helm's state, when it is another one."""
        if helm != self._helm:
            self._helm = helm
            self._put([round(now, 3), "Helm", "SET", asdict(helm)])

    def lines(self, clean: Callable[[Any], Any], known: int = 0) -> Iterator[str]:
        """What was redacted whole, with all the values that are `known` now, is not redacted again: a flood of log lines took 6 s."""
        for line, then in self._lines:
            data = json.loads(line)
            yield json.dumps(data if then == known else clean(data), separators=(",", ":"), ensure_ascii=False)

    def _put(self, data: Any, known: int = -1) -> None:
        if self._room <= 0:
            return
        line = json.dumps(data, default=str)
        self._room -= len(line)
        self._lines.append((line, known) if self._room > 0 else (json.dumps([0, "Tape", "FULL", None]), -1))
