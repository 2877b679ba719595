# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of oceans.llm.release: change a release with kubernetes.core.helm and tell the truth while it rolls out."""

from __future__ import annotations

import shutil
import tempfile
import time
from typing import Any

from ansible_collections.oceans.llm.plugins.plugin_utils import changes, helm_release
from ansible_collections.oceans.llm.plugins.plugin_utils.action_base import ClusterAction, Refused
from ansible_collections.oceans.llm.plugins.plugin_utils.cluster import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.helm_cli import Helm, HelmError
from ansible_collections.oceans.llm.plugins.plugin_utils.helm_job import ASYNC_LIMIT, HelmJob
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import finish
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.follow import Follower, Outcome
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.model import Scope

ARGUMENTS = {
    "name": {"type": "str", "required": True},
    "namespace": {"type": "str", "required": True},
    "chart": {"type": "str", "required": True},
    "chart_version": {"type": "str", "default": ""},
    "values": {"type": "dict", "default": {}},
    "create_namespace": {"type": "bool", "default": False},
    "helm_binary": {"type": "str", "default": ""},
    "expected_version": {"type": "str", "default": ""},
    "timeout": {"type": "int", "default": 900},
    "report_dir": {"type": "str", "default": ""},
}


class ActionModule(ClusterAction):
    """Plan, change, follow, check; one task for the user."""

    ARGUMENTS = ARGUMENTS

    def act(self, args: dict[str, Any], cluster: Cluster) -> dict[str, Any]:
        helm = Helm(args["helm_binary"], args)
        scratch = tempfile.mkdtemp(prefix="oceans-llm-")
        try:
            chart = helm.pull(args["chart"], args["chart_version"], scratch)
            return self._release(args, cluster, helm, chart)
        except HelmError as error:
            raise Refused(f"Helm refused before anything was changed: {error}") from error
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _release(self, args: dict[str, Any], cluster: Cluster, helm: Helm, chart: str) -> dict[str, Any]:
        live = helm_release.latest(cluster, args["namespace"], args["name"])
        planned = helm.plan(args["name"], args["namespace"], chart, args["values"])
        difference = changes.compare(live, planned)
        result: dict[str, Any] = {"changed": bool(difference), "changes": difference.phrase(), "chart": planned.chart}
        if self.diff_wanted and difference:
            result["diff"] = {"before": difference.before, "after": difference.after, "before_header": "live", "after_header": "planned"}
        if self._task.check_mode:
            return result
        if difference:
            self.say(f"changing {args['namespace']}/{args['name']}: {difference.phrase()}")
        scope = Scope(
            deployments=helm_release.names(planned.manifest, "Deployment"), jobs=helm_release.names(planned.hooks, "Job") if difference else (),
            namespace=args["namespace"], release=args["name"],
        )
        expected = args["expected_version"] or planned.app_version
        outcome = self._roll_out(args, cluster, chart, scope, bool(difference))
        return result | finish.report(cluster, scope, planned, outcome, expected, self.say)

    def _roll_out(self, args: dict[str, Any], cluster: Cluster, chart: str, scope: Scope, change: bool) -> Outcome:
        follower = Follower(cluster, scope, self.say, args["timeout"])
        follower.start()
        return follower.run(self._start_helm(args, chart, cluster) if change else None)

    def _start_helm(self, args: dict[str, Any], chart: str, cluster: Cluster) -> HelmJob:
        """Start kubernetes.core.helm in the background: no wait, no atomic; the watcher is the wait."""
        options = {
            "release_name": args["name"], "release_namespace": args["namespace"], "chart_ref": chart, "release_values": args["values"],
            "create_namespace": args["create_namespace"], "wait": False, "timeout": f"{args['timeout']}s",
            # an empty first file makes the module's own comparison (values and chart version only) always say "changed":
            # what changes was worked out above, from the objects themselves
            "values_files": ["/dev/null"],
            **({"binary_path": args["helm_binary"]} if args["helm_binary"] else {}), **self.auth(args),
        }
        self._task.async_val = ASYNC_LIMIT
        try:
            job = self._execute_module(module_name="kubernetes.core.helm", module_args=options, task_vars=self.task_vars, wrap_async=True)
        finally:
            self._task.async_val = 0
        if "ansible_job_id" not in job:
            raise Refused(f"kubernetes.core.helm could not be started: {job.get('msg', job)}")
        self.started = time.monotonic()
        return HelmJob(job, cluster.now)
