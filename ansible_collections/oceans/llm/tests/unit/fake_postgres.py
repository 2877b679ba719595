# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A PostgreSQL server as its protocol's documentation has it (version 3.0): a login, and answers to queries by a part of their text."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import socket
import ssl
import struct
import threading
from collections.abc import Sequence

CLEAR, MD5, SASL = 3, 5, 10  # ways to log in
SALT = b"sixteen bytes of"


class Error(Exception):
    """The server's own error, as an answer."""

    def __init__(self, sqlstate: str, message: str) -> None:
        self.body = f"SERROR\0C{sqlstate}\0M{message}\0\0".encode()


class FakePostgres:
    """Use as a context manager; `port` is where it listens. `answers`: part of a query -> rows, an Error, or None to hang up; a list of lists of
    rows is used up one by one, the last one for ever. `seen` are the queries, `sent` what clients sent instead of a proof of the password."""

    def __init__(self, answers=None, password="pencil", login=SASL, refuse=None, tls: ssl.SSLContext | None = None) -> None:
        self.answers, self.password, self.login, self.refuse, self.tls = dict(answers or {}), password, login, refuse, tls
        self.seen: list[str] = []
        self.sent: list[bytes] = []
        self.started: list[bytes] = []
        self.ended = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]

    def __enter__(self) -> FakePostgres:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _address = self._listener.accept()
                threading.Thread(target=self._guarded, args=(client,), daemon=True).start()

    def _guarded(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError, struct.error, ssl.SSLError):
            Conversation(self, client).run()
        self.ended += 1


class Conversation:
    def __init__(self, server: FakePostgres, stream: socket.socket) -> None:
        self.server, self.stream = server, stream

    def run(self) -> None:
        start = self.start()
        if start == struct.pack("!i", 80877103):
            self.stream.sendall(b"S" if self.server.tls else b"N")
            if self.server.tls:
                self.stream = self.server.tls.wrap_socket(self.stream, server_side=True)
            start = self.start()
        self.server.started.append(start)
        if self.server.refuse:
            self.send(b"E", self.server.refuse.body)
            return
        if not self.log_in():
            return
        self.send(b"R", struct.pack("!i", 0))
        self.send(b"S", b"server_version\00015.5\0")
        self.send(b"Z", b"I")
        while (message := self.read())[0] == b"Q":
            self.query(message[1].rstrip(b"\0").decode())

    def log_in(self) -> bool:
        login = self.server.login
        if login == 0:
            return True
        self.send(b"R", struct.pack("!i", login) + (b"SCRAM-SHA-256\0\0" if login == SASL else b"salt" if login == MD5 else b""))
        if login != SASL:
            self.server.sent.append(self.read()[1])
            return False
        header, bare = self.read()[1].split(b"\0", 1)[1][4:].decode().split(",,", 1)  # "n,,": no channel binding; "y,,": the server has none
        nonce = bare.split("r=")[1] + "server"
        first = f"r={nonce},s={base64.b64encode(SALT).decode()},i=4096"
        self.send(b"R", struct.pack("!i", 11) + first.encode())
        final = self.read()[1].decode()
        salted = hashlib.pbkdf2_hmac("sha256", self.server.password.encode(), SALT, 4096)
        message = f"{bare},{first},c={base64.b64encode(f'{header},,'.encode()).decode()},r={nonce}".encode()
        key = hmac.new(salted, b"Client Key", "sha256").digest()
        signature = hmac.new(hashlib.sha256(key).digest(), message, "sha256").digest()
        proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, signature, strict=True))).decode()
        if not final.endswith(f"p={proof}"):
            self.send(b"E", Error("28P01", 'password authentication failed for user "u"').body)
            return False
        verifier = base64.b64encode(hmac.new(hmac.new(salted, b"Server Key", "sha256").digest(), message, "sha256").digest())
        self.send(b"R", struct.pack("!i", 12) + b"v=" + verifier)
        return True

    def query(self, sql: str) -> None:
        self.server.seen.append(sql)
        answer: object = []
        for part, known in self.server.answers.items():
            if part in sql:
                answer = known
                if isinstance(known, list) and known and isinstance(known[0], list):  # several answers
                    answer = known.pop(0) if len(known) > 1 else known[0]
        if answer is None:
            raise OSError("hang up")
        if isinstance(answer, Error):
            self.send(b"E", answer.body)
            self.send(b"Z", b"E")
            return
        self.rows(answer)
        self.send(b"Z", b"I")

    def rows(self, rows: Sequence[Sequence[str | None]]) -> None:
        if rows:
            column = b"c\0" + struct.pack("!ihihih", 0, 0, 25, -1, -1, 0)
            self.send(b"T", struct.pack("!h", len(rows[0])) + column * len(rows[0]))
        for row in rows:
            cells = b"".join(struct.pack("!i", -1) if c is None else struct.pack("!i", len(c.encode())) + c.encode() for c in row)
            self.send(b"D", struct.pack("!h", len(row)) + cells)
        self.send(b"C", b"SELECT\0")

    def start(self) -> bytes:
        return self.exactly(struct.unpack("!i", self.exactly(4))[0] - 4)

    def read(self) -> tuple[bytes, bytes]:
        head = self.exactly(5)
        return head[:1], self.exactly(struct.unpack("!i", head[1:])[0] - 4)

    def exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self.stream.recv(count - len(data))
            if not more:
                raise OSError("the client is gone")
            data += more
        return data

    def send(self, kind: bytes, body: bytes) -> None:
        self.stream.sendall(kind + struct.pack("!i", len(body) + 4) + body)
