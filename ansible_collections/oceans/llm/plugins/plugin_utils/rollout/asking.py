# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two ways to ask the gateway a question over HTTP: through its Service by the API server's proxy, and by port-forward to one pod.

An answer of the gateway is told apart from an answer of what stands between. A time-out of a proxied request is nobody's word: the API
server is alive, and either the gateway or the way to its pods is silent.
"""

from __future__ import annotations

import http.client
from dataclasses import dataclass
from enum import Enum

from ..kube import paths
from ..kube.client import ApiError, Cluster
from ..kube.objects import json_object

#: seconds to connect, and for an answer: kubelet's readiness probe took seconds at most, or the pod would not be ready
PATIENCE = 10.0
TIMEOUT = (5.0, PATIENCE)
#: words of the API server that no second try changes: it may not, or cannot, reach pods at all
CLOSED = ("Address is not allowed", "address is not allowed")


class Trouble(Enum):
    """Why the gateway's own answer is not known."""

    NONE = ""
    FORBIDDEN = "the caller lacks a permission"
    NO_WAY = "the API server or a proxy cannot reach the pod"
    SILENT = "no answer in time"
    REFUSED = "the pod refuses the connection"
    AWAY = "the API server does not answer"


@dataclass(frozen=True)
class Reply:
    """`status` and `text` of the gateway, or with a trouble: 0 and why."""

    status: int
    text: str
    trouble: Trouble = Trouble.NONE
    #: the right that is missing, as `verb resource`
    right: str = ""

    @property
    def closed(self) -> bool:
        """True when to ask again would change nothing."""
        return self.trouble in (Trouble.FORBIDDEN, Trouble.SILENT) or any(words in self.text for words in CLOSED)

    def field(self, name: str) -> str:
        return field(self.text, name)


def field(text: str, name: str) -> str:
    """One field of a JSON object; empty when it is not there, or the text is something else."""
    return str(json_object(text).get(name) or "")


def through_service(cluster: Cluster, namespace: str, service: str, port: int, path: str) -> Reply:
    """By the API server's proxy to the Service."""
    try:
        status, _headers, text = cluster.service_request(namespace, service, port, path, timeout=TIMEOUT)
    except ApiError as error:
        return _silent(cluster, str(error))
    text = " ".join(text.split())
    between = field(text, "kind") == "Status"  # the API server's own words
    if between and status == 403:
        return Reply(0, field(text, "message"), Trouble.FORBIDDEN, "get services/proxy")
    if between and status == 429:
        return Reply(0, field(text, "message"), Trouble.AWAY)
    if between or (status in (502, 503, 504) and not text.startswith("{")):
        return Reply(0, f"{status} {field(text, 'message') or text[:200] or 'with an empty answer'}", Trouble.NO_WAY)
    return Reply(status, text)


def _silent(cluster: Cluster, said: str) -> Reply:
    """No answer came through the API server: is it away itself?"""
    try:
        cluster.raw("GET", paths.VERSION, timeout=(2.0, 5.0))
    except ApiError:
        return Reply(0, said, Trouble.AWAY)
    return Reply(0, f"no answer from the gateway within {PATIENCE:.0f} s, while the API server itself answers", Trouble.SILENT)


def through_pod(cluster: Cluster, namespace: str, pod: str, port: int, path: str) -> Reply:
    """By port-forward to one pod."""
    try:
        with cluster.port_forward(namespace, pod, port, PATIENCE) as stream:
            connection = http.client.HTTPConnection("gateway", timeout=PATIENCE)
            connection.sock = stream
            connection.request("GET", path)  # kept open: the client's side of a forwarded port loses what comes right before its end
            answer = connection.getresponse()
            return Reply(answer.status, " ".join(answer.read(65536).decode("utf-8", "replace").split()))
    except ApiError as error:
        if error.status == 403:
            return Reply(0, str(error), Trouble.FORBIDDEN, "create pods/portforward")
        return Reply(0, str(error), Trouble.NO_WAY)
    except TimeoutError:
        return Reply(0, f"no answer from port {port} of Pod/{pod} within {PATIENCE:.0f} s", Trouble.SILENT)
    except ConnectionRefusedError as error:
        return Reply(0, f"port {port} of Pod/{pod}: {_first(error)}", Trouble.REFUSED)
    except (OSError, http.client.HTTPException) as error:
        return Reply(0, f"port {port} of Pod/{pod}: {_first(error)}", Trouble.NO_WAY)


def _first(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
