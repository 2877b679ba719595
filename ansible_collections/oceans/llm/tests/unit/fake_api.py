# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small API server for tests of the client: each path answers from a script, one entry a request, the last one for ever."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections import defaultdict
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Answer = Callable[["Handler"], None]


class FakeApi:
    """Use as a context manager; `url` is its address, `seen` the requests as (method, path, query, body).

    With `tls` it speaks HTTPS, and `certificates` are the common names of the clients' certificates, empty for none.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.script: dict[tuple[str, str], list[Answer]] = defaultdict(list)
        self.seen: list[tuple[str, str, dict[str, list[str]], bytes]] = []
        self.headers: list[dict[str, str]] = []
        self.impersonated: list[list[tuple[str, str]]] = []
        self.certificates: list[str] = []
        handler = type("Bound", (Handler,), {"api": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._server.server_port}"
        self.over = threading.Event()
        #: what is done when it ends: answers that would last longer are cut
        self.at_end: list[Callable[[], object]] = []

    def on(self, method: str, path: str, *answers: Answer) -> None:
        self.script[(method, path)].extend(answers)

    def asked(self, path: str) -> int:
        return sum(1 for _method, p, _query, _body in self.seen if p == path)

    def __enter__(self) -> FakeApi:
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def _serve(self) -> None:
        """Waits for each request without looking up in between, as `serve_forever` does."""
        while not self.over.is_set():
            self._server.handle_request()

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for end in self.at_end:
            end()
        socket.create_connection(self._server.server_address).close()  # a last request, which nobody answers
        self._thread.join()
        self._server.server_close()


class Handler(BaseHTTPRequestHandler):
    api: FakeApi
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else the body of an answer waits 40 ms for the client's acknowledgement of the headers

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.api.seen.append((self.command, parts.path, parse_qs(parts.query), body))
        self.api.headers.append(dict(self.headers))
        self.api.impersonated.append([(name, value) for name, value in self.headers.items() if name.startswith("Impersonate-")])
        self.api.certificates.append(common_name(self.connection))
        method = "WATCH" if "watch" in parse_qs(parts.query) else self.command
        answers = self.api.script.get((method, parts.path))
        if not answers:
            status(404, "NotFound", f"{parts.path} not found")(self)
            return
        (answers.pop(0) if len(answers) > 1 else answers[0])(self)

    do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815 - names of http.server

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def send(self, code: int, body: bytes, content_type: str = "application/json") -> None:
        self.send_response(code)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def common_name(connection: Any) -> str:
    """Of the client's certificate; empty when it showed none."""
    shown = connection.getpeercert() if isinstance(connection, ssl.SSLSocket) else None
    return next((value for part in (shown or {}).get("subject", ()) for name, value in part if name == "commonName"), "")


def ok(body: Any, code: int = 200) -> Answer:
    return lambda h: h.send(code, json.dumps(body).encode())


def hang(handler: Handler) -> None:
    """No answer before the test is over."""
    handler.api.over.wait()


def status(code: int, reason: str, message: str) -> Answer:
    return ok({"kind": "Status", "code": code, "reason": reason, "message": message}, code)


def objects(kind: str, version: str, *items: dict[str, Any]) -> Answer:
    return ok({"kind": f"{kind}List", "metadata": {"resourceVersion": version}, "items": list(items)})


def stream(*events: dict[str, Any], cut: bool = False) -> Answer:
    """A watch: each event in a chunk of its own; with `cut` the connection breaks off in the middle of a line."""

    def answer(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.send_header("Connection", "close")  # said before it is done: else the next request may be sent on it
        handler.end_headers()
        for event in events:
            data = json.dumps(event).encode() + b"\n"
            handler.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            handler.wfile.flush()
        if cut:
            handler.wfile.write(b"20\r\n{half")
            handler.wfile.flush()
            handler.connection.close()
        else:
            handler.wfile.write(b"0\r\n\r\n")
        handler.close_connection = True

    return answer


def thing(kind: str, name: str, version: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name, "resourceVersion": version, "uid": f"uid-{name}"}, **more}


def event(kind: str, obj: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "object": obj}
