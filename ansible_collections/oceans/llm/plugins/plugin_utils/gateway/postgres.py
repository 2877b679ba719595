# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""As much of PostgreSQL's protocol (version 3.0, PostgreSQL documentation, chapter "Frontend/Backend Protocol") as one question needs.

The gateway waits for 30 s and then hides why; a lock it does not mention at all. This asks the server itself, over any
socket: log in, one SELECT, read the answer or the server's refusal with its SQLSTATE. A password is only ever proven
(SCRAM-SHA-256), never sent: a server that wants it in the clear or as MD5 gets none.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import re
import secrets
import socket
import ssl
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote

PROTOCOL, SSL_REQUEST = 196608, 80877103
_URL = re.compile(
    r"^postgres(?:ql)?://(?:(?P<user>[^:@/]*)(?::(?P<password>.*))?@)?"
    r"(?P<host>\[[^\]]+\]|[^:/@?]+)(?::(?P<port>\d+))?(?:/(?P<name>[^?]*))?(?:\?(?P<query>.*))?$",
    re.DOTALL,
)


class Refusal(Exception):
    """The server's own error. `sqlstate` is empty when it is ours: a way of logging in that is not used here."""

    def __init__(self, sqlstate: str, message: str) -> None:
        super().__init__(message)
        self.sqlstate, self.message = sqlstate, message


@dataclass(frozen=True)
class Target:
    """Where the gateway's URL points. The password stays out of every text."""

    host: str
    port: int = 5432
    user: str = ""
    password: str = field(default="", repr=False)
    name: str = ""
    sslmode: str = "prefer"

    @classmethod
    def parse(cls, url: str) -> Target | None:
        """None when this is no URL of a PostgreSQL server."""
        found = _URL.match(url.strip())
        if not found:
            return None
        user = unquote(found["user"] or "")
        query = parse_qs(found["query"] or "")
        return cls(
            unquote(found["host"]).strip("[]"),
            int(found["port"] or 5432),
            user,
            unquote(found["password"] or ""),
            unquote(found["name"] or "") or user,
            (query.get("sslmode") or ["prefer"])[0],
        )


#: what is asked runs in one transaction of its own: a setting of the session would stay behind in a pooled connection (PgBouncer) for its next user
READ_ONLY = "BEGIN READ ONLY; SET LOCAL statement_timeout = '{limit:.0f}ms'; {sql}; COMMIT"


def ask(stream: socket.socket, target: Target, sql: str) -> list[list[str]]:
    """Log in and run one query; rows of texts (NULL is empty).

    :raises Refusal: what the server says.  :raises OSError: what the connection does.
    """
    with contextlib.closing(Session(stream, target)) as session:
        return session.rows(sql)


class Session:
    """A login, for as many queries as are wanted. Any of its methods raises :class:`Refusal` or OSError."""

    def __init__(self, stream: socket.socket, target: Target) -> None:
        self._stream = _encrypted(stream, target)
        parameters = {"user": target.user, "database": target.name, "application_name": "oceans.llm", "client_encoding": "UTF8"}
        _send(self._stream, b"", struct.pack("!i", PROTOCOL) + b"".join(f"{k}\0{v}\0".encode() for k, v in parameters.items()) + b"\0")
        _log_in(self._stream, target)
        self._until_ready()

    def rows(self, sql: str, limit: float = 1.0) -> list[list[str]]:
        """One query in a read-only transaction that the server ends after `limit` seconds; nothing of it stays in the session."""
        try:
            return self._simple(READ_ONLY.format(limit=limit * 1000, sql=sql))
        except Refusal:
            self._until_ready()
            self._simple("ROLLBACK")
            raise

    def _simple(self, sql: str) -> list[list[str]]:
        _send(self._stream, b"Q", sql.encode() + b"\0")
        return self._until_ready()

    def close(self) -> None:
        """Say so, where anybody listens still."""
        with contextlib.suppress(OSError):
            _send(self._stream, b"X", b"")

    def _until_ready(self) -> list[list[str]]:
        rows = []
        for kind, body in _messages(self._stream):
            if kind == b"D":
                rows.append(_row(body))
            elif kind == b"Z":
                break
        return rows


def _encrypted(stream: socket.socket, target: Target) -> socket.socket:
    """TLS where the server has it. The certificate is not checked: nothing secret goes over the line, and the CA is in the pod."""
    if target.sslmode == "disable":
        return stream
    stream.sendall(struct.pack("!ii", 8, SSL_REQUEST))
    if _read(stream, 1) != b"S":
        return stream
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(stream, server_hostname=target.host)


def _log_in(stream: socket.socket, target: Target) -> None:
    scram: Scram | None = None
    for kind, body in _messages(stream):
        if kind != b"R":
            continue
        (step,) = struct.unpack("!i", body[:4])
        if step == 0:
            return
        if step == 10 and b"SCRAM-SHA-256" in body[4:].split(b"\0"):
            scram = Scram(target.password)
            first = scram.first().encode()
            _send(stream, b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", len(first)) + first)
        elif step == 11 and scram:
            _send(stream, b"p", scram.final(body[4:].decode()).encode())
        elif step == 12 and scram:
            scram.verify(body[4:].decode())
        else:
            raise Refusal("", "the server wants the password in the clear or as MD5")
    raise ConnectionResetError("the server ended the conversation")


class Scram:
    """SCRAM-SHA-256 without channel binding (RFC 5802, RFC 7677); the user's name is the one of the start-up message."""

    def __init__(self, password: str, nonce: str = "", user: str = "") -> None:
        self._password, self._nonce, self._user = password.encode(), nonce or secrets.token_urlsafe(18), user
        self._server = b""

    def first(self) -> str:
        return f"n,,n={self._user},r={self._nonce}"

    def final(self, challenge: str) -> str:
        """The proof for the server's challenge."""
        parts = _attributes(challenge)
        if not parts["r"].startswith(self._nonce):
            raise Refusal("", "the server's nonce is not an answer to ours")
        salted = hashlib.pbkdf2_hmac("sha256", self._password, base64.b64decode(parts["s"]), int(parts["i"]))
        key = _hmac(salted, b"Client Key")
        without_proof = f"c=biws,r={parts['r']}"
        message = f"n={self._user},r={self._nonce},{challenge},{without_proof}".encode()
        signature = _hmac(hashlib.sha256(key).digest(), message)
        self._server = _hmac(_hmac(salted, b"Server Key"), message)
        proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
        return f"{without_proof},p={base64.b64encode(proof).decode()}"

    def verify(self, answer: str) -> None:
        """:raises Refusal: when the server does not know the password either."""
        if not hmac.compare_digest(base64.b64decode(_attributes(answer).get("v", "")), self._server):
            raise Refusal("", "the server could not prove that it knows the password")


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.sha256).digest()


def _attributes(text: str) -> dict[str, str]:
    return {part[0]: part[2:] for part in text.split(",") if part[1:2] == "="}


def _send(stream: socket.socket, kind: bytes, body: bytes) -> None:
    stream.sendall(kind + struct.pack("!i", len(body) + 4) + body)


def _messages(stream: socket.socket) -> Iterator[tuple[bytes, bytes]]:
    while True:
        head = _read(stream, 5)
        body = _read(stream, struct.unpack("!i", head[1:])[0] - 4)
        if head[:1] == b"E":
            fields = _error(body)
            raise Refusal(fields.get("C", ""), fields.get("M", "no message"))
        yield head[:1], body


def _error(body: bytes) -> Mapping[str, str]:
    return {part[:1].decode(): part[1:].decode("utf-8", "replace") for part in body.split(b"\0") if part}


def _row(body: bytes) -> list[str]:
    (count,) = struct.unpack("!h", body[:2])
    at, row = 2, []
    for _cell in range(count):
        (length,) = struct.unpack("!i", body[at : at + 4])
        at += 4
        row.append("" if length < 0 else body[at : at + length].decode("utf-8", "replace"))
        at += max(0, length)
    return row


def _read(stream: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = stream.recv(count - len(data))
        if not more:
            raise ConnectionResetError("the server closed the connection")
        data += more
    return data
