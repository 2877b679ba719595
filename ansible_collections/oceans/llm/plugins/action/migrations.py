# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of oceans.llm.migrations: `gateway migrate --status`, `--check` or `--apply` as a one-off Job of the deployed image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ansible_collections.oceans.llm.plugins.plugin_utils import playbooks
from ansible_collections.oceans.llm.plugins.plugin_utils.action_base import ClusterAction, Refused, documented, for_people
from ansible_collections.oceans.llm.plugins.plugin_utils.gateway import one_off_job
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.lock import Lock
from ansible_collections.oceans.llm.plugins.plugin_utils.helm.releases import Release
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.objects import part
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle import asked, migrations, named, policy, restore_point
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.asked import Schema
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout import conclusion, unrecorded
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.database_look import DatabaseLook, Seen
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.follow import Follower
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.guard import Guard
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.interrupt import Interrupt
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.model import Scope
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.post_check import Expected
from ansible_collections.oceans.llm.plugins.plugin_utils.rollout.verdict import State

APPLY = ("migrations", "-e oceans_llm_migrate=apply")


class ActionModule(ClusterAction):
    """Ask what is pending; with `apply`, apply it under the release's lease."""

    ARGUMENTS = documented("migrations")

    def act(self, args: dict[str, Any], cluster: Cluster) -> dict[str, Any]:
        args["allow_destructive"] = named.parse(args["allow_destructive"])
        release = self._deployed(cluster, args["namespace"], args["name"])
        schema = asked.pending(cluster, args["namespace"], release, trial=False) if self._task.check_mode else self._asked(cluster, release)
        for version in schema.versions or ():
            self.say(f"V{version} pending: {migrations.kind(version)}, {migrations.reason(version)}")
        found: dict[str, Any] = {"pending": None if schema.versions is None else list(schema.versions), "database": schema.newest}
        if args["command"] == "apply":
            return found | self._apply(args, cluster, release, schema)
        if not self._task.check_mode:
            look = DatabaseLook(cluster, args["namespace"], release.objects)
            found["blocked_by"] = next(iter(look.looks()), Seen()).blocked_by
        text = _said(schema)
        if found.get("blocked_by"):
            text += f"; a database session of the gateway waits for a lock that another session holds: {found['blocked_by']}"
        if args["command"] == "check" and schema.versions != ():
            return found | {"failed": True, "changed": False, "msg": f"{text} — apply the migrations: {playbooks.command(*APPLY)}"}
        self.say(text)
        return found | {"changed": False, "msg": text}

    def _deployed(self, cluster: Cluster, namespace: str, name: str) -> Release:
        """The release with the gateway's Deployment as it is in the cluster. :raises Refused: when there is none."""
        release = unrecorded.latest(cluster, namespace, name, self.say)
        gateway = part(release.manifest, "Deployment") if release else None
        live = cluster.find(paths.deployment(namespace, gateway["metadata"]["name"])) if gateway else None
        if release is None or live is None:
            raise Refused(f"no gateway of release {name} in namespace {namespace} on {cluster.server}; deploy the gateway first: {playbooks.command('deploy')}")
        return replace(release, manifest=(*(o for o in release.manifest if o is not gateway), {"kind": "Deployment", **live}))

    def _asked(self, cluster: Cluster, release: Release) -> Schema:
        """What the deployed image says. :raises Refused: with its words."""
        self.say("a Job asks the gateway's image for its migrations, which takes some seconds")
        schema = asked.by_image(cluster, release)
        if schema.versions is None:
            raise Refused(f"`gateway migrate --status` failed: {schema.why}; nothing was changed")
        return schema

    def _apply(self, args: dict[str, Any], cluster: Cluster, release: Release, schema: Schema) -> dict[str, Any]:
        if schema.versions == ():
            self.say(_said(schema))
            return {"changed": False, "applied": [], "msg": _said(schema)}
        self._allowed(args, cluster, release, schema)
        if self._task.check_mode:
            return {"changed": True, "applied": [], "msg": f"would apply: {_said(schema)}"}
        lock = Lock(cluster, args["namespace"], args["name"], self.say)
        with lock.of(release.revision), Interrupt(stdout=for_people()) as interrupt:
            return self._followed(args, cluster, release, schema.versions or (), interrupt, lambda: lock.lost)

    @staticmethod
    def _allowed(args: dict[str, Any], cluster: Cluster, release: Release, schema: Schema) -> None:
        """:raises Refused: as in an upgrade (lifecycle/policy.py)."""
        point = restore_point.latest(cluster, args["namespace"], args["name"])
        age = cluster.now() - point.created if point and point.schema_version in (None, schema.newest) else None
        allowed = args["allow_destructive"]
        now = policy.Situation(
            policy.Moment.BEFORE, pending=schema.versions, restore_point=age, empty=schema.newest == 0,
            allowed=allowed.migrations, named=allowed.release(asked.version(release)),
        )  # fmt: skip
        if not policy.decide(now).may_start:
            names = ",".join(f"V{v}" for v in migrations.destructive(schema.versions or ()))
            what = f"{_said(schema)}; these migrations delete data, and there is no usable restore point; nothing was changed"
            raise Refused(
                f"{what} — take a restore point ({playbooks.command('restore_point')}), "
                f"or accept the loss: {playbooks.command(*APPLY)} -e oceans_llm_allow_destructive={names}"
            )

    def _followed(
        self, args: dict[str, Any], cluster: Cluster, release: Release, pending: tuple[int, ...], interrupt: Interrupt, lost: Callable[[], str]
    ) -> dict[str, Any]:
        """The Job to its end; stopped when it fails, so that nothing migrates any more."""
        namespace, name, timeout = args["namespace"], args["name"], args["timeout"]
        live = part(release.manifest, "Deployment") or {}
        body = one_off_job.job(live, ["migrate", "--apply"], prefix=f"{name}-migrate-by-hand", component="migration", deadline=timeout)
        job = cluster.create(paths.jobs(namespace), body)["metadata"]["name"]
        self.say(f"running `gateway migrate --apply` as Job/{job}")
        follower = Follower(
            cluster, Scope(deployments=(), jobs=(job,), namespace=namespace, release=name), self.say, timeout,
            clean=self.redactor, interrupted=interrupt, database=DatabaseLook(cluster, namespace, release.objects), lost=lost,
        )  # fmt: skip
        guard = Guard(cluster, follower, changes=True)
        guard.start()
        outcome = guard.run(None)
        left = asked.pending(cluster, namespace, release, trial=True).versions
        applied = [] if left is None else [version for version in pending if version not in left]
        if outcome.state is State.FAILED:
            result = conclusion.report(cluster, release, outcome, Expected(""), self.say, conclusion.Ending.of(self, args, probes=False, interrupted=interrupt))
            return conclusion.tell(result | {"changed": bool(applied), "applied": applied}, interrupt, self.say, verbose=self.verbose)
        text = f"{outcome.database or 'migrations applied'} ({outcome.seconds:.1f} s)"
        self.say(text)
        return {"changed": bool(applied), "applied": applied, "msg": text}


def _said(schema: Schema) -> str:
    special = {None: "the state of the database is not known", 0: "the database has no tables of the gateway"}
    at = special.get(schema.newest, f"database at V{schema.newest}")
    return f"{at}; pending migrations: {migrations.phrase(schema.versions) if schema.versions is not None else f'not known ({schema.why})'}"
