# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The database against the image that is to work on it: newer than the image, another history, a login that is refused. Pure.

The image itself cannot be asked before the first write, a pod would have to be made for it. But the history of migrations
can be read (ask_database.py), and which versions a release of the gateway knows is fixed for ever (gateway/schema.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...gateway import schema
from ...kube.endpoints import is_own
from ...secrets.pod_env import containers
from ..ask_database import target
from ..facts import Database, Picture, gateway_container, pod_templates
from ..finding import ERROR, WARNING, Finding

#: containers of the chart
OWN = ("gateway", "wait-for-migrations", "migrate")
#: SQLSTATE of a refused login (PostgreSQL documentation, appendix A) -> code
LOGIN = {"28P01": "DatabaseAuth", "28000": "DatabaseAuth", "3D000": "DatabaseMissing"}


def find(picture: Picture) -> Iterator[Finding]:
    yield from _way(picture)
    database = picture.database
    if database is None or database.unknown:
        return
    if database.sqlstate:
        if database.sqlstate in LOGIN:
            text = f"{database.where} refuses the login with the URL that the pods will use: {database.refusal} (SQLSTATE {database.sqlstate})"
            hint = "correct user, password and database name in the URL, or the server's pg_hba.conf"
            yield Finding(LOGIN[database.sqlstate], "database", text, hint, WARNING)
        return
    severity = ERROR if _migrates(picture) else WARNING  # a gateway that only serves never looks at the history
    image = _image(picture)
    if not database.history:
        yield from _foreign(database, image, severity)
    yield from _older_image(database, image, severity)
    yield from _other_history(database, severity)


def _way(picture: Picture) -> Iterator[Finding]:
    """What the URL names in the pod itself: a server that no container of it is, and a file that no volume holds."""
    where, found = target(picture), gateway_container(picture.objects)
    if where is None or found is None:
        return
    name, container, spec = found
    beside = [c for c in containers(spec) if c.get("name") not in OWN]
    if not beside and (where.host.startswith("/") or is_own(where.host)):
        what = f"the URL points to {where.host or 'localhost'}, which is the gateway's own pod, and no other container runs in it"
        yield Finding("DatabaseUnreachable", "database", what, "set the host in the URL to the Service or the DNS name of the database", WARNING)
    mounted = [str(mount.get("mountPath") or "").rstrip("/") for mount in container.get("volumeMounts") or ()]
    if where.authority.startswith("/") and not any(f"{where.authority}/".startswith(f"{path}/") for path in (*mounted, "/etc/ssl")):
        what = f"the URL names the certificate authority {where.authority}, and no volume is mounted there in {name}"
        yield Finding("DatabaseTls", "database", what, "mount the file with oceans_llm_extra_volumes and oceans_llm_extra_volume_mounts", WARNING)


def _foreign(database: Database, image: str, severity: str) -> Iterator[Finding]:
    release = schema.release_of(image)
    later = schema.LATER if release is not None and release <= schema.LAST else ()
    tables = [table for table in database.tables if table not in later]
    if tables:
        text = f"{database.where} holds tables of an application ({', '.join(tables)}) and no migration history, so the gateway refuses the database"
        hint = "name another database in the URL, or restore the table refinery_schema_history from a backup"
        yield Finding("DatabaseForeign", "database", text, hint, severity)


def _older_image(database: Database, image: str, severity: str) -> Iterator[Finding]:
    known = schema.newest(schema.release_of(image))
    at = max((version for version, _name, _checksum in database.history), default=0)
    if known is None or at <= known.version:
        return
    forward = schema.release_for(at)
    limit = f"this release of the gateway accepts at most V{known.version}"
    if not known.sure:
        limit = f"the neighbouring releases accept at most V{known.version} (this collection does not know this patch release)"
    what = f"the database schema is at V{at}, and {limit}; the gateway refuses a newer schema"
    newer = f"{forward} or later" if forward else "the release that migrated the database, or a later release"
    hint = f"deploy {newer}, or restore a backup from before that migration"
    yield Finding("ImageOlderThanDatabase", f"image {image}", what, hint, severity if known.sure else WARNING)


def _other_history(database: Database, severity: str) -> Iterator[Finding]:
    first, names = schema.FIRST, schema.NAMES
    for version, name, checksum in database.history:
        if not first <= version < first + len(names):
            continue
        expected, file = names[version - first], f"V{version}__{names[version - first]}.sql"
        if (name, checksum) != (expected, file):
            what = f"migration V{version} is {name} ({checksum}) in the database and {expected} ({file}) in the gateway"
            look = "SELECT version, name, applied_on FROM refinery_schema_history"
            hint = f"do not migrate; find out who wrote this row: {look}; then restore a backup, or correct the row"
            severity = severity if version <= schema.NEWEST[-1][1] else WARNING  # the names of a release to come may still change
            yield Finding("MigrationHistoryForeign", "database", f"{what}: the history was edited, or another fork of the gateway wrote it", hint, severity)
            return  # the gateway stops at the first one, too


def _image(picture: Picture) -> str:
    found = gateway_container(picture.objects)
    return str(found[1].get("image") or "") if found else ""


def _migrates(picture: Picture) -> bool:
    """True when a pod of the release runs `gateway migrate`: the Job, or the waiter in front of the gateway."""
    for _where, template in pod_templates(picture.objects):
        for container in containers(template["spec"]):
            words = " ".join(str(word) for word in (*(container.get("command") or ()), *(container.get("args") or ())))
            if re.search(r"\bmigrate\b", words):
                return True
    return False
