# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that are not the secret itself: encrypted, a template, a reference, in quotation marks, in base64, with a name in front, or a placeholder. Pure.

Kubernetes and the gateway take each of them as it stands, and the provider or the database refuses it after the rollout.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator

from . import patterns

#: how an encrypted text begins -> what made it, and how it is read
_ENCRYPTED = (
    (re.compile(r"\A\s*\$ANSIBLE_VAULT;\d"), "Ansible Vault", "write {key}: !vault | in front of the text, or decrypt the file that it comes from"),
    (re.compile(r"\A\s*ENC\[AES256_GCM,"), "SOPS", "read the file with community.sops (lookup or vars plugin), or decrypt the file: sops -d FILE"),
    (re.compile(r"\A\s*(-----BEGIN (PGP MESSAGE|AGE ENCRYPTED FILE)-----|age-encryption\.org/)"), "PGP or age", "decrypt the value before Ansible reads it"),
)
_TEMPLATE = re.compile(r"\{\{[^{}\n]*\}\}|\{%[^{}\n]*%\}|[$#]\{\w+\}|\$\([^()\n]+\)|\A(?:\$[A-Z][A-Z0-9_]*|%[A-Z][A-Z0-9_]*%|__[A-Z][A-Z0-9_]*__)\Z")
#: the address of a secret, of a password manager, of a cloud or of a file
_REFERENCE = re.compile(
    r"(op|vault|ref\+\w+|awssm|gcpsm|azkv|secretref|file)://\S+|vault:[\w./-]+#\S+|arn:aws[\w-]*:(secretsmanager|ssm):\S+|@Microsoft\.KeyVault\(.*\)"
    r"|projects/[\w-]+/secrets/\S+|/(run|var/run|etc|mnt|vault)/[\w./-]+|https://[\w-]+\.vault\.(azure|usgovcloudapi)\.\w+/secrets/\S+"
    r"|ssm:/\S+|env\.[A-Za-z]\w*"
)
_URL_PLACEHOLDER = re.compile(r"://[^\s:@/]*:(\[[A-Za-z][\w -]*\]|<[^<>@]*>)@")
_QUOTES = ('""', "''", "``", "\u201c\u201d", "\u2018\u2019")
_SCHEME = re.compile(r"(?i)(authorization:|bearer\s|basic\s)")
_PLACEHOLDER = re.compile(
    r"(?i)<[^<>]*>|(?:change|replace)[-_ ]?(?:me|this|it)!?|to-?do|tbd|placeholder|null|none|nil|undefined|x{3,12}|\*{3,}|\.{3,}|\u2026"
    r"|(?:my|your)[-_ ][-\w ]*(?:key|token|secret|password|here)"
)
#: keys whose values are sent as HTTP headers
_HEADER = re.compile(r"(?i)(^|_)(token|api_?key|access_?key)$")


def problems(key: str, text: str, *, one_line: bool, binary: bool) -> Iterator[tuple[str, str, bool]]:
    """(sentence, hint, True for a warning); no sentence holds a part of the value. `binary`: base64 is what the key has to be."""
    yield from ((f"{key} is a text of {program} that was not decrypted", how.format(key=key), False) for form, program, how in _ENCRYPTED if form.match(text))
    yield from _document(key, text)
    if not one_line:
        return
    if _REFERENCE.fullmatch(text.strip()):
        hint = "set the key to the secret itself (with a lookup of Ansible), or set oceans_llm_secrets_source: external_secrets"
        yield f"{key} is the address of a secret, not the secret itself, and the gateway does not read it from there", hint, True
    if text.endswith("\\n"):
        yield f"{key} ends with the two characters \\ and n, which are no line break", "remove them", False
    if _URL_PLACEHOLDER.search(text):
        yield f"{key} contains a placeholder in place of the password", "write the password, percent-encoded", False
    if _HEADER.search(key) and not _SCHEME.match(text) and re.fullmatch(r"[\w.~+/-]+([ ,;]+[\w.~+/-]+)+", text):
        yield f"{key} contains a {'space' if ' ' in text else 'comma or semicolon'}, which no API key has", f"copy {key} again from its source", True
    if _TEMPLATE.search(text):
        hint = "set the key to the secret itself, because nothing renders a template in a Secret"
        yield f"{key} contains a template that was not rendered ({{{{ … }}}}, ${{…}}, $(…), $NAME, #{{…}}, %NAME%, __NAME__)", hint, False
    if len(text) > 2 and text[0] + text[-1] in _QUOTES:
        hint = f"write {key} without the quotation marks (they are often copied from a .env file)"
        yield f"{key} begins and ends with quotation marks, which become part of the value", hint, False
    if re.match(rf"(export\s+)?{re.escape(key)}\s*=", text):
        yield f"{key} begins with its own name and =, which become part of the value", "set the key to the text after the =", False
    if _SCHEME.match(text):
        what = f"{key} begins with the scheme of an HTTP header (Bearer, Basic), which the gateway writes itself"
        yield what, "set the key to the text after the scheme", True
    packed = "" if binary else _decoded(text)
    if packed:
        hint = "decode the value (base64 -d, or the filter b64decode), because oceans_llm_secrets takes plain text"
        yield f"{key} is base64: decoded, it {packed}", hint, False
    if _PLACEHOLDER.fullmatch(text):
        yield f"{key} is a placeholder", "set the key to the secret itself", True
    strange = next((c for c in text if c.isalnum() and not c.isascii()), "")
    if strange and _HEADER.search(key):
        yield f"{key} contains the character U+{ord(strange):04X}, which is not allowed in an HTTP header", f"copy {key} again from its source", True


def _document(key: str, text: str) -> Iterator[tuple[str, str, bool]]:
    """PEM and JSON that no program can read."""
    if re.match(r"\s*-----BEGIN (?!PGP|AGE).*-----END", text):
        hint = f"write the value as a block ({key}: |), with a line break after -----BEGIN …----- and before -----END …-----"
        yield f"{key} is PEM without line breaks", hint, True
    if re.match(r"\ufeff?\s*\{", text) and re.search(r"(?i)json|credential|service_?account", key):
        try:
            json.loads(text)
        except ValueError as error:
            where = getattr(error, "pos", 0)
            hint = "copy the file as it is: {{ lookup('file', 'FILE') }}; a map of Ansible needs the filter to_json"
            yield f"{key} begins like JSON, but is no valid JSON (at character {where + 1})", hint, True


def _decoded(text: str) -> str:
    """What the text is after base64, as the end of a sentence; empty when it is nothing that a user would have encoded."""
    try:
        plain = base64.b64decode(text, validate=True).decode().strip()
    except (binascii.Error, ValueError):
        return ""
    if re.match(r"postgres(ql)?://", plain):
        return "is a PostgreSQL URL"
    return next((shape.phrase for shape in patterns.TOKENS if shape.pattern.match(plain)), "")
