# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of oceans.llm.rollback: bring an earlier revision back, or refuse before anything is changed.

The revision's chart and values come from Helm's own record, and are deployed like any others: plan, lease, fence, verdict and evidence
are those of oceans.llm.deploy.
"""

from __future__ import annotations

import tempfile
from typing import Any

from ansible_collections.oceans.llm.plugins.action import deploy
from ansible_collections.oceans.llm.plugins.plugin_utils import playbooks
from ansible_collections.oceans.llm.plugins.plugin_utils.action_base import Refused, documented
from ansible_collections.oceans.llm.plugins.plugin_utils.gateway import schema
from ansible_collections.oceans.llm.plugins.plugin_utils.helm import recorded, releases
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.chart import defaults as chart_defaults
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.lock import Lock
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle import asked, policy, restore_point, statement, target
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.going_back import Says
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.plan import Wanted
from ansible_collections.oceans.llm.plugins.plugin_utils.secrets import digest

#: what a deployment is asked besides, where chart and values come from a record
RECORDED: dict[str, Any] = {name: option.get("default") for name, option in documented("deploy").items()}


class ActionModule(deploy.ActionModule):
    """Choose, ask whether the database allows it, deploy."""

    ARGUMENTS = documented("rollback")

    def act(self, args: dict[str, Any], cluster: Cluster) -> dict[str, Any]:
        return super().act({**RECORDED, **args}, cluster)

    def _run(self, args: dict[str, Any], cluster: Cluster) -> dict[str, Any]:
        namespace, name = args["namespace"], args["name"]
        Lock(cluster, namespace, name, self.say).look()
        try:
            wanted = target.choose(releases.history(cluster, namespace, name), args["to"])
            what = f"revision {wanted.revision} ({asked.version(wanted)})"
            why = self._allowed(cluster, namespace, wanted, what)
            self.say(f"rolling back to {what}: {why}")
            result = self._back_to(args, wanted, cluster)
        except (target.NoTarget, recorded.NotRecorded) as reason:
            raise Refused(f"{reason}; nothing was changed") from reason
        return result | {"rollback": {"revision": wanted.revision, "version": asked.version(wanted)}}

    def _allowed(self, cluster: Cluster, namespace: str, wanted: releases.Release, what: str) -> str:
        """Why it is allowed. :raises Refused: with the command that works instead."""
        found, why_not = asked.history(cluster, namespace, wanted)
        said, why = asked.fits(cluster, namespace, wanted, found, not self._task.check_mode)
        known = asked.knows(wanted)
        since = tuple(v for v in found or () if known and known.sure and v > known.version)
        decision = policy.decide(policy.Situation(policy.Moment.SERVED, committed=since, old_image=said))
        if decision.may_go_back:
            return why
        if said is Says.UNKNOWN and self._task.check_mode:
            return f"it is not known whether the database allows the rollback, because check mode creates no Job to find out ({why_not or why})"
        point = restore_point.fitting(cluster, namespace, wanted.name, known.version if known else None)
        instead = policy.RESTORE.format(point=point.name) if point else policy.FORWARD
        newest = schema.release_for(max(found, default=0)) if found else ""
        if newest and instead == policy.FORWARD:
            instead += f" -e oceans_llm_version={newest}"
        has = f"restore point that fits {asked.version(wanted)}: {statement.restore_point(point, cluster.now())}"
        raise Refused(f"rollback to {what} is refused: {why}; nothing was changed; {has} — {playbooks.filled(instead)}")

    def _back_to(self, args: dict[str, Any], wanted: releases.Release, cluster: Cluster) -> dict[str, Any]:
        """Deploy a revision again from its record. :raises NotRecorded: when that does not hold it."""
        body = releases.recorded(cluster, wanted)
        values = body.get("config") or {}
        self.redactor.learn(str(v) for v in deploy.inline_secrets(values).values())
        before, self._scratch = self._scratch, tempfile.mkdtemp(dir=self._scratch)  # a failed run before this one starts no helm any more in its own
        try:
            chart = recorded.write_chart(body, self._scratch)
            values = digest.without_digests(values, digest.places(chart_defaults(chart)))
            again = Wanted(args["name"], args["namespace"], chart, values, args["force_conflicts"])
            return self._release({**args, "create_namespace": False, "expected_version": "", "remove_leftovers": False}, again, cluster)
        finally:
            self._scratch = before
