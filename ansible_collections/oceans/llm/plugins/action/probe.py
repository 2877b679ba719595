# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of oceans.llm.probe: the checks at the end of a rollout by themselves, with a pod that asks, and a completion."""

from __future__ import annotations

from typing import Any

from ansible_collections.oceans.llm.plugins.plugin_utils.action_base import ClusterAction, Refused, documented, for_people
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import completion, conclusion, post_check, probe, unrecorded
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.follow import Follower
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.interrupt import Interrupt
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.scope import also_watched, scope_of


class ActionModule(ClusterAction):
    """One picture of the release, and the checks. No rollout is waited for."""

    ARGUMENTS = documented("probe")

    def act(self, args: dict[str, Any], cluster: Cluster) -> dict[str, Any]:
        name, namespace, check = args["name"], args["namespace"], self._task.check_mode
        again = "ansible_loop_var" in self.task_vars  # the role checks: one probe for each provider, and the first task has said it
        release = unrecorded.latest(cluster, namespace, name, (lambda _line: None) if again else self.say)
        if release is None:
            if check:
                return {"changed": False, "msg": f"release {name} does not exist in namespace {namespace} yet"}
            raise Refused(f"Helm has no release {name} in namespace {namespace} on {cluster.server}; check oceans_llm_release and oceans_llm_namespace")
        prober = None if check else probe.wanted("true", True, cluster, release, namespace)
        with Interrupt(stdout=for_people()) as self.interrupt:
            follower = Follower(cluster, scope_of(release, namespace, name, hooks=False, ours=False), self.say, 0, clean=self.redactor,
                                also=also_watched(release, namespace, name))  # fmt: skip
            expected = post_check.expected_version(release, args["expected_version"])
            how = conclusion.Ending.of(self, args, probe=prober, question=None if check else completion.wanted(args))
            result = conclusion.report(cluster, release, follower.glance(), expected, self.say, how)
            return {"changed": False} | conclusion.tell(result, self.interrupt, self.say, verbose=self.verbose)
