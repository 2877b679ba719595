# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Record what the API server tells while a scenario runs, and replay it: the rules' tests need no cluster, only these files.

    KUBECONFIG=... python -m ansible_collections.oceans.llm.tests.recordings.record [NAME ...]     (from the folder above ansible_collections)

A recording is the picture before the start and every change after it, with the seconds (server's clock) at which it came;
logs that were read are changes too. The name of a scenario begins with the rule that it shows. Only what the rules never look at (managedFields) is left out.
"""

from __future__ import annotations

import gzip
import json
import pathlib
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ansible_collections.oceans.llm.plugins.plugin_utils.helm.process import Helm
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import ApiError, Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes import find
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.logs import LogReader
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.model import Scope, Snapshot
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.verdict import State, judge
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.watch import Change, Observer, World
from ansible_collections.oceans.llm.plugins.plugin_utils.secrets.redact import Redactor

from .replay import AT_ONCE
from .scenarios import SCENARIOS, Scenario

STREAMS = pathlib.Path(__file__).parent / "streams"
PREFIX = "engine-rec-"
PLURAL = {
    "Deployment": "deployments",
    "Job": "jobs",
    "Secret": "secrets",
    "ConfigMap": "configmaps",
    "PersistentVolumeClaim": "persistentvolumeclaims",
    "ResourceQuota": "resourcequotas",
    "LimitRange": "limitranges",
}


class Logs(dict[tuple[str, str], str]):
    """Logs that were read, as changes of the recording."""

    def __init__(self, note: Any) -> None:
        super().__init__()
        self._note = note

    def __setitem__(self, key: tuple[str, str], text: str) -> None:
        super().__setitem__(key, text)
        self._note(Change("Log", "LOG", (*key, text)))


def record(cluster: Cluster, scenario: Scenario) -> str:
    """Run one scenario in a namespace of its own; returns a line about it."""
    ns = PREFIX + scenario.name.replace(".", "-").replace("_", "-")
    cluster.create(paths.NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ns, "labels": scenario.labels}})
    try:
        _wait_for_account(cluster, ns)
        for obj in scenario.ground:
            cluster.create(paths.of(obj["apiVersion"], PLURAL[obj["kind"]], ns), obj)
        if any(o["kind"] == "ResourceQuota" for o in scenario.ground):
            time.sleep(2)  # the controller has to count first
        return _run(cluster, scenario, ns)
    finally:
        cluster.delete(paths.namespace(ns))


def _run(cluster: Cluster, scenario: Scenario, ns: str) -> str:
    clean, observer = Redactor(), Observer(cluster, ns)
    state, changes = observer.start(), []
    started = cluster.now()
    before = json.loads(json.dumps(state))
    world = World(state, started)

    def note(change: Change) -> None:
        changes.append([round(cluster.now() - started, 3), change.kind, change.type, _bare(change.object)])

    world.logs = Logs(note)
    reader = LogReader(cluster, ns, clean, observer.put)
    scope = scope_of(scenario, ns)
    for obj in scenario.objects:
        cluster.create(paths.collection(PLURAL[obj["kind"]], ns), obj)
    todo, said, end, acted = list(scenario.then), "", time.monotonic() + scenario.seconds, 0.0
    while time.monotonic() < end:
        for change in observer.changes(0.1):
            if change.type != "LOG":
                note(change)
            world.apply(change)
        snapshot = Snapshot(cluster.now(), started, world.objects, scope, world.logs)
        reader.read_new(snapshot, world.logs)
        while todo and cluster.now() - started > todo[0][0]:
            act(cluster, ns, todo.pop(0)[1])
            acted = time.monotonic()
        verdict = judge(snapshot, find(snapshot), Helm())
        there = all(name in world.objects[kind] for kind, names in (("Deployment", scope.deployments), ("Job", scope.jobs)) for name in names)
        if verdict.state is not State.PROGRESSING and there and not todo and not said and time.monotonic() - acted > 2:
            said = f"{verdict.cause.code if verdict.cause else 'done'} at {cluster.now() - started:.1f} s"
            end = min(end, time.monotonic() + 3)  # what comes after it belongs to it
    observer.stop()
    body = {
        "scenario": scenario.name,
        "expect": scenario.expect,
        "namespace": ns,
        "started": started,
        "scope": [list(scope.deployments), list(scope.jobs)],
        "before": _bare(before),
        "seconds": round(cluster.now() - started, 1),
        "changes": changes,
    }
    target = STREAMS / f"{scenario.name}.json.gz"
    target.write_bytes(gzip.compress(json.dumps(body, separators=(",", ":")).encode(), mtime=0))
    return f"{scenario.name}: {said or 'not decided'}; {len(changes)} changes; expected {scenario.expect or 'done'}"


def scope_of(scenario: Scenario, ns: str) -> Scope:
    names = {kind: tuple(o["metadata"]["name"] for o in scenario.objects if o["kind"] == kind) for kind in ("Deployment", "Job")}
    return Scope(names["Deployment"], names["Job"], ns, "it")


def act(cluster: Cluster, ns: str, what: str) -> None:
    if what == "delete-job-pod":
        for found in cluster.list(paths.pods(ns), labelSelector="app=it-migrate")["items"]:
            cluster.delete(paths.pod(ns, found["metadata"]["name"]))
    elif what == "evict-job-pod":
        for found in cluster.list(paths.pods(ns), labelSelector="app=it-migrate")["items"]:
            body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": found["metadata"]["name"], "namespace": ns}}
            cluster.create(f"{paths.pod(ns, found['metadata']['name'])}/eviction", body)
    elif what == "update":
        cluster.patch(paths.deployment(ns, "it"), {"spec": {"template": {"metadata": {"annotations": {"again": "1"}}}}})
    elif what == "lose-old-pod":  # the new version has no init container; the old one's fails from now on
        cluster.create(paths.configmaps(ns), {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "flag"}, "data": {"newer": "yes"}})
        cluster.patch(paths.deployment(ns, "it"), {"spec": {"template": {"spec": {"initContainers": None}}}})
        time.sleep(2)
        pods = cluster.list(paths.pods(ns), labelSelector="app=it")["items"]
        cluster.delete(paths.pod(ns, min(pods, key=lambda p: p["metadata"]["creationTimestamp"])["metadata"]["name"]))
    elif what == "mend-job":  # a Job's template cannot be changed: another one under the same name, as a Helm hook does
        live = cluster.get(paths.job(ns, "it-migrate"))
        cluster.delete(paths.job(ns, "it-migrate"))
        while cluster.find(paths.job(ns, "it-migrate")):
            time.sleep(0.1)
        spec = {"backoffLimit": 3, "template": {"metadata": {"labels": {"app": "it-migrate"}}, "spec": live["spec"]["template"]["spec"]}}
        spec["template"]["spec"]["containers"][0]["command"] = ["sh", "-c", "echo 'v17 baseline [applied]'"]
        cluster.create(paths.jobs(ns), {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "it-migrate"}, "spec": spec})
    elif what == "label-node":
        node = cluster.list("/api/v1/nodes")["items"][0]["metadata"]["name"]
        cluster.patch(f"/api/v1/nodes/{node}", {"metadata": {"labels": {"oceans-llm-test": "late"}}})


def _wait_for_account(cluster: Cluster, ns: str) -> None:
    while not cluster.find(paths.item("serviceaccounts", ns, "default")):
        time.sleep(0.1)


def _bare(data: Any) -> Any:
    if isinstance(data, dict):
        return {k: _bare(v) for k, v in data.items() if k != "managedFields"}
    return [_bare(v) for v in data] if isinstance(data, (list, tuple)) else data


# --- replay ------------------------------------------------------------------------------------------------------------


def load(name: str) -> dict[str, Any]:
    return dict(json.loads(gzip.decompress((STREAMS / f"{name}.json.gz").read_bytes())))


def pictures(recording: dict[str, Any], changes: Sequence[Any] | None = None, until: float | None = None, step: float = 0.25) -> Iterator[Snapshot]:
    """The pictures that the follower would have had: after every change (those that came in together: once), and in between as the clock goes on."""
    started = recording["started"]
    world = World(json.loads(json.dumps(recording["before"])), started)
    scope = Scope(tuple(recording["scope"][0]), tuple(recording["scope"][1]), recording["namespace"], "it")
    clock, end = 0.0, recording["seconds"] if until is None else until
    todo = list(recording["changes"] if changes is None else changes)
    while todo or clock < end:
        due = todo[0][0] if todo else end
        while clock + step < due:
            clock += step
            yield Snapshot(started + clock, started, world.objects, scope, world.logs).sharing(world.known_of(None))
        clock = max(clock, due)
        if todo:
            _at, kind, type_, obj = todo.pop(0)
            world.apply(Change(kind, type_, tuple(obj) if type_ == "LOG" else obj))
            if todo and todo[0][0] - due <= AT_ONCE:
                continue
        yield Snapshot(started + clock, started, world.objects, scope, world.logs).sharing(world.known_of(None))


def main(names: Sequence[str]) -> int:
    cluster = Cluster.connect()
    STREAMS.mkdir(exist_ok=True)
    chosen = [s for s in SCENARIOS if not names or s.name in names]

    def one(scenario: Scenario) -> str:
        try:
            return record(cluster, scenario)
        except ApiError as error:
            return f"{scenario.name}: {error}"

    with ThreadPoolExecutor(max_workers=4) as pool:
        for line in pool.map(one, chosen):
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
