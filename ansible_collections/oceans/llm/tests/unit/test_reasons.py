# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of Kubernetes' reasons: every known name has a row, every row a code that exists, and the page is made from it."""

from __future__ import annotations

import pathlib
import re

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.codes import BY_CODE
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes import find, jobs
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes.reasons import NORMAL, OTHER, REASONS, SHOWN

from .test_causes import event, pod, stamp, waits
from .test_waits import over, upgrade

KNOWN = (pathlib.Path(__file__).parent / "kubernetes-reasons.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("group", re.findall(r"^\[(.+)\]$", KNOWN, re.MULTILINE))
def test_every_name_in_the_sources_of_kubernetes_has_a_row(group):
    names = KNOWN.split(f"[{group}]\n")[1].split("\n\n")[0].split()
    assert len(names) > 2 and not set(names) - set(REASONS[group])


@pytest.mark.parametrize(("reason", "code"), [r for r in REASONS["Container waiting (kubelet)"].items() if r[1] not in (NORMAL, SHOWN, OTHER)])
def test_a_waiting_reason_leads_where_its_row_says(reason, code):
    status = {**waits(reason, "for some reason"), "restartCount": 3 if code == "CrashLoop" else 0}
    if code == "CrashLoop":
        status["lastState"] = {"terminated": {"exitCode": 1, "startedAt": stamp(4), "finishedAt": stamp(3)}}
    events = [event("e", "web-1-a", "FailedCreatePodSandBox", "no")] if code == "SandboxFailed" else []
    assert over(upgrade(pod(containers=[status]), *events)).code == code


@pytest.mark.parametrize(("reason", "code"), [r for r in REASONS["Events of the kubelet"].items() if r[1] in ("SandboxFailed", "MountFailed", SHOWN)])
def test_an_event_leads_where_its_row_says(reason, code):
    """What is only shown is in the time-out's cause."""
    found = over(upgrade(pod(containers=[waits()]), event("e", "web-1-a", reason, "for some reason")))
    assert found.code == ("PodStarting" if code == SHOWN else code) and "for some reason" in found.cause + found.evidence


@pytest.mark.parametrize(("reason", "code"), [r for r in REASONS["Pod status (kubelet, controllers)"].items() if r[1].startswith("Pod")])
def test_a_pods_reason_leads_where_its_row_says(reason, code):
    gone = pod("web-1-z", status={"phase": "Failed", "reason": reason, "message": "for some reason"})
    assert {c.code for c in find(upgrade(pod(containers=[waits()]), gone))} == {code}


def test_every_row_leads_to_a_code_that_exists():
    assert not {to for rows in REASONS.values() for to in rows.values()} - set(BY_CODE) - {NORMAL, SHOWN, OTHER}
    assert "Evicted" in jobs.DISRUPTED and "SysctlForbidden" in jobs.REJECTED


def test_every_code_is_said_somewhere():
    """By its name in a rule, a table or a check; what cannot be said is no code."""
    plugins = pathlib.Path(__file__).parents[2] / "plugins"
    text = "\n".join(p.read_text(encoding="utf-8") for p in plugins.rglob("*.py") if p.name not in ("codes.py", "reasons.py"))
    unsaid = set(BY_CODE) - set(re.findall(r'"(?=(\w+)")', text)) - set(re.findall(r"^(\w+) ", text, re.MULTILINE))
    assert unsaid <= {"LeaseLost", "NamespaceDeleted"}, "those two are the guard's"
