# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a secret value must look like, whoever holds it: one rule for preflight and for the task that writes Secrets. Pure.

No sentence here ever contains a byte of a value; lengths are told, because they help and give nothing away.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from . import pasted

IDENTITY = "GATEWAY_IDENTITY_TOKEN_SECRET"
#: base64 of exactly 32 bytes, or the gateway does not start
KEYS_32 = ("OCEANS_API_KEY_SECRET_ENCRYPTION_KEY", "OCEANS_MCP_CREDENTIAL_ENCRYPTION_KEY")
ADMIN_PASSWORD = "GATEWAY_BOOTSTRAP_ADMIN_PASSWORD"
DATABASE_URL = "POSTGRES_URL"
#: the value that the gateway uses, silently, when it is given none: anyone can sign sessions with it
BUILT_IN_IDENTITY = "local-dev-identity-secret"
IDENTITY_LENGTH = 32
PASSWORD_LENGTH = 8

_URL = re.compile(
    r"postgres(?:ql)?://(?:[^:@/?#\s]*(?::[^@/?#\s]*)?@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[^][:@/?#<>\\^|\s]*)(?::(?P<port>\d*))?"
    r"(?:/(?P<name>[^/?#\s]*))?(?:\?(?P<query>[^#\s]*))?"
)
#: what the gateway's driver takes (sqlx, PgSslMode); of any other word it makes an error
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
#: copied from a web page or saved by an editor, and never a part of what was meant: control characters, byte order mark, zero width, direction
#: marks, line separators, and blanks that are not the common one
_INVISIBLE = ("Cc", "Cf", "Zl", "Zp", "Zs")
#: names of keys whose values are one line: passwords, tokens, URLs
_ONE_LINE = re.compile(r"(?i)(^|_)(password|passwd|token|secret|api_?key|access_?key|dsn|url|uri)$")
#: what has several lines by nature: PEM, JSON, or any text with a line break inside
_DOCUMENT = re.compile(r"\A\s*(-----BEGIN |[{\[]|\S[^\n]*\n\s*\S)")
FORM = "postgresql://USER:PASSWORD@HOST:5432/DATABASE"
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True)
class Problem:
    """What is wrong with one value, and what to do. `code` is stable and can be waived in preflight."""

    code: str
    sentence: str
    hint: str
    warning: bool = False


def check(key: str, value: bytes, database_keys: Collection[str] = (DATABASE_URL,), referred: Collection[str] = ()) -> list[Problem]:
    """Everything that is wrong with the value of one key; `referred`: keys that the gateway's configuration refers to.

    Nothing is refused of a key that the gateway does not know: PEM and JSON end with a line break by nature, and a switch may be empty.
    """
    return list(_problems(key, value, database_keys, referred))


def _problems(key: str, value: bytes, database_keys: Collection[str], referred: Collection[str]) -> Iterator[Problem]:
    known = key in (*database_keys, *KEYS_32, IDENTITY, ADMIN_PASSWORD)
    one_line = known or key in referred or bool(_ONE_LINE.search(key))
    try:
        text = value.decode()
    except UnicodeDecodeError:
        sentence = f"{key} is not UTF-8 text, so an environment variable cannot contain it"
        yield Problem("SecretNotText", sentence, f"store {key} as UTF-8 text, store binary data in base64, or mount the Secret as a file", warning=not one_line)
        return
    if "\0" in text:
        sentence = f"{key} contains a NUL byte, which an environment variable cannot contain"
        yield Problem("SecretNotText", sentence, f"store {key} without the NUL byte", not one_line)
    elif not text.strip():
        yield Problem("SecretEmpty", f"{key} is empty, and the gateway would use the empty value", f"set {key} to a value, or remove the key", not one_line)
    else:
        not_itself = [Problem("SecretMalformed", *each) for each in pasted.problems(key, text, one_line=one_line, binary=key in (*KEYS_32, IDENTITY))]
        yield from not_itself
        if one_line and all(problem.warning for problem in not_itself):
            yield from _one_line(key, text, database_keys, known)


def _one_line(key: str, text: str, database_keys: Collection[str], known: bool) -> Iterator[Problem]:
    judged = known or not _DOCUMENT.match(text)
    hidden = next((c for c in text if c != " " and unicodedata.category(c) in _INVISIBLE), "")
    if text != text.strip() and judged:
        where = "ends with a line break or space" if text != text.rstrip() else "begins with a line break or space"
        hint = f"write {key} without the line break or space (use printf '%s' instead of echo, or the filter trim)"
        yield Problem("SecretBlank", f"{key} {where}, which becomes part of the value", hint)
    elif hidden and judged:
        sentence = f"{key} contains an invisible character (U+{ord(hidden):04X}), which becomes part of the value"
        yield Problem("SecretBlank", sentence, f"remove the character, or type {key} again")
    elif key in database_keys:
        yield from _url(key, text)
    elif key in KEYS_32:
        yield from _key_32(key, text)
    elif key == IDENTITY and text == BUILT_IN_IDENTITY:
        sentence = f"{key} is the gateway's built-in value, which is publicly known: anybody can sign sessions with it"
        hint = f"remove {key} and list it in oceans_llm_secrets_generate, or set {key} to the output of: openssl rand -base64 48"
        yield Problem("SecretBuiltIn", sentence, hint)
    elif key == IDENTITY and len(text) < IDENTITY_LENGTH:
        sentence = f"{key} has {len(text)} characters, but needs at least {IDENTITY_LENGTH}, because it signs every session"
        yield Problem("SecretTooShort", sentence, f"set {key} to the output of: openssl rand -base64 48")
    elif key == ADMIN_PASSWORD and len(text) < PASSWORD_LENGTH:
        yield Problem("SecretTooShort", f"{key} has {len(text)} characters, but needs at least {PASSWORD_LENGTH}", f"choose a longer value for {key}")


def _key_32(key: str, text: str) -> Iterator[Problem]:
    new, same = "openssl rand -base64 32", f'printf %s "${key}"'
    plain = _unpacked(text)
    sentence, hint = f"{key} is not base64, but has to be the base64 encoding of exactly 32 bytes", f"set {key} to the output of: {new}"
    if plain is None:
        bare = text.translate(_STANDARD).rstrip("=")
        if len(_unpacked(bare + "=" * (-len(bare) % 4)) or b"") == 32:
            sentence = f"{key} is base64 without its padding, or with - and _ for + and /"
            hint = "write the same key with + in place of -, / in place of _, and = at the end"
    elif re.fullmatch(r"[0-9A-Fa-f]{64}", text):
        sentence = f"{key} is hexadecimal; it must be base64 of the same 32 bytes"
        hint = f"convert the key: {same} | xxd -r -p | base64; or set a new key: {new}"
    elif len(plain) == 32:
        return
    elif len(_unpacked(plain.decode("latin-1").strip()) or b"") == 32:
        sentence, hint = f"{key} is in base64 twice", f"decode the key once: {same} | base64 -d"
    elif len(text) == 32:
        sentence, hint = f"{key} has 32 characters; it must be base64 of 32 bytes", f"convert the key: {same} | base64; or set a new key: {new}"
    else:
        sentence = f"{key} is the base64 encoding of {len(plain)} bytes, but has to encode exactly 32"
    yield Problem("SecretNotKey", sentence, hint)


_STANDARD = str.maketrans("-_", "+/")


def _unpacked(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _url(key: str, text: str) -> Iterator[Problem]:
    scheme = re.match(r"[A-Za-z][A-Za-z0-9+.:-]{0,30}://|psql ", text)
    found = _URL.fullmatch(text)
    authority = re.split(r"[/?#]", text.partition("://")[2], maxsplit=1)[0]
    host = authority.rpartition("@")[2]
    if not re.match(r"postgres(ql)?://", text):
        listed = ": it is a list of KEY=VALUE" if re.match(r"(host|user|dbname|port|password)\s*=", text) else ""
        form = f": it begins with {scheme[0].strip()}" if scheme else ": it is JSON" if text.lstrip().startswith("{") else listed
        yield Problem("SecretNotUrl", f"{key} is not a PostgreSQL URL{form}", f"write {FORM}, with user and password percent-encoded")
    elif "," in host and ("@" in authority or "@" not in text):
        sentence = f"{key} names several hosts, but the gateway's driver accepts only one host"
        yield Problem("SecretNotUrl", sentence, "write the address of the Service or proxy in front of the servers")
    elif not found and re.fullmatch(r"[0-9A-Fa-f:]+", host) and host.count(":") > 1:
        yield Problem("SecretNotUrl", f"{key} contains an IPv6 address without brackets, or two ports", "write [ADDRESS]:5432 for the host and its port")
    elif not found and re.search(r"(@|://)[a-z]+:?//", text[8:]):
        yield Problem("SecretNotUrl", f"{key} contains a second scheme (such as https://) in front of the host", f"write {FORM}")
    elif not found or _BAD_PERCENT.search(text):
        sentence = f"{key} is not a well-formed URL: most likely user or password contains one of @ / # ? % unencoded, or host or port is invalid"
        yield Problem("SecretNotUrl", sentence, "percent-encode user and password (filter urlencode, then replace / with %2F)")
    elif found["port"] and not 0 < int(found["port"][:9]) < 65536:
        yield Problem("SecretNotUrl", f"{key} contains an invalid port (valid: 1 to 65535)", f"write {FORM}")
    elif not found["host"] and "host=" not in text:
        yield Problem("SecretNotUrl", f"{key} contains no host", f"write {FORM}")
    else:
        query = parse_qs(found["query"] or "")
        if not found["name"] and "dbname" not in query:
            sentence = f"{key} names no database, so the gateway's driver uses the database with the name of the user"
            yield Problem("SecretNotUrl", sentence, f"write {FORM}", warning=True)
        yield from _parameters(key, query)


def _parameters(key: str, query: Mapping[str, list[str]]) -> Iterator[Problem]:
    """What the driver refuses or passes over in a URL that was written for another program."""
    modes = [value for name in ("sslmode", "ssl-mode") for value in query.get(name, ())]
    if any(mode.lower() not in SSL_MODES for mode in modes):
        yield Problem("SecretNotUrl", f"{key} contains an sslmode that the gateway's driver does not know", f"set sslmode to one of {', '.join(SSL_MODES)}")
    elif "ssl" in query and not modes:
        sentence = f"{key} contains the parameter ssl, which the gateway's driver ignores, so the connection may not be encrypted"
        yield Problem("SecretNotUrl", sentence, "replace the parameter with sslmode=require (or verify-full)", warning=True)
    elsewhere = [name for name in ("schema", "currentSchema", "search_path") if set(query.get(name, ())) - {"public"}]
    if elsewhere:
        sentence = f"{key} contains the parameter {elsewhere[0]}, which the gateway's driver ignores, so the tables are created in the schema public"
        yield Problem("SecretNotUrl", sentence, "remove the parameter, and use a separate database for the gateway", warning=True)
