# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of oceans.llm.wait: watch a release that somebody else changed, until it serves or has failed."""

from __future__ import annotations

from typing import Any

from ansible_collections.oceans.llm.plugins.plugin_utils.action_base import ClusterAction, Refused, documented, for_people
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import completion, conclusion, post_check, probe, unrecorded
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.database_look import DatabaseLook
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.follow import Follower
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.guard import Guard
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.interrupt import Interrupt
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.namespace_look import NamespaceLook
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.scope import also_watched, scope_of


class ActionModule(ClusterAction):
    """No change, no Helm process: the release's own record names what to watch, or the labels of its objects where there is none."""

    ARGUMENTS = documented("wait")

    def act(self, args: dict[str, Any], cluster: Cluster) -> dict[str, Any]:
        release = unrecorded.latest(cluster, args["namespace"], args["name"], self.say)
        going = NamespaceLook(cluster, args["namespace"])
        if release is None:
            if self._task.check_mode:
                return {"changed": False, "msg": f"release {args['name']} does not exist in namespace {args['namespace']} yet"}
            if going():
                raise Refused(f"NamespaceTerminating: {going()}; wait until the namespace is deleted, or set oceans_llm_namespace to another namespace")
            raise Refused(
                f"Helm has no release {args['name']} in namespace {args['namespace']} on {cluster.server}, and no gateway there has the label "
                f"{unrecorded.INSTANCE}={args['name']}; deploy the release first, or correct oceans_llm_release and oceans_llm_namespace"
            )
        prober = None if self._task.check_mode else probe.wanted(args["probe"], True, cluster, release, args["namespace"])
        with Interrupt(stdout=for_people()) as self.interrupt:
            follower = Follower(
                cluster,
                scope_of(release, args["namespace"], args["name"], ours=False),
                self.say,
                args["timeout"],
                clean=self.redactor,
                also=also_watched(release, args["namespace"], args["name"]),
                interrupted=self.interrupt,
                database=DatabaseLook(cluster, args["namespace"], release.objects),
                probe=prober,
                lost=going,
            )
            guard = Guard(cluster, follower, changes=False)
            guard.start()
            expected = post_check.expected_version(release, args["expected_version"], args["version"])
            how = conclusion.Ending.of(self, args, probe=prober, question=None if self._task.check_mode else completion.wanted(args))
            result = conclusion.report(cluster, release, guard.run(None), expected, self.say, how)
            return {"changed": False} | conclusion.tell(result, self.interrupt, self.say, verbose=self.verbose)
