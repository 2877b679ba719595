# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The suite's own way to the cluster, none of the collection's code: kubectl, and the official client for watches."""

from __future__ import annotations

import functools
import json
import os
import pathlib
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import kubernetes
import urllib3

ROOT = pathlib.Path(__file__).resolve().parent.parent
STATE = ROOT / ".testbed" / ("" if os.environ.get("OCEANS_LLM_CLUSTER", "oceans-llm") == "oceans-llm" else os.environ["OCEANS_LLM_CLUSTER"])
KUBECONFIG = STATE / "kubeconfig"
KUBECTL = STATE / "bin" / "kubectl"
NODE = f"{os.environ.get('OCEANS_LLM_CLUSTER', 'oceans-llm')}-control-plane"
#: where testbed/second-node.sh has brought it up
SECOND_NODE = f"{NODE.removesuffix('-control-plane')}-second"


#: Jobs of the chart that change the database
CHANGING = ("-migrate", "-bootstrap-admin", "-seed-config")


class Broken(Exception):
    """The suite itself cannot go on; no verdict about the collection."""


def run(*command: str | os.PathLike[str], stdin: str = "", check: bool = True, timeout: float = 180, env: Mapping[str, str] | None = None) -> str:
    """Standard output of a command. :raises Broken: with its standard error."""
    done = subprocess.run(
        [str(c) for c in command], input=stdin, capture_output=True, text=True, timeout=timeout, check=False, env={**os.environ, **(env or {})}
    )
    if check and done.returncode:
        raise Broken(f"{' '.join(str(c) for c in command)[:200]}: {done.stderr.strip()[-500:] or done.stdout.strip()[-500:]}")
    return done.stdout


def kubectl(*arguments: str, stdin: str = "", check: bool = True, timeout: float = 180) -> str:
    return run(KUBECTL, "--kubeconfig", KUBECONFIG, *arguments, stdin=stdin, check=check, timeout=timeout)


def get(namespace: str, what: str, *options: str) -> list[dict[str, Any]]:
    """Objects of a kind."""
    return list(json.loads(kubectl("-n", namespace, "get", what, "-o", "json", *options))["items"])


@functools.cache
def _client() -> Any:
    return kubernetes.config.new_client_from_config(str(KUBECONFIG))


def request(method: str, path: str, body: Any = None, kind: str = "application/json", seconds: float = 60.0) -> dict[str, Any]:
    """One request without a kubectl, which costs more CPU than the request; empty when the object does not exist."""
    more = {} if body is None else {"body": json.dumps(body), "headers": {"Content-Type": kind}}
    try:
        answer = _client().rest_client.pool_manager.request(method, f"{_client().configuration.host}{path}", timeout=seconds, **more)
    except urllib3.exceptions.HTTPError as error:
        raise Broken(f"{method} {path}: {error}") from error
    if answer.status >= 300 and answer.status != 404:
        raise Broken(f"{method} {path}: {answer.status} {answer.data[:300].decode(errors='replace')}")
    found: dict[str, Any] = json.loads(answer.data) if answer.status != 404 else {}
    return found


def read(path: str) -> dict[str, Any]:
    return request("GET", path, seconds=20.0)


@functools.cache
def _resource(api_version: str, kind: str) -> tuple[str, bool]:
    """(path of the group with a placeholder, is it namespaced) of a kind. :raises Broken: there is none."""
    base = f"/api/{api_version}" if "/" not in api_version else f"/apis/{api_version}"
    for found in read(base).get("resources") or ():
        if found["kind"] == kind and "/" not in found["name"]:
            return f"{base}{{}}/{found['name']}", found["namespaced"]
    raise Broken(f"the cluster has no {kind} of {api_version}")


def apply(namespace: str, *objects: Mapping[str, Any], manager: str = "kubectl") -> None:
    """As `kubectl apply --server-side` does it."""
    for obj in objects:
        path, namespaced = _resource(obj["apiVersion"], obj["kind"])
        metadata = obj["metadata"]
        inside = f"/namespaces/{metadata.get('namespace', namespace)}" if namespaced else ""
        path = f"{path.format(inside)}/{metadata['name']}?fieldManager={manager}"
        if not request("PATCH", path, obj, "application/apply-patch+yaml"):
            raise Broken(f"PATCH {path}: the namespace does not exist")


def node(*command: str, stdin: str = "", check: bool = True) -> str:
    """A command on the node itself."""
    return run("docker", "exec", "-i", NODE, *command, stdin=stdin, check=check)


def until(true: Callable[[], Any], seconds: float, otherwise: str) -> None:
    """Look again and again; :raises TimeoutError: `otherwise`, when it has not come true in time."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(otherwise)
        time.sleep(0.2)


class Watcher:
    """Notes when the API server told what of one namespace: pods, Jobs, events, Helm's records, from now on."""

    def __init__(self, namespace: str) -> None:
        self.records: list[tuple[float, str, dict[str, Any]]] = []
        self._api = kubernetes.config.new_client_from_config(str(KUBECONFIG))
        self._stop = False
        self.before: set[str] = set()
        for path in (
            f"/api/v1/namespaces/{namespace}/pods",
            f"/api/v1/namespaces/{namespace}/events",
            f"/api/v1/namespaces/{namespace}/secrets?labelSelector=owner%3Dhelm",
            f"/apis/batch/v1/namespaces/{namespace}/jobs",
            f"/apis/apps/v1/namespaces/{namespace}/deployments",
        ):
            listed = json.loads(self._get(path).data)
            self.before |= {o["metadata"]["uid"] for o in listed["items"]}
            threading.Thread(target=self._watch, args=(path, listed["metadata"]["resourceVersion"]), daemon=True).start()

    def _get(self, path: str, **query: Any) -> Any:
        configuration = self._api.configuration
        text = "&".join(f"{k}={v}" for k, v in query.items())
        return self._api.rest_client.pool_manager.request(
            "GET", f"{configuration.host}{path}{'&' if '?' in path else '?'}{text}", preload_content=not query, timeout=None if query else 20.0
        )

    def _watch(self, path: str, version: str) -> None:
        while not self._stop:
            answer = self._get(path, watch="true", resourceVersion=version, timeoutSeconds=600, allowWatchBookmarks="true")
            rest = b""
            try:
                for chunk in answer.stream(65536, decode_content=True):
                    if self._stop:
                        return
                    now = time.monotonic()
                    *whole, rest = (rest + chunk).split(b"\n")
                    for line in whole:
                        told = json.loads(line)
                        version = told["object"]["metadata"].get("resourceVersion", version) if told["type"] != "ERROR" else version
                        if told["type"] in ("ADDED", "MODIFIED", "DELETED"):
                            told["object"].get("metadata", {}).pop("managedFields", None)
                            self.records.append((now, told["type"], told["object"]))
            except Exception:  # a watch that broke off is begun again where it was
                if self._stop:
                    return
                time.sleep(0.2)

    def stop(self) -> None:
        """No more notes. The threads end with the next thing that their watch tells."""
        self._stop = True

    def first(self, signal: Any) -> float | None:
        """When a signal was first seen, among what is not of the time before."""
        for when, kind, obj in sorted(self.records, key=lambda r: r[0]):
            about = (obj.get("involvedObject") or {}).get("uid") or obj["metadata"]["uid"]
            if about not in self.before and signal(kind, obj):
                return when
        return None

    def jobs_alive_after(self, when: float) -> list[str]:
        """Pods of Jobs that change the database which lived at some time after `when` (monotonic)."""
        alive: dict[str, bool] = {}
        wrong: set[str] = set()
        for at, kind, obj in sorted(self.records, key=lambda r: r[0]):
            if obj.get("kind") != "Pod" or not any(o["kind"] == "Job" and o["name"].endswith(CHANGING) for o in obj["metadata"].get("ownerReferences") or ()):
                continue
            name = obj["metadata"]["name"]
            if at > when + 0.2 and alive.get(name):
                wrong.add(name)
            alive[name] = kind != "DELETED" and (obj.get("status") or {}).get("phase") not in ("Succeeded", "Failed")
            if at > when + 0.2 and alive[name]:
                wrong.add(name)
        return sorted(wrong | {name for name, still in alive.items() if still})
