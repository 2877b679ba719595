# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of the database and of the old pods; and which objects a rollout is about."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.oceans.llm.plugins.plugin_utils.helm import releases
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import statements
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.model import Scope
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.scope import also_watched, scope_of

from .test_causes import deployment, line, obj, pod, ready, replicaset, said, snapshot, stamp

JOBS = Scope((), ("r-migrate",), "ns", "rel")
DONE = {"conditions": [{"type": "Complete", "status": "True"}]}


def migration(text="", job_status=None, ran=True, labels=None):
    status = {"name": "migrate", "state": {"terminated": {"exitCode": 1}} if ran else {"waiting": {"reason": "ErrImagePull"}}}
    worker = obj(
        "Pod",
        "r-migrate-a1b2c",
        "r-migrate",
        spec={"containers": [{"name": "migrate"}]},
        status={"phase": "Failed" if ran else "Pending", "containerStatuses": [status]},
    )
    job = obj("Job", "r-migrate", spec={}, status=job_status or {}, metadata={"labels": labels or {}})
    return snapshot(job, worker, scope=JOBS, logs={("r-migrate-a1b2c", "migrate"): text} if text else {})


OPENING = "failed opening postgres connection pool for migrations"
UNKNOWN = (
    "database state unknown: the log of the migration does not show it, and the database was not queried "
    "(to find out: ansible-playbook -i INVENTORY oceans.llm.migrations)"
)
BOTH = f"{line(44, 'a', 'begin')}\n{line(44, 'a', 'commit')}\n{line(45, 'b', 'begin')}\n"


@pytest.mark.parametrize(
    ("picture", "statement"),
    [
        (snapshot(scope=Scope(("web",), (), "ns", "rel")), "database: no migration in this run"),
        (snapshot(scope=JOBS), "database unchanged: the migration never started"),
        (migration(ran=False), "database unchanged: the migration never started"),
        (migration(said("x", OPENING, "error returned from database: password authentication failed")), "database unchanged: no migration began"),
        (migration(said("x", OPENING, "pool timed out while waiting for an open connection")), "database unchanged: no migration began"),
        (migration(said("x", "required environment variable `POSTGRES_URL` is not set")), "database unchanged: no migration began"),
        (migration(said("x", "failed starting postgres transaction for migration 30", "pool timed out")), UNKNOWN),
        (migration(BOTH + line(45, "b", "rollback")), "database: migration V45 b was rolled back, database at V44 (V44 committed in this run)"),
        (migration(f"{line(45, 'b', 'begin')}\n{line(45, 'b', 'rollback')}"), "database: migration V45 b was rolled back, still at the version before it"),
        (
            migration(BOTH),
            "database: migration V45 b began and was not committed; PostgreSQL rolls it back when the client disconnects; database at V44",
        ),
        (migration(BOTH + line(45, "b", "commit"), DONE), "database at V45 (V44–V45 committed in this run)"),
        (migration(BOTH + line(45, "b", "commit")), "database at V45 (V44–V45 committed in this run); not all migrations were finished"),
        (
            migration("backend: postgres\nv17 baseline [applied]\nv18 x [applied]\n", DONE),
            "database at V18; it is not known whether this run migrated the database (the database was not queried)",
        ),
        (migration("v17 baseline [applied]\nv18 x [pending]\n"), "database at V17, 1 migrations pending"),
        (replace(migration(), logs={("r-migrate-a1b2c", "migrate"): ""}), UNKNOWN),
        (migration(), UNKNOWN),
        (snapshot(obj("Job", "r-migrate", spec={}, status=DONE), scope=JOBS), UNKNOWN),
        (snapshot(obj("Job", "r-migrate", spec={}, status={"failed": 1}), scope=JOBS), UNKNOWN),
        (migration(said("failed applying postgres migration 30", "x", "error returned from database: division by zero")), UNKNOWN),
    ],
)
def test_the_database_is_read_never_guessed(picture, statement):
    assert statements.database(picture) == statement


def with_history(picture, before, now, before_at=0.0, unasked=""):
    facts = {"history_before": before, "history_now": now, "before_at": before_at, "unasked": unasked}
    return replace(picture, objects={**picture.objects, "Facts": {"database": facts}})


SILENT, RESULTS = replace(migration(), logs={("r-migrate-a1b2c", "migrate"): ""}), "v17 x [applied]\nv18 x [applied]\n"
FAILED = migration(said("failed applying postgres migration 30", "x", "error returned from database: division by zero"))


@pytest.mark.parametrize(
    ("picture", "before", "now", "statement"),
    [
        # RUST_LOG=error: the log has the results, or nothing, or the last error only
        (SILENT, (), tuple(range(17, 30)), "database at V29 (V17–V29 committed in this run); not all migrations were finished"),
        (SILENT, (17, 18), (17, 18), "database unchanged: at V18"),
        (SILENT, (), (), "database unchanged: without a schema"),
        (SILENT, None, (17, 18), "database at V18; it is not known whether this run migrated the database"),
        (FAILED, (17,), (17, 18, 19), "database at V19 (V18–V19 committed in this run); not all migrations were finished"),
        (migration(RESULTS, DONE), (), (17, 18), "database at V18 (V17–V18 committed in this run)"),
        (migration(RESULTS, DONE), (17, 18), (17, 18), "database at V18, no migration was pending"),
        (snapshot(obj("Job", "r-migrate", spec={}, status=DONE), scope=JOBS), (17,), (17, 18), "database at V18 (V18 committed in this run)"),
        # the log ends before the end: what the history has is committed
        (migration(BOTH), (43,), (43, 44, 45), "database at V45 (V44–V45 committed in this run); not all migrations were finished"),
        # a history that was read while the migration ran: a commit in the log is newer
        (migration(BOTH + line(45, "b", "commit"), DONE), (43,), (43,), "database at V45 (V44–V45 committed in this run)"),
        (migration(BOTH + line(45, "b", "commit"), DONE), (43,), (43, 44), "database at V45 (V44–V45 committed in this run)"),
        (
            migration(BOTH),
            None,
            (43, 44),
            "database: migration V45 b began and was not committed; PostgreSQL rolls it back when the client disconnects; database at V44",
        ),
    ],
)
def test_what_the_log_does_not_tell_the_history_does(picture, before, now, statement):
    assert statements.database(with_history(picture, before, now)) == statement


def test_a_history_that_was_read_after_the_migration_began_is_none_from_before():
    picture = migration(RESULTS, DONE)
    state = picture.objects["Pod"]["r-migrate-a1b2c"]["status"]["containerStatuses"][0]["state"]["terminated"]
    state["startedAt"] = stamp(30)
    late = with_history(picture, (17, 18), (17, 18), before_at=picture.now - 20)
    assert statements.database(late) == "database at V18; it is not known whether this run migrated the database"
    assert "no migration was pending" in statements.database(with_history(picture, (17, 18), (17, 18), before_at=picture.now - 31))


def test_why_the_database_was_not_asked_is_said():
    text = statements.database(with_history(SILENT, None, None, unasked="the Python package pg8000 is not installed"))
    assert text.startswith("database state unknown") and "could not be queried: the Python package pg8000 is not installed" in text


def test_the_history_is_asked_where_the_log_does_not_tell():
    assert statements.told_by_logs(snapshot(scope=JOBS)) and statements.told_by_logs(migration(ran=False))
    assert statements.told_by_logs(migration(BOTH + line(45, "b", "commit"), DONE))
    assert not statements.told_by_logs(SILENT) and not statements.told_by_logs(migration(RESULTS, DONE)) and not statements.told_by_logs(migration(BOTH))


def test_what_somebody_else_did_long_ago_is_not_claimed_for_this_run():
    """Role `wait` on a release of yesterday: its Job may be gone with its TTL, and its migration was not this run's."""
    theirs = replace(JOBS, ours=False)
    assert statements.database(snapshot(scope=theirs)).startswith("database state unknown: the migration Job of this release was deleted")
    gone = with_history(snapshot(scope=theirs), (17,), (17,))
    assert statements.database(gone) == "database at V17 (the migration Job of this release was deleted after its TTL)"
    kept = replace(migration(BOTH + line(45, "b", "commit"), DONE), scope=theirs)
    assert statements.database(kept) == "database at V45 (V44–V45 committed by this release's Job)"


def test_a_log_outlives_its_pod():
    """A Job that its TTL removed: what was read before counts."""
    picture = snapshot(scope=JOBS, logs={("r-migrate-zzzzz", "migrate"): BOTH + line(45, "b", "commit")})
    assert statements.database(picture).startswith("database at V45")


def test_old_pods_are_those_from_before_the_run():
    old = replicaset("web-0", revision="0")
    before = [pod(f"web-0-{n}", "web-0", ago=600, status={"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}) for n in range(2)]
    lost = pod("web-0-2", "web-0", ago=600)
    fresh = ready("web-1-a")
    picture = snapshot(deployment(), replicaset(), old, *before, lost, fresh)
    assert statements.old_pods_statement(picture) == "old pods: 2 of Deployment/web still serve (b:v1)"
    assert statements.old_pods_statement(snapshot(deployment(), replicaset(), fresh)) == "no old pods: this is the first install"
    assert statements.old_pods_statement(snapshot(deployment(), replicaset(), old, lost, fresh)) == "old pods: none of Deployment/web serves (1 exists)"
    was = {**deployment(), "metadata": {**deployment()["metadata"], "creationTimestamp": stamp(900)}}
    assert statements.old_pods_statement(snapshot(was, replicaset(), fresh)) == "old pods: none exists any more"


def test_a_failed_first_install_says_that_its_database_is_kept():
    scope = Scope(("web",), (), "ns", "rel", custom=(("Cluster", "pg"), ("ExternalSecret", "env")))
    said_of = statements.old_pods_statement(snapshot(deployment(), obj("Cluster", "pg"), obj("ExternalSecret", "env"), scope=scope))
    assert said_of == "no old pods: this is the first install; Cluster/pg and its volumes are kept"
    assert statements.old_pods_statement(snapshot(deployment(), scope=scope)) == "no old pods: this is the first install"
    assert statements.old_pods_statement(snapshot(deployment(), scope=replace(scope, ours=False))) == "no old pods"  # another tool's run


MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: env}
spec: {target: {name: web-env}}
---
apiVersion: postgresql.cnpg.io/v1
kind: Cluster
metadata: {name: pg}
---
apiVersion: cluster.x-k8s.io/v1beta1
kind: Cluster
metadata: {name: not-a-database}
"""


def test_a_release_says_what_belongs_to_its_rollout():
    body = {
        "name": "r",
        "namespace": "ns",
        "manifest": MANIFEST,
        "hooks": [{"manifest": "kind: Job\nmetadata: {name: web-migrate}", "events": ["post-install"]}],
    }
    release = releases.parse(body)
    scope = scope_of(release, "ns", "r")
    assert scope.deployments == ("web",) and scope.jobs == ("web-migrate",)
    assert scope.custom == (("ExternalSecret", "env"), ("Cluster", "pg"))
    assert scope.promised["web-env"] == "ExternalSecret/env" and scope.promised["pg-app"] == "Cluster/pg" and "not-a-database-app" not in scope.promised
    assert scope_of(release, "ns", "r", hooks=False).jobs == ()
    watched = {kind: (what.path, dict(what.query)) for kind, what in also_watched(release, "ns", "r").items()}
    assert watched == {
        "Release": ("/api/v1/namespaces/ns/secrets", {"labelSelector": "owner=helm,name=r"}),
        "EndpointSlice": ("/apis/discovery.k8s.io/v1/namespaces/ns/endpointslices", {}),
        "ExternalSecret": ("/apis/external-secrets.io/v1/namespaces/ns/externalsecrets", {}),
        "Cluster": ("/apis/postgresql.cnpg.io/v1/namespaces/ns/clusters", {}),
    }
