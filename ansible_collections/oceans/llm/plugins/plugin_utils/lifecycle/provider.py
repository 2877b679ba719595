# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One completion asked at a provider itself with a token, which says whether the provider accepts the token.

Asked from this machine, or through the API server where the provider is a Service of the cluster.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ..gateway import database_way
from ..gateway.database_url import Target
from ..kube.client import ApiError, Cluster
from .deployed import NotPossible

PATIENCE = 20.0  # seconds for each step


def status(cluster: Cluster, namespace: str, provider: Mapping[str, Any], model: str, token: str) -> int:
    """The HTTP status of the answer. :raises NotPossible: when there is none."""
    if provider.get("type") != "openai_compat":
        raise NotPossible(f"this collection cannot send a request to a provider of type {provider.get('type')}")
    question = {"model": model, "stream": False, "messages": [{"role": "user", "content": "Answer with one word."}]}
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "User-Agent": "oceans.llm"}
    try:
        url = urlsplit(str(provider.get("base_url") or ""))
        host, secure = url.hostname or "", url.scheme == "https"
        connection = (http.client.HTTPSConnection if secure else http.client.HTTPConnection)(host, url.port)
        with contextlib.ExitStack() as stack:
            way = database_way.find(cluster, namespace, Target(host, connection.port))
            stream = stack.enter_context(way.connect(PATIENCE))
            connection.sock = stack.enter_context(ssl.create_default_context().wrap_socket(stream, server_hostname=host)) if secure else stream
            connection.request("POST", f"{url.path.rstrip('/')}/chat/completions", json.dumps(question), headers)
            return connection.getresponse().status
    except (database_way.NoWay, ApiError, OSError, ValueError, http.client.HTTPException) as error:
        raise NotPossible(f"the provider cannot be reached from the Ansible controller: {error}") from error
