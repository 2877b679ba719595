# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules that no recording provokes: a made picture of each, for test_rules.py."""

from __future__ import annotations

from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes import find

from . import test_sidecars as sidecars
from . import test_starting as starting
from .test_causes import event, obj, pod, snapshot, stamp, waits
from .test_waits import WEB, upgrade


def denied():
    """A policy that denies ReplicaSets: the Deployment has none, and its condition is the only sign."""
    message = 'admission webhook "v.example.com" denied the request: no ReplicaSets here'
    condition = {"type": "Progressing", "status": "False", "reason": "ReplicaSetCreateError", "message": message, "lastUpdateTime": stamp(3)}
    return snapshot(obj("Deployment", "web", spec={"replicas": 1}, status={"observedGeneration": 1, "conditions": [condition]}), scope=WEB)


#: rule -> a picture in which it has something to say
MADE = {
    "kept_alive": lambda: sidecars.migration(sidecars.ended(0), [sidecars.status("istio-proxy", sidecars.RUNNING)]),
    "silent_controllers": lambda: snapshot(obj("Deployment", "web", ago=15, metadata={"generation": 2}, spec={}, status={}), scope=WEB),
    "admission_deployments": denied,
    "silent_schedulers": starting.unscheduled,
    "sandboxes": lambda: upgrade(pod(containers=[waits()]), event("e", "web-1-a", "FailedCreatePodSandBox", starting.CNI)),
    "rejected": lambda: upgrade(pod("web-1-z", status={"phase": "Failed", "reason": "AppArmor", "message": "no"}, ago=10)),
    "unknown_nodes": lambda: starting.pinned(pod("web-1-z", spec={"nodeName": "ghost"}, ago=12)),
    "hooks": starting.hooked,
    "lookups": lambda: starting.waiter(text="curl: (6) Could not resolve host: pg.prod"),
    "waiters": starting.waiter,
    "silent": starting.mute,
    "missing": starting.deleted,
    "not_available": starting.uncounted,
    "evicted_again": starting.evicted,
    "made_again": starting.killed_again,
    "recreated": starting.recreating,
    "not_deleted": lambda: starting.held_job("example.com/hold"),
    "scaled_to_zero": lambda: starting.scaled("kubectl"),
}


def test_a_replicaset_that_a_policy_denies_names_the_policy():
    (found,) = find(denied())
    assert (found.code, found.object) == ("AdmissionDenied", "Deployment/web") and "v.example.com" in found.cause
