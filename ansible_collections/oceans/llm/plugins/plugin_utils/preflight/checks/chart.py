# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The chart's own refusals, each as a finding: schema violations and the sentences of its validations (faults.md A1, A3). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..facts import Picture
from ..finding import Finding, did_you_mean

#: one line of Helm's schema report: `- at '/gateway': additional properties 'x', 'y' not allowed` (Helm 3.18+, 4)
_SCHEMA = re.compile(r"^\s*- (?:at )?'?(?P<at>[^':]*)'?: (?P<what>.+)$", re.MULTILINE)
#: one line of the chart's own validations: `  1. gateway.config.x is …`
_NUMBERED = re.compile(r"^  \d+\. (.+)$", re.MULTILINE)
_UNKNOWN = re.compile(r"additional properties? (?P<names>'.+?') not allowed")


def find(picture: Picture) -> Iterator[Finding]:
    for text in picture.chart_errors:
        if "specifications of the schema" in text:
            yield from _schema(text, picture.chart_values)
            continue
        problems = _NUMBERED.findall(text)
        for problem in problems or [" ".join(text.split())]:
            path, _is, rest = problem.partition(" ")
            where, sentence = (f"values {path}", rest) if problems and "." in path else ("chart", problem)
            yield Finding("ChartRefused", where, sentence, "set it by oceans_llm_config, oceans_llm_values or the variable that makes it")


def _schema(text: str, defaults: Mapping[str, Any]) -> Iterator[Finding]:
    found = False
    for match in _SCHEMA.finditer(text):
        found = True
        path = match["at"].strip("/").replace("/", ".")
        unknown = _UNKNOWN.search(match["what"])
        if unknown:
            for name in re.findall(r"'([^']+)'", unknown["names"]):
                near = did_you_mean(name, keys_at(defaults, path))
                yield Finding(
                    "UnknownValue",
                    f"values {path + '.' if path else ''}{name}",
                    f"unknown key {name!r}{near}",
                    "correct it in oceans_llm_values (the chart's README lists all keys)",
                )
        else:
            yield Finding("InvalidValue", f"values {path or '(top)'}", match["what"], "correct it in oceans_llm_values (the chart's README lists all keys)")
    if not found:
        yield Finding("InvalidValue", "values", " ".join(text.split()), "correct oceans_llm_values")


def keys_at(values: Mapping[str, Any], path: str) -> list[str]:
    """The keys that the chart's own values have at a dotted path."""
    here: Any = values
    for part in filter(None, path.split(".")):
        here = here.get(part) if isinstance(here, Mapping) else None
    return [str(k) for k in here] if isinstance(here, Mapping) else []
