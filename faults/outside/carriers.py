# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of what carries the release: admission webhooks, nodes, scheduler, proxy, the database's operator."""

from __future__ import annotations

import functools
import json
from typing import Any

from .. import kube
from ..catalogue.h_operators import database
from ..kube import kubectl
from ..place import CLUSTER, Place
from . import webhooks
from .bites import Bite, overstays, unreachable
from .eye import SECOND
from .foreign import INSTALL, Foreign, Wanted
from .hands import restart

G = r"(Deployment|ReplicaSet|Pod)/oc-oceans-llm-gateway"
TOLERATED = {"key": SECOND, "operator": "Exists", "effect": "NoSchedule"}
#: a release on the second node, which the row may break
ON_SECOND: dict[str, Any] = {
    "base": {"oceans_llm_values": {"scheduling": {"nodeSelector": {SECOND: ""}, "tolerations": [TOLERATED]}}},
    "needs": ("second-node",),
    "breaks": "second-node",
}
SCHEDULER = "/etc/kubernetes/manifests/kube-scheduler.yaml"
SYSTEM = ("-n", "kube-system")


def hook(path: str, then_restart: bool = True, **more: Any) -> Any:
    """A mutating webhook that answers as hook_server.py does at `path`, and a restart, which it sees."""

    def do(place: Place) -> None:
        webhooks.put(place, path, **more)
        if then_restart:
            restart(place)

    return do


def away(row: str) -> Any:
    """For `mend`: the webhooks of a row go."""
    return functools.partial(webhooks.away, row)


def _pods_of(name: str) -> list[dict[str, Any]]:
    return kube.get("kube-system", "pod", "-l", f"k8s-app={name}") or kube.get("kube-system", "pod", "-l", f"component={name}")


# --- nodes ----------------------------------------------------------------------------------------------------------------


def _taint(place: Place) -> None:
    kubectl("taint", "node", kube.SECOND_NODE, "example.com/maintenance=soon:NoSchedule", "--overwrite")
    restart(place)


def _no_taint() -> None:
    kubectl("taint", "node", kube.SECOND_NODE, "example.com/maintenance-", check=False)


def _cordon(place: Place) -> None:
    kubectl("cordon", kube.SECOND_NODE)
    restart(place)


def _uncordon() -> None:
    kubectl("uncordon", kube.SECOND_NODE, check=False)


def _no_kubelet(place: Place) -> None:
    kube.run("docker", "exec", kube.SECOND_NODE, "systemctl", "stop", "kubelet")
    restart(place)


def _kubelet_back() -> None:
    kube.run("docker", "exec", kube.SECOND_NODE, "systemctl", "start", "kubelet")
    kubectl("wait", "--for=condition=Ready", f"node/{kube.SECOND_NODE}", "--timeout=90s")


# --- the control plane --------------------------------------------------------------------------------------------------


def _no_scheduler(place: Place) -> None:
    kube.node("mv", SCHEDULER, "/root/kube-scheduler.yaml")
    kube.until(lambda: not _pods_of("kube-scheduler"), 60, "the scheduler does not stop")
    restart(place)


def _scheduler_back() -> None:
    kube.node("sh", "-c", f"[ ! -e /root/kube-scheduler.yaml ] || mv /root/kube-scheduler.yaml {SCHEDULER}")
    kube.until(lambda: any(_ready(p) for p in _pods_of("kube-scheduler")), 90, "the scheduler does not start again")


def _ready(pod: dict[str, Any]) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in (pod.get("status") or {}).get("conditions") or ())


def _no_proxy(place: Place) -> None:
    """kube-proxy is deleted and what it wrote is flushed: no ClusterIP leads anywhere, while the API server's own proxy works."""
    found = kubectl(*SYSTEM, "get", "daemonset", "kube-proxy", "-o", "json", "--ignore-not-found")
    if found:
        (kube.STATE / "kube-proxy.json").write_text(found, encoding="utf-8")
    kubectl(*SYSTEM, "delete", "daemonset", "kube-proxy", "--ignore-not-found", "--wait=true")
    kube.until(lambda: not _pods_of("kube-proxy"), 60, "kube-proxy does not stop")
    kube.node(
        "sh",
        "-c",
        "iptables-save -t nat | grep -vE '^-A (KUBE-SERVICES|KUBE-SVC|KUBE-SEP|KUBE-NODEPORTS)' | iptables-restore -T nat; conntrack -F 2> /dev/null; true",
    )


def _proxy_back() -> None:
    saved = kube.STATE / "kube-proxy.json"
    if not saved.exists():
        return
    body = kube.json.loads(saved.read_text(encoding="utf-8"))
    for key in ("resourceVersion", "uid", "creationTimestamp", "generation", "managedFields"):
        body["metadata"].pop(key, None)
    body.pop("status", None)
    kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=kube.json.dumps(body))
    kubectl(*SYSTEM, "rollout", "status", "daemonset/kube-proxy", "--timeout=120s")
    saved.unlink()


# --- the database's operator --------------------------------------------------------------------------------------------


def no_cluster(place: Place) -> str:
    """The Cluster of PostgreSQL is not healthy, or does not exist."""
    found = [c for c in kube.get(place.namespace, "clusters.postgresql.cnpg.io") if c["metadata"]["name"] == CLUSTER]
    phase = (found[0].get("status") or {}).get("phase", "no phase") if found else "does not exist"
    return "" if phase == "Cluster in healthy state" else f"Cluster {CLUSTER}: {phase}"


def sick_cluster(place: Place) -> str:
    """The same of a Cluster that has been created."""
    damage = no_cluster(place)
    return "" if damage.endswith("does not exist") else damage


def _misoperated(id_: str, title: str, mechanism: tuple[str, ...], name: str, bite: Bite = no_cluster, **fields: Any) -> Foreign:
    entity = rf"Cluster/{CLUSTER}|clusters?\.postgresql|PersistentVolumeClaim/{CLUSTER}|StorageClass"
    return Foreign(
        id_,
        title,
        Wanted(entity, mechanism),
        None,
        bite,
        (INSTALL,),
        name=name,
        needs=("cloudnativepg",),
        variables=database(**fields),
        timeout=90,
        takes=90,
    )


def _bogus_operator(place: Place) -> None:
    """Recreate: otherwise the old pod works on until the new one is ready."""
    _operator_strategy("Recreate")
    kubectl("-n", "cnpg-system", "set", "image", "deployment/cnpg-controller-manager", "manager=127.0.0.1:5000/oceans-llm/cloudnative-pg:no-such-version")
    kubectl("-n", "cnpg-system", "delete", "pod", "--all", "--wait=true")


def _operator_strategy(kind: str) -> None:
    patch = {"spec": {"strategy": {"type": kind, "rollingUpdate": None}}}
    kubectl("-n", "cnpg-system", "patch", "deployment/cnpg-controller-manager", "--type=merge", "-p", json.dumps(patch))


def _operator_back() -> None:
    _operator_strategy("RollingUpdate")
    kube.run(kube.ROOT / "testbed" / "operators.sh", "cloudnativepg", timeout=600)


ROWS = (
    Foreign(
        "S29",
        "a webhook whose Service does not exist",
        Wanted(r"out-s29\.example\.com", (r"webhook", r"not found|does not exist|no endpoints")),
        hook("/allow", service="absent"),
        mend=away("s29"),
        name="admission_webhook_outage",
    ),
    Foreign(
        "S30",
        "a webhook with the wrong caBundle",
        Wanted(r"out-s30\.example\.com", (r"x509|certificate",)),
        hook("/allow", authority=webhooks.certificates.self_signed(webhooks.HOST)[0]),
        mend=away("s30"),
        compare=True,
        name="admission_webhook_tls_mismatch",
    ),
    Foreign(
        "S31",
        "four webhooks that do not answer, 10 s each: together longer than a request may take",
        Wanted(r"out-s31\S*\.example\.com", (r"webhook", r"deadline|time-?out|timed out")),
        hook("/silent", policy="Ignore", seconds=10, count=4),
        mend=away("s31"),
        timeout=100,
        takes=130,
        name="cumulative_admission_webhook_timeout",
    ),
    Foreign(
        "S32",
        "a webhook rewrites the memory limit to 10Mi",
        Wanted(r"out-s32\.example\.com", (r"10Mi", r"webhook|changed|differs")),
        hook("/memory"),
        mend=away("s32"),
        name="mutating_webhook_resource_limits",
    ),
    Foreign(
        "S41",
        "a webhook adds to the migration's pod a sidecar that never ends",
        Wanted(r"mesh-proxy", (r"mesh-proxy", r"migrate.{0,60}(ended|complete|exit|0)|still run|has not ended|does not end"), (r"DatabaseSilent",)),
        hook("/sidecar", then_restart=False, labels={"app.kubernetes.io/component": "migration"}),
        overstays,
        ways=(INSTALL,),
        mend=away("s41"),
        takes=90,
        name="cronjob_sidecar_blocks_completion",
    ),
    Foreign(
        "S23",
        "a taint on the node that no pod tolerates",
        Wanted(G, (r"taint", r"example\.com/maintenance")),
        _taint,
        mend=_no_taint,
        **ON_SECOND,
        name="taint_no_toleration",
    ),
    Foreign(
        "O9",
        "the node is cordoned",
        Wanted(G + r"|Node/", (r"unschedulable|cordon",)),
        _cordon,
        mend=_uncordon,
        **ON_SECOND,
        name="Cordoned Kubernetes Worker Node",
    ),
    Foreign(
        "S36",
        "the kubelet of the pod's node stops",
        Wanted(r"Node/\S*second|second", (r"not ready|NotReady|kubelet|not posting",)),
        _no_kubelet,
        mend=_kubelet_back,
        timeout=80,
        takes=120,
        **ON_SECOND,
        name="kubelet_crash",
    ),
    Foreign(
        "O1",
        "the scheduler does not run when a rollout begins",
        Wanted(r"scheduler", (r"scheduler", r"lease|renew|PodScheduled|not scheduled|no event")),
        _no_scheduler,
        alone=True,
        timeout=25,
        mend=_scheduler_back,
        name="the scheduler's manifest is removed",
    ),
    Foreign(
        "O2",
        "kube-proxy does not run, and its rules are deleted",
        Wanted(r"kube-proxy|Node/", (r"ClusterIP|cluster IP|10\.96\.", r"kube-proxy")),
        _no_proxy,
        unreachable,
        alone=True,
        mend=_proxy_back,
        compare=True,
        name="kube-proxy deleted",
    ),
    _misoperated(
        "S44a",
        "a CloudNativePG Cluster with more instances than the nodes can run",
        (r"instances|replicas|node|Insufficient|quota",),
        "overload_replicas",
        instances=100000,
    ),
    _misoperated(
        "S44b",
        "a CloudNativePG Cluster whose StorageClass does not exist",
        (r"no-such-class",),
        "non_existent_storage",
        storage={"storageClass": "no-such-class", "size": "1Gi"},
    ),
    _misoperated(
        "S44c",
        "a CloudNativePG Cluster with a toleration whose effect does not exist",
        (r"toleration|effect", r"NotAnEffect|effect"),
        "invalid_affinity_toleration",
        additionalSpec={"affinity": {"tolerations": [{"key": "a", "operator": "Equal", "value": "b", "effect": "NotAnEffect"}]}},
    ),
    _misoperated(
        "S44d",
        "a CloudNativePG Cluster with the invalid user id -1",
        (r"postgresUID|runAsUser|uid|user",),
        "security_context_fault",
        sick_cluster,
        additionalSpec={"postgresUID": -1},
    ),
    _misoperated(
        "S44e",
        "a CloudNativePG Cluster with an update strategy that does not exist",
        (r"primaryUpdateStrategy|strategy",),
        "wrong_update_strategy",
        additionalSpec={"primaryUpdateStrategy": "sometimes"},
    ),
    Foreign(
        "S44f",
        "the image of the CloudNativePG operator does not exist",
        Wanted(r"cnpg|cloudnative-pg|operator", (r"no endpoints|refused|not ready|does not answer|no operator|image", r"cnpg|operator")),
        _bogus_operator,
        no_cluster,
        (INSTALL,),
        needs=("cloudnativepg",),
        variables=database(),
        breaks="cloudnativepg",
        mend=_operator_back,
        timeout=90,
        takes=120,
        name="wrong_operator_image",
    ),
)
