# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The little PostgreSQL client, against a server that is played from the protocol's documentation."""

from __future__ import annotations

import base64
import hashlib
import hmac
import socket
import struct
import threading

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.gateway.postgres import Refusal, Scram, Target, ask

WHERE = Target("pg", 5432, "me", "pencil", "db", "disable")


def test_scram_as_in_rfc_7677():
    scram = Scram("pencil", "rOprNGfwEbeRWgbNEkqO", "user")
    assert scram.first() == "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    challenge = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    assert scram.final(challenge) == "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    scram.verify("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
    with pytest.raises(Refusal, match="prove"):
        scram.verify("v=AAAA")
    with pytest.raises(Refusal, match="nonce"):
        Scram("pencil", "mine").final("r=other,s=AAAA,i=1")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgres://u:p%40ss@db.ns:5433/x", Target("db.ns", 5433, "u", "p@ss", "x")),
        ("postgresql://u@db?sslmode=require\n", Target("db", 5432, "u", "", "u", "require")),
        ("postgres://u:p@ss/w#rd@db.example.com/x", Target("db.example.com", 5432, "u", "p@ss/w#rd", "x")),
        ("postgres://[::1]:5432/x", Target("::1", 5432, "", "", "x")),
        ("sqlite://x", None),
    ],
)
def test_a_url_is_taken_apart(url, expected):
    assert Target.parse(url) == expected
    assert "p@ss" not in repr(Target.parse(url)), "the password stays out of every text"


class Server(threading.Thread):
    """One conversation: start-up, SCRAM, one query."""

    def __init__(self, password="pencil", refuse=b"", login=10, rows=()):
        super().__init__(daemon=True)
        self.near, self.far = socket.socketpair()
        self.password, self.refuse, self.login, self.rows, self.asked, self.started = password, refuse, login, rows, [], b""
        self.near.settimeout(5)
        self.start()

    def send(self, kind, body):
        self.far.sendall(kind + struct.pack("!i", len(body) + 4) + body)

    def read(self):
        head = self.far.recv(5, socket.MSG_WAITALL)
        return self.far.recv(struct.unpack("!i", head[1:])[0] - 4, socket.MSG_WAITALL)

    def run(self):
        length = struct.unpack("!i", self.far.recv(4, socket.MSG_WAITALL))[0]
        self.started = self.far.recv(length - 4, socket.MSG_WAITALL)
        if self.refuse:
            self.send(b"E", self.refuse)
            self.far.close()
            return
        self.send(b"R", struct.pack("!i", self.login) + b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0")
        if self.login != 10:
            return
        nonce = self.read().split(b"r=")[1].decode() + "server"
        first = f"r={nonce},s={base64.b64encode(b'salt').decode()},i=64"
        self.send(b"R", struct.pack("!i", 11) + first.encode())
        final = self.read().decode()
        salted = hashlib.pbkdf2_hmac("sha256", self.password.encode(), b"salt", 64)
        message = f"n=,r={nonce.removesuffix('server')},{first},c=biws,r={nonce}".encode()
        key = hmac.new(salted, b"Client Key", "sha256").digest()
        signature = hmac.new(hashlib.sha256(key).digest(), message, "sha256").digest()
        proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, signature, strict=True))).decode()
        if not final.endswith(f"p={proof}"):
            self.send(b"E", b"SFATAL\0C28P01\0Mpassword authentication failed\0\0")
            return
        verifier = base64.b64encode(hmac.new(hmac.new(salted, b"Server Key", "sha256").digest(), message, "sha256").digest())
        self.send(b"R", struct.pack("!i", 12) + b"v=" + verifier)
        self.send(b"R", struct.pack("!i", 0))
        self.send(b"S", b"server_version\00015.5\0")
        self.send(b"Z", b"I")
        self.asked.append(self.read())
        for row in self.rows:
            cells = b"".join(struct.pack("!i", -1) if c is None else struct.pack("!i", len(c)) + c for c in row)
            self.send(b"D", struct.pack("!h", len(row)) + cells)
        self.send(b"C", b"SELECT\0")
        self.send(b"Z", b"I")


def test_one_question_and_its_rows():
    server = Server(rows=[(b"42", "häh".encode(), None), (b"43", b"", b"r")])
    assert ask(server.near, WHERE, "SELECT 1") == [["42", "häh", ""], ["43", "", "r"]]
    assert server.asked == [b"BEGIN READ ONLY; SET LOCAL statement_timeout = '1000ms'; SELECT 1; COMMIT\0"] and b"user\0me\0database\0db\0" in server.started
    assert b"pencil" not in server.started


def test_what_the_server_says_at_the_door():
    with pytest.raises(Refusal, match="too many") as refusal:
        ask(Server(refuse=b"SFATAL\0C53300\0Mtoo many connections for role\0\0").near, WHERE, "SELECT 1")
    assert refusal.value.sqlstate == "53300"
    with pytest.raises(Refusal) as refusal:
        ask(Server(password="other").near, WHERE, "SELECT 1")
    assert refusal.value.sqlstate == "28P01"


@pytest.mark.parametrize("login", [3, 5])  # in the clear, MD5
def test_a_password_is_never_sent(login):
    with pytest.raises(Refusal, match="in the clear") as refusal:
        ask(Server(login=login).near, WHERE, "SELECT 1")
    assert refusal.value.sqlstate == ""


def test_a_server_that_hangs_up_is_an_error_of_the_connection():
    near, far = socket.socketpair()
    far.close()
    with pytest.raises(OSError):
        ask(near, WHERE, "SELECT 1")
