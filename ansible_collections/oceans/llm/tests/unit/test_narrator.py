# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The live lines: a warning comes with its evidence, and is not told again because the evidence is counted."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.oceans.llm.plugins.plugin_utils.helm.process import Helm
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import narrator, progress
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes.cause import cause as make
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.verdict import State, Verdict, judge

from .test_causes import pod, waits
from .test_waits import upgrade

PICTURE = upgrade(pod(containers=[waits()]))
SILENT = make("SchedulerSilent", PICTURE, "Pod/web-1-a", "scheduler mine has not acted on the pod", "the pod has no condition PodScheduled and no event")


def lines(*causes):
    said = []
    told = narrator.Narrator(said.append)
    for cause in causes:
        told.changes(PICTURE, Verdict(State.PROGRESSING, "", None, [cause]), "")
    return [line.partition("s ")[2] for line in said if "Pod/" in line]


def test_a_warning_has_its_evidence_beside_it():
    (line,) = lines(SILENT)
    assert line.startswith("Pod/web-1-a: scheduler mine has not acted on the pod (fails the run after ") and line.endswith(
        " — the pod has no condition PodScheduled and no event"
    )


def test_evidence_that_changes_is_no_news_and_long_evidence_is_cut():
    long = replace(SILENT, evidence="x" * 500)
    assert len(lines(SILENT, replace(SILENT, evidence="no event (2 times)"))) == 1
    assert len(lines(*(replace(SILENT, cause=f"it waits for a lock, held for {n} s by process 7") for n in (12, 13)))) == 1
    assert len(lines(*(replace(SILENT, cause=f"it waits for a lock, held by process {n}") for n in (7, 8)))) == 2
    assert lines(long)[0].endswith("x" * narrator.SHOWN + "…") and "—" not in lines(replace(SILENT, evidence="has not acted"))[0]


def test_a_heartbeat_refers_to_a_warning_that_was_told():
    said = []
    told = narrator.Narrator(said.append)
    verdict = judge(PICTURE, [SILENT], Helm())
    told.heartbeat(PICTURE, verdict, "")
    told.changes(PICTURE, verdict, "")
    told.heartbeat(PICTURE, verdict, "")
    assert verdict.state is State.PROGRESSING and f"… {verdict.blocker}" in said[0] and said[0].endswith(f"— {SILENT.cause}{progress.given(SILENT)}")
    assert "… Deployment/web: 0 of 1 new pods ready: " in said[-1] and said[-1].endswith(f"— Pod/web-1-a, as reported above{progress.given(SILENT)}")
