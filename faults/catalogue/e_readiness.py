# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""E: readiness and traffic."""

from __future__ import annotations

import time

from .. import kube
from ..kube import kubectl
from ..place import Place
from ..play import Play
from ..row import INSTALL, PREFLIGHT, UPGRADE, Row
from ..signals import ready, running


def _pause_after_migration(place: Place, play: Play) -> None:
    """The database server stands still as soon as the new version's waiter has seen the schema."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        for pod in kube.get(place.namespace, "pod", "-l", "app.kubernetes.io/component=gateway"):
            waiter = ((pod.get("status") or {}).get("initContainerStatuses") or [{}])[0]
            if ((waiter.get("state") or {}).get("terminated") or {}).get("exitCode") == 0:
                place.server.signal("STOP")
                play.until(r"FAILED ", 120)
                place.server.signal("CONT")  # psql is asked from here on
                return
        time.sleep(0.2)
    raise TimeoutError("the waiter never ended")


def _held(place: Place) -> None:
    """Something has a finalizer on the old pods, and never takes it away."""
    for pod in kube.get(place.namespace, "pod", "-l", "app.kubernetes.io/component=gateway"):
        kubectl("-n", place.namespace, "patch", "pod", pod["metadata"]["name"], "--type=merge", "-p", '{"metadata":{"finalizers":["faults.example/held"]}}')


def _let_go(place: Place, play: Play) -> list[str]:
    held = [p["metadata"]["name"] for p in kube.get(place.namespace, "pod") if p["metadata"].get("finalizers")]
    for name in held:
        kubectl("-n", place.namespace, "patch", "pod", name, "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    return [] if held else ["the finalizer kept no pod, so there was no fault"]


DEAF = {"oceans_llm_values": {"gateway": {"extraEnv": [{"name": "STANDIN_IGNORE_SIGTERM", "value": "yes"}], "terminationGracePeriodSeconds": 20}}}
QUICK_PROBES = {"probes": {"gateway": {"startup": {"failureThreshold": 15}, "readiness": {"periodSeconds": 2, "failureThreshold": 3}}}}
QUIET_UI = {"probes": {"adminUi": {"readiness": {"enabled": False}}}}

ROWS = (
    # the budget that its probes give it: readiness 2 s * 3 + 2 s, never less than 15 s, from the first failed probe (2 to 3 s); then 2 s to say it
    Row(
        "E1",
        "the gateway never becomes ready",
        "NotReadyInTime",
        20,
        named="FAILED NotReadyInTime",
        knobs={"STANDIN_READY_FAIL": "always"},
        values=QUICK_PROBES,
        signal=running("gateway"),
        declared_within=30,
        on=(INSTALL, UPGRADE),
        says=("503|readiness",),
        takes=70,
        compare=True,
    ),
    Row(
        "E1p",
        "the database does not answer after the migration",
        "NotReadyInTime|StartupProbeFailed",  # as far as it had come
        40,
        own_server=True,
        values=QUICK_PROBES,
        signal=running("gateway"),
        beside=_pause_after_migration,
        declared_within=55,
        takes=100,
    ),
    Row("E2", "the gateway needs 60 s to start, within the time of the startup probe", knobs={"STANDIN_SLOW_START": "serve:60"}, takes=100),
    Row(
        "E3",
        "the admin UI answers every request with 500",
        "AdminUiDown",
        3.5,  # a 500 has to last for a second, and Helm to come to its end after the Job
        values={**QUIET_UI, "adminUi": {"extraEnv": [{"name": "STANDIN_UI_FAIL", "value": "500"}]}},
        signal=ready("gateway"),
        declared_within=15,
        named="FAILED AdminUiDown",
        says=("/admin", "500"),
        quick=True,
        compare=True,
    ),
    Row(
        "E3b",
        "the admin UI's port never opens",
        "StartupProbeFailed",
        2,
        values={"adminUi": {"extraEnv": [{"name": "STANDIN_UI_FAIL", "value": "down"}]}, "probes": {"adminUi": {"startup": {"failureThreshold": 5}}}},
        signal=lambda kind, obj: obj.get("kind") == "Event" and "failed startup probe" in (obj.get("message") or ""),
        takes=50,
    ),
    Row(
        "E5",
        "the Ingress's TLS Secret does not exist",
        "TlsSecretMissing",
        1,
        by=PREFLIGHT,
        says=("no-such-tls",),
        takes=10,
        values={
            "ingress": {
                "enabled": True,
                "hosts": [{"host": "a.example", "paths": [{"path": "/", "pathType": "Prefix"}]}],
                "tls": [{"secretName": "no-such-tls", "hosts": ["a.example"]}],
            }
        },
    ),
    Row(
        "E6",
        "a HorizontalPodAutoscaler, and pods without resource requests",
        "HpaWithoutRequests|ChartRefused",
        1,
        by=PREFLIGHT,
        takes=10,
        values={"autoscaling": {"enabled": True}, "scheduling": {"resources": {"requests": None, "limits": None}}},
    ),
    Row(
        "E8",
        "a PodDisruptionBudget that allows no eviction",
        "PdbBlocks",
        1,
        by=PREFLIGHT,
        takes=10,
        values={"podDisruptionBudget": {"enabled": True, "minAvailable": "100%"}},
    ),
    Row("E9", "a client sends requests during the rollout", on=(UPGRADE,), takes=50),
    Row("E10", "old pods ignore SIGTERM", on=(UPGRADE,), base=DEAF, says=(r"old pods? still stopping \(grace 20 s\)",), takes=50),
    Row(
        "E10f",
        "a finalizer keeps an old pod after its grace period",
        on=(UPGRADE,),
        base={"oceans_llm_replicas": 2},
        variables={"oceans_llm_replicas": 2},
        prepare=_held,
        knobs={"STANDIN_SLOW_START": "serve:20"},  # the second new pod is awaited when the first old one should be gone
        check=_let_go,
        says=("its grace period is over: finalizers faults.example/held",),
        takes=90,
    ),
)
