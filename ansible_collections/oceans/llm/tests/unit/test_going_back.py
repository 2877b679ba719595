# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After a failed upgrade: what is said of the old version (the rollback policy, P1 to P6)."""

from __future__ import annotations

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.gateway.one_off_run import Answer
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import ApiError
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import going_back
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.model import Scope

from .test_causes import deployment, line, obj, replicaset, snapshot

SCOPE = Scope(("r-gateway",), ("r-migrate",), "ns", "r")
REFUSES = (
    "Error: database migration check failed\n\nCaused by:\n    database reset required for postgres: "
    "found historical migration v44 outside the active registry; recreate the database and rerun migrations\n"
)
V44 = f"{line(44, 'a', 'begin')}\n{line(44, 'a', 'commit')}\n"
V45_FAILED = f"{line(45, 'b', 'begin')}\n{line(45, 'b', 'rollback')}\n"


def after(log, old=True):
    """An upgrade from v0.23.0 whose migration has said this."""
    gateway = deployment("r-gateway")
    gateway["metadata"]["labels"] = {"app.kubernetes.io/component": "gateway"}
    labels = {"app.kubernetes.io/component": "gateway", "pod-template-hash": "abc"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "gateway", "image": "reg.example:5000/g/gateway:v0.23.0@sha256:0"}]}}
    before = replicaset("r-gateway-old", "r-gateway", revision="0")
    before["spec"]["template"] = template
    ended = {"phase": "Failed", "containerStatuses": [{"name": "migrate", "state": {"terminated": {"exitCode": 1}}}]}
    worker = obj("Pod", "r-migrate-x", "r-migrate", spec={"containers": [{"name": "migrate"}]}, status=ended)
    objects = [gateway, replicaset("r-gateway-new", "r-gateway"), obj("Job", "r-migrate", spec={}), worker, *([before] if old else [])]
    return snapshot(*objects, scope=SCOPE, logs={("r-migrate-x", "migrate"): log})


class Asked(list):
    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def __call__(self, _cluster, body, _deadline):
        self.append(body)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            Answer(0, "v44 a [applied]"),
            "the old version v0.23.0 can run on schema V44 (checked by a Job with its image), so a rollback to this version is safe",
        ),
        (
            Answer(1, REFUSES),
            (
                "the old version v0.23.0 refuses schema V44 (checked by a Job with its image): "
                "do not restart or roll back its pods; deploy a newer version, or restore a backup"
            ),
        ),
        (
            Answer(1, "Error: database migration check failed\n\nCaused by:\n    1 pending migrations remain for postgres\n"),
            (
                "the old version v0.23.0 supports schema V44, but needs migrations that the database lacks (checked by a Job with its image): "
                "its running pods keep serving, but a restarted pod waits for those migrations"
            ),
        ),
        (
            Answer(None, "Pod/x is waiting (ErrImagePull)"),
            "it is not known whether the old version v0.23.0 can run on schema V44 (Pod/x is waiting (ErrImagePull))",
        ),
        (
            ApiError(403, "Forbidden", "jobs is forbidden", "/"),
            "it is not known whether the old version v0.23.0 can still run on the database (jobs is forbidden)",
        ),
    ],
)
def test_new_versions_were_committed_so_the_old_image_is_asked(answer, said):
    ask = Asked(answer)
    statement = going_back.statement(None, after(V44 + V45_FAILED), ask)
    assert statement == said and "recreate" not in statement
    template = ask[0]["spec"]["template"]
    assert template["spec"]["containers"][0]["args"] == ["migrate", "--check"] and "v0.23.0" in template["spec"]["containers"][0]["image"]
    assert "pod-template-hash" not in template["metadata"]["labels"], "else the ReplicaSet would take the pod for one of its own"


def test_nothing_was_committed_so_nobody_is_asked():
    ask = Asked(AssertionError())
    assert going_back.statement(None, after(V45_FAILED), ask) == "the old version v0.23.0 can still run on the database"
    assert going_back.statement(None, after(line(44, "a", "begin")), ask) == "", "it may still have been committed: nothing is claimed"
    assert going_back.statement(None, after(V44, old=False), ask) == "", "a first install has nothing to go back to"
    assert ask == []
