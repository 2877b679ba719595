# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A gateway may be healthy and of no use. So a pod asks it for one plain and one streamed completion, as its users do, and that decides.

The pod reads the key from its Secret; the controller never sees it. What a failure means is in completion_verdict.py.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ..gateway import configuration, log_words, one_off_run
from ..helm.releases import Release
from ..kube import paths
from ..kube.client import ApiError, Cluster
from ..kube.objects import Object, meta, name_of
from ..kube.policies import INGRESS, blocked
from ..kube.services import pod_labels
from . import completion_verdict, ingress_look, probe_job, probe_verdict
from .causes.cause import cause as make
from .completion_verdict import Asked, Found
from .model import Cause, Snapshot, new_pods

NOT_ASKED = "no completion was requested"
HEARTBEAT = 4.5
#: lines of each gateway pod's log that may have the provider's own words
LINES = 40


@dataclass(frozen=True)
class Question:
    """`secret` and `key`: where the pod finds the caller's key."""

    model: str
    secret: str
    key: str


def wanted(args: Mapping[str, Any]) -> Question | None:
    """From a task's arguments; None when no completion is to be asked for."""
    if not args["probe_model"] or args.get("probe") == "false":
        return None
    return Question(args["probe_model"], args["probe_key_secret"] or f"{args['name']}-secrets", args["probe_key_name"])


def check(
    cluster: Cluster, snapshot: Snapshot, release: Release, deployment: Object, service: tuple[str, int], question: Question,
    say: Callable[[str], None] = lambda _line: None, over: Callable[[], bool] = bool,
) -> Found:  # fmt: skip
    """One pod, one answer. Hosts of Ingresses are asked for a stream where they speak plain HTTP: the pod has no TLS."""
    hosts = [h.partition("|")[2] for h in ingress_look.hosts(cluster, release, snapshot.scope.namespace) if h.startswith("http|")]
    providers = configuration.providers_of(_configuration(cluster, release), question.model)
    asked = Asked(question.model, question.secret, question.key, service[0], str(meta(deployment)["name"]), pod_labels(deployment), providers)
    body = probe_job.completion(
        deployment, *service, question.model, {"name": question.secret, "key": question.key},
        release=snapshot.scope.release, node=_node(snapshot, deployment), hosts=hosts, providers=[] if _proxied(deployment) else addresses(providers),
    )  # fmt: skip
    say(f"requesting a completion from model {question.model}")
    try:
        answer = one_off_run.ask(cluster, body, probe_job.COMPLETION_DEADLINE, _Patience(question.model, say, over))
        line = next(log_words.json_lines(answer.text), None) if answer.code == 0 else None
        if line is None:
            return Found(wrong=_unasked(snapshot, asked, answer.text))
        found = probe_verdict.policies(cluster, snapshot.scope.namespace)
        said = _said(cluster, snapshot, deployment) if (line.get("plain") or {}).get("status") != 200 else ""
    except ApiError as error:
        return Found(wrong=_unasked(snapshot, asked, str(error)))
    shut = blocked(found, asked.labels, INGRESS, peer=body["spec"]["template"]["metadata"]["labels"])
    return completion_verdict.judge(line, asked, snapshot, said=said, narrow=shut, policies=found)


def _configuration(cluster: Cluster, release: Release) -> dict[str, Any]:
    """As it is now: somebody may have changed it by hand. As the release has it, where it may not be read."""
    rendered = configuration.configmap(release.manifest)
    if rendered is None:
        return {}
    with contextlib.suppress(ApiError):
        return configuration.parse(cluster.find(paths.configmap(release.namespace, str(meta(rendered)["name"]))) or rendered)
    return configuration.parse(rendered)


class _Patience:
    """Asks whether the run is over, and tells meanwhile what is waited for."""

    def __init__(self, model: str, say: Callable[[str], None], over: Callable[[], bool]) -> None:
        self._model, self._say, self._over = model, say, over
        self._begun = self._told = time.monotonic()

    def __call__(self) -> bool:
        now = time.monotonic()
        if now - self._told > HEARTBEAT:
            self._told = now
            self._say(f"… model {self._model} has not answered for {now - self._begun:.0f} s")
        return self._over()


def addresses(providers: list[Mapping[str, Any]]) -> list[str]:
    """id|scheme|host|port of each provider that has a base_url."""
    found = []
    for provider in providers:
        try:
            url = urlsplit(str(provider.get("base_url") or ""))
            port = url.port or (443 if url.scheme == "https" else 80)
        except ValueError:
            continue  # the port is no number; the gateway's own words say so
        each = f"{provider.get('id')}|{url.scheme}|{url.hostname}|{port}"
        if url.hostname and "," not in each and each.count("|") == 3:
            found.append(each)
    return list(dict.fromkeys(found))


def _proxied(deployment: Object) -> bool:
    """True when the gateway reaches providers by a proxy, so that whether a pod reaches them directly says nothing."""
    names = {str(e.get("name")).upper() for c in deployment["spec"]["template"]["spec"]["containers"] for e in c.get("env") or ()}
    return bool(names & {"HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"})


def _node(snapshot: Snapshot, deployment: Object) -> str:
    """A node that has the image."""
    return next((str(p["spec"]["nodeName"]) for p in new_pods(snapshot, name_of(deployment)) if (p.get("spec") or {}).get("nodeName")), "")


def _said(cluster: Cluster, snapshot: Snapshot, deployment: Object) -> str:
    """The last lines of the gateway's pods; what may not be read is not missed."""
    found = []
    for pod in new_pods(snapshot, name_of(deployment))[:4]:
        names = [str(c["name"]) for c in pod["spec"]["containers"]]
        try:
            found.append(cluster.logs(snapshot.scope.namespace, str(meta(pod)["name"]), "gateway" if "gateway" in names else names[0], tail=LINES))
        except ApiError:
            continue
    return "\n".join(found)


def _unasked(snapshot: Snapshot, asked: Asked, why: str) -> Cause:
    """The pod did not come to ask. A Secret that is not there has a name."""
    secret = f"Secret/{asked.secret}"
    if f'secret "{asked.secret}" not found' in why:
        what = f"the Secret does not exist; its key {asked.key} has to contain the API key for the completion request"
        return make("SecretMissing", snapshot, secret, what, why, missing=asked.secret)
    if "couldn't find key" in why:
        what = f"the Secret has no key {asked.key}, which has to contain the API key for the completion request"
        return make("SecretKeyMissing", snapshot, secret, what, why, missing=asked.secret, key=asked.key)
    return make("Unverified", snapshot, f"Service/{asked.service}", f"no completion of model {asked.model} could be requested", " ".join(why.split())[-300:])
