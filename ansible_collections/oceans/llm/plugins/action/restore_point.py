# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of oceans.llm.restore_point: a copy of the database to which the release can be brought back. The work is in lifecycle/taking.py."""

from __future__ import annotations

import dataclasses
from typing import Any

from ansible_collections.oceans.llm.plugins.plugin_utils.action_base import ClusterAction, Refused, documented
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.lock import Lock
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle import taking
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.restore_point import points
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.source import Source
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import unrecorded


class ActionModule(ClusterAction):
    """Look, take, list."""

    ARGUMENTS = documented("restore_point")

    def act(self, args: dict[str, Any], cluster: Cluster) -> dict[str, Any]:
        ns, name = args["namespace"], args["name"]
        release = unrecorded.latest(cluster, ns, name, self.say)
        if release is None:
            raise Refused(f"Helm has no release {name} in namespace {ns} on {cluster.server}; nothing was changed — deploy the release first")
        wish = taking.Wish.of(args["restore_point"], args["timeout"])
        lock = Lock(cluster, ns, name, self.say)
        lock.look()
        if self._task.check_mode:
            ways = " or ".join(taking.ways(cluster, Source.read(cluster, release), wish))
            return {"changed": True, "restore_points": self._listed(cluster, ns, name), "msg": f"a restore point would be taken by {ways}"}
        with lock.of(release.revision):
            made = taking.take(cluster, release, wish, self.say)
        found = {"restore_point": dataclasses.asdict(made), "restore_points": self._listed(cluster, ns, name)}
        return {"changed": True, **found, "msg": f"restore point {made.phrase(cluster.now())}"}

    @staticmethod
    def _listed(cluster: Cluster, namespace: str, release: str) -> list[dict[str, Any]]:
        return [dataclasses.asdict(point) for point in points(cluster, namespace, release)]
