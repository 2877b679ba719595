# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The probe pod: its script against real sockets, its Job, its life, and what is made of what it saw."""

from __future__ import annotations

import copy
import dataclasses
import json
import shutil
import ssl
import subprocess
import threading
import time
from contextlib import contextmanager

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import post_check, probe, probe_job, probe_verdict
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.baseline import Before
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.post_check import State
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.probe import Answer, Probe, wanted

from .fake_api import FakeApi, Handler, objects, ok, status
from .place import NS, PROXY, Place, labels, pod, rfc
from .test_post_check import policy
from .test_service_look import certificate

# --- the script ---------------------------------------------------------------------------------------------------------------

needs_perl = pytest.mark.skipif(not shutil.which("perl"), reason="no perl on this machine")


def script(*args: str) -> dict:
    done = subprocess.run(["perl", "-e", probe_job.script("probe"), "0", "0.01", *args], capture_output=True, text=True, timeout=120, check=True)
    assert done.stderr == ""
    return json.loads(done.stdout)


@needs_perl
def test_the_script_asks_by_name_and_address():
    with FakeApi() as server:
        server.on("GET", "/api/v1/health", ok({"version": "0.24.0"}))
        line = script("localhost", server.url.rsplit(":", 1)[1], "/api/v1/health", "", "")
    assert (line["status"], line["error"], line["dns"], line["round"]) == (200, "", "", 1)
    assert json.loads(line["body"])["version"] == "0.24.0" and line["address"] in ("127.0.0.1", "::1")


@needs_perl
def test_the_script_asks_the_pods_when_the_address_does_not_answer():
    with FakeApi() as server:
        server.on("GET", "/h", ok({}))
        port = server.url.rsplit(":", 1)[1]
        line = script("localhost", "1", "/h", f"127.0.0.1:{port},127.0.0.1:1", "")
    assert "no connection to" in line["error"] and "refused" in line["error"]
    assert [(p["status"], bool(p["error"])) for p in line["pods"]] == [(200, False), (0, True)]


@needs_perl
def test_the_script_says_that_a_name_does_not_resolve():
    line = script("gw.ns.invalid", "1", "/h", "", "http|a.invalid|")
    assert line["dns"] and line["address"] == "" and "does not resolve" in line["hosts"][0]["error"]


@needs_perl
def test_the_script_asks_a_host_at_the_port_of_its_listener():
    with FakeApi() as server:
        server.on("GET", "/h", status(404, "NotFound", "no route"))
        port = server.url.rsplit(":", 1)[1]
        (host,) = script("localhost", "1", "/h", "", f"http|a.example|127.0.0.1|{port}")["hosts"]
    assert host["status"] == 404 and host["at"] == f"a.example:{port}"


@contextmanager
def tls_server(tmp_path, days: float):
    """The port of a TLS server."""
    key = ec.generate_private_key(ec.SECP256R1())
    file = tmp_path / "both.pem"
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(private + certificate(days, "a.example", key=key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with FakeApi(tls=context) as server:
        yield server.url.rsplit(":", 1)[1]


@needs_perl
@pytest.mark.parametrize(("days", "code"), [(-1, "CertificateExpired"), (30, "")])
def test_the_certificate_of_a_host_is_read_from_its_handshake(tmp_path, days, code):
    with tls_server(tmp_path, days) as port:
        line = script("localhost", "1", "/h", "", f"https|a.example|127.0.0.1|{port}")
    with FakeApi() as api:
        place = Place(api).play()
        line |= {"error": "", "dns": "", "status": 200, "body": '{"version": "0.24.0"}'}
        seen = probe_verdict.judge(Answer(line=line), Cluster.connect({"host": api.url}), place.snapshot, place.gateway, "gw", "0.24.0")
    assert (seen.wrong.code if seen.wrong else "") == code and (not code or seen.wrong.object == "Host/a.example")


# --- the Job ------------------------------------------------------------------------------------------------------------------


def body(place: Place) -> dict:
    main = place.gateway["spec"]["template"]["spec"]["containers"][0]
    main |= {
        "env": [{"name": "POSTGRES_URL", "value": "canary"}],
        "envFrom": [{"secretRef": {"name": "s"}}],
        "volumeMounts": [{"name": "v", "mountPath": "/v"}],
        "resources": {"requests": {"cpu": "4"}},
        "securityContext": {"runAsUser": 10001},
        "imagePullPolicy": "Always",
    }
    place.gateway["spec"]["template"]["spec"]["volumes"] = [{"name": "v", "secret": {"secretName": "s"}}]
    return probe_job.body(place.gateway, "gw", 8080, "/h", release="rel", node="node-1", pods=["10.0.0.1:8080"])


def test_the_pod_has_no_secret_no_room_and_no_traffic():
    job = body(Place(FakeApi()))
    template = job["spec"]["template"]
    spec, (container,) = template["spec"], template["spec"]["containers"]
    assert "canary" not in json.dumps(job) and "secret" not in json.dumps(job).lower().replace("secretname", "")
    assert spec["readinessGates"] and spec["automountServiceAccountToken"] is False and spec["nodeName"] == "node-1"
    assert container["resources"]["requests"]["cpu"] == "10m" and container["imagePullPolicy"] == "IfNotPresent"
    security = container["securityContext"]
    assert security["runAsUser"] == 10001 and security["capabilities"] == {"drop": ["ALL"]} and not security["allowPrivilegeEscalation"]
    assert template["metadata"]["labels"] == labels("probe")
    assert container["args"][3] == "gw.ns.svc" and container["image"].endswith("gw:v0.24.0")


def test_the_job_is_gone_when_the_run_was_killed():
    job = body(Place(FakeApi()))
    assert job["spec"]["ttlSecondsAfterFinished"] <= 60 and job["spec"]["activeDeadlineSeconds"] and job["spec"]["backoffLimit"] == 0
    assert job["metadata"]["ownerReferences"][0]["uid"] == "uid-gw"


# --- its life -----------------------------------------------------------------------------------------------------------------


JOBS, POD = paths.jobs(NS), "rel-probe-x-y"
GOOD = {"error": "", "dns": "", "status": 200, "body": json.dumps({"version": "0.24.0"}), "name": "gw.ns.svc", "address": "10.96.0.1", "hosts": []}


def probing(place: Place, *lines: dict, pause: float = 0.01, running: bool = True) -> None:
    """The API server makes the probe's pod, and that prints these lines, the last one for ever."""
    state = {"running": {}} if running else {"waiting": {"reason": "ContainerCreating"}}
    made = {
        "metadata": {"name": POD},
        "spec": {"nodeName": "node-1"},
        "status": {"phase": "Running" if running else "Pending", "podIP": "10.0.0.9", "containerStatuses": [{"name": "probe", "ready": False, "state": state}]},
    }

    def log(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        left = list(lines)
        while not place.api.over.wait(pause):
            data = json.dumps(left[0] if len(left) == 1 else left.pop(0)).encode() + b"\n"
            handler.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            handler.wfile.flush()

    place.api.on("POST", JOBS, ok({"metadata": {"name": "rel-probe-x"}}, 201))
    place.api.on("GET", paths.pod_log(NS, POD), log)
    place.api.on("DELETE", paths.job(NS, "rel-probe-x"), ok({}))
    listed = objects("Pod", "1", made)
    all_pods = place.api.script[("GET", paths.pods(NS))][0]
    place.api.script[("GET", paths.pods(NS))] = [lambda h: (listed if "labelSelector" in h.path else all_pods)(h)]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """The first answer of the probe decides, however long a busy machine takes for it."""
    monkeypatch.setattr(probe, "PATIENCE", 120.0)
    monkeypatch.setattr(probe, "AGAIN", 0.02)
    monkeypatch.setattr(post_check, "SETTLE", 0.0)
    monkeypatch.setattr(post_check, "LATE", 0.0)
    monkeypatch.setattr(post_check, "AGAIN", 0.01)


@pytest.fixture
def place():
    with FakeApi() as api:
        yield Place(api).play()


def prober(place: Place) -> Probe:
    return Probe(Cluster.connect({"host": place.api.url}), place.release, NS)


def check(place: Place, each: Probe | None = None):
    each = each or prober(place)
    cluster = Cluster.connect({"host": place.api.url})
    try:
        return post_check.check(cluster, place.snapshot, place.release, post_check.expected_version(place.release), probe=each)
    finally:
        each.stop()


def posted(place: Place) -> list[dict]:
    return [json.loads(b) for m, p, _q, b in place.api.seen if (m, p) == ("POST", JOBS)]


@pytest.mark.parametrize(("mode", "change", "made"), [("auto", True, True), ("auto", False, False), ("true", False, True), ("false", True, False)])
def test_a_probe_is_made_where_it_adds_something(place, mode, change, made):
    assert (wanted(mode, change, Cluster.connect({"host": place.api.url}), place.release, NS) is not None) is made


def test_it_starts_when_the_last_new_pod_has_an_address_and_takes_nothing_from_it(place):
    probing(place, GOOD)
    each, whole = prober(place), place.snapshot
    place.gateway["spec"]["replicas"] = 2
    each.look(place.snapshot)
    assert not posted(place)
    second = pod("gw-b", "gw-1", place.gateway, ready=False)
    place.pods.append(copy.deepcopy(second))
    place.pods[-1]["status"]["podIP"] = ""
    each.look(place.snapshot)
    assert not posted(place)
    place.pods[-1] = second
    each.look(place.snapshot)
    each.look(place.snapshot)
    assert each.answer(whole).line["status"] == 200
    (job,) = posted(place)
    assert job["spec"]["template"]["spec"]["containers"][0]["args"][6] == "10.0.0.1:8080,10.0.0.1:8080"
    each.stop()
    assert place.api.asked(paths.job(NS, "rel-probe-x")) == 1


def test_an_upgrade_has_no_probe_before_helm_has_changed_the_gateway(place):
    """Seen in a full namespace: the probe's pod took the room that the new pods needed."""
    probing(place, GOOD)
    each, before = prober(place), Before.of(place.snapshot.objects, place.snapshot.scope)
    each.look(dataclasses.replace(place.snapshot, scope=before.still(place.snapshot.scope, place.snapshot.objects)))
    assert each._thread is None


def test_an_answer_is_younger_than_the_question(place):
    probing(place, {**GOOD, "status": 503}, {**GOOD, "status": 503}, GOOD, pause=0.15)
    each = prober(place)
    each.start(place.snapshot)
    end = time.monotonic() + 60
    while not each._lines and time.monotonic() < end:
        time.sleep(0.01)
    assert each.answer(place.snapshot).line["status"] == 200
    each.stop()


def test_what_keeps_it_from_asking_is_a_note_and_no_failure(place, monkeypatch):
    monkeypatch.setattr(probe, "PATIENCE", 0.3)
    for answer in (status(403, "Forbidden", "exceeded quota: q, requested: pods=1"), status(422, "Invalid", "violates PodSecurity")):
        place.api.script[("POST", JOBS)] = [answer]
        found = check(place)
        assert found.state is State.SERVED and found.notes[0].startswith("not probed: ")
    place.api.script.pop(("POST", JOBS))
    probing(place, GOOD, running=False)
    found = check(place)
    assert found.state is State.SERVED and "ContainerCreating" in found.notes[0]


def test_a_pod_that_was_made_too_late_is_removed_all_the_same(place):
    probing(place, GOOD)
    made, go = threading.Event(), threading.Event()

    def slow(handler: Handler) -> None:
        made.set()
        go.wait(60)
        ok({"metadata": {"name": "rel-probe-x"}}, 201)(handler)

    place.api.script[("POST", JOBS)] = [slow]
    each = prober(place)
    each.start(place.snapshot)
    assert made.wait(60)
    each.stop()
    go.set()
    end = time.monotonic() + 60
    while not place.api.asked(paths.job(NS, "rel-probe-x")) and time.monotonic() < end:
        time.sleep(0.01)
    assert [m for m, p, *_rest in place.api.seen if p == paths.job(NS, "rel-probe-x")] == ["DELETE"]


# --- what is made of it -------------------------------------------------------------------------------------------------------

DEAD = {**GOOD, "error": "no connection to 10.96.0.1:8080: Connection timed out", "status": 0, "body": ""}
UP, DOWN = {"pod": "10.0.0.1:8080", "status": 200, "error": ""}, {"pod": "10.0.0.1:8080", "status": 0, "error": "no connection: Connection timed out"}


@pytest.mark.parametrize(
    ("line", "policies", "code", "words"),
    [
        (GOOD, [], "", ""),
        ({**GOOD, "dns": "Name or service not known", "address": "", "resolver": "10.96.0.10"}, [], "ClusterDnsFails", "nameserver 10.96.0.10"),
        ({**DEAD, "pods": [UP]}, [], "ServiceIpUnreachable", "Node/node-1"),
        ({**DEAD, "pods": [DOWN]}, [policy("cage", "Ingress")], "NetworkPolicyBlocks", "NetworkPolicy/cage"),
        ({**DEAD, "pods": [DOWN]}, [], "NotServed", "neither the Service's ClusterIP nor the gateway's pods"),
        ({**GOOD, "status": 404, "body": "nginx"}, [], "NotServed", "is not the gateway"),
        ({**GOOD, "body": '{"version": "0.23.0"}'}, [], "WrongVersionServed", "0.23.0"),
    ],
)
def test_dns_kube_proxy_policy_and_program_are_told_apart(place, line, policies, code, words):
    place.api.script[("GET", paths.of("networking.k8s.io/v1", "networkpolicies", NS))] = [objects("NetworkPolicy", "1", *policies)]
    probing(place, line)
    found = check(place)
    assert (found.wrong.code if found.wrong else "") == code, found
    assert not code or words in f"{found.wrong.object} {found.wrong.cause} {found.wrong.evidence}"


NO_DNS = {**GOOD, "dns": "Name or service not known", "address": "", "resolver": "10.96.0.10"}
RUNNING = {"metadata": {"name": "kube-proxy-1"}, "spec": {"nodeName": "node-1"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
UNREADY = {**RUNNING, "status": {"conditions": [{"type": "Ready", "status": "False"}]}}
SETS = {"metadata": {"name": "kube-proxy"}}


@pytest.mark.parametrize(
    ("line", "pods", "sets", "configured", "object_", "words"),
    [
        (NO_DNS, [], [], True, "Node/node-1", "there is no DaemonSet kube-proxy in namespace kube-system"),
        ({**DEAD, "pods": [UP]}, [UNREADY], [SETS], True, "Node/node-1", "the kube-proxy pod on this node is not ready"),
        (NO_DNS, [{**RUNNING, "spec": {"nodeName": "node-2"}}], [SETS], True, "Node/node-1", "it has no pod there"),
        (NO_DNS, [RUNNING], [SETS], True, "Service/gw", "cannot resolve"),
        (NO_DNS, [], [], False, "Service/gw", "cannot resolve"),
    ],
)
@pytest.mark.parametrize("lost", ["nothing", "database", "endpoints"])
def test_a_kube_proxy_that_does_not_run_is_blamed_where_this_cluster_has_one(place, line, pods, sets, configured, object_, words, lost):
    """By the same fault the gateway loses its database, and then its readiness: neither the database nor the Service is blamed."""
    if lost == "database":
        place.api.script[("GET", f"{PROXY}/readyz")] = [ok({}, 503)]
    elif lost == "endpoints":
        place.api.script[("GET", paths.endpointslices(NS))] = [objects("EndpointSlice", "1")]
    probing(place, line)
    place.api.on("GET", paths.pods("kube-system"), objects("Pod", "1", *pods))
    place.api.on("GET", paths.of("apps/v1", "daemonsets", "kube-system"), objects("DaemonSet", "1", *sets))
    if configured:
        place.api.on("GET", paths.item("configmaps", "kube-system", "kube-proxy"), ok({"metadata": {"name": "kube-proxy"}}))
    found = check(place)
    assert found.wrong and found.wrong.object == object_ and words in found.wrong.cause, found


def test_a_kube_proxy_that_is_late_is_no_wrong_version(place, monkeypatch):
    """Seen on a busy node: the API server led to the new pod, the Service's address for some seconds more to the old one, which drained."""
    monkeypatch.setattr(post_check, "SETTLE", 60.0)
    probing(place, *[{**GOOD, "body": '{"version": "0.23.0"}'}] * 8, GOOD)
    found = check(place)
    assert (found.state, found.version, found.wrong) == (State.SERVED, "0.24.0", None)


@pytest.mark.parametrize(
    "policies",
    [
        [policy("narrow", "Ingress", ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "edge"}}}]}])],
        [{"metadata": {"name": "deny-all"}, "spec": {"podSelector": {}, "policyTypes": ["Egress"]}}],
    ],
)
def test_a_policy_that_is_meant_for_others_is_a_note(place, policies):
    if policies[0]["metadata"]["name"] == "deny-all":  # the gateway has a rule of its own
        policies = [*policies, policy("gateway-out", "Egress", egress=[{}])]
    place.api.script[("GET", paths.of("networking.k8s.io/v1", "networkpolicies", NS))] = [objects("NetworkPolicy", "1", *policies)]
    probing(place, {**DEAD, "pods": [DOWN]})
    found = check(place)
    assert found.state is State.SERVED and found.notes[0].startswith("not probed: NetworkPolicy/")


@pytest.mark.parametrize("block", [{"cidr": "0.0.0.0/0", "except": ["10.0.0.0/16"]}, {"cidr": "192.168.0.0/16"}])
def test_a_policy_whose_address_blocks_leave_out_the_pods_is_named(place, block):
    outside = policy("outside", "Ingress", ingress=[{"from": [{"ipBlock": block}]}])
    place.api.script[("GET", paths.of("networking.k8s.io/v1", "networkpolicies", NS))] = [objects("NetworkPolicy", "1", outside)]
    probing(place, {**DEAD, "pods": [DOWN]})
    found = check(place)
    assert (found.wrong.code, found.wrong.object) == ("NetworkPolicyBlocks", "NetworkPolicy/outside") and "without 10.0.0.9" in found.wrong.cause


@pytest.mark.parametrize(
    ("written", "edited", "more", "wrong"),
    [
        (200.0, 0.0, [], False),  # before the pods: its clients may come after the first installation
        (50.0, 0.0, [], True),  # after the pods: who reached them before is cut off
        (200.0, 50.0, [], True),
        (200.0, 0.0, [policy("nobody", "Ingress")], False),  # closes nothing that the other one admits
        (200.0, 0.0, [policy("out", "Egress")], True),  # and no way out
    ],
)
def test_a_policy_for_pods_that_do_not_exist_is_a_fault_only_after_the_pods(place, written, edited, more, wrong):
    typo = policy("typo", "Ingress", ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "edgy"}}}]}])
    typo["metadata"] |= {"creationTimestamp": rfc(written), "managedFields": [{"time": rfc(edited or written), "fieldsV1": {"f:spec": {}}}]}
    place.pods[0]["metadata"]["creationTimestamp"] = rfc(100)
    place.policies = [typo, *more]
    place.api.script[("GET", paths.of("networking.k8s.io/v1", "networkpolicies", NS))] = [objects("NetworkPolicy", "1", *place.policies)]
    probing(place, {**DEAD, "pods": [DOWN]})
    listed = place.api.script[("GET", paths.pods(NS))][0]
    place.api.script[("GET", paths.pods(NS))] = [lambda handler: (objects("Pod", "1") if "app%3Dedgy" in handler.path else listed)(handler)]
    found = check(place)
    words = "no pod has the labels app=edgy"
    if wrong:
        assert found.wrong.code == "NetworkPolicyBlocks" and words in found.wrong.evidence
    else:
        note = f"NetworkPolicy/typo: {words}, so the gateway's answer was checked through the API server only"
        assert (found.state, found.notes) == (State.SERVED, (note,))


def test_the_probe_is_the_last_way_where_the_api_server_has_none(place):
    place.api.script[("GET", f"{PROXY}/api/v1/health")] = [status(503, "X", "error trying to reach service: Address is not allowed")]
    place.api.on("GET", f"{paths.pod(NS, 'gw-a')}/portforward", status(403, "Forbidden", "may not"))
    probing(place, GOOD)
    found = check(place)
    assert (found.state, found.version) == (State.SERVED, "0.24.0") and "read from a pod" in found.notes[-1]
