# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers that an injector put into the pod of a Job: none of them speaks for the program that the Job was made for."""

from __future__ import annotations

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.gateway import one_off_run
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.process import Helm
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import progress, statements
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes import find, jobs
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.model import Scope, Snapshot
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.verdict import State, judge

from .test_causes import NOW, line, obj, pod, snapshot, stamp

SCOPE = Scope((), ("rel-migrate",), "ns", "rel")
RUNNING = {"running": {"startedAt": stamp(40)}}


def ended(code, ago=20):
    return {"terminated": {"exitCode": code, "startedAt": stamp(40), "finishedAt": stamp(ago), "reason": "Completed" if not code else "Error"}}


def status(name, state):
    return {"name": name, "ready": "running" in state, "restartCount": 0, "state": state}


def migration(main, others=(), inits=(), phase="Running", names=("migrate",), logs=None, now=NOW):
    """A migration's Job; `others` stand beside its own container, some injectors put theirs first. `inits`: (status, restartPolicy)."""
    job = obj("Job", "rel-migrate", ago=45, spec={"backoffLimit": 3, "template": {"spec": {"containers": [{"name": n} for n in names]}}}, status={"active": 1})
    every = [*(s for s in others if s["name"].startswith("linkerd")), status("migrate", main), *(s for s in others if not s["name"].startswith("linkerd"))]
    spec = {
        "containers": [{"name": s["name"]} for s in every],
        "initContainers": [{"name": s["name"], "restartPolicy": policy} for s, policy in inits],
    }
    worker = pod("rel-migrate-x", "rel-migrate", every, {"phase": phase, "initContainerStatuses": [s for s, _p in inits]}, spec, ago=44)
    return snapshot(job, worker, scope=SCOPE, logs=logs, now=now, started=NOW - 60)


@pytest.mark.parametrize("name", ["istio-proxy", "linkerd-proxy", "cloud-sql-proxy"])
@pytest.mark.parametrize("code", [0, 1])
def test_a_sidecar_that_keeps_a_job_from_ending_is_named_within_seconds_and_given_time_to_end(name, code):
    picture = migration(ended(code, ago=3), [status(name, RUNNING)])
    found = {c.code: c for c in find(picture)}
    assert not {"DatabaseSilent", "MigrationWaits"} & set(found)
    kept = found["SidecarKeepsJob"]
    assert kept.cause == f"container {name} is still running, so Job/rel-migrate does not complete: its container migrate ended with exit code {code}"
    assert (kept.object, kept.container) == ("Pod/rel-migrate-x", name) and 'sidecar.istio.io/inject: "false"' in kept.hint and "init container" in kept.hint
    assert judge(picture, list(found.values()), Helm(running=True)).state is State.PROGRESSING
    late = Snapshot(NOW + kept.budget, picture.started, picture.objects, picture.scope)
    assert judge(late, find(late), Helm(running=True)).cause.code == "SidecarKeepsJob"


def test_the_wait_for_a_job_that_a_sidecar_keeps_says_so_once():
    picture = migration(ended(0), [status("istio-proxy", RUNNING)])
    phrase = progress.blocker(picture, find(picture))
    assert phrase.startswith("Job/rel-migrate: waiting for a sidecar to end (44 s) — container istio-proxy is still running")
    assert "connection to the database" not in phrase
    assert phrase.count("istio-proxy") == 1


def test_a_sidecar_that_runs_beside_a_migration_is_no_silent_migration_but_the_migration_itself_may_be():
    talking = {("rel-migrate-x", "migrate"): line(31, "a", "begin") + "\n" + line(31, "a", "commit")}
    assert not list(jobs.mute(migration(RUNNING, [status("istio-proxy", RUNNING)], logs=talking)))
    waiting = list(jobs.mute(migration(RUNNING, [status("linkerd-proxy", RUNNING)])))
    assert [s["name"] for _p, s, _b in waiting] == ["migrate"]


def test_what_a_sidecar_prints_is_no_word_of_the_migration():
    logs = {("rel-migrate-x", "istio-proxy"): "envoy is up\n", ("rel-migrate-x", "migrate"): line(31, "a", "begin") + "\n" + line(31, "a", "commit")}
    assert "envoy" not in "".join(t or "" for _p, t in statements.runs(migration(ended(0), [status("istio-proxy", RUNNING)], logs=logs), "rel-migrate"))


def test_a_migration_whose_container_ended_well_is_finished_although_its_job_is_not():
    logs = {("rel-migrate-x", "migrate"): line(31, "a", "begin") + "\n" + line(31, "a", "commit")}
    assert "not finished" not in statements.database(migration(ended(0), [status("istio-proxy", RUNNING)], logs=logs))
    assert "not all migrations were finished" in statements.database(migration(RUNNING, [status("istio-proxy", RUNNING)], logs=logs))


@pytest.mark.parametrize("code", [137, 143, 2])
def test_a_native_sidecar_that_was_ended_after_the_program_is_no_failed_attempt(code):
    over = migration(ended(0), inits=[(status("proxy", ended(code, ago=18)), "Always")], phase="Running")
    assert find(over) == []
    assert "137" not in progress.blocker(over) and "proxy" not in progress.blocker(over)
    failed = migration(ended(1), inits=[(status("proxy", ended(code, ago=18)), "Always")], phase="Failed")
    assert {c.container for c in find(failed)} == {"migrate"}


def test_a_native_sidecar_that_cannot_run_is_still_named():
    broken = {**status("proxy", {"waiting": {"reason": "CrashLoopBackOff"}}), "restartCount": 3, "lastState": ended(1)}
    picture = migration({"waiting": {"reason": "PodInitializing"}}, inits=[(broken, "Always")], phase="Pending")
    assert [(c.code, c.container) for c in find(picture)] == [("CrashLoop", "proxy")]


def test_a_native_sidecar_that_runs_is_no_wait():
    picture = migration(RUNNING, inits=[({**status("proxy", RUNNING), "started": True}, "Always")])
    assert "container migrate" in progress.blocker(picture) or "is running" in progress.blocker(picture)
    unready = {**status("proxy", RUNNING), "started": True, "ready": False}
    assert "proxy" not in progress.blocker(migration(RUNNING, inits=[(unready, "Always")]))


# --- one question by a one-off Job --------------------------------------------------------------------------------------


def answered(main, beside=(), inits=()):
    worker = migration(main, beside, inits).objects["Pod"]["rel-migrate-x"]
    return one_off_run.exit_code(worker, "migrate")


def test_only_the_container_that_was_asked_answers():
    assert answered(ended(3), inits=[(status("istio-init", ended(0)), None)]) == 3
    assert answered(RUNNING, inits=[(status("istio-init", ended(0)), None)]) is None
    assert answered({"waiting": {"reason": "PodInitializing"}}, inits=[(status("istio-init", ended(0)), None)]) is None
    assert answered(ended(0), [status("linkerd-proxy", ended(137))]) == 0
    assert answered(ended(4), [status("istio-proxy", RUNNING)]) == 4
    assert answered(RUNNING, [status("linkerd-proxy", ended(0))]) is None
    assert answered(ended(0), inits=[(status("proxy", ended(137)), "Always")]) == 0
