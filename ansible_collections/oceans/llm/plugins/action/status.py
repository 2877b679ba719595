# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of oceans.llm.status: what is deployed, served and stored, on one screen. Changes nothing that is deployed."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.oceans.llm.plugins.plugin_utils.action_base import ClusterAction
from ansible_collections.oceans.llm.plugins.plugin_utils.gateway import one_off_job, one_off_run
from ansible_collections.oceans.llm.plugins.plugin_utils.helm import lock, releases
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.releases import Release
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import ApiError, Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import post_check, status_lines
from ansible_collections.oceans.llm.plugins.plugin_utils.secrets import pod_env

DEADLINE = 45  # seconds for the question to the database


class ActionModule(ClusterAction):
    """Read, and show."""

    ARGUMENTS = {
        "name": {"type": "str", "required": True},
        "namespace": {"type": "str", "required": True},
        "database": {"type": "bool", "default": True},
        "revisions": {"type": "int", "default": 5},
    }

    def act(self, args: dict[str, Any], cluster: Cluster) -> dict[str, Any]:
        ns = args["namespace"]
        cluster.get(paths.VERSION)
        found = cluster.list(paths.secrets(ns), labelSelector=f"owner=helm,name={args['name']}")["items"]
        newest = sorted(found, key=lambda s: -int(s["metadata"]["labels"].get("version", 0)))[: args["revisions"]]
        revisions = [releases.decode(s) for s in newest]
        status = self._status(args, cluster, revisions) if revisions else status_lines.Status(now=cluster.now())
        screen = list(status_lines.lines(status))
        for line in screen:
            self.say(line)
        return {"changed": False, "screen": screen, **status_lines.facts(status)}

    def _status(self, args: dict[str, Any], cluster: Cluster, revisions: list[Release]) -> status_lines.Status:
        ns, release = args["namespace"], revisions[0]
        deployments = [d for n in releases.names(release.manifest, "Deployment") if (d := cluster.find(paths.deployment(ns, n)))]
        pods = cluster.list(paths.pods(ns), labelSelector=f"app.kubernetes.io/instance={args['name']}")["items"]
        gateway = next((d for d in deployments if (d["metadata"].get("labels") or {}).get(post_check.COMPONENT) == "gateway"), None)
        names = sorted({n for d in deployments for n in pod_env.secret_names(d["spec"]["template"]["spec"])})
        secrets = {n: cluster.find(paths.secret(ns, n)) for n in names}
        for secret in secrets.values():
            self.redactor.learn_secret(secret or {})
        version, ready = self._served(cluster, release)
        record = cluster.find(paths.configmap(ns, f"{args['name']}-bootstrap")) or {}
        held = ""
        try:
            lock.Lock(cluster, ns, args["name"], lambda _line: None).look()
        except lock.Held as error:
            held = str(error)
        return status_lines.Status(
            now=cluster.now(),
            revisions=revisions,
            served=version,
            ready=ready,
            deployments=deployments,
            pods=pods,
            database=self._database(args, cluster, gateway),
            secrets=secrets,
            bootstrap=record.get("data") or {},
            held=held,
        )

    @staticmethod
    def _served(cluster: Cluster, release: Release) -> tuple[str, str]:
        """(version, readiness) as a user of the Service gets them; empty when nothing answers."""
        service = post_check.gateway_service(release.manifest)
        if service is None:
            return "", ""
        code, _headers, text = cluster.service_request(release.namespace, *service, "/api/v1/health")
        try:
            version = f"version {json.loads(text)['version']}" if code == 200 else ""
        except (ValueError, KeyError, TypeError):
            version = ""
        if not version:
            return "", ""
        code, _headers, _text = cluster.service_request(release.namespace, *service, "/readyz")
        return version, "ready" if code == 200 else f"not ready (HTTP {code})"

    def _database(self, args: dict[str, Any], cluster: Cluster, gateway: dict[str, Any] | None) -> str:
        """The gateway program itself is asked, in a pod like its own: it alone knows which migrations it has."""
        if not args["database"] or gateway is None or self._task.check_mode:
            return ""
        body = one_off_job.job(gateway, ["migrate", "--status"], prefix=f"{args['name']}-status", component="status", deadline=DEADLINE)
        try:
            answer = one_off_run.ask(cluster, body, DEADLINE)
        except ApiError as error:
            return f"could not be asked: {error}"
        text = status_lines.database(answer.text)
        return text if answer.code == 0 else f"could not be asked: {text}"
