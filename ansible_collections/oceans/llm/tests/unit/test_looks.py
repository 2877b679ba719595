# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What looks share while no object changes, and what they do not."""

from __future__ import annotations

from ansible_collections.oceans.llm.plugins.plugin_utils.helm.process import Helm
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.baseline import Before, picture
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.model import Scope, workers
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.progress import blocker
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.watch import Change, World

from .test_causes import NOW, obj, pod

SCOPE = Scope((), ("mig",), "ns", "rel")


def looking(before=None):
    world = World({"Pod": {"mig-a": pod("mig-a", "mig")}, "Job": {"mig": obj("Job", "mig")}, "Deployment": {}}, started=NOW - 60)
    return world, lambda after=0.0, running=None: picture(world, before or Before(), SCOPE, Helm(running=running), NOW + after)


def names(snapshot):
    return [found["metadata"]["name"] for _kind, _name, found in workers(snapshot)]


def test_a_look_at_unchanged_objects_uses_what_the_look_before_it_worked_out():
    _world, look = looking()
    assert workers(look()) is workers(look(after=5.0)) and names(look()) == ["mig-a"]


def test_a_change_of_an_object_is_seen_by_the_next_look_and_a_line_of_a_log_costs_nothing():
    world, look = looking()
    first = workers(look())
    world.apply(Change("Log", "LOG", ("mig-a", "c", "a line\n")))
    assert workers(look()) is first
    world.apply(Change("Pod", "ADDED", pod("mig-b", "mig", metadata={"resourceVersion": "2"})))
    assert names(look()) == ["mig-a", "mig-b"]
    world.apply(Change("Pod", "LISTED", {}))
    assert names(look()) == []


def test_while_helm_runs_the_job_of_an_earlier_run_is_not_looked_at():
    _world, look = looking(Before(jobs=frozenset({"uid-mig"})))
    assert [names(look(running=running)) for running in (None, True, False, None)] == [["mig-a"], [], [], ["mig-a"]]


def test_the_seconds_that_are_told_go_on():
    _world, look = looking()
    assert "(10 s)" in blocker(look()) and "(15 s)" in blocker(look(after=5.0))
