"""What the gateway answers over HTTP."""

import base64
import contextlib
import hashlib
import hmac
import http.client
import json
import os
import re
import socket
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from . import completions, knobs, passwords, versions
from .refused import Refused, TooLarge
from .store import Store, StoreError

SESSION_SECONDS = 30 * 86400
BODY_LIMIT, BATCH_LIMIT = 2 << 20, 64 << 20
COOKIE = "ogw_session"
HOP_BY_HOP = {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailers", "transfer-encoding", "upgrade"}


class State:
    """What the requests share."""

    def __init__(self, store: Store, loaded: dict, tokens: dict[str, str]):
        self.store = store
        self.providers = completions.providers(loaded, tokens)
        self.session_key = os.environ.get("GATEWAY_IDENTITY_TOKEN_SECRET", "local-dev-identity-secret").encode()
        self.upstream = urlsplit(os.environ.get("ADMIN_UI_UPSTREAM", ""))
        self.admin = os.environ.get("ADMIN_UI_BASE_PATH") or "/admin"
        self.admin_seconds = [_milliseconds("ADMIN_UI_CONNECT_TIMEOUT_MS", 750), _milliseconds("ADMIN_UI_REQUEST_TIMEOUT_MS", 10_000)]
        self.started = time.monotonic()


def _milliseconds(name: str, default: int) -> float:
    text = os.environ.get(name, "")
    return (int(text) if text.isdigit() else default) / 1000


def _unauthenticated(code: str, message: str) -> Refused:
    return Refused(401, code, message, "authentication_error")


class Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 1024

    def __init__(self, address: tuple[str, int], state: State):
        self.state = state
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, Handler)

    def server_bind(self) -> None:
        # Not the base class's: that one looks its own name up, which takes seconds where there is no DNS.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)

    def handle_error(self, request, client_address) -> None:
        """A client that went away is none of our business; anything else is a fault in the stand-in, and is shown."""
        import sys

        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Server

    ROUTES = {
        ("GET", "/healthz"): "healthz",
        ("GET", "/readyz"): "readyz",
        ("GET", "/api/v1/health"): "health",
        ("GET", "/"): "root",
        ("POST", "/api/v1/auth/login/password"): "login",
        ("GET", "/api/v1/auth/session"): "session",
        ("GET", "/v1/models"): "models",
        ("POST", "/v1/chat/completions"): "chat",
        ("POST", "/v1/responses"): "chat",
        ("POST", "/v1/embeddings"): "chat",
        ("POST", "/v1/messages"): "messages",
        ("POST", "/messages"): "messages",
        ("POST", "/mcp"): "mcp",
    }
    BATCHES = {("GET", "/api/v1/batches"): "list_batches", ("POST", "/api/v1/batches"): "make_batch"}

    # --- plumbing ---

    def log_message(self, format: str, *arguments) -> None:
        """Requests are not logged."""

    def version_string(self) -> str:
        return "gateway"

    def _dispatch(self) -> None:
        path = self.path.partition("?")[0]
        method = "GET" if self.command == "HEAD" else self.command
        try:
            routes = self.ROUTES | (self.BATCHES if versions.knows_batches() else {})
            self.body = self._read_body(BATCH_LIMIT if path == "/api/v1/batches" else BODY_LIMIT)
            if path == self.state.admin or path.startswith(self.state.admin + "/"):
                self.proxy()
            elif path.startswith("/mcp/"):
                self.mcp()
            elif (method, path) in routes:
                getattr(self, routes[method, path])()
            elif any(path == known for _, known in routes):
                self._send(405, b"")
            else:
                self._send(404, b"")
        except TooLarge:
            self.close_connection = True
            self._send(413, b"Failed to buffer the request body: length limit exceeded", (("Content-Type", "text/plain; charset=utf-8"),))
        except Refused as refused:
            self._json(refused.status, refused.body)
        except StoreError as error:
            status = 503 if error.unavailable else 500
            self._json(status, Refused(status, "store_error", str(error), "store_error").body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _dispatch  # noqa: N815 - the base class's names

    def _read_body(self, limit: int) -> bytes:
        """Read to its end even over the limit, so that the answer reaches a client that is still sending."""
        kept, total = [], 0
        for part in self._body_parts():
            total += len(part)
            if total <= limit:
                kept.append(part)
        if total > limit:
            raise TooLarge
        return b"".join(kept)

    def _body_parts(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        length = self.headers.get("Content-Length", "0")
        left = int(length) if length.isdigit() else 0
        while left and (part := self.rfile.read(min(left, 1 << 16))):
            left -= len(part)
            yield part

    def _send(self, status: int, body: bytes, headers: tuple[tuple[str, str], ...] = ()) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _json(self, status: int, value: dict, headers: tuple[tuple[str, str], ...] = ()) -> None:
        body = json.dumps(value, separators=(",", ":")).encode()
        self._send(status, body, (("Content-Type", "application/json"), *headers))

    def _request_json(self) -> dict:
        try:
            value = json.loads(self.body)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise Refused(400, "standin_no_object", "the body is not a JSON object")
        return value

    @property
    def state(self) -> State:
        return self.server.state

    # --- health ---

    def healthz(self) -> None:
        self._json(200, {"status": "ok"})

    def readyz(self) -> None:
        if knobs.readiness_refused(time.monotonic() - self.state.started):
            raise StoreError("store unavailable: refused as told by STANDIN_READY_FAIL", unavailable=True)
        try:
            self.state.store.query("SELECT 1")
        except StoreError as error:
            raise StoreError(str(error), unavailable=True) from None
        self._json(200, {"status": "ready"})

    def health(self) -> None:
        self._json(200, {"service": "gateway", "status": "ok", "version": versions.number()})

    # --- admin UI ---

    def root(self) -> None:
        self._send(302, b"", (("Location", self.state.admin),))

    def proxy(self) -> None:
        upstream = self.state.upstream
        if not upstream.hostname:
            self._no_admin_ui()
            return
        connection_class = http.client.HTTPSConnection if upstream.scheme == "https" else http.client.HTTPConnection
        connection = connection_class(upstream.hostname, upstream.port, timeout=self.state.admin_seconds[0])
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP | {"host", "content-length"}}
        try:
            connection.connect()
            connection.sock.settimeout(self.state.admin_seconds[1])
            connection.request(self.command, self.path, self.body or None, headers)
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException):
            self._no_admin_ui()
            return
        finally:
            connection.close()
        kept = tuple((name, value) for name, value in answer.getheaders() if name.lower() not in HOP_BY_HOP | {"content-length", "date", "server"})
        self._send(answer.status, body, kept)

    def _no_admin_ui(self) -> None:
        self._json(503, {"error": {"code": "admin_ui_upstream_unavailable", "message": "Admin UI upstream is unavailable", "type": "ui_unavailable"}})

    # --- login and session ---

    def login(self) -> None:
        wanted = self._request_json()
        email, password = str(wanted.get("email", "")), str(wanted.get("password", ""))
        rows = self.state.store.query("SELECT users.id::text, hash FROM users JOIN user_password_auth ON owner = users.id "
                                      "WHERE email = %s AND status = 'active'", (email.strip().lower(),))
        if not rows or not passwords.matches(password, rows[0][1]):
            raise _unauthenticated("invalid_credentials", "credentials are invalid")
        user = rows[0][0]
        ((session,),) = self.state.store.query("INSERT INTO user_sessions (owner, ends_at) VALUES (%s, now() + %s * interval '1 second') RETURNING id::text",
                                               (user, SESSION_SECONDS))
        cookie = f"{COOKIE}={self._signed(session)}; HttpOnly; SameSite=Lax; Path=/; Max-Age={SESSION_SECONDS}"
        if self.headers.get("X-Forwarded-Proto") == "https":
            cookie += "; Secure"
        self._json(200, {"data": self._user_view(user)}, (("Set-Cookie", cookie),))

    def session(self) -> None:
        session, _, signature = self._cookie().rpartition(".")
        rows = []
        if session and hmac.compare_digest(self._signed(session).encode(), f"{session}.{signature}".encode()):
            rows = self.state.store.query("SELECT owner::text FROM user_sessions WHERE id::text = %s AND ends_at > now()", (session,))
        if not rows:
            raise _unauthenticated("standin_no_session", "nobody is logged in with this cookie")
        self._json(200, {"data": self._user_view(rows[0][0])})

    def _signed(self, session: str) -> str:
        signature = hmac.digest(self.state.session_key, session.encode(), hashlib.sha256)
        return session + "." + base64.urlsafe_b64encode(signature).decode().rstrip("=")

    def _cookie(self) -> str:
        for pair in self.headers.get("Cookie", "").split(";"):
            name, _, value = pair.strip().partition("=")
            if name == COOKIE:
                return value
        return ""

    def _user_view(self, user: str) -> dict:
        """Of what the gateway answers only this much; the rest is for its own pages."""
        ((name, email, role, must_change),) = self.state.store.query("SELECT name, email, role, must_change_password FROM users WHERE id::text = %s",
                                                                     (user,))
        return {"user": {"id": user, "name": name, "email": email, "global_role": role}, "team_id": None, "team_role": None,
                "must_change_password": bool(must_change)}

    # --- models ---

    def _check_key(self) -> None:
        """Any key may use any model."""
        header = self.headers.get("Authorization")
        if header is None and self.headers.get("X-Api-Key") is not None:
            header = f"Bearer {self.headers['X-Api-Key']}"
        if header is None:
            raise _unauthenticated("missing_authorization_header", "authorization header is missing")
        match = re.fullmatch(r"Bearer gwk_([^.]+)\.(.+)", header)
        rows = self.state.store.query("SELECT secret_digest FROM api_keys WHERE public_part = %s", (match[1],)) if match else []
        if not match or not rows or not passwords.same_digest(match[2], rows[0][0]):
            raise _unauthenticated("standin_unknown_key", "this is no key of this gateway")

    def models(self) -> None:
        self._check_key()
        rows = self.state.store.query("SELECT id FROM models ORDER BY id")
        self._json(200, {"object": "list", "data": [{"id": name, "object": "model", "created": 0, "owned_by": "stand-in"} for (name,) in rows]})

    def chat(self) -> None:
        """Chat completions, responses, embeddings: asked for at the provider under the same name."""
        self._check_key()
        wanted = self._request_json()
        answer = completions.asked(self.state, self.path.partition("?")[0].removeprefix("/v1"), wanted)
        model = str(wanted["model"])
        if wanted.get("stream") is True:
            self._stream(model, answer)
            return
        value = answer.json()
        self._record(model, value.get("usage", {}).get("completion_tokens", 0))
        self._json(200, {**value, "model": model})

    def messages(self) -> None:
        self._check_key()
        wanted = self._request_json()
        if wanted.get("stream") is True:
            raise Refused(501, "standin_not_played", "a streamed message is not played")
        answer = completions.asked(self.state, "/chat/completions", completions.as_message(wanted)).json()
        self._record(str(wanted["model"]), answer.get("usage", {}).get("completion_tokens", 0))
        self._json(200, completions.message_of(answer, str(wanted["model"])))

    def mcp(self) -> None:
        self._check_key()
        raise Refused(501, "standin_not_played", "MCP is not played")

    def _record(self, model: str, words: int) -> None:
        self.state.store.query("INSERT INTO answered_requests (model, words_answered) VALUES (%s, %s)", (model, words))

    def _stream(self, model: str, answer: completions.Answer) -> None:
        """The provider's events, one chunk each. A stream that ends without [DONE] was cut, and is left without its last chunk."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        count, last = 0, b""
        with contextlib.closing(answer.events()) as events:
            for last in events:
                count += 1
                self.wfile.write(b"%x\r\n%s\n\n\r\n" % (len(last) + 2, last))
                self.wfile.flush()
        self._record(model, count)
        if last == b"data: [DONE]":
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.close_connection = True

    # --- batches: jobs are taken, and stay at their first step ---

    def list_batches(self) -> None:
        self._check_key()
        rows = self.state.store.query("SELECT id::text, model, status FROM batch_jobs ORDER BY id")
        self._json(200, {"data": [{"id": identity, "model": model, "status": status} for identity, model, status in rows]})

    def make_batch(self) -> None:
        self._check_key()
        model = str(self._request_json().get("model", ""))
        ((identity,),) = self.state.store.query("INSERT INTO batch_jobs (model) VALUES (%s) RETURNING id::text", (model,))
        self._json(200, {"data": {"id": identity, "model": model, "status": "submitting"}})
