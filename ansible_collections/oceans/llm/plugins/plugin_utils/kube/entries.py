# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A kubeconfig's cluster and user before anything is asked with them: values that the client would raise an exception of its own for. Pure."""

from __future__ import annotations

import base64
import binascii
import importlib.util
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

#: keys that are paths, relative to the file that they stand in
PATHS = {"certificate-authority", "client-certificate", "client-key", "tokenFile"}
PROXIES = ("http", "https", "socks5", "socks5h")
#: what a header can carry (RFC 9110, field values), without blanks
_TOKEN = re.compile(r"[\x21-\x7e]+")
_SERVER = re.compile(r"(?i)https?://[^\s/]+(/\S*)?")


def problems(cluster: Mapping[str, Any], user: Mapping[str, Any]) -> Iterator[str]:
    """Each as a sentence, without a value that could be a secret."""
    server, proxy = cluster.get("server"), cluster.get("proxy-url")
    if not isinstance(server, str) or not _SERVER.fullmatch(server):
        yield f"the server of the cluster is {str(server)[:80]!r}, which is not a URL: write https://HOST:PORT"
    if proxy:
        yield from _proxy(str(proxy))
    for key, value in {**cluster, **user}.items():
        if value and key in PATHS and "-----BEGIN" in str(value):
            yield f"{key} contains a certificate or key, but has to be the path of a file (value not shown)"
        elif value and key in PATHS and not os.path.exists(str(value)):
            yield f"{key} is {value}, but this file does not exist"
        elif value and key.endswith("-data") and not _is_base64(value):
            yield f"{key} is not base64 (value not shown)"
        elif value and key.endswith("-data") and b"-----BEGIN" not in base64.b64decode(value):
            yield f"{key} contains no PEM certificate or key after base64 decoding (value not shown)"
    token = user.get("token")
    if token and not (isinstance(token, str) and _TOKEN.fullmatch(token)):
        yield "the token (option api_key, or in the kubeconfig) contains a space, a line break or a non-ASCII character (value not shown)"
    name = (user.get("auth-provider") or {}).get("name") if isinstance(user.get("auth-provider") or {}, Mapping) else "(unnamed)"
    if name not in (None, "oidc"):
        yield f"the auth-provider {name} is not supported since Kubernetes 1.26: replace it with an exec plugin"


def _proxy(proxy: str) -> Iterator[str]:
    scheme, colon, _rest = proxy.partition("://")
    if not colon or scheme.lower() not in PROXIES:
        yield f"the proxy is {(proxy if '@' not in proxy else '(hidden)')[:80]!r}, which has no known scheme: write http://HOST:PORT"
    elif scheme.lower().startswith("socks") and importlib.util.find_spec("socks") is None:
        yield "the proxy is a SOCKS proxy, but the Python package PySocks is not installed: run python -m pip install PySocks"


def _is_base64(value: Any) -> bool:
    try:
        return bool(base64.b64decode("".join(str(value).split()), validate=True))
    except (binascii.Error, ValueError):
        return False
