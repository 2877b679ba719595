# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The post-check: what is served, what is not, and what could not be asked."""

from __future__ import annotations

import copy

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import asking, conclusion, post_check
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.causes.cause import cause as make
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.conclusion import Ending
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.follow import Outcome
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.post_check import Expected, Served, State
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.verdict import State as Verdict

from .fake_api import FakeApi, hang, ok, status
from .fake_forward import forward
from .place import NS, POLICIES, PROXY, Place, labels, replicaset

FORWARD = f"{paths.pod(NS, 'gw-a')}/portforward"
GOOD = {"/api/v1/health": (200, {"version": "0.24.0"}), "/readyz": (200, {}), "/admin": (200, {})}
UNREACHED = "error trying to reach service: "


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """The first look decides. A test in which a later one does gives more time, and much more than a busy machine needs."""
    for name in ("SETTLE", "LATE", "PATIENT", "ANSWERED"):
        monkeypatch.setattr(post_check, name, 0.0)
    monkeypatch.setattr(post_check, "AGAIN", 0.01)


@pytest.fixture
def hasty(monkeypatch):
    """A proxy that is silent is left soon."""
    monkeypatch.setattr(asking, "TIMEOUT", (5.0, 0.2))


@pytest.fixture
def place():
    with FakeApi() as api:
        yield Place(api).play()


def check(place: Place, expected: str = "", exact: bool = False, probe=None) -> Served:
    want = Expected(expected, exact) if expected else post_check.expected_version(place.release)
    return post_check.check(Cluster.connect({"host": place.api.url}), place.snapshot, place.release, want, probe=probe)


def through_service(place: Place, answer) -> None:
    for path in ("/api/v1/health", "/readyz", "/admin"):
        place.api.script[("GET", f"{PROXY}{path}")] = [answer]


def test_a_good_release_is_served_and_costs_few_requests(place):
    found = check(place)
    assert (found.state, found.version, found.wrong, found.notes) == (State.SERVED, "0.24.0", None, ())
    assert len(place.api.seen) <= 9, [path for _m, path, _q, _b in place.api.seen]


# --- ways that are closed ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        status(503, "ServiceUnavailable", UNREACHED + "Address is not allowed"),
        status(502, "BadGateway", UNREACHED + "dial tcp 10.0.0.1:8080: i/o timeout"),
        status(504, "Timeout", UNREACHED + "context deadline exceeded"),
        lambda h: h.send(502, b"", "text/plain"),
        lambda h: h.send(503, b"error trying to reach service: No agent available", "text/plain"),
        hang,
        status(403, "Forbidden", "may not get services/proxy"),
    ],
)
def test_a_private_cluster_whose_api_server_reaches_no_pod_is_asked_by_port_forward(place, hasty, answer):
    through_service(place, answer)
    place.api.on("GET", FORWARD, forward(8080, GOOD))
    found = check(place)
    assert (found.state, found.version) == (State.SERVED, "0.24.0"), found.wrong
    assert any("port-forward to Pod/gw-a" in note for note in found.notes)


def test_an_address_that_is_not_allowed_is_not_waited_for(place, monkeypatch):
    monkeypatch.setattr(post_check, "PATIENT", 60.0)
    monkeypatch.setattr(post_check, "SETTLE", 60.0)
    through_service(place, status(503, "ServiceUnavailable", UNREACHED + "Address is not allowed"))
    place.api.on("GET", FORWARD, forward(8080, GOOD))
    assert check(place).version == "0.24.0"
    assert place.api.asked(f"{PROXY}/api/v1/health") == 1


def test_a_gateway_that_accepts_and_never_answers_is_the_one_to_blame(place, hasty, monkeypatch):
    monkeypatch.setattr(asking, "PATIENCE", 1.0)
    through_service(place, hang)
    place.api.on("GET", FORWARD, forward(8080, silent=True))
    found = check(place)
    assert (found.state, found.wrong.code) == (State.FAILED, "NotServed")
    assert "accepts connections, but does not answer requests" in found.wrong.cause and "API server itself answers" in found.wrong.evidence


def test_a_pod_that_refuses_is_named_with_its_port(place):
    through_service(place, status(503, "ServiceUnavailable", UNREACHED + "dial tcp 10.0.0.1:8080: connect: connection refused"))
    place.api.on("GET", FORWARD, forward(8080, error="error forwarding port 8080: connection refused"))
    found = check(place)
    assert found.wrong.code == "NotServed" and "port 8080 of Pod/gw-a" in found.wrong.evidence


def test_no_way_at_all_is_unverified_and_not_the_api_servers_fault(place, hasty):
    through_service(place, hang)
    place.api.on("GET", FORWARD, status(500, "Internal", "no way"))
    found = check(place)
    assert (found.state, found.wrong.code, found.version) == (State.UNVERIFIED, "Unverified", "")
    assert found.wrong.cause.startswith("the gateway did not answer") and "does not answer: Read" not in found.wrong.evidence


@pytest.mark.parametrize("code", [500, 429, 503, 401])
def test_an_api_server_that_cannot_be_asked_leaves_it_unverified(place, code):
    place.api.script[("GET", paths.endpointslices(NS))] = [status(code, "X", "not now")]
    found = check(place)
    assert found.state is State.UNVERIFIED and "not now" in found.wrong.evidence or code == 401


def test_one_bad_answer_of_the_api_server_spoils_nothing(place, monkeypatch):
    monkeypatch.setattr(post_check, "SETTLE", 60.0)
    place.api.script[("GET", paths.endpointslices(NS))].insert(0, status(503, "X", "apiserver is shutting down"))
    assert check(place).state is State.SERVED


def test_a_missing_right_is_a_note_that_names_it(place):
    through_service(place, status(403, "Forbidden", "may not"))
    place.api.on("GET", FORWARD, status(403, "Forbidden", "may not"))
    found = check(place)
    assert (found.state, found.wrong) == (State.NOT_ASKED, None)
    assert "create pods/portforward and get services/proxy" in found.notes[0]


def test_a_403_of_the_gateway_itself_is_an_answer(place):
    through_service(place, ok({"error": "no"}, 403))
    assert check(place).wrong.code == "NotServed"


@pytest.mark.parametrize(
    ("state", "code"),
    [({"version": "0.23.0"}, "WrongVersionServed"), ({"ready": 503}, "NotReady"), ({"admin": 503}, "AdminUiDown"), ({"version": ""}, "NotServed")],
)
def test_what_is_served_is_asked_for(state, code):
    with FakeApi() as api:
        place = Place(api)
        vars(place).update(state)
        assert check(place.play()).wrong.code == code


def found_wrong(**state):
    with FakeApi() as api:
        place = Place(api)
        change = state.pop("change", lambda _place: None)
        vars(place).update(state)
        change(place)
        return check(place.play()).wrong


def test_a_database_that_does_not_answer_is_named():
    def change(place):
        env = [{"name": "POSTGRES_URL", "value": "postgresql://u:p@pg.data.svc:5432/d"}]
        place.rendered[2]["spec"]["template"]["spec"]["containers"][0]["env"] = env
        place.rendered.append({"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"gateway.yaml": "database: {url: env.POSTGRES_URL}"}})
        place.api.on("GET", paths.service("data", "pg"), status(404, "NotFound", "x"))

    assert found_wrong(ready=503, change=change).cause.endswith("cannot reach its database: there is no Service pg in namespace data")


@pytest.mark.parametrize(
    ("selected", "way", "rules"),
    [("admin-ui", "Ingress", {}), ("gateway", "Egress", {"egress": [{"ports": [{"port": 53, "protocol": "UDP"}, {"port": 5432}]}]})],
)
def test_an_admin_ui_behind_a_policy_names_it(selected, way, rules):
    wall = {"metadata": {"name": "wall"}, "spec": {"podSelector": {"matchLabels": labels(selected)}, "policyTypes": [way], **rules}}
    wrong = found_wrong(admin=503, policies=[wall])
    assert (wrong.code, wrong.object) == ("NetworkPolicyBlocks", "NetworkPolicy/wall") and f"to Deployment/ui ({way})" in wrong.cause


def test_an_admin_ui_at_a_wrong_address_says_who_set_it():
    def change(place):
        place.replicasets.append(replicaset("gw-0", place.gateway))
        place.replicasets[-1]["spec"]["template"] = copy.deepcopy(place.gateway["spec"]["template"])
        place.gateway["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "ADMIN_UI_UPSTREAM", "value": "http://nobody:3000"}]
        place.replicasets[0]["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "2"}
        helm = {"manager": "helm", "time": "2026-11-28T10:00:00Z", "fieldsV1": {}}
        hand = {"manager": "kubectl-set", "time": "2026-11-28T11:00:00Z", "fieldsV1": {"f:spec": {"f:template": {"f:spec": {}}}}}
        place.gateway["metadata"]["managedFields"] = [helm, hand]

    wrong = found_wrong(admin=503, change=change)
    assert wrong.code == "AdminUiDown" and "changed by kubectl-set" in wrong.cause and "ADMIN_UI_UPSTREAM" in wrong.cause, wrong


def test_a_way_that_opens_a_moment_later_is_no_failure(place, monkeypatch):
    monkeypatch.setattr(post_check, "SETTLE", 60.0)
    monkeypatch.setattr(post_check, "PATIENT", 60.0)
    place.api.script[("GET", f"{PROXY}/api/v1/health")].insert(0, status(503, "ServiceUnavailable", "error trying to reach service: EOF"))
    found = check(place)
    assert (found.state, found.notes) == (State.SERVED, ())


# --- versions ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "exact", "code", "noted"),
    [
        ("v0.24.0", False, "", False),
        ("0.23.0", False, "WrongVersionServed", False),
        ("v0.24.0-fips", False, "", False),
        ("v0.24.0-corp.3", False, "", False),
        ("0.24.0+build.7", False, "", False),
        ("2025.11.28", False, "", True),
        ("1.0.0-rc1-corp", False, "", True),
        ("1.4", False, "", True),
        ("latest", False, "", False),
        ("sha-0af3", False, "", False),
        ("0.24.0", True, "", False),
        ("v0.24.0-fips", True, "WrongVersionServed", False),
        ("2025.11.28", True, "WrongVersionServed", False),
    ],
)
def test_only_a_version_is_compared_with_the_version_served(place, expected, exact, code, noted):
    found = check(place, expected, exact)
    assert (found.wrong.code if found.wrong else "", bool(found.notes)) == (code, noted)
    assert not noted or "oceans_llm_expected_version" in found.notes[0]


@pytest.mark.parametrize(
    ("asked", "tag", "expected"),
    [
        ("", "", Expected("v0.24.0")),
        ("", "v0.25.0@sha256:ab", Expected("v0.25.0")),
        ("0.25.0", "v0.24.0", Expected("0.25.0", exact=True)),
    ],
)
def test_where_the_expected_version_comes_from(place, asked, tag, expected):
    assert post_check.expected_version(place.release, asked, tag) == expected


# --- policies ---------------------------------------------------------------------------------------------------------------


def policy(name: str, *types: str, **spec) -> dict:
    return {"metadata": {"name": name}, "spec": {"podSelector": {"matchLabels": labels("gateway")}, "policyTypes": list(types), **spec}}


def test_an_admin_ui_that_is_not_reached_because_of_a_policy_names_the_policy_and_the_way(place):
    through = policy("cage", "Egress")
    place.api.script[("GET", POLICIES)] = [ok({"items": [through]})]
    place.api.script[("GET", f"{PROXY}/admin")] = [ok({"error": {"code": "admin_ui_upstream_unavailable"}}, 503)]
    found = check(place)
    assert (found.wrong.code, found.wrong.object) == ("NetworkPolicyBlocks", "NetworkPolicy/cage") and "all connections from" in found.wrong.cause


def test_a_policy_that_closes_everything_is_doubted_aloud_where_nobody_probes(place):
    place.api.script[("GET", POLICIES)] = [ok({"items": [policy("cage", "Ingress")]})]
    found = check(place)
    assert found.state is State.SERVED and "NetworkPolicy/cage" in found.notes[0] and "not probed" in found.notes[0]


def test_a_signal_ends_the_wait_and_is_the_end_that_is_told(place):
    class Signal:
        name = "SIGINT"

    place.api.script[("GET", f"{PROXY}/readyz")] = [ok({}, 503)]
    cluster, want = Cluster.connect({"host": place.api.url}), post_check.expected_version(place.release)
    found = post_check.check(cluster, place.snapshot, place.release, want, interrupted=Signal())
    assert found.wrong.code == "Interrupted" and "SIGINT" in found.wrong.cause and "cannot reach its database" in found.wrong.evidence
    assert place.api.asked(f"{PROXY}/readyz") == 1


# --- what becomes of it -----------------------------------------------------------------------------------------------------


def report(place: Place, **options) -> tuple[dict, list[str]]:
    lines: list[str] = []
    outcome = Outcome(Verdict.DONE, 3.0, place.snapshot, database="database at V45")
    want = post_check.expected_version(place.release)
    return conclusion.report(Cluster.connect({"host": place.api.url}), place.release, outcome, want, lines.append, Ending(**options)), lines


def test_unverified_fails_and_best_effort_says_so(place, hasty):
    through_service(place, hang)
    place.api.on("GET", FORWARD, status(500, "Internal", "no way"))
    result, _lines = report(place)
    assert result["failed"] and result["verified"] == "unverified" and result["msg"].startswith("FAILED Unverified Service/gw: ")
    assert "oceans_llm_verify: best_effort" in result["msg"]
    result, _lines = report(place, verify="best_effort")
    assert "failed" not in result and result["verified"] == "unverified" and result["msg"].startswith("unverified: ns/rel after 3.0 s: ")


def test_best_effort_forgives_no_failure(place):
    place.api.script[("GET", f"{PROXY}/api/v1/health")] = [ok({"version": "0.23.0"})]
    result, _lines = report(place, verify="best_effort")
    assert result["failed"] and result["verified"] == "failed"


def test_a_release_that_was_not_probed_by_wish_says_so_last(place):
    assert report(place)[0]["msg"] == "served: ns/rel version 0.24.0 after 3.0 s; no completion was requested; database at V45"
    assert report(place, probes=False)[0]["msg"].endswith("database at V45; not probed")


@pytest.mark.parametrize("named", [False, True])
def test_something_wrong_that_may_pass_is_named_only_when_it_lasts(place, monkeypatch, named):
    monkeypatch.setattr(post_check, "HEARTBEAT", 0.0)
    monkeypatch.setattr(post_check, "SETTLE", 0.0 if named else 30.0)
    monkeypatch.setattr(post_check, "settle", lambda *_: 30.0)
    place.api.script[("GET", f"{PROXY}/readyz")] = [ok({}, 503)] * 4 + [ok({})]
    said = []
    cluster, want = Cluster.connect({"host": place.api.url}), post_check.expected_version(place.release)
    assert post_check.check(cluster, place.snapshot, place.release, want, say=said.append).state is State.SERVED
    assert said and all(line.startswith("… checking the served version for 0 s: Service/gw: ") is named for line in said), said


@pytest.mark.parametrize(
    ("code", "where", "evidence", "by_hand", "seconds"),
    [
        ("ServiceIpUnreachable", "Service/gw", "Connection refused", "", "LATE"),  # a kube-proxy without CPU
        ("ServiceIpUnreachable", "Node/n", "there is no DaemonSet kube-proxy", "", "SETTLE"),
        ("AdminUiDown", "Service/gw", "503 admin_ui_upstream_unavailable", "", "LATE"),
        ("AdminUiDown", "Service/gw", "503 admin_ui_upstream_unavailable", "changed by kubectl", "SETTLE"),
        ("AdminUiDown", "Service/gw", "500 from the admin UI", "", "ANSWERED"),
    ],
)
def test_a_way_that_only_kube_proxy_opens_is_given_longer(place, code, where, evidence, by_hand, seconds):
    wrong = make(code, place.snapshot, where, "x", evidence)
    assert post_check.settle(wrong, by_hand) == getattr(post_check, seconds)
