# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a container's log: what is kept of it, and what of it is new. Text has a price, so both have a limit.

The end is kept, because the error is there; lines about migrations are kept wherever they stand, because the database's state is read
from them. A secret may begin in one piece of a log and end in the next.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

#: characters of one log that are kept, and of one line of it
LIMIT, LINE = 65_536, 8_192
#: lines about migrations that are kept of what is left out: 29 versions have 58
TOLD = 200
#: raw characters that are cleaned again together with what follows them
CARRY = 1_000
_LEFT_OUT = re.compile(r"\A… (\d+) lines left out\n")


def capped(text: str, limit: int = LIMIT) -> str:
    """The text, or its end behind a line that says how many lines are left out."""
    if len(text) <= limit:
        return text
    before = _LEFT_OUT.match(text)
    gone, text = (int(before[1]), text[before.end() :]) if before else (0, text)
    cut = text.rfind("\n", 0, len(text) - limit * 3 // 4) + 1
    if not cut:  # one line that is longer than all that is kept
        return f"… {gone} lines left out\n{short(text, limit // 2)}"
    head = text[:cut].splitlines(keepends=True)
    told = [line for line in head if "migration" in line][-TOLD:]
    return f"… {gone + len(head) - len(told)} lines left out\n{''.join(told)}{text[cut:]}"


def short(line: str, limit: int = LINE) -> str:
    """A line, its middle left out where it is too long to be read."""
    if len(line) <= limit:
        return line
    half = limit // 2
    return f"{line[:half]} … {len(line) - 2 * half} characters left out … {line[-half:]}"


class Backlog:
    """What a thread has read of a log and nobody has taken yet: whole lines, of which the last ones are kept."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._text, self._line, self._cut = "", "", 0

    def add(self, piece: str) -> None:
        """Pieces of any size; the last line waits until it is whole."""
        *lines, rest = (self._line + piece).split("\n")
        if lines and self._cut:
            lines[0], self._cut = self._joined(lines[0]), 0
        if len(rest) > 4 * LINE:  # a line without an end costs no more than this
            self._cut, rest = self._cut + len(rest) - 2 * LINE, rest[:LINE] + rest[-LINE:]
        with self._lock:
            self._line = rest
            if lines:
                self._text = capped(self._text + "".join(short(line) + "\n" for line in lines))

    def end(self) -> None:
        """The log is over: its last line needs no line break."""
        with self._lock:
            if self._line:
                self._text, self._line, self._cut = capped(f"{self._text}{short(self._joined(self._line))}\n"), "", 0

    def take(self) -> str:
        with self._lock:
            text, self._text = self._text, ""
        return text

    def __bool__(self) -> bool:
        return bool(self._text)

    def _joined(self, line: str) -> str:
        return f"{line[:LINE]} … {self._cut} characters left out … {line[LINE:]}" if self._cut else line


class Cleaned:
    """A log as rules and readers see it: without secrets, capped, and longer with each :meth:`add`."""

    def __init__(self, clean: Callable[[str], str]) -> None:
        self._clean, self._raw, self.text = clean, "", ""

    def set(self, text: str) -> str:
        """A whole new text."""
        self._raw = self.text = ""
        return self.add(text)

    def add(self, more: str) -> str:
        """What follows; returns it cleaned. A secret that began in the text before is hidden there, too."""
        before, both = self._clean(self._raw), self._clean(self._raw + more)
        same = both.startswith(before)
        self.text = capped(self.text + both[len(before) :] if same else self.text.removesuffix(before) + both)
        self._raw = (self._raw + more)[-CARRY:]
        return both[len(before) :] if same else both
