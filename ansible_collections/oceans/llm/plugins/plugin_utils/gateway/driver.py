# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pg8000 as postgres.py uses it. Nobody else imports this: the package is optional."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterator
from typing import Any, NoReturn

from .database_url import Target
from .postgres import NotAsked, Refusal

try:
    from pg8000.core import CoreConnection
    from pg8000.exceptions import DatabaseError, InterfaceError

    IMPORT_ERROR: ImportError | None = None
except ImportError as error:
    IMPORT_ERROR = error
    CoreConnection = object

    class DatabaseError(Exception):  # type: ignore[no-redef]
        """Nobody raises it."""

    class InterfaceError(Exception):  # type: ignore[no-redef]
        """Nobody raises it."""


NAME = "oceans.llm"  # application_name, for whoever looks at pg_stat_activity
_SENT_PASSWORDS = (3, 5)  # ways to log in (AuthenticationCleartextPassword, AuthenticationMD5Password)


class Connection(CoreConnection):
    """Proves the password, and never sends it."""

    @classmethod
    def log_in(cls, stream: socket.socket, target: Target) -> Connection:
        """No other parameters of the start-up message: a pooler refuses what it does not know. TLS, if any, is on the stream already."""
        with _plain_errors():
            made = cls(target.user, host=target.host, database=target.name, password=target.password, ssl_context=False, application_name=NAME, sock=stream)
        made.pg_types.clear()  # texts, whatever the type
        return made

    def simple(self, sql: str) -> list[list[str | None]]:
        with _plain_errors():
            return self.execute_simple(sql).rows or []

    def leave(self) -> None:
        with contextlib.suppress(OSError, InterfaceError):
            self.close()

    def handle_AUTHENTICATION_REQUEST(self, data: bytes, context: Any) -> None:  # noqa: N802 - pg8000's name
        if struct.unpack_from("!i", data)[0] in _SENT_PASSWORDS:
            raise NotAsked("the server requires the password in clear text or as MD5, and this collection sends neither")
        super().handle_AUTHENTICATION_REQUEST(data, context)


def _broke(reason: OSError) -> NoReturn:
    """A function, because pylint (a sanity test of Ansible) takes `__cause__` for None and refuses to see it raised."""
    raise reason


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    """pg8000's exceptions as those of postgres.py, and as OSError where the connection broke."""
    try:
        yield
    except (Refusal, NotAsked, OSError):
        raise
    except DatabaseError as error:
        told = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
        raise Refusal(told.get("C", ""), told.get("M") or str(error)) from error
    except Exception as error:
        if isinstance(error.__cause__, OSError):
            _broke(error.__cause__)
        if isinstance(error, InterfaceError) and "network error" in str(error):
            raise ConnectionResetError("the server closed the connection") from error
        raise NotAsked(f"the login failed: {' '.join(str(error).split()) or type(error).__name__}") from error
