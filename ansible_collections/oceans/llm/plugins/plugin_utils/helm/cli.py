# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The helm program itself, for what needs no module: pull a chart once, ask what an upgrade would make, remove a release.

Values travel over standard input and credentials over the environment, never over argv (others can read it).
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any

from ansible import constants

from ..kube.client import options, own_server
from . import releases
from .releases import Release

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
        """A local path of the chart: itself when it is one, else pulled, once in a run whoever asks (preflight, release, another host).

        Into Ansible's own folder for temporary files, which all processes of the run share and which it removes at its end;
        into the given one where that cannot be written.
        """
        if os.path.exists(os.path.expanduser(chart)):
            return os.path.abspath(os.path.expanduser(chart))  # kubernetes.core.helm runs in another folder
        if not chart.startswith(("oci://", "http://", "https://")):
            raise HelmError(f"the chart {chart} is neither a folder or archive here nor an oci:// or https:// address")
        key = hashlib.sha256(json.dumps([self.binary, chart, version]).encode()).hexdigest()[:16]
        folder = os.path.join(constants.DEFAULT_LOCAL_TMP, f"chart-{key}")
        try:
            os.makedirs(folder, mode=0o700, exist_ok=True)
        except OSError:
            return self._pulled(chart, version, into)
        with open(os.path.join(folder, "lock"), "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # the others wait for the first one
            return _archive(folder) or self._pulled(chart, version, folder)

    def _pulled(self, chart: str, version: str, into: str) -> str:
        arguments = ["pull", chart, "--destination", into, *(["--version", version] if version else [])]
        if chart.startswith(("oci://127.0.0.1", "oci://localhost")):
            arguments.append("--plain-http")
        self._run(arguments)
        found = _archive(into)
        if not found:
            raise HelmError(f"helm pull {chart} left no archive")
        return found

    def plan(self, release: str, namespace: str, chart: str, values: Mapping[str, Any]) -> Release:
        """What `helm upgrade --install` would make now, rendered by Helm against the cluster; nothing is written."""
        text = self._run(
            ["upgrade", "--install", release, chart, "--namespace", namespace, "--dry-run=server", "--output", "json", "--values", "-"],
            stdin=json.dumps(dict(values)),  # not YAML: PyYAML leaves strings like 0123456789 bare, numbers to Helm
        )
        start = re.search(r'^\{"', text, re.MULTILINE)  # warnings of Helm come before the JSON
        if start is None:
            raise HelmError(f"helm upgrade --dry-run printed no JSON: {text.strip()[:200]}")
        return releases.parse(json.JSONDecoder().raw_decode(text[start.start():])[0])

    def uninstall(self, release: str, namespace: str, timeout: int) -> None:
        """Remove a release, whatever its state, and wait until its objects are gone."""
        self._run(["uninstall", release, "--namespace", namespace, "--wait", "--timeout", f"{timeout}s"], patience=timeout + TIMEOUT)

    def _run(self, arguments: list[str], stdin: str = "", patience: int = TIMEOUT) -> str:
        try:
            done = subprocess.run([self.binary, *arguments], input=stdin, capture_output=True, text=True, timeout=patience,
                                  env=self._environment, check=False)
        except subprocess.TimeoutExpired as error:
            raise HelmError(f"helm {arguments[0]} did not answer within {patience} s") from error
        if done.returncode:
            raise HelmError(said(done.stderr or done.stdout))
        return done.stdout


def _archive(folder: str) -> str:
    """The chart's archive in a folder; empty when there is none."""
    return next((entry.path for entry in os.scandir(folder) if entry.name.endswith(".tgz")), "")


def said(text: str) -> str:
    """Helm's error without its decoration. A chart's own refusal (`fail`) is the part behind `error calling fail:`."""
    text = text.strip().removeprefix("Error: ")
    for mark in ("error calling fail: ", "execution error at "):
        if mark in text:
            text = text.rsplit(mark, 1)[1]
            break
    return text.strip()


def for_helm(auth: Mapping[str, Any], folder: str) -> dict[str, Any]:
    """The auth options as Helm and kubernetes.core.helm understand them.

    A kubeconfig that is a dictionary, and a server that is named without a kubeconfig, become a kubeconfig file in `folder`,
    readable by its owner only: Helm has no option for client certificates, and to a server it would bring the credentials of any
    kubeconfig that it finds.
    """
    known = options(auth)
    config = known.get("kubeconfig")
    if own_server(known):
        config, known = _kubeconfig(known), {}
    elif known.get("client_cert"):
        raise HelmError("client_cert is given without host, or with a kubeconfig; set host, or use a kubeconfig that holds the certificate")
    if not isinstance(config, Mapping):
        return {name: value for name, value in known.items() if name != "client_key"}
    path = os.path.join(folder, "kubeconfig")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(config, file)
    return {**known, "kubeconfig": path}


def _kubeconfig(auth: Mapping[str, Any]) -> dict[str, Any]:
    """One cluster, one user, one context (Kubernetes documentation, client-go kubeconfig v1)."""
    cluster = {"server": auth["host"]}
    if auth.get("validate_certs") is False:
        cluster["insecure-skip-tls-verify"] = True  # which client-go refuses beside an authority
    elif auth.get("ca_cert"):
        cluster["certificate-authority"] = os.path.abspath(os.path.expanduser(auth["ca_cert"]))
    user = {"token": auth["api_key"]} if auth.get("api_key") else {}
    for option, key in (("client_cert", "client-certificate"), ("client_key", "client-key")):
        if auth.get(option):
            user[key] = os.path.abspath(os.path.expanduser(auth[option]))
    return {
        "apiVersion": "v1", "kind": "Config", "current-context": "it", "clusters": [{"name": "it", "cluster": cluster}],
        "users": [{"name": "it", "user": user}], "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
    }


def _environment(auth: Mapping[str, Any]) -> dict[str, str]:
    """Helm's environment for what kubernetes.core takes as arguments (Helm documentation, environment variables)."""
    names = {"kubeconfig": "KUBECONFIG", "context": "HELM_KUBECONTEXT", "host": "HELM_KUBEAPISERVER", "api_key": "HELM_KUBETOKEN", "ca_cert": "HELM_KUBECAFILE"}
    found, wanted = {}, options(auth)
    for argument, variable in names.items():
        value = wanted.get(argument)
        if isinstance(value, str):
            found[variable] = os.path.expanduser(value) if argument in ("kubeconfig", "ca_cert") else value
    if wanted.get("validate_certs") is False:
        found["HELM_KUBEINSECURE_SKIP_TLS_VERIFY"] = "true"
    return found
