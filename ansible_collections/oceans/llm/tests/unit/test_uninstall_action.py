# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Uninstall, against a scripted API server and a helm that only notes its arguments: one at a time, nothing left, data kept."""

from __future__ import annotations

import base64
import gzip
import json
import time
from dataclasses import replace

import pytest
import yaml

from ansible_collections.oceans.llm.plugins.action.uninstall import ActionModule
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.lock import Holder
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths

from .fake_api import FakeApi, event, objects, ok, status, stream
from .run_action import run

LEASE = paths.lease("ns", "oceans-llm-r")
KEY, NOTES = paths.secret("ns", "r-digest-key"), paths.configmap("ns", "r-bootstrap")
DATABASE = paths.of("postgresql.cnpg.io/v1", "clusters", "ns") + "/r-postgres"
JOB = {"kind": "Job", "metadata": {"name": "r-migrate", "resourceVersion": "5"}}
POD = {"containers": [{"name": "c", "envFrom": [{"secretRef": {"name": "r-secrets"}}, {"secretRef": {"name": "r-env"}}]}]}
MANIFEST = (
    {"kind": "Deployment", "metadata": {"name": "gw"}, "spec": {"template": {"spec": POD}}},
    {"kind": "Secret", "metadata": {"name": "r-env"}},
    {"apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "metadata": {"name": "r-postgres", "annotations": {"helm.sh/resource-policy": "keep"}}},
)


def lease(holder: str, ago: float = 0.0) -> dict:
    renewed = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(time.time() - ago))
    spec = {"holderIdentity": holder, "acquireTime": "2026-01-01T00:00:00Z", "renewTime": renewed, "leaseDurationSeconds": 30}
    return {"metadata": {"name": "oceans-llm-r", "resourceVersion": "7"}, "spec": spec}


def release(state: str = "deployed", manifest: tuple = MANIFEST) -> dict:
    body = {"name": "r", "namespace": "ns", "version": 3, "info": {"status": state}, "manifest": "---\n" + "\n---\n".join(map(json.dumps, manifest))}
    packed = base64.b64encode(gzip.compress(json.dumps(body).encode())).decode()
    return {"metadata": {"resourceVersion": "9", "labels": {"version": "3"}}, "data": {"release": base64.b64encode(packed.encode()).decode()}}


@pytest.fixture
def api():
    """Everything is there; the lease belongs to nobody until this run has taken it."""
    with FakeApi() as fake:
        fake.on("GET", LEASE, ok(lease("")), ok(lease("")), ok(lease("")), ok(lease("")), ok(lease(str(Holder.me()))))
        fake.on("PATCH", LEASE, ok({}))
        fake.on("GET", paths.secrets("ns"), objects("Secret", "1", release()))
        for plural in ("configmaps", "serviceaccounts"):
            fake.on("GET", paths.collection(plural, "ns"), objects("List", "1"))
        fake.on("GET", paths.jobs("ns"), objects("Job", "1", JOB), objects("Job", "1", JOB), objects("Job", "4", JOB), objects("Job", "6"))
        fake.on("WATCH", paths.jobs("ns"), stream(event("DELETED", JOB)))
        for path in (KEY, NOTES):
            fake.on("GET", path, ok({"metadata": {"name": "x"}}))
        for path in (KEY, NOTES, LEASE, DATABASE, paths.job("ns", "r-migrate")):
            fake.on("DELETE", path, ok({}))
        yield fake


@pytest.fixture
def helm(tmp_path):
    program, calls = tmp_path / "helm", tmp_path / "calls"
    program.write_text(f'#!/bin/sh\necho "$@" >> {calls}\n')
    program.chmod(0o755)
    calls.touch()
    return program


def go(api: FakeApi, helm, **more) -> dict:
    check = more.pop("check", False)
    return run(ActionModule, api, {"name": "r", "namespace": "ns", "helm_binary": str(helm), **more}, check=check)


def called(helm) -> list[str]:
    return (helm.parent / "calls").read_text().splitlines()


def writes(api: FakeApi) -> list[tuple[str, str]]:
    return [(method, path) for method, path, _query, _body in api.seen if method != "GET"]


def test_the_lock_is_held_around_everything_and_its_lease_goes_last(api, helm):
    result = go(api, helm)
    assert result["changed"] and called(helm) == ["uninstall r --namespace ns --wait --timeout 900s"]
    assert writes(api) == [("PATCH", LEASE), ("DELETE", paths.job("ns", "r-migrate")), ("DELETE", KEY), ("DELETE", NOTES), ("DELETE", LEASE)]
    taken = json.loads(next(body for method, _p, _q, body in api.seen if method == "PATCH"))
    assert taken["spec"]["holderIdentity"] == str(Holder.me()) and taken["metadata"]["resourceVersion"] == "7"
    propagation = {path: json.loads(body)["propagationPolicy"] for method, path, _q, body in api.seen if method == "DELETE"}
    assert propagation[paths.job("ns", "r-migrate")] == "Foreground", "its pods go first"
    assert result["removed"] == ["release r (revision 3, deployed)", "Job/r-migrate", "Secret/r-digest-key", "ConfigMap/r-bootstrap"]
    assert result["kept"] == ["Secret/r-secrets", "Cluster/r-postgres"]


def test_a_live_run_is_respected_and_nothing_is_touched(api, helm):
    api.script[("GET", LEASE)] = [ok(lease("anna@build-7/4711/99"))]
    result = go(api, helm)
    assert result["failed"] and "anna on build-7 (process 4711) has been changing ns/r since 2026-01-01T00:00:00Z" in result["msg"]
    assert writes(api) == [] and called(helm) == []


def test_a_missing_permission_is_told_with_what_became_of_the_task_and_where_the_permissions_stand(api, helm):
    words = 'jobs.batch "r-migrate" is forbidden: User "ci" cannot delete resource "jobs"'
    api.script[("DELETE", paths.job("ns", "r-migrate"))] = [status(403, "Forbidden", words)]
    result = go(api, helm)
    assert result["failed"] and result["msg"].startswith(words + "; the task stopped at this request, and what it changed before remains changed — grant")
    assert "docs/deployer-role.yaml" in result["msg"] and ("DELETE", KEY) not in writes(api)


GONE = str(replace(Holder.me(), pid=999999, start="1"))


@pytest.mark.parametrize(("holder", "ago"), [("anna@build-7/4711/99", 100), (GONE, 1)], ids=["expired", "process gone"])
def test_the_lock_of_a_dead_run_is_taken_over(api, helm, holder, ago):
    api.script[("GET", LEASE)] = [*[ok(lease(holder, ago))] * 4, ok(lease(str(Holder.me())))]
    result = go(api, helm)
    assert result["changed"] and any("has died; taking over its lock" in line for line in result["said"]) and writes(api)[-1] == ("DELETE", LEASE)


def test_another_run_that_is_quicker_wins(api, helm):
    api.script[("PATCH", LEASE)] = [status(409, "Conflict", "modified")]
    result = go(api, helm)
    assert result["failed"] and "has just locked" in result["msg"] and called(helm) == [] and [m for m, _p in writes(api)] == ["PATCH"]


def test_after_a_failure_the_lock_is_given_back_and_the_rest_is_still_there(api, helm):
    helm.write_text("#!/bin/sh\necho 'Error: uninstall: timed out' >&2\nexit 1\n")
    result = go(api, helm)
    assert (
        result["failed"]
        and "uninstall: timed out" in result["msg"]
        and "run the playbook again: ansible-playbook -i INVENTORY oceans.llm.uninstall" in result["msg"]
    )
    assert [m for m, _p in writes(api)] == ["PATCH", "PATCH"] and json.loads(api.seen[-1][3])["spec"] == {"holderIdentity": ""}


def test_check_mode_names_it_all_and_writes_nothing(api, helm):
    result = go(api, helm, check=True)
    assert result["changed"] and writes(api) == [] and called(helm) == []
    assert result["msg"].startswith("would remove: release r (revision 3, deployed), Job/r-migrate") and "kept: Secret/r-secrets" in result["msg"]


def test_where_nothing_is_there_nothing_is_written(helm):
    with FakeApi() as empty:
        empty.on("GET", paths.secrets("ns"), objects("Secret", "1"))
        for plural in ("jobs", "configmaps", "serviceaccounts"):
            empty.on("GET", paths.collection(plural, "ns"), objects("List", "1"))
        result = go(empty, helm)
        assert not result["changed"] and "nothing to remove: ns/r does not exist" in result["msg"] and writes(empty) == [] and called(helm) == []


def test_a_database_goes_only_when_it_is_named(api, helm):
    api.on("GET", DATABASE, ok({"metadata": {"name": "r-postgres"}}))
    result = go(api, helm, delete_database="r-postgres")
    assert ("DELETE", DATABASE) in writes(api) and "Cluster/r-postgres" in result["removed"] and result["kept"] == ["Secret/r-secrets"]


@pytest.mark.parametrize("state", ["failed", "pending-install", "uninstalling"])
def test_a_release_that_is_not_deployed_is_removed_as_well(api, helm, state):
    api.script[("GET", paths.secrets("ns"))] = [objects("Secret", "1", release(state))]
    assert go(api, helm)["changed"] and called(helm) == ["uninstall r --namespace ns --wait --timeout 900s"]


def test_a_job_that_does_not_go_is_named(api, helm):
    api.script[("GET", paths.jobs("ns"))] = [objects("Job", "1", JOB)]
    result = go(api, helm, timeout=0)
    assert result["failed"] and "Job/r-migrate: deletion was requested, but the Job still exists" in result["msg"] and ("DELETE", LEASE) not in writes(api)


# --- nothing that holds data is deleted, whatever the chart says ------------------------------------------------------------

RECORD = paths.secret("ns", "sh.helm.release.v1.r.v3")
LOOSE = ({**MANIFEST[0]}, {"apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "metadata": {"name": "r-postgres"}, "spec": {"instances": 1}})


def record(api: FakeApi, manifest: tuple) -> None:
    """The release's record: what is written into it is what the next look finds."""
    stored = [release(manifest=manifest)]

    def write(handler) -> None:
        body = json.loads(api.seen[-1][3])
        assert body["metadata"]["resourceVersion"] == "9"
        stored.append({**stored[-1], "data": body["data"]})
        ok({})(handler)

    def newest(handler) -> None:
        objects("Secret", "1", stored[-1])(handler)

    api.script[("GET", paths.secrets("ns"))] = [newest]
    api.on("GET", RECORD, lambda handler: handler.send(200, json.dumps(stored[-1]).encode()))
    api.on("PATCH", RECORD, write)
    api.stored = stored


def kinds_kept(api: FakeApi) -> set[str]:
    body = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(api.stored[-1]["data"]["release"]))))
    docs = [d for d in yaml.safe_load_all(body["manifest"]) if d]
    return {f"{d['kind']}/{d['metadata']['name']}" for d in docs if (d["metadata"].get("annotations") or {}).get("helm.sh/resource-policy") == "keep"}


@pytest.mark.parametrize(
    ("version", "kind", "path"),
    [
        ("postgresql.cnpg.io/v1", "Cluster", DATABASE),
        ("v1", "PersistentVolumeClaim", "/api/v1/namespaces/ns/persistentvolumeclaims/r-postgres"),
        ("v1", "Namespace", "/api/v1/namespaces/r-postgres"),
        ("acid.zalan.do/v1", "postgresql", "/apis/acid.zalan.do/v1/namespaces/ns/postgresqls/r-postgres"),
        ("apiextensions.k8s.io/v1", "CustomResourceDefinition", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/r-postgres"),
    ],
)
def test_what_holds_data_is_kept_although_the_chart_does_not_say_so(api, helm, version, kind, path):
    record(api, (LOOSE[0], {**LOOSE[1], "apiVersion": version, "kind": kind}))
    api.on("GET", path, ok({"metadata": {"name": "r-postgres"}}))
    result = go(api, helm)
    assert not result.get("failed"), result["msg"]
    assert kinds_kept(api) == {f"{kind}/r-postgres"} and f"{kind}/r-postgres" in result["kept"] and len(called(helm)) == 1
    order = writes(api)
    assert order.index(("PATCH", RECORD)) == 1 and ("DELETE", path) not in order


def test_a_record_that_cannot_be_changed_stops_the_run_before_helm(api, helm):
    record(api, LOOSE)
    api.script[("PATCH", RECORD)] = [status(403, "Forbidden", "secrets is forbidden")]
    result = go(api, helm)
    assert result["failed"] and "helm uninstall would delete Cluster/r-postgres" in result["msg"] and called(helm) == []


def test_a_record_that_does_not_hold_what_was_written_stops_the_run_before_helm(api, helm):
    record(api, LOOSE)
    api.script[("PATCH", RECORD)] = [ok({})]  # answered, and lost
    result = go(api, helm)
    assert result["failed"] and "helm uninstall would delete Cluster/r-postgres" in result["msg"] and called(helm) == []


def test_a_database_that_is_gone_all_the_same_is_said(api, helm):
    record(api, MANIFEST)
    api.on("GET", DATABASE, ok({"metadata": {"name": "r-postgres"}}), ok({"metadata": {"name": "r-postgres", "deletionTimestamp": "2026-01-01T00:00:00Z"}}))
    result = go(api, helm)
    assert result["failed"] and "Cluster/r-postgres was deleted, or is being deleted" in result["msg"] and "backup" in result["msg"]


def test_the_database_of_another_release_is_not_deleted(api, helm):
    path = paths.of("postgresql.cnpg.io/v1", "clusters", "ns") + "/other-postgres"
    api.on("GET", path, ok({"metadata": {"name": "other-postgres", "annotations": {"meta.helm.sh/release-name": "other"}}}))
    result = go(api, helm, delete_database="other-postgres")
    assert result["failed"] and "belongs to release other" in result["msg"] and writes(api) == [] and called(helm) == []


def test_a_wrong_name_of_the_database_is_said_before_anything_is_removed(api, helm):
    result = go(api, helm, delete_database="r-postgre")
    assert result["failed"] and "Cluster/r-postgre does not exist; the database of the release is Cluster/r-postgres" in result["msg"] and writes(api) == []


def test_a_secret_that_goes_with_its_owner_is_not_called_kept(api, helm):
    pod = {"containers": [{"name": "c", "envFrom": [{"secretRef": {"name": n}} for n in ("from-store", "orphan", "r-postgres-app", "mine")]}]}
    api.script[("GET", paths.secrets("ns"))] = [
        objects(
            "Secret",
            "1",
            release(
                manifest=(
                    {"kind": "Deployment", "metadata": {"name": "gw"}, "spec": {"template": {"spec": pod}}},
                    {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": {"name": "es"}, "spec": {"target": {"name": "from-store"}}},
                    {
                        "apiVersion": "external-secrets.io/v1",
                        "kind": "ExternalSecret",
                        "metadata": {"name": "o"},
                        "spec": {"target": {"name": "orphan", "creationPolicy": "Orphan"}},
                    },
                    MANIFEST[2],
                )
            ),
        )
    ]
    api.on("GET", DATABASE, ok({"metadata": {"name": "r-postgres"}}))
    assert go(api, helm, check=True)["kept"] == ["Secret/mine", "Secret/orphan", "Secret/r-postgres-app", "Cluster/r-postgres"]
    assert go(api, helm, check=True, delete_database="r-postgres")["kept"] == ["Secret/mine", "Secret/orphan"]


def test_copies_that_a_hook_has_left_go_with_the_release(api, helm):
    """Their Secret holds every inline secret, and Helm never looks for it."""
    copy = {"metadata": {"name": "r-job-env", "labels": {}, "annotations": {"helm.sh/hook": "pre-install,pre-upgrade"}}}
    api.script[("GET", paths.secrets("ns"))] = [objects("Secret", "1", release(), copy, {"metadata": {"name": "r-secrets", "labels": {}}})]
    api.on("DELETE", paths.secret("ns", "r-job-env"), ok({}))
    result = go(api, helm)
    assert "Secret/r-job-env" in result["removed"] and ("DELETE", paths.secret("ns", "r-job-env")) in writes(api)
    assert ("DELETE", paths.secret("ns", "r-secrets")) not in writes(api)
