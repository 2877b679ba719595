# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What looks like a secret to anyone: one table for the redactor and the preflight (the chart's own test is held against it).

Every expression reads a text of any size in linear time: a run of characters is matched to its end even where it turns out to be no
secret, so that no search begins again inside the same run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

HIDDEN = "(hidden)"


@dataclass(frozen=True)
class Shape:
    """`secret`: the group that has to be there for a match to be a secret; 0: every match is one."""

    pattern: re.Pattern[str]
    phrase: str
    secret: int = 0

    def found(self, text: str) -> bool:
        return any(match[self.secret] is not None for match in self.pattern.finditer(text))

    def hide(self, text: str) -> str:
        return self.pattern.sub(lambda match: HIDDEN if match[self.secret] is not None else match[0], text)


#: tokens and keys: their shape is proof enough, whatever the field is called
TOKENS: tuple[Shape, ...] = (
    Shape(re.compile(r"\b(?:sk|pk|rk)-[A-Za-z0-9_-]{6,}"), "begins like an API key (sk-…)"),
    Shape(re.compile(r"\b(?:sk|rk)_(?:live|test)_\w{6,}"), "begins like an API key (sk_live_…)"),
    Shape(re.compile(r"\bgwk_[A-Za-z0-9_-]+(\.[^\s\"'`,;]+)?"), "begins like a gateway API key (gwk_…)", 1),
    Shape(re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{16,})"), "begins like a GitHub token"),
    Shape(re.compile(r"\bxox[abeprs]-[A-Za-z0-9-]{8,}"), "begins like a Slack token"),
    Shape(re.compile(r"\b(?:glpat-|nvapi-|xai-|pplx-|pypi-)[A-Za-z0-9._-]{12,}"), "begins like an access token"),
    Shape(re.compile(r"\b(?:hf_|gsk_|r8_|npm_|dop_v1_)[A-Za-z0-9]{16,}"), "begins like an access token"),
    Shape(re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}"), "begins like an AWS access key"),
    Shape(re.compile(r"\bAIza[A-Za-z0-9_-]{20,}|\bya29\.[A-Za-z0-9._-]{10,}"), "begins like a Google key"),
    Shape(re.compile(r"\beyJ[A-Za-z0-9_-]{8,}(\.[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*)?"), "is a JSON web token", 1),
    Shape(re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), "is a private key"),
)

_NAME = r"(?:password|passwd|pwd|api_?key|secret_?key|client_?secret|token)"
#: secrets that are known by what stands before them: (pattern, replacement)
LABELLED: tuple[tuple[re.Pattern[str], str], ...] = (
    # the gateway prints the raw value of a reference that it does not understand
    (re.compile(r"(secret reference )`(?!env\.)[^`]*`?"), rf"\1`{HIDDEN}`"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(rf"(?i)({_NAME}=)(?!env\.)[^\s&\"'`,;]{{3,}}"), rf"\1{HIDDEN}"),
    (re.compile(rf"(?i)({_NAME}\"\s*:\s*\")(?!env\.)[^\"]{{3,}}"), rf"\1{HIDDEN}"),
)

_END = re.compile(r"[\s\"'`]")
_IMAGE = re.compile(r"\d{1,5}/[^\s\"'`]*@sha256:")  # REGISTRY:PORT/NAME@sha256:… is no user:password@


def passwords(text: str) -> Iterator[tuple[int, int]]:
    """(begin, end) of each password in a URL: up to the last @ of the word, since an unencoded one may hold @ / # and %."""
    at = 0
    while (start := text.find("://", at)) >= 0:
        stop = _END.search(text, start)
        at = stop.start() if stop else len(text)
        first, last = text.find(":", start + 3, at), text.rfind("@", start + 3, at)
        user = text[start + 3 : first] if first >= 0 else "/"
        if start and text[start - 1].isalnum() and first + 1 < last and not set(user) & set("/@") and not _IMAGE.match(text, first + 1):
            yield first + 1, last


def why(text: str) -> str:
    """What about a value looks like a secret, as the end of a sentence; empty when nothing does."""
    if next(passwords(text), None):
        return "is a URL with a password in it"
    return next((shape.phrase for shape in TOKENS if shape.found(text)), "")


def hide(text: str) -> str:
    """The text without anything that looks like a secret."""
    shown, at = [], 0
    for begin, end in passwords(text):
        shown += [text[at:begin], HIDDEN]
        at = end
    text = "".join([*shown, text[at:]])
    for pattern, replacement in LABELLED:
        text = pattern.sub(replacement, text)
    for shape in TOKENS:
        text = shape.hide(text)
    return text
