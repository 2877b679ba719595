# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of oceans.llm.rollout: watch a release that somebody else changed, until it is served or has failed."""

from __future__ import annotations

from typing import Any

from ansible_collections.oceans.llm.plugins.plugin_utils import helm_release
from ansible_collections.oceans.llm.plugins.plugin_utils.action_base import ClusterAction, Refused
from ansible_collections.oceans.llm.plugins.plugin_utils.cluster import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import finish
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.follow import Follower
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.model import Scope


class ActionModule(ClusterAction):
    """No change, no Helm process: the release's own record names what to watch."""

    ARGUMENTS = {
        "name": {"type": "str", "required": True},
        "namespace": {"type": "str", "required": True},
        "expected_version": {"type": "str", "default": ""},
        "timeout": {"type": "int", "default": 900},
        "report_dir": {"type": "str", "default": ""},
    }

    def act(self, args: dict[str, Any], cluster: Cluster) -> dict[str, Any]:
        release = helm_release.latest(cluster, args["namespace"], args["name"])
        if release is None:
            if self._task.check_mode:
                return {"changed": False, "msg": f"no release {args['name']} in namespace {args['namespace']} yet"}
            raise Refused(f"Helm knows no release {args['name']} in namespace {args['namespace']} on {cluster.server}; deploy it first, or check oceans_llm_release and oceans_llm_namespace")
        scope = Scope(
            deployments=helm_release.names(release.manifest, "Deployment"), jobs=helm_release.names(release.hooks, "Job"),
            namespace=args["namespace"], release=args["name"],
        )
        follower = Follower(cluster, scope, self.say, args["timeout"], fences=False)
        follower.start()
        outcome = follower.run(None)
        return {"changed": False} | finish.report(cluster, scope, release, outcome, args["expected_version"], self.say)
