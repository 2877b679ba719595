# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The question for a completion: its script against a real server, its pod, and what is made of the answer."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable

import pytest

from ansible_collections.oceans.llm.plugins.action.probe import ActionModule
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import completion, completion_verdict, post_check, probe_job
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.completion import Question, addresses
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.completion_verdict import Asked

from .fake_api import FakeApi, Handler, hang, objects, ok, status, stream
from .fake_cluster import SERVICE, FakeCluster
from .place import NS, Place, labels
from .run_action import run
from .test_post_check import policy, report

needs_perl = pytest.mark.skipif(not shutil.which("perl"), reason="no perl on this machine")
KEY = "gwk_probe.canary"
CHAT = "/v1/chat/completions"
DONE = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "1 2 3"}}]}


# --- the script ---------------------------------------------------------------------------------------------------------------


def script(port: str, *, hosts: str = "", providers: str = "", seconds: str = "5", model: str = "fast") -> dict:
    text = probe_job.script("completion")
    done = subprocess.run(
        ["perl", "-e", text, "localhost", port, model, hosts, providers, seconds, "0.05"],
        env={"OCEANS_LLM_PROBE_KEY": KEY},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stderr == "" and KEY not in done.stdout
    return json.loads(done.stdout)


def chat(server: FakeApi, *, events: int = 20, wait: float = 0.0, pause: float = 0.0, end: bool = True, plain: Callable[[Handler], None] | None = None) -> str:
    """A gateway that answers; returns its port. Streams are chunked, an event a chunk, and a chunk may be cut anywhere."""

    def answer(handler: Handler) -> None:
        wanted = json.loads(server.seen[-1][3])
        assert handler.headers["Authorization"] == f"Bearer {KEY}" and wanted["model"] == "fast"
        if not wanted["stream"]:
            (plain or ok(DONE))(handler)
            return
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream; charset=utf-8")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        time.sleep(wait)
        lines = [b'data: {"choices":[{"delta":{"content":"x"}}]}\n\n' for _event in range(events)] + ([b"data: [DONE]\n\n"] if end else [])
        sent = [b"".join(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in (line[:9], line[9:])) for line in lines]
        for text in sent if pause else [b"".join(sent)]:  # without a pause in one piece, as a proxy hands on what it held back
            handler.wfile.write(text)
            handler.wfile.flush()
            time.sleep(pause)
        handler.wfile.write(b"0\r\n\r\n" if end else b"")

    server.on("GET", "/v1/models", ok({"data": [{"id": "fast"}]}))
    server.on("POST", CHAT, answer)
    return server.url.rsplit(":", 1)[1]


@needs_perl
def test_the_script_asks_for_both():
    with FakeApi() as server:
        line = script(chat(server, pause=0.02))
    assert line["models"]["status"] == 200 and line["models"]["known"] == 1 and line["tries"] == 1
    assert line["plain"]["status"] == 200 and line["plain"]["choices"] == 1
    stream = line["stream"]
    assert (stream["events"], stream["done"], stream["whole"], stream["type"]) == (20, 1, 1, "text/event-stream")
    assert stream["last"] - stream["first"] >= 0.3 and not completion_verdict.held_back(stream)


@needs_perl
def test_the_script_sees_that_a_stream_came_in_one_piece_or_broke_off():
    with FakeApi() as server:
        assert completion_verdict.held_back(script(chat(server, wait=0.5))["stream"])
        assert not completion_verdict.held_back(script(chat(server))["stream"])  # a provider that is fast from the first moment on
        broken = script(chat(server, end=False))["stream"]
    assert (broken["events"], broken["done"]) == (20, 0)


@needs_perl
def test_the_script_tries_again_what_may_pass_and_looks_at_the_provider():
    with FakeApi() as server:
        port = chat(server, plain=status(503, "x", f"busy {KEY}"))
        line = script(port, providers=f"openai|http|localhost|{port},gone|https|gone.invalid|443")
    assert line["tries"] == 3 and line["plain"]["status"] == 503 and "stream" not in line and "(key)" in line["plain"]["body"]
    assert [(p["id"], p["error"], bool(p["dns"])) for p in line["providers"]] == [("openai", "", False), ("gone", "", True)]


@needs_perl
def test_the_script_gives_up_on_a_gateway_that_does_not_answer():
    with FakeApi() as server:
        line = script(chat(server, plain=hang), seconds="1")
    assert line["plain"]["status"] == 0 and line["plain"]["error"] == "no end of the answer within 1 s"


# --- the verdict --------------------------------------------------------------------------------------------------------------

OPENAI = {"id": "openai", "base_url": "https://user:pw@api.example/v1", "auth": {"kind": "bearer", "token": "env.OPENAI_API_KEY"}}
ASKED = Asked("fast", "rel-secrets", "PROBE", "gw", "gw", labels("gateway"), [OPENAI])
MODELS = {"status": 200, "known": 1}
STREAM = {"status": 200, "type": "text/event-stream", "events": 100, "done": 1, "whole": 1, "first": 0.4, "last": 1.9, "seconds": 1.9}
SEEN = {"id": "openai", "host": "api.example", "port": 443, "address": "93.184.216.34", "dns": "", "error": ""}
BURST = {**STREAM, "first": 1.9}


def refused(code: int, message: str = "", **more) -> dict:
    body = json.dumps({"error": {"message": message, "code": "x"}})
    return {"models": MODELS, "plain": {"status": code, "body": body, "choices": 0, "error": ""}, "tries": 1, "providers": [SEEN], **more}


def told(message: str, code: int = 502, **seen) -> dict:
    return refused(code, f"provider `openai` {message}", providers=[{**SEEN, **seen}])


def judged(line: dict, **more):
    with FakeApi() as api:
        return completion_verdict.judge(line, ASKED, Place(api).snapshot, **more)


#: (line, code, words): what a 403 says that is not about the key, and ways that end before the provider
FOREIGN = [
    (refused(403, "Country, region, or territory not supported"), "ProviderFails", "region"),
    (refused(403, "<html><title>Attention Required! | Cloudflare</title>"), "ProviderFails", "firewall or a proxy"),
    (refused(403, "You don't have access to the model with the specified model ID."), "ProviderFails", "no access to the model"),
    (refused(403, "Vertex AI API has not been used in project x before or it is disabled."), "ProviderFails", "not enabled"),
    (told("answered 403: Country, region, or territory not supported"), "ProviderFails", "not because of the API key"),
    (refused(400, "API key not valid. Please pass a valid API key."), "ProviderKeyRefused", "env.OPENAI_API_KEY"),
    (refused(400, "The provided model identifier is invalid."), "ProviderAddressWrong", "no such path or model"),
    (refused(403, "Signature expired: 20261129T100000Z is now earlier than 20261129T101000Z"), "ProviderFails", "clock"),
    (refused(503, "no healthy upstream"), "ProviderBlocked", "do not reach api.example:443"),
    (refused(529, "Overloaded"), "ProviderFails", "the provider answers 529"),
    (refused(502, "error: tunnel error: unsuccessful"), "ProviderBlocked", "HTTPS_PROXY"),
    (refused(502, "error sending request: received corrupt message of type InvalidContentType"), "ProviderAddressWrong", "does not serve TLS"),
    (refused(502, "error sending request: connection closed before message completed"), "ProviderFails", "closed before the answer"),
    (refused(429, "Budget has been exceeded! Current cost: 11.2, Max budget: 10"), "CompletionFailed", "because a budget is used up"),
    (refused(500, "AuthenticationError: Incorrect API key provided: sk-***"), "ProviderKeyRefused", "env.OPENAI_API_KEY"),
    (refused(500, "builder error: relative URL without a base"), "ProviderAddressWrong", "is not a URL"),
    (refused(200, "Provider returned error") | {"plain": {"status": 200, "body": '{"error":{"message":"x","code":429}}'}}, "ProviderFails", "answers 429"),
    (refused(200, "no number") | {"plain": {"status": 200, "body": '{"error":{"message":"x","code":"y"}}'}}, "CompletionFailed", "no completion"),
]


@pytest.mark.parametrize(("line", "code", "words"), FOREIGN)
def test_words_of_providers_and_of_ways_to_them(line, code, words):
    wrong = judged(line).wrong
    assert wrong is not None and wrong.code == code and words in wrong.cause and "user:pw" not in str(wrong)


GOOD = {"models": MODELS, "plain": {"status": 200, "choices": 1, "seconds": 0.4}, "stream": STREAM, "tries": 1}
CAGE = policy("cage", "Egress")
DNS_ONLY = policy("dns", "Egress", egress=[{"ports": [{"port": 53, "protocol": "UDP"}]}])
INSIDE = policy("inside", "Egress", egress=[{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}, {"ports": [{"port": 53, "protocol": "UDP"}]}])
WIDE = policy("wide", "Egress", egress=[{"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}])


@pytest.mark.parametrize(
    ("line", "more", "code", "obj", "words"),
    [
        # the caller's key and model
        (
            refused(401, "credentials are invalid", models={"status": 401, "body": '{"error":{"message":"credentials are invalid"}}'}),
            {},
            "ProbeKeyRefused",
            "Secret/rel-secrets",
            "key PROBE",
        ),
        (refused(404, "no model fast", models={"status": 200, "known": 0}), {}, "ModelUnknown", "Model/fast", "does not offer"),
        # the provider's key: passed on, hidden behind a 502, told by the log only, or a bare status
        (told("answered 401: Incorrect API key provided", 401), {}, "ProviderKeyRefused", "Provider/openai", "env.OPENAI_API_KEY"),
        (told("answered 401: Incorrect API key provided"), {}, "ProviderKeyRefused", "Provider/openai", "the provider answers 401"),
        (
            refused(502, "bad gateway"),
            {"said": 'x\n{"level":"WARN","provider":"openai","upstream_status":403}'},
            "ProviderKeyRefused",
            "Provider/openai",
            "the provider answers 403",
        ),
        (refused(403, ""), {}, "ProviderKeyRefused", "Provider/openai", "the provider answers 403"),
        # its address
        (
            told("cannot be reached: failed to lookup address information", dns="Name or service not known", address=""),
            {},
            "ProviderAddressWrong",
            "Provider/openai",
            "does not resolve",
        ),
        (told("answered 404: Not Found", 404), {}, "ProviderAddressWrong", "Provider/openai", "https://api.example/v1"),
        (
            told("cannot be reached: Connection refused", error="no connection to 93.184.216.34:443: Connection refused"),
            {},
            "ProviderAddressWrong",
            "Provider/openai",
            "no program listens at",
        ),
        # the way to it
        (told("did not answer within 30 s", 504), {"policies": [CAGE]}, "ProviderBlocked", "NetworkPolicy/cage", "api.example:443"),
        (told("did not answer within 30 s", 504), {"policies": [DNS_ONLY]}, "ProviderBlocked", "NetworkPolicy/dns", "egress"),
        (told("did not answer within 30 s", 504), {"policies": [INSIDE]}, "ProviderBlocked", "NetworkPolicy/inside", "egress"),
        (told("cannot be reached: failed to lookup address information"), {"policies": [CAGE]}, "ProviderBlocked", "NetworkPolicy/cage", "egress"),
        (
            told("cannot be reached: connection timed out", error="no connection to 93.184.216.34:443: timed out"),
            {},
            "ProviderBlocked",
            "Provider/openai",
            "no pod of the namespace",
        ),
        (
            told("cannot be reached: error sending request: invalid peer certificate: UnknownIssuer"),
            {},
            "ProviderFails",
            "Provider/openai",
            "does not trust the TLS certificate that answers at base_url https://api.example/v1",
        ),
        (told("cannot be reached: error sending request"), {}, "ProviderBlocked", "Provider/openai", "while another pod of the namespace does"),
        # the provider itself
        (told("did not answer within 30 s", 504), {"policies": [WIDE]}, "ProviderFails", "Provider/openai", "not answer the gateway in time"),
        ({**refused(0), "plain": {"status": 0, "error": "no end of the answer within 60 s"}}, {}, "ProviderFails", "Provider/openai", "in time"),
        (told("answered 429: quota exceeded", 429), {}, "ProviderFails", "Provider/openai", "the provider answers 429"),
        (told("answered 503: overloaded", 503), {}, "ProviderFails", "Provider/openai", "the provider answers 503"),
        (refused(400, "unknown field"), {}, "ProviderFails", "Provider/openai", "the provider answers 400"),
        # nobody knows
        (refused(500, "internal error"), {}, "CompletionFailed", "Model/fast", "answers 500"),
        (
            {**GOOD, "plain": {"status": 200, "choices": 0, "body": "<html>"}},
            {},
            "CompletionFailed",
            "Model/fast",
            "200, but the answer contains no completion",
        ),
        (
            {"dns": "", "plain": {"status": 0, "error": "no connection to 10.0.0.1:80: timed out"}},
            {"narrow": ["cage"]},
            "Unverified",
            "Service/gw",
            "NetworkPolicy/cage",
        ),
        # the stream
        ({**GOOD, "stream": BURST}, {}, "StreamBuffered", "Provider/openai", "in one piece"),
        ({**GOOD, "hosts": [{**BURST, "host": "a.example"}]}, {}, "StreamBuffered", "Host/a.example", "in front of the gateway"),
        ({**GOOD, "hosts": [{**STREAM, "host": "a.example", "done": 0}]}, {}, "StreamBroken", "Host/a.example", "ended early, after 100 events"),
        ({**GOOD, "stream": {**STREAM, "done": 0, "events": 3}}, {}, "StreamBroken", "Model/fast", "ended early, after 3 events"),
        ({**GOOD, "stream": {**STREAM, "type": "application/json"}}, {}, "StreamBroken", "Model/fast", "content type application/json"),
        ({**GOOD, "stream": {"status": 502, "body": "no"}}, {}, "StreamBroken", "Model/fast", "but not a streamed one"),
    ],
)
def test_each_failure_has_its_own_name(line, more, code, obj, words):
    wrong = judged(line, **more).wrong
    assert (wrong.code, wrong.object) == (code, obj)
    assert words in f"{wrong.cause} {wrong.evidence}" and "<" not in wrong.hint and "pw@" not in f"{wrong.cause} {wrong.evidence} {wrong.hint}"


@pytest.mark.parametrize(
    "line",
    [
        GOOD,
        {**GOOD, "stream": {**BURST, "events": 3}},  # a provider that sends few, large events
        {**GOOD, "stream": {**STREAM, "first": 0.02, "last": 0.03}},  # one that is fast
        {**GOOD, "hosts": [{"host": "a.example", "status": 308, "events": 0}, {**STREAM, "host": "b.example"}]},
    ],
)
def test_what_is_well_is_called_well(line):
    found = judged(line)
    assert found.wrong is None and found.phrase == "model fast answered a plain completion in 0.4 s, and a streamed one" and found.facts["status"] == 200


def test_addresses_of_providers():
    urls = ["https://a.example/v1", "http://b.example:8081", "", "https://c.example:x", "https://[::1]/v1"]
    assert addresses([{"id": str(i), "base_url": u} for i, u in enumerate(urls)]) == ["0|https|a.example|443", "1|http|b.example|8081", "4|https|::1|443"]


# --- the pod, and the end of a rollout ----------------------------------------------------------------------------------------

JOBS, POD = paths.jobs(NS), "rel-complete-x-y"
QUESTION = Question("fast", "rel-secrets", "PROBE")


@pytest.fixture
def place():
    with FakeApi() as api:
        yield Place(api).play()


def answering(place: Place, line: dict | None, waiting: dict | None = None) -> None:
    """The API server makes the pod, and that has printed this line."""
    state = {"waiting": waiting} if waiting else {"terminated": {"exitCode": 0}}
    made = {"metadata": {"name": POD}, "status": {"phase": "Pending", "containerStatuses": [{"name": "probe", "ready": False, "state": state}]}}
    place.api.on("POST", JOBS, ok({"metadata": {"name": "rel-complete-x"}}, 201))
    place.api.on("DELETE", paths.job(NS, "rel-complete-x"), ok({}))
    place.api.on("GET", paths.pod_log(NS, POD), lambda h: h.send(200, json.dumps(line).encode(), "text/plain"))
    place.api.on("GET", paths.pod_log(NS, "gw-a"), lambda h: h.send(200, b"", "text/plain"))
    place.api.on("WATCH", paths.pods(NS), quiet)
    listed, all_pods = objects("Pod", "1", made), place.api.script[("GET", paths.pods(NS))][0]
    place.api.script[("GET", paths.pods(NS))] = [lambda h: (listed if "labelSelector" in h.path else all_pods)(h)]


def quiet(handler: Handler) -> None:
    """A watch in which nothing happens."""
    time.sleep(0.1)
    stream()(handler)


def test_the_pod_alone_reads_the_key_and_is_removed(place):
    answering(place, GOOD)
    result, lines = report(place, question=QUESTION)
    assert result["msg"] == "served: ns/rel version 0.24.0 after 3.0 s; model fast answered a plain completion in 0.4 s, and a streamed one; database at V45"
    assert result["completion"]["stream_events"] == 100 and "requesting a completion from model fast" in lines
    (job,) = [json.loads(b) for m, p, _q, b in place.api.seen if (m, p) == ("POST", JOBS)]
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["env"] == [{"name": "OCEANS_LLM_PROBE_KEY", "valueFrom": {"secretKeyRef": {"name": "rel-secrets", "key": "PROBE"}}}]
    assert container["args"][1:] == ["gw.ns.svc", "8080", "fast", "", "", "60"] and job["spec"]["template"]["metadata"]["labels"] == labels("probe")
    assert place.api.asked(paths.job(NS, "rel-complete-x")) == 1
    assert not any("/secrets/" in path for _m, path, _q, _b in place.api.seen)


def test_a_completion_that_fails_fails_the_rollout(place):
    answering(place, told("answered 401: Incorrect API key provided", 401))
    result, _lines = report(place, question=QUESTION)
    assert result["failed"] and result["code"] == "ProviderKeyRefused" and result["version_served"] == "0.24.0"
    assert result["msg"].startswith("FAILED ProviderKeyRefused Model/fast: the provider answers 401")


@pytest.mark.parametrize(
    ("message", "code"),
    [('secret "rel-secrets" not found', "SecretMissing"), ("couldn't find key PROBE in Secret ns/rel-secrets", "SecretKeyMissing"), ("odd", "Unverified")],
)
def test_a_pod_that_cannot_start_says_why(place, message, code):
    answering(place, None, waiting={"reason": "CreateContainerConfigError", "message": message})
    result, _lines = report(place, question=QUESTION)
    assert result["failed"] and result["code"] == code and message in result["msg"]
    if code == "Unverified":
        assert "failed" not in report(place, question=QUESTION, verify="best_effort")[0]


def test_an_answer_that_does_not_come_is_waited_for_with_a_line_and_left_on_a_signal(place, monkeypatch):
    monkeypatch.setattr(completion, "HEARTBEAT", 0.05)
    monkeypatch.setattr(completion.one_off_run, "GLANCE", 0.1)
    answering(place, None, waiting={"reason": "ContainerCreating"})
    lines: list[str] = []

    class Signal:
        name = "SIGINT"

        def __bool__(self) -> bool:
            return any("has not answered for" in line for line in lines)

    cluster = Cluster.connect({"host": place.api.url})
    found = post_check.check(
        cluster, place.snapshot, place.release, post_check.expected_version(place.release), say=lines.append, interrupted=Signal(), question=QUESTION
    )
    assert found.wrong.code == "Interrupted" and "while it requested a completion" in found.wrong.cause
    assert place.api.asked(paths.job(NS, "rel-complete-x")) == 1


def test_nothing_is_asked_of_a_release_that_is_not_served(place):
    place.api.script[("GET", "/api/v1/namespaces/ns/services/http:gw:8080/proxy/api/v1/health")] = [ok({"version": "0.23.0"})]
    answering(place, GOOD)
    assert report(place, question=QUESTION)[0]["code"] == "WrongVersionServed" and place.api.asked(JOBS) == 0


def test_wanted():
    args = {"name": "rel", "probe": "auto", "probe_model": "fast", "probe_key_secret": "", "probe_key_name": "K"}
    assert completion.wanted(args) == Question("fast", "rel-secrets", "K")
    assert completion.wanted({**args, "probe": "false"}) is None and completion.wanted({**args, "probe_model": ""}) is None


# --- the module by itself -----------------------------------------------------------------------------------------------------


@pytest.fixture
def served(monkeypatch):
    monkeypatch.setattr(post_check, "SETTLE", 0.3)
    monkeypatch.setattr(post_check, "LATE", 0.6)
    with FakeApi() as api:
        cluster = FakeCluster(api)
        cluster.complete()
        cluster.put(
            "deployments", {**cluster.objects["deployments"]["web"], "metadata": {**cluster.objects["deployments"]["web"]["metadata"], "namespace": "ns"}}
        )
        cluster.put("services", {**SERVICE, "spec": {**SERVICE["spec"], "selector": {}}})
        yield api


def probed(api: FakeApi, check: bool = False, **args) -> dict:
    return run(ActionModule, api, {"name": "rel", "namespace": "ns", **args}, check=check)


def test_the_module_asks_a_release_that_is_there_and_waits_for_nothing(served):
    served.on("POST", JOBS, status(403, "Forbidden", "no pods today"))
    result = probed(served)
    assert result["outcome"] == "served" and result["version_served"] == "0.24.0" and not result["changed"]
    assert result["msg"] == "served: ns/rel version 0.24.0; no completion was requested; not probed"
    asked = probed(served, probe_model="fast")
    assert asked["failed"] and asked["code"] == "Unverified" and "no pods today" in asked["msg"]


def test_check_mode_makes_no_pod(served):
    result = probed(served, check=True, probe_model="fast")
    assert result["outcome"] == "served" and ("POST", JOBS) not in [request[:2] for request in served.seen]


def test_a_release_that_is_not_there_is_refused():
    with FakeApi() as api:
        FakeCluster(api)
        assert "Helm has no release rel" in probed(api)["msg"] and "failed" not in probed(api, check=True)
