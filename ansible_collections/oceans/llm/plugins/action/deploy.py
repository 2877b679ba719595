# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of oceans.llm.deploy: upgrade a release with kubernetes.core.helm and follow the rollout until it serves or has failed.

The planning is in rollout/plan.py, the change in rollout/change.py; here are arguments, order and texts.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from ansible_collections.oceans.llm.plugins.plugin_utils.action_base import ClusterAction, Refused, documented, for_people
from ansible_collections.oceans.llm.plugins.plugin_utils.helm import keep, leftovers, process, registry, releases
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.cli import ChartUnavailable, Helm, HelmError, for_helm
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.lock import Lock
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import namespaces
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import change, completion, conclusion, post_check, probe
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import plan as planner
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.interrupt import Interrupt
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.plan import Plan, Wanted


class ActionModule(ClusterAction):
    """Plan, change, follow, check; one task for the user."""

    ARGUMENTS = documented("deploy")
    TELLS = True
    #: the plan of an upgrade, as data: a part of the result and of report.json
    _stated: Mapping[str, Any] = MappingProxyType({})

    def act(self, args: dict[str, Any], cluster: Cluster) -> dict[str, Any]:
        self.redactor.learn(str(v) for v in inline_secrets(args["values"]).values())
        self.redactor.learn([args["chart_registry"].get("password") or ""])
        with Interrupt(stdout=for_people()) as self.interrupt:
            try:
                with tempfile.TemporaryDirectory(prefix="oceans-llm-", ignore_cleanup_errors=True) as self._scratch:
                    result = self._prepared(args, cluster)
            except Refused as refused:
                result = {"failed": True, "changed": False, "msg": str(refused)}
            result |= {"plan": dict(self._stated)} if self._stated else {}
            return conclusion.tell(result, self.interrupt, self.say, verbose=self.verbose)

    def _prepared(self, args: dict[str, Any], cluster: Cluster) -> dict[str, Any]:
        try:
            self._environment = for_helm(self.auth(args), self._scratch)
            self._cli = Helm(args["helm_binary"], self._environment)
            return self._run(args, cluster)
        except ChartUnavailable as error:
            self._go_on()
            which = args["chart"] or "of the collection"
            raise Refused(f"the chart {which} could not be read: {error}; nothing was changed — {registry.cure(str(error))}") from error
        except HelmError as error:
            self._go_on()  # Ctrl-C reaches a helm that plans, too: it is no refusal then
            raise Refused(f"Helm refuses the release: {error}; nothing was changed") from error

    def _run(self, args: dict[str, Any], cluster: Cluster) -> dict[str, Any]:
        return self._release(args, self._wanted(args), cluster)

    def _wanted(self, args: dict[str, Any]) -> Wanted:
        chart = self._cli.pull(args["chart"], args["chart_version"], self._scratch, args["chart_registry"])
        return Wanted(args["name"], args["namespace"], chart, args["values"], args["force_conflicts"], args["secret_written"])

    def _go_on(self) -> None:
        """Between two steps that change nothing. :raises Refused: when the run was ended by a signal."""
        if self.interrupt:
            raise Refused(f"interrupted by {self.interrupt.name} before Helm was started; the release was not changed — run the playbook again")

    def _release(self, args: dict[str, Any], wanted: Wanted, cluster: Cluster, agree: Callable[[Plan], None] = lambda _plan: None) -> dict[str, Any]:
        """`agree` may refuse the plan (:class:`Refused`); after it the release is changed."""
        check = self._task.check_mode
        if namespaces.ensure(cluster, wanted.namespace, args["create_namespace"], bool(check)) == namespaces.CREATED:
            self.say(f"namespace {wanted.namespace} created")
        lock = Lock(cluster, wanted.namespace, wanted.name, self.say)
        lock.look()
        live = releases.latest(cluster, wanted.namespace, wanted.name)
        if live and live.pending:  # Helm does not even plan on top of it
            if check:
                return dict(change.would_give_up(live))
            with lock.of(live.revision + 1):
                change.recover(cluster, live, lock, self.say, args["recover_after"])
            live = releases.latest(cluster, wanted.namespace, wanted.name)
        self._go_on()
        likely = (lambda: None) if check else partial(process.warm, self, self.task_vars)
        plan = planner.make(cluster, self._cli, wanted, live, self.say, check=check, make_key=not check, likely=likely)
        rendered = [obj for obj in plan.planned.objects if obj.get("kind") == "Secret"]
        for secret in (*plan.digests.data.values(), *rendered):
            self.redactor.learn_secret(secret)
        self._go_on()
        agree(plan)
        result = change.result_of(plan, self.diff_wanted)
        if check:
            left = self._leftovers(args, plan, cluster)
            return result | {"msg": _would(plan, wanted) + "".join(f"; {name} would be removed" for name in left), "changed": result["changed"] or bool(left)}
        if not plan.difference:
            return result | self._cleared(args, plan, cluster, self._follow(args, wanted, plan, cluster, None))
        with lock.of(plan.planned.revision):
            planner.still_so(cluster, wanted, plan)
            if plan.live:
                for name in keep.keep_live(cluster, releases.history(cluster, wanted.namespace, wanted.name), plan.planned, wanted.namespace):
                    self.say(f"{name} is no longer part of the release; the object and its data are kept (annotation {keep.POLICY}: keep)")
            self._go_on()
            self.say(f"changing {wanted.title}: {plan.phrase()}")
            return result | self._cleared(args, plan, cluster, self._follow(args, wanted, plan, cluster, lock))

    def _cleared(self, args: dict[str, Any], plan: Plan, cluster: Cluster, result: dict[str, Any]) -> dict[str, Any]:
        """The result, after the hook copies of an earlier chart were removed: only once the release is served without them."""
        if result.get("failed"):
            return result
        found = self._leftovers(args, plan, cluster)
        for name, path in found.items():
            cluster.delete(path)
            self.say(f"deleted {name}, which a hook of an earlier chart version had left")
        return result | {"changed": result["changed"] or bool(found)}

    @staticmethod
    def _leftovers(args: dict[str, Any], plan: Plan, cluster: Cluster) -> dict[str, str]:
        return leftovers.find(cluster, args["namespace"], args["name"], plan.planned.objects) if args["remove_leftovers"] else {}

    def _follow(self, args: dict[str, Any], wanted: Wanted, plan: Plan, cluster: Cluster, lock: Lock | None) -> dict[str, Any]:
        """The rollout to its end. `lock`: None when nothing is changed."""
        prober = probe.wanted(args["probe"], bool(plan.difference), cluster, plan.planned, wanted.namespace)
        run = change.Change(
            cluster, wanted, plan, self.say, args["timeout"],
            clean=self.redactor, interrupt=self.interrupt, lost=(lambda: lock.lost) if lock else str, probe=prober,
        )  # fmt: skip
        upgrade = process.Upgrade(wanted.name, wanted.namespace, wanted.chart, plan.values, args["timeout"], wanted.force_conflicts)
        outcome = run.run(lambda: process.launch(self, upgrade, self._scratch, self._cli.binary, self._environment, self.task_vars, cluster.now))
        self._outcome, self._helm_runs = outcome, run.helm_runs
        if lock and run.helm_runs:
            lock.keep()
        expected = post_check.expected_version(plan.planned, args["expected_version"])
        how = conclusion.Ending.of(self, args, probe=prober, question=completion.wanted(args) if prober else None, key=plan.key, plan=self._stated)
        result = conclusion.report(cluster, plan.planned, outcome, expected, self.say, how)
        return result | {"changed": run.made}


def inline_secrets(values: Mapping[str, Any]) -> dict[str, Any]:
    """Secret values that stand in the chart's values (secrets_source inline)."""
    found = (values.get("secrets") or {}).get("inline")
    return dict(found) if isinstance(found, Mapping) else {}


def _would(plan: Plan, wanted: Wanted) -> str:
    """The sentence of check mode."""
    text = f"would change: {plan.difference.phrase()}" if plan.difference else "nothing would change"
    leaving = keep.leaving([plan.live] if plan.live else [], plan.planned, wanted.namespace)
    return text + "".join(f"; {data.name} would no longer be part of the release; the object and its data would be kept" for data in leaving)
