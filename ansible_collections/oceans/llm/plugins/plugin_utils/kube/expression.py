# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Regular expressions for the words of programs. Most runs meet none of these words, and to compile all expressions takes a tenth of a second."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable


class Expression:
    """Compiled when it is first searched for."""

    def __init__(self, text: str, flags: re.RegexFlag) -> None:
        self._text, self._flags = text, flags

    @functools.cached_property
    def compiled(self) -> re.Pattern[str]:
        return re.compile(self._text, self._flags)

    @functools.cached_property
    def search(self) -> Callable[[str], re.Match[str] | None]:
        """The search of the compiled expression itself: a call in between takes longer than most searches."""
        return self.compiled.search
