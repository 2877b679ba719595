# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server that a chart is pulled from: its certificate authority, its login, and what is wrong when it gives no chart."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ..kube.auth import absolute

VARIABLE = "oceans_llm_chart_registry"
#: (Helm's words, what to do); the first that fits
CURES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(words, re.IGNORECASE), cure)
    for words, cure in (
        (r"but oceans_llm_chart_version is", "leave oceans_llm_chart_version empty, because it is only for charts at an oci:// or https:// address"),
        (r"x509|certificate", f"set {VARIABLE}.ca_cert to the file with the certificate of the server's certificate authority"),
        (r"first record does not look like a TLS handshake|HTTP response to HTTPS client", f"if the server serves plain HTTP, set {VARIABLE}.plain_http: true"),
        (
            r"\b401\b|\b403\b|unauthorized|denied|asks for a login|forbidden",
            f"set {VARIABLE}.username and {VARIABLE}.password, or log in: helm registry login <server>",
        ),
        (
            r"no such host|connection refused|timeout|timed out|unreachable|did not answer",
            "check the server's name in oceans_llm_chart, and the proxy of this machine",
        ),
        (
            r"not found|\b404\b|improper constraint|no chart version",
            "correct oceans_llm_chart and oceans_llm_chart_version, because the server has no such chart",
        ),
    )
)


def cure(words: str) -> str:
    found = next((cure for pattern, cure in CURES if pattern.search(words)), "correct oceans_llm_chart")
    return f"{found}; or set oceans_llm_chart to a folder or archive on this machine, which needs no server"


def in_words(words: str) -> str:
    """Helm's error; of a login that is missing it says only which kind it looked for."""
    return re.sub(r"basic credential not found", "the server asks for a login", " ".join(words.split()))


def flags(chart: str, registry: Mapping[str, Any]) -> list[str]:
    """Options of `helm pull`; nothing secret is among them."""
    found = []
    if registry.get("ca_cert"):
        found += ["--ca-file", absolute(str(registry["ca_cert"]))]
    if registry.get("validate_certs") is False:
        found.append("--insecure-skip-tls-verify")
    if registry.get("plain_http") or chart.startswith(("oci://127.0.0.1", "oci://localhost")):
        found.append("--plain-http")
    return found


def login(chart: str, registry: Mapping[str, Any], folder: str) -> dict[str, str]:
    """Environment that gives Helm the login, by a file in `folder`: on the command line everybody could read the password.

    :raises ValueError: for a server that Helm takes a login for on the command line only.
    """
    if not registry.get("username") and not registry.get("password"):
        return {}
    if not chart.startswith("oci://"):
        raise ValueError(
            f"{VARIABLE}: user name and password are supported for oci:// only, because helm would show them to every user of this machine for other addresses"
        )
    secret = base64.b64encode(f"{registry.get('username') or ''}:{registry.get('password') or ''}".encode()).decode()
    path = os.path.join(folder, "registry.json")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump({"auths": {urlsplit(chart).netloc: {"auth": secret}}}, file)
    return {"HELM_REGISTRY_CONFIG": path}
