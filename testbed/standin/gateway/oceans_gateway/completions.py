"""A completion: which provider is asked, how, and what becomes of its answer.

How the gateway tells a provider's failure has not been observed. So the codes here are the stand-in's own, and so is that
a provider's status is passed on as it stands (STANDIN_REFUSAL_STATUS names another one).
"""

import contextlib
import http.client
import json
import socket
import time
from urllib.parse import urlsplit

from . import knobs, log
from .refused import Refused


class Provider:
    """One that has OpenAI's interface: from the file, with its token looked up."""

    def __init__(self, entry: dict, token: str | None):
        self.id = entry["id"]
        self.base_url = urlsplit((entry.get("base_url") or "").rstrip("/"))
        self.headers = {"Content-Type": "application/json", **(entry.get("default_headers") or {})}
        if token is not None:
            self.headers["Authorization"] = f"Bearer {token}"
        self.seconds = (entry.get("timeouts") or {"total_ms": 120_000})["total_ms"] / 1000

    def ask(self, path: str, body: dict) -> "Answer":
        if not self.base_url.hostname:
            raise Refused(501, "standin_not_played", f"provider `{self.id}` has no base_url; other kinds of providers are not played")
        secure = self.base_url.scheme == "https"
        connection = (http.client.HTTPSConnection if secure else http.client.HTTPConnection)(self.base_url.hostname, self.base_url.port, timeout=self.seconds)
        deadline = time.monotonic() + self.seconds
        try:
            connection.connect()
            answer = Answer(self.id, connection, deadline)
            connection.request("POST", self.base_url.path + path, json.dumps(body).encode(), self.headers)
            answer.begin()
        except TimeoutError:
            connection.close()
            raise Refused(504, "standin_provider_timeout", f"provider `{self.id}` did not answer within {self.seconds:g} s") from None
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise Refused(502, "standin_provider_unreachable", f"provider `{self.id}` cannot be reached: {_reason(error)}") from None
        return answer


def _reason(error: Exception) -> str:
    if isinstance(error, socket.gaierror):
        return f"failed to lookup address information: {error.strerror}"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


class Answer:
    """A provider's answer, read within the provider's time."""

    def __init__(self, provider: str, connection: http.client.HTTPConnection, deadline: float):
        self.provider = provider
        self.connection = connection
        self.socket = connection.sock  # the connection forgets it when the answer is the last one
        self.deadline = deadline

    def begin(self) -> None:
        self.response = self.connection.getresponse()
        if self.response.status >= 400:
            with contextlib.closing(self.connection):
                said = self.response.read(10_000).decode("utf-8", "replace")
            with contextlib.suppress(ValueError, TypeError, KeyError):
                said = json.loads(said)["error"]["message"]
            raise Refused(knobs.refusal_status() or self.response.status, "standin_provider_refused",
                          f"provider `{self.provider}` answered {self.response.status}: {said[:300]}")

    def json(self) -> dict:
        with contextlib.closing(self.connection):
            try:
                value = json.loads(self.response.read())
            except TimeoutError:
                raise Refused(504, "standin_provider_timeout", f"provider `{self.provider}` did not answer in time") from None
            except (ValueError, OSError, http.client.HTTPException):
                value = None
        if not isinstance(value, dict):
            raise Refused(502, "standin_provider_answer", f"provider `{self.provider}` did not answer with a JSON object")
        return value

    def events(self):
        """The lines `data: …`, as they come. The end of them may come early."""
        with contextlib.closing(self.connection), contextlib.suppress(OSError, http.client.HTTPException):
            while line := self.response.readline():
                if line.startswith(b"data:"):
                    yield line.strip()
                self.socket.settimeout(max(self.deadline - time.monotonic(), 0.001))


def providers(loaded: dict, tokens: dict[str, str]) -> dict[str, Provider]:
    return {entry["id"]: Provider(entry, tokens.get(entry["id"])) for entry in loaded["providers"]}


def asked(state, path: str, wanted: dict) -> Answer:
    """The first route whose provider can be asked and has no trouble of its own answers."""
    model = str(wanted.get("model", ""))
    rows = state.store.query("SELECT provider, upstream_model FROM models JOIN model_routes ON model = coalesce(alias_of, id) WHERE id = %s ORDER BY place",
                             (model,))
    if not rows:
        raise Refused(404, "standin_no_model", f"no model {model} with a route")
    # Routes come from the database, clients from the file: a config change needs a seed run and a rollout.
    failure = Refused(503, "standin_no_provider", f"the configuration has no provider for model {model}")
    for provider, upstream in rows:
        if provider not in state.providers:
            continue
        try:
            return state.providers[provider].ask(path, {**wanted, "model": upstream})
        except Refused as refused:
            log.warn("gateway", "stand-in: a provider failed", provider=provider, status=refused.status, error=str(refused))
            failure = refused
            if refused.status < 429:
                break
    raise failure


def as_message(wanted: dict) -> dict:
    """A question of the messages interface in the words of the chat interface."""
    system = [{"role": "system", "content": wanted["system"]}] if "system" in wanted else []
    return {"model": wanted.get("model"), "messages": [*system, *(wanted.get("messages") or [])], "max_tokens": wanted.get("max_tokens")}


def message_of(answer: dict, model: str) -> dict:
    text = answer.get("choices", [{}])[0].get("message", {}).get("content", "")
    usage = answer.get("usage", {})
    return {"id": answer.get("id"), "type": "message", "role": "assistant", "model": model, "content": [{"type": "text", "text": text}],
            "stop_reason": "end_turn", "usage": {"input_tokens": usage.get("prompt_tokens", 0), "output_tokens": usage.get("completion_tokens", 0)}}
