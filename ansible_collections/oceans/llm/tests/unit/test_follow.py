# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The loop: what is done in which order when a rollout fails, ends well, or is interrupted; against a scripted API server."""

from __future__ import annotations

import gzip
import json
import os
import pathlib
import signal
import time
from dataclasses import replace

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.helm import releases
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.process import Helm
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import causes, conclusion, follow, watch
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.conclusion import Ending
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.database_look import DatabaseLook
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.follow import Follower
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.guard import Guard
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.interrupt import Interrupt
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.model import Scope
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.post_check import Expected
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.verdict import State
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.watch import KINDS, Watched
from ansible_collections.oceans.llm.plugins.plugin_utils.secrets.redact import Redactor

from . import test_by_hand as by_hand
from .fake_api import FakeApi, Handler, objects, ok, status, stream
from .fake_postgres import FakePostgres
from .test_database_look import BUSY, HISTORY, THERE, history, release, until

NS = "ns"
SCOPE = Scope(("web",), ("mig",), NS, "rel")


def rfc(ago=0.0):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - ago))


def made(kind, name, version, owner="", **body):
    more = body.pop("metadata", {})
    owners = [{"uid": owner}] if owner else []
    return {
        "kind": kind,
        "metadata": {"name": name, "uid": f"uid-{name}", "resourceVersion": version, "creationTimestamp": rfc(), "ownerReferences": owners, **more},
        **body,
    }


def chunks(*changes, hold=20.0):
    """A watch that sends (delay, type, object) and stays open."""

    def answer(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for delay, kind, obj in changes:
            time.sleep(delay)
            data = json.dumps({"type": kind, "object": obj}).encode() + b"\n"
            handler.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            handler.wfile.flush()
        time.sleep(hold)

    return answer


class FakeHelm:
    """Helm that runs until it is ended, or for `seconds`."""

    def __init__(self, note, seconds=60.0, error=""):
        self._note, self._end, self._error, self._began = note, time.monotonic() + seconds, error, time.time()
        self.terminated, self.pid = False, 4711

    def alive(self):
        return self.poll().running

    def poll(self):
        if self.terminated or time.monotonic() > self._end:
            return Helm(False, self._began, self._error)
        return Helm(True)

    def terminate(self, deadline=20.0):
        self._note("SIGTERM")
        self.terminated = True
        return True


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(follow, "TICK", 0.02)


@pytest.fixture
def api():
    with FakeApi() as fake:
        for plural in KINDS.values():
            fake.on("GET", paths.collection(plural, NS), objects("X", "1"))
            fake.on("WATCH", paths.collection(plural, NS), chunks())
        yield fake


def script(api, plural, *changes):
    api.script[("WATCH", paths.collection(plural, NS))] = [chunks(*changes)]


def follower(api, lines, timeout=20.0, fences=True, scope=SCOPE, **more):
    cluster = Cluster.connect({"host": api.url})
    return Guard(cluster, Follower(cluster, scope, lines.append, timeout, **more), changes=fences)


LABELS = {"labels": {"app.kubernetes.io/component": "migration"}}


def job():
    return made("Job", "mig", "2", spec={"backoffLimit": 3}, metadata=LABELS)


def job_pod():
    return made(
        "Pod",
        "mig-x",
        "3",
        "uid-mig",
        spec={"containers": [{"name": "migrate", "image": "reg.example/a:v9"}]},
        status={"phase": "Pending", "containerStatuses": [{"name": "migrate", "ready": False, "state": {"waiting": {"reason": "ContainerCreating"}}}]},
    )


def pull_failed():
    return made(
        "Event",
        "e1",
        "4",
        reason="Failed",
        type="Warning",
        message='Failed to pull image "reg.example/a:v9": rpc error: code = NotFound desc = reg.example/a:v9: not found',
        firstTimestamp=rfc(),
        lastTimestamp=rfc(),
        involvedObject={"kind": "Pod", "name": "mig-x", "fieldPath": "spec.containers{migrate}"},
    )


def broken(api):
    script(api, "jobs", (0.1, "ADDED", job()))
    script(api, "pods", (0.1, "ADDED", job_pod()))
    script(api, "events", (0.3, "ADDED", pull_failed()))
    api.on("GET", paths.job(NS, "mig"), ok(job()), ok({**job(), "spec": {"suspend": True}}))
    api.on("PATCH", paths.job(NS, "mig"), ok(job()))
    api.on("GET", paths.pod_log(NS, "mig-x"), status(400, "BadRequest", "not started"))


def test_a_certain_cause_fences_ends_helm_fences_again_and_only_then_declares(api):
    broken(api)
    order, lines = [], []
    run = follower(api, lines)
    run.start()
    began = time.monotonic()
    helm = FakeHelm(lambda what: order.append((what, len([1 for m, p, *_rest in api.seen if m == "PATCH"]))))
    outcome = run.run(helm)
    assert outcome.state is State.FAILED and outcome.cause.code == "ImageNotFound" and time.monotonic() - began < 2.0
    assert order == [("SIGTERM", 1)], "the Job was suspended before Helm was ended"
    suspended = [json.loads(b) for m, p, _q, b in api.seen if m == "PATCH" and p == paths.job(NS, "mig")]
    assert suspended[0] == {"spec": {"suspend": True}} and set(outcome.fenced) == {"mig"}
    assert outcome.database == "database unchanged: the migration never started"
    assert any("no pod of the Job is running" in line for line in lines)


def test_a_follower_of_somebody_elses_change_stops_nothing(api):
    broken(api)
    run = follower(api, [], fences=False)
    run.start()
    assert run.run(None).cause.code == "ImageNotFound"
    assert not [m for m, *_rest in api.seen if m in ("PATCH", "DELETE")]


@pytest.mark.parametrize("ours", [True, False])
def test_what_a_silent_migration_committed_is_read_from_the_database_before_and_after(api, ours):
    """RUST_LOG=error: nothing in the log, thirteen versions in the database."""
    state = {"running": {"startedAt": rfc(-2)}}  # well after the history was read
    status_now = {"phase": "Running", "containerStatuses": [{"name": "migrate", "ready": True, "state": state}]}
    pod = {**job_pod(), "spec": {**job_pod().get("spec", {}), "nodeName": "n"}, "status": status_now}
    script(api, "jobs", (0.0, "ADDED", job()))
    script(api, "pods", (0.0, "ADDED", pod))
    api.on("GET", paths.job(NS, "mig"), ok(job()))
    api.on("PATCH", paths.job(NS, "mig"), ok(job()))
    api.on("GET", paths.pod_log(NS, "mig-x"), lambda handler: handler.send(200, b"", "text/plain"))
    with FakePostgres({THERE: [("t",)], HISTORY: history(*range(17, 19)), BUSY: [("1",)]}) as server:
        api.on("GET", paths.service("db", "pg"), ok({}))
        ends = [{"addresses": ["127.0.0.1"], "conditions": {"ready": True}}]
        slices = objects("EndpointSlice", "1", {"metadata": {"name": "a"}, "ports": [{"port": server.port}], "endpoints": ends})
        api.on("GET", paths.endpointslices("db"), slices)
        look = DatabaseLook(Cluster.connect({"host": api.url}), NS, release())
        run = follower(api, [], 1.0, ours, replace(SCOPE, ours=ours), database=look)
        run.start()
        until(lambda: any(HISTORY in sql for sql in server.seen))
        server.answers[HISTORY] = history(*range(17, 30))
        outcome = run.run(None)
    assert outcome.state is State.FAILED and "the rollout is not complete after 1 s" in outcome.cause.cause
    by = "in this run" if ours else "by this release's Job"
    assert outcome.database == f"database at V29 (V19–V29 committed {by}); not all migrations were finished"


def test_a_cause_that_is_certain_at_the_first_look_waits_for_what_is_known_of_the_database(api):
    """Seen: the role wait came after a probe had failed for long, and did not say that the database's Service is gone."""
    probes = {"startupProbe": {"periodSeconds": 1}, "readinessProbe": {"periodSeconds": 1}}
    container = {"name": "web", "env": [{"name": "POSTGRES_URL", "value": "postgres://u:pencil@pg.db/x"}], **probes}
    lost = [{"type": "ContainersReady", "status": "False", "lastTransitionTime": rfc(200)}]
    statuses = [{"name": "web", "ready": False, "started": True, "state": {"running": {"startedAt": rfc(600)}}}]
    pod = made(
        "Pod", "web-1-a", "1", "uid-web-1", spec={"containers": [container]}, status={"phase": "Running", "conditions": lost, "containerStatuses": statuses}
    )
    about = {"kind": "Pod", "name": "web-1-a", "fieldPath": "spec.containers{web}"}
    said = "Readiness probe failed: HTTP probe failed with statuscode: 503"
    failed = made("Event", "e", "1", reason="Unhealthy", message=said, firstTimestamp=rfc(190), lastTimestamp=rfc(1), involvedObject=about)
    revision = {"annotations": {"deployment.kubernetes.io/revision": "1"}}
    owner = made(
        "Deployment",
        "web",
        "1",
        spec={"replicas": 1},
        status={"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1},
        metadata={"generation": 1, **revision},
    )
    newest = made("ReplicaSet", "web-1", "1", "uid-web", spec={"replicas": 1}, metadata=revision)
    for plural, thing in (("deployments", owner), ("replicasets", newest), ("pods", pod), ("events", failed)):
        api.script[("GET", paths.collection(plural, NS))] = [objects(thing["kind"], "1", thing)] * 2  # the list, and the recent events
    api.on("GET", paths.namespace("db"), ok({}))

    def late(handler: Handler) -> None:
        time.sleep(0.5)
        status(404, "NotFound", "no")(handler)

    api.on("GET", paths.service("db", "pg"), late)
    look = DatabaseLook(Cluster.connect({"host": api.url}), NS, release())
    run = follower(api, [], fences=False, scope=Scope(("web",), (), NS, "rel", ours=False), database=look)
    run.start()
    cause = run.run(None).cause
    assert cause.code == "DatabaseUnreachable" and "there is no Service pg" in cause.cause


def test_a_job_that_cannot_be_fenced_is_said(api):
    broken(api)
    api.script[("GET", paths.job(NS, "mig"))] = [ok(job())]
    api.script[("PATCH", paths.job(NS, "mig"))] = [status(403, "Forbidden", "may not patch jobs")]
    lines = []
    run = follower(api, lines)
    run.start()
    outcome = run.run(FakeHelm(lambda _: None))
    assert "a migration may still be running, because Jobs were not stopped: Job/mig: may not patch jobs" in outcome.database and outcome.not_fenced == {
        "mig": "may not patch jobs"
    }


def test_the_deadline_of_the_run_names_what_it_waited_for(api):
    script(api, "jobs", (0.0, "ADDED", job()))
    run = follower(api, [], timeout=0.8)
    run.start()
    outcome = run.run(None)
    assert outcome.cause.code == "Timeout" and "Job/mig has no pod yet" in outcome.cause.cause and outcome.seconds < 3


def test_the_deadline_names_a_pod_with_the_change_that_somebody_made_to_its_template(api):
    """The state of a pod is no cause of a rule, so that the looks have not completed it before."""
    picture = by_hand.changed(by_hand.probe)
    for kind in ("Deployment", "ReplicaSet", "Pod"):
        api.script[("GET", paths.collection(f"{kind.lower()}s", NS))] = [objects(kind, "1", *picture.kind(kind).values())]
    api.on("GET", paths.deployment(NS, "web"), ok(picture.kind("Deployment")["web"]))
    run = follower(api, [], timeout=0.5, scope=Scope(("web",), (), NS, "rel"))
    run.start()
    found = run.run(None).cause
    assert found.object == "Pod/web-1-a" and "after 0 s" in found.cause, found
    assert found.cause.count("the pod template of Deployment/web was changed by kubectl-patch") == 1


def test_ctrl_c_is_a_safe_end(api):
    script(api, "jobs", (0.0, "ADDED", job()))
    api.on("GET", paths.job(NS, "mig"), ok(job()))
    api.on("PATCH", paths.job(NS, "mig"), ok(job()))
    done, before = [], signal.getsignal(signal.SIGINT)  # a job in the background has it ignored
    with Interrupt() as interrupt:
        run = follower(api, [], interrupted=interrupt)
        run.start()
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
        outcome = run.run(FakeHelm(done.append))
    assert outcome.cause.code == "Interrupted" and "SIGINT" in outcome.cause.cause and done == ["SIGTERM"] and outcome.fenced
    assert signal.getsignal(signal.SIGINT) is before


def complete(version, generation):
    return made(
        "Deployment",
        "web",
        version,
        metadata={"generation": generation, "annotations": {"deployment.kubernetes.io/revision": "1"}},
        spec={"replicas": 1},
        status={"observedGeneration": generation, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1},
    )


@pytest.mark.parametrize(("code", "reason"), [(503, "ServiceUnavailable"), (429, "TooManyRequests"), (500, "InternalError")])
def test_an_api_server_that_does_not_answer_when_all_is_complete_is_asked_again(api, monkeypatch, code, reason):
    monkeypatch.setattr(follow, "ASK_AGAIN", 0.05)
    api.script[("GET", paths.collection("deployments", NS))] = [objects("Deployment", "1", complete("1", 1))]
    api.on("GET", paths.deployment(NS, "web"), *[status(code, reason, "shutting down")] * 2, ok(complete("1", 1)))
    run = follower(api, [])
    run.start()
    assert run.run(FakeHelm(lambda _: None, seconds=0.0)).state is State.DONE


def test_a_rule_that_breaks_is_one_note_and_the_others_decide(api, monkeypatch):
    broken(api)

    def bad(snapshot):
        if snapshot.kind("Job"):
            raise KeyError("resources")
        return iter(())

    monkeypatch.setitem(causes.RULES, "bad", bad)
    lines = []
    run = follower(api, lines)
    run.start()
    helm = FakeHelm(lambda _: None)
    outcome = run.run(helm)
    assert outcome.cause.code == "ImageNotFound" and helm.terminated and outcome.fenced == ["mig"]
    assert len([line for line in lines if "the check 'bad' is skipped" in line and "KeyError: 'resources'" in line]) == 1


def refused(api, code, reason):
    api.script[("WATCH", paths.collection("pods", NS))] = [stream(), status(code, reason, "no more")]


@pytest.mark.parametrize(("break_it", "code"), [
    (lambda api, patch: refused(api, 401, "Unauthorized"), "CredentialsRefused"),
    (lambda api, patch: patch.setattr(follow, "judge", lambda *_: 1 / 0), "EngineBroke"),
])  # fmt: skip
def test_whatever_breaks_the_loop_helm_is_ended_the_jobs_are_fenced_and_the_end_is_told(api, monkeypatch, break_it, code):
    monkeypatch.setattr(watch, "REFUSED_FOR", 0.0, raising=False)
    api.script[("GET", paths.collection("jobs", NS))] = [objects("Job", "1", job())]
    api.on("GET", paths.job(NS, "mig"), ok(job()))
    api.on("PATCH", paths.job(NS, "mig"), ok(job()))
    break_it(api, monkeypatch)
    run = follower(api, [])
    run.start()
    helm = FakeHelm(lambda _: None)
    outcome = run.run(helm)
    assert outcome.state is State.FAILED and outcome.cause.code == code and helm.terminated
    assert [p for m, p, *_rest in api.seen if m == "PATCH"] == [paths.job(NS, "mig")] * 2


def test_credentials_that_are_refused_for_a_moment_are_tried_again(api):
    """A token that is just being renewed, or an API server whose authentication has just started."""
    script(api, "jobs", (0.1, "ADDED", job()))
    api.script[("WATCH", paths.collection("pods", NS))] = [stream(), status(401, "Unauthorized", "no"), chunks()]
    run = follower(api, [], timeout=1.0)
    run.start()
    assert run.run(None).cause.code == "Timeout"


def test_a_complete_rollout_is_done_and_the_picture_is_not_older_than_the_cluster(api):
    api.script[("GET", paths.collection("deployments", NS))] = [objects("Deployment", "1", complete("1", 1))]
    api.on("GET", paths.deployment(NS, "web"), ok(complete("5", 2)))
    run = follower(api, [])
    run.start()
    outcome = run.run(FakeHelm(lambda _: None, seconds=0.0))
    assert outcome.state is State.DONE and outcome.snapshot.kind("Deployment")["web"]["metadata"]["generation"] == 2


def test_secrets_in_logs_and_messages_do_not_reach_the_rules(api):
    failed = {
        **job_pod(),
        "status": {
            "phase": "Failed",
            "containerStatuses": [{"name": "migrate", "state": {"terminated": {"exitCode": 1, "finishedAt": rfc(), "startedAt": rfc()}}}],
        },
    }
    script(api, "jobs", (0.0, "ADDED", job()))
    script(api, "pods", (0.1, "ADDED", failed))
    text = "Error: failed to load gateway configuration from `c`\n\nCaused by:\n    unsupported secret reference `postgres://u:canary-pw@h/d`; use env.*\n"
    api.on("GET", paths.pod_log(NS, "mig-x"), lambda h: h.send(200, text.encode(), "text/plain"))
    lines = []
    run = follower(api, lines, fences=False, clean=Redactor())
    run.start()
    outcome = run.run(None)
    assert outcome.cause.code == "GatewayReferenceInvalid"
    assert "canary-pw" not in conclusion.sentence(outcome.cause, outcome) + str(outcome.snapshot.logs) + "\n".join(lines)


def stuck(api, made_ago):
    """A release whose last rollout is stuck in an init container, before anything is changed."""
    template = {"metadata": {}, "spec": {"containers": [{"name": "web", "image": "a"}]}}
    status = {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 1, "availableReplicas": 1}
    web = made("Deployment", "web", "2", spec={"replicas": 1, "template": template}, status=status, metadata={"generation": 1})
    newest = made("ReplicaSet", "web-1", "3", "uid-web", spec={"template": template}, metadata={"annotations": {"deployment.kubernetes.io/revision": "2"}})
    init = [{"name": "worker", "state": {"running": {"startedAt": rfc(made_ago)}}}]
    status = {"phase": "Pending", "initContainerStatuses": init, "containerStatuses": [{"name": "web", "state": {"waiting": {"reason": "PodInitializing"}}}]}
    pod = made("Pod", "web-1-a", "4", "uid-web-1", spec={"nodeName": "n", **template["spec"]}, status=status, metadata={"creationTimestamp": rfc(made_ago)})
    for plural, obj in (("deployments", web), ("replicasets", newest), ("pods", pod)):
        api.script[("GET", paths.collection(plural, NS))] = [objects("X", "1", obj)]
    api.on("GET", paths.pod_log(NS, "web-1-a"), lambda h: h.send(200, b"processing batch 1\n", "text/plain"))


@pytest.mark.parametrize(("made_ago", "told"), [(20, True), (2, False)])
def test_what_is_stuck_before_the_change_is_told_before_the_change(api, made_ago, told):
    stuck(api, made_ago)
    lines = []
    cluster = Cluster.connect({"host": api.url})
    run = Follower(cluster, SCOPE, lines.append, 20.0)
    run.tell_before(run.start())
    run.stop()
    words = (
        "the previous rollout was not complete before this change: Deployment/web: 0 of 1 new pods ready: web-1-a init container worker has been running for"
    )
    assert [words in line and "processing batch 1" in line for line in lines] == [True] * told, lines


def test_what_a_wait_finds_unfinished_is_told_before_the_first_heartbeat_is_due(api):
    stuck(api, 20)
    lines = []
    run = follower(api, lines, 2.5, scope=replace(SCOPE, jobs=()))
    run.start()
    run.run(None)
    (said,) = [line for line in lines if "… Deployment/web: 0 of 1 new pods ready" in line and "processing batch 1" in line]
    assert float(said.split("s ")[0]) < 2.5


@pytest.mark.parametrize(("ago", "ours", "code"), [(5, False, "ImageDenied"), (60, False, "InitContainerRuns"), (5, True, "InitContainerRuns")])
def test_a_wait_knows_what_the_kubelet_said_just_before_it(api, ago, ours, code):
    """Seen on kind: the event of a failed pull, and 13 s later the status of the container."""
    stuck(api, 20)
    said = 'Failed to pull image "a": failed with status code [manifests v1]: 401 Unauthorized'
    event = made("Event", "web-1-a.1", "4", reason="Failed", message=said, lastTimestamp=rfc(ago), involvedObject={"kind": "Pod", "name": "web-1-a"})
    api.script[("GET", paths.events(NS))] = [objects("Event", "1", event)]
    run = follower(api, [], 1.0, scope=replace(SCOPE, jobs=(), ours=ours))
    run.start()
    assert run.run(None).cause.code == code
    asked = [query["fieldSelector"] for _method, path, query, _body in api.seen if path == paths.events(NS) and "fieldSelector" in query]
    assert asked == ([] if ours else [["involvedObject.uid=uid-web-1-a"]])


def test_lines_are_told_once_and_a_heartbeat_comes_in_time(api, monkeypatch):
    monkeypatch.setattr(follow, "HEARTBEAT", 0.4)
    monkeypatch.setattr(follow, "FIRST", 0.4)
    script(api, "jobs", (0.0, "ADDED", job()))
    lines = []
    run = follower(api, lines, timeout=1.6)
    run.start()
    run.run(None)
    assert len([line for line in lines if "is running" in line]) == 1
    assert 2 <= len([line for line in lines if "… Job/mig has no pod yet" in line]) <= 4


def behind(*ready):
    endpoints = [{"addresses": ["10.0.0.1"], "conditions": {"ready": r}} for r in ready]
    return made("EndpointSlice", "gw-x", str(10 + len(ready)), metadata={"labels": {"kubernetes.io/service-name": "gw"}}) | {"endpoints": endpoints}


def test_a_service_that_loses_its_last_ready_pod_is_told_and_so_is_its_recovery(api):
    api.on("GET", paths.endpointslices(NS), objects("EndpointSlice", "1", behind(True)))
    api.on("WATCH", paths.endpointslices(NS), chunks((0.2, "MODIFIED", behind(False, False)), (0.6, "MODIFIED", behind(True, True, False))))
    script(api, "jobs", (0.0, "ADDED", job()))
    lines = []
    scope = replace(SCOPE, services=("gw", "other"))
    run = follower(api, lines, 1.5, scope=scope, also={"EndpointSlice": Watched(paths.endpointslices(NS))})
    run.start()
    run.run(None)
    told = [line.split("s ", 1)[1] for line in lines if "Service/" in line]
    assert told == ["Service/gw: no ready endpoints, so requests fail", "Service/gw: 2 ready pods again"]


@pytest.mark.parametrize("answer", [status(403, "Forbidden", "no"), status(404, "NotFound", "no")])
def test_what_may_not_be_seen_is_left_out(api, answer):
    api.on("GET", paths.secrets(NS), answer)
    run = follower(api, [], 0.3, also={"Release": Watched(paths.secrets(NS))})
    assert "Release" not in run.start().objects


def test_jobs_of_somebody_elses_newer_revision_are_left_alone(api):
    """And Helm's record gives its labels to the rules, its contents to nobody."""
    labels = {"version": "5", "status": "pending-upgrade"}
    record = made("Secret", "sh.helm.release.v1.rel.v5", "9", metadata={"labels": labels}) | {"data": {"release": "canary"}}
    api.on("GET", paths.secrets(NS), objects("Secret", "1"))
    api.on("WATCH", paths.secrets(NS), chunks((0.2, "ADDED", record)))
    script(api, "jobs", (0.0, "ADDED", job()))
    lines = []
    also = {"Release": Watched(paths.secrets(NS), {"labelSelector": "owner=helm,name=rel"})}
    run = follower(api, lines, 5.0, scope=replace(SCOPE, revision=4), also=also)
    run.start()
    outcome = run.run(None)
    assert outcome.cause.code == "ReleaseOvertaken" and "revision 5" in outcome.cause.cause and outcome.fenced == []
    assert "stopping the Jobs" not in "\n".join(lines) and not [r for r in api.seen if r[0] in ("PATCH", "DELETE")]
    assert "canary" not in str(outcome.snapshot.objects)


# --- the end -----------------------------------------------------------------------------------------------------------

MANIFEST = """
kind: Service
metadata: {name: gw, labels: {app.kubernetes.io/component: gateway}}
spec: {ports: [{port: 8080}]}
---
kind: Deployment
metadata: {name: web, labels: {app.kubernetes.io/component: gateway}}
spec: {template: {spec: {containers: [{name: gateway, image: "reg.example:5000/gw:v0.24.0@sha256:abc"}]}}}
"""
RELEASE = releases.parse({"name": "rel", "namespace": NS, "version": 2, "manifest": MANIFEST, "chart": {"metadata": {"name": "c", "version": "1.0.0"}}})


def test_the_evidence_is_complete_private_and_clean(api, tmp_path):
    broken(api)
    lines, clean = [], Redactor()
    clean.learn(["canary-secret-value"])
    run = follower(api, lines, fences=False, clean=clean)
    run.start()
    outcome = run.run(None)
    outcome.snapshot.logs[("mig-x", "migrate")] = "says canary-secret-value aloud\n"
    outcome.snapshot.objects["Pod"]["mig-x"]["spec"]["containers"][0]["env"] = [{"name": "A", "value": "plain-canary"}]
    result = conclusion.report(
        Cluster.connect({"host": api.url}), RELEASE, outcome, Expected(), lines.append, Ending(folder=str(tmp_path), clean=clean, host="kind")
    )
    folder = result["report"]
    body = json.loads(pathlib.Path(folder, "report.json").read_text(encoding="utf-8"))
    assert body["code"] == "ImageNotFound" and body["line"] == result["msg"].split(" — report: ")[0] and result["failed"] is True
    assert body["events"][0]["reason"] == "Failed" and {s["object"] for s in body["spans"]} == {"Job/mig", "Pod/mig-x"}
    page = pathlib.Path(folder, "report.html").read_text(encoding="utf-8")
    assert page.index("Next step") < page.index("ImageNotFound:") < page.index("Phases of each object")
    assert "http" not in page.replace("https://reg", ""), "nothing is loaded from outside"
    files = [path for path in pathlib.Path(folder).rglob("*") if path.is_file()]
    everything = "".join((gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()).decode() for path in files)
    assert "canary" not in everything and "(hidden)" in everything
    assert {oct(path.stat().st_mode & 0o777) for path in files} == {"0o600"}
    assert result["msg"].startswith("FAILED ImageNotFound Pod/mig-x container migrate: ") and not any("FAILED" in line for line in lines)


def test_a_folder_that_cannot_be_written_hides_no_cause(api, tmp_path):
    broken(api)
    run = follower(api, [], fences=False)
    run.start()
    blocked = tmp_path / "file"
    blocked.write_text("")
    said = []
    result = conclusion.report(Cluster.connect({"host": api.url}), RELEASE, run.run(None), Expected(), said.append, Ending(folder=str(blocked)))
    assert "ImageNotFound" in result["msg"] and "no report" in result["msg"] and said == []
