# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking the gateway by a one-off Job: the answer, why there is none, and nothing left behind."""

from __future__ import annotations

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.gateway.one_off_run import Answer, ask
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import ApiError, Cluster

from .fake_api import FakeApi, event, objects, ok, status, stream, thing

JOB = {"metadata": {"namespace": "ns"}}


def pod(state: dict) -> dict:
    return thing(
        "Pod",
        "p",
        "5",
        spec={"nodeName": "n", "containers": [{"name": "status"}]},
        status={"phase": "Pending", "containerStatuses": [{"name": "status", "state": state}]},
    )


@pytest.fixture
def api():
    with FakeApi() as fake:
        fake.on("POST", paths.jobs("ns"), ok({"metadata": {"name": "j"}}, 201))
        fake.on("DELETE", paths.job("ns", "j"), ok({}))
        yield fake


def answer(api: FakeApi, deadline: float = 5) -> Answer:
    return ask(Cluster.connect({"host": api.url, "api_key": "t"}), JOB, deadline)


def says(api: FakeApi, text: str) -> None:
    api.on("GET", paths.pod_log("ns", "p"), lambda h: h.send(200, text.encode(), "text/plain"))


def test_a_container_before_it_that_fails_is_the_answer(api):
    waits = pod({"waiting": {"reason": "PodInitializing"}})
    before = [{"name": "before", "state": {"terminated": {"exitCode": 3}}}]
    api.on("GET", paths.pods("ns"), objects("Pod", "4", {**waits, "status": {**waits["status"], "phase": "Failed", "initContainerStatuses": before}}))
    says(api, "no room")
    assert answer(api) == Answer(3, "no room")


@pytest.mark.parametrize("code", [0, 1])
def test_the_exit_code_and_the_output_are_the_answer(api, code):
    api.on("GET", paths.pods("ns"), objects("Pod", "4", pod({"running": {}})))
    api.on("WATCH", paths.pods("ns"), stream(event("MODIFIED", pod({"terminated": {"exitCode": code}}))))
    says(api, "v45 x [applied]")
    assert answer(api) == Answer(code, "v45 x [applied]")


def test_a_pod_that_has_ended_before_the_watch_began_is_seen(api):
    api.on("GET", paths.pods("ns"), objects("Pod", "4", pod({"terminated": {"exitCode": 0}})))
    api.on("WATCH", paths.pods("ns"), stream())
    says(api, "done")
    assert answer(api) == Answer(0, "done")


def test_a_pod_that_cannot_start_is_not_waited_for(api):
    api.on("GET", paths.pods("ns"), objects("Pod", "4", pod({"waiting": {"reason": "ErrImagePull"}})))
    api.on("WATCH", paths.pods("ns"), stream())
    found = answer(api, deadline=60)
    assert found.code is None and "ErrImagePull" in found.text and "Pod/p" in found.text


def test_no_pod_in_time_is_said(api):
    api.on("GET", paths.pods("ns"), objects("Pod", "4"))
    api.on("WATCH", paths.pods("ns"), stream())
    assert answer(api, deadline=0.3) == Answer(None, "no pod was created for Job/j")


QUEUED = {"metadata": {"name": "j", "labels": {"kueue.x-k8s.io/queue-name": "batch"}}, "spec": {"suspend": True}}


@pytest.mark.parametrize(
    ("job", "said"),
    [(QUEUED, "Job/j is suspended: Kueue holds it in queue batch"), ({"metadata": {"name": "j"}, "spec": {}}, "Job/j has no pod: exceeded quota: q")],
)
def test_no_pod_in_time_says_which_queue_holds_the_job_or_who_refused_the_pod(api, job, said):
    api.on("GET", paths.pods("ns"), objects("Pod", "4"))
    api.on("WATCH", paths.pods("ns"), stream())
    api.on("GET", paths.job("ns", "j"), ok(job))
    api.on("GET", paths.events("ns"), objects("Event", "4", thing("Event", "e", "3", message="exceeded quota: q")))
    assert answer(api, deadline=0.3) == Answer(None, said)


def test_the_job_is_removed_after_an_answer(api):
    api.on("GET", paths.pods("ns"), objects("Pod", "4", pod({"terminated": {"exitCode": 0}})))
    api.on("WATCH", paths.pods("ns"), stream())
    says(api, "done")
    answer(api)
    assert [method for method, path, _q, _b in api.seen if path == paths.job("ns", "j")] == ["DELETE"]


def test_the_job_is_removed_after_an_error_too(api):
    api.on("GET", paths.pods("ns"), status(500, "InternalError", "no"))
    with pytest.raises(ApiError):
        answer(api)
    assert [method for method, path, _q, _b in api.seen if path == paths.job("ns", "j")] == ["DELETE"]


def test_what_an_injector_adds_does_not_answer_for_the_program(api):
    """An init container that has ended, and a sidecar in front that never will: the log is read from the container that was asked."""
    body = {**JOB, "spec": {"template": {"spec": {"containers": [{"name": "status"}]}}}}

    def meshed(state: dict) -> dict:
        worker = pod(state)
        worker["spec"]["containers"].insert(0, {"name": "linkerd-proxy"})
        worker["status"]["containerStatuses"].insert(0, {"name": "linkerd-proxy", "state": {"running": {}}})
        worker["status"]["initContainerStatuses"] = [{"name": "linkerd-init", "state": {"terminated": {"exitCode": 0}}}]
        return worker

    api.on("GET", paths.pods("ns"), objects("Pod", "4", meshed({"waiting": {"reason": "PodInitializing"}})))
    api.on("WATCH", paths.pods("ns"), stream(event("MODIFIED", meshed({"terminated": {"exitCode": 3}}))))
    says(api, "v45 x [pending]")
    assert ask(Cluster.connect({"host": api.url, "api_key": "t"}), body, 5) == Answer(3, "v45 x [pending]")
    assert [query["container"] for _m, path, query, _b in api.seen if path == paths.pod_log("ns", "p")] in (["status"], [["status"]])
