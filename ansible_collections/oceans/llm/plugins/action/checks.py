# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of oceans.llm.checks: what the drain of each node would do to the gateway. Reads only."""

from __future__ import annotations

from typing import Any

from ansible_collections.oceans.llm.plugins.plugin_utils import playbooks
from ansible_collections.oceans.llm.plugins.plugin_utils.action_base import ClusterAction, Refused, documented
from ansible_collections.oceans.llm.plugins.plugin_utils.gateway import configuration
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import ApiError, Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle import drain
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.deployed import Gateway


class ActionModule(ClusterAction):
    """Read, judge, show."""

    ARGUMENTS = documented("checks")

    def act(self, args: dict[str, Any], cluster: Cluster) -> dict[str, Any]:
        gateway = Gateway.of(cluster, args["namespace"], args["name"], self.say)
        findings = list(drain.simulate(self._picture(args, cluster, gateway)))
        for finding in findings:
            self.say(finding.line())
        told = [{"node": f.node, "severity": f.severity, "code": f.code, "sentence": f.sentence, "hint": f.hint} for f in findings]
        wrong = [f for f in findings if f.severity == drain.ERROR]
        asked = {"changed": False, "providers": _models(gateway), "drained": not wrong}
        if not findings:
            raise Refused(f"no pod of Deployment/{gateway.deployment['metadata']['name']} runs on a node; find the reason: {playbooks.command('diagnose')}")
        if wrong:
            first = wrong[0]
            which = f"{first.code} Node/{first.node}: {first.sentence} — {first.hint}"
            msg = f"{len(wrong)} of {len(findings)} nodes with gateway pods cannot be drained safely; the first of them: {which}"
            return {**asked, "findings": told, "failed": True, "msg": msg}
        return {**asked, "findings": told, "msg": f"all nodes with gateway pods can be drained ({len(findings)})"}

    @staticmethod
    def _picture(args: dict[str, Any], cluster: Cluster, gateway: Gateway) -> drain.Picture:
        ns = args["namespace"]
        own = cluster.list(paths.pods(ns), labelSelector=gateway.selector)["items"]
        try:
            nodes, pods = cluster.list(paths.of("v1", "nodes"))["items"], cluster.list(paths.of("v1", "pods"))["items"]
        except ApiError as error:
            if error.status != 403:
                raise
            raise Refused(
                f"the free CPU and memory of the nodes cannot be read: {error}; grant the permissions in docs/deployer-reads.yaml of the collection"
            ) from error
        budgets = cluster.list(paths.of("policy/v1", "poddisruptionbudgets", ns))["items"]
        return drain.Picture(nodes, pods, budgets, [p for p in own if not p["metadata"].get("deletionTimestamp")], ns)


def _models(gateway: Gateway) -> list[dict[str, str]]:
    """A model of each provider, as its configuration has it."""
    routes = {
        str(route.get("provider")): str(model.get("id"))
        for _i, model in reversed(configuration.maps(gateway.config.get("models")))
        for _j, route in configuration.maps(model.get("routes"))
    }
    return [{"provider": provider, "model": model} for provider, model in sorted(routes.items())]
