# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kinds of faults that the tables before did not have: addresses by hand that belong to pods, policies for nobody, volumes that nobody provides, pods
that somebody deletes, webhooks that answer wrongly, objects that do not go."""

from __future__ import annotations

import base64
import json
import threading
import time
from typing import Any

from .. import kube
from ..kube import kubectl
from ..place import Place
from .bites import either, mixed, stuck, unreachable
from .carriers import away, hook
from .controls import HEALTHY
from .eye import GATEWAY
from .foreign import UPGRADE, Foreign, Wanted
from .hands import DEPLOYMENT, Inject, call, claim, deployment, in_turn, json_patch, policy, put, restart, volume
from .kinds import EXTRA, SERVICE, private_image
from .workload import G

JOB = "oc-oceans-llm-migrate"
PODS = ("-l", "app.kubernetes.io/component=gateway")
NAMES = {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53}]}
ELSEWHERE = {"to": [{"ipBlock": {"cidr": "10.99.0.0/16"}}], "ports": [{"port": 5432}]}
#: seconds for which pods are deleted: longer than a run
KILLING = 110.0


def _endpoint(name: str, port: int, gone: bool) -> Inject:
    """An EndpointSlice by hand with a targetRef: of a pod that does not exist, or of the gateway's own pod with another port."""

    def do(place: Place) -> None:
        own = kube.get(place.namespace, "pod", *PODS)[0]
        target = {"kind": "Pod", "name": f"{GATEWAY}-gone" if gone else own["metadata"]["name"], "namespace": place.namespace}
        end = {"addresses": ["192.0.2.9" if gone else own["status"]["podIP"]], "conditions": {"ready": True}, "targetRef": target}
        metadata = {**EXTRA["metadata"], "name": name}
        kube.apply(place.namespace, {**EXTRA, "metadata": metadata, "endpoints": [end], "ports": [{"name": "http", "port": port, "protocol": "TCP"}]})

    return do


def _other_registry(place: Place) -> None:
    auths = json.dumps({"auths": {"quay.example": {"auth": base64.b64encode(b"user:password").decode()}}})
    secret = {"type": "kubernetes.io/dockerconfigjson", "metadata": {"name": "regcred"}, "stringData": {".dockerconfigjson": auths}}
    kube.apply(place.namespace, {"apiVersion": "v1", "kind": "Secret", **secret})
    private_image(place)


def _killed_again(place: Place) -> None:
    def kill() -> None:
        end = time.monotonic() + KILLING
        while time.monotonic() < end:
            kubectl("-n", place.namespace, "delete", "pod", *PODS, "--grace-period=0", "--force", "--wait=false", check=False)
            time.sleep(2)

    restart(place)
    threading.Thread(target=kill, daemon=True).start()


def held(place: Place) -> str:
    """kubectl: the hook Job is being deleted, and is not gone."""
    going = [j for j in kube.get(place.namespace, "job") if j["metadata"].get("deletionTimestamp")]
    return f"Job {JOB} is being deleted" if going else ""


def _finalizers(value: Any) -> str:
    return json.dumps({"metadata": {"finalizers": value}})


CLASS = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "@ROW@-none"},
    "provisioner": "example.com/none",
    "volumeBindingMode": "WaitForFirstConsumer",
}
SLOW_STOP = {
    "strategy": {"type": "Recreate", "rollingUpdate": None},
    "template": {
        "spec": {
            "terminationGracePeriodSeconds": 900,
            "containers": [{"name": "gateway", "lifecycle": {"preStop": {"exec": {"command": ["sleep", "600"]}}}}],
        }
    },
}
ROWS = (
    Foreign(
        "K8a",
        "an EndpointSlice created by hand names a pod that does not exist",
        Wanted(rf"EndpointSlice/ghost|{SERVICE}", (r"192\.0\.2\.9|gateway-gone",)),
        _endpoint("ghost", 8080, gone=True),
        mixed,
        name="EndpointSlices of a Service",
    ),
    Foreign(
        "K8b",
        "an EndpointSlice created by hand leads to another port of the gateway's pod",
        Wanted(rf"EndpointSlice/wrong|{SERVICE}", (r"9090",)),
        _endpoint("wrong", 9090, gone=False),
        mixed,
        name="EndpointSlices of a Service",
    ),
    Foreign(
        "S57",
        "a NetworkPolicy that admits pods with a label that no pod has",
        Wanted(r"NetworkPolicy/only-ingres", (r"ingress",)),
        policy("only-ingres", policyTypes=["Ingress"], ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "ingres"}}}]}]),
        unreachable,
        needs=("network-policy",),
        name="network_policy_block",
    ),
    Foreign(
        "S58",
        "a NetworkPolicy that allows egress only to another network than the database's",
        Wanted(r"NetworkPolicy/database-only", (r"egress", r"database")),
        in_turn(policy("database-only", policyTypes=["Egress"], egress=[NAMES, ELSEWHERE]), restart),
        needs=("network-policy",),
        name="network_policy_block",
    ),
    Foreign(
        "S59",
        "a webhook whose patch does not apply",
        Wanted(r"out-s59\.example\.com", (r"patch",)),
        hook("/patch"),
        mend=away("s59"),
        name="admission webhooks that mutate",
    ),
    Foreign(
        "S60",
        "a webhook adds an environment variable that the container sets already",
        Wanted(r"out-s60\.example\.com", (r"POSTGRES_URL",)),
        hook("/env"),
        mend=away("s60"),
        name="env_variable_shadowing, by admission",
    ),
    Foreign(
        "S61",
        "the gateway's pods are deleted again and again",
        Wanted(G, (r"deleted", r"\d+ new pods")),
        _killed_again,
        takes=120,
        name="Chaos Mesh pod kill, of the release itself",
    ),
    Foreign(
        "I18",
        "a PersistentVolumeClaim whose provisioner does not run",
        Wanted(r"PersistentVolumeClaim/data", (r"example\.com/none",), (r"scheduler is probably",)),
        in_turn(put(CLASS), claim("data", "i18-none"), volume({"persistentVolumeClaim": {"claimName": "data"}})),
        mend=lambda: kubectl("delete", "storageclass", "i18-none", "--ignore-not-found", check=False) and None,
        name="storage class",
    ),
    Foreign(
        "C4",
        "the pull Secret is for another registry",
        Wanted(r"regcred", (r"quay\.example", r"denies|401|authenti")),
        _other_registry,
        needs=("registry",),
        name="wrong image pull secret",
    ),
    Foreign(
        "K9",
        "strategy Recreate, and an old pod whose preStop hook hangs",
        Wanted(G, (r"preStop", r"Recreate", r"900")),
        in_turn(deployment(SLOW_STOP), call("rollout", "status", DEPLOYMENT, "--timeout=60s"), restart),
        either(stuck, unreachable),
        name="debug pods: termination",
    ),
    Foreign(
        "K10",
        "a finalizer keeps the hook Job that Helm has to replace",
        Wanted(rf"Job/{JOB}", (r"finalizer", r"example\.com/hold")),
        json_patch({"op": "add", "path": "/metadata/finalizers", "value": ["example.com/hold"]}, what=f"job/{JOB}"),
        held,
        (UPGRADE,),
        late=True,
        mend=lambda: kubectl("-n", "out-k10", "patch", "job", JOB, "--type=merge", "-p", _finalizers(None), check=False) and None,
        takes=120,
        name="finalizers",
    ),
    Foreign("pause", "a healthy Deployment is paused", None, call("rollout", "pause", DEPLOYMENT), HEALTHY),
)
