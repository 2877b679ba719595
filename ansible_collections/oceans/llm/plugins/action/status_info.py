# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of oceans.llm.status_info: what is deployed, served and stored, on one screen. Changes nothing that is deployed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from ansible_collections.oceans.llm.plugins.plugin_utils.action_base import ClusterAction, documented
from ansible_collections.oceans.llm.plugins.plugin_utils.gateway import one_off_job, one_off_run
from ansible_collections.oceans.llm.plugins.plugin_utils.helm import lock, releases
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import ApiError, Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.objects import INSTANCE, component
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle import restore_point
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import post_check, status_lines, unrecorded
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.asking import Trouble
from ansible_collections.oceans.llm.plugins.plugin_utils.secrets import pod_env

DEADLINE = 45  # seconds for the question to the database


class ActionModule(ClusterAction):
    """Read, and show."""

    ARGUMENTS = documented("status_info")

    def act(self, args: dict[str, Any], cluster: Cluster) -> dict[str, Any]:
        ns = args["namespace"]
        cluster.get(paths.VERSION)
        found = cluster.list(paths.secrets(ns), labelSelector=releases.selector(args["name"]))["items"]
        newest = sorted(found, key=lambda s: -int(s["metadata"]["labels"].get("version", 0)))[: args["revisions"]]
        unrecorded_one = None if newest else unrecorded.find(cluster, ns, args["name"])
        revisions = [releases.decode(s) for s in newest] or ([unrecorded_one] if unrecorded_one else [])
        self._unknown: list[tuple[str, str]] = []
        status = self._status(args, cluster, revisions) if revisions else status_lines.Status(now=cluster.now())
        screen = list(status_lines.lines(status))
        for line in screen:
            self.say(line)
        return {"changed": False, "screen": screen, **status_lines.facts(status)}

    def _status(self, args: dict[str, Any], cluster: Cluster, revisions: list[releases.Release]) -> status_lines.Status:
        ns, release = args["namespace"], revisions[0]
        names = releases.names(release.manifest, "Deployment")
        deployments = [d for n in names if (d := self._asked(f"Deployment/{n}", partial(cluster.find, paths.deployment(ns, n)), None))]
        pods = self._asked("pods", lambda: cluster.list(paths.pods(ns), labelSelector=f"{INSTANCE}={args['name']}")["items"], [])
        gateway = next((d for d in deployments if component(d) == "gateway"), None)
        used = sorted({n for d in deployments for n in pod_env.secret_names(d["spec"]["template"]["spec"])})
        unread: dict[str, Any] = {}
        secrets = {n: self._asked(f"Secret/{n}", partial(cluster.find, paths.secret(ns, n)), unread) for n in used}
        secrets = {n: s for n, s in secrets.items() if s is not unread}
        for secret in secrets.values():
            self.redactor.learn_secret(secret or {})
        served = self._asked("served", lambda: self._served(cluster, release), status_lines.Gateway(verified="unverified"))
        record = self._asked("administrator", lambda: cluster.find(paths.configmap(ns, f"{args['name']}-bootstrap")), None) or {}
        point = self._asked("restore points", lambda: restore_point.latest(cluster, ns, args["name"]), None)
        return status_lines.Status(
            now=cluster.now(),
            restore_point=point.phrase(cluster.now()) if point else "",
            revisions=revisions,
            gateway=served,
            deployments=deployments,
            pods=pods,
            database=self._database(args, cluster, gateway),
            secrets=secrets,
            bootstrap=record.get("data") or {},
            held=self._asked("lock", lambda: lock.holder(cluster, ns, args["name"]), ""),
            unknown=self._unknown,
        )

    def _asked(self, what: str, question: Callable[[], Any], instead: Any) -> Any:
        """The answer; one question that fails is one line, not the end of the others."""
        try:
            return question()
        except ApiError as error:
            self._unknown.append((what, str(error)))
            return instead

    @staticmethod
    def _served(cluster: Cluster, release: releases.Release) -> status_lines.Gateway:
        """Version and readiness as a user of the Service gets them, and when they are not known: why."""
        service = post_check.gateway_service(release.manifest)
        if service is None:
            return status_lines.Gateway(verified="not asked", why="the release has no Service of the gateway")
        asker = post_check.Asker(cluster, release.namespace, *service, patient=False)
        health = asker.ask("/api/v1/health")
        if health.trouble is not Trouble.NONE:
            return status_lines.Gateway(verified="not asked" if asker.rights else "unverified", why=asker.rights or asker.said())
        version = health.field("version") if health.status == 200 else ""
        if not version:
            return status_lines.Gateway(verified="failed", why=f"{asker.where} answers {health.status} {health.text[:200]}")
        ready = asker.ask("/readyz")
        state = "ready" if ready.status == 200 else f"not ready ({f'HTTP {ready.status}' if ready.status else ready.text})"
        return status_lines.Gateway(version, state, "served", f"asked through {asker.through}" if asker.tried else "")

    def _database(self, args: dict[str, Any], cluster: Cluster, gateway: dict[str, Any] | None) -> str:
        """The gateway program itself is asked, in a pod like its own: it alone knows which migrations it has."""
        if not args["database"] or gateway is None or self._task.check_mode:
            return ""
        body = one_off_job.job(gateway, ["migrate", "--status"], prefix=f"{args['name']}-status", component="status", deadline=DEADLINE)
        try:
            answer = one_off_run.ask(cluster, body, DEADLINE)
        except ApiError as error:
            return f"could not be queried: {error}"
        text = status_lines.database(answer.text)
        return text if answer.code == 0 else f"could not be queried: {text}"
