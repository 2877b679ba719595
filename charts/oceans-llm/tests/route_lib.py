# SPDX-License-Identifier: GPL-3.0-or-later
"""A release behind a controller of the Gateway API or of Ingresses, and a client that reads a streamed answer through one."""

from __future__ import annotations

import http.client
import json
import os
import time
from typing import Any

#: seconds of a streamed answer; 130 shows that one of two minutes passes
STREAM = int(os.environ.get("OCEANS_LLM_STREAM_SECONDS", "22"))
PROVIDER = {
    "providers": [
        {
            "id": "fake",
            "type": "openai_compat",
            "base_url": "http://provider:8081/v1",
            "pricing_provider_id": "openai",
            "auth": {"kind": "bearer", "token": "env.OPENAI_API_KEY"},
            "timeouts": {"total_ms": 600000},
        }
    ],
    "models": [{"id": "fast", "routes": [{"provider": "fake", "upstream_model": "gpt"}]}],
    "teams": [{"id": "t", "name": "T"}],
    "service_accounts": [{"id": "ci", "team": "t", "budget": {"cadence": "monthly", "amount_usd": "10.0000"}, "keys": [{"id": "main", "value": "env.CI_KEY"}]}],
}
KEY = "gwk_ci.secret"


class Door:
    """A host name at a controller's port, as a client comes to it."""

    def __init__(self, address: str, port: int, host: str) -> None:
        self.address, self.port, self.host = address, port, host
        self.seconds, self.last, self.broken = 0.0, "", ""
        self.pieces: list[float] = []

    def ask(self, path: str, body: dict[str, Any] | None = None) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(self.address, self.port)
        headers = {"Host": self.host, "Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        connection.request("POST" if body else "GET", path, json.dumps(body) if body else None, headers)
        return connection.getresponse()

    def serves(self) -> bool:
        """False also while the controller has not opened its port yet."""
        try:
            return self.ask("/readyz").status == 200
        except (http.client.HTTPException, OSError):
            return False

    def chat(self, **more: Any) -> http.client.HTTPResponse:
        return self.ask("/v1/chat/completions", {"model": "fast", "messages": [{"role": "user", "content": "hello there"}], **more})

    def stream(self) -> None:
        started = time.monotonic()
        answer = self.chat(stream=True, max_tokens=STREAM * 5)
        try:
            for line in answer:
                if line.startswith(b"data:"):
                    self.pieces.append(time.monotonic() - started)
                    self.last = line.decode().strip()
        except (http.client.HTTPException, OSError) as error:
            self.broken = repr(error)
        self.seconds = time.monotonic() - started
