# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of oceans.llm.release: change a release with kubernetes.core.helm and tell the truth while it rolls out."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from typing import Any

from ansible_collections.oceans.llm.plugins.plugin_utils.action_base import ClusterAction, Refused
from ansible_collections.oceans.llm.plugins.plugin_utils.helm import changes, drift, keep, process, releases
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.changes import Changes
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.cli import Helm, HelmError, for_helm
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.lock import Held, Lock
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.releases import Release
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import ApiError, Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.objects import epoch
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import conclusion, database_look
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.database_look import DatabaseLook
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.follow import Follower
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.interrupt import Interrupt
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.scope import also_watched, scope_of
from ansible_collections.oceans.llm.plugins.plugin_utils.secrets import digest
from ansible_collections.oceans.llm.plugins.plugin_utils.secrets.digest import Written

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
    "report_always": {"type": "bool", "default": False},
    "digest_places": {"type": "list", "elements": "str", "default": ["gateway.podAnnotations"]},
    "force_conflicts": {"type": "bool", "default": False},
    "recover_after": {"type": "int", "default": 900},
    "secret_written": {"type": "dict", "default": {}, "no_log": False},
}


class Plan:
    """What is there, what is wanted, and what that changes."""

    def __init__(
        self, live: Release | None, planned: Release, values: dict[str, Any], difference: Changes, digests: digest.Digest, key: bytes | None
    ) -> None:
        self.live, self.planned, self.values, self.difference, self.digests, self.key = live, planned, values, difference, digests, key


class ActionModule(ClusterAction):
    """Plan, change, follow, check; one task for the user."""

    ARGUMENTS = ARGUMENTS

    def act(self, args: dict[str, Any], cluster: Cluster) -> dict[str, Any]:
        if self._connection.transport != "local":
            raise Refused(f"the cluster is reached from here, not from {self.host}: set connection: local (ansible_connection: local) for it")
        self._scratch = tempfile.mkdtemp(prefix="oceans-llm-")
        try:
            self._auth = for_helm(self.auth(args), self._scratch)
            helm = Helm(args["helm_binary"], self._auth)
            self._program = helm.binary
            chart = helm.pull(args["chart"], args["chart_version"], self._scratch)
            return self._release(args, cluster, helm, chart)
        except HelmError as error:
            raise Refused(f"Helm refused before anything was changed: {error}") from error
        except (Held, keep.NotKept) as reason:
            raise Refused(str(reason)) from reason
        finally:
            shutil.rmtree(self._scratch, ignore_errors=True)

    def _release(self, args: dict[str, Any], cluster: Cluster, helm: Helm, chart: str) -> dict[str, Any]:
        there = self._namespace(args, cluster)
        lock = Lock(cluster, args["namespace"], args["name"], self.say)
        lock.look()
        pending = releases.latest(cluster, args["namespace"], args["name"])
        if pending and pending.pending:  # Helm does not even plan on top of it
            if self._task.check_mode:
                what = f"revision {pending.revision} is {pending.status} since {pending.deployed_at}; it would be given up, and the release changed again"
                return {"changed": True, "changes": what, "chart": pending.chart, "msg": what}
            with lock.of(pending.revision + 1):
                self._recover(args, cluster, pending, lock)
        plan = self._plan(args, cluster, helm, chart, make_key=there and not self._task.check_mode)
        result: dict[str, Any] = {"changed": bool(plan.difference), "changes": plan.difference.phrase(), "chart": plan.planned.chart}
        if self.diff_wanted and plan.difference:
            result["diff"] = {"before": plan.difference.before, "after": plan.difference.after, "before_header": "live", "after_header": "planned"}
        if self._task.check_mode:
            text = f"would change: {plan.difference.phrase()}" if plan.difference else "nothing would change"
            leaving = keep.leaving([plan.live] if plan.live else [], plan.planned, args["namespace"])
            text += "".join(f"; {data.name} leaves the release and would be kept with its data" for data in leaving)
            self.say(text)  # Ansible shows a task's msg only with -v
            return result | {"msg": text}
        if not plan.difference:
            return result | self._follow(args, cluster, chart, plan)
        with lock.of(plan.planned.revision):
            self._still_so(args, cluster, plan)
            if plan.live:
                for name in keep.keep_live(cluster, releases.history(cluster, args["namespace"], args["name"]), plan.planned, args["namespace"]):
                    self.say(f"{name} leaves the release and is kept with its data ({keep.POLICY}: keep)")
            self.say(f"changing {args['namespace']}/{args['name']}: {_shortened(plan.difference.phrase())}")
            return result | self._follow(args, cluster, chart, plan)

    def _namespace(self, args: dict[str, Any], cluster: Cluster) -> bool:
        """True when the namespace is there (now); made when that was asked for."""
        name = args["namespace"]
        try:
            found = cluster.find(paths.namespace(name))
        except ApiError as error:
            if error.status != 403:
                raise
            return True  # not ours to see: what is done in it will tell
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

    # --- the plan ------------------------------------------------------------------------------------------------------

    def _plan(self, args: dict[str, Any], cluster: Cluster, helm: Helm, chart: str, make_key: bool) -> Plan:
        live = releases.latest(cluster, args["namespace"], args["name"])
        places = args["digest_places"]
        planned = helm.plan(args["name"], args["namespace"], chart, digest.with_placeholder(args["values"], places))
        key = self._key(args, cluster, make_key) if places else None
        written = Written.of(args["secret_written"], args["namespace"])
        digests = digest.work_out(cluster, args["namespace"], planned, live, key, written if self._task.check_mode else None)
        for secret in digests.data.values():
            self.redactor.learn_secret(secret)
        values = args["values"]
        if places:
            planned, values = digest.replace_placeholder(planned, digests, places, values)
        drifted = drift.find(cluster, args["namespace"], live) if live and live.status == "deployed" else {}
        difference = changes.compare(live, planned, drifted, digests.reasons(written))
        if drifted and planned.apply_method == "ssa" and not args["force_conflicts"]:
            self._conflicts(args, cluster, planned, drifted)
        return Plan(live, planned, values, difference, digests, key)

    def _key(self, args: dict[str, Any], cluster: Cluster, make: bool) -> bytes | None:
        try:
            return digest.key_of(cluster, args["namespace"], args["name"], make)
        except ApiError as error:
            if error.status != 403:
                raise
            self.say(f"a rotated Secret will not restart pods, its digest has no key: {error}")
            return None

    def _conflicts(self, args: dict[str, Any], cluster: Cluster, planned: Release, drifted: Mapping[str, Any]) -> None:
        """Helm 4 would stop in the middle of the upgrade; this says so before."""
        for obj in planned.manifest:
            if f"{obj.get('kind')}/{obj['metadata']['name']}" not in drifted:
                continue
            held = drift.conflicts(cluster, args["namespace"], obj, planned)
            if held:
                fields = ", ".join(f"{field} ({manager})" for field, manager in held)
                raise Refused(
                    f"{obj['kind']}/{obj['metadata']['name']}: these fields belong to another manager now: {fields}; nothing was changed — "
                    "set oceans_llm_force_conflicts: true to take them back, or leave the field out of the values"
                )

    def _still_so(self, args: dict[str, Any], cluster: Cluster, plan: Plan) -> None:
        """Between the plan and the lock another run may have been at it."""
        now = releases.latest(cluster, args["namespace"], args["name"])
        if (now.revision if now else 0) != (plan.live.revision if plan.live else 0):
            raise Refused(
                f"{args['namespace']}/{args['name']} went to revision {now.revision if now else 0} while this run was planning; nothing was changed, run again"
            )

    def _recover(self, args: dict[str, Any], cluster: Cluster, live: Release, lock: Lock) -> None:
        """A revision that is still pending although nobody is at it any more. The lock is ours."""
        age = cluster.now() - epoch(live.deployed_at)
        what = f"revision {live.revision} is {live.status} since {live.deployed_at} ({age:.0f} s)"
        ours = lock.made(live.revision)
        if not ours and age < args["recover_after"]:
            raise Refused(
                f"{what}, and Helm was not started by this collection; nothing was changed — wait for it, or, when that Helm is gone, "
                "run again with recover_after: 0 (oceans_llm_recover_after)"
            )
        who = f"by a run that is gone ({lock.last_holder()})" if ours else "by somebody else's Helm"
        self.say(f"{what}, left {who}; it is marked as failed and the run goes on")
        releases.give_up(cluster, live, f"given up by oceans.llm: its owner is gone ({live.status} since {live.deployed_at})")

    # --- the change ----------------------------------------------------------------------------------------------------

    def _follow(self, args: dict[str, Any], cluster: Cluster, chart: str, plan: Plan) -> dict[str, Any]:
        change = bool(plan.difference)
        with Interrupt() as interrupt:
            follower = Follower(
                cluster,
                scope_of(plan.planned, args["namespace"], args["name"], hooks=change),
                self.say,
                args["timeout"],
                fences=change,
                clean=self.redactor,
                also=also_watched(plan.planned, args["namespace"], args["name"]),
                interrupted=interrupt,
                secret_keys=plan.digests.keys(),
                database=DatabaseLook(cluster, args["namespace"], database_look.target(plan.digests.data.values())),
            )
            follower.start()
            self._helm = self._launch(args, chart, plan, cluster) if change else None
            outcome = follower.run(self._helm)
            made = self._settle(args, cluster, plan) if change else False
            result = conclusion.report(
                cluster,
                plan.planned,
                outcome,
                args["expected_version"],
                self.say,
                key=plan.key,
                folder=args["report_dir"],
                always=args["report_always"],
                clean=self.redactor,
                host=self.host,
            )
            if change and not made and not result.get("failed"):
                text = (
                    f"Helm made no revision {plan.planned.revision} although a change was due ({_shortened(plan.difference.phrase())}); "
                    "the release is what it was — run kubernetes.core.helm with force for this release once, or report this as a defect of the collection"
                )
                result |= {"failed": True, "msg": text}
            if interrupt:
                interrupt.last_words(f"[{self.host}] {result['msg']}", self.say)
            return result | {"changed": made}

    def _launch(self, args: dict[str, Any], chart: str, plan: Plan, cluster: Cluster) -> process.Launch:
        wanted = process.Upgrade(args["name"], args["namespace"], chart, plan.values, args["timeout"], args["force_conflicts"], self._auth)
        return process.launch(self, wanted, self._scratch, self._program, {}, self.task_vars, cluster.now)

    def _settle(self, args: dict[str, Any], cluster: Cluster, plan: Plan) -> bool:
        """True when Helm made its revision, so that something was changed.

        A Helm that was killed hard leaves its revision pending; nobody else is at it (the lock is ours), so it is marked as failed.
        """
        try:
            now = releases.latest(cluster, args["namespace"], args["name"])
            if now and now.pending and now.revision == plan.planned.revision and not (self._helm and self._helm.alive()):
                releases.give_up(cluster, now, "given up by oceans.llm: Helm ended without a word")
                self.say(f"Helm left revision {now.revision} {now.status}; it is marked as failed")
            return now is not None and now.revision >= plan.planned.revision
        except ApiError as error:
            self.say(f"the release's own state could not be looked at: {error}")
            return True  # not known: better to say so than to hide a change


def _shortened(phrase: str) -> str:
    return phrase if len(phrase) <= 400 else f"{phrase[:400]}…"
