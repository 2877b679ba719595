# Copyright (c) 2026, oceans.llm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action of oceans.llm.rotate: new secrets in use, old ones refused, one rollout, counted before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.oceans.llm.plugins.action import deploy, secrets
from ansible_collections.oceans.llm.plugins.plugin_utils import playbooks
from ansible_collections.oceans.llm.plugins.plugin_utils.action_base import ClusterAction, Refused, documented
from ansible_collections.oceans.llm.plugins.plugin_utils.helm import releases
from ansible_collections.oceans.llm.plugins.plugin_utils.kube import paths
from ansible_collections.oceans.llm.plugins.plugin_utils.kube.client import Cluster, ClusterError
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle import external, held, rotation, rotation_steps
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.accounts import Accounts
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.deployed import Gateway
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.rotation import Inventory, Value
from ansible_collections.oceans.llm.plugins.plugin_utils.lifecycle.rotation_steps import STEPS, Run, Step
from ansible_collections.oceans.llm.plugins.plugin_utils.secrets import digest
from ansible_collections.oceans.llm.plugins.plugin_utils.secrets.plan import as_bytes, values_of


class ActionModule(ClusterAction):
    """Plan and count, write the Secret, roll out by oceans.llm.deploy, prove."""

    ARGUMENTS = documented("rotate")

    def act(self, args: dict[str, Any], cluster: Cluster) -> dict[str, Any]:
        kinds = [kind for kind in rotation.CLASSES if kind in args["classes"]]
        if not kinds:
            return {"changed": False, "msg": f"nothing to rotate: set oceans_llm_rotate to one or more of {', '.join(rotation.CLASSES)}"}
        self.redactor.learn(as_bytes(v) for v in (args["secrets"].get("data") or {}).values())
        gateway = Gateway.of(cluster, args["namespace"], args["name"], self.say)
        self.redactor.learn(gateway.secret_values())
        accounts = Accounts(cluster, gateway)
        if rotation.ENCRYPTION in kinds:
            raise Refused(rotation_steps.lost_with_encryption_keys(accounts))
        before = held.read(cluster, args["namespace"], held.rotation(args["name"]))
        self.redactor.learn(value.encode() for value in before.values())
        inventory = self._inventory(args, cluster, gateway, before)
        if inventory.external and not self._task.check_mode:
            gateway, inventory = self._refreshed(args, cluster, gateway, kinds, inventory)
        try:
            values, steps, run = self._steps(args, cluster, gateway, accounts, kinds, inventory)
        except Refused as error:
            if not (inventory.refreshed and inventory.held):
                raise
            raise Refused(
                f"{error}; the Secret already has the new values of the store, which the running pods do not use — correct the values in the store, or "
                "oceans_llm_rotate, and run the playbook again"
            ) from error
        if self._task.check_mode:
            return {"changed": True, "msg": f"would rotate {', '.join(kinds)}", "rotated": [_told(kind, step) for kind, step in steps.items()]}
        return self._rotate(args, cluster, inventory, values, steps, run)

    def _steps(
        self, args: dict[str, Any], cluster: Cluster, gateway: Gateway, accounts: Accounts, kinds: Sequence[str], inventory: Inventory
    ) -> tuple[list[Value], dict[str, Step], Run]:
        """What is going to be done, counted and said. :raises Refused: when one class may not be rotated."""
        run = Run(cluster, gateway, accounts, args["name"], args["timeout"], self.say, held=inventory.held)
        values = rotation.plan(gateway, inventory, kinds, rotation_steps.unfinished(run, kinds, bool(self._task.check_mode)))
        self.redactor.learn(value.new.encode() for value in values)
        args["deploy"]["probe_model"] = self._model(args, values)
        run = replace(run, model=args["deploy"]["probe_model"])
        steps = {kind: STEPS[kind](run, [v for v in values if v.kind == kind]) for kind in kinds}
        self._refuse_drift(args, cluster, inventory)
        for kind, step in steps.items():
            step.before()
            self.say(f"{kind}: {', '.join(v.name for v in step.values)}: {step.invalid()}")
        return values, steps, run

    def _rotate(self, args: dict[str, Any], cluster: Cluster, inventory: Inventory, values: list[Value], steps: Mapping[str, Step], run: Run) -> dict[str, Any]:
        remembered = {name: value for step in steps.values() for name, value in step.remember().items()}
        self.redactor.learn(value.encode() for value in remembered.values())
        name = held.rotation(args["name"])
        if remembered:
            held.put(cluster, run.gateway.deployment, name, {**remembered, **run.held}, held.MANAGER)
        written: dict[str, Any] = {}
        if inventory.source == "provision":
            fresh = {v.key: v.new for v in values if inventory.owns(v.secret) and v.key not in inventory.listed and v.known}
            arguments = {**args["secrets"], "data": {**inventory.listed, **fresh}}
            written = self.through(secrets.ActionModule, arguments, cluster, check=False)
        given = {**args["deploy"], "secret_written": written.get("written") or {}}
        if run.model and given.get("probe", "auto") == "auto":
            given["probe"] = "true"  # an earlier run that broke off may have replaced the pods, and then nothing changes
        served = self.through(deploy.ActionModule, given, cluster, check=False)
        if served.get("failed"):
            secrets_ = ", ".join(sorted({f"Secret/{v.secret}" for v in values}))
            state = f"the new values are in {secrets_}, and old pods may still use the old values; fix the cause, then run the playbook again"
            return {**served, "changed": True, "msg": f"{served['msg']} — {state}"}
        answered = (served.get("completion") or {}).get("status") == 200
        told: list[dict[str, Any]] = []
        for kind, step in steps.items():
            step.run = run if answered else replace(run, model="")
            try:
                step.after()
                new, old = step.proof()
            except ClusterError as error:
                done = f"; rotated before: {', '.join(t['class'] for t in told)}" if told else ""
                raise Refused(f"the rotation of {kind} could not be verified after the rollout: {error}{done}") from error
            self.say(f"{kind}: new: {new}; old: {old}")
            told.append({**_told(kind, step), "new": new, "old": old})
        proven = {*remembered, *(value.place_held for value in values)}
        left = {key: value for key, value in run.held.items() if key not in proven}  # of classes that another run has to finish
        if left:
            held.put(cluster, run.gateway.deployment, name, left, held.MANAGER)
        elif remembered or run.held:
            held.remove(cluster, args["namespace"], name)
        return {"changed": True, "rotated": told, "msg": f"rotated {', '.join(steps)}", "seconds": served.get("seconds")}

    @staticmethod
    def _model(args: dict[str, Any], values: list[Value]) -> str:
        """No completion is asked for with a key that the gateway does not know yet: the seed comes after the rollout."""
        seeded = {(value.secret, value.key) for value in values if value.kind == rotation.ACCOUNTS}
        given = args["deploy"]
        probe = (given.get("probe_key_secret") or args["secrets"].get("name"), given.get("probe_key_name"))
        return "" if probe in seeded else str(given.get("probe_model") or "")

    def _inventory(self, args: dict[str, Any], cluster: Cluster, gateway: Gateway, before: Mapping[str, str]) -> Inventory:
        release = releases.latest(cluster, args["namespace"], args["name"])
        if release is None:
            raise Refused(
                "a rotation restarts the pods by Helm, which has no record of this release; nothing was changed — change the value with the tool that applied "
                f"the release, then restart the pods: kubectl -n {gateway.namespace} rollout restart deployment/{gateway.deployment['metadata']['name']}"
            )
        manifest = release.manifest
        given = args["secrets"]
        listed = given.get("data") or {}
        if given["source"] == "inline":
            listed = deploy.inline_secrets(args["deploy"].get("values") or {})
            self.redactor.learn(as_bytes(v) for v in listed.values())
        rendered = frozenset(o["metadata"]["name"] for o in manifest if o.get("kind") == "Secret")
        due = digest.outdated(cluster, gateway.deployment, digest.key_of(cluster, args["namespace"], args["name"], make=False))
        made = external.targets(manifest)
        if given["source"] == "existing":
            made |= external.owners(cluster, gateway.namespace, gateway.secrets() - set(made))
        return Inventory(given["source"], given["name"], listed, given.get("generate") or [], rendered, due, made, held=before)

    def _refreshed(self, args: dict[str, Any], cluster: Cluster, gateway: Gateway, kinds: Sequence[str], inventory: Inventory) -> tuple[Gateway, Inventory]:
        """Gateway and inventory after a refresh from the external store. What it replaces is held, because the running pods have it."""
        names = [name for kind in kinds for name, _place in rotation.variables_of(gateway.config, kind)]
        sources = {name: v.source for name in names if (v := gateway.variable(name))}
        places = {name: source for name, source in sources.items() if source.kind == "Secret" and source.object in inventory.external}
        secrets_ = {place.object for place in places.values()}
        if secrets_ - inventory.due:
            self._refuse_drift(args, cluster, inventory)
        for secret in sorted(secrets_):
            external.refresh(cluster, gateway.namespace, inventory.external[secret], self.say)
        fresh = Gateway.of(cluster, args["namespace"], args["name"], self.say)
        self.redactor.learn(fresh.secret_values())
        in_use = {name: place for name, place in places.items() if place.object not in inventory.due}
        replaced = {f"{place.object}.{place.key}": gateway.value(name) for name, place in in_use.items() if fresh.value(name) != gateway.value(name)}
        if replaced:
            held.put(cluster, gateway.deployment, held.rotation(args["name"]), {**replaced, **inventory.held}, held.MANAGER)
        return fresh, replace(inventory, refreshed=True, held={**replaced, **inventory.held})

    def _refuse_drift(self, args: dict[str, Any], cluster: Cluster, inventory: Inventory) -> None:
        """A rotation rolls out new secrets and nothing else. :raises Refused: when a deployment would change more."""
        if inventory.due or inventory.held:
            return  # what an earlier run has left to do cannot be told from what else would change
        arguments = dict(args["deploy"])
        if inventory.source == "inline":
            live = {k: v.decode("utf-8", "replace") for name in inventory.rendered for k, v in self._live(args, cluster, name).items()}
            rendered = arguments.get("values") or {}
            arguments["values"] = {**rendered, "secrets": {**rendered["secrets"], "inline": {k: live.get(k, v) for k, v in inventory.listed.items()}}}
        planned = self.through(deploy.ActionModule, arguments, cluster, check=True, say=lambda _line: None)
        if planned.get("failed"):
            raise Refused(planned["msg"])
        if planned["changed"]:
            raise Refused(
                f"the inventory differs from the release in more than secrets ({planned['changes']}); deploy first ({playbooks.command('deploy')}), then rotate"
            )

    @staticmethod
    def _live(args: dict[str, Any], cluster: Cluster, name: str) -> dict[str, bytes]:
        return values_of(cluster.find(paths.secret(args["namespace"], name)))


def _told(kind: str, step: Step) -> dict[str, Any]:
    return {"class": kind, "keys": [v.name for v in step.values], "invalid": step.invalid()}
