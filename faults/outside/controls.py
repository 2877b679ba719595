# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controls: slow, odd or damaged elsewhere, but the release is healthy. They must stay green, and no line may doubt or blame."""

from __future__ import annotations

import threading
import time
from typing import Any

from .. import kube, registry
from ..kube import kubectl
from ..place import Place
from .bites import either, stuck, unreachable
from .foreign import UPGRADE, WAIT, Foreign
from .hands import IMAGE, POD_SECURITY, container, in_turn, init, json_patch, policy, put, restart

HEALTHY = either(stuck, unreachable)


def _neighbour(place: Place, command: list[str], replicas: int = 2) -> dict[str, Any]:
    """A Deployment in a namespace beside the row's; removed with it by `_alone_again`."""
    labels = {"app": "neighbour"}
    container = {
        "name": "neighbour",
        "image": IMAGE,
        "command": command,
        "securityContext": {**POD_SECURITY, "runAsUser": 10001},
        "resources": {"requests": {"cpu": "5m", "memory": "16Mi"}, "limits": {"memory": "128Mi"}},
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
    }
    tmp = {"name": "tmp", "emptyDir": {}}  # on the node's disk; the root file system is read-only
    spec = {"serviceAccountName": "lister", "terminationGracePeriodSeconds": 0, "containers": [container], "volumes": [tmp]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "neighbour", "namespace": f"{place.namespace}-next"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": spec}},
    }


def make_neighbour(place: Place, command: list[str], replicas: int = 2) -> None:
    name = f"{place.namespace}-next"
    kubectl("wait", "--for=delete", f"namespace/{name}", "--timeout=60s", check=False)
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name}}
    binding = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": name}}
    kube.apply(
        name,
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "lister"}},
        {**role, "rules": [{"apiGroups": ["", "apps"], "resources": ["pods", "events", "deployments"], "verbs": ["list"]}]},
        {
            **binding,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": "lister", "namespace": name}],
        },
        _neighbour(place, command, replicas),
    )
    kubectl("-n", name, "rollout", "status", "deployment/neighbour", "--timeout=300s")


def away(row: str) -> Any:
    def do() -> None:
        name = f"out-{row}-next"
        kubectl("delete", "namespace", name, "--ignore-not-found", "--wait=false", check=False)
        kubectl("delete", "clusterrole,clusterrolebinding", name, "--ignore-not-found", check=False)

    return do


LIST = """
import ssl, time
from urllib.request import Request, urlopen
at = '/var/run/secrets/kubernetes.io/serviceaccount/'
headers = {'Authorization': 'Bearer ' + open(at + 'token').read()}
context = ssl.create_default_context(cafile=at + 'ca.crt')
while True:
    for path in ('/api/v1/pods', '/api/v1/events', '/apis/apps/v1/deployments'):
        try:
            urlopen(Request('https://kubernetes.default.svc' + path, headers=headers), context=context).read()
        except OSError:
            pass
    time.sleep(0.2)
"""
#: on the node: the interface behind which an address is, by the bridge's own table. A kernel without netem has a bucket: 64 kbit a second,
#: which is up to 500 ms of delay, and loss of what has to wait longer.
NETEM = """
busybox ping -c 1 -W 1 "$1" > /dev/null 2>&1
mac=$(ip neigh show "$1" | grep -o 'lladdr [^ ]*' | cut -d' ' -f2)
dev=$(bridge fdb show | grep -i "$mac" | head -n 1 | sed 's/.*dev \\([^ ]*\\).*/\\1/')
shift
tc qdisc add dev "$dev" root netem $1 2> /dev/null || tc qdisc add dev "$dev" root tbf rate 64kbit burst 1600 latency 500ms
"""
CHATTER = ["python3", "-c", "import http.server; http.server.test(port=8000)"]


def _listers(place: Place) -> None:
    make_neighbour(place, ["python3", "-c", LIST], 5)
    restart(place)


def _slow_neighbour(place: Place) -> None:
    """500 ms of delay and half of all packets lost, on the neighbour's own interfaces."""
    make_neighbour(place, CHATTER)
    for pod in kube.get(f"{place.namespace}-next", "pod"):
        kube.node("sh", "-c", NETEM, "netem", pod["status"]["podIP"], "delay 500ms loss 50%")
    restart(place)


def _killed_neighbour(place: Place) -> None:
    make_neighbour(place, CHATTER)
    name = f"{place.namespace}-next"

    def kill() -> None:
        for _ in range(8):
            kubectl("-n", name, "delete", "pod", "--all", "--grace-period=0", "--force", "--wait=false", check=False)
            time.sleep(2)

    threading.Thread(target=kill, daemon=True).start()
    restart(place)


def _slow_registry(place: Place) -> None:
    container(image=f"{place.fill(registry.image('slow8'))}:v0.24.0")(place)


def _odd_autoscaler(place: Place) -> None:
    metric = {"type": "Resource", "resource": {"name": "memory", "target": {"type": "Utilization", "averageUtilization": 1}}}
    scale = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "oc-oceans-llm-gateway"}
    put(
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "odd"},
            "spec": {"scaleTargetRef": scale, "minReplicas": 1, "maxReplicas": 1, "metrics": [metric]},
        }
    )(place)
    restart(place)


NO_LIMITS = json_patch({"op": "remove", "path": "/spec/template/spec/containers/0/resources"})
ROWS = (
    Foreign(
        "quiet",
        "an init container sleeps 150 s, and nothing else happens",
        None,
        init("sleeper", "sleep 150"),
        HEALTHY,
        timeout=240,
        takes=260,
        idle=True,
    ),
    Foreign(
        "I6",
        "a NetworkPolicy that blocks nothing (ports: [])",
        None,
        in_turn(policy("odd", policyTypes=["Ingress"], ingress=[{"ports": []}]), restart),
        HEALTHY,
        needs=("network-policy",),
        name="Ingress Port Blocking Network Policy",
    ),
    Foreign("I10", "five pods list all objects again and again", None, _listers, HEALTHY, mend=away("i10"), name="Kubernetes API Server Request Surge"),
    Foreign(
        "I11", "a HorizontalPodAutoscaler with an unusual target", None, _odd_autoscaler, HEALTHY, name="Misconfigured Kubernetes Horizontal Pod Autoscaler"
    ),
    Foreign(
        "I24",
        "the CPU and memory limits of the gateway are removed",
        None,
        NO_LIMITS,
        HEALTHY,
        (WAIT, UPGRADE),
        quick=True,
        name="Unassigned Kubernetes Workload Container Resource Limits",
    ),
    Foreign("S42", "a registry that takes 8 s for each answer", None, _slow_registry, HEALTHY, needs=("registry",), timeout=120, name="image_slow_load"),
    Foreign(
        "O4",
        "500 ms of network delay and 50 % packet loss in another workload's pods",
        None,
        _slow_neighbour,
        HEALTHY,
        mend=away("o4"),
        name="Chaos Mesh network delay",
    ),
    Foreign("S45", "another workload's pods are killed again and again", None, _killed_neighbour, HEALTHY, mend=away("s45"), name="Chaos Mesh pod kill"),
    Foreign("restart", "a rollout restart, and nothing else", None, restart, HEALTHY, (WAIT, UPGRADE)),
)
