# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of oceans.llm.release: upgrade a release with kubernetes.core.helm and follow the rollout until it serves or has failed.

The planning is in rollout/plan.py, the change in rollout/change.py; here are arguments, order and texts.
"""

from __future__ import annotations

import shutil
import tempfile
from typing import Any

from ansible_collections.oceans.llm.plugins.plugin_utils.action_base import ClusterAction, Refused
from ansible_collections.oceans.llm.plugins.plugin_utils.helm import keep, process, releases
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.cli import Helm, HelmError, for_helm
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.lock import Held, Lock
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import ApiError, Cluster, ClusterError
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import change, conclusion, post_check, probe
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import plan as planner
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.change import Change
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.interrupt import Interrupt
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.plan import NotPlanned, Plan, Wanted

ARGUMENTS = {
    "name": {"type": "str", "required": True},
    "namespace": {"type": "str", "required": True},
    "chart": {"type": "str", "required": True},
    "chart_version": {"type": "str", "default": ""},
    "values": {"type": "dict", "default": {}},
    "create_namespace": {"type": "bool", "default": False},
    "helm_binary": {"type": "str", "default": ""},
    "expected_version": {"type": "str", "default": ""},
    "verify": {"type": "str", "default": conclusion.STRICT, "choices": [conclusion.STRICT, conclusion.BEST_EFFORT]},
    "probe": {"type": "str", "default": "auto", "choices": ["auto", "true", "false"]},
    "timeout": {"type": "int", "default": 900},
    "report_dir": {"type": "str", "default": ""},
    "report_always": {"type": "bool", "default": False},
    "digest_places": {"type": "list", "elements": "str", "default": ["gateway.podAnnotations"]},
    "force_conflicts": {"type": "bool", "default": False},
    "recover_after": {"type": "int", "default": 900},
    "secret_written": {"type": "dict", "default": {}, "no_log": False},
}


class ActionModule(ClusterAction):
    """Plan, change, follow, check; one task for the user."""

    ARGUMENTS = ARGUMENTS

    def act(self, args: dict[str, Any], cluster: Cluster) -> dict[str, Any]:
        if self._connection.transport != "local":
            raise Refused(f"the cluster is reached from here, not from {self.host}: set connection: local (ansible_connection: local) for it")
        self._scratch = tempfile.mkdtemp(prefix="oceans-llm-")
        with Interrupt() as self._interrupt:
            try:
                result = self._prepared(args, cluster)
            except (Refused, ClusterError) as refused:
                result = {"failed": True, "changed": False, "msg": str(refused)}
            finally:
                shutil.rmtree(self._scratch, ignore_errors=True)
            return conclusion.tell(result, self._interrupt, self.host, self.say, self.verbose)

    def _prepared(self, args: dict[str, Any], cluster: Cluster) -> dict[str, Any]:
        try:
            self._auth = for_helm(self.auth(args), self._scratch)
            self._cli = Helm(args["helm_binary"], self._auth)
            wanted = Wanted(
                args["name"],
                args["namespace"],
                self._cli.pull(args["chart"], args["chart_version"], self._scratch),
                args["values"],
                args["digest_places"],
                args["force_conflicts"],
                args["secret_written"],
            )
            return self._release(args, wanted, cluster)
        except HelmError as error:
            self._go_on()  # Ctrl-C reaches a helm that plans, too: it is no refusal then
            raise Refused(f"Helm refused before anything was changed: {error}") from error
        except (Held, keep.NotKept, NotPlanned) as reason:
            raise Refused(str(reason)) from reason

    def _go_on(self) -> None:
        """Between two steps that change nothing. :raises Refused: when the run was ended by a signal."""
        if self._interrupt:
            raise Refused(f"interrupted by {self._interrupt.name} before Helm was started; the release was not changed — run again")

    def _release(self, args: dict[str, Any], wanted: Wanted, cluster: Cluster) -> dict[str, Any]:
        check = self._task.check_mode
        there = self._namespace(args, cluster)
        lock = Lock(cluster, wanted.namespace, wanted.name, self.say)
        lock.look()
        live = releases.latest(cluster, wanted.namespace, wanted.name)
        if live and live.pending:  # Helm does not even plan on top of it
            if check:
                return dict(change.would_give_up(live))
            with lock.of(live.revision + 1):
                change.recover(cluster, wanted, live, lock, self.say, args["recover_after"])
            live = releases.latest(cluster, wanted.namespace, wanted.name)
        self._go_on()
        plan = planner.make(cluster, self._cli, wanted, live, self.say, check=check, make_key=there and not check)
        for secret in plan.digests.data.values():
            self.redactor.learn_secret(secret)
        self._go_on()
        result = change.result_of(plan, self.diff_wanted)
        if check:
            return result | {"msg": _would(plan, wanted)}
        if not plan.difference:
            return result | self._follow(args, wanted, plan, cluster, None)
        with lock.of(plan.planned.revision):
            planner.still_so(cluster, wanted, plan)
            if plan.live:
                for name in keep.keep_live(cluster, releases.history(cluster, wanted.namespace, wanted.name), plan.planned, wanted.namespace):
                    self.say(f"{name} leaves the release and is kept with its data ({keep.POLICY}: keep)")
            self._go_on()
            self.say(f"changing {wanted.title}: {plan.phrase()}")
            return result | self._follow(args, wanted, plan, cluster, lock)

    def _namespace(self, args: dict[str, Any], cluster: Cluster) -> bool:
        """True when the namespace exists (now); created when that was asked for."""
        name = args["namespace"]
        try:
            found = cluster.find(paths.namespace(name))
        except ApiError as error:
            if error.status != 403:
                raise
            return True  # what is done in it will tell
        if found is not None:
            if found["metadata"].get("deletionTimestamp"):
                raise Refused(f"namespace {name} is being deleted since {found['metadata']['deletionTimestamp']}; wait until it is gone, or use another")
            return True
        if not args["create_namespace"]:
            raise Refused(f"namespace {name} does not exist on {cluster.server}; create it, or set oceans_llm_create_namespace: true")
        if self._task.check_mode:
            return False
        cluster.create(paths.NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        self.say(f"namespace {name} created")
        return True

    def _follow(self, args: dict[str, Any], wanted: Wanted, plan: Plan, cluster: Cluster, lock: Lock | None) -> dict[str, Any]:
        """The rollout to its end. `lock`: None when nothing is changed."""
        prober = probe.wanted(args["probe"], bool(plan.difference), cluster, plan.planned, wanted.namespace)
        run = Change(
            cluster, wanted, plan, self.say, args["timeout"],
            clean=self.redactor, interrupt=self._interrupt, lost=(lambda: lock.lost) if lock else str, probe=prober,
        )  # fmt: skip
        upgrade = process.Upgrade(wanted.name, wanted.namespace, wanted.chart, plan.values, args["timeout"], wanted.force_conflicts, self._auth)
        outcome = run.run(lambda: process.launch(self, upgrade, self._scratch, self._cli.binary, {}, self.task_vars, cluster.now))
        if lock and run.helm_runs:
            lock.keep()
        result = conclusion.report(
            cluster,
            plan.planned,
            outcome,
            post_check.expected_version(plan.planned, args["expected_version"]),
            self.say,
            verify=args["verify"],
            probe=prober,
            probes=args["probe"] != "false",
            interrupted=self._interrupt,
            key=plan.key,
            folder=args["report_dir"],
            always=args["report_always"],
            clean=self.redactor,
            host=self.host,
        )
        return result | {"changed": run.made}


def _would(plan: Plan, wanted: Wanted) -> str:
    """The sentence of check mode."""
    text = f"would change: {plan.difference.phrase()}" if plan.difference else "nothing would change"
    leaving = keep.leaving([plan.live] if plan.live else [], plan.planned, wanted.namespace)
    return text + "".join(f"; {data.name} leaves the release and would be kept with its data" for data in leaving)
