# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What preflight says: one finding for each thing that would go wrong, all of them at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from ..codes import BY_CODE

ERROR, WARNING = "error", "warning"


@dataclass(frozen=True)
class Finding:
    """`code` is one of the register and can be waived. `hint` is what to type or change; left out, it is the register's."""

    code: str
    object: str
    sentence: str
    hint: str = ""
    severity: str = ERROR
    waived: bool = False

    def __post_init__(self) -> None:
        listed = BY_CODE[self.code]  # a code that is not in the register is refused
        object.__setattr__(self, "hint", self.hint or listed.hint)

    def line(self) -> str:
        label = "WAIVED" if self.waived else self.severity.upper()
        return f"{label} {self.code} {self.object}: {self.sentence} — {self.hint}"

    def as_dict(self) -> dict[str, Any]:
        return {"code": self.code, "object": self.object, "sentence": self.sentence, "hint": self.hint, "severity": self.severity, "waived": self.waived}


def settle(findings: Iterable[Finding], waive: Iterable[str]) -> list[Finding]:
    """What is said of several objects is said once, waived ones are marked, errors come first; else the order is kept."""
    codes = {code.lower() for code in waive}
    objects: dict[Finding, list[str]] = {}
    for finding in findings:
        same = objects.setdefault(replace(finding, object="", waived=finding.code.lower() in codes), [])
        if finding.object not in same:
            same.append(finding.object)
    said = [replace(finding, object=", ".join(names)) for finding, names in objects.items()]
    return sorted(said, key=lambda f: (f.waived, f.severity != ERROR))


def unused_waivers(findings: Iterable[Finding], waive: Iterable[str]) -> list[str]:
    """Waived codes that nothing was found for: a waiver must not outlive its reason unseen."""
    found = {f.code.lower() for f in findings}
    return [code for code in waive if code.lower() not in found]


def unknown_code(code: str) -> str:
    """The end of a note about a waiver that is no code; empty when it is one."""
    known = {name.lower(): name for name in BY_CODE}
    return "" if code.lower() in known else f"; there is no code {code}{did_you_mean(code, BY_CODE)}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)` or nothing."""
    names = {str(name).lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), list(names), n=1, cutoff=0.6)
    return f" (did you mean {names[near[0]]!r}?)" if near else ""
