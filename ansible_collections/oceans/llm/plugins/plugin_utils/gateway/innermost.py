# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of an error message that says most. Programs in Go put the cause at the end of a chain, clouds into a field of JSON. Pure text work."""

from __future__ import annotations

import re

#: characters: a shorter part of a chain is no cause, a part of ENOUGH is one without the part before it, and a sentence quotes at most MOST
LEAST, ENOUGH, MOST = 22, 40, 240
#: words around a message that name no cause
_NOISE = re.compile(
    r"(?:rpc error: )?code = \w{1,30} desc = |Refer to the mount\.cifs\(8\)[^:]{0,80}"
    r"|[,;.]? ?(?:status ?code: \d{3}, )?request ?id: \S{1,80}|(?::| ) unknown$|UPGRADE FAILED: |INSTALLATION FAILED: ",
    re.IGNORECASE,
)
_FIELD = re.compile(r'\\?"?\bmessage\\?"?[:=] ?\\?"((?:[^"\\]|\\.){8,600}?)\\?"', re.IGNORECASE)
_OUTPUT = re.compile(r"\b(?:output|stderr): ?\(?", re.IGNORECASE)
#: the parts of a chain that repeat what was to be done; what stands before one of them is no part of the cause
_STEP = re.compile(
    r"^(?:(?:\w+ ){0,3}(?:Failed|unable|could not) to (?:create|pull|setup|start|resolve|generate|provision|call|ensure)\b[^()]{0,160}|plugin type=.{1,80}"
    r"|OCI runtime create failed|runc create failed|unable to start container process|error during container init|\w+Volume\.\w+ failed for volume .{1,200}"
    r"|error processing spec.{1,120}|(?:Internal )?error(?: occurred)?)$",
    re.IGNORECASE,
)


def nameless(text: str, *names: str) -> str:
    """Without the names of objects: a volume `quota-data` is no quota, and a container `device-plugin` no device."""
    for name in sorted(filter(None, names), key=len, reverse=True):
        text = re.sub(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", "…", text)
    return text


def innermost(text: str) -> str:
    """The end of the chain, long enough to be understood; the whole text if it is short."""
    text = _NOISE.sub("", " ".join(text[:8_000].split())).strip()
    field = _FIELD.findall(text)
    if field:
        return _short(field[-1].replace('\\"', '"'))
    if output := _OUTPUT.split(text)[1:]:
        text = next((part.strip() for part in reversed(output) if len(part) >= ENOUGH / 2), text)
    parts = text.split(": ")
    found = parts.pop()
    while parts and (len(found) < LEAST or not _STEP.match(parts[-1].strip()) and (len(found) < ENOUGH or len(parts[-1]) + len(found) < MOST / 2)):
        found = f"{parts.pop()}: {found}"
    return _short(found)


def _short(text: str) -> str:
    text = text.strip(" .:;,")
    return text if len(text) <= MOST else f"{text[:MOST].rsplit(' ', 1)[0]} …"
