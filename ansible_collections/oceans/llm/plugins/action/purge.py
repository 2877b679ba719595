# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of oceans.llm.purge: old request logs deleted by the gateway's own command, counted before; the analysis of agents queued again."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.oceans.llm.plugins.plugin_utils import playbooks
from ansible_collections.oceans.llm.plugins.plugin_utils.action_base import ClusterAction, Refused, documented
from ansible_collections.oceans.llm.plugins.plugin_utils.gateway import configuration, one_off_job, one_off_run
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle import one_offs
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.deployed import Gateway

RETENTIONS = ("1d", "3d", "7d")
DEADLINE = 60  # seconds for a question
_FIELD = re.compile(r"^(\w+): (.+)$", re.MULTILINE)


class ActionModule(ClusterAction):
    """Count, show, delete what was asked for."""

    ARGUMENTS = documented("purge")

    def act(self, args: dict[str, Any], cluster: Cluster) -> dict[str, Any]:
        gateway = Gateway.of(cluster, args["namespace"], args["name"], self.say)
        self.redactor.learn(gateway.secret_values())
        self._hint(gateway)
        result: dict[str, Any] = {"changed": False}
        if args["retention"] or not args["recompute"]:
            result |= self._purge(args, cluster, gateway)
        if args["recompute"]:
            again = self._recompute(args, cluster, gateway)
            result = {**result, **again, "changed": result["changed"] or again["changed"]}
        return result

    def _hint(self, gateway: Gateway) -> None:
        purge = configuration.section(gateway.config, "request_logging", "purge")
        if purge.get("enabled") is True and gateway.replicas > 1:
            self.say(
                f"request_logging.purge is enabled, so each of the {gateway.replicas} gateway pods purges by itself; to purge only once, "
                "set oceans_llm_config.request_logging.purge.enabled: false, and run from one scheduler: "
                f"{playbooks.command('purge', '-e oceans_llm_purge_retention=7d')}"
            )

    def _purge(self, args: dict[str, Any], cluster: Cluster, gateway: Gateway) -> dict[str, Any]:
        """The dry run first; it refuses a database with pending migrations, so that the purge itself migrates nothing."""
        if self._task.check_mode:
            would = f"delete request logs older than {args['retention']}" if args["retention"] else "count request logs"
            msg = f"would {would}; check mode creates no Job — to count the request logs: {playbooks.command('purge')}"
            return {"changed": bool(args["retention"]), "msg": msg}
        matched = {}
        for retention in (args["retention"],) if args["retention"] else RETENTIONS:
            told = self._ask(args, cluster, gateway, ["purge-request-logs", "--retention", retention, "--dry-run"])
            matched[retention] = int(told.get("matched_count") or 0)
            self.say(f"{matched[retention]} request logs are older than {retention} (before {told.get('cutoff', 'an unknown time')})")
        if not args["retention"]:
            return {"changed": False, "matched": matched, "msg": "nothing was deleted; to delete request logs, set oceans_llm_purge_retention to 1d, 3d or 7d"}
        count = matched[args["retention"]]
        if not count:
            return {"changed": False, "matched": matched, "msg": f"no request log is older than {args['retention']}"}
        printed = one_offs.run(cluster, gateway, args["name"], ["purge-request-logs", "--retention", args["retention"]], args["timeout"], self.say)
        deleted = int(dict(_FIELD.findall(printed)).get("deleted_count") or 0)
        self.say(f"{deleted} request logs deleted")
        return {"changed": deleted > 0, "matched": matched, "deleted": deleted, "msg": f"{deleted} request logs older than {args['retention']} were deleted"}

    def _recompute(self, args: dict[str, Any], cluster: Cluster, gateway: Gateway) -> dict[str, Any]:
        command = ["recompute-agent-analysis", "--limit", str(args["recompute_limit"])]
        if self._task.check_mode:
            return {"changed": True, "msg": f"would run `gateway {' '.join(command)}`"}
        self._ask(args, cluster, gateway, ["migrate", "--check"])  # the command migrates first
        told = dict(_FIELD.findall(one_offs.run(cluster, gateway, args["name"], command, args["timeout"], self.say)))
        matched, queued = int(told.get("matched_count") or 0), int(told.get("enqueued_count") or 0)
        self.say(f"{matched} agent sessions match, {queued} are queued for a new analysis")
        return {"changed": queued > 0, "enqueued": queued, "msg": f"{queued} of {matched} agent sessions are queued for a new analysis"}

    @staticmethod
    def _ask(args: dict[str, Any], cluster: Cluster, gateway: Gateway, command: list[str]) -> dict[str, str]:
        body = one_off_job.job(gateway.deployment, command, prefix=f"{args['name']}-{command[0]}", component=command[0], deadline=DEADLINE)
        answer = one_off_run.ask(cluster, body, DEADLINE)
        if answer.code != 0:
            raise Refused(
                f"`gateway {' '.join(command)}` failed: {' '.join(answer.text.split())[-400:]}; "
                f"nothing was changed — find the reason: {playbooks.command('status')}"
            )
        return dict(_FIELD.findall(answer.text))
