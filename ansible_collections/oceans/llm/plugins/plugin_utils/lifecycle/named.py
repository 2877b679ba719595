# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `oceans_llm_allow_destructive` names: migrations (`V28`, `28`), or releases (`v0.9.0`). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ..kube.refused import Refused


@dataclass(frozen=True)
class Named:
    migrations: frozenset[int]
    releases: frozenset[str]

    def release(self, version: str) -> bool:
        """True when this release was named."""
        return version.split("@", 1)[0].removeprefix("v") in self.releases


def parse(words: Iterable[object]) -> Named:
    """:raises Refused: with the word that names neither."""
    numbers, releases = set(), set()
    for word in map(str, words):
        if re.fullmatch(r"[vV]?\d+", word):
            numbers.add(int(word.lstrip("vV")))
        elif re.fullmatch(r"v?\d+\.\d+\.\d+\S*", word):
            releases.add(word.removeprefix("v"))
        else:
            raise Refused(
                f"oceans_llm_allow_destructive has {word!r}, which is neither a migration (such as V28) nor a release (such as v0.9.0); nothing was changed"
            )
    return Named(frozenset(numbers), frozenset(releases))
