# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A namespace shared with 1,000 pods and 10,000 events of others: what it costs to follow one release in it, and how soon a fault is named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from .fake_api import FakeApi
from .fake_cluster import WEB, FakeCluster, stamp

PODS, EVENTS = 1000, 10_000
#: MiB more than in a namespace of its own, and seconds more until the fault is named; a busy machine needs some of them
MEMORY, LATER = 150, 5.0
#: follows the release `rel` by the watches alone, once for each line of its input, and tells how long that took and what it cost
FOLLOW = """
import json, os, resource, sys, time
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.follow import Follower
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.model import Scope
for _line in sys.stdin:
    if not os.fork():
        break
    os.wait()
else:
    sys.exit()
begun = time.monotonic()
follower = Follower(Cluster.connect({"host": sys.argv[1]}), Scope(("web",), (), "ns", "rel"), lambda line: None, 60)
follower.start()
outcome = follower.run(None)
follower.stop()
code, peak = outcome.cause.code if outcome.cause else "", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps({"code": code, "object": outcome.cause.object, "seconds": time.monotonic() - begun, "mebibytes": peak}), flush=True)
os._exit(0)
"""


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeApi() as api:
        made = FakeCluster(api)
        made.complete()
        made.put("replicasets", {**made.objects["replicasets"]["web-1"], "spec": WEB["spec"]})
        made.put("deployments", {**made.objects["deployments"]["web"], "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1}})
        made.put("pods", pod("web-1-a", "web-1", {"waiting": {"reason": "ErrImagePull", "message": "reg.example/gw:v0.24.0: not found"}}))
        yield made


def pod(name: str, owner: str, state: dict) -> dict:
    """As large as a real one: managedFields, volumes, conditions."""
    fields = [{"manager": "kubelet", "fieldsV1": {f"f:{n}": {f"k:{{{n}}}": {"f:x": {}} for n in range(8)} for n in range(8)}}]
    owners = [{"kind": "ReplicaSet", "name": owner, "uid": f"uid-{owner}", "controller": True}]
    volumes = [{"name": f"v{n}", "projected": {"sources": [{"configMap": {"name": f"c{n}", "items": [{"key": "k", "path": "p"}]}}]}} for n in range(5)]
    spec = {
        "nodeName": "node-1",
        "volumes": volumes,
        "containers": [{"name": "gateway", "image": "reg.example/gw:v0.24.0", "env": [{"name": "A", "value": "b" * 200}] * 5}],
    }
    status = {
        "phase": "Pending",
        "conditions": [{"type": "Ready", "status": "False"}],
        "containerStatuses": [{"name": "gateway", "ready": False, "state": state}],
    }
    return {"kind": "Pod", "metadata": {"name": name, "ownerReferences": owners, "managedFields": fields}, "spec": spec, "status": status}


def crowd(cluster: FakeCluster) -> None:
    for n in range(PODS):
        cluster.put("pods", pod(f"theirs-{n}", f"theirs-{n % 50}", {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}}))
    for n in range(EVENTS):
        about = {"kind": "Pod", "namespace": "ns", "name": f"theirs-{n % PODS}", "uid": f"uid-theirs-{n % PODS}"}
        text = {"reason": "BackOff", "message": f"Back-off restarting failed container gateway in pod theirs-{n % PODS}_ns", "type": "Warning"}
        times = {"firstTimestamp": stamp(600), "lastTimestamp": stamp(n % 600), "count": n}
        fields = [{"manager": "kubelet", "fieldsV1": {f"f:{k}": {} for k in range(12)}}]
        cluster.put("events", {"kind": "Event", "metadata": {"name": f"theirs.{n}", "managedFields": fields}, "involvedObject": about, **text, **times})


def followed(program: subprocess.Popen) -> dict:
    program.stdin.write("go\n")
    program.stdin.flush()
    return json.loads(program.stdout.readline())


def test_a_crowd_costs_little_and_hides_nothing(cluster):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", FOLLOW, cluster.api.url], text=True, env=environment, **pipes) as program:
        alone = followed(program)
        crowd(cluster)
        beside = followed(program)
    assert alone["code"] == beside["code"] == "ImageNotFound" and beside["object"] == "Pod/web-1-a"
    assert beside["mebibytes"] - alone["mebibytes"] <= MEMORY and beside["seconds"] - alone["seconds"] <= LATER, f"alone {alone}, in the crowd {beside}"
