# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""C: scheduling, admission, storage."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from .. import kube
from ..kube import kubectl
from ..place import Place
from ..play import Play
from ..row import ENGINE_ROLES, INSTALL, PREFLIGHT, UPGRADE, Row
from ..signals import event, unscheduled

REFUSED = event("FailedCreate")


def _quota(hard: dict[str, str]) -> object:
    def make(place: Place) -> None:
        kube.apply(place.namespace, {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "tight"}, "spec": {"hard": hard}})
        kubectl("-n", place.namespace, "wait", "--for=jsonpath={.status.hard}", "resourcequota/tight", "--timeout=20s")

    return make


def _limit_range(place: Place) -> None:
    spec = {"limits": [{"type": "Container", "max": {"memory": "96Mi"}}]}
    kube.apply(place.namespace, {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "small"}, "spec": spec})


def _full(place: Place) -> None:
    """Room for what is there, and for nothing more."""
    pods = len([p for p in kube.get(place.namespace, "pod") if p["status"]["phase"] in ("Running", "Pending")])
    _quota({"pods": str(pods)})(place)  # type: ignore[operator]


def _policy(resource: str, group: str) -> object:
    def make(place: Place) -> None:
        name = f"{place.namespace}.example.com"
        kube.apply(
            place.namespace,
            {
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": "ValidatingAdmissionPolicy",
                "metadata": {"name": name},
                "spec": {
                    "failurePolicy": "Fail",
                    "matchConstraints": {
                        "resourceRules": [{"apiGroups": [group], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": [resource]}],
                        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": place.namespace}},
                    },
                    "validations": [{"expression": "'cost-centre' in object.metadata.labels", "message": "the label cost-centre is demanded by finance"}],
                },
            },
            {
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": "ValidatingAdmissionPolicyBinding",
                "metadata": {"name": name},
                "spec": {"policyName": name, "validationActions": ["Deny"]},
            },
        )
        time.sleep(2)  # a policy has no status that tells when it is in force

    return make


def _policy_away(place: Place, play: Play) -> list[str]:
    name = f"{place.namespace}.example.com"
    kubectl("delete", "validatingadmissionpolicybinding,validatingadmissionpolicy", name, "--ignore-not-found")
    return []


def _label_late(place: Place, play: Play) -> None:
    play.until(r"no node can take", 60)
    time.sleep(25)
    kubectl("label", "node", kube.NODE, f"faults.example/{place.name}=yes", "--overwrite")


def _label_away(place: Place, play: Play) -> list[str]:
    kubectl("label", "node", kube.NODE, f"faults.example/{place.name}-")
    return []


def _delete_job_pod(place: Place, play: Play) -> None:
    play.until(r"Job/\S+ is running", 90)
    kubectl("-n", place.namespace, "wait", "--for=condition=Ready", "pod", "-l", "app.kubernetes.io/component=migration", "--timeout=60s")
    kubectl("-n", place.namespace, "delete", "pod", "-l", "app.kubernetes.io/component=migration", "--grace-period=1", "--wait=false")


LOOSE = {"gateway": {"securityContext": {"allowPrivilegeEscalation": True}}}
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
NAMED = {"gateway": {"podSecurityContext": {"runAsUser": None}}}
GREEDY = {"scheduling": {"resources": {"requests": {"cpu": "900"}, "limits": None}}}

SECOND = "oceans-llm.testbed/second"
ON_SECOND = {"scheduling": {"nodeSelector": {SECOND: ""}, "tolerations": [{"key": SECOND, "operator": "Exists", "effect": "NoSchedule"}]}}


def _second_node(place: Place) -> None:
    kube.run(kube.ROOT / "testbed" / "second-node.sh", "up", timeout=300)


def _no_second_node() -> None:
    kube.run("docker", "unpause", kube.SECOND_NODE, check=False)
    kube.run(kube.ROOT / "testbed" / "second-node.sh", "down", timeout=120)


def _freeze(place: Place, play: Play) -> None:
    """The machine stands still while the new pod warms up: kubelet, containers, all of it."""
    play.until(r"Job/\S+ is complete", 120)
    gateways = ("pod", "-l", "app.kubernetes.io/component=gateway")
    kube.until(lambda: any(_serves(p) for p in kube.get(place.namespace, *gateways)), 60, "the new pod never started before its node failed")
    kube.run("docker", "pause", kube.SECOND_NODE)


def _serves(pod: Mapping[str, Any]) -> bool:
    states = [s.get("state") or {} for s in (pod.get("status") or {}).get("containerStatuses") or ()]
    return pod["spec"].get("nodeName") == kube.SECOND_NODE and any("running" in s for s in states)


ROWS = (
    Row("C1", "a ResourceQuota that is used up (preflight)", "QuotaExceeded", 2, by=PREFLIGHT, prepare=_quota({"pods": "0"}), says=("tight",), takes=10),
    Row(
        "C1e",
        "a ResourceQuota that is used up (without preflight)",
        "QuotaExceeded",
        1,
        roles=ENGINE_ROLES,
        prepare=_quota({"pods": "0"}),
        signal=REFUSED,
        says=("tight", "hard"),
        quick=True,
        compare=True,
    ),
    Row(
        "C1u",
        "a ResourceQuota without room for one more pod, on an upgrade",
        "QuotaExceeded",
        1,
        roles=ENGINE_ROLES,
        on=(UPGRADE,),
        prepare=_full,
        signal=REFUSED,
        says=("tight",),
    ),
    Row(
        "C2",
        "a ResourceQuota on CPU, and pods without requests",
        "QuotaNeedsResources",
        2,
        by=PREFLIGHT,
        prepare=_quota({"requests.cpu": "4"}),
        takes=10,
        values={"scheduling": {"resources": {"requests": None, "limits": None}}},
    ),
    Row(
        "C2e",
        "a memory limit above the LimitRange (without preflight)",
        "LimitRangeViolated",
        1,
        roles=ENGINE_ROLES,
        prepare=_limit_range,
        signal=REFUSED,
    ),
    Row(
        "C3",
        "Pod Security restricted is violated (preflight)",
        "PodSecurity",
        2,
        by=PREFLIGHT,
        labels=RESTRICTED,
        values=LOOSE,
        says=("allowPrivilegeEscalation",),
        takes=10,
    ),
    Row(
        "C3e",
        "Pod Security restricted is violated (without preflight)",
        "PodSecurity",
        1,
        roles=ENGINE_ROLES,
        labels=RESTRICTED,
        values=LOOSE,
        signal=REFUSED,
        says=("allowPrivilegeEscalation",),
        on=(INSTALL, UPGRADE),
    ),
    Row("C4", "runAsNonRoot, and the image's user is a name (preflight)", "RunAsNonRoot", 2, by=PREFLIGHT, values=NAMED, says=("10001",), takes=10),
    Row(
        "C4e",
        "runAsNonRoot, and the image's user is a name (without preflight)",
        "RunAsNonRoot",
        3,
        roles=ENGINE_ROLES,
        values=NAMED,
        signal=event("Failed", "non-numeric user|runAsNonRoot"),
        says=("10001",),
    ),
    Row(
        "C5",
        "a policy denies pods (preflight)",
        "AdmissionDenied",
        2,
        by=PREFLIGHT,
        prepare=_policy("pods", ""),
        check=_policy_away,
        says=("cost-centre",),
        takes=12,
    ),
    Row(
        "C5e",
        "a policy denies pods (without preflight)",
        "AdmissionDenied",
        1,
        roles=ENGINE_ROLES,
        prepare=_policy("pods", ""),
        check=_policy_away,
        signal=REFUSED,
        says=("cost-centre",),
    ),
    Row(
        "C6",
        "a policy denies Deployments (preflight)",
        "AdmissionDenied",
        2,
        by=PREFLIGHT,
        prepare=_policy("deployments", "apps"),
        check=_policy_away,
        says=("cost-centre",),
        takes=12,
    ),
    Row(
        "C7",
        "a CPU request that no node can satisfy",
        "Unschedulable",
        2,
        declared_within=45,
        named="no node can take",
        values=GREEDY,
        signal=unscheduled,
        timeout=25,
        says=("Insufficient cpu",),
        takes=50,
        waive=(),
        compare=True,
    ),
    Row(
        "C9",
        "the node gets its label after 25 s",
        knobs={},
        values={"scheduling": {"nodeSelector": {"faults.example/@ROW@": "yes"}}},
        beside=_label_late,
        check=_label_away,
        says=("no node can take",),
        takes=70,
    ),
    Row(
        "C10",
        "a StorageClass that does not exist (preflight)",
        "StorageClassMissing",
        1,
        by=PREFLIGHT,
        needs=("cloudnativepg",),
        takes=10,
        says=("gold",),
        variables={
            "oceans_llm_database_mode": "cloudnativepg",
            "oceans_llm_secrets": {},
            "oceans_llm_cloudnativepg": {"storage": {"storageClass": "gold", "size": "1Gi"}},
        },
    ),
    Row("C13", "the migration's pod is deleted", knobs={"STANDIN_MIGRATION_SLOW": "30:8"}, beside=_delete_job_pod, says=("replacement",), takes=60, quick=True),
    Row(
        "C12",
        "the node of the new pod fails while the pod starts",
        "NodeNotReady",
        values=ON_SECOND,
        knobs={"STANDIN_SLOW_START": "serve:200"},
        prepare=_second_node,
        beside=_freeze,
        mend=_no_second_node,
        signal=event("NodeNotReady"),
        named="is not ready; pods of the release on this node: ",
        on=(UPGRADE,),
        timeout=100,
        declared_within=90,
        says=(kube.SECOND_NODE,),
        takes=170,
    ),
)
