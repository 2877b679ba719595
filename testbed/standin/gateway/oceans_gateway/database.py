"""Connections to PostgreSQL: which errors are retried, which end the attempt, and in which words.

Refused, starting and full servers are tried again until the time is over, and then the cause is lost: "pool timed out".
Everything that the server says for certain (wrong password, no such database) and an unknown host fail at once.
"""

import re
import select
import socket
import threading
import time

import psycopg2
from psycopg2 import extensions

from . import knobs, postgres_url
from .errors import Failure

POOL_TIMED_OUT = "pool timed out while waiting for an open connection"

# What a server says that is not (yet) able to take one more connection.
NOT_NOW = ("the database system is ", "sorry, too many clients already", "remaining connection slots are reserved",
           "too many connections for ")


class Unreachable(Exception):
    """Not a verdict on the connection, only on this moment: try again."""


class TimedOut(Exception):
    """The time given to a connection or a statement is over."""


# --- time limits: psycopg2 waits through this callback, so a frozen server cannot hold a thread for ever ---

_limit = threading.local()


def _wait(connection) -> None:
    while True:
        state = connection.poll()
        if state == extensions.POLL_OK:
            return
        deadline = getattr(_limit, "deadline", None)
        remaining = None if deadline is None else deadline - time.monotonic()
        if remaining is not None and remaining <= 0:
            raise TimedOut
        reading = [connection.fileno()] if state == extensions.POLL_READ else []
        writing = [connection.fileno()] if state == extensions.POLL_WRITE else []
        select.select(reading, writing, [], remaining)


extensions.set_wait_callback(_wait)


class until:  # noqa: N801 - reads as a word of the language
    """Within this block, on this thread, waiting for the server ends at the deadline (monotonic seconds)."""

    def __init__(self, deadline: float):
        self.deadline = deadline

    def __enter__(self):
        self.before = getattr(_limit, "deadline", None)
        _limit.deadline = self.deadline

    def __exit__(self, *_):
        _limit.deadline = self.before


# --- connecting ---

def connect(url: str, deadline: float | None = None):
    """An open connection in autocommit mode, or a Failure."""
    parameters = postgres_url.parse(url)
    if deadline is None:
        deadline = time.monotonic() + knobs.connect_seconds()
    pause = 0.01
    while True:
        try:
            return _open(parameters, deadline)
        except (Unreachable, TimedOut):
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise Failure(POOL_TIMED_OUT) from None
            time.sleep(min(pause, remaining))
            pause = min(pause * 2, 1.0)


def _open(parameters: dict[str, str], deadline: float):
    _resolve(parameters["host"])
    try:
        with until(deadline):
            connection = psycopg2.connect(**parameters)
    except psycopg2.OperationalError as error:
        raise _refusal(str(error), parameters["user"]) from None
    connection.autocommit = True
    return connection


def _resolve(host: str) -> None:
    if host.startswith("/"):
        return
    try:
        socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise _communication(f"failed to lookup address information: {error.strerror}") from None


def _refusal(text: str, user: str) -> Exception:
    """What libpq says about a connection that did not come about, as a Failure or as a reason to try again."""
    lines = [line.strip() for line in text.strip().splitlines()]
    said = [line.partition("FATAL:")[2].strip() for line in lines if "FATAL:" in line]
    if said:
        if said[-1].startswith(NOT_NOW):
            return Unreachable()
        return Failure(f"error returned from database: {said[-1]}", said[-1])
    if "no password supplied" in text:
        # libpq does not even try; the gateway sends an empty password and gets the server's answer.
        sentence = f'password authentication failed for user "{user}"'
        return Failure(f"error returned from database: {sentence}", sentence)
    if other := re.search(r"received invalid response to SSL negotiation: (.)", text):
        # Something that is not PostgreSQL answers on this port.
        return Failure(f"encountered unexpected or invalid data: unexpected response from SSLRequest: 0x{ord(other[1]):02x}")
    for passing in ("Connection refused", "Connection reset", "timed out", "timeout expired", "No route to host",
                    "Network is unreachable", "server closed the connection unexpectedly"):
        if passing in text:
            return Unreachable()
    return _communication(lines[-1] if lines else "connection failed")


def _communication(sentence: str) -> Failure:
    return Failure(f"error communicating with database: {sentence}", sentence)


# --- statements ---

def said_by_server(error: psycopg2.Error) -> str | None:
    """The server's own sentence; None when it is the connection that broke."""
    if error.pgcode:
        return error.diag.message_primary
    last_words = re.search(r"terminating connection due to .+", str(error))  # without a code, for the connection is gone with them
    return last_words[0] if last_words else None


def statement_failure(error: Exception) -> Failure:
    """A failed statement as two causes: how it came to us, and the server's words."""
    if isinstance(error, TimedOut):
        return Failure(POOL_TIMED_OUT)
    sentence = said_by_server(error)
    if sentence is None:
        return _communication("stand-in: the connection broke")
    return Failure(f"error returned from database: {sentence}", sentence)


def execute(connection, sql: str, parameters: tuple | None = None) -> list[tuple]:
    """Run one statement (or, without parameters, several); its rows, if it gives any."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else []
    except psycopg2.Error as error:
        raise statement_failure(error) from None
