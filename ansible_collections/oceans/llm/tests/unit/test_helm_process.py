# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Helm in the background: nobody waits for its start, its end is seen in the job file, and what kept it from starting is told."""

from __future__ import annotations

import json
import threading

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.helm.process import Helm, HelmJob, Launch


def job(folder, **result):
    file = folder / "job"
    file.write_text(json.dumps(result or {"ansible_job_id": "j1", "started": 1, "finished": 0}))
    return HelmJob({"ansible_job_id": "j1", "results_file": str(file)}, lambda: 7.0)


def test_the_end_is_read_from_the_job_file_which_is_then_gone(tmp_path):
    one = job(tmp_path)
    assert one.poll().running
    (tmp_path / "job").write_text(json.dumps({"failed": True, "stderr": "WARNING: x\nError: no such chart\n"}))
    assert one.poll() == Helm(running=False, ended_at=7.0, error="no such chart") and not (tmp_path / "job").exists()
    assert one.terminate(), "it has ended already"


def test_nobody_waits_for_the_start(tmp_path):
    go = threading.Event()

    def start():
        assert go.wait(5)
        return job(tmp_path, changed=True)

    launch = Launch(start)
    assert launch.poll().running and launch.alive()
    assert not launch.terminate(0.05), "it may still begin"
    go.set()
    assert launch.terminate() and launch.poll() == Helm(running=False, ended_at=7.0) and not launch.alive()


def test_what_kept_it_from_starting_is_told_to_who_asks():
    def start():
        raise ValueError("no such module")

    launch = Launch(start)
    assert launch.terminate(), "there is nothing to end"
    with pytest.raises(ValueError, match="no such module"):
        launch.poll()
    assert not launch.alive()
