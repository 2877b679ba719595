# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The helm program itself, for what needs no module: pull a chart once, and ask what an upgrade would make.

Values travel over standard input and credentials over the environment, never over argv (others can read it).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any

import yaml

from . import helm_release
from .helm_release import Release

TIMEOUT = 120  # seconds for one helm command that changes nothing


class HelmError(Exception):
    """Helm refused; the text is Helm's own sentence."""


class Helm:
    """One helm binary, pointed at one cluster. `auth` has kubernetes.core's argument names."""

    def __init__(self, binary: str, auth: Mapping[str, Any]) -> None:
        found = shutil.which(binary or "helm")
        if not found:
            raise HelmError(f"no helm program {binary or 'helm'!r} on PATH; install Helm >= 3.18 or >= 4.2.2, or set oceans_llm_helm_binary")
        self.binary = found
        self._environment = {**os.environ, **_environment(auth)}

    def pull(self, chart: str, version: str, into: str) -> str:
        """A local path of the chart: itself when it is one, else pulled into a folder."""
        if os.path.exists(os.path.expanduser(chart)):
            return os.path.expanduser(chart)
        if not chart.startswith(("oci://", "http://", "https://")):
            raise HelmError(f"the chart {chart} is neither a folder or archive here nor an oci:// or https:// address")
        arguments = ["pull", chart, "--destination", into, *(["--version", version] if version else [])]
        if chart.startswith("oci://127.0.0.1") or chart.startswith("oci://localhost"):
            arguments.append("--plain-http")
        self._run(arguments)
        return next(entry.path for entry in os.scandir(into) if entry.name.endswith(".tgz"))

    def plan(self, release: str, namespace: str, chart: str, values: Mapping[str, Any]) -> Release:
        """What `helm upgrade --install` would make now, rendered by Helm against the cluster; nothing is written."""
        text = self._run(
            ["upgrade", "--install", release, chart, "--namespace", namespace, "--dry-run=server", "--output", "json", "--values", "-"],
            stdin=yaml.safe_dump(dict(values)),
        )
        start = text.find("{")  # warnings of Helm come before the JSON
        return helm_release.parse(json.loads(text[start:]))

    def _run(self, arguments: list[str], stdin: str = "") -> str:
        try:
            done = subprocess.run([self.binary, *arguments], input=stdin, capture_output=True, text=True, timeout=TIMEOUT,
                                  env=self._environment, check=False)
        except subprocess.TimeoutExpired as error:
            raise HelmError(f"helm {arguments[0]} did not answer within {TIMEOUT} s") from error
        if done.returncode:
            raise HelmError(said(done.stderr or done.stdout))
        return done.stdout


def said(text: str) -> str:
    """Helm's error without its decoration. A chart's own refusal (`fail`) is the part behind `error calling fail:`."""
    text = text.strip().removeprefix("Error: ")
    for mark in ("error calling fail: ", "execution error at "):
        if mark in text:
            text = text.rsplit(mark, 1)[1]
            break
    return text.strip()


def _environment(auth: Mapping[str, Any]) -> dict[str, str]:
    """Helm's environment for what kubernetes.core takes as arguments (Helm documentation, environment variables)."""
    names = {"kubeconfig": "KUBECONFIG", "context": "HELM_KUBECONTEXT", "host": "HELM_KUBEAPISERVER", "api_key": "HELM_KUBETOKEN", "ca_cert": "HELM_KUBECAFILE"}
    fallback = {"kubeconfig": "K8S_AUTH_KUBECONFIG", "context": "K8S_AUTH_CONTEXT", "host": "K8S_AUTH_HOST", "api_key": "K8S_AUTH_API_KEY", "ca_cert": "K8S_AUTH_SSL_CA_CERT"}
    found = {}
    for argument, variable in names.items():
        value = auth.get(argument) or os.environ.get(fallback[argument])
        if value and isinstance(value, str):
            found[variable] = os.path.expanduser(value) if argument in ("kubeconfig", "ca_cert") else value
    return found
