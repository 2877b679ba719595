# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an answer to the question for a completion means: the caller's key, the model, the provider's key, its address, the way to it, or a proxy between. Pure.

How a gateway passes a provider's failure on differs, so its status alone decides little. GET /v1/models with the same key tells whose 401 it
is; the pod's own look at the provider tells a wrong address from a closed way; and the provider's own status is read from the words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..gateway import word_table
from ..kube.objects import Object
from ..kube.policies import EGRESS, blocked
from .causes.cause import cause as make
from .model import Cause, Snapshot

#: a stream that a proxy holds back: so many events at least, all within so many seconds, after so many seconds of nothing
EVENTS, AT_ONCE, SILENCE = 8, 0.02, 0.3
#: the provider's status in the words of gateways
STATUS = re.compile(r"(?:\b|_)(?:answered|returned|responded|replied|status|code|http(?:/\d(?:\.\d)?)?|error)\b[^0-9\n]{0,20}\b([45]\d\d)\b", re.IGNORECASE)
#: symptom and words of a provider that gave no answer
SYMPTOMS = tuple(
    word_table.rows(r"""
proxy tunnel error|unsuccessful tunnel|error creating tunnel|proxy authentication required
scheme corrupt message|InvalidContentType|wrong version number|plain HTTP request was sent to HTTPS port
cut closed before message completed|IncompleteMessage|error decoding response body
name lookup address|name or service|name resolution|no such host|dns error|NXDOMAIN
trust \bcertificate\b|unknown ?issuer|x509
way cannot be reached|no healthy upstream|unreachable|connection (?:refused|reset|closed)|error sending request|connect error|no route to host
slow timed? ?out|timeout|did not answer|no end of the answer|deadline
""")
)
#: what providers say of a key with another status than 401 and 403
BAD_KEY = re.compile(r"API[_ ]key[_ ](?:not valid|invalid)|(?:invalid|incorrect) (?:x-)?api[- ]key", re.IGNORECASE)
NO_URL = re.compile(r"relative URL without a base|builder error|invalid URL", re.IGNORECASE)
#: symptoms that are proof enough -> code and sentence
PROVEN = {
    "proxy": ("ProviderBlocked", "the HTTP proxy of the gateway (HTTPS_PROXY) does not open a connection to {base}"),
    "scheme": ("ProviderAddressWrong", "the scheme of {base} is wrong: {tls}"),
    "cut": ("ProviderFails", "the connection to {base} is closed before the answer is complete"),
    "trust": ("ProviderFails", "the gateway does not trust the TLS certificate that answers at {base}"),
    "key": ("ProviderKeyRefused", "the provider refuses the gateway's API key{token}"),
    "url": ("ProviderAddressWrong", "{base} is not a URL that the gateway can use"),
}
#: what providers say of a model with another status than 404
NO_MODEL = re.compile(r"model identifier is invalid|invalid model (?:id|name)|unknown model|model .{1,60} (?:does not exist|not found)", re.IGNORECASE)
#: what a 403 says that is not about the key
NOT_THE_KEY = tuple(
    word_table.rows(r"""
region (?:country|region|territory|location)\b.{0,40}\bnot (?:supported|available)|unsupported_country
    the provider does not serve the region of the gateway
model \baccess to (?:the|this) model|access to model|model access
    the account has no access to the model
clock signature expired|signature not yet current|RequestTimeTooSkewed
    the clock of the gateway's node differs from the clock of the provider
api has not been used in project|API is disabled|SERVICE_DISABLED|API .{0,40}not enabled
    the provider's API is not enabled for the account
firewall <html|<!doctype|cloudflare|request blocked
    a firewall or a proxy in front of the provider blocks the request
""")
)
#: what a gateway says itself, whatever the provider would say
BUDGET = re.compile(r"\bbudget\b.{0,40}\b(?:exceeded|exhausted|used up|reached)|\b(?:exceed\w*|over) .{0,40}\bbudget\b", re.IGNORECASE)


@dataclass(frozen=True)
class Asked:
    """What was asked, and of whom. `providers`: entries of the configuration behind the model's routes."""

    model: str
    secret: str
    key: str
    service: str
    deployment: str
    labels: Mapping[str, str] = field(default_factory=dict)
    providers: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Found:
    """`wrong`, or a `phrase` for the last line."""

    wrong: Cause | None = None
    phrase: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


def judge(line: Mapping[str, Any], asked: Asked, snapshot: Snapshot, *, said: str = "", narrow: Sequence[str] = (), policies: Sequence[Object] = ()) -> Found:
    """`said`: the gateway's last log lines; `narrow`: policies that do not admit the pod to the gateway; `policies`: all of the namespace."""
    plain = line.get("plain") or {}
    facts = {"model": asked.model, "status": plain.get("status", 0), "seconds": plain.get("seconds", 0), "tries": line.get("tries", 0)}
    look = _Look(line, asked, snapshot, said, policies)
    if not plain.get("status") and not (line.get("models") or {}).get("status"):
        policy = f"; NetworkPolicy/{narrow[0]} does not admit the pod that sends the request" if narrow else ""
        why = f"{line.get('name')}: {line.get('dns') or plain.get('error') or 'no answer'}{policy}"
        return Found(look.cause("Unverified", f"Service/{asked.service}", f"no completion of model {asked.model} could be requested", why), facts=facts)
    if plain.get("status") != 200 or not plain.get("choices"):
        return Found(look.failed(), facts=facts)
    stream = line.get("stream") or {}
    facts |= {"stream_events": stream.get("events", 0), "stream_first": stream.get("first", 0), "stream_seconds": stream.get("seconds", 0)}
    broken = look.stream(stream) or next((c for h in line.get("hosts") or () if (c := look.host(h, stream))), None)
    phrase = f"model {asked.model} answered a plain completion in {float(plain.get('seconds') or 0):.1f} s, and a streamed one"
    return Found(broken, "" if broken else phrase, facts)


@dataclass(frozen=True)
class _Look:
    line: Mapping[str, Any]
    asked: Asked
    snapshot: Snapshot
    said: str
    policies: Sequence[Object]

    def cause(self, code: str, obj: str, what: str, evidence: str, **names: Any) -> Cause:
        names = {"secret": self.asked.secret, "key": self.asked.key, "deployment": self.asked.deployment, **names}
        return make(code, self.snapshot, obj, what, evidence, **names)

    @property
    def plain(self) -> Mapping[str, Any]:
        return self.line.get("plain") or {}

    @property
    def evidence(self) -> str:
        tries = int(self.line.get("tries") or 1)
        times = f" ({tries} times)" if tries > 1 else ""
        return f"POST /v1/chat/completions{times}: {self.plain.get('status') or ''} {self.words or 'with an empty answer'}"

    @property
    def words(self) -> str:
        return _words(self.plain) or str(self.plain.get("error") or "")

    # --- no completion ---------------------------------------------------------------------------------------------------

    def failed(self) -> Cause:
        """The order is that of the way: the caller's key, the model, the provider's name, the way to it, its answer."""
        models, model, status = self.line.get("models") or {}, f"Model/{self.asked.model}", int(self.plain.get("status") or 0)
        if models.get("status") in (401, 403):
            what = f"the gateway refuses the API key in key {self.asked.key} of the Secret"
            return self.cause("ProbeKeyRefused", f"Secret/{self.asked.secret}", what, f"GET /v1/models: {models['status']} {_words(models)}")
        answer, logged = _symptom(self.words) or _inner(self.plain), next((s for text in self.log if (s := _symptom(text, of_log=True))), "")
        if not answer and status in (400, 403, 404) and models.get("status") == 200 and not models.get("known"):
            return self.cause("ModelUnknown", model, f"the gateway does not offer model {self.asked.model} to the API key", self.evidence)
        if not answer and BUDGET.search(self.words):
            hint = "raise the budget in /admin or in oceans_llm_config, or wait until the budget is renewed"
            return self.cause("CompletionFailed", model, f"the gateway answers {status}, because a budget is used up", self.evidence, hint=hint)
        # key and model are good, so that a 4xx without a word of whose it is, is nobody's but the provider's; no gateway itself has a status above 511
        passed_on = str(status) if 400 <= status < 500 and models.get("known") or status > 511 else ""
        unanswered = "key" if BAD_KEY.search(self.words) else "url" if NO_URL.search(self.words) else ""
        symptom = answer or (logged if not 0 < status < 500 else "") or passed_on or unanswered
        if not symptom:
            return self.cause("CompletionFailed", model, self._nothing(), self.evidence)
        if symptom in PROVEN:
            code, what = PROVEN[symptom]
            tls = "the port serves TLS" if str(self._entry.get("base_url") or "").startswith("http://") else "the port does not serve TLS"
            return self.cause(code, self.provider, what.format(base=self._base, tls=tls, token=self._token), self.evidence, where=self._base)
        return self._refused(int(symptom)) if symptom.isdigit() else self._unreached(symptom)

    def _nothing(self) -> str:
        status = self.plain.get("status")
        return "the gateway answers 200, but the answer contains no completion" if status == 200 else f"the gateway answers {status} instead of a completion"

    def _refused(self, status: int) -> Cause:
        if status == 403 and (why := word_table.matched(NOT_THE_KEY, self.words)):
            return self.cause("ProviderFails", self.provider, f"the provider answers 403, not because of the API key: {why[1]}", self.evidence)
        if status in (401, 403) or BAD_KEY.search(self.words):
            what = f"the provider answers {status} and refuses the gateway's API key{self._token}"
            return self.cause("ProviderKeyRefused", self.provider, what, self.evidence)
        if status in (404, 405) or (status == 400 and NO_MODEL.search(self.words)):
            return self.cause("ProviderAddressWrong", self.provider, f"the provider answers {status}: {self._base} has no such path or model", self.evidence)
        return self.cause("ProviderFails", self.provider, f"the provider answers {status}", self.evidence)

    def _unreached(self, symptom: str) -> Cause:
        """The gateway got no answer of the provider. What a pod beside it sees, and the policies, tell why."""
        seen: Mapping[str, Any] = next((p for p in self.line.get("providers") or () if str(p.get("id")) == self._id), {})
        where = f"{seen['host']}:{seen['port']}" if seen else self._base
        trouble = str(seen.get("dns") or seen.get("error") or "")
        evidence = f"{self.evidence}; a pod of the namespace {f'gets the error: {trouble}' if trouble else f'reaches {where}'}" if seen else self.evidence
        closing = self._closing(seen)
        if closing:
            what = f"the NetworkPolicy blocks connections from the pods of Deployment/{self.asked.deployment} to the provider at {where} (egress)"
            return self.cause("ProviderBlocked", f"NetworkPolicy/{closing[0]}", what, evidence, where=where)
        if seen.get("dns") or (symptom == "name" and not seen):
            return self.cause("ProviderAddressWrong", self.provider, f"the host of {self._base} does not resolve", evidence)
        if "refused" in f"{trouble} {self.evidence}".lower():
            return self.cause("ProviderAddressWrong", self.provider, f"no program listens at {where} ({self._base})", evidence)
        if trouble or not seen:
            alone = f"the gateway does not reach the provider at {where}"
            what = f"no pod of the namespace reaches {where}: the network blocks the connection, or {self._base} is wrong" if seen else alone
            return self.cause("ProviderBlocked", self.provider, what, evidence, where=where)
        if symptom == "slow":
            return self.cause("ProviderFails", self.provider, f"the provider does not answer the gateway in time, although {where} can be reached", evidence)
        what = f"the gateway's pods do not {'resolve' if symptom == 'name' else 'reach'} {where}, while another pod of the namespace does"
        return self.cause("ProviderBlocked", self.provider, what, evidence, where=where)

    def _closing(self, seen: Mapping[str, Any]) -> list[str]:
        """The policies that leave the gateway's pods no way to the provider, or to a name server."""
        if not seen:
            return blocked(self.policies, self.asked.labels, EGRESS)
        to = blocked(self.policies, self.asked.labels, EGRESS, [int(seen["port"])], address=str(seen.get("address") or ""))
        return to or blocked(self.policies, self.asked.labels, EGRESS, [53], protocol="UDP")

    @property
    def log(self) -> list[str]:
        """What the gateway's log says of providers, the newest first."""
        ids = [str(p.get("id")) for p in self.asked.providers]
        return [t for t in reversed(self.said.splitlines()) if re.search("provider|upstream", t, re.IGNORECASE) or any(i in t for i in ids)][:5]

    @property
    def provider(self) -> str:
        return f"Provider/{self._id}" if self._id else f"Model/{self.asked.model}"

    @property
    def _id(self) -> str:
        """The provider that the words name; the first of the model's routes else."""
        ids = [str(p.get("id")) for p in self.asked.providers]
        words = "\n".join([self.words, *self.log])
        return next((i for i in ids if re.search(rf"\b{re.escape(i)}\b", words)), ids[0] if ids else "")

    @property
    def _entry(self) -> Mapping[str, Any]:
        return next((p for p in self.asked.providers if str(p.get("id")) == self._id), {})

    @property
    def _base(self) -> str:
        url = re.sub(r"//[^/@]*@", "//", str(self._entry.get("base_url") or ""))  # without what may be a password
        return f"base_url {url}" if url else "base_url of the provider"

    @property
    def _token(self) -> str:
        auth = self._entry.get("auth")
        token = str(auth.get("token") or "") if isinstance(auth, Mapping) else ""
        return f" ({token})" if token.startswith("env.") else ""

    # --- the stream ------------------------------------------------------------------------------------------------------

    def stream(self, stream: Mapping[str, Any]) -> Cause | None:
        model, said = f"Model/{self.asked.model}", _stream_phrase(stream)
        if stream.get("status") != 200:
            return self.cause("StreamBroken", model, "the gateway answers a plain completion request, but not a streamed one", said)
        if stream.get("type") != "text/event-stream":
            what = f"a streamed completion was requested, but the answer has the content type {stream.get('type') or '(none)'}"
            return self.cause("StreamBroken", model, what, said)
        if not stream.get("done"):
            return self.cause("StreamBroken", model, f"the streamed completion ended early, after {stream.get('events', 0)} events", said)
        if held_back(stream):
            what = "the stream arrives in one piece: the provider, or a proxy between gateway and provider, buffers the stream"
            return self.cause("StreamBuffered", self.provider, what, said)
        return None

    def host(self, host: Mapping[str, Any], direct: Mapping[str, Any]) -> Cause | None:
        """A way from outside is blamed for what the Service's own way does not show."""
        if host.get("status") != 200 or not host.get("events") or not (held_back(host) or not host.get("done")):
            return None
        where, said = f"Host/{host['host']}", f"{_stream_phrase(host)}; through the Service: {_stream_phrase(direct)}"
        if not host.get("done"):
            return self.cause("StreamBroken", where, f"through the Ingress, the streamed completion ended early, after {host['events']} events", said)
        return self.cause("StreamBuffered", where, "the stream arrives in one piece: a proxy in front of the gateway buffers the stream", said)


def held_back(stream: Mapping[str, Any]) -> bool:
    """True when many events came at once after a silence: no model writes that fast."""
    first, last = float(stream.get("first") or 0), float(stream.get("last") or 0)
    return int(stream.get("events") or 0) >= EVENTS and first >= SILENCE and last - first <= AT_ONCE


def _stream_phrase(stream: Mapping[str, Any]) -> str:
    if stream.get("status") != 200 or not stream.get("events"):
        return f"POST /v1/chat/completions (stream): {stream.get('status') or 'no answer'} {_words(stream) or stream.get('error') or ''}".strip()
    return f"POST /v1/chat/completions (stream): {stream['events']} events, the first after {stream['first']} s, the last after {stream['last']} s"


def _symptom(text: str, of_log: bool = False) -> str:
    """One of SYMPTOMS, or the provider's status. A log line may have the status of the gateway's own answer, so there it comes last."""
    status = STATUS.search(text)
    if status and not of_log:
        return status[1]
    known = word_table.matched(SYMPTOMS, text)
    return known[0] if known else status[1] if status else ""


def _inner(answer: Mapping[str, Any]) -> str:
    """The provider's status in the error of an answer that has itself the status 200."""
    try:
        code = json.loads(str(answer.get("body") or ""))["error"]["code"] if answer.get("status") == 200 else 0
    except (ValueError, KeyError, TypeError):
        return ""
    return str(code) if isinstance(code, int) and 400 <= code < 600 else ""


def _words(answer: Mapping[str, Any]) -> str:
    """The message of an answer's JSON, else its beginning."""
    body = str(answer.get("body") or "")
    try:
        error = json.loads(body)["error"]
        body = f"{error.get('message') or ''}" if isinstance(error, dict) else str(error)
    except (ValueError, KeyError, TypeError):
        pass
    return " ".join(body.split())[:300]
