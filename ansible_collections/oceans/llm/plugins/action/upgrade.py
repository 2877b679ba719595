# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of oceans.llm.upgrade: oceans.llm.deploy with the policy of docs/lifecycle.md before it, and where it allows that a rollback after it."""

from __future__ import annotations

import dataclasses
import time
from functools import partial
from typing import Any

from ansible_collections.oceans.llm.plugins.action import deploy, rollback
from ansible_collections.oceans.llm.plugins.plugin_utils import playbooks
from ansible_collections.oceans.llm.plugins.plugin_utils.action_base import Refused, documented
from ansible_collections.oceans.llm.plugins.plugin_utils.helm import releases
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.lock import Lock
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.recorded import NotRecorded
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.releases import Release
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle import asked, migrations, named, policy, restore_point, statement, taking, target
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.asked import Schema
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.deployed import NotPossible
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.policy import Decision, Moment, OnFailure, Situation
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.source import Source
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.taking import Wish
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import going_back
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.plan import Plan, Wanted


class ActionModule(rollback.ActionModule):
    """State the plan, deploy, and after a failure decide by the table."""

    ARGUMENTS = documented("upgrade")

    def act(self, args: dict[str, Any], cluster: Cluster) -> dict[str, Any]:
        args["allow_destructive"] = named.parse(args["allow_destructive"])
        return deploy.ActionModule.act(self, args, cluster)

    def _run(self, args: dict[str, Any], cluster: Cluster) -> dict[str, Any]:
        wanted = self._wanted(args)
        #: (the revision to go back to, what was pending, the history of before) once the plan was agreed to
        self._agreed: tuple[Release | None, Schema, tuple[int, ...] | None] | None = None
        result = self._release(args, wanted, cluster, partial(self._agree, args, wanted, cluster))
        if result.get("failed") and self._agreed and self._agreed[0]:
            return self._after(args, cluster, result, *self._agreed)
        return result

    def _agree(self, args: dict[str, Any], wanted: Wanted, cluster: Cluster, plan: Plan) -> None:
        """Say what is going to happen. :raises Refused: when the table does not let it start."""
        if not plan.difference:
            return
        back = target.last_good(releases.history(cluster, wanted.namespace, wanted.name))
        schema = asked.pending(cluster, wanted.namespace, plan.planned, trial=bool(plan.live) and not self._task.check_mode)
        wish = Wish.of(args["restore_point"], args["timeout"])
        point = restore_point.latest(cluster, wanted.namespace, wanted.name)
        usable = point if point and point.schema_version in (None, schema.newest) else None
        way, why = self._how(cluster, plan.live if schema.versions != () and schema.newest != 0 else None, wish)
        decision = self._before(args, plan, back is not None, schema, 0.0 if way else cluster.now() - usable.created if usable else None)
        said = f"a new restore point is taken first ({way})" if way else statement.restore_point(point, cluster.now()) + why
        self._stated = statement.data(back, plan.planned, schema, decision, args["on_failure"])
        for line in statement.lines(self._stated, schema, said):
            self.say(line)
        if way and plan.live and not self._task.check_mode:
            point, why = self._taken(cluster, plan.live, wish, point)
            if why:
                decision = self._before(args, plan, back is not None, schema, cluster.now() - usable.created if usable else None)
        self._stated |= {"state": decision.state.value, "may_start": decision.may_start}
        known = {**dataclasses.asdict(point), "age_seconds": round(cluster.now() - point.created)} if point else {}
        self._stated["restore_point"] = {"way": way, "known": known, "usable": bool(usable or (way and not why)), "not_taken": why.removeprefix(", and ")}
        if not decision.may_start:
            raise Refused(_stopped(schema, why, asked.version(plan.planned), decision))
        self._agreed = back, schema, schema.history

    def _before(self, args: dict[str, Any], plan: Plan, older: bool, schema: Schema, age: float | None) -> Decision:
        """The row for an upgrade with a restore point of this age in seconds."""
        allowed = args["allow_destructive"]
        return policy.decide(
            Situation(
                Moment.BEFORE, old_version=older, pending=schema.versions, restore_point=age, empty=schema.newest == 0,
                allowed=allowed.migrations, named=allowed.release(asked.version(plan.planned)),
            )
        )  # fmt: skip

    @staticmethod
    def _how(cluster: Cluster, live: Release | None, wish: Wish) -> tuple[str, str]:
        """(how a restore point is taken, why none is); both empty when nothing that holds data is migrated."""
        if live is None or wish.way == "none":
            return "", ""
        try:
            return taking.ways(cluster, Source.read(cluster, live), wish)[0], ""
        except NotPossible as error:
            return "", f", and none can be taken: {error}"

    def _taken(self, cluster: Cluster, live: Release, wish: Wish, known: restore_point.RestorePoint | None) -> tuple[restore_point.RestorePoint | None, str]:
        """Take a restore point, as the only run that changes the release: (it, nothing), or (the one that was known, why there is no new one)."""
        with Lock(cluster, live.namespace, live.name, self.say).of(live.revision):
            try:
                return taking.take(cluster, live, wish, self.say), ""
            except NotPossible as error:
                self.say(f"no restore point was taken: {error}")
                return known, f", and none could be taken: {error}"

    def _after(
        self, args: dict[str, Any], cluster: Cluster, result: dict[str, Any], back: Release, schema: Schema, before: tuple[int, ...] | None
    ) -> dict[str, Any]:
        """After a failed upgrade: back by itself where that was asked for and the table allows it; else how."""
        decision = self._judge(cluster, args["namespace"], back, schema, before)
        what = f"revision {back.revision} ({asked.version(back)})"
        automatic = args["on_failure"] == OnFailure.ROLLBACK.value and result["outcome"] == "failed"
        safe = not self._helm_runs and not self._outcome.not_fenced  # nothing changes the database or the release any more
        if automatic and safe and decision.on_failure is OnFailure.ROLLBACK:
            return self._rolled_back(args, cluster, result, back, what)
        known = asked.knows(back)
        point = restore_point.fitting(cluster, args["namespace"], args["name"], known.version if known else None)
        how = playbooks.filled(decision.command.format(target=back.revision, versions="", point=point.name if point else "NAME"))
        if not decision.may_go_back:
            text = f"a rollback to {what} is not possible: {decision.state.value}; {decision.until} — {how}"
        else:
            text = f"a rollback to {what} is possible until {decision.until} — {how}"
        return result | {"msg": f"{result['msg']} — {text}"}

    def _judge(self, cluster: Cluster, namespace: str, back: Release, schema: Schema, before: tuple[int, ...] | None) -> Decision:
        """The row for the database as it is now, and for what the old image says of it."""
        found, _why = asked.history(cluster, namespace, back)
        committed: tuple[int, ...] | None = tuple(v for v in found if v not in before) if found is not None and before is not None else None
        if schema.versions == () or (found is None and schema.newest is not None and asked.by_image(cluster, back, namespace).newest == schema.newest):
            committed = ()
        said = asked.fits(cluster, namespace, back, found, trial=True)[0] if committed else going_back.Says.UNKNOWN
        old_pods = going_back.old_replicaset(self._outcome.snapshot) is not None
        return policy.decide(Situation(Moment.FAILED, pending=schema.versions, committed=committed, old_image=said, old_pods=old_pods))

    def _rolled_back(self, args: dict[str, Any], cluster: Cluster, result: dict[str, Any], back: Release, what: str) -> dict[str, Any]:
        """The failed result, with what became of the rollback in `rollback` and at the end of its sentence."""
        begun = time.monotonic()
        self.say(f"the upgrade has failed ({result['code']}); rolling back to {what}")
        try:
            done = self._back_to(args, back, cluster)
        except (Refused, NotRecorded) as error:
            done = {"failed": True, "outcome": "refused", "msg": str(error)}
        seconds = round(time.monotonic() - begun, 1)
        served = f"rolled back: {what} serves again, {seconds} s after the failure"
        text = f"the rollback to {what} failed: {done['msg']}" if done.get("failed") else served
        told = {"revision": back.revision, "version": asked.version(back), "outcome": done["outcome"], "seconds": seconds}
        return result | {"rollback": told, "changed": True, "msg": f"{result['msg']} — {text}"}


def _stopped(schema: Schema, why: str, version: str, decision: Decision) -> str:
    """Why the upgrade does not start, and what to do. `why`: no restore point could be taken."""
    names = ",".join(f"V{v}" for v in migrations.destructive(schema.versions or ())) or version
    allow = playbooks.filled(decision.command.format(versions=names))
    what = (
        f"the upgrade to {version} was not started; pending migrations: {statement.pending(schema)}; "
        f"there is no restore point of this schema that is recent enough{why}"
    )
    return f"{what}; the release was not changed — run the playbook with oceans_llm_restore_point: auto, or accept the loss of data: {allow}"
