# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restore points against a scripted API server: what the Job gets and what it must not get, what is refused before anything is stopped, and in which
order the gateway is stopped, the copy read and the gateway handed over. What the Job's script does is tested with a real server (testbed/standin)."""

from __future__ import annotations

import base64
import datetime
import gzip
import json
import os
import stat
import sys
from urllib.parse import parse_qs, urlsplit

import pytest

from ansible_collections.oceans.llm.plugins.action import restore, restore_point
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle import cnpg_backup
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.restore_point import RestorePoint, latest

from .fake_api import FakeApi, Handler, objects, ok, status, stream, thing
from .run_action import run

PASSWORD = "canary p@ss:w/o#r%d?&=+ !'\"\\ €"
URL = f"postgres://oceans:{PASSWORD}@db.data.svc:6432/oceans_llm?sslmode=verify_full&sslrootcert=/etc/ca/ca.crt"
SECRET = {"POSTGRES_URL": URL, "OCEANS_API_KEY_SECRET_ENCRYPTION_KEY": "canary-key-1", "OCEANS_MCP_CREDENTIAL_ENCRYPTION_KEY": "canary-key-2"}
GATEWAY = {"app.kubernetes.io/component": "gateway"}
LIST = paths.configmap("ns", "r-restore-points")
DEPLOYMENT, JOBS, PODS = paths.deployment("ns", "gw"), paths.jobs("ns"), paths.pods("ns")
CLAIM = paths.item("persistentvolumeclaims", "ns", "r-restore-points")
LOGIN = paths.secret("ns", "r-restore-point-login")
TOLD = json.dumps({"size": 4711, "checksum": "sha256:abc", "schema": 43, "tables": 3, "rows": 12})


def deployment(image: str = "reg.example/gateway:v0.23.0", replicas: int | None = 2, annotations: dict | None = None) -> dict:
    container = {
        "name": "gateway",
        "image": image,
        "envFrom": [{"secretRef": {"name": "s"}}],
        "env": [{"name": "TOKEN", "value": "canary-token"}],
        "volumeMounts": [{"name": "ca", "mountPath": "/etc/ca"}, {"name": "config", "mountPath": "/app"}],
        "livenessProbe": {},
        "securityContext": {"runAsUser": 10001},
    }
    spec = {"containers": [container], "volumes": [{"name": "ca", "secret": {"secretName": "ca"}}, {"name": "config", "configMap": {"name": "c"}}]}
    pods = {"metadata": {"labels": GATEWAY}, "spec": spec}
    scale = {} if replicas is None else {"replicas": replicas}
    meta = {"name": "gw", "namespace": "ns", "labels": GATEWAY, "uid": "uid-gw", "annotations": annotations or {}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": {**scale, "selector": {"matchLabels": GATEWAY}, "template": pods}}


def release(revision: int, state: str, *manifest: dict) -> dict:
    body = {"name": "r", "namespace": "ns", "version": revision, "info": {"status": state}}
    body["manifest"] = "\n---\n".join(json.dumps(o) for o in manifest)
    packed = base64.b64encode(gzip.compress(json.dumps(body).encode())).decode()
    return {"metadata": {"labels": {"version": str(revision)}}, "data": {"release": base64.b64encode(packed.encode()).decode()}}


def later(make):
    """An answer that is worked out when it is asked for."""

    def answer(handler):
        make()(handler)

    return answer


class World:
    """A release that is served, its database, and Jobs that end as `answers` say: (exit code, log)."""

    def __init__(self, api: FakeApi, *, replicas: int | None = 2, live: dict | None = None, answers=((0, TOLD),), extra=()) -> None:
        self.api, self.answers = api, list(answers)
        self.pods: dict[str, dict] = {"gw-1": {}, "gw-2": {}}
        self.saved: dict[str, str] = {}
        self.jobs: list[dict] = []
        self.done: list[str] = []
        service = {"kind": "Service", "metadata": {"name": "gw", "labels": GATEWAY}, "spec": {"ports": [{"port": 8080}]}}
        config = {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"gateway.yaml": json.dumps({"database": {"url": "env.POSTGRES_URL"}})}}
        old = release(1, "superseded", deployment(replicas=replicas), service, config)
        new = release(2, "deployed", deployment("reg.example/gateway:v0.24.0", replicas), service, config, *extra)
        self.live = live or deployment("reg.example/gateway:v0.24.0")
        self.secret = dict(SECRET)
        api.on("GET", paths.secrets("ns"), objects("Secret", "1", old, new))
        api.on("GET", paths.configmap("ns", "c"), ok(config))
        api.on("GET", paths.secret("ns", "s"), later(lambda: ok({"data": {k: base64.b64encode(v.encode()).decode() for k, v in self.secret.items()}})))
        api.on("GET", paths.service("data", "db"), ok({"spec": {"ports": [{"port": 6432, "targetPort": 5432}]}}))
        end = {"conditions": {"ready": True}, "addresses": ["10.0.0.9"], "targetRef": {"kind": "Pod", "name": "db-0"}}
        api.on("GET", paths.endpointslices("data"), objects("EndpointSlice", "1", {"metadata": {"name": "a"}, "ports": [{"port": 5432}], "endpoints": [end]}))
        postgres = [{"name": "log", "image": "log:1"}, {"name": "pg", "image": "reg.example/postgres:16", "ports": [{"containerPort": 5432}]}]
        api.on("GET", paths.pod("data", "db-0"), ok({"metadata": {"name": "db-0", "namespace": "data"}, "spec": {"containers": postgres}}))
        for method, path, answer in (
            ("GET", DEPLOYMENT, later(lambda: ok(self.live))),
            ("PATCH", DEPLOYMENT, self.patched),
            ("GET", PODS, self.listed),
            ("WATCH", PODS, stream()),
            ("POST", JOBS, self.made),
            ("GET", LIST, later(lambda: ok({"data": self.saved}) if self.saved else status(404, "NotFound", "no"))),
            ("PATCH", LIST, self.recorded),
            ("POST", paths.leases("ns"), ok({"metadata": {"resourceVersion": "1"}}, 201)),
            ("PATCH", LOGIN, ok({})),
            ("DELETE", LOGIN, ok({})),
            ("POST", paths.persistentvolumeclaims("ns"), ok({}, 201)),
            ("DELETE", paths.job("ns", "j"), ok({})),
            ("GET", paths.pod_log("ns", "j-1"), lambda h: h.send(200, self.answers.pop(0)[1].encode(), "text/plain")),
        ):
            api.on(method, path, answer)
        for name in self.pods:
            api.on("DELETE", paths.pod("ns", name), lambda h, name=name: self.deleted(h, name))

    def body(self) -> dict:
        return json.loads(self.api.seen[-1][3])

    def patched(self, handler: Handler) -> None:
        body = self.body()
        if "spec" in body:
            self.done.append(f"scale {body['spec']['replicas']}")
            self.live["spec"]["replicas"] = body["spec"]["replicas"]
        self.live["metadata"]["annotations"] |= (body.get("metadata") or {}).get("annotations") or {}
        entries = [{"manager": "helm"}, {"manager": "oceans-llm-restore"}]
        ok({**self.live, "metadata": {**self.live["metadata"], "resourceVersion": "7", "managedFields": entries}})(handler)

    def listed(self, handler: Handler) -> None:
        selector = parse_qs(urlsplit(handler.path).query)["labelSelector"][0]
        if selector.startswith("batch.kubernetes.io/job-name="):
            states = [{"name": self.container["name"], "state": {"terminated": {"exitCode": self.answers[0][0]}}}]
            spec = {"containers": [{"name": self.container["name"]}], "nodeName": "n"}
            objects("Pod", "5", thing("Pod", "j-1", "5", spec=spec, status={"containerStatuses": states}))(handler)
        elif selector.endswith("job-name"):
            objects("Pod", "5")(handler)
        else:
            states = {"containerStatuses": [{"name": "gateway", "state": {"running": {}}}]}
            pods = [{"metadata": {"name": n, **m}, "spec": {"terminationGracePeriodSeconds": 600}, "status": states} for n, m in self.pods.items()]
            objects("Pod", "5", *pods)(handler)

    def made(self, handler: Handler) -> None:
        self.jobs.append(self.body())
        self.done.append(" ".join(self.container["args"]).strip())
        ok({"metadata": {"name": "j"}}, 201)(handler)

    @property
    def container(self) -> dict:
        return self.jobs[-1]["spec"]["template"]["spec"]["containers"][0]

    def recorded(self, handler: Handler) -> None:
        self.saved = self.body()["data"]
        ok({})(handler)

    def deleted(self, handler: Handler, name: str) -> None:
        self.done.append(f"delete {name} {self.body()['gracePeriodSeconds']}")
        self.pods.pop(name)
        ok({})(handler)

    def keep(self, **more) -> None:
        """A restore point that is there already."""
        point = {"kind": "pg_dump", "name": "r-1", "place": "PersistentVolumeClaim/r-restore-points", "created": 5.0, "checksum": "sha256:abc"}
        self.saved = {"r-1": json.dumps({**point, "schema_version": 43, "version": "v0.23.0", **more})}


def take(api: FakeApi, check: bool = False, **wish) -> dict:
    return run(restore_point.ActionModule, api, {"name": "r", "namespace": "ns", "restore_point": wish, "common_labels": {"team": "ai"}}, check=check)


def bring_back(api: FakeApi, check: bool = False, **more) -> dict:
    return run(restore.ActionModule, api, {"name": "r", "namespace": "ns", **more}, check=check)


def written(api: FakeApi) -> list[tuple[str, str]]:
    """Writes, but for the lock."""
    return [(method, path) for method, path, _q, _b in api.seen if method not in ("GET", "WATCH") and "/leases" not in path]


def asked_for(api: FakeApi, end: str) -> dict:
    """What was to be created, once."""
    (body,) = [json.loads(body) for how, path, _q, body in api.seen if how == "POST" and path.endswith(end)]
    return body


# --- taking ---------------------------------------------------------------------------------------------------------------


def test_the_volume_for_copies_has_the_labels_that_the_owner_of_the_release_wants(api):
    World(api)
    take(api)
    own = {"app.kubernetes.io/managed-by": "oceans.llm", "app.kubernetes.io/instance": "r"}
    assert asked_for(api, "/persistentvolumeclaims")["metadata"]["labels"] == {"team": "ai", **own}


def test_a_restore_point_is_taken_recorded_and_found_again(api):
    world = World(api)
    result = take(api)
    assert not result.get("failed"), result
    point = result["restore_point"]
    assert (point["kind"], point["size"], point["checksum"], point["schema_version"]) == ("pg_dump", 4711, "sha256:abc", 43)
    assert point["version"] == "v0.23.0"  # of the revision that knows V43; what is deployed now knows V45
    assert json.loads(world.saved[point["name"]]) == point and any("taken in" in line for line in result["said"])
    assert "canary" not in json.dumps([result, world.saved, world.jobs])


def test_the_job_gets_the_way_to_the_database_and_nothing_else_of_the_gateway(api):
    world = World(api)
    take(api)
    spec = world.jobs[0]["spec"]["template"]["spec"]
    environment = {e["name"]: e["value"] for e in world.container["env"]}
    assert environment == {
        "PGHOST": "db.data.svc", "PGPORT": "6432", "PGDATABASE": "oceans_llm", "PGSSLMODE": "verify-full", "PGSSLROOTCERT": "/etc/ca/ca.crt",
        "PGAPPNAME": "oceans.llm", "PGCONNECT_TIMEOUT": "10",
    }  # fmt: skip
    assert world.container["envFrom"] == [{"secretRef": {"name": "r-restore-point-login"}}] and world.container["image"] == "reg.example/postgres:16"
    assert [v["name"] for v in spec["volumes"]] == ["ca", "restore-points", "restore-point-work"]
    assert spec["securityContext"]["fsGroup"] == 10001 and "$$" not in world.container["command"][2]  # which the kubelet would make one of
    (login,) = [json.loads(body) for method, path, _q, body in api.seen if (method, path) == ("PATCH", LOGIN)]
    assert base64.b64decode(login["data"]["PGPASSWORD"]).decode() == PASSWORD and login["metadata"]["ownerReferences"][0]["uid"] == "uid-gw"
    assert written(api)[-2] == ("DELETE", LOGIN)  # the list is written last


def test_only_so_many_copies_are_kept(api):
    world = World(api)
    world.keep()
    world.saved |= {f"r-{n}": json.dumps({**json.loads(world.saved["r-1"]), "name": f"r-{n}", "created": n}) for n in (2, 3)}
    world.saved["r-1"] = world.saved["r-1"].replace('"created": 5.0', '"created": 1.0')
    result = take(api, keep=2)
    assert world.container["args"][2:] == ["r-1", "r-2"] and sorted(world.saved) == sorted(["r-3", result["restore_point"]["name"]])


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ("pg_dump: error: aborting because of server version mismatch\nrestore point: the database could not be copied\n", "could not be copied (pg_dump"),
        ("sh: 1: psql: not found\n", "psql: not found"),
        ("", "exit code 1"),
    ],
)
def test_a_copy_that_fails_is_no_restore_point(api, log, said):
    world = World(api, answers=((1, log),))
    result = take(api)
    assert result["failed"] and said in result["msg"] and world.saved == {} and written(api)[-1] == ("DELETE", LOGIN)


def test_an_image_that_nobody_knows_has_to_be_named(api):
    World(api)
    api.script[("GET", paths.pod("data", "db-0"))] = [status(403, "Forbidden", "pods is forbidden")]
    result = take(api)
    assert result["failed"] and "oceans_llm_restore_point_image" in result["msg"] and written(api) == []
    assert not take(api, image="postgres:17").get("failed")


def test_none_is_none(api):
    World(api)
    result = take(api, way="none")
    assert result["failed"] and "oceans_llm_restore_point is none" in result["msg"] and written(api) == []


def test_check_mode_says_the_way_and_writes_nothing(api):
    World(api)
    assert "pg_dump" in take(api, check=True)["msg"] and written(api) == []


# --- an object store --------------------------------------------------------------------------------------------------------

S3 = {"address": "s3://backups/llm/", "region": "eu-1", "endpoint": "https://store.example", "secret": "store-keys", "image": "curl:8"}


def test_an_object_store_takes_the_place_of_the_volume(api):
    world = World(api, answers=[(0, TOLD)] * 3)
    point = take(api, s3=S3)["restore_point"]
    spec = world.jobs[0]["spec"]["template"]["spec"]
    assert point["place"] == "s3://backups/llm" and not api.asked(paths.persistentvolumeclaims("ns"))
    assert [c["name"] for c in spec["initContainers"]] == ["restore-point"] and world.container["args"] == ["put", point["name"]]
    environment = {e["name"]: e.get("value") or e["valueFrom"]["secretKeyRef"]["name"] for e in world.container["env"]}
    assert environment["S3_URL"] == "https://store.example/backups/llm" and environment["AWS_SECRET_ACCESS_KEY"] == "store-keys"
    assert "envFrom" not in world.container  # the database's login is not its business
    assert "set oceans_llm_restore_point_s3" in bring_back(api)["msg"]
    assert not bring_back(api, restore_point={"s3": S3}).get("failed")
    spec = world.jobs[-1]["spec"]["template"]["spec"]
    assert spec["initContainers"][0]["args"] == ["get", point["name"]] and world.container["args"][:2] == ["restore", point["name"]]


@pytest.mark.parametrize(("wrong", "said"), [({"secret": ""}, "lacks secret"), ({"address": "backups/llm"}, "not of the form s3://")])
def test_an_object_store_that_lacks_something_is_refused(api, wrong, said):
    World(api)
    result = take(api, s3={**S3, **wrong})
    assert result["failed"] and said in result["msg"] and written(api) == []


# --- CloudNativePG --------------------------------------------------------------------------------------------------------

CNPG = "postgresql.cnpg.io/v1"


def cnpg(world: World, backup: dict, *backups: dict) -> dict:
    owner = {"apiVersion": CNPG, "kind": "Cluster", "metadata": {"name": "db", "namespace": "ns"}, "spec": {"backup": backup}}
    world.secret["POSTGRES_URL"] = f"postgres://oceans:{PASSWORD}@db-rw:5432/oceans_llm"
    world.api.on("GET", paths.one_of(CNPG, "clusters", "ns", "db"), ok({**owner, "status": {"image": "cnpg:16"}}))
    world.api.on("POST", paths.of(CNPG, "backups", "ns"), ok({}, 201))
    world.api.on("GET", paths.of(CNPG, "backups", "ns"), *[objects("Backup", "1", {"metadata": {"name": "b"}, "status": s}) for s in backups])
    world.api.on("WATCH", paths.of(CNPG, "backups", "ns"), stream())
    return owner


@pytest.mark.parametrize("method", ["volumeSnapshot", "barmanObjectStore"])
def test_a_cluster_with_backups_makes_a_backup(api, method):
    world = World(api)
    cnpg(world, {method: {"some": "thing"}}, {"phase": "running"}, {"phase": "completed"})
    result = take(api)
    (asked,) = [json.loads(body) for how, path, _q, body in api.seen if how == "POST" and path.endswith("/backups")]
    assert asked["spec"] == {"cluster": {"name": "db"}, "method": method} and result["restore_point"]["kind"] == "CloudNativePG" and world.jobs == []


@pytest.mark.parametrize("method", ["volumeSnapshot", "barmanObjectStore", "plugin"])
def test_a_backup_becomes_a_cluster_beside_the_live_one_and_its_rows_are_restored(api, method):
    world = World(api, answers=[(0, TOLD)] * 3)
    owner = cnpg(world, {})
    plugin = {"name": "barman-cloud.cloudnative-pg.io", "parameters": {"barmanObjectName": "store"}}
    owner["spec"] |= {"instances": 3, "storage": {"size": "1Gi"}, "plugins": [plugin], "bootstrap": {"initdb": {"owner": "o", "database": "d"}}}
    # the webhook refuses each of these for one instance
    owner["spec"] |= {"minSyncReplicas": 1, "maxSyncReplicas": 1, "primaryUpdateStrategy": "supervised"}
    owner["spec"]["postgresql"] = {"parameters": {"work_mem": "8MB"}, "synchronous": {"method": "any", "number": 1}}
    world.keep(kind="CloudNativePG", place="Backup/r-1", checksum="")
    backup = {"metadata": {"name": "r-1"}, "spec": {"method": method}, "status": {"backupId": "b1"}}
    clusters, ready = paths.of(CNPG, "clusters", "ns"), {"conditions": [{"type": "Ready", "status": "True"}]}
    api.on("GET", paths.one_of(CNPG, "backups", "ns", "r-1"), ok(backup))
    api.on("POST", clusters, ok({}, 201))
    api.on("GET", clusters, *[objects("Cluster", "1", {"metadata": {"name": "r-1"}, "status": s}) for s in ({}, ready)])
    api.on("WATCH", clusters, stream())
    login = {"username": "o", "password": "canary-new", "dbname": "d"}
    api.on("GET", paths.secret("ns", "r-1-app"), ok({"data": {k: base64.b64encode(v.encode()).decode() for k, v in login.items()}}))
    result = bring_back(api)
    assert not result.get("failed"), result
    (made,) = [json.loads(body) for how, path, _q, body in api.seen if how == "POST" and path == clusters]
    how = made["spec"]["bootstrap"]["recovery"]
    assert (made["metadata"]["name"], made["spec"]["instances"], how["database"], how["owner"]) == ("r-1", 1, "d", "o")
    assert how["recoveryTarget"] == {"targetImmediate": True, "backupID": "b1"} and "plugins" not in made["spec"] and made["spec"]["storage"] == {"size": "1Gi"}
    assert not made["spec"].keys() & {"minSyncReplicas", "maxSyncReplicas", "primaryUpdateStrategy"}
    assert made["spec"]["postgresql"] == {"parameters": {"work_mem": "8MB"}} and made["spec"]["probes"]["readiness"]["periodSeconds"] == 1
    if method == "plugin":
        (origin,) = made["spec"]["externalClusters"]
        assert how["source"] == origin["name"] and origin["plugin"]["parameters"] == {"barmanObjectName": "store", "serverName": "db"}
    else:
        assert how["backup"] == {"name": "r-1"} and "externalClusters" not in made["spec"]
    hosts = [{e["name"]: e["value"] for e in j["spec"]["template"]["spec"]["containers"][0]["env"]}["PGHOST"] for j in world.jobs]
    assert hosts == ["r-1-rw.ns.svc", "db-rw", "db-rw"] and world.done[0] == "take r-1-copy"
    assert world.done[1].startswith("verify r-1-copy sha256:abc") and world.done[-1].startswith("restore r-1-copy sha256:abc")
    assert any("kubectl -n ns delete cluster r-1" in line for line in result["said"]) and "and compared all rows" in result["msg"]
    assert set(world.saved) == {"r-1", "r-1-copy"} and "canary" not in json.dumps([result, world.saved, world.jobs])


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("method", ["barmanObjectStore", "plugin"])
def test_a_backup_into_a_new_database_is_a_new_cluster_of_the_release(api, method, check):
    world = World(api, extra=({"apiVersion": CNPG, "kind": "Cluster", "metadata": {"name": "db"}},))
    owner = cnpg(world, {})
    owner["spec"] |= {"plugins": [{"name": "barman-cloud.cloudnative-pg.io", "parameters": {"barmanObjectName": "store"}}]}
    world.keep(kind="CloudNativePG", place="Backup/r-1", checksum="")
    asked, state = {"method": method, "cluster": {"name": "first"}}, {"backupId": "b1"}
    api.on("GET", paths.one_of(CNPG, "backups", "ns", "r-1"), ok({"metadata": {"name": "r-1"}, "spec": asked, "status": state}))
    result = bring_back(api, to="new", check=check)
    target = {"targetImmediate": True, "backupID": "b1"}
    spec = {"bootstrap": {"recovery": {"backup": {"name": "r-1"}, "recoveryTarget": target}}}
    if method == "plugin":
        # the archive is of the Cluster that the Backup was made of
        archive = {"name": "barman-cloud.cloudnative-pg.io", "parameters": {"serverName": "first", "barmanObjectName": "store"}}
        spec = {"bootstrap": {"recovery": {"source": "origin", "recoveryTarget": target}}, "externalClusters": [{"name": "origin", "plugin": archive}]}
    assert result["cloudnativepg"] == {"clusterName": "new", "additionalSpec": spec} and (result["deploy"], result["version"]) == (True, "v0.23.0")
    assert json.dumps({"oceans_llm_version": "v0.23.0", "oceans_llm_cloudnativepg": result["cloudnativepg"]}) in result["msg"]
    assert written(api) == [] and result["msg"].startswith("with a run without --check, ") == check


def test_a_cluster_that_exists_is_not_overwritten_by_a_restore(api):
    world = World(api, extra=({"apiVersion": CNPG, "kind": "Cluster", "metadata": {"name": "db"}},))
    cnpg(world, {})
    world.keep(kind="CloudNativePG", place="Backup/r-1", checksum="")
    said = bring_back(api, to="db")
    assert said["failed"] and "Backup/r-1 cannot be restored as Cluster/db" in said["msg"] and "nothing was changed" in said["msg"]
    api.on("GET", paths.one_of(CNPG, "backups", "ns", "r-1"), ok({"metadata": {"name": "r-1"}}))
    assert "Cluster/db exists; nothing was changed — set oceans_llm_restore_to" in bring_back(api, to="db")["msg"]
    world.keep(kind="CloudNativePG", place="Backup/r-1", checksum="", schema_version=None, version="")
    assert "version of the gateway that fits r-1 is not known; nothing was changed" in bring_back(api, to="new")["msg"]
    world.keep(kind="CloudNativePG", place="Backup/r-1", checksum="", keys_digest="aa:bb")
    assert "other encryption keys" in bring_back(api, to="new")["msg"] and written(api) == []


def test_a_backup_that_cannot_be_recovered_changes_nothing(api):
    world = World(api)
    cnpg(world, {})
    world.keep(kind="CloudNativePG", place="Backup/r-1", checksum="")
    result = bring_back(api)
    assert result["failed"] and "Backup/r-1 could not be recovered as Cluster/r-1" in result["msg"] and "not changed" in result["msg"] and world.done == []


@pytest.mark.parametrize(
    ("log", "said"),
    [
        (
            '{"level":"info"}\n{"level":"error","error":"no first needed WAL"}\n{"level":"info","msg":"shutdown"}\n',
            "3 times to recover Cluster/r-1: no first needed WAL;",
        ),
        ("panic: no memory\n", "Cluster/r-1: panic: no memory;"),
        ("", "Cluster/r-1: its log is empty;"),
    ],
)
def test_a_recovery_that_fails_several_times_is_not_waited_for(api, monkeypatch, log, said):
    monkeypatch.setattr(cnpg_backup, "LOOK", 0.05)
    world = World(api)
    cnpg(world, {})
    world.keep(kind="CloudNativePG", place="Backup/r-1", checksum="")
    clusters = paths.of(CNPG, "clusters", "ns")
    api.on("GET", paths.one_of(CNPG, "backups", "ns", "r-1"), ok({"metadata": {"name": "r-1"}}))
    api.on("POST", clusters, ok({}, 201))
    api.on("GET", clusters, objects("Cluster", "1", {"metadata": {"name": "r-1"}, "status": {"phase": "Setting up primary"}}))
    api.on("WATCH", clusters, stream())
    # one failed pod and two are waited for
    spec, count = {"containers": [{"name": "full-recovery"}]}, iter((1, 2, 3))

    def listed(handler: Handler) -> None:
        if "cnpg.io" not in handler.path:
            return world.listed(handler)
        return objects("Pod", "5", *[thing("Pod", f"p-{n}", "5", spec=spec, status={"phase": "Failed"}) for n in range(next(count))])(handler)

    api.on("GET", PODS, listed)
    api.on("GET", paths.pod_log("ns", "p-2"), lambda h: h.send(200, log.encode(), "text/plain"))
    result = bring_back(api)
    assert result["failed"] and said in result["msg"] and "delete clusters.postgresql.cnpg.io r-1" in result["msg"] and world.done == []
    assert next(count, None) is None


def test_the_first_way_that_works_is_taken(api):
    world = World(api)
    cnpg(world, {"volumeSnapshot": {"className": "x"}}, {"phase": "failed", "error": "no such class"})
    result = take(api)
    assert result["restore_point"]["kind"] == "pg_dump", result
    assert any("no restore point was taken by cnpg: " in line and "no such class" in line for line in result["said"])


# --- a VolumeSnapshot -----------------------------------------------------------------------------------------------------

SNAPSHOTS = "snapshot.storage.k8s.io/v1"


def snapshots(world: World, *states: dict, namespace: str = "ns", claims: int = 1) -> None:
    """The database is one pod with a claim, and a snapshot controller answers."""
    api = world.api
    world.secret["POSTGRES_URL"] = URL.replace("db.data.svc", f"db.{namespace}.svc")
    api.on("GET", paths.service(namespace, "db"), ok({"spec": {"ports": [{"port": 6432, "targetPort": 5432}]}}))
    end = {"conditions": {"ready": True}, "addresses": ["10.0.0.9"], "targetRef": {"kind": "Pod", "name": "db-0"}}
    api.on("GET", paths.endpointslices(namespace), objects("EndpointSlice", "1", {"metadata": {"name": "a"}, "ports": [{"port": 5432}], "endpoints": [end]}))
    mounts = [{"name": f"data{n}", "mountPath": f"/data{n}"} for n in range(claims)]
    volumes = [{"name": f"data{n}", "persistentVolumeClaim": {"claimName": f"data-db-{n}"}} for n in range(claims)]
    postgres = {"name": "pg", "image": "postgres:16", "ports": [{"containerPort": 5432}], "volumeMounts": mounts, "securityContext": {"runAsUser": 70}}
    pod = {"metadata": {"name": "db-0", "namespace": namespace}, "spec": {"containers": [postgres], "volumes": volumes}}
    api.on("GET", paths.pod(namespace, "db-0"), ok(pod))
    api.on("POST", paths.of(SNAPSHOTS, "volumesnapshots", "ns"), ok({}, 201))
    api.on("GET", paths.of(SNAPSHOTS, "volumesnapshots", "ns"), *[objects("VolumeSnapshot", "1", {"metadata": {"name": "s"}, "status": s}) for s in states])
    api.on("WATCH", paths.of(SNAPSHOTS, "volumesnapshots", "ns"), stream())


def test_a_snapshot_is_taken_and_its_rows_are_restored_by_a_server_on_a_new_volume(api):
    world = World(api, answers=[(0, TOLD)] * 3)
    snapshots(world, {}, {"readyToUse": True, "restoreSize": "2Gi"})
    point = take(api, way="volume_snapshot")["restore_point"]
    asked = asked_for(api, "/volumesnapshots")
    assert asked["metadata"]["labels"]["team"] == "ai"
    assert asked["spec"] == {"source": {"persistentVolumeClaimName": "data-db-0"}} and (point["kind"], world.jobs) == ("VolumeSnapshot", [])
    name = point["name"]
    api.on("GET", paths.one_of(SNAPSHOTS, "volumesnapshots", "ns", name), ok({"metadata": {"name": name}, "status": {"restoreSize": "2Gi"}}))
    claim = {"accessModes": ["ReadWriteOnce"], "storageClassName": "fast", "resources": {"requests": {"storage": "1Gi"}}}
    api.on("GET", paths.item("persistentvolumeclaims", "ns", "data-db-0"), ok({"spec": claim}))
    result = bring_back(api)
    assert not result.get("failed"), result
    (made,) = [c for how, path, _q, body in api.seen if how == "POST" and path.endswith("claims") and (c := json.loads(body))["metadata"]["name"] == name]
    assert made["spec"]["dataSource"] == {"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": name}
    assert made["spec"]["storageClassName"] == "fast" and made["spec"]["resources"]["requests"]["storage"] == "2Gi"
    pod = world.jobs[0]["spec"]["template"]["spec"]
    assert world.done[0] == f"recovered {name}-copy" and pod["containers"][0]["securityContext"]["runAsUser"] == 70 and pod["securityContext"]["fsGroup"] == 70
    assert {"name": "recovered", "persistentVolumeClaim": {"claimName": name}} in pod["volumes"]
    assert world.done[-1].startswith(f"restore {name}-copy sha256:abc") and "and compared all rows" in result["msg"]
    assert all(v["name"] != "recovered" for job in world.jobs[1:] for v in job["spec"]["template"]["spec"]["volumes"])


@pytest.mark.parametrize(
    ("more", "state", "said"),
    [
        ({"claims": 2}, {}, "Pod/db-0 has 2 PersistentVolumeClaims"),
        ({"namespace": "other"}, {}, "is in namespace other, not in ns"),
        ({}, {"error": {"message": "no default class"}}, "no default class"),
    ],
)
def test_a_snapshot_that_could_not_be_restored_is_not_taken(api, more, state, said):
    world = World(api)
    snapshots(world, state, **more)
    result = take(api, way="volume_snapshot")
    assert result["failed"] and said in result["msg"] and world.saved == {}


def test_a_snapshot_is_the_last_way(api):
    world = World(api, answers=((1, "restore point: no space"),))
    snapshots(world, {"readyToUse": True})
    result = take(api)
    assert result["restore_point"]["kind"] == "VolumeSnapshot" and any("no restore point was taken by pg_dump: no space" in line for line in result["said"])


def test_a_backup_that_fails_is_told_in_the_operators_words(api):
    world = World(api)
    cnpg(world, {"volumeSnapshot": {"className": "x"}}, {"phase": "failed", "error": "no such class"})
    result = take(api, way="cnpg")
    assert result["failed"] and "no such class" in result["msg"] and world.saved == {}


def test_a_cluster_without_backups_is_dumped_with_its_own_image(api):
    world = World(api)
    cnpg(world, {})
    assert take(api)["restore_point"]["kind"] == "pg_dump" and world.container["image"] == "cnpg:16"
    refused = take(api, way="cnpg")
    assert refused["failed"] and "no backup configured" in refused["msg"]


def test_a_cluster_that_may_not_be_read_is_dumped_all_the_same(api):
    world = World(api)
    cnpg(world, {})
    api.script[("GET", paths.one_of(CNPG, "clusters", "ns", "db"))] = [status(403, "Forbidden", "clusters is forbidden")]
    assert take(api, image="postgres:17")["restore_point"]["kind"] == "pg_dump"


# --- a command of the user's ----------------------------------------------------------------------------------------------


PROGRAM = """#!{python}
import json, os, sys
with open({seen!r}, "a") as seen:
    print(json.dumps([sys.argv[1:], os.environ["PGPASSWORD"]]), file=seen)
print("working")
print(json.dumps({{"place": "s3://bucket/key", "size": 5}}))
"""


def test_a_command_has_the_login_in_its_environment(api, tmp_path):
    world = World(api)
    program = tmp_path / "backup"
    program.write_text(PROGRAM.format(python=sys.executable, seen=str(tmp_path / "seen")))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    point = take(api, command=[str(program)])["restore_point"]
    assert (point["kind"], point["place"], point["size"]) == ("command", "s3://bucket/key", 5) and world.jobs == []
    result = bring_back(api, restore_point={"command": [str(program)]})
    assert not result.get("failed"), result
    seen = [json.loads(line) for line in (tmp_path / "seen").read_text().splitlines()]
    assert [words for words, _p in seen] == [["take", point["name"]], ["restore", point["name"], "s3://bucket/key", "oceans_llm"]]
    assert {password for _w, password in seen} == {PASSWORD} and os.environ.get("PGPASSWORD") is None


# --- bringing back --------------------------------------------------------------------------------------------------------


def test_first_it_is_checked_then_stopped_then_read_then_handed_over(api):
    world = World(api, answers=((0, TOLD), (0, TOLD)))
    world.keep()
    result = bring_back(api)
    assert not result.get("failed"), result
    aside = result["aside"]
    verify, *stopped, read = world.done
    assert verify == f"verify r-1 sha256:abc {aside}" and read == f"restore r-1 sha256:abc {aside}" and aside.startswith("before_restore_")
    assert sorted(stopped[:-1]) == ["delete gw-1 20", "delete gw-2 20"] and stopped[-1] == "scale 0"
    assert world.live["spec"]["replicas"] == 0 and (result["version"], result["deploy"]) == ("v0.23.0", True)  # the deploy starts them
    owners = [json.loads(body)["metadata"]["managedFields"] for m, p, _q, body in api.seen if (m, p) == ("PATCH", DEPLOYMENT) and b"managedFields" in body]
    assert owners == [[{"manager": "helm"}]]  # or Helm's next apply would be a conflict
    assert "DROP SCHEMA" in result["msg"]


def test_a_pod_that_a_rollout_stops_is_waited_for_while_the_others_serve(api):
    world = World(api, answers=((0, TOLD), (0, TOLD)))
    world.keep()
    world.pods["gw-0"] = {"deletionTimestamp": datetime.datetime.now(datetime.UTC).isoformat()}

    def gone(handler: Handler) -> None:
        world.done.append(f"gone {world.pods.pop('gw-0', None) is not None}")
        stream({"type": "DELETED", "object": {"metadata": {"name": "gw-0"}}})(handler)

    api.script[("WATCH", PODS)] = [gone]
    result = bring_back(api)
    assert not result.get("failed"), result
    assert world.done[1] == "gone True" and sorted(world.done[2:4]) == ["delete gw-1 20", "delete gw-2 20"]
    assert any("waiting for Pod/gw-0, which is still stopping after an earlier rollout" in line for line in result["said"])


def test_an_autoscaler_gets_its_pods_back(api):
    world = World(api, replicas=None, answers=((0, TOLD), (0, TOLD)))
    world.keep()
    bring_back(api)
    assert world.done[-1] == "scale 2"


@pytest.mark.parametrize("when", ["verify", "restore"])
def test_whatever_fails_the_gateway_is_what_it_was(api, when):
    bad = (1, "restore point: the copy r-1 is damaged")
    world = World(api, answers=(bad,) if when == "verify" else ((0, TOLD), bad))
    world.keep()
    result = bring_back(api)
    assert result["failed"] and "the copy r-1 is damaged" in result["msg"]
    if when == "verify":
        assert "nothing was changed" in result["msg"] and not any(step.startswith(("scale", "delete")) for step in world.done)
    else:
        noted = world.live["metadata"]["annotations"]["oceans.llm/replicas-before-restore"]
        assert world.done[-1] == "scale 2" and "started again, unchanged" in result["msg"] and noted is None


def test_a_gateway_that_a_killed_run_has_stopped_is_started_with_its_own_number(api):
    bad = (1, "restore point: no")
    live = deployment(replicas=0, annotations={"oceans.llm/replicas-before-restore": "3"})
    world = World(api, live=live, answers=((0, TOLD), bad))
    world.keep()
    bring_back(api)
    assert world.done[-1] == "scale 3"


def test_other_encryption_keys_are_refused_before_anything_runs(api):
    world = World(api)
    name = take(api)["restore_point"]["name"]
    world.secret["OCEANS_API_KEY_SECRET_ENCRYPTION_KEY"] = "canary-other"
    before = written(api)
    result = bring_back(api)
    assert result["failed"] and "other encryption keys" in result["msg"] and name in result["msg"] and written(api) == before
    assert "canary" not in json.dumps(result)


def test_a_running_migration_is_refused(api):
    world = World(api)
    world.keep()
    pod = {"metadata": {"name": "m-1", "labels": {"batch.kubernetes.io/job-name": "m"}}, "status": {"phase": "Running"}}
    api.script[("GET", PODS)] = [objects("Pod", "5", pod)]
    result = bring_back(api)
    assert result["failed"] and "Job/m of the release is running" in result["msg"] and written(api) == []


def test_into_a_new_database_the_gateway_is_left_alone(api):
    world = World(api, answers=((0, TOLD), (0, TOLD)))
    world.keep()
    result = bring_back(api, to="beside")
    assert world.done == ["verify r-1 sha256:abc  beside", "restore r-1 sha256:abc  beside"] and not result["deploy"] and result["aside"] == ""


def test_one_that_is_not_there_is_answered_with_those_that_are(api):
    world = World(api)
    assert "this collection has taken none" in bring_back(api)["msg"]
    world.keep()
    assert "the existing ones are r-1" in bring_back(api, point="r-7")["msg"] and written(api) == []


def test_check_mode_lists_them_and_writes_nothing(api):
    world = World(api)
    world.keep()
    result = bring_back(api, check=True)
    assert "would restore pg_dump r-1" in result["msg"] and "deploy version v0.23.0" in result["msg"] and written(api) == []
    assert any(line.startswith("restore point r-1:") for line in result["said"])


def test_the_newest_is_the_latest_and_unknown_fields_are_of_a_later_version(api):
    from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster

    world = World(api)
    cluster = Cluster.connect({"host": api.url, "api_key": "t"})
    assert latest(cluster, "ns", "r") is None
    world.keep(later="x")
    world.saved["r-2"] = json.dumps({"kind": "command", "name": "r-2", "place": "p", "created": 9.0})
    assert latest(cluster, "ns", "r") == RestorePoint("command", "r-2", "p", 9.0)
