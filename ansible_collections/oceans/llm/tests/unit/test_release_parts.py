# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time, Secrets that restart pods, and what somebody changed behind Helm's back: against a scripted API server."""

from __future__ import annotations

import base64
import gzip
import json
import os
import time
from dataclasses import replace

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.helm import changes, drift, lock, releases
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.cli import Helm
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.lock import Held, Holder, Lock
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import ApiError, Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.objects import COMPONENT
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import plan as planner
from ansible_collections.oceans.llm.plugins.plugin_utils.secrets import digest, pod_env

from .fake_api import objects, ok, status
from .local_task import FakeHelm

LEASE = paths.lease("ns", "oceans-llm-rel")


@pytest.fixture
def cluster(api):
    return Cluster.connect({"host": api.url})


def rfc(ago=0.0):
    return time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(time.time() - ago))


def lease(holder, ago=0.0, revision="3"):
    return {
        "metadata": {"name": "oceans-llm-rel", "resourceVersion": "7", "annotations": {"oceans.llm/revision": revision}},
        "spec": {"holderIdentity": holder, "acquireTime": "2026-01-01T00:00:00Z", "renewTime": rfc(ago), "leaseDurationSeconds": 30},
    }


def wrote(api, method):
    return [json.loads(body) for m, path, _q, body in api.seen if m == method and body]


def gone(**more):
    """A holder that was a process of this machine."""
    return str(replace(Holder.me(), pid=999999, start="1", **more))


# --- the lock ----------------------------------------------------------------------------------------------------------


def test_a_free_lock_is_taken_and_given_back(api, cluster):
    mine = str(Holder.me())
    api.on("GET", LEASE, status(404, "NotFound", "no"), ok(lease(mine)))
    api.on("POST", paths.leases("ns"), ok({}, 201))
    api.on("PATCH", LEASE, ok({}))
    with Lock(cluster, "ns", "rel", print).of(4):
        made = wrote(api, "POST")[0]
        assert made["spec"]["holderIdentity"] == mine and made["metadata"]["annotations"]["oceans.llm/revision"] == "4"
    assert wrote(api, "PATCH")[-1]["spec"] == {"holderIdentity": ""}


def test_a_live_run_is_respected_and_named(api, cluster):
    api.on("GET", LEASE, ok(lease("anna@build-7/4711/99")))
    with (
        pytest.raises(Held, match=r"anna on build-7 \(process 4711\) has been changing ns/rel since 2026-01-01T00:00:00Z; nothing was changed"),
        Lock(cluster, "ns", "rel", print).of(4),
    ):
        pass
    assert not wrote(api, "PATCH") and not wrote(api, "POST")


def test_looking_writes_nothing(api, cluster):
    api.on("GET", LEASE, ok(lease("anna@build-7/4711/99", ago=100)))
    said = []
    Lock(cluster, "ns", "rel", said.append).look()
    assert [m for m, *_rest in api.seen] == ["GET"] and said == []


@pytest.mark.parametrize(("holder", "ago"), [("anna@build-7/4711/99", 100), (gone(), 1)], ids=["expired", "process gone"])
def test_the_lock_of_a_dead_run_is_taken_over_and_said(api, cluster, holder, ago):
    api.on("GET", LEASE, ok(lease(holder, ago)))
    api.on("PATCH", LEASE, ok({}))
    said = []
    with Lock(cluster, "ns", "rel", said.append).of(4) as held:
        assert "has died" in said[0] and "2026-01-01T00:00:00Z" in said[0]
        assert held.made(3) and not held.made(4), "which revision the dead one was making"
    taken = wrote(api, "PATCH")[0]
    assert taken["metadata"]["resourceVersion"] == "7", "two that take over at once: one is told"


def test_a_live_process_of_this_machine_is_alive(api, cluster):
    other, real = replace(Holder.me(), pid=os.getppid(), start="1"), Holder.me()
    assert other.dead_here() and not real.dead_here(), "the same pid with another start time is another process"
    assert Holder.parse(str(real)) == real


@pytest.mark.parametrize("place", ["", "0123abcd-4026531836"], ids=["a holder that tells no place", "another container, or another boot"])
def test_a_process_id_says_nothing_about_another_set_of_processes(api, cluster, place):
    """Containers with the host's name (host network) have process ids of their own: a live holder must not look dead there."""
    assert Holder.parse(gone()).dead_here() and not Holder.parse(gone(place=place)).dead_here()
    api.on("GET", LEASE, ok(lease(gone(place=place), ago=1)))
    with pytest.raises(Held):
        Lock(cluster, "ns", "rel", print).look()


def test_two_at_the_same_moment(api, cluster):
    api.on("GET", LEASE, ok(lease("", 100)))
    api.on("PATCH", LEASE, status(409, "Conflict", "the object has been modified"))
    with pytest.raises(Held, match="just locked"), Lock(cluster, "ns", "rel", print).of(4):
        pass


def test_where_leases_are_forbidden_it_says_so_and_goes_on(api, cluster):
    api.on("GET", LEASE, status(403, "Forbidden", "leases is forbidden"))
    said = []
    with Lock(cluster, "ns", "rel", said.append).of(4):
        assert "without the lock" in said[0]


class Leases:
    """A Lease as the API server keeps it: a new resourceVersion at each write, and 409 for a write that knows an older one."""

    def __init__(self, api):
        self.now, self.version, self.writes = None, 0, 0
        api.on("GET", LEASE, self.get)
        api.on("POST", paths.leases("ns"), self.write)
        api.on("PATCH", LEASE, self.write)

    def get(self, handler):
        (ok(self.now) if self.now else status(404, "NotFound", "no"))(handler)

    def write(self, handler):
        body = json.loads(handler.api.seen[-1][3])
        if handler.command == "PATCH" and self.now is None:
            return status(404, "NotFound", "no")(handler)
        known = body["metadata"].get("resourceVersion") if "metadata" in body else None
        if known not in (None, str(self.version)):
            return status(409, "Conflict", "the object has been modified")(handler)
        self.put(**body)
        return ok(self.now)(handler)

    def put(self, metadata=None, spec=None, **_rest):
        self.version, self.writes, was = self.version + 1, self.writes + 1, self.now or {"metadata": {}, "spec": {}}
        self.now = {"metadata": {**was["metadata"], **(metadata or {}), "resourceVersion": str(self.version)}, "spec": {**was["spec"], **(spec or {})}}


@pytest.fixture
def quick_renewals(monkeypatch):
    monkeypatch.setattr(lock, "RENEW", 0.05)


def until(true, seconds=3.0):
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.01)
    return true()


@pytest.mark.usefixtures("quick_renewals")
def test_the_lock_is_renewed_each_time_it_is_used(api, cluster):
    """Once to recover a pending release, once to change it."""
    leases, held = Leases(api), Lock(cluster, "ns", "rel", print)
    for revision in (3, 4):
        with held.of(revision):
            before = leases.writes
            assert until(lambda before=before: leases.writes > before + 2), f"revision {revision}: not renewed"


@pytest.mark.usefixtures("quick_renewals")
def test_a_lease_that_another_run_took_is_lost_and_not_renewed_for_it(api, cluster):
    leases = Leases(api)
    with Lock(cluster, "ns", "rel", print).of(5) as held:
        assert not held.lost
        leases.put(spec={"holderIdentity": "bob@other/1/2/x", "acquireTime": "2026-01-01T00:00:00Z", "renewTime": "2026-01-01T00:00:00Z"})
        assert until(lambda: held.lost), "it was not noticed"
        assert "bob on other (process 1)" in held.lost and "2026-01-01T00:00:00Z" in held.lost
    assert leases.now["spec"]["holderIdentity"] == "bob@other/1/2/x" and leases.now["spec"]["renewTime"] == "2026-01-01T00:00:00Z"


@pytest.mark.usefixtures("quick_renewals")
def test_a_lease_that_somebody_labels_or_deletes_is_still_held(api, cluster):
    leases = Leases(api)
    with Lock(cluster, "ns", "rel", print).of(5) as held:
        leases.put(metadata={"labels": {"a": "b"}})
        leases.put(metadata={"labels": {"a": "c"}})
        before = leases.writes
        assert until(lambda: leases.writes > before) and not held.lost
        leases.now = None
        assert until(lambda: leases.now) and leases.now["spec"]["holderIdentity"] == str(Holder.me()) and not held.lost


@pytest.mark.usefixtures("quick_renewals")
@pytest.mark.parametrize(
    "answer", [status(404, "NotFound", 'namespaces "ns" not found'), status(403, "Forbidden", "namespace ns is being terminated")], ids=["gone", "going"]
)
def test_with_its_namespace_the_lease_is_lost(api, cluster, answer):
    leases = Leases(api)
    with Lock(cluster, "ns", "rel", print).of(5) as held:
        leases.now, api.script[("POST", paths.leases("ns"))] = None, [answer]
        api.script[("PATCH", LEASE)] = [status(404, "NotFound", "no")]
        assert until(lambda: held.lost) and "namespace ns" in held.lost


@pytest.mark.usefixtures("quick_renewals")
def test_an_api_that_is_away_loses_no_lease(api, cluster):
    """What cannot reach the API server cannot change anything either; whether another run took the lease is known when it answers again."""
    leases = Leases(api)
    with Lock(cluster, "ns", "rel", print).of(5) as held:
        api.script[("PATCH", LEASE)] = [status(503, "ServiceUnavailable", "away")] * 3 + [leases.write]
        before = leases.writes
        assert until(lambda: leases.writes > before) and not held.lost


def test_a_machine_that_slept_looks_at_its_lease_as_soon_as_it_wakes(api, cluster):
    """Ten seconds between two renewals would be ten seconds in which two runs change the release."""
    leases, now = Leases(api), [1000.0]
    with Lock(cluster, "ns", "rel", print, clock=lambda: now[0]).of(5) as held:
        time.sleep(0.1)
        leases.put(spec={"holderIdentity": "bob@other/1/2/x"})
        now[0] += 90
        assert until(lambda: held.lost, 2.0)


# --- a pending release -------------------------------------------------------------------------------------------------


def packed(body):
    return base64.b64encode(base64.b64encode(gzip.compress(json.dumps(body).encode()))).decode()


def test_a_pending_revision_is_marked_as_helm_does_it(api, cluster):
    body = {"name": "rel", "namespace": "ns", "version": 4, "info": {"status": "pending-upgrade"}, "manifest": "", "config": {"a": 1}}
    path = paths.secret("ns", "sh.helm.release.v1.rel.v4")
    api.on("GET", path, ok({"metadata": {"resourceVersion": "9"}, "data": {"release": packed(body)}}))
    api.on("PATCH", path, ok({}))
    releases.give_up(cluster, releases.parse(body), "its owner is gone")
    patch = wrote(api, "PATCH")[0]
    again = releases.decode(patch)
    assert again.status == "failed" and again.description == "its owner is gone" and again.values == {"a": 1} and again.revision == 4
    assert patch["metadata"] == {"resourceVersion": "9", "labels": {"status": "failed"}}


def test_a_helm_that_was_alive_after_all_wins(api, cluster):
    body = {"name": "rel", "namespace": "ns", "version": 4, "info": {"status": "pending-upgrade"}}
    path = paths.secret("ns", "sh.helm.release.v1.rel.v4")
    api.on("GET", path, ok({"metadata": {"resourceVersion": "9"}, "data": {"release": packed(body)}}))
    api.on("PATCH", path, status(409, "Conflict", "modified"))
    with pytest.raises(ApiError) as lost:
        releases.give_up(cluster, releases.parse(body), "x")
    assert lost.value.status == 409


# --- digests -----------------------------------------------------------------------------------------------------------

KEY = b"k" * 32
POD = {
    "initContainers": [{"name": "i", "env": [{"name": "U", "valueFrom": {"secretKeyRef": {"name": "db", "key": "URL"}}}]}],
    "containers": [{"name": "c", "envFrom": [{"secretRef": {"name": "env"}}, {"configMapRef": {"name": "no"}}]}],
    "volumes": [
        {"name": "a", "secret": {"secretName": "ca"}},
        {"name": "b", "projected": {"sources": [{"secret": {"name": "tls"}}]}},
        {"name": "c", "emptyDir": {}},
    ],
    "imagePullSecrets": [{"name": "pull"}],
}


PLACES = digest.places({"gateway": {"secretsDigest": ""}, "adminUi": {"secretsDigest": ""}})


def deployment(name, component, spec, annotation=""):
    template = {"metadata": {"annotations": {digest.ANNOTATION: annotation} if annotation else {}}, "spec": spec}
    return {"kind": "Deployment", "metadata": {"name": name, "labels": {COMPONENT: component}}, "spec": {"template": template}}


def release(annotation="", extra=()):
    return releases.Release("rel", "ns", 1, "deployed", manifest=(deployment("web", "gateway", POD, annotation), *extra))


def work_out(cluster, planned, live, written=None):
    return digest.work_out(cluster, "ns", planned, live, KEY, written, PLACES)


def secret(**data):
    return ok({"metadata": {"name": "x"}, "data": {k: base64.b64encode(v.encode()).decode() for k, v in data.items()}})


def test_every_secret_that_a_pod_reads_is_found():
    assert pod_env.secret_names(POD) == {"db", "env", "ca", "tls"}


def test_a_rotation_changes_the_plan_and_says_which(api, cluster):
    for name in ("env", "ca", "tls"):
        api.on("GET", paths.secret("ns", name), secret(A="1"))
    api.on("GET", paths.secret("ns", "db"), secret(URL="old"), secret(URL="new"))
    first = work_out(cluster, release(), None)
    values = digest.with_digests({"gateway": {"replicaCount": 2}}, PLACES, release(), first.text)
    text = values["gateway"]["secretsDigest"]
    assert values["gateway"]["replicaCount"] == 2 and set(digest.parse(text)) == {"ca", "db", "env", "tls"}
    second = work_out(cluster, release(), release(text))
    assert second.changed == ("db",) and second.keys()["db"] == {"keys": ["URL"]}
    assert "old" not in text and base64.b64encode(b"old").decode() not in text


def started_with(api, cluster, **data):
    """A release whose pods were started with these data of `env`; the other Secrets never change."""
    for name in ("db", "ca", "tls"):
        api.on("GET", paths.secret("ns", name), secret(A="1"))
    api.on("GET", paths.secret("ns", "env"), secret(**data))
    return release(work_out(cluster, release(), None).text["web"])


def foreseen(*keys, **data):
    packed_data = {k: base64.b64encode(v.encode()).decode() for k, v in data.items()}
    return digest.Written.of({"namespace": "ns", "name": "env", "changed_keys": list(keys), "digest": digest.digest(packed_data, KEY)}, "ns")


def test_check_mode_foretells_the_restart_with_secret_keys_and_deployment(api, cluster):
    live = started_with(api, cluster, A="1")
    written = foreseen("A", "B", A="2", B="3")
    found = work_out(cluster, release(), live, written)
    planned = release(found.text["web"])
    assert found.reasons(written) == ["Secret env would be rotated (A, B), which restarts Deployment/web"]
    assert changes.compare(live, planned, {}, found.reasons(written)).phrase().startswith("~Deployment/web, Secret env would be rotated (A, B)")
    api.script[("GET", paths.secret("ns", "env"))] = [secret(A="2", B="3")]
    assert work_out(cluster, release(), live).text == found.text, "the run that writes comes to the same annotation"


def test_a_secret_that_goes_back_to_what_the_pods_have_restarts_nothing(api, cluster):
    live = started_with(api, cluster, A="1")
    api.script[("GET", paths.secret("ns", "env"))] = [secret(A="changed by somebody")]
    found = work_out(cluster, release(), live, foreseen("A", A="1"))
    assert found.changed == () and found.reasons(foreseen("A", A="1")) == []


def test_what_was_written_elsewhere_is_not_believed(api, cluster):
    live = started_with(api, cluster, A="1")
    other = digest.Written.of({"namespace": "other", "name": "env", "changed_keys": ["A"], "digest": "0" * 16}, "ns")
    assert work_out(cluster, release(), live, other).changed == ()


def test_a_rotation_by_this_run_names_the_keys_and_one_by_others_does_not(api, cluster):
    live = started_with(api, cluster, A="1")
    api.script[("GET", paths.secret("ns", "env"))] = [secret(A="2")]
    found = work_out(cluster, release(), live)
    ours = digest.Written("env", ("A",))
    assert found.reasons(ours) == ["Secret env was rotated (A), which restarts Deployment/web"]
    assert found.reasons(digest.Written()) == ["Secret env was rotated, which restarts Deployment/web"]


def test_each_place_has_the_secrets_of_its_own_pods_and_none_where_they_read_none(api, cluster):
    """A rotated Secret of the gateway does not restart the admin UI, and neither does one of a Deployment of the user's."""
    for name in ("env", "db", "ca", "tls", "ui"):
        api.on("GET", paths.secret("ns", name), secret(A="1"))

    def values(spec, component="admin-ui"):
        planned = release(extra=(deployment("ui", component, spec),))
        return digest.with_digests({}, PLACES, planned, work_out(cluster, planned, None).text)

    reads = {"containers": [{"name": "c", "envFrom": [{"secretRef": {"name": "ui"}}]}]}
    found = values(reads)
    assert [set(digest.parse(found[owner]["secretsDigest"])) for owner in ("gateway", "adminUi")] == [{"ca", "db", "env", "tls"}, {"ui"}]
    assert set(values({"containers": [{"name": "c"}]})) == set(values(reads, "collector")) == {"gateway"}


@pytest.mark.parametrize(
    ("defaults", "path"),
    [
        ({"gateway": {"secretsDigest": "", "podAnnotations": {}}}, ("gateway", "secretsDigest")),
        ({"gateway": {"podAnnotations": {}}}, ("gateway", "podAnnotations", digest.ANNOTATION)),
        ({"gateway": {"podAnnotations": None}}, None),
        ({"gateway": "a text"}, None),
        ({}, None),
    ],
)
def test_the_digest_goes_where_the_chart_has_a_value_for_it(defaults, path):
    assert digest.places(defaults) == ({"gateway": path} if path else {})


def test_a_digest_of_the_users_own_stays(api, cluster):
    mine = {"gateway": {"secretsDigest": "mine"}}
    assert digest.with_digests(mine, PLACES, release(), {"web": "env=1"}) == mine


def test_the_same_data_is_no_change(api, cluster):
    for name in ("env", "ca", "tls", "db"):
        api.on("GET", paths.secret("ns", name), secret(A="1"))
    first = work_out(cluster, release(), None)
    planned = release(first.text["web"])
    again = work_out(cluster, release(), planned)
    assert again.changed == () and again.text == first.text
    assert not changes.compare(planned, replace(planned), {}, again.reasons(digest.Written()))


# A chart that renders its values, as `helm upgrade --dry-run=server` would
RENDERS = """
import json
values = json.load(sys.stdin)
gateway = values.get("gateway") or {}
annotations = {**(gateway.get("podAnnotations") or {})}
if gateway.get("secretsDigest"):
    annotations["oceans.llm/secrets-digest"] = gateway["secretsDigest"]
meta = {"name": "web", "labels": {"app.kubernetes.io/component": "gateway"}}
deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": {"template": {
    "metadata": {"annotations": annotations}, "spec": {"containers": [{"name": "c", "envFrom": [{"secretRef": {"name": "env"}}]}]}}}}
print(json.dumps({"name": "rel", "namespace": "ns", "version": 2, "info": {"status": "deployed"}, "config": values, "manifest": json.dumps(deployment)}))
"""


@pytest.mark.parametrize(
    ("defaults", "value"),
    [
        ("gateway: {secretsDigest: '', podAnnotations: {}}", lambda values: values["gateway"]["secretsDigest"]),
        ("gateway: {podAnnotations: {}}", lambda values: values["gateway"]["podAnnotations"][digest.ANNOTATION]),
        ("replicas: 1", lambda values: "" if values == {"gateway": {"replicaCount": 1}} else values),
    ],
    ids=["this chart", "a chart without the value", "another chart"],
)
def test_the_plan_is_what_helm_renders_with_the_digest_as_a_value(api, cluster, tmp_path, defaults, value):
    """Two renders when a digest is new, one when none is."""
    helm = FakeHelm(tmp_path)
    (tmp_path / "values.yaml").write_text(defaults)
    helm.says("upgrade", RENDERS)
    api.on("GET", paths.secret("ns", "rel-digest-key"), ok({"metadata": {}, "data": {"key": base64.b64encode(KEY).decode()}}))
    api.on("GET", paths.secret("ns", "env"), secret(A="1"))
    for method in ("GET", "PATCH"):  # nobody has changed the Deployment since
        api.on(method, paths.deployment("ns", "web"), ok({"metadata": {"name": "web"}}))

    def plan(live, **written):
        before = len(helm.calls("upgrade"))
        wanted = planner.Wanted("rel", "ns", str(tmp_path), {"gateway": {"replicaCount": 1}}, secret_written=written)
        made = planner.make(cluster, Helm(str(helm.program), {}), wanted, live, print, check=bool(written), make_key=False)
        return made, len(helm.calls("upgrade")) - before

    first, renders = plan(None)
    text = value(first.values)
    assert first.planned.values == first.values and renders == (2 if text else 1)
    assert text == ("env=" + digest.digest({"A": "MQ=="}, KEY) if text else "")
    again, renders = plan(first.planned)
    assert not again.difference and again.values == first.values and renders == 1
    # check mode: the Secret is not written, its digest is known
    rotated, renders = plan(first.planned, namespace="ns", name="env", changed_keys=["A"], digest="0" * 16)
    assert rotated.difference.phrase() == ("~Deployment/web, Secret env would be rotated (A), which restarts Deployment/web" if text else "nothing")
    assert renders == (2 if text else 1) and value(rotated.values) == ("env=" + "0" * 16 if text else "")


def test_without_the_key_nothing_can_be_guessed():
    data = {"P": base64.b64encode(b"1234").decode()}
    assert digest.digest(data, KEY) != digest.digest(data, b"l" * 32) and len(digest.digest(data, KEY)) == digest.LENGTH
    assert digest.digest({"a": "b", "c": ""}, KEY) != digest.digest({"a": "", "c": "b"}, KEY)


def test_a_secret_of_the_chart_itself_is_left_to_the_chart(api, cluster):
    own = {"kind": "Secret", "metadata": {"name": "env"}}
    found = work_out(cluster, release(extra=(own,)), None)
    assert set(digest.parse(found.text["web"])) == {"ca", "db", "tls"} and set(digest.parse(found.text["web"]).values()) == {"absent"}


@pytest.mark.parametrize(("written", "restarts"), [(500, False), (10, True)])
def test_a_secret_that_an_operator_made_after_the_plan_restarts_nothing_by_itself(api, cluster, written, restarts):
    claim = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": {"name": "e"}, "spec": {"target": {"name": "env"}}}
    live = release("ca=absent,db=absent,env=pending,tls=absent", (claim,))
    fields = [{"time": rfc(written), "fieldsV1": {"f:data": {}}}]
    api.on("GET", paths.secret("ns", "env"), ok({"metadata": {"name": "env", "managedFields": fields}, "data": {"A": "MQ=="}}))
    api.on("GET", paths.deployment("ns", "web"), ok({"spec": {"selector": {"matchLabels": {"app": "web"}}}}))
    api.on(
        "GET",
        paths.pods("ns"),
        objects(
            "Pod", "1", {"metadata": {"name": "p"}, "status": {"startTime": rfc(600), "containerStatuses": [{"state": {"running": {"startedAt": rfc(400)}}}]}}
        ),
    )
    assert (work_out(cluster, release(extra=(claim,)), live).changed == ("env",)) is restarts


def test_a_secret_that_comes_with_the_pods_own_mount_is_awaited_and_no_change(api, cluster):
    """Secrets Store CSI: the Secret was absent when the run was planned, and its pods have waited for it."""
    spec = {**POD, "volumes": [{"name": "v", "csi": {"driver": "secrets-store.csi.k8s.io"}}]}
    planned = replace(release(), manifest=(deployment("web", "gateway", spec),))
    first = work_out(cluster, planned, None)
    assert digest.parse(first.text["web"]) == {"db": "pending", "env": "pending"}
    live = replace(release(), manifest=(deployment("web", "gateway", spec, first.text["web"]),))
    api.on("GET", paths.secret("ns", "env"), secret(A="1"))
    assert work_out(cluster, live, live).changed == ()


def test_the_key_is_made_once_and_never_in_check_mode(api, cluster):
    path = paths.secret("ns", "rel-digest-key")
    assert digest.key_of(cluster, "ns", "rel", make=False) is None and not wrote(api, "POST")
    api.on("POST", paths.secrets("ns"), status(409, "AlreadyExists", "there"))
    api.on("GET", path, status(404, "NotFound", "no"), ok({"data": {"key": base64.b64encode(KEY).decode()}}))
    assert digest.key_of(cluster, "ns", "rel", make=True) == KEY, "another run was quicker"


# --- drift -------------------------------------------------------------------------------------------------------------


def web(image="a:v1", **more):
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "resourceVersion": "5", **more},
        "spec": {"replicas": 1, "containers": [{"name": "it", "image": image}]},
    }


@pytest.mark.parametrize(
    ("live", "wanted", "found"),
    [
        (web(), web(generation=9), {}),
        (web("a:v2"), web(), {"Deployment/web": ("spec.containers[it].image",)}),
        ({**web(), "status": {"replicas": 1}}, web(), {}),
        (web(), web("mirror/a:v1", annotations={"webhook": "was here"}), {}),
        (web("a:v2"), web(annotations={"webhook": "was here"}), {"Deployment/web": ("spec.containers[it].image",)}),
    ],
)
def test_drift_is_what_the_server_would_change(api, cluster, live, wanted, found):
    path = paths.deployment("ns", "web")
    api.on("GET", path, ok(live))
    api.on("PATCH", path, ok(wanted))
    assert drift.find(cluster, "ns", releases.Release("rel", "ns", 1, "deployed", manifest=(web(),))) == found
    _m, _p, query, body = api.seen[-1]
    assert query["dryRun"] == ["All"], "nothing is written"
    assert json.loads(body)["metadata"]["annotations"]["meta.helm.sh/release-name"] == "rel"


def test_an_extra_object_of_the_whole_cluster_may_drift_and_an_operators_own_kind_is_left_to_helm(api, cluster):
    """AKS changes the namespaceSelector of webhooks. Without drift, a run with oceans_llm_force_conflicts had nothing to do."""
    hook = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration", "metadata": {"name": "own"}, "webhooks": [{"name": "a"}]}
    path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/own"
    api.on("GET", path, ok({**hook, "webhooks": [{"name": "a", "matchPolicy": "Exact"}]}))
    api.on("PATCH", path, ok(hook))
    store = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": {"name": "own"}, "spec": {}}
    found = drift.find(cluster, "ns", releases.Release("rel", "ns", 1, "deployed", manifest=(hook, store)))
    assert found == {"ValidatingWebhookConfiguration/own": ("webhooks[a].matchPolicy",)}


def test_a_deleted_object_is_drift(api, cluster):
    found = drift.find(cluster, "ns", releases.Release("rel", "ns", 1, "deployed", manifest=(web(),)))
    assert found == {"Deployment/web": ("missing",)}
    assert "Deployment/web does not exist in the cluster" in changes.compare(release(), release(), found).phrase()


def test_an_api_that_is_away_is_not_no_drift(api, cluster):
    api.on("GET", paths.deployment("ns", "web"), status(503, "ServiceUnavailable", "away"))
    with pytest.raises(ApiError):
        drift.find(cluster, "ns", releases.Release("rel", "ns", 1, "deployed", manifest=(web(),)))
