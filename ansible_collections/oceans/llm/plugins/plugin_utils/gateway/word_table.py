# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of what programs say and what it means, written as text. Pure.

A row is `CODE PATTERN`, and below it, indented, its sentence and perhaps its hint. A line that begins with | has more alternatives of the pattern.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ..kube.expression import Expression

Row = tuple[Expression, str, list[str]]


def matched(table: Iterable[Row], text: str, plain: str = "", **names: str) -> tuple[str, str, str] | None:
    """(code, sentence, hint) of the first row that fits; what the row lacks is empty. The texts may use `names`, and what the pattern names.

    `plain`: the text without the names of objects, if these may look like a reason; the row has to fit both.
    """
    for pattern, code, texts in table:
        if (not plain or pattern.search(plain)) and (found := pattern.search(text)):
            known = {**names, **{name: part or names.get(name, "") for name, part in found.groupdict().items()}}
            what, hint, *_more = (*(each.format_map(known) for each in texts), "", "")
            return code, what, hint
    return None


def rows(table: str) -> Iterator[Row]:
    """(pattern, code, sentence and hint) of each row, in order."""
    for row in re.split(r"\n(?=\S)", table.strip()):
        head, *more = (line.strip() for line in row.splitlines())
        code, _blank, pattern = head.partition(" ")
        alternatives = [line for line in more if line.startswith("|")]
        yield Expression("".join([pattern, *alternatives]), re.IGNORECASE), code, more[len(alternatives) :]
