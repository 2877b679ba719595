# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A session with a PostgreSQL server over a socket that is there already, for read-only questions and the few writes of runbooks.

The gateway tries for 30 s and then hides why; a lock it does not mention at all. So the server itself is asked; pg8000 speaks the protocol. A password is
only ever proven (SCRAM-SHA-256), never sent, and what `sslmode` in the URL demands is done or nothing is asked.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
from collections.abc import Callable, Iterator

from .database_url import Target

#: one query, in a transaction of its own: a setting of the session would stay in a pooled connection (PgBouncer) for its next user
READ_ONLY = "BEGIN READ ONLY; SET LOCAL statement_timeout = '{limit:.0f}ms'; {sql}; COMMIT"
SSL_REQUEST = struct.pack("!ii", 8, 80877103)


class Refusal(Exception):
    """The server's own error, with its SQLSTATE."""

    def __init__(self, sqlstate: str, message: str) -> None:
        super().__init__(message)
        self.sqlstate, self.message = sqlstate, message


class NotAsked(Exception):
    """A server answers, and for this reason nothing was asked of it."""


class NotPostgres(NotAsked):
    """What answers is no PostgreSQL server."""


class Session:
    """A login, for as many queries as are wanted. Any of its methods raises :class:`Refusal`, :class:`NotAsked` or OSError."""

    def __init__(self, stream: socket.socket, target: Target) -> None:
        stream = encrypted(stream, target)
        from . import driver  # only now: the import of pg8000 takes a tenth of a second

        if driver.IMPORT_ERROR is not None:
            raise NotAsked("the Python package pg8000 is not installed")
        if not target.user:
            raise NotAsked("the database's URL contains no user")
        self._connection = driver.Connection.log_in(stream, target)

    def rows(self, sql: str, limit: float = 1.0) -> list[list[str]]:
        """One query in a read-only transaction that the server ends after `limit` seconds; rows of texts (NULL is empty)."""
        try:
            return self._simple(READ_ONLY.format(limit=limit * 1000, sql=sql))
        except Refusal:
            self._simple("ROLLBACK")
            raise

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Callable[[str], list[list[str]]]]:
        """One transaction that may write, for queries of the block; given up whole when the block raises."""
        self._simple("BEGIN; SET LOCAL statement_timeout = '5s'; SET LOCAL lock_timeout = '5s'")
        try:
            yield self._simple
            self._simple("COMMIT")
        except BaseException:
            with contextlib.suppress(Refusal, NotAsked, OSError):
                self._simple("ROLLBACK")
            raise

    def close(self) -> None:
        """Say so, where anybody listens still."""
        self._connection.leave()

    def _simple(self, sql: str) -> list[list[str]]:
        """By the simple protocol: a prepared statement would stay in a pooled connection."""
        return [["" if cell is None else cell for cell in row] for row in self._connection.simple(sql)]


def encrypted(stream: socket.socket, target: Target) -> socket.socket:
    """The stream with TLS on it, as far as `sslmode` wants it and the server has it (PostgreSQL documentation, libpq, "SSL Support").

    :raises NotAsked: when the server has none although the URL demands it, or its certificate cannot be checked from here.
    """
    if target.sslmode == "disable":
        return stream
    stream.sendall(SSL_REQUEST)
    answer = stream.recv(1)
    if answer == b"":
        raise ConnectionResetError("the server closed the connection")
    if answer == b"E":
        raise NotAsked("the server answers the request for TLS with an error")
    if answer not in (b"S", b"N"):
        raise NotPostgres(f"the program that answers at {target.address} is not PostgreSQL")
    demanded = target.sslmode in ("require", "verify-ca", "verify-full")
    if answer == b"N":
        if demanded:
            raise NotAsked(f"the server does not offer TLS, but sslmode={target.sslmode} requires TLS")
        return stream
    if target.sslmode in ("verify-ca", "verify-full") and target.authority:
        raise NotAsked(f"sslmode={target.sslmode} requires a check with a certificate authority that exists only as a file in the pods ({target.authority})")
    try:
        return _context(target.sslmode).wrap_socket(stream, server_hostname=target.host)
    except ssl.SSLCertVerificationError as error:
        raise NotAsked(f"sslmode={target.sslmode} requires a check of the server's certificate, which fails on this machine: {error.verify_message}") from error
    except ssl.SSLError as error:
        raise NotAsked(f"the TLS handshake fails: {error.reason or error}") from error


def _context(sslmode: str) -> ssl.SSLContext:
    """Checked where the URL demands it; else it is enough that nobody listens: a password is never sent."""
    context = ssl.create_default_context()
    context.check_hostname = sslmode == "verify-full"
    context.verify_mode = ssl.CERT_REQUIRED if sslmode in ("verify-ca", "verify-full") else ssl.CERT_NONE
    return context
