# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a row happens: its namespace, its database, the variables that its runs are given."""

from __future__ import annotations

import contextlib
import json
import pathlib
import secrets
import shutil
import threading
from collections.abc import Mapping
from typing import Any

from . import kube
from .kube import ROOT, Broken, kubectl
from .setting import Setting

RELEASE = "oc"
#: the CloudNativePG Cluster of this release
CLUSTER = f"{RELEASE}-oceans-llm-postgres"
IMAGES = "127.0.0.1:5000/oceans-llm"
OLD, NEW = "v0.23.0", "v0.24.0"
#: for psql: the newest version in the history, nothing without one
NEWEST = r"""
SELECT to_regclass('public.refinery_schema_history') IS NOT NULL AS there \gset
\if :there
SELECT coalesce(max(version), 0) FROM refinery_schema_history;
\endif
"""
#: highest schema version that these know
SCHEMA = {OLD: 43, NEW: 45}
_server_lock = threading.Lock()
_servers: set[str] = set()


class Server:
    """A PostgreSQL server of the testbed; most rows share one and have a database and a role of their own in it."""

    def __init__(self, namespace: str, size: str = "") -> None:
        self.namespace, self._size = namespace, size

    def up(self) -> None:
        with _server_lock:
            if self.namespace not in _servers:
                kubectl("wait", "--for=delete", f"namespace/{self.namespace}", "--timeout=120s", check=False)
                kube.run(ROOT / "testbed" / "database.sh", "up", self.namespace, self._size)
                _servers.add(self.namespace)

    def down(self) -> None:
        if self.namespace not in _servers:
            return  # not brought up by this run
        kube.run(ROOT / "testbed" / "database.sh", "down", self.namespace, check=False)
        _servers.discard(self.namespace)

    def psql(self, sql: str, database: str = "oceans_llm", check: bool = True) -> str:
        """As the server's superuser, in its own pod."""
        shell = 'PGPASSWORD=$POSTGRES_PASSWORD exec psql -h 127.0.0.1 -U "$POSTGRES_USER" -d "$0" -v ON_ERROR_STOP=1 -qAtf -'
        return kubectl("-n", self.namespace, "exec", "-i", "deploy/postgres", "--", "sh", "-c", shell, database, stdin=sql, check=check).strip()

    def signal(self, name: str) -> None:
        """STOP or CONT for every process of the server."""
        shell = 'for p in /proc/[0-9]*; do [ "$(cat $p/comm 2>/dev/null)" = postgres ] && kill -$0 ${p#/proc/}; done; true'
        kubectl("-n", self.namespace, "exec", "deploy/postgres", "--", "sh", "-c", shell, name)


class Primary:
    """The primary of the CloudNativePG Cluster that a row's own release makes. Asked like a :class:`Server`; as long as there is none, nothing is answered."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace

    def psql(self, sql: str, database: str = "oceans_llm", check: bool = True) -> str:
        """As the server's superuser, in its own pod."""
        found = [p for p in kube.get(self.namespace, "pod", "-l", f"cnpg.io/cluster={CLUSTER},cnpg.io/instanceRole=primary") if _ready(p)]
        if not found:
            return ""
        shell = ("-c", "postgres", "--", "psql", "-d", database, "-v", "ON_ERROR_STOP=1", "-qAtf", "-")
        return kubectl("-n", self.namespace, "exec", "-i", found[0]["metadata"]["name"], *shell, stdin=sql, check=check).strip()


def _ready(pod: Mapping[str, Any]) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return not pod["metadata"].get("deletionTimestamp") and any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def shared(suite: str = "faults") -> Server:
    """The server that the rows of a suite share."""
    return Server(f"{suite}-db")


def _server(row: Setting, own: str) -> Server:
    return Server(own, row.own_server if isinstance(row.own_server, str) else "") if row.own_server else shared(row.suite)


class Place:
    """One row's namespace and database, from :meth:`make` to :meth:`remove`."""

    def __init__(self, row: Setting, token: str, keep: bool) -> None:
        self.row, self.token, self.keep = row, token, keep
        self.name = row.id.lower().replace("_", "-")
        self.namespace = f"{row.suite}-{self.name}"
        #: the release brings a database of its own
        self.operated = row.variables.get("oceans_llm_database_mode") == "cloudnativepg"
        self.server = Primary(self.namespace) if self.operated else _server(row, f"{self.namespace}-db")
        self.database = "oceans_llm" if self.operated else f"f_{self.name.replace('-', '_')}"
        self.password = secrets.token_urlsafe(12)
        self.folder = kube.STATE / row.suite / self.name
        #: what a row's own steps want to remember
        self.notes: dict[str, Any] = {}

    def make(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        if kube.read(f"/api/v1/namespaces/{self.namespace}"):
            kubectl("delete", "namespace", self.namespace, "--ignore-not-found", "--wait=true", timeout=180)
        kube.apply(self.namespace, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace, "labels": dict(self.row.labels)}})
        if isinstance(self.server, Primary):
            return
        self.server.up()
        self.server.psql(
            f"DROP DATABASE IF EXISTS {self.database} WITH (FORCE);\nDROP ROLE IF EXISTS {self.database};\n"
            f"CREATE ROLE {self.database} LOGIN PASSWORD '{self.password}';\nCREATE DATABASE {self.database} OWNER {self.database};\n"
        )

    def remove(self) -> None:
        if self.keep:
            return
        path = f"/api/v1/namespaces/{self.namespace}"
        # a pod that ignores SIGTERM keeps its namespace for its whole grace
        for each in (path, f"{path}/pods?gracePeriodSeconds=1"):
            with contextlib.suppress(Broken):
                kube.request("DELETE", each)
        if isinstance(self.server, Primary):
            return
        if self.row.own_server:
            self.server.down()
        else:
            self.server.psql(f"DROP DATABASE IF EXISTS {self.database} WITH (FORCE);\nDROP ROLE IF EXISTS {self.database};\n", check=False)

    # --- the database, asked by psql --------------------------------------------------------------------------------

    def sql(self, text: str, check: bool = True) -> str:
        return self.server.psql(text, self.database, check=check)

    def version(self) -> int:
        """The newest version in the history; 0: no history."""
        return int(self.sql(NEWEST) or 0)

    def url(self, **other: str) -> str:
        part = {"user": self.database, "password": self.password, "host": f"postgres.{self.server.namespace}.svc", "port": "5432", "name": self.database}
        part.update(other)
        return "postgresql://{user}:{password}@{host}:{port}/{name}".format_map(part)

    # --- what a user writes -----------------------------------------------------------------------------------------

    def variables(self, version: str = NEW, row: Setting | None = None) -> dict[str, Any]:
        row = row or self.row
        values: dict[str, Any] = {
            "scheduling": {"resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "160Mi"}}},
            "gateway": {
                "drain": {"settleSeconds": 1, "timeoutSeconds": 3},
                "terminationGracePeriodSeconds": 10,
                "migrationWaiter": {"intervalSeconds": 1},
                "extraEnv": [{"name": k, "value": self.fill(v)} for k, v in row.knobs.items()],
            },
            "adminUi": {"drain": {"settleSeconds": 1}, "terminationGracePeriodSeconds": 8},
            "rollout": {"minReadySeconds": 0},
        }
        basic: dict[str, Any] = {
            "oceans_llm_kubeconfig": str(kube.KUBECONFIG),
            "oceans_llm_namespace": self.namespace,
            "oceans_llm_release": RELEASE,
            "oceans_llm_chart": str(ROOT / "charts" / "oceans-llm"),
            "oceans_llm_version": version,
            "oceans_llm_gateway_image": f"{IMAGES}/gateway",
            "oceans_llm_admin_ui_image": f"{IMAGES}/admin-ui",
            "oceans_llm_secrets": {} if self.operated else {"POSTGRES_URL": self.url()},
            "oceans_llm_timeout": row.timeout,
            "oceans_llm_report_dir": str(self.folder / "report"),
            "oceans_llm_report_always": True,
            "oceans_llm_preflight_waive": list(row.waive),
        }
        return merged({**basic, "oceans_llm_values": merged(values, self.fill(row.values))}, self.fill(row.variables))

    def base_variables(self, version: str = OLD) -> dict[str, Any]:
        """Of the healthy release that a row begins with, the old version before an upgrade: without the fault."""
        plain = Setting(self.row.id, self.row.title, suite=self.row.suite)
        return merged(self.variables(version, plain), self.fill(self.row.base))

    def fill(self, data: Any) -> Any:
        """``@NS@``, ``@URL@``, ``@TOKEN@`` (this run of the suite), ``@ROW@``, ``@DB@``, ``@FOLDER@`` in texts."""
        if isinstance(data, str):
            names = {
                "NS": self.namespace,
                "URL": self.url(),
                "TOKEN": self.token,
                "ROW": self.name,
                "DB": self.database,
                "FOLDER": str(self.folder),
                "PASSWORD": self.password,
                "SERVER": self.server.namespace,
            }
            for name, value in names.items():
                data = data.replace(f"@{name}@", value)
            return data
        if isinstance(data, Mapping):
            return {self.fill(k): self.fill(v) for k, v in data.items()}
        return [self.fill(v) for v in data] if isinstance(data, (list, tuple)) else data

    # --- the cluster, asked by kubectl ------------------------------------------------------------------------------

    def secret(self, name: str, **data: str) -> None:
        kube.apply(self.namespace, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data})

    def helm(self, *arguments: str) -> str:
        return kube.run(kube.STATE / "bin" / "helm", "--kubeconfig", kube.KUBECONFIG, "-n", self.namespace, *arguments)

    def release_status(self) -> str:
        """Of the newest revision, from Helm's own record; empty: there is none."""
        found = kube.get(self.namespace, "secret", "-l", f"owner=helm,name={RELEASE}")
        newest = max(found, key=lambda s: int(s["metadata"]["labels"]["version"]), default=None)
        return str(newest["metadata"]["labels"]["status"]) if newest else ""

    def revisions(self) -> int:
        return len(kube.get(self.namespace, "secret", "-l", f"owner=helm,name={RELEASE}"))

    def served(self) -> str:
        """The version that answers through the Service; empty: none does."""
        path = f"/api/v1/namespaces/{self.namespace}/services/http:{RELEASE}-oceans-llm-gateway:8080/proxy/api/v1/health"
        try:
            return str(json.loads(kubectl("get", "--raw", path, timeout=20))["version"])
        except (Broken, ValueError, KeyError):
            return ""

    def reports(self) -> list[pathlib.Path]:
        return sorted((self.folder / "report").glob("*/report.json"), key=lambda p: p.stat().st_mtime)


def merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Maps deep, lists appended, all else replaced; None stays (it takes a chart's default away)."""
    found = dict(one)
    for key, value in other.items():
        if isinstance(value, Mapping) and isinstance(found.get(key), Mapping):
            found[key] = merged(found[key], value)
        elif isinstance(value, list) and isinstance(found.get(key), list) and key == "extraEnv":
            found[key] = [*found[key], *value]
        else:
            found[key] = value
    return found
