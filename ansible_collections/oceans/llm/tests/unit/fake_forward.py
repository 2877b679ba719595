# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod's port behind the API server, for FakeApi: `pods/portforward` as a websocket, one request and one answer."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from typing import Any

from .fake_api import Answer, Handler, hang


def forward(port: int, answers: dict[str, Any] | None = None, error: str = "", silent: bool = False) -> Answer:
    """`answers`: HTTP path -> (status, body); `error`: what the kubelet says instead; `silent`: not a word."""

    def answer(handler: Handler) -> None:
        key = handler.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        handler.send_response(101)
        handler.send_header("Upgrade", "websocket")
        handler.send_header("Connection", "Upgrade")
        handler.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        handler.send_header("Sec-WebSocket-Protocol", "v4.channel.k8s.io")
        handler.end_headers()
        handler.close_connection = True
        for channel in (0, 1):
            _send(handler, bytes((channel,)) + struct.pack("<H", port))
        request = _receive(handler)[1:].decode()
        if silent:
            hang(handler)
        elif error:
            _send(handler, b"\1" + error.encode())
        else:
            status, body = (answers or {}).get(request.split(" ")[1], (404, {}))
            text = json.dumps(body).encode()
            _send(handler, b"\0" + f"HTTP/1.1 {status} X\r\nContent-Length: {len(text)}\r\n\r\n".encode() + text)
            handler.rfile.read(1)  # the client closes it

    return answer


def _send(handler: Handler, data: bytes) -> None:
    length = bytes((len(data),)) if len(data) < 126 else b"\x7e" + struct.pack(">H", len(data))
    handler.wfile.write(b"\x82" + length + data)
    handler.wfile.flush()


def _receive(handler: Handler) -> bytes:
    _opcode, size = handler.rfile.read(2)
    length = size & 0x7F
    if length == 126:
        (length,) = struct.unpack(">H", handler.rfile.read(2))
    mask, data = handler.rfile.read(4), handler.rfile.read(length)
    return bytes(b ^ mask[i % 4] for i, b in enumerate(data))
