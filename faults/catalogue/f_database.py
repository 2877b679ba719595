# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""F: database and migration."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

from .. import kube, registry
from ..kube import kubectl
from ..place import RELEASE, Place
from ..play import Play
from ..row import ENGINE_ROLES, INSTALL, PREFLIGHT, UPGRADE, Row
from ..signals import event, exited, job_failed, running

JOB_EXITS = exited("migrate")


def _secrets(url: str) -> dict[str, object]:
    return {"oceans_llm_secrets": {"POSTGRES_URL": url}}


def _proxied(name: str, port: int) -> dict[str, Any]:
    """A pod with a Service, for a database that is behind something else; nobody listens in it."""
    labels = {"app": name}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {
                    "name": "proxy",
                    "image": "127.0.0.1:5000/oceans-llm/gateway:v0.24.0",
                    "securityContext": {"runAsUser": 10001},
                    "command": ["python3", "-c", SILENT if name == "hole" else "import time; time.sleep(3600)"],
                    "resources": {"requests": {"cpu": "5m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
                }
            ],
        },
    }


#: takes connections and never says a word
SILENT = "import socket, time; s = socket.create_server(('', 5432)); c = []\nwhile True: c.append(s.accept())"


def _stands_behind(name: str) -> Callable[[Place], None]:
    def make(place: Place) -> None:
        service = {"selector": {"app": name}, "ports": [{"name": "pg", "port": 5432}]}
        kube.apply(place.namespace, {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": service}, _proxied(name, 5432))
        kubectl("-n", place.namespace, "wait", "--for=condition=Ready", f"pod/{name}", "--timeout=60s")

    return make


def _no_create(place: Place) -> None:
    place.sql(f"ALTER DATABASE {place.database} OWNER TO oceans; REVOKE ALL ON SCHEMA public FROM PUBLIC; GRANT USAGE ON SCHEMA public TO {place.database};")


def _read_only(place: Place) -> None:
    place.sql(f"ALTER DATABASE {place.database} SET default_transaction_read_only = on;")


def _no_connections(place: Place) -> None:
    place.sql(f"ALTER ROLE {place.database} CONNECTION LIMIT 0;")


def _fill_up(place: Place) -> None:
    """Not a byte is left on the server's volume."""
    place.version()  # the first session of a database writes a file
    shell = 'cat /dev/zero > "$PGDATA/../filler" 2> /dev/null; sync'
    kubectl("-n", place.server.namespace, "exec", "deploy/postgres", "--", "sh", "-c", shell)


def _make_room(place: Place, play: Play) -> None:
    """Sooner or later a full server takes no session at all, and psql is asked after the run."""
    play.until(r"FAILED |PLAY RECAP", 200)
    kubectl("-n", place.server.namespace, "exec", "deploy/postgres", "--", "sh", "-c", 'rm "$PGDATA/../filler"')


def _in_the_way(place: Place) -> None:
    """The table that V44 wants to make is there already."""
    place.sql(f"SET ROLE {place.database}; CREATE TABLE session_findings (id int);")


def _poison(place: Place) -> None:
    """A row that V43 stumbles over, in a database at V41: two versions back in history, as an old backup has it."""
    place.sql(
        "DELETE FROM refinery_schema_history WHERE version > 41; ALTER TABLE answered_requests DROP CONSTRAINT recalled_within_asked;"
        "INSERT INTO answered_requests (model, words_asked, words_recalled) VALUES ('any', 1, 2);"
    )


def _hold_lock(seconds: float) -> Callable[[Place], None]:
    """A session of its own that keeps a lock on what V45 has to change; V44 makes that table, so it is made here as V44 would."""

    def make(place: Place) -> None:
        hold = f"SET application_name = 'nightly-report'; BEGIN; LOCK TABLE answered_requests IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep({seconds}); COMMIT;"
        threading.Thread(target=place.sql, args=(hold, False), daemon=True).start()
        held = "SELECT count(*) FROM pg_locks WHERE relation = 'answered_requests'::regclass AND mode = 'AccessExclusiveLock' AND granted;"
        kube.until(lambda: place.sql(held) != "0", 20, "the session of the test did not get the lock")

    return make


def _lock_away(place: Place, play: Play) -> list[str]:
    place.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'nightly-report' AND datname = current_database();", check=False)
    return []


def _unlock(place: Place, play: Play) -> None:
    """Six seconds after it was said who is in the way."""
    play.until("nightly-report", 120)
    time.sleep(6)
    _lock_away(place, play)


def _at_41(place: Place) -> None:
    """The database goes back to V41: V42 changes answered_requests, on which the lock is."""
    place.sql("DELETE FROM refinery_schema_history WHERE version > 41; ALTER TABLE answered_requests DROP CONSTRAINT recalled_within_asked;")


def _lock_at_41(seconds: float) -> Callable[[Place], None]:
    def make(place: Place) -> None:
        _at_41(place)
        _hold_lock(seconds)(place)

    return make


def _other_history(place: Place) -> None:
    place.sql("UPDATE refinery_schema_history SET checksum = 'V20__other.sql' WHERE version = 20;")


def _second_migrator(place: Place, play: Play) -> None:
    """A pod with the Job's own template, at the same time."""
    play.until(r"Job/\S+ is running", 90)
    job = json.loads(kubectl("-n", place.namespace, "get", "job", f"{RELEASE}-oceans-llm-migrate", "-o", "json"))
    template = job["spec"]["template"]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "second-migrator"}, "spec": template["spec"]}
    kube.apply(place.namespace, pod)


def _first_migrator(place: Place) -> None:
    """A migrator of somebody else is in the middle of V17 when the run begins: its transaction has made the history table."""
    first = (
        "BEGIN; CREATE TABLE refinery_schema_history (version bigint PRIMARY KEY, name text, applied_on bigint, checksum text); SELECT pg_sleep(14); ROLLBACK;"
    )
    threading.Thread(target=place.sql, args=(f"SET ROLE {place.database}; {first}", False), daemon=True).start()
    time.sleep(1)


def _delete_old_pod(place: Place, play: Play) -> None:
    """An old pod goes while the database is newer already."""
    play.until(r"Job/\S+ is complete", 120)
    old = [
        p
        for p in kube.get(place.namespace, "pod", "-l", "app.kubernetes.io/component=gateway")
        if p["spec"]["containers"][0]["image"].endswith("v0.23.0") and not p["metadata"].get("deletionTimestamp")
    ]
    kubectl("-n", place.namespace, "delete", "pod", old[0]["metadata"]["name"], "--wait=false", "--grace-period=1")


def _no_phantom(place: Place, play: Play) -> list[str]:
    version = place.version()
    return [f"a migration ran after the line FAILED: the database is at V{version}"] if version else []


def _newer_at_44(place: Place, play: Play) -> list[str]:
    return [] if place.version() == 44 else [f"psql shows V{place.version()}, but the fault had to leave V44"]


ROWS = (
    Row(
        "F1",
        "a wrong password",
        "DatabaseAuth",
        1.5,
        variables=_secrets("postgresql://@DB@:wrong@postgres.@SERVER@.svc:5432/@DB@"),
        signal=JOB_EXITS,
        says=("28P01", "@DB@|password", "POSTGRES_URL"),
        on=(INSTALL, UPGRADE),
        quick=True,
        compare=True,
    ),
    Row(
        "F2",
        "a database host that does not exist",
        "DatabaseHostUnknown",
        variables=_secrets("postgresql://u:p@no-such-host.example.invalid:5432/d"),
        signal=JOB_EXITS,
    ),
    Row(
        "F2b",
        "the database server refuses the connection",
        "DatabaseSilent",
        named="refuse",
        variables=_secrets("postgresql://u:p@closed.@NS@.svc:5432/d"),
        prepare=_stands_behind("closed"),
        signal=running("migrate"),
        timeout=25,
        declared_within=60,
        says=("refuse",),
        takes=60,
    ),
    Row(
        "F2c",
        "a database server that accepts the connection and does not answer",
        "DatabaseSilent",
        named="gives no answer",
        variables=_secrets("postgresql://u:p@hole.@NS@.svc:5432/d"),
        prepare=_stands_behind("hole"),
        signal=running("migrate"),
        timeout=25,
        declared_within=60,
        says=("gives no answer",),
        takes=60,
    ),
    Row(
        "F3",
        "a database that does not exist",
        "DatabaseMissing",
        1.5,
        variables=_secrets("postgresql://@DB@:@PASSWORD@@postgres.@SERVER@.svc:5432/nope"),
        signal=JOB_EXITS,
        says=("3D000", "nope"),
        compare=True,
    ),
    Row("F3b", "a PostgreSQL role that may not create tables", "DatabasePermission", 1.5, prepare=_no_create, signal=JOB_EXITS, says=("42501", "public")),
    Row(
        "F4",
        "a migration fails because its table exists already",
        "MigrationFailed",
        1.5,
        prepare=_in_the_way,
        signal=JOB_EXITS,
        on=(UPGRADE,),
        says=("V44", "42P07", "rolled back", "at V43|still at the version before it"),
    ),
    Row(
        "F4p",
        "a migration fails on a row that violates its constraint",
        "MigrationFailed",
        1.5,
        prepare=_poison,
        signal=JOB_EXITS,
        on=(UPGRADE,),
        says=("V43", "23514", "rolled back", "at V42"),
        quick=True,
    ),
    Row("F4i", "a migration fails on first install", "MigrationFailed", 1.5, knobs={"STANDIN_MIGRATION_FAIL": "30"}, signal=JOB_EXITS, says=("V30", "at V29")),
    Row(
        "F4c",
        "one migration is committed, and the next migration fails",
        "MigrationFailed",
        1.5,
        knobs={"STANDIN_MIGRATION_FAIL": "45"},
        signal=JOB_EXITS,
        on=(UPGRADE,),
        says=("V45", "at V44", "v0.23.0.*(refuse|cannot|not)|do not restart"),
        check=_newer_at_44,
    ),
    Row(
        "F5",
        "a migration waits for a lock",
        "MigrationWaits",
        named="nightly-report|waits for a lock",
        prepare=_lock_at_41(240),
        check=_lock_away,
        signal=running("migrate"),
        on=(UPGRADE,),
        timeout=30,
        declared_within=60,
        says=("V42", "nightly-report", r"pid|process \d+"),
        takes=80,
    ),
    Row(
        "F5r",
        "a migration waits for a lock that is released after some time",
        prepare=_lock_at_41(240),
        beside=_unlock,
        on=(UPGRADE,),
        says=("nightly-report",),
        takes=70,
    ),
    Row("F6", "the database is read-only", "DatabaseReadOnly", 1.5, prepare=_read_only, signal=JOB_EXITS, says=("25006",)),
    Row(
        "F6d",
        "the database's disk is full",
        "DatabaseFull",
        1.5,
        own_server="100Mi",
        prepare=_fill_up,
        beside=_make_room,
        signal=JOB_EXITS,
        on=(UPGRADE,),
        says=("53100", "No space left on device"),
        takes=60,
    ),
    Row(
        "F6c",
        "the database server has no free connection",
        "DatabaseConnections",
        5,
        named="53300",
        prepare=_no_connections,
        signal=running("migrate"),
        timeout=30,
        declared_within=100,
        says=("53300",),
        takes=60,
    ),
    Row("F7", "the migration runs out of memory", "OOMKilled", 1.5, knobs={"STANDIN_MEMORY": "migrate-apply:400"}, signal=JOB_EXITS, says=("160Mi", "migrate")),
    Row(
        "F7b",
        "the migration Job exceeds activeDeadlineSeconds",
        "JobDeadline",
        1.5,
        knobs={"STANDIN_MIGRATION_SLOW": "30:120"},
        values={"migrations": {"activeDeadlineSeconds": 10}},
        declared_within=40,  # its controller has given its pod the whole grace of 30 s
        signal=job_failed,
        says=("V30", "10 s"),
        takes=50,
    ),
    Row("F8", "two migration Jobs at the same time", beside=_second_migrator, knobs={"STANDIN_MIGRATION_SLOW": "20:4"}, takes=60),
    Row("F8b", "another migration Job has already applied the migrations", prepare=_first_migrator, takes=60),
    Row(
        "F10",
        "an image that is older than the database (preflight)",
        "ImageOlderThanDatabase",
        2,
        by=PREFLIGHT,
        variables={"oceans_llm_version": "v0.23.0"},
        base={"oceans_llm_version": "v0.24.0"},
        on=(UPGRADE,),
        says=("V45", "newer"),
    ),
    Row(
        "F10e",
        "an image that is older than the database (without preflight)",
        "ImageOlderThanDatabase",
        1.5,
        roles=ENGINE_ROLES,
        variables={"oceans_llm_version": "v0.23.0"},
        base={"oceans_llm_version": "v0.24.0"},
        on=(UPGRADE,),
        signal=JOB_EXITS,
        old_serve=False,
        says=("V44|V45", "older"),
    ),
    Row(
        "F11",
        "an old pod restarts on the newer schema",
        on=(UPGRADE,),
        base={"oceans_llm_replicas": 2},
        variables={"oceans_llm_replicas": 2},
        knobs={"STANDIN_SLOW_START": "serve:15"},
        beside=_delete_old_pod,
        says=("old version was recreated and cannot start; 1 old pod",),
        takes=90,
    ),
    Row(
        "F12",
        "the migration history of the database contains a migration of a fork of the gateway; the role runs preflight",
        "MigrationHistoryForeign",
        2,
        by=PREFLIGHT,
        prepare=_other_history,
        on=(UPGRADE,),
        says=("V20",),
    ),
    Row(
        "F12e",
        "the migration history of the database contains a migration of a fork of the gateway; the role runs without preflight",
        "MigrationHistoryForeign",
        1.5,
        roles=ENGINE_ROLES,
        prepare=_other_history,
        on=(UPGRADE,),
        signal=JOB_EXITS,
        says=("V20",),
    ),
    Row(
        "F17",
        "Kubernetes deletes the migration Job 5 s after its end",
        values={"migrations": {"ttlSecondsAfterFinished": 5}},
        knobs={"STANDIN_SLOW_START": "serve:12"},
        says=("V45",),
        takes=60,
    ),
    Row(
        "F18",
        "the migration Job's image appears in the registry 30 s after the run failed",
        "ImageNotFound",
        3,
        variables={"oceans_llm_gateway_image": registry.image("late30")},
        signal=event("Failed", "pull"),
        watch_after=60,
        check=_no_phantom,
        takes=95,
        quick=True,
    ),
)
