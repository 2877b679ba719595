# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What rests on silence is shown when the API server has nothing newer, and not before."""

from __future__ import annotations

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import still_so
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes.cause import cause as make
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.still_so import StillSo

from .fake_api import FakeApi, ok, status
from .test_causes import pod
from .test_waits import upgrade

POD, LOG = paths.pod("ns", "web-1-a"), paths.pod_log("ns", "web-1-a")


def asked(api: FakeApi, code: str = "DatabaseSilent", version: str = "7", log: str = "", known: str = "", look: StillSo | None = None) -> bool:
    picture = upgrade(pod(metadata={"resourceVersion": "7"}), logs={("web-1-a", "it"): known} if known else {})
    api.script[("GET", POD)] = [ok({"metadata": {"resourceVersion": version}})]
    api.script[("GET", LOG)] = [lambda h: h.send(200, log.encode(), "text/plain")]
    told = make(code, picture, "Pod/web-1-a", "it says nothing", "x", container="it")
    return bool((look or StillSo(Cluster.connect({"host": api.url}), "ns")).named(picture, [told]))


@pytest.mark.parametrize(
    ("more", "shown"),
    [
        ({}, True),
        ({"version": "8"}, False),  # the watch has not told yet
        ({"log": "begun\n"}, False),  # nor has the log
        ({"log": "begun\n", "known": "x\nbegun\n"}, True),
        ({"log": "password x\n", "known": "password (hidden)\n"}, True),
        ({"code": "ImageNotFound", "version": "8"}, True),  # that is not silence
    ],
)
def test_a_silence_is_shown_when_there_is_nothing_newer(more, shown):
    with FakeApi() as api:
        assert asked(api, **more) is shown


def test_it_is_asked_again_until_it_is_sure_and_then_no_more(monkeypatch):
    monkeypatch.setattr(still_so, "AGAIN", 0.0)
    with FakeApi() as api:
        look = StillSo(Cluster.connect({"host": api.url}), "ns")
        assert [asked(api, version=v, look=look) for v in ("8", "7", "8")] == [False, True, True] and api.asked(POD) == 2


@pytest.mark.parametrize(("answer", "shown"), [(403, True), (500, False)])
def test_what_may_not_be_asked_is_believed(answer, shown):
    with FakeApi() as api:
        look = StillSo(Cluster.connect({"host": api.url}), "ns")
        picture = upgrade(pod(metadata={"resourceVersion": "7"}))
        api.on("GET", POD, status(answer, "x", "y"))
        assert bool(look.named(picture, [make("OldPodStuck", picture, "Pod/web-1-a", "x", "y")])) is shown
