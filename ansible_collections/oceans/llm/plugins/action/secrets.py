# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of oceans.llm.secrets: one Secret, written key by key with an own field manager, values never told."""

from __future__ import annotations

from typing import Any

from ansible_collections.oceans.llm.plugins.plugin_utils.action_base import ClusterAction, Refused, documented
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import namespaces, paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import ApiError, Cluster, unless_forbidden
from ansible_collections.oceans.llm.plugins.plugin_utils.secrets import digest, plan
from ansible_collections.oceans.llm.plugins.plugin_utils.secrets.plan import MANAGER, Plan

TRIES = 3  # somebody else may write the same Secret at the same moment


class ActionModule(ClusterAction):
    """Read, plan, apply; a plan without a difference writes nothing."""

    ARGUMENTS = documented("secrets")

    def act(self, args: dict[str, Any], cluster: Cluster) -> dict[str, Any]:
        self.redactor.learn(plan.as_bytes(v) for v in args["data"].values())
        where = f"Secret/{args['name']} in namespace {args['namespace']}"
        if args["source"] == "provision":
            return self._provision(args, cluster, where)
        if args["source"] == "existing":
            return self._existing(args, cluster, where)
        who = "External Secrets Operator creates the Secret" if args["source"] == "external_secrets" else "the chart creates the Secret"
        return {"changed": False, "msg": f"nothing to write: {who}"}

    def _existing(self, args: dict[str, Any], cluster: Cluster, where: str) -> dict[str, Any]:
        live = self._read(cluster, args)
        if live is None and "secretmissing" in map(str.lower, args["waive"]):
            return {"changed": False, "msg": f"{where} does not exist yet (SecretMissing is waived); nothing was written", "key_names": []}
        if live is None:
            raise Refused(
                f"{where} does not exist on {cluster.server}, and oceans_llm_secrets_source is 'existing'; create the Secret, set oceans_llm_secret_name, or "
                "add SecretMissing to oceans_llm_preflight_waive if the Secret is created later (Secrets Store CSI driver)"
            )
        return {"changed": False, "msg": f"{where} exists and is managed outside this role; nothing was written", "key_names": sorted(live.get("data") or {})}

    def _provision(self, args: dict[str, Any], cluster: Cluster, where: str) -> dict[str, Any]:
        self._refuse_shapes(args, where)
        namespace = namespaces.ensure(cluster, args["namespace"], args["create_namespace"], bool(self._task.check_mode))
        digest = ""
        for attempt in range(1, TRIES + 1):
            live = None if namespace == namespaces.PLANNED else self._read(cluster, args)
            self.redactor.learn_secret(live or {})
            planned = plan.plan(live, args["data"], args["generate"])
            self.redactor.learn(planned.data.values())
            self._refuse_foreign(planned, args, where)
            bare = bool(live and cluster.common.missing(live, plan.body(args["namespace"], args["name"], args["labels"], {}, None)))
            if (planned.writes or bare) and namespace != namespaces.PLANNED:
                try:
                    written = self._write(args, cluster, live, planned)
                    digest = self._foreseen(args, cluster, written) if self._task.check_mode else ""
                except ApiError as error:
                    if error.status == 409 and attempt < TRIES:
                        continue  # made or changed since it was read: look again, and generate nothing twice
                    raise
            break
        result = self._result(planned, where, namespace)
        if bare:
            result["changed"] = True
            self.say(f"{where}: labels and annotations")
        if planned.writes:
            keys = sorted({*planned.added, *planned.changed})
            result["written"] = {"namespace": args["namespace"], "name": args["name"], "changed_keys": keys, "digest": digest}
        return result

    def _refuse_shapes(self, args: dict[str, Any], where: str) -> None:
        """A code that is waived in preflight is waived here, too, and shown."""
        waived = {code.lower() for code in args["waive"]}
        impossible = {key for key, problem in plan.unwritable(args["data"]) if problem.code != "SecretNotQuoted"}
        wrong = []
        for key, problem in plan.problems(args["data"]):
            line = f"{problem.sentence} — {problem.hint}"
            if problem.code.lower() in waived and key not in impossible:
                self.say(f"{where}: WAIVED {problem.code} {line}")
            elif problem.warning:
                self.say(f"{where}: WARNING {problem.code} {line}")
            else:
                wrong.append(line)
        if wrong:
            raise Refused(f"{where} was not written: " + "; ".join(wrong))

    def _foreseen(self, args: dict[str, Any], cluster: Cluster, wanted: dict[str, Any]) -> str:
        """The digest that pods of the release would get; empty when it has no key yet, or the key may not be read."""
        self.redactor.learn_secret(wanted)
        key = unless_forbidden(lambda: digest.key_of(cluster, args["namespace"], args["release"], make=False), None) if args["release"] else None
        return digest.digest(wanted.get("data") or {}, key) if key else ""

    def _write(self, args: dict[str, Any], cluster: Cluster, live: dict[str, Any] | None, planned: Plan) -> dict[str, Any]:
        """The Secret as the API server has it then; in check mode as it would have it."""
        dry = bool(self._task.check_mode)
        if live is None and not dry:
            # made empty first: of two runs at once only one can make it, so no generated key is overwritten
            live = cluster.create(paths.secrets(args["namespace"]), plan.body(args["namespace"], args["name"], args["labels"], {}, None))
        version = live["metadata"]["resourceVersion"] if live else None
        wanted = plan.body(args["namespace"], args["name"], args["labels"], planned.data, version)
        if live and live.get("type"):
            wanted["type"] = live["type"]  # cannot be changed, and is not ours to change
        wanted = cluster.common.on(wanted)  # of a dry run, too: some clusters refuse an object without them
        return cluster.apply(paths.secret(args["namespace"], args["name"]), wanted, manager=MANAGER, force=True, dry_run=dry)

    @staticmethod
    def _read(cluster: Cluster, args: dict[str, Any]) -> dict[str, Any] | None:
        return cluster.find(paths.secret(args["namespace"], args["name"]))

    @staticmethod
    def _refuse_foreign(planned: Plan, args: dict[str, Any], where: str) -> None:
        if planned.foreign and not args["force"]:
            who = ", ".join(f"{key} (set by {manager})" for key, manager in planned.foreign)
            raise Refused(
                f"{where} was not written: another field manager has set a different value for {who}; "
                "remove the key from oceans_llm_secrets, or set oceans_llm_secrets_force: true to overwrite the value"
            )

    def _result(self, planned: Plan, where: str, namespace: str) -> dict[str, Any]:
        lines = planned.lines()
        result: dict[str, Any] = {"changed": planned.writes or namespace != namespaces.EXISTS, "name": where, "key_names": sorted(planned.data)}
        result |= {"added": list(planned.added), "modified": list(planned.changed), "generated": list(planned.generated), "unlisted": list(planned.unlisted)}
        if planned.writes:
            self.say(f"{where}: {', '.join(lines)}")
        for key in planned.unlisted:
            self.say(
                f"{where}: {key} is no longer listed in oceans_llm_secrets and was kept; when nothing reads the key any more, remove it: kubectl edit secret"
            )
        if self.diff_wanted and planned.writes:
            before = "".join(f"{key}\n" for key in planned.changed)
            after = "".join(f"{key} (changed)\n" for key in planned.changed) + "".join(f"{line[2:]}\n" for line in lines if line.startswith("+ "))
            result["diff"] = {"before": before, "after": after, "before_header": where, "after_header": where}
        return result
