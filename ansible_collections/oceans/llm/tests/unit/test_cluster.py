# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client against a scripted API server: what it asks, and how it says that it was refused or not answered."""

from __future__ import annotations

import base64
import json
import socket

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.helm import releases
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import ApiError, Cluster, ClusterError

from .fake_api import FakeApi, event, objects, ok, status, stream, thing


@pytest.fixture(autouse=True)
def no_cluster_of_the_user(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("KUBECONFIG", "K8S_AUTH_KUBECONFIG", "K8S_AUTH_CONTEXT", "K8S_AUTH_HOST", "K8S_AUTH_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def cluster(api):
    return Cluster.connect({"host": api.url, "api_key": "a-token"})


def test_the_token_goes_into_the_header_and_nowhere_else(api, cluster):
    api.on("GET", paths.VERSION, ok({"gitVersion": "v1.34.4"}))
    assert cluster.get(paths.VERSION)["gitVersion"] == "v1.34.4"
    assert api.headers[0]["authorization"] == "Bearer a-token"
    assert "a-token" not in str(api.seen)


def test_find_is_none_only_when_the_server_says_not_found(api, cluster):
    assert cluster.find(paths.secret("ns", "absent")) is None
    api.on("GET", paths.secret("ns", "hidden"), status(403, "Forbidden", "no"))
    with pytest.raises(ApiError) as refused:
        cluster.find(paths.secret("ns", "hidden"))
    assert refused.value.status == 403 and not refused.value.unreachable


def test_an_expired_token_is_named_with_its_server(api, cluster):
    api.on("GET", paths.VERSION, status(401, "Unauthorized", "Unauthorized"))
    with pytest.raises(ApiError, match="does not accept the credentials") as refused:
        cluster.get(paths.VERSION)
    assert api.url in str(refused.value)


def test_a_server_that_is_down_is_unreachable_and_named():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ApiError, match=f"127.0.0.1:{port} does not answer") as lost:
        Cluster.connect({"host": f"http://127.0.0.1:{port}"}).get(paths.VERSION)
    assert lost.value.unreachable and "object at 0x" not in str(lost.value)


def test_server_side_apply_names_its_manager_and_takes_nothing_by_force(api, cluster):
    path = paths.secret("ns", "s")
    api.on("PATCH", path, ok({"kind": "Secret"}))
    cluster.apply(path, {"kind": "Secret"}, manager="me", dry_run=True)
    _method, _path, query, body = api.seen[0]
    assert query == {"fieldManager": ["me"], "force": ["false"], "dryRun": ["All"]}
    assert json.loads(body) == {"kind": "Secret"}
    assert api.headers[0]["Content-Type"] == "application/apply-patch+yaml"


def test_a_watch_yields_each_change_and_ends_with_the_stream(api, cluster):
    api.on("WATCH", paths.pods("ns"), stream(event("ADDED", thing("Pod", "a", "5")), event("BOOKMARK", thing("Pod", "", "9"))))
    assert [e["type"] for e in cluster.watch(paths.pods("ns"), "4")] == ["ADDED", "BOOKMARK"]
    assert api.seen[0][2]["resourceVersion"] == ["4"]


def test_a_version_that_is_too_old_is_an_error_of_its_own(api, cluster):
    gone = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}}
    api.on("WATCH", paths.pods("ns"), stream(gone))
    with pytest.raises(ApiError) as expired:
        list(cluster.watch(paths.pods("ns"), "1"))
    assert expired.value.status == 410 and not expired.value.unreachable


def test_a_stream_that_breaks_off_gives_what_was_whole_and_then_says_so(api, cluster):
    api.on("WATCH", paths.pods("ns"), stream(event("ADDED", thing("Pod", "a", "5")), cut=True))
    got = []
    with pytest.raises(ApiError) as lost:
        for change in cluster.watch(paths.pods("ns"), "4"):
            got.append(change["object"]["metadata"]["name"])
    assert got == ["a"] and lost.value.unreachable


def test_may_i_is_asked_of_the_server(api, cluster):
    api.on("POST", paths.REVIEW_SELF_ACCESS, ok({"status": {"allowed": False}}, 201))
    assert cluster.can("create", "jobs", group="batch", namespace="ns") is False
    assert json.loads(api.seen[0][3])["spec"]["resourceAttributes"]["group"] == "batch"


def test_a_service_is_reached_through_the_api_server(api, cluster):
    api.on("GET", "/api/v1/namespaces/ns/services/http:gw:8080/proxy/readyz", ok({"status": "ready"}))
    code, _headers, text = cluster.service_request("ns", "gw", 8080, "/readyz")
    assert (code, json.loads(text)) == (200, {"status": "ready"})


@pytest.mark.parametrize(
    ("code", "body", "says"),
    [(200, b"<html>log in</html>", "without a JSON object"), (200, b"[1]", "without a JSON object"), (302, b"", "redirect"), (308, b"{}", "redirect")],
)
def test_a_login_page_is_no_api_server(api, cluster, code, body, says):
    api.on("GET", paths.VERSION, lambda handler: handler.send(code, body))
    api.on("POST", paths.REVIEW_SELF_ACCESS, lambda handler: handler.send(code, body))
    for ask in (lambda: cluster.get(paths.VERSION), lambda: cluster.can("get", "pods")):
        with pytest.raises(ApiError, match=says) as refused:
            ask()
        assert refused.value.unreachable and cluster.server in str(refused.value)


@pytest.mark.parametrize("data", [{}, None, {"release": "bm90IGd6aXA="}, {"release": "!"}, {"release": "SDRzSUFBQUE="}])
def test_a_record_that_cannot_be_read_is_named(data):
    with pytest.raises(ClusterError, match="Secret/sh.helm.release.v1.rel.v3 in namespace ns is not a record"):
        releases.decode({"metadata": {"name": "sh.helm.release.v1.rel.v3", "namespace": "ns"}, "data": data})


def test_the_servers_clock_is_used(api, cluster):
    api.on("GET", paths.VERSION, ok({}))
    cluster.get(paths.VERSION)
    assert abs(cluster.skew) < 2  # the fake's clock is ours


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "does not exist"),
        ("just text", "no usable cluster|cannot be read|Invalid kube-config"),
        ("a: [", "is not YAML"),
        ("apiVersion: v1\nkind: Config\nclusters: []\ncontexts: []\nusers: []\ncurrent-context: nope\n", "no usable cluster"),
    ],
)
def test_a_wrong_kubeconfig_is_one_sentence(tmp_path, content, says):
    path = tmp_path / "kubeconfig"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ClusterError, match=says) as wrong:
        Cluster.connect({"kubeconfig": str(path)})
    assert str(path) in str(wrong.value) and "\n" not in str(wrong.value)


def test_no_cluster_at_all_says_what_to_set():
    with pytest.raises(ClusterError, match="oceans_llm_kubeconfig"):
        Cluster.connect({})


def test_lists_are_plain(api, cluster):
    api.on("GET", paths.jobs("ns"), objects("Job", "7", thing("Job", "j", "3")))
    assert cluster.list(paths.jobs("ns"))["metadata"]["resourceVersion"] == "7"


@pytest.mark.parametrize("date", ["yesterday", "", "Tue, 99 Foo"])
def test_a_date_that_is_none_is_no_error(date):
    def answer(handler):
        handler.send_response_only(200)
        handler.send_header("Date", date)
        handler.send_header("Content-Length", "2")
        handler.end_headers()
        handler.wfile.write(b"{}")

    with FakeApi() as fake:
        fake.on("GET", "/api/v1/x", answer)
        cluster = Cluster.connect({"host": fake.url})
        assert cluster.get("/api/v1/x") == {} and cluster.skew == 0.0


def test_the_newest_revision_is_read_alone():
    """A history of ten revisions is ten megabytes; its metadata is enough to choose from."""
    secrets = paths.secrets("ns")
    item = {"metadata": {"name": "sh.helm.release.v1.rel.v2", "labels": {"version": "2"}}}
    old = {"metadata": {"name": "sh.helm.release.v1.rel.v1", "labels": {"version": "1"}}}
    body = base64.b64encode(base64.b64encode(json.dumps({"name": "rel", "version": 2}).encode())).decode()
    with FakeApi() as fake:
        fake.on("GET", secrets, objects("PartialObjectMetadata", "1", old, item))
        fake.on("GET", f"{secrets}/sh.helm.release.v1.rel.v2", status(404, "NotFound", "no"), ok({**item, "data": {"release": body}}))
        assert releases.latest(Cluster.connect({"host": fake.url}), "ns", "rel").revision == 2
        assert "PartialObjectMetadata" in fake.headers[0]["Accept"] and fake.asked(secrets) == 2


def test_an_empty_list_of_metadata_has_null_items():
    path = paths.secrets("ns")
    with FakeApi() as fake:
        fake.on("GET", path, ok({"kind": "PartialObjectMetadataList", "metadata": {"resourceVersion": "1"}, "items": None}))
        cluster = Cluster.connect({"host": fake.url})
        assert cluster.metadata(path)["items"] == [] == cluster.list(path)["items"] and releases.latest(cluster, "ns", "r") is None
