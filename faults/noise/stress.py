# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Healthy rollouts on kind while everything around them is slow, busy or failing: a restart that the role `wait` watches, and an upgrade by `deploy`."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from typing import Any

from .. import kube, registry
from ..kube import kubectl
from ..outside import variants
from ..outside.controls import HEALTHY, NETEM, away, make_neighbour
from ..outside.foreign import UPGRADE, WAIT, Foreign
from ..outside.hands import IMAGE, POD_SECURITY, Inject, container, in_turn, put, restart
from ..place import Place

BOTH = (WAIT, UPGRADE)
BURN = ["python3", "-c", "while True: pass"]
DISK = ["python3", "-c", "import os\nwhile True:\n f = open('/tmp/x', 'wb')\n for _ in range(64):\n  f.write(bytes(1 << 20)); f.flush(); os.fsync(f.fileno())"]


def _small(name: str, command: list[str], **more: Any) -> dict[str, Any]:
    """A container of somebody else's, small enough for a busy machine."""
    resources = {"requests": {"cpu": "5m", "memory": "16Mi"}, "limits": {"memory": "128Mi"}}
    return {"name": name, "image": IMAGE, "command": command, "securityContext": {**POD_SECURITY, "runAsUser": 10001}, "resources": resources, **more}


def _failing_job(place: Place) -> None:
    """A Job of somebody else in the same namespace that fails again and again."""
    spec = {"restartPolicy": "Never", "containers": [_small("nightly", ["sh", "-c", "echo 'nightly report: database unknown'; exit 3"])]}
    put({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "nightly"}, "spec": {"backoffLimit": 6, "template": {"spec": spec}}})(place)


def _other_release(place: Place) -> None:
    """A Deployment of somebody else in the same namespace that has no image, and one that crashes; they wear the chart's labels, but for the release's name."""
    for name, fields in (("their-gateway", {"image": "127.0.0.1:5000/oceans-llm/gateway:v9.9.9"}), ("their-admin-ui", {"command": ["sh", "-c", "exit 1"]})):
        labels = {"app.kubernetes.io/name": "oceans-llm", "app.kubernetes.io/instance": "theirs", "app.kubernetes.io/component": name.removeprefix("their-")}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [{**_small("gateway", BURN), **fields}]}}
        spec = {"selector": {"matchLabels": labels}, "template": template}
        put({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec})(place)


def _killed_pods(place: Place) -> None:
    """Pods of somebody else in the same namespace are made and killed all the time."""
    labels = {"app": "theirs"}
    template = {"metadata": {"labels": labels}, "spec": {"terminationGracePeriodSeconds": 0, "containers": [_small("theirs", ["sleep", "1000"])]}}
    put(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "theirs"},
            "spec": {"replicas": 3, "selector": {"matchLabels": labels}, "template": template},
        }
    )(place)

    def kill() -> None:
        for _ in range(10):
            kubectl("-n", place.namespace, "delete", "pod", "-l", "app=theirs", "--grace-period=0", "--force", "--wait=false", check=False)
            time.sleep(2)

    threading.Thread(target=kill, daemon=True).start()


def _events(place: Place) -> None:
    """A thousand warnings about pods that are nobody's."""
    about = {"apiVersion": "v1", "kind": "Pod", "namespace": place.namespace, "name": "gone"}
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    items = [
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"gone.{i}", "namespace": place.namespace},
            "involvedObject": about,
            "reason": "BackOff",
            "message": "Back-off restarting failed container",
            "type": "Warning",
            "firstTimestamp": stamp,
            "lastTimestamp": stamp,
            "count": i,
            "source": {"component": "kubelet"},
        }
        for i in range(1, 1001)
    ]
    kubectl("create", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}), timeout=300)


def _slow_network(place: Place) -> None:
    """500 ms of delay for everything that the release's own running pods send and receive."""
    for pod in kube.get(place.namespace, "pod", "--field-selector=status.phase=Running"):
        kube.node("sh", "-c", NETEM, "netem", pod["status"]["podIP"], "delay 500ms")


def _beside(command: list[str], replicas: int) -> Inject:
    return lambda place: make_neighbour(place, command, replicas)


def _slow_registry(place: Place) -> None:
    """A patch, and for an upgrade a value: a deployment over an image that somebody set by hand is rightly refused (FieldConflict)."""
    if place.row.ways == (WAIT,):
        container(image=f"{place.fill(registry.image('slow6'))}:v0.24.0")(place)


def _row(id_: str, title: str, *stress: Inject, **more: Any) -> list[Foreign]:
    """Both ways of one stress; a new rollout follows it, the row's own or the deploy."""
    row = Foreign(id_, title, None, None, HEALTHY, BOTH, timeout=300, **more)
    found = []
    for each in variants(row):
        last = (restart,) if each.ways == (WAIT,) else ()
        found.append(replace(each, inject=in_turn(*stress, *last), mend=away(each.id.lower())))
    return found


ROWS: tuple[Foreign, ...] = (
    *_row("N1", "four pods use all CPU of the node", _beside(BURN, 4)),
    *_row("N2", "500 ms of network delay in the release's own pods", _slow_network),
    *_row(
        "N3",
        "a registry that takes 6 s for each answer",
        _slow_registry,
        needs=("registry",),
        values={"gateway": {"image": {"repository": registry.image("slow6")}}},
    ),
    *_row("N4", "pods of other workloads write to the disk all the time", _beside(DISK, 2)),
    *_row("N5", "a Job of another application fails in the same namespace", _failing_job),
    *_row("N6", "another release in the same namespace has an image that does not exist, and a container that crashes", _other_release),
    *_row("N7", "pods of another application are killed in the same namespace", _killed_pods),
    *_row("N8", "a thousand warning events about pods that belong to no workload", _events),
    *_row(
        "N9",
        "in the same namespace, another release and a Job of another application fail, and pods of another application are killed",
        _other_release,
        _failing_job,
        _killed_pods,
    ),
    *_row("N10", "four pods use all CPU, and the release's pods have 500 ms of network delay", _beside(BURN, 4), _slow_network),
)
