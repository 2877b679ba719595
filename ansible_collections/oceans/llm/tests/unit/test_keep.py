# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An upgrade that no longer has an object with data: the object is annotated first, or the run is refused."""

from __future__ import annotations

import json

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.helm import keep
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.releases import Release
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster

from .fake_api import FakeApi, ok, status

DATABASE = {"apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "metadata": {"name": "r-postgres"}}
PATH = paths.one_of("postgresql.cnpg.io/v1", "clusters", "ns", "r-postgres")
EMPTY = Release("r", "ns", 4, "")


def live(**annotations: str) -> dict:
    return {**DATABASE, "metadata": {"name": "r-postgres", "annotations": {"meta.helm.sh/release-name": "r", **annotations}}}


KEPT = {"helm.sh/resource-policy": "keep"}


def go(api: FakeApi, planned: Release = EMPTY, before: tuple = (Release("r", "ns", 3, "deployed", manifest=(DATABASE,)),)) -> list[str]:
    return keep.keep_live(Cluster.connect({"host": api.url}), before, planned, "ns")


def test_a_database_that_leaves_the_release_is_annotated_first(api):
    api.on("GET", PATH, ok(live()), ok(live(**KEPT)))
    api.on("PATCH", PATH, ok({}))
    assert go(api) == ["Cluster/r-postgres"]
    assert [json.loads(body)["metadata"]["annotations"] for method, _p, _q, body in api.seen if method == "PATCH"] == [KEPT]


def test_the_live_object_counts_and_not_the_manifest_that_once_had_the_annotation(api):
    once = {**DATABASE, "metadata": {"name": "r-postgres", "annotations": KEPT}}
    api.on("GET", PATH, ok(live()), ok(live(**KEPT)))  # somebody took the annotation off the live object
    api.on("PATCH", PATH, ok({}))
    assert go(api, before=(Release("r", "ns", 3, "deployed", manifest=(once,)),)) == ["Cluster/r-postgres"] and api.asked(PATH) == 3


def test_one_that_left_in_an_earlier_revision_whose_upgrade_failed_counts_too(api):
    """Helm compares with the last revision that was deployed, which need not be the newest."""
    api.on("GET", PATH, ok(live(**KEPT)))
    assert go(api, before=(Release("r", "ns", 2, "deployed", manifest=(DATABASE,)), Release("r", "ns", 3, "failed"))) == ["Cluster/r-postgres"]


@pytest.mark.parametrize("there", [None, live(**{"meta.helm.sh/release-name": "other"})], ids=["gone", "another release's"])
def test_what_is_not_of_this_release_is_left_alone(api, there):
    if there:
        api.on("GET", PATH, ok(there))
    assert go(api) == [] and [m for m, *_rest in api.seen] == ["GET"]


def test_one_that_stays_is_not_touched(api):
    assert go(api, planned=Release("r", "ns", 4, "", manifest=(DATABASE,))) == [] and api.seen == []


def test_a_refused_annotation_stops_the_run(api):
    api.on("GET", PATH, ok(live()))
    api.on("PATCH", PATH, status(403, "Forbidden", "clusters is forbidden"))
    with pytest.raises(keep.NotKept, match="Cluster/r-postgres is no longer part of the release.*clusters is forbidden; nothing was changed"):
        go(api)


def test_an_annotation_that_does_not_stay_stops_the_run(api):
    api.on("GET", PATH, ok(live()))
    api.on("PATCH", PATH, ok({}))
    with pytest.raises(keep.NotKept, match="another controller removes the annotation"):
        go(api)


def test_a_hook_that_holds_data_is_refused_once_it_exists(api):
    hook = Release("r", "ns", 4, "", hooks=({**DATABASE, "metadata": {"name": "r-postgres", "annotations": {"helm.sh/hook": "pre-upgrade"}}},))
    assert go(api, planned=hook, before=()) == []
    api.on("GET", PATH, ok(live()))
    with pytest.raises(keep.NotKept, match="Helm would delete the object and create"):
        go(api, planned=hook, before=())
