# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The helm program itself, for what needs no module: pull a chart once, ask what an upgrade would make, remove a release.

Values travel over standard input and credentials over the environment, never over argv (others can read it).
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ansible import constants

from ..kube.auth import Way
from ..kube.refused import Refused
from . import chart as charts
from . import registry, releases
from .releases import Release

TIMEOUT = 120  # seconds for one helm command that changes nothing


class HelmError(Refused):
    """Helm refused; the text is Helm's own sentence."""


class ChartUnavailable(HelmError):
    """The chart could not be had; the text is what its server, or Helm, says of it."""


class Helm:
    """One helm binary, pointed at one cluster by its environment (:func:`for_helm`)."""

    def __init__(self, binary: str, environment: Mapping[str, str | None]) -> None:
        found = shutil.which(os.path.expanduser(binary) or "helm")
        if not found:
            if binary and os.path.isdir(os.path.expanduser(binary)):
                raise HelmError(f"{binary} is a folder; set oceans_llm_helm_binary to the program in it")
            cure = "install Helm 3.18 or a later 3.x, or Helm 4.2.2 or a later 4.x, or set oceans_llm_helm_binary to its path"
            raise HelmError(f"no program {binary or 'helm'!r} on PATH; {cure}")
        self.binary = os.path.abspath(found)  # one meaning, whatever folder the module runs in
        wanted = {**os.environ, **environment}
        self._environment = {name: value for name, value in wanted.items() if value is not None}

    def pull(self, chart: str, version: str, into: str, server: Mapping[str, Any] | None = None) -> str:
        """A local path of the chart: the collection's own for an empty name, itself when it is a path, else pulled, once in a run whoever
        asks (preflight, release, another host).

        Into Ansible's own folder for temporary files, which all processes of the run share and which it removes at its end;
        into the given one where that cannot be written. `server`: how to speak to the chart's (helm/registry.py).

        :raises ChartUnavailable: when there is no chart to be had.
        """
        if not chart or os.path.exists(os.path.expanduser(chart)):
            return _local(chart, version)
        if not chart.startswith(("oci://", "http://", "https://")):
            raise ChartUnavailable(f"the chart {chart} is neither a folder or archive on this machine, nor an oci:// or https:// address")
        key = hashlib.sha256(json.dumps([self.binary, chart, version]).encode()).hexdigest()[:16]
        folder = os.path.join(constants.DEFAULT_LOCAL_TMP, f"chart-{key}")
        try:
            os.makedirs(folder, mode=0o700, exist_ok=True)
        except OSError:
            return self._pulled(chart, version, into, into, server or {})
        with open(os.path.join(folder, "lock"), "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # the others wait for the first one
            return _archive(folder) or self._pulled(chart, version, folder, into, server or {})

    def _pulled(self, chart: str, version: str, into: str, scratch: str, options: Mapping[str, Any]) -> str:
        arguments = ["pull", chart, "--destination", into, *(["--version", version] if version else []), *registry.flags(chart, options)]
        try:
            self._run(arguments, more=registry.login(chart, options, scratch))
        except (HelmError, ValueError) as error:
            raise ChartUnavailable(registry.in_words(str(error))) from error
        found = _archive(into)
        if not found:
            raise ChartUnavailable(f"helm pull {chart} succeeded, but wrote no archive")
        return found

    def plan(self, release: str, namespace: str, chart: str, values: Mapping[str, Any], after: Release | None, keep: bool = False) -> Release:
        """What `helm upgrade --install` would make now, rendered by Helm against the cluster; nothing is written.

        `keep`: for whoever asks next in this run for the same after the same revision (`after`): once, and never with a Secret in it.
        """
        text, revision = as_text(values), after.revision if after else 0
        kept = self._kept([self.binary, release, namespace, chart, text, revision])
        with contextlib.suppress(OSError), open(kept, encoding="utf-8") as file:
            body = file.read()
            os.unlink(kept)
            return _parsed(body)
        printed = self._run(
            ["upgrade", "--install", release, chart, "--namespace", namespace, "--dry-run=server", "--output", "json", "--values", "-"],
            stdin=text,
        )
        start = re.search(r'^\{"', printed, re.MULTILINE)  # warnings of Helm come before the JSON
        if start is None:
            raise HelmError(f"helm upgrade --dry-run printed no JSON: {printed.strip()[:200]}")
        _body, end = json.JSONDecoder().raw_decode(printed[start.start() :])
        body = printed[start.start() :][:end]
        planned = _parsed(body)
        if keep and not any(obj.get("kind") == "Secret" for obj in planned.objects):
            with contextlib.suppress(OSError), open(os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.write(body)
        return planned

    def _kept(self, asked: list[Any]) -> str:
        """The file of one render, in Ansible's own folder for temporary files, which all processes of the run share and which it removes at its end."""
        with contextlib.suppress(OSError, KeyError), open(self._environment["KUBECONFIG"], encoding="utf-8") as file:
            asked = [*asked, file.read()]
        return os.path.join(constants.DEFAULT_LOCAL_TMP, f"render-{hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:32]}")

    def uninstall(self, release: str, namespace: str, timeout: int) -> None:
        """Remove a release, whatever its state, and wait until its objects are gone."""
        self._run(["uninstall", release, "--namespace", namespace, "--wait", "--timeout", f"{timeout}s"], patience=timeout + TIMEOUT)

    def _run(self, arguments: list[str], stdin: str = "", patience: int = TIMEOUT, more: Mapping[str, str] | None = None) -> str:
        try:
            done = subprocess.run(
                [self.binary, *arguments], input=stdin, capture_output=True, text=True, timeout=patience, env={**self._environment, **(more or {})}, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise HelmError(f"helm {arguments[0]} did not answer within {patience} s") from error
        if done.returncode:
            raise HelmError(said(done.stderr or done.stdout))
        return done.stdout


def _parsed(body: str) -> Release:
    return replace(releases.parse(json.loads(body)), size=releases.record_size(body))


#: a character beyond the first 65536, as JSON has it
_PAIR = re.compile(r"\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}")


def as_text(values: Mapping[str, Any]) -> str:
    """The values as Helm reads them, JSON with one difference: Helm takes it for YAML, which has no surrogate pairs, as JSON has for an emoji.

    Not plain YAML: PyYAML leaves strings like 0123456789 bare, numbers to Helm.
    """
    return _PAIR.sub(lambda pair: f"\\U{ord(json.loads(chr(34) + pair[0] + chr(34))):08x}", json.dumps(dict(values)))


def _local(chart: str, version: str) -> str:
    """:raises ChartUnavailable: when another version than this chart's is asked for."""
    path = os.path.abspath(os.path.expanduser(chart)) if chart else charts.own()  # absolute: kubernetes.core.helm runs in another folder
    has = str(charts.metadata(path).get("version") or "")
    if version and has and has != version:
        raise ChartUnavailable(f"{chart or 'the chart of the collection'} has version {has}, but oceans_llm_chart_version is {version}")
    return path


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


#: what Helm reads of its environment that would lead it to another cluster, user, namespace, storage or program than this run's: all of it
#: is decided here (Helm documentation, environment variables). HELM_PLUGINS: with helm-diff installed, kubernetes.core.helm would ask that
#: plugin whether anything changes, and it knows nothing of drift, of a rotated Secret or of a revision that failed.
DECIDED = (
    "HELM_KUBECONTEXT",
    "HELM_KUBEAPISERVER",
    "HELM_KUBETOKEN",
    "HELM_KUBECAFILE",
    "HELM_KUBEASUSER",
    "HELM_KUBEASGROUPS",
    "HELM_KUBEINSECURE_SKIP_TLS_VERIFY",
    "HELM_KUBETLS_SERVER_NAME",
    "HELM_NAMESPACE",
    "HELM_DEBUG",
)
DRIVERS = ("", "secret", "secrets")


def for_helm(way: Way, folder: str) -> dict[str, str | None]:
    """The environment that leads Helm the same way: a kubeconfig in `folder`, readable by its owner only. None takes a variable away.

    :raises HelmError: when releases are to be kept elsewhere than in Secrets.
    """
    refuse_driver()
    path, plugins = os.path.join(folder, "kubeconfig"), os.path.join(folder, "plugins")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(dict(way.config), file)
    os.makedirs(plugins, mode=0o700, exist_ok=True)
    proxy = {"NO_PROXY": way.no_proxy, "no_proxy": way.no_proxy} if way.no_proxy else {}
    return {**dict.fromkeys(DECIDED), "KUBECONFIG": path, "HELM_DRIVER": "secret", "HELM_PLUGINS": plugins, **proxy}


def refuse_driver() -> None:
    """Everything that is known of a release is read from its Secrets."""
    driver = os.environ.get("HELM_DRIVER", "")
    if driver.lower() not in DRIVERS:
        raise HelmError(
            f"HELM_DRIVER is {driver!r}, but this collection reads Helm's releases from Secrets only; unset HELM_DRIVER, or set HELM_DRIVER to 'secret'"
        )
