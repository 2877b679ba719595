# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take secrets out of text, so that everything else may stay readable.

`no_log` hides a whole failure; this hides only what is secret: the values it was told of, in every encoding in which a
program, a log or the API prints them, and what looks like a secret to anyone (a password in a URL, a bearer token).
Values are kept in memory only. Redact first, cut afterwards: half a secret is not recognised.
"""

from __future__ import annotations

import base64
import bisect
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus, unquote, urlsplit

from . import patterns
from .patterns import HIDDEN

#: shorter values are words like "true" or "5432"; hiding them would make the text unreadable
SHORTEST = 6
#: shorter values are not looked for across line breaks: words that follow one another would be taken for them
SHORTEST_WRAPPED = 12
#: a longer value is looked for in pieces of this many characters
LONG, PIECE = 160, 24
#: keys of a Secret that hold an address or a name (CloudNativePG's `-app` Secret has them beside the password)
ADDRESSES = frozenset({"user", "username", "host", "port", "dbname", "database", "type", "provider", "namespace"})
#: values that everybody knows
PLAIN = frozenset({"oceans", "oceans_llm", "oceans-llm", "postgres", "postgresql", "gateway", "localhost", "disable", "prefer", "require", "verify-full"})


class Redactor:
    """Call it with a text; :meth:`learn` and :meth:`learn_secret` tell it what to look for."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._needles: tuple[list[str], list[str]] | None = None

    def learn(self, values: Iterable[str | bytes]) -> None:
        """Values that must not be seen. Every line of a long one counts, and the password inside a URL."""
        known = len(self._values)
        for value in values:
            text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
            self._values.update(part for part in _parts(text) if len(part) >= SHORTEST and part.lower() not in PLAIN)
        if len(self._values) != known:
            self._needles = None

    def learn_secret(self, secret: Mapping[str, Any]) -> None:
        """All values of one Secret of the API, but for the addresses in it."""
        for key, encoded in (secret.get("data") or {}).items():
            if key.lower() not in ADDRESSES:
                self.learn([base64.b64decode(encoded or "")])
        self.learn(str(v) for k, v in (secret.get("stringData") or {}).items() if k.lower() not in ADDRESSES)

    def known(self) -> int:
        """How many values it has learned: a text that was redacted at the same number needs no second time."""
        return len(self._values)

    def __call__(self, text: str) -> str:
        if len(text) < SHORTEST:
            return text
        if self._values:
            if self._needles is None:
                self._needles = _needles(self._values)
            whole, wrapped = self._needles
            for needle in whole:
                if needle in text:
                    text = text.replace(needle, HIDDEN)
            text = _hide_wrapped(text, wrapped)
        return patterns.hide(text)

    def deep(self, data: Any) -> Any:
        """The same for every text inside a structure; keys are names and stay."""
        if isinstance(data, str):
            return self(data)
        if isinstance(data, Mapping):
            return {key: self.deep(value) for key, value in data.items()}
        if isinstance(data, (list, tuple)):
            return [self.deep(value) for value in data]
        return data


def _parts(value: str) -> Iterator[str]:
    """The value itself and what of it is secret on its own."""
    stripped = value.strip()
    yield stripped
    lines = [line.strip() for line in stripped.splitlines()]
    if len(lines) > 1:
        yield from (line for line in lines if not line.startswith("-----"))
    if "://" in stripped:
        try:
            password = urlsplit(stripped).password
        except ValueError:  # a port that is none: the password was not encoded
            password = None
        loose = re.match(r"[A-Za-z][A-Za-z0-9+.-]*://[^:/@]*:(.+)@", stripped)
        for found in (password, loose.group(1) if loose else None):
            if found:
                yield found
                yield unquote(found)


def encodings(value: str) -> Iterator[str]:
    """The ways in which a value is printed: plain, in a URL, in JSON, HTML, YAML, hexadecimal, and base64 wherever it begins."""
    raw = value.encode()
    yield value
    yield from (quote(value, safe=""), quote(value), quote_plus(value), html.escape(value), value.replace("'", "''"), raw.hex())
    once = json.dumps(value)[1:-1]
    yield from (once, json.dumps(once)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1])
    yield base64.b64encode(base64.b64encode(raw)).decode().rstrip("=")
    for shift in range(3):  # inside a longer text each of three alignments is possible; the edges depend on the neighbours
        packed = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        inner = packed[(0, 2, 3)[shift] : len(packed) - (1 if (shift + len(raw)) % 3 else 0)]
        yield inner
        yield inner.replace("+", "-").replace("/", "_")


def _needles(values: Iterable[str]) -> tuple[list[str], list[str]]:
    """(what is looked for as it is, the longest first; what is looked for in a text without its line breaks and spaces).

    Plain searches: one expression for all of it took a second to compile, in every task. A long value (a certificate's
    key, say) is looked for in pieces, because it may be cut.
    """
    found = {e for value in values for e in encodings(value) if len(e) >= SHORTEST}
    long = {e for e in found if len(e) > LONG}
    pieces = {e[at : at + PIECE] for e in long for at in range(0, len(e) - PIECE + 1, PIECE)} | {e[-PIECE:] for e in long}
    whole = (found - long) | pieces
    wrapped = {_SPACE.sub("", e) for e in whole}
    return sorted(whole, key=len, reverse=True), [e for e in wrapped if len(e) >= SHORTEST_WRAPPED]


#: line breaks, also those of JSON, may stand anywhere inside a value (wrapped output), and the spaces beside them may be its own
_BREAK = re.compile(r"\n|\\n|\\r")
_SPACE = re.compile(r"(?:[ \t\r\n]|\\[rn])+")


def _hide_wrapped(text: str, needles: Iterable[str]) -> str:
    """Hide what is found when all breaks and spaces are taken out, these included."""
    if not _BREAK.search(text):
        return text
    parts, places, at = [], [], 0  # what is between spaces; where each part begins, without them and with them
    joined = 0
    for gap in _SPACE.finditer(text):
        parts.append(text[at : gap.start()])
        places.append((joined, at))
        joined, at = joined + gap.start() - at, gap.end()
    parts.append(text[at:])
    places.append((joined, at))
    plain = "".join(parts)

    def origin(position: int) -> int:
        start, real = places[bisect.bisect_right(places, (position, len(text))) - 1]
        return real + position - start

    spans = sorted((origin(found), origin(found + len(n) - 1) + 1) for n in needles for found in _all(plain, n))
    shown, end = [], 0
    for first, last in spans:
        if first >= end:
            shown += [text[end:first], HIDDEN]
        end = max(end, last)
    return "".join([*shown, text[end:]])


def _all(text: str, needle: str) -> Iterator[int]:
    at = text.find(needle)
    while at >= 0:
        yield at
        at = text.find(needle, at + len(needle))
