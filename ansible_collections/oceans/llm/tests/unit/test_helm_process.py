# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""kubernetes.core.helm in the background, really started by Ansible with a helm program of the test's."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import threading
import time
from pathlib import Path

import pytest
from ansible import constants
from ansible.plugins.action import ActionBase

from ansible_collections.oceans.llm.plugins.plugin_utils.helm import process
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.process import Helm, HelmJob, Launch, Upgrade

from .local_task import FakeHelm, action_of


class Example(ActionBase):
    """Starts modules, as every action plugin can."""

    def run(self, tmp=None, task_vars=None):
        return {}


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    (tmp_path / "user").mkdir()
    return tmp_path


@pytest.fixture
def helm(home):
    (home / "fake").mkdir()
    return FakeHelm(home / "fake")


@pytest.fixture
def scratch(home):
    (home / "scratch").mkdir(mode=0o700)
    return home / "scratch"


VALUES = {"gateway": {"replicaCount": 1}, "flag": True}


def launched(helm: FakeHelm, scratch, environment=None, action=None) -> Launch:
    upgrade = Upgrade("rel", "ns", "/chart", VALUES, 60, False)
    return process.launch(action or action_of(Example, {}), upgrade, str(scratch), str(helm.program), environment or {}, {}, lambda: 7.0)


def until(true, seconds=60.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "that took too long"
        time.sleep(0.02)


def ended(launch: Launch) -> Helm:
    until(lambda: not launch.poll().running)
    return launch.poll()


def test_the_module_starts_helm_and_its_result_lies_where_nobody_else_reads(helm, scratch, home):
    launch = launched(helm, scratch)
    assert launch.poll().running and launch.alive(), "nobody waits for the start"
    assert ended(launch) == Helm(running=False, ended_at=7.0) and not launch.alive()
    (upgrade,) = helm.calls("upgrade")
    assert upgrade["argv"][:3] == ["upgrade", "-i", "--reset-values"] and "--timeout" in upgrade["argv"] and upgrade["argv"][-2:] == ["rel", "/chart"]
    assert upgrade["cwd"] == os.getcwd()
    assert not (home / "user/.ansible_async").exists()
    assert stat.S_IMODE((scratch / "job").stat().st_mode) == 0o700
    assert launch._job.result["changed"]


def test_the_module_is_packed_before_it_is_started(helm, scratch, monkeypatch):
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(scratch))
    process.warm(action_of(Example, {}), {})
    until(lambda: [file for file in scratch.glob("ansiballz_cache/*kubernetes.core*helm*") if not file.name.endswith((".lock", "-part"))])
    assert ended(launched(helm, scratch)).error == "" and len(helm.calls("upgrade")) == 1


def test_helm_is_ended_by_its_own_number(helm, scratch):
    words = "print('Error: UPGRADE FAILED: context canceled', file=sys.stderr)"
    helm.says("upgrade", f"import signal\nsignal.signal(signal.SIGTERM, lambda *_: ({words}, os._exit(1)))\n(home / 'ready').touch()\ntime.sleep(60)")
    launch = launched(helm, scratch)
    until((helm.home / "ready").exists)
    until(lambda: launch.pid == helm.calls("upgrade")[0]["pid"])
    assert launch.alive() and launch.terminate() and not launch.alive()
    assert launch.poll().error == "UPGRADE FAILED: context canceled"


def test_an_end_before_helm_was_started_keeps_it_from_starting(helm, scratch):
    launch = launched(helm, scratch)
    assert launch.terminate() and not launch.alive()
    assert helm.calls("upgrade") == [] and launch.poll().error


def test_a_helm_that_ignores_the_signal_is_named(helm, scratch):
    helm.says("upgrade", "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n(home / 'deaf').touch()\ntime.sleep(60)")
    launch = launched(helm, scratch)
    until((helm.home / "deaf").exists)
    assert not launch.terminate(0.3) and launch.alive() and launch.poll().running
    os.kill(launch.pid, signal.SIGKILL)
    assert launch.terminate()


def test_a_play_with_become_does_not_reach_helm(helm, scratch, home):
    """As another user the job file could not be read, and the process not be ended."""
    (home / "sudo").write_text(f"#!/bin/sh\ntouch {home}/became\nexit 1\n")
    (home / "sudo").chmod(0o755)
    action = action_of(Example, {}, become=str(home / "sudo"))
    launch = launched(helm, scratch, action=action)
    assert ended(launch).error == "" and not (home / "became").exists()
    assert action._connection.become is not None and action._task.environment == [] and action._task.async_val == 0, "the rest of the task is as it was"


def test_the_environment_of_helm_is_decided(helm, scratch, monkeypatch):
    monkeypatch.setenv("HELM_KUBECONTEXT", "of-the-shell")
    assert ended(launched(helm, scratch, {"HELM_KUBECONTEXT": None, "HELM_KUBETOKEN": "it's $HOME"})).error == ""
    for call in helm.calls():
        assert "HELM_KUBECONTEXT" not in call["env"] and call["env"]["HELM_KUBETOKEN"] == "it's $HOME"
        assert call["env"]["HELM_NAMESPACE"] == "ns"


def test_a_module_that_was_killed_is_noticed_when_helm_has_ended(helm, scratch, monkeypatch):
    monkeypatch.setattr(process, "LAST_WORDS", 0.2)
    helm.says("upgrade", "os.kill(os.getppid(), 9)\nwhile not (home / 'go').exists():\n    time.sleep(0.02)")
    launch = launched(helm, scratch)
    until(lambda: launch._job and launch._job._read() is not None)
    assert launch.poll().running and launch.alive(), "the async wrapper has told of it already"
    (helm.home / "go").touch()
    assert "ended without a result" in ended(launch).error and not launch.alive()


def lost(folder, text: str | None, pids: str = "") -> HelmJob:
    file = folder / "j1"
    if text is not None:
        file.write_text(text)
    if pids:
        (folder / "pid").write_text(pids)
    return HelmJob({"ansible_job_id": "j1", "results_file": str(file)}, str(folder), lambda: 7.0)


def dead() -> int:
    child = subprocess.Popen(["true"])
    child.wait()
    return child.pid


def test_a_module_that_never_starts_helm_has_a_deadline(tmp_path, monkeypatch):
    job = lost(tmp_path, json.dumps({"ansible_job_id": "j1", "started": 1, "finished": 0}))
    assert job.poll().running
    monkeypatch.setattr(process, "FIRST_START", 0.0)
    assert "has not started helm" in job.poll().error


STARTED = json.dumps({"ansible_job_id": "j1", "started": 1, "finished": 0})


@pytest.mark.parametrize(("text", "why"), [(None, "No such file"), ("{half", "Expecting"), (STARTED, "")])
def test_a_job_file_that_cannot_be_read_is_told(tmp_path, monkeypatch, text, why):
    monkeypatch.setattr(process, "LAST_WORDS", 0.0)
    job = lost(tmp_path, text, f"{dead()} {dead()}")
    job.poll()
    told = job.poll()
    assert told.running is False and "ended without a result" in told.error and why in told.error
    assert job.terminate(1)


def test_without_proc_nothing_is_missing(helm, scratch, monkeypatch):
    """macOS."""
    real = os.listdir

    def listdir(path="."):
        if str(path).startswith("/proc"):
            raise FileNotFoundError(path)
        return real(path)

    monkeypatch.setattr(os, "listdir", listdir)
    launch = launched(helm, scratch)
    assert launch.terminate() and not launch.alive()


def test_what_kept_it_from_starting_is_told_like_an_error_of_helms(tmp_path):
    def start():
        raise ValueError("no such module")

    launch = Launch(start, str(tmp_path), lambda: 7.0)
    assert launch.terminate(), "there is nothing to end"
    said = "the module kubernetes.core.helm could not be started: no such module"
    assert launch.poll() == Helm(running=False, ended_at=7.0, error=said) and not launch.alive()


def test_a_start_that_takes_its_time_is_waited_for(tmp_path):
    go = threading.Event()

    def start():
        assert go.wait(5)
        return lost(tmp_path, json.dumps({"changed": True}))

    launch = Launch(start, str(tmp_path), lambda: 7.0)
    assert not launch.terminate(0.05), "it may still begin"
    go.set()
    assert launch.terminate() and launch.poll() == Helm(running=False, ended_at=7.0)


def test_the_helm_module_starts_helm_whatever_the_release_has_and_helm_gets_the_values(helm, scratch):
    """kubernetes.core.helm leaves Helm alone when its values files say what the release has; a changed template would pass for done."""
    helm.says("list", "print('- {name: rel, chart: oceans-llm-0.1.0, app_version: v0.24.0, status: deployed, revision: 1}')")
    helm.says("get values", f"print({json.dumps(VALUES)!r})")
    assert ended(launched(helm, scratch)).error == ""
    (upgrade,) = helm.calls("upgrade")
    assert {call["argv"][0] for call in helm.calls()} == {"version", "upgrade"}, "the answers to all else are known"
    values = Path(next(word.partition("=")[2] for word in upgrade["argv"] if word.startswith("--values=")))
    assert json.loads(values.read_text(encoding="utf-8")) == VALUES and stat.S_IMODE(values.stat().st_mode) == 0o600
