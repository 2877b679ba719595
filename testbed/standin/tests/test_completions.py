# SPDX-License-Identifier: GPL-3.0-or-later
"""Completions through the gateway: from a fake provider, with every way in which a provider fails."""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import completion_verdict, probe_job
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.model import Scope, Snapshot
from testbed.standin.tests.support import STANDIN, Database, Gateway, Serving, free_port, wait_until
from testbed.standin.tests.test_objects import SECRETS, SEED
from testbed.standin.tests.test_serve import BEARER, OFF, PLAIN

ASK = {"model": "fast", "messages": [{"role": "user", "content": "hello there"}]}
STREAM = {**ASK, "stream": True}
KEY = SECRETS["OPENAI_API_KEY"]


class Provider:
    def __init__(self, **knobs: str) -> None:
        self.port = free_port()
        environment = {"STANDIN_PROVIDER_PORT": str(self.port), **{f"STANDIN_PROVIDER_{name.upper()}": value for name, value in knobs.items()}}
        self.process = subprocess.Popen([sys.executable, "-B", str(STANDIN / "gateway" / "fake-provider")], env=environment, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        wait_until(self._listens, 10, "the provider's port")

    def _listens(self) -> bool:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        return False

    def lines(self) -> list[str]:
        self.process.send_signal(signal.SIGTERM)
        out, err = self.process.communicate(timeout=5)
        assert (self.process.returncode, err) == (0, "")
        return out.splitlines()


@contextlib.contextmanager
def provider(**knobs: str) -> Iterator[Provider]:
    started = Provider(**knobs)
    try:
        yield started
    finally:
        started.process.kill()
        started.process.communicate()


@contextlib.contextmanager
def serving(gateway: Gateway, port: int, more: str = "", **environment: str) -> Iterator[Serving]:
    """The gateway with its one provider at this port."""
    gateway.config(SEED.replace("https://api.example/v1, ", f"'http://127.0.0.1:{port}/v1', {more}"))
    assert gateway("seed-config", **SECRETS).code == 0
    with gateway.serving(**OFF, **SECRETS, **environment) as started:
        yield started


def chat(gateway: Serving, body: dict = ASK, **headers: str):
    return gateway("/v1/chat/completions", body, **(headers or BEARER))


# --- what works ---

def test_chat(ready: Gateway, migrated: Database) -> None:
    with provider(key=KEY) as upstream, serving(ready, upstream.port) as gateway:
        answer = chat(gateway)
        assert (answer.status, answer.json["model"]) == (200, "fast")
        assert answer.json["choices"][0]["message"]["content"] == "You said: hello there "
        assert chat(gateway, {**ASK, "model": "alias"}).json["model"] == "alias"
        assert chat(gateway, ASK, x_api_key="gwk_ci.secret").status == 200
        assert chat(gateway, ASK, x_api_key="gwk_ci.wrong").status == 401
        assert gateway("/v1/chat/completions", ASK).status == 401
        assert chat(gateway, {**ASK, "model": "none"}).status == 404
        assert migrated.run("SELECT model, words_answered FROM answered_requests ORDER BY id") == [("fast", 4), ("alias", 4), ("fast", 4)]
        lines = upstream.lines()
    assert len(lines) == 3
    assert lines[0].startswith("request=1 path=/v1/chat/completions model=gpt stream=false key=accepted-1 status=200 tokens=4 end=done seconds=")
    assert KEY not in "".join(lines)


def test_the_other_doors(ready: Gateway) -> None:
    with provider(key=KEY) as upstream, serving(ready, upstream.port) as gateway:
        message = gateway("/v1/messages", {**ASK, "max_tokens": 3}, **BEARER)
        assert (message.json["type"], message.json["content"]) == ("message", [{"type": "text", "text": "You said: hello "}])
        for path in ("/messages", "/v1/responses", "/v1/embeddings"):
            assert gateway(path, ASK, **BEARER).status == 200
            assert gateway(path, ASK).status == 401
        for path in ("/mcp", "/mcp/files"):
            assert (gateway(path, {}).status, gateway(path, {}, **BEARER).code) == (401, "standin_not_played")


def test_stream(ready: Gateway) -> None:
    """The events come one by one, as the provider sends them."""
    with provider(key=KEY, tokens="8", rate="10", delay="0.2") as upstream, serving(ready, upstream.port) as gateway:
        start = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
        connection.request("POST", "/v1/chat/completions", json.dumps(STREAM), BEARER)
        answer = connection.getresponse()
        assert (answer.status, answer.headers["Content-Type"], answer.headers["Transfer-Encoding"]) == (200, "text/event-stream", "chunked")
        events, times = [], []
        while line := answer.readline():
            if line.strip():
                events.append(line.decode().strip().removeprefix("data: "))
                times.append(time.monotonic() - start)
        assert events[-1] == "[DONE]"
        assert [json.loads(event)["choices"][0]["delta"].get("content") for event in events[:-1]][:4] == ["You ", "said: ", "hello ", "there "]
        assert times[0] < times[-1] - 0.5 and times[-1] > 0.8
        connection.request("GET", "/healthz")
        assert connection.getresponse().status == 200  # the connection is kept


def test_a_stream_in_one_piece(ready: Gateway) -> None:
    with provider(buffer="yes", tokens="5", rate="10") as upstream, serving(ready, upstream.port) as gateway:
        connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
        start = time.monotonic()
        connection.request("POST", "/v1/chat/completions", json.dumps(STREAM), BEARER)
        answer = connection.getresponse()
        assert time.monotonic() - start >= 0.4  # nothing came before all of it
        assert answer.read().endswith(b"data: [DONE]\n\n")


# --- what fails at the provider ---

def test_a_key_that_the_provider_refuses(ready: Gateway) -> None:
    with provider(key="other,another") as upstream, serving(ready, upstream.port) as gateway:
        for body in (ASK, STREAM):
            refused = chat(gateway, body)
            assert (refused.status, refused.code) == (401, "standin_provider_refused")
            assert refused.json["error"]["message"] == "provider `openai` answered 401: Incorrect API key provided"
        assert " key=refused status=401 " in upstream.lines()[0]


@pytest.mark.parametrize("status", ["400", "404", "429", "500", "502", "503"])
def test_a_providers_status(ready: Gateway, status: str) -> None:
    with provider(status=status, status_times="1") as upstream, serving(ready, upstream.port) as gateway:
        assert (chat(gateway).status, chat(gateway).status) == (int(status), 200)


def test_a_refusal_may_come_back_with_another_status(ready: Gateway) -> None:
    with provider(status="401") as upstream, serving(ready, upstream.port, STANDIN_REFUSAL_STATUS="502") as gateway:
        assert chat(gateway).status == 502


def test_a_base_url_that_is_wrong(ready: Gateway) -> None:
    with provider() as upstream:
        ready.config(SEED.replace("https://api.example/v1", f"'http://127.0.0.1:{upstream.port}/v1/chat/completions/x'"))
        ready("seed-config", **SECRETS)
        with ready.serving(**OFF, **SECRETS) as gateway:
            assert chat(gateway).status == 200  # any prefix is answered
        ready.config(SEED.replace("https://api.example/v1", "http://nowhere.invalid/v1"))
        with ready.serving(**OFF, **SECRETS) as gateway:
            lost = chat(gateway)
    assert (lost.status, lost.code) == (502, "standin_provider_unreachable")
    assert "provider `openai` cannot be reached: failed to lookup address information: " in lost.json["error"]["message"]


def test_a_refused_connection(ready: Gateway) -> None:
    with serving(ready, free_port()) as gateway:
        refused = chat(gateway)
        assert (refused.status, refused.code) == (502, "standin_provider_unreachable")
        assert refused.json["error"]["message"] == "provider `openai` cannot be reached: Connection refused"
        gateway.process.kill()
        out, _ = gateway.process.communicate()
    assert '"message":"stand-in: a provider failed"' in out and KEY not in out


def test_a_provider_that_takes_too_long(ready: Gateway) -> None:
    with provider(delay="5") as upstream, serving(ready, upstream.port, "timeouts: {total_ms: 500}, ") as gateway:
        start = time.monotonic()
        assert (chat(gateway).status, time.monotonic() - start < 3) == (504, True)


def test_a_stream_that_takes_too_long_or_is_cut_by_the_provider(ready: Gateway) -> None:
    for knobs, more, end in (({"tokens": "50", "rate": "10"}, "timeouts: {total_ms: 500}, ", "left"), ({"cut": "2"}, "", "cut")):
        with provider(**knobs) as upstream, serving(ready, upstream.port, more) as gateway:
            with pytest.raises(http.client.IncompleteRead) as cut:
                chat(gateway, STREAM)
            assert f" end={end} " in wait_until(upstream.process.stdout.readline, 5, "the provider's line")
        assert cut.value.partial.count(b"data: ") >= 2 and b"[DONE]" not in cut.value.partial


def test_the_next_route_is_asked(ready: Gateway) -> None:
    with provider() as upstream:
        second = f"  - {{id: spare, type: openai_compat, base_url: 'http://127.0.0.1:{upstream.port}'}}\nmodels:\n"
        ready.config(SEED.replace("https://api.example/v1", f"'http://127.0.0.1:{free_port()}'").replace("models:\n", second)
                     .replace("upstream_model: gpt}", "upstream_model: gpt}, {provider: spare, upstream_model: own}"))
        ready("seed-config", **SECRETS)
        with ready.serving(**OFF, **SECRETS) as gateway:
            assert chat(gateway).status == 200
        assert " model=own " in upstream.lines()[0]


def test_a_provider_that_left_the_file_has_no_client(ready: Gateway) -> None:
    """Routes come from the database, clients from the file."""
    ready.config(SEED)("seed-config", **SECRETS)
    with ready.config(PLAIN).serving(**OFF) as gateway:
        assert chat(gateway).status == 503


# --- as a deployment asks: the script of its pod, and what it makes of the answer ---

def verdict(gateway: Serving, port: int, model: str = "fast", key: str = SECRETS["CI_KEY"]) -> completion_verdict.Found:
    command = ["perl", "-e", probe_job.script("completion"), "127.0.0.1", str(gateway.port), model, "", f"openai|http|127.0.0.1|{port}", "20"]
    done = subprocess.run(command, env={"OCEANS_LLM_PROBE_KEY": key}, capture_output=True, text=True, timeout=90, check=True)
    assert done.stderr == "" and key not in done.stdout
    provider = {"id": "openai", "base_url": f"http://127.0.0.1:{port}/v1", "auth": {"token": "env.OPENAI_API_KEY"}}
    asked = completion_verdict.Asked(model, "s", "k", "gw", "gw", {}, [provider])
    return completion_verdict.judge(json.loads(done.stdout), asked, Snapshot(time.time(), time.time(), {}, Scope((), (), "ns", "rel")))


SLOW = "timeouts: {total_ms: 500}, "


@pytest.mark.skipif(not shutil.which("perl"), reason="no perl on this machine")
@pytest.mark.parametrize(("knobs", "more", "environment", "code", "words"), [
    ({"key": KEY, "rate": "200"}, "", {}, "", "answered a plain completion"),
    ({"key": "another"}, "", {}, "ProviderKeyRefused", "env.OPENAI_API_KEY"),
    ({"key": "another"}, "", {"STANDIN_REFUSAL_STATUS": "502"}, "ProviderKeyRefused", "the provider answers 401"),
    ({"status": "404"}, "", {}, "ProviderAddressWrong", "the provider answers 404"),
    ({"status": "429"}, "", {}, "ProviderFails", "the provider answers 429"),
    ({"status": "503", "status_times": "2", "rate": "200"}, "", {}, "", "answered a plain completion"),
    ({"delay": "5"}, SLOW, {}, "ProviderFails", "in time"),
    ({"buffer": "yes", "rate": "200"}, "", {}, "StreamBuffered", "in one piece"),
    ({"cut": "5"}, "", {}, "StreamBroken", "after 5 events"),
])
def test_a_deployment_names_what_is_wrong(ready: Gateway, knobs: dict, more: str, environment: dict, code: str, words: str) -> None:
    with provider(**knobs) as upstream, serving(ready, upstream.port, more, **environment) as gateway:
        found = verdict(gateway, upstream.port)
    assert (found.wrong.code if found.wrong else "") == code and words in (found.wrong.cause if found.wrong else found.phrase)


@pytest.mark.skipif(not shutil.which("perl"), reason="no perl on this machine")
def test_a_deployment_tells_its_own_mistakes_from_the_providers(ready: Gateway) -> None:
    port = free_port()
    with serving(ready, port) as gateway:
        nobody = verdict(gateway, port).wrong
        assert (nobody.code, nobody.object) == ("ProviderAddressWrong", "Provider/openai") and f"no program listens at 127.0.0.1:{port}" in nobody.cause
        assert verdict(gateway, port, key="gwk_ci.wrong").wrong.code == "ProbeKeyRefused"
        assert verdict(gateway, port, model="none").wrong.code == "ModelUnknown"


# --- under load, and the way down ---

def test_load(ready: Gateway) -> None:
    """Eight clients at once, each on one connection: no answer is lost."""
    statuses: list[int] = []

    def client(port: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        for _ in range(25):
            connection.request("POST", "/v1/chat/completions", json.dumps(ASK), BEARER)
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)

    with provider() as upstream, serving(ready, upstream.port) as gateway:
        clients = [threading.Thread(target=client, args=(gateway.port,)) for _ in range(8)]
        for each in clients:
            each.start()
        for each in clients:
            each.join()
        assert len(upstream.lines()) == 200
    assert statuses == [200] * 200


def test_sigterm_cuts_streams_and_kept_connections(ready: Gateway) -> None:
    """Below a shell that passes SIGTERM on: nobody is told to close before, an open stream has no end, an idle connection is closed."""
    with provider(tokens="100", rate="10") as upstream, serving(ready, upstream.port) as gateway:
        idle = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
        idle.request("GET", "/healthz")
        answer = idle.getresponse()
        answer.read()
        assert answer.headers["Connection"] is None
        stream = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
        stream.request("POST", "/v1/chat/completions", json.dumps(STREAM), BEARER)
        answer = stream.getresponse()
        answer.readline()
        start = time.monotonic()
        gateway.process.send_signal(signal.SIGTERM)
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            answer.read()
        with contextlib.suppress(ConnectionError):
            assert idle.sock.recv(1) == b""
        assert time.monotonic() - start < 2
        assert gateway.process.wait(5) == -signal.SIGTERM
        wait_until(lambda: " end=left " in upstream.process.stdout.readline(), 5, "the provider's line about the caller that went away")


# --- knobs of the provider ---

@pytest.mark.parametrize(("name", "value"), [("STATUS", "bad"), ("DELAY", "x"), ("BUFFER", "true"), ("TOKENS", "1.5")])
def test_a_mistyped_knob_of_the_provider(name: str, value: str) -> None:
    done = subprocess.run([sys.executable, "-B", str(STANDIN / "gateway" / "fake-provider")], env={f"STANDIN_PROVIDER_{name}": value},
                          capture_output=True, text=True, timeout=10)
    assert (done.returncode, done.stderr) == (2, f"fake-provider: STANDIN_PROVIDER_{name}='{value}' is not understood\n")


def test_the_count() -> None:
    with provider() as upstream:
        direct = Serving(upstream.process, upstream.port)
        assert direct("/v1/models").json["data"][0]["id"] == "any"
        assert direct("/v1/chat/completions", ASK).status == 200
        assert direct("/v1/chat/completions", STREAM).status == 200
        assert direct("/count").json == {"requests": 2}
        assert [" end=done " in line for line in upstream.lines()] == [True, True]
